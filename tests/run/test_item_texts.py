"""Short texts of items: one line that a reader recognises, out of real requests of a real tokenizer."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.evaluate.item import Item
from assay.evaluate.requests import encode_items, write_requests
from assay.run import item_texts
from assay.run.item_texts import ARROW, short_text, short_texts
from assay.run.step import Step
from assay.run.store import Store
from assay.tokens import tokenizer as bpe

SHOTS = "Answer in one word.\n\nQ: What is the capital of Norway?\nA: Oslo\n\n"
QUESTIONS = {
    "What is the capital of France?": "Paris",
    "What is the capital of Italy?": "Rome",
    "What\nis the capital\tof Peru?": "Lima",
}
TOKENIZER = Step("tokenizer", {"vocabulary": 300})


def stored(store: Store, items: Sequence[Item], name: str = "capitals", longest: int = 500) -> Step:
    """Requests of these items, published with their tokenizer."""
    tokenizer = bpe.train([*QUESTIONS, SHOTS], 300)
    step = Step("requests", {"task": name}, {"tokenizer": TOKENIZER})
    with store.staging() as out:
        tokenizer.save(str(out / "tokenizer.json"))
        store.publish(out, TOKENIZER.kind, TOKENIZER.key, {})
    with store.staging() as out:
        write_requests(encode_items(list(items), tokenizer, longest), out)
        store.publish(out, step.kind, step.key, {})
    return step


def capitals(before: str = SHOTS) -> dict[str, Item]:
    """By answer; the wrong choice stands first."""
    return {
        answer: Item.of((f"{before}Q: {question}\nA:",), (" Atlantis", f" {answer}"), 1)
        for question, answer in QUESTIONS.items()
    }


def wanted(items: dict[str, Item], task: str = "capitals") -> dict[str, list[str]]:
    return {task: [item.id for item in items.values()]}


@given(st.text(), st.text(), st.integers(10, 200))
def test_a_short_text_is_one_line_that_fits(question: str, answer: str, longest: int) -> None:
    text = short_text(question, answer, longest)
    assert len(text) <= longest
    assert text.isascii() <= (text.isprintable() or "\x7f" in text)
    assert text == " ".join(text.split())
    assert bool(text) == any(unicodedata.category(one)[0] not in "ZC" or one in text for one in question + answer)


LINE = st.text("abc .,?", min_size=1).map(lambda text: " ".join(text.split())).filter(bool)


@given(LINE, LINE, st.integers(10, 60))
def test_what_is_cut_is_the_questions_beginning_and_the_answers_end(question: str, answer: str, longest: int) -> None:
    asked, _, told = short_text(question, answer, longest).partition(ARROW)
    if len(question + ARROW + answer) <= longest:
        assert (asked, told) == (question, answer)
    assert question.endswith(asked.lstrip("…")) and answer.startswith(told.rstrip("…"))
    assert (asked == question) == (not asked.startswith("…")) and (told == answer) == (not told.endswith("…"))


def test_examples_that_every_item_begins_with_are_left_out(tmp_path: Path) -> None:
    store, items = Store(tmp_path), capitals()
    texts = short_texts(store, {"capitals": stored(store, list(items.values()))}, wanted(items))
    assert list(texts) == sorted(item.id for item in items.values())
    assert {answer: texts[item.id] for answer, item in items.items()} == {
        answer: f"Q: {' '.join(question.split())} A: → {answer}" for question, answer in QUESTIONS.items()
    }


def test_an_only_item_keeps_its_question(tmp_path: Path) -> None:
    store, items = Store(tmp_path), capitals("")
    step, one = stored(store, list(items.values())), items["Rome"].id
    assert short_texts(store, {"capitals": step}, {"capitals": [one]}) == {
        one: "Q: What is the capital of Italy? A: → Rome"
    }


def test_of_a_context_a_choice_the_right_one_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path)
    item = Item.of(("The cup fell as the cup", "The cup fell as the shelf"), (" was crooked.",) * 2, 1)
    step = stored(store, [item])
    assert short_texts(store, {"capitals": step}, {"capitals": [item.id]}) == {
        item.id: "The cup fell as the shelf → was crooked."
    }


def test_very_many_items_have_shorter_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, items = Store(tmp_path), capitals()
    step = stored(store, list(items.values()))
    monkeypatch.setattr(item_texts, "IN_ALL", 3 * 25 + 2)
    texts = short_texts(store, {"capitals": step}, wanted(items))
    assert {answer: texts[item.id] for answer, item in items.items()} == {
        "Paris": "…al of France? A: → Paris",
        "Rome": "…ital of Italy? A: → Rome",
        "Lima": "…pital of Peru? A: → Lima",
    }


def test_requests_that_are_gone_or_damaged_have_no_texts_and_others_do(tmp_path: Path) -> None:
    store, items = Store(tmp_path), capitals()
    whole, harmed = (stored(store, list(items.values()), name) for name in ("whole", "harmed"))
    (store.place("requests", harmed.key) / "requests.parquet").write_bytes(b"PAR1")
    gone = Step("requests", {"task": "gone"}, {"tokenizer": TOKENIZER})
    asked = {name: wanted(items)["capitals"] for name in ("gone", "harmed")}
    steps = {"gone": gone, "harmed": harmed, "whole": whole}
    assert short_texts(store, steps, asked) == {}
    assert len(short_texts(store, steps, asked | wanted(items, "whole"))) == 3
