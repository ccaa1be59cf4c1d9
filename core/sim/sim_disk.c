#include "core/sim/sim_disk.h"

#include <string.h>

#include "core/base/err.h"
#include "core/sim/sim_check.h"
#include "core/sim/sim_kill.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_objects.h"
#include "core/wire/feature.h"

#define STALL_US (250 * MS_US) /* then a full disk is tried again */
#define SILENT_US (3 * S_US)   /* then a host says so: sooner than a real one, as runs are short */
#define SILENT_TIMES 4         /* so much longer than a full one is a disk that does not answer */
#define COMPACT_BYTES_MIN 65536

struct replaying {
    struct world *w;
    struct sim_node *n;
};

static void copies_are_lost(struct world *w, struct sim_node *n)
{
    struct sim_disk *d = &n->disk;

    d->lost_at = w->now;
    memcpy(d->lost, d->held, sizeof d->lost);
    memset(d->held, 0, sizeof d->held);
    d->rotten = false;
    d->bytes_before = d->bytes_now = 0;
}

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

/* The end of the last synced records has changed, which nothing that survives can tell from a torn
 * tail: the others see that the journal's numbers went back, and take its copies for lost. */
static bool went_back(const struct sim_disk *d, const struct journal_report *report)
{
    return d->rotten && !d->rot_has_witness && report->torn_bytes > 0;
}

static int open_journal(struct world *w, struct sim_node *n)
{
    struct sim_disk *d = &n->disk;
    struct journal_options options = {.segment_bytes = n->segment_bytes,
                                      .feature_level = FEATURE_LEVEL};
    struct journal_report report = {0};
    struct replaying r = {w, n};
    struct store store;
    int rc;

    options.id[0] = (uint8_t)n->index;
    options.id[1] = (uint8_t)d->wipes;
    memset(d->replayed, 0, sizeof d->replayed);
    store = w->tap == NULL ? d->store.store : w->tap->over(w->tap->ctx, n->index, &d->store.store);
    rc = journal_open(&d->journal, w->alloc, &store, &options, replay, &r, &report);
    if (rc < 0)
        return rc;
    tell_tap(w, n);
    world_trace(w, "%u: node%u replayed %u records, %u torn bytes", (unsigned)w->now, n->index,
                (unsigned)report.records, (unsigned)report.torn_bytes);
    if (went_back(d, &report)) {
        copies_are_lost(w, n);
        memcpy(d->held, d->replayed, sizeof d->held);
        sim_check_lost(w);
    }
    sim_check_replayed(w, n);
    memcpy(d->held, d->replayed, sizeof d->held);
    return 0;
}

enum opened sim_disk_open(struct world *w, struct sim_node *n)
{
    struct sim_disk *d = &n->disk;
    uint64_t refused = d->store.refused;
    int rc;

    if (d->store.alloc == NULL)
        sim_store_init(&d->store, w->alloc);
    if (d->bad_starts > 0) {
        d->bad_starts--;
        d->store.read_fails = (uint32_t)world_between(w, 1, 8);
    }
    rc = open_journal(w, n);
    d->store.read_fails = 0;
    if (rc == 0 || w->failed)
        return w->failed ? OPENED_NOT : OPENED;
    world_trace(w, "%u: node%u cannot use its journal: %s", (unsigned)w->now, n->index,
                err_sentence(rc));
    if (rc == ERR_DAMAGED && d->rotten)
        return OPENED_DAMAGED;
    if (d->store.refused != refused)
        return OPENED_NOT;
    world_fail(w, G4, err_sentence(rc), n->index, UINT32_MAX);
    return OPENED_NOT;
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

static void snapshot_forget(struct sim_disk *d)
{
    if (d->snapshot.alloc != NULL)
        buf_clear(&d->snapshot);
    d->snapshot = (struct buf){0};
}

/* What the next compaction writes, as the host keeps it. */
static void slice_add(struct world *w, struct sim_disk *d, bool first, struct bytes records)
{
    if (first)
        snapshot_forget(d);
    if (d->snapshot.alloc == NULL)
        buf_init(&d->snapshot, w->alloc, (size_t)1 << 30);
    put_raw(&d->snapshot, records.data, records.len);
    w->out_of_memory |= d->snapshot.failed;
}

void sim_disk_store(struct world *w, struct sim_node *n, const struct action *a,
                    struct bytes payload)
{
    struct sim_disk *d = &n->disk;
    struct stored_record *x;

    if (a->kind == ACTION_STORE)
        w->beside += d->snapshot.len > 0;
    else
        slice_add(w, d, a->first, payload);
    x = a->kind == ACTION_SNAPSHOT ? NULL : world_alloc(w, sizeof *x);
    if (x == NULL)
        return;
    x->ticket = a->ticket;
    x->type = a->type;
    x->compact = a->kind == ACTION_COMPACT;
    if (x->compact) {
        x->payload = d->snapshot;
        d->snapshot = (struct buf){0};
    } else {
        buf_init(&x->payload, w->alloc, (size_t)1 << 30);
        put_raw(&x->payload, payload.data, payload.len);
    }
    if (d->last == NULL)
        d->first = x;
    else
        d->last->next = x;
    d->last = x;
    begin(w, n);
}

static int write_anew(struct sim_disk *d, const struct stored_record *x)
{
    const struct journal_slice all = {buf_bytes(&x->payload), NULL};

    return journal_compact(d->journal, &all);
}

static int write_out(struct sim_disk *d)
{
    struct stored_record *x = d->first;
    int rc = 0;

    if (x->compact)
        return write_anew(d, x);
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
 * given up and the node is told. What waits for space is in the journal's hands already. */
static int write_stubbornly(struct world *w, struct sim_node *n)
{
    struct sim_disk *d = &n->disk;
    uint64_t refused = d->store.refused;
    int rc = d->stalled ? journal_sync(d->journal) : write_out(d);

    if (rc == ERR_SYNC && !d->first->compact)
        rc = journal_sync(d->journal);
    if (rc == ERR_SYNC && !d->first->compact)
        journal_discard(d->journal);
    if (rc < 0 && rc != ERR_SYNC && (rc != ERR_NO_SPACE || d->store.refused == refused))
        world_fail(w, G5, err_sentence(rc), n->index, UINT32_MAX);
    return rc;
}

/* A snapshot behind what waits for space says all of it, and may use the journal's reserve. */
static bool rescue(struct sim_disk *d)
{
    struct stored_record *x = d->first;
    uint32_t count = 1;

    for (; x != NULL && !x->compact; x = x->next)
        count++;
    if (x == NULL || write_anew(d, x) < 0)
        return false;
    d->writing = count;
    return true;
}

static void tell_full(struct world *w, struct sim_node *n)
{
    struct event ev = {.kind = EVENT_DISK};

    ev.disk.full = (n->disk.full && n->disk.silent_at == 0) || n->disk.stalled;
    ev.disk.silent = n->disk.silent_at != 0;
    sim_node_event(w, n, &ev);
}

static void stall(struct world *w, struct sim_node *n)
{
    bool news = !n->disk.stalled;

    n->disk.stalled = true;
    world_later(w, STALL_US, HAPPEN_ROOM, n->index, ROOM_PERHAPS, 0);
    if (!news)
        return;
    tell_full(w, n);
    /* Whoever finds a full disk is apt to restart what is on it. */
    if (w->healed || n->core == NULL || !world_chance(w, 3))
        return;
    n->crash_in = (uint32_t)world_between(w, 1, 60);
    n->power_goes_too = world_chance(w, 2);
    world_later(w, (int64_t)world_between(w, 100000, 3000000), HAPPEN_RESTART, SIM_EVERYBODY,
                n->index, 0);
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
    for (uint32_t i = 0; i < SIM_JOBS_MAX; i++) {
        if (n->disk.held[i].outcome)
            has[i].named = n->disk.held[i].named;
        /* In which order they were said a snapshot does not tell. */
        if (n->disk.held[i].outcome || n->disk.held[i].cancel)
            has[i].early = n->disk.held[i].early & has[i].named;
    }
    memcpy(n->disk.held, has, sizeof has);
    n->disk.rotten = false; /* nothing of what changed is left */
}

/* The `writing` first records have their answer. */
static void answer(struct world *w, struct sim_node *n, int rc)
{
    struct sim_disk *d = &n->disk;
    struct event ev = {.kind = EVENT_STORED, .stored = {.rc = rc}};
    bool had_stalled = d->stalled;

    if (rc == 0) {
        tell_tap(w, n);
        d->bytes_before = d->bytes_now;
        d->bytes_now = journal_bytes(d->journal);
    }
    for (uint32_t i = 0; i < d->writing; i++) {
        ev.stored.ticket = d->first->ticket;
        if (rc == 0)
            learn(w, n, d->first);
        record_drop(w, d);
    }
    d->busy = d->stalled = false;
    if (d->first == NULL)
        journal_idle(d->journal);
    begin(w, n);
    if (had_stalled)
        tell_full(w, n);
    sim_node_event(w, n, &ev);
}

/* As the host does it: a journal several times as long as what it says is written anew. */
static void compact_when_grown(struct world *w, struct sim_node *n)
{
    uint64_t bytes = journal_bytes(n->disk.journal);

    if (bytes < COMPACT_BYTES_MIN || w->now < n->disk.compact_after ||
        bytes < 4 * node_journal_wants_bytes(n->core))
        return;
    n->disk.compact_after = w->now + 10 * S_US;
    sim_node_compact(w, n);
}

void sim_disk_synced(struct world *w, struct sim_node *n)
{
    struct sim_disk *d = &n->disk;
    int rc;

    if (d->full) {
        d->busy = d->stalled;
        if (d->stalled)
            stall(w, n);
        return;
    }
    rc = write_stubbornly(w, n);
    if (w->failed)
        return;
    if (rc == ERR_NO_SPACE && !d->first->compact) {
        if (!rescue(d)) {
            stall(w, n);
            return;
        }
        rc = 0;
    }
    answer(w, n, rc);
    if (n->core != NULL)
        compact_when_grown(w, n);
}

void sim_disk_fill(struct world *w, struct sim_node *n, int64_t for_us)
{
    if (n->core == NULL || n->disk.full)
        return;
    world_later(w, for_us, HAPPEN_ROOM, n->index, ROOM_THERE, 0);
    n->disk.full = true;
    tell_full(w, n);
}

void sim_disk_hang(struct world *w, struct sim_node *n, int64_t for_us)
{
    if (n->core == NULL || n->disk.full)
        return;
    world_later(w, SILENT_TIMES * for_us, HAPPEN_ROOM, n->index, ROOM_THERE, 0);
    world_later(w, SILENT_US, HAPPEN_ROOM, n->index, ROOM_SILENT, 0);
    n->disk.full = true;
    n->disk.silent_at = w->now;
}

/* It may answer again, and hang once more since. */
static void tell_silent(struct world *w, struct sim_node *n)
{
    if (n->disk.silent_at != 0 && w->now - n->disk.silent_at >= SILENT_US)
        tell_full(w, n);
}

void sim_disk_room(struct world *w, struct sim_node *n, enum room room)
{
    if (n->core == NULL || (room == ROOM_PERHAPS ? !n->disk.stalled : !n->disk.full))
        return;
    if (room == ROOM_PERHAPS) {
        sim_disk_synced(w, n);
        return;
    }
    if (room == ROOM_SILENT) {
        tell_silent(w, n);
        return;
    }
    n->disk.full = false;
    n->disk.silent_at = 0;
    begin(w, n);
    tell_full(w, n);
}

void sim_disk_fail(struct world *w, struct sim_node *n)
{
    uint32_t count = (uint32_t)world_between(w, 1, 4);

    if (n->core == NULL)
        return;
    prng_init(&n->disk.store.prng, prng_u64(&w->prng));
    if (world_chance(w, 2))
        n->disk.store.syncs_fail = count;
    else
        n->disk.store.names_fail = count;
}

void sim_disk_cut_short(struct world *w, struct sim_node *n)
{
    prng_init(&n->disk.store.prng, prng_u64(&w->prng));
    n->disk.store.short_write = (uint32_t)world_between(w, 1, 6);
}

void sim_disk_no_space(struct world *w, struct sim_node *n, int64_t for_us)
{
    n->disk.store.no_space = true;
    n->disk.store.copies = world_chance(w, 2);
    world_later(w, for_us, HAPPEN_SPACE, SIM_EVERYBODY, n->index, 0);
}

void sim_disk_space(struct sim_node *n)
{
    n->disk.store.no_space = false;
}

/* Whether something else on the disk says that these bytes were synced: what was written after the
 * sync does, so nothing may say so of what the last sync covered, and of a mark behind it. With the
 * process gone, bytes that were never synced may follow. */
static bool has_witness(const struct sim_node *n, const struct sim_rot *rot)
{
    const struct sim_disk *d = &n->disk;
    uint64_t last = d->bytes_now - d->bytes_before + 2 * RECORD_HEAD_BYTES;

    if (!rot->newest)
        return true;
    return n->core != NULL && d->bytes_now > d->bytes_before && rot->at + last < rot->used;
}

bool sim_disk_rot(struct world *w, struct sim_node *n)
{
    struct sim_disk *d = &n->disk;
    struct sim_rot rot;

    if (d->rotten || d->store.alloc == NULL || !sim_store_rot(&d->store, ".seg", &w->prng, &rot))
        return false;
    d->rot_has_witness = has_witness(n, &rot);
    world_trace(w, "%u: node%u: its journal rots at byte %u of %u%s", (unsigned)w->now, n->index,
                (unsigned)rot.at, (unsigned)rot.used, d->rot_has_witness ? "" : ", unseen");
    d->rotten = true;
    w->rots++;
    return true;
}

void sim_disk_mend(struct world *w, struct sim_node *n)
{
    n->disk.bad_starts = 0;
    n->disk.store.syncs_fail = n->disk.store.names_fail = n->disk.store.short_write = 0;
    n->disk.store.no_space = false;
    sim_disk_room(w, n, ROOM_THERE);
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
    sim_objects_disk_copied(n);
    d->image_rotten = d->rotten;
    memcpy(d->image_held, d->held, sizeof d->held);
}

void sim_disk_lose(struct world *w, struct sim_node *n, bool to_image)
{
    struct sim_disk *d = &n->disk;

    ensure(n->core == NULL);
    if (d->store.alloc == NULL)
        return;
    sim_store_clear(&d->store);
    sim_objects_disk_lost(w, n, to_image);
    copies_are_lost(w, n);
    if (to_image && d->has_image) {
        w->out_of_memory |= sim_store_image(&d->image, &d->store) < 0;
        sim_kill_goes_back(w, d->image_held);
        memcpy(d->held, d->image_held, sizeof d->held);
        d->rotten = d->image_rotten;
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
        if (d->stalled)
            journal_sync(d->journal);
        else
            write_out(d);
    }
    journal_abandon(d->journal);
    d->journal = NULL;
    while (d->first != NULL)
        record_drop(w, d);
    w->cut_off += d->snapshot.len > 0;
    snapshot_forget(d);
    d->busy = d->full = d->stalled = false;
    d->silent_at = 0;
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
    snapshot_forget(d);
    if (d->store.alloc != NULL)
        sim_store_clear(&d->store);
    if (d->image.alloc != NULL)
        sim_store_clear(&d->image);
}

uint64_t sim_disk_journal_bytes(const struct sim_node *n)
{
    return journal_bytes(n->disk.journal);
}
