"""lm-eval's own tasks, run with Assay's scorer and generator: ``assay eval CHECKPOINT --harness arc_challenge,…``.

Prompts, examples, metrics and averages are the harness's; what a model is asked is answered by `harness_model`. What
comes back is the harness's averages and item records of the same form as those of Assay's tasks, under names that begin
with ``lm-eval/``. Rows come from local files that a task names, from a copy under ``ASSAY_HUB``, or else from the hub
that the task names; nothing else reaches the network. Tasks that run generated code are refused: the harness runs it
in the open.
"""

import difflib
import logging
import math
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from assay.corpus.hub import COPIES, local_copy
from assay.errors import AssayError, InputError, StepError, nearest
from assay.evaluate.records import RECORDS, item_records, score_rows
from assay.evaluate.requests import Request

if TYPE_CHECKING:
    from assay.evaluate.harness_model import AssayLM
    from assay.model.decoder import Decoder

PREFIX = "lm-eval/"
"""Before the name of a task in item records."""
FORMAT = "lm-eval"
SEED = 1234
"""The harness's own, by which it chooses examples."""


@dataclass(frozen=True, slots=True)
class HarnessTask:
    """What lm-eval says of a task, or of a group of tasks."""

    name: str
    """As the harness calls it."""
    version: str
    shots: int | None
    """Examples before each question; None for a group."""
    items: int
    metrics: dict[str, float]
    """By name, behind a comma the harness's filter where it has one: ``acc``, ``exact_match,strict-match``. Without
    standard errors: intervals come from item records."""
    records: pa.Table = field(default_factory=RECORDS.empty_table)
    """One row an item, `RECORDS`; a group has none of its own. ``correct`` and ``correct_norm`` are the harness's
    ``acc`` and ``acc_norm`` (by characters); ``right`` is its first metric of an answer in words."""


def run_harness(
    decoder: "Decoder",
    tokenizer: Tokenizer,
    end: int,
    longest: int,
    tasks: Sequence[str],
    limit: int | None = None,
    include: Path | None = None,
    first: Sequence[int] | None = None,
    about: Mapping[str, Any] | None = None,
    say: Callable[[int, int], None] | None = None,
) -> list[HarnessTask]:
    """Run tasks of lm-eval.

    Args:
        decoder: In float32 or bfloat16, on any device.
        tokenizer: Its own.
        end: Token that ends a document.
        longest: Tokens that it reads at once.
        tasks: Names of the harness's tasks, groups or tags.
        limit: Items of each, the first ones; None: all.
        include: Folder of further task files in lm-eval's form; one of the same name goes before the harness's own.
        first: Tokens before every text; None: the end token, as in training. For a model of others,
            `assay.evaluate.requests.first_tokens` of its tokenizer: what the harness gives it too.
        about: Values of the columns of `RECORDS` that are the same in all rows: checkpoint, numerics, …
        say: Called with how many of the requests in hand are done, and how many there are.

    Returns:
        The tasks in the harness's order, then its groups.

    Raises:
        InputError: There is no such task or folder, or a task runs generated code or needs more than text.
        StepError: lm-eval is missing, a task's rows cannot be had, or it asks for what Assay does not do.
    """
    try:
        import lm_eval
        from lm_eval.evaluator import evaluate

        from assay.evaluate.harness_model import AssayLM
    except ImportError as problem:
        raise StepError(
            f"lm-eval's tasks need: pip install 'assay[harness]' (there is no {problem.name or 'lm_eval'})"
        ) from None
    known = _tasks(tasks, include)
    model = AssayLM(decoder, tokenizer, end, longest, (end,) if first is None else first, say)
    with _quietly(), _seeded():
        found: dict[str, Any]
        try:
            loaded = known.load(list(tasks))
            for name, task in loaded["tasks"].items():
                _make_ready(name, task)
            found = evaluate(model, loaded, limit=limit, bootstrap_iters=0) or {}
        except AssayError:
            raise
        except Exception as problem:  # what a task's own code may raise
            said = next((line.strip() for line in str(problem).splitlines() if line.strip()), "")
            raise StepError(
                f"lm-eval {lm_eval.__version__} could not run {', '.join(tasks)}: {type(problem).__name__}: {said}"
            ) from problem
    measured = []
    for name, task in loaded["tasks"].items():
        samples = found["samples"][name]
        version = str(found["versions"].get(name, ""))
        whole = version.partition(".")[0]
        row = {**dict.fromkeys(RECORDS.names), **(about or {}), "task": PREFIX + name, "format": FORMAT}
        row["task_version"] = int(whole) if whole.isdigit() else 0
        measured.append(
            HarnessTask(
                name,
                version,
                found["n-shot"].get(name),
                found["n-samples"][name]["effective"],
                _metrics(found["results"][name]),
                _records(task, samples, model, row),
            )
        )
    for name in loaded["groups"]:
        counted = sum(one.items for one in measured if one.name in _under(name, found["group_subtasks"]))
        measured.append(
            HarnessTask(name, str(found["versions"].get(name, "")), None, counted, _metrics(found["results"][name]))
        )
    return measured


def _tasks(names: Sequence[str], include: Path | None) -> Any:
    """The harness's index of tasks; without its own, which takes seconds to read, where the folder has all."""
    from lm_eval.tasks import TaskManager

    if include is not None and not include.is_dir():
        raise InputError(f"there is no folder {include} of task files")
    known: Any = TaskManager(include_path=include and str(include), include_defaults=False)
    if not set(names) <= set(known.all_tasks):
        known = TaskManager(include_path=include and str(include))
    for name in names:
        if name not in known.all_tasks:
            close = difflib.get_close_matches(name, known.all_tasks, n=1, cutoff=0.5)
            raise InputError(f"lm-eval has no task '{name}'{nearest(name, close)}")
        told = known.task_index[name].cfg
        if told is not None and told.get("unsafe_code"):  # some reach for the hub while they are loaded
            raise _unsafe(name)
    return known


def _unsafe(name: str) -> InputError:
    return InputError(
        f"lm-eval's task '{name}' runs generated code in the open, outside any sandbox; Assay's own tasks humaneval "
        "and mbpp run theirs inside one"
    )


def _make_ready(name: str, task: Any) -> None:
    """As `lm_eval.simple_evaluate` does before it begins, without its look at git and at everything installed."""
    if getattr(task, "UNSAFE_CODE", False):
        raise _unsafe(name)
    if getattr(task, "MULTIMODAL", False):
        raise InputError(f"lm-eval's task '{name}' shows pictures or sound, and Assay's models read text alone")
    if task.get_config("num_fewshot") is None:
        task.set_config(key="num_fewshot", value=0)
    task.set_fewshot_seed(seed=SEED)


@contextmanager
def _seeded() -> Iterator[None]:
    """The harness's own seeds, of which a task's own code may draw; what was drawn from before is left as it was."""
    import torch

    before = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=()):
        random.seed(0)
        np.random.seed(SEED)
        torch.manual_seed(SEED)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])


@contextmanager
def _quietly() -> Iterator[None]:
    """Tasks get their rows from copies under ``ASSAY_HUB`` where there are any; nothing is counted or reported.

    `datasets.load_dataset` is the one door by which tasks get their rows, and no option of lm-eval's leads it
    elsewhere. It knows a local folder by its name alone and would serve the rows of an older copy, so what is read of
    local files is cached for this run only. Metrics that are programs on the hub are not fetched.
    """
    import datasets
    import huggingface_hub
    from lm_eval.api import task as tasks

    metrics: Any = import_module("evaluate")
    metrics.config.HF_EVALUATE_OFFLINE = True
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True
    load = datasets.load_dataset

    def from_copies(path: str, *names: Any, **options: Any) -> Any:
        copy = local_copy(path)
        if copy is not None or _is_local(path):
            options["cache_dir"] = scratch
        try:
            return load(path if copy is None else str(copy), *names, **options)
        except Exception as problem:  # the library's own errors, its HTTP client's and the system's
            said = next((line.strip() for line in str(problem).splitlines() if line.strip()), "")
            config = names[0] if names else options.get("name")
            what = f"the data set {path}" + (f" ({config})" if config else "")
            raise StepError(f"{what} cannot be had: {type(problem).__name__}: {said}{_advice(path, copy)}") from None

    log, bar, bars = logging.getLogger("lm_eval"), tasks.tqdm, datasets.is_progress_bar_enabled()
    level = log.level
    datasets.load_dataset = from_copies
    tasks.tqdm = lambda rows, **_: rows
    log.setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    try:
        with tempfile.TemporaryDirectory(prefix="assay-harness-") as scratch:
            yield
    finally:
        datasets.load_dataset = load
        tasks.tqdm = bar
        log.setLevel(level)
        if bars:
            datasets.enable_progress_bars()


def _is_local(path: str) -> bool:
    """Whether it is a kind of file, such as ``json``, or a folder, and no name on the hub."""
    return "/" not in path or Path(path).exists()


def _advice(path: str, copy: Path | None) -> str:
    if copy is not None:
        return f" (from the copy {copy})"
    if _is_local(path):
        return ""
    copies = os.environ.get(COPIES)
    where = Path(copies) / path if copies else f"${COPIES}/{path}"
    return (
        f". Without a network, put a copy of it at {where}, or give a task file that reads local files "
        "(dataset_path: json) with --include"
    )


def _metrics(told: Mapping[str, Any]) -> dict[str, float]:
    found = {}
    for key, value in told.items():
        metric, _, filter = key.partition(",")
        if not metric.endswith("_stderr") and isinstance(value, int | float) and filter:
            found[metric if filter == "none" else key] = float(value)
    return found


def _under(group: str, children: Mapping[str, Sequence[str]]) -> set[str]:
    """Names of all that a group holds, however deep."""
    found: set[str] = set()
    for child in children.get(group, ()):
        found |= {child} | _under(child, children)
    return found


def _records(task: Any, samples: Sequence[Mapping[str, Any]], model: "AssayLM", about: Mapping[str, Any]) -> pa.Table:
    """Item records of a task, of the first of its filters."""
    kept = [sample for sample in samples if sample["filter"] == samples[0]["filter"]]
    if task.OUTPUT_TYPE == "generate_until":
        rows = [
            {**about, "item": sample["doc_hash"], "cluster": sample["doc_hash"], "samples": 1, "right": right}
            for sample in kept
            if (right := _right(sample)) is not None
        ]
        return pa.Table.from_pylist(rows, RECORDS)
    requests, scores, correct, by_characters = [], [], [], []
    for sample in kept:
        request = _request(task, sample, model)
        if request is None:
            continue
        requests.append(request)
        scores.append(_scores(sample, len(request.choices)))
        correct.append(_judged(sample, "acc"))
        by_characters.append(_judged(sample, "acc_norm"))
    table = item_records(score_rows(requests, scores), about, None, {}, by_greedy=False)
    for name, judged in (("correct", correct), ("correct_norm", by_characters)):
        if any(value is not None for value in judged):
            table = table.set_column(
                table.schema.get_field_index(name), RECORDS.field(name), pa.array(judged, pa.bool_())
            )
    return table


def _scores(sample: Mapping[str, Any], count: int) -> list[Any]:
    from assay.evaluate.scorer import Score

    first = [answers[0] for answers in sample["resps"][:count]]
    return [Score(one[0], one[1]) if isinstance(one, tuple | list) else Score(one, False) for one in first]


def _request(task: Any, sample: Mapping[str, Any], model: "AssayLM") -> Request | None:
    """What was scored, as a request of Assay's; None where the harness itself knows no right answer."""
    texts = [tuple(arguments) for arguments in sample["arguments"]]
    gold: Any = 0
    if task.OUTPUT_TYPE == "multiple_choice":
        choices = task.doc_to_choice(sample["doc"])
        texts = texts[: len(choices)]  # behind them, of acc_mutual_info, the choices without their context
        gold = task.doc_to_text(sample["doc"]) if task.multiple_input else sample["target"]
        gold = gold[0] if isinstance(gold, list) and gold else gold
        gold = choices.index(gold) if isinstance(gold, str) and gold in choices else gold
    if not isinstance(gold, int) or not 0 <= gold < len(texts):
        return None
    return Request(
        item=sample["doc_hash"],
        cluster=sample["doc_hash"],
        gold=gold,
        contexts=((model.prefix_token_id,),),
        choices=tuple(model.scored[one] for one in texts),
        bytes=tuple(len((_tail(one) + one[-1]).encode()) for one in texts),
        characters=tuple(max(1, len(one[-1].removeprefix(" "))) for one in texts),
    )


def _tail(texts: Sequence[str]) -> str:
    """Spaces at a context's end, which are scored with the continuation."""
    return texts[0][len(texts[0].rstrip()) :] if len(texts) > 1 else ""


def _judged(sample: Mapping[str, Any], metric: str) -> bool | None:
    value = sample.get(metric)
    return bool(value) if isinstance(value, int | float) else None


def _right(sample: Mapping[str, Any]) -> float | None:
    for metric in sample["metrics"]:
        value = sample.get(metric)
        if isinstance(value, int | float) and not math.isnan(value):
            return float(value)
    return None
