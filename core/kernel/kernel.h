/* Kernels as the rest of the core uses them: the table of built-ins, and every call of the ABI
 * (plugins/velum_kernel.h) with accumulators in canonical form and every bound checked.
 *
 * Owns nothing and keeps no state but the list of what a program has added; no dlopen here. Called
 * by the worker for all kernels, by the node and those that submit for built-ins (plan, merge,
 * show), by the simulator and by boards.
 *
 * Native accumulators live on the stack during a call, at most two of them, 4 KiB each. */
#ifndef VELUM_KERNEL_KERNEL_H
#define VELUM_KERNEL_KERNEL_H

#include "core/base/bytes.h"
#include "core/base/id.h"
#include "core/wire/order.h"
#include "core/wire/view.h"
#include "plugins/velum_kernel.h"

/* The built-ins of velum itself, in the order of their names, ended by NULL. From table.c. */
extern const struct velum_kernel *const kernel_table[];

#define KERNELS_ADDED_MAX 64

/* Makes a kernel a built-in of this process, behind those of table.c. Before the first node or
 * worker of the process begins, which then know it; the struct must stay. The caller has checked
 * it. ERR_EXISTS: a built-in has that name; ERR_FULL beyond KERNELS_ADDED_MAX. */
int kernel_add(const struct velum_kernel *k);
/* Built-in i, or NULL past the end. */
const struct velum_kernel *kernel_at(size_t i);

/* The built-in of that name, or NULL. */
const struct velum_kernel *kernel_find(const char *name);
/* The name of the built-in most like `name`, for "did you mean", or NULL when none is close. */
const char *kernel_nearest(const char *name);
/* Finds what is wrong with a kernel struct that comes from outside: 0, or ERR_KERNEL with a reason.
 * Reads nothing that the struct's own size does not cover. */
int kernel_check(const struct velum_kernel *k, char reason[REASON_SIZE]);

/* What it says of itself at length, "" where that is nothing. Of a struct whose head is right. */
const char *kernel_manual(const struct velum_kernel *k);
/* Digest of the kernel's source; with the name it is the kernel's identity. A built-in that was
 * compiled without a digest has that of its digest text. */
struct digest kernel_source(const struct velum_kernel *k);
/* Bytes of a value, 1..ACCUMULATOR_SIZE_MAX: of a canonical accumulator; of a kernel that searches,
 * of what core/wire/found.h draws; 0 of a kernel that collects. */
uint32_t kernel_accumulator_size(const struct velum_kernel *k);
/* Fills everything but path and refused. The limits follow the summary after "; ". */
void kernel_describe(const struct velum_kernel *k, uint8_t origin, struct kernel_view *out);

/* The index of the first of these arguments that is a file, argc where none is: what velum_kernel.h
 * says of files_from. */
int kernel_files_at(uint16_t files_from, int argc, const char *const *argv);

/* A host table without memory, log, nap, inputs, emit and bcrypt, good for merge, show, and for the
 * leaves of kernels that ask for nothing. cpu is 0. */
const struct velum_host *kernel_host_plain(void);

struct kernel_plan {
    _Alignas(8) uint8_t params[PARAMS_SIZE_MAX];
    size_t params_size;
    uint64_t units, leaf_units;
    char reason[REASON_SIZE];
};

/* The arguments are those that are no files, the sizes in bytes those of the files. 0, or
 * ERR_ARGUMENT with one line in out->reason saying what is wrong and what is allowed. Also refuses
 * a plan outside the limits (no unit, more than 2^40 leaves, of a collect COLLECT_LEAVES_MAX). */
int kernel_plan(const struct velum_kernel *k, int argc, const char *const *argv,
                uint16_t inputs_count, const uint64_t *input_sizes, struct kernel_plan *out);
/* The same of a plan that may leave the size of a leaf open, which is 0 then. */
int kernel_plan_open(const struct velum_kernel *k, int argc, const char *const *argv,
                     uint16_t inputs_count, const uint64_t *input_sizes, struct kernel_plan *out);

/* Computes units [first, first + count) into out, canonical; of a kernel that collects out is NULL
 * and the output goes to host->emit. params.data aligned to 8. Returns 0, or ERR_KERNEL with a
 * reason. */
int kernel_leaf(const struct velum_kernel *k, const struct velum_host *host, struct bytes params,
                uint64_t first, uint64_t count, uint8_t *out, char reason[REASON_SIZE]);
/* Folds two canonical values of the kernel's size; of a search the lower match, without asking the
 * kernel. out may be left or right. 0, or ERR_FORMAT when
 * a length is wrong or the kernel collects. */
int kernel_merge(const struct velum_kernel *k, struct bytes params, struct bytes left,
                 struct bytes right, uint8_t *out);
/* What the result of a search is called in which nothing matches. */
#define KERNEL_NO_MATCH "no match"

/* The result as text, final zero. 0, ERR_FORMAT for a wrong length,
 * or ERR_KERNEL when the kernel says no. */
int kernel_show(const struct velum_kernel *k, struct bytes params, struct bytes accumulator,
                char text[SHOW_SIZE_MAX]);

/* Tells every element: field name, its index (0 for a plain member), the field's
 * count, the type's name ("f64") and the exact value: decimals of integers, %a-like
 * text of floats. Of a search without a match they are zeros. 0 or ERR_FORMAT. */
int kernel_fields(const struct velum_kernel *k, struct bytes accumulator,
                  void (*tell)(void *ctx, const char *name, uint32_t index, uint32_t count,
                               const char *type, const char *value),
                  void *ctx);

/* Units of one leaf: leaf `leaf` covers [first, first + count). leaf < ceil(units / leaf_units). */
void kernel_leaf_range(uint64_t units, uint64_t leaf_units, uint64_t leaf, uint64_t *first,
                       uint64_t *count);

#endif
