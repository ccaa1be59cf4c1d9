/* Draws a PNG file in a terminal: each character is two pixels, one above the other, by the upper
 * half block in one 24-bit colour on another. A picture that is larger than the terminal is made
 * smaller, by the mean of the pixels that become one. Called by run.c. */
#ifndef VELUM_CMD_VIEW_PICTURE_H
#define VELUM_CMD_VIEW_PICTURE_H

#include <stdio.h>

#include "core/base/bytes.h"

/* In so many columns and lines, both >= 1. 0, ERR_NO_MEMORY, or what picture_open and picture_rows
 * return of a file that cannot be drawn, of which a part may have been. */
int view_picture(FILE *out, struct bytes file, unsigned columns, unsigned lines);

#endif
