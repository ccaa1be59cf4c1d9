#include "core/node/node.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/act_ask.h"
#include "core/node/act_effect.h"
#include "core/node/acts.h"
#include "core/node/aside.h"
#include "core/node/assign.h"
#include "core/node/bulk.h"
#include "core/node/copies.h"
#include "core/node/directory.h"
#include "core/node/door.h"
#include "core/node/drain.h"
#include "core/node/events.h"
#include "core/node/evidence.h"
#include "core/node/forget.h"
#include "core/node/greet.h"
#include "core/node/holder.h"
#include "core/node/holder_tend.h"
#include "core/node/introduce.h"
#include "core/node/joblog.h"
#include "core/node/jobs.h"
#include "core/node/keep.h"
#include "core/node/keeping.h"
#include "core/node/kill.h"
#include "core/node/labour.h"
#include "core/node/labour_inputs.h"
#include "core/node/labour_report.h"
#include "core/node/lag.h"
#include "core/node/lead.h"
#include "core/node/lead_values.h"
#include "core/node/link.h"
#include "core/node/linked.h"
#include "core/node/listing.h"
#include "core/node/meet.h"
#include "core/node/objects.h"
#include "core/node/offence.h"
#include "core/node/owners.h"
#include "core/node/permit.h"
#include "core/node/ports.h"
#include "core/node/quarantine.h"
#include "core/node/reach.h"
#include "core/node/record.h"
#include "core/node/replica.h"
#include "core/node/report.h"
#include "core/node/request.h"
#include "core/node/revoked.h"
#include "core/node/room.h"
#include "core/node/roots.h"
#include "core/node/round.h"
#include "core/node/seal.h"
#include "core/node/session.h"
#include "core/node/shares.h"
#include "core/node/show_stages.h"
#include "core/node/snapshot.h"
#include "core/node/stage_views.h"
#include "core/node/stale.h"
#include "core/node/stop.h"
#include "core/node/submit.h"
#include "core/node/unlike.h"
#include "core/node/user_link.h"
#include "core/node/watch.h"
#include "core/node/watchers.h"
#include "core/node/workers.h"

#define INBOX_ROUNDS_MAX 100000

/* Whoever asks may go on without, and then something is done by half: a refusal is noticed here,
 * whatever becomes of it. */
static void *noticing_resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    struct node *n = ctx;
    void *p = n->given->resize(n->given->ctx, old, old_size, new_size);

#if VELUM_PLANT != 682 /* trace/test_starved: memory that is refused is noticed only by who asked */
    n->memory_out |= p == NULL && new_size > 0;
#endif
    return p;
}

int node_new(struct node **out, const struct alloc *alloc, const struct node_options *options)
{
    struct node *n = alloc_zeroed(alloc, sizeof *n);
    int rc;

    *out = NULL;
    if (n == NULL)
        return ERR_NO_MEMORY;
    n->given = alloc;
    n->noticing = (struct alloc){noticing_resize, n};
    n->alloc = &n->noticing;
    n->options = *options;
    n->limits = options->limits != NULL ? *options->limits : node_limits_usual;
    n->options.limits = NULL;
    n->now = n->started = n->view_changed = options->now;
    n->wall_s = options->wall_s;
    n->replenish_at = options->now;
    n->directory_flush = n->round_at = n->forget_at = n->keep_at = INSTANT_NEVER;
    n->commit_at = INSTANT_NEVER;
    calendar_begin(n);
    prng_init(&n->prng, options->seed);
#if VELUM_PLANT != 660 /* trace/test_submit: what a life before asked is answered to the next one */
    n->token_counter = (uint32_t)options->boot;
#endif
    n->keeps_told = true;
    map_init(&n->links, n->alloc, sizeof(uint64_t), n->limits.connections);
    map_init(&n->jobs, n->alloc, ID_SIZE, 2 * JOBS_LIVE_MAX + JOBS_KEPT_MAX);
    map_init(&n->stale, n->alloc, ID_SIZE, STALE_MAX);
    tombs_init(&n->tombs, n->alloc, TOMBSTONES_MAX);
    directory_init(n);
    watchers_init(n);
    map_init(&n->keeping, n->alloc, ID_SIZE, KEEPING_MAX);
    map_init(&n->owners, n->alloc, ID_SIZE, KEEPING_MAX);
    map_init(&n->sites, n->alloc, ID_SIZE, MESH_MEMBERS_MAX + 1);
    shares_init(n);
    acts_init(n);
    n->memory_out |= events_new(n) < 0;
    n->options.certificate = bytes_copy(n, options->certificate);
    n->options.kernels = NULL;
    if (options->kernels_count > 0)
        n->kernels = alloc_array(n->alloc, options->kernels_count, sizeof *n->kernels);
    n->memory_out |= introduce_new(n) < 0;
    rc = options->slots == 0 || options->slots > 1024                          ? ERR_ARGUMENT
         : n->memory_out || (options->kernels_count > 0 && n->kernels == NULL) ? ERR_NO_MEMORY
                                                                               : ports_make_mesh(n);
    if (rc == 0)
        rc = objects_new(n);
    if (rc < 0) {
        node_free(n);
        return rc;
    }
    if (options->kernels_count > 0)
        memcpy(n->kernels, options->kernels, options->kernels_count * sizeof *n->kernels);
    *out = n;
    return 0;
}

void node_free(struct node *n)
{
    struct site *s;
    struct actions quiet;
    size_t at = 0;

    if (n == NULL)
        return;
    /* Jobs say goodbye to workers and peers when they go; nobody listens any more. */
    actions_init(&quiet, n->alloc);
    n->out = &quiet;
    watchers_free(n);
    listings_free(n);
    stage_views_free(n);
    kills_free(n);
    forwards_free(n);
    requests_free(n);
    show_stages_free(n);
    session_routes_free(n);
    objects_free(n);
    offences_free(n);
    quarantine_free(n);
    snapshot_clear(n);
    keeping_free(n);
    owners_free(n);
    events_free(n);
    jobs_free(n);
    shares_free(n);
    directory_free(n);
    workers_free(n);
    waits_free(n);
    acts_free(n);
    greetings_free(n);
    roots_free(n);
    while ((s = map_next(&n->sites, &at)) != NULL)
        alloc_free(n->alloc, s, sizeof *s);
    map_clear(&n->sites);
    alloc_free(n->alloc, (void *)n->free_sites, n->free_cap * sizeof *n->free_sites);
    linked_free(n);
    node_links_free(n);
    mesh_free(n->mesh);
    introduce_free(n);
    alloc_free(n->alloc, n->news, n->news_cap * sizeof *n->news);
    alloc_free(n->alloc, n->kernels, n->options.kernels_count * sizeof *n->kernels);
    bytes_free(n, n->options.certificate);
    actions_clear(&quiet);
    alloc_free(n->given, n, sizeof *n);
}

/* Replay writes nothing: a job that has ended shrinks without a word. */
int node_replay(struct node *n, uint16_t type, struct bytes payload)
{
    struct actions quiet;
    int rc;

    actions_init(&quiet, n->alloc);
    n->out = &quiet;
    n->replaying = true;
    rc = jobs_replay(n, type, payload);
    n->replaying = false;
    n->out = NULL;
    actions_clear(&quiet);
    n->ticket_last = n->ticket_synced = 0;
    return n->memory_out ? ERR_NO_MEMORY : rc;
}

/* --- one step --- */

static void member_lost(struct node *n, struct node_id id)
{
    struct job *j, *next;

    for (j = n->live_jobs; j != NULL; j = next) {
        next = j->next_live;
        lead_node_gone(j, id);
        job_mark_busy(j);
    }
    submit_node_gone(n, id);
    watch_node_gone(n, id);
}

static void member_doubted(struct node *n, struct node_id id, bool doubt)
{
    for (struct job *j = n->live_jobs; j != NULL; j = j->next_live)
        lead_node_doubt(j, id, doubt);
}

static void peer_up(struct node *n, const struct member *m)
{
    if (!meet_peer(n, m))
        return;
    greet_peer(n, m->info->id);
    request_peer_up(n);
    roots_greet(n, m->info->id);
    labour_peer_up(n, m->info->id);
    n->assign_wanted = true;
}

static void peer_down(struct node *n, struct node_id id)
{
    for (struct job *j = n->live_jobs; j != NULL; j = j->next_live)
        replica_down(j, id);
    keep_peer_down(n, id);
}

/* Suspected with its connection refused, dead or gone for good: its leaves are free at once.
 * Suspected in silence, or away: only doubted. */
static void look_at_peer(struct node *n, const struct peer_news *news)
{
    const struct member *m = mesh_find(n->mesh, news->id);
    bool gone;

    if (m == NULL)
        return;
    gone = m->state == NODE_DEAD || m->state == NODE_LEFT ||
           (m->state == NODE_SUSPECT && m->link == 0);
    if (news->link_down)
        peer_down(n, news->id);
    if (gone)
        member_lost(n, news->id);
    else if (news->state)
        member_doubted(n, news->id, m->state == NODE_SUSPECT || m->state == NODE_AWAY);
    if (news->link_up)
        peer_up(n, m);
    if (news->state || news->link_up)
        holder_tend_all(n);
}

static void look_at_news(struct node *n)
{
    struct peer_news news;

    for (uint32_t i = 0; i < n->news_count; i++) {
        news = n->news[i];
        look_at_peer(n, &news);
    }
    n->news_count = 0;
}

static int peer_frame(struct node *n, struct node_id from, uint8_t type, uint32_t request,
                      struct bytes payload)
{
    switch (type) {
    case MESSAGE_DIRECTORY:
        return directory_frame(n, from, payload);
    case MESSAGE_FORWARD:
        return submit_forward(n, from, request, payload);
    case MESSAGE_FORWARDED:
        return submit_forwarded(n, from, request, payload);
    case MESSAGE_FACTS:
        return holder_facts(n, from, payload);
    case MESSAGE_FACTS_KEPT:
        return holder_facts_kept(n, from, payload);
    case MESSAGE_SYNC:
        return holder_sync(n, from, payload);
    case MESSAGE_GRANT:
        return labour_grant(n, from, payload);
    case MESSAGE_KEPT:
        return labour_report_kept(n, from, payload);
    case MESSAGE_TRIM:
        return labour_trim(n, from, payload);
    case MESSAGE_INPUT_WANT:
        return lead_values_wanted(n, from, payload);
    case MESSAGE_INPUT_VALUES:
        return labour_inputs_values(n, from, payload);
    case MESSAGE_CLAIM:
        return labour_claim(n, from, payload);
    case MESSAGE_OBJECT_KEEP:
    case MESSAGE_OBJECT_HAVE:
    case MESSAGE_OBJECT_SEEK:
        return copies_frame(n, from, type, payload);
    case MESSAGE_OBJECT_FULL:
        return room_frame(n, from, payload);
    case MESSAGE_OBJECT_OWNER:
        return owner_frame(n, from, payload);
    case MESSAGE_STOP:
        return labour_stop(n, from, payload);
    case MESSAGE_REPORT:
        return report_take(n, from, payload);
    case MESSAGE_RETURN:
        return report_returned(n, from, payload);
    case MESSAGE_OPEN:
        return report_open(n, from, payload);
    case MESSAGE_LOG:
        return joblog_frame(n, from, payload);
    case MESSAGE_CANCEL:
        return kill_cancel(n, from, request, payload);
    case MESSAGE_CANCELLED:
        return kill_cancelled(n, from, request, payload);
    case MESSAGE_WATCH:
        return watch_frame(n, from, request, payload);
    case MESSAGE_STATE:
        return watch_state(n, from, payload);
    case MESSAGE_LOGS:
        return request_logs_peer(n, from, request, payload);
    case MESSAGE_STAGES:
        return show_stages_peer(n, from, request, payload);
    case MESSAGE_STAGES_TOLD:
        return show_stages_told(n, from, request, payload);
    case MESSAGE_SESSION:
        return session_peer(n, from, request, payload);
    case MESSAGE_SESSION_TOLD:
        return session_told(n, from, request, payload);
    case MESSAGE_SESSION_REFUSED:
        return session_refused(n, from, request, payload);
    case MESSAGE_LOG_TAIL:
        return request_log_tail(n, from, request, payload);
    default:
        return 0; /* a newer node may say more than this one understands */
    }
}

/* What found no memory may be done by half, as a fact that is in the ledger and in no record. */
static int job_frame(struct node *n, struct node_id from, uint8_t type, uint32_t request,
                     struct bytes payload)
{
    int rc = type < MESSAGE_DIRECTORY   ? introduce_frame(n, from, type, payload)
             : type == MESSAGE_UNLIKE   ? unlike_heard(n, from, payload)
             : type == MESSAGE_ACT      ? acts_frame(n, from, request, payload)
             : type == MESSAGE_ROOTS    ? roots_heard(n, from, payload)
             : type == MESSAGE_EVIDENCE ? evidence_frame(n, from, payload)
                                        : peer_frame(n, from, type, request, payload);

    n->memory_out |= rc == ERR_NO_MEMORY;
    return rc;
}

static int node_link_frame(struct node *n, struct link_entry *l, const struct frame *f)
{
    uint64_t link = l->link;
    struct node_id from = l->id;
    int rc;

    if (f->type <= MESSAGE_RUMORS) {
        /* Mesh has already forgotten a link it refuses. */
        rc = mesh_frame(n->mesh, link, f, n->now);
        if (rc < 0 && link_find(n, link) != NULL) {
            event_link(n, l, message_name(f->type));
            ports_close(n, link);
        }
        return rc;
    }
    /* Who says HELLO to a node that was revoked says nothing but that. */
    if (mesh_link_peer(n->mesh, link) == NULL) {
        if (f->type == MESSAGE_ACT)
            (void)acts_frame(n, from, 0, f->payload);
        return 0;
    }
    mesh_heard(n->mesh, link, n->now);
    rc = f->type == MESSAGE_COUNT     ? link_count(n, l, f->payload)
         : f->type == MESSAGE_COUNTED ? link_counted(l, f->payload)
                                      : job_frame(n, from, f->type, f->request, f->payload);
    if (f->type != MESSAGE_ACT)
        event_forged(n, from, (struct job_id){{0}}, rc);
    if (rc < 0 && rc != ERR_NO_MEMORY)
        log_line(n->options.log, LOG_WARNING, "a %s from a peer was refused: %s",
                 message_name(f->type), err_sentence(rc));
    return rc;
}

static void link_frame(struct node *n, uint64_t link, const struct frame *f)
{
    struct link_entry *l = link_find(n, link);
    int rc = 0;

    if (l == NULL)
        return;
    if (party_is_user(l->party)) {
        l->used = n->now;
        if (permit_frame(n, l, f))
            request_frame(n, l, f);
        return;
    }
    offence_begin(n, l->id);
    if (permit_frame(n, l, f))
        rc = node_link_frame(n, l, f);
    else if (permit_of(PARTY_USER, f->type) != PERMIT_NO)
        rc = ERR_FORMAT; /* a newer node says more, but asks nothing of users' */
    offence_end(n, rc);
}

static void handle(struct node *n, const struct event *ev)
{
    switch (ev->kind) {
    case EVENT_TICK:
        lag_note(n, ev->tick.late_us);
        break;
    case EVENT_LINK_UP:
        door_link_up(n, ev);
        break;
    case EVENT_LINK_DOWN:
        door_link_down(n, ev);
        break;
    case EVENT_DIAL_FAILED:
        door_dial_failed(n, ev->dial_failed.dial, ev->dial_failed.end);
        break;
    case EVENT_FRAME:
        if (!bulk_frame(n, ev->frame.link, &ev->frame.frame))
            link_frame(n, ev->frame.link, &ev->frame.frame);
        break;
    case EVENT_STORED:
        record_stored(n, ev->stored.ticket, ev->stored.rc);
        break;
    case EVENT_DISK:
        event_disk(n, ev->disk.full, ev->disk.silent);
        break;
    case EVENT_WORKER_FRAME:
        workers_frame(n, ev->worker_frame.worker, &ev->worker_frame.frame);
        break;
    case EVENT_WORKER_OUTPUT:
        workers_output(n, ev->worker_output.worker, ev->worker_output.text);
        break;
    case EVENT_WORKER_EXITED:
        workers_exited(n, ev);
        break;
    case EVENT_CERTIFICATE:
        seal_renewed(n, ev->certificate.der);
        break;
    case EVENT_ROOTS:
        roots_known(n, ev);
        break;
    case EVENT_HINT:
        mesh_hint(n->mesh, ev->hint.addr, n->now);
        break;
    case EVENT_ADDRESS:
        reach_address(n, ev->address.addr);
        break;
    case EVENT_MOVED:
        objects_moved(n, &ev->moved.frame);
        break;
    case EVENT_MOVER:
        objects_mover(n);
        break;
    case EVENT_AUDIT:
        event_note(n, ev->audit.kind, (struct node_id){0}, ev->audit.subject, ev->audit.text);
        break;
    case EVENT_STOP:
        stop_begin(n);
        break;
    }
}

static void drain_inbox(struct node *n)
{
    struct inbox_item *item;

    for (uint32_t i = 0; i < INBOX_ROUNDS_MAX && (item = n->inbox_first) != NULL; i++) {
        n->inbox_first = item->next;
        if (n->inbox_first == NULL)
            n->inbox_last = NULL;
        job_frame(n, n->options.id, item->type, item->request, item->payload);
        bytes_free(n, item->payload);
        alloc_free(n->alloc, item, sizeof *item);
    }
}

static void settle_jobs(struct node *n)
{
    struct job *j;

    while ((j = n->busy_jobs) != NULL) {
        n->busy_jobs = j->next_busy;
        j->busy = false;
        if (j->ledger == NULL)
            continue;
        holder_tend(j);
        if (j->lead != NULL)
            lead_tick(j);
        record_settle(j);
        sessions_settle(j);
    }
}

static void tell_load(struct node *n)
{
    uint32_t busy = workers_busy(n);
#if VELUM_PLANT == 908 /* trace/test_drain: whoever drains coordinates as before */
    bool keeps = member_keeps(n, n->options.id);
#else
    bool keeps = member_keeps(n, n->options.id) && !drain_is_on(n);
#endif
    double speed_units_s = n->speed_units_us * 1e6;

    /* A node whose disk takes nothing, or that drains, says so, and is no holder until then. */
    if (keeps != n->keeps_told) {
        n->keeps_told = keeps;
        mesh_set_recovering(n->mesh, !keeps, n->now);
    }
    if (busy == n->busy_told)
        return;
    n->busy_told = busy;
    /* A leaf's units are what its job says they are: more a second than any integer holds. */
    mesh_set_load(n->mesh, busy, speed_units_s < 0x1p64 ? (uint64_t)speed_units_s : UINT64_MAX,
                  n->now);
}

/* Everything that follows from an event, until nothing follows any more. */
static void settle(struct node *n)
{
    /* Reports may wait for what is written and copied now. */
    objects_settle(n);
    for (int i = 0; i < 64; i++) {
        look_at_news(n);
        drain_inbox(n);
        greet_run(n);
        labour_report_flush_due(n);
        if (n->assign_wanted)
            assign_all(n);
        settle_jobs(n);
        if (n->serve_wanted)
            workers_serve(n);
        if (n->inbox_first == NULL && n->news_count == 0 && !n->assign_wanted && !n->serve_wanted &&
            n->busy_jobs == NULL)
            break;
    }
    objects_settle(n);
    workers_start_ready(n);
    directory_flush(n);
    tell_load(n);
}

int node_step(struct node *n, const struct event *ev, struct actions *out)
{
    n->out = out;
    n->now = ev->now;
    n->wall_s = ev->wall_s;
    round_forgive_pause(n);
    jobs_go_on(n);
    mesh_tick(n->mesh, n->now);
    handle(n, ev);
    introduce_run(n);
    waits_run(n);
    record_commits(n);
    listings_run(n);
    stage_views_run(n);
    round_run(n);
    drain_tick(n);
    forget_tick(n);
    owners_tick(n);
    settle(n);
    snapshot_tick(n);
    round_arm(n);
    stop_finish(n);
    n->out = NULL;
    return n->memory_out ? ERR_NO_MEMORY : 0;
}

int node_start(struct node *n, struct instant now, struct actions *out)
{
    struct job *j;
    size_t at = 0;

    n->out = out;
    n->now = n->started = n->calendar.at = now;
    event_note(n, EVENT_NOTE_STARTED, (struct node_id){0}, n->options.id.bytes, n->options.version);
    forget_now(n);
#if VELUM_PLANT != 678 /* trace/test_stale: what was to be set aside at a crash goes on */
    stale_look(n);
#endif
    while ((j = map_next(&n->jobs, &at)) != NULL) {
        job_learn_age(j, true);
        directory_publish(j);
        job_mark_busy(j);
    }
    act_effects(n);
    objects_start(n);
    settle(n);
    round_arm(n);
    n->out = NULL;
    return n->memory_out ? ERR_NO_MEMORY : 0;
}

struct instant node_due(const struct node *n)
{
    struct instant due = mesh_due(n->mesh);

    due = instant_first(instant_first(due, n->round_at), n->commit_at);
    due = instant_first(due, n->kept_more ? n->now : n->forget_at);
    due = instant_first(due, labour_report_flush_at(n));
    if (waits_are_due(n) || listings_are_due(n) || stage_views_are_due(n) || n->later_jobs != NULL)
        due = n->now;
    due = instant_first(instant_first(due, snapshot_due(n)), introduce_due(n));
    due = instant_first(instant_first(due, owners_due(n)), drain_due(n));
    if (n->directory_dirty)
        due = instant_first(due, n->directory_flush);
    if (!n->stopping)
        due = instant_first(due, n->replenish_at);
    else if (!n->exited)
        due = instant_first(due, n->stop_until);
    return due;
}
