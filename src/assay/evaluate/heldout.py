"""Held-out documents of an ingredient as items: bits per byte of text that no arm was trained on.

Of all languages together, or of one: an ingredient of code that lowers the bits of Python and raises those of Haskell
shows nothing in the mean of both. A document's language is what the corpus found for it (linguist's name; *English*
for prose). There are no contexts and no choices.
"""

from pathlib import Path

from assay.corpus.document import read_documents
from assay.errors import StepError, nearest
from assay.evaluate.item import Item
from assay.run.identity import key_of

SHORTEST = 200
"""Bytes below which a held-out document is not used."""
FILE = "heldout.parquet"


def heldout_items(ingredient: Path, documents: int, bytes: int, language: str | None = None) -> list[Item]:
    """Beginnings of held-out documents, the same number from each source as far as they go.

    Args:
        ingredient: Folder of the ingredient.
        documents: How many at most.
        bytes: Of each, cut at a character's end.
        language: Only documents of this language, in upper or lower case; None: of all.

    Raises:
        StepError: No held-out document has this language; with those that some have.
    """
    by_source: dict[str, list[tuple[str, Item]]] = {}
    known: dict[str, None] = {}
    for document in read_documents(ingredient / FILE):
        known[document.language] = None
        if language is not None and document.language.casefold() != language.casefold():
            continue
        data = document.text.encode()[:bytes]
        if len(data) < SHORTEST:
            continue
        text = data.decode("utf-8", errors="ignore")
        item = Item.of(("",), (text,), 0, shared=f"{document.source}/{document.group}")
        by_source.setdefault(document.source, []).append((key_of(item.id), item))
    if language is not None and not by_source:
        raise StepError(f"no held-out document of {SHORTEST} bytes is {language}{nearest(language, sorted(known))}")
    queues = [sorted(by_source[source], key=lambda pair: pair[0]) for source in sorted(by_source)]
    chosen: list[Item] = []
    depth = 0
    while len(chosen) < documents and any(depth < len(queue) for queue in queues):
        chosen += [queue[depth][1] for queue in queues if depth < len(queue)]
        depth += 1
    return chosen[:documents]
