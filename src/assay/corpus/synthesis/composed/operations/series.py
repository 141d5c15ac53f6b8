"""Lists made of one small number: divisors, primes, sequences of a given length, walks that end."""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

ASCENDING = ("The result is in ascending order.", "all(a <= b for a, b in zip(result, result[1:]))")
NUMBER = Noun("number", "numbers")

OPERATIONS = (
    Operation(
        name="up_to",
        family="numbers",
        takes=("count",),
        gives="numbers",
        forms=(
            *expressions("list(range(1, {x} + 1))", "[{_at} + 1 for {_at} in range({x})]"),
            Form(block="{out}: list[int] = []\nwhile len({out}) < {x}:\n    {out}.append(len({out}) + 1)"),
        ),
        noun=("the whole numbers from 1 to {x}",),
        step=("list the whole numbers from 1 to {x}",),
        note="If the upper end is 0, there are none.",
        names=("range_of_numbers", "series"),
        becomes=NUMBER,
        ensures=(ASCENDING,),
        inverse="len(result)",
    ),
    Operation(
        name="divisors",
        family="numbers",
        takes=("count",),
        gives="numbers",
        forms=(
            *expressions("[{_d} for {_d} in range(1, {x} + 1) if {x} % {_d} == 0]"),
            Form(
                block="""\
{_low}: list[int] = []
{_high}: list[int] = []
{_d} = 1
while {_d} * {_d} <= {x}:
    if {x} % {_d} == 0:
        {_low}.append({_d})
        if {_d} * {_d} < {x}:
            {_high}.insert(0, {x} // {_d})
    {_d} += 1
{out} = {_low} + {_high}"""
            ),
        ),
        noun=("the divisors of {x} in ascending order",),
        step=("list the divisors of {x} in ascending order",),
        note="The divisors of a number include 1 and itself; 0 has none here.",
        names=("divisors", "factors"),
        becomes=Noun("divisor", "divisors"),
        ensures=(ASCENDING,),
        inverse="max(result, default=0)",
        weight=1.3,
    ),
    Operation(
        name="prime_factors",
        family="numbers",
        takes=("count",),
        gives="numbers",
        forms=(
            Form(
                block="""\
{out} = []
{_left}, {_d} = {x}, 2
while {_left} > 1:
    while {_left} % {_d} == 0:
        {out}.append({_d})
        {_left} //= {_d}
    {_d} += 1"""
            ),
            Form(
                helper='''
def factorise(value: int) -> list[int]:
    """Return the prime factors of a number, smallest first."""
    for divisor in range(2, math.isqrt(value) + 1):
        if value % divisor == 0:
            return [divisor, *factorise(value // divisor)]
    return [value] if value > 1 else []
''',
                expression="factorise({x})",
                imports=("import math",),
                style="recursive",
            ),
        ),
        noun=("the prime factors of {x} in ascending order",),
        step=("break {x} up into prime factors, smallest first",),
        note="A factor is listed as many times as it divides the number; 0 and 1 have none.",
        names=("prime_factors", "primes"),
        becomes=Noun("prime factor", "prime factors"),
        ensures=(ASCENDING, ("Every factor is at least 2.", "min(result, default=2) >= 2")),
    ),
    Operation(
        name="primes_up_to",
        family="numbers",
        takes=("count",),
        gives="numbers",
        forms=(
            *expressions(
                "[{_n} for {_n} in range(2, {x} + 1) if all({_n} % {_d} for {_d} in range(2, math.isqrt({_n}) + 1))]",
                imports=("import math",),
            ),
            Form(
                block="""\
{_crossed} = [False] * ({x} + 1)
{out} = []
for {_n} in range(2, {x} + 1):
    if not {_crossed}[{_n}]:
        {out}.append({_n})
        for {_multiple} in range({_n} * {_n}, {x} + 1, {_n}):
            {_crossed}[{_multiple}] = True"""
            ),
        ),
        noun=("the prime numbers up to {x}",),
        step=("list the prime numbers up to {x}",),
        note="A prime number is greater than 1 and divisible by 1 and itself alone; the upper end is included.",
        names=("primes", "prime_list"),
        becomes=Noun("prime", "primes"),
        ensures=(ASCENDING, ("No prime is below 2.", "min(result, default=2) >= 2")),
    ),
    Operation(
        name="collatz_walk",
        family="simulation",
        takes=("count",),
        gives="numbers",
        forms=(
            Form(
                block="""\
{_at} = {x}
{out} = [{_at}]
while {_at} > 1:
    {_at} = {_at} // 2 if {_at} % 2 == 0 else 3 * {_at} + 1
    {out}.append({_at})"""
            ),
            Form(
                helper='''
def collatz_from(value: int) -> list[int]:
    """Return the Collatz sequence from a number to 1."""
    if value <= 1:
        return [value]
    return [value, *collatz_from(3 * value + 1 if value % 2 else value // 2)]
''',
                expression="collatz_from({x})",
                style="recursive",
            ),
        ),
        noun=("the Collatz sequence that starts at {x}",),
        step=("write down the Collatz sequence that starts at {x}",),
        note="An even number is followed by its half, an odd one by three times itself plus 1; the sequence stops at "
        "1, or at once if it starts at 0.",
        names=("sequence", "collatz"),
        becomes=Noun("term", "terms"),
        inverse="result[0]",
    ),
    Operation(
        name="fibonacci",
        family="numbers",
        takes=("count",),
        gives="numbers",
        literals={"m": (10, 100, 1000)},
        forms=(
            Form(
                block="""\
{out} = []
{_a}, {_b} = 0, 1
for _ in range({x}):
    {out}.append({_a})
    {_a}, {_b} = {_b}, ({_a} + {_b}) % {m}"""
            ),
            Form(
                block="""\
{out}: list[int] = []
for {_at} in range({x}):
    {out}.append({_at} if {_at} < 2 else ({out}[-1] + {out}[-2]) % {m})"""
            ),
        ),
        noun=("the first Fibonacci numbers modulo {m}, as many as {x}",),
        step=("list the first Fibonacci numbers modulo {m}, as many as {x}",),
        note="The Fibonacci numbers are 0, 1, 1, 2, 3, 5 and so on, each the sum of the two before it.",
        names=("fibonacci", "fib"),
        becomes=Noun("term", "terms"),
        ensures=(("Every term is from 0 to below {m}.", "set(result) <= set(range(m))"),),
        inverse="len(result)",
    ),
    Operation(
        name="fibonacci_parts",
        family="numbers",
        takes=("count",),
        gives="numbers",
        forms=(
            Form(
                block="""\
{_terms} = [1, 2]
while {_terms}[-1] < {x}:
    {_terms}.append({_terms}[-1] + {_terms}[-2])
{out} = []
{_left} = {x}
for {_term} in reversed({_terms}):
    if {_term} <= {_left}:
        {out}.append({_term})
        {_left} -= {_term}"""
            ),
            Form(
                helper='''
def zeckendorf(value: int) -> list[int]:
    """Return different Fibonacci numbers that add up to a number, the largest first."""
    if value == 0:
        return []
    term, following = 1, 2
    while following <= value:
        term, following = following, term + following
    return [term, *zeckendorf(value - term)]
''',
                expression="zeckendorf({x})",
                style="recursive",
            ),
        ),
        noun=("the Fibonacci numbers into which {x} is broken up greedily",),
        step=("break {x} up greedily into Fibonacci numbers",),
        note="Greedily means: take the largest Fibonacci number (1, 2, 3, 5, 8, ...) that fits, and go on with what "
        "is left.",
        names=("fibonacci_parts", "summands"),
        becomes=Noun("part", "parts"),
        ensures=(("No number comes twice.", "len(set(result)) == len(result)"),),
        inverse="sum(result)",
        weight=0.7,
    ),
    Operation(
        name="open_doors",
        family="simulation",
        takes=("count",),
        gives="numbers",
        forms=(
            Form(
                block="""\
{_is_open} = [False] * ({x} + 1)
for {_step} in range(1, {x} + 1):
    for {_door} in range({_step}, {x} + 1, {_step}):
        {_is_open}[{_door}] = not {_is_open}[{_door}]
{out} = [{_door} for {_door} in range(1, {x} + 1) if {_is_open}[{_door}]]"""
            ),
            *expressions("[{_root} ** 2 for {_root} in range(1, math.isqrt({x}) + 1)]", imports=("import math",)),
        ),
        noun=("the doors that are open in the end in a corridor whose length is {x}",),
        step=("find the doors that are open in the end in a corridor whose length is {x}",),
        note="A corridor of length n has n doors, numbered from 1, which are closed at first; in round 1 every door "
        "is opened, in round 2 every second one closed, and so on: round n turns every n-th door, and there are as "
        "many rounds as doors.",
        names=("open_doors", "doors"),
        becomes=Noun("door", "doors"),
        ensures=(ASCENDING,),
        weight=0.6,
    ),
    Operation(
        name="countdown",
        family="numbers",
        takes=("count",),
        gives="numbers",
        literals={"k": (2, 3, 5)},
        forms=(
            *expressions("list(range({x}, -1, -{k}))"),
            *expressions("[{_n} for {_n} in reversed(range({x} + 1)) if ({x} - {_n}) % {k} == 0]"),
            Form(block="{out} = []\n{_n} = {x}\nwhile {_n} >= 0:\n    {out}.append({_n})\n    {_n} -= {k}"),
        ),
        noun=("the countdown from {x} by {k}",),
        step=("count down from {x} by {k}",),
        note="A countdown begins with the number itself and goes on as long as it is not negative.",
        names=("countdown", "descent"),
        becomes=NUMBER,
        inverse="result[0]",
        weight=0.6,
    ),
)
