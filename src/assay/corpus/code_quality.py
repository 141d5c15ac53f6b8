"""Rules and signals for files of code: StarCoder's filters, validity, share of comments, complexity, linguist's roles.

The filters are those of StarCoder (Li et al. 2023, arXiv 2305.06161, section 3) with the exceptions that its authors
found by looking at samples of 300 extensions (``visual_inspection.csv`` of bigcode-dataset); they decided by file
extension, here it is by language. A rule says nothing of a language that it cannot be worked out for. Nothing here
changes a text, and near duplicates, secrets and licences are not judged.
"""

import contextlib
import io
import re
from typing import NamedTuple

import enry

from assay.corpus.html_text import unescaped
from assay.corpus.parsing import LARGEST, comment_share, parses
from assay.corpus.source import Clean
from assay.errors import StepError

LONGEST_LINE = 1000
"""Characters (section 3.1, after Chen et al. 2021, who filtered Codex's files so)."""
MEAN_LINE = 100
"""Characters (the same)."""
LEAST_ALPHANUMERIC = 0.25
"""Share of a file's characters (the same)."""
LEAST_ALPHABETIC = 0.25
"""Share of the characters of a file whose extension is often data ("alpha filter", section 3.1)."""
LEAST_ALPHABETIC_DATA = 0.5
"""The same for JSON and YAML (section 3.1)."""
DATA_CHARACTERS = (50, 5000)
"""Least and most characters of a JSON or YAML file (section 3.1)."""
XML_WITHIN = 100
"""Characters at the beginning in which an XML declaration is looked for (section 3.1)."""
LEAST_VISIBLE = 0.2
"""Share of a page of HTML that must be visible text, of which there must be ``LEAST_VISIBLE_CHARACTERS``."""
LEAST_VISIBLE_CHARACTERS = 100

_ANY_LINES = frozenset(
    [
        "Assembly",
        "Unix Assembly",
        "Bluespec",
        "CMake",
        "JSON",
        "Markdown",
        "MATLAB",
        "R",
        "RMarkdown",
        "reStructuredText",
        "SQL",
        "PLSQL",
        "PLpgSQL",
        "TSQL",
        "Stata",
        "TeX",
        "BibTeX",
    ]
)
"""Languages whose lines may be of any length: StarCoder's readers found the filter wrong for them."""
_ANY_ALPHANUMERIC = frozenset({"SAS"})
_ALPHABETIC = frozenset(["Augeas", "Maple", "MATLAB", "Scheme", "SystemVerilog", "VHDL", "Yacc"])
_DATA = frozenset({"JSON", "YAML"})
_XML = frozenset(["XML", "XSLT", "SVG", "XML Property List", "Maven POM", "XPages", "Web Ontology Language"])
_UNSEEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


class Lines(NamedTuple):
    """What the filters of line length look at."""

    number: int
    mean: float
    """Characters, line ends not counted."""
    longest: int


def fault(text: str, path: str, language: str, clean: Clean) -> str | None:
    """The first rule of ``clean`` that a file breaks, as a phrase that is always the same; None where it breaks none.

    Args:
        text: The file's text, line ends ``\\n``.
        path: Its place; not looked at by today's rules.
        language: Linguist's name of its language.
        clean: Of its rules ``starcoder``, ``parses``, ``comment_share`` and ``complexity`` are judged here.

    Raises:
        StepError: A rule needs a library of the extra ``code`` that is not installed.
    """
    if "starcoder" in clean.rules:
        broken = _starcoder(text, language)
        if broken is not None:
            return f"starcoder: {broken}"
    if "parses" in clean.rules and parses(text, language) is False:
        return "does not parse"
    if clean.comment_share is not None:
        share = comment_share(text, language)
        least, most = clean.comment_share
        if share is not None and share < least:
            return "too few comments"
        if share is not None and share > most:
            return "too many comments"
    if clean.complexity is not None:
        mean = complexity(text, language)
        if mean is not None and mean > clean.complexity:
            return "too complex"
    return None


def _starcoder(text: str, language: str) -> str | None:
    if language not in _XML and "<?xml version=" in text[:XML_WITHIN]:
        return "XML header"
    if language in _DATA and not DATA_CHARACTERS[0] <= len(text) <= DATA_CHARACTERS[1]:
        return "size of a data file"
    if language not in _ANY_LINES:
        lines = measure_lines(text)
        if lines.longest > LONGEST_LINE:
            return "longest line"
        if lines.mean > MEAN_LINE:
            return "mean line length"
    if language not in _ANY_ALPHANUMERIC and alphanumeric(text) < LEAST_ALPHANUMERIC:
        return "alphanumeric share"
    if language in _DATA and alphabetic(text) < LEAST_ALPHABETIC_DATA:
        return "alphabetic share"
    if language in _ALPHABETIC and alphabetic(text) < LEAST_ALPHABETIC:
        return "alphabetic share"
    if language == "HTML":
        visible = len(visible_text(text))
        if visible <= LEAST_VISIBLE_CHARACTERS or visible <= LEAST_VISIBLE * len(text):
            return "visible text"
    return None


def measure_lines(text: str) -> Lines:
    """Number, mean and greatest length of the lines; nothing but ``\\n`` ends one."""
    lines = text.removesuffix("\n").split("\n")
    return Lines(len(lines), sum(map(len, lines)) / len(lines), max(map(len, lines)))


_NO_LETTERS = bytes(byte for byte in range(128) if not chr(byte).isalpha())
_NO_ALPHANUMERICS = bytes(byte for byte in range(128) if not chr(byte).isalnum())


def alphanumeric(text: str) -> float:
    """Share of the characters that are letters or digits; 0 for an empty text."""
    if text.isascii():
        return len(text.encode().translate(None, _NO_ALPHANUMERICS)) / max(1, len(text))
    return sum(map(str.isalnum, text)) / len(text)


def alphabetic(text: str) -> float:
    """Share of the characters that are letters; 0 for an empty text."""
    if text.isascii():
        return len(text.encode().translate(None, _NO_LETTERS)) / max(1, len(text))
    return sum(map(str.isalpha, text)) / len(text)


def visible_text(page: str) -> str:
    """What is left of HTML without scripts, styles, comments and tags; white space stays as it is.

    Tags are found by a regular expression, in linear time; a ``>`` inside an attribute ends its tag too early.
    """
    return unescaped(_TAG.sub("", _UNSEEN.sub("", page)))


def complexity(text: str, language: str) -> float | None:
    """Mean cyclomatic complexity of the functions (lizard's count); None without functions or a reader for them, and
    where lizard cannot make sense of the text.

    Raises:
        StepError: lizard is not installed.
    """
    try:
        import lizard
    except ImportError as error:
        raise StepError("complexity is counted by lizard: pip install 'assay[code]'") from error
    suffixes = enry.get_language_extensions(language)
    name = f"file{suffixes[0]}" if suffixes else ""
    if len(text) > LARGEST or lizard.get_reader_for(name) is None:
        return None
    complaints = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaints), contextlib.redirect_stdout(complaints):
            functions = lizard.analyze_file.analyze_source_code(name, text).function_list
    except Exception:  # its readers raise whatever they run into where code is not well-formed
        return None
    if complaints.getvalue() or not functions:
        return None
    return float(sum(function.cyclomatic_complexity for function in functions) / len(functions))


def signals(text: str, path: str, language: str) -> dict[str, float | bool | None]:
    """What can be said of one file, for people to look at; None where it cannot be said, or a library is missing.

    Keys: ``parses``, ``comment_share`` (of the characters), ``complexity`` (mean of the functions), ``lines``,
    ``mean_line``, ``longest_line`` (characters), ``alphanumeric`` (share of the characters).
    """
    lines = measure_lines(text)
    found: dict[str, float | bool | None] = {}
    with contextlib.suppress(StepError):
        found["parses"] = parses(text, language)
        found["comment_share"] = comment_share(text, language)
    with contextlib.suppress(StepError):
        found["complexity"] = complexity(text, language)
    return {
        "parses": found.get("parses"),
        "comment_share": found.get("comment_share"),
        "complexity": found.get("complexity"),
        "lines": lines.number,
        "mean_line": lines.mean,
        "longest_line": lines.longest,
        "alphanumeric": alphanumeric(text),
    }


def role(path: str, text: str) -> str:
    """Linguist's type of a file and what else it says of it: ``programming``, ``data, configuration``, ….

    The type (``programming``, ``markup``, ``prose``, ``data``, or ``unknown``) comes first, then those of
    ``generated``, ``vendored``, ``test``, ``configuration`` and ``documentation`` that hold. ``configuration`` is
    linguist's notion, which goes by the language: every JSON, TOML or YAML file.
    """
    data = text.encode("utf-8", "surrogatepass")
    place = path.encode("utf-8", "replace").decode()
    kind = enry.get_language_type(enry.get_language(place, data)) or "unknown"
    more = {
        "generated": enry.is_generated(place, data),
        "vendored": enry.is_vendor(place),
        "test": enry.is_test(place),
        "configuration": enry.is_configuration(place),
        "documentation": enry.is_documentation(place),
    }
    return ", ".join([kind.lower(), *(name for name, holds in more.items() if holds)])
