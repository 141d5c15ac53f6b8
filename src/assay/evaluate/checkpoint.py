"""A stored checkpoint as a decoder that is ready to be measured."""

from functools import lru_cache
from pathlib import Path

import torch

from assay.model.decoder import Decoder, plain_decoder
from assay.model.shape import Shape
from assay.train.state import MODEL, STATE, average_weights, load_weights


@lru_cache(maxsize=2)
def open_decoder(folder: Path, shape: Shape, precision: str, average: tuple[int, ...], device: str) -> Decoder:
    """A decoder over the weights of a state, or of a model in its place; the last two are kept in memory.

    Args:
        folder: Of the artifact.
        shape: Of the model.
        precision: ``float32`` or ``bfloat16``.
        average: Steps whose weights' mean is taken; none: the last alone.
        device: ``cpu`` or ``cuda``.
    """
    file = MODEL if (folder / MODEL).is_file() else STATE
    weights = average_weights(folder, average) if average else load_weights(folder, file)
    return plain_decoder(shape, weights.to(device, getattr(torch, precision)))
