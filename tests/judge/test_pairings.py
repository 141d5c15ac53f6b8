"""Pairings of two arms' answers, and the records of what a judge said of them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.judge.answers import Answers
from assay.judge.judgement import JudgePrompt, Said
from assay.judge.pairings import judgements_from, pairings_of, shown_prompts, unanswered
from assay.judge.prompt_set import AskedSet, PromptFormat, PromptSet, load_prompt_set
from assay.judge.tournament import outcomes

PROMPTS = PromptSet(
    name="three",
    prompts=tuple(JudgePrompt(id=id, text=f"text of {id}", reference="good") for id in ("one", "two", "three")),
    format=PromptFormat(frame="F {text}", request="R {text}", openings=frozenset({"two"})),
)
A = Answers(name="x", of={("one", 0): "a1", ("two", 0): "a2", ("three", 1): "a3"})
B = Answers(name="y", of={("three", 0): "b3", ("two", 0): "b zwei ü", ("one", 0): "b1"})


def test_what_both_answer_under_a_seed_is_judged_in_both_orders_in_the_order_of_the_prompts() -> None:
    pairings = pairings_of(PROMPTS, A, B, 0, "chat")
    assert [(one.prompt.id, one.first, one.second) for one in pairings] == [
        ("one", "a1", "b1"),
        ("one", "b1", "a1"),
        ("two", "a2", "b zwei ü"),
        ("two", "b zwei ü", "a2"),
    ]
    assert pairings_of(PROMPTS, A, B, 1, "chat") == []
    assert (unanswered(PROMPTS, A, 0), unanswered(PROMPTS, A, 1)) == (["three"], ["one", "two"])


def test_a_judge_is_shown_a_prompt_as_a_chat_model_or_a_base_model_was_asked_it() -> None:
    assert [one.text for one in shown_prompts(PROMPTS, "chat")] == ["text of one", "R text of two", "text of three"]
    assert [one.text for one in shown_prompts(PROMPTS, "base")] == ["F text of one", "text of two", "F text of three"]
    for one, given_as in zip(shown_prompts(PROMPTS, "base"), PROMPTS.prompts, strict=True):
        assert replace(one, text=given_as.text) == given_as
    assert {one.prompt.text for one in pairings_of(PROMPTS, A, B, 0, "base")} == {"F text of one", "text of two"}


def test_a_record_names_the_arm_preferred_and_its_margin_whichever_was_shown_first() -> None:
    pairings = pairings_of(PROMPTS, A, B, 0, "chat")
    said = [
        Said(preferred="first", margin=2.0, words="A"),
        Said(preferred="first", margin=0.5),
        Said(preferred="tie", margin=0.0),
        Said(preferred="none", words="?"),
    ]
    rows = judgements_from("J", "x", "y", 0, pairings, said)
    assert [(row.prompt, row.a_first, row.preferred, row.margin) for row in rows] == [
        ("one", True, "a", 2.0),
        ("one", False, "b", -0.5),
        ("two", True, "tie", 0.0),
        ("two", False, "none", None),
    ]
    assert {(row.judge, row.a, row.b, row.seed) for row in rows} == {("J", "x", "y", 0)}
    assert [(row.a_bytes, row.b_bytes) for row in rows] == [(2, 2), (2, 2), (2, 9), (2, 9)]
    assert rows[0].words == "A"
    with pytest.raises(ValueError, match="argument"):
        judgements_from("J", "x", "y", 0, pairings, said[:3])


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6))
def test_a_judge_that_goes_by_the_answer_wins_for_the_same_arm_whichever_is_called_a(
    texts: list[tuple[str, str]],
) -> None:
    prompts = PromptSet(name="p", prompts=tuple(JudgePrompt(id=f"{n}", text=f"t{n}") for n in range(len(texts))))
    x, y = (
        Answers(name=arm, of={(f"{n}", 7): pair[place] for n, pair in enumerate(texts)})
        for place, arm in enumerate("xy")
    )

    def judged(one: Answers, other: Answers) -> list[tuple[str, int | None]]:
        pairings = pairings_of(prompts, one, other, 7, "chat")
        said = [
            Said(preferred="tie" if p.first == p.second else "first" if p.first > p.second else "second")
            for p in pairings
        ]
        found = outcomes(judgements_from("J", one.name, other.name, 7, pairings, said))
        return [(outcome.prompt, outcome.score) for outcome in found]

    scores = [(f"{n}", (one > other) - (one < other)) for n, (one, other) in enumerate(texts)]
    assert judged(x, y) == judged(y, x) == sorted(scores)


def test_a_set_that_was_asked_for_is_the_one_that_is_loaded() -> None:
    asked = AskedSet(written="open", limit=5, categories=("story", "advice"))
    assert asked.load() == load_prompt_set("open", 5, ("story", "advice"))
    assert AskedSet(written="open").load() == load_prompt_set("open")
