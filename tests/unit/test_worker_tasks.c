/* A worker that is given tasks: many leaves in one order, each with parameters of its own. */
#include <time.h>

#include "core/wire/tree.h"
#include "tests/unit/worker_child.h"

#define NAP_UNITS 2000u /* one less than its units */
#define LEAF_UNITS 3000u /* no nap: where it begins and how much it is, see nap_merge */

/* Yields its parameter, after so many milliseconds. */
struct napped {
    uint64_t ms;
};

static const struct velum_field nap_fields[] = {VELUM_FIELD(struct napped, ms, VELUM_U64, 1)};

static int nap_plan(const struct velum_host *host, int argc, const char *const *argv,
                    struct velum_plan *out)
{
    (void)host;
    (void)argc;
    (void)argv;
    out->units = out->leaf_units = 1;
    return 0;
}

static int nap_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    uint64_t ms = load_u64(call->params);
    if (ms == LEAF_UNITS) {
        ((struct napped *)accumulator)->ms = 1000 * call->first + call->count;
        return 0;
    }
    if (ms == NAP_UNITS)
        ms = call->count - 1;
    if (ms > 1000)
        return velum_fail(call, "too long");
    if (ms > 0)
        host->nap(host, ms * 1000);
    ((struct napped *)accumulator)->ms = ms;
    return 0;
}

static void nap_merge(const struct velum_host *host, const struct velum_call *call, void *left,
                      const void *right)
{
    (void)host;
    uint64_t weight = load_u64(call->params) == LEAF_UNITS ? 3 : 1;
    ((struct napped *)left)->ms += weight * ((const struct napped *)right)->ms;
}

static int nap_show(const struct velum_host *host, const struct velum_call *call,
                    const void *accumulator, char *text, size_t cap)
{
    (void)call;
    return host->put_u64(text, cap, ((const struct napped *)accumulator)->ms);
}

static const struct velum_kernel nap = {
    VELUM_KERNEL_HEAD,    .name = "nap-of-its-own", .usage = "MS",
    .summary = "naps",    .limits = "MS to 1000",   .accumulator_size = sizeof(struct napped),
    .fields = nap_fields, .fields_count = 1,        .plan = nap_plan,
    .leaf = nap_leaf,     .merge = nap_merge,       .show = nap_show,
};

static uint64_t told; /* leaves before it */

static void begin(void)
{
    static bool added;
    uint8_t ms[8] = {0};
    struct order_load m = {.params = {ms, 8}, .reduction = VELUM_FOLD};
    REQUIRE(added || kernel_add(&nap) == 0);
    added = true;
    start_worker();
    REQUIRE(load_order(&nap, NULL, &m).ok);
}

/* Each naps for as long as `ms` says. */
static void order(uint64_t run, uint64_t first, const uint64_t *ms, uint16_t count)
{
    struct order_tasks m = {
        .run = run, .first = first, .units = 1, .report_us = 1000000, .count = count};
    struct buf b = *payload();
    uint8_t params[8];
    put_order_tasks_begin(&b, &m);
    for (uint16_t i = 0; i < count; i++) {
        store_u64(params, ms[i]);
        put_order_task(&b, m.units, (struct order_task){1, 1, {params, 8}});
    }
    send_order(MESSAGE_ORDER_TASKS, 9, &b);
}

static uint64_t trim(uint64_t run, uint64_t end)
{
    struct order_trim m = {run, end};
    struct buf b = *payload();
    put_order_trim(&b, &m);
    send_order(MESSAGE_ORDER_TRIM, 55, &b);
    REQUIRE(read_order_trim(expect(MESSAGE_WORKER_TRIMMED).payload, &m) == 0);
    return m.end;
}

/* One value a task, in their order, behind what was told before. Whether the run has ended. */
static bool hear(uint64_t run, const uint64_t *ms)
{
    struct worker_progress m;
    REQUIRE(read_worker_progress(expect(MESSAGE_WORKER_PROGRESS).payload, &m) == 0);
    CHECK_INT(m.run, run);
    REQUIRE(CHECK_INT(m.count, m.next - told));
    for (; told < m.next; told++) {
        struct value v = read_value(&m.rest);
        CHECK(v.at.level == 0 && v.at.index == told);
        CHECK_INT(load_u64(v.data.data), ms[told]);
    }
    return m.ended;
}

static int64_t ms_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

TEST(each_task_has_parameters_of_its_own)
{
    uint64_t ms[2000];
    for (int i = 0; i < 2000; i++)
        ms[i] = i == 700 || i == 1999;
    begin();
    told = 0;
    order(4, 0, ms, 1000);
    order(4, 1000, ms + 1000, 1000);
    CHECK(hear(4, ms));
    CHECK_INT(told, 1000);
    CHECK(hear(4, ms));
    CHECK_INT(told, 2000);
    CHECK_INT(end_worker(), 0);
}

/* Each naps for as many units as it has. */
TEST(each_task_has_units_of_its_own)
{
    const uint64_t ms[] = {4, 0, 7};
    struct order_tasks m = {.run = 4, .first = 0, .report_us = 1000000, .count = 3};
    struct buf b;
    uint8_t params[8];
    begin();
    told = 0;
    b = *payload();
    put_order_tasks_begin(&b, &m);
    for (uint16_t i = 0; i < m.count; i++) {
        store_u64(params, ms[i] > 0 ? NAP_UNITS : 0);
        put_order_task(&b, m.units, (struct order_task){ms[i] + 1, ms[i] + 1, {params, 8}});
    }
    send_order(MESSAGE_ORDER_TASKS, 9, &b);
    while (told < m.count)
        (void)hear(4, ms);
    CHECK_INT(end_worker(), 0);
}

/* Its five leaves are merged as those of a stage are: ((0 1) (2 3)) 4. */
TEST(a_task_that_is_rolled_is_folded_by_the_tree_of_its_leaves)
{
    const uint64_t leaves[] = {10, 10010, 20010, 30010, 40002};
    const uint64_t one = leaves[0] + 3 * leaves[1], two = leaves[2] + 3 * leaves[3];
    const uint64_t values[] = {5, one + 3 * two + 3 * leaves[4], 7};
    struct order_tasks m = {
        .run = 4, .first = 0, .units = TASKS_ROLLED, .report_us = 1000000, .count = 3};
    struct buf b;
    uint8_t params[8];
    begin();
    told = 0;
    b = *payload();
    put_order_tasks_begin(&b, &m);
    for (uint16_t i = 0; i < m.count; i++) {
        store_u64(params, i == 1 ? LEAF_UNITS : values[i]);
        put_order_task(&b, m.units,
                       (struct order_task){i == 1 ? 42 : 1, i == 1 ? 10 : 1, {params, 8}});
    }
    send_order(MESSAGE_ORDER_TASKS, 9, &b);
    while (told < m.count)
        (void)hear(4, values);
    CHECK_INT(end_worker(), 0);
}

TEST(a_long_task_does_not_keep_back_what_was_done_before_it)
{
    const uint64_t ms[] = {0, 0, 0, 600, 0};
    const int64_t began = ms_now();
    begin();
    told = 0;
    order(4, 0, ms, 5);
    CHECK(!hear(4, ms));
    CHECK_INT(told, 3);
    CHECK(ms_now() - began < 500);
    CHECK(hear(4, ms));
    CHECK_INT(told, 5);
    CHECK(ms_now() - began >= 600);
    CHECK_INT(end_worker(), 0);
}

TEST(a_trim_during_a_task_holds_behind_it)
{
    const uint64_t ms[] = {0, 300, 0, 0, 0, 0};
    begin();
    told = 0;
    order(4, 0, ms, 3);
    order(4, 3, ms + 3, 3);
    CHECK(!hear(4, ms));
    CHECK_INT(told, 1);
    CHECK_INT(trim(4, 2), 2);
    CHECK(hear(4, ms));
    CHECK_INT(told, 2);
    told = 8;
    order(5, 8, ms, 1);
    REQUIRE(read_worker_progress(expect(MESSAGE_WORKER_PROGRESS).payload,
                                 &(struct worker_progress){0}) == 0);
    CHECK_INT(end_worker(), 0);
}

TEST(a_trim_cuts_what_waits_behind_the_run)
{
    const uint64_t ms[] = {0, 200, 0, 0, 0, 0};
    begin();
    told = 0;
    order(4, 0, ms, 3);
    order(4, 3, ms + 3, 3);
    CHECK(!hear(4, ms));
    CHECK_INT(trim(4, 5), 5);
    while (told < 5)
        (void)hear(4, ms);
    CHECK_INT(told, 5);
    CHECK_INT(trim(4, 5), 5);
    CHECK_INT(end_worker(), 0);
}

TEST(a_task_that_says_no_is_named)
{
    const uint64_t ms[] = {0, 0, 1001, 0};
    struct worker_failed m;
    begin();
    told = 0;
    order(4, 0, ms, 4);
    CHECK(!hear(4, ms));
    CHECK_INT(told, 2);
    REQUIRE(read_worker_failed(expect(MESSAGE_WORKER_FAILED).payload, &m) == 0);
    CHECK_INT(m.leaf, 2);
    CHECK_STR(m.reason, "too long");
    CHECK_INT(end_worker(), 0);
}

TEST(more_values_than_fit_a_frame_are_refused)
{
    static const uint64_t ms[2048];
    struct order_tasks m = {.run = 1, .first = 0, .units = 1, .count = 2049};
    struct buf b;
    begin();
    b = *payload();
    put_order_tasks_begin(&b, &m);
    for (int i = 0; i < 2049; i++)
        put_order_task(&b, m.units, (struct order_task){1, 1, {(const uint8_t *)ms, 8}});
    send_order(MESSAGE_ORDER_TASKS, 9, &b);
    CHECK_INT(end_worker(), 2);
}

TEST_MAIN(each_task_has_parameters_of_its_own, each_task_has_units_of_its_own,
          a_task_that_is_rolled_is_folded_by_the_tree_of_its_leaves,
          a_long_task_does_not_keep_back_what_was_done_before_it,
          a_trim_during_a_task_holds_behind_it, a_trim_cuts_what_waits_behind_the_run,
          a_task_that_says_no_is_named, more_values_than_fit_a_frame_are_refused)
