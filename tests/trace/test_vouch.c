/* Jobs that run elsewhere, as anybody tells of them: which of them count, who is asked whether they
 * are, and how those that nobody has go. */
#include "core/node/authors.h"
#include "core/node/directory.h"
#include "core/node/evidence.h"
#include "core/node/jobs.h"
#include "core/node/vouch.h"
#include "tests/lib/check.h"
#include "tests/lib/rig_inside.h"
#include "tests/lib/rig_told.h"

#define PEERS 4u
#define HONEST 0
#define HOLDER 1
#define THIEF 3

static struct rig rig;

static const struct entry *entry_of(uint32_t i)
{
    return directory_find(rig.node, told_id(i));
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
    told_many(&rig, THIEF, 1, JOBS_LIVE_MAX, THIEF);
    told_many(&rig, THIEF, 20001, JOBS_LIVE_MAX, HONEST);
    CHECK_INT(directory_live(rig.node), EVIDENCE_FREE + DOUBTED_COUNTED_MAX);
    CHECK(rig.node->running.count <= JOBS_LIVE_MAX);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 1});
    rig_submit(&rig, HONEST, &job);
    rig_run(&rig, 50 * MS_US);
    CHECK(job_find(rig.node, job.id) != NULL);
    /* What its coordinator tells has room. */
    told_many(&rig, HONEST, 50001, 1, HONEST);
    CHECK(entry_of(50001) != NULL);
    rig_job_clear(&job);
    rig_stop(&rig);
}

TEST(a_job_that_nobody_has_goes)
{
    struct peer_entry p;

    begin();
    p = told_entry(&rig, 1, HONEST);
    p.holders[p.holders_count++] = rig.peers[HOLDER].id;
    told_one(&rig, THIEF, &p);
    CHECK(!told_is_asked(&rig, HONEST, MESSAGE_WATCH, VOUCH_AFTER_US - S_US));
    CHECK(told_is_asked(&rig, HONEST, MESSAGE_WATCH, 8 * S_US));
    /* Nobody else's word counts. */
    told_state(&rig, THIEF, 1, 1);
    told_state(&rig, HONEST, 1, 0);
    CHECK_INT(rig_count(&rig, HOLDER, MESSAGE_WATCH), 1);
    CHECK(entry_of(1) != NULL);
    told_state(&rig, HOLDER, 1, 0);
    CHECK(entry_of(1) == NULL);
    CHECK_INT(directory_live(rig.node), 0);
    rig_stop(&rig);
}

TEST(a_job_whose_holder_has_it_stays_and_its_coordinator_is_heard_again)
{
    struct job_view v;
    struct peer_entry p;

    begin();
    p = told_entry(&rig, 1, HONEST);
    p.version = 1 << 20;
    told_one(&rig, THIEF, &p);
    CHECK(told_is_asked(&rig, HONEST, MESSAGE_WATCH, VOUCH_AFTER_US + 8 * S_US));
    told_state(&rig, HONEST, 1, 1);
    REQUIRE(entry_of(1) != NULL);
    CHECK_INT(entry_of(1)->standing, STANDING_VOUCHED);
    CHECK(entry_view(entry_of(1), &v) && v.by.bytes[0] == 3);
    CHECK_INT(authors_jobs(rig.node, v.by), 1);
    CHECK_INT(authors_count(rig.node), 1);
    p = told_entry(&rig, 1, HONEST);
    p.version = (uint64_t)1 << 40; /* it has run for long */
    p.view.leaves_done = 9;
    told_one(&rig, 2, &p); /* as another passes it on */
    CHECK(entry_view(entry_of(1), &v) && v.leaves_done == 9);
    CHECK(!told_is_asked(&rig, HONEST, MESSAGE_WATCH, 60 * S_US));
    rig_stop(&rig);
}

/* More than it may vouch for. */
TEST(one_that_ended_unheard_is_heard_of)
{
    struct peer_entry p;

    begin();
    p = told_entry(&rig, 1, HONEST);
    told_one(&rig, THIEF, &p);
    CHECK(told_is_asked(&rig, HONEST, MESSAGE_WATCH, VOUCH_AFTER_US + 8 * S_US));
    (void)rig_count(&rig, HONEST, MESSAGE_SYNC);
    told_over(&rig, HONEST, 1);
    CHECK_INT(rig_count(&rig, HONEST, MESSAGE_SYNC), 1);
    p.view.state = JOB_DONE;
    p.ended_s = 1;
    told_one(&rig, HONEST, &p);
    CHECK(entry_of(1) != NULL && entry_of(1)->state == JOB_DONE);
    rig_stop(&rig);
}

TEST(who_leads_many_jobs_is_asked_once_for_each)
{
    const uint32_t last = EVIDENCE_FREE + 1;

    rig_start(&rig, 1, false);
    rig.peers[HONEST].level = FEATURE_EVIDENCE - 1;
    rig_peer_up(&rig, HONEST, 1);
    told_many(&rig, HONEST, 1, last, HONEST);
    CHECK_INT(entry_of(last)->standing, STANDING_DOUBTED);
    CHECK(told_is_asked(&rig, HONEST, MESSAGE_WATCH, VOUCH_AFTER_US + 8 * S_US));
    told_state(&rig, HONEST, last, 1);
    CHECK_INT(entry_of(last)->standing, STANDING_DOUBTED);
    CHECK(!told_is_asked(&rig, HONEST, MESSAGE_WATCH, 4 * VOUCH_AFTER_US));
    rig_peer_dies(&rig, HONEST);
    rig_run(&rig, 30 * S_US);
    rig_peer_up(&rig, HONEST, 1);
    CHECK(told_is_asked(&rig, HONEST, MESSAGE_WATCH, 2 * VOUCH_AFTER_US));
    rig_stop(&rig);
}

TEST(one_that_says_nothing_is_asked_again)
{
    begin();
    told_many(&rig, THIEF, 1, 1, HONEST);
    rig_run(&rig, 2 * VOUCH_AFTER_US + 20 * S_US);
    CHECK_INT(rig_count(&rig, HONEST, MESSAGE_WATCH), 2);
    CHECK(entry_of(1) != NULL);
    rig_stop(&rig);
}

TEST(a_job_that_was_lost_with_its_coordinator_goes_when_he_is_back)
{
    begin();
    told_many(&rig, HONEST, 1, 1, HONEST);
    CHECK_INT(entry_of(1)->standing, STANDING_VOUCHED);
    CHECK(!told_is_asked(&rig, HONEST, MESSAGE_WATCH, 2 * VOUCH_AFTER_US));
    rig_peer_dies(&rig, HONEST);
    rig_run(&rig, VOUCH_AFTER_US + 8 * S_US);
    REQUIRE(entry_of(1) != NULL);
    CHECK_INT(entry_of(1)->standing, STANDING_DOUBTED);
    rig_peer_up(&rig, HONEST, 1);
    CHECK(told_is_asked(&rig, HONEST, MESSAGE_WATCH, VOUCH_AFTER_US + 8 * S_US));
    told_state(&rig, HONEST, 1, 0);
    CHECK(entry_of(1) == NULL);
    rig_stop(&rig);
}

TEST(what_nobody_tells_any_more_is_not_passed_on)
{
    begin();
    rig_peer_cut(&rig, 2);
    told_many(&rig, THIEF, 1, 1, HONEST);
    told_many(&rig, HONEST, 2, 1, HONEST);
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
    told_many(&rig, THIEF, 1, 100, THIEF);
    told_many(&rig, HONEST, 1001, 1, HONEST);
    rig_inside(&rig, revoke, &rig.peers[THIEF].id);
    CHECK_INT(directory_live(rig.node), 1);
    CHECK_INT(rig.node->running.count, 1);
    rig_stop(&rig);
}

TEST_MAIN(one_thief_does_not_end_all_submission, a_job_that_nobody_has_goes,
          a_job_whose_holder_has_it_stays_and_its_coordinator_is_heard_again,
          one_that_ended_unheard_is_heard_of,
          who_leads_many_jobs_is_asked_once_for_each, one_that_says_nothing_is_asked_again,
          a_job_that_was_lost_with_its_coordinator_goes_when_he_is_back,
          what_nobody_tells_any_more_is_not_passed_on, what_a_revoked_node_leads_goes_at_once)
