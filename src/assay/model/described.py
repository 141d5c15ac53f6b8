"""What a plan must know of a model that others trained, without torch and before anything is downloaded.

Its shape, from the configuration, the GGUF file's header or the list of pinned wheels; and what identifies it: the
sha256 of its files, or of the wheel. Never where it lies, so that the same model in another folder gives the same
artifacts. What is on the hub only cannot be planned with: its shape is not known here.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import InputError, nearest
from assay.model.configuration import shape_of
from assay.model.gguf_header import read_header, shape_from
from assay.model.packages import MODELS, ModelPackage
from assay.model.shape import Shape

INDEX = "model.safetensors.index.json"
_SOURCES = "hf:FOLDER, hf:OWNER/NAME@REVISION, gguf:FILE or wheel:NAME"


@dataclass(frozen=True, slots=True)
class Described:
    """A model as a plan knows it."""

    source: str
    """Where it is, for `assay.model.imported.load_model` in any working folder."""
    name: str
    """What a person calls it: the last part of its place, or the wheel's name."""
    shape: Shape
    identity: Mapping[str, str]
    """File to sha256."""
    longest: int
    """Tokens of the longest sequences it was made for."""
    package: ModelPackage | None = None
    """The wheel that it is in."""


def describe(source: str) -> Described:
    """Look at a model.

    Args:
        source: ``hf:FOLDER``, ``hf:OWNER/NAME@REVISION`` with a copy under ``ASSAY_HUB``, ``gguf:FILE`` or
            ``wheel:NAME``.

    Raises:
        InputError: There is nothing there, or no model that can be rebuilt; the message names file and key.
        StepError: A file cannot be read.
    """
    kind, name = split_source(source)
    if kind == "wheel":
        pinned = model_package(name)
        identity = {pinned.member: pinned.package.sha256}
        return Described(source, name, pinned.shape, identity, pinned.longest, pinned)
    if kind == "gguf":
        path = Path(name).absolute()
        keys, names = read_header(path)
        try:
            shape = shape_from(keys, is_tied="output.weight" not in names)
        except InputError as problem:
            raise InputError(f"{path.name}: {problem}") from None
        longest = int(keys["llama.context_length"])
        return Described(f"gguf:{path}", path.stem, shape, _hashes("", [path]), longest)
    folder = local_folder(name)
    if folder is None:
        from assay.corpus.hub import COPIES

        raise InputError(
            f"there is no folder {name}, and no copy of a model of that name under {COPIES}: a study starts from what "
            "is here. Download it and name its folder, or let that variable name the folder that holds OWNER/NAME"
        )
    folder = folder.absolute()
    config = read_json(folder / "config.json")
    try:
        shape = shape_of(config)
    except InputError as problem:
        raise InputError(f"{folder / 'config.json'}: {problem}") from None
    _, files = weight_files(folder)
    told = [name for name in ("tokenizer_config.json",) if (folder / name).is_file()]
    read = [folder / name for name in ("config.json", "tokenizer.json", *told, *files)]
    longest = int(config.get("max_position_embeddings") or 2048)
    return Described(f"hf:{folder}", folder.name, shape, _hashes(f"{folder} lacks ", read), longest)


def split_source(source: str) -> tuple[str, str]:
    """Kind and name of a source: ``hf``, ``gguf`` or ``wheel``, and what follows.

    Raises:
        InputError: It is neither.
    """
    kind, _, name = source.partition(":")
    if not name or kind not in {"hf", "gguf", "wheel"}:
        raise InputError(f"'{source}' names no model; {_SOURCES} would")
    return kind, name


def model_package(name: str) -> ModelPackage:
    """The pinned wheel of a name.

    Raises:
        InputError: None has it.
    """
    if name not in MODELS:
        raise InputError(f"no pinned wheel with a model is called '{name}'{nearest(name, MODELS)}")
    return MODELS[name]


def local_folder(name: str) -> Path | None:
    """The folder of a model, or of its copy under ``ASSAY_HUB``; None where it is on the hub only.

    Raises:
        InputError: There is no such folder, and it is no name on the hub.
    """
    if Path(name).is_dir():
        return Path(name)
    repository = name.partition("@")[0]
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise InputError(f"there is no folder {name}, and it is no model's name on the hub (OWNER/NAME@REVISION)")
    from assay.corpus.hub import local_copy

    return local_copy(repository)


def weight_files(folder: Path) -> tuple[dict[str, str], list[str]]:
    """Which file holds each weight, empty where there is one file; and the files' names.

    Raises:
        InputError: There are none, or the index names none.
    """
    single, index = folder / "model.safetensors", folder / INDEX
    if index.is_file():
        where = read_json(index).get("weight_map")
        if not isinstance(where, dict) or not all(
            isinstance(file, str) and Path(file).name == file for file in where.values()
        ):
            raise InputError(f"{index} has no weight_map of weights to files beside it")
        return where, sorted(set(where.values()))
    if single.is_file():
        return {}, [single.name]
    pickled = sorted(path.name for path in folder.glob("*.bin"))
    hint = f"; {pickled[0]} is a pickle, which is not read: save it as safetensors" if pickled else ""
    raise InputError(f"{folder} holds no {single.name} and no {index.name}{hint}")


def read_json(path: Path) -> dict[str, Any]:
    """A file's JSON object.

    Raises:
        InputError: It cannot be read or holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror or problem}") from None
    except ValueError as problem:
        raise InputError(f"{path} is not JSON: {problem}") from None
    if not isinstance(found, dict):
        raise InputError(f"{path} is no JSON object")
    return found


def _hashes(lacks: str, paths: list[Path]) -> dict[str, str]:
    """sha256 of each file by its name; a lone file's name does not count."""
    from assay.corpus.content_hash import UNREADABLE, content_hashes

    found = dict(zip((path.name for path in paths), content_hashes(paths), strict=True))
    for name, digest in found.items():
        if digest == UNREADABLE:
            raise InputError(f"{lacks}{name}, or it cannot be read")
    return found if lacks else {"": next(iter(found.values()))}
