#include <stdio.h>
#include <time.h>

#include "cmd/gather.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/identity.h"
#include "core/wire/message.h"

#define RM_REFS_MAX 256

/* What the node says is to be signed, if it is that. */
static int sign(struct line *l, const char *ref, struct bytes told, struct buf *removal)
{
    const struct identity *by = line_identity(l);
    struct removal m;
    uint8_t body_room[REMOVAL_BODY_SIZE], text[64];
    struct buf body;
    int rc = read_removal_body(told, &m);
    if (rc < 0 || !object_is_meant(m.name, ref))
        return ERR_FORMAT;
    if (!by)
        return ERR_IDENTITY;
    m.at_s = (int64_t)time(NULL);
    buf_init_fixed(&body, body_room, sizeof body_room);
    put_removal_body(&body, &m);
    struct signed_bytes s = {.certificate = identity_certificate(by), .body = buf_bytes(&body)};
    rc =
        identity_sign(by, (struct bytes){text, signed_text(&s, SIGNED_REMOVAL, text)}, s.signature);
    put_signed(removal, &s);
    return rc < 0 ? rc : buf_result(removal);
}

static int ask(struct line *l, const struct request_rm *m, uint8_t answer, struct frame *frame)
{
    uint8_t room[REQUEST_RM_SIZE];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    put_request_rm(&payload, m);
    return line_exchange(l, MESSAGE_REQUEST_RM, buf_bytes(&payload), answer, frame);
}

/* The object as it was, then the end: until that came it is not known to be removed. `older`: the
 * node knows of no signature. */
static int remove_one(struct line *l, const char *ref, struct object_view *v, bool *older)
{
    struct request_rm m = {.how = RM_ASK};
    struct frame frame;
    uint8_t room[REMOVAL_SIZE_MAX];
    struct buf removal;
    text_copy(m.ref, sizeof m.ref, ref);
    buf_init_fixed(&removal, room, sizeof room);
    int rc = ask(l, &m, MESSAGE_REPLY_PIECE, &frame);
    if (rc == 0) {
        rc = sign(l, ref, frame.payload, &removal);
        m.how = RM_SIGNED;
        m.removal = buf_bytes(&removal);
    } else if (rc == LINE_REFUSED && line_refusal(l) == CODE_FAILED) {
        m.how = RM_UNSIGNED; /* it may be older than signatures; if not it says the same again */
        rc = 0;
    }
    if (rc == 0)
        rc = ask(l, &m, MESSAGE_REPLY_OBJECT, &frame);
    if (rc == 0)
        rc = read_object_view(frame.payload, v);
    if (rc == 0 && !object_is_meant(v->name, ref))
        rc = ERR_FORMAT;
    if (rc == 0)
        rc = line_item(l, MESSAGE_REPLY_OBJECT, &frame);
    *older = m.how == RM_UNSIGNED;
    return rc > 0 ? ERR_FORMAT : rc;
}

struct errand {
    const char *ref;
    struct object_view v;
    bool older;
    int rc, code; /* of the last node that was asked; its refusal */
};

/* Whether this node knew the object. */
static bool try_at(void *ctx, struct line *l)
{
    struct errand *e = ctx;
    e->rc = remove_one(l, e->ref, &e->v, &e->older);
    e->code = e->rc == LINE_REFUSED ? line_refusal(l) : 0;
    if (e->rc < 0 && e->code != CODE_NOT_FOUND)
        e->code = line_report_about(l, e->ref, e->rc);
    return e->rc == 0 || e->code != CODE_NOT_FOUND;
}

/* Who removes it wants its room back, and may wonder. */
static void say_stays(const struct object_view *v, const char *name)
{
    char job[9];
    id_hex(v->job.bytes, 8, job);
    fflush(stdout);
    talk_line("%s stays for job %s%s until that has ended", name, job,
              v->jobs > 1 ? " and others" : "");
}

/* Not every node knows of every object: those that have it tell each other. */
static int act(struct line *l, const void *ctx, const char *ref)
{
    char whole[OBJECT_REF_SIZE], name[OBJECT_SHORT_SIZE];
    struct errand e = {.ref = whole};
    int code = object_check_ref(ref);
    text_copy(whole, sizeof whole, ref);
    if (code == 0)
        code = gather_name(ctx, l, "rm", whole);
    if (code != 0)
        return code;
    e.rc = remove_one(l, whole, &e.v, &e.older);
    bool unknown = e.rc == LINE_REFUSED && line_refusal(l) == CODE_NOT_FOUND;
    if (e.rc < 0 && !unknown)
        return line_report_about(l, ref, e.rc);
    if (unknown && !visit_others(ctx, l, try_at, &e)) {
        talk_error("%s: no such object", ref);
        talk_try("velum objects --all");
        return CODE_NOT_FOUND;
    }
    if (e.rc < 0)
        return e.code;
    object_short(e.v.name, name);
    printf("%s removed\n", name);
    if (e.v.jobs > 0)
        say_stays(&e.v, name);
    if (e.older) {
        fflush(stdout);
        talk_line(
            "%s: this node is older than signed removals, and newer ones keep what somebody put: "
            "where there are any, remove it there too",
            name);
    }
    return CODE_DONE;
}

static int run(const struct call *c)
{
    return line_each(c, 0, act, c);
}

const struct cmd cmd_rm = {
    .name = "rm",
    .args = "REF...",
    .summary = "let go of objects, on every node",
    .more = "Nodes that are away hear of it when they are back. Who is reading the object at the\n"
            "moment reads it to its end, and what a job that has not ended needs stays for it.",
    .group = GROUP_OBJECTS,
    .takes = TAKES_OBJECT,
    .args_min = 1,
    .args_max = RM_REFS_MAX,
    .run = run,
};
