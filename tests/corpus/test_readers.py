import doctest
import gzip
import importlib
import inspect
import json
from functools import reduce
from pathlib import Path
from typing import Any

import nbformat
import pytest
from small_corpus import MakeWheel, source

from assay.corpus.document import Document, Dropped, read_documents, read_dropped
from assay.corpus.prose import factbook_parts, recipe_parts
from assay.corpus.readers import build_source, read_source
from assay.corpus.recipe_file import load_recipe
from assay.corpus.source import Source
from assay.errors import StepError

LONG = "The quick brown fox jumps over the lazy dog while nobody is watching it at all. " * 2


def _read(wanted: Source, path: Path) -> list[Document | Dropped]:
    return list(read_source(wanted, {wanted.package or "": path}, Path()))


def _documents(wanted: Source, path: Path) -> list[Document]:
    return [item for item in _read(wanted, path) if isinstance(item, Document)]


def test_files_become_documents_in_sorted_order_with_group_and_licence(make_wheel: MakeWheel) -> None:
    _, path = make_wheel("pack", {f"s/{year}-Ann-1.txt": LONG + str(year) for year in (1999, 1801)})
    found = _documents(source("talks", files=["s/*.txt"], group=r"/\d+-(\w+)-"), path)
    assert [(item.path, item.group, item.licence) for item in found] == [
        ("s/1801-Ann-1.txt", "Ann", "MIT"),
        ("s/1999-Ann-1.txt", "Ann", "MIT"),
    ]
    assert found[0].text == LONG + "1801"
    assert (found[0].kind, found[0].language) == ("text", "English")


def test_broken_utf8_is_dropped_with_the_reason_and_the_rest_is_kept(make_wheel: MakeWheel) -> None:
    _, path = make_wheel("pack", {"s/a.txt": LONG, "s/b.txt": LONG.encode() + b"\xff\xfe", "s/c.txt": ""})
    kept, broken, empty = _read(source("s", files=["s/*"], licence="CC0-1.0"), path)
    assert isinstance(kept, Document)
    assert kept.licence == "CC0-1.0"
    assert isinstance(broken, Dropped)
    assert (broken.path, broken.reason, broken.bytes) == ("s/b.txt", "not UTF-8", len(LONG) + 2)
    assert isinstance(empty, Dropped)
    assert empty.reason == "empty"


def test_the_real_standard_library_gives_python_without_tests() -> None:
    stdlib = load_recipe("starter").sources["stdlib"]
    items = list(read_source(stdlib, {}, Path()))
    kept = [item for item in items if isinstance(item, Document)]
    assert sum(len(item.text) for item in kept) > 3e6
    assert {item.language for item in kept} == {"Python"}
    assert {item.path.split("/")[0] for item in kept if item.licence != "PSF-2.0"} == {"tomllib"}, "it says MIT itself"
    assert not any("/tests/" in item.path or item.path.startswith("test/") for item in items)
    assert all(item.group == item.path.split("/")[0].removesuffix(".py") for item in kept)
    reasons = {item.path: item.reason for item in items if isinstance(item, Dropped)}
    assert reasons["base64.py"] == "contains 0x"
    module = importlib.import_module("bisect")
    assert next(item.text for item in kept if item.path == "bisect.py") == inspect.getsource(module)


def test_an_article_is_its_title_and_its_text(make_wheel: MakeWheel) -> None:
    data = {"Fox": {"title": "Fox", "extract": LONG}, "Odd": {"title": "Odd", "extract": "\ud800" * 90}}
    _, path = make_wheel("pack", {"a.json": json.dumps(data)})
    fox, odd = _read(source("e", reader="articles", files=["a.json"]), path)
    assert isinstance(fox, Document)
    assert (fox.group, fox.path, fox.text) == ("Fox", "a.json#Fox", f"Fox\n\n{LONG.strip()}\n")
    assert isinstance(odd, Dropped)
    assert odd.reason == "not UTF-8"


def test_a_recipe_loses_its_markup_and_its_parts_are_found_again(make_wheel: MakeWheel) -> None:
    soup = {
        "title": "Soup",
        "category": "Soups",
        "servings": "4",
        "time": "Prep: 10 minutes<br/>Cooking: 1&nbsp;hour",
        "ingredients": ["1 cup () water", "''salt'' <ref>a book</ref>", ""],
        "steps": ["Boil the water for a while.", "Add the salt, stir, and serve it hot."],
    }
    _, path = make_wheel("pack", {"r.json": json.dumps({"Cookbook:Soup": soup})})
    (found,) = _documents(source("r", reader="recipes", files=["r.json"]), path)
    assert "Soups. Serves 4. Takes Prep: 10 minutes, Cooking: 1 hour\n" in found.text
    title, ingredients, method = recipe_parts(found.text)
    assert title == "Soup"
    assert ingredients == "- 1 cup water\n- salt"
    assert method == "1. Boil the water for a while.\n2. Add the salt, stir, and serve it hot."


def test_a_factbook_gives_paragraphs_of_prose_once_and_no_figures(make_wheel: MakeWheel) -> None:
    country = {
        "Introduction": {"Background": {"text": f"<p>{LONG}&nbsp;</p><p>Short.</p>"}},
        "Geography": {"Area": {"total": {"text": "1,284 sq km " * 20}}, "Terrain": {"text": LONG}},
        "Government": {
            "Country name": {"conventional short form": {"text": "Chad"}},
            "Flag": {"note": f"<strong>note:</strong> {LONG}"},
        },
    }
    _, path = make_wheel("pack", {"f/cd.json": json.dumps(country)})
    (found,) = _documents(source("f", reader="factbook", files=["f/*"]), path)
    assert found.group == "Chad"
    assert factbook_parts(found.text) == (
        "Chad",
        [("Background", LONG.strip()), ("Flag", f"note: {LONG.strip()}")],
    )


def test_a_play_is_plain_text(make_wheel: MakeWheel) -> None:
    play = "# Hamlet\n\n## ACT I\n\n_Enter_\n\n**BERNARDO**  \nWho's there?  \nSay *so*, & \\[aside]\n" * 2
    _, path = make_wheel("pack", {"p/hamlet.md": play})
    (found,) = _documents(source("p", reader="plays", files=["p/*"]), path)
    assert found.text.startswith("Hamlet\n\nACT I\n\nEnter\n\nBERNARDO\nWho's there?\nSay so, & [aside]\n")
    assert found.group == "hamlet"


def _requests(*examples: dict[str, Any]) -> bytes:
    return gzip.compress("".join(json.dumps({"doc": example}) + "\n" for example in examples).encode())


def test_each_paper_comes_once_without_citation_marks_and_formula_holes(make_wheel: MakeWheel) -> None:
    paper = {
        "id": "1234.5678_0",
        "title": "On Foxes",
        "abstract": "We study foxes BIBREF0 .",
        "full_text": {
            "section_name": ["Introduction", "Methods ::: Traps"],
            "paragraphs": [
                ["1.1em", "Foxes are known ( BIBREF1 , BIBREF2 ) to be quick; see Table TABREF3 ."],
                ["The length INLINEFORM0 of the tail of a fox is measured in metres."],
            ],
        },
    }
    _, path = make_wheel("pack", {"q.jsonl.gz": _requests(paper, {**paper, "id": "1234.5678_1"})})
    (found,) = _documents(source("q", reader="papers", files=["*.jsonl.gz"]), path)
    assert found.group == "1234.5678"
    assert found.text == ("On Foxes\n\nWe study foxes.\n\nIntroduction\n\nFoxes are known to be quick; see Table 3.\n")


def test_each_abstract_comes_once(make_wheel: MakeWheel) -> None:
    rows = [{"id": f"x:{number}", "context": LONG + str(number // 2)} for number in range(4)]
    _, path = make_wheel("pack", {"s.jsonl.gz": _requests(*rows)})
    found = _documents(source("s", reader="abstracts", files=["*.gz"]), path)
    assert [item.group for item in found] == ["x:0", "x:2"]


def test_a_notebook_keeps_its_cells_in_order_and_loses_its_outputs(make_wheel: MakeWheel) -> None:
    v4: Any = nbformat.v4
    written: Any = nbformat.writes
    book = v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# Graphs\n\n![x](data:image/png;base64,AAAA)"),
            v4.new_code_cell("print('hello', 1 + 1)", outputs=[v4.new_output("stream", text="hello SECRET\n")]),
            v4.new_code_cell("%%sparql\nSELECT ?s WHERE {?s ?p ?o}"),
            v4.new_code_cell(""),
        ]
    )
    _, path = make_wheel("pack", {"n/a.ipynb": written(book), "n/b.ipynb": "{}"})
    good, bad = _read(source("n", reader="notebooks", kind="notebook", files=["n/*"]), path)
    assert isinstance(good, Document)
    assert good.text == (
        "# Graphs\n\n```python\nprint('hello', 1 + 1)\n```\n\n```sparql\n%%sparql\nSELECT ?s WHERE {?s ?p ?o}\n```\n"
    )
    assert isinstance(bad, Dropped)
    assert bad.reason == "not a notebook"


@pytest.mark.parametrize("file", ["difflib.py", "statistics.py", "fractions.py", "collections/__init__.py"])
def test_questions_hold_the_examples_that_doctest_finds_in_the_imported_module(file: str) -> None:
    wanted = source("d", "stdlib", reader="doctests", kind="qa", files=[file])
    found = [item for item in read_source(wanted, {}, Path()) if isinstance(item, Document)]
    assert found
    parser = doctest.DocTestParser()
    for item in found:
        qualified = item.path.partition("#")[2]
        name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        thing = reduce(getattr, [*qualified.removeprefix(name).split(".")[1:]], importlib.import_module(name))
        question, _, answer = item.text.partition("\n\nAnswer: For example:\n\n")
        expected = parser.get_examples(inspect.getdoc(thing) or "")
        assert [(e.source, e.want) for e in parser.get_examples(answer)] == [(e.source, e.want) for e in expected]
        assert f"`{qualified}`" in question
        assert ">>> " not in question


def test_a_source_whose_files_are_not_there_or_have_another_shape_is_told(make_wheel: MakeWheel) -> None:
    _, path = make_wheel("pack", {"a.json": json.dumps({"Fox": {"name": "Fox"}})})
    with pytest.raises(StepError, match=r"source s: nothing in pack for \*\.txt"):
        _read(source("s", files=["*.txt"]), path)
    with pytest.raises(StepError, match="reader articles cannot make sense of pack"):
        _read(source("s", reader="articles", files=["a.json"]), path)


def test_a_built_source_holds_what_was_kept_and_what_was_dropped(tmp_path: Path, make_wheel: MakeWheel) -> None:
    _, path = make_wheel("pack", {"s/a.txt": LONG, "s/b.txt": b"\xff"})
    counts = build_source(source("s", files=["s/*"]), {"pack": path}, Path(), tmp_path)
    assert counts == {"documents": 1, "bytes": len(LONG), "dropped": 1}
    assert [item.path for item in read_documents(tmp_path / "documents.parquet")] == ["s/a.txt"]
    assert [item.path for item in read_dropped(tmp_path / "dropped.parquet")] == ["s/b.txt"]
