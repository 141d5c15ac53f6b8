"""The best of many choices: tables filled from small to large, beside another way to the same answer.

The other way is a recursion with memory, a greedy rule that can be proved, or a trial of everything. What is simpler
stands in `plans`, what asks for a subsequence in `subsequences`, what asks in how many ways in `ways`.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
NUMBER = Noun("number", "numbers")

OPERATIONS = (
    Operation(
        name="knapsack",
        family="dynamic programming",
        takes=("pairs",),
        gives="number",
        literals={"k": (8, 10, 12, 15)},
        forms=(
            Form(
                block="""{_best} = [0] * ({k} + 1)
for {key}, {value} in {x}:
    for {_room} in range({k}, len({key}) - 1, -1):
        {_best}[{_room}] = max({_best}[{_room}], {_best}[{_room} - len({key})] + {value})
{out} = {_best}[{k}]"""
            ),
            Form(
                expression="fill_bag(tuple({x}), {k})",
                helper='''
@cache
def fill_bag(things: tuple[tuple[str, int], ...], room: int) -> int:
    """Leave the first thing out, or take it if there is room."""
    if not things:
        return 0
    name, worth = things[0]
    best = fill_bag(things[1:], room)
    if len(name) <= room:
        best = max(best, worth + fill_bag(things[1:], room - len(name)))
    return best
''',
                imports=("from functools import cache",),
                style="recursive",
            ),
        ),
        noun=("the value of the best choice from {x} whose names have {k} characters or fewer together",),
        step=("find the value of the best choice from {x} whose names have {k} characters or fewer together",),
        note="The value of a choice is the sum of each {x.value} in it, and a name is the {x.key}; each may be "
        "chosen once, and to choose none has the value 0.",
        names=("best_value", "largest_worth"),
        becomes=Noun("total", "totals"),
        order="ignores",
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="cheapest_climb",
        family="dynamic programming",
        takes=("numbers",),
        gives="number",
        forms=(
            Form(
                block="""{_before}, {out} = 0, min(0, {x}[0]) if len({x}) > 1 else 0
for {_a}, {_b} in zip({x}, {x}[1:]):
    {_before}, {out} = {out}, min({_before} + {_a}, {out} + {_b})"""
            ),
            Form(
                expression="climb_from({x}, len({x}))",
                helper='''
def climb_from(costs: list[int], top: int) -> int:
    """Least cost of the way to the top, reckoned from the top downwards."""
    onwards = [0] * (top + 2)
    for step in range(top - 1, -1, -1):
        onwards[step] = costs[step] + min(onwards[step + 1], onwards[step + 2])
    return min(onwards[:2]) if top > 1 else 0
''',
            ),
        ),
        noun=("the least cost of climbing a staircase with {x} as the costs of its steps",),
        step=("take {x} as the costs of the steps of a staircase and find the least cost of climbing it",),
        note="The climb begins on the first or the second step, goes up one or two steps at a time and ends above "
        "the last one; the cost of each step that is stepped on is paid. With fewer than two steps it costs 0.",
        names=("least_cost", "climb"),
        becomes=Noun("cost", "costs"),
    ),
    Operation(
        name="cut_rod",
        family="dynamic programming",
        takes=("numbers",),
        gives="number",
        forms=(
            Form(
                block="""{_best} = [0]
for {_length} in range(1, len({x}) + 1):
    {_best}.append(max({x}[{_cut} - 1] + {_best}[{_length} - {_cut}] for {_cut} in range(1, {_length} + 1)))
{out} = {_best}[-1]"""
            ),
            Form(
                block="""{_dearest} = [{_length} * {x}[0] for {_length} in range(len({x}) + 1)] if {x} else [0]
for {_piece}, {one} in enumerate({x}, start=1):
    for {_length} in range({_piece}, len({x}) + 1):
        {_dearest}[{_length}] = max({_dearest}[{_length}], {_dearest}[{_length} - {_piece}] + {one})
{out} = {_dearest}[-1]"""
            ),
        ),
        noun=("the largest price of a rod cut into pieces with {x} as the prices of the lengths 1, 2 and so on",),
        step=(
            "take {x} as the prices of pieces of length 1, 2 and so on and find the largest price of a rod cut into "
            "pieces",
        ),
        note="The rod is as long as there are prices, the pieces have whole lengths that add up to its length, and "
        "their prices are added.",
        names=("best_price", "revenue"),
        becomes=Noun("price", "prices"),
    ),
    Operation(
        name="trade_with_fee",
        family="dynamic programming",
        takes=("numbers",),
        gives="number",
        literals={"k": (1, 2, 3)},
        forms=(
            Form(
                block="""{out} = 0
{_holding} = -{x}[0] if {x} else 0
for {one} in {x}:
    {out} = max({out}, {_holding} + {one} - {k})
    {_holding} = max({_holding}, {out} - {one})"""
            ),
            Form(
                block="""{_gains} = [0]
for {_sold}, {one} in enumerate({x}):
    {_sales} = [{_gains}[{_bought}] + {one} - {x}[{_bought}] - {k} for {_bought} in range({_sold})]
    {_gains}.append(max({_gains}[-1], *{_sales}, 0))
{out} = {_gains}[-1]"""
            ),
        ),
        noun=("the largest total gain from buying and selling one share again and again with {x} as its prices",),
        step=("find the largest total gain from buying and selling one share again and again with {x} as its prices",),
        note="At most one share is held at a time, it is sold later than it was bought, and each sale costs a fee "
        "of {k}. To do nothing gains 0.",
        names=("gain", "profit_after_fees"),
        becomes=Noun("gain", "gains"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="rain_water",
        family="dynamic programming",
        takes=("numbers",),
        gives="number",
        forms=(
            Form(
                block="""{_from_left} = list(accumulate({x}, max))
{_from_right} = list(accumulate({x}[::-1], max))[::-1]
{out} = sum(min({_l}, {_r}) - {_h} for {_l}, {_r}, {_h} in zip({_from_left}, {_from_right}, {x}))""",
                imports=("from itertools import accumulate",),
                style="library",
            ),
            Form(
                expression="collect_rain({x})",
                helper='''
def collect_rain(heights: list[int]) -> int:
    """Walk inwards from both ends, always on the side with the lower wall."""
    left, right, water = 0, len(heights) - 1, 0
    left_wall, right_wall = (heights[0], heights[-1]) if heights else (0, 0)
    while left < right:
        if left_wall <= right_wall:
            left += 1
            left_wall = max(left_wall, heights[left])
            water += left_wall - heights[left]
        else:
            right -= 1
            right_wall = max(right_wall, heights[right])
            water += right_wall - heights[right]
    return water
''',
            ),
        ),
        noun=("the amount of rain that stays on a row of towers with {x} as their heights",),
        step=("take {x} as the heights of a row of towers and find how much rain stays on them",),
        note="The towers are 1 wide and stand side by side. Above each of them the water reaches as high as the "
        "lower of two: the highest from the left end up to it and the highest from it to the right end, itself "
        "among both.",
        names=("water", "rain"),
        becomes=Noun("amount", "amounts"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="largest_poster",
        family="dynamic programming",
        takes=("numbers",),
        gives="number",
        forms=(
            Form(
                block="""{out} = 0
for {_start} in range(len({x})):
    {_lowest} = {x}[{_start}]
    for {_end} in range({_start}, len({x})):
        {_lowest} = min({_lowest}, {x}[{_end}])
        {out} = max({out}, {_lowest} * ({_end} - {_start} + 1))"""
            ),
            Form(
                expression="poster_area({x})",
                helper='''
def poster_area(heights: list[int]) -> int:
    """Keep a stack of rising bars; a bar is measured when a lower one ends its width."""
    best = 0
    bars: list[tuple[int, int]] = []
    for at, height in enumerate([*heights, 0]):
        start = at
        while bars and bars[-1][1] >= height:
            start, high = bars.pop()
            best = max(best, high * (at - start))
        bars.append((start, max(height, 0)))
    return best
''',
            ),
        ),
        noun=("the area of the largest poster that fits on a row of houses with {x} as their heights",),
        step=("take {x} as the heights of a row of houses and find the area of the largest poster that fits on them",),
        note="The houses are 1 wide and stand side by side. A poster is a rectangle that stands on the ground, is "
        "as wide as some houses side by side and no higher than any of them; if no height is positive, the area "
        "is 0.",
        names=("area", "poster"),
        becomes=Noun("area", "areas"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="best_spans",
        family="dynamic programming",
        takes=("spans",),
        gives="number",
        forms=(
            Form(
                block="""{_by_end} = sorted({x}, key=lambda {_span}: {_span}[1])
{_ends} = [{_end} for _, {_end} in {_by_end}]
{_best} = [0]
for {_at}, ({_from}, {_to}) in enumerate({_by_end}):
    {_best}.append(max({_best}[-1], {_best}[bisect_right({_ends}, {_from}, 0, {_at})] + {_to} - {_from}))
{out} = {_best}[-1]""",
                imports=("from bisect import bisect_right",),
                style="library",
            ),
            Form(
                expression="hours_booked({x})",
                helper='''
def hours_booked(spans: list[tuple[int, int]]) -> int:
    """Go through the moments from the last; stand idle until the next or begin a span."""
    moments = sorted({{moment for span in spans for moment in span}})
    best: dict[int, int] = {{}}
    idle = 0
    for moment in reversed(moments):
        chosen = [end - start + best.get(end, 0) for start, end in spans if start == moment]
        idle = best[moment] = max(chosen + [idle])
    return idle
''',
            ),
        ),
        noun=("the largest total length of some of {x} that do not overlap",),
        step=("choose some of {x} that do not overlap and find the largest total length that they can have",),
        note="The length of each is its end minus its start; two of which one begins where the other ends do not "
        "overlap; none chosen gives 0.",
        names=("booked", "longest_total"),
        becomes=Noun("length", "lengths"),
        order="ignores",
        doubles=False,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="merge_piles",
        family="dynamic programming",
        takes=("numbers",),
        gives="number",
        forms=(
            Form(
                expression="least_merging_cost({x}[:12])",
                helper='''
def least_merging_cost(piles: list[int]) -> int:
    """Fill a table of stretches, from short to long."""
    cost = {{(at, at + 1): 0 for at in range(len(piles))}}
    for length in range(2, len(piles) + 1):
        for start in range(len(piles) - length + 1):
            end = start + length
            cuts = range(start + 1, end)
            cheapest = min(cost[start, cut] + cost[cut, end] for cut in cuts)
            cost[start, end] = cheapest + sum(piles[start:end])
    return cost.get((0, len(piles)), 0)
''',
            ),
            Form(
                expression="cost_of_merging(tuple({x}[:12]))",
                helper='''
@cache
def cost_of_merging(piles: tuple[int, ...]) -> int:
    """Choose where the last two piles were divided."""
    if len(piles) < 2:
        return 0
    cuts = range(1, len(piles))
    return sum(piles) + min(cost_of_merging(piles[:cut]) + cost_of_merging(piles[cut:]) for cut in cuts)
''',
                imports=("from functools import cache",),
                style="recursive",
            ),
        ),
        noun=("the least cost of merging a row of piles with {x} as their sizes into one",),
        step=("take {x} as the sizes of a row of piles and find the least cost of merging them into one",),
        note="Two piles side by side can be merged into one at a cost of their sizes together, which is its size. "
        "Only the first 12 are used; fewer than two cost 0.",
        names=("merging_cost", "least_cost"),
        becomes=Noun("cost", "costs"),
    ),
)
