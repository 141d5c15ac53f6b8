"""Versions of everything that decides what a document or an ingredient is, in one place that imports nothing.

Each is part of the identity of what it touches: it is raised when the output of its code changes, and what was made
before is then made anew. Readers have theirs in `readers.READERS`.
"""

CLEANING = 2
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
BUILD = 2
"""`build` and `split`: the order of the reasons, and the split."""
SCORE = 1
"""`score`: the features and the training of the quality score."""
MATH = 1
"""`generators`: problems with answers."""
INSTRUCT = 1
"""`generators`: requests and responses."""
INTERVENTIONS = {
    "comments_removed": 1,
    "prose_only": 1,
    "identifiers_scrambled": 1,
    "lines_shuffled": 1,
    "formatting_normalised": 1,
    "placebo": 1,
}
"""`interventions`, each of its own."""
