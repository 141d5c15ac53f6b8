"""The texts behind item records: what was asked and which answers there were, out of the store's requests.

An item is named by its content, so whichever request of that name is found holds its text, whatever task, study or
tokenizer it was made for. Only what a model read is there: a context that was too long has lost its beginning. What a
run folder keeps is short and of the study's own requests alone, so that it does not depend on what else a store holds.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import pyarrow.parquet as pq
from tokenizers import Tokenizer

from assay.errors import StepError
from assay.evaluate.requests import read_requests
from assay.run.step import Step
from assay.run.store import Damaged, Store
from assay.tokens import tokenizer as bpe

LONGEST = 140
"""Characters of a short text."""
IN_ALL = 1_000_000
"""Characters of all short texts together; where that is too little for many items, each is cut shorter."""
ARROW = " → "
_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class ItemText:
    """An item as it was read."""

    contexts: tuple[str, ...]
    """One, shared by all choices, or one a choice."""
    choices: tuple[str, ...]


def item_texts(store: Store, items: Collection[str]) -> dict[str, ItemText]:
    """Texts of items by name, as far as the store holds requests for them."""
    found: dict[str, ItemText] = {}
    for kind, key in sorted(store.artifacts()):
        if kind != "requests" or len(found) == len(items):
            continue
        try:
            file = store.file(kind, key, "requests.parquet")
            here = set(pq.read_table(file, columns=["item"])["item"].to_pylist())
            wanted = {name for name in items if name in here and name not in found}
            if not wanted:
                continue
            need = store.manifest(kind, key)["inputs"]["tokenizer"]
            tokenizer = bpe.load(store.file(need["kind"], need["key"], "tokenizer.json").parent)
        except StepError:
            continue  # damaged, or its tokenizer is gone: another may hold the same items
        for request in read_requests(file.parent):
            if request.item in wanted:
                contexts, choices = (
                    tuple(tokenizer.decode(list(ids), skip_special_tokens=True) for ids in texts)
                    for texts in (request.contexts, request.choices)
                )
                found[request.item] = ItemText(contexts, choices)
    return found


def short_texts(store: Store, requests: Mapping[str, Step], wanted: Mapping[str, Collection[str]]) -> dict[str, str]:
    """What a reader recognises items by: the end of the question, an arrow, and the right answer; on one line.

    Whole lines that all wanted items of a task begin with, such as examples in its prompt, are left out.

    Args:
        store: Where the requests are; those that are damaged or gone have no texts.
        requests: By task, the steps that made them.
        wanted: Names of items by task.

    Returns:
        By item, in the order of their names.
    """
    longest = min(LONGEST, IN_ALL // max(1, sum(map(len, wanted.values()))))
    found: dict[str, str] = {}
    for task, names in wanted.items():
        step = requests.get(task)
        if step is None:
            continue
        try:
            file = store.file(step.kind, step.key, "requests.parquet")
            need = step.inputs["tokenizer"]
            tokenizer = bpe.load(store.file(need.kind, need.key, "tokenizer.json").parent)
        except Damaged:
            continue
        rows = pq.read_table(file, filters=[("item", "in", list(names))]).to_pylist()
        shared = _shared_lines(rows, tokenizer)
        for row in rows:
            context, choice = (_gold(row, name, tokenizer) for name in ("contexts", "choices"))
            found.setdefault(row["item"], short_text(context.removeprefix(shared) or context, choice, longest))
    return dict(sorted(found.items()))


def short_text(question: str, answer: str, longest: int = LONGEST) -> str:
    """The end of a question and the beginning of its answer on one line; without a question, the answer alone.

    Args:
        question: What an answer continues.
        answer: The right one. It may take half of the line, and what the question leaves of the other half.
        longest: Characters at most.
    """
    asked, told = (" ".join(_STEERING.sub(" ", text).split()) for text in (question, answer))
    if not asked or not told:
        return _beginning(asked or told, longest)
    room = longest - len(ARROW)
    told = _beginning(told, max(room // 2, room - len(asked)))
    room -= len(told)
    return f"{asked if len(asked) <= room else '…' + asked[len(asked) - room + 1 :].lstrip()}{ARROW}{told}"


def _beginning(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1].rstrip() + "…"


def _gold(row: Mapping[str, Any], name: str, tokenizer: Tokenizer) -> str:
    texts = row[name]
    return _decode(texts[min(row["gold"], len(texts) - 1)], tokenizer)


def _shared_lines(rows: Collection[Mapping[str, Any]], tokenizer: Tokenizer) -> str:
    """Whole lines that the contexts of all rows begin with; of a single row none are shared."""
    if len(rows) < 2:
        return ""
    contexts = [context for row in rows for context in row["contexts"]]
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(min(contexts), max(contexts), strict=False))
    begin = _decode([token for token, _ in alike], tokenizer)
    return begin[: begin.rfind("\n") + 1]


def _decode(tokens: Collection[int], tokenizer: Tokenizer) -> str:
    text: str = tokenizer.decode(list(tokens), skip_special_tokens=True)
    return text
