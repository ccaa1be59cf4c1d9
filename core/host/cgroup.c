#include "core/host/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/cgroup_place.h"
#include "core/host/sanitizer.h"

#define TEXT_SIZE 65536
#define PREFIX "velum-"
#define NODE_SUFFIX ".node"
#define TRIAL "trial"
#define TRIAL_BYTES ((uint64_t)64 << 20)
#define WORKER_PROCESSES 4
#define CHILDREN_MAX 4096 /* folders looked at when leftovers are removed */

static struct {
    struct cgroup_root root;
    struct cgroup_owner owner;
    char reason[CGROUP_REASON_SIZE];
} state = {.root = {0, -1, -1, 0}, .reason = "this process keeps no workers for long"};

static int refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int refuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(state.reason, sizeof state.reason, format, args);
    va_end(args);
    return ERR_UNSUPPORTED;
}

static bool read_text(const char *proc, const char *name, char text[TEXT_SIZE])
{
    char path[CGROUP_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", proc, name);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    text[fread(text, 1, TEXT_SIZE - 1, f)] = '\0';
    fclose(f);
    return true;
}

/* When a process began, in ticks since the system did; 0: there is none of that number. Behind its
 * name, which may be anything but ends with the last bracket, that is the twentieth field. */
static uint64_t start_of(const char *proc)
{
    static char text[TEXT_SIZE];
    const char *at;
    if (!read_text(proc, "stat", text) || !(at = strrchr(text, ')')))
        return 0;
    for (int field = 0; field < 20 && at; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

static void name_group(struct cgroup_owner o, const char *suffix, char name[CGROUP_NAME_SIZE])
{
    snprintf(name, CGROUP_NAME_SIZE, PREFIX "%u-%llu%s", (unsigned)o.pid,
             (unsigned long long)o.start, suffix);
}

static bool is_marked(const char *folder)
{
    static const char *const names[] = {"trusted.delegate", "user.delegate"};
    char value[8];
    for (int i = 0; i < 2; i++)
        if (getxattr(folder, names[i], value, sizeof value) == 1 && value[0] == '1')
            return true;
    return false;
}

static bool may_divide(const struct cgroup_place *p, enum cgroup_mode mode)
{
    struct stat s;
    if (mode == CGROUP_YES || strcmp(p->group, "/") == 0 || is_marked(p->folder))
        return true;
    return geteuid() != 0 && stat(p->folder, &s) == 0 && s.st_uid == geteuid();
}

static int open_folder(const char *path)
{
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static bool file_lists(const char *folder, const char *file, const char *word)
{
    char text[CGROUP_PATH_SIZE] = "";
    const int fd = open_folder(folder);
    if (fd < 0)
        return false;
    cgroup_read(fd, ".", file, text, sizeof text);
    close(fd);
    return cgroup_list_has(text, " ", word);
}

/* Version 2 is tried first, where it has the controller of memory. */
static int find_places(const struct cgroup_options *o, int *version, struct cgroup_place *memory,
                       struct cgroup_place *pids)
{
    static char groups[TEXT_SIZE], mounts[TEXT_SIZE];
    const char *proc = o->proc ? o->proc : "/proc/self";
    if (!read_text(proc, "cgroup", groups) || !read_text(proc, "mountinfo", mounts))
        return refuse("%s does not say which cgroup this is", proc);
    pids->folder[0] = '\0';
    const bool two = cgroup_place_find(groups, mounts, "", memory);
    if (two && file_lists(memory->folder, "cgroup.controllers", "memory")) {
        *version = 2;
        return 0;
    }
    *version = 1;
    if (cgroup_place_find(groups, mounts, "memory", memory)) {
        if (!cgroup_place_find(groups, mounts, "pids", pids) || !may_divide(pids, o->mode))
            pids->folder[0] = '\0';
        return 0;
    }
    return two ? refuse("its cgroup %s has no controller of memory", memory->group)
               : refuse("no cgroup is mounted here");
}

static int open_places(int version, const struct cgroup_place *memory,
                       const struct cgroup_place *pids, struct cgroup_root *base)
{
    *base = (struct cgroup_root){version, open_folder(memory->folder), -1, 0};
    if (base->memory < 0)
        return refuse("the folder %s of its cgroup: %s", memory->folder, strerror(errno));
    if (pids->folder[0])
        base->pids = open_folder(pids->folder);
    return 0;
}

static void close_root(struct cgroup_root *r)
{
    if (r->memory >= 0)
        close(r->memory);
    if (r->pids >= 0)
        close(r->pids);
    *r = (struct cgroup_root){0, -1, -1, 0};
}

/* The one above, if it is handed over and divided already: what a service manager makes of a
 * service whose processes it puts into a group below the one it hands over. */
static void climb(struct cgroup_place *p)
{
    struct cgroup_place above = *p;
    char *group = strrchr(above.group, '/'), *folder = strrchr(above.folder, '/');
    if (strcmp(p->group, "/") == 0 || !group || !folder)
        return;
    *group = *folder = '\0';
    if (is_marked(above.folder) && file_lists(above.folder, "cgroup.subtree_control", "memory")) {
        *p = above;
        if (!p->group[0])
            text_copy(p->group, sizeof p->group, "/");
    }
}

/* Whether a folder's name is that of a node's groups, and whose. */
static bool read_owner(const char *name, struct cgroup_owner *o)
{
    char again[CGROUP_NAME_SIZE], *end;
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return false;
    o->pid = (uint32_t)strtoul(name + strlen(PREFIX), &end, 10);
    if (*end != '-')
        return false;
    o->start = strtoull(end + 1, &end, 10);
    name_group(*o, strcmp(end, NODE_SUFFIX) == 0 ? NODE_SUFFIX : "", again);
    return strcmp(name, again) == 0;
}

static bool is_dead(struct cgroup_owner o)
{
    char proc[32];
    snprintf(proc, sizeof proc, "/proc/%u", (unsigned)o.pid);
#if VELUM_PLANT == 859 /* unit/test_cgroup: the groups of nodes that live are removed */
    return true;
#endif
    return start_of(proc) != o.start;
}

/* Calls for the name of each folder in this one. */
static void each_folder(int folder, void (*call)(void *ctx, const char *name), void *ctx)
{
    const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (int i = 0; i < CHILDREN_MAX && (e = readdir(dir));)
        if (e->d_type == DT_DIR && strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            call(ctx, e->d_name);
            i++;
        }
    closedir(dir);
}

static void remove_worker(void *ctx, const char *name)
{
    cgroup_remove(ctx, name);
}

/* Both hierarchies are looked through, as a crash may have left one half. */
void cgroup_clear_workers(const struct cgroup_root *r)
{
    struct cgroup_root all = *r;
    each_folder(r->memory, remove_worker, &all);
    if (r->pids >= 0)
        each_folder(r->pids, remove_worker, &all);
}

static void remove_group(const struct cgroup_root *base, const char *name)
{
    struct cgroup_root below = {base->version, -1, -1, 0};
    below.memory = openat(base->memory, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (base->pids >= 0)
        below.pids = openat(base->pids, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (below.memory >= 0)
        each_folder(below.memory, remove_worker, &(struct cgroup_root){2, below.memory, -1, 0});
    if (below.pids >= 0)
        each_folder(below.pids, remove_worker, &(struct cgroup_root){2, below.pids, -1, 0});
    close_root(&below);
    cgroup_remove(base, name);
}

static void remove_leftover(void *ctx, const char *name)
{
    const struct cgroup_root *base = ctx;
    struct cgroup_owner o;
    struct stat s;
    if (read_owner(name, &o) && is_dead(o) &&
        fstatat(base->memory, name, &s, AT_SYMLINK_NOFOLLOW) == 0 && s.st_uid == geteuid())
        remove_group(base, name);
}

static void remove_leftovers(const struct cgroup_root *base)
{
    struct cgroup_root here = *base, pids = {base->version, base->pids, -1, 0};
    each_folder(here.memory, remove_leftover, &here);
    if (pids.memory >= 0)
        each_folder(pids.memory, remove_leftover, &pids);
}

/* The node steps aside, into a group of its own, so that the one it was in can be divided. */
static int step_aside(const struct cgroup_root *base, pid_t spawner)
{
    char name[CGROUP_NAME_SIZE], pid[24];
    name_group(state.owner, NODE_SUFFIX, name);
    if (cgroup_make(base, name) != 0)
        return -1;
    text_of_u64((uint64_t)spawner, pid);
    if (cgroup_enter(base, name) == 0 &&
        (spawner <= 0 || cgroup_write(base, base->memory, name, "cgroup.procs", pid) == 0))
        return 0;
    const int failure = errno;
    cgroup_enter(base, ".");
    cgroup_remove(base, name);
    errno = failure;
    return -1;
}

/* The way back. Refused while another node divides the same group: its last one goes it. */
static void step_back(const struct cgroup_root *base, struct cgroup_owner o)
{
    char name[CGROUP_NAME_SIZE];
    struct stat s;
    name_group(o, NODE_SUFFIX, name);
    if (base->version != 2 || fstatat(base->memory, name, &s, 0) != 0)
        return;
    cgroup_write(base, base->memory, ".", "cgroup.subtree_control", "-pids");
    cgroup_write(base, base->memory, ".", "cgroup.subtree_control", "-memory");
    cgroup_move_all(base, name, ".");
    /* Of a node that was killed the last process may be about to end. */
    const bool alone = (uint32_t)getpid() != o.pid && (uint32_t)getppid() != o.pid;
    for (int tries = alone ? 20 : 1; cgroup_remove(base, name) != 0 && tries > 1; tries--)
        usleep(10000);
}

/* Version 2: what is below may be limited. The number of processes is a wish. */
static int divide(const struct cgroup_root *r)
{
    if (cgroup_write(r, r->memory, ".", "cgroup.subtree_control", "+memory") != 0)
        return -1;
    cgroup_write(r, r->memory, ".", "cgroup.subtree_control", "+pids");
    return 0;
}

static int divide_base(const struct cgroup_root *base, const struct cgroup_place *p, pid_t spawner)
{
    if (base->version != 2 || file_lists(p->folder, "cgroup.subtree_control", "memory") ||
        divide(base) == 0)
        return 0;
    if (errno != EBUSY)
        return refuse("its cgroup %s cannot be divided: %s", p->group, strerror(errno));
    if (step_aside(base, spawner) != 0)
        return refuse("no cgroup can be made in %s: %s", p->group, strerror(errno));
    if (divide(base) == 0)
        return 0;
    return errno == EBUSY
               ? refuse("its cgroup %s holds processes of others too", p->group)
               : refuse("its cgroup %s cannot be divided: %s", p->group, strerror(errno));
}

static int enter_in_child(const struct cgroup_root *r, const char *name)
{
    volatile int failure = 0;
    const pid_t pid = vfork();
    if (pid == 0) {
        failure = cgroup_enter(r, name) == 0 ? 0 : errno;
        _exit(0);
    }
    if (pid > 0)
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    errno = pid < 0 ? errno : failure;
    return errno ? -1 : 0;
}

/* NULL, or what does not work, with errno set. */
static const char *try_group(const struct cgroup_root *r)
{
    const char *step = NULL;
    if (cgroup_make(r, TRIAL) != 0)
        return "none can be made";
    if (cgroup_limit(r, TRIAL, TRIAL_BYTES) != 0)
        step = "its memory cannot be limited";
    else if (cgroup_limit_processes(r, TRIAL, WORKER_PROCESSES) != 0)
        step = "its processes cannot be limited";
    else if (enter_in_child(r, TRIAL) != 0)
        step = "no process can be put there";
    const int failure = errno;
    if (cgroup_remove(r, TRIAL) != 0 && !step)
        return "it cannot be removed again";
    errno = failure;
    return step;
}

static int open_group(const struct cgroup_root *base, const struct cgroup_place *p,
                      uint64_t memory_bytes)
{
    char name[CGROUP_NAME_SIZE];
    const char *step;
    struct cgroup_root *r = &state.root;
    name_group(state.owner, "", name);
    if (cgroup_make(base, name) != 0)
        return refuse("no cgroup can be made in %s: %s", p->folder, strerror(errno));
    r->version = base->version;
    r->memory = openat(base->memory, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (base->pids >= 0)
        r->pids = openat(base->pids, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (r->memory < 0 || (base->pids >= 0 && r->pids < 0) || (base->version == 2 && divide(r) != 0))
        step = "it cannot be divided";
    else if (memory_bytes > 0 && cgroup_limit(r, ".", memory_bytes) != 0)
        step = "its memory cannot be limited";
    else
        step = try_group(r);
    return step ? refuse("a cgroup in %s: %s: %s", p->group, step, strerror(errno)) : 0;
}

/* Where groups are to be made, which may be its own to divide. */
static int find_ground(const struct cgroup_options *o, int *version, struct cgroup_place *memory,
                       struct cgroup_place *pids)
{
    if (o->mode == CGROUP_NO)
        return refuse("its settings say that it makes none (cgroups)");
    if (SANITIZER)
        return refuse("a build with a sanitizer has no walls");
    const int rc = find_places(o, version, memory, pids);
    if (rc < 0)
        return rc;
    if (*version == 2)
        climb(memory);
    if (!may_divide(memory, o->mode))
        return refuse("its cgroup %s is not its own to divide: nobody has handed it over (cgroups)",
                      memory->group);
    return 0;
}

int cgroup_look(const struct cgroup_options *o)
{
    static struct cgroup_place memory, pids;
    int version;
    const int rc = find_ground(o, &version, &memory, &pids);
    if (rc < 0)
        return rc;
    return access(memory.folder, W_OK) == 0
               ? 0
               : refuse("no cgroup can be made in %s: %s", memory.folder, strerror(errno));
}

int cgroup_open(const struct cgroup_options *o)
{
    static struct cgroup_place memory, pids;
    struct cgroup_root base = {0, -1, -1, 0};
    int version = 0;
    state.owner = (struct cgroup_owner){(uint32_t)getpid(), start_of("/proc/self")};
    int rc = find_ground(o, &version, &memory, &pids);
    if (rc < 0)
        return rc;
    rc = open_places(version, &memory, &pids, &base);
    if (rc == 0) {
        remove_leftovers(&base);
        rc = divide_base(&base, &memory, o->spawner);
    }
    if (rc == 0)
        rc = open_group(&base, &memory, o->memory_bytes);
    if (rc == 0) {
        state.reason[0] = '\0';
    } else {
        cgroup_close();
        step_back(&base, state.owner);
    }
    close_root(&base);
    return rc;
}

bool cgroup_is_open(void)
{
    return state.reason[0] == '\0';
}

const char *cgroup_reason(void)
{
    return state.reason;
}

const struct cgroup_root *cgroup_root(struct cgroup_owner *owner)
{
    *owner = state.owner;
    return &state.root;
}

void cgroup_clear(const struct cgroup_root *r, struct cgroup_owner owner)
{
    char name[CGROUP_NAME_SIZE];
    struct cgroup_root base = {r->version, -1, -1, 0};
    if (r->version == 0)
        return;
    base.memory = openat(r->memory, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (r->pids >= 0)
        base.pids = openat(r->pids, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    cgroup_clear_workers(r);
    name_group(owner, "", name);
    if (base.memory >= 0) {
        cgroup_remove(&base, name);
        step_back(&base, owner);
    }
    close_root(&base);
}

void cgroup_close(void)
{
    if (state.root.version == 0)
        return;
    cgroup_clear(&state.root, state.owner);
    close_root(&state.root);
    if (cgroup_is_open())
        text_copy(state.reason, sizeof state.reason, "it is closed");
}
