/* Which section or stage of a flow has a name: found at once, however many there are. Private to
 * what reads a flow's file, and to flow_resume.c. */
#ifndef VELUM_CMD_FLOW_NAMES_H
#define VELUM_CMD_FLOW_NAMES_H

#include "core/base/map.h"

struct flow_names {
    struct map by_digest; /* SHA-256 of the name -> its number, and one */
};

void flow_names_init(struct flow_names *n);
void flow_names_clear(struct flow_names *n);
/* 0 or ERR_NO_MEMORY; of one name the last number counts. */
int flow_names_put(struct flow_names *n, const char *name, uint32_t number);
bool flow_names_find(const struct flow_names *n, const char *name, uint32_t *number);

#endif
