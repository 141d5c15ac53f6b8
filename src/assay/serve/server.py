"""The server: where it listens, what it prints, how it ends.

It only reads, so there is nothing to wind up: Ctrl-C and SIGTERM end the process where it stands, requests under way
included. One process; pages are made in threads beside the loop that answers.
"""

import ipaddress
import os
import secrets
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import quote

import uvicorn

from assay.errors import InputError
from assay.serve.guard import Guard
from assay.serve.site import Site

TOKEN_BYTES = 24
BACKLOG = 128
"""Connections that may wait to be accepted."""


def listen(host: str, port: int) -> socket.socket:
    """A socket at an address.

    Args:
        host: Name or number.
        port: 0: any that is free.

    Raises:
        InputError: The address cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as problem:
        raise InputError(
            f"--host {host} --port {port} cannot be listened at ({problem.strerror or problem}); without --port a free "
            "one is taken"
        ) from None


def serve(folder: Path, listening: socket.socket, host: str, token: str | None, say: Callable[[str], None]) -> NoReturn:
    """Serve a run folder until the program is told to end, which ends the process with exit code 0.

    Args:
        folder: The run folder.
        listening: From `listen`.
        host: As it was given.
        token: That must be given; None: one is made where others than this machine can reach the server, else none.
        say: Told the address once connections are accepted.
    """
    number, port = listening.getsockname()[:2]
    is_here = ipaddress.ip_address(number).is_loopback
    if token is None and not is_here:
        token = secrets.token_urlsafe(TOKEN_BYTES)
    mine = socket.gethostname()
    names = {"localhost", host.lower()} | (set() if is_here else {mine.lower(), socket.getfqdn().lower()})
    guarded = Guard(Site(folder).app(), names, token, any_address=not is_here, cookie=f"assay-{port}")
    shown = mine if ipaddress.ip_address(number).is_unspecified else number
    address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"
    config = uvicorn.Config(
        guarded,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
    )
    given = "" if token is None else f"?token={quote(token, safe='')}"
    say(f"serving {folder} at {address}{given}")
    _Server(config).run(sockets=[listening])
    end()


def end(*_: object) -> NoReturn:
    """End the process, as a signal's handler or otherwise."""
    os._exit(0)


def end_when_told() -> None:
    """Have Ctrl-C and SIGTERM end the process with exit code 0."""
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, end)


class _Server(uvicorn.Server):
    """Waits for no client when it is told to end."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Hear a signal."""
        end()
