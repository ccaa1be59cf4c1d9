/* The worker process with a collect: what its leaves yield, what it maps, and how it waits. */

#include "core/wire/output.h"
#include "core/wire/spec.h"
#include "tests/plugins/emit.h"
#include "tests/unit/worker_child.h"

/* Whole parts that the window has room for. */
#define FULL (OUTPUT_WINDOW / OUTPUT_PART_MAX)

static struct kernel_plan plan;

static struct worker_loaded load(const char *name, int argc, const char *const *argv,
                                 struct order_load *m)
{
    const char *path;
    uint64_t sizes[STAGE_INPUTS_MAX];
    const struct velum_kernel *k = kernel_or_plugin(name, &path);
    for (uint16_t i = 0; i < m->inputs_count; i++)
        sizes[i] = stage_input_at(m->inputs, i).size;
    REQUIRE(k && kernel_plan(k, argc, argv, m->inputs_count, sizes, &plan) == 0);
    start_worker();
    m->params = (struct bytes){plan.params, plan.params_size};
    m->reduction = REDUCE_COLLECT;
    return load_order(k, path, m);
}

static void begin_napping(const char *bytes, const char *units, const char *fails_at,
                          const char *nap_ms)
{
    struct order_load m = {0};
    struct worker_loaded l =
        load("emit", fails_at ? 4 : 2, (const char *[]){bytes, units, fails_at, nap_ms}, &m);
    CHECK_STR(l.reason, "");
    REQUIRE(l.ok);
    CHECK_INT(l.accumulator_size, 0);
}

static void begin_emit(const char *bytes, const char *units, const char *fails_at)
{
    begin_napping(bytes, units, fails_at, "0");
}

static void order_run(uint64_t run, uint64_t first, uint64_t end, uint32_t report_us)
{
    struct order_run m = {run, first, end, plan.units, plan.leaf_units, report_us};
    struct buf b = *payload();
    put_order_run(&b, &m);
    send_order(MESSAGE_ORDER_RUN, (uint32_t)run + 100, &b);
}

static void order_more(uint64_t run, uint32_t bytes)
{
    struct order_more m = {run, bytes};
    struct buf b = *payload();
    put_order_more(&b, &m);
    send_order(MESSAGE_ORDER_MORE, 0, &b);
}

static void order_taken(uint64_t run, uint64_t leaf, uint64_t size)
{
    uint8_t raw[OUTPUT_VALUE_MAX];
    struct buf v, b = *payload();
    struct output o = {.kind = OUTPUT_OBJECT, .size = size, .name = {{(uint8_t)leaf, 7}}};
    buf_init_fixed(&v, raw, sizeof raw);
    put_output(&v, &o);
    put_order_taken(&b, &(struct order_taken){run, leaf, buf_bytes(&v)});
    send_order(MESSAGE_ORDER_TAKEN, 0, &b);
}

/* Nothing is said for a while. */
static bool is_silent(void)
{
    struct pollfd p = {.fd = child.reports, .events = POLLIN};
    return child.start == child.end && poll(&p, 1, 100) == 0;
}

static uint64_t output_of(const struct frame *f, uint64_t run, uint64_t leaf, uint64_t at)
{
    struct worker_output m;
    uint64_t wrong = 0;
    CHECK_INT(f->request, run + 100);
    REQUIRE(f->type == MESSAGE_WORKER_OUTPUT && read_worker_output(f->payload, &m) == 0);
    CHECK(m.run == run && m.leaf == leaf);
    for (size_t i = 0; i < m.bytes.len; i++)
        wrong += m.bytes.data[i] != EMIT_BYTE(leaf, at + i);
    CHECK_INT(wrong, 0);
    return m.bytes.len;
}

/* Takes parts until so many bytes are there. */
static uint64_t take_parts(uint64_t run, uint64_t leaf, uint64_t at, uint64_t until)
{
    while (at < until) {
        const struct frame f = expect(MESSAGE_WORKER_OUTPUT);
        at += output_of(&f, run, leaf, at);
    }
    return at;
}

static void take_end(uint64_t run, uint64_t leaf, uint64_t size)
{
    struct worker_output m;
    REQUIRE(read_worker_output_end(expect(MESSAGE_WORKER_OUTPUT_END).payload, &m) == 0);
    CHECK(m.run == run && m.leaf == leaf && m.size == size);
}

/* Takes one report whose values are those of leaves from *next on, each of that size; returns
 * whether the run has ended. */
static bool take_progress(uint64_t run, uint64_t *next, uint64_t size)
{
    struct worker_progress m;
    const struct frame f = expect(MESSAGE_WORKER_PROGRESS);
    REQUIRE(read_worker_progress(f.payload, &m) == 0);
    CHECK(m.run == run && f.request == run + 100);
    for (uint16_t i = 0; i < m.count; i++, ++*next) {
        const struct value v = read_value(&m.rest);
        struct output o;
        uint64_t wrong = 0;
        CHECK(v.at.level == 0 && v.at.index == *next);
        REQUIRE(read_output(v.data, &o) == 0);
        CHECK_INT(o.size, size);
        CHECK_INT(o.kind, size > OUTPUT_INLINE_MAX ? OUTPUT_OBJECT : OUTPUT_BYTES);
        for (size_t j = 0; j < o.bytes.len; j++)
            wrong += o.bytes.data[j] != EMIT_BYTE(*next, j);
        CHECK_INT(wrong, 0);
        if (o.kind == OUTPUT_OBJECT)
            CHECK_INT(o.name.bytes[0], *next & 0xff);
    }
    CHECK(reader_done(&m.rest));
    CHECK_INT(m.next, *next);
    return m.ended;
}

static uint64_t trim(uint64_t run, uint64_t end)
{
    struct order_trim m = {run, end};
    struct buf b = *payload();
    put_order_trim(&b, &m);
    send_order(MESSAGE_ORDER_TRIM, 55, &b);
    REQUIRE(read_order_trim(expect(MESSAGE_WORKER_TRIMMED).payload, &m) == 0);
    CHECK_INT(m.run, run);
    return m.end;
}

TEST(test_few_bytes_are_values)
{
    static const char *const sizes[] = {"0", "1", "999", "1000"};
    for (size_t i = 0; i < 4; i++) {
        uint64_t next = 2;
        begin_emit(sizes[i], "9", NULL);
        order_run(1, 2, 9, 1000000);
        CHECK(take_progress(1, &next, strtoull(sizes[i], NULL, 10)));
        CHECK_INT(next, 9);
        CHECK_INT(end_worker(), 0);
    }
}

TEST(test_one_byte_more_is_an_object)
{
    uint64_t next = 0;
    begin_emit("1001", "2", NULL);
    order_run(1, 0, 2, 1000000);
    for (uint64_t leaf = 0; leaf < 2; leaf++) {
        CHECK_INT(take_parts(1, leaf, 0, 1001), 1001);
        take_end(1, leaf, 1001);
        /* Until it is taken the leaf is not computed, and nothing of the next one leaves. */
        CHECK(is_silent());
        order_taken(1, leaf, 1001);
    }
    CHECK(take_progress(1, &next, 1001));
    CHECK_INT(next, 2);
    CHECK_INT(end_worker(), 0);
}

/* A trim cuts off neither of the two. */
TEST(test_the_next_leaf_is_computed_before_the_last_is_taken)
{
    uint64_t next = 0;
    begin_emit("1001", "9", NULL);
    order_run(1, 0, 9, 1000000);
    take_parts(1, 0, 0, 1001);
    take_end(1, 0, 1001);
    CHECK(is_silent());
    CHECK_INT(trim(1, 0), 2);
    order_taken(1, 0, 1001);
    take_parts(1, 1, 0, 1001);
    take_end(1, 1, 1001);
    CHECK(is_silent());
    CHECK_INT(trim(1, 0), 2);
    order_taken(1, 1, 1001);
    CHECK(take_progress(1, &next, 1001));
    CHECK_INT(next, 2);
    CHECK_INT(end_worker(), 0);
}

TEST(test_a_long_leaf_is_told_before_the_next_is_computed)
{
    uint64_t next = 0;
    begin_napping("1001", "2", "9", "400");
    order_run(1, 0, 2, 1000);
    take_parts(1, 0, 0, 1001);
    take_end(1, 0, 1001);
    order_taken(1, 0, 1001);
    CHECK(!take_progress(1, &next, 1001));
    CHECK_INT(next, 1);
    take_parts(1, 1, 0, 1001);
    take_end(1, 1, 1001);
    order_taken(1, 1, 1001);
    CHECK(take_progress(1, &next, 1001));
    CHECK_INT(end_worker(), 0);
}

/* What a report cannot hold goes out before it is due. */
TEST(test_many_values_leave_in_time)
{
    uint64_t next = 0;
    uint32_t frames = 1;
    begin_emit("1000", "5000", NULL);
    order_run(1, 0, 5000, 109872000);
    while (!take_progress(1, &next, 1000))
        frames++;
    CHECK_INT(next, 5000);
    CHECK_INT(frames, (5000 + 62) / 63);
    CHECK_INT(end_worker(), 0);
}

TEST(test_reports_come_when_they_are_due)
{
    uint64_t next = 0;
    uint32_t frames = 1;
    begin_emit("10", "16384", NULL);
    order_run(1, 0, 16384, 100);
    while (!take_progress(1, &next, 10))
        frames++;
    CHECK_INT(next, 16384);
    CHECK(frames > 8);
    CHECK_INT(end_worker(), 0);
}

static long anonymous_kib(void)
{
    char path[64], line[128];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)child.pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtol(line + 8, NULL, 10);
    if (f)
        fclose(f);
    return kib;
}

/* Ten mebibytes through the window, a bit at a time, in a worker that does not grow. */
TEST(test_no_more_is_out_than_the_window)
{
    const uint64_t size = 10u << 20;
    uint64_t at, next = 0, allowed = OUTPUT_WINDOW;
    begin_emit("10485760", "1", NULL);
    order_run(1, 0, 1, 1000);
    at = take_parts(1, 0, 0, OUTPUT_WINDOW - OUTPUT_PART_MAX);
    CHECK(is_silent());
    CHECK(at > OUTPUT_WINDOW - OUTPUT_PART_MAX && at <= allowed);
    const long before = anonymous_kib();
    for (uint32_t step = 1; at < size; step = step * 5 % OUTPUT_WINDOW) {
        order_more(1, step);
        allowed += step;
        if (allowed > at + OUTPUT_WINDOW)
            allowed = at + OUTPUT_WINDOW;
        while (allowed - at >= OUTPUT_PART_MAX && at < size)
            at = take_parts(1, 0, at, at + 1);
        CHECK(at <= allowed);
        if (size - at < OUTPUT_PART_MAX && allowed >= size)
            at = take_parts(1, 0, at, size);
    }
    take_end(1, 0, size);
    CHECK(is_silent());
    CHECK(before > 0);
#ifndef __SANITIZE_ADDRESS__
    CHECK(anonymous_kib() - before < 256);
#endif
    order_taken(1, 0, size);
    CHECK(take_progress(1, &next, size));
    CHECK_INT(end_worker(), 0);
}

/* TAKEN gives the whole window back, whatever MORE has said by then. */
TEST(test_window_of_the_next_leaf)
{
    uint64_t at, next = 0;
    begin_emit("1098720", "2", NULL);
    order_run(1, 0, 2, 1000000);
    at = take_parts(1, 0, 0, FULL * OUTPUT_PART_MAX);
    order_more(99, OUTPUT_WINDOW); /* of no run that is here */
    CHECK(is_silent());
    order_more(1, OUTPUT_PART_MAX);
    CHECK_INT(take_parts(1, 0, at, 1098720), 1098720);
    take_end(1, 0, 1098720);
    order_taken(1, 0, 1098720);
    at = take_parts(1, 1, 0, FULL * OUTPUT_PART_MAX);
    CHECK(is_silent());
    order_more(1, OUTPUT_WINDOW);
    CHECK_INT(take_parts(1, 1, at, 1098720), 1098720);
    take_end(1, 1, 1098720);
    order_taken(1, 1, 1098720);
    CHECK(take_progress(1, &next, 1098720));
    CHECK_INT(next, 2);
    CHECK_INT(end_worker(), 0);
}

/* A leaf whose output is under way is finished, whatever the trim says. */
TEST(test_trim_in_the_middle_of_an_output)
{
    uint64_t at, next = 4;
    begin_emit("1098720", "100", NULL);
    order_run(1, 4, 90, 1000000);
    at = take_parts(1, 4, 0, FULL * OUTPUT_PART_MAX);
    CHECK_INT(trim(1, 80), 80);
    CHECK_INT(trim(1, 4), 5);
    CHECK_INT(trim(1, 0), 5);
    order_more(1, OUTPUT_WINDOW);
    CHECK_INT(take_parts(1, 4, at, 1098720), 1098720);
    take_end(1, 4, 1098720);
    CHECK_INT(trim(1, 0), 5);
    /* What comes meanwhile is queued as ever. */
    order_run(2, 70, 71, 1000000);
    order_taken(1, 4, 1098720);
    CHECK(take_progress(1, &next, 1098720));
    CHECK_INT(next, 5);
    CHECK_INT(take_parts(2, 70, 0, FULL * OUTPUT_PART_MAX), FULL * OUTPUT_PART_MAX);
    order_more(2, OUTPUT_WINDOW);
    CHECK_INT(take_parts(2, 70, FULL * OUTPUT_PART_MAX, 1098720), 1098720);
    take_end(2, 70, 1098720);
    order_taken(2, 70, 1098720);
    next = 70;
    CHECK(take_progress(2, &next, 1098720));
    CHECK_INT(end_worker(), 0);
}

TEST(test_leaf_that_fails_in_the_middle_of_its_output)
{
    struct worker_failed m;
    uint64_t next = 0;
    begin_emit("1000", "9", "5");
    order_run(1, 0, 9, 1000000);
    CHECK(!take_progress(1, &next, 1000));
    CHECK_INT(next, 5);
    REQUIRE(read_worker_failed(expect(MESSAGE_WORKER_FAILED).payload, &m) == 0);
    CHECK_INT(m.leaf, 5);
    CHECK_STR(m.reason, "this unit is one that emit was told to refuse");
    CHECK_INT(end_worker(), 0);

    /* What is not taken yet counts before it. */
    next = 0;
    begin_emit("3000", "9", "1");
    order_run(1, 0, 9, 1000000);
    take_parts(1, 0, 0, 3000);
    take_end(1, 0, 3000);
    CHECK(is_silent());
    order_taken(1, 0, 3000);
    CHECK(!take_progress(1, &next, 3000));
    CHECK_INT(next, 1);
    REQUIRE(read_worker_failed(expect(MESSAGE_WORKER_FAILED).payload, &m) == 0);
    CHECK_INT(m.leaf, 1);
    CHECK_INT(end_worker(), 0);

    begin_emit("200000", "1", "0");
    order_run(1, 0, 1, 1000000);
    CHECK_INT(take_parts(1, 0, 0, OUTPUT_PART_MAX), OUTPUT_PART_MAX);
    REQUIRE(read_worker_failed(expect(MESSAGE_WORKER_FAILED).payload, &m) == 0);
    CHECK(m.run == 1 && m.leaf == 0);
    CHECK_INT(end_worker(), 0);
}

TEST(test_pipe_that_closes_in_the_middle_of_an_output)
{
    begin_emit("10485760", "1", NULL);
    order_run(1, 0, 1, 1000);
    take_parts(1, 0, 0, FULL * OUTPUT_PART_MAX);
    CHECK_INT(end_worker(), 0);
    begin_emit("1001", "1", NULL);
    order_run(1, 0, 1, 1000);
    take_parts(1, 0, 0, 1001);
    take_end(1, 0, 1001);
    CHECK_INT(end_worker(), 0);
}

TEST(test_what_breaks_the_protocol)
{
    begin_emit("1001", "3", NULL);
    order_run(1, 0, 3, 1000);
    take_parts(1, 0, 0, 1001);
    take_end(1, 0, 1001);
    order_taken(1, 1, 1001);
    CHECK_INT(end_worker(), 2);

    begin_emit("1001", "3", NULL);
    order_run(1, 0, 3, 1000);
    take_parts(1, 0, 0, 1001);
    take_end(1, 0, 1001);
    order_taken(1, 0, 1002);
    CHECK_INT(end_worker(), 2);

    begin_emit("10", "3", NULL);
    order_taken(1, 0, 1001);
    CHECK_INT(end_worker(), 2);

    /* There is nothing to merge. */
    struct value v = {.data = {(const uint8_t *)"x", 1}};
    begin_emit("10", "3", NULL);
    struct buf b = *payload();
    put_order_merge_begin(&b, 1, 1);
    put_value(&b, &v);
    put_value(&b, &v);
    send_order(MESSAGE_ORDER_MERGE, 1, &b);
    CHECK_INT(end_worker(), 2);
}

TEST(test_load_refuses_another_reduction)
{
    struct order_load m = {.reduction = REDUCE_COLLECT};
    start_worker();
    struct worker_loaded l = load_order(kernel_find("noop"), NULL, &m);
    CHECK(!l.ok);
    CHECK_STR(l.reason, "this node's kernel of that name has another reduction");
    CHECK_INT(end_worker(), 0);
}

/* --- inputs --- */

static uint8_t inputs_raw[8 * STAGE_INPUT_BYTES];
static char folder[PATH_SIZE_MAX];

/* A file of so many bytes, `size` of which are said to be the object. */
static void put_input(struct order_load *m, uint8_t name, size_t file_size, uint64_t size)
{
    struct stage_input in = {.name = {{name, 0xab}}, .size = size};
    char path[PATH_SIZE_MAX + 80], hex[65];
    struct buf b;
    buf_init_fixed(&b, inputs_raw + (size_t)m->inputs_count * STAGE_INPUT_BYTES, STAGE_INPUT_BYTES);
    put_stage_input(&b, &in);
    m->inputs_count++;
    m->inputs = (struct bytes){inputs_raw, (size_t)m->inputs_count * STAGE_INPUT_BYTES};
    REQUIRE(getcwd(folder, sizeof folder));
    text_copy(m->folder, sizeof m->folder, folder);
    id_hex(in.name.bytes, 64, hex);
    snprintf(path, sizeof path, "%s/%s", folder, hex);
    unlink(path);
    if (file_size == SIZE_MAX)
        return;
    FILE *f = fopen(path, "wb");
    REQUIRE(f);
    for (size_t i = 0; i < file_size; i++)
        fputc(i % 50 == 49 ? '\n' : 'a' + (int)(i % 7), f);
    REQUIRE(fclose(f) == 0);
}

static void refused_input(size_t file_size, const char *why)
{
    struct order_load m = {0};
    put_input(&m, 1, 10, 10);
    put_input(&m, 0xcd, file_size, 100);
    struct worker_loaded l = load("grep", 1, (const char *[]){"a"}, &m);
    CHECK(!l.ok);
    CHECK_STR(l.reason, why);
    CHECK_INT(end_worker(), 0);
}

TEST(test_inputs_that_are_not_there)
{
    refused_input(SIZE_MAX, "the input cdab0000 is not on this node");
    refused_input(99, "the input cdab0000 is shorter on this node than its reference says");
}

/* An empty one, one that ends with its page, and one whose file goes on. */
TEST(test_inputs_are_mapped)
{
    struct order_load m = {0};
    struct worker_progress p;
    struct worker_planned planned;
    put_input(&m, 1, 0, 0);
    put_input(&m, 2, 4096, 4096);
    put_input(&m, 3, 1000, 500);
    struct worker_loaded l = load("grep", 2, (const char *[]){"-x", "abcde.*"}, &m);
    CHECK_STR(l.reason, "");
    REQUIRE(l.ok);
    CHECK_INT(plan.units, 4596);
    order_run(1, 0, 1, 1000);
    uint64_t expected = 0;
    for (size_t i = 0; i < 4096; i += 50)
        expected += i % 7 == 0 ? (i + 50 <= 4096 ? 50 : 4096 - i + 1) : 0;
    for (size_t i = 0; i < 500; i += 50)
        expected += i % 7 == 0 ? 50 : 0;
    const struct frame f = expect(MESSAGE_WORKER_PROGRESS);
    struct output o;
    REQUIRE(read_worker_progress(f.payload, &p) == 0 && p.count == 1 && p.ended);
    REQUIRE(read_output(read_value(&p.rest).data, &o) == 0);
    CHECK_INT(o.size, expected);

    /* A plan sees sizes only, and of other inputs than those of the load. */
    struct buf b = *payload();
    put_order_plan(&b, 1, (const char *[]){"a"}, 2, (uint64_t[]){1 << 20, 1});
    send_order(MESSAGE_ORDER_PLAN, 3, &b);
    REQUIRE(read_worker_planned(expect(MESSAGE_WORKER_PLANNED).payload, &planned) == 0);
    CHECK(planned.ok && planned.units == (1 << 20) + 1 && planned.leaf_units == 1 << 18);
    CHECK_INT(end_worker(), 0);
}

/* One that the node gives, between two of nothing but a file. */
static void load_with_given(void)
{
    struct order_load m = {0};
    struct stage_input given = {.size = 60};
    struct buf b;
    put_input(&m, 2, 100, 100);
    buf_init_fixed(&b, inputs_raw + STAGE_INPUT_BYTES, STAGE_INPUT_BYTES);
    put_stage_input(&b, &given);
    m.inputs_count = 2;
    put_input(&m, 3, 50, 50);
    struct worker_loaded l = load("grep", 2, (const char *[]){"-x", "abcde.*"}, &m);
    CHECK_STR(l.reason, "");
    REQUIRE(l.ok);
}

static void give(uint16_t index, const char *text)
{
    struct buf b = *payload();
    put_order_inputs_begin(&b, 1);
    put_order_input(&b, &(struct order_input){index, bytes_of_text(text)});
    send_order(MESSAGE_ORDER_INPUTS, 0, &b);
}

#define SIXTY "abcdef of the node, which is\nsixty bytes long, and no more.\n"

TEST(test_inputs_that_the_node_gives_are_read_in_their_place)
{
    struct worker_progress p;
    struct output o;
    load_with_given();
    CHECK_INT(strlen(SIXTY), 60);
    give(1, SIXTY);
    order_run(1, 0, 1, 1000);
    REQUIRE(read_worker_progress(expect(MESSAGE_WORKER_PROGRESS).payload, &p) == 0 && p.count == 1);
    REQUIRE(read_output(read_value(&p.rest).data, &o) == 0 && o.kind == OUTPUT_BYTES);
    /* A line of the first file, one of the given bytes, one of the other file. */
    CHECK_INT(o.size, 50 + 29 + 50);
    CHECK_MEM(o.bytes.data + 50, SIXTY, 29);
    CHECK_INT(end_worker(), 0);
}

/* One input, which the node gives, and what is looked for in it. */
static struct order_load one_given(uint64_t size, const char *pattern)
{
    static struct kernel_plan own;
    struct order_load m = {.reduction = REDUCE_COLLECT, .inputs_count = 1};
    struct stage_input given = {.size = size};
    struct buf b;
    buf_init_fixed(&b, inputs_raw, sizeof inputs_raw);
    put_stage_input(&b, &given);
    m.inputs = buf_bytes(&b);
    REQUIRE(kernel_plan(kernel_find("grep"), 1, &pattern, 1, &size, &own) == 0);
    m.params = (struct bytes){own.params, own.params_size};
    text_copy(m.kernel, sizeof m.kernel, "grep");
    m.source = kernel_source(kernel_find("grep"));
    plan = own;
    return m;
}

static void load_again(const struct order_load *m)
{
    struct worker_loaded answer;
    struct buf b = *payload();
    put_order_load(&b, m);
    send_order(MESSAGE_ORDER_LOAD, 9, &b);
    REQUIRE(read_worker_loaded(expect(MESSAGE_WORKER_LOADED).payload, &answer) == 0);
    CHECK_STR(answer.reason, "");
    CHECK(answer.ok);
}

static void found(uint64_t run, const char *lines)
{
    struct worker_progress p;
    struct output o;
    order_run(run, 0, 1, 1000);
    REQUIRE(read_worker_progress(expect(MESSAGE_WORKER_PROGRESS).payload, &p) == 0 && p.count == 1);
    REQUIRE(read_output(read_value(&p.rest).data, &o) == 0);
    CHECK(bytes_equal(o.bytes, bytes_of_text(lines)));
}

TEST(test_a_worker_turns_to_another_stage_with_other_inputs)
{
    struct order_load m = one_given(7, "a");
    struct kernel_plan first = plan;
    m.params = (struct bytes){first.params, first.params_size};
    start_worker();
    struct worker_loaded l = load_order(kernel_find("grep"), NULL, &m);
    REQUIRE(l.ok);
    give(0, "ab\ncd\na");
    found(1, "ab\na\n");
    m = one_given(6, "c");
    load_again(&m);
    give(0, "ab\ncd\n");
    found(2, "cd\n");
    /* Without what it was to be given it does not run. */
    load_again(&m);
    order_run(3, 0, 1, 1000);
    CHECK_INT(end_worker(), 2);
}

TEST(test_a_worker_keeps_its_kernel_and_its_files)
{
    struct order_load m = one_given(8, "a"), other;
    struct buf b;
    start_worker();
    REQUIRE(load_order(kernel_find("grep"), NULL, &m).ok);
    other = m;
    text_copy(other.kernel, sizeof other.kernel, "noop");
    b = *payload();
    put_order_load(&b, &other);
    send_order(MESSAGE_ORDER_LOAD, 9, &b);
    CHECK_INT(end_worker(), 2);
    load_with_given();
    m = one_given(8, "a");
    b = *payload();
    put_order_load(&b, &m);
    send_order(MESSAGE_ORDER_LOAD, 9, &b);
    CHECK_INT(end_worker(), 2);
}

TEST(test_nothing_runs_before_all_inputs_are_given_as_they_were_announced)
{
    load_with_given();
    order_run(1, 0, 1, 1000);
    CHECK_INT(end_worker(), 2);
    load_with_given();
    give(1, "too short");
    CHECK_INT(end_worker(), 2);
    load_with_given();
    give(0, SIXTY); /* a file */
    CHECK_INT(end_worker(), 2);
    load_with_given();
    give(1, SIXTY);
    give(1, SIXTY);
    CHECK_INT(end_worker(), 2);
}

/* Soft and hard. Nobody but root may ask prlimit about a worker of root. */
static bool addresses_of(pid_t pid, unsigned long limits[2])
{
    char path[64], line[256];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/limits", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && !found && fgets(line, sizeof line, f))
        found = sscanf(line, "Max address space %lu %lu", &limits[0], &limits[1]) == 2;
    if (f)
        fclose(f);
    return found;
}

/* What is mapped does not count against the limit that the spawner set, and nothing else may grow
 * beyond it afterwards. */
TEST(test_inputs_count_as_addresses_and_no_more)
{
    const uint64_t limit = (uint64_t)1 << 30, size = (uint64_t)3 << 30;
    unsigned long now[2];
    struct order_load m = {.reduction = REDUCE_COLLECT};
    char path[PATH_SIZE_MAX + 80], hex[65];
#ifdef __SANITIZE_ADDRESS__
    SKIP("the sanitizer reserves terabytes of addresses");
#endif
    put_input(&m, 9, 0, size);
    id_hex(stage_input_at(m.inputs, 0).name.bytes, 64, hex);
    snprintf(path, sizeof path, "%s/%s", folder, hex);
    REQUIRE(truncate(path, (off_t)size) == 0); /* a hole */
    child_memory = limit;
    start_worker();
    child_memory = (uint64_t)4 << 30;
    struct worker_loaded l = load_order(kernel_find("grep"), NULL, &m);
    CHECK_STR(l.reason, "");
    REQUIRE(l.ok && addresses_of(child.pid, now));
    CHECK(now[0] == limit + size && now[1] == limit + size);
    CHECK_INT(end_worker(), 0);
    unlink(path);
}

TEST_MAIN(test_a_worker_turns_to_another_stage_with_other_inputs,
          test_a_worker_keeps_its_kernel_and_its_files,
          test_inputs_that_the_node_gives_are_read_in_their_place,
          test_nothing_runs_before_all_inputs_are_given_as_they_were_announced,
          test_inputs_count_as_addresses_and_no_more, test_few_bytes_are_values,
          test_one_byte_more_is_an_object, test_the_next_leaf_is_computed_before_the_last_is_taken,
          test_a_long_leaf_is_told_before_the_next_is_computed, test_many_values_leave_in_time,
          test_reports_come_when_they_are_due, test_no_more_is_out_than_the_window,
          test_window_of_the_next_leaf, test_trim_in_the_middle_of_an_output,
          test_leaf_that_fails_in_the_middle_of_its_output,
          test_pipe_that_closes_in_the_middle_of_an_output, test_what_breaks_the_protocol,
          test_load_refuses_another_reduction, test_inputs_that_are_not_there,
          test_inputs_are_mapped)
