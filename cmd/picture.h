/* The pixels of a PNG file in memory, a row at a time, for drawing it: 8 bits a colour, grey or
 * red, green and blue, with or without transparency (which is not looked at), not interlaced.
 * Nothing is trusted. Called by view_picture.c. */
#ifndef VELUM_CMD_PICTURE_H
#define VELUM_CMD_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

#define PICTURE_SIDE_MAX 65535u

struct picture {
    struct bytes file;
    uint32_t width, height;
    uint32_t channels; /* bytes a pixel: 1 grey, 2 and a mask, 3 colours, 4 and a mask */
};

bool picture_is_png(struct bytes file);
/* Looks at the head. The file is borrowed. 0; ERR_FORMAT: it is broken; ERR_UNSUPPORTED: it is a
 * picture of another kind. */
int picture_open(struct picture *p, struct bytes file);
/* Tells every row, 3 bytes a pixel, from the top. 0, ERR_FORMAT, ERR_NO_MEMORY, or what `tell`
 * returned, when < 0. */
int picture_rows(const struct picture *p,
                 int (*tell)(void *ctx, const struct picture *p, const uint8_t *row), void *ctx);

#endif
