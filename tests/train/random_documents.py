"""What the training loop's tests train on: documents of random ids, and the recipe of a small state."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from assay.model.shape import Shape
from assay.tokens.shard import ShardWriter

SEQUENCE, ROWS = 32, 4


def write_documents(folder: Path, vocabulary: int, lengths: Sequence[int]) -> Path:
    """A shard of documents of these lengths, of 64 different ids, the same each time."""
    folder.mkdir(exist_ok=True)
    chance, sizes = np.random.default_rng(0), np.array(lengths)
    count = len(sizes)
    with ShardWriter(folder, vocabulary) as shard:
        ids = chance.integers(0, 64, sizes.sum()).astype(np.uint32)
        shard.add(ids, sizes, [("text", "English")] * count, [1] * count)
    return folder


def state_recipe(shape: Shape, steps: int, **changed: Any) -> dict[str, Any]:
    """Of a state of so many steps on them; ``changed`` are settings of the training."""
    settings = {
        "sequence": SEQUENCE,
        "rows_per_step": ROWS,
        "learning_rate": 1e-3,
        "warmup_steps": 2,
        "final_learning_rate": 1e-6,
        "betas": [0.9, 0.95],
        "weight_decay": 0.1,
        "clip": 1.0,
        "heldout_every": 0,
    }
    piece = {"mix": [["text", 1_000_000]], "steps": steps, "schedule": "constant", "length": 0, "moments": "keep"}
    return {"shape": asdict(shape), "precision": "float32", "seed": 0, "train": settings | changed, "path": [piece]}
