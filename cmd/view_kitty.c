/* Kitty's graphics: the file goes to the terminal as it is, in base64 and in pieces, and the
 * terminal makes it as small as it is told. q=2: it must not answer, because nobody would read it.
 *
 *   ESC _G a=T,f=100,q=2,c=COLUMNS,m=1 ; BASE64 ESC \    the first piece
 *   ESC _G m=0 ; BASE64 ESC \                            the last */
#include <string.h>

#include "cmd/picture_fit.h"
#include "cmd/view_picture.h"

#define PIECE 3072u /* which are 4096 in base64 */

static void put_base64(FILE *out, const uint8_t *from, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        const size_t left = len - i;
        const uint32_t group = (uint32_t)from[i] << 16 |
                               (uint32_t)(left > 1 ? from[i + 1] : 0) << 8 |
                               (uint32_t)(left > 2 ? from[i + 2] : 0);
        fputc(digits[group >> 18 & 63], out);
        fputc(digits[group >> 12 & 63], out);
        fputc(left > 1 ? digits[group >> 6 & 63] : '=', out);
        fputc(left > 2 ? digits[group & 63] : '=', out);
    }
}

/* How wide or how high it is to be; the terminal finds the other one. Nothing when it fits. */
static void put_size(FILE *out, const struct picture *p, const struct view_room *room)
{
    const struct picture_size fits =
        picture_fit(p, room->columns * room->cell_width, room->lines * room->cell_height);
    if (fits.width == p->width && fits.height == p->height)
        return;
    if (fits.width == room->columns * room->cell_width)
        fprintf(out, ",c=%u", room->columns);
    else
        fprintf(out, ",r=%u", room->lines);
}

int view_picture_kitty(FILE *out, struct bytes file, const struct view_room *room)
{
    struct picture p;
    const int rc = picture_open(&p, file);
    if (rc < 0)
        return rc;
    for (size_t at = 0; at < file.len; at += PIECE) {
        const size_t left = file.len - at, part = left < PIECE ? left : PIECE;
        fputs("\033_G", out);
        if (at == 0) {
            fputs("a=T,f=100,q=2", out);
            put_size(out, &p, room);
            fputc(',', out);
        }
        fprintf(out, "m=%d;", part < left);
        put_base64(out, file.data + at, part);
        fputs("\033\\", out);
    }
    fputc('\n', out);
    return 0;
}
