"""A step: what is to be made, from what, and which function makes it.

Steps form a graph; a step's key is known from its recipe and its inputs' keys before anything is run. The functions
live beside their subject and are imported by the worker that runs them, so that planning imports nothing heavy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from assay.run.identity import key_of

FUNCTIONS = {
    "package": "assay.corpus.steps:fetch_package",
    "documents": "assay.corpus.steps:read_documents_of",
    "benchmarks": "assay.corpus.steps:index_benchmarks",
    "marks": "assay.corpus.steps:mark_documents",
    "problems": "assay.corpus.synthesis.steps:make_problems",
    "ingredient": "assay.corpus.steps:make_ingredient",
    "tokenizer": "assay.tokens.steps:make_tokenizer",
    "tokens": "assay.tokens.steps:make_tokens",
    "model": "assay.model.steps:import_model",
    "requests": "assay.evaluate.steps:make_requests",
    "flags": "assay.evaluate.steps:flag_items",
    "state": "assay.train.steps:train",
    "scores": "assay.evaluate.steps:score",
    "prompts": "assay.evaluate.answers:make_prompts",
    "gold": "assay.evaluate.answers:check_gold",
    "answers": "assay.evaluate.answers:answer",
    "verdicts": "assay.evaluate.answers:check_answers",
    "replies": "assay.judge.steps:make_replies",
    "exam": "assay.judge.steps:sit_exam",
    "judgements": "assay.judge.steps:judge_replies",
    "harness": "assay.evaluate.harness_step:run_task",
    "calibration": "assay.train.calibrate:calibrate",
}
"""Kind of artifact to ``module:function``."""


@dataclass(frozen=True, eq=False)
class Step:
    """One artifact to be made."""

    kind: str
    recipe: Mapping[str, Any]
    """What decides the content besides the inputs; JSON-able. ``version`` is the step's own."""
    inputs: Mapping[str, "Step"] = field(default_factory=dict)
    """Steps whose artifacts are read, by the name the function knows them under."""
    numerics: Mapping[str, str] | None = None
    """Given where the bits depend on the machine."""
    after: "Step | None" = None
    """A step to be done before this one whose artifact saves work but does not change the result."""
    title: str = ""
    """What a person calls it."""
    size: float = 0.0
    """Tokens or documents of work, for progress."""
    place: Mapping[str, Any] = field(default_factory=dict)
    """What the function needs to find its material and what never changes the result, such as a path."""
    function: str = ""
    """``module:function`` that makes it; none: the one in `FUNCTIONS` for its kind."""

    @property
    def needs(self) -> "list[Step]":
        """Steps to be done before this one."""
        return [*self.inputs.values(), *([self.after] if self.after else [])]

    def order(self) -> dict[str, Any]:
        """What a worker, on whatever machine, must know to carry it out; JSON-able."""
        return {
            "kind": self.kind,
            "key": self.key,
            "function": self.function or FUNCTIONS[self.kind],
            "title": self.title,
            "recipe": self.recipe,
            "place": self.place,
            "numerics": self.numerics,
            "inputs": {name: (need.kind, need.key) for name, need in self.inputs.items()},
            "after": (self.after.kind, self.after.key) if self.after else None,
        }

    @cached_property
    def key(self) -> str:
        """Identity of the artifact."""
        inputs = {name: step.key for name, step in self.inputs.items()}
        return key_of({"kind": self.kind, "recipe": self.recipe, "inputs": inputs, "numerics": self.numerics})


@dataclass(frozen=True)
class Call:
    """What a step's function is given in the worker."""

    recipe: Mapping[str, Any]
    place: Mapping[str, Any]
    inputs: Mapping[str, Path]
    """Folders of the input artifacts, checked."""
    out: Path
    """Empty folder to fill."""
    partial: Path
    """Folder that survives a kill, for work done so far; may hold what an earlier try left."""
    after: Path | None
    """Folder of the artifact that saves work, when there is one."""
    tell: Callable[[dict[str, Any]], None]
    """Report progress: ``{done, of, …}``."""
    kept: Callable[[], None] = lambda: None
    """To be called when something in ``partial`` has become worth keeping."""
    stopping: Callable[[], bool] = lambda: False
    """Whether the work is to be put aside now: keep what is done, then raise `assay.errors.Stopped`. Whoever asks once
    is given the time to do so; a step that never asks is stopped where it stands."""
    device: str = "cpu"
    """What to compute on: ``cpu`` or ``cuda``, as the step's numerics say."""
    numerics: Mapping[str, str] = field(default_factory=dict)
    """The step's; none where its bits do not depend on the machine."""

    def inputs_of(self, prefix: str) -> dict[str, Path]:
        """Inputs called ``prefix:NAME``, by NAME."""
        split = {name: name.partition(":") for name in self.inputs}
        return {split[name][2]: folder for name, folder in self.inputs.items() if split[name][0] == prefix}
