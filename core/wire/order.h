/* Between a node and one of its workers: frames of wire/frame.h on the worker's standard input and
 * output. The worker is hostile until proven otherwise, so the node checks every field; the worker
 * trusts the node.
 *
 * A worker starts blank and says READY. It is given one kernel by LOAD and keeps it for life: it
 * serves one job of one submitter. While no run is open LOAD may come again, with the same kernel
 * for another stage: other parameters, the same mem_bytes, and other inputs if none of them, nor of
 * those before, is a file. While a run is open it looks at its input between leaves (at
 * most every 100 us), so TRIM and a closed pipe reach it there. RUN or TASKS while a run is open
 * is queued (one deep): the worker goes on without waiting.
 *
 * Layouts (u8, u16, u32, u64; text = u16 length, bytes; block = u32 length, bytes):
 *
 *   LOAD       text kernel, 32 source digest, u8 origin (0 built-in, 1 plugin,
 *              2 snippet, 3 a plugin that came with its job, 4 either of these two, as the file
 *              says), text path of the plugin or of the C source (empty exactly for a
 *              built-in; of a snippet, 8 instead, path, path of what BUILD made of it, and u8 1
 *              where that stands alone: else the first leaf is computed by both; 2, u64 leaf_us:
 *              and now and then another, whose two values may take so long), block params,
 *              u8 reduction,
 *              u64 mem_bytes (that the worker may have, for good; 0: nothing is said),
 *              text folder of objects (empty exactly where no input is one), u16 count, inputs
 *              (input.h): each is the file of its name, 64 hex digits, in the folder; the node
 *              keeps it there. Those with a name of zeroes come in INPUTS; then, only where there
 *              is a limit, u64 cpu_us: processor time that the worker may use
 *   INPUTS     u16 count, count x (u16 index among the inputs, block): before the first RUN, all
 *              that LOAD left out, in one or more frames, each of the size that LOAD said
 *   RUN        u64 run, u64 first leaf, u64 end leaf (first < end <= leaves), u64 units,
 *              u64 leaf_units, u32 report_us
 *   TASKS      u64 run, u64 first leaf, u64 units (0: they come with each; TASKS_ROLLED: so do the
 *              units of a leaf), u32 report_us,
 *              u16 count (1..ORDER_TASKS_MAX), count x (u64 units where they come with each, u64
 *              leaf_units where they do, u16 length, params): one leaf each, of stages that are
 *              like the one of LOAD in all but units and params, and read nothing. Of one with more
 *              units than a leaf, all leaves are computed, and their root is its value. It is a
 *              run as well, and another of the same number goes on where it ends. Leaves go by
 *              their numbers in the row of all stages (core/job/shape.h), and their values are not
 *              merged
 *   TRIM       u64 run, u64 end leaf (0 = stop before the next leaf)
 *   MERGE      u64 run, u16 count (1..7), count x (value left, value right);
 *              the parent of the two is (left.level + 1, left.index >> 1)
 *   TAKEN      u64 run, u64 leaf, block output (output.h): the answer to OUTPUT_END; until it has
 *              come the leaf is not computed, and no OUTPUT of the next one is sent. The whole
 *              window is free again
 *   MORE       u64 run, u32 bytes of OUTPUT that the worker may send beyond OUTPUT_WINDOW: so many
 *              of the run's are off the node's hands. More than the window is never lent
 *   PLAN       u16 argument count, texts, u16 input count, count x u64 size
 *   SHOW       block accumulator
 *   DESCRIBE   text path of a plugin or of C source, and of that u8 origin: load it, answer
 *              DESCRIBED, exit. For trying one before it is used
 *   BUILD      32 source digest, text compiler, text path of the C source, text folder: the only
 *              order of a builder (core/host/builder.h)
 *   READY      u32 process id (0 in a simulation)
 *   LOADED     u32 accumulator size, u8 (1: it is loaded; 0: it is not, and 2: because of this
 *              machine, not of the kernel; 3: it is, but for what BUILD made), text reason (why
 *              not)
 *   PROGRESS   u64 run, u64 next leaf, u64 compute_us (since the last progress of this run),
 *              u64 cpu_us (processor time in it), u8 ended, u16 count, count x value.
 *              The values are those that became part of the cover of [first, next) since the last
 *              progress: a value replaces every earlier one below it. Values of more than
 *              PROGRESS_VALUES_MAX bytes are split over several frames; all but the last repeat
 *              the previous `next` with compute_us and cpu_us 0. `ended` says next == end of the
 *              run as it is now (trimmed or not); a run of a search ends by itself behind the
 *              first leaf that matches. Of a collect the values are outputs of leaves
 *   TRIMMED    u64 run, u64 end leaf: the end that now holds, >= the worker's next leaf, and above
 *              leaves whose OUTPUT is under way or not TAKEN; answers every TRIM
 *   OUTPUT     u64 run, u64 leaf, block bytes: of a leaf of a collect that yields more than
 *              OUTPUT_INLINE_MAX, in order. No more than OUTPUT_WINDOW bytes and what MORE allowed
 *              are sent; one that died is begun anew by another worker
 *   OUTPUT_END u64 run, u64 leaf, u64 size: all of them are sent
 *   MERGED     u64 run, u64 compute_us, u16 count, count x value
 *   PLANNED    u8 ok, text reason, block params, u64 units, u64 leaf_units (>= 1 each when ok)
 *   SHOWN      u8 ok, text (result text or reason)
 *   FAILED     u64 run, u64 leaf, text reason: the kernel itself said no; the worker exits after
 *              it. Behind that u8 1 where what BUILD made computes another value of that leaf,
 *              and then the digests of libtcc's value and of that one, where they are known
 *   BUILT      u8 (1: it is there; 0: it is not; 2: it is not, and the compiler does nothing well),
 *              text reason (why not)
 *   DESCRIBED  a kernel view with its manual (view.h); `refused` is not empty when it cannot be
 *              used */
#ifndef VELUM_WIRE_ORDER_H
#define VELUM_WIRE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/id.h"
#include "core/wire/frame.h"
#include "core/wire/input.h"
#include "core/wire/value.h"

#define KERNEL_NAME_SIZE 64
#define PARAMS_SIZE_MAX 4096
#define ARGS_COUNT_MAX 64
#define ARG_SIZE_MAX 1024
#define REASON_SIZE 256
#define PATH_SIZE_MAX 1024
#define SHOW_SIZE_MAX 4096
#define OUTPUT_WINDOW (1u << 20)
#define OUTPUT_PART_MAX 61440u
#define ORDER_TASKS_MAX 2048u
#define TASKS_ROLLED UINT64_MAX
#define MERGE_COUNT_MAX 7 /* 7 pairs of 4 KiB values fit a frame */
/* Bytes of values in one PROGRESS: the same values must fit a REPORT, a PARTIAL fact, and a FACTS
 * frame around that, each with a head of its own. */
#define PROGRESS_VALUES_MAX (FRAME_PAYLOAD_MAX - 512)

/* What a job brings is an object, and its kernel's digest is that object's name. */
enum kernel_origin {
    ORIGIN_BUILTIN = 0,
    ORIGIN_PLUGIN = 1,
    ORIGIN_SNIPPET = 2,
    ORIGIN_SHIPPED = 3, /* a plugin's file; in LOAD alone, as */
    ORIGIN_CARRIED = 4  /* one that is either */
};
#define ORIGIN_BUILT 8                  /* in LOAD only: of a snippet, with a path in `built` */
/* Addresses of each process of BUILD's compiler, and what a node counts for one at work. */
#define BUILD_MEMORY_BYTES ((uint64_t)512 << 20)
#define SNIPPET_SOURCE_MAX (256u << 10) /* bytes of a snippet's C source */
#define SHIPPED_PLUGIN_MAX (1u << 20)   /* of a plugin: one piece of an object */

struct order_load {
    char kernel[KERNEL_NAME_SIZE];
    struct digest source;
    uint8_t origin;
    char path[PATH_SIZE_MAX];
    char built[PATH_SIZE_MAX]; /* of a snippet, what BUILD made of it; or "" */
    bool alone;                /* only that is loaded */
    uint64_t leaf_us;          /* with `built`, not alone: a leaf may take so long; or 0 */
    struct bytes params;       /* borrowed */
    uint8_t reduction;         /* enum reduction */
    uint64_t mem_bytes;        /* up to DEMAND_MEM_MAX */
    char folder[PATH_SIZE_MAX];
    uint16_t inputs_count;
    struct bytes inputs; /* borrowed, as in a spec */
    uint64_t cpu_us;     /* up to INT64_MAX; 0: there is no limit */
};
struct order_taken {
    uint64_t run, leaf;
    struct bytes value; /* borrowed */
};
struct order_more {
    uint64_t run;
    uint32_t bytes;
};
struct worker_output { /* OUTPUT; OUTPUT_END has a size instead of bytes */
    uint64_t run, leaf, size;
    struct bytes bytes; /* borrowed */
};
struct order_run {
    uint64_t run, first, end, units, leaf_units;
    uint32_t report_us;
};
/* Then `count` of them, taken with read_order_task. */
struct order_tasks {
    uint64_t run, first;
    uint64_t units; /* of each; 0: each says its own; TASKS_ROLLED: and those of a leaf */
    uint32_t report_us;
    uint16_t count;
    struct reader rest;
};
struct order_task {
    uint64_t units, leaf_units;
    struct bytes params; /* borrowed */
};
struct order_trim {
    uint64_t run, end;
};
struct order_plan {
    uint16_t count;
    char args[ARGS_COUNT_MAX][ARG_SIZE_MAX];
    uint16_t inputs_count;
    uint64_t input_sizes[STAGE_INPUTS_MAX];
};
struct order_describe {
    uint8_t origin; /* ORIGIN_PLUGIN or ORIGIN_SNIPPET */
    char path[PATH_SIZE_MAX];
};
struct order_build {
    struct digest source;
    char compiler[PATH_SIZE_MAX], path[PATH_SIZE_MAX], folder[PATH_SIZE_MAX];
};
struct worker_loaded {
    uint32_t accumulator_size;
    bool ok, by_node; /* at most one of them */
    bool unbuilt;     /* ok, but without what was built */
    char reason[REASON_SIZE];
};
/* After the fixed part, `count` values follow in `rest`: take them with read_value. */
struct worker_progress {
    uint64_t run, next, compute_us, cpu_us;
    bool ended;
    uint16_t count;
    struct reader rest;
};
struct worker_merged {
    uint64_t run, compute_us;
    uint16_t count;
    struct reader rest;
};
struct worker_planned {
    bool ok;
    char reason[REASON_SIZE];
    struct bytes params; /* borrowed */
    uint64_t units, leaf_units;
};
struct worker_failed {
    uint64_t run, leaf;
    char reason[REASON_SIZE];
    bool differs;             /* what was built computes another value */
    struct digest digests[2]; /* libtcc's, and that; both zero: not known */
};
struct worker_built {
    bool ok, broken; /* at most one of them */
    char reason[REASON_SIZE];
};

struct order_input {
    uint16_t index;
    struct bytes bytes; /* borrowed */
};

/* Each put_ appends the payload only; a text or count over its bound fails the buf, or is an error
 * where the function returns one. Each read_ returns 0 or ERR_FORMAT and checks every bound above.
 * What a worker wrote for people is sanitised while reading: reasons to one line, the text of SHOWN
 * keeps its lines. Values in `rest` are checked by read_value as they are taken; the count is no
 * more than the rest can hold. */
void put_order_load(struct buf *b, const struct order_load *m);
int read_order_load(struct bytes payload, struct order_load *m);
/* Some input of it is an object, and so a file. */
bool order_load_reads_files(const struct order_load *m);
void put_order_inputs_begin(struct buf *b, uint16_t count); /* then count put_order_input */
void put_order_input(struct buf *b, const struct order_input *in);
/* Then take `count` with read_order_input. */
int read_order_inputs(struct bytes payload, uint16_t *count, struct reader *rest);
struct order_input read_order_input(struct reader *r);
void put_order_run(struct buf *b, const struct order_run *m);
int read_order_run(struct bytes payload, struct order_run *m);
/* The first leaf of a RUN or TASKS that was put here; nothing else of it is looked at. */
uint64_t order_first(struct bytes payload);
/* Then count put_order_task; the count is put in when it is known. */
void put_order_tasks_begin(struct buf *b, const struct order_tasks *m);
/* `units` as the order has it, here and when it is read. */
void put_order_task(struct buf *b, uint64_t units, struct order_task t);
void order_tasks_count(struct buf *b, uint16_t count);
/* Checks all of it. */
int read_order_tasks(struct bytes payload, struct order_tasks *m);
struct order_task read_order_task(struct reader *r, uint64_t units);
void put_order_trim(struct buf *b, const struct order_trim *m); /* TRIM and TRIMMED */
int read_order_trim(struct bytes payload, struct order_trim *m);
/* Then 2 x count put_value. */
void put_order_merge_begin(struct buf *b, uint64_t run, uint16_t count);
int read_order_merge(struct bytes payload, uint64_t *run, uint16_t *count, struct reader *rest);
int put_order_plan(struct buf *b, int count, const char *const *args, uint16_t inputs_count,
                   const uint64_t *input_sizes);
int read_order_plan(struct bytes payload, struct order_plan *m);
void put_order_describe(struct buf *b, const struct order_describe *m);
int read_order_describe(struct bytes payload, struct order_describe *m);
void put_order_build(struct buf *b, const struct order_build *m);
int read_order_build(struct bytes payload, struct order_build *m);
void put_order_taken(struct buf *b, const struct order_taken *m);
int read_order_taken(struct bytes payload, struct order_taken *m);
void put_order_more(struct buf *b, const struct order_more *m);
int read_order_more(struct bytes payload, struct order_more *m);
void put_worker_output(struct buf *b, const struct worker_output *m);
int read_worker_output(struct bytes payload, struct worker_output *m);
void put_worker_output_end(struct buf *b, const struct worker_output *m);
int read_worker_output_end(struct bytes payload, struct worker_output *m);
void put_worker_loaded(struct buf *b, const struct worker_loaded *m);
int read_worker_loaded(struct bytes payload, struct worker_loaded *m);
/* Then count put_value. */
void put_worker_progress_begin(struct buf *b, uint64_t run, uint64_t next, uint64_t compute_us,
                               uint64_t cpu_us, bool ended, uint16_t count);
int read_worker_progress(struct bytes payload, struct worker_progress *m);
void put_worker_merged_begin(struct buf *b, uint64_t run, uint64_t compute_us, uint16_t count);
int read_worker_merged(struct bytes payload, struct worker_merged *m);
void put_worker_planned(struct buf *b, const struct worker_planned *m);
int read_worker_planned(struct bytes payload, struct worker_planned *m);
void put_worker_shown(struct buf *b, bool ok, const char *text);
int read_worker_shown(struct bytes payload, bool *ok, char text[SHOW_SIZE_MAX]);
void put_worker_failed(struct buf *b, const struct worker_failed *m);
int read_worker_failed(struct bytes payload, struct worker_failed *m);
void put_worker_built(struct buf *b, const struct worker_built *m);
int read_worker_built(struct bytes payload, struct worker_built *m);

#endif
