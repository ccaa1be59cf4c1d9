/* How good the cage is that a node shuts its workers in (core/host/sandbox.h), as nodes tell each
 * other and people:
 *
 *   S3   all of S2, in namespaces and a cgroup of its own
 *   S2   filtered system calls, hard limits, fresh exec, and Landlock or namespaces
 *   S1   the same without either
 *   S0   no filtered system calls, or no walls at all: plugins are refused
 *
 * In messages it is u8 tier, u8 lacks: what is missing for S3, bits of enum tier_lack. A node that
 * says nothing has no known tier, which meets no demand. Pure; owns nothing. */
#ifndef VELUM_WIRE_TIER_H
#define VELUM_WIRE_TIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tier { TIER_UNKNOWN = 0, TIER_S0 = 1, TIER_S1 = 2, TIER_S2 = 3, TIER_S3 = 4 };

enum tier_lack {
    LACKS_WALLS = 1,  /* a build with a sanitizer has none */
    LACKS_FILTER = 2, /* of system calls: seccomp */
    LACKS_LANDLOCK = 4,
    LACKS_NAMESPACES = 8,
    LACKS_CGROUP = 16
};
#define LACKS_COUNT 5

/* The tier of a system that lacks these. */
enum tier tier_of(uint8_t lacks);
/* "S0" to "S3"; "-" where it is unknown. */
const char *tier_name(uint8_t tier);
/* "S1" to "S3". False when it is none of them; then *tier is as before. */
bool tier_read(const char *text, uint8_t *tier);
/* The i-th word of what is missing, in order of weight: "seccomp"; NULL where it is there. */
const char *tier_lack(uint8_t lacks, unsigned i);
/* Appends "Landlock, namespaces and cgroup"; nothing where nothing is missing. */
void tier_say_lacks(uint8_t lacks, char *text, size_t cap);
/* Appends "S1 (no Landlock, namespaces and cgroup)", in brackets what is missing for S2 and up. */
void tier_say(uint8_t tier, uint8_t lacks, char *text, size_t cap);

#endif
