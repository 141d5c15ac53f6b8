"""The corpus benchmark measures what it says, on 200 documents made of words of the standard library."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import _encoding
import _pipeline
import _record
import _scaling
from assay.corpus import text_quality
from assay.tokens import tokenizer as bpe

DATATROVE = os.environ.get("ASSAY_DATATROVE")
"""An interpreter that has datatrove and spaCy."""
WORDS = (Path(json.__file__).parent / "decoder.py").read_text(encoding="utf-8") * 2 + (
    "The river and the town have been here for as long as people can remember, with a bridge that they built of stone. "
)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("generated") / "pages"
    _scaling.generate([WORDS], folder, 1_000_000)
    files = sorted(folder.iterdir())
    return [json.loads(line)["text"] for file in files for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def tokenizer(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    bpe.train(texts, 600).save(str(file))
    return file


@pytest.fixture(scope="module")
def pages(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documents, five of them twice, and one that every rule drops."""
    folder = tmp_path_factory.mktemp("documents") / "pages"
    _pipeline.write_documents([*texts, *texts[:5], "{ too short"], folder)
    return folder


def test_generated_documents_all_differ_and_keep_every_rule(texts: list[str], tmp_path: Path) -> None:
    assert len(set(texts)) == len(texts) > 150
    assert set(text_quality.faults(texts, _pipeline.RULES)) == {None}
    documents, size = _scaling.generate([WORDS], tmp_path / "again", 1_000_000)
    assert documents == len(texts)
    assert 0.95e6 < _pipeline.folder_bytes(tmp_path / "again") == size < 1.05e6


def test_the_timed_program_keeps_each_document_once(texts: list[str], pages: Path, tokenizer: Path) -> None:
    made = _pipeline.our_whole(pages, tokenizer)
    assert made["seconds"] > 0
    assert (made["kept"], made["clean"], made["dropped"]) == (len(texts), len(texts) + 5, 1)
    reference = bpe.load(tokenizer.parent)
    encoded = reference.encode_batch_fast(texts, add_special_tokens=False)
    assert made["tokens"] == sum(len(one.ids) + 1 for one in encoded)


def test_every_stage_takes_time(pages: Path, tokenizer: Path) -> None:
    seconds = _pipeline.our_stages(pages, tokenizer)
    assert set(seconds) == set(_pipeline.STAGES)
    assert min(seconds.values()) > 0


@pytest.mark.slow
@pytest.mark.skipif(DATATROVE is None, reason="ASSAY_DATATROVE names no interpreter with datatrove and spaCy")
def test_datatrove_makes_the_same_tokens(pages: Path, tokenizer: Path) -> None:
    assert DATATROVE is not None
    ours = _pipeline.our_whole(pages, tokenizer)
    theirs = _pipeline.their_whole(pages, tokenizer, DATATROVE)
    assert {name: theirs[name] for name in ("kept", "clean")} == {name: ours[name] for name in ("kept", "clean")}
    assert theirs["tokens"] == pytest.approx(ours["tokens"], rel=0.01)  # which of two copies is kept may differ
    assert set(_pipeline.their_stages(pages, tokenizer, DATATROVE)) == set(_pipeline.STAGES)


def test_two_processes_encode_every_token_once(texts: list[str], tokenizer: Path, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": texts}), tmp_path / "texts.parquet")
    tokens, seconds = _encoding.speed([tmp_path / "texts.parquet"], tokenizer)
    reference = bpe.load(tokenizer.parent)
    assert tokens == sum(len(one.ids) for one in reference.encode_batch_fast(texts, add_special_tokens=False))
    assert seconds > 0
    assert _encoding.differing([tmp_path / "texts.parquet"], tokenizer) == (len(texts), 0)


def test_a_watched_process_is_charged_with_what_its_child_held() -> None:
    hold = "x = bytearray(150_000_000); del x"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{hold}; import time; time.sleep(1)'])"
    with subprocess.Popen([sys.executable, "-c", outer]) as process:
        peak, together = _scaling.watch(process, 0)
    assert 0.15e9 < peak < 0.3e9
    assert together > 0


def test_time_that_grows_with_size_has_exponent_one() -> None:
    assert _scaling.exponent([1, 3, 10], [7, 21, 70]) == pytest.approx(1)
    assert _scaling.exponent([1, 3, 10], [7, 63, 700]) == pytest.approx(2)


def test_a_part_replaces_its_own_figures_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_record, "RESULTS", tmp_path)
    monkeypatch.setattr(_record, "PAGE", tmp_path / "page.md")
    _record.update("corpus", "speed", {"fast": 1.0, "gone": 2})
    _record.update("corpus", "near", {"recall": 0.5})
    _record.update("corpus", "speed", {"fast": 3.0}, ["--runs 1"])
    result: dict[str, Any] = json.loads((tmp_path / "corpus.json").read_text(encoding="utf-8"))
    assert result["figures"] == {"recall": 0.5, "fast": 3.0}
    assert result["parts"]["speed"]["command"] == "python benchmarks/corpus.py --runs 1 speed"
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "benchmarks/corpus.py near" in page
    assert "| `fast` | 3 |" in page


def test_a_trial_is_printed_and_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_record, "RESULTS", tmp_path)
    monkeypatch.setattr(_record, "PAGE", tmp_path / "page.md")
    _record.update("corpus", "speed", {"fast": 1.5}, trial=True)
    said = " ".join(capsys.readouterr().out.split())
    assert "corpus: speed, a trial" in said and "│ fast │ 1.5 │" in said
    assert not list(tmp_path.iterdir())


def test_a_benchmark_takes_the_parts_it_has_and_refuses_another_before_anything_is_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parser = _record.parts_parser("How fast it is.\n\nAnd more.", ("speed", "near"))
    parser.add_argument("--runs", type=int)
    assert parser.parse_args(["near", "speed", "--runs", "2"]).parts == ["near", "speed"]
    assert parser.parse_args([]).parts == []
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["speed", "slow"])
    assert ended.value.code == 2
    assert "there is no part slow; there are speed, near" in capsys.readouterr().err
