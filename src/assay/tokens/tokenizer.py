"""Byte-level BPE: trained on a named sample or brought, loaded from its JSON, the same everywhere.

In one that is trained, text is cut before merging into words, single digits in groups of up to three, runs of spaces
(code's indentation) and punctuation; every byte has a token, so nothing is ever unknown. One special token ends a
document.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from assay.corpus.document import read_documents
from assay.errors import StepError

END = "<|end|>"
"""Ends every document. In a trained tokenizer its id is 0; in one that is brought it is the new name of its own."""
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
    """The tokenizer of an artifact; it spells control tokens that a text mentions out."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    return tokenizer


def bring(files: Sequence[bytes], vocabulary: int, end: str) -> Tokenizer:
    """A tokenizer that others made, its end token renamed to `END` so that everything finds it; all ids stay.

    Args:
        files: A ``tokenizer.json``; or GPT-2's ``encoder.json`` and ``vocab.bpe``.
        vocabulary: Entries that it is said to have.
        end: Name of the token that ends a document.

    Raises:
        StepError: It is no byte-level BPE, has another number of entries, or no such token.
    """
    tokenizer = _gpt2(*files) if len(files) == 2 else _from_json(files[0])
    written: dict[str, Any] = json.loads(tokenizer.to_str())
    if (written.get("decoder") or {}).get("type") != "ByteLevel" or written["model"].get("type") != "BPE":
        raise StepError("only a byte-level BPE can be brought: its every byte is a token, so no text is unknown")
    if tokenizer.get_vocab_size() != vocabulary:
        raise StepError(
            f"the tokenizer has {tokenizer.get_vocab_size():,} entries; the recipe says vocab: {vocabulary}"
        )
    if tokenizer.token_to_id(end) is None:
        special = ", ".join(token["content"] for token in written["added_tokens"]) or "none"
        raise StepError(f"the tokenizer has no token {end} to end a document; its special tokens: {special}")
    number = written["model"]["vocab"].pop(end, None)
    if number is not None:
        written["model"]["vocab"][END] = number
    added = [token for token in written["added_tokens"] if token["content"] != end]
    like = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    added.append({"id": tokenizer.token_to_id(end), "content": END, **like})
    written["added_tokens"] = sorted(added, key=lambda token: int(token["id"]))
    written["post_processor"] = None
    return Tokenizer.from_str(json.dumps(written, ensure_ascii=False))


def _from_json(data: bytes) -> Tokenizer:
    try:
        return Tokenizer.from_str(data.decode("utf-8"))
    except Exception as problem:  # tokenizers raises bare Exception for whatever it cannot read
        raise StepError(f"the tokenizer cannot be read as a tokenizer.json: {problem}") from None


def _gpt2(encoder: bytes, merges: bytes) -> Tokenizer:
    try:
        pairs = [
            tuple(line.split(" ")) for line in merges.decode("utf-8").splitlines() if not line.startswith("#version")
        ]
        tokenizer = Tokenizer(models.BPE(json.loads(encoder), [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]))
    except Exception as problem:  # as above
        raise StepError(f"the tokenizer cannot be read as encoder.json and vocab.bpe: {problem}") from None
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


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
