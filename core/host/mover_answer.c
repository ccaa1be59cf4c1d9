#include "core/host/mover_answer.h"

#include <errno.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "core/wire/frame.h"

#define OUTPUT 1
#define FLUSH_AT (192u << 10)
#define ANSWER_SIZE_MAX (FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX)

static uint8_t room[FLUSH_AT + ANSWER_SIZE_MAX];
static struct buf out;
static size_t frame;

struct buf *answer_begin(uint8_t type, uint32_t request)
{
    if (!out.data)
        buf_init_fixed(&out, room, sizeof room);
    if (out.len >= FLUSH_AT)
        answer_flush();
    frame = frame_begin(&out, type, request);
    return &out;
}

void answer_end(void)
{
    frame_end(&out, frame);
    ensure(!out.failed);
}

void answer_flush(void)
{
    for (size_t at = 0; at < out.len;) {
        ssize_t n = write(OUTPUT, out.data + at, out.len - at);
        if (n > 0)
            at += (size_t)n;
        else if (n == 0 || errno != EINTR)
            _exit(0);
    }
    out.len = 0;
}
