"""`assay data` by the real program: a corpus is built, looked at and compared, and every mistake is one message."""

import fcntl
import json
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tiny_study import TinyStudy

CORPUS = ("--corpus", "corpus.yaml")
TOKENS = ("--tokenizer", "tiny-512")


@pytest.fixture(scope="module")
def built(tiny: Callable[[], TinyStudy]) -> TinyStudy:
    """The tiny corpus with its tokens, and a second recipe that adds an ingredient; nobody may change it."""
    one = tiny()
    done = one.assay("data", "build", "corpus.yaml", *TOKENS)
    assert done.returncode == 0, done.stderr
    (one.folder / "more.yaml").write_text(
        "name: more\nextends: corpus.yaml\ningredients:\n"
        "  some: {from: code, intervention: comments_removed}\n"
        "  left: {declared: 1M}\n"
    )
    return one


def shown(one: TinyStudy, *arguments: str) -> dict[str, Any]:
    done = one.assay("data", "show", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def code(built: TinyStudy) -> Path:
    """The folder of the ingredient of that name."""
    return built.store / "objects" / "ingredient" / str(shown(built, "code", *CORPUS)["key"])


def test_a_build_says_what_it_made_and_a_second_that_everything_was_there(built: TinyStudy) -> None:
    again = built.assay("data", "build", "corpus.yaml", *TOKENS)
    assert again.returncode == 0, again.stderr
    lines = again.stdout.splitlines()
    facts = {name: shown(built, name, *CORPUS) for name in ("text", "code")}
    for line, (name, found) in zip(lines, facts.items(), strict=False):
        documents, size = found["train"]["documents"], found["train"]["bytes"]
        lost = sum(entry["documents"] for entry in found["dropped"].values())
        assert re.fullmatch(rf"{name} +{documents:,} documents +{size / 1e6:,.2f} MB, {lost:,} dropped", line)
    assert lines[2:] == ["Everything was there already."]
    begun = [json.loads(line) for line in (built.folder / "runs" / "data-tiny" / "log.jsonl").read_text().splitlines()]
    assert len([event for event in begun if event["event"] == "begin"]) == 2 * 3 + 1 + 1 + 2, "nothing was done twice"


def test_the_counts_are_those_of_the_files(built: TinyStudy, code: Path) -> None:
    found = shown(built, "code", *CORPUS, *TOKENS, "--examples", "5")
    rows = pq.read_table(code / "train.parquet").to_pylist()
    assert found["train"]["documents"] == len(rows)
    assert found["train"]["bytes"] == sum(len(row["text"].encode()) for row in rows)
    assert found["train"]["by"]["language"]["Python"]["documents"] == sum(row["language"] == "Python" for row in rows)
    assert found["train"]["by"]["licence"] == {"PSF-2.0": {"documents": len(rows), "bytes": found["train"]["bytes"]}}
    held = pq.read_table(code / "heldout.parquet").to_pylist()
    assert found["heldout"]["groups"]["library"] == sorted({row["group"] for row in held})
    lost = pq.read_table(code / "dropped.parquet")["reason"].to_pylist()
    assert {reason: entry["documents"] for reason, entry in found["dropped"].items()} == {
        reason: lost.count(reason) for reason in set(lost)
    }
    assert found["tokens"]["bytes"] == found["train"]["bytes"]
    assert found["tokens"]["tokens"] == sum(entry["tokens"] for entry in found["tokens"]["by_label"])
    assert found["compared_with"] == ["text"]
    texts = {row["path"]: row["text"] for row in rows}
    assert len(found["examples"]) == 5
    for example in found["examples"]:
        whole = texts[example["path"]]
        assert (example["text"], example["characters"]) == (whole[:400], len(whole))


def test_examples_are_drawn_by_the_seed_and_from_what_was_dropped_for_a_reason(built: TinyStudy, code: Path) -> None:
    drawn = [
        [one["path"] for one in shown(built, "code", *CORPUS, "--examples", "4", "--seed", seed)["examples"]]
        for seed in ("1", "1", "2")
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    lost = shown(built, "code", *CORPUS, "--dropped", "contains 0x", "--examples", "9")["examples"]
    assert len(lost) == 9
    assert all(one["reason"] == "contains 0x" for one in lost)
    rows = pq.read_table(code / "dropped.parquet").to_pylist()
    whole = {row["path"]: row["text"] for row in rows if row["reason"] == "contains 0x"}
    assert all("0x" in whole[one["path"]] for one in lost)


def test_a_difference_names_what_only_one_of_two_has(built: TinyStudy, code: Path) -> None:
    recipe = (built.folder / "corpus.yaml").read_text().replace('"email/*.py", ', "")
    (built.folder / "less.yaml").write_text(recipe.replace("name: tiny", "name: less"))
    assert built.assay("data", "build", "less.yaml", "code").returncode == 0
    done = built.assay("data", "diff", "code", "less.yaml:code", *CORPUS, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    paths = {}
    for key, name in (("a", code), ("b", less(built))):
        tables = [pq.read_table(name / f"{split}.parquet", columns=["path"]) for split in ("train", "heldout")]
        paths[key] = {path for table in tables for path in table["path"].to_pylist()}
    assert told["both"]["documents"] == len(paths["a"] & paths["b"])
    assert told["a"]["documents"] == len(paths["a"] - paths["b"]) > 10
    assert told["b"]["documents"] == 0
    assert all(path.startswith("email/") for path in paths["a"] - paths["b"])
    assert {one["path"] for one in told["a"]["examples"]} <= paths["a"] - paths["b"]
    said = built.assay("data", "diff", "code", "less.yaml:code", *CORPUS).stdout
    assert f"only in code: library:{told['a']['examples'][0]['path']}" in said


def less(one: TinyStudy) -> Path:
    return one.store / "objects" / "ingredient" / str(shown(one, "code", "--corpus", "less.yaml")["key"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("show cod --corpus corpus.yaml", "the corpus 'tiny' has no ingredient 'cod'; did you mean 'code'?"),
        ("diff code tex --corpus corpus.yaml", "has no ingredient 'tex'; did you mean 'text'?"),
        ("show some --corpus more.yaml", "some is not in the store {store}; to make what is missing: "
         "assay data build more.yaml some"),
        ("show text --corpus more.yaml --tokenizer tiny-51", "has no tokenizer 'tiny-51'; did you mean 'tiny-512'?"),
        ("build more.yaml left", "the corpus 'more' only declares 'left': there is nothing to make it from"),
        ("build more.yaml --tokenizer huge", "the corpus 'more' has no tokenizer 'huge'"),
        ("build startr", "no recipe is called startr; did you mean 'starter'?"),
        ("build none.yaml", "none.yaml: the recipe cannot be read"),
        ("build gone.yaml", "source here: {folder}/nowhere cannot be opened: No such file or directory"),
        ("build nothing.yaml", "source here: nothing in . for *.rs"),
        ("build brought.yaml --tokenizer mine", "there is no tokenizer at {folder}/mine.json"),
        ("show code --corpus corpus.yaml --dropped else", "nothing of code was dropped as 'else'; the reasons: "
         "contains 0x, "),
    ],
)  # fmt: skip
def test_a_mistake_is_one_message_and_exit_code_2(built: TinyStudy, arguments: str, told: str) -> None:
    source = "sources:\n  here: {about: x, path: PATH, reader: files, kind: code, files: ['*.rs']}\n"
    recipe = f"name: gone\ndecontaminate: false\n{source}ingredients:\n  own: {{sources: [here], heldout: 0.1}}\n"
    (built.folder / "gone.yaml").write_text(recipe.replace("PATH", "nowhere"))
    (built.folder / "nothing.yaml").write_text(recipe.replace("PATH", "."))
    (built.folder / "brought.yaml").write_text(
        "name: brought\nextends: corpus.yaml\ntokenizers:\n  mine: {vocab: 300, path: mine.json}\n"
    )
    done = built.assay("data", *arguments.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert told.format(store=built.store, folder=built.folder) in done.stderr


def test_what_was_never_built_is_told_with_the_command_and_no_store_is_made(built: TinyStudy, tmp_path: Path) -> None:
    done = built.assay("data", "show", "text", *CORPUS, *TOKENS, ASSAY_STORE=str(tmp_path / "none"))
    assert done.returncode == 2
    assert "text is not in the store" in done.stderr
    assert "assay data build corpus.yaml text --tokenizer tiny-512" in done.stderr
    assert not (tmp_path / "none").exists()


def on_a_terminal(one: TinyStudy, columns: int, *arguments: str) -> list[str]:
    """The lines that a terminal of so many columns is sent, without what moves the cursor or colours."""
    process, terminal = pty.fork()
    if not process:
        os.chdir(one.folder)
        command = one.command("data", *arguments)
        os.execve(sys.executable, command, {**one.environment, "TERM": "xterm-256color"})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    said = b""
    while True:
        try:
            some = os.read(terminal, 1 << 16)
        except OSError:
            break
        if not some:
            break
        said += some
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, said.decode()
    os.close(terminal)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said.decode()).replace("\r", "").splitlines()


def test_on_80_columns_no_line_is_broken_by_the_terminal_and_no_table_is_cut(built: TinyStudy) -> None:
    for arguments in (
        ("show", "code", *CORPUS, *TOKENS, "--examples", "0"),
        ("diff", "text", "code", *CORPUS),
        ("show", "code", *CORPUS, "--dropped", "too short"),
    ):
        lines = on_a_terminal(built, 80, *arguments)
        assert len(lines) > 20
        assert max(map(len, lines)) <= 80, max(lines, key=len)
        assert not any("…" in line for line in lines if "│" in line)
