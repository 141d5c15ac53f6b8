"""The Python way: the same study, the same run, results to work on.

>>> from assay import Study
>>> results = Study.load("quickstart").run("runs/quickstart")
>>> results.to_frame()

A folder of results that are there is opened by `assay.analyze.frame.open_run`, which imports neither torch nor this.
"""

from collections.abc import Sequence
from pathlib import Path

from assay.analyze.frame import Results
from assay.run.choose import EngineName, open_engine
from assay.run.device import DeviceName
from assay.run.memory import gpu_share, worker_bytes
from assay.run.processes import Layout, together
from assay.run.study import run_study
from assay.run.track.trackers import open_trackers
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
        track: Sequence[str] = (),
        device: DeviceName = "auto",
        processes: int = 1,
        layout: Layout = "replicated",
    ) -> Results:
        """Run it into a folder, or find it there.

        Args:
            out: The run folder.
            store: Where artifacts live, a folder or an fsspec address; default ``ASSAY_STORE`` or ``.assay/store``.
            workers: Processes; default one a core, or 1 to 8 a GPU.
            engine: ``local``, or ``ray`` for a Ray cluster.
            address: The cluster's, for ``ray``.
            track: Trackers that curves and results are written to as well, as on the command line.
            device: What models are trained and scored on: ``cpu``, ``cuda``, or ``auto``: a GPU if torch can use one.
            processes: That train one model together, each with a core or GPU of its own.
            layout: What each of them holds: ``replicated``, the whole model, or ``sharded``, a part of every weight.

        Raises:
            StepError: A step failed; finished work is kept.
        """
        group = together(processes, layout, self.plan.study.spec.train)
        where = None if store is None else str(store)
        trackers = open_trackers(track, self.plan.design.study, Path(out))
        with open_engine(
            engine, where, workers, address, worker_bytes(self.plan, group), device, gpu_share(self.plan), group
        ) as opened:
            run_study(self.plan, Path(out), opened, trackers)
        return Results(Path(out))
