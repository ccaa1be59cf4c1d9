#include "tests/chaos/driver/verdict.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "core/base/text.h"
#include "tests/chaos/driver/proc.h"
#include "tests/chaos/driver/tree.h"

#define SLACK_MS 30000 /* G3 promises 10 s; a machine that is busy with other things gets more */
#define VERIFY_MS 30000
#define LEFT_MS 5000
#define COPY_MS 10000

/* Whether no process is in this control group, nor in one below it. */
static bool is_abandoned(const char *group)
{
    char path[640];
    struct dirent *entry;
    snprintf(path, sizeof path, "%s/cgroup.procs", group);
    FILE *from = fopen(path, "re");
    bool abandoned = from == NULL || fgetc(from) == EOF;
    if (from)
        fclose(from);
    DIR *below = abandoned ? opendir(group) : NULL;
    while (below && abandoned && (entry = readdir(below)) != NULL) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%.380s/%.255s", group, entry->d_name);
        abandoned = is_abandoned(path);
    }
    if (below)
        closedir(below);
    return abandoned;
}

/* Control groups that nodes left below our own. Those with processes are of tests beside this one:
 * of this run nobody is alive when it matters. */
static size_t count_groups(void)
{
    char line[512], path[640];
    size_t count = 0;
    FILE *from = fopen("/proc/self/cgroup", "re");
    while (from && fgets(line, sizeof line, from)) {
        char *at = strstr(line, "::");
        line[strcspn(line, "\n")] = 0;
        snprintf(path, sizeof path, "/sys/fs/cgroup%s", at ? at + 2 : "");
        if (at)
            count = tree_folders(path, "velum", is_abandoned);
    }
    if (from)
        fclose(from);
    return count;
}

/* One that is only just made, or about to be removed, is gone or in use a moment later. */
static bool more_groups_stay(size_t before)
{
    int64_t end = proc_clock_ms() + LEFT_MS;
    while (count_groups() > before) {
        if (proc_clock_ms() > end)
            return true;
        proc_nap_ms(50);
    }
    return false;
}

void verdict_begin(struct before *b)
{
    b->groups = count_groups();
}

/* What is still to be slept, shared by all slots. */
static int64_t work_left_ms(const struct run *r)
{
    char text[32];
    const struct jobs *j = r->jobs;
    jobs_field(j, &j->list[0], 0, "leaves_done", text, sizeof text);
    uint64_t done_ms = strtoull(text, NULL, 10) * LONG_LEAF_MS;
    uint64_t slots = r->mesh->count * strtoull(r->mesh->slots, NULL, 10);
    return done_ms < j->long_ms ? (int64_t)((j->long_ms - done_ms) / (slots ? slots : 1)) : 0;
}

/* An independent look at the journals: each leaf counted once. */
static bool verify(const struct run *r, const struct job *job, char *what, size_t cap)
{
    char said[512];
    const char *const argv[] = {r->mesh->velum, "verify", job->id, NULL};
    int code = proc_run(argv, -1, VERIFY_MS, said, sizeof said);
    if (code != 0)
        snprintf(what, cap, "velum verify %s: exit code %d: %s", job->id, code, said);
    return code == 0;
}

bool verdict_jobs(struct run *r, uint32_t reader, int64_t *took_ms)
{
    char what[WHAT_SIZE];
    const struct jobs *j = r->jobs;
    int64_t healed_ms = proc_clock_ms();
    int64_t until_ms = healed_ms + work_left_ms(r) * 3 / 2 + SLACK_MS;
    for (uint32_t i = 0; i < j->count; i++) {
        uint32_t place = i == 0 ? reader : i % r->mesh->count;
        if (j->list[i].id[0] && !jobs_judge(j, &j->list[i], place, until_ms, what, sizeof what))
            return run_fail(r, "%s", what);
    }
    *took_ms = proc_clock_ms() - healed_ms;
    for (uint32_t i = 0; i < j->count; i++)
        if (j->list[i].id[0] && !verify(r, &j->list[i], what, sizeof what))
            return run_fail(r, "%s", what);
    return true;
}

/* After an orderly end a folder has keys, journal and lock. What a socket, an announcement or a
 * half-written file leaves behind is named. */
static bool is_expected(void *ctx, const char *path)
{
    char *left = ctx;
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    size_t len = strlen(name);
    bool over = strcmp(name, "control") == 0 || (len > 5 && strcmp(name + len - 5, ".addr") == 0) ||
                strstr(name, ".tmp");
    if (over)
        snprintf(left, PATH_SIZE, "%.200s", path);
    return !over;
}

static bool name_first(void *ctx, const char *path)
{
    snprintf(ctx, PATH_SIZE, "%.200s", path);
    return false;
}

static bool look_for_files(struct run *r)
{
    char path[PATH_SIZE + 8], left[PATH_SIZE] = "";
    snprintf(path, sizeof path, "%s/home", r->mesh->folder);
    tree_walk(path, is_expected, left);
    snprintf(path, sizeof path, "%s/tmp", r->mesh->folder);
    if (!left[0])
        tree_walk(path, name_first, left);
    if (!left[0])
        return true;
    return run_fail(r, "left behind: the file %s", left);
}

/* After a failure what is on them is kept beside the logs. */
static void unmount_disks(const struct mesh *m, bool keep)
{
    char path[PATH_SIZE], copy[PATH_SIZE];
    for (uint32_t i = 0; i < m->count; i++) {
        snprintf(path, sizeof path, "%.180s/home/nodes/%u", m->folder, (unsigned)m->places[i].port);
        snprintf(copy, sizeof copy, "%.180s/%s.disk", m->folder, m->places[i].name);
        const char *const argv[] = {"cp", "-a", path, copy, NULL};
        if (m->places[i].has_disk && keep)
            (void)proc_run(argv, -1, COPY_MS, NULL, 0);
        if (m->places[i].has_disk)
            umount(path);
    }
}

bool verdict_end(struct run *r, const struct before *b)
{
    char left[WHAT_SIZE];
    struct mesh *m = r->mesh;
    bool had_failed = r->what[0] != 0;
    bool good = mesh_end(m, left, sizeof left) || run_fail(r, "%s", left);
    good = good && look_for_files(r);
    if (proc_end_all(LEFT_MS, left, sizeof left) > 0 && good)
        good = run_fail(r, "left behind: processes %s", left);
    unmount_disks(m, !good || had_failed);
    net_close(&m->net);
    /* Mounts elsewhere are other people's. */
    if (good && tree_line_with("/proc/self/mountinfo", m->folder, left, sizeof left))
        good = run_fail(r, "left behind: the mount %s", left);
    if (good && more_groups_stay(b->groups))
        good = run_fail(r, "left behind: a control group");
    if (!good || had_failed)
        return false;
    return tree_remove(m->folder) || run_fail(r, "the run's folder could not be removed");
}
