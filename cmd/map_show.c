#include "cmd/map_show.h"

#include <string.h>

#include "cmd/duration.h"
#include "cmd/talk.h"
#include "cmd/view_text.h"
#include "core/base/err.h"

#define BAR_US (100 * MS_US)
#define JSON_US S_US

void map_show_begin(struct map_show *s, const struct map_task *task, struct instant now)
{
    *s = (struct map_show){.tag = task->tag,
                           .is_json = task->json,
                           .checks = task->check > 0,
                           .kind = task->progress,
                           .began = now,
                           .last = now};
    if (s->is_json)
        json_document_open(&s->json, stdout, "inputs");
}

void map_show_pause(struct map_show *s)
{
    if (s->drawn)
        fputs("\r\033[K", stderr);
    s->drawn = false;
}

/* --- one input --- */

static void print_json(struct map_show *s, const struct map_end *end)
{
    json_open(&s->json, NULL, '{');
    json_number(&s->json, "seq", end->seq);
    json_text(&s->json, "input", end->label);
    json_text(&s->json, "command", end->command);
    json_text(&s->json, "job", end->job[0] ? end->job : NULL);
    json_number(&s->json, "exit", (uint64_t)end->code);
    json_seconds(&s->json, "seconds", end->elapsed_us);
    /* Bytes may be more than a document holds: `velum result JOB` prints them. */
    json_text(&s->json, "result", end->result->is_bytes ? NULL : end->result->text);
    if (end->result->is_bytes)
        json_number(&s->json, "bytes", end->result->size);
    else
        json_null(&s->json, "bytes");
    json_text(&s->json, "error", end->result->there ? NULL : end->error);
    json_close(&s->json, '}');
}

/* A part of a result, each line with its tag. Whether one begins goes on from part to part. */
static void print_part(const struct map_show *s, const struct map_end *end, const char *part,
                       size_t len, bool *begins)
{
    while (len > 0) {
        const char *newline = memchr(part, '\n', len);
        size_t line = newline ? (size_t)(newline - part) + 1 : len;
        if (*begins && s->tag)
            printf("%s\t", end->label);
        fwrite(part, 1, line, stdout);
        *begins = newline != NULL;
        part += line;
        len -= line;
    }
}

/* Text is one line at least. Bytes are what they are, but with tags they end with a line too. */
static int print_result(const struct map_show *s, const struct map_end *end)
{
    static char part[65536];
    const bool is_text = !end->result->is_bytes, is_empty = end->result->size == 0;
    bool begins = true;
    uint64_t at = 0;
    int n;
    while ((n = map_result_read(end->result, at, part, sizeof part)) > 0 && !ferror(stdout)) {
        print_part(s, end, part, (size_t)n, &begins);
        at += (uint64_t)n;
    }
    if (is_text && is_empty && s->tag)
        printf("%s\t", end->label);
    if ((is_text && is_empty) || (!begins && (is_text || s->tag)))
        putchar('\n');
    return n < 0 ? n : 0;
}

int map_show_input(struct map_show *s, const struct map_end *end)
{
    int rc = 0;
    map_show_pause(s);
    if (s->is_json)
        print_json(s, end);
    else if (end->result->there)
        rc = print_result(s, end);
    if (!end->result->there)
        talk_error("input %llu, %s: %s", (unsigned long long)end->seq, end->command, end->error);
    return rc;
}

/* --- how far it is --- */

static void figures(const struct map_show *s, const struct map_counts *c, struct instant now,
                    char *to, size_t cap)
{
    const uint64_t ended = c->succeeded + c->failed;
    const double seconds = (double)instant_since_us(now, s->began) / 1e6;
    char of[48] = "", left[DURATION_TEXT_SIZE + 8] = "", clock[DURATION_TEXT_SIZE];
    if (c->total > 0)
        snprintf(of, sizeof of, "/%llu", (unsigned long long)c->total);
    if (c->total > 0 && ended > 0) {
        double us = (double)(c->total - ended - c->skipped) * seconds * 1e6 / (double)ended;
        duration_clock(us > 0 && us < (double)DURATION_MAX_US ? (uint64_t)us : 0, clock);
        snprintf(left, sizeof left, "  %s left", clock);
    }
    snprintf(to, cap, "%llu%s inputs  %llu running  %llu failed  %.1f/s%s",
             (unsigned long long)(ended + c->skipped), of, (unsigned long long)c->running,
             (unsigned long long)c->failed, seconds > 0 ? (double)ended / seconds : 0.0, left);
}

static void print_progress_json(const struct map_counts *c)
{
    struct json j;
    json_begin(&j, stderr);
    json_open(&j, NULL, '{');
    json_number(&j, "done", c->succeeded);
    json_number(&j, "failed", c->failed);
    json_number(&j, "skipped", c->skipped);
    json_number(&j, "running", c->running);
    if (c->total > 0)
        json_number(&j, "total", c->total);
    else
        json_null(&j, "total");
    json_close(&j, '}');
    fputc('\n', stderr);
}

void map_show_progress(struct map_show *s, const struct map_counts *c, struct instant now)
{
    static const int64_t apart_us[] = {
        [PROGRESS_BAR] = BAR_US, [PROGRESS_LINE] = PROGRESS_LINE_US, [PROGRESS_JSON] = JSON_US};
    char text[PROGRESS_TEXT_SIZE];
    if (s->kind == PROGRESS_NONE || instant_since_us(now, s->last) < apart_us[s->kind])
        return;
    s->last = now;
    if (s->kind == PROGRESS_JSON) {
        print_progress_json(c);
        return;
    }
    figures(s, c, now, text, sizeof text);
    if (s->kind == PROGRESS_LINE) {
        talk_line("%s", text);
        return;
    }
    fprintf(stderr, "\r\033[K %.*s", (int)talk_columns() - 2, text);
    fflush(stderr);
    s->drawn = true;
}

static void say_checked(const struct map_counts *c)
{
    char not_all[64] = "";
    if (c->unchecked > 0)
        snprintf(not_all, sizeof not_all, "; %llu could not be", (unsigned long long)c->unchecked);
    talk_line("%llu %s checked on another node%s", (unsigned long long)c->checked,
              c->checked == 1 ? "leaf was" : "leaves were", not_all);
}

void map_show_end(struct map_show *s, const struct map_counts *c, const char *why,
                  struct instant now)
{
    const uint64_t ended = c->succeeded + c->failed;
    char took[DURATION_TEXT_SIZE], skipped[64] = "", failed[48] = "";
    map_show_pause(s);
    if (s->is_json)
        json_document_close(&s->json);
    if (s->kind == PROGRESS_JSON) {
        print_progress_json(c);
        return;
    }
    duration_short((uint64_t)instant_since_us(now, s->began), took);
    if (c->failed > 0)
        snprintf(failed, sizeof failed, ", %llu failed", (unsigned long long)c->failed);
    if (c->skipped > 0)
        snprintf(skipped, sizeof skipped, ", %llu done before", (unsigned long long)c->skipped);
    talk_line("%llu input%s done in %s%s%s%s%s", (unsigned long long)ended, ended == 1 ? "" : "s",
              took, failed, skipped, why ? "; " : "", why ? why : "");
    if (s->checks)
        say_checked(c);
}

/* --- what ends it before it has begun --- */

void map_show_large(uint64_t seq, int rc)
{
    talk_error("input %llu gives %s", (unsigned long long)seq,
               rc == ERR_FULL ? "more than 64 words" : "a word above 1,023 bytes");
    talk_try("velum help map");
}

void map_show_other(uint64_t seq, const char *command)
{
    talk_error("the job log is of other inputs: input %llu is now %s", (unsigned long long)seq,
               command);
    talk_try("another --joblog FILE");
}
