"""The training loop: from the nearest state on a path to its end.

What a step does follows from the recipe and the step's number alone: the batch, the learning rate, whether moments
are forgotten, which weights are kept for averaging. So going on from a state is the same as never having stopped,
and where the state came from does not matter.
"""

import math
import os
import shutil
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from assay.errors import InputError, StepError, Stopped
from assay.evaluate.requests import read_requests
from assay.evaluate.scorer import score_requests
from assay.model.decoder import initialise
from assay.model.shape import Shape
from assay.run.step import Call
from assay.run.store import is_sealed, seal
from assay.study.paths import Path as ArmPath
from assay.study.paths import Piece, steps_in
from assay.tokens.mixture import Batch, Mixture
from assay.tokens.shard import read_shard
from assay.tokens.stream import Stream
from assay.train.compiled import compiled_block, compiled_softmax_pass
from assay.train.ranks import Ranks
from assay.train.replica import Replica
from assay.train.saver import Saver
from assay.train.schedule import learning_rates
from assay.train.state import State, load_state, save_state
from assay.train.watch import Watch

SAVE_SECONDS = 20.0
"""At most this much work is lost to a kill; ``ASSAY_SAVE_SECONDS`` sets another."""
GO_ON, SAVE, STOP = 0, 1, 2


class Course:
    """What a recipe makes of each step."""

    def __init__(self, recipe: Mapping[str, Any], call: Call) -> None:
        settings = recipe["train"]
        self.path: ArmPath = tuple(
            Piece(**(piece | {"mix": tuple((name, part) for name, part in piece["mix"])})) for piece in recipe["path"]
        )
        self.end = steps_in(self.path)
        self.tokens_per_step = settings["sequence"] * settings["rows_per_step"]
        streams = {
            name: Stream(read_shard(folder), name, recipe["seed"], settings["sequence"])
            for name, folder in call.inputs_of("tokens").items()
        }
        mixes = [(piece.mix, piece.steps) for piece in self.path]
        self.mixture = Mixture(mixes, streams, settings["rows_per_step"])
        self.rates = learning_rates(
            self.path,
            settings["learning_rate"],
            settings["warmup_steps"],
            settings["final_learning_rate"],
            settings.get("cosine_floor", 0.0),  # there wherever the path has a cosine
        )
        self.starts = [sum(piece.steps for piece in self.path[:index]) for index in range(len(self.path))]
        self.resets = {start for start, piece in zip(self.starts, self.path, strict=True) if piece.moments == "reset"}
        self.inside_documents = settings.get("attention", "causal") == "document"
        self.snapshots = set(recipe.get("snapshots", [])) - {self.end}

    def piece_start(self, step: int) -> int:
        """First step of the piece that a step belongs to."""
        return max(start for start in self.starts if start <= step)

    def batch(self, step: int) -> tuple[Batch, Tensor, Tensor | None]:
        """The rows of a step, their ids [rows, sequence + 1], and their documents [rows, sequence] where attention
        stays inside them."""
        batch = self.mixture.batch(step)
        documents = torch.from_numpy(self.mixture.documents(step)) if self.inside_documents else None
        return batch, torch.from_numpy(batch.ids), documents


class Trainer:
    """One process's part in training to the end of a recipe's path."""

    def __init__(self, call: Call, ranks: Ranks | None = None) -> None:
        self.call = call
        self.ranks = ranks or Ranks()
        self.recipe = call.recipe
        self.settings = call.recipe["train"]
        self.shape = Shape(**call.recipe["shape"])
        self.course = Course(call.recipe, call)
        self.heldout = {name: read_requests(folder) for name, folder in call.inputs_of("requests").items()}
        rows, world = self.settings["rows_per_step"], self.ranks.world
        if rows % world:
            raise InputError(
                f"{rows} rows a step cannot be dealt out to {world} processes evenly; "
                f"set train.rows_per_step to a multiple of {world}"
            )
        self.mine = slice(rows * self.ranks.rank // world, rows * (self.ranks.rank + 1) // world)

    def run(self) -> None:
        """Train, and write the last state where the artifact goes."""
        state = self._nearest_state()
        model = self._model(state)
        course, first = self.course, state.step
        saver = Saver(self._save)
        watch = Watch(state.losses[course.piece_start(first) : first] if first < course.end else ())
        begin = saved = time.monotonic()
        save_seconds = seconds_between_saves()
        while state.step < course.end:
            step = state.step
            due = time.monotonic() - saved >= save_seconds and step > first
            order = self.ranks.agreed(STOP if self.call.stopping() else SAVE if due else GO_ON)
            if order != GO_ON and step > first:
                self._gather(state, model)
                if self.ranks.first:
                    saver.save(state)
                saved = time.monotonic()
            if order == STOP:
                saver.wait()
                raise Stopped(f"put aside after step {step}")
            if step in course.resets:
                model.reset_moments()
            if step in course.starts:
                watch.begin()
            batch, loss, norm = self._step(model, step)
            if not (math.isfinite(loss) and math.isfinite(norm)):
                raise self._diverged(step, loss, norm, batch)
            spike = watch.judge(loss)
            if spike is not None and spike.diverged:
                raise self._diverged(step, loss, norm, batch)
            state.losses.append(loss)
            state.log.step(step, loss, course.rates[step], norm, (step + 1) * course.tokens_per_step)
            if spike is not None:
                state.log.event(step, "spike", loss=loss, usual=spike.usual, rows=[list(draw) for draw in batch.draws])
            for (name, kind, language), tokens in course.mixture.seen(step, step + 1).items():
                label = f"{name}|{kind}|{language}"
                state.seen[label] = state.seen.get(label, 0) + tokens
            state.step = step + 1
            if state.step in course.snapshots:
                self._gather(state, model)
                state.snapshots[state.step] = state.master.clone()
            every = self.settings["heldout_every"]
            if every and state.step % every == 0 and self.heldout:
                state.heldout.append({"step": state.step, **self._look(model)})
                state.log.heldout(step, {name: bits for name, bits in state.heldout[-1].items() if name != "step"})
            elapsed = time.monotonic() - begin
            self.call.tell(
                {
                    "done": state.step * course.tokens_per_step,
                    "new": (state.step - first) * course.tokens_per_step,
                    "loss": loss,
                    "rate": (state.step - first) * course.tokens_per_step / max(elapsed, 1e-9),
                }
            )
        self._gather(state, model)
        saver.wait()
        if self.ranks.first:
            save_state(state, self.call.out)

    def _step(self, model: Replica, step: int) -> tuple[Batch, float, float]:
        """One optimizer step; the batch, its mean loss in nats, and the gradient's norm before clipping."""
        batch, ids, documents = self.course.batch(step)
        rows = ids.shape[0]
        ids = ids[self.mine].to(self.ranks.device)
        if documents is not None:
            documents = documents[self.mine].to(self.ranks.device)
        count = self.settings.get("micro_rows") or ids.shape[0]
        total = torch.zeros((), device=self.ranks.device)
        for start in range(0, ids.shape[0], count):
            part = ids[start : start + count]
            inside = None if documents is None else documents[start : start + count]
            total += model.backward(part[:, :-1], part[:, 1:], inside, part.shape[0] / rows)
        norm = model.step(self.course.rates[step])
        return batch, float(self.ranks.total(total)), float(norm)

    def _nearest_state(self) -> State:
        """This step's own last save, or the parent's state, or a fresh model."""
        saves = sorted(self.call.partial.glob("step-*")) if self.call.partial.is_dir() else []
        for save in reversed(saves):
            if is_sealed(save):
                return load_state(save)
            if self.ranks.first:
                shutil.rmtree(save, ignore_errors=True)
        if self.call.after is not None:
            return load_state(self.call.after)
        master = initialise(self.shape, self.recipe["seed"])
        return State(0, master, torch.zeros_like(master), torch.zeros_like(master), 0)

    def _model(self, state: State) -> Replica:
        dtype = getattr(torch, self.recipe["precision"])
        model = Replica(
            self.shape,
            state.master,
            self.settings,
            dtype,
            compiled_block(self.shape.block),
            compiled_softmax_pass(),
            self.ranks,
        )
        model.load_moments(state.first, state.second, state.moment_steps)
        return model

    def _gather(self, state: State, model: Replica) -> None:
        state.master, state.first, state.second, state.moment_steps = model.whole()

    def _save(self, state: State) -> None:
        """Keep the work so far where a later try finds it: written aside, renamed, then the older one removed."""
        partial = self.call.partial
        target = partial / f"step-{state.step:09d}"
        aside = partial / "writing"
        shutil.rmtree(aside, ignore_errors=True)
        save_state(state, aside)
        seal(aside, {"step": state.step})
        older = [save for save in partial.glob("step-*") if save != target]
        aside.rename(target)
        for save in older:
            shutil.rmtree(save, ignore_errors=True)
        self.call.kept()

    def _look(self, model: Replica) -> dict[str, float]:
        """Bits per byte of the first documents of each held-out set."""
        plain = model.plain()
        found: dict[str, float] = {}
        for name, requests in self.heldout.items():
            scores = score_requests(plain, requests)
            bits = sum(-score[0] for score in scores) / math.log(2)
            found[name] = bits / sum(request.bytes[0] for request in requests)
        return found

    def _diverged(self, step: int, loss: float, norm: float, batch: Batch) -> StepError:
        streams = self.course.mixture.streams
        drawn = "; ".join(
            f"{name} row {row}, documents {', '.join(str(piece.document) for piece in streams[name].pieces(row))}"
            for name, row in batch.draws
        )
        return StepError(
            f"training diverged at step {step} (loss {loss:.4g}, gradient norm {norm:.4g}, learning rate "
            f"{self.course.rates[step]:g}). The batch was: {drawn}. Lower train.learning_rate, raise "
            "train.warmup_steps, or look at these documents with `assay trace`. Nothing of this step was kept"
        )


def seconds_between_saves() -> float:
    """``ASSAY_SAVE_SECONDS``, or `SAVE_SECONDS`.

    Raises:
        InputError: It is no number.
    """
    written = os.environ.get("ASSAY_SAVE_SECONDS", "")
    try:
        return float(written or SAVE_SECONDS)
    except ValueError:
        raise InputError(f"ASSAY_SAVE_SECONDS is a number of seconds, and {written!r} is not") from None
