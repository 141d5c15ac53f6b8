"""Small machines: a stack, a scheduler, a cache, a generator of numbers, a packer and what diffuses or bounces.

Each is told by a rule that leaves nothing open; a second way to its result stands beside the simulation.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")

OPERATIONS = (
    Operation(
        name="bouncing_ball",
        family="simulation",
        takes=("count",),
        gives="number",
        literals={"k": (2, 3, 4, 5)},
        forms=(
            Form(
                block="""{_height} = {x}
{out} = 0
while {_height} > 0:
    {out} += {_height}
    {_height} = {_height} * ({k} - 1) // {k}
    {out} += {_height}"""
            ),
            Form(
                expression="bounce({x}, {k})",
                helper='''
def bounce(height: int, share: int) -> int:
    """Way of a ball that loses a share of its height each time, rounded up."""
    if height == 0:
        return 0
    next_height = height - (height + share - 1) // share
    return height + next_height + bounce(next_height, share)
''',
                style="recursive",
            ),
        ),
        noun=("the way that a ball travels that is dropped from a height of {x}",),
        step=("drop a ball from a height of {x} and add up the way that it travels, down and up",),
        note="After a fall from a height h it rises to h - h / {k}, rounded down to a whole number, until it rises "
        "no more.",
        names=("travelled", "ball_way"),
        becomes=Noun("way", "ways"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="stack_machine",
        family="simulation",
        takes=("numbers",),
        gives="numbers",
        forms=(
            Form(
                block="""{out}: list[int] = []
for {one} in {x}:
    if {one} >= 0:
        {out}.append({one})
    elif len({out}) >= 2:
        {_top} = {out}.pop()
        {out}[-1] -= {_top}"""
            ),
            Form(
                expression="run_stack({x})",
                helper='''
def run_stack(commands: list[int]) -> list[int]:
    """Push what is not negative; a negative number subtracts the top from the one below."""
    stack: tuple[int, ...] = ()
    for command in commands:
        match stack:
            case _ if command >= 0:
                stack = (*stack, command)
            case (*rest, lower, upper):
                stack = (*rest, lower - upper)
    return list(stack)
''',
            ),
        ),
        noun=("the stack, from the bottom to the top, that is left after carrying out {x} as commands",),
        step=("carry out {x} as commands on an empty stack and list it from the bottom to the top",),
        note="A number that is not negative is put on top of the stack. Any negative number takes the two uppermost "
        "off and puts the lower minus the upper on; it does nothing if fewer than two are there.",
        names=("stack", "left_on_stack"),
        becomes=Noun("number", "numbers"),
    ),
    Operation(
        name="round_robin",
        family="simulation",
        takes=("pairs",),
        gives="words",
        literals={"k": (2, 3, 5)},
        forms=(
            Form(
                block="""{_queue} = deque(({key}, {value}) for {key}, {value} in {x} if {value} <= 100)
{out} = []
while {_queue}:
    {_name}, {_left} = {_queue}.popleft()
    if {_left} > {k}:
        {_queue}.append(({_name}, {_left} - {k}))
    else:
        {out}.append({_name})""",
                imports=("from collections import deque",),
            ),
            Form(
                block="""{_short} = [{one} for {one} in {x} if {one}[1] <= 100]
{_short}.sort(key=lambda {_task}: max(1, -(-{_task}[1] // {k})))
{out} = [{key} for {key}, _ in {_short}]"""
            ),
        ),
        noun=("the {x.key} of each of {x} in the order in which a machine is done with them",),
        step=("let a machine work off {x} in turns and list the {x.key} of each when it is done",),
        note="The {x.value} is the time that each needs; whatever needs more than 100 is turned away. In turn each "
        "gets {k} units of time and, if it needs more, goes to the end of the queue; what needs no time is done "
        "at its first turn.",
        names=("finished", "done", "finishing_order"),
        becomes=Noun("{x.key}", "names"),
    ),
    Operation(
        name="cache_hits",
        family="simulation",
        takes=("words",),
        gives="count",
        literals={"k": (2, 3, 4)},
        forms=(
            Form(
                block="""{_cache}: OrderedDict[str, None] = OrderedDict()
{out} = 0
for {one} in {x}:
    if {one} in {_cache}:
        {out} += 1
    {_cache}[{one}] = None
    {_cache}.move_to_end({one})
    if len({_cache}) > {k}:
        {_cache}.popitem(last=False)""",
                imports=("from collections import OrderedDict",),
                style="library",
            ),
            Form(
                block="""{_recent}: list[str] = []
{out} = 0
for {one} in {x}:
    if {one} in {_recent}:
        {_recent}.remove({one})
        {out} += 1
    {_recent} = [{one}, *{_recent}][:{k}]"""
            ),
            Form(
                block="""{out} = 0
for {_at}, {one} in enumerate({x}):
    if {one} in {x}[:{_at}]:
        {_last} = {_at} - 1 - {x}[:{_at}][::-1].index({one})
        {out} += len(set({x}[{_last}:{_at}])) <= {k}"""
            ),
        ),
        noun=("the number of {x.many} that a cache holds already when {x} are asked for one by one",),
        step=("ask a cache for {x} one by one and count how often it holds what is asked for",),
        note="The cache is empty at first, takes in whatever is asked for, and holds the {k} different {x.many} "
        "that were asked for last.",
        names=("hits", "found_in_cache"),
        becomes=Noun("number of hits", "numbers of hits"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="values_before_repeat",
        family="simulation",
        takes=("number",),
        gives="count",
        literals={"m": (97, 128, 199, 500), "c": (1, 3, 7)},
        forms=(
            Form(
                block="""{_value} = {x} % {m}
{_seen}: set[int] = set()
while {_value} not in {_seen}:
    {_seen}.add({_value})
    {_value} = ({_value} * {_value} + {c}) % {m}
{out} = len({_seen})"""
            ),
            Form(
                expression="race_to_repeat({x} % {m}, {m}, {c})",
                helper='''
def race_to_repeat(start: int, modulus: int, constant: int) -> int:
    """From where a hare meets a tortoise it is as far to the cycle as from the start."""

    def follow(value: int) -> int:
        return (value * value + constant) % modulus

    slow, fast = follow(start), follow(follow(start))
    while slow != fast:
        slow, fast = follow(slow), follow(follow(fast))
    before, slow = 0, start
    while slow != fast:
        before, slow, fast = before + 1, follow(slow), follow(fast)
    length, fast = 1, follow(slow)
    while slow != fast:
        length, fast = length + 1, follow(fast)
    return before + length
''',
            ),
        ),
        noun=("the number of values that a generator gives before one comes again if it starts at {x}",),
        step=("start a generator at {x} and count the values that it gives before one comes again",),
        note="The first value is the remainder of the number by {m}; after a value v comes the remainder of v * v + "
        "{c} by {m}. Remainders are never negative.",
        names=("values_given", "until_repeat"),
        becomes=Noun("number of values", "numbers of values"),
        ensures=(("The result is from 1 to {m}.", "1 <= result <= m"),),
        weight=0.5,
    ),
    Operation(
        name="diffuse",
        family="simulation",
        takes=("numbers",),
        gives="numbers",
        literals={"k": (2, 3, 4)},
        forms=(
            Form(
                block="""{out} = list({x})
for _ in range({k}):
    {_padded} = {out}[:1] + {out} + {out}[-1:]
    {out} = [
        ({_left} + {_middle} + {_right}) // 3
        for {_left}, {_middle}, {_right} in zip({_padded}, {_padded}[1:], {_padded}[2:])
    ]"""
            ),
            Form(
                expression="let_diffuse({x}, {k})",
                helper='''
def let_diffuse(levels: list[int], rounds: int) -> list[int]:
    """Average each level with its neighbours, the ends with themselves, and go on."""
    if rounds == 0 or not levels:
        return levels
    last = len(levels) - 1
    mixed = []
    for at, level in enumerate(levels):
        mixed.append((levels[max(0, at - 1)] + level + levels[min(last, at + 1)]) // 3)
    return let_diffuse(mixed, rounds - 1)
''',
                style="recursive",
            ),
        ),
        noun=("{x} after {k} rounds of diffusion",),
        step=("let {x} diffuse for {k} rounds",),
        note="In each round every value becomes a third of the sum of the value before it, itself and the value "
        "behind it, rounded down, all at once; at the ends the value itself stands in for the neighbour that is "
        "missing.",
        names=("diffused", "mixed"),
        becomes=Noun("level", "levels"),
    ),
    Operation(
        name="ferry_trips",
        family="simulation",
        takes=("numbers",),
        gives="count",
        literals={"c": (10, 20, 30)},
        forms=(
            Form(
                block="""{out} = {_loaded} = 0
for {one} in {x}:
    if {one} > 0:
        if {out} == 0 or {_loaded} + {one} > {c}:
            {out} += 1
            {_loaded} = 0
        {_loaded} += {one}"""
            ),
            Form(
                block="""{_trips}: list[list[int]] = []
for {one} in {x}:
    if {one} <= 0:
        continue
    if {_trips} and sum({_trips}[-1]) + {one} <= {c}:
        {_trips}[-1].append({one})
    else:
        {_trips}.append([{one}])
{out} = len({_trips})"""
            ),
        ),
        noun=("the number of trips of a ferry that takes loads across with {x} as their weights",),
        step=("count the trips of a ferry that takes loads across with {x} as their weights",),
        note="It takes them in order, as many on each trip as weigh {c} or less together; a load that weighs more "
        "goes alone, and those of weight 0 or less are left behind.",
        names=("trips", "crossings"),
        becomes=Noun("number of trips", "numbers of trips"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="first_fit",
        family="simulation",
        takes=("numbers",),
        gives="numbers",
        literals={"c": (10, 20, 30)},
        forms=(
            Form(
                block="""{out}: list[int] = []
for {one} in {x}:
    if 0 < {one} <= {c}:
        for {_at}, {_load} in enumerate({out}):
            if {_load} + {one} <= {c}:
                {out}[{_at}] += {one}
                break
        else:
            {out}.append({one})"""
            ),
            Form(
                expression="fill_boxes([{one} for {one} in {x} if 0 < {one} <= {c}], {c})",
                helper='''
def fill_boxes(sizes: list[int], capacity: int) -> list[int]:
    """Fill one box with all that fits as it comes, then the next with what was left."""
    if not sizes:
        return []
    load, left = 0, []
    for size in sizes:
        if load + size <= capacity:
            load += size
        else:
            left.append(size)
    return [load, *fill_boxes(left, capacity)]
''',
                style="recursive",
            ),
        ),
        noun=("the loads of the boxes into which {x} are packed first fit",),
        step=("pack {x} into boxes first fit, and list the load of each box",),
        note="A box holds {c}. Each in turn goes into the first box where it fits, or else into a new one behind "
        "the others; what is not positive or greater than {c} is left out.",
        names=("boxes", "loads"),
        becomes=Noun("load", "loads"),
        ensures=(("Every load is from 1 to {c}.", "max(result, default=1) <= c and min(result, default=1) >= 1"),),
    ),
)
