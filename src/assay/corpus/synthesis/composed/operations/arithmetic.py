"""Two numbers made one: differences, remainders, divisors in common, comparisons.

These join two branches of a program that end in numbers.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
NUMBER = Noun("number", "numbers")
ANSWER = Noun("answer", "answers")

OPERATIONS = (
    Operation(
        name="minus",
        family="numbers",
        takes=("number", "number"),
        gives="number",
        forms=expressions("{x} - {y}"),
        noun=("{x} minus {y}",),
        step=("subtract {y} from {x}",),
        names=("difference", "surplus"),
        becomes=NUMBER,
    ),
    Operation(
        name="plus",
        family="numbers",
        takes=("number", "number"),
        gives="number",
        forms=expressions("{x} + {y}", "sum([{x}, {y}])"),
        noun=("the sum of {x} and {y}",),
        step=("add {x} and {y}",),
        names=("total", "both_together"),
        becomes=NUMBER,
        commutes=True,
    ),
    Operation(
        name="distance_between",
        family="numbers",
        takes=("number", "number"),
        gives="number",
        forms=expressions("abs({x} - {y})", "max({x}, {y}) - min({x}, {y})"),
        noun=("the distance between {x} and {y}",),
        step=("find how far {x} and {y} are apart",),
        note="A distance is never negative.",
        names=("distance", "apart"),
        becomes=NUMBER,
        commutes=True,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="larger",
        family="numbers",
        takes=("number", "number"),
        gives="number",
        forms=expressions("max({x}, {y})", "{x} if {x} > {y} else {y}", "sorted([{x}, {y}])[1]"),
        noun=("the larger of {x} and {y}",),
        step=("take the larger of {x} and {y}",),
        names=("larger", "upper"),
        becomes=NUMBER,
        commutes=True,
        weight=0.8,
    ),
    Operation(
        name="product_modulo",
        family="numbers",
        takes=("number", "number"),
        gives="count",
        literals={"m": (97, 100, 1000)},
        forms=expressions("{x} * {y} % {m}", "({x} % {m}) * ({y} % {m}) % {m}"),
        noun=("the product of {x} and {y} modulo {m}",),
        step=("multiply {x} and {y}, and take the remainder when the product is divided by {m}",),
        note="The remainder is never negative.",
        names=("product", "residue"),
        becomes=NUMBER,
        commutes=True,
        ensures=(("The result is from 0 to below {m}.", "0 <= result < m"),),
    ),
    Operation(
        name="remainder_by",
        family="numbers",
        takes=("number", "number"),
        gives="number",
        literals={"d": (0, -1)},
        forms=expressions("{x} % abs({y}) if {y} else {d}", "divmod({x}, abs({y}))[1] if {y} != 0 else {d}"),
        noun=("the remainder when {x} is divided by {y}",),
        step=("divide {x} by {y} and keep the remainder",),
        note="The sign of the divisor is ignored and the remainder is never negative; if the divisor is 0, take {d}.",
        names=("remainder", "left_over"),
        becomes=NUMBER,
        ensures=(("The result is at least {d}.", "result >= d"),),
    ),
    Operation(
        name="quotient",
        family="numbers",
        takes=("number", "number"),
        gives="number",
        literals={"d": (0, -1)},
        forms=expressions("{x} // {y} if {y} else {d}", "({x} - {x} % {y}) // {y} if {y} != 0 else {d}"),
        noun=("the quotient of {x} and {y}, rounded down",),
        step=("divide {x} by {y} and round down",),
        note="If the divisor is 0, take {d}.",
        names=("quotient", "share"),
        becomes=NUMBER,
    ),
    Operation(
        name="percentage",
        family="numbers",
        takes=("number", "number"),
        gives="number",
        literals={"d": (0, -1)},
        forms=expressions(
            "100 * {x} // {y} if {y} else {d}",
            "math.floor(Fraction(100 * {x}, {y})) if {y} else {d}",
            imports=("import math", "from fractions import Fraction"),
        ),
        noun=("the percentage that {x} makes up of {y}, rounded down",),
        step=("express {x} in per cent of {y}, rounded down",),
        note="If the whole is 0, take {d}.",
        names=("percentage", "share_in_percent"),
        becomes=NUMBER,
        weight=0.7,
    ),
    Operation(
        name="common_divisor",
        family="numbers",
        takes=("number", "number"),
        gives="number",
        forms=(
            *expressions("math.gcd({x}, {y})", imports=("import math",)),
            Form(
                helper='''
def greatest_divisor(one: int, other: int) -> int:
    """Return the greatest common divisor by Euclid's algorithm."""
    return abs(one) if other == 0 else greatest_divisor(other, one % other)
''',
                expression="greatest_divisor({x}, {y})",
                style="recursive",
            ),
            Form(
                block="""\
{out}, {_rest} = abs({x}), abs({y})
while {_rest}:
    {out}, {_rest} = {_rest}, {out} % {_rest}"""
            ),
        ),
        noun=("the greatest common divisor of {x} and {y}",),
        step=("find the greatest common divisor of {x} and {y}",),
        note="The greatest common divisor is never negative; that of 0 and 0 is 0.",
        names=("divisor", "common_measure"),
        becomes=NUMBER,
        commutes=True,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="common_multiple",
        family="numbers",
        takes=("number", "number"),
        gives="number",
        forms=(
            *expressions("math.lcm({x}, {y})", imports=("import math",)),
            *expressions("abs({x} * {y}) // math.gcd({x}, {y}) if {x} and {y} else 0", imports=("import math",)),
        ),
        noun=("the least common multiple of {x} and {y}",),
        step=("find the least common multiple of {x} and {y}",),
        note="The least common multiple is never negative, and 0 if one of the numbers is 0.",
        names=("multiple", "meeting_point"),
        becomes=NUMBER,
        commutes=True,
        ensures=(NOT_NEGATIVE,),
        weight=0.6,
    ),
    Operation(
        name="euclid_steps",
        family="numbers",
        takes=("number", "number"),
        gives="count",
        forms=(
            Form(
                block="""\
{_one}, {_another} = abs({x}), abs({y})
{out} = 0
while {_another}:
    {_one}, {_another} = {_another}, {_one} % {_another}
    {out} += 1"""
            ),
            Form(
                helper='''
def divisions(one: int, other: int) -> int:
    """Return how many divisions Euclid's algorithm makes."""
    return 0 if other == 0 else 1 + divisions(other, one % other)
''',
                expression="divisions(abs({x}), abs({y}))",
                style="recursive",
            ),
        ),
        noun=("the number of divisions that Euclid's algorithm makes for {x} and {y}",),
        step=("count the divisions that Euclid's algorithm makes for {x} and {y}, in that order",),
        note="Signs are ignored; as long as the second number is not 0, the pair is replaced by the second and the "
        "remainder of the first when divided by the second, which is one division.",
        names=("divisions_made", "euclid_steps"),
        becomes=NUMBER,
        ensures=(NOT_NEGATIVE,),
        weight=0.5,
    ),
    Operation(
        name="bit_differences",
        family="numbers",
        takes=("number", "number"),
        gives="count",
        forms=(
            *expressions("(abs({x}) ^ abs({y})).bit_count()", "bin(abs({x}) ^ abs({y})).count('1')"),
            Form(
                block="""\
{_one}, {_another} = abs({x}), abs({y})
{out} = 0
while {_one} or {_another}:
    {out} += {_one} % 2 != {_another} % 2
    {_one}, {_another} = {_one} // 2, {_another} // 2"""
            ),
        ),
        noun=("the number of binary places in which {x} and {y} differ",),
        step=("count the binary places in which {x} and {y} differ",),
        note="Signs are ignored.",
        names=("differing_bits", "bit_distance"),
        becomes=NUMBER,
        commutes=True,
        ensures=(NOT_NEGATIVE,),
        weight=0.6,
    ),
    Operation(
        name="same_digits",
        family="numbers",
        takes=("number", "number"),
        gives="flag",
        forms=(
            *expressions("sorted(str(abs({x}))) == sorted(str(abs({y})))"),
            *expressions(
                "all(str(abs({x})).count({_digit}) == str(abs({y})).count({_digit}) for {_digit} in '0123456789')"
            ),
        ),
        noun=("whether {x} and {y} have the same digits equally often",),
        step=("find out whether {x} and {y} have the same digits equally often, in whatever order",),
        note="Signs are ignored.",
        names=("same_digits", "rearrangement"),
        becomes=ANSWER,
        commutes=True,
        weight=0.4,
    ),
    Operation(
        name="is_larger",
        family="numbers",
        takes=("number", "number"),
        gives="flag",
        forms=expressions("{x} > {y}", "{x} - {y} > 0"),
        noun=("whether {x} is larger than {y}",),
        step=("find out whether {x} is larger than {y}",),
        names=("is_larger", "exceeds"),
        becomes=ANSWER,
        weight=0.6,
    ),
    Operation(
        name="pair_up",
        family="numbers",
        takes=("number", "number"),
        gives="spans",
        forms=expressions("[(min({x}, {y}), max({x}, {y}))]", "[({x}, {y}) if {x} <= {y} else ({y}, {x})]"),
        noun=("the list of one span, between {x} and {y}",),
        step=("make a list of one span, between {x} and {y}, from the smaller to the larger",),
        names=("span_between", "limits"),
        becomes=Noun("span", "spans"),
        commutes=True,
        ensures=(("There is one span.", "len(result) == 1"),),
        weight=0.3,
    ),
)
