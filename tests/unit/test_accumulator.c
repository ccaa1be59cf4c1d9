#include "core/kernel/accumulator.h"

#include <math.h>

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/kernel/decimal.h"
#include "tests/lib/check.h"

struct mixed {
    uint8_t letters[3];
    double real;
    int32_t small;
    float single[2];
    uint64_t large;
    int64_t negative;
    uint32_t word;
};

static const struct velum_field fields[] = {
    VELUM_FIELD(struct mixed, large, VELUM_U64, 1),
    VELUM_FIELD(struct mixed, letters, VELUM_U8, 3),
    VELUM_FIELD(struct mixed, real, VELUM_F64, 1),
    VELUM_FIELD(struct mixed, small, VELUM_I32, 1),
    VELUM_FIELD(struct mixed, single, VELUM_F32, 2),
    VELUM_FIELD(struct mixed, negative, VELUM_I64, 1),
    VELUM_FIELD(struct mixed, word, VELUM_U32, 1),
};

static const struct velum_kernel mixed_kernel = {
    .accumulator_size = sizeof(struct mixed),
    .fields = fields,
    .fields_count = 7,
};

#define CANONICAL_SIZE (8 + 3 + 8 + 4 + 8 + 8 + 4)

TEST(test_canonical_bytes)
{
    struct mixed m;
    uint8_t raw[CANONICAL_SIZE];
    memset(&m, 0xee, sizeof m); /* padding must not be seen */
    m.large = 0x0102030405060708u;
    memcpy(m.letters, "abc", 3);
    m.real = 1.5;
    m.small = -2;
    m.single[0] = 0.5f;
    m.single[1] = -0.0f;
    m.negative = -1;
    m.word = 0xfeed;
    const uint8_t want[CANONICAL_SIZE] = {
        8,    7,    6,    5,    4,    3,    2,    1,    /* large */
        'a',  'b',  'c',                                /* letters */
        0,    0,    0,    0,    0,    0,    0xf8, 0x3f, /* real */
        0xfe, 0xff, 0xff, 0xff,                         /* small */
        0,    0,    0,    0x3f, 0,    0,    0,    0x80, /* single */
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* negative */
        0xed, 0xfe, 0,    0,                            /* word */
    };
    REQUIRE(accumulator_canonical_size(&mixed_kernel) == CANONICAL_SIZE);
    accumulator_encode(&mixed_kernel, &m, raw);
    CHECK_MEM(raw, want, sizeof want);

    struct mixed back;
    memset(&back, 0x55, sizeof back);
    accumulator_decode(&mixed_kernel, raw, &back);
    CHECK(back.large == m.large && back.real == 1.5 && back.small == -2 && back.word == 0xfeed);
    CHECK(back.negative == -1 && back.single[0] == 0.5f && signbit(back.single[1]));
    CHECK_MEM(back.letters, "abc", 3);
}

TEST(test_every_nan_is_one_pattern)
{
    static const uint64_t nans[] = {0x7ff8000000000000u, 0xfff8000000000000u, 0x7ff0000000000001u,
                                    0xffffffffffffffffu, 0x7ff4dead00000000u};
    struct mixed m = {0};
    uint8_t raw[CANONICAL_SIZE];
    for (size_t i = 0; i < sizeof nans / sizeof *nans; i++) {
        uint32_t narrow = (uint32_t)(0x7f800001u + i * 77) | (i % 2 ? 0x80000000u : 0);
        memcpy(&m.real, &nans[i], 8);
        memcpy(&m.single[1], &narrow, 4);
        accumulator_encode(&mixed_kernel, &m, raw);
        CHECK(load_u64(raw + 11) == 0x7ff8000000000000u);
        CHECK(load_u32(raw + 27) == 0x7fc00000u);
    }
    m.real = -INFINITY;
    m.single[1] = INFINITY;
    accumulator_encode(&mixed_kernel, &m, raw);
    CHECK(load_u64(raw + 11) == 0xfff0000000000000u);
    CHECK(load_u32(raw + 27) == 0x7f800000u);
}

static void check_decimal(double value, int places)
{
    char mine[1024], theirs[1024];
    int len = decimal_of_double(mine, sizeof mine, value, places);
    snprintf(theirs, sizeof theirs, "%.*f", places, value);
    CHECK_STR(mine, theirs);
    CHECK_INT(len, strlen(theirs));
}

static void check_hex(double value)
{
    char mine[32], theirs[64];
    decimal_hex_of_double(mine, value);
    snprintf(theirs, sizeof theirs, "%a", value);
    CHECK_STR(mine, theirs);
}

TEST(test_decimals_are_those_of_printf)
{
    static const double values[] = {
        0,
        -0.0,
        1,
        9.5,
        0.5,
        1.5,
        2.5,
        0.125,
        0.375,
        999.5,
        9.9999,
        0.1,
        1e15,
        1e22,
        1e23,
        1.7976931348623157e308,
        5e-324,
        2.2e-308,
        1e-9,
        1e9,
        999999999,
        1e9 - 1,
        999999999.5,
        1e18,
        1e300,
        3.1415926535897931,
        123456789.123456789,
        0.000000001,
        4.35,
        0.999999999999999,
    };
    static const int places[] = {0, 1, 2, 8, 9, 10, 14, 17, 18, 19, 27, 40, 300};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
            check_decimal(values[i], places[k]);
            check_decimal(-values[i], places[k]);
        }
    check_decimal(INFINITY, 3);
    check_decimal(-INFINITY, 3);
}

TEST(test_random_doubles)
{
    struct prng p;
    prng_init(&p, 7);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = prng_u64(&p);
        double v;
        memcpy(&v, &bits, 8);
        if (isnan(v))
            continue;
        check_decimal(v, (int)prng_below(&p, 25));
        check_hex(v);
        /* Ties and their neighbours: few bits below the point. */
        v = (double)prng_below(&p, 100000) / 64.0;
        check_decimal(v, (int)prng_below(&p, 7));
        check_hex(v);
    }
}

TEST(test_hex_of_the_special_ones)
{
    static const double values[] = {0,        -0.0,      1,
                                    -2.5,     5e-324,    2.2250738585072009e-308,
                                    INFINITY, -INFINITY, 1.7976931348623157e308};
    char text[32];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        check_hex(values[i]);
    decimal_hex_of_double(text, NAN);
    CHECK(strcmp(text, "nan") == 0 || strcmp(text, "-nan") == 0);
}

TEST(test_decimal_bounds)
{
    char text[8] = "";
    CHECK_INT(decimal_of_double(text, 6, 3.14159, 4), ERR_TOO_LARGE);
    CHECK_INT(decimal_of_double(text, 7, 3.14159, 4), 6);
    CHECK_STR(text, "3.1416");
    CHECK_INT(decimal_of_double(text, 8, 1, -1), ERR_ARGUMENT);
    CHECK_INT(decimal_of_double(text, 8, 1, DECIMAL_PLACES_MAX + 1), ERR_ARGUMENT);
    CHECK_INT(decimal_of_double(text, 0, 1, 0), ERR_TOO_LARGE);
}

TEST_MAIN(test_canonical_bytes, test_every_nan_is_one_pattern, test_decimals_are_those_of_printf,
          test_random_doubles, test_hex_of_the_special_ones, test_decimal_bounds)
