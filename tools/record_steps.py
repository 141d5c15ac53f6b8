"""Record the code of every step beside its version and its golden outputs: ``python tools/record_steps.py``.

An artifact's key holds its step's version, not its code, so code that changes without its version would leave old
artifacts where new ones belong. The record, ``tests/run/step_code.json``, is what a test compares with. This program
writes it anew where that is right: the version was raised, or the golden study's artifacts are what they were. Else
it refuses and says what to do. What moves artifacts about, and package data (it is in the keys), is not guarded.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.run.step import FUNCTIONS
from step_code import Code

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "tests" / "run" / "step_code.json"
COMMAND = "python tools/record_steps.py"
KERNELS = "assay.run.identity:KERNELS_VERSION"
GRAPH = "assay.run.graph"
EVALUATION = "assay.run.evaluation_steps"
ANSWERS = "assay.run.answer_steps"
JUDGE = "assay.run.judge_steps"
CORPUS = "assay.run.corpus_graph"
DATA = "assay.corpus.versions"
RULES = ("CLEANING", "TEXT_QUALITY", "NATURAL_LANGUAGE", "CODE_QUALITY", "SECRETS")
MAKING = ("BUILD", "NEAR", "BENCHMARKS", "SCORE", "MATH", "INSTRUCT", "INTERVENTIONS", "LAYOUTS")
PROBLEMS = ("COMPOSED", "GIVEN", "VERIFICATION")
VERSIONS: dict[str, tuple[str, ...]] = {
    "package": (),
    "benchmarks": (f"{DATA}:BENCHMARKS",),
    "documents": tuple(f"{DATA}:{name}" for name in ("READERS", *RULES)),
    "marks": (f"{DATA}:NEAR", f"{DATA}:BENCHMARKS"),
    "ingredient": tuple(f"{DATA}:{name}" for name in MAKING),
    "problems": tuple(f"{DATA}:{name}" for name in PROBLEMS),
    "tokenizer": (f"{CORPUS}:TOKENIZER_VERSION",),
    "tokens": (f"{CORPUS}:TOKENS_VERSION",),
    "model": (f"{EVALUATION}:MODEL_VERSION",),
    "requests": (f"{EVALUATION}:REQUESTS_VERSION", f"{EVALUATION}:HELDOUT_VERSION"),
    "flags": (f"{GRAPH}:FLAGS_VERSION", f"{DATA}:BENCHMARKS"),
    "state": (f"{GRAPH}:TRAIN_VERSION", KERNELS),
    "scores": (f"{EVALUATION}:SCORER_VERSION", KERNELS),
    "prompts": (f"{ANSWERS}:PROMPTS_VERSION",),
    "answers": (f"{ANSWERS}:ANSWERS_VERSION", KERNELS),
    "verdicts": (f"{ANSWERS}:VERDICTS_VERSION",),
    "replies": (f"{JUDGE}:REPLIES_VERSION", KERNELS),
    "exam": (f"{JUDGE}:EXAM_VERSION", KERNELS),
    "judgements": (f"{JUDGE}:JUDGEMENTS_VERSION", KERNELS),
}
"""Kind of artifact, in the order in which they are made from each other, to where its key's versions are."""
UNGUARDED = {
    "harness": "lm-eval's own code decides it; its version is in the key, and tests hold it against the harness itself",
    "calibration": "it measures time, which is never the same",
    "gold": "it says what runs on a machine",
}
BY_NUMERICS = {"state", "scores", "answers", "verdicts", "replies", "exam", "judgements"}
"""Kinds whose bits hold within one numerics only."""
COMPUTING = ("state", "scores", "answers", "replies", "exam", "judgements")
"""Kinds that the native kernels compute."""
ANY = "any"


@dataclass(frozen=True)
class Golden:
    """What the golden study made."""

    material: str
    """Digest of what it is made from."""
    label: str
    """The numerics."""
    made: Mapping[str, Mapping[str, str]]
    """Digest of each artifact, by kind and title."""


def code_of(source: Path) -> dict[str, dict[str, Any]]:
    """Versions and digests of the code of every guarded kind, in the folder that holds the package's."""
    code = Code(source)
    found: dict[str, dict[str, Any]] = {
        kind: {"versions": {name: code.numbers(name) for name in names}, "code": code.of(FUNCTIONS[kind])}
        for kind, names in VERSIONS.items()
    }
    native = source / "assay" / "model" / "native"
    for file in sorted([*native.glob("*.cpp"), *native.glob("*.h")]):  # Python's own code leads no further than ctypes
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
        for kind in COMPUTING:
            found[kind]["code"][f"assay.model.native.{file.name}"] = digest
    return found


def stale(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between the record and the code, one message a kind."""
    told = []
    for kind, found in now.items():
        known = recorded["kinds"].get(kind)
        if known is None:
            told.append(f"'{kind}' is not in the record: run `{COMMAND}`")
        elif known["versions"] != found["versions"]:
            told.append(f"the version of '{kind}' was raised: run `{COMMAND}`")
        elif changed := _changed(known["code"], found["code"]):
            told.append(
                f"the code that makes '{kind}' changed, in {changed}, and its version did not: run `{COMMAND}`. "
                "It records the change if the golden outputs are what they were; else the version is to be raised"
            )
    return told


def judge(
    recorded: Mapping[str, Any] | None, now: Mapping[str, Any], golden: Golden
) -> tuple[dict[str, Any], list[str]]:
    """The new record, and why it is refused: empty where it is right.

    Args:
        recorded: The record as it is; None: there is none yet.
        now: From `code_of`.
        golden: Of today's code.
    """
    known_kinds = recorded["kinds"] if recorded else {}
    fed = recorded is not None and recorded["material"] != golden.material
    kinds: dict[str, Any] = {}
    refused: list[str] = []
    for kind, found in now.items():
        label = golden.label if kind in BY_NUMERICS else ANY
        made = dict(golden.made.get(kind, {}))
        known = known_kinds.get(kind)
        kinds[kind] = {**found, "golden": {label: made}}
        if known is None or known["versions"] != found["versions"]:
            fed = True  # what follows is made from something new
            continue
        before = known["golden"].get(label)
        changed = _changed(known["code"], found["code"])
        if before == made or (before is None and not changed and not fed):
            kinds[kind]["golden"] = {**known["golden"], label: made}
        elif changed or not fed:
            refused.append(_refusal(kind, changed, fed, label, known["golden"], made))
        fed = fed or before != made
    return {"material": golden.material, "kinds": kinds}, refused


def make_golden() -> Golden:
    """Run the golden study; takes a quarter of a minute on an idle core."""
    sys.path.insert(0, str(ROOT / "tests"))
    from golden_study import material, run_golden_study

    with tempfile.TemporaryDirectory() as folder:
        label, made = run_golden_study(Path(folder))
    return Golden(material(), label, made)


def read_record() -> dict[str, Any] | None:
    """The record; None if there is none."""
    if not RECORD.is_file():
        return None
    record: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return record


def main() -> None:
    """Record, or refuse."""
    recorded = read_record()
    record, refused = judge(recorded, code_of(ROOT / "src"), make_golden())
    if refused:
        sys.exit("Not recorded:\n" + "\n".join(f"- {why}." for why in refused))
    if record == recorded:
        print("The record is up to date.")
        return
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    changed = [kind for kind in record["kinds"] if not recorded or record["kinds"][kind] != recorded["kinds"].get(kind)]
    print(f"Recorded {', '.join(changed)} in {RECORD.relative_to(ROOT)}.")


def _refusal(
    kind: str, changed: str, fed: bool, label: str, golden: Mapping[str, Mapping[str, str]], made: Mapping[str, str]
) -> str:
    """Why a kind whose version stays cannot be recorded, and what to do."""
    before = golden.get(label)
    if before is None:
        return (
            f"'{kind}' changed in {changed}, and nothing was recorded under these numerics ({label}) to compare with: "
            f"run this where it was recorded ({', '.join(golden)}), or first record the code as it was before on this "
            f"machine, or, if the output changes, {_raise(kind)}"
        )
    if fed:
        return (
            f"'{kind}' changed in {changed}, and so did what it is made from, so its output cannot be compared: "
            f"record the other change first, or {_raise(kind)}"
        )
    differ = _differ(before, made)
    if not changed:
        return f"'{kind}' came out different ({differ}) though its code did not change (a library did?): {_raise(kind)}"
    return f"'{kind}' changed in {changed}, and its output with it ({differ}): {_raise(kind)}, or undo the change"


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    return ", ".join(name for name in sorted({*before, *now}) if before.get(name) != now.get(name))


def _differ(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _raise(kind: str) -> str:
    names = [f"{name} in {module}" for module, _, name in (one.partition(":") for one in VERSIONS[kind])]
    return f"raise {' or '.join(names)}" if names else "undo the change: it has no version, as its output is pinned"


if __name__ == "__main__":
    main()
