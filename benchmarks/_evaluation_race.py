"""One side of the scoring race: waits for turns on its standard input, scores, and answers with its seconds.

``python _evaluation_race.py ours|harness JOB``; the harness's side runs in an interpreter of its own and needs nothing
of Assay's. A job is a JSON file: ``model`` (a folder in the hub's layout), ``threads``, and ``items``, by task, of
(contexts, choices) in words. A turn names ``dtype``, the ``first`` item and the ``count`` of each task, and for the
harness ``batch``, and its answer has ``seconds`` and ``cpu_seconds`` of everything from words to log-likelihoods, and
the log-likelihoods.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

Turn = dict[str, Any]
Items = dict[str, list[tuple[list[str], list[str]]]]
LONGEST = 2048
FULL = 4096
"""Tokens of the batch that the body's rate is taken on, and places of the head's."""
REPEATS = 5


def harness(model: Path, items: Items) -> Callable[[Turn], dict[str, Any]]:
    """lm-eval's Hugging Face model over transformers' own."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    loaded = {}

    def turn(asked: Turn) -> dict[str, Any]:
        dtype = asked["dtype"]
        if dtype not in loaded:
            loaded[dtype] = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype))
        lm = HFLM(pretrained=loaded[dtype], tokenizer=tokenizer, batch_size=asked["batch"], max_length=LONGEST)
        answer: dict[str, Any] = {"scores": {}}
        clocks = time.perf_counter(), time.process_time()
        for name, rows in items.items():
            pairs = [
                (contexts[min(at, len(contexts) - 1)], choice)
                for contexts, choices in _part(rows, asked)
                for at, choice in enumerate(choices)
            ]
            instances = [Instance("loglikelihood", {}, pair, index) for index, pair in enumerate(pairs)]
            found = iter(lm.loglikelihood(instances, disable_tqdm=True))
            answer["scores"][name] = [[next(found)[0] for _ in choices] for _, choices in _part(rows, asked)]
        return {**answer, **_since(clocks)}

    return turn


def ours(model: Path, items: Items) -> Callable[[Turn], dict[str, Any]]:
    """Assay's scorer; a turn with ``bound`` instead gives the least seconds that its items allow."""
    from tokenizers import Tokenizer

    from assay.evaluate.item import Item
    from assay.evaluate.requests import encode_items, first_tokens
    from assay.evaluate.scorer import score_requests
    from assay.model.decoder import plain_decoder
    from assay.model.imported import load_model

    imported = load_model(f"hf:{model}")
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    first = first_tokens(tokenizer)
    decoders = {}

    def turn(asked: Turn) -> dict[str, Any]:
        dtype = asked["dtype"]
        if dtype not in decoders:
            decoders[dtype] = plain_decoder(imported.shape, imported.weights.to(getattr(torch, dtype)))
        answer: dict[str, Any] = {"scores": {}}
        clocks = time.perf_counter(), time.process_time()
        requests = {
            name: encode_items(
                [Item.of(tuple(contexts), tuple(choices), 0) for contexts, choices in _part(rows, asked)],
                tokenizer,
                LONGEST,
                first,
            )
            for name, rows in items.items()
        }
        answer["encoding"] = _since(clocks)
        if asked.get("bound"):
            return bound(decoders[dtype], requests)
        clocks = time.perf_counter(), time.process_time()
        for name, some in requests.items():
            answer["scores"][name] = [[score.logprob for score in row] for row in score_requests(decoders[dtype], some)]
        return {**answer, **_since(clocks)}

    return turn


def _part(rows: list[Any], asked: Turn) -> list[Any]:
    first = asked.get("first", 0)
    return rows[first : first + asked["count"]]


def bound(decoder: Any, requests: dict[str, list[Any]]) -> dict[str, Any]:
    """Least seconds, by either clock: every distinct beginning of a task through the body once, and every place that a
    token is scored behind through the head once, both at the best rate that they have on full batches here.

    The body's batch is sequences as long as the suite's usual one, one behind another, in the faster of two ways: as
    the scorer runs them and as the decoder's own forward pass.
    """
    from assay.model.inference import flat_hidden
    from assay.model.native import inference as native
    from assay.model.tree_attention import TreeAttention

    tokens = places = sequences = 0
    total = 0
    for some in requests.values():
        beginnings: set[tuple[int, ...]] = set()
        scored: set[tuple[int, ...]] = set()
        for request in some:
            for at, choice in enumerate(request.choices):
                context = request.contexts[min(at, len(request.contexts) - 1)]
                path = (*context, *choice[:-1])
                beginnings.update(path[: end + 1] for end in range(len(path)))
                scored.update(path[:end] for end in range(len(context), len(path) + 1))
                sequences, total = sequences + 1, total + len(path)
        tokens, places = tokens + len(beginnings), places + len(scored)
    length = max(8, total // sequences)
    rows = FULL // length
    ids = torch.randint(1, decoder.shape.vocabulary, (rows, length))
    fits = native.fits(decoder.shape, decoder.output)
    attend = TreeAttention(list(range(0, rows * length + 1, length)), [[]] * rows, fits)
    positions = torch.arange(length).repeat(rows)
    with torch.inference_mode():
        flat = _best(lambda: flat_hidden(decoder, ids.flatten(), positions, attend))
        plain = _best(lambda: decoder.hidden(ids))
        hidden = torch.randn(FULL, decoder.shape.width).to(decoder.output.dtype)
        offsets, targets = torch.arange(FULL + 1), torch.zeros(FULL, dtype=torch.int64)
        if fits:
            scores = native.TokenScores(decoder.output)
            head = _best(lambda: scores(hidden, offsets, targets))
        else:
            head = _best(lambda: (hidden @ decoder.output.t()).float().log_softmax(-1))
    body = {clock: min(flat[clock], plain[clock]) for clock in flat}
    return {clock: body[clock] * tokens / (rows * length) + head[clock] * places / FULL for clock in body}


def _best(work: Callable[[], object]) -> dict[str, float]:
    times = []
    for _ in range(REPEATS + 1):
        clocks = time.perf_counter(), time.process_time()
        work()
        times.append(_since(clocks))
    return {clock: min(time[clock] for time in times) for clock in times[0]}


def _since(clocks: tuple[float, float]) -> dict[str, float]:
    return {"seconds": time.perf_counter() - clocks[0], "cpu_seconds": time.process_time() - clocks[1]}


def main() -> None:
    """Take turns until the input ends."""
    side, job = sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
    turn = {"ours": ours, "harness": harness}[side](Path(job["model"]), job["items"])
    for line in sys.stdin:
        print("answer " + json.dumps(turn(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
