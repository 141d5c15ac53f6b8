"""Reading a study file: YAML with line numbers, its base, ``--set``, and messages for the person who wrote it.

YAML alone forgets where a key stood. Here the tree is composed first, so that every later complaint can name
file and line, and repeated keys are refused instead of the last one winning silently.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from assay.errors import InputError, nearest
from assay.study.spec import StudySpec

Place = tuple[str | int, ...]
MERGED = {"units", "mixes", "stages", "train", "evaluate", "margins", "judge"}
"""Sections that a study adds to its base key by key; every other key replaces the base's."""


@dataclass
class Source:
    """A study as written: plain values, and where each stands."""

    values: dict[str, Any]
    places: dict[Place, str] = field(default_factory=dict)

    def where(self, place: Iterable[str | int]) -> str | None:
        """``file:line`` of a key, or of the nearest thing around it."""
        steps = tuple(place)
        while steps not in self.places and steps:
            steps = steps[:-1]
        return self.places.get(steps)


def built_in_studies() -> list[str]:
    """Names of the studies that come with the package."""
    folder = resources.files("assay") / "studies"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def read_source(study: str, overrides: Iterable[str] = ()) -> tuple[StudySpec, Source]:
    """Read a built-in study or a file, lay it over its base, apply ``path=value`` overrides, validate.

    Raises:
        InputError: Anything wrong with it, with file and line.
    """
    source = _read(study, ())
    for override in overrides:
        _override(source, override)
    try:
        return StudySpec.model_validate(source.values), source
    except ValidationError as problem:
        raise _explain(problem, source) from None


def _read(study: str, seen: tuple[str, ...]) -> Source:
    path, text = _text_of(study)
    if path in seen:
        raise InputError(f"'base' goes round in a circle: {' → '.join((*seen, path))}")
    source = _compose(text, path)
    _beside(source.values, Path(path).parent)
    base = source.values.get("base")
    if base is None:
        return source
    if not isinstance(base, str):
        raise InputError("'base' names one study", source.where(["base"]))
    below = _read(base, (*seen, path))
    values = dict(below.values)
    if "arms" in source.values or "contrasts" in source.values:
        values.pop("primary", None)  # it names the base's own arms
    if source.values.get("init") is not None:
        for key in ("tokenizer", "sizes"):
            values.pop(key, None)  # the model has its own
    places = dict(below.places)
    for key, value in source.values.items():
        if key in MERGED and isinstance(value, dict) and isinstance(values.get(key), dict):
            values[key] = {**values[key], **value}
        else:
            values[key] = value
            places = {place: at for place, at in places.items() if place[:1] != (key,)}
    return Source(values, {**places, **source.places})


def _beside(values: dict[str, Any], folder: Path) -> None:
    """Let files that a study names be found beside it, wherever the program is run."""

    def found(name: Any) -> Any:
        return str(folder / name) if isinstance(name, str) and (folder / name).is_file() else name

    def model(written: Any) -> Any:
        prefix, _, name = str(written).partition(":")
        is_here = prefix in {"hf", "gguf"} and name and (folder / name).exists()
        return f"{prefix}:{folder / name}" if is_here else written

    def task(written: Any) -> Any:
        if not isinstance(written, str):
            return written
        name, at, form = written.partition("@")
        return f"{found(name)}{at}{form}"

    for key in ("base", "corpus"):
        if key in values:
            values[key] = found(values[key])
    if "init" in values:
        values["init"] = model(values["init"])
    judge = values.get("judge")
    if isinstance(judge, dict):
        if "prompts" in judge:
            judge["prompts"] = found(judge["prompts"])
        if isinstance(judge.get("judges"), list):
            judge["judges"] = [found(one) for one in judge["judges"]]
            for one in judge["judges"]:
                if isinstance(one, dict) and "format" in one:
                    one["format"] = found(one["format"])
        if "judge_model" in judge:
            judge["judge_model"] = model(judge["judge_model"])
    evaluate = values.get("evaluate")
    if isinstance(evaluate, dict) and isinstance(evaluate.get("tasks"), list):
        evaluate["tasks"] = [task(name) for name in evaluate["tasks"]]
        asked = evaluate.get("generate")
        if isinstance(asked, dict) and isinstance(asked.get("tasks"), list):
            asked["tasks"] = [task(name) for name in asked["tasks"]]


def _text_of(study: str) -> tuple[str, str]:
    if study in built_in_studies():
        return f"{study}.yaml", (resources.files("assay") / "studies" / f"{study}.yaml").read_text(encoding="utf-8")
    path = Path(study)
    if not path.is_file():
        if path.suffix in {".yaml", ".yml"} or len(path.parts) > 1:
            raise InputError(f"there is no study file {study}")
        raise InputError(f"there is no study '{study}'{nearest(study, built_in_studies())} (or give a YAML file)")
    try:
        return study, path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise InputError(f"not UTF-8 text: {problem.reason} at byte {problem.start}", study) from None
    except OSError as problem:
        raise InputError(f"cannot be read: {problem.strerror}", study) from None


def _compose(text: str, path: str) -> Source:
    loader = yaml.SafeLoader(text)
    places: dict[Place, str] = {}

    def build(node: yaml.Node, place: Place) -> Any:
        places.setdefault(place, f"{path}:{node.start_mark.line + 1}")
        if isinstance(node, yaml.MappingNode):
            loader.flatten_mapping(node)
            built: dict[Any, Any] = {}
            for key_node, value_node in node.value:
                key = loader.construct_object(key_node, deep=True)
                line = f"{path}:{key_node.start_mark.line + 1}"
                if not isinstance(key, str):
                    raise InputError(f"a key must be text, and {key!r} is not; put it in quotes", line)
                if key in built:
                    raise InputError(f"'{key}' is written twice", line)
                places[(*place, key)] = line
                built[key] = build(value_node, (*place, key))
            return built
        if isinstance(node, yaml.SequenceNode):
            return [build(child, (*place, index)) for index, child in enumerate(node.value)]
        return loader.construct_object(node, deep=True)

    try:
        root = loader.get_single_node()
        values = build(root, ()) if root is not None else None
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = f"{path}:{mark.line + 1}" if mark else path
        raise InputError(f"not valid YAML: {problem.problem or problem.context}", line) from None
    except yaml.YAMLError as problem:
        raise InputError(f"not valid YAML: {problem}", path) from None
    finally:
        loader.dispose()
    if not isinstance(values, dict):
        raise InputError("a study is a mapping of keys such as 'study:', 'question:' and 'arms:'", path)
    return Source(values, places)


def _override(source: Source, override: str) -> None:
    written, equals, value = override.partition("=")
    where = f"--set {override}"
    path = written.strip().split(".")
    if not equals or not all(path):
        raise InputError("write path=value, such as seeds=2 or train.learning_rate=0.002", where)
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError:
        raise InputError(f"'{value}' is not a value that YAML can read", where) from None
    at: Any = source.values
    for depth, key in enumerate(path):
        rest = ".".join(path[depth:])
        if isinstance(at, list):
            if not key.isdigit() or int(key) >= len(at):
                raise InputError(
                    f"'{'.'.join(path[:depth])}' is a list of {len(at)}; '{key}' is not a place in it", where
                )
            step: Any = int(key)
        elif isinstance(at, dict):
            step = rest if rest in at else key  # arms' names have dots of their own
        else:
            raise InputError(f"'{'.'.join(path[:depth])}' is a single value and has no '{key}'", where)
        last = depth == len(path) - 1 or step == rest
        if last:
            at[step] = parsed
            changed = (*path[:depth], step)
            beneath = [place for place in source.places if place[: len(changed)] == changed]
            source.places |= dict.fromkeys([changed, *beneath], where)
            return
        if isinstance(at, dict) and at.get(step) is None:
            at[step] = {}
        at = at[step]


def _explain(problem: ValidationError, source: Source) -> InputError:
    """The one complaint that goes deepest, in a sentence."""
    error = max(problem.errors(), key=lambda one: (one["type"] == "extra_forbidden", len(one["loc"])))
    place = [step for step in error["loc"] if _is_written(step, source)]
    where = source.where(place)
    named = ".".join(str(step) for step in place)
    kind = error["type"]
    if kind == "extra_forbidden":
        key = str(error["loc"][-1])
        allowed = _keys_allowed(error["loc"][:-1])
        return InputError(f"unknown key '{named or key}'{nearest(key, allowed)}", where)
    if kind == "missing":
        return InputError(
            f"'{error['loc'][-1]}' is missing in '{named}'" if named else f"'{error['loc'][-1]}' is missing", where
        )
    given = error.get("input")
    shown = f", and {given!r} is not" if isinstance(given, str | int | float | bool) else ""
    said = error["msg"].removeprefix("Value error, ")
    return InputError(f"'{named}': {said[0].lower()}{said[1:]}{shown}", where)


def _is_written(step: str | int, source: Source) -> bool:
    """Pydantic's path names the branches of a union too; those were never written in the file."""
    return isinstance(step, int) or any(step in place for place in source.places) or step in source.values


def _keys_allowed(location: tuple[str | int, ...]) -> list[str]:
    """Keys that the model at a validation error's location knows."""
    from assay.study import spec

    models: Mapping[str, type] = {
        "StageSpec": spec.StageSpec,
        "ArmSpec": spec.ArmSpec,
        "train": spec.TrainSpec,
        "evaluate": spec.EvaluateSpec,
        "average": spec.AverageSpec,
        "trend": spec.TrendSpec,
        "margins": spec.MarginSpec,
        "contrasts": spec.FamilySpec,
        "stages": spec.StageSpec,
        "judge": spec.JudgeSpec,
        "judges": spec.EndpointSpec,
    }
    model: Any = spec.StudySpec
    for step in location:
        model = models.get(str(step), model)
    return [info.alias or name for name, info in model.model_fields.items()]
