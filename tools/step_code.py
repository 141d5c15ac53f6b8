"""The code that makes each kind of artifact: found by its imports, and hashed without what changes no result.

From a step's function on, every top-level definition that is named is followed, through imports inside functions too,
and through texts such as ``assay.corpus.prose:read_plays``, which tables of what is loaded later hold. A data file that
is named where it lies beside the code is part of it. So a change beside them (a planner's function in the same file) is
none of the step's. Comments, docstrings, formatting and annotations of parameters are no code. Not followed: what moves
artifacts about, and what makes keys.
"""

import ast
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PLACE = {
    "assay.errors",
    "assay.files",
    "assay.run.step",
    "assay.run.store",
    "assay.corpus.identity",
}
"""Modules that change no output."""
ADDRESS = re.compile(r"(assay(?:\.\w+)+):(\w+)")
"""``module:name``, as tables of what is loaded later write it."""
Definition = tuple[str, str]
"""Module, and name at its top level; empty for the statements that define nothing."""


@dataclass(frozen=True, slots=True)
class _Named:
    """What the statements under a name of a module hold, read from them alone."""

    shapes: list[str]
    names: list[str]
    """Without those that stand before a dot."""
    attributes: list[tuple[str, str]]
    """``name.attribute``."""
    texts: list[str]


class _Module:
    def __init__(self, text: str) -> None:
        tree = ast.parse(text)
        self.definitions: dict[str, list[ast.stmt]] = {"": []}
        self.imports: dict[str, Definition] = {}
        self._read: dict[str, _Named] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                self.imports |= {one.asname or one.name: (node.module, one.name) for one in node.names}
        for statement in tree.body:
            for defined in _names(statement):
                self.definitions.setdefault(defined, []).append(statement)

    def read(self, name: str) -> _Named:
        if name not in self._read:
            statements = self.definitions[name]
            nodes = [node for statement in statements for node in ast.walk(statement)]
            dotted = [one for one in nodes if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name)]
            before = {id(one.value) for one in dotted}
            self._read[name] = _Named(
                [repr(_shape(statement)) for statement in statements],
                [one.id for one in nodes if isinstance(one, ast.Name) and id(one) not in before],
                [(one.value.id, one.attr) for one in dotted if isinstance(one.value, ast.Name)],
                [one.value for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)],
            )
        return self._read[name]


@cache
def _module_of(text: str) -> _Module:
    """Read once: the code of one state of the package is mostly that of another."""
    return _Module(text)


class Code:
    """The package's code, from its files alone."""

    def __init__(self, source: Path) -> None:
        """``source`` is the folder that holds the package's."""
        self._source = source
        self._modules: dict[str, _Module | None] = {}

    def of(self, function: str) -> dict[str, str]:
        """Digests of what a step's function is made of, by module.

        Args:
            function: ``module:function``.
        """
        module, _, name = function.partition(":")
        parts: dict[str, list[str]] = {}
        for place, defined in sorted(self._reached((module, name))):
            found = self._module(place)
            assert found is not None
            read = found.read(defined)
            data = list(self._data(place, read.texts))
            parts.setdefault(place, []).append(f"{defined}: {read.shapes}{data or ''}")
        return {place: hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16] for place, texts in parts.items()}

    def numbers(self, definition: str) -> list[int]:
        """The whole numbers in the value of ``module:NAME``, such as a version or a table of them."""
        place, _, name = definition.partition(":")
        found = self._module(place)
        if found is None or name not in found.definitions:
            raise LookupError(f"{definition} is not there: say in tools/record_steps.py where the version is now")
        nodes = (node for statement in found.definitions[name] for node in ast.walk(statement))
        return [node.value for node in nodes if isinstance(node, ast.Constant) and type(node.value) is int]

    def _reached(self, start: Definition) -> set[Definition]:
        reached: set[Definition] = set()
        waiting = [start]
        while waiting:
            place, name = self._origin(*waiting.pop())
            found = self._module(place)
            if found is None or (place, name) in reached or name not in found.definitions:
                continue
            reached.add((place, name))
            waiting += [(place, ""), *self._named(place, found, name)]
        return reached

    def _origin(self, place: str, name: str) -> Definition:
        """Where a name that a module may only have imported is defined."""
        found = self._module(place)
        while found is not None and name not in found.definitions and name in found.imports:
            if found.imports[name] == (place, name):  # a module of the package, imported by its __init__
                return f"{place}.{name}", ""
            place, name = found.imports[name]
            found = self._module(place)
        return place, name

    def _named(self, place: str, found: _Module, name: str) -> Iterator[Definition]:
        """What statements name: definitions of their own module, imported ones, and those of imported modules."""
        read = found.read(name)
        plain = list(read.names)
        for before, attribute in read.attributes:
            module = ".".join(found.imports.get(before, ("", "")))
            if self._module(module) is not None:
                yield module, attribute
            else:
                plain.append(before)
        for one in plain:
            if one in found.definitions:
                yield place, one
            elif one in found.imports:
                yield found.imports[one]
        for text in read.texts:
            if address := ADDRESS.fullmatch(text):
                yield address[1], address[2]

    def _data(self, place: str, texts: Sequence[str]) -> Iterator[str]:
        """Digests of the files beside a module, no code of the package, whose names are among its texts."""
        folder = self._source / Path(*place.split(".")[:-1])
        for text in sorted(set(texts)):
            if re.fullmatch(r"[\w-]+(\.[\w-]+)+", text) and not text.endswith(".py") and (folder / text).is_file():
                yield hashlib.sha256((folder / text).read_bytes()).hexdigest()

    def _module(self, name: str) -> _Module | None:
        """None where it is not the package's, or changes no output."""
        if name not in self._modules:
            path = self._source / Path(*name.split("."))
            files = [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]
            known = name.startswith("assay.") and name not in PLACE and files
            self._modules[name] = _module_of(files[0].read_text(encoding="utf-8")) if known else None
        return self._modules[name]


def _names(statement: ast.stmt) -> list[str]:
    """What a top-level statement defines; ``[""]``: nothing, but it may do something."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)] or [""]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Import() | ast.ImportFrom():
            return []
    return [] if _is_text(statement) else [""]


def _is_text(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _shape(node: Any) -> Any:
    """A tree without docstrings, annotations of parameters, places, and what only some versions of Python write."""
    if isinstance(node, list):
        return [_shape(one) for one in node if not _is_text(one)]
    if not isinstance(node, ast.AST):
        return node
    left_out = {"kind", "type_comment", "ctx", "returns"} | ({"annotation"} if isinstance(node, ast.arg) else set())
    fields = [(name, _shape(value)) for name, value in ast.iter_fields(node) if name not in left_out]
    return [type(node).__name__, *(field for field in fields if field[1] not in (None, []))]
