/* Frames that have come for a command and that it has not asked for yet, in order. Called by ask.c
 * and embedded.c, which stop running their loop while something is here, so that it stays small. */
#ifndef VELUM_HOST_INBOX_H
#define VELUM_HOST_INBOX_H

#include "core/wire/frame.h"

#define INBOX_SIZE_MAX ((size_t)64 << 20)

struct inbox {
    struct buf bytes;
    size_t at;
};

void inbox_init(struct inbox *i);
void inbox_clear(struct inbox *i);
/* 0, ERR_TOO_LARGE or ERR_NO_MEMORY. */
int inbox_put(struct inbox *i, const struct frame *frame);
/* 1 with the oldest frame (borrowed until the next call of any function here), or 0. */
int inbox_take(struct inbox *i, struct frame *out);

#endif
