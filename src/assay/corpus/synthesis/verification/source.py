"""What can be told of a candidate by reading it: that it is Python, has the function asked for, and stays at home.

Nothing is run. The lists here keep out what would make a poor problem (files, the time, chance, other packages); they
are no wall, which is the sandbox's. They were chosen over what the problems of reasoning-gym import: `numpy`, `scipy`
and `pandas` are not there as the sandbox has the interpreter alone.
"""

import ast
import hashlib
import inspect
import re
import warnings
from collections.abc import Iterator
from functools import cached_property, lru_cache
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
_SUSPICIOUS = re.compile(rf"__|\b(?:import|{'|'.join(sorted(_NAMES | _ATTRIBUTES | _CLOCKS))})\b")
"""What has none of this, and is ASCII, need not be looked through node by node."""
_IMPORT = re.compile(r"^(?:import|from) .*", re.MULTILINE)
_NO_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)
_LONGEST = 20_000
"""Characters of one source."""
_OWN_NAMES = ("result", "other")
"""What a property sees beside the parameters."""


class Unreadable(Exception):
    """Why a candidate is refused unread: stage, reason, detail."""


class _Source:
    """A text that is Python. Most need no closer look than at their code, so the tree is made for those that do."""

    def __init__(self, text: str, what: str, mode: Literal["exec", "eval"] = "exec") -> None:
        """Compile it; assertions stay in it however this interpreter was started."""
        self.text, self.what, self._mode = text, what, mode
        if len(text) > _LONGEST:
            raise Unreadable("syntax", f"the source of its {what} is too long", f"{len(text)} characters")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.code: CodeType = compile(text, f"<{what}>", mode, dont_inherit=True, optimize=0)
        except _NO_PYTHON as error:
            self._parsed()
            raise self._unreadable(error) from None

    @cached_property
    def tree(self) -> Any:
        """As `ast` has it."""
        return self._parsed()

    def has_plainly(self, name: str, parameters: tuple[str, ...]) -> bool:
        """Whether it is seen at once that there is one function of this name, and that it takes just these."""
        if len(re.findall(rf"^def {name}\(", self.text, re.MULTILINE)) != 1:
            return False
        found = [one for one in self.code.co_consts if isinstance(one, CodeType) and one.co_name == name]
        return any(
            one.co_varnames[: one.co_argcount] == parameters
            and not one.co_posonlyargcount + one.co_kwonlyargcount
            and not one.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
            for one in found
        )

    def function(self, name: str) -> ast.FunctionDef:
        """The last function of this name; raises Unreadable."""
        found = [node for node in self.tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
        if not found:
            raise Unreadable("syntax", f"the source of its {self.what} has not the function asked for", name)
        return found[-1]

    def is_plain(self) -> bool:
        """Whether it is seen at once that it stays at home: it has no word for anything else, but for plain imports."""
        if not self.text.isascii():
            return False
        found = _SUSPICIOUS.findall(self.text)
        if not found:
            return True
        if self._mode == "eval" or found.count("import") != len(found):
            return False
        try:
            imports = ast.parse("\n".join(_IMPORT.findall(self.text))).body
        except SyntaxError:
            return False
        return len(imports) == len(found) and all(map(self._is_plain_import, imports))

    def _is_plain_import(self, node: ast.stmt) -> bool:
        """Whether an import is allowed and, where it binds a module, serves for calls of what is in it alone."""
        if isinstance(node, ast.ImportFrom):
            return node.module in MODULES and not node.level and all(one.name != "*" for one in node.names)
        return isinstance(node, ast.Import) and all(
            one.name in MODULES and len(re.findall(rf"\b{one.asname or one.name}\b(?!\.\w+\()", self.text)) == 1
            for one in node.names
        )

    def _parsed(self) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.text, mode=self._mode)
        except _NO_PYTHON as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: BaseException) -> Unreadable:
        return Unreadable("syntax", f"the source of its {self.what} is no Python", str(error))


def as_job(candidate: Candidate) -> dict[str, Any]:
    """What the driver needs to try a candidate: plain values and code that was compiled, fit for marshal.

    Raises:
        Unreadable: A source does not parse, lacks what is asked, or uses what is not allowed.
    """
    entry = candidate.entry
    solution = _Source(candidate.solution, "solution")
    signature = _Source(f"{candidate.signature}: ...", "signature").tree.body[0]
    if not isinstance(signature, ast.FunctionDef) or signature.name != entry:
        raise Unreadable("syntax", "its signature is not that of its function", candidate.signature)
    parameters = _parameters(signature)
    _has_function(solution, entry, parameters)
    inputs = _Source(candidate.inputs, "inputs")
    if not inputs.has_plainly("make_inputs", ("random",)) and len(inputs.function("make_inputs").args.args) != 1:
        raise Unreadable("syntax", "make_inputs does not take one argument")
    sources = [solution, inputs]
    alternative = _Source(candidate.alternative, "alternative") if candidate.alternative else None
    if alternative:
        sources.append(alternative)
        _has_function(alternative, entry, parameters)
    tests = [_Source(text, "test") for text in candidate.tests]
    properties = []
    checks = []
    for one in (*_with_agreement(candidate), contract(entry, parameters, signature.returns)):
        check = _Source(f"lambda {', '.join((*parameters, *_OWN_NAMES))}: (\n{one.check}\n)", "property", "eval")
        properties.append((one.sort, one.about, one.check, check.code))
        checks.append(check)
    edges = _edges(candidate.edges, len(parameters))
    for source in (*sources, *tests, *checks):
        _stays_at_home(source)
    kinds = [fits(one.annotation, "value") for one in signature.args.args]
    return {
        "entry": entry,
        "source": candidate.solution,
        "solution": solution.code,
        "alternative": alternative.code if alternative else None,
        "inputs": inputs.code,
        "edges": edges,
        "kinds": [_kind(kind) if kind else None for kind in kinds],
        "properties": properties,
        "tests": [(test.text, test.code) for test in tests],
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


@lru_cache(1024)
def _kind(kind: str) -> CodeType:
    return _Source(f"lambda value: {kind}", "kind", "eval").code


def _parameters(function: ast.FunctionDef) -> tuple[str, ...]:
    taken = function.args
    names = tuple(one.arg for one in taken.args)
    if not names or taken.posonlyargs or taken.kwonlyargs or taken.vararg or taken.kwarg or taken.defaults:
        raise Unreadable("syntax", "its signature has more than plain parameters, or none", ast.unparse(taken))
    if any(name in _OWN_NAMES for name in names):
        raise Unreadable("syntax", "a parameter has a name that properties use", ", ".join(names))
    return names


def _has_function(source: _Source, name: str, parameters: tuple[str, ...]) -> None:
    if source.has_plainly(name, parameters):
        return
    function = source.function(name)
    taken = tuple(one.arg for one in function.args.args)
    more = function.args.kwonlyargs or function.args.posonlyargs or function.args.vararg or function.args.kwarg
    if taken != parameters or more:
        detail = f"{ast.unparse(function.args)}, not {', '.join(parameters)}"
        raise Unreadable("syntax", f"the function of its {source.what} has another signature", detail)


def _edges(text: str, count: int) -> list[tuple[Any, ...]]:
    try:
        edges: Any = ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise Unreadable("syntax", "its edges are no literal", str(error)) from None
    if not isinstance(edges, list) or not all(isinstance(one, tuple) and len(one) == count for one in edges):
        raise Unreadable("syntax", "its edges are no list of arguments", text[:200])
    return edges


def _stays_at_home(source: _Source) -> None:
    if source.is_plain():
        return
    nodes = list(ast.walk(source.tree))
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
