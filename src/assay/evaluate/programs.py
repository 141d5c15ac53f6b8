"""Answers that are programs: run with their tests in the sandbox, every pass confirmed, every task's references first.

A pass says that the program ran to its end, and a program can bring that about without solving anything: with objects
that equal everything, with a trace function that jumps over tests. So a program that passes is run once more with one
more test, worded like the others, that no right answer can pass. One that passes it too is *forged* and wrong.
Before a model is scored, the references must pass and empty answers must fail: more than one pass@1 of zero elsewhere
was a broken extraction or limit and not a model. What separates a program from the machine is the sandbox's. A program
that knows the number of a task's tests can tell the confirming run from the first; that is not covered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Literal

import yaml

from assay.errors import StepError
from assay.evaluate.extract import extract
from assay.evaluate.impossible import with_impossible_test
from assay.evaluate.item import Item
from assay.evaluate.prompt import Prompt
from assay.evaluate.task import Generation

if TYPE_CHECKING:
    from assay.evaluate.sandbox import Sandbox

MOST_EXCLUDED = 0.02
"""Share of a task's items that may be left out because their reference fails."""
NAMED = 10
"""Items that a message names at most."""
Say = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What became of one answer."""

    outcome: Literal["passed", "failed", "error", "timeout", "memory", "crash", "exited", "refused", "forged"]
    """The sandbox's, or ``forged``: it passed a test that cannot be passed."""
    message: str
    """The exception's type and line, or what ended it; empty for a pass."""
    cpu_seconds: float
    """Of the run that decided."""

    @property
    def right(self) -> bool:
        """Whether it counts: only a confirmed pass does."""
        return self.outcome == "passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusions:
    """Items of a task that are counted for no model, because their own reference fails."""

    version: int
    """Raised with every change; numbers of two versions are not of the same items. 0: the task has no list."""
    items: dict[str, str]
    """Why, by the item's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Golds:
    """How the references of a task fared here."""

    tier: str
    """Sandbox they ran in."""
    version: int
    """Of the exclusion list."""
    checked: int
    """Items."""
    listed: dict[str, str]
    """Items on the list, and why."""
    unlisted: dict[str, str]
    """Items whose reference fails on this machine and that are on no list: numbers without them are not those that
    others count."""

    @property
    def excluded(self) -> dict[str, str]:
        """Items that are not counted, and why."""
        return self.listed | self.unlisted

    def __str__(self) -> str:
        told = f"{self.checked - len(self.excluded)} of {self.checked} references pass ({self.tier})"
        if self.listed:
            told += f"; excluded by list {self.version}: {_named(self.listed)}"
        if self.unlisted:
            told += f"; excluded because they fail on this machine alone: {_named(self.unlisted)}"
        return told


def check_answers(
    prompts: Sequence[Prompt],
    answers: Sequence[Sequence[str]],
    sandbox: "Sandbox",
    how: Literal["whole", "fenced"] = "whole",
    say: Say | None = None,
) -> list[list[Checked]]:
    """Run answers with the tests of their prompts.

    Args:
        prompts: Of a task whose check is ``program``.
        answers: Of each prompt, any number; equal ones run once.
        sandbox: Open.
        how: What of an answer counts; see `extract`.
        say: Told how many programs of how many are done, of the first runs and then of the confirming ones.

    Returns:
        What became of each answer, in the same order and shape.

    Raises:
        StepError: The sandbox failed (a program never makes it fail).
    """
    texts = [[extract(answer, how) for answer in given] for given in answers]
    asked = [
        (number, text)
        for number, (_, given) in enumerate(zip(prompts, texts, strict=True))
        for text in dict.fromkeys(given)
    ]
    first = sandbox.run([_program(prompts[number], text) for number, text in asked], say)
    done = {
        pair: Checked(outcome=verdict.outcome, message=verdict.message, cpu_seconds=verdict.cpu_seconds)
        for pair, verdict in zip(asked, first, strict=True)
    }
    passed = [pair for pair in asked if done[pair].right]
    traps = {number: with_impossible_test(prompts[number].after, prompts[number].item) for number, _ in passed}
    again = [prompts[number].before + text + traps[number].after for number, text in passed]
    for pair, verdict in zip(passed, sandbox.run(again, say) if again else [], strict=True):
        if verdict.outcome == "passed":
            message = f"it passes what cannot pass: {traps[pair[0]].test}"
            done[pair] = Checked(outcome="forged", message=message, cpu_seconds=verdict.cpu_seconds)
    return [[done[number, text] for text in given] for number, given in enumerate(texts)]


def gold_check(
    task: str,
    items: Sequence[Item],
    prompts: Sequence[Prompt],
    asked: Generation,
    sandbox: "Sandbox",
    say: Say | None = None,
) -> Golds:
    """Run the references and empty answers of a task; to be called before any model is scored on it.

    Args:
        task: Its name.
        items: Whose right choice is the reference: what a perfect model would answer.
        prompts: Of the same items in the same order.
        asked: How they are answered.
        sandbox: Open.
        say: See `check_answers`.

    Returns:
        What is excluded: the items on the task's list, whether they fail here or not, and those that fail here.

    Raises:
        StepError: An empty answer passes, or more than 2 % of the items would be excluded; with their names.
    """
    references = [[item.choices[item.gold], ""] for item in items]
    found = check_answers(prompts, references, sandbox, asked.extract, say)
    empty = {
        prompt.item: "passes without an answer" for prompt, (_, none) in zip(prompts, found, strict=True) if none.right
    }
    if empty:
        raise StepError(f"task '{task}': an empty answer passes the tests, which then test nothing: {_named(empty)}")
    known = exclusions(task)
    failing = {
        prompt.item: f"{reference.outcome}{': ' if reference.message else ''}{reference.message}"
        for prompt, (reference, _) in zip(prompts, found, strict=True)
        if not reference.right
    }
    golds = Golds(
        tier=sandbox.tier,
        version=known.version,
        checked=len(prompts),
        listed={prompt.item: known.items[prompt.item] for prompt in prompts if prompt.item in known.items},
        unlisted={item: why for item, why in failing.items() if item not in known.items},
    )
    if len(golds.excluded) > MOST_EXCLUDED * len(prompts):
        raise StepError(
            f"task '{task}': the references of {len(golds.excluded)} of {len(prompts)} items fail here, and at most "
            f"{MOST_EXCLUDED:.0%} may: {_named(golds.excluded)}"
        )
    return golds


def exclusions(task: str) -> Exclusions:
    """The exclusion list of a task; empty, version 0, where it has none."""
    file = resources.files("assay.evaluate") / "exclusions" / f"{task}.yaml"
    if not file.is_file():
        return Exclusions(version=0, items={})
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    return Exclusions(version=values["version"], items=values["items"])


def _program(prompt: Prompt, text: str) -> str:
    return prompt.before + text + prompt.after


def _named(items: dict[str, str]) -> str:
    told = [f"{item} ({why})" for item, why in list(items.items())[:NAMED]]
    return ", ".join(told) + (f" and {len(items) - NAMED} more" if len(items) > NAMED else "")
