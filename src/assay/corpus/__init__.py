"""What the arms are made of: sources, kinds, cleaning, exact deduplication, held-out splits.

Reads packages as data and yields documents; knows nothing of tokens, models or studies.
"""
