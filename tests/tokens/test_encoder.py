"""Bulk encoding gives the ids of the reference, and a text never ends a document; tokenizers that are brought."""

import json
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from assay.errors import StepError
from assay.tokens.encoder import Encoder
from assay.tokens.shard import SHARD, ShardWriter, read_shard
from assay.tokens.tokenizer import END, bring, end_id, load, train


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [path.read_text() for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[:80]]


@pytest.fixture(scope="module")
def folder(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    train(texts[:40], 2048).save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def reference(folder: Path) -> Tokenizer:
    return load(folder)


STRANGE = [
    "",
    " ",
    "\n\n\n",
    "naïve ☃ 𝛼\x00\t end",
    "a" * 3000,
    "１２３４５",
    "<|end|>",
    f"x{END}y",
    "\u2028\u0085",
    "日本語 текст",
]


@pytest.mark.parametrize("fast", [True, False])
def test_bulk_encoding_gives_the_ids_of_the_reference_on_real_files(
    folder: Path, reference: Tokenizer, texts: list[str], fast: bool
) -> None:
    both = [*texts, *STRANGE]
    ids, begins = Encoder(folder, fast).encode(both)
    assert len(begins) == len(both) + 1
    for place, text in enumerate(both):
        assert ids[begins[place] : begins[place + 1]].tolist() == reference.encode(text, add_special_tokens=False).ids


@given(st.lists(st.text(max_size=80), min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_any_text_at_all_gives_the_same_ids_both_ways(folder: Path, texts: list[str]) -> None:
    fast, slow = Encoder(folder, True).encode(texts), Encoder(folder, False).encode(texts)
    assert (fast[0].tolist(), fast[1].tolist()) == (slow[0].tolist(), slow[1].tolist())


@pytest.mark.parametrize("fast", [True, False])
def test_a_text_that_names_the_end_token_does_not_end_its_document(folder: Path, fast: bool) -> None:
    encoder = Encoder(folder, fast)
    ids, _ = encoder.encode([f"one {END} two"])
    assert encoder.end not in ids.tolist()
    assert load(folder).decode(ids.tolist(), skip_special_tokens=False) == f"one {END} two"


def test_a_shard_counts_the_bytes_that_became_its_tokens(folder: Path, tmp_path: Path, texts: list[str]) -> None:
    encoder = Encoder(folder)
    with ShardWriter(tmp_path, encoder.vocabulary) as shard:
        for text in texts[:5]:
            ids, _ = encoder.encode([text])
            shard.add(ids, np.array([len(ids)]), [("code", "Python")], [len(text.encode())])
    about = json.loads((tmp_path / SHARD).read_text())
    assert about["bytes"] == sum(len(text.encode()) for text in texts[:5])
    assert about["by_label"] == [{"documents": 5, "tokens": about["tokens"], "bytes": about["bytes"]}]
    assert read_shard(tmp_path).tokens == about["tokens"]


def brought(reference: Tokenizer, end: str) -> bytes:
    """A tokenizer.json of others: the same, its end token under another name."""
    return reference.to_str().replace(json.dumps(END), json.dumps(end)).encode()


def test_a_brought_tokenizer_keeps_every_id_and_its_end_token_is_found(reference: Tokenizer, texts: list[str]) -> None:
    made = bring([brought(reference, "<|endoftext|>")], 2048, "<|endoftext|>")
    made.encode_special_tokens = True
    assert end_id(made) == end_id(reference)
    assert made.get_vocab_size() == 2048
    for text in texts[:10]:
        assert made.encode(text).ids == reference.encode(text).ids


def test_gpt2s_two_files_become_a_tokenizer(texts: list[str]) -> None:
    from tokenizers import ByteLevelBPETokenizer

    original = ByteLevelBPETokenizer()
    original.train_from_iterator(texts[:20], vocab_size=600, special_tokens=["<|endoftext|>"], show_progress=False)
    model = json.loads(original.to_str())["model"]
    merges = "#version: 0.2\n" + "\n".join(" ".join(pair) for pair in model["merges"]) + "\n"
    made = bring([json.dumps(model["vocab"]).encode(), merges.encode()], 600, "<|endoftext|>")
    assert end_id(made) == 0
    assert all(made.encode(text).ids == original.encode(text).ids for text in texts[20:40])


@pytest.mark.parametrize(
    ("data", "vocabulary", "end", "told"),
    [
        (b"{}", 2048, "<|endoftext|>", "cannot be read as a tokenizer.json"),
        (b"\xff\xfe", 2048, "<|endoftext|>", "cannot be read as a tokenizer.json"),
        (None, 50_257, "<|endoftext|>", "2,048 entries; the recipe says vocab: 50257"),
        (None, 2048, "</s>", "no token </s> to end a document; its special tokens: <|endoftext|>"),
    ],
)
def test_a_tokenizer_that_does_not_fit_is_refused_with_what_would(
    reference: Tokenizer, data: bytes | None, vocabulary: int, end: str, told: str
) -> None:
    with pytest.raises(StepError, match=told.replace("|", r"\|")):
        bring([brought(reference, "<|endoftext|>") if data is None else data], vocabulary, end)
