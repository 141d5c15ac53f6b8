"""A whole small study by the real program: real packages, real documents, real training, killed and resumed."""

import html
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from assay.cli import GO_ON
from assay.corpus.document import read_documents
from assay.evaluate.item import Item
from assay.evaluate.records import RECORDS
from tiny_study import STUDY, TinyStudy


@pytest.fixture(scope="module")
def finished(tiny: Callable[[], TinyStudy]) -> TinyStudy:
    """A tiny study that ran once into ``out``."""
    study = tiny()
    done = study.assay("run", "study.yaml", "--out", "out")
    assert done.returncode == 0, done.stderr
    return study


def files_of(folder: Path) -> dict[str, bytes]:
    names = [
        "results.json",
        "ledger.json",
        "curves.json",
        "plan.json",
        "texts.json",
        *(f"items/{p.name}" for p in folder.glob("items/*")),
    ]
    return {name: (folder / name).read_bytes() for name in names}


def copy_of(study: TinyStudy, tiny: Callable[[], TinyStudy]) -> TinyStudy:
    """The same study with its store and run folder, elsewhere."""
    other = tiny()
    shutil.copytree(study.store, other.store)
    shutil.copytree(study.folder / "out", other.folder / "out")
    return other


def test_a_run_leaves_every_file_that_others_rely_on(finished: TinyStudy) -> None:
    out = finished.folder / "out"
    results = json.loads((out / "results.json").read_text())
    assert {"study", "arms", "sizes", "seeds", "tasks", "open_choices", "tokens", "contrasts"} <= set(results)
    declared_steps = (5 + 5 + 2) + (5 + 5 + 2) + (5 + 5)
    trained_steps = 5 + 5 + 2 + 5 + 5 + 2
    assert results["tokens"] == {"declared": declared_steps * 128 * 2, "trained": trained_steps * 128 * 2}
    wanted = {
        "id", "kind", "size", "metric", "category", "better_is", "a", "b", "arms", "effect", "relative", "low", "high",
        "df", "n_seeds", "n_items", "p", "p_adjusted", "margin", "mde", "verdict", "favours", "confounds",
    }  # fmt: skip
    assert all(wanted <= set(contrast) for contrast in results["contrasts"])
    page = (out / "report.html").read_text()
    assert "Does code help?" in page
    assert not re.search(r"(?:src|href|action|url\()\W{0,2}\w*://|@import", page), "the page loads nothing"


def test_what_changed_most_is_told_in_words(finished: TinyStudy) -> None:
    out = finished.folder / "out"
    results, texts = (json.loads((out / name).read_text(encoding="utf-8")) for name in ("results.json", "texts.json"))
    listed = {(item, task) for row in results["beneath"] for item, task, *_ in row.get("items", ())}
    assert list(texts) == sorted({item for item, _ in listed})
    named = {}
    for line in (finished.folder / "colours.jsonl").read_text().splitlines():
        row = json.loads(line)
        choices = tuple(f" {one}" for one in row["options"])
        item = Item.of((row["question"],), choices, row["answer"])
        named[item.id] = f"{row['question']} →{choices[row['answer']]}"
    colours = {item for item, task in listed if task == "colours"}
    assert colours and {item: texts[item] for item in colours} == {item: named[item] for item in colours}
    heldout = {
        " ".join(document.text.split())
        for path in finished.store.glob("objects/ingredient/*/heldout.parquet")
        for document in read_documents(path)
    }
    documents = [texts[item] for item, task in listed if task != "colours"]
    assert documents and all(any(one.startswith(text.rstrip("…")) for one in heldout) for text in documents)
    page = html.unescape((out / "report.html").read_text(encoding="utf-8"))
    assert all(f"<bdi>{text}</bdi>{item}" in page for item, text in texts.items())


def test_item_records_have_the_documented_columns_and_pair_over_arms(finished: TinyStudy) -> None:
    tables = {path.name: pq.read_table(path) for path in sorted((finished.folder / "out" / "items").glob("*.parquet"))}
    assert len(tables) == 3 * 2
    assert all(table.schema.equals(RECORDS) for table in tables.values())
    items = {
        name: sorted(zip(table["task"].to_pylist(), table["item"].to_pylist(), strict=True))
        for name, table in tables.items()
    }
    assert len({tuple(one) for one in items.values()}) == 1
    one = next(iter(tables.values())).to_pylist()
    assert {row["task"] for row in one} == {"colours", "heldout_text", "heldout_code"}
    for row in one:
        assert row["gold_bits"] > 0
        assert (row["correct"] is None) == (row["n_choices"] == 1)


def test_the_ledger_says_what_was_seen_and_shares_are_kept(finished: TinyStudy) -> None:
    ledger = json.loads((finished.folder / "out" / "ledger.json").read_text())
    assert sum(row["tokens"] for row in ledger) == (12 + 12 + 10) * 128 * 2
    for row in ledger:
        assert abs(row["seen_share"] - row["declared_share"]) <= max(0.001, 1 / (5 * 2))
        assert row["cut_tokens"] == 0
        assert row["epochs"] < 1
    assert {row["kind"] for row in ledger if row["ingredient"] == "code"} == {"code"}


def test_a_second_run_does_nothing_and_says_so_at_once(finished: TinyStudy) -> None:
    before = files_of(finished.folder / "out")
    begin = time.monotonic()
    again = finished.assay("run", "study.yaml", "--out", "out")
    assert time.monotonic() - begin < 5
    assert "nothing was downloaded, trained or evaluated" in again.stdout
    assert files_of(finished.folder / "out") == before


def test_the_report_is_rebuilt_from_records_alone_and_without_torch(finished: TinyStudy, tmp_path: Path) -> None:
    out = finished.folder / "out"
    alone = tmp_path / "alone"
    shutil.copytree(out, alone)
    (alone / "results.json").unlink()
    (alone / "report.html").unlink()
    blocked = tmp_path / "blocked" / "torch"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('torch was imported')")
    done = finished.assay("report", alone, ASSAY_STORE="/nowhere", PYTHONPATH=str(blocked.parent))
    assert done.returncode == 0, done.stderr
    assert (alone / "results.json").read_bytes() == (out / "results.json").read_bytes()
    assert (alone / "report.html").read_bytes() == (out / "report.html").read_bytes()


@pytest.mark.slow
def test_an_arm_alone_gives_the_bits_it_gives_among_others(finished: TinyStudy, tiny: Callable[[], TinyStudy]) -> None:
    study = tiny()
    lines = STUDY.splitlines()
    kept = [line for line in lines if not line.startswith(("  text.decay", "  half.none", "  start:", "  end:"))]
    alone = "\n".join(line.replace("contrasts:", "contrasts: {}") for line in kept) + "\n"
    study.study.write_text(
        alone.replace("[half, text, decay]", "[{mix: half, tokens: 512}, half2, text, decay]").replace(
            "  half: {mix: half, tokens: P}", "  half2: {mix: half, tokens: 128}"
        )
    )
    assert study.assay("run", "study.yaml", "--out", "out").returncode == 0
    ours, theirs = ((one.folder / "out" / "items" / "half.decay.1M.s1.parquet") for one in (study, finished))
    assert pq.read_table(ours).drop(["stage"]).equals(pq.read_table(theirs).drop(["stage"]))


def test_a_run_killed_at_random_moments_ends_with_the_same_bytes(
    finished: TinyStudy, tiny: Callable[[], TinyStudy]
) -> None:
    study = tiny()
    chance = random.Random(7)
    kills = 0
    for _ in range(6):
        process = study.start("run", "study.yaml", "--out", "out")
        time.sleep(chance.uniform(0.5, 6))
        if process.poll() is None:
            kills += 1
            victim = process.pid if chance.random() < 0.5 else -process.pid
            os.kill(victim, signal.SIGKILL) if victim > 0 else os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    done = study.assay("run", "study.yaml", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert kills >= 2
    theirs = {name: data for name, data in files_of(finished.folder / "out").items() if name != "plan.json"}
    assert {name: data for name, data in files_of(study.folder / "out").items() if name != "plan.json"} == theirs


def test_a_lost_worker_is_replaced_and_nothing_is_lost(finished: TinyStudy, tiny: Callable[[], TinyStudy]) -> None:
    study = tiny()
    process = study.start("run", "study.yaml", "--out", "out")
    killed = False
    while process.poll() is None:
        workers = psutil.Process(process.pid).children() if process.poll() is None else []
        if workers and not killed:
            time.sleep(1)
            workers[0].kill()
            killed = True
        time.sleep(0.05)
    assert process.stderr is not None
    assert process.returncode == 0, process.stderr.read()
    process.stderr.close()
    assert killed
    assert '"event": "lost"' in (study.folder / "out" / "log.jsonl").read_text()
    ours, theirs = (one.folder / "out" / "results.json" for one in (study, finished))
    assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.slow
def test_two_runs_on_one_store_at_the_same_time_make_no_step_twice(
    finished: TinyStudy, tiny: Callable[[], TinyStudy]
) -> None:
    study = tiny()
    changed = STUDY.replace("study: tiny", "study: other").replace("seeds: 2", "seeds: 3")
    (study.folder / "other.yaml").write_text(changed)
    runs = [study.start("run", "study.yaml", "--out", "one"), study.start("run", "other.yaml", "--out", "two")]
    for process in runs:
        _, said = process.communicate(timeout=200)
        assert process.returncode == 0, said
    made = []
    for out in ("one", "two"):
        events = map(json.loads, (study.folder / out / "log.jsonl").read_text().splitlines())
        made += [event["key"] for event in events if event["event"] == "end" and event["done"]]
    assert len(made) == len(set(made)), "a step was made twice"
    ours, theirs = study.folder / "one" / "results.json", finished.folder / "out" / "results.json"
    assert ours.read_bytes() == theirs.read_bytes()


def test_ctrl_c_stops_at_once_and_says_how_to_go_on(tiny: Callable[[], TinyStudy]) -> None:
    study = tiny()
    process = study.start("run", "study.yaml", "--out", "out")
    _wait_for_workers(process)
    time.sleep(1)
    workers = psutil.Process(process.pid).children()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said.splitlines()[-1] == f"assay: {GO_ON}"
    assert "Traceback" not in said
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)


def test_status_tells_how_far_a_run_is(finished: TinyStudy) -> None:
    told = finished.assay("status", "out")
    assert told.returncode == 0
    assert "Finished" in told.stdout
    assert finished.assay("status", "nowhere").returncode == 2


def test_bad_input_is_one_line_and_exit_code_2(finished: TinyStudy) -> None:
    study = finished.folder / "bad.yaml"
    study.write_text(STUDY.replace("seeds: 2", "sedes: 2"))
    for arguments in (
        ("run", "bad.yaml"),
        ("plan", "bad.yaml"),
        ("run", "nosuch"),
        ("run", "study.yaml", "--set", "a"),
    ):
        done = finished.assay(*arguments)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1, done.stderr
        assert "Traceback" not in done.stderr
    assert "did you mean 'seeds'?" in finished.assay("run", "bad.yaml").stderr
    assert not (finished.folder / "runs").exists(), "nothing is half-written"


def test_more_epochs_than_allowed_stop_the_run_before_it_trains(
    finished: TinyStudy, tiny: Callable[[], TinyStudy]
) -> None:
    study = copy_of(finished, tiny)
    done = study.assay("run", "study.yaml", "--out", "much", "--set", "units.P=100M")
    assert done.returncode == 2, done.stderr
    assert "epochs, and max_epochs is 4" in done.stderr
    assert study.made(study.folder / "much", "state") == []


def test_the_plan_tells_epochs_and_refuses_too_many_once_the_corpus_was_made(finished: TinyStudy) -> None:
    assert "epochs)" in finished.assay("plan", "study.yaml").stdout
    done = finished.assay("plan", "study.yaml", "--set", "units.P=100M")
    assert done.returncode == 2
    assert "epochs, and max_epochs is 4" in done.stderr
    assert "known once the corpus was made" in finished.assay("plan", "study.yaml", ASSAY_STORE="nowhere").stdout
    assert not (finished.folder / "nowhere").exists()


def test_no_network_and_no_wheel_is_one_message_and_exit_code_1(tiny: Callable[[], TinyStudy]) -> None:
    study = tiny()
    done = study.assay(
        "run",
        "study.yaml",
        "--out",
        "out",
        PIP_NO_INDEX="0",
        PIP_FIND_LINKS="",
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "prose" in done.stderr
    assert not (study.folder / "out" / "results.json").exists()


@pytest.mark.slow
def test_a_full_disk_is_one_message_and_the_run_goes_on_once_there_is_room(
    finished: TinyStudy, tiny: Callable[[], TinyStudy], tmp_path: Path
) -> None:
    study = tiny()
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48M", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk needs the right to mount one")
    try:
        done = study.assay("run", "study.yaml", "--out", "out", ASSAY_STORE=str(disk / "store"))
        assert done.returncode == 1, done.stderr
        assert "is full" in done.stderr
        assert "Traceback" not in done.stderr
        assert 0 < len(study.made(study.folder / "out", "state")) < 12, "it filled up while training"
        subprocess.run(["mount", "-o", "remount,size=1G", str(disk)], check=True)
        done = study.assay("run", "study.yaml", "--out", "out", ASSAY_STORE=str(disk / "store"))
        assert done.returncode == 0, done.stderr
        ours, theirs = (one.folder / "out" / "results.json" for one in (study, finished))
        assert ours.read_bytes() == theirs.read_bytes()
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def test_a_wheel_with_another_sha256_is_refused(tiny: Callable[[], TinyStudy]) -> None:
    study = tiny()
    corpus = (study.folder / "corpus.yaml").read_text()
    begin = corpus.index("sha256: ") + 8
    (study.folder / "corpus.yaml").write_text(corpus[:begin] + "ab" * 32 + corpus[begin + 64 :])
    done = study.assay("run", "study.yaml", "--out", "out")
    assert done.returncode == 1
    assert "sha256" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_diverged_run_says_where_and_what_to_try(finished: TinyStudy, tiny: Callable[[], TinyStudy]) -> None:
    study = copy_of(finished, tiny)
    done = study.assay("run", "study.yaml", "--out", "hot", "--set", "train.learning_rate=1e30")
    assert done.returncode == 1
    assert "diverged at step" in done.stderr
    assert "Lower train.learning_rate" in done.stderr


def test_the_python_way_gives_the_same_results(finished: TinyStudy) -> None:
    code = (
        "from assay import Study\n"
        "results = Study.load('study.yaml').run('out')\n"
        "print(len(results.contrasts), results.to_frame().shape[0])"
    )
    done = subprocess.run(
        [finished.command()[0], "-c", code],
        check=False,
        cwd=finished.folder,
        env=finished.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    count = len(json.loads((finished.folder / "out" / "results.json").read_text())["contrasts"])
    assert done.stdout.split() == [str(count)] * 2


def _wait_for_workers(process: "subprocess.Popen[str]") -> None:
    while not psutil.Process(process.pid).children():
        assert process.poll() is None, "it ended before it started a worker"
        time.sleep(0.05)
