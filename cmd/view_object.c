#include "cmd/view_object.h"

#include <string.h>

#include "cmd/duration.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/message.h"

void object_short(struct digest name, char to[OBJECT_SHORT_SIZE])
{
    id_hex(name.bytes, OBJECT_SHORT_SIZE - 1, to);
}

int object_check_ref(const char *ref)
{
    if (object_is_ref(ref))
        return 0;
    talk_error("\"%.80s\" is no reference: that is 64 hex digits, or the first %d and more", ref,
               OBJECT_REF_DIGITS_MIN);
    talk_try("velum objects --all");
    return CODE_MISUSE;
}

void view_objects_head(struct grid *g)
{
    static const char *const names[] = {"OBJECT", "SIZE",     "HERE",  "STATE",
                                        "COPIES", "MACHINES", "SINCE", "FOR"};
    grid_init(g, sizeof names / sizeof *names);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        grid_add(g, "%s", names[i]);
}

/* The node tells one only to who may see it. */
static bool is_told(const struct object_view *v)
{
    return !job_id_equal(v->job, (struct job_id){{0}});
}

static void add_owner(struct grid *g, const struct object_view *v)
{
    const char *user = v->flags & OBJECT_OF_USER ? "user" : "";
    const char *and = v->flags & OBJECT_OF_USER && v->jobs > 0 ? ", " : "";
    char job[9];
    id_hex(v->job.bytes, 8, job);
    if (v->jobs == 0)
        grid_add(g, "%s", *user ? user : "-");
    else if (v->jobs == 1 && is_told(v))
        grid_add(g, "%s%sjob %s", user, and, job);
    else
        grid_add(g, "%s%s%u job%s", user, and, v->jobs, v->jobs == 1 ? "" : "s");
}

void view_objects_row(struct grid *g, const struct object_view *v)
{
    char name[OBJECT_SHORT_SIZE], number[VIEW_NUMBER_SIZE], since[DURATION_TEXT_SIZE];
    object_short(v->name, name);
    grid_add(g, "%s", name);
    view_bytes(v->size, number);
    grid_add(g, "%s", number);
    view_bytes(v->here, number);
    grid_add(g, "%s", v->flags & OBJECT_WHOLE ? "all" : v->here ? number : "-");
    grid_add(g, "%s%s%s", v->flags & OBJECT_KEPT ? "kept" : "cached",
             v->flags & OBJECT_COMING ? ", coming" : "",
             v->flags & OBJECT_IN_USE ? ", in use" : "");
    grid_add(g, "%u", v->copies);
    grid_add(g, "%u", v->machines);
    if (v->age_s > (uint64_t)(DURATION_MAX_US / S_US))
        text_copy(since, sizeof since, "> 1 year");
    else
        duration_short(v->age_s * S_US, since);
    grid_add(g, "%s", v->here || v->flags & OBJECT_WHOLE ? since : "-");
    add_owner(g, v);
}

void json_object(struct json *j, const struct object_view *v)
{
    char hex[ID_HEX_SIZE];
    id_hex(v->name.bytes, 2 * ID_SIZE, hex);
    json_open(j, NULL, '{');
    json_text(j, "name", hex);
    json_number(j, "size", v->size);
    json_number(j, "here", v->here);
    json_truth(j, "kept", v->flags & OBJECT_KEPT);
    json_truth(j, "whole", v->flags & OBJECT_WHOLE);
    json_truth(j, "coming", v->flags & OBJECT_COMING);
    json_truth(j, "in_use", v->flags & OBJECT_IN_USE);
    json_number(j, "copies", v->copies);
    json_number(j, "machines", v->machines);
    json_number(j, "age_seconds", v->age_s);
    json_truth(j, "user", v->flags & OBJECT_OF_USER);
    json_number(j, "jobs", v->jobs);
    id_hex(v->job.bytes, 2 * ID_SIZE, hex);
    json_text(j, "job", is_told(v) ? hex : NULL);
    json_close(j, '}');
}

void json_print_object(const struct object_view *v)
{
    struct json j;
    json_document_open(&j, stdout, "objects");
    json_object(&j, v);
    json_document_close(&j);
}

static int send_page(struct line *l, const struct request_objects *ask)
{
    uint8_t room[256];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    put_request_objects(&payload, ask);
    return line_send(l, MESSAGE_REQUEST_OBJECTS, buf_bytes(&payload));
}

/* A node whose pages do not advance would be asked for ever. */
static int take_page(struct line *l, struct request_objects *ask, size_t *count,
                     void (*take)(void *ctx, const struct object_view *v), void *ctx)
{
    struct object_view v;
    struct frame frame;
    int rc = send_page(l, ask);
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_OBJECT, &frame)) == 1) {
        rc = read_object_view(frame.payload, &v);
        if (rc == 0 && memcmp(v.name.bytes, ask->after.bytes, ID_SIZE) <= 0 && !ask->ref[0])
            rc = ERR_FORMAT;
        if (rc < 0)
            break;
        take(ctx, &v);
        ask->after = v.name;
        ++*count;
    }
    return rc;
}

int objects_each(struct line *l, bool all, const char *ref,
                 void (*take)(void *ctx, const struct object_view *v), void *ctx)
{
    struct request_objects ask = {.all = all};
    size_t count;
    int rc;
    text_copy(ask.ref, sizeof ask.ref, ref);
    do {
        count = 0;
        rc = take_page(l, &ask, &count, take, ctx);
    } while (rc == 0 && count >= OBJECT_PAGE);
    return rc;
}
