"""One question of a benchmark, ready to be scored: texts only, no tokens.

An item is named by its content, so that the records of two runs pair by item whatever order, limit or file
it came from, and a changed prompt never passes for the old one. Items that share a passage, a premise or a
twin sentence are not independent; they share a `cluster`, which standard errors need (Miller 2024,
arXiv:2411.00640).
"""

import hashlib
import json
from dataclasses import dataclass


def content_hash(*parts: object) -> str:
    """16 hexadecimal digits of BLAKE2b over the JSON of the parts; unambiguous about where one part ends."""
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8"), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Contexts, continuations and which of them is right."""

    id: str
    """`content_hash` of contexts, choices and gold."""
    cluster: str
    """Equal for items that share text; the item's own id where it stands alone."""
    contexts: tuple[str, ...]
    """One, shared by all choices, or one per choice."""
    choices: tuple[str, ...]
    """Continuations with their leading space; a single one is the gold answer of a task without choices."""
    gold: int
    """Index of the right choice."""

    @classmethod
    def of(cls, contexts: tuple[str, ...], choices: tuple[str, ...], gold: int, shared: str | None = None) -> "Item":
        """Name an item by its content, after checking that it can be scored.

        Args:
            contexts: One text, or as many as choices.
            choices: At least one, none empty.
            gold: Index into `choices`.
            shared: The text (or key) that items of one cluster have in common; None for an item of its own.

        Raises:
            ValueError: It cannot be scored, and why.
        """
        if not choices:
            raise ValueError("it has no choices")
        empty = [index for index, choice in enumerate(choices) if not choice]
        if empty:
            raise ValueError(f"choice {empty[0]} is empty")
        if not 0 <= gold < len(choices):
            raise ValueError(f"gold is {gold}, and its choices are numbered 0 to {len(choices) - 1}")
        if len(contexts) not in {1, len(choices)}:
            raise ValueError(
                f"it has {len(contexts)} contexts for {len(choices)} choices; one, or one a choice, is right"
            )
        name = content_hash(contexts, choices, gold)
        cluster = name if shared is None else content_hash(shared)
        return cls(id=name, cluster=cluster, contexts=contexts, choices=choices, gold=gold)
