#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/duration.h"
#include "cmd/line.h"
#include "cmd/view_json.h"
#include "cmd/view_text.h"
#include "core/base/err.h"
#include "core/host/loop.h"
#include "core/wire/event_note.h"
#include "core/wire/join.h"
#include "core/wire/message.h"

#define NOTES_MAX 4096
#define LOOK_US S_US

static const struct opt opts[] = {
    {.name = "last",
     .letter = 'n',
     .kind = OPT_NUMBER,
     .value = "N",
     .effect = "the last N of them",
     .min = 1,
     .max = NOTES_MAX},
    {.name = "since",
     .kind = OPT_SPAN,
     .value = "TIME",
     .effect = "those of the last TIME, as 10m or 2d"},
    {.name = "follow", .letter = 'f', .kind = OPT_SWITCH, .effect = "go on with what comes"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print JSON"},
    {.name = "jsonl", .kind = OPT_SWITCH, .effect = "print JSON, one event a line"},
    {0},
};

/* How they are printed. */
struct page {
    bool document, lines, table;
    struct json json;
    struct grid grid;
};

struct words {
    char time[DURATION_TEXT_SIZE], by[ID_HEX_SIZE], subject[ID_HEX_SIZE];
    const char *kind; /* of the subject; NULL: there is none */
};

static bool is_zero(const uint8_t bytes[ID_SIZE])
{
    return id_bytes_equal(bytes, (const uint8_t[ID_SIZE]){0});
}

static void words_of(const struct event_note *e, size_t digits, struct words *w)
{
    static const char *const kinds[] = {[EVENT_OF_NOTHING] = NULL,
                                        [EVENT_OF_KEY] = "key",
                                        [EVENT_OF_JOB] = "job",
                                        [EVENT_OF_TOKEN] = "token"};
    const enum event_subject of = event_note_subject(e->kind);
    duration_iso(e->at_s, w->time);
    id_hex(e->actor.bytes, digits, w->by);
    if (node_id_is_zero(e->actor))
        w->by[0] = '\0';
    w->kind = is_zero(e->subject) ? NULL : kinds[of];
    if (of == EVENT_OF_TOKEN)
        join_id_text(e->subject, w->subject);
    else
        id_hex(e->subject, digits, w->subject);
}

static void print_json(struct json *j, const struct event_note *e)
{
    struct words w;
    words_of(e, 64, &w);
    json_open(j, NULL, '{');
    json_number(j, "number", e->number);
    json_text(j, "time", w.time);
    json_text(j, "event", event_note_name(e->kind));
    json_number(j, "count", e->count);
    json_text(j, "by", w.by[0] ? w.by : NULL);
    json_text(j, "of", w.kind);
    json_text(j, "id", w.kind ? w.subject : NULL);
    json_text(j, "text", e->text[0] ? e->text : NULL);
    json_close(j, '}');
}

static void text_of(const struct event_note *e, char to[EVENT_TEXT_SIZE + 32])
{
    if (e->count > 1)
        snprintf(to, EVENT_TEXT_SIZE + 32, "%u times, the last: %s", e->count, e->text);
    else
        snprintf(to, EVENT_TEXT_SIZE + 32, "%s", e->text[0] ? e->text : "-");
}

static void print_row(struct page *p, const struct event_note *e)
{
    char text[EVENT_TEXT_SIZE + 32], subject[ID_HEX_SIZE + 8] = "-";
    struct words w;
    words_of(e, 8, &w);
    text_of(e, text);
    if (w.kind)
        snprintf(subject, sizeof subject, "%s %s", w.kind, w.subject);
    if (!p->table) {
        printf("%s  %s  by %s  %s  %s\n", w.time, event_note_name(e->kind), w.by[0] ? w.by : "-",
               subject, text);
        return;
    }
    grid_add(&p->grid, "%s", w.time);
    grid_add(&p->grid, "%s", event_note_name(e->kind));
    grid_add(&p->grid, "%s", w.by[0] ? w.by : "-");
    grid_add(&p->grid, "%s", subject);
    grid_add(&p->grid, "%s", text);
}

static void print_one(struct page *p, const struct event_note *e)
{
    if (!p->document && !p->lines) {
        print_row(p, e);
        return;
    }
    if (p->lines)
        json_begin(&p->json, stdout);
    print_json(&p->json, e);
    if (p->lines)
        putchar('\n');
}

/* Gives the greatest number in *after. */
static int fetch(struct line *l, const struct request_events *m, struct page *p, uint64_t *after)
{
    uint8_t room[64];
    struct frame frame;
    struct reader notes;
    struct event_note e;
    uint16_t count;
    struct buf b;
    buf_init_fixed(&b, room, sizeof room);
    put_request_events(&b, m);
    int rc = line_send(l, MESSAGE_REQUEST_EVENTS, buf_bytes(&b));
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_EVENT, &frame)) == 1) {
        rc = read_reply_event(frame.payload, &count, &notes);
        for (uint16_t i = 0; rc == 0 && i < count; i++) {
            read_event_note(&notes, &e);
            if (notes.failed) {
                rc = ERR_FORMAT;
                break;
            }
            *after = e.number > *after ? e.number : *after;
            print_one(p, &e);
        }
    }
    return rc;
}

static void page_open(struct page *p, const struct call *c)
{
    static const char *const head[] = {"TIME", "EVENT", "BY", "OF", "WHAT"};
    *p =
        (struct page){.document = opt_given(c->opts, "json"), .lines = opt_given(c->opts, "jsonl")};
    p->table = !p->document && !p->lines && !opt_given(c->opts, "follow");
    if (p->document)
        json_document_open(&p->json, stdout, "events");
    grid_init(&p->grid, 5);
    for (size_t i = 0; p->table && i < 5; i++)
        grid_add(&p->grid, "%s", head[i]);
}

static void page_close(struct page *p, bool whole)
{
    if (p->document)
        json_document_close(&p->json);
    if (p->table && whole)
        grid_print(&p->grid, stdout);
    grid_clear(&p->grid);
    fflush(stdout);
}

/* Until the node goes, or the user has seen enough. */
static int follow(struct line *l, struct request_events m, struct page *p)
{
    struct frame frame;
    int rc = 0;
    m.most = UINT32_MAX;
    m.since_s = INT64_MIN;
    while (rc == 0 && !ferror(stdout)) {
        fflush(stdout);
        rc = line_next(l, instant_plus_us(loop_clock(), LOOK_US), &frame);
        if (rc == 0)
            rc = fetch(l, &m, p, &m.after);
    }
    return rc;
}

static int run(const struct call *c)
{
    const int64_t since_s = (int64_t)(opt_number(c->opts, "since", 0) / 1000000);
    struct request_events m = {
        .most = (uint32_t)opt_number(c->opts, "last", UINT32_MAX),
        .since_s = opt_given(c->opts, "since") ? (int64_t)time(NULL) - since_s : INT64_MIN};
    struct line *l = NULL;
    struct line_options where = {0};
    struct page p;
    if (opt_given(c->opts, "json") && opt_given(c->opts, "follow")) {
        talk_error("--json is one document and has an end; --follow has none");
        talk_try("velum events --jsonl --follow");
        return CODE_MISUSE;
    }
    int code = line_open(&l, c, &where);
    if (code != 0)
        return code;
    page_open(&p, c);
    int rc = fetch(l, &m, &p, &m.after);
    if (rc == 0 && opt_given(c->opts, "follow"))
        rc = follow(l, m, &p);
    page_close(&p, rc == 0);
    code = rc < 0 ? line_report(l, rc) : CODE_DONE;
    line_close(l);
    return code;
}

const struct cmd cmd_events = {
    .name = "events",
    .args = "",
    .summary = "list who did what, as one node saw it",
    .more =
        "What is in the journal of the node that is asked: when it started and stopped, members\n"
        "that it met and lost, tokens, certificates, jobs that were submitted to it or killed\n"
        "by it, what it refused, and trouble with its disk. The last 4,096 are kept; of what\n"
        "somebody else can cause there are some, and then a count.\n"
        "Who joined to submit sees what he did himself; admins and readers see all.",
    .group = GROUP_SEE,
    .takes = TAKES_NOTHING,
    .opts = opts,
    .run = run,
};
