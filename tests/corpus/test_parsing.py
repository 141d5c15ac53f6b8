import ast
import inspect
import io
import json
import sysconfig
import textwrap
import time
import tokenize
from pathlib import Path
from types import ModuleType

import jinja2
import numpy as np
import pytest
import torch

from assay.corpus import parsing
from assay.corpus.parsing import GRAMMARS, comment_share, parses
from assay.errors import StepError

VALID = {
    "Python": "def f(x):\n    return x\n",
    "JSON": '{"a": [1, 2.5, null]}',
    "TOML": '[a]\nb = "c"\n',
    "YAML": "a: &x [1, 2]\nb: *x\n",
    "JavaScript": "const f = (x) => `${x}`; // note\n",
    "TypeScript": "let x: number = 1;\nfunction f<T>(a: T): T { return a; }\n",
    "TSX": "const a = <div className='b'>{c}</div>;\n",
    "C": '#include <stdio.h>\nint main(void) { printf("a"); return 0; }\n',
    "C++": "template <typename T> struct A { T a; };\n",
    "Java": "class A { /* b */ int c() { return 1; } }\n",
    "Go": "package a\n\nfunc b() int { return 1 }\n",
    "Rust": "fn a<'b>(c: &'b str) -> &'b str { c }\n",
    "PHP": "<p><?php echo 1; ?></p>\n",
    "Ruby": "def a(b)\n  b.map { |c| c + 1 }\nend\n",
    "Shell": 'if [ -n "$a" ]; then echo "$a"; fi\n',
    "CSS": "a > b { color: red; }\n",
    "HTML": "<!doctype html><p>a<br>b</p>\n",
}
BROKEN = {
    "Python": "def f(x:\n    return x\n",
    "JSON": '{"a": [1, 2.5, null}',
    "TOML": "[a\nb = c\n",
    "YAML": "a: [1, 2\nb: c: d\n",
    "PHP": "<?php function { ) echo ; ; ] class 1 + } } " * 3,
    "Shell": "if then (( }} ;; done esac ) fi ;; ) " * 3,
    "HTML": "<<<p a=<b></c></d> <p></div></q>",
}
PROSE = "The quick brown fox jumps over the lazy dog; and, then: (it sleeps. " * 5


def test_every_language_has_a_sample_here() -> None:
    assert set(VALID) == {"Python", "JSON", "TOML", "YAML", *GRAMMARS}


@pytest.mark.parametrize("language", sorted(VALID))
def test_what_is_valid_parses_and_what_is_broken_does_not(language: str) -> None:
    assert parses(VALID[language], language) is True
    assert parses(BROKEN.get(language, PROSE), language) is False


def test_a_language_without_a_parser_is_not_judged() -> None:
    assert parses("whatever", "Nonesuch") is None
    assert comment_share("whatever", "Nonesuch") is None


def test_a_header_full_of_macros_is_forgiven_what_its_grammar_cannot_know() -> None:
    header = "typedef struct a { int b; } a;\nint c(int d);\n" * 40
    macro = "WEIRD_DECLARATION(a, b) int\n"
    assert parses(header + macro, "C") is True
    assert parses(macro * 40, "C") is False


def test_records_of_json_may_stand_one_a_line_and_numbers_may_be_long() -> None:
    assert parses('{"a": 1}\n{"a": 2}\n', "JSON") is True
    assert parses('{"a": 1}\n{"a": 2\n', "JSON") is False
    assert parses(f'{{"a": {"1" * 10_000}}}', "JSON") is True


def test_real_files_of_this_environment_parse() -> None:
    headers = sorted((Path(torch.__file__).parent / "include/ATen/core").glob("*.h"))[:40]
    assert len(headers) == 40
    assert sum(parses(path.read_text(), "C++") is True for path in headers) >= 36
    sources = sorted(Path(np.__file__).parent.joinpath("lib").glob("*.py"))
    assert all(parses(path.read_text(), "Python") for path in sources)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("Python", "(" * 100_000),
        ("Python", "-" * 100_000 + "1"),
        ("Python", "a" + ".b" * 100_000),
        ("Python", "+".join("1" * 100_000)),
        ("Python", "if 1:\n pass\n" + "elif 1:\n pass\n" * 20_000),
        ("Python", "x = '\ud800'\n"),
        ("Python", "x = 1\0\n"),
        ("Python", "x = 1;" * 2_000_000),
        ("JSON", "[" * 1_000_000),
        ("JSON", '{"a":' * 1_000_000),
        ("TOML", "a = " + "[" * 100_000),
        ("YAML", "[" * 12_000),
        ("YAML", "{a: " * 8_000),
        ("C", "(" * 90_000),
        ("JavaScript", "(\n" * 200_000),
        ("JavaScript", "x = 1;" * 2_000_000),
    ],
    ids=lambda value: value[:8].encode("unicode_escape").decode() if isinstance(value, str) else "",
)
def test_hostile_nesting_and_size_do_not_parse_and_do_no_harm(language: str, text: str) -> None:
    before = time.process_time()
    assert parses(text, language) is False
    comment_share(text, language)
    assert time.process_time() - before < 10


def test_an_alias_bomb_of_yaml_is_not_expanded() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    before = time.process_time()
    assert parses(bomb, "YAML") is True
    assert time.process_time() - before < 1


def test_a_parser_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "SECONDS", 0.3)
    never_closed = "/* \n" * 20_000
    before = time.process_time()
    assert parses(never_closed, "C") is False
    assert comment_share(never_closed, "C") is None
    assert time.process_time() - before < 8


def test_a_grammar_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GRAMMARS, "Go", parsing.Grammar("tree_sitter_not_installed"))
    parsing._tree_sitter_language.cache_clear()
    with pytest.raises(StepError, match=r"files of Go needs .*tree_sitter_not_installed: pip install 'assay\[code\]'"):
        parses("package a", "Go")
    parsing._tree_sitter_language.cache_clear()


def _by_the_standard_library(text: str) -> int:
    """Characters of comments by tokenize (no shebang, no coding line) and of strings that are statements by ast."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [token for token in tokens if token.type == tokenize.COMMENT]
    size = sum(len(token.string) for token in comments if token.start[0] > 2 or token.string[:3] not in ("#!/", "# -"))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            size += len(ast.get_source_segment(text, node) or "")
    return size


@pytest.mark.parametrize("module", [json.decoder, ast, textwrap, jinja2.lexer], ids=lambda module: module.__name__)
def test_the_comments_of_python_are_those_of_tokenize_and_ast(module: ModuleType) -> None:
    text = inspect.getsource(module)
    share = comment_share(text, "Python")
    assert share is not None
    assert round(share * len(text)) == _by_the_standard_library(text)


@pytest.mark.parametrize(
    ("language", "text", "inside"),
    [
        ("C", 'int a; // é\n/* b */ char *c = "/* no */";\n', "// é" + "/* b */"),
        ("Java", "class A { /** doc */ int b; // c\n}\n", "/** doc */" + "// c"),
        ("Rust", "/// doc\nfn a() {} /* b */\n", "/// doc\n" + "/* b */"),
        ("Shell", 'echo "# no" # yes\n', "# yes"),
        ("HTML", "<p>a</p><!-- b -->\n", "<!-- b -->"),
        ("Lua", "--[[ a\nb ]] x = '--no' -- c\n", "--[[ a\nb ]]" + "-- c"),
        ("SQL", "select 1 -- one\n", "-- one\n"),
        ("YAML", "a: 'b # c' # d\n", "# d"),
    ],
)
def test_comments_are_counted_in_characters_and_strings_are_none(language: str, text: str, inside: str) -> None:
    share = comment_share(text, language)
    assert share is not None
    assert abs(share * len(text) - len(inside)) <= 1


def test_packages_of_the_standard_library_parse_whole() -> None:
    root = Path(sysconfig.get_path("stdlib"))
    for name in ("asyncio", "json", "email"):
        assert all(parses(path.read_text(), "Python") for path in sorted((root / name).glob("*.py")))
