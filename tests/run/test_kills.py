"""What survives a kill, by the driver in `benchmarks/kills.py`: a few of its rounds, and slowly a few more. All of them
take an hour; what they found is in ``benchmarks/results/kills.json``."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DRIVER = Path(__file__).parents[2] / "benchmarks" / "kills.py"
SMALL = ("--seeds", "1", "--tokens", "640")
WHOLE = ("--tokens", "384")
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("gcc") is None, reason="counts system calls with a shim for Linux"
)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose undisturbed run all tests share; in memory where there is some."""
    return tmp_path_factory.mktemp("kills")


def kills(work: Path, *arguments: str, study: tuple[str, ...] = SMALL) -> dict[str, Any]:
    """Run the driver; what it found."""
    place = work / f"study{'-'.join(study)}"
    out = work / f"{'-'.join(arguments)}.json"
    command = [sys.executable, str(DRIVER), "--work", str(place), "--out", str(out), *study, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert out.is_file(), done.stderr
    found: dict[str, Any] = json.loads(out.read_text())
    assert found["failures"] == [], "\n".join(found["failures"])
    assert done.returncode == 0, done.stderr
    return found


@pytest.mark.slow
def test_a_step_killed_at_any_write_is_made_whole_by_the_next_worker(work: Path) -> None:
    found = kills(work, "enumerate", "--most", "7", "--unit", "state, resumed", "--unit", "scores")
    assert found["kill_points"] == 14
    assert {"write", "rename"} & set(found["points"]["state, resumed"])


@pytest.mark.slow
def test_a_run_killed_at_a_random_moment_ends_with_the_same_results(work: Path) -> None:
    found = kills(work, "random", "2", "--warm", "1")
    assert found["kill_runs"] == 2


@pytest.mark.slow
def test_other_kinds_of_step_and_the_main_process_survive_kills_at_some_writes(work: Path) -> None:
    units = ("package", "ingredient", "state, forked", "main process, all stored")
    chosen = [word for unit in units for word in ("--unit", unit)]
    found = kills(work, "enumerate", "--most", "3", *chosen, study=WHOLE)
    assert found["notes"]["study"]["segments"] >= 20
    assert found["kill_points"] == 12
    assert set(units) == set(found["units"])


@pytest.mark.slow
def test_a_full_disk_at_a_random_moment_costs_nothing_that_was_done(work: Path) -> None:
    found = kills(work, "disk", "1", study=WHOLE)
    assert found["disk_full_runs"] == 1 or "skipped" in found["notes"]["disk"]


@pytest.mark.slow
@pytest.mark.parametrize(("what", "cases"), [("partial save", 3), ("SIGTERM", 2), ("state,", 2)])
def test_damage_and_pre_emption_lose_nothing(work: Path, what: str, cases: int) -> None:
    assert kills(work, "others", "--only", what, study=WHOLE)["other_cases"] == cases
