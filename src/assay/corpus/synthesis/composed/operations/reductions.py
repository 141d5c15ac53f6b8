"""Reductions: a number made of a list of numbers, such as a sum or a median.

The empty list has a value too: a natural one (the sum of no numbers is 0) or a literal that the note states. A product
is taken modulo a small number, so that it can be read.
"""

from assay.corpus.synthesis.composed.operation import Part

DEFAULTS: tuple[int | str, ...] = (0, -1)


def _reduce(
    name: str,
    noun: str,
    *forms: str,
    note: str = "",
    imports: tuple[str, ...] = (),
    order: bool = False,
    doubles: bool = True,
    adds: bool = False,
    **literals: tuple[int | str, ...],
) -> Part:
    return Part(
        name=name,
        role="reduce",
        of="number",
        forms=forms,
        noun=noun,
        note=note,
        imports=imports,
        order=order,
        doubles=doubles,
        adds=adds,
        literals=literals,
    )


PARTS = (
    _reduce("sum", "sum", "sum({v})", adds=True),
    _reduce(
        "largest",
        "largest",
        "max({v}, default={d})",
        "max({v}) if {v} else {d}",
        "sorted({v})[-1] if {v} else {d}",
        note="The largest of no numbers is {d}.",
        doubles=False,
        d=DEFAULTS,
    ),
    _reduce(
        "smallest",
        "smallest",
        "min({v}, default={d})",
        "min({v}) if {v} else {d}",
        "sorted({v})[0] if {v} else {d}",
        note="The smallest of no numbers is {d}.",
        doubles=False,
        d=DEFAULTS,
    ),
    _reduce(
        "spread",
        "range",
        "max({v}) - min({v}) if {v} else 0",
        "max({v}, default=0) - min({v}, default=0)",
        note="The range is the largest minus the smallest, and 0 where there are no numbers.",
        doubles=False,
    ),
    _reduce(
        "product",
        "product modulo {m}",
        "math.prod({v}) % {m}",
        "functools.reduce(lambda one, other: one * other % {m}, {v}, 1)",
        note="The product of no numbers is 1.",
        imports=("import functools", "import math"),
        m=(97, 100, 1000),
    ),
    _reduce(
        "average",
        "average",
        "sum({v}) // len({v}) if {v} else {d}",
        "(sum({v}) - sum({v}) % len({v})) // len({v}) if {v} else {d}",
        note="The average is rounded down; that of no numbers is {d}.",
        d=DEFAULTS,
    ),
    _reduce(
        "median",
        "median",
        "sorted({v})[(len({v}) - 1) // 2] if {v} else {d}",
        "median_low({v}) if {v} else {d}",
        note="The median is the middle one in ascending order, the lower of the middle two where their number is even, "
        "and {d} where there are none.",
        imports=("from statistics import median_low",),
        d=DEFAULTS,
    ),
    _reduce(
        "mode",
        "most frequent",
        "max(sorted({v}), key={v}.count, default={d})",
        "min({v}, key=lambda one: (-{v}.count(one), one), default={d})",
        note="Of several that are equally frequent the smallest is taken, and {d} where there are none.",
        d=DEFAULTS,
    ),
    _reduce(
        "second",
        "second largest",
        "sorted(set({v}))[-2] if len(set({v})) > 1 else {d}",
        "max((one for one in {v} if one < max({v})), default={d})",
        note="The second largest is the largest of those smaller than the largest; if there is none, it is {d}.",
        doubles=False,
        d=DEFAULTS,
    ),
    _reduce(
        "distinct",
        "number of different values",
        "len(set({v}))",
        "sum(1 for at, one in enumerate({v}) if one not in {v}[:at])",
        doubles=False,
    ),
    _reduce(
        "gcd",
        "greatest common divisor",
        "math.gcd(*{v})",
        "functools.reduce(math.gcd, {v}, 0)",
        note="The greatest common divisor is not negative; that of no numbers, or of zeros alone, is 0.",
        imports=("import functools", "import math"),
        doubles=False,
    ),
    _reduce(
        "exclusive_or",
        "bitwise exclusive or",
        "functools.reduce(lambda one, other: one ^ other, {v}, 0)",
        "functools.reduce(lambda one, other: (one | other) - (one & other), {v}, 0)",
        note="The exclusive or of no numbers is 0.",
        imports=("import functools",),
    ),
    _reduce(
        "alternating",
        "alternating sum",
        "sum({v}[::2]) - sum({v}[1::2])",
        "sum(-one if at % 2 else one for at, one in enumerate({v}))",
        note="The alternating sum is the first minus the second plus the third, and so on.",
        order=True,
    ),
    _reduce(
        "last",
        "last",
        "{v}[-1] if {v} else {d}",
        "next(reversed({v}), {d})",
        note="If there are none, take {d} as the last.",
        order=True,
        d=DEFAULTS,
    ),
)
