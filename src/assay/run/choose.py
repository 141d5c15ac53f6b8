"""Which engine carries a study out. The one place that knows them all; Ray is imported only when it is asked for."""

from typing import Literal

from assay.errors import InputError
from assay.run.engine import Engine
from assay.run.store import open_store

EngineName = Literal["local", "ray"]


def open_engine(
    name: EngineName,
    store: str | None,
    workers: int | None,
    address: str | None,
    worker_bytes: int,
) -> Engine:
    """An engine on a store, to be used as a context manager.

    Args:
        name: ``local`` or ``ray``.
        store: A folder or an fsspec address; None: ``ASSAY_STORE`` or ``.assay/store``.
        workers: At most so many steps at once; None: as many as there is room for.
        address: Of the Ray cluster; None: the one this machine belongs to.
        worker_bytes: Memory that a worker may come to hold; see `assay.run.memory`.

    Raises:
        InputError: Options that do not fit the engine, or Ray is not installed.
        StepError: The store or the cluster cannot be reached.
    """
    if name == "ray":
        from assay.run.ray_engine import RayEngine

        return RayEngine(open_store(store), _silent, workers, address, worker_bytes)
    if address is not None:
        raise InputError("--address names a Ray cluster, so it goes with --engine ray")
    from assay.run.local import LocalEngine

    return LocalEngine(open_store(store), _silent, workers, worker_bytes)


def _silent(*_: object) -> None:
    """Heard by nobody, until a study listens."""
