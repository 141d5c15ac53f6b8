"""Reader of HTML pages: the paragraphs of prose and the headings above them, nothing else.

Manuals and books that come as HTML are prose between menus, tables, listings and indices. A block is taken for prose
by the rule that measured the sources of the built-in recipes: at least 120 characters, more than 90 % of them letters
and spaces. The parser is the standard library's, which accepts any soup of tags; scripts are dropped, never run.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from assay.corpus.archive import Archive
from assay.corpus.candidate import Candidate, members
from assay.corpus.cleaning import Unfit, decode
from assay.corpus.source import Source

SHORTEST = 120
"""Characters of the shortest block that is taken for prose."""
LETTERS = 0.9
"""Letters and spaces that a block must at least consist of."""

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCK_TAGS = """
address article blockquote body br caption center chapter dd div dl dt fieldset figcaption figure form hr html li main
ol option p section table tbody td tfoot th thead title tr ul verse
"""
_BLOCKS = _HEADINGS.union(_BLOCK_TAGS.split())
_MENUS_AND_LISTINGS = "aside button footer head header nav pre script select style svg template textarea"
_LEFT_OUT = frozenset(_MENUS_AND_LISTINGS.split())


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
    page = _Page()
    page.feed(markup)
    page.close()
    page.end_block()
    kept: list[str] = []
    for rank, block in page.blocks:
        if rank:
            page.pending = [(above, heading) for above, heading in page.pending if above < rank]
            page.pending.append((rank, block))
        elif is_prose(block):
            kept += [heading for _, heading in page.pending]
            page.pending = []
            kept.append(block)
    return "\n\n".join(kept) + "\n" if kept else ""


def is_prose(block: str) -> bool:
    """True for ``SHORTEST`` characters or more of which over ``LETTERS`` are letters or spaces."""
    letters = sum(char.isalpha() or char == " " for char in block)
    return len(block) >= SHORTEST and letters > LETTERS * len(block)


class _Page(HTMLParser):
    """Cuts a page into blocks of plain text, each with the rank of a heading, or 0."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[tuple[int, str]] = []
        self.pending: list[tuple[int, str]] = []
        self._pieces: list[str] = []
        self._rank = 0
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a block, or a part that is left out."""
        if tag in _LEFT_OUT:
            self._inside.append(tag)
        if tag in _BLOCKS:
            self.end_block()
            self._rank = int(tag[1]) if tag in _HEADINGS else 1 if tag == "title" else 0

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag without content ends a block."""
        if tag in _BLOCKS:
            self.end_block()

    def handle_endtag(self, tag: str) -> None:
        """End a block, or a part that is left out with all that was left open in it."""
        if tag in _BLOCKS:
            self.end_block()
        if tag in self._inside:
            del self._inside[self._inside.index(tag) :]

    def handle_data(self, data: str) -> None:
        """Text, in whatever pieces it comes."""
        if not self._inside:
            self._pieces.append(data)

    def end_block(self) -> None:
        """Close the block at hand."""
        text = re.sub(r"\s+", " ", "".join(self._pieces)).strip()
        if text:
            self.blocks.append((self._rank, text))
        self._pieces = []
        self._rank = 0
