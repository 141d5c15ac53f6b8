"""Numerics as a confound: what the phrase says, and that a run's results and page carry it."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.analyze.numerics import numerics_confound
from assay.run.identity import numerics, numerics_label
from tiny_study import TinyStudy

HERE = numerics_label()
OLDER = numerics_label({**numerics(), "instructions": "sse2", "torch": "2.6.0"})


def every(label: str, seeds: Sequence[int] = (0, 1, 2)) -> dict[int, list[str]]:
    return {seed: [label] for seed in seeds}


def test_what_was_computed_alike_has_no_confound() -> None:
    assert numerics_confound([every(HERE), every(HERE)]) is None


def test_only_the_fields_that_differ_are_told_each_with_its_name() -> None:
    now = numerics()
    told = numerics_confound([every(HERE), every(OLDER)])
    assert told == f"numerics: {now['instructions']} torch {now['torch']} against sse2 torch 2.6.0"
    threads = numerics_label({**now, "threads": "4"})
    assert numerics_confound([every(threads), every(HERE)]) == "numerics: 4 thread against 1 thread"


def test_labels_of_another_shape_are_told_whole() -> None:
    assert numerics_confound([every("tpu v5e"), every("cpu")]) == "numerics: tpu v5e against cpu"


@pytest.mark.parametrize(
    ("arms", "told"),
    [
        ([{0: ["x"], 1: ["y"]}, {0: ["y"], 1: ["x"]}], "x (seed 0) and y (seed 1) against y (seed 0) and x (seed 1)"),
        ([every("x"), {0: ["x"], 1: ["y"], 2: ["y"]}], "x against x (seed 0) and y (seeds 1, 2)"),
        ([every("x"), every("x"), every("y")], "x against y"),
    ],
)
def test_a_difference_in_any_seed_or_arm_is_told(arms: list[dict[int, list[str]]], told: str) -> None:
    assert numerics_confound(arms) == f"numerics: {told}"


def test_seeds_from_two_machines_are_told_even_where_both_arms_have_them_alike() -> None:
    arm = {0: ["x"], 1: ["x"], 2: ["y"]}
    assert numerics_confound([arm, arm]) == "numerics, in all arms alike: x (seeds 0, 1) and y (seed 2)"


@pytest.mark.slow
def test_a_run_names_it_beside_the_contrasts_of_that_arm_alone(tiny: Callable[[], TinyStudy]) -> None:
    """`half.none` stands in the contrast of the endings only: its records get another machine's label."""
    study = tiny()
    out = study.folder / "out"
    done = study.assay("run", study.study, "--out", out, "--set", "seeds=1")
    assert done.returncode == 0, done.stderr
    relabel(out, "half.none", OLDER)
    done = study.assay("report", out)
    assert done.returncode == 0, done.stderr
    here = pq.read_table(out / "items" / "half.decay.1M.s0.parquet")["numerics"][0].as_py()
    told = numerics_confound([{0: [here]}, {0: [OLDER]}])
    assert told and told.startswith("numerics: ")
    for row in json.loads((out / "results.json").read_text())["contrasts"]:
        named = [phrase for phrase in row["confounds"] if phrase.startswith("numerics")]
        assert named == ([told] if row["family"] == "end" else [])
    page = (out / "report.html").read_text()
    assert [line for line in page.splitlines() if "numerics: " in line] == [
        "<li>half.decay − half.none: total tokens: 1,536 against 1,280; text tokens seen: 1,216 against 960; "
        f"{told}</li>"
    ]


def relabel(out: Path, arm: str, label: str) -> None:
    """Rewrite an arm's item records as if another machine had made them."""
    paths = list((out / "items").glob(f"{arm}.*.parquet"))
    assert paths
    for path in paths:
        items = pq.read_table(path)
        place = items.column_names.index("numerics")
        pq.write_table(items.set_column(place, "numerics", pa.array([label] * items.num_rows)), path)
