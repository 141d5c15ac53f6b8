"""A finished run in a notebook: tables of effects, arms, seeds and items, without torch."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import assay
from assay.errors import InputError
from tiny_study import TinyStudy


def test_a_run_folder_opens_as_tables_that_agree(ran: TinyStudy) -> None:
    results = assay.open_run(ran.folder / "out")
    effects, arms, seeds, items = results.effects(), results.arms(), results.seeds(), results.items()
    assert effects.equals(results.to_frame()) and len(effects) == len(results.contrasts)
    assert set(items["seed"]) == set(seeds["seed"]) == {0, 1}
    means = seeds.groupby(["arm", "size", "metric"])["value"].mean().to_dict()
    for row in arms.to_dict("records"):
        assert means[row["arm"], row["size"], row["metric"]] == pytest.approx(row["value"], rel=1e-8)
    for row in effects.to_dict("records"):
        apart = means[row["a"], row["size"], row["metric"]] - means[row["b"], row["size"], row["metric"]]
        assert apart == pytest.approx(row["effect"], abs=1e-8)


def test_a_notebook_shows_question_and_answer_escaped(ran: TinyStudy, tmp_path: Path) -> None:
    shutil.copy(ran.folder / "out" / "results.json", tmp_path)
    results = assay.open_run(tmp_path)
    results.data["question"] = "<script>alert(1)</script>"
    shown = results._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;" in shown
    assert "3 arms, 2 seeds" in shown and len(shown) < 3000
    with pytest.raises(InputError):
        results.seeds()


def test_opening_a_run_imports_neither_torch_nor_pandas(ran: TinyStudy) -> None:
    code = (
        "import sys, assay\n"
        f"results = assay.open_run({str(ran.folder / 'out')!r})\n"
        "print({'torch', 'pandas', 'tokenizers'} & set(sys.modules))\n"
        "results.seeds(), results.items()\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["set()", "False"]


def test_a_folder_that_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="assay report"):
        assay.open_run(tmp_path)
