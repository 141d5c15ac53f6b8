"""``assay claims``: a list, one claim, for a person and for a program."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from assay.claims_cli import claims
from assay.errors import InputError


@pytest.fixture
def told() -> Callable[..., str]:
    app = typer.Typer()
    app.command()(claims)

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, list(words))
        if done.exception is not None:
            raise done.exception
        return done.output

    return run


def test_every_claim_is_listed_with_what_the_tables_give(told: Callable[..., str]) -> None:
    lines = told().splitlines()
    row = next(line for line in lines if "start-reasoning" in line)
    assert row.count("+8.2 %") == 2
    assert "agrees" in row
    assert "59 claims: 15 agree, 6 disagree, 38 cannot be checked" in lines[-1]


def test_one_claim_shows_quote_cells_and_arithmetic(told: Callable[..., str]) -> None:
    printed = told("start-code")
    assert "a 12x boost in code performance" in printed
    assert "Table 2: balanced→text, continued, code: 4.8" in printed
    assert "4.8 / 0.4 = 12.0" in printed
    assert "not printed" in told("share-25-reasoning")


def test_a_program_reads_the_same(told: Callable[..., str]) -> None:
    listed = json.loads(told("--json"))
    assert len(listed) == 59
    one = json.loads(told("balanced-reasoning", "--json"))
    assert one in listed
    assert one["printed"] == ["51.8", "49.0"]
    assert one["rederived"]["verdict"] == "disagrees"
    assert one["rederived"]["off"] == pytest.approx(3.2 - 100 * (51.8 / 49 - 1))


def test_an_unknown_claim_or_folder_is_refused(told: Callable[..., str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no claim 'start-cod'; did you mean 'start-code'"):
        told("start-cod")
    with pytest.raises(InputError, match="is no run folder"):
        told("--study", str(tmp_path))
