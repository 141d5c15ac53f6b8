"""Answers in words: tokens one after another, many sequences at once, until each has ended in its own way.

One pass of the decoder takes the next token of every running answer and, beside them in the same flat row, the whole
prompts of those that enter: short answers leave at once, the next prompt takes the slot, and the weights are read once
for all. Samples of one prompt share its keys: the next one begins in the same slot, or in a copy of it. Text is always
that of all an answer's tokens decoded together, so a character that lies in several tokens comes out whole, and a stop
is found wherever it lies across them. No beam search, no penalties.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from assay.errors import InputError
from assay.evaluate.key_cache import Run, open_cache
from assay.evaluate.sampling import Draw, choose, uniform
from assay.model.decoder import Decoder
from assay.model.inference import flat_hidden
from assay.model.native import inference
from assay.model.native.decode import OutputLayer, packed_decoder

PROMPT_TOKENS = {"cpu": 2048, "cuda": 16384}
"""Tokens of prompts that enter in one pass, by device; a longer prompt enters without others."""
Finish = Literal["stop", "end", "length"]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How an answer is made of the model's distributions."""

    tokens: int
    """Most tokens of an answer."""
    stop: tuple[str, ...] = ()
    """Texts that end it; it is cut before the first."""
    temperature: float = 0.0
    """Divides the logits; 0: always the likeliest token."""
    top_p: float = 1.0
    """Draws are from the fewest likeliest tokens that reach this probability together."""
    seed: int = 0

    def __post_init__(self) -> None:
        """
        Raises:
            InputError: A number is outside its range, or a stop is empty.
        """
        if self.tokens < 1:
            raise InputError(f"an answer of at most {self.tokens} tokens: it needs at least 1")
        if not 0 <= self.temperature < float("inf"):
            raise InputError(f"temperature {self.temperature}: it is 0, for always the likeliest token, or more")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top_p {self.top_p}: it is a probability above 0; 1 keeps every token")
        if "" in self.stop:
            raise InputError("an empty stop would end every answer before it begins")


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
    """``stop``: a stop was met; ``end``: the end token came; ``length``: neither did."""


@dataclass(slots=True, eq=False)
class _Prompt:
    """Asks of the same tokens."""

    tokens: tuple[int, ...]
    waiting: deque[int] = field(default_factory=deque)
    """Places of the asks that have not begun."""
    slot: int = -1
    """Where its keys lie; −1: not entered."""


@dataclass(slots=True, eq=False)
class _Running:
    """An answer being made."""

    place: int
    ask: Ask
    slot: int
    made: list[int] = field(default_factory=list)

    @property
    def next(self) -> int:
        """The token to go through the model."""
        return self.made[-1] if self.made else self.ask.prompt[-1]

    @property
    def position(self) -> int:
        """Of that token."""
        return len(self.ask.prompt) + len(self.made) - 1


def generate(
    decoder: Decoder,
    tokenizer: Tokenizer,
    end: int,
    asks: Sequence[Ask],
    longest: int,
    batch: int = 32,
    say: Callable[[int, int], None] | None = None,
) -> list[Answer]:
    """Answer prompts. Up to float rounding, an answer depends on its own ask alone.

    Args:
        decoder: In float32 or bfloat16; logits are float32 in either.
        tokenizer: The decoder's own.
        end: The token that ends an answer; it is no part of it.
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
    return _Batch(decoder, tokenizer, end, asks, longest, min(batch, len(asks)), say).run()


class _Batch:
    """Slots, what runs in them, and what waits."""

    def __init__(
        self,
        decoder: Decoder,
        tokenizer: Tokenizer,
        end: int,
        asks: Sequence[Ask],
        longest: int,
        slots: int,
        say: Callable[[int, int], None] | None,
    ) -> None:
        """See `generate`."""
        self.decoder, self.tokenizer, self.end, self.asks, self.longest = decoder, tokenizer, end, asks, longest
        self.say = say
        self.device = decoder.output.device
        capacity = max(min(longest, len(ask.prompt) + ask.decoding.tokens) for ask in asks)
        self.cache = open_cache(decoder.shape, decoder.output, slots, capacity)
        self.logits = _output_layer(decoder)
        self.packed = packed_decoder(decoder)
        self.prompts: dict[tuple[int, ...], _Prompt] = {}
        for place, ask in enumerate(asks):
            self.prompts.setdefault(ask.prompt, _Prompt(ask.prompt)).waiting.append(place)
        self.closed = deque(self.prompts.values())
        self.kept: list[_Prompt | None] = [None] * slots
        self.running: list[_Running | None] = [None] * slots
        self.answers: dict[int, Answer] = {}

    @torch.inference_mode()
    def run(self) -> list[Answer]:
        """All answers."""
        while len(self.answers) < len(self.asks):
            entering = self._fill()
            going = [one for one in self.running if one is not None and one not in entering]
            self._step(going, entering)
        return [self.answers[place] for place in range(len(self.asks))]

    def _fill(self) -> list[_Running]:
        """Give free slots to waiting asks; those whose whole prompt has still to go through the model."""
        entering: list[_Running] = []
        room = PROMPT_TOKENS[self.device.type]
        opened = [prompt for prompt in self.prompts.values() if prompt.slot >= 0 and prompt.waiting]
        for slot, running in enumerate(self.running):
            if running is not None:
                continue
            here = self.kept[slot]
            if here is not None and here.waiting:
                self._begin(here, slot)
            elif self.closed and (len(self.closed[0].tokens) <= room or not entering):
                prompt = self.closed.popleft()
                room -= len(prompt.tokens)
                prompt.slot, self.kept[slot] = slot, prompt
                entering.append(self._begin(prompt, slot))
            elif source := next((prompt for prompt in opened if prompt.waiting), None):
                self.cache.copy(source.slot, slot, len(source.tokens) - 1)
                self.kept[slot] = source
                self._begin(source, slot)
        return sorted(entering, key=lambda one: len(one.ask.prompt))

    def _begin(self, prompt: _Prompt, slot: int) -> _Running:
        place = prompt.waiting.popleft()
        if not prompt.waiting:
            del self.prompts[prompt.tokens]
        self.running[slot] = begun = _Running(place, self.asks[place], slot)
        return begun

    def _step(self, going: list[_Running], entering: list[_Running]) -> None:
        """One pass, and the next token of every running answer."""
        runs = [Run(row, 1, one.slot, one.position) for row, one in enumerate(going)]
        ids, positions = [one.next for one in going], [one.position for one in going]
        wanted = list(range(len(going)))
        for one in entering:
            prompt = one.ask.prompt
            runs.append(Run(len(ids), len(prompt), one.slot, 0))
            ids += prompt
            positions += range(len(prompt))
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
        for one, token in zip(rows, choose(self.logits(hidden), [_draw(one) for one in rows]), strict=True):
            self._take(one, token)

    def _take(self, one: _Running, token: int) -> None:
        decoding = one.ask.decoding
        if token == self.end:
            return self._finish(one, self._text(one.made), one.made, "end")
        one.made.append(token)
        cut = self._cut(one.made, decoding.stop)
        if cut is not None:
            return self._finish(one, cut, self._within(one.made, cut), "stop")
        if len(one.made) == decoding.tokens or len(one.ask.prompt) + len(one.made) == self.longest:
            self._finish(one, self._text(one.made), one.made, "length")
        return None

    def _finish(self, one: _Running, text: str, tokens: Sequence[int], finish: Finish) -> None:
        self.answers[one.place] = Answer(text, tuple(tokens), finish)
        self.running[one.slot] = None
        if self.say is not None:
            self.say(len(self.answers), len(self.asks))

    def _text(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))

    def _cut(self, tokens: Sequence[int], stop: tuple[str, ...]) -> str | None:
        """The text before the first stop, if the last token has completed one.

        A token has a byte at least, so the last ones, as many as a stop has bytes, are read first.
        """
        if not stop:
            return None
        last = self._text(tokens[-max(len(text.encode()) for text in stop) - 2 :])
        if not any(text in last for text in stop):
            return None
        whole = self._text(tokens)
        found = [at for at in (whole.find(text) for text in stop) if at >= 0]
        return whole[: min(found)] if found else None

    def _within(self, tokens: list[int], text: str) -> list[int]:
        """The most tokens from the beginning that say nothing beyond the text."""
        count = len(tokens)
        while not text.startswith(self._text(tokens[:count])):
            count -= 1
        return tokens[:count]


def _draw(one: _Running) -> Draw:
    its = one.ask.decoding
    if its.temperature == 0:
        return Draw(0.0)
    return Draw(its.temperature, its.top_p, uniform(its.seed, one.ask.key, one.ask.sample, len(one.made)))


def _output_layer(decoder: Decoder) -> Callable[[Tensor], Tensor]:
    """Hidden states [rows, d] → logits [rows, vocabulary], float32."""
    if inference.fits(decoder.shape, decoder.output):
        return OutputLayer(decoder.output)
    output = decoder.output.float()
    return lambda hidden: F.linear(hidden.float(), output)
