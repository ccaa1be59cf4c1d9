#include "core/base/err.h"
#include "core/wire/append.h"
#include "core/wire/event_note.h"
#include "core/wire/view.h"
#include "tests/lib/check.h"

static uint8_t raw[32768];

static struct buf fresh(void)
{
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    return b;
}

#define CHECK_EVERY_TRUNCATION(b, call)                                                            \
    do {                                                                                           \
        CHECK_INT(buf_result(&(b)), 0);                                                            \
        raw[(b).len] = 0;                                                                          \
        for (size_t n = 0; n <= (b).len + 1; n++) {                                                \
            struct bytes in = {raw, n};                                                            \
            CHECK_INT((call), n == (b).len ? 0 : ERR_FORMAT);                                      \
        }                                                                                          \
    } while (0)

static struct job_view sample_job(void)
{
    struct job_view v = {.name = "n", .kernel = "pi", .args = "400", .state = JOB_DONE};
    memset(v.id.bytes, 1, ID_SIZE);
    memset(v.source.bytes, 2, ID_SIZE);
    memset(v.by.bytes, 3, ID_SIZE);
    memset(v.digest.bytes, 4, ID_SIZE);
    v.units = 400;
    v.leaf_units = 10;
    v.leaves_total = 40;
    v.leaves_done = 39;
    v.nodes = 5;
    v.retries = 6;
    v.duplicates = 7;
    v.redone_us = 8;
    v.durable = 9;
    v.machines = 10;
    v.elapsed_us = 11;
    v.cpu_us = 12;
    v.submitted_s = -13;
    v.result = bytes_of_text("result");
    v.params = bytes_of_text("params!");
    memcpy(v.error, "why", 4);
    return v;
}

TEST(test_job_view)
{
    struct job_view v = sample_job();
    struct job_view got;
    struct buf b = fresh();
    put_job_view(&b, &v);
    CHECK_EVERY_TRUNCATION(b, read_job_view(in, &got));
    CHECK_INT(read_job_view(buf_bytes(&b), &got), 0);
    CHECK(job_id_equal(got.id, v.id) && digest_equal(got.source, v.source));
    CHECK(node_id_equal(got.by, v.by) && digest_equal(got.digest, v.digest));
    CHECK_STR(got.name, "n");
    CHECK_STR(got.kernel, "pi");
    CHECK_STR(got.args, "400");
    CHECK_STR(got.error, "why");
    CHECK(got.units == 400 && got.leaf_units == 10 && got.leaves_total == 40);
    CHECK(got.leaves_done == 39 && got.nodes == 5 && got.retries == 6 && got.duplicates == 7);
    CHECK(got.redone_us == 8 && got.durable == 9 && got.machines == 10);
    CHECK(got.elapsed_us == 11 && got.cpu_us == 12 && got.submitted_s == -13);
    CHECK(bytes_equal(got.result, v.result) && bytes_equal(got.params, v.params));
    CHECK_INT(got.state, JOB_DONE);
}

/* Of a job that asks for none there is nothing behind the rest, as it always was. */
TEST(test_job_view_says_what_was_checked)
{
    struct job_view v = sample_job(), got;
    struct buf b = fresh();
    v.checks = true;
    v.checked = 38;
    v.unchecked = 1;
    put_job_view(&b, &v);
    CHECK_INT(read_job_view(buf_bytes(&b), &got), 0);
    CHECK(got.checks && got.checked == 38 && got.unchecked == 1);
    b.len -= 18;
    CHECK_INT(read_job_view(buf_bytes(&b), &got), 0);
    CHECK(!got.checks && got.checked == 0 && got.unchecked == 0);
    for (int i = 1; i < 18; i++) {
        b.len++;
        CHECK_INT(read_job_view(buf_bytes(&b), &got), ERR_FORMAT);
    }
}

TEST(test_job_view_that_cannot_be_is_refused)
{
    struct job_view v = sample_job();
    struct job_view got;
    v.leaves_done = 41;
    struct buf b = fresh();
    put_job_view(&b, &v);
    CHECK_INT(read_job_view(buf_bytes(&b), &got), ERR_FORMAT);
    v.leaves_done = 40;
    v.state = (enum job_state)9;
    b = fresh();
    put_job_view(&b, &v);
    CHECK_INT(read_job_view(buf_bytes(&b), &got), ERR_FORMAT);
    v.state = (enum job_state)0;
    b = fresh();
    put_job_view(&b, &v);
    CHECK_INT(read_job_view(buf_bytes(&b), &got), ERR_FORMAT);
}

TEST(test_texts_of_a_job_are_made_safe)
{
    struct job_view v = sample_job();
    memcpy(v.args, "\x1b]0;x", 6);
    memcpy(v.error, "one\ntwo\r", 9);
    struct job_view got;
    struct buf b = fresh();
    put_job_view(&b, &v);
    CHECK_INT(read_job_view(buf_bytes(&b), &got), 0);
    CHECK_STR(got.args, "\\u{1b}]0;x");
    CHECK_STR(got.error, "one\ntwo\\u{d}");
}

TEST(test_node_view)
{
    struct node_view v = {.name = "worker-1", .addr = "127.0.0.1:8001", .state = NODE_SUSPECT};
    struct node_view got;
    memset(v.id.bytes, 1, ID_SIZE);
    memcpy(v.arch, "x86_64", 7);
    memcpy(v.version, "1.0", 4);
    v.slots = 2;
    v.busy = 1;
    v.load_percent = 50;
    v.memory_bytes = (uint64_t)1 << 40;
    v.speed_units_s = 5;
    v.seen_us = 6;
    v.lag_us = 7;
    v.coordinator = true;
    struct buf b = fresh();
    put_node_view(&b, &v);
    CHECK_EVERY_TRUNCATION(b, read_node_view(in, &got));
    CHECK_INT(read_node_view(buf_bytes(&b), &got), 0);
    CHECK(got.tier == TIER_UNKNOWN && got.tier_lacks == 0);
    v.tier = TIER_S2;
    v.tier_lacks = LACKS_CGROUP;
    b = fresh();
    put_node_view(&b, &v);
    CHECK_INT(read_node_view(buf_bytes(&b), &got), 0);
    CHECK(got.tier == TIER_S2 && got.tier_lacks == LACKS_CGROUP);
    CHECK(node_id_equal(got.id, v.id));
    CHECK_STR(got.name, v.name);
    CHECK_STR(got.addr, v.addr);
    CHECK_STR(got.arch, v.arch);
    CHECK_STR(got.version, v.version);
    CHECK_INT(got.state, NODE_SUSPECT);
    CHECK(got.slots == 2 && got.busy == 1 && got.load_percent == 50);
    CHECK(got.memory_bytes == v.memory_bytes && got.speed_units_s == 5 && got.seen_us == 6);
    CHECK(got.lag_us == 7 && !got.self && got.coordinator);
    v.state = (enum node_state)8;
    b = fresh();
    put_node_view(&b, &v);
    CHECK_INT(read_node_view(buf_bytes(&b), &got), ERR_FORMAT);
}

/* Behind all else, of a node whose tier is known and of one that says none. */
TEST(test_node_view_tells_what_is_held)
{
    struct node_view v = {.name = "a", .state = NODE_DRAINING, .tells_held = true}, got;
    v.held = (struct node_held){.jobs = 4, .jobs_only = 3, .objects = 2, .objects_only = 1};
    for (uint8_t tier = TIER_UNKNOWN; tier <= TIER_S3; tier++) {
        v.tier = tier;
        struct buf b = fresh();
        put_node_view(&b, &v);
        CHECK_INT(read_node_view(buf_bytes(&b), &got), 0);
        CHECK(got.tells_held && got.tier == tier && got.held.jobs == 4);
        CHECK(got.held.jobs_only == 3 && got.held.objects == 2 && got.held.objects_only == 1);
        CHECK_INT(read_node_view((struct bytes){b.data, b.len - 1}, &got), ERR_FORMAT);
    }
    v.tells_held = false;
    struct buf b = fresh();
    put_node_view(&b, &v);
    CHECK_INT(read_node_view(buf_bytes(&b), &got), 0);
    CHECK(!got.tells_held && got.held.jobs == 0);
}

TEST(test_kernel_view)
{
    static struct kernel_view v = {.name = "pi", .origin = ORIGIN_PLUGIN, .path = "/p/pi.so"};
    static struct kernel_view got;
    memcpy(v.usage, "pi N\npi -x", 11);
    memcpy(v.summary, "the circle", 11);
    memcpy(v.refused, "wrong ABI", 10);
    memcpy(v.then, "next", 5);
    v.accumulator_size = 24;
    v.reduction = 2;
    v.files_from = 64;
    struct buf b = fresh();
    put_kernel_view(&b, &v);
    CHECK_EVERY_TRUNCATION(b, read_kernel_view(in, &got));
    CHECK_INT(read_kernel_view(buf_bytes(&b), &got), 0);
    CHECK_STR(got.name, v.name);
    CHECK_STR(got.path, v.path);
    CHECK_STR(got.usage, v.usage);
    CHECK_STR(got.summary, v.summary);
    CHECK_STR(got.refused, v.refused);
    CHECK(got.reduction == 2 && got.files_from == 64);
    CHECK_STR(got.then, "next");
    CHECK(got.accumulator_size == 24 && got.origin == ORIGIN_PLUGIN);
    v.accumulator_size = ACCUMULATOR_SIZE_MAX + 1;
    b = fresh();
    put_kernel_view(&b, &v);
    CHECK_INT(read_kernel_view(buf_bytes(&b), &got), ERR_FORMAT);
}

TEST(test_state_names)
{
    CHECK_STR(job_state_name(JOB_TIMED_OUT), "timed-out");
    CHECK_STR(job_state_name((enum job_state)77), "unknown");
    CHECK_STR(node_state_name(NODE_ALIVE), "alive");
    CHECK(!job_state_is_final(JOB_WAITING) && !job_state_is_final(JOB_RUNNING));
    for (int s = JOB_DONE; s <= JOB_UNKNOWN; s++)
        CHECK(job_state_is_final((enum job_state)s));
    CHECK(!job_state_is_final((enum job_state)9));
}

/* What was appended may need thousands of others. */
/* Those of a later generation have none yet. */
TEST(test_each_event_has_a_name_of_its_own)
{
    for (unsigned kind = EVENT_NOTE_STARTED; kind <= EVENT_NOTE_LAST; kind++) {
        CHECK(strcmp(event_note_name(kind), "unknown") != 0);
        for (unsigned other = EVENT_NOTE_STARTED; other < kind; other++)
            CHECK(strcmp(event_note_name(kind), event_note_name(other)) != 0);
    }
    CHECK_INT(event_note_subject(EVENT_NOTE_REVOKED), EVENT_OF_KEY);
    CHECK_INT(event_note_subject(EVENT_NOTE_TOKEN), EVENT_OF_TOKEN);
    static const unsigned none[] = {0, EVENT_NOTE_LAST + 1, 255};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        CHECK_STR(event_note_name(none[i]), "unknown");
        CHECK_INT(event_note_subject(none[i]), EVENT_OF_NOTHING);
    }
}

TEST(test_the_longest_stage_has_room)
{
    static uint8_t needs[APPEND_BYTES_MAX], bytes[2 * APPEND_BYTES_MAX];
    struct stage_view v = {.number = UINT32_MAX, .state = STAGE_VIEW_BLOCKED}, got;
    struct reader r;
    struct buf b;

    memset(v.name, 'n', sizeof v.name - 1);
    memset(v.kernel, 'k', sizeof v.kernel - 1);
    memset(v.args, 'a', sizeof v.args - 1);
    v.needs_count = sizeof needs / STAGE_NEED_BYTES;
    v.needs = (struct bytes){needs, (size_t)v.needs_count * STAGE_NEED_BYTES};
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_stage_view(&b, &v);
    CHECK_INT(buf_result(&b), 0);
    CHECK(b.len <= STAGE_VIEW_SIZE_MAX);
    r = reader_of(buf_bytes(&b));
    read_stage_view(&r, &got);
    CHECK(reader_done(&r));
    CHECK_INT(got.needs_count, v.needs_count);
    CHECK_STR(got.args, v.args);
}

TEST_MAIN(test_each_event_has_a_name_of_its_own, test_job_view, test_job_view_says_what_was_checked,
          test_job_view_that_cannot_be_is_refused, test_texts_of_a_job_are_made_safe,
          test_the_longest_stage_has_room, test_node_view, test_node_view_tells_what_is_held,
          test_kernel_view, test_state_names)
