"""lm-eval itself, over its own Hugging Face model; runs in an interpreter of its own.

``python _evaluation_hflm.py JOB``: a JSON file with ``model`` (a folder in the hub's layout), ``tasks``, ``hub`` (a
folder of copies of their data sets), ``limit``, ``batches``, ``threads``, ``dtype`` and ``out``. Written to ``out``:
per batch size and task every document's arguments, log-likelihoods, accuracies and the tokens of each request, and the
seconds of each. Everything is lm-eval's own code but for where its rows lie; nothing here depends on Assay.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

METRICS = ("acc", "acc_norm")


def main(job: dict[str, Any]) -> None:
    """Run the job."""
    import datasets
    import torch
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(job["threads"])
    model = AutoModelForCausalLM.from_pretrained(job["model"], dtype=getattr(torch, job["dtype"]))
    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    manager = TaskManager()
    load = datasets.load_dataset
    datasets.load_dataset = lambda path, *names, **options: load(str(Path(job["hub"]) / path), *names, **options)
    found: dict[str, Any] = {}
    for batch in job["batches"]:
        seconds: dict[str, float] = {}
        told: dict[str, Any] = {}
        lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=batch)
        for task in job["tasks"]:
            loaded = manager.load([task])
            begin = time.perf_counter()
            results = evaluate(lm, loaded, limit=job["limit"], bootstrap_iters=0)
            seconds[task] = time.perf_counter() - begin
            told[task] = [_document(lm, sample) for sample in results["samples"][task]]
        found[str(batch)] = {"tasks": told, "seconds": seconds}
    Path(job["out"]).write_text(json.dumps(found), encoding="utf-8")


def _document(lm: Any, sample: dict[str, Any]) -> dict[str, Any]:
    return {
        "requests": [list(arguments) for arguments in sample["arguments"]],
        "tokens": [lm._encode_pair(*arguments) for arguments in sample["arguments"]],
        "logprob": [answers[0][0] for answers in sample["resps"]],
        "greedy": [answers[0][1] for answers in sample["resps"]],
        **{metric: bool(sample[metric]) for metric in METRICS if metric in sample},
    }


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
