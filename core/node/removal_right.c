#include "core/node/removal_right.h"

#include "core/base/err.h"
#include "core/node/acts.h"
#include "core/node/author_ask.h"
#include "core/node/calendar.h"
#include "core/node/seal.h"

bool removal_needs_word(const struct keeping *k)
{
    return !job_id_equal(k->owner, KEEPING_USER) || !node_id_is_zero(k->by);
}

static enum author_word right_of(const struct node *n, const struct keeping *gone,
                                 const struct keeping *k)
{
#if VELUM_PLANT == 1017 /* trace/test_removal: any node takes away what users put */
    return AUTHOR_IS;
#endif
    if (!removal_needs_word(k))
        return AUTHOR_IS;
    if (gone->removal.len == 0)
        return AUTHOR_IS_NOT;
    if (gone->by_admin)
        return AUTHOR_IS;
    if (job_id_equal(k->owner, KEEPING_USER))
        return node_id_equal(k->by, gone->by) ? AUTHOR_IS : AUTHOR_IS_NOT;
    return author_word(n, k->owner, gone->by);
}

bool removal_stands(struct node *n, const struct keeping *gone, const struct keeping *k)
{
    if (right_of(n, gone, k) == AUTHOR_UNKNOWN)
        author_ask(n, k->owner);
    return right_of(n, gone, k) == AUTHOR_IS;
}

bool removal_falls(const struct node *n, const struct keeping *gone, const struct keeping *k)
{
    return right_of(n, gone, k) == AUTHOR_IS_NOT;
}

static bool is_too_old(const struct node *n, int64_t at_s)
{
#if VELUM_PLANT == 1018 /* trace/test_removal: a removal counts when all have forgotten it */
    return false;
#elif VELUM_PLANT == 1061 /* trace/test_removal: a node whose clock is behind removes nothing */
    if (at_s - n->wall_s > (int64_t)n->options.tombstone_s)
        return true;
#endif
    return n->wall_s - at_s > (int64_t)n->options.tombstone_s;
}

/* When the younger of two certificates began, that of who signed and this node's own, which is made
 * anew every few days: no earlier is it now, whatever clocks say. */
static int64_t not_before_s(const struct node *n, const struct signer *by)
{
    const struct seal *s = &n->options.seal;
    struct signer own = {.begins_s = 0};

    if (s->introduce == NULL || s->introduce(s->ctx, n->options.certificate, &own) < 0)
        return by->begins_s;
    return own.begins_s > by->begins_s ? own.begins_s : by->begins_s;
}

static int look(struct node *n, struct keeping *gone, bool handed_in)
{
    struct signed_bytes s;
    struct removal m;
    struct signer by = {.begins_s = 0};
    uint8_t text[64];
    uint64_t age_s, now_s = calendar_now(n);
    int rc = read_removal(gone->removal, &s, &m);

    if (rc < 0)
        return rc;
    if (!digest_equal(m.name, gone->name) || m.generation != gone->generation)
        return ERR_FORMAT;
#if VELUM_PLANT != 1057 /* trace/test_removal: what its author takes back a job loses too */
    if (!removal_names(&m, gone->owner))
        return ERR_FORMAT;
#endif
    rc = seal_verify(n, &s, (struct bytes){text, signed_text(&s, SIGNED_REMOVAL, text)}, &by);
    if (rc < 0)
        return rc;
    if (!party_is_user(by.party) || by.party == PARTY_READ || acts_revoked(n, by.id))
        return ERR_IDENTITY;
    if (m.at_s > by.not_after_s || is_too_old(n, m.at_s))
        return ERR_ARGUMENT;
#if VELUM_PLANT != 1128 /* trace/test_removal: by a clock that is behind one node removes it */
    if (handed_in && m.at_s < not_before_s(n, &by) - ACT_OFF_S)
        return ERR_ARGUMENT;
#endif
    gone->by = by.id;
    gone->by_admin = by.party == PARTY_USER;
    age_s = n->wall_s > m.at_s ? (uint64_t)(n->wall_s - m.at_s) : 0;
    gone->since_s = age_s < now_s ? now_s - age_s : 1;
    return 0;
}

int removal_look(struct node *n, struct keeping *gone)
{
    return look(n, gone, false);
}

int removal_hand_in(struct node *n, struct keeping *gone)
{
    return look(n, gone, true);
}
