"""Texts of brackets: balance, depth, pairs that match, the longest stretch that does.

Each is done once with a stack or a table and once by taking matching pairs away or by counting; brackets that do not
match are told apart from those that do, never refused.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation

_ANSWER = Noun("answer", "answers")
_COUNT = Noun("count", "counts")
_NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
_MATCHING = "Brackets match if they are of the same sort and everything between them is matched."

OPERATIONS = (
    Operation(
        name="balanced",
        family="parsing",
        takes=("brackets",),
        gives="flag",
        forms=(
            Form(
                expression="closes_all({x})",
                helper='''
def closes_all(text: str) -> bool:
    """Keep a stack of what is still to be closed."""
    awaited = []
    for mark in text:
        if mark in "([{{":
            awaited.append(")]}}"["([{{".index(mark)])
        elif not awaited or awaited.pop() != mark:
            return False
    return not awaited
''',
            ),
            Form(
                block="{_rest}, {_before} = {x}, ''\nwhile {_rest} != {_before}:\n    {_before} = {_rest}\n"
                "    {_rest} = {_rest}.replace('()', '').replace('[]', '').replace('{{}}', '')\n{out} = not {_rest}"
            ),
        ),
        noun=("whether {x} is balanced",),
        step=("decide whether {x} is balanced",),
        note="It is balanced if each bracket that is opened is closed by one of the same sort, and whatever is"
        " opened later"
        " is closed earlier; the empty text is balanced.",
        names=("balanced", "well_formed"),
        becomes=_ANSWER,
    ),
    Operation(
        name="bracket_depth",
        family="parsing",
        takes=("brackets",),
        gives="count",
        forms=(
            Form(
                block="{_depth} = {out} = 0\nfor {_mark} in {x}:\n    if {_mark} in '([{{':\n        {_depth} += 1\n"
                "        {out} = max({out}, {_depth})\n    elif {_depth} > 0:\n        {_depth} -= 1"
            ),
            Form(
                block="{_steps} = [1 if {_mark} in '([{{' else -1 for {_mark} in {x}]\n"
                "{out} = max(\n    accumulate({_steps}, lambda {_depth}, {_change}: max(0, {_depth} + {_change}),"
                " initial=0)\n)",
                imports=("from itertools import accumulate",),
                style="library",
            ),
        ),
        noun=("the greatest depth of {x}",),
        step=("find the greatest depth of {x}",),
        note="The depth is the number of brackets open at a place, of whatever sort: an opening bracket adds 1, a"
        " closing one"
        " takes 1 away unless the depth is 0 already.",
        names=("depth", "deepest"),
        becomes=_COUNT,
        ensures=(_NOT_NEGATIVE,),
    ),
    Operation(
        name="matching_brackets",
        family="parsing",
        takes=("brackets",),
        gives="spans",
        forms=(
            Form(
                block="{_open}: list[tuple[str, int]] = []\n{out} = []\nfor {_at}, {_mark} in enumerate({x}):\n"
                "    if {_mark} in '([{{':\n        {_open}.append(({_mark}, {_at}))\n"
                "    elif {_open} and {_open}[-1][0] + {_mark} in ('()', '[]', '{{}}'):\n"
                "        {out}.append(({_open}.pop()[1], {_at}))\n    else:\n        {_open}.clear()\n{out}.sort()"
            ),
            Form(
                expression="pair_up({x})",
                helper='''
def pair_up(text: str) -> list[tuple[int, int]]:
    """Look for every two brackets of a sort with only matching pairs between them."""
    pairs = []
    for start, mark in enumerate(text):
        for end in range(start + 1, len(text), 2):
            rest, before = text[start + 1 : end], ""
            while rest != before:
                before = rest
                rest = rest.replace("()", "").replace("[]", "").replace("{{}}", "")
            if not rest and mark + text[end] in ("()", "[]", "{{}}"):
                pairs.append((start, end))
    return pairs
''',
            ),
        ),
        noun=("the pairs of matching brackets in {x}, each as its two positions counted from 0",),
        step=("list the pairs of matching brackets in {x}, each as its two positions counted from 0",),
        note=f"{_MATCHING} The pairs are in the order of their opening brackets.",
        names=("matches", "bracket_pairs"),
        becomes=Noun("pair", "pairs"),
        ensures=(("Each opening bracket comes before the closing one.", "all(start < end for start, end in result)"),),
    ),
    Operation(
        name="longest_balanced",
        family="dynamic programming",
        takes=("brackets",),
        gives="count",
        forms=(
            Form(
                expression="longest_matched({x})",
                helper='''
def longest_matched(text: str) -> int:
    """Find for each place the longest stretch that ends there, from those before it."""
    lengths = [0] * len(text)
    for at in range(1, len(text)):
        opened = at - lengths[at - 1] - 1
        if opened >= 0 and text[opened] + text[at] in ("()", "[]", "{{}}"):
            lengths[at] = at - opened + 1
            if opened > 0:
                lengths[at] += lengths[opened - 1]
    return max(lengths, default=0)
''',
            ),
            Form(
                block="{_stack} = [('', -1)]\n{out} = 0\nfor {_at}, {_mark} in enumerate({x}):\n"
                "    if {_stack}[-1][0] + {_mark} in ('()', '[]', '{{}}'):\n        {_stack}.pop()\n"
                "        {out} = max({out}, {_at} - {_stack}[-1][1])\n    else:\n"
                "        {_stack}.append(({_mark}, {_at}))"
            ),
        ),
        noun=("the length of the longest stretch of {x} that is balanced",),
        step=("find the length of the longest stretch of {x} that is balanced",),
        note="A stretch is a part without gaps; it is balanced if each bracket that is opened in it is closed in it"
        " by one of"
        " the same sort, whatever is opened later is closed earlier, and nothing is closed that was not opened in it.",
        names=("longest", "balanced_length"),
        becomes=Noun("length", "lengths"),
        ensures=(("The result is even.", "result % 2 == 0"),),
    ),
)
