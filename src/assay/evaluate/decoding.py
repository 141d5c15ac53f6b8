"""How an answer is made of a model's distributions, and how it may end."""

from dataclasses import dataclass
from typing import Literal

from assay.errors import InputError

Finish = Literal["stop", "end", "length"]
"""``stop``: a stop was met; ``end``: the end token came; ``length``: neither did."""


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
