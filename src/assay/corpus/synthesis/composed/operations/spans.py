"""Spans from a start to an end: choosing, joining, cutting, putting in order.

A span holds both its ends, so two that only touch overlap, unless an operation says that a room is free again at the
very end. The length of a span is its end minus its start. What makes numbers of spans, or spans of numbers, is in
`coverage`.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
APART = (
    "The spans of the result are in order and do not touch.",
    "all(a[1] < b[0] for a, b in zip(result, result[1:]))",
)
NUMBER = Noun("number", "numbers")
TOUCH = "A span holds both its ends, so spans that only touch, as (1, 3) and (3, 5), overlap."
JOIN = '''
def join_spans(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans in order, those that overlap or touch made one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
'''

OPERATIONS = (
    Operation(
        name="merge_spans",
        family="sequences",
        takes=("spans",),
        gives="spans",
        forms=(
            Form(helper=JOIN, expression="join_spans({x})"),
            Form(
                block="""\
{out}: list[tuple[int, int]] = []
for {_low}, {_high} in {x}:
    {_apart} = [{_span} for {_span} in {out} if {_span}[1] < {_low} or {_span}[0] > {_high}]
    {_near} = [{_span} for {_span} in {out} if {_span} not in {_apart}] + [({_low}, {_high})]
    {out} = {_apart} + [(min({_span}[0] for {_span} in {_near}), max({_span}[1] for {_span} in {_near}))]
{out}.sort()"""
            ),
        ),
        noun=("the spans that are left after joining those of {x} that overlap",),
        step=("join all {x.many} that overlap into one, and list the result by start",),
        note=TOUCH,
        names=("merged", "joined"),
        order="ignores",
        doubles=False,
        once=True,
        ensures=(APART,),
        weight=1.5,
    ),
    Operation(
        name="free_between",
        family="sequences",
        takes=("spans",),
        gives="spans",
        forms=(
            Form(
                helper=JOIN,
                block="{_joined} = join_spans({x})\n"
                "{out} = [({_a}[1], {_b}[0]) for {_a}, {_b} in zip({_joined}, {_joined}[1:])]",
            ),
            Form(
                block="""\
{out}: list[tuple[int, int]] = []
{_end} = min(({_low} for {_low}, _ in {x}), default=0)
for {_low}, {_high} in sorted({x}):
    if {_low} > {_end}:
        {out}.append(({_end}, {_low}))
    {_end} = max({_end}, {_high})"""
            ),
        ),
        noun=("the gaps between {x}",),
        step=("list the gaps between {x}, by start",),
        note="A gap reaches from where everything before has ended to the next start; there is none before the first "
        "start or after the last end.",
        names=("gaps", "pauses"),
        becomes=Noun("gap", "gaps"),
        order="ignores",
        doubles=False,
        ensures=(("Every gap has a length above 0.", "all(start < end for start, end in result)"),),
    ),
    Operation(
        name="sort_spans_by_end",
        family="sequences",
        takes=("spans",),
        gives="spans",
        forms=(
            *expressions("sorted({x}, key=lambda {_span}: ({_span}[1], {_span}[0]))"),
            Form(
                block="{_turned} = sorted(({_high}, {_low}) for {_low}, {_high} in {x})\n"
                "{out} = [({_low}, {_high}) for {_high}, {_low} in {_turned}]"
            ),
        ),
        noun=("{x} in order of their ends, ties in order of their starts",),
        step=("sort {x} by end, and by start where ends tie",),
        names=("by_end", "sorted_spans"),
        order="ignores",
        reorders=True,
        once=True,
        ensures=(("The ends are in ascending order.", "all(a[1] <= b[1] for a, b in zip(result, result[1:]))"),),
        weight=0.6,
    ),
    Operation(
        name="sort_spans_by_length",
        family="sequences",
        takes=("spans",),
        gives="spans",
        forms=(
            *expressions("sorted({x}, key=lambda {_span}: {_span}[1] - {_span}[0])"),
            Form(
                block="""\
{out}: list[tuple[int, int]] = []
for {_low}, {_high} in {x}:
    {_at} = len([{_span} for {_span} in {out} if {_span}[1] - {_span}[0] <= {_high} - {_low}])
    {out}.insert({_at}, ({_low}, {_high}))"""
            ),
        ),
        noun=("{x} from shortest to longest, ties in the order in which they come",),
        step=("sort {x} by length, shortest first, leaving those that tie in their order",),
        note="The length of a span is its end minus its start.",
        names=("by_length", "shortest_first"),
        reorders=True,
        once=True,
        weight=0.6,
    ),
    Operation(
        name="long_spans",
        family="sequences",
        takes=("spans",),
        gives="spans",
        literals={"k": (2, 3, 4)},
        forms=(
            *expressions("[({_low}, {_high}) for {_low}, {_high} in {x} if {_high} - {_low} >= {k}]"),
            Form(
                block="{out} = []\nfor {_low}, {_high} in {x}:\n    if {_low} + {k} <= {_high}:\n"
                "        {out}.append(({_low}, {_high}))"
            ),
        ),
        noun=("those of {x} with a length of at least {k}",),
        step=("keep the {x.many} with a length of at least {k}",),
        note="The length of a span is its end minus its start.",
        names=("long_ones", "kept"),
        order="keeps",
        joins="joins",
        once=True,
        ensures=(("No span is shorter than {k}.", "all(b - a >= k for a, b in result)"),),
    ),
    Operation(
        name="spans_holding",
        family="sequences",
        takes=("spans",),
        gives="spans",
        literals={"k": (0, 3, 5, 8)},
        forms=(
            *expressions(
                "[({_low}, {_high}) for {_low}, {_high} in {x} if {_low} <= {k} <= {_high}]",
                "[{_span} for {_span} in {x} if {k} in range({_span}[0], {_span}[1] + 1)]",
            ),
        ),
        noun=("those of {x} that contain {k}",),
        step=("keep the {x.many} that contain {k}",),
        note="A span contains both its start and its end.",
        names=("around_it", "holding"),
        order="keeps",
        joins="joins",
        once=True,
        weight=0.7,
    ),
    Operation(
        name="cut_spans",
        family="sequences",
        takes=("spans",),
        gives="spans",
        literals={"low": (0, 2, 3), "high": (9, 10, 15)},
        forms=(
            Form(
                block="""\
{out} = []
for {_start}, {_end} in {x}:
    if {_start} <= {high} and {_end} >= {low}:
        {out}.append((max({_start}, {low}), min({_end}, {high})))"""
            ),
            Form(
                block="{_cut} = [(max({_a}, {low}), min({_b}, {high})) for {_a}, {_b} in {x}]\n"
                "{out} = [({_a}, {_b}) for {_a}, {_b} in {_cut} if {_a} <= {_b}]"
            ),
        ),
        noun=("what lies of {x} from {low} to {high}",),
        step=("cut {x} down to what lies from {low} to {high}",),
        note="Of a span that reaches beyond these limits the part within them is kept, maybe a single point; a span "
        "wholly outside is dropped.",
        names=("within", "cut"),
        order="keeps",
        joins="joins",
        once=True,
        ensures=(("No span begins before {low}.", "all(a >= low for a, b in result)"),),
    ),
    Operation(
        name="widen_spans",
        family="sequences",
        takes=("spans",),
        gives="spans",
        literals={"k": (1, 2, 5)},
        forms=(
            *expressions(
                "[({_low} - {k}, {_high} + {k}) for {_low}, {_high} in {x}]",
                "[({_span}[0] - {k}, {_span}[1] + {k}) for {_span} in {x}]",
            ),
        ),
        noun=("{x}, each made longer by {k} at both ends",),
        step=("make each of {x} longer by {k} at both ends",),
        names=("widened", "stretched"),
        order="keeps",
        joins="joins",
        ensures=(("Every span is longer than {k}.", "all(b - a > k for a, b in result)"),),
        inverse="[(a + k, b - k) for a, b in result]",
        weight=0.7,
    ),
    Operation(
        name="outermost",
        family="sequences",
        takes=("spans",),
        gives="spans",
        forms=(
            Form(
                block="""\
{out} = []
for {_span} in dict.fromkeys({x}):
    {_around} = [{_wide} for {_wide} in {x} if {_wide}[0] <= {_span}[0] and {_span}[1] <= {_wide}[1]]
    if all({_wide} == {_span} for {_wide} in {_around}):
        {out}.append({_span})
{out}.sort()"""
            ),
            Form(
                block="""\
{out}: list[tuple[int, int]] = []
for {_span} in sorted(set({x}), key=lambda {_another}: ({_another}[0], -{_another}[1])):
    if not {out} or {_span}[1] > {out}[-1][1]:
        {out}.append({_span})"""
            ),
        ),
        noun=("the outermost of {x}, by start",),
        step=("drop every one of {x} that lies within another, and list the rest by start, once each",),
        note="A span lies within another if it differs from it and neither begins before nor ends after it.",
        names=("outermost", "not_nested"),
        order="ignores",
        doubles=False,
        once=True,
        ensures=(
            ("Both starts and ends ascend.", "all(a[0] < b[0] and a[1] < b[1] for a, b in zip(result, result[1:]))"),
        ),
        weight=0.8,
    ),
    Operation(
        name="overlaps",
        family="sequences",
        takes=("spans", "spans"),
        gives="spans",
        forms=(
            Form(
                block="""\
{out} = []
for {_a}, {_b} in {x}:
    for {_c}, {_d} in {y}:
        if {_a} <= {_d} and {_c} <= {_b}:
            {out}.append((max({_a}, {_c}), min({_b}, {_d})))
{out}.sort()"""
            ),
            Form(
                block="{_pairs} = [(max({_a}, {_c}), min({_b}, {_d})) for {_a}, {_b} in {x} for {_c}, {_d} in {y}]\n"
                "{out} = sorted({_span} for {_span} in {_pairs} if {_span}[0] <= {_span}[1])"
            ),
        ),
        noun=("the overlaps between {x} and {y}, in ascending order",),
        step=("list in ascending order what each of {x} has in common with each of {y}",),
        note="Only pairs with something in common count, be it a single point; each gives one span.",
        names=("overlaps", "in_common"),
        becomes=Noun("overlap", "overlaps"),
        commutes=True,
    ),
    Operation(
        name="best_plan",
        family="sequences",
        takes=("spans",),
        gives="spans",
        forms=(
            Form(
                block="""\
{out}: list[tuple[int, int]] = []
for {_end}, {_start} in sorted(({_high}, {_low}) for {_low}, {_high} in {x}):
    if not {out} or {_start} > {out}[-1][1]:
        {out}.append(({_start}, {_end}))"""
            ),
            Form(
                helper='''
def earliest_ends(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans that do not overlap, always taking the one that ends first."""
    if not spans:
        return []
    first = min(spans, key=lambda span: (span[1], span[0]))
    return [first, *earliest_ends([span for span in spans if span[0] > first[1]])]
''',
                expression="earliest_ends({x})",
                style="recursive",
            ),
        ),
        noun=(
            "the choice from {x} that is made by always taking the one that ends first and overlaps none taken before",
        ),
        step=(
            "choose from {x} greedily: the one that ends first, then the first to end of those that start later, and "
            "so on",
        ),
        note=TOUCH + " Where several end together the one that starts first is taken.",
        names=("plan", "programme"),
        order="ignores",
        doubles=False,
        once=True,
        ensures=(APART,),
    ),
)
