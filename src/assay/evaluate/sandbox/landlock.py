"""Landlock: a process gives up the file system but for named places, whoever it is.

The kernel's own sandbox for ordinary users (Linux 5.13; Salaün 2021), by its three calls. A second wall inside the
namespaces and the main one where they are denied. It knows nothing of metadata: stat and chmod are not its business,
which is why the system call filter refuses chmod, chown and their like, and the tier says that stat is open.
"""

import ctypes
import os
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

from assay.evaluate.sandbox import kernel
from assay.evaluate.sandbox.namespaces import INSTALLED

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_FILE, _MAKE_LINK = 1 << 7, 1 << 8, 1 << 12
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""Rights on files that each version of the interface knows, as a number of bits; later ones as version 5."""
_READ = _READ_FILE | _READ_DIR
_CHANGE = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _MAKE_LINK | _REFER | _TRUNCATE
_OF_FILES = _WRITE_FILE | _READ_FILE | _TRUNCATE


def version() -> int:
    """Version of the kernel's Landlock interface; 0 where it has none."""
    try:
        return kernel.syscall("landlock_create_ruleset", _CREATE, 0, 0, 1)
    except OSError:
        return 0


def ruleset(read: Iterable[str], list_only: Iterable[str], change: Iterable[str]) -> int:
    """A descriptor of rules that `restrict` takes.

    Args:
        read: Files that may be read, and folders with all that is beneath.
        list_only: Folders whose names, and those beneath, may be listed.
        change: Files that may be written, and folders in which anything may be made, written and removed.

    Returns:
        The descriptor. TCP, signals to processes outside and abstract sockets are refused too where the kernel's
        version can (4, 6, 6).
    """
    abi = version()
    known = (1 << _RIGHTS[min(abi, 5)]) - 1
    attributes = struct.pack("QQQ", known, 0b11 if abi >= 4 else 0, 0b11 if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    rules = kernel.syscall("landlock_create_ruleset", _CREATE, attributes, size, 0)
    for paths, rights in ((read, _READ), (list_only, _READ_DIR), (change, _CHANGE)):
        for path in paths:
            _allow(rules, path, rights & known)
    return rules


def _allow(rules: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not Path(path).is_dir():
            rights &= _OF_FILES
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, place), 12)
        kernel.syscall("landlock_add_rule", _ADD_RULE, rules, 1, ctypes.cast(rule, ctypes.c_void_p), 0)
    finally:
        os.close(place)


def restrict(rules: int) -> None:
    """Put the rules on this process and all that it will start, for good; no_new_privs must be set."""
    kernel.syscall("landlock_restrict_self", _RESTRICT, rules, 0)


def library_entries(folders: Sequence[str]) -> list[str]:
    """What lies in the standard library's folders, but for packages that were installed into them."""
    inner = [path for folder in folders if Path(folder).is_dir() for path in sorted(Path(folder).iterdir())]
    return [str(path) for path in inner if path.name not in INSTALLED]
