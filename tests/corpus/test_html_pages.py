import random
import time

from hypothesis import given
from hypothesis import strategies as st
from small_corpus import MakeWheel, source

from assay.corpus.archive import WheelArchive
from assay.corpus.html_pages import is_prose, prose_of, read_html

LONG = "The quick brown fox jumps over the lazy dog while nobody is watching it at all, and then it sleeps until noon."
LONG += " Nobody minds."


def test_paragraphs_of_prose_are_kept_and_menus_listings_and_figures_are_not() -> None:
    page = f"""<!DOCTYPE html><html><head><title>Not this</title><style>{LONG}</style></head><body>
    <nav><ul><li>{LONG}</li></ul></nav><header><p>{LONG}</p></header>
    <h1>Fo&shy;xes &amp; dogs</h1><p>Short.</p><h2>How they
    jump</h2><p>{LONG} <a href="x">One</a>&nbsp;<b>more</b>.</p><pre>{LONG}</pre><h2>No prose here</h2>
    <table><tr><td>{"1,234 " * 40}</td></tr></table><script>if (1 < 2) {{ "{LONG}" }}</script><h2>Last</h2><div>{LONG}
    </div><footer>{LONG}</footer></body></html>"""
    assert prose_of(page) == f"Fo\u00adxes & dogs\n\nHow they jump\n\n{LONG} One more.\n\nLast\n\n{LONG}\n"


def test_a_title_above_titles_stays_until_prose_follows() -> None:
    page = f"<h1>Book</h1><h2>Empty chapter</h2><h2>Chapter</h2><h3>Part</h3><p>{LONG}</p><h3>End</h3>"
    assert prose_of(page) == f"Book\n\nChapter\n\nPart\n\n{LONG}\n"


def test_prose_is_long_and_of_letters() -> None:
    assert is_prose("a" * 119 + " ")
    assert not is_prose("a" * 119)
    assert is_prose("a" * 181 + "1" * 20)
    assert not is_prose("a" * 180 + "1" * 20)


def test_a_part_left_open_ends_with_what_holds_it() -> None:
    assert prose_of(f"<nav><header><ul><li>{LONG}</nav><p>{LONG}</p>") == f"{LONG}\n"
    assert prose_of(f"<p>{LONG}<br/>{LONG}</p></nav></pre>") == f"{LONG}\n\n{LONG}\n"


@given(st.text(alphabet="<>/!-&;=\"' abph1\n", max_size=200))
def test_any_soup_is_read(soup: str) -> None:
    prose_of(soup)
    assert prose_of(f"<p>{LONG}</p>") == f"{LONG}\n"


def test_the_time_is_linear_in_soup() -> None:
    draw = random.Random(5)
    for piece in ("<", "<p", "<!--", "</", "<a b='", "&#", "<nav>", "<![CDATA[", "</nav>", "9", "&#9"):
        started = time.process_time()
        prose_of(piece * 20_000)
        prose_of("&#" + piece * 20_000)
        prose_of("".join(draw.choice(["<", piece, ">", "x"]) for _ in range(20_000)))
        assert time.process_time() - started < 1, piece


def test_pages_that_cannot_be_decoded_are_counted(make_wheel: MakeWheel) -> None:
    _, path = make_wheel("pack", {"a.html": f"<p>{LONG}</p>", "b.html": b"<p>na\xefve</p>", "c.html": "<p>short</p>"})
    found = list(read_html(source("h", files=["*.html"]), WheelArchive(path)))
    assert [(c.path, c.fault, bool(c.data)) for c in found] == [
        ("a.html", None, True),
        ("b.html", "not UTF-8", False),
        ("c.html", None, False),
    ]
