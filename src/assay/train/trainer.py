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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from assay.errors import InputError, StepError, Stopped
from assay.evaluate.requests import read_requests
from assay.evaluate.scorer import score_requests
from assay.model.decoder import initialise
from assay.model.shape import Shape
from assay.run.step import Call
from assay.run.store import is_sealed, seal
from assay.study.paths import read_path, steps_in
from assay.tokens.mixture import Batch, Mixture
from assay.tokens.shard import read_shard
from assay.tokens.stream import Stream
from assay.train.compiled import compiled_block, compiled_softmax_pass
from assay.train.figures import Figures
from assay.train.ranks import Ranks
from assay.train.replica import Replica
from assay.train.saver import Saver
from assay.train.schedule import learning_rates
from assay.train.state import MODEL, State, load_snapshots, load_state, load_weights, save_state
from assay.train.watch import Watch

if TYPE_CHECKING:
    from assay.train.sharded import Sharded

SAVE_SECONDS = 20.0
"""At most this much work is lost to a kill; ``ASSAY_SAVE_SECONDS`` sets another."""
GO_ON, SAVE, STOP = 0, 1, 2
BEHIND = {"cpu": 0, "cuda": 1}
"""How many steps may be under way while an earlier one is judged, by device."""


class Course:
    """What a recipe makes of each step."""

    def __init__(self, recipe: Mapping[str, Any], call: Call) -> None:
        settings = recipe["train"]
        self.path = read_path(recipe["path"])
        self.end = steps_in(self.path)
        self.tokens_per_step = settings["sequence"] * settings["rows_per_step"]
        streams = {
            name: Stream(read_shard(folder), name, recipe["seed"], settings["sequence"])
            for name, folder in call.inputs_of("tokens").items()
        }
        mixes = [(piece.mix, piece.steps) for piece in self.path]
        self.mixture = Mixture(mixes, streams, settings["rows_per_step"], self.path[-1].draw)
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


@dataclass(frozen=True)
class Taken:
    """A step that was taken, or on a GPU begun, and is still to be judged. Nothing is saved, scored or handed on before
    the last step was."""

    step: int
    batch: Batch
    figures: Figures


class Trainer:
    """One process's part in training to the end of a recipe's path."""

    def __init__(self, call: Call, ranks: Ranks | None = None) -> None:
        self.call = call
        self.ranks = ranks or Ranks()
        self.kind = torch.device(self.ranks.device).type
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
        folder = self._nearest()
        state = self._state(folder)
        model = self._model(state, folder)
        with Saver(self._save) as saver:
            self._train(state, model, saver)
        self._gather(state, model)
        if self.ranks.first:
            save_state(state, self.call.out)

    def _train(self, state: State, model: "Replica | Sharded", saver: Saver) -> None:
        """Take the steps from the state to the path's end."""
        course, first = self.course, state.step
        watch = Watch(state.losses[course.piece_start(first) : first] if first < course.end else ())
        begin = saved = time.monotonic()
        save_seconds = seconds_between_saves()
        every = self.settings["heldout_every"] if self.heldout else 0
        waiting: list[Taken] = []
        while state.step < course.end:
            step = state.step
            due = time.monotonic() - saved >= save_seconds and step > first
            order = self.ranks.agreed(STOP if self.call.stopping() else SAVE if due else GO_ON)
            if order != GO_ON and step > first:
                self._judge(waiting, 0, state, watch)
                self._gather(state, model)
                if self.ranks.first:
                    saver.save(state)
                saved = time.monotonic()
            if order == STOP:
                saver.wait()
                raise Stopped(f"put aside after step {step}")
            if step in course.resets:
                model.reset_moments()
            waiting.append(self._step(model, step))
            state.step = step + 1
            look = every > 0 and state.step % every == 0
            shown = look or state.step in course.snapshots or state.step == course.end
            self._judge(waiting, 0 if shown else BEHIND[self.kind], state, watch)
            if state.step in course.snapshots:
                self._gather(state, model)
                state.snapshots[state.step] = state.master.clone()
            if look:
                state.heldout.append({"step": state.step, **self._look(model)})
                state.log.heldout(
                    state.step, {name: bits for name, bits in state.heldout[-1].items() if name != "step"}
                )
            elapsed = time.monotonic() - begin
            if state.losses:
                self.call.tell(
                    {
                        "done": state.step * course.tokens_per_step,
                        "new": (state.step - first) * course.tokens_per_step,
                        "loss": state.losses[-1],
                        "rate": (state.step - first) * course.tokens_per_step / max(elapsed, 1e-9),
                    }
                )

    def _judge(self, waiting: "list[Taken]", left: int, state: State, watch: Watch) -> None:
        """Look at what came of the steps that were taken, all but the last ``left``, and enter it in the state.

        Raises:
            StepError: Training diverged.
        """
        while len(waiting) > left:
            taken = waiting.pop(0)
            step, batch = taken.step, taken.batch
            if step in self.course.starts:
                watch.begin()
            loss, norm = taken.figures.read()
            if not (math.isfinite(loss) and math.isfinite(norm)):
                raise self._diverged(step, loss, norm, batch)
            spike = watch.judge(loss)
            if spike is not None and spike.diverged:
                raise self._diverged(step, loss, norm, batch)
            state.losses.append(loss)
            state.log.step(step + 1, loss, self.course.rates[step], norm, (step + 1) * self.course.tokens_per_step)
            if spike is not None:
                state.log.event(
                    step + 1, "spike", loss=loss, usual=spike.usual, rows=[list(draw) for draw in batch.draws]
                )
            for (name, kind, language), tokens in self.course.mixture.seen(step, step + 1).items():
                label = f"{name}|{kind}|{language}"
                state.seen[label] = state.seen.get(label, 0) + tokens

    def _step(self, model: "Replica | Sharded", step: int) -> "Taken":
        """One optimizer step; on a GPU it has only been begun."""
        batch, ids, documents = self.course.batch(step)
        rows = ids.shape[0]
        ids = self._moved(ids[self.mine])
        if documents is not None:
            documents = self._moved(documents[self.mine])
        count = self.settings.get("micro_rows") or ids.shape[0]
        total = torch.zeros((), device=self.ranks.device)
        for start in range(0, ids.shape[0], count):
            part = ids[start : start + count]
            inside = None if documents is None else documents[start : start + count]
            total += model.backward(part[:, :-1], part[:, 1:], inside, part.shape[0] / rows)
        norm = model.step(self.course.rates[step])
        return Taken(step, batch, Figures.of(self.ranks.total(total), norm))

    def _moved(self, tensor: Tensor) -> Tensor:
        """A batch's tensor on the device; the copy goes on beside what the GPU does."""
        return tensor if self.kind == "cpu" else tensor.pin_memory().to(self.ranks.device, non_blocking=True)

    def _nearest(self) -> Path | None:
        """Folder of this step's own last save, or of the parent's state; None: nothing was trained before."""
        saves = sorted(self.call.partial.glob("step-*")) if self.ranks.first and self.call.partial.is_dir() else []
        found = -1
        for save in reversed(saves):
            if is_sealed(save):
                found = int(save.name.removeprefix("step-"))
                break
            shutil.rmtree(save, ignore_errors=True)
        found = self.ranks.agreed(found)  # only the first looks: it reads every byte
        return self.call.after if found < 0 else self._save_folder(found)

    def _state(self, folder: Path | None) -> State:
        """The state in a folder, or a fresh one; where the model is dealt out its weights and moments are empty."""
        whole = self.ranks.layout == "replicated"
        if folder is None:
            master = self._first_weights() if whole else torch.empty(0)
            return State(0, master, torch.zeros_like(master), torch.zeros_like(master), 0)
        state = load_state(folder, whole)
        if self.ranks.first and not whole:
            state.snapshots = load_snapshots(folder)
        state.snapshots = {step: kept for step, kept in state.snapshots.items() if step in self.course.snapshots}
        return state

    def _first_weights(self) -> Tensor:
        """Fresh weights, or those of the model that training starts from: [parameters], float32."""
        model = self.call.inputs.get("model")
        return initialise(self.shape, self.recipe["seed"]) if model is None else load_weights(model, MODEL)

    def _model(self, state: State, folder: Path | None) -> "Replica | Sharded":
        dtype = getattr(torch, self.recipe["precision"])
        parts = (
            self.settings,
            dtype,
            compiled_block(self.shape.block, self.kind),
            compiled_softmax_pass(self.kind),
            self.ranks,
        )
        if self.ranks.layout == "sharded":
            from assay.train.sharded import open_sharded

            start = self.call.inputs.get("model")
            return open_sharded(self.shape, folder, start or self.recipe["seed"], state.moment_steps, *parts)
        model = Replica(self.shape, state.master, *parts)
        model.load_moments(state.first, state.second, state.moment_steps)
        return model

    def _gather(self, state: State, model: "Replica | Sharded") -> None:
        state.master, state.first, state.second, state.moment_steps = model.whole()

    def _save(self, state: State) -> None:
        """Keep the work so far where a later try finds it: written aside, renamed, then the older one removed."""
        partial = self.call.partial
        target = self._save_folder(state.step)
        aside = partial / "writing"
        shutil.rmtree(aside, ignore_errors=True)
        save_state(state, aside)
        seal(aside, {"step": state.step})
        older = [save for save in partial.glob("step-*") if save != target]
        aside.rename(target)
        for save in older:
            shutil.rmtree(save, ignore_errors=True)
        self.call.kept()

    def _save_folder(self, step: int) -> Path:
        return self.call.partial / f"step-{step:09d}"

    def _look(self, model: "Replica | Sharded") -> dict[str, float]:
        """Bits per byte of the first documents of each held-out set."""
        plain = model.plain()
        found: dict[str, float] = {}
        for name, requests in self.heldout.items():
            scores = score_requests(plain, requests)
            bits = sum(-score[0].logprob for score in scores) / math.log(2)
            found[name] = bits / sum(request.bytes[0] for request in requests)
        return found

    def _diverged(self, step: int, loss: float, norm: float, batch: Batch) -> StepError:
        streams = self.course.mixture.streams
        drawn = "; ".join(
            f"{name} row {row}, documents {', '.join(str(piece.document) for piece in streams[name].pieces(row))}"
            for name, row in batch.draws
        )
        return StepError(
            f"training diverged at step {step + 1} (loss {loss:.4g}, gradient norm {norm:.4g}, learning rate "
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
