"""The worker's training step: from the nearest state on a path to its end.

The recipe names the whole path from step 0, so an arm trained alone and the same arm trained as part of a study are
one artifact. What was trained before, the parent's state or this step's own last save, only spares work.
"""

import math
import os
import shutil
import time
from collections.abc import Mapping
from typing import Any

import torch

from assay.errors import InputError, StepError, Stopped
from assay.evaluate.requests import read_requests
from assay.evaluate.scorer import score_requests
from assay.model.decoder import Decoder, decayed, initialise
from assay.model.loss import linear_cross_entropy
from assay.model.sizes import SIZES
from assay.run.step import Call
from assay.run.store import is_sealed, seal
from assay.study.paths import Path as ArmPath
from assay.study.paths import Piece, steps_in
from assay.tokens.mixture import Mixture
from assay.tokens.shard import read_shard
from assay.tokens.stream import Stream
from assay.train.compiled import compiled_block, compiled_softmax_pass, set_up_torch
from assay.train.optimizer import FlatAdamW
from assay.train.schedule import learning_rates
from assay.train.state import State, load_state, save_state

SAVE_SECONDS = 20.0
"""At most this much work is lost to a kill; ``ASSAY_SAVE_SECONDS`` sets another."""


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


def train(call: Call) -> None:
    """Train to the end of ``recipe['path']`` and write the state there.

    Inputs: ``tokens:NAME`` for each ingredient of the path, ``requests:NAME`` for the held-out sets.
    """
    set_up_torch()
    run = _Run(call.recipe, call)
    state = run.nearest_state()
    run.train(state)


class _Run:
    def __init__(self, recipe: Mapping[str, Any], call: Call) -> None:
        self.call = call
        self.recipe = recipe
        self.path: ArmPath = tuple(
            Piece(
                tuple((name, part) for name, part in piece["mix"]),
                *(piece[key] for key in ("steps", "schedule", "length", "moments")),
            )
            for piece in recipe["path"]
        )
        self.settings = recipe["train"]
        self.size = SIZES[recipe["size"]]
        self.dtype = getattr(torch, recipe["precision"])
        self.end = steps_in(self.path)
        sequence = self.settings["sequence"]
        streams = {
            name: Stream(read_shard(folder), name, recipe["seed"], sequence)
            for name, folder in call.inputs_of("tokens").items()
        }
        self.heldout = {name: read_requests(folder) for name, folder in call.inputs_of("requests").items()}
        mixes = [(piece.mix, piece.steps) for piece in self.path]
        self.mixture = Mixture(mixes, streams, self.settings["rows_per_step"])
        self.rates = learning_rates(
            self.path,
            self.settings["learning_rate"],
            self.settings["warmup_steps"],
            self.settings["final_learning_rate"],
            self.settings.get("cosine_floor", 0.0),  # there wherever the path has a cosine
        )
        starts = [sum(piece.steps for piece in self.path[:index]) for index in range(len(self.path))]
        self.resets = {start for start, piece in zip(starts, self.path, strict=True) if piece.moments == "reset"}

    def nearest_state(self) -> State:
        """This step's own last save, or the parent's state, or a fresh model."""
        saves = sorted(self.call.partial.glob("step-*")) if self.call.partial.is_dir() else []
        for save in reversed(saves):
            if is_sealed(save):
                return load_state(save)
            shutil.rmtree(save, ignore_errors=True)
        if self.call.after is not None:
            return load_state(self.call.after)
        master = initialise(self.size, self.recipe["vocabulary"], self.recipe["seed"])
        return State(0, master, torch.zeros_like(master), torch.zeros_like(master), 0)

    def train(self, state: State) -> None:
        settings, vocabulary = self.settings, self.recipe["vocabulary"]
        optimizer = FlatAdamW(
            state.master,
            decayed(self.size, vocabulary),
            self.dtype,
            tuple(settings["betas"]),
            settings["weight_decay"],
            settings["clip"],
        )
        optimizer.load_moments(state.first, state.second, state.moment_steps)
        decoder = Decoder(self.size, vocabulary, optimizer.work, compiled_block())
        one_pass = compiled_softmax_pass()
        begin, first, saved = time.monotonic(), state.step, time.monotonic()
        save_seconds = seconds_between_saves()
        per_step = settings["sequence"] * settings["rows_per_step"]
        while state.step < self.end:
            step = state.step
            if self.call.stopping():
                if step > first:
                    self._gather(state, optimizer)
                    self._save(state)
                raise Stopped(f"put aside after step {step}")
            if step in self.resets:
                optimizer.reset_moments()
            batch = self.mixture.batch(step)
            ids = torch.from_numpy(batch.ids)
            hidden = decoder.hidden(ids[:, :-1])
            loss = linear_cross_entropy(hidden.flatten(0, 1), decoder.embedding, ids[:, 1:].flatten(), one_pass)
            loss.backward()  # type: ignore[no-untyped-call]
            value = float(loss.detach())
            norm = optimizer.step(self.rates[step])
            if not (math.isfinite(value) and math.isfinite(norm)):
                drawn = ", ".join(f"{name} row {row}" for name, row in batch.draws)
                raise StepError(
                    f"training diverged at step {step} (loss {value}, gradient norm {norm}, learning rate "
                    f"{self.rates[step]:g}; the batch was {drawn}). "
                    "Lower train.learning_rate or raise train.warmup_steps"
                )
            state.losses.append(value)
            for (name, kind, language), tokens in self.mixture.seen(step, step + 1).items():
                label = f"{name}|{kind}|{language}"
                state.seen[label] = state.seen.get(label, 0) + tokens
            state.step = step + 1
            if settings["heldout_every"] and state.step % settings["heldout_every"] == 0:
                state.heldout.append({"step": state.step, **self._look(decoder)})
            elapsed = time.monotonic() - begin
            self.call.tell(
                {
                    "done": state.step * per_step,
                    "new": (state.step - first) * per_step,
                    "loss": value,
                    "rate": (state.step - first) * per_step / max(elapsed, 1e-9),
                }
            )
            if time.monotonic() - saved >= save_seconds and state.step < self.end:
                self._gather(state, optimizer)
                self._save(state)
                saved = time.monotonic()
        self._gather(state, optimizer)
        save_state(state, self.call.out)

    def _gather(self, state: State, optimizer: FlatAdamW) -> None:
        state.master = optimizer.master
        state.first, state.second, state.moment_steps = optimizer.moments()

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

    def _look(self, decoder: Decoder) -> dict[str, float]:
        """Bits per byte of the first documents of each held-out set."""
        plain = Decoder(self.size, self.recipe["vocabulary"], decoder_weights(decoder))
        found: dict[str, float] = {}
        for name, requests in self.heldout.items():
            scores = score_requests(plain, requests)
            bits = sum(-score[0] for score in scores) / math.log(2)
            found[name] = bits / sum(request.bytes[0] for request in requests)
        return found


def decoder_weights(decoder: Decoder) -> torch.Tensor:
    """The flat working weights behind a decoder, detached."""
    base = decoder.embedding._base
    assert base is not None
    return base.detach()
