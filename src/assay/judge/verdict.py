"""How a judge is asked, and how what it says is read.

A format is a YAML file in ``formats/``: the words around a pairing and the form of a verdict. What is judged is data:
every line of it is quoted with a mark, whatever ends a line in Unicode, so that no line of the frame can be written by
an answer, and what looks like a control token of a chat is spaced out. A verdict is read in its own form or in a few
spellings of it, never guessed: a reply that names both answers, or neither, is none. An answer can still try to talk a
judge over; whether that works is what the exam finds out.
"""

import functools
import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path

import yaml
from jinja2 import TemplateError

from assay.errors import InputError
from assay.evaluate.template import names, template
from assay.judge.judgement import JudgePrompt, Pairing, Preferred
from assay.yaml_file import read_mapping

MARK = "> "
"""Before every line of what is quoted; no line of a frame begins with it."""
_CONTROL = re.compile(
    r"<(?=[|｜]|/?(?:s|bos|eos|pad|unk|start_of_turn|end_of_turn|think)>)|[|｜](?=>)|\[(?=/?INST\])", re.IGNORECASE
)
"""Where the names of control tokens begin, as chat models write them."""
_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
"""What a reasoning model says to itself first."""
_DECORATION = re.compile(r"[*_`\"'“”‘’]")
_LETTER = re.compile(r"(?:the )?(?:answer |response |option )?[(\[]?(a|b|tie)[)\]]?[.!]?", re.IGNORECASE)
_FOLDER = "formats"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """Words around a pairing, and the form of the verdict."""

    name: str
    about: str
    """What it is and where it comes from."""
    system: str
    prompt: str
    """Jinja over ``instruction``, ``first`` and ``second``, each quoted."""
    heading: str
    """What the line with the verdict begins with, before a colon; empty: the verdict is the whole reply."""
    before: str
    """Said before the letter of a verdict: what a model that is scored rather than asked is taken to have said."""
    verdicts: Mapping[str, str]
    """Exact form of ``first``, ``second`` and, where it may be said, ``tie``."""
    tokens: int
    """Room for a reply."""

    @property
    def sha256(self) -> str:
        """Of everything that a judge is shown and how it is read."""
        parts = [self.system, self.prompt, self.heading, self.before, *map(repr, sorted(self.verdicts.items()))]
        return hashlib.sha256("\0".join([*parts, str(self.tokens)]).encode()).hexdigest()

    def messages(self, pairing: Pairing) -> tuple[tuple[str, str], ...]:
        """What a judge is told: role and text of each message."""
        written = template(self.prompt).render(
            instruction=quoted(pairing.prompt.text), first=quoted(pairing.first), second=quoted(pairing.second)
        )
        return ("system", self.system), ("user", written.strip())

    def read(self, words: str, is_cut: bool = False) -> Preferred:
        """The verdict in a reply.

        Args:
            words: The whole reply.
            is_cut: Whether it ended for want of room; then the exact form alone counts, as *A* may begin *Answer (B)*.

        Returns:
            ``none`` where there is no verdict, more than one, or one that the format does not offer.
        """
        lines = [" ".join(line.split()) for line in _THOUGHT.sub("", words, count=1).splitlines()]
        lines = [line for line in lines if line and not line.startswith(MARK.strip())]
        if self.heading:
            begin = re.compile(rf"\W*{re.escape(self.heading)}\b", re.IGNORECASE)
            lines = [line for line in lines if begin.match(line)]
        elif len(lines) != 1:
            return "none"
        found = {self._read_line(line, is_cut) for line in lines}
        return found.pop() if len(found) == 1 else "none"

    def _read_line(self, line: str, is_cut: bool) -> Preferred:
        for preferred in ("first", "second", "tie"):
            if line == self.verdicts.get(preferred):
                return preferred
        if is_cut:
            return "none"
        rest = _DECORATION.sub("", line).strip()
        if self.heading:
            name, colon, rest = rest.partition(":")
            if name.strip("# ").casefold() != self.heading.casefold() or not colon:
                return "none"
        said = _LETTER.fullmatch(rest.strip())
        if said is None:
            return "none"
        meant: dict[str, Preferred] = {"a": "first", "b": "second", "tie": "tie"}
        preferred = meant[said[1].casefold()]
        return preferred if preferred in self.verdicts else "none"


@functools.cache
def open_format(name: str) -> Format:
    """A format by name, see `format_names`, or of a YAML file in the layout of those in ``formats/``.

    Raises:
        InputError: There is none of that name; the file is missing, or no format.
    """
    if name.endswith((".yaml", ".yml")):
        return _of_file(Path(name))
    if name not in format_names():
        raise InputError(f"there is no judge format {name!r}; there are {', '.join(format_names())}")
    given = yaml.safe_load((resources.files("assay.judge") / _FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return Format(name=name, **given)


def _of_file(path: Path) -> Format:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"there is no judge format that can be read: {problem}", str(path)) from None
    kinds = {
        one.name: dict if one.name == "verdicts" else int if one.name == "tokens" else str for one in fields(Format)
    }
    del kinds["name"]
    wanted = f"a judge format has the keys {', '.join(kinds)}, and no others"
    given, _ = read_mapping(text, str(path), wanted)
    if set(given) != set(kinds):
        raise InputError(wanted, str(path))
    for key, kind in kinds.items():
        if not isinstance(given[key], kind):
            raise InputError(f"'{key}' must be a {kind.__name__}, and is {given[key]!r}", str(path))
    verdicts = given["verdicts"]
    if not {"first", "second"} <= set(verdicts) <= {"first", "second", "tie"} or len(set(verdicts.values())) < len(
        verdicts
    ):
        raise InputError("'verdicts' gives different forms of first, second and, if it may be said, tie", str(path))
    if not all(isinstance(form, str) and form for form in verdicts.values()) or given["tokens"] < 1:
        raise InputError("the forms of verdicts are texts, and a reply has room for 1 token at least", str(path))
    made = Format(name=path.stem, **given)
    try:
        made.messages(Pairing(prompt=JudgePrompt(id="", text=""), first="", second=""))
    except TemplateError as problem:
        raise InputError(f"'prompt' is no template over instruction, first and second: {problem}", str(path)) from None
    if missing := [name for name in ("instruction", "first", "second") if name not in names(given["prompt"])]:
        raise InputError(f"'prompt' does not show the {missing[0]}", str(path))
    return made


@functools.cache
def format_names() -> tuple[str, ...]:
    """Those that are there."""
    files = (resources.files("assay.judge") / _FOLDER).iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))


def quoted(text: str) -> str:
    """A text with `MARK` before every line; a blank before whatever might be read as a control token's middle."""
    spaced = _CONTROL.sub(lambda found: f"{found[0]} ", text)
    return "\n".join(MARK + line for line in spaced.splitlines() or [""])


def letter_margin(given: Mapping[str, float], least: float | None) -> float | None:
    """How much likelier *A* is than *B* where a verdict begins.

    Args:
        given: Log-probability of every token, or text, that is known of; spellings that differ in blanks add up.
        least: Log-probability that what is not among them has at most; None: it is nothing.

    Returns:
        Nats, positive for *A*. Where one letter is not known of, the smallest margin that ``least`` allows; None where
        that leaves it open, and where neither is known of.
    """
    sums = {"A": 0.0, "B": 0.0}
    for text, logprob in given.items():
        if (letter := text.strip()) in sums:
            sums[letter] += math.exp(logprob)
    first, second = (math.log(known) if known > 0 else None for known in sums.values())
    if first is not None and second is not None:
        return first - second
    if least is None:
        return None
    if first is not None and first > least:
        return first - least
    if second is not None and second > least:
        return least - second
    return None


def preferred_by(margin: float, tie: float = 0.0) -> Preferred:
    """The verdict of a margin for the first answer; ``tie``: at most so much, either way, is none's."""
    if abs(margin) <= tie:
        return "tie"
    return "first" if margin > 0 else "second"
