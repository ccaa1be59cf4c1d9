/* An allocator for tests: it counts, limits, fails a chosen call, and checks that every block comes
 * back with the size it was asked for with.
 *
 * A sweep over allocation failures:
 *
 *     for (uint64_t n = 1;; n++) {
 *         struct heap heap;
 *         heap_init(&heap);
 *         heap.fail_at = n;
 *         ... must neither crash nor leak ...
 *         CHECK(heap_is_empty(&heap));
 *         if (!heap.failures)
 *             break;
 *     }
 */
#ifndef VELUM_TESTS_HEAP_H
#define VELUM_TESTS_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/alloc.h"

struct heap {
    struct alloc alloc; /* give &heap.alloc to the code under test */
    uint64_t calls;     /* that asked for memory; freeing is not counted */
    uint64_t fail_at;   /* this call fails, counted from 1; 0: none */
    uint64_t fail_from; /* this call and all later ones fail; 0: none */
    uint64_t failures;
    size_t bytes_max; /* more live bytes than this is a failure; 0: no limit */
    size_t live_blocks;
    size_t live_bytes;
    size_t peak_bytes;
};

/* The C library's, for tests that count nothing. */
extern const struct alloc heap_plain;

/* The heap must stay where it is: its allocator points at it. */
void heap_init(struct heap *h);
/* True when everything was freed; otherwise says on stdout what was not. */
bool heap_is_empty(const struct heap *h);

#endif
