"""A program as a graph: inputs, and operations on inputs or earlier results; the last is the answer.

Identifiers, literals and the order of arguments that may change places are no part of what a program is: `canonical`
leaves them out, so that counting programs counts ideas.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from assay.corpus.synthesis.composed.kind import Kind, Noun
from assay.corpus.synthesis.composed.operation import Operation, Part


@dataclass(frozen=True, slots=True)
class Chosen:
    """A part with its literals."""

    part: Part
    literals: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Input:
    """What the function is given."""

    kind: Kind
    noun: Noun
    name: str
    """Of the parameter."""
    about: str
    """What it is, with its article: "a list of temperature readings in whole degrees"."""
    words: tuple[str, ...] = ()
    """What its strings are drawn from."""
    low: int = 0
    """Its numbers are from here …"""
    high: int = 20
    """… to here."""


@dataclass(frozen=True, slots=True)
class Node:
    """An operation and what it is applied to."""

    operation: Operation
    arguments: tuple[int, ...]
    """Numbers of values: the inputs come first, then the nodes in order."""
    parts: Mapping[str, Chosen] = field(default_factory=dict)
    literals: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """See the module."""

    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]

    @property
    def gives(self) -> Kind:
        """Kind of the answer."""
        return self.nodes[-1].operation.gives

    def kind(self, value: int) -> Kind:
        """Kind of a value by its number."""
        if value < len(self.inputs):
            return self.inputs[value].kind
        return self.nodes[value - len(self.inputs)].operation.gives

    def users(self, value: int) -> list[int]:
        """Values that are made from one, once for each time that it is an argument."""
        first = len(self.inputs)
        return [first + at for at, node in enumerate(self.nodes) for one in node.arguments if one == value]

    @cached_property
    def depth(self) -> int:
        """Operations behind one another on the longest way from an input to the answer."""
        depths = [0] * len(self.inputs)
        for node in self.nodes:
            depths.append(1 + max(depths[one] for one in node.arguments))
        return depths[-1]

    @cached_property
    def canonical(self) -> str:
        """The graph of operations and parts: equal for programs that differ in names, literals and order only.

        Inputs are told apart by their kind and by the place where they are first used.
        """
        order: dict[int, int] = {}
        return self._canonical(len(self.inputs) + len(self.nodes) - 1, order)

    def _canonical(self, value: int, order: dict[int, int]) -> str:
        if value < len(self.inputs):
            number = order.setdefault(value, len(order))
            return f"{self.inputs[value].kind}#{number}"
        node = self.nodes[value - len(self.inputs)]
        arguments = node.arguments
        if node.operation.commutes:
            alone = [(self._canonical(one, {}), at) for at, one in enumerate(arguments)]
            arguments = tuple(arguments[at] for _, at in sorted(alone))
        parts = "".join(f"[{name}={node.parts[name].part.name}]" for name in sorted(node.parts))
        return f"{node.operation.name}{parts}({','.join(self._canonical(one, order) for one in arguments)})"
