/* Whoever goes beyond a thief's titles and lists again and again is followed by everybody: by those
 * who hear it each time, and by those who were away meanwhile. */
#include "core/node/directory.h"
#include "core/node/hearsay.h"
#include "core/node/lead_claim.h"
#include "core/node/replica.h"
#include "core/node/warrant.h"
#include "tests/lib/toolbox.h"

#define ATTACK_S 10
#define MISSED 100000u /* generations and epochs: hours of it */

static void begin_peers(bool has_kernel, uint32_t leaves)
{
    memset(seqs, 0, sizeof seqs);
    rig_start(&rig, 1, has_kernel);
    for (uint32_t i = 0; i < PEERS; i++)
        rig_peer_up(&rig, i, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = leaves});
    thief = 4;
}

static void put_list(struct buf *fact, uint32_t by, uint32_t other, uint32_t generation)
{
    rig_put_holders(fact, &job, rig.peers[by].id,
                    &(struct holders){.generation = generation,
                                      .count = 2,
                                      .ids = {rig.peers[other].id, rig.id}});
}

/* Both in one batch, as a coordinator shows them: which answer it gets. */
static uint8_t tell_titles(uint32_t from, uint32_t number)
{
    static uint64_t batch = 100;
    const struct rig_sent *s;
    struct buf fact, b;
    struct reader r;

    rig_count(&rig, from, MESSAGE_FACTS_KEPT);
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_facts_begin(&b, job.id, ++batch, false, 2);
    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_list(&fact, from, from, number);
    put_block(&b, buf_bytes(&fact));
    buf_reset(&fact);
    rig_put_claim(&rig, from, &job, number, &fact);
    put_block(&b, buf_bytes(&fact));
    buf_clear(&fact);
    rig_frame(&rig, from, MESSAGE_FACTS, &b);
    buf_clear(&b);
    rig_run(&rig, 100 * MS_US);
    s = rig_take(&rig, from, MESSAGE_FACTS_KEPT);
    REQUIRE(s != NULL);
    r = reader_of(s->payload);
    read_view(&r, ID_SIZE + 8);
    return read_u8(&r);
}

static void tell_list(uint32_t from, uint32_t other, uint32_t generation)
{
    struct buf fact;

    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_list(&fact, from, other, generation);
    rig_tell(&rig, from, &job, 1, &fact);
    buf_clear(&fact);
    rig_run(&rig, MS_US);
}

static void show_title(uint32_t from, uint32_t by, uint32_t epoch)
{
    rig_show_claim(&rig, from, by, &job, epoch);
    rig_run(&rig, MS_US);
}

/* What a peer that heard the node each time has of the job. */
struct heard {
    uint32_t claim;
    struct peer_entry entry;
    uint32_t leaps;
};

static void hear_claims(uint32_t peer, struct heard *h)
{
    const struct rig_sent *s;

    while ((s = rig_take(&rig, peer, MESSAGE_CLAIM)) != NULL) {
        struct reader r = reader_of(s->payload);
        struct fact f;

        (void)read_job_id(&r);
        CHECK_INT(fact_read(read_block(&r, FRAME_PAYLOAD_MAX), &f), 0);
        h->leaps += h->claim > 0 && f.claim.epoch > h->claim + CLAIM_AHEAD_MAX / 2;
        h->claim = f.claim.epoch;
    }
}

static void hear_entries(uint32_t peer, struct heard *h)
{
    const struct rig_sent *s;
    struct peer_entry p;

    while ((s = rig_take(&rig, peer, MESSAGE_DIRECTORY)) != NULL) {
        struct reader r = reader_of(s->payload);

        read_u8(&r);
        for (uint16_t i = read_u16(&r); i > 0 && !r.failed; i--) {
            read_peer_entry(&r, &p);
            if (!job_id_equal(p.view.id, job.id))
                continue;
            h->leaps +=
                h->entry.version > 0 && (p.epoch > h->entry.epoch + ENTRY_EPOCH_LEAP_MAX / 2 ||
                                         p.version > h->entry.version + ENTRY_VERSION_LEAP_MAX / 2);
            h->entry = p;
        }
    }
}

static void hear(struct heard h[PEERS])
{
    for (uint32_t i = 0; i < PEERS; i++) {
        hear_claims(i, &h[i]);
        hear_entries(i, &h[i]);
    }
}

static uint32_t no_holder(uint32_t peer)
{
    while (holders_have(ledger_holders(here()->ledger), rig.peers[peer].id))
        peer++;
    REQUIRE(peer < PEERS);
    return peer;
}

TEST(a_job_that_is_attacked_ends_for_everybody)
{
    const uint32_t rounds = ATTACK_S * 10; /* each takes some 100 ms */
    struct heard h[PEERS] = {0};
    uint32_t epoch, generation, worker, rises = 0;

    begin_peers(false, 1);
    rig_submit(&rig, HONEST, &job);
    rig_run(&rig, 50 * MS_US);
    thief = no_holder(0);
    worker = no_holder(thief + 1);
    for (uint32_t i = 0; i < rounds; i++) {
        epoch = ledger_claim(here()->ledger)->epoch;
        generation = ledger_holders(here()->ledger)->generation;
        show_title(thief, thief, epoch + CLAIM_AHEAD_MAX);
        show_title(worker, thief, epoch + 1 + i % CLAIM_AHEAD_MAX);
        tell_titles(thief, generation + 1 + i % CLAIM_AHEAD_MAX);
        hear(h);
        CHECK(ledger_claim(here()->ledger)->epoch - epoch <= SURPASS_MAX);
        CHECK(ledger_holders(here()->ledger)->generation - generation <= SURPASS_MAX);
        rises += ledger_claim(here()->ledger)->epoch > epoch;
    }
    CHECK(rises >= ATTACK_S / 2 && rises <= ATTACK_S + 1);
    CHECK(here()->lead != NULL);
    work(3 * S_US);
    rig_run(&rig, 5 * S_US);
    hear(h);
    for (uint32_t i = 0; i < PEERS; i++) {
        CHECK_INT(h[i].leaps, 0);
        CHECK_INT(h[i].entry.view.state, JOB_DONE);
    }
    end();
}

/* A worker's node obeys him; he says no more, and nor does it. */
TEST(what_was_far_ahead_is_surpassed_after_a_while)
{
    uint32_t worker;

    begin();
    worker = no_holder(thief + 1);
    show_title(worker, thief, 1 + CLAIM_AHEAD_MAX);
    CHECK(ledger_claim(here()->ledger)->epoch <= 1 + SURPASS_MAX);
    rig_run(&rig, (CLAIM_AHEAD_MAX / SURPASS_MAX + 1) * S_US);
    CHECK_INT(ledger_claim(here()->ledger)->epoch, 2 + CLAIM_AHEAD_MAX);
    rig_run(&rig, 5 * S_US);
    CHECK_INT(ledger_claim(here()->ledger)->epoch, 2 + CLAIM_AHEAD_MAX);
    end();
}

TEST(a_holder_that_was_away_takes_its_coordinators_list)
{
    begin_peers(false, LEAVES);
    rig_hold(&rig, HONEST, &job);
    tell_titles(thief, MISSED);
    CHECK_INT(ledger_holders(here()->ledger)->generation, 1);
    CHECK_INT(tell_titles(HONEST, MISSED), ANSWER_KEPT);
    CHECK_INT(ledger_holders(here()->ledger)->generation, MISSED);
    CHECK_INT(ledger_claim(here()->ledger)->epoch, MISSED);
    show_title(HONEST, HONEST, 2 * MISSED);
    CHECK_INT(ledger_claim(here()->ledger)->epoch, 2 * MISSED);
    end();
}

TEST(a_worker_that_was_away_takes_its_coordinators_title)
{
    begin_peers(true, LEAVES);
    rig_grant(&rig, HONEST, &job, 1, (struct peer_chunk){.grant = 1, .first = 0, .end = 4});
    REQUIRE(here() != NULL && here()->labour != NULL);
    show_title(2, 2, 2 + CLAIM_AHEAD_MAX);
    CHECK_INT(here()->labour->claim.epoch, 1);
    show_title(HONEST, HONEST, MISSED);
    CHECK_INT(here()->labour->claim.epoch, MISSED);
    end();
}

/* It may have gone on for a year before this node came. */
TEST(who_comes_late_works_for_it)
{
    struct peer_chunk c = {.grant = 1, .first = 0, .end = 4};

    begin_peers(true, LEAVES);
    rig_grant(&rig, HONEST, &job, FACT_COUNTER_MAX, c);
    CHECK(here() == NULL || here()->labour == NULL || here()->labour->claim.epoch == 0);
    rig_grant(&rig, HONEST, &job, 365u * 86400 * SURPASS_MAX, c);
    REQUIRE(here() != NULL && here()->labour != NULL);
    CHECK_INT(here()->labour->claim.epoch, 365u * 86400 * SURPASS_MAX);
    end();
}

static void tell_entry(uint32_t from, uint32_t coordinator, uint32_t number, enum job_state state)
{
    struct peer_entry p = {
        .version = number, .epoch = number, .coordinator = rig.peers[coordinator].id};
    uint8_t bytes[4096];
    struct buf b;

    p.view = (struct job_view){.id = job.id, .state = state, .leaves_total = LEAVES};
    p.ended_s = job_state_is_final(state);
    p.holders[p.holders_count++] = p.coordinator;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_u8(&b, 0);
    put_u16(&b, 1);
    put_peer_entry(&b, &p);
    CHECK(!b.failed);
    rig_frame(&rig, from, MESSAGE_DIRECTORY, &b);
}

TEST(who_was_away_hears_the_end_from_its_coordinator)
{
    begin_peers(false, LEAVES);
    tell_entry(HONEST, HONEST, 1, JOB_RUNNING);
    tell_entry(thief, thief, MISSED, JOB_FAILED);
    tell_entry(thief, HONEST, MISSED, JOB_FAILED);
    CHECK_INT(directory_find(rig.node, job.id)->state, JOB_RUNNING);
    tell_entry(HONEST, HONEST, MISSED, JOB_DONE);
    CHECK_INT(directory_find(rig.node, job.id)->state, JOB_DONE);
    end();
}

/* Whoever coordinated it is gone, and another holder tells the end. */
TEST(a_holder_that_was_away_asks_another_for_the_end)
{
    begin_peers(false, LEAVES);
    rig_hold(&rig, HONEST, &job);
    CHECK_INT(tell_titles(HONEST, 2), ANSWER_KEPT);
    tell_list(HONEST, 2, 3);
    rig_run(&rig, S_US);
    rig_count(&rig, thief, MESSAGE_SYNC);
    rig_count(&rig, 2, MESSAGE_SYNC);
    tell_entry(thief, thief, MISSED, JOB_DONE);
    rig_run(&rig, 100 * MS_US);
    CHECK_INT(rig_count(&rig, thief, MESSAGE_SYNC), 0);
    CHECK_INT(rig_count(&rig, 2, MESSAGE_SYNC), 0);
    tell_entry(2, 2, MISSED, JOB_DONE);
    rig_run(&rig, 100 * MS_US);
    CHECK(rig_count(&rig, 2, MESSAGE_SYNC) > 0);
    end();
}

TEST(not_even_a_coordinator_says_the_last_word)
{
    begin_peers(false, LEAVES);
    tell_entry(HONEST, HONEST, 1, JOB_RUNNING);
    tell_entry(HONEST, HONEST, UINT32_MAX, JOB_RUNNING);
    CHECK_INT(directory_find(rig.node, job.id)->epoch, 1);
    end();
}

TEST_MAIN(a_job_that_is_attacked_ends_for_everybody, what_was_far_ahead_is_surpassed_after_a_while,
          a_holder_that_was_away_takes_its_coordinators_list,
          a_worker_that_was_away_takes_its_coordinators_title, who_comes_late_works_for_it,
          who_was_away_hears_the_end_from_its_coordinator,
          a_holder_that_was_away_asks_another_for_the_end,
          not_even_a_coordinator_says_the_last_word)
