/* The specification of a job: what its submitter signs. The drawing:
 *
 *   u8 version             1
 *   32 author key id
 *   16 nonce
 *   u64 not_after          Unix seconds
 *   text name
 *   u32 flags              bit 0: keep going; what does not need a stage that failed still runs
 *                          bit 1: open; its author appends stages (append.h) until he closes it
 *                          bit 2: waits; it is taken though no node meets what it asks for
 *                          bit 3: cpu_us is there
 *                          bit 4: check is there
 *                          bits 8 to 15: its priority, -10 to 10 in two's complement
 *   u32 slots_max          0: no bound
 *   u64 timeout_us         0: none
 *   u64 cpu_us             processor time that its workers may use together, not 0; only with bit 3
 *   u16 check              of a thousand leaves so many are computed again on another node, and
 *                          compared: 1 to 1000; only with bit 4
 *   u16 stage count
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
 *     block more           empty where all of it is 0, or
 *       text stage name
 *       u8 retries         how often more a leaf may die of its own doing; 0: as of every job
 *       u64 leaf_us        how long a leaf of it may run; 0: as of every job
 *       u16 need count     and so many needs, each
 *         u32 stage        that is to be complete before, of a lower number than its own
 *         u16 place        that its output takes among the inputs of this stage, ascending;
 *                          NEED_ORDER for one that is only waited for; these come last
 *       its demand         as demand.h draws it, where it has one; a job has at most DEMANDS_MAX
 *                          different ones
 *       u8 source          only of a snippet: its kernel is its last input, C source (1 more than
 *                          enum compiler) or the file of a plugin (4)
 *
 * Stages are numbered from 0 in this order, and none needs itself or a later one, so there is no
 * cycle. The output of a stage that folds is one input, its accumulator; that of one that collects
 * is as many inputs as it has leaves, in their order, each with what its leaf yielded. The inputs
 * of a stage are its objects in their order, with outputs of stages put in at their places: a place
 * counts what is named before it, an object or a stage.
 *
 * A snippet's source digest is the name of the object that is its source, which is named last among
 * its inputs: it comes to whoever computes it, and is lost and found again, as inputs are, and a
 * node that knows a kernel's name and digest can get it. No place counts it, and the kernel does
 * not see it. It asks of a node that it takes foreign code, tier S2 or better; one
 * whose source is a plugin is loaded where its machine code runs, and by nodes that agree to it.
 *
 * The result of a job is the output of its last stage; the job is done when all are complete. What
 * the others yielded its holders keep until then, and no longer. The
 * leaves of all its stages lie in one row of numbers (core/job/shape.h), and what else is written
 * or told of leaves goes by these.
 *
 * The job's id is SHA-256 of these bytes. The author's key is that of the certificate that travels
 * beside the body (signed.h); whoever takes a spec checks that its id is the author inside. */
#ifndef VELUM_WIRE_SPEC_H
#define VELUM_WIRE_SPEC_H

#include "core/wire/demand.h"
#include "core/wire/input.h"
#include "core/wire/value.h"
#include "core/wire/view.h"

#define SPEC_VERSION 1
#define SPEC_SIZE_MAX 65536
#define SPEC_NOT_AFTER_MAX_S ((int64_t)7 * 24 * 3600)

#define SPEC_STAGES_MAX 1024u
#define STAGE_NAME_SIZE 64
#define STAGE_RETRIES_MAX 17 /* twenty restarts of any kind fail a job */
#define JOB_PRIORITY_MAX 10
#define JOB_CHECK_MAX 1000 /* all leaves */

/* What becomes of the values of leaves. FOLD: siblings are merged until one is left. COLLECT: each
 * leaf yields bytes (core/wire/output.h), nothing is merged, and the result is all of them in
 * order; all such stages of a job together have at most COLLECT_LEAVES_MAX leaves. SEARCH: the
 * result is the lowest unit that matches (core/wire/found.h), and leaves behind it do not count;
 * such a stage is the only one of its job. */
enum reduction { REDUCE_FOLD = 0, REDUCE_SEARCH = 1, REDUCE_COLLECT = 2 };
#define COLLECT_LEAVES_MAX 16384u

/* Where a snippet's code comes from. AUTO: at once from the compiler in Velum, and from that of the
 * node's machine, where there is one, once it has built it. TCC, CC: from that one only. */
enum compiler { COMPILER_AUTO = 0, COMPILER_TCC = 1, COMPILER_CC = 2 };

struct stage_spec {
    char kernel[KERNEL_NAME_SIZE];
    struct digest source;
    char args[JOB_ARGS_SIZE];
    struct bytes params; /* borrowed */
    uint64_t units, leaf_units;
    bool rolled; /* its leaves are folded where they are computed, and are one (append.h) */
    uint8_t reduction;
    uint32_t accumulator_size;
    uint16_t inputs_count;
    struct bytes inputs; /* borrowed; see input.h */
    char name[STAGE_NAME_SIZE];
    uint8_t retries;
    uint64_t leaf_us;
    uint16_t needs_count;
    struct bytes needs; /* borrowed, STAGE_NEED_BYTES each */
    struct demand demand;
    bool snippet;     /* the last of its inputs is its source: C, or */
    bool plugin;      /* the file of a plugin */
    uint8_t compiler; /* enum compiler, of C */
};

struct job_spec {
    struct node_id author;
    uint8_t nonce[16];
    int64_t not_after_s;
    char name[JOB_NAME_SIZE];
    bool keep_going, open;
    bool waits;      /* for nodes that meet what its stages ask for */
    int8_t priority; /* among the jobs of its author: a lower one has its turns behind */
    uint32_t slots_max;
    uint64_t timeout_us, cpu_us; /* 0: none */
    uint16_t check;              /* of a thousand leaves; 0: nobody asks for it */
    struct stage_spec stage;     /* the first */
    uint16_t more_count;         /* stages behind it */
    struct bytes more;           /* those, as put_stage wrote them; borrowed */
};

/* Whether it can be the value of this tree node of the stage, by the stage's own numbers: of a fold
 * it has the accumulator's size; of a search as well, and a match lies in the node; of a collect it
 * is a leaf's output. */
bool stage_value(const struct stage_spec *s, const struct value *v);
/* How many inputs what this stage yields is, for those that read it; only of lower numbers. */
typedef uint32_t stage_yields(void *ctx, uint32_t stage);
/* Whether it can be the stage of this number, but for where its leaves lie and what others of its
 * job are. 0 or an error of read_spec. */
int stage_check(const struct stage_spec *s, uint32_t number, stage_yields *yields, void *ctx);
/* The next of those in a spec: 0, or an error of read_spec, and what is borrowed is not checked.
 */
int read_stage(struct reader *r, struct stage_spec *s);
/* One stage, for job_spec.more. What is wrong with it put_spec says. */
void put_stage(struct buf *b, const struct stage_spec *s);
/* The next of job_spec.more, which was checked: read_spec has read it, put_spec has taken it. */
void read_next_stage(struct reader *r, struct stage_spec *s);
/* Appends the body. 0, or the error that read_spec would give, or of the buf. */
int put_spec(struct buf *b, const struct job_spec *s);
/* Checks every bound of each stage: kernel is a name, units and leaf_units >= 1, at most 2^40
 * leaves, lengths, inputs, what a collect may be, that it needs only what comes before it, and has
 * no more than STAGE_INPUTS_MAX inputs with what others yield. Borrows params, inputs, needs,
 * demands and more from body; names and args are sanitised to one line, the signed bytes stay as
 * they are. 0, ERR_FORMAT, ERR_TOO_LARGE, or ERR_VERSION: another version, or something a later
 * generation says (flags, another reduction, more about a stage). */
int read_spec(struct bytes body, struct job_spec *s);
struct job_id spec_id(struct bytes body);
/* The feature level (feature.h) that it takes to read it. */
uint32_t spec_level(const struct job_spec *s);
/* The input that is a snippet's source. */
struct stage_input stage_source(const struct stage_spec *s);
/* The level that it takes to read what a stage says of its kernel. */
uint32_t stage_source_level(const struct stage_spec *s);
uint64_t spec_leaves(const struct stage_spec *s);
/* The units of a leaf of the row, but for the last: all of them, of one that is rolled. */
uint64_t spec_leaf_units(const struct stage_spec *s);
/* The same that this value of the root is made of: of a search that found something it is the
 * leaves up to the match. */
uint64_t spec_leaves_of(const struct stage_spec *s, struct bytes root);

#endif
