"""A given program without what its task never reaches.

Of the programs that come with a package many were cut out of larger ones: imports, classes and methods stand in them
that the asked function never uses. A reader learns nothing from them, no test can tell a mutant of them, and some ask
for a module that the rest can do without. What stays is the text as it was, comments and all, without those pieces and
without the comments of the form in which the programs were once asked for. What is run stays as it is: where a name may
be made at run time, or a statement acts while the module is read, nothing that could be meant is cut.
"""

import ast
import copy
import re
import symtable
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

_FORM = re.compile(
    r"\s*#\s*(.*json.?seriali[sz]|import (the )?necessary|main function\W*$|all class and function definitions"
    r"|they will be used in the main_solution)",
    re.IGNORECASE,
)
_NAMES_MADE = re.compile(
    "globals|locals|eval|exec|compile|inspect|pickle|ctypes|modules|__import__|__subclasses__|__init_subclass__"
)
_ATTRIBUTES_MADE = re.compile(
    "getattr|setattr|delattr|hasattr|vars|dir|attrgetter|methodcaller|__dict__|__getattr__|__getattribute__"
)
_METHOD_DECORATORS = frozenset(("property", "staticmethod", "classmethod", "abstractmethod", "setter", "deleter"))
_PLAIN_BASES = frozenset(("object", "ABC"))
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A statement of the module, one name of an import, or a method that can be left out of its class."""

    node: ast.stmt | ast.alias
    owner: ast.ClassDef | None
    """The method's class."""
    defines: frozenset[str]
    """Global names; a method's own name."""
    needs: frozenset[str]
    """Global names."""
    mentions: frozenset[str]
    """Whatever may be the name of a method."""
    acts: bool
    """Whether it does more, when the module is read, than to bind names."""


def reached(source: str, wanted: Collection[str]) -> str:
    """The part of a program that some of its names need.

    Args:
        source: A program that parses.
        wanted: Global names.

    Returns:
        The text without whatever they do not need and without comments of form.
    """
    whole = ast.parse(source)
    tree = _without(whole, wanted, methods=True)
    mentioned = _mentions(tree)
    if any(map(_NAMES_MADE.fullmatch, mentioned)):
        tree = whole
    elif any(map(_ATTRIBUTES_MADE.fullmatch, mentioned)):
        tree = _without(whole, wanted, methods=False)
    text = _written(tree.body, source.split("\n"))
    meant = ast.dump(tree)
    for one in (_tidied(text), text):
        try:
            if ast.dump(ast.parse(one)) == meant:
                return one
        except SyntaxError:
            break
    return ast.unparse(tree)


def global_names(source: str) -> frozenset[str]:
    """Names that a text takes from its module or from Python's built-ins, at any depth, but those that it binds."""
    return _asked(symtable.symtable(source, "", "exec")) - defined_names(ast.parse(source).body)


def defined_names(statements: Sequence[ast.stmt]) -> frozenset[str]:
    """Names that statements bind in the scope where they stand."""
    names: set[str] = set()
    for one in statements:
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(one.name)
        elif isinstance(one, ast.Import | ast.ImportFrom):
            names.update(_bound(alias) for alias in one.names)
        else:
            stored = (part for part in ast.walk(one) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
            names.update(part.id for part in stored)
    return frozenset(names)


def with_short_docstring(source: str, entry: str) -> str:
    """The program with a docstring of one line in one of its functions, if that has a longer one."""
    function = next(one for one in ast.parse(source).body if isinstance(one, ast.FunctionDef) and one.name == entry)
    words = ast.get_docstring(function)
    node, *rest = function.body
    if words is None or not rest or node.lineno == function.lineno or node.end_lineno == rest[0].lineno:
        return source
    sentence = re.split(r"(?<=[.?!])\s", words.strip().partition("\n")[0])[0]
    usable = bool(sentence) and not set('"\\') & set(sentence)
    lines = source.split("\n")
    lines[node.lineno - 1 : node.end_lineno] = [f'{" " * node.col_offset}"""{sentence}"""'] if usable else []
    return "\n".join(lines)


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _asked(table: symtable.SymbolTable) -> frozenset[str]:
    is_module = table.get_type() == "module"
    symbols = (one for one in table.get_symbols() if (one.is_referenced() if is_module else one.is_global()))
    return frozenset(one.get_name() for one in symbols).union(*(_asked(child) for child in table.get_children()))


def _mentions(tree: ast.AST) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.update(_WORD.findall(node.name))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value.split()) == 1:
            found.update(_WORD.findall(node.value))
    return frozenset(found)


def _pieces(tree: ast.Module, methods: bool) -> Iterator[_Piece]:
    classes = {one.name: one for one in tree.body if isinstance(one, ast.ClassDef)}
    own = frozenset(one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.ClassDef))
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            acts = isinstance(node, ast.ImportFrom) and (node.module == "__future__" or node.names[0].name == "*")
            for alias in node.names:
                yield _Piece(alias, None, frozenset((_bound(alias),)), frozenset(), frozenset(), acts)
            continue
        shell = node
        if isinstance(node, ast.ClassDef) and methods and _is_plain(node, classes):
            shell = copy.copy(node)
            shell.body = [one for one in node.body if not _can_go(one)] or [ast.Pass()]
            for one in node.body:
                if _can_go(one):
                    yield _piece(one, one, node, acts=False)
        yield _piece(node, shell, None, _acts(node, own))


def _piece(node: ast.stmt, seen: ast.stmt, owner: ast.ClassDef | None, acts: bool) -> _Piece:
    needs = _asked(symtable.symtable(ast.unparse(seen), "", "exec"))
    return _Piece(node, owner, defined_names([node]), needs | _quoted(seen), _mentions(seen), acts)


def _quoted(tree: ast.AST) -> frozenset[str]:
    """Names in annotations that are written as strings."""
    found: set[str] = set()
    for node in ast.walk(tree):
        for kind in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            for part in ast.walk(kind) if isinstance(kind, ast.expr) else ():
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    found.update(_WORD.findall(part.value))
    return frozenset(found)


def _acts(node: ast.stmt, own: frozenset[str]) -> bool:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return any(_mentions(one) & own for one in node.decorator_list)
    return not (isinstance(node, ast.Assign | ast.AnnAssign | ast.AsyncFunctionDef) and defined_names([node]))


def _is_plain(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> bool:
    """Whether nobody but the program itself can call its methods."""
    bases = {base.id if isinstance(base, ast.Name) else "" for base in node.bases}
    own = bases & classes.keys() - {node.name}
    return not node.keywords and bases <= _PLAIN_BASES | own and all(_is_plain(classes[one], classes) for one in own)


def _can_go(method: ast.stmt) -> bool:
    if not isinstance(method, ast.FunctionDef) or (method.name.startswith("__") and method.name.endswith("__")):
        return False
    names = {one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in method.decorator_list}
    return names <= _METHOD_DECORATORS


def _without(tree: ast.Module, wanted: Collection[str], methods: bool) -> ast.Module:
    """The tree with what is needed, down to ``methods`` or with whole classes."""
    pieces = list(_pieces(tree, methods))
    kept = _kept(pieces, wanted)
    gone = frozenset(id(piece.node) for piece in pieces) - kept
    body: list[ast.stmt] = []
    for node in tree.body:
        one = copy.copy(node)
        if isinstance(one, ast.Import | ast.ImportFrom):
            one.names = [alias for alias in one.names if id(alias) in kept]
            body += [one] if one.names else []
        elif id(node) in kept:
            if isinstance(one, ast.ClassDef):
                one.body = [part for part in one.body if id(part) not in gone] or [ast.Pass()]
            body.append(one)
    return ast.Module(body=body, type_ignores=[])


def _kept(pieces: Sequence[_Piece], wanted: Collection[str]) -> frozenset[int]:
    """Identities of the nodes that stay."""
    kept: set[int] = set()
    needs, mentions = set(wanted), set[str]()
    before = -1
    while len(kept) > before:
        before = len(kept)
        for piece in pieces:
            is_called = piece.defines & (needs if piece.owner is None else mentions)
            if (piece.acts or is_called) and (piece.owner is None or id(piece.owner) in kept):
                kept.add(id(piece.node))
                needs |= piece.needs
                mentions |= piece.mentions
    return frozenset(kept)


def _written(statements: Sequence[ast.stmt], lines: Sequence[str], blank: int = 2) -> str:
    """Statements of a module or class, each as it stood with the comments right above it."""
    text = ""
    was_definition = False
    for one in statements:
        is_definition = isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        text += "\n" * (1 + blank * (is_definition or was_definition)) if text else ""
        text += _segment(one, lines)
        was_definition = is_definition
    return text


def _segment(node: ast.stmt, lines: Sequence[str]) -> str:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return " " * node.col_offset + ast.unparse(node)
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
    while first > 1 and re.match(f" {{0,{node.col_offset}}}#", lines[first - 2]):
        first -= 1
    if not isinstance(node, ast.ClassDef):
        return _plain(lines[first - 1 : node.end_lineno])
    head = max([node.lineno, *(one.end_lineno or 0 for one in node.bases)])
    if isinstance(node.body[0], ast.Pass):
        return _plain(lines[first - 1 : head]) + "\n    pass"
    return _plain(lines[first - 1 : head]) + "\n" + _written(node.body, lines, blank=1)


def _plain(lines: Sequence[str]) -> str:
    return "\n".join(line for line in lines if not _FORM.match(line))


def _tidied(text: str) -> str:
    """Without spaces at the ends of lines, blank lines after a colon, and runs of them."""
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    return re.sub(r":\n\n+(?= )", ":\n", re.sub(r"\n{4,}", "\n\n\n", text)).strip()
