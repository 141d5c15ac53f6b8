"""Problems that are smaller problems of their own kind, each also solved without recursion, mostly by a closed form.

Recursions are as deep as a number is long or a list can be halved; where they would be deeper, what they are applied to
is cut short, and the words say so. Trees are in `trees`, lists that are built up recursively in `constructions`.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
NUMBER = Noun("number", "numbers")

OPERATIONS = (
    Operation(
        name="insertion_point",
        family="recursion",
        takes=("numbers",),
        gives="count",
        literals={"k": (0, 3, 5, 8, 12)},
        forms=(
            Form(
                expression="search_halves(sorted({x}), {k}, 0)",
                helper='''
def search_halves(values: list[int], wanted: int, before: int) -> int:
    """Look into the half of the sorted values where the wanted one belongs."""
    if not values:
        return before
    middle = len(values) // 2
    if values[middle] < wanted:
        return search_halves(values[middle + 1 :], wanted, before + middle + 1)
    return search_halves(values[:middle], wanted, before)
''',
                style="recursive",
            ),
            Form(
                expression="bisect_left(sorted({x}), {k})",
                imports=("from bisect import bisect_left",),
                style="library",
            ),
            *expressions("sum({one} < {k} for {one} in {x})"),
        ),
        noun=("the position at which {k} would have to be inserted into {x} sorted in ascending order",),
        step=("sort {x} in ascending order and find the position at which {k} would have to be inserted",),
        note="Positions begin at 0; numbers equal to {k} come behind it.",
        names=("position", "insert_at"),
        becomes=Noun("position", "positions"),
        order="ignores",
        joins="adds",
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="select_smallest",
        family="recursion",
        takes=("numbers",),
        gives="number",
        literals={"k": (2, 3, 4), "d": (0, -1)},
        forms=(
            Form(
                expression="quick_select({x}, {k}) if len({x}) >= {k} else {d}",
                helper='''
def quick_select(values: list[int], place: int) -> int:
    """Divide at the middle value and go on in the part where the place is."""
    pivot = values[len(values) // 2]
    smaller = [value for value in values if value < pivot]
    larger = [value for value in values if value > pivot]
    if place <= len(smaller):
        return quick_select(smaller, place)
    if place > len(values) - len(larger):
        return quick_select(larger, place - len(values) + len(larger))
    return pivot
''',
                style="recursive",
            ),
            *expressions("sorted({x})[{k} - 1] if len({x}) >= {k} else {d}"),
            Form(
                expression="([{d}] * {k} + heapq.nsmallest({k}, {x}))[-1 if len({x}) >= {k} else 0]",
                imports=("import heapq",),
                style="library",
            ),
        ),
        noun=("the number at place {k} of {x} in ascending order",),
        step=("find the number at place {k} when {x} are put in ascending order",),
        note="The smallest is at place 1, and equal numbers take a place each. If there are fewer than {k}, take {d}.",
        names=("selected", "at_place"),
        becomes=NUMBER,
        order="ignores",
    ),
    Operation(
        name="nesting_score",
        family="recursion",
        takes=("brackets",),
        gives="number",
        literals={"d": (-1, 0)},
        forms=(
            Form(
                expression="score_nesting({x}, {d})",
                helper='''
def score_nesting(brackets: str, broken: int) -> int:
    """Keep a score for each bracket that is still open."""
    scores, opened = [0], ""
    for bracket in brackets:
        if bracket in "([{{":
            opened += bracket
            scores.append(0)
        elif opened and opened[-1] + bracket in ("()", "[]", "{{}}"):
            opened = opened[:-1]
            inside = scores.pop()
            scores[-1] += max(1, 2 * inside)
        else:
            return broken
    return broken if opened else scores[0]
''',
            ),
            Form(
                expression="score_pairs({x}, {d})",
                helper='''
def score_pairs(brackets: str, broken: int) -> int:
    """Replace innermost pairs with their scores in angle brackets until none is left."""
    score = re.compile(r"\\(((?:<\\d+>)*)\\)|\\[((?:<\\d+>)*)\\]|\\{{((?:<\\d+>)*)\\}}")

    def doubled(found: re.Match[str]) -> str:
        return f"<{{max(1, 2 * sum(map(int, re.findall('[0-9]+', found.group()))))}}>"

    before = ""
    while before != brackets:
        before, brackets = brackets, score.sub(doubled, brackets)
    if not re.fullmatch(r"(<\\d+>)*", brackets):
        return broken
    return sum(map(int, re.findall("[0-9]+", brackets)))
''',
                imports=("import re",),
                style="library",
            ),
        ),
        noun=("the score of {x}",),
        step=("find the score of {x}",),
        note="A pair with nothing in it scores 1, any other pair twice the scores of what is in it, and pairs side "
        "by side are added. If some bracket has no partner of its kind in the right place, the score is {d}; "
        "nothing at all scores 0.",
        names=("score", "nesting_score"),
        becomes=Noun("score", "scores"),
    ),
    Operation(
        name="difference_triangle",
        family="recursion",
        takes=("numbers",),
        gives="number",
        literals={"d": (0, -1)},
        forms=(
            Form(
                block="""{_row} = {x}[:12]
while len({_row}) > 1:
    {_row} = [{_b} - {_a} for {_a}, {_b} in zip({_row}, {_row}[1:])]
{out} = {_row}[0] if {_row} else {d}"""
            ),
            Form(
                block="""{_few} = {x}[:12][::-1]
{_signed} = [(-1) ** {_at} * math.comb(len({_few}) - 1, {_at}) * {one} for {_at}, {one} in enumerate({_few})]
{out} = sum({_signed}) if {_signed} else {d}""",
                imports=("import math",),
                style="library",
            ),
            Form(
                expression="tip_of_triangle({x}[:12]) if {x} else {d}",
                helper='''
def tip_of_triangle(row: list[int]) -> int:
    """The tip without the first minus the tip without the last."""
    return row[0] if len(row) == 1 else tip_of_triangle(row[1:]) - tip_of_triangle(row[:-1])
''',
                style="recursive",
            ),
        ),
        noun=("the last number when {x} are replaced with their differences again and again",),
        step=("replace {x} with their differences again and again until one number is left",),
        note="The differences are those of each number and the one before it, the later minus the earlier. Only the "
        "first 12 numbers are used; if there are none, take {d}.",
        names=("last_difference", "tip"),
        becomes=NUMBER,
    ),
    Operation(
        name="diatomic",
        family="recursion",
        takes=("count",),
        gives="count",
        forms=(
            Form(
                expression="fusc({x})",
                helper='''
def fusc(place: int) -> int:
    """Stern's sequence: an even place has the number of half of it, an odd one the sum of two."""
    if place < 2:
        return place
    if place % 2 == 0:
        return fusc(place // 2)
    return fusc(place // 2) + fusc(place // 2 + 1)
''',
                style="recursive",
            ),
            Form(
                block="""{_place} = {x}
{_even}, {out} = 1, 0
while {_place} > 0:
    if {_place} % 2 == 0:
        {_even} += {out}
    else:
        {out} += {_even}
    {_place} //= 2"""
            ),
        ),
        noun=("the number f(i) of Stern's sequence, where i is {x}",),
        step=("find the number f(i) of Stern's sequence, where i is {x}",),
        note="The function f is defined by f(0) = 0, f(1) = 1, f(2 * i) = f(i) and f(2 * i + 1) = f(i) + f(i + 1).",
        names=("stern_number", "f_value"),
        becomes=NUMBER,
        ensures=(NOT_NEGATIVE,),
        weight=0.6,
    ),
    Operation(
        name="ninety_one",
        family="recursion",
        takes=("count",),
        gives="number",
        literals={"k": (20, 30, 50, 100)},
        forms=(
            Form(
                expression="nested_call({x}, {k})",
                helper='''
def nested_call(value: int, limit: int) -> int:
    """McCarthy's function, whose argument is its own result."""
    if value > limit:
        return value - 10
    return nested_call(nested_call(value + 11, limit), limit)
''',
                style="recursive",
            ),
            *expressions("max({x} - 10, {k} - 9)"),
            Form(
                block="""{out} = {x}
{_calls} = 1
while {_calls} > 0:
    if {out} > {k}:
        {out} -= 10
        {_calls} -= 1
    else:
        {out} += 11
        {_calls} += 1"""
            ),
        ),
        noun=("the number g(i) of McCarthy's function g, where i is {x}",),
        step=("find g(i) for McCarthy's function g, where i is {x}",),
        note="The function g is defined by g(i) = i - 10 if i is greater than {k}, and g(i) = g(g(i + 11)) otherwise.",
        names=("nested_value", "g_value"),
        becomes=NUMBER,
        ensures=(("The result is at least {k} - 9.", "result >= k - 9"),),
        weight=0.6,
    ),
)
