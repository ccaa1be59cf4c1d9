/* What a node tells its host, for the host's own needs, and whoever checks promises. */
#include "core/base/err.h"
#include "core/node/acts.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/node.h"
#include "core/node/offence.h"
#include "core/node/snapshot.h"
#include "core/node/stale.h"
#include "core/node/watch.h"

const struct act *node_revocation(const struct node *n, struct node_id id)
{
    return acts_revocation(n, id);
}

bool node_bars(const struct node *n, struct node_id id)
{
    return acts_revoked(n, id) || offence_bars(n, id);
}

bool node_reply_is_due(const struct node *n)
{
    return n->waits_first != NULL || n->forwards != NULL || n->asides != NULL;
}

uint64_t node_journal_wants_bytes(const struct node *n)
{
    return (uint64_t)n->jobs.count * 4096 + (uint64_t)tombs_count(&n->tombs) * 64 +
           (uint64_t)n->keeping_count * 128 + (uint64_t)n->acts.count * 1024 +
           (n->events == NULL ? 0 : (uint64_t)n->events->count * EVENT_NOTE_BYTES_MAX);
}

int node_compact(struct node *n, struct actions *out)
{
    int rc;

    n->out = out;
    snapshot_begin(n);
    rc = snapshot_slice(n);
    n->out = NULL;
    return n->memory_out ? ERR_NO_MEMORY : rc;
}

bool node_holds(const struct node *n, struct job_id job, struct node_holding *out)
{
    const struct job *j = job_find(n, job);
    const struct holders *h = j == NULL || j->ledger == NULL ? NULL : ledger_holders(j->ledger);

    if (h == NULL)
        return false;
    out->ledger = ledger_digest(j->ledger);
    out->state = job_final_state(j);
    out->holders = *h;
    out->lists = ledger_chain_count(j->ledger);
    return true;
}

bool node_has_aside(const struct node *n, struct job_id job)
{
    return stale_find(n, job) != NULL;
}

bool node_tells(struct node *n, struct job_id job, uint32_t *copies, uint32_t *machines)
{
    const struct entry *e = directory_find(n, job);
    struct job_view v;

    if (!job_view_here(n, job, &v) && (e == NULL || !entry_view_now(n, e, &v)))
        return false;
    *copies = v.durable;
    *machines = v.machines;
    return true;
}
