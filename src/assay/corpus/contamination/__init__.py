"""Is a benchmark in the training text: the one index of all known benchmarks, and what a document shares with it.

The index knows nothing of studies: it is made once from pinned wheels, so a study's tasks never change an ingredient.
Documents are judged here (`found.is_contaminated`) and dropped elsewhere; records of items are flagged elsewhere too.
"""
