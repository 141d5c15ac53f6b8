"""A local model as a judge that chooses: how much likelier is it to say A than B?

The model reads a format's messages as its own chat template writes them, with the words that stand before the letter
of a verdict, and the two letters are scored; nothing is generated, so nothing can be unreadable. The beginnings that
pairings share (the rules; with both orders of a pair, the instruction) go through the model once. A small model leans
to one place whatever stands there: that is left to be seen, in the exam's position lean, not corrected here.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.judge.judgement import Pairing, Said, Say
from assay.judge.verdict import Format, preferred_by

if TYPE_CHECKING:
    from assay.endpoint.served import Served

LETTERS = (("A", " A"), ("B", " B"))
"""How each is begun; which of the two a model would write depends on its template and its tokenizer."""
TIE_NATS = 0.0
"""Margins up to this are ties."""


class LocalJudge:
    """An `assay.judge.judgement.Judge` whose margins are in nats."""

    def __init__(self, served: "Served", format: Format, tie: float = TIE_NATS) -> None:
        """
        Args:
            served: A model with its chat template, from `assay.endpoint.served.open_served`.
            format: What to ask.
            tie: In nats; a margin up to this, either way, prefers neither.
        """
        self.name = f"{served.name} {format.name} verdict"
        self.served, self.format, self.tie = served, format, tie
        self._letters = [
            [tuple(served.tokenizer.encode(text, add_special_tokens=False).ids) for text in spellings]
            for spellings in LETTERS
        ]

    def judge(self, pairings: Sequence[Pairing], say: Say | None = None) -> list[Said]:
        """What it makes of each.

        Args:
            pairings: In any number; one that is longer than the model can read is a verdict of none.
            say: Told how many letters are scored, and of how many.
        """
        from assay.evaluate.scorer import score_pairs

        contexts = [self.context(pairing) for pairing in pairings]
        room = self.served.longest - max(len(letter) for spellings in self._letters for letter in spellings)
        scores = iter(
            score_pairs(
                self.served.decoder,
                [
                    (context, letter)
                    for context in contexts
                    if len(context) <= room
                    for spellings in self._letters
                    for letter in spellings
                ],
                say,
            )
        )
        return [
            self._said([next(scores).logprob for spellings in self._letters for _ in spellings])
            if len(context) <= room
            else Said(preferred="none", words=f"{len(context):,} tokens; {self.name} reads at most {room:,}")
            for context in contexts
        ]

    def context(self, pairing: Pairing) -> tuple[int, ...]:
        """The tokens that the letter of the verdict follows."""
        messages = [{"role": role, "content": text} for role, text in self.format.messages(pairing)]
        ids = self.served.chat.encode(self.served.tokenizer, messages)
        before = self.served.tokenizer.encode(self.format.before, add_special_tokens=False).ids
        return (*ids, *before)

    def _said(self, logprobs: Sequence[float]) -> Said:
        first, second = _sum(logprobs[:2]), _sum(logprobs[2:])
        margin = first - second
        words = f"A {math.exp(first):.3g}, B {math.exp(second):.3g}"
        return Said(preferred=preferred_by(margin, self.tie), margin=margin, words=words)


def _sum(logprobs: Sequence[float]) -> float:
    """Logarithm of the sum of probabilities."""
    most = max(logprobs)
    return most + math.log(math.fsum(math.exp(one - most) for one in logprobs))
