/* How many lines a node writes to its log: of one kind at most twenty a second, so that nobody who
 * provokes them fills a disk. The rest are counted. A kind is what a line begins with, which is
 * ours and not what somebody else wrote. Called by node_process.c; reads no clock. */
#ifndef VELUM_HOST_LOG_FLOW_H
#define VELUM_HOST_LOG_FLOW_H

#include <stdbool.h>

#include "core/base/instant.h"

#define LOG_FLOW_LINES_MAX 20 /* a second */
#define LOG_FLOW_KINDS_MAX 64 /* that are told apart; all others are one more */
#define LOG_FLOW_KIND_SIZE 16 /* bytes of a line's beginning */

struct log_flow {
    struct log_kind {
        char begins[LOG_FLOW_KIND_SIZE];
        struct instant second; /* when its first line came */
        uint32_t lines, left_out;
    } kinds[LOG_FLOW_KINDS_MAX + 1];
};

/* Zeroed is new. Whether the line is written; then *left_out lines of its kind were not, before
 * it. */
bool log_flow_takes(struct log_flow *f, const char *text, struct instant now, uint32_t *left_out);

#endif
