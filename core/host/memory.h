/* The allocator that the host gives to the core and uses for its own buffers:
 * the C library's heap. */
#ifndef VELUM_HOST_MEMORY_H
#define VELUM_HOST_MEMORY_H

#include "core/base/alloc.h"

extern const struct alloc host_memory;

#endif
