/* Whether waiting awake is worth it. */
#include "core/host/spin.h"

#include "tests/lib/check.h"

static struct spin s;

static void begin(uint32_t cores)
{
    spin_init(&s);
    s.cores = cores;
}

TEST(it_waits_awake_while_a_core_is_free)
{
    begin(2);
    CHECK(spin_now(&s));
    spin_run_began(&s, 1, 0);
    CHECK(spin_now(&s));
    spin_run_began(&s, 2, 0);
    CHECK(!spin_now(&s));
    spin_run_ended(&s, 1);
    CHECK(spin_now(&s));
    spin_run_began(&s, 1, 64);
    spin_worker_gone(&s, 2);
    CHECK_INT(s.busy, 1);
}

/* Two portions of tasks are with a worker; the one behind is never begun, and nobody tells its end.
 */
TEST(a_worker_whose_tasks_were_cut_off_is_free_when_it_has_told_the_others)
{
    begin(1);
    spin_run_began(&s, 1, 0);
    spin_run_began(&s, 1, 100);
    spin_run_cut(&s, 1, 100);
    CHECK_INT(s.busy, 1);
    spin_run_ended(&s, 1);
    CHECK_INT(s.busy, 0);
    CHECK(spin_now(&s));
}

/* Both of them end, and both ends are told. */
TEST(what_is_cut_but_not_off_is_still_told)
{
    begin(1);
    spin_run_began(&s, 1, 0);
    spin_run_began(&s, 1, 100);
    spin_run_cut(&s, 1, 150);
    spin_run_ended(&s, 1);
    CHECK_INT(s.busy, 1);
    spin_run_cut(&s, 1, 100); /* the one that it is at now */
    CHECK_INT(s.busy, 1);
    spin_run_ended(&s, 1);
    CHECK_INT(s.busy, 0);
}

TEST(waiting_awake_in_vain_gets_rare)
{
    begin(1);
    for (int i = 0; i < 8; i++)
        spin_learn(&s, false);
    for (int i = 0; i < 8; i++)
        CHECK(!spin_now(&s));
    CHECK(spin_now(&s));
    spin_learn(&s, true);
    CHECK(spin_now(&s));
}

TEST_MAIN(it_waits_awake_while_a_core_is_free,
          a_worker_whose_tasks_were_cut_off_is_free_when_it_has_told_the_others,
          what_is_cut_but_not_off_is_still_told, waiting_awake_in_vain_gets_rare)
