#include "core/host/snippet_system.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/host/snippet_guard.h"
#include "core/host/snippet_headers.h"

/* libtcc includes up to 32 files in one another. */
#define OPEN_MAX 40
#define FIRST_FD 100

static struct {
    const char *name;
    struct bytes source;
    struct {
        struct bytes text; /* of none: data NULL */
        size_t at;
    } open[OPEN_MAX];
    size_t used;
    bool full, bound;
} compilation;

void snippet_system_begin(const char *name, struct bytes source)
{
    memset(&compilation, 0, sizeof compilation);
    compilation.name = name;
    compilation.source = source;
}

bool snippet_system_is_full(bool *bound)
{
    *bound = compilation.bound;
    return compilation.full;
}

static bool find(const char *name, struct bytes *text)
{
    if (strcmp(name, compilation.name) != 0)
        return snippet_header(name, text);
    *text = compilation.source;
    return true;
}

int snippet_system_open(const char *name, int flags, ...)
{
    struct bytes text;
    (void)flags;
    errno = ENOENT;
    if (!find(name, &text))
        return -1;
    for (int i = 0; i < OPEN_MAX; i++) {
        if (compilation.open[i].text.data)
            continue;
        compilation.open[i].text = text;
        compilation.open[i].at = 0;
        return FIRST_FD + i;
    }
    return -1;
}

static bool is_open(int fd)
{
    return fd >= FIRST_FD && fd < FIRST_FD + OPEN_MAX && compilation.open[fd - FIRST_FD].text.data;
}

ssize_t snippet_system_read(int fd, void *to, size_t size)
{
    if (!is_open(fd))
        return -1;
    const struct bytes text = compilation.open[fd - FIRST_FD].text;
    size_t *at = &compilation.open[fd - FIRST_FD].at;
    const size_t n = size < text.len - *at ? size : text.len - *at;
    memcpy(to, text.data + *at, n);
    *at += n;
    return (ssize_t)n;
}

/* To a place counted from the beginning; libtcc asks for nothing else of a source. */
off_t snippet_system_seek(int fd, off_t at, int whence)
{
    if (!is_open(fd) || whence != SEEK_SET || at < 0 ||
        (uintmax_t)at > compilation.open[fd - FIRST_FD].text.len)
        return -1;
    compilation.open[fd - FIRST_FD].at = (size_t)at;
    return at;
}

int snippet_system_close(int fd)
{
    if (!is_open(fd))
        return -1;
    compilation.open[fd - FIRST_FD].text = (struct bytes){0};
    return 0;
}

static bool may_have(size_t size)
{
#if VELUM_PLANT != 810 /* unit/test_snippet: the compiler may have all memory there is */
    if (size > SNIPPET_MEMORY_MAX - compilation.used)
        compilation.full = compilation.bound = true;
#endif
    return !compilation.bound;
}

static void *count(void *memory)
{
    if (memory)
        compilation.used += malloc_usable_size(memory);
    else
        compilation.full = true;
    return memory;
}

static void discount(void *memory)
{
    const size_t size = memory ? malloc_usable_size(memory) : 0;
    compilation.used -= size < compilation.used ? size : compilation.used;
}

void *snippet_system_malloc(size_t size)
{
    return may_have(size) ? count(malloc(size)) : NULL;
}

void *snippet_system_calloc(size_t number, size_t size)
{
    if (size && number > SNIPPET_MEMORY_MAX / size)
        return NULL;
    return may_have(number * size) ? count(calloc(number, size)) : NULL;
}

void *snippet_system_realloc(void *old, size_t size)
{
    if (!may_have(size))
        return NULL;
    discount(old);
    void *memory = realloc(old, size);
    return size ? count(memory) : memory;
}

void snippet_system_free(void *memory)
{
    discount(memory);
    free(memory);
}

void snippet_system_exit(int status)
{
    (void)status;
    snippet_guard_leave();
}

void snippet_system_abort(void)
{
    snippet_guard_leave();
}

void snippet_system_assert_fail(void)
{
    snippet_guard_leave();
}

time_t snippet_system_time(time_t *out)
{
    if (out)
        *out = 0;
    return 0;
}

struct tm *snippet_system_localtime(const time_t *t)
{
    static struct tm epoch = {.tm_mday = 1, .tm_year = 70};
    (void)t;
    return &epoch;
}

/* One function of many names, of which no two are of the same type. The calling conventions of all
 * machines that libtcc knows allow that: who calls removes the arguments. The semaphore is for
 * programs with threads, and a source can make libtcc wait for it for ever. */
#define NOTHINGS(X)                                                                                \
    X(mprotect)                                                                                    \
    X(sigaction)                                                                                   \
    X(dlopen) X(dlsym) X(dlclose) X(getenv) X(getcwd) X(unlink) X(fdopen) X(fclose) X(fflush)      \
        X(fwrite) X(fputc) X(fputs) X(puts) X(putchar) X(printf) X(fprintf) X(vfprintf)            \
            X(__printf_chk) X(__fprintf_chk) X(__vfprintf_chk) X(sem_init) X(sem_wait) X(sem_post)

static void *nothing(void)
{
    return NULL;
}

#define NOTHING(name)                                                                              \
    void *snippet_nothing_##name(void);                                                            \
    void *snippet_nothing_##name(void) __attribute__((alias("nothing")));
NOTHINGS(NOTHING)
