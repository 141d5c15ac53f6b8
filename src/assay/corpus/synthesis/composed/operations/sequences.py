"""Lists of numbers: choosing some of the elements, and changing each.

What is chosen or changed is mostly left to parts. Putting in order is in `orders`, one answer for a whole list in
`questions`, names and rows in `groupings`, looking at neighbours in `scans`, two lists in `merges`.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions
from assay.corpus.synthesis.composed.operations.orders import ASCENDING

NO_REPEATS = ("The result holds no number twice.", "len(set(result)) == len(result)")

CHOOSING = (
    Operation(
        name="keep",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        parts={"test": ("test", "number")},
        forms=(
            Form(expression="[{one} for {one} in {x} if {test(one)}]"),
            Form(block="{out} = []\nfor {one} in {x}:\n    if {test(one)}:\n        {out}.append({one})"),
            Form(expression="list(filter(lambda {one}: {test(one)}, {x}))", style="library"),
        ),
        noun=("{x} {test}",),
        step=("keep only the {x.many} {test}", "throw away every {x.one} unless it {test.is}"),
        names=("kept", "chosen", "remaining"),
        order="keeps",
        joins="joins",
        once=True,
        weight=1.5,
    ),
    Operation(
        name="take_while",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        parts={"test": ("test", "number")},
        forms=(
            Form(
                block="{out} = []\nfor {one} in {x}:\n    if not ({test(one)}):\n        break\n    {out}.append({one})"
            ),
            Form(
                expression="list(takewhile(lambda {one}: {test(one)}, {x}))",
                imports=("from itertools import takewhile",),
                style="library",
            ),
        ),
        noun=("the longest stretch at the start of {x} in which every {x.one} {test.is}",),
        step=("keep {x.many} from the start only for as long as each {test.is}",),
        names=("opening", "head", "first_stretch"),
        once=True,
    ),
    Operation(
        name="drop_while",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        parts={"test": ("test", "number")},
        forms=(
            Form(block="{_at} = 0\nwhile {_at} < len({x}) and ({test(x[_at])}):\n    {_at} += 1\n{out} = {x}[{_at}:]"),
            Form(
                expression="list(dropwhile(lambda {one}: {test(one)}, {x}))",
                imports=("from itertools import dropwhile",),
                style="library",
            ),
        ),
        noun=("what remains of {x} after the longest stretch at the start in which every {x.one} {test.is}",),
        step=("drop {x.many} from the start for as long as each {test.is}, and keep all the rest",),
        names=("rest", "tail", "remainder_list"),
        once=True,
    ),
    Operation(
        name="distinct",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        forms=(
            *expressions("list(dict.fromkeys({x}))"),
            Form(block="{out} = []\nfor {one} in {x}:\n    if {one} not in {out}:\n        {out}.append({one})"),
            Form(expression="[{one} for {_at}, {one} in enumerate({x}) if {one} not in {x}[:{_at}]]"),
        ),
        noun=("the different {x.many} among {x}, in the order in which they first occur",),
        step=("drop every {x.one} that has occurred before", "remove repeated {x.many}, keeping the first of each"),
        names=("distinct", "different", "without_repeats"),
        doubles=False,
        once=True,
        ensures=(NO_REPEATS,),
    ),
    Operation(
        name="repeated",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        forms=(
            *expressions("[{one} for {one} in dict.fromkeys({x}) if {x}.count({one}) > 1]"),
            Form(
                block="{_times} = Counter({x})\n"
                "{out} = [{one} for {one}, {_often} in {_times}.items() if {_often} > 1]",
                imports=("from collections import Counter",),
                style="library",
            ),
        ),
        noun=("the {x.many} that occur more than once among {x}, each listed once, in the order of first occurrence",),
        step=("list, once each and in the order of first occurrence, the {x.many} that occur more than once",),
        names=("repeated", "duplicates", "recurring"),
        ensures=(NO_REPEATS,),
    ),
    Operation(
        name="alone",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        forms=(
            *expressions("[{one} for {one} in {x} if {x}.count({one}) == 1]"),
            Form(
                block="{_seen}: dict[int, int] = {{}}\n"
                "for {one} in {x}:\n    {_seen}[{one}] = {_seen}.get({one}, 0) + 1\n"
                "{out} = [{one} for {one} in {x} if {_seen}[{one}] == 1]"
            ),
        ),
        noun=("the {x.many} that occur exactly once among {x}",),
        step=("keep only the {x.many} that occur exactly once",),
        names=("singles", "unrepeated"),
        once=True,
        ensures=(NO_REPEATS,),
    ),
    Operation(
        name="one_in",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        literals={"k": (2, 3)},
        forms=(
            *expressions(
                "{x}[::{k}]",
                "[{one} for {_at}, {one} in enumerate({x}) if {_at} % {k} == 0]",
            ),
        ),
        noun=("one in every {k} of {x}, beginning with the first",),
        step=("keep one in every {k} {x.many}, beginning with the first",),
        names=("sampled", "thinned"),
    ),
    Operation(
        name="few_smallest",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        literals={"k": (2, 3, 4)},
        forms=(
            *expressions("sorted({x})[:{k}]"),
            *expressions("heapq.nsmallest({k}, {x})", imports=("import heapq",)),
            Form(
                block="""\
{_rest} = list({x})
{out}: list[int] = []
while {_rest} and len({out}) < {k}:
    {_least} = min({_rest})
    {_rest}.remove({_least})
    {out}.append({_least})"""
            ),
        ),
        noun=("the {k} smallest of {x} in ascending order",),
        step=("keep the {k} smallest {x.many}, in ascending order",),
        note="Where there are fewer than {k}, all of them are kept.",
        names=("smallest", "lowest"),
        order="ignores",
        once=True,
        ensures=(ASCENDING, ("There are at most {k} numbers in the result.", "len(result) <= k")),
    ),
    Operation(
        name="above_average",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        forms=(
            Form(block="{_total} = sum({x})\n{out} = [{one} for {one} in {x} if {one} * len({x}) > {_total}]"),
            *expressions("[{one} for {one} in {x} if sum({one} - {_another} for {_another} in {x}) > 0]"),
        ),
        noun=("those of {x} that are larger than the average of all of them",),
        step=("keep the {x.many} that are larger than the average of all the {x.many}",),
        note="The average is exact, not rounded.",
        names=("above_average", "better_ones"),
    ),
    Operation(
        name="repeat_each",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        literals={"k": (2, 3)},
        forms=(
            *expressions("[{one} for {one} in {x} for _ in range({k})]"),
            Form(block="{out}: list[int] = []\nfor {one} in {x}:\n    {out} += [{one}] * {k}"),
        ),
        noun=("{x} with each {x.one} written {k} times in a row",),
        step=("write each {x.one} {k} times in a row",),
        names=("stretched", "repeated_list"),
        order="keeps",
        joins="joins",
        ensures=(("The length of the result is a multiple of {k}.", "len(result) % k == 0"),),
        inverse="result[::k]",
        weight=0.5,
    ),
)
CHANGING = (
    Operation(
        name="change_each",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        parts={"change": ("change", "number")},
        forms=(
            Form(expression="[{change(one)} for {one} in {x}]"),
            Form(block="{out} = []\nfor {one} in {x}:\n    {out}.append({change(one)})"),
            Form(expression="list(map(lambda {one}: {change(one)}, {x}))", style="library"),
        ),
        noun=("the {change.many} of {x}",),
        step=("replace each {x.one} with {change}",),
        names=("changed", "new_values"),
        becomes=Noun("value", "values"),
        order="keeps",
        joins="joins",
        weight=1.5,
    ),
    Operation(
        name="change_some",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        parts={"test": ("test", "number"), "change": ("change", "number")},
        forms=(
            Form(expression="[({change(one)}) if {test(one)} else {one} for {one} in {x}]"),
            Form(
                block="{out} = list({x})\nfor {_at}, {one} in enumerate({x}):\n    if {test(one)}:\n"
                "        {out}[{_at}] = {change(one)}"
            ),
        ),
        noun=("{x} with each {x.one} replaced by {change} if it {test.is}",),
        step=("replace each {x.one} by {change} if it {test.is}, and leave the others as they are",),
        names=("adjusted", "corrected"),
        becomes=Noun("value", "values"),
        order="keeps",
        joins="joins",
    ),
    Operation(
        name="measure_each",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        parts={"measure": ("measure", "number")},
        forms=(
            Form(expression="[{measure(one)} for {one} in {x}]"),
            Form(block="{out} = []\nfor {one} in {x}:\n    {out}.append({measure(one)})"),
        ),
        noun=("the list that gives the {measure} of each of {x}",),
        step=("list the {measure} of each {x.one}",),
        names=("measured", "measures"),
        becomes=Noun("value", "values"),
        order="keeps",
        joins="joins",
        weight=0.5,
    ),
    Operation(
        name="ranks",
        family="sequences",
        takes=("numbers",),
        gives="numbers",
        forms=(
            *expressions(
                "[sorted(set({x})).index({one}) for {one} in {x}]",
                "[len(set({_another} for {_another} in {x} if {_another} < {one})) for {one} in {x}]",
            ),
            Form(
                block="{_order} = {{{_value}: {_rank} for {_rank}, {_value} in enumerate(sorted(set({x})))}}\n"
                "{out} = [{_order}[{one}] for {one} in {x}]"
            ),
        ),
        noun=("the ranks of {x}",),
        step=("replace each {x.one} by its rank",),
        note="The rank of a number is how many different smaller numbers are in the list, so the smallest has rank 0.",
        names=("ranks", "places"),
        becomes=Noun("rank", "ranks"),
        once=True,
        ensures=(("The smallest rank is 0.", "min(result, default=0) == 0"),),
    ),
)
OPERATIONS = (*CHOOSING, *CHANGING)
