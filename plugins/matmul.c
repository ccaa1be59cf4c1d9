/* matmul A.bin B.bin, or matmul --size N: the product of two matrices of doubles. A file is nothing
 * but numbers, row after row, each an IEEE double in little-endian, as numpy's tofile writes them;
 * so is the result. Files do not say how they are cut into rows: both are square, or --inner K says
 * how many columns A has, which are as many as B has rows. --size makes two matrices of N rows and
 * N columns, of which number (i, j) is v / 2^31 - 1, in 32-bit arithmetic from
 *
 *     v = 2654435761 i + 2246822519 j + 3266489917 m      (m: 1 for A, 2 for B)
 *     v = (v ^ v >> 15) 739982445, v = v ^ v >> 12
 *
 * A unit is a row of the product. Each of its numbers is 0 + a0 b0 + a1 b1 + ..., a rounded product
 * and a rounded sum at a time, in this order: as the three loops that everybody would write do it,
 * and with their bits, whatever the vectors of the processor. Lanes are columns, so no lane waits
 * for another, and no sum is ever cut. Every NaN is written as the same one.
 *
 * A leaf computes a band of rows at a time, whose product stays in its memory: DEPTH numbers of
 * each row of A are packed, in tiles of TILE_ROWS rows, then as many rows of B, in panels of
 * TILE_COLUMNS, with which each tile is multiplied while they are in the nearest caches (Goto and
 * van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008). */
#include "velum_kernel.h"

#include <stdbool.h>

#define TILE_ROWS 12u
#define TILE_COLUMNS 16u
#define TILE (TILE_ROWS * TILE_COLUMNS)
#define DEPTH 256u
#define PANEL (DEPTH * TILE_COLUMNS)
#define PANELS 4u /* of B that are packed together, because memory is faster by longer pieces */
#define MEMORY VELUM_MEMORY_MAX
#define COLUMNS_MAX 9216u /* then one tile of rows fits */
#define ROWS_MAX 1000000000u
#define INNER_MAX 1000000000u
#define BAND_TILES_MAX 7u
#define LEAVES_WANTED 16384u

#define USAGE "[--tile T] --size N | [--tile T] [--inner K] A.bin B.bin"

struct shape {
    uint64_t rows, inner, columns;
    uint64_t band; /* rows that are computed together */
};

/* --- the plan --- */

struct ask {
    uint64_t size, inner, tile; /* 0: not said */
};

static bool is_name(const char *text, const char *name, uint32_t *len)
{
    for (*len = 0; name[*len]; ++*len)
        if (text[*len] != name[*len])
            return false;
    return text[*len] == '=' || text[*len] == 0;
}

/* --NAME N or --NAME=N at argv[*at]: true, and *at is the last argument of it. */
static bool take_number(const struct velum_host *host, int argc, const char *const *argv, int *at,
                        const char *name, uint64_t *value)
{
    uint32_t len;
    const char *text = argv[*at];
    if (!is_name(text, name, &len) || *value != 0)
        return false;
    if (text[len] == 0 && *at + 1 == argc)
        return false;
    text = text[len] ? text + len + 1 : argv[++*at];
    return host->parse_u64(text, ROWS_MAX, value) >= 0 && *value > 0;
}

static int parse(const struct velum_host *host, int argc, const char *const *argv, struct ask *ask,
                 struct velum_plan *out)
{
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1] == '-' && !argv[i][2] && i + 1 == argc)
            break;
        if (!take_number(host, argc, argv, &i, "--size", &ask->size) &&
            !take_number(host, argc, argv, &i, "--inner", &ask->inner) &&
            !take_number(host, argc, argv, &i, "--tile", &ask->tile))
            return velum_refuse(out, "matmul takes numbers from 1 to 1000000000: matmul " USAGE);
    }
    return 0;
}

/* The number whose square is n, or 0. */
static uint64_t square_root(uint64_t n)
{
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 31; bit != 0; bit >>= 1)
        if ((root | bit) <= n / (root | bit))
            root |= bit;
    return root * root == n ? root : 0;
}

static int shape_of_files(const struct velum_host *host, const struct ask *ask, struct shape *s,
                          struct velum_plan *out)
{
    uint64_t a = 0, b = 0;
    if (host->inputs(host) != 2)
        return velum_refuse(out, "matmul reads two files: matmul " USAGE);
    host->input(host, 0, &a);
    host->input(host, 1, &b);
    if (a == VELUM_SIZE_UNKNOWN || b == VELUM_SIZE_UNKNOWN)
        return velum_refuse(out, "matmul must know how large its files are before it runs");
    s->inner = ask->inner ? ask->inner : a == b ? square_root(a / 8) : 0;
    if (a == 0 || b == 0 || s->inner == 0)
        return velum_refuse(out, "the files are not two square matrices of one size: say with "
                                 "--inner how many columns the first and rows the second has");
    if (a % (8 * s->inner) != 0 || b % (8 * s->inner) != 0)
        return velum_refuse(out, "the files are no matrices of doubles with so many columns in the "
                                 "first and rows in the second");
    s->rows = a / 8 / s->inner;
    s->columns = b / 8 / s->inner;
    return 0;
}

static uint64_t tiles_of(uint64_t columns)
{
    return (columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
}

/* How many tiles of rows have room. */
static uint64_t tiles_that_fit(uint64_t columns)
{
    return (MEMORY / 8 - PANELS * PANEL) / (DEPTH * TILE_ROWS + TILE * tiles_of(columns));
}

static int choose_band(const struct ask *ask, struct shape *s, struct velum_plan *out)
{
    uint64_t fit = tiles_that_fit(s->columns);
    if (fit > BAND_TILES_MAX)
        fit = BAND_TILES_MAX;
    if (ask->tile > fit * TILE_ROWS)
        return velum_refuse(out, "the tile is too large: it may have 84 rows where there are up to "
                                 "1024 columns, and 12 where there are 9216");
    s->band = ask->tile ? ask->tile : fit * TILE_ROWS;
    return 0;
}

static int matmul_plan(const struct velum_host *host, int argc, const char *const *argv,
                       struct velum_plan *out)
{
    struct ask ask = {0, 0, 0};
    struct shape s = {0};
    const uint32_t inputs = VELUM_HOST_HAS(host, emit) ? host->inputs(host) : 0;
    if (parse(host, argc, argv, &ask, out) < 0)
        return -1;
    if (ask.size && (inputs > 0 || ask.inner))
        return velum_refuse(out, "matmul takes a size or files, not both: matmul " USAGE);
    s.rows = s.inner = s.columns = ask.size;
    if (!ask.size && shape_of_files(host, &ask, &s, out) < 0)
        return -1;
    if (s.columns > COLUMNS_MAX || s.rows > ROWS_MAX || s.inner > INNER_MAX)
        return velum_refuse(out, "the product may have 9216 columns and 1000000000 rows");
    if (choose_band(&ask, &s, out) < 0)
        return -1;
    out->units = s.rows;
    out->leaf_units = s.band;
    while ((out->units - 1) / out->leaf_units >= LEAVES_WANTED)
        out->leaf_units *= 2;
    velum_put_u64(out, s.inner);
    velum_put_u64(out, s.columns);
    velum_put_u64(out, s.band);
    velum_put_u64(out, ask.size);
    return 0;
}

/* --- tiles --- */

/* VELUM_NO_VECTORS is for compilers that pretend to be gcc, and for the test that compares. */
#if (defined(__x86_64__) || defined(__aarch64__)) && defined(__GNUC__) && !defined(__TINYC__) &&   \
    !defined(VELUM_NO_VECTORS)
#define HAVE_VECTORS 1
typedef double vector2 __attribute__((vector_size(16), may_alias));

#define ROWS_4(each) each(0) each(1) each(2) each(3)
#define ROWS_6(each) ROWS_4(each) each(4) each(5)
#define ROWS_12(each) ROWS_6(each) each(6) each(7) each(8) each(9) each(10) each(11)

/* So many rows and two vectors of columns of a tile. From one k to the next it is TILE_ROWS numbers
 * of A and TILE_COLUMNS of B, however many of them are taken. STRIDE is a row of the tile, in
 * vectors. */
#define LOAD(row) left##row = at[(row)*STRIDE], right##row = at[(row)*STRIDE + 1],
#define STEP(row)                                                                                  \
    left##row += l * a[row];                                                                       \
    right##row += r * a[row];
#define STORE(row)                                                                                 \
    at[(row)*STRIDE] = left##row;                                                                  \
    at[(row)*STRIDE + 1] = right##row;
#define TILE_BODY(type, rows)                                                                      \
    type *at = (type *)(void *)c, rows(LOAD) l, r;                                                 \
    for (uint32_t k = 0; k < depth; k++, a += TILE_ROWS, b += TILE_COLUMNS) {                      \
        l = ((const type *)(const void *)b)[0];                                                    \
        r = ((const type *)(const void *)b)[1];                                                    \
        rows(STEP)                                                                                 \
    }                                                                                              \
    rows(STORE)

#define STRIDE (TILE_COLUMNS / 2)
static void tile_2(const double *a, const double *b, uint32_t depth, double *c)
{
    TILE_BODY(vector2, ROWS_4)
}
#undef STRIDE
#else
static void tile_scalar(const double *a, const double *b, uint32_t depth, double *c)
{
    for (uint32_t row = 0; row < TILE_ROWS; row++)
        for (uint32_t column = 0; column < TILE_COLUMNS; column++) {
            double sum = c[row * TILE_COLUMNS + column];
            for (uint32_t k = 0; k < depth; k++)
                sum += a[k * TILE_ROWS + row] * b[k * TILE_COLUMNS + column];
            c[row * TILE_COLUMNS + column] = sum;
        }
}
#endif

#if defined(__x86_64__) && defined(HAVE_VECTORS)
typedef double vector4 __attribute__((vector_size(32), may_alias));

#define STRIDE (TILE_COLUMNS / 4)
__attribute__((target("avx2"))) static void tile_4(const double *a, const double *b, uint32_t depth,
                                                   double *c)
{
    TILE_BODY(vector4, ROWS_6)
}

/* Vectors of AVX2 in the registers of AVX-512: on Zen 4 half again as fast as vectors of eight. */
__attribute__((target("avx512vl"))) static void tile_4_high(const double *a, const double *b,
                                                            uint32_t depth, double *c)
{
    TILE_BODY(vector4, ROWS_12)
}
#undef STRIDE
#endif

/* How a tile is gone through: so many rows and columns of it at a time. */
struct way {
    void (*part)(const double *a, const double *b, uint32_t depth, double *c);
    uint32_t rows, columns;
};

static struct way way_of(uint64_t cpu)
{
    (void)cpu;
#ifndef HAVE_VECTORS
    return (struct way){tile_scalar, TILE_ROWS, TILE_COLUMNS};
#else
#ifdef __x86_64__
    if (cpu & VELUM_CPU_AVX512)
        return (struct way){tile_4_high, 12, 8};
    if (cpu & VELUM_CPU_AVX2)
        return (struct way){tile_4, 6, 8};
#endif
    return (struct way){tile_2, 4, 4};
#endif
}

/* Adds the products of a packed tile of A and a packed panel of B to c. */
static void multiply(const struct way *way, const double *a, const double *b, uint32_t depth,
                     double *c)
{
    for (uint32_t row = 0; row < TILE_ROWS; row += way->rows)
        for (uint32_t column = 0; column < TILE_COLUMNS; column += way->columns)
            way->part(a + row, b + column, depth, c + row * TILE_COLUMNS + column);
}

/* --- the matrices --- */

#if defined(__BYTE_ORDER__) && defined(__GNUC__) && !defined(__TINYC__)
#define LITTLE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
#else
#define LITTLE 0
#endif

union number {
    uint64_t bits;
    double value;
};

static double read_number(const uint8_t *from)
{
    union number n;
#if LITTLE
    __builtin_memcpy(&n.value, from, 8);
#else
    n.bits = velum_load_u64(from);
#endif
    return n.value;
}

/* A or B: bytes, or the formula where there are none. */
struct matrix {
    const uint8_t *bytes;
    uint64_t columns;
    uint32_t which;
};

static double made(uint32_t which, uint64_t row, uint64_t column)
{
    uint32_t v = 2654435761u * (uint32_t)row + 2246822519u * (uint32_t)column + 3266489917u * which;
    v = (v ^ v >> 15) * 739982445u;
    v ^= v >> 12;
    return (double)v / 2147483648.0 - 1;
}

/* `count` numbers of one row, to places that are `step` apart. */
static void read_row(const struct matrix *m, uint64_t row, uint64_t column, uint32_t count,
                     double *to, uint32_t step)
{
    const uint8_t *from = m->bytes ? m->bytes + 8 * (row * m->columns + column) : NULL;
    for (uint32_t i = 0; i < count; i++)
        to[i * step] = from ? read_number(from + 8 * (uint64_t)i) : made(m->which, row, column + i);
}

/* --- a band --- */

struct band {
    struct way way;
    struct matrix a, b;
    uint64_t first; /* row */
    uint32_t rows, tiles, column_tiles;
    double *panels, *packed, *product;
};

static void clear(double *to, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        to[i] = 0;
}

/* Numbers [k, k + depth) of each row. What is below the last row is never looked at. */
static void pack_rows(const struct band *band, uint64_t k, uint32_t depth)
{
    if (band->rows % TILE_ROWS != 0)
        clear(band->packed, (uint64_t)band->tiles * TILE_ROWS * DEPTH);
    for (uint32_t row = 0; row < band->rows; row++)
        read_row(&band->a, band->first + row, k, depth,
                 band->packed + (uint64_t)(row / TILE_ROWS) * TILE_ROWS * DEPTH + row % TILE_ROWS,
                 TILE_ROWS);
}

static void pack_wide(const struct matrix *b, uint64_t row, uint64_t column, double *to)
{
#if LITTLE
    if (b->bytes) {
        __builtin_memcpy(to, b->bytes + 8 * (row * b->columns + column), 8 * TILE_COLUMNS);
        return;
    }
#endif
    read_row(b, row, column, TILE_COLUMNS, to, 1);
}

/* Rows [k, k + depth) of B, from one column on, so many panels beside each other. What is behind
 * the last column is never looked at. */
static void pack_columns(const struct band *band, uint64_t k, uint32_t depth, uint64_t column,
                         uint32_t panels)
{
    const uint64_t left = band->b.columns - column;
    const uint32_t wide = (uint32_t)(left < panels * TILE_COLUMNS ? left : panels * TILE_COLUMNS);
    const uint32_t full = wide / TILE_COLUMNS, rest = wide % TILE_COLUMNS;
    double *last = band->panels + full * PANEL;
    if (rest > 0)
        clear(last, PANEL);
    for (uint32_t i = 0; i < depth; i++) {
        for (uint32_t panel = 0; panel < full; panel++)
            pack_wide(&band->b, k + i, column + panel * TILE_COLUMNS,
                      band->panels + panel * PANEL + i * TILE_COLUMNS);
        if (rest > 0)
            read_row(&band->b, k + i, column + full * TILE_COLUMNS, rest, last + i * TILE_COLUMNS,
                     1);
    }
}

/* Adds the product of what is packed of A and of rows of B from k on. */
static void compute_depth(const struct band *band, uint64_t k, uint32_t depth)
{
    double *c = band->product;
    for (uint32_t column = 0; column < band->column_tiles; column += PANELS) {
        const uint32_t left = band->column_tiles - column, panels = left < PANELS ? left : PANELS;
        pack_columns(band, k, depth, (uint64_t)column * TILE_COLUMNS, panels);
        for (uint32_t panel = 0; panel < panels; panel++)
            for (uint32_t tile = 0; tile < band->tiles; tile++, c += TILE)
                multiply(&band->way, band->packed + (uint64_t)tile * TILE_ROWS * DEPTH,
                         band->panels + panel * PANEL, depth, c);
    }
}

static void compute(const struct band *band)
{
    clear(band->product, (uint64_t)TILE * band->tiles * band->column_tiles);
    for (uint64_t k = 0; k < band->a.columns; k += DEPTH) {
        const uint64_t left = band->a.columns - k;
        const uint32_t depth = left < DEPTH ? (uint32_t)left : DEPTH;
#if VELUM_PLANT == 839 /* unit/test_matmul: only the last numbers of long rows count */
        clear(band->product, (uint64_t)TILE * band->tiles * band->column_tiles);
#endif
        pack_rows(band, k, depth);
        compute_depth(band, k, depth);
    }
}

static void write_number(uint8_t *to, double value)
{
    union number n = {.value = value};
    if (value != value)
        n.bits = (uint64_t)0x7ff8 << 48;
#if LITTLE
    __builtin_memcpy(to, &n.bits, 8);
#else
    velum_store_u64(to, n.bits);
#endif
}

/* Row by row, by way of where B was packed. */
static int put_band(const struct velum_host *host, const struct band *band)
{
    const uint64_t columns = band->b.columns, block = PANEL;
    uint8_t *bytes = (uint8_t *)(void *)band->panels;
    for (uint32_t row = 0; row < band->rows; row++)
        for (uint64_t from = 0; from < columns; from += block) {
            const uint64_t count = columns - from < block ? columns - from : block;
            for (uint64_t i = 0; i < count; i++) {
                const uint64_t column = from + i, tile = column / TILE_COLUMNS * band->tiles;
                write_number(bytes + 8 * i,
                             band->product[(tile + row / TILE_ROWS) * TILE +
                                           row % TILE_ROWS * TILE_COLUMNS + column % TILE_COLUMNS]);
            }
            const int rc = host->emit(host, bytes, (size_t)(8 * count));
            if (rc < 0)
                return rc;
        }
    return 0;
}

/* --- a leaf --- */

static bool find_matrices(const struct velum_host *host, const struct velum_call *call,
                          struct band *band)
{
    const uint64_t inner = velum_param_u64(call, 0), columns = velum_param_u64(call, 1);
    const uint64_t rows = call->first + call->count;
    uint64_t a = 0, b = 0;
    band->a = (struct matrix){NULL, inner, 1};
    band->b = (struct matrix){NULL, columns, 2};
    if (inner == 0 || inner > INNER_MAX || columns == 0 || columns > COLUMNS_MAX || rows > ROWS_MAX)
        return false;
    if (velum_param_u64(call, 3) != 0)
        return true;
    if (host->inputs(host) != 2)
        return false;
    band->a.bytes = host->input(host, 0, &a);
    band->b.bytes = host->input(host, 1, &b);
    return band->a.bytes && band->b.bytes && a / 8 / inner >= rows && b / 8 / inner >= columns;
}

static int matmul_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct band band = {.way = way_of(host->cpu)};
    const uint64_t step = velum_param_u64(call, 2), end = call->first + call->count;
    (void)accumulator;
    if (!find_matrices(host, call, &band))
        return velum_fail(call, "the files are not those of the plan");
    if (step == 0 || step > tiles_that_fit(band.b.columns) * TILE_ROWS)
        return velum_fail(call, "so many rows at a time have no room");
    double *memory = host->memory(host, MEMORY);
    if (!memory)
        return velum_fail(call, "there is no memory for the matrices");
    band.panels = memory;
    band.packed = memory + PANELS * PANEL;
    band.column_tiles = (uint32_t)tiles_of(band.b.columns);
    for (band.first = call->first; band.first < end; band.first += step) {
        band.rows = (uint32_t)(end - band.first < step ? end - band.first : step);
        band.tiles = (band.rows + TILE_ROWS - 1) / TILE_ROWS;
        band.product = band.packed + (uint64_t)band.tiles * TILE_ROWS * DEPTH;
        compute(&band);
        if (put_band(host, &band) < 0)
            return velum_fail(call, "there is no room for the product");
    }
    return 0;
}

static const char manual[] =
    "Parameters:\n"
    "  --size N   N rows and columns, of two matrices that a formula makes\n"
    "  --tile T   rows that are computed together; 84, or as many as have room\n"
    "  --inner K  columns of A and rows of B; unless it is said both are square\n"
    "  A.bin      the numbers alone, row after row, little-endian doubles\n"
    "  B.bin      the same\n"
    "Units:\n"
    "  a row of the product each, which is bytes like those of A and B.\n"
    "Example:\n"
    "  velum run matmul A.bin B.bin -o C.bin\n";

VELUM_KERNEL(matmul) = {
    VELUM_KERNEL_HEAD,
    .name = "matmul",
    .usage = USAGE,
    .summary = "the product of two matrices of doubles, with the bits of three plain loops",
    .limits = "files of little-endian doubles, row by row; the product has up to 9216 columns",
    .manual = manual,
    .memory = MEMORY,
    .reduce = VELUM_COLLECT,
    .files_from = 1,
    .plan = matmul_plan,
    .leaf = matmul_leaf,
};
