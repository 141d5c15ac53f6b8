"""The container tier: a worker in a container without network, rights or a writable root.

For machines whose kernel denies the other tiers, or is not Linux. The container holds the worker; within it every
program still has a process, a system call filter and limits of its own. The image must lie there already: nothing is
downloaded behind the user's back.
"""

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

from assay.errors import StepError
from assay.evaluate.sandbox.limits import Limits

IMAGE = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"
INSIDE = "/sandbox"
"""Where Assay's modules are found in the container."""
_SPARE_BYTES = 128 * 2**20
"""Memory of the worker and the watcher, beside the program's."""
_SPARE_PROCESSES = 8
_SECONDS = 20


def check() -> None:
    """Raise StepError with what is missing: the client, an answering daemon, the image."""
    if shutil.which("docker") is None:
        raise StepError("there is no docker command")
    _ask(["docker", "version", "--format", "{{.Server.Version}}"], "the Docker daemon does not answer")
    _ask(["docker", "image", "inspect", "--format", "{{.Id}}", IMAGE], f"run 'docker pull {IMAGE}' first")


def _ask(command: list[str], otherwise: str) -> None:
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StepError(f"{otherwise}: {error}") from None
    if asked.returncode:
        raise StepError(f"{otherwise}: {' '.join(asked.stderr.split())}")


def command(name: str, limits: Limits, package: Path, inner: list[str], environment: dict[str, str]) -> list[str]:
    """The command that starts a worker's container.

    Args:
        name: The container's, by which `kill` finds it.
        limits: Of one program; the container's are a little wider, as the worker is in it too.
        package: Folder of the assay package.
        inner: Arguments of Python within.
        environment: Set for Python within; nothing else is.
    """
    memory = limits.memory_bytes + limits.tmp_bytes + _SPARE_BYTES
    settings = [argument for key, value in sorted(environment.items()) for argument in ("--env", f"{key}={value}")]
    return [
        *("docker", "run", "--interactive", "--rm", "--pull", "never", "--name", name),
        *("--network", "none", "--ipc", "none", "--read-only", "--user", "65534:65534", "--workdir", "/tmp"),
        *("--tmpfs", f"/tmp:rw,noexec,nosuid,nodev,mode=1777,size={limits.tmp_bytes}"),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--pids-limit", str(limits.processes + _SPARE_PROCESSES)),
        *("--memory", str(memory), "--memory-swap", str(memory), "--log-driver", "none"),
        *("--volume", f"{package}:{INSIDE}/{package.name}:ro", *settings, IMAGE, "python", *inner),
    ]


def kill(name: str) -> None:
    """End a container, if it is still there."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(["docker", "kill", name], capture_output=True, timeout=_SECONDS, check=False)
