"""Texts of digits: check digits, remainders, groups, sums with a carry, reading aloud.

A text of digits may be longer than any number that is worth computing with, so each goes digit by digit in one form and
by Python's whole numbers or another rule in the other.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

_TEXT = Noun("text", "texts")
_DIGITS = Noun("digit", "digits")

OPERATIONS = (
    Operation(
        name="luhn_valid",
        family="numbers",
        takes=("digits",),
        gives="flag",
        forms=(
            Form(
                block="{_total} = 0\nfor {_at}, {_digit} in enumerate(reversed({x})):\n    {_number} = int({_digit})\n"
                "    if {_at} % 2 == 1:\n        {_number} *= 2\n        if {_number} > 9:\n"
                "            {_number} -= 9\n"
                "    {_total} += {_number}\n{out} = {_total} % 10 == 0"
            ),
            Form(
                block="{_plain} = sum(int({_digit}) for {_digit} in {x}[::-2])\n"
                "{_doubled} = sum(int('0246813579'[int({_digit})]) for {_digit} in {x}[-2::-2])\n"
                "{out} = ({_plain} + {_doubled}) % 10 == 0"
            ),
        ),
        noun=("whether {x} passes the Luhn test",),
        step=("decide whether {x} passes the Luhn test",),
        note="For the Luhn test, double every second digit, beginning with the last but one and going left, and add"
        " up the"
        " digits of the products and all other digits; the total must be divisible by 10.",
        names=("valid", "passes"),
        becomes=Noun("answer", "answers"),
    ),
    Operation(
        name="luhn_completed",
        family="numbers",
        takes=("digits",),
        gives="digits",
        forms=(
            Form(
                block="{_total} = 0\nfor {_at}, {_digit} in enumerate(reversed({x})):\n"
                "    {_total} += int({_digit}) if {_at} % 2 else sum(divmod(2 * int({_digit}), 10))\n"
                "{out} = {x} + str(-{_total} % 10)"
            ),
            Form(
                expression="next({x} + {_last} for {_last} in '0123456789' if passes_luhn({x} + {_last}))",
                helper='''
def passes_luhn(digits: str) -> bool:
    """Add the digits from the right, of every second one the digit sum of its double."""
    doubled = [str(2 * int(digit)) for digit in digits[-2::-2]]
    return sum(map(int, digits[::-2] + "".join(doubled))) % 10 == 0
''',
            ),
        ),
        noun=("{x} with the digit behind it that makes it pass the Luhn test",),
        step=("put behind {x} the one digit that makes it pass the Luhn test",),
        note="For the Luhn test, double every second digit, beginning with the last but one and going left, and add"
        " up the"
        " digits of the products and all other digits; the total must be divisible by 10.",
        names=("completed", "with_check_digit"),
        inverse="result[:-1]",
        ensures=(
            (
                "The result passes the Luhn test.",
                "sum(sum(divmod((1 + at % 2) * int(digit), 10)) for at, digit in enumerate(reversed(result))) % 10"
                " == 0",
            ),
        ),
        weight=0.7,
    ),
    Operation(
        name="weighted_check",
        family="numbers",
        takes=("digits",),
        gives="count",
        literals={"k": (7, 9, 11, 97)},
        forms=(
            *expressions("sum({_place} * int({_digit}) for {_place}, {_digit} in enumerate({x}, 1)) % {k}"),
            Form(
                block="{_tail} = {out} = 0\nfor {_digit} in reversed({x}):\n    {_tail} += int({_digit})\n"
                "    {out} = ({out} + {_tail}) % {k}"
            ),
        ),
        noun=("the weighted sum of the digits of {x}, modulo {k}",),
        step=("find the weighted sum of the digits of {x}, modulo {k}",),
        note="In the weighted sum the first digit counts once, the second twice, the third three times and so on;"
        " modulo {k}"
        " means the remainder on division by {k}. Of no digits it is 0.",
        names=("check", "remainder"),
        becomes=Noun("remainder", "remainders"),
        ensures=(("The result is from 0 to {k} - 1.", "0 <= result < k"),),
    ),
    Operation(
        name="digits_remainder",
        family="numbers",
        takes=("digits",),
        gives="count",
        literals={"k": (7, 9, 11, 13, 97)},
        forms=(
            *expressions("int({x} or '0') % {k}"),
            Form(
                block="{out} = 0\nfor {_digit} in {x}:\n    {out} = (10 * {out} + int({_digit})) % {k}",
            ),
        ),
        noun=("the remainder of {x}, read as a decimal number, on division by {k}",),
        step=("read {x} as a decimal number and find its remainder on division by {k}",),
        note="No digits at all are read as 0.",
        names=("remainder", "left"),
        becomes=Noun("remainder", "remainders"),
        ensures=(("The result is from 0 to {k} - 1.", "0 <= result < k"),),
        weight=0.7,
    ),
    Operation(
        name="digit_groups",
        family="parsing",
        takes=("digits",),
        gives="text",
        literals={"k": (2, 3, 4), "s": (" ", "-", ".")},
        forms=(
            Form(
                block="{_first} = len({x}) % {k}\n{_groups} = [{x}[:{_first}]] if {_first} else []\n"
                "for {_at} in range({_first}, len({x}), {k}):\n    {_groups}.append({x}[{_at} : {_at} + {k}])\n"
                "{out} = {s}.join({_groups})"
            ),
            Form(
                block="{out} = ''\nfor {_count}, {_digit} in enumerate(reversed({x})):\n"
                "    if {_count} > 0 and {_count} % {k} == 0:\n        {out} = {s} + {out}\n"
                "    {out} = {_digit} + {out}"
            ),
        ),
        noun=("{x} in groups of {k}, counted from the right, with {s} between them",),
        step=("put {s} between groups of {k} digits of {x}, counted from the right",),
        note="The first group may be shorter than the others.",
        names=("spaced", "grouped_digits"),
        becomes=_TEXT,
        inverse="result.replace(s, '')",
    ),
    Operation(
        name="digit_values",
        family="numbers",
        takes=("digits",),
        gives="numbers",
        forms=(
            *expressions("[int({_digit}) for {_digit} in {x}]", "list(map(int, {x}))"),
            Form(block="{out} = []\nfor {_digit} in {x}:\n    {out}.append(ord({_digit}) - ord('0'))"),
        ),
        noun=("the digits of {x} as numbers",),
        step=("turn {x} into the list of its digits, as numbers",),
        names=("digits", "digit_values"),
        becomes=_DIGITS,
        inverse="''.join(map(str, result))",
        ensures=(("Every number is from 0 to 9.", "all(0 <= number <= 9 for number in result)"),),
    ),
    Operation(
        name="look_and_say",
        family="numbers",
        takes=("digits",),
        gives="digits",
        forms=(
            Form(
                block="{out} = ''\nfor {_digit}, {_run} in groupby({x}):\n"
                "    {out} += str(len(list({_run}))) + {_digit}",
                imports=("from itertools import groupby",),
                style="library",
            ),
            Form(
                block="{out} = ''\n{_start} = 0\nfor {_at} in range(1, len({x}) + 1):\n"
                "    if {_at} == len({x}) or {x}[{_at}] != {x}[{_start}]:\n"
                "        {out} += str({_at} - {_start}) + {x}[{_start}]\n        {_start} = {_at}"
            ),
        ),
        noun=("{x} read aloud in digits",),
        step=("read {x} aloud in digits",),
        note="To read digits aloud is to write, for each run of equal digits, the length of the run and then the"
        " digit: '3311'"
        " becomes '2321', for it has two 3s and two 1s.",
        names=("spoken", "read_aloud"),
        becomes=_DIGITS,
        weight=0.7,
    ),
    Operation(
        name="nines_complement",
        family="numbers",
        takes=("digits",),
        gives="digits",
        forms=(
            *expressions(
                "{x}.translate(str.maketrans('0123456789', '9876543210'))",
                "''.join(str(9 - int({_digit})) for {_digit} in {x})",
            ),
        ),
        noun=("{x} with each digit replaced by what it lacks of 9",),
        step=("replace each digit of {x} by what it lacks of 9",),
        names=("complement", "complement_digits"),
        becomes=_DIGITS,
        inverse="''.join(str(9 - int(digit)) for digit in result)",
        weight=0.5,
    ),
    Operation(
        name="written_sum",
        family="numbers",
        takes=("digits", "digits"),
        gives="digits",
        forms=(
            Form(
                expression="add_by_columns({x}, {y})",
                helper='''
def add_by_columns(first: str, second: str) -> str:
    """Add from the right, digit by digit, with a carry."""
    width = max(len(first), len(second)) + 1
    carry, written = 0, ""
    for left, right in zip(reversed(first.zfill(width)), reversed(second.zfill(width))):
        carry, digit = divmod(int(left) + int(right) + carry, 10)
        written = str(digit) + written
    return written.lstrip("0") or "0"
''',
            ),
            *expressions("str(int({x} or '0') + int({y} or '0'))"),
        ),
        noun=("the sum of {x} and {y}, both read as decimal numbers, in digits",),
        step=("read {x} and {y} as decimal numbers and write their sum in digits",),
        note="No digits at all are read as 0; the sum has no leading zero unless it is '0'.",
        names=("sum_digits", "written_sum"),
        becomes=_DIGITS,
        commutes=True,
        ensures=(("There is no leading zero unless it is all there is.", "result == '0' or result[0] != '0'"),),
    ),
)
