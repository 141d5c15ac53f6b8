"""The worker's step that makes problems and proves them."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from assay.corpus.synthesis.record import Candidate, Record, Refused, write_records, write_refused
from assay.corpus.synthesis.verification.prover import Prover, open_prover
from assay.corpus.synthesis.verification.yields import Yield
from assay.evaluate.sandbox.open import Tier
from assay.files import as_json
from assay.run.step import Call

TOGETHER = 256
"""Composed problems that are proved in one program."""
ALONE = 16
"""Given problems between two looks at whether to stop."""
IDLE_SECONDS = 2.0
"""For which a prover waits for this worker's next step, as to start one costs as much as to try a hundred problems."""
_idle: dict[str, tuple[threading.Timer, Prover]] = {}
"""By tier, with what will close them."""
_lock = threading.Lock()


def make_problems(call: Call) -> None:
    """Make a piece of the problems, as ``records.parquet``, ``refused.parquet`` and ``yield.json``.

    Recipe: ``maker`` and, of composed ones, ``seed``, ``first``, ``count``, ``depths``, of given ones ``number``,
    ``of``, as `assay.run.problem_steps` writes it; place: ``sandbox`` and, of given ones, ``file``; inputs:
    ``package:NAME`` of given ones.
    """
    together = call.recipe["maker"] == "composed"
    candidates = list(_candidates(call))
    found: list[Record | Refused] = []
    size = TOGETHER if together else ALONE
    with _prover(call.place["sandbox"]) as prover:
        for begin in range(0, len(candidates), size):
            found += prover.prove(candidates[begin : begin + size], together)
            call.tell({"done": len(found), "of": len(candidates)})
        tier = prover.tier
    write_records(call.out / "records.parquet", (one for one in found if isinstance(one, Record)))
    write_refused(call.out / "refused.parquet", (one for one in found if isinstance(one, Refused)))
    told = {**Yield.of(found).as_dict(), "tier": tier}
    (call.out / "yield.json").write_text(as_json(told), encoding="utf-8")


@contextmanager
def _prover(tier: Tier) -> Iterator[Prover]:
    """The prover of the step before, or a new one; after a fault it is closed, else it waits for the next step."""
    with _lock:
        timer, prover = _idle.pop(tier, (None, None))
    if timer:
        timer.cancel()
    prover = prover or open_prover(tier)
    try:
        yield prover
    except BaseException:
        prover.close()
        raise
    timer = threading.Timer(IDLE_SECONDS, _close, (tier, prover))
    timer.daemon = True
    with _lock:
        _idle[tier] = timer, prover
    timer.start()


def _close(tier: str, prover: Prover) -> None:
    with _lock:
        if tier not in _idle or _idle[tier][1] is not prover:
            return
        del _idle[tier]
    prover.close()


def _candidates(call: Call) -> Iterator[Candidate]:
    recipe = call.recipe
    if recipe["maker"] == "composed":
        from assay.corpus.synthesis.composed.compose import compose
        from assay.corpus.synthesis.composed.sample import DEPTHS, Dial

        depths = {int(depth): weight for depth, weight in recipe["depths"].items()}
        dial = Dial(depths or dict(DEPTHS))
        yield from (compose(recipe["seed"], recipe["first"] + at, dial) for at in range(recipe["count"]))
    else:
        from assay.corpus.synthesis.given import given_problems

        (folder,) = call.inputs_of("package").values()
        yield from itertools.islice(given_problems(folder / call.place["file"]), recipe["number"], None, recipe["of"])
