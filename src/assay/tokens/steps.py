"""The worker's steps that turn ingredients into tokens."""

import numpy as np
import numpy.typing as npt

from assay.corpus.document import read_documents
from assay.run.step import Call
from assay.tokens import tokenizer as bpe
from assay.tokens.shard import write_shard

BATCH = 256


def make_tokenizer(call: Call) -> None:
    """Train a tokenizer. Recipe: ``vocab``, ``sample`` {ingredient: MB}; inputs: those ingredients."""
    files = [(call.inputs[name] / "train.parquet", float(size)) for name, size in sorted(call.recipe["sample"].items())]
    trained = bpe.train(bpe.sample(files), int(call.recipe["vocab"]))
    trained.save(str(call.out / "tokenizer.json"))


def make_tokens(call: Call) -> None:
    """Tokenise an ingredient's training documents. Inputs: ``ingredient``, ``tokenizer``."""
    tokenizer = bpe.load(call.inputs["tokenizer"])
    end = np.array([bpe.end_id(tokenizer)], np.uint32)
    documents: list[npt.NDArray[np.uint32]] = []
    labels: list[tuple[str, str]] = []
    texts: list[str] = []

    def encode() -> None:
        for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False):
            documents.append(np.concatenate([np.array(encoding.ids, np.uint32), end]))
        texts.clear()
        call.tell({"done": len(documents), "unit": "documents"})

    for document in read_documents(call.inputs["ingredient"] / "train.parquet"):
        texts.append(document.text)
        labels.append((document.kind, document.language))
        if len(texts) == BATCH:
            encode()
    encode()
    write_shard(call.out, documents, labels, tokenizer.get_vocab_size())
