"""Inputs for a program: the source of a function that draws them, and a few that are always tried.

Values are small, often repeat and are sometimes empty, for that is where programs differ: of fifty lists of large
random numbers no two numbers would be equal and nothing that treats equals apart would be seen.
"""

from collections.abc import Callable

from assay.corpus.synthesis.composed.program import Input

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def inputs_source(inputs: tuple[Input, ...]) -> str:
    """``def make_inputs(random)``, which draws arguments for one call."""
    lines = [line for one in inputs for line in _LINES[one.kind](one)]
    names = ", ".join(one.name for one in inputs)
    body = "\n".join(f"    {line}" for line in lines)
    return f"def make_inputs(random):\n{body}\n    return ({names}{',' if len(inputs) == 1 else ''})\n"


def edges_source(inputs: tuple[Input, ...]) -> str:
    """A literal list of arguments: everything empty or zero, and everything as small as can be."""
    rows = [tuple(_EMPTY[one.kind] for one in inputs), tuple(_SMALL[one.kind](one) for one in inputs)]
    told = ["(" + ", ".join(row) + ("," if len(row) == 1 else "") + ")" for row in rows]
    return f"[{', '.join(told)}]"


def _pool(one: Input) -> str:
    return repr(list(one.words))


def _numbers(one: Input) -> list[str]:
    few = min(one.high, one.low + 5)
    return [
        f"top = random.choice([{few}, {one.high}, {one.high}])",
        f"{one.name} = [random.randint({one.low}, top) for _ in range(random.randint(0, 9))]",
    ]


def _text(one: Input) -> list[str]:
    return [
        f"pool = {_pool(one)}",
        f"{one.name} = ' '.join(random.choice(pool) for _ in range(random.randint(0, 7)))",
        f"{one.name} = random.choice([{one.name}, {one.name}.capitalize(), {one.name}.title()])",
        f"{one.name} += random.choice(['', '', '.', '!', ', ' + random.choice(pool) + '.'])",
    ]


def _pairs(one: Input) -> list[str]:
    return [
        f"pool = {_pool(one)}[: random.choice([2, 4, 8])]",
        "many = random.randint(0, 8)",
        f"{one.name} = [(random.choice(pool), random.randint({one.low}, {one.high})) for _ in range(many)]",
    ]


def _keyed(one: Input, value: str) -> list[str]:
    return [
        f"pool = random.sample({_pool(one)}, random.randint(0, 6))",
        f"{one.name} = {{key: {value} for key in pool}}",
    ]


def _graph(one: Input) -> list[str]:
    return [
        f"nodes = random.sample({_pool(one)}, random.randint(0, 7))",
        "often = random.choice([0.15, 0.3, 0.5])",
        f"{one.name} = {{node: [to for to in nodes if to != node and random.random() < often] for node in nodes}}",
    ]


def _grid(one: Input) -> list[str]:
    return [
        "width = random.randint(1, 5)",
        f"top = random.choice([{one.low + 1}, {one.high}])",
        f"{one.name} = [[random.randint({one.low}, top) for _ in range(width)] for _ in range(random.randint(0, 5))]",
    ]


def _spans(one: Input) -> list[str]:
    return [
        f"starts = [random.randint({one.low}, {one.high}) for _ in range(random.randint(0, 7))]",
        f"{one.name} = [(start, start + random.randint(0, 6)) for start in starts]",
    ]


def _settings(one: Input) -> list[str]:
    drawn = f"random.choice({_pool(one)}) + '=' + str(random.randint({one.low}, {one.high}))"
    return [f"{one.name} = ';'.join({drawn} for _ in range(random.randint(0, 6)))"]


def _brackets(one: Input) -> list[str]:
    return [
        "text = ''",
        "for _ in range(random.randint(0, 6)):",
        "    left, right = random.choice(['()', '[]', '{}'])",
        "    text = random.choice([text + left + right, left + text + right, left + right + text])",
        "if text and random.random() < 0.4:",
        "    at = random.randrange(len(text))",
        "    text = random.choice([text[:at] + text[at + 1 :], text[:at] + random.choice('()[]{}') + text[at:]])",
        f"{one.name} = text",
    ]


def _formula(one: Input) -> list[str]:
    return [
        f"{one.name} = str(random.randint(0, 12)) if random.random() < 0.95 else ''",
        f"for _ in range(random.randint(0, 4) if {one.name} else 0):",
        f"    if ' ' in {one.name} and random.random() < 0.5:",
        f"        {one.name} = '(' + {one.name} + ')'",
        "    more = [random.choice(['+', '-', '*']), str(random.randint(0, 12))]",
        f"    {one.name} = ' '.join([{one.name}, *more] if random.random() < 0.7 else [more[1], more[0], {one.name}])",
    ]


def _strung(one: Input, letters: str, most: int) -> list[str]:
    return [f"{one.name} = ''.join(random.choice({letters!r}) for _ in range(random.randint(0, {most})))"]


def _runs(one: Input) -> list[str]:
    drawn = "random.choice('abcdxyz') + str(random.choice([1, 2, 3, 12]))"
    return [f"{one.name} = ''.join({drawn} for _ in range(random.randint(0, 5)))"]


_LINES: dict[str, Callable[[Input], list[str]]] = {
    "number": lambda one: [f"{one.name} = random.randint({one.low}, {one.high})"],
    "count": lambda one: [f"{one.name} = random.randint({max(0, one.low)}, {min(60, max(1, one.high))})"],
    "flag": lambda one: [f"{one.name} = random.random() < 0.5"],
    "text": _text,
    "numbers": _numbers,
    "words": lambda one: [
        f"pool = {_pool(one)}",
        f"{one.name} = [random.choice(pool) for _ in range(random.randint(0, 8))]",
    ],
    "pairs": _pairs,
    "counts": lambda one: _keyed(one, f"random.randint({one.low}, {one.high})"),
    "groups": lambda one: _keyed(one, f"[random.randint({one.low}, {one.high}) for _ in range(random.randint(0, 5))]"),
    "bins": lambda one: _keyed(one, f"random.sample({_pool(one)}, random.randint(0, 3))"),
    "graph": _graph,
    "grid": _grid,
    "spans": _spans,
    "settings": _settings,
    "brackets": _brackets,
    "formula": _formula,
    "moves": lambda one: _strung(one, "UDLR", 12),
    "runs": _runs,
    "digits": lambda one: _strung(one, "0123456789", 9),
}
_EMPTY = {
    "number": "0",
    "count": "0",
    "flag": "False",
    "numbers": "[]",
    "words": "[]",
    "pairs": "[]",
    "counts": "{}",
    "groups": "{}",
    "bins": "{}",
    "graph": "{}",
    "grid": "[]",
    "spans": "[]",
    **dict.fromkeys(("text", "settings", "brackets", "formula", "moves", "runs", "digits"), "''"),
}
_SMALL: dict[str, Callable[[Input], str]] = {
    "number": lambda one: str(one.low),
    "count": lambda one: "1",
    "flag": lambda one: "True",
    "text": lambda one: repr(one.words[0]),
    "numbers": lambda one: f"[{one.high}]",
    "words": lambda one: repr([one.words[0]]),
    "pairs": lambda one: repr([(one.words[0], one.high)]),
    "counts": lambda one: repr({one.words[0]: one.high}),
    "groups": lambda one: repr({one.words[0]: [one.low, one.high]}),
    "bins": lambda one: repr({one.words[0]: [one.words[-1]]}),
    "graph": lambda one: repr({one.words[0]: [one.words[1]], one.words[1]: []}),
    "grid": lambda one: f"[[{one.high}]]",
    "spans": lambda one: f"[({one.low}, {one.high})]",
    "settings": lambda one: repr(f"{one.words[0]}={one.high}"),
    "brackets": lambda one: "'('",
    "formula": lambda one: "'7'",
    "moves": lambda one: "'U'",
    "runs": lambda one: "'a1'",
    "digits": lambda one: "'7'",
}
