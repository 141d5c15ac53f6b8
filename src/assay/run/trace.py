"""Which documents a step of training read: from a run folder's arm and step to places in documents.

A batch is a pure function of the path, the tokenised ingredients, the seed and the batch's shape, and a state's
manifest names all of these; so nothing was logged while training, and nothing needs to be trained to know. The rows
come from the same `Mixture` that the trainer asks. Steps are counted from 1, as in ``curves.json``.
"""

import bisect
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from assay.errors import InputError, StepError
from assay.run.lineage import Record, record_of
from assay.run.past_run import Run, chosen_arm, final_states, logged_keys, path_in, read_run, states_of
from assay.run.store import Store
from assay.study.resolve import MILLION, Arm
from assay.tokens import tokenizer as bpe
from assay.tokens.mixture import Mixture
from assay.tokens.shard import read_shard
from assay.tokens.stream import Stream

COLUMNS = ["source", "group", "path", "kind", "language"]


@dataclass(frozen=True, slots=True)
class Extract:
    """The part of a row that comes from one document."""

    document: int
    """Its place in the ingredient's ``train.parquet``, from 0."""
    source: str
    group: str
    path: str
    kind: str
    language: str
    epoch: int
    """Which reading of the ingredient, from 1."""
    tokens: int
    """Input tokens of the row that it gave, the end token included where ``ends``."""
    from_byte: int
    to_byte: int
    """Of the document's UTF-8 text; the end token has no bytes."""
    ends: bool
    """Whether the document ends here."""
    text: str
    """Its tokens decoded; a character that the row cuts becomes U+FFFD."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the batch."""

    ingredient: str
    index: int
    """Row of the ingredient's stream, from 0, as training's own messages count it."""
    ids: npt.NDArray[np.int64]
    """[sequence + 1]; the last is only a target."""
    extracts: tuple[Extract, ...]
    """What the ``sequence`` input tokens are, in order."""
    target: str
    """The last id decoded."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A batch and where it comes from."""

    study: str
    arm: str
    size: str
    seed: int
    step: int
    """From 1."""
    steps: int
    """Of the arm."""
    stage: str
    mix: Mapping[str, float]
    """Share of tokens by ingredient in that stage."""
    state: str
    """Key of the state whose manifest was read."""
    rows: tuple[Row, ...]


def trace(folder: Path, store: Store, arm: str, step: int, size: str | None = None, seed: int | None = None) -> Trace:
    """The documents in a batch.

    Args:
        folder: A run folder, of a study finished or not.
        store: The store it was run with.
        arm: Name of the arm.
        step: From 1.
        size: Of the arm; none: its first.
        seed: Of the arm; none: the study's first.

    Raises:
        InputError: No run folder, or no such arm, size, seed or step.
        StepError: The store has no state that was trained as far, or a damaged artifact.
    """
    run = read_run(folder)
    chosen, size, seed = chosen_arm(run, arm, size, seed)
    if not chosen.steps:
        raise InputError(f"arm '{arm}' is a model as it is; nothing was trained that could be traced")
    if not 1 <= step <= chosen.steps:
        raise InputError(f"arm '{arm}' has the steps 1 to {chosen.steps}; there is no step {step}")
    state = _state(run, store, chosen, size, seed, step)
    ends = list(itertools.accumulate(stage.steps for stage in chosen.stages))
    stage = chosen.stages[bisect.bisect_left(ends, step)]
    mix = {name: share / MILLION for name, share in stage.mix}
    rows = _rows(state, store, step)
    return Trace(run.study, arm, size, seed, step, chosen.steps, stage.name, mix, state.key, rows)


def _state(run: Run, store: Store, arm: Arm, size: str, seed: int, step: int) -> Record:
    """A state of the arm that was trained as far as the step or further."""
    named = final_states(run.folder).get((arm.name, size, seed))
    if named and store.has("state", named):
        return record_of(store, "state", named)
    known: dict[str, Record] = {}
    records = [record_of(store, kind, key, known) for kind, key in store.artifacts() if kind == "state"]
    mine = [
        (record, steps)
        for record, one, steps in states_of(run, records)
        if one == arm and (record.recipe["size"], record.recipe["seed"]) == (size, seed)
    ]
    far = [record for record, steps in mine if steps >= step]
    if len({_text(record) for record in far}) > 1:
        logged = logged_keys(run.folder)
        far = [record for record in far if record.key in logged] or far
    if not far:
        reached = max((steps for _, steps in mine), default=0)
        trained = f"it was trained to step {reached} so far" if reached else "nothing of it was trained yet"
        raise StepError(
            f"the store {store.address} has no state of arm '{arm.name}', size {size}, seed {seed} at step {step} or "
            f"later: {trained}. Run the study on, or set ASSAY_STORE to the store it was run with"
        )
    if len({_text(record) for record in far}) > 1:
        raise StepError(
            f"the store {store.address} has states of arm '{arm.name}' from studies with different texts; "
            "which one is meant is known when this run is finished"
        )
    return far[0]


def _text(record: Record) -> tuple[object, ...]:
    """What a state's batches depend on besides its path and seed."""
    train = record.recipe["train"]
    tokens = sorted((name, need.key) for name, need in record.inputs.items() if name.startswith("tokens:"))
    return tuple(tokens), train["sequence"], train["rows_per_step"]


def _rows(state: Record, store: Store, step: int) -> tuple[Row, ...]:
    recipe = state.recipe
    train = recipe["train"]
    tokens = {name.partition(":")[2]: need for name, need in state.inputs.items() if name.startswith("tokens:")}
    streams = {
        name: Stream(read_shard(store.open("tokens", need.key)), name, recipe["seed"], train["sequence"])
        for name, need in tokens.items()
    }
    path = path_in(recipe)
    mixes = [(piece.mix, piece.steps) for piece in path]
    batch = Mixture(mixes, streams, train["rows_per_step"], path[-1].draw).batch(step - 1)
    tokenizer = bpe.load(store.open(state.inputs["tokenizer"].kind, state.inputs["tokenizer"].key))
    # a token is written with one letter a byte
    lengths = np.array([len(tokenizer.id_to_token(index) or "") for index in range(tokenizer.get_vocab_size())])
    tables = {}
    for name in {name for name, _ in batch.draws}:
        folder = store.open("ingredient", tokens[name].inputs["ingredient"].key)
        tables[name] = pq.read_table(folder / "train.parquet", columns=COLUMNS)
    end = bpe.end_id(tokenizer)
    rows = []
    for (name, index), ids in zip(batch.draws, batch.ids, strict=True):
        stream = streams[name]
        extracts = []
        for document, epoch, low, high in stream.pieces(index):
            begin, after = (int(place) for place in stream.shard.offsets[document : document + 2])
            own = stream.shard.ids[begin:after]
            ends = begin + high == after
            bytes_to = np.concatenate([[0], np.cumsum(lengths[own[: high - ends]])])
            about = tables[name].slice(document, 1).to_pylist()[0]
            extracts.append(
                Extract(
                    document=document,
                    **{column: about[column] for column in COLUMNS},
                    epoch=epoch + 1,
                    tokens=high - low,
                    from_byte=int(bytes_to[low]),
                    to_byte=int(bytes_to[-1]),
                    ends=ends,
                    text=tokenizer.decode(own[low : high - ends].tolist(), skip_special_tokens=False),
                )
            )
        target = "" if ids[-1] == end else tokenizer.decode([int(ids[-1])], skip_special_tokens=False)
        rows.append(Row(name, index, ids, tuple(extracts), target))
    return tuple(rows)
