"""Probes: questions made by rules, whose answer stands in no corpus and can only come from the text before them.

One file a generator, `words.py` for what they talk of, `balance.py` for the shallow readers that must not win,
`rows.py` for what a task reads. Nothing here knows of models or tokens. Why there are probes, and what models make of
them, is told in ``docs/explanation/probes.md``.
"""
