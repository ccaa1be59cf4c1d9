/* mandelbrot: a picture of the Mandelbrot set, in rows of pixels, of which kernel png makes a file.
 *
 * At zoom 1 the picture shows 3.5 of the real and 2.625 of the imaginary axis or more, around the
 * centre. With z = 0 and c the middle of a pixel, z = z^2 + c is repeated until |z|^2 > 2^16: with
 * n such steps done the pixel has the colour of n - log2(log2(|z|^2) / 16), which has no jumps from
 * one n to the next. A pixel is black when `iterations` steps do not suffice, and when its c is in
 * the cardioid or in the circle around -1, where no number of steps would.
 *
 * A unit is a row. A leaf yields its rows:
 *
 *   8 bytes  "rgbrows1"
 *   u32      width and height of the picture, first row, rows; little-endian
 *   rows     3 bytes a pixel: red, green, blue
 *
 * Points go through LANES lanes; a lane whose point is done takes the next one. All lanes take
 * BLOCK steps between two looks at who is done. What is done then goes once more through its last
 * block, alone, for the step and the z with which it was done: so these do not depend on blocks,
 * and as every way of going through a block does the same IEEE operations for each point, nor on
 * the vectors of the processor. */
#include "velum_kernel.h"

#include <stdbool.h>

#define LANES 32u
#define BLOCK 8u
#define ESCAPE 65536.0 /* of |z|^2: from here on it grows by each step, whatever c is */
#define WIDTH_MAX 32768u
#define ITERATIONS_MAX 100000000u
#define ITERATIONS 1000u
#define LEAVES_MOST 256u  /* what each yields is an input of the stage that makes the file */
#define LEAF_PIXELS 8192u /* and more */
#define BAND_BYTES (WIDTH_MAX * 8u)

#define USAGE "[--size WxH] [--center X,Y] [--zoom Z] [--iterations N]"
#define SIZE_TEXT "--size takes WIDTHxHEIGHT in pixels, each from 1 to 32768: 1024x768"
#define CENTER_TEXT                                                                                \
    "--center takes two decimal numbers from -4 to 4, of up to 15 decimals: -0.75,0.1"
#define ZOOM_TEXT "--zoom takes a decimal number from 0.01 to 1000000000000, of up to 15 digits"
#define ITERATIONS_TEXT "--iterations takes a whole number from 1 to 100000000"

union number {
    uint64_t bits;
    double value;
};

struct view {
    double x, y, zoom; /* the centre */
    uint64_t width, height, iterations;
};

/* --- the plan --- */

/* A decimal number at *text, of at most 15 digits behind the point and 15 that count, not counting
 * zeros in front: all of them make a whole number that a double holds, and so does the power of ten
 * that divides it, so that one rounding is all. *text goes behind it. */
static bool read_decimal(const char **text, double *value)
{
    const char *p = *text;
    const bool negative = *p == '-';
    uint64_t digits = 0, power = 1;
    uint32_t count = 0;
    bool point = false;
    for (p += negative; (*p >= '0' && *p <= '9') || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        count++;
        digits = 10 * digits + (uint64_t)(*p - '0');
        power *= point ? 10 : 1;
        if (digits >= 8000000000000000u || power > 1000000000000000u)
            return false;
    }
    *text = p;
    *value = (double)(int64_t)digits / (double)(int64_t)power;
    *value = negative ? -*value : *value;
    return count > 0;
}

static bool read_size(const struct velum_host *host, const char *text, struct view *v)
{
    char width[8];
    uint32_t len = 0;
    while (len < sizeof width && text[len] && text[len] != 'x')
        len++;
    if (len == sizeof width || text[len] != 'x')
        return false;
    for (uint32_t i = 0; i < len; i++)
        width[i] = text[i];
    width[len] = 0;
    return host->parse_u64(width, WIDTH_MAX, &v->width) >= 0 && v->width > 0 &&
           host->parse_u64(text + len + 1, WIDTH_MAX, &v->height) >= 0 && v->height > 0;
}

static bool read_center(const char *text, struct view *v)
{
    if (!read_decimal(&text, &v->x) || *text++ != ',' || !read_decimal(&text, &v->y) || *text)
        return false;
    return v->x >= -4 && v->x <= 4 && v->y >= -4 && v->y <= 4;
}

static bool read_zoom(const char *text, struct view *v)
{
    return read_decimal(&text, &v->zoom) && !*text && v->zoom >= 0.01 && v->zoom <= 1e12;
}

/* What stands behind --NAME or --NAME=, or NULL where argv[*at] is another option. */
static const char *value_of(int argc, const char *const *argv, int *at, const char *name)
{
    const char *text = argv[*at];
    while (*name && *text == *name)
        text++, name++;
    if (*name || (*text && *text != '='))
        return NULL;
    if (*text == '=')
        return text + 1;
    return *at + 1 < argc ? argv[++*at] : "";
}

static int parse(const struct velum_host *host, int argc, const char *const *argv, struct view *v,
                 struct velum_plan *out)
{
    for (int i = 0; i < argc; i++) {
        const char *value;
        if ((value = value_of(argc, argv, &i, "--size"))) {
            if (!read_size(host, value, v))
                return velum_refuse(out, SIZE_TEXT);
        } else if ((value = value_of(argc, argv, &i, "--center"))) {
            if (!read_center(value, v))
                return velum_refuse(out, CENTER_TEXT);
        } else if ((value = value_of(argc, argv, &i, "--zoom"))) {
            if (!read_zoom(value, v))
                return velum_refuse(out, ZOOM_TEXT);
        } else if ((value = value_of(argc, argv, &i, "--iterations"))) {
            if (host->parse_u64(value, ITERATIONS_MAX, &v->iterations) < 0 || v->iterations == 0)
                return velum_refuse(out, ITERATIONS_TEXT);
        } else {
            return velum_refuse(out, "mandelbrot takes options only: mandelbrot " USAGE);
        }
    }
    return 0;
}

static void put_double(struct velum_plan *out, double value)
{
    const union number n = {.value = value};
    velum_put_u64(out, n.bits);
}

static int mandelbrot_plan(const struct velum_host *host, int argc, const char *const *argv,
                           struct velum_plan *out)
{
    struct view v = {-0.75, 0, 1, 1024, 768, ITERATIONS};
    if (parse(host, argc, argv, &v, out) < 0)
        return -1;
    const uint64_t fewest = (LEAF_PIXELS + v.width - 1) / v.width;
    out->units = v.height;
    out->leaf_units = (v.height + LEAVES_MOST - 1) / LEAVES_MOST;
    if (out->leaf_units < fewest)
        out->leaf_units = fewest;
    velum_put_u64(out, v.width);
    velum_put_u64(out, v.height);
    velum_put_u64(out, v.iterations);
    put_double(out, v.x);
    put_double(out, v.y);
    put_double(out, v.zoom);
    return 0;
}

/* --- lanes --- */

struct lanes {
    _Alignas(64) double r[LANES], i[LANES];               /* z */
    _Alignas(64) double c_r[LANES], c_i[LANES];           /* c */
    _Alignas(64) double before_r[LANES], before_i[LANES]; /* z a block ago */
};

/* VELUM_NO_VECTORS is for compilers that pretend to be gcc, and for the test that compares. */
#if (defined(__x86_64__) || defined(__aarch64__)) && defined(__GNUC__) && !defined(__TINYC__) &&   \
    !defined(VELUM_NO_VECTORS)
#define HAVE_VECTORS 1

#define BIT_4(n) 1ll << (n), 1ll << ((n) + 1), 1ll << ((n) + 2), 1ll << ((n) + 3)
#define BIT_16(n) BIT_4(n), BIT_4((n) + 4), BIT_4((n) + 8), BIT_4((n) + 12)
static const _Alignas(64) int64_t lane_bits[LANES] = {BIT_16(0), BIT_16(16)};

/* Four vectors side by side, because each waits for its own last operation. */
#define EACH_4(each) each(0) each(1) each(2) each(3)
#define LOAD(k)                                                                                    \
    type r##k = ((const type *)l->r)[v + k], i##k = ((const type *)l->i)[v + k];                   \
    const type c_r##k = ((const type *)l->c_r)[v + k], c_i##k = ((const type *)l->c_i)[v + k];     \
    ((type *)l->before_r)[v + k] = r##k;                                                           \
    ((type *)l->before_i)[v + k] = i##k;
#define STEP(k)                                                                                    \
    {                                                                                              \
        const type rr = r##k * r##k, ii = i##k * i##k;                                             \
        i##k = (r##k + r##k) * i##k + c_i##k;                                                      \
        r##k = (rr - ii) + c_r##k;                                                                 \
    }
#define STORE(k)                                                                                   \
    ((type *)l->r)[v + k] = r##k;                                                                  \
    ((type *)l->i)[v + k] = i##k;                                                                  \
    done |= ~(ints)(r##k * r##k + i##k * i##k <= ESCAPE) & ((const ints *)lane_bits)[v + k];
#define ADVANCE_BODY(vector, integers, width)                                                      \
    typedef vector type;                                                                           \
    typedef integers ints;                                                                         \
    ints done = {0};                                                                               \
    uint64_t lanes = 0;                                                                            \
    for (uint32_t v = 0; v < LANES / width; v += 4) {                                              \
        EACH_4(LOAD)                                                                               \
        for (uint32_t step = 0; step < BLOCK; step++) {                                            \
            EACH_4(STEP)                                                                           \
        }                                                                                          \
        EACH_4(STORE)                                                                              \
    }                                                                                              \
    for (uint32_t k = 0; k < width; k++)                                                           \
        lanes |= (uint64_t)done[k];                                                                \
    return (uint32_t)lanes;

typedef double vector2 __attribute__((vector_size(16), may_alias));
typedef int64_t ints2 __attribute__((vector_size(16), may_alias));

static uint32_t advance_2(struct lanes *l)
{
    ADVANCE_BODY(vector2, ints2, 2)
}
#else
static uint32_t advance_scalar(struct lanes *l)
{
    uint32_t done = 0;
    for (uint32_t lane = 0; lane < LANES; lane++) {
        double r = l->r[lane], i = l->i[lane];
        l->before_r[lane] = r;
        l->before_i[lane] = i;
        for (uint32_t step = 0; step < BLOCK; step++) {
            const double rr = r * r, ii = i * i;
            i = (r + r) * i + l->c_i[lane];
            r = (rr - ii) + l->c_r[lane];
        }
        l->r[lane] = r;
        l->i[lane] = i;
        done |= (uint32_t) !(r * r + i * i <= ESCAPE) << lane;
    }
    return done;
}
#endif

#if defined(__x86_64__) && defined(HAVE_VECTORS)
typedef double vector4 __attribute__((vector_size(32), may_alias));
typedef int64_t ints4 __attribute__((vector_size(32), may_alias));
typedef double vector8 __attribute__((vector_size(64), may_alias));
typedef int64_t ints8 __attribute__((vector_size(64), may_alias));

__attribute__((target("avx2"))) static uint32_t advance_4(struct lanes *l)
{
    ADVANCE_BODY(vector4, ints4, 4)
}

__attribute__((target("avx512f,avx512dq"))) static uint32_t advance_8(struct lanes *l)
{
    ADVANCE_BODY(vector8, ints8, 8)
}
#endif

/* All lanes take BLOCK steps. Returns the lanes, a bit each, whose z has escaped. */
static uint32_t advance(uint64_t cpu, struct lanes *l)
{
#if defined(__x86_64__) && defined(HAVE_VECTORS)
    if (cpu & VELUM_CPU_AVX512)
        return advance_8(l);
    if (cpu & VELUM_CPU_AVX2)
        return advance_4(l);
#endif
    (void)cpu;
#ifdef HAVE_VECTORS
    return advance_2(l);
#else
    return advance_scalar(l);
#endif
}

/* --- colours --- */

#define STOPS 16u
#define STOPS_A_ROOT 4.0 /* of the colour's number, so that deep places have wider bands */
#define SHADES 256u      /* between two stops */

static const uint8_t stops[STOPS][3] = {
    {66, 30, 15},    {25, 7, 26},     {9, 1, 47},      {4, 4, 73},
    {0, 7, 100},     {12, 44, 138},   {24, 82, 177},   {57, 125, 209},
    {134, 181, 229}, {211, 236, 248}, {241, 233, 191}, {248, 201, 95},
    {255, 170, 0},   {204, 128, 0},   {153, 87, 0},    {106, 52, 3},
};

#define PARTS 64u /* of a power of two of sizes */
#define ROOT 32u  /* of log2(size) / 16, from 1 to ROOTS_END */
#define ROOTS_END 4u

/* Two logarithms, between whose points colours are near enough to straight lines. */
struct shades {
    double size[PARTS + 1];                   /* log2(1 + i / PARTS) */
    double outer[(ROOTS_END - 1) * ROOT + 2]; /* log2(1 + i / ROOT) */
};

static void make_shades(struct shades *s, const struct velum_maths *maths)
{
    for (uint32_t i = 0; i <= PARTS; i++)
        s->size[i] = maths->log2(1 + (double)(int32_t)i / PARTS);
    for (uint32_t i = 0; i < sizeof s->outer / sizeof *s->outer; i++)
        s->outer[i] = maths->log2(1 + (double)(int32_t)i / ROOT);
}

static double between(const double *list, uint32_t at, double part)
{
    return list[at] + (list[at + 1] - list[at]) * part;
}

/* log2(log2(size) / 16), of a size of 2^16 or more. */
static double smooth_part(const struct shades *s, double size)
{
    union number n = {.value = size};
    const int32_t power = (int32_t)(n.bits >> 52) - 1023;
    n.bits = (n.bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)1023 << 52;
    const double at = (n.value - 1) * PARTS;
    const uint32_t whole = (uint32_t)(int32_t)at;
    const double log = power + between(s->size, whole, at - (int32_t)whole);
    const double outer = (log / 16 - 1) * ROOT;
    if (!(outer < (ROOTS_END - 1) * ROOT))
        return s->outer[(ROOTS_END - 1) * ROOT];
    const uint32_t step = (uint32_t)(int32_t)outer;
    return between(s->outer, step, outer - (int32_t)step);
}

/* Of a point that has escaped with |z|^2 = size after n steps. */
static void paint(const struct velum_maths *maths, const struct shades *s, uint64_t n, double size,
                  uint8_t *pixel)
{
    const double smooth = (double)(int64_t)n - smooth_part(s, size);
    const double root = smooth > 0 ? maths->sqrt(smooth) : 0;
    const uint32_t at = (uint32_t)(int32_t)(root * (STOPS_A_ROOT * SHADES));
    const uint8_t *a = stops[at / SHADES % STOPS], *b = stops[(at / SHADES + 1) % STOPS];
    const uint32_t part = at % SHADES;
    for (uint32_t k = 0; k < 3; k++)
        pixel[k] = (uint8_t)((a[k] * (SHADES - part) + b[k] * part) / SHADES);
}

static void paint_black(uint8_t *pixel)
{
    pixel[0] = pixel[1] = pixel[2] = 0;
}

/* --- a band of rows --- */

struct band {
    const struct velum_host *host;
    uint64_t width, iterations;
    double x, y, step;     /* the centre; from one pixel to the next */
    double centre, middle; /* the column and the row where that is, or between two */
    uint64_t row, end;     /* the next one to begin, of the picture */
    uint64_t column;
    uint8_t *next, *pixels;
    uint64_t blocks, due; /* that were computed; when the first lane has done all iterations */
    uint64_t born[LANES]; /* in blocks; NEVER: no point is in it */
    uint8_t *pixel[LANES];
    uint64_t steps[LANES]; /* of those that are done; and |z|^2 then, 0: it has not escaped */
    double size[LANES];
    struct shades shades;
    struct lanes lanes;
};

#define NEVER UINT64_MAX

/* Whether c is where z comes to rest at a point, or goes between two for ever. */
static bool is_inside(double x, double y)
{
#if VELUM_PLANT == 814 /* unit/test_mandelbrot: the circle is a little too large */
    if ((x + 1) * (x + 1) + y * y <= 0.07)
        return true;
#endif
    const double yy = y * y, right = x - 0.25, q = right * right + yy;
    return q * (q + right) <= 0.25 * yy || (x + 1) * (x + 1) + yy <= 0.0625;
}

static uint64_t blocks_of(uint64_t iterations)
{
    return (iterations + BLOCK - 1) / BLOCK;
}

/* The next point that must be computed, into a lane. False: there is none, and the lane idles. */
static bool begin(struct band *b, uint32_t lane)
{
    struct lanes *l = &b->lanes;
    l->r[lane] = l->i[lane] = l->c_r[lane] = l->c_i[lane] = 0;
    b->born[lane] = NEVER;
    for (; b->row < b->end; b->row++, b->column = 0) {
        const double y = b->y + (b->middle - (double)(int64_t)b->row) * b->step;
        for (; b->column < b->width; b->column++, b->next += 3) {
            const double x = b->x + ((double)(int64_t)b->column - b->centre) * b->step;
            if (is_inside(x, y)) {
                paint_black(b->next);
                continue;
            }
            l->c_r[lane] = x;
            l->c_i[lane] = y;
            b->born[lane] = b->blocks;
            b->pixel[lane] = b->next;
            b->column++, b->next += 3;
            return true;
        }
    }
    return false;
}

/* Its last block once more: of all its steps at once, because no branch then waits for them. Behind
 * the one with which it escaped there is none with which it has not. */
static void replay(struct band *b, uint32_t lane)
{
    const struct lanes *l = &b->lanes;
    const double c_r = l->c_r[lane], c_i = l->c_i[lane];
    double r = l->before_r[lane], i = l->before_i[lane], size[BLOCK + 1];
    uint32_t steps = 0;
    for (uint32_t step = 0; step < BLOCK; step++) {
        const double rr = r * r, ii = i * i;
        i = (r + r) * i + c_i;
        r = (rr - ii) + c_r;
        size[step] = r * r + i * i;
        steps += size[step] <= ESCAPE;
    }
    size[BLOCK] = 0;
    b->size[lane] = size[steps];
    b->steps[lane] = (b->blocks - 1 - b->born[lane]) * BLOCK + steps + 1;
}

static void finish(const struct band *b, uint32_t lane)
{
#if VELUM_PLANT == 813 /* unit/test_mandelbrot: steps beyond the last one count, too */
    if (b->size[lane] > ESCAPE)
#else
    if (b->size[lane] > ESCAPE && b->steps[lane] <= b->iterations)
#endif
        paint(b->host->maths, &b->shades, b->steps[lane], b->size[lane], b->pixel[lane]);
    else
        paint_black(b->pixel[lane]);
}

/* The lanes that have done all iterations, a bit each; `due` becomes when the next one has. */
static uint32_t find_due(struct band *b)
{
    const uint64_t blocks = blocks_of(b->iterations);
    uint64_t first = b->blocks; /* the birth of the oldest point that stays */
    uint32_t lanes = 0;
    for (uint32_t lane = 0; lane < LANES; lane++)
        if (b->born[lane] != NEVER && b->blocks - b->born[lane] >= blocks)
            lanes |= (uint32_t)1 << lane;
        else if (b->born[lane] < first)
            first = b->born[lane];
    b->due = first + blocks;
    return lanes;
}

static uint32_t lowest(uint32_t bits)
{
#if defined(__GNUC__) && !defined(__TINYC__)
    return (uint32_t)__builtin_ctz(bits);
#else
    uint32_t lane = 0;
    for (; !(bits & 1); bits >>= 1)
        lane++;
    return lane;
#endif
}

static void compute(struct band *b)
{
    uint32_t busy = 0;
    b->blocks = 0;
    b->due = blocks_of(b->iterations);
    for (uint32_t lane = 0; lane < LANES; lane++)
        busy += begin(b, lane);
    while (busy > 0) {
        uint32_t done = advance(b->host->cpu, &b->lanes);
        if (++b->blocks == b->due)
            done |= find_due(b);
        /* One thing after the other, so that what waits for its own last operation does so beside
         * others. */
        for (uint32_t left = done; left != 0; left &= left - 1)
            replay(b, lowest(left));
        for (uint32_t left = done; left != 0; left &= left - 1)
            finish(b, lowest(left));
        for (uint32_t left = done; left != 0; left &= left - 1)
            busy -= !begin(b, lowest(left));
    }
}

/* --- a leaf --- */

static double param_double(const struct velum_call *call, uint32_t index)
{
    const union number n = {.bits = velum_param_u64(call, index)};
    return n.value;
}

/* False: these are no parameters of a plan. */
static bool take_view(const struct velum_call *call, struct view *v)
{
    v->width = velum_param_u64(call, 0);
    v->height = velum_param_u64(call, 1);
    v->iterations = velum_param_u64(call, 2);
    v->x = param_double(call, 3);
    v->y = param_double(call, 4);
    v->zoom = param_double(call, 5);
    return v->width > 0 && v->width <= WIDTH_MAX && v->height <= WIDTH_MAX && v->iterations > 0 &&
           v->iterations <= ITERATIONS_MAX && v->zoom > 0 && call->first <= v->height &&
           call->count <= v->height - call->first;
}

static void place(struct band *b, const struct view *v)
{
    const double width = (double)(int64_t)v->width, height = (double)(int64_t)v->height;
    const double across = 3.5 / width, down = 2.625 / height;
    b->width = v->width;
    b->iterations = v->iterations;
    b->step = (across > down ? across : down) / v->zoom;
    b->x = v->x;
    b->y = v->y;
    b->centre = (width - 1) * 0.5;
    b->middle = (height - 1) * 0.5;
}

static void store_number(uint8_t *to, uint64_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(v >> (8 * i));
}

static int put_head(const struct velum_host *host, const struct velum_call *call,
                    const struct view *v)
{
    uint8_t head[24] = {'r', 'g', 'b', 'r', 'o', 'w', 's', '1'};
    store_number(head + 8, v->width);
    store_number(head + 12, v->height);
    store_number(head + 16, call->first);
    store_number(head + 20, call->count);
    return host->emit(host, head, sizeof head);
}

static int mandelbrot_leaf(const struct velum_host *host, struct velum_call *call,
                           void *accumulator)
{
    struct view v;
    (void)accumulator;
    if (!take_view(call, &v))
        return velum_fail(call, "there are fewer rows than that: leave out units");
    struct band *b = host->memory(host, (sizeof *b + 63) / 64 * 64);
    uint8_t *pixels = host->memory(host, BAND_BYTES);
    if (!b || !pixels)
        return velum_fail(call, "there is no memory for the pixels");
    const uint64_t rows = BAND_BYTES / (3 * v.width), end = call->first + call->count;
    int rc = put_head(host, call, &v);
    b->host = host;
    make_shades(&b->shades, host->maths);
    place(b, &v);
    for (uint64_t row = call->first; row < end && rc >= 0; row = b->end) {
        b->row = row;
        b->end = end - row < rows ? end : row + rows;
        b->column = 0;
        b->next = pixels;
        compute(b);
        rc = host->emit(host, pixels, (size_t)(3 * v.width * (b->end - row)));
    }
    return rc < 0 ? velum_fail(call, "there is no room for the pixels") : 0;
}

#define MEMORY ((sizeof(struct band) + 63) / 64 * 64 + BAND_BYTES)

static const char manual[] =
    "Parameters:\n"
    "  --size WxH      pixels; 1024x768, and up to 32768 each\n"
    "  --center X,Y    the point in the middle, decimals; -0.75,0\n"
    "  --zoom Z        how much larger than 3.5 by 2.625, from 0.01; 1\n"
    "  --iterations N  steps after which a point is taken for one of the set; 1000\n"
    "Units:\n"
    "  a row of pixels each; at most 256 leaves, of 8192 pixels or more.\n"
    "Example:\n"
    "  velum run mandelbrot --center -0.743643887,0.131825904 --zoom 3000 -o sea.png\n";

VELUM_KERNEL(mandelbrot) = {
    VELUM_KERNEL_HEAD,
    .name = "mandelbrot",
    .usage = USAGE,
    .summary = "a picture of the Mandelbrot set, as a PNG file",
    .limits =
        "1024x768 around -0.75,0 at zoom 1 in 1000 iterations; up to 32768x32768, 10^12, 10^8",
    .manual = manual,
    .memory = MEMORY,
    .reduce = VELUM_COLLECT,
    .then = "png",
    .plan = mandelbrot_plan,
    .leaf = mandelbrot_leaf,
};
_Static_assert(MEMORY <= VELUM_MEMORY_MAX, "a leaf's memory");
