"""Rows of a task become items: read, written into prompts, doubles dropped, cut to a limit.

Where rows come from is in `rows.py`. A limit takes the items with the smallest hash instead of the first ones, because
benchmark files are often sorted (HellaSwag: ActivityNet first, WikiHow after), and so that a larger limit only adds
items. Nothing is shuffled and nothing is drawn at random.
"""

from collections.abc import Mapping
from pathlib import Path

import jinja2

from assay.errors import InputError, nearest
from assay.evaluate.derive import Row
from assay.evaluate.item import Item, content_hash
from assay.evaluate.prompt import Prompt
from assay.evaluate.rows import read_rows
from assay.evaluate.task import ANSWER, EACH, Generation, PromptFormat, Task
from assay.evaluate.template import expression, template

TEMPLATE_ERRORS = (jinja2.TemplateError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What a template may raise over a row that it was not written for."""


def load_items(
    task: Task, wheels: Mapping[str, Path], limit: int | None = None, format: str | None = None
) -> list[Item]:
    """Items of a task in the order of its file, without doubles.

    Args:
        task: The task.
        wheels: Path of each wheel by name; local tasks need none.
        limit: At most so many items: those with the smallest hash of (task, item), so that the items of a
            smaller limit are among those of a larger one. None: all.
        format: Name of a prompt format; None: the task's default.

    Raises:
        InputError: Unknown format, missing local file, missing column, a template that fails, a row that
            gives no scorable item, a limit below 1.
        StepError: The wheel is missing, is not a zip file or does not hold the rows.
    """
    return [item for item, _ in _items(task, wheels, limit, task.format(format), frozenset())]


def load_prompts(
    task: Task, wheels: Mapping[str, Path], limit: int | None = None, format: str | None = None
) -> list[Prompt]:
    """What is asked in words of the same items, in the same order; see `load_items`.

    Raises:
        InputError: As there; or the format is only scored.
        StepError: As there.
    """
    prompt = task.format(format)
    asked = prompt.generate
    if asked is None:
        raise InputError(f"task '{task.id}': the format '{format or task.default_format}' has no 'generate'")
    found = []
    for item, row in _items(task, wheels, limit, prompt, asked.columns):
        try:
            found.append(_prompt(asked, item, row))
        except TEMPLATE_ERRORS as problem:
            raise InputError(f"task '{task.id}': what is generated for item {item.id}: {problem}") from None
    return found


def _prompt(asked: Generation, item: Item, row: Row) -> Prompt:
    text = item.contexts[0] if asked.context is None else template(asked.context).render(row)
    accept: tuple[str, ...] = ()
    before = after = ""
    if asked.accept is not None:
        values = expression(asked.accept)(row)
        if not isinstance(values, list | tuple) or not values:
            raise TypeError(f"'accept' must give a list of texts; '{asked.accept}' gave {values!r}")
        accept = tuple(dict.fromkeys(str(value) for value in values))
    if asked.program is not None:
        mark = f"<answer {item.id}>"
        parts = template(asked.program).render({**row, ANSWER: mark}).split(mark)
        if len(parts) != 2:
            raise ValueError(f"'program' must hold the answer once, and holds it {len(parts) - 1} times")
        before, after = parts
    return Prompt(item=item.id, cluster=item.cluster, text=text, accept=accept, before=before, after=after)


def _items(
    task: Task, wheels: Mapping[str, Path], limit: int | None, prompt: PromptFormat, more: frozenset[str]
) -> list[tuple[Item, Row]]:
    if limit is not None and limit < 1:
        raise InputError(f"task '{task.id}': a limit of {limit} items leaves nothing to score")
    first = next(iter(task.formats.values()))
    columns = prompt.columns | task.cluster_columns | more
    if limit is not None:
        columns |= first.columns
    items: dict[str, tuple[Item, Row]] = {}
    groups: dict[str, None] = {}
    for number, row in enumerate(read_rows(task, wheels, columns), start=1):
        missing = sorted(columns - row.keys())
        if missing:
            raise InputError(
                f"task '{task.id}': row {number} of {task.source.path} has no column '{missing[0]}'; "
                f"it has {', '.join(sorted(row))}"
            )
        try:
            group = "" if task.group is None else template(task.group).render(row)
            groups[group] = None
            if task.only not in {None, group}:
                continue
            item = _item(prompt, task.cluster, row)
        except TEMPLATE_ERRORS as problem:
            raise InputError(f"task '{task.id}': row {number} of {task.source.path}: {problem}") from None
        items.setdefault(item.id, (item, row))
    if not items:
        if task.only is not None and groups:
            raise InputError(f"task '{task.id}': there is no group '{task.only}'{nearest(task.only, groups)}")
        raise InputError(f"task '{task.id}': {task.source.path} holds no rows")
    found = list(items.values())
    return found if limit is None or limit >= len(found) else _limited(task, found, limit, prompt, first)


def _limited(
    task: Task, items: list[tuple[Item, Row]], limit: int, prompt: PromptFormat, first: PromptFormat
) -> list[tuple[Item, Row]]:
    """Those with the smallest hashes of what they are in the task's first format: the same rows in all formats."""
    name = task.id.partition("@")[0]
    known = (item if prompt is first else _item(first, task.cluster, row) for item, row in items)
    ranks = [content_hash(name, item.id) for item in known]
    kept = set(sorted(range(len(items)), key=lambda index: ranks[index])[:limit])
    return [pair for index, pair in enumerate(items) if index in kept]


def _item(prompt: PromptFormat, cluster: str | None, row: Row) -> Item:
    context = template(prompt.context)
    if prompt.each is None:
        contexts: tuple[str, ...] = (context.render(row),)
        choices = tuple(template(choice).render(row) for choice in prompt.choices)
    else:
        elements = expression(prompt.each)(row)
        if not isinstance(elements, list | tuple):
            raise TypeError(f"'each' must give a list; '{prompt.each}' gave {type(elements).__name__}")
        choice = template(prompt.choices[0])
        rows = [{**row, EACH: element} for element in elements]
        choices = tuple(choice.render(each) for each in rows)
        contexts = tuple(context.render(each) for each in rows) if prompt.context_per_choice else (context.render(row),)
    gold = template(prompt.gold).render(row).strip()
    try:
        index = int(gold)
    except ValueError:
        raise ValueError(f"gold is the number of a choice, counted from 0, and '{gold}' is not") from None
    return Item.of(contexts, choices, index, None if cluster is None else template(cluster).render(row))
