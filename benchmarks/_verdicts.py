"""Our verdicts on documents beside datatrove's: which documents each published filter keeps, and how fast.

datatrove splits words with spaCy and lives in an interpreter of its own, which runs this very file as a script in one
process. Compared is whether a document is kept, filter by filter: where several thresholds of a filter are broken
the two may name another one first. `degraded` makes damaged copies of real documents, so that the filters fire often.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

FILTERS = {
    "c4": ("c4_filters", "C4QualityFilter"),
    "gopher": ("gopher_quality_filter", "GopherQualityFilter"),
    "gopher_repetition": ("gopher_repetition_filter", "GopherRepetitionFilter"),
    "fineweb": ("fineweb_quality_filter", "FineWebQualityFilter"),
}
"""Our rule to datatrove's module and class; its defaults are used."""
EXAMPLES = 10
SHOWN = 200
"""Disagreements that are shown for each filter, and characters of each document."""


def degraded(texts: Sequence[str], seed: int) -> list[str]:
    """A damaged copy of every text: lines shuffled, repeated or cut, words listed, bullets, figures, pages joined."""
    draw = random.Random(seed)
    return [DAMAGES[draw.randrange(len(DAMAGES))](text, draw) for text in texts]


def _shuffled(text: str, draw: random.Random) -> str:
    lines = text.split("\n")
    draw.shuffle(lines)
    return "\n".join(lines)


def _repeated(text: str, draw: random.Random) -> str:
    """A stretch of the text said again, up to six times."""
    start = draw.randrange(len(text))
    again = text[start : start + draw.choice((60, 200, 600))]
    return text + "".join(draw.choice(("\n", " ", "\n\n")) + again for _ in range(draw.randint(1, 6)))


def _cut_lines(text: str, draw: random.Random) -> str:
    width = draw.choice((20, 35, 50, 80))
    return "\n".join(line[:width] for line in text.replace(". ", ".\n").split("\n"))


def _wrapped(text: str, draw: random.Random) -> str:
    """A few words a line, as menus and tables have them."""
    words, width = text.split(), draw.randint(1, 12)
    return "\n".join(" ".join(words[at : at + width]) for at in range(0, len(words), width))


def _marked(text: str, draw: random.Random) -> str:
    """Sentences as list items, or trailing off, or with tags."""
    before, after = draw.choice(
        (("- ", ""), ("• ", "."), ("", "..."), ("", " …"), ("#", ""), ("", " {x}"), ("", "[1]"))
    )
    share = draw.choice((0.2, 0.5, 0.97))
    lines = text.replace(". ", ".\n").split("\n")
    return "\n".join(before + line + after if draw.random() < share else line for line in lines)


def _figures(text: str, draw: random.Random) -> str:
    share = draw.uniform(0.0, 0.3)
    words = (str(draw.randrange(3000)) if draw.random() < share else word for word in text.split(" "))
    return " ".join(words)


def _opening(text: str, draw: random.Random) -> str:
    return text[: draw.randint(100, 700)]


DAMAGES = (_shuffled, _repeated, _cut_lines, _wrapped, _marked, _figures, _opening)


def joined(texts: Sequence[str], seed: int) -> list[str]:
    """Pages of one to eight texts, so that short ones also reach the thresholds that ask for length."""
    draw = random.Random(seed)
    pages, at = [], 0
    while at < len(texts):
        width = draw.randint(1, 8)
        pages.append("\n\n".join(text.strip() for text in texts[at : at + width]) + "\n")
        at += width
    return pages


def compare(documents: Path | list[str], datatrove_python: str) -> dict[str, Any]:
    """Judge documents by our rules and by datatrove's filters.

    Args:
        documents: Texts, or a JSON-lines file of objects with ``text``.
        datatrove_python: An interpreter that has datatrove and spaCy.

    Returns:
        ``documents``, ``bytes``, ``seconds`` and ``datatrove_seconds`` (one process each, our kernels already
        compiled), and under ``filters`` for each: ``agreement``, ``both_keep``, ``both_drop``, ``only_we_drop``,
        ``only_datatrove_drops`` and ``examples`` of disagreements (the two reasons and the document's beginning).

    Raises:
        subprocess.CalledProcessError: The other interpreter failed; its own message is on standard error.
    """
    from assay.corpus import text_quality

    texts = list(_texts(documents)) if isinstance(documents, Path) else documents
    text_quality.faults(["Warm."], list(FILTERS))
    started = time.perf_counter()
    text_quality.faults(texts, list(FILTERS))
    seconds = time.perf_counter() - started
    theirs, datatrove_seconds = _datatrove(texts, datatrove_python)
    return {
        "documents": len(texts),
        "bytes": sum(len(text.encode()) for text in texts),
        "seconds": seconds,
        "datatrove_seconds": datatrove_seconds,
        "filters": {
            rule: _agreement(texts, text_quality.faults(texts, [rule]), [verdict[rule] for verdict in theirs])
            for rule in FILTERS
        },
    }


def _agreement(texts: Sequence[str], ours: Sequence[str | None], theirs: Sequence[str | None]) -> dict[str, Any]:
    pairs = list(zip(ours, theirs, strict=True))
    differ = [at for at, (our, their) in enumerate(pairs) if (our is None) != (their is None)]
    return {
        "agreement": 1 - len(differ) / len(pairs),
        "both_keep": sum(our is None and their is None for our, their in pairs),
        "both_drop": sum(our is not None and their is not None for our, their in pairs),
        "only_we_drop": sum(our is not None and their is None for our, their in pairs),
        "only_datatrove_drops": sum(our is None and their is not None for our, their in pairs),
        "examples": [
            {"ours": ours[at], "datatrove": theirs[at], "text": texts[at][:SHOWN]} for at in differ[:EXAMPLES]
        ],
    }


def _datatrove(texts: Sequence[str], python: str) -> tuple[list[dict[str, str | None]], float]:
    with tempfile.TemporaryDirectory() as folder:
        source, judged = Path(folder) / "texts.jsonl", Path(folder) / "judged.json"
        with source.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
        subprocess.run([python, __file__, str(source), str(judged)], check=True, stdout=subprocess.DEVNULL)
        result = json.loads(judged.read_text(encoding="utf-8"))
    return result["verdicts"], result["seconds"]


def _texts(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)["text"]


def _judge(source: Path, judged: Path) -> None:
    """The other interpreter's part: every filter's reason for dropping each document, null where it keeps it."""
    import importlib

    document = importlib.import_module("datatrove.data").Document
    package = "datatrove.pipeline.filters"
    filters = {
        rule: getattr(importlib.import_module(f"{package}.{module}"), name)()
        for rule, (module, name) in FILTERS.items()
    }
    texts = list(_texts(source))
    verdicts = []
    for one in filters.values():
        one.filter(document(text="Warm.", id="warm"))
    started = time.perf_counter()
    for text in texts:
        verdict: dict[str, str | None] = {}
        for rule, one in filters.items():
            kept = one.filter(document(text=text, id=""))
            verdict[rule] = None if kept is True else kept[1]
        verdicts.append(verdict)
    seconds = time.perf_counter() - started
    judged.write_text(json.dumps({"verdicts": verdicts, "seconds": seconds}), encoding="utf-8")


if __name__ == "__main__":
    _judge(Path(sys.argv[1]), Path(sys.argv[2]))
