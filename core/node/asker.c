#include "core/node/asker.h"

#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/link.h"
#include "core/node/record.h"
#include "core/node/replica.h"
#include "core/node/submit.h"

#define PATIENCE_US (10 * S_US)

void asker_add(struct job *j, uint64_t link, struct node_id node, uint32_t request, bool already)
{
    struct asker *a;

    for (a = j->askers; a != NULL; a = a->next) {
        if (link != 0 || a->link != 0 || !node_id_equal(a->node, node))
            continue;
        a->request = request; /* it asks again: its last question is the one it waits for */
        return;
    }
    a = node_alloc(j->node, sizeof *a);
    if (a == NULL)
        return;
    *a = (struct asker){.link = link,
                        .node = node,
                        .request = request,
                        .already = already,
                        .batch = j->batch_last + (j->fresh_count > 0),
                        .since = j->node->now,
                        .next = j->askers};
#if VELUM_PLANT == 6 /* sim: a submission is acknowledged before its first batch is kept */
    a->batch = j->batch_last;
#endif
    j->askers = a;
    job_mark_busy(j);
}

static void asker_answer_unsafe(struct job *j, const struct asker *a)
{
    if (a->link != 0 && link_find(j->node, a->link) != NULL)
        reply_error(j->node, a->link, a->request, 7,
                    "the job is known, but not enough nodes have it on disk yet",
                    "submit it again: twice is one job; velum nodes shows who is away");
}

void askers_tick(struct job *j)
{
    struct asker *a, **at = &j->askers;

    while ((a = *at) != NULL) {
        if (instant_since_us(j->node->now, a->since) < PATIENCE_US) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        asker_answer_unsafe(j, a);
        alloc_free(j->node->alloc, a, sizeof *a);
    }
}

/* This node no longer coordinates: a node that asked asks again by itself. */
void askers_pass_on(struct job *j)
{
    struct node *n = j->node;
    struct asker *a;

    while ((a = j->askers) != NULL) {
        j->askers = a->next;
        if (a->link != 0 && link_find(n, a->link) != NULL && !submit_pass_on(j, a))
            reply_error(
                n, a->link, a->request, 7,
                "another node coordinates the job by now, and it is not known how safe it is",
                "submit it again: twice is one job");
        alloc_free(n->alloc, a, sizeof *a);
    }
}

void askers_answer(struct job *j)
{
    struct node *n = j->node;
    struct peer_forwarded m = {.job = j->id};
    struct reply_submitted s = {.job = j->id};
    struct asker *a, **at = &j->askers;
    uint8_t bytes[2048];
    struct buf b;

    if (j->askers == NULL)
        return;
    m.durable = s.durable = record_durable(j, 1, &m.machines);
    s.machines = m.machines;
    while ((a = *at) != NULL) {
        if (!batch_is_kept(j, a->batch)) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        buf_init_fixed(&b, bytes, sizeof bytes);
        m.already = s.already = a->already;
        if (a->link != 0) {
            put_reply_submitted(&b, &s);
            if (link_find(n, a->link) != NULL)
                send_link(n, a->link, MESSAGE_REPLY_SUBMITTED, a->request, buf_bytes(&b));
        } else {
            put_peer_forwarded(&b, &m);
            directory_tell(n, j->id, a->node);
            send_node(n, a->node, MESSAGE_FORWARDED, a->request, buf_bytes(&b));
        }
        alloc_free(n->alloc, a, sizeof *a);
    }
}
