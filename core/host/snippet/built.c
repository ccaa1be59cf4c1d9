/* Beside a snippet that the machine's own compiler builds: the functions that the headers here
 * declare, so that what is built calls nothing outside of itself. Each gives what libtcc's code
 * gets from core/host/snippet_symbols.c, to the last bit. Those of a machine instruction are the
 * compiler's business (math.h). */
#include <math.h>
#include <stdint.h>
#include <string.h>

#undef sqrt
#undef sqrtf
#undef fabs
#undef fabsf
#undef copysign
#undef copysignf

#pragma GCC visibility push(hidden)

typedef uint64_t __attribute__((may_alias, aligned(1))) any_u64;

void *memcpy(void *to, const void *from, size_t n)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    for (; n >= 8; n -= 8, t += 8, f += 8) {
        *(any_u64 *)t = *(const any_u64 *)f;
        __asm__ volatile("" ::: "memory");
    }
    for (; n > 0; n--) {
        *t++ = *f++;
        __asm__ volatile("" ::: "memory");
    }
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    if (t <= f || t >= f + n)
        return memcpy(to, from, n);
    while (n-- > 0) {
        t[n] = f[n];
        __asm__ volatile("" ::: "memory");
    }
    return to;
}

void *memset(void *to, int c, size_t n)
{
    unsigned char *t = to;
    const uint64_t eight = (unsigned char)c * 0x0101010101010101u;
    for (; n >= 8; n -= 8, t += 8) {
        *(any_u64 *)t = eight;
        __asm__ volatile("" ::: "memory");
    }
    for (; n > 0; n--) {
        *t++ = (unsigned char)c;
        __asm__ volatile("" ::: "memory");
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;
    for (size_t i = 0; i < n; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

void *memchr(const void *in, int c, size_t n)
{
    const unsigned char *p = in;
    for (; n > 0; n--, p++)
        if (*p == (unsigned char)c)
            return (void *)(uintptr_t)p;
    return 0;
}

size_t strnlen(const char *s, size_t most)
{
    size_t n = 0;
    while (n < most && s[n]) {
        n++;
        __asm__ volatile("" ::: "memory");
    }
    return n;
}

size_t strlen(const char *s)
{
    return strnlen(s, (size_t)-1);
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned char x = (unsigned char)a[i], y = (unsigned char)b[i];
        if (x != y)
            return x < y ? -1 : 1;
        if (x == 0)
            return 0;
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, (size_t)-1);
}

char *strncpy(char *to, const char *from, size_t n)
{
    const size_t len = strnlen(from, n);
    memcpy(to, from, len);
    memset(to + len, 0, n - len);
    return to;
}

char *strchr(const char *s, int c)
{
    return memchr(s, c, strlen(s) + 1);
}

char *strrchr(const char *s, int c)
{
    for (size_t n = strlen(s) + 1; n-- > 0;)
        if (s[n] == (char)c)
            return (char *)(uintptr_t)(s + n);
    return 0;
}

char *strstr(const char *s, const char *of)
{
    const size_t n = strlen(of);
    for (;; s++) {
        if (strncmp(s, of, n) == 0)
            return (char *)(uintptr_t)s;
        if (!*s)
            return 0;
    }
}

size_t strcspn(const char *s, const char *of)
{
    size_t n = 0;
    while (s[n] && !strchr(of, s[n]))
        n++;
    return n;
}

size_t strspn(const char *s, const char *of)
{
    size_t n = 0;
    while (s[n] && strchr(of, s[n]))
        n++;
    return n;
}

double sqrt(double x)
{
    return __builtin_sqrt(x);
}

float sqrtf(float x)
{
    return __builtin_sqrtf(x);
}

double fabs(double x)
{
    return __builtin_fabs(x);
}

float fabsf(float x)
{
    return __builtin_fabsf(x);
}

double copysign(double x, double y)
{
    return __builtin_copysign(x, y);
}

float copysignf(float x, float y)
{
    return __builtin_copysignf(x, y);
}

/* From 2^52 on every double is whole. */
double trunc(double x)
{
    if (!(fabs(x) < 4503599627370496.0))
        return x;
    return copysign((double)(int64_t)x, x);
}

double floor(double x)
{
    const double t = trunc(x);
    return t > x ? t - 1 : t;
}

double ceil(double x)
{
    const double t = trunc(x);
    return copysign(t < x ? t + 1 : t, x);
}

double round(double x)
{
    const double t = trunc(x);
    return fabs(x - t) >= 0.5 ? t + copysign(1, x) : t;
}

/* A float is a double, and these of it are floats. */
float truncf(float x)
{
    return (float)trunc(x);
}

float floorf(float x)
{
    return (float)floor(x);
}

float ceilf(float x)
{
    return (float)ceil(x);
}

float roundf(float x)
{
    return (float)round(x);
}

/* |x| = m * 2^e, m below 2^53; 2^52 at least, if that is wanted. */
static uint64_t mantissa(double x, int *e, int high)
{
    uint64_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    uint64_t m = bits & 0xfffffffffffffu;
    *e = (int)(bits >> 52 & 0x7ff);
    if (*e == 0)
        *e = 1;
    else
        m |= 1ull << 52;
    for (; high && m < 1ull << 52; --*e)
        m <<= 1;
    return m;
}

/* The remainder of long division, exact as IEEE 754 wants it. */
double fmod(double x, double y)
{
    int ex, ey;
    if (isnan(x) || isnan(y) || isinf(x) || y == 0)
        return (x * y) / (x * y);
    if (fabs(x) < fabs(y))
        return x;
    const uint64_t my = mantissa(y, &ey, 1);
    uint64_t m = mantissa(x, &ex, 1);
    for (; ex > ey; ex--)
        m = (m >= my ? m - my : m) << 1;
    m = m >= my ? m - my : m;
    if (m == 0)
        return copysign(0, x);
    for (; m < 1ull << 52; ey--)
        m <<= 1;
    if (ey > 0)
        m = (m & 0xfffffffffffffu) | (uint64_t)ey << 52;
    else
        m >>= 1 - ey;
    double r;
    __builtin_memcpy(&r, &m, sizeof r);
    return copysign(r, x);
}

float fmodf(float x, float y)
{
    return (float)fmod(x, y);
}

/* Of two zeros the one of the sign is the lower. */
double fmin(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) ? b : a;
    return a < b || (a == b && __builtin_signbit(a)) ? a : b;
}

double fmax(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) ? b : a;
    return a > b || (a == b && !__builtin_signbit(a)) ? a : b;
}

float fminf(float a, float b)
{
    return (float)fmin(a, b);
}

float fmaxf(float a, float b)
{
    return (float)fmax(a, b);
}

#pragma GCC visibility pop
