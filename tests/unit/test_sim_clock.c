/* The clocks of simulated nodes: when they show what, however they drift and wherever they began.
 */
#include "core/sim/sim_clock.h"
#include "core/sim/sim_fault.h"
#include "tests/lib/check.h"

static struct world w;
static struct sim_node n;

static void begin(bool drifts, uint64_t mesh)
{
    memset(&w, 0, sizeof w);
    memset(&n, 0, sizeof n);
    w.plan.mesh = mesh;
    w.plan.weights[FAULT_DRIFT] = drifts;
    w.now = 12345;
    sim_clock_begin(&w, &n);
}

TEST(without_drift_a_clock_counts_what_the_world_counts)
{
    begin(false, 1);
    struct instant then = sim_clock_read(&w, &n);
    w.now += 3600 * S_US;
    CHECK_INT(instant_since_us(sim_clock_read(&w, &n), then), 3600 * S_US);
    CHECK_INT(sim_clock_shows(&w, &n, instant_plus_us(then, 7200 * S_US)), w.now + 3600 * S_US);
}

/* A timer is due when its clock shows its time and not before, and hardly later. */
TEST(a_clock_shows_a_time_when_it_is_said_to)
{
    int64_t most = 0;
    for (uint64_t mesh = 1; mesh <= 200; mesh++) {
        begin(true, mesh);
        for (int64_t us = 1; us < 40 * 3600 * S_US; us = us * 3 + 7) {
            struct instant due = instant_plus_us(sim_clock_read(&w, &n), us);
            int64_t at = sim_clock_shows(&w, &n, due), off = at - w.now - us;
            CHECK(at > w.now);
            CHECK(off <= us / 1999 + 2 && -off <= us / 1999 + 2);
            CHECK(at - w.now >= sim_clock_least_us(us));
            most = off > most ? off : most;
            w.now = at;
            CHECK(instant_reached(sim_clock_read(&w, &n), due));
        }
    }
    CHECK(most > S_US);
}

/* Of a suspended node; a shorter pause that comes after a longer one takes its place. */
TEST(a_suspended_clock_stands_still_and_goes_on)
{
    struct instant then;
    uint64_t mesh = 1;
    begin(true, mesh);
    while (!n.clock.suspends)
        begin(true, ++mesh);
    n.clock.ppm = 0;
    then = sim_clock_read(&w, &n);
    sim_clock_pause(&w, &n, w.now + 7 * S_US);
    w.now += S_US;
    CHECK_INT(instant_since_us(sim_clock_read(&w, &n), then), 0);
    sim_clock_pause(&w, &n, w.now + S_US);
    w.now += S_US;
    CHECK_INT(instant_since_us(sim_clock_read(&w, &n), then), 0);
    w.now += S_US;
    CHECK_INT(instant_since_us(sim_clock_read(&w, &n), then), S_US);
    sim_clock_pause(&w, &n, w.now + 5 * S_US);
    w.now += 2 * S_US;
    sim_clock_pause(&w, &n, w.now); /* it is healed */
    w.now += S_US;
    CHECK_INT(instant_since_us(sim_clock_read(&w, &n), then), 2 * S_US);
}

TEST(every_process_and_every_node_counts_from_elsewhere)
{
    begin(true, 1);
    int64_t first = sim_clock_read(&w, &n).us;
    n.boot++;
    sim_clock_begin(&w, &n);
    CHECK(sim_clock_read(&w, &n).us != first);
    n.index++;
    sim_clock_begin(&w, &n);
    CHECK(sim_clock_read(&w, &n).us != first);
}

TEST_MAIN(without_drift_a_clock_counts_what_the_world_counts,
          a_clock_shows_a_time_when_it_is_said_to, a_suspended_clock_stands_still_and_goes_on,
          every_process_and_every_node_counts_from_elsewhere)
