"""The real `assay serve` on loopback, asked without a browser: raw requests, pages alone, and what HTML is made of."""

import asyncio
import http.client
import json
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tiny_study import TinyStudy


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    text: str


@dataclass
class Server:
    """``assay serve`` under way."""

    process: "subprocess.Popen[str]"
    address: str
    """As it was printed."""

    def get(self, target: str, method: str = "GET", **headers: str) -> Answer:
        """Send a request whose target is sent as it is; ``host`` may be given."""
        place = urlsplit(self.address)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=60)
        given = {"host": place.netloc, **headers}
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)

    def progress(self, after: int = 0) -> dict[str, Any]:
        """Where the run stands."""
        found: dict[str, Any] = json.loads(self.get(f"/progress.json?after={after}").text)
        return found

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        self.process.send_signal(how)
        return self.process.wait(10)


class Pages:
    """The pages of a folder without a server: the application asked in this process."""

    def __init__(self, folder: Path) -> None:
        from assay.serve.guard import Guard
        from assay.serve.site import Site

        self.app = Guard(Site(folder).app(), {"localhost"}, None, any_address=False, cookie="")

    def get(self, target: str) -> Answer:
        """Ask for a page."""
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(b"host", b"localhost")],
        }
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], headers, b"".join(one.get("body", b"") for one in sent[1:]).decode())


@contextmanager
def served(study: TinyStudy, folder: str = "out", *arguments: str, **environment: str) -> Iterator[Server]:
    """The program serving a folder of a study."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    process = subprocess.Popen(
        study.command("serve", folder, *arguments),
        cwd=study.folder,
        env={**study.environment, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGINT, before)
    assert process.stdout is not None
    try:
        yield Server(process, process.stdout.readline().split()[-1])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@dataclass
class Markup(HTMLParser):
    """What a page consists of."""

    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""

    @classmethod
    def of(cls, page: str) -> "Markup":
        """Of a page."""
        made = cls()
        HTMLParser.__init__(made)
        made.feed(page)
        made.close()
        return made

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Hear of an element."""
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        """Hear of text."""
        self.text += data
