/* Workers of a story's nodes: each leaf takes LEAF_US. Of a collect it yields as many bytes as the
 * story says, in one of the two ways a worker has (core/wire/order.h); of a fold, where the story
 * is about graphs, one value, and pairs of them are merged when that is ordered. They keep to what
 * they may send ahead. Without story.output there are none, and nobody computes anything. */
#ifndef VELUM_TESTS_STORY_WORKER_H
#define VELUM_TESTS_STORY_WORKER_H

#include "tests/lib/story.h"

#define STORY_LEAF_US ((int64_t)2000)

/* The k-th byte of what a leaf yields. */
uint8_t story_output_byte(uint64_t leaf, uint64_t k);
/* A node has asked for one; it is ready at once. */
void story_worker_starts(struct story *s, uint32_t node, uint32_t number);
/* An order has come to it, or its time has: type 0. */
void story_worker_hears(struct story *s, uint32_t node, uint32_t number, uint8_t type,
                        struct bytes payload);
void story_worker_ends(struct story *s, uint32_t node, uint32_t number);
/* All of one node, with its process. */
void story_workers_of_end(struct story *s, uint32_t node);
void story_workers_free(struct story *s);
/* Leaves that were computed by all workers together. */
uint64_t story_leaves_computed(const struct story *s);

#endif
