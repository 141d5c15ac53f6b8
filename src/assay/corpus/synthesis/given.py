"""Problems that come with a package: the codeio files of reasoning-gym, each as a candidate.

Each of its problems is a task in words, what goes in and comes out, a program, and a generator of inputs. The words are
kept and set as a problem for a person; the program is kept without what it never reaches (`given_source`); the
generator is kept whole, with those parts of the program that it uses. What can be said of every result without knowing
the problem, that it is of the type that was announced and can be written as JSON, are its properties. Whether anything
of it is true is for verification to say: nothing is run here. The two files share most of their problems, which have
one group then (`given_group`). Nor can verification say that a program solves its task: of five proved ones that were
read with care one did not, as trying all orders showed, and one gave what its own words exclude.
"""

import ast
import copy
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from assay.corpus.cleaning import Unfit
from assay.corpus.package_archive import WheelArchive
from assay.corpus.synthesis.given_group import groups
from assay.corpus.synthesis.given_inputs import defaults, inputs_source
from assay.corpus.synthesis.given_result import properties
from assay.corpus.synthesis.given_source import reached, with_short_docstring
from assay.corpus.synthesis.given_words import statement, topics
from assay.corpus.synthesis.record import Candidate
from assay.errors import InputError

ENTRY = "main_solution"
FILES = ("codeio-hq", "codeio")
"""In the order of the candidates: the file that was chosen for quality first."""
_KEYS = ("task_description", "input_output_spec", "code_sample", "input_generator")
_JUDGED = ("clarity", "practice", "educational", "safety")


def given_problems(wheel: Path) -> Iterator[Candidate]:
    """Every problem of a wheel of reasoning-gym, in the order of its files.

    Args:
        wheel: A wheel that holds ``reasoning_gym/data/codeio-hq.jsonl.gz`` and ``codeio.jsonl.gz``; 0.1.25 does, with
            2,750 and 3,002 problems, of which 2,508 are in both.

    Returns:
        Candidates with ids such as ``codeio-hq/17``, the problem's place in its file, from 0.

    Raises:
        StepError: It is not a zip file.
        InputError: It holds no such file, or a problem there has not the form that those of 0.1.25 have.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(_candidates(wheel))
    return iter(found)


def _candidates(wheel: Path) -> Iterator[Candidate]:
    archive = WheelArchive(wheel)
    try:
        rows = [(name, index, row) for name in FILES for index, row in enumerate(_rows(archive, wheel, name))]
        package, version = _name_and_version(archive)
        licence = archive.licence()
    finally:
        archive.close()
    for name, index, row in rows:
        if fault := _fault(row):
            raise InputError(f"{name}/{index} {fault}", str(wheel))
    solutions = [with_short_docstring(reached(row["code_sample"], {ENTRY}), ENTRY) for _, _, row in rows]
    group_of = groups(solutions, [row["task_description"] for _, _, row in rows])
    for (name, index, row), solution, first in zip(rows, solutions, group_of, strict=True):
        provenance = {"package": package, "version": version, "member": _member(name), "index": str(index)}
        function = _function(solution)
        yield Candidate(
            id=f"{name}/{index}",
            maker="given",
            statement=statement(row["task_description"], row["input_output_spec"], function),
            entry=ENTRY,
            signature=_signature(function),
            solution=solution,
            inputs=inputs_source(row["code_sample"], row["input_generator"], function),
            properties=properties(row["input_output_spec"]),
            difficulty={
                "lines": len(solution.splitlines()),
                "inputs": len(defaults(function)),
                **({"score": row["difficulty"]} if "difficulty" in row else {}),
            },
            topics=topics(row["task_description"], solution),
            group=f"{rows[first][0]}/{rows[first][1]}",
            provenance=provenance | {judged: str(row[judged]) for judged in _JUDGED if judged in row},
            seed=index,
            licence=licence,
        )


def _member(name: str) -> str:
    return f"reasoning_gym/data/{name}.jsonl.gz"


def _rows(archive: WheelArchive, wheel: Path, name: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a file: one after another, or all in one list."""
    try:
        text = archive.read(_member(name)).decode()
    except (Unfit, UnicodeDecodeError) as error:
        raise InputError(
            f"it has no readable {_member(name)}: give the wheel of reasoning-gym 0.1.25", str(wheel)
        ) from error
    decoder = json.JSONDecoder()
    position = 0
    while position < len(text) and (start := re.compile(r"\S").search(text, position)):
        try:
            row, position = decoder.raw_decode(text, start.start())
        except ValueError as error:
            raise InputError(f"{_member(name)} is not JSON: {error}", str(wheel)) from error
        some = row if isinstance(row, list) else [row]
        yield from (one if isinstance(one, dict) else {} for one in some)


def _fault(row: Mapping[str, Any]) -> str:
    if any(not isinstance(row.get(key), str) for key in _KEYS):
        return f"has not the texts {', '.join(_KEYS)}"
    for key, name in (("code_sample", ENTRY), ("input_generator", "")):
        try:
            functions = [one.name for one in ast.parse(row[key]).body if isinstance(one, ast.FunctionDef)]
        except SyntaxError as error:
            return f"has a {key} that is no Python: {error}"
        if not functions or (name and name not in functions):
            return f"has no function {name} in its {key}"
    return ""


def _name_and_version(archive: WheelArchive) -> tuple[str, str]:
    found = [name for name in archive.names() if name.endswith(".dist-info/METADATA")]
    fields = HeaderParser().parsestr(archive.read(found[0]).decode("utf-8", "replace") if found else "")
    return fields.get("Name", "reasoning_gym"), fields.get("Version", "")


def _function(solution: str) -> ast.FunctionDef:
    return next(one for one in ast.parse(solution).body if isinstance(one, ast.FunctionDef) and one.name == ENTRY)


def _signature(function: ast.FunctionDef) -> str:
    """Without defaults: every call of ours gives all arguments."""
    taken = copy.copy(function.args)
    taken.defaults = []
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    return f"def {function.name}({ast.unparse(taken)}){returns}"
