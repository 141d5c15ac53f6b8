"""The longest of what can be left when elements of a list are crossed out, and the edits between two lists.

Each has a table filled from small to large, and beside it a recursion with memory, a search or a greedy rule.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
NUMBER = Noun("number", "numbers")

OPERATIONS = (
    Operation(
        name="longest_zigzag",
        family="dynamic programming",
        takes=("numbers",),
        gives="count",
        forms=(
            Form(
                block="""{_up} = {_down} = min(len({x}), 1)
for {_a}, {_b} in zip({x}, {x}[1:]):
    if {_b} > {_a}:
        {_up} = {_down} + 1
    elif {_b} < {_a}:
        {_down} = {_up} + 1
{out} = max({_up}, {_down})"""
            ),
            Form(
                expression="longest_swing({x})",
                helper='''
def longest_swing(values: list[int]) -> int:
    """For each value, the longest that ends there with a rise and with a fall."""
    rising: list[int] = []
    falling: list[int] = []
    for at, value in enumerate(values):
        rising.append(1 + max((falling[by] for by in range(at) if values[by] < value), default=0))
        falling.append(1 + max((rising[by] for by in range(at) if values[by] > value), default=0))
    return max(rising + falling, default=0)
''',
            ),
        ),
        noun=("the length of the longest zigzag subsequence of {x}",),
        step=("find the length of the longest zigzag subsequence of {x}",),
        note="A subsequence is what is left when any of the numbers are crossed out. It is a zigzag if its numbers "
        "go up and down in turn, beginning with either; a single number is one too.",
        names=("zigzag_length", "longest_zigzag"),
        becomes=NUMBER,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="longest_palindrome_within",
        family="dynamic programming",
        takes=("numbers",),
        gives="count",
        forms=(
            Form(
                expression="mirror_length({x})",
                helper='''
def mirror_length(values: list[int]) -> int:
    """Longest common subsequence with the same backwards, row by row."""
    above = [0] * (len(values) + 1)
    for value in values:
        row = [0]
        for at, other in enumerate(reversed(values)):
            row.append(above[at] + 1 if value == other else max(above[at + 1], row[at]))
        above = row
    return above[-1]
''',
            ),
            Form(
                expression="palindrome_within(tuple({x}))",
                helper='''
@cache
def palindrome_within(values: tuple[int, ...]) -> int:
    """Use both ends if they are equal, else leave out the one or the other."""
    if len(values) < 2:
        return len(values)
    if values[0] == values[-1]:
        return 2 + palindrome_within(values[1:-1])
    return max(palindrome_within(values[1:]), palindrome_within(values[:-1]))
''',
                imports=("from functools import cache",),
                style="recursive",
            ),
        ),
        noun=("the length of the longest subsequence of {x} that reads the same backwards",),
        step=("find the length of the longest subsequence of {x} that reads the same backwards",),
        note="A subsequence is what is left when any of the numbers are crossed out.",
        names=("palindrome_length", "longest_mirror"),
        becomes=NUMBER,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="longest_even_steps",
        family="dynamic programming",
        takes=("numbers",),
        gives="count",
        forms=(
            Form(
                block="""{_lengths}: dict[tuple[int, int], int] = {{}}
{out} = min(len({x}), 1)
for {_at}, {one} in enumerate({x}):
    for {_by} in range({_at}):
        {_step} = {one} - {x}[{_by}]
        {_lengths}[{_at}, {_step}] = max({_lengths}.get(({_at}, {_step}), 0), {_lengths}.get(({_by}, {_step}), 1) + 1)
        {out} = max({out}, {_lengths}[{_at}, {_step}])"""
            ),
            Form(
                expression="try_steps({x})",
                helper='''
def try_steps(values: list[int]) -> int:
    """From each start and with each first step, go on wherever the next value comes."""
    best = min(len(values), 1)
    for start, first in enumerate(values):
        for second in dict.fromkeys(values[start + 1 :]):
            step, wanted, length = second - first, second, 1
            for value in values[start + 1 :]:
                if value == wanted:
                    wanted, length = wanted + step, length + 1
            best = max(best, length)
    return best
''',
            ),
        ),
        noun=("the length of the longest subsequence of {x} with even steps",),
        step=("find the length of the longest subsequence of {x} with even steps",),
        note="A subsequence is what is left when any of the numbers are crossed out. Its steps are even if the "
        "difference between each number and the next is the same, which may be 0 or negative.",
        names=("even_steps", "progression_length"),
        becomes=NUMBER,
        ensures=(NOT_NEGATIVE,),
        weight=0.8,
    ),
    Operation(
        name="shared_words_in_order",
        family="dynamic programming",
        takes=("words", "words"),
        gives="count",
        forms=(
            Form(
                expression="shared_in_order({x}, {y})",
                helper='''
def shared_in_order(first: list[str], second: list[str]) -> int:
    """Longest common subsequence, row by row."""
    above = [0] * (len(second) + 1)
    for word in first:
        row = [0]
        for at, other in enumerate(second):
            row.append(above[at] + 1 if word == other else max(above[at + 1], row[at]))
        above = row
    return above[-1]
''',
            ),
            Form(
                expression="cross_out_rest(tuple({x}), tuple({y}))",
                helper='''
@cache
def cross_out_rest(first: tuple[str, ...], second: tuple[str, ...]) -> int:
    """Keep the first words if they are equal, else cross one of them out."""
    if not first or not second:
        return 0
    if first[0] == second[0]:
        return 1 + cross_out_rest(first[1:], second[1:])
    return max(cross_out_rest(first[1:], second), cross_out_rest(first, second[1:]))
''',
                imports=("from functools import cache",),
                style="recursive",
            ),
        ),
        noun=("the largest number of {x.many} that {x} and {y} have in common in the same order",),
        step=("find how many {x.many} {x} and {y} have in common in the same order",),
        note="Crossing out some of each, the same list must be left of both; the result is the length of the "
        "longest that can be left.",
        names=("in_common", "shared_length"),
        becomes=NUMBER,
        commutes=True,
        ensures=(NOT_NEGATIVE,),
        weight=0.8,
    ),
    Operation(
        name="edits_between",
        family="dynamic programming",
        takes=("numbers", "numbers"),
        gives="count",
        forms=(
            Form(
                expression="edits_by_rows({x}, {y})",
                helper='''
def edits_by_rows(first: list[int], second: list[int]) -> int:
    """Fewest edits between the beginnings of both, row by row."""
    above = list(range(len(second) + 1))
    for number, value in enumerate(first, start=1):
        row = [number]
        for at, other in enumerate(second):
            row.append(min(above[at] + (value != other), above[at + 1] + 1, row[at] + 1))
        above = row
    return above[-1]
''',
            ),
            Form(
                expression="search_edits({x}, {y})",
                helper='''
def search_edits(first: list[int], second: list[int]) -> int:
    """Spread over pairs of places; equal numbers are passed for nothing."""
    edits = 0
    places = {{(0, 0)}}
    while True:
        reached = set()
        for one, other in sorted(places):
            while one < len(first) and other < len(second) and first[one] == second[other]:
                one, other = one + 1, other + 1
            reached.add((one, other))
        if (len(first), len(second)) in reached:
            return edits
        edits += 1
        steps = ((1, 0), (0, 1), (1, 1))
        places = {{(a + down, b + right) for a, b in reached for down, right in steps}}
        places = {{(a, b) for a, b in places if a <= len(first) and b <= len(second)}}
''',
            ),
        ),
        noun=("the smallest number of edits that turn {x} into {y}",),
        step=("find the smallest number of edits that turn {x} into {y}",),
        note="An edit inserts a number anywhere, removes one, or replaces one with another.",
        names=("edits", "edit_count"),
        becomes=Noun("number of edits", "numbers of edits"),
        commutes=True,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="divisor_chain",
        family="dynamic programming",
        takes=("numbers",),
        gives="count",
        forms=(
            Form(
                block="""{_positive} = sorted({{{one} for {one} in {x} if {one} > 0}})
{_longest}: dict[int, int] = {{}}
for {one} in {_positive}:
    {_before} = [{_longest}[{_part}] for {_part} in {_longest} if {one} % {_part} == 0]
    {_longest}[{one}] = 1 + max({_before}, default=0)
{out} = max({_longest}.values(), default=0)"""
            ),
            Form(
                expression="peel_chain([{one} for {one} in {x} if {one} > 0])",
                helper='''
def peel_chain(values: list[int]) -> int:
    """Take away, again and again, what no other value divides: as often as the chain is long."""
    rounds = 0
    while values:
        rounds += 1
        values = [one for one in values if any(one % other == 0 for other in values if other < one)]
    return rounds
''',
            ),
        ),
        noun=("the length of the longest chain of different positive numbers from {x} in which each divides the next",),
        step=(
            "find the length of the longest chain of different positive numbers from {x} in which each divides the "
            "next",
        ),
        note="The numbers of the chain may stand anywhere in the list; without positive numbers the length is 0.",
        names=("chain_length_found", "divisor_chain"),
        becomes=NUMBER,
        order="ignores",
        doubles=False,
        ensures=(NOT_NEGATIVE,),
    ),
)
