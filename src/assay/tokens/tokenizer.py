"""Byte-level BPE: trained on a named sample, loaded from its JSON, the same everywhere.

Text is cut before merging into words, single digits in groups of up to three, runs of spaces (code's indentation)
and punctuation; every byte has a token, so nothing is ever unknown. One special token ends a document.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from assay.corpus.document import read_documents

END = "<|end|>"
"""Ends every document; its id is 0."""
WORDS = "|".join(
    [
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)",
        r"[^\r\n\p{L}\p{N}]?\p{L}+",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)


def train(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Train a tokenizer of exactly ``vocabulary`` tokens (fewer if the texts do not hold enough)."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def end_id(tokenizer: Tokenizer) -> int:
    """Id of the end token."""
    found = tokenizer.token_to_id(END)
    assert found is not None, "every tokenizer of Assay has an end token"
    return int(found)


def load(folder: Path) -> Tokenizer:
    """The tokenizer of an artifact."""
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def sample(document_files: Iterable[tuple[Path, float]]) -> Iterator[str]:
    """Documents of each file, evenly spread over it, until its megabytes are reached."""
    for path, megabytes in document_files:
        wanted = megabytes * 1e6
        whole = sum(len(document.text.encode()) for document in read_documents(path))
        keep = min(1.0, wanted / max(1, whole))
        owed = 0.0
        for document in read_documents(path):
            owed += keep
            if owed >= 1:
                owed -= 1
                yield document.text
