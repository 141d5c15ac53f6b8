import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_corpus import MakeWheel, source

from assay.corpus.archive import WheelArchive
from assay.corpus.candidate import Candidate
from assay.corpus.code import read_doctests, read_notebooks

GOOD = {"cell_type": "markdown", "metadata": {}, "source": ["# Title\n", "text"]}


def _v4(*cells: Any, **more: Any) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **more}


def _read(make_wheel: MakeWheel, *notebooks: object) -> list[Candidate]:
    files = {
        f"{number:03}.ipynb": book if isinstance(book, bytes | str) else json.dumps(book)
        for number, book in enumerate(notebooks)
    }
    _, path = make_wheel("pack", files)
    archive = WheelArchive(path)
    try:
        return list(read_notebooks(source("n", reader="notebooks", kind="notebook", files=["*.ipynb"]), archive))
    finally:
        archive.close()


NOT_NOTEBOOKS: dict[str, object] = {
    "no JSON": "print('hello')",
    "half of one": json.dumps(_v4(GOOD))[:-9],
    "nothing": "",
    "a list": [],
    "a number": 4,
    "null": "null",
    "a text": '"notebook"',
    "an empty object": {},
    "no cells": {"nbformat": 4, "nbformat_minor": 5, "metadata": {}},
    "cells that are null": _v4(cells=None),
    "cells that are a number": _v4(cells=7),
    "a cell that is a text": _v4("cell"),
    "a cell without source": _v4({"cell_type": "code", "metadata": {}}),
    "a cell whose source is null": _v4({"cell_type": "code", "source": None}),
    "a cell whose source is an object": _v4({"cell_type": "code", "source": {"a": 1}}),
    "a cell without type": _v4({"source": "print(1)"}),
    "no metadata": {"nbformat": 4, "nbformat_minor": 5, "cells": [GOOD]},
    "a version of the future": _v4(GOOD, nbformat=99),
    "a version in words": _v4(GOOD, nbformat="four"),
    "a version that is a list": _v4(GOOD, nbformat=[4]),
    "worksheets that are null": {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": None},
    "deep nesting": "[" * 100_000,
    "a number of many digits": '{"nbformat": ' + "4" * 5000 + "}",
}


def test_what_is_no_notebook_is_counted_and_the_next_one_is_read(make_wheel: MakeWheel) -> None:
    *broken, last = _read(make_wheel, *NOT_NOTEBOOKS.values(), _v4(GOOD))
    faults = dict(zip(NOT_NOTEBOOKS, (candidate.fault for candidate in broken), strict=True))
    assert faults == dict.fromkeys(NOT_NOTEBOOKS, "not a notebook")
    assert (last.fault, last.data) == (None, "# Title\ntext\n")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 6) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["nbformat", "nbformat_minor", "cells", "worksheets", "metadata", "source", "cell_type"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


class _OneFile:
    def __init__(self, text: str) -> None:
        self.text = text

    def names(self) -> list[str]:
        return ["a.ipynb"]

    def read(self, name: str) -> bytes:
        return self.text.encode()


@given(
    version=st.sampled_from([1, 2, 3, 4]),
    cells=json_values
    | st.lists(st.dictionaries(st.sampled_from(["source", "input", "cell_type", "outputs"]), json_values)),
    metadata=json_values,
)
@settings(max_examples=150, deadline=None)
def test_no_json_stops_the_reading(version: int, cells: Any, metadata: Any) -> None:
    book = {
        "nbformat": version,
        "nbformat_minor": 0,
        "metadata": metadata,
        "cells": cells,
        "worksheets": [{"cells": cells}],
    }
    archive: Any = _OneFile(json.dumps(book))
    (found,) = read_notebooks(source("n", reader="notebooks", kind="notebook"), archive)
    assert found.fault in (None, "not a notebook")
    assert isinstance(found.data, str)


@pytest.mark.parametrize("version", [2, 3])
def test_notebooks_of_old_formats_read_as_those_of_today(make_wheel: MakeWheel, version: int) -> None:
    v3: Any = nbformat.v3
    v2: Any = nbformat.v2
    if version == 2:
        cells = [v2.new_text_cell("markdown", source="# Title"), v2.new_code_cell(input="print(1)", outputs=[])]
        book = v2.new_notebook(worksheets=[v2.new_worksheet(cells=cells)], metadata=v2.new_metadata(name="n"))
    else:
        heading = v3.new_heading_cell("Title", level=1)
        output = v3.new_output("stream", output_text="SECRET")
        cells = [heading, v3.new_code_cell(input="print(1)", outputs=[output])]
        book = v3.new_notebook(worksheets=[v3.new_worksheet(cells=cells)], metadata=v3.new_metadata(name="n"))
    (found,) = _read(make_wheel, book)
    assert (found.fault, found.data) == (None, "# Title\n\n```python\nprint(1)\n```\n")


def _odd_metadata() -> Iterator[tuple[object, str]]:
    yield {"kernelspec": None}, "python"
    yield {"kernelspec": "R"}, "python"
    yield {"kernelspec": {"language": None}}, "python"
    yield {"kernelspec": {"language": "R\n```\nfence"}}, "python"
    yield {"kernelspec": {"language": "C++11"}}, "C++11"


@pytest.mark.parametrize(("metadata", "language"), list(_odd_metadata()))
def test_the_kernel_names_the_language_where_it_names_one(
    make_wheel: MakeWheel, metadata: object, language: str
) -> None:
    (found,) = _read(
        make_wheel, _v4({"cell_type": "code", "metadata": {}, "source": "x <- 1", "outputs": []}, metadata=metadata)
    )
    assert found.data == f"```{language}\nx <- 1\n```\n"


def test_gigantic_outputs_and_numbers_that_are_none_do_not_matter(make_wheel: MakeWheel) -> None:
    outputs = [{"output_type": "stream", "text": ["x" * 1000] * 5000, "value": float("nan")}]
    (found,) = _read(make_wheel, _v4({"cell_type": "code", "metadata": {}, "source": "print(1)", "outputs": outputs}))
    assert found.data == "```python\nprint(1)\n```\n"


def test_a_module_that_python_cannot_parse_is_counted(make_wheel: MakeWheel) -> None:
    modules = {
        "a.py": b'"""\n>>> 1\n"""\x00',
        "b.py": '"""\n>>> 1\n"""\n' + "(" * 50_000,
        "c.py": b'"""\n>>> caf\xe9\n"""',
        "d.py": '"""\n>>> 1 + 1\n2\n"""\n',
    }
    _, path = make_wheel("pack", modules)
    found = list(read_doctests(source("d", reader="doctests", kind="qa", files=["?.py"]), WheelArchive(path)))
    assert [candidate.fault for candidate in found] == ["not Python"] * 3 + [None]
    assert isinstance(found[3].data, str)
    assert found[3].data.endswith(">>> 1 + 1\n2\n")


def test_real_notebooks_keep_every_cell(tmp_path: Path) -> None:
    """As nbformat reads them, with its checks: the oracle."""
    v4: Any = nbformat.v4
    written: Any = nbformat.writes
    reads: Any = nbformat.reads
    cells = [v4.new_markdown_cell("- a\n- b"), v4.new_raw_cell("raw"), v4.new_code_cell("a = 1\n\nb = 2")]
    text = written(v4.new_notebook(cells=cells))
    archive: Any = _OneFile(text)
    (found,) = read_notebooks(source("n", reader="notebooks", kind="notebook"), archive)
    assert isinstance(found.data, str)
    assert all(cell.source in found.data for cell in reads(text, as_version=4).cells)
