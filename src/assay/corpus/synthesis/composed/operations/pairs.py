"""Lists of pairs, a name and a number each: choosing, adding up by name, putting in order, taking apart."""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

OPERATIONS = (
    Operation(
        name="keep_pairs_by_value",
        family="maps",
        takes=("pairs",),
        gives="pairs",
        parts={"test": ("test", "number")},
        forms=(
            Form(expression="[({key}, {value}) for {key}, {value} in {x} if {test(value)}]"),
            Form(
                block="{out} = []\nfor {key}, {value} in {x}:\n    if not ({test(value)}):\n        continue\n"
                "    {out}.append(({key}, {value}))"
            ),
        ),
        noun=("{x} whose {x.value} {test.is}",),
        step=("keep only the {x.many} whose {x.value} {test.is}", "drop the {x.many} unless their {x.value} {test.is}"),
        names=("kept", "relevant", "selected"),
        order="keeps",
        joins="joins",
        once=True,
    ),
    Operation(
        name="keep_pairs_by_name",
        family="maps",
        takes=("pairs",),
        gives="pairs",
        parts={"test": ("test", "word")},
        forms=(
            Form(expression="[{one} for {one} in {x} if {test(one[0])}]"),
            Form(
                block="{out} = []\nfor {key}, {value} in {x}:\n    if {test(key)}:\n"
                "        {out}.append(({key}, {value}))"
            ),
        ),
        noun=("{x} whose {x.key} {test.is}",),
        step=("keep only the {x.many} whose {x.key} {test.is}",),
        names=("kept", "matching", "selected"),
        order="keeps",
        joins="joins",
        once=True,
    ),
    Operation(
        name="change_values",
        family="maps",
        takes=("pairs",),
        gives="pairs",
        parts={"change": ("change", "number")},
        forms=(
            Form(expression="[({key}, {change(value)}) for {key}, {value} in {x}]"),
            Form(block="{out} = []\nfor {one} in {x}:\n    {out}.append(({one}[0], {change(one[1])}))"),
        ),
        noun=("{x} with every {x.value} replaced with {change}",),
        step=("replace the {x.value} of each of the {x.many} with {change}",),
        names=("adjusted", "updated"),
        order="keeps",
        joins="joins",
        weight=0.7,
    ),
    Operation(
        name="totals",
        family="maps",
        takes=("pairs",),
        gives="counts",
        forms=(
            Form(
                block="{out}: dict[str, int] = {{}}\nfor {key}, {value} in {x}:\n"
                "    {out}[{key}] = {out}.get({key}, 0) + {value}"
            ),
            Form(
                block="{_sums}: defaultdict[str, int] = defaultdict(int)\nfor {key}, {value} in {x}:\n"
                "    {_sums}[{key}] += {value}\n{out} = dict({_sums})",
                imports=("from collections import defaultdict",),
                style="library",
            ),
            Form(
                expression="{{{key}: sum({value} for {_name}, {value} in {x} if {_name} == {key}) for {key}, _ in {x}}}"
            ),
        ),
        noun=("a dictionary from each {x.key} in {x} to the sum of its {x.value} entries",),
        step=("add up the {x.value} entries of each {x.key}",),
        note="Each {x.key} stands where it first occurs.",
        names=("totals", "sums"),
        becomes=Noun("{x.key}", "{x.key} totals", "{x.key}", "total"),
        weight=1.3,
    ),
    Operation(
        name="values_by_name",
        family="maps",
        takes=("pairs",),
        gives="groups",
        forms=(
            Form(
                block="{out}: dict[str, list[int]] = {{}}\nfor {key}, {value} in {x}:\n"
                "    {out}.setdefault({key}, []).append({value})"
            ),
            Form(
                block="{_found}: defaultdict[str, list[int]] = defaultdict(list)\nfor {key}, {value} in {x}:\n"
                "    {_found}[{key}].append({value})\n{out} = dict({_found})",
                imports=("from collections import defaultdict",),
                style="library",
            ),
        ),
        noun=("a dictionary from each {x.key} in {x} to the list of its {x.value} entries",),
        step=("collect the {x.value} entries of each {x.key} in a list, in their order",),
        note="Each {x.key} stands where it first occurs.",
        names=("by_name", "collected", "entries"),
        becomes=Noun("{x.key}", "groups", "{x.key}", "{x.value}"),
        joins="",
        weight=1.3,
    ),
    Operation(
        name="last_value",
        family="maps",
        takes=("pairs",),
        gives="counts",
        forms=(
            *expressions("dict({x})"),
            Form(
                block="{out}: dict[str, int] = {{}}\nfor {key}, {value} in {x}:\n    {out}[{key}] = {value}",
            ),
        ),
        noun=("a dictionary from each {x.key} in {x} to its last {x.value}",),
        step=("note the last {x.value} of each {x.key}",),
        note="Each {x.key} stands where it first occurs.",
        names=("latest", "last_seen"),
        becomes=Noun("{x.key}", "last entries", "{x.key}", "{x.value}"),
        weight=0.6,
    ),
    Operation(
        name="values_of_pairs",
        family="maps",
        takes=("pairs",),
        gives="numbers",
        forms=(
            *expressions("[{value} for _, {value} in {x}]", "[{one}[1] for {one} in {x}]"),
            Form(block="{out} = []\nfor _, {value} in {x}:\n    {out}.append({value})"),
        ),
        noun=("the {x.value} entries of {x}",),
        step=("take the {x.value} of each of the {x.many}",),
        names=("values", "figures"),
        becomes=Noun("{x.value}", "{x.value} entries"),
        order="keeps",
        joins="joins",
    ),
    Operation(
        name="names_of_pairs",
        family="maps",
        takes=("pairs",),
        gives="words",
        forms=(
            *expressions("[{key} for {key}, _ in {x}]", "[{one}[0] for {one} in {x}]"),
            Form(block="{out} = []\nfor {key}, _ in {x}:\n    {out}.append({key})"),
        ),
        noun=("the {x.key} entries of {x}",),
        step=("take the {x.key} of each of the {x.many}",),
        names=("names", "labels"),
        becomes=Noun("{x.key}", "{x.key} entries"),
        order="keeps",
        joins="joins",
        weight=0.7,
    ),
    Operation(
        name="pairs_by_value",
        family="maps",
        takes=("pairs",),
        gives="pairs",
        forms=(
            Form(expression="sorted({x}, key=lambda {one}: (-{one}[1], {one}[0]))"),
            Form(
                block="{out} = sorted({x})\n{out}.sort(key=lambda {one}: {one}[1], reverse=True)",
            ),
        ),
        noun=("{x}, sorted by {x.value} from largest to smallest and, where equal, by {x.key}",),
        step=("sort the {x.many} by {x.value}, largest first; where it is equal, by {x.key} in alphabetical order",),
        names=("ranking", "ranked"),
        order="ignores",
        reorders=True,
        once=True,
        ensures=(
            (
                "No number in the result is larger than the one before.",
                "all(a[1] >= b[1] for a, b in zip(result, result[1:]))",
            ),
        ),
    ),
    Operation(
        name="best_name",
        family="maps",
        takes=("pairs",),
        gives="text",
        literals={"d": ("", "none")},
        forms=(
            Form(
                block="{_best} = None\n{out} = {d}\nfor {key}, {value} in {x}:\n"
                "    if {_best} is None or {value} > {_best}:\n        {_best}, {out} = {value}, {key}"
            ),
            Form(expression="max({x}, key=lambda {one}: {one}[1])[0] if {x} else {d}"),
        ),
        noun=("the {x.key} of whichever of {x} has the largest {x.value}",),
        step=("find the {x.key} with the largest single {x.value}",),
        note="If several are equally large, take the first; if there are none, take {d}.",
        names=("winner", "top_name"),
        becomes=Noun("{x.key}", "{x.key} names"),
    ),
    Operation(
        name="running_balance",
        family="simulation",
        takes=("pairs",),
        gives="pairs",
        forms=(
            Form(
                block="{out} = []\n{_balances}: dict[str, int] = {{}}\nfor {key}, {value} in {x}:\n"
                "    {_balances}[{key}] = {_balances}.get({key}, 0) + {value}\n"
                "    {out}.append(({key}, {_balances}[{key}]))"
            ),
            Form(
                block="{out} = []\nfor {_at}, ({key}, _) in enumerate({x}):\n"
                "    {_so_far} = sum({_amount} for {_name}, {_amount} in {x}[: {_at} + 1] if {_name} == {key})\n"
                "    {out}.append(({key}, {_so_far}))"
            ),
        ),
        noun=("{x} with every {x.value} replaced with the sum so far for its {x.key}",),
        step=("replace each {x.value} with the sum of the {x.value} entries of the same {x.key} up to there",),
        names=("balances", "running"),
        weight=0.6,
    ),
    Operation(
        name="alternating_names",
        family="maps",
        takes=("pairs",),
        gives="count",
        forms=(
            Form(expression="sum({x}[{_at}][0] != {x}[{_at} - 1][0] for {_at} in range(1, len({x})))"),
            Form(
                block="{out} = 0\nfor {one}, {_after} in zip({x}, {x}[1:]):\n    if {one}[0] != {_after}[0]:\n"
                "        {out} += 1"
            ),
        ),
        noun=("the number of times that the {x.key} changes from one of {x} to the next",),
        step=("count how often the {x.key} changes from one of the {x.many} to the next",),
        names=("changes", "switches"),
        becomes=Noun("number", "numbers"),
        ensures=(("The result is not negative.", "result >= 0"),),
        weight=0.5,
    ),
)
