"""Logits of exported models in transformers against ours, float32; runs where transformers is.

``python _training_export.py TOKENS SIZE …`` writes the largest difference of each size as JSON. The weights are fresh
ones made larger, with gains that differ, so that no part of a layer is near one or zero and none can be left out
unseen; the sequences are real tokens of several lengths.
"""

import json
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from _training_text import VOCABULARY, documents
from assay.model.decoder import initialise
from assay.model.export import logit_difference, write_model
from assay.model.sizes import SIZES
from assay.tokens.tokenizer import train

LENGTHS = (1, 17, 256, 512)


def differences(tokens: Path, sizes: Sequence[str]) -> dict[str, float]:
    """Largest absolute difference of a logit, by size."""
    ids = torch.from_numpy(np.load(tokens, mmap_mode="r")[: sum(LENGTHS)].astype(np.int64))
    rows = torch.split(ids, list(LENGTHS))
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="assay-export-") as name:
        tokenizer = Path(name) / "tokenizer.json"
        train(list(documents(0)), VOCABULARY).save(str(tokenizer))
        for size in sizes:
            shape = SIZES[size].shape(VOCABULARY)
            weights = initialise(shape, 0)
            weights[: shape.vocabulary * shape.width] *= 10
            noise = torch.randn(shape.parameters - shape.decayed, generator=torch.Generator().manual_seed(1))
            weights[shape.decayed :] += 0.3 * noise
            out = Path(name) / size
            write_model(out, shape, weights, tokenizer, max(LENGTHS), "# Benchmark\n")
            found[size] = logit_difference(out, shape, weights, rows)
    return found


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    torch.set_num_threads(2)
    print(json.dumps(differences(Path(sys.argv[1]), sys.argv[2:])))
