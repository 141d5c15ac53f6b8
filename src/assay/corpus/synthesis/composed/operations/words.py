"""Lists of words: choosing some, choosing one, and putting them in order.

Where several words are as good as each other the words say which is taken, the first or the alphabetically first, so
that there is one right answer. Words are compared as Python compares them.
"""

from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

_ABC = "Words are compared as Python compares them, capital letters before small ones."
_NO_TWICE = ("No word comes twice in the result.", "len(set(result)) == len(result)")

_CHOOSING = (
    Operation(
        name="keep_words",
        family="strings",
        takes=("words",),
        gives="words",
        parts={"test": ("test", "word")},
        forms=(
            Form(expression="[{one} for {one} in {x} if {test(one)}]"),
            Form(block="{out} = []\nfor {one} in {x}:\n    if {test(one)}:\n        {out}.append({one})"),
        ),
        noun=("{x} {test}",),
        step=("keep only the {x.many} {test}", "throw away every {x.one} unless it {test.is}"),
        names=("kept", "chosen_{x.many}", "remaining"),
        order="keeps",
        joins="joins",
        once=True,
    ),
    Operation(
        name="words_before_the_first",
        family="strings",
        takes=("words",),
        gives="words",
        parts={"test": ("test", "word")},
        forms=(
            Form(block="{out} = []\nfor {one} in {x}:\n    if {test(one)}:\n        break\n    {out}.append({one})"),
            Form(
                expression="list(takewhile(lambda {one}: not ({test(one)}), {x}))",
                imports=("from itertools import takewhile",),
                style="library",
            ),
        ),
        noun=("{x} up to, but without, the first one that {test.is}",),
        step=("take {x} up to, but without, the first one that {test.is}",),
        note="If there is no such {x.one}, take all of them.",
        names=("leading", "opening_{x.many}"),
        once=True,
        weight=0.7,
    ),
    Operation(
        name="different_words",
        family="strings",
        takes=("words",),
        gives="words",
        forms=(
            *expressions("list(dict.fromkeys({x}))"),
            Form(block="{out} = []\nfor {one} in {x}:\n    if {one} not in {out}:\n        {out}.append({one})"),
        ),
        noun=("the different ones among {x}, in the order in which they first occur",),
        step=("drop every {x.one} that has come before", "keep each {x.one} only where it comes for the first time"),
        names=("distinct", "different_{x.many}"),
        doubles=False,
        once=True,
        ensures=(_NO_TWICE,),
    ),
    Operation(
        name="different_by_change",
        family="strings",
        takes=("words",),
        gives="words",
        parts={"change": ("change", "word")},
        forms=(
            Form(
                block="{_seen} = set()\n{out} = []\nfor {one} in {x}:\n    {_form} = {change(one)}\n"
                "    if {_form} not in {_seen}:\n        {_seen}.add({_form})\n        {out}.append({one})"
            ),
            Form(
                block="{_first}: dict[str, str] = {{}}\nfor {one} in {x}:\n    {_form} = {change(one)}\n"
                "    {_first}.setdefault({_form}, {one})\n{out} = list({_first}.values())"
            ),
        ),
        noun=("{x}, leaving out each {x.one} where {change} is the same as that of an earlier one",),
        step=("leave out each {x.one} where {change} is the same as that of an earlier one",),
        names=("distinct", "representatives"),
        doubles=False,
        once=True,
        ensures=(_NO_TWICE,),
        weight=0.7,
    ),
    Operation(
        name="repeated_words",
        family="strings",
        takes=("words",),
        gives="words",
        forms=(
            *expressions("[{one} for {one} in dict.fromkeys({x}) if {x}.count({one}) > 1]"),
            Form(
                block="{_times} = Counter({x})\n{out} = [{one} for {one} in {_times} if {_times}[{one}] > 1]",
                imports=("from collections import Counter",),
                style="library",
            ),
        ),
        noun=(
            "the {x.many} that occur more than once among {x}, each given once, in the order in which they first occur",
        ),
        step=("find the {x.many} that occur more than once; list each once, in the order in which they first occur",),
        names=("repeated", "repeated_{x.many}"),
        ensures=(_NO_TWICE,),
    ),
    Operation(
        name="without_stutter",
        family="strings",
        takes=("words",),
        gives="words",
        forms=(
            Form(
                block="{out}: list[str] = []\nfor {one} in {x}:\n    if not {out} or {out}[-1] != {one}:\n"
                "        {out}.append({one})"
            ),
            Form(
                expression="[{one} for {one}, _ in groupby({x})]",
                imports=("from itertools import groupby",),
                style="library",
            ),
        ),
        noun=("{x} without any {x.one} that equals the one directly before it",),
        step=("where the same {x.one} comes several times in a row, keep it once",),
        names=("shortened", "without_stutter"),
        once=True,
        ensures=(
            ("No word in the result equals the one before it.", "all(a != b for a, b in zip(result, result[1:]))"),
        ),
    ),
    Operation(
        name="first_most",
        family="strings",
        takes=("words",),
        gives="text",
        parts={"measure": ("measure", "word")},
        literals={"d": ("", "none")},
        forms=(
            *expressions("max({x}, key=lambda {one}: {measure(one)}, default={d})"),
            Form(
                block="{out}, {_most} = {d}, -1\nfor {one} in {x}:\n    {_size} = {measure(one)}\n"
                "    if {_size} > {_most}:\n        {out}, {_most} = {one}, {_size}"
            ),
        ),
        noun=("the {x.one} with the largest {measure} among {x}",),
        step=("find the {x.one} with the largest {measure} among {x}",),
        note="If several share the largest {measure}, take the first of them; if there is no {x.one} at all, take {d}.",
        names=("top_{x.one}", "winner"),
    ),
    Operation(
        name="alphabetically_first_least",
        family="strings",
        takes=("words",),
        gives="text",
        parts={"measure": ("measure", "word")},
        literals={"d": ("", "none")},
        forms=(
            Form(
                block="{_keyed} = [({measure(one)}, {one}) for {one} in {x}]\n"
                "{out} = min({_keyed})[1] if {_keyed} else {d}"
            ),
            Form(
                block="{out}, {_least} = {d}, -1\nfor {one} in sorted({x}):\n    {_size} = {measure(one)}\n"
                "    if {_least} < 0 or {_size} < {_least}:\n        {out}, {_least} = {one}, {_size}"
            ),
        ),
        noun=("the {x.one} with the smallest {measure} among {x}",),
        step=("find the {x.one} with the smallest {measure} among {x}",),
        note="If several share the smallest {measure}, take the alphabetically first of them; if there is no {x.one} at"
        f" all, take {{d}}. {_ABC}",
        names=("least_{x.one}", "smallest"),
        order="ignores",
        doubles=False,
    ),
    Operation(
        name="most_frequent_word",
        family="strings",
        takes=("words",),
        gives="text",
        literals={"d": ("", "none")},
        forms=(
            *expressions("max({x}, key={x}.count, default={d})"),
            Form(
                block="{_ranked} = Counter({x}).most_common(1)\n{out} = {_ranked}[0][0] if {_ranked} else {d}",
                imports=("from collections import Counter",),
                style="library",
            ),
        ),
        noun=("the {x.one} that occurs most often among {x}",),
        step=("find the {x.one} that occurs most often among {x}",),
        note="If several occur equally often, take the one that comes first; if there are none, take {d}.",
        names=("favourite", "commonest"),
    ),
)

_ORDERING = (
    Operation(
        name="sorted_words",
        family="strings",
        takes=("words",),
        gives="words",
        forms=(
            *expressions("sorted({x})"),
            Form(
                expression="merge_sort({x})",
                helper='''
def merge_sort(words: list[str]) -> list[str]:
    """Sort each half, then take the smaller of the two first words until both are used up."""
    if len(words) < 2:
        return list(words)
    left = merge_sort(words[: len(words) // 2])
    right = merge_sort(words[len(words) // 2 :])
    merged = []
    while left and right:
        merged.append(right.pop(0) if right[0] < left[0] else left.pop(0))
    return merged + left + right
''',
                style="recursive",
            ),
        ),
        noun=("{x} in alphabetical order",),
        step=("sort {x} alphabetically", "put {x} in alphabetical order"),
        note=_ABC,
        names=("ordered", "sorted_{x.many}"),
        order="ignores",
        reorders=True,
        once=True,
        ensures=(("The result is in alphabetical order.", "all(a <= b for a, b in zip(result, result[1:]))"),),
    ),
    Operation(
        name="sorted_by_measure",
        family="strings",
        takes=("words",),
        gives="words",
        parts={"measure": ("measure", "word")},
        forms=(
            Form(
                block="{_keyed} = [({measure(one)}, {one}) for {one} in {x}]\n{_keyed}.sort()\n"
                "{out} = [{one} for _, {one} in {_keyed}]"
            ),
            Form(block="{out} = sorted({x})\n{out}.sort(key=lambda {one}: {measure(one)})"),
        ),
        noun=("{x} in ascending order of their {measure}",),
        step=("sort {x} by their {measure}, the smallest first",),
        note=f"Those with the same {{measure}} stand in alphabetical order. {_ABC}",
        names=("ordered", "ranked"),
        order="ignores",
        reorders=True,
        once=True,
    ),
    Operation(
        name="stably_sorted_by_measure",
        family="strings",
        takes=("words",),
        gives="words",
        parts={"measure": ("measure", "word")},
        forms=(
            *expressions("sorted({x}, key=lambda {one}: {measure(one)}, reverse=True)"),
            Form(
                block="{_sizes}: list[int] = []\n{out}: list[str] = []\nfor {one} in {x}:\n"
                "    {_size} = {measure(one)}\n"
                "    {_at} = len([{_larger} for {_larger} in {_sizes} if {_larger} >= {_size}])\n"
                "    {_sizes}.insert({_at}, {_size})\n    {out}.insert({_at}, {one})"
            ),
        ),
        noun=("{x} in descending order of their {measure}",),
        step=("sort {x} by their {measure}, the largest first",),
        note="Those with the same {measure} stay in the order in which they stood.",
        names=("ordered", "ranked"),
        reorders=True,
        once=True,
    ),
    Operation(
        name="words_to_the_front",
        family="strings",
        takes=("words",),
        gives="words",
        parts={"test": ("test", "word")},
        forms=(
            Form(
                block="{_front} = [{one} for {one} in {x} if {test(one)}]\n"
                "{_back} = [{one} for {one} in {x} if not ({test(one)})]\n{out} = {_front} + {_back}"
            ),
            Form(expression="sorted({x}, key=lambda {one}: not ({test(one)}))"),
        ),
        noun=("{x}, with those {test} moved to the front",),
        step=("move the {x.many} {test} to the front",),
        note="Otherwise the order stays as it was.",
        names=("rearranged", "regrouped"),
        reorders=True,
        once=True,
        weight=0.7,
    ),
    Operation(
        name="words_backwards",
        family="strings",
        takes=("words",),
        gives="words",
        forms=(
            *expressions("{x}[::-1]", "list(reversed({x}))"),
            Form(block="{out}: list[str] = []\nfor {one} in {x}:\n    {out}.insert(0, {one})"),
        ),
        noun=("{x} in reverse order",),
        step=("reverse the order of {x}",),
        names=("backwards", "reversed_{x.many}"),
        reorders=True,
        inverse="result[::-1]",
        weight=0.6,
    ),
    Operation(
        name="rotated_words",
        family="strings",
        takes=("words",),
        gives="words",
        literals={"k": (1, 2, 3)},
        forms=(
            Form(block="{_cut} = {k} % len({x}) if {x} else 0\n{out} = {x}[{_cut}:] + {x}[:{_cut}]"),
            Form(
                block="{_queue} = deque({x})\n{_queue}.rotate(-{k})\n{out} = list({_queue})",
                imports=("from collections import deque",),
                style="library",
            ),
            Form(expression="[{x}[({_at} + {k}) % len({x})] for {_at} in range(len({x}))]"),
        ),
        noun=("{x} rotated to the left by {k}",),
        step=("rotate {x} to the left by {k}",),
        note="To rotate to the left by 1 is to move the first {x.one} to the end; if there is none, nothing is to be"
        " done.",
        names=("rotated", "turned"),
        reorders=True,
        inverse="result[len(result) - k % len(result) :] + result[: len(result) - k % len(result)] if result else []",
        weight=0.6,
    ),
)
OPERATIONS = (*_CHOOSING, *_ORDERING)
