"""``assay synth``: programming problems made, proved in the sandbox, looked at and written out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from assay.errors import InputError, StepError, Stopped
from assay.eval_cli import SandboxName
from assay.run.choose import EngineName

if TYPE_CHECKING:
    from assay.corpus.synthesis.collection import Collection

synth = typer.Typer(
    name="synth", help="Make verified programming problems, look at them, write them out.", no_args_is_help=True
)
OutOption = Annotated[Path | None, typer.Option(help="The folder to write; default synth/MAKER.")]
WorkersOption = Annotated[int | None, typer.Option(min=1, help="Worker processes; default one a core.")]
EngineOption = Annotated[EngineName, typer.Option(help="Who makes them: this machine, or a Ray cluster.")]
AddressOption = Annotated[str | None, typer.Option(help="The Ray cluster's address.")]
SandboxOption = Annotated[SandboxName, typer.Option(help="Where programs are run.")]
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="A folder that 'assay synth' wrote.")]
GO_ON = "stopped; what was finished is stored. Run the same command again to go on"


@synth.command()
def composed(
    records: Annotated[int, typer.Option(min=1, help="Verified problems wanted.")] = 1000,
    seed: Annotated[int, typer.Option(help="Other seeds give other problems.")] = 0,
    depths: Annotated[
        str | None,
        typer.Option(metavar="D:W,D:W", help="Weights of depths, such as 1:1,2:1 for easy ones; default all to 6."),
    ] = None,
    out: OutOption = None,
    workers: WorkersOption = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    sandbox: SandboxOption = "auto",
) -> None:
    """Put problems together from operations whose meaning is known. The same seed gives the same bytes."""
    from assay.run.choose import open_engine
    from assay.run.memory import LEAST_BYTES
    from assay.run.problems_run import make_composed

    weights = _depths(depths)
    out = out or Path("synth") / "composed"
    try:
        with open_engine(engine, None, workers, address, LEAST_BYTES) as opened:
            made = make_composed(records, seed, weights, out, opened, sandbox)
    except KeyboardInterrupt:
        raise Stopped(GO_ON) from None
    _tell(made)


@synth.command()
def given(
    records: Annotated[int | None, typer.Option(min=1, help="Verified problems wanted at most.")] = None,
    out: OutOption = None,
    workers: WorkersOption = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    sandbox: SandboxOption = "auto",
) -> None:
    """Verify the problems with input generators that come with reasoning-gym."""
    from assay.corpus.recipe_file import load_recipe
    from assay.run.choose import open_engine
    from assay.run.memory import LEAST_BYTES
    from assay.run.problems_run import make_given

    package = load_recipe("starter").packages["reasoning-gym"]
    out = out or Path("synth") / "given"
    try:
        with open_engine(engine, None, workers, address, LEAST_BYTES) as opened:
            made = make_given(package, records, out, opened, sandbox)
    except KeyboardInterrupt:
        raise Stopped(GO_ON) from None
    _tell(made)


@synth.command()
def model(
    url: Annotated[str, typer.Option(help="An OpenAI-compatible endpoint, such as http://127.0.0.1:8000/v1.")],
    name: Annotated[str, typer.Option(help="The model's name there.")],
    records: Annotated[int | None, typer.Option(min=1, help="Stop at so many verified problems.")] = None,
    questions: Annotated[int, typer.Option(min=1, help="Problems asked for at most.")] = 100,
    seed: Annotated[int, typer.Option(help="Other seeds ask other questions.")] = 0,
    repairs: Annotated[int, typer.Option(min=0, help="How often a refused problem is shown to the model again.")] = 2,
    dollars: Annotated[float | None, typer.Option(min=0, help="Spend no more than this, over all runs.")] = None,
    price: Annotated[
        str | None, typer.Option(metavar="IN,OUT", help="Dollars for a million tokens in and out; default 0,0.")
    ] = None,
    calls: Annotated[int | None, typer.Option(min=1, help="Make no more calls than this, over all runs.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Calls at a time.")] = 4,
    per_minute: Annotated[float | None, typer.Option(min=0, help="Calls a minute at most.")] = None,
    seconds: Annotated[float, typer.Option(min=1, help="Time-out of a call.")] = 120.0,
    key_from: Annotated[str, typer.Option(help="The environment variable that holds the key.")] = "OPENAI_API_KEY",
    licence: Annotated[str, typer.Option(help="Of what this model writes (SPDX).")] = "unknown",
    snippets: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Python files shown to the model with every second question.")
    ] = None,
    out: OutOption = None,
    sandbox: SandboxOption = "auto",
) -> None:
    """Ask a model for problems. Nothing is asked twice: replies are kept in the folder, and a killed run goes on."""
    from assay.corpus.synthesis.collection import prepare_folder, write_made
    from assay.corpus.synthesis.model.maker import make_problems
    from assay.corpus.synthesis.verification.prover import open_prover
    from assay.endpoint import Budget, Endpoint

    out = out or Path("synth") / "model"
    price_in, price_out = prices(price)
    endpoint = Endpoint(
        url=url,
        model=name,
        key_from=key_from,
        concurrency=concurrency,
        seconds=seconds,
        per_minute=per_minute,
        dollars_per_million_in=price_in,
        dollars_per_million_out=price_out,
    )
    shown = _snippets(snippets)
    console = Console(stderr=True)
    asked = {"model": name, "questions": questions, "seed": seed, "repairs": repairs}
    prepare_folder(out, "model", asked)
    try:
        with open_prover(sandbox) as prover:
            made = make_problems(
                endpoint,
                records,
                questions,
                seed,
                prover,
                out / "replies.sqlite",
                Budget(dollars=dollars, calls=calls),
                shown,
                repairs,
                lambda told: console.print(told, highlight=False) if console.is_terminal else None,
                licence,
            )
            tier = prover.tier
    except KeyboardInterrupt:
        raise Stopped("stopped; every reply is kept. Run the same command again to go on") from None
    _tell(write_made(out, made.records, made.refused, "model", asked, tier))
    print(made.account)
    if made.failures and not made.records:
        reason = made.failures[0][1]
        raise StepError(f"{len(made.failures):,} questions had no reply: {reason.reason}, {reason.words}")


@synth.command()
def show(
    folder: FolderArgument,
    examples: Annotated[int, typer.Option(min=0, help="Problems drawn at random.")] = 3,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
    refused: Annotated[str | None, typer.Option(metavar="STAGE", help="Draw from what was refused there.")] = None,
    layout: Annotated[str, typer.Option(help="docstring, notebook, question or tests.")] = "question",
) -> None:
    """Show how many problems were proved, why others were not, and some of either."""
    from assay.corpus.synthesis.collection import open_collection
    from assay.report.synth_table import print_collection

    print_collection(open_collection(folder), examples, seed, refused, layout, Console())


@synth.command()
def export(
    folder: FolderArgument,
    to: Annotated[Path, typer.Argument(metavar="FILE", help="A .parquet or .jsonl file.")],
    layout: Annotated[
        str | None,
        typer.Option(help="As documents in docstring, notebook, question, tests, or all; default: the records."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides who gets which layout, with --layout all.")] = 0,
) -> None:
    """Write the problems to one file, as records or as training documents."""
    from assay.corpus.synthesis.collection import export_collection, open_collection
    from assay.corpus.synthesis.decontamination import compared

    collection = open_collection(folder)
    count = export_collection(collection, to, layout, seed)
    print(f"{count:,} {'records' if layout is None else 'documents'} in {to}")
    if compared(collection) is None:
        told = (
            f"not compared with the benchmarks; 'assay synth card {folder}' leaves out what overlaps, then export again"
        )
        Console(stderr=True).print(told, highlight=False, markup=False, soft_wrap=True)


@synth.command()
def card(
    folder: FolderArgument,
    compare: Annotated[
        bool, typer.Option(help="Compare with the benchmarks, for which 86 MB are fetched once, and leave out overlap.")
    ] = True,
) -> None:
    """Leave out what overlaps with a benchmark, measure the rest, and write a data set card, README.md."""
    from assay.corpus.synthesis.collection import open_collection
    from assay.corpus.synthesis.described import describe
    from assay.run.choose import open_engine
    from assay.run.memory import LEAST_BYTES
    from assay.run.problems_run import compare_with_benchmarks

    collection = open_collection(folder)
    console = Console(stderr=True)
    if compare:
        status = console.status("compares the problems with the benchmarks")

        def show(done: int) -> None:
            status.start()
            status.update(f"compared {done:,} of {of:,} problems with the benchmarks")

        of = collection.about["records"]
        try:
            with open_engine("local", None, None, None, LEAST_BYTES) as engine:
                collection = compare_with_benchmarks(collection, engine, show)
        except KeyboardInterrupt:
            raise Stopped("stopped; the folder is as it was. Run the same command again to go on") from None
        finally:
            status.stop()
    with console.status("measures the problems"):
        path = describe(collection)
    left_out = sum(collection.about["refused"].get("overlap", {}).values())
    told = f"; {left_out:,} that overlap with a benchmark are left out" if compare else ""
    print(f"{path} says what is in {folder}{told}")


def _tell(made: "Collection") -> None:
    from assay.report.synth_table import print_yield

    print_yield(made, Console())


def _depths(written: str | None) -> dict[int, float]:
    found: dict[int, float] = {}
    for one in (written or "").split(",") if written else ():
        depth, _, weight = one.partition(":")
        try:
            found[int(depth)] = float(weight or 1)
        except ValueError:
            raise InputError(f"--depths: {one!r} is no depth and weight, such as 3:2") from None
    if any(depth not in range(1, 9) for depth in found) or any(weight < 0 for weight in found.values()):
        raise InputError(f"--depths: depths are from 1 to 8 and weights not negative, not {written}")
    if found and not any(found.values()):
        raise InputError("--depths: every weight is 0, so nothing could be drawn")
    return found


def prices(written: str | None) -> tuple[float, float]:
    """Dollars for a million tokens in and out, as ``--price`` has them."""
    try:
        first, second = (float(one) for one in (written or "0,0").split(","))
    except ValueError:
        raise InputError(f"--price: {written!r} is not two prices, such as 0.15,0.6") from None
    return first, second


def _snippets(folder: Path | None) -> list[str]:
    if folder is None:
        return []
    found = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.rglob("*.py"))]
    if not found:
        raise InputError(f"there is no Python file in {folder}")
    return found
