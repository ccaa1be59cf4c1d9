/* Compiles a snippet, a kernel in C source, to code in this process's memory, by libtcc. This is
 * the one module that knows libtcc.
 *
 * The compiler needs nothing of the machine: no header, no library, no file (snippet_system.h,
 * snippet_headers.h, snippet_symbols.h). It works on what a stranger wrote, so it runs inside the
 * walls of a worker (sandbox.h), with a bound on its memory and its time, and whatever becomes of
 * it is a list of errors (snippet_guard.h). A kernel's name is what it calls itself; the digest of
 * its source is the name that the file has as an object (core/object/name.h), by which any node can
 * ask for it.
 *
 * No page of it is ever writable and code at once, and it can make no memory into code, nor any
 * call that a plugin cannot. Called by worker_kernel.c. */
#ifndef VELUM_HOST_SNIPPET_H
#define VELUM_HOST_SNIPPET_H

#include <stdbool.h>

#include "core/host/snippet_messages.h"
#include "plugins/velum_kernel.h"

/* This velum has a compiler inside. */
bool snippet_works(void);
/* Why it has not. */
#define SNIPPET_NOT_HERE "this velum has no C compiler inside: it was built without libtcc"

/* What the compiler calls the file of this path: the path, where it is one of C source. */
const char *snippet_name(const char *path);
/* Gives the bytes of the file, for snippet_compile. 0, or ERR_NOT_FOUND, ERR_IO, ERR_NO_MEMORY,
 * ERR_UNSUPPORTED (this build has no compiler) or ERR_KERNEL (it is no file, empty, above
 * SNIPPET_SOURCE_MAX, or not text) with one sentence in reason, without the file's name. */
int snippet_read(const char *path, struct bytes *out, char reason[REASON_SIZE]);
/* Before the walls close. */
void snippet_prepare(void);
/* Behind the walls, while memory may become code; runs nothing of it. Once in a process; messages
 * has the name and the source, which stay the caller's. 0 with *out, which is there as long as the
 * process, and perhaps warnings in messages; or ERR_KERNEL or ERR_NO_MEMORY with an error there at
 * least. */
int snippet_compile(struct snippet_messages *messages, const struct velum_kernel **out);

#endif
