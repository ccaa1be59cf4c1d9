/* The specification of a job: what its submitter signs. The drawing:
 *
 *   u8 version             1
 *   32 author key id
 *   16 nonce
 *   u64 not_after          Unix seconds
 *   text name
 *   u32 flags              0
 *   u32 slots_max          0: no bound
 *   u64 timeout_us         0: none
 *   u16 stage count        1 in this generation
 *   stages, each
 *
 *     text kernel
 *     32 source digest
 *     text args            for people
 *     block params
 *     u64 units
 *     u64 leaf_units
 *     u8 reduction         0: fold, 1: search, 2: collect
 *     u32 accumulator size 0 of a collect, of a search with found.h's head
 *     u16 input count      and so many inputs, as input.h draws them
 *     u32 reserved length  0
 *
 * The job's id is SHA-256 of these bytes. The author's key is that of the certificate that travels
 * beside the body (signed.h); whoever takes a spec checks that its id is the author inside. */
#ifndef VELUM_WIRE_SPEC_H
#define VELUM_WIRE_SPEC_H

#include "core/wire/input.h"
#include "core/wire/value.h"
#include "core/wire/view.h"

#define SPEC_VERSION 1
#define SPEC_SIZE_MAX 65536
#define SPEC_NOT_AFTER_MAX_S ((int64_t)7 * 24 * 3600)

/* What becomes of the values of leaves. FOLD: siblings are merged until one is left. COLLECT: each
 * leaf yields bytes (core/wire/output.h), nothing is merged, and the result is all of them in
 * order; such a stage has at most COLLECT_LEAVES_MAX leaves. SEARCH: the result is the lowest unit
 * that matches (core/wire/found.h), and leaves behind it do not count. */
enum reduction { REDUCE_FOLD = 0, REDUCE_SEARCH = 1, REDUCE_COLLECT = 2 };
#define COLLECT_LEAVES_MAX 16384u

struct stage_spec {
    char kernel[KERNEL_NAME_SIZE];
    struct digest source;
    char args[JOB_ARGS_SIZE];
    struct bytes params; /* borrowed */
    uint64_t units, leaf_units;
    uint8_t reduction;
    uint32_t accumulator_size;
    uint16_t inputs_count;
    struct bytes inputs; /* borrowed; see input.h */
};

struct job_spec {
    struct node_id author;
    uint8_t nonce[16];
    int64_t not_after_s;
    char name[JOB_NAME_SIZE];
    uint32_t slots_max;
    uint64_t timeout_us;
    struct stage_spec stage; /* one stage in this generation */
};

/* Whether it can be the value of this tree node of the stage: of a fold it has the accumulator's
 * size; of a search as well, and a match lies in the node; of a collect it is a leaf's output. */
bool stage_value(const struct stage_spec *s, const struct value *v);
/* Appends the body. 0, or the error that read_spec would give, or of the buf. */
int put_spec(struct buf *b, const struct job_spec *s);
/* Checks every bound: kernel is a name, units and leaf_units >= 1, at most 2^40 leaves, lengths,
 * inputs, what a collect may be. Borrows params and inputs from body; name and args are sanitised
 * to one line, the signed bytes stay as they are. 0, ERR_FORMAT, ERR_TOO_LARGE, or ERR_VERSION:
 * another version, or something a later generation says (flags, more stages, another reduction). */
int read_spec(struct bytes body, struct job_spec *s);
struct job_id spec_id(struct bytes body);
uint64_t spec_leaves(const struct stage_spec *s);
/* The same that this value of the root is made of: of a search that found something it is the
 * leaves up to the match. */
uint64_t spec_leaves_of(const struct stage_spec *s, struct bytes root);

#endif
