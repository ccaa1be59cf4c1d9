/* The rows of a picture made as small as there is room for: a pixel of the result is the mean of
 * those that it stands for. Called by what draws pictures. */
#ifndef VELUM_CMD_PICTURE_FIT_H
#define VELUM_CMD_PICTURE_FIT_H

#include "cmd/picture.h"

struct picture_size {
    uint32_t width, height;
};

/* As large as it fits and not larger than it is, in its own proportions; at least one pixel. */
struct picture_size picture_fit(const struct picture *p, uint32_t width_max, uint32_t height_max);
/* Tells every row of the picture in that size, 3 bytes a pixel, from the top. 0, ERR_FORMAT,
 * ERR_NO_MEMORY, or what `tell` returned, when < 0. After an error rows may have been told. */
int picture_fit_rows(const struct picture *p, struct picture_size size,
                     int (*tell)(void *ctx, uint32_t y, const uint8_t *row), void *ctx);

#endif
