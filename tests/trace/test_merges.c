/* Merges that a coordinator grants like leaves: whom it asks, and when it asks again. */
#include "core/base/err.h"
#include "core/node/assign.h"
#include "core/wire/frame.h"
#include "core/wire/tree.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

static struct rig rig;
static struct rig_job job;

/* The node itself has one slot and not the kernel, so that everything goes to peers. */
static void begin(void)
{
    rig_start(&rig, 1, false);
    rig_peer_up(&rig, 0, 1);
}

static void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

/* Merges asked of this peer by the last GRANT that had any, and how long the spec in it was. */
static uint16_t merges_asked(uint32_t peer, size_t *spec_len)
{
    const struct rig_sent *s;
    struct peer_grant g;
    uint16_t merges = 0, count;

    while ((s = rig_take(&rig, peer, MESSAGE_GRANT)) != NULL) {
        REQUIRE(read_peer_grant(s->payload, &g) == 0);
        for (uint16_t i = 0; i < g.chunks; i++)
            read_peer_chunk(&g.rest);
        count = read_u16(&g.rest);
        if (count > 0) {
            merges = count;
            *spec_len = g.spec.len;
        }
    }
    return merges;
}

/* All leaves are there by one report, and only merges are missing, which peer 0 was asked for. */
static void compute_to_merges(struct rig_spec s)
{
    struct peer_chunk c;

    rig_job_make(&rig, &job, s);
    rig_submit(&rig, 0, &job);
    REQUIRE(rig_take_grant(&rig, 0, &c));
    rig_report(&rig, 0, &job,
               (struct rig_report){.seq = 1,
                                   .grant = c.grant,
                                   .next = s.leaves,
                                   .end = s.leaves,
                                   .compute_us = 1000,
                                   .flags = REPORT_ENDED,
                                   .values = true,
                                   .size = s.accumulator_size});
    rig_run(&rig, 20 * MS_US);
}

TEST(test_merges_go_to_a_node_that_has_not_reported_yet)
{
    size_t spec = 0;

    begin();
    compute_to_merges((struct rig_spec){.accumulator_size = 16, .leaves = 8});
    rig_peer_up(&rig, 1, 1);
    rig_peer_dies(&rig, 0);
    rig_run(&rig, S_US);
    CHECK_INT(merges_asked(1, &spec), 4);
    CHECK(spec > 0);
    end();
}

TEST(test_merges_that_found_nobody_are_asked_for_later)
{
    size_t spec = 0;

    begin();
    compute_to_merges((struct rig_spec){.accumulator_size = 16, .leaves = 8});
    rig_peer_dies(&rig, 0);
    rig_run(&rig, S_US);
    rig_peer_up(&rig, 1, 1);
    rig_run(&rig, S_US);
    CHECK_INT(merges_asked(1, &spec), 4);
    end();
}

TEST(test_merges_that_come_back_are_asked_for_with_the_spec)
{
    uint8_t bytes[64];
    size_t spec = 0;
    struct buf b;

    begin();
    compute_to_merges((struct rig_spec){.accumulator_size = 16, .leaves = 8});
    CHECK_INT(merges_asked(0, &spec), 4);
    CHECK_INT(spec, 0);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, job.id);
    put_u8(&b, RETURN_STOPPING);
    put_text(&b, "");
    put_u16(&b, 0);
    rig_frame(&rig, 0, MESSAGE_RETURN, &b);
    CHECK_INT(merges_asked(0, &spec), 0);
    rig_run(&rig, S_US);
    CHECK_INT(merges_asked(0, &spec), 4);
    CHECK(spec > 0);
    end();
}

TEST(test_merges_without_an_answer_are_asked_for_with_the_spec)
{
    size_t spec = 0;

    begin();
    compute_to_merges((struct rig_spec){.accumulator_size = 16, .leaves = 8});
    CHECK_INT(merges_asked(0, &spec), 4);
    rig_run(&rig, 6 * S_US);
    CHECK_INT(merges_asked(0, &spec), 4);
    CHECK(spec > 0);
    end();
}

TEST(test_merges_beside_a_large_spec_fit_their_frame)
{
    size_t spec = 0;

    begin();
    compute_to_merges((struct rig_spec){
        .accumulator_size = 4096, .leaves = 14, .params_len = 4096, .long_args = true});
    rig_peer_up(&rig, 1, 1);
    rig_peer_dies(&rig, 0);
    rig_run(&rig, S_US);
    CHECK(merges_asked(1, &spec) >= 6);
    CHECK(spec > 6000);
    end();
}

TEST_MAIN(test_merges_go_to_a_node_that_has_not_reported_yet,
          test_merges_that_found_nobody_are_asked_for_later,
          test_merges_that_come_back_are_asked_for_with_the_spec,
          test_merges_without_an_answer_are_asked_for_with_the_spec,
          test_merges_beside_a_large_spec_fit_their_frame)
