#include "core/host/driver.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/host/memory.h"
#include "core/host/mover_crew.h"
#include "core/host/spawner.h"
#include "core/host/spin.h"
#include "core/wire/message.h"

#define QUEUE_MAX 65536
#define EXIT_US (500 * MS_US)
#define STOP_US (1900 * MS_US)
#define QUIET_US (2 * S_US)                    /* without a record: then memory is given back */
#define GIVE_BACK_AGAIN_US (60 * S_US)         /* but not more often */
#define COMPACT_BYTES_MIN ((uint64_t)32 << 20) /* a journal below this is left alone */
#define LATE_US (100 * MS_US)                  /* from here on a late loop is worth a line */

/* An event that arose inside a step, with a copy of what it points at. */
struct waiting {
    struct event event;
    uint8_t *copy;
    struct waiting *next;
};

struct driver {
    struct driver_parts parts;
    struct linkset *links;
    struct crew *crew;
    struct mover_crew *mover; /* NULL: this node keeps no objects */
    struct watch *disk_watch;
    struct actions actions;
    struct waiting *first, **last;
    uint32_t waiting;
    bool stepping;
    bool stored_at_once; /* tickets to report done, where there is no journal */
    uint64_t stored_ticket;
    bool stopping;
    bool exiting;
    int code;
    struct instant stop_by;
    struct instant exit_by;
    struct instant compact_after;
    struct instant give_back_at; /* when it has been quiet for a while; INSTANT_NEVER: done */
    struct instant give_back_after;
    struct instant due;          /* node_due as it was when the loop began to wait */
    struct instant disk_look_at; /* whether it answers; INSTANT_NEVER: nothing waits for it */
    bool disk_full, disk_silent; /* as the core was told */
    uint32_t peers;
    struct spin spin;
};

static void driver_exit(struct driver *d, int code)
{
    if (d->exiting)
        return;
    d->exiting = true;
    d->code = code;
    d->exit_by = instant_plus_us(loop_clock(), EXIT_US);
}

/* The core must not go on having lost an event or an action. What the step had to say until then is
 * not said either: it may be half a sentence, and a node that ends between two steps is no news. */
static void driver_out_of_memory(struct driver *d)
{
    log_line(d->parts.log, LOG_ERROR, "out of memory: the node ends");
    driver_exit(d, 1);
}

/* The bytes an event points at, to be copied and pointed at anew. */
static struct bytes *event_bytes(struct event *ev)
{
    switch (ev->kind) {
    case EVENT_LINK_UP:
        return &ev->link_up.certificate;
    case EVENT_FRAME:
        return &ev->frame.frame.payload;
    case EVENT_WORKER_FRAME:
        return &ev->worker_frame.frame.payload;
    case EVENT_WORKER_OUTPUT:
        return &ev->worker_output.text;
    case EVENT_MOVED:
        return &ev->moved.frame.payload;
    default:
        return NULL;
    }
}

static void queue_event(struct driver *d, const struct event *ev)
{
    struct waiting *w = d->waiting < QUEUE_MAX ? calloc(1, sizeof *w) : NULL;
    if (!w) {
        driver_out_of_memory(d);
        return;
    }
    w->event = *ev;
    struct bytes *bytes = event_bytes(&w->event);
    if (bytes && bytes->len > 0) {
        w->copy = malloc(bytes->len);
        if (!w->copy) {
            free(w);
            driver_out_of_memory(d);
            return;
        }
        memcpy(w->copy, bytes->data, bytes->len);
        bytes->data = w->copy;
    }
    *d->last = w;
    d->last = &w->next;
    d->waiting++;
}

static struct waiting *unqueue(struct driver *d)
{
    struct waiting *w = d->first;
    if (!w)
        return NULL;
    d->first = w->next;
    if (!d->first)
        d->last = &d->first;
    d->waiting--;
    return w;
}

static void waiting_free(struct waiting *w)
{
    free(w->copy);
    free(w);
}

static void tell_stored(struct driver *d, uint64_t ticket, int rc)
{
    struct event ev = {.kind = EVENT_STORED, .stored = {.ticket = ticket, .rc = rc}};
    driver_event(d, &ev);
}

static void perform_send(struct driver *d, const struct action *a, struct bytes payload)
{
    if (a->link == DRIVER_USER_LINK && d->parts.user_frame) {
        struct frame frame = {(uint8_t)a->type, a->request, payload};
        d->parts.user_frame(d->parts.ctx, &frame);
        return;
    }
    linkset_send(d->links, a->link, (uint8_t)a->type, a->request, payload);
}

static void perform_dial(struct driver *d, const struct action *a)
{
    if (linkset_dial(d->links, a->dial, a->addr, &a->id, a->bulk) == 0)
        return;
    struct event ev = {.kind = EVENT_DIAL_FAILED,
                       .dial_failed = {.dial = a->dial, .end = DIAL_FAILED}};
    driver_event(d, &ev);
}

/* A slice that finds no memory is lost, and the COMPACT it was for is refused. */
static int compact_disk(struct driver *d, const struct action *a, struct bytes payload)
{
    int rc = disk_slice(d->parts.disk, a->first, payload);
    return rc == 0 && a->kind == ACTION_COMPACT ? disk_compact(d->parts.disk, a->ticket) : rc;
}

static void perform_store(struct driver *d, const struct action *a, struct bytes payload)
{
    if (!d->parts.disk && a->kind == ACTION_SNAPSHOT)
        return;
    if (!d->parts.disk) {
        d->stored_at_once = true;
        d->stored_ticket = a->ticket;
        return;
    }
    if (d->disk_look_at.us == INSTANT_NEVER.us)
        d->disk_look_at = instant_plus_us(loop_clock(), DISK_SILENT_US);
    int rc = a->kind == ACTION_STORE ? disk_store(d->parts.disk, a->ticket, a->type, payload)
                                     : compact_disk(d, a, payload);
    if (rc < 0 && a->kind != ACTION_SNAPSHOT)
        tell_stored(d, a->ticket, rc);
}

static void perform_start(struct driver *d, const struct action *a)
{
    const int rc =
        a->builds ? crew_start_builder(d->crew, a->worker) : crew_start(d->crew, a->worker);
    if (rc >= 0)
        return;
    struct event ev = {.kind = EVENT_WORKER_EXITED,
                       .worker_exited = {.worker = a->worker, .end = WORKER_LOST}};
    driver_event(d, &ev);
}

static void perform_order(struct driver *d, const struct action *a, struct bytes payload)
{
    if (a->type == MESSAGE_ORDER_RUN || a->type == MESSAGE_ORDER_TASKS)
        spin_run_began(&d->spin, a->worker, order_first(payload));
    if (a->type == MESSAGE_ORDER_LOAD)
        crew_limit(d->crew, a->worker, payload);
    /* A worker that takes no more orders is stuck, and one that missed an order would wait for
     * ever: it ends, and its end is reported. */
    if (crew_order(d->crew, a->worker, (uint8_t)a->type, a->request, payload) < 0)
        crew_kill(d->crew, a->worker);
}

static void on_moved(void *ctx, const struct frame *frame)
{
    struct event ev = {.kind = EVENT_MOVED, .moved = {.frame = *frame}};
    driver_event(ctx, &ev);
}

static void on_mover(void *ctx)
{
    struct event ev = {.kind = EVENT_MOVER};
    driver_event(ctx, &ev);
}

/* Where nothing is kept there is no mover. */
static void refuse_move(struct driver *d, const struct action *a)
{
    uint8_t room[64];
    struct buf answer;
    buf_init_fixed(&answer, room, sizeof room);
    struct frame frame = {.request = a->request};
    frame.type = mover_crew_refuse(&answer, (uint8_t)a->type, ERR_UNSUPPORTED);
    frame.payload = buf_bytes(&answer);
    on_moved(d, &frame);
}

static void perform_move(struct driver *d, const struct action *a, struct bytes payload)
{
    if (!d->mover)
        refuse_move(d, a);
    else if (mover_crew_order(d->mover, (uint8_t)a->type, a->request, payload) < 0)
        driver_out_of_memory(d);
}

static void perform(struct driver *d, const struct action *a)
{
    struct bytes payload = actions_payload(&d->actions, a);
    switch (a->kind) {
    case ACTION_SEND:
        perform_send(d, a, payload);
        break;
    case ACTION_DIAL:
        perform_dial(d, a);
        break;
    case ACTION_CLOSE:
        linkset_close(d->links, a->link);
        break;
    case ACTION_STORE:
    case ACTION_SNAPSHOT:
    case ACTION_COMPACT:
        perform_store(d, a, payload);
        break;
    case ACTION_START:
        perform_start(d, a);
        break;
    case ACTION_ORDER:
        perform_order(d, a, payload);
        break;
    case ACTION_MOVE:
        perform_move(d, a, payload);
        break;
    case ACTION_KILL:
        crew_kill(d->crew, a->worker);
        break;
    case ACTION_ROOTS:
        if (d->parts.roots)
            d->parts.roots(d->parts.join_ctx, a->id, payload);
        break;
    case ACTION_EXIT:
        driver_exit(d, a->code ? a->code : d->code);
        break;
    }
}

static void perform_all(struct driver *d, int rc)
{
    if (rc < 0) {
        driver_out_of_memory(d);
        actions_reset(&d->actions);
    }
    for (size_t i = 0; i < d->actions.count; i++)
        perform(d, &d->actions.list[i]);
    actions_reset(&d->actions);
    if (!d->stored_at_once)
        return;
    d->stored_at_once = false;
    tell_stored(d, d->stored_ticket, 0);
}

static void step(struct driver *d, struct event *ev)
{
    if (d->exiting)
        return;
    ev->now = loop_clock();
    ev->wall_s = (int64_t)time(NULL);
    perform_all(d, node_step(d->parts.node, ev, &d->actions));
}

static void settle_waiting(struct driver *d)
{
    struct waiting *w;
    while ((w = unqueue(d)) != NULL) {
        step(d, &w->event);
        waiting_free(w);
    }
}

void driver_event(struct driver *d, struct event *ev)
{
    if (d->stepping) {
        queue_event(d, ev);
        return;
    }
    d->stepping = true;
    step(d, ev);
    settle_waiting(d);
    d->stepping = false;
}

/* Performs what a call of the core gave that was no event; what arises meanwhile is for later. */
static void driver_called(struct driver *d, int rc)
{
    ensure(!d->stepping);
    d->stepping = true;
    perform_all(d, rc);
    settle_waiting(d);
    d->stepping = false;
}

int driver_start(struct driver *d)
{
    driver_called(d, node_start(d->parts.node, loop_clock(), &d->actions));
    return d->exiting ? ERR_NO_MEMORY : 0;
}

static void on_up(void *ctx, uint64_t link, uint32_t dial, const struct link_peer *peer)
{
    struct driver *d = ctx;
    struct event ev = {.kind = EVENT_LINK_UP,
                       .link_up = {.link = link,
                                   .dial = dial,
                                   .party = peer->party,
                                   .bulk = peer->bulk,
                                   .id = peer->id,
                                   .certificate = peer->certificate}};
    d->peers += peer->party == PARTY_NODE;
    driver_event(d, &ev);
}

static void on_frame(void *ctx, uint64_t link, const struct frame *frame)
{
    struct event ev = {.kind = EVENT_FRAME, .frame = {.link = link, .frame = *frame}};
    driver_event(ctx, &ev);
}

static int on_join(void *ctx, const struct join_caller *from, struct bytes payload, uint8_t *type,
                   struct buf *answer)
{
    struct driver *d = ctx;
    return d->parts.join(d->parts.join_ctx, from, payload, type, answer);
}

static void on_down(void *ctx, uint64_t link, enum party party, enum link_end end, int fault,
                    uint8_t version)
{
    struct driver *d = ctx;
    struct event ev = {.kind = EVENT_LINK_DOWN, .link_down = {.link = link, .end = end}};
    if (fault == ERR_VERSION)
        log_line(d->parts.log, LOG_WARNING,
                 "somebody speaks protocol version %u, this node speaks %u: connection closed",
                 (unsigned)version, (unsigned)WIRE_VERSION);
    if (party == PARTY_NODE && d->peers > 0)
        d->peers--;
    if (end != LINK_ENDED || !d->exiting)
        driver_event(d, &ev);
}

static void on_dial_failed(void *ctx, uint32_t dial, enum dial_end end, int fault)
{
    (void)fault;
    struct event ev = {.kind = EVENT_DIAL_FAILED, .dial_failed = {.dial = dial, .end = end}};
    driver_event(ctx, &ev);
}

static void on_worker_frame(void *ctx, uint32_t worker, const struct frame *frame)
{
    struct driver *d = ctx;
    struct worker_progress progress;
    struct order_trim trim;
    struct event ev = {.kind = EVENT_WORKER_FRAME,
                       .worker_frame = {.worker = worker, .frame = *frame}};
    if (frame->type == MESSAGE_WORKER_PROGRESS &&
        read_worker_progress(frame->payload, &progress) == 0 && progress.ended)
        spin_run_ended(&d->spin, worker);
    if (frame->type == MESSAGE_WORKER_TRIMMED && read_order_trim(frame->payload, &trim) == 0)
        spin_run_cut(&d->spin, worker, trim.end);
    driver_event(d, &ev);
}

static void on_worker_output(void *ctx, uint32_t worker, struct bytes text)
{
    struct event ev = {.kind = EVENT_WORKER_OUTPUT,
                       .worker_output = {.worker = worker, .text = text}};
    driver_event(ctx, &ev);
}

static void on_worker_exited(void *ctx, uint32_t worker, enum worker_end end, int status,
                             uint64_t cpu_us)
{
    struct driver *d = ctx;
    struct event ev = {
        .kind = EVENT_WORKER_EXITED,
        .worker_exited = {.worker = worker, .end = end, .status = status, .cpu_us = cpu_us}};
    char why[SPAWNER_FAILURE_SIZE];
    if (end == WORKER_LOST && status != 0) {
        spawner_failure(status, why);
        ev.worker_exited.why = why;
    }
    spin_worker_gone(&d->spin, worker);
    driver_event(d, &ev);
}

static void on_stored(void *ctx, uint64_t ticket, int rc)
{
    struct driver *d = ctx;
    if (rc == 0) {
        /* Successes up to here are one event, told after the last of them. */
        d->stored_at_once = true;
        d->stored_ticket = ticket;
        return;
    }
    if (d->stored_at_once)
        tell_stored(d, d->stored_ticket, 0);
    d->stored_at_once = false;
    tell_stored(d, ticket, rc);
}

static void tell_disk(struct driver *d)
{
    struct event ev = {.kind = EVENT_DISK,
                       .disk = {.full = d->disk_full, .silent = d->disk_silent}};
    driver_event(d, &ev);
}

static void on_disk_state(void *ctx, bool full)
{
    struct driver *d = ctx;
    log_line(d->parts.log, LOG_WARNING,
             full ? "the disk is full: nothing is acknowledged until there is space"
                  : "the disk has space again");
    d->disk_full = full;
    tell_disk(d);
}

/* A sync may hang for as long as the device likes, and then only the time tells. What is full has
 * said so, and waits for space. */
static void look_at_disk(struct driver *d)
{
    const struct instant now = loop_clock();
    if (!instant_reached(now, d->disk_look_at))
        return;
    const struct instant by = instant_plus_us(disk_waits_since(d->parts.disk), DISK_SILENT_US);
    const bool late = instant_reached(now, by), silent = late && !d->disk_full;
    d->disk_look_at = late ? instant_plus_us(now, S_US) : by;
    if (silent == d->disk_silent)
        return;
    d->disk_silent = silent;
    if (silent)
        log_line(d->parts.log, LOG_WARNING,
                 "the disk has not answered for %d s: nothing is acknowledged until it does",
                 (int)(DISK_SILENT_US / S_US));
    else
        log_line(d->parts.log, LOG_WARNING, "the disk answers again");
    tell_disk(d);
}

/* A journal several times as long as what it says is written anew; the slices behind the first come
 * with the node's steps. */
static void compact_when_grown(struct driver *d)
{
    uint64_t bytes = disk_journal_bytes(d->parts.disk);
    if (d->exiting || bytes < COMPACT_BYTES_MIN || instant_before(loop_clock(), d->compact_after) ||
        bytes < 4 * node_journal_wants_bytes(d->parts.node))
        return;
    d->compact_after = instant_plus_us(loop_clock(), 10 * S_US);
    driver_called(d, node_compact(d->parts.node, &d->actions));
}

static void on_disk(void *ctx, bool readable, bool writable)
{
    struct driver *d = ctx;
    (void)readable;
    (void)writable;
    disk_poll(d->parts.disk, on_stored, on_disk_state, d);
    if (d->stored_at_once) {
        d->stored_at_once = false;
        tell_stored(d, d->stored_ticket, 0);
    }
    if (d->disk_silent)
        d->disk_look_at = loop_clock();
    compact_when_grown(d);
    d->give_back_at = instant_plus_us(loop_clock(), QUIET_US);
    if (instant_before(d->give_back_at, d->give_back_after))
        d->give_back_at = d->give_back_after;
}

static int open_disk_watch(struct driver *d)
{
    if (!d->parts.disk)
        return 0;
    d->disk_watch = watch_new(d->parts.loop, disk_fd(d->parts.disk), on_disk, d);
    if (!d->disk_watch)
        return ERR_NO_MEMORY;
    watch_set(d->disk_watch, true, false);
    return 0;
}

static int open_mover(struct driver *d)
{
    const struct mover_crew_events events = {d, on_moved, on_mover};
    if (!d->parts.objects)
        return 0;
    return mover_crew_open(&d->mover, d->parts.loop, d->parts.spawner->executable, d->parts.objects,
                           d->parts.objects_fleeting, MOVER_PATIENCE_US, d->parts.log, &events);
}

int driver_new(struct driver **out, const struct driver_parts *parts)
{
    struct driver *d = calloc(1, sizeof *d);
    if (!d)
        return ERR_NO_MEMORY;
    struct linkset_events links = {d,       on_up,          on_frame,
                                   on_down, on_dial_failed, parts->join ? on_join : NULL};
    struct crew_events crew = {d, on_worker_frame, on_worker_output, on_worker_exited};
    d->parts = *parts;
    d->last = &d->first;
    d->stop_by = d->exit_by = d->due = d->give_back_at = d->disk_look_at = INSTANT_NEVER;
    actions_init(&d->actions, &host_memory);
    spin_init(&d->spin);
    int rc = linkset_new(&d->links, parts->loop, parts->identity, parts->user, &links);
    if (rc == 0)
        linkset_bar(d->links, node_bars, parts->node);
    if (rc == 0)
        rc = open_disk_watch(d);
    if (rc == 0)
        rc = open_mover(d);
    if (rc == 0)
        rc = crew_open(&d->crew, parts->loop, parts->spawner, &parts->crew, &crew);
    if (rc < 0)
        driver_free(d);
    else
        *out = d;
    return rc;
}

void driver_free(struct driver *d)
{
    struct waiting *w;
    if (!d)
        return;
    crew_close(d->crew);
    mover_crew_close(d->mover);
    linkset_free(d->links);
    watch_free(d->disk_watch);
    while ((w = unqueue(d)) != NULL)
        waiting_free(w);
    actions_clear(&d->actions);
    free(d);
}

struct linkset *driver_linkset(struct driver *d)
{
    return d->links;
}

uint32_t driver_peers(const struct driver *d)
{
    return d->peers;
}

void driver_stop(struct driver *d, int code)
{
    struct event ev = {.kind = EVENT_STOP};
    if (d->stopping) {
        driver_exit(d, code);
        d->exit_by = (struct instant){0};
        return;
    }
    d->stopping = true;
    d->code = code;
    d->stop_by = instant_plus_us(loop_clock(), STOP_US);
    driver_event(d, &ev);
}

/* Says when the loop came late to what was due: probes are judged by such moments. */
static void tick(struct driver *d, struct instant now)
{
    struct event ev = {.kind = EVENT_TICK};
    int64_t late_us = d->due.us == INSTANT_NEVER.us ? 0 : instant_since_us(now, d->due);
    if (late_us > LATE_US)
        log_line(d->parts.log, LOG_INFO, "the loop came %lld ms late", (long long)(late_us / 1000));
    ev.tick.late_us = late_us;
    driver_event(d, &ev);
}

static bool wait_awake(struct driver *d)
{
    if (!node_reply_is_due(d->parts.node) || !spin_now(&d->spin))
        return false;
    struct instant end = instant_plus_us(loop_clock(), SPIN_US);
    bool came = false;
    do
        came = loop_poll(d->parts.loop);
    while (!came && !instant_reached(loop_clock(), end));
    spin_learn(&d->spin, came);
    return came;
}

static bool has_ended(struct driver *d)
{
    struct instant now = loop_clock();
    if (!d->exiting && instant_reached(now, d->stop_by))
        driver_exit(d, d->code);
    return d->exiting && (instant_reached(now, d->exit_by) || !linkset_have_unsent(d->links));
}

/* After a burst of jobs most of the heap is free: the rest of the machine may have it, once nothing
 * was written for a while. It is the one handler that may be long, some 10 ms where there are 100
 * MiB: so it waits until nobody waits for an answer, and is seldom. */
static void give_back(struct driver *d)
{
    struct instant now = loop_clock();
    if (!instant_reached(now, d->give_back_at))
        return;
    if (node_reply_is_due(d->parts.node)) {
        d->give_back_at = instant_plus_us(now, QUIET_US);
        return;
    }
    d->give_back_at = INSTANT_NEVER;
    d->give_back_after = instant_plus_us(now, GIVE_BACK_AGAIN_US);
    memory_give_back();
}

static struct instant due_of(const struct driver *d)
{
    if (d->exiting)
        return d->exit_by;
    return instant_first(instant_first(node_due(d->parts.node), d->stop_by),
                         instant_first(d->give_back_at, d->disk_look_at));
}

void driver_flush(struct driver *d)
{
    linkset_flush(d->links);
    mover_crew_flush(d->mover);
}

/* What is due is done, what was said is written: then the loop may wait. False with the code: all
 * has ended. */
static bool settle(struct driver *d, int *code)
{
    give_back(d);
    look_at_disk(d);
    if (!d->exiting && instant_reached(loop_clock(), node_due(d->parts.node)))
        tick(d, loop_clock());
    driver_flush(d);
    d->due = due_of(d);
    *code = d->code;
    return !has_ended(d);
}

bool driver_round(struct driver *d, struct instant until, int *code)
{
    if (!settle(d, code))
        return false;
    until = instant_first(until, d->due);
    if (instant_reached(loop_clock(), until) || !wait_awake(d))
        loop_once(d->parts.loop, until);
    driver_flush(d);
    return true;
}

bool driver_step(struct driver *d, int *code)
{
    if (!settle(d, code))
        return false;
    (void)loop_poll(d->parts.loop);
    driver_flush(d);
    return true;
}

struct instant driver_due(const struct driver *d)
{
    return instant_first(due_of(d), loop_due(d->parts.loop));
}
