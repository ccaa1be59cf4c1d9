/* A worker that the system kills for want of memory: whose limit it was, and whether a node with
 * more of it could help. */
#include "core/node/peer.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define MIB ((uint64_t)1 << 20)

static struct rig rig;
static struct rig_job job;

static void check_death(uint64_t mem_bytes, int limit, uint8_t flags, const char *cause)
{
    struct peer_report_chunk c;
    rig_start(&rig, 1, true);
    rig_peer_up(&rig, 0, 1);
    rig_job_make(&rig, &job,
                 (struct rig_spec){.accumulator_size = 16,
                                   .leaves = 64,
                                   .demand = (struct demand){.mem_bytes = mem_bytes}});
    rig_worker_exits(&rig, rig_start_chunk(&rig, &job, (struct peer_chunk){1, 0, 64}, 16),
                     WORKER_OUT_OF_MEMORY, limit);
    rig_run(&rig, 20 * MS_US);
    REQUIRE(rig_take_report(&rig, 0, &c));
    CHECK_INT(c.flags, REPORT_FAILED | flags);
    CHECK_STR(c.cause, cause);
    rig_job_clear(&job);
    rig_stop(&rig);
}

TEST(a_node_with_more_memory_may_help_where_its_own_was_not_enough)
{
    check_death(0, WORKER_LIMIT_SYSTEM, REPORT_MEMORY,
                "the worker ran out of memory, and the system killed it");
    check_death(0, WORKER_LIMIT_OWN, REPORT_MEMORY,
                "the worker needed more memory than one may have here (worker_mem), and the system "
                "killed it");
    check_death(64 * MIB, WORKER_LIMIT_NODE, REPORT_MEMORY,
                "the workers of this node needed more memory than they may have together (mem), "
                "and the system killed this one");
}

TEST(no_node_helps_a_worker_that_needs_more_than_its_job_says)
{
    check_death(64 * MIB, WORKER_LIMIT_OWN, REPORT_OWN_DOING,
                "the worker needed more than the 64 MiB of memory that the job says it needs (mem)"
                ", and the system killed it");
}

TEST_MAIN(a_node_with_more_memory_may_help_where_its_own_was_not_enough,
          no_node_helps_a_worker_that_needs_more_than_its_job_says)
