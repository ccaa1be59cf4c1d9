/* Lists of all jobs: told in slices, each job once, whatever happens between two of them. */
#include "core/node/listing.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define JOBS 300u
#define FEW 20u
#define USER 4711u /* a link that is no peer's */
#define IN_A_STEP 64u

static struct rig rig;

static struct job_id job_of(uint32_t k)
{
    struct job_id id = {{0}};

    store_u32(id.bytes, k + 1);
    return id;
}

/* Peer 0 leads this job, and says how it is. */
static void say(uint32_t k, enum job_state state, uint64_t version)
{
    struct peer_entry p = {
        .version = version, .epoch = 1, .coordinator = rig.peers[0].id, .holders_count = 1};
    struct buf b;

    p.holders[0] = rig.peers[0].id;
    p.view.id = job_of(k);
    p.view.state = state;
    text_copy(p.view.kernel, sizeof p.view.kernel, "work");
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_u8(&b, 0);
    put_u16(&b, 1);
    put_peer_entry(&b, &p);
    rig_frame(&rig, 0, MESSAGE_DIRECTORY, &b);
    buf_clear(&b);
}

static void ask(struct node *n, void *ctx)
{
    const uint32_t *count = ctx;

    for (uint32_t request = 1; request <= *count; request++)
        listing_add(n, USER, request, true);
    listings_run(n);
}

static void begin(uint32_t jobs)
{
    rig_start(&rig, 1, false);
    rig_peer_up(&rig, 0, 1);
    for (uint32_t k = 0; k < jobs; k++)
        say(k, JOB_RUNNING, 1);
}

/* How often each job was told since the last time; gives how many in all. */
static uint32_t told(uint8_t times[JOBS])
{
    const struct rig_sent *s;
    struct job_view v;
    uint32_t count = 0;

    while ((s = rig_take(&rig, RIG_NOBODY, MESSAGE_REPLY_JOB)) != NULL) {
        CHECK_INT(read_job_view(s->payload, &v), 0);
        times[load_u32(v.id.bytes) - 1]++;
        count++;
    }
    return count;
}

TEST(a_list_of_many_jobs_comes_in_slices)
{
    uint8_t times[JOBS] = {0};
    uint32_t one = 1, first;

    begin(JOBS);
    rig_inside(&rig, ask, &one);
    first = told(times);
    CHECK(first >= IN_A_STEP && first < JOBS);
    CHECK(listings_are_due(rig.node) && node_due(rig.node).us <= rig.now.us);
    rig_run(&rig, MS_US);
    CHECK_INT(told(times), JOBS - first);
    CHECK_INT(rig_count(&rig, RIG_NOBODY, MESSAGE_REPLY_END), 1);
    CHECK(!listings_are_due(rig.node));
    rig_stop(&rig);
}

/* Some that were told, the one that comes next, and some behind it. */
TEST(a_job_that_ends_meanwhile_is_listed_once)
{
    uint8_t times[JOBS] = {0};
    uint32_t one = 1;

    begin(JOBS);
    rig_inside(&rig, ask, &one);
    say(0, JOB_DONE, 2);
    say(2 * IN_A_STEP, JOB_DONE, 2);
    say(JOBS - 1, JOB_DONE, 2);
    rig_run(&rig, MS_US);
    CHECK_INT(told(times), JOBS);
    for (uint32_t k = 0; k < JOBS; k++)
        CHECK_INT(times[k], 1);
    CHECK_INT(rig_count(&rig, RIG_NOBODY, MESSAGE_REPLY_END), 1);
    rig_stop(&rig);
}

static void leave(struct node *n, void *ctx)
{
    (void)ctx;
    listings_link_down(n, USER);
}

/* They wait for each other, and there is room for so many. */
TEST(lists_come_one_after_the_other)
{
    uint8_t times[JOBS] = {0};
    uint32_t too_many = LISTINGS_MAX + 3;

    begin(FEW);
    rig_inside(&rig, ask, &too_many);
    rig_run(&rig, 10 * MS_US);
    CHECK_INT(told(times), FEW * LISTINGS_MAX);
    for (uint32_t k = 0; k < FEW; k++)
        CHECK_INT(times[k], LISTINGS_MAX);
    CHECK_INT(rig_count(&rig, RIG_NOBODY, MESSAGE_REPLY_END), LISTINGS_MAX);
    CHECK_INT(rig_count(&rig, RIG_NOBODY, MESSAGE_REPLY_ERROR), 3);
    rig_inside(&rig, ask, &too_many);
    rig_inside(&rig, leave, NULL);
    CHECK(!listings_are_due(rig.node));
    rig_stop(&rig);
}

TEST_MAIN(a_list_of_many_jobs_comes_in_slices, a_job_that_ends_meanwhile_is_listed_once,
          lists_come_one_after_the_other)
