"""Versions of everything that decides what a document or an ingredient is, in one place that imports nothing.

Each is part of the identity of what it touches: it is raised when the output of its code changes, and what was made
before is then made anew.
"""

from typing import NamedTuple

CLEANING = 3
"""`cleaning`: the rules that every document must pass, and `licences`."""
TEXT_QUALITY = 1
"""`text_quality`: C4, Gopher, FineWeb, no code."""
NATURAL_LANGUAGE = 1
"""`natural_language`."""
CODE_QUALITY = 1
"""`code_quality`: StarCoder's filters, parsing, comments, complexity."""
SECRETS = 1
"""`secrets`: what is masked."""
NEAR = 1
"""`near`: the sketches, and which documents are double."""
BENCHMARKS = 1
"""`contamination`: the benchmarks in the index, its n-grams, and which matches drop a document."""
BUILD = 4
"""`build` and `split`: the order of the reasons, and the split."""
SCORE = 1
"""`score`: the features and the training of the quality score."""
MATH = 1
"""`generators`: problems with answers."""
INSTRUCT = 1
"""`generators`: requests and responses."""
COMPOSED = 2
"""`synthesis.composed`: the operations, the words, the programs."""
GIVEN = 1
"""`synthesis.given`."""
ASKED = 1
"""`synthesis.model`: what a model is asked, and how its answers are read."""
VERIFICATION = 1
"""`synthesis.verification`: what is proved, and with which tests."""
LAYOUTS = 1
"""`synthesis.layouts`."""
INTERVENTIONS = {
    "comments_removed": 1,
    "prose_only": 1,
    "identifiers_scrambled": 1,
    "lines_shuffled": 1,
    "formatting_normalised": 1,
    "placebo": 1,
}
"""`interventions`, each of its own."""


class ReaderEntry(NamedTuple):
    """A reader and the version of what it yields."""

    function: str
    """``module:function``, loaded when it is used: nbformat, git or a parser of dumps are not needed to plan."""
    version: int


READERS: dict[str, ReaderEntry] = {
    "files": ReaderEntry("assay.corpus.code:read_files", 1),
    "articles": ReaderEntry("assay.corpus.prose:read_articles", 1),
    "factbook": ReaderEntry("assay.corpus.prose:read_factbook", 1),
    "plays": ReaderEntry("assay.corpus.prose:read_plays", 1),
    "recipes": ReaderEntry("assay.corpus.prose:read_recipes", 1),
    "papers": ReaderEntry("assay.corpus.prose:read_papers", 1),
    "abstracts": ReaderEntry("assay.corpus.prose:read_abstracts", 1),
    "notebooks": ReaderEntry("assay.corpus.code:read_notebooks", 1),
    "doctests": ReaderEntry("assay.corpus.code:read_doctests", 1),
    "records": ReaderEntry("assay.corpus.records:read_records", 1),
    "stackexchange": ReaderEntry("assay.corpus.stackexchange:read_stackexchange", 1),
    "commits": ReaderEntry("assay.corpus.commits:read_commits", 1),
    "html": ReaderEntry("assay.corpus.html_pages:read_html", 1),
    "sword": ReaderEntry("assay.corpus.prose_packages:read_sword", 1),
    "dictionary": ReaderEntry("assay.corpus.prose_packages:read_dictionary", 1),
    "releases": ReaderEntry("assay.corpus.releases:read_releases", 1),
}
