"""The figures of the page as files for a paper: stand-alone SVG, and PDF where svglib is installed.

They are taken out of the page itself, so that no figure can be on one and not in the other. What a drawing has from the
page is put into it: the colours (those of the light scheme), the font by name, the legend, a title, and the description
that a screen reader would have said. The same page gives the same bytes. Nothing is drawn or computed anew here.
"""

import html
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from assay.errors import InputError
from assay.files import write_whole
from assay.report.frame import TEMPLATES

FONT = "DejaVu Sans"
"""What drawings were laid out in; it comes with matplotlib."""
FAMILIES = f"'{FONT}', Verdana, sans-serif"
EFFECTS = "Effects on "
"""How the descriptions of figures begin whose legend is the page's own, under *How to read the effects*."""
READING = "How to read the effects"
LETTER = 5.6
"""Width that a letter of a legend is given, at `LEGEND_SIZE`; letters are narrower on the average."""
LEGEND_SIZE = 9
ROW = 16

_PARTS = re.compile(
    r'<h2\b[^>]*>(?P<section>.*?)</h2>|<h3\b[^>]*>(?P<group>.*?)</h3>|<ul class="key">(?P<key>.*?)</ul>'
    r'|<figure(?! class="small-figure")\b[^>]*>(?P<figure>.*?)</figure>',
    re.DOTALL,
)
_KEY = re.compile(r'<ul class="key">(.*?)</ul>', re.DOTALL)
_FOUND = re.compile(r'<span class="(?:told|soft)">.*?</span>', re.DOTALL)
_CAPTION = re.compile(r"<figcaption\b[^>]*>(.*?)</figcaption>", re.DOTALL)
_DRAWING = re.compile(r'<svg\b[^>]*\brole="img".*?</svg>', re.DOTALL)
_ENTRY = re.compile(r"<li>\s*(<svg\b.*?</svg>)(.*?)</li>", re.DOTALL)
_VARIABLE = re.compile(r"var\((--[\w-]+)(?:,\s*(#\w+))?\)")
_BOLD = re.compile(r"font-weight:\s*[67]00")
_NOT_XML = re.compile("[^\t\n\r\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class PageFigure:
    """One figure of a page, ready to stand alone."""

    name: str
    """Of its files, without an ending: lower-case letters, digits and hyphens."""
    title: str
    description: str
    svg: str
    """An XML document."""
    width: float
    """In points."""
    height: float


def page_figures(page: str) -> list[PageFigure]:
    """The figures of a page, in its order; the small histograms beneath a single comparison are left out.

    Args:
        page: HTML that `assay.report.page` wrote.

    Raises:
        InputError: It is not: a drawing on it is no well-formed SVG.
    """
    colours = print_colours()
    found: list[PageFigure] = []
    names: set[str] = set()
    section, group, key, effects_key = "", "", "", ""
    for part in _PARTS.finditer(page):
        kind, inner = part.lastgroup, part[part.lastgroup or 0]
        if kind == "section":
            section, group, key = _words(inner), "", ""
        elif kind == "group":
            group = _words(inner)
        elif kind == "key":
            key = inner
            effects_key = inner if section == READING else effects_key
        else:
            caption, own_key = (one[1] if one else "" for one in (_CAPTION.search(inner), _KEY.search(inner)))
            told = [section, group, _words(caption)]
            for drawn in _DRAWING.findall(inner):
                try:
                    drawing = ElementTree.fromstring(_NOT_XML.sub("", drawn))
                except ElementTree.ParseError as problem:
                    raise InputError(f"a drawing under '{section}' is no SVG: {problem}") from None
                label = drawing.attrib.pop("aria-label", "")
                legend = own_key or (effects_key if label.startswith(EFFECTS) else key)
                name = _name([section, group, _words(_FOUND.sub("", caption))], names)
                found.append(_alone(drawing, name, ": ".join(filter(None, told)), label, legend, colours))
    return found


def print_colours() -> dict[str, str]:
    """The page's CSS variables with the values of the light scheme."""
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    light = style[style.index(":root {") : style.index("}")]
    return dict(re.findall(r"(--[\w-]+):\s*(#[0-9a-fA-F]+)", light))


def write_figures(page: str, out: Path) -> list[Path]:
    """Write every figure of a page as ``NAME.svg``, and as ``NAME.pdf`` if svglib is installed.

    Args:
        page: HTML that `assay.report.page` wrote.
        out: A folder; made if it is not there. Other files in it stay.

    Returns:
        What was written; each file is whole.

    Raises:
        InputError: ``out`` is a file.
        StepError: The disk is full or cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; --figures wants a folder, new or old")
    written = []
    as_pdf = has_pdf()
    for figure in page_figures(page):
        written.append(out / f"{figure.name}.svg")
        write_whole(written[-1], figure.svg)
        if as_pdf:
            written.append(out / f"{figure.name}.pdf")
            write_whole(written[-1], pdf(figure))
    return written


def has_pdf() -> bool:
    """Whether PDF can be written: the extra ``figures`` is installed."""
    from importlib.util import find_spec

    return find_spec("svglib") is not None and find_spec("reportlab") is not None


def pdf(figure: PageFigure) -> bytes:
    """A figure as a PDF of one page of its size, with its font in it; the same bytes each time.

    Raises:
        ModuleNotFoundError: `has_pdf` is false.
    """
    from matplotlib import get_data_path
    from reportlab.graphics import renderPDF
    from reportlab.pdfgen.canvas import Canvas
    from svglib.svglib import register_font, svg2rlg

    fonts = Path(get_data_path()) / "fonts" / "ttf"
    for weight, file in (("normal", "DejaVuSans.ttf"), ("bold", "DejaVuSans-Bold.ttf")):
        register_font(FONT, str(fonts / file), weight=weight)
    drawing = svg2rlg(io.BytesIO(figure.svg.encode()))
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=(figure.width, figure.height), invariant=1)
    canvas.setTitle(figure.title)
    canvas.setSubject(figure.description)
    canvas.setCreator("assay")
    renderPDF.draw(drawing, canvas, 0, 0)
    canvas.save()
    return target.getvalue()


def _alone(
    drawing: ElementTree.Element, name: str, title: str, description: str, legend: str, colours: dict[str, str]
) -> PageFigure:
    """A drawing with all that it had from the page."""
    width, height = map(float, drawing.attrib["viewBox"].split()[2:])
    entries = _entries(legend, drawing)
    if entries:
        width, height = _add_legend(drawing, entries, width, height)
    for element in drawing.iter():
        for attribute, value in list(element.attrib.items()):
            element.attrib[attribute] = _VARIABLE.sub(lambda one: colours.get(one[1], one[2] or "#555555"), value)
        if "style" in element.attrib:
            element.set("style", _BOLD.sub("font-weight: bold", element.attrib["style"]))
        if "href" in element.attrib:
            element.set("xlink:href", element.attrib.pop("href"))
    said = {"title": title, "desc": description}
    for place, (tag, words) in enumerate(said.items()):
        child = ElementTree.Element(tag, {"id": f"{name}-{tag}"})
        child.text = words
        drawing.insert(place, child)
    own = {
        "xmlns": "http://www.w3.org/2000/svg",
        "xmlns:xlink": "http://www.w3.org/1999/xlink",
        "width": f"{width:g}pt",
        "height": f"{height:g}pt",
        "viewBox": f"0 0 {width:g} {height:g}",
        "font-family": FAMILIES,
        "role": "img",
        "aria-labelledby": " ".join(f"{name}-{tag}" for tag in said),
    }
    for attribute, value in own.items():
        drawing.set(attribute, value)
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(drawing, encoding="unicode")}\n'
    return PageFigure(name, title, description, text, width, height)


def _entries(legend: str, drawing: ElementTree.Element) -> list[tuple[ElementTree.Element, str]]:
    """Sign and words of each line of a legend whose colours are in the drawing, all of them."""
    used = {one[0] for value in _styles(drawing) for one in _VARIABLE.findall(value)}
    found = []
    for sign, words in _ENTRY.findall(legend):
        drawn = ElementTree.fromstring(sign)
        if {one[0] for value in _styles(drawn) for one in _VARIABLE.findall(value)} <= used:
            found.append((drawn, _words(words)))
    return found


def _styles(drawing: ElementTree.Element) -> list[str]:
    return [value for element in drawing.iter() for value in element.attrib.values()]


def _add_legend(
    drawing: ElementTree.Element, entries: Sequence[tuple[ElementTree.Element, str]], width: float, height: float
) -> tuple[float, float]:
    """Put a legend beneath a drawing, in as many columns as it has room for; the new width and height."""
    sign = max(float(one.attrib["width"]) for one, _ in entries) + 6
    column = sign + LETTER * max(len(words) for _, words in entries) + 10
    columns = max(1, min(len(entries), int(width // column)))
    group = ElementTree.SubElement(drawing, "g")
    for place, (one, words) in enumerate(entries):
        left, top = (place % columns) * (width / columns) + 8, height + 6 + (place // columns) * ROW
        middle = (ROW - float(one.attrib["height"])) / 2
        signs = {"transform": f"translate({left:g} {top + middle:g})", "fill": "none"}
        ElementTree.SubElement(group, "g", signs).extend(list(one))
        said = ElementTree.SubElement(group, "text", {"x": f"{left + sign:g}", "y": f"{top + ROW * 0.7:g}"})
        said.set("style", f"font-size: {LEGEND_SIZE}px; fill: var(--ink)")
        said.text = words
    return max(width, column if columns == 1 else 0), height + 12 + -(-len(entries) // columns) * ROW


def _name(told: Sequence[str], names: set[str]) -> str:
    """A file name that is not among ``names`` yet; it is added to them."""
    plain = re.sub(r"[^a-z0-9]+", "-", "-".join(told).lower()).strip("-")[:90].strip("-") or "figure"
    name, number = plain, 1
    while name in names:
        number += 1
        name = f"{plain}-{number}"
    names.add(name)
    return name


def _words(inner: str) -> str:
    """The text of a piece of HTML."""
    return _NOT_XML.sub("", _SPACES.sub(" ", html.unescape(re.sub(r"<[^>]*>", "", inner))).strip())
