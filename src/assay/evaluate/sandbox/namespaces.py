"""A worker's own world: user, process, mount, network, IPC and host name namespaces, and a root with a library in it.

Made by clone(2) and pivot_root(2) alone, so no program need be installed and no right is needed but to make a user
namespace. The new root is an empty memory file system that holds the standard library, read-only and without installed
packages, /dev/null, and an empty /tmp on which every program finds a file system of its own. There is no interpreter to
start, no shared library, no /proc, no /etc and no home in it: whatever the interpreter needs of those is loaded before.
Outside, a program is nobody if root started it, else the user without any right.
"""

import os
import socket
import sys
from pathlib import Path

from assay.evaluate.sandbox import kernel

_WORLD = (
    kernel.CLONE_NEWUSER
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNS
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
)
OF_A_PROGRAM = kernel.CLONE_NEWPID | kernel.CLONE_NEWNS
"""What each program has anew: its /tmp, and a process namespace in which it is alone with its watcher."""
INSIDE = 1000
"""The user and group that a program takes itself for."""
NOBODY = 65534
INSTALLED = ("site-packages", "dist-packages")
"""Folders within the standard library that are not of it."""
_BASE = "/tmp"


def enter() -> None:
    """Go on in a new world, as its first process; the calling process stays outside and ends when that one ends.

    Raises:
        OSError: Of the call that was denied. It is raised in the new process where that one meets it.
    """
    mapped, tell = os.pipe()
    if os.geteuid() == 0:
        os.setgroups([])
    inside = kernel.clone(_WORLD)
    if inside:
        os.close(mapped)
        _stand_by(inside, tell)
    os.close(tell)
    word = os.read(mapped, 1000)
    os.close(mapped)
    if word != b"mapped":
        raise OSError(f"users could not be mapped: {word.decode(errors='replace')}")
    _settle()


def _stand_by(inside: int, tell: int) -> None:
    try:
        _map_users(inside)
        os.write(tell, b"mapped")
    except OSError as error:
        os.write(tell, str(error).encode())
    os.close(tell)
    os.closerange(0, 3)
    _, status = os.waitpid(inside, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _map_users(pid: int) -> None:
    Path(f"/proc/{pid}/setgroups").write_text("deny")
    for kind, own in (("uid", os.geteuid()), ("gid", os.getegid())):
        outside = [NOBODY, own] if os.geteuid() == 0 else [own]
        for choice in outside:
            try:
                Path(f"/proc/{pid}/{kind}_map").write_text(f"{INSIDE} {choice} 1")
                break
            except OSError:
                if choice == outside[-1]:
                    raise


def _settle() -> None:
    held = [(path, os.open(path, os.O_PATH)) for path in [*library(), "/dev/null"]]
    os.setresgid(INSIDE, INSIDE, INSIDE)
    os.setresuid(INSIDE, INSIDE, INSIDE)
    kernel.die_with_parent()
    os.umask(0o022)
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    plain = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("root", _BASE, "tmpfs", plain, "size=1m,mode=0755")
    for path, place in held:
        source, target = Path(f"/proc/self/fd/{place}"), Path(_BASE + path)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        kernel.mount(str(source), str(target), None, kernel.MS_BIND | kernel.MS_REC)
        for packages in INSTALLED:
            if (target / packages).is_dir():
                kernel.mount("none", str(target / packages), "tmpfs", plain, "size=4k,mode=0755")
        os.close(place)
    Path(f"{_BASE}/tmp").mkdir(exist_ok=True)
    kernel.read_only(_BASE)
    kernel.change_root(_BASE)
    socket.sethostname("sandbox")


def library() -> list[str]:
    """Files and folders of the standard library, none of them within another."""
    found: list[str] = []
    for path in sorted({os.path.normpath(one) for one in sys.path if Path(one).exists()}, key=len):
        if not any(path == kept or path.startswith(kept + "/") for kept in found):
            found.append(path)
    return found


def fresh_tmp(size: int, files: int) -> None:
    """Mount an empty /tmp of so many bytes and files and go there; for a process with `OF_A_PROGRAM` of its own."""
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("tmp", "/tmp", "tmpfs", flags, f"size={size},nr_inodes={files},mode=0700")
    os.chdir("/tmp")
