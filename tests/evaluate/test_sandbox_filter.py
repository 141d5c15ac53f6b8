"""The system call filter, read by an interpreter of its own for both machines, against the kernel's own headers."""

import re
import struct
from pathlib import Path

import pytest

from assay.evaluate.sandbox import seccomp

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
PID = 2

DENIED = [
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "mount",
    "umount2",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsmount",
    "mount_setattr",
    "pivot_root",
    "chroot",
    "unshare",
    "setns",
    "bpf",
    "perf_event_open",
    "keyctl",
    "add_key",
    "request_key",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "socket",
    "connect",
    "bind",
    "listen",
    "accept",
    "accept4",
    "sendmmsg",
    "setsockopt",
    "open_by_handle_at",
    "name_to_handle_at",
    "pidfd_open",
    "pidfd_getfd",
    "pidfd_send_signal",
    "process_madvise",
    "personality",
    "reboot",
    "swapon",
    "swapoff",
    "execve",
    "execveat",
    "fork",
    "vfork",
    "clone3",
    "tkill",
    "rt_sigqueueinfo",
    "rt_tgsigqueueinfo",
    "setuid",
    "setgid",
    "setresuid",
    "setreuid",
    "setgroups",
    "capset",
    "seccomp",
    "landlock_restrict_self",
    "memfd_create",
    "shmget",
    "msgget",
    "semget",
    "mq_open",
    "mknod",
    "mknodat",
    "chown",
    "fchown",
    "lchown",
    "fchownat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "removexattr",
    "inotify_init1",
    "fanotify_init",
    "quotactl",
    "acct",
    "syslog",
    "sethostname",
    "setdomainname",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "iopl",
    "ioperm",
    "ioprio_set",
    "setpriority",
    "sched_setaffinity",
    "sched_setscheduler",
    "sched_setattr",
    "kcmp",
    "mlockall",
    "vmsplice",
    "splice",
    "mbind",
    "migrate_pages",
    "move_pages",
    "nfsservctl",
    "modify_ldt",
    "lookup_dcookie",
    "remap_file_pages",
    "setsid",
    "setpgid",
    "fcntl64",
    "pkey_alloc",
    "memfd_secret",
    "uselib",
    "vhangup",
]


def header(machine: str) -> dict[str, int]:
    if not HEADERS[machine].exists():
        pytest.skip(f"the kernel's header for {machine} is not installed")
    text = HEADERS[machine].read_text()
    found = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    if machine == "aarch64":
        found["newfstatat"] = found.pop("fstatat")
    return found


def decide(machine: str, number: int, *arguments: int, own_files: bool = False, architecture: int | None = None) -> int:
    filled = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=iIQ6Q", number, architecture or MACHINES[machine], 0, *filled)
    code = seccomp.for_process(seccomp.assemble(machine, own_files), PID)
    lines = list(struct.iter_unpack("=HBBI", code))
    value = place = 0
    while True:
        kind, then, otherwise, operand = lines[place]
        place += 1
        if kind == 0x20:
            value = struct.unpack_from("=I", data, operand)[0]
        elif kind == 0x54:
            value &= operand
        elif kind == 0x06:
            return int(operand)
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x25: value > operand}[kind]
            place += then if holds else otherwise


@pytest.mark.parametrize("machine", MACHINES)
def test_numbers_are_the_kernel_s(machine: str) -> None:
    known = header(machine)
    listed = {**seccomp.allowed(machine, own_files=True), **seccomp.numbers(machine, seccomp._ARGUED)}
    assert {name: number for name, number in listed.items() if known.get(name, number) != number} == {}
    assert len(set(listed.values())) == len(listed)


@pytest.mark.parametrize("own_files", [False, True])
@pytest.mark.parametrize("machine", MACHINES)
def test_whatever_reaches_out_is_refused(machine: str, own_files: bool) -> None:
    known = header(machine)
    let = [name for name in DENIED if name in known and decide(machine, known[name], own_files=own_files) == ALLOW]
    assert let == []
    unheard = [number for number in range(460, 2000) if decide(machine, number) != ENOSYS]
    assert unheard == []


@pytest.mark.parametrize("own_files", [False, True])
@pytest.mark.parametrize("machine", MACHINES)
def test_the_list_is_allowed_and_nothing_but_the_list(machine: str, own_files: bool) -> None:
    listed = set(seccomp.allowed(machine, own_files).values())
    judged = set(seccomp.numbers(machine, seccomp._ARGUED).values())
    let = {number for number in range(500) if decide(machine, number, own_files=own_files) == ALLOW}
    assert let - judged == listed


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_that_can_be_either_are_judged_by_their_arguments(machine: str) -> None:
    call = seccomp.numbers(machine, seccomp._ARGUED)
    thread = 0x3D0F00
    for name, arguments, verdict in (
        ("clone", (thread,), ALLOW),
        ("clone", (17,), EPERM),
        ("clone", (thread | 0x10000000,), EPERM),
        ("clone", (0x10000000 | 17,), EPERM),
        ("clone3", (), ENOSYS),
        ("kill", (PID, 15), ALLOW),
        ("kill", (PID, 9), EPERM),
        ("kill", (1, 15), EPERM),
        ("kill", (0, 15), EPERM),
        ("kill", (2**32 - 1, 15), EPERM),
        ("tgkill", (PID, 7, 6), ALLOW),
        ("tgkill", (PID, 7, 9), EPERM),
        ("tgkill", (1, 1, 6), EPERM),
        ("prctl", (15,), ALLOW),
        ("prctl", (4, 1), EPERM),
        ("prlimit64", (0, 7), ALLOW),
        ("prlimit64", (1, 7), EPERM),
        ("ioctl", (0, 0x5401), ALLOW),
        ("ioctl", (0, 0x5451), ALLOW),
        ("ioctl", (0, 0x5412), EPERM),
        ("fcntl", (0, 1030), ALLOW),
        ("fcntl", (0, 8, 1), EPERM),
        ("fcntl", (0, 15, 1), EPERM),
        ("socketpair", (1, 0x80001), ALLOW),
        ("socketpair", (1, 2), EPERM),
        ("socketpair", (16, 1), EPERM),
    ):
        assert decide(machine, call[name], *arguments) == verdict, (name, arguments)


@pytest.mark.parametrize("machine", MACHINES)
def test_another_machine_s_calls_end_the_process(machine: str) -> None:
    for other in (0x40000003, *(one for name, one in MACHINES.items() if name != machine)):
        assert decide(machine, 0, architecture=other) == KILL
    if machine == "x86_64":
        assert decide(machine, 0x40000000) == KILL


def test_modes_and_times_are_changed_only_where_all_files_are_its_own() -> None:
    chmod = 90
    assert decide("x86_64", chmod) == EPERM
    assert decide("x86_64", chmod, own_files=True) == ALLOW
