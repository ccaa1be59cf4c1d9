#include "cmd/flow_ask.h"

#include <time.h>

#include "cmd/interrupt.h"
#include "cmd/talk.h"
#include "core/base/err.h"
#include "core/wire/message.h"

#define NAP_NS 250000000L
#define REOPEN_MAX 120 /* naps of a quarter of a second: as long as `run` waits for a node */

/* The node has gone: another one, or the same one again. False when there was none for 30 s. */
static bool reopen(struct line *l)
{
    for (int i = 0; i < REOPEN_MAX && !interrupt_came(); i++) {
        nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
        if (line_reopen(l) == 0)
            return true;
    }
    return false;
}

int flow_ask_jobs(struct line *l, const char *which, struct job_list *found)
{
    int rc = jobs_fetch(l, true, which, found);
    while (rc == ERR_CLOSED && reopen(l))
        rc = jobs_fetch(l, true, which, found);
    return rc == LINE_REFUSED && line_refusal(l) == CODE_NOT_FOUND ? 0 : rc;
}

int flow_ask_job(struct line *l, struct job_id job, struct job_entry *out)
{
    int rc = jobs_look(l, job, out);
    while (rc == ERR_CLOSED && reopen(l))
        rc = jobs_look(l, job, out);
    return rc;
}

bool flow_job_is_gone(const struct line *l, int rc)
{
    return rc == LINE_REFUSED && line_refusal(l) == CODE_GONE;
}

int flow_ask_slots(struct line *l, uint32_t *slots)
{
    struct node_view v;
    struct frame frame;
    uint64_t sum = 0;
    int rc = line_send(l, MESSAGE_REQUEST_NODES, (struct bytes){0});
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_NODE, &frame)) == 1)
        if ((rc = read_node_view(frame.payload, &v)) == 0 && v.state == NODE_ALIVE)
            sum += v.slots;
    *slots = sum == 0 ? 1 : sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
    return rc < 0 ? line_report(l, rc) : 0;
}

int flow_interrupted(void)
{
    talk_error("interrupted: what was submitted goes on");
    talk_try("the same command again, which goes on from there");
    return CODE_INTERRUPTED;
}
