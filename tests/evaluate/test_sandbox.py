"""Programs end as they should in either tier, whoever starts them, and none can say of itself that it passed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from assay.errors import StepError
from assay.evaluate.sandbox import Limits, Sandbox, Verdict, open_sandbox
from assay.evaluate.sandbox.open import Tier

SOURCES = Path(__file__).parents[2] / "src"
NOBODY = 65534
TIERS: tuple[Tier, ...] = ("namespaces", "landlock")
USERS = ("this user", "nobody")
SMALL = Limits(
    cpu_seconds=1.5,
    wall_seconds=1.5,
    memory_bytes=128 * 2**20,
    tmp_bytes=4 * 2**20,
    file_bytes=2**20,
    files=600,
    output_bytes=1000,
)

ENDS = {
    "x = 1 + 1": ("passed", ""),
    "import math, re, json, collections, typing, heapq, hashlib, decimal, sqlite3, bz2, lzma, ctypes": ("passed", ""),
    "import xmlrpc.client, email.mime.text, imaplib": ("passed", ""),
    "import numpy": ("error", "ModuleNotFoundError"),
    "import assay.evaluate.sandbox.child": ("error", "ModuleNotFoundError"),
    "def f(x):\n    return x\n\nassert f(1) == 2, 'one is not two'": (
        "failed",
        "AssertionError: one is not two (line 4)",
    ),
    "x = 1\n1 / 0": ("error", "ZeroDivisionError: division by zero (line 2)"),
    "def f(:": ("error", "SyntaxError"),
    "raise KeyboardInterrupt": ("error", "KeyboardInterrupt"),
    "class E(Exception):\n    def __str__(self): raise ValueError\nraise E": ("error", "its text cannot be had"),
    "(" * 5000: ("error", "SyntaxError"),
    "def f(): f()\nf()": ("error", "RecursionError"),
    "while True: pass": ("timeout", "processor time"),
    "import re; re.match('(a+)+$', 'a' * 100 + 'b')": ("timeout", "processor time"),
    "import time; time.sleep(60)": ("timeout", "by the clock"),
    "import threading; threading.Lock().acquire() and threading.Event().wait()": ("timeout", "by the clock"),
    "x = b'x' * 10**10": ("memory", "MemoryError"),
    "x = []\nwhile True: x.append(bytearray(10**6))": ("memory", "MemoryError"),
    "import ctypes; ctypes.string_at(0)": ("crash", "SIGSEGV"),
    "import os; os.abort()": ("crash", "SIGABRT"),
    "raise SystemExit": ("exited", "SystemExit"),
    "import sys; sys.exit(0)": ("exited", "SystemExit: 0"),
    "import os; os._exit(0)": ("exited", "code 0"),
    "import socket; socket.socket()": ("refused", "PermissionError"),
    "import subprocess; subprocess.run(['ls'])": ("refused", "PermissionError"),
    "import os; os.fork()": ("refused", "PermissionError"),
    "import os; os.execv('/bin/sh', ['sh'])": ("refused", "PermissionError"),
    "import os; os.kill(os.getppid(), 9)": ("refused", "PermissionError"),
    "import os; os.kill(-1, 9)": ("refused", "PermissionError"),
    "import os; os.kill(os.getpid(), 9)": ("refused", "PermissionError"),
    "import os; os.setuid(0)": ("refused", "PermissionError"),
    "open('/new', 'w')": ("refused", ""),
    "open('big', 'wb').write(bytes(2**21))": ("refused", "File too large"),
    "import threading\nt = threading.Thread(target=print, args=(1,)); t.start(); t.join()": ("passed", ""),
    "import asyncio\nasyncio.run(asyncio.sleep(0))": ("passed", ""),
    "import tempfile\nwith tempfile.TemporaryFile() as f: f.write(b'x')": ("passed", ""),
    "from __future__ import annotations\nimport dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int\nA(1)": (
        "passed",
        "",
    ),
    "import os, sys\nassert sorted(os.environ) == ['LANG', 'PYTHONHASHSEED', 'TMPDIR'], list(os.environ)\n"
    "assert sys.stdin.read() == ''\nassert os.listdir('.') == []": ("passed", ""),
    "import random; assert random.random() == 0.8444218515250481": ("passed", ""),
    "\ud800": ("error", "UnicodeDecodeError"),
}
"""Programs, their outcome, and a part of the message."""

FORGERIES = {
    "printing": "print('passed'); assert False",
    "leaving with every good code": "import os\nos._exit(0)",
    "a hook at exit": "import atexit, os\natexit.register(os._exit, 0)\nassert False",
    "writing to every descriptor": (
        "import os\nfor fd in range(64):\n    try: os.write(fd, b'passed ' * 10)\n    except OSError: pass\nos._exit(0)"
    ),
    "closing every descriptor": "import os\nos.closerange(0, 64)\nassert False",
    "closing every descriptor before a good end": "import os\nos.closerange(0, 64)",
    "a full channel": (
        "import os\nfor fd in range(3, 64):\n    try:\n        while True: os.write(fd, b'x' * 4096)\n"
        "    except OSError: pass\nassert False"
    ),
    "emptying every descriptor": (
        "import os\nfor fd in range(3, 64):\n    try: os.read(fd, 100)\n    except OSError: pass\nassert False"
    ),
    "patched functions": (
        "import os, sys, builtins\nos.write = os.read = os._exit = lambda *a: b'passed'\n"
        "builtins.AssertionError = builtins.BaseException = ValueError\nsys.exit = None\nassert False"
    ),
    "an exception that is no exception": "class E(BaseException): pass\nraise E",
    "a handler that fires at the end": (
        "import signal\nsignal.signal(signal.SIGALRM, lambda *a: 1 / 0)\nsignal.setitimer(signal.ITIMER_REAL, 1e-3)\n"
        "assert False"
    ),
    "an exception hook": "import sys, os\nsys.excepthook = lambda *a: os._exit(0)\nassert False",
    "output that is a verdict": 'import sys\nsys.stdout.write(\'{"outcome": "passed"}\'); sys.stdout.flush()\n1 / 0',
    "a pickle": "import pickle, os\nos.write(1, pickle.dumps('passed'))\nos._exit(0)",
    "a thread that goes on": (
        "import threading, time\nthreading.Thread(target=lambda: time.sleep(0.1), daemon=False).start()\nassert False"
    ),
}

_AS_ANOTHER = """
import dataclasses, json, sys
from assay.errors import StepError
from assay.evaluate.sandbox import Limits, open_sandbox
asked = json.load(sys.stdin)
try:
    with open_sandbox(asked["tier"], 2, Limits(**asked["limits"])) as sandbox:
        print(json.dumps([dataclasses.asdict(one) for one in sandbox.run(asked["programs"])]))
except StepError as error:
    print(json.dumps(str(error)))
"""


@cache
def python_of_nobody() -> str:
    """An interpreter that nobody can start; skips where there is none or the tests are not root's."""
    if os.geteuid() != 0:
        pytest.skip("becoming nobody takes root")
    look = "import sys; import assay.evaluate.sandbox; sys.exit(sys.version_info < (3, 11))"
    for path in (getattr(sys, "_base_executable", sys.executable), "/usr/bin/python3"):
        try:
            subprocess.run([path, "-c", look], env={"PYTHONPATH": str(SOURCES)}, user=NOBODY, group=NOBODY, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return str(path)
    pytest.skip("no Python from 3.11 on that nobody can read, or the sources cannot be read by nobody")


@cache
def run_as(user: str, tier: Tier, programs: tuple[str, ...], limits: Limits = SMALL) -> list[Verdict]:
    if user == "this user":
        try:
            sandbox = open_sandbox(tier, 2, limits)
        except StepError as error:
            pytest.skip(str(error))
        with sandbox:
            return sandbox.run(programs)
    asked = {
        "tier": tier,
        "programs": programs,
        "limits": {name: getattr(limits, name) for name in Limits.__dataclass_fields__},
    }
    told = subprocess.run(
        [python_of_nobody(), "-c", _AS_ANOTHER],
        input=json.dumps(asked),
        env={"PYTHONPATH": str(SOURCES)},
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=True,
    )
    answer: Any = json.loads(told.stdout)
    if isinstance(answer, str):
        pytest.skip(answer)
    return [Verdict(**one) for one in answer]


@pytest.fixture(params=TIERS, scope="module")
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    try:
        opened = open_sandbox(request.param, 1, SMALL)
    except StepError as error:
        pytest.skip(str(error))
    with opened:
        yield opened


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("tier", TIERS)
def test_every_way_to_end_is_told_apart(tier: Tier, user: str) -> None:
    found = run_as(user, tier, tuple(ENDS))
    for (program, (outcome, message)), verdict in zip(ENDS.items(), found, strict=True):
        assert verdict.outcome == outcome and message in verdict.message, (program[:200], verdict)


@pytest.mark.parametrize("tier", [*TIERS, "unsafe"])
def test_the_hash_seed_is_the_callers_in_every_program(tier: Tier) -> None:
    program = "import os; print(os.environ['PYTHONHASHSEED'], hash('reading'), *{'a', 'b', 'c', 'd', 'e'})"
    said = {}
    for seed in (0, 1, 2):
        try:
            opened = open_sandbox(tier, 1, SMALL, hash_seed=seed)
        except StepError as error:
            pytest.skip(str(error))
        with opened:
            first, second = opened.run([program, program])
        oracle = subprocess.run(
            [getattr(sys, "_base_executable", sys.executable), "-c", program],
            env={"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert first.output == second.output == oracle.stdout
        said[seed] = first.output
    assert len(set(said.values())) == 3


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("tier", TIERS)
def test_no_program_can_say_of_itself_that_it_passed(tier: Tier, user: str) -> None:
    found = run_as(user, tier, tuple(FORGERIES.values()))
    passed = [name for name, verdict in zip(FORGERIES, found, strict=True) if verdict.outcome == "passed"]
    assert passed == []


def test_output_is_returned_and_cut_while_the_program_goes_on_printing(sandbox: Sandbox) -> None:
    short, long, raw = sandbox.run(
        ["print('größe')", "for _ in range(100): print('x' * 10**5)", "import os; os.write(1, b'\\xff')"]
    )
    assert (short.outcome, short.output) == ("passed", "größe\n")
    assert (long.outcome, long.output) == ("passed", "x" * SMALL.output_bytes)
    assert (raw.outcome, raw.output) == ("passed", "\ufffd")


def test_a_program_finds_nothing_of_the_one_before(sandbox: Sandbox) -> None:
    leave = (
        "import builtins, os, math\nbuiltins.left = math.left = 1\nos.environ['LEFT'] = '1'\nos.makedirs('a/b')\n"
        "open('a/b/c', 'w').write('x')\nos.mkdir('closed', 0)\nos.symlink('/', 'link')"
    )
    look = (
        "import builtins, os, math\nassert not hasattr(builtins, 'left') and not hasattr(math, 'left')\n"
        "assert 'LEFT' not in os.environ\nassert os.listdir('.') == [], os.listdir('.')"
    )
    assert [(one.outcome, one.message) for one in sandbox.run([leave, look] * 2)] == [("passed", "")] * 4


def test_the_folder_of_a_program_is_bounded(sandbox: Sandbox) -> None:
    many = "import time\nfor i in range(8): open(str(i), 'wb').write(bytes(2**20))\ntime.sleep(1)"
    files = "import time\nfor i in range(700): open(str(i), 'w').close()\ntime.sleep(1)"
    deep = "import os\nfor i in range(500): os.mkdir('d'); os.chdir('d')"
    found = sandbox.run([many, files, deep, "import os\nassert os.listdir('.') == []"])
    assert [one.outcome for one in found] == ["refused", "refused", "passed", "passed"], found


def test_a_removed_file_that_fits_may_be_held_open_and_mapped(sandbox: Sandbox) -> None:
    within = """
import mmap, tempfile, time
held = [tempfile.TemporaryFile() for number in range(3)]
for file in held:
    file.write(bytes(300_000))
    file.flush()
maps = [mmap.mmap(file.fileno(), 0) for file in held] + [mmap.mmap(-1, 2**24)]
time.sleep(0.2)
"""
    assert sandbox.run([within])[0].outcome == "passed"


def test_threads_are_bounded(sandbox: Sandbox) -> None:
    bomb = (
        "import threading, time\nthreading.stack_size(2**16)\n"
        "for _ in range(500): threading.Thread(target=time.sleep, args=(1,), daemon=True).start()\ntime.sleep(1)"
    )
    found, after = sandbox.run([bomb, "x = 1"])
    assert found.outcome in ("error", "refused") and "thread" in found.message, found
    assert after.outcome == "passed"


def test_files_of_the_host_stay_as_they_are(sandbox: Sandbox, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    secret = tmp_path / "secret"
    secret.write_text("before")
    secret.chmod(0o666)
    os.utime(secret, (1, 1))
    before = secret.stat()
    acts = [
        "open(P).read()",
        "open(P, 'w')",
        "os.truncate(P, 0)",
        "os.open(P, os.O_RDONLY | os.O_TRUNC)",
        "os.unlink(P)",
        "os.rename(P, 'x')",
        "os.rename(P, P + 'x')",
        "os.link(P, 'x')",
        "os.chmod(P, 0)",
        "os.chown(P, os.getuid(), -1)",
        "os.utime(P)",
        "os.setxattr(P, 'user.x', b'x')",
        "os.mkdir(os.path.dirname(P) + '/new')",
        "os.symlink(P, 'link'); open('link', 'a')",
        "open('../' * 40 + P[1:], 'a')",
        "os.listdir(os.path.dirname(P))",
        "import socket; socket.socket(socket.AF_UNIX).bind(os.path.dirname(P) + '/s')",
        "os.mknod(os.path.dirname(P) + '/fifo', 0o10666)",
        "import ctypes; c = ctypes.CDLL(None, use_errno=True); "
        "c.open(P.encode(), 1) == -1 and c.creat(P.encode(), 438) == -1 and 1 / 0",
    ]
    found = sandbox.run([f"import os\nP = {str(secret)!r}\n{act}" for act in acts])
    assert [act for act, one in zip(acts, found, strict=True) if one.outcome not in ("refused", "error")] == []
    after = secret.stat()
    assert secret.read_text() == "before" and [one.name for one in tmp_path.iterdir()] == ["secret"]
    assert (after.st_mode, after.st_uid, after.st_mtime, after.st_ctime, after.st_nlink) == (
        before.st_mode,
        before.st_uid,
        before.st_mtime,
        before.st_ctime,
        before.st_nlink,
    )


def test_a_busy_program_is_not_failed_by_the_clock() -> None:
    limits = Limits(cpu_seconds=1.0, wall_seconds=0.25)
    work = "import time\nwhile time.process_time() < 0.3: pass"
    for tier in TIERS:
        verdict = run_as("this user", tier, (work,), limits)[0]
        if verdict.cpu_seconds < verdict.wall_seconds / 5:
            pytest.skip("this machine is too busy to tell")
        assert verdict.outcome == "passed" and verdict.wall_seconds > 0.25 and 0.2 < verdict.cpu_seconds < 0.9, verdict


def test_verdicts_are_in_order_and_the_same_for_any_number_of_workers() -> None:
    programs = [
        f"import time; time.sleep({0.02 * (index % 3)}); print(list({{'a', 'b', 'c', '{index}'}}))"
        for index in range(9)
    ]
    seen: list[tuple[int, int]] = []
    found = []
    for workers in (1, 3):
        try:
            sandbox = open_sandbox("auto", workers)
        except StepError as error:
            pytest.skip(str(error))
        with sandbox:
            found.append([(one.outcome, one.output) for one in sandbox.run(programs, lambda *done: seen.append(done))])
            assert sandbox.run([]) == []
    assert found[0] == found[1]
    assert all(f"'{index}'" in output for index, (_, output) in enumerate(found[0]))
    assert seen == [(done, 9) for done in range(1, 10)] * 2
