/* A coordinator hears of chunks that all of them is computed, before it hears what came of them. */
#include "core/node/jobs.h"
#include "core/node/peer.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define SLOTS 2u
#define LEAVES 1024u

static struct rig rig;
static struct rig_job job;

/* The node itself has no kernel, so that everything goes to the first peer. */
static void begin(void)
{
    rig_start(&rig, 1, false);
    rig_peer_up(&rig, 0, SLOTS);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = LEAVES});
    rig_submit(&rig, 0, &job);
    rig_run(&rig, 20 * MS_US);
}

static void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

static void say_computed(uint32_t peer, uint64_t grant)
{
    uint8_t bytes[128];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, job.id);
    put_u8(&b, RETURN_COMPUTED);
    put_text(&b, "");
    put_u16(&b, 1);
    put_u64(&b, grant);
    rig_frame(&rig, peer, MESSAGE_RETURN, &b);
    rig_run(&rig, 20 * MS_US);
}

static uint32_t grants_taken(struct peer_chunk *last)
{
    struct peer_chunk c;
    uint32_t count = 0;

    *last = (struct peer_chunk){0};
    for (; rig_take_grant(&rig, 0, &c); count++)
        *last = c;
    return count;
}

static void tell(struct peer_chunk c, uint64_t seq)
{
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

TEST(another_chunk_takes_the_slot_of_one_that_is_computed_and_one_only)
{
    struct peer_chunk first, next;

    begin();
    REQUIRE(grants_taken(&first) == SLOTS);
    say_computed(0, first.grant);
    CHECK_INT(grants_taken(&next), 1);
    CHECK(next.first >= first.end || next.end <= first.first); /* its leaves are still its own */
    say_computed(0, first.grant);
    CHECK_INT(grants_taken(&next), 0);
    tell(first, 1);
    CHECK_INT(grants_taken(&next), 0); /* its slot has another */
    end();
}

TEST(nobody_says_it_of_the_chunk_of_another)
{
    struct peer_chunk first, next;

    begin();
    REQUIRE(grants_taken(&first) == SLOTS);
    rig_peer_up(&rig, 1, 0);
    say_computed(1, first.grant);
    say_computed(0, first.grant + 1000);
    CHECK_INT(grants_taken(&next), 0);
    end();
}

/* One that lies would have all leaves otherwise, and never tell of any. */
TEST(a_node_has_so_many_of_them_only)
{
    struct peer_chunk c, first;
    uint32_t more = 0;

    begin();
    REQUIRE(grants_taken(&c) == SLOTS);
    first = c;
    do {
        say_computed(0, c.grant);
        more++;
    } while (grants_taken(&c) == 1 && more < 100);
    CHECK_INT(more - 1, 4 * SLOTS);
    tell(first, 1);
    say_computed(0, first.grant - 1); /* the other one of the beginning */
    CHECK_INT(grants_taken(&c), 1);
    end();
}

TEST_MAIN(another_chunk_takes_the_slot_of_one_that_is_computed_and_one_only,
          nobody_says_it_of_the_chunk_of_another, a_node_has_so_many_of_them_only)
