#include "tests/chaos/driver/run.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/chaos/driver/proc.h"

#define TICK_MS 2
#define KNOW_MS 30000
#define HOLD_MAX_MS 60000 /* for a replacement, until the mesh is whole again */
#define HOLD_LOOK_MS 100

bool run_fail(struct run *r, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    if (!r->what[0])
        vsnprintf(r->what, sizeof r->what, format, list);
    va_end(list);
    return false;
}

static int32_t elapsed_ms(const struct run *r)
{
    return (int32_t)(proc_clock_ms() - r->began_ms);
}

static void say(const struct run *r, const char *what)
{
    printf("  %7.3f s  %s\n", elapsed_ms(r) / 1e3, what);
    fflush(stdout);
}

static bool put_later(struct run *r, enum later_kind kind, uint32_t mask, int32_t after_ms)
{
    if (r->laters == LATERS_MAX)
        return run_fail(r, "the driver has no room for what is to come");
    r->later[r->laters++] =
        (struct later){.at_ms = proc_clock_ms() + after_ms, .kind = kind, .mask = mask};
    return true;
}

static bool start_nodes(struct run *r, uint32_t mask)
{
    for (uint32_t i = 0; i < r->mesh->count; i++)
        if (mask >> i & 1 && r->mesh->places[i].pid <= 0 && !mesh_start(r->mesh, i))
            return run_fail(r, "a node could not be started");
    return true;
}

/* Whoever could not start by a wrong clock can now; whoever is down for another reason comes back
 * at the time of that. */
static bool clock_is_right(struct run *r, uint32_t i)
{
    mesh_wall(r->mesh, i, 0);
    for (uint32_t k = 0; k < r->laters; k++)
        if (r->later[k].kind == LATER_START && r->later[k].mask >> i & 1)
            return true;
    return start_nodes(r, 1u << i);
}

static bool do_later(struct run *r, const struct later *l)
{
    struct mesh *m = r->mesh;
    if (l->kind == LATER_START)
        return start_nodes(r, l->mask);
    if (l->kind == LATER_MEND)
        return net_mend(&m->net) || run_fail(r, "nft could not mend the partition");
    for (uint32_t i = 0; i < m->count; i++) {
        if (!(l->mask >> i & 1))
            continue;
        if (l->kind == LATER_CONTINUE)
            mesh_pause(m, i, false);
        else if (l->kind == LATER_RIGHT && !clock_is_right(r, i))
            return false;
        else if (l->kind == LATER_EMPTY && !mesh_fill(m, i, false))
            return run_fail(r, "a disk could not be emptied");
        else if (l->kind == LATER_PLUG && !net_link(&m->net, i, true))
            return run_fail(r, "ip could not bring a link up");
    }
    return true;
}

static bool do_laters(struct run *r, bool all)
{
    int64_t now = proc_clock_ms();
    for (uint32_t i = 0; i < r->laters;) {
        struct later l = r->later[i];
        if (!all && l.at_ms > now) {
            i++;
            continue;
        }
        r->later[i] = r->later[--r->laters];
        if (!do_later(r, &l))
            return false;
    }
    return true;
}

static bool kill_nodes(struct run *r, uint32_t mask, int32_t for_ms)
{
    uint32_t running = mesh_running(r->mesh) & mask;
    mesh_kill(r->mesh, running);
    return put_later(r, LATER_START, running, for_ms);
}

/* The command and the node it talked to die in one instant. */
static bool strike(struct run *r, struct job *job)
{
    proc_signal(job->client, SIGKILL);
    bool good = kill_nodes(r, 1u << job->place, job->down_ms);
    r->mesh->kills++;
    jobs_struck(r->jobs, job);
    return good;
}

static bool each(struct run *r, const struct act *a)
{
    for (uint32_t i = 0; i < r->mesh->count; i++) {
        if (!(a->mask >> i & 1))
            continue;
        if (a->kind == ACT_WORKER)
            mesh_kill_worker(r->mesh, i);
        else if (a->kind == ACT_SPAWNER)
            mesh_kill_spawner(r->mesh, i);
        else
            mesh_pause(r->mesh, i, true);
    }
    return a->kind != ACT_PAUSE || put_later(r, LATER_CONTINUE, a->mask, a->for_ms);
}

/* The mesh is whole: everybody sees everybody, and every job has its copies, ended or not. */
static bool is_whole(struct run *r)
{
    char text[32];
    const struct jobs *j = r->jobs;
    uint32_t n = r->mesh->count, copies = n < 3 ? n : 3;
    snprintf(r->missing, sizeof r->missing, "not everybody sees everybody");
    if (mesh_running(r->mesh) != (1u << n) - 1 || !mesh_is_whole(r->mesh, 0))
        return false;
    for (uint32_t i = 0; i < j->count; i++) {
        if (!j->list[i].id[0])
            continue;
        int code = jobs_field(j, &j->list[i], i % n, "durable", text, sizeof text);
        snprintf(r->missing, sizeof r->missing, "job %s has durable=%s at node %s (show: %d)",
                 j->list[i].id, text, r->mesh->places[i % n].name, code);
        if (strtoul(text, NULL, 10) < copies)
            return false;
    }
    return true;
}

/* A node goes for good when nothing is missing from the last time: G2 is about that. Returns false
 * while it has to wait. */
static bool may_replace(struct run *r)
{
    static int64_t looked_ms;
    int64_t now = proc_clock_ms();
    if (!r->held_since_ms)
        r->held_since_ms = now;
    if (now - r->held_since_ms > HOLD_MAX_MS)
        return run_fail(r, "the mesh is not whole again 60 s after a node was replaced: %s",
                        r->missing);
    if (now - looked_ms < HOLD_LOOK_MS)
        return false;
    looked_ms = now;
    if (!is_whole(r))
        return false;
    r->held_since_ms = 0;
    return true;
}

static bool replace_one(struct run *r, uint32_t i)
{
    char line[96], old[8];
    struct place *p = &r->mesh->places[i];
    snprintf(old, sizeof old, "%s", p->name);
    if (!mesh_replace(r->mesh, i))
        return run_fail(r, "the folder of a dead node could not be removed");
    snprintf(line, sizeof line, "node %s is gone for good, node %s comes", old, p->name);
    say(r, line);
    r->last_joined = i;
    return mesh_start(r->mesh, i) || run_fail(r, "a node could not be started");
}

static bool replace(struct run *r, const struct act *a)
{
    mesh_kill(r->mesh, a->mask);
    for (uint32_t i = 0; i < r->mesh->count; i++)
        if (a->mask >> i & 1 && !replace_one(r, i))
            return false;
    return true;
}

static bool do_act(struct run *r, const struct act *a)
{
    struct mesh *m = r->mesh;
    uint32_t size = (uint32_t)(a->at_ms % SIZES);
    switch (a->kind) {
    case ACT_KILL:
    case ACT_RESTART:
        return kill_nodes(r, a->mask, a->for_ms);
    case ACT_WORKER:
    case ACT_SPAWNER:
    case ACT_PAUSE:
        return each(r, a);
    case ACT_SUBMIT:
        jobs_submit(r->jobs, a->who, size, false, 0);
        return true;
    case ACT_SUBMITTER:
        jobs_submit(r->jobs, a->who, size, true, a->for_ms);
        return true;
    case ACT_FILL:
        return mesh_fill(m, a->who, true) ? put_later(r, LATER_EMPTY, a->mask, a->for_ms)
                                          : run_fail(r, "a disk could not be filled");
    case ACT_CLOCK:
        mesh_wall(m, a->who, a->seconds);
        return put_later(r, LATER_RIGHT, a->mask, a->for_ms);
    case ACT_CUT:
    case ACT_ONE_WAY:
        return net_cut(&m->net, a->mask, a->kind == ACT_ONE_WAY)
                   ? put_later(r, LATER_MEND, a->mask, a->for_ms)
                   : run_fail(r, "nft could not make a partition");
    case ACT_RESET:
        return net_reset(&m->net, a->mask) || run_fail(r, "ss could not reset connections");
    case ACT_LINK:
        return net_link(&m->net, a->who, false) ? put_later(r, LATER_PLUG, a->mask, a->for_ms)
                                                : run_fail(r, "ip could not take a link down");
    case ACT_REPLACE:
        return replace(r, a);
    case ACT_KINDS:
        break;
    }
    return run_fail(r, "an act without a meaning");
}

static bool do_acts(struct run *r)
{
    const struct schedule *s = r->schedule;
    while (r->next < s->count && s->acts[r->next].at_ms <= elapsed_ms(r)) {
        const struct act *a = &s->acts[r->next];
        if (a->kind == ACT_REPLACE && !may_replace(r))
            return !r->what[0];
        r->next++;
        if (!do_act(r, a))
            return false;
    }
    return true;
}

static bool round_of(struct run *r)
{
    struct job *job;
    char what[WHAT_SIZE];
    while ((job = jobs_poll(r->jobs)) != NULL)
        if (!strike(r, job))
            return false;
    if (!mesh_watch(r->mesh, what, sizeof what))
        return run_fail(r, "%s", what);
    return do_laters(r, false) && do_acts(r);
}

static bool heal(struct run *r)
{
    uint32_t all = (1u << r->mesh->count) - 1;
    if (!do_laters(r, true) || !start_nodes(r, all))
        return false;
    say(r, "healed");
    if (!mesh_is_whole(r->mesh, KNOW_MS))
        return run_fail(r, "not all nodes see each other 30 s after the heal");
    return true;
}

bool run_carry_out(struct run *r)
{
    r->began_ms = proc_clock_ms();
    while (r->next < r->schedule->count || r->laters > 0 || jobs_pending(r->jobs)) {
        if (!round_of(r))
            return false;
        proc_nap_ms(TICK_MS);
    }
    return heal(r);
}
