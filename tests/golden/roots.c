/* What nodes, commands and who joins are told of a mesh's roots. */
#include "core/wire/roots.h"
#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/wire/join.h"
#include "core/wire/message.h"
#include "tests/golden/golden.h"

bool golden_is_roots(uint8_t type)
{
    return type == MESSAGE_ROOTS || type == MESSAGE_REQUEST_ROOTS || type == MESSAGE_REPLY_ROOTS;
}

void golden_put_roots(uint8_t type, struct buf *b)
{
    const struct roots_told told = {.version = 5, .roots = bytes_of_text("roots")};
    if (type == MESSAGE_ROOTS)
        put_roots_told(b, &told);
    else if (type == MESSAGE_REQUEST_ROOTS)
        put_block(b, told.roots);
    else
        put_roots_reply(b, &(struct roots_reply){5, 1});
}

static void say(FILE *to, struct bytes roots)
{
    fprintf(to, " roots=%.*s", (int)roots.len, (const char *)roots.data);
}

int golden_tell_roots(uint8_t type, struct bytes payload, FILE *to)
{
    struct roots_told told;
    struct roots_reply reply;
    struct bytes roots;
    int rc;
    if (type == MESSAGE_ROOTS) {
        rc = read_roots_told(payload, &told);
        fprintf(to, " version=%u", (unsigned)told.version);
        say(to, told.roots);
    } else if (type == MESSAGE_REQUEST_ROOTS) {
        rc = read_roots_request(payload, &roots);
        say(to, roots);
    } else {
        rc = read_roots_reply(payload, &reply);
        fprintf(to, " version=%u generation=%u", (unsigned)reply.version, reply.generation);
    }
    return rc;
}

/* Only that there is something newer; and certificates of a mesh that has had two roots. */
bool golden_put_more_roots(size_t i, struct buf *frame)
{
    static const uint8_t types[] = {MESSAGE_ROOTS, MESSAGE_JOINED, MESSAGE_RENEWED};
    const struct bytes roots = bytes_of_text("roots");
    const struct join_answer answer = {.root = bytes_of_text("root"),
                                       .issuer = bytes_of_text("issuer"),
                                       .user = bytes_of_text("user"),
                                       .roots = roots};
    if (i >= sizeof types)
        return false;
    size_t start = frame_begin(frame, types[i], 0);
    if (i == 0)
        put_roots_told(frame, &(struct roots_told){.version = 4});
    else if (i == 1)
        put_join_answer(frame, &answer);
    else
        put_join_renewed(frame, &(struct join_renewed){answer.issuer, answer.user, roots});
    frame_end(frame, start);
    ensure(!frame->failed);
    return true;
}
