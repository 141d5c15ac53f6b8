"""The log of a state's training, one JSON line a step from the path's beginning, readable without torch.

It holds what the next step was made of and what came of it, and nothing that differs between two runs of the same
path: no clocks, no rates, no names of machines; so it lies inside the artifact and has the same bits wherever it was
trained. Losses are also in ``history.json``, which the curves are drawn from; this adds learning rate and gradient
norm of each step, and events such as spikes, for trackers and for whoever looks into a run that went wrong.
"""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

TRAINING_LOG = "train.jsonl"


class TrainingLog:
    """Lines in the order of training; ``step`` always is the step just taken, from 1."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        """
        Args:
            lines: What an earlier try or the parent's state wrote, without line ends.
        """
        self.lines = list(lines)

    @classmethod
    def load(cls, folder: Path) -> "TrainingLog":
        """The log in a state's folder, to go on with."""
        return cls((folder / TRAINING_LOG).read_text(encoding="utf-8").splitlines())

    def step(self, step: int, loss: float, learning_rate: float, gradient_norm: float, tokens: int) -> None:
        """A step was taken.

        Args:
            step: Its number from the path's beginning, from 1.
            loss: Mean over the batch, nats per token.
            learning_rate: It was taken with.
            gradient_norm: Before clipping.
            tokens: Seen from the path's beginning, with this step's.
        """
        self._add(
            {
                "step": step,
                "loss": loss,
                "learning_rate": learning_rate,
                "gradient_norm": gradient_norm,
                "tokens": tokens,
            }
        )

    def heldout(self, step: int, bits_per_byte: Mapping[str, float]) -> None:
        """The held-out documents were looked at after a step.

        Args:
            step: The step just taken, from 1.
            bits_per_byte: By ingredient.
        """
        self._add({"step": step, "heldout": dict(bits_per_byte)})

    def event(self, step: int, event: str, **about: Any) -> None:
        """Something out of the ordinary happened at a step, such as a ``spike``; ``about`` is JSON-able.

        A number that is not finite, which JSON does not have, is written as a word: ``nan``, ``inf``, ``-inf``.
        """
        self._add({"step": step, "event": event, **{name: _finite(value) for name, value in about.items()}})

    def write(self, folder: Path) -> None:
        """Write ``train.jsonl`` into a state's folder."""
        (folder / TRAINING_LOG).write_text("".join(f"{line}\n" for line in self.lines), encoding="utf-8")

    def _add(self, line: Mapping[str, Any]) -> None:
        self.lines.append(json.dumps(line, allow_nan=False))


def read_training_log(file: Path) -> list[dict[str, Any]]:
    """The lines of a ``train.jsonl``: steps have ``loss``, looks ``heldout``, events ``event``."""
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _finite(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
