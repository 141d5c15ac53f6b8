"""A state of the store as a Hugging Face folder: which state, what it was trained on, and the card that says so.

A run folder names the last state of each arm; any other is named by its key. Everything on the card comes from the
state's manifest, so that what was asked and what was made cannot differ.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from assay.errors import InputError, StepError
from assay.files import as_json
from assay.model.shape import Shape
from assay.run.lineage import Record, find, record_of
from assay.run.past_run import chosen_arm, last_checkpoint, path_in, read_run
from assay.run.store import Store
from assay.study.resolve import MILLION
from assay.tokens.tokenizer import END


def find_state(
    store: Store, what: str, arm: str | None = None, size: str | None = None, seed: int | None = None
) -> tuple[Record, str]:
    """A state, and the study and arm that it ends (empty where a key names it).

    Args:
        store: Where it is.
        what: A finished study's run folder, or a state's key as `assay.run.lineage.find` takes it.
        arm: Name of the arm; a run folder needs it.
        size: Of the arm; None: its first.
        seed: Of the arm; None: the study's first.

    Raises:
        InputError: There is no such arm, size, seed or key, or the artifact is no state.
        StepError: The run is not finished, or its state is not in the store.
    """
    if not Path(what).is_dir():
        if arm is not None or size is not None or seed is not None:
            raise InputError(f"there is no run folder {what}; of a state, its key alone says arm, size and seed")
        kind, key = find(store, what)
        if kind != "state":
            raise InputError(f"{kind}/{key[:12]} is no state; a model is exported from a state")
        return record_of(store, kind, key), ""
    run = read_run(Path(what))
    if arm is None:
        names = ", ".join(one.name for one in run.arms)
        raise InputError(f"--arm says which arm of {run.study} is meant; there is {names}")
    chosen, size, seed = chosen_arm(run, arm, size, seed)
    if not chosen.stages:
        raise InputError(f"arm '{arm}' is the model that {run.study} starts from; nothing was trained")
    return last_checkpoint(run, store, chosen, size, seed), f"{run.study}, arm {arm}"


def export_state(store: Store, record: Record, of: str, out: Path, dtype: str = "float32") -> None:
    """Write a state as a Hugging Face folder, with the weights that were evaluated; see `assay.model.export`.

    Args:
        store: Where it is.
        record: The state.
        of: The study and arm that it ends; may be empty.
        out: Where; nothing may be there.
        dtype: ``float32`` or ``bfloat16``.

    Raises:
        InputError: Something is there already.
        StepError: The state or its tokenizer is damaged or gone, or the disk is full.
    """
    from assay.model.export import write_model
    from assay.train.state import average_weights, load_weights

    shape = Shape(**record.recipe["shape"])
    tokenizer = record.inputs["tokenizer"]
    file = store.file(tokenizer.kind, tokenizer.key, "tokenizer.json")
    folder, averaged = store.open("state", record.key), record.recipe.get("snapshots")
    weights = average_weights(folder, averaged) if averaged else load_weights(folder)
    if weights.numel() != shape.parameters:
        raise StepError(f"{record.name} holds {weights.numel():,} weights; its shape has {shape.parameters:,}")
    longest = int(record.recipe["train"]["sequence"])
    write_model(out, shape, weights, file, longest, card(record, shape, of, dtype), dtype)


def card(record: Record, shape: Shape, of: str, dtype: str) -> str:
    """The model card of a state: Markdown, with the hub's metadata on top."""
    recipe = record.recipe
    path, train = path_in(recipe), recipe["train"]
    per_step = train["sequence"] * train["rows_per_step"]
    steps = sum(piece.steps for piece in path)
    facts = [
        ("from", of or record.title),
        ("size", f"{shape.parameters:,} parameters, {shape.layers} layers of width {shape.width}"),
        ("seed", str(recipe["seed"])),
        ("trained on", f"{steps * per_step:,} tokens in {steps:,} steps of {per_step:,}"),
        ("sequences", f"{train['sequence']:,} tokens"),
        ("tokenizer", f"{shape.vocabulary:,} entries ({record.inputs['tokenizer'].name})"),
        ("precision in training", str(recipe["precision"])),
        ("weights here", f"{dtype}{_averaged(recipe.get('snapshots'))}"),
        ("made by", f"Assay {record.made.get('assay', '')}".strip()),
        ("key", f"state/{record.key}"),
    ]
    if "model" in record.inputs:
        name = record.inputs["model"].name
        facts.insert(3, ("started from", f"weights of a model that others trained ({name}); its licence applies"))
    stages = [
        (
            str(number),
            f"{piece.steps * per_step:,}",
            ", ".join(f"{name} {100 * share / MILLION:g} %" for name, share in piece.mix),
            piece.schedule,
        )
        for number, piece in enumerate(path, start=1)
    ]
    head = {"library_name": "transformers", "pipeline_tag": "text-generation", "tags": ["assay", "research"]}
    front = "".join(f"{name}: {json.dumps(value)}\n" for name, value in head.items())
    return (
        f"---\n{front}---\n"
        f"# {of or record.title}\n\n"
        "A model of a controlled experiment: it was trained to be compared with others, not to be used.\n\n"
        f"{_table(('', ''), facts)}\n"
        f"## What it was trained on\n\n{_table(('stage', 'tokens', 'mix', 'schedule'), stages)}\n"
        "## How to load it\n\n"
        "```python\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        'model = AutoModelForCausalLM.from_pretrained(".")\n'
        'tokenizer = AutoTokenizer.from_pretrained(".")\n'
        "```\n\n"
        f"Every document in training followed the token `{END}`; the tokenizer puts it before a text.\n\n"
        "## Recipe\n\n"
        f"```json\n{as_json(dict(recipe))}```\n"
    )


def _averaged(steps: Sequence[int] | None) -> str:
    return f", the mean of those after the steps {', '.join(f'{step:,}' for step in steps)}" if steps else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
