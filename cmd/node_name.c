#include "cmd/node_name.h"

#include <string.h>

#include "core/base/err.h"
#include "core/wire/message.h"

static bool is_named(const struct node_view *v, const char *which, const uint8_t *prefix,
                     int digits)
{
    return strcmp(v->name, which) == 0 ||
           (digits >= NODE_DIGITS_MIN && id_has_prefix(v->id.bytes, prefix, (size_t)digits));
}

static void take(struct nodes_named *f, const struct node_view *v)
{
    if (v->state == NODE_DEAD || v->state == NODE_LEFT) {
        f->gone = *v;
        f->gone_count++;
    } else {
        f->there = *v;
        f->there_count++;
    }
}

int nodes_named(struct line *l, const char *which, struct nodes_named *f)
{
    uint8_t prefix[ID_SIZE] = {0};
    struct node_view v;
    struct frame frame;
    const int digits = id_parse_prefix(which, prefix);
    *f = (struct nodes_named){.there_count = 0};
    int rc = line_send(l, MESSAGE_REQUEST_NODES, (struct bytes){0});
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_NODE, &frame)) == 1)
        if ((rc = read_node_view(frame.payload, &v)) == 0 && is_named(&v, which, prefix, digits))
            take(f, &v);
    return rc;
}

static int choose(const struct nodes_named *f, const char *which, struct node_view *out)
{
    const unsigned count = f->there_count > 0 ? f->there_count : f->gone_count;
    if (count == 1) {
        *out = f->there_count > 0 ? f->there : f->gone;
        return CODE_DONE;
    }
    if (count > 1) {
        talk_error("%s: %u nodes are called so", which, count);
        talk_try("more digits of its id: velum nodes --json");
        return CODE_MISUSE;
    }
    talk_error("\"%.80s\": no such node", which);
    talk_try("velum nodes lists them");
    return CODE_NOT_FOUND;
}

int node_resolve(struct line *l, const char *which, struct node_view *out)
{
    struct nodes_named f;
    int rc = nodes_named(l, which, &f);
    return rc < 0 ? line_report(l, rc) : choose(&f, which, out);
}
