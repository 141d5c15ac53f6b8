"""What is found by counting up to a small number: roots, steps, ways, names of numbers.

Whatever is as long as a number takes a ``count``, which is small and not negative.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

NOT_NEGATIVE = ("The result is not negative.", "result >= 0")
NUMBER = Noun("number", "numbers")

OPERATIONS = (
    Operation(
        name="in_base",
        family="numbers",
        takes=("count",),
        gives="digits",
        literals={"b": (2, 3, 5, 8)},
        forms=(
            Form(
                block="""\
{_left} = {x}
{out} = '0' if {_left} == 0 else ''
while {_left} > 0:
    {_left}, {_digit} = divmod({_left}, {b})
    {out} = str({_digit}) + {out}"""
            ),
            Form(
                helper='''
def to_base(value: int, base: int) -> str:
    """Return a number that is not negative in a base up to 10."""
    return str(value) if value < base else to_base(value // base, base) + str(value % base)
''',
                expression="to_base({x}, {b})",
                style="recursive",
            ),
        ),
        noun=("{x} written in base {b}",),
        step=("write {x} in base {b}",),
        note="There are no leading zeros, but for 0 itself, which is '0'.",
        names=("in_base", "notation"),
        becomes=Noun("numeral", "numerals"),
        ensures=(("The result holds digits alone.", "result.isdigit()"),),
        inverse="int(result, b)",
    ),
    Operation(
        name="roman",
        family="strings",
        takes=("count",),
        gives="text",
        forms=(
            Form(
                block="""\
{out} = ''
{_left} = {x} % 4000
for {_value}, {_sign} in (
    (1000, 'M'), (900, 'CM'), (500, 'D'), (400, 'CD'), (100, 'C'), (90, 'XC'),
    (50, 'L'), (40, 'XL'), (10, 'X'), (9, 'IX'), (5, 'V'), (4, 'IV'), (1, 'I'),
):
    {out} += {_sign} * ({_left} // {_value})
    {_left} %= {_value}"""
            ),
            Form(
                helper='''
def roman_digit(digit: int, one: str, five: str, ten: str) -> str:
    """Return the Roman form of a decimal digit."""
    if digit == 9:
        return one + ten
    if digit == 4:
        return one + five
    return five * (digit // 5) + one * (digit % 5)
''',
                block="""\
{out} = ''
for {_place}, {_signs} in enumerate(('IVX', 'XLC', 'CDM', 'M--')):
    {_digit} = {x} % 4000 // 10**{_place} % 10
    {out} = roman_digit({_digit}, {_signs}[0], {_signs}[1], {_signs}[2]) + {out}""",
            ),
        ),
        noun=("{x} as a Roman numeral",),
        step=("write {x} as a Roman numeral",),
        note="From 4000 on, only the remainder when divided by 4000 is written; 0 is the empty text.",
        names=("roman", "numeral"),
        becomes=Noun("numeral", "numerals"),
        ensures=(("The result has no other letters than those of Roman numerals.", "set(result) <= set('IVXLCDM')"),),
        weight=0.6,
    ),
    Operation(
        name="clock",
        family="strings",
        takes=("count",),
        gives="text",
        forms=(
            *expressions("str({x} // 60) + ':' + str({x} % 60).zfill(2)"),
            Form(
                block="""\
{_hours}, {_minutes} = divmod({x}, 60)
{out} = '%d:%02d' % ({_hours}, {_minutes})"""
            ),
        ),
        noun=("{x}, taken as minutes, in hours and minutes",),
        step=("write {x}, taken as minutes, in hours and minutes",),
        note="The form is '7:05': hours without leading zeros, a colon and two digits of minutes; 59 minutes are "
        "'0:59'.",
        names=("duration", "clock"),
        becomes=Noun("duration", "durations"),
        inverse="int(result.split(':')[0]) * 60 + int(result.split(':')[1])",
        weight=0.5,
    ),
    Operation(
        name="whole_root",
        family="numbers",
        takes=("count",),
        gives="count",
        forms=(
            *expressions("math.isqrt({x})", imports=("import math",)),
            Form(
                block="""\
{out}, {_odd}, {_left} = 0, 1, {x}
while {_left} >= {_odd}:
    {_left} -= {_odd}
    {_odd} += 2
    {out} += 1"""
            ),
            Form(
                block="""\
{out}, {_high} = 0, {x} + 1
while {_high} - {out} > 1:
    {_middle} = ({out} + {_high}) // 2
    if {_middle} * {_middle} <= {x}:
        {out} = {_middle}
    else:
        {_high} = {_middle}"""
            ),
        ),
        noun=("the square root of {x}, rounded down",),
        step=("take the square root of {x}, rounded down",),
        names=("root", "side"),
        becomes=NUMBER,
        ensures=(NOT_NEGATIVE,),
    ),
    Operation(
        name="collatz_steps",
        family="simulation",
        takes=("count",),
        gives="count",
        forms=(
            Form(
                block="""\
{_at} = {x}
{out} = 0
while {_at} > 1:
    {_at} = {_at} // 2 if {_at} % 2 == 0 else 3 * {_at} + 1
    {out} += 1"""
            ),
            Form(
                helper='''
def steps_to_one(value: int) -> int:
    """Return the number of Collatz steps from a number to 1."""
    if value <= 1:
        return 0
    return 1 + steps_to_one(3 * value + 1 if value % 2 else value // 2)
''',
                expression="steps_to_one({x})",
                style="recursive",
            ),
        ),
        noun=("the number of Collatz steps from {x} down to 1",),
        step=("count the Collatz steps from {x} down to 1",),
        note="A Collatz step halves an even number, and triples an odd one and adds 1; from 0 or 1 no step is taken.",
        names=("steps", "collatz_steps"),
        becomes=NUMBER,
        ensures=(NOT_NEGATIVE,),
        weight=0.7,
    ),
    Operation(
        name="abundance",
        family="numbers",
        takes=("count",),
        gives="text",
        forms=(
            Form(
                block="""\
{_total} = sum({_d} for {_d} in range(1, {x}) if {x} % {_d} == 0)
{out} = 'perfect' if {_total} == {x} else 'abundant' if {_total} > {x} else 'deficient'"""
            ),
            Form(
                block="""\
{_left} = {x}
for {_d} in range(1, {x} // 2 + 1):
    if {x} % {_d} == 0:
        {_left} -= {_d}
if {_left} < 0:
    {out} = 'abundant'
elif {_left} > 0:
    {out} = 'deficient'
else:
    {out} = 'perfect'"""
            ),
        ),
        noun=("the word 'perfect', 'abundant' or 'deficient' for {x}",),
        step=("find out whether {x} is 'perfect', 'abundant' or 'deficient'",),
        note="A number is perfect if its divisors other than itself add up to it, abundant if they add up to more, and "
        "deficient if to less; 0 counts as perfect.",
        names=("sort_of_number", "classification"),
        becomes=Noun("word", "words"),
        ensures=(("The result is one of three words.", "result in ('perfect', 'abundant', 'deficient')"),),
        weight=0.6,
    ),
    Operation(
        name="totient",
        family="numbers",
        takes=("count",),
        gives="count",
        forms=(
            *expressions(
                "sum(1 for {_n} in range(1, {x} + 1) if math.gcd({_n}, {x}) == 1)",
                imports=("import math",),
            ),
            Form(
                block="""\
{out}, {_left}, {_prime} = {x}, {x}, 2
while {_left} > 1:
    if {_left} % {_prime} == 0:
        {out} -= {out} // {_prime}
        while {_left} % {_prime} == 0:
            {_left} //= {_prime}
    {_prime} += 1"""
            ),
        ),
        noun=("the number of whole numbers from 1 to {x} that have no divisor but 1 in common with it",),
        step=("count the whole numbers from 1 to {x} that have no divisor but 1 in common with it",),
        names=("totient", "coprime"),
        becomes=NUMBER,
        ensures=(NOT_NEGATIVE,),
        weight=0.7,
    ),
    Operation(
        name="staircase",
        family="dynamic programming",
        takes=("count",),
        gives="count",
        literals={"k": (2, 3), "m": (97, 100, 1000)},
        forms=(
            Form(
                block="""\
{_ways} = [1]
for {_height} in range(1, {x} + 1):
    {_ways}.append(sum({_ways}[-{k}:]) % {m})
{out} = {_ways}[-1]"""
            ),
            Form(
                block="""\
{_ahead} = [0] * {x} + [1] + [0] * {k}
for {_height} in range({x} - 1, -1, -1):
    {_ahead}[{_height}] = sum({_ahead}[{_height} + 1 : {_height} + {k} + 1]) % {m}
{out} = {_ahead}[0]"""
            ),
        ),
        noun=("the number of ways, modulo {m}, to climb a staircase whose height is {x} with strides of at most {k}",),
        step=("count, modulo {m}, the ways to climb a staircase whose height is {x} with strides of at most {k}",),
        note="A stride climbs a whole number of steps, at least 1; the order of strides matters, and there is one way "
        "to climb nothing.",
        names=("ways", "climbs"),
        becomes=NUMBER,
        ensures=(("The result is from 0 to below {m}.", "0 <= result < m"),),
    ),
    Operation(
        name="last_in_circle",
        family="simulation",
        takes=("count",),
        gives="count",
        literals={"k": (2, 3, 5)},
        forms=(
            Form(block="{out} = 0\nfor {_size} in range(2, {x} + 1):\n    {out} = ({out} + {k}) % {_size}"),
            Form(
                block="""\
{_circle} = deque(range({x}))
while len({_circle}) > 1:
    {_circle}.rotate(1 - {k})
    {_circle}.popleft()
{out} = {_circle}[0] if {_circle} else 0""",
                imports=("from collections import deque",),
            ),
        ),
        noun=("the place of the last one left in a circle whose size is {x} when one in every {k} is counted out",),
        step=("count out one in every {k} from a circle whose size is {x}, and find the place of the last one left",),
        note="Places count from 0, where the counting begins: count to {k}, take away the one on which {k} falls, "
        "begin again at 1 with the next; in an empty circle the answer is 0.",
        names=("survivor", "last_place"),
        becomes=Noun("place", "places"),
        ensures=(NOT_NEGATIVE,),
        weight=0.7,
    ),
    Operation(
        name="multiples_below",
        family="numbers",
        takes=("count",),
        gives="number",
        literals={"p": (3, 4), "q": (5, 7)},
        forms=(
            *expressions("sum({_n} for {_n} in range({x}) if {_n} % {p} == 0 or {_n} % {q} == 0)"),
            Form(
                helper='''
def sum_of_multiples(step: int, limit: int) -> int:
    """Return the sum of the multiples of a step below a limit, by Gauss's formula."""
    terms = max(0, limit - 1) // step
    return step * terms * (terms + 1) // 2
''',
                block="{out} = sum_of_multiples({p}, {x}) + sum_of_multiples({q}, {x})\n"
                "{out} -= sum_of_multiples({p} * {q}, {x})",
            ),
        ),
        noun=("the sum of the multiples of {p} or {q} below {x}",),
        step=("add up the positive multiples of {p} or {q} that are below {x}",),
        note="A multiple of both counts once.",
        names=("sum_of_multiples_below", "multiples_total"),
        becomes=NUMBER,
        ensures=(NOT_NEGATIVE,),
        weight=0.7,
    ),
)
