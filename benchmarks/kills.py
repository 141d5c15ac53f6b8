"""Kill tests: a real study is killed at every write, at random moments, on full disks, and in other ways.

``python benchmarks/kills.py --out kills.json enumerate`` kills at every write, rename and flush; ``random N`` kills a
random process at random moments until N were killed in all; ``disk N`` meets N full disks; ``others`` has the clock
jump, the store be read-only or damaged, and SIGTERM. Each ends with the undisturbed results or is a failure, which the
file describes. Results are kept after every round: the same command goes on where it was stopped. Exit code 1 if there
are failures. ``merge FILES`` puts the files of several calls together and records them.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _kill_conditions import Cases, Skipped, fill_disk
from _kill_moments import LOCAL, Moments
from _kill_points import Enumeration
from _kill_record import Record
from kill_study import Place, build_shim, make_place, run_reference


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("kills.json"), help="the file that takes the results")
    parser.add_argument("--work", type=Path, help="folder for stores (quickest in memory); default temporary")
    parser.add_argument("--seeds", type=int, default=2, help="of the study: 13 segments each")
    parser.add_argument("--tokens", type=int, default=1280, help="of a stage: 128 a training step")
    verbs = parser.add_subparsers(dest="verb")
    points = verbs.add_parser("enumerate", help="kill at every event")
    points.add_argument("--most", type=int, help="take at most so many events of a unit, evenly spread")
    points.add_argument("--unit", action="append", help="only this unit, such as 'state, resumed'; may be repeated")
    moments = verbs.add_parser("random", help="kill a random process at random moments")
    moments.add_argument("count", type=int, help="kills in all, with those that the file holds already")
    moments.add_argument("--engine", choices=("local", "ray"), default="local")
    moments.add_argument("--warm", type=float, default=0.5, help="share of the runs that begin with the corpus stored")
    disk = verbs.add_parser("disk", help="fill the disk at a random moment")
    disk.add_argument("count", type=int, help="full disks in all, with those that the file holds already")
    others = verbs.add_parser("others", help="clock, read-only store, damage, SIGTERM")
    others.add_argument("--only", default="", help="only the cases with this in their name")
    merge = verbs.add_parser("merge", help="put the files of several calls together as benchmarks/results/kills.json")
    merge.add_argument("files", type=Path, nargs="+")
    options = parser.parse_args()
    if options.verb is None:
        parser.print_help()
        return
    if options.verb == "merge":
        put_together([json.loads(path.read_text(encoding="utf-8")) for path in options.files])
        return
    work = (options.work or Path(tempfile.mkdtemp(prefix="assay-kills-"))).resolve()
    work.mkdir(parents=True, exist_ok=True)
    record = Record(options.out)
    try:
        library = build_shim(work)
        reference = make_place(work / "study", options.seeds, options.tokens)
        seconds = run_reference(reference, library)
        states = len(list(reference.store.glob("objects/state/*")))
        record.note("study", {"segments": states, "seconds_undisturbed": round(seconds, 1)})
        kill(options, record, reference, library, work)
    finally:
        record.save()
        if options.work is None:
            shutil.rmtree(work)
    figures = {name: value for name, value in record.data.items() if isinstance(value, int)}
    record.say(", ".join(f"{name} {value}" for name, value in figures.items()))
    sys.exit(bool(record.data["failures"]))


def put_together(found: list[dict[str, Any]]) -> None:
    """Record what several calls found. Under Ray every finish is held against the local engine's results."""
    from _record import record

    runs = {victim: sum(one["runs"].get(victim, 0) for one in found) for one in found for victim in one["runs"]}
    on_ray = sum(count for victim, count in runs.items() if "ray" in victim)
    failures = [problem for one in found for problem in one["failures"]]
    for problem in failures:
        print(problem, file=sys.stderr)
    totals = ("kill_points", "kill_runs", "kill_failures", "disk_full_runs", "disk_full_failures", "other_cases")
    record(
        "kills",
        {
            "segments": max(one["notes"]["study"]["segments"] for one in found),
            **{name: sum(one[name] for one in found) for name in (*totals, "other_failures")},
            **{f"kill_runs_of_{victim.replace(' ', '_')}": count for victim, count in sorted(runs.items())},
            "ray_equals_local": bool(on_ray) and not any("ray" in problem for problem in failures),
        },
    )


def kill(options: argparse.Namespace, record: Record, reference: Place, library: Path, work: Path) -> None:
    """Carry out one verb."""
    chance = random.Random(time.time_ns())
    if options.verb == "enumerate":
        enumeration = Enumeration(reference, library, work / "points", record, options.most)
        enumeration.prepare()
        try:
            for name, enumerate_it in enumeration.units():
                if name in record.data["units"] or (options.unit and name not in options.unit):
                    continue
                record.begin(name)
                enumerate_it()
                record.end(name)
        finally:
            enumeration.close()
    elif options.verb == "random":
        rounds, victims = (Moments, tuple(LOCAL.victims)) if options.engine == "local" else _ray()
        seed = chance.randrange(1 << 30)
        moments = rounds(reference, library, LOCAL, work / "moments", record, seed, options.warm)
        while sum(record.data["runs"].get(victim, 0) for victim in victims) < options.count:
            moments.round()
    elif options.verb == "disk":
        while record.data["disk_full_runs"] < options.count:
            try:
                fill_disk(reference, library, work / "disks", record, chance)
            except Skipped as why:
                record.note("disk", f"skipped: {why}")
                break
    else:
        for name, tried in Cases(reference, library, work / "cases").all():
            if options.only not in name or record.data["others"].get(name) == "well":
                continue
            try:
                record.other(name, tried())
            except Skipped as why:
                record.other(name, f"skipped: {why}")
            except (RuntimeError, OSError) as why:
                record.other(name, f"it could not be tried: {why}")


def _ray() -> tuple[type[Moments], tuple[str, ...]]:
    """Ray's rounds and victims, imported only where they are asked for."""
    from _kill_ray import VICTIMS, RayMoments

    return RayMoments, VICTIMS


if __name__ == "__main__":
    main()
