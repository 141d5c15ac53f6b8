"""Many questions at a time, each until it is answered or known not to be.

A call that may succeed later (429, 5xx, a lost connection, a time-out, a reply that is no JSON) is made again after a
pause drawn evenly between nothing and a bound that doubles ("full jitter", so that callers who failed together do not
come back together), and no sooner than the server's Retry-After. Before a call is sent, the most that it can cost is
booked; one that would go over the budget waits for those under way, and if they leave no room, asking ends. What is
answered is in the cache before anybody hears of it.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from assay.endpoint.account import Account, Budget, Spent
from assay.endpoint.cache import Cache
from assay.endpoint.question import Endpoint, Failure, Question, Reply
from assay.endpoint.transport import Transport, Trouble

LONGEST_PAUSE = 60.0
"""Seconds between two tries, however many there were, unless the server asks for more."""
LONGEST_WAIT = 600.0
"""Seconds; a server that asks to be left alone for longer is not asked again."""

Say = Callable[[int, int], None]


@contextmanager
def open_client(endpoint: Endpoint, cache: Path, budget: Budget | None = None) -> Iterator["Client"]:
    """A client with its cache open.

    Args:
        endpoint: Whom to ask.
        cache: File of replies and costs; made where there is none. To resume is to open it again.
        budget: Caps over all runs with this cache; none if not given.

    Raises:
        InputError: The ``openai`` package is not installed, or ``cache`` is another kind of file.
        StepError: Another process has the cache open, or it cannot be written.
    """
    with Cache(cache) as kept:
        yield Client(endpoint, kept, budget or Budget())


class Client:
    """Asks one endpoint; for one thread."""

    account: Account
    """Of everything asked so far; printed, it is a report."""
    stopped: Failure | None
    """Why nothing more is asked: the budget, or what every question would meet. What is in the cache is still given."""

    def __init__(self, endpoint: Endpoint, cache: Cache, budget: Budget) -> None:
        self._endpoint = endpoint
        self._cache = cache
        self._budget = budget
        self._spent = cache.spent()
        self.stopped = None
        self._under_way = 0
        self._line: asyncio.Lock  # who waits for room does so in order; of the loop of one `ask`, as is the next
        self._settled: asyncio.Event
        self._next_turn = 0.0
        self._random = random.Random()  # only for pauses: two processes must not draw the same
        self.account = Account(earlier=self._spent)

    def ask(self, questions: Sequence[Question], say: Say | None = None) -> list[Reply | Failure]:
        """Ask what is not in the cache.

        Args:
            questions: In any number; the same one twice is asked once, unless its ``sample`` differs.
            say: Told how many are done, of how many different ones.

        Returns:
            A reply or the reason why there is none, in the order of the questions.

        Raises:
            InputError: The ``openai`` package is not installed.
            StepError: The cache cannot be written.
        """
        keys = [question.key(self._endpoint.model) for question in questions]
        different = dict(zip(keys, questions, strict=True))
        answers: dict[str, Reply | Failure] = {}
        for key in different:
            if (reply := self._cache.reply(key)) is not None:
                answers[key] = reply
                self.account.models[reply.model] += 1
        self.account.questions += len(different)
        self.account.cached += len(answers)
        if say:
            say(len(answers), len(different))
        missing = {key: question for key, question in different.items() if key not in answers}
        if missing:
            _run(lambda: asyncio.run(self._ask_all(missing, answers, say)))
        return [answers[key] for key in keys]

    async def _ask_all(
        self, missing: dict[str, Question], answers: dict[str, Reply | Failure], say: Say | None
    ) -> None:
        total = len(missing) + len(answers)
        waiting = iter(missing.items())
        self._line, self._settled = asyncio.Lock(), asyncio.Event()

        async def work(transport: Transport) -> None:
            for key, question in waiting:
                answers[key] = answer = await self._answer(transport, key, question)
                if isinstance(answer, Failure):
                    self.account.failed[answer.reason] += 1
                    self.account.words.setdefault(answer.reason, answer.words)
                else:
                    self.account.answered += 1
                    self.account.models[answer.model] += 1
                if say:
                    say(len(answers), total)

        async with Transport(self._endpoint) as transport:
            await asyncio.gather(*(work(transport) for _ in range(min(self._endpoint.concurrency, len(missing)))))

    async def _answer(self, transport: Transport, key: str, question: Question) -> Reply | Failure:
        trouble: Trouble | None = None
        for tried in range(self._endpoint.tries):
            if trouble:
                bound = min(LONGEST_PAUSE, self._endpoint.pause * 2 ** (tried - 1))
                await asyncio.sleep(self._random.uniform(0, bound))
            worst = self._worst(question)
            if not await self._room(worst):
                assert self.stopped is not None
                return replace(self.stopped, tries=tried)
            if trouble:
                self.account.retried[trouble.reason] += 1
            try:
                return await self._call(transport, key, question, worst)
            except Trouble as met:
                trouble = met
            self.account.words.setdefault(trouble.reason, trouble.words)
            failure = Failure(reason=trouble.reason, words=trouble.words, tries=tried + 1)
            if trouble.wait > LONGEST_WAIT:
                words = f"{trouble.words} (the server asks to be left alone for {trouble.wait:,.0f} seconds)"
                self.stopped = failure = replace(failure, words=words)
            if trouble.for_all:
                self.stopped = failure
            if self.stopped or not trouble.again:
                return failure
            self._next_turn = max(self._next_turn, time.monotonic() + trouble.wait)
        assert trouble is not None
        if trouble.reason == "connection" and not trouble.billed:
            self.stopped = failure
        return failure

    def _worst(self, question: Question) -> Spent:
        tokens_in = question.longest()
        return Spent(1, tokens_in + question.tokens, self._endpoint.dollars(tokens_in, question.tokens))

    async def _room(self, worst: Spent) -> bool:
        """Wait for a turn and for room in the budget, and take both; False if asking has ended."""
        async with self._line:
            while not self.stopped and (wait := self._next_turn - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            if self._endpoint.per_minute:
                self._next_turn = max(self._next_turn, time.monotonic()) + 60 / self._endpoint.per_minute
            while not self.stopped and (cap := self._budget.forbids(self._spent + worst)):
                if self._under_way:
                    self._settled.clear()
                    await self._settled.wait()
                else:
                    words = f"the next call might go over the cap of {cap}"
                    self.stopped = Failure(reason="budget", words=words, tries=0)
            if self.stopped:
                return False
            self._under_way += 1
            self._spent += worst
            return True

    async def _call(self, transport: Transport, key: str, question: Question, worst: Spent) -> Reply:
        number = self._cache.book(worst)
        self.account.calls += 1
        spent, at_worst = worst, True
        try:
            reply = await transport.call(question)
            dollars = self._endpoint.dollars(reply.tokens_in, reply.tokens_out)
            spent, at_worst = Spent(1, reply.tokens_in + reply.tokens_out, dollars), not reply.counted
            self._cache.settle(number, spent, key, reply)
            self.account.tokens_in += reply.tokens_in
            self.account.tokens_out += reply.tokens_out
            return reply
        except Trouble as trouble:
            if not trouble.billed:
                spent, at_worst = Spent(1), False
                self._cache.settle(number, spent)
            else:
                self.account.tokens_in += question.longest()
                self.account.tokens_out += question.tokens
            raise
        finally:
            self._under_way -= 1
            self._spent += spent - worst
            self.account.dollars += spent.dollars
            if at_worst:
                self.account.at_worst += 1
                self.account.dollars_at_worst += spent.dollars
            self._settled.set()


def _run(act: Callable[[], None]) -> None:
    """Run an event loop, in a thread of its own if this one has one already, as a notebook's does."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        act()
        return
    with ThreadPoolExecutor(1) as thread:
        thread.submit(act).result()
