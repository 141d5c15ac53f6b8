"""Local judges: what a model's own probabilities say, in either role, and that nothing else does."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.endpoint.chat import ChatTemplate, plain_template
from assay.endpoint.served import Served
from assay.judge.judgement import JudgePrompt, Pairing, Said
from assay.judge.likelihood import LEAST_BYTES, MOST_BYTES, NOTHING, WEIGHTS, LikelihoodJudge, Measured, measured
from assay.judge.local_judge import LocalJudge
from assay.judge.verdict import format_names, open_format
from served_model import CHATML, decoder, tokenizer


def served(longest: int = 4096, plain: bool = False) -> Served:
    control = {token.content: number for number, token in tokenizer().get_added_tokens_decoder().items()}
    chat = plain_template((0,)) if plain else ChatTemplate(CHATML, control)
    return Served("tiny", decoder(), tokenizer(), longest, (), frozenset({control["<|im_end|>"], 0}), chat)


def pair(first: str, second: str, prompt: str = "What does a statement do?") -> Pairing:
    return Pairing(prompt=JudgePrompt(id="1", text=prompt), first=first, second=second)


GOOD = "The statement binds a name in the current scope, and raises an exception if that fails."
PAIRINGS = [
    pair(first, second)
    for first, second in (
        (GOOD, "class class class"),
        ("class class class", GOOD),
        ("", GOOD),
        (GOOD, GOOD),
        ("<b>one</b>", "two\nlines"),
    )
]


def logprob_after(context: tuple[int, ...], ids: list[int]) -> float:
    """Log-probability of tokens behind others: one plain pass over them all, summed in float64."""
    with torch.inference_mode():
        hidden = decoder().hidden(torch.tensor([[*context, *ids]]))[0].double()
        logprobs = (hidden @ decoder().output.double().t()).log_softmax(-1)
    return sum(float(logprobs[len(context) + place - 1, token]) for place, token in enumerate(ids))


def ids_of(text: str) -> list[int]:
    return list(tokenizer().encode(text, add_special_tokens=False).ids)


@pytest.mark.parametrize("name", format_names())
def test_the_margin_is_the_log_odds_of_the_letters_where_the_verdict_begins(name: str) -> None:
    judge = LocalJudge(served(), open_format(name))
    for asked, said in zip(PAIRINGS[:2], judge.judge(PAIRINGS[:2]), strict=True):
        context = judge.context(asked)
        assert tokenizer().decode(list(context)).endswith(open_format(name).before or "assistant\n")
        plain_a, blank_a, plain_b, blank_b = (
            math.exp(logprob_after(context, ids_of(text))) for text in ("A", " A", "B", " B")
        )
        assert said.margin == pytest.approx(math.log((plain_a + blank_a) / (plain_b + blank_b)), abs=1e-3)
        assert said.preferred == ("first" if (said.margin or 0) > 0 else "second")


@pytest.mark.parametrize("make", [lambda of: LocalJudge(of, open_format("letters")), LikelihoodJudge])
def test_what_is_said_of_a_pairing_depends_on_it_alone(make: type[LikelihoodJudge]) -> None:
    judge = make(served())
    together = judge.judge(PAIRINGS)
    for one, (asked, said) in enumerate(zip(PAIRINGS, together, strict=True)):
        (alone,) = judge.judge([asked])
        assert alone.preferred == said.preferred, one
        assert alone.margin == pytest.approx(said.margin, abs=1e-4)
    assert judge.judge(PAIRINGS[::-1]) == together[::-1]
    heard: list[tuple[int, int]] = []
    judge.judge(PAIRINGS, lambda done, of: heard.append((done, of)))
    assert heard[-1][0] == heard[-1][1] > 0
    assert judge.judge([]) == []


@pytest.mark.parametrize("make", [lambda of: LocalJudge(of, open_format("letters")), LikelihoodJudge])
def test_a_pairing_that_is_too_long_is_no_verdict_and_the_others_are_judged(make: type[LikelihoodJudge]) -> None:
    judge = make(served(longest=600))
    said = judge.judge([PAIRINGS[0], pair(GOOD * 40, GOOD), PAIRINGS[0]])
    assert [one.preferred == "none" for one in said] == [False, True, False]
    assert "reads" in said[1].words and said[1].margin is None
    assert said[0] == said[2]


def test_a_margin_within_the_tie_is_one() -> None:
    said = LocalJudge(served(), open_format("letters"), tie=100.0).judge(PAIRINGS)
    assert {one.preferred for one in said} == {"tie"} and all(one.margin for one in said)
    assert {one.preferred for one in LikelihoodJudge(served(), tie=100.0).judge(PAIRINGS)} == {"tie"}


@pytest.mark.parametrize("plain", [False, True], ids=["chat", "plain"])
def test_likelihood_says_the_opposite_of_the_opposite_order(plain: bool) -> None:
    judge = LikelihoodJudge(served(plain=plain))
    forth = judge.judge(PAIRINGS)
    back = judge.judge([pair(one.second, one.first) for one in PAIRINGS])
    mirrored = {"first": "second", "second": "first", "tie": "tie"}
    for one, other in zip(forth, back, strict=True):
        assert one.margin is not None and other.margin is not None
        assert one.margin == -other.margin and mirrored[one.preferred] == other.preferred
    assert forth[3] == Said(preferred="tie", margin=0.0, words=forth[3].words)


def test_likelihood_measures_bits_a_byte_behind_the_prompt_and_behind_none() -> None:
    judge, prompt = LikelihoodJudge(served()), PAIRINGS[0].prompt.text
    (found,) = judge.measure([(prompt, f"  {GOOD}\n")])
    assert found is not None
    contexts = [served().chat.encode(tokenizer(), [{"role": "user", "content": content}]) for content in (prompt, "")]
    given, alone = (-logprob_after(context, ids_of(GOOD)) / math.log(2) / len(GOOD) for context in contexts)
    assert [found.given, found.alone] == pytest.approx([given, alone], abs=1e-4)
    ended = [math.exp(logprob_after((*contexts[0], *ids_of(GOOD)), [end])) for end in sorted(served().ends)]
    assert found.end == pytest.approx(min(16, -math.log2(sum(ended))), abs=1e-3)
    badness = found.given + 2.0 * (found.given - found.alone) + 0.07 * found.end + 1.4 * found.repeated
    assert found.badness() == pytest.approx(badness)


def test_penalties_are_for_repetition_and_for_lengths_that_are_not_usual() -> None:
    ordinary = measured(GOOD, 80.0, 90.0, 2.0)
    assert (ordinary.repeated, ordinary.compressed, ordinary.short, ordinary.long) == (0, 0, 0, 0)
    again = measured("one two three " * 30, 80.0, 90.0, 2.0)
    assert again.repeated == pytest.approx(1 - 3 / 88) and again.compressed > 0.3
    assert measured("x" * (LEAST_BYTES // 4 - 1), 8.0, 8.0, 2.0).short == pytest.approx(2)
    assert measured("x" * (MOST_BYTES * 4 - 1), 8.0, 8.0, 2.0).long == pytest.approx(2)
    nothing = measured("", 0.0, 0.0, 1.0)
    assert (nothing.given, nothing.alone) == (NOTHING, NOTHING) and nothing.short > 5
    assert nothing.badness() > ordinary.badness() + 4


PARTS = {field.name: st.floats(0, 8) for field in dataclasses.fields(Measured)}


@given(one=st.builds(Measured, **PARTS), more=st.floats(0.01, 4), name=st.sampled_from(sorted(PARTS)))
@settings(max_examples=60)
def test_more_of_any_part_is_worse_but_for_bits_without_the_prompt(one: Measured, more: float, name: str) -> None:
    changed = dataclasses.replace(one, **{name: getattr(one, name) + more})
    assert (changed.badness() > one.badness()) == (name != "alone")
    assert all(weight > 0 for weight in dataclasses.asdict(WEIGHTS).values())
