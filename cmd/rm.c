#include <stdio.h>

#include "cmd/view_object.h"
#include "core/base/err.h"
#include "core/wire/message.h"

#define RM_REFS_MAX 256

/* The object as it was, then the end: until that came it is not known to be removed. */
static int remove_one(struct line *l, const char *ref, struct object_view *v)
{
    struct frame frame;
    uint8_t room[128];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    put_object_ref(&payload, ref);
    int rc =
        line_exchange(l, MESSAGE_REQUEST_RM, buf_bytes(&payload), MESSAGE_REPLY_OBJECT, &frame);
    if (rc == 0)
        rc = read_object_view(frame.payload, v);
    if (rc == 0 && !object_is_meant(v->name, ref))
        rc = ERR_FORMAT;
    if (rc == 0)
        rc = line_item(l, MESSAGE_REPLY_OBJECT, &frame);
    return rc > 0 ? ERR_FORMAT : rc;
}

static int act(struct line *l, const void *ctx, const char *ref)
{
    (void)ctx;
    struct object_view v;
    char name[OBJECT_SHORT_SIZE];
    int code = object_check_ref(ref);
    if (code != 0)
        return code;
    int rc = remove_one(l, ref, &v);
    if (rc < 0)
        return line_report_about(l, ref, rc);
    object_short(v.name, name);
    printf("%s removed\n", name);
    return CODE_DONE;
}

static int run(const struct call *c)
{
    return line_each(c, 0, act, NULL);
}

const struct cmd cmd_rm = {
    .name = "rm",
    .args = "REF...",
    .summary = "let go of objects, on every node",
    .more = "Nodes that are away hear of it when they are back. Who is reading the object at the\n"
            "moment reads it to its end.",
    .group = GROUP_OBJECTS,
    .takes = TAKES_OBJECT,
    .args_min = 1,
    .args_max = RM_REFS_MAX,
    .run = run,
};
