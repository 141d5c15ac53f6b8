"""A judge behind an OpenAI-compatible endpoint.

Every pairing is one question to `assay.endpoint`'s client, which asks again where that may help, keeps what was said
on disk and never asks the same twice. The verdict is read out of what the model says, or from the log-probabilities of
the letters A and B where its reply begins: no words to misread, and a margin with each. A question that was never
answered is a verdict of none with the reason, and is listed; it is not in the cache, so the next run asks it again.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from assay.endpoint import Account, Budget, Client, Endpoint, Failure, Question, Reply, open_client
from assay.errors import InputError
from assay.judge.judgement import Pairing, Said, Say
from assay.judge.verdict import Format, letter_margin, preferred_by

TOP = 20
"""Likeliest tokens asked for; as many as hosted models tell."""
By = Literal["text", "logprobs"]


class EndpointJudge:
    """A `assay.judge.judgement.Judge`; a context manager, which has its cache open."""

    failures: list[Failure]
    """Of questions without a reply, in the order in which they were met."""

    def __init__(
        self,
        endpoint: Endpoint,
        format: Format,
        cache: Path,
        budget: Budget | None = None,
        by: By = "text",
        temperature: float | None = 0.0,
    ) -> None:
        """
        Args:
            endpoint: Whom to ask.
            format: What to ask.
            cache: File of replies and costs; made where there is none.
            budget: Caps over all runs with this cache.
            by: What the verdict is read from.
            temperature: None: the model's own; some hosted ones know no other.

        Raises:
            InputError: Log-probabilities are wanted of a format whose reply does not begin with a letter.
        """
        if by == "logprobs" and format.before:
            raise InputError(f"a reply in the format {format.name} does not begin with A or B: choose letters or plain")
        self.name = f"{endpoint.model} {format.name} by {by}"
        self.format, self.by, self.temperature = format, by, temperature
        self.failures = []
        self._opening = endpoint, cache, budget
        self._stack = ExitStack()
        self._client: Client | None = None

    def __enter__(self) -> Self:
        self._client = self._stack.enter_context(open_client(*self._opening))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    @property
    def account(self) -> Account:
        """Of everything asked so far; printed, it is a report. Also there when the judge is closed."""
        return self._opened.account

    def judge(self, pairings: Sequence[Pairing], say: Say | None = None) -> list[Said]:
        """What the model makes of each.

        Args:
            pairings: In any number; the same one twice is asked once.
            say: Told how many are done, of how many different ones.

        Raises:
            InputError: The ``openai`` package is not installed.
            StepError: The cache cannot be written.
        """
        answers = self._opened.ask([self.question(pairing) for pairing in pairings], say)
        self.failures += [answer for answer in answers if isinstance(answer, Failure)]
        return [self._said(answer) for answer in answers]

    def question(self, pairing: Pairing) -> Question:
        """What is asked about a pairing."""
        logprobs = self.by == "logprobs"
        return Question(
            messages=self.format.messages(pairing),
            tokens=1 if logprobs else self.format.tokens,
            temperature=self.temperature,
            logprobs=TOP if logprobs else 0,
        )

    @property
    def _opened(self) -> Client:
        if self._client is None:
            raise ValueError("the judge is not open: use it in a with statement")
        return self._client

    def _said(self, answer: Reply | Failure) -> Said:
        if isinstance(answer, Failure):
            tries = "try" if answer.tries == 1 else "tries"
            return Said(preferred="none", words=f"{answer.reason} after {answer.tries} {tries}: {answer.words}")
        if self.by == "text":
            return Said(preferred=self.format.read(answer.text, answer.finish == "length"), words=answer.text)
        if not answer.logprobs or not answer.logprobs[0].top:
            return Said(preferred="none", words=f"no log-probabilities came with the reply {answer.text!r}")
        top = answer.logprobs[0].top
        known: dict[str, float] = {}
        for text, logprob in top:
            known.setdefault(text, logprob)
        margin = letter_margin(known, min(logprob for _, logprob in top))
        if margin is None:
            return Said(preferred="none", words=f"neither A nor B is among the likeliest; the reply is {answer.text!r}")
        return Said(preferred=preferred_by(margin), margin=margin, words=answer.text)
