"""pass@k: how likely it is that at least one of k answers is right, estimated from n of them.

The unbiased estimator of Chen et al. 2021 (arXiv:2107.03374, section 2.1); 1 − (1 − c/n)^k would be too low. Binomials
of many samples overflow, and 1 minus a product loses what is small: the quotient is summed in logarithms.
"""

import math


def pass_at_k(samples: int, right: int, k: int) -> float:
    """1 − C(n − c, k) / C(n, k), for c right answers of n.

    Args:
        samples: Answers that were asked for, n.
        right: Of them, those that passed, c.
        k: Answers that one would be allowed; at most n.

    Returns:
        A probability, to a few units in the last place.

    Raises:
        ValueError: Not 0 <= c <= n, or not 1 <= k <= n: of fewer answers than k nothing unbiased can be said.
    """
    if not 0 <= right <= samples:
        raise ValueError(f"{right} of {samples} answers cannot be right")
    if not 1 <= k <= samples:
        raise ValueError(f"pass@{k} needs at least {max(k, 1)} answers an item and k >= 1; there are {samples}")
    if samples - right < k:
        return 1.0
    missed = math.fsum(math.log1p(-k / number) for number in range(samples - right + 1, samples + 1))
    return -math.expm1(missed) + 0.0
