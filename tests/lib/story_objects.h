/* What a command does with objects, for stories: puts and gets within their credit. Header only,
 * because it checks. */
#ifndef VELUM_TESTS_STORY_OBJECTS_H
#define VELUM_TESTS_STORY_OBJECTS_H

#include "core/node/object_peer.h"
#include "core/object/name.h"
#include "core/wire/object_request.h"
#include "tests/lib/check.h"
#include "tests/lib/story.h"
#include "tests/lib/story_inside.h"

/* Bytes of which no two pieces alike. */
static inline void story_fill(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
}

static inline void story_put_data(struct story *s, uint64_t user, uint32_t request,
                                  struct bytes data)
{
    struct buf b;

    buf_init(&b, &s->heap.alloc, FRAME_PAYLOAD_MAX);
    put_raw(&b, data.data, data.len);
    story_tell(s, user, MESSAGE_REQUEST_DATA, request, buf_bytes(&b));
    buf_clear(&b);
}

static inline uint32_t story_put_keyed(struct story *s, uint64_t user, uint64_t size,
                                       struct digest key)
{
    struct request_put m = {.size = size, .key = key};
    uint8_t raw[64];
    struct buf b;

    buf_init_fixed(&b, raw, sizeof raw);
    put_request_put(&b, &m);
    return story_ask(s, user, MESSAGE_REQUEST_PUT, buf_bytes(&b));
}

static inline uint32_t story_put_begun(struct story *s, uint64_t user, uint64_t size)
{
    return story_put_keyed(s, user, size, (struct digest){{0}});
}

/* The credit of all answers together. */
static inline uint64_t story_put_credit(struct story *s, uint64_t user, uint32_t request)
{
    uint64_t sum = 0, there;
    uint32_t credit;

    for (uint32_t i = 0; i < s->answers_count; i++) {
        const struct story_answer *a = &s->answers[i];

        if (a->link == user && a->request == request && a->type == MESSAGE_REPLY_CREDIT &&
            read_object_there((struct bytes){a->data, a->len}, &credit, &there) == 0)
            sum += credit;
    }
    return sum;
}

/* What the first of them says. */
static inline uint64_t story_put_there(struct story *s, uint64_t user, uint32_t request)
{
    for (uint32_t i = 0; i < s->answers_count; i++) {
        const struct story_answer *a = &s->answers[i];
        uint32_t credit;
        uint64_t there;

        if (a->link == user && a->request == request && a->type == MESSAGE_REPLY_CREDIT &&
            read_object_there((struct bytes){a->data, a->len}, &credit, &there) == 0)
            return there;
    }
    return 0;
}

/* Sends as a command does, never more than it may. */
static inline void story_put_sent(struct story *s, uint64_t user, uint32_t request,
                                  const uint8_t *data, uint64_t size)
{
    uint64_t spent = 0;

    for (uint64_t at = 0; at < size && story_code(s, user, request) <= 0;) {
        uint64_t n = size - at < OBJECT_DATA_MAX ? size - at : OBJECT_DATA_MAX;
        uint64_t cost = n < OBJECT_DATA_COST_MIN ? OBJECT_DATA_COST_MIN : n;

        if (spent + cost > story_put_credit(s, user, request)) {
            story_run(s, MS_US);
            continue;
        }
        story_put_data(s, user, request, (struct bytes){data + at, (size_t)n});
        spent += cost;
        at += n;
    }
    story_put_data(s, user, request, (struct bytes){NULL, 0});
    story_run(s, 5 * MS_US);
}

static inline bool story_object_view(struct story *s, uint64_t user, uint32_t request,
                                     struct object_view *v)
{
    for (uint32_t i = s->answers_count; i-- > 0;) {
        const struct story_answer *a = &s->answers[i];

        if (a->link == user && a->request == request && a->type == MESSAGE_REPLY_OBJECT)
            return read_object_view((struct bytes){a->data, a->len}, v) == 0;
    }
    return false;
}

/* Puts it whole, and waits so long for what is told of it. */
static inline struct digest story_put_whole(struct story *s, uint32_t i, const uint8_t *data,
                                            uint64_t size, int64_t patience_us,
                                            struct object_view *told)
{
    uint64_t user = story_user(s, i);
    uint32_t request = story_put_begun(s, user, size);
    struct object_view v = {0};

    story_put_sent(s, user, request, data, size);
    CHECK_INT(story_code(s, user, request), 0);
    for (; patience_us > 0 && !story_object_view(s, user, request, &v); patience_us -= 500 * MS_US)
        story_run(s, 500 * MS_US);
    CHECK(story_object_view(s, user, request, &v));
    CHECK_INT(v.size, size);
    CHECK(digest_equal(v.name, object_name_of((struct bytes){data, (size_t)size})));
    *told = v;
    story_leave(s, user);
    story_run(s, MS_US);
    return v.name;
}

static inline uint32_t story_get_asked(struct story *s, uint64_t user, const struct request_get *m)
{
    uint8_t raw[128];
    struct buf b;

    buf_init_fixed(&b, raw, sizeof raw);
    put_request_get(&b, m);
    return story_ask(s, user, MESSAGE_REQUEST_GET, buf_bytes(&b));
}

static inline uint32_t story_get_begun(struct story *s, uint64_t user, struct digest name,
                                       size_t digits, uint64_t offset)
{
    struct request_get m = {.offset = offset};

    id_hex(name.bytes, digits, m.ref);
    return story_get_asked(s, user, &m);
}

static inline void story_get_more(struct story *s, uint64_t user, uint32_t request, uint32_t count)
{
    uint8_t raw[4];
    struct buf b;

    buf_init_fixed(&b, raw, sizeof raw);
    put_object_credit(&b, count);
    story_tell(s, user, MESSAGE_REQUEST_MORE, request, buf_bytes(&b));
}

/* What has come of it, copied. */
static inline uint64_t story_got(struct story *s, uint64_t user, uint32_t request, uint8_t *to,
                                 size_t cap)
{
    uint64_t at = 0;

    for (uint32_t i = 0; i < s->answers_count; i++) {
        const struct story_answer *a = &s->answers[i];

        if (a->link != user || a->request != request || a->type != MESSAGE_REPLY_PIECE)
            continue;
        REQUIRE(at + a->len <= cap);
        memcpy(to + at, a->data, a->len);
        at += a->len;
    }
    return at;
}

static inline bool story_has_ended(struct story *s, uint64_t user, uint32_t request)
{
    const struct story_answer *a = story_answer(s, user, request);

    return a != NULL && a->type == MESSAGE_REPLY_END;
}

/* Gets it at node i within 20 s, and sees that the bytes are right, as far as they came; the exit
 * code. */
static inline int story_get_whole(struct story *s, uint32_t i, struct digest name,
                                  const uint8_t *data, uint64_t size)
{
    uint64_t user = story_user(s, i);
    uint32_t request = story_get_begun(s, user, name, 64, 0);
    uint8_t *got = alloc_array(&s->heap.alloc, (size_t)size + 1, 1);
    uint64_t came;
    int code;

    REQUIRE(got != NULL);
    for (int k = 0;
         k < 400 && !story_has_ended(s, user, request) && story_code(s, user, request) <= 0; k++) {
        if (k % 4 == 0)
            story_get_more(s, user, request, 100000);
        story_run(s, 50 * MS_US);
    }
    code = story_code(s, user, request);
    came = story_got(s, user, request, got, (size_t)size);
    CHECK(memcmp(got, data, (size_t)came) == 0);
    if (story_has_ended(s, user, request)) {
        CHECK_INT(came, size);
        code = 0;
    }
    alloc_free(&s->heap.alloc, got, (size_t)size + 1);
    story_leave(s, user);
    return code;
}

/* What the user, as he was said last, signs of that body. */
static inline size_t story_removal(const struct story *s, struct bytes body, uint8_t *to,
                                   size_t cap)
{
    uint8_t certificate[CERTIFICATE_SIZE];
    struct signed_bytes sealed = {.certificate = {certificate, sizeof certificate}, .body = body};
    struct buf b;

    story_certificate(story_who(s), s->as ? s->as : PARTY_USER, certificate);
    buf_init_fixed(&b, to, cap);
    put_signed(&b, &sealed);
    REQUIRE(!b.failed);
    return b.len;
}

static inline uint32_t story_rm(struct story *s, uint64_t user, struct digest name, enum rm_how how,
                                struct bytes removal)
{
    struct request_rm m = {.how = how, .removal = removal};
    uint8_t raw[REQUEST_RM_SIZE];
    struct buf b;

    id_hex(name.bytes, 64, m.ref);
    buf_init_fixed(&b, raw, sizeof raw);
    put_request_rm(&b, &m);
    return story_ask(s, user, MESSAGE_REQUEST_RM, buf_bytes(&b));
}

/* Asks what to sign, and signs it, of the time that it is. Its exit code within that time. */
static inline int story_rm_code(struct story *s, uint64_t user, struct digest name, int64_t us)
{
    uint32_t request = story_rm(s, user, name, RM_ASK, (struct bytes){NULL, 0});
    int code = story_code_within(s, user, request, us);
    const struct story_answer *a = story_answer(s, user, request);
    uint8_t body[REMOVAL_BODY_SIZE], removal[2048];
    struct removal m;
    struct buf b;
    size_t len;

    if (code != 0)
        return code;
    REQUIRE(read_removal_body((struct bytes){a->data, a->len}, &m) == 0);
    m.at_s = STORY_WALL_S + s->now.us / S_US;
    buf_init_fixed(&b, body, sizeof body);
    put_removal_body(&b, &m);
    len = story_removal(s, buf_bytes(&b), removal, sizeof removal);
    request = story_rm(s, user, name, RM_SIGNED, (struct bytes){removal, len});
    return story_code_within(s, user, request, us);
}

static inline int story_ref_code(struct story *s, uint32_t i, uint8_t type, struct digest name)
{
    uint64_t user = story_user(s, i);
    int code;

    REQUIRE(type == MESSAGE_REQUEST_RM);
    code = story_rm_code(s, user, name, 10 * MS_US);
    story_leave(s, user);
    return code;
}

/* Node `from` says so; it need not be true. */
static inline void story_say_have(struct story *s, uint32_t from, uint32_t to, struct object_have m)
{
    uint8_t raw[128];
    struct buf b;

    buf_init_fixed(&b, raw, sizeof raw);
    put_u16(&b, 1);
    put_object_have(&b, &m);
    REQUIRE(!b.failed);
    story_say(s, from, to, MESSAGE_OBJECT_HAVE, 0, buf_bytes(&b));
}

static inline void story_says_has(struct story *s, uint32_t from, uint32_t to, struct digest name,
                                  uint64_t size)
{
    story_say_have(s, from, to, (struct object_have){.name = name, .size = size, .whole = true});
}

#endif
