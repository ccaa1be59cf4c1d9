/* A job that may use so much processor time and no more, as who coordinates it counts it, and as a
 * node tells its workers. */
#include "core/node/peer.h"
#include "tests/lib/check.h"
#include "tests/lib/rig_inside.h"

static struct rig rig;
static struct rig_job job;
static uint64_t seq;
static struct peer_chunk chunk;

/* Everything goes to a peer. */
static void begin(uint64_t cpu_us)
{
    seq = 0;
    rig_start(&rig, 1, false);
    rig_peer_up(&rig, 0, 1);
    rig_job_make(&rig, &job,
                 (struct rig_spec){.accumulator_size = 16, .leaves = 64, .cpu_us = cpu_us});
    rig_submit(&rig, 0, &job);
    REQUIRE(rig_take_grant(&rig, 0, &chunk));
    REQUIRE(chunk.end - chunk.first >= 4);
}

static void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

/* A leaf more of the chunk took so long. */
static void tell(uint64_t cpu_us, uint8_t flags)
{
    const uint64_t at = chunk.first + seq;
    const bool failed = flags & REPORT_FAILED;
    seq++;
    rig_report(&rig, 0, &job,
               (struct rig_report){.seq = seq,
                                   .before = seq - 1,
                                   .grant = chunk.grant,
                                   .from = at,
                                   .next = failed ? at : at + 1,
                                   .end = chunk.end,
                                   .compute_us = 1000,
                                   .cpu_us = cpu_us,
                                   .flags = flags,
                                   .values = !failed,
                                   .size = 16});
    rig_run(&rig, 20 * MS_US);
}

TEST(a_job_that_used_all_it_may_fails_and_says_so)
{
    struct job_view v;
    begin(10000);
    tell(6000, 0);
    tell(4000, 0);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    tell(1, 0);
    v = rig_view(&rig, &job);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK_STR(v.error, "its workers used more than the 10 ms of processor time that the job may "
                       "use (cpu-time)");
    end();
}

TEST(a_worker_that_used_all_of_it_alone_is_not_tried_again)
{
    begin(10000);
    tell(1, REPORT_FAILED | REPORT_OWN_DOING);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    REQUIRE(rig_take_grant(&rig, 0, &chunk));
    chunk.first -= seq;
    tell(0, REPORT_FAILED | REPORT_OWN_DOING | REPORT_SPENT);
    CHECK_INT(rig_view(&rig, &job).state, JOB_FAILED);
    end();
}

TEST(a_job_without_such_a_limit_goes_on)
{
    begin(0);
    tell((uint64_t)3600 * S_US, 0);
    tell((uint64_t)3600 * S_US, 0);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    end();
}

/* Of a node that works for a job of another. */
static void begin_work(uint64_t cpu_us)
{
    rig_start(&rig, 1, true);
    rig_peer_up(&rig, 0, 1);
    rig_job_make(&rig, &job,
                 (struct rig_spec){.accumulator_size = 16, .leaves = 64, .cpu_us = cpu_us});
}

static uint64_t told_to_worker(uint64_t cpu_us)
{
    struct order_load m;
    const struct rig_sent *s;
    begin_work(cpu_us);
    rig_grant(&rig, 0, &job, 1, (struct peer_chunk){1, 0, 64});
    s = rig_take_order(&rig, MESSAGE_ORDER_LOAD);
    REQUIRE(s != NULL && read_order_load(s->payload, &m) == 0);
    cpu_us = m.cpu_us;
    end();
    return cpu_us;
}

TEST(a_worker_is_told_the_limit_of_its_job_or_that_of_its_node)
{
    CHECK_INT(told_to_worker(5000000), 5000000);
    CHECK_INT(told_to_worker(0), RIG_WORKER_CPU_US);
}

/* A leaf took it so long. */
static void worker_tells(uint32_t worker, uint64_t cpu_us)
{
    struct buf b;
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_worker_progress_begin(&b, 1, 1, 1000, cpu_us, false, 1);
    rig_put_value(&b, (struct tree_node){0, 0}, 16);
    rig_worker_frame(&rig, worker, MESSAGE_WORKER_PROGRESS, &b);
    buf_clear(&b);
}

/* What the coordinator hears of a worker that told of 2 s, and whose process took so long when it
 * died. */
static struct peer_report_chunk heard_of_death(uint64_t cpu_us, enum worker_end how, int status,
                                               uint64_t took_us)
{
    struct event ev = {.kind = EVENT_WORKER_EXITED};
    struct peer_report_chunk c;
    uint32_t worker;
    begin_work(cpu_us);
    worker = rig_start_chunk(&rig, &job, (struct peer_chunk){1, 0, 64}, 16);
    worker_tells(worker, 2 * S_US);
    rig_run(&rig, 200 * MS_US);
    REQUIRE(rig_take_report(&rig, 0, &c));
    CHECK_INT(c.cpu_us, 2 * S_US);
    ev.worker_exited.worker = worker;
    ev.worker_exited.end = how;
    ev.worker_exited.status = status;
    ev.worker_exited.cpu_us = took_us;
    rig_event(&rig, &ev);
    rig_run(&rig, 20 * MS_US);
    REQUIRE(rig_take_report(&rig, 0, &c));
    end();
    return c;
}

static uint8_t flags_of_death(uint64_t cpu_us)
{
    struct peer_report_chunk c = heard_of_death(cpu_us, WORKER_SIGNALLED, 24, 6 * S_US);
    CHECK_STR(c.cause, "the kernel died of SIGXCPU");
    return c.flags;
}

TEST(a_worker_that_dies_of_the_limit_used_all_of_its_job)
{
    CHECK_INT(flags_of_death(5000000), REPORT_FAILED | REPORT_OWN_DOING | REPORT_SPENT);
    CHECK_INT(flags_of_death(0), REPORT_FAILED | REPORT_OWN_DOING);
    CHECK_INT(heard_of_death(5 * S_US, WORKER_SIGNALLED, 24, 4900000).cpu_us, 3 * S_US);
}

TEST(the_time_of_a_leaf_that_died_is_told_with_its_death)
{
    struct peer_report_chunk c = heard_of_death(0, WORKER_SIGNALLED, 11, 5 * S_US);
    CHECK_INT(c.cpu_us, 3 * S_US);
    c = heard_of_death(0, WORKER_LOST, 0, 0);
    CHECK_INT(c.cpu_us, 0);
}

TEST(who_blocks_the_signal_of_the_limit_is_not_killed_from_outside)
{
    struct peer_report_chunk c = heard_of_death(5 * S_US, WORKER_KILLED_OUTSIDE, 9, 6 * S_US);
    CHECK_STR(c.cause, "the kernel died of SIGXCPU");
    CHECK_INT(c.flags, REPORT_FAILED | REPORT_OWN_DOING | REPORT_SPENT);
    c = heard_of_death(5 * S_US, WORKER_KILLED_OUTSIDE, 9, 4 * S_US);
    CHECK_STR(c.cause, "the worker was killed from outside (SIGKILL)");
    CHECK_INT(c.flags, REPORT_FAILED);
    c = heard_of_death(0, WORKER_KILLED_OUTSIDE, 9, RIG_WORKER_CPU_US + S_US);
    CHECK_INT(c.flags, REPORT_FAILED | REPORT_OWN_DOING);
}

TEST_MAIN(a_worker_is_told_the_limit_of_its_job_or_that_of_its_node,
          a_worker_that_dies_of_the_limit_used_all_of_its_job,
          the_time_of_a_leaf_that_died_is_told_with_its_death,
          who_blocks_the_signal_of_the_limit_is_not_killed_from_outside,
          a_job_that_used_all_it_may_fails_and_says_so,
          a_worker_that_used_all_of_it_alone_is_not_tried_again, a_job_without_such_a_limit_goes_on)
