"""Lists of words: replacing, counting, grouping and indexing them.

What comes out as a map has its keys in the order in which they first occur, which is what a loop over the words gives.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

_TEXT = Noun("text", "texts")
_ANSWER = Noun("answer", "answers")
_COUNT = Noun("count", "counts")
_NOT_NEGATIVE = ("The result is not negative.", "result >= 0")

OPERATIONS = (
    Operation(
        name="change_words",
        family="strings",
        takes=("words",),
        gives="words",
        parts={"change": ("change", "word")},
        forms=(
            Form(expression="[{change(one)} for {one} in {x}]"),
            Form(block="{out} = []\nfor {one} in {x}:\n    {out}.append({change(one)})"),
        ),
        noun=("the {change.many} of {x}",),
        step=("replace each {x.one} with {change}",),
        names=("changed", "rewritten"),
        becomes=_TEXT,
        order="keeps",
        joins="joins",
    ),
    Operation(
        name="measure_words",
        family="strings",
        takes=("words",),
        gives="numbers",
        parts={"measure": ("measure", "word")},
        forms=(
            Form(expression="[{measure(one)} for {one} in {x}]"),
            Form(block="{out} = []\nfor {one} in {x}:\n    {out}.append({measure(one)})"),
        ),
        noun=("the {measure} of each of {x}",),
        step=("replace each {x.one} with its {measure}",),
        names=("measured", "figures"),
        becomes=Noun("figure", "figures"),
        order="keeps",
        joins="joins",
        ensures=(("No number in the result is negative.", "all(number >= 0 for number in result)"),),
    ),
    Operation(
        name="count_words_that",
        family="strings",
        takes=("words",),
        gives="count",
        parts={"test": ("test", "word")},
        forms=(
            *expressions("sum({test(one)} for {one} in {x})", "len([{one} for {one} in {x} if {test(one)}])"),
            Form(block="{out} = 0\nfor {one} in {x}:\n    if {test(one)}:\n        {out} += 1"),
        ),
        noun=("the number of {x.many} {test} among {x}",),
        step=("count the {x.many} {test} among {x}",),
        names=("how_many", "matching"),
        becomes=_COUNT,
        order="ignores",
        joins="adds",
        ensures=(_NOT_NEGATIVE,),
    ),
    Operation(
        name="positions_of_words",
        family="strings",
        takes=("words",),
        gives="numbers",
        parts={"test": ("test", "word")},
        forms=(
            Form(expression="[{_at} for {_at}, {one} in enumerate({x}) if {test(one)}]"),
            Form(
                block="{out} = []\nfor {_at} in range(len({x})):\n    if {test(x[_at])}:\n        {out}.append({_at})"
            ),
        ),
        noun=("the positions of the {x.many} {test} among {x}, counted from 0",),
        step=("list the positions, counted from 0, of the {x.many} {test} among {x}",),
        names=("positions", "places"),
        becomes=Noun("position", "positions"),
        ensures=(("The positions are in strictly ascending order.", "all(a < b for a, b in zip(result, result[1:]))"),),
    ),
    Operation(
        name="every_word",
        family="strings",
        takes=("words",),
        gives="flag",
        parts={"test": ("test", "word")},
        forms=(
            *expressions("all({test(one)} for {one} in {x})"),
            Form(
                block="{out} = True\nfor {one} in {x}:\n    if not ({test(one)}):\n        {out} = False\n        break"
            ),
        ),
        noun=("whether each of {x} {test.is}",),
        step=("decide whether each of {x} {test.is}",),
        note="If there are none, the answer is True.",
        names=("all_fit", "without_exception"),
        becomes=_ANSWER,
        order="ignores",
        doubles=False,
        weight=0.6,
    ),
    Operation(
        name="count_each_word",
        family="maps",
        takes=("words",),
        gives="counts",
        forms=(
            Form(expression="dict(Counter({x}))", imports=("from collections import Counter",), style="library"),
            Form(block="{out}: dict[str, int] = {{}}\nfor {one} in {x}:\n    {out}[{one}] = {out}.get({one}, 0) + 1"),
        ),
        noun=("how often each {x.one} occurs among {x}",),
        step=("count how often each {x.one} occurs among {x}",),
        note="The {x.many} are in the order in which they first occur.",
        names=("occurrences", "tally"),
        becomes=Noun("entry", "entries", "{x.one}", "count"),
        ensures=(("Every count is at least 1.", "all(count >= 1 for count in result.values())"),),
    ),
    Operation(
        name="count_by_change",
        family="maps",
        takes=("words",),
        gives="counts",
        parts={"change": ("change", "word")},
        forms=(
            Form(
                expression="dict(Counter({change(one)} for {one} in {x}))",
                imports=("from collections import Counter",),
                style="library",
            ),
            Form(
                block="{out}: dict[str, int] = {{}}\nfor {one} in {x}:\n    {_form} = {change(one)}\n"
                "    {out}[{_form}] = {out}.get({_form}, 0) + 1"
            ),
        ),
        noun=("how often each text occurs among the {change.many} of {x}",),
        step=("replace each of {x} with {change} and count how often each of the results occurs",),
        note="The results are in the order in which they first occur.",
        names=("occurrences", "tally"),
        becomes=Noun("entry", "entries", "text", "count"),
        ensures=(("Every count is at least 1.", "all(count >= 1 for count in result.values())"),),
        weight=0.7,
    ),
    Operation(
        name="bins_by_change",
        family="maps",
        takes=("words",),
        gives="bins",
        parts={"change": ("change", "word")},
        forms=(
            Form(
                block="{out}: dict[str, list[str]] = {{}}\nfor {one} in {x}:\n    {_form} = {change(one)}\n"
                "    {out}.setdefault({_form}, []).append({one})"
            ),
            Form(
                block="{_forms} = [{change(one)} for {one} in {x}]\n{out} = {{\n"
                "    {_label}: [{one} for {_form}, {one} in zip({_forms}, {x}) if {_form} == {_label}]\n"
                "    for {_label} in {_forms}\n}}"
            ),
        ),
        noun=("{x} put into groups, each {x.one} under {change}",),
        step=("put {x} into groups, each {x.one} under {change}",),
        note="The groups are in the order in which they first come up, the {x.many} in each in the order in which they"
        " stood.",
        names=("grouped", "groups"),
        becomes=Noun("{x.one}", "{x.many}", "label", "{x.one}"),
        ensures=(("No group is empty.", "all(len(group) > 0 for group in result.values())"),),
    ),
    Operation(
        name="positions_of_each_word",
        family="maps",
        takes=("words",),
        gives="groups",
        forms=(
            Form(
                block="{out}: dict[str, list[int]] = {{}}\nfor {_at}, {one} in enumerate({x}):\n"
                "    {out}.setdefault({one}, []).append({_at})"
            ),
            Form(
                block="{out} = {{}}\nfor {one} in {x}:\n    if {one} not in {out}:\n"
                "        {out}[{one}] = [{_at} for {_at} in range(len({x})) if {x}[{_at}] == {one}]"
            ),
        ),
        noun=("the positions at which each {x.one} stands among {x}, counted from 0",),
        step=("note for each {x.one} all the positions at which it stands among {x}, counted from 0",),
        note="The {x.many} are in the order in which they first occur.",
        names=("index", "places"),
        becomes=Noun("position", "positions", "{x.one}", "position"),
        ensures=(
            (
                "Every position from 0 on stands there once.",
                "sorted(sum(result.values(), [])) == list(range(sum(map(len, result.values()))))",
            ),
        ),
    ),
    Operation(
        name="pair_with_measure",
        family="strings",
        takes=("words",),
        gives="pairs",
        parts={"measure": ("measure", "word")},
        forms=(
            Form(expression="[({one}, {measure(one)}) for {one} in {x}]"),
            Form(block="{out} = []\nfor {one} in {x}:\n    {out}.append(({one}, {measure(one)}))"),
        ),
        noun=("{x}, each in a pair with its {measure}",),
        step=("make a pair of each {x.one} and its {measure}",),
        names=("rated", "with_figures"),
        becomes=Noun("pair", "pairs", "{x.one}", "figure"),
        order="keeps",
        joins="joins",
        inverse="[pair[0] for pair in result]",
    ),
)
