"""The batch of a server: answers whose text is read while it grows, with their log-probabilities, and what fails.

How questions come and go between two tokens, and which token comes next, is `assay.evaluate.running`, as it is for
plain generation; here is only what a client sees beyond the finished answer. No answer is made again after an error.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from tokenizers import Tokenizer
from torch import Tensor

from assay.endpoint.token_logprobs import TokenLogprob, told
from assay.evaluate import running
from assay.evaluate.decoding import Finish
from assay.model.decoder import Decoder

SLOTS = 16
"""Answers made at a time, at most."""
UNREADABLE = "\N{REPLACEMENT CHARACTER}"
"""What an unfinished character is decoded as."""


@dataclass(eq=False)
class Answering(running.Running):
    """A question and what has been said so far. The batch's thread alone writes to it."""

    top: int | None = None
    """Whether log-probabilities are kept, and how many of the likeliest tokens with each."""
    is_followed: bool = False
    """Whether the text is there while it grows: what is certain of it, in which no stop begins and no character is
    unfinished."""
    changed: Callable[[], None] = lambda: None
    """Called when the answer is over; if it is followed, when its text has grown too."""
    logprobs: list[TokenLogprob] = field(default_factory=list, init=False)
    """Of ``made``, if they are kept."""
    problem: str = field(default="", init=False)
    """Why there will be no answer."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.finish is not None or bool(self.problem)

    def close(self, count: int, text: str, finish: Finish) -> None:
        """Be finished, with so many of the tokens and their text."""
        del self.logprobs[count:]
        super().close(count, text, finish)
        self.changed()


class Batch(running.Batch[Answering]):
    """Questions under way and waiting."""

    def __init__(self, decoder: Decoder, tokenizer: Tokenizer, longest: int, slots: int | None = None) -> None:
        """
        Args:
            decoder: In float32 or bfloat16.
            tokenizer: Its own.
            longest: Tokens that a prompt and its answer may take together.
            slots: Answers made at a time; None: `SLOTS`, or as many as `cache_bytes` hold if all become as long as
                they may, but always one.
        """
        shape = decoder.shape
        slot_bytes = 2 * shape.layers * shape.key_width * decoder.output.element_size() * longest
        slots = slots or max(1, min(SLOTS, cache_bytes(decoder.output.device) // slot_bytes))
        super().__init__(decoder, tokenizer, longest, slots, longest)

    def fail(self, problem: str) -> None:
        """Give up all that is under way or waits."""
        for one in self.clear():
            one.problem = problem
            one.changed()

    def _choose(self, rows: Sequence[Answering], logits: Tensor) -> list[int]:
        """Also the log-probabilities of those that want them, before the logits are written over."""
        asked = [row for row, one in enumerate(rows) if one.top is not None]
        kept = logits[asked] if asked else None
        tokens = super()._choose(rows, logits)
        if kept is not None:
            for place, row in enumerate(asked):
                rows[row].logprobs += told(kept[place : place + 1], [tokens[row]], rows[row].top or 0)
        return tokens

    def _take(self, one: Answering, token: int) -> None:
        super()._take(one, token)
        if one.is_followed and not one.is_over:
            certain = _certain(self._text(one.made), one.decoding.stop)
            if len(certain) > len(one.text):
                one.text = certain
                one.changed()


def cache_bytes(device: torch.device) -> int:
    """What keys and values may come to take: half of a machine's memory, or of what is free on a GPU."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0]) // 2
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _certain(text: str, stops: Sequence[str]) -> str:
    """The text without an unfinished character at its end and without what may become a stop."""
    text = text.rstrip(UNREADABLE)
    held = max(
        (size for stop in stops for size in range(1, len(stop)) if text.endswith(stop[:size])),
        default=0,
    )
    return text[: len(text) - held]
