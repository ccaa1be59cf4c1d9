/* The workers of a node: that one is ready before it is wanted, and that there are never more than
 * its host has places for. */
#include "core/node/jobs.h"
#include "core/wire/tree.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

static struct rig rig;
static struct rig_job job;

static uint32_t ready_workers(void)
{
    uint32_t count = 0;

    for (const struct worker *w = rig.node->workers; w != NULL; w = w->next)
        count += w->state == WORKER_READY;
    return count;
}

/* Small jobs that come one after the other each find one. */
TEST(test_ready_worker_that_was_taken_is_replaced_soon)
{
    uint8_t bytes[8];
    struct buf b;

    rig_start(&rig, 2, true);
    rig_peer_up(&rig, 0, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 8, .leaves = 64});
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_u32(&b, 1);
    rig_worker_frame(&rig, 1, MESSAGE_WORKER_READY, &b); /* which was started with the node */
    CHECK_INT(ready_workers(), 1);
    (void)rig_start_chunk(&rig, &job, (struct peer_chunk){1, 0, 64}, 8);
    CHECK_INT(ready_workers(), 0);
    rig_run(&rig, 2 * MS_US);
    CHECK_INT(ready_workers(), 1);
    rig_job_clear(&job);
    rig_stop(&rig);
}

/* What the node ordered to be killed ends. */
static uint32_t kills_end(void)
{
    const struct rig_sent *s;
    uint32_t count = 0;

    for (; (s = rig_take_kill(&rig)) != NULL; count++)
        rig_worker_exits(&rig, s->worker, WORKER_KILLED, 9);
    return count;
}

static void all_are_ready(void)
{
    uint8_t bytes[8];
    struct buf b;

    for (const struct worker *w = rig.node->workers; w != NULL; w = w->next) {
        if (w->state != WORKER_STARTING)
            continue;
        buf_init_fixed(&b, bytes, sizeof bytes);
        put_u32(&b, 1);
        rig_worker_frame(&rig, w->number, MESSAGE_WORKER_READY, &b);
    }
}

static void finish_two_leaves(uint32_t worker)
{
    uint8_t bytes[256];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_worker_progress_begin(&b, 1, 2, 1000, 1000, true, 1);
    rig_put_value(&b, (struct tree_node){1, 0}, 8);
    rig_worker_frame(&rig, worker, MESSAGE_WORKER_PROGRESS, &b);
    rig_run(&rig, 20 * MS_US);
}

/* One chunk of each of many jobs, one after the other: each job keeps its worker for the next. */
static void serve_many_jobs(bool kills_are_late)
{
    static struct rig_job jobs[24];
    const uint32_t slots = 2, bound = 2 * slots + 1, spare = 8;

    rig_start(&rig, slots, true);
    rig_peer_up(&rig, 0, 1);
    rig.kills_late = kills_are_late;
    for (uint32_t i = 0; i < 24; i++) {
        rig_job_make(&rig, &jobs[i], (struct rig_spec){.accumulator_size = 8, .leaves = 64 + i});
        job = jobs[i];
        all_are_ready();
        if (ready_workers() > 0)
            finish_two_leaves(rig_start_chunk(&rig, &job, (struct peer_chunk){1, 0, 2}, 8));
        CHECK(rig.node->workers_count <= bound + spare);
        CHECK(kills_are_late || rig.node->workers_count <= bound + 1);
    }
    CHECK_INT(ready_workers(), !kills_are_late);
    rig.kills_late = false;
    CHECK(!kills_are_late || kills_end() > 0);
    rig_run(&rig, 2 * MS_US);
    all_are_ready();
    CHECK_INT(ready_workers(), 1);
    for (uint32_t i = 0; i < 24; i++)
        rig_job_clear(&jobs[i]);
    rig_stop(&rig);
}

TEST(test_idle_workers_of_many_jobs_make_room)
{
    serve_many_jobs(false);
}

TEST(test_workers_that_are_slow_to_end_leave_room_for_no_more)
{
    serve_many_jobs(true);
}

/* A chunk comes, and its worker says that it cannot load the kernel. */
static void load_fails(uint64_t grant, bool by_node)
{
    struct worker_loaded m = {.by_node = by_node, .reason = "Landlock: not permitted"};
    const struct rig_sent *s;
    uint8_t bytes[128];
    struct buf b;

    rig_grant(&rig, 0, &job, 1, (struct peer_chunk){grant, 8 * grant, 8 * grant + 8});
    s = rig_take_order(&rig, MESSAGE_ORDER_LOAD);
    REQUIRE(s != NULL);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_worker_loaded(&b, &m);
    rig_worker_frame(&rig, s->worker, MESSAGE_WORKER_LOADED, &b);
    rig_run(&rig, 20 * MS_US);
    CHECK(rig_take_kill(&rig) != NULL);
}

/* What came back, and why. */
static bool is_returned(uint8_t reason, const char *why)
{
    const struct rig_sent *s = rig_take(&rig, 0, MESSAGE_RETURN);
    char text[REASON_SIZE];
    struct reader r;

    if (s == NULL)
        return false;
    r = reader_of(s->payload);
    (void)read_job_id(&r);
    if (read_u8(&r) != reason)
        return false;
    read_text(&r, text, sizeof text);
    return strcmp(text, why) == 0 && read_u16(&r) == 1 && read_u64(&r) > 0;
}

static const struct rig_spec small = {.accumulator_size = 8, .leaves = 64};

static void begin_small(void)
{
    rig_start(&rig, 2, true);
    rig_peer_up(&rig, 0, 1);
    rig_job_make(&rig, &job, small);
    all_are_ready();
}

/* Whoever coordinates gives it to other nodes, and none of its leaves is to blame. */
TEST(test_a_cage_that_does_not_close_is_no_fault_of_the_kernel)
{
    begin_small();
    load_fails(1, true);
    CHECK(is_returned(RETURN_FULL, ""));
    load_fails(2, true);
    CHECK(is_returned(RETURN_FULL, ""));
    load_fails(3, true);
    CHECK(is_returned(RETURN_NO_KERNEL, "Landlock: not permitted"));
    CHECK(strstr(rig.last_log, "cannot run here: Landlock: not permitted") != NULL);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_REPORT), 0);
    rig.grant_flags = GRANT_MORE; /* the job stays here */
    rig_grant(&rig, 0, &job, 1, (struct peer_chunk){4, 32, 40});
    rig_run(&rig, 20 * MS_US);
    CHECK(is_returned(RETURN_NO_KERNEL, "no worker there can load its kernel"));
    CHECK(rig_take_order(&rig, MESSAGE_ORDER_LOAD) == NULL);
    /* What it lacked it may have again later. */
    for (uint64_t grant = 5; grant < 9; grant++) {
        CHECK(rig_take_order(&rig, MESSAGE_ORDER_LOAD) == NULL);
        rig_run(&rig, 8 * S_US);
        rig_grant(&rig, 0, &job, 1, (struct peer_chunk){grant, 8 * (grant - 1), 8 * grant});
        rig_run(&rig, 20 * MS_US);
    }
    CHECK(rig_take_order(&rig, MESSAGE_ORDER_LOAD) != NULL);
    rig_job_clear(&job);
    rig_stop(&rig);
}

TEST(test_a_kernel_that_does_not_load_is_to_blame)
{
    begin_small();
    load_fails(1, false);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_REPORT), 1);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_RETURN), 0);
    rig_job_clear(&job);
    rig_stop(&rig);
}

/* For so long none of those that it starts begins. */
static void refuse_for(int64_t us)
{
    rig.starts_refused = "the limit on processes: not permitted";
    if (rig.node->workers != NULL && rig.node->workers->state == WORKER_STARTING)
        rig_worker_refused(&rig, rig.node->workers->number, rig.starts_refused);
    rig_run(&rig, us);
    rig.starts_refused = NULL;
}

TEST(test_work_goes_back_where_no_worker_starts_for_seconds)
{
    static const char why[] = "no worker can be started: the limit on processes: not permitted";

    rig_start(&rig, 2, true);
    rig_peer_up(&rig, 0, 1);
    rig_job_make(&rig, &job, small);
    refuse_for(S_US);
    rig_grant(&rig, 0, &job, 1, (struct peer_chunk){1, 0, 8});
    refuse_for(2 * S_US);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_RETURN), 0);
    refuse_for(4 * S_US);
    CHECK(is_returned(RETURN_NO_KERNEL, why));
    CHECK(strstr(rig.last_log, why) != NULL);
    /* It goes on trying, and then takes work as ever. */
    rig_run(&rig, 600 * MS_US);
    rig_grant(&rig, 0, &job, 1, (struct peer_chunk){2, 8, 16});
    rig_run(&rig, 20 * MS_US);
    CHECK(rig_take_order(&rig, MESSAGE_ORDER_LOAD) != NULL);
    rig_job_clear(&job);
    rig_stop(&rig);
}

/* The node that coordinates is the only one, and the job says why it ends. */
TEST(test_a_job_that_no_node_can_run_ends_with_the_reason)
{
    struct job_view v;

    rig_start(&rig, 2, true);
    rig_peer_up(&rig, 0, 0);
    rig_job_make(&rig, &job, small);
    refuse_for(100 * MS_US);
    rig_submit(&rig, 0, &job);
    refuse_for(7 * S_US);
    rig_peer_leaves(&rig, 0);
    rig_run(&rig, 3 * S_US);
    v = rig_view(&rig, &job);
    CHECK_INT(v.state, JOB_FAILED);
    if (!CHECK(strstr(v.error, "no node can run it: no worker can be started: the limit on")))
        printf("# %s\n", v.error);
    rig_job_clear(&job);
    rig_stop(&rig);
}

TEST_MAIN(test_ready_worker_that_was_taken_is_replaced_soon,
          test_idle_workers_of_many_jobs_make_room,
          test_workers_that_are_slow_to_end_leave_room_for_no_more,
          test_a_cage_that_does_not_close_is_no_fault_of_the_kernel,
          test_a_kernel_that_does_not_load_is_to_blame,
          test_work_goes_back_where_no_worker_starts_for_seconds,
          test_a_job_that_no_node_can_run_ends_with_the_reason)
