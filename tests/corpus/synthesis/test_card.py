"""A card is read by the hub's own programs, tells what it was given and refuses what contradicts itself."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from known_problems import GAP, QUOTES, RECORDS

from assay.corpus.synthesis.card import CardFacts, Origin, write_card
from assay.corpus.synthesis.decontamination import Comparison, Suite
from assay.corpus.synthesis.layouts import write
from assay.corpus.synthesis.measure.measures import measure
from assay.corpus.synthesis.measure.overlap import Overlap
from assay.corpus.synthesis.record import write_records
from assay.corpus.synthesis.verification.yields import Yield
from assay.errors import InputError, StepError

COMPARISON = Comparison(
    documents=60,
    before=Overlap(records=15, words=1, index=1, alike=2, same=0, nearest=(("x", "Toy 3", 0.95),)),
    after=Overlap(records=12, words=0, index=0, alike=0, same=0, nearest=(("y", "Toy 4", 0.5),)),
    suites=(
        Suite(benchmark="Toy", items=20, indexed=18, found=2, records_found=3, records_dropped=1),
        Suite(benchmark="Other", items=7, indexed=7, found=0, records_found=0, records_dropped=0),
    ),
)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> CardFacts:
    path = tmp_path_factory.mktemp("records") / "records.parquet"
    write_records(path, RECORDS)
    return CardFacts(
        title="Problems: a dozen, by hand",
        summary="A dozen problems that were written by hand.",
        origins=(
            Origin(maker="composed", source="the project", licence="Apache-2.0", records=10),
            Origin(maker="given", source="a package 1.2", licence="CC0-1.0", records=2),
        ),
        yields={
            "composed": Yield(made=14, refused={"run": {"it raises": 1}, "mutants": {"too few": 3}}),
            "given": Yield(made=5, refused={"deterministic": {"it differs": 3}}),
        },
        files={"records": {"train": "records.parquet"}, "documents": {"train": "documents*.parquet"}},
        command="assay synth make --seed 1",
        version="0.7",
        seed=1,
        measures=measure(path, {"prose": ["Some text of a book, and more of it.", "Another | text."]}),
        examples=(GAP, QUOTES),
        limits=("All are about lists.",),
        verified=("Its tests pass.",),
    )


def test_the_front_matter_is_what_the_hub_asks_for(facts: CardFacts, tmp_path: Path) -> None:
    from huggingface_hub import DatasetCard

    text = write_card(tmp_path, facts)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == text
    card = DatasetCard.load(tmp_path / "README.md")
    assert card.data.license == ["apache-2.0", "cc0-1.0"]
    assert card.data.size_categories == ["n<1K"]
    assert card.data.pretty_name == "Problems: a dozen, by hand"
    assert card.data.configs[0] == {
        "config_name": "records",
        "default": True,
        "data_files": [{"split": "train", "path": "records.parquet"}],
    }
    assert card.text.lstrip().startswith("# Problems: a dozen, by hand\n\nA dozen problems")


def test_the_files_that_it_names_are_loaded_by_the_datasets_library(facts: CardFacts, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    write_card(tmp_path, replace(facts, files={"records": {"train": "records*.parquet"}}))
    write_records(tmp_path / "records-0.parquet", RECORDS)
    program = (
        "import json, datasets\n"
        f"rows = datasets.load_dataset({str(tmp_path)!r}, split='train', cache_dir={str(tmp_path / 'cache')!r})\n"
        "print(json.dumps([rows.num_rows, rows[0]['id']]))\n"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [12, GAP.problem.id]


def test_the_yield_is_told_stage_by_stage(facts: CardFacts, tmp_path: Path) -> None:
    text = write_card(tmp_path, facts)
    table = text.partition("### Yield\n\n")[2].partition("\n\n")[0].split("\n")
    assert table == [
        "| Problems | composed | given |",
        "| --- | ---: | ---: |",
        "| made | 14 | 5 |",
        "| refused: does not run to its end within the limits, or gives nearly always the same | 1 | 0 |",
        "| refused: gives other results under another hash seed | 0 | 3 |",
        "| refused: has tests that wrong versions pass | 3 | 0 |",
        "| kept | 10 (71.4 %) | 2 (40.0 %) |",
    ]


def test_examples_stand_there_as_they_are(facts: CardFacts, tmp_path: Path) -> None:
    text = write_card(tmp_path, facts)
    assert f"````text\n{write(GAP, 'docstring')}````" in text
    assert f"````text\n{write(QUOTES, 'notebook')}````" in text


def test_what_was_not_compared_is_not_spoken_of(facts: CardFacts, tmp_path: Path) -> None:
    assert "HumanEval" not in write_card(tmp_path, facts)
    text = write_card(tmp_path, replace(facts, comparison=COMPARISON))
    assert "15 records were looked at in every layout, 60 documents. 3 of them overlap and were left out." in text
    assert "| looked at | 15 | 12 |" in text
    assert "| that hold an item of any benchmark | 1 | 0 |" in text
    assert "| that share a run of 13 words with HumanEval or MBPP | 1 | 0 |" in text
    assert "| with a function of nearly the form of a solution there | 2 | 0 |" in text
    assert "an index of 25 items of 2 benchmarks: Toy, Other." in text
    assert "| Toy | 20 | 2 | 3 | 1 |" in text
    assert "| Other |" not in text
    assert "| `y` | Toy 4 | 0.50 |" in text


def test_problems_that_were_proved_and_not_asked_for_are_told(facts: CardFacts, tmp_path: Path) -> None:
    yields = {**facts.yields, "given": Yield(made=9, refused={"run": {"it raises": 3}})}
    text = write_card(tmp_path, replace(facts, yields=yields, surplus={"given": 4}))
    assert "| kept | 10 (71.4 %) | 6 (66.7 %) |" in text
    assert "| of these in the data set, as many as were asked for | 10 | 2 |" in text


def test_every_table_has_rows_of_one_width(facts: CardFacts, tmp_path: Path) -> None:
    sections = write_card(tmp_path, replace(facts, comparison=COMPARISON)).split("````")[::2]
    tables = [block.split("\n") for part in sections for block in part.split("\n\n") if block.startswith("| ")]
    assert len(tables) == 8
    for table in tables:
        assert len({line.replace("\\|", "").count("|") for line in table}) == 1


def test_the_same_facts_give_the_same_bytes_and_other_licences_are_named_other(
    facts: CardFacts, tmp_path: Path
) -> None:
    assert write_card(tmp_path, facts) == write_card(tmp_path, replace(facts))
    strange = replace(facts, origins=(replace(facts.origins[0], licence="Strange-1.0"), facts.origins[1]))
    front = yaml.safe_load(write_card(tmp_path, strange).split("---\n")[1])
    assert front["license"] == ["other", "cc0-1.0"]


def test_counts_that_contradict_each_other_are_refused(facts: CardFacts, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'composed' 9 problems were kept, and its origins hold 10"):
        write_card(tmp_path, replace(facts, yields={"composed": Yield(made=10, refused={"run": {"it raises": 1}})}))
    with pytest.raises(InputError, match="more problems were refused than made"):
        write_card(tmp_path, replace(facts, yields={"composed": Yield(made=1, refused={"run": {"it raises": 2}})}))
    with pytest.raises(InputError, match="'speed' is no stage"):
        write_card(tmp_path, replace(facts, yields={"composed": Yield(made=1, refused={"speed": {"slow": 1}})}))
    with pytest.raises(InputError, match="at least one origin"):
        write_card(tmp_path, replace(facts, origins=()))
    blocked = tmp_path / "blocked"
    blocked.write_text("a file in the place of a folder")
    with pytest.raises(StepError, match="cannot write"):
        write_card(blocked / "folder", facts)
