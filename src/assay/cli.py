"""The command line: few verbs, exit codes that a script can rely on.

0 done; 1 a step failed (disk, network, a lost worker); 2 the input was wrong. Heavy libraries are imported by the
verb that needs them, so that looking at a plan or a finished study takes a second.
"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from assay.errors import AssayError, Stopped

app = typer.Typer(
    name="assay",
    help="Controlled pre-training experiments: what does this ingredient do to my model, with error bars.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

StudyArgument = Annotated[
    str, typer.Argument(metavar="STUDY", help="A built-in study (see 'assay studies') or a YAML file.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change one value of the study, such as seeds=2."),
]
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="A run folder, as given to 'assay run --out'.")]


@app.command()
def run(
    study: StudyArgument,
    out: Annotated[Path | None, typer.Option(help="The run folder; default runs/NAME.")] = None,
    set_: SetOption = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; default one a core, as far as memory allows.")
    ] = None,
) -> None:
    """Run a study: prepare the data, train, evaluate, report. Repeats nothing that was done."""
    from assay.report.table import print_effects
    from assay.run.store import Store, default_root
    from assay.run.study import run_study
    from assay.study.plan import plan_study

    plan = plan_study(study, set_ or ())
    out = out or Path("runs") / plan.design.study
    try:
        made = run_study(plan, out, Store(default_root()), workers)
    except KeyboardInterrupt:
        raise Stopped("stopped. Run the same command again to go on where it was") from None
    console = Console()
    print_effects(out, console)
    console.print(f"Report: {out / 'report.html'}", soft_wrap=True)
    if not made:
        console.print("Everything was there already: nothing was downloaded, trained or evaluated.")


@app.command()
def plan(
    study: StudyArgument,
    set_: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole plan for a program.")] = False,
) -> None:
    """Show what a study would do: arms as a tree of shared steps, tokens, contrasts. Trains nothing."""
    from assay.report.plan_tree import print_plan
    from assay.run.identity import numerics_label
    from assay.run.store import default_root
    from assay.run.study import stored_tokens
    from assay.study.plan import plan_record, plan_study

    planned = plan_study(study, set_ or ())
    held = stored_tokens(planned, default_root())
    planned.check_epochs(held)
    planned = planned.with_epochs(held)
    if as_json:
        print(json.dumps(plan_record(planned, numerics_label()), indent=1, ensure_ascii=False))
    else:
        print_plan(planned, held, Console())


@app.command()
def report(folder: FolderArgument) -> None:
    """Make results and page again from the item records. Needs no store and no torch."""
    from assay.report.page import write_report
    from assay.report.table import print_effects

    page = write_report(folder)
    console = Console()
    print_effects(folder, console)
    console.print(f"Report: {page}", soft_wrap=True)


@app.command()
def status(folder: FolderArgument) -> None:
    """Show how far a run is, from its log."""
    from assay.report.status import print_status

    print_status(folder, Console())


@app.command()
def studies() -> None:
    """List the built-in studies."""
    from assay.study.source import built_in_studies, read_source

    for name in built_in_studies():
        spec, _ = read_source(name)
        print(f"{name:<12} {' '.join(spec.question.split())}")


def main() -> None:
    """Entry point of the ``assay`` command."""
    try:
        app()
    except AssayError as problem:
        print(f"assay: {problem}", file=sys.stderr)
        sys.exit(problem.exit_code)
