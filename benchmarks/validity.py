"""Are the statistics right? False positives, coverage and power on drawn studies, oracles, and real A against A.

Parts: ``aa`` (A/A over numbers of seeds, correlations of the trunk and ratios of the arms' spreads), ``coverage``,
``power``, ``oracle`` (scipy and statsmodels on the same numbers), ``real_aa`` (sixteen real seeds of six arms, three
against three), ``report`` (what the page of a large study takes), ``claims`` (how many stand). Estimates are made by
the code of `assay.analyze`; on the grid by its formulas over arrays, checked against it. Real values come from
``noise_arms.json``, which ``--from`` makes anew of a finished run folder of ``noise.yaml``. (The figures are called
``statistics``; a script of that name would stand before Python's own module.)
"""

import json
from collections import Counter
from pathlib import Path

import numpy as np

import _validity_oracles as oracles
import _validity_real as real
import _validity_report as report
import _validity_simulated as simulated
from _record import parts_parser, update
from assay.analyze.claims.asked import ask
from assay.analyze.claims.claim import load_claims
from assay.analyze.claims.rederive import rederive
from assay.analyze.results import write_results

STUDY = Path(__file__).parent / "records" / "to-code"
STUDIES = 10_000
"""In each of power's cells."""
GRID_STUDIES = 100_000
"""In each of the grid's: a rate of 5 % is known to 0.07 %."""
NEW_ITEMS = [(1, 0, 0.1), (1, 0.3, 0.3), (1, 1, 0.3), (0.3, 1, 0.3), (0, 1, 0.3), (1, 0, 1), (0, 0, 1)]
"""Standard deviations of seeds, items, and both together."""


def aa() -> dict[str, float | int | str | None]:
    """False positives at 5 %."""
    rng = np.random.default_rng(0)
    paired = [simulated.false_positives(cell, GRID_STUDIES, rng) for cell in simulated.grid()]
    unpaired = [
        simulated.false_positives_unpaired(cell, GRID_STUDIES, rng)
        for cell in simulated.grid((3, 5))
        if cell.correlation == 0
    ]
    forked = [simulated.false_positives_forked(seeds, 3, GRID_STUDIES, rng) for seeds in simulated.SEEDS]
    return {
        "aa_simulations_a_cell": GRID_STUDIES,
        "aa_paired_worst": max(paired),
        "aa_paired_lowest": min(paired),
        "aa_paired_mean": float(np.mean(paired)),
        "aa_unpaired_worst": max(unpaired),
        "aa_forked_worst": max(forked),
    }


def coverage() -> dict[str, float | int | str | None]:
    """Coverage of 95 % intervals: of the effect on the suite, and of that on new items."""
    rng = np.random.default_rng(1)
    paired = [simulated.coverage(cell, GRID_STUDIES, rng) for cell in simulated.grid()]
    told: dict[str, float | int | str | None] = {"coverage_lowest": min(paired), "coverage_highest": max(paired)}
    for seeds in simulated.SEEDS:
        found = [simulated.coverage_new_items(seeds, spreads, 60, STUDIES // 10, rng) for spreads in NEW_ITEMS]
        told[f"coverage_new_items_lowest_{seeds}_seeds"] = min(found)
        told[f"coverage_new_items_highest_{seeds}_seeds"] = max(found)
    return told


def power() -> dict[str, float | int | str | None]:
    """How often effects of the size that was named are found."""
    rng = np.random.default_rng(2)
    cells = [simulated.Cell(seeds, 0.5, 5.0) for seeds in simulated.SEEDS]
    after = {cell.seeds: simulated.power_after(cell, STUDIES, rng) for cell in cells}
    return {
        "power_promised": 0.8,
        "power_found": float(np.mean(list(after.values()))),
        **{f"power_found_{seeds}_seeds": found for seeds, found in after.items()},
    }


def oracle() -> dict[str, float | int | str | None]:
    """Largest relative difference to other people's code; the mixed model, which is fitted by search, apart."""
    told = oracles.differences()
    exact = [value for name, value in told.items() if name != "mixed_model_statsmodels"]
    return {"oracle_difference": max(exact), **{f"oracle_{name}": value for name, value in told.items()}}


def claims() -> dict[str, float | int | str | None]:
    """What the study's claims come to: in its own tables, and in the published records of `to-code`.

    A claim is decided if the pair of arms that plays it best says *replicated*, *contradicted* or *no difference*.
    """
    every, tables = load_claims()
    printed = Counter(rederive(claim, tables).verdict for claim in every)
    told: dict[str, float | int | str | None] = {
        "claims_total": len(every),
        "claims_agree_with_tables": printed["agrees"],
        "claims_disagree_with_tables": printed["disagrees"],
    }
    if STUDY.is_dir():
        write_results(STUDY)
        by_claim: dict[str, str] = {}
        for row in ask(STUDY, every):
            by_claim.setdefault(row["claim"], row["verdict"])
        found = Counter(by_claim.values())
        for verdict in ("replicated", "contradicted", "no difference"):
            told[f"claims_{verdict.replace(' ', '_')}"] = found[verdict]
        told["claims_asked"] = len(every) - found["not asked"]
        told["claims_decided"] = len(every) - found["not asked"] - found["cannot tell at this scale"]
    return told


PARTS = {
    "aa": aa,
    "coverage": coverage,
    "power": power,
    "oracle": oracle,
    "real_aa": real.figures,
    "report": report.figures,
    "claims": claims,
}


def main() -> None:
    """Run the parts that are named, or all."""
    parser = parts_parser(__doc__, PARTS)
    parser.add_argument("--from", dest="folder", type=Path, help="a finished run folder of noise.yaml")
    parser.add_argument("--study", type=Path, help="lay the large study out here, and keep it for another time")
    asked = parser.parse_args()
    if asked.folder:
        real.ARMS.write_text(json.dumps(real.extract(asked.folder), indent=1) + "\n", encoding="utf-8")
    for name in asked.parts or PARTS:
        found = report.figures(asked.study) if name == "report" else PARTS[name]()
        update("statistics", name, found, script="validity")


if __name__ == "__main__":
    main()
