"""The system calls a program may make, as a seccomp filter.

A list of what is allowed, not of what is known to be bad: a call that the next kernel invents is refused from its
first day. Refused calls return EPERM, so that the program sees a PermissionError and its verdict can say so; those
from number 424 on return ENOSYS, which the C library expects of a kernel that is too old for them. Another machine's
calls, x32's among them, end the process. The filter looks at numbers and plain arguments; paths are Landlock's and the
mount namespace's.
"""

import struct
from collections.abc import Iterable

_ALLOWED = """
read:0:63 write:1:64 readv:19:65 writev:20:66 pread64:17:67 pwrite64:18:68 preadv:295:69 pwritev:296:70
preadv2:327:286 pwritev2:328:287 open:2:- openat:257:56 creat:85:- close:3:57 close_range:436:436 stat:4:-
fstat:5:80 lstat:6:- newfstatat:262:79 statx:332:291 access:21:- faccessat:269:48 faccessat2:439:439
readlink:89:- readlinkat:267:78 getcwd:79:17 chdir:80:49 fchdir:81:50 getdents:78:- getdents64:217:61
lseek:8:62 dup:32:23 dup2:33:- dup3:292:24 pipe:22:- pipe2:293:59 flock:73:32 fsync:74:82 fdatasync:75:83
ftruncate:77:46 fadvise64:221:223 mkdir:83:- mkdirat:258:34 rmdir:84:- unlink:87:-
unlinkat:263:35 rename:82:- renameat:264:38 renameat2:316:276 link:86:- linkat:265:37 symlink:88:-
symlinkat:266:36 umask:95:166 sendfile:40:71 copy_file_range:326:285 mmap:9:222 mprotect:10:226 munmap:11:215
mremap:25:216 brk:12:214 madvise:28:233 msync:26:227 mincore:27:232 membarrier:324:283 poll:7:- ppoll:271:73
select:23:- pselect6:270:72 epoll_create:213:- epoll_create1:291:20 epoll_ctl:233:21 epoll_wait:232:-
epoll_pwait:281:22 epoll_pwait2:441:441 eventfd:284:- eventfd2:290:19 timerfd_create:283:85
timerfd_settime:286:86 timerfd_gettime:287:87 clock_gettime:228:113 clock_getres:229:114
clock_nanosleep:230:115 nanosleep:35:101 gettimeofday:96:169 time:201:- times:100:153 getitimer:36:102
setitimer:38:103 alarm:37:- pause:34:- rt_sigaction:13:134 rt_sigprocmask:14:135 rt_sigreturn:15:139
rt_sigpending:127:136 rt_sigtimedwait:128:137 rt_sigsuspend:130:133 sigaltstack:131:132
restart_syscall:219:128 futex:202:98 futex_waitv:449:449 get_robust_list:274:100 set_robust_list:273:99
rseq:334:293 set_tid_address:218:96 sched_yield:24:124 sched_getaffinity:204:123 getcpu:309:168 getpid:39:172
gettid:186:178 getppid:110:173 getuid:102:174 geteuid:107:175 getgid:104:176 getegid:108:177 getresuid:118:148
getresgid:120:150 getgroups:115:158 getpgrp:111:- getpgid:121:155 getsid:124:156 uname:63:160 sysinfo:99:179
getrusage:98:165 getrlimit:97:163 setrlimit:160:164 getrandom:318:278 wait4:61:260 waitid:247:95 exit:60:93
exit_group:231:94 sendto:44:206 recvfrom:45:207 recvmsg:47:212 shutdown:48:210
getsockopt:55:209 getsockname:51:204 getpeername:52:205
"""
"""Name, number on x86_64, number on aarch64. No way to start a program, a process or a connection is among them."""

_ALLOWED_ON_OWN_FILES = """
fallocate:285:47 sendmsg:46:211
chmod:90:- fchmod:91:52 fchmodat:268:53 fchmodat2:452:452 utime:132:- utimes:235:- futimesat:261:-
utimensat:280:88 truncate:76:45 getxattr:191:8 lgetxattr:192:9 fgetxattr:193:10 listxattr:194:11
llistxattr:195:12 flistxattr:196:13
"""
"""Harmless where no file of the host is in sight; Landlock does not govern them. The first two take a disk faster than
anybody looks, and send an open file to where nobody can see it."""

_ARGUED = "clone:56:220 clone3:435:435 kill:62:129 tgkill:234:131 prctl:157:167 prlimit64:302:261 ioctl:16:29 \
fcntl:72:25 socketpair:53:199"

_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000
_NEW_CALLS = 424

_LOAD, _EQUAL, _AT_LEAST, _ABOVE, _AND, _RETURN = 0x20, 0x15, 0x35, 0x25, 0x54, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = _ERRNO | 1, _ERRNO | 38
_ARGUMENTS = 16

_OWN_PROCESS = 0x7FFFFFFD
"""Stands for the program's process until that is known; no process has this number."""
_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020000 | 0x00000080
_SIGKILL = 9
_SET_NAME = 15
_TERMINAL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS (isatty), TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""
_OWNER = (8, 10, 15)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX: ways to have the kernel signal another process."""
_UNIX, _STREAM = 1, 1


def numbers(machine: str, listed: str) -> dict[str, int]:
    """Name and number of the calls of a list that the machine has."""
    column = {"x86_64": 1, "aarch64": 2}[machine]
    rows = [entry.split(":") for entry in listed.split()]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def allowed(machine: str, own_files: bool) -> dict[str, int]:
    """Calls that are allowed whatever their arguments."""
    return numbers(machine, _ALLOWED + (_ALLOWED_ON_OWN_FILES if own_files else ""))


def assemble(machine: str, own_files: bool) -> bytes:
    """The filter of a worker's programs; `for_process` makes it one program's.

    Args:
        machine: ``x86_64`` or ``aarch64``.
        own_files: Whether all files in its sight are its own, so that it may change their modes and times.

    Returns:
        Classic BPF, 8 bytes an instruction.
    """
    call = numbers(machine, _ARGUED)
    lines = [_op(_LOAD, 4), _op(_EQUAL, _ARCHITECTURE[machine], 1, 0), _op(_RETURN, _KILL), _op(_LOAD, 0)]
    if machine == "x86_64":
        lines += [_op(_AT_LEAST, _X32, 0, 1), _op(_RETURN, _KILL)]
    for low, high in _runs(allowed(machine, own_files).values()):
        lines += [_op(_AT_LEAST, low, 0, 2), _op(_ABOVE, high, 1, 0), _op(_RETURN, _ALLOW)]
    lines += _when(call["clone"], [*_argument(0), _op(_AND, _CLONE_THREAD | _CLONE_NAMESPACES), *_only(_CLONE_THREAD)])
    lines += _when(call["clone3"], [_op(_RETURN, _ENOSYS)])
    lines += _when(call["kill"], [*_argument(0), _op(_EQUAL, _OWN_PROCESS, 1, 0), _op(_RETURN, _EPERM), *_signal(1)])
    lines += _when(call["tgkill"], [*_argument(0), _op(_EQUAL, _OWN_PROCESS, 1, 0), _op(_RETURN, _EPERM), *_signal(2)])
    lines += _when(call["prctl"], [*_argument(0), *_only(_SET_NAME)])
    lines += _when(call["prlimit64"], [*_argument(0), *_only(0)])
    lines += _when(call["ioctl"], [*_argument(1), *_only(*_TERMINAL)])
    lines += _when(call["fcntl"], [*_argument(1), *_all_but(*_OWNER)])
    stream = [*_argument(1), _op(_AND, 0xF), *_only(_STREAM)]
    lines += _when(call["socketpair"], [*_argument(0), _op(_EQUAL, _UNIX, 1, 0), _op(_RETURN, _EPERM), *stream])
    lines += [_op(_AT_LEAST, _NEW_CALLS, 0, 1), _op(_RETURN, _ENOSYS), _op(_RETURN, _EPERM)]
    return b"".join(lines)


def for_process(instructions: bytes, pid: int) -> bytes:
    """A filter under which the process, as it sees itself, may signal itself alone."""
    return instructions.replace(struct.pack("=I", _OWN_PROCESS), struct.pack("=I", pid))


def _runs(values: Iterable[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for value in sorted(values):
        if found and value == found[-1][1] + 1:
            found[-1] = (found[-1][0], value)
        else:
            found.append((value, value))
    return found


def _op(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)


def _argument(index: int) -> list[bytes]:
    return [_op(_LOAD, _ARGUMENTS + 8 * index)]


def _when(number: int, body: list[bytes]) -> list[bytes]:
    return [_op(_EQUAL, number, 0, len(body)), *body]


def _only(*values: int) -> list[bytes]:
    tests = [_op(_EQUAL, value, len(values) - index, 0) for index, value in enumerate(values)]
    return [*tests, _op(_RETURN, _EPERM), _op(_RETURN, _ALLOW)]


def _all_but(*values: int) -> list[bytes]:
    tests = [_op(_EQUAL, value, len(values) - index, 0) for index, value in enumerate(values)]
    return [*tests, _op(_RETURN, _ALLOW), _op(_RETURN, _EPERM)]


def _signal(index: int) -> list[bytes]:
    return [*_argument(index), *_all_but(_SIGKILL)]
