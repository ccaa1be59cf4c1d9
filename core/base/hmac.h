/* HMAC-SHA256 (RFC 2104). For what is no secret worth more than a hint; keys of the mesh are
 * OpenSSL's business. */
#ifndef VELUM_BASE_HMAC_H
#define VELUM_BASE_HMAC_H

#include "core/base/bytes.h"
#include "core/base/id.h"

struct digest hmac_sha256(const struct digest *key, struct bytes text);

#endif
