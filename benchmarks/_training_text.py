"""Real tokens for the trainers: the standard library's source and help texts, in a vocabulary of their own.

It is there wherever Python is, so a measurement needs no network and no store. 12 MB make 4 million tokens, more than
any measurement here reads.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np

from assay.tokens.tokenizer import END, train

VOCABULARY = 8192
BYTES = 12_000_000


def write_tokens(file: Path, vocabulary: int = VOCABULARY, size: int = BYTES) -> Path:
    """Write ids as `numpy.save` does: [tokens], uint16, documents ended by the end token; the file."""
    texts = list(documents(size))
    tokenizer = train(texts, vocabulary)
    end = tokenizer.token_to_id(END)
    ids = [np.array([*one.ids, end], np.uint16) for one in tokenizer.encode_batch_fast(texts)]
    np.save(file, np.concatenate(ids))
    return file


def documents(size: int) -> Iterator[str]:
    """Texts of that many bytes: help, and files in an order that mixes the packages."""
    yield from topics.values()
    left = size - sum(len(text.encode()) for text in topics.values())
    files = [path for path in Path(os.__file__).parent.rglob("*.py") if "site-packages" not in path.parts]
    for path in sorted(files, key=lambda path: (len(path.name), path.name, str(path))):
        if left <= 0:
            return
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        left -= len(text.encode())
        yield text
