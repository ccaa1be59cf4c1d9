/* The headers that a snippet may include, and no other: velum_kernel.h, and those of C that need no
 * library behind them or one that Velum gives (core/host/snippet/). They are part of this
 * executable; no file of the machine is looked at. Called by the other files of snippets, and
 * plugin_build.c and builder.c. */
#ifndef VELUM_HOST_SNIPPET_HEADERS_H
#define VELUM_HOST_SNIPPET_HEADERS_H

#include <stdbool.h>

#include "core/base/bytes.h"

/* The folder in which the compiler finds them, a name that no file has. */
#define SNIPPET_HEADERS_FOLDER "<velum>"
/* For people. */
#define SNIPPET_HEADERS_LIST                                                                       \
    "velum_kernel.h, stdint.h, stddef.h, stdbool.h, stdarg.h, limits.h, float.h, math.h and "      \
    "string.h"

/* The text of "<velum>/stdint.h". */
bool snippet_header(const char *path, struct bytes *text);
/* That of plugins/helper.c, which a plugin is linked with. */
void snippet_helper(struct bytes *text);
/* That of core/host/snippet/built.c, which what the machine's compiler makes of one is linked with.
 */
void snippet_built(struct bytes *text);
/* All of them, by an index from 0. False behind the last. */
bool snippet_header_next(unsigned index, const char **name, struct bytes *text);

#endif
