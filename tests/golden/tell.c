/* What a frame says, by the decoders of the product where it has one as a function; the rest are
 * read as peer.h draws them. */
#include <string.h>

#include "core/base/err.h"
#include "core/job/fact.h"
#include "core/mesh/mesh_wire.h"
#include "core/node/peer.h"
#include "core/wire/message.h"
#include "core/wire/output.h"
#include "core/wire/request.h"
#include "core/wire/spec.h"
#include "tests/golden/golden.h"

#define U(x) ((unsigned long long)(x))

static FILE *to;

#define SAY(...) fprintf(to, __VA_ARGS__)

static void say_id(const char *name, const uint8_t bytes[ID_SIZE])
{
    char hex[9];
    id_hex(bytes, 8, hex);
    SAY(" %s=%s", name, hex);
}

static void say_number(const char *name, uint64_t n)
{
    SAY(" %s=%llu", name, U(n));
}

static void say_text(const char *name, const char *text)
{
    SAY(" %s=\"", name);
    for (; *text; text++)
        *text == '\n' ? SAY("\\n") : SAY("%c", *text);
    SAY("\"");
}

static void say_block(const char *name, struct bytes b)
{
    SAY(" %s=", name);
    golden_write_hex(b, to);
}

static void say_values(struct reader *r, uint32_t count)
{
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        struct value v = read_value(r);
        SAY(" (%u,%llu)", v.at.level, U(v.at.index));
        say_block("value", v.data);
    }
}

static void say_fact(struct bytes encoded)
{
    static struct fact f;
    int rc = fact_read(encoded, &f);
    if (rc < 0)
        SAY(" fact: %s", err_sentence(rc));
    else if (f.kind == FACT_CLAIM)
        SAY(" claim %u", (unsigned)f.claim.epoch), say_id("node", f.claim.node.bytes);
    else
        SAY(" fact of kind %u", (unsigned)f.kind), say_id("job", f.job.bytes);
    if (rc == 0 && f.kind == FACT_OUTCOME)
        golden_tell_checks(f.outcome.checks, f.outcome.checked, f.outcome.unchecked, to);
}

static int say_spec(struct bytes encoded)
{
    static struct job_spec s;
    struct signed_bytes sealed;
    struct reader r = reader_of(encoded);
    read_signed(&r, &sealed);
    int rc = reader_done(&r) ? read_spec(sealed.body, &s) : ERR_FORMAT;
    if (rc < 0)
        return rc;
    say_id("spec", spec_id(sealed.body).bytes);
    say_id("author", s.author.bytes);
    say_number("not_after", (uint64_t)s.not_after_s);
    say_text("name", s.name);
    say_number("slots_max", s.slots_max);
    say_number("timeout_us", s.timeout_us);
    say_text("kernel", s.stage.kernel);
    say_id("source", s.stage.source.bytes);
    say_text("args", s.stage.args);
    say_block("params", s.stage.params);
    SAY(" %llu/%llu, accumulator %u, path %u%s", U(s.stage.units), U(s.stage.leaf_units),
        (unsigned)s.stage.accumulator_size, (unsigned)sealed.path_count, golden_kind(&s.stage));
    if (s.check > 0)
        say_number("check", s.check);
    return 0;
}

/* --- membership --- */

static void say_member(const struct member_info *m)
{
    say_id("id", m->id.bytes);
    SAY(" boot=%llx incarnation=%u", U(m->boot), (unsigned)m->incarnation);
    say_text("name", m->name);
    say_text("addr", m->addr);
    say_id("machine", m->machine.bytes);
    SAY(" %s %s slots=%u busy=%u memory=%llu speed=%llu recovering=%d journal=%02x%s", m->arch,
        m->version, (unsigned)m->slots, (unsigned)m->busy, U(m->memory_bytes), U(m->speed_units_s),
        m->recovering, m->journal_id[0], golden_tier(m->tier, m->tier_lacks));
}

static void say_list(struct rumor_list *list)
{
    struct rumor r;
    while (rumor_list_next(list, &r)) {
        SAY(" [%s", node_state_name(r.state));
        say_member(&r.info);
        for (uint32_t i = 0; i < r.accusers_count; i++)
            say_id("accuser", r.accusers[i].bytes);
        SAY("]");
    }
}

static int tell_mesh(uint8_t type, struct bytes p)
{
    static struct hello h;
    struct rumor_list list;
    struct goodbye g;
    struct ping ping;
    struct probe_ask ask;
    struct probe_answer answer;
    int rc;
    switch (type) {
    case MESSAGE_HELLO:
        rc = read_hello(p, &h, &list);
        SAY(" %u-%u features=%u greeting=%u alone=%d calendar=%llu", h.version_min, h.version_max,
            (unsigned)h.features, (unsigned)h.greeting, h.alone, U(h.calendar_s));
        say_member(&h.self);
        say_list(&list);
        return rc;
    case MESSAGE_GOODBYE:
        rc = read_goodbye(p, &g);
        SAY(" reason=%d %u-%u", (int)g.reason, g.version_min, g.version_max);
        return rc;
    case MESSAGE_PING:
    case MESSAGE_PONG:
        rc = read_ping(p, &ping);
        SAY(" number=%u digest=%llx", (unsigned)ping.number, U(ping.digest));
        return rc;
    case MESSAGE_PROBE:
        rc = read_probe_ask(p, &ask);
        SAY(" number=%u", (unsigned)ask.number);
        say_id("target", ask.target.bytes);
        return rc;
    case MESSAGE_PROBED:
        rc = read_probe_answer(p, &answer);
        SAY(" number=%u answered=%d", (unsigned)answer.number, answer.answered);
        return rc;
    default:
        rc = read_rumors(p, &list);
        say_list(&list);
        return rc;
    }
}

/* --- views --- */

static int say_view(struct bytes p)
{
    static struct job_view v;
    int rc = read_job_view(p, &v);
    if (rc < 0)
        return rc;
    say_id("job", v.id.bytes);
    say_text("name", v.name);
    say_text("kernel", v.kernel);
    say_id("source", v.source.bytes);
    say_text("args", v.args);
    SAY(" %s", job_state_name(v.state));
    say_id("by", v.by.bytes);
    SAY(" %llu/%llu, leaves %llu of %llu, nodes=%u retries=%u duplicates=%llu redone=%llu",
        U(v.units), U(v.leaf_units), U(v.leaves_done), U(v.leaves_total), (unsigned)v.nodes,
        (unsigned)v.retries, U(v.duplicates), U(v.redone_us));
    SAY(" durable=%u machines=%u elapsed=%llu cpu=%llu submitted=%lld", (unsigned)v.durable,
        (unsigned)v.machines, U(v.elapsed_us), U(v.cpu_us), (long long)v.submitted_s);
    say_id("digest", v.digest.bytes);
    say_block("result", v.result);
    say_block("params", v.params);
    say_text("error", v.error);
    if (v.tier[0])
        say_text("tier", v.tier);
    golden_tell_checks(v.checks, v.checked, v.unchecked, to);
    return 0;
}

static int say_node(struct bytes p)
{
    static struct node_view v;
    int rc = read_node_view(p, &v);
    say_id("id", v.id.bytes);
    say_text("name", v.name);
    say_text("addr", v.addr);
    SAY(" %s %s %s slots=%u busy=%u load=%u mem=%llu speed=%llu seen=%llu lag=%llu me=%d lead=%d%s",
        node_state_name(v.state), v.arch, v.version, (unsigned)v.slots, (unsigned)v.busy,
        (unsigned)v.load_percent, U(v.memory_bytes), U(v.speed_units_s), U(v.seen_us), U(v.lag_us),
        v.self, v.coordinator, golden_tier(v.tier, v.tier_lacks));
    return rc;
}

/* --- jobs, between nodes --- */

static int say_entry(struct reader *r)
{
    static struct peer_entry e;
    struct job_view *v = &e.view;
    say_number("relay", read_u8(r));
    say_number("count", read_u16(r));
    read_peer_entry(r, &e);
    SAY(" version=%llu epoch=%u", U(e.version), (unsigned)e.epoch);
    say_id("coordinator", e.coordinator.bytes);
    for (uint8_t i = 0; i < e.holders_count; i++)
        say_id("holder", e.holders[i].bytes);
    say_id("job", v->id.bytes);
    SAY(" %s, readable=%d", job_state_name(v->state), e.readable);
    return 0;
}

static int say_forwarded(struct bytes p)
{
    static struct peer_forwarded m;
    int rc = read_peer_forwarded(p, &m);
    say_number("exit", m.exit_code);
    say_text("what", m.what);
    say_text("hint", m.hint);
    say_id("job", m.job.bytes);
    SAY(" durable=%u machines=%u already=%d", (unsigned)m.durable, (unsigned)m.machines, m.already);
    return rc;
}

static int say_grant(struct bytes p)
{
    struct peer_grant m;
    int rc = read_peer_grant(p, &m);
    if (rc < 0)
        return rc;
    say_id("job", m.job.bytes);
    SAY(" flags=%u report_us=%u", m.flags, (unsigned)m.report_us);
    rc = say_spec(m.spec);
    say_fact(m.claim);
    for (uint16_t i = 0; i < m.chunks; i++) {
        struct peer_chunk c = read_peer_chunk(&m.rest);
        SAY(" chunk %llu: %llu-%llu", U(c.grant), U(c.first), U(c.end));
    }
    say_values(&m.rest, 2u * read_u16(&m.rest));
    return rc == 0 && !reader_done(&m.rest) ? ERR_FORMAT : rc;
}

static void say_report(struct reader *r)
{
    static struct peer_report_chunk c;
    say_number("seq", read_u64(r));
    say_number("again", read_u8(r));
    say_number("before", read_u64(r));
    say_number("count", read_u16(r));
    read_peer_report_chunk(r, &c);
    SAY(" chunk %llu: %llu-%llu of %llu, compute=%llu cpu=%llu flags=%u", U(c.grant), U(c.from),
        U(c.next), U(c.end), U(c.compute_us), U(c.cpu_us), c.flags);
    say_text("cause", c.cause);
    say_values(r, c.values);
}

static void say_facts(struct reader *r)
{
    say_number("batch", read_u64(r));
    say_number("first", read_u8(r));
    for (uint16_t left = read_u16(r); left > 0 && !r->failed; left--)
        say_fact(read_block(r, FRAME_PAYLOAD_MAX));
}

static void say_rest(uint8_t type, struct reader *r)
{
    static char text[REASON_SIZE];
    switch (type) {
    case MESSAGE_FACTS:
        say_facts(r);
        break;
    case MESSAGE_FACTS_KEPT:
        say_number("batch", read_u64(r));
        say_number("refused", read_u8(r));
        break;
    case MESSAGE_REPORT:
        say_report(r);
        break;
    case MESSAGE_KEPT:
        say_number("seq", read_u64(r));
        break;
    case MESSAGE_TRIM:
        say_number("grant", read_u64(r));
        say_number("end", read_u64(r));
        break;
    case MESSAGE_CLAIM:
    case MESSAGE_CANCEL:
        say_fact(read_block(r, FRAME_PAYLOAD_MAX));
        break;
    case MESSAGE_INPUT_WANT:
    case MESSAGE_INPUT_VALUES:
    case MESSAGE_STAGES_TOLD:
        say_block("rest", read_view(r, reader_left(r)));
        break;
    case MESSAGE_OPEN:
        say_number("epoch", read_u32(r));
        say_number("count", read_u16(r));
        SAY(" chunk %llu", U(read_u64(r)));
        SAY(" %llu", U(read_u64(r)));
        SAY("-%llu", U(read_u64(r)));
        break;
    case MESSAGE_RETURN:
        say_number("reason", read_u8(r));
        read_text(r, text, sizeof text);
        say_text("why", text);
        say_number("count", read_u16(r));
        say_number("grant", read_u64(r));
        break;
    case MESSAGE_STOP:
        say_number("state", read_u8(r));
        break;
    case MESSAGE_LOG:
        say_number("whole", read_u8(r));
        say_block("text", read_block(r, FRAME_PAYLOAD_MAX));
        break;
    case MESSAGE_CANCELLED:
        say_number("known", read_u8(r));
        say_number("state", read_u8(r));
        for (uint8_t left = read_u8(r); left > 0 && !r->failed; left--)
            say_id("holder", read_node_id(r).bytes);
        break;
    case MESSAGE_WATCH:
        say_number("interval_ms", read_u32(r));
        break;
    case MESSAGE_LOG_TAIL:
        say_number("known", read_u8(r));
        say_block("text", read_block(r, FRAME_PAYLOAD_MAX));
        break;
    default: /* LOGS */
        break;
    }
}

static int say_state(struct reader *r)
{
    say_number("known", read_u8(r));
    say_id("job", read_job_id(r).bytes);
    say_number("version", read_u64(r));
    return say_view(read_view(r, reader_left(r)));
}

static int tell_job(uint8_t type, struct bytes p)
{
    struct reader r = reader_of(p);
    struct peer_sync s;
    int rc = 0;
    switch (type) {
    case MESSAGE_DIRECTORY:
        rc = say_entry(&r);
        break;
    case MESSAGE_FORWARD:
        rc = say_spec(read_block(&r, FORWARD_SPEC_MAX));
        break;
    case MESSAGE_FORWARDED:
        return say_forwarded(p);
    case MESSAGE_GRANT:
        return say_grant(p);
    case MESSAGE_STATE:
        rc = say_state(&r);
        break;
    case MESSAGE_SYNC:
        rc = read_peer_sync(p, &s);
        say_id("job", s.job.bytes);
        SAY(" epoch=%u boot=%llx former=%llx answer=%d gone=%u", (unsigned)s.epoch, U(s.boot),
            U(s.former), (int)s.answer, s.gone);
        say_id("coordinator", s.coordinator.bytes);
        say_id("digest", s.digest.bytes);
        return rc;
    case MESSAGE_COUNT:
    case MESSAGE_COUNTED:
        say_number("bytes", read_u64(&r));
        break;
    default:
        say_id("job", read_job_id(&r).bytes);
        say_rest(type, &r);
        break;
    }
    return rc == 0 && !reader_done(&r) ? ERR_FORMAT : rc;
}

/* --- a command and a node --- */

static struct order_plan plan;

static void say_plan(void)
{
    for (uint16_t i = 0; i < plan.count; i++)
        say_text("arg", plan.args[i]);
    for (uint16_t i = 0; i < plan.inputs_count; i++)
        say_number("input", plan.input_sizes[i]);
}

static int tell_request(uint8_t type, struct bytes p)
{
    struct request_stale stale;
    static struct request_show show;
    char kernel[KERNEL_NAME_SIZE];
    struct reader r = reader_of(p);
    struct request_watch watch;
    struct request_jobs jobs;
    int rc;
    switch (type) {
    case MESSAGE_REQUEST_SUBMIT:
        return say_spec(p);
    case MESSAGE_REQUEST_WATCH:
        rc = read_request_watch(p, &watch);
        say_id("job", watch.job.bytes);
        say_number("interval_ms", watch.interval_ms);
        return rc;
    case MESSAGE_REQUEST_JOBS:
        rc = read_request_jobs(p, &jobs);
        SAY(" all=%d", jobs.all);
        say_text("which", jobs.which);
        return rc;
    case MESSAGE_REQUEST_LOGS:
    case MESSAGE_REQUEST_STAGES:
        say_id("job", read_job_id(&r).bytes);
        break;
    case MESSAGE_REQUEST_PLAN:
        rc = read_request_plan(p, kernel, &plan);
        say_text("kernel", kernel);
        say_plan();
        return rc;
    case MESSAGE_REQUEST_STALE:
        rc = read_request_stale(p, &stale);
        SAY(" what=%d", (int)stale.what);
        say_id("job", stale.job.bytes);
        return rc;
    case MESSAGE_REQUEST_SHOW:
        rc = read_request_show(p, &show);
        say_text("kernel", show.kernel);
        say_id("source", show.source.bytes);
        say_block("params", show.params);
        say_block("accumulator", show.accumulator);
        return rc;
    case MESSAGE_REQUEST_KERNELS:
        return golden_tell_kernels(p, to);
    default: /* NODES */
        break;
    }
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

static int tell_reply(uint8_t type, struct bytes p)
{
    static struct reply_error error;
    static struct reply_killed killed;
    static struct reply_plan planned;
    static char text[SHOW_SIZE_MAX];
    struct reply_submitted submitted;
    struct reader r = reader_of(p);
    struct bytes log;
    int rc;
    switch (type) {
    case MESSAGE_REPLY_ERROR:
        rc = read_reply_error(p, &error);
        say_number("exit", error.exit_code);
        say_text("what", error.what);
        say_text("hint", error.hint);
        return rc;
    case MESSAGE_REPLY_SUBMITTED:
        rc = read_reply_submitted(p, &submitted);
        say_id("job", submitted.job.bytes);
        SAY(" durable=%u machines=%u already=%d", (unsigned)submitted.durable,
            (unsigned)submitted.machines, submitted.already);
        return rc;
    case MESSAGE_REPLY_JOB:
        return say_view(p);
    case MESSAGE_REPLY_NODE:
        return say_node(p);
    case MESSAGE_REPLY_KERNEL:
        return golden_tell_kernel(p, to);
    case MESSAGE_REPLY_LOG:
        rc = read_reply_log(p, text, &log);
        say_text("node", text);
        say_block("text", log);
        return rc;
    case MESSAGE_REPLY_PLAN:
        rc = read_reply_plan(p, &planned);
        say_text("kernel", planned.kernel);
        say_id("source", planned.source.bytes), say_text("then", planned.then);
        say_block("params", planned.params);
        SAY(" reduction=%u %llu/%llu, accumulator %u", planned.reduction, U(planned.units),
            U(planned.leaf_units), (unsigned)planned.accumulator_size);
        return rc;
    case MESSAGE_REPLY_KILLED:
        rc = read_reply_killed(p, &killed);
        SAY(" outcome=%u %s", killed.outcome, job_state_name((enum job_state)killed.state));
        say_text("away", killed.away);
        return rc;
    case MESSAGE_REPLY_STAGES:
        say_block("views", read_view(&r, p.len));
        break;
    case MESSAGE_REPLY_TEXT:
        read_text(&r, text, sizeof text);
        say_text("text", text);
        break;
    default: /* END */
        break;
    }
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

/* --- a node and its workers --- */

static void say_input(struct stage_input in)
{
    say_id("input", in.name.bytes);
    say_number("size", in.size);
}

static int say_taken(struct bytes p)
{
    struct order_taken taken;
    struct output o;
    int rc = read_order_taken(p, &taken);
    SAY(" run=%llu leaf=%llu", U(taken.run), U(taken.leaf));
    if (rc == 0)
        rc = read_output(taken.value, &o);
    if (rc < 0)
        return rc;
    SAY(" kind=%d size=%llu", (int)o.kind, U(o.size));
    say_id("name", o.name.bytes);
    return 0;
}

static int tell_order(uint8_t type, struct bytes p)
{
    static struct order_load load;
    static struct order_describe describe;
    struct reader r = reader_of(p), rest;
    struct order_run order;
    struct order_trim trim;
    struct order_more more;
    uint64_t number;
    uint16_t count;
    int rc;
    switch (type) {
    case MESSAGE_ORDER_LOAD:
        rc = read_order_load(p, &load);
        say_text("kernel", load.kernel);
        say_id("source", load.source.bytes);
        SAY(" origin=%u", load.origin);
        say_text(load.built[0] ? "built" : "path", load.built[0] ? load.built : load.path);
        if (load.leaf_us > 0)
            SAY(" leaf=%llu", U(load.leaf_us));
        say_block("params", load.params);
        SAY(" reduction=%u mem_bytes=%llu", load.reduction, U(load.mem_bytes));
        say_text("folder", load.folder);
        for (uint16_t i = 0; i < load.inputs_count; i++)
            say_input(stage_input_at(load.inputs, i));
        return rc;
    case MESSAGE_ORDER_RUN:
        rc = read_order_run(p, &order);
        SAY(" run=%llu %llu-%llu %llu/%llu report_us=%u", U(order.run), U(order.first),
            U(order.end), U(order.units), U(order.leaf_units), (unsigned)order.report_us);
        return rc;
    case MESSAGE_ORDER_TRIM:
    case MESSAGE_WORKER_TRIMMED:
        rc = read_order_trim(p, &trim);
        SAY(" run=%llu end=%llu", U(trim.run), U(trim.end));
        return rc;
    case MESSAGE_ORDER_MERGE:
        rc = read_order_merge(p, &number, &count, &rest);
        say_number("run", number);
        say_values(&rest, 2u * count);
        return rc;
    case MESSAGE_ORDER_PLAN:
        rc = read_order_plan(p, &plan);
        say_plan();
        return rc;
    case MESSAGE_ORDER_TAKEN:
        return say_taken(p);
    case MESSAGE_ORDER_INPUTS:
        say_block("inputs", read_view(&r, p.len));
        break;
    case MESSAGE_ORDER_MORE:
        rc = read_order_more(p, &more);
        SAY(" run=%llu bytes=%u", U(more.run), (unsigned)more.bytes);
        return rc;
    case MESSAGE_ORDER_SHOW:
        say_block("accumulator", read_block(&r, ACCUMULATOR_SIZE_MAX));
        break;
    default: /* DESCRIBE */
        rc = read_order_describe(p, &describe);
        say_text(describe.origin == ORIGIN_SNIPPET ? "source" : "path", describe.path);
        return rc;
    }
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

static int tell_values_of_worker(uint8_t type, struct bytes p)
{
    struct worker_progress progress;
    struct worker_merged merged;
    int rc;
    if (type == MESSAGE_WORKER_MERGED) {
        rc = read_worker_merged(p, &merged);
        SAY(" run=%llu compute=%llu", U(merged.run), U(merged.compute_us));
        say_values(&merged.rest, merged.count);
        return rc;
    }
    rc = read_worker_progress(p, &progress);
    SAY(" run=%llu next=%llu compute=%llu cpu=%llu ended=%d", U(progress.run), U(progress.next),
        U(progress.compute_us), U(progress.cpu_us), progress.ended);
    say_values(&progress.rest, progress.count);
    return rc;
}

static int tell_worker(uint8_t type, struct bytes p)
{
    static struct worker_planned planned;
    static char text[SHOW_SIZE_MAX];
    struct worker_loaded loaded;
    struct worker_failed failed;
    struct worker_output output;
    struct reader r = reader_of(p);
    bool ok;
    int rc;
    switch (type) {
    case MESSAGE_WORKER_READY:
        say_number("process", read_u32(&r));
        return reader_done(&r) ? 0 : ERR_FORMAT;
    case MESSAGE_WORKER_LOADED:
        rc = read_worker_loaded(p, &loaded);
        SAY(" accumulator=%u ok=%d", loaded.accumulator_size,
            loaded.ok + 2 * (loaded.by_node + loaded.unbuilt));
        say_text("reason", loaded.reason);
        return rc;
    case MESSAGE_WORKER_PROGRESS:
    case MESSAGE_WORKER_MERGED:
        return tell_values_of_worker(type, p);
    case MESSAGE_WORKER_TRIMMED:
        return tell_order(type, p);
    case MESSAGE_WORKER_PLANNED:
        rc = read_worker_planned(p, &planned);
        SAY(" ok=%d %llu/%llu", planned.ok, U(planned.units), U(planned.leaf_units));
        say_text("reason", planned.reason);
        say_block("params", planned.params);
        return rc;
    case MESSAGE_WORKER_SHOWN:
        rc = read_worker_shown(p, &ok, text);
        SAY(" ok=%d", ok);
        say_text("text", text);
        return rc;
    case MESSAGE_WORKER_OUTPUT:
        rc = read_worker_output(p, &output);
        SAY(" run=%llu leaf=%llu", U(output.run), U(output.leaf));
        say_block("bytes", output.bytes);
        return rc;
    case MESSAGE_WORKER_OUTPUT_END:
        rc = read_worker_output_end(p, &output);
        SAY(" run=%llu leaf=%llu size=%llu", U(output.run), U(output.leaf), U(output.size));
        return rc;
    case MESSAGE_WORKER_FAILED:
        rc = read_worker_failed(p, &failed);
        SAY(" run=%llu leaf=%llu", U(failed.run), U(failed.leaf));
        say_text(failed.differs ? "differs" : "reason", failed.reason);
        if (!digest_equal(failed.digests[0], failed.digests[1]))
            say_id("tcc", failed.digests[0].bytes), say_id("cc", failed.digests[1].bytes);
        return rc;
    default: /* DESCRIBED */
        return golden_tell_kernel(p, to);
    }
}

int golden_message_tell(struct bytes bytes, FILE *out)
{
    struct frame f;
    int rc = frame_take(bytes, &f);
    if (rc <= 0 || (size_t)rc != bytes.len)
        return rc < 0 ? rc : ERR_SHORT;
    to = out, SAY("%s %u", message_name(f.type), (unsigned)f.request);
    rc = golden_is_join(f.type)          ? golden_tell_join(f.type, f.payload, to)
         : golden_is_roots(f.type)       ? golden_tell_roots(f.type, f.payload, to)
         : golden_is_session(f.type)     ? golden_tell_session(f.type, f.payload, to)
         : f.type < 32                   ? tell_mesh(f.type, f.payload)
         : f.type < MESSAGE_OBJECT_KEEP  ? tell_job(f.type, f.payload)
         : golden_is_object(f.type)      ? golden_tell_object(f.type, f.payload, to)
         : f.type < MESSAGE_REPLY_ERROR  ? tell_request(f.type, f.payload)
         : f.type < MESSAGE_ORDER_LOAD   ? tell_reply(f.type, f.payload)
         : f.type < MESSAGE_WORKER_READY ? tell_order(f.type, f.payload)
                                         : tell_worker(f.type, f.payload);
    SAY("\n");
    return rc;
}
