"""The worker's steps that turn ingredients into tokens."""

from itertools import islice
from pathlib import Path

import numpy as np

from assay.corpus.cleaning import Unfit
from assay.corpus.document import Document, read_documents
from assay.errors import StepError
from assay.run.step import Call
from assay.tokens import tokenizer as bpe
from assay.tokens.encoder import Encoder
from assay.tokens.shard import ShardWriter

BATCH = 512


def make_tokenizer(call: Call) -> None:
    """Train a tokenizer, or bring one. Recipe: ``vocab``, and ``sample`` {ingredient: MB} with those ingredients as
    inputs; or ``end``, and ``files`` with the input ``package:NAME`` or place ``path``."""
    recipe = call.recipe
    if "sample" in recipe:
        files = [(call.inputs[name] / "train.parquet", float(size)) for name, size in sorted(recipe["sample"].items())]
        made = bpe.train(bpe.sample(files), int(recipe["vocab"]))
    else:
        made = bpe.bring(_brought(call), int(recipe["vocab"]), recipe["end"])
    made.save(str(call.out / "tokenizer.json"))


def _brought(call: Call) -> list[bytes]:
    """The tokenizer's own files."""
    packages = call.inputs_of("package")
    if not packages:
        return [Path(call.place["path"]).read_bytes()]
    from assay.corpus.archive import open_package

    ((name, folder),) = packages.items()
    archive = open_package(folder / call.place["file"])
    try:
        return [archive.read(file) for file in call.recipe["files"]]
    except (KeyError, Unfit) as problem:
        raise StepError(f"{name} does not hold the tokenizer that the recipe names: {problem}") from None
    finally:
        archive.close()


def make_tokens(call: Call) -> None:
    """Tokenise an ingredient's training documents. Inputs: ``ingredient``, ``tokenizer``."""
    encoder = Encoder(call.inputs["tokenizer"])
    documents = read_documents(call.inputs["ingredient"] / "train.parquet")
    done = 0
    with ShardWriter(call.out, encoder.vocabulary) as shard:
        while batch := list(islice(documents, BATCH)):
            _add(shard, encoder, batch)
            done += len(batch)
            call.tell({"done": done, "unit": "documents"})


def _add(shard: ShardWriter, encoder: Encoder, batch: list[Document]) -> None:
    ids, begins = encoder.encode([document.text for document in batch])
    whole = np.insert(ids, begins[1:], np.uint32(encoder.end))
    labels = [(document.kind, document.language) for document in batch]
    shard.add(whole, np.diff(begins) + 1, labels, [len(document.text.encode()) for document in batch])
