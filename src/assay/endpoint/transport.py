"""One call through the official client: a question in, a reply or a trouble out.

The client's own retries are off, as only the one who counts money may repeat a call. Nothing is taken from the
environment but the key and the authorities that sign certificates: no proxy, no organisation, no further headers. No
redirect is followed, and the headers that say which machine is asking are taken off. Bodies are read strictly: the
client makes objects of whatever it is sent.
"""

import asyncio
import json
import math
import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self

from assay.endpoint.question import Endpoint, Question, Reason, Reply, Token
from assay.errors import InputError

_RAW = "x-stainless-raw-response"
"""How the official client remembers that the body was asked for as it is."""
_SENT = (_RAW, "host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent")
_NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError")
"""What the HTTP library raises before a question has left; its own name depends on the client's version."""
_WORDS = 400
CONNECT_SECONDS = 10.0
_GATEWAY = (502, 504, 524)
"""Said by one who had passed the question on."""


@dataclass(slots=True)
class Trouble(Exception):
    """A call that gave no reply."""

    reason: Reason
    words: str
    again: bool
    """Whether the same call may succeed."""
    billed: bool
    """Whether the server may have done the work."""
    wait: float = 0.0
    """Seconds that the server asks to be left alone."""
    for_all: bool = False
    """Whether every other question would meet the same: no such model, no right, no money left."""


def check_client() -> None:
    """See that the official client is installed, without importing it.

    Raises:
        InputError: It is not.
    """
    if find_spec("openai") is None:
        raise InputError("asking an endpoint needs the openai package: pip install 'assay[judge]'")


class Transport:
    """An open connection pool; an asynchronous context manager, for one event loop."""

    def __init__(self, endpoint: Endpoint) -> None:
        check_client()
        import openai

        own_authorities = bool(os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"))
        self._endpoint = endpoint
        self._key = os.environ.get(endpoint.key_from, "").strip()
        self._errors = openai
        if not self._key.isascii() or not self._key.isprintable():
            raise InputError(f"the variable {endpoint.key_from} holds no key: keys are plain letters, digits and signs")
        seconds = openai.Timeout(endpoint.seconds, connect=min(CONNECT_SECONDS, endpoint.seconds))
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.url,
            api_key=self._key or "none",
            max_retries=0,
            timeout=seconds,
            http_client=openai.DefaultAsyncHttpxClient(
                trust_env=False,
                verify=ssl.create_default_context() if own_authorities else True,
                proxy=endpoint.proxy,
                follow_redirects=False,
                timeout=seconds,
                event_hooks={"request": [self._strip]},
            ),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._client.close()

    async def call(self, question: Question) -> Reply:
        """Ask once.

        Raises:
            Trouble: There is no reply.
        """
        asked: dict[str, Any] = {"model": self._endpoint.model, "temperature": question.temperature}
        asked |= {"top_p": question.top_p, "seed": question.seed, "stop": list(question.stop) or None}
        asked = {name: value for name, value in asked.items() if value is not None}
        try:
            async with asyncio.timeout(self._endpoint.seconds):
                if question.messages:
                    asked["messages"] = [{"role": role, "content": _clean(text)} for role, text in question.messages]
                    asked[self._endpoint.tokens_as] = question.tokens
                    if question.logprobs:
                        asked |= {"logprobs": True, "top_logprobs": question.logprobs}
                    raw = await self._client.chat.completions.with_raw_response.create(**asked)
                else:
                    asked |= {"prompt": _clean(question.prompt or ""), "max_tokens": question.tokens}
                    if question.logprobs:
                        asked["logprobs"] = question.logprobs
                    raw = await self._client.completions.with_raw_response.create(**asked)
        except (TimeoutError, self._errors.APITimeoutError) as error:
            if type(error.__cause__).__name__ in _NEVER_SENT:
                raise self._connection(error) from error
            words = f"no reply within {self._endpoint.seconds:g} seconds"
            raise Trouble("time-out", words, again=True, billed=True) from error
        except self._errors.APIStatusError as error:
            raise self._status(error) from error
        except self._errors.APIConnectionError as error:
            raise self._connection(error) from error
        try:
            return _reply(json.loads(raw.text), question)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
            words = self._said(f"{type(error).__name__}: {error}; the reply began {raw.text[:80]!r}")
            raise Trouble("broken reply", words, again=True, billed=True) from error

    async def _strip(self, request: Any) -> None:
        for name in list(request.headers):
            if name.lower() not in _SENT:
                del request.headers[name]
        if self._key:
            request.headers["authorization"] = f"Bearer {self._key}"
        request.headers["user-agent"] = "assay"

    def _status(self, error: Any) -> Trouble:
        status = error.status_code
        words = self._said(str(error.message))
        if status == 429 and getattr(error, "code", None) == "insufficient_quota":
            return Trouble("refused", words, again=False, billed=False, for_all=True)
        if status in (408, 409, 425, 429) or status >= 500:
            wait = _seconds(error.response.headers.get("retry-after", "")) if status in (429, 503) else 0.0
            reason: Reason = "rate limit" if status == 429 else "server error"
            return Trouble(reason, words, again=True, billed=status in _GATEWAY, wait=wait)
        if status in (401, 403) and not self._key:
            words += f" (the variable {self._endpoint.key_from}, which should hold the key, is not set)"
        if words == f"Error code: {status}" or "<html" in words.lower():
            words += " (is the url right? It mostly ends in /v1)"
        if 300 <= status < 400:
            words += f" (redirected to {self._said(error.response.headers.get('location', 'nowhere'))}: name that url)"
        return Trouble("refused", words, False, False, for_all=status in (401, 402, 403, 404, 405) or status < 400)

    def _connection(self, error: BaseException) -> Trouble:
        cause = error.__cause__ or error
        words = self._said(f"{type(cause).__name__}: {cause}".rstrip(": "))
        return Trouble("connection", words, again=True, billed=type(cause).__name__ not in _NEVER_SENT)

    def _said(self, words: str) -> str:
        shown = words.replace(self._key, "[key]") if self._key else words
        shown = " ".join(shown.split())
        return shown if len(shown) <= _WORDS else shown[:_WORDS] + " …"


def _seconds(after: str) -> float:
    """What a Retry-After header says: seconds or a date; 0 if neither."""
    try:
        wait = float(after)
    except ValueError:
        try:
            when = parsedate_to_datetime(after)
        except ValueError:
            return 0.0
        wait = (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, wait) if math.isfinite(wait) else 0.0


def _reply(body: Any, question: Question) -> Reply:
    choice = body["choices"][0]
    text = choice["message"]["content"] if question.messages else choice["text"]
    if not isinstance(text, str | None):
        raise TypeError("the text is none")
    usage: dict[str, Any] = body.get("usage") or {}
    tokens_in, tokens_out = usage.get("prompt_tokens"), usage.get("completion_tokens")
    counted = all(isinstance(count, int) and 0 <= count < 2**31 for count in (tokens_in, tokens_out))
    return Reply(
        text=_clean(text or ""),
        finish=str(choice.get("finish_reason") or ""),
        tokens_in=int(tokens_in or 0) if counted else question.longest(),
        tokens_out=int(tokens_out or 0) if counted else question.tokens,
        counted=counted,
        model=_clean(str(body.get("model") or "")),
        logprobs=_logprobs(choice.get("logprobs") or {}) if question.logprobs else (),
    )


def _logprobs(given: Mapping[str, Any]) -> tuple[Token, ...]:
    """The two layouts in use: a chat's, a list of tokens, and a completion's, lists side by side."""
    if given.get("content"):
        return tuple(
            Token(
                _clean(one["token"]),
                float(one["logprob"]),
                tuple((_clean(top["token"]), float(top["logprob"])) for top in one.get("top_logprobs") or ()),
            )
            for one in given["content"]
        )
    tokens: Sequence[str] = given.get("tokens") or ()
    values = given.get("token_logprobs") or [None] * len(tokens)
    tops = given.get("top_logprobs") or [None] * len(tokens)
    return tuple(
        Token(
            _clean(token),
            math.nan if value is None else float(value),
            tuple((_clean(other), float(logprob)) for other, logprob in (top or {}).items()),
        )
        for token, value, top in zip(tokens, values, tops, strict=True)
    )


def _clean(text: str) -> str:
    """Text that can be written as UTF-8: half a surrogate pair, which JSON can hold, becomes a question mark."""
    return text.encode(errors="replace").decode()
