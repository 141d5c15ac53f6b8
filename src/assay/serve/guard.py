"""Who is answered: the right Host, GET, and where others could reach the server, whoever holds the token.

A page of another site may send requests to this machine from its visitor's browser, under a name that it makes point
here (DNS rebinding); such a request carries that name as its Host and is refused. The token is taken from the address
once and then kept as a cookie, so that it stays out of links and of what a browser remembers. There is no TLS: between
machines, use a tunnel.
"""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Collection
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer."""
HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^][:]+)(?::\d*)?", re.ASCII)
"""A name or an address, and a port or none: whichever tunnel leads here has a port of its own."""
CLOSED = "default-src 'none'; frame-ancestors 'none'"
"""Policy of an answer that states none of its own."""
NO_TOKEN = (
    "This run is shown to holders of its token only. Open the address that 'assay serve' printed, which ends in "
    "?token=…\n"
)


class Guard:
    """Stands before an application.

    Args:
        app: What is guarded.
        names: Hosts that it may be called by, besides addresses where ``any_address``; in small letters.
        token: That must be given; None: none is asked for.
        any_address: Whether any numeric address is a good Host. No name can be made to look like one.
        cookie: The token's name as a cookie; cookies do not tell ports apart.
    """

    def __init__(self, app: ASGIApp, names: Collection[str], token: str | None, any_address: bool, cookie: str) -> None:
        self.app = app
        self.names = frozenset(names)
        self.any_address = any_address
        self.cookie = cookie
        self.digest = None if token is None else _digest(token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("content-security-policy", CLOSED)
            await send(message)

        answer = self._refusal(scope)
        await (answer or self.app)(scope, receive, dressed)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if len(headers.getlist("host")) != 1 or not self._knows(headers["host"]):
            return PlainTextResponse("This server is not called that.\n", 421)
        if scope["method"] != "GET":
            return PlainTextResponse("Only GET is answered.\n", 405, {"allow": "GET"})
        if self.digest is None:
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        if given:
            if not hmac.compare_digest(_digest(given[0]), self.digest):
                return PlainTextResponse(NO_TOKEN, 403)
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            path = "/" + scope["raw_path"].decode("latin-1").lstrip("/\\")
            moved = Response(status_code=303, headers={"location": f"{path}?{rest}" if rest else path})
            moved.set_cookie(self.cookie, self.digest, httponly=True, samesite="lax")
            return moved
        kept = cookie_parser(headers.get("cookie", "")).get(self.cookie, "")
        if not hmac.compare_digest(kept.encode(), self.digest.encode()):
            return PlainTextResponse(NO_TOKEN, 403)
        return None

    def _knows(self, host: str) -> bool:
        match = HOST.fullmatch(host)
        if match is None:
            return False
        name = match[1].strip("[]")
        if name.lower() in self.names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self.any_address or address.is_loopback


def _digest(token: str) -> str:
    """What the cookie holds: letters that a cookie may have, and nothing to be used elsewhere."""
    return hashlib.sha256(f"assay serve {token}".encode(errors="surrogatepass")).hexdigest()
