/* An accumulator in its two forms: the kernel's own struct, and the canonical bytes that travel,
 * are journalled and compared.
 *
 * Canonical: the fields in the order of the kernel's table, every element little-endian, no
 * padding; a NaN of any sign and payload is the one quiet NaN (0x7ff8000000000000, 0x7fc00000).
 * Called by kernel.c and check.c only. */
#ifndef VELUM_KERNEL_ACCUMULATOR_H
#define VELUM_KERNEL_ACCUMULATOR_H

#include <stddef.h>
#include <stdint.h>

#include "plugins/velum_kernel.h"

/* Bytes of one element, or 0 for a type that does not exist. */
uint32_t accumulator_type_size(uint32_t type);
/* "f64" and the like; "unknown". */
const char *accumulator_type_name(uint32_t type);
/* Bytes of the canonical form. */
uint32_t accumulator_canonical_size(const struct velum_kernel *k);
/* Struct to bytes; to[accumulator_canonical_size]. */
void accumulator_encode(const struct velum_kernel *k, const void *native, uint8_t *to);
/* Bytes to struct; bytes that no field covers become zero. native[k->accumulator_size]. */
void accumulator_decode(const struct velum_kernel *k, const uint8_t *from, void *native);

#endif
