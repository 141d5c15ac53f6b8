"""Trackers hold what the study's own files hold, read back with each tracker's own code, and cost a study nothing."""

import json
import os
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InputError
from assay.run.track import trackers as trackers_module
from assay.run.track.trackers import TRACKERS, TrackedRun, Tracker, open_trackers
from assay.run.track.tracking import TRACKED, _Channel, points_of
from assay.train.log import TRAINING_LOG, TrainingLog, read_training_log
from tiny_study import TinyStudy

INSTALLED = [name for name in TRACKERS if find_spec(TRACKERS[name].needs)]
RUN = TrackedRun("0123456789abcdef", "tiny", "half.none/1M/seed-0", {"size": "1M", "train": {"learning_rate": 0.001}})
Curves = dict[str, dict[int, float]]
"""By metric: value by step."""


@dataclass
class Tracked:
    """A tiny study that was tracked by everything installed."""

    study: TinyStudy
    environment: dict[str, str]
    said: str
    dead: str

    @property
    def out(self) -> Path:
        folder: Path = self.study.folder / "out"
        return folder

    def logs(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Name of each tracker run, and the training log of its last state."""
        for segment in json.loads((self.out / "curves.json").read_text())["segments"]:
            manifests = [
                (path, json.loads(path.read_text())) for path in self.study.store.glob("objects/state/*/manifest.json")
            ]
            (folder,) = [
                path.parent
                for path, told in manifests
                if told["recipe"]["seed"] == segment["seed"]
                and json.loads((path.parent / "history.json").read_text())["step"] == len(segment["step"])
                and [round(loss, 6) for loss in json.loads((path.parent / "history.json").read_text())["losses"]]
                == segment["loss"]
            ]
            for arm in segment["arms"]:
                name = f"tiny/{arm}/{segment['size']}/seed-{segment['seed']}"
                yield name, read_training_log(folder / TRAINING_LOG)


@pytest.fixture(scope="module")
def tracked(ran: TinyStudy, tiny: Callable[[], TinyStudy]) -> Tracked:
    """A tiny study trained anew from stored tokens, tracked by all that is installed and a server that is not there."""
    if not INSTALLED:
        pytest.skip("no tracker is installed (the extra 'track')")
    study = tiny()
    shutil.copytree(ran.store, study.store, copy_function=os.link, ignore=shutil.ignore_patterns("state", "scores"))
    environment = {"WANDB_MODE": "offline", "TRACKIO_DIR": str(study.folder / "trackio")}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening: refused
        dead = f"mlflow:http://127.0.0.1:{taken.getsockname()[1]}"
        options = _options([*INSTALLED, *([dead] if "mlflow" in INSTALLED else [])])
        done = study.assay(
            "run", "study.yaml", "--out", "out", *options, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0", **environment
        )
    assert done.returncode == 0, done.stderr
    assert len(study.made(study.folder / "out", "state")) == 6 * 2
    return Tracked(study, environment, done.stderr, dead)


def _options(names: list[str]) -> list[str]:
    return [word for name in names for word in ("--track", name)]


def _need(name: str) -> None:
    if name not in INSTALLED:
        pytest.skip(f"{name} is not installed (the extra 'track')")


def _expected(log: list[dict[str, Any]]) -> Curves:
    """What a tracker's curves must be, straight from the lines."""
    curves: Curves = {}
    for line in log:
        if "loss" in line and "event" not in line:
            for name in ("loss", "learning_rate", "gradient_norm", "tokens"):
                curves.setdefault(f"train/{name}", {})[line["step"]] = line[name]
        for name, bits in line.get("heldout", {}).items():
            curves.setdefault(f"heldout/{name}", {})[line["step"]] = bits
    return curves


def _check(found: Mapping[str, Curves], tracked: Tracked, tolerance: float = 1e-12) -> None:
    """Every run's curves are its training log's, and the results average to the table of results over the seeds."""
    logs = dict(tracked.logs())
    assert set(found) == set(logs)
    assert len(found) == 3 * 2
    for name, log in logs.items():
        for metric, curve in _expected(log).items():
            assert found[name][metric] == pytest.approx(curve, rel=tolerance), (name, metric)
        steps = len(found[name]["train/loss"])
        for metric, curve in found[name].items():
            assert not metric.startswith("results/") or set(curve) == {steps}
    for row in json.loads((tracked.out / "results.json").read_text())["arms_table"]:
        values = [
            value
            for name, curves in found.items()
            if name.startswith(f"tiny/{row['arm']}/{row['size']}/")
            for value in curves[f"results/{row['metric']}"].values()
        ]
        assert len(values) == 2
        assert statistics.mean(values) == pytest.approx(row["value"], rel=max(tolerance, 1e-9))


def test_a_training_log_goes_on_where_it_was_left_and_reads_back_as_written(tmp_path: Path) -> None:
    log = TrainingLog()
    log.step(1, 6.25, 1e-3, 0.1 + 0.2, 128)
    log.heldout(1, {"code": 3.5, "text": 2.5})
    log.write(tmp_path)
    again = TrainingLog.load(tmp_path)
    again.step(2, 6.0, 1e-3, 1.0, 256)
    again.event(2, "spike", loss=float("inf"), usual=6.1)
    again.write(tmp_path)
    assert len(log.lines) == 2
    assert read_training_log(tmp_path / TRAINING_LOG) == [
        {"step": 1, "loss": 6.25, "learning_rate": 1e-3, "gradient_norm": 0.30000000000000004, "tokens": 128},
        {"step": 1, "heldout": {"code": 3.5, "text": 2.5}},
        {"step": 2, "loss": 6.0, "learning_rate": 1e-3, "gradient_norm": 1.0, "tokens": 256},
        {"step": 2, "event": "spike", "loss": "inf", "usual": 6.1},
    ]
    assert points_of(read_training_log(tmp_path / TRAINING_LOG)) == [
        (1, {"train/loss": 6.25, "train/learning_rate": 1e-3, "train/gradient_norm": 0.30000000000000004,
             "train/tokens": 128, "heldout/code": 3.5, "heldout/text": 2.5}),
        (2, {"train/loss": 6.0, "train/learning_rate": 1e-3, "train/gradient_norm": 1.0, "train/tokens": 256,
             "event/spike": 1.0}),
    ]  # fmt: skip


def test_a_tracked_study_has_the_bits_of_one_that_is_not(tracked: Tracked, ran: TinyStudy) -> None:
    names = [str(path.relative_to(ran.folder)) for path in ran.folder.glob("out/items/*")]
    for name in ["out/results.json", "out/curves.json", "out/ledger.json", "out/plan.json", *names]:
        assert (tracked.study.folder / name).read_bytes() == (ran.folder / name).read_bytes(), name
    assert set(json.loads((tracked.out / TRACKED).read_text())) == set(INSTALLED)
    for name in INSTALLED:
        assert f"Tracked by {name}: " in tracked.said


def test_tensorboard_shows_curves_configuration_results_and_live_points(tracked: Tracked) -> None:
    _need("tensorboard")
    accumulator = import_module("tensorboard.backend.event_processing.event_accumulator").EventAccumulator
    found: dict[str, Curves] = {}
    live: Curves = {}
    for file in (tracked.out / "tensorboard").rglob("events.*"):
        name = str(file.parent.relative_to(tracked.out / "tensorboard"))
        events = accumulator(str(file.parent), size_guidance={"scalars": 0})
        events.Reload()
        tags = events.Tags()["scalars"]
        found[name] = {tag: {one.step: one.value for one in events.Scalars(tag)} for tag in tags}
        live[name] = found[name].pop("live/loss", {})
        config = events.Tensors("config/text_summary" if "config/text_summary" in tags else "config")[0]
        told = json.loads(config.tensor_proto.string_val[0].decode().removeprefix("```json").removesuffix("```"))
        assert f"tiny/{told['arm']}/{told['size']}/seed-{told['seed']}" == name
        assert (tracked.study.store / "objects" / "state" / told["state"]).is_dir()
    _check(found, tracked, tolerance=1e-6)  # its scalars are float32
    assert any(live.values()), "a segment's first report is shown at once"
    for name, curve in live.items():
        for step, loss in curve.items():
            assert loss == pytest.approx(found[name]["train/loss"][step], rel=1e-6)


def test_wandb_offline_files_hold_everything_and_are_ready_to_be_sent(tracked: Tracked) -> None:
    _need("wandb")
    found: dict[str, Curves] = {}
    for file in (tracked.out / "wandb").glob("offline-run-*/*.wandb"):
        curves: Curves = {}
        name, ended = "", False
        for record in _wandb_records(file):
            if record.HasField("run"):
                name = record.run.display_name or name
                assert record.run.project in {"", "tiny"}
            if record.HasField("history"):
                row = {
                    item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item
                }
                for metric, value in row.items():
                    if metric.startswith(("train/", "heldout/", "results/")):
                        curves.setdefault(metric, {})[row["step"]] = value
            if record.HasField("exit"):
                ended = record.exit.exit_code == 0
        assert ended
        found[name] = curves
    _check(found, tracked)


def _wandb_records(file: Path) -> Iterator[Any]:
    """The records of a ``.wandb`` file: LevelDB's log format with W&B's own protobuf messages in it."""
    message = import_module("wandb.proto.wandb_internal_pb2").Record
    data, place, parts = file.read_bytes(), 7, b""
    assert data[:4] == b":W&B"
    while place + 7 <= len(data):
        room = 32768 - place % 32768
        if room < 7:
            place += room
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        parts += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in {1, 4}:  # whole, or the last part
            yield message.FromString(parts)
            parts = b""


def test_mlflow_holds_curves_parameters_and_results(tracked: Tracked) -> None:
    _need("mlflow")
    client = import_module("mlflow.tracking").MlflowClient(tracking_uri=f"sqlite:///{tracked.out / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    found: dict[str, Curves] = {}
    for run in runs:
        history = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
        found[run.info.run_name] = {name: {one.step: one.value for one in past} for name, past in history.items()}
        assert run.info.status == "FINISHED"
        assert run.data.params["seed"] == run.info.run_name[-1]
        assert float(run.data.params["train.learning_rate"]) > 0
        assert json.loads(run.data.params["stages"])[0]["mix"]
    _check(found, tracked)


def test_trackio_holds_curves_and_results(tracked: Tracked) -> None:
    _need("trackio")
    program = (
        "import json; from trackio.sqlite_storage import SQLiteStorage as S; "
        "print(json.dumps({run: S.get_logs('tiny', run) for run in S.get_runs('tiny')}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **tracked.environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: dict[str, Curves] = {}
    for name, rows in json.loads(done.stdout.splitlines()[-1]).items():
        curves = found.setdefault(name.split(" ")[0], {})
        for row in rows:
            for metric, value in row.items():
                if metric.startswith(("train/", "heldout/", "results/")):
                    curves.setdefault(metric, {})[row["step"]] = value
    _check(found, tracked)


def test_a_dead_tracker_is_told_once_and_neither_the_study_nor_another_tracker_stops(tracked: Tracked) -> None:
    _need("mlflow")
    assert tracked.said.count("is given up, the study is not") == 1
    assert f"--track {tracked.dead} is given up" in tracked.said
    assert all(len(runs) == 3 * 2 for runs in json.loads((tracked.out / TRACKED).read_text()).values())


def test_a_finished_study_can_be_tracked_later_and_nothing_is_written_twice(copied: TinyStudy) -> None:
    _need("tensorboard")
    words = ("run", "study.yaml", "--out", "out", "--track", "tensorboard:board")
    done = copied.assay(*words)
    assert done.returncode == 0, done.stderr
    assert "nothing was downloaded, trained or evaluated" in done.stdout
    assert len(list((copied.folder / "board" / "tiny").rglob("events.*"))) == 3 * 2
    shutil.rmtree(copied.store / "objects" / "scores")
    again = copied.assay(*words, "--track", "tensorboard:other")
    assert again.returncode == 0, again.stderr
    assert "6 of 6 runs cannot be tracked" in again.stderr
    assert not (copied.folder / "other").exists()
    assert len(list((copied.folder / "board" / "tiny").rglob("events.*"))) == 3 * 2


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("wand", "there is no tracker 'wand'; did you mean 'wandb'?"),
        ("mlflow:runs/here", "MLflow no longer writes to folders"),
        ("wandb", "there is no W&B key on this machine"),
    ],
)
def test_what_cannot_be_tracked_is_refused_before_anything_starts(
    tiny: Callable[[], TinyStudy], wanted: str, told: str
) -> None:
    name = wanted.partition(":")[0]
    if name in TRACKERS:
        _need(name)
    study = tiny()
    keyless = {"HOME": str(study.folder), "NETRC": "/nowhere", "WANDB_API_KEY": "", "WANDB_MODE": "online"}
    done = study.assay("run", "study.yaml", "--out", "out", "--track", wanted, **keyless)
    assert done.returncode == 2
    assert told in done.stderr
    assert not (study.folder / "out").exists()
    assert not list(study.folder.glob("store/objects/*"))


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(trackers_module, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"the package trackio is not installed; run: pip install 'assay\[track\]'"):
        open_trackers(["trackio:here"], "tiny", tmp_path)


def test_a_resumed_study_goes_on_in_the_run_it_began(tracked: Tracked, tmp_path: Path) -> None:
    _need("mlflow")
    shutil.copy(tracked.out / "mlflow.db", tmp_path)
    for attempt, end in enumerate(("KILLED", "FINISHED")):
        (tracker,) = open_trackers(["mlflow"], "tiny", tmp_path).values()
        tracker.log(RUN, [(attempt + 1, {"live/loss": 3.0 - attempt})])
        if end == "FINISHED":
            tracker.finish(RUN, {"results/x": 1.0}, 2)
        tracker.close()
        client = import_module("mlflow.tracking").MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
        (run,) = client.search_runs(
            [client.get_experiment_by_name("tiny").experiment_id], f"tags.`assay.run` = '{RUN.id}'"
        )
        assert run.info.status == end
    assert [one.value for one in client.get_metric_history(run.info.run_id, "live/loss")] == [3.0, 2.0]


def test_a_tracker_that_hangs_is_given_up_after_its_time(tmp_path: Path) -> None:
    released = threading.Event()

    class Hanging(Tracker):
        def _open(self, run: TrackedRun) -> Any:
            released.wait(30)

        def _log(self, handle: Any, points: Any) -> None: ...

        def _finish(self, handle: Any, results: Any, steps: int) -> None: ...

        def _abandon(self, handle: Any) -> None: ...

    channel = _Channel("hanging", Hanging(), str(tmp_path / "store"))
    begin = time.monotonic()
    for _ in range(3):
        channel.order(lambda tracker, _: tracker.log(RUN, []))
    channel.end(finish=True)
    channel.wait(begin + 0.2, "it took more than 0.2 seconds")
    assert time.monotonic() - begin < 5
    told = channel.news()
    assert told is not None
    assert "hanging is given up, the study is not: it took more than 0.2 seconds" in told
    assert channel.news() is None
    released.set()
