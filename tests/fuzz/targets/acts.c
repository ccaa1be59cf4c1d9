/* Acts: the body alone, or a whole one, and which of two counts. */
#include "core/wire/act.h"
#include "core/base/err.h"
#include "tests/fuzz/target.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

static struct heap heap;

/* Not to the byte: a reason is read as a terminal may show it. */
static void check_same(const struct act *a)
{
    struct act back;
    struct buf b;
    buf_init(&b, &heap.alloc, ACT_SIZE_MAX);
    put_act_body(&b, a);
    CHECK_INT(read_act_body(buf_bytes(&b), &back), 0);
    CHECK(back.kind == a->kind && back.at_s == a->at_s && node_id_equal(back.subject, a->subject));
    CHECK_MEM(back.nonce, a->nonce, sizeof a->nonce);
    CHECK_STR(back.reason, a->reason);
    buf_clear(&b);
}

/* Either one counts in place of the other, or they are the same. */
static void check_order(struct act a, struct bytes body)
{
    struct digest name = act_name(body), other_name = name;
    struct act other = a;
    CHECK(!act_is_later(&a, name, &a, name));
    other.at_s = a.at_s == INT64_MAX ? 0 : a.at_s + 1;
    CHECK(act_is_later(&a, name, &other, name) != act_is_later(&other, name, &a, name));
    other_name.bytes[0] ^= 1;
    CHECK(act_is_later(&a, name, &a, other_name) != act_is_later(&a, other_name, &a, name));
}

void target_one(struct bytes in)
{
    struct signed_bytes s;
    struct act a;
    if (in.len == 0)
        return;
    const struct bytes rest = {in.data + 1, in.len - 1};
    heap_init(&heap);
    if (in.data[0] & 1) {
        s.body = rest;
        if (read_act_body(rest, &a) < 0)
            return;
    } else if (read_act(rest, &s, &a) < 0) {
        return;
    }
    CHECK(strcmp(act_kind_name(a.kind), "unknown") != 0);
    check_same(&a);
    check_order(a, s.body);
    CHECK(heap_is_empty(&heap));
}

bool target_seed(size_t i, struct buf *out)
{
    struct act a = {.kind = (enum act_kind)(ACT_REVOKE + i / 2), .at_s = 1800000000};
    struct signed_bytes s = {.certificate = bytes_of_text("cert")};
    uint8_t room[512];
    struct buf body;
    if (a.kind > ACT_RESUME)
        return false;
    memset(a.subject.bytes, 0x42, sizeof a.subject.bytes);
    memset(a.nonce, 0x17, sizeof a.nonce);
    snprintf(a.reason, sizeof a.reason, "%s", i < 4 ? "the disk was sold" : "");
    buf_init_fixed(&body, room, sizeof room);
    put_act_body(&body, &a);
    s.body = buf_bytes(&body);
    put_u8(out, i % 2);
    if (i % 2)
        put_raw(out, body.data, body.len);
    else
        put_signed(out, &s);
    return true;
}
