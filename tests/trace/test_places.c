/* Stories of where running jobs are kept: holders follow the mesh as it grows, and nobody gives
 * anything up before others have it. */
#include "core/job/ledger.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/keep.h"
#include "core/node/kill.h"
#include "core/node/lead.h"
#include "core/node/peer.h"
#include "core/node/place.h"
#include "tests/lib/story_copies.h"

static struct story story;

static bool is_named(struct job_id id, uint32_t at, uint32_t who)
{
    const struct job *j = job_find(story.nodes[at].core, id);
    const struct holders *h = j == NULL || j->ledger == NULL ? NULL : ledger_holders(j->ledger);

    return h != NULL && holders_have(h, story.nodes[who].id);
}

static void begin_three(void)
{
    story_init(&story, 6);
    for (uint32_t i = 0; i < 3; i++)
        story_start(&story, i);
    story_hint(&story, 1, 0);
    story_hint(&story, 2, 0);
    story_run(&story, 5 * S_US);
}

static void three_more(void)
{
    for (uint32_t i = 3; i < 6; i++) {
        story_start(&story, i);
        story_hint(&story, i, 0);
    }
}

static struct job *led(struct job_id id)
{
    return job_find(story.nodes[story_leader(&story, id)].core, id);
}

/* What holder `r` says to the coordinator of all that it was sent. */
static void says_of_all(struct job_id id, const struct replica *r, bool refused)
{
    uint8_t bytes[64];
    struct buf b;
    uint32_t from = 0;

    while (!node_id_equal(story.nodes[from].id, r->id))
        from++;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, id);
    put_u64(&b, r->sent);
    put_u8(&b, refused);
    story_say(&story, from, story_leader(&story, id), MESSAGE_FACTS_KEPT, 0, buf_bytes(&b));
}

static void all_keep_all(struct job_id id)
{
    const struct job *j = led(id);

    for (uint8_t i = 0; i < j->replicas_count; i++)
        says_of_all(id, &j->replicas[i], false);
    story_run(&story, 10 * MS_US);
}

/* A job that has a better holder than one of its three, and as many copies as both lists need. */
static bool has_grown(struct job_id id)
{
    return ledger_holders(led(id)->ledger)->count > 3;
}

/* It refused something of what it had confirmed in part, and is shown everything again: until it
 * has confirmed that, nobody is left out for it. */
TEST(a_list_does_not_shrink_for_a_holder_that_refused_something)
{
    struct job_id id = {{0}};
    uint32_t count;
    const struct job *j;
    struct replica new;

    begin_three();
    for (uint32_t k = 0; k < 12; k++)
        (void)story_submitted(&story, 0, 1 + k);
    three_more();
    story_run(&story, S_US);
    story_drop(&story, MESSAGE_FACTS_KEPT, STORY_USER, STORY_USER);
    for (uint32_t k = 0; k < 12 * 500 && !has_grown(id = story_job(&story, 1 + k % 12)); k++)
        story_run(&story, MS_US);
    REQUIRE(has_grown(id));
    story_run(&story, 100 * MS_US);
    j = led(id);
    count = ledger_holders(j->ledger)->count;
    new = j->replicas[0];
    for (uint8_t i = 1; i < j->replicas_count; i++)
        if (j->replicas[i].acked == 0)
            new = j->replicas[i];
    CHECK_INT(new.acked, 0);
    all_keep_all(id);
    says_of_all(id, &new, true);
    for (int k = 0; k < 30; k++) {
        story_run(&story, 100 * MS_US);
        CHECK_INT(ledger_holders(j->ledger)->count, count);
    }
    all_keep_all(id);
    story_run(&story, 3 * S_US);
    CHECK_INT(ledger_holders(led(id)->ledger)->count, 3);
    CHECK(story_end(&story));
}

/* Three nodes with so many jobs, then three more. */
static void grow(struct job_id *ids, uint32_t jobs)
{
    begin_three();
    for (uint32_t k = 0; k < jobs; k++)
        ids[k] = story_submitted(&story, 0, 1 + k);
    story_run(&story, S_US);
    three_more();
}

TEST(holders_drift_to_the_best_of_a_mesh_that_grows)
{
    struct job_id ids[12];
    uint32_t moved = 0;

    grow(ids, 12);
    story_run(&story, 25 * S_US);
    for (uint32_t k = 0; k < 12; k++) {
        uint32_t leader = story_leader(&story, ids[k]);
        struct holders best = place_wanted(story.nodes[leader].core, ids[k], 0, NULL, true);

        CHECK_INT(story_holders_up(&story, ids[k]), 3);
        CHECK_INT(best.count, 3);
        for (uint32_t i = 0; i < 6; i++) {
            bool named = is_named(ids[k], leader, i);

            CHECK(named == story_holds(&story, i, ids[k]));
            CHECK(named == holders_have(&best, story.nodes[i].id));
            moved += named && i >= 3;
        }
    }
    CHECK(moved > 0);
    CHECK(story_end(&story));
}

TEST(a_former_holder_that_has_retired_is_not_waited_for)
{
    struct job_id ids[12];
    uint32_t killed = 0;

    grow(ids, 12);
    story_run(&story, 25 * S_US);
    for (uint32_t k = 0; k < 12 && killed == 0; k++) {
        uint32_t leader = story_leader(&story, ids[k]), former = 3, request;
        uint64_t user;

        for (uint32_t i = 0; i < 3; i++)
            if (!story_holds(&story, i, ids[k]))
                former = i;
        if (former == 3 || former == leader)
            continue;
        killed++;
        story_kill(&story, former);
        story_run(&story, 500 * MS_US);
        user = story_user(&story, leader);
        request = story_ask_id(&story, user, MESSAGE_REQUEST_KILL, ids[k]);
        CHECK_INT(story_code_within(&story, user, request, 200 * MS_US), 0);
        CHECK_INT(story_killed(&story, user, request), KILL_DONE);
    }
    CHECK_INT(killed, 1);
    CHECK(story_end(&story));
}

/* The new holders' disks take nothing: the old ones stay, named and with what they have. */
TEST(nobody_gives_anything_up_before_others_have_it)
{
    struct job_id ids[12];

    grow(ids, 12);
    for (uint32_t i = 3; i < 6; i++)
        story.nodes[i].stuck = true;
    story_run(&story, 25 * S_US);
    for (uint32_t k = 0; k < 12; k++)
        for (uint32_t i = 0; i < 3; i++) {
            CHECK(story_holds(&story, i, ids[k]));
            CHECK(is_named(ids[k], story_leader(&story, ids[k]), i));
        }
    CHECK(story_end(&story));
}

/* It hears that it is none any more, and its confirmations are lost. */
TEST(a_former_holder_waits_for_the_word_of_a_present_one)
{
    struct job_id ids[12];
    uint32_t stayed = 0;

    grow(ids, 12);
    story_run(&story, 4500 * MS_US);
    story_drop(&story, MESSAGE_FACTS_KEPT, STORY_USER, 1);
    story_run(&story, 20 * S_US);
    for (uint32_t k = 0; k < 12; k++) {
        uint32_t leader = story_leader(&story, ids[k]);

        if (leader != 1 && !is_named(ids[k], leader, 1)) {
            CHECK(story_holds(&story, 1, ids[k]));
            stayed++;
        }
    }
    CHECK(stayed > 0);
    story_drop(&story, 0, STORY_USER, STORY_USER);
    story_run(&story, 25 * S_US);
    for (uint32_t k = 0; k < 12; k++)
        CHECK_INT(story_holders_up(&story, ids[k]), 3);
    CHECK(story_end(&story));
}

/* Every holder in turn dies and another comes: there are never more than three for long, and a kill
 * still knows whom it cannot ask. */
TEST(the_set_stays_small_after_many_replacements)
{
    struct node_id ever[KILL_HOLDERS_MAX];
    struct job_id id;
    uint32_t leader;

    story_begin(&story, 6);
    id = story_submitted(&story, 0, 1);
    for (int i = 0; i < 6; i++) {
        uint32_t victim = story_one_that(&story, true, id);

        story_kill(&story, victim);
        story_run(&story, 15 * S_US);
        story_start(&story, victim);
        story_hint(&story, victim, story_one_that(&story, true, id));
        story_run(&story, 15 * S_US);
        CHECK_INT(story_holders_up(&story, id), 3);
    }
    leader = story_leader(&story, id);
    CHECK_INT(ledger_holders(job_find(story.nodes[leader].core, id)->ledger)->count, 3);
    CHECK(ledger_ever_holders(job_find(story.nodes[leader].core, id)->ledger, ever,
                              KILL_HOLDERS_MAX) >= 3);
    CHECK(story_end(&story));
}

static void halves(bool apart)
{
    for (uint32_t a = 0; a < story.count / 2; a++)
        for (uint32_t b = story.count / 2; b < story.count; b++)
            (apart ? story_cut : story_mend)(&story, a, b);
}

/* Each half brings in holders of its own, one of them more often: its list is the later one, and
 * the other half's holders are in none that it ever had. */
TEST(holders_of_both_halves_hear_who_stays)
{
    enum { JOBS = 12 };
    struct job_id ids[JOBS];
    uint32_t most = 0;

    story_begin(&story, 8);
    for (uint32_t k = 0; k < JOBS; k++)
        ids[k] = story_ended(&story, 1 + k);
    halves(true);
    story_run(&story, 25 * S_US);
    for (uint32_t k = 0; k < JOBS; k++)
        most = story_holders_up(&story, ids[k]) > most ? story_holders_up(&story, ids[k]) : most;
    CHECK_INT(most, 6);
    story_kill(&story, 1);
    story_run(&story, 15 * S_US);
    story_start(&story, 1);
    story_hint(&story, 1, 0);
    story_run(&story, 15 * S_US);
    halves(false);
    story_run(&story, 40 * S_US);
    for (uint32_t k = 0; k < JOBS; k++) {
        CHECK_INT(story_holders_up(&story, ids[k]), 3);
        story_all_tell(&story, ids[k], JOB_CANCELLED, 3);
    }
    CHECK(story_end(&story));
}

/* All that node i keeps of the job, as a frame that tells it. */
static void put_all(uint32_t i, struct job_id id, struct buf *b)
{
    const struct ledger *l = job_find(story.nodes[i].core, id)->ledger;
    struct reader r;
    struct buf facts;
    uint16_t count = 0;

    buf_init(&facts, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    ledger_snapshot(l, &facts);
    for (r = reader_of(buf_bytes(&facts)); reader_left(&r) > 0 && !r.failed; count++)
        read_block(&r, FRAME_PAYLOAD_MAX);
    buf_init(b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_facts_begin(b, id, 0, true, count);
    put_raw(b, facts.data, facts.len);
    CHECK(!r.failed && !b->failed);
    buf_clear(&facts);
}

static void alone(uint32_t i, bool apart)
{
    for (uint32_t k = 0; k < story.count; k++)
        if (k != i)
            (apart ? story_cut : story_mend)(&story, i, k);
}

static uint32_t leader_up(struct job_id id)
{
    for (uint32_t i = 0; i < story.count; i++)
        if (story.nodes[i].core != NULL && story_leads(&story, i, id))
            return i;
    return story.count;
}

/* The epoch of the title that a node takes; 0 when it takes none. */
static uint32_t title_within(uint32_t i, struct job_id id, int64_t us)
{
    for (int64_t at = 0; at < us; at += 10 * MS_US) {
        const struct job *j = job_find(story.nodes[i].core, id);

        if (j != NULL && j->lead != NULL)
            return j->lead->claim.epoch;
        story_run(&story, 10 * MS_US);
    }
    return 0;
}

/* It coordinated the job and gave it up, and is told of it by one that knows only the first title:
 * the title it takes is none that it had. */
TEST(a_job_that_was_given_up_and_comes_back_gets_a_new_title)
{
    enum { JOBS = 24 };
    struct buf old[JOBS];
    struct job_id ids[JOBS];
    uint32_t former, tried = 0;

    story_init(&story, 8);
    for (uint32_t i = 0; i < 3; i++)
        story_start(&story, i);
    story_hint(&story, 1, 0);
    story_hint(&story, 2, 0);
    story_run(&story, 5 * S_US);
    for (uint32_t k = 0; k < JOBS; k++)
        ids[k] = story_submitted(&story, 0, 1 + k);
    story_run(&story, S_US);
    for (uint32_t k = 0; k < JOBS; k++)
        put_all(leader_up(ids[k]), ids[k], &old[k]);
    story_kill(&story, leader_up(ids[0]));
    story_run(&story, 12 * S_US);
    former = leader_up(ids[0]);
    for (uint32_t i = 3; i < story.count; i++) {
        story_start(&story, i);
        story_hint(&story, i, former);
    }
    story_run(&story, 25 * S_US);
    alone(former, true);
    story_run(&story, 15 * S_US);
    alone(former, false);
    story_run(&story, 30 * S_US);
    for (uint32_t k = 0; k < JOBS; k++) {
        uint32_t leader = leader_up(ids[k]);

        if (ledger_claim(job_find(story.nodes[leader].core, ids[k])->ledger)->epoch == 3 &&
            !story_holds(&story, former, ids[k])) {
            story_say(&story, leader, former, MESSAGE_FACTS, 0, buf_bytes(&old[k]));
            CHECK(title_within(former, ids[k], 5 * S_US) > 3);
            tried++;
        }
        buf_clear(&old[k]);
    }
    CHECK(tried > 0);
    CHECK(story_end(&story));
}

/* The first of the jobs that a node is just leaving, and has shown to a present holder. */
static uint32_t left_by(uint32_t i, const struct job_id *ids, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++) {
        const struct job *j = job_find(story.nodes[i].core, ids[k]);

        if (j != NULL && j->tending == TEND_LEAVES && j->replicas[0].whole)
            return k;
    }
    return count;
}

static uint32_t attempts_at(uint32_t i, struct job_id id)
{
    const struct job *j = job_find(story.nodes[i].core, id);
    uint32_t count = 0;
    struct reader r;
    struct fact f;
    struct buf b;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    ledger_snapshot(j->ledger, &b);
    for (r = reader_of(buf_bytes(&b)); reader_left(&r) > 0 && !r.failed;)
        count += fact_read(read_block(&r, FRAME_PAYLOAD_MAX), &f) == 0 && f.kind == FACT_ATTEMPT;
    buf_clear(&b);
    return count;
}

/* A coordinator that is behind still sends it batches, and counts its copy. */
TEST(what_comes_while_a_node_leaves_is_not_given_up)
{
    enum { JOBS = 12 };
    struct attempt a = {.author = {{7}}, .cause = "SIGSEGV"};
    uint32_t k = JOBS, former, leader;
    struct job_id ids[JOBS];
    uint8_t bytes[256];
    struct buf b, fact;

    grow(ids, JOBS);
    story_run(&story, 4500 * MS_US);
    story_drop(&story, MESSAGE_SYNC, STORY_USER, STORY_USER); /* it would be found by comparing */
    for (int at = 0; at < 200000 && k == JOBS; at++) {
        story_run(&story, 100);
        for (former = 0; former < 3 && (k = left_by(former, ids, JOBS)) == JOBS; former++)
            ;
    }
    REQUIRE(k < JOBS);
    leader = story_leader(&story, ids[k]);
    CHECK_INT(attempts_at(leader, ids[k]), 0);
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init_fixed(&fact, bytes, sizeof bytes);
    put_attempt(&fact, &a);
    put_facts_begin(&b, ids[k], 0, false, 1);
    put_block(&b, buf_bytes(&fact));
    story_say(&story, leader, former, MESSAGE_FACTS, 0, buf_bytes(&b));
    buf_clear(&b);
    story_run(&story, 20 * S_US);
    CHECK(!story_holds(&story, former, ids[k]));
    CHECK_INT(attempts_at(leader, ids[k]), 1);
    CHECK(story_end(&story));
}

static const struct ledger *ledger_at(uint32_t i, struct job_id id)
{
    const struct job *j = job_find(story.nodes[i].core, id);

    return j == NULL ? NULL : j->ledger;
}

/* Three nodes with so many jobs that have ended, then three more. */
static void grow_ended(struct job_id *ids, uint32_t jobs)
{
    begin_three();
    for (uint32_t k = 0; k < jobs; k++)
        ids[k] = story_ended(&story, 1 + k);
    three_more();
}

/* Those that were not asked when it left hear of it from the one that was. */
TEST(who_gave_up_an_ended_job_is_known_to_all_its_holders)
{
    struct job_id ids[6];
    uint32_t known = 0;

    grow_ended(ids, 6);
    story_run(&story, 60 * S_US);
    for (uint32_t k = 0; k < 6; k++)
        for (uint32_t former = 0; former < 3; former++)
            for (uint32_t i = 0; i < 6 && !story_holds(&story, former, ids[k]); i++) {
                if (!story_holds(&story, i, ids[k]))
                    continue;
                CHECK(ledger_has_retired(ledger_at(i, ids[k]), story.nodes[former].id));
                known++;
            }
    CHECK(known >= 3);
    CHECK(story_end(&story));
}

/* Nobody names it any more, and it has not gone yet. */
static bool is_leaving(uint32_t i, struct job_id id)
{
    return story_holds(&story, i, id) &&
           !holders_have(ledger_holders(ledger_at(i, id)), story.nodes[i].id);
}

/* It hears nothing while the former holder leaves, and of it when it is compared with. */
TEST(a_holder_that_missed_who_left_hears_of_it_later)
{
    struct job_id ids[6];
    uint32_t k = 6, former = 0, last = 0, other = 0;

    grow_ended(ids, 6);
    for (int at = 0; at < 60000 && k == 6; at++) {
        story_run(&story, MS_US);
        for (former = 0; former < 3 && k == 6; former++)
            for (uint32_t i = 0; i < 6 && k == 6; i++)
                k = is_leaving(former, ids[i]) ? i : 6;
    }
    REQUIRE(k < 6);
    former--;
    for (uint32_t i = 0; i < 6; i++) {
        const struct holders *h = ledger_holders(ledger_at(former, ids[k]));

        last = node_id_equal(story.nodes[i].id, h->ids[h->count - 1]) ? i : last;
        other = node_id_equal(story.nodes[i].id, h->ids[0]) ? i : other;
    }
    story_drop(&story, MESSAGE_FACTS, STORY_USER, last);
    story_run(&story, 20 * S_US);
    CHECK(!story_holds(&story, former, ids[k]));
    CHECK(ledger_has_retired(ledger_at(other, ids[k]), story.nodes[former].id));
    CHECK(!ledger_has_retired(ledger_at(last, ids[k]), story.nodes[former].id));
    story_drop(&story, 0, STORY_USER, STORY_USER);
    story_cut(&story, last, other);
    story_run(&story, 500 * MS_US);
    story_mend(&story, last, other);
    story_run(&story, 10 * S_US);
    CHECK(ledger_has_retired(ledger_at(last, ids[k]), story.nodes[former].id));
    CHECK(story_end(&story));
}

TEST_MAIN(a_list_does_not_shrink_for_a_holder_that_refused_something,
          holders_drift_to_the_best_of_a_mesh_that_grows,
          a_former_holder_that_has_retired_is_not_waited_for,
          nobody_gives_anything_up_before_others_have_it,
          a_former_holder_waits_for_the_word_of_a_present_one,
          the_set_stays_small_after_many_replacements, holders_of_both_halves_hear_who_stays,
          a_job_that_was_given_up_and_comes_back_gets_a_new_title,
          what_comes_while_a_node_leaves_is_not_given_up,
          who_gave_up_an_ended_job_is_known_to_all_its_holders,
          a_holder_that_missed_who_left_hears_of_it_later)
