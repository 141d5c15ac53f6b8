"""Is a text worth reading? The published rules of C4, Gopher and FineWeb, and one that finds texts about programming.

The thresholds are the papers'; where a paper leaves a reading open, it is that of the reference code of C4 and of
datatrove, whose verdicts ours are compared with in the benchmarks. All rules judge whole documents and leave the text
as it is: C4's also removes lines, and here a document is judged as if they were removed (too few sentences left), but
keeps them, so that one text serves every rule. C4's list of bad words is not used.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.corpus import text_statistics
from assay.corpus.code_words import count_code_words
from assay.corpus.text_kernels import PAGE_CURLY, PAGE_LOREM, Array

C4_SENTENCES = 5
"""Raffel et al. 2020, §2.2, as its reference code (c4_utils.py) has it: five sentences, lines of three words."""

GOPHER_WORDS = (50, 100_000)
"""Rae et al. 2021 (Gopher), appendix A.1.1, as are the next seven."""
GOPHER_WORD_LENGTH = (3, 10)
GOPHER_SYMBOLS = 0.1
"""Hashes, or ellipses, to a word."""
GOPHER_BULLET_LINES = 0.9
GOPHER_ELLIPSIS_LINES = 0.3
GOPHER_ALPHABETIC = 0.8
"""Least share of words with a letter; marks of punctuation are words."""
GOPHER_STOP_WORDS = 2

REPEATED_LINES = REPEATED_PARAGRAPHS = 0.30
"""Table A1 of the same paper: greatest shares of repetition, by number and (the others) by characters."""
REPEATED_LINE_CHARACTERS = REPEATED_PARAGRAPH_CHARACTERS = 0.20
TOP_GRAMS = {2: 0.20, 3: 0.18, 4: 0.16}
DUPLICATE_GRAMS = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}

FINEWEB_STOPPED_LINES = 0.12
"""Penedo et al. 2024 (FineWeb), §3.6: least share of lines that end as sentences do."""
FINEWEB_SHORT_LINE, FINEWEB_SHORT_LINES = 30, 0.67
"""Characters of the longest line that is short, and greatest share of such lines."""
FINEWEB_REPEATED = 0.01
"""Greatest share of characters in lines met before: datatrove's, ten times stricter than the paper's text (0.1)."""
FINEWEB_NEWLINES = 0.3
"""Greatest number of newlines to a word; datatrove's, the paper does not name it."""

CODE_WORDS, CODE_SHARE = 2, 0.02
"""Our own: a text is about programming where at least so many of its words, and more than this share, look like code
(`code_words`). Measured: 99.9 % of 15,543 documents of prose are kept; dropped are 99 % of 218 READMEs of Python
packages, 97 % of 1,714 documents in reStructuredText, 99.9 % of 5,305 doctests, 93 % of 74 notebooks."""

_Faults = list[tuple[str, NDArray[np.bool_]]]


def faults(texts: Sequence[str], rules: Sequence[str]) -> list[str | None]:
    """The first of ``rules`` that each text breaks, as a constant phrase such as ``gopher: mean word length``.

    Args:
        texts: Documents; best some hundred at once.
        rules: Of ``c4``, ``gopher``, ``gopher_repetition``, ``fineweb`` and ``no_code``, in the order of judging.

    Returns:
        For each text the phrase, or None where it keeps all rules.

    Raises:
        KeyError: A rule is none of these.
    """
    counts = {count: count(texts) for count in {_RULES[rule][0]: None for rule in rules}}
    result: list[str | None] = [None] * len(texts)
    with np.errstate(divide="ignore", invalid="ignore"):
        broken = [
            (f"{rule}: {what}", where) for rule in rules for what, where in _RULES[rule][1](counts[_RULES[rule][0]])
        ]
    for phrase, where in reversed(broken):
        for at in np.flatnonzero(where):
            result[at] = phrase
    return result


def _measure(texts: Sequence[str]) -> Array:
    return text_statistics.measure(texts, FINEWEB_SHORT_LINE, min(DUPLICATE_GRAMS.values()))


def _c4(counts: Array) -> _Faults:
    return [
        ("lorem ipsum", counts["page"] == PAGE_LOREM),
        ("curly bracket", counts["page"] == PAGE_CURLY),
        ("too few sentences", counts["sentences"] < C4_SENTENCES),
    ]


def _gopher(counts: Array) -> _Faults:
    words, proper, lines = counts["words"], counts["proper_words"], counts["lines"]
    length = counts["proper_characters"] / proper
    return [
        ("too few words", proper < GOPHER_WORDS[0]),
        ("too many words", proper > GOPHER_WORDS[1]),
        ("mean word length", (length < GOPHER_WORD_LENGTH[0]) | (length > GOPHER_WORD_LENGTH[1])),
        ("hashes", counts["hashes"] / words > GOPHER_SYMBOLS),
        ("ellipses", counts["ellipses"] / words > GOPHER_SYMBOLS),
        ("bullet lines", counts["bullet_lines"] / lines > GOPHER_BULLET_LINES),
        ("lines ending with an ellipsis", counts["ellipsis_lines"] / lines > GOPHER_ELLIPSIS_LINES),
        ("words without a letter", counts["alphabetic_words"] / words < GOPHER_ALPHABETIC),
        ("too few stop words", counts["stop_words"] < GOPHER_STOP_WORDS),
    ]


def _gopher_repetition(counts: Array) -> _Faults:
    characters, blocks, paragraphs = counts["characters"], counts["blocks"], counts["paragraphs"]
    return [
        ("empty", characters == 0),
        ("repeated paragraphs", counts["repeated_paragraphs"] / paragraphs > REPEATED_PARAGRAPHS),
        ("repeated paragraphs", counts["repeated_paragraph_characters"] / characters > REPEATED_PARAGRAPH_CHARACTERS),
        ("repeated lines", counts["repeated_blocks"] / blocks > REPEATED_LINES),
        ("repeated lines", counts["repeated_block_characters"] / characters > REPEATED_LINE_CHARACTERS),
        *(
            (f"most frequent {width}-gram", counts["top"][:, at] / characters > most)
            for at, (width, most) in enumerate(TOP_GRAMS.items())
        ),
        *(
            (f"duplicate {width}-grams", counts["duplicate"][:, at] / characters > most)
            for at, (width, most) in enumerate(DUPLICATE_GRAMS.items())
        ),
    ]


def _fineweb(counts: Array) -> _Faults:
    lines, newlines = counts["full_lines"], counts["newlines"]
    return [
        ("empty", lines == 0),
        ("lines without an end mark", counts["stopped_lines"] / lines < FINEWEB_STOPPED_LINES),
        ("short lines", counts["short_lines"] / lines > FINEWEB_SHORT_LINES),
        ("repeated lines", counts["repeated_line_characters"] / (counts["characters"] - newlines) > FINEWEB_REPEATED),
        ("newlines to words", newlines / counts["words"] > FINEWEB_NEWLINES),
    ]


def _no_code(counts: Array) -> _Faults:
    words, code = counts.T
    return [("about programming", (code >= CODE_WORDS) & (code > CODE_SHARE * words))]


_RULES = {
    "c4": (_measure, _c4),
    "gopher": (_measure, _gopher),
    "gopher_repetition": (_measure, _gopher_repetition),
    "fineweb": (_measure, _fineweb),
    "no_code": (count_code_words, _no_code),
}
"""How what a rule looks at is counted, and the rule."""
