"""Lists of numbers put into another order: sorted by this or that, turned, rotated, dealt out.

Each of these does nothing but change the order, so whatever ignores order gives the same before and after it.
"""

from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

ASCENDING = ("The result is in ascending order.", "all(a <= b for a, b in zip(result, result[1:]))")
DESCENDING = ("The result is in descending order.", "all(a >= b for a, b in zip(result, result[1:]))")

OPERATIONS = (
    Operation(
        name="ascending",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        forms=(
            *expressions("sorted({x})"),
            Form(
                block="{out}: list[int] = []\nfor {one} in {x}:\n    {_at} = 0\n"
                "    while {_at} < len({out}) and {out}[{_at}] <= {one}:\n        {_at} += 1\n"
                "    {out}.insert({_at}, {one})"
            ),
            Form(
                helper='''
def sort_by_merging(values: list[int]) -> list[int]:
    """Return the values in ascending order."""
    if len(values) < 2:
        return values[:]
    middle = len(values) // 2
    left, right = sort_by_merging(values[:middle]), sort_by_merging(values[middle:])
    merged = []
    while left and right:
        merged.append(left.pop(0) if left[0] <= right[0] else right.pop(0))
    return merged + left + right
''',
                expression="sort_by_merging({x})",
                style="recursive",
            ),
        ),
        noun=("{x} in ascending order",),
        step=("sort the {x.many} from smallest to largest",),
        names=("ordered", "in_order"),
        order="ignores",
        reorders=True,
        once=True,
        ensures=(ASCENDING,),
    ),
    Operation(
        name="descending",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        forms=(
            *expressions("sorted({x}, reverse=True)"),
            Form(
                block="""\
{_rest} = list({x})
{out} = []
while {_rest}:
    {_top} = max({_rest})
    {_rest}.remove({_top})
    {out}.append({_top})"""
            ),
        ),
        noun=("{x} in descending order",),
        step=("sort the {x.many} from largest to smallest",),
        names=("falling", "from_the_top"),
        order="ignores",
        reorders=True,
        once=True,
        ensures=(DESCENDING,),
    ),
    Operation(
        name="sort_by",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        parts={"measure": ("measure", "number")},
        forms=(
            Form(expression="sorted({x}, key=lambda {one}: {measure(one)})"),
            Form(
                block="{_rows} = sorted(({measure(one)}, {_at}) for {_at}, {one} in enumerate({x}))\n"
                "{out} = [{x}[{_place}] for _, {_place} in {_rows}]"
            ),
            Form(
                block="""\
{out}: list[int] = []
for {one} in {x}:
    {_at} = len({out})
    while {_at} > 0 and {measure(out[_at - 1])} > {measure(one)}:
        {_at} -= 1
    {out}.insert({_at}, {one})"""
            ),
        ),
        noun=("{x} in ascending order of {measure}, ties in the order in which they come",),
        step=("sort the {x.many} by {measure}, smallest first; leave those that tie in the order in which they come",),
        names=("arranged", "sorted_by_measure"),
        reorders=True,
        once=True,
    ),
    Operation(
        name="reverse",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        forms=(
            *expressions("{x}[::-1]", "list(reversed({x}))"),
            Form(block="{out}: list[int] = []\nfor {one} in {x}:\n    {out}.insert(0, {one})"),
        ),
        noun=("{x} in reverse order",),
        step=("reverse the order of the {x.many}", "turn the list around, the last {x.one} first"),
        names=("backwards", "turned"),
        reorders=True,
        inverse="result[::-1]",
    ),
    Operation(
        name="partition",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        parts={"test": ("test", "number")},
        forms=(
            Form(expression="sorted({x}, key=lambda {one}: not ({test(one)}))"),
            Form(
                block="""\
{_front}: list[int] = []
{_back}: list[int] = []
for {one} in {x}:
    ({_front} if {test(one)} else {_back}).append({one})
{out} = {_front} + {_back}"""
            ),
        ),
        noun=("{x} with those {test} moved to the front, each part in the order in which it was",),
        step=("move the {x.many} {test} to the front, changing nothing else in their order",),
        names=("parted", "rearranged"),
        reorders=True,
        once=True,
    ),
    Operation(
        name="rotate",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        literals={"k": (2, 3, 4)},
        forms=(
            *expressions("[{x}[({_at} + {k}) % len({x})] for {_at} in range(len({x}))]"),
            Form(
                block="{_ring} = deque({x})\n{_ring}.rotate(-{k})\n{out} = list({_ring})",
                imports=("from collections import deque",),
                style="library",
            ),
            Form(block="{out} = list({x})\nfor _ in range({k}):\n    {out} = {out}[1:] + {out}[:1]"),
        ),
        noun=("{x} after the first has been moved to the end, {k} times over",),
        step=("rotate the {x.many} to the left by {k}, those that leave at the front coming back at the end",),
        names=("rotated", "shifted"),
        reorders=True,
        inverse="result[-(k % max(1, len(result))):] + result[: -(k % max(1, len(result)))]",
    ),
    Operation(
        name="swap_neighbours",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        forms=(
            Form(
                block="{out} = list({x})\nfor {_at} in range(0, len({out}) - 1, 2):\n"
                "    {out}[{_at}], {out}[{_at} + 1] = {out}[{_at} + 1], {out}[{_at}]"
            ),
            Form(expression="[{one} for {_at} in range(0, len({x}), 2) for {one} in reversed({x}[{_at} : {_at} + 2])]"),
        ),
        noun=("{x} with the first and second exchanged, the third and fourth, and so on",),
        step=("exchange the first {x.one} with the second, the third with the fourth, and so on",),
        note="A last one without a partner stays where it is.",
        names=("swapped", "exchanged"),
        reorders=True,
        inverse="[one for at in range(0, len(result), 2) for one in result[at : at + 2][::-1]]",
        weight=0.5,
    ),
    Operation(
        name="zigzag",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        forms=(
            Form(
                block="""\
{_rest} = sorted({x})
{out} = []
while {_rest}:
    {out}.append({_rest}.pop(0))
    if {_rest}:
        {out}.append({_rest}.pop())"""
            ),
            Form(
                block="""\
{_up}, {_down} = sorted({x}), sorted({x}, reverse=True)
{out} = [{_pair}[{_side}] for {_pair} in zip({_up}, {_down}) for {_side} in range(2)][: len({x})]"""
            ),
        ),
        noun=("{x} rearranged as the smallest, the largest, the second smallest, the second largest, and so on",),
        step=("arrange the {x.many} as smallest, largest, second smallest, second largest, and so on",),
        names=("zigzag", "alternated"),
        order="ignores",
        reorders=True,
    ),
    Operation(
        name="circle",
        family="simulation",
        takes=("numbers",),
        gives="numbers",
        literals={"k": (2, 3, 4)},
        forms=(
            Form(
                block="""\
{_circle} = deque({x})
{out} = []
while {_circle}:
    for _ in range({k} - 1):
        {_circle}.append({_circle}.popleft())
    {out}.append({_circle}.popleft())""",
                imports=("from collections import deque",),
            ),
            Form(
                block="""\
{_left} = list({x})
{out} = []
{_at} = 0
while {_left}:
    {_at} = ({_at} + {k} - 1) % len({_left})
    {out}.append({_left}.pop({_at}))"""
            ),
        ),
        noun=("{x} in the order in which they leave a circle when one in every {k} is counted out",),
        step=("count the {x.many} out in a circle, one in every {k}, and list them in the order in which they leave",),
        note="Counting out goes round: count to {k} from the first, take away the one on which {k} falls, begin again "
        "at 1 with the one after it, and so on until none is left.",
        names=("leaving_order", "counted_out"),
        reorders=True,
        weight=0.7,
    ),
)
