/* What somebody can do with the key of a stolen node: everything he says goes over a link of his
 * own, with a certificate that is good. None of it may change what others did, and whoever says
 * what no node says is shut out. */
#include "core/base/err.h"
#include "core/mesh/mesh_wire.h"
#include "core/node/jobs.h"
#include "core/node/offence.h"
#include "core/node/place.h"
#include "core/wire/act_talk.h"
#include "core/wire/tree.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define PEERS 5u
#define HONEST 0
#define LEAVES 64u

static struct rig rig;
static struct rig_job job;
static uint64_t seqs[RIG_PEERS_MAX];
static uint32_t thief; /* holds nothing of the job */

static const struct job *here(void)
{
    return job_find(rig.node, job.id);
}

/* The node leads a job, and everything goes to peers. */
static void begin(void)
{
    memset(seqs, 0, sizeof seqs);
    rig_start(&rig, 1, false);
    rig.strict = true;
    for (uint32_t i = 0; i < PEERS; i++)
        rig_peer_up(&rig, i, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = LEAVES});
    rig_submit(&rig, HONEST, &job);
    rig_run(&rig, 50 * MS_US);
    thief = 1;
    while (holders_have(ledger_holders(here()->ledger), rig.peers[thief].id))
        thief++;
}

static void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

static void report(uint32_t peer, struct rig_report m)
{
    m.seq = ++seqs[peer];
    m.size = 16;
    rig_report(&rig, peer, &job, m);
}

/* Honest nodes finish what they are given, whatever the thief does. */
static void work(int64_t us)
{
    struct peer_chunk c;

    for (int64_t at = 0; at < us; at += 20 * MS_US) {
        for (uint32_t i = 0; i < PEERS; i++)
            if (i != thief && rig_take_grant(&rig, i, &c) && c.end > c.first)
                report(i, (struct rig_report){.grant = c.grant,
                                              .from = c.first,
                                              .next = c.end,
                                              .end = c.end,
                                              .compute_us = 1000,
                                              .flags = REPORT_ENDED,
                                              .values = true});
        rig_run(&rig, 20 * MS_US);
    }
}

static void say(uint8_t type, const struct buf *payload)
{
    rig_frame(&rig, thief, type, payload);
}

static void say_junk(uint8_t type, uint32_t n)
{
    uint8_t junk[40];
    struct buf b;

    buf_init_fixed(&b, junk, sizeof junk);
    for (uint32_t i = 0; i < 33; i++)
        put_u8(&b, (uint8_t)(0xff - n));
    say(type, &b);
}

static bool is_in(void)
{
    return mesh_find(rig.node->mesh, rig.peers[thief].id)->link != 0;
}

/* One fact, as a holder would show it. */
static void tell_fact(const struct buf *fact)
{
    static uint64_t batch = 100;
    struct buf b;

    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_facts_begin(&b, job.id, batch++, false, 1);
    put_block(&b, buf_bytes(fact));
    say(MESSAGE_FACTS, &b);
    buf_clear(&b);
}

/* The title that the node itself has shown everybody. */
static void echo_claim(void)
{
    struct buf fact;

    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_raw(&fact, ledger_claim_fact(here()->ledger).data, ledger_claim_fact(here()->ledger).len);
    tell_fact(&fact);
    buf_clear(&fact);
}

TEST(leaves_that_nobody_gave_him_count_nothing)
{
    struct peer_chunk c;
    struct job_view v;

    begin();
    REQUIRE(rig_take_grant(&rig, HONEST, &c));
    echo_claim();
    for (uint64_t grant = 0; grant < 2000; grant++)
        report(thief, (struct rig_report){.grant = grant,
                                          .from = 0,
                                          .next = LEAVES,
                                          .end = LEAVES,
                                          .flags = REPORT_ENDED,
                                          .values = true});
    report(thief, (struct rig_report){.grant = c.grant,
                                      .from = c.first,
                                      .next = c.end,
                                      .end = c.end,
                                      .flags = REPORT_ENDED,
                                      .values = true});
    v = rig_view(&rig, &job);
    CHECK_INT(v.leaves_done, 0);
    end();
}

static void tell_outcome(uint8_t state, struct node_id by)
{
    const struct outcome o = {.state = state, .error = "as he says"};
    struct buf fact;

    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    rig_put_outcome(&fact, &job, by, &o);
    tell_fact(&fact);
    buf_clear(&fact);
    rig_run(&rig, MS_US);
}

TEST(who_holds_nothing_ends_no_job)
{
    begin();
    tell_outcome(JOB_FAILED, rig.peers[thief].id);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    tell_outcome(JOB_DONE, rig.peers[thief].id);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    tell_outcome(JOB_UNKNOWN, rig.peers[thief].id);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    end();
}

/* What nobody could go beyond would be the end of the job. */
TEST(no_title_and_no_list_of_holders_is_the_last)
{
    struct holders h = {.generation = FACT_COUNTER_MAX, .count = 1};
    uint8_t room[512];
    struct buf fact, body;

    begin();
    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    rig_put_claim(&rig, thief, &job, FACT_COUNTER_MAX, &fact);
    tell_fact(&fact);
    buf_reset(&fact);
    h.ids[0] = rig.peers[thief].id;
    buf_init_fixed(&body, room, sizeof room);
    put_holders_body(&body, job.id, &h);
    rig_put_signed(&fact, FACT_HOLDERS, rig.peers[thief].id, buf_bytes(&body));
    tell_fact(&fact);
    buf_clear(&fact);
    rig_run(&rig, S_US);
    REQUIRE(here() != NULL && here()->lead != NULL);
    CHECK(ledger_holders(here()->ledger)->generation < FACT_COUNTER_MAX);
    work(3 * S_US);
    CHECK_INT(rig_view(&rig, &job).leaves_done, LEAVES);
    end();
}

TEST(merges_that_nobody_asked_him_for_end_no_job)
{
    begin();
    for (uint32_t i = 0; i < 10; i++)
        report(thief, (struct rig_report){.flags = REPORT_MERGED | REPORT_FAILED |
                                                   (i % 2 ? REPORT_OWN_DOING : 0),
                                          .cause = "as he says"});
    work(3 * S_US);
    CHECK_INT(rig_view(&rig, &job).leaves_done, LEAVES);
    CHECK(rig_view(&rig, &job).state != JOB_FAILED);
    end();
}

/* He names himself as the only holder, and says that he has everything. */
TEST(a_copy_does_not_go_on_his_word)
{
    struct holders h = {.generation = 2, .count = 1};
    uint8_t room[512];
    struct buf fact, body;

    memset(seqs, 0, sizeof seqs);
    rig_start(&rig, 1, false);
    for (uint32_t i = 0; i < PEERS; i++)
        rig_peer_up(&rig, i, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = LEAVES});
    rig_hold(&rig, HONEST, &job);
    thief = 1;
    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    h.ids[0] = rig.peers[thief].id;
    buf_init_fixed(&body, room, sizeof room);
    put_holders_body(&body, job.id, &h);
    rig_put_signed(&fact, FACT_HOLDERS, rig.peers[thief].id, buf_bytes(&body));
    tell_fact(&fact);
    buf_clear(&fact);
    rig_run(&rig, 60 * S_US);
    CHECK(here() != NULL && here()->ledger != NULL);
    end();
}

static void accuse(uint32_t peer, enum node_state state, uint32_t boots)
{
    const struct member *m = mesh_find(rig.node->mesh, rig.peers[peer].id);
    struct rumor rumor = {.state = state,
                          .info = {.id = m->info->id,
                                   .boot = m->info->boot + boots,
                                   .incarnation = m->incarnation,
                                   .name = "somebody",
                                   .addr = "10.0.0.1:8001",
                                   .slots = 1}};
    uint8_t room[2048];
    struct buf b;

    rumor.accusers_count = state == NODE_SUSPECT;
    rumor.accusers[0] = rig.peers[thief].id;
    buf_init_fixed(&b, room, sizeof room);
    put_u16(&b, 1);
    put_rumor(&b, &rumor);
    CHECK(!b.failed);
    say(MESSAGE_RUMORS, &b);
}

/* A thousand a second: who is accused answers the ping that each accusation is worth at most. */
TEST(whom_he_accuses_stays)
{
    static const enum node_state ill[] = {NODE_DEAD, NODE_SUSPECT, NODE_LEFT};

    begin();
    for (uint32_t i = 0; i < 10000; i++) {
        const uint32_t peer = (thief + 1 + i % (PEERS - 1)) % PEERS;

        accuse(peer, ill[i % 3], i % 5 == 0);
        rig_run(&rig, MS_US);
    }
    for (uint32_t i = 0; i < PEERS; i++)
        CHECK_INT(mesh_find(rig.node->mesh, rig.peers[i].id)->state, NODE_ALIVE);
    work(3 * S_US);
    CHECK_INT(rig_view(&rig, &job).leaves_done, LEAVES);
    end();
}

TEST(facts_of_jobs_that_nobody_has_cost_nothing)
{
    size_t before;
    struct buf fact;

    begin();
    before = rig.heap.live_bytes;
    for (uint32_t i = 0; i < 5000; i++) {
        const struct job_id id = job.id;

        store_u32(job.id.bytes, i + 1);
        buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
        rig_put_claim(&rig, thief, &job, i, &fact);
        tell_fact(&fact);
        buf_clear(&fact);
        tell_outcome(JOB_FAILED, rig.peers[thief].id);
        job.id = id;
    }
    CHECK(rig.heap.live_bytes < before + 65536);
    CHECK_INT(rig.node->jobs.count, 1);
    end();
}

TEST(junk_shuts_him_out_for_a_while_and_longer_the_next_time)
{
    int64_t pause = 60;

    begin();
    for (uint32_t round = 0; round < 2; round++, pause *= 2) {
        for (uint32_t i = 0; i <= OFFENCE_MAX; i++) {
            CHECK(is_in());
            say_junk(MESSAGE_REPORT, i);
        }
        CHECK(strncmp(rig.last_log, "shut out for ", 13) == 0);
        CHECK(!is_in());
        CHECK(offence_bars(rig.node, rig.peers[thief].id));
        rig_run(&rig, (pause - 2) * S_US);
        rig_peer_up(&rig, thief, 1);
        CHECK(!is_in());
        rig_run(&rig, 3 * S_US);
        rig_peer_up(&rig, thief, 1);
        CHECK(is_in());
    }
    end();
}

/* One that does not hold, each time another. */
static void say_broken_act(uint8_t number)
{
    struct act a = {.kind = ACT_REVOKE, .subject = {{1}}, .nonce = {number}};
    struct signed_bytes s = {.signature = {RIG_BROKEN_SIGNATURE}};
    uint8_t room[512], act_room[512], body_room[256];
    struct buf b, body, act;

    buf_init_fixed(&body, body_room, sizeof body_room);
    buf_init_fixed(&act, act_room, sizeof act_room);
    buf_init_fixed(&b, room, sizeof room);
    put_act_body(&body, &a);
    s.body = buf_bytes(&body);
    put_signed(&act, &s);
    put_acts_begin(&b, 1);
    put_block(&b, buf_bytes(&act));
    say(MESSAGE_ACT, &b);
}

TEST(a_signature_that_does_not_hold_costs_one_point)
{
    begin();
    for (uint8_t i = 0; i < OFFENCE_MAX; i++)
        say_broken_act(i);
    CHECK(is_in());
    say_broken_act(OFFENCE_MAX);
    CHECK(!is_in());
    end();
}

TEST(one_mistake_now_and_then_is_none)
{
    begin();
    for (uint32_t i = 0; i < 20 * OFFENCE_MAX; i++) {
        say_junk(MESSAGE_REPORT, i);
        rig_run(&rig, 2 * OFFENCE_FADE_US);
    }
    CHECK(is_in());
    end();
}

/* Facts of another form than this node reads, as titles and as findings. */
TEST(what_a_newer_node_says_is_no_offence)
{
    static const uint8_t fact[] = {FACT_CLAIM, 99, 0};
    uint8_t room[64];
    struct buf b;

    begin();
    for (uint32_t i = 0; i < 4 * OFFENCE_MAX; i++) {
        buf_init_fixed(&b, room, sizeof room);
        put_job_id(&b, job.id);
        if (i % 2 == 0)
            put_u8(&b, 0);
        put_block(&b, (struct bytes){fact, sizeof fact});
        say(i % 2 == 0 ? MESSAGE_UNLIKE : MESSAGE_CLAIM, &b);
    }
    CHECK(strstr(rig.last_log, err_sentence(ERR_VERSION)) != NULL);
    CHECK(is_in());
    end();
}

TEST_MAIN(leaves_that_nobody_gave_him_count_nothing, who_holds_nothing_ends_no_job,
          merges_that_nobody_asked_him_for_end_no_job, no_title_and_no_list_of_holders_is_the_last,
          a_copy_does_not_go_on_his_word, whom_he_accuses_stays,
          facts_of_jobs_that_nobody_has_cost_nothing,
          junk_shuts_him_out_for_a_while_and_longer_the_next_time,
          a_signature_that_does_not_hold_costs_one_point, one_mistake_now_and_then_is_none,
          what_a_newer_node_says_is_no_offence)
