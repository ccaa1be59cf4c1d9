#include "core/host/builtin.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/kernel/kernel.h"

int builtin_files_at(const char *name, int argc, const char *const *argv)
{
    const struct velum_kernel *k = kernel_find(name);
    return k ? kernel_files_at(k->files_from, argc, argv) : ERR_NOT_FOUND;
}

bool builtin_takes_files(const char *name)
{
    const struct velum_kernel *k = kernel_find(name);
    return k && k->files_from > 0;
}

int builtin_plan(const char *name, int argc, const char *const *argv, uint16_t inputs_count,
                 const uint64_t *input_sizes, struct plan *out, char reason[REASON_SIZE])
{
    const struct velum_kernel *k = kernel_find(name);
    struct kernel_plan plan;
    if (!k)
        return ERR_NOT_FOUND;
    int rc = kernel_plan(k, argc, argv, inputs_count, input_sizes, &plan);
    if (rc < 0) {
        text_copy(reason, REASON_SIZE, plan.reason);
        return rc;
    }
    text_copy(out->kernel, sizeof out->kernel, name);
    out->source = kernel_source(k);
    memcpy(out->params, plan.params, plan.params_size);
    out->params_len = plan.params_size;
    out->units = plan.units;
    out->leaf_units = plan.leaf_units;
    out->reduction = (uint8_t)k->reduce;
    text_copy(out->then, sizeof out->then, k->then ? k->then : "");
    out->accumulator_size = kernel_accumulator_size(k);
    out->leaf_us = 0;
    out->rolled = false;
    return 0;
}

int plan_read(struct plan *out, struct bytes payload)
{
    struct reply_plan plan;
    int rc = read_reply_plan(payload, &plan);
    if (rc < 0)
        return rc;
    if (plan.params.len > sizeof out->params || plan.units == 0 || plan.leaf_units == 0)
        return ERR_FORMAT;
    text_copy(out->kernel, sizeof out->kernel, plan.kernel);
    out->source = plan.source;
    if (plan.params.len)
        memcpy(out->params, plan.params.data, plan.params.len);
    out->params_len = plan.params.len;
    out->units = plan.units;
    out->leaf_units = plan.leaf_units;
    out->reduction = plan.reduction;
    text_copy(out->then, sizeof out->then, plan.then);
    out->accumulator_size = plan.accumulator_size;
    out->leaf_us = 0;
    out->rolled = false;
    return 0;
}

const struct velum_kernel *builtin_of(const struct job_view *v)
{
    const struct velum_kernel *k = kernel_find(v->kernel);
    return k && digest_equal(kernel_source(k), v->source) ? k : NULL;
}

int builtin_show(const struct job_view *v, char text[SHOW_SIZE_MAX])
{
    const struct velum_kernel *k = builtin_of(v);
    return k ? kernel_show(k, v->params, v->result, text) : ERR_NOT_FOUND;
}

bool builtin_view(uint32_t i, struct kernel_view *out)
{
    const struct velum_kernel *k = kernel_at(i);
    if (!k)
        return false;
    memset(out, 0, sizeof *out);
    kernel_describe(k, ORIGIN_BUILTIN, out);
    return true;
}

const char *builtin_usage(const char *name)
{
    const struct velum_kernel *k = kernel_find(name);
    return k ? k->usage : NULL;
}

const char *builtin_nearest(const char *name)
{
    return kernel_nearest(name);
}
