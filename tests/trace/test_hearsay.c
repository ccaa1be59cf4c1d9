/* What entries of the directory may do that a thief of a node's key makes up: he is shown to users
 * for as long as he goes on, and nothing is lost, ended or given away by it. */
#include "core/node/directory.h"
#include "core/node/hearsay.h"
#include "core/node/jobs.h"
#include "core/node/permit.h"
#include "core/node/place.h"
#include "core/node/state.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define PEERS 5u
#define HONEST 0
#define LEAVES 64u

static struct rig rig;
static struct rig_job job;
static uint32_t thief; /* holds nothing of the job */

static const struct job *here(void)
{
    return job_find(rig.node, job.id);
}

static const struct entry *entry_here(void)
{
    const struct entry *e = directory_find(rig.node, job.id);

    REQUIRE(e != NULL);
    return e;
}

/* One of these should hold the job by rank, and has a word in it (test_heirs). */
static bool some_should_hold_it(void)
{
    const struct holders ranked = place_wanted(rig.node, job.id, FEATURE_FIRST, NULL, false);

    return holders_have(&ranked, rig.peers[1].id) || holders_have(&ranked, rig.peers[2].id) ||
           holders_have(&ranked, rig.peers[3].id);
}

/* Nobody knows of the job yet. */
static void begin(void)
{
    struct rig_spec spec = {.accumulator_size = 16, .leaves = LEAVES};

    rig_start(&rig, 1, true);
    rig.strict = true;
    for (uint32_t i = 0; i < PEERS; i++)
        rig_peer_up(&rig, i, 1);
    rig_job_make(&rig, &job, spec);
    while (some_should_hold_it()) {
        rig_job_clear(&job);
        spec.nonce++;
        REQUIRE(spec.nonce != 0);
        rig_job_make(&rig, &job, spec);
    }
    thief = 1;
}

/* The node leads it. */
static void begin_lead(void)
{
    begin();
    rig_submit(&rig, HONEST, &job);
    rig_run(&rig, 50 * MS_US);
    while (holders_have(ledger_holders(here()->ledger), rig.peers[thief].id))
        thief++;
}

static void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

static struct peer_entry entry_by(uint32_t coordinator)
{
    struct peer_entry p = {.version = 5, .epoch = 1, .coordinator = rig.peers[coordinator].id};

    p.view = (struct job_view){.id = job.id, .state = JOB_RUNNING, .leaves_total = LEAVES};
    p.holders[p.holders_count++] = p.coordinator;
    return p;
}

static void tell(uint32_t peer, const struct peer_entry *p)
{
    uint8_t bytes[4096];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_u8(&b, 0);
    put_u16(&b, 1);
    put_peer_entry(&b, p);
    CHECK(!b.failed);
    rig_frame(&rig, peer, MESSAGE_DIRECTORY, &b);
}

static void end_is_told_as(uint32_t peer, enum job_state state, uint64_t version)
{
    struct peer_entry p = entry_by(peer);

    p.epoch = 2;
    p.version = version;
    p.view.state = state;
    p.view.durable = p.view.machines = 1;
    p.ended_s = 1;
    tell(peer, &p);
}

static void end_is_told(uint32_t peer, enum job_state state)
{
    end_is_told_as(peer, state, 100);
}

/* The last word that the node said of the job to this peer. */
static struct peer_entry last_said(uint32_t peer)
{
    struct peer_entry last = {0}, p;
    const struct rig_sent *s;

    while ((s = rig_take(&rig, peer, MESSAGE_DIRECTORY)) != NULL) {
        struct reader r = reader_of(s->payload);

        read_u8(&r);
        for (uint16_t i = read_u16(&r); i > 0 && !r.failed; i--) {
            read_peer_entry(&r, &p);
            if (job_id_equal(p.view.id, job.id))
                last = p;
        }
    }
    return last;
}

static uint64_t leaves_shown(void)
{
    struct job_view v;

    CHECK(entry_view(entry_here(), &v));
    return v.leaves_done;
}

TEST(no_version_and_no_epoch_is_the_last)
{
    struct peer_entry p;

    begin();
    p = entry_by(HONEST);
    tell(HONEST, &p);
    p.view.leaves_done = 1;
    p.version = ENTRY_VERSION_MAX;
    tell(thief, &p);
    p.version = 6;
    p.epoch = UINT32_MAX;
    tell(thief, &p);
    CHECK_INT(leaves_shown(), 0);
    /* As others pass it on. */
    p = entry_by(HONEST);
    p.version = 6;
    p.view.leaves_done = 7;
    tell(2, &p);
    CHECK_INT(leaves_shown(), 7);
    end();
}

TEST(no_first_epoch_is_the_last)
{
    struct peer_entry p;

    begin();
    p = entry_by(HONEST);
    p.epoch = UINT32_MAX;
    tell(thief, &p);
    CHECK(directory_find(rig.node, job.id) == NULL);
    p.epoch = ENTRY_EPOCH_FIRST_MAX;
    tell(thief, &p);
    REQUIRE(directory_find(rig.node, job.id) != NULL);
    p.epoch++;
    p.view.leaves_done = 9;
    tell(thief, &p);
    CHECK_INT(leaves_shown(), 0);
    /* Who leads it may have had to go beyond. */
    tell(HONEST, &p);
    CHECK_INT(leaves_shown(), 9);
    end();
}

TEST(a_coordinator_is_heard_whatever_he_is_said_to_have_said)
{
    struct peer_entry p;

    begin();
    p = entry_by(HONEST);
    p.version = ENTRY_VERSION_FIRST_MAX;
    p.epoch = 1 << 20;
    tell(thief, &p);
    p = entry_by(HONEST);
    p.view.leaves_done = 7;
    tell(HONEST, &p);
    CHECK_INT(leaves_shown(), 7);
    end();
}

TEST(who_leads_a_job_is_heard_over_one_who_says_that_he_does)
{
    struct peer_entry p, said;

    begin_lead();
    p = entry_by(thief);
    for (uint32_t i = 0; i < 20; i++) {
        p.epoch += 200;
        p.version += ENTRY_VERSION_LEAP_MAX;
        tell(thief, &p);
        rig_run(&rig, 500 * MS_US);
    }
    rig_run(&rig, 3 * S_US);
    said = last_said(2);
    CHECK(node_id_equal(said.coordinator, rig.id));
    CHECK(said.epoch > 1 && said.version > ENTRY_VERSION_LEAP_MAX);
    CHECK(said.version < ENTRY_VERSION_FIRST_MAX);
    CHECK(here()->lead != NULL);
    end();
}

TEST(what_the_ledger_says_is_not_what_he_says)
{
    struct job_view v;
    struct node_id author;

    begin_lead();
    author = here()->spec->author;
    end_is_told(thief, JOB_DIVERGENT);
    rig_run(&rig, 100 * MS_US);
    CHECK(rig_count(&rig, thief, MESSAGE_SYNC) > 0); /* he may show it */
    CHECK_INT(entry_here()->state, JOB_RUNNING);
    CHECK(entry_view(entry_here(), &v) && node_id_equal(v.by, author));
    CHECK(here()->lead != NULL);
    rig_run(&rig, END_ASKED_US + S_US);
    rig_count(&rig, thief, MESSAGE_SYNC);
    rig_run(&rig, 3 * S_US);
    CHECK_INT(rig_count(&rig, thief, MESSAGE_SYNC), 0);
    end();
}

/* --- when it is safe --- */

static void outcome_comes(void)
{
    const struct outcome o = {.state = JOB_FAILED, .error = "so it was"};

    rig_tell_outcome(&rig, HONEST, &job, &o);
    rig_run(&rig, 10 * MS_US);
    REQUIRE(here() != NULL && job_is_final(here()));
}

/* Its copies may not have been synced. */
TEST(an_end_is_safe_when_one_says_so_who_has_the_job)
{
    begin();
    rig_hold(&rig, HONEST, &job);
    end_is_told(thief, JOB_FAILED);
    outcome_comes();
    CHECK(!here()->settled);
    end_is_told(thief, JOB_FAILED);
    CHECK(!here()->settled);
    end_is_told(HONEST, JOB_FAILED);
    CHECK(here()->settled);
    end();
}

TEST(it_is_when_others_said_the_same_after_him_and_not_when_they_said_something_later)
{
    begin();
    rig_hold(&rig, HONEST, &job);
    end_is_told(HONEST, JOB_FAILED);
    end_is_told(thief, JOB_FAILED);
    outcome_comes();
    CHECK(here()->settled);
    end();
    begin();
    rig_hold(&rig, HONEST, &job);
    end_is_told(HONEST, JOB_FAILED);
    end_is_told_as(thief, JOB_FAILED, 101);
    outcome_comes();
    CHECK(!here()->settled);
    end();
}

TEST(nor_is_it_when_it_was_told_before_the_ledger_came)
{
    begin();
    end_is_told(thief, JOB_FAILED);
    rig_count(&rig, HONEST, MESSAGE_SYNC);
    rig_hold(&rig, HONEST, &job);
    CHECK_INT(entry_here()->state, JOB_RUNNING);
    CHECK(rig_count(&rig, HONEST, MESSAGE_SYNC) > 0);
    outcome_comes();
    CHECK(!here()->settled);
    end_is_told(HONEST, JOB_FAILED);
    CHECK(here()->settled);
    end();
}

/* --- of what comes back --- */

/* All that there is of it is what its submitter signed. */
static void hold_its_spec(void)
{
    struct buf fact, b;

    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_facts_begin(&b, job.id, 1, true, 1);
    put_u8(&fact, FACT_SPEC);
    put_u8(&fact, 1);
    put_raw(&fact, job.spec.data, job.spec.len);
    put_block(&b, buf_bytes(&fact));
    rig_frame(&rig, HONEST, MESSAGE_FACTS, &b);
    buf_clear(&fact);
    buf_clear(&b);
}

static void says_forgotten(uint32_t peer)
{
    struct peer_sync m = {.job = job.id, .gone = JOB_FAILED};
    uint8_t room[256];
    struct buf b;

    buf_init_fixed(&b, room, sizeof room);
    put_peer_sync(&b, &m);
    rig_frame(&rig, peer, MESSAGE_SYNC, &b);
}

TEST(a_job_is_not_forgotten_because_one_names_himself_its_holder)
{
    struct peer_entry p;

    begin();
    hold_its_spec();
    REQUIRE(here() != NULL && here()->ledger != NULL);
    end_is_told(thief, JOB_FAILED);
    rig_run(&rig, 100 * MS_US);
    says_forgotten(thief);
    says_forgotten(thief);
    REQUIRE(here() != NULL && here()->ledger != NULL);
    p = entry_by(thief);
    p.epoch = 3;
    p.view.state = JOB_FAILED;
    p.ended_s = 1;
    p.holders[p.holders_count++] = rig.peers[2].id;
    tell(2, &p);
    says_forgotten(3);
    REQUIRE(here() != NULL && here()->ledger != NULL);
    says_forgotten(2);
    CHECK(here() == NULL);
    end();
}

/* --- work --- */

/* The node computes leaves of a job that an honest peer leads, and has no ledger of it. */
static void begin_work(void)
{
    begin();
    rig_start_chunk(&rig, &job, (struct peer_chunk){.grant = 1, .first = 0, .end = LEAVES}, 16);
}

static bool works(void)
{
    return here() != NULL && here()->labour != NULL && here()->labour->chunks_count == 1;
}

static void state_is_told(uint32_t peer, enum job_state state)
{
    struct job_view v = {.id = job.id, .state = state};
    uint8_t bytes[4096];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_u8(&b, 1);
    put_job_id(&b, job.id);
    put_u64(&b, 0);
    put_job_view(&b, &v);
    rig_frame(&rig, peer, MESSAGE_STATE, &b);
}

TEST(work_is_dropped_on_the_word_of_who_leads)
{
    uint32_t asked;

    begin_work();
    end_is_told(thief, JOB_CANCELLED);
    state_is_told(thief, JOB_CANCELLED);
    rig_run(&rig, 10 * S_US);
    CHECK(works());
    asked = rig_count(&rig, HONEST, MESSAGE_WATCH);
    CHECK(asked > 5 && asked <= 10);
    state_is_told(HONEST, JOB_RUNNING);
    rig_run(&rig, 25 * S_US);
    CHECK(rig_count(&rig, HONEST, MESSAGE_WATCH) <= 1);
    CHECK(works());
    state_is_told(HONEST, JOB_CANCELLED);
    CHECK(!works());
    end();
}

TEST(work_for_nobody_is_dropped_when_the_job_has_ended)
{
    begin_work();
    end_is_told(2, JOB_DONE);
    rig_peer_dies(&rig, HONEST);
    rig_run(&rig, 3 * S_US);
    CHECK(works());
    rig_run(&rig, 20 * S_US);
    CHECK(!works());
    end();
}

TEST(who_leads_tells_the_end_in_the_directory)
{
    begin_work();
    end_is_told(HONEST, JOB_CANCELLED);
    CHECK(!works());
    end();
}

/* --- whose it is --- */

static bool is_by(uint8_t author)
{
    struct job_view v;

    return entry_view(entry_here(), &v) && v.by.bytes[0] == author;
}

TEST(whose_a_job_is_changes_by_its_coordinator_alone)
{
    struct peer_entry p;

    begin();
    p = entry_by(HONEST);
    p.view.by.bytes[0] = 1;
    tell(2, &p);
    p.version++;
    p.view.by.bytes[0] = 2;
    tell(thief, &p);
    CHECK(is_by(1));
    p.version += 100;
    p.epoch++;
    p.coordinator = rig.peers[thief].id;
    tell(thief, &p);
    p.version++;
    tell(thief, &p);
    CHECK(is_by(1));
    p = entry_by(HONEST);
    p.epoch = 3;
    p.view.by.bytes[0] = 3;
    tell(HONEST, &p);
    CHECK(is_by(3));
    end();
}

/* --- who leads it --- */

static bool is_led_by(uint32_t peer)
{
    return node_id_equal(entry_here()->coordinator, rig.peers[peer].id);
}

/* One more holder than who leads it. */
static void begin_held(void)
{
    struct peer_entry p;

    begin();
    p = entry_by(HONEST);
    p.holders[p.holders_count++] = rig.peers[2].id;
    tell(HONEST, &p);
}

static struct peer_entry taken_over_by(uint32_t peer)
{
    struct peer_entry p = entry_by(peer);

    p.epoch = 2;
    return p;
}

TEST(nobody_leads_a_job_because_he_says_so)
{
    struct peer_entry p;

    begin_held();
    p = taken_over_by(thief);
    tell(thief, &p);
    tell(3, &p);
    CHECK(is_led_by(HONEST));
    /* They are asked, once for a while. */
    CHECK_INT(rig_count(&rig, HONEST, MESSAGE_SYNC), 1);
    CHECK_INT(rig_count(&rig, 2, MESSAGE_SYNC), 1);
    /* Whoever names himself a holder has no word either. */
    p = entry_by(HONEST);
    p.version = 6;
    p.holders[0] = rig.peers[thief].id;
    tell(thief, &p);
    p = taken_over_by(thief);
    tell(thief, &p);
    CHECK(is_led_by(HONEST));
    p.view.state = JOB_DONE;
    p.ended_s = 1;
    tell(thief, &p);
    CHECK(is_led_by(HONEST));
    end();
}

TEST(whoever_has_it_says_who_leads_it)
{
    struct peer_entry p;

    begin_held();
    p = taken_over_by(3);
    tell(3, &p);
    CHECK(is_led_by(HONEST));
    tell(2, &p);
    CHECK(is_led_by(3));
    p.version++;
    p.view.by.bytes[0] = 4;
    tell(3, &p);
    CHECK(is_by(4));
    end();
}

TEST(a_holder_takes_over_whoever_tells_it_and_who_leads_it_still_is_heard)
{
    struct peer_entry p;

    begin_held();
    p = taken_over_by(2);
    tell(3, &p);
    CHECK(is_led_by(2));
    p = entry_by(HONEST);
    p.holders[p.holders_count++] = rig.peers[2].id;
    tell(HONEST, &p); /* as if that had been made up */
    CHECK(is_led_by(HONEST));
    p = taken_over_by(2);
    tell(2, &p);
    p = entry_by(HONEST);
    tell(HONEST, &p);
    CHECK(is_led_by(2));
    end();
}

TEST(when_all_who_have_it_are_gone_another_is_believed)
{
    struct peer_entry p;

    begin_held();
    rig_peer_dies(&rig, HONEST);
    rig_peer_dies(&rig, 2);
    rig_run(&rig, 30 * S_US);
    p = taken_over_by(3);
    tell(3, &p);
    CHECK(is_led_by(3));
    end();
}

/* Who has the ledger tells one that has nothing how it is. */
TEST(who_asks_who_leads_a_job_is_told)
{
    struct peer_sync m = {.answer = SYNC_ANSWER};
    uint8_t room[256];
    struct buf b;

    begin_lead();
    rig_run(&rig, 100 * MS_US);
    rig_count(&rig, thief, MESSAGE_DIRECTORY);
    m.job = job.id;
    buf_init_fixed(&b, room, sizeof room);
    put_peer_sync(&b, &m);
    rig_frame(&rig, thief, MESSAGE_SYNC, &b);
    CHECK(node_id_equal(last_said(thief).coordinator, rig.id));
    end();
}

TEST(whose_a_job_is_here_its_specification_says)
{
    struct link_entry user = {.party = PARTY_SUBMIT};
    struct peer_entry p;

    begin();
    p = entry_by(HONEST);
    p.view.by.bytes[0] = 9;
    tell(thief, &p);
    user.id.bytes[0] = 9;
    CHECK(permit_sees(rig.node, &user, entry_here()));
    rig_hold(&rig, HONEST, &job);
    REQUIRE(here() != NULL && here()->ledger != NULL);
    CHECK(!permit_sees(rig.node, &user, entry_here()));
    user.id = here()->spec->author;
    CHECK(permit_sees(rig.node, &user, entry_here()));
    end();
}

TEST_MAIN(no_version_and_no_epoch_is_the_last, no_first_epoch_is_the_last,
          a_coordinator_is_heard_whatever_he_is_said_to_have_said,
          who_leads_a_job_is_heard_over_one_who_says_that_he_does,
          what_the_ledger_says_is_not_what_he_says, an_end_is_safe_when_one_says_so_who_has_the_job,
          it_is_when_others_said_the_same_after_him_and_not_when_they_said_something_later,
          nor_is_it_when_it_was_told_before_the_ledger_came,
          work_is_dropped_on_the_word_of_who_leads,
          a_job_is_not_forgotten_because_one_names_himself_its_holder,
          work_for_nobody_is_dropped_when_the_job_has_ended,
          who_leads_tells_the_end_in_the_directory, whose_a_job_is_changes_by_its_coordinator_alone,
          whose_a_job_is_here_its_specification_says, nobody_leads_a_job_because_he_says_so,
          whoever_has_it_says_who_leads_it,
          a_holder_takes_over_whoever_tells_it_and_who_leads_it_still_is_heard,
          when_all_who_have_it_are_gone_another_is_believed, who_asks_who_leads_a_job_is_told)
