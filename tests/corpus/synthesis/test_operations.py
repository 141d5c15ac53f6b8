"""Every operation and part by itself: its forms agree, it is total and typed, and what it says of itself holds."""

import copy
import hashlib
import itertools
import re
import typing
from collections.abc import Callable, Iterator
from random import Random

import pytest

from assay.corpus.synthesis.composed.kind import ANNOTATIONS, Kind, Noun
from assay.corpus.synthesis.composed.operation import PLACE, Operation, Part
from assay.corpus.synthesis.composed.operations import OPERATIONS, PARTS
from assay.corpus.synthesis.composed.program import Chosen, Input, Node, Program
from assay.corpus.synthesis.composed.render import becomes, part_code, render
from assay.corpus.synthesis.composed.values import edges_source, inputs_source

WORDS = ("amber", "Oslo", "fig", "a", "kayak", "mint", "delta", "noon", "river", "Quartz", "bee", "stone")
TRIED = 60
LARGE = (-1, -17, 97, 12345, 10**6, -(10**6))


def given(kind: Kind, name: str) -> Input:
    noun = Noun("reading", "readings", "city", "amount")
    return Input(kind, noun, name, "a value", words=WORDS, low=-6, high=20)


def seed(*key: object) -> int:
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:6], "big")


def draws(operation: Operation, random: Random) -> Node:
    parts = {}
    for place, (role, element) in operation.parts.items():
        fitting = [part for part in PARTS if (part.role, part.of) == (role, element)]
        assert fitting, f"no part is a {role} of a {element}"
        part = random.choice(fitting)
        parts[place] = Chosen(part, {name: random.choice(values) for name, values in part.literals.items()})
    literals = {name: random.choice(values) for name, values in operation.literals.items()}
    return Node(operation, tuple(range(len(operation.takes))), parts, literals)


def programs(operation: Operation) -> Iterator[Program]:
    inputs = tuple(given(kind, name) for kind, name in zip(operation.takes, ("alpha", "beta"), strict=False))
    for number in range(8):
        yield Program(inputs, (draws(operation, Random(seed(operation.name, number))),))


def function(source: str) -> typing.Any:
    names: dict[str, typing.Any] = {}
    exec(compile(source, "<operation>", "exec"), names)
    return names["answer"]


def arguments(program: Program) -> Iterator[tuple[typing.Any, ...]]:
    names: dict[str, typing.Any] = {}
    exec(inputs_source(program.inputs), names)
    yield from eval(edges_source(program.inputs))
    if [one.kind for one in program.inputs] == ["number"]:
        yield from ((value,) for value in LARGE)
    for number in range(TRIED):
        yield names["make_inputs"](Random(number))


def is_a(value: object, annotation: str) -> bool:
    outer, _, inner = annotation.partition("[")
    inner = inner.removesuffix("]")
    if not inner:
        return type(value).__name__ == outer
    if outer == "list":
        return isinstance(value, list) and all(is_a(one, inner) for one in value)
    if outer == "tuple":
        assert isinstance(value, tuple)
        return all(is_a(one, kind) for one, kind in zip(value, inner.split(", "), strict=True))
    key, _, of = inner.partition(", ")
    return isinstance(value, dict) and all(is_a(k, key) and is_a(v, of) for k, v in value.items())


def is_well_formed(value: typing.Any, kind: Kind) -> bool:
    checks: dict[str, Callable[[], object]] = {
        "count": lambda: 0 <= value <= 10**4,
        "graph": lambda: all(to in value for many in value.values() for to in many),
        "grid": lambda: len({len(row) for row in value}) <= 1,
        "spans": lambda: all(start <= end for start, end in value),
        "settings": lambda: re.fullmatch(r"([A-Za-z]+=-?\d+(;[A-Za-z]+=-?\d+)*)?", value),
        "brackets": lambda: set(value) <= set("()[]{}"),
        "moves": lambda: set(value) <= set("UDLR"),
        "runs": lambda: re.fullmatch(r"([a-z]\d+)*", value),
        "digits": lambda: re.fullmatch(r"\d*", value),
    }
    return bool(checks.get(kind, lambda: True)())


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_all_ways_to_write_an_operation_agree_and_give_what_it_says(operation: Operation) -> None:
    seen = set()
    for program in programs(operation):
        node = program.nodes[0]
        sources = [render(program, "answer", lambda _, at=at: at, Random(at)).source for at in range(6)]  # type: ignore[misc]
        functions = [function(source) for source in dict.fromkeys(sources)]
        for given_ in arguments(program):
            kept = copy.deepcopy(given_)
            results = [one(*given_) for one in functions]
            assert given_ == kept, f"an argument is changed:\n{sources[0]}"
            told = f"{given_} → {results}\n" + "\n".join(dict.fromkeys(sources))
            assert all(repr(one) == repr(results[0]) for one in results), told
            result = results[0]
            assert is_a(result, ANNOTATIONS[operation.gives]), told
            assert is_well_formed(result, operation.gives), told
            seen.add(repr(result))
            literals = {**node.literals, "result": result}
            for about, check in operation.ensures:
                assert eval(check, dict(literals)), f"{about}\n{told}"
            if operation.inverse:
                assert eval(operation.inverse, dict(literals)) == given_[0], told
            if operation.commutes:
                assert repr(functions[0](*reversed(given_))) == repr(result), told
    assert len(seen) > 1, "it always gives the same"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_an_operation_does_with_order_repeats_and_joined_lists_what_it_says(operation: Operation) -> None:
    listed = {"numbers", "words", "pairs", "spans"}
    if operation.takes[0] not in listed or len(operation.takes) > 1:
        pytest.skip("takes no single list")
    for program in programs(operation):
        run = function(render(program, "answer", lambda _: 0, Random(0)).source)
        reduces = [one.part for one in program.nodes[0].parts.values() if one.part.role == "reduce"]
        rows = [row[0] for row in arguments(program)]
        for one, other in itertools.pairwise(rows):
            shuffled = Random(len(one)).sample(one, len(one))
            if operation.order == "ignores" and not any(part.order for part in reduces):
                assert repr(run(shuffled)) == repr(run(one)), (program.canonical, one, shuffled)
            if operation.order == "keeps":
                alone = [result for element in one for result in run([element])]
                assert repr(alone) == repr(run(one)), (program.canonical, one)
            if not operation.doubles and not any(part.doubles for part in reduces):
                assert repr(run(one + one[::-1])) == repr(run(one)), (program.canonical, one)
            if operation.joins:
                assert repr(run(one + other)) == repr(run(one) + run(other)), (program.canonical, one, other)
            if operation.once:
                assert repr(run(run(one))) == repr(run(one)), (program.canonical, one)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_what_is_said_of_an_operation_has_only_known_places(operation: Operation) -> None:
    known = {"x", "y", "x.one", "x.many", "x.key", "x.value", "y.one", "y.many", "y.key", "y.value"}
    known |= set(operation.literals)
    for place, (role, _) in operation.parts.items():
        known |= {place, f"{place}.is"} if role == "test" else {place, f"{place}.many"} if role == "change" else {place}
    assert operation.noun and operation.step and operation.names
    for text in (*operation.noun, *operation.step, operation.note):
        assert {match.group(1) for match in PLACE.finditer(text)} <= known, text
    for text in (*operation.noun, *operation.step):
        assert not text.endswith(".") and (text[0] == "{" or text[0].islower()), text
    if operation.note:
        assert operation.note.endswith(".") and operation.note[0].isupper(), operation.note
    program = next(programs(operation))
    becomes(operation, program.inputs[0].noun, program.nodes[0])


@pytest.mark.parametrize("part", PARTS, ids=lambda one: f"{one.of}-{one.role}-{one.name}")
def test_all_ways_to_write_a_part_agree(part: Part) -> None:
    words = {"test": (part.behind, part.is_), "change": (part.noun, part.many)}.get(part.role, (part.noun,))
    assert all(words), "it cannot be said"
    values: list[typing.Any]
    if part.role == "reduce":
        values = [[], [3], [2, 2], [-4, 7, 7, 0], [9, 1, 5, 5, -2, 30]]
    elif part.of == "number":
        values = [*range(-12, 40), *LARGE]
    else:
        values = [*WORDS, "", "Hello", "naïve", "x-y", "two words", "AbBa", "7up"]
    wanted = {"test": "bool", "measure": "int", "reduce": "int", "change": "int" if part.of == "number" else "str"}
    for number in range(4):
        random = Random(seed(part.name, number))
        chosen = Chosen(part, {name: random.choice(one) for name, one in part.literals.items()})
        results = [[run(part, chosen, choice, value) for choice in range(len(part.forms))] for value in values]
        for value, row in zip(values, results, strict=True):
            assert all(repr(one) == repr(row[0]) for one in row), (value, row)
            assert type(row[0]).__name__ == wanted[part.role], (value, row)
        assert len({repr(row[0]) for row in results}) > 1, "it always gives the same"
        if part.role == "reduce":
            for value in values:
                first = run(part, chosen, 0, value)
                assert part.order or run(part, chosen, 0, value[::-1]) == first
                assert part.doubles or run(part, chosen, 0, value * 2) == first
                assert not part.adds or run(part, chosen, 0, [*value, 1, 5]) == first + run(part, chosen, 0, [1, 5])


def run(part: Part, chosen: Chosen, choice: int, value: typing.Any) -> typing.Any:
    names: dict[str, typing.Any] = {"value": value}
    exec("\n".join(part.imports), names)
    return eval(part_code(chosen, "value", choice), names)
