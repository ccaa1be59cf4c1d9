/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), reflected, initial value and final inversion handled
 * inside: crc32c(0, "123456789", 9) == 0xE3069283. Pass an earlier result as `seed` to go on. By
 * the processor's own instruction where there is one, else by tables: the results are the same. */
#ifndef VELUM_BASE_CRC32C_H
#define VELUM_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t seed, const void *data, size_t len);
/* By tables everywhere. */
uint32_t crc32c_portable(uint32_t seed, const void *data, size_t len);

#endif
