/* Signed bytes: a body, the signer's certificate and the signature over the body's digest under a
 * domain word, so that a signature made for one purpose says nothing for another.
 *
 *   u16 certificate length, certificate (DER)
 *   u32 body length, body
 *   64 signature (ECDSA P-256, r || s, big-endian as the algorithm has them)
 *   u8 path count (0..16); only when it is not 0: u16 path index, path count x 32 bytes
 *
 * The signed text is: the domain with its final zero, u8 kind, 32 bytes. By kind these are
 *
 *   0 (no path)  SHA-256 of the body
 *   1            the root of a Merkle tree over a list of bodies: one signature covers them all
 *
 * In the tree a leaf is SHA-256(0x00 || SHA-256(body)), a parent SHA-256(0x01 || left || right),
 * and a list of n splits after the greatest power of two below n. The path lists the siblings from
 * the leaf up; bit k of the index says that the k-th sibling is on the left. The kind and the
 * prefixes keep anybody from passing an inner node of a signed list off as a body. */
#ifndef VELUM_WIRE_SIGNED_H
#define VELUM_WIRE_SIGNED_H

#include "core/base/id.h"

#define SIGNATURE_SIZE 64
#define CERTIFICATE_SIZE_MAX 2048
#define SIGNED_PATH_MAX 16
#define SIGNED_BODY_MAX 65536

/* Domains. */
#define SIGNED_SPEC "velum spec 1"
#define SIGNED_FACT "velum fact 1"

struct signed_bytes {
    struct bytes certificate;
    struct bytes body;
    uint8_t signature[SIGNATURE_SIZE];
    uint8_t path_count;
    uint16_t path_index;
    struct digest path[SIGNED_PATH_MAX];
};

void put_signed(struct buf *b, const struct signed_bytes *s);
/* Everything borrowed from the reader. Bounds checked; the signature is not. */
void read_signed(struct reader *r, struct signed_bytes *s);
/* The text that was signed, see above. to[64] is enough for the domains above;
 * returns its length. */
size_t signed_text(const struct signed_bytes *s, const char *domain, uint8_t to[64]);
/* The same of a body of which only the digest is known; that of *s is not looked at. */
size_t signed_text_of(const struct signed_bytes *s, struct digest body, const char *domain,
                      uint8_t to[64]);
/* For a signer of a list of `count` bodies (at most 65,536) given by their digests: the root, for
 * count >= 2, and body i's path, written into path_count, path_index and path of *s. A list of one
 * has no path and is signed as a single body. To sign a list: signed_path for any of them, then
 * sign its signed_text. A path costs `count` hashes. */
struct digest signed_root(const struct digest *bodies, size_t count);
void signed_path(const struct digest *bodies, size_t count, size_t i, struct signed_bytes *s);

#endif
