"""StackExchange dumps: questions with their answer, whatever the order of the posts, and nothing that harms."""

import bz2
import tracemalloc
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.corpus.candidate import Candidate
from assay.corpus.folder import Folder
from assay.corpus.record_files import LARGEST_RECORD, TOO_LARGE
from assay.corpus.source import Source
from assay.corpus.stackexchange import read_stackexchange

SOURCE = Source.model_validate({"name": "s", "about": "", "path": ".", "reader": "stackexchange", "kind": "qa"})
HEAD = '﻿<?xml version="1.0" encoding="utf-8"?>\n<posts>\n'


def row(**attributes: Any) -> str:
    written = " ".join(
        f"{name}={quoteattr(str(value), {chr(10): '&#xA;'})}" for name, value in attributes.items() if value is not None
    )
    return f"  <row {written} />\n"


def question(number: int, accepted: int | None = None, **more: Any) -> str:
    given = {"Score": 3, "Title": f"Title {number}", "Body": f"<p>Body {number}</p>", "ContentLicense": "CC BY-SA 4.0"}
    return row(Id=number, PostTypeId=1, AcceptedAnswerId=accepted, **{**given, **more})


def answer(number: int, to: int, score: int = 1, **more: Any) -> str:
    given = {"Body": f"<p>Answer {number}</p>", "ContentLicense": "CC BY-SA 4.0"}
    return row(Id=number, PostTypeId=2, ParentId=to, Score=score, **{**given, **more})


def read(folder: Path, text: str, name: str = "beer.stackexchange.com/Posts.xml") -> list[Candidate]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return list(read_stackexchange(SOURCE, Folder(".", folder)))


def test_a_document_is_a_question_with_code_and_its_accepted_answer(tmp_path: Path) -> None:
    body = (
        '<p>Is <code>a &lt; b</code> &amp; c?</p>\n\n<pre class="lang-py"><code>if a &lt; b:\n    pass\n</code></pre>\n'
    )
    posts = [
        question(1, accepted=3, Title='Why "this" & <that>?', Body=body, Tags="<python><list>"),
        answer(2, to=1, score=50),
        answer(3, to=1, score=-2, Body="<ul><li>Yes.</li></ul>", ContentLicense="CC BY-SA 3.0"),
        row(Id=4, PostTypeId=5, Body="a wiki page of a tag"),
    ]
    (found,) = read(tmp_path, HEAD + "".join(posts) + "</posts>")
    assert found == Candidate(
        path="beer.stackexchange.com/Posts.xml#1",
        group="beer.stackexchange.com/Posts.xml#1",
        data='Question: Why "this" & <that>?\n\nIs `a < b` & c?\n\n```py\nif a < b:\n    pass\n```\n\nAnswer: - Yes.\n',
        licence="CC-BY-SA-4.0 AND CC-BY-SA-3.0",
    )


def test_without_an_accepted_answer_the_best_of_score_one_or_more_is_taken(tmp_path: Path) -> None:
    posts = [
        question(1),
        question(2, accepted=99),
        question(3),
        question(4, ContentLicense=None),
        *(answer(10, to=1, score=2), answer(11, to=1, score=5), answer(12, to=1, score=5)),
        *(answer(20, to=2, score=1), answer(99, to=1, score=0)),
        *(answer(30, to=3, score=0), answer(40, to=4)),
    ]
    one, two, three, four = read(tmp_path, HEAD + "".join(posts) + "</posts>")
    assert str(one.data).endswith("Answer: Answer 11\n")
    assert str(two.data).endswith("Answer: Answer 20\n")
    assert three.fault == "no accepted or upvoted answer"
    assert (four.fault, four.licence) == (None, None)


@settings(max_examples=60, deadline=None)
@given(
    st.permutations(range(1, 13)),
    st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 3)), min_size=8, max_size=8),
    st.lists(st.none() | st.integers(1, 14), min_size=4, max_size=4),
)
def test_posts_in_any_order_are_joined_as_by_hand(
    tmp_path_factory: Any, order: list[int], answers: list[tuple[int, int]], accepted: list[int | None]
) -> None:
    posts = {number: question(number, accepted[number - 1]) for number in range(1, 5)}
    posts |= {5 + at: answer(5 + at, to, score) for at, (to, score) in enumerate(answers)}
    found = read(tmp_path_factory.mktemp("dump"), HEAD + "".join(posts[number] for number in order) + "</posts>")
    for number, item in zip(range(1, 5), found, strict=True):
        own = {5 + at: score for at, (to, score) in enumerate(answers) if to == number}
        liked = sorted((-score, key) for key, score in own.items() if score >= 1)
        chosen = accepted[number - 1] if accepted[number - 1] in own else (liked[0][1] if liked else None)
        assert (item.fault is None) == (chosen is not None)
        assert chosen is None or str(item.data).endswith(f"Answer: Answer {chosen}\n")


def test_broken_rows_cost_themselves_and_a_cut_file_its_last(tmp_path: Path) -> None:
    posts = [
        question(1),
        answer(2, to=1),
        '  <row Id="3" PostTypeId="1" Title="&#x0;" Body="b" />\n',
        '  <row Id="4" PostTypeId="1" Title="&undeclared;" Body="b" />\n',
        '  <row Id="x" PostTypeId="1" Title="t" Body="b" />\n',
        '  <row Id="99999999999999999999" PostTypeId="1" Title="t" Body="b" />\n',
        '  <row Id="5" PostTypeId="2" Score="1" Body="b" />\n',
        question(6)[:60],
    ]
    *faults, good = read(tmp_path, HEAD + "".join(posts))
    assert [item.fault for item in faults] == ["not XML", "not XML", *["not a post"] * 3, "half-written record"]
    assert faults[0].path.endswith("Posts.xml#row3")
    assert "Answer 2" in str(good.data)


def test_entity_bombs_and_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = (
        f'<?xml version="1.0"?><!DOCTYPE posts [<!ENTITY l0 "lol">{laughs}]>\n<posts>{question(1, Body="&l9;")}</posts>'
    )
    outside = '<?xml version="1.0"?><!DOCTYPE posts [<!ENTITY x SYSTEM "file:///etc/passwd">]><posts></posts>'
    late = HEAD + question(1) + answer(2, 1) + f"<!DOCTYPE a [{laughs}]>" + question(3, Body="&amp;l9;") + "</posts>"
    for text, faults in (
        (bomb, ["XML with a document type"]),
        (outside, ["XML with a document type"]),
        ("<users>" + row(Id=1) + "</users>", ["not a StackExchange dump"]),
        ("", ["not a StackExchange dump"]),
        (late, ["not XML", *["no accepted or upvoted answer"] * 2]),
    ):
        assert [item.fault for item in read(tmp_path, text)] == faults


def test_other_tables_of_a_dump_are_left_and_a_compressed_one_is_read(tmp_path: Path) -> None:
    posts = (HEAD + question(1) + answer(2, to=1) + "</posts>").encode()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "Posts.xml.bz2").write_bytes(bz2.compress(posts))
    (tmp_path / "a" / "Users.xml").write_text("<users />")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "Posts.xml.bz2").write_bytes(bz2.compress(posts)[:-30])
    good, bad = read_stackexchange(SOURCE, Folder(".", tmp_path))
    assert good.path == "a/Posts.xml.bz2#1"
    assert (bad.path, bad.fault) == ("b/Posts.xml.bz2", "damaged compression")


def test_memory_does_not_grow_with_the_dump(tmp_path: Path) -> None:
    filler = "x" * 100_000

    def peak(questions: int) -> int:
        path = tmp_path / "Posts.xml"
        with path.open("w") as file:
            file.write(HEAD)
            for number in range(questions):
                file.write(question(number, Body=filler))
            file.write(question(10**6, Body="x" * (LARGEST_RECORD + 10)))
            for number in range(questions):
                file.write(answer(questions + number, to=number, Body=filler))
            file.write("</posts>")
        tracemalloc.start()
        try:
            large, *found = [(item.fault, len(item.data)) for item in read_stackexchange(SOURCE, Folder(".", tmp_path))]
            held = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert large[0] == TOO_LARGE
        assert len(found) == questions
        return held

    assert peak(160) < peak(40) + 2_000_000
