#include "core/node/act_room.h"

#include "core/base/err.h"
#include "core/node/acts.h"
#include "core/node/link.h"

#if VELUM_PLANT == 1130 /* trace/test_acts_full: full halves revoke for ever what the other lacks */
#define HALVES 1
#else
#define HALVES 2
#endif

enum worth {
    WORTH_NOTHING,       /* it does not count */
    WORTH_UNDONE_FORMER, /* of a node that is no member */
    WORTH_FORMER,
    WORTH_UNDONE,
    WORTH_MEMBER
};

uint32_t act_room_max(const struct node *n, bool revoke)
{
    const uint32_t all = n->limits.acts;

    if (revoke)
        return HALVES * all + ACT_SIGNERS_MAX;
    return n->replaying || all < 4 ? all : all / 4;
}

static bool is_member(const struct node *n, struct node_id id)
{
    return node_is_self(n, id) || mesh_find(n->mesh, id) != NULL;
}

static enum worth worth_of(const struct node *n, const struct act *a)
{
    if (a->kind == ACT_RESUME)
        return is_member(n, a->subject) ? WORTH_UNDONE : WORTH_UNDONE_FORMER;
    return is_member(n, a->subject) ? WORTH_MEMBER : WORTH_FORMER;
}

struct candidate {
    enum worth worth;
    const struct act *act;
    struct digest name;
};

static bool is_less(const struct candidate *a, const struct candidate *b)
{
    return a->worth != b->worth ? a->worth < b->worth
                                : act_is_later(b->act, b->name, a->act, a->name);
}

/* That which is worth least of the kinds that make way, and less than the new one. */
static struct act_entry *least(const struct node *n, const struct act *a, struct digest name)
{
    struct candidate low = {worth_of(n, a), a, name};
    struct act_entry *out = NULL;

    for (struct act_entry *e = n->acts.first; e != NULL; e = e->next) {
        struct candidate c = {e->voided ? WORTH_NOTHING : worth_of(n, &e->act), &e->act, e->name};

        if (e->act.kind == ACT_REVOKE || c.worth == WORTH_MEMBER || !is_less(&c, &low))
            continue;
        low = c;
        out = e;
    }
    return out;
}

static bool has_signed(struct node *n, struct node_id id)
{
    for (struct act_entry *e = n->acts.first; e != NULL; e = e->next)
        if (acts_signed_by(n, e, id))
            return true;
    return false;
}

/* `most`: so many have room, whatever they are about. */
static int room_to_revoke(struct node *n, const struct act *a, uint32_t most)
{
    if (n->acts.revoked_count < most)
        return 0;
    if (n->acts.revoked_count >= act_room_max(n, true))
        return ERR_FULL;
#if VELUM_PLANT == 1026 /* trace/test_acts_full: a stolen admin's key that filled the table stays */
    return ERR_FULL;
#endif
    return n->replaying || has_signed(n, a->subject) ? 0 : ERR_FULL;
}

int act_room_asked(struct node *n, const struct act *a)
{
    if (a->kind != ACT_REVOKE || acts_revoked(n, a->subject))
        return 0;
    return room_to_revoke(n, a, n->limits.acts);
}

int act_room(struct node *n, const struct act *a, struct digest name, struct act_entry **way)
{
    *way = NULL;
    if (a->kind == ACT_REVOKE)
        return room_to_revoke(n, a, HALVES * n->limits.acts);
    if (n->acts.count - n->acts.revoked_count < act_room_max(n, false))
        return 0;
    *way = least(n, a, name);
    return *way != NULL ? 0 : ERR_FULL;
}
