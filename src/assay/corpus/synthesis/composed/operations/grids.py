"""Grids of whole numbers: turning and making them, reducing and changing their rows and columns, tests of the whole.

A grid has rows of one length, and at least one column where it has a row. What looks at single cells is in `cells`,
what spreads from cell to cell in `floods`.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

ROW = Noun("row", "rows", "", "{x.one}")
VALUES = Noun("value", "values")

OPERATIONS = (
    Operation(
        name="transpose",
        family="grids",
        takes=("grid",),
        gives="grid",
        forms=(
            *expressions("[list({_column}) for {_column} in zip(*{x})]"),
            Form(
                block="""{_width} = len({x}[0]) if {x} else 0
{out} = [[{one}[{_at}] for {one} in {x}] for {_at} in range({_width})]"""
            ),
            Form(
                block="""{out}: list[list[int]] = []
for {one} in {x}:
    for {_at}, {value} in enumerate({one}):
        if {_at} == len({out}):
            {out}.append([])
        {out}[{_at}].append({value})"""
            ),
        ),
        noun=("{x} with rows and columns exchanged",),
        step=("exchange the rows and columns of {x}",),
        names=("transposed", "flipped", "columns"),
        inverse="[list(row) for row in zip(*result)]",
        ensures=(("All rows of the result have one length.", "len(set(map(len, result))) <= 1"),),
    ),
    Operation(
        name="quarter_turn",
        family="grids",
        takes=("grid",),
        gives="grid",
        forms=(
            *expressions("[list({_column}) for {_column} in zip(*{x}[::-1])]"),
            Form(
                block="""{out} = []
for {_at} in range(len({x}[0]) if {x} else 0):
    {out}.append([{one}[{_at}] for {one} in reversed({x})])"""
            ),
        ),
        noun=("{x} turned a quarter clockwise",),
        step=("turn {x} a quarter clockwise",),
        note="The first row becomes the last column.",
        names=("turned", "rotated"),
        inverse="[list(row) for row in zip(*result)][::-1]",
        ensures=(("All rows of the result have one length.", "len(set(map(len, result))) <= 1"),),
    ),
    Operation(
        name="mirror",
        family="grids",
        takes=("grid",),
        gives="grid",
        forms=(
            *expressions("[{one}[::-1] for {one} in {x}]", "[list(reversed({one})) for {one} in {x}]"),
            Form(
                block="""{out} = []
for {one} in {x}:
    {_turned}: list[int] = []
    for {value} in {one}:
        {_turned}.insert(0, {value})
    {out}.append({_turned})"""
            ),
        ),
        noun=("{x} mirrored left to right",),
        step=("mirror {x} left to right",),
        note="Mirroring puts every row in reverse order.",
        names=("mirrored", "reflected"),
        inverse="[row[::-1] for row in result]",
    ),
    Operation(
        name="row_reduce",
        family="grids",
        takes=("grid",),
        gives="numbers",
        parts={"reduce": ("reduce", "number")},
        forms=(
            *expressions("[{reduce(one)} for {one} in {x}]"),
            Form(block="{out} = []\nfor {one} in {x}:\n    {out}.append({reduce(one)})"),
        ),
        noun=("the {reduce} of each row of {x}",),
        step=("find the {reduce} of each row of {x}",),
        names=("row_values", "per_row"),
        becomes=VALUES,
    ),
    Operation(
        name="column_reduce",
        family="grids",
        takes=("grid",),
        gives="numbers",
        parts={"reduce": ("reduce", "number")},
        forms=(
            *expressions("[{reduce(_column)} for {_column} in map(list, zip(*{x}))]"),
            Form(
                block="""{out} = []
for {_at} in range(len({x}[0]) if {x} else 0):
    {_column} = [{one}[{_at}] for {one} in {x}]
    {out}.append({reduce(_column)})"""
            ),
        ),
        noun=("the {reduce} of each column of {x}",),
        step=("find the {reduce} of each column of {x}",),
        names=("column_values", "per_column"),
        becomes=VALUES,
    ),
    Operation(
        name="change_cells",
        family="grids",
        takes=("grid",),
        gives="grid",
        parts={"change": ("change", "number")},
        forms=(
            *expressions("[[{change(value)} for {value} in {one}] for {one} in {x}]"),
            Form(
                block="""{out} = []
for {one} in {x}:
    {_changed} = []
    for {value} in {one}:
        {_changed}.append({change(value)})
    {out}.append({_changed})"""
            ),
        ),
        noun=("the grid of the {change.many} of the cells of {x}",),
        step=("replace each cell of {x} with {change}",),
        names=("changed_grid", "new_grid"),
    ),
    Operation(
        name="keep_rows",
        family="grids",
        takes=("grid",),
        gives="grid",
        parts={"test": ("test", "number")},
        forms=(
            Form(
                block="""{out} = []
for {one} in {x}:
    {_total} = sum({one})
    if {test(_total)}:
        {out}.append({one})"""
            ),
            *expressions("[{one} for {one}, {_total} in zip({x}, map(sum, {x})) if {test(_total)}]"),
        ),
        noun=("the rows of {x} with sums {test}",),
        step=("keep only the rows of {x} whose sum {test.is}",),
        names=("kept_rows", "chosen_rows"),
        once=True,
    ),
    Operation(
        name="count_in_rows",
        family="grids",
        takes=("grid",),
        gives="counts",
        parts={"test": ("test", "number")},
        forms=(
            Form(
                block="""{out} = {{}}
for {_at}, {one} in enumerate({x}, start=1):
    {out}["row {{}}".format({_at})] = len([{value} for {value} in {one} if {test(value)}])"""
            ),
            Form(
                block="""{out}: dict[str, int] = {{}}
for {one} in {x}:
    {_name} = "row " + str(len({out}) + 1)
    {out}[{_name}] = 0
    for {value} in {one}:
        if {test(value)}:
            {out}[{_name}] += 1"""
            ),
        ),
        noun=("the number of cells {test} in each row of {x}",),
        step=("count in each row of {x} the cells {test}",),
        note="The rows are called `'row 1'`, `'row 2'` and so on, from the top.",
        names=("by_row", "row_counts"),
        becomes=Noun("row", "rows", "row", "number of cells"),
        ensures=(("No count is negative.", "min(result.values(), default=0) >= 0"),),
    ),
    Operation(
        name="is_symmetric",
        family="grids",
        takes=("grid",),
        gives="flag",
        forms=(
            *expressions("{x} == [list({_column}) for {_column} in zip(*{x})]"),
            *expressions(
                "all(list({_column}) == {one} for {one}, {_column} in zip_longest({x}, zip(*{x})))",
                imports=("from itertools import zip_longest",),
            ),
        ),
        noun=("whether {x} stays the same when rows and columns are exchanged",),
        step=("tell whether {x} stays the same when rows and columns are exchanged",),
        names=("symmetric", "unchanged"),
        becomes=Noun("answer", "answers"),
        weight=0.5,
    ),
    Operation(
        name="equal_sums",
        family="grids",
        takes=("grid",),
        gives="flag",
        forms=(
            *expressions("len({{sum({_line}) for {_line} in [*{x}, *map(list, zip(*{x}))]}}) <= 1"),
            Form(
                block="""{_lines} = {x} + [list({_column}) for {_column} in zip(*{x})]
{out} = all(sum({_line}) == sum({_lines}[0]) for {_line} in {_lines})"""
            ),
        ),
        noun=("whether all rows and all columns of {x} have one and the same sum",),
        step=("tell whether all rows and all columns of {x} have one and the same sum",),
        names=("balanced", "magic"),
        becomes=Noun("answer", "answers"),
        weight=0.5,
    ),
    Operation(
        name="into_rows",
        family="grids",
        takes=("numbers",),
        gives="grid",
        literals={"k": (2, 3, 4, 5)},
        forms=(
            Form(
                block="""{_padded} = {x} + [0] * (-len({x}) % {k})
{out} = [{_padded}[{_at} : {_at} + {k}] for {_at} in range(0, len({_padded}), {k})]"""
            ),
            Form(
                block="""{out}: list[list[int]] = []
for {_at}, {one} in enumerate({x}):
    if {_at} % {k} == 0:
        {out}.append([0] * {k})
    {out}[-1][{_at} % {k}] = {one}"""
            ),
            Form(
                expression="[list({_row}) for {_row} in zip_longest(*[iter({x})] * {k}, fillvalue=0)]",
                imports=("from itertools import zip_longest",),
                style="library",
            ),
        ),
        noun=("the grid of {x} in rows of {k}",),
        step=("write {x} into a grid with {k} to a row",),
        note="The last row is filled up with 0.",
        names=("grid_rows", "table", "layout"),
        becomes=ROW,
        ensures=(("Every row has {k} cells.", "set(map(len, result)) <= {k}"),),
    ),
    Operation(
        name="sum_table",
        family="grids",
        takes=("numbers", "numbers"),
        gives="grid",
        forms=(
            Form(block="{out} = []\nif {y}:\n    {out} = [[{one} + {_added} for {_added} in {y}] for {one} in {x}]"),
            Form(
                block="""{out} = []
for {one} in {x}:
    {_sums} = []
    for {_added} in {y}:
        {_sums}.append({one} + {_added})
    if {_sums}:
        {out}.append({_sums})"""
            ),
        ),
        noun=("the table of the sums of {x} and {y}",),
        step=("make a table of the sums of each of {x} with each of {y}",),
        note="It has a row for each of the first and a column for each of the second, in their order; if either is "
        "empty, there are no rows.",
        names=("sum_table", "combinations_table"),
        becomes=Noun("row", "rows", "", "sum"),
    ),
    Operation(
        name="add_grids",
        family="grids",
        takes=("grid", "grid"),
        gives="grid",
        forms=(
            *expressions(
                "[[sum({_cells}) for {_cells} in zip(*{_pair})] for {_pair} in zip({x}, {y})]",
            ),
            Form(
                block="""{out} = []
for {one}, {_other} in zip({x}, {y}):
    {_width} = min(len({one}), len({_other}))
    {out}.append([{one}[{_at}] + {_other}[{_at}] for {_at} in range({_width})])"""
            ),
        ),
        noun=("the sum of {x} and {y}, cell by cell",),
        step=("add {x} and {y} cell by cell",),
        note="The result has only the rows and columns that both grids have.",
        names=("added", "overlay"),
        commutes=True,
    ),
)
