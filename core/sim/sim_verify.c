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

static int each(void *ctx, uint16_t type, struct bytes payload)
{
    return tally_record(ctx, type, payload);
}

/* Reads one disk for one job. False: it could not be read. */
static bool read_disk(struct world *w, uint32_t node, uint32_t job, struct tally *t)
{
    struct folder f = {.store = &w->nodes[node].disk.store};
    struct scan_files files = {&f, f.numbers, 0, load};
    struct scan_report report;
    int rc;

    tally_init(t, w->alloc, w->jobs[job].id, merge, w);
    if (f.store->alloc == NULL)
        return true;
    f.store->store.list(f.store->store.ctx, note, &f);
    files.count = f.count;
    rc = scan_journal(&files, TALLY_FEATURE_LEVEL, each, t, &report);
    if (rc == 0)
        rc = tally_end(t);
    if (rc == 0 || rc == ERR_NOT_FOUND)
        return true;
    /* Nothing of a journal that is damaged is believed; its node has not read it since. */
    if (rc == ERR_DAMAGED && w->nodes[node].disk.rotten) {
        tally_clear(t);
        tally_init(t, w->alloc, w->jobs[job].id, merge, w);
        return true;
    }
    world_fail(w, G4, report.what != NULL ? report.what : err_sentence(rc), node, job);
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

void sim_verify(struct world *w)
{
    struct tally *tallies = alloc_array(w->alloc, w->plan.nodes, sizeof *tallies);

    if (tallies == NULL) {
        world_fail(w, G_NONE, "no memory for the tallies", UINT32_MAX, UINT32_MAX);
        return;
    }
    for (uint32_t job = 0; job < w->plan.jobs && !w->failed; job++) {
        bool read = true;

        for (uint32_t i = 0; i < w->plan.nodes; i++)
            read &= read_disk(w, i, job, &tallies[i]);
        if (read)
            judge(w, job, tallies);
        for (uint32_t i = 0; i < w->plan.nodes; i++)
            tally_clear(&tallies[i]);
    }
    alloc_free(w->alloc, tallies, w->plan.nodes * sizeof *tallies);
}
