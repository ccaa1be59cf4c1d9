/* The parts of a rig that its files share. Private to tests/lib/rig*.c. */
#ifndef VELUM_TESTS_RIG_INSIDE_H
#define VELUM_TESTS_RIG_INSIDE_H

#include "tests/lib/rig.h"

#define RIG_WALL_S ((int64_t)1760000000)
#define RIG_USER_LINK ((uint64_t)1 << 40)

struct node_id rig_id(uint8_t number);
struct digest rig_fat_source(void);
struct node *rig_node_make(struct rig *r);
void rig_event(struct rig *r, struct event *ev);

/* rig_disk.c: a slice of a snapshot; a record or the last slice, giving what the node is told. */
void rig_disk_slice(struct rig *r, const struct action *a, struct bytes payload);
int rig_disk_write(struct rig *r, const struct action *a, struct bytes payload);

#endif
