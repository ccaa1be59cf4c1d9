/* SHA-512 (FIPS 180-4), of bytes that are there at once. Portable, as sha256.h is: what kernels
 * digest is the same on boards, where there is no OpenSSL. */
#ifndef VELUM_BASE_SHA512_H
#define VELUM_BASE_SHA512_H

#include <stddef.h>
#include <stdint.h>

#define SHA512_SIZE 64

void sha512_of(const void *data, size_t len, uint8_t out[SHA512_SIZE]);

#endif
