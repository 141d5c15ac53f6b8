"""A program as Python: one function, its helpers above it, in whichever forms are chosen.

Expressions are put into one another where that reads well and else named; a value is never computed twice because it
was put in twice. Names come from the nouns of the inputs and from the operations. Two renderings of one program with
other forms are two implementations: where their results differ, one of them is wrong.
"""

import ast
import builtins
import keyword
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random

from assay.corpus.synthesis.composed.kind import ANNOTATIONS, Kind, Noun
from assay.corpus.synthesis.composed.operation import PLACE, Form, Operation
from assay.corpus.synthesis.composed.program import Chosen, Node, Program

Choose = Callable[[Operation], int]
"""Number of the form of an operation; also of the forms of its parts, as far as they have so many."""
LONGEST_LINE = 84
LONGEST_INLINE = 36
_TAKEN = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | {"random", "result", "other", "math", "heapq", "re"}
VALUE, UNKNOWN = "a value or function", "?"
"""What a name stands for that is no variable of a known type."""
_PLACE_OR_BRACE = re.compile(r"\{\{|\}\}|" + PLACE.pattern)
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_NEVER_BRACKETED = (
    ast.Name, ast.Call, ast.Subscript, ast.Attribute, ast.Constant, ast.List, ast.ListComp, ast.Dict, ast.DictComp,
    ast.Set, ast.SetComp, ast.JoinedStr, ast.Tuple,
)  # fmt: skip


@dataclass
class Written:
    """A program in Python."""

    source: str
    """Imports, helpers, function; ends with a newline."""
    signature: str
    names: dict[int, str] = field(default_factory=dict)
    """Variable of each value that has one."""


def function_name(source: str) -> str:
    """Of a helper's source."""
    return source.partition("def ")[2].partition("(")[0]


@cache
def identifier(words: str) -> str:
    """A name for code: ``daily reading`` → ``daily_reading``."""
    return re.sub(r"\W+", "_", words).strip("_").lower()


def render(
    program: Program,
    entry: str,
    choose: Choose,
    random: Random,
    comment: Callable[[int], str] | None = None,
) -> Written:
    """Write a program.

    Args:
        program: What to write.
        entry: Name of the function.
        choose: Which form of each operation; the same operation always gets the same.
        random: Decides names and what is put into what.
        comment: What to say above the statements of a node, by its number; None: nothing.
    """
    return _Writer(program, entry, choose, random, comment).write()


class _Writer:
    def __init__(
        self, program: Program, entry: str, choose: Choose, random: Random, comment: Callable[[int], str] | None
    ) -> None:
        self.program, self.entry, self.choose, self.random, self.comment = program, entry, choose, random, comment
        self.first = len(program.inputs)
        self.taken: dict[str, str] = {entry: VALUE} | {one.name: VALUE for one in program.inputs}
        self.values: dict[int, str] = {at: one.name for at, one in enumerate(program.inputs)}
        self.named: dict[int, str] = dict(self.values)
        self.nouns: list[Noun] = [one.noun for one in program.inputs]
        self.lines: list[str] = []
        self.imports: list[str] = []
        self.helpers: dict[str, str] = {}

    def write(self) -> Written:
        forms = [self._form(node) for node in self.program.nodes]
        self.taken |= {function_name(form.helper): VALUE for form in forms if form.helper}
        imports = [line for node, form in zip(self.program.nodes, forms, strict=True) for line in _lines(node, form)]
        self.taken |= {name: VALUE for line in imports for name in _imported(line)}
        last = len(forms) - 1
        for at, (node, form) in enumerate(zip(self.program.nodes, forms, strict=True)):
            self._node(at, node, form, at == last)
        inputs, gives = self.program.inputs, ANNOTATIONS[self.program.gives]
        parameters = ", ".join(f"{one.name}: {ANNOTATIONS[one.kind]}" for one in inputs)
        signature = f"def {self.entry}({parameters}) -> {gives}"
        body = "\n".join("    " + line if line else "" for line in self.lines)
        used = set(_WORD.findall("\n".join([body, *self.helpers.values()])))
        above = _imports(self.imports, used)
        blocks = [*([above] if above else []), *self.helpers.values()]
        return Written("\n\n\n".join([*blocks, f"{signature}:\n{body}"]) + "\n", signature, self.named)

    def _form(self, node: Node) -> Form:
        return node.operation.forms[self.choose(node.operation) % len(node.operation.forms)]

    def _node(self, at: int, node: Node, form: Form, last: bool) -> None:
        operation = node.operation
        value = self.first + at
        subject = self.nouns[node.arguments[0]]
        self.nouns.append(becomes(operation, subject, node))
        for line in _lines(node, form):
            if line not in self.imports:
                self.imports.append(line)
        if form.helper:
            source = self._fill(form.helper, node, {}, {}).strip("\n")
            name = function_name(source)
            if self.helpers.setdefault(name, source) != source:
                raise ValueError(f"operation {operation.name}: two functions are called {name}")
        text = form.block or form.expression
        arguments = {
            place: self._argument(one, text, place, bool(form.block), node)
            for place, one in zip(("x", "y"), node.arguments, strict=False)
        }
        said = self.comment(at) if self.comment else ""
        if said:
            self.lines += textwrap.wrap(said, LONGEST_LINE, initial_indent="# ", subsequent_indent="# ")
        locals_ = self._locals(text, node, subject, bool(form.block))
        if form.block:
            out = self._name(value, node)
            filled = self._fill(text, node, {**arguments, **locals_, "out": out}, locals_)
            self.lines += filled.split("\n")
            self.values[value] = self.named[value] = out
            if last:
                self.lines.append(f"return {out}")
            return
        filled = self._fill(text, node, {**arguments, **locals_}, locals_)
        if last:
            self.lines += _wrapped("return ", filled)
        elif self._may_go_in(value, filled):
            self.values[value] = filled
        else:
            out = self._name(value, node)
            self.lines += _wrapped(f"{out} = ", filled)
            self.values[value] = self.named[value] = out

    def _argument(self, value: int, text: str, place: str, block: bool, node: Node) -> str:
        """The name or expression that stands for a value in a template; named first where it cannot be put in."""
        given = self.values[value]
        if value in self.named:
            return given
        parts = [chosen.part for chosen in node.parts.values() if chosen.part.role == "reduce"]
        if block or parts or not _once(text, place) or len(given) + len(text) > LONGEST_LINE:
            out = self._name(value, self.program.nodes[value - self.first])
            self.lines += _wrapped(f"{out} = ", given)
            self.values[value] = self.named[value] = out
            return out
        return _bracketed(given, text, place)

    def _may_go_in(self, value: int, filled: str) -> bool:
        return len(self.program.users(value)) == 1 and len(filled) <= LONGEST_INLINE and self.random.random() < 0.6

    def _name(self, value: int, node: Node) -> str:
        noun = self.nouns[value]
        names = [identifier(_nouns(one, self.nouns[node.arguments[0]])) for one in node.operation.names]
        kind = node.operation.gives
        if node.operation.becomes is not None:
            names.append(identifier(noun.one if kind in {"number", "count", "flag", "text"} else noun.many))
        free = [name for name in names if name not in self.taken and name not in _TAKEN]
        chosen = self.random.choice(free) if free else self._free(names[0] if names else "found")
        self.taken[chosen] = VALUE
        return chosen

    def _locals(self, text: str, node: Node, noun: Noun, block: bool) -> dict[str, str]:
        """Names of the variables that a template uses."""
        found: dict[str, str] = {}
        words = {"one": noun.one, "key": noun.key or noun.one, "value": noun.value or noun.one}
        for name in _placeholders(text):
            if name in words:
                wished, sort = identifier(words[name]), _type_of(name, self.program.kind(node.arguments[0]))
            elif name.startswith("_"):
                wished, sort = name.strip("_"), UNKNOWN
            else:
                continue
            while wished in found.values():
                wished = (
                    f"inner_{wished}" if name == "one" else f"{wished}_name" if name == "key" else f"{wished}_value"
                )
            if wished in _TAKEN or not self._may_be(wished, sort, block):
                wished = self._free(wished)
            if block:
                self.taken[wished] = sort
            found[name] = wished
        return found

    def _may_be(self, wished: str, sort: str, block: bool) -> bool:
        """Whether a variable may have this name: it is new, holds what it held, or is a comprehension's own."""
        held = self.taken.get(wished)
        if held is None:
            return True
        return held != VALUE and (not block or held == sort != UNKNOWN)

    def _free(self, wished: str) -> str:
        number = 2
        while f"{wished}_{number}" in self.taken or f"{wished}_{number}" in _TAKEN:
            number += 1
        return f"{wished}_{number}"

    def _fill(self, text: str, node: Node, values: Mapping[str, str], locals_: Mapping[str, str]) -> str:
        choice = self.choose(node.operation)

        def put(match: re.Match[str]) -> str:
            name, argument = match.group(1), match.group(2)
            if name is None:
                return match.group()[0]
            if argument is not None:
                chosen = node.parts[name]
                of = _WORD.sub(lambda word: values.get(word.group(), word.group()), argument)
                return part_code(chosen, of, choice)
            if name in values:
                return values[name]
            return repr(node.literals[name])

        return _PLACE_OR_BRACE.sub(put, text)


def part_code(chosen: Chosen, of: str, choice: int) -> str:
    """A part applied to an expression."""
    form = chosen.part.forms[choice % len(chosen.part.forms)]
    given = set(_WORD.findall(of))
    for name in [one for one in dict.fromkeys(_bound(form)) if one in given]:
        form = re.sub(rf"\b{name}\b", _inner(name, given), form)
    return PLACE.sub(lambda match: of if match.group(1) == "v" else repr(chosen.literals[match.group(1)]), form)


@cache
def _bound(form: str) -> tuple[str, ...]:
    """Names that an expression binds itself, in comprehensions and lambdas, in the order in which they stand."""
    tree = ast.parse(PLACE.sub("_", form), mode="eval")
    targets = [node.target for node in ast.walk(tree) if isinstance(node, ast.comprehension)]
    stored = [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    return (*stored, *(node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)))


def _inner(name: str, given: set[str]) -> str:
    """Another name for what a part binds where its argument has the same."""
    free = (f"{before}_{name}" for before in ("inner", "its", "one"))
    return next(other for other in free if other not in given)


def becomes(operation: Operation, subject: Noun, node: Node) -> Noun:
    """What an operation's result, or what is in it, is called."""
    made = operation.becomes
    if made is None:
        return subject
    texts = [_nouns(one, subject, node) for one in (made.one, made.many, made.key, made.value)]
    return Noun(*texts)


def _nouns(text: str, noun: Noun, node: Node | None = None) -> str:
    words = {"x.one": noun.one, "x.many": noun.many, "x.key": noun.key, "x.value": noun.value}
    if node is not None:
        for name, chosen in node.parts.items():
            words |= {name: chosen.part.noun, f"{name}.many": chosen.part.many}
    return PLACE.sub(lambda match: words[match.group(1)], text)


def _type_of(place: str, kind: Kind) -> str:
    """Of the variable for what is in a value of a kind."""
    if place == "value":
        return {"groups": "list[int]", "bins": "list[str]", "graph": "list[str]"}.get(kind, "int")
    if place == "key":
        return "str"
    return {"numbers": "int", "pairs": "tuple[str, int]", "grid": "list[int]", "spans": "tuple[int, int]"}.get(
        kind, "str"
    )


@cache
def _placeholders(text: str) -> tuple[str, ...]:
    """Names of placeholders in order, those within the arguments of parts too, each once."""
    found: dict[str, None] = {}
    for match in PLACE.finditer(text.replace("{{", "").replace("}}", "")):
        if match.group(2) is None:
            found.setdefault(match.group(1))
        else:
            for word in _WORD.findall(match.group(2)):
                if word in {"one", "key", "value"} or word.startswith("_"):
                    found.setdefault(word)
    return tuple(found)


@cache
def _once(text: str, place: str) -> bool:
    """Whether an expression put there is computed once."""
    where = [match.start() for match in PLACE.finditer(text) if match.group(1) == place]
    inside = any(re.search(rf"\b{place}\b", match.group(2) or "") for match in PLACE.finditer(text))
    if len(where) != 1 or inside:
        return False
    before = text[: where[0]]
    return " for " not in text or (before.count(" in ") == 1 and before.endswith(" in "))


def _bracketed(given: str, text: str, place: str) -> str:
    if text == f"{{{place}}}" or re.search(rf"[(]\{{{place}\}}[,)]", text):
        return given
    tree = ast.parse(given, mode="eval").body
    return given if isinstance(tree, _NEVER_BRACKETED) else f"({given})"


def _wrapped(before: str, expression: str) -> list[str]:
    """A statement, over several lines where one is too long and the expression is in brackets of its own."""
    if len(before) + len(expression) + 4 <= LONGEST_LINE or "\n" in expression:
        return (before + expression).split("\n")
    for mark in (" for ", " if ", " else ", " and ", " or "):
        parts = _split_at_depth_one(expression, mark)
        if parts:
            inner = [f"    {parts[0]}", *(f"    {mark.strip()} {part}" for part in parts[1:])]
            return [f"{before}{expression[0]}", *inner, expression[-1]]
    return [before + expression]


def _split_at_depth_one(expression: str, mark: str) -> list[str]:
    if expression[0] not in "[{" or expression[-1] not in "]}":
        return []
    depth, start, parts, at = 0, 1, [], 0
    quoted = ""
    while at < len(expression):
        char = expression[at]
        if quoted:
            quoted = "" if char == quoted else quoted
        elif char in "'\"":
            quoted = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if depth == 0 and at < len(expression) - 1:
                return []
        elif depth == 1 and expression.startswith(mark, at):
            parts.append(expression[start:at])
            start = at + len(mark)
            at = start - 1
        at += 1
    return [*parts, expression[start:-1]] if parts else []


def _lines(node: Node, form: Form) -> list[str]:
    """The imports of an operation and its parts."""
    return [*form.imports, *(line for chosen in node.parts.values() for line in chosen.part.imports)]


def _imported(line: str) -> list[str]:
    """Names that an import binds."""
    return [name.strip() for name in line.rpartition("import ")[2].split(",")]


def _imports(lines: list[str], used: set[str]) -> str:
    """Import lines in order, those from one module as one, without what is not used."""
    plain = sorted(line for line in lines if line.startswith("import ") and line.removeprefix("import ") in used)
    wanted: dict[str, set[str]] = {}
    for line in lines:
        if line.startswith("from "):
            names = {name for name in _imported(line) if name in used}
            if names:
                wanted.setdefault(line.removeprefix("from ").partition(" ")[0], set()).update(names)
    return "\n".join(
        [*plain, *(f"from {module} import {', '.join(sorted(wanted[module]))}" for module in sorted(wanted))]
    )
