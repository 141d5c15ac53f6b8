"""A folder of the worst files, through the real program: all is told, nothing crashes, nothing is written elsewhere."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tiny_study import TinyStudy

RECIPE = """\
name: mess
decontaminate: false
sources:
  texts: {about: x, path: mess, reader: files, kind: text, files: ["*.txt", "*.txt.gz"]}
  rows:
    {about: x, path: mess, reader: records, kind: text, files: ["*.jsonl", "*.jsonl.gz", "*.parquet"],
      records: {text: body}}
  programs: {about: x, path: mess, reader: files, kind: code, files: ["*.py"]}
  notes: {about: x, path: mess, reader: notebooks, kind: notebook, files: ["*.ipynb"]}
  examples: {about: x, path: mess, reader: doctests, kind: qa, files: ["*.py"]}
  posts: {about: x, path: mess, reader: stackexchange, kind: qa, files: ["*.xml"]}
  history: {about: x, path: mess, reader: commits, kind: commit}
ingredients:
  text: {sources: [texts, rows], heldout: 0.1}
  code: {sources: [programs], heldout: 0.1}
  beside: {sources: [history, notes, examples, posts], heldout: 0.1}
"""
BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE posts [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{n} "{("&a" + (str(n - 1) if n else "") + ";") * 10}">' for n in range(12))
    + ']>\n<posts>\n<row Id="1" PostTypeId="1" AcceptedAnswerId="2" Title="&a11;" Body="b" />\n</posts>\n'
)


def essay(number: int) -> str:
    """A text like no other's."""
    words = [hashlib.sha256(f"{number} {part}".encode()).hexdigest()[:6] for part in range(30)]
    return f"Essay {number} says {' and '.join(words)}.\n"


def make_mess(mess: Path) -> None:
    """Good files, and beside them every bad one, in the folder ``mess``."""
    mess.mkdir()
    for n in range(10):
        (mess / f"good{n}.txt").write_text(essay(n))
        (mess / f"good{n}.py").write_text(f'def step_{n}():\n    """{essay(n + 100)}\n    >>> step_{n}()\n    """\n')
    whole = gzip.compress(essay(20).encode() * 2000)
    (mess / "half.txt.gz").write_bytes(whole[: len(whole) // 2])
    (mess / "no.txt.gz").write_bytes(b"this is no gzip")
    (mess / "bomb.txt.gz").write_bytes(gzip.compress(bytes(80 << 20), 9))
    (mess / "nul.txt").write_bytes(essay(21).encode() + b"\0\0\0")
    (mess / "latin.txt").write_bytes(essay(22).encode() + b"caf\xe9 " * 9)
    (mess / "utf16.txt").write_bytes(essay(23).encode("utf-16"))
    (mess / "empty.txt").write_bytes(b"")
    (mess / "escape\x1b[2Jname.txt").write_text(essay(24) + "\x1b[2J\x1b]0;title\x07")
    (mess / "new\nline.txt").write_text(essay(25))
    (mess / "loop").symlink_to(mess, target_is_directory=True)
    (mess / "deep").mkdir()
    (mess / "deep" / "up").symlink_to("..", target_is_directory=True)
    (mess / "self.txt").symlink_to("self.txt")
    (mess / "gone.txt").symlink_to("nowhere.txt")
    (mess / "out.txt").symlink_to("../secret.txt")
    (mess / "same.txt").symlink_to("good0.txt")
    os.mkfifo(mess / "pipe.txt")
    os.mkfifo(mess / "pipe.jsonl")
    lines = [json.dumps({"body": essay(n)}) for n in range(30, 40)]
    broken = ['{"body": "half', "[1, 2", "\x00", '{"body": 7}', '{"other": 1}', '{"body": null}', "[" * 100_000, "NaN"]
    (mess / "rows.jsonl.gz").write_bytes(gzip.compress("\n".join([*lines[:5], *broken, *lines[5:]]).encode()))
    (mess / "long.jsonl.gz").write_bytes(
        gzip.compress(b'{"body": "' + b"x" * (200 << 20) + b'"}\n' + f"{json.dumps({'body': essay(50)})}\n".encode(), 1)
    )
    (mess / "cut.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode() * 50, mtime=0)[:-900])
    (mess / "surrogate.jsonl").write_text('{"body": "' + "\\ud800" * 100 + '"}\n')
    (mess / "bytes.jsonl").write_bytes(b'{"body": "' + b"\xff\xfe" * 100 + b'"}\n')
    pq.write_table(pa.table({"body": [essay(n) for n in range(60, 70)]}), mess / "rows.parquet")
    data = (mess / "rows.parquet").read_bytes()
    (mess / "half.parquet").write_bytes(data[: len(data) // 2])
    (mess / "torn.parquet").write_bytes(data[:100] + bytes(300) + data[400:])
    (mess / "no.ipynb").write_text("this is no notebook")
    (mess / "list.ipynb").write_text("[]")
    (mess / "deep.ipynb").write_text('{"cells": ' + "[" * 100_000)
    cells = [{"cell_type": "markdown", "metadata": {}, "source": essay(70)}]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    (mess / "good.ipynb").write_text(json.dumps(book))
    (mess / "not.py").write_text("def (:  # >>> \n" * 30)
    (mess / "nest.py").write_text("(" * 5000 + ")" * 5000 + "\n# >>> \n")
    (mess / "coding.py").write_text(f"# -*- coding: nonsense -*-\n# {essay(80)}\n# >>> \n")
    (mess / "Posts.xml").write_text(BOMB)
    make_repository(mess / "repository")
    subprocess.run(["git", "init", "-q", str(mess / "empty")], check=True)
    (mess / os.fsdecode(b"name\xff.txt")).write_text(essay(26))


def make_repository(folder: Path) -> None:
    """A git repository with a submodule that is itself, and a configuration that would run a program."""
    own = {"PATH": os.environ["PATH"], "HOME": os.devnull, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q", "--initial-branch=main", str(folder)], env=own, check=True)
    stream = ""
    for number in range(8):
        modules = '[submodule "self"]\n\tpath = self\n\turl = ./\n'
        stream += f"commit refs/heads/main\ncommitter Ann <ann@example.org> {10**9 + number} +0000\n"
        stream += f"{data(f'Say what is number {number}')}M 160000 {'1' * 40} self\n"
        stream += (
            f"M 100644 inline .gitmodules\n{data(modules)}M 100644 inline f{number}.py\n{data(essay(number + 90))}"
        )
        stream += f"M 100644 inline .gitattributes\n{data('*.py diff=evil')}"
    subprocess.run(["git", "fast-import", "--quiet"], cwd=folder, env=own, input=stream.encode(), check=True)
    with (folder / ".git" / "config").open("a") as config:
        config.write(f'[diff "evil"]\n\ttextconv = touch {folder.parent.parent}/ran;\n\tcommand = touch ran\n')
        config.write(f"[core]\n\tfsmonitor = touch {folder.parent.parent}/ran\n")


def data(text: str) -> str:
    """As git's fast-import reads it."""
    return f"data {len(text.encode())}\n{text}\n"


def picture(folder: Path) -> dict[str, str]:
    """Every file below a folder, links not followed, and what is in it."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(place) / name
            if path.is_symlink():
                found[str(path)] = f"link to {path.readlink()}"
            elif path.is_file():
                found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                found[str(path)] = "folder" if path.is_dir() else "special"
    return found


@pytest.fixture(scope="module")
def built(tiny: Callable[[], TinyStudy]) -> TinyStudy:
    """The corpus of a mess, built; ``seen.json`` holds what lay there before and after."""
    one = tiny()
    make_mess(one.folder / "mess")
    (one.folder / "secret.txt").write_text("A secret that lies outside of the folder that is read. " * 9)
    (one.folder / "mess.yaml").write_text(RECIPE)
    for name in ("bin", "temporary", "home"):
        (one.folder / name).mkdir()
    git = shutil.which("git")
    assert git is not None
    (one.folder / "bin" / "git").symlink_to(git)
    own = {"PATH": "bin", "TMPDIR": "temporary", "HOME": "home", "XDG_CACHE_HOME": "home/.cache"}
    one.environment.update({name: str(one.folder / place) for name, place in own.items()})
    before = picture(one.folder)
    done = one.assay("data", "build", "mess.yaml")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    after = picture(one.folder)
    (one.folder / "seen.json").write_text(json.dumps([before, after]))
    return one


def facts(one: TinyStudy, name: str) -> dict[str, Any]:
    done = one.assay("data", "show", name, "--corpus", "mess.yaml", "--json", "--examples", "0")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def lost(one: TinyStudy, name: str) -> dict[str, str]:
    """(source:path) of what was dropped, and why; the counts are those that the program tells."""
    told = facts(one, name)
    rows = pq.read_table(one.store / "objects" / "ingredient" / told["key"] / "dropped.parquet").to_pylist()
    reasons = [row["reason"] for row in rows]
    assert {reason: entry["documents"] for reason, entry in told["dropped"].items()} == {
        reason: reasons.count(reason) for reason in set(reasons)
    }
    return {f"{row['source']}:{row['path']}": row["reason"] for row in rows}


def kept(one: TinyStudy, name: str) -> set[str]:
    folder = one.store / "objects" / "ingredient" / facts(one, name)["key"]
    tables = [pq.read_table(folder / f"{split}.parquet").to_pylist() for split in ("train", "heldout")]
    return {f"{row['source']}:{row['path']}" for table in tables for row in table}


LEFT_OUT = {
    "deep/up": "link to a folder",
    "loop": "link to a folder",
    "gone.txt": "link that leads nowhere",
    "self.txt": "link that leads nowhere",
    "out.txt": "link that leads out of the folder",
    "pipe.txt": "not a regular file",
    "pipe.jsonl": "not a regular file",
    "name\\udcff.txt": "name is not UTF-8",
}


def left_out(source: str, *endings: str) -> dict[str, str]:
    """Folders are told whatever is looked for, as it might be in them; files where they might be what is."""
    return {
        f"{source}:{name}": why
        for name, why in LEFT_OUT.items()
        if why == "link to a folder" or name.endswith(endings or ("no ending",))
    }


def test_every_bad_text_and_row_is_counted_with_its_reason_and_every_good_one_is_kept(built: TinyStudy) -> None:
    assert lost(built, "text") == {
        **left_out("texts", ".txt"),
        **left_out("rows", ".jsonl"),
        "texts:bomb.txt.gz": "larger than 64 MiB",
        "texts:empty.txt": "empty",
        "texts:half.txt.gz": "damaged compression",
        "texts:no.txt.gz": "damaged compression",
        "texts:latin.txt": "not UTF-8",
        "texts:utf16.txt": "not UTF-8",
        "texts:nul.txt": "binary",
        "texts:same.txt": "duplicate",
        "rows:bytes.jsonl#1": "not UTF-8",
        "rows:surrogate.jsonl#1": "not UTF-8",
        "rows:cut.jsonl.gz": "damaged compression",
        "rows:half.parquet": "damaged Parquet file",
        "rows:torn.parquet": "damaged Parquet file",
        "rows:long.jsonl.gz#1": "record larger than 16 MiB",
        **{f"rows:rows.jsonl.gz#{line}": "not JSON" for line in (6, 7, 8, 12)},
        "rows:rows.jsonl.gz#9": "text is not a string",
        "rows:rows.jsonl.gz#10": "no such column",
        "rows:rows.jsonl.gz#11": "empty",
        "rows:rows.jsonl.gz#13": "record is not an object",
    }
    good = {f"texts:good{n}.txt" for n in range(10)} | {"texts:escape\x1b[2Jname.txt", "texts:new\nline.txt"}
    good |= {f"rows:rows.jsonl.gz#{line}" for line in (*range(1, 6), *range(14, 19))}
    good |= {f"rows:rows.parquet#{row}" for row in range(1, 11)} | {"rows:long.jsonl.gz#2"}
    assert kept(built, "text") == good


def test_every_bad_programme_notebook_dump_and_repository_is_told(built: TinyStudy) -> None:
    assert lost(built, "code") == left_out("programs")
    told = lost(built, "beside")
    near = {place for place, why in told.items() if why == "near duplicate of an earlier ingredient"}
    assert all(place.startswith("examples:good") for place in near)
    assert {place: why for place, why in told.items() if place not in near} == {
        **left_out("notes"),
        **left_out("examples"),
        **left_out("posts"),
        "notes:no.ipynb": "not a notebook",
        "notes:list.ipynb": "not a notebook",
        "notes:deep.ipynb": "not a notebook",
        "examples:not.py": "not Python",
        "examples:nest.py": "not Python",
        "examples:coding.py": "not Python",
        "posts:Posts.xml": "XML with a document type",
        "history:empty": "nothing was committed",
    }
    beside = kept(built, "beside")
    assert "notes:good.ipynb" in beside
    assert len([place for place in beside if place.startswith("history:repository@")]) == 8


def test_nothing_is_written_outside_the_store_and_the_log_and_nothing_is_left_in_the_temporary_folder(
    built: TinyStudy,
) -> None:
    before, after = (
        {name: what for name, what in seen.items() if Path(name) not in (built.store, built.store.parent)}
        for seen in json.loads((built.folder / "seen.json").read_text())
    )
    assert {name: what for name, what in after.items() if name in before} == before
    log = built.folder / "runs" / "data-mess" / "log.jsonl"
    own = {str(place) for place in (log, log.parent, log.parent.parent)}
    written = {name for name in after if name not in before and not Path(name).is_relative_to(built.store)}
    assert written <= own | {str(built.folder / "home" / place) for place in (".cache", ".cache/assay")} | {
        str(built.folder / "home" / ".cache" / "assay" / "hashes.json")
    }
    assert not list((built.folder / "temporary").iterdir())
    inside = [name for name in after if Path(name).is_relative_to(built.store)]
    assert not any(after[name].startswith("link") for name in inside)
    assert "A secret" not in "".join(
        text
        for path in built.store.glob("objects/ingredient/*/*.parquet")
        for text in pq.read_table(path, columns=["text"] if path.stem != "found" else ["excerpt"])[0].to_pylist()
    )


def test_what_documents_would_do_to_a_terminal_is_not_done(built: TinyStudy) -> None:
    for more in ((), ("--dropped", "binary")):
        shown = built.assay("data", "show", "text", "--corpus", "mess.yaml", "--examples", "99", *more)
        assert shown.returncode == 0, shown.stderr
        assert not {"\x1b", "\x07", "\0"} & set(shown.stdout)


def test_a_damaged_repository_is_refused_by_its_name(built: TinyStudy) -> None:
    many = built.folder / "many"
    shutil.copytree(built.folder / "mess" / "repository", many / "damaged")
    for path in (many / "damaged" / ".git" / "objects").glob("??/*"):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:20])
    recipe = RECIPE.replace("name: mess", "name: many").replace("path: mess", "path: many")
    begin, end = recipe.index("ingredients:"), recipe.index("  beside:")
    recipe = recipe[:begin] + "ingredients:\n" + recipe[end:].replace("history, notes, examples, posts", "history")
    (built.folder / "many.yaml").write_text(recipe)
    done = built.assay("data", "build", "many.yaml")
    assert done.returncode == 1
    assert "git cannot read repository damaged" in done.stderr
    assert "Traceback" not in done.stderr
