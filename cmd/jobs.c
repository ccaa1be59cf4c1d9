#include "cmd/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/snippet.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/builtin.h"
#include "core/host/loop.h"
#include "core/host/memory.h"
#include "core/wire/message.h"
#include "core/wire/spec.h"

static struct job_entry *grow(struct job_list *list)
{
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 16;
        struct job_entry *bigger = realloc(list->list, cap * sizeof *bigger);
        if (!bigger)
            return NULL;
        list->list = bigger;
        list->cap = cap;
    }
    return &list->list[list->count];
}

static int add(struct job_list *list, struct bytes payload)
{
    if (list->count == JOBS_MAX) {
        list->left_off++;
        return 0;
    }
    struct job_entry *e = grow(list);
    if (!e)
        return ERR_NO_MEMORY;
    int rc = job_entry_take(e, payload);
    if (rc == 0)
        list->count++;
    return rc;
}

static int by_age(const void *a, const void *b)
{
    const struct job_view *x = &((const struct job_entry *)a)->view;
    const struct job_view *y = &((const struct job_entry *)b)->view;
    if (x->submitted_s != y->submitted_s)
        return x->submitted_s < y->submitted_s ? -1 : 1;
    return job_id_compare(x->id, y->id);
}

/* Every JOB that answers the request, in order of age. */
static int fetch_list(struct line *l, uint8_t type, struct bytes payload, struct job_list *out)
{
    struct frame frame;
    memset(out, 0, sizeof *out);
    int rc = line_send(l, type, payload);
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_JOB, &frame)) == 1)
        rc = add(out, frame.payload);
    if (rc < 0) {
        jobs_clear(out);
        return rc;
    }
    if (out->count > 1)
        qsort(out->list, out->count, sizeof *out->list, by_age);
    return 0;
}

static int fetch(struct line *l, bool all, const char *which, struct job_list *out)
{
    struct request_jobs ask = {.all = all};
    uint8_t room[256];
    struct buf payload;
    memset(out, 0, sizeof *out);
    if (!text_copy(ask.which, sizeof ask.which, which))
        return 0; /* longer than any id or name, so it is none */
    buf_init_fixed(&payload, room, sizeof room);
    put_request_jobs(&payload, &ask);
    return fetch_list(l, MESSAGE_REQUEST_JOBS, buf_bytes(&payload), out);
}

static bool is_meant(const struct job_view *v, const char *which)
{
    uint8_t prefix[ID_SIZE];
    int digits = id_parse_prefix(which, prefix);
    return strcmp(v->name, which) == 0 ||
           (digits > 0 && id_has_prefix(v->id.bytes, prefix, (size_t)digits));
}

static void keep_meant(struct job_list *list, const char *which)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (is_meant(&list->list[i].view, which))
            list->list[kept++] = list->list[i];
        else
            job_entry_clear(&list->list[i]);
    }
    list->count = kept;
}

/* A node refuses a word that is more than one job; people want to see which ones. */
int jobs_fetch(struct line *l, bool all, const char *which, struct job_list *out)
{
    int rc = fetch(l, all, which, out);
    if (rc != LINE_REFUSED || !which[0] || line_refusal(l) != CODE_MISUSE)
        return rc;
    rc = fetch(l, all, "", out);
    if (rc == 0)
        keep_meant(out, which);
    return rc;
}

int jobs_fetch_stale(struct line *l, const char *which, struct job_list *out)
{
    struct request_stale ask = {.what = STALE_LIST};
    uint8_t room[64];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    put_request_stale(&payload, &ask);
    int rc = fetch_list(l, MESSAGE_REQUEST_STALE, buf_bytes(&payload), out);
    if (rc == 0 && which[0])
        keep_meant(out, which);
    return rc;
}

void jobs_clear(struct job_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        job_entry_clear(&list->list[i]);
    free(list->list);
    memset(list, 0, sizeof *list);
}

static int refuse_missing(const char *which, const char *hint)
{
    talk_error("there is no job \"%.80s\"", which);
    talk_try("%s", hint[0] ? hint : "velum ps -a");
    return CODE_NOT_FOUND;
}

int jobs_refuse(const char *which)
{
    return refuse_missing(which, "");
}

int jobs_report(const struct line *l, const char *which, int rc)
{
    char hint[VIEW_ERROR_SIZE];
    if (rc != LINE_REFUSED || line_refusal(l) != CODE_NOT_FOUND)
        return line_report(l, rc);
    line_hint(l, hint);
    return refuse_missing(which, hint);
}

static int refuse_ambiguous(const char *which, const struct job_list *found)
{
    talk_error("\"%.80s\" is more than one job:", which);
    for (size_t i = 0; i < found->count && i < 20; i++) {
        const struct job_view *v = &found->list[i].view;
        char id[17];
        id_hex(v->id.bytes, 16, id);
        talk_line("  %s  %s  %s %s  %s", id, v->name[0] ? v->name : "-", v->kernel, v->args,
                  job_state_name(v->state));
    }
    talk_try("more digits of the id you mean");
    return CODE_MISUSE;
}

int jobs_refuse_stale(const char *which)
{
    talk_error("no old job \"%.80s\" is set aside at this node", which);
    talk_try("velum ps --stale");
    return CODE_NOT_FOUND;
}

int jobs_resolve_stale(struct line *l, const char *which, struct job_id *id)
{
    struct job_list found;
    int code = 0, rc = jobs_fetch_stale(l, which, &found);
    if (rc < 0)
        return line_report(l, rc);
    if (found.count == 0)
        code = jobs_refuse_stale(which);
    else if (found.count > 1)
        code = refuse_ambiguous(which, &found);
    else
        *id = found.list[0].view.id;
    jobs_clear(&found);
    return code;
}

int jobs_resolve(struct line *l, const char *which, struct job_id *id)
{
    struct job_list found;
    /* A full id may be of a job this node has not heard of yet: its holders are found by it. */
    if (strlen(which) == 2 * ID_SIZE && id_parse_prefix(which, id->bytes) == 2 * ID_SIZE)
        return 0;
    if (!which[0] || strlen(which) >= JOB_NAME_SIZE)
        return jobs_refuse(which);
    int rc = jobs_fetch(l, true, which, &found);
    if (rc < 0)
        return jobs_report(l, which, rc);
    int code = 0;
    if (found.count == 0)
        code = jobs_refuse(which);
    else if (found.count > 1)
        code = refuse_ambiguous(which, &found);
    else
        *id = found.list[0].view.id;
    jobs_clear(&found);
    return code;
}

int jobs_look(struct line *l, struct job_id id, struct job_entry *out)
{
    struct request_watch ask = {.job = id, .interval_ms = 0};
    struct frame frame;
    uint8_t room[64];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    put_request_watch(&payload, &ask);
    int rc =
        line_exchange(l, MESSAGE_REQUEST_WATCH, buf_bytes(&payload), MESSAGE_REPLY_JOB, &frame);
    return rc < 0 ? rc : job_entry_take(out, frame.payload);
}

static int show_by_node(struct line *l, const struct job_view *v, char text[SHOW_SIZE_MAX])
{
    struct request_show ask = {.source = v->source, .params = v->params, .accumulator = v->result};
    struct frame frame;
    struct buf payload;
    if (!text_copy(ask.kernel, sizeof ask.kernel, v->kernel))
        return ERR_TOO_LARGE;
    buf_init(&payload, &host_memory, FRAME_PAYLOAD_MAX);
    put_request_show(&payload, &ask);
    int rc = buf_result(&payload);
    if (rc == 0)
        rc =
            line_exchange(l, MESSAGE_REQUEST_SHOW, buf_bytes(&payload), MESSAGE_REPLY_TEXT, &frame);
    buf_clear(&payload);
    if (rc < 0)
        return rc;
    struct reader r = reader_of(frame.payload);
    read_text(&r, text, SHOW_SIZE_MAX);
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

int jobs_show(struct line *l, struct job_entry *e)
{
    char raw[SHOW_SIZE_MAX], clean[SHOW_SIZE_MAX];
    const struct job_view *v = &e->view;
    if (e->text || v->state != JOB_DONE || v->result.len == 0 || v->reduction == REDUCE_COLLECT)
        return 0;
    int rc = builtin_show(v, raw);
    if (rc == ERR_NOT_FOUND)
        rc = show_by_node(l, v, raw);
    if (rc == LINE_REFUSED && line_lacks_kernel(l))
        rc = snippet_show_ask(l, v, raw);
    if (rc < 0)
        return rc;
    text_sanitise(raw, strlen(raw), false, clean, sizeof clean);
    e->text = strdup(clean);
    return e->text ? 0 : ERR_NO_MEMORY;
}

int jobs_with_one(const struct call *c,
                  int (*print)(const struct call *c, struct line *l, struct job_entry *e))
{
    struct job_id id;
    struct job_entry e;
    struct line *l = NULL;
    struct line_options where = {0};
    int code = line_open(&l, c, &where);
    if (code == 0)
        code = jobs_resolve(l, c->argv[0], &id);
    if (code == 0) {
        int rc = jobs_look(l, id, &e);
        code = rc < 0 ? jobs_report(l, c->argv[0], rc) : print(c, l, &e);
        if (rc == 0)
            job_entry_clear(&e);
    }
    line_close(l);
    return code;
}
