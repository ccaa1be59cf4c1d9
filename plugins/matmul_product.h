/* Rows of the product of matrices; a part of matmul.c, which includes it once for each type of
 * numbers and sets before
 *
 *   NUMBER       the type: a word, that the names of everything in here end in
 *   NUMBER_BITS  the unsigned type of as many bits
 *   NUMBER_NAN   the bits that every NaN is written with
 *
 * Only compute_rows is called from outside, by the name that it has of its type.
 *
 * A band of rows is computed at a time, whose product stays in its memory: DEPTH numbers of each
 * row of A are packed, in tiles of TILE_ROWS rows, then as many rows of B, in panels of
 * TILE_COLUMNS, with which each tile is multiplied while they are in the nearest caches (Goto and
 * van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008). */

/* --- tiles --- */

#ifdef HAVE_VECTORS
typedef NUMBER vector_narrow __attribute__((vector_size(16), may_alias));

static void tile_narrow(const NUMBER *a, const NUMBER *b, uint32_t depth, NUMBER *c)
{
    TILE_BODY(vector_narrow, ROWS_4)
}
#else
static void tile_scalar(const NUMBER *a, const NUMBER *b, uint32_t depth, NUMBER *c)
{
    for (uint32_t row = 0; row < TILE_ROWS; row++)
        for (uint32_t column = 0; column < TILE_COLUMNS; column++) {
            NUMBER sum = c[row * TILE_COLUMNS + column];
            for (uint32_t k = 0; k < depth; k++)
                sum += a[k * TILE_ROWS + row] * b[k * TILE_COLUMNS + column];
            c[row * TILE_COLUMNS + column] = sum;
        }
}
#endif

#if defined(__x86_64__) && defined(HAVE_VECTORS)
typedef NUMBER vector_wide __attribute__((vector_size(32), may_alias));

__attribute__((target("avx2"))) static void tile_wide(const NUMBER *a, const NUMBER *b,
                                                      uint32_t depth, NUMBER *c)
{
    TILE_BODY(vector_wide, ROWS_6)
}

/* Vectors of AVX2 in the registers of AVX-512: on Zen 4 half again as fast as vectors of eight
 * doubles. */
__attribute__((target("avx512vl"))) static void tile_high(const NUMBER *a, const NUMBER *b,
                                                          uint32_t depth, NUMBER *c)
{
    TILE_BODY(vector_wide, ROWS_12)
}
#endif

/* How a tile is gone through: so many rows and columns of it at a time. */
struct tile_way {
    void (*part)(const NUMBER *a, const NUMBER *b, uint32_t depth, NUMBER *c);
    uint32_t rows, columns;
};

static struct tile_way way_of(uint64_t cpu)
{
    (void)cpu;
#ifndef HAVE_VECTORS
    return (struct tile_way){tile_scalar, TILE_ROWS, TILE_COLUMNS};
#else
#ifdef __x86_64__
    if (cpu & VELUM_CPU_AVX512)
        return (struct tile_way){tile_high, 12, COLUMNS_OF(vector_wide)};
    if (cpu & VELUM_CPU_AVX2)
        return (struct tile_way){tile_wide, 6, COLUMNS_OF(vector_wide)};
#endif
    return (struct tile_way){tile_narrow, 4, COLUMNS_OF(vector_narrow)};
#endif
}

/* Adds the products of a packed tile of A and a packed panel of B to c. */
static void multiply(const struct tile_way *way, const NUMBER *a, const NUMBER *b, uint32_t depth,
                     NUMBER *c)
{
    for (uint32_t row = 0; row < TILE_ROWS; row += way->rows)
        for (uint32_t column = 0; column < TILE_COLUMNS; column += way->columns)
            way->part(a + row, b + column, depth, c + row * TILE_COLUMNS + column);
}

/* --- numbers --- */

union number_bits {
    NUMBER_BITS bits;
    NUMBER value;
};

static NUMBER read_number(const uint8_t *from)
{
    union number_bits n;
#if LITTLE
    __builtin_memcpy(&n.value, from, NUMBER_SIZE);
#else
    n.bits = 0;
    for (uint32_t i = NUMBER_SIZE; i-- > 0;)
        n.bits = n.bits << 8 | from[i];
#endif
    return n.value;
}

static void write_number(uint8_t *to, NUMBER value)
{
    union number_bits n = {.value = value};
#if VELUM_PLANT == 1132 /* unit/test_matmul: a NaN keeps the sign that the processor gave it */
    if (value != value)
        n.bits |= NUMBER_NAN;
#else
    if (value != value)
        n.bits = NUMBER_NAN;
#endif
#if LITTLE
    __builtin_memcpy(to, &n.bits, NUMBER_SIZE);
#else
    for (uint32_t i = 0; i < NUMBER_SIZE; i++)
        to[i] = (uint8_t)(n.bits >> 8 * i);
#endif
}

/* `count` numbers of one row, to places that are `step` apart. */
static void read_row(const struct matrix *m, uint64_t row, uint64_t column, uint32_t count,
                     NUMBER *to, uint32_t step)
{
    const uint8_t *from = m->bytes ? m->bytes + NUMBER_SIZE * (row * m->columns + column) : NULL;
    for (uint32_t i = 0; i < count; i++)
        to[i * step] = from ? read_number(from + (uint64_t)NUMBER_SIZE * i)
                            : (NUMBER)((double)made(m->which, row, column + i) / 2147483648.0 - 1);
}

/* --- a band --- */

struct rows_band {
    struct tile_way way;
    struct matrix a, b;
    uint64_t first; /* row */
    uint32_t rows, tiles, column_tiles;
    NUMBER *panels, *packed, *product;
};

static void clear(NUMBER *to, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        to[i] = 0;
}

/* Numbers [k, k + depth) of each row. What is below the last row is never looked at. */
static void pack_rows(const struct rows_band *band, uint64_t k, uint32_t depth)
{
    if (band->rows % TILE_ROWS != 0)
        clear(band->packed, (uint64_t)band->tiles * TILE_ROWS * DEPTH);
    for (uint32_t row = 0; row < band->rows; row++)
        read_row(&band->a, band->first + row, k, depth,
                 band->packed + (uint64_t)(row / TILE_ROWS) * TILE_ROWS * DEPTH + row % TILE_ROWS,
                 TILE_ROWS);
}

static void pack_wide(const struct matrix *b, uint64_t row, uint64_t column, NUMBER *to)
{
#if LITTLE
    if (b->bytes) {
        __builtin_memcpy(to, b->bytes + NUMBER_SIZE * (row * b->columns + column),
                         NUMBER_SIZE * TILE_COLUMNS);
        return;
    }
#endif
    read_row(b, row, column, TILE_COLUMNS, to, 1);
}

/* Rows [k, k + depth) of B, from one column on, so many panels beside each other. What is behind
 * the last column is never looked at. */
static void pack_columns(const struct rows_band *band, uint64_t k, uint32_t depth, uint64_t column,
                         uint32_t panels)
{
    const uint64_t left = band->b.columns - column;
    const uint32_t wide = (uint32_t)(left < panels * TILE_COLUMNS ? left : panels * TILE_COLUMNS);
    const uint32_t full = wide / TILE_COLUMNS, rest = wide % TILE_COLUMNS;
    NUMBER *last = band->panels + full * PANEL;
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
static void compute_depth(const struct rows_band *band, uint64_t k, uint32_t depth)
{
    NUMBER *c = band->product;
    for (uint32_t column = 0; column < band->column_tiles; column += PANELS) {
        const uint32_t left = band->column_tiles - column, panels = left < PANELS ? left : PANELS;
        pack_columns(band, k, depth, (uint64_t)column * TILE_COLUMNS, panels);
        for (uint32_t panel = 0; panel < panels; panel++)
            for (uint32_t tile = 0; tile < band->tiles; tile++, c += TILE)
                multiply(&band->way, band->packed + (uint64_t)tile * TILE_ROWS * DEPTH,
                         band->panels + panel * PANEL, depth, c);
    }
}

static void compute(const struct rows_band *band)
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

/* Row by row, by way of where B was packed. */
static int put_band(const struct velum_host *host, const struct rows_band *band)
{
    const uint64_t columns = band->b.columns, block = PANEL;
    uint8_t *bytes = (uint8_t *)(void *)band->panels;
    for (uint32_t row = 0; row < band->rows; row++)
        for (uint64_t from = 0; from < columns; from += block) {
            const uint64_t count = columns - from < block ? columns - from : block;
            for (uint64_t i = 0; i < count; i++) {
                const uint64_t column = from + i, tile = column / TILE_COLUMNS * band->tiles;
                write_number(bytes + NUMBER_SIZE * i,
                             band->product[(tile + row / TILE_ROWS) * TILE +
                                           row % TILE_ROWS * TILE_COLUMNS + column % TILE_COLUMNS]);
            }
            const int rc = host->emit(host, bytes, (size_t)(NUMBER_SIZE * count));
            if (rc < 0)
                return rc;
        }
    return 0;
}

/* Rows [first, first + count) of the call, `step` at a time, in `memory` of MEMORY bytes. 0, or
 * negative when there is no room for what is emitted. */
static int compute_rows(const struct velum_host *host, const struct velum_call *call,
                        const struct matrix *a, const struct matrix *b, uint64_t step, void *memory)
{
    struct rows_band band = {.way = way_of(host->cpu), .a = *a, .b = *b, .panels = memory};
    const uint64_t end = call->first + call->count;
    band.packed = band.panels + PANELS * PANEL;
    band.column_tiles = (uint32_t)tiles_of(b->columns);
    for (band.first = call->first; band.first < end; band.first += step) {
        band.rows = (uint32_t)(end - band.first < step ? end - band.first : step);
        band.tiles = (band.rows + TILE_ROWS - 1) / TILE_ROWS;
        band.product = band.packed + (uint64_t)band.tiles * TILE_ROWS * DEPTH;
        compute(&band);
        const int rc = put_band(host, &band);
        if (rc < 0)
            return rc;
    }
    return 0;
}

#undef NUMBER
#undef NUMBER_BITS
#undef NUMBER_NAN
