import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.errors import StepError
from assay.files import write_whole
from assay.run.identity import canonical, key_of
from assay.run.step import Step
from assay.run.store import MANIFEST, Store

ABOUT = {"recipe": {"a": 1}, "inputs": {}, "numerics": None}


def published(store: Store, key: str = "k", text: str = "hello") -> Path:
    with store.staging() as out:
        (out / "inner").mkdir()
        (out / "inner" / "file.txt").write_text(text)
        store.publish(out, "thing", key, ABOUT)
    return store.open("thing", key) / "inner" / "file.txt"


def test_an_artifact_is_found_with_what_made_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert not store.has("thing", "k")
    assert published(store).read_text() == "hello"
    manifest = json.loads((store.place("thing", "k") / MANIFEST).read_text())
    assert manifest["recipe"] == {"a": 1}
    assert manifest["files"]["inner/file.txt"]["bytes"] == 5
    assert list((tmp_path / "staging").iterdir()) == []


def test_an_artifact_not_published_is_absent(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(RuntimeError), store.staging() as out:
        (out / "file.txt").write_text("half")
        raise RuntimeError
    assert not store.has("thing", "k")
    assert list((tmp_path / "staging").iterdir()) == []


@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_a_damaged_artifact_is_never_read_and_can_be_made_anew(tmp_path: Path, harm: str) -> None:
    path = published(Store(tmp_path))
    if harm == "flip":
        path.write_text("hellO")
    elif harm == "cut":
        path.write_text("hell")
    else:
        path.unlink()
    store = Store(tmp_path)
    with pytest.raises(StepError, match="run the same command again"):
        store.open("thing", "k")
    assert not store.has("thing", "k")
    assert published(store).read_text() == "hello"


def test_a_key_held_by_another_process_is_waited_for_and_freed_when_it_is_killed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    code = (
        "import sys, time; from pathlib import Path; from assay.run.store import Store\n"
        f"with Store(Path({str(tmp_path)!r})).lock('k'):\n    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    begin = time.monotonic()
    waiter = subprocess.Popen([sys.executable, "-c", code.replace("time.sleep(60)", "pass")], stdout=subprocess.PIPE)
    time.sleep(0.5)
    assert waiter.poll() is None, "the key is taken"
    holder.kill()
    holder.wait()
    assert waiter.wait(timeout=20) == 0
    assert time.monotonic() - begin < 30
    with store.lock("k"):
        pass
    for process in (holder, waiter):
        assert process.stdout is not None
        process.stdout.close()


def test_leftovers_of_killed_processes_are_cleared_only_while_nobody_works(tmp_path: Path) -> None:
    left = tmp_path / "staging" / "left"
    store = Store(tmp_path)
    left.mkdir()
    with store.in_use():
        assert not left.exists()
        left.mkdir()
        Store(tmp_path).clear_staging()
        assert left.exists(), "another process works here"


def test_a_store_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StepError, match="Set ASSAY_STORE"):
        Store(tmp_path / "file")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.json", "1")
    write_whole(tmp_path / "a.json", "2")
    assert (tmp_path / "a.json").read_text() == "2"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_keys_follow_recipe_inputs_and_numerics_and_nothing_else() -> None:
    base = Step("tokens", {"version": 1}, {}, title="a", place={"path": "/here"})
    assert base.key == Step("tokens", {"version": 1}, {}, title="b", place={"path": "/there"}, size=3).key
    others = [
        Step("tokens", {"version": 2}),
        Step("requests", {"version": 1}),
        Step("tokens", {"version": 1}, {"x": base}),
        Step("tokens", {"version": 1}, numerics={"device": "cpu"}),
    ]
    assert len({base.key, *(step.key for step in others)}) == 5
    assert Step("state", {"v": 1}, after=base).key == Step("state", {"v": 1}).key, "what saves work is no identity"


def test_one_text_for_one_value() -> None:
    assert canonical({"b": 1, "a": [1.5, None]}) == '{"a":[1.5,null],"b":1}'
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    with pytest.raises(ValueError, match="Out of range"):
        canonical({"a": float("nan")})
