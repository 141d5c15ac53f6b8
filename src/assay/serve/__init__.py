"""A run folder in a browser: the page live while the study runs, and what lies one click behind its numbers.

`guard` decides who is answered, `following` folds the log as it grows, `scores`, `behind` and `judged` read one record
file each, `site` puts them on pages, `server` listens. Nothing here trains, computes a statistic or writes a file.
"""
