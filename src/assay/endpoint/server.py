"""A checkpoint behind the two calls of OpenAI's API that every client knows: completions and chat completions.

Starlette and uvicorn do the HTTP; one thread does the model (`assay.endpoint.worker`), and this is what lies between:
from a request's body to questions in tokens, and from answers to a body or a stream of events. A client that goes away
is forgotten, so its questions cost nothing more. No other calls, no TLS, one model.
"""

import asyncio
import contextlib
import hashlib
import hmac
import ipaddress
import json
import socket
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from types import FrameType
from typing import Any, TypeVar

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from assay.endpoint.batch import Answering, Batch
from assay.endpoint.body import (
    Body,
    ChatBody,
    CompletionBody,
    Refusal,
    chat_logprobs,
    completion_logprobs,
    error,
    refusal,
    usage,
)
from assay.endpoint.served import Served
from assay.endpoint.token_logprobs import TokenBytes, TokenLogprob, score_tokens
from assay.endpoint.worker import Worker
from assay.errors import InputError
from assay.evaluate.generate import Decoding

MOST_BYTES = 16 << 20
"""Of a request's body."""
GONE_SECONDS = 0.5
"""How often it is asked whether a client is still there."""
GRACE_SECONDS = 2
"""For requests under way when the server is told to end."""
BACKLOG = 1024
"""Connections that may wait to be accepted."""
Handler = Callable[[Request], Awaitable[Response]]
Asked = TypeVar("Asked", bound=Body)


def serve(served: Served, listening: socket.socket, key: str | None, say: Callable[[str], None]) -> None:
    """Serve a model until the program is told to end.

    Args:
        served: The model.
        listening: From `listen`.
        key: What clients must send as their API key; None: nothing.
        say: Told the address once connections are accepted.
    """
    batch = Batch(served.decoder, served.tokenizer, served.longest)
    with contextlib.closing(listening), Worker(batch) as worker:
        name, number = listening.getsockname()[:2]
        say(f"serving {served.name} at http://{f'[{name}]' if ':' in name else name}:{number}/v1")
        config = uvicorn.Config(
            build_app(served, worker, key),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            lifespan="off",
        )
        _Server(config, worker).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Ends at once when it is told to: answers under way are given up, and those who wait for them hear it."""

    def __init__(self, config: uvicorn.Config, worker: Worker) -> None:
        super().__init__(config)
        self.worker = worker

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Hear a signal."""
        self.worker.close()
        super().handle_exit(sig, frame)


def listen(host: str, port: int, key: str | None) -> socket.socket:
    """A socket at an address.

    Args:
        host: Name or number.
        port: 0: any that is free.
        key: What clients must send; None: nothing.

    Raises:
        InputError: The address cannot be had, or would be open to other machines without a key.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        if key is None and not ipaddress.ip_address(address[0]).is_loopback:
            raise InputError(
                f"--host {host} lets other machines in: name the variable that holds a key with --key-from"
            )
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as problem:
        raise InputError(f"--host {host} --port {port} cannot be listened at: {problem.strerror or problem}") from None


def build_app(served: Served, worker: Worker, key: str | None = None) -> Starlette:
    """The application.

    Args:
        served: The model.
        worker: Runs it.
        key: That clients must send; None: nothing.
    """
    desk = _Desk(served, worker)

    def guarded(handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if key is not None and not hmac.compare_digest(given.encode(), f"Bearer {key}".encode()):
                raise Refusal(401, "the API key is missing or wrong", code="invalid_api_key")
            return await handler(request)

        return checked

    return Starlette(
        routes=[
            Route("/v1/models", guarded(desk.models)),
            Route("/v1/models/{name:path}", guarded(desk.model)),
            Route("/v1/completions", guarded(desk.complete), methods=["POST"]),
            Route("/v1/chat/completions", guarded(desk.chat), methods=["POST"]),
        ],
        exception_handlers={Refusal: _refused, HTTPException: _no_route, Exception: _defect},
    )


class _Desk:
    """Where requests are taken."""

    def __init__(self, served: Served, worker: Worker) -> None:
        self.served, self.worker = served, worker
        self.read = TokenBytes(served.tokenizer)
        self.since = int(time.time())

    @property
    def about(self) -> dict[str, Any]:
        """The model."""
        return {
            "id": self.served.name,
            "object": "model",
            "created": self.since,
            "owned_by": "assay",
            "max_model_len": self.served.longest,
        }

    async def models(self, request: Request) -> Response:
        """``GET /v1/models``."""
        return JSONResponse({"object": "list", "data": [self.about]})

    async def model(self, request: Request) -> Response:
        """``GET /v1/models/NAME``."""
        self._check_name(request.path_params["name"])
        return JSONResponse(self.about)

    async def complete(self, request: Request) -> Response:
        """``POST /v1/completions``."""
        body = await self._read(request, CompletionBody)
        prompts = [self._prompt(prompt) for prompt in body.prompts]
        self._check_lengths(prompts, room=min(1, body.max_tokens))
        ones = []
        if body.max_tokens:
            decoding = body.decoding(body.max_tokens)
            ones = self._questions(prompts, body, decoding, body.logprobs)
        head = {"id": f"cmpl-{uuid.uuid4().hex}", "object": "text_completion", "created": int(time.time())}
        head["model"] = self.served.name
        if body.stream:
            return self._stream(head, ones, self._completion, body, sum(map(len, prompts)))
        if not await self._answered(request, ones):
            return Response(status_code=499)
        choices = []
        for index in range(len(prompts) * body.n):
            one = ones[index] if ones else None
            choice = self._completion(index, one.text if one else "", one)
            if body.echo:
                where = index // body.n
                choice = await self._echoed(choice, body.prompts[where], prompts[where], one, body.logprobs)
            choices.append(choice)
        made = usage(sum(map(len, prompts)), sum(len(one.made) for one in ones))
        return JSONResponse({**head, "choices": choices, "usage": made})

    async def chat(self, request: Request) -> Response:
        """``POST /v1/chat/completions``."""
        body = await self._read(request, ChatBody)
        template = self.served.chat
        try:
            prompt = template.encode(self.served.tokenizer, [message.plain() for message in body.messages])
        except InputError as problem:
            raise Refusal(400, str(problem), "messages") from None
        self._check_lengths([prompt], room=1)
        tokens = body.max_completion_tokens or body.max_tokens or self.served.longest - len(prompt)
        top = (body.top_logprobs or 0) if body.logprobs else None
        ones = self._questions([prompt], body, body.decoding(tokens, template.stops), top)
        head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": "chat.completion", "created": int(time.time())}
        head["model"] = self.served.name
        if body.stream:
            return self._stream(head | {"object": "chat.completion.chunk"}, ones, self._delta, body, len(prompt))
        if not await self._answered(request, ones):
            return Response(status_code=499)
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": one.text, "refusal": None},
                "logprobs": None if one.top is None else chat_logprobs(one.logprobs, self.read),
                "finish_reason": _reason(one),
            }
            for index, one in enumerate(ones)
        ]
        made = usage(len(prompt), sum(len(one.made) for one in ones))
        return JSONResponse({**head, "choices": choices, "usage": made})

    async def _read(self, request: Request, kind: type[Asked]) -> Asked:
        data = b""
        async for part in request.stream():
            data += part
            if len(data) > MOST_BYTES:
                raise Refusal(413, f"the body has more than {MOST_BYTES:,} bytes")
        try:
            given = json.loads(data)
            json.dumps(given, ensure_ascii=False).encode()  # half a surrogate pair is JSON and no text
            body = kind.model_validate(given)
        except ValidationError as problem:
            raise refusal(problem) from None
        except (ValueError, RecursionError) as problem:
            raise Refusal(400, f"the body is no JSON text: {problem}") from None
        self._check_name(body.model)
        return body

    def _check_name(self, name: str) -> None:
        if name != self.served.name:
            told = f"there is no model '{name}' here; there is '{self.served.name}'"
            raise Refusal(404, told, "model", "model_not_found")

    def _prompt(self, given: str | Sequence[int]) -> tuple[int, ...]:
        if isinstance(given, str):
            return self.served.encode(given)
        vocabulary = self.served.decoder.shape.vocabulary
        if max(given) >= vocabulary:
            raise Refusal(400, f"prompt holds the token {max(given)}; the model has {vocabulary:,}", "prompt")
        return tuple(given)

    def _check_lengths(self, prompts: Sequence[tuple[int, ...]], room: int) -> None:
        most = self.served.longest - room
        for prompt in prompts:
            if len(prompt) > most:
                told = f"the prompt has {len(prompt):,} tokens; this model's maximum context length leaves {most:,}"
                raise Refusal(400, told, code="context_length_exceeded")

    def _questions(
        self, prompts: Sequence[tuple[int, ...]], body: Body, decoding: Decoding, top: int | None
    ) -> list[Answering]:
        return [
            Answering(prompt_key(prompt), prompt, decoding, sample, self.served.ends, top, body.stream)
            for prompt in prompts
            for sample in range(body.n)
        ]

    async def _answered(self, request: Request, ones: Sequence[Answering]) -> bool:
        """Have all answered; False if the client has gone."""
        steps = self._steps(ones, GONE_SECONDS)
        async with contextlib.aclosing(steps):
            async for _ in steps:
                if await request.is_disconnected():
                    return False
        for one in ones:
            if one.problem:
                raise Refusal(503 if self.worker.is_closing else 500, one.problem)
        return True

    async def _steps(self, ones: Sequence[Answering], most_seconds: float | None = None) -> AsyncGenerator[None, None]:
        """Comes back whenever there is more of an answer, and at the latest after some time, until all are over."""
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        if self.worker.is_closing:
            raise Refusal(503, "the server is ending")

        def changed() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the server has ended
                loop.call_soon_threadsafe(event.set)

        for one in ones:
            one.changed = changed
            self.worker.order(partial(self.worker.batch.add, one))
        try:
            is_over = not ones
            while not is_over:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), most_seconds)
                event.clear()
                is_over = all(one.is_over for one in ones)
                yield
        finally:
            for one in ones:
                if not one.is_over:
                    self.worker.order(partial(self.worker.batch.drop, one))

    async def _echoed(
        self,
        choice: dict[str, Any],
        given: str | Sequence[int],
        prompt: tuple[int, ...],
        one: Answering | None,
        top: int | None,
    ) -> dict[str, Any]:
        """A choice with its prompt before it; the tokens that the model puts before every text are not shown."""
        text = given if isinstance(given, str) else self.served.tokenizer.decode(list(given))
        choice["text"] = text + choice["text"]
        if top is None:
            return choice
        score = partial(score_tokens, self.served.decoder, self.worker.batch.logits, prompt, top)
        scored: list[TokenLogprob] = await asyncio.wrap_future(self.worker.order(score))
        if isinstance(given, str):
            shown = len(prompt) - len(self.served.first) if given else 0
            scored = scored[len(scored) - shown :]
        choice["logprobs"] = completion_logprobs([*scored, *(one.logprobs if one else ())], self.read)
        return choice

    def _completion(self, index: int, text: str, one: Answering | None, is_over: bool = True) -> dict[str, Any]:
        """A choice, or a piece of one that is not over."""
        has_numbers = one is not None and one.top is not None and is_over
        return {
            "index": index,
            "text": text,
            "logprobs": completion_logprobs(one.logprobs, self.read) if one is not None and has_numbers else None,
            "finish_reason": _reason(one) if is_over else None,
        }

    def _delta(self, index: int, text: str, one: Answering, is_over: bool) -> dict[str, Any]:
        """A piece of a message."""
        has_numbers = one.top is not None and is_over
        return {
            "index": index,
            "delta": {"role": "assistant", "content": text},
            "logprobs": chat_logprobs(one.logprobs, self.read) if has_numbers else None,
            "finish_reason": _reason(one) if is_over else None,
        }

    def _stream(
        self,
        head: dict[str, Any],
        ones: Sequence[Answering],
        piece: Callable[[int, str, Answering, bool], dict[str, Any]],
        body: Body,
        prompt: int,
    ) -> Response:
        """Events with what is new of each answer; the last of an answer brings its log-probabilities, all at once."""

        async def events() -> AsyncIterator[str]:
            sent = [0] * len(ones)
            is_open = [True] * len(ones)
            steps = self._steps(ones)
            async with contextlib.aclosing(steps):
                async for _ in steps:
                    for index, one in enumerate(ones):
                        is_over = one.is_over  # before the text, which is whole by then
                        text = one.text
                        if one.problem:
                            yield _event(error(500, one.problem))
                            return
                        if is_open[index] and (is_over or len(text) > sent[index]):
                            yield _event({**head, "choices": [piece(index, text[sent[index] :], one, is_over)]})
                            sent[index], is_open[index] = len(text), not is_over
            if body.stream_options.include_usage:
                made = usage(prompt, sum(len(one.made) for one in ones))
                yield _event({**head, "choices": [], "usage": made})
            yield "data: [DONE]\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")


def prompt_key(prompt: Sequence[int]) -> str:
    """The name of a prompt: with a request's seed and the number of the answer it decides what is drawn."""
    return hashlib.blake2b(json.dumps(list(prompt)).encode(), digest_size=16).hexdigest()


def _reason(one: Answering | None) -> str:
    """Why a choice ended; one that only echoes its prompt had no room for more."""
    return "length" if one is None or one.finish == "length" else "stop"


def _event(told: dict[str, Any]) -> str:
    return f"data: {json.dumps(told, ensure_ascii=False, allow_nan=False)}\n\n"


async def _refused(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Refusal)
    return JSONResponse(problem.told, problem.status)


async def _no_route(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    told = f"{request.method} {request.url.path}: {problem.detail}"
    return JSONResponse(error(problem.status_code, told), problem.status_code, problem.headers)


async def _defect(request: Request, problem: Exception) -> Response:
    return JSONResponse(error(500, "the server failed; its log says why"), 500)
