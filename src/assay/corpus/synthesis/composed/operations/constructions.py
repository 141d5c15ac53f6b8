"""Lists and texts that are built from smaller ones of their kind: towers, codes, rulers, triangles, bracketings.

As they double in length with each step, they are made for the remainder of a number by a small one. Each can also be
had without recursion, mostly from binary numbers.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

OPERATIONS = (
    Operation(
        name="hanoi",
        family="recursion",
        takes=("count",),
        gives="words",
        literals={"k": (4, 5, 6)},
        forms=(
            Form(
                expression="move_tower({x} % {k}, 'A', 'B', 'C')",
                helper='''
def move_tower(discs: int, start: str, spare: str, goal: str) -> list[str]:
    """Move all but the largest disc out of the way, then the largest, then the others on top."""
    if discs == 0:
        return []
    before = move_tower(discs - 1, start, goal, spare)
    after = move_tower(discs - 1, spare, start, goal)
    return [*before, start + goal, *after]
''',
                style="recursive",
            ),
            Form(
                expression="moves_of_tower({x} % {k})",
                helper='''
def moves_of_tower(discs: int) -> list[str]:
    """Each disc goes round the pegs one way; the binary number of a move tells which it is."""
    pegs = [0] * discs
    moves = []
    for number in range(1, 2**discs):
        disc = (number & -number).bit_length() - 1
        step = 2 if (discs - disc) % 2 else 1
        goal = (pegs[disc] + step) % 3
        moves.append("ABC"[pegs[disc]] + "ABC"[goal])
        pegs[disc] = goal
    return moves
''',
            ),
        ),
        noun=(
            "the moves that bring a tower of Hanoi of d discs from peg A to peg C, where d is the remainder of {x} "
            "by {k}",
        ),
        step=(
            "bring a tower of Hanoi of d discs, where d is the remainder of {x} by {k}, from peg A to peg C and "
            "list the moves",
        ),
        note="Only the uppermost disc of a peg can be moved, never onto a smaller one, and there are as few moves "
        "as possible over the pegs A, B and C. A move is written as the peg that a disc leaves and the one that "
        "it goes to, such as `'AC'`.",
        names=("moves", "tower_moves"),
        becomes=Noun("move", "moves"),
        ensures=(("For d discs there are 2 ** d - 1 moves.", "(len(result) + 1).bit_count() == 1"),),
        weight=0.6,
    ),
    Operation(
        name="joined_orders",
        family="recursion",
        takes=("words",),
        gives="words",
        literals={"k": (2, 3)},
        forms=(
            Form(
                expression="['-'.join({_order}) for {_order} in permutations({x}[:{k}])]",
                imports=("from itertools import permutations",),
                style="library",
            ),
            Form(
                expression="join_orders({x}[:{k}])",
                helper='''
def join_orders(words: list[str]) -> list[str]:
    """Put each word in turn in front of all orders of the others."""
    if len(words) < 2:
        return ["-".join(words)]
    orders = []
    for at, word in enumerate(words):
        orders += [word + "-" + rest for rest in join_orders(words[:at] + words[at + 1 :])]
    return orders
''',
                style="recursive",
            ),
        ),
        noun=("all orders of the first {k} of {x}, each joined with `-`",),
        step=("list all orders of the first {k} of {x}, each joined with `-`",),
        note="If there are fewer than {k}, all are used, and the one order of none is the empty text. Orders that "
        "begin with the first come first, then those that begin with the second, and so on; likewise for what "
        "follows.",
        names=("orders", "all_orders"),
        becomes=Noun("order", "orders"),
        weight=0.7,
    ),
    Operation(
        name="gray_codes",
        family="recursion",
        takes=("count",),
        gives="words",
        literals={"k": (4, 5)},
        forms=(
            Form(
                expression="reflect_codes({x} % {k})",
                helper='''
def reflect_codes(bits: int) -> list[str]:
    """Codes with one bit less behind a 0, then the same backwards behind a 1."""
    if bits == 0:
        return [""]
    shorter = reflect_codes(bits - 1)
    return ["0" + code for code in shorter] + ["1" + code for code in reversed(shorter)]
''',
                style="recursive",
            ),
            Form(
                block="""{_bits} = {x} % {k}
{out} = []
for {_number} in range(2**{_bits}):
    {_code} = format({_number} ^ ({_number} >> 1), "b").zfill({_bits})
    {out}.append({_code} if {_bits} else "")"""
            ),
        ),
        noun=("the reflected Gray code of b bits, where b is the remainder of {x} by {k}",),
        step=("list the reflected Gray code of b bits, where b is the remainder of {x} by {k}",),
        note="That of 0 bits is the empty text alone. That of one bit more is the one before with `0` in front of "
        "each, followed by the one before in reverse order with `1` in front of each.",
        names=("codes", "gray"),
        becomes=Noun("code", "codes"),
        ensures=(("No code stands there twice.", "len(result) == len(set(result))"),),
        weight=0.6,
    ),
    Operation(
        name="pascal_row",
        family="recursion",
        takes=("count",),
        gives="numbers",
        literals={"k": (6, 8, 12)},
        forms=(
            Form(
                block="""{_row} = {x} % {k}
{out} = [math.comb({_row}, {_place}) for {_place} in range({_row} + 1)]""",
                imports=("import math",),
                style="library",
            ),
            Form(
                expression="row_of_pascal({x} % {k})",
                helper='''
def row_of_pascal(number: int) -> list[int]:
    """Add up the row before and the same shifted by one place."""
    if number == 0:
        return [1]
    before = row_of_pascal(number - 1)
    return [left + right for left, right in zip([0, *before], [*before, 0])]
''',
                style="recursive",
            ),
        ),
        noun=("row r of Pascal's triangle, where r is the remainder of {x} by {k}",),
        step=("write down row r of Pascal's triangle, where r is the remainder of {x} by {k}",),
        note="Row 0 is a single 1, and every further row is one longer, begins and ends with 1, and has in between "
        "the sums of each two neighbours of the row before.",
        names=("pascal_row", "coefficients"),
        becomes=Noun("coefficient", "coefficients"),
        ensures=(
            ("The result reads the same backwards.", "result == result[::-1]"),
            ("Its sum is a power of two.", "sum(result).bit_count() == 1"),
        ),
    ),
    Operation(
        name="ruler",
        family="recursion",
        takes=("count",),
        gives="numbers",
        literals={"k": (4, 5, 6)},
        forms=(
            Form(
                expression="draw_ruler({x} % {k})",
                helper='''
def draw_ruler(longest: int) -> list[int]:
    """The longest mark between two rulers with marks up to one less."""
    if longest == 0:
        return []
    half = draw_ruler(longest - 1)
    return [*half, longest, *half]
''',
                style="recursive",
            ),
            *expressions("[({_mark} & -{_mark}).bit_length() for {_mark} in range(1, 2 ** ({x} % {k}))]"),
        ),
        noun=("the lengths of the marks on a ruler of order r, where r is the remainder of {x} by {k}",),
        step=("list the lengths of the marks on a ruler of order r, where r is the remainder of {x} by {k}",),
        note="A ruler of order 0 has no marks; one of order r has a mark of length r in the middle and a ruler of "
        "order r - 1 on either side of it.",
        names=("marks", "ruler"),
        becomes=Noun("mark", "marks"),
        ensures=(("The result reads the same backwards.", "result == result[::-1]"),),
        weight=0.7,
    ),
    Operation(
        name="thue_morse",
        family="recursion",
        takes=("count",),
        gives="digits",
        forms=(
            *expressions("''.join('01'[{_at}.bit_count() % 2] for {_at} in range({x} % 64))"),
            Form(
                expression="double_up('0', {x} % 64)",
                helper='''
def double_up(digits: str, length: int) -> str:
    """Put the opposite of all digits behind them until there are enough."""
    if len(digits) >= length:
        return digits[:length]
    return double_up(digits + digits.translate(str.maketrans("01", "10")), length)
''',
                style="recursive",
            ),
        ),
        noun=("the first d digits of the Thue-Morse sequence, where d is the remainder of {x} by 64",),
        step=("write down the first d digits of the Thue-Morse sequence, where d is the remainder of {x} by 64",),
        note="The sequence begins with `0` and is doubled again and again by putting behind it the same digits with "
        "`0` and `1` exchanged.",
        names=("sequence_digits", "thue_morse"),
        becomes=Noun("digit", "digits"),
        ensures=(("No digit comes three times in a row.", "'000' not in result and '111' not in result"),),
        weight=0.7,
    ),
    Operation(
        name="bracketings",
        family="recursion",
        takes=("count",),
        gives="words",
        literals={"k": (4, 5)},
        forms=(
            Form(
                expression="pair_brackets('', {x} % {k}, 0)",
                helper='''
def pair_brackets(begun: str, to_open: int, to_close: int) -> list[str]:
    """Open a bracket if some are left to open, then close one if one is open."""
    if to_open == to_close == 0:
        return [begun]
    found = []
    if to_open:
        found += pair_brackets(begun + "(", to_open - 1, to_close + 1)
    if to_close:
        found += pair_brackets(begun + ")", to_open, to_close - 1)
    return found
''',
                style="recursive",
            ),
            Form(
                expression="filter_brackets({x} % {k})",
                helper='''
def filter_brackets(pairs: int) -> list[str]:
    """Of all texts of brackets keep those in which none closes too early and none stays open."""
    kept = []
    for brackets in product("()", repeat=2 * pairs):
        depths = list(accumulate(1 if bracket == "(" else -1 for bracket in brackets))
        if min(depths, default=0) >= 0 and depths[-1:] in ([], [0]):
            kept.append("".join(brackets))
    return kept
''',
                imports=("from itertools import accumulate, product",),
                style="library",
            ),
        ),
        noun=("all well-formed texts of p pairs of round brackets, where p is the remainder of {x} by {k}",),
        step=("list all well-formed texts of p pairs of round brackets, where p is the remainder of {x} by {k}",),
        note="They are in the order in which Python sorts texts; of no pairs there is one, the empty text.",
        names=("bracketings", "well_formed"),
        becomes=Noun("text", "texts"),
        ensures=(("The result is sorted.", "result == sorted(result)"),),
        weight=0.6,
    ),
)
