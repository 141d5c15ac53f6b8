"""Dictionaries: numbers by name, lists of numbers by name, lists of words by name."""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

OPERATIONS = (
    Operation(
        name="keep_entries_by_value",
        family="maps",
        takes=("counts",),
        gives="counts",
        parts={"test": ("test", "number")},
        forms=(
            Form(expression="{{{key}: {value} for {key}, {value} in {x}.items() if {test(value)}}}"),
            Form(
                block="{out}: dict[str, int] = {{}}\nfor {key}, {value} in {x}.items():\n    if {test(value)}:\n"
                "        {out}[{key}] = {value}"
            ),
            Form(
                block="{out} = dict({x})\nfor {key}, {value} in {x}.items():\n    if not ({test(value)}):\n"
                "        del {out}[{key}]"
            ),
        ),
        noun=("the entries of {x} whose {x.value} {test.is}",),
        step=("keep only the entries whose {x.value} {test.is}",),
        names=("kept", "filtered"),
        once=True,
    ),
    Operation(
        name="keep_entries_by_key",
        family="maps",
        takes=("counts",),
        gives="counts",
        parts={"test": ("test", "word")},
        forms=(
            Form(expression="{{{key}: {value} for {key}, {value} in {x}.items() if {test(key)}}}"),
            Form(
                block="{out}: dict[str, int] = {{}}\nfor {key} in {x}:\n    if {test(key)}:\n"
                "        {out}[{key}] = {x}[{key}]"
            ),
        ),
        noun=("the entries of {x} whose {x.key} {test.is}",),
        step=("keep only the entries whose {x.key} {test.is}",),
        names=("kept", "selected"),
        once=True,
    ),
    Operation(
        name="change_entries",
        family="maps",
        takes=("counts",),
        gives="counts",
        parts={"change": ("change", "number")},
        forms=(
            Form(expression="{{{key}: {change(value)} for {key}, {value} in {x}.items()}}"),
            Form(
                block="{out} = dict({x})\nfor {key}, {value} in {x}.items():\n    {out}[{key}] = {change(value)}",
            ),
        ),
        noun=("{x} with each {x.value} replaced with {change}",),
        step=("replace each {x.value} with {change}",),
        names=("changed", "adjusted"),
        weight=0.6,
    ),
    Operation(
        name="entries_in_order",
        family="maps",
        takes=("counts",),
        gives="pairs",
        forms=(
            Form(expression="sorted({x}.items(), key=lambda {one}: (-{one}[1], {one}[0]))"),
            Form(
                block="{out}: list[tuple[str, int]] = []\nfor {value} in sorted(set({x}.values()), reverse=True):\n"
                "    for {key} in sorted({x}):\n        if {x}[{key}] == {value}:\n"
                "            {out}.append(({key}, {value}))"
            ),
        ),
        noun=("the (key, value) pairs of {x}, largest {x.value} first and, where equal, by {x.key}",),
        step=(
            "list the (key, value) pairs, largest {x.value} first and, where equal, by {x.key} in alphabetical order",
        ),
        names=("ranking", "ranked"),
        becomes=Noun("entry", "entries", "{x.key}", "{x.value}"),
        ensures=(
            (
                "No number in the result is larger than the one before.",
                "all(a[1] >= b[1] for a, b in zip(result, result[1:]))",
            ),
        ),
    ),
    Operation(
        name="top_entries",
        family="maps",
        takes=("counts",),
        gives="words",
        literals={"k": (1, 2, 3, 4)},
        forms=(
            Form(expression="sorted({x}, key=lambda {key}: (-{x}[{key}], {key}))[:{k}]"),
            Form(
                block="{out}: list[str] = []\n{_left} = dict({x})\nwhile {_left} and len({out}) < {k}:\n"
                "    {_best} = min({_left}, key=lambda {key}: (-{_left}[{key}], {key}))\n"
                "    {out}.append({_best})\n    del {_left}[{_best}]"
            ),
            Form(
                expression="heapq.nsmallest({k}, {x}, key=lambda {key}: (-{x}[{key}], {key}))",
                imports=("import heapq",),
                style="library",
            ),
        ),
        noun=("the keys of the {k} entries of {x} with the largest {x.value}",),
        step=("take the keys of the {k} entries with the largest {x.value}",),
        note="The largest comes first; where equal, the alphabetically first. If there are fewer, take them all.",
        names=("leaders", "best"),
        becomes=Noun("{x.key}", "{x.key} names"),
        ensures=(
            ("The result has at most {k} elements.", "len(result) <= k"),
            ("Nothing stands twice in the result.", "len(set(result)) == len(result)"),
        ),
    ),
    Operation(
        name="keys_by_value",
        family="maps",
        takes=("counts",),
        gives="bins",
        forms=(
            Form(
                block="{out}: dict[str, list[str]] = {{}}\nfor {key} in sorted({x}):\n"
                "    {out}.setdefault(str({x}[{key}]), []).append({key})"
            ),
            Form(
                block="{out}: dict[str, list[str]] = {{str({x}[{key}]): [] for {key} in sorted({x})}}\n"
                "for {key}, {value} in sorted({x}.items()):\n    {out}[str({value})] += [{key}]"
            ),
        ),
        noun=("a dictionary from each {x.value} in {x}, as text, to the keys that have it, in alphabetical order",),
        step=(
            "turn the dictionary round: from each {x.value}, as text, to the keys that have it, in alphabetical order",
        ),
        note="Entries stand in the order of their first key.",
        names=("by_value", "inverted"),
        becomes=Noun("{x.value}", "groups", "{x.value}", "{x.key}"),
        ensures=(
            (
                "Every list in the result is sorted and not empty.",
                "all(one and one == sorted(one) for one in result.values())",
            ),
        ),
    ),
    Operation(
        name="add_maps",
        family="maps",
        takes=("counts", "counts"),
        gives="counts",
        forms=(
            Form(
                block="{out} = dict({x})\nfor {_name}, {_amount} in {y}.items():\n"
                "    {out}[{_name}] = {out}.get({_name}, 0) + {_amount}"
            ),
            Form(expression="{{{_name}: {x}.get({_name}, 0) + {y}.get({_name}, 0) for {_name} in [*{x}, *{y}]}}"),
        ),
        noun=("a dictionary of the sums of the numbers that {x} and {y} have under the same key",),
        step=("add {y} to {x}, key by key",),
        note="What one of them lacks counts as 0; the keys of the first come first.",
        names=("combined", "merged"),
        ensures=(("The result has numbers only.", "all(isinstance(one, int) for one in result.values())"),),
    ),
    Operation(
        name="shared_keys",
        family="maps",
        takes=("counts", "counts"),
        gives="words",
        forms=(
            Form(expression="sorted(set({x}) & set({y}))"),
            Form(
                block="{out} = []\nfor {key} in {x}:\n    if {key} in {y}:\n        {out}.append({key})\n{out}.sort()"
            ),
        ),
        noun=("the keys that {x} and {y} share, in alphabetical order",),
        step=("list the keys that {x} and {y} share, in alphabetical order",),
        names=("shared", "common"),
        becomes=Noun("{x.key}", "{x.key} names"),
        commutes=True,
        ensures=(("The result is sorted and has nothing twice.", "result == sorted(set(result))"),),
    ),
    Operation(
        name="missing_entries",
        family="maps",
        takes=("counts", "counts"),
        gives="counts",
        forms=(
            Form(expression="{{{key}: {value} for {key}, {value} in {x}.items() if {key} not in {y}}}"),
            Form(block="{out} = dict({x})\nfor {_name} in {y}:\n    {out}.pop({_name}, None)"),
        ),
        noun=("the entries of {x} whose key {y} lacks",),
        step=("remove from {x} the entries whose key stands in {y}",),
        names=("missing", "left_over"),
        weight=0.7,
    ),
    Operation(
        name="biggest_change",
        family="maps",
        takes=("counts", "counts"),
        gives="count",
        forms=(
            Form(
                expression="max((abs({x}.get({_name}, 0) - {y}.get({_name}, 0)) "
                "for {_name} in [*{x}, *{y}]), default=0)"
            ),
            Form(
                block="{out} = 0\nfor {_name} in set({x}) | set({y}):\n"
                "    {_gap} = {x}.get({_name}, 0) - {y}.get({_name}, 0)\n    {out} = max({out}, {_gap}, -{_gap})"
            ),
        ),
        noun=("the largest difference between the numbers that {x} and {y} have under one key",),
        step=("find the largest difference between the numbers under one key",),
        note="What one of them lacks counts as 0.",
        names=("largest_gap", "change"),
        becomes=Noun("difference", "differences"),
        commutes=True,
        ensures=(("The result is not negative.", "result >= 0"),),
        weight=0.7,
    ),
    Operation(
        name="entry_values",
        family="maps",
        takes=("counts",),
        gives="numbers",
        forms=(
            *expressions("list({x}.values())", "[{x}[{key}] for {key} in {x}]"),
            Form(block="{out} = []\nfor {value} in {x}.values():\n    {out}.append({value})"),
        ),
        noun=("the numbers in {x}, in its order",),
        step=("take the numbers out of the dictionary, in its order",),
        names=("numbers", "figures"),
        becomes=Noun("{x.value}", "numbers"),
        weight=0.9,
    ),
    Operation(
        name="rank_of_keys",
        family="maps",
        takes=("counts",),
        gives="counts",
        forms=(
            Form(
                expression="{{{key}: 1 + sum({_rival} > {value} for {_rival} in {x}.values()) "
                "for {key}, {value} in {x}.items()}}"
            ),
            Form(
                block="{_ordered} = sorted({x}.values(), reverse=True)\n"
                "{out} = {{{key}: {_ordered}.index({value}) + 1 for {key}, {value} in {x}.items()}}"
            ),
        ),
        noun=("a dictionary from each key of {x} to its rank, 1 for the largest {x.value}",),
        step=("replace each {x.value} with its rank, 1 for the largest",),
        note="Equal ones share the better rank.",
        names=("ranks", "places"),
        becomes=Noun("{x.key}", "ranks", "{x.key}", "rank"),
        ensures=(
            (
                "Every rank is from 1 to the number of entries.",
                "all(1 <= one <= len(result) for one in result.values())",
            ),
        ),
    ),
    Operation(
        name="reduce_groups",
        family="maps",
        takes=("groups",),
        gives="counts",
        parts={"reduce": ("reduce", "number")},
        forms=(
            Form(expression="{{{key}: {reduce(value)} for {key}, {value} in {x}.items()}}"),
            Form(
                block="{out}: dict[str, int] = {{}}\nfor {key} in {x}:\n    {value} = {x}[{key}]\n"
                "    {out}[{key}] = {reduce(value)}"
            ),
        ),
        noun=("a dictionary from each key of {x} to the {reduce} of its numbers",),
        step=("replace each list with the {reduce} of its numbers",),
        names=("summary", "per_group"),
        becomes=Noun("{x.key}", "entries", "{x.key}", "result"),
        weight=2,
    ),
    Operation(
        name="keep_in_groups",
        family="maps",
        takes=("groups",),
        gives="groups",
        parts={"test": ("test", "number")},
        forms=(
            Form(
                expression="{{{key}: [{_number} for {_number} in {value} if {test(_number)}] "
                "for {key}, {value} in {x}.items()}}"
            ),
            Form(
                block="{out}: dict[str, list[int]] = {{}}\nfor {key}, {value} in {x}.items():\n    {out}[{key}] = []\n"
                "    for {_number} in {value}:\n        if {test(_number)}:\n            {out}[{key}].append({_number})"
            ),
        ),
        noun=("{x} with only the numbers {test} left in each list",),
        step=("keep in each list only the numbers {test}",),
        names=("kept", "thinned"),
        once=True,
    ),
    Operation(
        name="drop_small_groups",
        family="maps",
        takes=("groups",),
        gives="groups",
        literals={"k": (1, 2, 3)},
        forms=(
            Form(expression="{{{key}: {value} for {key}, {value} in {x}.items() if len({value}) >= {k}}}"),
            Form(
                block="{out} = dict({x})\nfor {key} in list({out}):\n    if len({out}[{key}]) < {k}:\n"
                "        del {out}[{key}]"
            ),
        ),
        noun=("the entries of {x} whose list has at least {k} numbers",),
        step=("drop the entries whose list has fewer than {k} numbers",),
        names=("large_groups", "kept"),
        once=True,
        ensures=(
            ("Every list in the result has at least {k} numbers.", "all(len(one) >= k for one in result.values())"),
        ),
        weight=0.7,
    ),
    Operation(
        name="all_in_groups",
        family="maps",
        takes=("groups",),
        gives="numbers",
        forms=(
            Form(expression="[{_number} for {value} in {x}.values() for {_number} in {value}]"),
            Form(block="{out}: list[int] = []\nfor {value} in {x}.values():\n    {out}.extend({value})"),
            Form(
                expression="list(chain.from_iterable({x}.values()))",
                imports=("from itertools import chain",),
                style="library",
            ),
        ),
        noun=("all numbers in the lists of {x}, one list behind the other",),
        step=("put the lists behind one another in one list",),
        names=("everything", "flat"),
        becomes=Noun("{x.value}", "numbers"),
        weight=0.8,
    ),
    Operation(
        name="common_to_groups",
        family="maps",
        takes=("groups",),
        gives="numbers",
        forms=(
            Form(expression="sorted(set.intersection(*map(set, {x}.values()))) if {x} else []"),
            Form(
                block="{_seen}: dict[int, int] = {{}}\n"
                "for {value} in {x}.values():\n    for {_number} in set({value}):\n"
                "        {_seen}[{_number}] = {_seen}.get({_number}, 0) + 1\n"
                "{out} = sorted({_number} for {_number} in {_seen} if {_seen}[{_number}] == len({x}))"
            ),
        ),
        noun=("the numbers that stand in every list of {x}, each once, in ascending order",),
        step=("find the numbers that stand in every list, each once, in ascending order",),
        note="Without any list there are none.",
        names=("common", "everywhere"),
        becomes=Noun("{x.value}", "numbers"),
        ensures=(("The result is sorted and has nothing twice.", "result == sorted(set(result))"),),
        weight=0.6,
    ),
    Operation(
        name="sizes_of_bins",
        family="maps",
        takes=("bins",),
        gives="counts",
        forms=(
            Form(expression="{{{key}: len({value}) for {key}, {value} in {x}.items()}}"),
            Form(
                block="{out}: dict[str, int] = {{}}\nfor {key} in {x}:\n    {out}[{key}] = 0\n"
                "    for _ in {x}[{key}]:\n        {out}[{key}] += 1"
            ),
        ),
        noun=("a dictionary from each key of {x} to the length of its list",),
        step=("replace each list with its length",),
        names=("sizes", "lengths"),
        becomes=Noun("{x.key}", "sizes", "{x.key}", "size"),
        ensures=(("No number in the result is negative.", "all(one >= 0 for one in result.values())"),),
    ),
    Operation(
        name="whose_list",
        family="maps",
        takes=("bins",),
        gives="bins",
        forms=(
            Form(
                block="{out}: dict[str, list[str]] = {{}}\nfor {key}, {value} in {x}.items():\n"
                "    for {_word} in {value}:\n        if {key} not in {out}.setdefault({_word}, []):\n"
                "            {out}[{_word}].append({key})"
            ),
            Form(
                block="{_words} = [{_word} for {value} in {x}.values() for {_word} in {value}]\n"
                "{out} = {{{_word}: [{key} for {key} in {x} if {_word} in {x}[{key}]] for {_word} in {_words}}}"
            ),
        ),
        noun=("a dictionary from each word in the lists of {x} to the keys under which it stands",),
        step=("turn the dictionary round: from each word in the lists to the keys under which it stands",),
        note="Words come in the order in which they are first met, keys in that of the dictionary.",
        names=("index", "turned"),
        becomes=Noun("{x.value}", "entries", "{x.value}", "{x.key}"),
        weight=0.8,
    ),
    Operation(
        name="words_of_bins",
        family="maps",
        takes=("bins",),
        gives="words",
        forms=(
            Form(expression="sorted({{{_word} for {value} in {x}.values() for {_word} in {value}}})"),
            Form(
                block="{out}: list[str] = []\nfor {value} in {x}.values():\n    for {_word} in {value}:\n"
                "        if {_word} not in {out}:\n            {out}.append({_word})\n{out}.sort()"
            ),
        ),
        noun=("the words in the lists of {x}, each once, in alphabetical order",),
        step=("list the words that stand in any of the lists, each once, in alphabetical order",),
        names=("words", "found"),
        becomes=Noun("{x.value}", "words"),
        ensures=(("The result is sorted and has nothing twice.", "result == sorted(set(result))"),),
    ),
    Operation(
        name="fullest_bin",
        family="maps",
        takes=("bins",),
        gives="words",
        forms=(
            Form(expression="max({x}.values(), key=len, default=[])"),
            Form(
                block="{out}: list[str] = []\nfor {value} in {x}.values():\n    if len({value}) > len({out}):\n"
                "        {out} = {value}"
            ),
        ),
        noun=("the longest list in {x}",),
        step=("take the longest of the lists",),
        note="If several are equally long, take the first; without any, take the empty list.",
        names=("longest", "fullest"),
        becomes=Noun("{x.value}", "words"),
        weight=0.8,
    ),
    Operation(
        name="overlapping_bins",
        family="maps",
        takes=("bins",),
        gives="count",
        forms=(
            Form(
                block="{_lists} = list({x}.values())\n{out} = 0\nfor {_at} in range(len({_lists})):\n"
                "    for {_after} in range({_at} + 1, len({_lists})):\n"
                "        if set({_lists}[{_at}]) & set({_lists}[{_after}]):\n            {out} += 1"
            ),
            Form(
                expression="sum(any({_word} in {_right} for {_word} in {_left}) "
                "for {_left}, {_right} in combinations({x}.values(), 2))",
                imports=("from itertools import combinations",),
                style="library",
            ),
        ),
        noun=("the number of pairs of lists in {x} that share a word",),
        step=("count the pairs of lists that share a word",),
        names=("overlaps", "sharing"),
        becomes=Noun("number", "numbers"),
        ensures=(("The result is not negative.", "result >= 0"),),
        weight=0.7,
    ),
)
