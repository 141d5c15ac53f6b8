"""Where a model is, what it is asked, and what came of it.

A question holds everything that a reply depends on beside the model's name; the two together are its key in the cache.
Where the model is served is not part of the key: a server started again on another port is the same model, and whoever
serves two models under one name has two caches. The key to the endpoint is never held here, only the name of the
environment variable that has it.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from assay.errors import InputError

Reason = Literal["refused", "rate limit", "server error", "connection", "time-out", "broken reply", "budget"]
"""``refused``: the server said no (4xx) and would again. ``broken reply``: no JSON, or none of the announced form.
``budget``: it was not asked."""

FRAME_TOKENS = 64
"""Taken to be put around a question by the server's chat template, and as many bytes as around each message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A model behind a url, and how hard it may be pressed."""

    url: str
    """Up to and with the version: ``http://127.0.0.1:8000/v1``. Nothing else is ever connected to."""
    model: str
    """The name to ask for."""
    key_from: str = "OPENAI_API_KEY"
    """The environment variable that holds the key; none is sent where it is not set."""
    concurrency: int = 4
    """Calls at a time."""
    seconds: float = 120.0
    """From a call's sending to the end of its reply."""
    tries: int = 6
    """Calls for one question, the first among them."""
    pause: float = 1.0
    """Seconds: the longest pause before the second try; it doubles with every further one."""
    per_minute: float | None = None
    """Calls a minute, evenly spaced; as many as there is time for if not given."""
    dollars_per_million_in: float = 0.0
    dollars_per_million_out: float = 0.0
    tokens_as: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What a chat's limit of tokens is called; some hosted models know the second name alone."""
    proxy: str | None = None
    """The url of a proxy; those that the environment names are not used."""

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise InputError(f"the url of an endpoint is like http://127.0.0.1:8000/v1, not {self.url!r}")
        if parts.username or parts.password or parts.query:
            raise InputError("the url of an endpoint holds no password or key: name a variable of the environment")
        if not self.model:
            raise InputError(f"which model of {self.url}? Its /models lists them")
        if self.concurrency < 1 or self.tries < 1 or self.seconds <= 0 or self.pause < 0:
            raise InputError("an endpoint needs a concurrency and tries of at least 1, and seconds above 0")
        if self.per_minute is not None and self.per_minute <= 0:
            raise InputError(f"calls per minute must be more than {self.per_minute:g}")
        if self.dollars_per_million_in < 0 or self.dollars_per_million_out < 0:
            raise InputError("the price of a million tokens is not below 0")

    def dollars(self, tokens_in: int, tokens_out: int) -> float:
        """The price of a call."""
        return (tokens_in * self.dollars_per_million_in + tokens_out * self.dollars_per_million_out) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Messages for a chat, or the beginning of a text for a completion, and how to decode."""

    messages: tuple[tuple[str, str], ...] = ()
    """Role and text of each."""
    prompt: str | None = None
    tokens: int
    """At most so many in the reply."""
    temperature: float | None = 0.0
    """Not sent if None, as some models know their own alone; ``top_p`` and ``seed`` too."""
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int = 0
    """Likeliest tokens wanted at each place, with their log-probabilities."""
    sample: int = 0
    """Tells questions apart that are the same otherwise; it is not sent."""

    def __post_init__(self) -> None:
        if bool(self.messages) == (self.prompt is not None):
            raise ValueError("a question has messages or a prompt")
        if self.tokens < 1:
            raise ValueError("a reply has room for a token at least")

    def key(self, model: str) -> str:
        """SHA-256, as hexadecimal digits, of the question as put to ``model``."""
        parts = {name: getattr(self, name) for name in self.__slots__}
        return hashlib.sha256(json.dumps({"to": model, **parts}, sort_keys=True).encode()).hexdigest()

    def longest(self) -> int:
        """Tokens of the question at the worst: a byte each, and what the server puts around them."""
        texts = [part for message in self.messages for part in message] if self.messages else [self.prompt or ""]
        return sum(len(text.encode(errors="replace")) for text in texts) + FRAME_TOKENS * (1 + len(self.messages))


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a reply."""

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()
    """The likeliest at its place, with their natural log-probabilities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model said."""

    text: str
    finish: str
    """``stop``, ``length``, ``content_filter`` or whatever else the server calls it; empty if it does not say."""
    tokens_in: int
    tokens_out: int
    """As the server counted; where it did not, the most that it can have been."""
    counted: bool
    """Whether the server counted."""
    model: str
    """The name under which the server answered."""
    logprobs: tuple[Token, ...] = ()
    """Empty where none were asked for, or the server has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why there is no reply."""

    reason: Reason
    words: str
    """The server's own, or what happened; never the key."""
    tries: int
    """Calls that were made for it."""
