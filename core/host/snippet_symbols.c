#include "core/host/snippet_symbols.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/kernel/angle.h"
#include "core/kernel/power.h"
#include "core/kernel/root.h"

static int sign(int difference)
{
    return (difference > 0) - (difference < 0);
}

/* C says of these only whether they are below, at or above zero, and libraries differ. */
static int give_memcmp(const void *a, const void *b, size_t n)
{
    return sign(memcmp(a, b, n));
}

static int give_strcmp(const char *a, const char *b)
{
    return sign(strcmp(a, b));
}

static int give_strncmp(const char *a, const char *b, size_t n)
{
    return sign(strncmp(a, b, n));
}

/* Of two zeros of different sign C lets either be the lower one. */
static double give_fmin(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) ? b : a;
    return a < b || (a == b && signbit(a)) ? a : b;
}

static double give_fmax(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) ? b : a;
    return a > b || (a == b && !signbit(a)) ? a : b;
}

static float give_fminf(float a, float b)
{
    return (float)give_fmin(a, b);
}

static float give_fmaxf(float a, float b)
{
    return (float)give_fmax(a, b);
}

static double give_exp2(double x)
{
    return power_pow(2, x);
}

static double give_atan(double x)
{
    return angle_atan2(x, 1);
}

/* Of float: what double comes to, rounded. That is within a hair of half a unit of the last place,
 * and the same bits everywhere because double is. */
#define ROUNDED(name, function)                                                                    \
    static float give_##name(float x)                                                              \
    {                                                                                              \
        return (float)function(x);                                                                 \
    }
#define ROUNDED_OF_TWO(name, function)                                                             \
    static float give_##name(float x, float y)                                                     \
    {                                                                                              \
        return (float)function(x, y);                                                              \
    }

ROUNDED(sinf, angle_sin)
ROUNDED(cosf, angle_cos)
ROUNDED(tanf, angle_tan)
ROUNDED(asinf, angle_asin)
ROUNDED(acosf, angle_acos)
ROUNDED(atanf, give_atan)
ROUNDED(expf, power_exp)
ROUNDED(exp2f, give_exp2)
ROUNDED(logf, power_log)
ROUNDED(log2f, power_log2)
ROUNDED(log10f, power_log10)
ROUNDED(cbrtf, root_cube)
ROUNDED_OF_TWO(atan2f, angle_atan2)
ROUNDED_OF_TWO(powf, power_pow)
ROUNDED_OF_TWO(hypotf, root_hypot)

#if defined(__x86_64__)

/* libtcc has no code of its own between these types. A number that does not fit becomes the nearest
 * that does, a NaN becomes 0. */
static double double_of_u64(uint64_t v)
{
    return (double)v;
}

static float float_of_u64(uint64_t v)
{
    return (float)v;
}

static uint64_t u64_of_double(double v)
{
    if (!(v > 0))
        return 0;
    return v < 18446744073709551616.0 ? (uint64_t)v : UINT64_MAX;
}

static uint64_t u64_of_float(float v)
{
    return u64_of_double(v);
}

/* System V ABI for AMD64, 3.5.7: where the next argument of a variadic function lies. */
struct arguments {
    uint32_t gp_offset, fp_offset;
    uint8_t *overflow_arg_area;
    uint8_t *reg_save_area;
};

enum { IN_GENERAL, IN_SSE, ON_STACK };

#define GP_END 48
#define FP_END 176
#define SSE_SIZE 16

static void *next_on_stack(struct arguments *list, uint32_t size, uint32_t align)
{
    const uintptr_t mask = (align > 8 ? align : 8) - 1;
    uint8_t *at = list->overflow_arg_area + (-(uintptr_t)list->overflow_arg_area & mask);
    list->overflow_arg_area = at + size;
    return at;
}

/* A struct of two doubles is in two registers of 16 bytes each; its halves are moved together. */
static void *next_in_sse(struct arguments *list, uint32_t size)
{
    uint8_t *at = list->reg_save_area + list->fp_offset;
    if (size > 8)
        memcpy(at + 8, at + SSE_SIZE, 8);
    list->fp_offset += size > 8 ? 2 * SSE_SIZE : SSE_SIZE;
    return at;
}

static void *next_argument(struct arguments *list, int where, int size, int align)
{
    const uint32_t whole = ((uint32_t)size + 7) / 8 * 8;
    if (where == IN_GENERAL && list->gp_offset + whole <= GP_END) {
        list->gp_offset += whole;
        return list->reg_save_area + list->gp_offset - whole;
    }
    if (where == IN_SSE && list->fp_offset + whole / 8 * SSE_SIZE <= FP_END)
        return next_in_sse(list, whole);
    return next_on_stack(list, whole, (uint32_t)align);
}

#endif

static const struct {
    const char *name;
    const void *address;
} symbols[] = {
#define OURS(name)                                                                                 \
    {                                                                                              \
#name, (const void *)give_##name                                                           \
    }
#define THE_LIBRARYS(name)                                                                         \
    {                                                                                              \
#name, (const void *)name                                                                  \
    }
#define VELUMS(name, function)                                                                     \
    {                                                                                              \
#name, (const void *)function                                                              \
    }
    THE_LIBRARYS(memcpy),
    THE_LIBRARYS(memmove),
    THE_LIBRARYS(memset),
    THE_LIBRARYS(memchr),
    THE_LIBRARYS(strlen),
    THE_LIBRARYS(strnlen),
    THE_LIBRARYS(strncpy),
    THE_LIBRARYS(strchr),
    THE_LIBRARYS(strrchr),
    THE_LIBRARYS(strstr),
    THE_LIBRARYS(strspn),
    THE_LIBRARYS(strcspn),
    OURS(memcmp),
    OURS(strcmp),
    OURS(strncmp),
    VELUMS(sqrt, root_square),
#if VELUM_PLANT == 852 /* unit/test_snippet: the C library's cube root is as good */
    THE_LIBRARYS(cbrt),
#else
    VELUMS(cbrt, root_cube),
#endif
    VELUMS(log, power_log),
    VELUMS(log2, power_log2),
    VELUMS(exp, power_exp),
    VELUMS(pow, power_pow),
    VELUMS(sin, angle_sin),
    VELUMS(cos, angle_cos),
    VELUMS(tan, angle_tan),
    VELUMS(atan2, angle_atan2),
    VELUMS(asin, angle_asin),
    VELUMS(acos, angle_acos),
    VELUMS(log10, power_log10),
    VELUMS(hypot, root_hypot),
    OURS(exp2),
    OURS(atan),
    THE_LIBRARYS(fabs),
    THE_LIBRARYS(floor),
    THE_LIBRARYS(ceil),
    THE_LIBRARYS(trunc),
    THE_LIBRARYS(round),
    THE_LIBRARYS(fmod),
    THE_LIBRARYS(copysign),
    THE_LIBRARYS(sqrtf),
    THE_LIBRARYS(fabsf),
    THE_LIBRARYS(floorf),
    THE_LIBRARYS(ceilf),
    THE_LIBRARYS(truncf),
    THE_LIBRARYS(roundf),
    THE_LIBRARYS(fmodf),
    THE_LIBRARYS(copysignf),
    OURS(fmin),
    OURS(fmax),
    OURS(fminf),
    OURS(fmaxf),
    OURS(sinf),
    OURS(cosf),
    OURS(tanf),
    OURS(asinf),
    OURS(acosf),
    OURS(atanf),
    OURS(expf),
    OURS(exp2f),
    OURS(logf),
    OURS(log2f),
    OURS(log10f),
    OURS(cbrtf),
    OURS(atan2f),
    OURS(powf),
    OURS(hypotf),
#if defined(__x86_64__)
    {"__floatundidf", (const void *)double_of_u64},
    {"__floatundisf", (const void *)float_of_u64},
    {"__fixunsdfdi", (const void *)u64_of_double},
    {"__fixunssfdi", (const void *)u64_of_float},
    {"__va_arg", (const void *)next_argument},
#endif
};

void snippet_symbols(void (*give)(void *ctx, const char *name, const void *address), void *ctx)
{
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        give(ctx, symbols[i].name, symbols[i].address);
}

const void *snippet_symbol(const char *name)
{
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (strcmp(symbols[i].name, name) == 0)
            return symbols[i].address;
    return NULL;
}
