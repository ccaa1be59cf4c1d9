/* What is the same for all targets: the bounds on time and memory, and that a failed CHECK is a
 * finding. The linker sends malloc and its kin of our own code, and of the libraries linked
 * statically, through here (--wrap). */
#include "tests/fuzz/target.h"

#include <malloc.h>
#include <stdlib.h>
#include <time.h>

#include "tests/lib/check.h"

static size_t live, peak;

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *old, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *old, size_t n);
void __wrap_free(void *p);

static void *counted(void *p)
{
    live += p ? malloc_usable_size(p) : 0;
    peak = live > peak ? live : peak;
    return p;
}

/* What the C library made itself was not counted. */
static void uncounted(size_t n)
{
    live -= n < live ? n : live;
}

void *__wrap_malloc(size_t n)
{
    return counted(__real_malloc(n));
}

void *__wrap_calloc(size_t count, size_t n)
{
    return counted(__real_calloc(count, n));
}

void *__wrap_realloc(void *old, size_t n)
{
    size_t had = old ? malloc_usable_size(old) : 0;
    void *p = __real_realloc(old, n);
    if (p || n == 0)
        uncounted(had);
    return counted(p);
}

void __wrap_free(void *p)
{
    if (p)
        uncounted(malloc_usable_size(p));
    __real_free(p);
}

static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static _Noreturn void found(const char *what, long long number)
{
    printf("FAIL %s: %lld\n", what, number);
    fflush(stdout);
    abort();
}

/* Once, with what it left behind and the time it took. */
static int64_t run(struct bytes in, size_t *left)
{
    size_t before = live;
    int64_t began = cpu_us();
    peak = live;
    check_state.name = "target_one";
    check_state.failures = 0;
    if (setjmp(check_state.leave) == 0)
        target_one(in);
    if (check_state.failures > 0)
        found("checks failed", check_state.failures);
    if (peak - before > TARGET_BYTES)
        found("bytes of memory", (long long)(peak - before));
    *left = live > before ? live - before : 0;
    return cpu_us() - began;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = {data, size};
    size_t left;
    if (size > TARGET_INPUT_MAX)
        return 0;
    int64_t took = run(in, &left);
    /* The first time something may be made that stays, and another process may be in the way. */
    for (int again = 0; again < 3 && (left > 0 || took > TARGET_MS * 1000); again++) {
        size_t left_now;
        int64_t now = run(in, &left_now);
        took = now < took ? now : took;
        left = left_now < left ? left_now : left;
    }
    if (left > 0)
        found("bytes left behind", (long long)left);
    if (took > TARGET_MS * 1000)
        found("microseconds", (long long)took);
    return 0;
}
