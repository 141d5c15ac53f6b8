"""Encoding a whole corpus: how fast on two processes, and whether the ids are those of Hugging Face's tokenizers.

Processes are new, so the encoder has seen none of the text; time runs from a common start, texts in memory and the
tokenizer read, to the end of the last process. The reference is ``encode_batch_fast`` of the same file with control
tokens spelt out, document by document.
"""

import multiprocessing
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from _pipeline import RANKS, batches, two_cores


def speed(files: Sequence[Path], tokenizer: Path) -> tuple[int, float]:
    """(tokens, seconds) of encoding files of documents on two processes, every other document each."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(RANKS), context.SimpleQueue()
    with two_cores():
        processes = [
            context.Process(target=_encode, args=(rank, list(files), tokenizer, barrier, answers))
            for rank in range(RANKS)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("a process that encodes failed")
    found = [answers.get() for _ in processes]
    return sum(tokens for tokens, _, _ in found), max(end for *_, end in found) - min(begin for _, begin, _ in found)


def _encode(rank: int, files: list[Path], tokenizer: Path, barrier: Any, answers: Any) -> None:
    from assay.run.worker import environment
    from assay.tokens.encoder import Encoder

    os.environ |= environment()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[rank % len(cores)]})
    texts = texts_of(files)[rank::RANKS]
    encoder = Encoder(tokenizer.parent)
    barrier.wait()
    begin = time.monotonic()
    tokens = sum(len(encoder.encode(batch)[0]) for batch in batches(texts))
    answers.put((tokens, begin, time.monotonic()))


def texts_of(files: Sequence[Path]) -> list[str]:
    """The texts of Parquet files of documents, in order."""
    import pyarrow.parquet as pq

    return [text for file in files for text in pq.read_table(file, columns=["text"])["text"].to_pylist()]


def differing(files: Sequence[Path], tokenizer: Path) -> tuple[int, int]:
    """(documents, those whose ids differ from the reference's)."""
    from tokenizers import Tokenizer

    from assay.tokens.encoder import Encoder

    encoder = Encoder(tokenizer.parent, fast=True)
    reference = Tokenizer.from_file(str(tokenizer))
    reference.encode_special_tokens = True
    documents = wrong = 0
    for batch in batches(texts_of(files)):
        ids, begins = encoder.encode(batch)
        expected = reference.encode_batch_fast(list(batch), add_special_tokens=False)
        wrong += sum(
            not np.array_equal(ids[begin:end], one.ids)
            for one, begin, end in zip(expected, begins[:-1], begins[1:], strict=True)
        )
        documents += len(batch)
    return documents, wrong
