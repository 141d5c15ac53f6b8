"""Which steps are still to be made, which of them can begin, and which goes first. Pure: it starts nothing.

What is wanted is found backwards from the goals, so nothing is made that no goal needs, and what the store holds is
never made again. Among the steps that can begin, the one with the longest way to go goes first. Each change costs a
look at its neighbours, not at the whole study, so that thousands of steps cost milliseconds.
"""

import heapq
from collections.abc import Callable, Iterable

from assay.run.step import Step


class Queue:
    """The steps that lead to some goals."""

    def __init__(self, goals: Iterable[Step], has: Callable[[Step], bool]) -> None:
        """
        Args:
            goals: What is to be there in the end.
            has: Whether the store holds a step's artifact.
        """
        self._has = has
        self.wanted: dict[str, Step] = {}
        """Not made yet, by key."""
        self.held: dict[str, Step] = {}
        """Found in the store, by key."""
        self._users: dict[str, list[str]] = {}
        self._missing: dict[str, int] = {}
        self._ways: dict[str, float] = {}
        self._ready: list[tuple[float, int, str]] = []
        self._met = 0
        self.running: dict[str, Step] = {}
        self._want(list(goals))

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return bool(self.wanted)

    @property
    def can_begin(self) -> bool:
        """Whether `take` would give a step now."""
        return bool(self._ready)

    def take(self) -> Step:
        """The step to begin with next."""
        step = self.wanted[heapq.heappop(self._ready)[2]]
        self.running[step.key] = step
        return step

    def done(self, step: Step) -> None:
        """A step's artifact is there."""
        del self.running[step.key]
        del self.wanted[step.key]
        for user in self._users.pop(step.key, ()):
            if user in self._missing:
                self._missing[user] -= 1
                self._offer(user)

    def put_back(self, step: Step) -> None:
        """A step was not carried out and is to be tried again."""
        del self.running[step.key]
        self._offer(step.key)

    def damaged(self, step: Step, kind: str, key: str) -> Step | None:
        """A step found something it reads damaged or gone: that is made anew first.

        Returns:
            The step that makes it, where that is news; None where it is being made anew already.
        """
        bad = next(need for need in step.needs if (need.kind, need.key) == (kind, key))
        news = bad.key not in self.wanted
        self.held.pop(bad.key, None)
        del self.running[step.key]
        del self.wanted[step.key]
        self._want([step])
        return bad if news else None

    def _want(self, goals: list[Step]) -> None:
        found: list[Step] = []
        while goals:
            step = goals.pop()
            if step.key in self.wanted or step.key in self.held:
                continue
            if self._has(step):
                self.held[step.key] = step
                continue
            self.wanted[step.key] = step
            found.append(step)
            goals += step.needs
        for step in found:
            needs = {need.key for need in step.needs if need.key in self.wanted}
            self._missing[step.key] = len(needs)
            for need in needs:
                self._users.setdefault(need, []).append(step.key)
        self._ways.clear()
        for step in found:
            self._offer(step.key)

    def _offer(self, key: str) -> None:
        if self._missing[key] == 0 and key not in self.running:
            self._met += 1
            heapq.heappush(self._ready, (-self._way(key), self._met, key))

    def _way(self, key: str) -> float:
        """Work from a step's beginning to the end of the longest chain that needs it; without recursion, as chains of
        training are long."""
        waiting = [key]
        while waiting:
            top = waiting[-1]
            if top in self._ways:
                waiting.pop()
                continue
            users = [user for user in self._users.get(top, ()) if user in self.wanted]
            unknown = [user for user in users if user not in self._ways]
            if unknown:
                waiting += unknown
                continue
            self._ways[top] = self.wanted[top].size + 1 + max((self._ways[user] for user in users), default=0.0)
            waiting.pop()
        return self._ways[key]
