/* Compilers emit calls to these four even in freestanding code. Each plugin links its own hidden
 * copy, so that it has no undefined symbol; built-ins use the program's C library instead. The
 * barrier keeps the compiler from turning a loop back into a call of the function it is in. */
#include <stddef.h>

#define HIDDEN __attribute__((visibility("hidden")))
#define BARRIER() __asm__ volatile("" ::: "memory")

HIDDEN void *memcpy(void *restrict to, const void *restrict from, size_t n);
HIDDEN void *memmove(void *to, const void *from, size_t n);
HIDDEN void *memset(void *to, int c, size_t n);
HIDDEN int memcmp(const void *a, const void *b, size_t n);

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    for (size_t i = 0; i < n; i++) {
        t[i] = f[i];
        BARRIER();
    }
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    for (size_t i = 0; i < n; i++) {
        size_t at = t <= f ? i : n - 1 - i;
        t[at] = f[at];
        BARRIER();
    }
    return to;
}

void *memset(void *to, int c, size_t n)
{
    unsigned char *t = to;
    for (size_t i = 0; i < n; i++) {
        t[i] = (unsigned char)c;
        BARRIER();
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
