"""How much memory a worker comes to hold, so that no more of them are started than fit.

Measured as peak resident memory of uncompiled training (bfloat16, sequence 1024, at 1M, 5M and 30M, 2,048 to 16,384
tokens a step): 0.5 GB for the program, 28 bytes a parameter for master weights, moments, working weights and
gradients, and 91 to 98 bytes a token for each channel of each layer. Compiled training takes less.
"""

from assay.model.sizes import SIZES
from assay.study.plan import Plan

PROGRAM_BYTES = 500_000_000
PARAMETER_BYTES = 28
CHANNEL_BYTES = 100
"""A token, layer and channel."""
LEAST_BYTES = 3 << 29
"""What preparing data may take (1.5 GiB)."""


def worker_bytes(plan: Plan) -> int:
    """Memory of a worker that trains the plan's largest size, in bytes."""
    vocabulary = plan.recipe.tokenizers[plan.study.spec.tokenizer].vocab
    needed = [LEAST_BYTES]
    for size in plan.study.spec.sizes:
        shape = SIZES[size]
        parameters = shape.body_parameters + vocabulary * shape.width
        activations = CHANNEL_BYTES * shape.width * shape.layers * plan.study.tokens_per_step
        needed.append(PROGRAM_BYTES + PARAMETER_BYTES * parameters + activations)
    return max(needed)
