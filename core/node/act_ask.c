#include "core/node/act_ask.h"

#include "core/base/err.h"
#include "core/node/act_room.h"
#include "core/node/acts.h"
#include "core/node/drain.h"
#include "core/node/link.h"
#include "core/node/seal.h"

#define ASK_AGAIN_US (500 * MS_US)

struct act_asked {
    struct node_id id;
    bool kept;
};

struct act_ask {
    uint64_t link;
    uint32_t request, token;
    bool news;
    struct digest name;
    struct bytes act; /* owned */
    struct act_asked *asked;
    uint32_t count, cap;
    struct instant since, sent;
    struct act_ask *next;
};

static void ask_free(struct node *n, struct act_ask *x)
{
    bytes_free(n, x->act);
    alloc_free(n->alloc, x->asked, x->cap * sizeof *x->asked);
    alloc_free(n->alloc, x, sizeof *x);
}

static void ask_remove(struct node *n, struct act_ask *x)
{
    struct act_ask **at;

    for (at = &n->acts.asks; *at != x; at = &(*at)->next)
        ;
    *at = x->next;
    ask_free(n, x);
}

void act_asks_free(struct node *n)
{
    while (n->acts.asks != NULL)
        ask_remove(n, n->acts.asks);
}

/* --- asking --- */

static bool has_link(const struct node *n, struct node_id id)
{
    const struct member *m = mesh_find(n->mesh, id);

    return node_is_self(n, id) || (m != NULL && m->link != 0);
}

/* Members that do not know acts would drop the link for it or say nothing: they get none. */
static bool reads_acts(const struct node *n, struct node_id id)
{
    const struct member *m = mesh_find(n->mesh, id);

    return m == NULL || m->link == 0 || mesh_link_features(n->mesh, m->link) >= FEATURE_ACTS;
}

static void ask_all(struct node *n, struct act_ask *x)
{
    uint32_t dials = 0;
    struct buf b;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_acts_begin(&b, 1);
    put_block(&b, x->act);
    n->memory_out |= b.no_memory;
    for (uint32_t i = 0; !b.failed && i < x->count; i++) {
        const struct act_asked *to = &x->asked[i];

        if (to->kept || !reads_acts(n, to->id))
            continue;
        if (has_link(n, to->id) || dials++ < ACT_ASK_DIALS)
            send_node(n, to->id, MESSAGE_ACT, x->token, buf_bytes(&b));
    }
    buf_clear(&b);
    x->sent = n->now;
}

/* Whom an act is about need not know that it is trusted no longer. */
static bool is_asked(const struct member *m, const struct act *a)
{
    return m->state != NODE_DEAD && m->state != NODE_LEFT &&
           !(a->kind == ACT_REVOKE && node_id_equal(m->info->id, a->subject));
}

static int list_members(struct node *n, struct act_ask *x, const struct act *a)
{
    x->cap = mesh_count(n->mesh) + 1;
    x->asked = alloc_array(n->alloc, x->cap, sizeof *x->asked);
    if (x->asked == NULL)
        return ERR_NO_MEMORY;
    x->asked[x->count++] = (struct act_asked){.id = n->options.id};
    for (uint32_t i = 0; i < mesh_count(n->mesh); i++) {
        const struct member *m = mesh_at(n->mesh, i);

        if (is_asked(m, a))
            x->asked[x->count++] = (struct act_asked){.id = m->info->id};
    }
    return 0;
}

/* --- answering --- */

static uint32_t known_count(const struct act_ask *x)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < x->count; i++)
        count += x->asked[i].kept;
    return count;
}

static void send_reply(struct node *n, uint64_t link, uint32_t request, const struct reply_act *m)
{
    struct buf b;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_reply_act(&b, m);
    n->memory_out |= b.no_memory;
    if (!b.failed)
        send_link(n, link, MESSAGE_REPLY_ACT, request, buf_bytes(&b));
    buf_clear(&b);
}

static void answer(struct node *n, struct act_ask *x)
{
    struct reply_act m = {.news = x->news, .known = known_count(x), .live = x->count};
    char name[NODE_NAME_SIZE];

    for (uint32_t i = 0; i < x->count; i++) {
        if (x->asked[i].kept)
            continue;
        member_name(n, x->asked[i].id, name);
        text_append(m.away, sizeof m.away, m.away[0] != 0 ? ", " : "");
        text_append(m.away, sizeof m.away, name);
    }
    send_reply(n, x->link, x->request, &m);
    ask_remove(n, x);
}

void act_ask_kept(struct node *n, struct node_id from, uint32_t token, struct digest name)
{
    struct act_ask *x = n->acts.asks;

    while (x != NULL && (x->token != token || !digest_equal(x->name, name)))
        x = x->next;
    if (x == NULL)
        return;
    for (uint32_t i = 0; i < x->count; i++)
        x->asked[i].kept |= node_id_equal(x->asked[i].id, from);
    if (known_count(x) == x->count)
        answer(n, x);
}

void act_asks_tick(struct node *n)
{
    struct act_ask *x, *next;

    for (x = n->acts.asks; x != NULL; x = next) {
        next = x->next;
        if (instant_since_us(n->now, x->since) >= ACT_ASK_US)
            answer(n, x);
        else if (instant_since_us(n->now, x->sent) >= ASK_AGAIN_US)
            ask_all(n, x);
    }
}

void act_asks_end(struct node *n)
{
    while (n->acts.asks != NULL)
        answer(n, n->acts.asks);
}

void act_asks_late(struct node *n, int64_t late_us)
{
    for (struct act_ask *x = n->acts.asks; x != NULL; x = x->next)
        x->since = instant_plus_us(x->since, late_us);
}

void act_asks_link_down(struct node *n, uint64_t link)
{
    struct act_ask *x, *next;

    for (x = n->acts.asks; x != NULL; x = next) {
        next = x->next;
        if (x->link == link)
            ask_remove(n, x);
    }
}

/* --- a user's --- */

static void refuse_full(struct node *n, uint64_t link, uint32_t request, struct bytes act)
{
    struct signed_bytes s;
    struct act a;

    if (read_act(act, &s, &a) == 0 && a.kind != ACT_REVOKE)
        reply_error(n, link, request, 1,
                    "as many nodes are told to drain as a node remembers: 1,024",
                    "velum drain --undo, of one that may work again");
    else
        reply_error(n, link, request, 1, "this mesh has as many revocations as a node keeps: 4,096",
                    "a new mesh, in another VELUM_HOME");
}

static void refuse(struct node *n, uint64_t link, uint32_t request, struct bytes act, int rc)
{
    switch (rc) {
    case ERR_FULL:
        refuse_full(n, link, request, act);
        return;
    case ERR_ARGUMENT:
        reply_error(n, link, request, 4,
                    "the time of this is more than a day from the node's clock, or after the end "
                    "of your certificate",
                    "compare date on both machines");
        return;
    case ERR_VERSION:
        reply_error(n, link, request, 1, "this node does not know that act",
                    "is this command of the same version as the node? velum version");
        return;
    case ERR_FORMAT:
        reply_malformed(n, link, request);
        return;
    case ERR_PERMISSION:
        reply_error(n, link, request, 4,
                    "this is not signed by the user who hands it in, or his certificate is not "
                    "good any more",
                    "velum doctor, which looks at your certificate");
        return;
    default:
        reply_error(n, link, request, 4, "only an admin of this mesh may do that",
                    "do it where the mesh was made");
    }
}

static void refuse_later(struct node *n, uint64_t link, uint32_t request, const struct act *known)
{
    struct reply_error m = {.exit_code = 1,
                            .what = "a later act about this node is known already",
                            .hint = "compare date on this machine and where that was done",
                            .later_s = known->at_s};
    struct buf b;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_reply_error(&b, &m);
    n->memory_out |= b.no_memory;
    if (!b.failed)
        send_link(n, link, MESSAGE_REPLY_ERROR, request, buf_bytes(&b));
    buf_clear(&b);
}

static uint32_t asks_count(const struct node *n)
{
    uint32_t count = 0;

    for (const struct act_ask *x = n->acts.asks; x != NULL; x = x->next)
        count++;
    return count;
}

/* With the one that was handed in, also where another counts here: nodes that refused the other may
 * take this one. */
static void ask_begin(struct node *n, uint64_t link, uint32_t request, struct bytes act, bool news)
{
    struct act_ask *x;
    struct signed_bytes s;
    struct act a;

    if (read_act(act, &s, &a) < 0)
        return;
    x = node_alloc(n, sizeof *x);
    if (x == NULL)
        return;
    *x = (struct act_ask){.link = link,
                          .request = request,
                          .token = ++n->token_counter,
                          .news = news,
                          .name = act_name(s.body),
                          .act = bytes_copy(n, act),
                          .since = n->now};
    if (list_members(n, x, &a) < 0) {
        n->memory_out = true;
        ask_free(n, x);
        return;
    }
    x->next = n->acts.asks;
    n->acts.asks = x;
    ask_all(n, x);
}

/* It is new, unlike what nodes tell each other: a key that was revoked or has ended must not get in
 * by another user what it says it signed in time. */
static int judge_asker(struct node *n, const struct link_entry *l, struct bytes act)
{
    struct signed_bytes s;
    struct signer by;
    struct act a;
    uint8_t text[64];
    int rc = read_act(act, &s, &a);

    if (rc == 0)
        rc = seal_verify(n, &s, (struct bytes){text, signed_text(&s, SIGNED_ACT, text)}, &by);
    if (rc < 0)
        return rc;
#if VELUM_PLANT != 950 /* trace/test_acts: whoever may ask hands in what others signed */
    if (!node_id_equal(by.id, l->id))
        return ERR_PERMISSION;
#endif
    if (acts_revoked(n, by.id) || by.not_after_s < n->wall_s)
        return ERR_PERMISSION;
    if (a.at_s > n->wall_s + ACT_OFF_S || a.at_s < n->wall_s - ACT_OFF_S)
        return ERR_ARGUMENT;
    return by.party == PARTY_USER ? act_room_asked(n, &a) : 0; /* others may not at all */
}

void act_ask_request(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload)
{
    const struct act_entry *e = NULL;
    const struct node_id from = l->id; /* the act may be about it, and end its link */
    const uint64_t link = l->link;
    struct bytes act;
    int rc;

    if (read_request_act(payload, &act) < 0) {
        reply_malformed(n, link, request);
        return;
    }
    if (asks_count(n) >= ACT_ASKS_MAX) {
        reply_error(n, link, request, 1, "this node is asked for 64 acts at the moment",
                    REPLY_TRY_AGAIN);
        return;
    }
    if (drain_by_own_key(n, act) == 0) {
        send_reply(n, link, request, &(struct reply_act){.news = true, .known = 1, .live = 1});
        return;
    }
    rc = judge_asker(n, l, act);
    if (rc == 0)
        rc = acts_take(n, n->options.id, act, &e);
    acts_refused(n, from, act, rc);
    if (rc == ACT_SUPERSEDED && e->act.kind != ACT_REVOKE)
        refuse_later(n, link, request, &e->act);
    else if (rc < 0)
        refuse(n, link, request, act, rc);
    else
        ask_begin(n, link, request, act, rc == ACT_NEWS);
}
