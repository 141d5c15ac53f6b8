"""Which engine carries a study out. The one place that knows them all; Ray is imported only when it is asked for."""

from typing import Literal

from assay.errors import InputError
from assay.run.device import DeviceName, choose_device
from assay.run.engine import Engine
from assay.run.processes import ALONE, Processes
from assay.run.store import open_store

EngineName = Literal["local", "ray"]


def open_engine(
    name: EngineName,
    store: str | None,
    workers: int | None,
    address: str | None,
    worker_bytes: int,
    device: DeviceName = "cpu",
    share: int = 1,
    processes: Processes = ALONE,
) -> Engine:
    """An engine on a store, to be used as a context manager.

    Args:
        name: ``local`` or ``ray``.
        store: A folder or an fsspec address; None: ``ASSAY_STORE`` or ``.assay/store``.
        workers: At most so many steps at once; None: as many as there is room for.
        address: Of the Ray cluster; None: the one this machine belongs to.
        worker_bytes: Memory that a worker may come to hold; see `assay.run.memory`.
        device: What models are trained and scored on; see `assay.run.device.choose_device`. The nodes of a Ray cluster
            may have GPUs that this machine has not, so ``cuda`` is not doubted there.
        share: Workers that a GPU is dealt to; see `assay.run.memory.gpu_share`.
        processes: That train one model together.

    Raises:
        InputError: Options that do not fit the engine or the machine, or Ray is not installed.
        StepError: The store or the cluster cannot be reached.
    """
    share = share if processes.count == 1 else 1  # processes that train together need a GPU each
    chosen = "cuda" if name == "ray" and device == "cuda" else choose_device(device)
    if name == "ray":
        from assay.run.ray_engine import RayEngine

        return RayEngine(open_store(store), _silent, workers, address, worker_bytes, chosen, share, processes)
    if address is not None:
        raise InputError("--address names a Ray cluster, so it goes with --engine ray")
    from assay.run.local import LocalEngine

    return LocalEngine(open_store(store), _silent, workers, worker_bytes, chosen, share, processes)


def _silent(*_: object) -> None:
    """Heard by nobody, until a study listens."""
