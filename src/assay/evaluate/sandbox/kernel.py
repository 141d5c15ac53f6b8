"""The few Linux calls that Python has no function for, by ctypes.

Each raises OSError with the call's name. Numbers are those of x86_64 and aarch64; other machines have no sandbox of
Linux's here and are told so by `machine`.
"""

import contextlib
import ctypes
import os
import sys

_LIBC = ctypes.CDLL(None, use_errno=True)

_NUMBERS = {
    "x86_64": {"clone": 56, "pivot_root": 155, "seccomp": 317},
    "aarch64": {"clone": 220, "pivot_root": 41, "seccomp": 277},
}
_MOUNT_SETATTR = 442

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
_SIGCHLD = 17

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
_MNT_DETACH = 2
_AT_RECURSIVE = 0x8000
_AT_FDCWD = -100

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_SECUREBITS = 1, 4, 24, 28
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_SECUREBITS = 0b11101111
"""NOROOT, NO_SETUID_FIXUP, KEEP_CAPS locked off, NO_CAP_AMBIENT_RAISE, and the locks of all four."""
_CAPABILITY_VERSION = 0x20080522


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def machine() -> str:
    """``x86_64`` or ``aarch64``; raises OSError on any other system."""
    name = os.uname().machine
    if sys.platform != "linux" or name not in _NUMBERS or sys.maxsize < 2**32:
        raise OSError(f"it is for Linux on x86_64 and aarch64, this is {sys.platform} on {name}")
    return name


def _checked(name: str, returned: int) -> int:
    if returned < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return returned


def syscall(name: str, number: int, *arguments: int | bytes | ctypes.c_void_p) -> int:
    """Any call by number; ``name`` is for the error."""
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return _checked(name, _LIBC.syscall(ctypes.c_long(number), *wide))


def clone(namespaces: int) -> int:
    """Fork into new namespaces; returns as fork does.

    The C library's fork hooks are not run, so that the caller has one thread and its child forks again before it runs
    anything that needs the thread's id.
    """
    return syscall("clone", _NUMBERS[machine()]["clone"], namespaces | _SIGCHLD, 0, 0, 0, 0)


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """mount(2)."""
    arguments = [one.encode() if one is not None else None for one in (source, target, kind)]
    data = options.encode() if options is not None else None
    _checked(f"mount on {target}", _LIBC.mount(*arguments, ctypes.c_ulong(flags), data))


def read_only(target: str) -> None:
    """Make a mount and all mounts beneath it read-only and deaf to set-user-id bits; needs Linux 5.12."""
    attributes = (ctypes.c_uint64 * 4)(MS_RDONLY | MS_NOSUID, 0, 0, 0)
    where = target.encode()
    pointer = ctypes.cast(attributes, ctypes.c_void_p)
    syscall("mount_setattr", _MOUNT_SETATTR, _AT_FDCWD, where, _AT_RECURSIVE, pointer, ctypes.sizeof(attributes))


def change_root(to: str) -> None:
    """Make a mount the root and let go of everything that was outside it."""
    os.chdir(to)
    syscall("pivot_root", _NUMBERS[machine()]["pivot_root"], b".", b".")
    _checked("umount of the old root", _LIBC.umount2(b".", _MNT_DETACH))
    os.chdir("/")


def prctl(name: str, option: int, first: int = 0) -> None:
    """prctl(2) with one argument."""
    _checked(name, _LIBC.prctl(option, *(ctypes.c_ulong(one) for one in (first, 0, 0, 0))))


def die_with_parent() -> None:
    """Be killed when the parent's thread ends. Forgotten at a change of user, so it is called after one."""
    prctl("PR_SET_PDEATHSIG", _PR_SET_PDEATHSIG, 9)


def renounce() -> None:
    """Never gain a right again, by a program or otherwise, for this process and all that it forks; those held stay."""
    for capability in range(64):
        try:
            prctl("PR_CAPBSET_DROP", _PR_CAPBSET_DROP, capability)
        except OSError:
            break
    with contextlib.suppress(PermissionError):
        prctl("PR_SET_SECUREBITS", _PR_SET_SECUREBITS, _SECUREBITS)
    prctl("PR_CAP_AMBIENT", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    prctl("PR_SET_NO_NEW_PRIVS", _PR_SET_NO_NEW_PRIVS, 1)


def drop_rights(watched: bool) -> None:
    """Give up every capability, and be closed to tracers.

    Args:
        watched: Whether the same user's other processes may look at its descriptors and maps all the same.
    """
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _checked("capset", _LIBC.capset(header, (ctypes.c_uint32 * 6)()))
    prctl("PR_SET_DUMPABLE", _PR_SET_DUMPABLE, int(watched))


def install_filter(instructions: bytes) -> None:
    """Put a seccomp filter (8 bytes an instruction) on this process for good; no_new_privs must be set."""
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    program = _Program(len(instructions) // 8, ctypes.addressof(buffer))
    pointer = ctypes.cast(ctypes.byref(program), ctypes.c_void_p)
    syscall("seccomp", _NUMBERS[machine()]["seccomp"], 1, 0, pointer)
