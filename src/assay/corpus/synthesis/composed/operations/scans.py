"""Lists of numbers read from one end to the other: neighbours, runs, windows, running values.

The order of the list matters to all of these.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
COUNT = Noun("number", "numbers")

NEIGHBOURS = (
    Operation(
        name="differences",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        forms=(
            *expressions(
                "[{_b} - {_a} for {_a}, {_b} in zip({x}, {x}[1:])]",
                "[{x}[{_at} + 1] - {x}[{_at}] for {_at} in range(len({x}) - 1)]",
            ),
            Form(
                block="{out} = []\nfor {_at}, {one} in enumerate({x}):\n    if {_at} > 0:\n"
                "        {out}.append({one} - {x}[{_at} - 1])"
            ),
        ),
        noun=("the differences between neighbours in {x}",),
        step=("list how much each {x.one} but the first is larger than the one before it",),
        note="A difference is the later number minus the earlier one.",
        names=("differences", "steps", "increases"),
        becomes=Noun("difference", "differences"),
    ),
    Operation(
        name="collapse",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        forms=(
            Form(
                expression="[{one} for {one}, _ in groupby({x})]",
                imports=("from itertools import groupby",),
                style="library",
            ),
            Form(expression="[{one} for {_at}, {one} in enumerate({x}) if {_at} == 0 or {x}[{_at} - 1] != {one}]"),
            Form(
                block="{out}: list[int] = []\nfor {one} in {x}:\n    if not {out} or {out}[-1] != {one}:\n"
                "        {out}.append({one})"
            ),
        ),
        noun=("{x} with each run of equal neighbours replaced by one of them",),
        step=("replace each run of equal neighbours by a single {x.one}",),
        names=("collapsed", "squeezed"),
        once=True,
        ensures=(("No two neighbours are equal.", "all(a != b for a, b in zip(result, result[1:]))"),),
    ),
    Operation(
        name="annihilate",
        family="simulation",
        takes=("numbers",),
        gives="numbers",
        forms=(
            Form(
                block="""\
{out}: list[int] = []
for {one} in {x}:
    if {out} and {out}[-1] == {one}:
        {out}.pop()
    else:
        {out}.append({one})"""
            ),
            Form(
                helper='''
def without_equal_pairs(values: list[int]) -> list[int]:
    """Return what is left when equal neighbours are removed, two at a time, until there are none."""
    for at in range(len(values) - 1):
        if values[at] == values[at + 1]:
            return without_equal_pairs(values[:at] + values[at + 2 :])
    return values
''',
                expression="without_equal_pairs({x})",
                style="recursive",
            ),
        ),
        noun=("what is left of {x} when equal neighbours vanish in pairs until no two neighbours are equal",),
        step=("remove two equal neighbours, again and again, until no two neighbours are equal",),
        names=("survivors", "left_over"),
        once=True,
        ensures=(("No two neighbours are equal.", "all(a != b for a, b in zip(result, result[1:]))"),),
        weight=0.6,
    ),
    Operation(
        name="peaks",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        forms=(
            *expressions(
                "[{_b} for {_a}, {_b}, {_c} in zip({x}, {x}[1:], {x}[2:]) if {_a} < {_b} > {_c}]",
            ),
            Form(
                block="""\
{out} = []
for {_at} in range(1, len({x}) - 1):
    if {x}[{_at}] > max({x}[{_at} - 1], {x}[{_at} + 1]):
        {out}.append({x}[{_at}])"""
            ),
        ),
        noun=("the peaks of {x}",),
        step=("find the peaks of {x}",),
        note="A peak is larger than both its neighbours; the first and the last number are never peaks.",
        names=("peaks", "summits"),
        becomes=Noun("peak", "peaks"),
    ),
    Operation(
        name="next_larger",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        literals={"d": (0, -1)},
        forms=(
            Form(
                block="""\
{out} = []
for {_at}, {one} in enumerate({x}):
    {out}.append(next(({_later} for {_later} in {x}[{_at} + 1 :] if {_later} > {one}), {d}))"""
            ),
            Form(
                block="""\
{out} = [{d}] * len({x})
{_waiting}: list[int] = []
for {_at}, {one} in enumerate({x}):
    while {_waiting} and {x}[{_waiting}[-1]] < {one}:
        {out}[{_waiting}.pop()] = {one}
    {_waiting}.append({_at})"""
            ),
        ),
        noun=("the list that gives for each of {x} the first larger one behind it",),
        step=("replace each {x.one} by the first larger one that comes after it",),
        note="Where nothing larger follows, write {d}.",
        names=("next_larger", "overtakers"),
        ensures=(("The last number is {d}.", "result[-1:] in ([], [d])"),),
    ),
    Operation(
        name="run_lengths",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        forms=(
            Form(
                expression="[len(list({_run})) for _, {_run} in groupby({x})]",
                imports=("from itertools import groupby",),
                style="library",
            ),
            Form(
                block="""\
{out}: list[int] = []
for {_at}, {one} in enumerate({x}):
    if {_at} > 0 and {x}[{_at} - 1] == {one}:
        {out}[-1] += 1
    else:
        {out}.append(1)"""
            ),
        ),
        noun=("the lengths of the runs of equal neighbours in {x}",),
        step=("list the lengths of the runs of equal neighbours",),
        note="A number that differs from both its neighbours is a run of length 1.",
        names=("run_lengths", "lengths"),
        becomes=Noun("length", "lengths"),
        ensures=(("Every length is at least 1.", "all(length >= 1 for length in result)"),),
    ),
    Operation(
        name="longest_run_where",
        family="sequences",
        takes=("numbers",),
        gives="count",
        parts={"test": ("test", "number")},
        forms=(
            Form(
                block="""\
{out}, {_run} = 0, 0
for {one} in {x}:
    {_run} = {_run} + 1 if {test(one)} else 0
    {out} = max({out}, {_run})"""
            ),
            Form(
                block="""\
{_marks} = ''.join('x' if {test(one)} else ' ' for {one} in {x})
{out} = max((len({_run}) for {_run} in {_marks}.split()), default=0)"""
            ),
        ),
        noun=("the length of the longest unbroken run of {x.many} {test} in {x}",),
        step=("find how many {x.many} {test} follow one another without a break, at most",),
        names=("longest_run", "best_streak"),
        becomes=COUNT,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="longest_rise",
        family="sequences",
        takes=("numbers",),
        gives="count",
        forms=(
            Form(
                block="""\
{out}, {_length} = 0, 0
for {_at}, {one} in enumerate({x}):
    {_length} = {_length} + 1 if {_at} > 0 and {x}[{_at} - 1] < {one} else 1
    {out} = max({out}, {_length})"""
            ),
            Form(
                block="""\
{_rises} = ''.join('<' if {_a} < {_b} else ' ' for {_a}, {_b} in zip({x}, {x}[1:])).split()
{out} = max(map(len, {_rises}), default=0) + 1 if {x} else 0"""
            ),
        ),
        noun=("the length of the longest stretch of {x} in which each is larger than the one before it",),
        step=("find the length of the longest stretch of neighbours in which each {x.one} is larger than the last",),
        note="The length counts numbers, not steps; that of an empty list is 0.",
        names=("longest_rise", "climb"),
        becomes=COUNT,
        ensures=(NOT_NEGATIVE,),
    ),
)
RUNNING = (
    Operation(
        name="running",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        parts={"reduce": ("reduce", "number")},
        forms=(
            Form(
                block="""\
{out} = []
for {_end} in range(1, len({x}) + 1):
    {_part} = {x}[:{_end}]
    {out}.append({reduce(_part)})"""
            ),
            Form(
                block="""\
{out} = []
{_so_far} = []
for {one} in {x}:
    {_so_far}.append({one})
    {out}.append({reduce(_so_far)})"""
            ),
        ),
        noun=("the running values of the {reduce} of {x}",),
        step=("list, {x.one} by {x.one}, the {reduce} of those up to and including it",),
        note="A running value looks at the numbers up to and including its own place.",
        names=("running", "so_far"),
        becomes=Noun("running value", "running values"),
    ),
    Operation(
        name="records",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        forms=(
            *expressions("[{one} for {_at}, {one} in enumerate({x}) if all({_b} < {one} for {_b} in {x}[:{_at}])]"),
            Form(
                block="{out}: list[int] = []\nfor {one} in {x}:\n    if not {out} or {one} > {out}[-1]:\n"
                "        {out}.append({one})"
            ),
        ),
        noun=("the records among {x}",),
        step=("keep the records among {x}",),
        note="A record is larger than everything before it; the first number is one.",
        names=("records", "new_bests"),
        becomes=Noun("record", "records"),
        once=True,
        ensures=(("Each record is larger than the one before.", "all(a < b for a, b in zip(result, result[1:]))"),),
    ),
    Operation(
        name="balance",
        family="simulation",
        takes=("numbers",),
        gives="numbers",
        literals={"s": (0, 5, 10)},
        forms=(
            Form(
                block="""\
{out} = []
{_level} = {s}
for {one} in {x}:
    {_level} = max(0, {_level} + {one})
    {out}.append({_level})"""
            ),
            Form(
                expression="list(accumulate({x}, lambda {_a}, {_b}: max(0, {_a} + {_b}), initial={s}))[1:]",
                imports=("from itertools import accumulate",),
                style="library",
            ),
        ),
        noun=("the levels of a tank that starts at {s}, on adding {x} one by one",),
        step=("add {x} one by one to a tank that starts at {s}, and list its level after each",),
        note="A negative number drains the tank; its level never falls below 0: what would make it negative empties "
        "it.",
        names=("levels", "balances"),
        becomes=Noun("level", "levels"),
        ensures=(("No level is negative.", "min(result, default=0) >= 0"),),
    ),
    Operation(
        name="windows",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        parts={"reduce": ("reduce", "number")},
        literals={"w": (2, 3, 4)},
        forms=(
            Form(
                block="""\
{out} = []
for {_at} in range(len({x}) - {w} + 1):
    {_window} = {x}[{_at} : {_at} + {w}]
    {out}.append({reduce(_window)})"""
            ),
            Form(
                block="""\
{out} = []
{_window}: list[int] = []
for {one} in {x}:
    {_window} = [*{_window}, {one}][-{w}:]
    if len({_window}) == {w}:
        {out}.append({reduce(_window)})"""
            ),
        ),
        noun=("the list of the {reduce} of every {w} neighbours in {x}",),
        step=("list the {reduce} of every {w} neighbours, moving on by one each time",),
        note="Of fewer than {w} numbers the list is empty.",
        names=("windows", "moving"),
        becomes=Noun("window value", "window values"),
    ),
    Operation(
        name="blocks",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        parts={"reduce": ("reduce", "number")},
        literals={"w": (2, 3)},
        forms=(
            Form(
                block="""\
{out} = []
for {_at} in range(0, len({x}), {w}):
    {_block} = {x}[{_at} : {_at} + {w}]
    {out}.append({reduce(_block)})"""
            ),
            Form(
                block="""\
{out} = []
{_block} = []
for {_at}, {one} in enumerate({x}, 1):
    {_block}.append({one})
    if {_at} % {w} == 0 or {_at} == len({x}):
        {out}.append({reduce(_block)})
        {_block} = []"""
            ),
        ),
        noun=("the list of the {reduce} of each block after cutting {x} into blocks of {w}",),
        step=("cut {x} into blocks of {w} and list the {reduce} of each block",),
        note="The last block may be shorter.",
        names=("blocks", "per_block"),
        becomes=Noun("block value", "block values"),
    ),
)
OPERATIONS = (*NEIGHBOURS, *RUNNING)
