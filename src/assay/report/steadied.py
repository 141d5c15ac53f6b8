"""What page, summary and terminal say where variances were steadied by a table of noise (``assay report --steady``).

A reader must not take such an interval for one from the study's seeds alone. So it is said which metrics it concerns,
how many degrees of freedom were lent, what the table was measured on, and that nobody but who asked for it vouches for
the table being of such training. It reads ``results.json`` and computes nothing; plain results have nothing to say.
"""

from collections.abc import Mapping
from typing import Any

from assay.analyze.measured import LONGER
from assay.study.design import Design


def steadied_sentences(design: Design, results: Mapping[str, Any]) -> list[str]:
    """In plain words: on which metrics, by which table, and who vouches; empty where nothing was steadied."""
    told = results["steadied"]
    if not told:
        return []
    titles = {metric.id: metric.title for metric in design.metrics}
    many = len(design.sizes) > 1
    declared = [row for row in told["metrics"] if row["declared"]]
    others = [row for row in told["metrics"] if not row["declared"]]
    lent = [
        f"{titles[row['metric']]}{' at ' + row['size'] if many else ''} ({row['df']:.1f})"
        for row in declared
        if row["df"] is not None
    ]
    named = f" (degrees of freedom lent: {'; '.join(lent)})" if lent else ""
    beside = f" and {sum(row['df'] is not None for row in others)} of {len(others)} exploratory ones" if others else ""
    first = (
        f"Variances are steadied, as --steady asked: on {len(lent)} of {len(declared)} declared metrics"
        f"{' and sizes' if many else ''}{named}{beside}, a paired comparison's variance over seeds is averaged with "
        "what a table of noise knows of such variances. Everywhere else each comparison has its own."
    )
    return [first, *(_table(table) for table in told["tables"]), _vouched(told, results)]


def _table(table: Mapping[str, Any]) -> str:
    shortest, longest = table["tokens"]
    made = f", made on {table['date']}" if table["date"] else ""
    return (
        f"The table at {table['size']}{made}: corpus {table['corpus']}, tokenizer {table['tokenizer']}, "
        f"{table['seeds']} seeds of {table['arms']} arms of {_tokens(shortest, longest)}, "
        f"under {'; '.join(table['numerics'])}."
    )


def _vouched(told: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    here = f"arms of {_tokens(*told['lengths'])}, " if told["lengths"] else ""
    longest = max(table["tokens"][1] for table in told["tables"])
    times = told["lengths"][1] / longest if told["lengths"] else 1.0
    beyond = f" The study's longest arm is {times:.1f} times the table's: how noise changes so far is not known."
    return (
        f"Whether the table is of training like this study's ({here}under {'; '.join(results['numerics'])}) was not "
        "checked: whoever asked for --steady vouches for it, for learning rate, batch and mixes too."
        f"{beyond if times > LONGER else ''} Without --steady, `assay report` gives each comparison its own variance."
    )


def _tokens(shortest: int, longest: int) -> str:
    return f"{longest:,} tokens" if shortest == longest else f"{shortest:,} to {longest:,} tokens"


def steadied_rows(design: Design, results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a metric and size for the page's table: ``title``, ``size``, ``df``, ``rate`` and ``why``."""
    told = results["steadied"]
    titles = {metric.id: metric.title for metric in design.metrics}
    return [
        {
            "title": titles[row["metric"]],
            "size": row["size"],
            "df": row["df"],
            "rate": row["null_rate"],
            "why": row["why"] or "",
        }
        for row in (told["metrics"] if told else [])
    ]
