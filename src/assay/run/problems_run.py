"""Making a folder of verified problems outside any recipe: pieces in waves until there are enough, then one folder.

The pieces are those of an ingredient's graph, so that what a recipe had made is found, and a second command with a
larger number goes on where the first ended. An engine may be this machine or a cluster; the folder is the same. The
index with which a folder is compared is that of the corpora too.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.corpus.recipe_file import load_recipe
from assay.corpus.source import Package
from assay.corpus.synthesis.collection import Collection, count_records, prepare_folder, write_collection
from assay.corpus.synthesis.decontamination import compared, decontaminate
from assay.errors import InputError
from assay.evaluate.packages import PACKAGES
from assay.files import refused
from assay.report.status import BUILT
from assay.run.corpus_graph import CorpusSteps, package_step
from assay.run.corpus_run import build_corpus
from assay.run.engine import Engine
from assay.run.problem_steps import PIECE, composed_steps, given_steps
from assay.run.progress import RunProgress
from assay.run.step import Step

EXPECTED_YIELD = 0.75
"""Taken for the first wave; later waves take what was seen."""
LEAST_YIELD = 0.02
"""Below this, in all pieces so far, more pieces are not tried."""


def make_composed(
    wanted: int, seed: int, depths: Mapping[int, float], out: Path, engine: Engine, sandbox: str = "auto"
) -> Collection:
    """Compose problems until so many are proved.

    Args:
        wanted: Records in the folder.
        seed: Of all problems.
        depths: Weight of each depth; none: the composer's own.
        out: The folder.
        engine: Who makes them, and with which store.
        sandbox: Tier.

    Raises:
        InputError: So difficult that hardly any is proved, or the folder holds other problems.
        StepError: Disk, a lost worker, no sandbox. What was finished is kept.
    """
    asked = {"records": wanted, "seed": seed, "depths": {str(depth): weight for depth, weight in depths.items()}}
    prepare_folder(out, "composed", asked)
    steps: list[Step] = []

    def more(records: int) -> Sequence[Step]:
        if records >= wanted:
            return ()
        tried = len(steps) * PIECE
        share = records / tried if tried else EXPECTED_YIELD
        if share < LEAST_YIELD:
            raise InputError(f"of {tried:,} problems {records:,} were proved; other depths would give more")
        pieces = -(-int((wanted - records) / share * 1.02 + 1) // PIECE)
        steps.extend(composed_steps(tried + pieces * PIECE, seed, depths, sandbox, first=len(steps)))
        return steps[-pieces:]

    _make(more, out, engine)
    return _collected(steps, wanted, "composed", asked, out, engine)


def make_given(package: Package, wanted: int | None, out: Path, engine: Engine, sandbox: str = "auto") -> Collection:
    """Verify the problems that come with a package; see `make_composed`."""
    asked = {"records": wanted, "package": package.name, "version": package.version}
    prepare_folder(out, "given", asked)
    steps = given_steps(package_step(package), package, sandbox)
    waiting = [steps]

    def more(_: int) -> Sequence[Step]:
        return waiting.pop() if waiting else ()

    _make(more, out, engine)
    return _collected(steps, wanted, "given", asked, out, engine)


def compare_with_benchmarks(
    collection: Collection, engine: Engine, listen: Callable[[int], None] = lambda _: None
) -> Collection:
    """Leave out of a folder what overlaps with a benchmark, see `decontamination.decontaminate`; at most once.

    The index is made where the store has none, which the two packages that hold the benchmarks are fetched for.

    Args:
        collection: The folder.
        engine: Who makes the index, and with which store.
        listen: Told how many records were looked at.

    Raises:
        StepError: Network, disk, a lost worker.
    """
    from assay.corpus.contamination.index import open_index
    from assay.corpus.synthesis.measure.overlap import load_benchmarks

    if compared(collection) is not None:
        return collection
    (step,) = CorpusSteps(load_recipe("starter")).benchmarks().values()
    packages = {name.partition(":")[2]: package for name, package in step.inputs.items()}
    build_corpus([step, *packages.values()], collection.folder, engine)
    with engine.store.in_use():
        wheels = {
            name: engine.store.open(package.kind, package.key) / PACKAGES[name].file
            for name, package in packages.items()
        }
        index = open_index(engine.store.open(step.kind, step.key))
        return decontaminate(collection, load_benchmarks(wheels), index, listen)


def _make(more: Callable[[int], Sequence[Step]], out: Path, engine: Engine) -> None:
    try:
        made: list[Step] = []
        with engine.store.in_use(), RunProgress(out / "log.jsonl") as progress:
            engine.listen = progress.hear
            while wave := more(_count(made, engine)):
                progress.expect(engine.missing(wave), engine.workers)
                engine.make(wave)
                made += wave
            progress.say(BUILT)
    except OSError as problem:
        if told := refused(problem, out):
            raise told from None
        raise


def _count(steps: Sequence[Step], engine: Engine) -> int:
    return count_records(engine.store.open(step.kind, step.key) for step in steps)


def _collected(
    steps: Sequence[Step], wanted: int | None, maker: str, asked: Mapping[str, Any], out: Path, engine: Engine
) -> Collection:
    with engine.store.in_use():
        folders = [engine.store.open(step.kind, step.key) for step in steps]
        return write_collection(out, folders, wanted, maker, asked)
