/* What somebody can do with the key of a stolen node. None of it may change what others did, and
 * whoever says what no node says is shut out. */
#include "core/base/err.h"
#include "core/mesh/mesh_wire.h"
#include "core/node/offence.h"
#include "core/wire/act_talk.h"
#include "core/wire/tree.h"
#include "tests/lib/toolbox.h"

static void say_junk(uint8_t type, uint32_t n)
{
    uint8_t junk[40];
    struct buf b;

    buf_init_fixed(&b, junk, sizeof junk);
    for (uint32_t i = 0; i < 33; i++)
        put_u8(&b, (uint8_t)(0xff - n));
    say(type, &b);
}

static void tell_fact_from(uint32_t from, const struct buf *fact)
{
    static uint64_t batch = 100;

    rig_tell(&rig, from, &job, batch++, fact);
}

/* One fact, as a holder would show it. */
static void tell_fact(const struct buf *fact)
{
    tell_fact_from(thief, fact);
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

    h.ids[0] = a < 0 ? rig.id : rig.peers[a].id;
    if (b != a)
        h.ids[h.count++] = b < 0 ? rig.id : rig.peers[b].id;
    rig_put_holders(fact, &job, rig.peers[by].id, &h);
}

static void tell_list(uint32_t from, uint32_t by, uint32_t generation, int a, int b)
{
    struct buf fact;

    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_list(&fact, by, generation, a, b);
    tell_fact_from(from, &fact);
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
    rig_show_claim(&rig, from, thief, &job, epoch);
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

/* That they are draining, not there yet, or elsewhere: each says itself what it is. */
TEST(what_he_says_of_others_counts_nothing)
{
    uint8_t room[2048];
    struct buf b;

    begin();
    for (uint32_t i = 0; i < 2000; i++) {
        const struct rig_peer *p = &rig.peers[(thief + 1 + i % (PEERS - 1)) % PEERS];
        struct rumor rumor = {.state = NODE_ALIVE,
                              .info = {.id = p->id,
                                       .boot = p->boot,
                                       .incarnation = UINT32_MAX >> i % 32,
                                       .name = "somebody",
                                       .addr = "10.0.0.1:8001",
                                       .labels = "no-work",
                                       .recovering = true}};

        buf_init_fixed(&b, room, sizeof room);
        put_u16(&b, 1);
        put_rumor(&b, &rumor);
        say(MESSAGE_RUMORS, &b);
        rig_run(&rig, MS_US);
    }
    for (uint32_t i = 0; i < PEERS; i++) {
        const struct member *m = mesh_find(rig.node->mesh, rig.peers[i].id);

        CHECK(m->state == NODE_ALIVE && m->info->slots == 1 && !m->info->recovering);
        CHECK(strncmp(m->info->addr, "peer", 4) == 0 && m->info->labels[0] == '\0');
    }
    CHECK(here()->lead != NULL);
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
          a_copy_does_not_go_on_his_word, he_makes_himself_no_holder,
          he_makes_himself_no_coordinator, a_worker_that_obeys_him_is_won_back,
          who_becomes_a_holder_obeys_him_no_longer, what_he_says_is_answered_now_and_then,
          a_first_list_of_his_is_none, who_was_a_holder_is_believed,
          a_former_holder_makes_nobody_believe_him, a_holder_that_is_alone_with_him_stays_one,
          who_missed_some_generations_goes_from_one_to_the_next, whom_he_accuses_stays,
          what_he_says_of_others_counts_nothing, facts_of_jobs_that_nobody_has_cost_nothing,
          junk_shuts_him_out_for_a_while_and_longer_the_next_time,
          a_signature_that_does_not_hold_costs_one_point, one_mistake_now_and_then_is_none,
          what_a_newer_node_says_is_no_offence)
