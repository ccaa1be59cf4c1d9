/* Frames, and what a node tells its workers and its users and they it, damaged. */
#include "core/base/crc32c.h"
#include "core/wire/field.h"
#include "core/wire/found.h"
#include "core/wire/frame.h"
#include "core/wire/output.h"
#include "core/wire/request.h"
#include "core/wire/signed.h"
#include "core/wire/spec.h"
#include "core/wire/tree.h"
#include "tests/fuzz/fuzz.h"

/* --- frames --- */

/* A stream is cut into frames up to the first byte that is none, or is not there yet. */
static int stream_again(struct bytes in, struct buf *out)
{
    struct frame f;
    int size;
    while ((size = frame_take(in, &f)) > 0) {
        CHECK_INT(size, FRAME_HEADER_SIZE + f.payload.len);
        /* What is cut short is waited for, never judged. */
        CHECK_INT(frame_take((struct bytes){in.data, any_below((uint64_t)size)}, &f), 0);
        REQUIRE(frame_take(in, &f) == size);
        frame_put(out, f.type, f.request, f.payload);
        in.data += size;
        in.len -= (size_t)size;
    }
    return size < 0 ? size : in.len == 0 ? buf_result(out) : ERR_FORMAT;
}

static void make_stream(struct buf *out)
{
    for (uint64_t i = any_below(4); i > 0; i--)
        frame_put(out, (uint8_t)any_u64(), any_u32(), any_bytes(3000));
}

/* The same with a checksum that is right, so that what it covers is looked at. */
static int sealed_again(struct bytes in, struct buf *out)
{
    static uint8_t bytes[FUZZ_SIZE_MAX];
    if (in.len < FRAME_HEADER_SIZE)
        return ERR_FORMAT;
    memcpy(bytes, in.data, in.len);
    store_u32(bytes + 12, crc32c(0, bytes, 12));
    return stream_again((struct bytes){bytes, in.len}, out);
}

static void make_frame(struct buf *out)
{
    frame_put(out, (uint8_t)any_u64(), any_u32(), any_bytes(FRAME_PAYLOAD_MAX));
}

TEST(damaged_frames_are_refused_or_whole)
{
    static const struct codec codecs[] = {
        {"stream", stream_again, make_stream, true, 20000},
        {"frame", sealed_again, make_frame, false, 5000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

/* --- a node and its workers --- */

static struct bytes any_inputs(uint16_t *count)
{
    static uint8_t raw[STAGE_INPUTS_MAX * STAGE_INPUT_BYTES];
    struct buf b;
    *count = (uint16_t)(any_bool() ? 0 : any_size(STAGE_INPUTS_MAX));
    buf_init_fixed(&b, raw, sizeof raw);
    for (uint16_t i = 0; i < *count; i++) {
        const struct stage_input in = {any_digest(), any_below(STAGE_INPUT_SIZE_MAX + 1)};
        put_stage_input(&b, &in);
    }
    return buf_bytes(&b);
}

static void make_order_load(struct buf *out)
{
    struct order_load m = {.source = any_digest(), .origin = any_bool()};
    any_name(m.kernel, sizeof m.kernel);
    if (m.origin == ORIGIN_PLUGIN)
        any_name(m.path, sizeof m.path);
    m.params = any_bytes(PARAMS_SIZE_MAX);
    m.reduction = (uint8_t)any_u64();
    m.inputs = any_inputs(&m.inputs_count);
    if (m.inputs_count > 0)
        any_name(m.folder, sizeof m.folder);
    put_order_load(out, &m);
}

/* Units and leaf units of a stage that may be. */
static void any_stage(uint64_t *units, uint64_t *leaf_units)
{
    do {
        *units = any_u64();
        *leaf_units = any_u64();
    } while (*units == 0 || *leaf_units == 0 || tree_leaves(*units, *leaf_units) > LEAVES_MAX);
}

static void make_order_run(struct buf *out)
{
    struct order_run m = {.run = any_u64(), .report_us = any_u32()};
    any_stage(&m.units, &m.leaf_units);
    m.end = 1 + any_below(tree_leaves(m.units, m.leaf_units));
    m.first = any_below(m.end);
    put_order_run(out, &m);
}

static void make_order_tasks(struct buf *out)
{
    struct order_tasks m = {.run = any_u64(),
                            .first = any_leaf() / 2,
                            .units = any_below(4) == 0 ? TASKS_ROLLED : any_below(9),
                            .report_us = any_u32(),
                            .count = (uint16_t)(1 + any_below(6))};
    put_order_tasks_begin(out, &m);
    for (uint16_t i = 0; i < m.count; i++)
        put_order_task(out, m.units, (struct order_task){1 + any_below(99), 9, any_bytes(40)});
}

static int order_tasks_again(struct bytes in, struct buf *out)
{
    struct order_tasks m;
    int rc = read_order_tasks(in, &m);
    if (rc < 0)
        return rc;
    CHECK(m.count >= 1 && m.count <= ORDER_TASKS_MAX);
    put_order_tasks_begin(out, &m);
    for (uint16_t i = 0; i < m.count; i++) {
        struct order_task t = read_order_task(&m.rest, m.units);
        CHECK(t.units > 0 && t.leaf_units > 0);
        put_order_task(out, m.units, t);
    }
    return 0;
}

static void make_order_trim(struct buf *out)
{
    struct order_trim m = {any_u64(), any_leaf()};
    put_order_trim(out, &m);
}

static int order_merge_again(struct bytes in, struct buf *out)
{
    struct reader rest;
    uint64_t run;
    uint16_t count;
    int rc = read_order_merge(in, &run, &count, &rest);
    if (rc < 0)
        return rc;
    CHECK(count >= 1 && count <= MERGE_COUNT_MAX);
    put_order_merge_begin(out, run, count);
    rc = again_values(&rest, 2u * count, out);
    return rc < 0 ? rc : again_end(&rest, out);
}

static void make_order_merge(struct buf *out)
{
    uint16_t count = (uint16_t)(1 + any_below(MERGE_COUNT_MAX));
    put_order_merge_begin(out, any_u64(), count);
    any_values(out, 2u * count);
}

static struct order_plan plan; /* 64 KiB */

static void put_plan(struct buf *out)
{
    const char *args[ARGS_COUNT_MAX];
    for (int i = 0; i < plan.count; i++)
        args[i] = plan.args[i];
    put_order_plan(out, plan.count, args, plan.inputs_count, plan.input_sizes);
}

static void any_plan(void)
{
    plan.count = (uint16_t)any_size(ARGS_COUNT_MAX);
    for (int i = 0; i < plan.count; i++)
        any_chars(plan.args[i], i == 0 ? ARG_SIZE_MAX : 20, 1, 127);
    plan.inputs_count = (uint16_t)(any_bool() ? 0 : any_size(STAGE_INPUTS_MAX));
    for (uint16_t i = 0; i < plan.inputs_count; i++)
        plan.input_sizes[i] = any_below(STAGE_INPUT_SIZE_MAX + 1);
}

static int order_plan_again(struct bytes in, struct buf *out)
{
    int rc = read_order_plan(in, &plan);
    if (rc == 0)
        put_plan(out);
    return rc < 0 ? rc : buf_result(out);
}

static void make_order_plan(struct buf *out)
{
    any_plan();
    put_plan(out);
}

static struct bytes any_output(void)
{
    static uint8_t raw[OUTPUT_VALUE_MAX];
    struct output o = {.kind = any_bool() ? OUTPUT_OBJECT : OUTPUT_BYTES, .name = any_digest()};
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    o.bytes = any_bytes(OUTPUT_INLINE_MAX);
    o.size = o.kind == OUTPUT_BYTES
                 ? o.bytes.len
                 : OUTPUT_INLINE_MAX + 1 + any_below(OUTPUT_SIZE_MAX - OUTPUT_INLINE_MAX);
    put_output(&b, &o);
    return buf_bytes(&b);
}

static void make_taken(struct buf *out)
{
    struct order_taken m = {any_u64(), any_u64(), any_output()};
    put_order_taken(out, &m);
}

static void make_more(struct buf *out)
{
    struct order_more m = {any_u64(), (uint32_t)any_below(OUTPUT_WINDOW + 1)};
    put_order_more(out, &m);
}

static int inputs_again(struct bytes in, struct buf *out)
{
    struct reader rest;
    uint16_t count;
    if (read_order_inputs(in, &count, &rest) < 0)
        return ERR_FORMAT;
    put_order_inputs_begin(out, count);
    for (; count > 0 && !rest.failed; count--) {
        struct order_input one = read_order_input(&rest);
        put_order_input(out, &one);
    }
    return reader_result(&rest);
}

static void make_inputs(struct buf *out)
{
    uint16_t count = (uint16_t)any_below(5);
    put_order_inputs_begin(out, count);
    for (; count > 0; count--)
        put_order_input(out, &(struct order_input){(uint16_t)any_below(256), any_bytes(1000)});
}

static void make_output(struct buf *out)
{
    struct worker_output m = {
        .run = any_u64(), .leaf = any_below(LEAVES_MAX), .bytes = any_bytes(OUTPUT_PART_MAX)};
    if (m.bytes.len == 0)
        m.bytes = bytes_of_text("x");
    put_worker_output(out, &m);
}

static void make_output_end(struct buf *out)
{
    struct worker_output m = {.run = any_u64(),
                              .leaf = any_below(LEAVES_MAX),
                              .size = OUTPUT_INLINE_MAX + 1 +
                                      any_below(OUTPUT_SIZE_MAX - OUTPUT_INLINE_MAX)};
    put_worker_output_end(out, &m);
}

static int collected_again(struct bytes in, struct buf *out)
{
    struct collected c;
    int rc = read_collected(in, &c);
    if (rc == 0)
        put_collected(out, &c);
    return rc < 0 ? rc : buf_result(out);
}

static void make_collected(struct buf *out)
{
    struct collected c = {any_u64(), any_u32(), any_digest(), any_bytes(RESULT_LIST_MAX)};
    put_collected(out, &c);
}

static void make_loaded(struct buf *out)
{
    struct worker_loaded m = {.accumulator_size = (uint32_t)any_below(ACCUMULATOR_SIZE_MAX + 1)};
    any_text(m.reason, sizeof m.reason);
    put_worker_loaded(out, &m);
}

static int progress_again(struct bytes in, struct buf *out)
{
    struct worker_progress m;
    int rc = read_worker_progress(in, &m);
    if (rc < 0)
        return rc;
    put_worker_progress_begin(out, m.run, m.next, m.compute_us, m.cpu_us, m.ended, m.count);
    rc = again_values(&m.rest, m.count, out);
    return rc < 0 ? rc : again_end(&m.rest, out);
}

static void make_progress(struct buf *out)
{
    uint16_t count = (uint16_t)any_size(60);
    put_worker_progress_begin(out, any_u64(), any_leaf(), any_u64(), any_u64(), any_bool(), count);
    any_values(out, count);
}

static int merged_again(struct bytes in, struct buf *out)
{
    struct worker_merged m;
    int rc = read_worker_merged(in, &m);
    if (rc < 0)
        return rc;
    put_worker_merged_begin(out, m.run, m.compute_us, m.count);
    rc = again_values(&m.rest, m.count, out);
    return rc < 0 ? rc : again_end(&m.rest, out);
}

static void make_merged(struct buf *out)
{
    uint16_t count = (uint16_t)any_below(MERGE_COUNT_MAX + 1);
    put_worker_merged_begin(out, any_u64(), any_u64(), count);
    any_values(out, count);
}

static void make_planned(struct buf *out)
{
    struct worker_planned m = {.ok = any_bool()};
    any_text(m.reason, sizeof m.reason);
    m.params = any_bytes(PARAMS_SIZE_MAX);
    any_stage(&m.units, &m.leaf_units);
    put_worker_planned(out, &m);
}

static int shown_again(struct bytes in, struct buf *out)
{
    static char text[SHOW_SIZE_MAX];
    bool ok;
    int rc = read_worker_shown(in, &ok, text);
    if (rc == 0)
        put_worker_shown(out, ok, text);
    return rc < 0 ? rc : buf_result(out);
}

static void make_shown(struct buf *out)
{
    static char text[SHOW_SIZE_MAX];
    put_worker_shown(out, any_bool(), any_text(text, sizeof text));
}

static void make_failed(struct buf *out)
{
    struct worker_failed m = {.run = any_u64(), .leaf = any_leaf()};
    any_text(m.reason, sizeof m.reason);
    put_worker_failed(out, &m);
}

FUZZ_AGAIN(order_load, order_load, read_order_load, put_order_load)
FUZZ_AGAIN(order_run, order_run, read_order_run, put_order_run)
FUZZ_AGAIN(order_trim, order_trim, read_order_trim, put_order_trim)
FUZZ_AGAIN(taken, order_taken, read_order_taken, put_order_taken)
FUZZ_AGAIN(more, order_more, read_order_more, put_order_more)
FUZZ_AGAIN(output, worker_output, read_worker_output, put_worker_output)
FUZZ_AGAIN(output_end, worker_output, read_worker_output_end, put_worker_output_end)
FUZZ_AGAIN(loaded, worker_loaded, read_worker_loaded, put_worker_loaded)
FUZZ_AGAIN(planned, worker_planned, read_worker_planned, put_worker_planned)
FUZZ_AGAIN(failed, worker_failed, read_worker_failed, put_worker_failed)

TEST(damaged_orders_and_reports_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"LOAD", order_load_again, make_order_load, true, 15000},
        {"RUN", order_run_again, make_order_run, true, 15000},
        {"TASKS", order_tasks_again, make_order_tasks, true, 10000},
        {"TRIM", order_trim_again, make_order_trim, true, 5000},
        {"MERGE", order_merge_again, make_order_merge, true, 15000},
        {"PLAN", order_plan_again, make_order_plan, true, 10000},
        {"TAKEN", taken_again, make_taken, true, 10000},
        {"MORE", more_again, make_more, true, 5000},
        {"INPUTS", inputs_again, make_inputs, true, 10000},
        {"OUTPUT", output_again, make_output, true, 5000},
        {"OUTPUT_END", output_end_again, make_output_end, true, 5000},
        {"collected", collected_again, make_collected, true, 10000},
        {"LOADED", loaded_again, make_loaded, false, 15000},
        {"PROGRESS", progress_again, make_progress, true, 15000},
        {"MERGED", merged_again, make_merged, true, 15000},
        {"PLANNED", planned_again, make_planned, false, 15000},
        {"SHOWN", shown_again, make_shown, false, 10000},
        {"FAILED", failed_again, make_failed, false, 15000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

/* --- a node and its users --- */

static void make_watch(struct buf *out)
{
    struct request_watch m = {any_job(), any_u32()};
    put_request_watch(out, &m);
}

static void make_jobs(struct buf *out)
{
    struct request_jobs m = {.all = any_bool()};
    any_text(m.which, sizeof m.which);
    put_request_jobs(out, &m);
}

static int request_plan_again(struct bytes in, struct buf *out)
{
    char kernel[KERNEL_NAME_SIZE];
    int rc = read_request_plan(in, kernel, &plan);
    if (rc < 0)
        return rc;
    put_text(out, kernel);
    put_plan(out);
    return buf_result(out);
}

static void make_request_plan(struct buf *out)
{
    char kernel[KERNEL_NAME_SIZE];
    put_text(out, any_text(kernel, sizeof kernel));
    any_plan();
    put_plan(out);
}

static void make_request_show(struct buf *out)
{
    struct request_show m = {.source = any_digest(),
                             .params = any_bytes(PARAMS_SIZE_MAX),
                             .accumulator = any_bytes(ACCUMULATOR_SIZE_MAX)};
    any_text(m.kernel, sizeof m.kernel);
    put_request_show(out, &m);
}

static void make_error(struct buf *out)
{
    struct reply_error m = {.exit_code = (uint8_t)any_u64()};
    any_text(m.what, sizeof m.what);
    any_text(m.hint, sizeof m.hint);
    put_reply_error(out, &m);
}

static void make_submitted(struct buf *out)
{
    struct reply_submitted m = {any_job(), any_u32(), any_u32(), any_bool()};
    put_reply_submitted(out, &m);
}

static void make_reply_plan(struct buf *out)
{
    struct reply_plan m = {.source = any_digest(),
                           .reduction = (uint8_t)any_u64(),
                           .accumulator_size = (uint32_t)any_below(ACCUMULATOR_SIZE_MAX + 1),
                           .params = any_bytes(PARAMS_SIZE_MAX)};
    any_text(m.kernel, sizeof m.kernel);
    any_stage(&m.units, &m.leaf_units);
    put_reply_plan(out, &m);
}

static int log_again(struct bytes in, struct buf *out)
{
    char node[NODE_NAME_SIZE];
    struct bytes text;
    int rc = read_reply_log(in, node, &text);
    if (rc == 0)
        put_reply_log(out, node, text);
    return rc < 0 ? rc : buf_result(out);
}

static void make_log(struct buf *out)
{
    char node[NODE_NAME_SIZE];
    put_reply_log(out, any_text(node, sizeof node), any_bytes(32768));
}

static void make_killed(struct buf *out)
{
    struct reply_killed m = {(uint8_t)any_below(3), (uint8_t)(1 + any_below(8)), ""};
    any_text(m.away, sizeof m.away);
    put_reply_killed(out, &m);
}

static void make_job_view(struct buf *out)
{
    struct job_view v = {.id = any_job(),
                         .source = any_digest(),
                         .state = (enum job_state)(1 + any_below(8)),
                         .by = any_node(),
                         .units = any_u64(),
                         .leaf_units = any_u64(),
                         .leaves_total = any_leaf(),
                         .nodes = any_u32(),
                         .retries = any_u32(),
                         .duplicates = any_u64(),
                         .redone_us = any_u64(),
                         .durable = any_u32(),
                         .machines = any_u32(),
                         .elapsed_us = any_u64(),
                         .cpu_us = any_u64(),
                         .submitted_s = (int64_t)any_u64(),
                         .digest = any_digest(),
                         .result = any_bytes(ACCUMULATOR_SIZE_MAX),
                         .params = any_bytes(PARAMS_SIZE_MAX),
                         .reduction = (uint8_t)any_u64()};
    v.leaves_done = any_below(v.leaves_total + 1);
    any_text(v.name, sizeof v.name);
    any_text(v.kernel, sizeof v.kernel);
    any_text(v.args, sizeof v.args);
    any_text(v.error, sizeof v.error);
    put_job_view(out, &v);
}

static void make_node_view(struct buf *out)
{
    struct node_view v = {.id = any_node(),
                          .state = (enum node_state)(1 + any_below(7)),
                          .slots = any_u32(),
                          .busy = any_u32(),
                          .load_percent = any_u32(),
                          .memory_bytes = any_u64(),
                          .speed_units_s = any_u64(),
                          .seen_us = any_u64(),
                          .lag_us = any_u64(),
                          .self = any_bool(),
                          .coordinator = any_bool()};
    any_text(v.name, sizeof v.name);
    any_text(v.addr, sizeof v.addr);
    any_text(v.arch, sizeof v.arch);
    any_text(v.version, sizeof v.version);
    put_node_view(out, &v);
}

static void make_kernel_view(struct buf *out)
{
    struct kernel_view v = {.source = any_digest(),
                            .origin = any_bool(),
                            .reduction = (uint8_t)any_u64(),
                            .files_from = (uint16_t)any_u64(),
                            .accumulator_size = (uint32_t)any_below(ACCUMULATOR_SIZE_MAX + 1)};
    any_text(v.name, sizeof v.name);
    any_text(v.path, sizeof v.path);
    any_text(v.usage, sizeof v.usage);
    any_text(v.then, sizeof v.then);
    any_text(v.summary, sizeof v.summary);
    any_text(v.refused, sizeof v.refused);
    put_kernel_view(out, &v);
}

FUZZ_AGAIN(watch, request_watch, read_request_watch, put_request_watch)
FUZZ_AGAIN(jobs, request_jobs, read_request_jobs, put_request_jobs)
FUZZ_AGAIN(show, request_show, read_request_show, put_request_show)
FUZZ_AGAIN(error, reply_error, read_reply_error, put_reply_error)
FUZZ_AGAIN(submitted, reply_submitted, read_reply_submitted, put_reply_submitted)
FUZZ_AGAIN(reply_plan, reply_plan, read_reply_plan, put_reply_plan)
FUZZ_AGAIN(killed, reply_killed, read_reply_killed, put_reply_killed)
FUZZ_AGAIN(job_view, job_view, read_job_view, put_job_view)
FUZZ_AGAIN(node_view, node_view, read_node_view, put_node_view)
FUZZ_AGAIN(kernel_view, kernel_view, read_kernel_view, put_kernel_view)

TEST(damaged_requests_and_answers_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"WATCH", watch_again, make_watch, true, 5000},
        {"JOBS", jobs_again, make_jobs, false, 15000},
        {"PLAN asked", request_plan_again, make_request_plan, false, 10000},
        {"SHOW", show_again, make_request_show, false, 15000},
        {"ERROR", error_again, make_error, false, 15000},
        {"SUBMITTED", submitted_again, make_submitted, true, 5000},
        {"PLAN", reply_plan_again, make_reply_plan, false, 15000},
        {"LOG", log_again, make_log, false, 5000},
        {"KILLED", killed_again, make_killed, false, 15000},
        {"JOB", job_view_again, make_job_view, false, 15000},
        {"NODE", node_view_again, make_node_view, false, 15000},
        {"KERNEL", kernel_view_again, make_kernel_view, false, 15000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

/* --- specifications --- */

static int spec_again(struct bytes in, struct buf *out)
{
    static struct job_spec s;
    memset(&s, fuzz.fill, sizeof s);
    int rc = read_spec(in, &s);
    return rc < 0 ? rc : put_spec(out, &s);
}

/* Stages behind the first, which need what comes before them. */
static void any_more(struct job_spec *s)
{
    static uint8_t room[SPEC_SIZE_MAX / 2], needs_room[64];
    struct buf more, needs;
    uint32_t count = (uint32_t)any_below(6);
    buf_init_fixed(&more, room, sizeof room);
    for (uint32_t i = 1; i <= count; i++) {
        struct stage_spec stage = {.units = 1 + any_below(50),
                                   .leaf_units = 1 + any_below(9),
                                   .accumulator_size = (uint32_t)any_below(4097),
                                   .retries = (uint8_t)any_below(STAGE_RETRIES_MAX + 1),
                                   .leaf_us = any_u64() >> (1 + any_below(63))};
        any_name(stage.kernel, sizeof stage.kernel);
        any_text(stage.name, sizeof stage.name);
        stage.source = any_digest();
        stage.params = any_bytes(100);
        buf_init_fixed(&needs, needs_room, sizeof needs_room);
        /* The first may collect more than can be read. */
        for (uint32_t k = (uint32_t)any_below(i < 2 ? 1 : 4); k > 0; k--, stage.needs_count++)
            put_stage_need(&needs,
                           &(struct stage_need){1 + (uint32_t)any_below(i - 1), stage.needs_count});
        if (any_bool()) {
            put_stage_need(&needs, &(struct stage_need){(uint32_t)any_below(i), NEED_ORDER});
            stage.needs_count++;
        }
        stage.needs = buf_bytes(&needs);
        put_stage(&more, &stage);
    }
    REQUIRE(!more.failed);
    s->more_count = (uint16_t)count;
    s->more = buf_bytes(&more);
}

static struct demand any_demand(void)
{
    static const char *const labels[] = {"", "gpu=1", "disk=ssd gpu", "a.b_c=/:+ node=n"};
    return (struct demand){.cpus = (uint16_t)any_below(DEMAND_CPUS_MAX + 1),
                           .mem_bytes = any_below(DEMAND_MEM_MAX + 1),
                           .on = bytes_of_text(labels[any_below(4)]),
                           .prefer = bytes_of_text(labels[any_below(4)]),
                           .tier = (uint8_t)any_below(TIER_S3 + 1)};
}

static void make_spec(struct buf *out)
{
    struct job_spec s = {.author = any_node(),
                         .not_after_s = (int64_t)(any_u64() >> 1),
                         .slots_max = any_u32(),
                         .timeout_us = any_u64() >> 1};
    any_raw(s.nonce, sizeof s.nonce);
    any_text(s.name, sizeof s.name);
    any_name(s.stage.kernel, sizeof s.stage.kernel);
    s.stage.source = any_digest();
    any_text(s.stage.args, sizeof s.stage.args);
    s.stage.params = any_bytes(PARAMS_SIZE_MAX);
    any_stage(&s.stage.units, &s.stage.leaf_units);
    s.stage.inputs = any_inputs(&s.stage.inputs_count);
    if (spec_leaves(&s.stage) <= COLLECT_LEAVES_MAX && any_bool())
        s.stage.reduction = REDUCE_COLLECT;
    else
        s.stage.accumulator_size = (uint32_t)any_below(ACCUMULATOR_SIZE_MAX + 1);
    s.keep_going = any_bool();
    s.waits = any_bool();
    s.priority = (int8_t)((int)any_below(2 * JOB_PRIORITY_MAX + 1) - JOB_PRIORITY_MAX);
    if (any_bool())
        s.stage.demand = any_demand();
    if (any_bool() && spec_leaves(&s.stage) < 1 << 20)
        any_more(&s);
    if (s.stage.accumulator_size > FOUND_HEAD && s.more_count == 0 && any_bool())
        s.stage.reduction = REDUCE_SEARCH;
    REQUIRE(put_spec(out, &s) == 0);
}

static int signed_again(struct bytes in, struct buf *out)
{
    struct signed_bytes s;
    struct reader r = reader_of(in);
    uint8_t text[64];
    memset(&s, fuzz.fill, sizeof s);
    read_signed(&r, &s);
    if (!reader_done(&r))
        return ERR_FORMAT;
    CHECK(signed_text(&s, SIGNED_SPEC, text) <= sizeof text);
    put_signed(out, &s);
    return buf_result(out);
}

static void make_signed(struct buf *out)
{
    struct signed_bytes s = {.certificate = any_bytes(CERTIFICATE_SIZE_MAX),
                             .body = any_bytes(5000),
                             .path_count = (uint8_t)any_below(SIGNED_PATH_MAX + 1)};
    any_raw(s.signature, sizeof s.signature);
    s.path_index = (uint16_t)(any_u64() & ((1u << s.path_count) - 1));
    for (int i = 0; i < s.path_count; i++)
        s.path[i] = any_digest();
    put_signed(out, &s);
}

TEST(damaged_specifications_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"spec", spec_again, make_spec, false, 20000},
        {"signed bytes", signed_again, make_signed, true, 10000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_frames_are_refused_or_whole,
          damaged_orders_and_reports_are_refused_or_mean_one_thing,
          damaged_requests_and_answers_are_refused_or_mean_one_thing,
          damaged_specifications_are_refused_or_mean_one_thing)
