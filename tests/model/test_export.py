"""Exports held against transformers and lm-eval: equal logits, equal ids, equal scores; whole or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from stock_models import TEXTS, VOCABULARY, rows, tokenizer

from assay.errors import InputError, StepError
from assay.evaluate.load import load_items
from assay.evaluate.requests import encode_items
from assay.evaluate.scorer import score_requests
from assay.evaluate.task_file import load_task
from assay.model.decoder import initialise, plain_decoder
from assay.model.export import logit_difference, write_model
from assay.model.imported import load_model
from assay.model.shape import Shape
from assay.model.sizes import SIZES
from assay.run.export import export_state, find_state
from assay.run.store import Store
from assay.tokens import tokenizer as bpe
from assay.tokens.tokenizer import END
from assay.train.state import load_weights
from tiny_study import TinyStudy

LENGTHS = (1, 2, 17, 128, 255)


def random_model(shape: Shape) -> torch.Tensor:
    """Weights large enough that logits are, and gains that differ, so that nothing cancels."""
    weights = initialise(shape, 3)
    weights[: shape.vocabulary * shape.width] *= 10
    gains = torch.randn(shape.parameters - shape.decayed, generator=torch.Generator().manual_seed(0))
    weights[shape.decayed :] += 0.3 * gains
    return weights


def written(folder: Path, shape: Shape, weights: torch.Tensor, dtype: str = "float32") -> Path:
    folder.mkdir(exist_ok=True)
    tokenizer().save(str(folder / "tokenizer.json"))
    write_model(folder / "out", shape, weights, folder / "tokenizer.json", 256, "# A card\n", dtype)
    return folder / "out"


@pytest.mark.parametrize(
    "shape",
    [
        SIZES["1M"].shape(VOCABULARY),
        Shape(VOCABULARY, 192, 3, heads=3, head_size=64, feed_forward=320, norm_epsilon=1e-4, rotary_base=500.0),
        Shape(VOCABULARY, 96, 2, 6, 16, 160, block="llama", key_heads=2, tied=False, norm_epsilon=1e-6),
        Shape(VOCABULARY, 96, 2, 4, 16, 160, block="llama", rotary_base=1e5),
    ],
    ids=["1M", "other heads", "llama, grouped", "llama, narrow heads"],
)
def test_transformers_gives_the_logits_of_the_model_that_was_exported(tmp_path: Path, shape: Shape) -> None:
    pytest.importorskip("transformers", reason="the extra hf is not installed")
    weights = random_model(shape)
    out = written(tmp_path, shape, weights)
    assert logit_difference(out, shape, weights, rows(*LENGTHS)) < 1e-4
    other = random_model(shape)
    other[-1] += 0.5
    assert logit_difference(out, shape, other, rows(*LENGTHS)) > 1e-2  # the comparison can fail


def test_an_export_read_back_has_the_same_shape_bits_and_tokenizer(tmp_path: Path) -> None:
    for number, shape in enumerate((SIZES["1M"].shape(VOCABULARY), Shape(VOCABULARY, 64, 2, 4, 16, 96, "llama", 2))):
        weights = random_model(shape)
        folder = written(tmp_path / str(number), shape, weights)
        back = load_model(f"hf:{folder}")
        assert back.shape == shape
        assert torch.equal(back.weights, weights)
        assert (back.end, back.about["longest"]) == (END, 256)
        ids, vocabulary = tokenizer().encode(TEXTS[3]).ids, tokenizer().get_vocab()
        again = type(tokenizer()).from_buffer(back.tokenizer)
        assert again.get_vocab() == vocabulary
        assert again.encode(TEXTS[3], add_special_tokens=False).ids == ids


def test_bfloat16_weights_are_the_rounded_ones(tmp_path: Path) -> None:
    shape = SIZES["1M"].shape(VOCABULARY)
    weights = random_model(shape)
    out = written(tmp_path, shape, weights, "bfloat16")
    with safe_open(out / "model.safetensors", "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.bfloat16}  # noqa: SIM118  (not a dict)
    assert torch.equal(load_model(f"hf:{out}").weights, weights.to(torch.bfloat16).float())


def test_what_is_there_is_not_overwritten_and_what_fails_leaves_nothing(tmp_path: Path) -> None:
    shape = SIZES["1M"].shape(VOCABULARY)
    out = written(tmp_path, shape, random_model(shape))
    before = (out / "config.json").stat().st_mtime_ns
    with pytest.raises(InputError, match="is there already"):
        write_model(out, shape, random_model(shape), tmp_path / "tokenizer.json", 256, "")
    assert (out / "config.json").stat().st_mtime_ns == before
    crooked = Shape(VOCABULARY, 128, 1, heads=3, head_size=32, feed_forward=64)
    with pytest.raises(InputError, match="add up to the width"):
        write_model(tmp_path / "new", crooked, initialise(crooked, 0), tmp_path / "tokenizer.json", 256, "")
    (tmp_path / "file").write_text("")
    with pytest.raises(StepError, match="cannot be written"):
        write_model(tmp_path / "file" / "new", shape, random_model(shape), tmp_path / "tokenizer.json", 256, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "out", "tokenizer.json"]


def test_the_program_exports_a_trained_arm_that_transformers_loads_as_it_is(ran: TinyStudy, tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the extra hf is not installed")
    from transformers import AutoTokenizer

    out = tmp_path / "half"
    done = ran.assay("export", "out", out, "--arm", "half.decay", "--seed", "1")
    assert done.returncode == 0, done.stderr
    store = Store(ran.store)
    record, _ = find_state(store, str(ran.folder / "out"), "half.decay", seed=1)
    shape = Shape(**record.recipe["shape"])
    weights = load_weights(store.open("state", record.key))
    theirs = AutoTokenizer.from_pretrained(out)
    ids = [theirs(text)["input_ids"] for text in TEXTS[:6]]
    assert logit_difference(out, shape, weights, [torch.tensor(row[:256]) for row in ids]) < 1e-4
    need = record.inputs["tokenizer"]
    ours = type(tokenizer()).from_file(str(store.file("tokenizer", need.key, "tokenizer.json")))
    assert ids == [[ours.token_to_id(END), *ours.encode(text).ids] for text in TEXTS[:6]]
    assert theirs.decode(ids[0], skip_special_tokens=True) == TEXTS[0]
    card = (out / "README.md").read_text()
    for told in ("tiny, arm half.decay", "| seed | 1 |", f"state/{record.key}", "code 50 %, text 50 %", "1,536 tokens"):
        assert told in card, card


def test_a_key_names_any_state_and_a_wrong_name_is_told(ran: TinyStudy, tmp_path: Path) -> None:
    store, out = Store(ran.store), str(ran.folder / "out")
    record, _ = find_state(store, out, "text.decay")
    assert find_state(store, f"state/{record.key[:10]}")[0].key == record.key
    export_state(store, record, "", tmp_path / "state")
    assert record.title in (tmp_path / "state" / "README.md").read_text()
    with pytest.raises(InputError, match=r"--arm says which arm of tiny is meant; there is text\.decay"):
        find_state(store, out)
    with pytest.raises(InputError, match=r"no arm 'half\.deca'; did you mean 'half\.decay'"):
        find_state(store, out, "half.deca")
    with pytest.raises(InputError, match="has no seed 7; there is 0, 1"):
        find_state(store, out, "half.decay", seed=7)
    with pytest.raises(InputError, match="has no size '5M'"):
        find_state(store, out, "half.decay", size="5M")
    tokens = record.inputs["tokens:text"]
    with pytest.raises(InputError, match="is no state"):
        find_state(store, f"tokens/{tokens.key}")
    with pytest.raises(InputError, match="there is no run folder"):
        find_state(store, f"state/{record.key}", arm="text.decay")
    elsewhere = Store(tmp_path / "empty")
    with pytest.raises(StepError, match="does not hold state/"):
        find_state(elsewhere, out, "half.decay")


def test_lm_eval_scores_an_export_as_the_study_does(ran: TinyStudy, tmp_path: Path) -> None:
    pytest.importorskip("lm_eval", reason="the harness is not installed")
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    store = Store(ran.store)
    record, of = find_state(store, str(ran.folder / "out"), "half.decay")
    export_state(store, record, of, tmp_path / "half")
    items = load_items(load_task(str(ran.folder / "colours.yaml")), {})
    need = record.inputs["tokenizer"]
    requests = encode_items(items, bpe.load(store.open("tokenizer", need.key)), 64)
    decoder = plain_decoder(Shape(**record.recipe["shape"]), load_weights(store.open("state", record.key)))
    model = HFLM(pretrained=str(tmp_path / "half"), device="cpu", dtype="float32", batch_size=4)
    pairs = [
        Instance("loglikelihood", {}, (item.contexts[0], choice), number)
        for item in items
        for number, choice in enumerate(item.choices)
    ]
    theirs = [score for score, _ in model.loglikelihood(pairs, disable_tqdm=True)]
    ours = [score.logprob for scores in score_requests(decoder, requests) for score in scores]
    assert theirs == pytest.approx(ours, abs=1e-3)


def test_asking_for_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from assay.cli import app; "
        "print([name for name in ('torch', 'transformers', 'gguf', 'safetensors') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert told.strip() == "[]"
