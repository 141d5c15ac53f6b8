"""Tests, measures and changes of numbers, with which operations are completed.

Digits are those of a number without its sign. Changes grow a number little, or not at all but for squares and
triangular numbers, so that several behind one another stay readable. A measure
may stand in arithmetic as it is; tests and changes are to be bracketed there.
"""

from assay.corpus.synthesis.composed.operation import Part, number_test

DIGITS = "Digits are those of the number without its sign."
TESTS = (
    number_test("even", "{v} % 2 == 0", "that are even", "is even"),
    number_test("odd", "{v} % 2 == 1", "that are odd", "is odd", "{v} % 2 != 0", "abs({v}) % 2 == 1"),
    number_test("above", "{v} > {k}", "greater than {k}", "is greater than {k}", k=(0, 3, 5, 8, 10, 12, 20)),
    number_test("below", "{v} < {k}", "less than {k}", "is less than {k}", "{k} > {v}", k=(0, 4, 6, 9, 10, 15)),
    number_test("other_than", "{v} != {k}", "other than {k}", "is not {k}", k=(0, 1, 2, 5)),
    number_test(
        "multiple",
        "{v} % {k} == 0",
        "that are multiples of {k}",
        "is a multiple of {k}",
        "divmod({v}, {k})[1] == 0",
        k=(3, 4, 5, 7),
    ),
    number_test(
        "between",
        "{low} <= {v} <= {high}",
        "from {low} to {high}, both included",
        "is at least {low} and at most {high}",
        "{v} in range({low}, {high} + 1)",
        low=(-2, 0, 2, 3),
        high=(6, 9, 10, 12),
    ),
    number_test(
        "near",
        "abs({v} - {k}) <= {d}",
        "at most {d} away from {k}",
        "is at most {d} away from {k}",
        "-{d} <= {v} - {k} <= {d}",
        k=(0, 5, 8, 10),
        d=(2, 3, 4),
    ),
    number_test(
        "ends_in",
        "abs({v}) % 10 == {k}",
        "whose last digit is {k}",
        "has the last digit {k}",
        "int(str({v})[-1]) == {k}",
        k=(1, 3, 5, 7),
    ),
    number_test(
        "has_digit",
        "str({k}) in str({v})",
        "that contain the digit {k}",
        "contains the digit {k}",
        "any(int(digit) == {k} for digit in str(abs({v})))",
        k=(0, 1, 2, 3, 7),
    ),
    number_test(
        "digit_sum_even",
        "sum(int(digit) for digit in str(abs({v}))) % 2 == 0",
        "whose digit sum is even",
        "has an even digit sum",
        "sum(digit in '13579' for digit in str({v})) % 2 == 0",
    ),
    number_test(
        "palindrome",
        "str(abs({v})) == str(abs({v}))[::-1]",
        "whose digits read the same backwards",
        "has digits that read the same backwards",
        "list(str(abs({v}))) == list(reversed(str(abs({v}))))",
    ),
    number_test(
        "two_digits",
        "len(str(abs({v}))) == 2",
        "of exactly two digits",
        "has exactly two digits",
        "10 <= abs({v}) < 100",
    ),
    number_test(
        "no_digit_twice",
        "len(set(str(abs({v})))) == len(str(abs({v})))",
        "in which no digit comes twice",
        "has no digit twice",
        "max(str(abs({v})).count(digit) for digit in str(abs({v}))) == 1",
    ),
    Part(
        name="remainder_is",
        role="test",
        of="number",
        forms=("{v} % {k} == {r}", "({v} - {r}) % {k} == 0"),
        behind="that leave remainder {r} when divided by {k}",
        is_="leaves remainder {r} when divided by {k}",
        literals={"k": (3, 4, 5), "r": (1, 2)},
        note="The remainder is never negative: -1 divided by {k} leaves {k} - 1.",
    ),
    Part(
        name="prime",
        role="test",
        of="number",
        forms=(
            "{v} > 1 and all({v} % trial != 0 for trial in range(2, math.isqrt({v}) + 1))",
            "{v} > 1 and sum({v} % trial == 0 for trial in range(1, math.isqrt({v}) + 1)) == 1",
        ),
        behind="that are prime",
        is_="is prime",
        note="A prime number is greater than 1 and divisible by 1 and itself alone.",
        imports=("import math",),
    ),
    Part(
        name="perfect_square",
        role="test",
        of="number",
        forms=("{v} >= 0 and math.isqrt({v}) ** 2 == {v}", "math.isqrt(abs({v})) * math.isqrt(abs({v})) == {v}"),
        behind="that are perfect squares",
        is_="is a perfect square",
        note="The perfect squares are 0, 1, 4, 9, 16 and so on.",
        imports=("import math",),
    ),
    Part(
        name="power_of_two",
        role="test",
        of="number",
        forms=("{v} > 0 and {v} & ({v} - 1) == 0", "{v} > 0 and bin({v}).count('1') == 1"),
        behind="that are powers of two",
        is_="is a power of two",
        note="The powers of two are 1, 2, 4, 8 and so on.",
    ),
    Part(
        name="odd_ones",
        role="test",
        of="number",
        forms=("bin({v}).count('1') % 2 == 1", "abs({v}).bit_count() % 2 == 1"),
        behind="with an odd number of ones in binary",
        is_="has an odd number of ones in binary",
        note="In binary the sign is left out.",
    ),
)


def _measure(name: str, noun: str, *forms: str, note: str = "", **literals: tuple[int | str, ...]) -> Part:
    return Part(name=name, role="measure", of="number", forms=forms, noun=noun, note=note, literals=literals)


MEASURES = (
    _measure("digit_sum", "digit sum", "sum(int(digit) for digit in str(abs({v})))", "sum(map(int, str(abs({v}))))"),
    _measure("absolute", "absolute value", "abs({v})", "max({v}, -{v})"),
    _measure("digit_count", "number of digits", "len(str(abs({v})))", "len(str({v}).lstrip('-'))", note=DIGITS),
    _measure("last_digit", "last digit", "abs({v}) % 10", "int(str({v})[-1])"),
    _measure(
        "remainder",
        "remainder when divided by {k}",
        "{v} % {k}",
        "divmod({v}, {k})[1]",
        note="The remainder is never negative: -1 divided by {k} leaves {k} - 1.",
        k=(3, 4, 5, 7),
    ),
    _measure("distance", "distance from {k}", "abs({v} - {k})", "max({v}, {k}) - min({v}, {k})", k=(5, 7, 10, 12)),
    _measure(
        "ones",
        "number of ones in binary",
        "bin({v}).count('1')",
        "abs({v}).bit_count()",
        note="In binary the sign is left out.",
    ),
    _measure("largest_digit", "largest digit", "max(int(digit) for digit in str(abs({v})))", "int(max(str(abs({v}))))"),
    _measure(
        "different_digits",
        "number of different digits",
        "len(set(str(abs({v}))))",
        "sum(digit in str({v}) for digit in '0123456789')",
        note=DIGITS,
    ),
    _measure("opposite", "opposite", "-{v}", "0 - {v}", note="The opposite of 5 is -5, that of -5 is 5."),
)


def _change(name: str, noun: str, many: str, *forms: str, note: str = "", **literals: tuple[int | str, ...]) -> Part:
    return Part(name=name, role="change", of="number", forms=forms, noun=noun, many=many, note=note, literals=literals)


CHANGES = (
    _change("square", "square", "squares", "{v} ** 2", "{v} * {v}"),
    _change("multiple", "product with {k}", "products with {k}", "{v} * {k}", "{k} * {v}", k=(2, 3, 5, -1)),
    _change("half", "half", "halves", "{v} // 2", "{v} >> 1", note="Halves are rounded down, so that of -3 is -2."),
    _change("absolute", "absolute value", "absolute values", "abs({v})", "max({v}, -{v})"),
    _change(
        "complement",
        "difference from {k}",
        "differences from {k}",
        "{k} - {v}",
        "-({v} - {k})",
        note="The difference of a number from {k} is {k} minus the number.",
        k=(9, 10, 50, 100),
    ),
    _change(
        "remainder",
        "remainder when divided by {k}",
        "remainders when divided by {k}",
        "{v} % {k}",
        "{v} - {v} // {k} * {k}",
        note="The remainder is never negative: -1 divided by {k} leaves {k} - 1.",
        k=(3, 5, 7, 10),
    ),
    _change(
        "reversed_digits",
        "mirror number",
        "mirror numbers",
        "int(str(abs({v}))[::-1]) * (-1 if {v} < 0 else 1)",
        "int(''.join(reversed(str(abs({v}))))) * (({v} > 0) - ({v} < 0))",
        note="A mirror number has the digits in reverse and the same sign: that of 120 is 21, that of -35 is -53.",
    ),
    _change(
        "sorted_digits",
        "digit-sorted form",
        "digit-sorted forms",
        "int(''.join(sorted(str(abs({v})))))",
        "int(''.join(digit * str(abs({v})).count(digit) for digit in '0123456789'))",
        note="The digit-sorted form has the digits in ascending order and no sign: that of -3102 is 123.",
    ),
    _change(
        "clamped",
        "nearest number from {low} to {high}",
        "nearest numbers from {low} to {high}",
        "min(max({v}, {low}), {high})",
        "sorted([{low}, {v}, {high}])[1]",
        note="A number from {low} to {high} is itself the nearest.",
        low=(-3, 0, 1, 2),
        high=(7, 9, 10, 15),
    ),
    _change(
        "multiple_below",
        "next lower multiple of {k}",
        "next lower multiples of {k}",
        "{v} // {k} * {k}",
        "{v} - {v} % {k}",
        note="The next lower multiple of a multiple of {k} is that number itself.",
        k=(3, 4, 5, 10),
    ),
    _change(
        "triangular",
        "triangular number",
        "triangular numbers",
        "{v} * ({v} + 1) // 2",
        "({v} * {v} + {v}) // 2",
        note="The triangular number of n is n * (n + 1) / 2.",
    ),
    _change(
        "collatz",
        "Collatz successor",
        "Collatz successors",
        "{v} // 2 if {v} % 2 == 0 else 3 * {v} + 1",
        "3 * {v} + 1 if {v} % 2 else {v} // 2",
        note="The Collatz successor of an even number is its half, that of an odd one three times the number plus 1.",
    ),
    _change(
        "exclusive_or",
        "bitwise exclusive or with {k}",
        "bitwise exclusive ors with {k}",
        "{v} ^ {k}",
        "({v} | {k}) - ({v} & {k})",
        k=(1, 3, 5, 6),
    ),
    _change(
        "digital_root",
        "digital root",
        "digital roots",
        "abs({v}) and (abs({v}) - 1) % 9 + 1",
        "0 if {v} == 0 else abs({v}) % 9 or 9",
        note="The digital root is what is left when the digit sum is taken again and again until one digit remains.",
    ),
)
PARTS = (*TESTS, *MEASURES, *CHANGES)
