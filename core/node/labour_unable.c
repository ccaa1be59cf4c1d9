#include "core/node/labour_unable.h"

#include "core/node/labour.h"
#include "core/node/labour_report.h"
#include "core/node/merge_work.h"
#include "core/node/stages.h"
#include "core/node/workers.h"

#define UNABLE_MAX 3
#define UNABLE_US (30 * S_US)

bool labour_is_unable(const struct job *j)
{
    return instant_before(j->node->now, j->unable_until);
}

void labour_cannot(struct node *n, struct worker *w, const char *why)
{
    struct job *j = w->job;
    struct labour_chunk *c = w->chunk;
    struct stage_spec room;

    if (j->labour != NULL && j->labour->unable + 1 < UNABLE_MAX) {
        j->labour->unable++;
        labour_take_back(n, w);
        return;
    }
    if (!labour_is_unable(j))
        log_line(n->options.log, LOG_WARNING, "the kernel %s cannot run here: %s",
                 stage_spec_of(j, w->stage, &room)->kernel, why);
    j->unable_until = instant_plus_us(n->now, UNABLE_US);
    merge_work_again(n, w);
    worker_kill(n, w);
    if (c != NULL && c->ahead) {
        labour_report_failed(j, c, 0, "");
    } else if (c != NULL) {
        labour_send_return(n, j->labour->claim.node, j->id, RETURN_NO_KERNEL, why, &c->grant, 1);
        labour_chunk_remove(j, c);
    }
    if (j->labour != NULL)
        labour_return_stage(j, w->stage, RETURN_NO_KERNEL, why);
}
