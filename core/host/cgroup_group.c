#include "core/host/cgroup_group.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/text.h"

#define FILE_PATH_SIZE (CGROUP_NAME_SIZE + 64)
#define TEXT_SIZE 4096
#define NEAR_BYTES ((uint64_t)1 << 20) /* a limit is reached by larger steps than a byte */

static int open_file(int folder, const char *name, const char *file, int how)
{
    char path[FILE_PATH_SIZE];
    if (!text_copy(path, sizeof path, name) || !text_append(path, sizeof path, "/") ||
        !text_append(path, sizeof path, file)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return openat(folder, path, how | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int cgroup_write(const struct cgroup_root *r, int folder, const char *name, const char *file,
                 const char *word)
{
    const int fd = open_file(folder, name, file, O_WRONLY | r->flags);
    if (fd < 0)
        return -1;
    const ssize_t put = write(fd, word, strlen(word));
    const int failure = errno;
    close(fd);
    errno = failure;
    return put < 0 ? -1 : 0;
}

int cgroup_read(int folder, const char *name, const char *file, char *text, int cap)
{
    const int fd = open_file(folder, name, file, O_RDONLY);
    text[0] = '\0';
    if (fd < 0)
        return -1;
    const ssize_t got = read(fd, text, (size_t)cap - 1);
    const int failure = errno;
    close(fd);
    errno = failure;
    text[got > 0 ? got : 0] = '\0';
    return got < 0 ? -1 : 0;
}

int cgroup_make(const struct cgroup_root *r, const char *name)
{
    if (mkdirat(r->memory, name, 0755) != 0)
        return -1;
    if (r->pids < 0 || mkdirat(r->pids, name, 0755) == 0)
        return 0;
    const int failure = errno;
    unlinkat(r->memory, name, AT_REMOVEDIR);
    errno = failure;
    return -1;
}

/* Where swap is not counted, its file is missing, and memory alone is what the limit can be on. */
static int limit_1(const struct cgroup_root *r, const char *name, const char *word)
{
    static const char memory[] = "memory.limit_in_bytes", both[] = "memory.memsw.limit_in_bytes";
    /* Both together may never be less than memory, whichever way the limit moves. */
    if (cgroup_write(r, r->memory, name, both, "-1") != 0 && errno != ENOENT)
        return -1;
    if (cgroup_write(r, r->memory, name, memory, word) != 0)
        return -1;
    return cgroup_write(r, r->memory, name, both, word) == 0 || errno == ENOENT ? 0 : -1;
}

static int limit_2(const struct cgroup_root *r, const char *name, const char *word)
{
    if (cgroup_write(r, r->memory, name, "memory.max", word) != 0)
        return -1;
    return cgroup_write(r, r->memory, name, "memory.swap.max", "0") == 0 || errno == ENOENT ? 0
                                                                                            : -1;
}

int cgroup_limit(const struct cgroup_root *r, const char *name, uint64_t bytes)
{
    char word[24];
#if VELUM_PLANT == 858 /* unit/test_cgroup: a group has no limit on its memory */
    return 0;
#endif
    text_of_u64(bytes, word);
    return r->version == 2 ? limit_2(r, name, word) : limit_1(r, name, word);
}

int cgroup_limit_processes(const struct cgroup_root *r, const char *name, uint32_t count)
{
    char word[24];
    const int folder = r->version == 2 ? r->memory : r->pids;
    text_of_u64(count, word);
    if (folder < 0 || cgroup_write(r, folder, name, "pids.max", word) == 0)
        return 0;
    return r->version == 2 && errno == ENOENT ? 0 : -1;
}

int cgroup_enter(const struct cgroup_root *r, const char *name)
{
    if (cgroup_write(r, r->memory, name, "cgroup.procs", "0") != 0)
        return -1;
    return r->pids < 0 ? 0 : cgroup_write(r, r->pids, name, "cgroup.procs", "0");
}

/* The number behind a word at the beginning of a line. */
static uint64_t count_of(const char *text, const char *word)
{
    const size_t len = strlen(word);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, word, len) == 0 && line[len] == ' ')
            return strtoull(line + len + 1, NULL, 10);
    }
    return 0;
}

static uint64_t count_in(const struct cgroup_root *r, const char *name, const char *file,
                         const char *word)
{
    char text[TEXT_SIZE];
    if (cgroup_read(r->memory, name, file, text, sizeof text) != 0)
        return 0;
    return word ? count_of(text, word) : strtoull(text, NULL, 10);
}

static bool reached(const struct cgroup_root *r, const char *name)
{
    if (r->version == 2)
        return count_in(r, name, "memory.events.local", "oom") > 0;
    /* How often is not counted everywhere. */
    const uint64_t limit = count_in(r, name, "memory.limit_in_bytes", NULL);
    return limit > 0 && count_in(r, name, "memory.max_usage_in_bytes", NULL) + NEAR_BYTES >= limit;
}

enum cgroup_kill cgroup_killed(const struct cgroup_root *r, const char *name)
{
    const char *file = r->version == 2 ? "memory.events" : "memory.oom_control";
    if (count_in(r, name, file, "oom_kill") == 0)
        return CGROUP_KILL_NONE;
    if (reached(r, name))
        return CGROUP_KILL_OWN;
    return reached(r, ".") ? CGROUP_KILL_ABOVE : CGROUP_KILL_SYSTEM;
}

/* Of the processes in a group, as far as they are told at once. */
static void each_process(const struct cgroup_root *r, const char *name,
                         void (*call)(const struct cgroup_root *r, long pid, const char *ctx),
                         const char *ctx)
{
    char text[TEXT_SIZE];
    cgroup_read(r->memory, name, "cgroup.procs", text, sizeof text);
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const long pid = strtol(line, NULL, 10);
        if (pid > 1)
            call(r, pid, ctx);
    }
}

static void kill_one(const struct cgroup_root *r, long pid, const char *ctx)
{
    (void)r;
    (void)ctx;
    kill((pid_t)pid, SIGKILL);
}

static void move_one(const struct cgroup_root *r, long pid, const char *to)
{
    char word[24];
    text_of_u64((uint64_t)pid, word);
    cgroup_write(r, r->memory, to, "cgroup.procs", word);
}

void cgroup_move_all(const struct cgroup_root *r, const char *from, const char *to)
{
#if VELUM_PLANT == 998 /* unit/test_cgroup: the spawner stays where its node stepped aside to */
    cgroup_enter(r, to);
    return;
#endif
    each_process(r, from, move_one, to);
}

void cgroup_kill_all(const struct cgroup_root *r, const char *name)
{
    if (r->version != 2 || cgroup_write(r, r->memory, name, "cgroup.kill", "1") != 0)
        each_process(r, name, kill_one, NULL);
}

int cgroup_remove(const struct cgroup_root *r, const char *name)
{
    int failure = 0;
    if (unlinkat(r->memory, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        failure = errno;
    if (r->pids >= 0 && unlinkat(r->pids, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        failure = errno;
    errno = failure;
    return failure ? -1 : 0;
}
