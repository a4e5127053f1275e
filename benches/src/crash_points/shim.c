/*
 * Loaded into ClickHouse with LD_PRELOAD. Counts the calls that change its data folder, and kills
 * the process or fails one call as the control file requests. `shim.rs` compiles this file and
 * writes the control file.
 *
 * Environment: SLUICE_CRASH_CONTROL is the path of the control file (struct control below,
 * little-endian), SLUICE_CRASH_FOLDER the absolute path of the data folder, SLUICE_CRASH_TRACE the
 * path of a file to which a line "kind path" is appended for each call while tracing is on.
 *
 * All threads share the counters. A call counts if its path, or that of its file descriptor, lies
 * in the data folder. Calls that glibc makes internally (the buffer of a FILE) are not seen;
 * ClickHouse writes its tables without them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITE = 1, RENAME = 2, UNLINK = 3, FSYNC = 4 };
enum action { KILL_BEFORE = 1, KILL_AFTER = 2, FAIL_EIO = 3, FAIL_ENOSPC = 4 };

struct control {
    _Atomic uint64_t armed;   /* enum kind; 0: not armed */
    _Atomic uint64_t at;      /* the number of the matching call */
    _Atomic uint64_t action;  /* enum action */
    _Atomic uint64_t matched; /* matching calls so far */
    _Atomic uint64_t fired;
    _Atomic uint64_t traced; /* 1: write the trace */
    char needle[256];        /* a call matches if its path has this text */
    char path[1024];         /* the path of the call at which it fired */
};

static struct control *control;
static char folder[PATH_MAX];
static size_t folder_length;
static int trace_fd = -1;

static void __attribute__((constructor)) start(void) {
    const char *file = getenv("SLUICE_CRASH_CONTROL");
    const char *data = getenv("SLUICE_CRASH_FOLDER");
    const char *trace = getenv("SLUICE_CRASH_TRACE");
    if (!file || !data || !trace) return;
    int fd = open(file, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED) return;
    trace_fd = open(trace, O_WRONLY | O_APPEND | O_CLOEXEC);
    snprintf(folder, sizeof folder, "%s/", data);
    folder_length = strlen(folder);
    control = mapped;
}

/* The decision about a call. */
struct verdict {
    int fail;       /* the error to return; 0: make the call */
    int kill_after; /* kill the process after the call */
};

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static void note(enum kind kind, const char *path) {
    static const char *const names[] = {"", "write", "rename", "unlink", "fsync"};
    char line[2 * PATH_MAX + 16];
    int length = snprintf(line, sizeof line, "%s %s\n", names[kind], path);
    if (length > 0 && trace_fd >= 0) syscall(SYS_write, trace_fd, line, (size_t)length);
}

static struct verdict judge(enum kind kind, const char *path) {
    struct verdict verdict = {0, 0};
    if (strncmp(path, folder, folder_length) != 0) return verdict;
    path += folder_length;
    /* Merges and the removal of merged parts do not belong to a batch. */
    if (strstr(path, "/tmp_merge_") || strstr(path, "/delete_tmp_")) return verdict;
    if (atomic_load(&control->traced)) note(kind, path);
    if (atomic_load(&control->armed) != kind || !strstr(path, control->needle)) return verdict;
    if (atomic_fetch_add(&control->matched, 1) + 1 != atomic_load(&control->at)) return verdict;
    snprintf(control->path, sizeof control->path, "%s", path);
    atomic_store(&control->fired, 1);
    switch (atomic_load(&control->action)) {
    case KILL_BEFORE: die(); break;
    case KILL_AFTER: verdict.kill_after = 1; break;
    case FAIL_EIO: verdict.fail = EIO; break;
    case FAIL_ENOSPC: verdict.fail = ENOSPC; break;
    }
    return verdict;
}

/* The absolute path of a descriptor; empty if it has none. */
static void path_of(int fd, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    path[length > 0 ? length : 0] = 0;
}

/* The absolute path of a name relative to the descriptor of a folder. */
static void absolute(int at, const char *name, char *path, size_t size) {
    if (name[0] == '/') {
        snprintf(path, size, "%s", name);
        return;
    }
    char base[PATH_MAX] = "";
    if (at == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) base[0] = 0;
    } else {
        path_of(at, base, sizeof base);
    }
    snprintf(path, size, "%s/%s", base, name);
}

static struct verdict judge_fd(enum kind kind, int fd) {
    char path[PATH_MAX];
    path_of(fd, path, sizeof path);
    return judge(kind, path);
}

static struct verdict judge_name(enum kind kind, int at, const char *name) {
    char path[PATH_MAX];
    absolute(at, name, path, sizeof path);
    return judge(kind, path);
}

static struct verdict judge_rename(int old_at, const char *old, int new_at, const char *new) {
    char both[2 * PATH_MAX + 8], to[PATH_MAX];
    absolute(old_at, old, both, PATH_MAX);
    absolute(new_at, new, to, sizeof to);
    strcat(both, " -> ");
    strncat(both, strncmp(to, folder, folder_length) == 0 ? to + folder_length : to, PATH_MAX);
    return judge(RENAME, both);
}

#define NEXT(name) \
    static __typeof__(&name) next; \
    if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* Makes the call as decided. */
#define CALL(verdict_of_it, call) \
    do { \
        if (!control) return call; \
        int before = errno; \
        struct verdict verdict = verdict_of_it; \
        errno = before; \
        if (verdict.fail) { \
            errno = verdict.fail; \
            return -1; \
        } \
        __typeof__(call) result = call; \
        if (verdict.kill_after) die(); \
        return result; \
    } while (0)

ssize_t write(int fd, const void *data, size_t size) {
    NEXT(write);
    CALL(judge_fd(WRITE, fd), next(fd, data, size));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    NEXT(pwrite);
    CALL(judge_fd(WRITE, fd), next(fd, data, size, offset));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    NEXT(pwrite64);
    CALL(judge_fd(WRITE, fd), next(fd, data, size, offset));
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    NEXT(writev);
    CALL(judge_fd(WRITE, fd), next(fd, pieces, count));
}

int rename(const char *old, const char *new) {
    NEXT(rename);
    CALL(judge_rename(AT_FDCWD, old, AT_FDCWD, new), next(old, new));
}

int renameat(int old_at, const char *old, int new_at, const char *new) {
    NEXT(renameat);
    CALL(judge_rename(old_at, old, new_at, new), next(old_at, old, new_at, new));
}

int renameat2(int old_at, const char *old, int new_at, const char *new, unsigned int flags) {
    NEXT(renameat2);
    CALL(judge_rename(old_at, old, new_at, new), next(old_at, old, new_at, new, flags));
}

int unlink(const char *name) {
    NEXT(unlink);
    CALL(judge_name(UNLINK, AT_FDCWD, name), next(name));
}

int unlinkat(int at, const char *name, int flags) {
    NEXT(unlinkat);
    CALL(judge_name(UNLINK, at, name), next(at, name, flags));
}

int rmdir(const char *name) {
    NEXT(rmdir);
    CALL(judge_name(UNLINK, AT_FDCWD, name), next(name));
}

int remove(const char *name) {
    NEXT(remove);
    CALL(judge_name(UNLINK, AT_FDCWD, name), next(name));
}

int fsync(int fd) {
    NEXT(fsync);
    CALL(judge_fd(FSYNC, fd), next(fd));
}

int fdatasync(int fd) {
    NEXT(fdatasync);
    CALL(judge_fd(FSYNC, fd), next(fd));
}

/* ClickHouse calls renameat2 by its number. */
long syscall(long number, ...) {
    NEXT(syscall);
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    if (number != SYS_renameat2) return next(number, a, b, c, d, e, f);
    CALL(judge_rename((int)a, (const char *)b, (int)c, (const char *)d), next(number, a, b, c, d, e, f));
}
