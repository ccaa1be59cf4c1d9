#include "cmd/picture_fit.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"

/* The sum of the pixels that become one. */
struct dot {
    uint64_t sum[3];
    uint32_t count;
};

struct fitting {
    struct picture_size size;
    int (*tell)(void *ctx, uint32_t y, const uint8_t *row);
    void *ctx;
    uint32_t row;  /* that is summed up now */
    uint32_t seen; /* rows of the picture */
    struct dot *dots;
    uint8_t *told;
};

struct picture_size picture_fit(const struct picture *p, uint32_t width_max, uint32_t height_max)
{
    struct picture_size s = {p->width, p->height};
    if (s.width > width_max) {
        s.height = (uint32_t)((uint64_t)p->height * width_max / p->width);
        s.width = width_max;
    }
    if (s.height > height_max) {
        s.width = (uint32_t)((uint64_t)p->width * height_max / p->height);
        s.height = height_max;
    }
    s.width += s.width == 0;
    s.height += s.height == 0;
    return s;
}

static int end_row(struct fitting *f)
{
    for (uint32_t x = 0; x < f->size.width; x++)
        for (uint32_t k = 0; k < 3; k++)
            f->told[3 * (size_t)x + k] = (uint8_t)(f->dots[x].sum[k] / f->dots[x].count);
    memset(f->dots, 0, f->size.width * sizeof *f->dots);
    return f->tell(f->ctx, f->row, f->told);
}

static int add_row(void *ctx, const struct picture *p, const uint8_t *row)
{
    struct fitting *f = ctx;
    const uint32_t at = (uint32_t)((uint64_t)f->seen++ * f->size.height / p->height);
    const int rc = at != f->row ? end_row(f) : 0;
    if (rc < 0)
        return rc;
    f->row = at;
    for (uint32_t x = 0; x < p->width; x++) {
        struct dot *dot = &f->dots[(uint64_t)x * f->size.width / p->width];
        for (uint32_t k = 0; k < 3; k++)
            dot->sum[k] += row[3 * (size_t)x + k];
        dot->count++;
    }
    return 0;
}

int picture_fit_rows(const struct picture *p, struct picture_size size,
                     int (*tell)(void *ctx, uint32_t y, const uint8_t *row), void *ctx)
{
    struct fitting f = {.size = size, .tell = tell, .ctx = ctx};
    f.dots = calloc(size.width, sizeof *f.dots);
    f.told = malloc((size_t)3 * size.width);
    int rc = f.dots && f.told ? picture_rows(p, add_row, &f) : ERR_NO_MEMORY;
    if (rc == 0)
        rc = end_row(&f);
    free(f.dots);
    free(f.told);
    return rc;
}
