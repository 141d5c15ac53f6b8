"""Measuring checkpoints: tasks as files, tokenised requests, the scorer, item records.

Holds no statistics: effects are made from item records in `assay.analyze`.
"""
