"""The answer in words, made from the verdicts alone: never more than they bear.

One sentence a family says what is decided, in which direction and for whom, and how much is not. Comparisons
with a common control are not independent evidence, and a sentence that counts several of them says so. What
cannot be told is listed with what it would take.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.analyze.effects import Estimate
from assay.analyze.power import items_needed, seeds_needed
from assay.analyze.unpaired import FEWEST
from assay.analyze.verdict import SIGNIFICANCE
from assay.study.design import Design, Metric


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the results and the estimate behind it."""

    row: dict[str, Any]
    estimate: Estimate | None
    one_checkpoint: bool


def summarise(design: Design, findings: Sequence[Finding], chance: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """``sentences`` (one a family), ``primary``, ``note``, ``undecided`` and ``above_chance``."""
    asked = [finding for finding in findings if finding.row["declared"]]
    tests = Counter(finding.row["family"] for finding in asked if finding.row["p"] is not None)
    rows = [finding.row for finding in asked]
    largest = {
        family: _largest_size(design, [row for row in rows if row["family"] == family]) for family in design.families
    }
    here = [row for row in rows if row["size"] == largest[row["family"]]]
    at_size = {family: f" at {size}" if len(design.sizes) > 1 else "" for family, size in largest.items()}
    sentences = [
        {
            "family": family,
            "text": _sentence(design, family, at_size[family], [row for row in here if row["family"] == family]),
        }
        for family in design.families
        if any(row["family"] == family for row in here)
    ]
    return {
        "sentences": sentences,
        "primary": _primary(design, rows),
        "note": _note(design, here),
        "undecided": [
            _undecided(finding, tests[finding.row["family"]])
            for finding in asked
            if finding.row["verdict"] == "cannot tell"
        ],
        "above_chance": list(chance),
    }


def _largest_size(design: Design, rows: Sequence[dict[str, Any]]) -> str | None:
    """Of the rows' sizes the one with the most parameters; the last one where they are not known."""
    asked = {row["size"] for row in rows}
    order = {size: index for index, size in enumerate(design.sizes) if size in asked}
    return max(order, default=None, key=lambda size: (design.parameters.get(size, {}).get("body", 0), order[size]))


def metric_phrase(metric: Metric) -> str:
    """The metric in the middle of a sentence: *held-out text (bits per byte)*."""
    subject, _, measure = metric.title.rpartition(", ")
    title = f"{subject} ({measure})" if subject else metric.title
    return title[:1].lower() + title[1:] if title[1:].islower() else title


def _sentence(design: Design, family: str, at_size: str, rows: Sequence[dict[str, Any]]) -> str:
    decided = [row for row in rows if row["favours"] is not None]
    same = [row for row in rows if row["verdict"] == "no difference"]
    rest = len(rows) - len(decided) - len(same)
    control = _common_control(rows)
    name = family[:1].upper() + family[1:].replace("_", " ") + at_size
    asked = _count(len(rows), "declared comparison") + (f" with {control}" if control else "")
    if rest == len(rows):
        return f"{name}: nothing is decided; none of {asked} can be told."
    clauses = _clauses(design, decided, control)
    if same:
        shows = "shows" if len(same) == 1 else "show"
        clauses.append(f"{len(same)} {shows} no difference that matters ({_equal(design, same, control)})")
    clauses.append(f"{rest} cannot be told" if rest else "none is left open")
    narrow = sum(row["holds_on_new_items"] is False for row in decided)
    if narrow:
        told = "it" if len(decided) == 1 else "all of them" if narrow == len(decided) else f"{narrow} of them"
        clauses.append(f"on other items of the same kind {told} might not be seen")
    is_decided = "none is" if not decided else "1 is" if len(decided) == 1 else f"{len(decided)} are"
    return f"{name}: of {asked}, {is_decided} decided: {'; '.join(clauses)}."


def _clauses(design: Design, decided: Sequence[dict[str, Any]], control: str | None) -> list[str]:
    """Decided rows as *metric is better with these, by so much, and worse with those*, in the order of the metrics."""
    clauses = []
    for metric in design.metrics:
        groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in decided:
            if row["metric"] == metric.id:
                than = "" if control or row["kind"] == "trend" else f" than {_by_or_with(row)} {row['b']}"
                groups.setdefault((_word(row), than), []).append(row)
        if groups:
            told = [
                f"{word} {_list([row['a'] for row in subjects])}{than}{_by(subjects)}"
                for (word, than), subjects in sorted(groups.items(), key=lambda group: group[0])
            ]
            clauses.append(f"{metric_phrase(metric)} is {_list(told)}")
    return clauses


def _by(rows: Sequence[dict[str, Any]]) -> str:
    """How far apart the arms of decided pairs are, whichever way: one with its interval, several from least to most."""
    if rows[0]["kind"] == "trend":
        return ""  # a slope a unit of the factor, which the figure tells better
    sizes = sorted(abs(row["effect"]) for row in rows)
    if len(rows) > 1:
        return f" (by {sizes[0]:.3f} to {sizes[-1]:.3f})"
    (row,) = rows
    ends = (row["low"], row["high"]) if row["effect"] > 0 else (-row["high"], -row["low"])
    return f" (by {sizes[0]:.3f} [{ends[0]:.3f}, {ends[1]:.3f}])"


def _word(row: dict[str, Any]) -> str:
    if row["kind"] == "interaction":
        return f"helped {'more' if row['favours'] == 'a' else 'less'} by"
    better = "better" if row["favours"] == "a" else "worse"
    return f"{better} the higher the {row['factor']}, up to" if row["kind"] == "trend" else f"{better} with"


def _by_or_with(row: dict[str, Any]) -> str:
    return "by" if row["kind"] == "interaction" else "with"


def _equal(design: Design, rows: Sequence[dict[str, Any]], control: str | None) -> str:
    told = []
    for metric in design.metrics:
        subjects = [_subject(row, control) for row in rows if row["metric"] == metric.id]
        if subjects:
            told.append(f"{metric_phrase(metric)}: {_list(subjects)}")
    return "; ".join(told)


def _subject(row: dict[str, Any], control: str | None) -> str:
    if row["kind"] == "trend":
        return f"the trend over the {row['factor']}"
    return str(row["a"]) if control else f"{row['a']} and {row['b']}"


def _common_control(rows: Sequence[dict[str, Any]]) -> str | None:
    controls = {row["b"] for row in rows}
    return next(iter(controls)) if len(controls) == 1 and all(row["kind"] == "pair" for row in rows) else None


def _primary(design: Design, rows: Sequence[dict[str, Any]]) -> str | None:
    """The primary contrast at its largest size, and where that leaves a metric open, what other sizes decide."""
    asked = [row for row in rows if row["id"] == design.primary]
    if not asked:
        return None
    size = _largest_size(design, asked)
    titles = {metric.id: metric_phrase(metric) for metric in design.metrics}
    told = [
        f"{titles[row['metric']]} {_better_or_worse(row)}{_by([row]) if row['favours'] else ''}"
        for row in asked
        if row["size"] == size and row["verdict"] != "cannot tell"
    ]
    open_ = [row["metric"] for row in asked if row["size"] == size and row["verdict"] == "cannot tell"]
    at_size = f" at {size}" if len(design.sizes) > 1 else ""
    start = f"The study's primary contrast, {asked[0]['a']} against {asked[0]['b']}{at_size}"
    if not told:
        start += ", is not decided on any declared metric."
    else:
        left = f"; cannot be told on {_list([titles[name] for name in open_])}" if open_ else ""
        start += f": {'; '.join(told)}{left}."
    elsewhere = [
        f"at {row['size']} {titles[row['metric']]} is {_better_or_worse(row)}"
        for row in asked
        if row["size"] != size and row["metric"] in open_ and row["verdict"] != "cannot tell"
    ]
    return f"{start} But {'; '.join(elsewhere)}." if elsewhere else start


def _better_or_worse(row: dict[str, Any]) -> str:
    return {"a": "better", "b": "worse", None: "no different within the margin"}[row["favours"]]


def _note(design: Design, rows: Sequence[dict[str, Any]]) -> str | None:
    """What keeps the sentences from being counted up."""
    shared = []
    for family in design.families:
        groups = {tuple(row["arms"]) for row in rows if row["family"] == family}
        if len({arm for group in groups for arm in group}) < sum(len(group) for group in groups):
            shared.append(family)
    if not shared:
        return None
    return (
        f"Comparisons within {_list(shared)} share arms, and with them their noise: several that agree "
        "are not as many independent pieces of evidence."
    )


def from_size_to_size(
    design: Design, transferred: Sequence[Mapping[str, Any]], foretold: Sequence[Mapping[str, Any]]
) -> str | None:
    """Whether smaller sizes have the largest one's signs, and how far a line through them comes; None below three.

    Args:
        design: Of the study.
        transferred: ``transfer`` of the results.
        foretold: ``foretold`` of the results.
    """
    if not transferred:
        return None
    told = _signs(transferred)
    if foretold:
        told += f" {_line({metric.id: metric_phrase(metric) for metric in design.metrics}, foretold)}"
    return f"From size to size: {told}"


def _signs(transferred: Sequence[Mapping[str, Any]]) -> str:
    """Of the largest size's decided differences, of how many each smaller one has the sign."""
    target = transferred[0]["target"]
    right: Counter[str] = Counter()
    for row in transferred:
        right[row["size"]] += row["right"]
    decided = sum(row["decided"] for row in transferred) // len(right)  # the same pairs at each smaller size
    if not decided:
        return f"no two arms differ decidedly at {target}, so there is nothing that smaller sizes could be right about."
    counts = {size: "all" if n == decided else str(n) if n else "none" for size, n in right.items()}
    if {*counts.values()} == {"all"}:
        signs = f"{_list(list(counts))} have the sign of all"
    else:
        signs = _list([f"{size} has the sign of {count}" for size, count in counts.items()])
    differences = _count(decided, "difference")
    return f"of {differences} between two arms that {target} decides, over all pairs and metrics, {signs}."


def _line(titles: Mapping[str, str], foretold: Sequence[Mapping[str, Any]]) -> str:
    """How many comparisons came out as a line through the smaller sizes said, and what becomes of the others."""
    missed = [row for row in foretold if not row["held"]]
    held = f"{len(foretold) - len(missed)} of {len(foretold)} comparisons"
    told = f"A line through the smaller sizes foretold {held} within the noise of both"
    if missed:
        metric, worst = Counter(row["metric"] for row in missed).most_common(1)[0]
        asked = sum(row["metric"] == metric for row in foretold)
        told += f", worst on {titles[metric]}, {asked - worst} of {asked}"
    smaller = {abs(row["observed"]) < abs(row["predicted"]) for row in missed}
    if len(missed) > 1 and len(smaller) == 1:
        told += f"; all that it missed came out {'smaller' if smaller == {True} else 'larger'} than foretold"
    return f"{told}."


def _undecided(finding: Finding, tests: int) -> dict[str, Any]:
    """What a comparison would take to be told: at Holm's strictest level, 0.05 over its family's tests."""
    row, estimate = finding.row, finding.estimate
    needed = items = found = None
    if estimate is not None and estimate.se is not None and estimate.df is not None:
        alpha = SIGNIFICANCE / tests
        spread = (estimate.seeds_variance, estimate.interaction_variance)
        needed = seeds_needed(row["margin"], spread[0], known=estimate.df, alpha=alpha)
        items = items_needed(row["margin"], row["n_items"], row["n_seeds"], *spread, known=estimate.df, alpha=alpha)
        if abs(row["effect"]) > row["margin"]:
            found = seeds_needed(row["effect"], spread[0], known=estimate.df, alpha=alpha)
    return {
        **{key: row[key] for key in ("id", "family", "size", "metric", "effect", "low", "high", "mde", "margin")},
        "why": _why(row),
        "seeds_for_margin": needed,
        "items_for_margin": items,
        "seeds_for_effect": found,
    }


def _why(row: dict[str, Any]) -> str:
    if row["n_seeds"] == 0:
        return "no seed has records of all its arms and tasks"
    if not row["paired"] and row["n_seeds"] < FEWEST:
        return f"its arms share no two seeds, and unpaired it takes {FEWEST} seeds an arm"
    if row["n_seeds"] == 1:
        return "one seed has no spread, so no interval"
    if row["p"] is None:
        return "its seeds do not differ at all, so no interval"
    if row["p"] < SIGNIFICANCE:
        return "alone it would pass (p < 0.05), but not among this many comparisons"
    if abs(row["effect"]) <= row["margin"]:
        return "the estimate is within the margin, but its interval is not"
    return "the interval spans no effect and effects that matter"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
