"""What asking may cost, and what became of it.

A cap holds over everything that a cache has seen, the earlier runs with it: who is stopped by it, or killed, and goes
on, spends no more than was allowed in all. What may have been billed and cannot be known (a call that timed out, a
reply that was cut) is booked at its worst.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Caps over all runs with one cache; None is no cap."""

    dollars: float | None = None
    tokens: int | None = None
    """Of questions and replies together."""
    calls: int | None = None

    def forbids(self, spent: "Spent") -> str:
        """Which cap ``spent`` would be over, in words; empty if none."""
        if self.dollars is not None and spent.dollars > self.dollars * (1 + 1e-12):
            return f"${self.dollars:g}"
        if self.tokens is not None and spent.tokens > self.tokens:
            return f"{self.tokens:,} tokens"
        if self.calls is not None and spent.calls > self.calls:
            return f"{self.calls:,} calls"
        return ""


@dataclass(frozen=True, slots=True)
class Spent:
    """Calls, tokens and dollars."""

    calls: int = 0
    tokens: int = 0
    dollars: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.calls + other.calls, self.tokens + other.tokens, self.dollars + other.dollars)

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.calls - other.calls, self.tokens - other.tokens, self.dollars - other.dollars)


@dataclass(slots=True, kw_only=True)
class Account:
    """What one client has done since it was opened; ``str`` makes a report of it."""

    questions: int = 0
    """Different ones that were given; one given again counts once for each `Client.ask`."""
    answered: int = 0
    cached: int = 0
    calls: int = 0
    """Sent, the repeated ones with them."""
    retried: Counter[str] = field(default_factory=Counter)
    """Calls that were made again, by the reason why the one before had failed."""
    failed: Counter[str] = field(default_factory=Counter)
    """Questions without a reply, by reason."""
    words: dict[str, str] = field(default_factory=dict)
    """The first words heard with each reason, of a retried call or a failed one."""
    tokens_in: int = 0
    tokens_out: int = 0
    dollars: float = 0.0
    """Of this run's calls, with ``dollars_at_worst``."""
    at_worst: int = 0
    """Calls whose tokens nobody told, booked as the most that they can have been."""
    dollars_at_worst: float = 0.0
    models: Counter[str] = field(default_factory=Counter)
    """Replies by the name under which the server gave them, those from the cache with them."""
    earlier: Spent = Spent()
    """By earlier runs with the same cache."""

    def __str__(self) -> str:
        lost = sum(self.failed.values())
        lines = [
            f"{self.questions:,} questions: {self.answered:,} answered, {self.cached:,} from the cache, "
            f"{lost:,} failed",
            f"calls   {self.calls:,}, {sum(self.retried.values()):,} of them made again"
            + (f": {_listed(self.retried)}" if self.retried else ""),
            f"tokens  {self.tokens_in:,} in, {self.tokens_out:,} out",
            f"cost    {_money(self.dollars)}",
        ]
        if self.at_worst:
            lines[-1] += (
                f", with {_money(self.dollars_at_worst)} for {self.at_worst:,} calls whose tokens nobody told, "
                "taken at the most"
            )
        if self.earlier.calls:
            lines[-1] += f"; earlier, with this cache, {_money(self.earlier.dollars)} for {self.earlier.calls:,} calls"
        if self.models:
            lines.append(f"models  {_listed(self.models)}")
            if len(self.models) > 1:
                lines[-1] += ": the name under which it answers changed"
        if self.failed:
            lines.append(f"failed  {_listed(self.failed)}")
        lines += [f"        {reason}: {self.words[reason]}" for reason in self.words]
        return "\n".join(lines)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({number:,})" for name, number in counts.items())


def _money(dollars: float) -> str:
    if dollars == 0:
        return "$0"
    digits = max(2, 1 - math.floor(math.log10(dollars)))
    return f"${dollars:,.{digits}f}"
