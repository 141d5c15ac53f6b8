"""The store on an object store: a real S3 server on loopback, several machines played by several cache folders."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from assay.errors import InputError, StepError
from assay.run.collect import alone
from assay.run.engine import Engine
from assay.run.remote import RemoteStore
from assay.run.step import Step
from assay.run.store import MANIFEST, Damaged, Store, open_store, seal
from s3_server import Server
from tiny_study import TinyStudy

ABOUT = {"recipe": {"a": 1}, "inputs": {}, "numerics": None}


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


def test_processes_that_share_a_cache_never_take_a_file_from_each_other(server: Server, on: Any) -> None:
    address = server.bucket("shared")
    published(on("a", address), "hello")
    stores = [on("b", address) for _ in range(6)]
    ready, found = threading.Barrier(len(stores)), []

    def look(number: int, store: RemoteStore) -> None:
        ready.wait()
        name = "inner/file.txt" if number % 3 else "other.txt"
        folder = store.open("thing", "k") if number % 2 else store.file("thing", "k", name).parents[name.count("/")]
        found.append((folder / name).read_text() == ("hello" if number % 3 else "other"))

    threads = [threading.Thread(target=look, args=pair) for pair in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * len(stores)


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

    def put_slowly(source: str, path: str) -> None:
        time.sleep(0.5)
        put(source, path)

    monkeypatch.setattr(store.fs, "put_file", put_slowly)
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
    a.remove("thing", "l")
    assert a.sweep() == 2
    assert a.sweep() == 0
    assert server.held("removed", "") == []


def test_content_is_loose_if_no_readable_manifest_names_it(server: Server, on: Any) -> None:
    address = server.bucket("loose")
    a = on("a", address)
    published(a, "hello")
    assert a.loose() == {}
    server.client.put_object(Bucket="loose", Key="assay/objects/thing/k.json", Body=b"{")
    assert {size for size, _ in on("b", address).loose().values()} == {len("hello"), len("other")}
    assert all(abs(made - time.time()) < 60 for _, made in on("b", address).loose().values())


def test_a_manifest_that_cannot_be_read_for_want_of_the_server_makes_nothing_loose(
    server: Server, on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = on("a", server.bucket("unread"))
    published(store, "hello")
    held = server.held("unread", "")
    monkeypatch.setattr(store.fs, "cat", lambda _: {})
    with pytest.raises(StepError):
        store.sweep()
    assert server.held("unread", "") == held


def test_unfinished_work_of_another_machine_is_told_with_its_size_and_can_be_dropped(server: Server, on: Any) -> None:
    address = server.bucket("unfinished")
    a, b = on("a", address), on("b", address)
    save(a, 10)
    [(key, (size, made))] = b.partials().items()
    assert key == "k"
    assert size == sum(path.stat().st_size for path in (a.root / "partial" / "k").rglob("*") if path.is_file())
    assert abs(made - time.time()) < 60
    b.drop_partial("k")
    assert server.held("unfinished", "partial") == []


def test_a_store_is_held_alone_only_while_no_process_of_this_machine_uses_it(server: Server, on: Any) -> None:
    address = server.bucket("alone")
    with on("a", address).in_use():
        with pytest.raises(StepError, match=f"{address} is in use by"), alone(on("a", address)):
            pass
        with alone(on("b", address)):
            pass


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
        assert b.loose() == {name: found for name, found in b.loose().items() if found[0] == len("two")}
        b.remove("thing", "k")
        assert not a.has("thing", "k")
        assert b.sweep() == 3


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
    numerics: dict[str, str] = {}

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
