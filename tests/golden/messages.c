#include <string.h>

#include "core/base/ensure.h"
#include "core/job/fact.h"
#include "core/mesh/mesh_wire.h"
#include "core/node/object_peer.h"
#include "core/node/peer.h"
#include "core/wire/message.h"
#include "core/wire/output.h"
#include "core/wire/request.h"
#include "core/wire/session.h"
#include "core/wire/signed.h"
#include "core/wire/spec.h"
#include "tests/golden/golden.h"

#define TEXT(to, text) memcpy(to, text, sizeof(text))

static struct value value_at(uint8_t level, uint64_t index)
{
    return (struct value){{level, index}, bytes_of_text("a value.")};
}

/* --- membership --- */

static struct member_info person(uint8_t n)
{
    struct member_info m = {.id = golden_node(n),
                            .boot = 0x1111 * (uint64_t)n,
                            .incarnation = n,
                            .machine = golden_digest(n),
                            .slots = 4,
                            .busy = 1,
                            .memory_bytes = (uint64_t)8 << 30,
                            .speed_units_s = 1000000,
                            .recovering = n == 2};
    TEXT(m.name, "calm-otter");
    TEXT(m.addr, "127.0.0.1:8001");
    TEXT(m.arch, "x86_64");
    TEXT(m.version, "0.1.0");
    if (n == 2)
        TEXT(m.labels, "gpu=1 disk=ssd");
    memset(m.journal_id, 0xee, sizeof m.journal_id);
    return m;
}

static void put_list(struct buf *b)
{
    struct rumor alive = {.state = NODE_ALIVE, .info = person(1)};
    struct rumor doubted = {.state = NODE_SUSPECT,
                            .info = person(2),
                            .accusers_count = 2,
                            .accusers = {golden_node(3), golden_node(4)}};
    size_t start = rumor_list_begin(b);
    put_rumor(b, &alive);
    put_rumor(b, &doubted);
    rumor_list_end(b, start, 2);
}

static void make_mesh(uint8_t type, struct buf *b)
{
    struct hello hello = {.version_min = 1,
                          .calendar_s = 86400,
                          .version_max = 1,
                          .features = 1,
                          .greeting = 3,
                          .alone = true,
                          .self = person(5)};
    struct goodbye bye = {GOODBYE_IDLE, 1, 1};
    struct ping ping = {77, 0x8899aabbccddeeff};
    struct probe_ask ask = {78, golden_node(3)};
    struct probe_answer answer = {78, true};
    switch (type) {
    case MESSAGE_HELLO:
        put_hello(b, &hello);
        put_list(b);
        break;
    case MESSAGE_GOODBYE:
        put_goodbye(b, &bye);
        break;
    case MESSAGE_PING:
    case MESSAGE_PONG:
        put_ping(b, &ping);
        break;
    case MESSAGE_PROBE:
        put_probe_ask(b, &ask);
        break;
    case MESSAGE_PROBED:
        put_probe_answer(b, &answer);
        break;
    default:
        put_list(b);
        break;
    }
}

/* --- views --- */

static struct job_view view(void)
{
    struct job_view v = {.id = golden_job(1),
                         .source = golden_digest(1),
                         .state = JOB_RUNNING,
                         .by = golden_node(9),
                         .units = 790,
                         .leaf_units = 100,
                         .leaves_total = 8,
                         .leaves_done = 3,
                         .nodes = 2,
                         .retries = 1,
                         .duplicates = 2,
                         .redone_us = 3000,
                         .durable = 3,
                         .machines = 2,
                         .elapsed_us = 5000000,
                         .cpu_us = 4000000,
                         .submitted_s = 1790000000,
                         .digest = golden_digest(7),
                         .result = bytes_of_text("8 bytes."),
                         .params = bytes_of_text("\1\2\3\4")};
    TEXT(v.name, "golden-1");
    TEXT(v.kernel, "sum");
    TEXT(v.args, "790 and more");
    TEXT(v.error, "a line\nand another");
    return v;
}

static void put_node(struct buf *b)
{
    struct node_view v = {.id = golden_node(1),
                          .state = NODE_AWAY,
                          .slots = 4,
                          .busy = 2,
                          .load_percent = 50,
                          .memory_bytes = (uint64_t)8 << 30,
                          .speed_units_s = 1000000,
                          .seen_us = 250000,
                          .lag_us = 1500,
                          .self = true,
                          .coordinator = true};
    TEXT(v.name, "calm-otter");
    TEXT(v.addr, "127.0.0.1:8001");
    TEXT(v.arch, "x86_64");
    TEXT(v.version, "0.1.0");
    TEXT(v.labels, "gpu=1 disk=ssd");
    put_node_view(b, &v);
}

static void put_kernel(struct buf *b)
{
    struct kernel_view v = {.source = golden_digest(1),
                            .origin = ORIGIN_PLUGIN,
                            .files_from = 2,
                            .accumulator_size = 8};
    TEXT(v.name, "sum");
    TEXT(v.path, "/plugins/sum.so");
    TEXT(v.then, "total");
    TEXT(v.usage, "sum N");
    TEXT(v.summary, "adds up");
    TEXT(v.refused, "it is for another machine");
    put_kernel_view(b, &v);
}

/* --- jobs, between nodes --- */

static void put_entry(struct buf *b)
{
    static struct peer_entry e;
    e = (struct peer_entry){.version = 42,
                            .epoch = 2,
                            .coordinator = golden_node(1),
                            .holders_count = 2,
                            .holders = {golden_node(1), golden_node(2)},
                            .view = view()};
    put_u8(b, 1);
    put_u16(b, 1);
    put_peer_entry(b, &e);
}

static void put_whole_fact(struct buf *b, void (*put)(struct buf *fact))
{
    uint8_t room[4096];
    struct buf fact;
    buf_init_fixed(&fact, room, sizeof room);
    put(&fact);
    put_block(b, buf_bytes(&fact));
}

static void claim_of_one(struct buf *b)
{
    golden_put_claim(b, 1, 2);
}

static void cancel_of_one(struct buf *b)
{
    golden_put_cancel(b, 1);
}

static void spec_of_one(struct buf *b)
{
    golden_put_spec(b, 1);
}

static void put_forwarded(struct buf *b)
{
    static struct peer_forwarded m;
    m = (struct peer_forwarded){
        .exit_code = 6, .job = golden_job(1), .durable = 3, .machines = 2, .already = true};
    TEXT(m.what, "no live node has kernel \"sum\"");
    TEXT(m.hint, "velum kernels");
    put_peer_forwarded(b, &m);
}

static void put_grant(struct buf *b)
{
    uint8_t spec[2048], claim[1024];
    struct buf s, c;
    buf_init_fixed(&s, spec, sizeof spec);
    buf_init_fixed(&c, claim, sizeof claim);
    spec_of_one(&s);
    claim_of_one(&c);
    struct peer_grant m = {.job = golden_job(1),
                           .flags = GRANT_CAREFUL | GRANT_KNOCK,
                           .spec = buf_bytes(&s),
                           .claim = buf_bytes(&c),
                           .report_us = 25000,
                           .chunks = 1};
    put_peer_grant_begin(b, &m);
    put_peer_chunk(b, &(struct peer_chunk){11, 0, 4});
    put_u16(b, 1);
    put_value(b, &(struct value){{2, 0}, bytes_of_text("left one")});
    put_value(b, &(struct value){{2, 1}, bytes_of_text("rightone")});
}

static void put_report(struct buf *b)
{
    struct value v = value_at(1, 0);
    struct peer_report_chunk c = {.grant = 11,
                                  .from = 0,
                                  .next = 2,
                                  .end = 4,
                                  .compute_us = 2000,
                                  .cpu_us = 1900,
                                  .flags = REPORT_ENDED | REPORT_FAILED,
                                  .values = 1};
    TEXT(c.cause, "signal 11");
    put_job_id(b, golden_job(1));
    put_u64(b, 5);
    put_u8(b, 1);
    put_u64(b, 4);
    put_u16(b, 1);
    put_peer_report_chunk(b, &c);
    put_value(b, &v);
}

static void put_rest(uint8_t type, struct buf *b)
{
    put_job_id(b, golden_job(1));
    switch (type) {
    case MESSAGE_FACTS_KEPT:
        put_u64(b, 9);
        put_u8(b, 1);
        break;
    case MESSAGE_KEPT:
        put_u64(b, 5);
        break;
    case MESSAGE_TRIM:
        put_u64(b, 11);
        put_u64(b, 3);
        break;
    case MESSAGE_CLAIM:
        put_whole_fact(b, claim_of_one);
        break;
    case MESSAGE_OPEN:
        put_u32(b, 2);
        put_u16(b, 1);
        put_u64(b, 11);
        put_u64(b, 2);
        put_u64(b, 4);
        break;
    case MESSAGE_RETURN:
        put_u8(b, RETURN_NO_KERNEL);
        put_text(b, "it has no kernel sum");
        put_u16(b, 1);
        put_u64(b, 11);
        break;
    case MESSAGE_STOP:
        put_u8(b, JOB_DONE);
        break;
    case MESSAGE_LOG:
        put_u8(b, 0);
        put_block(b, bytes_of_text("a line of a worker\n"));
        break;
    case MESSAGE_CANCEL:
        put_whole_fact(b, cancel_of_one);
        break;
    case MESSAGE_CANCELLED:
        put_u8(b, 1);
        put_u8(b, JOB_CANCELLED);
        put_u8(b, 2);
        put_node_id(b, golden_node(1));
        put_node_id(b, golden_node(2));
        break;
    case MESSAGE_WATCH:
        put_u32(b, 500);
        break;
    case MESSAGE_LOG_TAIL:
        put_u8(b, 1);
        put_block(b, bytes_of_text("the last lines\n"));
        break;
    default: /* LOGS */
        break;
    }
}

static void put_stages(struct buf *b)
{
    static const uint8_t needs[STAGE_NEED_BYTES] = {0, 0, 0, 0, 0, 0};
    struct stage_view v = {.number = 1,
                           .state = STAGE_VIEW_BLOCKED,
                           .blocked_by = 0,
                           .leaves = 8,
                           .done = 3,
                           .needs_count = 1,
                           .needs = {needs, sizeof needs}};
    TEXT(v.name, "sums");
    TEXT(v.kernel, "sum");
    TEXT(v.args, "790");
    put_u16(b, 1);
    put_stage_view(b, &v);
}

static void make_job(uint8_t type, struct buf *b)
{
    struct peer_sync sync = {.job = golden_job(1),
                             .epoch = 2,
                             .boot = 0x0123456789abcdef,
                             .coordinator = golden_node(1),
                             .digest = golden_digest(5),
                             .former = 0xfedcba9876543210,
                             .answer = SYNC_ANSWER,
                             .gone = JOB_DONE};
    struct job_view v = view();
    switch (type) {
    case MESSAGE_DIRECTORY:
        put_entry(b);
        break;
    case MESSAGE_FORWARD:
        put_whole_fact(b, spec_of_one);
        break;
    case MESSAGE_FORWARDED:
        put_forwarded(b);
        break;
    case MESSAGE_FACTS:
        put_facts_begin(b, golden_job(1), 9, true, 2);
        put_whole_fact(b, claim_of_one);
        put_whole_fact(b, cancel_of_one);
        break;
    case MESSAGE_GRANT:
        put_grant(b);
        break;
    case MESSAGE_REPORT:
        put_report(b);
        break;
    case MESSAGE_STATE:
        put_u8(b, 1);
        put_job_id(b, golden_job(1));
        put_u64(b, 42);
        put_job_view(b, &v);
        break;
    case MESSAGE_SYNC:
        put_peer_sync(b, &sync);
        break;
    case MESSAGE_INPUT_WANT:
        put_peer_input(b, &(struct peer_input){.job = golden_job(1), .stage = 2, .from = 3}, false);
        break;
    case MESSAGE_INPUT_VALUES:
        put_peer_input(
            b, &(struct peer_input){.job = golden_job(1), .stage = 2, .from = 3, .count = 2}, true);
        put_block(b, bytes_of_text("8 bytes."));
        put_block(b, bytes_of_text("other 8."));
        break;
    case MESSAGE_STAGES:
        put_job_id(b, golden_job(1));
        break;
    case MESSAGE_SESSION:
        golden_put_session(b, false);
        break;
    case MESSAGE_STAGES_TOLD:
        put_job_id(b, golden_job(1));
        put_u8(b, 2);
        put_stages(b);
        break;
    case MESSAGE_COUNT:
    case MESSAGE_COUNTED:
        put_u64(b, 123456789);
        break;
    default:
        put_rest(type, b);
        break;
    }
}

/* Of an object of a job, so that they begin with the names that the job has elsewhere. */
static void make_object(uint8_t type, struct buf *b)
{
    const struct object_keep keep = {golden_digest(1), golden_job(1), 70000, 2, true, false, {{0}},
                                     {NULL, 0}};
    const struct object_have have = {
        .name = golden_digest(1), .owner = golden_job(1), .size = 70000, .whole = true};
    const struct object_owner owner = {golden_job(1), OWNER_ASK};
    switch (type) {
    case MESSAGE_OBJECT_KEEP:
        put_u16(b, 1);
        put_object_keep(b, &keep);
        break;
    case MESSAGE_OBJECT_HAVE:
        put_u16(b, 1);
        put_object_have(b, &have);
        break;
    case MESSAGE_OBJECT_SEEK:
        put_object_seek_begin(b, golden_job(1));
        put_digest(b, golden_digest(1));
        break;
    case MESSAGE_OBJECT_OWNER:
        put_object_owner(b, &owner);
        break;
    case MESSAGE_OBJECT_FULL:
        put_object_full(b, 70000);
        break;
    case MESSAGE_SESSION_TOLD:
        golden_put_session(b, true);
        break;
    case MESSAGE_SESSION_REFUSED:
        golden_put_refused(b);
        break;
    default: /* BULK, which goes over other links */
        put_job_id(b, golden_job(1));
        break;
    }
}

/* --- a command and a node --- */

static const char *const args[] = {"790", "and", "more"};
static const uint64_t input_sizes[] = {123456, 0};

static void make_request(uint8_t type, struct buf *b)
{
    struct request_watch watch = {golden_job(1), 500};
    struct request_jobs jobs = {.all = true, .which = "golden-1"};
    struct request_show show = {.kernel = "sum",
                                .source = golden_digest(1),
                                .params = bytes_of_text("\1\2\3\4"),
                                .accumulator = bytes_of_text("8 bytes.")};
    switch (type) {
    case MESSAGE_REQUEST_SUBMIT:
        golden_put_spec(b, 3);
        break;
    case MESSAGE_REQUEST_WATCH:
        put_request_watch(b, &watch);
        break;
    case MESSAGE_REQUEST_JOBS:
        put_request_jobs(b, &jobs);
        break;
    case MESSAGE_REQUEST_KILL:
    case MESSAGE_REQUEST_LOGS:
    case MESSAGE_REQUEST_STAGES:
        put_job_id(b, golden_job(1));
        break;
    case MESSAGE_REQUEST_SESSION:
        golden_put_session(b, false);
        break;
    case MESSAGE_REQUEST_AHEAD:
        golden_put_ahead(b, false);
        break;
    case MESSAGE_REQUEST_PLAN:
        ensure(put_request_plan(b, "sum", 3, args, 2, input_sizes) == 0);
        break;
    case MESSAGE_REQUEST_SHOW:
        put_request_show(b, &show);
        break;
    case MESSAGE_REQUEST_STALE:
        put_u8(b, 1);
        put_job_id(b, golden_job(1));
        break;
    default: /* NODES, KERNELS */
        break;
    }
}

static void make_reply(uint8_t type, struct buf *b)
{
    struct reply_error error = {
        .exit_code = 3, .what = "there is no such job", .hint = "velum ps -a"};
    struct reply_submitted submitted = {golden_job(1), 3, 2, true};
    struct reply_plan plan = {.kernel = "sum",
                              .then = "total",
                              .source = golden_digest(1),
                              .accumulator_size = 8,
                              .params = bytes_of_text("\1\2\3\4"),
                              .units = 790,
                              .leaf_units = 100};
    struct reply_killed killed = {KILL_CANCELLING, JOB_CANCELLED, "calm-otter, wild-hare"};
    struct job_view v = view();
    switch (type) {
    case MESSAGE_REPLY_ERROR:
        put_reply_error(b, &error);
        break;
    case MESSAGE_REPLY_SUBMITTED:
        put_reply_submitted(b, &submitted);
        break;
    case MESSAGE_REPLY_JOB:
        put_job_view(b, &v);
        break;
    case MESSAGE_REPLY_NODE:
        put_node(b);
        break;
    case MESSAGE_REPLY_KERNEL:
        put_kernel(b);
        break;
    case MESSAGE_REPLY_LOG:
        put_reply_log(b, "calm-otter", bytes_of_text("a line of a worker\n"));
        break;
    case MESSAGE_REPLY_PLAN:
        put_reply_plan(b, &plan);
        break;
    case MESSAGE_REPLY_TEXT:
        put_text(b, "3.14");
        break;
    case MESSAGE_REPLY_STAGES:
        put_stages(b);
        break;
    case MESSAGE_REPLY_SESSION:
        golden_put_session(b, true);
        break;
    case MESSAGE_REPLY_AHEAD:
        golden_put_ahead(b, true);
        break;
    case MESSAGE_REPLY_KILLED:
        put_reply_killed(b, &killed);
        break;
    default: /* END */
        break;
    }
}

/* --- a node and its workers --- */

static void make_order(uint8_t type, struct buf *b)
{
    struct order_load load = {.kernel = "sum",
                              .source = golden_digest(1),
                              .origin = ORIGIN_PLUGIN,
                              .path = "/plugins/sum.so",
                              .params = bytes_of_text("\1\2\3\4"),
                              .reduction = REDUCE_COLLECT,
                              .mem_bytes = 300 << 20,
                              .folder = "/state/objects",
                              .inputs_count = 1};
    const struct stage_input input = {golden_digest(2), 123456};
    const struct output output = {OUTPUT_OBJECT, 70000, {0}, golden_digest(3)};
    struct order_more more = {11, 61440};
    struct order_run order = {11, 0, 4, 790, 100, 25000};
    struct order_tasks tasks = {.run = 11, .first = 8, .units = 1, .report_us = 25000, .count = 2};
    struct order_trim trim = {11, 3};
    uint8_t raw[OUTPUT_VALUE_MAX];
    struct buf part;
    struct value left = value_at(2, 0), right = value_at(2, 1);
    switch (type) {
    case MESSAGE_ORDER_LOAD:
        buf_init_fixed(&part, raw, sizeof raw);
        put_stage_input(&part, &input);
        load.inputs = buf_bytes(&part);
        put_order_load(b, &load);
        break;
    case MESSAGE_ORDER_RUN:
        put_order_run(b, &order);
        break;
    case MESSAGE_ORDER_TASKS:
        put_order_tasks_begin(b, &tasks);
        put_order_task(b, tasks.units, (struct order_task){1, 1, bytes_of_text("\1\2\3\4")});
        put_order_task(b, tasks.units, (struct order_task){1, 1, bytes_of_text("")});
        break;
    case MESSAGE_ORDER_TRIM:
        put_order_trim(b, &trim);
        break;
    case MESSAGE_ORDER_MERGE:
        put_order_merge_begin(b, 12, 1);
        put_value(b, &left);
        put_value(b, &right);
        break;
    case MESSAGE_ORDER_PLAN:
        ensure(put_order_plan(b, 3, args, 2, input_sizes) == 0);
        break;
    case MESSAGE_ORDER_TAKEN:
        buf_init_fixed(&part, raw, sizeof raw);
        put_output(&part, &output);
        put_order_taken(b, &(struct order_taken){11, 2, buf_bytes(&part)});
        break;
    case MESSAGE_ORDER_MORE:
        put_order_more(b, &more);
        break;
    case MESSAGE_ORDER_INPUTS:
        put_order_inputs_begin(b, 1);
        put_order_input(b, &(struct order_input){1, bytes_of_text("8 bytes.")});
        break;
    case MESSAGE_ORDER_SHOW:
        put_block(b, bytes_of_text("8 bytes."));
        break;
    default: /* DESCRIBE */
        put_text(b, "/plugins/sum.so");
        break;
    }
}

static void make_worker(uint8_t type, struct buf *b)
{
    struct worker_loaded loaded = {.accumulator_size = 8, .reason = "it is for another machine"};
    struct worker_planned planned = {true, "", bytes_of_text("\1\2\3\4"), 790, 100};
    struct worker_failed failed = {.run = 11, .leaf = 2, .reason = "the kernel said no"};
    struct worker_output output = {11, 2, 70000, bytes_of_text("a line that matches\n")};
    struct order_trim trimmed = {11, 3};
    struct value v = value_at(3, 0);
    switch (type) {
    case MESSAGE_WORKER_READY:
        put_u32(b, 4242);
        break;
    case MESSAGE_WORKER_LOADED:
        put_worker_loaded(b, &loaded);
        break;
    case MESSAGE_WORKER_PROGRESS:
        put_worker_progress_begin(b, 11, 2, 2000, 1900, true, 1);
        put_value(b, &v);
        break;
    case MESSAGE_WORKER_TRIMMED:
        put_order_trim(b, &trimmed);
        break;
    case MESSAGE_WORKER_MERGED:
        put_worker_merged_begin(b, 12, 500, 1);
        put_value(b, &v);
        break;
    case MESSAGE_WORKER_PLANNED:
        put_worker_planned(b, &planned);
        break;
    case MESSAGE_WORKER_SHOWN:
        put_worker_shown(b, true, "3.14");
        break;
    case MESSAGE_WORKER_OUTPUT:
        put_worker_output(b, &output);
        break;
    case MESSAGE_WORKER_OUTPUT_END:
        put_worker_output_end(b, &output);
        break;
    case MESSAGE_WORKER_FAILED:
        put_worker_failed(b, &failed);
        break;
    default: /* DESCRIBED */
        put_kernel(b);
        break;
    }
}

void golden_message_make(uint8_t type, struct buf *frame)
{
    size_t start = frame_begin(frame, type, type >= MESSAGE_REQUEST_SUBMIT ? 7 : 0);
    if (golden_is_asides(type))
        golden_put_asides(type, frame);
    else if (golden_is_built(type))
        golden_put_built(type, frame);
    else if (golden_is_unlike(type))
        golden_put_unlike(frame);
    else if (golden_is_act(type))
        golden_put_acts(type, frame);
    else if (golden_is_event(type))
        golden_put_event(type, frame);
    else if (golden_is_roots(type))
        golden_put_roots(type, frame);
    else if (type == MESSAGE_REQUEST_SNIPPET)
        golden_put_snippet(0, frame);
    else if (golden_is_join(type))
        golden_put_join(type, frame);
    else if (type < 32)
        make_mesh(type, frame);
    else if (type < MESSAGE_OBJECT_KEEP)
        make_job(type, frame);
    else if (type < MESSAGE_REQUEST_SUBMIT)
        make_object(type, frame);
    else if (type < MESSAGE_REPLY_ERROR)
        make_request(type, frame);
    else if (type < MESSAGE_ORDER_LOAD)
        make_reply(type, frame);
    else if (type < MESSAGE_WORKER_READY)
        make_order(type, frame);
    else
        make_worker(type, frame);
    frame_end(frame, start);
    ensure(!frame->failed);
}
