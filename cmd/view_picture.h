/* A PNG file drawn in a terminal, in one of the ways that terminals know: half blocks in 24-bit
 * colours, which all have; sixels, which are pixels in a palette; or the whole file, for those that
 * read it themselves (kitty's graphics). Called by run_view.c. */
#ifndef VELUM_CMD_VIEW_PICTURE_H
#define VELUM_CMD_VIEW_PICTURE_H

#include <stdio.h>

#include "core/base/bytes.h"

/* Room on a terminal: columns and lines, of so many pixels each. */
struct view_room {
    unsigned columns, lines;
    unsigned cell_width, cell_height;
};

/* Each character shows two pixels, one above the other. All three: 0, ERR_NO_MEMORY, or what
 * picture_open and picture_rows return of a file that cannot be drawn, of which a part may have
 * been. */
int view_picture(FILE *out, struct bytes file, unsigned columns, unsigned lines);
int view_picture_sixel(FILE *out, struct bytes file, const struct view_room *room);
int view_picture_kitty(FILE *out, struct bytes file, const struct view_room *room);

#endif
