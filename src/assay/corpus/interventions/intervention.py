"""The interventions by name, and what each does to a document; their versions are in `versions`."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from assay.corpus.document import Document
from assay.corpus.interventions.comments import comments_removed, prose_only
from assay.corpus.interventions.layout import formatting_normalised
from assay.corpus.interventions.lines import lines_shuffled
from assay.corpus.interventions.names import identifiers_scrambled
from assay.corpus.interventions.placebo import placebo
from assay.errors import InputError, nearest


class Transform(Protocol):
    """The new text of a document. The same document and seed always give the same text."""

    def __call__(self, document: Document, seed: int = 0) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """A named change."""

    name: str
    about: str
    """A line for the reader of a recipe or a report."""
    function: Transform


INTERVENTIONS: Mapping[str, Intervention] = MappingProxyType(
    {
        one.name: one
        for one in (
            Intervention(
                name="comments_removed",
                about="code without comments and docstrings",
                function=comments_removed,
            ),
            Intervention(name="prose_only", about="the comments and docstrings of code alone", function=prose_only),
            Intervention(
                name="identifiers_scrambled",
                about="names replaced by nonsense, the same throughout the corpus",
                function=identifiers_scrambled,
            ),
            Intervention(
                name="lines_shuffled",
                about="the lines of each document in random order",
                function=lines_shuffled,
            ),
            Intervention(
                name="formatting_normalised",
                about="indentation, blanks and blank lines the same everywhere",
                function=formatting_normalised,
            ),
            Intervention(
                name="placebo",
                about="the form of code with English words in place of all of its words",
                function=placebo,
            ),
        )
    }
)


def apply(name: str, document: Document, seed: int = 0) -> str:
    """The text of ``document`` after the intervention ``name``; empty where nothing but white space is left.

    Raises:
        InputError: There is no such intervention.
        Unfit: The document's language cannot be taken apart; the reason says so.
    """
    if name not in INTERVENTIONS:
        raise InputError(f"there is no intervention '{name}'{nearest(name, INTERVENTIONS)}")
    text = INTERVENTIONS[name].function(document, seed)
    return text if text.strip() else ""
