"""What can be told of a candidate by reading it: that it is Python, has the function asked for, and stays at home.

Nothing is run. The lists here keep out what would make a poor problem (files, the time, chance, other packages); they
are no wall, which is the sandbox's. They were chosen over what the problems of reasoning-gym import: `numpy`, `scipy`
and `pandas` are not there as the sandbox has the interpreter alone.
"""

import ast
import hashlib
import re
import warnings
from collections.abc import Iterator
from types import CodeType
from typing import Any, Literal

from assay.corpus.synthesis.record import Candidate, Property
from assay.corpus.synthesis.verification.contract import contract, fits

_ALLOWED = """
    __future__ abc array base64 binascii bisect calendar cmath collections colorsys contextlib copy csv
    dataclasses datetime decimal difflib enum fractions functools graphlib hashlib heapq ipaddress itertools
    json math numbers operator pprint queue random re statistics string struct textwrap typing unicodedata
    zlib
"""
MODULES = frozenset(_ALLOWED.split())
"""That may be imported. ``random`` may, as the import is often idle; whoever draws fails to give the same again."""
MEMBERS = {"sys": {"maxsize", "float_info"}, "io": {"StringIO"}, "ast": {"literal_eval"}}
"""Of these modules only this."""
_REFUSED_NAMES = """
    __import__ __builtins__ __loader__ __spec__ __file__ breakpoint compile delattr eval exec exit globals
    help input locals open quit vars
"""
_REFUSED_ATTRIBUTES = """
    __base__ __bases__ __builtins__ __closure__ __code__ __del__ __dict__ __func__ __getattribute__
    __globals__ __import__ __loader__ __mro__ __reduce__ __reduce_ex__ __self__ __spec__ __subclasses__
    __traceback__ __wrapped__ cr_frame f_back f_builtins f_globals f_locals gi_frame mro tb_frame
"""
_NAMES = frozenset(_REFUSED_NAMES.split())
_ATTRIBUTES = frozenset(_REFUSED_ATTRIBUTES.split())
_CLOCKS = frozenset(("now", "today", "utcnow"))
_SUSPICIOUS = re.compile("|".join(["import", "__", *sorted(_NAMES | _ATTRIBUTES | _CLOCKS)]))
"""What has none of this need not be looked through node by node."""
_LONGEST = 20_000
"""Characters of one source."""
_OWN_NAMES = ("result", "other")
"""What a property sees beside the parameters."""


class Unreadable(Exception):
    """Why a candidate is refused unread: stage, reason, detail."""


def as_job(candidate: Candidate) -> dict[str, Any]:
    """What the driver needs to try a candidate: plain values and code that was compiled, fit for marshal.

    Raises:
        Unreadable: A source does not parse, lacks what is asked, or uses what is not allowed.
    """
    tree, solution = _compiled(candidate.solution, "solution")
    signature = _compiled(f"{candidate.signature}: ...", "signature")[0].body[0]
    if not isinstance(signature, ast.FunctionDef) or signature.name != candidate.entry:
        raise Unreadable("syntax", "its signature is not that of its function", candidate.signature)
    parameters = _parameters(signature)
    _has_function(tree, candidate.entry, parameters, "solution")
    made, inputs = _compiled(candidate.inputs, "inputs")
    if len(_function(made, "make_inputs", "inputs").args.args) != 1:
        raise Unreadable("syntax", "make_inputs does not take one argument")
    trees = [(candidate.solution, tree), (candidate.inputs, made)]
    alternative = None
    if candidate.alternative:
        other, alternative = _compiled(candidate.alternative, "alternative")
        trees.append((candidate.alternative, other))
        _has_function(other, candidate.entry, parameters, "alternative")
    tests = []
    for text in candidate.tests:
        test, code = _compiled(text, "test")
        tests.append((text, code))
        trees.append((text, test))
    properties = []
    for one in (*_with_agreement(candidate), contract(candidate.entry, parameters, signature.returns)):
        source = f"lambda {', '.join((*parameters, *_OWN_NAMES))}: (\n{one.check}\n)"
        check, code = _compiled(source, "property", "eval")
        properties.append((one.sort, one.about, one.check, code))
        trees.append((source, check))
    _are_edges(candidate.edges, len(parameters))
    for text, source_tree in trees:
        _stays_at_home(text, source_tree)
    kinds = [fits(one.annotation, "value") for one in signature.args.args]
    return {
        "entry": candidate.entry,
        "source": candidate.solution,
        "solution": solution,
        "alternative": alternative,
        "inputs": inputs,
        "edges": candidate.edges,
        "kinds": [_compiled(f"lambda value: {kind}", "kind", "eval")[1] if kind else None for kind in kinds],
        "properties": properties,
        "tests": tests,
        "seed": int.from_bytes(hashlib.sha256(candidate.id.encode()).digest()[:8]),
        "fatal": [],
    }


def is_annotated(candidate: Candidate) -> bool:
    """Whether the function asked for says what it takes or gives; for a candidate that was read."""
    signature = candidate.signature
    return "->" in candidate.solution or ":" in signature or "->" in signature


def _with_agreement(candidate: Candidate) -> tuple[Property, ...]:
    if not candidate.alternative or any(one.sort == "agreement" for one in candidate.properties):
        return candidate.properties
    agreement = Property(sort="agreement", about="A second implementation gives the same.", check="result == other")
    return (*candidate.properties, agreement)


def _compiled(text: str, what: str, mode: Literal["exec", "eval"] = "exec") -> tuple[Any, CodeType]:
    """A source as a tree and as code; assertions stay in it however this interpreter was started."""
    if len(text) > _LONGEST:
        raise Unreadable("syntax", f"the source of its {what} is too long", f"{len(text)} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree: Any = ast.parse(text, mode=mode)
            return tree, compile(tree, f"<{what}>", mode, dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unreadable("syntax", f"the source of its {what} is no Python", str(error)) from None


def _function(tree: ast.Module, name: str, what: str) -> ast.FunctionDef:
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    if not found:
        raise Unreadable("syntax", f"the source of its {what} has not the function asked for", name)
    return found[-1]


def _parameters(function: ast.FunctionDef) -> tuple[str, ...]:
    taken = function.args
    names = tuple(one.arg for one in taken.args)
    if not names or taken.posonlyargs or taken.kwonlyargs or taken.vararg or taken.kwarg or taken.defaults:
        raise Unreadable("syntax", "its signature has more than plain parameters, or none", ast.unparse(taken))
    if any(name in _OWN_NAMES for name in names):
        raise Unreadable("syntax", "a parameter has a name that properties use", ", ".join(names))
    return names


def _has_function(tree: ast.Module, name: str, parameters: tuple[str, ...], what: str) -> None:
    function = _function(tree, name, what)
    taken = tuple(one.arg for one in function.args.args)
    more = function.args.kwonlyargs or function.args.posonlyargs or function.args.vararg or function.args.kwarg
    if taken != parameters or more:
        detail = f"{ast.unparse(function.args)}, not {', '.join(parameters)}"
        raise Unreadable("syntax", f"the function of its {what} has another signature", detail)


def _are_edges(text: str, count: int) -> None:
    try:
        edges = ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise Unreadable("syntax", "its edges are no literal", str(error)) from None
    if not isinstance(edges, list) or not all(isinstance(one, tuple) and len(one) == count for one in edges):
        raise Unreadable("syntax", "its edges are no list of arguments", text[:200])


def _stays_at_home(text: str, tree: ast.AST) -> None:
    if text.isascii() and not _SUSPICIOUS.search(text):
        return
    nodes = list(ast.walk(tree))
    imported = dict(pair for node in nodes for pair in _imported(node))
    for name, module in imported.items():
        top = module.partition(".")[0]
        if top not in MODULES and top not in MEMBERS:
            raise Unreadable("modules", f"it imports {top}", name)
    own = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in _NAMES - own:
            raise Unreadable("modules", f"it uses {node.id}")
        if isinstance(node, ast.Attribute):
            _is_harmless(node, imported)
        if isinstance(node, ast.ImportFrom):
            allowed = MEMBERS.get(node.module or "")
            for one in node.names:
                if one.name == "*" or (allowed is not None and one.name not in allowed):
                    raise Unreadable("modules", f"it imports {one.name} from {node.module}")


def _imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Name and module of what an import binds; a relative import has a module of dots."""
    if isinstance(node, ast.Import):
        for one in node.names:
            yield one.asname or one.name.partition(".")[0], one.name
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        for one in node.names:
            yield f"from {module} import {one.name}", module or "."


def _is_harmless(node: ast.Attribute, imported: dict[str, str]) -> None:
    if node.attr in _ATTRIBUTES:
        raise Unreadable("modules", f"it uses {node.attr}")
    of = imported.get(node.value.id) if isinstance(node.value, ast.Name) else None
    if of in MEMBERS and node.attr not in MEMBERS[of]:
        raise Unreadable("modules", f"it uses {of}.{node.attr}")
    if of and not isinstance(node.ctx, ast.Load):
        raise Unreadable("modules", "it changes a module", ast.unparse(node))
    if node.attr in _CLOCKS and any("datetime" in module for module in imported.values()):
        raise Unreadable("modules", "it asks for the time", ast.unparse(node))
