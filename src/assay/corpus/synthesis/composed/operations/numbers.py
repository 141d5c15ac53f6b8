"""One number, whatever its size and sign: its digits, its bits, what becomes of it.

Each takes no more steps than a number has digits or bits, for numbers may be large here; what counts up to a number is
in `counting` and `series`.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
NUMBER = Noun("number", "numbers")
ANSWER = Noun("answer", "answers")

OPERATIONS = (
    Operation(
        name="change_number",
        family="numbers",
        takes=("number",),
        gives="number",
        parts={"change": ("change", "number")},
        forms=expressions("{change(x)}"),
        noun=("the number obtained by replacing {x} by {change}",),
        step=("replace {x} by {change}",),
        names=("changed", "new_value"),
        becomes=NUMBER,
    ),
    Operation(
        name="measure_number",
        family="numbers",
        takes=("number",),
        gives="number",
        parts={"measure": ("measure", "number")},
        forms=expressions("{measure(x)}"),
        noun=("the {measure} of {x}",),
        step=("take the {measure} of {x}",),
        names=("measured", "measure"),
        becomes=NUMBER,
    ),
    Operation(
        name="test_number",
        family="numbers",
        takes=("number",),
        gives="flag",
        parts={"test": ("test", "number")},
        forms=expressions("{test(x)}"),
        noun=("whether {x} {test.is}",),
        step=("find out whether {x} {test.is}",),
        names=("fits", "verdict"),
        becomes=ANSWER,
    ),
    Operation(
        name="digits_of",
        family="numbers",
        takes=("number",),
        gives="numbers",
        forms=(
            *expressions("[int({_digit}) for {_digit} in str(abs({x}))]", "list(map(int, str(abs({x}))))"),
            Form(
                helper='''
def decimal_digits(value: int) -> list[int]:
    """Return the decimal digits of a number that is not negative, the highest first."""
    return [value] if value < 10 else [*decimal_digits(value // 10), value % 10]
''',
                expression="decimal_digits(abs({x}))",
                style="recursive",
            ),
        ),
        noun=("the decimal digits of {x}",),
        step=("write down the decimal digits of {x}, from first to last",),
        note="The digits come from first to last, without any sign; those of 0 are one 0.",
        names=("digits", "figures"),
        becomes=Noun("digit", "digits"),
        ensures=(("Every digit is from 0 to 9.", "all(0 <= digit <= 9 for digit in result)"),),
        weight=1.5,
    ),
    Operation(
        name="digit_text",
        family="numbers",
        takes=("number",),
        gives="digits",
        forms=(
            *expressions("str(abs({x}))", "str({x}).lstrip('-')"),
            Form(
                block="""\
{_rest}, {out} = abs({x}) // 10, str(abs({x}) % 10)
while {_rest} > 0:
    {out} = str({_rest} % 10) + {out}
    {_rest} //= 10"""
            ),
        ),
        noun=("the digits of {x} as a string",),
        step=("write {x} as a string of digits, without any sign",),
        note="A minus sign is left out.",
        names=("digits", "numeral"),
        becomes=Noun("numeral", "numerals"),
        ensures=(("The result holds digits alone.", "result.isdigit()"),),
        weight=0.6,
    ),
    Operation(
        name="digit_counts",
        family="numbers",
        takes=("number",),
        gives="counts",
        forms=(
            Form(
                expression="dict(Counter(str(abs({x}))))", imports=("from collections import Counter",), style="library"
            ),
            Form(
                block="{out}: dict[str, int] = {{}}\nfor {_digit} in str(abs({x})):\n"
                "    {out}[{_digit}] = {out}.get({_digit}, 0) + 1"
            ),
        ),
        noun=("the number of times that each digit occurs in {x}",),
        step=("count how often each digit occurs in {x}",),
        note="Digits come in the order in which they first occur.",
        names=("digit_counts", "frequencies"),
        becomes=Noun("count", "counts", "digit", "count"),
        ensures=(("Every count is at least 1.", "all(count >= 1 for count in result.values())"),),
        weight=0.7,
    ),
    Operation(
        name="grouped_text",
        family="strings",
        takes=("number",),
        gives="text",
        forms=(
            *expressions("format({x}, ',')"),
            Form(
                helper='''
def with_commas(value: int) -> str:
    """Return a number with a comma before every third digit from the right."""
    if value < 0:
        return '-' + with_commas(-value)
    if value < 1000:
        return str(value)
    return with_commas(value // 1000) + ',' + str(value % 1000).zfill(3)
''',
                expression="with_commas({x})",
                style="recursive",
            ),
        ),
        noun=("the text of {x} with commas between the thousands",),
        step=("write {x} with commas between the thousands, as in '1,234,567'",),
        names=("written", "with_thousands"),
        becomes=Noun("text", "texts"),
        inverse="int(result.replace(',', ''))",
        weight=0.4,
    ),
    Operation(
        name="persistence",
        family="numbers",
        takes=("number",),
        gives="count",
        forms=(
            Form(
                block="""\
{_left} = abs({x})
{out} = 0
while {_left} >= 10:
    {_left} = math.prod(int({_digit}) for {_digit} in str({_left}))
    {out} += 1""",
                imports=("import math",),
            ),
            Form(
                helper='''
def multiplying_steps(value: int) -> int:
    """Return how often the digits of a number must be multiplied until one digit is left."""
    if value < 10:
        return 0
    product, rest = 1, value
    while rest > 0:
        rest, digit = divmod(rest, 10)
        product *= digit
    return 1 + multiplying_steps(product)
''',
                expression="multiplying_steps(abs({x}))",
                style="recursive",
            ),
        ),
        noun=("the number of times that the digits of {x} must be multiplied together until one digit is left",),
        step=("replace {x} by the product of its digits until one digit is left, and count the replacements",),
        note="A minus sign is ignored.",
        names=("persistence", "rounds"),
        becomes=NUMBER,
        ensures=(NOT_NEGATIVE,),
        weight=0.6,
    ),
    Operation(
        name="is_happy",
        family="numbers",
        takes=("number",),
        gives="flag",
        forms=(
            Form(
                block="""\
{_seen}: list[int] = []
{_at} = abs({x})
while {_at} not in {_seen}:
    {_seen}.append({_at})
    {_at} = sum(int({_digit}) ** 2 for {_digit} in str({_at}))
{out} = {_at} == 1"""
            ),
            Form(
                helper='''
def digit_squares(value: int) -> int:
    """Return the sum of the squares of the digits of a number that is not negative."""
    total = 0
    while value > 0:
        value, digit = divmod(value, 10)
        total += digit * digit
    return total
''',
                block="""\
{_slow}, {_fast} = abs({x}), digit_squares(abs({x}))
while {_slow} != {_fast}:
    {_slow}, {_fast} = digit_squares({_slow}), digit_squares(digit_squares({_fast}))
{out} = {_slow} == 1""",
            ),
        ),
        noun=("whether {x} is a happy number",),
        step=("find out whether {x} is a happy number",),
        note="A number is happy if replacing it by the sum of the squares of its digits, again and again, leads to 1; "
        "a minus sign is ignored.",
        names=("is_happy", "happy"),
        becomes=ANSWER,
        weight=0.6,
    ),
    Operation(
        name="halving_steps",
        family="numbers",
        takes=("number",),
        gives="count",
        forms=(
            Form(
                block="""\
{_left} = abs({x})
{out} = 0
while {_left} > 0:
    {_left} = {_left} // 2 if {_left} % 2 == 0 else {_left} - 1
    {out} += 1"""
            ),
            *expressions("abs({x}).bit_length() + max(0, abs({x}).bit_count() - 1)"),
        ),
        noun=("the number of steps from {x} to 0 by halving even and lessening odd numbers",),
        step=("count the steps from {x} to 0",),
        note="A step halves an even number and takes 1 away from an odd one; a minus sign is left out before the "
        "first step.",
        names=("steps", "halvings"),
        becomes=NUMBER,
        ensures=(NOT_NEGATIVE,),
        weight=0.7,
    ),
    Operation(
        name="coins_for",
        family="numbers",
        takes=("number",),
        gives="numbers",
        literals={"a": (25, 20, 50), "b": (5, 10)},
        forms=(
            Form(
                block="""\
{out} = []
{_left} = abs({x})
for {_coin} in ({a}, {b}, 1):
    {out}.append({_left} // {_coin})
    {_left} %= {_coin}"""
            ),
            *expressions("[abs({x}) // {a}, abs({x}) % {a} // {b}, abs({x}) % {a} % {b}]"),
        ),
        noun=("the numbers of coins of {a}, {b} and 1 with which {x} is paid greedily",),
        step=("pay {x} with coins of {a}, {b} and 1, using as many of the largest as possible first",),
        note="Greedily means as many as possible of {a}, then as many as possible of {b}, then coins of 1; the "
        "numbers come in that order; a minus sign is ignored.",
        names=("coins", "change"),
        becomes=Noun("number of coins", "numbers of coins"),
        ensures=(("There are three numbers, none of them negative.", "len(result) == 3 and min(result) >= 0"),),
        weight=0.7,
    ),
    Operation(
        name="binary_powers",
        family="numbers",
        takes=("number",),
        gives="numbers",
        forms=(
            Form(
                block="""\
{out} = []
{_power} = 1
while {_power} <= abs({x}):
    if abs({x}) & {_power}:
        {out}.append({_power})
    {_power} *= 2"""
            ),
            *expressions("[2**{_at} for {_at}, {_bit} in enumerate(reversed(bin(abs({x})))) if {_bit} == '1']"),
        ),
        noun=("the different powers of two that add up to {x}",),
        step=("list the different powers of two that add up to {x}, smallest first",),
        note="They are listed in ascending order; a minus sign is ignored, and for 0 there are none.",
        names=("powers", "binary_parts"),
        becomes=Noun("power of two", "powers of two"),
        ensures=(("No number comes twice.", "len(set(result)) == len(result)"),),
        weight=0.7,
    ),
    Operation(
        name="power_modulo",
        family="numbers",
        takes=("number",),
        gives="count",
        literals={"e": (5, 7, 12), "m": (11, 13, 17)},
        forms=(
            *expressions("pow({x}, {e}, {m})", "{x} ** {e} % {m}"),
            Form(block="{out} = 1\nfor _ in range({e}):\n    {out} = {out} * {x} % {m}"),
        ),
        noun=("the remainder when {x} to the power {e} is divided by {m}",),
        step=("raise {x} to the power {e} and take the remainder when that is divided by {m}",),
        note="The remainder is never negative.",
        names=("residue", "power"),
        becomes=NUMBER,
        ensures=(("The result is from 0 to below {m}.", "0 <= result < m"),),
        weight=0.6,
    ),
)
