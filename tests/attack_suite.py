"""Programs that attack the sandbox, and a host that would notice: what the tests and the benchmark run.

An attack is data (`evaluate/attacks/*.yaml`): a program, and the verdicts with which it is contained. The host hides a
secret where programs look for one, listens where they knock, keeps files they might change, and looks for whatever
bears its mark. An attack is contained if its verdict is one of those, nothing on the host changed, nothing secret was
printed, no attempt within it succeeded (it would have said ESCAPED), and the next program finds a clean place. The
attacks never run but in a sandbox that was opened for them.
"""

import argparse
import json
import os
import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import yaml

from assay.evaluate.programs import check_answers
from assay.evaluate.prompt import Prompt
from assay.evaluate.sandbox import Limits, Sandbox, open_sandbox

DATA = Path(__file__).parent / "evaluate" / "attacks"
DENIED = ("refused", "error")
"""What ``denied`` stands for: the call that the attack needs raised an exception."""
LIMITS = Limits(cpu_seconds=1.5, wall_seconds=1.5, memory_bytes=256 * 2**20, tmp_bytes=16 * 2**20, file_bytes=4 * 2**20)
Tier = Literal["auto", "namespaces", "landlock", "docker"]
KEY = 0x41535359
"""Of System V memory."""
TESTS = """
assert add(2, 3) == 5

assert add(0, 0) == 0
assert add(-3, 2) == -1
"""
"""That an answer of `verdicts.yaml` wants to have passed."""
NEXT = """
import builtins, os, sys
left = [name for name in os.listdir(".") if "@MARK@" in name]
for folder in ("/tmp", "/dev/shm", "/var/tmp"):
    try:
        left += [folder + "/" + name for name in os.listdir(folder) if "@MARK@" in name]
    except OSError:
        pass
assert not left, left
assert not hasattr(builtins, "LEFT") and "left" not in sys.modules and "LEFT" not in os.environ
with open("mine", "w") as file:
    file.write("x" * 100_000)
assert sum(range(100)) == 4950
"""
"""What runs behind every attack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One program that must be contained."""

    group: str
    name: str
    program: str
    gets: tuple[str, ...]
    """Verdicts with which it is contained, in every tier."""
    beside: str | None = None
    """A program that runs at the same time."""

    waits: bool = False
    """Whether it takes a second or more, being ended by a limit."""

    @property
    def is_answer(self) -> bool:
        """Whether it stands for a model's answer, and must not count as right."""
        return self.group == "verdicts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of an attack."""

    attack: str
    outcome: str
    message: str
    wrong: tuple[str, ...]
    """Why it is not contained; empty if it is."""


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of their files."""
    found = []
    for path in sorted(DATA.glob("*.yaml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
            gets = DENIED if entry["gets"] == "denied" else tuple(entry["gets"])
            found.append(Attack(**{**entry, "group": path.stem, "gets": gets}))
    return tuple(found)


class Host:
    """The machine as an attack would see it, with what it might want; a context manager.

    Args:
        folder: Empty, for its files. Everybody may write them, so that nothing but the sandbox protects them.
    """

    def __init__(self, folder: Path) -> None:
        self.mark = "as" + secrets.token_hex(5)
        self.secret = "S" + secrets.token_hex(16)
        self.canary, self.home = folder / "canary", folder / "home"
        for place in (folder, self.canary, self.home):
            place.mkdir(exist_ok=True)
            place.chmod(0o777)
        for file in (self.canary / "tests.py", self.canary / "results.json", self.home / ".token"):
            file.write_text(f"{self.secret}\n")
            file.chmod(0o666)
        self.knocks: list[str] = []
        self._sockets: list[socket.socket] = []
        self._files = self._tree()
        self._name = socket.gethostname()
        self._mounts = Path("/proc/self/mountinfo").read_text()
        self._keep = {name: os.environ.get(name) for name in ("ASSAY_ATTACK_SECRET", "HOME")}

    def __enter__(self) -> Self:
        os.environ |= {"ASSAY_ATTACK_SECRET": self.secret, "HOME": str(self.home)}
        self._inherited = os.open(self.home / ".token", os.O_RDONLY)
        os.set_inheritable(self._inherited, True)
        self.tcp = self._listen("tcp", socket.AF_INET, ("127.0.0.1", 0))
        self.tcp6 = self._listen("tcp6", socket.AF_INET6, ("::1", 0)) if socket.has_ipv6 else 1
        self.udp = self._hear("udp", socket.AF_INET, ("", 0))
        self._listen("unix", socket.AF_UNIX, str(self.canary / "socket"))
        self._listen("abstract", socket.AF_UNIX, f"\0{self.mark}")
        self._hear("unix datagrams", socket.AF_UNIX, str(self.canary / "datagrams"))
        for name in ("socket", "datagrams"):
            (self.canary / name).chmod(0o777)
        self._files = self._tree()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for one in self._sockets:
            one.close()
        os.close(self._inherited)
        for name, value in self._keep.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})

    def fill(self, program: str) -> str:
        """A program with what it is told of this host."""
        known = {
            "@CANARY@": self.canary,
            "@HOME@": self.home,
            "@MARK@": self.mark,
            "@ABSTRACT@": self.mark,
            "@SECRET@": self.secret,
            "@HOST@": os.getpid(),
            "@TCP@": self.tcp,
            "@TCP6@": self.tcp6,
            "@UDP@": self.udp,
            "@FREE@": 40000 + int(self.mark[2:], 16) % 10000,
            "@KEY@": KEY,
            "@TMP@": ".",
            "@LONGEST@": LIMITS.file_bytes,
        }
        for token, value in known.items():
            program = program.replace(token, str(value))
        return program

    def changes(self) -> list[str]:
        """What is not as it was; each thing is told once."""
        found = [f"somebody came by {knock}" for knock in self.knocks]
        self.knocks.clear()
        if (files := self._tree()) != self._files:
            found.append(f"files changed: {sorted(files.items() ^ self._files.items())[:3]}")
            self._files = files
        if socket.gethostname() != self._name:
            found.append("the machine has another name")
        if Path("/proc/self/mountinfo").read_text() != self._mounts:
            found.append("something was mounted or unmounted")
        for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run", "/", str(Path(os.__file__).parent)):
            found += [f"{folder}/{name} was left" for name in _names(folder) if self.mark in name]
        for pid in _names("/proc"):
            if pid.isdigit() and self.mark in _read(f"/proc/{pid}/comm"):
                found.append(f"process {pid} goes on")
        found += [f"{kind} is shared" for kind in ("shm", "sem", "msg") if str(KEY) in _read(f"/proc/sysvipc/{kind}")]
        if self.mark in _read("/proc/keys"):
            found.append("a key was left")
        return found

    def secrets_in(self, text: str) -> list[str]:
        """What of this host's own a program printed."""
        known = {"the secret": self.secret}
        for path in ("/etc/passwd", "/etc/shadow", "/etc/machine-id"):
            lines = [line for line in _read(path).splitlines() if len(line) > 12]
            known |= {f"line {number} of {path}": line for number, line in enumerate(lines)}
        return [f"it printed {name}" for name, what in known.items() if what in text]

    def _tree(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for place in (self.canary, self.home):
            for path in (place, *sorted(place.rglob("*"))):
                about = path.lstat()
                text = path.read_text() if path.is_file() else ""
                modified = about.st_mtime_ns
                found[str(path)] = (about.st_mode, about.st_uid, about.st_nlink, modified, text)
        return found

    def _listen(self, name: str, family: int, address: Any) -> Any:
        one = socket.socket(family, socket.SOCK_STREAM)
        one.bind(address)
        one.listen()
        self._serve(name, one, one.accept)
        return one.getsockname()[1] if family != socket.AF_UNIX else address

    def _hear(self, name: str, family: int, address: Any) -> Any:
        one = socket.socket(family, socket.SOCK_DGRAM)
        one.bind(address)
        self._serve(name, one, partial(one.recv, 100))
        return one.getsockname()[1] if family != socket.AF_UNIX else address

    def _serve(self, name: str, one: socket.socket, wait: Callable[[], object]) -> None:
        def serve() -> None:
            while True:
                try:
                    wait()
                except OSError:
                    return
                self.knocks.append(name)

        self._sockets.append(one)
        threading.Thread(target=serve, daemon=True).start()


def run_attack(attack: Attack, host: Host, sandbox: Sandbox) -> Result:
    """Run one attack, the program behind it, and look at the host.

    Args:
        attack: With a program beside it, `sandbox` needs two workers.
        host: Entered before the sandbox was opened, so that its workers might have seen the secret.
        sandbox: Its programs' limits are `LIMITS`.
    """
    begun = time.monotonic()
    program = host.fill(attack.program)
    if attack.is_answer:
        prompt = Prompt(item="attack", cluster="attack", text="", after=f"\n{TESTS}")
        [[checked]] = check_answers([prompt], [[program]], sandbox)
        outcome, message, output = checked.outcome, checked.message, ""
    else:
        beside = [] if attack.beside is None else [host.fill(attack.beside)]
        verdict = sandbox.run([program, *beside])[0]
        outcome, message, output = verdict.outcome, verdict.message, verdict.output
    seconds = time.monotonic() - begun
    following = sandbox.run([host.fill(NEXT)])[0]
    told = output + message
    wrong = [] if outcome in attack.gets else [f"it got '{outcome}' ({message}), not {' or '.join(attack.gets)}"]
    wrong += [line[:200] for line in told.splitlines() if "ESCAPED" in line][:3]
    if len(output.encode()) > 3 * LIMITS.output_bytes or len(message) > 10_000:
        wrong.append(f"{len(output)} characters of output and {len(message)} of message are not cut")
    if seconds > 10 * LIMITS.wall_seconds:
        wrong.append(f"it took {seconds:.1f} s")
    if following.outcome != "passed":
        wrong.append(f"the next program got '{following.outcome}' ({following.message})")
    wrong += host.secrets_in(told) + host.changes()
    return Result(attack=attack.name, outcome=outcome, message=message[:300], wrong=tuple(wrong))


def tally(tier: Tier, chosen: Sequence[Attack] | None = None) -> dict[str, Any]:
    """Run attacks in a tier of its own and count.

    Args:
        tier: By name.
        chosen: All if not given.

    Returns:
        ``tier``, ``attacks``, ``contained`` (how many), and ``open``, the results of those that are not.

    Raises:
        StepError: The tier cannot be had here.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with Host(Path(folder)) as host, open_sandbox(tier, 2, LIMITS) as sandbox:
            results = [run_attack(attack, host, sandbox) for attack in (attacks() if chosen is None else chosen)]
            name = sandbox.tier
    free = [asdict(result) for result in results if result.wrong]
    return {"tier": name, "attacks": len(results), "contained": len(results) - len(free), "open": free}


def _names(folder: str) -> list[str]:
    try:
        return [path.name for path in Path(folder).iterdir()]
    except OSError:
        return []


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def main() -> None:
    """Print the tally of a tier as JSON, for a process of another user."""
    asked = argparse.ArgumentParser()
    asked.add_argument("tier")
    asked.add_argument("names", nargs="*")
    given = asked.parse_args()
    print(json.dumps(tally(given.tier, [one for one in attacks() if one.name in given.names or not given.names])))


if __name__ == "__main__":
    main()
