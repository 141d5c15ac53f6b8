"""One large run over several nodes: what every process does that ``torchrun`` starts.

``torchrun --nnodes 2 --nproc-per-node 8 … -m assay.train.many STUDY --arm A`` trains the states on one arm's path, one
after the other. Each process plans the study for itself; the first holds the store's locks, writes saves, publishes,
and has the data made that are not there; the others only compute. The store must lie on a folder that all nodes share.
``assay run`` on the same study then finds the states and does the rest. A process that is lost ends the group;
``torchrun --max-restarts`` starts it anew, and it goes on from the last save.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.distributed_c10d import Store as Meeting
from torch.distributed.rendezvous import rendezvous

from assay.errors import AssayError, InputError, StepError, Stopped, Terminated, nearest
from assay.run.device import choose_device
from assay.run.graph import Leaf, build_graph
from assay.run.identity import numerics
from assay.run.local import LocalEngine
from assay.run.processes import Layout, together
from assay.run.step import Call, Step
from assay.run.store import Store, open_store
from assay.run.worker import environment, run_step
from assay.study.plan import plan_study
from assay.train.rank import PATIENCE, join
from assay.train.ranks import Ranks
from assay.train.steps import train_as

HAVE, TRAIN, FAILED = 0, 1, 2
"""What the first process tells the others of a state."""
TELL_SECONDS = 10.0


@dataclass
class _Run:
    """This process's part in the run."""

    ranks: Ranks
    store: Store
    stop: threading.Event = field(default_factory=threading.Event)
    told: float = 0.0

    def carry_out(self, step: Step) -> None:
        """Have a state in the store."""
        if self.ranks.first:
            self._lead(step)
        elif self.ranks.agreed(HAVE) == TRAIN:
            after = step.after
            call = Call(
                recipe=step.recipe,
                place=step.place,
                inputs={name: self.store.place(need.kind, need.key) for name, need in step.inputs.items()},
                out=self.store.root,
                partial=self.store.partial(step.key),
                after=self.store.place(after.kind, after.key) if after else None,
                tell=lambda _: None,
                numerics=step.numerics or {},
                stopping=self.stop.is_set,
            )
            train_as(call, self.ranks)
        if self.ranks.agreed(HAVE) == FAILED:
            os._exit(StepError.exit_code)  # the first has said why

    def _lead(self, step: Step) -> None:
        started = False

        def train(call: Call) -> None:
            nonlocal started
            started = self.ranks.agreed(TRAIN) == TRAIN
            train_as(call, self.ranks)

        try:
            made = run_step(step.order(), self.store, self._tell, self.stop.is_set, train)
            if not started:
                self.ranks.agreed(HAVE)
            _say({"state": step.title, "key": step.key, "made": made})
        except Stopped:
            raise
        except AssayError:
            if not started:
                self.ranks.agreed(FAILED)
                self.ranks.agreed(FAILED)
            raise

    def _tell(self, progress: dict[str, Any]) -> None:
        if time.monotonic() - self.told > TELL_SECONDS:
            self.told = time.monotonic()
            _say(progress)


def many(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A built-in study or a YAML file.")],
    arm: Annotated[str, typer.Option(help="Name of the arm.")],
    size: Annotated[str | None, typer.Option(help="Size; default the arm's first.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; default the study's first.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change one value.")] = None,
    layout: Annotated[Layout, typer.Option(help="Whole models, or a part of every weight each (FSDP2).")] = "sharded",
    begun_with: Annotated[
        int | None,
        typer.Option(min=2, help="Processes that the run was begun with, to go on with another number of them."),
    ] = None,
) -> None:
    """Train the states on one arm's path with all processes that torchrun started."""
    try:
        rank, world, local = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    except KeyError:
        raise InputError(
            "this is started by torchrun: torchrun --nproc-per-node N -m assay.train.many STUDY …"
        ) from None
    os.environ.update({name: value for name, value in environment().items() if name not in os.environ})
    device = choose_device()
    plan = plan_study(study, set_ or ())
    group = together(begun_with or world, layout, plan.study.spec.train)
    store = open_store()
    if "://" in store.address:
        raise InputError("a run over several nodes needs a store on a folder that they share, and not an object store")
    graph = build_graph(plan, group.numerics(numerics(device)))
    states = _states(graph.leaves, arm, size, seed)
    with store.in_use():
        if rank == 0:
            _prepare(states, store)
        run = _Run(join(device, layout, rank, world, local, _meet(rank, world)), store)
        signal.signal(signal.SIGTERM, lambda *_: run.stop.set())
        there = [number for number, step in enumerate(states) if store.has(step.kind, step.key)]
        for step in states[run.ranks.agreed(max(there, default=0)) :]:
            run.carry_out(step)


def _states(leaves: Sequence[Leaf], arm: str, size: str | None, seed: int | None) -> list[Step]:
    """All states on the way of an arm, the earliest first."""
    fitting = [leaf for leaf in leaves if leaf.arm.name == arm]
    if not fitting:
        raise InputError(f"no arm is called '{arm}'{nearest(arm, dict.fromkeys(leaf.arm.name for leaf in leaves))}")
    fitting = [leaf for leaf in fitting if leaf.arm.stages and size in {None, leaf.size} and seed in {None, leaf.seed}]
    if not fitting:
        raise InputError(f"the arm '{arm}' is not trained at that size and seed")
    found: list[Step] = []
    step: Step | None = fitting[0].states[-1]
    while step is not None:
        found.insert(0, step)
        step = step.after
    return found


def _prepare(states: Sequence[Step], store: Store) -> None:
    """Have what the states are trained on in the store: made by workers on this node, if it is not there."""
    needed = {need.key: need for step in states for need in step.inputs.values()}
    with LocalEngine(store, lambda *_: None) as engine:
        if missing := engine.missing(needed.values()):
            _say({"preparing": [step.title for step in missing]})
            engine.make(needed.values())


def _meet(rank: int, world: int) -> Meeting:
    """A place in torchrun's store for these very processes. After a restart it still holds what the lost ones wrote,
    whose addresses would be tried for hours; so the first process names a place, and the others ask to be let in."""
    store = next(iter(rendezvous("env://", rank, world, timeout=PATIENCE)))[0]
    name = uuid.uuid4().hex
    if rank == 0:
        store.set("place", name)
        others = [store.get(f"{name}/{other}") for other in range(1, world)]
        store.set(f"{name}/let in", b",".join(others))
        return PrefixStore(name, store)
    asked = ""
    while True:
        place = store.get("place").decode()
        if place != asked:
            asked = place
            store.set(f"{place}/{rank}", name)
        elif store.check([f"{place}/let in"]) and name.encode() in store.get(f"{place}/let in").split(b","):
            return PrefixStore(place, store)
        time.sleep(0.1)


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def main() -> None:
    """Entry point of each process."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(many)
    try:
        app(prog_name="assay.train.many")
    except SystemExit as end:  # how typer ends, well or for an option that it does not know
        code = int(end.code or 0)
    except Stopped:
        code = Terminated.exit_code
    except AssayError as problem:
        code = problem.exit_code
        if os.environ.get("RANK", "0") == "0":
            print(f"assay: {problem}", file=sys.stderr)
    except Exception:  # most likely another process is gone
        traceback.print_exc()
        code = StepError.exit_code
    else:
        code = 0
    sys.stdout.flush()
    os._exit(code)  # the group's threads would not end by themselves


if __name__ == "__main__":
    main()
