"""Binary trees that are stored in a list, and orders that come from halving: levels, branches, heights.

Recursions go down a level at a time, so that they are as deep as the length of the list is long in binary; a search
tree, which may be as deep as it has nodes, is made of the first fifty numbers.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")

OPERATIONS = (
    Operation(
        name="tree_levels",
        family="recursion",
        takes=("numbers",),
        gives="numbers",
        forms=(
            Form(
                block="""{out} = []
{_start} = 0
while {_start} < len({x}):
    {_end} = 2 * {_start} + 1
    {out}.append(sum({x}[{_start}:{_end}]))
    {_start} = {_end}"""
            ),
            Form(
                expression="sum_levels({x}, [0])",
                helper='''
def sum_levels(tree: list[int], level: list[int]) -> list[int]:
    """The sum of the places of one level, then those of their children."""
    level = [place for place in level if place < len(tree)]
    if not level:
        return []
    below = [child for place in level for child in (2 * place + 1, 2 * place + 2)]
    return [sum(tree[place] for place in level), *sum_levels(tree, below)]
''',
                style="recursive",
            ),
        ),
        noun=("the sums of the levels of the tree in which {x} are stored",),
        step=("take {x} as a stored tree and add up each of its levels",),
        note="The number at position 0 is the root, and the children of the one at position i are at positions 2 * "
        "i + 1 and 2 * i + 2, as far as there are any. The root is the first level, its children are the "
        "second, and so on.",
        names=("level_sums", "levels"),
        becomes=Noun("sum", "sums"),
    ),
    Operation(
        name="best_branch",
        family="recursion",
        takes=("numbers",),
        gives="number",
        literals={"d": (0, -1)},
        forms=(
            Form(
                expression="best_way_up({x}, 0) if {x} else {d}",
                helper='''
def best_way_up(tree: list[int], place: int) -> int:
    """The number there and the better way of its children, if it has any."""
    children = [child for child in (2 * place + 1, 2 * place + 2) if child < len(tree)]
    return tree[place] + max((best_way_up(tree, child) for child in children), default=0)
''',
                style="recursive",
            ),
            Form(
                block="""{_sums}: list[int] = []
for {_at}, {one} in enumerate({x}):
    {_sums}.append({one} + ({_sums}[({_at} - 1) // 2] if {_at} else 0))
{out} = max({_sums}[len({x}) // 2 :], default={d})"""
            ),
        ),
        noun=("the largest sum from the root to a leaf of the tree in which {x} are stored",),
        step=("take {x} as a stored tree and find the largest sum from its root to a leaf",),
        note="The number at position 0 is the root, and the children of the one at position i are at positions 2 * "
        "i + 1 and 2 * i + 2, as far as there are any; a leaf has none. Without numbers the sum is {d}.",
        names=("best_branch", "branch_sum"),
        becomes=Noun("sum", "sums"),
    ),
    Operation(
        name="tree_in_order",
        family="recursion",
        takes=("numbers",),
        gives="numbers",
        forms=(
            Form(
                expression="read_tree({x}, 0)",
                helper='''
def read_tree(tree: list[int], place: int) -> list[int]:
    """What is left of a place, the number there, what is right of it."""
    if place >= len(tree):
        return []
    return [*read_tree(tree, 2 * place + 1), tree[place], *read_tree(tree, 2 * place + 2)]
''',
                style="recursive",
            ),
            Form(
                block="""{out} = []
{_waiting}: list[int] = []
{_place} = 0
while {_waiting} or {_place} < len({x}):
    while {_place} < len({x}):
        {_waiting}.append({_place})
        {_place} = 2 * {_place} + 1
    {_place} = {_waiting}.pop()
    {out}.append({x}[{_place}])
    {_place} = 2 * {_place} + 2"""
            ),
        ),
        noun=("{x} as read from left to right in the tree in which they are stored",),
        step=("take {x} as a stored tree and read it from left to right",),
        note="The number at position 0 is the root, and the left and right children of the one at position i are at "
        "positions 2 * i + 1 and 2 * i + 2, as far as there are any. For each number, all below its left child "
        "come before it and all below its right child behind it.",
        names=("in_order", "read_off"),
        reorders=True,
    ),
    Operation(
        name="search_tree_height",
        family="recursion",
        takes=("numbers",),
        gives="count",
        forms=(
            Form(
                expression="height_of_tree({x}[:50])",
                helper='''
def height_of_tree(values: list[int]) -> int:
    """The first value is the root; smaller ones go to the left of it, larger ones to the right."""
    if not values:
        return 0
    left = [value for value in values if value < values[0]]
    right = [value for value in values if value > values[0]]
    return 1 + max(height_of_tree(left), height_of_tree(right))
''',
                style="recursive",
            ),
            Form(
                block="""{_depths}: dict[int, int] = {{}}
for {one} in {x}[:50]:
    if {one} not in {_depths}:
        {_above} = max(({_v} for {_v} in {_depths} if {_v} < {one}), default={one})
        {_below} = min(({_v} for {_v} in {_depths} if {_v} > {one}), default={one})
        {_depths}[{one}] = 1 + max({_depths}.get({_above}, 0), {_depths}.get({_below}, 0))
{out} = max({_depths}.values(), default=0)"""
            ),
        ),
        noun=("the height of the binary search tree into which {x} are inserted in their order",),
        step=("insert {x} into a binary search tree in their order and find its height",),
        note="From the root on, a smaller number goes to the left and a larger one to the right until there is a "
        "free place; one that is there already is not inserted again. The height is the number of levels. Only "
        "the first 50 numbers are used.",
        names=("height", "tree_height"),
        becomes=Noun("height", "heights"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="middle_first",
        family="recursion",
        takes=("numbers",),
        gives="numbers",
        forms=(
            Form(
                expression="from_the_middle(sorted({x}))",
                helper='''
def from_the_middle(values: list[int]) -> list[int]:
    """The middle one, then the lower part and the upper part in the same manner."""
    if not values:
        return []
    middle = len(values) // 2
    lower, upper = values[:middle], values[middle + 1 :]
    return [values[middle], *from_the_middle(lower), *from_the_middle(upper)]
''',
                style="recursive",
            ),
            Form(
                block="""{_ordered} = sorted({x})
{out} = []
{_parts} = [(0, len({_ordered}))]
while {_parts}:
    {_start}, {_end} = {_parts}.pop()
    if {_start} < {_end}:
        {_middle} = ({_start} + {_end}) // 2
        {out}.append({_ordered}[{_middle}])
        {_parts} += [({_middle} + 1, {_end}), ({_start}, {_middle})]"""
            ),
        ),
        noun=("{x} sorted and then put in order from the middle",),
        step=("sort {x} in ascending order and put them in order from the middle",),
        note="From the middle means: first the middle number (of an even number of them the second of the two in "
        "the middle), then those before it and then those behind it, either part from its own middle in the "
        "same manner.",
        names=("balanced", "middle_first"),
        order="ignores",
        reorders=True,
        once=True,
    ),
)
