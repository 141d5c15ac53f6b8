"""What is made of another ingredient: some of its sources, its better or weaker part by a score, a change on purpose.

Each split stays what it was: a training document becomes a training document, a held-out one a held-out one. The score
is trained on training documents alone and its threshold lies where the share of the training bytes says.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from assay.corpus.cleaning import Unfit
from assay.corpus.document import Document, Dropped, RowWriter, read_documents
from assay.corpus.ingredient import Ingredient, Quality
from assay.errors import StepError

BATCH = 1024
SPLITS = ("train.parquet", "heldout.parquet")


def make_of(ingredient: Ingredient, sources: Sequence[str], parent: Path, out: Path) -> None:
    """Write ``train.parquet``, ``heldout.parquet`` and ``dropped.parquet`` (what an intervention left nothing of).

    Args:
        ingredient: What is made, and how.
        sources: Of the parent's sources, those that it is made of.
        parent: Folder of the ingredient that it is made of.
        out: An existing folder.

    Raises:
        StepError: A file cannot be written, or a quality score has no text to be learnt from.
    """
    chosen = set(sources)

    def documents(file: str) -> Iterator[Document]:
        return (item for item in read_documents(parent / file) if item.source in chosen)

    keep = _keeper(ingredient.quality, lambda: documents(SPLITS[0])) if ingredient.quality is not None else None
    with ExitStack() as stack:
        dropped = stack.enter_context(RowWriter(out / "dropped.parquet", Dropped))
        for file in SPLITS:
            writer = stack.enter_context(RowWriter(out / file, Document))
            for item in keep(documents(file)) if keep else documents(file):
                changed = _changed(ingredient, item)
                if isinstance(changed, Document):
                    writer.write(changed)
                else:
                    dropped.write(changed)


def _changed(ingredient: Ingredient, item: Document) -> Document | Dropped:
    name = ingredient.intervention
    if name is None:
        return item
    from assay.corpus.interventions import apply

    try:
        text = apply(name, item)
        if text.strip():
            return replace(item, text=text)
        reason = f"nothing left by {name}"
    except Unfit as fault:
        reason = str(fault)
    return item.dropped(reason)


def _keeper(
    quality: Quality, training: Callable[[], Iterator[Document]]
) -> Callable[[Iterator[Document]], Iterator[Document]]:
    """What passes the documents on the wanted side of the threshold."""
    from assay.corpus.score import rank_share, score, train

    like, unlike = set(quality.like), set(quality.unlike)
    try:
        scorer = train(
            (item.text for item in training() if item.source in like),
            (item.text for item in training() if (item.source in unlike if unlike else item.source not in like)),
        )
    except ValueError as problem:
        raise StepError(str(problem)) from problem
    scores, sizes = [], []
    for batch in _batches(training()):
        scores.append(score(scorer, [item.text for item in batch]))
        sizes += [len(item.text.encode()) for item in batch]
    threshold = rank_share(np.concatenate(scores), np.array(sizes, np.int64), quality.share)

    def keep(documents: Iterator[Document]) -> Iterator[Document]:
        for batch in _batches(documents):
            better = score(scorer, [item.text for item in batch]) >= threshold
            yield from (
                item for item, is_better in zip(batch, better, strict=True) if is_better == (quality.keep == "best")
            )

    return keep


def _batches(documents: Iterator[Document]) -> Iterator[list[Document]]:
    while batch := list(islice(documents, BATCH)):
        yield batch
