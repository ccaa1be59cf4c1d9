#include "core/node/labour_end.h"

#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/labour.h"
#include "core/node/link.h"

#define ASK_US S_US
#define DENIED_US (30 * S_US)

void labour_end_told(struct job *j, struct node_id from)
{
    struct labour *l = j->labour;

#if VELUM_PLANT == 1013 /* trace/test_hearsay: work is thrown away on anybody's word */
    from = l->claim.node;
#endif
    if (node_id_equal(from, l->claim.node))
        labour_over(j);
    else if (l->end.ask_at.us == 0)
        l->end.ask_at = instant_plus_us(j->node->now, ASK_US);
}

void labour_end_state(struct node *n, struct node_id from, struct job_id id, bool over)
{
    struct job *j = job_find(n, id);

    if (j == NULL || j->ledger != NULL || j->labour == NULL || j->labour->end.ask_at.us == 0 ||
        !node_id_equal(from, j->labour->claim.node))
        return;
    if (over)
        labour_over(j);
    else
        j->labour->end.denied = true;
}

static void ask(struct job *j)
{
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, j->id);
    put_u32(&b, 0);
    send_node(j->node, j->labour->claim.node, MESSAGE_WATCH, 0, buf_bytes(&b));
}

bool labour_end_look(struct job *j)
{
    const struct entry *e = directory_find(j->node, j->id);
    struct labour_end *end = &j->labour->end;

    if (end->ask_at.us == 0 || !instant_reached(j->node->now, end->ask_at))
        return false;
    if (j->ledger != NULL || e == NULL || outcome_rank(e->state) == 0) {
        *end = (struct labour_end){.alone = 0};
        return false;
    }
    end->denied &= !member_is_gone(j->node, j->labour->claim.node);
    end->ask_at = instant_plus_us(j->node->now, end->denied ? DENIED_US : ASK_US);
    if (!member_is_gone(j->node, j->labour->claim.node)) {
        end->alone = 0;
        ask(j);
    } else if (++end->alone >= END_ALONE) {
        labour_over(j);
        return true;
    }
    return false;
}

struct instant labour_end_due(const struct job *j)
{
    return j->labour->end.ask_at.us == 0 ? INSTANT_NEVER : j->labour->end.ask_at;
}
