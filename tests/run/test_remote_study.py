"""A study on an object store: several machines, each with a cache folder and a run folder of its own."""

import json
import os
import random
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from assay.run.store import MANIFEST
from s3_server import Line, Server
from tiny_study import TinyStudy


class Cloud:
    """A tiny study on a bucket of its own, run by several machines."""

    def __init__(self, server: Server, bucket: str, tiny: Callable[[], TinyStudy], run: TinyStudy) -> None:
        self.server, self.bucket, self.tiny = server, bucket, tiny
        self.address = server.bucket(bucket)
        self.results = (run.folder / "out" / "results.json").read_bytes()
        """What a store in a local folder gives."""

    def machine(self, **environment: str) -> TinyStudy:
        """A machine that has nothing yet, not even a run folder."""
        study = self.tiny()
        cache = str(study.folder / "cache")
        more = {**self.server.environment, "ASSAY_STORE": self.address, "ASSAY_CACHE": cache, **environment}
        return TinyStudy(study.folder, {**study.environment, **more})

    def finish(self, study: TinyStudy) -> str:
        """Run to the end, see that the results are those of a local store; what it said."""
        done = study.assay("run", "study.yaml", "--out", "out")
        assert done.returncode == 0, done.stderr
        assert (study.folder / "out" / "results.json").read_bytes() == self.results
        for leftovers in (study.folder / "cache").glob("*/staging/*"):
            raise AssertionError(leftovers)
        return str(done.stderr)


def ended(study: TinyStudy, name: str = "title") -> list[str]:
    """Titles, or keys, of the steps that a machine had carried out."""
    events = map(json.loads, (study.folder / "out" / "log.jsonl").read_text().splitlines())
    return [event[name] for event in events if event["event"] == "end" and event["done"]]


@pytest.fixture
def cloud(server: Server, tiny: Callable[[], TinyStudy], ran: TinyStudy, request: pytest.FixtureRequest) -> Cloud:
    """A bucket for one test."""
    return Cloud(server, f"cloud-{abs(hash(request.node.name)) % 10**8}", tiny, ran)


@pytest.fixture(scope="module")
def filled(server: Server, tiny: Callable[[], TinyStudy], ran: TinyStudy) -> tuple[Cloud, TinyStudy]:
    """A bucket to which one machine has run the study, and that machine."""
    cloud = Cloud(server, "filled", tiny, ran)
    first = cloud.machine()
    cloud.finish(first)
    return cloud, first


def test_a_study_has_a_local_stores_results_and_another_machine_makes_nothing(
    filled: tuple[Cloud, TinyStudy], server: Server
) -> None:
    cloud, first = filled
    assert len(ended(first)) == len(server.held("filled", "objects"))
    second = cloud.machine()
    cloud.finish(second)
    assert "end" not in {json.loads(line)["event"] for line in (second.folder / "out" / "log.jsonl").open()}
    assert set(server.writes("filled", "objects").values()) == {1}
    assert server.held("filled", "partial") == []


@pytest.mark.slow
def test_damage_during_a_study_is_said_and_made_anew_with_the_same_results(
    server: Server, tiny: Callable[[], TinyStudy], ran: TinyStudy, filled: tuple[Cloud, TinyStudy]
) -> None:
    cloud = Cloud(server, "harmed", tiny, ran)
    for name in server.held("filled", ""):
        server.client.copy_object(Bucket="harmed", Key=name, CopySource={"Bucket": "filled", "Key": name})
    state, scores = server.held("harmed", "objects/state")[0], server.held("harmed", "objects/scores")[0]
    titles = []
    for name in (state, scores):
        manifest = json.loads(server.client.get_object(Bucket="harmed", Key=name)["Body"].read())
        titles.append(manifest["title"])
    blob = "assay/blobs/" + manifest["files"]["scores.parquet"]["sha256"]
    server.client.put_object(Bucket="harmed", Key=state, Body=b"{")
    server.client.put_object(Bucket="harmed", Key=blob, Body=b"nonsense")
    study = cloud.machine()
    said = cloud.finish(study)
    assert "has no manifest that can be read; it is made anew" in said
    assert "is damaged (scores.parquet is not what was written); it is made anew" in said
    assert sorted(ended(study)) == sorted(titles), "nothing but what was harmed"


@pytest.mark.slow
def test_two_machines_at_the_same_time_publish_everything_once(cloud: Cloud, server: Server) -> None:
    machines = [cloud.machine(), cloud.machine()]
    running = [machine.start("run", "study.yaml", "--out", "out", "--workers", "1") for machine in machines]
    for process in running:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    for machine in machines:
        assert (machine.folder / "out" / "results.json").read_bytes() == cloud.results
        assert ended(machine), "both had something to do"
    assert set(server.writes(cloud.bucket, "objects").values()) == {1}


@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_with_the_same_bytes(cloud: Cloud) -> None:
    study = cloud.machine()
    chance, kills = random.Random(3), 0
    for _ in range(4):
        process = study.start("run", "study.yaml", "--out", "out")
        time.sleep(chance.uniform(1.5, 4))
        if process.poll() is None:
            kills += 1
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert kills >= 2
    cloud.finish(study)
    assert set(cloud.server.writes(cloud.bucket, "objects").values()) == {1}


@pytest.mark.slow
def test_work_put_aside_on_one_machine_is_gone_on_with_on_another(cloud: Cloud, tiny: Callable[[], TinyStudy]) -> None:
    def longer(study: TinyStudy) -> TinyStudy:
        text = study.study.read_text().replace("P: 640", "P: 19200").replace("heldout_every: 4", "heldout_every: 75")
        study.study.write_text(text.replace("seeds: 2", "seeds: 1"))
        return study

    a, b, plain = longer(cloud.machine()), longer(cloud.machine()), longer(tiny())
    process = a.start("run", "study.yaml", "--out", "out", "--workers", "1")
    while not (trained := progress_of(a)):
        assert process.poll() is None
        time.sleep(0.1)
    key = trained[0]["key"]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143
    saved = [
        name.split("/")[3] for name in cloud.server.held(cloud.bucket, f"partial/{key}") if name.endswith(MANIFEST)
    ]
    assert len(saved) == 1
    assert b.assay("run", "study.yaml", "--out", "out").returncode == 0
    first = next(event for event in progress_of(b) if event["key"] == key)
    assert first["done"] - first["new"] == int(saved[0].removeprefix("step-")) * 128 > 0
    assert cloud.server.held(cloud.bucket, "partial") == []
    assert plain.assay("run", "study.yaml", "--out", "out").returncode == 0
    ours, theirs = (one.folder / "out" / "results.json" for one in (b, plain))
    assert ours.read_bytes() == theirs.read_bytes()


def progress_of(study: TinyStudy) -> list[dict[str, Any]]:
    """What was logged of training while it went on."""
    log = study.folder / "out" / "log.jsonl"
    events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [event for event in events if event["event"] == "progress" and event["kind"] == "state"]


@pytest.mark.slow
def test_a_server_lost_on_the_way_is_told_and_the_run_goes_on_once_it_is_back(cloud: Cloud) -> None:
    line = Line(cloud.server.port)
    study = cloud.machine(AWS_ENDPOINT_URL=f"http://127.0.0.1:{line.port}")
    process = study.start("run", "study.yaml", "--out", "out")
    log = study.folder / "out" / "log.jsonl"
    while not log.exists() or log.read_text().count('"end"') < 6:
        assert process.poll() is None
        time.sleep(0.1)
    line.cut()
    begin = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - begin < 40
    assert process.returncode == 1
    assert "cannot be reached" in said
    assert "Traceback" not in said
    line.mend()
    cloud.finish(study)
    made = ended(study, "key")
    assert len(made) == len(set(made)), "what was published was not made again"
    line.cut()


def test_a_run_without_its_server_or_bucket_ends_with_one_line(server: Server, tiny: Callable[[], TinyStudy]) -> None:
    study = tiny()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        more = {**server.environment, "ASSAY_STORE": "s3://nosuch/assay", "ASSAY_CACHE": str(study.folder / "cache")}
        nobody = {**more, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        for environment, code, said in ((more, 2, "there is no bucket nosuch"), (nobody, 1, "cannot be reached")):
            done = study.assay("run", "study.yaml", "--out", "out", **environment)
            assert done.returncode == code, done.stderr
            assert said in done.stderr
            assert "Traceback" not in done.stderr
            assert len([line for line in done.stderr.splitlines() if line.startswith("assay: ")]) == 1
