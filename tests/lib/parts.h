/* Specifications of jobs of several stages in few words, for tests. One at a time: what parts_spec
 * gives borrows from here until the next parts_begin. */
#ifndef VELUM_TESTS_PARTS_H
#define VELUM_TESTS_PARTS_H

#include "core/wire/append.h"

#define PARTS_MAX 10000
#define PART_NEEDS_MAX 8

struct part {
    uint64_t leaves;
    uint64_t leaf_units; /* 1 if nothing else is said */
    uint64_t rolled;     /* so many are its one leaf, where it is appended; 0: it is not rolled */
    bool collects;       /* else it folds eight bytes */
    uint8_t param;       /* its number, if nothing else is said */
    uint8_t retries;
    uint64_t leaf_us, mem_bytes;
    const char *name;
    const char *on; /* labels that its node must have; NULL: none */
    uint8_t needs_count;
    struct stage_need needs[PART_NEEDS_MAX];
};

extern struct part parts[PARTS_MAX];
extern uint32_t
    parts_value_bytes; /* of what a stage folds to, in all of a story: 8, and then zeroes */
extern uint32_t parts_count;

void parts_begin(void);
struct part *parts_add(uint64_t leaves, bool collects);
void parts_need(struct part *p, uint32_t stage, uint16_t place);
uint64_t parts_leaves(void); /* of all */
/* Those of [from, to) as a list that is appended (core/wire/append.h): like the first where they
 * can be. */
void parts_append(struct buf *b, uint32_t from, uint32_t to, const char *kernel);
/* Replaces the stages of the spec: all of them, or the first so many. */
void parts_spec(struct job_spec *spec, const char *kernel);
void parts_spec_first(struct job_spec *spec, uint32_t count, const char *kernel);

#endif
