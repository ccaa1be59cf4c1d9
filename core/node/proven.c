#include "core/node/proven.h"

#include <string.h>

#include "core/node/introduce_state.h"
#include "core/node/link.h"
#include "core/wire/signed.h"

struct proof {
    size_t len;
    uint8_t certificate[];
};

static void proof_free(struct node *n, struct proof *p)
{
    if (p != NULL)
        alloc_free(n->alloc, p, sizeof *p + p->len);
}

bool proven_has(const struct node *n, struct node_id id)
{
    return map_get(&n->introductions->proven, &id) != NULL;
}

struct bytes proven_certificate(const struct node *n, struct node_id id)
{
    const struct proof *p = map_get(&n->introductions->proven, &id);

    if (node_is_self(n, id))
        return n->options.certificate;
    return p == NULL ? (struct bytes){NULL, 0} : (struct bytes){p->certificate, p->len};
}

void proven_keep(struct node *n, struct node_id id, struct bytes certificate)
{
    struct proof *p, *before = map_get(&n->introductions->proven, &id);

    if (certificate.len == 0 || certificate.len > CERTIFICATE_SIZE_MAX ||
        (before != NULL && bytes_equal(proven_certificate(n, id), certificate)))
        return;
    p = node_alloc(n, sizeof *p + certificate.len);
    if (p == NULL)
        return;
    p->len = certificate.len;
    memcpy(p->certificate, certificate.data, certificate.len);
    if (map_put(&n->introductions->proven, &id, p) < 0)
        proof_free(n, p);
    else
        proof_free(n, before);
}

static bool has_link(const struct node *n, struct node_id id)
{
    size_t at = 0;
    const struct link_entry *l;

    while ((l = map_next(&n->links, &at)) != NULL)
        if (node_id_equal(l->id, id))
            return true;
    return false;
}

void proven_look(struct node *n, struct node_id id)
{
    if (mesh_find(n->mesh, id) == NULL && proven_has(n, id) && !has_link(n, id))
        proof_free(n, map_remove(&n->introductions->proven, &id));
}

void proven_free(struct node *n)
{
    size_t at = 0;
    struct proof *p;

    while ((p = map_next(&n->introductions->proven, &at)) != NULL)
        proof_free(n, p);
    map_clear(&n->introductions->proven);
}
