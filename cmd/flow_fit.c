#include "cmd/flow_fit.h"

#include <stdlib.h>

#include "cmd/talk.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/message.h"
#include "core/wire/request.h"

/* What some stages ask for, and the node that is nearest to meeting it. */
struct sought {
    struct demand demand;
    bool found;
    struct node_view best;
};

static struct offer offer_of(const struct node_view *v)
{
    return (struct offer){v->slots, v->memory_bytes, v->labels,    v->arch,
                          v->name,  v->tier,         v->tier_lacks};
}

static void look_at(struct sought *s, const struct node_view *v)
{
    const struct offer this = offer_of(v), best = offer_of(&s->best);
    if (v->state == NODE_DEAD || v->state == NODE_LEFT ||
        !demand_is_nearer(&s->demand, &this, s->found ? &best : NULL))
        return;
    s->best = *v;
    s->found = true;
}

static int look_at_all(struct line *l, struct sought *list, uint32_t count)
{
    struct node_view v;
    struct frame frame;
    int rc = line_send(l, MESSAGE_REQUEST_NODES, (struct bytes){0});
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_NODE, &frame)) == 1)
        if ((rc = read_node_view(frame.payload, &v)) == 0)
            for (uint32_t i = 0; i < count; i++)
                look_at(&list[i], &v);
    return rc < 0 ? line_report(l, rc) : 0;
}

static int report(const struct sought *s)
{
    const struct offer best = offer_of(&s->best);
    char what[VIEW_ERROR_SIZE];
    if (s->found && demand_misses(&s->demand, &best) == 0)
        return 0;
    demand_say_unmet(&s->demand, s->found ? &best : NULL, what, sizeof what);
    talk_error("%s", what);
    talk_try("ask for less (velum nodes), or let the flow wait for such a node: wait-for-capacity "
             "= yes in its [job]");
    return CODE_NOWHERE;
}

int flow_fit(const struct flow *f, struct line *l)
{
    uint32_t count = 0;
    if (f->waits || f->wants_count == 0)
        return 0;
    struct sought *list = calloc(f->wants_count, sizeof *list);
    if (!list)
        return line_report(l, ERR_NO_MEMORY);
    for (uint32_t i = 0; i < f->wants_count; i++) {
        list[count].demand = wants_demand(f->wants[i]);
        count += !demand_is_empty(&list[count].demand);
    }
    int code = count > 0 ? look_at_all(l, list, count) : 0;
    for (uint32_t i = 0; i < count && code == 0; i++)
        code = report(&list[i]);
    free(list);
    return code;
}
