"""Where a run stands, folded from the events of its log: what is planned, made and under way, how fast, how long yet.

The live view folds events as they come, ``assay status`` folds the log, so both show one picture. Every event carries
``at``, seconds of a clock that is never set since the run began; the time of day in the log is for people.
What is left is counted in seconds of one worker, each sort of step (its kind and size of model) at the pace measured
in this run, and divided by the workers. That is a little too hopeful where steps have to wait for each other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.run.step import Step

PLANES = {
    "package": "download",
    "documents": "corpus",
    "benchmarks": "corpus",
    "marks": "corpus",
    "problems": "corpus",
    "ingredient": "corpus",
    "tokenizer": "corpus",
    "model": "corpus",
    "tokens": "corpus",
    "requests": "corpus",
    "flags": "corpus",
    "state": "training",
    "prompts": "corpus",
    "scores": "evaluation",
    "harness": "evaluation",
    "gold": "evaluation",
    "answers": "evaluation",
    "verdicts": "evaluation",
    "replies": "judging",
    "exam": "judging",
    "judgements": "judging",
}
"""Kind of step to what a person calls that part of the study, in their order."""
Sort = tuple[str, str]
"""Kind of step, and size of model or nothing."""


MEASURED_SECONDS = 1.0
"""How long a step has to report before its rate is believed."""


@dataclass
class Tally:
    """Steps of one sort."""

    planned: float = 0.0
    """Work of all, in bytes (packages), tokens (training) or steps (the rest); what the store held is not in it."""
    done: float = 0.0
    paid: float = 0.0
    """Work done by this run, without what it found half done or another run did."""
    seconds: float = 0.0
    """That it took, summed over workers."""


@dataclass
class UnderWay:
    """A step that a worker has."""

    sort: Sort
    title: str
    where: str
    work: float
    begun: float
    far: float = 0.0
    """Of its work, with what an earlier try had done."""
    new: float = 0.0
    """Without."""
    loss: float | None = None
    first: tuple[float, float] | None = None
    """When it first reported and what was ``new`` then: until there the model was compiled, which is no measure."""
    last: float = 0.0

    @property
    def rate(self) -> float:
        """Work a second at present; 0 while unknown."""
        if self.first is None or self.last - self.first[0] < MEASURED_SECONDS:
            return 0.0
        return (self.new - self.first[1]) / (self.last - self.first[0])


@dataclass
class Standing:
    """Where one run stands."""

    workers: int = 1
    tallies: dict[Sort, Tally] = field(default_factory=dict)
    under_way: dict[str, UnderWay] = field(default_factory=dict)
    """By key, in the order of their beginning."""
    said: str = ""
    """What goes on when no step does."""
    stopped: str | None = None
    """Why it ended unfinished, when it could still say so."""
    at: float = 0.0
    """Of the last event."""

    def take(self, event: Mapping[str, Any]) -> None:
        """Take in one event of the log, in its order."""
        self.at = max(self.at, event["at"])
        match event["event"]:
            case "expect":
                self.workers = event["workers"]
                for one in event["steps"]:
                    tally = self._tally((one["kind"], one["model"]))
                    tally.planned = tally.done + one["work"]
            case "begin":
                self._begin(event)
            case "progress" if event["key"] in self.under_way:
                _progress(self.under_way[event["key"]], event)
            case "end":
                self._end(event)
            case "lost":
                self.under_way.pop(event["key"], None)
            case "damaged":
                self.under_way.pop(event["by"], None)
                if event["by"] != event["key"]:
                    self._tally(_sort(event)).planned += event["work"]
            case "said":
                self.said = event["text"]
            case "stop":
                self.stopped = event["why"]

    def planes(self) -> dict[str, tuple[float, float]]:
        """Work done, with what is under way, and work in all, for each plane that has any."""
        found: dict[str, tuple[float, float]] = {}
        for plane in dict.fromkeys(PLANES.values()):
            tallies = [tally for sort, tally in self.tallies.items() if PLANES[sort[0]] == plane]
            far = sum(one.far for one in self.under_way.values() if PLANES[one.sort[0]] == plane)
            done = sum(tally.done for tally in tallies) + far
            planned = max(done, sum(tally.planned for tally in tallies))
            if planned:
                found[plane] = (done, planned)
        return found

    @property
    def rate(self) -> float:
        """Tokens trained a second, all workers together."""
        return sum(one.rate for one in self.under_way.values() if one.sort[0] == "state")

    def left(self, at: float) -> tuple[float, list[str]]:
        """How long it will take yet.

        Args:
            at: Now, on the events' clock.

        Returns:
            Seconds for what has a measured pace, and the planes in which something has none yet.
        """
        total, longest = 0.0, 0.0
        unknown: set[str] = set()
        for sort, tally in self.tallies.items():
            going = [one for one in self.under_way.values() if one.sort == sort]
            work = tally.planned - tally.done - sum(one.work for one in going)
            if work <= 0 and not going:
                continue
            pace = self._pace(sort, going)
            if pace is None:
                unknown.add(PLANES[sort[0]])
                continue
            each = [max(0.0, (one.work - one.far) * pace - (0 if one.far else at - one.begun)) for one in going]
            total += max(0.0, work) * pace + sum(each)
            longest = max([longest, *each])
        workers = max(self.workers, len(self.under_way), 1)
        return max(total / workers, longest), [plane for plane in dict.fromkeys(PLANES.values()) if plane in unknown]

    def _pace(self, sort: Sort, going: Iterable[UnderWay]) -> float | None:
        """Seconds of one worker for one unit of work; None while nothing was measured."""
        rates = [one.rate for one in going if one.rate > 0]
        if rates:
            return len(rates) / sum(rates)
        tally = self.tallies[sort]
        return tally.seconds / tally.paid if tally.paid > 0 else None

    def _begin(self, event: Mapping[str, Any]) -> None:
        self.under_way.pop(event["key"], None)
        self.under_way[event["key"]] = UnderWay(
            _sort(event), event["title"], event["where"], event["work"], event["at"], last=event["at"]
        )

    def _end(self, event: Mapping[str, Any]) -> None:
        tally = self._tally(_sort(event))
        tally.done += event["work"]
        one = self.under_way.pop(event["key"], None)
        if event["done"]:
            tally.paid += event["work"] - (one.far - one.new if one else 0.0)
            tally.seconds += event["seconds"]

    def _tally(self, sort: Sort) -> Tally:
        return self.tallies.setdefault(sort, Tally())


def work_of(step: Step) -> float:
    """A step's work: bytes of a package, tokens of training, else one."""
    return step.size if step.kind in {"package", "state"} else 1.0


def model_of(step: Step) -> str:
    """The size of model that a step trains or scores; empty where there is none."""
    return str(step.recipe.get("size", ""))


def how_far(step: Step, about: Mapping[str, Any]) -> dict[str, float]:
    """What a step reported as ``far`` (work done of its own, an earlier try's too) and ``new`` (without that).

    Training reports ``done`` from the beginning of its whole path, of which the step's own part is the last.
    """
    if step.kind == "package":
        return {"far": about["done"], "new": about["done"]}
    if step.kind != "state":
        return {}
    settings = step.recipe["train"]
    per_step = settings["sequence"] * settings["rows_per_step"]
    end = sum(piece["steps"] for piece in step.recipe["path"]) * per_step
    return {"far": step.size - (end - about["done"]), "new": about["new"]}


def _sort(event: Mapping[str, Any]) -> Sort:
    return event["kind"], event["model"]


def _progress(one: UnderWay, event: Mapping[str, Any]) -> None:
    one.last = event["at"]
    if "far" in event:
        one.far, one.new = max(0.0, event["far"]), event["new"]
        one.first = one.first or (event["at"], event["new"])
    one.loss = event.get("loss", one.loss)
