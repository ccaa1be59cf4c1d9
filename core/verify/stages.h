/* The stages of a job as its specification tells of them, each with the values of its own fold
 * tree, and where their leaves lie in the one row of numbers by which facts name leaves. By the
 * drawings in core/wire/spec.h and core/job/shape.h, with no code of theirs. Owned by a tally. */
#ifndef VELUM_VERIFY_STAGES_H
#define VELUM_VERIFY_STAGES_H

#include "core/base/id.h"
#include "core/verify/fold.h"

#define TALLY_KERNEL_SIZE 64
#define TALLY_PARAMS_MAX 4096

/* A stage's kernel, for whoever knows how to fold its values. */
struct tally_kernel {
    char name[TALLY_KERNEL_SIZE];
    struct digest source;
    uint8_t *params; /* aligned for any type; NULL: none */
    size_t params_len;
    uint32_t value_size;
};

/* Folds two values of the kernel into out. < 0: it is not known here, and no value is folded
 * again. */
typedef int tally_merge(void *ctx, const struct tally_kernel *k, struct bytes left,
                        struct bytes right, uint8_t *out);

struct tally_stage {
    uint64_t first, end; /* its leaves in the row */
    uint64_t told;       /* before it lie those that its output is made of */
    uint64_t units, units_a_leaf;
    struct tally_kernel kernel;
    bool collects;   /* its values are outputs of leaves, which nothing folds */
    uint32_t *needs; /* stages that are to be complete before it; a number may stand there twice */
    uint16_t needs_count;
    bool is_read, is_awaited; /* by a stage; by one that is still to be computed */
    struct fold fold;
    tally_merge *merge;
    void *merge_ctx;
};

struct tally_stages {
    const struct alloc *alloc;
    struct tally_stage *list;
    uint32_t count, cap;
    bool no_memory; /* why one could not be read */
    uint32_t told;  /* so many were appended as far as is told, some of which may be missing here */
    uint64_t next;  /* behind the last block of the row */
    uint64_t end, leaves; /* of the row, and how many of its numbers are leaves */
};

void stages_init(struct tally_stages *s, const struct alloc *a);
void stages_clear(struct tally_stages *s);
/* Reads `count` of them from where they begin in a specification. 0, ERR_FORMAT or ERR_NO_MEMORY,
 * and then there are none. */
int stages_read(struct tally_stages *s, struct reader *r, uint32_t count, tally_merge *merge,
                void *merge_ctx);
/* The same of stages that were appended (core/wire/append.h), from `first` on; those that are known
 * already are stepped over. ERR_NOT_FOUND when some before them are missing. */
int stages_more(struct tally_stages *s, struct reader *r, tally_merge *merge, void *merge_ctx);
/* Says of each stage whether it is read, and whether by one that is still to be computed, or may be
 * again: one that folds is not once its value is known, and one that collects not once it is spent
 * itself, because its outputs may be lost with their nodes. */
void stages_look(struct tally_stages *s);
/* As it was looked at last: all that read it have done so, and nobody computes it again. Holders
 * drop its values, and count its leaves all the same. Only of a job to which no more stages
 * come. */
bool stage_is_spent(const struct tally_stage *s);
/* The one that this leaf belongs to, or the first behind that number. NULL: there is none. */
struct tally_stage *stages_at(const struct tally_stages *s, uint64_t leaf);
/* Of node (level, index) of the row: its stage, or NULL when there is no such node; and its leaves
 * by the stage's own numbers. */
struct tally_stage *stages_node(const struct tally_stages *s, uint8_t level, uint64_t index,
                                uint64_t *first, uint64_t *end);

#endif
