"""What a finished study's own data say of each claim, at its own scale.

Effects are those of ``results.json``: a contrast that the study makes itself is read from there, and any other is made
by the same function. Those of one capability are a family, the same whichever claims are asked about. Gains are turned
so that more than 0 is better for the claim's first model, whatever the metric: bits per byte count first, being where
small models differ, and accuracies stand beside them. The paper's *language* is the mean of its reasoning and its
knowledge, and so it is here. Claims about generation are asked of the run's win rates (`judged`). Only the sign of a
claim is asked about, because a model of a millionth of the size has other percentages.
"""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from assay.analyze.claims.claim import Claim, load_claims
from assay.analyze.claims.judged import GENERATION, Judged, judged_rows, read_judged, unjudged
from assay.analyze.claims.roles import Pair, Played, kinds_seen, pairs_of, play
from assay.analyze.frame import Results
from assay.analyze.results import build_contrasts, load_design, stream_items
from assay.analyze.steady import shipped_for
from assay.errors import InputError
from assay.study.design import Contrast, Design, Measure, Metric

Answer = Literal["replicated", "contradicted", "no difference", "cannot tell at this scale", "not asked"]

MEASURES: tuple[Measure, ...] = ("bits_per_byte", "answers", "accuracy", "accuracy_norm")
"""In the order of a verdict's weight: the first that the study has decides, the others stand beside it."""
CAPABILITIES = {
    "reasoning": ("reasoning",),
    "knowledge": ("knowledge",),
    "code": ("code",),
    "language": ("reasoning", "knowledge"),
}
"""What of the study answers claims about a capability that item records can answer."""
UNDECAYED = "the learning rate of one of the two came down at the end, that of the other did not"
UNASKED = "what was not worked out, this being no contrast of the study itself"


def ask(folder: Path, claims: Sequence[Claim]) -> list[dict[str, Any]]:
    """Each claim's verdicts on a run folder, in the order of the claims; one or more rows a claim.

    Args:
        folder: A finished run: ``plan.json``, ``results.json``, ``items/*.parquet``, and ``ledger.json`` and
            ``judge/judge.json`` if there.
        claims: Which.

    Returns:
        JSON-able rows with ``claim``, ``stated``, ``verdict``, ``why``, and where there are such arms ``size``, ``a``,
        ``b``, ``endings``, ``metric``, ``gain``, ``low``, ``high``, ``smallest`` (the smallest detectable effect),
        ``margin``, ``n_seeds``, ``p_adjusted``, ``confounds`` and ``beside``, the same of other measures.
        Differences are in units of the metric, positive where a is better; of claims about generation as
        `assay.analyze.claims.judged.judged_rows` has them.

    Raises:
        InputError: The folder is no finished run, or a file in it cannot be read.
    """
    design, results = load_design(folder), Results(folder)
    arms = _arms(folder)
    played = play(arms, kinds_seen(_ledger(folder)))
    own = {(contrast.a, contrast.b) for contrast in design.contrasts if contrast.kind == "pair"}
    every = {claim.name: claim for claim in (*load_claims()[0], *claims) if _never(claim, design) is None}
    matched = {name: pairs_of(claim, played, own) for name, claim in every.items()}
    rows = {(row["a"], row["b"], row["size"], row["metric"]): row for row in results.contrasts if row["kind"] == "pair"}
    if new := _new(every, matched, design):
        steady = shipped_for(folder) if results.data["steadied"] else None
        made = build_contrasts(design, new, stream_items(folder), steady)
        rows |= {(row["a"], row["b"], row["size"], row["metric"]): row for row in made}
    about_answers = any(claim.metric == GENERATION for claim in claims)
    judged = read_judged(folder, {arm["arm"]: arm["sizes"] for arm in arms}) if about_answers else None
    told = []
    for claim in claims:
        if claim.metric == GENERATION:
            told += _by_judges(claim, played, own, design, folder, judged)
        else:
            told += _verdicts(claim, matched.get(claim.name, []), design, rows)
    return told


def _by_judges(
    claim: Claim,
    played: Sequence[Played],
    own: Collection[tuple[str, str]],
    design: Design,
    folder: Path,
    judged: Judged | None,
) -> list[dict[str, Any]]:
    """A claim about generation, by the pair of arms that a judge compared."""
    head = {"claim": claim.name, "stated": claim.shown(), "metric_of_claim": claim.metric}
    found = judged_rows(claim, pairs_of(claim, played, own, judged.pairs), judged) if judged else []
    if not found:
        fitting = pairs_of(claim, played, own)
        why = unjudged(folder, fitting[0], judged) if fitting else _absent(claim)
        return [{**head, "verdict": "not asked", "why": why}]
    confounds = {
        names: list(contrast.confounds)
        for contrast in design.contrasts
        if contrast.kind == "pair"
        for names in ((contrast.a, contrast.b), (contrast.b, contrast.a))
    }
    return [
        {
            **head,
            "verdict": answer(claim.direction, row["verdict"], row["favours"]),
            **{key: value for key, value in row.items() if key not in {"verdict", "favours"}},
            "confounds": confounds.get((row["a"], row["b"]), [UNASKED]),
            "beside": [],
        }
        for row in found
    ]


def _verdicts(claim: Claim, pairs: Sequence[Pair], design: Design, rows: dict[Any, Any]) -> list[dict[str, Any]]:
    head = {"claim": claim.name, "stated": claim.shown(), "metric_of_claim": claim.metric}
    if why := _never(claim, design) or (None if pairs else _absent(claim)):
        return [{**head, "verdict": "not asked", "why": why}]
    told = []
    for pair in pairs:
        for size in (size for size in design.sizes if size in pair.sizes):
            found = [row for metric in _metrics(claim, design) if (row := _turned(rows, pair, size, metric.id))]
            if not found:
                continue
            first, *others = found
            told.append(
                {
                    **head,
                    "verdict": answer(claim.direction, first["verdict"], first["favours"]),
                    "why": None,
                    "size": size,
                    "a": pair.a.arm,
                    "b": pair.b.arm,
                    "endings": [pair.a.ending, pair.b.ending],
                    **{key: value for key, value in first.items() if key not in {"verdict", "favours"}},
                    "beside": [
                        {**row, "verdict": answer(claim.direction, row["verdict"], row["favours"])} for row in others
                    ],
                }
            )
    return told or [{**head, "verdict": "not asked", "why": "the study has no results for such arms"}]


def answer(direction: int, verdict: str, favours: str | None) -> Answer:
    """A contrast's verdict as one on a claim.

    Args:
        direction: 1: the claim says that a is better; -1: worse; 0: that there is no difference.
        verdict: *higher*, *lower*, *no difference* or *cannot tell*.
        favours: ``a``, ``b`` or None: for whom it speaks.
    """
    if verdict == "no difference":
        return "no difference" if direction else "replicated"
    if favours is None:
        return "cannot tell at this scale"
    return "replicated" if direction == (1 if favours == "a" else -1) else "contradicted"


def _never(claim: Claim, design: Design) -> str | None:
    """Why no arms of a study could have its item records answer a claim; None where some could."""
    if claim.metric == GENERATION:
        return "judges answer it"
    if claim.a.size != claim.b.size:
        return "it compares a model with a larger one of the same recipe, which no contrast of a study does"
    if not _metrics(claim, design):
        return f"the study has no metric of {' and '.join(CAPABILITIES[claim.metric])}"
    return None


def _absent(claim: Claim) -> str:
    return f"the study has no such arms: {claim.a} and {claim.b}, as long as each other and ending alike"


def _metrics(claim: Claim, design: Design) -> list[Metric]:
    """What answers a claim, in the order of `MEASURES`."""
    there = {metric.id: metric for metric in design.metrics}
    names = CAPABILITIES[claim.metric]
    parts = [[there.get(f"{name}/{measure}") for name in names] for measure in MEASURES]
    return [_mean([metric for metric in found if metric]) for found in parts if all(found)]


def _mean(parts: Sequence[Metric]) -> Metric:
    """The mean of several metrics as one. A metric is the mean of its tasks, so the tasks of each part come as often as
    gives the parts one weight; for new items such a metric would count a task's spread several times."""
    first = parts[0]
    if len(parts) == 1:
        return first
    weight = math.lcm(*(len(part.tasks) for part in parts))
    return first.model_copy(
        update={
            "id": f"{' and '.join(part.category for part in parts)}/{first.measure}",
            "tasks": tuple(task for part in parts for task in part.tasks * (weight // len(part.tasks))),
            "declared": all(part.declared for part in parts),
        }
    )


def _turned(rows: dict[Any, Any], pair: Pair, size: str, metric: str) -> dict[str, Any] | None:
    """A contrast's row as a gain of the pair's first arm; None where there is none."""
    a, b = pair.a.arm, pair.b.arm
    row = rows.get((a, b, size, metric))
    flipped = row is None
    row = row or rows.get((b, a, size, metric))
    if row is None or row["effect"] is None:
        return None
    sign = (1 if row["better_is"] == "higher" else -1) * (-1 if flipped else 1)
    undecayed = [pair.a.ending, pair.b.ending].count("without decay")
    ends = [None if row[end] is None else sign * row[end] + 0.0 for end in ("low", "high")]
    if sign < 0:
        ends.reverse()
    favours = row["favours"]
    if flipped and favours is not None:
        favours = "b" if favours == "a" else "a"
    return {
        "metric": metric,
        "gain": sign * row["effect"] + 0.0,
        "low": ends[0],
        "high": ends[1],
        "smallest": row["mde"],
        "margin": row["margin"],
        "n_seeds": row["n_seeds"],
        "p_adjusted": row["p_adjusted"],
        "confounds": [*row["confounds"], *([UNDECAYED] if undecayed == 1 else [])],
        "verdict": row["verdict"],
        "favours": favours,
    }


def _new(
    claims: Mapping[str, Claim], matched: Mapping[str, Sequence[Pair]], design: Design
) -> list[tuple[list[Contrast], list[Metric]]]:
    """What the study does not work out itself and claims ask for: of each capability, contrasts and metrics."""
    own = {(contrast.a, contrast.b): contrast for contrast in design.contrasts if contrast.kind == "pair"}
    there = {metric.id for metric in design.metrics}
    found = []
    for capability in CAPABILITIES:
        asking = [claim for claim in claims.values() if claim.metric == capability]
        pairs = {(pair.a.arm, pair.b.arm): pair for claim in asking for pair in matched[claim.name]}
        metrics = _metrics(asking[0], design) if asking else []
        contrasts = []
        for names, pair in pairs.items():
            known = own.get(names) or own.get(names[::-1])
            if known is None or not all(metric.id in there for metric in metrics):
                contrasts.append(_contrast(capability, pair, design, known))
        if contrasts:
            found.append((contrasts, metrics))
    return found


def _contrast(capability: str, pair: Pair, design: Design, known: Contrast | None) -> Contrast:
    a, b = pair.a.arm, pair.b.arm
    return Contrast(
        id=f"{a} vs {b}",
        family=f"claims about {capability}",
        kind="pair",
        factor="claim",
        arms=(a, b),
        weights=(1.0, -1.0),
        a=a,
        b=b,
        confounds=known.confounds if known else (UNASKED,),
        sizes=tuple(size for size in design.sizes if size in pair.sizes),
    )


def _arms(folder: Path) -> list[dict[str, Any]]:
    path = folder / "plan.json"
    try:
        arms: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["arms"]
    except KeyError:
        raise InputError("it does not say what its arms are trained on", str(path)) from None
    return arms


def _ledger(folder: Path) -> list[dict[str, Any]]:
    path = folder / "ledger.json"
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise InputError(f"no ledger can be read from it: {problem}", str(path)) from None
    return rows
