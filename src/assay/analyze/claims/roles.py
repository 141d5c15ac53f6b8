"""Which of a study's arms play the two parts of a claim: told from their stages' mixes, never from their names.

An arm's *recipe* is the sequence of shares that its main stages have of text, code, markup, code-adjacent and synthetic
documents; its *ending* is a last short stage of falling learning rate. What kind an ingredient is stands in the run's
ledger; for a study that was not run it is what the built-in corpora call by that name. An arm that takes other code
than most of the study's arms (scrambled, shuffled) plays no part, as claims are about code as it is.

The pair of a claim has main stages of one length and the same text. Where several pairs fit, the one with the study's
usual joins and text is taken, then the one trained longest, then the one that the study contrasts itself, or all that
it does.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assay.analyze.claims.claim import Claim, Recipe
from assay.study.resolve import habit

Ending = Literal["without decay", "decayed", "cooled with code", "cooled without code"]
FALLING = {"linear", "1-sqrt"}
CODE_KINDS = {"code", "markup", "adjacent", "synthetic"}
KIND_OF = {"commit": "adjacent", "notebook": "adjacent", "qa": "adjacent"}
"""What the claims call adjacent to code; every other kind has its own name."""
USUAL = {
    "text": "text", "best_text": "text", "code": "code", "web_code": "code", "markup": "markup",
    "synthetic": "synthetic", "problems": "synthetic", "few_problems": "synthetic", "adjacent": "adjacent",
    "notebook": "adjacent", "qa": "adjacent", "commits": "adjacent", "math": "math", "instruct": "instruct",
}  # fmt: skip
"""Kinds by the names that the built-in corpora give to ingredients."""
NEAR = 0.021
"""Shares that differ by no more are alike."""
LONG = 0.02
"""Main stages whose lengths differ by no more than this fraction are as long."""
ENDINGS: dict[str, tuple[Ending, ...]] = {
    "code": ("cooled with code",),
    "no code": ("cooled without code",),
    "none": ("decayed", "without decay"),
}
"""Endings that a role's cooldown may have. The paper's models before a cooldown had come down by a cosine, so a decay
on the own mix comes first."""


@dataclass(frozen=True, slots=True)
class Played:
    """What an arm is, as far as claims go."""

    arm: str
    sizes: tuple[str, ...]
    recipes: tuple[Recipe, ...]
    """All that it fits."""
    ending: Ending
    tokens: int
    """Of the main stages."""
    text: frozenset[str]
    """Ingredients of prose in the main stages."""
    unusual: int
    """Joins that are not the schedule's habit, and optimizer states or counters that are reset."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two arms that play a claim's parts."""

    a: Played
    b: Played

    @property
    def sizes(self) -> tuple[str, ...]:
        """Sizes at which both are trained."""
        return tuple(size for size in self.a.sizes if size in self.b.sizes)


def kinds_seen(ledger: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Each ingredient's kind: the one that most of its tokens have.

    Args:
        ledger: Rows of a run's ``ledger.json``.
    """
    counts: dict[str, Counter[str]] = {}
    for row in ledger:
        kind = KIND_OF.get(row["kind"], row["kind"])
        counts.setdefault(row["ingredient"], Counter())[kind] += row["tokens"]
    return {name: max(sorted(count), key=count.__getitem__) for name, count in counts.items()}


def play(arms: Sequence[Mapping[str, Any]], kinds: Mapping[str, str]) -> list[Played]:
    """What every trained arm is; arms that fit no recipe are there too, with none.

    Args:
        arms: ``arms`` of a study's ``plan.json``.
        kinds: By ingredient, as far as known; for the others the name says it.
    """
    trained = [arm for arm in arms if arm["stages"]]
    known = {**USUAL, **kinds}
    codes = [_taken(arm["stages"], known, "code") for arm in trained]
    usual = _most_common(codes)
    return [_played(arm, known, code <= usual) for arm, code in zip(trained, codes, strict=True)]


def pairs_of(
    claim: Claim,
    played: Sequence[Played],
    asked: Collection[tuple[str, str]] = (),
    among: Collection[tuple[str, str]] | None = None,
) -> list[Pair]:
    """The best pairs of arms for each combination of endings that a claim allows, the most fitting combination first.

    Args:
        claim: Its two roles; the sizes they name do not matter.
        played: From `play`.
        asked: Pairs of arms that the study contrasts itself, in either order.
        among: No other pairs than these, in this order; None: any.
    """
    texts = Counter(one.text for one in played)
    found: list[Pair] = []
    for endings in _endings(claim):
        candidates = [
            Pair(a, b)
            for a in played
            for b in played
            if a.arm != b.arm
            and claim.a.recipe in a.recipes
            and claim.b.recipe in b.recipes
            and (a.ending, b.ending) == endings
            and abs(a.tokens - b.tokens) <= LONG * max(a.tokens, b.tokens)
            and (a.text == b.text or not (a.text and b.text))
            and set(a.sizes) & set(b.sizes)
            and (among is None or (a.arm, b.arm) in among)
        ]
        ranks = [_rank(pair, texts, asked) for pair in candidates]
        best = [pair for pair, rank in zip(candidates, ranks, strict=True) if rank == min(ranks)]
        found += [pair for pair in best if _asked(pair, asked)] or best[:1]
    return found


def _rank(pair: Pair, texts: Mapping[frozenset[str], int], asked: Collection[tuple[str, str]]) -> tuple[int, ...]:
    common = min(texts[one.text] for one in (pair.a, pair.b))
    return (pair.a.unusual + pair.b.unusual, -common, -pair.a.tokens, not _asked(pair, asked))


def _asked(pair: Pair, asked: Collection[tuple[str, str]]) -> bool:
    names = (pair.a.arm, pair.b.arm)
    return names in asked or names[::-1] in asked


def _endings(claim: Claim) -> list[tuple[Ending, Ending]]:
    """Pairs of endings, the most fitting first."""
    a, b = ENDINGS[claim.a.cooldown], ENDINGS[claim.b.cooldown]
    if claim.a.cooldown == claim.b.cooldown:
        return list(zip(a, b, strict=True))
    return [(one, other) for one in a for other in b]


def _played(arm: Mapping[str, Any], kinds: Mapping[str, str], usual_code: bool) -> Played:
    stages = list(arm["stages"])
    main, ending = _split(stages, kinds)
    merged: list[tuple[dict[str, float], int]] = []
    for stage in main:
        shares = _shares(stage, kinds)
        if merged and merged[-1][0] == shares:
            merged[-1] = (shares, merged[-1][1] + stage["tokens"])
        else:
            merged.append((shares, stage["tokens"]))
    unusual = sum(
        (stage.get("join") or habit(stage["schedule"])) != habit(stage["schedule"])
        or stage.get("moments") == "reset"
        or stage.get("counter") == "reset"
        for stage in stages[1:]
    )
    return Played(
        arm=arm["arm"],
        sizes=tuple(arm["sizes"]),
        recipes=_recipes(merged) if usual_code else (),
        ending=ending,
        tokens=sum(tokens for _, tokens in merged),
        text=_taken(main, kinds, "text"),
        unusual=unusual,
    )


def _split(stages: Sequence[Mapping[str, Any]], kinds: Mapping[str, str]) -> tuple[Sequence[Mapping[str, Any]], Ending]:
    """The main stages, and how the arm ends. A falling stage is an ending where it is at most half as long as all
    before it; a longer one is a main stage that ends decayed."""
    last = stages[-1]
    before = sum(stage["tokens"] for stage in stages[:-1])
    if last["schedule"] not in FALLING or last["tokens"] > before / 2:
        return stages, "without decay" if last["schedule"] == "constant" else "decayed"
    if _same(last["mix"], stages[-2]["mix"]):
        return stages[:-1], "decayed"
    code = sum(share for name, share in last["mix"].items() if kinds.get(name) in CODE_KINDS)
    return stages[:-1], "cooled with code" if code > 0 else "cooled without code"


def _recipes(stages: Sequence[tuple[Mapping[str, float], int]]) -> tuple[Recipe, ...]:
    """Every recipe that a sequence of (shares by kind, tokens) fits."""
    if len(stages) == 1:
        return tuple(_single(stages[0][0]))
    if len(stages) != 2 or abs(stages[0][1] - stages[1][1]) > LONG * stages[0][1]:
        return ()
    (first, _), (second, _) = stages
    code, synthetic = _code(first), first.get("synthetic", 0.0)
    mostly_text = second.get("text", 0.0) >= 0.8 - NEAR and _pure(second, "text", "code", "markup")
    if not mostly_text:
        return ()
    if _near(code, 0.5) and _pure(first, "text", "code", "markup"):
        return ("balanced→text",)
    if _near(code, 1) and _pure(first, "code", "markup"):
        return ("code→text",)
    if _near(code, 0.5) and _near(synthetic, 0.05) and _pure(first, "text", "code", "markup", "synthetic"):
        return ("balanced with synthetic→text",)
    return ()


def _single(shares: Mapping[str, float]) -> list[Recipe]:
    found: list[Recipe] = []
    code = _code(shares)
    if _pure(shares, "text", "code", "markup"):
        by_share: tuple[tuple[float, tuple[Recipe, ...]], ...] = (
            (0, ("text-only", "0 % code")),
            (0.25, ("25 % code",)),
            (0.5, ("balanced-only", "50 % code")),
            (0.75, ("75 % code",)),
            (0.9, ("90 % code",)),
            (1, ("100 % code",)),
        )
        found += [recipe for share, recipes in by_share if _near(code, share) for recipe in recipes]
    if not _near(code, 1):
        return found
    kinds: tuple[tuple[Recipe, str, float], ...] = (
        ("code and markup", "markup", 0.2),
        ("code and adjacent", "adjacent", 0.15),
        ("code and synthetic", "synthetic", 0.1),
    )
    if _near(shares.get("code", 0.0), 1):
        found.append("web code")
    for recipe, kind, share in kinds:
        if _near(shares.get(kind, 0.0), share) and _pure(shares, "code", kind):
            found.append(recipe)
    return found


def _shares(stage: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, float]:
    shares: dict[str, float] = {}
    for name, share in stage["mix"].items():
        kind = kinds.get(name, "other")
        shares[kind] = round(shares.get(kind, 0.0) + share, 6)
    return shares


def _taken(stages: Iterable[Mapping[str, Any]], kinds: Mapping[str, str], kind: str) -> frozenset[str]:
    return frozenset(
        name for stage in stages for name, share in stage["mix"].items() if share > 0 and kinds.get(name) == kind
    )


def _most_common(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    counts = Counter(one for one in sets if one)
    return min(counts, key=lambda one: (-counts[one], sorted(one))) if counts else frozenset()


def _code(shares: Mapping[str, float]) -> float:
    return sum(share for kind, share in shares.items() if kind in CODE_KINDS)


def _pure(shares: Mapping[str, float], *kinds: str) -> bool:
    return sum(share for kind, share in shares.items() if kind not in kinds) <= 1e-6


def _near(value: float, wanted: float) -> bool:
    return abs(value - wanted) <= NEAR


def _same(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return all(abs(one.get(name, 0) - other.get(name, 0)) <= 1e-6 for name in {*one, *other})
