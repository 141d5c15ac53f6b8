"""Everyday processes, followed step by step: tills, accounts, lifts, car parks, buckets, shelves.

Each is told by a rule that leaves nothing open, and where there is one, a way to see the result without following the
process stands beside the simulation. Machines are in `machines`, games in `games`, robots in `robots`.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")

OPERATIONS = (
    Operation(
        name="till_queue",
        family="simulation",
        takes=("numbers",),
        gives="numbers",
        literals={"k": (2, 3, 4, 5)},
        forms=(
            Form(
                block="""{out}: list[int] = []
for {one} in sorted({x}):
    {_start} = max({one}, {out}[-1]) if {out} else {one}
    {out}.append({_start} + {k})"""
            ),
            Form(
                block="""{_arrivals} = sorted({x})
{out} = [
    max({one} + ({_at} - {_first} + 1) * {k} for {_first}, {one} in enumerate({_arrivals}[: {_at} + 1]))
    for {_at} in range(len({_arrivals}))
]"""
            ),
            Form(
                block="""{_earliest} = min({x}, default=0)
{_ends} = accumulate(sorted({x}), lambda {_free}, {_time}: max({_free}, {_time}) + {k}, initial={_earliest})
{out} = list({_ends})[1:]""",
                imports=("from itertools import accumulate",),
                style="library",
            ),
        ),
        noun=("the times at which customers leave a till who come to it at the times given by {x}",),
        step=("let customers come to a till at the times given by {x} and write down when they leave it",),
        note="The till serves one customer at a time, in the order of their coming, and needs {k} units of time for "
        "each.",
        names=("leaving", "leaving_times", "done_at"),
        becomes=Noun("leaving time", "leaving times"),
        order="ignores",
        ensures=(
            (
                "At least {k} units lie between two times.",
                "min((b - a for a, b in zip(result, result[1:])), default=k) >= k",
            ),
        ),
    ),
    Operation(
        name="refused_payments",
        family="simulation",
        takes=("numbers",),
        gives="count",
        forms=(
            Form(
                block="""{_money} = {out} = 0
for {one} in {x}:
    if {_money} + {one} < 0:
        {out} += 1
    else:
        {_money} += {one}"""
            ),
            Form(
                expression="len({x}) - len(accepted_payments({x}))",
                helper='''
def accepted_payments(payments: list[int]) -> list[int]:
    """Keep each payment that does not take the sum of those kept below 0."""
    accepted: list[int] = []
    for payment in payments:
        if payment >= -sum(accepted):
            accepted.append(payment)
    return accepted
''',
            ),
        ),
        noun=("the number of {x.many} that an account refuses when {x} are booked on it one by one",),
        step=("book {x} on an account one by one and count those that it refuses",),
        note="The account starts at 0 and refuses whatever would take it below 0; what is refused is not booked.",
        names=("refused", "refusals"),
        becomes=Noun("number of refusals", "numbers of refusals"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="lift_distance",
        family="simulation",
        takes=("numbers",),
        gives="number",
        forms=(
            Form(
                block="""{out} = {_floor} = 0
for {one} in {x}:
    {out} += abs({one} - {_floor})
    {_floor} = {one}"""
            ),
            *expressions("sum(abs({_b} - {_a}) for {_a}, {_b} in zip([0, *{x}], {x}))"),
        ),
        noun=("the number of floors that a lift passes on its way from floor 0 to the floors given by {x} in turn",),
        step=("let a lift go from floor 0 to the floors given by {x} in turn and add up how many floors it travels",),
        note="Going from one floor to the next above or below it is one floor; negative floors are below ground.",
        names=("floors_travelled", "lift_way"),
        becomes=Noun("number of floors", "numbers of floors"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="lift_stops",
        family="simulation",
        takes=("numbers",),
        gives="numbers",
        literals={"k": (0, 3, 5, 8)},
        forms=(
            *expressions(
                "sorted({_f} for {_f} in {x} if {_f} >= {k}) + sorted(({_f} for {_f} in {x} if {_f} < {k}), "
                "reverse=True)"
            ),
            *expressions("sorted({x}, key=lambda {_floor}: ({_floor} < {k}, abs({_floor} - {k})))"),
        ),
        noun=("{x} in the order in which a lift stops there that first goes up from floor {k} and then down",),
        step=("put {x} in the order in which a lift stops there that first goes up from floor {k} and then down",),
        note="On its way up it stops at each floor from {k} on, on its way down at those below; a floor that stands "
        "there several times is listed as often.",
        names=("stops", "lift_order"),
        order="ignores",
        reorders=True,
        once=True,
    ),
    Operation(
        name="turned_away",
        family="simulation",
        takes=("spans",),
        gives="count",
        literals={"k": (2, 3)},
        forms=(
            Form(
                block="""{_leaving}: list[int] = []
{out} = 0
for {_start}, {_end} in sorted({x}):
    while {_leaving} and {_leaving}[0] <= {_start}:
        heapq.heappop({_leaving})
    if len({_leaving}) < {k}:
        heapq.heappush({_leaving}, {_end})
    else:
        {out} += 1""",
                imports=("import heapq",),
            ),
            Form(
                block="""{_parked}: list[tuple[int, int]] = []
for {one} in sorted({x}):
    if sum({_end} > {one}[0] for _, {_end} in {_parked}) < {k}:
        {_parked}.append({one})
{out} = len({x}) - len({_parked})"""
            ),
        ),
        noun=(
            "the number of cars that find no place if one wants to stay during each of {x} and there are {k} places",
        ),
        step=("count the cars that find no place if one wants to stay during each of {x} and there are {k} places",),
        note="Cars come in the order of their starts, of those with one start the one that leaves first; a car that "
        "finds no place goes away at once, and one that leaves makes room for one that comes at that very time.",
        names=("turned_away", "without_place"),
        becomes=Noun("number of cars", "numbers of cars"),
        order="ignores",
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="leaky_bucket",
        family="simulation",
        takes=("numbers",),
        gives="number",
        literals={"c": (10, 15, 20), "k": (2, 3, 5)},
        forms=(
            Form(
                block="""{_level} = {out} = 0
for {one} in {x}:
    {_level} = max(0, {_level} - {k}) + max(0, {one})
    if {_level} > {c}:
        {out} += {_level} - {c}
        {_level} = {c}"""
            ),
            Form(
                expression="count_spilled([max(0, {one}) for {one} in {x}], {c}, {k})",
                helper='''
def count_spilled(poured: list[int], capacity: int, leak: int) -> int:
    """What does not stay: all that was poured, less what leaked out and what is still inside."""
    level = leaked = 0
    for amount in poured:
        lost = min(leak, level)
        leaked += lost
        level = min(capacity, level - lost + amount)
    return sum(poured) - leaked - level
''',
            ),
        ),
        noun=("the total that spills over when {x} are poured one by one into a leaking bucket that holds {c}",),
        step=("pour {x} one by one into a leaking bucket that holds {c} and add up what spills over",),
        note="The bucket is empty at first and loses {k}, or what it has, before each pouring; what does not fit "
        "spills over; negative numbers pour nothing.",
        names=("spilled", "overflow"),
        becomes=Noun("amount", "amounts"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="stock_levels",
        family="simulation",
        takes=("pairs",),
        gives="counts",
        forms=(
            Form(
                block="""{out}: dict[str, int] = {{}}
for {key}, {value} in {x}:
    {_stock} = {out}.setdefault({key}, 0)
    if {_stock} + {value} >= 0:
        {out}[{key}] += {value}"""
            ),
            Form(
                expression="{{{_name}: stock_of({_name}, {x}) for {_name} in dict.fromkeys({_n} for {_n}, _ in {x})}}",
                helper='''
def stock_of(name: str, changes: list[tuple[str, int]]) -> int:
    """Stock of one thing after all changes that do not take it below 0."""
    stock = 0
    for change in (value for other, value in changes if other == name):
        stock = stock + change if stock + change >= 0 else stock
    return stock
''',
            ),
        ),
        noun=("the stock of each {x.key} after the changes in {x}",),
        step=("follow the stock of each {x.key} through the changes in {x}",),
        note="Every stock starts at 0 and changes by the {x.value}; a change that would take it below 0 is refused "
        "as a whole. The keys are in the order in which they first occur.",
        names=("stock", "levels", "in_stock"),
        becomes=Noun("{x.key}", "names", "{x.key}", "stock"),
        ensures=(("No stock is negative.", "min(result.values(), default=0) >= 0"),),
    ),
    Operation(
        name="full_bus",
        family="simulation",
        takes=("pairs",),
        gives="words",
        literals={"c": (10, 15, 25)},
        forms=(
            Form(
                block="""{_on_board} = 0
{out} = []
for {key}, {value} in {x}:
    {_on_board} = min({c}, max(0, {_on_board} + {value}))
    if {_on_board} == {c}:
        {out}.append({key})"""
            ),
            Form(
                block="""{_free} = {c}
{out} = []
for {key}, {value} in {x}:
    {_free} -= {value}
    if {_free} > {c}:
        {_free} = {c}
    if {_free} <= 0:
        {_free} = 0
        {out}.append({key})"""
            ),
        ),
        noun=("the {x.key} of each of {x} after which a bus is full",),
        step=("let people get on and off a bus at each of {x} and list the {x.key} of each after which it is full",),
        note="The bus is empty at first and has {c} seats. The {x.value} is by how many the passengers become more "
        "there, or fewer if it is negative; they never become fewer than 0 or more than there are seats.",
        names=("full_at", "crowded"),
        becomes=Noun("{x.key}", "names"),
    ),
)
