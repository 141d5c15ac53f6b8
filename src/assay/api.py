"""The Python way: the same study, the same run, results to work on.

>>> from assay import Study
>>> results = Study.load("quickstart").run("runs/quickstart")
>>> results.to_frame()
"""

from collections.abc import Sequence
from pathlib import Path

from assay.analyze.frame import Results
from assay.run.choose import EngineName, open_engine
from assay.run.memory import worker_bytes
from assay.run.study import run_study
from assay.study.plan import Plan, plan_study


class Study:
    """A study, planned."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @classmethod
    def load(cls, study: str | Path, set: Sequence[str] = ()) -> "Study":
        """Read a built-in study or a YAML file.

        Args:
            study: Name or file.
            set: ``path=value`` overrides, as on the command line.

        Raises:
            InputError: Anything wrong with it.
        """
        return cls(plan_study(str(study), set))

    def run(
        self,
        out: str | Path,
        store: str | Path | None = None,
        workers: int | None = None,
        engine: EngineName = "local",
        address: str | None = None,
    ) -> Results:
        """Run it into a folder, or find it there.

        Args:
            out: The run folder.
            store: Where artifacts live, a folder or an fsspec address; default ``ASSAY_STORE`` or ``.assay/store``.
            workers: Processes; default one a core.
            engine: ``local``, or ``ray`` for a Ray cluster.
            address: The cluster's, for ``ray``.

        Raises:
            StepError: A step failed; finished work is kept.
        """
        where = None if store is None else str(store)
        with open_engine(engine, where, workers, address, worker_bytes(self.plan)) as opened:
            run_study(self.plan, Path(out), opened)
        return Results(Path(out))
