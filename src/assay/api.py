"""The Python way: the same study, the same run, results to work on.

>>> from assay import Study
>>> results = Study.load("quickstart").run("runs/quickstart")
>>> results.to_frame()
"""

from collections.abc import Sequence
from pathlib import Path

from assay.analyze.frame import Results
from assay.run.store import Store, default_root
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

    def run(self, out: str | Path, store: str | Path | None = None, workers: int | None = None) -> Results:
        """Run it into a folder, or find it there.

        Args:
            out: The run folder.
            store: Where artifacts live; default ``ASSAY_STORE`` or ``.assay/store``.
            workers: Processes; default one a core.

        Raises:
            StepError: A step failed; finished work is kept.
        """
        run_study(self.plan, Path(out), Store(Path(store).absolute() if store else default_root()), workers)
        return Results(Path(out))
