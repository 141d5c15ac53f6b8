"""Problems asked of a scripted model through real HTTP, and proved in the real sandbox."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from assay.corpus.synthesis.model.maker import CHUNK, Made, make_problems
from assay.corpus.synthesis.model.prompts import prompt
from assay.corpus.synthesis.verification import Prover, open_prover
from assay.endpoint import Budget, Endpoint
from faulty_server import Act, FaultyServer

SEED = 5


def reply(name: str, about: str, body: str, tests: str, prop: str) -> str:
    return f"""Here you go.

### Problem
Write a function `{name}(values)` that gets a list of integers and returns {about}.
### Solution
```python
def {name}(values: list[int]) -> list[int]:
    \"\"\"Return {about}.\"\"\"
    {body}
```
### Tests
```python
{tests}
```
### Inputs
```python
def make_inputs(random):
    return ([random.randint(-9, 9) for _ in range(random.randint(0, 8))],)
```
### Properties
- {prop}
"""


RISING = reply(
    "rising",
    "them in rising order, each once",
    """kept: list[int] = []
    for value in sorted(values):
        if not kept or kept[-1] < value:
            kept.append(value)
    return kept""",
    "assert rising([2, 1, 2]) == [1, 2]\nassert rising([]) == []\nassert rising([-1, 3, 0]) == [-1, 0, 3]",
    "The order does not matter | rising(values[::-1]) == result",
)
POSITIVE = reply(
    "positive",
    "those above zero",
    "return [value for value in values if value > 0]",
    "assert positive([2, -1, 0, 3]) == [2, 3]\nassert positive([1]) == [1]\nassert positive([0, 1, -1]) == [1]",
    "All are above zero | all(value > 0 for value in result)",
)
WRONG_PROPERTY = POSITIVE.replace("all(value > 0", "all(value > 5")
BREAKS = RISING.replace("if not kept or kept[-1]", "if kept[-1]")
ATTACKS = RISING.replace("return kept", "return open('/etc/passwd').read()")
NONSENSE = "la " * 200


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture(scope="module")
def prover() -> Iterator[Prover]:
    with open_prover() as opened:
        yield opened


class Script:
    """Answers by number: the problem first, then what comes after each refusal."""

    def __init__(self, answers: dict[int, list[str]]) -> None:
        self._numbers = {prompt(SEED, number).text: number for number in range(200)}
        self._answers = answers
        self.heard: dict[int, list[list[dict[str, str]]]] = {}

    def __call__(self, body: dict[str, Any], before: int) -> Act:
        number = self._numbers[body["messages"][0]["content"]]
        heard = self.heard.setdefault(number, [])
        heard.append(body["messages"])
        answers = self._answers[number]
        return Act(text=answers[min(len(heard), len(answers)) - 1], seconds=0.005)


def endpoint(server: FaultyServer, concurrency: int = 4) -> Endpoint:
    return Endpoint(url=server.url, model="toy", key_from="NO_KEY", pause=0.02, concurrency=concurrency)


def make(server: FaultyServer, prover: Prover, cache: Path, questions: int, **settings: Any) -> Made:
    concurrency = settings.pop("concurrency", 4)
    wanted = settings.pop("wanted", None)
    return make_problems(endpoint(server, concurrency), wanted, questions, SEED, prover, cache, **settings)


SCRIPT = {
    0: [RISING],
    1: [WRONG_PROPERTY, POSITIVE],
    2: [NONSENSE],
    3: [BREAKS],
    4: [ATTACKS],
    5: [RISING.replace("each once", "without any twice").replace("Here you go.", "")],
}


def test_good_problems_are_proved_wrong_ones_repaired_and_hopeless_ones_refused(
    server: FaultyServer, prover: Prover, tmp_path: Path
) -> None:
    server.behave = script = Script(SCRIPT)
    made = make(server, prover, tmp_path / "replies", 6)
    assert [record.problem.id for record in made.records] == ["model-toy-5-000000", "model-toy-5-000001"]
    first, mended = (record.problem for record in made.records)
    assert (first.entry, first.maker, first.seed, first.licence) == ("rising", "model", SEED, "unknown")
    asked = prompt(SEED, 0)
    assert dict(first.provenance) == {
        **{"model": "toy-1", "prompts": "1", "prompt": "0", "topic": asked.topic},
        **{"place": asked.place, "repairs": "0"},
    }
    assert mended.provenance["repairs"] == "1"
    assert [(one.id[-1], one.stage) for one in made.refused] == [
        *[("2", "syntax"), ("3", "run"), ("4", "modules"), ("5", "duplicate")]
    ]
    assert {number: len(heard) for number, heard in script.heard.items()} == {0: 1, 1: 2, 2: 3, 3: 3, 4: 3, 5: 1}
    assert made.failures == ()
    assert "13 questions: 13 answered, 0 from the cache, 0 failed" in str(made.account)
    assert "IndexError" in script.heard[3][1][2]["content"]
    refused, told = script.heard[1][1][1:]
    assert refused == {"role": "assistant", "content": WRONG_PROPERTY}
    assert "properties" in told["content"] and told["role"] == "user"


def test_the_result_is_the_same_for_any_concurrency_and_from_the_cache(
    server: FaultyServer, prover: Prover, tmp_path: Path
) -> None:
    results = []
    for name, concurrency in (("one", 1), ("many", 16), ("one", 3)):
        server.behave = Script(SCRIPT)
        made = make(server, prover, tmp_path / name, 3, concurrency=concurrency)
        results.append(([asdict(one) for one in made.records], made.refused))
    assert results[0] == results[1] == results[2]
    assert made.account.calls == 0 and made.account.cached == 6


def test_asking_ends_with_the_number_wanted(server: FaultyServer, prover: Prover, tmp_path: Path) -> None:
    third = prompt(SEED, 2).text
    server.behave = lambda body, before: Act(text=RISING if body["messages"][0]["content"] == third else NONSENSE)
    said: list[str] = []
    made = make(server, prover, tmp_path / "replies", 2 * CHUNK, wanted=1, repairs=0, say=said.append)
    assert len(made.records) == 1 and len(made.refused) == 2
    assert len(server.bodies) == CHUNK
    assert said == ["64 of 128 problems asked for, 1 proved"]


def test_a_budget_ends_the_asking_and_a_higher_one_goes_on(
    server: FaultyServer, prover: Prover, tmp_path: Path
) -> None:
    server.behave = script = Script(SCRIPT)
    made = make(server, prover, tmp_path / "replies", 3, budget=Budget(calls=4), concurrency=1)
    assert [record.problem.entry for record in made.records] == ["rising", "positive"]
    assert [one.id[-1] for one in made.refused] == ["2"]
    assert made.account.failed == {"budget": 1}
    stopped = make(server, prover, tmp_path / "other", 3, budget=Budget(calls=1), concurrency=1)
    assert [(number, failure.reason) for number, failure in stopped.failures] == [
        ("model-toy-5-000001", "budget"),
        ("model-toy-5-000002", "budget"),
    ]
    server.behave = script = Script({**SCRIPT, 2: [NONSENSE, RISING.replace("rising", "upward")]})
    script.heard[2] = [[], []]
    made = make(server, prover, tmp_path / "replies", 3, budget=Budget(calls=9))
    assert [record.problem.entry for record in made.records] == ["rising", "positive", "upward"]
    assert made.account.cached == 4 and made.account.calls == 1


def test_real_code_is_shown_with_some_of_the_questions_and_named_in_the_record(
    server: FaultyServer, prover: Prover, tmp_path: Path
) -> None:
    snippet = "import os\n\ndef widest(rows):\n    return max(map(len, rows))\n" + "# more\n" * 100
    with_code = [number for number in range(20) if prompt(SEED, number, [snippet]).snippet]
    assert 3 < len(with_code) < 17
    assert prompt(SEED, with_code[0], [snippet]).snippet.startswith("def widest(rows):")
    assert len(prompt(SEED, with_code[0], [snippet]).snippet.splitlines()) <= 40
    server.behave = lambda body, before: Act(text=RISING if "widest" in body["messages"][0]["content"] else NONSENSE)
    made = make(server, prover, tmp_path / "replies", with_code[0] + 1, snippets=[snippet], repairs=0)
    (record,) = made.records
    assert len(record.problem.provenance["snippet"]) == 16


KILLED = """
import os, sys
from pathlib import Path
from assay.corpus.synthesis.model.maker import make_problems
from assay.corpus.synthesis.verification import Prover
from assay.endpoint import Endpoint
class Killed(Prover):
    rounds = 0
    def prove(self, candidates, together):
        self.rounds += 1
        if self.rounds == 2:
            os.kill(os.getpid(), 9)
        return super().prove(candidates, together)
if __name__ == "__main__":
    endpoint = Endpoint(url=sys.argv[1], model="toy", key_from="NO_KEY", pause=0.02)
    with Killed("auto") as prover:
        make_problems(endpoint, None, 3, 5, prover, Path(sys.argv[2]))
"""


def test_a_run_killed_among_its_repairs_goes_on_from_them(server: FaultyServer, prover: Prover, tmp_path: Path) -> None:
    server.behave = script = Script(SCRIPT)
    command = [sys.executable, "-c", KILLED, server.url, str(tmp_path / "replies")]
    assert subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": "src"}).returncode == -9
    assert {number: len(heard) for number, heard in script.heard.items()} == {0: 1, 1: 2, 2: 2}
    made = make(server, prover, tmp_path / "replies", 3)
    assert [record.problem.entry for record in made.records] == ["rising", "positive"]
    assert made.account.calls == 1
    assert {number: len(heard) for number, heard in script.heard.items()} == {0: 1, 1: 2, 2: 3}
