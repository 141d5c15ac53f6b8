"""What is added to a finished study makes what is new and nothing else: nothing is read, built or trained again."""

import gzip
import json
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

from golden_material import GYM
from tiny_study import STUDY, TASK, TinyStudy, write_wheel

DATA = {"package", "documents", "marks", "ingredient", "tokenizer", "tokens"}
EXTENDED = """\
name: more
extends: corpus.yaml
packages:
  reasoning-gym:
    {{version: "1.0", file: reasoning_gym-1.0-py3-none-any.whl, sha256: {sha256}, bytes: {bytes}}}
sources:
  essays: {{about: x, path: rows, reader: records, kind: text, records: {{text: body}}}}
  entries: {{about: x, path: entries, reader: articles, kind: text}}
  programs: {{about: x, path: programs, reader: files, kind: code, files: ["*.py"]}}
  pages: {{about: x, path: programs, reader: files, kind: markup, files: ["*.md"]}}
  history: {{about: x, path: repository, reader: commits, kind: commit}}
  notes: {{about: x, path: notes, reader: notebooks, kind: notebook}}
  examples: {{about: x, path: programs, reader: doctests, kind: qa, files: ["*.py"]}}
  invented: {{about: x, path: rows, reader: records, kind: synthetic, records: {{text: other}}}}
ingredients:
  essays: {{sources: [essays, entries], heldout: 0.1}}
  programs: {{sources: [programs], heldout: 0.1}}
  pages: {{sources: [pages], heldout: 0.1}}
  history: {{sources: [history], heldout: 0.1}}
  notes: {{sources: [notes], heldout: 0.1}}
  examples: {{sources: [examples], heldout: 0.1}}
  invented: {{sources: [invented], heldout: 0.1}}
  math:
    heldout: 0.1
    generator:
      {{name: math, package: reasoning-gym, seed: 1, megabytes: 0.02, problems: [2, 4], tasks: [arithmetic/chain_sum]}}
  instruct:
    from: essays
    heldout: 0.1
    generator: {{name: instruct, seed: 1, megabytes: 0.01, sources: [entries]}}
  some: {{from: text, sources: [topics]}}
  good: {{from: essays, quality: {{like: [entries], keep: best, share: 0.5}}}}
  bare: {{from: code, intervention: comments_removed}}
tokenizers:
  other-400: {{vocab: 400, sample: {{code: 0.1}}}}
"""
NEW = [
    "essays", "programs", "pages", "history", "notes", "examples", "invented", "math", "instruct", "some", "good",
    "bare",
]  # fmt: skip


class Watched:
    """A finished study that something is added to."""

    def __init__(self, study: TinyStudy) -> None:
        self.study = study
        self.before = self.keys()
        self.written = self.times()

    def keys(self) -> set[str]:
        return {path.parent.name for path in self.study.store.glob("objects/*/*/manifest.json")}

    def times(self) -> dict[str, int]:
        """When each artifact's files were written."""
        files = (path for path in self.study.store.glob("objects/*/*/**/*") if path.is_file())
        return {str(path.relative_to(self.study.store)): path.stat().st_mtime_ns for path in files}

    def run(self, *arguments: str) -> list[tuple[str, str]]:
        """Run the program; (kind, title) of every step that it began. What was there is as it was."""
        log = self.study.folder / "out" / "log.jsonl"
        known = log.read_bytes().count(b"\n")
        done = self.study.assay(*arguments, "--out", "out")
        assert done.returncode == 0, done.stderr
        events = [json.loads(line) for line in log.read_text().splitlines()[known:]]
        begun = [event for event in events if event["event"] == "begin"]
        assert not self.before & {event["key"] for event in begun}
        assert self.before <= self.keys()
        now = self.times()
        assert {name: now[name] for name in self.written} == self.written, "an artifact was written again"
        return sorted((event["kind"], event["title"]) for event in begun)


@pytest.fixture
def watched(copied: TinyStudy) -> Watched:
    return Watched(copied)


@pytest.fixture
def extended(watched: Watched) -> Watched:
    """With a recipe that adds an ingredient of every class, and two tokenizers, to the study's."""
    folder = watched.study.folder
    index = Path(watched.study.environment["PIP_FIND_LINKS"])
    pin = write_wheel(index / "reasoning_gym-1.0-py3-none-any.whl", GYM)
    (folder / "more.yaml").write_text(EXTENDED.format(**pin))
    for name in ("rows", "entries", "programs", "notes"):
        (folder / name).mkdir()
    rows = [{"body": essay(n, "essay"), "other": essay(n, "invention")} for n in range(40)]
    (folder / "rows" / "a.jsonl.gz").write_bytes(
        gzip.compress("".join(f"{json.dumps(row)}\n" for row in rows).encode())
    )
    articles = {f"T{n}": {"title": f"T{n}", "extract": essay(n, "entry")} for n in range(30)}
    (folder / "entries" / "all.json").write_text(json.dumps(articles))
    for n in range(20):
        (folder / "programs" / f"p{n}.py").write_text(
            f'def step_{n}(value):\n    """{essay(n, "function")}\n\n    >>> step_{n}(1)\n    {n + 1}\n    """\n'
            f"    # {essay(n, 'comment')}\n    return value + {n}\n"
        )
        (folder / "programs" / f"p{n}.md").write_text(f"# Step {n}\n\n{essay(n, 'page')}\n")
        cells = [
            {"cell_type": "markdown", "metadata": {}, "source": essay(n, "cell")},
            {"cell_type": "code", "metadata": {}, "execution_count": 1, "outputs": [], "source": f"print({n})"},
        ]
        book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
        (folder / "notes" / f"n{n}.ipynb").write_text(json.dumps(book))
    stream = "".join(
        f"commit refs/heads/main\ncommitter Ann <ann@example.org> {10**9 + n} +0000\n{data(essay(n, 'message')[:60])}"
        f"M 100644 inline f{n}.py\n{data(essay(n, 'change'))}"
        for n in range(20)
    )
    repository = folder / "repository"
    subprocess.run(["git", "init", "-q", "--initial-branch=main", str(repository)], check=True)
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repository, input=stream.encode(), check=True)
    git = shutil.which("git")
    assert git is not None
    (folder / "bin").mkdir()
    (folder / "bin" / "git").symlink_to(git)
    watched.study.environment["PATH"] = str(folder / "bin")
    return watched


def essay(number: int, what: str) -> str:
    """A text of 30 words of its own."""
    digits = "".join(str(zlib.crc32(f"{what} {number} {part}".encode())) for part in range(12))
    words = [f"{what}{digits[place : place + 3]}" for place in range(0, 90, 3)]
    return f"The {what} number {number} says {' and '.join(words)}."


def data(text: str) -> str:
    """As git's fast-import reads it."""
    return f"data {len(text.encode())}\n{text}\n"


def test_a_task_is_only_asked_and_an_arm_trains_from_where_it_leaves_the_others(watched: Watched) -> None:
    (watched.study.folder / "more.yaml").write_text(TASK.replace("id: colours", "id: more"))
    study = STUDY.replace("tasks: [colours.yaml]", "tasks: [colours.yaml, more.yaml]")
    arm = "  half.none: [half, text]\n  half.half: [half, half]"
    watched.study.study.write_text(study.replace("  half.none: [half, text]", arm))
    begun = watched.run("run", "study.yaml")
    assert [title for kind, title in begun if kind == "requests"] == ["items of more"]
    trained = [title for kind, title in begun if kind == "state"]
    assert trained == [f"train half.half 1M seed {seed} to step 10" for seed in (0, 1)], "the first five were there"
    for seed in (0, 1):
        scores = [title for kind, title in begun if kind == "scores" and title.endswith(f"seed {seed}")]
        of_the_arm = [f"score {task}, 1M seed {seed}" for task in ("colours", "heldout_code", "heldout_text")]
        assert sorted(scores) == sorted([*of_the_arm, *[f"score more, 1M seed {seed}"] * 4])
    assert {kind for kind, _ in begun} == {"requests", "state", "scores"}


@pytest.mark.slow
def test_a_seed_trains_only_itself(watched: Watched) -> None:
    watched.study.study.write_text(STUDY.replace("seeds: 2", "seeds: 3"))
    begun = watched.run("run", "study.yaml")
    assert {kind for kind, _ in begun} == {"state", "scores"}
    assert all("seed 2" in title for _, title in begun)


def test_ingredients_of_every_class_touch_none_that_was_there(extended: Watched) -> None:
    study = STUDY.replace("corpus: corpus.yaml", "corpus: more.yaml")
    extended.study.study.write_text(study)
    assert extended.run("run", "study.yaml") == [], "they are declared, and the study uses none"
    share = round(1 / len(NEW), 4)
    mix = ", ".join(f"{name}: {share}" for name in NEW[1:])
    study = study.replace("mixes:\n", f"mixes:\n  all: {{{mix}, {NEW[0]}: rest}}\n").replace(
        "seeds: 2", "seeds: 2\nmax_epochs: 99"
    )
    study = study.replace("stages:\n", "stages:\n  all: {mix: all, tokens: P}\n")
    extended.study.study.write_text(study.replace("arms:\n", "arms:\n  half.all: [half, all]\n"))
    begun = extended.run("run", "study.yaml")
    by_kind = {kind: {title for one, title in begun if one == kind} for kind, _ in begun}
    assert by_kind["ingredient"] == {f"build {name}" for name in NEW}
    assert by_kind["tokens"] == {f"tokenise {name}" for name in NEW}
    read = {"essays", "entries", "programs", "pages", "history", "notes", "examples", "invented"}
    assert by_kind["documents"] == {f"read {name}" for name in read}
    assert by_kind["marks"] == {f"mark {name}" for name in read}
    assert by_kind["package"] == {"download reasoning-gym 1.0"}
    assert by_kind["state"] == {f"train half.all 1M seed {seed} to step 10" for seed in (0, 1)}
    assert set(by_kind) == {"ingredient", "tokens", "documents", "marks", "package", "state", "scores"}


def test_an_ingredient_between_others_changes_only_those_that_are_compared_with_it(extended: Watched) -> None:
    begun = extended.run("data", "build", "more.yaml", "programs")
    kinds = [kind for kind, _ in begun if kind in DATA]
    assert kinds == ["documents"] * 3 + ["ingredient"] * 2 + ["marks"] * 3
    assert {title for kind, title in begun if kind == "ingredient"} == {"build essays", "build programs"}


def test_a_tokenizer_tokenises_anew_and_reads_nothing_again(extended: Watched) -> None:
    study = STUDY.replace("corpus: corpus.yaml", "corpus: more.yaml")
    extended.study.study.write_text(study.replace("tokenizer: tiny-512", "tokenizer: other-400"))
    begun = extended.run("run", "study.yaml")
    data = [(kind, title) for kind, title in begun if kind in DATA]
    assert data == [
        ("tokenizer", "train tokenizer other-400"),
        ("tokens", "tokenise code"),
        ("tokens", "tokenise text"),
    ]
    extended.study.study.write_text(study)
    assert extended.run("run", "study.yaml") == [], "the first tokenizer and all that was made with it are still there"
