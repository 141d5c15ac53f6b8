"""A study whose last stages are drawn twice from one trunk, by the real program on the real tiny corpus."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from assay.errors import InputError
from assay.study.plan import plan_study
from tiny_study import STUDY, TinyStudy

DRAWS = 3
KEYS = ["arm", "seed", "fork_seed", "task"]


@pytest.fixture(scope="module")
def drawn(tiny: Callable[[], TinyStudy]) -> TinyStudy:
    """A tiny study that ran once as it is, and once more in the same store with further draws."""
    study = tiny()
    for out, more in (("once", []), ("out", ["--set", f"fork_seeds={DRAWS}"])):
        done = study.assay("run", "study.yaml", "--out", out, *more)
        assert done.returncode == 0, done.stderr
    return study


def read(study: TinyStudy, out: str, name: str) -> Any:
    return json.loads((study.folder / out / name).read_text(encoding="utf-8"))


def bits(study: TinyStudy, out: str) -> dict[tuple[str, int, int, str], float]:
    """Bits per byte by (arm, seed, draw, task)."""
    table = pq.read_table(study.folder / out / "items")
    sums = table.group_by(KEYS).aggregate([("gold_bits", "sum"), ("gold_bytes", "sum")]).to_pylist()
    return {tuple(row[key] for key in KEYS): row["gold_bits_sum"] / row["gold_bytes_sum"] for row in sums}


def test_only_last_stages_are_trained_again(drawn: TinyStudy) -> None:
    before, after = (read(drawn, out, "plan.json")["design"]["tokens"] for out in ("once", "out"))
    steps = (2 + 2 + 5) * (DRAWS - 1)
    assert after["trained"] - before["trained"] == steps * 128 * 2
    ends = {title.rpartition(" to step ")[2] for title in drawn.made(drawn.folder / "out", "state")}
    assert len(drawn.made(drawn.folder / "out", "state")) == 3 * (DRAWS - 1) * 2
    assert ends == {"10", "12"}
    (tree,) = [line for line in drawn.assay("plan", "study.yaml", "--set", "fork_seeds=2").stdout.splitlines()
               if "half.decay, draw 2" in line]  # fmt: skip
    assert "linear" in tree


def test_draws_differ_and_the_first_is_the_study_without_them(drawn: TinyStudy) -> None:
    once, found = bits(drawn, "once"), bits(drawn, "out")
    assert {key: value for key, value in found.items() if key[2] == 0} == once
    assert {key[2] for key in found} == set(range(DRAWS))
    for arm in ("text.decay", "half.decay", "half.none"):
        assert len({found[arm, 0, draw, "heldout_text"] for draw in range(DRAWS)}) == DRAWS


def test_a_seeds_draws_are_averaged_and_count_as_one_seed(drawn: TinyStudy) -> None:
    found = bits(drawn, "out")
    results = read(drawn, "out", "results.json")
    (row,) = [
        row
        for row in results["contrasts"]
        if row["metric"] == "heldout_text/bits_per_byte" and (row["a"], row["b"]) == ("half.decay", "text.decay")
    ]
    means = {
        (arm, seed): np.mean([found[arm, seed, draw, "heldout_text"] for draw in range(DRAWS)])
        for arm in ("half.decay", "text.decay")
        for seed in range(2)
    }
    differences = [means["half.decay", seed] - means["text.decay", seed] for seed in range(2)]
    assert row["n_seeds"] == 2
    assert row["effect"] == pytest.approx(np.mean(differences), abs=1e-9)
    page = (drawn.folder / "out" / "report.html").read_text(encoding="utf-8")
    assert f"drawn {DRAWS} times from the trunk" in page


def test_the_ledger_counts_every_draw_and_the_page_does_not_add_them_up(drawn: TinyStudy) -> None:
    rows = read(drawn, "out", "ledger.json")
    assert [row for row in rows if "fork_seed" not in row] == read(drawn, "once", "ledger.json")
    again = [row for row in rows if row.get("fork_seed")]
    assert {row["fork_seed"] for row in again} == {1, 2}
    assert {(row["arm"], row["stage"]) for row in again} == {
        ("text.decay", "decay"), ("half.decay", "decay"), ("half.none", "text"),
    }  # fmt: skip
    from assay.report.ledger import stage_shares

    tokens = {(row["arm"], row["stage"], row["ingredient"]): row["tokens"] for row in stage_shares(rows)}
    assert tokens["text.decay", "decay", "text"] == 2 * 128


def test_item_records_tell_the_draw(drawn: TinyStudy) -> None:
    told = drawn.assay("items", "out", "arm=half.none", "seed=0", "task=colours").stdout
    assert "fork_seed" in told
    assert "fork_seed" not in drawn.assay("items", "once", "arm=half.none", "seed=0", "task=colours").stdout
    steps = [drawn.assay("trace", out, "--arm", "half.none", "--step", "9").stdout for out in ("once", "out")]
    assert steps[0] == steps[1] != ""


def test_draws_without_a_trunk_are_refused(tmp_path: Path, tiny: Callable[[], TinyStudy]) -> None:
    folder = tiny().folder
    lines = STUDY.replace("half.none: [half, text]", "half.none: [half]").replace("[text, text, decay]", "[text]")
    (folder / "flat.yaml").write_text(lines.replace("[half, text, decay]", "[text]") + "fork_seeds: 2\n")
    with pytest.raises(InputError, match=r"flat.yaml:\d+: 'fork_seeds: 2' draws each arm's last stage"):
        plan_study(str(folder / "flat.yaml"))
