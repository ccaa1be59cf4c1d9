/* What stages ask of nodes: whom a coordinator offers them, what a node takes, and which jobs go
 * before others. */
#include "core/base/err.h"
#include "core/node/having.h"
#include "core/node/jobs.h"
#include "core/wire/frame.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define MIB ((uint64_t)1 << 20)
#define JOBS_MAX 12
#define TURN_US (500 * MS_US)

static struct rig rig;
static struct rig_job jobs[JOBS_MAX];
static uint32_t jobs_count;
static uint64_t seq;

static void begin(uint32_t slots, bool has_kernel)
{
    jobs_count = 0;
    seq = 0;
    rig_start(&rig, slots, has_kernel);
}

static void end(void)
{
    while (jobs_count > 0)
        rig_job_clear(&jobs[--jobs_count]);
    rig_stop(&rig);
}

static void peer_up(uint32_t peer, uint32_t slots, uint64_t memory_bytes, const char *labels)
{
    rig.peers[peer].memory_bytes = memory_bytes;
    rig.peers[peer].labels = labels;
    rig_peer_up(&rig, peer, slots);
}

static struct rig_job *make(struct rig_spec s)
{
    struct rig_job *j = &jobs[jobs_count++];

    s.accumulator_size = 16;
    s.nonce = (uint8_t)jobs_count;
    rig_job_make(&rig, j, s);
    return j;
}

static struct rig_job *submit(struct rig_spec s)
{
    struct rig_job *j = make(s);

    rig_submit(&rig, 0, j);
    return j;
}

static void report(uint32_t peer, const struct rig_job *j, struct peer_chunk c, uint8_t flags)
{
    bool ended = (flags & REPORT_ENDED) != 0;

    rig_run(&rig, TURN_US);
    rig_report(&rig, peer, j,
               (struct rig_report){.seq = ++seq,
                                   .grant = c.grant,
                                   .from = c.first,
                                   .next = ended ? c.end : c.first,
                                   .end = c.end,
                                   .compute_us = TURN_US,
                                   .flags = flags,
                                   .values = ended,
                                   .cause = "it died",
                                   .size = 16});
    rig_run(&rig, 2 * MS_US);
}

/* How many chunks the peer was given and did not end. */
static uint32_t grants(uint32_t peer)
{
    struct peer_chunk c;
    uint32_t count = 0;

    while (rig_take_grant(&rig, peer, &c))
        count++;
    return count;
}

TEST(test_leaves_go_to_nodes_that_have_the_labels)
{
    struct rig_spec s = {.leaves = 4096};

    begin(1, false);
    peer_up(0, 2, 0, "gpu=1");
    peer_up(1, 2, 0, "gpu=2 disk=ssd");
    peer_up(2, 2, 0, NULL);
    rig_run(&rig, S_US);
    s.demand.on = bytes_of_text("gpu=2");
    submit(s);
    rig_run(&rig, S_US);
    CHECK_INT(grants(0), 0);
    CHECK_INT(grants(1), 2);
    CHECK_INT(grants(2), 0);
    end();
}

TEST(test_leaves_go_to_nodes_whose_cage_is_good_enough)
{
    struct rig_spec s = {.leaves = 4096};

    begin(1, false);
    rig.peers[0].tier = TIER_S1;
    rig.peers[1].tier = TIER_S3;
    peer_up(0, 2, 0, NULL);
    peer_up(1, 2, 0, NULL);
    peer_up(2, 2, 0, NULL); /* it does not say what its cage is */
    rig_run(&rig, S_US);
    s.demand.tier = TIER_S2;
    submit(s);
    rig_run(&rig, S_US);
    CHECK_INT(grants(0), 0);
    CHECK_INT(grants(1), 2);
    CHECK_INT(grants(2), 0);
    end();
}

TEST(test_slots_and_memory_of_what_runs_are_added_up)
{
    struct rig_spec s = {.leaves = 4096};
    struct peer_chunk c;
    const struct rig_job *j;

    begin(1, false);
    peer_up(0, 8, 4096 * MIB, NULL);
    rig_run(&rig, S_US);
    s.demand = (struct demand){.cpus = 3, .mem_bytes = 1500 * MIB};
    j = submit(s);
    rig_run(&rig, 100 * MS_US);
    REQUIRE(rig_take_grant(&rig, 0, &c));
    CHECK_INT(grants(0), 1);
    report(0, j, c, REPORT_ENDED);
    CHECK_INT(grants(0), 1);
    s.demand = (struct demand){.mem_bytes = 2000 * MIB};
    submit(s);
    rig_run(&rig, 100 * MS_US);
    CHECK_INT(grants(0), 0);
    end();
}

TEST(test_a_job_waits_for_a_node_and_says_so)
{
    struct rig_spec s = {.leaves = 4, .waits = true};
    const struct rig_job *j;
    struct job_view v;

    begin(1, false);
    peer_up(0, 1, 3072 * MIB, NULL);
    rig_run(&rig, S_US);
    s.demand.mem_bytes = 4096 * MIB;
    j = submit(s);
    rig_run(&rig, S_US);
    CHECK_INT(grants(0), 0);
    v = rig_view(&rig, j);
    CHECK_INT(v.state, JOB_WAITING);
    CHECK_STR(v.error, "waits for a node with 4 GiB of memory; the nearest is peer0 with 3 GiB");
    peer_up(1, 1, 4096 * MIB, NULL);
    rig_run(&rig, 100 * MS_US);
    CHECK_INT(grants(1), 1);
    v = rig_view(&rig, j);
    CHECK_INT(v.state, JOB_RUNNING);
    CHECK_STR(v.error, "");
    end();
}

/* Others that could run it lack what it asks for: they are no reason to spare the one that does. */
TEST(test_a_leaf_that_kills_its_worker_fails_where_only_one_node_meets_the_demand)
{
    struct rig_spec s = {.leaves = 1};
    const struct rig_job *j;
    struct peer_chunk c;

    begin(1, false);
    peer_up(0, 1, 0, NULL);
    peer_up(1, 1, 0, "gpu");
    peer_up(2, 1, 0, NULL);
    rig_run(&rig, S_US);
    s.demand.on = bytes_of_text("gpu");
    j = submit(s);
    for (int i = 0; i < 3; i++) {
        rig_run(&rig, 500 * MS_US);
        REQUIRE(rig_take_grant(&rig, 1, &c));
        report(1, j, c, REPORT_FAILED | REPORT_OWN_DOING);
    }
    rig_run(&rig, S_US);
    CHECK_INT(rig_view(&rig, j).state, JOB_FAILED);
    end();
}

static void learn(struct node *n, void *ctx)
{
    const struct stage_input *in = ctx;
    struct keeping k = {.name = in->name, .size = in->size, .generation = 1, .kept = true};
    struct keeping *known;

    CHECK(keeping_learn(n, &k) >= 0);
    known = keeping_find(n, in->name, KEEPING_USER);
    REQUIRE(known != NULL);
    having_add(n, known, rig.peers[1].id, false);
}

TEST(test_nodes_that_have_what_a_stage_reads_come_first)
{
    struct stage_input in = {.name = {{7}}, .size = 1000};

    begin(1, false);
    for (uint32_t i = 0; i < 4; i++)
        peer_up(i, 1, 0, NULL);
    rig_run(&rig, S_US);
    rig_inside(&rig, learn, &in);
    for (uint32_t i = 0; i < 6; i++) {
        const struct rig_job *j = submit((struct rig_spec){.leaves = 1, .input = in});
        struct peer_chunk c;

        REQUIRE(rig_take_grant(&rig, 1, &c));
        report(1, j, c, REPORT_ENDED);
        CHECK_INT(grants(0) + grants(2) + grants(3), 0);
    }
    /* Where it is busy, others fetch it. */
    submit((struct rig_spec){.leaves = 4, .input = in});
    rig_run(&rig, 100 * MS_US);
    CHECK_INT(grants(1), 1);
    CHECK(grants(0) + grants(2) + grants(3) >= 2);
    end();
}

TEST(test_nodes_with_labels_that_are_preferred_come_first)
{
    struct rig_spec s = {.leaves = 1};

    begin(1, false);
    peer_up(0, 1, 0, "disk=hdd");
    peer_up(1, 1, 0, NULL);
    peer_up(2, 1, 0, "disk=ssd");
    rig_run(&rig, S_US);
    s.demand.prefer = bytes_of_text("disk=ssd");
    for (uint32_t i = 0; i < 6; i++) {
        const struct rig_job *j = submit(s);
        struct peer_chunk c;

        REQUIRE(rig_take_grant(&rig, 2, &c));
        report(2, j, c, REPORT_ENDED);
    }
    CHECK_INT(grants(0) + grants(1), 0);
    end();
}

/* --- which goes first --- */

static void refuse(struct job_id job, uint64_t grant)
{
    struct buf b;

    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, job);
    put_u8(&b, RETURN_FULL);
    put_text(&b, "");
    put_u16(&b, 1);
    put_u64(&b, grant);
    rig_frame(&rig, 0, MESSAGE_RETURN, &b);
    buf_clear(&b);
}

/* Each leaf takes a turn, so that none of the jobs is at its end soon. */
TEST(test_a_lower_job_runs_behind_the_others_of_its_submitter_and_takes_nothing_of_theirs)
{
    uint32_t had[3] = {0};

    begin(1, false);
    peer_up(0, 1, 0, NULL);
    rig_run(&rig, S_US);
    submit((struct rig_spec){.leaves = 4096, .author = 1, .priority = -5});
    submit((struct rig_spec){.leaves = 4096, .author = 1});
    submit((struct rig_spec){.leaves = 4096, .author = 2});
    for (uint32_t i = 0; i < 200; i++) {
        const struct rig_sent *sent = rig_take(&rig, 0, MESSAGE_GRANT);
        struct peer_grant g;
        struct peer_chunk c;
        uint32_t k = 0;

        REQUIRE(sent != NULL && read_peer_grant(sent->payload, &g) == 0);
        c = read_peer_chunk(&g.rest);
        if (g.flags & GRANT_KNOCK) {
            refuse(g.job, c.grant);
            continue;
        }
        while (!job_id_equal(jobs[k].id, g.job))
            k++;
        had[k] += i >= 20; /* before it some are new */
        c.end = c.first + 1;
        report(0, &jobs[k], c, REPORT_ENDED);
    }
    CHECK_INT(had[0], 0);
    CHECK(had[1] + had[2] >= 60);
    /* Each submitter has half of the slots, however many jobs. */
    CHECK(had[1] <= had[2] + 2 && had[2] <= had[1] + 2);
    end();
}

/* --- the node itself --- */

static void grant(const struct rig_job *j, struct peer_chunk c, uint8_t flags)
{
    struct peer_grant g = {
        .job = j->id, .spec = buf_bytes(&j->spec), .flags = flags, .report_us = 1000, .chunks = 1};
    uint8_t bytes[4096];
    struct buf claim, b;

    buf_init_fixed(&claim, bytes, sizeof bytes);
    rig_put_claim(&rig, 0, j, 1, &claim);
    g.claim = buf_bytes(&claim);
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_peer_grant_begin(&b, &g);
    put_peer_chunk(&b, &c);
    put_u16(&b, 0);
    rig_frame(&rig, 0, MESSAGE_GRANT, &b);
    buf_clear(&b);
    rig_run(&rig, 20 * MS_US);
}

static bool came_back(void)
{
    return rig_take(&rig, 0, MESSAGE_RETURN) != NULL;
}

/* The worker that runs something now which it did not before; 0: none. */
static uint32_t started(void)
{
    const struct rig_sent *load = rig_take_order(&rig, MESSAGE_ORDER_LOAD);
    const struct rig_sent *run = rig_take_order(&rig, MESSAGE_ORDER_RUN);
    struct worker_loaded m = {.accumulator_size = 16, .ok = true};
    uint8_t bytes[64];
    struct buf b;

    if (load != NULL) {
        buf_init_fixed(&b, bytes, sizeof bytes);
        put_worker_loaded(&b, &m);
        rig_worker_frame(&rig, load->worker, MESSAGE_WORKER_LOADED, &b);
    }
    return run == NULL ? 0 : run->worker;
}

/* Whoever offers it: the coordinator may be mistaken, or lie. */
TEST(test_a_node_gives_back_what_it_has_not_got_the_means_for)
{
    static const struct demand beyond[] = {{.mem_bytes = 1025 * MIB}, {.cpus = 3}};
    struct rig_spec s = {.leaves = 64};

    begin(2, true);
    peer_up(0, 1, 0, NULL);
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        s.demand = beyond[i];
        grant(make(s), (struct peer_chunk){1 + i, 0, 1}, 0);
        CHECK(came_back());
        CHECK_INT(started(), 0);
    }
    s.demand = (struct demand){.on = bytes_of_text("gpu")};
    grant(make(s), (struct peer_chunk){9, 0, 1}, 0);
    CHECK(came_back() && started() == 0);
    end();
}

TEST(test_a_node_adds_up_what_its_chunks_take)
{
    struct rig_spec s = {.leaves = 64};
    const struct rig_job *j;

    begin(4, true);
    peer_up(0, 1, 0, NULL);
    s.demand = (struct demand){.mem_bytes = 500 * MIB};
    j = make(s);
    grant(j, (struct peer_chunk){1, 0, 1}, 0);
    grant(j, (struct peer_chunk){2, 1, 2}, 0);
    CHECK(!came_back());
    grant(j, (struct peer_chunk){3, 2, 3}, 0);
    CHECK(came_back());
    s.demand = (struct demand){.cpus = 3};
    grant(make(s), (struct peer_chunk){4, 0, 1}, 0);
    CHECK(came_back());
    end();
}

/* It is let in by turn, and waits until both slots are free. */
TEST(test_a_chunk_that_takes_two_slots_runs_alone_on_two)
{
    struct rig_spec s = {.leaves = 64};
    uint32_t worker;

    begin(2, true);
    peer_up(0, 1, 0, NULL);
    grant(make(s), (struct peer_chunk){1, 0, 1}, 0);
    worker = started();
    CHECK(worker > 0);
    s.demand.cpus = 2;
    grant(make(s), (struct peer_chunk){2, 0, 1}, GRANT_KNOCK);
    CHECK(!came_back());
    CHECK_INT(started(), 0);
    rig_worker_exits(&rig, worker, WORKER_KILLED_OUTSIDE, 9);
    rig_run(&rig, 200 * MS_US);
    CHECK(started() > 0);
    end();
}

TEST(test_at_a_node_a_higher_job_is_let_in_at_the_next_leaf)
{
    struct rig_spec s = {.leaves = 64};
    const struct rig_job *low, *high;

    begin(1, true);
    peer_up(0, 1, 0, NULL);
    low = make(s);
    s.priority = 1;
    high = make(s);
    grant(low, (struct peer_chunk){1, 0, 8}, 0);
    CHECK(started() > 0);
    CHECK(rig_take_order(&rig, MESSAGE_ORDER_TRIM) == NULL);
    grant(high, (struct peer_chunk){2, 0, 8}, GRANT_KNOCK);
    CHECK(!came_back());
    CHECK(rig_take_order(&rig, MESSAGE_ORDER_TRIM) != NULL);
    end();
}

TEST_MAIN(test_leaves_go_to_nodes_that_have_the_labels,
          test_leaves_go_to_nodes_whose_cage_is_good_enough,
          test_slots_and_memory_of_what_runs_are_added_up, test_a_job_waits_for_a_node_and_says_so,
          test_a_leaf_that_kills_its_worker_fails_where_only_one_node_meets_the_demand,
          test_nodes_that_have_what_a_stage_reads_come_first,
          test_nodes_with_labels_that_are_preferred_come_first,
          test_a_lower_job_runs_behind_the_others_of_its_submitter_and_takes_nothing_of_theirs,
          test_a_node_gives_back_what_it_has_not_got_the_means_for,
          test_a_node_adds_up_what_its_chunks_take,
          test_a_chunk_that_takes_two_slots_runs_alone_on_two,
          test_at_a_node_a_higher_job_is_let_in_at_the_next_leaf)
