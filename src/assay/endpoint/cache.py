"""Replies on disk, and the book of what was spent to get them.

SQLite with a write-ahead log rather than lines of JSON: a reply and its entry in the book are written in one
transaction, a look-up needs no reading of the whole, and a program killed at any moment leaves a file that opens. A
call is entered in the book before it is sent, at the most it can cost, and corrected after; one that was under way at a
kill stays booked so. A crash of the whole machine may cost the last replies. One process at a time has a cache open,
so that two never ask the same. Failures are not kept.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from assay.endpoint.account import Spent
from assay.endpoint.question import Reply, Token
from assay.errors import InputError, StepError

_LAYOUT = 1
_TABLES = """
CREATE TABLE replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE calls (number INTEGER PRIMARY KEY, tokens INTEGER NOT NULL, dollars REAL NOT NULL);
"""


class Cache:
    """An open cache; a context manager.

    Args:
        path: The file; made where there is none.

    Raises:
        InputError: It is not a cache of this layout.
        StepError: Another process has it open, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._store = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise StepError(f"the replies cannot be kept in {path}: {error}") from error
        try:
            self._open()
        except BaseException:
            self._store.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._store.close()

    def spent(self) -> Spent:
        """Everything booked so far."""
        with self._told():
            row = self._store.execute("SELECT count(*), sum(tokens), sum(dollars) FROM calls").fetchone()
        return Spent(row[0], row[1] or 0, row[2] or 0.0)

    def reply(self, key: str) -> Reply | None:
        """The reply kept under ``key``."""
        with self._told():
            row = self._store.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        return None if row is None else _read(row[0])

    def book(self, spent: Spent) -> int:
        """Enter a call that is about to be sent; returns its number."""
        with self._told():
            entry = (spent.tokens, spent.dollars)
            return self._store.execute("INSERT INTO calls (tokens, dollars) VALUES (?, ?)", entry).lastrowid or 0

    def settle(self, number: int, spent: Spent, key: str = "", reply: Reply | None = None) -> None:
        """Correct what was booked for a call, and keep the reply if there is one."""
        with self._told():
            self._store.execute("BEGIN")
            self._store.execute(
                "UPDATE calls SET tokens = ?, dollars = ? WHERE number = ?", (spent.tokens, spent.dollars, number)
            )
            if reply is not None:
                self._store.execute("INSERT OR IGNORE INTO replies VALUES (?, ?)", (key, json.dumps(asdict(reply))))
            self._store.execute("COMMIT")

    def _open(self) -> None:
        with self._told():
            self._store.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._store.execute("PRAGMA journal_mode = WAL")
            self._store.execute("PRAGMA synchronous = NORMAL")
            self._store.execute("BEGIN IMMEDIATE")
            layout = self._store.execute("PRAGMA user_version").fetchone()[0]
            if layout == 0 and not self._store.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in _TABLES.strip().split(";")[:-1]:
                    self._store.execute(statement)
                self._store.execute(f"PRAGMA user_version = {_LAYOUT}")
            elif layout != _LAYOUT:
                raise InputError(f"{self._path} is not a cache of replies, or one of another version: choose another")
            self._store.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise StepError(f"another process has the cache {self._path} open; wait, or choose another") from error
            raise StepError(f"the cache of replies {self._path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise InputError(f"{self._path} is not a cache of replies, or is damaged: {error}") from error


def _read(text: str) -> Reply:
    parts = json.loads(text)
    parts["logprobs"] = tuple(
        Token(one["text"], one["logprob"], tuple((other, value) for other, value in one["top"]))
        for one in parts["logprobs"]
    )
    return Reply(**parts)
