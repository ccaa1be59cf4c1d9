#include "core/sim/scale_known.h"

#include "core/base/err.h"
#include "core/mesh/mesh_wire.h"
#include "core/wire/message.h"

/* Everybody's first contact is node 0, whose own is node 1. */
static uint32_t contact_of(uint32_t node)
{
    return node == 0 ? 1 : 0;
}

static void give(const struct scale_known *k, uint32_t node, uint8_t type, const struct buf *b)
{
    if (buf_result(b) == 0)
        k->give(k->ctx, node, contact_of(node), type, buf_bytes(b));
}

/* The nodes in the order of their ids, in which a table is told: each member is then added at the
 * end of the receiver's. Shell's way. NULL: out of memory. */
static uint32_t *in_order(const struct alloc *a, const struct scale_known *k)
{
    uint32_t *list = alloc_array(a, k->count, sizeof *list);

    for (uint32_t i = 0; list != NULL && i < k->count; i++)
        list[i] = i;
    for (uint32_t gap = list != NULL ? k->count / 2 : 0; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
        for (uint32_t i = gap; i < k->count; i++) {
            uint32_t node = list[i], at = i;
            const struct node_id id = k->info(k->ctx, node)->id;
            for (; at >= gap && node_id_compare(k->info(k->ctx, list[at - gap])->id, id) > 0;
                 at -= gap)
                list[at] = list[at - gap];
            list[at] = node;
        }
    return list;
}

/* A page of members from this one on; the one after it. */
static uint32_t put_page(const struct scale_known *k, struct buf *b, const uint32_t *order,
                         uint32_t from)
{
    size_t start = rumor_list_begin(b);
    uint32_t i = from;

    for (; i < k->count && i - from < MESH_RUMORS_MAX; i++) {
        struct rumor r = {.state = NODE_ALIVE, .info = *k->info(k->ctx, order[i])};
        put_rumor(b, &r);
    }
    rumor_list_end(b, start, i - from);
    return i;
}

static void greet(const struct scale_known *k, struct buf *b, uint32_t node)
{
    struct hello h = {.version_min = MESH_VERSION_MIN,
                      .version_max = MESH_VERSION_MAX,
                      .features = MESH_FEATURES,
                      .greeting = 1,
                      .alone = true,
                      .self = *k->info(k->ctx, contact_of(node))};

    buf_reset(b);
    put_hello(b, &h);
    rumor_list_end(b, rumor_list_begin(b), 0);
    give(k, node, MESSAGE_HELLO, b);
}

/* The contact tells of everybody and closes. */
static void tell(const struct scale_known *k, struct buf *b, const uint32_t *order)
{
    for (uint32_t page = 0, next = 0; page < k->count; page = next) {
        buf_reset(b);
        next = put_page(k, b, order, page);
        for (uint32_t i = 0; i < k->count; i++)
            give(k, i, MESSAGE_RUMORS, b);
    }
    buf_reset(b);
    put_goodbye(b, &(struct goodbye){GOODBYE_CLOSING, MESH_VERSION_MIN, MESH_VERSION_MAX});
    for (uint32_t i = 0; i < k->count; i++)
        give(k, i, MESSAGE_GOODBYE, b);
}

int scale_know_all(const struct alloc *a, const struct scale_known *k)
{
    uint32_t *order = in_order(a, k);
    struct buf b;
    int rc;

    if (order == NULL)
        return ERR_NO_MEMORY;
    buf_init(&b, a, FRAME_PAYLOAD_MAX);
    for (uint32_t i = 0; i < k->count; i++)
        greet(k, &b, i);
    tell(k, &b, order);
    rc = buf_result(&b);
    buf_clear(&b);
    alloc_free(a, order, k->count * sizeof *order);
    return rc;
}
