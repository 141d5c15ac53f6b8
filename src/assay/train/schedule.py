"""Learning rate as a function of the path and the step.

Warm-up counts steps from the arm's beginning and multiplies what the stage asks for. A constant stage keeps the rate
that the one before ended with; a linear stage goes from there to the final rate, reaching it after its last step (the
study's cooldown: linear annealing to 1e-6); a cosine stage begins at the peak, wherever the one before ended, and falls
to its floor over its whole length, so two cosines of different lengths have no step in common.
"""

import math
from collections.abc import Sequence

from assay.study.paths import Piece


def learning_rates(
    path: Sequence[Piece], peak: float, warmup_steps: int, final: float, cosine_floor: float
) -> list[float]:
    """The rate of every step of a path.

    Args:
        path: The pieces; the last may be the beginning of a longer one.
        peak: Rate after the warm-up.
        warmup_steps: Steps from 0 to the whole rate.
        final: Where a linear piece ends.
        cosine_floor: Where a cosine piece ends, as a fraction of the peak.
    """
    rates: list[float] = []
    level, floor = peak, peak * cosine_floor
    for piece in path:
        start = len(rates)
        for step in range(piece.steps):
            rate = level
            if piece.schedule == "linear":
                rate = level + (final - level) * ((step + 1) / piece.length)
            elif piece.schedule == "cosine":
                rate = floor + (peak - floor) * (1 + math.cos(math.pi * (step + 1) / piece.length)) / 2
            rates.append(rate * min(1.0, (start + step + 1) / max(1, warmup_steps)))
        if piece.schedule != "constant" and piece.steps == piece.length:
            level = final if piece.schedule == "linear" else floor
    return rates
