"""``assay eval``: checkpoints measured outside any study, each on the same items."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from pydantic import ValidationError
from rich.console import Console

from assay.errors import InputError, Stopped
from assay.options import CHECKPOINT, ArmOption, DeviceOption, PrecisionOption, SeedOfOption, SizeOption

if TYPE_CHECKING:
    from assay.run.chosen import Checkpoint
    from assay.run.wish import Wish
    from assay.study.spec import GenerateSpec

SandboxName = Literal["auto", "namespaces", "landlock", "docker"]
GO_ON = "stopped; what was finished is stored. Run the same command again to go on"


def eval_(
    checkpoints: Annotated[list[str], typer.Argument(metavar="CHECKPOINT…", help=CHECKPOINT)],
    suite: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="A suite (study, further, probes, …), a study, or the YAML file of either; default study.",
        ),
    ] = None,
    tasks: Annotated[
        str | None, typer.Option(metavar="A,B,FILE", help="Tasks instead of a suite: names or .yaml files.")
    ] = None,
    heldout: Annotated[
        str | None,
        typer.Option(
            metavar="A,B:LANGUAGE", help="Also held-out documents of a run folder's corpus, in bits per byte."
        ),
    ] = None,
    limit: Annotated[
        str | None, typer.Option(metavar="N|all", help="Items a task at most; default the suite's own, or 500.")
    ] = None,
    arm: ArmOption = None,
    size: SizeOption = None,
    seed_of: SeedOfOption = None,
    every: Annotated[bool, typer.Option("--all", help="Of a run folder: all arms, sizes and seeds.")] = False,
    generate: Annotated[
        bool, typer.Option("--generate/--no-generate", help="Have questions answered in words too, and checked.")
    ] = False,
    samples: Annotated[int | None, typer.Option(min=1, help="Answers to each question; default 1.")] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, help="Of the answers; default 0, the likeliest token each time.")
    ] = None,
    top_p: Annotated[
        float | None, typer.Option("--top-p", help="Draw from the likeliest tokens that hold this much; default 1.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the draws; default 0.")] = None,
    precision: PrecisionOption = None,
    harness: Annotated[
        str | None, typer.Option(metavar="A,B", help="Also tasks of lm-eval, run by the harness with Assay's scorer.")
    ] = None,
    include: Annotated[Path | None, typer.Option(metavar="DIR", help="More tasks for --harness.")] = None,
    sandbox: Annotated[SandboxName, typer.Option(help="Where programs that a model wrote are run.")] = "auto",
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Run them without any sandbox.")] = False,
    out: Annotated[Path | None, typer.Option(help="The folder to write; default evals/NAME.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; default one a core.")] = None,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="The tables for a program.")] = False,
) -> None:
    """Measure checkpoints on a suite of tasks, item by item. Repeats nothing that was done."""
    from assay.run.choose import open_engine
    from assay.run.chosen import Which, choose_checkpoints, choose_heldout
    from assay.run.evaluation import build_evaluation, check_folder, evaluate

    drawn = {"samples": samples, "temperature": temperature, "top_p": top_p, "seed": seed}
    decoding = _decoding(generate, {name: value for name, value in drawn.items() if value is not None})
    if unsafe and sandbox != "auto":
        raise InputError("--unsafe runs programs without a sandbox, so it does not go with --sandbox")
    if include is not None and harness is None:
        raise InputError("--include adds tasks for --harness, and no task of the harness was asked for")
    held_out = choose_heldout(checkpoints, _names(heldout, "--heldout")) if heldout is not None else ()
    chosen = choose_checkpoints(checkpoints, Which(arm, size, seed_of, every))
    wish = replace(
        _tasks(suite, tasks, limit, harness is not None or heldout is not None),
        heldout=held_out,
        generate=decoding,
        precision=precision,
        sandbox="unsafe" if unsafe else sandbox,
        harness=_names(harness, "--harness"),
        include=include,
    )
    out = out or Path("evals") / _name(chosen)
    check_folder(out)
    try:
        with open_engine("local", None, workers, None, _worker_bytes(chosen), device, _share(chosen)) as engine:
            evaluation = build_evaluation(chosen, wish, engine.numerics)
            is_new = evaluate(evaluation, out, engine)
    except KeyboardInterrupt:
        raise Stopped(GO_ON) from None
    _tell(out, as_json, is_new)


def _decoding(is_wanted: bool, given: dict[str, Any]) -> "GenerateSpec | None":
    from assay.study.spec import GenerateSpec

    if not is_wanted:
        if given:
            option = next(iter(given)).replace("_", "-")
            raise InputError(f"--{option} is about answers in words, which --generate asks for")
        return None
    try:
        return GenerateSpec(**given)
    except ValidationError as problem:
        error = problem.errors()[0]
        place = "".join(f"--{str(step).replace('_', '-')}: " for step in error["loc"])
        raise InputError(f"{place}{error['msg'].removeprefix('Value error, ')}") from None


def _tasks(suite: str | None, tasks: str | None, limit: str | None, others: bool) -> "Wish":
    """Tasks that are measured; none where only others, held-out sets or the harness's tasks, were asked for."""
    from assay.run.wish import Wish, named_tasks, suite_tasks

    if suite is not None and tasks is not None:
        raise InputError("--suite and --tasks both say what is measured; give one of them")
    if tasks is not None:
        found = named_tasks(_names(tasks, "--tasks"))
    elif suite is not None or not others:
        found = suite_tasks(suite or "study")
    else:
        found = Wish(())
    return found if limit is None else replace(found, limit=_limit(limit))


def _names(written: str | None, option: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in (written or "").split(",") if name.strip())
    if written is not None and not names:
        raise InputError(f"{option} names nothing")
    return names


def _limit(written: str) -> int | None:
    if written == "all":
        return None
    if not written.isdecimal() or int(written) < 1:
        raise InputError(f"--limit is a number of items from 1 on, or all, and not '{written}'")
    return int(written)


def _name(chosen: Sequence["Checkpoint"]) -> str:
    """What the folder is called: the checkpoint, or the first and how many more."""
    more = f"+{len(chosen) - 1}" if len(chosen) > 1 else ""
    return f"{chosen[0].file}{more}"


def _worker_bytes(chosen: Sequence["Checkpoint"]) -> int:
    """Memory that a worker may come to hold: weights as stored, in the working precision, and as they are imported."""
    from assay.run.memory import LEAST_BYTES

    return LEAST_BYTES + 12 * max(one.shape.parameters for one in chosen)


def _share(chosen: Sequence["Checkpoint"]) -> int:
    """Workers that a GPU is dealt to."""
    from assay.run.memory import GPU_SHARES

    largest = max(one.shape.parameters for one in chosen)
    return next((share for most, share in GPU_SHARES if largest <= most), 1)


def _tell(out: Path, as_json: bool, is_new: bool) -> None:
    from assay.report.eval_table import as_record, load_evaluation, print_harness, print_sheet, sheets

    about, found = load_evaluation(out), sheets(out)
    if as_json:
        told = {**about, "checkpoints": [as_record(sheet) for sheet in found]}
        print(json.dumps(told, indent=1, ensure_ascii=False))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=170)
    for sheet in found:
        print_sheet(sheet, console)
        print_harness(about["harness"].get(sheet.about["label"], ()), console)
    for line in about["left_out"]:
        console.print(line, soft_wrap=True)
    for task, told in about["programs"].items():
        tiers = ", ".join(sorted(set(told["tiers"].values())))
        console.print(f"{task}: {told['told']}; answers were run in the tier {tiers}.", soft_wrap=True)
    console.print(f"Item records: {out / 'items'}", soft_wrap=True)
    if not is_new:
        console.print("Everything was there already: nothing was imported, scored or generated.")
