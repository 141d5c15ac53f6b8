"""Running programs that nobody has read: each one alone, without network, files, or anybody to talk to.

`open.py` chooses a tier and hands programs to warm workers; `launcher.py` starts a worker, `worker.py` is what runs in
it: it forks a watcher (`watcher.py`) for every program, and that one forks the program itself (`child.py`). What holds
a program is in `namespaces.py`, `landlock.py`, `seccomp.py` and `kernel.py`, or in a container (`docker.py`);
`scratch.py` keeps the folder of those that have no namespace. The
worker's modules import the standard library alone, as the worker sees nothing else. What is not held is in
`docs/explanation/sandbox.md`.
"""

from assay.evaluate.sandbox.limits import Limits
from assay.evaluate.sandbox.open import Sandbox, open_sandbox
from assay.evaluate.sandbox.verdict import Outcome, Verdict

__all__ = ["Limits", "Outcome", "Sandbox", "Verdict", "open_sandbox"]
