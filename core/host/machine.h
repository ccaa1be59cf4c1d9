/* What a node says about the machine it runs on. Called by host.c and embedded.c. */
#ifndef VELUM_HOST_MACHINE_H
#define VELUM_HOST_MACHINE_H

#include <stdint.h>

#include "core/host/identity.h"

/* Cores this process may use, at least 1. */
uint32_t machine_cores(void);
uint64_t machine_memory_bytes(void);
void machine_arch(char to[32]);
/* What the cage of workers lacks here (core/wire/tier.h): measured at the first call. */
uint8_t machine_tier_lacks(void);
/* Before that: the nodes of this process load no plugin and live for one command, so that their
 * workers do without namespaces, which would take longer than many a job. */
void machine_lives_shortly(void);
uint64_t machine_random(void);
/* Fills what every node of this machine has in common: identity, slots (0: all cores), time, random
 * numbers, and a name when there is none. */
void machine_fill(struct node_options *o, struct identity *identity, uint32_t slots);

#endif
