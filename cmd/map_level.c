#include "cmd/map_level.h"

#include "core/wire/message.h"

bool map_level_reads(const struct node_view *v)
{
    return v->state == NODE_DEAD || v->state == NODE_LEFT || v->tier != TIER_UNKNOWN;
}

bool map_level_may_roll(const struct call *c)
{
    struct line_options where = {.quiet = true};
    struct node_view v;
    struct frame frame;
    struct line *l;
    bool all = true;
    if (line_open(&l, c, &where) != 0)
        return false;
    int rc = line_send(l, MESSAGE_REQUEST_NODES, (struct bytes){0});
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_NODE, &frame)) == 1) {
        rc = read_node_view(frame.payload, &v);
        all = all && rc == 0 && map_level_reads(&v);
    }
    line_close(l);
    return all && rc >= 0;
}
