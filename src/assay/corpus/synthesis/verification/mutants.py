"""Wrong versions of a program, each with one small change: what a slip of the pen would make of it.

A comparison, a sign or a bound is off, a condition is turned round, a statement or branch is missing, arguments are
swapped, a call is forgotten. Changes are drawn in an order that the seed decides, at most one at a place. Only what
functions do is changed, not what they are called, announce or document. Whether a mutant is wrong at all is not known
here: some do the same. Runs inside the sandbox, so it imports the standard library alone.
"""

import ast
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import CodeType
from typing import Any

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_SIGNS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_SKIPPED = frozenset(("annotation", "returns", "decorator_list", "format_spec", "type_comment", "bases"))
_LEAVES = (ast.pattern, ast.arguments, ast.expr_context, ast.operator, ast.unaryop, ast.boolop)
_DROPPED = (ast.AugAssign, ast.Break, ast.Continue)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


Change = Callable[[], ast.AST]


@dataclass(frozen=True, slots=True)
class Site:
    """A change that can be made to a tree."""

    holder: Any
    """The node or list in which something is replaced."""
    place: str | int
    """Its field or index."""
    old: ast.AST
    new: Change
    """Makes what stands there instead; few are drawn."""

    def compiled(self, tree: ast.Module) -> CodeType | None:
        """The tree with this change as code; the tree itself stays as it was. None if that is no program."""
        self._put(ast.fix_missing_locations(ast.copy_location(self.new(), self.old)))
        try:
            return compile(tree, "<mutant>", "exec", dont_inherit=True, optimize=0)
        except (SyntaxError, ValueError, TypeError):
            return None
        finally:
            self._put(self.old)

    def source(self, tree: ast.Module) -> str:
        """The tree with this change as text."""
        self._put(ast.fix_missing_locations(ast.copy_location(self.new(), self.old)))
        try:
            return ast.unparse(tree)
        finally:
            self._put(self.old)

    def _put(self, node: ast.AST) -> None:
        if isinstance(self.place, int):
            self.holder[self.place] = node
        else:
            setattr(self.holder, self.place, node)


def sites(tree: ast.Module, seed: int) -> list[Site]:
    """All changes that can be made inside the tree's functions, one at a place, in the order in which to draw them."""
    found: list[Site] = []
    for one in tree.body:
        if isinstance(one, _DEFINITIONS):
            _find_in_definition(one, found)
    random.Random(seed).shuffle(found)
    first: dict[tuple[int, str | int], Site] = {}
    for site in found:
        first.setdefault((id(site.holder), site.place), site)
    return list(first.values())


def _find_in_definition(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, found: list[Site]) -> None:
    has_docstring = isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)
    for index, one in enumerate(node.body):
        if has_docstring and not index:
            continue
        if isinstance(one, _DEFINITIONS) or not isinstance(node, ast.ClassDef):
            _find(node.body, index, one, found)


def _find(holder: Any, place: str | int, node: ast.AST, found: list[Site]) -> None:
    if isinstance(node, _DEFINITIONS):
        _find_in_definition(node, found)
        return
    only_calls = isinstance(holder, ast.Expr)
    for new in _changes(node):
        if not only_calls or isinstance(new(), ast.Call):
            found.append(Site(holder, place, node, new))
    for name in node._fields:
        value = getattr(node, name)
        if isinstance(value, list):
            for index, one in enumerate(value):
                if isinstance(one, ast.AST) and name not in _SKIPPED:
                    _find(value, index, one, found)
        elif isinstance(value, ast.AST) and name not in _SKIPPED and not isinstance(value, _LEAVES):
            _find(node, name, value, found)


def _changes(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare(ops=[operator, *rest]):
            for other in _COMPARISONS[type(operator)]:
                yield partial(_with, node, ops=[other(), *rest])
        case ast.BinOp(op=sign) | ast.AugAssign(op=sign) if type(sign) in _SIGNS:
            yield partial(_with, node, op=_SIGNS[type(sign)]())
        case ast.BoolOp(op=joined):
            yield partial(_with, node, op=ast.Or() if isinstance(joined, ast.And) else ast.And())
        case ast.Constant(value=constant):
            yield from (partial(ast.Constant, one) for one in _other_constants(constant))
        case ast.Name(id=name) if name in _OPPOSITES:
            yield partial(ast.Name, _OPPOSITES[name], ast.Load())
        case ast.Call():
            yield from _other_calls(node)
        case ast.Slice(lower=lower, upper=upper):
            if lower is not None:
                yield partial(_with, node, lower=_plus(lower, 1))
            if upper is not None:
                yield partial(_with, node, upper=_plus(upper, 1))
        case ast.If(test=test, body=body, orelse=orelse):
            yield from (partial(_with, node, test=one) for one in _negated(test))
            if len(body) > 1 or not _may_be_dropped(body[0]):
                yield partial(_with, node, body=[ast.Pass()])
            if orelse:
                yield partial(_with, node, orelse=[])
        case ast.While(test=test) | ast.IfExp(test=test):
            yield from (partial(_with, node, test=one) for one in _negated(test))
        case ast.comprehension(ifs=[test, *others]):
            yield from (partial(_with, node, ifs=[one, *others]) for one in _negated(test))
            yield partial(_with, node, ifs=others)
    if _may_be_dropped(node):
        yield ast.Pass


def _may_be_dropped(node: ast.AST) -> bool:
    return isinstance(node, _DROPPED) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))


def _negated(test: ast.expr) -> list[ast.expr]:
    """A condition turned round, unless the change of its comparison is that already."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and len(_COMPARISONS[type(test.ops[0])]) == 1:
        return []
    return [ast.UnaryOp(ast.Not(), test)]


def _other_constants(value: object) -> list[Any]:
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1, value - 1]
        case str():
            return [value[:-1] if value else " "]
    return []


def _other_calls(node: ast.Call) -> Iterator[Change]:
    match node:
        case ast.Call(func=ast.Name(id="range"), args=[end]) | ast.Call(func=ast.Name(id="range"), args=[_, end, *_]):
            for step in (1, -1):
                yield partial(_with, node, args=[_plus(one, step) if one is end else one for one in node.args])
        case ast.Call(func=ast.Attribute(value=value), args=[], keywords=[]):
            yield lambda: value
        case ast.Call(keywords=[*others, ast.keyword(arg=str())]):
            yield partial(_with, node, keywords=others)
        case ast.Call(args=[argument]) if not isinstance(argument, ast.Starred | ast.GeneratorExp):
            yield lambda: argument
        case ast.Call(args=[ast.expr() as first, ast.expr() as second, *rest]) if ast.dump(first) != ast.dump(second):
            if not isinstance(first, ast.Starred) and not isinstance(second, ast.Starred):
                yield partial(_with, node, args=[second, first, *rest])


def _with(node: ast.AST, **changed: Any) -> ast.AST:
    return type(node)(**{**dict(ast.iter_fields(node)), **changed})


def _plus(node: ast.expr, step: int) -> ast.expr:
    return ast.BinOp(node, ast.Add() if step > 0 else ast.Sub(), ast.Constant(abs(step)))
