#include "core/node/round.h"

#include "core/node/act_ask.h"
#include "core/node/acts.h"
#include "core/node/copies.h"
#include "core/node/damage.h"
#include "core/node/directory.h"
#include "core/node/events.h"
#include "core/node/holder.h"
#include "core/node/holder_tend.h"
#include "core/node/jobs.h"
#include "core/node/keep.h"
#include "core/node/kill.h"
#include "core/node/labour.h"
#include "core/node/labour_inputs.h"
#include "core/node/labour_report.h"
#include "core/node/labour_tasks.h"
#include "core/node/objects.h"
#include "core/node/put.h"
#include "core/node/record.h"
#include "core/node/request.h"
#include "core/node/room.h"
#include "core/node/session.h"
#include "core/node/show_stages.h"
#include "core/node/submit.h"
#include "core/node/vouch.h"
#include "core/node/watch.h"
#include "core/node/workers.h"

#define STOOD_STILL_US S_US /* a round this late was not late because of others */
#define DUES_MAX 16 /* live jobs that are looked at after each step for when their round is due */

/* A job's share of the slow timers. */
static void round_job(struct node *n, struct job *j)
{
    holder_tend(j);
    if (j->ledger != NULL)
        keep_tend_live(j);
    if (j->lead != NULL && n->live_count <= 64 &&
        instant_since_us(n->now, j->lead->view_sent) > S_US) {
        j->lead->view_sent = n->now;
        directory_publish(j);
    }
    job_mark_busy(j);
}

/* A process that was stopped, or had no processor, looks at its timers before it reads what came
 * meanwhile. What it waits for has not been late by that, so every patience is prolonged, before
 * this event begins one anew. */
void round_forgive_pause(struct node *n)
{
    int64_t late_us = instant_since_us(n->now, n->round_at);

    if (late_us < STOOD_STILL_US)
        return;
    watch_late(n, late_us);
    kill_late(n, late_us);
    act_asks_late(n, late_us);
    submit_late(n, late_us);
    request_late(n, late_us);
    workers_late(n, late_us);
}

/* Who of the members cannot store is news for whoever places jobs. */
static void look_at_keepers(struct node *n)
{
    struct digest all = {{0}};

    if (!n->keepers_changed)
        return;
    n->keepers_changed = false;
    for (uint32_t i = 0; i < mesh_count(n->mesh); i++) {
        const struct profile *m = mesh_at(n->mesh, i)->info;

        for (size_t k = 0; m->recovering && k < ID_SIZE; k++)
            all.bytes[k] ^= m->id.bytes[k];
    }
    if (!digest_equal(all, n->keepers)) {
        n->view_changed = n->now;
        keep_look_again(n, 0);
    }
    n->keepers = all;
}

/* Many jobs take turns, so that no round is long. */
void round_run(struct node *n)
{
    struct job *j;

    if (!instant_reached(n->now, n->round_at))
        return;
    look_at_keepers(n);
    j = n->round_cursor != NULL ? n->round_cursor : n->live_jobs;
    for (uint32_t i = 0; i < n->limits.round_jobs && j != NULL; i++) {
        n->round_cursor = j->next_live;
        round_job(n, j);
        j = n->round_cursor;
    }
    n->round_cursor = j;
    watch_tick(n);
    kill_tick(n);
    act_asks_tick(n);
    acts_tick(n);
    submit_tick(n);
    request_tick(n);
    show_stages_tick(n);
    session_routes_tick(n);
    workers_limits(n);
    record_heal(n);
    labour_waits(n);
    labour_tasks_tick(n);
    labour_orphans(n);
    labour_inputs_tick(n);
    holder_compare_ended(n);
    keep_run(n);
    objects_tick(n);
    vouches_tick(n);
    events_tick(n, false);
    /* A node that gave chunks back is asked again after a while. */
    n->assign_wanted = n->sites_stale = true;
}

/* Something is under way that may go on at any time. */
static bool is_busy(const struct node *n)
{
    return n->live_count > DUES_MAX || n->watchers != NULL || n->kills != NULL ||
#if VELUM_PLANT != 619 /* trace/test_graph: nothing ends the wait for who is silent about stages */
           n->stages_waits != NULL ||
#endif
           n->forwards != NULL || n->logs != NULL || n->lookups != NULL || n->asides != NULL ||
           n->store_broken || n->acts.asks != NULL ||
#if VELUM_PLANT != 294 /* trace/test_copies: a quiet node does not see that a disk works again */
           n->keepers_changed ||
#endif
           !copies_are_quiet(n);
}

/* When a round has something to do. */
static struct instant next_due(const struct node *n)
{
    struct instant due = damage_due(n);

    if (is_busy(n))
        return n->now;
    for (const struct job *j = n->live_jobs; j != NULL; j = j->next_live)
        due = instant_first(due, holder_tend_due(j));
    due = instant_first(due, labour_round_due(n));
    due = instant_first(due, holder_compare_due(n));
    due = instant_first(due, session_routes_due(n));
    due = instant_first(due, room_due(n));
    due = instant_first(due, events_due(n));
    due = instant_first(due, puts_due(n));
    due = instant_first(due, acts_due(n));
    due = instant_first(due, vouches_due(n));
    return instant_first(due, keep_due(n));
}

/* What comes up waits for a round that is armed already, and otherwise limits.round_us at most, so
 * that rounds keep that distance. */
void round_arm(struct node *n)
{
    struct instant soon = instant_plus_us(n->now, n->limits.round_us), due = next_due(n);

    if (!instant_reached(n->now, n->round_at))
        soon = instant_first(soon, n->round_at);
    n->round_at = instant_before(due, soon) ? soon : due;
}
