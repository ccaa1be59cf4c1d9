#include "core/node/roots.h"

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/node/act_again.h"
#include "core/node/link.h"
#include "core/node/seal.h"
#include "core/wire/message.h"
#include "core/wire/roots.h"

static void tell(struct node *n, struct node_id to, bool whole)
{
    struct roots_told m = {.version = n->roots.version};
    struct buf b;

    if (whole)
        m.roots = n->roots.bytes;
    buf_init(&b, n->alloc, ROOTS_SIZE_MAX + 8);
    put_roots_told(&b, &m);
    if (b.failed)
        n->memory_out = true;
    else
        send_node(n, to, MESSAGE_ROOTS, 0, buf_bytes(&b));
    buf_clear(&b);
}

void roots_greet(struct node *n, struct node_id id)
{
    if (n->roots.version > 0)
        tell(n, id, false);
}

void roots_known(struct node *n, const struct event *ev)
{
    const bool is_new = ev->roots.version > n->roots.version;

    n->roots.generation = ev->roots.generation;
    if (!is_new)
        return;
    bytes_free(n, n->roots.bytes);
    n->roots.bytes = bytes_copy(n, ev->roots.bytes);
    n->roots.version = ev->roots.version;
    seal_forget(n);
    act_again_hopes(n);
    for (uint32_t i = 0; i < mesh_count(n->mesh); i++) {
        const struct member *m = mesh_at(n->mesh, i);

        if (m->link != 0)
            tell(n, m->info->id, true);
    }
}

/* Whatever comes is judged by the host, but the same only once. */
static void hand_over(struct node *n, struct bytes roots)
{
    struct digest name = sha256_of(roots.data, roots.len);

    if (digest_equal(name, n->roots.refused))
        return;
    n->roots.refused = name;
    n->memory_out |= actions_add(n->out, ACTION_ROOTS, roots) == NULL;
}

int roots_heard(struct node *n, struct node_id from, struct bytes payload)
{
    struct roots_told m;

    if (read_roots_told(payload, &m) < 0)
        return ERR_FORMAT;
    if (m.version < n->roots.version)
        tell(n, from, true);
    else if (m.version > n->roots.version && m.roots.len > 0)
        hand_over(n, m.roots);
    else if (m.version > n->roots.version)
        tell(n, from, false);
    return 0;
}

void roots_request(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    const struct roots_reply m = {n->roots.version, n->roots.generation};
    uint8_t bytes[8];
    struct bytes roots;
    struct buf b;

    if (read_roots_request(payload, &roots) < 0) {
        reply_malformed(n, l->link, request);
        return;
    }
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_roots_reply(&b, &m);
    send_link(n, l->link, MESSAGE_REPLY_ROOTS, request, buf_bytes(&b));
    if (roots.len > 0)
        n->memory_out |= actions_add(n->out, ACTION_ROOTS, roots) == NULL;
}

void roots_free(struct node *n)
{
    bytes_free(n, n->roots.bytes);
}
