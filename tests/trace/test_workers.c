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

TEST_MAIN(test_ready_worker_that_was_taken_is_replaced_soon,
          test_idle_workers_of_many_jobs_make_room,
          test_workers_that_are_slow_to_end_leave_room_for_no_more)
