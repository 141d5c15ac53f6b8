"""Answers being made, which others may join and leave between any two tokens: what a server needs.

`assay.evaluate.generate` makes a list of answers and is done; here a question that arrives late takes the next free
slot, its prompt goes through the model beside the next tokens of those under way, and nobody waits for the longest.
Tokens are the same as there, drawn by the same rule; besides, each can come with its log-probability, and the text is
there while it grows. One thread at a time may use a batch. No answer is made again after an error, and a prompt goes
through the model whole.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from tokenizers import Tokenizer

from assay.endpoint.token_logprobs import TokenLogprob, output_logits, told
from assay.evaluate.generate import PROMPT_TOKENS, Decoding, Finish
from assay.evaluate.key_cache import Run, open_cache
from assay.evaluate.sampling import Draw, choose, uniform
from assay.model.decoder import Decoder
from assay.model.inference import flat_hidden
from assay.model.native.decode import packed_decoder

SLOTS = 16
"""Answers made at a time, at most."""
CACHE_BYTES = 2 << 30
"""For keys and values; where a slot needs more of it, fewer answers are made at a time, but always one."""
UNREADABLE = "\N{REPLACEMENT CHARACTER}"
"""What an unfinished character is decoded as."""


@dataclass(slots=True, eq=False)
class Answering:
    """A question and what has been said so far. The batch's thread alone writes to it."""

    key: str
    """With the seed and the number of the sample it decides what is drawn."""
    prompt: tuple[int, ...]
    decoding: Decoding
    sample: int = 0
    ends: frozenset[int] = frozenset()
    """Tokens that end an answer; they are no part of it."""
    top: int | None = None
    """Whether log-probabilities are kept, and how many of the likeliest tokens with each."""
    is_followed: bool = False
    """Whether somebody reads the text while it grows."""
    changed: Callable[[], None] = lambda: None
    """Called when the answer is finished; if it is followed, when its text has grown too."""
    made: list[int] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    """Of ``made``, if they are kept."""
    text: str = ""
    """What is certain of it by now: no stop begins in it, and no character is unfinished."""
    finish: Finish | None = None
    """Set last."""
    problem: str = ""
    """Why there will be no answer."""
    slot: int = -1

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.finish is not None or bool(self.problem)

    @property
    def place(self) -> int:
        """Of the next token to go through the model."""
        return len(self.prompt) + len(self.made) - 1


class Batch:
    """Slots, what runs in them, and what waits."""

    def __init__(self, decoder: Decoder, tokenizer: Tokenizer, longest: int, slots: int | None = None) -> None:
        """
        Args:
            decoder: In float32 or bfloat16.
            tokenizer: Its own.
            longest: Tokens that a prompt and its answer may take together.
            slots: Answers made at a time; None: `SLOTS`, as far as `CACHE_BYTES` allow.
        """
        shape = decoder.shape
        slot_bytes = 2 * shape.layers * shape.key_width * decoder.output.element_size() * longest
        slots = slots or max(1, min(SLOTS, CACHE_BYTES // slot_bytes))
        self.decoder, self.tokenizer, self.longest = decoder, tokenizer, longest
        self.packed, self.logits = packed_decoder(decoder), output_logits(decoder)
        self.device = decoder.output.device
        self.cache = open_cache(shape, decoder.output, slots, longest)
        self.kept: list[tuple[int, ...]] = [()] * slots
        """The prompt whose keys each slot begins with."""
        self.running: list[Answering | None] = [None] * slots
        self.waiting: deque[Answering] = deque()

    def __bool__(self) -> bool:
        """Whether anything is left to do."""
        return bool(self.waiting) or any(self.running)

    def add(self, one: Answering) -> None:
        """Put a question at the end of those that wait. Its prompt has a token at least, and fewer than ``longest``."""
        self.waiting.append(one)

    def drop(self, one: Answering) -> None:
        """Forget a question that nobody waits for any more; of one that is finished nothing is changed."""
        if one in self.waiting:
            self.waiting.remove(one)
        elif one in self.running:
            self.running[one.slot] = None

    def fail(self, problem: str) -> None:
        """Give up all that is under way or waits."""
        for one in [*filter(None, self.running), *self.waiting]:
            one.problem = problem
            one.changed()
        self.running, self.kept = [None] * len(self.running), [()] * len(self.kept)
        self.waiting.clear()

    @torch.inference_mode()
    def step(self) -> None:
        """One pass of the model: a token for each answer under way, the whole prompts of those that begin."""
        entering = self._fill()
        going = [one for one in self.running if one is not None and one not in entering]
        runs = [Run(row, 1, one.slot, one.place) for row, one in enumerate(going)]
        ids = [one.made[-1] if one.made else one.prompt[-1] for one in going]
        positions = [one.place for one in going]
        wanted = list(range(len(going)))
        for one in entering:
            runs.append(Run(len(ids), len(one.prompt), one.slot, 0))
            ids += one.prompt
            positions += range(len(one.prompt))
            wanted.append(len(ids) - 1)
        self.cache.place(runs)
        hidden = flat_hidden(
            self.decoder if entering else self.packed,
            torch.tensor(ids, device=self.device),
            torch.tensor(positions, device=self.device),
            self.cache.attend,
            torch.tensor(wanted, device=self.device) if entering else None,
        )
        rows = going + entering
        logits = self.logits(hidden)
        asked = [row for row, one in enumerate(rows) if one.top is not None]
        kept = logits[asked] if asked else None
        tokens = choose(logits, [_draw(one) for one in rows])
        if kept is not None:
            for place, row in enumerate(asked):
                rows[row].logprobs += told(kept[place : place + 1], [tokens[row]], rows[row].top or 0)
        for one, token in zip(rows, tokens, strict=True):
            self._take(one, token)

    def _fill(self) -> list[Answering]:
        """Give free slots to those that wait; the ones whose prompt has still to go through the model, shortest first.

        A prompt that another slot begins with is copied from there; one that is entering now can be in the next step.
        """
        entering: list[Answering] = []
        room = PROMPT_TOKENS[self.device.type]
        free = [slot for slot, one in enumerate(self.running) if one is None]
        put_off: list[Answering] = []
        while free and self.waiting:
            one = self.waiting.popleft()
            if any(one.prompt == other.prompt for other in entering):
                put_off.append(one)
            elif one.prompt in self.kept:
                source = next((slot for slot in free if self.kept[slot] == one.prompt), self.kept.index(one.prompt))
                one.slot = source if source in free else free[0]
                if one.slot != source:
                    self.cache.copy(source, one.slot, len(one.prompt) - 1)
                self._begin(one, free)
            elif len(one.prompt) <= room or not entering:
                room -= len(one.prompt)
                one.slot = free[0]
                self._begin(one, free)
                entering.append(one)
            else:
                put_off.append(one)
                break
        self.waiting.extendleft(reversed(put_off))
        return sorted(entering, key=lambda one: len(one.prompt))

    def _begin(self, one: Answering, free: list[int]) -> None:
        free.remove(one.slot)
        self.running[one.slot], self.kept[one.slot] = one, one.prompt

    def _take(self, one: Answering, token: int) -> None:
        if token in one.ends:
            return self._finish(one, self._text(one.made), "end")
        one.made.append(token)
        stops = one.decoding.stop
        if stops or one.is_followed:
            text = self._text(one.made)
            found = [at for at in (text.find(stop) for stop in stops) if at >= 0]
            if found:
                return self._finish(one, text[: min(found)], "stop")
            certain = _certain(text, stops)
            if one.is_followed and len(certain) > len(one.text):
                one.text = certain
                one.changed()
        if len(one.made) == one.decoding.tokens or len(one.prompt) + len(one.made) == self.longest:
            self._finish(one, self._text(one.made), "length")
        return None

    def _finish(self, one: Answering, text: str, finish: Finish) -> None:
        count = len(one.made)
        while not text.startswith(self._text(one.made[:count])):
            count -= 1
        del one.made[count:], one.logprobs[count:]
        self.running[one.slot] = None
        one.text, one.finish = text, finish
        one.changed()

    def _text(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))


def _draw(one: Answering) -> Draw:
    its = one.decoding
    if its.temperature == 0:
        return Draw(0.0)
    return Draw(its.temperature, its.top_p, uniform(its.seed, one.key, one.sample, len(one.made)))


def _certain(text: str, stops: Sequence[str]) -> str:
    """The text without an unfinished character at its end and without what may become a stop."""
    text = text.rstrip(UNREADABLE)
    held = max(
        (size for stop in stops for size in range(1, len(stop)) if text.endswith(stop[:size])),
        default=0,
    )
    return text[: len(text) - held]
