"""Programs that attack the sandbox get nothing, in either tier, as root and as an ordinary user.

The attacks and what shows that one succeeded are in `attacks/` and `attack_suite.py`; those that a limit has to end
take a second each, and most of them are left to the slow tests.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import assay
from assay.errors import StepError
from assay.evaluate.sandbox import Sandbox, open_sandbox
from attack_suite import LIMITS, NEXT, TESTS, Attack, Host, Tier, attacks, run_attack, tally

TIERS: tuple[Tier, ...] = ("namespaces", "landlock")
QUICK_ENOUGH = ("reading the program that runs beside it", "every signal blocked, and no processor used")
AS_NOBODY = (
    "fork bomb", "the shell", "killing its parent", "signalling everybody", "tracing its parent", "the environment",
    "the home folder", "writing where results lie", "a symbolic link", "leaving files for the next program",
    "descriptors that were inherited", "a connection to loopback", "an abstract socket", "capabilities", "mounting",
    "namespaces of its own", "io_uring", "memory at once", "ten gigabytes in a file",
    "a disk filled within a folder that can be written and not listed", "os._exit", "equal to everything",
    "a verdict into every descriptor, and gone", "the memory of others as a file", "descriptors of others by /proc",
    "a disk filled with files that have no name any more", "a disk filled with files that are nowhere but in a socket",
    "a disk filled with files that have neither name nor descriptor, and are mapped",
)  # fmt: skip


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("host")
    with Host(folder) as one:
        yield one


@pytest.fixture(scope="module")
def sandboxes(host: Host) -> Iterator[dict[str, Sandbox | str]]:
    """By tier, or why there is none; opened after the host has hidden its secrets."""
    found: dict[str, Sandbox | str] = {}
    for tier in TIERS:
        try:
            found[tier] = open_sandbox(tier, 2, LIMITS)
        except StepError as problem:
            found[tier] = str(problem)
    yield found
    for sandbox in found.values():
        if isinstance(sandbox, Sandbox):
            sandbox.close()


def parameters() -> list[object]:
    return [
        pytest.param(
            tier,
            attack,
            id=f"{tier}: {attack.name}",
            marks=pytest.mark.slow if attack.waits and attack.name not in QUICK_ENOUGH else (),
        )
        for tier in TIERS
        for attack in attacks()
    ]


@pytest.mark.parametrize(("tier", "attack"), parameters())
def test_an_attack_is_contained_and_the_host_is_as_it_was(
    tier: str, attack: Attack, host: Host, sandboxes: dict[str, Sandbox | str]
) -> None:
    sandbox = sandboxes[tier]
    if isinstance(sandbox, str):
        pytest.skip(sandbox)
    result = run_attack(attack, host, sandbox)
    assert not result.wrong, result


@pytest.mark.parametrize("tier", TIERS)
def test_texts_that_are_no_programs_harm_nobody(tier: str, host: Host, sandboxes: dict[str, Sandbox | str]) -> None:
    sandbox = sandboxes[tier]
    if isinstance(sandbox, str):
        pytest.skip(sandbox)
    texts = ["\0", "x = 1\0", "\ud800", "'\udcff'", "(" * 10**6, "# coding: utf-7\n+AGE-", "\ufeff", "\f\r\n\x1a"]
    found = sandbox.run([*texts, "x = '" + "y" * 10**7 + "'", "", host.fill(NEXT)])
    assert {verdict.outcome for verdict in found[: len(texts)]} <= {"error", "memory", "passed"}
    assert [verdict.outcome for verdict in found[len(texts) :]] == ["passed", "passed", "passed"]
    assert host.changes() == []


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; these tests are run by one already")
def test_an_ordinary_user_is_as_safe_as_root(tier: Tier) -> None:
    python = python_of_everybody()
    if python is None:
        pytest.skip("there is no Python of this version that other users may start")
    suite = Path(__file__).parents[1] / "attack_suite.py"
    if subprocess.run([python, "-c", f"open({str(suite)!r})"], user=65534, capture_output=True, check=False).returncode:
        pytest.skip(f"other users may not read {suite}")
    folders = [Path(assay.__file__).parents[1], *(Path(path) for path in sys.path if path.endswith("-packages"))]
    done = subprocess.run(
        [python, "-P", suite, tier, *AS_NOBODY],
        env={"PYTHONPATH": os.pathsep.join(map(str, folders)), "PATH": os.defpath},
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd="/",
    )
    if "StepError" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["open"] == []
    assert found["attacks"] == found["contained"] == len(AS_NOBODY)


def python_of_everybody() -> str | None:
    """An interpreter of this version that a stranger can start, and whose files he can read."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for path in (os.path.realpath(sys.executable), f"/usr/bin/{version}", shutil.which(version)):
        if path:
            try:
                tried = subprocess.run([path, "-c", "import json"], check=False, user=65534, group=65534, cwd="/")
            except OSError:
                continue
            if tried.returncode == 0:
                return str(path)
    return None


def test_the_attacks_are_many_and_each_says_what_contains_it() -> None:
    names = [attack.name for attack in attacks()]
    assert len(names) == len(set(names)) >= 40
    known = {"passed", "failed", "error", "timeout", "memory", "crash", "exited", "refused", "forged"}
    assert all(attack.gets and set(attack.gets) <= known for attack in attacks())
    assert not [attack.name for attack in attacks() if attack.is_answer and "passed" in attack.gets]


@pytest.mark.parametrize("tier", TIERS)
def test_what_is_not_contained_is_told(tier: Tier, sandboxes: dict[str, Sandbox | str]) -> None:
    if isinstance(sandboxes[tier], str):
        pytest.skip(str(sandboxes[tier]))
    right = "def add(one, two):\n    return one + two\n"
    chosen = [
        Attack(group="files", name="harmless", program="print('hello')", gets=("passed",)),
        Attack(group="files", name="says so", program="print('ESCAPED: yes')", gets=("passed",)),
        Attack(group="files", name="prints the secret", program="print('@SECRET@')", gets=("passed",)),
        Attack(group="files", name="another verdict", program="assert False", gets=("error", "refused")),
        Attack(group="verdicts", name="right", program=right, gets=("failed",)),
    ]
    found = tally(tier, chosen)
    assert (found["tier"], found["attacks"], found["contained"]) == (tier, 5, 1)
    told = {result["attack"]: " ".join(result["wrong"]) for result in found["open"]}
    assert "ESCAPED" in told["says so"]
    assert "printed the secret" in told["prints the secret"]
    assert "'failed'" in told["another verdict"]
    assert "'passed'" in told["right"]


def test_the_host_notices_what_an_attack_would_do_to_it(host: Host) -> None:
    assert host.changes() == []
    file = host.canary / "results.json"
    text = file.read_text()
    file.write_text("all right\n")
    (Path("/tmp") / host.mark).touch()
    here = "import socket; socket.create_connection(('127.0.0.1', @TCP@)).close()"
    subprocess.run([sys.executable, "-c", host.fill(here)], check=True)
    named = "import ctypes; ctypes.CDLL(None).prctl(15, b'@MARK@', 0, 0, 0); print('named', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", host.fill(named)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "named\n"
        told = "; ".join(host.changes())
        process.stdin.write("\n")
    (Path("/tmp") / host.mark).unlink()
    file.write_text(text)
    for expected in ("came by tcp", "files changed", f"/tmp/{host.mark} was left", f"process {process.pid} goes on"):
        assert expected in told
    assert any("files changed" in line for line in host.changes())
    assert host.changes() == []
    assert host.secrets_in(f"it says {host.secret}") == ["it printed the secret"]


def test_the_programs_around_an_attack_are_programs() -> None:
    for text in (NEXT, TESTS):
        compile(text, "<test>", "exec")
