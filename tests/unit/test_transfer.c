#include "cmd/transfer.h"

#include <stdlib.h>

#include "tests/lib/check.h"

/* What was printed, whole. */
struct screen {
    char *text;
    size_t len;
    FILE *to;
    struct transfer t;
};

static struct instant at(int64_t ms)
{
    return (struct instant){(ms + 1000) * MS_US};
}

static void begin(struct screen *s, enum progress_kind kind, unsigned columns, uint64_t total)
{
    memset(s, 0, sizeof *s);
    s->to = open_memstream(&s->text, &s->len);
    REQUIRE(s->to);
    transfer_begin(&s->t, kind, s->to, columns, total, 0, at(0));
}

static void show(struct screen *s, uint64_t done, int64_t ms)
{
    transfer_update(&s->t, done, at(ms));
    fflush(s->to);
}

static void end(struct screen *s)
{
    fclose(s->to);
    free(s->text);
}

TEST(a_bar_with_rate_and_time_left)
{
    struct screen s;
    begin(&s, PROGRESS_BAR, 100, 1000 << 20);
    show(&s, 100 << 20, 1000);
    CHECK(strstr(s.text, "\r\033[K [###---"));
    CHECK(strstr(s.text, "10 %  100.0M/1000.0M  100.0M/s  0:09 left"));
    show(&s, 101 << 20, 1050);
    CHECK(!strstr(s.text, "101.0M")); /* not so soon again */
    transfer_pause(&s.t);
    fflush(s.to);
    CHECK_STR(s.text + s.len - 4, "\r\033[K");
    end(&s);
}

TEST(a_narrow_terminal_has_no_bar_and_is_not_overrun)
{
    struct screen s;
    begin(&s, PROGRESS_BAR, 30, 1000 << 20);
    show(&s, 100 << 20, 1000);
    CHECK(!strchr(s.text, '#'));
    CHECK_STR(s.text, "\r\033[K 10 %  100.0M/1000.0M  100.0M");
    end(&s);
}

TEST(an_unknown_size_has_no_share)
{
    struct screen s;
    begin(&s, PROGRESS_BAR, 100, TRANSFER_UNKNOWN);
    show(&s, 100 << 20, 1000);
    CHECK_STR(s.text, "\r\033[K 100.0M  100.0M/s");
    end(&s);
}

TEST(lines_come_every_ten_seconds)
{
    struct screen s;
    begin(&s, PROGRESS_LINE, 100, 1000 << 20);
    show(&s, 10 << 20, 9999);
    CHECK_INT((int)s.len, 0);
    show(&s, 500 << 20, 10000);
    CHECK(strstr(s.text, "50 %  500.0M/1000.0M"));
    size_t len = s.len;
    show(&s, 600 << 20, 19999);
    CHECK_INT((int)s.len, (int)len);
    end(&s);
}

TEST(what_was_there_before_counts_for_no_rate)
{
    struct screen s;
    char text[TRANSFER_TEXT_SIZE];
    begin(&s, PROGRESS_NONE, 100, 0);
    transfer_begin(&s.t, PROGRESS_BAR, s.to, 100, 1000 << 20, 500 << 20, at(0));
    show(&s, 510 << 20, 1000);
    CHECK(strstr(s.text, "51 %  510.0M/1000.0M  10.0M/s  0:49 left"));
    transfer_summary(&s.t, 1000 << 20, at(10000), text);
    CHECK_STR(text, "500.0M in 10.0 s (50.0M/s)");
    end(&s);
}

TEST_MAIN(a_bar_with_rate_and_time_left, a_narrow_terminal_has_no_bar_and_is_not_overrun,
          an_unknown_size_has_no_share, lines_come_every_ten_seconds,
          what_was_there_before_counts_for_no_rate)
