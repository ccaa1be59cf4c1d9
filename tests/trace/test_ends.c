/* Ends of jobs that are elsewhere, as anybody tells them: which are believed, who is asked about
 * the others, and how those go that were made up. */
#include "core/node/ends.h"

#include "core/node/directory.h"
#include "core/node/evidence.h"
#include "core/node/vouch.h"
#include "tests/lib/check.h"
#include "tests/lib/rig_told.h"

#define PEERS 5u
#define HONEST 0
#define HOLDER 1
#define THIEF 4

static struct rig rig;
static struct job_id job;

/* What each peer answers; 0: nothing. */
static enum evidence_word words[PEERS];
static uint8_t states[PEERS];
static uint32_t asked[PEERS];

static void begin(void)
{
    rig_start(&rig, 1, false);
    for (uint32_t i = 0; i < PEERS; i++) {
        rig_peer_up(&rig, i, 1);
        words[i] = EVIDENCE_NONE;
        states[i] = JOB_DONE;
        asked[i] = 0;
    }
    rig_run(&rig, S_US);
}

static void run(int64_t us)
{
    for (int64_t at = 0; at < us; at += 100 * MS_US) {
        rig_run(&rig, 100 * MS_US);
        for (uint32_t i = 0; i < PEERS; i++)
            while (told_asked(&rig, i, &job)) {
                asked[i]++;
                if (words[i] != EVIDENCE_ASK)
                    told_evidence(
                        &rig, i,
                        &(struct evidence){.job = job, .word = words[i], .state = states[i]},
                        PARTY_SUBMIT, 0);
            }
    }
}

static uint32_t all_asked(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < PEERS; i++)
        count += asked[i];
    return count;
}

static const struct entry *entry_of(uint32_t number)
{
    return directory_find(rig.node, told_id(number));
}

static struct peer_entry ended(uint32_t number, uint32_t coordinator)
{
    struct peer_entry p = told_entry(&rig, number, coordinator);

    p.version = 9;
    p.view.state = JOB_DONE;
    p.ended_s = 1;
    p.holders[p.holders_count++] = p.coordinator;
    p.holders[p.holders_count++] = rig.peers[HOLDER].id;
    return p;
}

static void end_is_told(uint32_t peer, uint32_t number, uint32_t coordinator)
{
    const struct peer_entry p = ended(number, coordinator);

    told_one(&rig, peer, &p);
}

TEST(an_end_that_nobody_has_goes)
{
    begin();
    end_is_told(THIEF, 1, HONEST);
    REQUIRE(entry_of(1) != NULL);
    run(20 * S_US);
    CHECK(entry_of(1) == NULL);
    CHECK_INT(all_asked(), PEERS);
    /* Whoever names himself is one of many. */
    words[THIEF] = EVIDENCE_NONE;
    end_is_told(THIEF, 2, THIEF);
    run(20 * S_US);
    CHECK(entry_of(2) == NULL);
    rig_stop(&rig);
}

TEST(who_says_that_it_is_gone_or_says_nothing_keeps_it_for_a_while)
{
    begin();
    words[THIEF] = EVIDENCE_GONE;
    end_is_told(THIEF, 1, THIEF);
    words[HONEST] = EVIDENCE_ASK;
    run(20 * S_US);
    REQUIRE(entry_of(1) != NULL);
    CHECK(entry_of(1)->end_vain);
    CHECK(!vouch_passes_on(rig.node, entry_of(1)));
    rig_run(&rig, ENDS_VAIN_US / 2);
    end_is_told(THIEF, 1, THIEF); /* saying it again does not help */
    CHECK(entry_of(1) != NULL);
    rig_run(&rig, ENDS_VAIN_US / 2);
    CHECK(entry_of(1) == NULL);
    rig_stop(&rig);
}

TEST(an_end_that_is_shown_stays_and_is_asked_about_once)
{
    begin();
    words[HOLDER] = EVIDENCE_SHOWN;
    end_is_told(2, 1, HONEST);
    run(5 * ENDS_AGAIN_US);
    REQUIRE(entry_of(1) != NULL);
    CHECK(!entry_of(1)->unsure);
    CHECK_INT(asked[HONEST], 1);
    CHECK_INT(asked[HOLDER], 1);
    CHECK_INT(all_asked(), 2);
    rig_stop(&rig);
}

TEST(where_another_end_is_shown_and_nobody_shows_this_it_was_not_so)
{
    begin();
    words[HOLDER] = EVIDENCE_SHOWN;
    states[HOLDER] = JOB_FAILED;
    end_is_told(THIEF, 1, THIEF);
    run(20 * S_US);
    CHECK(entry_of(1) == NULL);
    CHECK_INT(rig_count(&rig, HOLDER, MESSAGE_SYNC), 1);
    /* One that shows this goes before it. */
    words[2] = EVIDENCE_SHOWN;
    end_is_told(THIEF, 2, THIEF);
    run(20 * S_US);
    CHECK(entry_of(2) != NULL && !entry_of(2)->unsure);
    rig_stop(&rig);
}

TEST(what_its_coordinator_tells_of_a_job_that_he_told_before_is_asked_about_never)
{
    begin();
    told_many(&rig, HONEST, 1, 1, HONEST);
    end_is_told(HONEST, 1, HONEST);
    REQUIRE(entry_of(1) != NULL && entry_of(1)->ended);
    run(2 * ENDS_AGAIN_US);
    CHECK_INT(all_asked(), 0);
    CHECK(!entry_of(1)->unsure);
    rig_stop(&rig);
}

TEST(whoever_else_counts_its_copies_is_not_believed_for_long)
{
    struct peer_entry p;

    begin();
    told_many(&rig, HONEST, 1, 1, HONEST);
    end_is_told(HONEST, 1, HONEST);
    p = ended(1, HONEST);
    p.version = 1000;
    p.view.durable = 9;
    told_one(&rig, THIEF, &p);
    CHECK(entry_of(1)->unsure);
    words[HONEST] = EVIDENCE_SHOWN;
    run(5 * S_US);
    CHECK(!entry_of(1)->unsure);
    CHECK_INT(rig_count(&rig, HONEST, MESSAGE_SYNC), 1);
    end_is_told(HONEST, 1, HONEST);
    CHECK_INT(entry_of(1)->version, 9);
    CHECK(!entry_of(1)->unsure);
    rig_stop(&rig);
}

TEST(of_what_its_coordinator_tells_alone_one_in_many_is_asked_about)
{
    begin();
    words[HONEST] = EVIDENCE_SHOWN;
    for (uint32_t i = 0; i <= EVIDENCE_FREE; i++)
        end_is_told(HONEST, 1 + i, HONEST);
    run(20 * S_US);
    CHECK_INT(all_asked(), 1);
    CHECK_INT(rig.node->vouches.ends.unsure, 0);
    end_is_told(HONEST, 1000, HONEST);
    run(20 * S_US);
    CHECK_INT(all_asked(), 2);
    CHECK_INT(rig.node->ended.count, EVIDENCE_FREE + 2);
    rig_stop(&rig);
}

/* Which he showed before. */
TEST(what_its_coordinator_tells_alone_is_asked_about_when_another_says_that_he_leads_it)
{
    begin();
    words[THIEF] = EVIDENCE_SHOWN;
    end_is_told(THIEF, 1, THIEF);
    run(5 * S_US);
    end_is_told(THIEF, 2, THIEF);
    CHECK(!entry_of(2)->unsure);
    words[THIEF] = EVIDENCE_NONE;
    words[HOLDER] = EVIDENCE_SHOWN;
    states[HOLDER] = JOB_RUNNING;
    told_many(&rig, HONEST, 2, 1, HONEST);
    CHECK(entry_of(2)->unsure);
    run(5 * S_US);
    CHECK(entry_of(2) == NULL);
    rig_stop(&rig);
}

/* --- of a job that runs --- */

static void begin_running(void)
{
    begin();
    told_many(&rig, HONEST, 1, 1, HONEST);
    end_is_told(THIEF, 1, THIEF);
    REQUIRE(entry_of(1) != NULL);
    CHECK(entry_of(1)->unsure && node_id_equal(entry_of(1)->coordinator, rig.peers[HONEST].id));
}

TEST(who_leads_a_job_says_that_it_runs_and_is_asked_how_it_is)
{
    begin_running();
    words[HONEST] = EVIDENCE_SHOWN;
    states[HONEST] = JOB_RUNNING;
    run(5 * S_US);
    CHECK(entry_of(1) == NULL);
    CHECK(rig_count(&rig, HONEST, MESSAGE_SYNC) > 0);
    told_many(&rig, HONEST, 1, 1, HONEST);
    CHECK(entry_of(1) != NULL && !entry_of(1)->ended);
    rig_stop(&rig);
}

TEST(what_its_coordinator_says_goes_before_an_end_that_another_tells)
{
    begin_running();
    told_many(&rig, 2, 1, 1, HONEST);
    CHECK(entry_of(1)->ended);
    told_many(&rig, HONEST, 1, 1, HONEST);
    CHECK(!entry_of(1)->ended && !entry_of(1)->unsure);
    CHECK_INT(rig.node->vouches.ends.unsure, 0);
    CHECK_INT(directory_live(rig.node), 1);
    rig_stop(&rig);
}

TEST(a_job_that_ended_has_ended_though_another_told_it_first)
{
    struct peer_entry p;

    begin_running();
    p = ended(1, HONEST);
    p.version = 1000;
    p.view.durable = 9;
    told_one(&rig, THIEF, &p);
    CHECK_INT(entry_of(1)->version, 1000);
    end_is_told(HONEST, 1, HONEST);
    CHECK_INT(entry_of(1)->version, 9);
    words[HONEST] = EVIDENCE_SHOWN;
    run(5 * S_US);
    CHECK(entry_of(1) != NULL && entry_of(1)->ended && !entry_of(1)->unsure);
    rig_stop(&rig);
}

/* --- many --- */

TEST(made_up_ends_take_nobodys_place_and_are_not_shown)
{
    begin();
    told_many(&rig, HONEST, 1, 10, HONEST);
    for (uint32_t i = 0; i < 10; i++)
        end_is_told(HONEST, 1 + i, HONEST);
    for (uint32_t i = 0; i < JOBS_LIVE_MAX + JOBS_KEPT_MAX; i++)
        end_is_told(THIEF, 101 + i, THIEF);
    for (uint32_t i = 0; i < 10; i++) {
        REQUIRE(entry_of(1 + i) != NULL);
        CHECK(ends_is_shown(rig.node, entry_of(1 + i)));
    }
    CHECK(!ends_is_shown(rig.node, rig.node->ended.last));
    rig_stop(&rig);
}

TEST(few_are_asked_about_at_a_time)
{
    begin();
    for (uint32_t i = 0; i < 1000; i++)
        end_is_told(THIEF, 1 + i, HONEST);
    run(10 * S_US);
    CHECK(asked[HONEST] >= 30 && asked[HONEST] <= 40);
    CHECK(all_asked() <= PEERS * 40);
    rig_stop(&rig);
}

TEST_MAIN(an_end_that_nobody_has_goes,
          who_says_that_it_is_gone_or_says_nothing_keeps_it_for_a_while,
          an_end_that_is_shown_stays_and_is_asked_about_once,
          where_another_end_is_shown_and_nobody_shows_this_it_was_not_so,
          what_its_coordinator_tells_of_a_job_that_he_told_before_is_asked_about_never,
          whoever_else_counts_its_copies_is_not_believed_for_long,
          of_what_its_coordinator_tells_alone_one_in_many_is_asked_about,
          what_its_coordinator_tells_alone_is_asked_about_when_another_says_that_he_leads_it,
          who_leads_a_job_says_that_it_runs_and_is_asked_how_it_is,
          what_its_coordinator_says_goes_before_an_end_that_another_tells,
          a_job_that_ended_has_ended_though_another_told_it_first,
          made_up_ends_take_nobodys_place_and_are_not_shown, few_are_asked_about_at_a_time)
