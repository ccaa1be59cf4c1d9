/* What a user asks of the nodes that are to run a stage, as words and numbers on their way into a
 * specification (core/wire/demand.h). Called by cmd and core/api. */
#ifndef VELUM_HOST_WANTS_H
#define VELUM_HOST_WANTS_H

#include "core/wire/demand.h"

struct wants {
    uint16_t cpus;
    uint64_t mem_bytes;
    char on[LABELS_SIZE], prefer[LABELS_SIZE];
    uint8_t tier; /* enum tier */
};

/* Each returns false when it is no such thing; nothing has changed then. */
bool wants_cpus(struct wants *w, uint64_t cpus); /* 1 to DEMAND_CPUS_MAX; 1 says nothing */
bool wants_mem(struct wants *w, const char *size);
/* KEY or KEY=VALUE, several with blanks or commas between them. Of one key the last counts. */
bool wants_labels(char to[LABELS_SIZE], const char *labels);
/* What C source asks for besides: a compiler, and a cage of tier S2 at least. NULL: false. */
bool wants_source(struct wants *w);
/* Whose compiler makes the code of C source, enum compiler: auto, tcc or cc. */
bool wants_compiler(const char *word, uint8_t *compiler);
/* What source asks for besides whose code is to come from the compiler of its node's machine. NULL:
 * false. */
bool wants_built(struct wants *w);
/* What a plugin for this architecture does: a node of it that loads plugins of jobs. */
bool wants_plugin(struct wants *w, const char *arch);
/* Borrows from it. */
struct demand wants_demand(const struct wants *w);

#endif
