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
        CHECK_INT(rig.rc, refused > 0 ? ERR_NO_MEMORY : 0);
        rig_job_clear(&job);
        rig_stop(&rig);
    } while (refused > 0 && n < 100000 && check_state.failures == 0);
    printf("# %llu requests\n", (unsigned long long)n - 1);
    CHECK(n > 100);
}

/* Its coordinator tells what the first stage yielded. */
static void tell_value(void)
{
    static const uint8_t value[16];
    const struct peer_input m = {.job = job.id, .stage = 0, .count = 1};
    uint8_t bytes[128];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_peer_input(&b, &m, true);
    put_block(&b, (struct bytes){value, sizeof value});
    rig_frame(&rig, 0, MESSAGE_INPUT_VALUES, &b);
}

/* A chunk of a peer's that reads what another stage yielded, in so many places, from its grant to
 * its worker. */
static void chunk_with_inputs(uint32_t places)
{
    const struct peer_chunk c = {.grant = 1, .first = 1, .end = 2};

    rig_peer_up(&rig, 0, 1);
    rig_grant(&rig, 0, &job, 1, c);
    rig_run(&rig, 20 * MS_US);
    for (uint32_t i = 0; i < places; i++) {
        tell_value();
        rig_run(&rig, 20 * MS_US);
    }
}

/* In what is left of its last step a node also looks at what found no room. */
static void refuse_every_request(bool twice)
{
    uint64_t n = 0, refused = 0;
    bool loaded = false;

    do {
        rig_start(&rig, 1, true);
        rig_job_make(&rig, &job,
                     (struct rig_spec){
                         .accumulator_size = 16, .leaves = 1, .chained = true, .twice = twice});
        rig.starve_at = ++n;
        chunk_with_inputs(twice ? 2 : 1);
        refused = rig.heap.failures;
        CHECK(rig.rc == 0 || rig.rc == ERR_NO_MEMORY);
        loaded = rig_take_order(&rig, MESSAGE_ORDER_LOAD) != NULL;
        CHECK(loaded || refused > 0);
        rig_job_clear(&job);
        rig_stop(&rig);
    } while (refused > 0 && n < 100000 && check_state.failures == 0);
    CHECK(loaded && n > 20);
}

TEST(test_every_request_for_the_inputs_of_a_chunk_refused)
{
    refuse_every_request(false);
}

/* The second one is awaited while the first found no room. */
TEST(test_every_request_for_two_inputs_of_a_chunk_refused)
{
    refuse_every_request(true);
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

TEST_MAIN(test_every_request_of_a_compaction_refused, test_every_request_for_memory_refused,
          test_every_request_for_the_inputs_of_a_chunk_refused,
          test_every_request_for_two_inputs_of_a_chunk_refused)
