"""The arms whose answers are judged, as a person names them: run folders, checkpoints, files of answers.

A run folder stands for all of its arms, each at its last state and in every seed of the study; any other checkpoint is
one arm that answers several times, and a file is one that has answered. Two arms are compared seed by seed, so beside a
run folder a checkpoint answers under the seeds that the study trained. Nothing is loaded here but what files say.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from assay.errors import InputError, nearest
from assay.evaluate.decoding import Decoding
from assay.judge.answers import Answers, read_answers
from assay.judge.prompt_set import AskedSet, PromptSet
from assay.run.chosen import Checkpoint, Which, choose_checkpoints
from assay.run.judge_steps import answer_file_step, replies_step
from assay.run.step import Step

ANSWER_FILES = (".json", ".jsonl", ".ndjson", ".parquet")


@dataclass(frozen=True, kw_only=True)
class JudgedArm:
    """An arm, and where its answers come from."""

    name: str
    given: str
    """As the user named it."""
    checkpoints: Mapping[int, Checkpoint] = field(default_factory=dict)
    """Who answers, by seed; none of a file."""
    answers: Answers | None = None
    """What a file holds."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """Under which there are answers, or will be."""
        return self.answers.seeds if self.answers is not None else tuple(self.checkpoints)

    def steps(
        self, prompts: PromptSet, asked: AskedSet, decoding: Decoding, numerics: Mapping[str, str]
    ) -> dict[int, Step]:
        """What makes the answers, by seed.

        Each seed is a step of its own, so that a further one costs no more than itself.

        Raises:
            InputError: Answers of this length leave nothing of what the checkpoint reads for their prompts.
        """
        if self.answers is not None:
            step = answer_file_step(Path(self.given), prompts, asked)
            return dict.fromkeys(self.seeds, step)
        return {seed: _asked(one, seed, prompts, asked, decoding, numerics) for seed, one in self.checkpoints.items()}


def choose_arms(given: Sequence[str], prompts: PromptSet, samples: int, size: str | None = None) -> list[JudgedArm]:
    """The arms, in the order named.

    Args:
        given: Run folders, files of answers, and checkpoints as `assay.run.chosen.choose_checkpoints` takes them.
        prompts: What files must answer.
        samples: Answers of a checkpoint to each prompt, under seeds from 0 on; not of a run folder's arms.
        size: Of the run folders' arms; None: the first of each.

    Raises:
        InputError: One is unknown or named twice, a file answers nothing, or there is one arm alone.
        StepError: The store lacks what a run folder names.
    """
    for one in given:
        if list(given).count(one) > 1:
            raise InputError(f"{one} is named twice, and an arm is not compared with itself")
    runs = [one for one in given if is_run(one)]
    files = [one for one in given if Path(one).suffix in ANSWER_FILES and not Path(one).is_dir()]
    others = [one for one in given if one not in files]
    which = Which(size=size, every=True) if runs else Which(size=size)
    checkpoints = choose_checkpoints(others, which) if others or which.is_given else []
    checkpoints = _of_one_size(checkpoints, runs, size)
    trained = sorted({one.seed for one in checkpoints if one.given in runs})
    arms: list[JudgedArm] = []
    for one in given:
        if one in files:
            answers = read_answers(Path(one), prompts)
            arms.append(JudgedArm(name=answers.name, given=one, answers=answers))
            continue
        mine = [checkpoint for checkpoint in checkpoints if checkpoint.given == one]
        for name in dict.fromkeys(checkpoint.name for checkpoint in mine):
            seeds = {checkpoint.seed: checkpoint for checkpoint in mine if checkpoint.name == name}
            if one not in runs:
                seeds = dict.fromkeys(trained or range(samples), *seeds.values())
            arms.append(JudgedArm(name=name, given=one, checkpoints=seeds))
    arms = _distinct(arms)
    if len(arms) < 2:
        names = arms[0].name if arms else "none"
        raise InputError(f"answers are compared between two arms or more, and there is {names} alone")
    return arms


def is_run(given: str) -> bool:
    """Whether it is a study's run folder."""
    return (Path(given) / "plan.json").is_file()


def chosen_pairs(written: str | None, arms: Sequence[JudgedArm]) -> tuple[tuple[str, str], ...]:
    """The pairs that are judged.

    Args:
        written: ``A:B,C:D``. None: of a lone run folder those of its contrasts whose two arms are its arms, else every
            pair.
        arms: There are.

    Raises:
        InputError: An arm is unknown or stands on both sides, a pair is there twice, has no seed in common, or a run
            folder contrasts no two of its arms.
    """
    known = {arm.name: arm for arm in arms}
    if written is not None:
        pairs = [_pair(one.strip(), known) for one in written.split(",") if one.strip()]
        if not pairs:
            raise InputError("--pairs names no pair")
    elif len({arm.given for arm in arms}) == 1:
        folder = arms[0].given
        pairs = _contrasted(Path(folder), known)
        if not pairs:
            raise InputError(f"{folder} contrasts no two of its arms ({', '.join(known)}): name some with --pairs A:B")
    else:
        pairs = list(itertools.combinations(known, 2))
    for number, (a, b) in enumerate(pairs):
        if (a, b) in pairs[:number] or (b, a) in pairs[:number]:
            raise InputError(f"the pair {a}:{b} is there twice")
        if not set(known[a].seeds) & set(known[b].seeds):
            raise InputError(
                f"{a} has answers under {_seeds(known[a])} and {b} under {_seeds(known[b])}: with no seed in common "
                "there is nothing to compare"
            )
    return tuple(pairs)


def _of_one_size(checkpoints: list[Checkpoint], runs: Sequence[str], size: str | None) -> list[Checkpoint]:
    """Of a run folder's arms those of the size asked for, or of the first size of each."""
    first: dict[tuple[str, str], str] = {}
    for one in checkpoints:
        first.setdefault((one.given, one.name), one.size)
    return [one for one in checkpoints if one.given not in runs or one.size == (size or first[one.given, one.name])]


def _asked(
    checkpoint: Checkpoint,
    seed: int,
    prompts: PromptSet,
    asked: AskedSet,
    decoding: Decoding,
    numerics: Mapping[str, str],
) -> Step:
    if decoding.tokens >= checkpoint.longest:
        raise InputError(
            f"--tokens {decoding.tokens}: {checkpoint.label} reads {checkpoint.longest} tokens at once, so answers of "
            "this length leave nothing for their prompts"
        )
    told = checkpoint.label if checkpoint.size else f"{checkpoint.label} seed {seed}"
    return replies_step(
        prompts=prompts,
        asked=asked,
        state=checkpoint.step,
        tokenizer=checkpoint.tokenizer,
        shape=checkpoint.shape,
        precision=checkpoint.precision,
        numerics=numerics,
        longest=checkpoint.longest,
        decoding=decoding,
        seeds=(seed,),
        average=checkpoint.average,
        title=f"answer {prompts.name}, {told}",
    )


def _distinct(arms: list[JudgedArm]) -> list[JudgedArm]:
    """A file whose arm has the name of another is called by its path."""
    names = [arm.name for arm in arms]
    return [replace(arm, name=arm.given) if arm.answers and names.count(arm.name) > 1 else arm for arm in arms]


def _pair(written: str, known: Iterable[str]) -> tuple[str, str]:
    names = list(known)
    places = [place for place, letter in enumerate(written) if letter == ":"]
    for place in places:
        a, b = written[:place], written[place + 1 :]
        if a in names and b in names:
            if a == b:
                raise InputError(f"--pairs: {a} is not compared with itself")
            return a, b
    if not places:
        raise InputError(f"--pairs: '{written}' is no pair, such as {names[0]}:{names[1]}")
    a, _, b = written.partition(":")
    wrong = b if a in names else a
    raise InputError(f"--pairs: there is no arm '{wrong}'{nearest(wrong, names)}")


def _contrasted(folder: Path, known: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of a study's contrasts, once each, in their order."""
    from assay.analyze.results import load_design

    names = set(known)
    found: dict[tuple[str, str], None] = {}
    for one in load_design(folder).contrasts:
        if one.kind == "pair" and {one.a, one.b} <= names and (one.b, one.a) not in found:
            found[one.a, one.b] = None
    return list(found)


def _seeds(arm: JudgedArm) -> str:
    return f"seed{'' if len(arm.seeds) == 1 else 's'} {', '.join(map(str, arm.seeds))}"
