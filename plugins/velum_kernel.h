/* The kernel ABI: everything a kernel sees of Velum. Freestanding C99; gcc, clang, libtcc and board
 * compilers accept it, and the same source becomes a plugin (.so), a built-in, or part of firmware.
 *
 * A kernel is a pure function. It cuts its work into units numbered from 0; Velum cuts the units
 * into leaves of a fixed size, computes each leaf into an accumulator that starts as zero bytes,
 * and merges the accumulators of neighbouring leaves along a fixed tree. So the result has the same
 * bits on one machine or on a thousand, provided that `leaf` and `merge` are functions of their
 * arguments alone: no global state, no clock, no uninitialised byte.
 *
 * A whole kernel, the sum of the squares below N:
 *     #include "velum_kernel.h"
 *     struct total { uint64_t sum; };
 *     static const struct velum_field fields[] = {VELUM_FIELD(struct total, sum, VELUM_U64, 1)};
 *     static int plan(const struct velum_host *host, int argc, const char *const *argv,
 *                     struct velum_plan *out)
 *     {
 *         uint64_t n;
 *         if (argc != 1 || host->parse_u64(argv[0], 1000000, &n) < 0 || n == 0)
 *             return velum_refuse(out, "N must be a whole number from 1 to 1000000");
 *         out->units = n, out->leaf_units = 65536;
 *         return 0;
 *     }
 *     static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
 *     {
 *         struct total *t = accumulator;
 *         for (uint64_t i = call->first; i < call->first + call->count; i++)
 *             t->sum += i * i;
 *         return 0;
 *     }
 *     static void merge(const struct velum_host *host, const struct velum_call *call, void *left,
 *                       const void *right)
 *     {
 *         ((struct total *)left)->sum += ((const struct total *)right)->sum;
 *     }
 *     static int show(const struct velum_host *host, const struct velum_call *call,
 *                     const void *accumulator, char *text, size_t cap)
 *     {
 *         return host->put_u64(text, cap, ((const struct total *)accumulator)->sum);
 *     }
 *     VELUM_KERNEL(squares) = {
 *         VELUM_KERNEL_HEAD,
 *         .name = "squares", .usage = "N", .summary = "sum of the squares below N",
 *         .limits = "N from 1 to 1000000",
 *         .accumulator_size = sizeof(struct total), .fields = fields, .fields_count = 1,
 *         .plan = plan, .leaf = leaf, .merge = merge, .show = show,
 *     };
 *
 * `velum cc -o squares.so squares.c` makes a plugin of it, with the helper that supplies memcpy
 * and its kind. A plugin has no C library, no constructors and no undefined symbols: it calls the
 * host through the table it is given, and is refused otherwise.
 * Floating point: IEEE operations in the order they are written. Never -ffast-math, never fused
 * multiply-add (hence -ffp-contract=off), nothing whose answer differs between processors. */
#ifndef VELUM_KERNEL_H
#define VELUM_KERNEL_H

#if defined(__TINYC__) && !defined(VELUM_HAVE_STDINT)
/* libtcc compiles kernels without any header folder. */
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
typedef __SIZE_TYPE__ size_t;
#define NULL ((void *)0)
#define offsetof(type, member) ((size_t) & ((type *)0)->member)
#else
#include <stddef.h>
#include <stdint.h>
#endif

/* 16 is about half-precision numbers only. */
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "doubles must be computed as doubles: on i386 compile with -msse2 -mfpmath=sse"
#endif

#define VELUM_ABI 1

/* What becomes of what leaves compute: velum_kernel.reduce. */
#define VELUM_FOLD 0    /* accumulators are merged until one is left */
#define VELUM_SEARCH 1  /* the result is the lowest unit that matches, with its accumulator */
#define VELUM_COLLECT 2 /* leaves emit bytes; the result is all of them, in the order of leaves */

#define VELUM_ACCUMULATOR_MAX 4096 /* bytes, as a struct and in canonical form; in a search 4088 */
#define VELUM_FIELDS_MAX 64
#define VELUM_MEMORY_MAX 1048576 /* bytes of scratch a kernel may ask for */
#define VELUM_SIZE_UNKNOWN (~(uint64_t)0) /* of an input, in `plan`: a stage is to yield it */

/* Bits of velum_host.cpu. The host sets a bit only when processor and system allow the
 * instructions. A kernel may choose a faster path by them, never another result. */
#define VELUM_CPU_AVX2 ((uint64_t)1 << 0)
#define VELUM_CPU_AVX512 ((uint64_t)1 << 1) /* F and DQ and VL */

enum velum_digest { VELUM_SHA256 = 1, VELUM_SHA512 };
enum velum_type { VELUM_U8 = 1, VELUM_I32, VELUM_U32, VELUM_I64, VELUM_U64, VELUM_F32, VELUM_F64 };

/* One member of the accumulator struct. The canonical form, in which accumulators travel and are
 * compared, is the fields in the order of the table, little-endian, without padding, every NaN as
 * one pattern. A byte of the struct that no field covers is lost between calls. */
struct velum_field {
    const char *name;
    uint32_t type;  /* enum velum_type */
    uint32_t count; /* of elements, 1 for a plain member */
    uint32_t offset;
};

#define VELUM_FIELD(container, member, field_type, elements)                                       \
    {                                                                                              \
#member, (field_type), (elements), (uint32_t)offsetof(container, member)                   \
    }

/* Maths with the same bits on every machine, at most 0.7 ulp from the true value, sqrt rounded
 * correctly; special cases as in C, and what is no number is always the same NaN. */
struct velum_maths {
    uint32_t size; /* of this struct, as the host knows it */
    double (*sqrt)(double x), (*cbrt)(double x), (*exp)(double x), (*log)(double x);
    double (*log2)(double x), (*pow)(double x, double y), (*sin)(double x), (*cos)(double x);
    double (*tan)(double x), (*atan2)(double y, double x);
};

/* What the host offers. Passed to every call; valid during the call only. Later versions append
 * members: test `size` with VELUM_HOST_HAS before using one that came later. */
struct velum_host {
    uint32_t size; /* of this struct, as the host knows it */
    uint32_t abi;
    uint64_t cpu;
    void *ctx; /* the host's own */
    /* Writes one line for the job's log. It may be cut or dropped. */
    void (*log)(const struct velum_host *host, const char *text);
    /* Does nothing for so many microseconds of wall time. */
    void (*nap)(const struct velum_host *host, uint64_t us);
    /* Scratch memory, aligned to 64 bytes, contents undefined, gone when the call returns. In
     * `leaf` only, and in total at most the kernel's `memory`; otherwise NULL. */
    void *(*memory)(const struct velum_host *host, size_t size);
    /* Parses decimal digits only (no sign, no blank), value <= max: 0, or negative. */
    int (*parse_u64)(const char *text, uint64_t max, uint64_t *value);
    /* These write text and a final zero. They return the length without the zero, or a negative
     * number when cap is too small. put_double rounds correctly, as printf("%.*f") does. */
    int (*put_u64)(char *text, size_t cap, uint64_t value);
    int (*put_double)(char *text, size_t cap, double value, int decimals);
    /* The inputs of the job: objects, read only. `input` gives the bytes of one of them, aligned to
     * a page and valid until the worker ends, and its size; NULL for one that is not there, and in
     * `plan`, where only sizes are known, or VELUM_SIZE_UNKNOWN. Not in `merge` and `show`. */
    uint32_t (*inputs)(const struct velum_host *host);
    const uint8_t *(*input)(const struct velum_host *host, uint32_t index, uint64_t *size);
    /* In `leaf` of a kernel that collects: the next bytes of the leaf's output. 0, or negative when
     * there is no room for them: the leaf then fails. */
    int (*emit)(const struct velum_host *host, const void *bytes, size_t size);
    /* The digest of bytes: 32 of VELUM_SHA256, 64 of VELUM_SHA512. 0, or negative for others. */
    int (*digest)(const struct velum_host *host, uint32_t algorithm, const void *bytes, size_t size,
                  uint8_t *out);
    /* In `leaf`: bcrypt of the first 72 bytes, none of them zero, as the first 29 characters of
     * `setting` say: $2b$10$ and 22 of salt. 0, or negative where that cannot be, as on boards. */
    int (*bcrypt)(const struct velum_host *host, const void *bytes, size_t size,
                  const char *setting, char text[61]);
    const struct velum_maths *maths;
};

#define VELUM_HOST_HAS(host, member)                                                               \
    ((host)->size >= offsetof(struct velum_host, member) + sizeof((host)->member))

/* What `plan` fills in. It finds units and leaf_units 0, params_size 0 and an empty reason. */
struct velum_plan {
    uint64_t units;      /* >= 1 */
    uint64_t leaf_units; /* aim at 1 ms a leaf, at most 2^40 leaves; 0: a trial tells (velum.1) */
    uint8_t *params;     /* written by the kernel in a portable form: velum_put_u64 and the like */
    uint32_t params_size, params_cap /* 4096 */, reason_cap;
    char *reason; /* when refusing: one sentence, what is wrong and what is allowed */
};

/* The arguments of leaf, merge and show. Merge and show see first = 0 and count = 0; the show of a
 * search sees first = the unit that matches, and count = 1. */
struct velum_call {
    const uint8_t *params; /* aligned to 8 bytes */
    uint32_t params_size, reason_cap;
    char *reason; /* for a leaf that says no; otherwise left alone */
    uint64_t first, count;
    uint64_t match; /* in the leaf of a search: for velum_match only */
};

struct velum_kernel {
    uint32_t abi;              /* VELUM_ABI */
    uint32_t size;             /* of this struct, as the kernel knows it */
    const char *source;        /* SHA-256 of the source, 64 hex digits */
    const char *name;          /* [a-z0-9-]{1,63} */
    const char *usage;         /* the arguments: "N" */
    const char *summary;       /* one line */
    const char *limits;        /* what arguments are allowed, one line */
    uint32_t accumulator_size; /* sizeof the native struct */
    uint32_t fields_count;
    const struct velum_field *fields;
    uint64_t needs;      /* 0: nothing beyond this table */
    uint32_t memory;     /* scratch bytes that one leaf may ask for, <= VELUM_MEMORY_MAX */
    uint16_t reduce;     /* VELUM_FOLD; VELUM_SEARCH: no merge; VELUM_COLLECT: no accumulator, no
                            fields, merge or show, `leaf` is given NULL; at most 16,384 leaves */
    uint16_t files_from; /* arguments from this one on, counted from 1, are files: they become the
                            inputs and are not among those of `plan`. Not counted are options: the
                            first arguments as long as they begin with - and are longer, up to a
                            --; and the one behind a --WORD without a =. 0: none are files */
    const char *then;    /* NULL, or the kernel that makes the result, in a stage of its own, of
                            what the leaves of this one, which collects, yield: 256 at most */
    /* Arguments to parameters, units and leaf size, a function of the arguments alone. Returns 0,
     * or < 0 with out->reason. */
    int (*plan)(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out);
    /* Computes units [first, first + count) into the accumulator, all zero bytes. Inputs may be
     * read wherever they are. In a search the accumulator is about the lowest unit of which
     * velum_match was told, if any. Returns 0, or < 0 with call->reason: the job fails. */
    int (*leaf)(const struct velum_host *host, struct velum_call *call, void *accumulator);
    /* Adds `right` into `left`; left covers the units just below those of right. */
    void (*merge)(const struct velum_host *host, const struct velum_call *call, void *left,
                  const void *right);
    /* Writes the result as text without a newline. Returns its length, or < 0. */
    int (*show)(const struct velum_host *host, const struct velum_call *call,
                const void *accumulator, char *text, size_t cap);
    /* NULL, or what `velum kernels NAME` prints: lines about parameters, units and defaults, and an
     * example, less than 4096 bytes. Came later: the struct of an older kernel ends before it. */
    const char *manual;
};

/* Begins the definition of the one kernel of a source file. A plugin shows the symbol
 * `velum_kernel`; with VELUM_BUILTIN it is `velum_kernel_<id>`, so that many can be linked. */
#ifdef VELUM_BUILTIN
#define VELUM_KERNEL(id)                                                                           \
    extern const struct velum_kernel velum_kernel_##id;                                            \
    const struct velum_kernel velum_kernel_##id
#elif defined(__GNUC__) && !defined(__TINYC__)
#define VELUM_KERNEL(id)                                                                           \
    extern const struct velum_kernel velum_kernel __attribute__((visibility("default")));          \
    const struct velum_kernel velum_kernel
#else
#define VELUM_KERNEL(id) const struct velum_kernel velum_kernel
#endif

#ifndef VELUM_SOURCE_DIGEST
#define VELUM_SOURCE_DIGEST ""
#endif

#define VELUM_KERNEL_HEAD                                                                          \
    .abi = VELUM_ABI, .size = (uint32_t)sizeof(struct velum_kernel), .source = VELUM_SOURCE_DIGEST

/* Copies a reason, cut to what fits; returns what `plan` and `leaf` return with it. */
static inline int velum_reason(char *to, uint32_t cap, const char *text)
{
    uint32_t i = 0;
    for (; i + 1 < cap && text[i]; i++)
        to[i] = text[i];
    if (cap)
        to[i] = 0;
    return -1;
}

static inline int velum_refuse(struct velum_plan *out, const char *text)
{
    return velum_reason(out->reason, out->reason_cap, text);
}

/* In the leaf of a search: this unit matches. True: it is the lowest so far. Any order will do. */
static inline int velum_match(struct velum_call *call, uint64_t unit)
{
    return unit < call->match ? (call->match = unit, 1) : 0;
}

static inline int velum_fail(struct velum_call *call, const char *text)
{
    return velum_reason(call->reason, call->reason_cap, text);
}

/* Parameters are bytes that travel between architectures, so numbers go in little-endian. */
static inline void velum_store_u64(uint8_t *to, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(v >> (8 * i));
}

static inline uint64_t velum_load_u64(const uint8_t *from)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | from[i];
    return v;
}

/* Appends one number to the parameters of a plan; there is room for 512. */
static inline void velum_put_u64(struct velum_plan *out, uint64_t v)
{
    velum_store_u64(out->params + out->params_size, v);
    out->params_size += 8;
}

/* The index-th number of the parameters, 0 when there is none. */
static inline uint64_t velum_param_u64(const struct velum_call *call, uint32_t index)
{
    return index < call->params_size / 8 ? velum_load_u64(call->params + 8 * (size_t)index) : 0;
}

#endif
