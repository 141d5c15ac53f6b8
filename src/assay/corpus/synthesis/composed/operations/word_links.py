"""Lists of words: two of them compared, and what the words of one make together: texts, lines, chains, graphs.

In the graphs each different word is a node and no word has an edge to itself.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

_TEXT = Noun("text", "texts")
_ANSWER = Noun("answer", "answers")
_COUNT = Noun("count", "counts")
_NO_TWICE = ("No word comes twice in the result.", "len(set(result)) == len(result)")
_NOT_NEGATIVE = ("The result is not negative.", "result >= 0")

_TWO_LISTS = (
    Operation(
        name="common_words",
        family="strings",
        takes=("words", "words"),
        gives="words",
        forms=(
            Form(block="{_known} = set({y})\n{out} = [{one} for {one} in dict.fromkeys({x}) if {one} in {_known}]"),
            Form(
                block="{out} = []\nfor {one} in {x}:\n    if {one} in {y} and {one} not in {out}:\n"
                "        {out}.append({one})"
            ),
        ),
        noun=("{x} that also occur among {y}, each given once, in the order in which they first occur",),
        step=("of {x}, list those that occur among {y} too, each once, in the order in which they first occur",),
        names=("shared", "in_both"),
        ensures=(_NO_TWICE,),
    ),
    Operation(
        name="missing_words",
        family="strings",
        takes=("words", "words"),
        gives="words",
        forms=(
            *expressions("[{one} for {one} in {x} if {one} not in {y}]"),
            Form(
                block="{_known} = set({y})\n{out} = []\nfor {one} in {x}:\n    if {one} not in {_known}:\n"
                "        {out}.append({one})"
            ),
        ),
        noun=("{x} that do not occur among {y}",),
        step=("from {x}, remove all that occur among {y}",),
        names=("missing", "left_over"),
    ),
    Operation(
        name="interleaved_words",
        family="strings",
        takes=("words", "words"),
        gives="words",
        forms=(
            Form(
                block="{out} = []\nfor {_at} in range(max(len({x}), len({y}))):\n"
                "    {out} += {x}[{_at} : {_at} + 1] + {y}[{_at} : {_at} + 1]"
            ),
            Form(
                block="{_both} = min(len({x}), len({y}))\n"
                "{out} = [{one} for {_pair} in zip({x}, {y}) for {one} in {_pair}] + {x}[{_both}:] + {y}[{_both}:]"
            ),
        ),
        noun=("{x} and {y} taken in turns",),
        step=("take one from {x}, one from {y} and so on in turns",),
        note="When one list is used up, the rest of the other follows.",
        names=("interleaved", "alternating"),
    ),
    Operation(
        name="anagram_pairs",
        family="strings",
        takes=("words", "words"),
        gives="count",
        forms=(
            Form(expression="sum(sorted({one}) == sorted({_candidate}) for {one} in {x} for {_candidate} in {y})"),
            Form(
                block="{_spelled} = Counter(''.join(sorted({_candidate})) for {_candidate} in {y})\n"
                "{out} = sum({_spelled}[''.join(sorted({one}))] for {one} in {x})",
                imports=("from collections import Counter",),
                style="library",
            ),
        ),
        noun=("the number of ways to take one from {x} and one from {y} so that the two are anagrams",),
        step=("count the ways to take one from {x} and one from {y} so that the two are anagrams",),
        note="Two texts are anagrams if they have the same characters, each as often; a text is an anagram of itself.",
        names=("anagram_pairs", "matches"),
        becomes=_COUNT,
        commutes=True,
        ensures=(_NOT_NEGATIVE,),
    ),
    Operation(
        name="same_words",
        family="strings",
        takes=("words", "words"),
        gives="flag",
        forms=(
            *expressions("sorted({x}) == sorted({y})"),
            Form(
                expression="Counter({x}) == Counter({y})", imports=("from collections import Counter",), style="library"
            ),
            Form(
                block="{_left} = list({y})\nfor {one} in {x}:\n    if {one} in {_left}:\n"
                "        {_left}.remove({one})\n"
                "{out} = not {_left} and len({x}) == len({y})"
            ),
        ),
        noun=("whether {x} and {y} are the same, each as often, in whatever order",),
        step=("decide whether {x} and {y} are the same, each as often, in whatever order",),
        names=("same", "equal_up_to_order"),
        becomes=_ANSWER,
        commutes=True,
        weight=0.4,
    ),
    Operation(
        name="words_with_numbers",
        family="strings",
        takes=("words", "numbers"),
        gives="pairs",
        forms=(
            *expressions("list(zip({x}, {y}))"),
            Form(
                block="{out} = []\nfor {_at} in range(min(len({x}), len({y}))):\n"
                "    {out}.append(({x}[{_at}], {y}[{_at}]))"
            ),
        ),
        noun=("the pairs of each of {x} and the {y.one} at the same place among {y}",),
        step=("pair each of {x} with the {y.one} at the same place among {y}",),
        note="What is left of the longer list is not used.",
        names=("paired", "labelled"),
        becomes=Noun("pair", "pairs", "{x.one}", "number"),
    ),
)

_TOGETHER = (
    Operation(
        name="join_words",
        family="strings",
        takes=("words",),
        gives="text",
        literals={"k": (" ", "-", ", ", "/")},
        forms=(
            *expressions("{k}.join({x})"),
            Form(
                block="{out} = ''\nfor {_at}, {one} in enumerate({x}):\n    if {_at} > 0:\n        {out} += {k}\n"
                "    {out} += {one}"
            ),
        ),
        noun=("{x} put together into one text with {k} between them",),
        step=("join {x} into one text with {k} between them",),
        names=("joined", "line"),
        becomes=_TEXT,
    ),
    Operation(
        name="acronym",
        family="strings",
        takes=("words",),
        gives="text",
        forms=(
            *expressions("''.join({one}[:1] for {one} in {x}).upper()"),
            Form(block="{out} = ''\nfor {one} in {x}:\n    if {one}:\n        {out} += {one}[0].upper()"),
        ),
        noun=("the acronym of {x}",),
        step=("form the acronym of {x}",),
        note="An acronym consists of the first character of each, in upper case; what is empty adds nothing.",
        names=("acronym", "initials"),
        becomes=_TEXT,
        joins="joins",
        ensures=(("The result is in upper case.", "result == result.upper()"),),
    ),
    Operation(
        name="common_prefix_of_words",
        family="strings",
        takes=("words",),
        gives="text",
        forms=(
            Form(
                block="{out} = {x}[0] if {x} else ''\nfor {one} in {x}:\n    while not {one}.startswith({out}):\n"
                "        {out} = {out}[:-1]"
            ),
            Form(
                block="{out} = ''\nfor {_letters} in zip(*{x}):\n    if len(set({_letters})) > 1:\n        break\n"
                "    {out} += {_letters}[0]"
            ),
        ),
        noun=("the longest text with which each of {x} begins",),
        step=("find the longest text with which each of {x} begins",),
        note="It is empty if there is no {x.one}.",
        names=("shared_beginning", "prefix"),
        becomes=_TEXT,
        order="ignores",
        doubles=False,
        weight=0.5,
    ),
    Operation(
        name="word_chain",
        family="strings",
        takes=("words",),
        gives="count",
        forms=(
            Form(
                block="{out}, {_length}, {_last} = 0, 0, ''\nfor {one} in {x}:\n"
                "    {_length} = {_length} + 1 if {_last} and {one}[:1] == {_last} else 1\n"
                "    {_last} = {one}[-1:]\n    {out} = max({out}, {_length})"
            ),
            Form(
                expression="longest_chain({x})",
                helper='''
def longest_chain(words: list[str]) -> int:
    """Try every start and go on from it as long as the words fit."""
    longest = 0
    for start in range(len(words)):
        end = start + 1
        while end < len(words) and words[end] and words[end - 1].endswith(words[end][0]):
            end += 1
        longest = max(longest, end - start)
    return longest
''',
            ),
        ),
        noun=("the length of the longest chain among {x}",),
        step=("find the length of the longest chain among {x}",),
        note="A chain is a stretch of neighbours in which each but the first begins with the last character of the one"
        " before it; a single {x.one} is a chain of length 1, and of nothing the length is 0.",
        names=("length_of_chain", "longest"),
        becomes=Noun("length", "lengths"),
        ensures=(_NOT_NEGATIVE,),
    ),
    Operation(
        name="wrapped_words",
        family="strings",
        takes=("words",),
        gives="words",
        literals={"k": (8, 10, 12, 16, 20)},
        forms=(
            Form(
                block="{out}: list[str] = []\nfor {one} in {x}:\n"
                "    if {out} and len({out}[-1]) + 1 + len({one}) <= {k}:\n        {out}[-1] += ' ' + {one}\n"
                "    else:\n        {out}.append({one})"
            ),
            Form(
                expression="fill_lines({x}, {k})",
                helper='''
def fill_lines(words: list[str], width: int) -> list[str]:
    """Cut off as many words as fit into a line, but at least one, until none are left."""
    lines = []
    start = 0
    while start < len(words):
        end = start + 1
        while end < len(words) and len(" ".join(words[start : end + 1])) <= width:
            end += 1
        lines.append(" ".join(words[start:end]))
        start = end
    return lines
''',
            ),
        ),
        noun=("the lines that {x} fill at a width of {k}",),
        step=("write {x} into lines of at most {k} characters",),
        note="A line holds as many {x.many} as fit, with one space between them; what is longer than {k} has a line of"
        " its own.",
        names=("lines", "wrapped"),
        becomes=Noun("line", "lines"),
    ),
    Operation(
        name="numbered_lines",
        family="parsing",
        takes=("words",),
        gives="words",
        literals={"k": (". ", ") ", ": ")},
        forms=(
            *expressions("[str({_at}) + {k} + {one} for {_at}, {one} in enumerate({x}, 1)]"),
            Form(block="{out}: list[str] = []\nfor {one} in {x}:\n    {out}.append(str(len({out}) + 1) + {k} + {one})"),
        ),
        noun=("{x}, each behind its number, counted from 1, and {k}",),
        step=("write in front of each {x.one} its number, counted from 1, and {k}",),
        names=("numbered", "listing"),
        becomes=Noun("line", "lines"),
        weight=0.6,
    ),
    Operation(
        name="word_chain_graph",
        family="graphs",
        takes=("words",),
        gives="graph",
        forms=(
            Form(
                block="{_nodes} = list(dict.fromkeys({x}))\n{out} = {{}}\nfor {one} in {_nodes}:\n"
                "    {out}[{one}] = [\n        {_candidate} for {_candidate} in {_nodes}\n"
                "        if {_candidate} != {one} and {one} and {_candidate}[:1] == {one}[-1]\n    ]"
            ),
            Form(
                block="{out}: dict[str, list[str]] = {{}}\nfor {one} in {x}:\n    {out}[{one}] = []\n"
                "for {one} in {out}:\n    for {_candidate} in {out}:\n"
                "        if {one} != {_candidate} and {_candidate} and {one}.endswith({_candidate}[0]):\n"
                "            {out}[{one}].append({_candidate})"
            ),
        ),
        noun=("the graph of what may follow what among {x}",),
        step=("build the graph of what may follow what among {x}",),
        note="Each different {x.one} is a node, in the order in which they first occur; from it an edge leads to every"
        " other node that begins with its last character, in the same order.",
        names=("followers", "links"),
        becomes=Noun("{x.one}", "{x.many}"),
        weight=0.8,
    ),
    Operation(
        name="word_ladder_graph",
        family="graphs",
        takes=("words",),
        gives="graph",
        forms=(
            Form(
                block="{_nodes} = list(dict.fromkeys({x}))\n{out} = {{\n"
                "    {one}: [{_candidate} for {_candidate} in {_nodes} if differ_in_one({one}, {_candidate})]\n"
                "    for {one} in {_nodes}\n}}",
                helper='''
def differ_in_one(first: str, second: str) -> bool:
    """Whether two words of one length differ at exactly one place."""
    return len(first) == len(second) and sum(a != b for a, b in zip(first, second)) == 1
''',
            ),
            Form(
                block="{out}: dict[str, list[str]] = {{}}\nfor {one} in dict.fromkeys({x}):\n    {out}[{one}] = []\n"
                "    for {_candidate} in list({out})[:-1]:\n        if is_one_step({one}, {_candidate}):\n"
                "            {out}[{one}].append({_candidate})\n            {out}[{_candidate}].append({one})",
                helper='''
def is_one_step(word: str, other: str) -> bool:
    """Whether replacing one character of a word by another gives the other word."""
    at = 0
    while at < min(len(word), len(other)) and word[at] == other[at]:
        at += 1
    return at < min(len(word), len(other)) and word[at + 1 :] == other[at + 1 :]
''',
            ),
        ),
        noun=("the graph of single steps between {x}",),
        step=("build the graph of single steps between {x}",),
        note="Each different {x.one} is a node, in the order in which they first occur; it has an edge to every"
        " other node"
        " of the same length that differs from it at exactly one place, in the same order.",
        names=("steps", "ladder"),
        becomes=Noun("{x.one}", "{x.many}"),
        weight=0.6,
    ),
)
OPERATIONS = (*_TWO_LISTS, *_TOGETHER)
