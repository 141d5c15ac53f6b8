"""Reader of git repositories: a commit's message and its diff as one document, the commits of HEAD oldest first.

A repository may come from anyone, and git runs what a repository's configuration names (diff drivers, signature
checks, transports of a partial clone). So only its objects are read: git works in an empty repository of ours that
borrows them, under an environment of ours, and meets none of the configuration, attributes, hooks and working files
of the repository itself; nothing is checked out or fetched and submodules are not entered. The filters are those of
CommitPack (arXiv 2308.07124, appendix C) and StarCoder (arXiv 2305.06161, section 3.4) that drop; their subsampling
by kind of change is not done, a study's shares are set in its mix.
"""

import hashlib
import os
import re
import secrets
import select
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

import enry

from assay.corpus.archive import chosen
from assay.corpus.candidate import Candidate
from assay.corpus.cleaning import Unfit
from assay.corpus.licences import of_text
from assay.corpus.source import Source
from assay.errors import StepError

MOST_FILES = 50
"""Files that a commit may touch; a renamed one counts twice."""
LARGEST_DIFF = 100_000
"""Bytes of the longest diff that is kept."""
SHORTEST_MESSAGE = 10
LONGEST_MESSAGE = 10_000
TIMEOUT = 120.0
"""Seconds that git may take for one commit, or to list a repository's commits."""

_LONGEST_ANSWER = 20 * LARGEST_DIFF
_CONFIG = """[core]
repositoryformatversion = 1
bare = true
quotepath = false
bigFileThreshold = 1m
[extensions]
objectFormat = {hash}
"""
_MERGE_OR_REVERT = re.compile(r"(?:merge|revert)\b", re.IGNORECASE)
_AUTOMATIC = re.compile(
    r"\A(?:initial (?:commit|import|revision)|first commit|bump\b|auto-?(?:merge|generated|update)|add files via upload"
    r"|(?:update|create|delete|rename) \S+\Z)|\[skip[ -]ci\]|\[ci[ -]skip\]|\b(?:dependabot|renovate|pre-commit\.ci)\b",
    re.IGNORECASE,
)
_ROBOT = re.compile(r"\[bot\]|\bbot@|dependabot|renovate|greenkeeper|pyup-bot", re.IGNORECASE)
_TRAILER = re.compile(
    r"^(?:(?:[a-z]+-)+by|cc|change-id|git-svn-id): .*\n?|^\(cherry picked from commit .*\n?",
    re.MULTILINE | re.IGNORECASE,
)
_FILE = re.compile(rb"^diff --git ", re.MULTILINE)
_NOT_A_FILE = re.compile(rb"^(?:(?:new file|deleted file|old|new) mode|index [0-9a-f.]+) 1[26]0000$", re.MULTILINE)
_KEPT_HEADER = re.compile(rb"^(?:(?:---|\+\+\+|rename from|rename to) .*)$", re.MULTILINE)
_LICENCE_FILE = re.compile(r"(?:un)?licen[sc]e|copying", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Repository:
    name: str
    """Path below the root, without ``.git``."""
    objects: Path
    """Folder of its objects."""
    shallow: Path
    """File of the commits whose parents were left out; need not exist."""
    hash: str
    """``sha1`` or ``sha256``."""
    head: str
    """Commit of HEAD; empty where there is none."""
    fault: str = ""
    """Why it cannot be read."""


def read_commits(source: Source, root: Path) -> Iterator[Candidate]:
    """Every commit of HEAD that is not a merge, oldest first, of each repository, in the order of their names.

    ``root`` is a repository, bare or not, or a folder that is searched for them; links are not followed, and what
    lies inside a repository belongs to it. A document is the message, without trailers such as ``Signed-off-by``,
    an empty line, and the unified diff of each touched file that ``source.files`` chooses, in git's order: the lines
    ``---`` and ``+++`` (or ``rename from`` and ``rename to``), then the hunks. Binary, vendored, generated and lock
    files are left out of it. The path is ``REPOSITORY@`` and twelve digits of the commit, the group the repository,
    the language that of most of the diff, the licence that of a licence file of HEAD.

    Raises:
        StepError: There is no repository, or no git, or git cannot read a commit or takes longer than ``TIMEOUT``.
    """
    for repository in _repositories(root):
        if repository.fault:
            yield Candidate(path=repository.name, group=repository.name, data="", fault=repository.fault)
        else:
            with tempfile.TemporaryDirectory() as folder:
                yield from _commits(source, repository, _Borrowed(repository, Path(folder)))


def commits_fingerprint(root: Path) -> dict[str, str]:
    """What identifies the commits under ``root``: a sha256 over the sorted lines ``repository<TAB>commit of HEAD``.

    Raises:
        StepError: As :func:`read_commits`.
    """
    lines = [f"{repository.name}\t{repository.head}\n" for repository in _repositories(root)]
    return {"sha256": hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()}


def _repositories(root: Path) -> list[_Repository]:
    def unreadable(error: OSError) -> None:
        raise StepError(f"{error.filename} cannot be read: {error.strerror}") from error

    root = root.resolve()
    if not root.is_dir():
        raise StepError(f"{root} is no folder: commits are read from a git repository or a folder of them")
    found = []
    for place, folders, _ in os.walk(root, onerror=unreadable):
        folder = Path(place)
        if os.path.lexists(folder / ".git") or _is_git_folder(folder):
            folders.clear()
            name = (root.name if folder == root else folder.relative_to(root).as_posix()).removesuffix(".git")
            found.append(_opened(name, folder / ".git" if os.path.lexists(folder / ".git") else folder))
    if not found:
        raise StepError(f"no git repository in {root}")
    return sorted(found, key=lambda repository: repository.name)


def _is_git_folder(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def _opened(name: str, git: Path) -> _Repository:
    places = _git(git, "rev-parse", "--show-object-format", "--git-path", "objects", "--git-path", "shallow")
    if places.returncode:
        return _Repository(name, git, git, "", "", fault="not a git repository")
    hash_name, objects, shallow = os.fsdecode(places.stdout).split("\n")[:3]
    head = _git(git, "rev-parse", "--verify", "--quiet", "HEAD").stdout.decode().strip()
    fault = "" if head else "nothing was committed"
    return _Repository(name, Path(objects), Path(shallow), hash_name, head, fault)


def _git(git: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", f"--git-dir={git}", *words]
    try:
        return subprocess.run(
            command,
            env=_environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except FileNotFoundError as error:
        raise StepError("commits are read with the program git, which is not on the path: install it") from error
    except subprocess.TimeoutExpired as error:
        raise StepError(f"git {words[0]} took longer than {TIMEOUT:.0f} s in {git}") from error


def _environment(**more: str) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "GIT_CONFIG_KEY_1": "core.hooksPath",
        "GIT_CONFIG_VALUE_1": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        **more,
    }


def _said(stderr: bytes) -> str:
    return stderr.decode("utf-8", "replace").strip().splitlines()[-1] if stderr.strip() else "git gave no reason"


class _Borrowed:
    """An empty repository in ``folder`` that borrows another's objects, and nothing else of it."""

    def __init__(self, repository: _Repository, folder: Path) -> None:
        self.name = repository.name
        self._folder = folder
        for inner in ("objects", "refs"):
            (folder / inner).mkdir()
        (folder / "HEAD").write_text("ref: refs/heads/none\n")
        (folder / "config").write_text(_CONFIG.format(hash=repository.hash))
        (folder / "objects" / "info").mkdir()
        (folder / "objects" / "info" / "alternates").write_bytes(os.fsencode(repository.objects) + b"\n")
        self._shallow = {"GIT_SHALLOW_FILE": str(repository.shallow)} if repository.shallow.is_file() else {}

    def git(self, *words: str) -> bytes:
        """What a git command prints; raises StepError where it fails."""
        done = _git(self._folder, *words, **self._shallow)
        if done.returncode:
            raise StepError(f"git cannot read repository {self.name}: {_said(done.stderr)}")
        return done.stdout

    @contextmanager
    def diff_tree(self, *options: str) -> Iterator["_Asked"]:
        """A ``git diff-tree`` to ask about one commit at a time."""
        words = ["git", f"--git-dir={self._folder}", "diff-tree", "--stdin", "-r", "--root", "--no-ext-diff"]
        pipe = subprocess.PIPE
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(
                [*words, "--no-textconv", *options],
                bufsize=0,
                env=_environment(**self._shallow),
                stdin=pipe,
                stdout=pipe,
                stderr=errors,
            ) as process,
        ):
            try:
                yield _Asked(self.name, process, errors)
            finally:
                process.kill()


class _Asked:
    """A running ``git diff-tree --stdin``.

    It echoes a line that names no commit and then flushes, so an answer ends at a word that nobody could foresee,
    and no message or file can pretend to be the next commit.
    """

    def __init__(self, name: str, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._name = name
        self._process = process
        self._asking = process.stdin
        self._answers = process.stdout.fileno()
        self._errors = errors
        self._end = f"end-{secrets.token_hex(16)}\n".encode()

    def answer(self, commit: str) -> bytes | None:
        """What git says of the commit; None where it is more than ``_LONGEST_ANSWER`` bytes."""
        deadline = time.monotonic() + TIMEOUT
        try:
            self._asking.write(commit.encode() + b"\n" + self._end)
        except BrokenPipeError:
            self._failed(commit)
        answer = bytearray()
        whole = True
        while not answer.endswith(self._end):
            if len(answer) > _LONGEST_ANSWER:
                whole = False
                del answer[: -len(self._end)]
            if not select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise StepError(f"git took longer than {TIMEOUT:.0f} s for commit {commit} of {self._name}")
            piece = os.read(self._answers, 1 << 16)
            if not piece:
                self._failed(commit)
            answer += piece
        return bytes(answer[: -len(self._end)]) if whole else None

    def _failed(self, commit: str) -> NoReturn:
        self._process.wait()
        self._errors.seek(0)
        raise StepError(f"git cannot read commit {commit} of {self._name}: {_said(self._errors.read())}")


def _commits(source: Source, repository: _Repository, git: _Borrowed) -> Iterator[Candidate]:
    licence = _licence(git, repository.head)
    listed = git.git("rev-list", "--no-merges", "--date-order", "--reverse", repository.head)
    about = ("--no-renames", "--name-only", "-z", "--format=%ae%x00%B%x00")
    # renames are looked for among 200 files at most, as git did until 2.34: the time is the square of it
    patch = ("--patch", "--no-commit-id", "--find-renames", "-l200", "--no-color")
    with git.diff_tree(*about) as headers, git.diff_tree(*patch) as patches:
        for commit in listed.decode().split():
            place = f"{repository.name}@{commit[:12]}"
            text = b""
            language = "unknown"
            try:
                message = _message(headers.answer(commit))
                text, language = _diff(source, patches.answer(commit))
                text = message + b"\n\n" + text
            except Unfit as fault:
                yield Candidate(path=place, group=repository.name, data="", language=language, fault=str(fault))
            else:
                yield Candidate(path=place, group=repository.name, data=text, language=language, licence=licence)


def _message(header: bytes | None) -> bytes:
    """The commit's message without trailers; raises Unfit where it breaks a rule for commits."""
    if header is None:
        raise Unfit("touches too many files")
    if not header:
        raise Unfit("changes no file")
    author, message, *files = header.split(b"\0")
    if len(files) - 1 > MOST_FILES:
        raise Unfit("touches too many files")
    try:
        text = _TRAILER.sub("", message.decode()).strip()
    except UnicodeDecodeError:
        raise Unfit("not UTF-8") from None
    if len(text) < SHORTEST_MESSAGE:
        raise Unfit("message is too short")
    if len(text) > LONGEST_MESSAGE:
        raise Unfit("message is too long")
    if _MERGE_OR_REVERT.match(text):
        raise Unfit("merge or revert")
    if _AUTOMATIC.search(text) or _ROBOT.search(author.decode("utf-8", "replace")):
        raise Unfit("automatic message")
    return text.encode()


def _diff(source: Source, patch: bytes | None) -> tuple[bytes, str]:
    """The diff of the files that are wanted, and the language of most of it; raises Unfit."""
    if patch is None:
        raise Unfit("diff is too large")
    kept = []
    languages: Counter[str] = Counter()
    for section in _FILE.split(patch)[1:]:
        head, found, hunks = section.partition(b"\n@@ ")
        lines = [line.rstrip(b"\t") for line in _KEPT_HEADER.findall(head)]
        if not lines or _NOT_A_FILE.search(head):
            continue
        name = _name(lines)
        if is_noise(name) or not chosen([name], source.files, source.exclude):
            continue
        text = b"\n".join(lines) + (b"\n@@ " + hunks.rstrip(b"\n") if found else b"") + b"\n"
        kept.append(text)
        languages[enry.get_language(name, b"") or "unknown"] += len(text)
    if not kept:
        raise Unfit("touches no file of text that is wanted")
    if sum(map(len, kept)) > LARGEST_DIFF:
        raise Unfit("diff is too large")
    return b"".join(kept), languages.most_common(1)[0][0]


def _name(header: list[bytes]) -> str:
    """The file's path after the commit, or before it where the commit deletes the file."""
    places = [line.split(b" ", 1)[1] for line in header if line.startswith((b"--- ", b"+++ "))]
    if not places:
        return header[-1].removeprefix(b"rename to ").decode("utf-8", "replace")
    place = next((place for place in reversed(places) if place != b"/dev/null"), b"")
    return place.strip(b'"')[2:].decode("utf-8", "replace")


def is_noise(path: str) -> bool:
    """Whether linguist says by its path that a file is vendored or generated, or it is a lock file."""
    return bool(enry.is_vendor(path) or enry.is_generated(path, b"") or path.endswith((".lock", "-lock.yaml")))


def _licence(git: _Borrowed, head: str) -> str | None:
    """SPDX name of a licence file at the top of ``head``; None where there is none that is known."""
    names = os.fsdecode(git.git("ls-tree", "-z", "--name-only", head)).split("\0")
    for name in sorted(name for name in names if _LICENCE_FILE.match(name)):
        size = int(git.git("cat-file", "-s", f"{head}:{name}"))
        if 0 < size <= LARGEST_DIFF:
            found = of_text(git.git("cat-file", "-p", f"{head}:{name}").decode("utf-8", "replace"))
            if found:
                return found
    return None
