"""The store on an object store: a real S3 server on loopback, several machines played by several cache folders."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from assay.errors import InputError, StepError
from assay.run.engine import Engine
from assay.run.remote import RemoteStore
from assay.run.step import Step
from assay.run.store import MANIFEST, Damaged, Store, open_store, seal
from tiny_study import TinyStudy

ABOUT = {"recipe": {"a": 1}, "inputs": {}, "numerics": None}


class Server:
    """An S3 server in a process of its own; what it holds is lost with it."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                assert time.monotonic() < until, "the S3 server does not answer"
                time.sleep(0.05)
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def bucket(self, name: str) -> str:
        """The address of a store in a new bucket that keeps every version of every object."""
        self.client.create_bucket(Bucket=name)
        self.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return f"s3://{name}/assay"

    def held(self, bucket: str, folder: str) -> list[str]:
        """What is under a folder of the store."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"assay/{folder}")
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def writes(self, bucket: str, folder: str) -> dict[str, int]:
        """How often each object under a folder was written."""
        counts: dict[str, int] = {}
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=f"assay/{folder}")
        for page in pages:
            for one in page.get("Versions", []):
                counts[one["Key"]] = counts.get(one["Key"], 0) + 1
        return counts

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The server of this module's tests, with its address in the environment."""
    one = Server()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in one.environment.items():
            patch.setenv(name, value)
        yield one
    one.end()


@pytest.fixture
def on(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., RemoteStore]:
    """Open a store as a named machine, which has a cache folder of its own."""

    def machine(name: str, address: str) -> RemoteStore:
        monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / name))
        store = open_store(address)
        assert isinstance(store, RemoteStore)
        return store

    return machine


def published(store: Store, text: str, key: str = "k") -> None:
    with store.staging() as out:
        (out / "inner").mkdir()
        (out / "inner" / "file.txt").write_text(text)
        (out / "other.txt").write_text("other")
        store.publish(out, "thing", key, ABOUT)


def read(store: Store, key: str = "k") -> str:
    return (store.open("thing", key) / "inner" / "file.txt").read_text()


def object_of(store: RemoteStore, name: str = "inner/file.txt") -> str:
    """Where the content of a file of the artifact ``k`` lies in its bucket."""
    return "assay/blobs/" + str(store.manifest("thing", "k")["files"][name]["sha256"])


def test_what_one_machine_publishes_another_finds_with_what_made_it(server: Server, on: Any) -> None:
    address = server.bucket("found")
    a, b = on("a", address), on("b", address)
    b.look()
    assert not b.has("thing", "k")
    published(a, "hello")
    assert b.has("thing", "k")
    assert not b.listed("thing", "k"), "as of the last look"
    b.look()
    assert b.listed("thing", "k")
    assert list(b.artifacts()) == [("thing", "k")]
    assert read(b) == "hello"
    assert b.manifest("thing", "k")["recipe"] == {"a": 1}
    for store in (a, b):
        assert list((store.root / "staging").iterdir()) == []


def test_one_file_is_had_without_the_others(server: Server, on: Any) -> None:
    address = server.bucket("single")
    published(on("a", address), "hello")
    b = on("b", address)
    assert b.file("thing", "k", "other.txt").read_text() == "other"
    assert not (b.place("thing", "k") / "inner").exists()
    assert read(b) == "hello"
    with pytest.raises(Damaged):
        on("c", address).file("thing", "k", "none.txt")


def test_two_machines_that_publish_one_key_both_read_the_winners_bytes(server: Server, on: Any) -> None:
    address = server.bucket("race")
    stores = [on(name, address) for name in "abcd"]
    ready = threading.Barrier(len(stores))

    def publish(store: RemoteStore, text: str) -> None:
        ready.wait()
        published(store, text)

    threads = [threading.Thread(target=publish, args=(store, f"by {store.root}")) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({read(store) for store in (*stores, on("e", address))}) == 1
    assert server.writes("race", "objects") == {"assay/objects/thing/k.json": 1}
    assert all(list((store.root / "staging").iterdir()) == [] for store in stores)


@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "manifest cut", "manifest of another", "manifest removed"])
def test_damage_on_the_server_is_told_and_the_artifact_can_be_made_anew(server: Server, on: Any, harm: str) -> None:
    bucket = "damage-" + harm.replace(" ", "-")
    address = server.bucket(bucket)
    a = on("a", address)
    published(a, "hello")
    manifest, blob = "assay/objects/thing/k.json", object_of(a)
    if harm == "remove":
        server.client.delete_object(Bucket=bucket, Key=blob)
    elif harm == "manifest removed":
        server.client.delete_object(Bucket=bucket, Key=manifest)
    else:
        body = {
            "flip": b"hellO",
            "cut": b"hell",
            "manifest cut": b'{"files": {',
            "manifest of another": b'{"files": {}}',
        }
        server.client.put_object(Bucket=bucket, Key=manifest if "manifest" in harm else blob, Body=body[harm])
    b = on("b", address)
    with pytest.raises(Damaged, match="run the same command again"):
        read(b)
    assert not b.has("thing", "k")
    published(b, "hello")
    assert read(b) == read(on("c", address)) == "hello"


@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "manifest"])
def test_a_damaged_copy_in_the_cache_is_fetched_again(server: Server, on: Any, harm: str) -> None:
    address = server.bucket(f"cache-{harm}")
    a = on("a", address)
    published(a, "hello")
    path = a.place("thing", "k") / "inner" / "file.txt"
    if harm == "remove":
        path.unlink()
    else:
        (path.parents[1] / MANIFEST if harm == "manifest" else path).write_text({"cut": "hell"}.get(harm, "hellO"))
    assert read(on("a", address)) == "hello"
    assert list((a.root / "staging").iterdir()) == []


def save(store: RemoteStore, step: int, last: bool = True) -> None:
    folder = store.root / "partial" / "k" / f"step-{step:09d}"
    folder.mkdir(parents=True)
    (folder / "state").write_text(f"after {step}")
    seal(folder, {"step": step})
    store.keep_partial("k", last)


def test_uploads_of_saves_take_a_small_part_of_the_time(
    server: Server, on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, files = on("a", server.bucket("slow")), "assay/partial/k/step-0000000{}/{}"
    put = store.fs.put_file
    monkeypatch.setattr(store.fs, "put_file", lambda *names: (time.sleep(0.5), put(*names)))
    save(store, 10, last=False)
    save(store, 20, last=False)
    assert files.format(10, "state") in server.held("slow", "partial"), "uploading took a second, so not again for ten"
    save(store, 30, last=True)
    assert server.held("slow", "partial") == [files.format(30, MANIFEST), files.format(30, "state")]


def test_a_save_that_cannot_be_uploaded_ends_nothing(
    server: Server, on: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = on("a", "s3://bucket/assay")
    store.fs.client_kwargs["endpoint_url"] = "http://127.0.0.1:9"
    save(store, 10)
    assert "is kept on this machine only" in capsys.readouterr().err
    assert (store.root / "partial" / "k" / "step-000000010").is_dir()


def test_the_newest_save_of_unfinished_work_is_had_on_every_machine(server: Server, on: Any) -> None:
    address = server.bucket("saves")
    a, b, c = on("a", address), on("b", address), on("c", address)
    assert not a.partial("k").exists()
    save(a, 10)
    save(a, 20)
    assert sorted({name.split("/")[3] for name in server.held("saves", "partial")}) == ["step-000000020"]
    assert (b.partial("k") / "step-000000020" / "state").read_text() == "after 20"
    save(b, 30)
    assert (a.partial("k") / "step-000000030" / "state").read_text() == "after 30", "newer than its own"
    save(c, 25)
    assert "assay/partial/k/step-000000030/state" in server.held("saves", "partial"), "an older save replaces none"
    server.client.put_object(Bucket="saves", Key="assay/partial/k/step-000000030/state", Body=b"harmed")
    assert not on("d", address).partial("k").exists()
    a.drop_partial("k")
    assert server.held("saves", "partial") == []
    assert not (a.root / "partial" / "k").exists()


def test_removed_artifacts_are_gone_for_all_and_their_content_goes_unless_others_share_it(
    server: Server, on: Any
) -> None:
    address = server.bucket("removed")
    a = on("a", address)
    published(a, "hello")
    published(a, "shared", key="l")
    a.remove("thing", "k")
    assert not on("b", address).has("thing", "k")
    assert a.sweep() == 1
    assert read(on("c", address), "l") == "shared"


class WithoutCreate(LocalFileSystem):  # type: ignore[misc]
    """A file system that cannot make sure of writing a file only if there is none."""

    protocol = "withoutcreate"

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **more: Any) -> None:
        if mode == "create":
            raise NotImplementedError
        super().pipe_file(path, value, **more)


def test_where_nothing_can_be_created_exclusively_a_look_beforehand_does(on: Any, tmp_path: Path) -> None:
    fsspec.register_implementation("withoutcreate", WithoutCreate, clobber=True)
    for address in (f"withoutcreate://{tmp_path}/far", f"local://{tmp_path}/near", "memory://store"):
        a, b = (on(f"{name}{address[:3]}", address) for name in "ab")
        published(a, "one")
        published(b, "two")
        assert read(a) == read(b) == "one"
        b.look()
        assert b.listed("thing", "k")
        b.remove("thing", "k")
        assert not a.has("thing", "k")


def test_an_address_that_cannot_work_is_the_users_mistake(server: Server, on: Any) -> None:
    with pytest.raises(InputError, match="there is no bucket nosuch"):
        on("a", "s3://nosuch/assay").look()
    with pytest.raises(InputError, match="cannot be used"):
        on("a", "nosuch://bucket")


def test_a_missing_library_is_named_with_how_to_get_it(tiny: Callable[[], TinyStudy]) -> None:
    study = tiny()
    for name in ("fsspec", "s3fs"):
        (study.folder / name).mkdir()
        (study.folder / name / f"{name}.py").write_text(
            f"raise ModuleNotFoundError(\"No module named '{name}'\", name='{name}')"
        )
        done = study.assay("run", "study.yaml", ASSAY_STORE="s3://b/x", PYTHONPATH=str(study.folder / name))
        assert done.returncode == 2
        assert "pip install 'assay[remote]'" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_server_that_does_not_answer_is_told_within_half_a_minute(
    server: Server, on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as silent:  # takes connections and never says anything
        silent.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        store = on("a", "s3://closed/assay")
        begin = time.monotonic()
        with pytest.raises(StepError, match="cannot be reached"):
            store.look()
        assert time.monotonic() - begin < 15, "nobody listens"


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


@pytest.mark.slow
def test_a_server_that_hangs_is_told_too(server: Server, on: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        store = on("a", "s3://hung/assay")
        begin = time.monotonic()
        with pytest.raises(StepError, match="cannot be reached"):
            store.look()
        assert time.monotonic() - begin < 50


class Idle(Engine):
    """An engine that carries nothing out."""

    workers = 1
    numerics: dict[str, str] = {}  # noqa: RUF012

    def _can_give(self) -> bool:
        raise AssertionError

    def _give(self, step: Step) -> str:
        raise AssertionError

    def _hear(self) -> Any:
        raise AssertionError

    def _end(self) -> None:
        pass


def test_a_thousand_artifacts_are_found_at_once(server: Server, on: Any) -> None:
    address = server.bucket("many")
    steps = [Step("thing", {"number": number}) for number in range(1100)]
    store = on("a", address)
    store.fs.pipe({f"many/assay/objects/thing/{step.key}.json": b"{}" for step in steps[:1050]})
    begin = time.monotonic()
    missing = Idle(on("b", address), lambda *_: None).missing(steps)
    assert time.monotonic() - begin < 3
    assert {step.key for step in missing} == {step.key for step in steps[1050:]}


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
    while kills < 3:
        process = study.start("run", "study.yaml", "--out", "out")
        time.sleep(chance.uniform(4, 10))
        assert process.poll() is None, "too late to kill it"
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        kills += 1
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


class Line:
    """A line to a server on loopback, which can be cut and mended."""

    def __init__(self, port: int) -> None:
        self._far = port
        self._ends: list[socket.socket] = []
        self._listener = self._listen(0)
        self.port = self._listener.getsockname()[1]

    def cut(self) -> None:
        """End every connection and take no new one."""
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def mend(self) -> None:
        """Take connections again."""
        self._listener = self._listen(self.port)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._take, args=(listener,), daemon=True).start()
        return listener

    def _take(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._far))
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


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
