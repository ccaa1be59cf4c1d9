#include "core/node/revoked.h"

#include "core/node/acts.h"
#include "core/node/door.h"
#include "core/node/jobs.h"
#include "core/node/link.h"
#include "core/node/outcome.h"
#include "core/node/vouch.h"

/* A node judges the act itself and ends; a user's command gets a sentence, whatever it asked. */
static void tell_why(struct node *n, uint64_t link, enum party party, struct node_id id)
{
    const struct act *a = acts_revocation(n, id);
    char what[VIEW_ERROR_SIZE];

    if (party == PARTY_NODE) {
        acts_tell_subject(n, link, id);
        return;
    }
    text_copy(what, sizeof what, "this user's key was revoked");
    if (a->reason[0] != 0) {
        text_append(what, sizeof what, ": ");
        text_append(what, sizeof what, a->reason);
    }
    reply_error(n, link, 0, 4, what,
                "join anew: velum token create where the mesh was made, then velum join");
}

bool revoked_refuses(struct node *n, const struct event *ev)
{
#if VELUM_PLANT == 902 /* revoke: who was revoked comes in again */
    return false;
#endif
    if (!acts_revoked(n, ev->link_up.id))
        return false;
    if (!ev->link_up.bulk)
        tell_why(n, ev->link_up.link, ev->link_up.party, ev->link_up.id);
    door_close(n, ev, false);
    return true;
}

static void tell_all(struct node *n, struct node_id id)
{
    size_t at = 0;
    const struct link_entry *l;

    while ((l = map_next(&n->links, &at)) != NULL)
        if (node_id_equal(l->id, id))
            tell_why(n, l->link, l->party, id);
}

static void cut(struct node *n, struct node_id id)
{
    tell_all(n, id);
    mesh_expel(n->mesh, id, n->now);
    door_cut(n, id);
}

void revoked_now(struct node *n, const struct act *a)
{
    if (node_is_self(n, a->subject)) {
        log_line(n->options.log, LOG_ERROR,
                 "the key of this node was revoked%s%s: it ends, and no node lets it in again",
                 a->reason[0] != 0 ? ": " : "", a->reason);
        n->stopping = true;
        n->stop_until = n->now;
        return;
    }
    cut(n, a->subject);
    vouch_revoked(n, a->subject);
    for (struct job *j = n->live_jobs; j != NULL; j = j->next_live)
        job_mark_busy(j);
}

bool revoked_ends(struct job *j)
{
#if VELUM_PLANT == 903 /* trace/test_revoked: what a revoked user submitted runs to its end */
    return false;
#endif
    if (!acts_revoked(j->node, j->spec->author) || ledger_cancel(j->ledger) != NULL)
        return false;
    outcome_write(j, JOB_FAILED, (struct bytes){NULL, 0}, "its submitter was revoked");
    return true;
}
