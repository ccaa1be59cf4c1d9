/* What a job asks of nodes, as options of the commands that make one. Prints what is wrong. */
#ifndef VELUM_CMD_WANTS_OPTS_H
#define VELUM_CMD_WANTS_OPTS_H

#include "cmd/cmd.h"
#include "core/host/wants.h"

struct job_wants {
    struct wants stage;
    int8_t priority;
    bool waits;
};

/* The rows, for the table of a command. */
/* clang-format off */
#define WANTS_OPTS                                                                                 \
    {.name = "cpus", .kind = OPT_NUMBER, .value = "N", .min = 1, .max = DEMAND_CPUS_MAX,           \
     .effect = "slots that a leaf takes on its node (1)"},                                         \
    {.name = "mem", .kind = OPT_TEXT, .value = "SIZE",                                             \
     .effect = "memory that a worker may need: 512M, 2G"},                                         \
    {.name = "on", .kind = OPT_TEXT, .repeats = true, .value = "KEY[=VALUE]",                      \
     .effect = "only on nodes with this label; arch= and node= too"},                              \
    {.name = "prefer", .kind = OPT_TEXT, .repeats = true, .value = "KEY[=VALUE]",                  \
     .effect = "on nodes with this label first"},                                                  \
    {.name = "min-tier", .kind = OPT_TEXT, .value = "TIER",                                        \
     .effect = "only on nodes whose cage is at least that good: S1, S2, S3"},                      \
    {.name = "priority", .letter = 'p', .kind = OPT_TEXT, .value = "N",                            \
     .effect = "-10 to 10, among your own jobs (0)"},                                              \
    {.name = "wait-for-capacity", .kind = OPT_SWITCH,                                              \
     .effect = "wait until a node can run it, if none can (else exit 6)"}
/* clang-format on */

/* Takes them. 0 or an exit code. */
int wants_take(const struct call *c, struct job_wants *w);
/* What is left of the wish to wait for a node where this process computes (`alone`): no node can
 * join it, so that it would wait for ever. Says so. */
bool wants_wait(bool waits, bool alone);

#endif
