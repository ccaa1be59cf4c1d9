#include "cmd/progress.h"

#include <string.h>

#include "cmd/duration.h"
#include "cmd/view_json.h"
#include "cmd/view_text.h"

#define SAMPLE_US (300 * MS_US)
#define BAR_MIN 10
#define BAR_MAX 30

enum progress_kind progress_kind_of(const char *name, bool is_terminal)
{
    if (!name)
        return is_terminal ? PROGRESS_BAR : PROGRESS_LINE;
    if (strcmp(name, "bar") == 0)
        return PROGRESS_BAR;
    if (strcmp(name, "line") == 0)
        return PROGRESS_LINE;
    return strcmp(name, "json") == 0 ? PROGRESS_JSON : PROGRESS_NONE;
}

void progress_init(struct progress *p, enum progress_kind kind, FILE *to, unsigned columns)
{
    *p = (struct progress){.kind = kind, .to = to, .columns = columns};
}

uint32_t progress_interval_ms(const struct progress *p)
{
    switch (p->kind) {
    case PROGRESS_BAR:
        return 100;
    case PROGRESS_LINE:
    case PROGRESS_JSON:
        return 1000;
    case PROGRESS_NONE:
        return 0;
    }
    return 0;
}

/* In a leaf, on average: those of one stage may have more than those of another. */
static double leaf_units(const struct job_view *v)
{
    return v->leaves_total == 0 ? 0 : (double)v->units / (double)v->leaves_total;
}

/* Units a second since the job began. */
static uint64_t average(const struct progress *p, const struct job_view *v)
{
    if (v->elapsed_us == 0)
        return 0;
    return (uint64_t)((double)p->done * leaf_units(v) * 1e6 / (double)v->elapsed_us);
}

/* A sample lasts 300 ms at least; each new one counts for a third, so that the number is calm.
 * Until there is one, the average stands for it. */
static void take_speed(struct progress *p, const struct job_view *v, struct instant now)
{
    if (p->sample_at.us == 0) {
        p->sample_at = now;
        p->sample_done = p->done;
        p->speed = average(p, v);
        return;
    }
    if (p->speed == 0)
        p->speed = average(p, v);
    int64_t us = instant_since_us(now, p->sample_at);
    if (us < SAMPLE_US)
        return;
    double leaves = (double)(p->done - p->sample_done);
    double speed = leaves * leaf_units(v) * 1e6 / (double)us;
    p->speed = (uint64_t)(p->speed ? (double)p->speed * 2 / 3 + speed / 3 : speed);
    p->sample_at = now;
    p->sample_done = p->done;
}

static void left_text(const struct progress *p, const struct job_view *v,
                      char to[DURATION_TEXT_SIZE + 8])
{
    uint64_t leaves = v->leaves_total - p->done;
    char clock[DURATION_TEXT_SIZE];
    double us = p->speed ? (double)leaves * leaf_units(v) * 1e6 / (double)p->speed : 0;
    if ((!p->speed && (leaves || !v->leaves_total)) || us > (double)DURATION_MAX_US) {
        snprintf(to, DURATION_TEXT_SIZE + 8, "time left unknown");
        return;
    }
    duration_clock((uint64_t)us, clock);
    snprintf(to, DURATION_TEXT_SIZE + 8, "%s left", clock);
}

static unsigned percent(const struct progress *p, const struct job_view *v)
{
    if (v->leaves_total == 0)
        return 0;
    return (unsigned)((double)p->done * 100.0 / (double)v->leaves_total);
}

static void figures(const struct progress *p, const struct job_view *v, char to[PROGRESS_TEXT_SIZE])
{
    char speed[VIEW_NUMBER_SIZE], left[DURATION_TEXT_SIZE + 8];
    view_number(p->speed, speed);
    left_text(p, v, left);
    snprintf(to, PROGRESS_TEXT_SIZE, "%3u %%  %llu/%llu leaves  %s/s  %u node%s  %u retr%s  %s",
             percent(p, v), (unsigned long long)p->done, (unsigned long long)v->leaves_total, speed,
             v->nodes, v->nodes == 1 ? "" : "s", v->retries, v->retries == 1 ? "y" : "ies", left);
}

static void draw_bar(struct progress *p, const struct job_view *v)
{
    char text[PROGRESS_TEXT_SIZE], bar[BAR_MAX + 1];
    figures(p, v, text);
    size_t len = strlen(text);
    size_t room = p->columns > len + 6 ? p->columns - len - 6 : 0;
    size_t width = room < BAR_MIN ? 0 : room > BAR_MAX ? BAR_MAX : room;
    size_t full =
        v->leaves_total ? (size_t)((double)p->done * (double)width / (double)v->leaves_total) : 0;
    for (size_t i = 0; i < width; i++)
        bar[i] = i < full ? '#' : '-';
    bar[width] = 0;
    if (width)
        fprintf(p->to, "\r\033[K [%s] %s", bar, text);
    else
        fprintf(p->to, "\r\033[K%.*s", (int)p->columns - 1, text);
    fflush(p->to);
    p->drawn = true;
}

static void print_line(struct progress *p, const struct job_view *v)
{
    char text[PROGRESS_TEXT_SIZE], id[9];
    figures(p, v, text);
    id_hex(v->id.bytes, 8, id);
    const char *at = text;
    while (*at == ' ')
        at++;
    fprintf(p->to, "job %s  %s  %s\n", id, job_state_name(v->state), at);
    fflush(p->to);
}

/* A fresh job that waits has just been announced,
 * and a final state is told by whoever follows the job. */
static bool line_is_due(const struct progress *p, const struct job_view *v, struct instant now)
{
    if (job_state_is_final(v->state))
        return false;
    if (p->state == 0)
        return v->state != JOB_WAITING;
    return v->state != p->state || instant_since_us(now, p->last) >= PROGRESS_LINE_US;
}

static void print_json(struct progress *p, const struct job_view *v)
{
    struct json j;
    struct job_view shown = *v;
    shown.leaves_done = p->done;
    json_begin(&j, p->to);
    json_job(&j, NULL, &shown, NULL);
    fputc('\n', p->to);
    fflush(p->to);
}

void progress_update(struct progress *p, const struct job_view *v, struct instant now)
{
    if (p->kind == PROGRESS_NONE)
        return;
    if (v->leaves_done > p->done)
        p->done = v->leaves_done;
    if (v->leaves_total && p->done > v->leaves_total)
        p->done = v->leaves_total;
    take_speed(p, v, now);
    if (p->kind == PROGRESS_LINE && !line_is_due(p, v, now)) {
        if (p->state == 0) {
            p->state = v->state;
            p->last = now;
        }
        return;
    }
    if (p->kind == PROGRESS_BAR)
        draw_bar(p, v);
    else if (p->kind == PROGRESS_LINE)
        print_line(p, v);
    else
        print_json(p, v);
    p->state = v->state;
    p->last = now;
}

void progress_pause(struct progress *p)
{
    if (!p->drawn)
        return;
    fputc('\n', p->to);
    fflush(p->to);
    p->drawn = false;
}
