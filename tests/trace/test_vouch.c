/* Jobs that run elsewhere, as anybody tells of them: which of them count, who is asked whether they
 * are, and how those that nobody has go. */
#include "core/node/authors.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/vouch.h"
#include "tests/lib/check.h"
#include "tests/lib/rig_inside.h"

#define PEERS 4u
#define HONEST 0
#define HOLDER 1
#define THIEF 3
#define A_FRAME 60u
#define NOBODY UINT32_MAX

static struct rig rig;

static struct job_id number(uint32_t i)
{
    struct job_id id = {{7}};

    store_u32(id.bytes + 4, i);
    return id;
}

static const struct entry *entry_of(uint32_t i)
{
    return directory_find(rig.node, number(i));
}

static struct peer_entry made_up(uint32_t i, uint32_t coordinator)
{
    struct peer_entry p = {.version = 5, .epoch = 1};

    if (coordinator != NOBODY)
        p.coordinator = rig.peers[coordinator].id;
    p.view = (struct job_view){.id = number(i), .state = JOB_RUNNING, .leaves_total = 64};
    return p;
}

/* So many jobs that this peer leads, as another says. */
static void tell(uint32_t peer, uint32_t first, uint32_t count, uint32_t coordinator)
{
    struct buf b;

    for (uint32_t i = 0; i < count; i += A_FRAME) {
        const uint32_t many = count - i < A_FRAME ? count - i : A_FRAME;

        buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
        put_u8(&b, 0);
        put_u16(&b, (uint16_t)many);
        for (uint32_t k = 0; k < many; k++) {
            const struct peer_entry p = made_up(first + i + k, coordinator);

            put_peer_entry(&b, &p);
        }
        rig_frame(&rig, peer, MESSAGE_DIRECTORY, &b);
        buf_clear(&b);
    }
}

static void tell_one(uint32_t peer, const struct peer_entry *p)
{
    struct buf b;

    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_u8(&b, 0);
    put_u16(&b, 1);
    put_peer_entry(&b, p);
    rig_frame(&rig, peer, MESSAGE_DIRECTORY, &b);
    buf_clear(&b);
}

/* What this peer answers when it is asked for the job. */
static void answer(uint32_t peer, uint32_t i, uint8_t known)
{
    const struct job_view v = {.id = number(i), .state = JOB_RUNNING, .by = {{3}}};
    struct buf b;

    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_u8(&b, known);
    put_job_id(&b, v.id);
    put_u64(&b, 0);
    if (known == 1)
        put_job_view(&b, &v);
    rig_frame(&rig, peer, MESSAGE_STATE, &b);
    buf_clear(&b);
}

/* Time passes until this peer is asked for a job; false: it is not. */
static bool is_asked(uint32_t peer, int64_t us)
{
    for (int64_t at = 0; at < us; at += 100 * MS_US) {
        rig_run(&rig, 100 * MS_US);
        if (rig_count(&rig, peer, MESSAGE_WATCH) > 0)
            return true;
    }
    return false;
}

static void begin(void)
{
    rig_start(&rig, 1, false);
    for (uint32_t i = 0; i < PEERS; i++)
        rig_peer_up(&rig, i, 1);
    rig_run(&rig, S_US);
}

TEST(one_thief_does_not_end_all_submission)
{
    struct rig_job job;

    begin();
    tell(THIEF, 1, JOBS_LIVE_MAX, THIEF);
    tell(THIEF, 20001, JOBS_LIVE_MAX, HONEST);
    CHECK_INT(directory_live(rig.node), VOUCHED_MAX + DOUBTED_COUNTED_MAX);
    CHECK(rig.node->running.count <= JOBS_LIVE_MAX);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 1});
    rig_submit(&rig, HONEST, &job);
    rig_run(&rig, 50 * MS_US);
    CHECK(job_find(rig.node, job.id) != NULL);
    /* What its coordinator tells has room. */
    tell(HONEST, 50001, 1, HONEST);
    CHECK(entry_of(50001) != NULL);
    rig_job_clear(&job);
    rig_stop(&rig);
}

TEST(a_job_that_nobody_has_goes)
{
    struct peer_entry p;

    begin();
    p = made_up(1, HONEST);
    p.holders[p.holders_count++] = rig.peers[HOLDER].id;
    tell_one(THIEF, &p);
    CHECK(!is_asked(HONEST, VOUCH_AFTER_US - S_US));
    CHECK(is_asked(HONEST, 8 * S_US));
    /* Nobody else's word counts. */
    answer(THIEF, 1, 1);
    answer(HONEST, 1, 0);
    CHECK_INT(rig_count(&rig, HOLDER, MESSAGE_WATCH), 1);
    CHECK(entry_of(1) != NULL);
    answer(HOLDER, 1, 0);
    CHECK(entry_of(1) == NULL);
    CHECK_INT(directory_live(rig.node), 0);
    rig_stop(&rig);
}

TEST(a_job_whose_holder_has_it_stays_and_its_coordinator_is_heard_again)
{
    struct job_view v;
    struct peer_entry p;

    begin();
    p = made_up(1, HONEST);
    p.version = 1 << 20;
    tell_one(THIEF, &p);
    CHECK(is_asked(HONEST, VOUCH_AFTER_US + 8 * S_US));
    answer(HONEST, 1, 1);
    REQUIRE(entry_of(1) != NULL);
    CHECK_INT(entry_of(1)->standing, STANDING_VOUCHED);
    CHECK(entry_view(entry_of(1), &v) && v.by.bytes[0] == 3);
    CHECK_INT(authors_jobs(rig.node, v.by), 1);
    CHECK_INT(authors_count(rig.node), 1);
    p = made_up(1, HONEST);
    p.version = (uint64_t)1 << 40; /* it has run for long */
    p.view.leaves_done = 9;
    tell_one(2, &p); /* as another passes it on */
    CHECK(entry_view(entry_of(1), &v) && v.leaves_done == 9);
    CHECK(!is_asked(HONEST, 60 * S_US));
    rig_stop(&rig);
}

/* More than it may vouch for. */
TEST(who_leads_many_jobs_is_asked_once_for_each)
{
    const uint32_t last = VOUCHED_MAX + 1;

    begin();
    tell(HONEST, 1, last, HONEST);
    CHECK_INT(entry_of(last)->standing, STANDING_DOUBTED);
    CHECK(is_asked(HONEST, VOUCH_AFTER_US + 8 * S_US));
    answer(HONEST, last, 1);
    CHECK_INT(entry_of(last)->standing, STANDING_DOUBTED);
    CHECK(!is_asked(HONEST, 4 * VOUCH_AFTER_US));
    rig_peer_dies(&rig, HONEST);
    rig_run(&rig, 30 * S_US);
    rig_peer_up(&rig, HONEST, 1);
    CHECK(is_asked(HONEST, 2 * VOUCH_AFTER_US));
    rig_stop(&rig);
}

TEST(one_that_says_nothing_is_asked_again)
{
    begin();
    tell(THIEF, 1, 1, HONEST);
    rig_run(&rig, 2 * VOUCH_AFTER_US + 20 * S_US);
    CHECK_INT(rig_count(&rig, HONEST, MESSAGE_WATCH), 2);
    CHECK(entry_of(1) != NULL);
    rig_stop(&rig);
}

TEST(a_job_that_was_lost_with_its_coordinator_goes_when_he_is_back)
{
    begin();
    tell(HONEST, 1, 1, HONEST);
    CHECK_INT(entry_of(1)->standing, STANDING_VOUCHED);
    CHECK(!is_asked(HONEST, 2 * VOUCH_AFTER_US));
    rig_peer_dies(&rig, HONEST);
    rig_run(&rig, VOUCH_AFTER_US + 8 * S_US);
    REQUIRE(entry_of(1) != NULL);
    CHECK_INT(entry_of(1)->standing, STANDING_DOUBTED);
    rig_peer_up(&rig, HONEST, 1);
    CHECK(is_asked(HONEST, VOUCH_AFTER_US + 8 * S_US));
    answer(HONEST, 1, 0);
    CHECK(entry_of(1) == NULL);
    rig_stop(&rig);
}

TEST(what_nobody_tells_any_more_is_not_passed_on)
{
    begin();
    rig_peer_cut(&rig, 2);
    tell(THIEF, 1, 1, HONEST);
    tell(HONEST, 2, 1, HONEST);
    rig_run(&rig, VOUCH_AFTER_US + S_US);
    rig_count(&rig, 2, MESSAGE_DIRECTORY);
    rig_peer_up(&rig, 2, 1);
    rig_run(&rig, S_US);
    for (uint32_t pages = 0;; pages++) {
        const struct rig_sent *s = rig_take(&rig, 2, MESSAGE_DIRECTORY);

        if (s == NULL) {
            CHECK(pages > 0);
            break;
        }
        CHECK_INT(load_u16(s->payload.data + 1), 1);
    }
    rig_stop(&rig);
}

static void revoke(struct node *n, void *ctx)
{
    vouch_revoked(n, *(const struct node_id *)ctx);
}

TEST(what_a_revoked_node_leads_goes_at_once)
{
    begin();
    tell(THIEF, 1, 100, THIEF);
    tell(HONEST, 1001, 1, HONEST);
    rig_inside(&rig, revoke, &rig.peers[THIEF].id);
    CHECK_INT(directory_live(rig.node), 1);
    CHECK_INT(rig.node->running.count, 1);
    rig_stop(&rig);
}

TEST_MAIN(one_thief_does_not_end_all_submission, a_job_that_nobody_has_goes,
          a_job_whose_holder_has_it_stays_and_its_coordinator_is_heard_again,
          who_leads_many_jobs_is_asked_once_for_each, one_that_says_nothing_is_asked_again,
          a_job_that_was_lost_with_its_coordinator_goes_when_he_is_back,
          what_nobody_tells_any_more_is_not_passed_on, what_a_revoked_node_leads_goes_at_once)
