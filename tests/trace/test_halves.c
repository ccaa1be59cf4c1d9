/* One job, submitted in two halves of a mesh that do not hear each other: each half begins it, and
 * knows nobody of the other's. When they meet again all come to say the same of it. */
#include "core/job/ledger.h"
#include "core/node/jobs.h"
#include "core/node/seal.h"
#include "core/wire/tree.h"
#include "tests/lib/story_copies.h"

#define NODES 8u
#define HALF (NODES / 2)
#define LEAVES 64u

static struct story story;
static struct job_id id;

static struct job *job_at(uint32_t i)
{
    return story.nodes[i].core == NULL ? NULL : job_find(story.nodes[i].core, id);
}

static void apart(bool is)
{
    for (uint32_t a = 0; a < HALF; a++)
        for (uint32_t b = HALF; b < NODES; b++)
            (is ? story_cut : story_mend)(&story, a, b);
}

static void begin(void)
{
    story_init(&story, NODES);
    story_start_all(&story, true);
    story_run(&story, 8 * S_US);
    apart(true);
    story_run(&story, 15 * S_US);
    id = story_submitted(&story, 0, 1);
    (void)story_submitted(&story, HALF, 1);
    story_run(&story, S_US);
}

static uint32_t leader_in(uint32_t first)
{
    for (uint32_t i = first; i < first + HALF; i++)
        if (story.nodes[i].core != NULL && story_leads(&story, i, id))
            return i;
    return NODES;
}

/* All that hold it say the same of it, and so many lead it. */
static bool agreed(uint32_t leading)
{
    struct digest first = {{0}}, d;
    uint32_t leaders = 0, holders = 0;

    for (uint32_t i = 0; i < NODES; i++) {
        struct job *j = job_at(i);

        if (j == NULL || j->ledger == NULL)
            continue;
        leaders += j->lead != NULL;
        d = ledger_digest(j->ledger);
        if (holders++ > 0 && !digest_equal(d, first))
            return false;
        first = d;
    }
    return leaders == leading && holders == 3;
}

static bool agree_within(uint32_t leading, int64_t us)
{
    for (int64_t at = 0; at < us && !agreed(leading); at += 100 * MS_US)
        story_run(&story, 100 * MS_US);
    return agreed(leading);
}

/* One of a half reports all leaves to the one that leads there. */
static void end_in(uint32_t first)
{
    const struct peer_report_chunk c = {
        .next = LEAVES, .end = LEAVES, .compute_us = 1, .values = 1};
    const uint32_t leader = leader_in(first);
    struct buf b;

    REQUIRE(leader < NODES);
    rig_forget_given(story.nodes[leader].core, id);
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, id);
    put_u64(&b, 1);
    put_u8(&b, 0);
    put_u64(&b, 0);
    put_u16(&b, 1);
    put_peer_report_chunk(&b, &c);
    rig_put_value(&b, (struct tree_node){6, 0}, 8);
    story_say(&story, first + (leader == first), leader, MESSAGE_REPORT, 0, buf_bytes(&b));
    buf_clear(&b);
    story_run(&story, 5 * S_US);
    CHECK(job_at(leader) != NULL && job_is_final(job_at(leader)));
}

/* A holder dies in each, so that both have another list by then. */
static void replace_one(uint32_t first)
{
    for (uint32_t i = first; i < first + HALF; i++)
        if (story_holds(&story, i, id) && !story_leads(&story, i, id)) {
            story_kill(&story, i);
            return;
        }
}

TEST(halves_that_began_one_job_make_it_one)
{
    begin();
    CHECK(leader_in(0) < NODES && leader_in(HALF) < NODES);
    apart(false);
    CHECK(agree_within(1, 15 * S_US));
    CHECK(story_end(&story));
}

TEST(so_do_halves_that_replaced_their_holders)
{
    begin();
    replace_one(0);
    replace_one(HALF);
    story_run(&story, 15 * S_US);
    apart(false);
    CHECK(agree_within(1, 20 * S_US));
    CHECK(story_end(&story));
}

TEST(a_half_that_has_ended_it_ends_it_for_both)
{
    for (uint32_t half = 0; half < 2; half++) {
        begin();
        end_in(half * HALF);
        apart(false);
        story_run(&story, 15 * S_US);
        if (leader_in(0) < NODES || leader_in(HALF) < NODES)
            end_in(leader_in(0) < NODES ? 0 : HALF);
        CHECK(agree_within(0, 30 * S_US));
        CHECK(story_end(&story));
    }
}

TEST(halves_that_both_ended_it_keep_it_once)
{
    begin();
    end_in(0);
    end_in(HALF);
    apart(false);
    CHECK(agree_within(0, 40 * S_US));
    CHECK(story_end(&story));
}

/* Its lists of holders, as it would show them to another. */
static bool is_signed(struct job *j)
{
    static const uint8_t blank[SIGNATURE_SIZE];
    bool all = true;
    struct reader r;
    struct fact f;
    struct buf b;

    job_seal(j);
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    ledger_titles(j->ledger, &b);
    r = reader_of(buf_bytes(&b));
    while (reader_left(&r) > 0) {
        CHECK_INT(fact_read(read_block(&r, FRAME_PAYLOAD_MAX), &f), 0);
        all &= f.kind != FACT_HOLDERS || memcmp(f.sealed.signature, blank, sizeof blank) != 0;
    }
    buf_clear(&b);
    return all;
}

/* It wrote a list when it was alone, after a start, and signs it when it meets somebody. */
TEST(what_a_node_wrote_alone_is_signed_later)
{
    story_init(&story, 2);
    story_start_all(&story, true);
    story_run(&story, 5 * S_US);
    id = story_ended(&story, 1);
    story_run(&story, 10 * S_US);
    story_kill(&story, 0);
    story_kill(&story, 1);
    story_run(&story, S_US);
    story_start(&story, 0);
    story_run(&story, 60 * S_US);
    REQUIRE(job_at(0) != NULL);
    CHECK_INT(ledger_holders(job_at(0)->ledger)->generation, 2);
    CHECK(is_signed(job_at(0)));
    story_start(&story, 1);
    story_hint(&story, 1, 0);
    story_run(&story, 30 * S_US);
    REQUIRE(job_at(0) != NULL && job_at(1) != NULL);
    CHECK_INT(ledger_holders(job_at(0)->ledger)->count, 2);
    CHECK(digest_equal(ledger_digest(job_at(0)->ledger), ledger_digest(job_at(1)->ledger)));
    CHECK(story_end(&story));
}

TEST_MAIN(what_a_node_wrote_alone_is_signed_later, halves_that_began_one_job_make_it_one,
          so_do_halves_that_replaced_their_holders, a_half_that_has_ended_it_ends_it_for_both,
          halves_that_both_ended_it_keep_it_once)
