#include "core/node/kill_right.h"

#include "core/base/err.h"
#include "core/node/acts.h"
#include "core/node/seal.h"
#include "core/node/take.h"

static struct node_id named_by(const struct fact *f)
{
    return f->kind == FACT_CANCEL ? f->cancel.by : f->stage_cancel.by;
}

bool kill_is_users(const struct signer *by, const struct fact *f)
{
    if (f->kind != FACT_STAGE_CANCEL &&
        (f->kind != FACT_CANCEL || f->cancel.state != JOB_CANCELLED))
        return false;
    return (by->party == PARTY_USER || by->party == PARTY_SUBMIT || by->party == PARTY_NATIVE) &&
           node_id_equal(by->id, named_by(f));
}

int kill_right(const struct job *j, struct node_id from, const struct fact *f)
{
    struct signer by;
    int rc = fact_signer(j->node, f, &by);

    if (rc < 0)
        return rc;
#if VELUM_PLANT != 918 /* trace/test_kill: any node may say that a user cancelled a job */
    if (by.party == PARTY_NODE)
        return take_may_tell(j, from) ? 0 : ERR_IDENTITY;
#else
    if (by.party == PARTY_NODE)
        return 0;
#endif
    /* What he signed before stays true, as holders tell it. */
    if (acts_revoked(j->node, by.id) && !take_may_tell(j, from))
        return ERR_IDENTITY;
#if VELUM_PLANT == 919 /* trace/test_kill: whoever may submit cancels what others submitted */
    return kill_is_users(&by, f) ? 0 : ERR_IDENTITY;
#else
    return kill_is_users(&by, f) &&
                   (by.party == PARTY_USER || node_id_equal(by.id, j->spec->author))
               ? 0
               : ERR_IDENTITY;
#endif
}

/* That one and no other. */
static bool is_stage(const struct stage_cancel *c, uint32_t stage)
{
    return c->first == stage - stage % 8 && c->set.len == 1 && c->set.data[0] == 1u << stage % 8;
}

int kill_right_asked(struct node *n, const struct request_kill *m)
{
    struct signer by;
    struct fact f;
    int rc = fact_read(m->fact, &f);

    if (rc < 0)
        return rc;
    if (f.kind != (m->alone ? FACT_STAGE_CANCEL : FACT_CANCEL) || !job_id_equal(f.job, m->job))
        return ERR_FORMAT;
    if (m->alone && !is_stage(&f.stage_cancel, m->stage))
        return ERR_FORMAT;
    rc = fact_signer(n, &f, &by);
    if (rc < 0)
        return rc;
    /* It is new, unlike what holders show each other. */
    return kill_is_users(&by, &f) && by.not_after_s >= n->wall_s && !acts_revoked(n, by.id)
               ? 0
               : ERR_IDENTITY;
}
