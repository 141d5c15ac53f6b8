"""A run folder read back: its arms, the states that belong to them, the artifacts it names.

``plan.json`` says what was asked, item records name the states that were scored, the log names what was made for it.
Item records are there only at the end; until then the states of an arm are known by the path in their recipe.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from assay.errors import InputError, StepError, nearest
from assay.run.lineage import Record, record_of
from assay.run.store import Store
from assay.study.paths import Path as ArmPath
from assay.study.paths import cut, path_of, read_path, steps_in
from assay.study.resolve import MILLION, Arm, Stage


@dataclass(frozen=True, slots=True)
class Run:
    """What a run folder's plan says of its arms."""

    folder: Path
    study: str
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    tokens_per_step: int
    heldout: Mapping[str, int]
    """How much is read of a held-out set: ``documents``, and ``bytes`` of each."""


def read_run(folder: Path) -> Run:
    """A run folder's plan.

    Raises:
        InputError: It is no run folder.
    """
    try:
        plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
        per_step = plan["tokens_per_step"]
        arms = tuple(
            Arm(
                arm["arm"],
                tuple(
                    Stage(
                        stage["stage"],
                        tuple((name, round(share * MILLION)) for name, share in stage["mix"].items()),
                        stage["tokens"] // per_step,
                        stage["schedule"],
                        stage["moments"],
                        stage["join"],
                        stage["counter"],
                    )
                    for stage in arm["stages"]
                ),
                sizes=tuple(arm["sizes"]),
            )
            for arm in plan["arms"]
        )
        return Run(folder, plan["study"], arms, tuple(plan["design"]["seeds"]), per_step, plan["heldout"])
    except OSError:
        raise InputError(f"{folder} is no run folder: it has no plan.json") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{folder / 'plan.json'} is not a plan of this version; run the study again") from None


def chosen_arm(run: Run, arm: str, size: str | None = None, seed: int | None = None) -> tuple[Arm, str, int]:
    """An arm, its size and its seed: as asked for, or its first size and the study's first seed.

    Raises:
        InputError: There is no such arm, size or seed.
    """
    chosen = next((one for one in run.arms if one.name == arm), None)
    if chosen is None:
        raise InputError(f"{run.folder} has no arm '{arm}'{nearest(arm, (one.name for one in run.arms))}")
    size = chosen.sizes[0] if size is None else size
    if size not in chosen.sizes:
        raise InputError(f"arm '{arm}' has no size '{size}'{nearest(size, chosen.sizes)}")
    seed = run.seeds[0] if seed is None else seed
    if seed not in run.seeds:
        raise InputError(f"{run.folder} has no seed {seed}; there is {', '.join(map(str, run.seeds))}")
    return chosen, size, seed


def last_checkpoint(run: Run, store: Store, arm: Arm, size: str, seed: int) -> Record:
    """What an arm ends with: its last state, or the model that an arm without stages is.

    Raises:
        StepError: The run is not finished, or the store does not hold it.
    """
    key = final_states(run.folder).get((arm.name, size, seed), "")
    if not key:
        raise StepError(f"arm '{arm.name}' of {run.study} was not evaluated at size {size}, seed {seed} yet: run it on")
    kind = "state" if arm.stages else "model"
    if not store.has(kind, key):
        raise StepError(
            f"the store {store.address} does not hold {kind}/{key[:12]}, the end of arm '{arm.name}', size {size}, "
            f"seed {seed}. Set ASSAY_STORE to the store it was run with, or run the study again"
        )
    return record_of(store, kind, key)


def states_of(run: Run, records: Iterable[Record]) -> list[tuple[Record, Arm, int]]:
    """The states among the records that lie on the path of one of a run's arms: (state, arm, steps).

    A store may hold such states of other studies too, trained on other texts or at another learning rate.
    """
    found = []
    for record in records:
        recipe = record.recipe
        if record.kind != "state" or not recipe or recipe["seed"] not in run.seeds:
            continue
        rows = recipe["train"]["rows_per_step"]
        if rows * recipe["train"]["sequence"] != run.tokens_per_step:
            continue
        path = path_in(recipe)
        steps = steps_in(path)
        found += [
            (record, arm, steps)
            for arm in run.arms
            if recipe["size"] in arm.sizes and cut(path_of(arm, rows), steps) == path
        ]
    return found


def path_in(recipe: Mapping[str, Any]) -> ArmPath:
    """The path of a state's recipe."""
    return read_path(recipe["path"])


def final_states(folder: Path) -> dict[tuple[str, str, int], str]:
    """Keys of the arms' last states by (arm, size, seed), as far as item records name them."""
    found = {}
    for path in sorted((folder / "items").glob("*.parquet")):
        first = next(pq.ParquetFile(path).iter_batches(1, columns=["checkpoint", "arm", "size", "seed"])).to_pylist()[0]
        found[first["arm"], first["size"], first["seed"]] = first["checkpoint"]
    return found


def ingredients_of(run: Run, store: Store) -> dict[str, Record]:
    """Ingredients by name that an arm was trained on, or whose held-out documents were looked at meanwhile."""
    found = {}
    known: dict[str, Record] = {}
    for key in final_states(run.folder).values():
        for name, need in record_of(store, "state", key, known).inputs.items():
            if "ingredient" in need.inputs:
                found[name.partition(":")[2]] = need.inputs["ingredient"]
    return found


def logged_keys(folder: Path) -> set[str]:
    """Keys of the artifacts that a run folder's log names."""
    found = set()
    log = folder / "log.jsonl"
    for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else ():
        try:
            found.add(json.loads(line).get("key", ""))
        except ValueError:
            continue  # a line cut off by a kill
    return found - {""}
