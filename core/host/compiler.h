/* The C compiler of this machine, if there is one, and the folder of what it has built (builder.h).
 *
 * What lies there was built by this compiler, for this processor, with the flags of this velum; the
 * file `compiler` in it says so by a digest of all three. Where that is another, everything goes.
 * Called by host.c and builder.c. */
#ifndef VELUM_HOST_COMPILER_H
#define VELUM_HOST_COMPILER_H

#include <stdbool.h>

#include "core/wire/order.h"

/* The start of a name: folders of compilers at work. */
#define COMPILER_WORK "work-"

#if defined(__x86_64__)
#define COMPILER_FOR_THIS_CPU "-march=native"
#else
#define COMPILER_FOR_THIS_CPU "-mcpu=native"
#endif

/* Its path, if there is one. */
bool compiler_find(char compiler[PATH_SIZE_MAX]);
/* Finds it, and makes the folder ready for it. False: there is none, or this machine has no cage
 * for one, or the folder cannot be used: then snippets are not built here. */
bool compiler_open(const char *folder, char compiler[PATH_SIZE_MAX]);
/* Removes what was built longest ago until only so many are left. */
void compiler_make_room(const char *folder, unsigned keep);
/* Removes the folders of compilers at work. */
void compiler_remove_work(const char *folder);

#endif
