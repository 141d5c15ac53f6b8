"""What a request to the server may say, checked; and what the answers say back, in the shapes of OpenAI's API.

Nothing is ignored in silence: what this server does not do is refused by name, unless it is asked for at the value that
changes nothing. The shapes are those of ``/v1/completions`` and ``/v1/chat/completions``.
"""

import codecs
import math
import secrets
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assay.endpoint.token_logprobs import TokenBytes, TokenLogprob
from assay.evaluate.generate import Decoding

MOST_SAMPLES = 128
"""Answers of one request."""
MOST_TOP = 20
"""Likeliest tokens named in one place."""
NEUTRAL: dict[str, tuple[object, ...]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "best_of": (1,),
    "suffix": ("",),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
}
"""What is not supported, and the values at which it changes nothing."""
WITHOUT_EFFECT = ("user", "safety_identifier", "metadata", "store", "service_tier", "prompt_cache_key")
"""Fields that say nothing about the answer."""

Tokens = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]


class Refusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.told = error(status, message, param, code)


def error(status: int, message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """The body of an error."""
    kinds = {401: "authentication_error", 404: "not_found_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


class StreamOptions(BaseModel):
    """Of a stream."""

    model_config = ConfigDict(extra="forbid")
    include_usage: bool = False
    include_obfuscation: Literal[False] = False


class Body(BaseModel):
    """What both kinds of request may say."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    model: str
    temperature: float = Field(1.0, ge=0, allow_inf_nan=False)
    top_p: float = Field(1.0, gt=0, le=1)
    seed: int | None = None
    stop: list[Annotated[str, Field(min_length=1)]] | str = []
    n: int = Field(1, ge=1, le=MOST_SAMPLES)
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()

    @model_validator(mode="before")
    @classmethod
    def _without_neutral(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            raise ValueError("the body is no JSON object")
        kept = {}
        for name, value in given.items():
            if value is None or name in WITHOUT_EFFECT:
                continue
            if name not in NEUTRAL:
                kept[name] = value
            elif value not in NEUTRAL[name]:
                raise ValueError(f"{name} is not supported by this server")
        return kept

    def decoding(self, tokens: int, stops: Sequence[str] = ()) -> Decoding:
        """How an answer is made; without a seed each request draws one.

        Args:
            tokens: Most of an answer.
            stops: Besides the request's own.
        """
        own = [self.stop] if isinstance(self.stop, str) else self.stop
        seed = secrets.randbits(32) if self.seed is None else self.seed
        return Decoding(tokens, (*own, *stops), self.temperature, self.top_p, seed)


class CompletionBody(Body):
    """Of ``/v1/completions``."""

    prompt: str | Tokens | Annotated[list[str], Field(min_length=1)] | Annotated[list[Tokens], Field(min_length=1)]
    max_tokens: int = Field(16, ge=0)
    logprobs: int | None = Field(None, ge=0, le=MOST_TOP)
    echo: bool = False

    @property
    def prompts(self) -> list[str | list[int]]:
        """One by one."""
        if isinstance(self.prompt, str) or isinstance(self.prompt[0], int):
            return [self.prompt]
        return list(self.prompt)

    @model_validator(mode="after")
    def _check(self) -> "CompletionBody":
        if self.max_tokens == 0 and not self.echo:
            raise ValueError("max_tokens 0 asks for nothing; with echo it gives the prompt's own log-probabilities")
        if self.stream and self.echo:
            raise ValueError("echo does not go with stream")
        return self


class Part(BaseModel):
    """A piece of a message."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["text"]
    text: str


class Message(BaseModel):
    """One turn."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part]

    def plain(self) -> dict[str, str]:
        """As a chat template reads it."""
        role = "system" if self.role == "developer" else self.role
        parts = [self.content] if isinstance(self.content, str) else [part.text for part in self.content]
        return {"role": role, "content": "".join(parts)}


class ChatBody(Body):
    """Of ``/v1/chat/completions``."""

    messages: list[Message] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    logprobs: bool = False
    top_logprobs: int | None = Field(None, ge=0, le=MOST_TOP)

    @model_validator(mode="after")
    def _check(self) -> "ChatBody":
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true")
        return self


def refusal(problem: ValidationError) -> Refusal:
    """What was wrong with a body."""
    first = max(problem.errors(), key=lambda one: len(one["loc"]))  # of several forms, the one that fitted longest
    place = ".".join(str(step) for step in first["loc"])
    if first["type"] == "extra_forbidden":
        return Refusal(400, f"{place} is not supported by this server", place, "unsupported_parameter")
    said = first["msg"].removeprefix("Value error, ")
    return Refusal(400, f"{place}: {said}" if place else said, place or None)


def completion_logprobs(tokens: Sequence[TokenLogprob], read: TokenBytes) -> dict[str, Any]:
    """Log-probabilities as ``/v1/completions`` tells them, of a choice's tokens in order.

    A token that begins inside a character is said to stand where that character does.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    offsets, at = [], 0
    for one in tokens:
        data = b"" if one.token in read.control else read(one.token)
        open_bytes = decoder.getstate()[0]
        offsets.append(at + max(0, len((open_bytes + data[:1]).decode("utf-8", "replace")) - 1))
        at += len(decoder.decode(data))
    return {
        "tokens": [_name(read(one.token)) for one in tokens],
        "token_logprobs": [one.logprob for one in tokens],
        "top_logprobs": [
            None if one.logprob is None else {_name(read(token)): logprob for token, logprob in one.top}
            for one in tokens
        ],
        "text_offset": offsets,
    }


def chat_logprobs(tokens: Sequence[TokenLogprob], read: TokenBytes) -> dict[str, Any]:
    """Log-probabilities as ``/v1/chat/completions`` tells them."""
    return {
        "content": [
            {
                **_told(one.token, one.logprob or 0.0, read),
                "top_logprobs": [_told(*pair, read) for pair in one.top],
            }
            for one in tokens
        ],
        "refusal": None,
    }


def usage(prompt: int, answer: int) -> dict[str, int]:
    """Tokens read and made."""
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def _told(token: int, logprob: float, read: TokenBytes) -> dict[str, Any]:
    assert math.isfinite(logprob)
    data = read(token)
    return {"token": data.decode("utf-8", "replace"), "logprob": logprob, "bytes": list(data)}


def _name(data: bytes) -> str:
    """A token as text; one that is only a part of a character as its bytes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)
