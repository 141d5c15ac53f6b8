/* Counts what changes files under watched folders, and kills at the N-th such event. Loaded with LD_PRELOAD.
 *
 * An event is a write, pwrite, writev, sendfile, copy_file_range, rename, link, symlink, unlink, rmdir, mkdir,
 * truncate, fsync, fdatasync, or an open that creates or empties a file, by any process of the run. All processes
 * count on one mapped file. At event N the call is carried out, a write only by its first half, and SIGKILL follows at
 * once: to the calling process, or to its process group. What is done inside libc (fwrite) or through a writable
 * mapping is not seen; the driver checks that the bytes that were seen make up the stored files.
 *
 *   KILL_SHARED  the mapped file (struct shared)      KILL_WATCH    folders, separated by ':'
 *   KILL_LOG     one line an event is appended        KILL_ORDERS   folder for what workers read on standard input
 *   KILL_CLOCK   seconds added to the wall clock
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct shared {
    long count;   /* events so far */
    long stop_at; /* the event to kill at; 0 for none */
    long group;   /* 1: kill the process group, 0: the process */
};
static struct shared *shared;
static const char *watch, *log_path, *orders;
static time_t clock_seconds;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("KILL_SHARED"), *seconds = getenv("KILL_CLOCK");
    watch = getenv("KILL_WATCH");
    log_path = getenv("KILL_LOG");
    orders = getenv("KILL_ORDERS");
    if (seconds) clock_seconds = atol(seconds);
    if (!name || !watch) return;
    int fd = syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) return;
    void *place = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (place != MAP_FAILED) shared = place;
    syscall(SYS_close, fd);
}

static int watched(const char *path) {
    for (const char *at = watch; *at;) {
        const char *end = strchrnul(at, ':');
        size_t length = end - at;
        if (!strncmp(path, at, length) && (path[length] == '/' || !path[length])) return 1;
        at = *end ? end + 1 : end;
    }
    return 0;
}

/* The absolute path behind a directory handle and a name (NULL: the handle itself). */
static const char *absolute(int directory, const char *name, char *out) {
    if (name && name[0] == '/') return name;
    char link[64];
    if (directory == AT_FDCWD) strcpy(link, "/proc/self/cwd");
    else snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, out, PATH_MAX - 1);
    if (length < 0) length = 0;
    out[length] = 0;
    if (name && length + 1 + strlen(name) < PATH_MAX) {
        out[length] = '/';
        strcpy(out + length + 1, name);
    }
    return out;
}

/* Count an event if it is watched; 1 if the kill is due. */
static int event(const char *kind, int directory, const char *name, size_t bytes) {
    char buffer[PATH_MAX], line[PATH_MAX + 128];
    if (!shared) return 0;
    int before = errno;
    const char *path = absolute(directory, name, buffer);
    int due = 0;
    if (watched(path)) {
        long number = __sync_add_and_fetch(&shared->count, 1);
        due = number == shared->stop_at;
        int fd = log_path ? syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644) : -1;
        if (fd >= 0) {
            int length = snprintf(line, sizeof line, "%ld\t%d\t%s\t%zu\t%s\n", number, getpid(), kind, bytes, path);
            syscall(SYS_write, fd, line, length);
            syscall(SYS_close, fd);
        }
    }
    errno = before;
    return due;
}

static void die(void) {
    syscall(SYS_kill, shared->group ? 0 : getpid(), SIGKILL);
    for (;;) pause();
}

#define PART(due, n) ((due) && (n) > 1 ? (n) / 2 : (n))
#define CARRY_OUT(type, due, call) do { type result_ = (type)(call); if (due) die(); return result_; } while (0)

ssize_t write(int fd, const void *data, size_t n) {
    int due = event("write", fd, NULL, n);
    CARRY_OUT(ssize_t, due, syscall(SYS_write, fd, data, PART(due, n)));
}
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) {
    int due = event("write", fd, NULL, n);
    CARRY_OUT(ssize_t, due, syscall(SYS_pwrite64, fd, data, PART(due, n), at));
}
ssize_t pwrite(int fd, const void *data, size_t n, off_t at) { return pwrite64(fd, data, n, at); }
ssize_t writev(int fd, const struct iovec *pieces, int count) {
    size_t n = 0;
    for (int i = 0; i < count; i++) n += pieces[i].iov_len;
    int due = event("write", fd, NULL, n);
    CARRY_OUT(ssize_t, due, due ? syscall(SYS_write, fd, pieces[0].iov_base, PART(due, pieces[0].iov_len))
                                : syscall(SYS_writev, fd, pieces, count));
}
ssize_t sendfile64(int out, int in, off64_t *at, size_t n) {
    int due = event("sendfile", out, NULL, 0);
    CARRY_OUT(ssize_t, due, syscall(SYS_sendfile, out, in, at, PART(due, n)));
}
ssize_t sendfile(int out, int in, off_t *at, size_t n) { return sendfile64(out, in, at, n); }
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t n, unsigned flags) {
    int due = event("copy", out, NULL, 0);
    CARRY_OUT(ssize_t, due, syscall(SYS_copy_file_range, in, from, out, to, PART(due, n), flags));
}
int fsync(int fd) { int due = event("fsync", fd, NULL, 0); CARRY_OUT(int, due, syscall(SYS_fsync, fd)); }
int fdatasync(int fd) { int due = event("fsync", fd, NULL, 0); CARRY_OUT(int, due, syscall(SYS_fdatasync, fd)); }
int ftruncate64(int fd, off64_t n) {
    int due = event("truncate", fd, NULL, 0);
    CARRY_OUT(int, due, syscall(SYS_ftruncate, fd, n));
}
int ftruncate(int fd, off_t n) { return ftruncate64(fd, n); }
int truncate64(const char *path, off64_t n) {
    int due = event("truncate", AT_FDCWD, path, 0);
    CARRY_OUT(int, due, syscall(SYS_truncate, path, n));
}
int truncate(const char *path, off_t n) { return truncate64(path, n); }

/* A rename or link is watched where it leads. */
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    int due = event("rename", b, to, 0);
    CARRY_OUT(int, due, syscall(SYS_renameat2, a, from, b, to, flags));
}
int renameat(int a, const char *from, int b, const char *to) { return renameat2(a, from, b, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    int due = event("link", b, to, 0);
    CARRY_OUT(int, due, syscall(SYS_linkat, a, from, b, to, flags));
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
int symlinkat(const char *from, int b, const char *to) {
    int due = event("symlink", b, to, 0);
    CARRY_OUT(int, due, syscall(SYS_symlinkat, from, b, to));
}
int symlink(const char *from, const char *to) { return symlinkat(from, AT_FDCWD, to); }
int unlinkat(int directory, const char *name, int flags) {
    int due = event(flags & AT_REMOVEDIR ? "rmdir" : "unlink", directory, name, 0);
    CARRY_OUT(int, due, syscall(SYS_unlinkat, directory, name, flags));
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }
int remove(const char *name) { /* libc's own would call past us */
    int done = unlink(name);
    return done && errno == EISDIR ? rmdir(name) : done;
}
int mkdirat(int directory, const char *name, mode_t mode) {
    int due = event("mkdir", directory, name, 0);
    CARRY_OUT(int, due, syscall(SYS_mkdirat, directory, name, mode));
}
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

static int open_at(int directory, const char *name, int flags, mode_t mode) {
    int due = flags & (O_CREAT | O_TRUNC) ? event("open", directory, name, 0) : 0;
    CARRY_OUT(int, due, syscall(SYS_openat, directory, name, flags, mode));
}
#define MODE(flags, last) ({ mode_t mode_ = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { va_list more; va_start(more, last); mode_ = va_arg(more, int); va_end(more); } \
    mode_; })
int open(const char *name, int flags, ...) { return open_at(AT_FDCWD, name, flags, MODE(flags, flags)); }
int open64(const char *name, int flags, ...) { return open_at(AT_FDCWD, name, flags, MODE(flags, flags)); }
int openat(int at, const char *name, int flags, ...) { return open_at(at, name, flags, MODE(flags, flags)); }
int openat64(int at, const char *name, int flags, ...) { return open_at(at, name, flags, MODE(flags, flags)); }
int creat(const char *name, mode_t mode) { return open_at(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }
#define OPEN_STREAM(function) \
    FILE *function(const char *name, const char *mode) { \
        static FILE *(*real)(const char *, const char *); \
        if (!real) real = (FILE *(*)(const char *, const char *))dlsym(RTLD_NEXT, #function); \
        int due = strchr(mode, 'w') || strchr(mode, 'a') ? event("open", AT_FDCWD, name, 0) : 0; \
        CARRY_OUT(FILE *, due, real(name, mode)); \
    }
OPEN_STREAM(fopen)
OPEN_STREAM(fopen64)

/* Keep a copy of what a worker is told: its command line and environment once, then its standard input. */
static void keep(const char *suffix, const void *data, size_t n, const char *file) {
    char path[PATH_MAX], buffer[1 << 16];
    snprintf(path, sizeof path, "%s/%d.%s", orders, getpid(), suffix);
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    int in = file ? syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0) : -1;
    for (ssize_t got; in >= 0 && (got = syscall(SYS_read, in, buffer, sizeof buffer)) > 0;)
        syscall(SYS_write, fd, buffer, got);
    if (n) syscall(SYS_write, fd, data, n);
    if (in >= 0) syscall(SYS_close, in);
    syscall(SYS_close, fd);
}
ssize_t read(int fd, void *data, size_t n) {
    static int told;
    ssize_t got = syscall(SYS_read, fd, data, n);
    if (fd == 0 && orders && got > 0) {
        int before = errno;
        if (!told) keep("command", NULL, 0, "/proc/self/cmdline"), keep("environment", NULL, 0, "/proc/self/environ");
        told = 1;
        keep("orders", data, got, NULL);
        errno = before;
    }
    return got;
}

static int wall(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI; }
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && wall(clock)) now->tv_sec += clock_seconds;
    return failed;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int failed = syscall(SYS_gettimeofday, now, zone);
    if (!failed) now->tv_sec += clock_seconds;
    return failed;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
