"""A study's win rates, planned: prompts, judges and pairs of arms looked up.

Answers are drawn under the arm's own training seed, and a pair is judged seed by seed, so a pair of arms is compared
as often as there are seeds. Nothing is loaded but the prompts and what files say of a model; what a judge says, and
whether it may be believed, is known only when it has sat its exam. What asking takes is in `assay.run.judging_plan`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from assay.endpoint import Budget, Endpoint
from assay.errors import InputError, nearest
from assay.evaluate.decoding import Decoding
from assay.judge.exam import build_exam
from assay.judge.prompt_set import AskedSet, PromptSet
from assay.judge.verdict import open_format
from assay.judge.wanted import EndpointWanted, LocalWanted, local_wanted
from assay.model.described import Described, describe
from assay.study.design import Contrast
from assay.study.resolve import Study
from assay.study.spec import EndpointSpec, JudgeSpec

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class JudgePlan:
    """What a study's arms are asked, and who judges it."""

    spec: JudgeSpec
    asked: AskedSet
    prompts: PromptSet
    judges: tuple[LocalWanted | EndpointWanted, ...]
    model: Described | None
    """Of the judges on this machine; None: there are none."""
    pairs: tuple[tuple[str, str], ...]
    """Names of arms; each at every size that both are trained at."""

    @property
    def decoding(self) -> Decoding:
        """Of the answers; the seed is each arm's own."""
        return Decoding(self.spec.tokens, (), self.spec.temperature, self.spec.top_p)

    def record(self) -> dict[str, Any]:
        """What decides win rates, as ``plan.json`` holds it: not where an endpoint is, nor what it may cost."""
        spec, prompts = self.spec, self.prompts
        return {
            "prompts": {"name": prompts.name, "sha256": prompts.sha256, "count": len(prompts.prompts)},
            "decoding": {"tokens": spec.tokens, "temperature": spec.temperature, "top_p": spec.top_p},
            "judges": [_judge_record(judge, self.model) for judge in self.judges],
            "pairs": [list(pair) for pair in self.pairs],
        }


def plan_judging(study: Study, spec: JudgeSpec, contrasts: Sequence[Contrast]) -> JudgePlan:
    """Look up what a study asks of judges.

    Raises:
        InputError: Prompts, a judge or an arm that are not there, prompts that make no exam, answers that leave no
            room for their prompts, no pair; with file and line.
    """
    asked = AskedSet(written=spec.prompts, limit=spec.limit, categories=tuple(spec.categories))
    prompts = _at(study, ("prompts",), asked.load)
    _at(study, ("prompts",), lambda: build_exam(prompts.prompts))
    if len(prompts.prompts) < 2:
        raise InputError("win rates take two prompts at least", _where(study, "prompts"))
    if spec.tokens >= study.spec.train.sequence:
        raise InputError(
            f"answers of up to {spec.tokens:,} tokens leave nothing of a sequence of {study.spec.train.sequence:,} for "
            "the prompt",
            _where(study, "tokens"),
        )
    judges = tuple(
        _at(study, ("judges", place), partial(_judge, written, spec.judge_model))
        for place, written in enumerate(spec.judges)
    )
    if len(set(judges)) < len(judges):
        raise InputError("a judge is asked for twice", _where(study, "judges"))
    is_local = any(isinstance(judge, LocalWanted) for judge in judges)
    model = _at(study, ("judge_model",), lambda: describe(spec.judge_model)) if is_local else None
    return JudgePlan(spec, asked, prompts, judges, model, _pairs(study, spec, contrasts))


def judged_name(study: Study, arm: str, size: str) -> str:
    """What an arm is called among win rates: its name, with the size where the study has several."""
    return arm if len(study.spec.sizes) == 1 else f"{arm} {size}"


def judged_pairs(study: Study, plan: JudgePlan) -> list[tuple[str, str, str]]:
    """(size, a, b) of every comparison, by sizes in the study's order."""
    at = {size: {arm.name for arm in study.arms_at(size)} for size in study.spec.sizes}
    return [(size, a, b) for size, arms in at.items() for a, b in plan.pairs if {a, b} <= arms]


def judged_arms(study: Study, plan: JudgePlan) -> list[tuple[str, str]]:
    """(size, arm) of all that answer, in the study's order."""
    wanted = {(size, arm) for size, *pair in judged_pairs(study, plan) for arm in pair}
    return [(size, arm.name) for size in study.spec.sizes for arm in study.arms if (size, arm.name) in wanted]


def _judge(written: str | EndpointSpec, model: str) -> LocalWanted | EndpointWanted:
    if isinstance(written, str):
        wanted = local_wanted(written, model)
        if wanted.format is not None:
            open_format(wanted.format)
        return wanted
    if open_format(written.format).before and written.by == "logprobs":
        raise InputError(f"a reply in the format {written.format} does not begin with A or B: choose letters or plain")
    dollars_in, dollars_out = written.price
    return EndpointWanted(
        endpoint=Endpoint(
            url=written.url,
            model=written.model,
            key_from=written.key_from,
            concurrency=written.concurrency,
            seconds=written.seconds,
            per_minute=written.per_minute,
            dollars_per_million_in=dollars_in,
            dollars_per_million_out=dollars_out,
        ),
        format=written.format,
        by=written.by,
        temperature=written.temperature,
        budget=Budget(dollars=written.dollars, calls=written.calls),
    )


def _pairs(study: Study, spec: JudgeSpec, contrasts: Sequence[Contrast]) -> tuple[tuple[str, str], ...]:
    asked = spec.pairs
    if asked is None:
        found: list[tuple[str, str]] = []
        for contrast in contrasts:
            pair = (contrast.a, contrast.b)
            if contrast.kind == "pair" and pair not in found and pair[::-1] not in found:
                found.append(pair)
        if not found:
            raise InputError("the study has no pair of arms in 'contrasts': give 'pairs' here", _where(study))
        return tuple(found)
    names = [arm.name for arm in study.arms]
    for place, pair in enumerate(asked):
        where = _where(study, "pairs", place)
        for name in pair:
            if name not in names:
                raise InputError(f"'{name}' is no arm{nearest(name, names)}", where)
        if pair[0] == pair[1]:
            raise InputError(f"'{pair[0]}' is judged against itself", where)
        if pair in asked[:place] or pair[::-1] in asked[:place]:
            raise InputError(f"{pair[0]} and {pair[1]} are asked for twice", where)
        if not {*study.arm(pair[0]).sizes} & {*study.arm(pair[1]).sizes}:
            raise InputError(f"{pair[0]} and {pair[1]} are trained at no common size", where)
    return tuple(asked)


def _judge_record(judge: LocalWanted | EndpointWanted, model: Described | None) -> dict[str, Any]:
    asked = {} if judge.format is None else {"format": judge.format, "format_sha256": open_format(judge.format).sha256}
    if isinstance(judge, LocalWanted):
        assert model is not None
        return {"role": judge.role, **asked, "model": model.name, "files": dict(model.identity)}
    return {"endpoint": judge.endpoint.model, **asked, "by": judge.by, "temperature": judge.temperature}


def _at(study: Study, place: tuple[str | int, ...], make: Callable[[], Found]) -> Found:
    """What ``make`` gives; what it refuses is said with the place in the study."""
    try:
        return make()
    except InputError as problem:
        raise InputError(str(problem), _where(study, *place)) from None


def _where(study: Study, *place: str | int) -> str | None:
    return study.source.where(("judge", *place))
