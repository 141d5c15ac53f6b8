"""Data sets of the hub: local copies in its layout are read through the real library, without the network."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import enry
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from assay.corpus.candidate import Candidate
from assay.corpus.hub import hub_fingerprint, local_copy, read_hub
from assay.corpus.recipe_file import load_recipe
from assay.corpus.source import Hub, Source
from assay.errors import StepError

pytest.importorskip("datasets", reason="the extra hf is not installed")


def _zst(rows: list[dict[str, Any]]) -> bytes:
    return zstandard.compress("".join(json.dumps(row) + "\n" for row in rows).encode())


def _parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small data sets with the layout and the columns of the real ones."""
    root = tmp_path_factory.mktemp("hub")
    for chunk in (1, 2):
        for file in (0, 1):
            sets = ["RedPajamaC4", "RedPajamaGithub", "RedPajamaStackExchange", "RedPajamaBook"]
            rows = [{"text": f"{chunk}.{file} {name}", "meta": {"redpajama_set_name": name}} for name in sets]
            folder = root / "cerebras/SlimPajama-627B/train" / f"chunk{chunk}"
            _write(folder / f"example_train_{file}.jsonl.zst", _zst(rows))
    stars = [
        {
            "max_stars_repo_path": f"src/f{n}.py",
            "max_stars_repo_name": "o/r",
            "max_stars_count": n,
            "id": str(n),
            "content": f"x = {n}\n",
        }
        for n in range(5)
    ]
    _parquet(root / "bigcode/starcoderdata/python/train-00000-of-00001.parquet", stars)
    stack = {
        "hexsha": "f00d",
        "size": 9,
        "ext": "rs",
        "lang": "Rust",
        "max_stars_repo_path": "src/main.rs",
        "max_stars_repo_name": "o/r",
        "max_stars_repo_head_hexsha": "beef",
        "max_stars_repo_licenses": ["Apache-2.0", "MIT"],
        "max_stars_count": None,
        "content": "fn main() {}\n",
        "avg_line_length": 5.0,
        "max_line_length": 12,
        "alphanum_fraction": 0.6,
    }
    _parquet(root / "bigcode/the-stack-dedup/data/rust/data-00000-of-00001.parquet", [stack])
    commit = {
        "commit": "c0ffee",
        "old_file": "a.py",
        "new_file": "a.py",
        "old_contents": "a = 1\n",
        "new_contents": "a = 2\n",
        "subject": "Set a to two",
        "message": "Set a to two\n",
        "lang": "Python",
        "license": "mit",
        "repos": "o/r,p/q",
    }
    _write(root / "bigcode/commitpackft/data/python/data.jsonl", (json.dumps(commit) + "\n").encode())
    _write(root / "bigcode/commitpackft/commitpackft.py", b"raise SystemExit('a data set must not run its program')\n")
    pages = [
        {
            "text": f"page {n}",
            "id": f"<urn:uuid:{n}>",
            "dump": "CC-MAIN-2024-10",
            "url": f"http://x/{n}",
            "file_path": "s3://commoncrawl/x",
            "language": "en",
            "language_score": 0.9,
            "token_count": 100 + n,
            "score": 2.5 + n,
            "int_score": 3 + n,
        }
        for n in range(3)
    ]
    fineweb = root / "HuggingFaceFW/fineweb-edu"
    _parquet(fineweb / "sample/10BT/000_00000.parquet", pages)
    _parquet(fineweb / "data/CC-MAIN-2024-10/train-00000-of-00001.parquet", pages[:1])
    card = (
        "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/*/*\n"
        "- config_name: sample-10BT\n  data_files:\n  - split: train\n    path: sample/10BT/*\n---\n# FineWeb-Edu\n"
    )
    _write(fineweb / "README.md", card.encode())
    dclm = [
        {
            "bff_contained_ngram_count_before_dedupe": 1,
            "language_id_whole_page_fasttext": {"en": 0.9},
            "metadata": {"WARC-Type": "response"},
            "previous_word_count": 5,
            "text": "dclm",
            "url": "http://d",
            "warcinfo": "w",
            "fasttext_openhermes_reddit_eli5_vs_rw_v2_bigram_200k_train_prob": 0.5,
        }
    ]
    folder = root / "mlfoundations/dclm-baseline-1.0/global-shard_01_of_10/local-shard_0_of_10"
    _write(folder / "shard_00000000_processed.jsonl.zst", _zst(dclm))
    return root


@pytest.fixture
def hub(copies: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_HUB", str(copies))
    return copies


def source(name: str, records: dict[str, Any], **hub: Any) -> Source:
    place = {"name": name, "revision": "main", **hub}
    about = {"name": "s", "about": "", "reader": "records", "kind": "text"}
    return Source.model_validate({**about, "hub": place, "records": records})


@pytest.mark.usefixtures("hub")
def test_slimpajama_without_its_code_in_the_order_of_its_files() -> None:
    wanted = {"text": "text", "where_not": {"meta.redpajama_set_name": ["RedPajamaGithub", "RedPajamaStackExchange"]}}
    whole = [item.data for item in read_hub(source("cerebras/SlimPajama-627B", wanted))]
    files = {"data_files": ["train/chunk*/*.jsonl.zst"]}
    by_files = list(read_hub(source("cerebras/SlimPajama-627B", wanted, **files)))
    order = [f"{chunk}.{file}" for chunk in (1, 2) for file in (0, 1)]
    assert whole == [f"{place} {name}" for place in order for name in ("RedPajamaC4", "RedPajamaBook")]
    assert [item.data for item in by_files] == whole
    assert [item.path for item in by_files[:3]] == [f"cerebras/SlimPajama-627B#{row}" for row in (1, 4, 5)]


@pytest.mark.usefixtures("hub")
def test_files_of_code_keep_path_repository_and_licences() -> None:
    records = {"text": "content", "id": "id", "group": "max_stars_repo_name", "path": "max_stars_repo_path"}
    found = list(read_hub(source("bigcode/starcoderdata", records, data_files=["python/*.parquet"])))
    assert found == [
        Candidate(path=f"bigcode/starcoderdata#{n}/src/f{n}.py", group="o/r", data=f"x = {n}\n") for n in range(5)
    ]
    (rust,) = read_hub(load_recipe("paper").sources["stack-rust"])
    assert (rust.path, rust.group) == ("bigcode/the-stack-dedup#f00d/src/main.rs", "o/r")
    assert rust.licence == "Apache-2.0 OR MIT"
    assert enry.get_language(rust.path, str(rust.data).encode()) == "Rust"


@pytest.mark.usefixtures("hub")
def test_commits_are_read_past_the_program_that_the_data_set_brings() -> None:
    (found,) = read_hub(load_recipe("paper").sources["commits"])
    assert found == Candidate(
        path="bigcode/commitpackft#c0ffee",
        group="o/r,p/q",
        data="Set a to two\n\n--- a.py\na = 1\n\n+++ a.py\na = 2\n\n",
        licence="mit",
    )


@pytest.mark.usefixtures("hub")
def test_configurations_of_the_card_and_nested_shards_are_found() -> None:
    records = {"text": "text", "id": "id", "where": {"int_score": [4, 5]}}
    edu = list(read_hub(source("HuggingFaceFW/fineweb-edu", records, config="sample-10BT")))
    assert [(item.path, item.data) for item in edu] == [
        ("HuggingFaceFW/fineweb-edu#<urn:uuid:1>", "page 1"),
        ("HuggingFaceFW/fineweb-edu#<urn:uuid:2>", "page 2"),
    ]
    default = list(read_hub(source("HuggingFaceFW/fineweb-edu", {"text": "text"})))
    assert [item.data for item in default] == ["page 0"]
    (dclm,) = read_hub(source("mlfoundations/dclm-baseline-1.0", {"text": "text", "group": "url"}))
    assert (dclm.data, dclm.group) == ("dclm", "http://d")


@pytest.mark.usefixtures("hub")
def test_mistakes_are_one_line_that_says_what_there_is() -> None:
    name = "HuggingFaceFW/fineweb-edu"
    cases = [
        (source(name, {"text": "text"}, config="sample-10TB"), "sample-10BT"),
        (source(name, {"text": "text"}, split="validation"), "train"),
        (source(name, {"text": "text"}, data_files=["sample/10BT/*.parquet", "none/*.parquet"]), "none/*.parquet"),
        (source(name, {"text": "text"}, data_files=["README.md"]), "must end in a format"),
        (source("cerebras/SlimPajama-627B", {"text": "txt"}), "there is text, meta.redpajama_set_name"),
    ]
    for wrong, said in cases:
        with pytest.raises(StepError) as problem:
            list(read_hub(wrong))
        assert said in str(problem.value)
        assert "source s: " in str(problem.value)
        assert "\n" not in str(problem.value)


def test_damaged_data_is_an_error_of_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_HUB", str(tmp_path))
    _write(tmp_path / "o/n/a.jsonl", b'{"text": "good"}\n{"text": "br\n')
    with pytest.raises(StepError, match="o/n at main cannot be read: ") as problem:
        list(read_hub(source("o/n", {"text": "text"})))
    assert "\n" not in str(problem.value)


def test_only_what_lies_inside_the_folder_is_taken_for_a_copy(hub: Path) -> None:
    (hub / "inside").mkdir(exist_ok=True)
    assert local_copy("bigcode/starcoderdata") == hub / "bigcode/starcoderdata"
    for name in ("bigcode", "../" + hub.name, "bigcode/..", "bigcode/starcoderdata/python", "no/such", ""):
        assert local_copy(name) is None


def test_the_identity_of_a_data_set_knows_no_folder(hub: Path) -> None:
    given = Hub(name="o/n", revision="abc", data_files=("a/*.parquet", "b.parquet"))
    before = hub_fingerprint(given)
    assert before == {
        "name": "o/n",
        "config": "",
        "split": "train",
        "revision": "abc",
        "data_files": "a/*.parquet\nb.parquet",
    }
    for change in ({"revision": "abd"}, {"config": "x"}, {"split": "test"}, {"data_files": ("a/*.parquet",)}):
        assert hub_fingerprint(given.model_copy(update=change)) != before
    assert str(hub) not in str(before)


WATCHED = """
import sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise RuntimeError(f"touched the network: {arguments}")
sys.addaudithook(watch)
from assay.corpus.hub import read_hub
from assay.corpus.source import Source
assert "datasets" not in sys.modules
for patterns in ([], ["train/chunk1/*.jsonl.zst"]):
    place = {"name": sys.argv[1], "revision": "main", "data_files": patterns}
    source = Source.model_validate({"name": "s", "about": "", "reader": "records", "kind": "text", "hub": place,
                                    "records": {"text": "text"}})
    print(sum(1 for _ in read_hub(source)))
import huggingface_hub
assert huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY
"""


def _watched(copies: Path, home: Path, name: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment = {**kept, "ASSAY_HUB": str(copies), "HF_HOME": str(home)}
    command = [sys.executable, "-c", WATCHED, name]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_local_copy_is_read_without_the_network_and_without_it_the_failure_is_told(
    copies: Path, tmp_path: Path
) -> None:
    done = _watched(copies, tmp_path, "cerebras/SlimPajama-627B")
    assert (done.returncode, done.stdout) == (0, "16\n8\n"), done.stderr
    absent = _watched(copies, tmp_path, "no/such")
    assert absent.returncode == 1
    assert "StepError: source s: no/such at main cannot be read: " in absent.stderr


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(StepError, match=r"pip install 'assay\[hf\]'"):
        list(read_hub(source("o/n", {"text": "text"})))
