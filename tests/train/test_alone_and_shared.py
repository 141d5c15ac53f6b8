"""Golden test: an arm trained alone has, bit for bit, the weights it has when it is trained as part of a study."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from assay.corpus.source import Package
from assay.model.decoder import BLOCKS
from assay.model.loss import softmax_pass
from assay.run.graph import Graph, build_graph
from assay.run.identity import numerics
from assay.run.step import Call, Step
from assay.study.plan import plan_study
from assay.tokens.shard import ShardWriter
from assay.train import steps, trainer
from assay.train.state import State, load_state
from tiny_study import CORPUS

ARMS = {
    "mix": "[{mix: text, tokens: 128}, {mix: half, tokens: 192}, decay]",
    "moments": "[{mix: text, tokens: 320}, {mix: same, tokens: 192, moments: reset}]",
    "ending": "[{mix: text, tokens: 384}, decay]",
    "none": "[{mix: text, tokens: 384}]",
    "cosine-mix": "[wave, {mix: text, tokens: 128}]",
    "cosine-ending": "[wave, decay]",
}
"""Forks after 2, 5 and 6 steps of one trunk, where the mix, the moments and the rate change, and after a cosine."""

STUDY = """\
study: forks
question: Are the bits the same?
corpus: corpus.yaml
tokenizer: tiny-512
seeds: [3]
sizes: [1M, 5M]
train: {{sequence: 32, rows_per_step: 2, warmup_steps: 3, heldout: [], heldout_every: 0}}
mixes:
  text: {{text: 1}}
  half: {{text: 0.5, code: 0.5}}
stages:
  decay: {{mix: same, tokens: 128, schedule: linear}}
  wave: {{mix: half, tokens: 192, schedule: cosine}}
arms:
{arms}
evaluate: {{tasks: [], heldout: []}}
metrics: []
"""


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Uncompiled, so that the test takes seconds; torch's settings are put back."""
    monkeypatch.setattr(trainer, "compiled_block", lambda kind, _: BLOCKS[kind])
    monkeypatch.setattr(trainer, "compiled_softmax_pass", lambda _: softmax_pass)
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


@pytest.fixture
def forks(tmp_path: Path, make_wheel: Callable[..., tuple[Package, Path]]) -> Callable[[list[str]], Graph]:
    """The graph of a study with these arms."""
    wheel, _ = make_wheel("prose", {"prose/a.txt": "words"})
    (tmp_path / "corpus.yaml").write_text(CORPUS.format(sha256=wheel.sha256, bytes=wheel.bytes))

    def graph(names: list[str]) -> Graph:
        arms = "\n".join(f"  {name}: {ARMS[name]}" for name in names)
        (tmp_path / "study.yaml").write_text(STUDY.format(arms=arms))
        return build_graph(plan_study(str(tmp_path / "study.yaml")), numerics())

    return graph


@pytest.fixture
def tokens(tmp_path: Path) -> dict[str, Path]:
    """Tokenised ingredients: random ids, several documents."""
    folders = {}
    for number, name in enumerate(("text", "code")):
        folders[f"tokens:{name}"] = tmp_path / name
        folders[f"tokens:{name}"].mkdir()
        chance = np.random.default_rng(number)
        documents = [chance.integers(0, 512, length).astype(np.uint32) for length in (700, 90, 350)]
        with ShardWriter(folders[f"tokens:{name}"], 512) as shard:
            lengths = np.array([len(document) for document in documents])
            shard.add(np.concatenate(documents), lengths, [("text", "English")] * 3, [1] * 3)
    return folders


def train(step: Step, tokens: dict[str, Path], out: Path, after: Path | None) -> State:
    """Carry a training step out as a worker does."""
    out.mkdir()
    inputs = {name: tokens[name] for name in step.inputs if name in tokens}
    steps.train(Call(step.recipe, step.place, inputs, out, out / "partial", after, lambda _: None))
    return load_state(out)


def test_an_arm_alone_and_in_a_study_are_one_artifact_with_equal_bits(
    forks: Callable[[list[str]], Graph], tokens: dict[str, Path], tmp_path: Path
) -> None:
    study = forks(list(ARMS))
    trained: dict[str, State] = {}
    for step in study.states:  # parents come before children
        after = tmp_path / step.after.key if step.after else None
        trained[step.key] = train(step, tokens, tmp_path / step.key, after)
    ends = {state.step for state in trained.values()}
    assert {2, 3, 5, 6} <= ends, "there is a state at every fork"
    assert len(trained) < sum(len(leaf.states) for leaf in study.leaves), "beginnings were shared"
    for name in ARMS:
        for leaf in forks([name]).leaves:
            step = leaf.states[-1]
            assert step.key in trained, "alone it is the same artifact"
            alone = train(step, tokens, tmp_path / f"alone-{step.key}", None)
            shared = trained[step.key]
            for weights in ("master", "first", "second"):
                assert torch.equal(getattr(alone, weights), getattr(shared, weights)), (name, leaf.size, weights)
            assert (alone.step, alone.moment_steps) == (shared.step, shared.moment_steps)
            assert (list(alone.losses), alone.seen) == (list(shared.losses), shared.seen)


def test_arms_that_part_are_different_from_there_on(
    forks: Callable[[list[str]], Graph], tokens: dict[str, Path], tmp_path: Path
) -> None:
    states = {leaf.arm.name: leaf.states[-1] for leaf in forks(list(ARMS)).leaves if leaf.size == "1M"}
    assert len({step.key for step in states.values()}) == len(ARMS)
    ends = {name: train(step, tokens, tmp_path / name, None) for name, step in states.items()}
    assert list(ends["moments"].losses)[:5] == list(ends["ending"].losses)[:5]
    assert not torch.equal(ends["moments"].master, ends["ending"].master)
    assert list(ends["cosine-mix"].losses)[:3] == list(ends["cosine-ending"].losses)[:3]
    assert not torch.equal(ends["cosine-mix"].master, ends["cosine-ending"].master)
