/* What no snippet may have, because it is another type on every machine: long double, 64, 80 or 128
 * bits of it or none at all, and constants of it, such as 1.5L. It is looked for in the words of
 * the source, outside of comments and strings; macros are not followed. Called by snippet.c. */
#ifndef VELUM_HOST_SNIPPET_TYPES_H
#define VELUM_HOST_SNIPPET_TYPES_H

#include <stdbool.h>

#include "core/host/snippet_messages.h"

/* True: the source has it, and an error says where. */
bool snippet_types_refuse(struct snippet_messages *m);

#endif
