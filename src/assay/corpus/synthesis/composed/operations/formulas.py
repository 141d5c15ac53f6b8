"""Formulas of whole numbers, signs and round brackets: tokens, value, postfix notation.

A formula is read by recursive descent and, independently, by Dijkstra's shunting-yard or by splitting it at the sign
that binds least. Formulas are well formed or empty; their values are as large as they are.
"""

from assay.corpus.synthesis.composed.kind import Noun
from assay.corpus.synthesis.composed.operation import Form, Operation, expressions

_NUMBER = Noun("number", "numbers")
_REGEX = ("import re",)
_TOKENS = "A token is a number, a sign or a bracket."

_DESCENT = '''
def evaluate(tokens: list[str]) -> int:
    """Take a sum of products from the front of the tokens; a bracket holds a sum again."""
    total, sign = 0, 1
    while tokens and tokens[0] != ")":
        if tokens[0] in "+-":
            sign = 1 if tokens.pop(0) == "+" else -1
        product = 1
        while tokens and tokens[0] not in "+-)":
            token = tokens.pop(0)
            if token == "(":
                product *= evaluate(tokens)
                tokens.pop(0)
            elif token != "*":
                product *= int(token)
        total += sign * product
    return total
'''

_YARD = '''
def postfix(formula: str) -> list[str]:
    """Let signs wait on a stack until no sign that binds more tightly can follow."""
    written, waiting = [], [""]
    for token in formula.replace("(", "( ").replace(")", " )").split():
        if token.isdigit():
            written.append(token)
        elif token == "(":
            waiting.append(token)
        elif token == ")":
            while waiting[-1] != "(":
                written.append(waiting.pop())
            waiting.pop()
        else:
            while waiting[-1] == "*" or (token in "+-" and waiting[-1] in ("+", "-")):
                written.append(waiting.pop())
            waiting.append(token)
    return written + waiting[:0:-1]
'''

_BY_SIGN = '''
def to_postfix(formula: str) -> list[str]:
    """Split at the last sign outside brackets that binds least, and write it last."""
    for signs in ("+-", "*"):
        depth = 0
        for at in range(len(formula) - 1, -1, -1):
            depth += (formula[at] == ")") - (formula[at] == "(")
            if depth == 0 and formula[at] in signs:
                left, right = formula[:at].strip(), formula[at + 1 :].strip()
                return [*to_postfix(left), *to_postfix(right), formula[at]]
    if formula.startswith("("):
        return to_postfix(formula[1:-1])
    return [formula] if formula else []
'''

OPERATIONS = (
    Operation(
        name="formula_value",
        family="parsing",
        takes=("formula",),
        gives="number",
        literals={"d": (0, -1)},
        forms=(
            Form(
                expression="evaluate(re.findall(r'[0-9]+|[-+*()]', {x})) if {x} else {d}",
                helper=_DESCENT,
                imports=_REGEX,
                style="recursive",
            ),
            Form(
                block="{_stack}: list[int] = []\nfor {_token} in postfix({x}):\n    if {_token}.isdigit():\n"
                "        {_stack}.append(int({_token}))\n    else:\n"
                "        {_right}, {_left} = {_stack}.pop(), {_stack}.pop()\n        if {_token} == '+':\n"
                "            {_stack}.append({_left} + {_right})\n        elif {_token} == '-':\n"
                "            {_stack}.append({_left} - {_right})\n        else:\n"
                "            {_stack}.append({_left} * {_right})\n{out} = {_stack}[0] if {_stack} else {d}",
                helper=_YARD,
            ),
        ),
        noun=("the value of {x}",),
        step=("evaluate {x} without using eval", "work out the value of {x}"),
        note="As usual, brackets come first, then products, then sums and differences from left to right. The value"
        " of the"
        " empty text is {d}.",
        names=("value", "worth"),
        becomes=_NUMBER,
        weight=1.5,
    ),
    Operation(
        name="formula_postfix",
        family="parsing",
        takes=("formula",),
        gives="words",
        forms=(
            Form(expression="postfix({x})", helper=_YARD),
            Form(expression="to_postfix({x})", helper=_BY_SIGN, style="recursive"),
        ),
        noun=("{x} in postfix notation, as a list of numbers and signs",),
        step=("write {x} in postfix notation, as a list of numbers and signs, all as texts",),
        note="In postfix notation each sign stands behind the two things it joins, each of them a number or again in"
        " postfix"
        " notation, and there are no brackets: '2 * (3 + 14)' becomes ['2', '3', '14', '+', '*']. Products bind more"
        " tightly"
        " than sums and differences, and equals are joined from left to right.",
        names=("postfix_tokens", "in_postfix"),
        becomes=Noun("token", "tokens"),
        ensures=(("There is no bracket in the result.", "'(' not in result and ')' not in result"),),
    ),
    Operation(
        name="formula_tokens",
        family="parsing",
        takes=("formula",),
        gives="words",
        forms=(
            Form(expression="re.findall(r'[0-9]+|[-+*()]', {x})", imports=_REGEX, style="library"),
            Form(
                block="{out}: list[str] = []\n{_before} = ' '\nfor {_mark} in {x}:\n"
                "    if {_mark}.isdigit() and {_before}.isdigit():\n"
                "        {out}[-1] += {_mark}\n    elif {_mark} != ' ':\n        {out}.append({_mark})\n"
                "    {_before} = {_mark}"
            ),
        ),
        noun=("the tokens of {x}",),
        step=("split {x} into its tokens",),
        note=_TOKENS,
        names=("tokens", "symbols"),
        becomes=Noun("token", "tokens"),
        ensures=(("No token has a space in it.", "all(' ' not in token for token in result)"),),
        weight=0.7,
    ),
    Operation(
        name="formula_numbers",
        family="parsing",
        takes=("formula",),
        gives="numbers",
        forms=(
            Form(expression="[int({_run}) for {_run} in re.findall('[0-9]+', {x})]", imports=_REGEX, style="library"),
            Form(
                block="{out}: list[int] = []\n{_before} = ' '\nfor {_mark} in {x}:\n"
                "    if {_mark}.isdigit() and {_before}.isdigit():\n"
                "        {out}[-1] = 10 * {out}[-1] + int({_mark})\n    elif {_mark}.isdigit():\n"
                "        {out}.append(int({_mark}))\n    {_before} = {_mark}"
            ),
        ),
        noun=("the numbers in {x}, in the order in which they are written",),
        step=("list the numbers in {x}, in the order in which they are written",),
        names=("operands", "written_numbers"),
        becomes=_NUMBER,
        ensures=(("No number is negative.", "all(number >= 0 for number in result)"),),
        weight=0.5,
    ),
    Operation(
        name="formula_brackets",
        family="parsing",
        takes=("formula",),
        gives="brackets",
        forms=(
            *expressions("''.join({_mark} for {_mark} in {x} if {_mark} in '()')"),
            Form(expression="re.sub('[^()]', '', {x})", imports=_REGEX, style="library"),
        ),
        noun=("the brackets of {x}, without anything else",),
        step=("keep only the brackets of {x}",),
        names=("brackets", "bracket_text"),
        becomes=Noun("text", "texts"),
        ensures=(("As many brackets are opened as closed.", "result.count('(') == result.count(')')"),),
        weight=0.5,
    ),
    Operation(
        name="formula_left_to_right",
        family="parsing",
        takes=("formula",),
        gives="number",
        literals={"d": (0, -1)},
        forms=(
            Form(
                expression="calculate(re.findall(r'[0-9]+|[-+*()]', {x})) if {x} else {d}",
                helper='''
def calculate(tokens: list[str]) -> int:
    """Join one number after another to the value so far, up to a closing bracket."""
    value, sign = 0, "+"
    while tokens:
        token = tokens.pop(0)
        if token == ")":
            break
        if token in "+-*":
            sign = token
            continue
        number = calculate(tokens) if token == "(" else int(token)
        value = value + number if sign == "+" else value - number if sign == "-" else value * number
    return value
''',
                imports=_REGEX,
                style="recursive",
            ),
            Form(
                block="{_open}: list[tuple[int, str]] = []\n{_value}, {_sign} = 0, '+'\n"
                "for {_token} in {x}.replace('(', '( ').replace(')', ' )').split():\n    if {_token} == '(':\n"
                "        {_open}.append(({_value}, {_sign}))\n        {_value}, {_sign} = 0, '+'\n        continue\n"
                "    if {_token} in '+-*':\n        {_sign} = {_token}\n        continue\n    if {_token} == ')':\n"
                "        {_number} = {_value}\n        {_value}, {_sign} = {_open}.pop()\n    else:\n"
                "        {_number} = int({_token})\n    if {_sign} == '*':\n        {_value} *= {_number}\n    else:\n"
                "        {_value} += {_number} if {_sign} == '+' else -{_number}\n{out} = {_value} if {x} else {d}"
            ),
        ),
        noun=("what {x} comes to on a simple calculator",),
        step=("find what {x} comes to on a simple calculator",),
        note="A simple calculator works strictly from left to right, so that '2 + 3 * 4' is 20; only what stands in"
        " brackets"
        " is worked out first, in the same way. The empty text comes to {d}.",
        names=("value", "display"),
        becomes=_NUMBER,
        weight=0.6,
    ),
)
