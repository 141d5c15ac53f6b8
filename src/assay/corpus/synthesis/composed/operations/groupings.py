"""Lists of numbers sorted under names, laid out in rows, or told as words and text."""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation

OPERATIONS = (
    Operation(
        name="group_by_sign",
        family="maps",
        takes=("numbers",),
        gives="groups",
        forms=(
            Form(
                block="""\
{out}: dict[str, list[int]] = {{}}
for {one} in {x}:
    {_sign} = 'negative' if {one} < 0 else 'positive' if {one} > 0 else 'zero'
    {out}.setdefault({_sign}, []).append({one})"""
            ),
            Form(
                helper='''
def sign_name(value: int) -> str:
    """Return negative, zero or positive."""
    return ('zero', 'positive', 'negative')[(value > 0) - (value < 0)]
''',
                block="""\
{out}: dict[str, list[int]] = {{sign_name({one}): [] for {one} in list({x})}}
for {_sign} in {out}:
    {out}[{_sign}] = [{one} for {one} in {x} if sign_name({one}) == {_sign}]""",
            ),
        ),
        noun=("the groups of {x} by sign",),
        step=("group {x} by their sign",),
        note="The names of the groups are 'negative', 'zero' and 'positive', in the order in which they first occur, "
        "without empty groups; within a group the numbers stay in order.",
        names=("by_sign", "signed_groups"),
        becomes=Noun("{x.one}", "{x.many}", "sign", "{x.one}"),
        ensures=(("No group is empty.", "all(result.values())"),),
    ),
    Operation(
        name="group_by_measure",
        family="maps",
        takes=("numbers",),
        gives="groups",
        parts={"measure": ("measure", "number")},
        forms=(
            Form(
                block="{out}: dict[str, list[int]] = {{}}\nfor {one} in {x}:\n"
                "    {out}.setdefault(str({measure(one)}), []).append({one})"
            ),
            Form(
                block="""\
{out}: dict[str, list[int]] = {{}}
for {one} in {x}:
    {_label} = str({measure(one)})
    {out}[{_label}] = [*{out}[{_label}], {one}] if {_label} in {out} else [{one}]"""
            ),
            Form(
                block="""\
{_rows} = [(str({measure(one)}), {one}) for {one} in {x}]
{out} = {{}}
for {_label} in dict.fromkeys({_name} for {_name}, _ in {_rows}):
    {out}[{_label}] = [{one} for {_name}, {one} in {_rows} if {_name} == {_label}]"""
            ),
        ),
        noun=("the groups of {x} by {measure}",),
        step=("group {x} by their {measure}",),
        note="The name of a group is that number written as text; groups come in the order in which they first occur, "
        "and within a group the numbers stay in order.",
        names=("grouped", "by_measure"),
        becomes=Noun("{x.one}", "{x.many}", "group", "{x.one}"),
        ensures=(("No group is empty.", "all(result.values())"),),
    ),
    Operation(
        name="split_by_test",
        family="maps",
        takes=("numbers",),
        gives="groups",
        parts={"test": ("test", "number")},
        forms=(
            Form(
                block="""\
{out}: dict[str, list[int]] = {{'yes': [], 'no': []}}
for {one} in {x}:
    {out}['yes' if {test(one)} else 'no'].append({one})"""
            ),
            Form(
                block="""\
{_fit} = [{one} for {one} in {x} if {test(one)}]
{_rest} = [{one} for {one} in {x} if not ({test(one)})]
{out} = dict(yes={_fit}, no={_rest})"""
            ),
        ),
        noun=("the two groups 'yes' and 'no', of which 'yes' holds the {x.many} {test} among {x} and 'no' the others",),
        step=("divide {x} in two groups, 'yes' for those {test} and 'no' for the others, in that order",),
        note="Within each group the numbers stay in order; a group may be empty.",
        names=("divided", "two_groups"),
        becomes=Noun("{x.one}", "{x.many}", "answer", "{x.one}"),
        ensures=(("There are exactly two groups.", "list(result) == ['yes', 'no']"),),
    ),
    Operation(
        name="tally",
        family="maps",
        takes=("numbers",),
        gives="counts",
        forms=(
            Form(
                expression="dict(Counter(str({one}) for {one} in {x}))",
                imports=("from collections import Counter",),
                style="library",
            ),
            Form(
                block="{out}: dict[str, int] = {{}}\nfor {one} in {x}:\n"
                "    {out}[str({one})] = {out}.get(str({one}), 0) + 1"
            ),
            Form(expression="{{str({one}): {x}.count({one}) for {one} in dict.fromkeys({x})}}"),
        ),
        noun=("the number of times that each {x.one} occurs among {x}",),
        step=("count how often each {x.one} occurs",),
        note="The numbers counted are written as text and come in the order in which they first occur.",
        names=("frequency", "occurrences"),
        becomes=Noun("count", "counts", "{x.one}", "count"),
        ensures=(("Every count is at least 1.", "all(count >= 1 for count in result.values())"),),
    ),
    Operation(
        name="in_rows",
        family="grids",
        takes=("numbers",),
        gives="grid",
        literals={"k": (2, 3, 4), "d": (0, -1)},
        forms=(
            Form(
                block="""\
{_padded} = {x} + [{d}] * (-len({x}) % {k})
{out} = [{_padded}[{_at} : {_at} + {k}] for {_at} in range(0, len({_padded}), {k})]"""
            ),
            Form(
                block="""\
{out}: list[list[int]] = []
for {_at}, {one} in enumerate({x}):
    if {_at} % {k} == 0:
        {out}.append([{d}] * {k})
    {out}[-1][{_at} % {k}] = {one}"""
            ),
        ),
        noun=("the grid with {x} written row by row, {k} to a row",),
        step=("write {x} into a grid row by row, {k} to a row",),
        note="The last row is filled up with {d}.",
        names=("rows", "layout"),
        ensures=(("Every row holds {k} numbers.", "all(len(row) == k for row in result)"),),
    ),
    Operation(
        name="verdicts",
        family="sequences",
        takes=("numbers",),
        gives="words",
        parts={"test": ("test", "number")},
        literals={"a": ("hit", "pass", "good"), "b": ("miss", "fail", "poor")},
        forms=(
            Form(expression="[{a} if {test(one)} else {b} for {one} in {x}]"),
            Form(block="{out} = []\nfor {one} in {x}:\n    {out}.append({a} if {test(one)} else {b})"),
        ),
        noun=("the list with {a} for each of {x} that {test.is} and {b} for every other",),
        step=("write {a} for each {x.one} that {test.is} and {b} for every other",),
        names=("verdicts", "judged"),
        becomes=Noun("verdict", "verdicts"),
        order="keeps",
        joins="joins",
        weight=0.5,
    ),
    Operation(
        name="fizz",
        family="sequences",
        takes=("numbers",),
        gives="words",
        literals={"p": (2, 3), "q": (5, 7)},
        forms=(
            Form(
                expression="['fizz' * ({one} % {p} == 0) + 'buzz' * ({one} % {q} == 0) or str({one}) for {one} in {x}]"
            ),
            Form(
                block="""\
{out} = []
for {one} in {x}:
    if {one} % ({p} * {q}) == 0:
        {out}.append('fizzbuzz')
    elif {one} % {p} == 0:
        {out}.append('fizz')
    elif {one} % {q} == 0:
        {out}.append('buzz')
    else:
        {out}.append(str({one}))"""
            ),
        ),
        noun=("the words said for {x} in a game of fizz and buzz",),
        step=("say each {x.one} as in the game of fizz and buzz",),
        note="For a multiple of {p} one says 'fizz', for a multiple of {q} 'buzz', for a multiple of both 'fizzbuzz', "
        "for any other number its digits.",
        names=("said", "calls"),
        becomes=Noun("word", "words"),
        order="keeps",
        joins="joins",
        weight=0.5,
    ),
    Operation(
        name="written",
        family="strings",
        takes=("numbers",),
        gives="words",
        forms=(
            Form(expression="[str({one}) for {one} in {x}]"),
            Form(expression="list(map(str, {x}))"),
        ),
        noun=("{x} written as text",),
        step=("write each {x.one} as text",),
        names=("written", "as_text"),
        becomes=Noun("numeral", "numerals"),
        order="keeps",
        joins="joins",
        weight=0.4,
    ),
    Operation(
        name="ups_and_downs",
        family="sequences",
        takes=("numbers",),
        gives="moves",
        forms=(
            Form(
                block="""\
{out} = ''
for {_before}, {_after} in zip({x}, {x}[1:]):
    {out} += 'U' if {_after} > {_before} else 'D' if {_after} < {_before} else 'R'"""
            ),
            Form(
                expression="''.join('RUD'[({_b} > {_a}) - ({_b} < {_a})] for {_a}, {_b} in zip({x}, {x}[1:]))",
            ),
        ),
        noun=("the ups and downs of {x} as a string of letters",),
        step=("write down the ups and downs of {x}, one letter for every two neighbours",),
        note="The letter 'U' says that the next number is larger, 'D' that it is smaller, 'R' that it is equal.",
        names=("ups_and_downs", "course"),
        becomes=Noun("letter", "letters"),
    ),
    Operation(
        name="digits_joined",
        family="strings",
        takes=("numbers",),
        gives="digits",
        forms=(
            Form(expression="''.join(str(abs({one})) for {one} in {x})"),
            Form(block="{out} = ''\nfor {one} in {x}:\n    {out} += str({one}).lstrip('-')"),
        ),
        noun=("the digits of {x} in one string",),
        step=("write the digits of {x} behind one another as one string, leaving out the signs",),
        note="Minus signs are left out.",
        names=("joined", "digit_string"),
        becomes=Noun("string of digits", "strings of digits"),
        joins="joins",
        ensures=(("The result has no character but digits.", "result == '' or result.isdigit()"),),
        weight=0.6,
    ),
    Operation(
        name="ranges_text",
        family="strings",
        takes=("numbers",),
        gives="text",
        forms=(
            Form(
                block="""\
{_parts} = []
{_order} = sorted(set({x}))
for {_first} in {_order}:
    if {_first} - 1 not in {_order}:
        {_last} = {_first}
        while {_last} + 1 in {_order}:
            {_last} += 1
        {_parts}.append(str({_first}) if {_first} == {_last} else str({_first}) + ' to ' + str({_last}))
{out} = ', '.join({_parts})"""
            ),
            Form(
                helper='''
def ranges_of(values: list[int]) -> list[tuple[int, int]]:
    """Return the first and last of each run of consecutive numbers."""
    ranges: list[tuple[int, int]] = []
    for value in sorted(values):
        if ranges and value <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], value)
        else:
            ranges.append((value, value))
    return ranges
''',
                block="{out} = ', '.join(' to '.join(map(str, dict.fromkeys({_ends}))) for {_ends} in ranges_of({x}))",
            ),
        ),
        noun=("the text that lists {x} as ranges",),
        step=("list {x} as text, consecutive numbers as one range",),
        note="Numbers come once each in ascending order; two or more consecutive ones are written as the first, ' to "
        "' and the last, and ', ' stands between: '1 to 3, 7'.",
        names=("ranges", "listing"),
        becomes=Noun("text", "texts"),
        order="ignores",
        doubles=False,
    ),
)
