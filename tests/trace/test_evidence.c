/* How many jobs that run elsewhere a node is believed, which answers everything that is asked about
 * them: as many as it shows that users signed them. */
#include "core/node/answers.h"
#include "core/node/directory.h"
#include "core/node/evidence.h"
#include "core/node/jobs.h"
#include "core/node/vouch.h"
#include "tests/lib/check.h"
#include "tests/lib/rig_told.h"

#define PEERS 5u
#define FIRST 1

static struct rig rig;

static void begin(uint32_t level)
{
    rig_start(&rig, 1, false);
    for (uint32_t i = 0; i < PEERS; i++) {
        rig.peers[i].level = i == 0 ? 0 : level;
        rig_peer_up(&rig, i, 1);
    }
    rig_run(&rig, S_US);
}

static void put_word(uint32_t peer, struct job_id job, enum evidence_word word, enum party author,
                     uint8_t signature)
{
    told_evidence(&rig, peer, &(struct evidence){.job = job, .word = word}, author, signature);
}

/* They answer so, whatever is asked; gives how often they were. */
static uint32_t all_answer(uint32_t from, uint32_t upto, int64_t us, enum evidence_word word,
                           enum party author)
{
    uint32_t count = 0;
    struct job_id job;

    for (int64_t at = 0; at < us; at += 100 * MS_US) {
        rig_run(&rig, 100 * MS_US);
        for (uint32_t i = from; i < upto; i++)
            while (told_asked(&rig, i, &job)) {
                put_word(i, job, word, author, 0);
                count++;
            }
    }
    return count;
}

static uint32_t answers(uint32_t peer, int64_t us, enum evidence_word word, enum party author)
{
    return all_answer(peer, peer + 1, us, word, author);
}

static uint32_t vouched_by(uint32_t peer)
{
    uint32_t count = 0;

    for (const struct entry *e = rig.node->running.first; e != NULL; e = e->next)
        count +=
            node_id_equal(e->coordinator, rig.peers[peer].id) && e->standing == STANDING_VOUCHED;
    return count;
}

TEST(four_thieves_do_not_end_all_submission)
{
    struct rig_job job;

    begin(0);
    for (uint32_t i = FIRST; i < PEERS; i++)
        told_many(&rig, i, i * JOBS_LIVE_MAX, VOUCHED_MAX, i);
    CHECK_INT(rig.node->running.count, JOBS_LIVE_MAX);
    CHECK_INT(directory_live(rig.node), (PEERS - FIRST) * EVIDENCE_FREE + DOUBTED_COUNTED_MAX);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 1});
    rig_submit(&rig, 0, &job);
    rig_run(&rig, 50 * MS_US);
    CHECK(job_find(rig.node, job.id) != NULL);
    rig_job_clear(&job);
    rig_stop(&rig);
}

TEST(jobs_of_the_whole_mesh_count_towards_its_limit)
{
    struct peer_forwarded m = {.exit_code = 0};
    const struct rig_sent *s;
    struct rig_job job;

    begin(0);
    for (uint32_t i = FIRST; i < PEERS; i++)
        told_many(&rig, i, i * JOBS_LIVE_MAX, VOUCHED_MAX, i);
    CHECK_INT(all_answer(FIRST, PEERS, 60 * S_US, EVIDENCE_SHOWN, PARTY_SUBMIT), 4 * 6);
    CHECK_INT(directory_live(rig.node), JOBS_LIVE_MAX);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 1});
    rig_submit(&rig, 0, &job);
    CHECK(job_find(rig.node, job.id) == NULL);
    s = rig_take(&rig, 0, MESSAGE_FORWARDED);
    REQUIRE(s != NULL && read_peer_forwarded(s->payload, &m) == 0);
    CHECK_INT(m.exit_code, 1);
    rig_job_clear(&job);
    rig_stop(&rig);
}

TEST(who_shows_its_jobs_is_believed_all_of_them)
{
    begin(0);
    told_many(&rig, FIRST, 1, VOUCHED_MAX, FIRST);
    CHECK_INT(vouched_by(FIRST), EVIDENCE_FREE);
    CHECK_INT(answers(FIRST, 60 * S_US, EVIDENCE_SHOWN, PARTY_SUBMIT), 6);
    CHECK_INT(vouched_by(FIRST), VOUCHED_MAX);
    CHECK_INT(answers(FIRST, 120 * S_US, EVIDENCE_SHOWN, PARTY_SUBMIT), 0);
    rig_stop(&rig);
}

TEST(who_leads_more_jobs_than_anybody_is_believed_is_asked_no_more_either)
{
    begin(0);
    told_many(&rig, FIRST, 1, VOUCHED_MAX + 100, FIRST);
    CHECK_INT(answers(FIRST, 60 * S_US, EVIDENCE_SHOWN, PARTY_SUBMIT), 6);
    CHECK_INT(vouched_by(FIRST), VOUCHED_MAX);
    CHECK_INT(answers(FIRST, 120 * S_US, EVIDENCE_SHOWN, PARTY_SUBMIT), 0);
    rig_stop(&rig);
}

TEST(who_has_few_jobs_is_asked_for_none)
{
    begin(0);
    told_many(&rig, FIRST, 1, EVIDENCE_FREE, FIRST);
    CHECK_INT(answers(FIRST, 120 * S_US, EVIDENCE_SHOWN, PARTY_SUBMIT), 0);
    CHECK_INT(vouched_by(FIRST), EVIDENCE_FREE);
    rig_stop(&rig);
}

TEST(who_does_not_have_what_it_tells_is_believed_nothing_until_it_shows_some)
{
    begin(0);
    told_many(&rig, FIRST, 1, 4 * EVIDENCE_FREE, FIRST);
    CHECK_INT(answers(FIRST, 40 * S_US, EVIDENCE_NONE, PARTY_SUBMIT), EVIDENCE_MISSES);
    CHECK_INT(vouched_by(FIRST), 0);
    CHECK_INT(answers(FIRST, 40 * S_US, EVIDENCE_SHOWN, PARTY_SUBMIT), 1);
    CHECK(vouched_by(FIRST) > EVIDENCE_FREE);
    rig_stop(&rig);
}

TEST(who_says_nothing_has_nothing)
{
    struct job_id job;

    begin(0);
    told_many(&rig, FIRST, 1, 4 * EVIDENCE_FREE, FIRST);
    rig_run(&rig, 40 * S_US);
    CHECK_INT(vouched_by(FIRST), 0);
    for (uint32_t i = 0; i < EVIDENCE_MISSES; i++)
        CHECK(told_asked(&rig, FIRST, &job));
    CHECK(!told_asked(&rig, FIRST, &job));
    rig_stop(&rig);
}

/* A node can sign, but nobody's job; and what nobody signed is an offence. */
TEST(what_no_user_signed_is_no_evidence)
{
    struct job_id job = {{0}};

    begin(0);
    told_many(&rig, FIRST, 1, 4 * EVIDENCE_FREE, FIRST);
    CHECK(answers(FIRST, 40 * S_US, EVIDENCE_SHOWN, PARTY_NODE) > 0);
    CHECK_INT(vouched_by(FIRST), 0);
    told_many(&rig, 2, 1001, 4 * EVIDENCE_FREE, 2);
    for (uint32_t i = 0; i < 100 && !told_asked(&rig, 2, &job); i++)
        rig_run(&rig, 100 * MS_US);
    put_word(2, job, EVIDENCE_SHOWN, PARTY_SUBMIT, RIG_BROKEN_SIGNATURE);
    rig_run(&rig, S_US);
    CHECK_INT(vouched_by(2), EVIDENCE_FREE);
    CHECK(rig.node->offences != NULL);
    /* What was not asked for is not looked at. */
    put_word(3, job, EVIDENCE_SHOWN, PARTY_SUBMIT, RIG_BROKEN_SIGNATURE);
    /* Whoever may look only submits none. */
    told_many(&rig, 4, 2001, 4 * EVIDENCE_FREE, 4);
    CHECK(answers(4, 40 * S_US, EVIDENCE_SHOWN, PARTY_READ) > 0);
    CHECK_INT(vouched_by(4), 0);
    rig_stop(&rig);
}

TEST(an_older_node_is_asked_nothing)
{
    begin(FEATURE_EVIDENCE - 1);
    told_many(&rig, FIRST, 1, 4 * EVIDENCE_FREE, FIRST);
    CHECK_INT(answers(FIRST, 40 * S_US, EVIDENCE_SHOWN, PARTY_SUBMIT), 0);
    CHECK_INT(vouched_by(FIRST), EVIDENCE_FREE);
    rig_stop(&rig);
}

static void ask_for(uint32_t peer, struct job_id job)
{
    put_word(peer, job, EVIDENCE_ASK, PARTY_SUBMIT, 0);
}

TEST(who_has_a_job_shows_who_signed_it_a_few_times_a_second)
{
    const struct rig_sent *s;
    struct rig_job job;
    struct evidence m;

    begin(0);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 1});
    rig_submit(&rig, 0, &job);
    ask_for(2, job.id);
    s = rig_take(&rig, 2, MESSAGE_EVIDENCE);
    REQUIRE(s != NULL && read_evidence(s->payload, &m) == 0);
    CHECK(m.word == EVIDENCE_SHOWN && m.state == JOB_RUNNING && job_id_equal(m.job, job.id));
    CHECK(m.sealed.certificate.len > 0 && m.sealed.certificate.data[ID_SIZE] != PARTY_NODE);
    ask_for(2, told_id(1));
    s = rig_take(&rig, 2, MESSAGE_EVIDENCE);
    CHECK(s != NULL && read_evidence(s->payload, &m) == 0 && m.word == EVIDENCE_NONE);
    for (uint32_t i = 0; i < 100; i++)
        ask_for(3, job.id);
    CHECK_INT(rig_count(&rig, 3, MESSAGE_EVIDENCE), EVIDENCE_ANSWERS_MAX);
    /* However many others have their part (answers.h). */
    for (uint32_t i = 0; i < ANSWERED_MAX; i++)
        CHECK(answers_may(rig.node, (struct node_id){{(uint8_t)i, 9}}, ANSWER_WORD));
    ask_for(4, job.id);
    CHECK_INT(rig_count(&rig, 4, MESSAGE_EVIDENCE), 1);
    rig_job_clear(&job);
    rig_stop(&rig);
}

TEST_MAIN(four_thieves_do_not_end_all_submission, jobs_of_the_whole_mesh_count_towards_its_limit,
          who_shows_its_jobs_is_believed_all_of_them,
          who_leads_more_jobs_than_anybody_is_believed_is_asked_no_more_either,
          who_has_few_jobs_is_asked_for_none,
          who_does_not_have_what_it_tells_is_believed_nothing_until_it_shows_some,
          who_says_nothing_has_nothing, what_no_user_signed_is_no_evidence,
          an_older_node_is_asked_nothing, who_has_a_job_shows_who_signed_it_a_few_times_a_second)
