"""The cells of a grid: read in some order, added up along lines, moved within their row or column.

Two ways to do it stand beside each other: one looks at rows and columns as wholes, the other goes from cell to cell.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

OPERATIONS = (
    Operation(
        name="read_rows",
        family="grids",
        takes=("grid",),
        gives="numbers",
        forms=(
            *expressions("[{value} for {one} in {x} for {value} in {one}]"),
            Form(
                expression="list(chain.from_iterable({x}))",
                imports=("from itertools import chain",),
                style="library",
            ),
            Form(block="{out}: list[int] = []\nfor {one} in {x}:\n    {out}.extend({one})"),
        ),
        noun=("the cells of {x}, row by row",),
        step=("write the cells of {x} into one list, row by row",),
        names=("cells", "flat"),
        becomes=Noun("cell", "cells"),
    ),
    Operation(
        name="spiral",
        family="grids",
        takes=("grid",),
        gives="numbers",
        forms=(
            Form(
                block="""{_rest} = [list({one}) for {one} in {x}]
{out}: list[int] = []
while {_rest}:
    {out}.extend({_rest}.pop(0))
    {_rest} = [list({_column}) for {_column} in zip(*{_rest})][::-1]"""
            ),
            Form(
                expression="walk_spiral({x})",
                helper='''
def walk_spiral(grid: list[list[int]]) -> list[int]:
    """Walk clockwise along the edge and turn right wherever it goes no further."""
    cells: list[int] = []
    seen: set[tuple[int, int]] = set()
    row, column, down, right = 0, 0, 0, 1
    for _ in range(len(grid) * len(grid[0]) if grid else 0):
        cells.append(grid[row][column])
        seen.add((row, column))
        ahead = (row + down, column + right)
        inside = 0 <= ahead[0] < len(grid) and 0 <= ahead[1] < len(grid[0])
        if not inside or ahead in seen:
            down, right = right, -down
        row, column = row + down, column + right
    return cells
''',
            ),
            Form(
                expression="peel_spiral({x})",
                helper='''
def peel_spiral(grid: list[list[int]]) -> list[int]:
    """The first row, then the spiral of the rest turned a quarter to the left."""
    if not grid:
        return []
    rest = [list(column) for column in zip(*grid[1:])]
    return grid[0] + peel_spiral(rest[::-1])
''',
                style="recursive",
            ),
        ),
        noun=("the cells of {x} in a clockwise spiral",),
        step=("read the cells of {x} in a clockwise spiral",),
        note="The spiral begins at the top left, goes right along the first row, and ends inside.",
        names=("spiral", "spiral_order"),
        becomes=Noun("cell", "cells"),
    ),
    Operation(
        name="main_diagonal",
        family="grids",
        takes=("grid",),
        gives="numbers",
        forms=(
            Form(
                block="{_size} = min(len({x}), len({x}[0])) if {x} else 0\n"
                "{out} = [{x}[{_at}][{_at}] for {_at} in range({_size})]"
            ),
            *expressions("[{one}[{_at}] for {_at}, {one} in enumerate({x}) if {_at} < len({one})]"),
            Form(
                block="""{out}: list[int] = []
for {one} in {x}:
    if len({one}) > len({out}):
        {out}.append({one}[len({out})])"""
            ),
        ),
        noun=("the diagonal of {x} from the top left",),
        step=("read the diagonal of {x} from the top left",),
        note="It goes one row down and one column to the right each time and ends where the grid does.",
        names=("diagonal",),
        becomes=Noun("cell", "cells"),
    ),
    Operation(
        name="diagonal_sums",
        family="grids",
        takes=("grid",),
        gives="numbers",
        forms=(
            Form(
                block="""{_sums}: dict[int, int] = {{}}
for {_down}, {one} in enumerate({x}):
    for {_right}, {value} in enumerate({one}):
        {_sums}[{_down} + {_right}] = {_sums}.get({_down} + {_right}, 0) + {value}
{out} = list({_sums}.values())"""
            ),
            Form(
                expression="slide_and_add({x})",
                helper='''
def slide_and_add(grid: list[list[int]]) -> list[int]:
    """Shift each row by its number to the right and add up the columns."""
    shifted = [[0] * at + row + [0] * (len(grid) - 1 - at) for at, row in enumerate(grid)]
    return [sum(column) for column in zip(*shifted)]
''',
            ),
        ),
        noun=("the sums of the diagonals of {x} that run from the top right to the bottom left",),
        step=("add up each diagonal of {x} that runs from the top right to the bottom left",),
        note="Cells are on one such diagonal if their row number and column number have the same sum; the diagonals "
        "come in the order of this sum.",
        names=("diagonal_sums", "slanted"),
        becomes=Noun("diagonal sum", "diagonal sums"),
    ),
    Operation(
        name="running_sums",
        family="grids",
        takes=("grid",),
        gives="grid",
        forms=(
            Form(
                block="""{out} = [
    [
        sum(sum({_above}[: {_right} + 1]) for {_above} in {x}[: {_down} + 1])
        for {_right} in range(len({one}))
    ]
    for {_down}, {one} in enumerate({x})
]"""
            ),
            Form(
                expression="sum_from_corner({x})",
                helper='''
def sum_from_corner(grid: list[list[int]]) -> list[list[int]]:
    """Sums of all above and to the left, each row from the one before."""
    sums: list[list[int]] = []
    above = [0] * len(grid[0]) if grid else []
    for row in grid:
        above = [before + so_far for before, so_far in zip(above, accumulate(row))]
        sums.append(above)
    return sums
''',
                imports=("from itertools import accumulate",),
                style="library",
            ),
        ),
        noun=("the grid of the sums of all cells of {x} that are not below or to the right of each cell",),
        step=("replace each cell of {x} with the sum of all cells that are neither below nor to the right of it",),
        note="These are the cells of the rectangle from the top left corner to the cell, the cell itself among them.",
        names=("sums", "corner_sums"),
        inverse="[[a - b - c + d for a, b, c, d in zip(row, [0, *row], above, [0, *above])]"
        " for row, above in zip(result, [[0] * len(row) for row in result[:1]] + result)]",
    ),
    Operation(
        name="border_sum",
        family="grids",
        takes=("grid",),
        gives="number",
        forms=(
            Form(
                block="""{_inside} = sum(sum({one}[1:-1]) for {one} in {x}[1:-1])
{out} = sum(map(sum, {x})) - {_inside}"""
            ),
            Form(
                block="""{out} = 0
for {_down}, {one} in enumerate({x}):
    for {_right}, {value} in enumerate({one}):
        if {_down} in (0, len({x}) - 1) or {_right} in (0, len({one}) - 1):
            {out} += {value}"""
            ),
        ),
        noun=("the sum of the cells on the border of {x}",),
        step=("add up the cells on the border of {x}",),
        note="The border is the first and last row and the first and last column; each cell counts once.",
        names=("border", "edge_total"),
        becomes=Noun("border sum", "border sums"),
    ),
    Operation(
        name="saddle_points",
        family="grids",
        takes=("grid",),
        gives="count",
        forms=(
            Form(
                block="""{_columns} = list(zip(*{x}))
{out} = 0
for {one} in {x}:
    for {value}, {_column} in zip({one}, {_columns}):
        if {value} == min({one}) and {value} == max({_column}):
            {out} += 1"""
            ),
            Form(
                expression="count_saddles({x})",
                helper='''
def count_saddles(grid: list[list[int]]) -> int:
    """Saddle points can only be where the largest row minimum meets the smallest column maximum."""
    if not grid:
        return 0
    lows, highs = [min(row) for row in grid], [max(column) for column in zip(*grid)]
    level = max(lows)
    if level != min(highs):
        return 0
    return lows.count(level) * highs.count(level)
''',
            ),
        ),
        noun=("the number of saddle points of {x}",),
        step=("count the saddle points of {x}",),
        note="A saddle point is a cell that no cell of its row is smaller than and no cell of its column greater than.",
        names=("saddles", "saddle_points"),
        becomes=Noun("number of saddle points", "numbers of saddle points"),
        weight=0.7,
    ),
    Operation(
        name="drop_down",
        family="grids",
        takes=("grid",),
        gives="grid",
        forms=(
            Form(
                block="""{_columns} = [sorted({_column}, key=lambda {_cell}: {_cell} != 0) for {_column} in zip(*{x})]
{out} = [list({_row}) for {_row} in zip(*{_columns})]"""
            ),
            Form(
                expression="let_fall({x})",
                helper='''
def let_fall(grid: list[list[int]]) -> list[list[int]]:
    """Let each number that is not 0 fall as long as the cell below it is 0."""
    cells = [list(row) for row in grid]
    for _ in cells:
        for upper, lower in zip(cells, cells[1:]):
            for at, value in enumerate(upper):
                if value != 0 and lower[at] == 0:
                    upper[at], lower[at] = 0, value
    return cells
''',
            ),
        ),
        noun=("{x} after all numbers other than 0 have fallen down",),
        step=("let all numbers of {x} other than 0 fall down",),
        note="A number falls within its column to the lowest cell that it can reach through cells with 0; numbers "
        "do not overtake each other.",
        names=("fallen", "settled"),
        once=True,
    ),
    Operation(
        name="slide_left",
        family="grids",
        takes=("grid",),
        gives="grid",
        forms=(
            Form(
                expression="[merge_row({one}) for {one} in {x}]",
                helper='''
def merge_row(row: list[int]) -> list[int]:
    """Move what is not 0 to the left; two equal numbers that meet become their sum, once."""
    merged: list[int] = []
    waiting = 0
    for cell in row:
        if cell == 0:
            continue
        if cell == waiting:
            merged[-1] = 2 * cell
            waiting = 0
        else:
            merged.append(cell)
            waiting = cell
    return merged + [0] * (len(row) - len(merged))
''',
            ),
            Form(
                expression="[push_together({one}, len({one})) for {one} in {x}]",
                helper='''
def push_together(row: list[int], width: int) -> list[int]:
    """Take the first number, with the next if they are equal, and push the rest behind it."""
    cells = [cell for cell in row if cell != 0]
    if not cells:
        return [0] * width
    if cells[0] in cells[1:2]:
        return [2 * cells[0], *push_together(cells[2:], width - 1)]
    return [cells[0], *push_together(cells[1:], width - 1)]
''',
                style="recursive",
            ),
        ),
        noun=("{x} after its numbers have been slid to the left and merged",),
        step=("slide the numbers of {x} to the left and merge equal ones",),
        note="In each row the numbers other than 0 move to the left; from the left on, two equal numbers that then "
        "stand side by side become one, their sum, which merges no further; the row is filled up with 0 on the "
        "right.",
        names=("merged", "slid"),
        weight=0.7,
    ),
)
