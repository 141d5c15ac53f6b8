"""YAML files: what they hold, and in which line what is wrong stands."""

import pytest

from assay.errors import InputError
from assay.yaml_file import line_of, read_mapping

TEXT = """\
# a file of mine

title: Mine
parts:
  - name: first
  - name: second
    1: one
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ((), 3),
        (("title",), 3),
        (("parts",), 4),
        (("parts", 0), 5),
        (("parts", 1, "name"), 6),
        (("parts", "1", 1), 7),
        (("parts", 1, "missing"), 6),
        (("parts", 7), 4),
        (("a-tag", "parts", "another-tag", 1, "name"), 6),
    ],
)
def test_a_place_is_in_the_line_of_the_deepest_key_on_the_way_to_it(place: tuple[int | str, ...], line: int) -> None:
    values, root = read_mapping(TEXT, "mine.yaml", "a mapping is wanted")
    assert values == {"title": "Mine", "parts": [{"name": "first"}, {"name": "second", 1: "one"}]}
    assert line_of(root, place) == line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title: [\n", "mine.yaml:2: not YAML: "),
        ("a: 1\nb: c: d\n", "mine.yaml:2: not YAML: mapping values are not allowed here"),
        ("a: \x07\n", "mine.yaml: not YAML: "),
        ("a: 1\n--- \nb: 2\n", "mine.yaml:2: not YAML: "),
        ("a: !!python/name:os.system\n", "mine.yaml:1: not YAML: could not determine a constructor"),
        ("", "mine.yaml: a mapping is wanted"),
        ("- a\n", "mine.yaml: a mapping is wanted"),
    ],
)
def test_what_is_no_mapping_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(InputError) as problem:
        read_mapping(text, "mine.yaml", "a mapping is wanted")
    assert str(problem.value).startswith(told)
