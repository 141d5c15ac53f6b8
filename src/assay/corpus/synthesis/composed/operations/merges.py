"""Two lists of numbers brought together.

These join the branches of a program: what was made in two ways, or of two inputs, becomes one.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

ASCENDING = ("The result is in ascending order.", "all(a <= b for a, b in zip(result, result[1:]))")
NO_REPEATS = ("The result holds no number twice.", "len(set(result)) == len(result)")
NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
COUNT = Noun("number", "numbers")

OPERATIONS = (
    Operation(
        name="merge_sorted",
        family="sequences",
        takes=("numbers", "numbers"),
        gives="numbers",
        forms=(
            *expressions("sorted({x} + {y})"),
            *expressions("list(heapq.merge(sorted({x}), sorted({y})))", imports=("import heapq",)),
            Form(
                helper='''
def merge_lists(left: list[int], right: list[int]) -> list[int]:
    """Return the values of two lists in ascending order as one."""
    left, right, merged = sorted(left), sorted(right), []
    while left and right:
        smaller = left if left[0] <= right[0] else right
        merged.append(smaller.pop(0))
    return merged + left + right
''',
                expression="merge_lists({x}, {y})",
            ),
        ),
        noun=("all of {x} and {y} together, in ascending order",),
        step=("put {x} and {y} together in ascending order",),
        names=("merged", "together"),
        becomes=Noun("number", "numbers"),
        commutes=True,
        ensures=(ASCENDING,),
    ),
    Operation(
        name="chain",
        family="sequences",
        takes=("numbers", "numbers"),
        gives="numbers",
        forms=(*expressions("{x} + {y}", "[*{x}, *{y}]"), Form(block="{out} = list({x})\n{out}.extend({y})")),
        noun=("{x} followed by {y}",),
        step=("append {y} to {x}",),
        names=("joined", "combined"),
        becomes=Noun("number", "numbers"),
        weight=0.6,
    ),
    Operation(
        name="interleave",
        family="sequences",
        takes=("numbers", "numbers"),
        gives="numbers",
        forms=(
            Form(
                block="""\
{out}: list[int] = []
for {_at} in range(max(len({x}), len({y}))):
    {out} += {x}[{_at} : {_at} + 1] + {y}[{_at} : {_at} + 1]"""
            ),
            Form(
                block="""\
{_shared} = min(len({x}), len({y}))
{out} = [{_v} for {_pair} in zip({x}, {y}) for {_v} in {_pair}] + {x}[{_shared}:] + {y}[{_shared}:]"""
            ),
        ),
        noun=("{x} and {y} taken alternately",),
        step=("take one from {x} and one from {y} in turn, beginning with the former",),
        note="When one list is used up, the rest of the other follows.",
        names=("woven", "alternating"),
        becomes=Noun("number", "numbers"),
    ),
    Operation(
        name="distances",
        family="sequences",
        takes=("numbers", "numbers"),
        gives="numbers",
        forms=(
            *expressions(
                "[abs({_a} - {_b}) for {_a}, {_b} in zip({x}, {y})]",
                "[max({_pair}) - min({_pair}) for {_pair} in zip({x}, {y})]",
            ),
        ),
        noun=("the distances, position by position, between {x} and {y}",),
        step=("list, position by position, how far {x} and {y} are apart",),
        note="Where one list is longer, its rest is ignored; distances are never negative.",
        names=("distances", "gaps"),
        becomes=Noun("distance", "distances"),
        commutes=True,
        ensures=(("No distance is negative.", "min(result, default=0) >= 0"),),
    ),
    Operation(
        name="larger_each",
        family="sequences",
        takes=("numbers", "numbers"),
        gives="numbers",
        forms=(
            *expressions(
                "[max({_a}, {_b}) for {_a}, {_b} in zip({x}, {y})]",
                "[{_a} if {_a} > {_b} else {_b} for {_a}, {_b} in zip({x}, {y})]",
                "list(map(max, {x}, {y}))",
            ),
        ),
        noun=("the larger ones, position by position, of {x} and {y}",),
        step=("take, position by position, the larger one from {x} and {y}",),
        note="Where one list is longer, its rest is ignored.",
        names=("larger_ones", "upper"),
        becomes=Noun("number", "numbers"),
        commutes=True,
        weight=0.7,
    ),
    Operation(
        name="dot",
        family="numbers",
        takes=("numbers", "numbers"),
        gives="number",
        forms=(
            *expressions("sum({_a} * {_b} for {_a}, {_b} in zip({x}, {y}))"),
            Form(block="{out} = 0\nfor {_at} in range(min(len({x}), len({y}))):\n    {out} += {x}[{_at}] * {y}[{_at}]"),
        ),
        noun=("the sum of the products, position by position, of {x} and {y}",),
        step=("multiply {x} and {y} position by position and add up the products",),
        note="Where one list is longer, its rest is ignored.",
        names=("dot", "weighted_sum"),
        becomes=COUNT,
        commutes=True,
    ),
    Operation(
        name="also_in",
        family="sequences",
        takes=("numbers", "numbers"),
        gives="numbers",
        forms=(
            *expressions("[{one} for {one} in {x} if {one} in {y}]"),
            Form(block="{_known} = set({y})\n{out} = [{one} for {one} in {x} if {one} in {_known}]"),
            Form(expression="list(filter({y}.__contains__, {x}))", style="library"),
        ),
        noun=("those of {x} that also occur among {y}",),
        step=("keep those of {x} that also occur among {y}",),
        names=("shared", "in_both"),
    ),
    Operation(
        name="not_in",
        family="sequences",
        takes=("numbers", "numbers"),
        gives="numbers",
        forms=(
            *expressions("[{one} for {one} in {x} if {one} not in {y}]"),
            Form(
                block="{_banned} = set({y})\n{out} = []\nfor {one} in {x}:\n    if {one} not in {_banned}:\n"
                "        {out}.append({one})"
            ),
        ),
        noun=("those of {x} that do not occur among {y}",),
        step=("remove from {x} all that also occur among {y}",),
        names=("missing", "only_here"),
    ),
    Operation(
        name="union",
        family="sequences",
        takes=("numbers", "numbers"),
        gives="numbers",
        forms=(
            *expressions("sorted(set({x}) | set({y}))", "sorted(dict.fromkeys({x} + {y}))"),
            Form(
                block="{out}: list[int] = []\nfor {one} in sorted({x} + {y}):\n"
                "    if not {out} or {out}[-1] != {one}:\n        {out}.append({one})"
            ),
        ),
        noun=("the different numbers that are among {x} or {y}, in ascending order",),
        step=("list in ascending order, once each, the numbers that are among {x} or {y}",),
        names=("union", "either"),
        becomes=Noun("number", "numbers"),
        commutes=True,
        ensures=(ASCENDING, NO_REPEATS),
    ),
    Operation(
        name="common_with_repeats",
        family="sequences",
        takes=("numbers", "numbers"),
        gives="numbers",
        forms=(
            Form(
                expression="sorted((Counter({x}) & Counter({y})).elements())",
                imports=("from collections import Counter",),
                style="library",
            ),
            Form(
                block="""\
{_left} = list({y})
{out} = []
for {one} in sorted({x}):
    if {one} in {_left}:
        {_left}.remove({one})
        {out}.append({one})"""
            ),
            Form(
                block="""\
{out}: list[int] = []
for {one} in sorted(set({x})):
    {out} += [{one}] * min({x}.count({one}), {y}.count({one}))"""
            ),
        ),
        noun=("what {x} and {y} have in common, in ascending order",),
        step=("list in ascending order what {x} and {y} have in common",),
        note="A number is in common as many times as it stands in that list in which it stands less often.",
        names=("common", "overlap"),
        becomes=Noun("number", "numbers"),
        commutes=True,
        ensures=(ASCENDING,),
    ),
    Operation(
        name="common_subsequence",
        family="dynamic programming",
        takes=("numbers", "numbers"),
        gives="count",
        forms=(
            Form(
                block="""\
{_row} = [0] * (len({y}) + 1)
for {_a} in {x}:
    {_above} = {_row}
    {_row} = [0]
    for {_at}, {_b} in enumerate({y}):
        {_row}.append({_above}[{_at}] + 1 if {_a} == {_b} else max({_above}[{_at} + 1], {_row}[-1]))
{out} = {_row}[-1]"""
            ),
            Form(
                helper='''
@lru_cache(maxsize=None)
def common_length(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    """Return the length of the longest subsequence that two tuples share."""
    if not left or not right:
        return 0
    if left[0] == right[0]:
        return 1 + common_length(left[1:], right[1:])
    return max(common_length(left[1:], right), common_length(left, right[1:]))
''',
                expression="common_length(tuple({x}), tuple({y}))",
                imports=("from functools import lru_cache",),
                style="recursive",
            ),
        ),
        noun=("the length of the longest common subsequence of {x} and {y}",),
        step=("find the length of the longest common subsequence of {x} and {y}",),
        note="A subsequence is what is left of a list when any of its numbers are crossed out.",
        names=("similarity", "shared_length"),
        becomes=COUNT,
        commutes=True,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="differing_positions",
        family="sequences",
        takes=("numbers", "numbers"),
        gives="count",
        forms=(
            *expressions("sum({_a} != {_b} for {_a}, {_b} in zip({x}, {y})) + abs(len({x}) - len({y}))"),
            Form(
                expression="sum(1 for {_a}, {_b} in zip_longest({x}, {y}) if {_a} != {_b})",
                imports=("from itertools import zip_longest",),
                style="library",
            ),
        ),
        noun=("the number of positions at which {x} and {y} differ",),
        step=("count the positions at which {x} and {y} differ",),
        note="A position that only the longer list has counts as one where they differ.",
        names=("mismatches", "differing"),
        becomes=COUNT,
        commutes=True,
        ensures=(NOT_NEGATIVE,),
        weight=0.8,
    ),
    Operation(
        name="wins",
        family="sequences",
        takes=("numbers", "numbers"),
        gives="count",
        forms=(
            *expressions("sum({_a} > {_b} for {_a}, {_b} in zip({x}, {y}))"),
            Form(
                block="{out} = 0\nfor {_at} in range(min(len({x}), len({y}))):\n    if {x}[{_at}] > {y}[{_at}]:\n"
                "        {out} += 1"
            ),
        ),
        noun=("the number of positions with a larger number in {x} than in {y}",),
        step=("count the positions at which the number from {x} is larger than that from {y}",),
        note="Where one list is longer, its rest is ignored.",
        names=("wins", "victories"),
        becomes=COUNT,
        ensures=(NOT_NEGATIVE,),
        weight=0.7,
    ),
    Operation(
        name="hides",
        family="sequences",
        takes=("numbers", "numbers"),
        gives="flag",
        forms=(
            Form(
                block="""\
{_at} = 0
for {one} in {y}:
    if {_at} < len({x}) and {x}[{_at}] == {one}:
        {_at} += 1
{out} = {_at} == len({x})"""
            ),
            Form(block="{_stream} = iter({y})\n{out} = all({one} in {_stream} for {one} in {x})"),
        ),
        noun=("whether crossing out some of {y} can leave exactly {x}",),
        step=("find out whether crossing out some of {y} can leave exactly {x}, in the same order",),
        note="To cross out none, or all, is allowed.",
        names=("is_hidden", "contained"),
        becomes=Noun("answer", "answers"),
        weight=0.5,
    ),
    Operation(
        name="nearest_of",
        family="sequences",
        takes=("numbers", "numbers"),
        gives="numbers",
        literals={"d": (0, -1)},
        forms=(
            Form(
                expression="[min({y}, key=lambda {_b}: (abs({_b} - {one}), {_b}), default={d}) for {one} in {x}]",
            ),
            Form(
                block="""\
{_order} = sorted({y})
{out} = []
for {one} in {x}:
    {_at} = bisect_left({_order}, {one})
    {_close} = {_order}[max(0, {_at} - 1) : {_at} + 1]
    {_gaps} = [(abs({_b} - {one}), {_b}) for {_b} in {_close}]
    {out}.append(min({_gaps})[1] if {_gaps} else {d})""",
                imports=("from bisect import bisect_left",),
                style="library",
            ),
        ),
        noun=("the list that gives for each of {x} the nearest number among {y}",),
        step=("replace each of {x} by the nearest number among {y}",),
        note="Of two that are equally near the smaller is taken; if there are none to choose from, take {d}.",
        names=("nearest", "snapped"),
        becomes=Noun("number", "numbers"),
        weight=0.7,
    ),
    Operation(
        name="cross_pairs",
        family="sequences",
        takes=("numbers", "numbers"),
        gives="number",
        forms=(
            *expressions("sum(1 for {_a} in {x} for {_b} in {y} if {_a} < {_b})"),
            Form(
                block="{_order} = sorted({x})\n{out} = sum(bisect_left({_order}, {_b}) for {_b} in {y})",
                imports=("from bisect import bisect_left",),
                style="library",
            ),
        ),
        noun=("the number of ways to take one of {x} and a larger one of {y}",),
        step=("count the ways to take one of {x} and a larger one of {y}",),
        names=("ways_to_pick", "rising_pairs"),
        becomes=COUNT,
        ensures=(NOT_NEGATIVE,),
        weight=0.8,
    ),
    Operation(
        name="polynomial_product",
        family="numbers",
        takes=("numbers", "numbers"),
        gives="numbers",
        forms=(
            Form(
                block="""\
{out} = [0] * (len({x}) + len({y}) - 1 if {x} and {y} else 0)
for {_i}, {_a} in enumerate({x}):
    for {_j}, {_b} in enumerate({y}):
        {out}[{_i} + {_j}] += {_a} * {_b}"""
            ),
            Form(
                helper='''
def multiply_polynomials(left: list[int], right: list[int]) -> list[int]:
    """Return the coefficients of the product of two polynomials, lowest first."""
    if not left or not right:
        return []
    product = [left[0] * value for value in right] + [0] * (len(left) - 1)
    for at, value in enumerate(multiply_polynomials(left[1:], right), 1):
        product[at] += value
    return product
''',
                expression="multiply_polynomials({x}, {y})",
                style="recursive",
            ),
        ),
        noun=("the coefficients of the product of the polynomials whose coefficients are {x} and {y}",),
        step=("take {x} and {y} as coefficients of polynomials and multiply the two",),
        note="Coefficients begin with that of x to the power 0; if a list is empty, so is the result.",
        names=("product", "coefficients"),
        becomes=Noun("coefficient", "coefficients"),
        commutes=True,
        weight=0.5,
    ),
)
