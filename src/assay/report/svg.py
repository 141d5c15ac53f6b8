"""Matplotlib drawings as inline SVG that belongs to the page: its fonts, its colours in light and dark, its
labels.

Text stays text and inherits the page's font. Colours are drawn with stand-ins and then become the page's CSS
variables, so one drawing serves both colour schemes. Ids, metadata and comments are taken out: several
drawings share one page, the same numbers must give the same bytes, and nothing may point outside.
"""

import hashlib
import io
import re
from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.figure import Figure

SERIES = 8
"""Colours that tell trunks apart; see the page's ``--series-N``."""

INK, SOFT, GRID, BAND, PAPER = "#010101", "#020202", "#030303", "#040404", "#050505"
BETTER, WORSE, EQUAL, OPEN = "#060606", "#070707", "#080808", "#090909"
SERIES_COLOURS = tuple(f"#0a0a{index:02x}" for index in range(SERIES))

VARIABLES = {
    INK: ("--ink", "#1c1e21"),
    SOFT: ("--soft", "#5a6068"),
    GRID: ("--rule", "#d9dce0"),
    BAND: ("--band", "#e8ebef"),
    PAPER: ("--paper", "#ffffff"),
    BETTER: ("--better", "#0b62a4"),
    WORSE: ("--worse", "#b04a00"),
    EQUAL: ("--equal", "#3d7a5a"),
    OPEN: ("--open", "#6b7280"),
    **{colour: (f"--series-{index}", "#555555") for index, colour in enumerate(SERIES_COLOURS)},
}

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "assay",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": SOFT,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "text.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
"""Matplotlib settings of every drawing; names with a dollar sign are text, not mathematics."""

_NAMESPACE = re.compile(r"\{[^}]*\}")
_REFERENCE = re.compile(r"(?<=url\(#)[^)]+|(?<=^#).+")
_COLOUR = re.compile("|".join(VARIABLES))
_FONT = re.compile(r"font(?:-family)?: ?[^;]*;?")


def page_style() -> AbstractContextManager[None]:
    """Put `STYLE` into force for what is drawn under it."""
    return mpl.rc_context(STYLE)


def inline(figure: Figure, label: str) -> str:
    """A drawn figure as an ``<svg>`` element for the page.

    Args:
        figure: Drawn with colours out of this module and under `page_style`.
        label: What a screen reader says in the drawing's place.
    """
    target = io.StringIO()
    with page_style():
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None, "Type": None, "Format": None})
    drawn = target.getvalue()
    own = hashlib.sha256((drawn + label).encode()).hexdigest()[:8]
    root = ElementTree.fromstring(drawn)
    used = {
        found for element in root.iter() for value in element.attrib.values() for found in _REFERENCE.findall(value)
    }
    _clean(root, used, own)
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.set("role", "img")
    root.set("aria-label", label)
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


def _clean(element: ElementTree.Element, used: Collection[str], own: str) -> None:
    """Drop namespaces, metadata, global styles and idle ids; make the ids of this drawing its own."""
    for child in list(element):
        if _NAMESPACE.sub("", str(child.tag)) in {"metadata", "style"}:
            element.remove(child)
        else:
            _clean(child, used, own)
    element.tail = None
    if element.text is not None and not element.text.strip():
        element.text = None
    element.tag = _NAMESPACE.sub("", element.tag)
    attributes = {_NAMESPACE.sub("", name): value for name, value in element.attrib.items()}
    element.attrib.clear()
    for name, value in attributes.items():
        if name == "id":
            if value in used:
                element.set("id", f"{own}-{value}")
        elif name == "style":
            element.set("style", _themed(value))
        else:
            element.set(name, _REFERENCE.sub(lambda found: f"{own}-{found.group()}", value))


def _themed(style: str) -> str:
    """Stand-in colours as the page's variables, and of the font only weight and size."""
    style = _COLOUR.sub(lambda found: "var({}, {})".format(*VARIABLES[found.group()]), style)
    return _FONT.sub(_weight_and_size, style)


def _weight_and_size(found: re.Match[str]) -> str:
    size = re.search(r"([\d.]+)px", found.group())
    bold = "font-weight: 600; " if re.search(r"\b(?:bold|[67]00)\b", found.group()) else ""
    return f"{bold}font-size: {size.group(1)}px;" if size else ""
