"""`assay trace`: the documents of a batch, held against the trainer's own ids and the documents' own bytes."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from assay.errors import InputError, StepError
from assay.run.step import Call
from assay.run.store import Store
from assay.run.trace import trace
from assay.tokens.shard import Shard
from assay.tokens.stream import Stream
from assay.train.trainer import Trainer
from tiny_study import TinyStudy


def bytes_of_letters() -> dict[str, int]:
    """Byte-level BPE's letters, as GPT-2 published them: printable bytes stand for themselves, others for 256 + n."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(others)}


def tokenizer_of(study: TinyStudy) -> Tokenizer:
    return Tokenizer.from_file(str(next((study.store / "objects" / "tokenizer").glob("*/tokenizer.json"))))


def documents_of(study: TinyStudy) -> dict[tuple[str, str], bytes]:
    """Text of every training document by (source, path), from the ingredients' own files."""
    found = {}
    for path in (study.store / "objects" / "ingredient").glob("*/train.parquet"):
        for row in pq.read_table(path).to_pylist():
            found[row["source"], row["path"]] = row["text"].encode()
    return found


def test_a_traced_batch_is_what_the_trainer_takes(ran: TinyStudy) -> None:
    store = Store(ran.store)
    traced = trace(ran.folder / "out", store, "half.decay", 1)
    manifest = store.manifest("state", traced.state)
    inputs = {name: store.open(need["kind"], need["key"]) for name, need in manifest["inputs"].items()}
    nowhere = ran.folder / "nowhere"
    trainer = Trainer(Call(manifest["recipe"], {}, inputs, nowhere, nowhere, None, lambda _: None))
    for step in range(1, 13):
        rows = trace(ran.folder / "out", store, "half.decay", step).rows
        batch = trainer.course.mixture.batch(step - 1)
        assert np.array_equal(np.stack([row.ids for row in rows]), batch.ids)
        assert [(row.ingredient, row.index) for row in rows] == list(batch.draws)


def test_the_documents_named_hold_the_very_bytes_that_were_trained_on(ran: TinyStudy) -> None:
    letters, tokenizer, documents = bytes_of_letters(), tokenizer_of(ran), documents_of(ran)
    for arm in ("half.decay", "text.decay"):
        for step in range(1, 13):
            for row in trace(ran.folder / "out", Store(ran.store), arm, step, seed=1).rows:
                named = b""
                for extract in row.extracts:
                    text = documents[extract.source, extract.path]
                    named += text[extract.from_byte : extract.to_byte] + (b"<|end|>" if extract.ends else b"")
                    assert not extract.ends or extract.to_byte == len(text)
                tokens = [tokenizer.id_to_token(int(one)) or "" for one in row.ids[:-1]]
                assert named == bytes(letters[letter] for token in tokens for letter in token)
                assert sum(extract.tokens for extract in row.extracts) == 64


def test_all_batches_of_an_arm_add_up_to_its_ledger(ran: TinyStudy) -> None:
    out = ran.folder / "out"
    seen: Counter[tuple[str, ...]] = Counter()
    for step in range(1, 11):
        traced = trace(out, Store(ran.store), "half.none", step, "1M", 1)
        for row in traced.rows:
            for extract in row.extracts:
                seen[traced.stage, row.ingredient, extract.kind, extract.language] += extract.tokens
    ledger = [
        row for row in json.loads((out / "ledger.json").read_text()) if (row["arm"], row["seed"]) == ("half.none", 1)
    ]
    assert seen == {(row["stage"], row["ingredient"], row["kind"], row["language"]): row["tokens"] for row in ledger}


lengths = st.lists(st.integers(1, 40), min_size=1, max_size=12)


@given(lengths, st.integers(1, 30), st.integers(0, 9))
@settings(max_examples=60)
def test_rows_are_taken_apart_across_the_ends_of_documents_and_epochs(
    lengths: list[int], sequence: int, seed: int
) -> None:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ids = np.arange(offsets[-1], dtype=np.uint16)
    shard = Shard(ids, offsets, np.zeros(len(lengths), np.int32), (("text", "English"),))
    stream = Stream(shard, "x", seed, sequence)
    read: Counter[tuple[int, int]] = Counter()
    for index in range(2 * shard.tokens):
        parts = stream.pieces(index)
        joined = np.concatenate(
            [ids[offsets[document] + low : offsets[document] + high] for document, _, low, high in parts]
        )
        assert np.array_equal(joined, stream.row(index)[:-1])
        read.update(
            (epoch, int(offsets[document]) + token)
            for document, epoch, low, high in parts
            for token in range(low, high)
        )
    assert read == Counter((epoch, token) for epoch in range(2 * sequence) for token in range(shard.tokens))


def test_the_command_names_the_documents_and_prints_their_text(ran: TinyStudy) -> None:
    plain = ran.assay("trace", "out", "--arm", "half.decay", "--step", "6")
    assert plain.returncode == 0, plain.stderr
    assert "size 1M, seed 0, step 6 of 12 (stage 'text': 100 % text)" in plain.stdout
    [row, _] = trace(ran.folder / "out", Store(ran.store), "half.decay", 6).rows
    extract = row.extracts[0]
    place = f"bytes {extract.from_byte:,} to {extract.to_byte:,}"
    assert f"{place}" in plain.stdout
    assert f"topics: {extract.path}" in plain.stdout
    decoded = ran.assay("trace", "out", "--arm", "half.decay", "--step", "6", "--decode").stdout
    shown = [line[4:] for line in decoded.splitlines() if line.startswith("  │ ")]
    text = documents_of(ran)[extract.source, extract.path][extract.from_byte : extract.to_byte].decode()
    assert "\n".join(shown).startswith(text)


def test_a_run_that_is_not_finished_is_traced_as_far_as_it_was_trained(copied: TinyStudy) -> None:
    out, store = copied.folder / "out", Store(copied.store)
    whole = trace(out, store, "half.decay", 7)
    shutil.rmtree(out / "items")
    for path in (copied.store / "objects" / "state").glob("*/manifest.json"):
        if json.loads(path.read_text())["title"].endswith("step 12"):
            shutil.rmtree(path.parent)
    part = trace(out, store, "half.decay", 7)
    assert part.state != whole.state
    assert [row.extracts for row in part.rows] == [row.extracts for row in whole.rows]
    with pytest.raises(StepError, match="at step 11 or later: it was trained to step 10 so far"):
        trace(out, store, "half.decay", 11)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"arm": "half.deca"}, "has no arm 'half.deca'; did you mean 'half.decay'"),
        ({"size": "2M"}, "has no size '2M'; did you mean '1M'"),
        ({"seed": 2}, "has no seed 2; there is 0, 1"),
        ({"step": 0}, "has the steps 1 to 12; there is no step 0"),
        ({"step": 13}, "has the steps 1 to 12; there is no step 13"),
    ],
)
def test_what_the_run_does_not_have_is_refused_with_what_it_has(
    ran: TinyStudy, asked: dict[str, int], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        trace(ran.folder / "out", Store(ran.store), **{"arm": "half.decay", "step": 1, **asked})  # type: ignore[arg-type]


def test_a_folder_without_a_plan_is_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is no run folder: it has no plan\.json"):
        trace(tmp_path, Store(tmp_path / "store"), "a", 1)
