#include "core/host/inbox.h"

#include "core/base/ensure.h"
#include "core/host/memory.h"

void inbox_init(struct inbox *i)
{
    buf_init(&i->bytes, &host_memory, INBOX_SIZE_MAX);
    i->at = 0;
}

void inbox_clear(struct inbox *i)
{
    buf_clear(&i->bytes);
    i->at = 0;
}

int inbox_put(struct inbox *i, const struct frame *frame)
{
    frame_put(&i->bytes, frame->type, frame->request, frame->payload);
    return buf_result(&i->bytes);
}

int inbox_take(struct inbox *i, struct frame *out)
{
    if (i->at == i->bytes.len) {
        buf_reset(&i->bytes);
        i->at = 0;
        return 0;
    }
    int n = frame_take((struct bytes){i->bytes.data + i->at, i->bytes.len - i->at}, out);
    ensure(n > 0); /* what is in here was made by frame_put */
    i->at += (size_t)n;
    return 1;
}
