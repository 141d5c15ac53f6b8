"""Questions that a whole list of numbers answers with one number or with yes or no.

Sums, largest ones and the like are reductions and come as parts; here are questions with a rule or an algorithm of
their own.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
COUNT = Noun("number", "numbers")
ANSWER = Noun("answer", "answers")

ASKING = (
    Operation(
        name="reduce",
        family="sequences",
        takes=("numbers",),
        gives="number",
        parts={"reduce": ("reduce", "number")},
        forms=expressions("{reduce(x)}"),
        noun=("the {reduce} of {x}",),
        step=("find the {reduce} of {x}",),
        names=("total", "answer"),
        becomes=COUNT,
        order="ignores",
        doubles=False,
        weight=2,
    ),
    Operation(
        name="count_where",
        family="sequences",
        takes=("numbers",),
        gives="count",
        parts={"test": ("test", "number")},
        forms=(
            Form(expression="sum(1 for {one} in {x} if {test(one)})"),
            Form(expression="len([{one} for {one} in {x} if {test(one)}])"),
            Form(block="{out} = 0\nfor {one} in {x}:\n    if {test(one)}:\n        {out} += 1"),
        ),
        noun=("the number of {x.many} {test} among {x}",),
        step=("count the {x.many} {test} among {x}",),
        names=("how_many", "tally"),
        becomes=COUNT,
        order="ignores",
        joins="adds",
        ensures=(NOT_NEGATIVE,),
        weight=1.2,
    ),
    Operation(
        name="any_where",
        family="sequences",
        takes=("numbers",),
        gives="flag",
        parts={"test": ("test", "number")},
        forms=(
            Form(expression="any({test(one)} for {one} in {x})"),
            Form(block="{out} = False\nfor {one} in {x}:\n    if {test(one)}:\n        {out} = True\n        break"),
        ),
        noun=("whether there is any among {x} that {test.is}",),
        step=("find out whether any of {x} {test.is}",),
        note="If there are none at all, the answer is False.",
        names=("found_any", "some"),
        becomes=ANSWER,
        order="ignores",
        doubles=False,
        weight=0.7,
    ),
    Operation(
        name="all_where",
        family="sequences",
        takes=("numbers",),
        gives="flag",
        parts={"test": ("test", "number")},
        forms=(
            Form(expression="all({test(one)} for {one} in {x})"),
            Form(block="{out} = True\nfor {one} in {x}:\n    if not ({test(one)}):\n        {out} = False"),
        ),
        noun=("whether every {x.one} among {x} {test.is}",),
        step=("find out whether every {x.one} among {x} {test.is}",),
        note="If there are none at all, the answer is True.",
        names=("all_fit", "without_exception"),
        becomes=ANSWER,
        order="ignores",
        doubles=False,
        weight=0.7,
    ),
    Operation(
        name="first_where",
        family="sequences",
        takes=("numbers",),
        gives="number",
        parts={"test": ("test", "number")},
        literals={"d": (0, -1)},
        forms=(
            Form(expression="next(({one} for {one} in {x} if {test(one)}), {d})"),
            Form(block="{out} = {d}\nfor {one} in {x}:\n    if {test(one)}:\n        {out} = {one}\n        break"),
            Form(block="{out} = {d}\nfor {one} in reversed({x}):\n    if {test(one)}:\n        {out} = {one}"),
        ),
        noun=("the first {x.one} among {x} that {test.is}",),
        step=("find the first {x.one} that {test.is}",),
        note="If there is none, take {d}.",
        names=("first_found", "first_fitting"),
    ),
    Operation(
        name="best_by",
        family="sequences",
        takes=("numbers",),
        gives="number",
        parts={"measure": ("measure", "number")},
        literals={"d": (0, -1)},
        forms=(
            Form(expression="max({x}, key=lambda {one}: {measure(one)}, default={d})"),
            Form(
                block="{out} = {x}[0] if {x} else {d}\nfor {one} in {x}:\n    if {measure(one)} > {measure(out)}:\n"
                "        {out} = {one}"
            ),
        ),
        noun=("the first of those among {x} with the greatest {measure}",),
        step=("find the {x.one} with the greatest {measure}, the first of them where several tie",),
        note="If there are none, take {d}.",
        names=("best", "winner"),
        doubles=False,
    ),
    Operation(
        name="majority",
        family="sequences",
        takes=("numbers",),
        gives="number",
        literals={"d": (0, -1)},
        forms=(
            *expressions("next(({one} for {one} in {x} if {x}.count({one}) * 2 > len({x})), {d})"),
            Form(
                helper='''
def majority_or(values: list[int], default: int) -> int:
    """Return the value that makes up more than half of the list, or the default."""
    candidate, lead = default, 0
    for value in values:
        if lead == 0:
            candidate = value
        lead += 1 if value == candidate else -1
    return candidate if values.count(candidate) * 2 > len(values) else default
''',
                expression="majority_or({x}, {d})",
            ),
        ),
        noun=("the {x.one} that makes up more than half of {x}",),
        step=("find the {x.one} that makes up more than half of the list",),
        note="If no number makes up more than half, take {d}.",
        names=("majority", "leader"),
        order="ignores",
        weight=0.7,
    ),
    Operation(
        name="is_ascending",
        family="sequences",
        takes=("numbers",),
        gives="flag",
        forms=(
            *expressions("sorted({x}) == {x}", "all({_a} <= {_b} for {_a}, {_b} in zip({x}, {x}[1:]))"),
            Form(
                block="{out} = True\nfor {_at} in range(1, len({x})):\n"
                "    {out} = {out} and {x}[{_at} - 1] <= {x}[{_at}]"
            ),
        ),
        noun=("whether no {x.one} among {x} is smaller than the one before it",),
        step=("find out whether no {x.one} is smaller than the one before it",),
        note="At most one number is always in order.",
        names=("in_order", "is_sorted"),
        becomes=ANSWER,
        weight=0.4,
    ),
    Operation(
        name="reads_backwards",
        family="sequences",
        takes=("numbers",),
        gives="flag",
        forms=(
            *expressions("{x} == {x}[::-1]", "all({x}[{_at}] == {x}[-1 - {_at}] for {_at} in range(len({x}) // 2))"),
        ),
        noun=("whether reversing {x} gives the same list again",),
        step=("find out whether the list of {x.many} is the same when it is reversed",),
        names=("symmetric", "is_palindrome"),
        becomes=ANSWER,
        weight=0.4,
    ),
    Operation(
        name="balance_point",
        family="sequences",
        takes=("numbers",),
        gives="number",
        forms=(
            *expressions("next(({_at} for {_at} in range(len({x})) if sum({x}[:{_at}]) == sum({x}[{_at} + 1 :])), -1)"),
            Form(
                block="""\
{out} = -1
{_before}, {_after} = 0, sum({x})
for {_at}, {one} in enumerate({x}):
    {_after} -= {one}
    if {_before} == {_after}:
        {out} = {_at}
        break
    {_before} += {one}"""
            ),
        ),
        noun=("the first position in {x} with equal sums before and after it",),
        step=("find the first position where the sum of the {x.many} before it equals that of the {x.many} behind it",),
        note="Positions count from 0; what stands at the position itself belongs to neither sum; if there is no such "
        "position, take -1.",
        names=("balance_point", "pivot"),
        becomes=Noun("position", "positions"),
        ensures=(("The result is at least -1.", "result >= -1"),),
        weight=0.8,
    ),
    Operation(
        name="h_index",
        family="sequences",
        takes=("numbers",),
        gives="count",
        forms=(
            *expressions("sum(1 for {_at}, {one} in enumerate(sorted({x}, reverse=True), 1) if {one} >= {_at})"),
            Form(
                block="{out} = 0\nwhile sum(1 for {one} in {x} if {one} > {out}) > {out}:\n    {out} += 1",
            ),
        ),
        noun=("the h-index of {x}",),
        step=("find the h-index of {x}",),
        note="The h-index is the largest h such that at least h of the numbers are h or more.",
        names=("h_index", "impact"),
        becomes=COUNT,
        order="ignores",
        ensures=(NOT_NEGATIVE,),
        weight=0.6,
    ),
    Operation(
        name="longest_sequence",
        family="sequences",
        takes=("numbers",),
        gives="count",
        forms=(
            Form(
                block="""\
{_known} = set({x})
{out} = 0
for {one} in {x}:
    if {one} - 1 not in {_known}:
        {_end} = {one}
        while {_end} in {_known}:
            {_end} += 1
        {out} = max({out}, {_end} - {one})"""
            ),
            Form(
                block="""\
{out}, {_length} = 0, 0
{_order} = sorted(set({x}))
for {_at}, {one} in enumerate({_order}):
    {_length} = {_length} + 1 if {_at} > 0 and {_order}[{_at} - 1] == {one} - 1 else 1
    {out} = max({out}, {_length})"""
            ),
        ),
        noun=("the most consecutive whole numbers that are all among {x}",),
        step=("find how many consecutive whole numbers, at most, are all among {x}, in whatever order",),
        note="Consecutive numbers are such as 2, 3 and 4; if there are no numbers, the result is 0.",
        names=("longest_sequence", "chain"),
        becomes=COUNT,
        order="ignores",
        doubles=False,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="pairs_with_sum",
        family="sequences",
        takes=("numbers",),
        gives="number",
        literals={"k": (0, 5, 7, 10, 12)},
        forms=(
            Form(
                expression="sum(1 for {_a}, {_b} in combinations({x}, 2) if {_a} + {_b} == {k})",
                imports=("from itertools import combinations",),
                style="library",
            ),
            Form(
                block="""\
{_seen}: dict[int, int] = {{}}
{out} = 0
for {one} in {x}:
    {out} += {_seen}.get({k} - {one}, 0)
    {_seen}[{one}] = {_seen}.get({one}, 0) + 1"""
            ),
        ),
        noun=("the number of pairs of {x.many} among {x} that add up to {k}",),
        step=("count the pairs of {x.many} that add up to {k}",),
        note="A pair is two different positions, so that equal numbers can make several pairs.",
        names=("pairs", "matches"),
        becomes=COUNT,
        order="ignores",
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="inversions",
        family="recursion",
        takes=("numbers",),
        gives="number",
        forms=(
            Form(
                expression="sum(1 for {_a}, {_b} in combinations({x}, 2) if {_a} > {_b})",
                imports=("from itertools import combinations",),
                style="library",
            ),
            Form(
                helper='''
def count_inversions(values: list[int]) -> tuple[int, list[int]]:
    """Return how many pairs are out of order, and the values in order."""
    if len(values) < 2:
        return 0, values
    middle = len(values) // 2
    left_count, left = count_inversions(values[:middle])
    right_count, right = count_inversions(values[middle:])
    total, merged, at = left_count + right_count, [], 0
    for value in left:
        while at < len(right) and right[at] < value:
            merged.append(right[at])
            at += 1
        merged.append(value)
        total += at
    return total, merged + right[at:]
''',
                expression="count_inversions({x})[0]",
                style="recursive",
            ),
            Form(
                block="""\
{_row} = list({x})
{out} = 0
for {_end} in range(len({_row}) - 1, 0, -1):
    for {_at} in range({_end}):
        if {_row}[{_at}] > {_row}[{_at} + 1]:
            {_row}[{_at}], {_row}[{_at} + 1] = {_row}[{_at} + 1], {_row}[{_at}]
            {out} += 1"""
            ),
        ),
        noun=("the number of inversions in {x}",),
        step=("count the inversions in {x}", "count how many pairs of {x.many} are out of order"),
        note="An inversion is a pair of positions of which the earlier one holds the larger number.",
        names=("inversions", "disorder"),
        becomes=COUNT,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="follow_positions",
        family="simulation",
        takes=("numbers",),
        gives="count",
        forms=(
            Form(
                block="""\
{_visited}: list[int] = []
{_at} = 0
while {x} and {_at} not in {_visited}:
    {_visited}.append({_at})
    {_at} = {x}[{_at}] % len({x})
{out} = len({_visited})"""
            ),
            Form(
                helper='''
def positions_reached(steps: list[int], position: int, before: frozenset[int]) -> int:
    """Return how many positions are reached from one, leaving out those reached before."""
    if position in before or not steps:
        return 0
    return 1 + positions_reached(steps, steps[position] % len(steps), before | {{position}})
''',
                expression="positions_reached({x}, 0, frozenset())",
                style="recursive",
            ),
        ),
        noun=("the number of different positions that are visited by hopping through {x}",),
        step=("hop through {x}, and count the different positions visited",),
        note="Hopping begins at position 0 and goes from each position to the one that its number names, taken modulo "
        "the length of the list; it ends before a position is visited again.",
        names=("visited", "hops"),
        becomes=COUNT,
        ensures=(NOT_NEGATIVE,),
        weight=0.6,
    ),
    Operation(
        name="piles",
        family="simulation",
        takes=("numbers",),
        gives="number",
        literals={"k": (2, 3)},
        forms=(
            Form(
                block="""\
{_piles} = [0] * {k}
for {one} in {x}:
    {_piles}[{_piles}.index(min({_piles}))] += {one}
{out} = max({_piles}) - min({_piles})"""
            ),
            Form(
                block="""\
{_piles} = [(0, {_at}) for {_at} in range({k})]
for {one} in {x}:
    {_weight}, {_place} = heapq.heappop({_piles})
    heapq.heappush({_piles}, ({_weight} + {one}, {_place}))
{out} = max({_piles})[0] - min({_piles})[0]""",
                imports=("import heapq",),
                style="library",
            ),
        ),
        noun=("the difference between the largest and the smallest sum of a pile after dealing {x} onto {k} piles",),
        step=("deal {x} onto {k} piles, and take the difference between the largest and the smallest sum of a pile",),
        note="Each number in turn goes onto the pile with the smallest sum so far, the first such pile where several "
        "tie; empty piles have the sum 0.",
        names=("imbalance", "unfairness"),
        becomes=COUNT,
        ensures=(NOT_NEGATIVE,),
        weight=0.6,
    ),
)
OPERATIONS = ASKING
