/* A holder that is told by somebody it does not know who holds a job now: it asks those that it
 * knows. */
#include "core/node/jobs.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define HOLDER 0
#define STRANGER 1

static struct rig rig;
static struct rig_job job;

static void tell_title(void)
{
    struct buf fact, b;

    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    rig_put_claim(&rig, STRANGER, &job, 2, &fact);
    put_facts_begin(&b, job.id, 1, false, 1);
    put_block(&b, buf_bytes(&fact));
    rig_frame(&rig, STRANGER, MESSAGE_FACTS, &b);
    buf_clear(&fact);
    buf_clear(&b);
}

/* Once a second, however often it is told. */
TEST(whom_it_knows_is_asked_about_whom_it_does_not_believe)
{
    rig_start(&rig, 1, false);
    rig_peer_up(&rig, HOLDER, 1);
    rig_peer_up(&rig, STRANGER, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 8});
    rig_hold(&rig, HOLDER, &job);
    rig_run(&rig, 2 * S_US);
    (void)rig_count(&rig, HOLDER, MESSAGE_SYNC);
    for (int i = 0; i < 5; i++)
        tell_title();
    CHECK(node_id_equal(ledger_claim(job_find(rig.node, job.id)->ledger)->node,
                        rig.peers[HOLDER].id));
    CHECK_INT(rig_count(&rig, HOLDER, MESSAGE_SYNC), 1);
    rig_job_clear(&job);
    rig_stop(&rig);
}

TEST_MAIN(whom_it_knows_is_asked_about_whom_it_does_not_believe)
