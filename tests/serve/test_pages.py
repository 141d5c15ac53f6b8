"""What lies one click further: every item, a batch, answers, the log; and that no text out of them becomes markup."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import publish
from assay.analyze.query import read_items
from assay.judge.judgement import Judgement
from assay.judge.tournament import write_judgements
from assay.run.item_texts import ItemText, item_texts
from assay.run.store import Store
from assay.run.trace import trace
from assay.serve.scores import Scores
from served_run import Answer, Markup, Pages
from tiny_study import TinyStudy

pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")
PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<svg/onload=alert(1)>",
    "</textarea></title></pre></td></table><h1>gone</h1>",
    "<!--",
    "]]><b>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "&lt;b&gt;&amp;amp;",
    "\u202eright to left\u2066",
    "a\x00b\x1b[31mred\x08",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "../../etc/passwd",
]
ANSWERS = pa.schema(
    [
        ("task", pa.string()),
        ("item", pa.string()),
        ("sample", pa.int16()),
        ("text", pa.string()),
        ("tokens", pa.int32()),
        ("finish", pa.string()),
        ("right", pa.float32()),
        ("outcome", pa.string()),
        ("message", pa.string()),
    ]
)


@pytest.fixture(scope="module")
def server(ran: TinyStudy) -> Iterator[Pages]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_STORE", str(ran.store))
        yield Pages(ran.folder / "out")


def page(server: Pages, path: str, **asked: object) -> Answer:
    found = server.get(f"{path}?{urlencode(asked)}")
    assert found.status == 200, found.text
    return found


def test_all_items_of_a_task_are_there_in_the_order_asked_for(server: Pages, ran: TinyStudy) -> None:
    asked = {"task": "colours", "arm": "half.none", "size": "1M", "seed": 1}
    shown = page(server, "/items", **asked, sort="-margin").text
    records = [
        row
        for row in read_items(ran.folder / "out").to_pylist()
        if (row["task"], row["arm"], row["seed"]) == ("colours", "half.none", 1)
    ]
    assert len(records) == 12
    wanted = [row["item"] for row in sorted(records, key=lambda row: -row["margin"])]
    assert re.findall(r'<th scope="row"><a href="[^"]*">([^<]*)</a>', shown) == wanted
    wrong = [row["item"] for row in records if not row["correct"] and row["margin"] < 0]
    shown = page(server, "/items", **asked, where="correct=false; margin<0").text
    assert re.findall(r'<th scope="row"><a href="[^"]*">([^<]*)</a>', shown) == wrong
    assert "did you mean" in server.get("/items?where=margn%3C0").text


def test_an_item_shows_its_text_its_likelihoods_and_itself_in_every_arm(server: Pages, ran: TinyStudy) -> None:
    record = next(row for row in read_items(ran.folder / "out").to_pylist() if row["task"] == "colours")
    names = ("task", "arm", "size", "seed", "item")
    shown = Markup.of(page(server, "/item", **{name: record[name] for name in names}).text).text
    text = item_texts(Store(ran.store), {record["item"]})[record["item"]]
    for part in (*text.contexts, *text.choices):
        assert part in shown
    for nats in record["logprob"]:
        assert f"{nats:.3f}".replace("-", "\N{MINUS SIGN}") in shown
    links = Markup.of(page(server, "/item", item=record["item"], task="colours").text).attributes
    arms = {value for name, value in links if name == "href" and value.startswith("/item?")}
    assert len(arms) == 3 * 2, "arms and seeds"
    for address in sorted(arms):
        assert server.get(address).status == 200


@pytest.fixture(scope="module")
def published(ran: TinyStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its records as they are put into the repository: one file of all arms and seeds."""
    folder = tmp_path_factory.mktemp("records")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish, "RECORDS_FOLDER", folder)
        publish.keep(ran.folder / "out", "tiny")
    return folder / "tiny"


def tables(shown: str) -> list[str]:
    return re.findall(r"<tbody>.*?</tbody>", shown, re.DOTALL)


def test_a_file_of_all_arms_and_seeds_shows_each_as_a_file_of_its_own_does(server: Pages, published: Path) -> None:
    alone, names = Pages(published), ("arm", "size", "seed")
    every = Scores(published).files()
    assert len(every) == 3 * 2 and len(set(every.values())) == 1
    for who in every:
        asked = {**dict(zip(names, who, strict=True)), "task": "colours"}
        shown = page(alone, "/items", **asked, sort="bits_per_byte").text
        assert f"12 items of colours in arm {who[0]}, size 1M, seed {who[2]}." in shown
        assert tables(shown) == tables(page(server, "/items", **asked, sort="bits_per_byte").text)
        item = re.findall(r'item=([^"]*)">', shown)[0]
        mine, theirs = (page(one, "/item", **asked, item=unquote_plus(item)).text for one in (alone, server))
        assert tables(mine)[-1] == tables(theirs)[-1], "the same item elsewhere"
        assert tables(mine)[-1].count("<tr>") == 3 * 2
        assert tables(mine)[0].count("<tr>") == 2 and "these records are without their log-likelihoods" in mine
    offered = re.findall(r'<option value="([^"]*)"', page(alone, "/items").text)
    assert {"text.decay", "half.decay", "half.none", "0", "1"} <= set(offered)


def test_arms_in_row_groups_of_their_own_are_all_found(published: Path, tmp_path: Path) -> None:
    items = pq.read_table(published / "items" / "1M.parquet").sort_by([("arm", "ascending"), ("seed", "ascending")])
    (tmp_path / "items").mkdir()
    pq.write_table(items, tmp_path / "items" / "1M.parquet", row_group_size=items.num_rows // 6)
    assert list(Scores(tmp_path).files()) == list(Scores(published).files())


def test_a_size_that_an_arm_was_not_trained_at_is_told_with_the_arm(ran: TinyStudy, tmp_path: Path) -> None:
    source = next((ran.folder / "out" / "items").glob("*.parquet"))
    (tmp_path / "items").mkdir()
    for arm, size in (("one", "1M"), ("one", "5M"), ("other", "1M")):
        renamed(source, tmp_path / "items" / f"{arm}.{size}.parquet", arm=arm, size=size)
    told = Markup.of(Pages(tmp_path).get("/items?arm=other&size=5M").text).text
    assert "no records of size '5M' in arm 'other'" in told


def test_answers_whose_texts_were_left_out_are_still_counted(ran: TinyStudy, tmp_path: Path) -> None:
    source = next((ran.folder / "out" / "items").glob("*.parquet"))
    (tmp_path / "items").mkdir()
    renamed(source, tmp_path / "items" / source.name, samples=3, right=2.0)
    item = next(row["item"] for row in read_items(tmp_path).to_pylist() if row["task"] == "colours")
    assert "Of 3 answers in words 2 counted as right" in page(Pages(tmp_path), "/item", task="colours", item=item).text


def test_a_batch_shows_the_texts_that_trace_finds(server: Pages, ran: TinyStudy) -> None:
    shown = Markup.of(page(server, "/batch", arm="half.decay", size="1M", seed=1, step=3).text).text
    rows = trace(ran.folder / "out", Store(ran.store), "half.decay", 3, "1M", 1).rows
    for row in rows:
        for extract in row.extracts:
            assert extract.text in shown
            assert extract.path in shown
    assert "no step 99" in server.get("/batch?arm=half.decay&step=99").text


def test_the_log_is_there_from_its_end(server: Pages, ran: TinyStudy) -> None:
    events = [json.loads(line) for line in (ran.folder / "out" / "log.jsonl").read_text().splitlines()]
    shown = page(server, "/log", event="end").text
    titles = [one["title"] for one in reversed(events) if one["event"] == "end"]
    places = [shown.index(f">{title}<") for title in dict.fromkeys(titles)]
    assert places == sorted(places)


def test_without_a_store_it_says_so_and_what_would_bring_it(
    ran: TinyStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_STORE", str(tmp_path / "none"))
    out = ran.folder / "out"
    for path in ("/items?texts=1", "/batch?arm=half.decay&step=1"):
        shown = Pages(out).get(path).text
        assert "there is no store" in shown.lower()
        assert f"assay run tiny --out {out}-again" in shown
    assert not (tmp_path / "none").exists()


def test_a_store_that_lacks_the_run_is_told_apart(
    ran: TinyStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_STORE", str(Store(tmp_path / "empty").root))
    alone = Pages(ran.folder / "out")
    assert "holds no request for" in alone.get("/items?texts=1").text
    shown = alone.get("/batch?arm=half.decay&step=1").text
    assert "is gone" in shown or "nothing of it was trained yet" in shown
    assert "assay run tiny --out" in shown


def test_records_without_a_log_and_a_page_are_shown_too(copied: TinyStudy) -> None:
    out = copied.folder / "out"
    for name in ("log.jsonl", "report.html", "done.json"):
        (out / name).unlink()
    alone = Pages(out)
    for path in ("/report", "/"):
        assert f"assay report {out}" in alone.get(path).text
    assert alone.get("/").status == 200
    assert "No run has begun" not in alone.get("/").text
    assert alone.get("/items").status == 200
    assert "was not made here" in alone.get("/log").text


def renamed(path: Path, target: Path, **columns: object) -> None:
    """A Parquet file with some columns' values changed throughout."""
    table = pq.read_table(path)
    for name, value in columns.items():
        place = table.column_names.index(name)
        kind = table.schema.field(name).type
        table = table.set_column(place, name, pa.array([value] * table.num_rows, kind))
    pq.write_table(table, target)


@pytest.fixture(scope="module")
def hostile(ran: TinyStudy, tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """A run folder in which every name and text is a payload, a file a payload."""
    folder = tmp_path_factory.mktemp("hostile")
    out = folder / "out"
    for name in ("items", "answers", "judge/answers"):
        (out / name).mkdir(parents=True)
    for name in ("plan.json", "results.json"):
        shutil.copy(ran.folder / "out" / name, out / name)
    source = next((ran.folder / "out" / "items").glob("*.parquet"))
    events: list[dict[str, Any]] = [{"time": 1.0, "at": 0.0, "event": "start", "process": 1, "host": PAYLOADS[0]}]
    judgements = []
    for number, text in enumerate(PAYLOADS):
        path = out / "items" / f"{number}.parquet"
        renamed(source, path, arm=f"{text}{number}", size=text, task=text, item=text, format=text)
        answer = {"task": text, "item": text, "sample": 0, "text": text, "tokens": 1, "finish": text, "right": 0.0}
        answers = pa.Table.from_pylist([{**answer, "outcome": text, "message": text}], ANSWERS)
        pq.write_table(answers, out / "answers" / path.name)
        events += [
            {"time": 1.0, "at": 1.0, "event": "said", "text": text},
            {"time": 1.0, "at": 1.0, "event": "warned", "text": text},
        ]
        begun = {"kind": "state", "key": f"k{number}", "title": text, "model": text, "work": 1.0, "where": text}
        events.append({"time": 1.0, "at": 1.0, "event": "begin", **begun})
        told = pa.table({"prompt": [text], "seed": pa.array([0], pa.int32()), "text": [text]})
        head = {b"assay.answers": json.dumps({"name": text}).encode()}
        pq.write_table(told.replace_schema_metadata(head), out / "judge" / "answers" / path.name)
        judgements.append(
            Judgement(
                judge=text,
                prompt=text,
                a=text,
                b="b",
                seed=0,
                a_first=True,
                preferred="a",
                margin=0.0,
                words=text,
                a_bytes=1,
                b_bytes=1,
            )
        )
    events.append({"time": 1.0, "at": 2.0, "event": "stop", "why": PAYLOADS[3]})
    (out / "log.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    write_judgements(out / "judge" / "judgements.parquet", judgements)
    example = {"prompt": PAYLOADS[0], "text": PAYLOADS[0]}
    (out / "judge" / "judge.json").write_text(json.dumps({"examples": [example], "prompts": {"name": PAYLOADS[1]}}))
    return Pages(out)


def quiet(shown: str) -> str:
    """The page's text, once it was made sure that its elements and attributes are the templates' own."""
    found = Markup.of(shown)
    assert found.tags.count("script") <= 2
    assert found.tags.count("h1") == 1
    assert not {"img", "base", "iframe", "object", "embed", "svg", "b"} & set(found.tags)
    assert found.tags.count("meta") == 2
    assert not [name for name, _ in found.attributes if name.startswith("on") or name == "style"]
    for name, value in found.attributes:
        if name in {"href", "action"}:
            assert re.match(r"/([a-z]|$)", value)
    assert "\x00" not in shown
    assert "\x1b" not in shown
    return found.text


def plain(text: str) -> str:
    return re.sub(r"[\x00-\x08\x0b-\x1f]", "\ufffd", text)


@pytest.mark.parametrize("number", range(len(PAYLOADS)))
def test_a_hostile_text_changes_nothing_on_any_page(hostile: Pages, number: int) -> None:
    text = PAYLOADS[number]
    who = {"arm": f"{text}{number}", "task": text, "size": text}
    assert plain(text) in quiet(page(hostile, "/items", **who).text)
    assert quiet(page(hostile, "/item", **who, item=text).text).count(plain(text)) >= 5
    assert quiet(page(hostile, "/judged", prompt=text).text).count(plain(text)) >= 4
    for target in ("items?arm", "items?where", "items?sort", "item?item", "batch?step", "log?event", "judged?prompt"):
        quiet(hostile.get(f"/{target}={quote(text)}").text)


def test_hostile_texts_change_nothing_on_the_live_page_and_in_the_log(hostile: Pages) -> None:
    quiet(hostile.get("/").text)
    shown = quiet(page(hostile, "/log").text)
    for text in PAYLOADS:
        assert plain(text) in shown
    assert hostile.get("/progress.json").headers["content-type"] == "application/json"


def test_a_hostile_document_and_item_change_nothing(
    ran: TinyStudy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from dataclasses import replace

    from starlette.requests import Request

    from assay.serve import site as pages

    traced = trace(ran.folder / "out", Store(ran.store), "half.decay", 1)
    item = read_items(ran.folder / "out").to_pylist()[0]["item"]
    monkeypatch.setenv("ASSAY_STORE", str(ran.store))
    site = pages.Site(ran.folder / "out")

    def asked(**given: str) -> Request:
        return Request({"type": "http", "method": "GET", "headers": [], "query_string": urlencode(given).encode()})

    for text in PAYLOADS:
        evil = replace(traced.rows[0].extracts[0], text=text, path=text, group=text)
        rows = (replace(traced.rows[0], extracts=(evil,), target=text),)
        bad = replace(traced, rows=rows)
        monkeypatch.setattr(pages, "trace", lambda *_, bad=bad: bad)
        monkeypatch.setattr(
            pages,
            "texts_of",
            lambda _, names, text=text: ({name: ItemText((text,), (text,) * 9) for name in names}, ""),
        )
        batch = site.batch(asked(arm="half.decay", step="1"))
        assert quiet(bytes(batch.body).decode()).count(plain(text)) >= 4
        assert plain(text) in quiet(bytes(site.item(asked(item=item)).body).decode())
        assert plain(text) in quiet(bytes(site.items(asked(texts="1")).body).decode())
