/* Acts, and what nodes and commands say of them. */
#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/act_talk.h"
#include "core/wire/frame.h"
#include "core/wire/message.h"
#include "tests/golden/golden.h"

void golden_put_act(struct buf *b, uint8_t n)
{
    struct signed_bytes s = {.certificate = bytes_of_text("a certificate, DER")};
    struct act a = {.kind = (enum act_kind)(ACT_REVOKE + n),
                    .subject = golden_node((uint8_t)(2 + n)),
                    .at_s = 1790000000 + n};
    uint8_t room[512];
    struct buf body;
    memset(a.nonce, n + 1, sizeof a.nonce);
    if (n == 0)
        text_copy(a.reason, sizeof a.reason, "its laptop was stolen");
    buf_init_fixed(&body, room, sizeof room);
    put_act_body(&body, &a);
    s.body = buf_bytes(&body);
    memset(s.signature, 0x5a, sizeof s.signature);
    put_signed(b, &s);
}

bool golden_is_act(uint8_t type)
{
    return type == MESSAGE_ACT || type == MESSAGE_REQUEST_ACT || type == MESSAGE_REPLY_ACT;
}

static void put_block_of(uint8_t n, struct buf *b)
{
    uint8_t room[512];
    struct buf act;
    buf_init_fixed(&act, room, sizeof room);
    golden_put_act(&act, n);
    put_block(b, buf_bytes(&act));
}

static const struct reply_act reply = {.news = true, .known = 3, .live = 4, .away = "n2"};

void golden_put_acts(uint8_t type, struct buf *b)
{
    if (type == MESSAGE_REPLY_ACT) {
        put_reply_act(b, &reply);
        return;
    }
    if (type == MESSAGE_ACT)
        put_acts_begin(b, 2);
    put_block_of(0, b);
    if (type == MESSAGE_ACT)
        put_block_of(1, b);
}

static int tell_act(struct bytes bytes, FILE *to)
{
    struct signed_bytes s;
    struct act a;
    char subject[9];
    int rc = read_act(bytes, &s, &a);
    if (rc < 0)
        return rc;
    id_hex(a.subject.bytes, 8, subject);
    fprintf(to, " %s subject=%s at=%lld reason=\"%s\"", act_kind_name(a.kind), subject,
            (long long)a.at_s, a.reason);
    return 0;
}

static int tell_talk(struct bytes payload, FILE *to)
{
    struct act_talk t;
    char name[9];
    int rc = read_act_talk(payload, &t);
    if (rc < 0)
        return rc;
    if (t.what == ACT_TALK_KEPT) {
        id_hex(t.name.bytes, 8, name);
        fprintf(to, " kept=%s", name);
    }
    for (unsigned i = 0; t.what == ACT_TALK_SUMS && i < ACT_SUMS; i++)
        if (t.sums[i] != 0)
            fprintf(to, " sum%u=%llx", i, (unsigned long long)t.sums[i]);
    for (uint16_t i = 0; t.what == ACT_TALK_ACTS && i < t.count && rc == 0; i++)
        rc = tell_act(read_block(&t.acts, ACT_SIZE_MAX), to);
    return rc;
}

int golden_tell_acts(uint8_t type, struct bytes payload, FILE *to)
{
    struct reply_act m;
    struct bytes act;
    int rc;
    if (type == MESSAGE_ACT)
        return tell_talk(payload, to);
    if (type == MESSAGE_REQUEST_ACT) {
        rc = read_request_act(payload, &act);
        return rc < 0 ? rc : tell_act(act, to);
    }
    rc = read_reply_act(payload, &m);
    fprintf(to, " news=%d known=%u live=%u away=\"%s\"", m.news, (unsigned)m.known,
            (unsigned)m.live, m.away);
    return rc;
}

bool golden_put_acts_other(size_t i, struct buf *frame)
{
    static const uint64_t sums[ACT_SUMS] = {[0] = 0x0123456789abcdef, [255] = 1};
    if (i > 2)
        return golden_put_events(i - 3, frame);
    size_t start = frame_begin(frame, MESSAGE_ACT, i == 1 ? 7 : 0);
    if (i == 0)
        put_act_sums(frame, sums);
    else if (i == 2)
        put_acts_begin(frame, 1);
    else
        put_act_kept(frame, golden_digest(1));
    if (i == 2)
        put_block_of(3, frame);
    frame_end(frame, start);
    ensure(!frame->failed);
    return true;
}
