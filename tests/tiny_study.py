"""A small real study that runs in seconds: real prose and code, real training, the real program."""

import hashlib
import json
import signal
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CORPUS = """\
name: tiny
decontaminate: false
packages:
  prose: {{version: "1.0", file: prose-1.0-py3-none-any.whl, sha256: {sha256}, bytes: {bytes}}}
sources:
  topics: {{about: the language reference, package: prose, reader: files, files: ["prose/*.txt"], kind: text}}
  library:
    about: part of the standard library
    package: stdlib
    reader: files
    kind: code
    files: ["json/*.py", "email/*.py", "asyncio/*.py", "[a-d]*.py"]
ingredients:
  text: {{sources: [topics], heldout: 0.2}}
  code: {{sources: [library], heldout: 0.2}}
tokenizers:
  tiny-512: {{vocab: 512, sample: {{text: 0.2, code: 0.2}}}}
"""

STUDY = """\
study: tiny
question: Does code help?
corpus: corpus.yaml
tokenizer: tiny-512
seeds: 2
units: {P: 640}
train: {sequence: 64, rows_per_step: 2, warmup_steps: 2, heldout: [text, code], heldout_every: 4}
mixes:
  text: {text: 1}
  half: {text: 0.5, code: 0.5}
stages:
  text: {mix: text, tokens: P}
  half: {mix: half, tokens: P}
  decay: {mix: same, tokens: 256, schedule: linear}
arms:
  text.decay: [text, text, decay]
  half.decay: [half, text, decay]
  half.none: [half, text]
evaluate:
  tasks: [colours.yaml]
  heldout: [text, code]
  heldout_documents: 8
  heldout_bytes: 300
  limit: 12
contrasts:
  start: {asks: "Does code at the start matter?", factor: initialisation, pairs: [[half.decay, text.decay]]}
  end: {asks: "Does the decay matter?", factor: cooldown, pairs: [[half.decay, half.none]]}
metrics: [heldout_text/bits_per_byte, heldout_code/bits_per_byte, reasoning/bits_per_byte]
"""

TASK = """\
id: colours
title: Colours
category: reasoning
chance: 0.5
source: {path: colours.jsonl}
formats:
  plain: {context: "{{ question }}", each: options, choices: [" {{ it }}"], gold: "{{ answer }}"}
"""

SUMS = """\
id: sums
title: Sums
category: code
source: {path: sums.jsonl}
formats:
  plain:
    context: "def add_{{ n }}(x):\\n    return"
    choices: [" x + {{ n }}\\n"]
    generate:
      stop: ["\\n"]
      tokens: 8
      check: program
      program: "def add_{{ n }}(x):\\n    return{{ answer }}\\n\\nassert add_{{ n }}(1) == {{ n + 1 }}\\n"
"""
"""A task that is answered by a program."""


@dataclass(frozen=True)
class TinyStudy:
    """A study on a small real corpus, run by the real program without a compiler."""

    folder: Path
    environment: dict[str, str]

    @property
    def study(self) -> Path:
        """The study file."""
        return self.folder / "study.yaml"

    @property
    def store(self) -> Path:
        """Its store."""
        return Path(self.environment["ASSAY_STORE"])

    def command(self, *arguments: str | Path) -> list[str]:
        """The program's command line."""
        return [sys.executable, "-m", "assay", *map(str, arguments)]

    def assay(self, *arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run the program to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def start(self, *arguments: str | Path) -> "subprocess.Popen[str]":
        """Start the program as the head of a process group of its own, one that Ctrl-C stops."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
        process = subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        signal.signal(signal.SIGINT, before)
        return process

    def made(self, out: Path, kind: str) -> list[str]:
        """Titles of the steps of a kind that were carried out for a run folder, in all its runs."""
        events = map(json.loads, (out / "log.jsonl").read_text().splitlines())
        return [event["title"] for event in events if event["event"] == "end" and event["kind"] == kind]


def write_colours(folder: Path) -> None:
    """Write ``colours.yaml``, a task of two choices, and its twenty rows beside it."""
    (folder / "colours.yaml").write_text(TASK)
    rows = [
        {"question": f"Thing {number} is", "options": ["red as a rose", "blue as the sea"], "answer": number % 2}
        for number in range(20)
    ]
    (folder / "colours.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_sums(folder: Path) -> None:
    """Write ``sums.yaml``, a task that is answered by a program, and its nine rows beside it."""
    (folder / "sums.yaml").write_text(SUMS)
    (folder / "sums.jsonl").write_text("".join(json.dumps({"n": n}) + "\n" for n in range(9)))


def write_wheel(
    path: Path, files: Mapping[str, bytes | str], licence: str = "License-Expression: MIT"
) -> dict[str, Any]:
    """Write ``NAME-1.0-py3-none-any.whl`` that pip accepts; its sha256 and size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.name.split("-")[0]
    info = f"{name}-1.0.dist-info"
    contents: dict[str, bytes | str] = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{licence}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in contents.items():
            archive.writestr(zipfile.ZipInfo(member), content)
    data = path.read_bytes()
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
