#include "core/sim/sim_disk.h"

#include <string.h>

#include "core/base/err.h"
#include "core/sim/sim_check.h"
#include "core/sim/sim_node.h"

#define SEGMENT_BYTES 16384

struct replaying {
    struct world *w;
    struct sim_node *n;
};

static int replay(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    struct replaying *r = ctx;
    int rc = node_replay(r->n->core, type, payload);

    (void)sequence;
    sim_check_record(r->w, r->n, type, payload, r->n->disk.replayed);
    return rc;
}

static void tell_tap(const struct world *w, const struct sim_node *n)
{
    if (w->tap != NULL)
        w->tap->synced(w->tap->ctx, n->index);
}

bool sim_disk_open(struct world *w, struct sim_node *n)
{
    struct sim_disk *d = &n->disk;
    struct journal_options options = {.segment_bytes = SEGMENT_BYTES, .feature_level = 1};
    struct journal_report report;
    struct replaying r = {w, n};
    struct store store;
    int rc;

    if (d->store.alloc == NULL)
        sim_store_init(&d->store, w->alloc);
    store = w->tap == NULL ? d->store.store : w->tap->over(w->tap->ctx, n->index, &d->store.store);
    options.id[0] = (uint8_t)n->index;
    options.id[1] = (uint8_t)d->wipes;
    memset(d->replayed, 0, sizeof d->replayed);
    rc = journal_open(&d->journal, w->alloc, &store, &options, replay, &r, &report);
    if (rc < 0) {
        world_fail(w, err_sentence(rc), n->index, UINT32_MAX);
        return false;
    }
    tell_tap(w, n);
    world_trace(w, "%u: node%u replayed %u records, %u torn bytes", (unsigned)w->now, n->index,
                (unsigned)report.records, (unsigned)report.torn_bytes);
    sim_check_replayed(w, n);
    memcpy(d->held, d->replayed, sizeof d->held);
    return !w->failed;
}

static void begin(struct world *w, struct sim_node *n)
{
    struct sim_disk *d = &n->disk;

    if (d->busy || d->full || d->first == NULL)
        return;
    d->busy = true;
    d->writing = 0;
    for (struct stored_record *x = d->first; x != NULL; x = x->next) {
        if (x->compact && d->writing > 0)
            break;
        d->writing++;
        if (x->compact)
            break;
    }
    world_later(w, (int64_t)world_between(w, 100, 400), HAPPEN_STORED, n->index, 0, 0);
}

void sim_disk_store(struct world *w, struct sim_node *n, const struct action *a,
                    struct bytes payload)
{
    struct sim_disk *d = &n->disk;
    struct stored_record *x = world_alloc(w, sizeof *x);

    if (x == NULL)
        return;
    x->ticket = a->ticket;
    x->type = a->type;
    x->compact = a->kind == ACTION_COMPACT;
    buf_init(&x->payload, w->alloc, (size_t)1 << 30);
    put_raw(&x->payload, payload.data, payload.len);
    if (d->last == NULL)
        d->first = x;
    else
        d->last->next = x;
    d->last = x;
    begin(w, n);
}

static int write_out(struct sim_disk *d)
{
    struct stored_record *x = d->first;
    int rc = 0;

    if (x->compact)
        return journal_compact(d->journal, buf_bytes(&x->payload));
    for (uint32_t i = 0; i < d->writing && rc == 0; i++, x = x->next)
        rc = journal_append(d->journal, x->type, buf_bytes(&x->payload));
    return rc < 0 ? rc : journal_sync(d->journal);
}

static void record_drop(struct world *w, struct sim_disk *d)
{
    struct stored_record *x = d->first;

    d->first = x->next;
    if (d->first == NULL)
        d->last = NULL;
    buf_clear(&x->payload);
    alloc_free(w->alloc, x, sizeof *x);
}

/* As the host does it: a failed sync is tried once more, in a new segment; then the records are
 * given up and the node is told. */
static int write_stubbornly(struct world *w, struct sim_node *n)
{
    struct sim_disk *d = &n->disk;
    int rc = write_out(d);

    if (rc == ERR_SYNC && !d->first->compact)
        rc = journal_sync(d->journal);
    if (rc == ERR_SYNC && !d->first->compact)
        journal_discard(d->journal);
    if (rc < 0 && rc != ERR_SYNC)
        world_fail(w, err_sentence(rc), n->index, UINT32_MAX);
    return rc;
}

/* What a durable record says, or what the rows of a durable snapshot say. */
static void learn(struct world *w, struct sim_node *n, const struct stored_record *x)
{
    struct reader r = reader_of(buf_bytes(&x->payload));
    struct held has[SIM_JOBS_MAX];

    if (!x->compact) {
        sim_check_record(w, n, x->type, buf_bytes(&x->payload), n->disk.held);
        return;
    }
    memset(has, 0, sizeof has);
    while (reader_left(&r) > 0 && !r.failed) {
        uint16_t type = read_u16(&r);
        struct bytes payload = read_block(&r, JOURNAL_RECORD_BYTES_MAX);

        if (!r.failed)
            sim_check_record(w, n, type, payload, has);
    }
    sim_check_snapshot(w, n, has);
    memcpy(n->disk.held, has, sizeof has);
}

void sim_disk_synced(struct world *w, struct sim_node *n)
{
    struct sim_disk *d = &n->disk;
    struct event ev = {.kind = EVENT_STORED};

    if (d->full) {
        d->busy = false;
        return;
    }
    ev.stored.rc = write_stubbornly(w, n);
    if (w->failed)
        return;
    if (ev.stored.rc == 0)
        tell_tap(w, n);
    for (uint32_t i = 0; i < d->writing; i++) {
        ev.stored.ticket = d->first->ticket;
        if (ev.stored.rc == 0)
            learn(w, n, d->first);
        record_drop(w, d);
    }
    d->busy = false;
    if (d->first == NULL)
        journal_idle(d->journal);
    begin(w, n);
    sim_node_event(w, n, &ev);
}

static void tell_full(struct world *w, struct sim_node *n, bool full)
{
    struct event ev = {.kind = EVENT_DISK, .disk = {.full = full}};

    n->disk.full = full;
    sim_node_event(w, n, &ev);
}

void sim_disk_fill(struct world *w, struct sim_node *n, int64_t for_us)
{
    if (n->core == NULL || n->disk.full)
        return;
    world_later(w, for_us, HAPPEN_ROOM, n->index, 0, 0);
    tell_full(w, n, true);
}

void sim_disk_room(struct world *w, struct sim_node *n)
{
    if (n->core == NULL || !n->disk.full)
        return;
    n->disk.full = false;
    begin(w, n);
    tell_full(w, n, false);
}

void sim_disk_fail(struct sim_node *n, uint32_t syncs)
{
    if (n->core != NULL)
        n->disk.store.syncs_fail = syncs;
}

void sim_disk_copy(struct world *w, struct sim_node *n)
{
    struct sim_disk *d = &n->disk;

    if (d->store.alloc == NULL)
        return;
    if (d->image.alloc == NULL)
        sim_store_init(&d->image, w->alloc);
    d->has_image = sim_store_image(&d->store, &d->image) == 0;
    w->out_of_memory |= !d->has_image;
    memcpy(d->image_held, d->held, sizeof d->held);
}

void sim_disk_lose(struct world *w, struct sim_node *n, bool to_image)
{
    struct sim_disk *d = &n->disk;

    ensure(n->core == NULL);
    if (d->store.alloc == NULL)
        return;
    sim_store_clear(&d->store);
    d->lost_at = w->now;
    for (uint32_t i = 0; i < SIM_JOBS_MAX; i++)
        d->lost_spec[i] = d->held[i].spec;
    memset(d->held, 0, sizeof d->held);
    if (to_image && d->has_image) {
        w->out_of_memory |= sim_store_image(&d->image, &d->store) < 0;
        memcpy(d->held, d->image_held, sizeof d->held);
    } else {
        d->wipes++;
    }
    sim_check_lost(w);
}

void sim_disk_crash(struct world *w, struct sim_node *n, bool power)
{
    struct sim_disk *d = &n->disk;

    /* A write that was under way got so far. */
    if (d->busy && world_chance(w, 2)) {
        d->store.calls_left = (uint32_t)world_between(w, 1, 6);
        write_out(d);
    }
    journal_abandon(d->journal);
    d->journal = NULL;
    while (d->first != NULL)
        record_drop(w, d);
    d->busy = d->full = false;
    d->writing = 0;
    if (power)
        sim_store_power_loss(&d->store, &w->prng);
    else
        sim_store_reopen(&d->store);
}

void sim_disk_clear(struct world *w, struct sim_node *n)
{
    struct sim_disk *d = &n->disk;

    journal_abandon(d->journal);
    while (d->first != NULL)
        record_drop(w, d);
    if (d->store.alloc != NULL)
        sim_store_clear(&d->store);
    if (d->image.alloc != NULL)
        sim_store_clear(&d->image);
}

uint64_t sim_disk_journal_bytes(const struct sim_node *n)
{
    return journal_bytes(n->disk.journal);
}
