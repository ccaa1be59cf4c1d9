#include "core/base/err.h"
#include "core/wire/request.h"
#include "tests/lib/check.h"

static uint8_t raw[70000];

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

TEST(test_watch_and_jobs)
{
    struct buf b = fresh();
    struct request_watch w = {.interval_ms = 100};
    struct request_watch got_watch;
    struct request_stale stale = {.what = STALE_DROP, .job = {{7}}}, got_stale;
    memset(w.job.bytes, 7, ID_SIZE);
    put_request_stale(&b, &stale);
    CHECK_EVERY_TRUNCATION(b, read_request_stale(in, &got_stale));
    CHECK_INT(read_request_stale(buf_bytes(&b), &got_stale), 0);
    CHECK(got_stale.what == STALE_DROP && got_stale.job.bytes[0] == 7);
    b.data[0] = 3;
    CHECK_INT(read_request_stale(buf_bytes(&b), &got_stale), ERR_FORMAT);
    buf_reset(&b);
    put_request_watch(&b, &w);
    CHECK_EVERY_TRUNCATION(b, read_request_watch(in, &got_watch));
    CHECK_INT(read_request_watch(buf_bytes(&b), &got_watch), 0);
    CHECK(job_id_equal(got_watch.job, w.job) && got_watch.interval_ms == 100);

    b = fresh();
    struct request_jobs j = {.all = true, .which = "8f2a"};
    struct request_jobs got_jobs;
    put_request_jobs(&b, &j);
    CHECK_EVERY_TRUNCATION(b, read_request_jobs(in, &got_jobs));
    CHECK_INT(read_request_jobs(buf_bytes(&b), &got_jobs), 0);
    CHECK(got_jobs.all);
    CHECK_STR(got_jobs.which, "8f2a");
}

TEST(test_plan_request)
{
    static struct order_plan got;
    char kernel[KERNEL_NAME_SIZE];
    const char *args[] = {"400", "--fast"};
    const uint64_t sizes[] = {11, 0, 12};
    struct buf b = fresh();
    CHECK_INT(put_request_plan(&b, "pi", 2, args, 3, sizes), 0);
    CHECK_EVERY_TRUNCATION(b, read_request_plan(in, kernel, &got));
    CHECK_INT(read_request_plan(buf_bytes(&b), kernel, &got), 0);
    CHECK_STR(kernel, "pi");
    CHECK(got.inputs_count == 3 && got.input_sizes[0] == 11 && got.input_sizes[2] == 12);
    CHECK_INT(got.count, 2);
    CHECK_STR(got.args[1], "--fast");
    char longest[KERNEL_NAME_SIZE + 1];
    memset(longest, 'k', KERNEL_NAME_SIZE);
    longest[KERNEL_NAME_SIZE] = '\0';
    b = fresh();
    CHECK_INT(put_request_plan(&b, longest, 0, args, 0, NULL), ERR_TOO_LARGE);
    CHECK_INT(b.len, 0);
    longest[KERNEL_NAME_SIZE - 1] = '\0';
    CHECK_INT(put_request_plan(&b, longest, 0, args, 0, NULL), 0);
    CHECK_INT(read_request_plan(buf_bytes(&b), kernel, &got), 0);
    CHECK_STR(kernel, longest);
}

TEST(test_show_request)
{
    struct request_show m = {.kernel = "pi"};
    struct request_show got;
    m.params = bytes_of_text("par");
    m.accumulator = bytes_of_text("accu");
    struct buf b = fresh();
    put_request_show(&b, &m);
    CHECK_EVERY_TRUNCATION(b, read_request_show(in, &got));
    CHECK_INT(read_request_show(buf_bytes(&b), &got), 0);
    CHECK(bytes_equal(got.params, m.params) && bytes_equal(got.accumulator, m.accumulator));
    static uint8_t big[ACCUMULATOR_SIZE_MAX + 1];
    m.accumulator = (struct bytes){big, sizeof big};
    b = fresh();
    put_request_show(&b, &m);
    CHECK_INT(read_request_show(buf_bytes(&b), &got), ERR_FORMAT);
}

TEST(test_error_reply_is_made_safe)
{
    struct reply_error m = {.exit_code = 5, .what = "no such\x9b", .hint = "try\nps"};
    struct reply_error got;
    struct buf b = fresh();
    put_reply_error(&b, &m);
    CHECK_EVERY_TRUNCATION(b, read_reply_error(in, &got));
    CHECK_INT(read_reply_error(buf_bytes(&b), &got), 0);
    CHECK_INT(got.exit_code, 5);
    CHECK_STR(got.what, "no such\\u{9b}");
    CHECK_STR(got.hint, "try\\u{a}ps");
}

/* Behind the texts, where commands of before do not look. */
TEST(test_refusal_of_an_act_says_how_late_the_other_is)
{
    struct reply_error m = {.exit_code = 1, .what = "later", .later_s = INT64_MAX}, got;
    struct buf b = fresh();
    size_t len;
    put_reply_error(&b, &m);
    CHECK_INT(read_reply_error(buf_bytes(&b), &got), 0);
    CHECK(got.later_s == INT64_MAX);
    CHECK_STR(got.what, "later");
    len = b.len;
    b = fresh();
    m.later_s = 0;
    put_reply_error(&b, &m);
    CHECK_INT(b.len + 8, len);
    CHECK_INT(read_reply_error(buf_bytes(&b), &got), 0);
    CHECK_INT(got.later_s, 0);
}

/* It stands for an exit code, and says more. */
TEST(test_error_reply_about_a_kernel)
{
    struct reply_error m = {.exit_code = 2, .no_kernel = true, .what = "no kernel"}, got;
    struct buf b = fresh();
    put_reply_error(&b, &m);
    CHECK_INT(read_reply_error(buf_bytes(&b), &got), 0);
    CHECK(got.exit_code == 2 && got.no_kernel);
    m.no_kernel = false;
    b = fresh();
    put_reply_error(&b, &m);
    CHECK_INT(read_reply_error(buf_bytes(&b), &got), 0);
    CHECK(got.exit_code == 2 && !got.no_kernel);
}

TEST(test_submitted_and_plan_replies)
{
    struct reply_submitted s = {.durable = 3, .machines = 1, .already = true};
    struct reply_submitted got_s;
    memset(s.job.bytes, 9, ID_SIZE);
    struct buf b = fresh();
    put_reply_submitted(&b, &s);
    CHECK_EVERY_TRUNCATION(b, read_reply_submitted(in, &got_s));
    CHECK_INT(read_reply_submitted(buf_bytes(&b), &got_s), 0);
    CHECK(got_s.durable == 3 && got_s.machines == 1 && got_s.already);
    CHECK(job_id_equal(got_s.job, s.job));

    struct reply_plan p = {.kernel = "pi",
                           .reduction = 2,
                           .then = "total",
                           .accumulator_size = 16,
                           .units = 10,
                           .leaf_units = 3};
    struct reply_plan got_p;
    p.params = bytes_of_text("xyz");
    b = fresh();
    put_reply_plan(&b, &p);
    CHECK_EVERY_TRUNCATION(b, read_reply_plan(in, &got_p));
    CHECK_INT(read_reply_plan(buf_bytes(&b), &got_p), 0);
    CHECK(got_p.units == 10 && got_p.leaf_units == 3 && got_p.accumulator_size == 16 &&
          got_p.reduction == 2);
    CHECK(bytes_equal(got_p.params, p.params));
    CHECK_STR(got_p.then, "total");
    p.units = 0;
    b = fresh();
    put_reply_plan(&b, &p);
    CHECK_INT(read_reply_plan(buf_bytes(&b), &got_p), ERR_FORMAT);
}

TEST(test_log_reply_keeps_its_bytes)
{
    char node[NODE_NAME_SIZE];
    struct bytes text;
    struct buf b = fresh();
    put_reply_log(&b, "worker-1", (struct bytes){(const uint8_t *)"a\0\x1b", 3});
    CHECK_EVERY_TRUNCATION(b, read_reply_log(in, node, &text));
    CHECK_INT(read_reply_log(buf_bytes(&b), node, &text), 0);
    CHECK_STR(node, "worker-1");
    CHECK(text.len == 3 && text.data[2] == 0x1b);
}

TEST(test_killed_reply)
{
    struct reply_killed m = {KILL_CANCELLING, JOB_RUNNING, "worker-1, worker-2"};
    struct reply_killed got;
    struct buf b = fresh();
    put_reply_killed(&b, &m);
    CHECK_EVERY_TRUNCATION(b, read_reply_killed(in, &got));
    CHECK_INT(read_reply_killed(buf_bytes(&b), &got), 0);
    CHECK(got.outcome == KILL_CANCELLING && got.state == JOB_RUNNING);
    CHECK_STR(got.away, m.away);
    raw[0] = 3;
    CHECK_INT(read_reply_killed(buf_bytes(&b), &got), ERR_FORMAT);
}

TEST_MAIN(test_watch_and_jobs, test_plan_request, test_show_request, test_error_reply_is_made_safe,
          test_refusal_of_an_act_says_how_late_the_other_is, test_error_reply_about_a_kernel,
          test_submitted_and_plan_replies, test_log_reply_keeps_its_bytes, test_killed_reply)
