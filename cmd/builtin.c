#include "cmd/builtin.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/kernel/kernel.h"

int builtin_plan(const char *name, int argc, char *const *argv, struct plan *out,
                 char reason[REASON_SIZE])
{
    const struct velum_kernel *k = kernel_find(name);
    const char *args[ARGS_COUNT_MAX];
    static struct kernel_plan plan;
    if (!k)
        return ERR_NOT_FOUND;
    for (int i = 0; i < argc; i++)
        args[i] = argv[i];
    int rc = kernel_plan(k, argc, args, 0, NULL, &plan);
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
    out->accumulator_size = kernel_accumulator_size(k);
    return 0;
}

static const struct velum_kernel *exactly(const struct job_view *v)
{
    const struct velum_kernel *k = kernel_find(v->kernel);
    return k && digest_equal(kernel_source(k), v->source) ? k : NULL;
}

int builtin_show(const struct job_view *v, char text[SHOW_SIZE_MAX])
{
    const struct velum_kernel *k = exactly(v);
    return k ? kernel_show(k, v->params, v->result, text) : ERR_NOT_FOUND;
}

struct fields {
    struct json *json;
};

/* Floats are told as exact hexadecimal text, which JSON numbers are not; integers are numbers. */
static void tell_value(struct json *j, const char *key, const char *type, const char *value)
{
    uint64_t number;
    if (type[0] == 'f' || text_to_u64(value, UINT64_MAX, &number) < 0)
        json_text(j, key, value);
    else
        json_number(j, key, number);
}

static void tell(void *ctx, const char *name, uint32_t index, uint32_t count, const char *type,
                 const char *value)
{
    struct fields *f = ctx;
    if (count <= 1) {
        tell_value(f->json, name, type, value);
        return;
    }
    if (index == 0)
        json_open(f->json, name, '[');
    tell_value(f->json, NULL, type, value);
    if (index + 1 == count)
        json_close(f->json, ']');
}

void builtin_fields(struct json *j, const struct job_view *v)
{
    const struct velum_kernel *k = exactly(v);
    if (!k || v->state != JOB_DONE || v->result.len != kernel_accumulator_size(k)) {
        json_null(j, "accumulator");
        return;
    }
    struct fields f = {.json = j};
    json_open(j, "accumulator", '{');
    kernel_fields(k, v->result, tell, &f);
    json_close(j, '}');
}

bool builtin_view(uint32_t i, struct kernel_view *out)
{
    for (uint32_t at = 0; kernel_table[at]; at++)
        if (at == i) {
            memset(out, 0, sizeof *out);
            kernel_describe(kernel_table[i], ORIGIN_BUILTIN, out);
            return true;
        }
    return false;
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
