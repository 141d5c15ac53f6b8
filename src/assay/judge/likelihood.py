"""The reference-likelihood judge: how many bits a byte does an answer cost a model that has read the prompt?

A model too small to choose between two answers still knows ordinary English that fits a prompt from what is not, so
each answer is measured alone, and the order in which two are shown cannot matter. Likelihood by itself likes
repetition and short, common phrases; penalties in the same unit, bits per byte, see to that. It measures fluency,
fit and completeness; of whether an answer is true it knows next to nothing.

    badness = bits given the prompt + GAIN * (bits given the prompt - bits given an empty one)
              + END * bits of ending there + REPEATED * share of repeated trigrams of words
              + COMPRESSED * shortfall of compressed size + SHORT * doublings below the usual length + LONG * above it

with each bits per byte, and the lower the better; the margin is the difference.
"""

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.judge.judgement import Pairing, Said, Say
from assay.judge.verdict import preferred_by

if TYPE_CHECKING:
    from assay.endpoint.served import Served


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What each part counts for, in bits per byte."""

    gain: float
    end: float
    repeated: float
    compressed: float
    short: float
    long: float


WEIGHTS = Weights(gain=2.0, end=0.07, repeated=1.4, compressed=3.8, short=0.5, long=0.5)
"""Fitted with SmolLM2-135M-Instruct: a logistic regression of which answer is better on the differences of the parts,
over an exam of 50 Dolly rows, divided by the weight of the bits given the prompt and rounded. The rows have answers of
15 to 150 words, and the SHA-256 of their name (``dolly-7`` is the eighth) begins with an even byte; the odd ones and
Assay's own prompts stay unseen. With a fifth left out in turn, it is right on 95 % of those cases, and likelihood alone
on 75 %, as it prefers the repeated. Nothing there is long, or short without being empty: ``short`` and ``long`` are set
by hand."""
LEAST_BYTES = 40
"""Shortest usual length, in UTF-8."""
MOST_BYTES = 2400
"""Longest usual length."""
USUAL_RATIO = 0.45
"""Compressed size of a text of `RATIO_BYTES` or more over its size, at least, where nothing repeats itself."""
RATIO_BYTES = 100
"""Shorter texts do not compress."""
MOST_END = 16.0
"""Bits at most for ending: whether a model is certain or very certain that more was to come is all one."""
NOTHING = 4.0
"""Bits per byte of an answer without a byte: what random letters cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """An answer's parts."""

    given: float
    """Bits per byte behind the prompt."""
    alone: float
    """Bits per byte behind an empty prompt."""
    end: float
    """Bits of ending behind it, `MOST_END` at most."""
    repeated: float
    """Share of the trigrams of words that were there before."""
    compressed: float
    """How far its compressed size, as a share of its size, is below `USUAL_RATIO`."""
    short: float
    """Doublings from its bytes up to `LEAST_BYTES`."""
    long: float
    """Doublings from `MOST_BYTES` up to its bytes."""

    def badness(self, weights: Weights = WEIGHTS) -> float:
        """Bits per byte, penalties with them; see the module."""
        return (
            self.given
            + weights.gain * (self.given - self.alone)
            + weights.end * self.end
            + weights.repeated * self.repeated
            + weights.compressed * self.compressed
            + weights.short * self.short
            + weights.long * self.long
        )


class LikelihoodJudge:
    """An `assay.judge.judgement.Judge` whose margins are in bits per byte."""

    def __init__(self, served: "Served", weights: Weights = WEIGHTS, tie: float = 0.0) -> None:
        """
        Args:
            served: A model with its chat template, from `assay.endpoint.served.open_served`.
            weights: Those of the formula; fitted for SmolLM2-135M-Instruct.
            tie: In bits per byte; a margin up to this, either way, prefers neither.
        """
        self.name = f"{served.name} likelihood"
        self.served, self.weights, self.tie = served, weights, tie

    def judge(self, pairings: Sequence[Pairing], say: Say | None = None) -> list[Said]:
        """What it makes of each; an answer that stands in several pairings is measured once.

        Args:
            pairings: In any number; one that is longer than the model can read is a verdict of none.
            say: Told how many texts are scored, and of how many.
        """
        asked = dict.fromkeys((one.prompt.text, answer) for one in pairings for answer in (one.first, one.second))
        known = dict(zip(asked, self.measure(list(asked), say), strict=True))
        return [self._said(known[one.prompt.text, one.first], known[one.prompt.text, one.second]) for one in pairings]

    def measure(self, answers: Sequence[tuple[str, str]], say: Say | None = None) -> list[Measured | None]:
        """Parts of the badness of answers.

        Args:
            answers: Prompt and answer of each. Blanks around an answer are no part of it.
            say: Told how many texts are scored, and of how many.

        Returns:
            One for each; None where prompt and answer are longer than the model can read.
        """
        from assay.evaluate.scorer import score_pairs

        empty = self._context("")
        endings = self._endings()
        most = max(map(len, endings))
        pairs, fits = [], []
        for prompt, answer in answers:
            ids = self._ids(answer.strip())
            context = self._context(prompt)
            fits.append(max(len(context), len(empty)) + len(ids) + most <= self.served.longest)
            if fits[-1]:
                pairs += [(context, ids), (empty, ids), *(((*context, *ids), ending) for ending in endings)]
        scores = iter([score.logprob for score in score_pairs(self.served.decoder, pairs, say)])
        return [
            measured(answer.strip(), _bits(next(scores)), _bits(next(scores)), _bits(*(next(scores) for _ in endings)))
            if fit
            else None
            for (_, answer), fit in zip(answers, fits, strict=True)
        ]

    def _context(self, prompt: str) -> tuple[int, ...]:
        return self.served.chat.encode(self.served.tokenizer, [{"role": "user", "content": prompt}])

    def _endings(self) -> list[tuple[int, ...]]:
        """What ends an answer: a token, or for a model that was never taught to talk the words of the next turn."""
        return [*((end,) for end in sorted(self.served.ends)), *map(self._ids, self.served.chat.stops)]

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self.served.tokenizer.encode(text, add_special_tokens=False).ids)

    def _said(self, first: Measured | None, second: Measured | None) -> Said:
        if first is None or second is None:
            return Said(preferred="none", words=f"longer than the {self.served.longest:,} tokens that the model reads")
        one, other = first.badness(self.weights), second.badness(self.weights)
        words = f"{one:.3f} against {other:.3f} bits per byte with penalties"
        return Said(preferred=preferred_by(other - one, self.tie), margin=other - one, words=words)


def measured(answer: str, given: float, alone: float, end: float) -> Measured:
    """The parts of an answer's badness.

    Args:
        answer: Its text.
        given: Bits of the whole behind the prompt.
        alone: Bits of the whole behind an empty prompt.
        end: Bits of ending behind prompt and answer.
    """
    written = answer.encode(errors="replace")
    size = len(written)
    words = re.findall(r"\w+|[^\w\s]", answer.casefold())
    trigrams = list(zip(words, words[1:], words[2:], strict=False))
    ratio = len(zlib.compress(written, 9)) / size if size >= RATIO_BYTES else 1.0
    return Measured(
        given=given / size if size else NOTHING,
        alone=alone / size if size else NOTHING,
        end=min(end, MOST_END),
        repeated=1 - len(set(trigrams)) / len(trigrams) if trigrams else 0.0,
        compressed=max(0.0, USUAL_RATIO - ratio),
        short=max(0.0, math.log2(LEAST_BYTES / (size + 1))),
        long=max(0.0, math.log2((size + 1) / MOST_BYTES)),
    )


def _bits(*logprobs: float) -> float:
    """Of one or the other coming next; natural logarithms of their probabilities are given."""
    most = max(logprobs)
    return -(most + math.log(math.fsum(math.exp(one - most) for one in logprobs))) / math.log(2)
