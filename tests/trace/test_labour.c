/* A node that works for another's job: what its workers say and do, and what the coordinator hears
 * of it. */
#include "core/base/err.h"
#include "core/node/jobs.h"
#include "core/wire/frame.h"
#include "core/wire/tree.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define LEAVES 1024

static struct rig rig;
static struct rig_job job;

static void begin(uint32_t slots, uint32_t accumulator_size)
{
    rig_start(&rig, slots, true);
    rig_peer_up(&rig, 0, 1);
    rig_job_make(&rig, &job,
                 (struct rig_spec){.accumulator_size = accumulator_size, .leaves = LEAVES});
}

static void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

/* The worker that was given this chunk, its kernel loaded. */
static uint32_t start_chunk(uint64_t grant, uint64_t first, uint64_t upto, uint32_t size)
{
    return rig_start_chunk(&rig, &job, (struct peer_chunk){grant, first, upto}, size);
}

/* Leaves [from, next) one value each, every second one left out, so that none could be folded. */
static void progress(uint32_t worker, uint64_t run, uint16_t count, uint32_t size, size_t more)
{
    struct buf b;

    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_worker_progress_begin(&b, run, 2 * count, 1000, 1000, false, count);
    for (uint16_t i = 0; i < count; i++)
        rig_put_value(&b, (struct tree_node){0, 2 * i}, size);
    for (size_t i = 0; i < more; i++)
        put_u8(&b, 0);
    REQUIRE(!b.failed);
    rig_worker_frame(&rig, worker, MESSAGE_WORKER_PROGRESS, &b);
    buf_clear(&b);
    rig_run(&rig, 20 * MS_US);
}

static bool reported(uint8_t flags, const char *cause)
{
    const struct rig_sent *s;
    struct peer_report_chunk c;
    struct reader r;

    while ((s = rig_take(&rig, 0, MESSAGE_REPORT)) != NULL) {
        r = reader_of(s->payload);
        read_view(&r, ID_SIZE + 8 + 1 + 8 + 2);
        read_peer_report_chunk(&r, &c);
        if (!r.failed && (c.flags & flags) == flags && strstr(c.cause, cause) != NULL)
            return true;
    }
    return false;
}

TEST(test_report_takes_as_many_values_as_a_worker_may_send)
{
    const uint32_t size = 4080;

    begin(1, size);
    progress(start_chunk(1, 0, 64, size), 1, PROGRESS_VALUES_MAX / (13 + size), size, 0);
    CHECK_INT(rig.rc, 0);
    CHECK(reported(0, ""));
    end();
}

TEST(test_worker_that_sends_more_than_fits_a_report_does_not_end_its_node)
{
    const uint32_t size = 4080;

    begin(1, size);
    progress(start_chunk(1, 0, 64, size), 1, 16, size, 0);
    CHECK_INT(rig.rc, 0);
    CHECK(reported(REPORT_FAILED | REPORT_OWN_DOING, "broke its protocol"));
    end();
}

/* One pair to merge, granted without the spec. */
static void grant_merge(void)
{
    struct peer_grant g = {.report_us = 1000};
    uint8_t bytes[4096];
    struct buf claim, b;

    g.job = job.id;
    buf_init_fixed(&claim, bytes, sizeof bytes);
    rig_put_claim(&rig, 0, &job, 1, &claim);
    g.claim = buf_bytes(&claim);
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_peer_grant_begin(&b, &g);
    put_u16(&b, 1);
    rig_put_value(&b, (struct tree_node){0, 0}, 16);
    rig_put_value(&b, (struct tree_node){0, 1}, 16);
    rig_frame(&rig, 0, MESSAGE_GRANT, &b);
    buf_clear(&b);
}

TEST(test_merges_of_a_job_that_is_not_known_come_back)
{
    const struct rig_sent *s;
    struct reader r;

    begin(1, 16);
    grant_merge();
    s = rig_take(&rig, 0, MESSAGE_RETURN);
    REQUIRE(s != NULL);
    r = reader_of(s->payload);
    CHECK(job_id_equal(read_job_id(&r), job.id));
    CHECK_INT(read_u8(&r), RETURN_STOPPING);
    read_u16(&r);
    CHECK_INT(read_u16(&r), 0);
    CHECK(reader_done(&r));
    end();
}

TEST(test_all_open_chunks_are_listed)
{
    const uint32_t chunks = 200;
    const struct rig_sent *s;
    uint8_t bytes[8192];
    struct buf claim, b;
    struct reader r;

    begin(chunks, 16);
    for (uint32_t i = 0; i < chunks; i++)
        rig_grant(&rig, 0, &job, 1, (struct peer_chunk){i + 1, i, i + 1});
    rig_count(&rig, 0, MESSAGE_OPEN);
    buf_init_fixed(&claim, bytes, sizeof bytes / 2);
    rig_put_claim(&rig, 0, &job, 1, &claim);
    buf_init_fixed(&b, bytes + sizeof bytes / 2, sizeof bytes / 2);
    put_job_id(&b, job.id);
    put_block(&b, buf_bytes(&claim));
    rig_frame(&rig, 0, MESSAGE_CLAIM, &b);
    s = rig_take(&rig, 0, MESSAGE_OPEN);
    REQUIRE(s != NULL);
    r = reader_of(s->payload);
    read_view(&r, ID_SIZE + 4);
    CHECK_INT(read_u16(&r), chunks);
    end();
}

TEST(test_merge_does_not_wait_behind_a_leaf)
{
    const struct rig_sent *s;
    uint32_t runs;

    begin(1, 16);
    runs = start_chunk(1, 0, 64, 16);
    grant_merge();
    s = rig_take_order(&rig, MESSAGE_ORDER_MERGE);
    REQUIRE(s != NULL);
    CHECK(s->worker != runs);
    end();
}

/* So often the worker that merges ends like this. False when the merge was not given out again. */
static bool merge_dies(int times, enum worker_end how)
{
    const struct rig_sent *s;

    for (int i = 0; i < times; i++) {
        rig_run(&rig, S_US);
        s = rig_take_order(&rig, MESSAGE_ORDER_MERGE);
        if (s == NULL)
            return false;
        rig_worker_exits(&rig, s->worker, how, how == WORKER_SIGNALLED ? 11 : 9);
    }
    rig_run(&rig, S_US);
    return true;
}

TEST(test_merge_that_ends_its_worker_three_times_fails)
{
    begin(1, 16);
    start_chunk(1, 0, 64, 16);
    grant_merge();
    CHECK(merge_dies(3, WORKER_SIGNALLED));
    CHECK(reported(REPORT_FAILED | REPORT_MERGED | REPORT_OWN_DOING, "SIGSEGV"));
    end();
}

TEST(test_merge_whose_worker_was_killed_from_outside_goes_on)
{
    begin(1, 16);
    start_chunk(1, 0, 64, 16);
    grant_merge();
    CHECK(merge_dies(19, WORKER_KILLED_OUTSIDE));
    CHECK(!reported(REPORT_FAILED | REPORT_MERGED, ""));
    CHECK(merge_dies(1, WORKER_KILLED_OUTSIDE));
    CHECK(reported(REPORT_FAILED | REPORT_MERGED, "SIGKILL"));
    end();
}

TEST(test_merge_that_takes_too_long_is_its_own_doing)
{
    begin(1, 16);
    start_chunk(1, 0, 64, 16);
    grant_merge();
    rig_run(&rig, 40 * S_US);
    CHECK(reported(REPORT_FAILED | REPORT_MERGED | REPORT_OWN_DOING, "longer than its limit"));
    end();
}

/* Each leaf has its 600 s, however many there were before. */
TEST(test_leaf_that_takes_too_long_is_its_own_doing)
{
    const struct rig_sent *s;
    struct peer_report_chunk c;
    uint32_t worker;

    begin(1, 16);
    worker = start_chunk(1, 0, 64, 16);
    rig_run(&rig, 595 * S_US);
    progress(worker, 1, 4, 16, 0);
    rig_run(&rig, 595 * S_US);
    CHECK(!reported(REPORT_FAILED, ""));
    rig_worker_output(&rig, worker, "round\nand round\n");
    rig_run(&rig, 10 * S_US);
    REQUIRE(rig_take_report(&rig, 0, &c));
    CHECK_INT(c.flags, REPORT_FAILED | REPORT_OWN_DOING);
    CHECK_STR(c.cause, "a leaf ran longer than its limit of 600 s; last output: "
                       "round\\u{a}and round");
    CHECK(!reported(REPORT_FAILED, ""));
    s = rig_take_kill(&rig);
    CHECK(s != NULL && s->worker == worker);
    end();
}

TEST(test_only_the_coordinator_trims_and_stops)
{
    uint8_t bytes[64];
    struct buf b;

    begin(1, 16);
    rig_peer_up(&rig, 1, 1);
    start_chunk(1, 0, 64, 16);
    for (uint32_t peer = 2; peer-- > 0;) {
        buf_init_fixed(&b, bytes, sizeof bytes);
        put_job_id(&b, job.id);
        put_u64(&b, 1);
        put_u64(&b, 8);
        rig_frame(&rig, peer, MESSAGE_TRIM, &b);
        CHECK_INT(rig_take_order(&rig, MESSAGE_ORDER_TRIM) != NULL, peer == 0);
    }
    for (uint32_t peer = 2; peer-- > 0;) {
        buf_init_fixed(&b, bytes, sizeof bytes);
        put_job_id(&b, job.id);
        put_u8(&b, JOB_CANCELLED);
        rig_frame(&rig, peer, MESSAGE_STOP, &b);
        CHECK_INT(rig.node->labour_jobs == NULL, peer == 0);
    }
    end();
}

static void stop(uint32_t peer, uint8_t state)
{
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, job.id);
    put_u8(&b, state);
    rig_frame(&rig, peer, MESSAGE_STOP, &b);
    rig_run(&rig, 20 * MS_US);
}

/* The title of one node, shown by another. */
static void show_claim_of(uint32_t peer, uint32_t whose, uint32_t epoch)
{
    uint8_t bytes[8192];
    struct buf fact, claim;

    buf_init_fixed(&fact, bytes, sizeof bytes);
    rig_put_claim(&rig, whose, &job, epoch, &fact);
    buf_init(&claim, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&claim, job.id);
    put_block(&claim, buf_bytes(&fact));
    rig_frame(&rig, peer, MESSAGE_CLAIM, &claim);
    buf_clear(&claim);
    rig_run(&rig, 20 * MS_US);
}

static void show_claim(uint32_t peer, uint32_t epoch)
{
    show_claim_of(peer, peer, epoch);
}

TEST(test_what_was_done_is_kept_until_holders_have_the_outcome)
{
    struct peer_report_chunk c;
    const struct rig_sent *s;
    uint64_t leaves = 0;
    struct reader r;

    begin(1, 16);
    rig_peer_up(&rig, 1, 1);
    progress(start_chunk(1, 0, 64, 16), 1, 8, 16, 0);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_REPORT), 1);
    stop(0, 0);
    REQUIRE(rig.node->labour_jobs != NULL);
    CHECK(rig.node->labour_jobs->labour->chunks == NULL);
    /* The coordinator is lost with its disk, and another one takes over. */
    rig_peer_dies(&rig, 0);
    show_claim(1, 2);
    while ((s = rig_take(&rig, 1, MESSAGE_REPORT)) != NULL) {
        r = reader_of(s->payload);
        read_view(&r, ID_SIZE + 8 + 1 + 8 + 2);
        read_peer_report_chunk(&r, &c);
        leaves += c.next - c.from;
    }
    CHECK_INT(leaves, 16);
    CHECK_INT(rig_count(&rig, 1, MESSAGE_OPEN), 1);
    stop(1, JOB_CANCELLED);
    CHECK(rig.node->labour_jobs == NULL);
    end();
}

/* The peer says back the last count of bytes it was told. */
static void say_count_back(uint32_t peer)
{
    const struct rig_sent *s, *last = NULL;
    uint8_t bytes[8];
    struct buf b;

    while ((s = rig_take(&rig, peer, MESSAGE_COUNT)) != NULL)
        last = s;
    REQUIRE(last != NULL);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_raw(&b, last->payload.data, last->payload.len);
    rig_frame(&rig, peer, MESSAGE_COUNTED, &b);
    rig_run(&rig, 20 * MS_US);
}

#define REPORTS 40u

/* More than a link takes at once. */
static void report_much(void)
{
    enum { LEAVES_EACH = 24 };
    uint32_t worker = start_chunk(1, 0, LEAVES, 4096);

    for (uint16_t i = 0; i < REPORTS; i++) {
        struct buf b;

        buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
        put_worker_progress_begin(&b, 1, (i + 1u) * LEAVES_EACH, 1000, 1000, false, 10);
        for (uint16_t k = 0; k < 10; k++)
            rig_put_value(&b, (struct tree_node){0, i * LEAVES_EACH + 2u * k}, 4096);
        rig_worker_frame(&rig, worker, MESSAGE_WORKER_PROGRESS, &b);
        buf_clear(&b);
        rig_run(&rig, 20 * MS_US);
    }
    CHECK_INT(rig_count(&rig, 0, MESSAGE_REPORT), REPORTS);
}

TEST(test_what_nobody_has_confirmed_goes_out_as_the_link_takes_it)
{
    uint32_t first, all;

    begin(1, 4096);
    rig_peer_up(&rig, 1, 1);
    report_much();
    rig_count(&rig, 1, MESSAGE_COUNT);
    rig.peers[1].mute = true;
    show_claim(1, 2);
    first = all = rig_count(&rig, 1, MESSAGE_REPORT);
    CHECK(first > 0 && first < REPORTS);
    CHECK_INT(rig_count(&rig, 1, MESSAGE_OPEN), 0);
    say_count_back(1);
    all += rig_count(&rig, 1, MESSAGE_REPORT);
    CHECK_INT(all, REPORTS);
    CHECK_INT(rig_count(&rig, 1, MESSAGE_OPEN), 1);
    end();
}

/* A node that shows its own title is told all that was done and then what is open, and whoever is
 * only said to have a greater one is not told the rest of it. */
TEST(test_what_is_open_is_told_to_whom_all_was_told)
{
    begin(1, 4096);
    rig_peer_up(&rig, 1, 1);
    rig_peer_up(&rig, 2, 1);
    report_much();
    rig.peers[1].mute = true;
    show_claim(1, 2);
    CHECK(rig_count(&rig, 1, MESSAGE_REPORT) < REPORTS);
    show_claim_of(1, 2, 3);
    rig_run(&rig, 100 * MS_US);
    CHECK_INT(rig_count(&rig, 2, MESSAGE_OPEN), 0);
    rig_count(&rig, 2, MESSAGE_REPORT);
    show_claim(2, 3);
    rig_run(&rig, 100 * MS_US);
    CHECK_INT(rig_count(&rig, 2, MESSAGE_REPORT), REPORTS);
    CHECK_INT(rig_count(&rig, 2, MESSAGE_OPEN), 1);
    end();
}

static int returned_as(void)
{
    const struct rig_sent *s = rig_take(&rig, 0, MESSAGE_RETURN);
    struct reader r;

    if (s == NULL)
        return -1;
    r = reader_of(s->payload);
    read_job_id(&r);
    return read_u8(&r);
}

/* Its coordinator is told why: all else it would take for a node that others use. */
TEST(test_chunk_comes_back_until_more_is_confirmed)
{
    uint32_t worker;

    begin(1, 16);
    rig.node->limits.unkept_bytes = 64;
    worker = start_chunk(1, 0, LEAVES, 16);
    progress(worker, 1, 4, 16, 0);
    rig_grant(&rig, 0, &job, 1, (struct peer_chunk){1, 0, LEAVES});
    CHECK_INT(returned_as(), -1);
    rig_grant(&rig, 0, &job, 1, (struct peer_chunk){2, 0, 1});
    CHECK_INT(returned_as(), RETURN_UNKEPT);
    rig.node->limits.unkept_bytes = 1 << 20;
    rig_grant(&rig, 0, &job, 1, (struct peer_chunk){3, 0, 1});
    CHECK_INT(returned_as(), RETURN_BUSY);
    end();
}

TEST(test_held_job_without_work_is_no_labour)
{
    const struct rig_sent *s;
    uint8_t bytes[64];
    struct reader r;
    struct buf b;

    begin(1, 16);
    rig_hold(&rig, 0, &job);
    rig_worker_exits(&rig, start_chunk(1, 0, 64, 16), WORKER_SIGNALLED, 11);
    rig_run(&rig, 20 * MS_US);
    s = rig_take(&rig, 0, MESSAGE_REPORT);
    REQUIRE(s != NULL && rig.node->labour_jobs != NULL);
    r = reader_of(s->payload);
    read_job_id(&r);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, job.id);
    put_u64(&b, read_u64(&r));
    rig_frame(&rig, 0, MESSAGE_KEPT, &b);
    rig_run(&rig, 11 * S_US);
    CHECK(rig.node->labour_jobs == NULL);
    end();
}

/* Its author learns who coordinates now, and its chunk goes back. */
TEST(test_coordinator_of_an_older_epoch_is_not_obeyed)
{
    const struct rig_sent *s;
    struct bytes fact;
    struct reader r;
    struct fact f;

    begin(2, 16);
    rig_peer_up(&rig, 1, 1);
    rig_grant(&rig, 0, &job, 2, (struct peer_chunk){1, 0, 64});
    rig_grant(&rig, 1, &job, 1, (struct peer_chunk){2, 64, 128});
    CHECK_INT(rig_count(&rig, 0, MESSAGE_RETURN), 0);
    CHECK_INT(rig_count(&rig, 1, MESSAGE_RETURN), 1);
    s = rig_take(&rig, 1, MESSAGE_CLAIM);
    REQUIRE(s != NULL);
    r = reader_of(s->payload);
    read_job_id(&r);
    fact = read_block(&r, FRAME_PAYLOAD_MAX);
    REQUIRE(fact_read(fact, &f) == 0);
    CHECK_INT(f.claim.epoch, 2);
    end();
}

/* The coordinator it worked for has gone, and the job comes to it from its user. */
TEST(test_a_title_that_was_obeyed_is_surpassed)
{
    const struct job *j;

    begin(2, 16);
    rig_grant(&rig, 0, &job, 5, (struct peer_chunk){1, 0, 64});
    rig_peer_dies(&rig, 0);
    rig_run(&rig, 10 * S_US);
    rig_peer_up(&rig, 1, 1);
    rig_submit(&rig, 1, &job);
    j = job_find(rig.node, job.id);
    REQUIRE(j != NULL && j->lead != NULL);
    CHECK_INT(j->lead->claim.epoch, 6);
    end();
}

/* A title is shown to everybody, so having seen it makes nobody a coordinator. */
TEST(test_chunks_are_taken_only_from_whose_title_it_is)
{
    struct peer_grant g = {.report_us = 1000, .chunks = 1};
    uint8_t bytes[4096];
    struct buf claim, b;

    begin(2, 16);
    rig_peer_up(&rig, 1, 1);
    buf_init_fixed(&claim, bytes, sizeof bytes);
    rig_put_claim(&rig, 0, &job, 1, &claim);
    g.job = job.id;
    g.spec = buf_bytes(&job.spec);
    g.claim = buf_bytes(&claim);
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_peer_grant_begin(&b, &g);
    put_peer_chunk(&b, &(struct peer_chunk){1, 0, 64});
    put_u16(&b, 0);
    rig_frame(&rig, 1, MESSAGE_GRANT, &b);
    CHECK_INT(rig_count(&rig, 1, MESSAGE_RETURN), 1);
    CHECK(rig_take_order(&rig, MESSAGE_ORDER_RUN) == NULL);
    rig_frame(&rig, 0, MESSAGE_GRANT, &b);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_RETURN), 0);
    CHECK(rig_take_order(&rig, MESSAGE_ORDER_LOAD) != NULL);
    buf_clear(&b);
    end();
}

/* The first chunk of another job of the same coordinator. */
static void grant_other(struct rig_job *other, uint8_t nonce, uint8_t flags)
{
    struct peer_grant g = {.report_us = 1000, .flags = flags, .chunks = 1};
    uint8_t bytes[4096];
    struct buf claim, b;

    rig_job_make(&rig, other,
                 (struct rig_spec){.accumulator_size = 16, .leaves = LEAVES, .nonce = nonce});
    buf_init_fixed(&claim, bytes, sizeof bytes);
    rig_put_claim(&rig, 0, other, 1, &claim);
    g.job = other->id;
    g.spec = buf_bytes(&other->spec);
    g.claim = buf_bytes(&claim);
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_peer_grant_begin(&b, &g);
    put_peer_chunk(&b, &(struct peer_chunk){nonce, 0, 64});
    put_u16(&b, 0);
    rig_frame(&rig, 0, MESSAGE_GRANT, &b);
    buf_clear(&b);
}

static void knock(struct rig_job *other, uint8_t nonce)
{
    grant_other(other, nonce, GRANT_KNOCK);
}

TEST(test_who_knocks_is_next_though_nobody_was_served_yet)
{
    struct rig_job other;
    uint32_t worker;

    begin(1, 16);
    worker = start_chunk(1, 0, 2, 16);
    knock(&other, 7);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_RETURN), 0);
    rig_grant(&rig, 0, &job, 1, (struct peer_chunk){2, 64, 128});
    CHECK_INT(rig_count(&rig, 0, MESSAGE_RETURN), 1);
    CHECK(rig_take_order(&rig, MESSAGE_ORDER_LOAD) == NULL);
    rig_worker_exits(&rig, worker, WORKER_EXITED, 1);
    rig_run(&rig, 100 * MS_US);
    CHECK(rig_take_order(&rig, MESSAGE_ORDER_LOAD) != NULL);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_RETURN), 0);
    rig_job_clear(&other);
    end();
}

TEST(test_of_those_who_knock_the_first_is_next)
{
    struct rig_job others[2];
    const struct rig_sent *s;
    uint32_t worker;
    struct reader r;

    begin(2, 16);
    worker = start_chunk(1, 0, 2, 16);
    start_chunk(2, 2, 4, 16);
    knock(&others[0], 7);
    rig_run(&rig, 10 * MS_US);
    knock(&others[1], 8);
    rig_worker_exits(&rig, worker, WORKER_EXITED, 1);
    rig_run(&rig, 100 * MS_US);
    s = rig_take_order(&rig, MESSAGE_ORDER_RUN);
    REQUIRE(s != NULL);
    r = reader_of(s->payload);
    CHECK_INT(read_u64(&r), 7);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_RETURN), 0);
    rig_job_clear(&others[0]);
    rig_job_clear(&others[1]);
    end();
}

TEST(test_who_knocks_does_not_wait_behind_a_long_leaf)
{
    struct rig_job other;

    begin(1, 16);
    start_chunk(1, 0, 64, 16);
    knock(&other, 7);
    rig_run(&rig, 500 * MS_US);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_RETURN), 0);
    rig_run(&rig, S_US);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_RETURN), 1);
    CHECK(rig_take_kill(&rig) == NULL);
    rig_job_clear(&other);
    end();
}

TEST(test_spare_copy_gives_way_in_the_middle_of_its_leaf)
{
    struct rig_job spare, other;
    const struct rig_sent *s;
    uint32_t worker;
    struct reader r;

    begin(1, 16);
    grant_other(&spare, 6, GRANT_SPARE);
    s = rig_take_order(&rig, MESSAGE_ORDER_LOAD);
    REQUIRE(s != NULL);
    worker = s->worker;
    REQUIRE(rig_take_order(&rig, MESSAGE_ORDER_RUN) != NULL);
    knock(&other, 7);
    rig_run(&rig, 1200 * MS_US);
    s = rig_take_kill(&rig);
    REQUIRE(s != NULL && s->worker == worker);
    s = rig_take(&rig, 0, MESSAGE_RETURN);
    REQUIRE(s != NULL);
    r = reader_of(s->payload);
    CHECK(job_id_equal(read_job_id(&r), spare.id));
    CHECK_INT(read_u8(&r), RETURN_FULL);
    rig_worker_exits(&rig, worker, WORKER_KILLED, 9);
    rig_run(&rig, 100 * MS_US);
    CHECK(rig_take_order(&rig, MESSAGE_ORDER_LOAD) != NULL);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_RETURN), 0);
    CHECK(!reported(REPORT_FAILED, ""));
    rig_job_clear(&other);
    rig_job_clear(&spare);
    end();
}

TEST(test_cause_of_death_shows_the_end_of_the_output)
{
    char text[200];
    uint32_t worker;

    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    begin(1, 16);
    worker = start_chunk(1, 0, 64, 16);
    rig_worker_output(&rig, worker, text);
    rig_worker_output(&rig, worker, "the very e");
    rig_worker_output(&rig, worker, "nd");
    rig_worker_exits(&rig, worker, WORKER_SIGNALLED, 6);
    rig_run(&rig, 20 * MS_US);
    CHECK(reported(REPORT_FAILED | REPORT_OWN_DOING, "aathe very end"));
    end();
}

TEST_MAIN(test_spare_copy_gives_way_in_the_middle_of_its_leaf,
          test_chunk_comes_back_until_more_is_confirmed, test_of_those_who_knock_the_first_is_next,
          test_who_knocks_is_next_though_nobody_was_served_yet,
          test_who_knocks_does_not_wait_behind_a_long_leaf,
          test_what_nobody_has_confirmed_goes_out_as_the_link_takes_it,
          test_what_is_open_is_told_to_whom_all_was_told,
          test_what_was_done_is_kept_until_holders_have_the_outcome,
          test_only_the_coordinator_trims_and_stops, test_held_job_without_work_is_no_labour,
          test_coordinator_of_an_older_epoch_is_not_obeyed,
          test_a_title_that_was_obeyed_is_surpassed,
          test_chunks_are_taken_only_from_whose_title_it_is,
          test_cause_of_death_shows_the_end_of_the_output, test_merge_does_not_wait_behind_a_leaf,
          test_merge_that_ends_its_worker_three_times_fails,
          test_merge_whose_worker_was_killed_from_outside_goes_on,
          test_leaf_that_takes_too_long_is_its_own_doing,
          test_merge_that_takes_too_long_is_its_own_doing, test_all_open_chunks_are_listed,
          test_merges_of_a_job_that_is_not_known_come_back,
          test_report_takes_as_many_values_as_a_worker_may_send,
          test_worker_that_sends_more_than_fits_a_report_does_not_end_its_node)
