/* Damaged acts, and what is said of them. */
#include "core/wire/act_talk.h"
#include "tests/fuzz/fuzz.h"

static int act_again(struct bytes in, struct buf *out)
{
    struct signed_bytes s;
    struct act a;
    int rc = read_act(in, &s, &a);
    struct buf body;
    uint8_t room[512];
    if (rc < 0)
        return rc;
    CHECK(a.kind >= ACT_REVOKE && a.kind <= ACT_LEAVE && !node_id_is_zero(a.subject));
    buf_init_fixed(&body, room, sizeof room);
    put_act_body(&body, &a);
    s.body = buf_bytes(&body);
    put_signed(out, &s);
    return buf_result(out);
}

static void make_act(struct buf *out)
{
    struct signed_bytes s = {.certificate = any_bytes(1024)};
    struct act a = {.kind = (enum act_kind)(ACT_REVOKE + any_below(4)),
                    .subject = any_node(),
                    .at_s = (int64_t)(any_u64() / 4)};
    uint8_t room[512];
    struct buf body;
    a.subject.bytes[0] |= 1;
    any_text(a.reason, sizeof a.reason);
    buf_init_fixed(&body, room, sizeof room);
    put_act_body(&body, &a);
    s.body = buf_bytes(&body);
    put_signed(out, &s);
}

static int talk_again(struct bytes in, struct buf *out)
{
    static struct act_talk t;
    memset(&t, fuzz.fill, sizeof t);
    int rc = read_act_talk(in, &t);
    if (rc < 0)
        return rc;
    if (t.what == ACT_TALK_SUMS)
        put_act_sums(out, t.sums);
    else if (t.what == ACT_TALK_KEPT)
        put_act_kept(out, t.name);
    else
        put_acts_begin(out, t.count);
    for (uint16_t i = 0; t.what == ACT_TALK_ACTS && i < t.count; i++)
        put_block(out, read_block(&t.acts, ACT_SIZE_MAX));
    return t.acts.failed ? ERR_FORMAT : 0;
}

static void make_talk(struct buf *out)
{
    static uint64_t sums[ACT_SUMS];
    const uint16_t count = (uint16_t)any_below(5);
    switch (any_below(3)) {
    case 0:
        memset(sums, 0, sizeof sums);
        for (uint64_t i = any_below(ACT_SUMS); i > 0; i--)
            sums[any_below(ACT_SUMS)] = any_u64();
        put_act_sums(out, sums);
        break;
    case 1:
        put_acts_begin(out, count);
        for (uint16_t i = 0; i < count; i++)
            put_block(out, any_bytes(1000));
        break;
    default:
        put_act_kept(out, any_digest());
        break;
    }
}

static int request_again(struct bytes in, struct buf *out)
{
    struct bytes act;
    int rc = read_request_act(in, &act);
    if (rc == 0)
        put_block(out, act);
    return rc;
}

static void make_request(struct buf *out)
{
    put_block(out, any_bytes(ACT_SIZE_MAX));
}

static void make_reply(struct buf *out)
{
    struct reply_act m = {.news = any_bool(), .known = any_u32(), .live = any_u32()};
    any_text(m.away, sizeof m.away);
    put_reply_act(out, &m);
}

FUZZ_AGAIN(reply, reply_act, read_reply_act, put_reply_act)

TEST(damaged_acts_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"act", act_again, make_act, false, 20000},
        {"ACT", talk_again, make_talk, true, 20000},
        {"ACT asked", request_again, make_request, true, 5000},
        {"ACT answered", reply_again, make_reply, false, 10000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_acts_are_refused_or_mean_one_thing)
