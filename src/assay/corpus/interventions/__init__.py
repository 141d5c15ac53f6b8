"""Changes made to documents on purpose, so that a study can ask which property of code matters.

Each is a pure function of one document and a seed, with a name that recipes use and a version that is part of an
ingredient's identity. Nothing here reads sources, drops documents or knows of tokens.
"""

from assay.corpus.interventions.intervention import INTERVENTIONS, Intervention, apply

__all__ = ["INTERVENTIONS", "Intervention", "apply"]
