"""The same random kills under the Ray engine: of a worker program, of the actor that owns it, of a node, of the driver.

Every round has a cluster of its own, a head and one further node with one CPU each. What dies in a node dies as by a
power cut; the head, which holds the cluster's own state, is spared.
"""

import random
import sys
from pathlib import Path

import psutil

from _kill_moments import Engine, Moments, kill_main

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "run"))
from ray_cluster import RayCluster

VICTIMS = ("ray worker", "ray actor", "ray node", "main under ray")


def engine_on(cluster: RayCluster) -> Engine:
    """The Ray engine on a cluster, and whom to kill there."""

    def kill_worker(_: psutil.Process, chance: random.Random) -> bool:
        return _kill(cluster.workers(), chance)

    def kill_actor(_: psutil.Process, chance: random.Random) -> bool:
        return _kill(cluster.actors(), chance)

    def kill_node(_: psutil.Process, __: random.Random) -> bool:
        if not cluster.workers(cluster.nodes[-1]):
            return False
        cluster.kill_node()
        return True

    kills = (kill_worker, kill_actor, kill_node, kill_main)
    return Engine(
        ("--engine", "ray", "--address", cluster.address),
        dict(zip(VICTIMS, kills, strict=True)),
        frozenset({"main under ray"}),
    )


class RayMoments(Moments):
    """Rounds under the Ray engine."""

    def round(self) -> None:
        """One cluster, one kill and one finish."""
        environment = {**self.reference.environment, "ASSAY_SAVE_SECONDS": "0"}
        with RayCluster(nodes=2, cpus=1, environment=environment) as cluster:
            self.engine = engine_on(cluster)
            super().round()


def _kill(pids: list[int], chance: random.Random) -> bool:
    if pids:
        psutil.Process(chance.choice(pids)).kill()
    return bool(pids)
