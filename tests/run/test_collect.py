"""`assay gc`: what named studies and runs need stays, the rest is told, and deleted only when asked."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.filesize import decimal

from assay.run.collect import find_garbage
from assay.run.store import Store, open_store
from s3_server import Server
from tiny_study import STUDY, TinyStudy, write_sums


def held(study: TinyStudy) -> dict[str, str]:
    """KIND/KEY to title of everything in the store."""
    paths = (study.store / "objects").glob("*/*/manifest.json")
    return {f"{path.parent.parent.name}/{path.parent.name}": json.loads(path.read_text())["title"] for path in paths}


def with_one_seed(study: TinyStudy) -> str:
    """A study file that needs the first seed only."""
    (study.folder / "one.yaml").write_text(STUDY.replace("seeds: 2", "seeds: 1"))
    return "one.yaml"


def test_a_study_keeps_all_that_it_was_made_from(ran: TinyStudy) -> None:
    told = ran.assay("gc", "study.yaml", "--delete")
    assert told.returncode == 0, told.stderr
    assert "Everything in the store is needed" in told.stdout
    assert f"Needed, and kept: {len(held(ran))} artifacts" in told.stdout


def test_without_anything_to_keep_it_refuses(ran: TinyStudy) -> None:
    done = ran.assay("gc", "--delete")
    assert done.returncode == 2
    assert "this would delete everything: name the studies to keep" in done.stderr


def test_it_says_what_it_would_free_and_touches_nothing(copied: TinyStudy) -> None:
    before = held(copied)
    told = copied.assay("gc", with_one_seed(copied)).stdout
    other_seed = [title for title in before.values() if "seed 1" in title]
    assert f"Would free: {len(other_seed)} artifacts" in told
    assert "Nothing was deleted" in told
    assert held(copied) == before


def test_what_is_deleted_is_exactly_what_the_study_does_not_need(copied: TinyStudy) -> None:
    before = held(copied)
    some = next(name.partition("/")[2] for name, title in before.items() if "seed 1" in title)
    (copied.store / "locks" / some).touch()
    study = with_one_seed(copied)
    assert copied.assay("gc", study, "--delete").returncode == 0
    assert held(copied) == {name: title for name, title in before.items() if "seed 1" not in title}
    assert not (copied.store / "locks" / some).exists()
    assert list((copied.store / "staging").iterdir()) == []
    again = copied.assay("run", study, "--out", "again")
    assert again.returncode == 0, again.stderr
    events = [json.loads(line) for line in (copied.folder / "again" / "log.jsonl").read_text().splitlines()]
    assert not [event for event in events if event["event"] == "end"], "what was kept is all that the study needs"


def test_a_run_folder_keeps_what_it_was_made_from_whatever_the_study_now_says(copied: TinyStudy) -> None:
    before = held(copied)
    told = copied.assay("gc", with_one_seed(copied), "--keep-runs", "out", "--delete")
    assert told.returncode == 0, told.stderr
    assert held(copied) == before
    (copied.folder / "out" / "log.jsonl").unlink()
    assert copied.assay("gc", "--keep-runs", "out", "--delete").returncode == 0
    assert held(copied) == before, "states are found by their arms' paths, the rest by what these were made from"


def test_an_evaluation_keeps_what_its_records_came_from(copied: TinyStudy) -> None:
    write_sums(copied.folder)
    wanted = ["eval", "out", "--arm", "half.none", "--tasks", "colours.yaml,sums.yaml", "--limit", "3"]
    wanted += ["--heldout", "code:python", "--out", "measured"]
    assert copied.assay(*wanted).returncode == 0
    (copied.folder / "measured" / "log.jsonl").unlink()
    before = held(copied)
    done = copied.assay("gc", "--keep-runs", "measured", "--delete")
    assert done.returncode == 0, done.stderr
    left = held(copied)
    (checkpoint,) = json.loads((copied.folder / "measured" / "eval.json").read_text())["checkpoints"]
    assert [name for name in left if name.startswith("state/")] == [f"state/{checkpoint['key']}"]
    assert {name.partition("/")[0] for name in before.keys() - left.keys()} == {"state", "scores"}
    assert "Everything was there already" in copied.assay(*wanted).stdout
    (copied.folder / "measured" / "eval.json").unlink()
    done = copied.assay("gc", "--keep-runs", "measured", "--delete")
    assert done.returncode == 2
    assert "it is no run folder, no finished evaluation and holds no finished win rates" in done.stderr


def test_steps_made_under_other_numerics_are_counted_and_said(copied: TinyStudy) -> None:
    state = next((copied.store / "objects" / "state").glob("*/manifest.json"))
    manifest = json.loads(state.read_text())
    manifest["numerics"] |= {"precision": "float32", "instructions": "avx2"}
    manifest["recipe"]["precision"] = "float32"
    other = state.parent.with_name("f" * 40)
    other.mkdir()
    for name in manifest["files"]:
        os.link(state.parent / name, other / name)
    (other / "manifest.json").write_text(json.dumps(manifest))
    told = copied.assay("gc", "study.yaml").stdout
    assert "1 of those not needed are steps of the named studies under other numerics" in told
    assert "Would free: 1 artifact, 16" in told


def test_unfinished_work_goes_unless_a_kept_study_will_go_on_with_it(copied: TinyStudy) -> None:
    store = Store(copied.store)
    names = [name for name, title in held(copied).items() if title.startswith("train") and "seed 0" in title]
    missing, present = (name.partition("/")[2] for name in names[:2])
    for path in store.place("state", missing).iterdir():
        path.unlink()
    store.place("state", missing).rmdir()
    for key in (missing, present, "0" * 40):
        (copied.store / "partial" / key / "step-000000002").mkdir(parents=True)
    told = copied.assay("gc", "study.yaml", "--delete").stdout
    assert "unfinished work" in told
    assert [path.name for path in (copied.store / "partial").iterdir()] == [missing]


def test_it_keeps_off_a_store_that_another_process_uses_and_names_it(copied: TinyStudy) -> None:
    hold = "import sys, time; from pathlib import Path; from assay.run.store import Store\n"
    hold += "with Store(Path(sys.argv[1])).in_use(): print('held', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", hold, copied.store], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        before = held(copied)
        done = copied.assay("gc", with_one_seed(copied), "--delete")
        assert done.returncode == 1
        assert "is in use by" in done.stderr
        if Path("/proc/locks").is_file():
            assert f"process {holder.pid} (" in done.stderr
        assert held(copied) == before
    finally:
        holder.kill()
        holder.wait()


def test_a_kill_while_deleting_leaves_every_artifact_whole_or_absent(copied: TinyStudy) -> None:
    study = with_one_seed(copied)
    kill = """
import os, shutil, signal, sys
from pathlib import Path
left, rename, unlink = [int(sys.argv.pop(1))], Path.rename, os.unlink
def count(function):
    def counted(*arguments, **more):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **more)
    return counted
Path.rename, os.unlink = count(rename), count(unlink)
from assay.cli import main
main()
"""
    for moves in (0, 3, 14, 25):
        arguments = [sys.executable, "-c", kill, str(moves), "gc", study, "--delete"]
        done = subprocess.run(arguments, cwd=copied.folder, env=copied.environment, capture_output=True, check=False)
        assert done.returncode in {-signal.SIGKILL, 0}, done.stderr
        assert all(Store(copied.store).has(*name.split("/")) for name in held(copied))
    assert copied.assay("gc", study, "--delete").returncode == 0
    assert list((copied.store / "staging").iterdir()) == []
    assert not [title for title in held(copied).values() if "seed 1" in title]


@pytest.fixture
def machine(
    server: Server, ran: TinyStudy, tiny: Callable[[], TinyStudy], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], TinyStudy]:
    """Make machines that share a bucket, ``cleared``, with the store of a study that ran."""
    address = server.bucket("cleared")
    monkeypatch.setenv("ASSAY_CACHE", str(tiny().folder / "first"))
    bucket, local = open_store(address), Store(ran.store)
    for kind, key in local.artifacts():
        upload(bucket, local, kind, key, key)

    def make() -> TinyStudy:
        study = tiny()
        more = {"ASSAY_STORE": address, "ASSAY_CACHE": str(study.folder / "cache")}
        return TinyStudy(study.folder, {**study.environment, **server.environment, **more})

    return make


def upload(bucket: Store, local: Store, kind: str, key: str, new: str) -> None:
    """Publish an artifact of another store, under another key."""
    with bucket.staging() as out:
        shutil.copytree(local.place(kind, key), out, dirs_exist_ok=True)
        (out / "manifest.json").unlink()
        bucket.publish(out, kind, new, local.manifest(kind, key))


def in_bucket(server: Server) -> dict[str, dict[str, Any]]:
    """KIND/KEY to manifest of everything published."""
    names = server.held("cleared", "objects/")
    read = [json.loads(server.client.get_object(Bucket="cleared", Key=name)["Body"].read()) for name in names]
    return {f"{one['kind']}/{one['key']}": one for one in read}


def test_a_bucket_is_cleared_of_what_is_not_needed_and_of_what_was_left_but_not_of_shared_content(
    server: Server, machine: Callable[[], TinyStudy], ran: TinyStudy
) -> None:
    bucket = open_store("s3://cleared/assay")
    tokens = next(name.partition("/")[2] for name in held(ran) if name.startswith("tokens/"))
    upload(bucket, Store(ran.store), "tokens", tokens, "e" * 40)
    for name in ("partial/" + "0" * 40 + "/step-000000002/state", "blobs/" + "0" * 64):
        server.client.put_object(Bucket="cleared", Key=f"assay/{name}", Body=b"left" * 500)
    free = find_garbage(bucket, [], [ran.folder / "out"]).free
    assert {one.kind: one.bytes for one in free} == {"tokens": 0, "partial": 2000, "content": 2000}, "what really goes"

    def content() -> dict[str, int]:
        pages = server.client.get_paginator("list_objects_v2").paginate(Bucket="cleared", Prefix="assay/")
        return {one["Key"]: one["Size"] for page in pages for one in page["Contents"] if "/objects/" not in one["Key"]}

    before, stored, a = in_bucket(server), content(), machine()
    told = a.assay("gc", with_one_seed(a))
    assert told.returncode == 0, told.stderr
    assert "nobody else may be running a study on it: no lock holds across machines" in told.stdout
    assert (in_bucket(server), content()) == (before, stored), "only told"
    done = a.assay("gc", "one.yaml", "--delete")
    assert done.returncode == 0, done.stderr

    kept = {name: one for name, one in before.items() if "seed 1" not in one["title"] and "e" * 40 not in name}
    assert in_bucket(server) == kept
    named = {f"assay/blobs/{file['sha256']}" for one in kept.values() for file in one["files"].values()}
    assert set(content()) == named
    freed = decimal(sum(stored.values()) - sum(content().values()))
    gone = len(before) - len(kept) + 2
    assert f"Would free: {gone} artifacts, {freed} " in told.stdout
    assert f"Deleted: {gone} artifacts, {freed}" in done.stdout
    assert not list((a.folder / "cache").glob("*/staging/*"))

    b = machine()
    (b.folder / "one.yaml").write_text((a.folder / "one.yaml").read_text())
    again = b.assay("run", "one.yaml", "--out", "again")
    assert again.returncode == 0, again.stderr
    assert '"event": "end"' not in (b.folder / "again" / "log.jsonl").read_text(), "what was kept is all it needs"
    assert "Everything in the store is needed" in b.assay("gc", "one.yaml", "--delete").stdout
