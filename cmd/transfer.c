#include "cmd/transfer.h"

#include <string.h>

#include "cmd/duration.h"
#include "cmd/view_text.h"

#define DRAW_US (100 * MS_US)
#define SAMPLE_US (300 * MS_US)
#define BAR_MIN 10
#define BAR_MAX 30

void transfer_begin(struct transfer *t, enum progress_kind kind, FILE *to, unsigned columns,
                    uint64_t total, uint64_t first, struct instant now)
{
    *t = (struct transfer){.kind = kind,
                           .to = to,
                           .columns = columns,
                           .total = total,
                           .first = first,
                           .began = now,
                           .last = now,
                           .sample_at = now,
                           .sample_done = first};
}

static uint64_t rate_of(uint64_t bytes, int64_t us)
{
    return us > 0 ? (uint64_t)((double)bytes * 1e6 / (double)us) : 0;
}

void transfer_skip(struct transfer *t, uint64_t bytes)
{
    t->first += bytes;
    t->sample_done += bytes;
}

void transfer_unskip(struct transfer *t, uint64_t bytes)
{
    t->first -= bytes;
    t->sample_done = t->first;
}

/* Each new sample counts for a third, so that the number is calm. */
static void take_rate(struct transfer *t, uint64_t done, struct instant now)
{
    int64_t us = instant_since_us(now, t->sample_at);
    if (us < SAMPLE_US)
        return;
    uint64_t rate = rate_of(done - t->sample_done, us);
    t->rate = t->rate ? t->rate / 3 * 2 + rate / 3 : rate;
    t->sample_at = now;
    t->sample_done = done;
}

static void left_text(const struct transfer *t, uint64_t done, char to[DURATION_TEXT_SIZE + 8])
{
    char clock[DURATION_TEXT_SIZE];
    double us = t->rate ? (double)(t->total - done) * 1e6 / (double)t->rate : 0;
    if (!t->rate || us > (double)DURATION_MAX_US) {
        snprintf(to, DURATION_TEXT_SIZE + 8, "time left unknown");
        return;
    }
    duration_clock((uint64_t)us, clock);
    snprintf(to, DURATION_TEXT_SIZE + 8, "%s left", clock);
}

static void figures(const struct transfer *t, uint64_t done, char to[TRANSFER_TEXT_SIZE])
{
    char is[VIEW_NUMBER_SIZE], of[VIEW_NUMBER_SIZE], rate[VIEW_NUMBER_SIZE];
    char left[DURATION_TEXT_SIZE + 8];
    view_bytes(done, is);
    view_bytes(t->rate, rate);
    if (t->total == TRANSFER_UNKNOWN) {
        snprintf(to, TRANSFER_TEXT_SIZE, "%s  %s/s", is, rate);
        return;
    }
    view_bytes(t->total, of);
    left_text(t, done, left);
    snprintf(to, TRANSFER_TEXT_SIZE, "%u %%  %s/%s  %s/s  %s",
             t->total ? (unsigned)((double)done * 100 / (double)t->total) : 100, is, of, rate,
             left);
}

static void draw_bar(struct transfer *t, uint64_t done)
{
    char text[TRANSFER_TEXT_SIZE], bar[BAR_MAX + 1];
    figures(t, done, text);
    size_t len = strlen(text);
    size_t room = t->columns > len + 6 ? t->columns - len - 6 : 0;
    size_t width = room < BAR_MIN ? 0 : room > BAR_MAX ? BAR_MAX : room;
    if (t->total == TRANSFER_UNKNOWN || t->total == 0)
        width = 0;
    for (size_t i = 0; i < width; i++)
        bar[i] = (double)i * (double)t->total < (double)done * (double)width ? '#' : '-';
    bar[width] = 0;
    if (width)
        fprintf(t->to, "\r\033[K [%s] %s", bar, text);
    else
        fprintf(t->to, "\r\033[K %.*s", (int)t->columns - 2, text);
    fflush(t->to);
    t->drawn = true;
}

static void print_line(const struct transfer *t, uint64_t done)
{
    char text[TRANSFER_TEXT_SIZE];
    figures(t, done, text);
    fprintf(t->to, "%s\n", text);
    fflush(t->to);
}

void transfer_update(struct transfer *t, uint64_t done, struct instant now)
{
    if (t->kind == PROGRESS_NONE)
        return;
    take_rate(t, done, now);
    int64_t due = t->kind == PROGRESS_BAR ? DRAW_US : PROGRESS_LINE_US;
    if (instant_since_us(now, t->last) < due)
        return;
    if (t->kind == PROGRESS_BAR)
        draw_bar(t, done);
    else
        print_line(t, done);
    t->last = now;
}

void transfer_pause(struct transfer *t)
{
    if (!t->drawn)
        return;
    fputs("\r\033[K", t->to);
    fflush(t->to);
    t->drawn = false;
}

void transfer_summary(const struct transfer *t, uint64_t done, struct instant now,
                      char to[TRANSFER_TEXT_SIZE])
{
    char bytes[VIEW_NUMBER_SIZE], rate[VIEW_NUMBER_SIZE];
    int64_t us = instant_since_us(now, t->began);
    view_bytes(done - t->first, bytes);
    view_bytes(rate_of(done - t->first, us), rate);
    snprintf(to, TRANSFER_TEXT_SIZE, "%s in %.1f s (%s/s)", bytes, (double)us / 1e6, rate);
}
