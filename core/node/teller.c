#include "core/node/teller.h"

#include "core/node/link.h"
#include "core/node/objects.h"

struct teller {
    struct node_id id;
    uint32_t count;
    bool said; /* that it is too many */
};

void tellers_free(struct node *n)
{
    struct teller *t;
    size_t at = 0;

    while ((t = map_next(&n->objects->tellers, &at)) != NULL)
        alloc_free(n->alloc, t, sizeof *t);
    map_clear(&n->objects->tellers);
}

bool teller_may(struct node *n, struct node_id from)
{
    struct teller *t = map_get(&n->objects->tellers, &from);
    char name[NODE_NAME_SIZE];

    if (t == NULL || t->count < TELLER_MAX)
        return true;
    if (!t->said) {
        member_name(n, from, name);
        log_line(n->options.log, LOG_WARNING,
                 "node %s wants more than %u objects kept here that have not come yet; no more of "
                 "them are taken down",
                 name, (unsigned)TELLER_MAX);
    }
    t->said = true;
    return false;
}

void teller_add(struct node *n, struct keeping *k, struct node_id from)
{
    struct teller *t = map_get(&n->objects->tellers, &from);

    if (t == NULL) {
        t = node_alloc(n, sizeof *t);
        if (t == NULL)
            return; /* this step comes to nothing */
        t->id = from;
        if (map_put(&n->objects->tellers, &t->id, t) < 0) {
            alloc_free(n->alloc, t, sizeof *t);
            return;
        }
    }
    t->count++;
    k->teller = t;
}

void teller_remove(struct node *n, struct keeping *k)
{
    struct teller *t = k->teller;

    k->teller = NULL;
    if (t == NULL || --t->count > 0)
        return;
    (void)map_remove(&n->objects->tellers, &t->id);
    alloc_free(n->alloc, t, sizeof *t);
}
