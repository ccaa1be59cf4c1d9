/* How much of a disk the objects of a node may take where nobody has said it. Called by host.c. */
#ifndef VELUM_HOST_QUOTA_H
#define VELUM_HOST_QUOTA_H

#include <stdint.h>

/* 10 GiB, or half of what is free on the disk of the state folder and taken by its objects
 * together, if that is less: so that a restart does not halve it again. 0 when the disk does not
 * tell. */
uint64_t quota_default(const char *state, const char *objects);

#endif
