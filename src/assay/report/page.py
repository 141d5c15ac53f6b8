"""One self-contained page that answers the study's question: ``report.html``.

Everything on it is rebuilt from the run folder. Every text out of models, data and studies is escaped, and
the page may load nothing and run nothing but its own few lines for sorting tables (a content security policy
says so to the browser as well). It computes no statistics; sentences and verdicts are those of
``results.json``.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from assay.analyze.drill import ITEMS, asked_of, items_each
from assay.analyze.results import load_design, write_results
from assay.analyze.steady import shipped_for
from assay.files import write_whole
from assay.report import figures, ledger, sections
from assay.report.frame import dress, environment, read_part
from assay.report.judge_section import judge_section
from assay.report.judge_table import judged_sentence
from assay.report.missing import missing_records
from assay.report.sections import UNITS
from assay.report.shares import NAMED
from assay.report.steadied import steadied_rows, steadied_sentences
from assay.report.trend import end_to_end
from assay.run.done import mark_rebuilt
from assay.study.design import Design, Metric

PAGE_VERSION = 10
"""Raise when the same run folder gives another page."""
ANSWER = 3
"""Sentences of the answer; a study of more questions has the others below."""
JUDGED = Path("judge", "judge.json")
"""Where win rates are in a run folder that has any."""

MOST_DRAWN = 40
"""Comparisons in a forest; the table below it has all."""
MOST_EXPLORED = 400
"""Exploratory comparisons printed of a family at a size; the others are in ``results.json``."""
COMPUTE_OPTIMAL = 20
"""Tokens per parameter of compute-optimal training (Hoffmann et al. 2022), printed beside the study's own."""


def write_report(folder: Path, clean: bool = False, steady: bool = False) -> Path:
    """Rebuild ``results.json`` and ``report.html`` of a run folder; torch is not imported.

    Args:
        folder: Holds ``plan.json`` and ``items/*.parquet``; the other files are shown where they are there.
        clean: On the items alone that do not stand in the training documents, beside: ``results.clean.json`` and
            ``report.clean.html``.
        steady: Steady variances by the shipped table of noise (`assay.analyze.steady.shipped_for`); without it the same
            files are made from each comparison's own.

    Returns:
        Path of the page, which is written whole or not at all.

    Raises:
        InputError: The folder is no run folder, has no item records, or one of its files cannot be read; or no
            table fits it.
    """
    table = shipped_for(folder) if steady else None
    return write_page(folder, write_results(folder, clean, table), clean)


def write_page(folder: Path, results: Mapping[str, Any], clean: bool = False) -> Path:
    """Write the page of results that were just written; arguments, errors and result as of `write_report`."""
    page = render(
        load_design(folder),
        results,
        plan=read_part(folder / "plan.json") or {},
        ledger_rows=read_part(folder / "ledger.json") or [],
        curves=read_part(folder / "curves.json") or {},
        timings=read_part(folder / "timings.json"),
        corpus=read_part(folder / "corpus.json") or {},
        programs=read_part(folder / "programs.json") or {},
        judged=read_part(folder / JUDGED),
        texts=read_part(folder / "texts.json") or {},
        clean=clean,
    )
    target = folder / ("report.clean.html" if clean else "report.html")
    write_whole(target, page)
    if not clean:
        mark_rebuilt(folder, ["results.json", target.name])
    return target


def render(
    design: Design,
    results: Mapping[str, Any],
    *,
    plan: Mapping[str, Any],
    ledger_rows: Sequence[Mapping[str, Any]],
    curves: Mapping[str, Any],
    timings: Mapping[str, Any] | None,
    corpus: Mapping[str, Any] | None = None,
    programs: Mapping[str, Any] | None = None,
    judged: Mapping[str, Any] | None = None,
    texts: Mapping[str, str] | None = None,
    clean: bool = False,
) -> str:
    """The page as HTML text."""
    templates = environment()
    templates.filters["verdict"] = verdict_word
    templates.filters["tone"] = tone
    stages = ledger.stage_shares(ledger_rows)
    kinds, totals = ledger.arm_totals(stages)
    metrics = {metric.id: metric for metric in design.metrics}
    comparisons = len(asked_of(design))
    return templates.get_template("report.html.j2").render(
        design=design,
        results=results,
        summary=results["summary"],
        undecided=end_to_end(design, results["summary"]["undecided"]),
        metrics=metrics,
        units={metric.id: UNITS[metric.measure] for metric in design.metrics},
        declared=[metric for metric in design.metrics if metric.declared],
        scale=_scale(design, plan),
        chance=_chance(results),
        families=[
            _family(design, results, family, size)
            for family in design.families
            for size in design.sizes
            if _is_asked(design, family, size)
        ],
        sentences=_sentences(design, results),
        steadied=steadied_sentences(design, results),
        steadied_rows=steadied_rows(design, results),
        doses=sections.dose_sections(design, results),
        trade_offs=sections.frontiers(design, results),
        over_sizes=sections.over_sizes(design, results),
        names_most=NAMED,
        averaged=sections.averages(design, results),
        beneath=sections.beneath(design, results),
        texts=texts or {},
        comparisons=comparisons,
        items_each=items_each(comparisons),
        items_most=ITEMS,
        arms_table=_arms_table(design, results),
        curves=[group for size in design.sizes for group in _curves(design, curves.get("segments", []), size)],
        programs=programs or {},
        missing=missing_records(design, results, plan),
        win_rates=judge_section(judged) if judged else None,
        judged=judged_sentence(judged) if judged else None,
        ledger_kinds=kinds,
        ledger_totals=totals,
        ledger_stages=stages,
        timings=timings,
        corpus=corpus,
        clean=clean,
        many_sizes=len(design.sizes) > 1,
        **dress(),
    )


def verdict_word(row: Mapping[str, Any]) -> str:
    """The verdict as a reader needs it: direction, and whether that is good."""
    if row["favours"] is None:
        return str(row["verdict"])
    return f"{row['verdict']}: {'better' if row['favours'] == 'a' else 'worse'}"


def tone(row: Mapping[str, Any]) -> str:
    """CSS class of a verdict."""
    if row["favours"] is not None:
        return "better" if row["favours"] == "a" else "worse"
    return "equal" if row["verdict"] == "no difference" else "open"


def _scale(design: Design, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Per size: parameters, tokens of the longest arm, and the ratio of the two."""
    rows = []
    for size in design.sizes:
        arms = [arm for arm in plan.get("arms", []) if size in arm["sizes"]]
        lengths = [sum(stage["tokens"] for stage in arm["stages"]) for arm in arms]
        counts = design.parameters.get(size, {})
        body, whole = counts.get("body"), sum(counts.values())
        if lengths and body:
            rows.append(
                {
                    "size": size,
                    "body": body,
                    "embedding": design.parameters[size].get("embedding"),
                    "tokens": max(lengths),
                    "whole": whole,
                    "ratio": max(lengths) / whole,
                    "optimal": COMPUTE_OPTIMAL,
                }
            )
    return rows


def _chance(results: Mapping[str, Any]) -> dict[str, Any]:
    rows = [row for row in results["summary"]["above_chance"] if row["tested"]]
    return {"rows": rows, "above": [row for row in rows if row["arms"]]}


def _sentences(design: Design, results: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """One a family, that of the primary contrast first."""
    main = {contrast.family for contrast in design.contrasts if contrast.id == design.primary}
    sentences: list[Mapping[str, Any]] = results["summary"]["sentences"]
    if len(sentences) <= ANSWER:
        return sentences
    return sorted(sentences, key=lambda sentence: sentence["family"] not in main)


def _is_asked(design: Design, family: str, size: str) -> bool:
    """Whether any of a family's contrasts has its arms trained at a size."""
    return any(size in (one.sizes or design.sizes) for one in design.contrasts if one.family == family)


def _family(design: Design, results: Mapping[str, Any], family: str, size: str) -> dict[str, Any]:
    here = [row for row in results["contrasts"] if row["family"] == family and row["size"] == size]
    rows = end_to_end(design, here)
    panels = []
    for metric in design.metrics:
        shown = [row for row in rows if row["metric"] == metric.id and metric.declared]
        if shown:
            drawn = _drawn(shown)
            drawing = figures.forest(drawn, metric.title, UNITS[metric.measure], metric.better_is)
            left = f", {len(drawn)} of {len(shown)}, those of the smallest p" if len(drawn) < len(shown) else ""
            panels.append({"title": f"{metric.title}{left}", "svg": Markup(drawing)})
    confounds = {row["name"]: row["confounds"] for row in rows if row["confounds"]}
    exploratory = [row for row in rows if not row["declared"]]
    if len(exploratory) > MOST_EXPLORED:
        exploratory.sort(key=lambda row: 1.0 if row["p"] is None else row["p"])
    title = _title(family)
    return {
        "id": family,
        "anchor": f"family-{list(design.families).index(family)}-{design.sizes.index(size)}",
        "title": title,
        "gains": sections.family_gains(results, rows, title),
        "asks": design.families[family],
        "size": size,
        "panels": panels,
        "rows": [row for row in rows if row["declared"]],
        "exploratory": exploratory[:MOST_EXPLORED],
        "more": max(0, len(exploratory) - MOST_EXPLORED),
        "confounds": confounds,
    }


def _title(family: str) -> str:
    return family[:1].upper() + family[1:].replace("_", " ")


def _drawn(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows of a forest in their order; of very many those of the smallest p."""
    by_p = sorted(range(len(rows)), key=lambda place: 1.0 if rows[place]["p"] is None else rows[place]["p"])
    return [rows[place] for place in sorted(by_p[:MOST_DRAWN])]


def _arms_table(design: Design, results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Per size: one row an arm with its value on every declared metric, the best of each marked."""
    cells = {(row["size"], row["arm"], row["metric"]): row for row in results["arms_table"]}
    metrics = [metric for metric in design.metrics if metric.declared]
    tables = []
    for size in design.sizes:
        best = {
            metric.id: _best(metric, [cells[size, arm, metric.id]["value"] for arm in design.arms])
            for metric in metrics
        }
        rows = [
            {
                "arm": arm,
                "cells": [
                    {**cells[size, arm, metric.id], "best": cells[size, arm, metric.id]["value"] == best[metric.id]}
                    for metric in metrics
                ],
            }
            for arm in design.arms
        ]
        tables.append({"size": size, "metrics": metrics, "rows": rows})
    return tables


def _best(metric: Metric, values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return max(known) if metric.better_is == "higher" else min(known)


def _curves(design: Design, segments: Sequence[Mapping[str, Any]], size: str) -> list[dict[str, Any]]:
    """The learning curves at a size: one set of panels, or one a family where there are more arms than looks."""
    here = [segment for segment in segments if segment["size"] == size]
    at = size if len(design.sizes) > 1 else ""
    if figures.told_apart(here):
        return [{"family": "", "title": at, **_curve_panels(here)}] if here else []
    groups = []
    for family, arms in _curve_arms(design, size):
        own = [{**one, "arms": [arm for arm in one["arms"] if arm in arms]} for one in here]
        if own := [one for one in own if one["arms"]]:
            title = f"{family} at {at}" if at else family
            groups.append({"family": family, "title": title, **_curve_panels(own)})
    return groups


def _curve_arms(design: Design, size: str) -> Iterator[tuple[str, Collection[str]]]:
    """Each family's title and arms, and last the arms of none."""
    asked = [one for one in design.contrasts if size in (one.sizes or design.sizes)]
    compared: set[str] = set()
    for family in design.families:
        own = [one for one in asked if one.family == family]
        arms = list(dict.fromkeys(arm for one in own for arm in one.arms))
        yield from _parts(_title(family), arms, {one.b for one in own if one.b in arms})
        compared.update(arms)
    yield from _parts("In no comparison", [arm for arm in design.arms if arm not in compared], set())


def _parts(title: str, arms: Sequence[str], controls: Collection[str]) -> Iterator[tuple[str, Collection[str]]]:
    """No more arms than a figure holds; what all others are compared with stands in every part."""
    every = controls if len(controls) == 1 and len(arms) > figures.MOST_CURVES else ()
    rest = [arm for arm in arms if arm not in every]
    step = figures.MOST_CURVES - len(every)
    for start in range(0, len(rest), step):
        part = f", {start // step + 1} of {-(-len(rest) // step)}" if len(rest) > step else ""
        yield title + part, {*every, *rest[start : start + step]}


def _curve_panels(here: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    points = [point for segment in here for point in segment["heldout"]]
    sets = dict.fromkeys(name for point in points for name in point if name not in {"step", "tokens"})
    loss = figures.curves(here, "loss", "loss, nats per token")
    panels = [{"title": "Training loss, nats per token", "svg": Markup(loss)}]
    panels += [
        {
            "title": f"Held-out {name}, bits per byte",
            "svg": Markup(figures.curves(here, name, f"held-out {name}, bits per byte")),
        }
        for name in sets
    ]
    return {"lines": list(dict.fromkeys(figures.curve_lines(here).values())), "panels": panels}
