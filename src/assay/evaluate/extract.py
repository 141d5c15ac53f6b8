"""The code in an answer: its first fenced block, or all of it.

Fences are read as CommonMark reads them: three backticks or more at the beginning of a line, closed by a line of at
least as many and nothing else. A block that is never closed counts, because answers end at a number of tokens. A block
in another language (installing with a shell) is passed over if one in Python, or in none, is there. Nothing is
repaired: what is not Python after this is a wrong answer.
"""

import re
from typing import Literal

PYTHON = ("", "python", "py", "python3")
"""What a fence says of its language where the block may be Python."""
_FENCE = re.compile(r"[ \t]*(`{3,})([^`]*)")


def extract(answer: str, how: Literal["whole", "fenced"]) -> str:
    """What of an answer counts.

    Args:
        answer: As it was generated.
        how: ``whole``: all of it; ``fenced``: the first fenced block in Python or in no language, else the first in
            any, else all of it.
    """
    if how == "whole":
        return answer
    blocks = _blocks(answer)
    return next((text for language, text in blocks if language in PYTHON), blocks[0][1] if blocks else answer)


def _blocks(answer: str) -> list[tuple[str, str]]:
    """Language and text of each fenced block."""
    blocks: list[tuple[str, str]] = []
    opening: re.Match[str] | None = None
    inside: list[str] = []
    for line in answer.split("\n"):
        fence = _FENCE.fullmatch(line.rstrip())
        if opening is None:
            if fence is not None:
                opening, inside = fence, []
        elif fence is not None and not fence[2] and len(fence[1]) >= len(opening[1]):
            blocks.append((_language(opening), "".join(f"{one}\n" for one in inside)))
            opening = None
        else:
            inside.append(line)
    if opening is not None:
        blocks.append((_language(opening), "\n".join(inside)))
    return blocks


def _language(opening: re.Match[str]) -> str:
    words = opening[2].split()
    return words[0].lower() if words else ""
