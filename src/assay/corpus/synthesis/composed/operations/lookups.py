"""A list of numbers and one number: choosing, shifting, counting and finding by a number that was itself computed.

These join a branch of a program that ends in a number with one that ends in a list.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
COUNT = Noun("number", "numbers")

OPERATIONS = (
    Operation(
        name="larger_than_number",
        family="sequences",
        takes=("numbers", "number"),
        gives="numbers",
        forms=(
            *expressions("[{one} for {one} in {x} if {one} > {y}]"),
            Form(block="{out} = []\nfor {one} in {x}:\n    if {one} > {y}:\n        {out}.append({one})"),
        ),
        noun=("those of {x} that are larger than {y}",),
        step=("keep those of {x} that are larger than {y}",),
        names=("larger", "upper_part"),
    ),
    Operation(
        name="relative_to_number",
        family="sequences",
        takes=("numbers", "number"),
        gives="numbers",
        forms=(
            *expressions("[{one} - {y} for {one} in {x}]"),
            Form(block="{out} = list({x})\nfor {_at} in range(len({out})):\n    {out}[{_at}] -= {y}"),
        ),
        noun=("{x} with {y} subtracted from each",),
        step=("subtract {y} from each of {x}",),
        names=("offsets", "relative"),
        becomes=Noun("value", "values"),
    ),
    Operation(
        name="occurrences_of_number",
        family="sequences",
        takes=("numbers", "number"),
        gives="count",
        forms=(
            *expressions("{x}.count({y})", "sum(1 for {one} in {x} if {one} == {y})"),
            Form(block="{out} = 0\nfor {one} in {x}:\n    if {one} == {y}:\n        {out} += 1"),
        ),
        noun=("the number of times that {y} occurs among {x}",),
        step=("count how often {y} occurs among {x}",),
        names=("times", "occurrences"),
        becomes=COUNT,
        ensures=(NOT_NEGATIVE,),
        weight=0.7,
    ),
    Operation(
        name="rank_of_number",
        family="sequences",
        takes=("numbers", "number"),
        gives="count",
        forms=(
            *expressions("sum({one} < {y} for {one} in {x})", "len([{one} for {one} in {x} if {one} < {y}])"),
            Form(
                expression="bisect_left(sorted({x}), {y})", imports=("from bisect import bisect_left",), style="library"
            ),
        ),
        noun=("the number of {x.many} among {x} that are smaller than {y}",),
        step=("count the {x.many} among {x} that are smaller than {y}",),
        names=("rank", "smaller_ones"),
        becomes=COUNT,
        ensures=(NOT_NEGATIVE,),
        weight=0.8,
    ),
    Operation(
        name="nearest_to_number",
        family="sequences",
        takes=("numbers", "number"),
        gives="number",
        literals={"d": (0, -1)},
        forms=(
            Form(expression="min({x}, key=lambda {one}: abs({one} - {y}), default={d})"),
            Form(
                block="""\
{out} = {x}[0] if {x} else {d}
for {one} in {x}:
    if abs({one} - {y}) < abs({out} - {y}):
        {out} = {one}"""
            ),
        ),
        noun=("the first of those among {x} that are nearest to {y}",),
        step=("find the {x.one} nearest to {y}, the first of them where several are equally near",),
        note="If there are none, take {d}.",
        names=("nearest", "closest"),
    ),
    Operation(
        name="purchases",
        family="simulation",
        takes=("numbers", "number"),
        gives="count",
        forms=(
            Form(
                block="""\
{_left} = {y}
{out} = 0
for {one} in {x}:
    if {one} <= {_left}:
        {_left} -= max(0, {one})
        {out} += 1"""
            ),
            Form(
                helper='''
def bought(prices: list[int], budget: int) -> int:
    """Return how many things are bought by one who takes each that can be paid."""
    if not prices:
        return 0
    if prices[0] > budget:
        return bought(prices[1:], budget)
    return 1 + bought(prices[1:], budget - max(0, prices[0]))
''',
                expression="bought({x}, {y})",
                style="recursive",
            ),
        ),
        noun=("the number of things bought at prices of {x} with a budget of {y}",),
        step=("go through {x} as prices with a budget of {y}, buy all that can be paid, and count what is bought",),
        note="Whoever buys goes through the prices in order and takes each thing whose price is at most what is left; "
        "a negative price is not above a budget of 0 and costs nothing.",
        names=("purchases", "number_bought"),
        becomes=COUNT,
        ensures=(NOT_NEGATIVE,),
        weight=0.7,
    ),
    Operation(
        name="item_at",
        family="sequences",
        takes=("numbers", "number"),
        gives="number",
        literals={"d": (0, -1)},
        forms=(
            *expressions(
                "{x}[{y} % len({x})] if {x} else {d}",
            ),
            Form(
                block="{out} = {d}\nfor {_at}, {one} in enumerate({x}):\n    if ({y} - {_at}) % len({x}) == 0:\n"
                "        {out} = {one}"
            ),
        ),
        noun=("the {x.one} among {x} at the position that {y} gives, going round",),
        step=("find the {x.one} at the position that {y} gives, going round at the end of the list",),
        note="Positions count from 0 and are taken modulo the length of the list; if it is empty, take {d}.",
        names=("picked", "item"),
    ),
)
