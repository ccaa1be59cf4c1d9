/* Doubles as text, without a C library: in decimals, rounded exactly as IEEE round-half-even on the
 * exact value, and in the exact hexadecimal form of C99's %a.
 *
 * Called by the host table that kernels see and by kernel.c. Needs about 600 bytes of stack. */
#ifndef VELUM_KERNEL_DECIMAL_H
#define VELUM_KERNEL_DECIMAL_H

#include <stddef.h>

#define DECIMAL_PLACES_MAX 300

/* As printf("%.*f"): text and a final zero. Returns the length without the zero, or ERR_TOO_LARGE
 * when cap is too small, or ERR_ARGUMENT for places outside 0..DECIMAL_PLACES_MAX. */
int decimal_of_double(char *text, size_t cap, double value, int places);
/* 0x1.921fb54442d18p+1, 0x0p+0, -inf, nan; subnormals as 0x0.0000000000001p-1022. At most 24
 * characters and the zero. */
void decimal_hex_of_double(char text[32], double value);

#endif
