/* matmul A.bin B.bin, or matmul --size N: the product of two matrices of doubles, or of floats with
 * --numbers float. A file is nothing but numbers, row after row, each as IEEE has it, in
 * little-endian, as numpy's tofile writes them; so is the result. Files do not say how they are cut
 * into rows: both are square, or --inner K says how many columns A has, which are as many as B has
 * rows. --size makes two matrices of N rows and N columns, of which number (i, j) is v / 2^31 - 1,
 * rounded where it is a float, in 32-bit arithmetic from
 *
 *     v = 2654435761 i + 2246822519 j + 3266489917 m      (m: 1 for A, 2 for B)
 *     v = (v ^ v >> 15) 739982445, v = v ^ v >> 12
 *
 * A unit is a row of the product. Each of its numbers is 0 + a0 b0 + a1 b1 + ..., a rounded
 * product and a rounded sum at a time, of the type of the numbers and in this order: as the three
 * loops that everybody would write do it, and with their bits, whatever the vectors of the
 * processor. Lanes are columns, so no lane waits for another, and no sum is ever cut. Every NaN is
 * written as the same one. matmul_product.h computes it, for each type. */
#include "velum_kernel.h"

#include <stdbool.h>

#define TILE_ROWS 12u
#define TILE_COLUMNS 16u
#define TILE (TILE_ROWS * TILE_COLUMNS)
#define DEPTH 256u
#define PANEL (DEPTH * TILE_COLUMNS)
#define PANELS 4u /* of B that are packed together, because memory is faster by longer pieces */
#define MEMORY VELUM_MEMORY_MAX
#define ROWS_MAX 1000000000u
#define INNER_MAX 1000000000u
#define LEAVES_WANTED 16384u

#define USAGE                                                                                      \
    "[--numbers float] [--tile T] --size N | [--numbers float] [--tile T] [--inner K] A.bin B.bin"

enum { DOUBLES, FLOATS, TYPES };

/* What a matrix is made of. */
static const struct type {
    const char *name;
    uint32_t size;
    uint32_t tiles_max;   /* of rows that are computed together */
    uint64_t columns_max; /* then one tile of rows fits */
    const char *ragged, *no_match, *too_wide, *too_high;
} types[TYPES] = {
    [DOUBLES] = {.name = "double",
                 .size = 8,
                 .tiles_max = 7,
                 .columns_max = 9216,
                 .ragged = "the size of a file of doubles is a multiple of 8 bytes",
                 .no_match = "the files are no matrices of doubles with so many columns in the "
                             "first and rows in the second",
                 .too_wide = "the product may have 9216 columns and 1000000000 rows",
                 .too_high = "the tile is too large: it may have 84 rows where there are up to "
                             "1024 columns, and 12 where there are 9216"},
    [FLOATS] = {.name = "float",
                .size = 4,
                .tiles_max = 14,
                .columns_max = 18432,
                .ragged = "the size of a file of floats is a multiple of 4 bytes",
                .no_match = "the files are no matrices of floats with so many columns in the first "
                            "and rows in the second",
                .too_wide = "the product of floats may have 18432 columns and 1000000000 rows",
                .too_high = "the tile is too large: of floats it may have 168 rows where there are "
                            "up to 1024 columns, and 12 where there are 18432"},
};

struct shape {
    uint64_t rows, inner, columns;
    uint64_t band; /* rows that are computed together */
};

/* --- the plan --- */

struct ask {
    uint64_t size, inner, tile; /* 0: not said */
    uint64_t type;
    bool has_type;
};

static bool is_same(const char *text, const char *name, uint32_t *len)
{
    for (*len = 0; name[*len]; ++*len)
        if (text[*len] != name[*len])
            return false;
    return true;
}

/* What --NAME TEXT or --NAME=TEXT at argv[*at] says, and *at is then the last argument of it;
 * otherwise NULL. */
static const char *option(int argc, const char *const *argv, int *at, const char *name)
{
    uint32_t len;
    const char *text = argv[*at];
    if (!is_same(text, name, &len))
        return NULL;
    if (text[len] == '=')
        return text + len + 1;
    return text[len] == 0 && *at + 1 < argc ? argv[++*at] : NULL;
}

static bool take_number(const struct velum_host *host, int argc, const char *const *argv, int *at,
                        const char *name, uint64_t *value)
{
    int last = *at;
    const char *text = *value == 0 ? option(argc, argv, &last, name) : NULL;
    if (!text || host->parse_u64(text, ROWS_MAX, value) < 0 || *value == 0)
        return false;
    *at = last;
    return true;
}

static bool take_type(int argc, const char *const *argv, int *at, struct ask *ask)
{
    uint32_t len;
    int last = *at;
    const char *text = ask->has_type ? NULL : option(argc, argv, &last, "--numbers");
    for (uint32_t i = 0; text && i < TYPES; i++)
        if (is_same(text, types[i].name, &len) && text[len] == 0) {
            ask->type = i;
            ask->has_type = true;
            *at = last;
            return true;
        }
    return false;
}

static int parse(const struct velum_host *host, int argc, const char *const *argv, struct ask *ask,
                 struct velum_plan *out)
{
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1] == '-' && !argv[i][2] && i + 1 == argc)
            break;
        if (!take_number(host, argc, argv, &i, "--size", &ask->size) &&
            !take_number(host, argc, argv, &i, "--inner", &ask->inner) &&
            !take_number(host, argc, argv, &i, "--tile", &ask->tile) &&
            !take_type(argc, argv, &i, ask))
            return velum_refuse(out, "matmul takes numbers from 1 to 1000000000, and --numbers "
                                     "double or float: matmul " USAGE);
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
    const struct type *type = &types[ask->type];
    uint64_t a = 0, b = 0;
    if (host->inputs(host) != 2)
        return velum_refuse(out, "matmul reads two files: matmul " USAGE);
    host->input(host, 0, &a);
    host->input(host, 1, &b);
    if (a == VELUM_SIZE_UNKNOWN || b == VELUM_SIZE_UNKNOWN)
        return velum_refuse(out, "matmul must know how large its files are before it runs");
#if VELUM_PLANT == 1131 /* unit/test_matmul: half a float may be missing */
    if (a % 2 != 0 || b % 2 != 0)
#else
    if (a % type->size != 0 || b % type->size != 0)
#endif
        return velum_refuse(out, type->ragged);
    a /= type->size;
    b /= type->size;
    s->inner = ask->inner ? ask->inner : a == b ? square_root(a) : 0;
    if (a == 0 || b == 0 || s->inner == 0)
        return velum_refuse(out, "the files are not two square matrices of one size: say with "
                                 "--inner how many columns the first and rows the second has");
    if (a % s->inner != 0 || b % s->inner != 0)
        return velum_refuse(out, type->no_match);
    s->rows = a / s->inner;
    s->columns = b / s->inner;
    return 0;
}

static uint64_t tiles_of(uint64_t columns)
{
    return (columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
}

/* How many tiles of rows have room. */
static uint64_t tiles_that_fit(const struct type *type, uint64_t columns)
{
    return (MEMORY / type->size - PANELS * PANEL) / (DEPTH * TILE_ROWS + TILE * tiles_of(columns));
}

static int choose_band(const struct ask *ask, struct shape *s, struct velum_plan *out)
{
    const struct type *type = &types[ask->type];
    uint64_t fit = tiles_that_fit(type, s->columns);
    if (fit > type->tiles_max)
        fit = type->tiles_max;
    if (ask->tile > fit * TILE_ROWS)
        return velum_refuse(out, type->too_high);
    s->band = ask->tile ? ask->tile : fit * TILE_ROWS;
    return 0;
}

static int matmul_plan(const struct velum_host *host, int argc, const char *const *argv,
                       struct velum_plan *out)
{
    struct ask ask = {0};
    struct shape s = {0};
    const uint32_t inputs = VELUM_HOST_HAS(host, emit) ? host->inputs(host) : 0;
    if (parse(host, argc, argv, &ask, out) < 0)
        return -1;
    if (ask.size && (inputs > 0 || ask.inner))
        return velum_refuse(out, "matmul takes a size or files, not both: matmul " USAGE);
    s.rows = s.inner = s.columns = ask.size;
    if (!ask.size && shape_of_files(host, &ask, &s, out) < 0)
        return -1;
    if (s.columns > types[ask.type].columns_max || s.rows > ROWS_MAX || s.inner > INNER_MAX)
        return velum_refuse(out, types[ask.type].too_wide);
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
#if VELUM_PLANT == 1133 /* unit/test_matmul: leaves are not told that the numbers are floats */
    velum_put_u64(out, DOUBLES);
#else
    velum_put_u64(out, ask.type);
#endif
    return 0;
}

/* --- what both types have --- */

/* A or B: bytes, or the formula where there are none. */
struct matrix {
    const uint8_t *bytes;
    uint64_t columns;
    uint32_t which;
};

/* Number (row, column) is this / 2^31 - 1. */
static uint32_t made(uint32_t which, uint64_t row, uint64_t column)
{
    uint32_t v = 2654435761u * (uint32_t)row + 2246822519u * (uint32_t)column + 3266489917u * which;
    v = (v ^ v >> 15) * 739982445u;
    return v ^ v >> 12;
}

#if defined(__BYTE_ORDER__) && defined(__GNUC__) && !defined(__TINYC__)
#define LITTLE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
#else
#define LITTLE 0
#endif

/* VELUM_NO_VECTORS is for compilers that pretend to be gcc, and for the test that compares. */
#if (defined(__x86_64__) || defined(__aarch64__)) && defined(__GNUC__) && !defined(__TINYC__) &&   \
    !defined(VELUM_NO_VECTORS)
#define HAVE_VECTORS 1
#endif

/* What matmul_product.h defines, it defines for doubles and for floats. */
#define OF(name) OF_TYPE(name, NUMBER)
#define OF_TYPE(name, type) OF_WORDS(name, type)
#define OF_WORDS(name, type) name##_##type

#define vector_narrow OF(vector_narrow)
#define vector_wide OF(vector_wide)
#define tile_narrow OF(tile_narrow)
#define tile_scalar OF(tile_scalar)
#define tile_wide OF(tile_wide)
#define tile_high OF(tile_high)
#define tile_way OF(tile_way)
#define way_of OF(way_of)
#define multiply OF(multiply)
#define number_bits OF(number_bits)
#define read_number OF(read_number)
#define write_number OF(write_number)
#define read_row OF(read_row)
#define rows_band OF(rows_band)
#define clear OF(clear)
#define pack_rows OF(pack_rows)
#define pack_wide OF(pack_wide)
#define pack_columns OF(pack_columns)
#define compute_depth OF(compute_depth)
#define compute OF(compute)
#define put_band OF(put_band)
#define compute_rows OF(compute_rows)

#define NUMBER_SIZE ((uint32_t)sizeof(NUMBER))

#define ROWS_4(each) each(0) each(1) each(2) each(3)
#define ROWS_6(each) ROWS_4(each) each(4) each(5)
#define ROWS_12(each) ROWS_6(each) each(6) each(7) each(8) each(9) each(10) each(11)

/* So many rows and two vectors of columns of a tile. From one k to the next it is TILE_ROWS numbers
 * of A and TILE_COLUMNS of B, however many of them are taken; `stride` is a row of the tile, in
 * vectors. */
#define LOAD(row) left##row = at[(row)*stride], right##row = at[(row)*stride + 1],
#define STEP(row)                                                                                  \
    left##row += l * a[row];                                                                       \
    right##row += r * a[row];
#define STORE(row)                                                                                 \
    at[(row)*stride] = left##row;                                                                  \
    at[(row)*stride + 1] = right##row;
#define TILE_BODY(vector, rows)                                                                    \
    const uint32_t stride = TILE_COLUMNS * NUMBER_SIZE / (uint32_t)sizeof(vector);                 \
    vector *at = (vector *)(void *)c, rows(LOAD) l, r;                                             \
    for (uint32_t k = 0; k < depth; k++, a += TILE_ROWS, b += TILE_COLUMNS) {                      \
        l = ((const vector *)(const void *)b)[0];                                                  \
        r = ((const vector *)(const void *)b)[1];                                                  \
        rows(STEP)                                                                                 \
    }                                                                                              \
    rows(STORE)

/* How many columns a part of a tile has. */
#define COLUMNS_OF(vector) (2 * (uint32_t)sizeof(vector) / NUMBER_SIZE)

#define NUMBER double
#define NUMBER_BITS uint64_t
#define NUMBER_NAN ((uint64_t)0x7ff8 << 48)
#include "plugins/matmul_product.h"

#define NUMBER float
#define NUMBER_BITS uint32_t
#define NUMBER_NAN 0x7fc00000u
#include "plugins/matmul_product.h"

/* --- a leaf --- */

static bool find_matrices(const struct velum_host *host, const struct velum_call *call,
                          const struct type *type, struct matrix *a, struct matrix *b)
{
    const uint64_t inner = velum_param_u64(call, 0), columns = velum_param_u64(call, 1);
    const uint64_t rows = call->first + call->count;
    uint64_t a_size = 0, b_size = 0;
    *a = (struct matrix){NULL, inner, 1};
    *b = (struct matrix){NULL, columns, 2};
    if (inner == 0 || inner > INNER_MAX || columns == 0 || columns > type->columns_max ||
        rows > ROWS_MAX)
        return false;
    if (velum_param_u64(call, 3) != 0)
        return true;
    if (host->inputs(host) != 2)
        return false;
    a->bytes = host->input(host, 0, &a_size);
    b->bytes = host->input(host, 1, &b_size);
    return a->bytes && b->bytes && a_size / type->size / inner >= rows &&
           b_size / type->size / inner >= columns;
}

static int matmul_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    const uint64_t step = velum_param_u64(call, 2), type = velum_param_u64(call, 4);
    struct matrix a, b;
    (void)accumulator;
    if (type >= TYPES)
        return velum_fail(call, "the plan is of numbers that are neither doubles nor floats");
    if (!find_matrices(host, call, &types[type], &a, &b))
        return velum_fail(call, "the files are not those of the plan");
    if (step == 0 || step > tiles_that_fit(&types[type], b.columns) * TILE_ROWS)
        return velum_fail(call, "so many rows at a time have no room");
    void *memory = host->memory(host, MEMORY);
    if (!memory)
        return velum_fail(call, "there is no memory for the matrices");
    const int rc = type == FLOATS ? compute_rows_float(host, call, &a, &b, step, memory)
                                  : compute_rows_double(host, call, &a, &b, step, memory);
    return rc < 0 ? velum_fail(call, "there is no room for the product") : 0;
}

static const char manual[] =
    "Parameters:\n"
    "  --numbers TYPE  float or double; doubles unless it is said\n"
    "  --size N        N rows and columns, of two matrices that a formula makes\n"
    "  --tile T        rows that are computed together; 84, or 168 of floats, or as many as have\n"
    "                  room\n"
    "  --inner K       columns of A and rows of B; unless it is said both are square\n"
    "  A.bin           the numbers alone, row after row, little-endian\n"
    "  B.bin           the same\n"
    "Units:\n"
    "  a row of the product each, which is bytes like those of A and B. The sums are of the type\n"
    "  of the numbers, too.\n"
    "Example:\n"
    "  velum run matmul A.bin B.bin -o C.bin\n"
    "  velum run matmul --numbers float --inner 3 A.bin B.bin -o C.bin\n";

VELUM_KERNEL(matmul) = {
    VELUM_KERNEL_HEAD,
    .name = "matmul",
    .usage = USAGE,
    .summary = "the product of two matrices of doubles or floats, with the bits of plain loops",
    .limits = "files of little-endian numbers, row by row; the product has up to 9216 columns, of "
              "floats 18432",
    .manual = manual,
    .memory = MEMORY,
    .reduce = VELUM_COLLECT,
    .files_from = 1,
    .plan = matmul_plan,
    .leaf = matmul_leaf,
};
