/* The kernels linked into this executable, as commands need them: planned and shown in this
 * process, without a node. Called by the commands that plan, show or list, and by view_json.c. */
#ifndef VELUM_CMD_BUILTIN_H
#define VELUM_CMD_BUILTIN_H

#include "cmd/view_json.h"
#include "core/wire/request.h"

/* What a kernel made of its arguments: everything a job's stage needs. */
struct plan {
    char kernel[KERNEL_NAME_SIZE];
    struct digest source;
    uint8_t params[PARAMS_SIZE_MAX];
    size_t params_len;
    uint64_t units, leaf_units;
    uint32_t accumulator_size;
};

/* 0; ERR_NOT_FOUND: no built-in of that name; ERR_ARGUMENT or ERR_KERNEL with the kernel's own
 * sentence in reason. */
int builtin_plan(const char *name, int argc, char *const *argv, struct plan *out,
                 char reason[REASON_SIZE]);
/* The result as text. ERR_NOT_FOUND when exactly that kernel (name and source) is not built in. */
int builtin_show(const struct job_view *v, char text[SHOW_SIZE_MAX]);
/* "accumulator":{...} of a finished job, or null when its kernel is not built in. */
void builtin_fields(struct json *j, const struct job_view *v);
/* Built-in i. false past the end. */
bool builtin_view(uint32_t i, struct kernel_view *out);
/* The usage line of a built-in, or NULL. */
const char *builtin_usage(const char *name);
/* The built-in whose name is nearest, or NULL when none is near. */
const char *builtin_nearest(const char *name);

#endif
