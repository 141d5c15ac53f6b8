"""What made an artifact, from what, and which field makes two artifacts differ.

Two keys differ because a field of a recipe or of the numerics differs, somewhere among the two and all they were made
from. That field is what a person wants to hear, so differing inputs are followed down to it, and what merely repeats
it higher up (the digest of an input, the same field copied into a user's recipe) is left out. Nothing here reads an
artifact's files: manifests say it all, so any store that lists and gives manifests will do.
"""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.errors import InputError, StepError, nearest
from assay.run.graph import Graph
from assay.run.identity import canonical
from assay.run.step import FUNCTIONS, Step
from assay.run.store import Store

ABSENT = "(nothing)"
"""Stands in a difference for what one side does not have."""
SHORTEST_PREFIX = 4
FIELDS = ("title", "recipe", "numerics", "made", "files")
DIGEST = re.compile(r"[0-9a-f]{32,}")


@dataclass(frozen=True, eq=False)
class Record:
    """An artifact as its manifest tells it, or a step that would make one."""

    kind: str
    key: str
    title: str
    recipe: Mapping[str, Any]
    numerics: Mapping[str, str] | None
    inputs: Mapping[str, "Record"]
    made: Mapping[str, Any] = field(default_factory=dict)
    """``assay``, ``python``, ``host``, ``time``, ``seconds``; empty for a step."""
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """``sha256`` and ``bytes`` of each file; empty for a step and for what the store no longer has."""

    @property
    def name(self) -> str:
        """``KIND/`` and the beginning of the key: what `find` takes."""
        return f"{self.kind}/{self.key[:12]}"

    @property
    def bytes(self) -> int:
        """Size of its files."""
        return sum(entry["bytes"] for entry in self.files.values())


@dataclass(frozen=True)
class Difference:
    """A field that two artifacts, or two that they were made from, do not have in common."""

    field: str
    """Such as ``recipe.vocab``, ``numerics.threads`` or ``inputs.tokens:code``."""
    one: Any
    other: Any
    chain: tuple[str, ...] = ()
    """The shortest way to it: names of inputs, from the artifacts asked about to the two that differ in the field."""
    through: tuple[str, ...] = ()
    """Every input of the artifacts asked about that differs because of it."""


def find(store: Store, name: str) -> tuple[str, str]:
    """(kind, key) of the artifact that ``KEY``, ``KIND/KEY`` or an unambiguous beginning of the key names.

    Raises:
        InputError: None or several have that name, or it is no name.
    """
    kind, prefix = (["", *name.strip("/").split("/")])[-2:]
    if kind and kind not in FUNCTIONS:
        raise InputError(f"'{name}': there is no kind of artifact '{kind}'{nearest(kind, FUNCTIONS)}")
    if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST_PREFIX},40}}", prefix):
        raise InputError(
            f"'{name}' names no artifact: give {SHORTEST_PREFIX} or more of the hexadecimal digits of its key, "
            "with or without its kind, such as 1f8e91 or state/1f8e91"
        )
    held = sorted(store.artifacts())
    found = [(one, key) for one, key in held if key.startswith(prefix) and kind in {"", one}]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{len(found)} artifacts begin with '{name}'; give more digits:\n{_listing(store, found)}")
    held = [(one, key) for one, key in held if kind in {"", one}]
    keys = [key[: len(prefix)] for _, key in held]
    close = difflib.get_close_matches(prefix, dict.fromkeys(keys), n=3, cutoff=0.6)
    near = [place for digits in close for place, key in zip(held, keys, strict=True) if key == digits][:5]
    hint = f". Near it are\n{_listing(store, near)}" if near else f", which holds {len(held)} artifacts"
    raise InputError(f"no artifact '{name}' is in the store {store.address}{hint}")


def record_of(store: Store, kind: str, key: str, known: dict[str, Record] | None = None) -> Record:
    """An artifact with all it was made from.

    Args:
        store: Where its manifest is; of what is no longer there, or damaged, kind and key are known and nothing else.
        kind: Of the artifact.
        key: Of the artifact.
        known: Records found before, by key; new ones are added.
    """
    known = {} if known is None else known
    if key not in known:
        try:
            manifest = store.manifest(kind, key)
            title, recipe, numerics, made, files = (manifest[name] for name in FIELDS)
            inputs = {name: record_of(store, at["kind"], at["key"], known) for name, at in manifest["inputs"].items()}
            known[key] = Record(kind, key, title, recipe, numerics, inputs, made, files)
        except (StepError, KeyError, TypeError, AttributeError):
            known[key] = Record(kind, key, "not in the store, or damaged", {}, None, {})
    return known[key]


def steps_of(graph: Graph) -> dict[str, Step]:
    """Every step of a study, with all that each needs, by key."""
    found: dict[str, Step] = {}
    waiting = graph.goals()
    while waiting:
        step = waiting.pop()
        if step.key not in found:
            found[step.key] = step
            waiting += step.needs
    return found


def record_of_step(step: Step, known: dict[str, Record]) -> Record:
    """What a step would make, with all it would be made from; ``known`` as in `record_of`."""
    if step.key not in known:
        inputs = {name: record_of_step(need, known) for name, need in step.inputs.items()}
        recipe = json.loads(canonical(step.recipe))
        known[step.key] = Record(step.kind, step.key, step.title, recipe, step.numerics, inputs)
    return known[step.key]


def nearest_step(record: Record, graph: Graph) -> Record:
    """What the study would use in an artifact's place: the artifact itself, or else the step most like it.

    Same title first, then same size and seed, then fewest differing fields, inputs' fields counted too.

    Raises:
        InputError: The study makes nothing of that kind.
    """
    known: dict[str, Record] = {}
    steps = [record_of_step(step, known) for step in steps_of(graph).values() if step.kind == record.kind]
    if not steps:
        raise InputError(f"the study makes no {record.kind}")
    distances: dict[tuple[str, str], int] = {}

    def rank(step: Record) -> tuple[bool, bool, int, int, str]:
        elsewhere = [record.recipe.get(name) != step.recipe.get(name) for name in ("size", "seed")]
        distance = _distance(record, step, distances)
        return step.key != record.key, step.title != record.title, sum(elsewhere), distance, step.key

    return min(steps, key=rank)


def differences(one: Record, other: Record) -> list[Difference]:
    """The fields in which two artifacts of one kind differ, at the root of each difference, nearest first.

    Raises:
        InputError: They are of different kinds.
    """
    if one.kind != other.kind:
        raise InputError(f"{one.name} and {other.name} are of different kinds: nothing of theirs can be compared")
    causes: dict[tuple[str, str], list[Difference]] = {}
    _find_causes(one, other, causes)
    found: dict[tuple[str, str, str], Difference] = {}
    through: dict[tuple[str, str, str], list[str]] = {}
    visited = {(one.key, other.key, "")}
    waiting: list[tuple[Record, Record, tuple[str, ...]]] = [(one, other, ())]
    while waiting:
        left, right, chain = waiting.pop(0)
        for cause in causes[left.key, right.key]:
            if cause.chain:
                continue
            identity = (left.key, right.key, cause.field)
            found.setdefault(identity, Difference(cause.field, cause.one, cause.other, chain))
            if chain and chain[0] not in through.setdefault(identity, []):
                through[identity].append(chain[0])
        for name, (a, b) in _differing_inputs(left, right).items():
            deeper = (*chain, name)
            if (a.key, b.key, deeper[0]) not in visited:
                visited.add((a.key, b.key, deeper[0]))
                waiting.append((a, b, deeper))
    return [
        Difference(each.field, each.one, each.other, each.chain, tuple(through.get(identity, ())))
        for identity, each in found.items()
    ]


def _find_causes(one: Record, other: Record, causes: dict[tuple[str, str], list[Difference]]) -> None:
    """Fill in, for a pair and every differing pair below it, its own root causes (no chain) and those below it."""
    if (one.key, other.key) in causes:
        return
    if not one.recipe or not other.recipe:  # no longer in the store: the keys are all that is known
        causes[one.key, other.key] = [Difference("key", one.key, other.key)]
        return
    inputs = _differing_inputs(one, other)
    below: list[Difference] = []
    for name, (a, b) in inputs.items():
        _find_causes(a, b, causes)
        below += [Difference(each.field, each.one, each.other, (name,)) for each in causes[a.key, b.key]]
    own = [Difference(*entry) for entry in _fields("numerics", one.numerics or {}, other.numerics or {})]
    below += own
    missing = [name for name in {**one.inputs, **other.inputs} if (name in one.inputs) != (name in other.inputs)]
    for entry in _fields("recipe", one.recipe, other.recipe):
        explained = (inputs or missing) and _is_digest(entry[1]) and _is_digest(entry[2])
        if not explained and not any(_repeats(entry, each) for each in below):
            own.append(Difference(*entry))
    for name in missing:
        mine, theirs = (side.inputs[name].title if name in side.inputs else ABSENT for side in (one, other))
        own.append(Difference(f"inputs.{name}", mine, theirs))
    causes[one.key, other.key] = own + [each for each in below if each.chain]


def _differing_inputs(one: Record, other: Record) -> dict[str, tuple[Record, Record]]:
    both = {name: (one.inputs[name], other.inputs[name]) for name in one.inputs if name in other.inputs}
    return {name: (a, b) for name, (a, b) in both.items() if a.key != b.key}


def _repeats(entry: tuple[str, Any, Any], cause: Difference) -> bool:
    """Whether a field only repeats what a cause says: same values under the same last names."""
    name = cause.field.partition(".")[2]
    same = (entry[1], entry[2]) == (cause.one, cause.other)
    return same and name not in {"", "version"} and entry[0].endswith(f".{name}")


def _fields(name: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """(name, value, value) of each differing field; the elements of a list that both have are set aside first."""
    if one == other:
        return
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in {**one, **other}:
            yield from _fields(f"{name}.{key}", one.get(key, ABSENT), other.get(key, ABSENT))
    elif _is_table(one) and _is_table(other):
        left = _without(list(enumerate(one)), other)
        right = _without(list(enumerate(other)), one)
        for (index, a), (_, b) in zip(left, right, strict=False):
            yield from _fields(f"{name}[{index}]", a, b)
        shared = min(len(left), len(right))
        for index, a in left[shared:]:
            yield f"{name}[{index}]", a, ABSENT
        for index, b in right[shared:]:
            yield f"{name}[{index}]", ABSENT, b
        if not left and not right:
            yield name, one, other
    else:
        yield name, one, other


def _without(numbered: list[tuple[int, Any]], others: Iterable[Any]) -> list[tuple[int, Any]]:
    for other in others:
        found = next((place for place, (_, value) in enumerate(numbered) if value == other), None)
        if found is not None:
            del numbered[found]
    return numbered


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, Mapping) for one in value)


def _is_digest(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_digest(one) for one in value)
    return isinstance(value, str) and (value == ABSENT or DIGEST.fullmatch(value) is not None)


def _distance(one: Record, other: Record, known: dict[tuple[str, str], int]) -> int:
    """Differing fields of two records and of their inputs, an input that only one has counting as one."""
    if one.key == other.key:
        return 0
    pair = (one.key, other.key)
    if pair not in known:
        own = [*_fields("", one.recipe, other.recipe), *_fields("", one.numerics or {}, other.numerics or {})]
        both = set(one.inputs) & set(other.inputs)
        below = sum(_distance(one.inputs[name], other.inputs[name], known) for name in both)
        known[pair] = len(own) + len(set(one.inputs) ^ set(other.inputs)) + below
    return known[pair]


def _listing(store: Store, places: Iterable[tuple[str, str]]) -> str:
    some = list(places)
    lines = [f"  {kind}/{key[:12]}  {record_of(store, kind, key).title}" for kind, key in some[:10]]
    return "\n".join(lines + ([f"  and {len(some) - 10} more"] if len(some) > 10 else []))
