"""An OpenAI-compatible server that misbehaves when it is told to, on loopback, and counts what it was asked."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self


@dataclass(frozen=True, kw_only=True)
class Act:
    """What to do with a call."""

    text: str = "yes"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """Before anything is sent."""
    cut: Literal["", "length", "chunked", "closed", "silence"] = ""
    """Break off in the middle of the body: with its length announced, in a chunk, with nothing announced; or before
    a byte of the answer."""
    drip: float = 0.0
    """Seconds between two bytes of the body."""
    body: bytes | None = None
    """Sent instead of a reply."""
    model: str = "toy-1"
    usage: bool = True
    finish: str = "stop"
    logprobs: Any = None
    kind: str = "application/json"


Behave = Callable[[dict[str, Any], int], Act]
"""The body of a call, and how often this question was asked before."""


def last_words(body: Mapping[str, Any]) -> str:
    """The prompt, or the last message of a chat."""
    return str(body["messages"][-1]["content"] if "messages" in body else body["prompt"])


class FaultyServer:
    """A server; a context manager."""

    def __init__(self, behave: Behave | None = None) -> None:
        self.behave: Behave = behave or (lambda body, before: Act())
        self.asked: Counter[str] = Counter()
        """Calls by `last_words`."""
        self.given: Counter[str] = Counter()
        """Whole, good replies by `last_words`."""
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()
        self.ended = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                outer.answer(self)

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Do with a call what `behave` says."""
        body = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        words = last_words(body)
        with self._lock:
            before = self.asked[words]
            self.asked[words] += 1
            self.bodies.append(body)
            self.headers.append({name.lower(): value for name, value in handler.headers.items()})
            self.times.append(time.monotonic())
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            self._act(handler, self.behave(body, before), body, words)
        finally:
            with self._lock:
                self._now -= 1

    def _act(self, handler: BaseHTTPRequestHandler, act: Act, body: Mapping[str, Any], words: str) -> None:
        if self.ended.wait(act.seconds) or act.cut == "silence":
            _hang_up(handler)
            return
        content = act.body if act.body is not None else self._content(act, body)
        if act.status == 200 and act.body is None and not act.cut and not act.drip:
            with self._lock:
                self.given[words] += 1
        handler.send_response(act.status)
        handler.send_header("content-type", act.kind)
        for name, value in act.headers.items():
            handler.send_header(name, value)
        if act.cut == "chunked":
            handler.send_header("transfer-encoding", "chunked")
        elif act.cut == "closed":
            handler.send_header("connection", "close")
        else:
            handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        if act.cut:
            half = content[: len(content) // 2]
            handler.wfile.write(b"%x\r\n" % len(content) + half if act.cut == "chunked" else half)
            _hang_up(handler)
            return
        if act.drip:
            for byte in content:
                if self.ended.wait(act.drip):
                    return
                handler.wfile.write(bytes([byte]))
            return
        handler.wfile.write(content)

    @staticmethod
    def _content(act: Act, body: Mapping[str, Any]) -> bytes:
        if act.status >= 300:
            return json.dumps({"error": {"message": act.text, "type": "made up", "code": None}}).encode()
        choice: dict[str, Any] = {"index": 0, "finish_reason": act.finish, "logprobs": act.logprobs}
        choice |= {"message": {"role": "assistant", "content": act.text}} if "messages" in body else {"text": act.text}
        usage = {"usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}} if act.usage else {}
        return json.dumps({"id": "1", "object": "x", "model": act.model, "choices": [choice], **usage}).encode()


def _hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.flush()
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)
