/* The kernels linked into this executable, as those need them that submit: planned and shown in
 * this process, without a node. Called by the commands that plan, show or list, and by core/api. */
#ifndef VELUM_HOST_BUILTIN_H
#define VELUM_HOST_BUILTIN_H

#include <stdbool.h>

#include "core/kernel/kernel.h"
#include "core/wire/request.h"

/* What a kernel made of its arguments: everything a job's stage needs. */
struct plan {
    char kernel[KERNEL_NAME_SIZE];
    struct digest source;
    uint8_t params[PARAMS_SIZE_MAX];
    size_t params_len;
    uint64_t units, leaf_units;
    uint8_t reduction;           /* enum reduction */
    char then[KERNEL_NAME_SIZE]; /* the kernel that makes a result of what it yields, or "" */
    uint32_t accumulator_size;
    uint64_t leaf_us; /* how long a leaf may run, where its user says so; else 0 */
    bool rolled;      /* a task that is like an earlier one is rolled (core/wire/append.h) */
};

/* The index of the first of these arguments that is a file (argc: none is), or ERR_NOT_FOUND: no
 * built-in of that name. */
int builtin_files_at(const char *name, int argc, const char *const *argv);
bool builtin_takes_files(const char *name);
/* The arguments are those that are no files; the sizes are those of the files. 0; ERR_NOT_FOUND: no
 * built-in of that name; ERR_ARGUMENT or ERR_KERNEL with the kernel's own sentence in reason. */
int builtin_plan(const char *name, int argc, const char *const *argv, uint16_t inputs_count,
                 const uint64_t *input_sizes, struct plan *out, char reason[REASON_SIZE]);
/* The same from a node's answer: 0 or ERR_FORMAT. */
int plan_read(struct plan *out, struct bytes payload);
/* The result as text. ERR_NOT_FOUND when exactly that kernel (name and source) is not built in. */
int builtin_show(const struct job_view *v, char text[SHOW_SIZE_MAX]);
/* The built-in that is exactly a job's kernel, or NULL. */
const struct velum_kernel *builtin_of(const struct job_view *v);
/* Built-in i. false past the end. */
bool builtin_view(uint32_t i, struct kernel_view *out);
/* The usage line of a built-in, or NULL. */
const char *builtin_usage(const char *name);
/* The built-in whose name is nearest, or NULL when none is near. */
const char *builtin_nearest(const char *name);

#endif
