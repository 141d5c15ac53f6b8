"""W&B, TensorBoard, MLflow and trackio behind one small interface: open a run by its identity, add points, finish it.

A run that a killed study left open is opened again by its identity, so a resumed study goes on in it. Each library's
own environment variables hold (``WANDB_MODE``, ``WANDB_ENTITY``, ``MLFLOW_TRACKING_URI``, ``TRACKIO_DIR`` …); what a
library reports about itself to its makers is switched off before it is imported. Nothing here logs in anywhere, and
nothing is uploaded but configuration and numbers: no weights, no texts, no code.
"""

import contextlib
import json
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from assay.errors import InputError, nearest

Point = tuple[int, Mapping[str, float]]
"""Steps trained, from 1, and what was measured there."""
NETWORK_SECONDS = 30
"""How long a server may take to answer before its tracker is given up."""
MLFLOW_BATCH = 1000
"""Most metrics that MLflow takes in one request; it takes a tenth of that of parameters."""


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """One arm at one size and seed, as a tracker sees it."""

    id: str
    """16 hexadecimal digits: the same for the same artifacts in the same run folder, and for nothing else."""
    study: str
    path: str
    """``ARM/SIZE/seed-N``."""
    config: Mapping[str, Any]
    """JSON-able."""

    @property
    def name(self) -> str:
        """``STUDY/ARM/SIZE/seed-N``."""
        return f"{self.study}/{self.path}"


class Tracker(ABC):
    """Writes runs somewhere. Any of its methods may raise anything, and may take as long as a network does."""

    needs: str
    """The module that it cannot do without."""
    where: str = ""
    """What to tell the person who wants to look; known once a run was opened."""

    def __init__(self) -> None:
        self._opened: dict[str, Any] = {}

    def log(self, run: TrackedRun, points: Sequence[Point]) -> None:
        """Add points to a run; they need not be later than those before."""
        self._log(self._open_once(run), points)

    def finish(self, run: TrackedRun, results: Mapping[str, float], steps: int) -> None:
        """Add what was evaluated after the last of ``steps`` and end the run."""
        handle = self._open_once(run)
        self._finish(handle, results, steps)
        del self._opened[run.id]

    def close(self) -> None:
        """End what is still open as unfinished."""
        while self._opened:
            self._abandon(self._opened.popitem()[1])

    def _open_once(self, run: TrackedRun) -> Any:
        if run.id not in self._opened:
            self._opened[run.id] = self._open(run)
        return self._opened[run.id]

    @abstractmethod
    def _open(self, run: TrackedRun) -> Any:
        """Begin the run, or go on with what was begun of it; the library's handle."""

    @abstractmethod
    def _log(self, handle: Any, points: Sequence[Point]) -> None: ...

    @abstractmethod
    def _finish(self, handle: Any, results: Mapping[str, float], steps: int) -> None: ...

    @abstractmethod
    def _abandon(self, handle: Any) -> None: ...


class WeightsAndBiases(Tracker):
    """W&B: a project (default the study's name), runs grouped by size, in ``wandb/`` of the run folder until sent."""

    needs = "wandb"

    def __init__(self, project: str, study: str, out: Path) -> None:
        super().__init__()
        os.environ.setdefault("WANDB_SILENT", "true")
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        self.wandb = wandb = import_module("wandb")
        self.project = project or os.environ.get("WANDB_PROJECT") or study
        self.folder = Path(os.environ.get("WANDB_DIR") or out).absolute()
        self.online = wandb.setup().settings.mode in {"online", "shared"}
        try:
            known = not self.online or wandb.login(prompt=False, verify=False)  # looks a key up, neither asks nor sends
        except wandb.Error as problem:
            raise InputError(f"--track wandb: {problem}") from None
        if not known:
            raise InputError(
                "--track wandb: there is no W&B key on this machine. Run 'wandb login' once, or set "
                "WANDB_MODE=offline and send the runs later with 'wandb sync'"
            )

    def _open(self, run: TrackedRun) -> Any:
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = self.wandb.init(
            project=self.project,
            dir=self.folder,
            id=run.id,
            name=run.name,
            group=f"{run.study}/{run.config['size']}",
            config=dict(run.config),
            resume="allow" if self.online else None,
            reinit="create_new",
            settings=self.wandb.Settings(
                silent=True, console="off", x_disable_stats=True, save_code=False, init_timeout=NETWORK_SECONDS
            ),
        )
        handle.define_metric("step", hidden=True)
        handle.define_metric("*", step_metric="step")
        self.where = handle.project_url if self.online else f"{self.folder / 'wandb'} (to send it: wandb sync)"
        return handle

    def _log(self, handle: Any, points: Sequence[Point]) -> None:
        for step, values in points:
            handle.log({"step": step, **values})

    def _finish(self, handle: Any, results: Mapping[str, float], steps: int) -> None:
        handle.log({"step": steps, **results})
        handle.finish()

    def _abandon(self, handle: Any) -> None:
        handle.finish(exit_code=1)


class TensorBoard(Tracker):
    """TensorBoard: event files under a folder (default ``tensorboard/`` of the run folder), a subfolder a run.

    The writer is TensorBoard's own, the one that torch's is made from: torch would take seconds to import, and the
    program that starts the workers has no other use for it.
    """

    needs = "tensorboard"

    def __init__(self, folder: str, study: str, out: Path) -> None:
        super().__init__()
        messages = "tensorboard.compat.proto."
        self.event = import_module(f"{messages}event_pb2").Event
        self.summary = import_module(f"{messages}summary_pb2").Summary
        self.tensor = import_module(f"{messages}tensor_pb2").TensorProto
        self.text = import_module("tensorboard.plugins.text.metadata").create_summary_metadata("", "")
        self.writer = import_module("tensorboard.summary.writer.event_file_writer").EventFileWriter
        self.folder = (Path(folder) if folder else out / "tensorboard").absolute()
        self.where = f"tensorboard --logdir {self.folder}"

    def _open(self, run: TrackedRun) -> Any:
        handle = self.writer(str(self.folder / run.name))
        told = f"```json\n{json.dumps(run.config, indent=1, ensure_ascii=False)}\n```"
        text = self.tensor(dtype="DT_STRING", string_val=[told.encode()])
        value = self.summary.Value(tag="config", metadata=self.text, tensor=text)
        handle.add_event(self.event(wall_time=time.time(), step=0, summary=self.summary(value=[value])))
        return handle

    def _log(self, handle: Any, points: Sequence[Point]) -> None:
        for step, values in points:
            scalars = [self.summary.Value(tag=name, simple_value=value) for name, value in values.items()]
            handle.add_event(self.event(wall_time=time.time(), step=step, summary=self.summary(value=scalars)))
        handle.flush()

    def _finish(self, handle: Any, results: Mapping[str, float], steps: int) -> None:
        self._log(handle, [(steps, results)])
        handle.close()

    def _abandon(self, handle: Any) -> None:
        handle.close()


class MLflow(Tracker):
    """MLflow: a server or a database (default ``mlflow.db`` in the run folder), an experiment a study."""

    needs = "mlflow"

    def __init__(self, uri: str, study: str, out: Path) -> None:
        super().__init__()
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(NETWORK_SECONDS))
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        self.entities, self.tracking = import_module("mlflow.entities"), import_module("mlflow.tracking")
        self.uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(out / 'mlflow.db').absolute()}"
        if self.uri.startswith("sqlite:") and find_spec("sqlalchemy") is None:
            raise InputError(f"--track mlflow: {self.uri} needs SQLAlchemy; run: pip install 'assay[track]'")
        if self.uri.startswith("file:") or "://" not in self.uri:
            raise InputError(
                f"--track mlflow:{self.uri}: MLflow no longer writes to folders; give a database, such as "
                "mlflow:sqlite:////absolute/path.db, or a server's http address"
            )
        self.study = study
        self.client: Any = None
        self.experiment = ""
        self.where = f"mlflow ui --backend-store-uri {self.uri}" if "sqlite:" in self.uri else self.uri

    def _open(self, run: TrackedRun) -> Any:
        if self.client is None:
            self.client = self.tracking.MlflowClient(tracking_uri=self.uri)
            known = self.client.get_experiment_by_name(self.study)
            self.experiment = known.experiment_id if known else self.client.create_experiment(self.study)
        begun = self.client.search_runs([self.experiment], f"tags.`assay.run` = '{run.id}'", max_results=1)
        if begun:
            self.client.update_run(begun[0].info.run_id, status="RUNNING")
            return begun[0].info.run_id
        handle = self.client.create_run(self.experiment, run_name=run.name, tags={"assay.run": run.id}).info.run_id
        parameters = [self.entities.Param(name, str(value)) for name, value in _flat(run.config)]
        for start in range(0, len(parameters), MLFLOW_BATCH // 10):
            self.client.log_batch(handle, params=parameters[start : start + MLFLOW_BATCH // 10])
        return handle

    def _log(self, handle: Any, points: Sequence[Point]) -> None:
        now = round(time.time() * 1000)
        metrics = [
            self.entities.Metric(name, value, now, step) for step, values in points for name, value in values.items()
        ]
        for start in range(0, len(metrics), MLFLOW_BATCH):
            self.client.log_batch(handle, metrics=metrics[start : start + MLFLOW_BATCH])

    def _finish(self, handle: Any, results: Mapping[str, float], steps: int) -> None:
        self._log(handle, [(steps, results)])
        self.client.set_terminated(handle)

    def _abandon(self, handle: Any) -> None:
        self.client.set_terminated(handle, status="KILLED")


class Trackio(Tracker):
    """trackio: a local project (default the study's name); it knows runs by name, so the identity is part of that."""

    needs = "trackio"

    def __init__(self, project: str, study: str, out: Path) -> None:
        super().__init__()
        os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        self.trackio = import_module("trackio")
        self.project = project or study
        self.where = f"trackio show --project {self.project}"

    def _open(self, run: TrackedRun) -> Any:
        with contextlib.redirect_stdout(sys.stderr):  # it prints; standard output is for results
            return self.trackio.init(
                project=self.project,
                name=f"{run.name} {run.id[:6]}",
                group=f"{run.study}/{run.config['size']}",
                config=dict(run.config),
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )

    def _log(self, handle: Any, points: Sequence[Point]) -> None:
        for step, values in points:
            handle.log(dict(values), step=step)

    def _finish(self, handle: Any, results: Mapping[str, float], steps: int) -> None:
        handle.log(dict(results), step=steps)
        self._abandon(handle)

    def _abandon(self, handle: Any) -> None:
        with contextlib.redirect_stdout(sys.stderr):
            handle.finish()


TRACKERS: Mapping[str, type[Any]] = {
    "wandb": WeightsAndBiases,
    "tensorboard": TensorBoard,
    "mlflow": MLflow,
    "trackio": Trackio,
}


def open_trackers(wanted: Sequence[str], study: str, out: Path) -> dict[str, Tracker]:
    """The trackers that a person asked for, by what was asked. Writes nothing and sends nothing yet.

    Args:
        wanted: ``NAME`` or ``NAME:WHERE``: a W&B or trackio project, a folder for TensorBoard, an address for MLflow.
        study: The study's name.
        out: The run folder.

    Raises:
        InputError: A name is unknown, a library is not installed, or what the tracker needs is not there.
    """
    opened: dict[str, Tracker] = {}
    for one in dict.fromkeys(wanted):
        name, _, where = one.partition(":")
        if name not in TRACKERS:
            raise InputError(f"--track {one}: there is no tracker '{name}'{nearest(name, TRACKERS)}")
        if find_spec(TRACKERS[name].needs) is None:
            raise InputError(f"--track {one}: the package {name} is not installed; run: pip install 'assay[track]'")
        try:
            opened[one] = TRACKERS[name](where, study, out)
        except ImportError as problem:
            raise InputError(f"--track {one}: the package {name} cannot be imported: {problem}") from None
    return opened


def _flat(config: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested configuration as ``outer.inner`` pairs; lists as JSON."""
    pairs: list[tuple[str, Any]] = []
    for name, value in config.items():
        if isinstance(value, Mapping):
            pairs += _flat(value, f"{prefix}{name}.")
        else:
            pairs.append((f"{prefix}{name}", json.dumps(value) if isinstance(value, list) else value))
    return pairs
