"""The best choice from a list of numbers: the classic tasks of dynamic programming, each also solved in another way."""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
COUNT = Noun("number", "numbers")

OPERATIONS = (
    Operation(
        name="best_gain",
        family="dynamic programming",
        takes=("numbers",),
        gives="number",
        forms=(
            Form(
                expression="max((max(0, {_b} - {_a}) for {_a}, {_b} in combinations({x}, 2)), default=0)",
                imports=("from itertools import combinations",),
                style="library",
            ),
            Form(
                block="""\
{out} = 0
for {_at}, {one} in enumerate({x}):
    {out} = max({out}, {one} - min({x}[: {_at} + 1]))"""
            ),
            Form(
                block="""\
{out} = 0
{_lowest} = {x}[0] if {x} else 0
for {one} in {x}:
    {_lowest} = min({_lowest}, {one})
    {out} = max({out}, {one} - {_lowest})"""
            ),
        ),
        noun=("the largest rise from any of {x} to a later one",),
        step=("find the largest rise from any of {x} to a later one",),
        note="If nothing ever rises, the result is 0.",
        names=("best_gain", "profit"),
        becomes=COUNT,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="best_stretch",
        family="dynamic programming",
        takes=("numbers",),
        gives="number",
        forms=(
            Form(
                block="""\
{out}, {_ending_here} = 0, 0
for {one} in {x}:
    {_ending_here} = max(0, {_ending_here} + {one})
    {out} = max({out}, {_ending_here})"""
            ),
            Form(
                block="""\
{out} = 0
for {_start} in range(len({x})):
    {_total} = 0
    for {one} in {x}[{_start}:]:
        {_total} += {one}
        {out} = max({out}, {_total})"""
            ),
        ),
        noun=("the largest sum of any stretch of neighbours in {x}",),
        step=("find the largest sum that any stretch of neighbours in {x} has",),
        note="A stretch may be the whole list or a single number; the empty stretch, with the sum 0, counts too.",
        names=("best_sum", "best_stretch"),
        becomes=COUNT,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="best_apart",
        family="dynamic programming",
        takes=("numbers",),
        gives="number",
        forms=(
            Form(
                block="""\
{_left_out}, {_taken} = 0, 0
for {one} in {x}:
    {_left_out}, {_taken} = max({_left_out}, {_taken}), {_left_out} + {one}
{out} = max({_left_out}, {_taken})"""
            ),
            Form(
                helper='''
@lru_cache(maxsize=None)
def best_choice(values: tuple[int, ...]) -> int:
    """Return the largest sum of values of which no two are neighbours."""
    if not values:
        return 0
    return max(best_choice(values[1:]), values[0] + best_choice(values[2:]))
''',
                expression="best_choice(tuple({x}))",
                imports=("from functools import lru_cache",),
                style="recursive",
            ),
        ),
        noun=("the largest sum of a choice from {x} without neighbours",),
        step=("choose from {x} so that no two of those chosen are neighbours and their sum is as large as can be",),
        note="Neighbours stand next to each other in the list; to choose nothing, with the sum 0, is allowed; the "
        "answer is the sum.",
        names=("best_choice_sum", "loot"),
        becomes=COUNT,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="longest_increasing",
        family="dynamic programming",
        takes=("numbers",),
        gives="count",
        forms=(
            Form(
                block="""\
{_lengths}: list[int] = []
for {_at}, {one} in enumerate({x}):
    {_before} = [{_lengths}[{_b}] for {_b} in range({_at}) if {x}[{_b}] < {one}]
    {_lengths}.append(1 + max({_before}, default=0))
{out} = max({_lengths}, default=0)"""
            ),
            Form(
                block="""\
{_ends}: list[int] = []
for {one} in {x}:
    {_place} = bisect_left({_ends}, {one})
    {_ends}[{_place} : {_place} + 1] = [{one}]
{out} = len({_ends})""",
                imports=("from bisect import bisect_left",),
                style="library",
            ),
        ),
        noun=("the length of the longest increasing subsequence of {x}",),
        step=("find the length of the longest increasing subsequence of {x}",),
        note="A subsequence is what is left when any of the numbers are crossed out; it is increasing if each number "
        "is larger than the one before.",
        names=("longest_increasing", "longest_climb"),
        becomes=COUNT,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="fewest_coins",
        family="dynamic programming",
        takes=("numbers",),
        gives="number",
        literals={"k": (11, 14, 18, 23)},
        forms=(
            Form(
                block="""\
{_fewest} = [0] + [{k} + 1] * {k}
for {_amount} in range(1, {k} + 1):
    for {one} in {x}:
        if 0 < {one} <= {_amount}:
            {_fewest}[{_amount}] = min({_fewest}[{_amount}], {_fewest}[{_amount} - {one}] + 1)
{out} = {_fewest}[{k}] if {_fewest}[{k}] <= {k} else -1"""
            ),
            Form(
                helper='''
def coins_needed(coins: list[int], amount: int) -> int:
    """Return the fewest coins that make the amount, or -1."""
    reached, number = {{0}}, 0
    while amount not in reached and number <= amount:
        reached = {{have + coin for have in reached for coin in coins if coin > 0 and have + coin <= amount}}
        number += 1
    return number if amount in reached else -1
''',
                expression="coins_needed({x}, {k})",
            ),
        ),
        noun=("the fewest coins that make {k} with {x} as the values of coins",),
        step=("take {x} as values of coins and find the fewest coins that make exactly {k}",),
        note="There are as many coins of each value as one likes; values that are not positive are ignored; if {k} "
        "cannot be made, the result is -1.",
        names=("fewest_coins", "least_coins"),
        becomes=COUNT,
        order="ignores",
        doubles=False,
        ensures=(("The result is from -1 to {k}.", "-1 <= result <= k"),),
    ),
    Operation(
        name="ways_to_pay",
        family="dynamic programming",
        takes=("numbers",),
        gives="number",
        literals={"k": (10, 12, 15, 20)},
        forms=(
            Form(
                block="""\
{_ways} = [1] + [0] * {k}
for {_coin} in sorted(set({x})):
    if {_coin} > 0:
        for {_amount} in range({_coin}, {k} + 1):
            {_ways}[{_amount}] += {_ways}[{_amount} - {_coin}]
{out} = {_ways}[{k}]"""
            ),
            Form(
                helper='''
def ways_to_pay(amount: int, coins: list[int]) -> int:
    """Return in how many ways different positive coins make an amount."""
    if amount == 0:
        return 1
    if not coins:
        return 0
    return sum(ways_to_pay(left, coins[1:]) for left in range(amount, -1, -coins[0]))
''',
                expression="ways_to_pay({k}, sorted({{{one} for {one} in {x} if {one} > 0}}, reverse=True))",
                style="recursive",
            ),
        ),
        noun=("the number of ways to make {k} with {x} as the values of coins",),
        step=("take {x} as values of coins and count the ways to make exactly {k}",),
        note="There are as many coins of each value as one likes; equal values are one kind of coin, values that are "
        "not positive are ignored, and the order of coins does not matter.",
        names=("ways", "number_of_ways"),
        becomes=COUNT,
        order="ignores",
        doubles=False,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="subset_with_sum",
        family="dynamic programming",
        takes=("numbers",),
        gives="flag",
        literals={"k": (9, 13, 17, 22)},
        forms=(
            Form(
                block="""\
{_reached} = 1
for {one} in {x}:
    if 0 < {one} <= {k}:
        {_reached} |= {_reached} << {one}
{out} = bool({_reached} >> {k} & 1)"""
            ),
            Form(
                block="""\
{_sums} = {{0}}
for {one} in {x}:
    {_sums} |= {{{_total} + {one} for {_total} in {_sums} if {one} > 0 and {_total} + {one} <= {k}}}
{out} = {k} in {_sums}"""
            ),
        ),
        noun=("whether some of {x} add up to exactly {k}",),
        step=("find out whether some of {x} add up to exactly {k}",),
        note="Each number may be used once for each time that it stands in the list; numbers that are not positive "
        "may not be used.",
        names=("can_be_made", "reachable"),
        becomes=Noun("answer", "answers"),
        order="ignores",
        weight=0.7,
    ),
)
