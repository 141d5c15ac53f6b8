r"""Whether a generated answer is right, where texts are compared: normalised as the widely used harness does.

So that accuracies are comparable with published ones, every rule here is the harness's (lm-evaluation-harness 0.4) and
is tested against it, with its quirks: in ``match`` only leading and trailing space, case and ASCII punctuation are
looked past; in ``number`` 18.00 is not 18. Programs are checked by `programs`, in the sandbox, never here.

==================  ==============================================================================================
``match``           TriviaQA, NQ-Open: equal to any accepted text, after the task's own ``ignore``
``number``          GSM8K, flexible: the last number of the answer
``marked_number``   GSM8K, strict: the number behind the first ``####``
``mathematics``     MATH: what stands between the first and the last ``$`` (all, if there are none), compared as LaTeX
                    after the normalisation of Hendrycks et al. 2021 (arXiv:2103.03874)
``literal``         the same Python value, of the same type
``f1``              SQuAD's (Rajpurkar et al. 2016): harmonic mean of the shares of common words; of the first line
==================  ==============================================================================================
"""

import ast
import re
import string
from collections import Counter
from collections.abc import Callable

from assay.evaluate.prompt import Prompt
from assay.evaluate.task import Generation

LONGEST_LITERAL = 4000
"""Characters of a literal that is still parsed: a parser's memory grows with its text."""
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_NUMBER = re.compile(r"-?[$0-9.,]{2,}|-?[0-9]+")
_MARKED = re.compile(r"#### (-?[0-9.,]+)")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_UNITS = r"\text{ "
_ROOT = re.compile(r"\\sqrt(?!\{)(.)", re.DOTALL)


def right(answer: str, prompt: Prompt, asked: Generation) -> float:
    """How right an answer is: 1 or 0, and for ``f1`` anything between.

    Args:
        answer: What was generated, cut before its stop text.
        prompt: With the accepted texts.
        asked: How it is checked.

    Raises:
        ValueError: A program decides.
    """
    if asked.check == "program":
        raise ValueError("whether a program is right is found by running it in the sandbox")
    if asked.check == "f1":
        first, *_ = answer.strip().split("\n")
        return max(f1(text, first) for text in prompt.accept)
    if asked.check == "match":
        ignored = [re.compile(one) for one in asked.ignore]
        return float(any(_matches(answer.strip(), text, ignored) for text in prompt.accept))
    return float(any(_CHECKS[asked.check](answer, text) for text in prompt.accept))


def f1(accepted: str, answer: str) -> float:
    """Word F1 of two texts without case, punctuation, articles and repeated space; 1 where both have no word."""
    ours, theirs = _words(accepted), _words(answer)
    if not ours or not theirs:
        return float(ours == theirs)
    shared = (Counter(ours) & Counter(theirs)).total()
    return 2 * shared / (len(ours) + len(theirs))


def _words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def _matches(answer: str, accepted: str, ignored: list[re.Pattern[str]]) -> bool:
    for one in ignored:
        answer, accepted = one.sub("", answer), one.sub("", accepted)
    plain = accepted.lower().translate(_NO_PUNCTUATION)
    if not plain.strip():
        # an accepted text of signs alone would be met by any other signs
        return answer == accepted
    return answer.lower().translate(_NO_PUNCTUATION) == plain


def _last_number(answer: str, accepted: str) -> bool:
    found = _NUMBER.findall(answer)
    return bool(found) and _digits(found[-1]) == _digits(accepted)


def _marked_number(answer: str, accepted: str) -> bool:
    found = _MARKED.search(answer)
    return found is not None and _digits(found[1]) == _digits(accepted)


def _digits(number: str) -> str:
    return number.strip().replace(",", "").replace("$", "").removesuffix(".").lower()


def _same_literal(answer: str, accepted: str) -> bool:
    if max(len(answer), len(accepted)) > LONGEST_LITERAL:
        return False
    try:
        ours, theirs = ast.literal_eval(accepted.strip()), ast.literal_eval(answer.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    # 1, 1.0 and True are equal to Python; what they are written as tells them apart
    return ours == theirs and _types(ours) == _types(theirs)


def _types(value: object) -> object:
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(_types, value)]
    if isinstance(value, dict):
        return [(_types(key), _types(value[key])) for key in sorted(value, key=repr)]
    if isinstance(value, set):
        return sorted(repr(_types(one)) for one in value)
    return type(value).__name__


def _same_mathematics(answer: str, accepted: str) -> bool:
    places = [place for place, sign in enumerate(answer) if sign == "$"]
    if len(places) > 1:
        answer = answer[places[0] + 1 : places[-1]]
    try:
        return plain_latex(answer) == plain_latex(accepted)
    except ValueError:
        return answer == accepted


def plain_latex(text: str) -> str:
    r"""A short answer in LaTeX without what does not change its value: ``\dfrac12`` and ``1/2`` are ``\frac{1}{2}``.

    Raises:
        ValueError: It ends in the middle of a command, or has more units than one.
    """
    for before, after in (("\n", ""), (r"\!", ""), ("\\\\", "\\"), ("tfrac", "frac"), ("dfrac", "frac")):
        text = text.replace(before, after)
    for dropped in (r"\left", r"\right", r"^{\circ}", r"^\circ", r"\$"):
        text = text.replace(dropped, "")
    if text.count(_UNITS) > 1:
        raise ValueError("units twice")
    text = text.partition(_UNITS)[0].replace(r"\%", "").replace(" .", " 0.").replace("{.", "{0.")
    if not text:
        return text
    if text.startswith("."):
        text = "0" + text
    left, equals, value = text.partition("=")
    if equals and "=" not in value and len(left) <= 2:
        text = value
    if text.endswith(r"\sqrt"):
        raise ValueError("a root of nothing")
    text = _fractions(_ROOT.sub(r"\\sqrt{\1}", text).replace(" ", ""))
    return r"\frac{1}{2}" if text == "0.5" else _slash(text)


def _fractions(text: str) -> str:
    r"""Braces around the two parts of every ``\frac`` that has none around the first."""
    first, *parts = text.split(r"\frac")
    written = [first]
    for part in parts:
        if not part:
            raise ValueError("a fraction of nothing")
        if part[0] == "{":
            written.append(part)
        elif len(part) == 1:
            return text
        else:
            below = part[1:] if part[1] == "{" else f"{{{part[1]}}}{part[2:]}"
            written.append(f"{{{part[0]}}}{below}")
    return r"\frac".join(written)


def _slash(text: str) -> str:
    above, slash, below = text.partition("/")
    if not slash or "/" in below:
        return text
    numbers = int(above), int(below)
    return rf"\frac{{{numbers[0]}}}{{{numbers[1]}}}" if text == f"{numbers[0]}/{numbers[1]}" else text


_CHECKS: dict[str, Callable[[str, str], bool]] = {
    "number": _last_number,
    "marked_number": _marked_number,
    "mathematics": _same_mathematics,
    "literal": _same_literal,
}
