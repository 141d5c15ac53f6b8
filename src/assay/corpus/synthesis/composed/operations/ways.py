"""In how many ways, with how few, up to what total: counting without listing.

Numbers that grow fast are counted modulo a number that is said, and what would need a trial of everything looks at the
first few elements only.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
NUMBER = Noun("number", "numbers")
WAYS = Noun("number of ways", "numbers of ways")

OPERATIONS = (
    Operation(
        name="reachable_sums",
        family="dynamic programming",
        takes=("numbers",),
        gives="numbers",
        literals={"k": (10, 20, 30)},
        forms=(
            Form(
                block="""{_bits} = 1
for {one} in {x}:
    if 0 < {one} <= {k}:
        {_bits} |= {_bits} << {one}
{out} = [{_total} for {_total} in range({k} + 1) if {_bits} >> {_total} & 1]"""
            ),
            Form(
                block="""{_reached} = [True] + [False] * {k}
for {one} in {x}:
    if {one} > 0:
        for {_total} in range({k}, {one} - 1, -1):
            {_reached}[{_total}] = {_reached}[{_total}] or {_reached}[{_total} - {one}]
{out} = [{_total} for {_total}, {_found} in enumerate({_reached}) if {_found}]"""
            ),
        ),
        noun=("the totals up to {k} that some of {x} add up to, in ascending order",),
        step=("list in ascending order the totals up to {k} that some of {x} add up to",),
        note="Each number may be used once for each time that it stands in the list, none at all adds up to 0, and "
        "numbers that are not positive are ignored.",
        names=("totals", "reachable_sums"),
        becomes=Noun("total", "totals"),
        order="ignores",
        ensures=(
            ("0 can always be reached.", "result[0] == 0"),
            ("The result is in ascending order.", "result == sorted(set(result))"),
        ),
    ),
    Operation(
        name="fair_split",
        family="dynamic programming",
        takes=("numbers",),
        gives="number",
        forms=(
            Form(
                block="""{_gaps} = {{0}}
for {one} in {x}[:10]:
    {_gaps} = {{abs({_gap} + {one}) for {_gap} in {_gaps}}} | {{abs({_gap} - {one}) for {_gap} in {_gaps}}}
{out} = min({_gaps})"""
            ),
            Form(
                expression="smallest_gap({x}[:10])",
                helper='''
def smallest_gap(values: list[int]) -> int:
    """Try every way to hand the values to two people."""
    return min(
        abs(sum(-value if taken else value for value, taken in zip(values, choice)))
        for choice in product((False, True), repeat=len(values))
    )
''',
                imports=("from itertools import product",),
                style="library",
            ),
        ),
        noun=("the smallest possible difference between the sums of two groups into which {x} are divided",),
        step=("divide {x} into two groups and find the smallest possible difference between their sums",),
        note="Every number belongs to one of the groups, a group may be empty, and only the first 10 numbers are used.",
        names=("gap", "smallest_difference"),
        becomes=Noun("difference", "differences"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="read_as_letters",
        family="dynamic programming",
        takes=("digits",),
        gives="number",
        forms=(
            Form(
                block="""{_before}, {out} = 0, 1
{_last} = ""
for {_digit} in {x}:
    {_alone} = {out} if {_digit} != "0" else 0
    {_together} = {_before} if 10 <= int({_last} + {_digit}) <= 26 else 0
    {_before}, {out} = {out}, {_alone} + {_together}
    {_last} = {_digit}"""
            ),
            Form(
                expression="count_readings({x})",
                helper='''
def count_readings(digits: str) -> int:
    """Take a letter of one digit or of two off the end, for each beginning."""
    letters = {{str(number) for number in range(1, 27)}}
    readings = [1]
    for end in range(1, len(digits) + 1):
        starts = [start for start in (end - 1, end - 2) if start >= 0 and digits[start:end] in letters]
        readings.append(sum(readings[start] for start in starts))
    return readings[-1]
''',
            ),
        ),
        noun=("the number of ways to read {x} as letters",),
        step=("count the ways to read {x} as letters",),
        note="The letters `a` to `z` are written as the numbers 1 to 26 without leading zeros, one behind the "
        "other; to read no digits there is one way.",
        names=("readings", "decodings"),
        becomes=WAYS,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="fewest_squares",
        family="dynamic programming",
        takes=("count",),
        gives="count",
        forms=(
            Form(
                block="""{_fewest} = [0]
for {_total} in range(1, {x} + 1):
    {_roots} = range(1, math.isqrt({_total}) + 1)
    {_fewest}.append(1 + min({_fewest}[{_total} - {_root} * {_root}] for {_root} in {_roots}))
{out} = {_fewest}[{x}]""",
                imports=("import math",),
            ),
            Form(
                expression="squares_needed({x})",
                helper='''
def squares_needed(total: int) -> int:
    """Lagrange: four squares are enough; Legendre: three are, unless it is 4 ** a * (8 * b + 7)."""
    if math.isqrt(total) ** 2 == total:
        return min(total, 1)
    roots = range(1, math.isqrt(total) + 1)
    if any(math.isqrt(total - root * root) ** 2 == total - root * root for root in roots):
        return 2
    while total % 4 == 0:
        total //= 4
    return 4 if total % 8 == 7 else 3
''',
                imports=("import math",),
            ),
        ),
        noun=("the smallest number of square numbers that add up to {x}",),
        step=("find the smallest number of square numbers that add up to {x}",),
        note="The squares are 1, 4, 9 and so on, and each may be used several times; for 0 the result is 0.",
        names=("squares", "squares_needed_for_it"),
        becomes=NUMBER,
        ensures=(("Four squares are always enough.", "0 <= result <= 4"),),
    ),
    Operation(
        name="egg_drops",
        family="dynamic programming",
        takes=("count",),
        gives="count",
        literals={"k": (2, 3, 4)},
        forms=(
            Form(
                block="""{_floors} = [0] * ({k} + 1)
{out} = 0
while {_floors}[{k}] < {x}:
    {out} += 1
    for {_eggs} in range({k}, 0, -1):
        {_floors}[{_eggs}] += {_floors}[{_eggs} - 1] + 1"""
            ),
            Form(
                block="""{out} = 0
while sum(math.comb({out}, {_broken}) for {_broken} in range(1, {k} + 1)) < {x}:
    {out} += 1""",
                imports=("import math",),
                style="library",
            ),
        ),
        noun=(
            "the number of drops that are needed in the worst case to test a house with {k} eggs, where {x} is "
            "its number of floors",
        ),
        step=(
            "find how many drops are needed in the worst case to test a house with {k} eggs, where {x} is its "
            "number of floors",
        ),
        note="There is a highest floor, maybe none, from which an egg survives being dropped; from every higher one "
        "it breaks. An egg that survived can be used again. The drops are chosen as well as possible to find "
        "that floor.",
        names=("drops", "tries"),
        becomes=Noun("number of drops", "numbers of drops"),
        ensures=(NOT_NEGATIVE,),
        weight=0.6,
    ),
    Operation(
        name="stretches_with_sum",
        family="dynamic programming",
        takes=("numbers",),
        gives="number",
        literals={"k": (0, 5, 8, 10, 12)},
        forms=(
            Form(
                block="""{_seen} = Counter([0])
{_total} = {out} = 0
for {one} in {x}:
    {_total} += {one}
    {out} += {_seen}[{_total} - {k}]
    {_seen}[{_total}] += 1""",
                imports=("from collections import Counter",),
                style="library",
            ),
            Form(
                block="""{out} = 0
for {_start} in range(len({x})):
    {_total} = 0
    for {one} in {x}[{_start}:]:
        {_total} += {one}
        if {_total} == {k}:
            {out} += 1"""
            ),
        ),
        noun=("the number of stretches of {x} with the sum {k}",),
        step=("count the stretches of {x} with the sum {k}",),
        note="A stretch is one or more numbers side by side; stretches at different places count apart.",
        names=("stretches", "hits"),
        becomes=NUMBER,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="fewest_jumps",
        family="dynamic programming",
        takes=("numbers",),
        gives="number",
        literals={"d": (-1, 99)},
        forms=(
            Form(
                block="""{_jumps} = {{0: 0}}
for {_at}, {one} in enumerate({x}):
    if {_at} in {_jumps}:
        for {_to} in range({_at} + 1, min({_at} + {one}, len({x}) - 1) + 1):
            {_jumps}.setdefault({_to}, {_jumps}[{_at}] + 1)
{out} = {_jumps}.get(max(len({x}) - 1, 0), {d})"""
            ),
            Form(
                expression="jump_on({x}, {d})",
                helper='''
def jump_on(lengths: list[int], never: int) -> int:
    """Take all places that one more jump can reach at a time."""
    jumps, first, last = 0, 0, 0
    while last < len(lengths) - 1:
        farthest = max(at + lengths[at] for at in range(first, last + 1))
        if farthest <= last:
            return never
        jumps, first, last = jumps + 1, last + 1, farthest
    return jumps
''',
            ),
        ),
        noun=("the smallest number of jumps from the first to the last of {x}",),
        step=("find the smallest number of jumps from the first to the last of {x}",),
        note="From each one may jump ahead by as many places as its number says, or fewer. If the last cannot be "
        "reached, take {d}; with fewer than two it takes 0 jumps.",
        names=("jumps", "fewest_jumps"),
        becomes=Noun("number of jumps", "numbers of jumps"),
    ),
    Operation(
        name="choices_with_sum",
        family="recursion",
        takes=("numbers",),
        gives="count",
        literals={"k": (0, 5, 10, 15)},
        forms=(
            Form(
                expression="count_choices({x}[:10], {k})",
                helper='''
def count_choices(values: list[int], wanted: int) -> int:
    """Choices without the first value and choices with it."""
    if not values:
        return int(wanted == 0)
    return count_choices(values[1:], wanted) + count_choices(values[1:], wanted - values[0])
''',
                style="recursive",
            ),
            Form(
                block="""{_ways} = Counter([0])
for {one} in {x}[:10]:
    {_more} = Counter({{{_sum} + {one}: {_number} for {_sum}, {_number} in {_ways}.items()}})
    {_ways}.update({_more})
{out} = {_ways}[{k}]""",
                imports=("from collections import Counter",),
            ),
            Form(
                block="""{_few} = {x}[:10]
{_choices} = chain.from_iterable(combinations({_few}, {_size}) for {_size} in range(len({_few}) + 1))
{out} = sum(sum({_choice}) == {k} for {_choice} in {_choices})""",
                imports=("from itertools import chain, combinations",),
                style="library",
            ),
        ),
        noun=("the number of ways to choose some of the first 10 of {x} so that they add up to {k}",),
        step=("count the ways to choose some of the first 10 of {x} so that they add up to {k}",),
        note="If there are fewer than 10, all are used. Equal numbers at different places are different choices; to "
        "choose none adds up to 0.",
        names=("choices", "ways"),
        becomes=Noun("number of ways", "numbers of ways"),
        ensures=(("The result is from 0 to 1024.", "0 <= result <= 1024"),),
    ),
    Operation(
        name="word_orders",
        family="recursion",
        takes=("words",),
        gives="count",
        forms=(
            Form(
                block="""{out} = 1
for {_number}, {one} in enumerate({x}[:7], start=1):
    {out} = {out} * {_number} // {x}[:{_number}].count({one})"""
            ),
            Form(
                expression="len(set(permutations({x}[:7])))",
                imports=("from itertools import permutations",),
                style="library",
            ),
            Form(
                expression="count_orders({x}[:7])",
                helper='''
def count_orders(words: list[str]) -> int:
    """Put each different word first and count the orders of the others."""
    if not words:
        return 1
    orders = 0
    for word in dict.fromkeys(words):
        others = list(words)
        others.remove(word)
        orders += count_orders(others)
    return orders
''',
                style="recursive",
            ),
        ),
        noun=("the number of different orders into which the first 7 of {x} can be put",),
        step=("count the different orders into which the first 7 of {x} can be put",),
        note="If there are fewer than 7, all are used. Exchanging two equal {x.many} makes no difference.",
        names=("orders", "arrangements"),
        becomes=Noun("number of orders", "numbers of orders"),
        ensures=(("The result is from 1 to 5040.", "1 <= result <= 5040"),),
    ),
)
