"""HTML of posts becomes plain text that keeps what can be read: paragraphs, lists, code, quotations."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.corpus.html_text import DEEPEST, plain_text

CASES = {
    "paragraphs": ("<p>One\n line.</p>\n\n<p>Two<br>lines &amp; more.</p>\n", "One line.\n\nTwo\nlines & more."),
    "fence": (
        '<p>Try</p>\n\n<pre class="lang-py prettyprint-override"><code>if a &lt; b:\n    c()\n\n</code></pre>\n',
        "Try\n\n```py\nif a < b:\n    c()\n```",
    ),
    "fence of code class": ('<pre><code class="language-c++">x;\n</code></pre>', "```c++\nx;\n```"),
    "fence that holds a fence": ("<pre><code>```\nx\n```\n</code></pre>", "````\n```\nx\n```\n````"),
    "tags in code": ("<pre><code>&lt;p&gt;a <b>b</b>\n</code></pre>", "```\n<p>a b\n```"),
    "inline code": ("<p>The <code>a &lt; b</code> of <code>`x`</code>.</p>", "The `a < b` of `` `x` ``."),
    "bullets": ("<ul>\n<li>one</li>\n<li>two <em>too</em></li>\n</ul>\n<p>end</p>", "- one\n- two too\n\nend"),
    "numbers": ("<ol><li>one</li><li><p>two</p><p>more</p></li></ol>", "1. one\n2. two\n\n   more"),
    "nested": ("<ul><li>a<ol><li>b</li><li>c</li></ol></li><li>d</li></ul>", "- a\n  1. b\n  2. c\n- d"),
    "code in an item": ("<ul><li>a<pre><code>x\n\ny</code></pre></li></ul>", "- a\n\n  ```\n  x\n\n  y\n  ```"),
    "quotation": ("<blockquote>\n<p>a</p>\n<p>b</p></blockquote><p>c</p>", "> a\n\n> b\n\nc"),
    "links and images": ('<p>See <a href="http://x/?a>b">this <img src="y" alt="z">page</a></p>', "See this page"),
    "powers": ("<p>10<sup>3</sup> H<sub>2</sub>O</p>", "10^3 H_2O"),
    "comments": ("<!-- language: lang-py --><p>a<!-- > -->b</p><!-- open", "ab"),
    "rule and headings": ("<h1>Title</h1><hr /><p>text", "Title\n\ntext"),
    "no markup": ("1 < 2 &amp;&amp; 3 > 2", "1 < 2 && 3 > 2"),
    "broken nesting": ("</li></ul><li>a</p></blockquote><code>b", "- a\n\n  `b`"),
    "unfinished fence": ("<pre><code>x = 1", "```\nx = 1\n```"),
}


@pytest.mark.parametrize("name", CASES)
def test_markup_becomes_text(name: str) -> None:
    markup, text = CASES[name]
    assert plain_text(markup) == text


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=200))
def test_code_comes_through_unchanged(code: str) -> None:
    from html import escape

    kept = code.strip("\n")
    # what HTML itself cannot hold is no part of this
    if any((ord(char) < 32 and char not in "\n\t") or 127 <= ord(char) < 160 for char in code) or not kept.strip():
        return
    text = plain_text(f"<pre><code>{escape(code)}</code></pre>")
    fence = text.partition("\n")[0]
    assert text == f"{fence}\n{kept}\n{fence}"
    assert set(fence) == {"`"}
    assert fence not in code


@pytest.mark.parametrize(
    "piece", ['<a "', "<a '", "<", "<!--", "<p>", "<ul><li>x", "<blockquote>x", "</li>", "`", "<code>", "&amp"]
)
def test_hostile_markup_takes_linear_time_and_space(piece: str) -> None:
    def seconds(count: int) -> float:
        began = time.perf_counter()
        text = plain_text(piece * count)
        assert len(text) < len(piece) * count * DEEPEST
        return time.perf_counter() - began

    seconds(1000)
    assert seconds(80_000) < 40 * seconds(8_000) + 0.05
