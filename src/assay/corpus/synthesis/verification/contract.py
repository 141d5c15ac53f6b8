"""What an annotation promises, as an expression that can be tried on a value.

A type checker reads the source; this looks at what was really passed and returned. Types are those of literals, nested
in any way, and compared as they are written: a bool is no int, a counter is no dict; an int may stand for a float. Of
what has no such reading (a type variable, a class of the program's own) nothing is asked.
"""

import ast

from assay.corpus.synthesis.record import Property

_PLAIN = {"int", "str", "bool"}
_LISTS = {"list", "List", "set", "Set"}
_SEQUENCES = {"Sequence", "Iterable", "Collection", "MutableSequence"}
_MAPS = {"dict", "Dict", "Mapping", "MutableMapping"}


def contract(entry: str, parameters: tuple[str, ...], returns: ast.expr | None) -> Property:
    """What is asked of every function: the announced type, and the same on a second call.

    That the arguments stay as they were is seen by whoever calls it.
    """
    asked = [asked for asked in (fits(returns, "result"),) if asked]
    about = "The result has the announced type" if asked else "There is a result"
    return Property(
        sort="contract",
        about=f"{about}, a second call gives the same, and the arguments stay as they were.",
        check=" and ".join([*asked, f"{entry}({', '.join(parameters)}) == result"]),
    )


def fits(annotation: ast.expr | None, name: str) -> str:
    """An expression that is true if what is called ``name`` has a type; empty if nothing can be asked of it."""
    return _fits(annotation, name, 0) if annotation is not None else ""


def _fits(annotation: ast.expr, name: str, depth: int) -> str:
    match annotation:
        case ast.Constant(value=None):
            return f"{name} is None"
        case ast.Constant(value=str(text)):
            try:
                return _fits(ast.parse(text, mode="eval").body, name, depth)
            except (SyntaxError, ValueError):
                return ""
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _any([left, right], name, depth)
        case ast.Subscript(value=ast.Name(id=outer) | ast.Attribute(attr=outer), slice=inner):
            return _fits_generic(outer, inner, name, depth)
        case ast.Name(id=outer) | ast.Attribute(attr=outer):
            return _fits_plain(outer, name)
    return ""


def _fits_plain(outer: str, name: str) -> str:
    if outer in _PLAIN:
        return f"type({name}) is {outer}"
    if outer == "float":
        return f"type({name}) in (int, float)"
    if outer in _LISTS | {"tuple", "Tuple"} | _MAPS:
        return f"type({name}) is {'dict' if outer in _MAPS else outer.lower()}"
    return ""


def _fits_generic(outer: str, inner: ast.expr, name: str, depth: int) -> str:
    arguments = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    item = f"item{depth or ''}"
    if outer in _LISTS or outer in _SEQUENCES:
        kind = "in (list, tuple, set, str)" if outer in _SEQUENCES else f"is {outer.lower()}"
        return _each(f"type({name}) {kind}", [(item, arguments[0])], name, depth)
    if outer in _MAPS and len(arguments) == 2:
        pairs = [(f"key{depth or ''}", arguments[0]), (f"value{depth or ''}", arguments[1])]
        return _each(f"type({name}) is dict", pairs, f"{name}.items()", depth)
    if outer in {"tuple", "Tuple"}:
        if len(arguments) == 2 and isinstance(arguments[1], ast.Constant) and arguments[1].value is ...:
            return _each(f"type({name}) is tuple", [(item, arguments[0])], name, depth)
        parts = [_fits(one, f"{name}[{index}]", depth) for index, one in enumerate(arguments)]
        return " and ".join([f"type({name}) is tuple and len({name}) == {len(arguments)}", *filter(None, parts)])
    if outer == "Optional":
        return _any([arguments[0], ast.Constant(None)], name, depth)
    if outer == "Union":
        return _any(arguments, name, depth)
    return ""


def _each(is_kind: str, items: list[tuple[str, ast.expr]], among: str, depth: int) -> str:
    asked = [asked for item, kind in items if (asked := _fits(kind, item, depth + 1))]
    if not asked:
        return is_kind
    return f"{is_kind} and all({' and '.join(asked)} for {', '.join(item for item, _ in items)} in {among})"


def _any(kinds: list[ast.expr], name: str, depth: int) -> str:
    asked = [_fits(one, name, depth) for one in kinds]
    return f"({' or '.join(asked)})" if all(asked) else ""
