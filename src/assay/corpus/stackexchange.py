"""Reader of StackExchange dumps: a question and its answer, as plain text with the code fenced.

In ``Posts.xml`` an answer may lie gigabytes behind its question, so posts are put into an SQLite file in the temporary
folder (as large as the posts; memory stays constant) and joined there. Each row is parsed as a document of its own: a
broken one costs only itself, and no document type, hence no entity, can be declared before it. A file that declares one
is refused. Comments, votes, edits and posts other than questions and answers are not read.
"""

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple
from xml.parsers import expat

from assay.corpus.archive import Archive
from assay.corpus.candidate import Candidate, members
from assay.corpus.cleaning import Unfit
from assay.corpus.html_text import plain_text
from assay.corpus.record_files import TOO_LARGE, pieces
from assay.corpus.source import Source

LEAST_SCORE = 1
"""Score from which an answer is taken where none was accepted."""

_QUESTION, _ANSWER = "1", "2"
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -65536;
CREATE TABLE question (id INTEGER PRIMARY KEY, accepted INTEGER, title TEXT, body TEXT, licence TEXT);
CREATE TABLE answer (id INTEGER PRIMARY KEY, question INTEGER, score INTEGER, body TEXT, licence TEXT);
"""
_JOINED = """
SELECT question.id, question.title, question.body, question.licence, answer.body, answer.licence
FROM question LEFT JOIN answer ON answer.id = coalesce(
    (SELECT id FROM answer AS given WHERE given.id = question.accepted AND given.question = question.id),
    (SELECT id FROM answer AS given WHERE given.question = question.id AND given.score >= ?
     ORDER BY given.score DESC, given.id LIMIT 1)
)
ORDER BY question.id
"""


class Post(NamedTuple):
    """What is needed of a row: a question has a title, an answer the number of its question."""

    id: int
    is_question: bool
    question: int
    accepted: int | None
    score: int
    title: str
    body: str
    licence: str


def read_stackexchange(source: Source, archive: Archive) -> Iterator[Candidate]:
    """A document for each question with an answer: the accepted one, else the best of score 1 or more.

    ``Question: <title>``, the question, ``Answer: <answer>``, with blank lines between. Of the source's members those
    called ``Posts.xml`` are read (also compressed); the place is ``member#<question>``, and the unit of the held-out
    split. A question without such an answer is dropped as one.
    """
    for name in members(source, archive):
        if not PurePosixPath(name).name.startswith("Posts.xml"):
            continue
        with tempfile.TemporaryDirectory(prefix="assay-posts-") as folder:
            store = sqlite3.connect(Path(folder) / "posts.sqlite")
            try:
                yield from _stored(store, name, archive)
                yield from _joined(store, name)
            finally:
                store.close()


def _stored(store: sqlite3.Connection, name: str, archive: Archive) -> Iterator[Candidate]:
    """Put the posts of a file into the store; yields what is wrong with it."""
    store.executescript(_TABLES)
    row = 0
    try:
        with archive.open(name) as file:
            for post in _posts(file):
                row += 1
                if isinstance(post, str):
                    yield Candidate(path=f"{name}#row{row}", group=name, data="", fault=post)
                elif post is not None and post.is_question:
                    values = (post.id, post.accepted, post.title, post.body, post.licence)
                    store.execute("INSERT OR IGNORE INTO question VALUES (?, ?, ?, ?, ?)", values)
                elif post is not None:
                    answer = (post.id, post.question, post.score, post.body, post.licence)
                    store.execute("INSERT OR IGNORE INTO answer VALUES (?, ?, ?, ?, ?)", answer)
    except Unfit as fault:
        yield Candidate(path=name, group=name, data="", fault=str(fault))
    store.execute("CREATE INDEX best ON answer (question, score DESC, id)")


def _posts(file: BinaryIO) -> Iterator[Post | str | None]:
    """Per row a post, a fault, or None for a row of another type.

    Raises:
        Unfit: The file is no dump, or declares a document type.
    """
    rows = pieces(file, b"<row")
    prologue, _ = next(rows, (b"", False))
    if prologue is not None and b"<!" in prologue:
        raise Unfit("XML with a document type")
    if prologue is None or b"<posts" not in prologue:
        raise Unfit("not a StackExchange dump")
    for row, more in rows:
        if row is None:
            yield TOO_LARGE
        else:
            attributes = row.rstrip().removesuffix(b"</posts>").rstrip()
            yield _post(b"<row" + attributes, complete=more or attributes.endswith(b"/>"))


def _post(row: bytes, complete: bool) -> Post | str | None:
    found: dict[str, str] = {}
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = lambda _, attributes: found.update(attributes)
    try:
        parser.Parse(row, True)
    except expat.ExpatError:
        return "not XML" if complete else "half-written record"
    kind = found.get("PostTypeId")
    if kind not in (_QUESTION, _ANSWER):
        return None
    try:
        accepted = found.get("AcceptedAnswerId")
        return Post(
            id=_number(found["Id"]),
            is_question=kind == _QUESTION,
            question=_number(found["ParentId"]) if kind == _ANSWER else 0,
            accepted=_number(accepted) if accepted else None,
            score=_number(found.get("Score", "0")),
            title=found["Title"] if kind == _QUESTION else "",
            body=found["Body"],
            licence=found.get("ContentLicense", "").strip().replace(" ", "-"),
        )
    except (KeyError, ValueError):
        return "not a post"


def _number(written: str) -> int:
    number = int(written)
    if abs(number) >= 1 << 63:
        raise ValueError(written)
    return number


def _joined(store: sqlite3.Connection, name: str) -> Iterator[Candidate]:
    for number, title, question, licence, answer, answer_licence in store.execute(_JOINED, (LEAST_SCORE,)):
        place = f"{name}#{number}"
        asked = f"Question: {' '.join(title.split())}\n\n{plain_text(question)}"
        if answer is None:
            yield Candidate(path=place, group=place, data=asked, fault="no accepted or upvoted answer")
            continue
        licences = dict.fromkeys((licence, answer_licence))
        yield Candidate(
            path=place,
            group=place,
            data=f"{asked}\n\nAnswer: {plain_text(answer)}\n",
            licence=None if "" in licences else " AND ".join(licences),
        )
