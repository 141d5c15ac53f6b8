"""The study's statements as data, worked out again from its own tables, and asked of a finished study.

``claims.yaml`` and ``tables.yaml`` hold what was stated and printed, and nothing that was read off a figure. `claim`
reads them, `rederive` does the arithmetic, `roles` finds a study's arms that play a claim's two parts, `asked` says
what the study's own data make of it. Nothing here trains, scores or draws.
"""
