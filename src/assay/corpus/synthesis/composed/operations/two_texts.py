"""Two texts compared: distance, what they share, one within the other.

The one form goes through a table or a loop, the other by another algorithm: diagonals for edits, Knuth, Morris and
Pratt's search for occurrences, slices for stretches.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

_TEXT = Noun("text", "texts")
_ANSWER = Noun("answer", "answers")
_COUNT = Noun("count", "counts")
_NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
_ASCENDING = ("The positions are in strictly ascending order.", "all(a < b for a, b in zip(result, result[1:]))")

OPERATIONS = (
    Operation(
        name="edit_distance",
        family="dynamic programming",
        takes=("text", "text"),
        gives="number",
        forms=(
            Form(
                expression="count_edits_by_rows({x}, {y})",
                helper='''
def count_edits_by_rows(first: str, second: str) -> int:
    """Go row by row through the table of edits between beginnings of the two."""
    row = list(range(len(second) + 1))
    for at, letter in enumerate(first, 1):
        above, row = row, [at]
        for over, other in enumerate(second, 1):
            row.append(min(above[over] + 1, row[-1] + 1, above[over - 1] + (letter != other)))
    return row[-1]
''',
            ),
            Form(
                expression="fewest_edits({x}, {y})",
                helper='''
def fewest_edits(first: str, second: str) -> int:
    """Find how far each diagonal of the table can be followed with 0 edits, 1 edit and so on."""
    edits, reached = 0, dict([(0, 0)])
    while True:
        for diagonal, at in reached.items():
            while first[at : at + 1] == second[at + diagonal : at + diagonal + 1] != "":
                at += 1
            reached[diagonal] = at
        if reached.get(len(second) - len(first), -1) >= len(first):
            return edits
        edits += 1
        further: dict[int, int] = dict()
        for diagonal, at in reached.items():
            for side, to in [(diagonal, at + 1), (diagonal - 1, at + 1), (diagonal + 1, at)]:
                if to <= len(first) and to + side <= len(second):
                    further[side] = max(further.get(side, 0), to)
        reached = further
''',
            ),
        ),
        noun=("the edit distance between {x} and {y}",),
        step=("find the edit distance between {x} and {y}",),
        note="The edit distance is the smallest number of single characters that must be inserted, deleted or"
        " replaced to"
        " turn the one text into the other.",
        names=("distance", "edits"),
        becomes=Noun("distance", "distances"),
        commutes=True,
        ensures=(_NOT_NEGATIVE,),
    ),
    Operation(
        name="common_prefix",
        family="strings",
        takes=("text", "text"),
        gives="text",
        forms=(
            Form(
                block="{_at} = 0\nwhile {_at} < min(len({x}), len({y})) and {x}[{_at}] == {y}[{_at}]:\n    {_at} += 1\n"
                "{out} = {x}[:{_at}]"
            ),
            Form(
                block="{out} = ''\nfor {_left}, {_right} in zip({x}, {y}):\n"
                "    if {_left} != {_right}:\n        break\n    {out} += {_left}"
            ),
        ),
        noun=("the longest text with which both {x} and {y} begin",),
        step=("find the longest text with which both {x} and {y} begin",),
        names=("shared_beginning", "prefix"),
        becomes=_TEXT,
        commutes=True,
        weight=0.7,
    ),
    Operation(
        name="common_stretch",
        family="dynamic programming",
        takes=("text", "text"),
        gives="text",
        forms=(
            Form(
                expression="longest_shared({x}, {y})",
                helper='''
def longest_shared(first: str, second: str) -> str:
    """Keep, for each pair of places, how many equal characters end there."""
    best, ends = "", [0] * (len(second) + 1)
    for at, letter in enumerate(first, 1):
        before, ends = ends, [0] * (len(second) + 1)
        for over, other in enumerate(second, 1):
            if letter == other:
                ends[over] = before[over - 1] + 1
                if ends[over] > len(best):
                    best = first[at - ends[over] : at]
    return best
''',
            ),
            Form(
                block="{out} = ''\nfor {_start} in range(len({x})):\n"
                "    while {_start} + len({out}) < len({x}) and {x}[{_start} : {_start} + len({out}) + 1] in {y}:\n"
                "        {out} = {x}[{_start} : {_start} + len({out}) + 1]"
            ),
        ),
        noun=("the longest stretch that {x} and {y} share",),
        step=("find the longest stretch that {x} and {y} share",),
        note="A stretch is a part without gaps; if several are longest, take the one that comes first in {x}.",
        names=("shared", "common_part"),
        becomes=_TEXT,
    ),
    Operation(
        name="is_subsequence",
        family="strings",
        takes=("text", "text"),
        gives="flag",
        forms=(
            Form(block="{_rest} = iter({y})\n{out} = all({_letter} in {_rest} for {_letter} in {x})"),
            Form(
                block="{_found} = 0\nfor {_letter} in {y}:\n"
                "    if {_found} < len({x}) and {x}[{_found}] == {_letter}:\n"
                "        {_found} += 1\n{out} = {_found} == len({x})"
            ),
        ),
        noun=("whether deleting characters from {y} can leave exactly {x}",),
        step=("decide whether deleting some characters from {y}, or none, can leave exactly {x}",),
        names=("contained", "hidden_inside"),
        becomes=_ANSWER,
        weight=0.6,
    ),
    Operation(
        name="are_anagrams",
        family="strings",
        takes=("text", "text"),
        gives="flag",
        forms=(
            *expressions("sorted(filter(str.isalpha, {x}.lower())) == sorted(filter(str.isalpha, {y}.lower()))"),
            Form(
                block="{_balance}: dict[str, int] = {{}}\nfor {_text}, {_weight} in [({x}, 1), ({y}, -1)]:\n"
                "    for {_letter} in {_text}.lower():\n        if {_letter}.isalpha():\n"
                "            {_balance}[{_letter}] = {_balance}.get({_letter}, 0) + {_weight}\n"
                "{out} = not any({_balance}.values())"
            ),
        ),
        noun=("whether {x} and {y} consist of the same letters, each as often, ignoring case and everything else",),
        step=(
            "decide whether {x} and {y} consist of the same letters, each as often, ignoring case and everything else",
        ),
        names=("anagrams", "same_letters"),
        becomes=_ANSWER,
        commutes=True,
        weight=0.6,
    ),
    Operation(
        name="are_rotations",
        family="strings",
        takes=("text", "text"),
        gives="flag",
        forms=(
            *expressions("len({x}) == len({y}) and {y} in {x} + {x}"),
            Form(block="{out} = {x} == {y} or any({x}[{_cut}:] + {x}[:{_cut}] == {y} for {_cut} in range(len({x})))"),
        ),
        noun=("whether {y} is a rotation of {x}",),
        step=("decide whether {y} is a rotation of {x}",),
        note="A rotation of a text is the text itself or what comes of moving some of its first characters, in their"
        " order,"
        " to the end.",
        names=("rotated", "same_circle"),
        becomes=_ANSWER,
        commutes=True,
        weight=0.5,
    ),
    Operation(
        name="mismatches",
        family="strings",
        takes=("text", "text"),
        gives="count",
        forms=(
            Form(
                expression="sum({_left} != {_right} for {_left}, {_right} in zip_longest({x}, {y}))",
                imports=("from itertools import zip_longest",),
                style="library",
            ),
            Form(
                block="{out} = abs(len({x}) - len({y}))\nfor {_at} in range(min(len({x}), len({y}))):\n"
                "    if {x}[{_at}] != {y}[{_at}]:\n        {out} += 1"
            ),
        ),
        noun=("the number of positions at which {x} and {y} differ",),
        step=("count the positions at which {x} and {y} differ",),
        note="A position that only the longer of the two has counts as well.",
        names=("mismatches", "differences"),
        becomes=_COUNT,
        commutes=True,
        ensures=(_NOT_NEGATIVE,),
    ),
    Operation(
        name="occurrences",
        family="strings",
        takes=("text", "text"),
        gives="numbers",
        forms=(
            *expressions("[{_at} for {_at} in range(len({x})) if {y} and {x}.startswith({y}, {_at})]"),
            Form(
                expression="search_all({x}, {y})",
                helper='''
def search_all(text: str, wanted: str) -> list[int]:
    """Never step back in the text; fall back to the longest beginning that may still fit."""
    back = [0] * len(wanted)
    matched = 0
    for at in range(1, len(wanted)):
        while matched and wanted[at] != wanted[matched]:
            matched = back[matched - 1]
        matched += wanted[at] == wanted[matched]
        back[at] = matched
    found, matched = [], 0
    for at, letter in enumerate(text if wanted else ""):
        while matched and (matched == len(wanted) or letter != wanted[matched]):
            matched = back[matched - 1]
        matched += letter == wanted[matched]
        if matched == len(wanted):
            found.append(at + 1 - matched)
    return found
''',
            ),
            Form(
                block="{out} = []\n{_at} = {x}.find({y}) if {y} else -1\nwhile {_at} >= 0:\n    {out}.append({_at})\n"
                "    {_at} = {x}.find({y}, {_at} + 1)"
            ),
        ),
        noun=("the positions at which {y} occurs in {x}, counted from 0",),
        step=("list the positions, counted from 0, at which {y} occurs in {x}",),
        note="Occurrences may overlap; the empty text occurs nowhere.",
        names=("occurrences", "hits"),
        becomes=Noun("position", "positions"),
        ensures=(_ASCENDING,),
    ),
)
