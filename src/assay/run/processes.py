"""How many processes train one model together, and what each of them holds.

One is the rule: a study's many small models go side by side, one a worker. Several are for a model that is too slow or
too large for one. Sums are then taken in another order, so the numerics, and with them the keys of states, say so; of
one process they say nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from assay.errors import InputError
from assay.study.spec import TrainSpec

Layout = Literal["replicated", "sharded"]
FIELDS = ("processes", "layout")
"""Of the numerics."""


@dataclass(frozen=True)
class Processes:
    """The processes of one training step, on one node."""

    count: int = 1
    layout: Layout = "replicated"
    """``replicated``: each holds the whole model; ``sharded``: each holds a part of every weight (FSDP2)."""

    def __post_init__(self) -> None:
        if self.count == 1 and self.layout == "sharded":
            raise InputError("--layout sharded deals a model out over several processes; add --processes N")

    def numerics(self, machine: Mapping[str, str]) -> dict[str, str]:
        """Those of the machine, and these processes where they are several."""
        own = {} if self.count == 1 else dict(zip(FIELDS, (str(self.count), self.layout), strict=True))
        return {**machine, **own}


ALONE = Processes()


def together(count: int, layout: Layout, train: TrainSpec) -> Processes:
    """So many processes for a study that is trained so.

    Raises:
        InputError: The rows of a step cannot be dealt out to them, or its optimizer cannot be.
    """
    if train.rows_per_step % count:
        raise InputError(
            f"the {train.rows_per_step} rows of a step cannot be dealt out to {count} processes evenly; set "
            f"train.rows_per_step to a multiple of {count}, or --processes to a divisor of {train.rows_per_step}"
        )
    if layout == "sharded" and train.optimizer != "adamw":
        raise InputError(f"--layout sharded trains with adamw: {train.optimizer} needs whole matrices")
    return Processes(count, layout)


def processes_of(numerics: Mapping[str, str]) -> Processes:
    """The processes that numerics speak of."""
    layout: Layout = "sharded" if numerics.get("layout") == "sharded" else "replicated"
    return Processes(int(numerics.get("processes", "1")), layout)


def of_machine(numerics: Mapping[str, str]) -> dict[str, str]:
    """Numerics without the processes: what a machine either has or has not."""
    return {name: value for name, value in numerics.items() if name not in FIELDS}
