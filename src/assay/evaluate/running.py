"""Answers being made together, which others may join and leave between any two tokens.

One pass of the decoder takes the next token of every running answer and, beside them in the same flat row, the whole
prompts of those that enter: short answers leave at once, the next prompt takes the slot, and the weights are read once
for all. Asks of one prompt share its keys: the next one begins in the same slot, or in a copy of it. Text is always
that of all an answer's tokens decoded together, so a character that lies in several tokens comes out whole, and a stop
is found wherever it lies across them. One thread at a time may use a batch. No beam search, no penalties.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from assay.evaluate.decoding import Decoding, Finish
from assay.evaluate.key_cache import Run, open_cache
from assay.evaluate.sampling import Draw, choose, uniform
from assay.model.decoder import Decoder
from assay.model.inference import flat_hidden
from assay.model.native import inference
from assay.model.native.decode import OutputLayer, packed_decoder

PROMPT_TOKENS = {"cpu": 2048, "cuda": 16384}
"""Tokens of prompts that enter in one pass, by device; a longer prompt enters without others."""


@dataclass(eq=False)
class Running:
    """A prompt and what has been said to it so far. Its batch alone writes to it."""

    key: str
    """With the seed and the number of the sample it decides what is drawn."""
    prompt: tuple[int, ...]
    """Tokens, one at least."""
    decoding: Decoding
    sample: int = 0
    ends: frozenset[int] = frozenset()
    """Tokens that end the answer; they are no part of it."""
    made: list[int] = field(default_factory=list, init=False)
    """Tokens of the answer."""
    text: str = field(default="", init=False)
    """All of it, once it is finished."""
    finish: Finish | None = field(default=None, init=False)
    """Set last; None: it is not finished."""
    slot: int = field(default=-1, init=False)
    """Where its keys lie; −1: it has not begun."""

    @property
    def next(self) -> int:
        """The token to go through the model."""
        return self.made[-1] if self.made else self.prompt[-1]

    @property
    def position(self) -> int:
        """Of that token."""
        return len(self.prompt) + len(self.made) - 1

    @property
    def draw(self) -> Draw:
        """What decides the token behind it."""
        its = self.decoding
        if its.temperature == 0:
            return Draw(0.0)
        return Draw(its.temperature, its.top_p, uniform(its.seed, self.key, self.sample, len(self.made)))

    def close(self, count: int, text: str, finish: Finish) -> None:
        """Be finished, with so many of the tokens and their text."""
        del self.made[count:]
        self.text, self.finish = text, finish


One = TypeVar("One", bound=Running)


@dataclass(slots=True, eq=False)
class _Prompt(Generic[One]):
    """A prompt and who waits for it. Whoever comes once it has entered waits at the end of the queue, as a prompt of
    their own: so one that is asked without end does not keep the others out."""

    tokens: tuple[int, ...]
    waiting: deque[One] = field(default_factory=deque)


class Batch(Generic[One]):
    """Slots, what runs in them, and what waits."""

    def __init__(self, decoder: Decoder, tokenizer: Tokenizer, longest: int, slots: int, capacity: int) -> None:
        """
        Args:
            decoder: In float32 or bfloat16; logits are float32 in either.
            tokenizer: Its own.
            longest: Tokens that a prompt and its answer may take together.
            slots: Answers made at a time.
            capacity: Most tokens that a prompt and its answer will take together.
        """
        self.decoder, self.tokenizer, self.longest = decoder, tokenizer, longest
        self.device = decoder.output.device
        self.cache = open_cache(decoder.shape, decoder.output, slots, capacity)
        self.logits = output_logits(decoder)
        self.packed = packed_decoder(decoder)
        self.silent = {token for token, about in tokenizer.get_added_tokens_decoder().items() if about.special}
        """Tokens that are no part of a text."""
        self.closed: OrderedDict[tuple[int, ...], _Prompt[One]] = OrderedDict()
        """Prompts that have not entered, in the order they came."""
        self.opened: list[_Prompt[One]] = []
        """Those that have, and are still waited for."""
        self.kept: list[_Prompt[One] | None] = [None] * slots
        """What each slot begins with; it stays there while somebody waits for it."""
        self.running: list[One | None] = [None] * slots

    def __bool__(self) -> bool:
        """Whether anything is left to do."""
        return bool(self.closed or self.opened) or any(self.running)

    def add(self, one: One) -> None:
        """Let somebody wait. The prompt has a token at least, and fewer than ``longest``."""
        self.closed.setdefault(one.prompt, _Prompt(one.prompt)).waiting.append(one)

    def drop(self, one: One) -> None:
        """Forget somebody who runs or waits; of one that is finished nothing is changed."""
        if one.slot >= 0:
            if self.running[one.slot] is one:
                self.running[one.slot] = None
            return
        for prompt in (*self.opened, self.closed.get(one.prompt)):
            if prompt is not None and one in prompt.waiting:
                prompt.waiting.remove(one)
                self._tidy(prompt)

    def clear(self) -> list[One]:
        """Forget all that run or wait, and what is kept; who they were."""
        waiting = [one for prompt in (*self.opened, *self.closed.values()) for one in prompt.waiting]
        gone = [*filter(None, self.running), *waiting]
        self.closed.clear()
        self.opened.clear()
        self.running, self.kept = [None] * len(self.running), [None] * len(self.kept)
        return gone

    @torch.inference_mode()
    def step(self) -> list[One]:
        """One pass of the model: a token for each that runs, the whole prompts of those that enter.

        Returns:
            Those that it has finished.
        """
        entering = self._fill()
        going = [one for one in self.running if one is not None and one not in entering]
        runs = [Run(row, 1, one.slot, one.position) for row, one in enumerate(going)]
        ids, positions = [one.next for one in going], [one.position for one in going]
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
        for one, token in zip(rows, self._choose(rows, self.logits(hidden)), strict=True):
            self._take(one, token)
        return [one for one in rows if one.finish is not None]

    def _fill(self) -> list[One]:
        """Give free slots to those that wait; the ones whose whole prompt has still to go through the model, shortest
        first. Whoever shares the prompt of one of these can begin in the next step."""
        entering: list[One] = []
        room = PROMPT_TOKENS[self.device.type]
        opened = list(self.opened)
        for slot, running in enumerate(self.running):
            if running is not None:
                continue
            here, first = self.kept[slot], next(iter(self.closed.values()), None)
            if here is not None and here.waiting:
                self._begin(here, slot)
            elif first is not None and self._copy(first, slot):
                self._begin(self._open(), slot)
            elif first is not None and (len(first.tokens) <= room or not entering):
                room -= len(first.tokens)
                entering.append(self._begin(self._open(), slot))
            elif shared := next((prompt for prompt in opened if prompt.waiting), None):
                self._copy(shared, slot)
                self._begin(shared, slot)
        return sorted(entering, key=lambda one: len(one.prompt))

    def _copy(self, prompt: _Prompt[One], slot: int) -> bool:
        """Have a slot begin with a prompt that it or another begins with already; False: none does."""
        sources = [at for at, kept in enumerate(self.kept) if kept and kept.tokens == prompt.tokens]
        if sources and slot not in sources:
            self.cache.copy(sources[0], slot, len(prompt.tokens) - 1)
        return bool(sources)

    def _open(self) -> _Prompt[One]:
        prompt = self.closed.popitem(last=False)[1]
        self.opened.append(prompt)
        return prompt

    def _begin(self, prompt: _Prompt[One], slot: int) -> One:
        one = prompt.waiting.popleft()
        self._tidy(prompt)
        self.kept[slot], self.running[slot], one.slot = prompt, one, slot
        return one

    def _tidy(self, prompt: _Prompt[One]) -> None:
        """Take a prompt off the queue once nobody waits for it."""
        if prompt.waiting:
            return
        if prompt in self.opened:
            self.opened.remove(prompt)
        else:
            del self.closed[prompt.tokens]

    def _choose(self, rows: Sequence[One], logits: Tensor) -> list[int]:
        """The next token of each; ``logits``: [rows, vocabulary], written over."""
        return choose(logits, [one.draw for one in rows])

    def _take(self, one: One, token: int) -> None:
        decoding = one.decoding
        if token in one.ends:
            return self._finish(one, self._text(one.made), "end")
        one.made.append(token)
        cut = self._cut(one.made, decoding.stop)
        if cut is not None:
            return self._finish(one, cut, "stop")
        if len(one.made) == decoding.tokens or len(one.prompt) + len(one.made) == self.longest:
            self._finish(one, self._text(one.made), "length")
        return None

    def _finish(self, one: One, text: str, finish: Finish) -> None:
        """Keep the most tokens from the beginning that say nothing beyond the text."""
        count = len(one.made)
        while not text.startswith(self._text(one.made[:count])):
            count -= 1
        self.running[one.slot] = None
        one.close(count, text, finish)

    def _text(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))

    def _cut(self, tokens: Sequence[int], stop: tuple[str, ...]) -> str | None:
        """The text before the first stop, if the last token has completed one.

        A token that is not silent has a byte at least, so the last of them, as many as a stop has bytes, are read
        first.
        """
        if not stop:
            return None
        heard = (token for token in reversed(tokens) if token not in self.silent)
        last = self._text([*islice(heard, max(len(text.encode()) for text in stop) + 2)][::-1])
        if not any(text in last for text in stop):
            return None
        whole = self._text(tokens)
        found = [at for at in (whole.find(text) for text in stop) if at >= 0]
        return whole[: min(found)] if found else None


def output_logits(decoder: Decoder) -> Callable[[Tensor], Tensor]:
    """The output layer: hidden states [rows, d] → logits [rows, vocabulary], float32 whatever the weights' type."""
    if inference.fits(decoder.shape, decoder.output):
        return OutputLayer(decoder.output)
    output = decoder.output.float()
    return lambda hidden: F.linear(hidden.float(), output)
