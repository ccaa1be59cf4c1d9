/* What a node does with frames of others: of a peer it has a link with, and another for bytes of
 * objects, of its workers, and of a user. An input is a row of (u8 whose, u8 type, u16 length,
 * payload). The node leads one job, holds another and works for a third. Whatever comes, it neither
 * breaks an ensure nor takes more memory, and ends with nothing left over; what it writes to its
 * journal it can read again, which the bench checks (tests/lib/rig.h). */
#include "core/wire/feature.h"
#include "core/wire/message.h"
#include "tests/fuzz/target.h"
#include "tests/golden/golden.h"
#include "tests/lib/check.h"
#include "tests/lib/rig_inside.h"

#define FRAMES_MAX 64
#define STEP_US 2000

#define BULK_LINK (RIG_USER_LINK + 2)

enum whose { PEER, WORKER, USER, SUBMITTER, BULK, WHOSE };

static struct rig rig;
static struct rig_job jobs[3];
static uint32_t worker;

static void user_up(uint64_t link, enum party party)
{
    struct event ev = {.kind = EVENT_LINK_UP};
    uint8_t certificate[RIG_CERTIFICATE_SIZE];
    ev.link_up.link = link;
    ev.link_up.party = party;
    ev.link_up.id = rig_id(0xee);
    rig_certificate(ev.link_up.id, party, certificate);
    ev.link_up.certificate = (struct bytes){certificate, sizeof certificate};
    rig_event(&rig, &ev);
}

/* The peer has dialled, to be served. */
static void bulk_up(void)
{
    struct event ev = {.kind = EVENT_LINK_UP};
    ev.link_up.link = BULK_LINK;
    ev.link_up.party = PARTY_NODE;
    ev.link_up.bulk = true;
    ev.link_up.id = rig.peers[0].id;
    rig_event(&rig, &ev);
}

static void begin(void)
{
    const struct peer_chunk chunk = {.grant = 1, .first = 0, .end = 16};
    rig_start(&rig, 1, true);
    rig_peer_up(&rig, 0, 2);
    rig_peer_up(&rig, 1, 2);
    for (uint8_t i = 0; i < 3; i++)
        rig_job_make(
            &rig, &jobs[i],
            (struct rig_spec){.nonce = (uint8_t)(1 + i), .leaves = 64, .accumulator_size = 16});
    rig_submit(&rig, 0, &jobs[0]);
    rig_hold(&rig, 0, &jobs[1]);
    worker = rig_start_chunk(&rig, &jobs[2], chunk, 16);
    user_up(RIG_USER_LINK, PARTY_USER);
    user_up(RIG_USER_LINK + 1, PARTY_SUBMIT);
    bulk_up();
}

static void say(enum whose whose, uint8_t type, struct bytes payload)
{
    struct event ev = {.kind = EVENT_FRAME};
    if (whose == PEER && rig.peers[0].link == 0)
        return;
    ev.frame.link = whose == PEER   ? rig.peers[0].link
                    : whose == BULK ? BULK_LINK
                                    : RIG_USER_LINK + (whose == SUBMITTER);
    ev.frame.frame = (struct frame){type, 7, payload};
    if (whose == WORKER) {
        ev.kind = EVENT_WORKER_FRAME;
        ev.worker_frame.worker = worker;
        ev.worker_frame.frame = (struct frame){type, 0, payload};
    }
    rig_event(&rig, &ev);
}

void target_one(struct bytes in)
{
    struct reader r = reader_of(in);
    begin();
    for (int count = 0; count < FRAMES_MAX && reader_left(&r) > 0; count++) {
        enum whose whose = (enum whose)(read_u8(&r) % WHOSE);
        uint8_t type = read_u8(&r);
        struct bytes payload = read_view(&r, read_u16(&r));
        if (r.failed)
            break;
        say(whose, type, payload);
        rig_run(&rig, STEP_US);
    }
    rig_run(&rig, S_US);
    CHECK(rig.rc >= 0);
    for (size_t i = 0; i < 3; i++)
        rig_job_clear(&jobs[i]);
    rig_stop(&rig);
}

/* --- seeds: every message as the golden files have it, about a job that is here --- */

static void put_about(struct buf *out, struct bytes payload, struct job_id job)
{
    const struct job_id golden[2] = {golden_job(1), golden_job(2)};
    const size_t start = out->len;
    put_raw(out, payload.data, payload.len);
    for (size_t at = start; out->len - at >= ID_SIZE; at++)
        for (size_t k = 0; k < 2; k++)
            if (memcmp(out->data + at, golden[k].bytes, ID_SIZE) == 0)
                memcpy(out->data + at, job.bytes, ID_SIZE);
}

static enum whose whose_word(uint8_t type)
{
    if (type >= MESSAGE_BULK_WANT && type <= MESSAGE_BULK_REFUSE)
        return BULK;
    return type < MESSAGE_REQUEST_SUBMIT ? PEER : type < MESSAGE_ORDER_LOAD ? USER : WORKER;
}

bool target_seed(size_t i, struct buf *out)
{
    static uint8_t room[FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX];
    static struct job_id ids[3];
    struct frame f;
    struct buf b;
    if (i == 0) {
        begin();
        for (size_t k = 0; k < 3; k++)
            ids[k] = jobs[k].id;
        for (size_t k = 0; k < 3; k++)
            rig_job_clear(&jobs[k]);
        rig_stop(&rig);
    }
    const uint8_t type = (uint8_t)(i / 3 + 1);
    if (type >= MESSAGE_MOVE_SCAN)
        return false;
    buf_init_fixed(&b, room, sizeof room);
    if (strcmp(message_name(type), "unknown") == 0) {
        put_u8(out, PEER);
        put_u8(out, type);
        put_u16(out, 0);
        return true;
    }
    golden_message_make(type, &b);
    REQUIRE(frame_take(buf_bytes(&b), &f) > 0);
    put_u8(out, (uint8_t)whose_word(type));
    put_u8(out, type);
    put_u16(out, (uint16_t)f.payload.len);
    put_about(out, f.payload, ids[i % 3]);
    return true;
}
