"""Prompt sets: the one that is shipped holds what it promises, real files of others are read as they are."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.corpus.shingles import shingles
from assay.errors import InputError
from assay.judge.json_rows import json_rows
from assay.judge.prompt_set import PromptSet, load_prompt_set, prompt_set_names

OPEN = load_prompt_set("open")
GENRES = (
    *("story", "news", "letter", "encyclopaedia", "dialogue", "diary"),
    *("explanation", "description", "advice", "list", "instruction", "comparison"),
)
SENTENCE_END = re.compile(r"[.!?][\"”]?(?=\s|$)")
COMMON = 8
"""Prompts of the set in which a word may stand and still tell something about a subject."""


def real(name: str) -> Path:
    folder = os.environ.get("ASSAY_TEST_DATA")
    if not folder:
        pytest.skip("ASSAY_TEST_DATA names no folder of test data")
    return Path(folder) / name


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def written(folder: Path, name: str, *rows: object) -> str:
    path = folder / name
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return str(path)


def test_the_shipped_set_has_seven_prompts_of_each_of_twelve_genres_half_of_them_openings() -> None:
    assert prompt_set_names() == ["open"]
    assert Counter(prompt.category for prompt in OPEN.prompts) == dict.fromkeys(GENRES, 7)
    assert len(OPEN.prompts) == len({prompt.id for prompt in OPEN.prompts}) == 84 and not OPEN.doubles
    openings = {prompt.id for prompt in OPEN.prompts if prompt.category in GENRES[:6]}
    assert OPEN.format.openings == openings
    assert all(prompt.id.startswith(f"{prompt.category}-") for prompt in OPEN.prompts)


def test_every_shipped_prompt_is_short_plain_english_with_a_reference_of_two_to_four_sentences() -> None:
    for prompt in OPEN.prompts:
        assert prompt.reference is not None
        assert 30 <= len(prompt.text) <= 250, prompt.id
        assert 140 <= len(prompt.reference) <= 340, prompt.id
        assert 2 <= len(SENTENCE_END.findall(prompt.reference)) <= 4, prompt.id
        assert prompt.reference[-1] in '.!?"', prompt.id
        assert re.fullmatch(r"[A-Za-z0-9 \n.,:;!?'\"()–-]+", prompt.text + prompt.reference), prompt.id


def test_an_opening_breaks_off_where_more_must_come_and_an_instruction_is_a_whole_sentence() -> None:
    for prompt in OPEN.prompts:
        if prompt.id in OPEN.format.openings:
            assert prompt.category == "story" or prompt.text[-1] not in ".!?", prompt.id
            assert not re.search(r"^(Write|Continue|Describe|Explain)\b", prompt.text), prompt.id
        else:
            assert prompt.text[-1] in ".?", prompt.id


def test_no_shipped_prompt_is_about_code() -> None:
    words = r"\b(code|program|python|javascript|function|algorithm|software|def|import|html|sql|computer)\b|[{}<>`=_]"
    for prompt in OPEN.prompts:
        assert not re.search(words, f"{prompt.text} {prompt.reference}", re.IGNORECASE), prompt.id


def test_no_two_shipped_prompts_share_a_run_of_five_words() -> None:
    seen: dict[int, str] = {}
    for prompt in OPEN.prompts:
        for text in (prompt.text, prompt.reference or ""):
            for one in set(shingles(text)[1].tolist()):
                assert seen.setdefault(one, prompt.id) == prompt.id, (seen[one], prompt.id)


def test_no_two_shipped_prompts_are_about_the_same_thing() -> None:
    """Cosine of the words that stand in few prompts, weighed by their rarity."""
    bags = [Counter(re.findall(r"[a-z]{4,}", f"{prompt.text} {prompt.reference}".lower())) for prompt in OPEN.prompts]
    spread = Counter(word for bag in bags for word in bag)
    words = sorted(word for word, count in spread.items() if count <= COMMON)
    weights = np.array([[bag[word] * np.log(len(bags) / spread[word]) for word in words] for bag in bags])
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    likeness = np.tril(weights @ weights.T, -1)
    worst = np.unravel_index(likeness.argmax(), likeness.shape)
    assert likeness.max() < 0.2, (OPEN.prompts[worst[0]].id, OPEN.prompts[worst[1]].id, likeness.max())


ASKED_OPENLY = ("benchmarks/alpaca_eval", "benchmarks/mt_bench", "instruct/dolly_hhrlhf", "instruct/self_instruct_seed")
EVERYTHING = ("benchmarks/*", "instruct/*")


@pytest.mark.parametrize(
    ("folders", "least"), [(ASKED_OPENLY, 2000), pytest.param(EVERYTHING, 20_000, marks=pytest.mark.slow)]
)
def test_no_benchmark_row_holds_a_third_of_a_shipped_text(folders: tuple[str, ...], least: int) -> None:
    texts = {
        f"{prompt.id} {kind}": set(shingles(text)[1].tolist())
        for prompt in OPEN.prompts
        for kind, text in (("text", prompt.text), ("reference", prompt.reference or ""))
    }
    own = np.array(sorted(set().union(*texts.values())), np.uint64)
    lines = [
        (path, line)
        for folder in folders
        for path in sorted(real(".").glob(f"{folder}/*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert len(lines) > least
    for path, line in lines:
        hashes = shingles(line.replace("\\n", " "))[1]
        near = own[np.searchsorted(own, hashes).clip(max=len(own) - 1)]
        hits = set(hashes[near == hashes].tolist())
        for name, its in texts.items() if hits else ():
            assert len(its & hits) < max(2, len(its) / 3), (name, path, line[:300])


def test_a_base_model_gets_an_instruction_in_a_frame_and_an_opening_bare_and_a_chat_model_the_other_way_round() -> None:
    prompts = {prompt.id: prompt for prompt in OPEN.prompts}
    egg, clock = prompts["instruction-egg"], prompts["story-clock"]
    assert OPEN.format.base(egg) == f"Question: {egg.text}\nAnswer:"
    assert OPEN.format.chat(egg) == egg.text
    assert OPEN.format.base(clock) == clock.text
    assert OPEN.format.chat(clock).startswith("Continue this text") and OPEN.format.chat(clock).endswith(clock.text)


def test_a_limit_takes_of_every_category_its_share_and_a_larger_one_only_adds() -> None:
    before: set[str] = set()
    for limit in (1, 12, 13, 24, 60, 83, 84, 500):
        some = load_prompt_set("open", limit)
        ids = [prompt.id for prompt in some.prompts]
        assert len(ids) == min(limit, 84) and before <= set(ids)
        assert [prompt for prompt in OPEN.prompts if prompt.id in ids] == list(some.prompts)
        assert some.format.openings == OPEN.format.openings & set(ids)
        counts = Counter(prompt.category for prompt in some.prompts)
        assert max(counts.values()) - min(counts[genre] for genre in GENRES) <= 1
        before = set(ids)


def test_categories_are_chosen_before_the_limit_counts() -> None:
    some = load_prompt_set("open", 6, ("advice", "list"))
    assert Counter(prompt.category for prompt in some.prompts) == {"advice": 3, "list": 3}
    with pytest.raises(InputError, match=r"open\.yaml: there is no category 'advise'; did you mean 'advice'\?"):
        load_prompt_set("open", categories=["advise"])
    with pytest.raises(InputError, match="limit of 0 prompts"):
        load_prompt_set("open", 0)


def test_the_identity_is_that_of_the_content_in_any_layout_process_and_place(tmp_path: Path) -> None:
    rows = [
        {
            "id": prompt.id,
            "text": prompt.text,
            "category": prompt.category,
            "reference": prompt.reference,
            "opening": prompt.id in OPEN.format.openings,
        }
        for prompt in OPEN.prompts
    ]
    lines = load_prompt_set(written(tmp_path, "lines.jsonl", *rows))
    (tmp_path / "array.json").write_text(json.dumps(rows, indent=2), encoding="utf-8")
    assert lines.sha256 == OPEN.sha256 == load_prompt_set(str(tmp_path / "array.json")).sha256
    rows[3]["reference"] = "Another."
    assert load_prompt_set(written(tmp_path, "lines.jsonl", *rows)).sha256 != OPEN.sha256
    program = "from assay.judge.prompt_set import load_prompt_set; print(load_prompt_set('open').sha256)"
    environment = {**os.environ, "PYTHONHASHSEED": "77", "LC_ALL": "C"}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == OPEN.sha256


def test_real_dolly_rows_are_taken_out_of_their_template_and_the_one_double_is_named() -> None:
    path = real("instruct/dolly_hhrlhf/train_small.jsonl")
    rows = rows_of(path)
    read = load_prompt_set(str(path))
    head = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
    by_text = {prompt.text: prompt for prompt in read.prompts}
    for row in rows:
        text = row["prompt"].removeprefix(f"{head}\n\n### Instruction:\n").removesuffix("\n\n### Response:\n")
        assert len(text) < len(row["prompt"]) - 100
        assert by_text[text.strip()].reference
    assert (len(rows), len(read.prompts)) == (1000, 999)
    assert read.doubles == (f"{path}:467 repeats {path}:268",)
    assert rows[466]["prompt"] == rows[267]["prompt"]


def test_rows_of_dolly_itself_carry_what_they_are_about_below_the_instruction(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "dolly.jsonl",
        {"instruction": "When was it built?", "context": "The mill is of 1790.", "response": "1790", "category": "qa"},
        {"instruction": "Say hello. ", "context": "", "response": " ", "category": "other"},
        {"prompt": "unused", "instruction": "Sum up.", "input": "Long text.", "output": "Short text."},
    )
    first, second, third = load_prompt_set(path).prompts
    assert (first.text, first.reference, first.category) == (
        "When was it built?\n\nThe mill is of 1790.",
        "1790",
        "qa",
    )
    assert (second.text, second.reference, second.category) == ("Say hello.", None, "other")
    assert (third.text, third.reference) == ("Sum up.\n\nLong text.", "Short text.")


def test_alpacas_template_with_an_input_is_undone_too(tmp_path: Path) -> None:
    text = "Below is …\n\n### Instruction:\nTranslate.\n\n### Input:\nGuten Tag\n\n### Response:\n"
    (prompt,) = load_prompt_set(written(tmp_path, "a.jsonl", {"prompt": text, "response": "Good day"})).prompts
    assert (prompt.text, prompt.reference) == ("Translate.\n\nGuten Tag", "Good day")


def test_real_mt_bench_questions_are_read_by_their_first_turn() -> None:
    path = real("benchmarks/mt_bench/question.jsonl")
    read = load_prompt_set(str(path))
    rows = rows_of(path)
    assert [prompt.id for prompt in read.prompts] == [str(row["question_id"]) for row in rows]
    assert [prompt.text for prompt in read.prompts] == [row["turns"][0].strip() for row in rows]
    assert Counter(prompt.category for prompt in read.prompts) == Counter(row["category"] for row in rows)
    assert sum(prompt.reference is not None for prompt in read.prompts) == 38  # of 39, one of them empty


def test_real_alpaca_eval_rows_have_a_data_set_for_category_and_no_gold_for_the_outputs_are_a_models() -> None:
    path = real("benchmarks/alpaca_eval/eval.jsonl")
    read = load_prompt_set(str(path))
    assert [prompt.text for prompt in read.prompts] == [row["instruction"].strip() for row in rows_of(path)]
    assert len(read.prompts) == 805 and all(prompt.reference is None for prompt in read.prompts)
    assert {prompt.category for prompt in read.prompts} == {
        *("selfinstruct", "oasst", "koala", "helpful_base", "vicuna"),
    }
    assert all(re.fullmatch("[0-9a-f]{16}", prompt.id) for prompt in read.prompts)


def test_real_seed_tasks_of_self_instruct_carry_their_first_input() -> None:
    path = real("instruct/self_instruct_seed/seed_tasks.jsonl")
    read = load_prompt_set(str(path))
    for prompt, row in zip(read.prompts, rows_of(path), strict=True):
        (given,) = row["instances"]
        assert prompt.id == row["id"] and prompt.text.startswith(row["instruction"].strip())
        assert prompt.text.endswith((given["input"] or row["instruction"]).strip())
        assert prompt.reference == given["output"].strip()


def test_an_id_made_of_the_text_stays_when_rows_move() -> None:
    path = real("benchmarks/alpaca_eval/eval.jsonl")
    ids = {prompt.text: prompt.id for prompt in load_prompt_set(str(path)).prompts}
    for limit in (3, 50):
        assert all(ids[prompt.text] == prompt.id for prompt in load_prompt_set(str(path), limit).prompts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Why?\nHow?\n", ["Why?", "How?"]),
        ("\n\n  Why?\r\nHow?", ["Why?", "How?"]),
        ("One\nand two\n\n \nthree\n\n", ["One\nand two", "three"]),
        ("\ufeffonly one", ["only one"]),
    ],
)
def test_a_text_file_has_a_prompt_a_line_or_a_paragraph(tmp_path: Path, text: str, expected: list[str]) -> None:
    (tmp_path / "mine.txt").write_bytes(text.encode())
    read = load_prompt_set(str(tmp_path / "mine.txt"))
    assert [prompt.text for prompt in read.prompts] == expected
    assert read.name == "mine" and not read.format.openings


def yaml_set(folder: Path, text: str) -> PromptSet:
    (folder / "mine.yaml").write_text(text)
    return load_prompt_set(str(folder / "mine.yaml"))


def test_a_set_in_yaml_may_have_a_frame_of_its_own(tmp_path: Path) -> None:
    read = yaml_set(tmp_path, 'frame: "Q. {text} A."\nprompts:\n- text: Why {this}?\n- {text: Once, opening: true}\n')
    assert [read.format.base(prompt) for prompt in read.prompts] == ["Q. Why {this}? A.", "Once"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prompts:\n- text: a\n- txt: b\n", r"mine\.yaml:3: unknown key 'txt'; did you mean 'text'\?"),
        ("prompts:\n- id: a\n", r"mine\.yaml:2: 'text' must be a text, and is missing"),
        ("prompts:\n- text: 7\n", r"mine\.yaml:2: 'text' must be a text, and is 7"),
        ("prompts:\n- only words\n", r"mine\.yaml:2: a prompt is a mapping"),
        ("title: x\nframes: b\nprompts: []\n", r"mine\.yaml:2: unknown key 'frames'; did you mean 'frame'\?"),
        ("title: x\nframe: no place\nprompts: []\n", r"mine\.yaml:2: 'frame' must be a text with \{text\} in it once"),
        ("prompts: []\n", r"mine\.yaml: the file holds no prompts"),
        ("- a\n", r"mine\.yaml: a prompt file in YAML is a mapping with a list under 'prompts:'"),
        ("prompts: [\n", r"mine\.yaml:\d+: not YAML"),
        ("prompts:\n- {text: a, opening: maybe}\n", r"mine\.yaml:2: 'opening' is true for a text to be continued"),
    ],
)
def test_what_is_wrong_in_a_yaml_set_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        yaml_set(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"text": "a"}\n{"text": \n', r"p\.jsonl:2: not JSON: .*each line is an object of its own"),
        ('{"text": "a"}\n\n[1]\n', r"p\.jsonl:3: a row must be an object"),
        (
            '{"text": "a"}\n{"id": "b"}\n',
            r"p\.jsonl:2: 'text' is missing, and by its first row the file is Assay's own",
        ),
        ('{"text": "a", "id": true}', r"p\.jsonl:1: 'id' must be a text or a whole number, and is true"),
        (
            '{"id": 1, "text": "a"}\n{"id": "1", "text": "b"}',
            r":2: the id '1' is also that of .*p\.jsonl:1, with another",
        ),
        ('{"text": " \\n"}', r"p\.jsonl:1: the prompt is empty"),
        ('{"question": "a"}', r"p\.jsonl:1: no layout of prompts has just question; a row has question_id, turns"),
        ('{"question_id": 1, "turns": []}', r"p\.jsonl:1: 'turns' must be a list of texts, and is \[\]"),
        ('{"question_id": 1, "turns": ["a"], "reference": "b"}', r"'reference' must be a list of texts, one for each"),
        ('{"instruction": "a", "instances": ["b"]}', r"'instances' must be a list of objects"),
        ('{"instruction": ["a"]}', r"p\.jsonl:1: 'instruction' must be a text, and is \[\"a\"\]"),
        ('[{"text": "a"},\n\n {"text": 3}]', r"p\.jsonl:3: 'text' must be a text, and is 3"),
        ('[{"text": "a"},\n {"text": 3]', r"p\.jsonl:2: not JSON"),
        ("[]", r"p\.jsonl: the file holds no rows"),
        ("", r"p\.jsonl: the file holds no rows"),
    ],
)
def test_what_is_wrong_in_a_json_file_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.jsonl").write_text(text)
    with pytest.raises(InputError, match=message):
        load_prompt_set(str(tmp_path / "p.jsonl"))


def test_a_set_that_is_not_there_is_told_with_what_would_be_right(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no prompt set 'opne'; did you mean 'open'\? \(prompts of your own"):
        load_prompt_set("opne")
    with pytest.raises(InputError, match=r"there is no prompt file .*none\.jsonl"):
        load_prompt_set(str(tmp_path / "none.jsonl"))
    (tmp_path / "p.csv").write_text("a")
    with pytest.raises(InputError, match=r"p\.csv: a prompt file ends in \.jsonl"):
        load_prompt_set(str(tmp_path / "p.csv"))
    (tmp_path / "p.txt").write_bytes(b"fine \xff")
    with pytest.raises(InputError, match=r"p\.txt: not UTF-8 \(byte 5\)"):
        load_prompt_set(str(tmp_path / "p.txt"))


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=8), lambda part: st.lists(part, max_size=3), max_leaves=4
)


@given(rows=st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=3), min_size=1), data=st.data())
def test_rows_of_an_array_are_found_in_the_lines_in_which_they_begin(rows: list[dict[str, Any]], data: Any) -> None:
    text, lines = "[", []
    for number, row in enumerate(rows):
        text += ("," if number else "") + "\n" * data.draw(st.integers(0, 2)) + " " * data.draw(st.integers(0, 1))
        lines.append(text.count("\n") + 1)
        text += json.dumps(row, indent=data.draw(st.sampled_from([None, 1])))
    found = json_rows(f"{text}\n]", "f")
    assert [row.values for row in found] == rows
    assert [row.where for row in found] == [f"f:{line}" for line in lines]
