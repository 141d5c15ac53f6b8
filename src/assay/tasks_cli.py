"""``assay tasks``: what can be measured, how each task asks, and whether a task file of one's own is right.

Reads packages that the store holds and files that are there; downloads nothing. The number of items is the task file's
own where it says it, because counting takes as long as reading.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assay.errors import InputError

if TYPE_CHECKING:
    from assay.evaluate.task import Task

WIDTH = 150
"""Columns of a table that is written into a file or pipe."""


def tasks(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[TASK]", help="A task, TASK:GROUP, TASK@FORMAT or a task file: show its first item."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
) -> None:
    """List the tasks; or show one, with its first item."""
    from assay.evaluate.task_file import task_names

    if name is None:
        found = [_about(each) for each in task_names()]
        if as_json:
            print(json.dumps(found, indent=1, ensure_ascii=False))
        else:
            _print_list(found)
        return
    told = _about(name)
    if told["at_hand"]:
        told |= _first(name)
    if as_json:
        print(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        _print_one(told)


def _about(name: str) -> dict[str, Any]:
    """A task as a program reads it."""
    from assay.evaluate.task_file import load_task

    task = load_task(name)
    form = task.format()
    measures = ["bits_per_byte"]
    if task.chance is not None:
        measures += ["accuracy", "accuracy_norm", "margin"]
    elif task.greedy:
        measures.append("accuracy")
    if form.generate is not None:
        measures.append("answers")
    offline, at_hand, where = _had_from(task)
    return {
        "id": task.id,
        "title": task.title,
        "category": task.category,
        "version": task.version,
        "items": task.items,
        "chance": task.chance,
        "formats": list(task.formats),
        "format": task.default_format,
        "measures": measures,
        "check": form.generate.check if form.generate is not None else None,
        "grouped": task.group is not None,
        "labels": task.labels,
        "source": task.source.identity,
        "offline": offline,
        "at_hand": at_hand,
        "from": where,
        "note": " ".join(task.note.split()),
    }


def _had_from(task: "Task") -> tuple[bool, bool, str]:
    """Whether a task can be had without a copy that the user makes, whether its rows are here, and where they lie."""
    from assay.evaluate.packages import PACKAGES
    from assay.evaluate.rows import local_files

    source = task.source
    if source.generator is not None:
        return True, True, "made by rules"
    if source.wheel is not None:
        package = PACKAGES.get(source.wheel)
        return True, source.wheel in _wheels(), f"{source.wheel} {package.version}" if package else source.wheel
    if source.hub is None:
        return True, True, ", ".join(path.name for path in local_files(task))
    try:
        local_files(task)
    except InputError:
        return False, False, f"a copy of {source.hub}"
    return False, True, f"a copy of {source.hub}"


def _wheels() -> dict[str, Path]:
    """The packages of the built-in tasks that are in the store, as they are."""
    from assay.evaluate.packages import PACKAGES
    from assay.run.corpus_graph import package_step
    from assay.run.store import existing_store

    store = existing_store()
    if store is None:
        return {}
    store.only_read = True
    steps = {name: package_step(package) for name, package in PACKAGES.items()}
    return {
        name: store.place(step.kind, step.key) / PACKAGES[name].file
        for name, step in steps.items()
        if store.listed(step.kind, step.key)
    }


def _first(name: str) -> dict[str, Any]:
    """Number of items and the first of them, with what is asked in words."""
    from assay.evaluate.load import load_items, load_prompts
    from assay.evaluate.task_file import load_task

    task, wheels = load_task(name), _wheels()
    items = load_items(task, wheels)
    item = items[0]
    told: dict[str, Any] = {
        "items": len(items),
        "clusters": len({each.cluster for each in items}),
        "first": {"item": item.id, "contexts": item.contexts, "choices": item.choices, "gold": item.gold},
    }
    if task.format().generate is not None:
        prompt = load_prompts(task, wheels)[0]
        told["asked"] = {"text": prompt.text, "accept": prompt.accept}
    return told


def _print_list(found: list[dict[str, Any]]) -> None:
    table = Table(title=f"{len(found)} tasks; assay tasks TASK shows one", title_justify="left")
    for column in ("task", "title", "category"):
        table.add_column(column)
    for column in ("items", "chance"):
        table.add_column(column, justify="right")
    for column in ("formats", "in words", "from", "here"):
        table.add_column(column)
    for told in found:
        items = "?" if told["items"] is None else f"{told['items']:,}"
        chance = "–" if told["chance"] is None else f"{told['chance']:.2f}"
        row = [told["id"], told["title"], told["category"], items, chance, " ".join(told["formats"])]
        row += [told["check"] or "–", told["from"], "yes" if told["at_hand"] else "no"]
        table.add_row(*map(escape, row), style=None if told["offline"] or told["at_hand"] else "bright_black")
    _console().print(table)


def _print_one(told: dict[str, Any]) -> None:
    console = _console()
    table = Table(show_header=False, box=None, pad_edge=False)
    rows = {
        "title": told["title"],
        "category": told["category"],
        "version": told["version"],
        "items": "not counted" if told["items"] is None else f"{told['items']:,}",
        "chance": "none: there is nothing to choose from" if told["chance"] is None else f"{told['chance']:.4g}",
        "format": f"{told['format']} (of {', '.join(told['formats'])})",
        "measures": ", ".join(told["measures"]),
        "in words": told["check"] or "not asked",
        "from": told["from"],
        "note": told["note"] or "–",
    }
    for key, value in rows.items():
        table.add_row(key, escape(str(value)))
    console.print(f"[bold]{escape(told['id'])}[/bold]")
    console.print(table)
    if "first" not in told:
        missing = "Its package is not in the store: a study that measures the task fetches it."
        copy = "There is no copy of it: see its note, and 'Tasks of the hub' in the reference."
        console.print("\n" + (missing if told["offline"] else copy))
        return
    first = told["first"]
    console.print(f"\n[bold]Its first item[/bold], {first['item']}; » stands between a context and what is scored")
    for index, choice in enumerate(first["choices"]):
        context = first["contexts"][index if len(first["contexts"]) > 1 else 0]
        is_shown = index == 0 or len(first["contexts"]) > 1
        mark = "right" if index == first["gold"] else "wrong"
        console.print(f"{escape(context) if is_shown else '…'}[bold]»[/bold]{escape(choice)}   [dim]({mark})[/dim]")
    if "asked" in told:
        accepted = " | ".join(told["asked"]["accept"][:5])
        console.print(f"\n[bold]Asked in words[/bold] ({told['check']}){': ' + escape(accepted) if accepted else ''}")
        if told["asked"]["text"] != first["contexts"][0]:
            console.print(escape(told["asked"]["text"]))


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=WIDTH, highlight=False)
