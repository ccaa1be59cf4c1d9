#include "core/sim/sim_verify.h"

#include "core/base/err.h"
#include "core/sim/sim_kernel.h"
#include "core/verify/scan.h"
#include "core/verify/verdict.h"

/* One disk's folder. */
struct folder {
    const struct sim_store *store;
    uint64_t numbers[SIM_FILES_MAX];
    size_t count;
};

static int note(void *arg, const char *name)
{
    struct folder *f = arg;
    uint64_t number = segment_number(name);
    size_t i = f->count;

    if (number == 0)
        return 0;
    for (; i > 0 && f->numbers[i - 1] > number; i--)
        f->numbers[i] = f->numbers[i - 1];
    f->numbers[i] = number;
    f->count++;
    return 0;
}

static int load(void *ctx, uint64_t number, uint64_t most, struct bytes *out)
{
    const struct folder *f = ctx;
    char name[SEGMENT_NAME_SIZE];

    segment_name(number, name);
    if (!sim_store_bytes(f->store, name, out))
        return ERR_NOT_FOUND;
    if (out->len > most)
        out->len = (size_t)most;
    return 0;
}

static int merge(void *ctx, const struct tally_kernel *k, struct bytes left, struct bytes right,
                 uint8_t *out)
{
    const struct world *w = ctx;
    uint32_t job = sim_job_by_params(w, k->name, (struct bytes){k->params, k->params_len});

    return job == SIM_JOBS_MAX ? ERR_KERNEL : sim_merge(&w->jobs[job], left, right, out);
}

/* A record on a disk; its payload is the disk's. */
struct written {
    uint32_t next; /* of the same job, index + 1; 0: none */
    uint16_t type;
    struct bytes payload;
};

/* What one disk says: read once, and then told job by job. Nothing is written meanwhile. */
struct journal_read {
    struct world *w;
    struct written *list;
    uint32_t count, cap;
    /* Of each job, index + 1; the last ones are of no job that is known. */
    uint32_t first[SIM_JOBS_MAX + 1], last[SIM_JOBS_MAX + 1];
    int rc; /* how the reading ended */
    const char *what;
};

static int take_down(void *ctx, uint16_t type, struct bytes payload)
{
    struct journal_read *r = ctx;
    struct reader reader = reader_of(payload);
    uint32_t job = sim_job_by_id(r->w, read_job_id(&reader));
    void *list = r->list;

    if (!world_grow(r->w, &list, &r->cap, r->count, sizeof *r->list))
        return ERR_NO_MEMORY;
    r->list = list;
    r->list[r->count++] = (struct written){.type = type, .payload = payload};
    if (r->first[job] == 0)
        r->first[job] = r->count;
    else
        r->list[r->last[job] - 1].next = r->count;
    r->last[job] = r->count;
    return 0;
}

static void read_disk(struct world *w, uint32_t node, struct journal_read *r)
{
    struct folder f = {.store = &w->nodes[node].disk.store};
    struct scan_files files = {&f, f.numbers, 0, load};
    struct scan_report report;

    *r = (struct journal_read){.w = w, .rc = ERR_NOT_FOUND};
    if (f.store->alloc == NULL)
        return;
    f.store->store.list(f.store->store.ctx, note, &f);
    files.count = f.count;
    r->rc = scan_journal(&files, TALLY_FEATURE_LEVEL, take_down, r, &report);
    r->what = report.what;
}

static int tell(const struct journal_read *r, uint32_t job, struct tally *t)
{
    int rc = 0;

    for (uint32_t at = r->first[job]; at != 0 && rc == 0; at = r->list[at - 1].next)
        rc = tally_record(t, r->list[at - 1].type, r->list[at - 1].payload);
    return rc;
}

/* What the disk says of one job. False: it could not be read. */
static bool tally_disk(struct world *w, uint32_t node, uint32_t job, const struct journal_read *r,
                       struct tally *t)
{
    int rc = r->rc;

    tally_init(t, w->alloc, w->jobs[job].id, merge, w);
    if (rc == 0)
        rc = tell(r, job, t);
    /* They say nothing of this one, but must be of a type that is known. */
    if (rc == 0 && job == 0)
        rc = tell(r, SIM_JOBS_MAX, t);
    if (rc == 0)
        rc = tally_end(t);
    if (rc == 0 || rc == ERR_NOT_FOUND)
        return true;
    /* Nothing of a journal that is damaged is believed; its node has not read it since. */
    if (rc == ERR_DAMAGED && w->nodes[node].disk.rotten)
        return true;
    world_fail(w, G4, r->what != NULL ? r->what : err_sentence(rc), node, job);
    return false;
}

/* For whoever replays it: what each journal counts. */
static void trace_tallies(struct world *w, uint32_t job, const struct tally *tallies)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        const struct tally *t = &tallies[i];
        uint64_t unnamed, counted = tally_leaves(t, &unnamed), first, end;

        if (!t->known)
            continue;
        world_trace(
            w, "node%u counts %u of %u leaves of job %u, %u of them without a name; state %u%s",
            (unsigned)i, (unsigned)counted, (unsigned)t->leaves, (unsigned)job, (unsigned)unnamed,
            (unsigned)t->state, t->gone ? ", gone" : "");
        for (uint64_t at = 0; tally_hole(t, at, &first, &end); at = end)
            world_trace(w, "  not leaves %u to %u", (unsigned)first, (unsigned)end);
    }
}

/* Whoever ends a job tells others the result first and then who counted what: a disk that is lost
 * between the two takes the names with it, and the result, which is right, goes on alone. */
static bool went_with_a_disk(const struct world *w, uint32_t job, const struct tally *t)
{
    uint64_t first, end;

    for (uint64_t at = 0; tally_hole(t, at, &first, &end); at = end)
        for (uint64_t leaf = first; leaf < end; leaf++) {
            bool was_there = false;

            for (uint32_t i = 0; i < w->plan.nodes; i++) {
                const struct held *lost = &w->nodes[i].disk.lost[job];

                was_there |= w->nodes[i].disk.lost_at > 0 && lost->outcome &&
                             (lost->leaves[leaf / 8] >> leaf % 8 & 1) != 0;
            }
            if (!was_there)
                return false;
        }
    return true;
}

/* Others have forgotten the job, because its time was over, before the names came to all. */
static bool was_proven(const struct world *w, const struct tally *tallies)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (tallies[i].gone && tallies[i].state == TALLY_DONE && tally_is_whole(&tallies[i]))
            return true;
    return false;
}

static void judge(struct world *w, uint32_t job, const struct tally *tallies)
{
    const struct tally *list[SIM_NODES_MAX];
    struct verdict v;

    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        list[i] = &tallies[i];
        if (tallies[i].problems_count > 0) {
            world_trace(w, "leaves %u to %u", (unsigned)tallies[i].problems[0].first,
                        (unsigned)tallies[i].problems[0].end);
            world_fail(w, G1, tally_fault_sentence(tallies[i].problems[0].fault), i, job);
        }
    }
    if (verdict_over(&v, w->alloc, list, w->plan.nodes) < 0)
        world_fail(w, G_NONE, "no memory for the verdict", UINT32_MAX, job);
    else if (v.two_results)
        world_fail(w, G1, "two journals have different results", UINT32_MAX, job);
    else if (v.state == TALLY_DONE && !v.proven && !was_proven(w, tallies) &&
             !went_with_a_disk(w, job, v.best)) {
        trace_tallies(w, job, tallies);
        world_fail(w, G1, "no journal proves that each leaf was counted once", UINT32_MAX, job);
    }
}

static void verify(struct world *w, const struct journal_read *disks, struct tally *tallies)
{
    for (uint32_t job = 0; job < w->plan.jobs && !w->failed; job++) {
        bool read = true;

        for (uint32_t i = 0; i < w->plan.nodes; i++)
            read &= tally_disk(w, i, job, &disks[i], &tallies[i]);
        if (read)
            judge(w, job, tallies);
        for (uint32_t i = 0; i < w->plan.nodes; i++)
            tally_clear(&tallies[i]);
    }
}

void sim_verify(struct world *w)
{
    uint32_t nodes = w->plan.nodes;
    struct tally *tallies = alloc_array(w->alloc, nodes, sizeof *tallies);
    struct journal_read *disks = alloc_array(w->alloc, nodes, sizeof *disks);

    for (uint32_t i = 0; disks != NULL && i < nodes; i++)
        read_disk(w, i, &disks[i]);
    if (tallies == NULL || disks == NULL)
        world_fail(w, G_NONE, "no memory for the tallies", UINT32_MAX, UINT32_MAX);
    else
        verify(w, disks, tallies);
    for (uint32_t i = 0; disks != NULL && i < nodes; i++)
        alloc_free(w->alloc, disks[i].list, disks[i].cap * sizeof *disks[i].list);
    alloc_free(w->alloc, disks, nodes * sizeof *disks);
    alloc_free(w->alloc, tallies, nodes * sizeof *tallies);
}
