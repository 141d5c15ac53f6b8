"""What one process of ``gpu.py`` is told to do; imports no torch, so that whoever gives the orders starts at once."""

import json
from dataclasses import asdict, dataclass

from assay.model.shape import Shape
from assay.model.sizes import SIZES, Size


@dataclass(frozen=True)
class Job:
    """One process's work."""

    part: str
    device: str
    precision: str
    size: str
    vocabulary: int
    sequence: int
    rows: int
    """A step; of ``speed``: at most, as the GPU's memory allows."""
    seconds: float
    compiled: bool
    gemm: int = 8192
    """Rows and columns of the product that utilisation is held against."""

    def written(self) -> str:
        """As one argument of a command."""
        return json.dumps(asdict(self))

    @property
    def shape(self) -> Shape:
        """The decoder."""
        return SIZES[self.size].shape(self.vocabulary)


def token_flop(size: Size, vocabulary: int, sequence: int) -> int:
    """Floating-point operations for a token of training: 6 (N + d·V) + 6·L·d·S, N the body's weights (Kaplan et al.
    2020), the last term attention over the causal half of the sequence."""
    return 6 * (size.body_parameters + vocabulary * size.width) + 6 * size.layers * size.width * sequence
