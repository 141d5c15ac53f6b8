"""Answer files of known quality, and a server that knows which of two answers is the better one."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from assay.endpoint import Budget, Endpoint
from assay.judge.pairings import shown_prompts
from assay.judge.prompt_set import AskedSet
from assay.judge.verdict import quoted
from assay.judge.wanted import EndpointWanted
from faulty_server import Act, last_words

ASKED = AskedSet(written="open", limit=12)
WISE = 144
"""Questions about good against poor answers of `ASKED`: 24, and 120 of the exam."""


def write_arms(folder: Path) -> tuple[str, str]:
    """Answers in AlpacaEval's layout: the references, and their beginnings."""
    for name, longest in (("good", None), ("poor", 20)):
        rows = [
            {"instruction": prompt.text, "output": str(prompt.reference)[:longest], "generator": name}
            for prompt in ASKED.load().prompts
        ]
        (folder / f"{name}.json").write_text(json.dumps(rows))
    return "good.json", "poor.json"


def wise(otherwise: Callable[[str, int], Act | None] = lambda words, before: None) -> Callable[..., Act]:
    """A server's manner: it prefers the reference, whatever its place; ``otherwise`` comes first."""
    best = {quoted(prompt.text): quoted(str(prompt.reference)) for prompt in shown_prompts(ASKED.load(), "chat")}

    def reply(body: Mapping[str, Any], before: int) -> Act:
        words = last_words(body)
        if act := otherwise(words, before):
            return act
        instruction = words.split("Instruction:\n", 1)[1].split("\n\nAnswer A:\n", 1)[0]
        first, rest = words.split("\n\nAnswer A:\n", 1)[1].split("\n\nAnswer B:\n", 1)
        second = rest.rsplit("\n\nWhich answer", 1)[0]
        assert best[instruction] in (first, second)
        return Act(text="A" if first == best[instruction] else "B")

    return reply


def endpoint(url: str, budget: Budget | None = None, **more: Any) -> EndpointWanted:
    """A judge there."""
    settings = {"model": "toy", "pause": 0.01, "concurrency": 4, "tries": 3, **more}
    return EndpointWanted(endpoint=Endpoint(url=url, key_from="NO_KEY", **settings), format="letters", budget=budget)
