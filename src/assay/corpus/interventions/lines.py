"""Lines in another order: every word and every line stays, what goes is that one line follows from the one before."""

import hashlib

from assay.corpus.document import Document


def lines_shuffled(document: Document, seed: int = 0) -> str:
    """The document's lines permuted, by a key of ``seed``, source and path; a last line end stays at the end.

    Order is that of a hash of each line's number, so it is the same in every version of Python and of NumPy.
    """
    body = document.text.removesuffix("\n")
    key = hashlib.blake2b(f"{seed}\0{document.source}\0{document.path}".encode(), digest_size=16).digest()
    lines = body.split("\n")
    order = sorted(
        range(len(lines)),
        key=lambda line: hashlib.blake2b(line.to_bytes(8, "big"), digest_size=8, key=key).digest(),
    )
    return "\n".join(lines[line] for line in order) + document.text[len(body) :]
