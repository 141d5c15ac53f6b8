"""Readers of code and of what lies beside it: files, notebooks, and the examples in docstrings.

Code is read, never run: notebooks through nbformat with their outputs cut, docstrings through ``ast``. A notebook is
not checked against its schema, which would cost more than reading it and drop what can be read.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Any

import nbformat

from assay.corpus.archive import Archive
from assay.corpus.candidate import Candidate, members
from assay.corpus.cleaning import Unfit, decode
from assay.corpus.source import Source

_EMBEDDED_IMAGE = re.compile(r"!\[[^\]]*\]\(data:[^)]*\)|<img\b[^>]*\bsrc=[\"']data:[^>]*>")
_MAGIC = re.compile(r"%%(gremlin|sparql|opencypher|oc|bash|html|javascript|sql)\b")
_LANGUAGE = re.compile(r"[\w+#. -]{1,40}")
_NOT_A_NOTEBOOK = (
    nbformat.ValidationError,
    AttributeError,
    LookupError,
    NameError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What nbformat and the reading of its result raise for JSON of another shape, and for what is no JSON."""
_EXAMPLE = re.compile(r"^[ \t]*>>> ", re.MULTILINE)
_EXAMPLES_HEADING = re.compile(r"(?:^|\n)[ \t]*\**Examples?\**:*[ \t]*(?:\n[ \t]*[=~^-]{3,}[ \t]*)?\n*\Z")
_Scope = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def read_files(source: Source, archive: Archive) -> Iterator[Candidate]:
    """Every file as it is, one document each."""
    for name in members(source, archive):
        try:
            yield Candidate(path=name, group=name, data=archive.read(name))
        except Unfit as fault:
            yield Candidate(path=name, group=name, data="", fault=str(fault))


def read_notebooks(source: Source, archive: Archive) -> Iterator[Candidate]:
    """Jupyter notebooks as Markdown: prose cells as they are, code cells fenced, outputs and images cut."""
    for name in members(source, archive):
        try:
            text = _notebook_text(decode(archive.read(name)))
        except Unfit as fault:
            yield Candidate(path=name, group=name, data="", language="Jupyter Notebook", fault=str(fault))
        except _NOT_A_NOTEBOOK:
            yield Candidate(path=name, group=name, data="", language="Jupyter Notebook", fault="not a notebook")
        else:
            yield Candidate(path=name, group=name, data=text, language="Jupyter Notebook")


def _notebook_text(text: str) -> str:
    read: Any = nbformat.reader.reads
    convert: Any = nbformat.convert
    notebook = convert(read(text), 4)
    kernel = notebook.metadata.get("kernelspec", {})
    named = kernel.get("language", "python") if isinstance(kernel, dict) else "python"
    language = named if isinstance(named, str) and _LANGUAGE.fullmatch(named) else "python"
    blocks = []
    for cell in notebook.cells:
        content = _EMBEDDED_IMAGE.sub("", cell.source).strip()
        if content and cell.cell_type == "code":
            magic = _MAGIC.match(content)
            blocks.append(f"```{magic.group(1) if magic else language}\n{content}\n```")
        elif content:
            blocks.append(content)
    return "\n\n".join(blocks) + "\n"


def read_doctests(source: Source, archive: Archive) -> Iterator[Candidate]:
    """Docstrings with a ``>>>`` session: a question of the qualified name and the prose, then the session."""
    for name in members(source, archive):
        try:
            data = archive.read(name)
            if b">>> " not in data:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(data)
        except Unfit as fault:
            yield Candidate(path=name, group=name, data="", language="Python", fault=str(fault))
            continue
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            yield Candidate(path=name, group=name, data="", language="Python", fault="not Python")
            continue
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for qualified, docstring in _docstrings(tree, module):
            if _EXAMPLE.search(docstring):
                text = _question_and_answer(qualified, docstring)
                yield Candidate(path=f"{name}#{qualified}", group=name, data=text, language="Python")


def _docstrings(scope: _Scope, qualified: str) -> Iterator[tuple[str, str]]:
    docstring = ast.get_docstring(scope)
    if docstring:
        yield qualified, docstring
    for node in scope.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _docstrings(node, f"{qualified}.{node.name}")


def _question_and_answer(qualified: str, docstring: str) -> str:
    first = _EXAMPLE.search(docstring)
    start = first.start() if first else 0
    prose = _EXAMPLES_HEADING.sub("", docstring[:start]).strip()
    question = f"Question: What does `{qualified}` do, and how is it used?"
    answer = f"Answer: For example:\n\n{docstring[start:].rstrip()}\n"
    return "\n\n".join(part for part in (question, prose, answer) if part)
