"""What spans come to: lengths, gaps, overlaps, rooms needed; and spans made of numbers."""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions
from assay.corpus.synthesis.composed.operations.spans import APART, JOIN, TOUCH

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
NUMBER = Noun("number", "numbers")

NUMBERS = (
    Operation(
        name="most_compatible",
        family="dynamic programming",
        takes=("spans",),
        gives="count",
        forms=(
            Form(
                block="""\
{out} = 0
{_free_from} = None
for {_end}, {_start} in sorted(({_high}, {_low}) for {_low}, {_high} in {x}):
    if {_free_from} is None or {_start} > {_free_from}:
        {out} += 1
        {_free_from} = {_end}"""
            ),
            Form(
                block="""\
{_best}: list[int] = []
{_order} = sorted({x})
for {_at}, {_span} in enumerate({_order}):
    {_before} = [{_best}[{_b}] for {_b} in range({_at}) if {_order}[{_b}][1] < {_span}[0]]
    {_best}.append(1 + max({_before}, default=0))
{out} = max({_best}, default=0)"""
            ),
        ),
        noun=("the most of {x} that can be chosen without any overlap",),
        step=("find how many of {x}, at most, can be chosen so that no two overlap",),
        note=TOUCH,
        names=("most_chosen", "capacity"),
        becomes=NUMBER,
        order="ignores",
        doubles=False,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="covered_length",
        family="sequences",
        takes=("spans",),
        gives="number",
        forms=(
            Form(helper=JOIN, expression="sum({_high} - {_low} for {_low}, {_high} in join_spans({x}))"),
            Form(
                block="""\
{_points} = sorted({_end} for {_span} in {x} for {_end} in {_span})
{out} = 0
for {_a}, {_b} in zip({_points}, {_points}[1:]):
    if any({_low} <= {_a} and {_b} <= {_high} for {_low}, {_high} in {x}):
        {out} += {_b} - {_a}"""
            ),
        ),
        noun=("the length that {x} cover together",),
        step=("find the length that {x} cover together, counting what is covered several times once",),
        note="A span covers its end minus its start; what several cover counts once.",
        names=("covered", "coverage"),
        becomes=Noun("length", "lengths"),
        order="ignores",
        doubles=False,
        ensures=(NOT_NEGATIVE,),
        weight=1.2,
    ),
    Operation(
        name="largest_gap",
        family="sequences",
        takes=("spans",),
        gives="number",
        forms=(
            Form(
                block="""\
{out} = 0
{_end} = min(({_low} for {_low}, _ in {x}), default=0)
for {_low}, {_high} in sorted({x}):
    {out} = max({out}, {_low} - {_end})
    {_end} = max({_end}, {_high})"""
            ),
            Form(
                helper=JOIN,
                block="{_joined} = join_spans({x})\n"
                "{out} = max(({_b}[0] - {_a}[1] for {_a}, {_b} in zip({_joined}, {_joined}[1:])), default=0)",
            ),
        ),
        noun=("the length of the longest gap between {x}",),
        step=("find the length of the longest gap between {x}",),
        note="A gap lies between two spans and is covered by none; if there is none, the result is 0.",
        names=("largest_gap", "longest_pause"),
        becomes=Noun("length", "lengths"),
        order="ignores",
        doubles=False,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="most_at_once",
        family="simulation",
        takes=("spans",),
        gives="count",
        forms=(
            *expressions(
                "max((sum({_a} <= {_point} <= {_b} for {_a}, {_b} in {x}) for {_point}, _ in {x}), default=0)"
            ),
            Form(
                block="""\
{_events} = [({_low}, 0) for {_low}, _ in {x}] + [({_high}, 1) for _, {_high} in {x}]
{out}, {_active} = 0, 0
for _, {_closes} in sorted({_events}):
    {_active} += -1 if {_closes} else 1
    {out} = max({out}, {_active})"""
            ),
        ),
        noun=("the largest number of {x} that overlap in one point",),
        step=("find how many of {x}, at most, overlap in one point",),
        note=TOUCH,
        names=("most_at_once", "depth"),
        becomes=NUMBER,
        order="ignores",
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="rooms",
        family="simulation",
        takes=("spans",),
        gives="count",
        forms=(
            Form(
                block="""\
{_busy}: list[int] = []
for {_low}, {_high} in sorted({x}):
    if {_busy} and {_busy}[0] <= {_low}:
        heapq.heapreplace({_busy}, {_high})
    else:
        heapq.heappush({_busy}, {_high})
{out} = len({_busy})""",
                imports=("import heapq",),
            ),
            Form(
                block="""\
{_rooms}: list[int] = []
for {_low}, {_high} in sorted({x}):
    {_free} = [{_at} for {_at}, {_end} in enumerate({_rooms}) if {_end} <= {_low}]
    if {_free}:
        {_rooms}[{_free}[0]] = {_high}
    else:
        {_rooms}.append({_high})
{out} = len({_rooms})"""
            ),
        ),
        noun=("the number of rooms needed for {x} when each is given, by start, the first room that is free",),
        step=("give each of {x}, in order of start, a room that is free, and count the rooms needed",),
        note="A room is free again at the very end of what it was used for; where starts are equal, the one that ends "
        "earlier comes first.",
        names=("rooms", "rooms_needed"),
        becomes=NUMBER,
        order="ignores",
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="busiest_point",
        family="simulation",
        takes=("spans",),
        gives="number",
        literals={"d": (0, -1)},
        forms=(
            Form(
                block="""\
{_starts} = sorted({_low} for {_low}, _ in {x})
{out} = max({_starts}, key=lambda {_point}: sum({_a} <= {_point} <= {_b} for {_a}, {_b} in {x}), default={d})"""
            ),
            Form(
                block="""\
{out}, {_most} = {d}, 0
{_starts}, {_ends} = sorted({_span}[0] for {_span} in {x}), sorted({_span}[1] for {_span} in {x})
for {_at}, {_point} in enumerate({_starts}, 1):
    {_active} = {_at} - sum({_end} < {_point} for {_end} in {_ends})
    if {_active} > {_most}:
        {out}, {_most} = {_point}, {_active}"""
            ),
        ),
        noun=("the first point at which the most of {x} overlap",),
        step=("find the first point at which the most of {x} overlap",),
        note="A span holds both its ends; of several points that are equally busy the smallest is taken, and {d} if "
        "there are no spans.",
        names=("busiest", "rush"),
        becomes=Noun("point", "points"),
        order="ignores",
    ),
    Operation(
        name="lengths",
        family="sequences",
        takes=("spans",),
        gives="numbers",
        forms=(
            *expressions(
                "[{_high} - {_low} for {_low}, {_high} in {x}]",
                "[{_span}[1] - {_span}[0] for {_span} in {x}]",
            ),
        ),
        noun=("the lengths of {x}",),
        step=("list the length of each of {x}",),
        note="The length of a span is its end minus its start.",
        names=("lengths", "durations"),
        becomes=Noun("length", "lengths"),
        order="keeps",
        joins="joins",
        ensures=(("No length is negative.", "min(result, default=0) >= 0"),),
        weight=1.2,
    ),
    Operation(
        name="starts",
        family="sequences",
        takes=("spans",),
        gives="numbers",
        forms=expressions("[{_low} for {_low}, _ in {x}]", "[{_span}[0] for {_span} in {x}]"),
        noun=("the starts of {x}",),
        step=("list the start of each of {x}",),
        names=("starts", "beginnings"),
        becomes=Noun("start", "starts"),
        order="keeps",
        joins="joins",
        weight=0.6,
    ),
    Operation(
        name="ends",
        family="sequences",
        takes=("spans",),
        gives="numbers",
        forms=expressions("[{_high} for _, {_high} in {x}]", "[{_span}[1] for {_span} in {x}]"),
        noun=("the ends of {x}",),
        step=("list the end of each of {x}",),
        names=("ends", "finishes"),
        becomes=Noun("end", "ends"),
        order="keeps",
        joins="joins",
        weight=0.6,
    ),
    Operation(
        name="any_overlap",
        family="sequences",
        takes=("spans",),
        gives="flag",
        forms=(
            Form(
                expression="any({_a}[0] <= {_b}[1] and {_b}[0] <= {_a}[1] for {_a}, {_b} in combinations({x}, 2))",
                imports=("from itertools import combinations",),
                style="library",
            ),
            Form(
                block="{_order} = sorted({x})\n"
                "{out} = any({_a}[1] >= {_b}[0] for {_a}, {_b} in zip({_order}, {_order}[1:]))"
            ),
        ),
        noun=("whether any two of {x} overlap",),
        step=("find out whether any two of {x} overlap",),
        note=TOUCH,
        names=("clash", "collide"),
        becomes=Noun("answer", "answers"),
        order="ignores",
        weight=0.6,
    ),
    Operation(
        name="covered_numbers",
        family="sequences",
        takes=("numbers", "spans"),
        gives="numbers",
        forms=(
            *expressions("[{one} for {one} in {x} if any({_low} <= {one} <= {_high} for {_low}, {_high} in {y})]"),
            Form(
                block="""\
{out} = []
for {one} in {x}:
    if [{_span} for {_span} in {y} if min(max({one}, {_span}[0]), {_span}[1]) == {one}]:
        {out}.append({one})"""
            ),
        ),
        noun=("those of {x} that lie in at least one of {y}",),
        step=("keep those of {x} that lie in at least one of {y}",),
        note="A span contains both its start and its end.",
        names=("covered", "within_spans"),
    ),
    Operation(
        name="spans_at",
        family="sequences",
        takes=("spans", "number"),
        gives="count",
        forms=(
            *expressions(
                "sum({_low} <= {y} <= {_high} for {_low}, {_high} in {x})",
                "len([{_span} for {_span} in {x} if {y} in range({_span}[0], {_span}[1] + 1)])",
            ),
        ),
        noun=("the number of {x.many} among {x} that contain {y}",),
        step=("count how many of {x} contain {y}",),
        note="A span contains both its start and its end.",
        names=("containing", "hits"),
        becomes=NUMBER,
        ensures=(NOT_NEGATIVE,),
    ),
)
MADE = (
    Operation(
        name="runs_of_consecutive",
        family="sequences",
        takes=("numbers",),
        gives="spans",
        forms=(
            Form(
                block="""\
{out}: list[tuple[int, int]] = []
for {one} in sorted(set({x})):
    if {out} and {out}[-1][1] == {one} - 1:
        {out}[-1] = ({out}[-1][0], {one})
    else:
        {out}.append(({one}, {one}))"""
            ),
            Form(
                block="""\
{_firsts} = sorted({one} for {one} in set({x}) if {one} - 1 not in {x})
{_lasts} = sorted({one} for {one} in set({x}) if {one} + 1 not in {x})
{out} = list(zip({_firsts}, {_lasts}))"""
            ),
        ),
        noun=("the spans of consecutive whole numbers among {x}",),
        step=("gather {x} into spans of consecutive whole numbers, by start",),
        note="A span reaches from the first to the last of numbers that follow each other without a gap, such as (3, "
        "5) for 3, 4 and 5; a number by itself is a span from itself to itself.",
        names=("stretches", "runs"),
        becomes=Noun("span", "spans"),
        order="ignores",
        doubles=False,
        ensures=(APART,),
    ),
    Operation(
        name="neighbour_spans",
        family="sequences",
        takes=("numbers",),
        gives="spans",
        forms=(
            *expressions(
                "[(min({_a}, {_b}), max({_a}, {_b})) for {_a}, {_b} in zip({x}, {x}[1:])]",
                "[({_a}, {_b}) if {_a} <= {_b} else ({_b}, {_a}) for {_a}, {_b} in zip({x}, {x}[1:])]",
            ),
        ),
        noun=("the spans between neighbours in {x}",),
        step=("list the span between every two neighbours in {x}",),
        note="A span goes from the smaller to the larger of the two numbers.",
        names=("spans_between", "moves_made"),
        becomes=Noun("span", "spans"),
    ),
    Operation(
        name="around_each",
        family="sequences",
        takes=("numbers",),
        gives="spans",
        literals={"k": (1, 2, 3)},
        forms=(
            *expressions("[({one} - {k}, {one} + {k}) for {one} in {x}]"),
            Form(block="{out} = []\nfor {one} in {x}:\n    {out}.append(({one} - {k}, {one} + {k}))"),
        ),
        noun=("the spans that reach {k} to either side of each of {x}",),
        step=("make of each {x.one} a span that reaches {k} to either side",),
        names=("surroundings", "neighbourhoods"),
        becomes=Noun("span", "spans"),
        order="keeps",
        joins="joins",
        inverse="[sum(span) // 2 for span in result]",
        weight=0.8,
    ),
)
OPERATIONS = (*NUMBERS, *MADE)
