"""A list of prompts answered in words, many at once, until each answer has ended in its own way.

Everything is put into one batch (`assay.evaluate.running`), which is stepped until nothing is left. All prompts are
known before the first pass, so each goes through the model once, however many samples there are of it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from assay.errors import InputError
from assay.evaluate.decoding import Decoding, Finish
from assay.evaluate.running import Batch, Running
from assay.model.decoder import Decoder

__all__ = ["Answer", "Ask", "Decoding", "generate"]


@dataclass(frozen=True, slots=True)
class Ask:
    """A prompt to answer."""

    key: str
    """Name of the item: with the seed and the number of the sample it decides what is drawn."""
    prompt: tuple[int, ...]
    """Tokens, one at least."""
    decoding: Decoding
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said."""

    text: str
    """All tokens decoded together, without special ones, cut before the first stop."""
    tokens: tuple[int, ...]
    """Without the end token, and without those that reach beyond the text."""
    finish: Finish


def generate(
    decoder: Decoder,
    tokenizer: Tokenizer,
    ends: Collection[int],
    asks: Sequence[Ask],
    longest: int,
    batch: int = 32,
    say: Callable[[int, int], None] | None = None,
) -> list[Answer]:
    """Answer prompts. Up to float rounding, an answer depends on its own ask alone.

    Args:
        decoder: In float32 or bfloat16; logits are float32 in either.
        tokenizer: The decoder's own.
        ends: Tokens that end an answer; they are no part of it.
        asks: In any order; the answers come in the same.
        longest: Tokens that a prompt and its answer may take together.
        batch: Answers made at a time.
        say: Called with the number of answers done and of all, whenever one is done.

    Raises:
        InputError: A prompt is empty, or leaves no room for an answer.
    """
    for ask in asks:
        if not 0 < len(ask.prompt) < longest:
            raise InputError(f"the prompt of {ask.key} has {len(ask.prompt)} tokens; it may have 1 to {longest - 1}")
    if not asks:
        return []
    capacity = max(min(longest, len(ask.prompt) + ask.decoding.tokens) for ask in asks)
    running = Batch[Running](decoder, tokenizer, longest, min(batch, len(asks)), capacity)
    last = frozenset(ends)
    ones = [Running(ask.key, ask.prompt, ask.decoding, ask.sample, last) for ask in asks]
    for one in ones:
        running.add(one)
    done = 0
    while running:
        for _ in running.step():
            done += 1
            if say is not None:
                say(done, len(asks))
    return [Answer(one.text, tuple(one.made), one.finish) for one in ones if one.finish is not None]
