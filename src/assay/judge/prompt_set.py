"""Open-ended prompts: the set that comes with Assay, and files in the layouts in which others keep theirs.

A file's layout is seen from the keys of its first row, and every row must have them. A prompt is an instruction, which
a base model gets in a frame and a chat model as it stands; or an opening, which a base model gets as it stands and a
chat model with a request to go on. Only Assay's own layout has openings. Of conversations the first turn alone is read.
Whether a prompt is good, or its reference right, is not judged here.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from importlib import resources
from pathlib import Path

from assay.errors import InputError, nearest
from assay.evaluate.item import content_hash
from assay.judge.json_rows import JsonRow, json_rows, read_text
from assay.judge.judgement import JudgePrompt
from assay.yaml_file import read_mapping

FRAME = "Question: {text}\nAnswer:"
"""Put around an instruction for a model that was never taught to follow one."""
REQUEST = "Continue this text in the same manner. Write only the continuation.\n\n{text}"
"""Put around an opening for a model that was."""
ENDINGS = (".jsonl", ".ndjson", ".json", ".yaml", ".yml", ".txt")
HEAD = ("title", "frame", "request", "prompts")
"""Keys of a YAML file."""
OWN = ("id", "text", "category", "reference", "opening")
"""Keys of a row in Assay's own layout."""
INSTRUCTION, INPUT, RESPONSE = "### Instruction:\n", "\n\n### Input:\n", "\n\n### Response:"
"""Headings of the template that Alpaca put around its rows, and others after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFormat:
    """How prompts are put to a model."""

    frame: str = FRAME
    """Around an instruction for a base model; ``{text}`` stands for it."""
    request: str = REQUEST
    """Around an opening for a chat model."""
    openings: frozenset[str] = frozenset()
    """Ids of prompts that are texts to be continued; all others are instructions."""

    def base(self, prompt: JudgePrompt) -> str:
        """What a base model is to continue."""
        return prompt.text if prompt.id in self.openings else self.frame.replace("{text}", prompt.text)

    def chat(self, prompt: JudgePrompt) -> str:
        """What a chat model is told, before its own template; also what a judge can be told that it was."""
        return self.request.replace("{text}", prompt.text) if prompt.id in self.openings else prompt.text


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSet:
    """Prompts that arms are compared on."""

    name: str
    """Of the built-in set, or the file's without its ending."""
    prompts: tuple[JudgePrompt, ...]
    """In file order; ids and texts are unique."""
    format: PromptFormat = PromptFormat()
    doubles: tuple[str, ...] = ()
    """Rows left out because an earlier one has the same text, each with both places."""

    @property
    def sha256(self) -> str:
        """Identity of the prompts and their format, whatever file and layout they came from."""
        what = [
            [astuple(prompt) for prompt in self.prompts],
            [self.format.frame, self.format.request, sorted(self.format.openings)],
        ]
        return hashlib.sha256(json.dumps(what, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedSet:
    """Which prompts were asked for, as it is written: enough to load them again elsewhere."""

    written: str
    """Name of a built-in set, or path of a file."""
    limit: int | None = None
    categories: tuple[str, ...] = ()

    def load(self) -> PromptSet:
        """The prompts; raises as `load_prompt_set` does."""
        return load_prompt_set(self.written, self.limit, self.categories)


@dataclass(frozen=True, slots=True)
class _Read:
    """A row as its layout has it; an empty id: to be made of the text."""

    id: str
    text: str
    category: str = ""
    reference: str = ""
    opening: bool = False


def prompt_set_names() -> list[str]:
    """Names of the built-in sets, sorted."""
    folder = resources.files("assay.judge") / "sets"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_prompt_set(name_or_path: str, limit: int | None = None, categories: Sequence[str] = ()) -> PromptSet:
    """A built-in set by name, or a file by path.

    Files: Assay's own layout (rows of ``id``, ``text``, ``category``, ``reference``, ``opening``, of which ``text`` is
    needed; JSON lines, a JSON array, or ``prompts`` of a YAML file with ``title``, ``frame`` and ``request``); Dolly
    (``instruction``, ``context``, ``response``, ``category``), also as prompt and response in Alpaca's template;
    MT-bench questions (the first turn alone); AlpacaEval (``output`` is a reference where no ``generator`` is named,
    for what a model said is an arm and no gold); the seed tasks of Self-Instruct (the first instance); a text file with
    one prompt a line, or, where empty lines separate them, one a paragraph. A prompt without an id is named by a hash
    of its text.

    Args:
        name_or_path: See above.
        limit: At most so many prompts, of each category its share, chosen by a hash of their texts; those of a smaller
            limit are among those of a larger one. None: all.
        categories: Only prompts of these; none: of all.

    Raises:
        InputError: There is no such set, file or category; a row is wrong (with file and line), an id is given to two
            texts, or nothing is left.
    """
    path = Path(name_or_path)
    if path.suffix in ENDINGS:
        text, where = read_text(path, "prompt file"), str(path)
    elif name_or_path in prompt_set_names():
        entry = resources.files("assay.judge") / "sets" / f"{name_or_path}.yaml"
        text, where, path = entry.read_text(encoding="utf-8"), entry.name, Path(entry.name)
    elif path.is_file():
        raise InputError(f"a prompt file ends in {', '.join(ENDINGS)}", str(path))
    else:
        hint = nearest(name_or_path, prompt_set_names())
        raise InputError(f"there is no prompt set '{name_or_path}'{hint} (prompts of your own: their file)")
    head: dict[str, str] = {}
    if path.suffix in {".yaml", ".yml"}:
        head, rows = _yaml(text, where)
        read = [(row.where, _own(row)) for row in rows]
    elif path.suffix == ".txt":
        read = _plain(text, where)
    else:
        read = _read_rows(json_rows(text, where))
    if not read:
        raise InputError("the file holds no prompts", where)
    return _chosen(_made(path.stem, read, head), where, limit, categories)


def _made(name: str, read: list[tuple[str, _Read]], head: dict[str, str]) -> PromptSet:
    """The set of what was read: doubles dropped, ids given and checked."""
    prompts: list[JudgePrompt] = []
    openings: list[str] = []
    texts: dict[str, str] = {}
    ids: dict[str, str] = {}
    doubles: list[str] = []
    for where, row in read:
        text = row.text.strip()
        if not text:
            raise InputError("the prompt is empty", where)
        if text in texts:
            doubles.append(f"{where} repeats {texts[text]}")
            continue
        texts[text] = where
        id = row.id or content_hash(text)
        if id in ids:
            raise InputError(f"the id '{id}' is also that of {ids[id]}, with another text; ids are unique", where)
        ids[id] = where
        reference = row.reference.strip() or None
        prompts.append(JudgePrompt(id=id, text=text, category=row.category, reference=reference))
        if row.opening:
            openings.append(id)
    format = PromptFormat(**head, openings=frozenset(openings))
    return PromptSet(name=name, prompts=tuple(prompts), format=format, doubles=tuple(doubles))


def _chosen(whole: PromptSet, where: str, limit: int | None, categories: Sequence[str]) -> PromptSet:
    known = dict.fromkeys(prompt.category for prompt in whole.prompts)
    for category in categories:
        if category not in known:
            raise InputError(f"there is no category '{category}'{nearest(category, filter(None, known))}", where)
    kept = [prompt for prompt in whole.prompts if not categories or prompt.category in categories]
    if limit is not None:
        if limit < 1:
            raise InputError(f"a limit of {limit} prompts leaves nothing to judge")
        sizes = Counter(prompt.category for prompt in kept)
        seen: Counter[str] = Counter()
        ranks: list[tuple[float, str, int]] = []
        for rank, place in sorted((content_hash(prompt.text), place) for place, prompt in enumerate(kept)):
            category = kept[place].category
            ranks.append(((seen[category] + 0.5) / sizes[category], rank, place))
            seen[category] += 1
        kept = [kept[place] for place in sorted(place for *_, place in sorted(ranks)[:limit])]
    openings = whole.format.openings.intersection(prompt.id for prompt in kept)
    return replace(whole, prompts=tuple(kept), format=replace(whole.format, openings=openings))


def _yaml(text: str, path: str) -> tuple[dict[str, str], list[JsonRow]]:
    """``frame`` and ``request`` as far as they are given, and the rows."""
    wanted = "a prompt file in YAML is a mapping with a list under 'prompts:'"
    values, root = read_mapping(text, path, wanted)
    if not isinstance(values.get("prompts"), list):
        raise InputError(wanted, path)
    head = {}
    for key_node, value_node in root.value:
        key, line = key_node.value, key_node.start_mark.line + 1
        if key not in HEAD:
            raise InputError(f"unknown key '{key}'{nearest(key, HEAD)}", f"{path}:{line}")
        if key in {"frame", "request"}:
            if not isinstance(values[key], str) or values[key].count("{text}") != 1:
                raise InputError(f"'{key}' must be a text with {{text}} in it once, for the prompt", f"{path}:{line}")
            head[key] = values[key]
        elif key == "prompts":
            places = [f"{path}:{node.start_mark.line + 1}" for node in value_node.value]
    rows = [JsonRow(place, row) for place, row in zip(places, values["prompts"], strict=True)]
    for row in rows:
        if not isinstance(row.values, dict):
            raise InputError("a prompt is a mapping of keys such as 'text:' and 'category:'", row.where)
    return head, rows


def _plain(text: str, path: str) -> list[tuple[str, _Read]]:
    """One prompt a paragraph where empty lines stand between lines, otherwise one a line."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    paragraphs = bool(lines) and lines[-1][0] - lines[0][0] + 1 > len(lines)
    blocks: list[tuple[int, list[str]]] = []
    for number, line in lines:
        if paragraphs and blocks and blocks[-1][0] + len(blocks[-1][1]) == number:
            blocks[-1][1].append(line)
        else:
            blocks.append((number, [line]))
    return [(f"{path}:{number}", _Read("", "\n".join(block))) for number, block in blocks]


def _own(row: JsonRow) -> _Read:
    for key in row.values:
        if key not in OWN:
            raise InputError(f"unknown key '{key}'{nearest(key, OWN)}", row.where)
    opening = row.values.get("opening", False)
    if not isinstance(opening, bool):
        raise InputError(
            f"'opening' is true for a text to be continued, and false otherwise; not {opening!r}", row.where
        )
    return _Read(
        row.name("id") or "", row.text("text"), row.text("category", False), row.text("reference", False), opening
    )


def _mt_bench(row: JsonRow) -> _Read:
    turns = row.elements("turns", "texts")
    references = row.values.get("reference") or [""]
    if not isinstance(references, list) or not isinstance(references[0], str):
        raise InputError("'reference' must be a list of texts, one for each turn", row.where)
    return _Read(row.name("question_id") or "", turns[0], row.text("category", False), references[0])


def _self_instruct(row: JsonRow) -> _Read:
    first = JsonRow(row.where, row.elements("instances", "objects")[0])
    text = with_input(row.text("instruction"), first.text("input", False))
    return _Read(row.name("id") or "", text, reference=first.text("output", False))


def _instruction(row: JsonRow) -> _Read:
    text = with_input(row.text("instruction"), row.text("context", False) or row.text("input", False))
    said = row.text("response", False) or row.text("output", False)
    return _Read(
        row.name("id") or "",
        text,
        row.text("category", False) or row.text("dataset", False),
        "" if "generator" in row.values else said,
    )


def _templated(row: JsonRow) -> _Read:
    text = row.text("prompt")
    if INSTRUCTION in text and RESPONSE in text:
        text = text.split(INSTRUCTION, 1)[1].rsplit(RESPONSE, 1)[0].replace(INPUT, "\n\n", 1)
    return _Read(row.name("id") or "", text, row.text("category", False), row.text("response", False))


def with_input(instruction: str, given: str) -> str:
    """An instruction with what it is about below it, if anything."""
    return f"{instruction.strip()}\n\n{given.strip()}" if given.strip() else instruction


LAYOUTS: dict[str, tuple[tuple[str, ...], Callable[[JsonRow], _Read]]] = {
    "MT-bench questions": (("question_id", "turns"), _mt_bench),
    "Self-Instruct's seed tasks": (("instruction", "instances"), _self_instruct),
    "instructions (Dolly, Alpaca, AlpacaEval)": (("instruction",), _instruction),
    "prompts with responses": (("prompt",), _templated),
    "Assay's own": (("text",), _own),
}
"""Keys by which the first row tells its layout, and what reads a row; the first that fits is taken."""


def _read_rows(rows: list[JsonRow]) -> list[tuple[str, _Read]]:
    first = rows[0]
    name = next((name for name, (keys, _) in LAYOUTS.items() if all(key in first.values for key in keys)), None)
    if name is None:
        told = "; ".join(f"{', '.join(keys)} ({name})" for name, (keys, _) in LAYOUTS.items())
        has = ", ".join(sorted(first.values)) or "nothing"
        raise InputError(f"no layout of prompts has just {has}; a row has {told}", first.where)
    keys, read = LAYOUTS[name]
    for row in rows:
        for key in keys:
            if key not in row.values:
                raise InputError(f"'{key}' is missing, and by its first row the file is {name}", row.where)
    return [(row.where, read(row)) for row in rows]
