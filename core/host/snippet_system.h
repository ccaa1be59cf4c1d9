/* What libtcc takes for its system: memory with a bound, a handful of files that are in this
 * executable, and nothing else. The Makefile puts these functions in place of the C library's in a
 * copy of libtcc (snippet.syms), so that the compiler makes no system call but for memory: it runs
 * where no file can be opened, and no source can make it look for one.
 *
 * What is not declared here is snippet_nothing_...: it gives 0 or NULL.
 *
 * One compilation at a time. Called by libtcc; the first two by snippet.c. */
#ifndef VELUM_HOST_SNIPPET_SYSTEM_H
#define VELUM_HOST_SNIPPET_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "core/base/bytes.h"

#define SNIPPET_MEMORY_MAX ((size_t)256 << 20)

/* Before a compilation. The source is there under this name; both stay the caller's and must
 * outlive the compilation. */
void snippet_system_begin(const char *name, struct bytes source);
/* A request for memory was refused: the bound, and not the process's own limit, if *bound. */
bool snippet_system_is_full(bool *bound);

/* A descriptor for snippet_system_read and its kind, or -1 with errno ENOENT. */
int snippet_system_open(const char *name, int flags, ...);
ssize_t snippet_system_read(int fd, void *to, size_t size);
off_t snippet_system_seek(int fd, off_t at, int whence);
int snippet_system_close(int fd);
void *snippet_system_malloc(size_t size);
void *snippet_system_calloc(size_t count, size_t size);
void *snippet_system_realloc(void *old, size_t size);
void snippet_system_free(void *memory);
/* These leave the compilation (snippet_guard.h). */
_Noreturn void snippet_system_exit(int status);
_Noreturn void snippet_system_abort(void);
_Noreturn void snippet_system_assert_fail(void);
/* Always the same: what is compiled must not depend on when. */
time_t snippet_system_time(time_t *out);
struct tm *snippet_system_localtime(const time_t *t);
#endif
