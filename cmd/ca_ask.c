#include "cmd/ca_ask.h"

#include "core/base/err.h"
#include "core/host/loop.h"
#include "core/host/memory.h"
#include "core/wire/message.h"

#define ASK_US (5 * S_US)

int ca_failed(int rc, const char *message)
{
    talk_error("%s", message[0] ? message : err_sentence(rc));
    talk_try("%s", rc == ERR_NOT_FOUND    ? "velum ca import-root FILE"
                   : rc == ERR_PERMISSION ? "velum ca rotate, where the mesh was made"
                   : rc == ERR_FULL       ? "a new mesh, in another VELUM_HOME"
                   : rc == ERR_SYSTEM     ? "velum doctor, which looks at the clock too"
                                          : "velum ca rotate, which goes on where it was");
    return rc == ERR_NOT_FOUND    ? CODE_NOT_FOUND
           : rc == ERR_PERMISSION ? CODE_NOT_ALLOWED
                                  : CODE_FAILED;
}

int ca_look(struct ca_state *s, const struct home *h)
{
    char message[HOME_MESSAGE_SIZE] = "";
    buf_reset(&s->roots);
    int rc = rotation_look(h, &s->at, &s->roots, message);
    return rc < 0 ? ca_failed(rc, message) : CODE_DONE;
}

static int ask_line(struct line *l, struct bytes roots, struct roots_reply *out)
{
    struct frame frame;
    struct buf b;
    buf_init(&b, &host_memory, ROOTS_SIZE_MAX + 8);
    put_block(&b, roots);
    int rc = line_send(l, MESSAGE_REQUEST_ROOTS, buf_bytes(&b));
    buf_clear(&b);
    if (rc == 0)
        rc = line_next(l, instant_plus_us(loop_clock(), ASK_US), &frame);
    if (rc <= 0)
        return rc < 0 ? rc : ERR_TIMEOUT;
    return frame.type == MESSAGE_REPLY_ROOTS ? read_roots_reply(frame.payload, out) : ERR_FORMAT;
}

/* With the roots, which it takes where it knows older ones, and else says whether it has these. */
void ca_ask(const struct ca_state *s, struct line *l, struct ca_answer *out)
{
    *out = (struct ca_answer){.rc = 0};
    out->rc = ask_line(l, (struct bytes){NULL, 0}, &out->reply);
    if (out->rc < 0 || out->reply.version > s->at.version)
        return;
    const bool as_new = out->reply.version == s->at.version;
    out->rc = ask_line(l, buf_bytes(&s->roots), &out->reply);
    out->others = out->rc == 0 && as_new && out->reply.version < s->at.version;
}

bool ca_is_there(const struct ca_state *s, const struct ca_answer *a, uint8_t generation)
{
    return a->rc == 0 && a->reply.version >= s->at.version && a->reply.generation >= generation;
}
