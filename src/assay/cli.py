"""The command line: few verbs, exit codes that a script can rely on.

0 done; 1 a step failed (disk, network, a lost worker); 2 the input was wrong. Heavy libraries are imported by the
verb that needs them, so that looking at a plan or a finished study takes a second.
"""

import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from assay.claims_cli import claims
from assay.data_cli import data
from assay.errors import AssayError, InputError, Stopped, Terminated
from assay.eval_cli import eval_
from assay.export_cli import export
from assay.items_cli import items
from assay.judge_cli import judge
from assay.run.choose import EngineName
from assay.run.device import DeviceName
from assay.run.processes import Layout
from assay.serve_cli import serve
from assay.serve_model_cli import serve_model
from assay.synth_cli import synth
from assay.tasks_cli import tasks

app = typer.Typer(
    name="assay",
    help="Controlled pre-training experiments: what does this ingredient do to my model, with error bars.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.add_typer(data)
app.add_typer(synth)

StudyArgument = Annotated[
    str, typer.Argument(metavar="STUDY", help="A built-in study (see 'assay studies') or a YAML file.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change one value of the study, such as seeds=2."),
]
GO_ON = "stopped; training under way was saved. Run the same command again to go on where it was"
DeviceOption = Annotated[
    DeviceName,
    typer.Option(
        help="What models are trained and scored on; auto: a GPU if torch can use one. Results are keyed by it."
    ),
]
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="A run folder, as given to 'assay run --out'.")]


@app.command()
def run(
    study: StudyArgument,
    out: Annotated[Path | None, typer.Option(help="The run folder; default runs/NAME.")] = None,
    set_: SetOption = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Worker processes; default one a core, or 1 to 8 a GPU, as far as memory allows."),
    ] = None,
    engine: Annotated[EngineName, typer.Option(help="Who carries it out: this machine, or a Ray cluster.")] = "local",
    address: Annotated[
        str | None, typer.Option(help="The Ray cluster's address; default the one this machine belongs to.")
    ] = None,
    device: DeviceOption = "auto",
    processes: Annotated[
        int, typer.Option(min=1, help="Processes that train one model together, each with a core or GPU of its own.")
    ] = 1,
    layout: Annotated[
        Layout, typer.Option(help="What each of them holds: the whole model, or a part of every weight (FSDP2).")
    ] = "replicated",
    track: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:WHERE]",
            help="Write curves and results to wandb[:PROJECT], tensorboard[:DIR], mlflow[:URI] or trackio[:PROJECT] "
            "too; repeatable.",
        ),
    ] = None,
) -> None:
    """Run a study: prepare the data, train, evaluate, report. Repeats nothing that was done."""
    from assay.report.table import print_effects
    from assay.run.choose import open_engine
    from assay.run.memory import gpu_share, worker_bytes
    from assay.run.processes import together
    from assay.run.study import run_study
    from assay.run.track.trackers import open_trackers
    from assay.study.plan import plan_study

    plan = plan_study(study, set_ or ())
    out = out or Path("runs") / plan.design.study
    group = together(processes, layout, plan.study.spec.train)
    needed = worker_bytes(plan, group)
    trackers = open_trackers(track or (), plan.design.study, out)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        with open_engine(engine, None, workers, address, needed, device, gpu_share(plan), group) as opened:
            made = run_study(plan, out, opened, trackers)
    except KeyboardInterrupt:
        raise Stopped(GO_ON) from None
    console = Console()
    print_effects(out, console)
    if plan.judging is not None:
        from assay.report.judge_table import tell_judged

        tell_judged(json.loads((out / "judge" / "judge.json").read_text(encoding="utf-8")), console)
    console.print(f"Report: {out / 'report.html'}", soft_wrap=True)
    if not made:
        console.print("Everything was there already: nothing was downloaded, trained or evaluated.")


@app.command()
def plan(
    study: StudyArgument,
    set_: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole plan for a program.")] = False,
    price: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=DOLLARS", help="An hour's price of a chip, such as H100=2.10, or of here."),
    ] = None,
    pilot: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A finished run folder that tells how far seeds and items differ."),
    ] = None,
    calibrate: Annotated[
        bool | None,
        typer.Option(
            "--calibrate/--no-calibrate",
            help="Measure this machine's speed, once, in about half a minute a size; default on a terminal only.",
        ),
    ] = None,
    device: DeviceOption = "auto",
) -> None:
    """Show what a study would do and cost: the tree of shared steps, tokens, prices, contrasts. Trains nothing."""
    from assay.report.plan_report import plan_report
    from assay.report.plan_tree import print_plan
    from assay.run.calibration import calibration
    from assay.run.device import choose_device
    from assay.run.identity import numerics, numerics_label
    from assay.run.store import existing_store, open_store
    from assay.run.study import stored_tokens
    from assay.study.plan import plan_study

    planned = plan_study(study, set_ or ())
    chosen = choose_device(device)
    here = numerics(chosen)
    held = planned.declared_tokens()
    if not planned.only_declared():
        held |= stored_tokens(planned, existing_store(), here)
    planned.check_epochs(held)
    planned = planned.with_epochs(held)
    measure = sys.stdout.isatty() and not as_json if calibrate is None else calibrate
    store = open_store() if measure else existing_store()
    say = Console(stderr=True).print
    measured = calibration(planned, store, measure, calibrate is True, say, chosen) if store else None
    told = plan_report(planned, numerics_label(here), held, calibration=measured, prices=price or (), pilot=pilot)
    if as_json:
        print(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        print_plan(planned, told, Console())


@app.command()
def report(
    folder: FolderArgument,
    clean: Annotated[
        bool, typer.Option("--clean", help="Without the items that stand in the training documents; written beside.")
    ] = False,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Write the page's figures (SVG, PDF) and their data (CSV) into a folder too."),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a summary for a pull request too; - is standard output, alone."),
    ] = None,
    steady: Annotated[
        bool,
        typer.Option(
            "--steady",
            help="Steady variances by the shipped table of noise, where A/A holds with it; you vouch for its being of "
            "training like the study's.",
        ),
    ] = False,
) -> None:
    """Make results and page again from the item records. Needs no store and no torch.

    With --steady intervals rest on a table of noise too; page and results say where. Without it they are plain again.
    """
    from assay.report.page import write_report
    from assay.report.table import print_effects

    page = write_report(folder, clean, steady)
    alone = str(markdown) == "-"
    console = Console(stderr=alone)
    if not alone:
        print_effects(folder, console, clean)
    console.print(f"Report: {page}", soft_wrap=True)
    if figures is not None:
        from assay.report.export_data import write_data
        from assay.report.export_figures import has_pdf, write_figures

        drawn = write_figures(page.read_text(encoding="utf-8"), figures)
        tables = write_data(folder, figures, clean)
        console.print(f"{len(drawn)} files of figures and {len(tables)} of data: {figures}", soft_wrap=True)
        if not has_pdf():
            print("No PDF was written: that takes pip install 'assay[figures]'", file=sys.stderr)
    if markdown is not None:
        from assay.files import write_whole
        from assay.report.markdown import markdown_summary

        summary = markdown_summary(folder, clean)
        if alone:
            print(summary, end="")
        else:
            write_whole(markdown, summary)
            console.print(f"Summary: {markdown}", soft_wrap=True)


@app.command()
def status(
    folder: FolderArgument,
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew each second until the run ends.")] = False,
) -> None:
    """Show how far a run is, from its log."""
    from assay.report.status import print_status

    print_status(folder, Console(), watch)


@app.command()
def why(
    artifact: Annotated[
        str, typer.Argument(metavar="ARTIFACT", help="Its key or 4 or more digits of it, as 1f8e91 or state/1f8e91.")
    ],
    other: Annotated[
        str | None, typer.Argument(metavar="OTHER", help="Another of its kind: which field differs?")
    ] = None,
    study: Annotated[
        str | None, typer.Option(metavar="STUDY", help="A study: would it use this artifact, and if not, why?")
    ] = None,
    set_: SetOption = None,
) -> None:
    """Tell what made an artifact of the store and from what, or why it is not the same as another."""
    from assay.report.lineage_tree import print_differences, print_record
    from assay.run.lineage import differences, find, nearest_step, record_of
    from assay.run.store import present_store

    if (other and study) or (set_ and not study):
        raise InputError("compare with another artifact or with --study STUDY; --set changes that study")
    store, console = present_store(), Console()
    record = record_of(store, *find(store, artifact))
    if study:
        from assay.run.device import choose_device
        from assay.run.graph import build_graph
        from assay.run.identity import numerics
        from assay.study.plan import plan_study

        step = nearest_step(record, build_graph(plan_study(study, set_ or ()), numerics(choose_device())))
        if step.key == record.key:
            print(f"The study {study} would use {record.name} as it is, for '{step.title}'.")
        else:
            print(f"The study {study} would not use {record.name}; the second is the nearest that it would make.")
            print_differences(record, step, differences(record, step), console)
    elif other:
        second = record_of(store, *find(store, other))
        print_differences(record, second, differences(record, second), console)
    else:
        print_record(record, store.place(record.kind, record.key), console)


@app.command()
def gc(
    studies: Annotated[
        list[str] | None, typer.Argument(metavar="STUDY…", help="Studies whose artifacts stay: built-in or files.")
    ] = None,
    keep_runs: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="A folder of a run or an evaluation whose artifacts stay; repeatable."),
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete it. Without this, it is only listed.")] = False,
) -> None:
    """Say what of the store the named studies and run folders do not need, and delete it if told to."""
    from assay.report.collection import print_garbage
    from assay.run.collect import alone, collect, find_garbage
    from assay.run.device import choose_device
    from assay.run.graph import build_graph
    from assay.run.identity import numerics, numerics_label
    from assay.run.store import present_store
    from assay.study.plan import plan_study

    if not studies and not keep_runs:
        raise InputError("this would delete everything: name the studies to keep, or run folders with --keep-runs DIR")
    store, here = present_store(), numerics(choose_device())
    graphs = [build_graph(plan_study(study), here) for study in studies or ()]
    with alone(store):
        garbage = find_garbage(store, graphs, keep_runs or ())
        if delete:
            collect(store, garbage)
    print_garbage(garbage, numerics_label(here), delete, Console())


@app.command()
def trace(
    folder: FolderArgument,
    arm: Annotated[str, typer.Option(help="Name of the arm.")],
    step: Annotated[int, typer.Option(help="Training step, the arm's first being 1, as in curves.json.")],
    size: Annotated[str | None, typer.Option(help="Size; default the arm's first.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; default the study's first.")] = None,
    decode: Annotated[bool, typer.Option("--decode", help="Print their text.")] = False,
) -> None:
    """List the documents in one batch of an arm's training."""
    from assay.report.batch import print_trace
    from assay.run.store import present_store
    from assay.run.trace import trace as trace_batch

    print_trace(trace_batch(folder, present_store(), arm, step, size, seed), decode, Console())


app.command()(export)
app.command()(tasks)
app.command()(claims)
app.command("eval")(eval_)
app.command()(items)
app.command()(judge)
app.command()(serve)
app.command("serve-model")(serve_model)


@app.command()
def studies() -> None:
    """List the built-in studies."""
    from assay.study.source import built_in_studies, read_source

    for name in built_in_studies():
        spec, _ = read_source(name)
        print(f"{name:<14} {' '.join(spec.question.split())}")


def _terminated(*_: object) -> None:
    """SIGTERM ends a run as Ctrl-C does: what is under way is put aside first."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated(GO_ON)


def main() -> None:
    """Entry point of the ``assay`` command."""
    try:
        app(prog_name="assay")
    except AssayError as problem:
        print(f"assay: {problem}", file=sys.stderr)
        sys.exit(problem.exit_code)
