"""HTML of posts as plain text in the manner of Markdown: code fenced, lists and quotations marked, the rest unmarked.

For the small, well-formed HTML that sites write from Markdown (StackExchange); a regular expression takes it apart, in
linear time whatever it is given. Images are left out and links keep their words only. Not for web pages: scripts, the
layout of tables and broken nesting are not understood.
"""

import html
import re
from dataclasses import dataclass

DEEPEST = 16
"""Lists, items and quotations inside one another that are marked; each costs a few characters on every line."""

_TAG = re.compile(r"""<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:"[^"]*"|'[^']*'|[^<>"'])*+)>""")
_LANGUAGE = re.compile(r"\blang(?:uage)?-([\w+#-]+)")
_BLOCKS = frozenset(
    ("p", "pre", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "table", "thead", "tbody", "tr", "dl", "dt", "dd")
)
_CONTAINERS = frozenset(("ul", "ol", "li", "blockquote"))
_RAISED_OR_LOWERED = {"sup": "^", "sub": "_"}
_CODE, _BREAK = "\1", "\2"
"""Stand for a boundary of inline code and for a line break while a block is read; HTML cannot hold them."""


def plain_text(markup: str) -> str:
    """The text of a post, blocks separated by a blank line (items of a list by a line end).

    ``<pre>`` becomes a fence with the language that its class names, ``<code>`` backticks, list items ``- `` or
    ``1. ``, ``<blockquote>`` lines beginning with ``> ``; ``<sup>`` and ``<sub>`` leave ``^`` and ``_``.
    """
    writer = _Writer()
    markup = _without_comments(markup)
    at = 0
    for tag in _TAG.finditer(markup):
        writer.words(markup[at : tag.start()])
        at = tag.end()
        writer.tag(tag.group(2).lower(), bool(tag.group(1)), tag.group(3))
    writer.words(markup[at:])
    return writer.finish()


def _without_comments(markup: str) -> str:
    kept, at = [], 0
    while (start := markup.find("<!--", at)) >= 0:
        kept.append(markup[at:start])
        end = markup.find("-->", start)
        at = len(markup) if end < 0 else end + 3
    return "".join([*kept, markup[at:]])


@dataclass
class _Container:
    """An open list, list item or quotation."""

    name: str
    prefix: str = ""
    """Before each of its lines."""
    mark: str = ""
    """Instead, before the first line of an item; empty once that is written."""
    items: int = 0


class _Writer:
    """State: the blocks written, the words of the one being read, and the containers around it."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._words: list[str] = []
        self._around: list[_Container] = []
        self._fence: str | None = None
        """Language of the open ``<pre>``; None outside one."""
        self._after_item = False

    def words(self, text: str) -> None:
        if text:
            self._words.append(unescaped(text))

    def tag(self, name: str, closing: bool, attributes: str) -> None:
        if self._fence is not None:
            if name == "code" and not self._fence:
                self._fence = _language(attributes)
            elif name == "pre" and closing:
                self._end_fence()
        elif name == "code":
            self._words.append(_CODE)
        elif name == "br":
            self._words.append(_BREAK)
        elif name in _RAISED_OR_LOWERED and not closing:
            self._words.append(_RAISED_OR_LOWERED[name])
        elif name in _BLOCKS or name in _CONTAINERS:
            self._end_block()
            if name == "pre" and not closing:
                self._fence = _language(attributes)
            elif name in _CONTAINERS:
                (self._leave if closing else self._enter)(name)

    def _enter(self, name: str) -> None:
        if len(self._around) >= DEEPEST:
            return
        entered = _Container(name, "> " if name == "blockquote" else "")
        if name == "li":
            if self._around and self._around[-1].name == "li":
                self._around.pop()
            entered.mark = "- "
            if self._around and self._around[-1].name == "ol":
                self._around[-1].items += 1
                entered.mark = f"{self._around[-1].items}. "
            entered.prefix = " " * len(entered.mark)
        self._around.append(entered)

    def _leave(self, name: str) -> None:
        if any(container.name == name for container in self._around):
            while self._around.pop().name != name:
                pass

    def _end_fence(self) -> None:
        code = "".join(self._words).strip("\n")
        self._words.clear()
        ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
        if code.strip():
            self._write(f"{ticks}{self._fence}\n{code}\n{ticks}")
        self._fence = None

    def _end_block(self) -> None:
        if self._words:
            text = " ".join("".join(self._words).split())
            self._words.clear()
            text = re.sub(f" ?{_BREAK} ?", "\n", text).strip()
            if text.strip(_CODE):
                self._write(_with_backticks(text))

    def _write(self, text: str) -> None:
        begins_item = any(container.mark for container in self._around)
        first = "".join(container.mark or container.prefix for container in self._around)
        others = "".join(container.prefix for container in self._around)
        for container in self._around:
            container.mark = ""
        lines = text.split("\n")
        block = "\n".join([first + lines[0], *(others + line if line else others.rstrip() for line in lines[1:])])
        if self._out:
            self._out.append("\n" if begins_item and self._after_item else "\n\n")
        self._out.append(block)
        self._after_item = begins_item

    def finish(self) -> str:
        if self._fence is not None:
            self._end_fence()
        self._end_block()
        return "".join(self._out)


def _language(attributes: str) -> str:
    found = _LANGUAGE.search(attributes)
    return "" if found is None or found.group(1) in ("none", "default") else found.group(1)


def _with_backticks(text: str) -> str:
    """Inline code between backticks, two where it holds one."""
    parts = text.split(_CODE)
    for number, part in enumerate(parts):
        code = part.strip()
        if number % 2 and code:
            parts[number] = f"`` {code} ``" if "`" in code else f"`{code}`"
    return "".join(parts)


def unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:
        return text  # a reference to a character by a number of thousands of digits
