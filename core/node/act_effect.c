#include "core/node/act_effect.h"

#include "core/node/acts.h"
#include "core/node/drain.h"
#include "core/node/link.h"
#include "core/node/revoked.h"

void act_effect(struct node *n, const struct act *a)
{
    if (a->kind == ACT_REVOKE)
        revoked_now(n, a);
    else if (node_is_self(n, a->subject))
        drain_look(n);
}

void act_undone(struct node *n, const struct act *a)
{
    if (node_is_self(n, a->subject))
        drain_look(n);
}

void act_effects(struct node *n)
{
    for (const struct act_entry *e = n->acts.first; e != NULL; e = e->next)
        if (!e->voided)
            act_effect(n, &e->act);
}
