import inspect
import json
import sys
import textwrap
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.corpus import code_quality
from assay.corpus.code_quality import alphabetic, alphanumeric, fault, measure_lines, role, signals, visible_text
from assay.corpus.source import Clean
from assay.errors import StepError

STARCODER = Clean(rules=("starcoder",))
PLAIN = inspect.getsource(textwrap)
LONG = "x = 'word' + " * 77 + "'a'\n"
WIDE = "value = 'word' + 'word' + 'word' + 'word' + 'word' + 'word' + 'word' + 'word' + 'word' + 'word' + 'word'\n"
NUMBERS = "1.5 2.5 3.5 4.5 5.5 6.5\n" * 20
SYMBOLS = "{ [ ( + - * / ) ] } ; ; ;\n" * 20
PAGE = "<html><body><p>" + "Some words that a reader sees.\n" * 10 + "</p></body></html>\n"


def test_ordinary_code_breaks_no_rule() -> None:
    every_rule = Clean(rules=("starcoder", "parses"), comment_share=(0.01, 0.8), complexity=10)
    assert fault(PLAIN, "textwrap.py", "Python", every_rule) is None


@pytest.mark.parametrize(
    ("language", "text", "reason"),
    [
        ("Python", PLAIN + LONG, "longest line"),
        ("Python", WIDE * 5, "mean line length"),
        ("Python", SYMBOLS, "alphanumeric share"),
        ("C", "<?xml version='1.0'?>\n" + PLAIN, "XML header"),
        ("MATLAB", NUMBERS, "alphabetic share"),
        ("JSON", '{"a": 1}', "size of a data file"),
        ("JSON", json.dumps({"key": "words of text " * 400}), "size of a data file"),
        ("JSON", json.dumps([[]] * 100), "alphanumeric share"),
        ("JSON", json.dumps(list(range(10**6, 10**6 + 100))), "alphabetic share"),
        ("YAML", "- 1234567\n" * 20, "alphabetic share"),
        ("HTML", "<p>Few words.</p>\n" * 3, "visible text"),
        ("HTML", "<script>" + "var a = 1;\n" * 200 + "</script>" + PAGE, "visible text"),
    ],
)
def test_each_of_starcoders_filters_has_its_reason(language: str, text: str, reason: str) -> None:
    assert fault(text, "a", language, STARCODER) == f"starcoder: {reason}"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("Markdown", "word " * 1000 + "\n"),
        ("SQL", LONG),
        ("CMake", WIDE * 5),
        ("Python", NUMBERS),
        ("XML", "<?xml version='1.0'?>\n<a>text</a>\n"),
        ("SAS", SYMBOLS),
        ("HTML", PAGE),
        ("JSON", json.dumps({"key": "words of text " * 100})),
        ("C", PLAIN + "// <?xml version= further down\n"),
    ],
)
def test_the_exceptions_that_starcoders_readers_made_hold(language: str, text: str) -> None:
    assert fault(text, "a", language, STARCODER) is None


def test_a_limit_itself_is_allowed() -> None:
    line = "a" * 1000 + "\n"
    assert fault(line + "b\n" * 20, "a", "C", STARCODER) is None
    assert fault("a" + line + "b\n" * 20, "a", "C", STARCODER) == "starcoder: longest line"
    assert fault(("a" * 100 + "\n") * 9, "a", "C", STARCODER) is None
    assert fault("a" * 25 + " " * 75, "a", "C", STARCODER) is None
    assert fault("a" * 24 + " " * 76, "a", "C", STARCODER) == "starcoder: alphanumeric share"


@pytest.mark.parametrize(
    ("clean", "text", "reason"),
    [
        (Clean(rules=("parses",)), "def f(:\n", "does not parse"),
        (Clean(comment_share=(0.01, 0.8)), "x = 1\n" * 20, "too few comments"),
        (Clean(comment_share=(0.01, 0.8)), "# a comment\n" * 20 + "x\n", "too many comments"),
        (Clean(complexity=3), "def f(x):\n" + "    if x:\n        x += 1\n" * 5, "too complex"),
        (Clean(), "def f(:\n", None),
    ],
)
def test_a_rule_is_only_judged_where_it_is_asked_for(clean: Clean, text: str, reason: str | None) -> None:
    assert fault(text, "a.py", "Python", clean) == reason


def test_complexity_is_one_more_than_the_branches_and_a_mean_over_functions() -> None:
    branching = "def f(x):\n    if x and x > 1:\n        return 1\n    for y in x:\n        pass\n"
    assert code_quality.complexity(branching, "Python") == 4
    assert code_quality.complexity(branching + "def g():\n    return 1\n", "Python") == 2.5
    assert code_quality.complexity("int f(int a) { return a ? 1 : 2; }\n", "C") == 2
    assert code_quality.complexity("x = 1\n", "Python") is None
    assert code_quality.complexity("a { color: red }\n", "CSS") is None
    assert code_quality.complexity("(\n" * 100_000, "JavaScript") is None


def test_without_lizard_the_extra_is_named_but_signals_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lizard", None)
    with pytest.raises(StepError, match=r"lizard: pip install 'assay\[code\]'"):
        fault(PLAIN, "a.py", "Python", Clean(complexity=5))
    found = signals(PLAIN, "a.py", "Python")
    assert found["complexity"] is None
    assert found["parses"] is True


def test_signals_say_what_can_be_said() -> None:
    assert signals("# é\nx = 1\n", "a.py", "Python") == {
        "parses": True,
        "comment_share": 0.3,
        "complexity": None,
        "lines": 2,
        "mean_line": 4,
        "longest_line": 5,
        "alphanumeric": 0.3,
    }
    assert signals("", "a", "unknown") == {
        "parses": None,
        "comment_share": None,
        "complexity": None,
        "lines": 1,
        "mean_line": 0,
        "longest_line": 0,
        "alphanumeric": 0,
    }


@given(st.text(min_size=1))
def test_shares_are_those_of_the_characters_one_by_one(text: str) -> None:
    assert alphanumeric(text) == sum(char.isalnum() for char in text) / len(text)
    assert alphabetic(text) == sum(char.isalpha() for char in text) / len(text)


@given(st.text(alphabet="ab\n", min_size=1))
def test_lines_are_those_of_the_standard_library(text: str) -> None:
    lines = [len(line) for line in text.splitlines()] or [0]
    assert measure_lines(text) == (len(lines), sum(lines) / len(lines), max(lines))


class _Visible(HTMLParser):
    """Text outside scripts and styles, as html.parser sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.inside = self.inside or tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("script", "style")

    def handle_data(self, data: str) -> None:
        self.text += "" if self.inside else data


def test_visible_text_of_real_pages_is_that_of_a_real_parser() -> None:
    site = Path(pytest.__file__).parent.parent
    pages = [
        path.read_text() for name in ("matplotlib", "torch", "ray") for path in sorted((site / name).rglob("*.html"))
    ]
    pages = [page for page in pages if len(page) < 200_000]
    assert len(pages) >= 3
    for page in pages:
        parser = _Visible()
        parser.feed(page)
        parser.close()
        assert abs(len(visible_text(page)) - len(parser.text)) <= 0.02 * len(page)


@pytest.mark.parametrize("piece", ["<", "<!--", "<script>", "<style></", "&", "<a ", "</"])
def test_a_broken_page_of_megabytes_is_read_in_linear_time(piece: str) -> None:
    assert len(visible_text(piece * (4_000_000 // len(piece)))) <= 4_000_000


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("a/b.py", "x = 1\n", "programming"),
        ("tests/test_b.py", "x = 1\n", "programming, test"),
        ("package.json", "{}", "data, configuration"),
        ("docs/a.md", "# A\n", "prose, documentation"),
        ("a.html", "<p>a</p>\n", "markup"),
        ("vendor/a/jquery.js", "var a = 1;\n", "programming, vendored"),
        ("a_pb2.py", "# Generated by the protocol buffer compiler.  DO NOT EDIT!\nx = 1\n\n", "programming, generated"),
        ("a.nothing", "x", "unknown"),
        ("a\udc80.py", "x = '\ud800'\n", "programming"),
    ],
)
def test_the_role_is_what_linguist_says(path: str, text: str, said: str) -> None:
    assert role(path, text) == said
