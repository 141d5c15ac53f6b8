"""Reader of two releases of one package: each file that changed becomes a document like a commit.

Package indices hold no history, but releases and what their authors wrote about them; a changelog entry beside the
difference that it names is the nearest to a commit that they give. Entries are matched to files by names alone, so a
document may lack an entry that is about it, and an entry may stand at several files; one release is hundreds of
commits, so diffs are of many changes at once. Files that were added or removed are left to the readers of files.
"""

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import PurePosixPath

import enry

from assay.corpus.archive import Archive
from assay.corpus.candidate import Candidate, members
from assay.corpus.cleaning import Unfit, decode
from assay.corpus.commits import LARGEST_DIFF, is_noise
from assay.corpus.source import Source

LARGEST_FILE = 1_000_000
"""Characters of the largest file that is compared: the time may be the square of its lines."""
MOST_ENTRIES = 5
LONGEST_MESSAGE = 1000
"""Characters after which no further entry of the changelog is taken."""
MOST_FILES_OF_A_NAME = 5
"""A name that the changed lines of more files hold says nothing of any of them."""

_CHANGELOG = re.compile(
    r"(?:changes|changelog|history|news|release[-_]?notes?)(?:\.(?:md|rst|txt))?(?:\.gz)?", re.IGNORECASE
)
_VERSION = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+)")
_THIS_RELEASE = re.compile(r"#+ *(?:release information|what.s new|latest changes)", re.IGNORECASE)
_REFERENCES = re.compile(
    r" ?(?:for details,? )?\b(?:see|fixes) (?:https?://[^\s)]+|`#\d+ <[^>]*>`_)\.?| ?\(?`#\d+ <[^>]*>`_\)?"
    r"| ?\(?\[(?:#\d+|@[\w-]+|`?[0-9a-f]{7,40}`?)\](?:\(\S*?\))?\)?| ?:(?:issue|pr|ghpull|user):`[^`]*`"
    r"| ?\(#\d+\)|,? ?\bthanks(?: to)?(?:,? (?:and )?\[?@[\w-]+\]?(?:\(\S*?\))?)*[.!](?: -)?",
    re.IGNORECASE,
)
_UNDERLINE = re.compile(r"([=\-~^#*\"'])\1{2,}\s*$")
_BULLET = re.compile(r"([ \t]*)(?:[-*+•]|\d+[.)])[ \t]+")
_QUOTED = re.compile(r"`+([^`\n]+)`+")
_WORD = re.compile(r"[A-Za-z_]\w{3,}")
_COMPOUND = re.compile(r"\w*[a-z0-9](?:_[a-z0-9]|[A-Z])\w*")
_UNSAID = {"__init__", "__main__", "index", "main", "base", "core", "utils", "test", "tests", "common", "types"}


@dataclass(frozen=True, slots=True)
class _Change:
    path: str
    diff: str
    language: str
    words: frozenset[str]
    """Of the lines that were added or removed."""
    fault: str | None = None


def read_releases(source: Source, before: Archive, after: Archive) -> Iterator[Candidate]:
    """Every file that is in both releases and differs, in the order of their names.

    A document is a message, an empty line, and the unified diff (three lines of context, ``--- a/PATH`` and
    ``+++ b/PATH``). The message is those entries of the changelog for the versions after ``before`` that name the file,
    or a name found in the changed lines of at most ``MOST_FILES_OF_A_NAME`` files, this one among them; where there
    is none, ``PACKAGE: release X to Y``. Changelogs are files such as CHANGES.rst or HISTORY.md of the newer release or
    the description in its METADATA. The folder ``*.dist-info``, whose name has the version in it, is left out.
    """
    old, new = _name_and_version(before, source.before or ""), _name_and_version(after, source.package or "")
    changes = list(_changes(source, before, after))
    files_of_word = Counter(word for change in changes for word in change.words)
    entries = [entry for text in _changelogs(after) for entry in _entries(_between(text, old[1], new[1]))]
    for change in changes:
        if change.fault:
            yield Candidate(path=change.path, group=change.path, data="", language=change.language, fault=change.fault)
            continue
        said = [entry for entry in entries if _names(entry, change, files_of_word)]
        message = _short(said) if said else f"{new[0]}: release {old[1]} to {new[1]}"
        data = f"{message}\n\n{change.diff}"
        yield Candidate(path=change.path, group=change.path, data=data, language=change.language)


def _changes(source: Source, before: Archive, after: Archive) -> Iterator[_Change]:
    known = set(before.names())
    for name in members(source, after):
        if name not in known or ".dist-info/" in name or name == "package.json":
            continue
        language = enry.get_language(name, b"") or "unknown"
        try:
            old, new = before.read(name), after.read(name)
            if old != new:
                diff = _diff(name, decode(old), decode(new))
                if diff:
                    words = (_WORD.findall(line) for line in diff.split("\n")[2:] if line[:1] in "+-")
                    yield _Change(name, diff, language, frozenset(word for line in words for word in line))
        except Unfit as fault:
            yield _Change(name, "", language, frozenset(), str(fault))


def _diff(name: str, old: str, new: str) -> str:
    if is_noise(name):
        raise Unfit("vendored or generated")
    if max(len(old), len(new)) > LARGEST_FILE:
        raise Unfit("file is too large to compare")
    hunks = list(difflib.unified_diff(_lines(old), _lines(new), lineterm=""))[2:]
    if not hunks:
        return ""
    diff = "\n".join([f"--- a/{name}", f"+++ b/{name}", *hunks]) + "\n"
    if len(diff.encode("utf-8", "surrogatepass")) > LARGEST_DIFF:
        raise Unfit("diff is too large")
    return diff


def _lines(text: str) -> list[str]:
    """The lines without their ends; a last line that has none is marked as in any diff."""
    lines = text.split("\n")
    if lines[-1]:
        lines[-1] += "\n\\ No newline at end of file"
    else:
        lines.pop()
    return lines


def _name_and_version(archive: Archive, otherwise: str) -> tuple[str, str]:
    """What METADATA or package.json says; else the name that the recipe gives the package, twice."""
    try:
        for name in archive.names():
            if name.endswith(".dist-info/METADATA"):
                fields = HeaderParser().parsestr(decode(archive.read(name)))
                return str(fields.get("Name", otherwise)), str(fields.get("Version", otherwise))
        if "package.json" in archive.names():
            said = json.loads(archive.read("package.json"))
            return str(said["name"]), str(said["version"])
    except (Unfit, ValueError, KeyError, TypeError, RecursionError):
        pass
    return otherwise, otherwise


def _changelogs(archive: Archive) -> Iterator[str]:
    for name in archive.names():
        is_description = name.endswith(".dist-info/METADATA")
        if is_description or _CHANGELOG.fullmatch(PurePosixPath(name).name):
            try:
                yield decode(archive.read(name))
            except Unfit:
                continue


def _between(changelog: str, old: str, new: str) -> str:
    """The sections whose heading names a version after ``old``, up to ``new``, or says that it is the newest.

    Empty where a version is unknown.
    """
    if not (_VERSION.fullmatch(old) and _VERSION.fullmatch(new)):
        return ""
    lines = changelog.split("\n")
    kept: list[str] = []
    within = False
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        found = _VERSION.search(line)
        if found and len(line) <= 100 and (line.startswith("#") or _UNDERLINE.match(below)):
            within = _key(old) < _key(found.group(1)) <= _key(new)
        elif _THIS_RELEASE.match(line):
            within = True
        elif within:
            kept.append(line)
    return "\n".join(kept)


def _key(version: str) -> list[int]:
    return [int(part) for part in version.removeprefix("v").split(".")]


def _entries(section: str) -> Iterator[str]:
    """The items of the section's outermost lists, each on one line, without references to issues and people."""
    lines = section.split("\n")
    bullets = [match for match in map(_BULLET.match, lines) if match]
    outer = min((len(match.group(1)) for match in bullets), default=0)
    entry: list[str] = []
    for line in [*lines, ""]:
        bullet = _BULLET.match(line)
        begins = bullet is not None and len(bullet.group(1)) == outer
        continues = bool(entry) and line[: outer + 1].strip() == "" and line.strip() != ""
        if entry and not continues:
            yield _REFERENCES.sub("", " ".join(entry)).strip()
            entry = []
        if bullet is not None and begins:
            entry = [line[bullet.end() :].strip()]
        elif continues:
            entry.append(line.strip())


def _names(entry: str, change: _Change, files_of_word: Counter[str]) -> bool:
    """Whether an entry names the file, or something that few files' changed lines hold and this one's do."""
    path = PurePosixPath(change.path)
    stem = path.name.partition(".")[0]
    spoken = _WORD.findall(entry)
    if change.path in entry or path.name in entry or (stem in spoken and stem not in _UNSAID):
        return True
    quoted = {word for part in _QUOTED.findall(entry) for word in _WORD.findall(part)}
    said = quoted | {word for word in spoken if _COMPOUND.fullmatch(word)}
    return any(word in change.words and files_of_word[word] <= MOST_FILES_OF_A_NAME for word in said)


def _short(entries: Sequence[str]) -> str:
    kept: list[str] = []
    for entry in dict.fromkeys(entries):
        if kept and (len(kept) == MOST_ENTRIES or sum(map(len, kept)) + len(entry) > LONGEST_MESSAGE):
            break
        kept.append(entry)
    return "\n".join(kept)
