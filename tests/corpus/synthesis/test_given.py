"""Problems of reasoning-gym's wheel become candidates: in order, runnable, provable, and in groups.

The wheel lies in the folder ``ASSAY_TEST_WHEELS``. Most tests read a small wheel made of some of its problems.
"""

import ast
import gzip
import json
import os
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from assay.corpus.synthesis.given import ENTRY, FILES, given_problems
from assay.corpus.synthesis.record import Candidate, Record
from assay.corpus.synthesis.verification.prover import open_prover
from assay.errors import InputError, StepError
from assay.evaluate.sandbox import Limits, open_sandbox

Row = Any
EACH = 16


@pytest.fixture(scope="module")
def wheel() -> Path:
    found = sorted(Path(os.environ.get("ASSAY_TEST_WHEELS", "/nowhere")).glob("reasoning_gym-0.1.25-*.whl"))
    if not found:
        pytest.skip("ASSAY_TEST_WHEELS names no folder with the wheel of reasoning-gym 0.1.25")
    return found[0]


@pytest.fixture(scope="module")
def rows(wheel: Path) -> dict[str, list[Row]]:
    """Some problems of each file, read in another way than ours: the first file is a list, the second an object a line.

    The first of one file and those of the same task in the other, and the last of the second, of another form.
    """
    with zipfile.ZipFile(wheel) as archive:
        texts = [gzip.decompress(archive.read(f"reasoning_gym/data/{name}.jsonl.gz")).decode() for name in FILES]
    chosen = json.loads(texts[0])[:EACH]
    plain = [json.loads(line) for line in texts[1].splitlines()]
    tasks = {row["task_description"] for row in chosen}
    return {FILES[0]: chosen, FILES[1]: [row for row in plain if row["task_description"] in tasks] + plain[-EACH:]}


@pytest.fixture(scope="module")
def small(rows: dict[str, list[Row]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("small") / "small.whl", rows)


@pytest.fixture(scope="module")
def candidates(small: Path) -> list[Candidate]:
    return list(given_problems(small))


def written(path: Path, rows: dict[str, list[Row]]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "reasoning_gym-0.1.25.dist-info/METADATA",
            "Metadata-Version: 2.4\nName: reasoning_gym\nVersion: 0.1.25\nLicense-Expression: Apache-2.0\n",
        )
        for name, some in rows.items():
            archive.writestr(f"reasoning_gym/data/{name}.jsonl.gz", gzip.compress(json.dumps(some, indent=2).encode()))
    return path


def row_of(candidate: Candidate, rows: dict[str, list[Row]]) -> Row:
    name, _, index = candidate.id.partition("/")
    return rows[name][int(index)]


def needs_nothing(row: Row) -> bool:
    return not any(module in row["code_sample"] for module in ("numpy", "scipy", "sympy", "pandas", "networkx"))


def test_every_problem_is_a_candidate_in_the_order_of_the_files(
    candidates: list[Candidate], rows: dict[str, list[Row]]
) -> None:
    assert [one.id for one in candidates] == [f"{name}/{index}" for name in FILES for index in range(len(rows[name]))]
    assert {one.licence for one in candidates} == {"Apache-2.0"}
    for one in candidates:
        row = row_of(one, rows)
        assert one.statement.startswith(row["task_description"].strip())
        assert one.provenance["member"] == f"reasoning_gym/data/{one.id.partition('/')[0]}.jsonl.gz"
        assert one.difficulty.get("score") == row.get("difficulty")
        ast.parse(f"{one.signature}: ...")


def test_statements_name_every_parameter_and_keep_what_is_said_of_it(
    candidates: list[Candidate], rows: dict[str, list[Row]]
) -> None:
    for one in candidates:
        arguments, result = one.statement.split("\n\nResult:\n")
        function = ast.parse(f"{one.signature}: ...").body[0]
        assert isinstance(function, ast.FunctionDef)
        for parameter in function.args.args:
            assert f"\n- `{parameter.arg}` (" in arguments
        assert result.startswith("- ")
        assert words(row_of(one, rows)["input_output_spec"]) <= words(one.statement)


def words(text: str) -> set[str]:
    return set("".join(char if char.isalnum() else " " for char in text).split()) - {"Input", "Output", "return"}


def test_the_same_problem_in_both_files_is_one_group(candidates: list[Candidate], rows: dict[str, list[Row]]) -> None:
    by_task: dict[str, set[str]] = {}
    for one in candidates:
        by_task.setdefault(row_of(one, rows)["task_description"], set()).add(one.group)
    assert all(len(groups) == 1 for groups in by_task.values())
    sizes = Counter(one.group for one in candidates)
    assert max(sizes.values()) <= 3
    assert sum(size == 2 for size in sizes.values()) >= EACH // 2
    assert {one.group for one in candidates} <= {one.id for one in candidates}


def test_solutions_and_inputs_do_in_the_sandbox_what_the_whole_program_does(
    candidates: list[Candidate], rows: dict[str, list[Row]]
) -> None:
    """The oracle is the row as the package itself runs it: program and generator in one, called with names."""
    chosen = [one for one in candidates if needs_nothing(row_of(one, rows))]
    programs = []
    for one in chosen:
        row = row_of(one, rows)
        whole = f"from random import Random\n{row['code_sample']}\n\n{row['input_generator']}\n"
        programs.append(
            f"whole, cut, made = {{}}, {{}}, {{}}\n"
            f"exec({whole!r}, whole)\nexec({one.solution!r}, cut)\nexec({one.inputs!r}, made)\n"
            "import copy, inspect, random\n"
            f"names = list(inspect.signature(whole[{ENTRY!r}]).parameters)\n"
            "generator, again = random.Random(3), random.Random(3)\n"
            "results = []\n"
            "for _ in range(3):\n"
            "    random.seed(1)\n"
            "    given = made['make_inputs'](generator)\n"
            "    random.seed(2)\n"
            "    assert given == made['make_inputs'](again), 'the inputs are not the same for the same seed'\n"
            "    both = []\n"
            f"    named = lambda one: whole[{ENTRY!r}](**dict(zip(names, one)))\n"
            f"    for call in (named, lambda one: cut[{ENTRY!r}](*one)):\n"
            "        random.seed(0)\n"
            "        try:\n"
            "            both.append(repr(call(copy.deepcopy(given))))\n"
            "        except Exception as error:\n"
            "            both.append(repr(error))\n"
            "    assert both[0] == both[1], both\n"
        )
    with open_sandbox(workers=1, limits=Limits(cpu_seconds=1.0)) as box:
        verdicts = box.run(programs)
    seen = [(one.id, verdict) for one, verdict in zip(chosen, verdicts, strict=True) if verdict.outcome != "timeout"]
    assert [(name, verdict.message) for name, verdict in seen if verdict.outcome != "passed"] == []
    assert len(seen) > EACH


def test_most_problems_that_need_no_other_package_are_proved(
    candidates: list[Candidate], rows: dict[str, list[Row]]
) -> None:
    chosen = [one for one in candidates if needs_nothing(row_of(one, rows))][::3]
    with open_prover() as prover:
        outcomes = prover.prove(chosen, together=False)
    proved = [one for one in outcomes if isinstance(one, Record)]
    assert len(proved) > len(chosen) / 2, outcomes
    assert all(one.inputs_tried >= 50 and one.killed >= 2 for one in proved)
    lost = {one.stage for one in outcomes if not isinstance(one, Record)}
    assert not lost & {"syntax", "tests"}


def test_what_is_no_such_wheel_is_told(tmp_path: Path, rows: dict[str, list[Row]]) -> None:
    path = tmp_path / "other.whl"
    path.write_text("no zip")
    with pytest.raises(StepError, match=r"other\.whl cannot be opened as a wheel"):
        next(given_problems(path))
    written(path, {FILES[0]: []})
    with pytest.raises(InputError, match=r"no readable reasoning_gym/data/codeio.jsonl.gz: give the wheel of"):
        next(given_problems(path))
    nameless = {**rows[FILES[0]][0], "code_sample": "def solve(a):\n    return a\n"}
    written(path, {FILES[0]: [nameless], FILES[1]: []})
    with pytest.raises(InputError, match=r"codeio-hq/0 has no function main_solution in its code"):
        next(given_problems(path))
    for row, fault in (({"task_description": "What?"}, "has not the texts"), (17, "has not the texts")):
        written(path, {FILES[0]: [rows[FILES[0]][0], row], FILES[1]: []})
        with pytest.raises(InputError, match=f"codeio-hq/1 {fault}"):
            next(given_problems(path))


@pytest.mark.slow
def test_the_whole_wheel_has_5752_candidates_of_3240_groups(wheel: Path) -> None:
    found = list(given_problems(wheel))
    assert Counter(one.id.partition("/")[0] for one in found) == {"codeio-hq": 2750, "codeio": 3002}
    assert len({one.id for one in found}) == len(found)
    assert len({one.group for one in found}) == 3240
    for one in found:
        compile(one.solution, one.id, "exec")
        compile(one.inputs, one.id, "exec")
