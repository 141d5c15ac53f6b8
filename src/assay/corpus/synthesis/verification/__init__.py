"""Proving problems by running them: nothing becomes a record that was not seen to be right as far as can be seen.

`prover.py` takes candidates through the stages; `source.py` reads them, `typecheck.py` asks mypy (in a process,
`mypy_worker.py`), `contract.py` turns annotations into questions. Sent into the sandbox are `driver.py`, which runs
everything there, `literal.py`, `choice.py` (which calls are shown and tested), `mutants.py` and `killing.py`. What was
lost is counted by `yields.py`.
"""

from assay.corpus.synthesis.verification.prover import Prover, open_prover
from assay.corpus.synthesis.verification.yields import Yield

__all__ = ["Prover", "Yield", "open_prover"]
