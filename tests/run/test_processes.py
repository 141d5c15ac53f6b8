"""Studies whose models are each trained by several processes: by the engines, and by torchrun over two nodes."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from ray_cluster import RayCluster

from tiny_study import TinyStudy

pytestmark = pytest.mark.slow
ONE_SEED = ("--set", "seeds=1")
LONG = (*ONE_SEED, "--set", "units.P=25600")


def losses(folder: Path) -> dict[str, list[float]]:
    """By path, of seed 0."""
    segments = json.loads((folder / "curves.json").read_text())["segments"]
    return {segment["path"]: segment["loss"] for segment in segments if segment["seed"] == 0}


def test_a_study_of_two_processes_a_model_has_the_losses_of_one(copied: TinyStudy) -> None:
    several = ("--processes", "2", "--layout", "sharded")
    done = copied.assay("run", "study.yaml", "--out", "two", *ONE_SEED, *several)
    assert done.returncode == 0, done.stderr
    alone = losses(copied.folder / "out")
    for path, found in losses(copied.folder / "two").items():
        assert found == pytest.approx(alone[path], rel=2e-3)  # bfloat16 where the processor has it
    again = copied.assay("run", "study.yaml", "--out", "two", *ONE_SEED, *several)
    assert "Everything was there already" in again.stdout


def test_a_node_of_ray_trains_a_model_with_two_processes_to_the_same_bits(copied: TinyStudy) -> None:
    one_arm = (*ONE_SEED, "--set", "arms={half.none: [half, text]}", "--set", "contrasts={}")
    several = ("--processes", "2", "--layout", "sharded")
    here = copied.assay("run", "study.yaml", "--out", "two", *one_arm, *several)
    assert here.returncode == 0, here.stderr
    for state in (copied.store / "objects" / "state").iterdir():
        (state / "manifest.json").unlink()
    with RayCluster(2, 2, copied.environment) as cluster:
        ray = ("--engine", "ray", "--address", cluster.address)
        there = copied.assay("run", "study.yaml", "--out", "ray", *one_arm, *several, *ray)
    assert there.returncode == 0, there.stderr
    assert (copied.folder / "ray" / "results.json").read_bytes() == (
        copied.folder / "two" / "results.json"
    ).read_bytes()
    assert copied.made(copied.folder / "ray", "state")


def test_a_group_larger_than_its_rows_is_refused_at_once(copied: TinyStudy) -> None:
    done = copied.assay("run", "study.yaml", "--out", "five", "--processes", "5")
    assert done.returncode == 2
    assert "the 2 rows of a step cannot be dealt out to 5 processes evenly" in done.stderr


def torchrun(study: TinyStudy, node: int, port: int) -> "subprocess.Popen[bytes]":
    """One of two nodes with a process each, all on loopback."""
    options = ["--nnodes", "2", "--nproc-per-node", "1", "--max-restarts", "3", "--rdzv-backend", "c10d"]
    options += ["--rdzv-endpoint", f"127.0.0.1:{port}", "--rdzv-id", "tiny", "--local-addr", "127.0.0.1"]
    run = ["-m", "assay.train.many", "study.yaml", "--arm", "half.none", "--layout", "sharded", *LONG]
    with (study.folder / f"node{node}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "torch.distributed.run", *options, *run],
            cwd=study.folder,
            env={**study.environment, "ASSAY_SAVE_SECONDS": "0.5"},
            stdout=log,
            stderr=log,
        )


def test_two_nodes_that_lose_a_process_go_on_and_what_they_made_is_found(copied: TinyStudy) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    nodes = [torchrun(copied, number, port) for number in range(2)]
    try:
        until = time.monotonic() + 90
        while not list((copied.store / "partial").glob("*/step-*")):
            assert time.monotonic() < until
            time.sleep(0.1)
        (rank,) = psutil.Process(nodes[1].pid).children()
        rank.send_signal(signal.SIGKILL)
        assert [node.wait(120) for node in nodes] == [0, 0]
    finally:
        for node in nodes:
            node.kill()
    said = [line for node in (0, 1) for line in (copied.folder / f"node{node}.log").read_text().splitlines()]
    progress = [json.loads(line) for line in said if line.startswith('{"done"')]
    assert any(told["done"] > told["new"] for told in progress), "it went on from a save"
    made = {told["key"] for line in said if line.startswith('{"state"') for told in [json.loads(line)]}
    done = copied.assay("run", "study.yaml", "--out", "two", *LONG, "--processes", "2", "--layout", "sharded")
    assert done.returncode == 0, done.stderr
    log = (copied.folder / "two" / "log.jsonl").read_text().splitlines()
    trained = {event["key"] for event in map(json.loads, log) if event["event"] == "begin" and event["kind"] == "state"}
    assert len(made) == 2
    assert not made & trained
