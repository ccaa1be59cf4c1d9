/* What is told to whoever checks promises from outside. */
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/watch.h"

bool node_holds(const struct node *n, struct job_id job, struct node_holding *out)
{
    const struct job *j = job_find(n, job);
    const struct holders *h = j == NULL || j->ledger == NULL ? NULL : ledger_holders(j->ledger);

    if (h == NULL)
        return false;
    out->ledger = ledger_digest(j->ledger);
    out->state = job_final_state(j);
    out->holders = *h;
    return true;
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
