/* A node that runs out of memory at any request: the step says so, everything comes back, and what
 * it wrote until then can be read again (tests/lib/rig.c looks at every record). */
#include "core/base/err.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

static struct rig rig;
static struct rig_job job;

/* A job of a peer's from its submission to some reports; its part on two nodes. */
static void life(void)
{
    struct peer_chunk c = {0};

    rig_peer_up(&rig, 0, 1);
    rig_submit(&rig, 0, &job);
    rig_run(&rig, 20 * MS_US);
    for (uint64_t seq = 1; seq <= 4 && rig.rc == 0 && rig_take_grant(&rig, 0, &c); seq++) {
        rig_report(&rig, 0, &job,
                   (struct rig_report){.seq = seq,
                                       .grant = c.grant,
                                       .from = c.first,
                                       .next = c.end,
                                       .end = c.end,
                                       .compute_us = 1000,
                                       .flags = REPORT_ENDED,
                                       .values = true,
                                       .size = 16});
        rig_run(&rig, 20 * MS_US);
    }
}

TEST(test_every_request_for_memory_refused)
{
    uint64_t n = 0, refused = 0;

    do {
        rig_start(&rig, 1, true);
        rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 64});
        rig.starve_at = ++n;
        life();
        refused = rig.heap.failures;
        CHECK(rig.rc == 0 || rig.rc == ERR_NO_MEMORY);
        rig_job_clear(&job);
        rig_stop(&rig);
    } while (refused > 0 && n < 100000 && check_state.failures == 0);
    printf("# %llu requests\n", (unsigned long long)n - 1);
    CHECK(n > 100);
}

/* The snapshot that a compaction would write in place of everything; NULL data when it says that it
 * cannot. */
static struct bytes snapshot(struct actions *out)
{
    struct bytes blob = {0};
    int rc;

    actions_init(out, &rig.heap.alloc);
    rc = node_compact(rig.node, out);
    CHECK(rc == 0 || rc == ERR_NO_MEMORY);
    for (size_t i = 0; rc == 0 && i < out->count; i++)
        if (out->list[i].kind == ACTION_COMPACT) {
            blob = actions_payload(out, &out->list[i]);
            rig.unsaid = out->list[i].ticket;
        }
    return blob;
}

TEST(test_every_request_of_a_compaction_refused)
{
    struct actions whole_out, out;
    struct bytes whole, blob;
    uint64_t n = 0;

    rig_start(&rig, 1, true);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 64});
    life();
    whole = snapshot(&whole_out);
    rig_synced(&rig); /* the disk has it, and takes another */
    CHECK(whole.len > 500);
    do {
        rig.heap.failures = 0;
        rig.heap.fail_at = rig.heap.calls + ++n;
        blob = snapshot(&out);
        rig.heap.fail_at = 0;
        rig_synced(&rig);
        if (blob.data != NULL)
            CHECK(bytes_equal(blob, whole));
        actions_clear(&out);
    } while (rig.heap.failures > 0 && n < 1000 && check_state.failures == 0);
    CHECK(n > 5);
    actions_clear(&whole_out);
    rig_job_clear(&job);
    rig_stop(&rig);
}

TEST_MAIN(test_every_request_of_a_compaction_refused, test_every_request_for_memory_refused)
