"""Learning rate as a function of the path and the step.

Warm-up counts steps from the arm's beginning; a constant stage keeps the rate it began with; a linear stage goes from
there to the final rate, reaching it after its last step (the study's cooldown: linear annealing to 1e-6).
"""

from collections.abc import Sequence

from assay.study.paths import Piece


def learning_rates(path: Sequence[Piece], peak: float, warmup_steps: int, final: float) -> list[float]:
    """The rate of every step of a path."""
    rates: list[float] = []
    level = peak
    for piece in path:
        start = len(rates)
        for step in range(piece.steps):
            gone = (step + 1) / piece.length if piece.schedule == "linear" else 0.0
            rate = level + (final - level) * gone
            rates.append(rate * min(1.0, (start + step + 1) / max(1, warmup_steps)))
        if piece.schedule == "linear" and piece.steps == piece.length:
            level = final
    return rates
