"""What an annotation promises is asked of values: as typing's own reading of it would, and more strictly."""

import ast
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.corpus.synthesis.verification.contract import contract, fits

ANNOTATIONS = (
    "int", "str", "bool", "float", "None", "list[int]", "list[list[str]]", "tuple[int, str]", "tuple[int, ...]",
    "dict[str, int]", "dict[str, list[tuple[str, int]]]", "set[str]", "int | None", "list[int | str]",
    "dict[tuple[int, int], set[int]]",
)  # fmt: skip
leaves = st.none() | st.booleans() | st.integers(0, 3) | st.floats(0, 1) | st.text(max_size=2)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.lists(inner, max_size=2).map(tuple)
        | st.dictionaries(leaves, inner, max_size=2)
        | st.sets(leaves, max_size=2)
    ),
    max_leaves=6,
)


def asked(annotation: str, value: object) -> bool:
    check = fits(ast.parse(annotation, mode="eval").body, "value")
    return bool(eval(check, {"value": value}))


def is_of(value: Any, kind: Any) -> bool:
    """An oracle: the types themselves, not their source."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is None:
        return type(value) in {float: (int, float), None: (type(None),)}.get(kind, (kind,))
    if origin is list or origin is set:
        return type(value) is origin and all(is_of(one, inner[0]) for one in value)
    if origin is dict:
        return type(value) is dict and all(is_of(k, inner[0]) and is_of(v, inner[1]) for k, v in value.items())
    if origin is tuple:
        if inner[1] is ...:
            return type(value) is tuple and all(is_of(one, inner[0]) for one in value)
        return type(value) is tuple and len(value) == len(inner) and all(map(is_of, value, inner))
    return any(is_of(value, None if one is type(None) else one) for one in inner)


@given(st.sampled_from(ANNOTATIONS), values)
def test_a_value_fits_an_annotation_as_its_types_say(annotation: str, value: object) -> None:
    assert asked(annotation, value) == is_of(value, eval(annotation))


@given(st.sampled_from(ANNOTATIONS), st.data())
def test_what_is_made_of_a_type_fits_it(annotation: str, data: st.DataObject) -> None:
    kind = eval(annotation)
    value = data.draw(st.from_type(kind if kind is not None else type(None)))
    assert asked(annotation, value)


@pytest.mark.parametrize("old", ["List[int]", "typing.List[int]", "'list[int]'", "Sequence[int]"])
def test_other_ways_to_write_a_type_are_read(old: str) -> None:
    assert asked(old, [1])
    assert not asked(old, ["a"])
    assert asked("Optional[int]", None)
    assert asked("Union[int, str]", "a")
    assert not asked("Union[int, str]", 0.5)
    assert asked("Mapping[str, int]", {"a": 1})


def test_of_what_cannot_be_read_nothing_is_asked() -> None:
    for annotation in ("T", "Node", "Callable[[int], int]", "Any", "int | Node"):
        assert fits(ast.parse(annotation, mode="eval").body, "value") == ""
    assert asked("list[Node]", [object()])
    assert contract("f", ("a", "b"), None).check == "f(a, b) == result"
