#include "core/node/roots.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/node/act_again.h"
#include "core/node/events.h"
#include "core/node/link.h"
#include "core/node/seal.h"
#include "core/wire/message.h"
#include "core/wire/roots.h"

static void say(struct node *n, struct node_id to, struct bytes roots)
{
    struct roots_told m = {.version = n->roots.version, .roots = roots};
    struct buf b;

    buf_init(&b, n->alloc, ROOTS_SIZE_MAX + 8);
    put_roots_told(&b, &m);
    if (b.failed)
        n->memory_out = true;
    else
        send_node(n, to, MESSAGE_ROOTS, 0, buf_bytes(&b));
    buf_clear(&b);
}

static void say_version(struct node *n, struct node_id to)
{
    say(n, to, (struct bytes){NULL, 0});
}

static void tell(struct node *n, struct node_id to)
{
    say(n, to, n->roots.bytes);
}

void roots_greet(struct node *n, struct node_id id)
{
    if (n->roots.version > 0)
        say_version(n, id);
}

/* Of the same version there may be others in their place, by the host's rule. */
static bool is_new(const struct node *n, uint32_t version, struct bytes roots)
{
    return version > n->roots.version ||
           (version > 0 && version == n->roots.version && !bytes_equal(roots, n->roots.bytes));
}

void roots_known(struct node *n, const struct event *ev)
{
    n->roots.generation = ev->roots.generation;
    if (!is_new(n, ev->roots.version, ev->roots.bytes))
        return;
    if (ev->roots.version == n->roots.version)
        event_note(n, EVENT_NOTE_ROOTS, (struct node_id){0}, NULL,
                   "this node has gone over to the other of the two");
    bytes_free(n, n->roots.bytes);
    n->roots.bytes = bytes_copy(n, ev->roots.bytes);
    n->roots.version = ev->roots.version;
    seal_forget(n);
    act_again_now(n);
    n->roots.refused = (struct digest){{0}}; /* by what was known before */
    for (uint32_t i = 0; i < mesh_count(n->mesh); i++) {
        const struct member *m = mesh_at(n->mesh, i);

        if (m->link != 0)
            tell(n, m->info->id);
    }
}

static void to_host(struct node *n, struct node_id from, struct bytes roots)
{
    struct action *a = actions_add(n->out, ACTION_ROOTS, roots);

    n->memory_out |= a == NULL;
    if (a != NULL)
        a->id = from;
}

/* Whatever comes is judged by the host, but the same only once. */
static bool hand_over(struct node *n, struct node_id from, struct bytes roots)
{
    struct digest name = sha256_of(roots.data, roots.len);

    if (digest_equal(name, n->roots.refused))
        return false;
    n->roots.refused = name;
    to_host(n, from, roots);
    return true;
}

/* Somebody who has as new ones. Each side judges what the other has. */
static void heard_same(struct node *n, struct node_id from, struct bytes roots)
{
    const struct digest own = sha256_of(n->roots.bytes.data, n->roots.bytes.len);

    if (roots.len == 0) {
        say(n, from, (struct bytes){own.bytes, ID_SIZE});
    } else if (roots.len == ID_SIZE) {
        if (memcmp(roots.data, own.bytes, ID_SIZE) != 0)
            tell(n, from);
    } else if (!bytes_equal(roots, n->roots.bytes) && hand_over(n, from, roots)) {
        event_note(n, EVENT_NOTE_ROOTS, from, NULL,
                   "that node has another next root than this one, made at the same time");
        tell(n, from);
    }
}

int roots_heard(struct node *n, struct node_id from, struct bytes payload)
{
    struct roots_told m;

    if (read_roots_told(payload, &m) < 0)
        return ERR_FORMAT;
    if (m.version < n->roots.version)
        tell(n, from);
    else if (m.version > n->roots.version && m.roots.len > 0)
        hand_over(n, from, m.roots);
    else if (m.version > n->roots.version)
        say_version(n, from);
    else if (m.version > 0)
        heard_same(n, from, m.roots);
    return 0;
}

void roots_request(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    struct roots_reply m = {n->roots.version, n->roots.generation};
    uint8_t bytes[8];
    struct bytes roots;
    struct buf b;

    if (read_roots_request(payload, &roots) < 0) {
        reply_malformed(n, l->link, request);
        return;
    }
    const bool others = roots.len > 0 && !bytes_equal(roots, n->roots.bytes);
    if (others)
        m.version = 0;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_roots_reply(&b, &m);
    send_link(n, l->link, MESSAGE_REPLY_ROOTS, request, buf_bytes(&b));
    if (others)
        to_host(n, l->id, roots);
}

void roots_free(struct node *n)
{
    bytes_free(n, n->roots.bytes);
}
