"""Studies on a real Ray cluster of several nodes on this machine: equal results, losses survived, nobody called."""

import http.server
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import psutil
import pytest
from ray_cluster import RayCluster

from assay.corpus.parts import PART_BYTES
from tiny_study import TinyStudy

GUARD = """
import os, socket, sys

def _watch(event, arguments):
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else "local"
    elif event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in KNOWN:
        with open(SEEN, "a") as file:
            file.write(f"{event} {arguments[:2]} by {sys.argv}\\n")
        raise OSError(f"{host} is not this machine")

KNOWN = {None, "", "local", "localhost", "0.0.0.0", "::", *os.environ["GUARD_KNOWN"].split()}
SEEN = os.environ["GUARD_SEEN"]
sys.addaudithook(_watch)
"""


class Watched:
    """A cluster of two nodes whose processes, and the program's, are watched for reaching out."""

    def __init__(self, cluster: RayCluster, seen: Path, environment: dict[str, str]) -> None:
        self.cluster = cluster
        self.seen = seen
        self.environment = environment

    def options(self) -> list[str]:
        return ["--engine", "ray", "--address", self.cluster.address]

    def started(self, study: TinyStudy, *more: str) -> "subprocess.Popen[str]":
        """A study on the cluster that has begun to train."""
        before = len(training(study))
        study.environment.update(self.environment)
        process = study.start("run", "study.yaml", "--out", "out", *self.options(), *more)
        wait_until(lambda: any(event["event"] == "progress" for event in training(study)[before:]), process)
        return process


@pytest.fixture(scope="module")
def watched(tiny: Callable[[], TinyStudy], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("guard")
    (folder / "sitecustomize.py").write_text(GUARD)
    own = {address.address for addresses in psutil.net_if_addrs().values() for address in addresses}
    environment = {
        "PYTHONPATH": str(folder),
        "GUARD_SEEN": str(folder / "seen"),
        "GUARD_KNOWN": " ".join({*own, os.uname().nodename}),
        "ASSAY_SAVE_SECONDS": "0.2",
    }
    with RayCluster(2, 1, {**tiny().environment, **environment}) as cluster:
        yield Watched(cluster, folder / "seen", environment)
    assert not (folder / "seen").exists(), (folder / "seen").read_text()


@pytest.fixture(scope="module")
def ran_on_ray(watched: Watched, tiny: Callable[[], TinyStudy]) -> TinyStudy:
    """A tiny study that ran on the cluster into ``out``; nobody may change it."""
    study = tiny()
    done = study.assay("run", "study.yaml", "--out", "out", *watched.options(), **watched.environment)
    assert done.returncode == 0, done.stderr
    return study


def wait_until(true: Callable[[], bool], process: "subprocess.Popen[str] | None" = None, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.02)


def training(study: TinyStudy) -> list[dict[str, Any]]:
    log = study.folder / "out" / "log.jsonl"
    lines = log.read_text().split("\n")[:-1] if log.exists() else []
    return [event for event in map(json.loads, lines) if event.get("kind") == "state"]


def results(study: TinyStudy) -> bytes:
    return (study.folder / "out" / "results.json").read_bytes()


def test_without_a_cluster_it_says_how_to_start_one(ran: TinyStudy) -> None:
    if any(process.info["name"] == "gcs_server" for process in psutil.process_iter(["name"])):
        pytest.skip("a Ray cluster runs here")
    done = ran.assay("run", "study.yaml", "--out", "other", "--engine", "ray")
    assert done.returncode == 2
    assert done.stderr.startswith("assay: no Ray cluster is running here: start one with 'ray start --head")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("address", "code", "told"),
    [
        ("127.0.0.1:1", 1, "no Ray cluster can be reached at 127.0.0.1:1"),
        ("ray://127.0.0.1:10001", 2, "is not HOST:PORT"),
    ],
)
def test_a_bad_address_is_told_at_once(ran: TinyStudy, address: str, code: int, told: str) -> None:
    begin = time.monotonic()
    done = ran.assay("run", "study.yaml", "--out", "other", "--engine", "ray", "--address", address)
    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
    assert told in done.stderr
    assert time.monotonic() - begin < 20


def test_a_server_that_is_not_ray_is_told_at_once(ran: TinyStudy) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        done = ran.assay("run", "study.yaml", "--out", "other", "--engine", "ray", "--address", address)
        server.shutdown()
    assert done.returncode == 1
    assert done.stderr.startswith(f"assay: what answers at {address} is no Ray cluster")


def test_the_local_engine_never_imports_ray_and_the_ray_engine_says_how_to_get_it(
    copied: TinyStudy, tmp_path: Path
) -> None:
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "__init__.py").write_text(
        f"open({str(tmp_path / 'imported')!r}, 'w').close()\nraise ImportError('no ray')"
    )
    shutil.rmtree(next((copied.store / "objects" / "scores").iterdir()))
    shutil.rmtree(copied.folder / "out")
    done = copied.assay("run", "study.yaml", "--out", "out", PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "imported").exists()
    done = copied.assay("run", "study.yaml", "--out", "out", "--engine", "ray", PYTHONPATH=str(tmp_path))
    assert (tmp_path / "imported").exists()
    assert (done.returncode, done.stderr) == (2, "assay: --engine ray needs Ray: pip install 'assay[ray]'\n")


def test_results_equal_the_local_engines_byte_for_byte(ran: TinyStudy, ran_on_ray: TinyStudy) -> None:
    for name in ("results.json", "ledger.json", "curves.json", "plan.json"):
        assert (ran_on_ray.folder / "out" / name).read_bytes() == (ran.folder / "out" / name).read_bytes(), name
    assert len(ran_on_ray.made(ran_on_ray.folder / "out", "state")) == len(ran.made(ran.folder / "out", "state"))
    assert not list((ran_on_ray.store / "locks").glob("ray-*"))


CORPUS = """\
name: parts
extends: corpus.yaml
sources:
  pages: {about: x, path: pages, reader: files, kind: text, files: ["[a-l]*.txt"]}
  others: {about: x, path: pages, reader: files, kind: text, files: ["[m-z]*.txt"]}
  programs: {about: x, path: programs, reader: files, kind: code, files: ["*.py"]}
ingredients:
  pages: {sources: [pages, others], heldout: 0.1}
  programs: {sources: [programs], heldout: 0.1}
  best: {from: pages, quality: {like: [pages], keep: best, share: 0.5}}
  bare: {from: programs, intervention: comments_removed}
"""


def made(store: Path) -> dict[str, dict[str, str]]:
    """The sha256 of every file of every artifact, by its kind and key."""
    manifests = [json.loads(path.read_text()) for path in store.glob("objects/*/*/manifest.json")]
    return {
        f"{one['kind']}/{one['key']} ({one['title']})": {name: about["sha256"] for name, about in one["files"].items()}
        for one in manifests
    }


@pytest.mark.slow
def test_a_corpus_read_in_parts_is_the_same_whoever_builds_it(watched: Watched, tiny: Callable[[], TinyStudy]) -> None:
    study = tiny()
    (study.folder / "parts.yaml").write_text(CORPUS)
    for name, text in topics.items():
        (study.folder / "pages").mkdir(exist_ok=True)
        (study.folder / "pages" / f"{name}.txt").write_text(f"{text}\n{text[::-1]}")
    with (study.folder / "pages" / "filling.txt").open("wb") as filling:
        filling.truncate(PART_BYTES)  # a file of zeros, so that what comes after is read by another worker
    (study.folder / "programs").mkdir()
    for path in sorted(Path(json.__file__).parent.parent.glob("[d-p]*.py")):
        (study.folder / "programs" / path.name).write_text(f"# A copy of it.\n{path.read_text()}")
    words = ("data", "build", "parts.yaml", "--tokenizer", "tiny-512")
    stores = {name: study.folder / name for name in ("here", "alone", "there")}
    more = {"here": ("--workers", "2"), "alone": ("--workers", "1"), "there": watched.options()}
    for name, store in stores.items():
        done = study.assay(*words, *more[name], **watched.environment, ASSAY_STORE=str(store))
        assert done.returncode == 0, done.stderr
    found = {name: made(store) for name, store in stores.items()}
    kinds = {kind: sum(key.startswith(f"{kind}/") for key in found["here"]) for kind in ("documents", "ingredient")}
    assert kinds == {"documents": 2 + 3 + 1, "ingredient": 2 + 4}, "the pages are in two parts"
    assert found["there"] == found["here"] == found["alone"]
    log = (study.folder / "runs" / "data-parts" / "log.jsonl").read_text()
    events = [json.loads(line)["event"] for line in log[log.rindex('"event": "start"') :].splitlines()[1:]]
    at_once = itertools.accumulate({"begin": 1, "end": -1}.get(event, 0) for event in events)
    assert max(at_once) == 2, "both nodes, of one processor each, took part"


def test_the_guard_sees_who_reaches_out(watched: Watched, tmp_path: Path) -> None:
    for reach in ("s.connect(('203.0.113.1', 9))", "s.sendto(b'', ('203.0.113.1', 9))", "getaddrinfo('a.example', 1)"):
        seen = tmp_path / "seen"
        seen.unlink(missing_ok=True)
        code = f"from socket import *; s = socket(AF_INET, SOCK_DGRAM); s.connect(('127.0.0.1', 9)); {reach}"
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**watched.environment, "GUARD_SEEN": str(seen)},
            check=False,
            capture_output=True,
        )
        assert b"is not this machine" in done.stderr
        assert len(seen.read_text().splitlines()) == 1


def test_nothing_on_the_cluster_reaches_out(watched: Watched, ran_on_ray: TinyStudy) -> None:
    assert not watched.seen.exists(), watched.seen.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_study_puts_training_aside_and_goes_on_there(
    sent: signal.Signals, code: int, watched: Watched, tiny: Callable[[], TinyStudy]
) -> None:
    study = tiny()
    process = watched.started(study, "--set", "units.P=20000")
    begin = time.monotonic()
    process.send_signal(sent)
    _, told = process.communicate(timeout=30)
    assert time.monotonic() - begin < 15
    assert process.returncode == code, told
    assert "assay: stopped; training under way was saved." in told.splitlines()[-1]
    wait_until(lambda: not watched.cluster.workers(), seconds=10)
    saved = {path.name for path in (study.store / "partial").iterdir()}
    assert saved
    before = len(training(study))
    process = watched.started(study, "--set", "units.P=20000")

    def again() -> list[dict[str, Any]]:
        events = training(study)[before:]
        return [event for event in events if event["event"] == "progress" and event["key"] in saved]

    wait_until(lambda: bool(again()), process)
    process.kill()
    process.communicate()
    assert all(event["done"] > event["new"] for event in again()), "it goes on from what was saved"


@pytest.mark.slow
def test_a_study_survives_the_loss_of_a_node(watched: Watched, ran: TinyStudy, tiny: Callable[[], TinyStudy]) -> None:
    study = tiny()
    process = watched.started(study)
    assert watched.cluster.workers(watched.cluster.nodes[-1])
    watched.cluster.kill_node()
    _, told = process.communicate(timeout=200)
    watched.cluster.add_node()
    assert process.returncode == 0, told
    assert results(study) == results(ran)
    assert any(event["event"] == "lost" for event in training(study))


@pytest.mark.slow
@pytest.mark.parametrize("who", ["workers", "actors"])
def test_a_study_survives_the_loss_of_a_worker_or_its_actor(
    who: str, watched: Watched, ran: TinyStudy, tiny: Callable[[], TinyStudy]
) -> None:
    study = tiny()
    process = watched.started(study)
    os.kill(getattr(watched.cluster, who)()[0], signal.SIGKILL)
    _, told = process.communicate(timeout=200)
    assert process.returncode == 0, told
    assert results(study) == results(ran)


@pytest.mark.slow
def test_when_the_program_is_killed_its_workers_end(watched: Watched, tiny: Callable[[], TinyStudy]) -> None:
    process = watched.started(tiny())
    assert len(watched.cluster.workers()) == 2
    process.kill()
    process.communicate()
    wait_until(lambda: not watched.cluster.workers(), seconds=30)


@pytest.mark.slow
def test_a_study_that_lost_all_its_nodes_waits_and_goes_on_with_one_that_joins(
    ran: TinyStudy, tiny: Callable[[], TinyStudy]
) -> None:
    study = tiny()
    with RayCluster(1, 0, study.environment) as cluster:
        options = ["run", "study.yaml", "--out", "out", "--engine", "ray", "--address", cluster.address]
        done = study.assay(*options)
        assert done.returncode == 1
        assert done.stderr.startswith("assay: no node of the Ray cluster has a CPU and 1.5 GiB of memory to give")
        cluster.add_node(1)
        process = study.start(*options)
        wait_until(lambda: bool(cluster.workers()), process)
        cluster.kill_node()
        node = cluster.add_node(2)
        wait_until(lambda: len(cluster.workers(node)) == 2, process)
        _, told = process.communicate(timeout=200)
    assert process.returncode == 0, told
    assert "waiting for one to join" in told
    assert results(study) == results(ran)


@pytest.mark.slow
def test_a_node_with_other_numerics_is_left_out_and_named(watched: Watched, ran_on_ray: TinyStudy) -> None:
    if not (shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("other numerics are had by a compiler")
    node = watched.cluster.add_node(environment={"PATH": os.environ["PATH"]})
    try:
        done = ran_on_ray.assay("run", "study.yaml", "--out", "out", *watched.options())
    finally:
        watched.cluster.kill_node(node)
    assert done.returncode == 0, done.stderr
    assert "takes no part: its numerics are" in done.stderr
    assert "native" in done.stderr or "compiled" in done.stderr
    assert "eager" in done.stderr
    assert "nothing was downloaded, trained or evaluated" in done.stdout


@pytest.mark.slow
def test_a_node_that_cannot_run_assay_or_has_another_store_is_named(
    ran_on_ray: TinyStudy, tiny: Callable[[], TinyStudy], tmp_path: Path
) -> None:
    (tmp_path / "assay.py").write_text("raise ImportError('no assay here')")
    study = tiny()
    unshare, shell, mount, mkdir = (shutil.which(name) for name in ("unshare", "sh", "mount", "mkdir"))
    script = f'{mount} -t tmpfs tmpfs "$0" && {mkdir} "$0/locks" && exec "$@"'
    hidden = [str(unshare), "-m", str(shell), "-c", script, str(study.store)]
    with RayCluster(1, 1, study.environment) as cluster:
        options = ["run", "study.yaml", "--out", "out", "--engine", "ray", "--address", cluster.address]
        node = cluster.add_node(environment={"PYTHONPATH": str(tmp_path)})
        done = study.assay(*options)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
        assert "cannot take part" in done.stderr
        assert "Install the same Python, Ray and Assay on every node" in done.stderr
        cluster.kill_node(node)
        study.store.mkdir(exist_ok=True)
        if not unshare or subprocess.run([unshare, "-m", "true"], check=False, capture_output=True).returncode:
            pytest.skip("a folder can be hidden from a node only with the right to mount")
        cluster.add_node(prefix=hidden)
        done = study.assay(*options)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
        assert "is another folder than this machine's" in done.stderr
        assert "ASSAY_STORE" in done.stderr
