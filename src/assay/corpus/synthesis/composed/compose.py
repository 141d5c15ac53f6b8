"""A candidate out of nothing but a seed and a number.

Each number is drawn by itself, so problem 7 of a seed is the same whether one asks for ten or for a million, and any
worker can make any of them.
"""

import hashlib
import itertools
from random import Random

from assay.corpus.synthesis.composed.operation import Operation
from assay.corpus.synthesis.composed.program import Program
from assay.corpus.synthesis.composed.properties import properties
from assay.corpus.synthesis.composed.render import Choose, function_name, identifier, render
from assay.corpus.synthesis.composed.sample import Dial, sample
from assay.corpus.synthesis.composed.statement import Statement
from assay.corpus.synthesis.composed.theme import themes
from assay.corpus.synthesis.composed.values import edges_source, inputs_source
from assay.corpus.synthesis.record import Candidate

LICENCE = "Apache-2.0"
"""Of what comes out of our own operations: the project's."""
COMMENTED = 0.3
"""Share of solutions whose steps are commented."""
WITH_SCENE = 0.4
LONGEST_LINE = 110
LONGEST_STATEMENT = 1400
"""Characters; what would be longer is drawn again."""


def draw(seed: int, number: int, dial: Dial) -> Program:
    """The first program that is drawn for a problem; it is its program unless it came out too long."""
    return sample(Random(f"{seed}/{number}/0"), dial)


def compose(seed: int, number: int, dial: Dial) -> Candidate:
    """A problem, unverified.

    Args:
        seed: Of all problems.
        number: Which of them.
        dial: How difficult.

    Returns:
        The same for the same arguments, on every machine.
    """
    for attempt in itertools.count():
        made = _composed(seed, number, attempt, dial)
        lines = [*made.solution.splitlines(), *made.alternative.splitlines()]
        if max(map(len, lines)) <= LONGEST_LINE and len(made.statement) <= LONGEST_STATEMENT:
            return made
    raise AssertionError("counting has no end")


def _composed(seed: int, number: int, attempt: int, dial: Dial) -> Candidate:
    start = f"{seed}/{number}/{attempt}"
    random = Random(start)
    program = sample(random, dial)
    scenes = [theme.scene for theme in themes() if theme.number[0] in {one.noun.one for one in program.inputs}]
    scene = scenes[0] if scenes and random.random() < WITH_SCENE else ""
    entry = _entry(program, random)
    if entry in {function_name(form.helper) for node in program.nodes for form in node.operation.forms}:
        entry += f"_{program.inputs[0].name}"
    first, second = _forms(program, random)
    names = render(program, entry, first, Random(f"{start}/names")).names
    said = Statement(program, names, random, scene)
    comment = said.comment if random.random() < COMMENTED else None
    written = render(program, entry, first, Random(f"{start}/names"), comment)
    other = render(program, entry, second, Random(f"{start}/other"))
    is_another = _body(other.source) != _body(written.source)
    canonical = program.canonical
    return Candidate(
        id=f"composed/{seed}/{number}",
        maker="composed",
        statement=said.text(),
        entry=entry,
        signature=written.signature,
        solution=written.source,
        alternative=other.source if is_another else "",
        inputs=inputs_source(program.inputs),
        edges=edges_source(program.inputs),
        properties=properties(program, entry, is_another),
        difficulty={
            "depth": program.depth,
            "operations": len(program.nodes),
            "inputs": len(program.inputs),
            "lines": written.source.count("\n"),
        },
        topics=tuple(dict.fromkeys(node.operation.family for node in program.nodes)),
        group=hashlib.sha256(canonical.encode()).hexdigest()[:16],
        provenance={"graph": canonical},
        seed=seed,
        licence=LICENCE,
    )


def _forms(program: Program, random: Random) -> tuple[Choose, Choose]:
    """Two ways to choose forms that differ wherever an operation has two."""
    operations = dict.fromkeys(node.operation.name for node in program.nodes)
    first = {name: random.randrange(6) for name in operations}
    step = {name: random.choice((1, 2)) for name in operations}

    def second(operation: Operation) -> int:
        of = len(operation.forms)
        return first[operation.name] + (step[operation.name] if step[operation.name] % max(1, of) else 1)

    return lambda operation: first[operation.name], second


def _entry(program: Program, random: Random) -> str:
    last, given = program.nodes[-1].operation, program.inputs[0].name
    names = [name for name in last.names if "{" not in name] or [identifier(last.name)]
    name = random.choice(names)
    ways = [f"{name}_of_{given}", f"find_{name}", f"{name}_from_{given}", identifier(last.name) + f"_{given}"]
    return random.choice(ways)


def _body(source: str) -> str:
    return "\n".join(line for line in source.splitlines() if not line.lstrip().startswith("#"))
