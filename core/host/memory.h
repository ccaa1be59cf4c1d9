/* The allocator that the host gives to the core and uses for its own buffers:
 * the C library's heap. */
#ifndef VELUM_HOST_MEMORY_H
#define VELUM_HOST_MEMORY_H

#include "core/base/alloc.h"

extern const struct alloc host_memory;

/* Gives the system what of the heap is free, when that is 16 MiB or more. For a quiet moment: one
 * call of the system for each hole of a page or more. */
void memory_give_back(void);

#endif
