#include <time.h>

#include "core/base/err.h"
#include "core/kernel/run.h"
#include "core/wire/asides.h"
#include "core/wire/tree.h"
#include "tests/unit/worker_child.h"

static struct worker_loaded load_with(const struct velum_kernel *k, const char *path,
                                      struct bytes params)
{
    struct order_load m = {.params = params, .reduction = (uint8_t)k->reduce};
    return load_order(k, path, &m);
}

static struct kernel_plan plan;

/* Starts a worker with a plugin (or the built-in) and these arguments. */
static const struct velum_kernel *begin(const char *name, int argc, const char *const *argv)
{
    const char *path;
    const struct velum_kernel *k = kernel_or_plugin(name, &path);
    REQUIRE(k && kernel_plan(k, argc, argv, 0, NULL, &plan) == 0);
    start_worker();
    struct worker_loaded l = load_with(k, path, (struct bytes){plan.params, plan.params_size});
    CHECK_STR(l.reason, "");
    REQUIRE(l.ok);
    CHECK_INT(l.accumulator_size, kernel_accumulator_size(k));
    return k;
}

static void order_run(uint64_t run, uint64_t first, uint64_t end, uint32_t report_us)
{
    struct order_run m = {run, first, end, plan.units, plan.leaf_units, report_us};
    struct buf b = *payload();
    put_order_run(&b, &m);
    send_order(MESSAGE_ORDER_RUN, (uint32_t)run + 100, &b);
}

static void order_trim(uint64_t run, uint64_t end)
{
    struct order_trim m = {run, end};
    struct buf b = *payload();
    put_order_trim(&b, &m);
    send_order(MESSAGE_ORDER_TRIM, 55, &b);
}

/* What the node would keep: the cover of one run, newer values in place of those below them. */
struct cover {
    uint64_t first, next, leaves;
    uint32_t count, frames;
    bool ended;
    struct tree_node at[200];
    uint8_t data[200][ACCUMULATOR_SIZE_MAX];
    uint32_t size;
    uint64_t compute_us;
};

static struct cover cover;

static void cover_put(const struct value *v)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < cover.count; i++) {
        if (tree_holds(v->at, cover.at[i]))
            continue;
        CHECK(!tree_holds(cover.at[i], v->at));
        cover.at[kept] = cover.at[i];
        memmove(cover.data[kept++], cover.data[i], cover.size);
    }
    cover.count = kept;
    REQUIRE(cover.count < 200);
    cover.at[cover.count] = v->at;
    memcpy(cover.data[cover.count++], v->data.data, v->data.len);
}

/* Takes one report into the cover; returns whether the run has ended. */
static bool cover_take(struct frame f, uint64_t run)
{
    struct worker_progress m;
    REQUIRE(CHECK_INT(f.type, MESSAGE_WORKER_PROGRESS));
    CHECK_INT(f.request, run + 100);
    REQUIRE(read_worker_progress(f.payload, &m) == 0);
    CHECK_INT(m.run, run);
    CHECK(m.next >= cover.next);
    for (uint16_t i = 0; i < m.count; i++) {
        struct value v = read_value(&m.rest);
        cover.size = (uint32_t)v.data.len;
        cover_put(&v);
    }
    CHECK(reader_done(&m.rest));
    cover.next = m.next;
    cover.frames++;
    cover.compute_us += m.compute_us;
    cover.ended = m.ended;
    return m.ended;
}

static int compare_nodes(struct tree_node a, struct tree_node b)
{
    return tree_first(a) < tree_first(b) ? -1 : 1;
}

/* The values are together exactly the leaves [first, next), none twice. */
static void cover_check(void)
{
    uint64_t at = cover.first;
    for (uint32_t i = 0; i < cover.count; i++) {
        uint32_t least = i;
        for (uint32_t j = i; j < cover.count; j++)
            if (compare_nodes(cover.at[j], cover.at[least]) < 0)
                least = j;
        struct tree_node n = cover.at[least];
        cover.at[least] = cover.at[i];
        cover.at[i] = n;
        CHECK_INT(tree_first(n), at);
        at = tree_end(n, cover.leaves);
    }
    CHECK_INT(at, cover.next);
}

static void cover_begin(uint64_t first)
{
    memset(&cover, 0, offsetof(struct cover, at));
    cover.compute_us = 0;
    cover.first = cover.next = first;
    cover.leaves = tree_leaves(plan.units, plan.leaf_units);
}

static void cover_run(uint64_t run, uint64_t first)
{
    cover_begin(first);
    while (!cover_take(expect(MESSAGE_WORKER_PROGRESS), run))
        ;
    cover_check();
}

static int merge_here(void *ctx, struct bytes left, struct bytes right, uint8_t *out)
{
    return kernel_merge(ctx, (struct bytes){plan.params, plan.params_size}, left, right, out);
}

/* The root as one process computes it. */
static void straight(const struct velum_kernel *k, uint8_t *root)
{
    static uint8_t values[RUN_VALUES_MAX * ACCUMULATOR_SIZE_MAX];
    struct run r;
    uint64_t leaves = tree_leaves(plan.units, plan.leaf_units);
    run_init(&r, 0, leaves, leaves, values, kernel_accumulator_size(k));
    while (!run_ended(&r)) {
        uint64_t first, count;
        char reason[REASON_SIZE];
        kernel_leaf_range(plan.units, plan.leaf_units, r.next, &first, &count);
        REQUIRE(kernel_leaf(k, kernel_host_plain(), (struct bytes){plan.params, plan.params_size},
                            first, count, run_slot(&r), reason) == 0);
        REQUIRE(run_push(&r, merge_here, (void *)k) == 0);
    }
    REQUIRE(r.count == 1);
    memcpy(root, run_value(&r, 0).data.data, r.value_size);
}

TEST(test_pi_in_one_run_is_the_straight_fold)
{
    uint8_t root[ACCUMULATOR_SIZE_MAX];
    const struct velum_kernel *k = begin("pi", 1, (const char *[]){"20000003"});
    order_run(1, 0, tree_leaves(plan.units, plan.leaf_units), 1000);
    cover_run(1, 0);
    REQUIRE(cover.count == 1);
    CHECK(tree_equal(cover.at[0], tree_root(cover.leaves)));
    straight(k, root);
    CHECK_MEM(cover.data[0], root, cover.size);

    struct buf b = *payload();
    put_block(&b, (struct bytes){root, cover.size});
    send_order(MESSAGE_ORDER_SHOW, 9, &b);
    struct frame f = expect(MESSAGE_WORKER_SHOWN);
    bool ok;
    char text[SHOW_SIZE_MAX];
    CHECK_INT(f.request, 9);
    REQUIRE(read_worker_shown(f.payload, &ok, text) == 0);
    CHECK(ok);
    CHECK_STR(text, "3.14159265358979");
    CHECK_INT(end_worker(), 0);
}

TEST(test_progress_comes_while_it_works)
{
    begin("sleep", 2, (const char *[]){"60", "2"});
    order_run(3, 0, 30, 10000);
    cover_run(3, 0);
    CHECK(cover.frames >= 3 && cover.frames <= 31);
    CHECK(cover.compute_us >= 60000 && cover.compute_us < 5000000);
    CHECK_INT(end_worker(), 0);
}

TEST(test_values_that_do_not_fit_one_frame)
{
    begin("fat", 1, (const char *[]){"5000"});
    order_run(4, 1, 4095, 10000000);
    cover_run(4, 1);
    CHECK_INT(cover.frames, 2);
    CHECK_INT(cover.count, 22);
    CHECK_INT(cover.next, 4095);
    CHECK_INT(end_worker(), 0);
}

TEST(test_trim_to_nothing_stops_before_the_next_leaf)
{
    struct order_trim m;
    begin("sleep", 2, (const char *[]){"100000", "5"});
    order_run(5, 16, 20000, 1000000);
    usleep(12000);
    order_trim(5, 0);
    struct frame f = expect(MESSAGE_WORKER_TRIMMED);
    CHECK_INT(f.request, 55);
    REQUIRE(read_order_trim(f.payload, &m) == 0);
    CHECK_INT(m.run, 5);
    CHECK(m.end > 16 && m.end < 2000);
    cover_run(5, 16);
    CHECK_INT(cover.next, m.end);
    CHECK_INT(end_worker(), 0);
}

TEST(test_trim_further_on_and_after_the_end)
{
    struct order_trim m;
    begin("sleep", 2, (const char *[]){"100000", "5"});
    order_run(6, 0, 20000, 1000000);
    order_trim(6, 4);
    REQUIRE(read_order_trim(expect(MESSAGE_WORKER_TRIMMED).payload, &m) == 0);
    CHECK_INT(m.end, 4);
    cover_run(6, 0);
    CHECK_INT(cover.next, 4);
    CHECK_INT(cover.count, 1);
    order_trim(6, 2);
    REQUIRE(read_order_trim(expect(MESSAGE_WORKER_TRIMMED).payload, &m) == 0);
    CHECK_INT(m.end, 4);
    CHECK_INT(end_worker(), 0);
}

TEST(test_queued_run_goes_on_without_waiting)
{
    struct order_trim m;
    begin("sleep", 2, (const char *[]){"100000", "3"});
    order_run(1, 0, 4, 1000000);
    order_run(2, 8, 100, 1000000);
    order_trim(2, 9);
    REQUIRE(read_order_trim(expect(MESSAGE_WORKER_TRIMMED).payload, &m) == 0);
    CHECK_INT(m.end, 9);
    cover_run(1, 0);
    CHECK_INT(cover.next, 4);
    cover_run(2, 8);
    CHECK_INT(cover.next, 9);
    CHECK(cover.compute_us >= 3000 && cover.compute_us < 1000000);
    /* Trimmed to nothing while it waits: it ends with nothing. */
    order_run(3, 0, 2, 1000000);
    order_run(4, 8, 100, 1000000);
    order_trim(4, 0);
    REQUIRE(read_order_trim(expect(MESSAGE_WORKER_TRIMMED).payload, &m) == 0);
    CHECK_INT(m.end, 8);
    cover_run(3, 0);
    cover_run(4, 8);
    CHECK_INT(cover.count, 0);
    CHECK_INT(cover.next, 8);
    CHECK_INT(end_worker(), 0);
}

TEST(test_merge_during_a_run)
{
    uint8_t ones[8];
    uint64_t run;
    struct worker_merged m;
    begin("sleep", 2, (const char *[]){"100000", "5"});
    order_run(1, 0, 4, 1000000);
    store_u64(ones, 5);
    struct value v = {.at = {3, 4}, .data = {ones, 8}}, w = {.at = {3, 5}, .data = {ones, 8}};
    struct buf b = *payload();
    put_order_merge_begin(&b, 77, 1);
    put_value(&b, &v);
    put_value(&b, &w);
    send_order(MESSAGE_ORDER_MERGE, 21, &b);
    struct frame f = expect(MESSAGE_WORKER_MERGED);
    CHECK_INT(f.request, 21);
    REQUIRE(read_worker_merged(f.payload, &m) == 0);
    run = m.run;
    CHECK_INT(run, 77);
    REQUIRE(m.count == 1);
    v = read_value(&m.rest);
    CHECK(v.at.level == 4 && v.at.index == 2);
    CHECK_INT(load_u64(v.data.data), 10);
    cover_run(1, 0);
    CHECK_INT(end_worker(), 0);
}

TEST(test_plan_is_made_in_the_worker)
{
    struct worker_planned p;
    begin("noop", 1, (const char *[]){"1"});
    struct buf b = *payload();
    put_order_plan(&b, 1, (const char *[]){"12"}, 0, NULL);
    send_order(MESSAGE_ORDER_PLAN, 3, &b);
    REQUIRE(read_worker_planned(expect(MESSAGE_WORKER_PLANNED).payload, &p) == 0);
    CHECK(p.ok && p.units == 12 && p.leaf_units == 1);
    b = *payload();
    put_order_plan(&b, 1, (const char *[]){"-1"}, 0, NULL);
    send_order(MESSAGE_ORDER_PLAN, 3, &b);
    REQUIRE(read_worker_planned(expect(MESSAGE_WORKER_PLANNED).payload, &p) == 0);
    CHECK(!p.ok);
    CHECK_STR(p.reason, "noop takes one N from 1 to 1099511627776");
    CHECK_INT(end_worker(), 0);
}

/* Of noop, where `what` is a plan by this word. */
static void put_aside(struct buf *b, enum asides_what what, const char *word, uint64_t value)
{
    uint8_t raw[8];
    const size_t block = put_aside_begin(b);
    store_u64(raw, value);
    if (what == ASIDES_PLAN)
        put_order_plan(b, 1, &word, 0, NULL);
    else
        put_aside_show(b, &(struct aside_show){bytes_of_text(word), {raw, sizeof raw}});
    put_aside_end(b, block);
}

static struct asides answers_to(struct buf *b, enum asides_what what, uint16_t count)
{
    static uint8_t copy[FRAME_PAYLOAD_MAX];
    struct asides m = {0};
    asides_count(b, 0, count);
    send_order(MESSAGE_ORDER_ASIDES, 3, b);
    const struct bytes list = expect(MESSAGE_WORKER_ASIDES).payload;
    memcpy(copy, list.data, list.len);
    REQUIRE(read_asides((struct bytes){copy, list.len}, &m) == 0);
    CHECK_INT(m.what, what);
    return m;
}

TEST(test_lists_of_plans_and_shows_are_made_in_the_worker)
{
    static const char *const words[] = {"12", "-1", "13"};
    char text[SHOW_SIZE_MAX];
    struct worker_planned p;
    struct asides m;
    bool ok;
    begin("noop", 1, (const char *[]){"1"});
    struct buf b = *payload();
    put_asides_begin(&b, ASIDES_PLAN);
    for (int i = 0; i < 3; i++)
        put_aside(&b, ASIDES_PLAN, words[i], 0);
    m = answers_to(&b, ASIDES_PLAN, 3);
    REQUIRE(m.count == 3);
    for (uint64_t i = 0; i < 3; i++) {
        REQUIRE(read_worker_planned(read_aside(&m.rest), &p) == 0);
        CHECK(p.ok ? p.units == 12 + i / 2 : i == 1);
    }
    b = *payload();
    put_asides_begin(&b, ASIDES_SHOW);
    for (uint64_t i = 0; i < 500; i++)
        put_aside(&b, ASIDES_SHOW, "", i);
    m = answers_to(&b, ASIDES_SHOW, 500);
    for (uint64_t i = 0; i < m.count; i++) {
        REQUIRE(read_worker_shown(read_aside(&m.rest), &ok, text) == 0);
        CHECK(ok && strtoull(text, NULL, 10) == i);
    }
    CHECK(m.count > 0);
    /* A run is as good as before. */
    order_run(1, 0, 1, 1000000);
    cover_run(1, 0);
    CHECK_INT(end_worker(), 0);
}

/* Each of these is refused in 64 characters. */
TEST(test_answers_that_fit_no_frame_are_left_for_another)
{
    struct worker_planned p;
    struct asides m;
    uint16_t left = ASIDES_COUNT_MAX;
    begin("crash", 2, (const char *[]){"none", "1"});
    for (int turns = 0; left > 0; turns++) {
        struct buf b = *payload();
        REQUIRE(turns < 5);
        put_asides_begin(&b, ASIDES_PLAN);
        for (uint16_t i = 0; i < left; i++) {
            const size_t block = put_aside_begin(&b);
            put_order_plan(&b, 2, (const char *[]){"x", "1"}, 0, NULL);
            put_aside_end(&b, block);
        }
        m = answers_to(&b, ASIDES_PLAN, left);
        CHECK(turns > 0 || (m.count > 500 && m.count < left));
        left = (uint16_t)(left - m.count);
        for (; m.count > 0; m.count--)
            CHECK(read_worker_planned(read_aside(&m.rest), &p) == 0 && !p.ok);
    }
    CHECK_INT(end_worker(), 0);
}

TEST(test_bad_lists_end_the_worker)
{
    begin("noop", 1, (const char *[]){"1"});
    struct buf b = *payload();
    put_asides_begin(&b, ASIDES_PLAN);
    put_aside(&b, ASIDES_SHOW, "1", 1); /* no plan */
    asides_count(&b, 0, 1);
    send_order(MESSAGE_ORDER_ASIDES, 3, &b);
    CHECK_INT(end_worker(), 2);
}

TEST(test_many_small_leaves)
{
    struct timespec a, b;
    begin("noop", 1, (const char *[]){"1000000"});
    clock_gettime(CLOCK_MONOTONIC, &a);
    order_run(1, 0, 1000000, 20000);
    cover_run(1, 0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    CHECK_INT(load_u64(cover.data[0]), 1000000);
    printf("# %.0f ns a leaf of noop\n",
           (double)((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec) / 1e6);
    CHECK_INT(end_worker(), 0);
}

TEST(test_kernel_that_says_no)
{
    struct worker_failed m;
    begin("crash", 2, (const char *[]){"no", "37"});
    order_run(1, 32, 100, 1000000);
    cover_begin(32);
    CHECK(!cover_take(expect(MESSAGE_WORKER_PROGRESS), 1));
    CHECK_INT(cover.next, 37);
    cover_check();
    struct frame f = expect(MESSAGE_WORKER_FAILED);
    CHECK_INT(f.request, 101);
    REQUIRE(read_worker_failed(f.payload, &m) == 0);
    CHECK_INT(m.run, 1);
    CHECK_INT(m.leaf, 37);
    CHECK_STR(m.reason, "this unit is one that crash was told to refuse");
    CHECK_INT(end_worker(), 0);
}

static int crash_with(const char *mode)
{
    struct frame f;
    begin("crash", 2, (const char *[]){mode, "3"});
    order_run(1, 0, 100, 1000000);
    while (next_report(&f))
        ;
    return end_worker();
}

TEST(test_causes_of_death)
{
    CHECK_INT(crash_with("exit"), 3);
#ifdef __SANITIZE_ADDRESS__
    SKIP("the sanitizer catches the signals");
#endif
    CHECK_INT(crash_with("segv"), -SIGSEGV);
    CHECK_INT(crash_with("abort"), -SIGILL);
    CHECK_INT(crash_with("divide"), -SIGFPE);
}

/* A kernel that never tells anything: the system counts, in whole seconds. */
TEST(test_a_worker_has_no_more_processor_time_than_its_job)
{
    static const char *const hang[] = {"hang", "0"};
    const char *path;
    const struct velum_kernel *k = kernel_or_plugin("crash", &path);
    struct order_load m = {.reduction = (uint8_t)k->reduce, .cpu_us = 1000};
    struct frame f;
    REQUIRE(kernel_plan(k, 2, hang, 0, NULL, &plan) == 0);
    m.params = (struct bytes){plan.params, plan.params_size};
    start_worker();
    REQUIRE(load_order(k, path, &m).ok);
    order_run(1, 0, 1, 1000000);
    while (next_report(&f))
        ;
    CHECK_INT(end_worker(), -SIGXCPU);
}

TEST(test_closed_input_ends_it_even_in_a_nap)
{
    begin("sleep", 2, (const char *[]){"600000", "600000"});
    order_run(1, 0, 1, 1000000);
    usleep(2000);
    CHECK_INT(end_worker(), 0);
}

TEST(test_broken_output_ends_it)
{
    begin("sleep", 2, (const char *[]){"10", "1"});
    close(child.reports);
    child.reports = -1;
    order_run(1, 0, 10, 1000);
    int orders = child.orders;
    child.orders = -1;
    CHECK_INT(end_worker(), 0);
    close(orders);
}

TEST(test_garbage_ends_it)
{
    start_worker();
    expect(MESSAGE_WORKER_READY);
    REQUIRE(write(child.orders, "this is not a frame, is it?", 27) == 27);
    int orders = child.orders;
    child.orders = -1;
    CHECK_INT(end_worker(), 2);
    close(orders);
}

TEST(test_load_refuses_another_source)
{
    struct velum_kernel other = *kernel_find("pi");
    other.source = "00000000000000000000000000000000000000000000000000000000000000ff";
    start_worker();
    struct worker_loaded l = load_with(&other, NULL, (struct bytes){0});
    CHECK(!l.ok);
    CHECK_STR(l.reason, "this node's kernel of that name has another source");
    CHECK_INT(end_worker(), 0);
    /* A program that registers its kernel only where its arguments say so has none in a worker. */
    other.name = "none";
    start_worker();
    l = load_with(&other, NULL, (struct bytes){0});
    CHECK(!l.ok);
    CHECK(strstr(l.reason, "velum_register comes before arguments are looked at") != NULL);
    CHECK_INT(end_worker(), 0);
}

/* What a worker says that loads "crash", whose data is 192 MiB, under this limit. Its source is not
 * the one that is asked for: a worker whose parent had loaded it would have it for nothing. */
static const char *said_of_crash(uint64_t mem_bytes)
{
    static struct worker_loaded l;
    struct velum_kernel k = *kernel_find("pi");
    struct order_load m = {.mem_bytes = mem_bytes};
    k.name = "crash";
    start_worker();
    l = load_order(&k, plugin_path("crash.so"), &m);
    CHECK(!l.ok);
    CHECK_INT(end_worker(), 0);
    return l.reason;
}

TEST(test_a_worker_has_no_more_memory_than_its_job_says)
{
    static const char *const loaded = "this node's kernel of that name has another source";
#ifdef __SANITIZE_ADDRESS__
    SKIP("the sanitizer takes what it wants");
#endif
    CHECK_STR(said_of_crash((uint64_t)64 << 20),
              "the kernel needs more than the 64 MiB of memory that the job says it needs (mem)");
    CHECK_STR(said_of_crash((uint64_t)256 << 20), loaded);
    CHECK_STR(said_of_crash((uint64_t)64 << 30), loaded);
    CHECK_STR(said_of_crash(0), loaded);
}

static struct kernel_view described(const char *name)
{
    struct kernel_view v = {0};
    start_worker();
    expect(MESSAGE_WORKER_READY);
    struct buf b = *payload();
    put_text(&b, plugin_path(name));
    send_order(MESSAGE_ORDER_DESCRIBE, 1, &b);
    REQUIRE(read_kernel_view(expect(MESSAGE_WORKER_DESCRIBED).payload, &v) == 0);
    CHECK_INT(end_worker(), 0);
    return v;
}

TEST(test_describe)
{
    struct kernel_view v = described("pi.so");
    CHECK_STR(v.refused, "");
    CHECK_STR(v.name, "pi");
    CHECK_STR(v.usage, "N");
    CHECK_INT(v.accumulator_size, 16);
    CHECK(strstr(v.summary, "N from 1 to 1000000000000000") != NULL);
    CHECK_STR(v.limits, "N from 1 to 1000000000000000");
    CHECK(strstr(v.manual, "Example:\n  velum run pi 400000000\n") != NULL);
    v = described("bad/constructor.so");
    CHECK(strstr(v.refused, "constructors") != NULL);
    v = described("bad/nothing-there.so");
    CHECK_STR(v.refused, "No such file or directory");
}

/* 1000003 is prime, and unit 500001 stands for it. */
TEST(test_a_search_ends_behind_its_match)
{
    struct order_trim m;
    begin("factor", 1, (const char *[]){"1000003007000021"}); /* 1000003 * 1000000007 */
    CHECK_INT(plan.leaf_units, 524288);
    plan.leaf_units = 1000;
    order_run(1, 300, 501, 1000000000);
    cover_run(1, 300);
    CHECK_INT(cover.next, 501);
    order_run(2, 400, 510, 1000);
    cover_run(2, 400);
    CHECK_INT(cover.next, 501); /* leaves 501 to 509 are behind it */
    CHECK_INT(cover.size, 16);
    for (uint32_t i = 0; i + 1 < cover.count; i++)
        CHECK(load_u64(cover.data[i]) == UINT64_MAX);
    CHECK(load_u64(cover.data[cover.count - 1]) == 500001);
    CHECK(load_u64(cover.data[cover.count - 1] + 8) == 1000003);
    order_trim(2, 505);
    REQUIRE(read_order_trim(expect(MESSAGE_WORKER_TRIMMED).payload, &m) == 0);
    CHECK_INT(m.end, 501);
    order_run(3, 400, 500, 1000000000); /* what comes before it ends as any run does */
    cover_run(3, 400);
    CHECK_INT(cover.next, 500);
    CHECK_INT(end_worker(), 0);
}

TEST_MAIN(test_a_worker_has_no_more_memory_than_its_job_says, test_a_search_ends_behind_its_match,
          test_pi_in_one_run_is_the_straight_fold, test_progress_comes_while_it_works,
          test_values_that_do_not_fit_one_frame, test_trim_to_nothing_stops_before_the_next_leaf,
          test_trim_further_on_and_after_the_end, test_queued_run_goes_on_without_waiting,
          test_merge_during_a_run, test_plan_is_made_in_the_worker,
          test_lists_of_plans_and_shows_are_made_in_the_worker,
          test_answers_that_fit_no_frame_are_left_for_another, test_bad_lists_end_the_worker,
          test_many_small_leaves, test_kernel_that_says_no, test_causes_of_death,
          test_a_worker_has_no_more_processor_time_than_its_job,
          test_closed_input_ends_it_even_in_a_nap, test_broken_output_ends_it, test_garbage_ends_it,
          test_load_refuses_another_source, test_describe)
