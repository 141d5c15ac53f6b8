"""Drawing a program: typed, of a wished depth, and without the steps that would make it dull.

Operations are put behind one another by kind. What is refused while drawing: an operation that ignores order behind one
that only changes it, one twice where twice is once, the same step again, a truth value in the middle. What cannot be
seen without running (a condition that is never met, a result that is always the same) is left to verification.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random

from assay.corpus.synthesis.composed.kind import FORMED, Kind, accepts
from assay.corpus.synthesis.composed.operation import Operation, Part, Role
from assay.corpus.synthesis.composed.operations import OPERATIONS, PARTS
from assay.corpus.synthesis.composed.program import Chosen, Input, Node, Program
from assay.corpus.synthesis.composed.theme import Theme, themes

DEPTHS: Mapping[int, float] = {1: 0.06, 2: 0.22, 3: 0.32, 4: 0.24, 5: 0.12, 6: 0.04}
STARTS: Mapping[Kind, float] = {
    "numbers": 5, "words": 4, "pairs": 3, "text": 3, "counts": 1.5, "groups": 1.5, "bins": 1, "graph": 2.5, "grid": 2.5,
    "spans": 2, "number": 1, "count": 1.5, "settings": 0.8, "brackets": 0.5, "formula": 0.5, "moves": 1, "runs": 0.5,
    "digits": 0.6,
}  # fmt: skip
MOST_INPUTS = 3
MOST_ALIKE = 2
"""Times that one operation may stand in a program."""
_SCALAR = frozenset(("number", "count"))
_TRIES = 40


@dataclass(frozen=True, slots=True)
class Dial:
    """How difficult problems are."""

    depths: Mapping[int, float] = field(default_factory=lambda: dict(DEPTHS))
    """Weight of each depth: operations behind one another."""


def sample(random: Random, dial: Dial) -> Program:
    """Draw a program: a pure function of the generator's state."""
    while True:
        depth = random.choices(list(dial.depths), list(dial.depths.values()))[0]
        theme = random.choice(themes())
        for _ in range(_TRIES):
            program = _Draw(random, theme).program(depth)
            if program is not None:
                return program


class _Draw:
    def __init__(self, random: Random, theme: Theme) -> None:
        self.random, self.theme = random, theme
        self.inputs: list[Input] = []
        self.nodes: list[tuple[Operation, tuple[int, ...], Mapping[str, Chosen], Mapping[str, int | str]]] = []

    def program(self, depth: int) -> Program | None:
        """A program of this depth, or None where the drawing came to nothing."""
        kinds = list(_starts())
        current = self._input(self.random.choices(kinds, [STARTS[kind] for kind in kinds])[0])
        for level in range(1, depth + 1):
            step = self._step(current, level == depth)
            if step is None:
                return None
            current = step
        shift = len(self.inputs)
        nodes = [
            Node(operation, tuple(one if one >= 0 else shift - 1 - one for one in arguments), parts, literals)
            for operation, arguments, parts, literals in self.nodes
        ]
        made = Program(tuple(self.inputs), tuple(nodes))
        several = any(len(node.operation.forms) > 1 for node in nodes)
        return made if several and made.depth == depth else None

    def _input(self, kind: Kind) -> int:
        made = self.theme.input(kind, self.random, {one.name for one in self.inputs})
        self.inputs.append(made)
        return len(self.inputs) - 1

    def _kind(self, value: int) -> Kind:
        """Of an input (0, 1, …) or a node (−1, −2, …)."""
        return self.inputs[value].kind if value >= 0 else self.nodes[-1 - value][0].gives

    def _step(self, current: int, last: bool) -> int | None:
        fitting = self._followers(current, last)
        if not fitting:
            return None
        operation = self.random.choices(fitting, [one.weight for one in fitting])[0]
        arguments = self._arguments(operation, current)
        if arguments is None:
            return None
        parts = {name: self._part(role, element) for name, (role, element) in operation.parts.items()}
        literals = {name: self.random.choice(values) for name, values in operation.literals.items()}
        if self._is_dull(operation, current, parts):
            return None
        self.nodes.append((operation, arguments, parts, literals))
        return -len(self.nodes)

    def _is_dull(self, operation: Operation, current: int, parts: Mapping[str, Chosen]) -> bool:
        """Whether the step before is undone or done again."""
        blind = operation.order == "ignores" or any(
            one.part.role == "reduce" and not one.part.order for one in parts.values()
        )
        at = current
        while at < 0:
            before, arguments, others, _ = self.nodes[-1 - at]
            same = {name: one.part for name, one in others.items()} == {name: one.part for name, one in parts.items()}
            if (before is operation and same) or (before.reorders and blind):
                return True
            if before.order != "keeps" or len(arguments) > 1:
                return False
            at = arguments[0]
        return False

    def _followers(self, current: int, last: bool) -> list[Operation]:
        """Operations that may be put behind a value."""
        used = [one[0].name for one in self.nodes]
        barred = {name for name in used if used.count(name) >= MOST_ALIKE}
        fitting = [one for one in _fitting(self._kind(current), last) if one.name not in barred]
        if current >= 0:
            return fitting
        before = self.nodes[-1 - current][0]
        if before.once or before.inverse:
            fitting = [one for one in fitting if one is not before]
        if len(used) > 1 and all(_is_scalar(one[0]) for one in self.nodes[-2:]):
            fitting = [one for one in fitting if not _is_scalar(one)]
        return fitting

    def _arguments(self, operation: Operation, current: int) -> tuple[int, ...] | None:
        if len(operation.takes) == 1:
            return (current,)
        places = [at for at, kind in enumerate(operation.takes) if accepts(kind, self._kind(current))]
        place = self.random.choice(places)
        other = self._other(operation.takes[1 - place], current)
        if other is None:
            return None
        return (current, other) if place == 0 else (other, current)

    def _other(self, kind: Kind, current: int) -> int | None:
        """A second argument: something earlier, a new input, or what one operation makes of either."""
        earlier = [one for one in self._values() if one != current and accepts(kind, self._kind(one))]
        way = self.random.random()
        if earlier and way < 0.45:
            return self.random.choice(earlier)
        if way < 0.75:
            makers = [
                (value, operation)
                for value in self._values()
                for operation in _making(self._kind(value), kind)
                if sum(one[0] is operation for one in self.nodes) < MOST_ALIKE and value != current
            ]
            if makers:
                value, operation = self.random.choice(makers)
                parts = {name: self._part(role, element) for name, (role, element) in operation.parts.items()}
                literals = {name: self.random.choice(values) for name, values in operation.literals.items()}
                self.nodes.append((operation, (value,), parts, literals))
                return -len(self.nodes)
        if len(self.inputs) < MOST_INPUTS:
            return self._input("count" if kind == "number" and self.random.random() < 0.3 else kind)
        return self.random.choice(earlier) if earlier else None

    def _values(self) -> list[int]:
        return [*range(len(self.inputs)), *(-1 - at for at in range(len(self.nodes)))]

    def _part(self, role: Role, element: str) -> Chosen:
        part = self.random.choice(_parts(role, element))
        return Chosen(part, {name: self.random.choice(values) for name, values in part.literals.items()})


def _is_scalar(operation: Operation) -> bool:
    """Whether it makes a number of numbers."""
    return operation.gives in _SCALAR and _SCALAR.issuperset(operation.takes)


@cache
def _starts() -> tuple[Kind, ...]:
    """Kinds that some operation takes."""
    return tuple(kind for kind in STARTS if any(accepts(wanted, kind) for one in OPERATIONS for wanted in one.takes))


@cache
def _fitting(kind: Kind, last: bool) -> Sequence[Operation]:
    own = [one for one in OPERATIONS if any(wanted == kind for wanted in one.takes)]
    fitting = own if own and kind in FORMED else [one for one in OPERATIONS if any(accepts(w, kind) for w in one.takes)]
    return tuple(one for one in fitting if last or one.gives != "flag")


@cache
def _making(kind: Kind, wanted: Kind) -> Sequence[Operation]:
    """Operations of one argument that make a kind from another."""
    return tuple(
        one for one in OPERATIONS if len(one.takes) == 1 and accepts(one.takes[0], kind) and one.gives == wanted
    )


@cache
def _parts(role: Role, element: str) -> Sequence[Part]:
    return tuple(part for part in PARTS if (part.role, part.of) == (role, element))
