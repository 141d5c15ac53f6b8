"""Readers of prose: articles, a factbook, plays, recipes, scientific papers and abstracts.

Each turns the records of one kind of file into plain text with a fixed shape (a title, then blocks separated
by blank lines), which the instruction generator relies on to find the parts again; the functions that know a
shape are `recipe_parts` and `factbook_parts`. Markup is stripped, numbers and spelling are left as they are.
"""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from assay.corpus.archive import Archive
from assay.corpus.candidate import Candidate, members
from assay.corpus.cleaning import Unfit, decode
from assay.corpus.source import Source

FACTBOOK_SHORTEST = 120
"""Characters of the shortest paragraph that is taken out of a factbook."""
FACTBOOK_LETTERS = 0.9
"""Letters and spaces that a paragraph of a factbook must at least consist of: it is prose, not figures."""
PAPER_SHORTEST = 40
"""Characters of the shortest paragraph of a paper; shorter ones are counters and addresses."""


def _records(source: Source, archive: Archive) -> Iterator[tuple[str, Any]]:
    for name in members(source, archive):
        yield name, json.loads(archive.read(name))


def read_articles(source: Source, archive: Archive) -> Iterator[Candidate]:
    """JSON objects ``{key: {title, extract}}``: one document an article, the title above the text."""
    for name, articles in _records(source, archive):
        for key, article in articles.items():
            text = f"{article['title']}\n\n{article['extract'].strip()}\n" if article["extract"] else ""
            yield Candidate(path=f"{name}#{key}", group=key, data=text)


def read_recipes(source: Source, archive: Archive) -> Iterator[Candidate]:
    """JSON objects ``{key: {title, category, servings, time, ingredients, steps}}``, one a document."""
    for name, recipes in _records(source, archive):
        for key, recipe in recipes.items():
            yield Candidate(path=f"{name}#{key}", group=key, data=_recipe_text(recipe))


def _recipe_text(recipe: dict[str, Any]) -> str:
    def clean(line: str) -> str:
        line = re.sub(r".*</ref>", "", re.sub(r"<ref\b[^>/]*>.*?</ref>", "", line))
        line = html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"\s*</?br\s*/?>\s*", ", ", line)))
        line = re.sub(r" ?\(\s*\)|'{2,}", "", line)
        return " ".join(line.split()).lstrip("*: ")

    facts = [recipe["category"] or ""]
    if recipe["servings"]:
        facts.append(f"Serves {recipe['servings']}")
    if recipe["time"]:
        facts.append(f"Takes {recipe['time']}")
    blocks = [clean(recipe["title"]), ". ".join(clean(fact) for fact in facts if fact)]
    ingredients = [line for line in map(clean, recipe["ingredients"] or []) if line]
    steps = [line for line in map(clean, recipe["steps"] or []) if line]
    if ingredients:
        blocks.append("Ingredients:\n" + "\n".join(f"- {line}" for line in ingredients))
    if steps:
        blocks.append("Method:\n" + "\n".join(f"{number}. {line}" for number, line in enumerate(steps, 1)))
    return "\n\n".join(block for block in blocks if block) + "\n"


def recipe_parts(text: str) -> tuple[str, str, str]:
    """(title, ingredients, method) of a document made by `read_recipes`; an absent part is empty."""
    title, *blocks = text.rstrip("\n").split("\n\n")
    parts = {block.partition("\n")[0]: block.partition("\n")[2] for block in blocks}
    return title, parts.get("Ingredients:", ""), parts.get("Method:", "")


def read_factbook(source: Source, archive: Archive) -> Iterator[Candidate]:
    """JSON objects of nested fields whose ``text`` is HTML: one document a country, its paragraphs of prose.

    Figures, lists and paragraphs met twice in a country are left out; each field keeps its name as a heading.
    """
    for name, country in _records(source, archive):
        title = _country_name(country) or name.rsplit("/", 1)[-1].removesuffix(".json")
        blocks: dict[str, list[str]] = {}
        seen: set[str] = set()
        for field, text in _fields(country, ()):
            for paragraph in _paragraphs(text):
                if paragraph not in seen:
                    seen.add(paragraph)
                    blocks.setdefault(field, []).append(paragraph)
        body = [f"{field}\n" + "\n".join(paragraphs) for field, paragraphs in blocks.items()]
        yield Candidate(path=name, group=title, data="\n\n".join([title, *body]) + "\n" if body else "")


def factbook_parts(text: str) -> tuple[str, list[tuple[str, str]]]:
    """(country, [(field, paragraphs)]) of a document made by `read_factbook`."""
    title, *blocks = text.rstrip("\n").split("\n\n")
    return title, [(block.partition("\n")[0], block.partition("\n")[2]) for block in blocks]


def _country_name(country: dict[str, Any]) -> str:
    names = country.get("Government", {}).get("Country name", {})
    for form in ("conventional short form", "conventional long form"):
        name = html.unescape(names.get(form, {}).get("text", "")).strip()
        if name and name != "none":
            return name
    return ""


def _fields(value: Any, place: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(name, HTML) of every field under ``value``; the section above the fields is not part of a name."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _fields(inner, (*place, key.strip()))
        elif key in ("text", "note") and isinstance(inner, str):
            yield ": ".join(place[1:] or place), inner


def _paragraphs(text: str) -> Iterator[str]:
    for part in re.split(r"</?p\b[^>]*>|<br\s*/?>", text):
        plain = " ".join(html.unescape(re.sub(r"<[^>]+>", "", part)).split())
        letters = sum(char.isalpha() or char == " " for char in plain)
        if len(plain) >= FACTBOOK_SHORTEST and letters > FACTBOOK_LETTERS * len(plain):
            yield plain


def read_plays(source: Source, archive: Archive) -> Iterator[Candidate]:
    """Plays in Markdown: one document a play, headings, names and stage directions without their marks."""
    for name in members(source, archive):
        title = name.rsplit("/", 1)[-1].removesuffix(".md")
        try:
            yield Candidate(path=name, group=title, data=_plain_play(decode(archive.read(name))))
        except Unfit as fault:
            yield Candidate(path=name, group=title, data="", fault=str(fault))


def _plain_play(text: str) -> str:
    text = re.sub(r"^#+[ \t]*", "", text, flags=re.MULTILINE)
    text = html.unescape(re.sub(r"[*_\\]", "", text))
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _examples(source: Source, archive: Archive) -> Iterator[tuple[str, dict[str, Any]]]:
    """(member, example) of request logs, JSON lines whose ``doc`` is the example of an evaluation task."""
    for name in members(source, archive):
        for line in archive.read(name).decode().splitlines():
            yield name, json.loads(line)["doc"]


def read_papers(source: Source, archive: Archive) -> Iterator[Candidate]:
    """Papers of Qasper request logs (title, abstract, full text): each once, however many questions it has.

    Citation marks are cut, references to tables and sections keep their number, and a paragraph with a
    formula that the data set replaced by a placeholder is left out.
    """
    seen: set[str] = set()
    for name, example in _examples(source, archive):
        paper = example["id"].rpartition("_")[0]
        if paper in seen:
            continue
        seen.add(paper)
        yield Candidate(path=f"{name}#{paper}", group=paper, data=_paper_text(example))


def _paper_text(paper: dict[str, Any]) -> str:
    blocks = [paper["title"].strip(), _plain_citations(paper["abstract"])]
    sections = paper["full_text"]
    for heading, paragraphs in zip(sections["section_name"], sections["paragraphs"], strict=True):
        kept = [
            _plain_citations(paragraph)
            for paragraph in paragraphs
            if len(paragraph) >= PAPER_SHORTEST and not re.search(r"INLINEFORM|DISPLAYFORM", paragraph)
        ]
        if kept:
            blocks += [_plain_citations((heading or "").split(":::")[-1]), *kept]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _plain_citations(text: str) -> str:
    text = text.replace("@!START@", "").replace("@!END@", "")
    text = re.sub(r"\s*BIBREF\d+(?:\s*[,;]?\s*BIBREF\d+)*", "", text)
    text = re.sub(r"\s*[\[(]\s*[\])]", "", text)
    text = re.sub(r"(?:TAB|FIG|SEC|EQ|UNK)REF(\d+)", r"\1", text)
    return re.sub(r"[ \t]+([.,;:])(?!\w)", r"\1", text).strip()


def read_abstracts(source: Source, archive: Archive) -> Iterator[Candidate]:
    """Contexts of SciRIFF request logs, passages of biomedical abstracts: each once."""
    seen: set[str] = set()
    for name, example in _examples(source, archive):
        context = example["context"].strip()
        if context in seen:
            continue
        seen.add(context)
        yield Candidate(path=f"{name}#{example['id']}", group=example["id"], data=context + "\n")
