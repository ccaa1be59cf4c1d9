#include "cmd/stage_list.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/dot.h"
#include "cmd/stage_graph.h"
#include "cmd/view_text.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/message.h"

#define NEEDS_TEXT_SIZE 64 /* of a table; the rest is counted */

static int add(struct stage_list *s, struct stage_view v)
{
    if (s->count == s->cap) {
        const size_t cap = s->cap == 0 ? 16 : s->cap * 2;
        void *list = realloc(s->list, cap * sizeof *s->list);
        if (!list)
            return ERR_NO_MEMORY;
        s->list = list;
        s->cap = cap;
    }
    uint8_t *needs = malloc(v.needs.len + 1);
    if (!needs)
        return ERR_NO_MEMORY;
    if (v.needs.len > 0)
        memcpy(needs, v.needs.data, v.needs.len);
    v.needs.data = needs;
    s->list[s->count++] = v;
    return 0;
}

static int add_all(struct stage_list *s, struct bytes payload)
{
    struct stage_view v;
    struct reader r;
    uint16_t count;
    int rc = read_reply_stages(payload, &count, &r);
    for (uint16_t i = 0; rc == 0 && i < count; i++) {
        read_stage_view(&r, &v);
        rc = r.failed || v.number != s->count ? ERR_FORMAT : add(s, v);
    }
    return rc;
}

int stage_list_fetch(struct line *l, struct job_id id, struct stage_list *out)
{
    struct frame f;
    *out = (struct stage_list){0};
    int rc = line_send(l, MESSAGE_REQUEST_STAGES, (struct bytes){id.bytes, ID_SIZE});
    if (rc < 0)
        return rc;
    while ((rc = line_item(l, MESSAGE_REPLY_STAGES, &f)) > 0)
        if ((rc = add_all(out, f.payload)) < 0)
            break;
    return rc;
}

void stage_list_clear(struct stage_list *s)
{
    for (size_t i = 0; i < s->count; i++)
        free((void *)(uintptr_t)s->list[i].needs.data);
    free(s->list);
    *s = (struct stage_list){0};
}

bool stage_list_find(const struct stage_list *s, const char *which, uint32_t *stage)
{
    uint64_t number;
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].name[0] && strcmp(s->list[i].name, which) == 0) {
            *stage = (uint32_t)i;
            return true;
        }
    if (text_to_u64(which, UINT32_MAX, &number) < 0 || number >= s->count)
        return false;
    *stage = (uint32_t)number;
    return true;
}

void stage_list_name(const struct stage_list *s, uint32_t stage, char *to, size_t cap)
{
    if (stage < s->count && s->list[stage].name[0])
        snprintf(to, cap, "%s", s->list[stage].name);
    else
        snprintf(to, cap, "%u", (unsigned)stage);
}

static void needs_text(const struct stage_list *s, const struct stage_view *v,
                       char to[NEEDS_TEXT_SIZE])
{
    char name[JOB_NAME_SIZE];
    size_t len = 0;
    to[0] = '\0';
    for (uint16_t i = 0; i < v->needs_count; i++) {
        stage_list_name(s, stage_need_at(v->needs, i).stage, name, sizeof name);
        if (len + strlen(name) + 16 > NEEDS_TEXT_SIZE) {
            snprintf(to + len, NEEDS_TEXT_SIZE - len, " +%u", (unsigned)(v->needs_count - i));
            return;
        }
        len += (size_t)snprintf(to + len, NEEDS_TEXT_SIZE - len, "%s%s", i > 0 ? " " : "", name);
    }
    if (v->needs_count == 0)
        snprintf(to, NEEDS_TEXT_SIZE, "-");
}

static void add_row(struct grid *g, const struct stage_list *s, const struct stage_view *v)
{
    char needs[NEEDS_TEXT_SIZE], blocker[JOB_NAME_SIZE];
    needs_text(s, v, needs);
    stage_list_name(s, v->blocked_by, blocker, sizeof blocker);
    grid_add(g, "%u", (unsigned)v->number);
    grid_add(g, "%s", v->name[0] ? v->name : "-");
    grid_add(g, "%.20s%s%.40s", v->kernel, v->args[0] ? " " : "", v->args);
    if (v->state == STAGE_VIEW_BLOCKED)
        grid_add(g, "blocked by %s", blocker);
    else
        grid_add(g, "%s", stage_state_name(v->state));
    grid_add(g, "%llu/%llu", (unsigned long long)v->done, (unsigned long long)v->leaves);
    grid_add(g, "%s", needs);
}

/* Where a program reads it, columns stay what they are. */
static bool is_drawn(FILE *to, const struct stage_list *s, char (*lines)[STAGE_GRAPH_SIZE])
{
    return lines && isatty(fileno(to)) && stage_graph_draw(s, lines);
}

void stage_list_print(FILE *to, const struct stage_list *s)
{
    static const char *const head[] = {"", "STAGE", "NAME", "WHAT", "STATE", "DONE", "NEEDS"};
    const unsigned columns = sizeof head / sizeof *head;
    struct grid g;
    if (s->count < 2)
        return;
    char(*lines)[STAGE_GRAPH_SIZE] = calloc(s->count, sizeof *lines);
    const bool drawn = is_drawn(to, s, lines);
    grid_init(&g, drawn ? columns : columns - 1);
    for (unsigned i = drawn ? 0 : 1; i < columns; i++)
        grid_add(&g, "%s", head[i]);
    for (size_t i = 0; i < s->count; i++) {
        if (drawn)
            grid_add(&g, "%s", lines[i]);
        add_row(&g, s, &s->list[i]);
    }
    fputc('\n', to);
    grid_print(&g, to);
    grid_clear(&g);
    free(lines);
}

static const char *colour_of(enum stage_view_state state)
{
    static const char *const colours[] = {
        [STAGE_VIEW_WAITING] = "white",     [STAGE_VIEW_READY] = "lightyellow",
        [STAGE_VIEW_RUNNING] = "gold",      [STAGE_VIEW_DONE] = "palegreen",
        [STAGE_VIEW_FAILED] = "lightcoral", [STAGE_VIEW_BLOCKED] = "lightgrey",
        [STAGE_VIEW_STOPPED] = "lightgrey", [STAGE_VIEW_CANCELLED] = "plum"};
    return state < sizeof colours / sizeof *colours && colours[state] ? colours[state] : "";
}

void stage_list_dot(FILE *to, const struct stage_list *s, const char *name)
{
    char own[JOB_NAME_SIZE], blocker[JOB_NAME_SIZE], what[128], more[JOB_NAME_SIZE + 64];
    dot_open(to, name);
    for (size_t i = 0; i < s->count; i++) {
        const struct stage_view *v = &s->list[i];
        stage_list_name(s, v->number, own, sizeof own);
        stage_list_name(s, v->blocked_by, blocker, sizeof blocker);
        snprintf(what, sizeof what, "%.40s%s%.60s", v->kernel, v->args[0] ? " " : "", v->args);
        const bool blocked = v->state == STAGE_VIEW_BLOCKED;
        snprintf(more, sizeof more, "%s%s%s  %llu/%llu", stage_state_name(v->state),
                 blocked ? " by " : "", blocked ? blocker : "", (unsigned long long)v->done,
                 (unsigned long long)v->leaves);
        dot_stage(to, v->number, own, what, more, colour_of(v->state));
    }
    for (size_t i = 0; i < s->count; i++)
        for (uint16_t k = 0; k < s->list[i].needs_count; k++) {
            const struct stage_need need = stage_need_at(s->list[i].needs, k);
            if (need.place == NEED_ORDER)
                dot_waits(to, need.stage, s->list[i].number);
            else
                dot_reads(to, false, need.stage, s->list[i].number);
        }
    dot_close(to);
}

void stage_list_json(struct json *j, const struct stage_list *s)
{
    json_open(j, "stages", '[');
    for (size_t i = 0; i < s->count; i++) {
        const struct stage_view *v = &s->list[i];
        json_open(j, NULL, '{');
        json_number(j, "stage", v->number);
        json_text(j, "name", v->name[0] ? v->name : NULL);
        json_text(j, "kernel", v->kernel);
        json_text(j, "args", v->args);
        json_text(j, "state", stage_state_name(v->state));
        if (v->state == STAGE_VIEW_BLOCKED)
            json_number(j, "blocked_by", v->blocked_by);
        else
            json_null(j, "blocked_by");
        json_number(j, "leaves_total", v->leaves);
        json_number(j, "leaves_done", v->done);
        json_open(j, "needs", '[');
        for (uint16_t k = 0; k < v->needs_count; k++)
            json_number(j, NULL, stage_need_at(v->needs, k).stage);
        json_close(j, ']');
        json_close(j, '}');
    }
    json_close(j, ']');
}
