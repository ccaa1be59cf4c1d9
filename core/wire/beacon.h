/* What a node that other machines can reach says on its local network, so that the others of its
 * mesh find it: one datagram to a group, always of the same size, and nothing but noise to who does
 * not know the mesh.
 *
 *    0  16  salt     random, new in each
 *   16  16  hidden   XOR the first 16 bytes of HMAC(key, "hide" salt):
 *                      u16 port  where the node listens, never 0
 *                      u8  1     the version
 *                      5 zeros
 *                      8 first bytes of the node's id
 *   32  16  tag      the first 16 bytes of HMAC(key, "tag." salt hidden address)
 *
 * key is HMAC-SHA256(SHA-256 of the root's public key, "velum beacon 1"), and address the 16 bytes
 * of the IPv6 address it is sent from, of an IPv4 address the mapped one: so nobody passes one on
 * from elsewhere. Said again from there it tells nothing that it did not tell before.
 *
 * It authorises nothing. Who connects to that address still asks for a certificate of the mesh. */
#ifndef VELUM_WIRE_BEACON_H
#define VELUM_WIRE_BEACON_H

#include "core/base/bytes.h"
#include "core/base/id.h"

#define BEACON_SIZE 48
#define BEACON_SALT_SIZE 16
#define BEACON_ADDRESS_SIZE 16
#define BEACON_NODE_SIZE 8

struct beacon_text {
    uint16_t port;
    uint8_t node[BEACON_NODE_SIZE]; /* of its id */
};

struct digest beacon_key(const struct digest *mesh);
void beacon_make(const struct digest *key, const uint8_t salt[BEACON_SALT_SIZE],
                 const uint8_t address[BEACON_ADDRESS_SIZE], const struct beacon_text *text,
                 uint8_t to[BEACON_SIZE]);
/* 0; ERR_FORMAT: it is none; ERR_SIGNATURE: of another mesh, from elsewhere, or damaged;
 * ERR_VERSION: of this mesh, and newer. */
int beacon_read(const struct digest *key, struct bytes packet,
                const uint8_t address[BEACON_ADDRESS_SIZE], struct beacon_text *to);

#endif
