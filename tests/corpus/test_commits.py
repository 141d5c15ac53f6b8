import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.corpus import commits
from assay.corpus.candidate import Candidate
from assay.corpus.commits import commits_fingerprint, read_commits
from assay.corpus.source import Source
from assay.errors import StepError

MIT = b"""MIT License

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.
"""
Tree = Mapping[str, bytes]
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def _git(folder: Path, *words: str, text: bytes = b"", check: bool = True) -> bytes:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, input=text, env=ENVIRONMENT, capture_output=True, check=check, timeout=60).stdout


def _repository(
    folder: Path, changes: Sequence[tuple[str | bytes, Tree]], *options: str, author: str = "Ann <ann@example.org>"
) -> Path:
    """A repository with one commit a pair of message and whole tree, a minute apart."""
    folder.mkdir(parents=True)
    _git(folder, "init", "-q", "--initial-branch=main", *options)
    stream = b""
    for number, (message, tree) in enumerate(changes):
        words = message if isinstance(message, bytes) else message.encode()
        stream += f"commit refs/heads/main\ncommitter {author} {10**9 + 60 * number} +0000\n".encode()
        stream += b"data %d\n%s\ndeleteall\n" % (len(words), words)
        for path, data in tree.items():
            stream += b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data)
    _git(folder, "fast-import", "--quiet", text=stream)
    return folder


def _source(**more: object) -> Source:
    fields = {"name": "c", "about": "", "path": "p", "reader": "commits", "kind": "commit", **more}
    return Source.model_validate(fields)


def _read(root: Path, **more: object) -> list[Candidate]:
    return list(read_commits(_source(**more), root))


def _faults(root: Path, **more: object) -> list[str | None]:
    return [candidate.fault for candidate in _read(root, **more)]


def test_a_commit_is_its_message_and_the_diff_of_each_file(tmp_path: Path) -> None:
    first = {"a.py": b"one\ntwo\nthree\n", "LICENSE": MIT, "note s.md": b"hello\n"}
    second = {"a.py": b"one\n2\nthree\n", "LICENSE": MIT, "note s.md": b"hello\n"}
    message = (
        "Count with digits\n\nThey are shorter.\n\nSigned-off-by: Ann <ann@example.org>\nCc: Bob <bob@example.org>"
    )
    root = _repository(tmp_path / "counting", [("Words for the numbers", first), (message, second)])
    start, change = _read(root)
    assert change.data == (
        b"Count with digits\n\nThey are shorter.\n\n--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"
    )
    head = _git(root, "rev-parse", "HEAD").decode().strip()
    assert (change.path, change.group) == (f"counting@{head[:12]}", "counting")
    assert (change.language, change.licence) == ("Python", "MIT")
    assert isinstance(start.data, bytes)
    assert b"--- /dev/null\n+++ b/note s.md\n@@ -0,0 +1 @@\n+hello\n" in start.data


trees = st.lists(
    st.dictionaries(
        st.sampled_from(["a.py", "b/c.js", "b/d e.go", "é.txt"]),
        st.lists(st.sampled_from(["x", "y", "diff --git a/x b/x", "-- a/b", "end-", ""]), max_size=6).map(
            lambda lines: "".join(line + "\n" for line in lines).encode()
        ),
        max_size=4,
    ),
    min_size=1,
    max_size=5,
)


@given(states=trees)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_diffs_applied_in_their_order_give_the_files_of_head(
    tmp_path_factory: pytest.TempPathFactory, states: list[dict[str, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("r")
    written = [{path: data for path, data in state.items() if data} for state in states]
    # a moved file has no hunk to apply: a long line of its own makes every path's file unlike the others
    unlike = [{path: data + path.encode() * 99 + b"\n" for path, data in state.items()} for state in written]
    root = _repository(folder / "r", [(f"State number {n}: diff --git a/x b/x", s) for n, s in enumerate(unlike)])
    again = folder / "again"
    again.mkdir()
    _git(again, "init", "-q")
    for candidate in _read(root):
        assert candidate.fault in (None, "changes no file")
        if candidate.fault is None:
            assert isinstance(candidate.data, bytes)
            _git(again, "apply", "--unidiff-zero", "--whitespace=nowarn", text=candidate.data.split(b"\n\n", 1)[1])
    files = {path.relative_to(again).as_posix(): path.read_bytes() for path in again.rglob("*") if path.is_file()}
    assert {path: data for path, data in files.items() if not path.startswith(".git/")} == unlike[-1]


def test_a_moved_file_is_said_to_be_moved(tmp_path: Path) -> None:
    body = b"".join(b"line %d\n" % number for number in range(30))
    root = _repository(
        tmp_path / "r", [("Put it there", {"a.py": body}), ("Move it here", {"b/c.py": body + b"end\n"})]
    )
    moved = _read(root)[1]
    assert isinstance(moved.data, bytes)
    assert moved.data.startswith(
        b"Move it here\n\nrename from a.py\nrename to b/c.py\n--- a/a.py\n+++ b/b/c.py\n@@ -28,3 +28,4 @@"
    )


def test_messages_that_say_nothing_and_diffs_without_text_are_dropped_with_the_reason(tmp_path: Path) -> None:
    tree: dict[str, bytes] = {}
    wanted: list[tuple[str | bytes, Tree]] = []
    expected: list[str | None] = []

    def commit(message: str | bytes, fault: str | None, **files: bytes) -> None:
        tree.update({"f.py": b"%d\n" % len(wanted)} if not files else {})
        tree.update({path.replace("__", "."): data for path, data in files.items()})
        wanted.append((message, dict(tree)))
        expected.append(fault)

    commit("Initial commit", "automatic message")
    commit("Fix it", "message is too short")
    commit("Why " * 2600, "message is too long")
    commit("Merge the two of them by hand", "merge or revert")
    commit('Revert "Count with digits"', "merge or revert")
    commit("Bump lodash from 4.17.20 to 4.17.21", "automatic message")
    commit("Count the words [skip ci]", "automatic message")
    commit("Update README.md", "automatic message")
    commit(b"Na\xefve counting of words", "not UTF-8")
    commit("Merging of cells is counted", None)
    commit("Add a picture of it", "touches no file of text that is wanted", a__png=b"\0\1\2")
    commit("Pin what is used", "touches no file of text that is wanted", poetry__lock=b"[[package]]\n" * 9)
    commit("Both code and a lock file", None, poetry__lock=b"[[package]]\n" * 8, b__py=b"pass\n")
    commit("Write a very long file", "diff is too large", c__py=b"".join(b"%09d\n" % n for n in range(10_001)))
    commit("Touch very many files", "touches too many files", **{f"m{n}__py": b"%d\n" % n for n in range(51)})
    wanted.append(("Change nothing at all", dict(tree)))
    expected.append("changes no file")
    root = _repository(tmp_path / "r", wanted)
    found = _read(root)
    assert [candidate.fault for candidate in found] == expected
    mixed = found[expected.index(None) + 3]
    assert isinstance(mixed.data, bytes)
    assert b"b.py" in mixed.data
    assert b"poetry" not in mixed.data


def test_commits_of_a_robot_and_merges_are_left_out(tmp_path: Path) -> None:
    robot = "dependabot[bot] <49699333+dependabot[bot]@users.noreply.example.org>"
    root = _repository(tmp_path / "r", [("Newer version of a library", {"a.txt": b"1\n"})], author=robot)
    assert _faults(root) == ["automatic message"]
    name = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    _git(root, "checkout", "-q", "-b", "side", "main")
    _git(root, *name, "commit", "-q", "--allow-empty", "-m", "An empty one on the side")
    _git(root, "checkout", "-q", "main")
    _git(root, *name, "merge", "-q", "--no-ff", "-m", "Take the side in, a merge", "side")
    assert _faults(root) == ["automatic message", "changes no file"]


def test_only_files_that_the_source_wants_are_in_the_diff(tmp_path: Path) -> None:
    root = _repository(tmp_path / "r", [("Both of the files", {"a.py": b"1\n", "t/b.py": b"2\n", "c.md": b"3\n"})])
    (found,) = _read(root, files=["*.py"], exclude=["t/*"])
    assert found.data == b"Both of the files\n\n--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+1\n"
    assert _faults(root, files=["*.rs"]) == ["touches no file of text that is wanted"]


def test_bytes_that_are_not_utf8_are_handed_on_as_they_are(tmp_path: Path) -> None:
    root = _repository(tmp_path / "r", [("A word in Latin letters", {"a.txt": b"na\xefve\n"})])
    (found,) = _read(root)
    assert isinstance(found.data, bytes)
    assert b"+na\xefve\n" in found.data


def test_a_folder_gives_its_repositories_in_order_and_what_cannot_be_read_is_counted(tmp_path: Path) -> None:
    tree = {"a.py": b"pass\n"}
    for place in ("z/plain", "a/bare.git"):
        _repository(tmp_path / "all" / place, [("A first real change", tree)], *["--bare"] * place.endswith(".git"))
    _repository(tmp_path / "all" / "empty", [])
    (tmp_path / "all" / "broken" / ".git").mkdir(parents=True)
    (tmp_path / "all" / "loop").mkdir()
    (tmp_path / "all" / "loop" / ".git").write_text("gitdir: .git\n")
    (tmp_path / "all" / "loop" / "round").symlink_to(tmp_path / "all")
    (tmp_path / "all" / "circle").symlink_to("circle")
    (tmp_path / "all" / "plain file").write_text("no repository")
    # a submodule that is its own parent
    inner = tmp_path / "all" / "z" / "plain" / "inner"
    inner.mkdir()
    (inner / ".git").write_text("gitdir: ../.git\n")
    found = [(c.group, c.fault) for c in _read(tmp_path / "all")]
    assert found == [
        ("a/bare", None),
        ("broken", "not a git repository"),
        ("empty", "nothing was committed"),
        ("loop", "not a git repository"),
        ("z/plain", None),
    ]


def test_a_submodule_is_no_part_of_a_diff(tmp_path: Path) -> None:
    root = _repository(tmp_path / "r", [("The first of the files", {"a.py": b"1\n"})])
    _git(root, "reset", "-q", "--hard", "main")
    _git(root, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},inner")
    (root / "link").symlink_to("/etc/passwd")
    _git(root, "add", "link")
    name = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    _git(root, *name, "commit", "-q", "-m", "A submodule and a link beside it")
    assert _faults(root) == [None, "touches no file of text that is wanted"]


def test_what_is_no_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"is no folder: commits are read from"):
        _read(tmp_path / "nowhere")
    with pytest.raises(StepError, match="no git repository in"):
        _read(tmp_path)


def test_without_git_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = _repository(tmp_path / "r", [("A first real change", {"a.py": b"1\n"})])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StepError, match="the program git, which is not on the path"):
        _read(root)


def test_git_that_does_not_answer_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = _repository(tmp_path / "r", [("A first real change", {"a.py": b"1\n"})])
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(f'#!/bin/sh\ncase "$*" in *diff-tree*) exec sleep 60;; esac\nexec {real} "$@"\n')
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(commits, "TIMEOUT", 1.0)
    started = time.monotonic()
    with pytest.raises(StepError, match=r"git took longer than 1 s for commit [0-9a-f]{40} of r"):
        _read(root)
    assert time.monotonic() - started < 20


def _hostile(folder: Path, marker: Path) -> Path:
    """A repository whose configuration, attributes and hooks run a program at every turn that git knows."""
    trees = [{"a.py": b"%d\n" % number, ".gitattributes": b"*.py diff=evil filter=evil\n"} for number in range(3)]
    root = _repository(folder, [(f"Change number {number} of it", tree) for number, tree in enumerate(trees)])
    evil = folder / ".git" / "evil"
    evil.write_text(f'#!/bin/sh\ntouch "{marker}"\n')
    evil.chmod(0o755)
    for hook in ("post-checkout", "fsmonitor-watchman", "post-index-change", "reference-transaction"):
        (folder / ".git" / "hooks").mkdir(exist_ok=True)
        (folder / ".git" / "hooks" / hook).symlink_to(evil)
    with (folder / ".git" / "config").open("a") as config:
        config.write(
            f'[core]\nfsmonitor = "{evil}"\npager = "{evil}"\nsshCommand = "{evil}"\naskPass = "{evil}"\n'
            f'hooksPath = "{folder}/.git/hooks"\n[pager]\nlog = "{evil}"\n'
            f'[diff]\nexternal = "{evil}"\n[diff "evil"]\ntextconv = "{evil}"\ncommand = "{evil}"\n'
            f'[filter "evil"]\nsmudge = "{evil}"\nclean = "{evil}"\n'
            f'[log]\nshowSignature = true\n[gpg]\nprogram = "{evil}"\n'
            f'[alias]\nlog = "!{evil}"\ndiff-tree = "!{evil}"\nrev-parse = "!{evil}"\n'
            f'[credential]\nhelper = "!{evil}"\n[protocol]\nallow = always\n[protocol "ext"]\nallow = always\n'
            f'[extensions]\npartialClone = origin\n[remote "origin"]\npromisor = true\nurl = "ext::{evil}"\n'
        )
    return root


def test_nothing_that_a_repository_configures_is_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    root = _hostile(tmp_path / "hostile", marker)
    _git(root, "log", "-p", "--ext-diff", check=False)
    assert marker.exists()
    marker.unlink()
    found = _read(root)
    commits_fingerprint(root)
    assert [candidate.fault for candidate in found] == [None, None, None]
    assert isinstance(found[2].data, bytes)
    assert b"-1\n+2\n" in found[2].data
    assert not marker.exists()


def test_objects_that_a_partial_clone_left_out_are_told_and_not_fetched(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    root = _hostile(tmp_path / "hostile", marker)
    pack = next((root / ".git" / "objects" / "pack").glob("*.pack"), None)
    if pack is not None:
        away = tmp_path / "away.pack"
        pack.rename(away)
        pack.with_suffix(".idx").unlink()
        with away.open("rb") as packed:
            command = ["git", "-C", str(root), "unpack-objects", "-q"]
            subprocess.run(command, stdin=packed, env=ENVIRONMENT, check=True, timeout=60)
    marker.unlink(missing_ok=True)
    blob = _git(root, "rev-parse", "main~1:a.py").decode().strip()
    (root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    _git(
        root, "-c", "diff.external=", "log", "-p", "--no-textconv", "--no-ext-diff", "--no-show-signature", check=False
    )
    assert marker.exists()
    marker.unlink()
    found = read_commits(_source(), root)
    assert next(found).fault is None
    with pytest.raises(StepError, match=rf"git cannot read commit [0-9a-f]{{40}} of hostile: .*{blob}"):
        next(found)
    assert not marker.exists()


def test_the_configuration_of_a_repository_changes_no_document(tmp_path: Path) -> None:
    lines = [b"%d\n" % number for number in range(40)]
    changed = [*lines[:20], b"new\n", *lines[20:]]
    root = _repository(tmp_path / "r", [("Forty of the lines", {"b.py": b"".join(lines)})] * 1)
    other = _repository(
        tmp_path / "other",
        [("Forty of the lines", {"b.py": b"".join(lines)}), ("And one line more", {"b.py": b"".join(changed)})],
    )
    before = [candidate.data for candidate in _read(other)]
    for key, value in (("diff.context", "0"), ("diff.noprefix", "true"), ("core.quotePath", "true")):
        _git(other, "config", key, value)
    _git(other, "config", "color.ui", "always")
    assert [candidate.data for candidate in _read(other)] == before
    assert [candidate.data for candidate in _read(root)] == before[:1]


def test_a_shallow_clone_and_a_linked_worktree_are_read(tmp_path: Path) -> None:
    tree = [{"a.py": b"%d\n" % number} for number in range(3)]
    root = _repository(tmp_path / "r", [(f"Change number {n} of it", state) for n, state in enumerate(tree)])
    _git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "shallow")
    (last,) = _read(tmp_path / "shallow")
    assert last.fault is None
    _git(root, "worktree", "add", "-q", str(tmp_path / "tree"), "main~1")
    assert len(_read(tmp_path / "tree")) == 2


def test_the_fingerprint_sees_heads_and_names_only(tmp_path: Path) -> None:
    one = [("A first real change", {"a.py": b"1\n"})]
    root = tmp_path / "all"
    _repository(root / "a", one)
    _repository(root / "b", one)
    before = commits_fingerprint(root)
    assert set(before) == {"sha256"}
    assert len(before["sha256"]) == 64
    _git(root / "a", "branch", "another")
    (root / "a" / "untracked.py").write_text("2\n")
    assert commits_fingerprint(root) == before
    (root / "b").rename(root / "c")
    renamed = commits_fingerprint(root)
    name = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    _git(root / "c", *name, "commit", "-q", "--allow-empty", "-m", "One more")
    assert len({str(value) for value in (before, renamed, commits_fingerprint(root))}) == 3
