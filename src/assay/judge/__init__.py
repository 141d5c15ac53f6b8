"""Win rates: whose answer does a judge prefer, how sure is that, and is the judge any good?

Here live prompt sets and answers, judges (a model behind an endpoint, a local model that chooses, a local model that
measures how likely an answer is), the exam that a judge must pass before its verdicts may carry a claim, and the
arithmetic of a tournament. How answers are made is `assay.evaluate.generate`'s business; nothing here trains.
"""
