"""What the kill tests found, kept in one JSON file that a later call goes on with."""

import json
import os
import time
from pathlib import Path
from typing import Any

SHOWN_SECONDS = 10.0


class Record:
    """Figures at the top, then every failure with its details, then what was done."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._shown = time.monotonic()
        self.data: dict[str, Any] = {
            "kill_points": 0,
            "kill_runs": 0,
            "kill_failures": 0,
            "disk_full_runs": 0,
            "disk_full_failures": 0,
            "other_cases": 0,
            "other_failures": 0,
            "failures": [],
            "points": {},
            "units": {},
            "others": {},
            "runs": {},
            "notes": {},
        }
        if path.is_file():
            self.data |= json.loads(path.read_text())

    def point(self, unit: str, kind: str, what: str, problem: str) -> None:
        """An event was killed at; ``problem`` is empty where all was well afterwards."""
        kinds = self.data["points"].setdefault(unit, {})
        kinds[kind] = kinds.get(kind, 0) + 1
        self.data["kill_points"] += 1
        if problem:
            self.failure("points", f"{unit}: {what}: {problem}")
        if time.monotonic() - self._shown > SHOWN_SECONDS:
            self._shown = time.monotonic()
            self.say(f"{unit}: {sum(kinds.values())} points; {self.data['kill_points']} in all")

    def begin(self, unit: str) -> None:
        """A unit is begun; what an earlier call found of it and did not bring to its end is taken out."""
        self.data["kill_points"] -= sum(self.data["points"].pop(unit, {}).values())
        old = [one for one in self.data["failures"] if one.startswith(f"points: {unit}: ")]
        self.data["failures"] = [one for one in self.data["failures"] if one not in old]
        self.data["kill_failures"] -= len(old)
        self.say(unit)

    def end(self, unit: str) -> None:
        """A unit was enumerated wholly."""
        self.data["units"][unit] = sum(self.data["points"].get(unit, {}).values())
        self.save()

    def finished(self, unit: str, problem: str) -> None:
        """The program finished the study after a unit's last kill, or did not."""
        if problem:
            self.failure("points", f"{unit}: the program after it: {problem}")

    def run(self, victim: str, moment: float, problem: str) -> None:
        """A random process was killed at a random moment."""
        self.data["runs"][victim] = self.data["runs"].get(victim, 0) + 1
        self.data["kill_runs"] += 1
        if problem:
            self.failure("runs", f"{victim} killed after {moment:.2f} s: {problem}")
        self.say(f"kill {self.data['kill_runs']}: {victim} after {moment:.2f} s: {problem or 'well'}")
        self.save()

    def disk(self, size: int, problem: str) -> None:
        """A study met a full disk."""
        self.data["disk_full_runs"] += 1
        if problem:
            self.failure("disk", f"a disk of {size / 1e6:.1f} MB: {problem}")
        self.say(f"full disk {self.data['disk_full_runs']}: {size / 1e6:.1f} MB: {problem or 'well'}")
        self.save()

    def other(self, name: str, problem: str) -> None:
        """One of the other cases was tried."""
        self.data["others"][name] = problem or "well"
        self.data["other_cases"] = len(self.data["others"])
        self.data["failures"] = [one for one in self.data["failures"] if not one.startswith(f"others: {name}: ")]
        if problem and not problem.startswith("skipped"):
            self.failure("others", f"{name}: {problem}")
        told = self.data["others"].values()
        self.data["other_failures"] = sum(one != "well" and not one.startswith("skipped") for one in told)
        self.say(f"{name}: {problem or 'well'}")
        self.save()

    def note(self, name: str, value: Any) -> None:
        """Something to know beside the figures."""
        self.data["notes"][name] = value
        self.say(f"{name}: {value}")
        self.save()

    def failure(self, group: str, text: str) -> None:
        """Something that must not happen happened."""
        self.data["failures"].append(f"{group}: {text}")
        if group in {"points", "runs"}:
            self.data["kill_failures"] += 1
        if group == "disk":
            self.data["disk_full_failures"] += 1
        self.say(f"FAILURE {group}: {text}")
        self.save()

    def say(self, text: str) -> None:
        """A line of progress."""
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    def save(self) -> None:
        """Write the file, whole."""
        aside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        aside.write_text(json.dumps(self.data, indent=1) + "\n")
        aside.replace(self.path)
