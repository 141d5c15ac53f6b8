"""Grids seen as landscapes: ways from corner to corner, peaks and plains, and one step of life or smoothing.

Ways go right and down only, so that a table filled row by row stands beside a recursion that remembers. Of a robot that
goes anywhere on a grid the last operation tells.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation

SIDES = "Cells are neighbours if they share a side."
NOT_NEGATIVE = ("The result is not negative.", "result >= 0")

OPERATIONS = (
    Operation(
        name="life_step",
        family="grids",
        takes=("grid",),
        gives="grid",
        forms=(
            Form(
                expression="next_generation({x})",
                helper='''
def next_generation(grid: list[list[int]]) -> list[list[int]]:
    """One step of the game of life; positive cells are alive."""
    near: Counter[tuple[int, int]] = Counter()
    for row, cells in enumerate(grid):
        for column, cell in enumerate(cells):
            if cell > 0:
                near.update(product((row - 1, row, row + 1), (column - 1, column, column + 1)))
                near[row, column] -= 1
    return [
        [int(near[row, at] == 3 or (cell > 0 and near[row, at] == 2)) for at, cell in enumerate(cells)]
        for row, cells in enumerate(grid)
    ]
''',
                imports=("from collections import Counter", "from itertools import product"),
                style="library",
            ),
            Form(
                expression="live_one_step({x})",
                helper='''
def live_one_step(grid: list[list[int]]) -> list[list[int]]:
    """Cut out the up to nine cells around each cell and count the living."""
    following = []
    for row, cells in enumerate(grid):
        line = []
        for column, cell in enumerate(cells):
            around = [part[max(0, column - 1) : column + 2] for part in grid[max(0, row - 1) : row + 2]]
            living = sum(other > 0 for part in around for other in part)
            line.append(1 if living == 3 or (living == 4 and cell > 0) else 0)
        following.append(line)
    return following
''',
            ),
        ),
        noun=("the next generation of {x} in the game of life",),
        step=("let {x} live through one generation of the game of life",),
        note="A cell is alive if it is positive. A living cell with two or three living cells among the up to eight "
        "around it lives on; a dead cell with exactly three comes alive; in the result living cells are 1 and "
        "all others 0.",
        names=("generation", "next_state"),
        becomes=Noun("row", "rows", "", "cell"),
        ensures=(("All cells of the result are 0 or 1.", "set().union(*result) <= {0, 1}"),),
    ),
    Operation(
        name="best_path",
        family="grids",
        takes=("grid",),
        gives="number",
        literals={"d": (0, -1)},
        forms=(
            Form(
                expression="best_way_down({x}, {d})",
                helper='''
def best_way_down(grid: list[list[int]], nothing: int) -> int:
    """Keep the best sum for each cell of one row, and go down row by row."""
    if not grid:
        return nothing
    best = list(accumulate(grid[0]))
    for row in grid[1:]:
        best[0] += row[0]
        for at in range(1, len(row)):
            best[at] = row[at] + max(best[at], best[at - 1])
    return best[-1]
''',
                imports=("from itertools import accumulate",),
            ),
            Form(
                expression="best_way({x}, {d})",
                helper='''
def best_way(grid: list[list[int]], nothing: int) -> int:
    """Ask for the best way from each cell on, remembering answers."""
    @cache
    def onwards(row: int, column: int) -> int:
        ways = []
        if row + 1 < len(grid):
            ways.append(onwards(row + 1, column))
        if column + 1 < len(grid[row]):
            ways.append(onwards(row, column + 1))
        return grid[row][column] + max(ways, default=0)

    return onwards(0, 0) if grid else nothing
''',
                imports=("from functools import cache",),
                style="recursive",
            ),
        ),
        noun=("the largest sum of the cells on a way through {x}",),
        step=("find the largest sum of the cells on a way through {x}",),
        note="A way leads from the top left to the bottom right cell and goes one cell right or down each time; "
        "both ends count. For an empty grid take {d}.",
        names=("best_sum", "best_way_sum"),
        becomes=Noun("sum", "sums"),
    ),
    Operation(
        name="open_ways",
        family="grids",
        takes=("grid",),
        gives="number",
        literals={"k": (0, 1, 3)},
        forms=(
            Form(
                expression="count_ways({x}, {k})",
                helper='''
def count_ways(grid: list[list[int]], least: int) -> int:
    """Add up, row by row, in how many ways each cell is come to."""
    ways = [0] * len(grid[0]) if grid else [0]
    ways[0] = 1 if grid else 0
    for row in grid:
        for at, cell in enumerate(row):
            from_left = ways[at - 1] if at else 0
            ways[at] = ways[at] + from_left if cell >= least else 0
    return ways[-1]
''',
            ),
            Form(
                expression="explore_ways({x}, {k})",
                helper='''
def explore_ways(grid: list[list[int]], least: int) -> int:
    """Ways from each cell to the last one, remembering answers."""
    @cache
    def ways(row: int, column: int) -> int:
        if row == len(grid) or column == len(grid[0]) or grid[row][column] < least:
            return 0
        if (row, column) == (len(grid) - 1, len(grid[0]) - 1):
            return 1
        return ways(row + 1, column) + ways(row, column + 1)

    return ways(0, 0) if grid else 0
''',
                imports=("from functools import cache",),
                style="recursive",
            ),
        ),
        noun=("the number of open ways through {x}",),
        step=("count the open ways through {x}",),
        note="A way leads from the top left to the bottom right cell and goes one cell right or down each time; it "
        "is open if no cell on it, the ends included, is less than {k}. An empty grid has none.",
        names=("ways", "open_ways"),
        becomes=Noun("number of ways", "numbers of ways"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="largest_square",
        family="grids",
        takes=("grid",),
        gives="count",
        forms=(
            Form(
                expression="grow_squares({x})",
                helper='''
def grow_squares(grid: list[list[int]]) -> int:
    """For each cell, the side of the largest square that ends there, from three smaller ones."""
    largest = 0
    above = [0] * (len(grid[0]) + 1) if grid else []
    for row in grid:
        sides = [0]
        for at, cell in enumerate(row):
            sides.append(1 + min(sides[at], above[at], above[at + 1]) if cell > 0 else 0)
        largest = max(largest, *sides)
        above = sides
    return largest
''',
            ),
            Form(
                expression="try_squares({x})",
                helper='''
def try_squares(grid: list[list[int]]) -> int:
    """Try every square, the largest first."""
    width = len(grid[0]) if grid else 0
    for side in range(min(len(grid), width), 0, -1):
        for top in range(len(grid) - side + 1):
            for left in range(width - side + 1):
                square = [row[left : left + side] for row in grid[top : top + side]]
                if all(cell > 0 for row in square for cell in row):
                    return side
    return 0
''',
            ),
        ),
        noun=("the side of the largest square of positive cells in {x}",),
        step=("find the side of the largest square of positive cells in {x}",),
        note="The side is the number of rows that the square covers; it is 0 if no cell is positive.",
        names=("side", "square_side"),
        becomes=Noun("side", "sides"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="local_peaks",
        family="grids",
        takes=("grid",),
        gives="count",
        forms=(
            Form(
                expression="count_peaks({x})",
                helper='''
def count_peaks(grid: list[list[int]]) -> int:
    """Compare each cell with those beside, above and below it."""
    peaks = 0
    for row, cells in enumerate(grid):
        for at, cell in enumerate(cells):
            near = cells[max(0, at - 1) : at] + cells[at + 1 : at + 2]
            near += [other[at] for other in grid[max(0, row - 1) : row] + grid[row + 1 : row + 2]]
            peaks += all(cell > other for other in near)
    return peaks
''',
            ),
            Form(
                expression="strike_out_slopes({x})",
                helper='''
def strike_out_slopes(grid: list[list[int]]) -> int:
    """Start with all cells and strike out the lower, or both if equal, of every two neighbours."""
    peaks = {{(row, at) for row, cells in enumerate(grid) for at in range(len(cells))}}
    for row, at in sorted(peaks):
        for near in ((row, at + 1), (row + 1, at)):
            if near[0] < len(grid) and near[1] < len(grid[0]):
                here, there = grid[row][at], grid[near[0]][near[1]]
                if here <= there:
                    peaks.discard((row, at))
                if there <= here:
                    peaks.discard(near)
    return len(peaks)
''',
            ),
        ),
        noun=("the number of peaks of {x}",),
        step=("count the peaks of {x}",),
        note=f"{SIDES} A peak is a cell that is greater than each of its neighbours.",
        names=("peaks", "peak_count"),
        becomes=Noun("number of peaks", "numbers of peaks"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="smooth_cells",
        family="grids",
        takes=("grid",),
        gives="grid",
        forms=(
            Form(
                expression="smooth_grid({x})",
                helper='''
def smooth_grid(grid: list[list[int]]) -> list[list[int]]:
    """Average each cell with those around it, rounded down."""
    smooth = []
    for row, cells in enumerate(grid):
        line = []
        for at in range(len(cells)):
            around = [part[max(0, at - 1) : at + 2] for part in grid[max(0, row - 1) : row + 2]]
            values = [value for part in around for value in part]
            line.append(sum(values) // len(values))
        smooth.append(line)
    return smooth
''',
            ),
            Form(
                expression="average_neighbourhoods({x})",
                helper='''
def average_neighbourhoods(grid: list[list[int]]) -> list[list[int]]:
    """Hand each value to all cells around it, then divide what each was given."""
    given: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, cells in enumerate(grid):
        for at, value in enumerate(cells):
            for place in product((row - 1, row, row + 1), (at - 1, at, at + 1)):
                given[place].append(value)
    return [
        [sum(given[row, at]) // len(given[row, at]) for at in range(len(cells))]
        for row, cells in enumerate(grid)
    ]
''',
                imports=("from collections import defaultdict", "from itertools import product"),
                style="library",
            ),
        ),
        noun=("{x} smoothed",),
        step=("smooth {x}",),
        note="Smoothing replaces each cell with the average of itself and the up to eight cells around it as they "
        "were, rounded down to a whole number.",
        names=("smooth", "smoothed"),
    ),
    Operation(
        name="walk_on_grid",
        family="simulation",
        takes=("grid", "moves"),
        gives="numbers",
        forms=(
            Form(
                expression="collect_cells({x}, {y})",
                helper='''
def collect_cells(grid: list[list[int]], moves: str) -> list[int]:
    """Cells that a robot comes to, beginning at the top left."""
    steps = {{"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}}
    if not grid:
        return []
    row, column = 0, 0
    cells = [grid[0][0]]
    for move in moves:
        down, right = steps[move]
        if 0 <= row + down < len(grid) and 0 <= column + right < len(grid[0]):
            row, column = row + down, column + right
            cells.append(grid[row][column])
    return cells
''',
            ),
            Form(
                block="""{out} = {x}[0][:1] if {x} else []
{_row} = {_column} = 0
for {_move} in {y} if {x} else "":
    {_before} = ({_row}, {_column})
    if {_move} in "UD":
        {_row} = max({_row} - 1, 0) if {_move} == "U" else min({_row} + 1, len({x}) - 1)
    else:
        {_column} = max({_column} - 1, 0) if {_move} == "L" else min({_column} + 1, len({x}[0]) - 1)
    if ({_row}, {_column}) != {_before}:
        {out}.append({x}[{_row}][{_column}])"""
            ),
        ),
        noun=("the cells of {x} that a robot comes to by following {y}",),
        step=("collect the cells of {x} that a robot comes to by following {y}",),
        note="The robot starts on the top left cell, which comes first; a move that would leave the grid is left "
        "out; a cell that it comes to again is written down again. On an empty grid it finds nothing.",
        names=("collected", "trail"),
        becomes=Noun("cell", "cells"),
    ),
)
