"""How much memory a process that trains comes to hold, so that no more of them are started than fit.

One process, measured as peak resident memory of uncompiled training (bfloat16, sequence 1024, at 1M, 5M and 15M, 64 to
4,096 tokens at once): 0.4 GB for the program, 21 bytes a parameter (float32 master weights, two moments and gradients,
working weights and their gradients in bfloat16) and 94 bytes a token for each channel of each layer. While a state is
written, a copy of 12 bytes a parameter is held beside. Compiled training takes less. Models dealt out over several
processes are computed, not measured: their part of 16 bytes a parameter, and what is whole for a while, which is the
embedding and one layer with the next. On a GPU the same figures bound what a process takes of the GPU's memory.
"""

from assay.model.sizes import ImportedSize
from assay.run.processes import ALONE, Layout, Processes
from assay.study.plan import Plan

PROGRAM_BYTES = 500_000_000
PARAMETER_BYTES = 21
COPY_BYTES = 12
"""A parameter of a state: master weights and two moments."""
PART_BYTES = 16
"""A parameter of a process's own part where a model is dealt out: of a state, and its gradient."""
WHOLE_BYTES = 8
"""A parameter that is whole for a while: working weight, its gradient, and that in float32 as it is added up."""
CHANNEL_BYTES = 100
"""A token, layer and channel."""
LLAMA_CHANNEL_BYTES = 125
"""Likewise in the block of an imported model: 119 measured on SmolLM2's shape, from 512 to 2,048 tokens at once."""
HEAD_BYTES = 6
"""A weight of the output layer, in the loss: its gradient in float32, and in the working dtype."""
LOGIT_BYTES = 12 * 512
"""An entry of the vocabulary, in the loss: 512 rows of logits at once, in float32 thrice."""
GPU_SHARES = ((8_000_000, 8), (20_000_000, 4), (80_000_000, 2))
"""(parameters of the body up to which, workers that a GPU is dealt to); above, one. Assumed, not measured."""
JUDGE_BYTES = 8
"""A parameter of a judge's model: float32, and as much again while it is read and while it judges. Assumed."""
LEAST_BYTES = 3 << 29
"""What preparing data may take (1.5 GiB)."""
PLANNED = (2, 4, 8, 16, 32, 64)
"""Numbers of processes that a plan tells the memory for."""
LAYOUTS: tuple[Layout, ...] = ("replicated", "sharded")


def process_bytes(plan: Plan, size: str, processes: Processes = ALONE, rows: int | None = None) -> int:
    """Memory that training a size takes of each process, or of its GPU; without the program and what is written.

    Args:
        plan: With its vocabulary, rows and sequence.
        size: Of the model.
        processes: That train it together.
        rows: That go through the model at once; None: as the study says.
    """
    vocabulary, shape, train = plan.vocabulary, plan.study.known_sizes[size], plan.study.spec.train
    head = vocabulary * shape.width
    parameters = shape.body_parameters + shape.embeddings * head
    if processes.layout == "sharded":
        whole = head + 2 * shape.body_parameters // shape.layers
        weights = PART_BYTES * parameters // processes.count + WHOLE_BYTES * whole
    else:
        weights = PARAMETER_BYTES * parameters
    mine = train.rows_per_step // processes.count
    tokens = min(mine, rows or train.micro_rows or mine) * train.sequence
    channel = LLAMA_CHANNEL_BYTES if isinstance(shape, ImportedSize) else CHANNEL_BYTES
    activations = channel * shape.width * shape.layers * tokens
    return weights + activations + HEAD_BYTES * head + LOGIT_BYTES * vocabulary


def copy_bytes(plan: Plan, size: str, processes: Processes = ALONE) -> int:
    """Main memory that the process which writes states takes for them. What is dealt out is brought together first."""
    parameters = sum(plan.design.parameters[size].values())
    return COPY_BYTES * parameters * (2 if processes.layout == "sharded" else 1)


def worker_bytes(plan: Plan, processes: Processes = ALONE) -> int:
    """Memory of each process of a worker that trains the plan's largest size, or judges, in bytes."""
    needed = [
        PROGRAM_BYTES + process_bytes(plan, size, processes) + copy_bytes(plan, size, processes) // processes.count
        for size in plan.study.spec.sizes
    ]
    if plan.judging is not None and plan.judging.model is not None:
        needed.append(PROGRAM_BYTES + JUDGE_BYTES * plan.judging.model.shape.parameters)
    return max(LEAST_BYTES, *needed)


def memory_plan(plan: Plan) -> dict[str, object]:
    """What training the plan's largest size takes of each process, for the numbers of processes its rows allow.

    Returns:
        ``size``; ``processes``: ``count``, ``layout``, ``bytes`` of each, and ``least_bytes`` with one row at a time
        (``train.micro_rows: 1``); ``state_bytes``: of main memory, in the process that writes, by layout.
    """
    size = max(plan.study.spec.sizes, key=lambda name: plan.study.known_sizes[name].body_parameters)
    rows = plan.study.spec.train.rows_per_step
    counts = [count for count in PLANNED if rows % count == 0]
    choices = [ALONE, *(Processes(count, layout) for count in counts for layout in LAYOUTS)]
    return {
        "size": size,
        "processes": [
            {
                "count": one.count,
                "layout": one.layout,
                "bytes": process_bytes(plan, size, one),
                "least_bytes": process_bytes(plan, size, one, 1),
            }
            for one in choices
        ],
        "state_bytes": {
            "replicated": copy_bytes(plan, size),
            "sharded": copy_bytes(plan, size, Processes(2, "sharded")),
        },
    }


def gpu_share(plan: Plan) -> int:
    """How many workers of a plan a GPU is dealt to by default, by its largest size; memory may allow fewer."""
    largest = max(plan.study.known_sizes[size].body_parameters for size in plan.study.spec.sizes)
    return next((share for most, share in GPU_SHARES if largest <= most), 1)
