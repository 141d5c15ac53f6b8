"""Problems from an endpoint: asked for, read, proved, and shown to the model again where they were refused.

What is asked is a pure function of the seed, the number and the replies before, and every reply is in the cache before
it is looked at: a run that was killed, or stopped by its budget, goes on where it was by being started again. Numbers
are worked through a chunk at a time; a chunk's first problems are proved together before its repairs are asked for. How
many calls are made at a time changes nothing in the result.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.corpus.licences import UNKNOWN
from assay.corpus.synthesis.model.prompts import VERSION, Prompt, draw, prompt, repair
from assay.corpus.synthesis.model.reply import Unreadable, read_reply, shape
from assay.corpus.synthesis.record import Candidate, Record, Refused
from assay.corpus.synthesis.verification import Prover
from assay.endpoint import Account, Budget, Client, Endpoint, Failure, Question, Reply, open_client

TEMPERATURE = 0.8
TOP_P = 0.95
TOKENS = 1536
"""Room for a reply."""
CHUNK = 64
SHOWN = 4000
"""Characters of a refused reply that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came of asking."""

    records: tuple[Record, ...]
    """By number."""
    refused: tuple[Refused, ...]
    """By number, for the last version of each."""
    failures: tuple[tuple[str, Failure], ...]
    """Those whose first question had no reply: id and reason. The next run asks them again."""
    account: Account


@dataclass(slots=True)
class _Attempt:
    """A number on its way: the last reply to it, and what became of that."""

    prompt: Prompt
    repairs: int = 0
    reply: Reply | None = None
    result: Record | Refused | Failure | None = None


def make_problems(
    endpoint: Endpoint,
    wanted: int | None,
    questions: int,
    seed: int,
    prover: Prover,
    cache: Path,
    budget: Budget | None = None,
    snippets: Sequence[str] = (),
    repairs: int = 2,
    say: Callable[[str], None] | None = None,
    licence: str = UNKNOWN,
    tokens: int = TOKENS,
) -> Made:
    """Ask a model for problems and prove them.

    Args:
        endpoint: Whom to ask.
        wanted: Stop when there are so many records; as many as there will be if None.
        questions: First questions at most; a repair is a further one.
        seed: Another seed asks other questions.
        prover: Runs what the model wrote, in the sandbox.
        cache: File of replies and costs.
        budget: Caps over all runs with this cache.
        snippets: Real code, shown to the model with every second question.
        repairs: How often at most a refused problem is shown to the model again.
        say: Told in a sentence how far it is.
        licence: Of what this model writes, as an SPDX expression.
        tokens: Room for a reply.

    Raises:
        InputError: The ``openai`` package is not installed, or ``cache`` is another kind of file.
        StepError: The cache is in use or cannot be written, or the sandbox was lost.
    """
    maker = _Maker(endpoint.model, seed, prover, licence, tokens)
    attempts: list[_Attempt] = []
    with open_client(endpoint, cache, budget) as client:
        for begin in range(0, questions, CHUNK):
            numbers = range(begin, min(questions, begin + CHUNK))
            chunk = [_Attempt(prompt(seed, number, snippets)) for number in numbers]
            maker.settle(client, chunk, repairs)
            attempts += chunk
            proved = sum(isinstance(one.result, Record) for one in attempts)
            if say:
                say(f"{len(attempts):,} of {questions:,} problems asked for, {proved:,} proved")
            if wanted is not None and proved >= wanted:
                attempts = _up_to(attempts, wanted)
                break
            if client.stopped:
                break
        account = client.account
    return Made(
        records=tuple(one.result for one in attempts if isinstance(one.result, Record)),
        refused=tuple(one.result for one in attempts if isinstance(one.result, Refused)),
        failures=tuple((maker.id(one.prompt), one.result) for one in attempts if isinstance(one.result, Failure)),
        account=account,
    )


class _Maker:
    def __init__(self, model: str, seed: int, prover: Prover, licence: str, tokens: int) -> None:
        self._model = model
        self._seed = seed
        self._prover = prover
        self._licence = licence
        self._tokens = tokens
        self._shapes: set[str] = set()

    def id(self, asked: Prompt) -> str:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", self._model)
        return f"model-{name}-{self._seed}-{asked.number:06d}"

    def settle(self, client: Client, chunk: list[_Attempt], repairs: int) -> None:
        """Ask, prove and repair until every attempt is a record, refused, or without a reply."""
        open_ones = chunk
        while open_ones:
            answers = client.ask([self._question(one) for one in open_ones])
            answered = []
            for one, answer in zip(open_ones, answers, strict=True):
                if isinstance(answer, Reply):
                    one.reply = answer
                    answered.append(one)
                elif one.result is None:
                    one.result = answer
            self._judge(answered)
            open_ones = [one for one in answered if isinstance(one.result, Refused) and one.repairs < repairs]
            for one in open_ones:
                one.repairs += 1
        for one in chunk:
            if isinstance(one.result, Record):
                one.result = self._if_new(one.result)

    def _question(self, one: _Attempt) -> Question:
        messages = [("user", one.prompt.text)]
        if one.reply is not None and isinstance(one.result, Refused):
            messages.append(("assistant", one.reply.text))
            messages.append(("user", repair(one.result.stage, one.result.why, one.result.detail)))
        return Question(
            messages=tuple(messages),
            tokens=self._tokens,
            temperature=TEMPERATURE,
            top_p=TOP_P,
            seed=draw(2**31, "decoding", self._seed, one.prompt.number, one.repairs),
            sample=one.repairs,
        )

    def _judge(self, answered: list[_Attempt]) -> None:
        candidates: list[tuple[_Attempt, Candidate]] = []
        for one in answered:
            made = self._candidate(one)
            if isinstance(made, Candidate):
                candidates.append((one, made))
            else:
                one.result = made
        results = self._prover.prove([made for _, made in candidates], together=False) if candidates else []
        for (one, _), result in zip(candidates, results, strict=True):
            one.result = result

    def _candidate(self, one: _Attempt) -> Candidate | Refused:
        asked, reply = one.prompt, one.reply
        assert reply is not None
        try:
            draft = read_reply(reply.text)
        except Unreadable as error:
            cut = (
                f"The reply ended after {reply.tokens_out} tokens, in the middle. " if reply.finish == "length" else ""
            )
            return Refused(
                id=self.id(asked),
                maker="model",
                stage="syntax",
                why=error.why,
                detail=cut + error.detail,
                text=reply.text[:SHOWN],
            )
        provenance = {"model": reply.model or self._model, "prompts": VERSION, "prompt": str(asked.number)}
        provenance |= {"topic": asked.topic, "repairs": str(one.repairs)}
        if asked.snippet:
            provenance["snippet"] = hashlib.sha256(asked.snippet.encode(errors="replace")).hexdigest()[:16]
        else:
            provenance["place"] = asked.place
        return Candidate(
            id=self.id(asked),
            maker="model",
            statement=draft.statement,
            entry=draft.entry,
            signature=draft.signature,
            solution=draft.solution,
            inputs=draft.inputs,
            properties=draft.properties,
            tests=draft.tests,
            difficulty={"inputs": draft.parameters, "lines": len(draft.solution.splitlines())},
            topics=("code",) if asked.snippet else (asked.topic,),
            group=f"model/{draft.entry}",
            provenance=provenance,
            seed=self._seed,
            licence=self._licence,
        )

    def _if_new(self, record: Record) -> Record | Refused:
        """The record, or its refusal if one with the same solution came before."""
        problem = record.problem
        solved = shape(problem.solution)
        if solved not in self._shapes:
            self._shapes.add(solved)
            return record
        text = f"{problem.statement}\n\n{problem.solution}"
        return Refused(id=problem.id, maker="model", stage="duplicate", why="the same solution came before", text=text)


def _up_to(attempts: list[_Attempt], wanted: int) -> list[_Attempt]:
    """Those up to the record that fills the number wanted, so that a chunk's length shows in nothing."""
    proved = 0
    for at, one in enumerate(attempts):
        proved += isinstance(one.result, Record)
        if proved == wanted:
            return attempts[: at + 1]
    return attempts
