/* Addresses where a node of the mesh may be, tried with back-off until somebody was met there.
 *
 * Owns the addresses, at most 256. A hint whose node was met rests until that node is gone. The
 * node that was gone too long to be remembered leaves its address here, so that a partition that
 * lasted for hours still heals. When the table is full, the address that has failed for the longest
 * time makes room, those of the dead before those that somebody gave. Called by mesh only. */
#ifndef VELUM_MESH_HINTS_H
#define VELUM_MESH_HINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/alloc.h"
#include "core/base/id.h"
#include "core/base/instant.h"
#include "core/mesh/mesh.h"

#define HINTS_MAX 256

struct hint {
    char addr[MESH_ADDR_SIZE];
    struct node_id met; /* zero while nobody was */
    uint32_t dial;      /* ticket of the dial under way, or 0 */
    struct instant dial_start;
    struct instant due;
    int64_t wait_us;
    int64_t wait_max_us;    /* 30 s; longer for an address left by a dead node */
    struct instant failing; /* the first failure since somebody was met; when wait_us is not 0 */
};

struct hints {
    const struct alloc *alloc;
    struct hint *list;
    uint32_t count, cap;
};

void hints_init(struct hints *t, const struct alloc *a);
void hints_clear(struct hints *t);
/* Adds it, due at once, or gives the one that is there. NULL when the table is full of addresses
 * that have not failed, or out of memory. The pointer holds until the next add or forget. */
struct hint *hints_add(struct hints *t, const char *addr, struct instant now);
struct hint *hints_find_addr(const struct hints *t, const char *addr);
struct hint *hints_find_dial(const struct hints *t, uint32_t dial);
void hints_forget(struct hints *t, struct hint *h);
/* Nobody was met: waits, longer each time. */
void hint_failed(struct hint *h, struct instant now);
/* This node was met there: rests. */
void hint_met(struct hint *h, struct node_id id);
/* It is all that is left of a dead node: tried seldom. */
void hint_left_behind(struct hint *h);

#endif
