/* An object of which is known who put it. */
#include "core/base/ensure.h"
#include "core/node/object_peer.h"
#include "core/wire/message.h"
#include "tests/golden/golden.h"

bool golden_put_owned(size_t i, struct buf *frame)
{
    const struct object_keep keep = {.name = golden_digest(1),
                                     .size = 70000,
                                     .generation = 2,
                                     .kept = true,
                                     .by = golden_node(3)};
    if (i > 0)
        return golden_put_removal(i - 1, frame);
    size_t start = frame_begin(frame, MESSAGE_OBJECT_KEEP, 0);
    put_u16(frame, 1);
    put_object_keep(frame, &keep);
    frame_end(frame, start);
    ensure(!frame->failed);
    return true;
}
