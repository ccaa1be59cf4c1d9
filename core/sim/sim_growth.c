#include "core/sim/sim_growth.h"

#include "core/sim/sim_disk.h"

/* Without jobs it is some 80 KiB, 8 KiB more since a node remembers what it answered to whom, whom
 * it was told of and what proves members (answers.h, heard.h, proven.h), and 10 more since it
 * remembers whom it asks about what it is told of jobs (evidence.h, ends.h, heir.h, left.h). A job
 * held here, or set aside, is its ledger, its entry in the directory, the tail of its log and,
 * where it was led, what was known of its chunks: some 9 KiB; the lists of holders that led to the
 * present one, a few hundred bytes each; and who counted its leaves, which is at worst a run of 48
 * bytes for each, in an array that doubles. Of any other job there is only the entry. */
#define CORE_BYTES (114u << 10)
#define CORE_BYTES_A_JOB_HELD (10u << 10)
#define CORE_BYTES_A_LIST 1024u
#define CORE_BYTES_A_LEAF 96u
#define CORE_BYTES_SESSIONS (24u << 10) /* of an open one, at its coordinator */
#define CORE_BYTES_A_JOB (2u << 10)
/* One to each node; to a user whose goodbye is on its way, or that was met twice, a few more. */
#define LINKS_MORE 40
/* The journal is written anew when it is four times what it says, at most once in ten seconds. */
#define JOURNAL_BYTES (384u << 10)
#define COMING_MAX 2000

/* What is to take the journal's place is being made, or waits for the disk. */
static bool is_compacting(const struct sim_disk *d)
{
    const struct stored_record *r = d->first;

    while (r != NULL && !r->compact)
        r = r->next;
    return d->snapshot.len > 0 || r != NULL;
}

static bool journal_has_grown(const struct world *w, const struct sim_node *n)
{
    uint64_t bytes = sim_disk_journal_bytes(n);

    /* It must be there before another is asked for. */
    if (is_compacting(&n->disk) && w->now < n->disk.compact_after)
        return false;
    return bytes > JOURNAL_BYTES && bytes > 5 * node_journal_wants_bytes(n->core);
}

static size_t job_bytes_max(const struct sim_node *n, const struct sim_job *j)
{
    struct node_holding held = {.lists = 0};

    if (!node_holds(n->core, j->id, &held) && !node_has_aside(n->core, j->id))
        return CORE_BYTES_A_JOB;
    return CORE_BYTES_A_JOB + CORE_BYTES_A_JOB_HELD + (j->of_spec > 0 ? CORE_BYTES_SESSIONS : 0) +
           (size_t)held.lists * CORE_BYTES_A_LIST + (size_t)j->leaves * CORE_BYTES_A_LEAF;
}

static size_t bytes_max(const struct world *w, const struct sim_node *n)
{
    size_t most = CORE_BYTES;

    for (uint32_t job = 0; job < w->plan.jobs; job++)
        most += job_bytes_max(n, &w->jobs[job]);
    return most;
}

void sim_check_growth(struct world *w)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        const struct sim_node *n = &w->nodes[i];

        if (n->core == NULL)
            continue;
        world_trace(w, "node%u: %u bytes of %u, %u links, %u bytes of journal", i,
                    (unsigned)n->core_bytes, (unsigned)bytes_max(w, n), n->ends_count,
                    (unsigned)sim_disk_journal_bytes(n));
        if (n->core_bytes > bytes_max(w, n))
            world_fail(w, G8, "the memory of a node grows", i, UINT32_MAX);
        if (n->ends_count > w->plan.nodes + LINKS_MORE)
            world_fail(w, G8, "the links of a node become more", i, UINT32_MAX);
        if (journal_has_grown(w, n))
            world_fail(w, G8, "the journal of a node grows", i, UINT32_MAX);
    }
    if (w->heap_count > COMING_MAX)
        world_fail(w, G_NONE, "ever more is to come", UINT32_MAX, UINT32_MAX);
}
