/* Who leads a job that a thief told of first, or granted work of: those who should hold it by rank
 * know, and who leads it has its workers back. */
#include "core/node/heir.h"

#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/labour_title.h"
#include "core/node/place.h"
#include "tests/lib/check.h"
#include "tests/lib/rig_told.h"

#define PEERS 8u
#define LEAVES 64u
#define FAR (UINT32_C(1) << 29)

static struct rig rig;
static struct rig_job job;
static uint32_t first, second; /* of those that should hold it */
static uint32_t thief, stranger;

static void begin(void)
{
    struct holders ranked;
    uint32_t *others[] = {&thief, &stranger};
    uint32_t count = 0, others_count = 0;

    rig_start(&rig, 2, true);
    for (uint32_t i = 0; i < PEERS; i++)
        rig_peer_up(&rig, i, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = LEAVES});
    rig_run(&rig, S_US);
    ranked = place_wanted(rig.node, job.id, FEATURE_FIRST, NULL, false);
    for (uint32_t i = 0; i < PEERS; i++) {
        if (holders_have(&ranked, rig.peers[i].id) && count < 2)
            *(count++ == 0 ? &first : &second) = i;
        else if (!holders_have(&ranked, rig.peers[i].id) && others_count < 2)
            *others[others_count++] = i;
    }
    REQUIRE(count == 2 && others_count == 2);
}

static void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

static struct peer_entry led_by(uint32_t coordinator)
{
    struct peer_entry p = told_entry(&rig, 0, coordinator);

    p.view.id = job.id;
    p.holders[p.holders_count++] = p.coordinator;
    return p;
}

/* With a version and an epoch that nobody in good faith has. */
static void thief_tells(void)
{
    struct peer_entry p = led_by(thief);

    p.epoch = 1 << 20;
    p.version = (uint64_t)1 << 40;
    told_one(&rig, thief, &p);
}

static void says(uint32_t peer, uint32_t coordinator)
{
    const struct peer_entry p = led_by(coordinator);

    told_one(&rig, peer, &p);
}

static bool is_led_by(uint32_t peer)
{
    const struct entry *e = directory_find(rig.node, job.id);

    REQUIRE(e != NULL);
    return node_id_equal(e->coordinator, rig.peers[peer].id);
}

TEST(who_should_hold_a_job_says_who_leads_it)
{
    begin();
    thief_tells();
    says(first, first);
    CHECK(is_led_by(thief));
    CHECK(rig_count(&rig, first, MESSAGE_SYNC) > 0);
    CHECK(rig_count(&rig, second, MESSAGE_SYNC) > 0);
    says(stranger, stranger);
    CHECK(is_led_by(thief));
    says(second, first);
    CHECK(is_led_by(first));
    thief_tells();
    CHECK(is_led_by(first));
    end();
}

TEST(who_was_not_asked_says_nothing_against_it)
{
    begin();
    says(first, first);
    rig_run(&rig, 2 * HEIR_ASK_US);
    says(second, stranger);
    CHECK(is_led_by(first));
    end();
}

/* --- workers --- */

static bool works_for(uint32_t peer)
{
    const struct job *j = job_find(rig.node, job.id);

    return j != NULL && j->labour != NULL &&
           node_id_equal(j->labour->claim.node, rig.peers[peer].id);
}

static void grant(uint32_t peer, uint32_t epoch, uint64_t number)
{
    rig_grant(&rig, peer, &job, epoch, (struct peer_chunk){.grant = number, .end = LEAVES});
    rig_run(&rig, 10 * MS_US);
}

TEST(a_worker_that_a_thief_found_first_works_for_who_leads_the_job)
{
    begin();
    says(first, first);
    grant(thief, FAR, 1);
    CHECK(works_for(thief));
    grant(first, 1, 2);
    CHECK(works_for(first));
    CHECK_INT(rig_count(&rig, first, MESSAGE_RETURN), 0);
    grant(thief, FAR + 1, 3);
    CHECK(works_for(first));
    CHECK(rig_count(&rig, thief, MESSAGE_RETURN) > 0);
    grant(first, 2, 4);
    CHECK(works_for(first));
    end();
}

TEST(so_does_one_that_he_told_first_who_leads_it)
{
    begin();
    thief_tells();
    grant(thief, FAR, 1);
    grant(first, 1, 2);
    CHECK(works_for(thief));
    CHECK(rig_count(&rig, second, MESSAGE_SYNC) > 0);
    says(second, first);
    grant(first, 1, 3);
    CHECK(works_for(first));
    end();
}

TEST(a_holder_that_took_over_keeps_its_workers)
{
    struct peer_entry p;

    begin();
    p = led_by(first);
    p.holders[p.holders_count++] = rig.peers[second].id;
    told_one(&rig, first, &p);
    grant(second, 2, 1);
    CHECK(works_for(second));
    grant(first, 1, 2);
    CHECK(works_for(second));
    CHECK(rig_count(&rig, first, MESSAGE_CLAIM) > 0);
    end();
}

/* It was not known before that it holds the job. */
TEST(one_that_is_known_to_lead_it_now_is_obeyed_again)
{
    struct peer_entry p;

    begin();
    says(first, first);
    grant(stranger, 2, 1);
    grant(first, 1, 2);
    CHECK(works_for(first));
    p = led_by(stranger);
    p.epoch = 2;
    told_one(&rig, first, &p);
    CHECK(is_led_by(stranger));
    grant(stranger, 2, 3);
    CHECK(works_for(stranger));
    end();
}

static void progress(uint32_t worker)
{
    uint8_t bytes[1024];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_worker_progress_begin(&b, 1, 1, 1000, 1000, false, 1);
    rig_put_value(&b, (struct tree_node){0, 0}, 16);
    rig_worker_frame(&rig, worker, MESSAGE_WORKER_PROGRESS, &b);
    rig_run(&rig, 20 * MS_US);
}

/* Two began it at the same time. The greater has no reason to show its title to anybody. */
TEST(who_leads_instead_hears_with_its_first_chunk_what_was_done)
{
    begin();
    rig.node->limits.unkept_bytes = 16;
    progress(rig_start_chunk(&rig, &job, (struct peer_chunk){1, 0, LEAVES}, 16));
    CHECK_INT(rig_count(&rig, 0, MESSAGE_REPORT), 1);
    grant(1, 2, 2);
    CHECK(works_for(1));
    CHECK_INT(rig_count(&rig, 1, MESSAGE_RETURN), 1);
    CHECK_INT(rig_count(&rig, 1, MESSAGE_REPORT), 1);
    grant(1, 2, 3);
    CHECK_INT(rig_count(&rig, 1, MESSAGE_REPORT), 0);
    end();
}

TEST_MAIN(who_should_hold_a_job_says_who_leads_it, who_was_not_asked_says_nothing_against_it,
          a_worker_that_a_thief_found_first_works_for_who_leads_the_job,
          so_does_one_that_he_told_first_who_leads_it, a_holder_that_took_over_keeps_its_workers,
          one_that_is_known_to_lead_it_now_is_obeyed_again,
          who_leads_instead_hears_with_its_first_chunk_what_was_done)
