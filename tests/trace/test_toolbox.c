/* What somebody can do with the key of a stolen node: everything he says goes over a link of his
 * own, with a certificate that is good. None of it may change what others did, and whoever says
 * what no node says is shut out. */
#include "core/base/err.h"
#include "core/mesh/mesh_wire.h"
#include "core/node/introduce.h"
#include "core/node/jobs.h"
#include "core/node/offence.h"
#include "core/node/place.h"
#include "core/node/proven.h"
#include "core/wire/act_talk.h"
#include "core/wire/introduce.h"
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

/* Peers by number, -1 the node itself; `by` has signed it. */
static void put_list(struct buf *fact, uint32_t by, uint32_t generation, int a, int b)
{
    struct holders h = {.generation = generation, .count = 1};
    uint8_t room[512];
    struct buf body;

    h.ids[0] = a < 0 ? rig.id : rig.peers[a].id;
    if (b != a)
        h.ids[h.count++] = b < 0 ? rig.id : rig.peers[b].id;
    buf_init_fixed(&body, room, sizeof room);
    put_holders_body(&body, job.id, &h);
    rig_put_signed(fact, FACT_HOLDERS, rig.peers[by].id, buf_bytes(&body));
}

static void tell_list(uint32_t from, uint32_t by, uint32_t generation, int a, int b)
{
    const uint32_t who = thief;
    struct buf fact;

    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_list(&fact, by, generation, a, b);
    thief = from;
    tell_fact(&fact);
    thief = who;
    buf_clear(&fact);
    rig_run(&rig, MS_US);
}

static void tell_title(uint32_t epoch)
{
    struct buf fact;

    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    rig_put_claim(&rig, thief, &job, epoch, &fact);
    tell_fact(&fact);
    buf_clear(&fact);
    rig_run(&rig, MS_US);
}

/* His title, as a coordinator shows it, or a worker's node that obeys him. */
static void show_title(uint32_t from, uint32_t epoch)
{
    struct buf fact, b;

    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    rig_put_claim(&rig, thief, &job, epoch, &fact);
    put_job_id(&b, job.id);
    put_block(&b, buf_bytes(&fact));
    rig_frame(&rig, from, MESSAGE_CLAIM, &b);
    buf_clear(&b);
    buf_clear(&fact);
    rig_run(&rig, MS_US);
}

static bool is_a_holder(uint32_t peer)
{
    return ledger_was_holder(here()->ledger, rig.peers[peer].id);
}

static bool leads(void)
{
    return here() != NULL && here()->lead != NULL &&
           node_id_equal(ledger_claim(here()->ledger)->node, rig.id);
}

/* Another node that has no part in the job. */
static uint32_t worker_node(void)
{
    uint32_t peer = 1;

    while (peer == thief || holders_have(ledger_holders(here()->ledger), rig.peers[peer].id))
        peer++;
    return peer;
}

TEST(he_makes_himself_no_holder)
{
    begin();
    for (uint32_t i = 0; i < 100; i++) {
        tell_list(thief, thief, ledger_holders(here()->ledger)->generation + 1, (int)thief, -1);
        tell_list(thief, thief, ledger_holders(here()->ledger)->generation, (int)thief, -1);
    }
    tell_list(worker_node(), thief, ledger_holders(here()->ledger)->generation + 1, (int)thief, -1);
    CHECK(!is_a_holder(thief));
    CHECK(is_in());
    tell_outcome(JOB_DONE, rig.peers[thief].id);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    /* A list like his would be the present one of whoever believes him. */
    CHECK(ledger_holders(here()->ledger)->generation > 2);
    work(3 * S_US);
    CHECK_INT(rig_view(&rig, &job).leaves_done, LEAVES);
    end();
}

TEST(he_makes_himself_no_coordinator)
{
    begin();
    tell_title(2);
    CHECK(leads());
    tell_title(3);
    show_title(thief, 4);
    CHECK(leads());
    CHECK(!is_a_holder(thief));
    tell_outcome(JOB_FAILED, rig.peers[thief].id);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    /* Nor is the list of what was given out off. */
    report(thief, (struct rig_report){.grant = 1,
                                      .from = 0,
                                      .next = LEAVES,
                                      .end = LEAVES,
                                      .flags = REPORT_ENDED,
                                      .values = true});
    CHECK_INT(rig_view(&rig, &job).leaves_done, 0);
    work(3 * S_US);
    CHECK_INT(rig_view(&rig, &job).leaves_done, LEAVES);
    end();
}

static uint32_t epoch_shown(uint32_t peer)
{
    const struct rig_sent *s;
    uint32_t epoch = 0;

    while ((s = rig_take(&rig, peer, MESSAGE_CLAIM)) != NULL) {
        struct reader r = reader_of(s->payload);
        struct fact f;

        (void)read_job_id(&r);
        CHECK_INT(fact_read(read_block(&r, FRAME_PAYLOAD_MAX), &f), 0);
        CHECK(node_id_equal(f.claim.node, rig.id));
        epoch = f.claim.epoch;
    }
    return epoch;
}

/* It cannot know better, and comes back for a title that is greater still. */
TEST(a_worker_that_obeys_him_is_won_back)
{
    uint32_t worker;

    begin();
    worker = worker_node();
    (void)epoch_shown(worker);
    show_title(worker, 7);
    CHECK(leads());
    CHECK_INT(epoch_shown(worker), 8);
    /* Not for one that nobody would go beyond. */
    show_title(worker, 2000);
    CHECK(leads());
    CHECK_INT(epoch_shown(worker), 0);
    work(3 * S_US);
    CHECK_INT(rig_view(&rig, &job).leaves_done, LEAVES);
    end();
}

/* It worked for him when it had no ledger of the job; now it has one. */
TEST(who_becomes_a_holder_obeys_him_no_longer)
{
    memset(seqs, 0, sizeof seqs);
    rig_start(&rig, 1, true);
    for (uint32_t i = 0; i < PEERS; i++)
        rig_peer_up(&rig, i, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = LEAVES});
    thief = 4;
    rig_grant(&rig, thief, &job, 9, (struct peer_chunk){.grant = 1, .first = 0, .end = 4});
    REQUIRE(here() != NULL && here()->labour != NULL);
    CHECK(node_id_equal(here()->labour->claim.node, rig.peers[thief].id));
    rig_hold(&rig, HONEST, &job);
    rig_grant(&rig, HONEST, &job, 1, (struct peer_chunk){.grant = 2, .first = 4, .end = 8});
    REQUIRE(here()->labour != NULL);
    CHECK(node_id_equal(here()->labour->claim.node, rig.peers[HONEST].id));
    end();
}

/* However often he says so, it costs the others no more than some frames a second. */
TEST(what_he_says_is_answered_now_and_then)
{
    uint32_t first, worker;

    begin();
    first = ledger_claim(here()->ledger)->epoch;
    for (uint32_t i = 0; i < 2000; i++)
        show_title(thief, ledger_claim(here()->ledger)->epoch + 1);
    CHECK(leads());
    CHECK(ledger_claim(here()->ledger)->epoch < first + 50);
    /* And he keeps nobody else from an answer. */
    worker = worker_node();
    (void)epoch_shown(worker);
    show_title(worker, ledger_claim(here()->ledger)->epoch + 1);
    CHECK(epoch_shown(worker) > 0);
    end();
}

/* Nor does he as one that began the job: it was submitted to him, he says. */
TEST(a_first_list_of_his_is_none)
{
    begin();
    for (uint32_t i = 1; i < PEERS; i++) {
        if (holders_have(ledger_holders(here()->ledger), rig.peers[i].id))
            continue;
        tell_list(i, i, 1, (int)i, (int)i);
        tell_list(i, i, 1, (int)i, -1);
        CHECK(!is_a_holder(i));
    }
    end();
}

/* The node holds a job that peer 0 leads; all peers are there. */
static void begin_held(void)
{
    memset(seqs, 0, sizeof seqs);
    rig_start(&rig, 1, false);
    for (uint32_t i = 0; i < PEERS; i++)
        rig_peer_up(&rig, i, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = LEAVES});
    rig_hold(&rig, HONEST, &job);
    thief = 4;
}

/* Of a lying holder nothing is promised, and who was one may be the last that is left. */
TEST(who_was_a_holder_is_believed)
{
    begin_held();
    tell_list(thief, thief, 2, (int)thief, -1);
    CHECK(!is_a_holder(thief));
    tell_list(HONEST, HONEST, 2, (int)thief, -1);
    tell_list(HONEST, HONEST, 3, HONEST, -1);
    CHECK(is_a_holder(thief));
    tell_list(thief, thief, 4, (int)thief, -1);
    CHECK_INT(ledger_holders(here()->ledger)->generation, 4);
    end();
}

/* A former holder that knows nobody who is there may have come to believe him. */
TEST(a_former_holder_makes_nobody_believe_him)
{
    begin_held();
    tell_list(HONEST, HONEST, 2, 2, -1);
    tell_list(HONEST, HONEST, 3, HONEST, -1);
    tell_list(2, thief, 4, (int)thief, -1);
    CHECK(!is_a_holder(thief));
    tell_list(HONEST, thief, 4, (int)thief, -1);
    CHECK(is_a_holder(thief));
    end();
}

/* All the others are away: it has the job itself, and there is nobody else to believe. */
TEST(a_holder_that_is_alone_with_him_stays_one)
{
    begin_held();
    rig_peer_cut(&rig, HONEST);
    rig_run(&rig, S_US);
    tell_list(thief, thief, 2, (int)thief, (int)thief);
    CHECK(!is_a_holder(thief));
    CHECK(holders_have(ledger_holders(here()->ledger), rig.id));
    end();
}

/* He was a holder once. Now he names himself as the only one, and says that he has everything. */
TEST(a_copy_does_not_go_on_his_word)
{
    begin_held();
    tell_list(HONEST, HONEST, 2, (int)thief, -1);
    tell_list(HONEST, HONEST, 3, HONEST, -1);
    tell_list(thief, thief, 4, (int)thief, (int)thief);
    CHECK(!holders_have(ledger_holders(here()->ledger), rig.id));
    rig_run(&rig, 60 * S_US);
    CHECK(here() != NULL && here()->ledger != NULL);
    end();
}

/* It was away while all its holders were replaced, and again, and again. */
TEST(who_missed_some_generations_goes_from_one_to_the_next)
{
    struct buf b, fact;

    begin_held();
    tell_list(3, 2, 4, 3, 3);
    CHECK_INT(ledger_holders(here()->ledger)->generation, 1);
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_facts_begin(&b, job.id, 77, false, 4);
    for (uint32_t i = 0; i < 4; i++) {
        buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
        if (i < 3)
            put_list(&fact, i, 2 + i, (int)(i + 1), (int)(i + 1));
        else
            rig_put_claim(&rig, 3, &job, 5, &fact);
        put_block(&b, buf_bytes(&fact));
        buf_clear(&fact);
    }
    rig_frame(&rig, 3, MESSAGE_FACTS, &b);
    buf_clear(&b);
    rig_run(&rig, MS_US);
    CHECK_INT(ledger_holders(here()->ledger)->generation, 4);
    CHECK(holders_have(ledger_holders(here()->ledger), rig.peers[3].id));
    CHECK(node_id_equal(ledger_claim(here()->ledger)->node, rig.peers[3].id));
    end();
}

/* What nobody could go beyond would be the end of the job. His node is one of its holders. */
TEST(no_title_and_no_list_of_holders_is_the_last)
{
    begin();
    thief = 0;
    while (!is_a_holder(thief))
        thief++;
    tell_title(FACT_COUNTER_MAX);
    tell_list(thief, thief, FACT_COUNTER_MAX, (int)thief, (int)thief);
    rig_run(&rig, S_US);
    REQUIRE(leads());
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

/* --- members --- */

#define GHOSTS 5000u
#define A_PAGE 50u

/* Somebody who is not there. */
static struct node_id ghost(uint32_t number)
{
    struct node_id id = {{0xaa}};

    store_u32(id.bytes + 4, number);
    return id;
}

static void tell_of(uint32_t teller, const struct node_id *ids, uint32_t count,
                    enum node_state state)
{
    static uint8_t room[FRAME_PAYLOAD_MAX];
    struct rumor rumor = {.state = state,
                          .info = {.boot = 5, .incarnation = 1, .name = "somebody", .slots = 1}};
    struct buf b;

    snprintf(rumor.info.addr, sizeof rumor.info.addr, "10.0.0.1:8001");
    buf_init_fixed(&b, room, sizeof room);
    put_u16(&b, (uint16_t)count);
    for (uint32_t i = 0; i < count; i++) {
        rumor.info.id = ids[i];
        put_rumor(&b, &rumor);
    }
    rig_frame(&rig, teller, MESSAGE_RUMORS, &b);
}

static void tell_of_ghosts(uint32_t count, enum node_state state)
{
    struct node_id ids[A_PAGE];

    for (uint32_t i = 0; i < count; i += A_PAGE) {
        for (uint32_t k = 0; k < A_PAGE; k++)
            ids[k] = ghost(i + k);
        tell_of(thief, ids, A_PAGE, state);
        rig_run(&rig, MS_US);
    }
}

static uint32_t strangers_dialled(void)
{
    uint32_t count = 0;

    while (rig_take_dial(&rig, RIG_NOBODY) != NULL)
        count++;
    return count;
}

/* Nobody is asked to hold anything, nor dialled, and what waits for a proof has a bound. */
TEST(whom_he_makes_up_is_no_member)
{
    static const enum node_state states[] = {NODE_ALIVE, NODE_SUSPECT, NODE_DEAD, NODE_LEFT};
    size_t before;

    begin();
    before = rig.heap.live_bytes;
    for (uint32_t i = 0; i < 4; i++)
        tell_of_ghosts(GHOSTS, states[i]);
    CHECK_INT(mesh_count(rig.node->mesh), PEERS);
    CHECK(rig.heap.live_bytes < before + HEARD_MAX * 1024);
    rig_run(&rig, 10 * S_US);
    CHECK_INT(mesh_count(rig.node->mesh), PEERS);
    CHECK_INT(strangers_dialled(), 0);
    CHECK(is_in());
    /* The empty table of them stays. */
    CHECK(rig.heap.live_bytes <= before + 2 * HEARD_MAX * (ID_SIZE + sizeof(void *)));
    work(3 * S_US);
    CHECK_INT(rig_view(&rig, &job).leaves_done, LEAVES);
    end();
}

/* Whoever says that he is too old to introduce anybody is not believed for that: it is seen who
 * answers where they should be, a few at a time. */
TEST(whom_he_makes_up_as_an_old_node_is_looked_for_slowly)
{
    begin();
    rig_peer_cut(&rig, thief);
    rig.peers[thief].level = FEATURE_INTRODUCE - 1;
    rig_peer_up(&rig, thief, 1);
    (void)strangers_dialled();
    tell_of_ghosts(GHOSTS, NODE_ALIVE);
    rig_run(&rig, 10 * S_US);
    CHECK_INT(mesh_count(rig.node->mesh), PEERS);
    CHECK(strangers_dialled() <= 10 * S_US / SEEK_US + 2);
    CHECK_INT(rig_count(&rig, thief, MESSAGE_INTRODUCE), 0);
    end();
}

/* Also by him: it is the certificate that counts. And nobody is kept from it by ghosts. */
TEST(who_is_there_is_a_member_whoever_tells_of_it)
{
    begin();
    tell_of(thief, &rig.peers[PEERS].id, 1, NODE_ALIVE);
    rig_run(&rig, MS_US);
    CHECK(mesh_find(rig.node->mesh, rig.peers[PEERS].id) != NULL);
    rig.peers[thief].withholds = true;
    tell_of_ghosts(GHOSTS, NODE_ALIVE);
    tell_of(HONEST, &rig.peers[PEERS + 1].id, 1, NODE_ALIVE);
    rig_run(&rig, 10 * MS_US);
    CHECK(mesh_find(rig.node->mesh, rig.peers[PEERS + 1].id) != NULL);
    /* It is introduced to others as it was to this node. */
    CHECK_INT(proven_certificate(rig.node, rig.peers[PEERS + 1].id).len, RIG_CERTIFICATE_SIZE);
    CHECK_INT(mesh_count(rig.node->mesh), PEERS + 2);
    end();
}

/* Nobody waits until he has said nothing about each of his ghosts, also whom he named among them,
 * and first. */
TEST(whom_he_names_among_ghosts_is_proven_by_the_next)
{
    const struct member *m;

    begin();
    rig.peers[thief].withholds = true;
    tell_of_ghosts(200, NODE_ALIVE);
    tell_of(thief, &rig.peers[PEERS].id, 1, NODE_ALIVE);
    rig_run(&rig, MS_US);
    CHECK(mesh_find(rig.node->mesh, rig.peers[PEERS].id) == NULL);
    rig_peers_told(&rig, HONEST, PEERS, PEERS + 1, 1);
    rig_run(&rig, MS_US);
    m = mesh_find(rig.node->mesh, rig.peers[PEERS].id);
    REQUIRE(m != NULL);
    CHECK_STR(m->info->addr, "peer5:1");
    end();
}

/* He tells of so many, and shows for each this certificate; no id: its own. */
static void introduce(uint32_t first, uint32_t count, struct node_id id, enum party party,
                      enum rig_chain chain)
{
    static uint8_t room[FRAME_PAYLOAD_MAX];
    static uint8_t certificates[INTRODUCE_MAX][RIG_CERTIFICATE_SIZE];
    struct node_id ids[INTRODUCE_MAX];
    struct introduced m = {.count = count};
    struct buf b;

    for (uint32_t i = 0; i < count; i++) {
        m.list[i].id = ids[i] = ghost(first + i);
        rig_certificate(node_id_is_zero(id) ? ids[i] : id, party, certificates[i]);
        certificates[i][RIG_CHAIN_AT] = (uint8_t)chain;
        m.list[i].certificate = (struct bytes){certificates[i], RIG_CERTIFICATE_SIZE};
    }
    tell_of(thief, ids, count, NODE_ALIVE);
    CHECK(rig_take(&rig, thief, MESSAGE_INTRODUCE) != NULL);
    buf_init_fixed(&b, room, sizeof room);
    put_introduced(&b, &m);
    say(MESSAGE_INTRODUCED, &b);
    rig_run(&rig, 2 * S_US);
    CHECK_INT(mesh_count(rig.node->mesh), PEERS);
}

TEST(no_certificate_but_its_own_makes_a_member)
{
    const struct node_id own = {{0}};

    begin();
    rig.peers[thief].withholds = true;
    introduce(0, 1, rig.peers[HONEST].id, PARTY_NODE, RIG_GOOD);
    introduce(1, 1, own, PARTY_USER, RIG_GOOD);
    introduce(2, 1, own, PARTY_NODE, RIG_FORGED);
    CHECK(is_in());
    end();
}

/* Each costs a point: so many at once are no mistake. */
TEST(who_shows_false_certificates_is_shut_out)
{
    static const enum party parties[] = {PARTY_NODE, PARTY_USER, PARTY_NODE};
    static const enum rig_chain chains[] = {RIG_GOOD, RIG_GOOD, RIG_FORGED};
    struct node_id id = {{0}};

    for (uint32_t i = 0; i < 3; i++) {
        begin();
        rig.peers[thief].withholds = true;
        if (i == 0)
            id = rig.peers[HONEST].id;
        introduce(0, OFFENCE_MAX, id, parties[i], chains[i]);
        CHECK(is_in());
        rig_run(&rig, OFFENCE_MAX * OFFENCE_FADE_US);
        introduce(100, OFFENCE_MAX + 1, id, parties[i], chains[i]);
        CHECK(!is_in());
        CHECK(offence_bars(rig.node, rig.peers[thief].id));
        id = (struct node_id){{0}};
        end();
    }
}

/* An honest node may know of a root earlier than this one. */
TEST(a_certificate_by_a_root_that_is_not_known_here_is_no_offence)
{
    begin();
    rig.peers[thief].withholds = true;
    for (uint32_t i = 0; i < 3; i++) {
        introduce(i * INTRODUCE_MAX, INTRODUCE_MAX, (struct node_id){{0}}, PARTY_NODE,
                  RIG_OF_A_NEWER_ROOT);
        rig_run(&rig, 2 * S_US);
        CHECK_INT(strangers_dialled(), INTRODUCE_MAX);
    }
    CHECK(is_in());
    end();
}

TEST(certificates_that_nobody_asked_for_cost_nothing)
{
    static uint8_t room[2 * RIG_CERTIFICATE_SIZE];
    uint8_t certificate[RIG_CERTIFICATE_SIZE];
    struct introduced m = {.count = 1};
    size_t before;
    struct buf b;

    begin();
    before = rig.heap.live_bytes;
    for (uint32_t i = 0; i < GHOSTS; i++) {
        m.list[0].id = ghost(i);
        rig_certificate(ghost(i), PARTY_NODE, certificate);
        m.list[0].certificate = (struct bytes){certificate, sizeof certificate};
        buf_init_fixed(&b, room, sizeof room);
        put_introduced(&b, &m);
        say(MESSAGE_INTRODUCED, &b);
    }
    CHECK_INT(mesh_count(rig.node->mesh), PEERS);
    CHECK(rig.heap.live_bytes < before + 4096);
    end();
}

/* Of an answer so many a second are worth it. */
TEST(who_asks_and_asks_is_not_answered_each_time)
{
    uint8_t room[64];
    struct buf b;

    begin();
    buf_init_fixed(&b, room, sizeof room);
    put_introduce(&b, &(struct introduce){.count = 1, .ids = {rig.peers[HONEST].id}});
    for (uint32_t i = 0; i < 10 * INTRODUCE_ANSWERS; i++)
        say(MESSAGE_INTRODUCE, &b);
    CHECK_INT(rig_count(&rig, thief, MESSAGE_INTRODUCED), INTRODUCE_ANSWERS);
    rig_run(&rig, 2 * S_US);
    say(MESSAGE_INTRODUCE, &b);
    CHECK_INT(rig_count(&rig, thief, MESSAGE_INTRODUCED), 1);
    end();
}

TEST_MAIN(leaves_that_nobody_gave_him_count_nothing, who_holds_nothing_ends_no_job,
          merges_that_nobody_asked_him_for_end_no_job, no_title_and_no_list_of_holders_is_the_last,
          a_copy_does_not_go_on_his_word, he_makes_himself_no_holder,
          he_makes_himself_no_coordinator, a_worker_that_obeys_him_is_won_back,
          who_becomes_a_holder_obeys_him_no_longer, what_he_says_is_answered_now_and_then,
          a_first_list_of_his_is_none, who_was_a_holder_is_believed,
          a_former_holder_makes_nobody_believe_him, a_holder_that_is_alone_with_him_stays_one,
          who_missed_some_generations_goes_from_one_to_the_next, whom_he_accuses_stays,
          facts_of_jobs_that_nobody_has_cost_nothing,
          junk_shuts_him_out_for_a_while_and_longer_the_next_time,
          a_signature_that_does_not_hold_costs_one_point, one_mistake_now_and_then_is_none,
          what_a_newer_node_says_is_no_offence, whom_he_makes_up_is_no_member,
          whom_he_makes_up_as_an_old_node_is_looked_for_slowly,
          who_is_there_is_a_member_whoever_tells_of_it,
          whom_he_names_among_ghosts_is_proven_by_the_next,
          no_certificate_but_its_own_makes_a_member, who_shows_false_certificates_is_shut_out,
          a_certificate_by_a_root_that_is_not_known_here_is_no_offence,
          certificates_that_nobody_asked_for_cost_nothing,
          who_asks_and_asks_is_not_answered_each_time)
