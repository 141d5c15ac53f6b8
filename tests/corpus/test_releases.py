import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_corpus import MakeWheel

from assay.corpus.archive import Archive, WheelArchive
from assay.corpus.candidate import Candidate
from assay.corpus.package_archive import TarArchive
from assay.corpus.releases import read_releases
from assay.corpus.source import Source

Files = Mapping[str, bytes | str]


def _source(**more: object) -> Source:
    fields = {
        "name": "r",
        "about": "",
        "package": "new",
        "before": "old",
        "reader": "releases",
        "kind": "commit",
        **more,
    }
    return Source.model_validate(fields)


def _npm(path: Path, version: str, files: Files) -> Archive:
    contents = {"package.json": json.dumps({"name": "counting", "version": version}), **files}
    with tarfile.open(path, "w:gz") as archive:
        for name, text in contents.items():
            data = text if isinstance(text, bytes) else text.encode()
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return TarArchive(path)


def _read(tmp_path: Path, old: Files, new: Files, **more: object) -> list[Candidate]:
    before = _npm(tmp_path / "old.tgz", "1.9.0", old)
    after = _npm(tmp_path / "new.tgz", "1.10.0", new)
    return list(read_releases(_source(**more), before, after))


def _text(candidate: Candidate) -> str:
    assert isinstance(candidate.data, str)
    return candidate.data


def test_a_changed_file_is_a_message_and_its_diff_and_an_unchanged_one_is_nothing(make_wheel: MakeWheel) -> None:
    _, old = make_wheel("old", {"p/a.py": "one\ntwo\nthree\n", "p/b.py": "same\n", "p/gone.py": "1\n"})
    _, new = make_wheel("new", {"p/a.py": "one\n2\nthree\n", "p/b.py": "same\n", "p/fresh.py": "1\n"})
    (found,) = read_releases(_source(), WheelArchive(old), WheelArchive(new))
    assert (found.path, found.group, found.language, found.fault) == ("p/a.py", "p/a.py", "Python", None)
    assert found.data == (
        "new: release 1.0 to 1.0\n\n--- a/p/a.py\n+++ b/p/a.py\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"
    )


MARKDOWN = """# History

## 1.11.0 (not yet released)

- Words of the future in `count`.

## 1.10.0 - 2026-04-07

- Fix: `count_words` no longer counts the empty word (#12). Thanks @ann!
  Nor does it count dashes.
- `tally.js`: faster.
- Sum up `everything` that there is.

## v1.9.1

* Count in the old way, see `countSlowly`.

## 1.9.0

- `count_words` is new.
"""


def test_the_entries_of_the_changelog_that_name_a_file_or_what_changed_in_it_are_its_message(tmp_path: Path) -> None:
    names = ["words", "tally", "slow", "other"]
    old = {f"src/{name}.js": f"function {name}() {{}}\n" for name in names}
    new = {
        "HISTORY.md": MARKDOWN,
        "src/words.js": "function count_words() { everything }\n",
        "src/tally.js": "function tally() { quick }\n",
        "src/slow.js": "function countSlowly() {}\n",
        "src/other.js": "function other() { 1 }\n",
    }
    found = {c.path: _text(c).split("\n\n--- a/")[0] for c in _read(tmp_path, old, new, files=["src/*"])}
    assert found == {
        "src/words.js": "Fix: `count_words` no longer counts the empty word. Nor does it count dashes.\n"
        "Sum up `everything` that there is.",
        "src/tally.js": "`tally.js`: faster.",
        "src/slow.js": "Count in the old way, see `countSlowly`.",
        "src/other.js": "counting: release 1.9.0 to 1.10.0",
    }


def test_a_name_that_changed_everywhere_says_nothing_of_any_file(tmp_path: Path) -> None:
    old = {f"src/{number}.js": "old\n" for number in range(6)}
    new = {f"src/{number}.js": "everything\n" for number in range(6)} | {"HISTORY.md": MARKDOWN}
    messages = {_text(c).split("\n")[0] for c in _read(tmp_path, old, new, files=["src/*"])}
    assert messages == {"counting: release 1.9.0 to 1.10.0"}


def test_changelogs_with_underlined_versions_and_descriptions_of_wheels_are_read(make_wheel: MakeWheel) -> None:
    description = "License: MIT\n\nA package.\n\n## Release Information\n\n### Fixed\n\n* `find_it` finds it. (#7)\n"
    _, old = make_wheel("old", {"p/a.py": "1\n"})
    _, new = make_wheel("new", {"p/a.py": "find_it()\n"}, licence=description)
    (found,) = read_releases(_source(), WheelArchive(old), WheelArchive(new))
    assert _text(found).startswith("`find_it` finds it.\n\n--- a/p/a.py\n")


def test_underlined_headings_of_restructured_text_part_the_versions(tmp_path: Path) -> None:
    changes = (
        "Version 1.10.0\n--------------\n\n-   ``first_thing`` is first. :issue:`12`\n\n"
        "Version 1.9.0\n-------------\n\n-   ``other_thing`` is old.\n"
    )
    new = {"a.js": "first_thing other_thing\n", "CHANGES.rst": changes}
    (found,) = _read(tmp_path, {"a.js": "\n"}, new, files=["*.js"])
    assert _text(found).startswith("``first_thing`` is first.\n\n--- a/a.js\n")


def test_what_cannot_be_compared_is_dropped_with_the_reason(tmp_path: Path) -> None:
    new: dict[str, bytes | str] = {
        "a.js": b"\xff",
        "b.js": "".join(f"line {number}\n" for number in range(20_000)),
        "c.js": "x" * 1_000_001,
        "d.min.js": "2",
        "package-lock.json": "{}\n",
        "e.js": "1\r\n",
    }
    old = dict.fromkeys(new, "1\n")
    assert {c.path: c.fault for c in _read(tmp_path, old, new)} == {
        "a.js": "not UTF-8",
        "b.js": "diff is too large",
        "c.js": "file is too large to compare",
        "d.min.js": "vendored or generated",
        "package-lock.json": "vendored or generated",
    }


texts = st.lists(st.sampled_from(["a", "b", "", "--- a/x", "@@ -1 +1 @@", "é\x0c\u2028"]), max_size=8).map("\n".join)


@given(old=texts, new=texts)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_diff_applied_to_the_older_file_gives_the_newer_one(
    tmp_path_factory: object, tmp_path: Path, old: str, new: str
) -> None:
    found = _read(tmp_path, {"a.js": old}, {"a.js": new}, files=["a.js"])
    assert len(found) == (old != new)
    (tmp_path / "a.js").write_text(old)
    if found:
        diff = _text(found[0]).split("\n\n", 1)[1]
        command = ["git", "apply", "--whitespace=nowarn", "--unidiff-zero", "-"]
        subprocess.run(command, input=diff.encode(), cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert (tmp_path / "a.js").read_text() == new


def test_damaged_metadata_only_costs_the_version(tmp_path: Path) -> None:
    before, after = _npm(tmp_path / "old.tgz", "1", {"a.js": "1\n"}), _npm(tmp_path / "new.tgz", "2", {"a.js": "2\n"})
    assert _text(next(read_releases(_source(), before, after))).startswith("counting: release 1 to 2\n")
    odd = _npm(tmp_path / "odd.tgz", "2", {"a.js": "2\n", "package.json": "[" * 100_000})
    assert _text(next(read_releases(_source(), before, odd))).startswith("new: release 1 to new\n")
