#include "cmd/flow_show.h"

#include <string.h>

#include "cmd/dot.h"
#include "cmd/view_json.h"
#include "cmd/view_text.h"

#define NEEDS_TEXT_SIZE 256
#define ARGS_TEXT_SIZE 128

static const char *name_of(const struct flow_plan *p, const struct flow_input *in)
{
    return in->stage == FLOW_NONE ? p->flow->files[in->file].word : p->flow->stages[in->stage].name;
}

/* One more name; false when it has no room, and "..." stands for all that follow. */
static bool append(char *to, size_t cap, const char *name)
{
    const size_t len = strlen(to);
    const bool fits = len + strlen(name) + 6 < cap;
    snprintf(to + len, cap - len, "%s%s", len > 0 ? " " : "", fits ? name : "...");
    return fits;
}

static void needs_text(const struct flow_plan *p, const struct flow_stage *s,
                       char to[NEEDS_TEXT_SIZE])
{
    bool fits = true;
    to[0] = '\0';
    for (uint32_t i = 0; i < s->inputs_count && fits; i++)
        fits = append(to, NEEDS_TEXT_SIZE, name_of(p, &s->inputs[i]));
    for (uint32_t i = 0; i < s->after_count && fits; i++)
        fits = append(to, NEEDS_TEXT_SIZE, p->flow->stages[s->after[i]].name);
    if (to[0] == '\0')
        snprintf(to, NEEDS_TEXT_SIZE, "-");
}

static void args_text(const struct flow_stage *s, char to[ARGS_TEXT_SIZE])
{
    to[0] = '\0';
    for (uint32_t i = 0; i < s->args_count; i++)
        if (!append(to, ARGS_TEXT_SIZE, s->args[i]))
            return;
}

void flow_show_table(const struct flow_plan *p)
{
    static const char *const head[] = {"STAGE", "NAME", "WHAT", "UNITS", "LEAVES", "NEEDS"};
    char needs[NEEDS_TEXT_SIZE], args[ARGS_TEXT_SIZE];
    struct grid g;
    grid_init(&g, sizeof head / sizeof *head);
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        grid_add(&g, "%s", head[i]);
    for (uint32_t i = 0; i < p->flow->count; i++) {
        const uint32_t at = p->flow->order[i];
        const struct flow_stage *s = &p->flow->stages[at];
        needs_text(p, s, needs);
        args_text(s, args);
        grid_add(&g, "%u", (unsigned)i);
        grid_add(&g, "%s", s->name);
        grid_add(&g, "%.20s%s%.40s", s->kernel, args[0] ? " " : "", args);
        grid_add(&g, "%llu", (unsigned long long)p->list[at].units);
        grid_add(&g, "%llu", (unsigned long long)flow_plan_leaves(p, at));
        grid_add(&g, "%s", needs);
    }
    grid_print(&g, stdout);
    grid_clear(&g);
}

static void json_stage(struct json *j, const struct flow_plan *p, uint32_t at)
{
    const struct flow_stage *s = &p->flow->stages[at];
    json_open(j, NULL, '{');
    json_number(j, "stage", s->number);
    json_text(j, "name", s->name);
    json_text(j, "kernel", s->kernel);
    json_open(j, "args", '[');
    for (uint32_t i = 0; i < s->args_count; i++)
        json_text(j, NULL, s->args[i]);
    json_close(j, ']');
    json_number(j, "units", p->list[at].units);
    json_number(j, "leaf_units", p->list[at].leaf_units);
    json_number(j, "leaves_total", flow_plan_leaves(p, at));
    json_open(j, "inputs", '[');
    for (uint32_t i = 0; i < s->inputs_count; i++)
        json_text(j, NULL, name_of(p, &s->inputs[i]));
    json_close(j, ']');
    json_open(j, "after", '[');
    for (uint32_t i = 0; i < s->after_count; i++)
        json_text(j, NULL, p->flow->stages[s->after[i]].name);
    json_close(j, ']');
    json_close(j, '}');
}

void flow_show_json(const struct flow_plan *p)
{
    struct json j;
    json_document_open(&j, stdout, "stages");
    for (uint32_t i = 0; i < p->flow->count; i++)
        json_stage(&j, p, p->flow->order[i]);
    json_document_close(&j);
}

static void dot_needs(const struct flow_plan *p, const struct flow_stage *s)
{
    for (uint32_t i = 0; i < s->inputs_count; i++) {
        const struct flow_input *in = &s->inputs[i];
        if (in->stage == FLOW_NONE)
            dot_reads(stdout, true, in->file, s->number);
        else
            dot_reads(stdout, false, p->flow->stages[in->stage].number, s->number);
    }
    for (uint32_t i = 0; i < s->after_count; i++)
        dot_waits(stdout, p->flow->stages[s->after[i]].number, s->number);
}

void flow_show_dot(const struct flow_plan *p)
{
    const struct flow *f = p->flow;
    char args[ARGS_TEXT_SIZE], what[ARGS_TEXT_SIZE + KERNEL_NAME_SIZE], more[48];
    dot_open(stdout, f->name[0] ? f->name : p->path);
    for (uint32_t i = 0; i < f->files_count; i++)
        dot_file(stdout, i, f->files[i].word);
    for (uint32_t i = 0; i < f->count; i++) {
        const struct flow_stage *s = &f->stages[f->order[i]];
        const unsigned long long leaves = flow_plan_leaves(p, f->order[i]);
        args_text(s, args);
        snprintf(what, sizeof what, "%s%s%s", s->kernel, args[0] ? " " : "", args);
        snprintf(more, sizeof more, "%llu lea%s", leaves, leaves == 1 ? "f" : "ves");
        dot_stage(stdout, i, s->name, what, more, "");
    }
    for (uint32_t i = 0; i < f->count; i++)
        dot_needs(p, &f->stages[f->order[i]]);
    dot_close(stdout);
}
