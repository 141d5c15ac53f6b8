"""Signs that a record teaches: a session to follow, a statement of some length, every parameter spoken of.

They stand for what they are worth; whether a model learns from the documents is measured by training one.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.corpus.synthesis.record import Record

_SESSION = re.compile(r"^[ \t]*>>> \S", re.MULTILINE)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Teaching:
    """Of records and their documents."""

    with_doctest: float
    """Share of the documents that hold a ``>>>`` session."""
    statement_words: float
    """Mean length of a statement."""
    names_every_parameter: float
    """Share of the statements that speak of every parameter, as in code or as words."""
    properties: float
    """Mean number of properties that were checked, contracts left out."""
    examples: float
    """Mean number of calls with results."""


def teaching(records: Sequence[Record], texts: Sequence[str]) -> Teaching:
    """Measure records and the documents written from them; 0 of none."""
    return Teaching(
        with_doctest=_mean([_SESSION.search(text) is not None for text in texts]),
        statement_words=_mean([len(re.findall(r"\w+", record.problem.statement)) for record in records]),
        names_every_parameter=_mean([names_every_parameter(record) for record in records]),
        properties=_mean([sum(one.sort != "contract" for one in record.problem.properties) for record in records]),
        examples=_mean([len(record.examples) for record in records]),
    )


def names_every_parameter(record: Record) -> bool:
    """Whether the words of every parameter's name stand in the statement in a row, whatever is between them.

    A name with a single letter must stand there as it is.
    """
    said = f" {' '.join(_WORD.findall(record.problem.statement.lower()))} "
    return all(f" {' '.join(_WORD.findall(name.lower()))} " in said for name in parameters(record.problem.signature))


def parameters(signature: str) -> list[str]:
    """Names of the parameters of ``def name(…) -> …``; none where it is no Python."""
    try:
        (function,) = ast.parse(f"{signature}: pass").body
    except (SyntaxError, ValueError):
        return []
    if not isinstance(function, ast.FunctionDef):
        return []
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return [one.arg for one in named if one is not None]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
