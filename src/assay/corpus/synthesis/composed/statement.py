"""A program in English: what is given, what is to be done with it, what is to be returned, and which conventions hold.

Words follow from the graph, operation by operation, so that a statement says what the program does because it is put
together in the same way. There are four ways to say it: one noun phrase, a story of steps, a numbered list, and
definitions by name; which of them can be used depends on the graph. Examples are not here: nobody has run it yet.
"""

from collections.abc import Mapping
from random import Random

from assay.corpus.synthesis.composed.kind import Kind, Noun
from assay.corpus.synthesis.composed.operation import PLACE
from assay.corpus.synthesis.composed.program import Node, Program
from assay.corpus.synthesis.composed.render import becomes

LONGEST_PHRASE = 30
"""Words of a statement that is one noun phrase."""
_SINGLE: Mapping[Kind, str] = {"number": "number", "count": "number", "flag": "answer"}
_WHOLE: Mapping[Kind, tuple[str, ...]] = {
    "text": ("text",),
    "counts": ("dictionary", "table"),
    "groups": ("groups",),
    "bins": ("groups",),
    "graph": ("graph",),
    "grid": ("grid",),
    "runs": ("encoded text",),
    "digits": ("digits",),
    "settings": ("text",),
    "brackets": ("brackets",),
    "formula": ("formula",),
    "moves": ("moves",),
}
_MANY = frozenset(("groups", "bins", "digits", "brackets", "moves"))
_PLURAL = frozenset(("numbers", "words", "pairs", "spans"))


class Statement:
    """The words of a program.

    Args:
        program: What is said.
        names: Variable of each value that has one in the solution; definitions use the same.
        random: Decides between ways to say the same.
        scene: A sentence that sets the scene; empty for none.
    """

    def __init__(self, program: Program, names: Mapping[int, str], random: Random, scene: str = "") -> None:
        self.program, self.random, self.scene = program, random, scene
        self.first = len(program.inputs)
        self.names = dict(names)
        self.nouns: list[Noun] = [one.noun for one in program.inputs]
        for node in program.nodes:
            self.nouns.append(becomes(node.operation, self.nouns[node.arguments[0]], node))
        taken = set(self.names.values())
        for at, node in enumerate(program.nodes[:-1]):
            free = [name for name in node.operation.names if PLACE.search(name) is None and name not in taken]
            if self.first + at not in self.names:
                self.names[self.first + at] = free[0] if free else f"part_{at + 1}"
                taken.add(self.names[self.first + at])

    def text(self) -> str:
        """The whole statement, in one or several paragraphs."""
        ways = [self._defined]
        if self._is_chain():
            ways = [self._story, self._story, self._numbered, self._defined]
            phrase = self._phrase()
            if len(phrase.split()) <= LONGEST_PHRASE and self.program.depth <= 3:
                ways = (
                    [self._one_phrase, self._one_phrase, *ways] if self.program.depth < 3 else [self._one_phrase, *ways]
                )
        body = self.random.choice(ways)()
        return "\n\n".join(part for part in (self._given(), body) if part)

    def summary(self) -> str:
        """One line for a docstring: what is returned, without conventions."""
        phrase = self._phrase() if self._is_chain() else ""
        if not phrase or len(phrase) > 70:
            at = len(self.program.nodes) - 1
            phrase = self._noun(at, [self._reference(one) for one in self.program.nodes[at].arguments])
        return f"Return {phrase}."

    def comment(self, at: int) -> str:
        """What a step does, as a sentence without a full stop."""
        said = self._step(at, [self._reference(one) for one in self.program.nodes[at].arguments])
        return said[0].upper() + said[1:]

    def _is_chain(self) -> bool:
        """Whether every result is used by the next operation and nowhere else."""
        nodes = self.program.nodes
        return all(self.first + at in nodes[at + 1].arguments for at in range(len(nodes) - 1)) and all(
            len(self.program.users(self.first + at)) == 1 for at in range(len(nodes) - 1)
        )

    def _given(self) -> str:
        inputs = self.program.inputs
        told = [f"`{one.name}`, {one.about}" for one in inputs]
        whole = told[0] if len(told) == 1 else ", ".join(told[:-1]) + f", and {told[-1]}"
        if len(told) == 1:
            alone = inputs[0]
            ways = [f"You are given {whole}.", f"`{alone.name}` is {alone.about}.", f"Given is {whole}."]
        else:
            ways = [f"You are given {whole}.", f"There are {len(told)} inputs: {whole}."]
            if all("," not in one.about for one in inputs):
                ways.append(" ".join(f"`{one.name}` is {one.about}." for one in inputs))
        said = self.random.choice(ways)
        return f"{self.scene} {said}" if self.scene else said

    def _one_phrase(self) -> str:
        opening = self.random.choice(("Return", "Find and return", "Write a function that returns", "Compute"))
        return " ".join([f"{opening} {self._phrase()}.", *self._notes(range(len(self.program.nodes)))])

    def _story(self) -> str:
        nodes = self.program.nodes
        said = []
        for at in range(len(nodes) - 1):
            words = self._step(at, self._spoken(at))
            opening = "First, " if at == 0 else self.random.choice(("Then ", "Next, ", "After that, "))
            if len(nodes) == 2:
                opening = self.random.choice(("First, ", ""))
            sentence = f"{opening}{words}."
            said += [sentence[0].upper() + sentence[1:], *self._notes([at])]
        last = len(nodes) - 1
        opening = self.random.choice(("Finally, return", "Return", "The answer is", "In the end, return"))
        if last == 0:
            opening = self.random.choice(("Return", "Compute"))
        return " ".join([*said, f"{opening} {self._noun(last, self._spoken(last))}.", *self._notes([last])])

    def _numbered(self) -> str:
        nodes = self.program.nodes
        lines = []
        for at in range(len(nodes)):
            last = at == len(nodes) - 1
            words = f"return {self._noun(at, self._spoken(at))}" if last else self._step(at, self._spoken(at))
            lines.append(" ".join([f"{at + 1}. {words[0].upper()}{words[1:]}.", *self._notes([at])]))
        if len(lines) == 1:
            return lines[0].removeprefix("1. ")
        opening = self.random.choice(("Do the following:", "Proceed like this:", "The result is made in these steps:"))
        return "\n".join([opening, *lines])

    def _defined(self) -> str:
        nodes = self.program.nodes
        lines = []
        for at in range(len(nodes) - 1):
            phrase = self._noun(at, [self._by_name(one) for one in nodes[at].arguments])
            opening = self.random.choice(("Let `{}` be", "Call `{}`")).format(self.names[self.first + at])
            if opening.startswith("Call"):
                sentence = f"{phrase}: call this `{self.names[self.first + at]}`."
                sentence = f"Take {sentence}"
            else:
                sentence = f"{opening} {phrase}."
            lines.append(" ".join([sentence, *self._notes([at])]))
        last = len(nodes) - 1
        phrase = self._noun(last, [self._by_name(one) for one in nodes[last].arguments])
        lines.append(" ".join([f"Return {phrase}.", *self._notes([last])]))
        return "\n".join(lines) if len(nodes) > 3 and self.random.random() < 0.5 else " ".join(lines)

    def _phrase(self) -> str:
        """The answer as one noun phrase, one operation within the other."""
        phrases = {at: self._the(at) for at in range(self.first)}
        for at, node in enumerate(self.program.nodes):
            phrases[self.first + at] = self._noun(at, [phrases[one] for one in node.arguments])
        return phrases[self.first + len(self.program.nodes) - 1]

    def _the(self, value: int) -> str:
        """An input, spoken of."""
        one = self.program.inputs[value]
        if one.kind in _PLURAL and [each.noun for each in self.program.inputs].count(one.noun) == 1:
            return f"the {one.noun.many}"
        return f"`{one.name}`"

    def _spoken(self, at: int) -> list[str]:
        """The arguments of a step in a story, where the one before has just been told."""
        arguments = self.program.nodes[at].arguments
        made = self.first + at - 1
        return [self._just_made(one) if one == made and at else self._reference(one) for one in arguments]

    def _just_made(self, value: int) -> str:
        node = self.program.nodes[value - self.first]
        kind, noun = node.operation.gives, self.nouns[value]
        if kind in _PLURAL:
            if node.operation.order == "keeps" and node.operation.becomes is None:
                return self.random.choice((f"the remaining {noun.many}", f"these {noun.many}"))
            return f"these {noun.many}"
        if kind in _SINGLE:
            return self.random.choice((f"this {_SINGLE[kind]}", "the result"))
        return f"{'these' if kind in _MANY else 'this'} {self.random.choice(_WHOLE[kind])}"

    def _reference(self, value: int) -> str:
        return self._the(value) if value < self.first else self._by_name(value)

    def _by_name(self, value: int) -> str:
        if value < self.first:
            return self._the(value)
        kind, name = self.program.kind(value), self.names[value]
        return f"the {self.nouns[value].many} in `{name}`" if kind in _PLURAL else f"`{name}`"

    def _noun(self, at: int, arguments: list[str]) -> str:
        node = self.program.nodes[at]
        return self._fill(self.random.choice(node.operation.noun), node, arguments)

    def _step(self, at: int, arguments: list[str]) -> str:
        node = self.program.nodes[at]
        return self._fill(self.random.choice(node.operation.step), node, arguments)

    def _notes(self, ats: "range | list[int]") -> list[str]:
        """Conventions of some operations, each once."""
        found: dict[str, None] = {}
        for at in ats:
            node = self.program.nodes[at]
            for chosen in node.parts.values():
                if chosen.part.note:
                    found.setdefault(_literals(chosen.part.note, chosen.literals))
            if node.operation.note:
                said = self._fill(node.operation.note, node, [self._reference(one) for one in node.arguments])
                found.setdefault(said[0].upper() + said[1:])
        return list(found)

    def _fill(self, text: str, node: Node, arguments: list[str]) -> str:
        words: dict[str, str] = {name: _literal(value) for name, value in node.literals.items()}
        for place, value, phrase in zip(("x", "y"), node.arguments, arguments, strict=False):
            noun = self.nouns[value]
            words |= {place: phrase, f"{place}.one": noun.one, f"{place}.many": noun.many}
            words |= {f"{place}.key": noun.key, f"{place}.value": noun.value}
        for name, chosen in node.parts.items():
            part, literals = chosen.part, chosen.literals
            if part.role == "test":
                words |= {name: _literals(part.behind, literals), f"{name}.is": _literals(part.is_, literals)}
            elif part.role == "change":
                words |= {name: f"its {_literals(part.noun, literals)}", f"{name}.many": _literals(part.many, literals)}
            else:
                words[name] = _literals(part.noun, literals)
        return PLACE.sub(lambda match: words[match.group(1)], text)


def _literals(text: str, literals: Mapping[str, int | str]) -> str:
    return PLACE.sub(lambda match: _literal(literals[match.group(1)]), text)


def _literal(value: int | str) -> str:
    return f"`{value!r}`" if isinstance(value, str) else str(value)
