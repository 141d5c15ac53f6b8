"""The study that is killed: a real one, small enough to be run hundreds of times.

26 segments and several forks over two seeds, on the tests' corpus of real prose and code, trained without a compiler.
The program is only met through its command line; where it works is given by two folders and an environment.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from pydoc_data.topics import topics

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from tiny_study import CORPUS, write_colours, write_wheel

STUDY = """\
study: killed
question: Does code help, whatever is killed meanwhile?
corpus: corpus.yaml
tokenizer: tiny-512
seeds: {seeds}
units: {{P: {tokens}}}
train: {{sequence: 64, rows_per_step: 2, warmup_steps: 2, heldout: [text, code], heldout_every: {every}}}
mixes:
  text: {{text: 1}}
  half: {{text: 0.5, code: 0.5}}
  code: {{code: 1}}
stages:
  text: {{mix: text, tokens: P}}
  half: {{mix: half, tokens: P}}
  code: {{mix: code, tokens: P}}
  decay: {{mix: same, tokens: 512, schedule: linear}}
arms:
{arms}
evaluate:
  tasks: [colours.yaml]
  heldout: [text, code]
  heldout_documents: 8
  heldout_bytes: 300
  limit: 12
contrasts:
  start: {{asks: "Does code at the start matter?", factor: initialisation, pairs: [[half.text, text.text]]}}
metrics: [heldout_text/bits_per_byte, heldout_code/bits_per_byte, reasoning/bits_per_byte]
"""
ARMS = """\
  text.text: [text, text, decay]
  text.code: [text, code]
  text.half: [text, half, decay]
  half.text: [half, text, decay]
  half.none: [half, text]
  half.code: [half, code]
  code.text: [code, text, decay]"""
"""13 segments a seed; three forks: after text, after half, and before half.text's decay."""
LONG_ARMS = """\
  text.text: [text, decay]
  half.text: [half, decay]"""
"""Two long segments at the same time, so that a signal meets both in training."""


DATA = ("package", "documents", "marks", "ingredient", "tokenizer", "tokens", "requests")
"""Kinds of artifacts that are made before training."""
RUN_SECONDS = 600.0
"""After which a run that has not ended is a failure."""


@dataclass(frozen=True)
class Place:
    """A study file with a store, a run folder and an environment of its own."""

    folder: Path
    """Where the study's files lie; the program's working folder."""
    store: Path
    out: Path
    environment: Mapping[str, str]
    study: str = "study.yaml"
    words: Path | None = None
    """Where the program's standard error goes; default beside the run folder."""

    def elsewhere(self, folder: Path) -> "Place":
        """The same study with its store and run folder in another folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        return replace(self, store=folder / "store", out=folder / "out")

    def called(self, study: str) -> "Place":
        """The same place for another study file."""
        return replace(self, study=study)

    @property
    def orders(self) -> Path:
        """What the workers of the undisturbed run were told."""
        return self.out.parent / "orders"

    @property
    def events(self) -> Path:
        """The shim's log of a run that was watched."""
        return self.said_in.with_name(f"{self.said_in.name}-events")

    def watched(self, library: Path) -> dict[str, str]:
        """The environment under which the shim logs everything that is written, anew for this place."""
        shared = self.said_in.with_name(f"{self.said_in.name}-shared")
        shared.write_bytes(bytes(64))
        return {
            "LD_PRELOAD": str(library),
            "KILL_SHARED": str(shared),
            "KILL_WATCH": f"{self.store}:{self.out}",
            "KILL_LOG": str(self.events),
        }

    def variables(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment that the program is given."""
        return {**self.environment, "ASSAY_STORE": str(self.store), **(extra or {})}

    def arguments(self, *more: str) -> list[str]:
        """The program's arguments."""
        return ["run", self.study, "--out", str(self.out), *more]

    def command(self, *more: str) -> list[str]:
        """The program's command line."""
        return [sys.executable, "-m", "assay", *self.arguments(*more)]

    @property
    def said_in(self) -> Path:
        """The file that takes the program's standard error."""
        return self.words or self.out.parent / "said"

    def start(self, *more: str, **extra: str) -> "subprocess.Popen[str]":
        """Start the program at the head of a process group of its own."""
        with self.said_in.open("w") as said:
            return subprocess.Popen(
                self.command(*more),
                cwd=self.folder,
                env=self.variables(extra),
                stdout=subprocess.DEVNULL,
                stderr=said,
                text=True,
                start_new_session=True,
            )

    def run(self, *more: str, **extra: str) -> tuple[int, str]:
        """Run the program to its end: exit code and what it said on standard error."""
        process = self.start(*more, **extra)
        try:
            process.wait(timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired:
            return -1, f"it had not ended after {RUN_SECONDS:.0f} s; {self.said()}"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return process.returncode, self.said()

    def said(self) -> str:
        """What the last process said on standard error."""
        return self.said_in.read_text(errors="replace")

    def log(self) -> list[dict[str, object]]:
        """The run's log; a last line that a kill cut off is left out."""
        try:
            lines = (self.out / "log.jsonl").read_text().split("\n")
        except FileNotFoundError:
            return []
        events = []
        for line in lines:
            try:
                events.append(json.loads(line))
            except ValueError:
                continue
        return events

    def results(self) -> dict[str, bytes]:
        """What must be the same after every kill: results, ledger, curves and item records."""
        names = [
            "results.json",
            "ledger.json",
            "curves.json",
            *(f"items/{p.name}" for p in self.out.glob("items/[!.]*")),
        ]
        return {name: (self.out / name).read_bytes() for name in sorted(names) if (self.out / name).is_file()}

    def litter(self) -> list[str]:
        """Hidden files in the run folder: what a killed process was writing and nobody took away."""
        return sorted(str(path.relative_to(self.out)) for path in self.out.rglob(".*"))

    def manifests(self) -> dict[str, Path]:
        """The manifests of all stored artifacts, by key."""
        return {path.parent.name: path for path in self.store.glob("objects/*/*/manifest.json")}

    def partials(self) -> dict[str, int]:
        """The newest step that is kept of every half-trained segment, by key."""
        steps: dict[str, int] = {}
        for path in self.store.glob("partial/*/step-*"):
            found = re.fullmatch(r"step-(\d+)", path.name)
            if found:
                steps[path.parent.name] = max(steps.get(path.parent.name, 0), int(found[1]))
        return steps


def make_place(folder: Path, seeds: int = 2, tokens: int = 1280, long_tokens: int = 64_000) -> Place:
    """Write the study's files and the package index that it reads; nothing is run.

    Args:
        folder: Where; made. ``study.yaml`` is the study of 26 segments, ``long.yaml`` has two long ones.
        seeds: Of ``study.yaml``; 13 segments each.
        tokens: Of a stage of ``study.yaml``: 128 a training step.
        long_tokens: Of a stage of ``long.yaml``.
    """
    folder = folder.resolve()
    (folder / "index").mkdir(parents=True, exist_ok=True)
    (folder / "bin").mkdir(exist_ok=True)
    wheel = folder / "index" / "prose-1.0-py3-none-any.whl"
    pin = write_wheel(wheel, {f"prose/{name}.txt": text for name, text in topics.items()})
    (folder / "study.yaml").write_text(STUDY.format(seeds=seeds, tokens=tokens, arms=ARMS, every=5))
    (folder / "long.yaml").write_text(STUDY.format(seeds=1, tokens=long_tokens, arms=LONG_ARMS, every=0))
    (folder / "corpus.yaml").write_text(CORPUS.format(**pin))
    write_colours(folder)
    kept = {name: value for name, value in os.environ.items() if name not in {"CXX", "LD_PRELOAD"}}
    environment = {
        **kept,
        "PATH": str(folder / "bin"),  # no compiler: nothing is compiled
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder / "index"),
        "PIP_CONFIG_FILE": os.devnull,
    }
    return Place(folder, folder / "reference" / "store", folder / "reference" / "out", environment)


def build_shim(folder: Path) -> Path:
    """Compile `syscalls.c`; where the shared object lies.

    Raises:
        RuntimeError: There is no C compiler.
    """
    compiler = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")
    if compiler is None:
        raise RuntimeError("the kill tests need a C compiler")
    library, source = folder / "syscalls.so", Path(__file__).parent / "syscalls.c"
    if not library.is_file() or library.stat().st_mtime < source.stat().st_mtime:
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-Wall", "-o", library, source, "-ldl"], check=True)
    return library


def run_reference(place: Place, library: Path) -> float:
    """Run the study undisturbed, but watched, unless it was; seconds that it took.

    Beside the run folder lie ``orders``, what the workers were told, and ``events``, everything that was written.
    """
    folder = place.out.parent
    seconds_file = folder / "seconds"
    if not seconds_file.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        place.orders.mkdir(parents=True)
        begin = time.monotonic()
        watched = {**place.watched(library), "KILL_ORDERS": str(place.orders)}
        code, said = place.run("--workers", "2", ASSAY_SAVE_SECONDS="0", **watched)
        if code:
            raise RuntimeError(f"the undisturbed run failed:\n{said}")
        seconds_file.write_text(str(time.monotonic() - begin))
    return float(seconds_file.read_text())


def link_objects(store: Path, other: Path, kinds: Iterable[str] | None = None) -> None:
    """Put a store's artifacts, or those of some kinds, into another store, as hard links."""
    for kind in kinds or [path.name for path in (store / "objects").iterdir()]:
        (other / "objects").mkdir(parents=True, exist_ok=True)
        shutil.copytree(store / "objects" / kind, other / "objects" / kind, copy_function=os.link)


def differences(ours: Place, theirs: Place) -> str:
    """Names of the results that differ between two run folders, for a person; empty if none does."""
    one, other = ours.results(), theirs.results()
    return ", ".join(sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name)))
