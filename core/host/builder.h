/* The builder's process, `velum __builder`: makes a plugin of one snippet with the machine's own
 * compiler, for this processor, and ends. It has an order of its own on descriptor 0 (BUILD,
 * core/wire/order.h), answers on 1, and dies with its pipes, as a worker does.
 *
 * What is built lies in a folder of its own, and is found there the next time:
 *
 *   FOLDER/compiler       whose work the rest is (compiler.h)
 *   FOLDER/DIGEST.so      what became of the source of this name (built_file.h), at most BUILT_MAX
 *   FOLDER/work-XXXXXX/   the compiler's, while it works
 *
 * The compiler is shut into that last one (build_cage.h), with the source and the headers of
 * snippet_headers.h. The builder itself runs nothing foreign: it waits, looks at the file with
 * elf_check, and writes what it has looked at where workers find it. Nothing of it is loaded here.
 *
 * The flags give the bits that libtcc's code gives, where C says which those are: no contraction,
 * no algebra, signed numbers that wrap, and memory that is of any type. Called by role.c. */
#ifndef VELUM_HOST_BUILDER_H
#define VELUM_HOST_BUILDER_H

#include "core/wire/order.h"

#define BUILT_MAX 64

/* Serves one order. The exit status of the process. */
int builder_main(void);
/* That order; 0 when the file is there, or < 0 with a sentence. For builder_main and tests. */
int builder_build(const struct order_build *m, char reason[REASON_SIZE]);
/* Whether it is the source's fault where nothing was built: what any compiler takes is tried. */
bool builder_works(const struct order_build *m);

#endif
