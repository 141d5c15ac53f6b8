"""Numbers as people write them: Roman, in digits, in words, as ordinals, columns and times of day.

The one form goes by the rule that a pupil learns, the other by tables, recursion or Python's own conversion. What is
empty or too large for a notation says what is done with it.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

_TEXT = Noun("text", "texts")
_NUMBER = Noun("number", "numbers")
_DIGITS = Noun("digit", "digits")
_TENS = """(
        "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty",
        "ninety",
    )"""
_SMALL = """(
        "", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
        "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen",
        "seventeen", "eighteen", "nineteen",
    )"""

OPERATIONS = (
    Operation(
        name="from_roman",
        family="parsing",
        takes=("text",),
        gives="number",
        forms=(
            Form(
                block="{_worth} = dict(I=1, V=5, X=10, L=50, C=100, D=500, M=1000)\n"
                "{_values} = [{_worth}[{_sign}] for {_sign} in {x}.upper() if {_sign} in {_worth}]\n"
                "{out} = 0\nfor {_value}, {_next} in zip({_values}, [*{_values}[1:], 0]):\n"
                "    {out} += -{_value} if {_value} < {_next} else {_value}"
            ),
            Form(
                block="{out} = {_after} = 0\nfor {_sign} in reversed({x}.upper()):\n"
                "    {_place} = 'IVXLCDM'.find({_sign})\n    if {_place} >= 0:\n"
                "        {_value} = 10 ** ({_place} // 2) * (5 if {_place} % 2 else 1)\n"
                "        {out} += {_value} if {_value} >= {_after} else -{_value}\n        {_after} = {_value}"
            ),
        ),
        noun=("what the letters of {x} are worth, read as a Roman numeral",),
        step=("read the letters of {x} as a Roman numeral and find what it is worth",),
        note="I is worth 1, V 5, X 10, L 50, C 100, D 500 and M 1000, small letters as much as capital ones, and"
        " every other"
        " character is passed over. The values are added up, but one that is smaller than the next is taken away"
        " instead.",
        names=("worth", "number_read"),
        becomes=_NUMBER,
        ensures=(("The result is not negative.", "result >= 0"),),
        weight=0.3,
    ),
    Operation(
        name="decimal_digits",
        family="numbers",
        takes=("number",),
        gives="digits",
        forms=(
            *expressions("str({x}).lstrip('-')", "str(abs({x}))"),
            Form(
                block="{_rest} = abs({x})\n{out} = str({_rest} % 10)\nwhile {_rest} >= 10:\n    {_rest} //= 10\n"
                "    {out} = str({_rest} % 10) + {out}"
            ),
        ),
        noun=("the decimal digits of {x}, without its sign",),
        step=("write the decimal digits of {x} without its sign",),
        names=("digits", "digit_text"),
        becomes=_DIGITS,
        ensures=(("There is at least one digit.", "len(result) >= 1"),),
        weight=0.5,
    ),
    Operation(
        name="spelled_out",
        family="parsing",
        takes=("count",),
        gives="text",
        forms=(
            Form(
                expression="spell({x}).strip() or 'zero'",
                helper=f'''
def spell(number: int) -> str:
    """Spell the thousands, then the hundreds, then what is left; nothing for zero."""
    small = {_SMALL}
    tens = {_TENS}
    if number >= 1000:
        return spell(number // 1000) + " thousand " + spell(number % 1000)
    if number >= 100:
        return small[number // 100] + " hundred " + spell(number % 100)
    if number < 20:
        return small[number]
    return tens[number // 10] + ("-" + small[number % 10] if number % 10 else "")
''',
                style="recursive",
            ),
            Form(
                expression="name_number({x})",
                helper=f'''
def name_number(number: int) -> str:
    """Name each group of three digits from the right, with its unit behind it."""
    small = {_SMALL}
    tens = {_TENS}
    parts: list[str] = []
    for unit in ("", "thousand", "million"):
        number, group = divmod(number, 1000)
        words = [small[group // 100], "hundred"] if group >= 100 else []
        rest = group % 100
        below = small[rest] if rest < 20 else tens[rest // 10] + "-" + small[rest % 10]
        if group:
            parts = [*words, below.rstrip("-"), unit, *parts]
    return " ".join(filter(None, parts)) or "zero"
''',
            ),
        ),
        noun=("{x} in English words",),
        step=("write {x} in English words",),
        note="They are small letters, as in 'zero', 'forty-two', 'two hundred five' and 'six thousand seventeen': a"
        " hyphen"
        " between tens and ones, single spaces elsewhere, and never 'and'.",
        names=("spelled", "in_words"),
        becomes=_TEXT,
        ensures=(
            ("There are small letters, hyphens and spaces only.", "result == result.lower() and not result.isdigit()"),
        ),
    ),
    Operation(
        name="ordinal",
        family="parsing",
        takes=("count",),
        gives="text",
        forms=(
            Form(
                block="if {x} % 100 in (11, 12, 13):\n    {_ending} = 'th'\nelse:\n"
                "    {_ending} = dict([(1, 'st'), (2, 'nd'), (3, 'rd')]).get({x} % 10, 'th')\n"
                "{out} = str({x}) + {_ending}"
            ),
            Form(
                block="{_last} = 0 if {x} // 10 % 10 == 1 else {x} % 10\n"
                "{out} = str({x}) + ['th', 'st', 'nd', 'rd', *6 * ['th']][{_last}]"
            ),
        ),
        noun=("{x} as an English ordinal",),
        step=("write {x} as an English ordinal",),
        note="An ordinal has 'st' behind a number that ends in 1, 'nd' behind one that ends in 2, 'rd' behind one"
        " that ends in"
        " 3 and 'th' behind any other, but 'th' behind those that end in 11, 12 or 13: '1st', '12th', '23rd'.",
        names=("ordinal", "rank_text"),
        becomes=_TEXT,
        inverse="int(result[:-2])",
        weight=0.6,
    ),
    Operation(
        name="column_name",
        family="numbers",
        takes=("count",),
        gives="text",
        forms=(
            Form(
                block="{_rest}, {out} = {x}, ''\nwhile {_rest} > 0:\n    {_rest}, {_letter} = divmod({_rest} - 1, 26)\n"
                "    {out} = chr(ord('A') + {_letter}) + {out}"
            ),
            Form(
                expression="name_column({x})",
                helper='''
def name_column(number: int) -> str:
    """Name what comes before the last letter, then take the last letter."""
    if number == 0:
        return ""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    last = number % 26 or 26
    return name_column((number - last) // 26) + letters[last - 1]
''',
                style="recursive",
            ),
        ),
        noun=("the letters of column {x} in a spreadsheet",),
        step=("find the letters of column {x} in a spreadsheet",),
        note="The columns are called A to Z, then AA, AB and so on to AZ, BA and so on, counted from 1; column 0 is"
        " the empty"
        " text.",
        names=("column_letters", "label"),
        becomes=_TEXT,
        ensures=(("There are capital letters only.", "result == '' or (result.isalpha() and result.isupper())"),),
        weight=0.7,
    ),
    Operation(
        name="clock_time",
        family="parsing",
        takes=("count",),
        gives="text",
        forms=(
            Form(expression="f'{{{x} // 3600}}:{{{x} // 60 % 60:02}}:{{{x} % 60:02}}'"),
            Form(
                block="{_minutes}, {_seconds} = divmod({x}, 60)\n{_hours}, {_minutes} = divmod({_minutes}, 60)\n"
                "{out} = ':'.join([str({_hours}), str({_minutes}).zfill(2), str({_seconds}).zfill(2)])"
            ),
        ),
        noun=("the time of {x} seconds, as hours:minutes:seconds",),
        step=("write {x}, taken as seconds, as hours:minutes:seconds",),
        note="Minutes and seconds have two digits each, as in '1:05:09'.",
        names=("duration", "clock"),
        becomes=_TEXT,
        inverse="int(result[:-6]) * 3600 + int(result[-5:-3]) * 60 + int(result[-2:])",
        weight=0.6,
    ),
)
