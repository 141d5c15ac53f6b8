"""What spreads over a grid from cell to cell: islands, paint, distances.

Cells are neighbours if they share a side. A flood from a list of cells that wait stands beside labels or groups that
grow together.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation

SIDES = "Cells are neighbours if they share a side."
NOT_NEGATIVE = ("The result is not negative.", "result >= 0")

OPERATIONS = (
    Operation(
        name="islands",
        family="grids",
        takes=("grid",),
        gives="count",
        literals={"k": (0, 2, 5, 10)},
        forms=(
            Form(
                expression="count_islands({x}, {k})",
                helper='''
def count_islands(grid: list[list[int]], level: int) -> int:
    """Sink one island after another."""
    land = {{
        (row, column)
        for row, cells in enumerate(grid)
        for column, cell in enumerate(cells)
        if cell > level
    }}
    islands = 0
    while land:
        islands += 1
        waiting = [min(land)]
        while waiting:
            row, column = waiting.pop()
            if (row, column) in land:
                land.remove((row, column))
                waiting += [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
    return islands
''',
            ),
            Form(
                expression="join_islands({x}, {k})",
                helper='''
def join_islands(grid: list[list[int]], level: int) -> int:
    """Count the cells of land, less one for each join of two parts that were apart."""
    parent: dict[tuple[int, int], tuple[int, int]] = {{}}

    def find(cell: tuple[int, int]) -> tuple[int, int]:
        while parent[cell] != cell:
            cell = parent[cell]
        return cell

    islands = 0
    for row, cells in enumerate(grid):
        for column, cell in enumerate(cells):
            if cell > level:
                parent[row, column] = (row, column)
                islands += 1
                for near in ((row - 1, column), (row, column - 1)):
                    if near in parent and find(near) != find((row, column)):
                        parent[find(near)] = find((row, column))
                        islands -= 1
    return islands
''',
            ),
        ),
        noun=("the number of islands of cells greater than {k} in {x}",),
        step=("count the islands of cells greater than {k} in {x}",),
        note=f"{SIDES} An island is a largest group of such cells in which each can be reached from each through "
        f"neighbours "
        "within the group.",
        names=("islands", "island_count"),
        becomes=Noun("number of islands", "numbers of islands"),
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="largest_island",
        family="grids",
        takes=("grid",),
        gives="count",
        literals={"k": (0, 2, 5, 10)},
        forms=(
            Form(
                expression="measure_areas({x}, {k})",
                helper='''
def measure_areas(grid: list[list[int]], level: int) -> int:
    """Flood each area of cells above a level, counting its cells."""
    seen: set[tuple[int, int]] = set()

    def flood(row: int, column: int) -> int:
        if not (0 <= row < len(grid) and 0 <= column < len(grid[0])):
            return 0
        if (row, column) in seen or grid[row][column] <= level:
            return 0
        seen.add((row, column))
        sides = ((1, 0), (-1, 0), (0, 1), (0, -1))
        return 1 + sum(flood(row + down, column + right) for down, right in sides)

    sizes = [flood(row, column) for row, cells in enumerate(grid) for column in range(len(cells))]
    return max(sizes, default=0)
''',
                style="recursive",
            ),
            Form(
                expression="spread_labels({x}, {k})",
                helper='''
def spread_labels(grid: list[list[int]], level: int) -> int:
    """Give each cell above a level a label and let the smallest spread until nothing changes."""
    cells = [(row, column) for row, line in enumerate(grid) for column in range(len(line))]
    label = {{cell: at for at, cell in enumerate(cells) if grid[cell[0]][cell[1]] > level}}
    changed = True
    while changed:
        changed = False
        for row, column in label:
            for near in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if near in label and label[near] < label[row, column]:
                    label[row, column] = label[near]
                    changed = True
    return max(Counter(label.values()).values(), default=0)
''',
                imports=("from collections import Counter",),
            ),
        ),
        noun=("the size of the largest area of cells greater than {k} in {x}",),
        step=("find the size of the largest area of cells greater than {k} in {x}",),
        note=f"{SIDES} An area is a group of such cells in which each can be reached from each through neighbours "
        f"within "
        "the group; its size is the number of its cells, 0 if there is none.",
        names=("largest_area", "area"),
        becomes=Noun("size", "sizes"),
        ensures=(NOT_NEGATIVE,),
        weight=0.6,
    ),
    Operation(
        name="paint_bucket",
        family="grids",
        takes=("grid",),
        gives="grid",
        literals={"k": (0, 1, 7, 99)},
        forms=(
            Form(
                expression="pour_paint({x}, {k})",
                helper='''
def pour_paint(grid: list[list[int]], colour: int) -> list[list[int]]:
    """Recolour the area of equal cells around the top left corner."""
    painted = [list(row) for row in grid]
    queue = deque([(0, 0)] if grid else [])
    seen = set(queue)
    while queue:
        row, column = queue.popleft()
        painted[row][column] = colour
        for near in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
            inside = 0 <= near[0] < len(grid) and 0 <= near[1] < len(grid[0])
            if inside and near not in seen and grid[near[0]][near[1]] == grid[0][0]:
                seen.add(near)
                queue.append(near)
    return painted
''',
                imports=("from collections import deque",),
            ),
            Form(
                expression="soak_grid({x}, {k})",
                helper='''
def soak_grid(grid: list[list[int]], colour: int) -> list[list[int]]:
    """Sweep over the grid again and again until no dry cell touches a wet one of its value."""
    wet = {{(0, 0)}}
    before = 0
    while len(wet) > before:
        before = len(wet)
        for row, cells in enumerate(grid):
            for column, cell in enumerate(cells):
                near = {{(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)}}
                if cell == grid[0][0] and near & wet:
                    wet.add((row, column))
    return [
        [colour if (row, column) in wet else cell for column, cell in enumerate(cells)]
        for row, cells in enumerate(grid)
    ]
''',
            ),
        ),
        noun=("{x} after {k} has been poured over its top left corner",),
        step=("pour {k} over the top left corner of {x}",),
        note=f"{SIDES} Pouring replaces the corner cell and every cell that is reached from it through neighbours "
        f"which all "
        "have the value of the corner cell.",
        names=("painted", "poured"),
    ),
    Operation(
        name="distance_to_positive",
        family="grids",
        takes=("grid",),
        gives="grid",
        literals={"d": (-1, 99)},
        forms=(
            Form(
                expression="measure_to_positive({x}, {d})",
                helper='''
def measure_to_positive(grid: list[list[int]], nowhere: int) -> list[list[int]]:
    """Steps to the nearest positive cell, compared one by one."""
    goals = [(row, at) for row, cells in enumerate(grid) for at, cell in enumerate(cells) if cell > 0]
    return [
        [
            min((abs(row - down) + abs(at - right) for down, right in goals), default=nowhere)
            for at in range(len(cells))
        ]
        for row, cells in enumerate(grid)
    ]
''',
            ),
            Form(
                expression="spread_from_positive({x}, {d})",
                helper='''
def spread_from_positive(grid: list[list[int]], nowhere: int) -> list[list[int]]:
    """Steps to the nearest positive cell, spread from all of them at once."""
    steps = [[0 if cell > 0 else nowhere for cell in row] for row in grid]
    queue = deque((row, at) for row, cells in enumerate(grid) for at, cell in enumerate(cells) if cell > 0)
    seen = set(queue)
    while queue:
        row, at = queue.popleft()
        for down, right in ((row + 1, at), (row - 1, at), (row, at + 1), (row, at - 1)):
            if 0 <= down < len(grid) and 0 <= right < len(grid[0]) and (down, right) not in seen:
                seen.add((down, right))
                steps[down][right] = steps[row][at] + 1
                queue.append((down, right))
    return steps
''',
                imports=("from collections import deque",),
            ),
        ),
        noun=("the grid of the distances from each cell of {x} to the nearest positive cell",),
        step=("replace each cell of {x} with its distance to the nearest positive cell",),
        note="A distance is the number of steps up, down, left or right, 0 for a positive cell itself. If no cell is "
        "positive, all distances are {d}.",
        names=("distances", "steps_to_positive"),
        becomes=Noun("row", "rows", "", "distance"),
    ),
)
