"""The tests' faulty server with a mood, and a log of what it was asked and what it gave, in order.

A mood is one kind of fault for a whole run: too many requests, errors, silence, cut replies, nonsense, a model that
changes its name; or all of them together. The same question is always answered with the same words, which name it, so
that a reply taken for another's is seen. From the log alone, with the kills in it, follows what was asked again that a
client had already been given; no client's account is believed.
"""

import hashlib
import random
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Literal

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from faulty_server import Act, FaultyServer, last_words

CALL_SECONDS = 2.0
"""A client's patience with one call."""
NONSENSE = ("Preferred: Answer (A) and Answer (B)", "Preferred: Answer (C)", "I prefer not to say.", "")
_SLOW = (0.01, 0.06)
"""Seconds that a good reply takes."""

Fault = Callable[[random.Random], Act]

MOODS: Mapping[str, tuple[float, Fault]] = {
    "rate limit": (0.4, lambda draw: Act(status=429, headers={"Retry-After": draw.choice(["0", "0.05", "0.2"])})),
    "errors": (0.4, lambda draw: Act(status=draw.choice([500, 502, 503]))),
    "hangs": (0.1, lambda draw: Act(seconds=60)),
    "cut": (
        0.4,
        lambda draw: draw.choice(
            [*(Act(cut=how) for how in ("length", "chunked", "closed", "silence")), Act(body=b'{"choices": [{"mess')]
        ),
    ),
    "nonsense": (0.0, lambda draw: Act()),
    "changing name": (0.0, lambda draw: Act()),
}
"""Chance that a call meets the fault, and the fault."""
ALL = "all"
"""The mood of all moods together."""


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the server's log."""

    what: Literal["asked", "gave", "killing", "dead"]
    """A question came; a good reply was sent whole; the client is about to be killed; it is no more."""
    words: str = ""
    life: int = 0
    """Of the client that asked: how many had ended before."""


@dataclass(frozen=True, slots=True)
class Again:
    """Questions asked after a whole reply to them had been sent."""

    twice: int
    """To a client that had time to keep it."""
    at_kills: int
    """To one that was killed before it asked for anything after it, and may not have had it."""


@dataclass
class LoggingServer:
    """A faulty server that keeps the order of events."""

    mood: str
    seed: int
    known: Mapping[str, str] = field(default_factory=dict)
    """Questions to which it gives the right reply, and that: those of an exam that it is to pass."""
    events: list[Event] = field(default_factory=list)
    life: int = 0
    server: FaultyServer = field(init=False)

    def __post_init__(self) -> None:
        outer, lock, chosen = self, threading.Lock(), threading.local()
        self._lock = lock

        class Logging(FaultyServer):
            def answer(self, handler: BaseHTTPRequestHandler) -> None:
                chosen.good, life = False, outer.life
                super().answer(handler)
                if chosen.good:
                    outer.log(Event("gave", chosen.words, life))

        def behave(body: dict[str, Any], before: int) -> Act:
            words = last_words(body)
            outer.log(Event("asked", words, outer.life))
            act = self.act(words, before)
            chosen.words, chosen.good = words, act.status == 200 and not act.cut and act.body is None and not hangs(act)
            return act

        self.server = Logging(behave)

    def log(self, event: Event) -> None:
        """Add a line."""
        with self._lock:
            self.events.append(event)

    def act(self, words: str, before: int) -> Act:
        """What to do with a call: the same question is answered with the same words, if it is answered."""
        draw = random.Random(f"{self.seed}\0{words}\0{before}\0{self.life}")
        mood = draw.choice(sorted(MOODS)) if self.mood == ALL else self.mood
        chance, fault = MOODS[mood]
        if draw.random() < chance:
            return fault(draw)
        renamed = self.mood in (ALL, "changing name")
        return Act(
            text=self.said(words),
            seconds=draw.uniform(*_SLOW),
            model=f"toy-{draw.randrange(3)}" if renamed else "toy",
        )

    def said(self, words: str) -> str:
        """The reply to a question."""
        return self.known.get(words) or said_of(words, self.talks_nonsense)

    @property
    def talks_nonsense(self) -> bool:
        """Whether some replies are no verdict."""
        return self.mood in (ALL, "nonsense")

    def answered(self) -> int:
        """Different questions to which a good reply was sent."""
        with self._lock:
            return len({event.words for event in self.events if event.what == "gave"})

    def killing(self) -> None:
        """The client is about to be killed: what is sent from now on reaches nobody."""
        self.log(Event("killing"))

    def dead(self) -> None:
        """The client is no more."""
        with self._lock:
            self.events.append(Event("dead"))
            self.life += 1


def hangs(act: Act) -> bool:
    """Whether a client gives up before it has the reply."""
    return act.seconds >= CALL_SECONDS


def said_of(words: str, with_nonsense: bool) -> str:
    """The server's opinion: it names the question; a third of them are nonsense where that is its mood."""
    digest = hashlib.sha256(words.encode()).hexdigest()
    number = int(digest[:8], 16)
    comparison = f"Comparison: seen {digest[:16]}."
    if with_nonsense and number % 3 == 0:
        return f"{comparison}\n{NONSENSE[number // 3 % len(NONSENSE)]}".strip()
    return f"{comparison}\nPreferred: Answer ({'AB'[number % 2]})"


def asked_again(events: Iterable[Event], at_once: int) -> Again:
    """Count the questions that came again after a whole reply.

    A client that is alive has a reply when it has been sent; of a killed one, the last ``at_once`` replies before the
    kill may have been on their way, and what was sent to it afterwards reached nobody.

    Args:
        events: In order.
        at_once: Calls that a client has under way at most.
    """
    had: set[str] = set()
    perhaps: set[str] = set()
    life, dying = 0, False
    recent: list[str] = []
    twice = at_kills = 0
    for event in events:
        if event.what == "asked" and not dying:
            if event.words in had or event.words in recent:
                twice += 1
            elif event.words in perhaps:
                at_kills += 1
        elif event.what == "gave" and event.life == life and not dying:
            recent.append(event.words)
        elif event.what == "killing":
            dying = True
        elif event.what == "dead":
            kept = len(recent) - (at_once if dying else 0)
            had.update(recent[: max(0, kept)])
            perhaps.update(recent[max(0, kept) :])
            life, dying, recent = life + 1, False, []
    return Again(twice, at_kills)
