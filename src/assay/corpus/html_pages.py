"""Reader of HTML pages: the paragraphs of prose and the headings above them, nothing else.

Manuals and books that come as HTML are prose between menus, tables, listings and indices. A block is taken for prose
by the rule that measured the sources of the built-in recipes: at least 120 characters, more than 90 % of them letters
and spaces. Tags are found by a regular expression whose time is linear in any soup; that of the standard library's
parser is not (20,000 times ``<a b='`` take it 20 s). A ``>`` inside an attribute ends the tag.
"""

import re
from collections.abc import Iterator

from assay.corpus.archive import Archive
from assay.corpus.candidate import Candidate, members
from assay.corpus.cleaning import Unfit, decode
from assay.corpus.html_text import unescaped
from assay.corpus.source import Source

SHORTEST = 120
"""Characters of the shortest block that is taken for prose."""
LETTERS = 0.9
"""Letters and spaces that a block must at least consist of."""

_RANKS = {"title": 1, "h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
"""Of headings; ``title`` is one in OSIS, and in HTML inside ``head``, which is left out."""
_BLOCK_TAGS = """
address article blockquote body br caption center chapter dd div dl dt fieldset figcaption figure form hr html li main
ol option p section table tbody td tfoot th thead tr ul verse
"""
_BLOCKS = frozenset(_RANKS).union(_BLOCK_TAGS.split())
_MENUS_AND_LISTINGS = "aside button footer head header nav pre script select style svg template textarea"
_LEFT_OUT = frozenset(_MENUS_AND_LISTINGS.split())
_TAG = re.compile(r"<(?:(!--)|(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>|[!?][^<>]*>)")


def read_html(source: Source, archive: Archive) -> Iterator[Candidate]:
    """Every file as the text of :func:`prose_of`, one document each; a page without prose is empty."""
    for name in members(source, archive):
        try:
            yield Candidate(path=name, group=name, data=prose_of(decode(archive.read(name))))
        except Unfit as fault:
            yield Candidate(path=name, group=name, data="", fault=str(fault))


def prose_of(markup: str) -> str:
    """The prose of HTML or of XML with the same names of tags: blocks separated by empty lines.

    A heading is kept where prose follows before the next heading of its kind or a higher one.
    """
    kept: list[str] = []
    headings: list[tuple[int, str]] = []
    for rank, block in _blocks(markup):
        if rank:
            headings = [(above, heading) for above, heading in headings if above < rank]
            headings.append((rank, block))
        elif is_prose(block):
            kept += [heading for _, heading in headings]
            headings = []
            kept.append(block)
    return "\n\n".join(kept) + "\n" if kept else ""


def is_prose(block: str) -> bool:
    """True for ``SHORTEST`` characters or more of which over ``LETTERS`` are letters or spaces."""
    letters = sum(char.isalpha() or char == " " for char in block)
    return len(block) >= SHORTEST and letters > LETTERS * len(block)


def _blocks(markup: str) -> Iterator[tuple[int, str]]:
    """Blocks of plain text, each with the rank of a heading, or 0; what is between tags of ``_LEFT_OUT`` is skipped."""
    pieces: list[str] = []
    rank = 0
    out, depth = "", 0
    for text, closing, tag in _tags(markup):
        if not out:
            pieces.append(text)
        if tag in _BLOCKS and not out:
            block = " ".join(unescaped("".join(pieces)).split())
            if block:
                yield rank, block
            pieces = []
            rank = 0 if closing else _RANKS.get(tag, 0)
        if tag in _LEFT_OUT and tag == (out or tag):
            depth = max(0, depth - 1) if closing else depth + 1
            out = tag if depth else ""
    block = " ".join(unescaped("".join(pieces)).split())
    if block:
        yield rank, block


def _tags(markup: str) -> Iterator[tuple[str, bool, str]]:
    """(text before a tag, whether the tag closes, its name); the text after the last has a tag without name."""
    at = 0
    while found := _TAG.search(markup, at):
        yield markup[at : found.start()], bool(found.group(2)), (found.group(3) or "").lower()
        at = found.end()
        if found.group(1):
            at = markup.find("-->", at) + 3
            if at == 2:
                return
    yield markup[at:], False, ""
