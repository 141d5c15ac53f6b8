"""One learning rate for all mixes, as a confound: how far half or twice the rate moves what a study compares.

A rate that was tuned on one mix favours that mix, and a study trains all of its mixes at one. ``learning_rate.json``,
made by ``benchmarks/learning_rate.py``, holds the held-out bits per byte of three mixes that were trained at three
rates; `shared_rate` says in two sentences what that means for a study like the measured one, and of any other that it
is not known. Warm-up, schedule and weight decay are not compared.
"""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from pydantic import BaseModel, ConfigDict

from assay.model.sizes import SIZES
from assay.study.confounds import tokens_taken
from assay.study.resolve import Study

SHIPPED = Path(__file__).parent / "learning_rate.json"
LONGER = 4
"""Arms whose tokens differ from the measured by more than this factor are not like them."""


class RateSensitivity(BaseModel):
    """Mixes that were trained at several learning rates, all else equal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    corpus: str
    tokenizer: str
    size: str
    optimizer: str
    tokens_per_step: int
    tokens: int
    """Of each arm."""
    learning_rate: float
    """Peak, where the factor is 1."""
    mixes: dict[str, dict[str, float]]
    """Share of the tokens by ingredient, for each mix."""
    heldout: dict[str, dict[float, dict[str, list[float]]]]
    """By mix, factor of the learning rate and held-out set: bits per byte, a number a seed."""

    def own(self, mix: str, factor: float) -> list[float]:
        """Held-out bits per byte on the mix's own ingredients, weighted by their shares of the tokens, a number a
        seed."""
        sets = self.heldout[mix][factor]
        seeds = range(len(next(iter(sets.values()))))
        return [sum(share * sets[name][seed] for name, share in self.mixes[mix].items()) for seed in seeds]

    def best(self, mix: str) -> float:
        """The factor with the lowest mean of `own`; the lower one of equals."""
        return min(sorted(self.heldout[mix]), key=lambda factor: fmean(self.own(mix, factor)))

    def moved(self, a: str, b: str, factors: tuple[float, float], heldout: str) -> list[float]:
        """How far the difference a − b on a held-out set moves when each is trained at its factor of the rate instead
        of both at once the rate, a number a seed.

        Args:
            a: A mix.
            b: Another.
            factors: Of the rates of a and b.
            heldout: The set.
        """
        then, now = (
            [
                of_a - of_b
                for of_a, of_b in zip(self.heldout[a][at_a][heldout], self.heldout[b][at_b][heldout], strict=True)
            ]
            for at_a, at_b in (factors, (1.0, 1.0))
        )
        return [after - before for after, before in zip(then, now, strict=True)]

    def furthest(self, heldout: str) -> float:
        """Largest absolute mean of `moved` on a held-out set, over the pairs of mixes and the factors, both at the
        same."""
        return max(
            abs(fmean(self.moved(a, b, (factor, factor), heldout)))
            for a, b in itertools.combinations(self.mixes, 2)
            for factor in self.heldout[a]
        )


def read_shipped() -> list[RateSensitivity]:
    """The measurements that come with the program, an entry a size."""
    return [RateSensitivity.model_validate(entry) for entry in json.loads(SHIPPED.read_text(encoding="utf-8"))]


def shared_rate(study: Study) -> str | None:
    """What one learning rate for all mixes may do to a study's contrasts; None where all arms see one mix.

    Args:
        study: Its arms, and of its settings corpus, tokenizer, sizes, optimizer, batch and learning rate.
    """
    if len({_shares(study, arm) for arm in range(len(study.arms)) if study.arms[arm].stages}) < 2:
        return None
    measured = {entry.size: entry for entry in read_shipped()}
    known, unknown = [], dict[str, list[str]]()
    for size in study.spec.sizes:
        entry = measured.get(size)
        unlike = _unlike(study, entry) if entry else []
        if entry is None or unlike:
            unknown.setdefault(f" with this {_listed(unlike)}" if unlike else "", []).append(size)
        else:
            known.append(_told(entry))
    missing = [
        f"By how much is not measured {'for this model' if sizes == ['init'] else 'at ' + _listed(sizes)}{why}."
        for why, sizes in unknown.items()
    ]
    return " ".join(["One learning rate serves all mixes, and may favour some.", *known, *missing])


def _shares(study: Study, arm: int) -> tuple[tuple[str, float], ...]:
    taken = tokens_taken(study.arms[arm], study.tokens_per_step)
    total = sum(taken.values())
    return tuple((name, round(taken[name] / total, 6)) for name in sorted(taken))


def _told(entry: RateSensitivity) -> str:
    best: dict[float, list[str]] = {}
    for mix in entry.mixes:
        best.setdefault(entry.best(mix), []).append(mix)
    factors = sorted(entry.heldout[next(iter(entry.mixes))])
    rates = {factor: f"{factor * entry.learning_rate:g}" for factor in factors}
    ends = {factors[0]: " (the lowest)", factors[-1]: " (the highest)"}
    found = [f"{rates[factor]}{ends.get(factor, '')} for {_listed(best[factor])}" for factor in sorted(best)]
    moves = _listed([f"{entry.furthest(name):.2g} on {name}" for name in entry.heldout[next(iter(entry.mixes))][1.0]])
    return (
        f"At {entry.size} the best of {_listed(list(rates.values()))} is {', '.join(found)}; against {rates[1.0]} the "
        f"others move a difference of two of these mixes by up to {moves} (held-out bits per byte, "
        f"{len(entry.own(next(iter(entry.mixes)), 1.0))} seeds)."
    )


def _unlike(study: Study, entry: RateSensitivity) -> list[str]:
    """In what a study differs from what was measured at a size of its."""
    spec, train = study.spec, study.spec.train
    rate = train.learning_rate or SIZES[entry.size].learning_rate
    lengths = [arm.steps * study.tokens_per_step / entry.tokens for arm in study.arms_at(entry.size) if arm.steps]
    compared = {
        "corpus": spec.corpus == entry.corpus,
        "tokenizer": spec.tokenizer == entry.tokenizer,
        "optimizer": train.optimizer == entry.optimizer,
        "batch": study.tokens_per_step == entry.tokens_per_step,
        "learning rate": rate == entry.learning_rate,
        "length of training": all(1 / LONGER <= length <= LONGER for length in lengths),
    }
    return [name for name, same in compared.items() if not same]


def _listed(words: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
