"""What is left when a worker, its user or the right to a tier goes away: a verdict or a reason, and nothing else."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from assay.errors import StepError
from assay.evaluate.sandbox import Limits, Sandbox, Verdict, open_sandbox
from assay.evaluate.sandbox import docker as containers
from assay.evaluate.sandbox.open import Tier

SOURCES = Path(__file__).parents[2] / "src"
TIERS: tuple[Tier, ...] = ("namespaces", "landlock")

_DENYING = """
import struct, sys
from assay.evaluate.sandbox import kernel
def op(code, value, then=0, otherwise=0):
    return struct.pack("=HBBI", code, then, otherwise, value)
calls = kernel._NUMBERS[kernel.machine()]
denied = []
if "users" in sys.argv:
    denied += [op(0x20, 0), op(0x15, calls["clone"], 0, 3), op(0x20, 16), op(0x45, 0x10000000, 0, 1), op(0x06, 0x50001)]
if "landlock" in sys.argv:
    denied += [op(0x20, 0), op(0x15, 444, 0, 1), op(0x06, 0x50026)]
kernel.renounce()
kernel.install_filter(b"".join([*denied, op(0x06, 0x7FFF0000)]))
"""
"""A kernel that denies user namespaces, or has no Landlock, as far as a process under a filter can tell."""

_WITHOUT = f"""{_DENYING}
from assay.errors import StepError
from assay.evaluate.sandbox import open_sandbox
try:
    with open_sandbox("auto", 1) as sandbox:
        print(sandbox.tier, [one.outcome for one in sandbox.run(["x = 1", "assert False"])])
except StepError as error:
    print("refused:", error)
"""

_LONG_RUN = """
import sys
from assay.evaluate.sandbox import Limits, open_sandbox
with open_sandbox(sys.argv[1], 2, Limits(wall_seconds=60)) as sandbox:
    print("open", flush=True)
    sandbox.run(["open('left', 'w').close()\\nimport time; time.sleep(60)"] * 2)
"""


def opened(tier: Tier, workers: int = 1, limits: Limits | None = None) -> Sandbox:
    try:
        return open_sandbox(tier, workers, limits)
    except StepError as error:
        pytest.skip(str(error))


def without(*denied: str) -> str:
    environment = {"PYTHONPATH": str(SOURCES), "PATH": "/nowhere"}
    command = [sys.executable, "-c", _WITHOUT, *denied]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def run_into(sandbox: Sandbox, programs: list[str], found: list[Verdict]) -> None:
    found.extend(sandbox.run(programs))


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for_end(processes: list[psutil.Process]) -> list[psutil.Process]:
    deadline = time.monotonic() + 10
    while alive := [one for one in processes if runs(one)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return alive


def test_where_user_namespaces_are_denied_landlock_takes_their_place() -> None:
    opened("landlock").close()
    assert without("users") == "landlock ['passed', 'failed']"


def test_where_nothing_can_be_had_it_refuses_and_says_why_for_each() -> None:
    told = without("users", "landlock")
    assert told.startswith("refused: there is no sandbox")
    for reason in ("namespaces: ", "Operation not permitted", "landlock: ", "has none", "docker: there is no docker"):
        assert reason in told, told


def test_unsafe_is_had_by_name_alone() -> None:
    with open_sandbox("unsafe", 1, Limits(cpu_seconds=1.0)) as sandbox:
        assert sandbox.tier == "unsafe"
        assert [one.outcome for one in sandbox.run(["x = 1", "assert False", "while True: pass"])] == [
            "passed",
            "failed",
            "timeout",
        ]


@pytest.mark.parametrize("tier", TIERS)
def test_a_program_whose_worker_dies_is_run_once_more_and_then_given_up(tier: Tier) -> None:
    with opened(tier) as sandbox:
        for kills, outcome in ((1, "passed"), (2, "crash")):
            found: list[Verdict] = []
            programs = ["import time; time.sleep(0.7)", "x = 1"]
            thread = threading.Thread(target=run_into, args=(sandbox, programs, found))
            before = {one.pid for one in psutil.Process().children()}
            known = psutil.Process().children()
            thread.start()
            for _ in range(kills):
                time.sleep(0.3)
                victim = known[0] if known else psutil.Process().children()[0]
                victim.kill()
                deadline = time.monotonic() + 10
                while not (known := [one for one in psutil.Process().children() if one.pid not in before]):
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                before |= {one.pid for one in known}
            thread.join()
            assert [one.outcome for one in found] == [outcome, "passed"], found
        assert "lost twice" in found[0].message


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
@pytest.mark.parametrize("tier", TIERS)
def test_nothing_is_left_when_its_user_is_stopped(tier: Tier, how: signal.Signals, tmp_path: Path) -> None:
    opened(tier).close()
    environment = {"PYTHONPATH": str(SOURCES), "TMPDIR": str(tmp_path)}
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    user = subprocess.Popen(
        [sys.executable, "-c", _LONG_RUN, tier], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    signal.signal(signal.SIGINT, before)
    assert user.stdout is not None and user.stdout.readline() == b"open\n"
    time.sleep(0.3)
    inside = psutil.Process(user.pid).children(recursive=True)
    assert len(inside) >= 2
    user.send_signal(how)
    user.wait(timeout=10)
    assert wait_for_end(inside) == []
    deadline = time.monotonic() + 5
    while list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tier", TIERS)
def test_closing_leaves_no_process_no_folder_and_no_mount(tier: Tier) -> None:
    mounts = Path("/proc/self/mounts").read_text()
    before = len(psutil.Process().children(recursive=True))
    with opened(tier, 2) as sandbox:
        sandbox.run(["open('x', 'w').write('x')"] * 4)
        inside = psutil.Process().children(recursive=True)
    assert wait_for_end(inside) == []
    assert len(psutil.Process().children(recursive=True)) == before
    assert Path("/proc/self/mounts").read_text() == mounts


def test_docker_refuses_where_no_daemon_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = tmp_path / "docker"
    client.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StepError, match=r"docker: the Docker daemon does not answer: Cannot connect"):
        open_sandbox("docker")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StepError, match=r"docker: there is no docker command"):
        open_sandbox("docker")


def test_the_container_has_no_network_no_rights_and_bounds(tmp_path: Path) -> None:
    command = containers.command("name", Limits(processes=5), tmp_path / "assay", ["-c", "x"], {"LANG": "C"})
    text = " ".join(command)
    for part in (
        "run --interactive --rm --pull never --name name",
        "--network none",
        "--read-only",
        "--cap-drop ALL",
        "--security-opt no-new-privileges",
        "--user 65534:65534",
        "--pids-limit 13",
        "--tmpfs /tmp:rw,noexec,nosuid,nodev",
        f"--volume {tmp_path}/assay:/sandbox/assay:ro",
        "--env LANG=C",
    ):
        assert part in text
    assert command[-4:] == [containers.IMAGE, "python", "-c", "x"]
    assert not any("privileged" in one and "no-new" not in one for one in command)


@pytest.mark.parametrize("landlock", [True, False], ids=["with Landlock", "without"])
def test_the_container_s_worker_runs_programs(landlock: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened("landlock").close()
    log = tmp_path / "log"
    client = tmp_path / "docker"
    client.write_text(
        f"#!{sys.executable}\nimport json, os, sys\nwords = sys.argv[1:]\n"
        f"open({str(log)!r}, 'a').write(json.dumps(words) + '\\n')\n"
        "if words[0] == 'run':\n"
        "    inner = words[words.index('python') + 1:]\n"
        f"    inner = [one.replace('/sandbox', {str(SOURCES)!r}) for one in inner]\n"
        "    settings = dict(words[i + 1].split('=', 1) for i, one in enumerate(words) if one == '--env')\n"
        f"    sys.path.insert(0, {str(SOURCES)!r})\n"
        f"    {'pass' if landlock else 'import denied'}\n"
        "    os.execve(sys._base_executable, [sys._base_executable, *inner], settings)\n"
    )
    client.chmod(0o755)
    (tmp_path / "denied.py").write_text(_DENYING.replace("sys.argv", "['landlock']"))
    monkeypatch.setenv("PATH", str(tmp_path))
    if not landlock and os.geteuid() == 0:
        with pytest.raises(StepError, match="does not hold a program back: AssertionError: writing outside its folder"):
            open_sandbox("docker", 1)
        return
    with open_sandbox("docker", 1) as sandbox:
        found = sandbox.run(["print(1)", "assert False", "import socket; socket.socket()"])
    assert [one.outcome for one in found] == ["passed", "failed", "refused"]
    called = [json.loads(line) for line in log.read_text().splitlines()]
    name = next(words[words.index("--name") + 1] for words in called if words[0] == "run")
    assert name.startswith("assay-sandbox-") and [words[0] for words in called] == ["version", "image", "run"]
