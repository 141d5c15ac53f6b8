"""What is in a text: measures of it as a whole, palindromes, repeats, orders of its endings.

A stretch is a part without gaps. Texts are short here, some hundred characters, so that the one form may try every
stretch where the other is the clever one.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

_TEXT = Noun("text", "texts")
_ANSWER = Noun("answer", "answers")
_NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
_COUNTER = ("from collections import Counter",)

OPERATIONS = (
    Operation(
        name="measure_text",
        family="strings",
        takes=("text",),
        gives="number",
        parts={"measure": ("measure", "word")},
        forms=expressions("{measure(x)}"),
        noun=("the {measure} of {x}",),
        step=("find the {measure} of {x}",),
        names=("figure", "measured"),
        becomes=Noun("number", "numbers"),
        ensures=(_NOT_NEGATIVE,),
    ),
    Operation(
        name="test_text",
        family="strings",
        takes=("text",),
        gives="flag",
        parts={"test": ("test", "word")},
        forms=expressions("{test(x)}"),
        noun=("whether {x}, taken as a whole, {test.is}",),
        step=("decide whether {x} {test.is}",),
        names=("fits", "holds"),
        becomes=_ANSWER,
        weight=0.5,
    ),
    Operation(
        name="loose_palindrome",
        family="strings",
        takes=("text",),
        gives="flag",
        forms=(
            Form(
                block="{_letters} = [{_letter} for {_letter} in {x}.lower() if {_letter}.isalnum()]\n"
                "{out} = {_letters} == {_letters}[::-1]"
            ),
            Form(
                expression="mirrors({x}.lower())",
                helper='''
def mirrors(text: str) -> bool:
    """Compare letters and digits from both ends inwards."""
    left, right = 0, len(text) - 1
    while left < right:
        if not text[left].isalnum():
            left += 1
        elif not text[right].isalnum():
            right -= 1
        elif text[left] != text[right]:
            return False
        else:
            left, right = left + 1, right - 1
    return True
''',
            ),
        ),
        noun=("whether {x}, in lower case and without anything but letters and digits, reads the same backwards",),
        step=(
            "decide whether {x}, in lower case and without anything but letters and digits, reads the same backwards",
        ),
        names=("palindrome", "symmetric"),
        becomes=_ANSWER,
        weight=0.7,
    ),
    Operation(
        name="longest_palindrome",
        family="strings",
        takes=("text",),
        gives="text",
        forms=(
            Form(
                block="{out} = ''\nfor {_middle} in range(2 * len({x})):\n"
                "    {_left}, {_right} = {_middle} // 2, ({_middle} + 1) // 2\n"
                "    while {_left} >= 0 and {_right} < len({x}) and {x}[{_left}] == {x}[{_right}]:\n"
                "        {_left} -= 1\n        {_right} += 1\n    if {_right} - {_left} - 1 > len({out}):\n"
                "        {out} = {x}[{_left} + 1 : {_right}]"
            ),
            Form(
                expression="first_longest_palindrome({x})",
                helper='''
def first_longest_palindrome(text: str) -> str:
    """Look at all stretches, the longest first and of one length from left to right."""
    for length in range(len(text), 0, -1):
        for start in range(len(text) - length + 1):
            stretch = text[start : start + length]
            if stretch == stretch[::-1]:
                return stretch
    return ""
''',
            ),
        ),
        noun=("the longest stretch of {x} that reads the same backwards",),
        step=("find the longest stretch of {x} that reads the same backwards",),
        note="A stretch is a part without gaps; if several are longest, take the first.",
        names=("palindrome", "longest_palindrome"),
        becomes=_TEXT,
        once=True,
        ensures=(("The result reads the same backwards.", "result == result[::-1]"),),
    ),
    Operation(
        name="longest_without_repeat",
        family="strings",
        takes=("text",),
        gives="count",
        forms=(
            Form(
                block="{_last}: dict[str, int] = {{}}\n{_start} = {out} = 0\nfor {_at}, {_letter} in enumerate({x}):\n"
                "    {_start} = max({_start}, {_last}.get({_letter}, -1) + 1)\n    {_last}[{_letter}] = {_at}\n"
                "    {out} = max({out}, {_at} - {_start} + 1)"
            ),
            Form(
                block="{_window} = ''\n{out} = 0\nfor {_letter} in {x}:\n"
                "    {_window} = {_window}[{_window}.find({_letter}) + 1 :] + {_letter}\n"
                "    {out} = max({out}, len({_window}))"
            ),
        ),
        noun=("the length of the longest stretch of {x} in which no character comes twice",),
        step=("find the length of the longest stretch of {x} in which no character comes twice",),
        note="A stretch is a part without gaps.",
        names=("longest", "stretch_length"),
        becomes=Noun("length", "lengths"),
        ensures=(_NOT_NEGATIVE,),
    ),
    Operation(
        name="smallest_unit",
        family="strings",
        takes=("text",),
        gives="text",
        forms=(
            *expressions("{x}[: ({x} + {x}).find({x}, 1)]"),
            Form(
                block="{out} = {x}\nfor {_size} in range(len({x}) // 2, 0, -1):\n"
                "    if {x}[:{_size}] * (len({x}) // {_size}) == {x}:\n        {out} = {x}[:{_size}]"
            ),
        ),
        noun=("the shortest text of which {x} is one or more repetitions",),
        step=("find the shortest text of which {x} is one or more repetitions",),
        note="For the empty text it is the empty text.",
        names=("unit", "repeated_part"),
        becomes=_TEXT,
        once=True,
        weight=0.6,
    ),
    Operation(
        name="suffix_order",
        family="strings",
        takes=("text",),
        gives="numbers",
        forms=(
            Form(expression="sorted(range(len({x})), key=lambda {_start}: {x}[{_start}:])"),
            Form(
                expression="order_suffixes({x})",
                helper='''
def order_suffixes(text: str) -> list[int]:
    """Rank the starts by their first character, then by twice as many characters each time."""
    ranks, size = [ord(letter) for letter in text], 1
    while True:
        keys = list(zip(ranks, ranks[size:] + [-1] * size))
        order = sorted(range(len(text)), key=lambda at: keys[at])
        place = dict((key, at) for at, key in enumerate(sorted(set(keys))))
        ranks = [place[key] for key in keys]
        if len(place) == len(text):
            return order
        size *= 2
''',
            ),
        ),
        noun=("the starting positions of the endings of {x}, in alphabetical order of the endings",),
        step=("list the starting positions of the endings of {x}, in alphabetical order of the endings",),
        note="The ending that starts at position p is the part from there to the end, counted from 0; all but the"
        " empty one"
        " are taken. Texts are compared as Python compares them.",
        names=("suffix_order", "starts"),
        becomes=Noun("position", "positions"),
        ensures=(("Every position stands there once.", "sorted(result) == list(range(len(result)))"),),
        weight=0.5,
    ),
    Operation(
        name="merging_cost",
        family="strings",
        takes=("text",),
        gives="number",
        forms=(
            Form(
                block="{_sizes} = list(Counter({x}).values())\nheapq.heapify({_sizes})\n{out} = 0\n"
                "while len({_sizes}) > 1:\n"
                "    {_merged} = heapq.heappop({_sizes}) + heapq.heappop({_sizes})\n    {out} += {_merged}\n"
                "    heapq.heappush({_sizes}, {_merged})",
                imports=("import heapq", *_COUNTER),
                style="library",
            ),
            Form(
                block="{_sizes} = sorted({x}.count({_letter}) for {_letter} in set({x}))\n{out} = 0\n"
                "while len({_sizes}) > 1:\n    {_merged} = {_sizes}[0] + {_sizes}[1]\n    {out} += {_merged}\n"
                "    {_sizes} = sorted([*{_sizes}[2:], {_merged}])"
            ),
        ),
        noun=("the cost of merging the character counts of {x}",),
        step=("find the cost of merging the character counts of {x}",),
        note="Count how often each character occurs; then, as long as there are two numbers or more, take away the two"
        " smallest and put back their sum. The cost is the total of all these sums.",
        names=("cost", "bits"),
        becomes=Noun("number", "numbers"),
        ensures=(_NOT_NEGATIVE,),
        weight=0.7,
    ),
)
