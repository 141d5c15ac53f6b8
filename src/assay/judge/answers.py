"""An arm's answers to a prompt set: made by a checkpoint, or read from a file in a layout in which others keep theirs.

An answer belongs to a prompt and a sampling seed; what is drawn depends on these two alone, so prompts that are added
change no other answer. A model that was never taught to stop goes on with the next question, so its answers end at a
blank line or there. White space around an answer is dropped: a judge should see none of it. An empty answer is one; a
missing one is told and never taken for it. Which answer is better is the judges' business.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import InputError
from assay.evaluate.item import content_hash
from assay.files import ASIDE, write_whole
from assay.judge.json_rows import JsonRow, json_rows, read_text
from assay.judge.judgement import JudgePrompt, Say
from assay.judge.prompt_set import PromptSet, with_input

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from assay.endpoint.chat import ChatTemplate
    from assay.evaluate.generate import Answer, Decoding
    from assay.model.decoder import Decoder

BASE_STOPS = ("\n\n", "\nQuestion:")
"""Where the answer of a base model ends, unless other stops are asked for."""
NAMED = 5
"""Prompts that a message names at most."""
HEAD = b"assay.answers"
"""Key of the head in a Parquet file's metadata."""
SCHEMA = pa.schema([("prompt", pa.string()), ("seed", pa.int32()), ("text", pa.string())])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What one arm said."""

    name: str
    of: Mapping[tuple[str, int], str]
    """Text by prompt id and seed."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """How they were made, as far as it is known; JSON."""
    others: tuple[str, ...] = ()
    """Rows of the file, as ``file:line``, that answer no prompt of the set."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those under which there is an answer, sorted."""
        return tuple(sorted({seed for _, seed in self.of}))

    def missing(self, prompts: PromptSet) -> list[tuple[str, int]]:
        """Prompts without an answer, with the seed, of the seeds under which there is any."""
        return [
            (prompt.id, seed) for seed in self.seeds for prompt in prompts.prompts if (prompt.id, seed) not in self.of
        ]

    def account(self, prompts: PromptSet) -> str:
        """What is there and what is not, in a sentence or two."""
        told = []
        for seed in self.seeds:
            lacks = [id for id, of in self.missing(prompts) if of == seed]
            there = len(prompts.prompts) - len(lacks)
            told.append(
                f"{there} of {len(prompts.prompts)} prompts under seed {seed}"
                + (f" (missing: {_some(lacks)})" if lacks else "")
            )
        rest = f"; rows that answer no prompt of {prompts.name}: {_some(self.others)}" if self.others else ""
        return f"{self.name} answers {', '.join(told) or 'nothing'}{rest}"


def make_answers(
    decoder: "Decoder",
    tokenizer: "Tokenizer",
    ends: Collection[int],
    prompts: PromptSet,
    decoding: "Decoding",
    seeds: Sequence[int],
    longest: int,
    chat: "ChatTemplate | None" = None,
    say: Say | None = None,
    *,
    name: str,
    first: Sequence[int] | None = None,
) -> Answers:
    """Have a model answer a prompt set, once for each seed.

    Args:
        decoder: The model.
        tokenizer: Its own, set to spell control tokens out.
        ends: Tokens that end its answers: the document's end, and of a chat model its turn's.
        prompts: What is asked.
        decoding: Its seed is not used. Without stops a base model's answers end at `BASE_STOPS`, of which a blank line
            counts only behind the first word; a chat template's own stops are always added.
        seeds: Of sampling.
        longest: Tokens of a prompt and its answer together.
        chat: How the model was taught to talk; None: a base model.
        say: Told how many answers of how many are there.
        name: Of the arm.
        first: Tokens before every prompt of a base model; None: the document's end, as in training here.

    Returns:
        An answer for each prompt and seed. A base model's prompt that is too long loses its beginning; ``about`` says
        how many did.

    Raises:
        InputError: There is no room for answers, a conversation is too long, or several seeds are asked of a model that
            always says the likeliest.
    """
    from assay.evaluate.generate import Ask, generate
    from assay.tokens.tokenizer import end_id

    if decoding.temperature == 0 and len(seeds) > 1:
        raise InputError(f"at temperature 0 the answers of seeds {_some(seeds)} are the same: ask for one seed")
    room = longest - decoding.tokens
    if room < 1:
        raise InputError(f"answers of {decoding.tokens} tokens leave nothing of {longest} for their prompts")
    before = (end_id(tokenizer),) if first is None else tuple(first)
    tokens = [_encode(prompts, prompt, tokenizer, before, chat) for prompt in prompts.prompts]
    long = [prompt.id for prompt, its in zip(prompts.prompts, tokens, strict=True) if len(its) > room]
    if long and chat is not None:
        raise InputError(
            f"{len(long)} prompts have more than the {room} tokens that answers of {decoding.tokens} leave of "
            f"{longest}: {_some(long)}; ask for shorter answers, or leave these out"
        )
    stops = (*decoding.stop, *chat.stops) if chat is not None else decoding.stop or BASE_STOPS
    asks = [
        Ask(prompt.id, its[-room:], replace(decoding, stop=stops, seed=seed))
        for seed in seeds
        for prompt, its in zip(prompts.prompts, tokens, strict=True)
    ]
    found = generate(decoder, tokenizer, ends, asks, longest, say=say)
    words = tuple(stop for stop in stops if stop.strip())
    blank = [place for place, one in enumerate(found) if one.finish == "stop" and not one.text.strip()]
    if len(words) < len(stops):
        again = [replace(asks[place], decoding=replace(asks[place].decoding, stop=words)) for place in blank]
        for place, one in zip(blank, generate(decoder, tokenizer, ends, again, longest), strict=True):
            found[place] = _cut(one, stops)
    finishes = Counter(one.finish for one in found)
    return Answers(
        name=name,
        of={(ask.key, ask.decoding.seed): one.text.strip() for ask, one in zip(asks, found, strict=True)},
        about={
            "prompts": {"name": prompts.name, "sha256": prompts.sha256},
            "decoding": {
                "tokens": decoding.tokens,
                "stop": list(stops),
                "temperature": decoding.temperature,
                "top_p": decoding.top_p,
            },
            "longest": longest,
            "chat": None if chat is None else content_hash(chat.source),
            "shortened": len(long),
            "finish": {how: finishes[how] for how in ("stop", "end", "length")},
        },
    )


def joined(parts: Sequence[Answers], prompts: PromptSet) -> Answers:
    """One arm's answers to parts of a set, as if the set had been answered at once.

    Args:
        parts: From `make_answers`, one at least, all made alike.
        prompts: The whole set.
    """
    of = {key: text for part in parts for key, text in part.of.items()}
    seeds = dict.fromkeys(seed for _, seed in of)
    about = dict(parts[0].about)
    about["prompts"] = {"name": prompts.name, "sha256": prompts.sha256}
    about["shortened"] = sum(part.about["shortened"] for part in parts)
    about["finish"] = {how: sum(part.about["finish"][how] for part in parts) for how in about["finish"]}
    whole = {(prompt.id, seed): of[prompt.id, seed] for seed in seeds for prompt in prompts.prompts}
    return replace(parts[0], of=whole, about=about)


def _encode(
    prompts: PromptSet,
    prompt: JudgePrompt,
    tokenizer: "Tokenizer",
    before: tuple[int, ...],
    chat: "ChatTemplate | None",
) -> tuple[int, ...]:
    if chat is not None:
        return chat.encode(tokenizer, [{"role": "user", "content": prompts.format.chat(prompt)}])
    return (*before, *tokenizer.encode(prompts.format.base(prompt), add_special_tokens=False).ids)


def _cut(answer: "Answer", stops: Sequence[str]) -> "Answer":
    """An answer without the white space that it begins with, up to the first stop behind that."""
    text = answer.text.lstrip()
    found = [at for at in (text.find(stop) for stop in stops) if at >= 0]
    return replace(answer, text=text[: min(found)], finish="stop") if found else replace(answer, text=text)


def read_answers(path: Path, prompts: PromptSet, name: str | None = None) -> Answers:
    """A file of answers as an arm.

    Layouts: Assay's own (what `write_answers` writes; also bare rows of ``prompt``, an id or the text itself, ``text``,
    and maybe ``seed``), AlpacaEval's outputs and their like (``instruction``, ``output`` or ``response``, maybe
    ``generator``), MT-bench's answers (``question_id``, ``choices``, ``model_id``; the first turn alone, a choice's
    index is its seed). A file is one arm.

    Args:
        path: JSON lines or a JSON array (.jsonl, .ndjson, .json), or own Parquet (.parquet).
        prompts: What is answered; an id is tried first, then the text.
        name: Of the arm; None: as the file says, or its name without the ending.

    Raises:
        InputError: The file is missing or wrong (with the line), holds several arms, answers a prompt twice under one
            seed, or answers none.
    """
    head, rows = _table(path) if path.suffix == ".parquet" else _json(path)
    known = {prompt.text: prompt.id for prompt in prompts.prompts} | {
        prompt.id: prompt.id for prompt in prompts.prompts
    }
    of: dict[tuple[str, int], str] = {}
    places: dict[tuple[str, int], str] = {}
    arms: dict[str, str] = {}
    others: list[str] = []
    for row in rows:
        asked, said, arm = _said(row)
        if arm:
            arms.setdefault(arm, row.where)
        id = known.get(asked.strip())
        if id is None:
            others.append(row.where)
            continue
        for seed, text in said:
            if (id, seed) in of:
                raise InputError(
                    f"prompt '{id}' has an answer under seed {seed} already, {places[id, seed]}", row.where
                )
            of[id, seed], places[id, seed] = text.strip(), row.where
    if len(arms) > 1:
        (one, at), (two, there) = list(arms.items())[:2]
        raise InputError(f"a file holds the answers of one arm, and this one has '{one}' ({at}) and '{two}' ({there})")
    if not of:
        example = prompts.prompts[0]
        raise InputError(
            f"none of its {len(rows)} rows answers a prompt of {prompts.name}: rows name a prompt by its id "
            f"('{example.id}') or its whole text ('{_short(example)}')",
            str(path),
        )
    called = name or head.get("name") or next(iter(arms), None) or path.stem
    return Answers(name=called, of=of, about=head.get("about", {}), others=tuple(others))


def write_answers(path: Path, answers: Answers) -> None:
    """Write answers with how they were made: Parquet (.parquet), or JSON lines with a head line (.jsonl).

    Raises:
        InputError: The path ends in something else.
        StepError: The disk is full or cannot be written.
    """
    head = {"name": answers.name, "about": answers.about}
    rows = [{"prompt": id, "seed": seed, "text": text} for (id, seed), text in answers.of.items()]
    if path.suffix == ".jsonl":
        lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) for row in ({"answers": head}, *rows)]
        write_whole(path, "\n".join(lines) + "\n")
    elif path.suffix == ".parquet":
        told = json.dumps(head, ensure_ascii=False, allow_nan=False).encode()
        aside = path.with_name(ASIDE + path.name)
        table = pa.Table.from_pylist(rows, SCHEMA).replace_schema_metadata({HEAD: told})
        pq.write_table(table, aside, compression="zstd")
        aside.rename(path)
    else:
        raise InputError("answers are written as .jsonl or .parquet", str(path))


def _table(path: Path) -> tuple[dict[str, Any], list[JsonRow]]:
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise InputError(f"there is no answer file {path}") from None
    except (OSError, pa.ArrowException) as problem:
        raise InputError(f"the answer file cannot be read: {problem}", str(path)) from None
    lacking = [name for name in SCHEMA.names if name not in table.column_names]
    if lacking:
        raise InputError(f"an answer table has columns {', '.join(SCHEMA.names)}; '{lacking[0]}' is missing", str(path))
    head = json.loads((table.schema.metadata or {}).get(HEAD, b"{}"))
    rows = table.select(SCHEMA.names).to_pylist()
    return head, [JsonRow(f"{path}, row {number}", row) for number, row in enumerate(rows, start=1)]


def _json(path: Path) -> tuple[dict[str, Any], list[JsonRow]]:
    rows = json_rows(read_text(path, "answer file"), str(path))
    head = rows[0].values.get("answers")
    if not isinstance(head, dict):
        return {}, rows
    return head, rows[1:]


def _said(row: JsonRow) -> tuple[str, list[tuple[int, str]], str]:
    """Id or text of the prompt, what was said under which seeds, and the arm's name or nothing."""
    values = row.values
    if "choices" in values:
        said = []
        for number, choice in enumerate(row.elements("choices", "objects")):
            one = JsonRow(row.where, choice)
            said.append((_seed(one, "index", number), one.elements("turns", "texts")[0]))
        return row.name("question_id") or "", said, row.text("model_id", False)
    if "instruction" in values:
        asked = with_input(row.text("instruction"), row.text("context", False) or row.text("input", False))
        text = row.text("output" if "output" in values else "response")
        return asked, [(_seed(row, "seed", 0), text)], row.text("generator", False)
    if "prompt" in values:
        return row.name("prompt") or "", [(_seed(row, "seed", 0), row.text("text"))], ""
    has = ", ".join(sorted(values)) or "nothing"
    raise InputError(
        f"no layout of answers has just {has}; a row has prompt, text (Assay's own), instruction, output (AlpacaEval) "
        "or question_id, choices (MT-bench)",
        row.where,
    )


def _seed(row: JsonRow, key: str, otherwise: int) -> int:
    value = row.values.get(key, otherwise)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"'{key}' must be a whole number, and is {value!r}", row.where)
    return value


def _some(names: Sequence[object]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(str, names[:NAMED])) + more


def _short(prompt: JudgePrompt) -> str:
    return prompt.text if len(prompt.text) <= 40 else prompt.text[:40] + "…"
