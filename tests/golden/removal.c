/* What a user signs who takes an object back, and where it goes. */
#include "core/base/ensure.h"
#include "core/base/text.h"
#include "core/node/keeping.h"
#include "core/wire/message.h"
#include "core/wire/object_request.h"
#include "tests/golden/golden.h"

#define REF "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const uint64_t generation = 3;

static void put_one(struct buf *b)
{
    const struct removal m = {
        golden_digest(1), generation, 1790000000, 2, {KEEPING_USER, golden_job(4)}};
    struct signed_bytes s = {.certificate = bytes_of_text("a certificate, DER")};
    uint8_t room[REMOVAL_BODY_SIZE];
    struct buf body;
    buf_init_fixed(&body, room, sizeof room);
    put_removal_body(&body, &m);
    s.body = buf_bytes(&body);
    memset(s.signature, 0x5a, sizeof s.signature);
    put_signed(b, &s);
}

bool golden_put_removal(size_t i, struct buf *frame)
{
    struct object_keep keep = {.name = golden_digest(1), .size = 70000, .generation = generation};
    struct request_rm rm = {.ref = REF, .how = i == 1 ? RM_ASK : RM_SIGNED};
    uint8_t room[512];
    struct buf removal;
    if (i > 2)
        return golden_put_acts_other(i - 3, frame);
    buf_init_fixed(&removal, room, sizeof room);
    put_one(&removal);
    keep.removal = buf_bytes(&removal);
    rm.removal = keep.removal;
    size_t start = frame_begin(frame, i == 0 ? MESSAGE_OBJECT_KEEP : MESSAGE_REQUEST_RM, 0);
    if (i == 0) {
        put_u16(frame, 1);
        put_object_keep(frame, &keep);
    } else {
        put_request_rm(frame, &rm);
    }
    frame_end(frame, start);
    ensure(!frame->failed);
    return true;
}

/* As a journal has it. */
void golden_put_taken_back(struct buf *b)
{
    uint8_t room[512];
    struct buf removal;
    buf_init_fixed(&removal, room, sizeof room);
    put_one(&removal);
    put_digest(b, golden_digest(1));
    put_job_id(b, KEEPING_USER);
    put_u64(b, 70000);
    put_u64(b, generation);
    put_u8(b, 5);
    put_u64(b, 1000);
    put_node_id(b, golden_node(9));
    put_u8(b, 1);
    put_raw(b, removal.data, removal.len);
}

void golden_tell_removal(struct bytes removal, FILE *to)
{
    struct signed_bytes s;
    struct removal m;
    char name[9];
    if (removal.len == 0)
        return;
    ensure(read_removal(removal, &s, &m) == 0);
    id_hex(m.name.bytes, 8, name);
    fprintf(to, " removal=%s generation=%llu at=%lld owners=%u", name,
            (unsigned long long)m.generation, (long long)m.at_s, m.owner_count);
}
