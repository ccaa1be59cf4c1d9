#include "cmd/held.h"

#include <stdio.h>
#include <string.h>

#include "cmd/jobs.h"
#include "cmd/view_object.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/message.h"

#define NAMED_MAX 8

struct names {
    char text[NAMED_MAX * (OBJECT_SHORT_SIZE + 2)];
    uint32_t count;
    bool in_part; /* there may be more */
};

int held_ask(struct line *l, struct node_view *self, uint32_t *others)
{
    static const uint8_t word = REQUEST_NODES_HELD;
    struct node_view v;
    struct frame frame;
    int rc = line_send(l, MESSAGE_REQUEST_NODES, (struct bytes){&word, 1});
    uint32_t alive = 0;
    *self = (struct node_view){0};
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_NODE, &frame)) == 1) {
        rc = read_node_view(frame.payload, &v);
        if (rc == 0 && v.self)
            *self = v;
        else if (rc == 0)
            alive += v.state == NODE_ALIVE;
    }
    if (others)
        *others = alive;
    return rc < 0 ? rc : self->tells_held ? 0 : ERR_VERSION;
}

static void add_name(struct names *n, const char *name)
{
    if (n->count++ >= NAMED_MAX)
        return;
    if (n->count > 1)
        text_append(n->text, sizeof n->text, ", ");
    text_append(n->text, sizeof n->text, name);
}

static void take_object(void *ctx, const struct object_view *v)
{
    char name[OBJECT_SHORT_SIZE];
    object_short(v->name, name);
    if ((v->flags & OBJECT_KEPT) && (v->flags & OBJECT_WHOLE) && v->copies <= 1)
        add_name(ctx, name);
}

static void name_jobs(struct line *l, struct names *n)
{
    struct job_list jobs = {0};
    char id[9];
    int rc = jobs_fetch(l, true, "", &jobs);
    for (size_t i = 0; rc >= 0 && i < jobs.count; i++) {
        id_hex(jobs.list[i].view.id.bytes, 8, id);
        if (jobs.list[i].view.durable <= 1)
            add_name(n, id);
    }
    jobs_clear(&jobs);
}

static void say(uint32_t count, const char *what, const struct names *n, char *text, size_t cap)
{
    char part[64];
    if (count == 0)
        return;
    snprintf(part, sizeof part, "%s%s%u %s%s", text[0] ? " and " : "",
             n && n->in_part ? "at least " : "", (unsigned)count, what, count == 1 ? "" : "s");
    text_append(text, cap, part);
    if (!n || n->count == 0)
        return;
    text_append(text, cap, " (");
    text_append(text, cap, n->text);
    text_append(text, cap, count > NAMED_MAX ? ", ...)" : ")");
}

void held_name_only(struct line *l, const struct node_held *held, char *text, size_t cap)
{
    struct names jobs = {.count = 0}, objects = {.count = 0};
    text[0] = '\0';
    if (held->jobs_only > 0)
        name_jobs(l, &jobs);
    if (held->objects > 0)
        objects.in_part = objects_each(l, false, "", take_object, &objects) < 0 &&
                          held->objects_only < held->objects;
    say(held->jobs_only, "job", &jobs, text, cap);
    say(held->objects_only > objects.count ? held->objects_only : objects.count, "object", &objects,
        text, cap);
}

void held_count(uint32_t jobs, uint32_t objects, char *text, size_t cap)
{
    text[0] = '\0';
    say(jobs, "job", NULL, text, cap);
    say(objects, "object", NULL, text, cap);
}
