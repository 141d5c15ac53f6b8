"""The worker's steps of what is answered in words: questions, a checkpoint's answers, and which of them are right.

Answers are kept in parts while they are made, so that a kill costs one part. A program is run in a sandbox alone, and
only after the task's own reference programs were; what the sandbox was stands beside the verdicts.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import InputError, Stopped
from assay.evaluate.check import right
from assay.evaluate.load import load_items, load_prompts
from assay.evaluate.packages import wheels_of
from assay.evaluate.prompt import Prompt, encode_prompts, read_prompts, write_prompts
from assay.evaluate.requests import first_of
from assay.evaluate.task import Generation, Task
from assay.evaluate.task_file import load_task
from assay.files import as_json
from assay.model.shape import Shape
from assay.run.step import Call
from assay.tokens import tokenizer as bpe

ANSWERS = pa.schema(
    [
        ("item", pa.string()),
        ("sample", pa.int16()),
        ("text", pa.string()),
        ("tokens", pa.int32()),
        ("finish", pa.string()),
    ]
)
"""``finish``: ``stop`` (a stop text), ``end`` (the document's end) or ``length``. The text stops before either."""
VERDICTS = pa.schema(
    [
        ("item", pa.string()),
        ("sample", pa.int16()),
        ("right", pa.float32()),
        ("outcome", pa.string()),
        ("message", pa.string()),
    ]
)
"""``right``: 1 or 0, between them where words are right in part. ``outcome``: ``right`` or ``wrong``; of a program what
became of it, see `assay.evaluate.sandbox`. Items whose reference fails here have no row."""
PART = 64
"""Questions answered between two saves."""


def make_prompts(call: Call) -> None:
    """Tokenise a task's questions. Recipe: ``task``, ``limit``, ``longest``; place: ``task``; inputs: ``tokenizer``."""
    task = load_task(call.place["task"])
    asked = _asked(task)
    prompts = load_prompts(task, wheels_of(call), call.recipe["limit"])
    tokenizer = bpe.load(call.inputs["tokenizer"])
    first = first_of(call.inputs["tokenizer"])
    write_prompts(encode_prompts(prompts, tokenizer, call.recipe["longest"], asked.tokens, first), call.out)


def answer(call: Call) -> None:
    """Have a checkpoint answer a task's questions, as ``answers.parquet``.

    Recipe: ``shape``, ``precision``, ``stop``, ``tokens``, ``longest``, ``decoding`` and maybe ``average``, as
    `assay.run.answer_steps.answers_step` writes it; inputs: ``state``, or a model in its place, and ``prompts``.
    """
    from assay.evaluate.checkpoint import open_decoder
    from assay.evaluate.generate import Ask, Decoding, generate
    from assay.train.compiled import set_up_torch

    set_up_torch(call.device)
    recipe = call.recipe
    prompts = read_prompts(call.inputs["prompts"])
    parts = [prompts[start : start + PART] for start in range(0, len(prompts), PART)]
    drawn = dict(recipe["decoding"])
    samples = drawn.pop("samples")
    decoding = Decoding(tokens=recipe["tokens"], stop=tuple(recipe["stop"]), **drawn)
    decoder = open_decoder(
        call.inputs["state"],
        Shape(**recipe["shape"]),
        recipe["precision"],
        tuple(recipe.get("average", ())),
        call.device,
    )
    tokenizer = bpe.load(call.inputs["tokenizer"])
    ends = (bpe.end_id(tokenizer),)
    call.partial.mkdir(exist_ok=True)
    for number, part in enumerate(parts):
        kept = call.partial / f"{number:06d}.parquet"
        if kept.is_file():
            continue
        if call.stopping():
            raise Stopped("answers so far are kept")
        asks = [Ask(prompt.item, prompt.tokens, decoding, sample) for prompt in part for sample in range(samples)]
        found = generate(decoder, tokenizer, ends, asks, recipe["longest"])
        rows = [
            {"item": ask.key, "sample": ask.sample, "text": one.text, "tokens": len(one.tokens), "finish": one.finish}
            for ask, one in zip(asks, found, strict=True)
        ]
        aside = kept.with_suffix(".part")
        pq.write_table(pa.Table.from_pylist(rows, ANSWERS), aside, compression="zstd")
        aside.rename(kept)
        call.kept()
        call.tell({"done": min((number + 1) * PART, len(prompts)), "of": len(prompts)})
    tables = [pq.read_table(call.partial / f"{number:06d}.parquet") for number in range(len(parts))]
    pq.write_table(pa.concat_tables(tables), call.out / "answers.parquet", compression="zstd")


def check_gold(call: Call) -> None:
    """Run a task's reference programs, and empty answers in their place, as ``gold.json``.

    Recipe: ``task``, ``limit``; place: ``task``, ``sandbox``; inputs: ``package:NAME``. Writes what
    `assay.evaluate.programs.Golds` holds.

    Raises:
        StepError: Too many references fail, or an empty answer passes: the task's scores would mean nothing.
    """
    from assay.evaluate.programs import gold_check
    from assay.evaluate.sandbox import open_sandbox

    task = load_task(call.place["task"])
    limit = call.recipe["limit"]
    items, prompts = load_items(task, wheels_of(call), limit), load_prompts(task, wheels_of(call), limit)
    with open_sandbox(call.place["sandbox"], workers=1) as sandbox:
        name = task.id.partition("@")[0]
        golds = gold_check(name, items, prompts, _asked(task), sandbox, _teller(call))
    told = {**asdict(golds), "excluded": golds.excluded, "told": str(golds)}
    (call.out / "gold.json").write_text(as_json(told), encoding="utf-8")


def check_answers(call: Call) -> None:
    """Say which answers are right, as ``verdicts.parquet`` and, of programs, the sandbox's tier in ``checked.json``.

    Recipe: ``asked``; place: ``task``, ``sandbox``; inputs: ``prompts``, ``answers``, and ``gold`` of programs.
    """
    asked = Generation.model_validate(call.recipe["asked"])
    prompts = {prompt.item: prompt for prompt in read_prompts(call.inputs["prompts"])}
    answers = pq.read_table(call.inputs["answers"] / "answers.parquet").to_pylist()
    if asked.check == "program":
        rows, tier = _run(call, asked, prompts, answers)
        (call.out / "checked.json").write_text(as_json({"tier": tier}), encoding="utf-8")
    else:
        rows = list(_compare(asked, prompts, answers))
    pq.write_table(pa.Table.from_pylist(rows, VERDICTS), call.out / "verdicts.parquet", compression="zstd")


def _compare(asked: Generation, prompts: dict[str, Prompt], answers: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in answers:
        value = right(row["text"], prompts[row["item"]], asked)
        outcome = "right" if value == 1 else "wrong"
        yield {"item": row["item"], "sample": row["sample"], "right": value, "outcome": outcome, "message": ""}


def _run(
    call: Call, asked: Generation, prompts: dict[str, Prompt], answers: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], str]:
    from assay.evaluate import programs
    from assay.evaluate.sandbox import open_sandbox

    excluded = json.loads((call.inputs["gold"] / "gold.json").read_text(encoding="utf-8"))["excluded"]
    given: dict[str, list[dict[str, Any]]] = {}
    for row in answers:
        if row["item"] not in excluded:
            given.setdefault(row["item"], []).append(row)
    asks, texts = [prompts[item] for item in given], [[row["text"] for row in rows] for rows in given.values()]
    with open_sandbox(call.place["sandbox"], workers=1) as sandbox:
        found = programs.check_answers(asks, texts, sandbox, asked.extract, _teller(call))
        tier = sandbox.tier
    rows = [
        {
            "item": item,
            "sample": row["sample"],
            "right": float(checked.right),
            "outcome": checked.outcome,
            "message": checked.message,
        }
        for (item, kept), verdicts in zip(given.items(), found, strict=True)
        for row, checked in zip(kept, verdicts, strict=True)
    ]
    return rows, tier


def _teller(call: Call) -> Callable[[int, int], None]:
    return lambda done, of: call.tell({"done": done, "of": of})


def _asked(task: Task) -> Generation:
    asked = task.format().generate
    if asked is None:
        raise InputError(f"task '{task.id}' is scored only: its format '{task.default_format}' has no 'generate'")
    return asked
