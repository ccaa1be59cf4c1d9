#include "cmd/progress.h"

#include <stdlib.h>

#include "tests/lib/check.h"

/* What was printed, whole. */
struct screen {
    char *text;
    size_t len;
    FILE *to;
    struct progress p;
    struct job_view v;
};

static void begin(struct screen *s, enum progress_kind kind, unsigned columns)
{
    memset(s, 0, sizeof *s);
    s->to = open_memstream(&s->text, &s->len);
    REQUIRE(s->to);
    progress_init(&s->p, kind, s->to, columns);
    s->v.state = JOB_RUNNING;
    s->v.leaves_total = 96;
    s->v.leaf_units = 1000000;
    s->v.units = 96000000;
    s->v.nodes = 3;
}

static void show(struct screen *s, uint64_t done, int64_t at_ms)
{
    s->v.leaves_done = done;
    s->v.elapsed_us = (uint64_t)at_ms * 1000;
    progress_update(&s->p, &s->v, (struct instant){(at_ms + 1000) * MS_US});
    fflush(s->to);
}

static void end(struct screen *s)
{
    fclose(s->to);
    free(s->text);
}

static size_t lines(const struct screen *s)
{
    size_t count = 0;
    for (size_t i = 0; i < s->len; i++)
        count += s->text[i] == '\n';
    return count;
}

/* The number before "/96" of the last redraw. */
static unsigned long last_done(const struct screen *s)
{
    const char *at = strrchr(s->text, '/');
    while (at && strncmp(at, "/96", 3) != 0) {
        do
            at--;
        while (at > s->text && *at != '/');
    }
    if (!at)
        return 0;
    while (at > s->text && at[-1] >= '0' && at[-1] <= '9')
        at--;
    return strtoul(at, NULL, 10);
}

TEST(test_kinds)
{
    CHECK_INT(progress_kind_of(NULL, true), PROGRESS_BAR);
    CHECK_INT(progress_kind_of(NULL, false), PROGRESS_LINE);
    CHECK_INT(progress_kind_of("none", true), PROGRESS_NONE);
    CHECK_INT(progress_kind_of("bar", false), PROGRESS_BAR);
    CHECK_INT(progress_kind_of("json", true), PROGRESS_JSON);
}

TEST(test_a_bar_shows_share_speed_nodes_retries_and_time_left)
{
    struct screen s;
    begin(&s, PROGRESS_BAR, 120);
    show(&s, 0, 0);
    show(&s, 48, 1000);
    CHECK(strstr(s.text, " 50 %") != NULL);
    CHECK(strstr(s.text, "48/96 leaves") != NULL);
    CHECK(strstr(s.text, "48.0 M/s") != NULL);
    CHECK(strstr(s.text, "3 nodes") != NULL);
    CHECK(strstr(s.text, "0 retries") != NULL);
    CHECK(strstr(s.text, "0:01 left") != NULL);
    CHECK(strstr(s.text, "#") != NULL);
    end(&s);
}

TEST(test_it_never_runs_backwards)
{
    struct screen s;
    begin(&s, PROGRESS_BAR, 120);
    show(&s, 40, 1000);
    show(&s, 12, 1400); /* a new coordinator that has not heard everything yet */
    CHECK_INT(last_done(&s), 40);
    show(&s, 41, 1800);
    CHECK_INT(last_done(&s), 41);
    end(&s);
}

TEST(test_more_than_everything_is_everything)
{
    struct screen s;
    begin(&s, PROGRESS_BAR, 120);
    show(&s, 200, 1000);
    CHECK_INT(last_done(&s), 96);
    CHECK(strstr(s.text, "100 %") != NULL);
    end(&s);
}

TEST(test_a_bar_fits_the_terminal)
{
    struct screen s;
    begin(&s, PROGRESS_BAR, 40);
    show(&s, 40, 1000);
    CHECK(s.len <= 40 + 4); /* carriage return and erase take no column */
    CHECK(strchr(s.text, '\n') == NULL);
    progress_pause(&s.p);
    progress_pause(&s.p);
    fflush(s.to);
    CHECK_INT(lines(&s), 1);
    end(&s);
}

TEST(test_lines_come_at_changes_and_every_ten_seconds)
{
    struct screen s;
    begin(&s, PROGRESS_LINE, 80);
    s.v.state = JOB_WAITING;
    show(&s, 0, 0);
    CHECK_INT(lines(&s), 0);
    s.v.state = JOB_RUNNING;
    show(&s, 1, 100);
    CHECK_INT(lines(&s), 1);
    for (int64_t ms = 1000; ms <= 10000; ms += 1000)
        show(&s, (uint64_t)ms / 1000, ms);
    CHECK_INT(lines(&s), 1);
    show(&s, 20, 10100);
    CHECK_INT(lines(&s), 2);
    s.v.state = JOB_DONE;
    show(&s, 96, 11000);
    CHECK_INT(lines(&s), 2);
    CHECK(strchr(s.text, '\r') == NULL);
    CHECK(strchr(s.text, '\033') == NULL);
    end(&s);
}

TEST(test_no_progress_prints_nothing)
{
    struct screen s;
    begin(&s, PROGRESS_NONE, 80);
    show(&s, 40, 1000);
    progress_pause(&s.p);
    CHECK_INT(s.len, 0);
    CHECK_INT(progress_interval_ms(&s.p), 0);
    end(&s);
}

TEST(test_json_is_one_object_a_line)
{
    struct screen s;
    begin(&s, PROGRESS_JSON, 80);
    show(&s, 40, 1000);
    show(&s, 30, 2000);
    CHECK_INT(lines(&s), 2);
    CHECK(s.text[0] == '{');
    const char *second = strchr(s.text, '\n') + 1;
    CHECK(strstr(second, "\"leaves_done\":40") != NULL);
    end(&s);
}

TEST(test_a_job_of_nothing_known)
{
    struct screen s;
    begin(&s, PROGRESS_BAR, 120);
    s.v.leaves_total = 0;
    s.v.leaf_units = 0;
    show(&s, 0, 0);
    show(&s, 0, 5000);
    CHECK(strstr(s.text, "  0 %") != NULL);
    CHECK(strstr(s.text, "time left unknown") != NULL);
    end(&s);
}

TEST_MAIN(test_kinds, test_a_bar_shows_share_speed_nodes_retries_and_time_left,
          test_it_never_runs_backwards, test_more_than_everything_is_everything,
          test_a_bar_fits_the_terminal, test_lines_come_at_changes_and_every_ten_seconds,
          test_no_progress_prints_nothing, test_json_is_one_object_a_line,
          test_a_job_of_nothing_known)
