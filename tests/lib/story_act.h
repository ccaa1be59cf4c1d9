/* Acts in a story: made, handed in, and who knows them. The story. Header only, because it checks.
 */
#ifndef VELUM_TESTS_STORY_ACT_H
#define VELUM_TESTS_STORY_ACT_H

#include "core/base/text.h"
#include "core/node/acts.h"
#include "tests/lib/check.h"
#include "tests/lib/story_inside.h"

static struct story story;

struct act_made {
    uint8_t bytes[512];
    size_t len;
};

/* What user `who` of that role signs; each number is an act of its own. */
static inline struct act_made act_make_by(struct node_id who, enum party party, enum act_kind kind,
                                          struct node_id subject, int64_t after_s, uint8_t number)
{
    struct act a = {.kind = kind, .subject = subject, .at_s = STORY_WALL_S + after_s};
    uint8_t certificate[CERTIFICATE_SIZE], body[256];
    struct signed_bytes s = {.certificate = {certificate, sizeof certificate}};
    struct act_made made = {.len = 0};
    struct buf b, whole;

    a.nonce[0] = number;
    text_copy(a.reason, sizeof a.reason, "a test");
    buf_init_fixed(&b, body, sizeof body);
    put_act_body(&b, &a);
    s.body = buf_bytes(&b);
    story_certificate(who, party, certificate);
    buf_init_fixed(&whole, made.bytes, sizeof made.bytes);
    put_signed(&whole, &s);
    made.len = whole.len;
    return made;
}

static inline struct act_made act_make(enum act_kind kind, struct node_id subject, int64_t after_s)
{
    return act_make_by(story_user_id(), PARTY_USER, kind, subject, after_s, 1);
}

static inline struct bytes act_bytes(const struct act_made *m)
{
    return (struct bytes){m->bytes, m->len};
}

/* A key that no node has. */
static inline struct node_id act_key(uint16_t n)
{
    struct node_id id = {{0xee, (uint8_t)(n >> 8), (uint8_t)n}};

    return id;
}

/* Node i's user, an admin, hands it in. */
static inline uint32_t act_hand_in(uint64_t user, const struct act_made *m)
{
    uint8_t bytes[600];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_block(&b, act_bytes(m));
    return story_ask(&story, user, MESSAGE_REQUEST_ACT, buf_bytes(&b));
}

/* Node `to` hears it from `from`. */
static inline void act_say(uint32_t from, uint32_t to, const struct act_made *m)
{
    uint8_t bytes[600];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_acts_begin(&b, 1);
    put_block(&b, act_bytes(m));
    story_say(&story, from, to, MESSAGE_ACT, 0, buf_bytes(&b));
}

/* The same by a user of node i, who does not wait for the answer. */
static inline void act_give(uint32_t i, const struct act_made *m)
{
    uint64_t user = story_user(&story, i);

    act_hand_in(user, m);
    story_leave(&story, user);
}

/* How many of the nodes that run know that this key is revoked. */
static inline uint32_t act_knowing(struct node_id id)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < story.count; i++)
        count += story.nodes[i].core != NULL && acts_revoked(story.nodes[i].core, id);
    return count;
}

/* The answer to REQUEST_ACT within 6 s; live 0: there was another, or none. */
static inline struct reply_act act_reply(uint64_t user, uint32_t request)
{
    struct reply_act m = {.live = 0};
    const struct story_answer *a;

    if (story_code_within(&story, user, request, 6 * S_US) != 0)
        return m;
    a = story_answer(&story, user, request);
    REQUIRE(a->type == MESSAGE_REPLY_ACT);
    CHECK_INT(read_reply_act((struct bytes){a->data, a->len}, &m), 0);
    return m;
}

#endif
