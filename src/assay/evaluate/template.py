"""The language of task files: Jinja in a sandbox.

Names are the row's columns, an unknown name is an error, Python's own attributes are out of reach. The sandbox bounds
neither time nor memory.
"""

import functools
import re
from typing import Annotated

import jinja2
from jinja2 import nodes
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import AfterValidator


def _only_text(value: object) -> object:
    """A template writes text and numbers: an empty column must not become the word None in a prompt."""
    if isinstance(value, str | int | float | jinja2.Undefined):
        return value
    raise TypeError(f"a template writes text and numbers, and this would write {type(value).__name__}: {value!r}")


def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False, finalize=_only_text
    )
    made.globals.clear()
    made.filters["regex_replace"] = lambda text, pattern, by: re.sub(pattern, by, text)
    return made


_ENVIRONMENT = _environment()


@functools.cache
def template(source: str) -> jinja2.Template:
    """The compiled template; rendering raises `jinja2.TemplateError` on unknown names and unsafe access."""
    return _ENVIRONMENT.from_string(source)


@functools.cache
def expression(source: str) -> jinja2.environment.TemplateExpression:
    """The compiled expression; calling it with a row's columns gives a Python value."""
    return _ENVIRONMENT.compile_expression(source, undefined_to_none=False)


@functools.cache
def names(source: str) -> frozenset[str]:
    return frozenset(find_undeclared_variables(_ENVIRONMENT.parse(source)))


def _checked(source: str) -> str:
    """Refuse at reading time what could only fail, or should not be tried, at rendering time."""
    try:
        tree = _ENVIRONMENT.parse(source)
        template(source)
    except jinja2.TemplateSyntaxError as problem:
        raise ValueError(f"not a template: {problem.message} (line {problem.lineno} of it)") from None
    if next(tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)), None) is not None:
        raise ValueError("a template stands alone: it cannot include, import or extend another")
    for node in tree.find_all(nodes.Getattr):
        if node.attr.startswith("_"):
            raise ValueError(f"a template may not reach for '{node.attr}'")
    return source


def _checked_expression(source: str) -> str:
    _checked("{{ " + source + " }}")
    try:
        expression(source)
    except jinja2.TemplateSyntaxError as problem:
        raise ValueError(f"not an expression: {problem.message}") from None
    return source


def number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


TemplateText = Annotated[str, AfterValidator(_checked)]
ExpressionText = Annotated[str, AfterValidator(_checked_expression)]
