#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/demand.h"
#include "core/wire/order.h"
#include "core/wire/output.h"
#include "tests/lib/check.h"

static uint8_t raw[70000];

static struct buf fresh(void)
{
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    return b;
}

/* Decodes with `read` from every prefix: only the whole passes, and a byte too many does not. */
#define CHECK_EVERY_TRUNCATION(b, call)                                                            \
    do {                                                                                           \
        CHECK_INT(buf_result(&(b)), 0);                                                            \
        raw[(b).len] = 0;                                                                          \
        for (size_t n = 0; n <= (b).len + 1; n++) {                                                \
            struct bytes in = {raw, n};                                                            \
            CHECK_INT((call), n == (b).len ? 0 : ERR_FORMAT);                                      \
        }                                                                                          \
    } while (0)

TEST(test_load)
{
    struct buf b = fresh();
    struct order_load m = {.kernel = "pi", .origin = ORIGIN_PLUGIN, .path = "/x/pi.so"};
    m.source.bytes[3] = 9;
    m.params = bytes_of_text("12345678");
    put_order_load(&b, &m);
    struct order_load got;
    CHECK_EVERY_TRUNCATION(b, read_order_load(in, &got));
    CHECK_INT(read_order_load(buf_bytes(&b), &got), 0);
    CHECK_STR(got.kernel, "pi");
    CHECK(digest_equal(got.source, m.source));
    CHECK_STR(got.path, "/x/pi.so");
    CHECK(bytes_equal(got.params, m.params));
    CHECK(got.reduction == 0 && got.inputs_count == 0 && got.folder[0] == '\0');
    /* With inputs, of a collect. */
    uint8_t inputs[2 * STAGE_INPUT_BYTES];
    struct buf in_buf;
    buf_init_fixed(&in_buf, inputs, sizeof inputs);
    put_stage_input(&in_buf, &(struct stage_input){.name = {{1}}, .size = 5});
    put_stage_input(&in_buf, &(struct stage_input){.name = {{2}}, .size = STAGE_INPUT_SIZE_MAX});
    m.inputs = buf_bytes(&in_buf);
    m.inputs_count = 2;
    m.reduction = 2;
    m.mem_bytes = DEMAND_MEM_MAX;
    text_copy(m.folder, sizeof m.folder, "/x/objects");
    b = fresh();
    put_order_load(&b, &m);
    CHECK_EVERY_TRUNCATION(b, read_order_load(in, &got));
    CHECK_INT(read_order_load(buf_bytes(&b), &got), 0);
    CHECK_STR(got.folder, "/x/objects");
    CHECK(got.reduction == 2 && got.inputs_count == 2 && got.mem_bytes == DEMAND_MEM_MAX);
    CHECK_INT(stage_input_at(got.inputs, 1).size, STAGE_INPUT_SIZE_MAX);
    CHECK_INT(stage_input_at(got.inputs, 1).name.bytes[0], 2);
    m.mem_bytes++;
    b = fresh();
    put_order_load(&b, &m);
    CHECK_INT(read_order_load(buf_bytes(&b), &got), ERR_FORMAT);
    m.mem_bytes--;
    m.folder[0] = '\0'; /* inputs from nowhere */
    b = fresh();
    put_order_load(&b, &m);
    CHECK_INT(read_order_load(buf_bytes(&b), &got), ERR_FORMAT);
    m.inputs_count = 0; /* and a folder for nothing */
    m.inputs.len = 0;
    text_copy(m.folder, sizeof m.folder, "/x");
    b = fresh();
    put_order_load(&b, &m);
    CHECK_INT(read_order_load(buf_bytes(&b), &got), ERR_FORMAT);
    m.folder[0] = '\0';
    m.origin = ORIGIN_BUILTIN; /* with a path: contradictory */
    b = fresh();
    put_order_load(&b, &m);
    CHECK_INT(read_order_load(buf_bytes(&b), &got), ERR_FORMAT);
    m.path[0] = '\0';
    b = fresh();
    put_order_load(&b, &m);
    CHECK_INT(read_order_load(buf_bytes(&b), &got), 0);
    m.origin = 2;
    b = fresh();
    put_order_load(&b, &m);
    CHECK_INT(read_order_load(buf_bytes(&b), &got), ERR_FORMAT);
    m = (struct order_load){.params = {raw, PARAMS_SIZE_MAX + 1}};
    static uint8_t big[8192];
    buf_init_fixed(&b, big, sizeof big);
    put_order_load(&b, &m);
    CHECK_INT(read_order_load(buf_bytes(&b), &got), ERR_FORMAT);
}

static int run_verdict(uint64_t first, uint64_t end, uint64_t units, uint64_t leaf_units)
{
    struct buf b = fresh();
    struct order_run m = {7, first, end, units, leaf_units, 20000};
    put_order_run(&b, &m);
    struct order_run got;
    int rc = read_order_run(buf_bytes(&b), &got);
    CHECK(got.run == 7 && got.first == first && got.end == end && got.report_us == 20000);
    return rc;
}

TEST(test_run)
{
    CHECK_INT(run_verdict(0, 10, 100, 10), 0);
    CHECK_INT(run_verdict(0, 11, 100, 10), ERR_FORMAT);
    CHECK_INT(run_verdict(0, 11, 101, 10), 0);
    CHECK_INT(run_verdict(5, 5, 100, 10), ERR_FORMAT);
    CHECK_INT(run_verdict(6, 5, 100, 10), ERR_FORMAT);
    CHECK_INT(run_verdict(0, 1, 0, 10), ERR_FORMAT);
    CHECK_INT(run_verdict(0, 1, 10, 0), ERR_FORMAT);
    CHECK_INT(run_verdict(0, LEAVES_MAX, LEAVES_MAX, 1), 0);
    CHECK_INT(run_verdict(0, 1, LEAVES_MAX + 1, 1), ERR_FORMAT);
    CHECK_INT(run_verdict(0, 1, UINT64_MAX, UINT64_MAX), 0);
    struct buf b = fresh();
    put_order_run(&b, &(struct order_run){1, 0, 1, 1, 1, 0});
    struct order_run got;
    CHECK_EVERY_TRUNCATION(b, read_order_run(in, &got));
}

/* Whoever sends such an order looks at no more of it than that. */
TEST(test_first_leaf_of_what_is_run)
{
    struct order_run run = {.run = 9, .first = 30, .end = 40, .units = 500, .leaf_units = 10};
    struct order_tasks tasks = {.run = 9, .first = 77, .units = 1, .count = 1};
    struct buf b = fresh();
    put_order_run(&b, &run);
    CHECK_INT(order_first(buf_bytes(&b)), 30);
    b = fresh();
    put_order_tasks_begin(&b, &tasks);
    put_order_task(&b, tasks.units, (struct order_task){1, 1, bytes_of_text("four")});
    CHECK_INT(order_first(buf_bytes(&b)), 77);
}

/* How many units each has stands before them, or with each. */
TEST(test_tasks_of_other_units)
{
    struct order_tasks tasks = {.run = 9, .first = 77, .count = 2}, got;
    struct order_task t;
    struct buf b = fresh();
    put_order_tasks_begin(&b, &tasks);
    put_order_task(&b, tasks.units, (struct order_task){3, 3, bytes_of_text("four")});
    put_order_task(&b, tasks.units, (struct order_task){UINT64_MAX, UINT64_MAX, bytes_of_text("")});
    CHECK_INT(read_order_tasks(buf_bytes(&b), &got), 0);
    t = read_order_task(&got.rest, got.units);
    CHECK(t.units == 3 && bytes_equal(t.params, bytes_of_text("four")));
    t = read_order_task(&got.rest, got.units);
    CHECK(t.units == UINT64_MAX && t.params.len == 0 && reader_done(&got.rest));
    CHECK_EVERY_TRUNCATION(b, read_order_tasks(in, &got));
    b = fresh();
    tasks.count = 1;
    put_order_tasks_begin(&b, &tasks);
    put_order_task(&b, tasks.units, (struct order_task){0, 0, bytes_of_text("four")});
    CHECK_INT(read_order_tasks(buf_bytes(&b), &got), ERR_FORMAT);
    b = fresh();
    tasks.units = 5;
    put_order_tasks_begin(&b, &tasks);
    put_order_task(&b, tasks.units, (struct order_task){1, 1, bytes_of_text("four")});
    CHECK_INT(read_order_tasks(buf_bytes(&b), &got), 0);
    CHECK_INT(read_order_task(&got.rest, got.units).units, 5);
}

/* Several leaves are one value: how many units each of them has comes with them. */
TEST(test_tasks_that_are_rolled)
{
    struct order_tasks tasks = {.run = 9, .first = 77, .units = TASKS_ROLLED, .count = 2}, got;
    struct order_task t;
    struct buf b = fresh();
    put_order_tasks_begin(&b, &tasks);
    put_order_task(&b, tasks.units, (struct order_task){30, 4, bytes_of_text("four")});
    put_order_task(&b, tasks.units, (struct order_task){7, 9, bytes_of_text("")});
    CHECK_INT(read_order_tasks(buf_bytes(&b), &got), 0);
    t = read_order_task(&got.rest, got.units);
    CHECK(t.units == 30 && t.leaf_units == 4 && bytes_equal(t.params, bytes_of_text("four")));
    t = read_order_task(&got.rest, got.units);
    CHECK(t.units == 7 && t.leaf_units == 9 && reader_done(&got.rest));
    CHECK_EVERY_TRUNCATION(b, read_order_tasks(in, &got));
    tasks.count = 1;
    for (int i = 0; i < 3; i++) {
        struct order_task none[] = {
            {0, 1, {NULL, 0}}, {1, 0, {NULL, 0}}, {UINT64_MAX, 1, {NULL, 0}}};
        b = fresh();
        put_order_tasks_begin(&b, &tasks);
        put_order_task(&b, tasks.units, none[i]);
        CHECK_INT(read_order_tasks(buf_bytes(&b), &got), ERR_FORMAT);
    }
}

TEST(test_trim)
{
    struct buf b = fresh();
    put_order_trim(&b, &(struct order_trim){3, LEAVES_MAX});
    struct order_trim got;
    CHECK_EVERY_TRUNCATION(b, read_order_trim(in, &got));
    CHECK_INT(read_order_trim(buf_bytes(&b), &got), 0);
    CHECK(got.run == 3 && got.end == LEAVES_MAX);
    b = fresh();
    put_order_trim(&b, &(struct order_trim){3, LEAVES_MAX + 1});
    CHECK_INT(read_order_trim(buf_bytes(&b), &got), ERR_FORMAT);
}

TEST(test_value_bounds)
{
    static const struct {
        uint8_t level;
        uint64_t index;
        bool fine;
    } cases[] = {
        {0, 0, true},
        {0, LEAVES_MAX - 1, true},
        {0, LEAVES_MAX, false},
        {40, 0, true},
        {40, 1, false},
        {41, 0, false},
        {255, 0, false},
        {20, ((uint64_t)1 << 20) - 1, true},
        {20, (uint64_t)1 << 20, false},
        {1, UINT64_MAX, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = fresh();
        put_value(&b, &(struct value){{cases[i].level, cases[i].index}, bytes_of_text("v")});
        struct reader r = reader_of(buf_bytes(&b));
        struct value v = read_value(&r);
        CHECK_INT(!r.failed, cases[i].fine);
        CHECK_INT(v.at.level, cases[i].fine ? cases[i].level : 0);
    }
    static uint8_t big[ACCUMULATOR_SIZE_MAX + 1];
    for (size_t n = ACCUMULATOR_SIZE_MAX; n <= sizeof big; n++) {
        struct buf b = fresh();
        put_value(&b, &(struct value){{0, 0}, {big, n}});
        struct reader r = reader_of(buf_bytes(&b));
        read_value(&r);
        CHECK_INT(r.failed, n > ACCUMULATOR_SIZE_MAX);
    }
}

TEST(test_merge_of_seven_greatest_pairs_fits_a_frame)
{
    static uint8_t big[ACCUMULATOR_SIZE_MAX];
    struct buf b = fresh();
    put_order_merge_begin(&b, 5, MERGE_COUNT_MAX);
    for (uint64_t i = 0; i < 2 * MERGE_COUNT_MAX; i++)
        put_value(&b, &(struct value){{0, i}, {big, sizeof big}});
    CHECK(b.len <= 65536);
    uint64_t run;
    uint16_t count;
    struct reader rest;
    CHECK_INT(read_order_merge(buf_bytes(&b), &run, &count, &rest), 0);
    CHECK(run == 5 && count == MERGE_COUNT_MAX);
    for (uint64_t i = 0; i < 2 * MERGE_COUNT_MAX; i++)
        CHECK_INT(read_value(&rest).at.index, i);
    CHECK(reader_done(&rest));
    for (uint16_t n = 0; n <= 9; n++) {
        b = fresh();
        put_order_merge_begin(&b, 5, n);
        for (uint64_t i = 0; i < 2u * n; i++)
            put_value(&b, &(struct value){{0, i}, {0}});
        CHECK_INT(read_order_merge(buf_bytes(&b), &run, &count, &rest),
                  n >= 1 && n <= MERGE_COUNT_MAX ? 0 : ERR_FORMAT);
        struct bytes cut = {raw, b.len - 1};
        CHECK_INT(read_order_merge(cut, &run, &count, &rest), ERR_FORMAT);
    }
}

TEST(test_plan_and_its_bounds)
{
    const char *args[ARGS_COUNT_MAX + 1];
    for (size_t i = 0; i <= ARGS_COUNT_MAX; i++)
        args[i] = i % 2 ? "seven" : "";
    static struct order_plan got;
    struct buf b = fresh();
    CHECK_INT(put_order_plan(&b, ARGS_COUNT_MAX, args, 0, NULL), 0);
    CHECK_EVERY_TRUNCATION(b, read_order_plan(in, &got));
    CHECK_INT(read_order_plan(buf_bytes(&b), &got), 0);
    CHECK_INT(got.count, ARGS_COUNT_MAX);
    CHECK_STR(got.args[63], "seven");
    CHECK_STR(got.args[62], "");
    b = fresh();
    CHECK_INT(put_order_plan(&b, ARGS_COUNT_MAX + 1, args, 0, NULL), ERR_TOO_LARGE);
    CHECK_INT(b.len, 0);
    static char text[ARG_SIZE_MAX + 1];
    memset(text, 'x', ARG_SIZE_MAX);
    args[0] = text;
    CHECK_INT(put_order_plan(&b, 1, args, 0, NULL), ERR_TOO_LARGE);
    text[ARG_SIZE_MAX - 1] = '\0';
    CHECK_INT(put_order_plan(&b, 1, args, 0, NULL), 0);
    CHECK_INT(read_order_plan(buf_bytes(&b), &got), 0);
    store_u16(raw, ARGS_COUNT_MAX + 1);
    CHECK_INT(read_order_plan(buf_bytes(&b), &got), ERR_FORMAT);
    /* A size is one that an object can have, or not known yet. */
    uint64_t sizes[] = {STAGE_INPUT_SIZE_MAX, STAGE_INPUT_UNKNOWN, 0};
    b = fresh();
    CHECK_INT(put_order_plan(&b, 0, args, 3, sizes), 0);
    REQUIRE(read_order_plan(buf_bytes(&b), &got) == 0);
    CHECK(got.input_sizes[1] == STAGE_INPUT_UNKNOWN && got.inputs_count == 3);
    sizes[2] = STAGE_INPUT_SIZE_MAX + 1;
    b = fresh();
    CHECK_INT(put_order_plan(&b, 0, args, 3, sizes), 0);
    CHECK_INT(read_order_plan(buf_bytes(&b), &got), ERR_FORMAT);
}

TEST(test_loaded_reason_is_made_safe)
{
    struct buf b = fresh();
    struct worker_loaded m = {.accumulator_size = 4096, .ok = false, .reason = "a\nb\x1b[31m"};
    put_worker_loaded(&b, &m);
    struct worker_loaded got;
    CHECK_EVERY_TRUNCATION(b, read_worker_loaded(in, &got));
    CHECK_INT(read_worker_loaded(buf_bytes(&b), &got), 0);
    CHECK_STR(got.reason, "a\\u{a}b\\u{1b}[31m");
    m.accumulator_size = 4097;
    b = fresh();
    put_worker_loaded(&b, &m);
    CHECK_INT(read_worker_loaded(buf_bytes(&b), &got), ERR_FORMAT);
    raw[4] = 4; /* neither loaded, nor of the kernel's doing, nor of the node's */
    store_u32(raw, 1);
    CHECK_INT(read_worker_loaded(buf_bytes(&b), &got), ERR_FORMAT);
}

TEST(test_loaded_says_whose_doing_it_is)
{
    struct worker_loaded m = {.reason = "no"}, got;
    struct buf b = fresh();
    put_worker_loaded(&b, &m);
    CHECK(read_worker_loaded(buf_bytes(&b), &got) == 0 && !got.ok && !got.by_node);
    m.by_node = true;
    b = fresh();
    put_worker_loaded(&b, &m);
    CHECK(read_worker_loaded(buf_bytes(&b), &got) == 0 && !got.ok && got.by_node);
    m = (struct worker_loaded){.ok = true};
    b = fresh();
    put_worker_loaded(&b, &m);
    CHECK(read_worker_loaded(buf_bytes(&b), &got) == 0 && got.ok && !got.by_node);
}

TEST(test_plan_with_inputs)
{
    static struct order_plan got;
    static uint64_t sizes[STAGE_INPUTS_MAX + 1] = {7, STAGE_INPUT_SIZE_MAX};
    const char *args[] = {"a"};
    struct buf b = fresh();
    CHECK_INT(put_order_plan(&b, 1, args, 2, sizes), 0);
    CHECK_EVERY_TRUNCATION(b, read_order_plan(in, &got));
    CHECK_INT(read_order_plan(buf_bytes(&b), &got), 0);
    CHECK(got.inputs_count == 2 && got.input_sizes[0] == 7);
    CHECK_INT(got.input_sizes[1], STAGE_INPUT_SIZE_MAX);
    sizes[1]++;
    b = fresh();
    CHECK_INT(put_order_plan(&b, 1, args, 2, sizes), 0);
    CHECK_INT(read_order_plan(buf_bytes(&b), &got), ERR_FORMAT);
    sizes[1] = 0;
    b = fresh();
    CHECK_INT(put_order_plan(&b, 1, args, STAGE_INPUTS_MAX, sizes), 0);
    CHECK_INT(read_order_plan(buf_bytes(&b), &got), 0);
    CHECK_INT(got.inputs_count, STAGE_INPUTS_MAX);
    b = fresh();
    CHECK_INT(put_order_plan(&b, 1, args, STAGE_INPUTS_MAX + 1, sizes), ERR_TOO_LARGE);
    CHECK_INT(b.len, 0);
    put_u16(&b, 0);
    put_u16(&b, STAGE_INPUTS_MAX + 1);
    for (int i = 0; i <= STAGE_INPUTS_MAX; i++)
        put_u64(&b, 0);
    CHECK_INT(read_order_plan(buf_bytes(&b), &got), ERR_FORMAT);
}

TEST(test_taken_and_more)
{
    uint8_t value[64];
    struct buf v, b = fresh();
    struct order_taken got;
    buf_init_fixed(&v, value, sizeof value);
    put_output(&v, &(struct output){.kind = OUTPUT_OBJECT, .size = 1001, .name = {{9}}});
    put_order_taken(&b, &(struct order_taken){4, 5, buf_bytes(&v)});
    CHECK_EVERY_TRUNCATION(b, read_order_taken(in, &got));
    CHECK_INT(read_order_taken(buf_bytes(&b), &got), 0);
    CHECK(got.run == 4 && got.leaf == 5 && bytes_equal(got.value, buf_bytes(&v)));
    b = fresh();
    put_order_taken(&b, &(struct order_taken){4, 5, {value, v.len - 1}});
    CHECK_INT(read_order_taken(buf_bytes(&b), &got), ERR_FORMAT);

    struct order_more more;
    b = fresh();
    put_order_more(&b, &(struct order_more){6, OUTPUT_WINDOW});
    CHECK_EVERY_TRUNCATION(b, read_order_more(in, &more));
    CHECK_INT(read_order_more(buf_bytes(&b), &more), 0);
    CHECK(more.run == 6 && more.bytes == OUTPUT_WINDOW);
    b = fresh();
    put_order_more(&b, &(struct order_more){6, OUTPUT_WINDOW + 1});
    CHECK_INT(read_order_more(buf_bytes(&b), &more), ERR_FORMAT);
}

static int output_verdict(uint64_t leaf, size_t len)
{
    static uint8_t bytes[OUTPUT_PART_MAX + 1];
    struct worker_output got;
    struct buf b = fresh();
    put_worker_output(&b, &(struct worker_output){.run = 1, .leaf = leaf, .bytes = {bytes, len}});
    return read_worker_output(buf_bytes(&b), &got);
}

static int output_end_verdict(uint64_t leaf, uint64_t size)
{
    struct worker_output got;
    struct buf b = fresh();
    put_worker_output_end(&b, &(struct worker_output){.run = 1, .leaf = leaf, .size = size});
    return read_worker_output_end(buf_bytes(&b), &got);
}

TEST(test_output_and_its_end)
{
    struct worker_output got, m = {.run = 3, .leaf = 4, .bytes = bytes_of_text("line\n")};
    struct buf b = fresh();
    put_worker_output(&b, &m);
    CHECK_EVERY_TRUNCATION(b, read_worker_output(in, &got));
    CHECK_INT(read_worker_output(buf_bytes(&b), &got), 0);
    CHECK(got.run == 3 && got.leaf == 4 && bytes_equal(got.bytes, m.bytes));
    CHECK_INT(output_verdict(0, 1), 0);
    CHECK_INT(output_verdict(LEAVES_MAX - 1, OUTPUT_PART_MAX), 0);
    CHECK_INT(output_verdict(LEAVES_MAX, 1), ERR_FORMAT);
    CHECK_INT(output_verdict(0, 0), ERR_FORMAT);
    CHECK_INT(output_verdict(0, OUTPUT_PART_MAX + 1), ERR_FORMAT);

    m.size = 1 << 20;
    b = fresh();
    put_worker_output_end(&b, &m);
    CHECK_EVERY_TRUNCATION(b, read_worker_output_end(in, &got));
    CHECK_INT(read_worker_output_end(buf_bytes(&b), &got), 0);
    CHECK(got.run == 3 && got.leaf == 4 && got.size == 1 << 20 && got.bytes.len == 0);
    CHECK_INT(output_end_verdict(0, OUTPUT_INLINE_MAX), ERR_FORMAT);
    CHECK_INT(output_end_verdict(0, OUTPUT_INLINE_MAX + 1), 0);
    CHECK_INT(output_end_verdict(0, OUTPUT_SIZE_MAX), 0);
    CHECK_INT(output_end_verdict(0, OUTPUT_SIZE_MAX + 1), ERR_FORMAT);
    CHECK_INT(output_end_verdict(LEAVES_MAX, 2000), ERR_FORMAT);
}

TEST(test_reason_that_grows_is_cut_not_overrun)
{
    struct worker_failed m = {.run = 1, .leaf = LEAVES_MAX - 1};
    memset(m.reason, 1, REASON_SIZE - 1);
    struct buf b = fresh();
    put_worker_failed(&b, &m);
    struct worker_failed got;
    CHECK_EVERY_TRUNCATION(b, read_worker_failed(in, &got));
    CHECK_INT(read_worker_failed(buf_bytes(&b), &got), 0);
    CHECK(strlen(got.reason) < REASON_SIZE && strlen(got.reason) >= REASON_SIZE - 6);
    CHECK_INT(got.reason[strlen(got.reason) - 1], '}');
    m.leaf = LEAVES_MAX;
    b = fresh();
    put_worker_failed(&b, &m);
    CHECK_INT(read_worker_failed(buf_bytes(&b), &got), ERR_FORMAT);
    b = fresh();
    put_u64(&b, 1);
    put_u64(&b, 1);
    static char text[REASON_SIZE + 1];
    memset(text, 'x', REASON_SIZE);
    put_text(&b, text);
    CHECK_INT(read_worker_failed(buf_bytes(&b), &got), ERR_FORMAT);
}

TEST(test_progress)
{
    struct buf b = fresh();
    put_worker_progress_begin(&b, 4, 100, 20000, 15000, true, 2);
    size_t head = b.len;
    put_value(&b, &(struct value){{3, 2}, bytes_of_text("abc")});
    put_value(&b, &(struct value){{0, 99}, {0}});
    struct worker_progress got;
    CHECK_INT(read_worker_progress(buf_bytes(&b), &got), 0);
    CHECK(got.run == 4 && got.next == 100 && got.compute_us == 20000 && got.cpu_us == 15000 &&
          got.ended);
    CHECK_INT(got.count, 2);
    struct value v = read_value(&got.rest);
    CHECK(v.at.level == 3 && v.at.index == 2 && bytes_equal(v.data, bytes_of_text("abc")));
    v = read_value(&got.rest);
    CHECK(v.at.level == 0 && v.at.index == 99 && v.data.len == 0);
    CHECK(reader_done(&got.rest));
    for (size_t n = 0; n < head + 26; n++)
        CHECK_INT(read_worker_progress((struct bytes){raw, n}, &got), ERR_FORMAT);
    b = fresh();
    put_worker_progress_begin(&b, 4, LEAVES_MAX + 1, 0, 0, false, 0);
    CHECK_INT(read_worker_progress(buf_bytes(&b), &got), ERR_FORMAT);
    b = fresh();
    put_worker_progress_begin(&b, 4, 1, 0, 0, false, 65535);
    CHECK_INT(read_worker_progress(buf_bytes(&b), &got), ERR_FORMAT);
}

TEST(test_merged)
{
    struct buf b = fresh();
    put_worker_merged_begin(&b, 4, 55, 1);
    put_value(&b, &(struct value){{1, 7}, bytes_of_text("m")});
    struct worker_merged got;
    CHECK_INT(read_worker_merged(buf_bytes(&b), &got), 0);
    CHECK(got.run == 4 && got.compute_us == 55 && got.count == 1);
    CHECK_INT(read_value(&got.rest).at.index, 7);
    for (size_t n = 0; n < b.len - 1; n++)
        CHECK_INT(read_worker_merged((struct bytes){raw, n}, &got), ERR_FORMAT);
    b = fresh();
    put_worker_merged_begin(&b, 4, 55, 8);
    for (uint64_t i = 0; i < 8; i++)
        put_value(&b, &(struct value){{1, i}, {0}});
    CHECK_INT(read_worker_merged(buf_bytes(&b), &got), ERR_FORMAT);
}

TEST(test_planned)
{
    struct buf b = fresh();
    struct worker_planned m = {.ok = true, .units = 100, .leaf_units = 7};
    m.params = bytes_of_text("pp");
    put_worker_planned(&b, &m);
    struct worker_planned got;
    CHECK_EVERY_TRUNCATION(b, read_worker_planned(in, &got));
    CHECK_INT(read_worker_planned(buf_bytes(&b), &got), 0);
    CHECK(got.units == 100 && got.leaf_units == 7 && bytes_equal(got.params, m.params));
    m.leaf_units = 0;
    b = fresh();
    put_worker_planned(&b, &m);
    CHECK_INT(read_worker_planned(buf_bytes(&b), &got), ERR_FORMAT);
    m = (struct worker_planned){.ok = false, .reason = "N is missing"};
    b = fresh();
    put_worker_planned(&b, &m);
    CHECK_INT(read_worker_planned(buf_bytes(&b), &got), 0);
    CHECK_STR(got.reason, "N is missing");
    m = (struct worker_planned){.ok = true, .units = LEAVES_MAX + 1, .leaf_units = 1};
    b = fresh();
    put_worker_planned(&b, &m);
    CHECK_INT(read_worker_planned(buf_bytes(&b), &got), ERR_FORMAT);
}

TEST(test_shown_keeps_its_lines)
{
    struct buf b = fresh();
    put_worker_shown(&b, true, "3.14\nline\x07");
    bool ok = false;
    char text[SHOW_SIZE_MAX];
    CHECK_EVERY_TRUNCATION(b, read_worker_shown(in, &ok, text));
    CHECK_INT(read_worker_shown(buf_bytes(&b), &ok, text), 0);
    CHECK(ok);
    CHECK_STR(text, "3.14\nline\\u{7}");
    static char big[SHOW_SIZE_MAX + 1];
    memset(big, 'x', SHOW_SIZE_MAX);
    b = fresh();
    put_worker_shown(&b, true, big);
    CHECK_INT(buf_result(&b), ERR_TOO_LARGE);
}

TEST_MAIN(test_plan_with_inputs, test_taken_and_more, test_output_and_its_end, test_load, test_run,
          test_first_leaf_of_what_is_run, test_tasks_of_other_units, test_tasks_that_are_rolled,
          test_trim, test_value_bounds, test_merge_of_seven_greatest_pairs_fits_a_frame,
          test_plan_and_its_bounds, test_loaded_reason_is_made_safe,
          test_loaded_says_whose_doing_it_is,
          test_reason_that_grows_is_cut_not_overrun, test_progress, test_merged, test_planned,
          test_shown_keeps_its_lines)
