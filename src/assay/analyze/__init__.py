"""From item records to effects: contrasts, intervals, power, verdicts, and what they bear in words.

Reads a run folder's plan and item records alone; never imports torch, a tokenizer or a model. Draws nothing:
figures and the page are made in `assay.report`.
"""
