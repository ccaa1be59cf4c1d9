#include "cmd/view_fields.h"

#include "core/base/text.h"
#include "core/host/builtin.h"
#include "core/wire/found.h"
#include "core/wire/spec.h"

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

void view_fields(struct json *j, const struct job_view *v)
{
    const struct velum_kernel *k = builtin_of(v);
    struct fields f = {.json = j};
    if (!k || v->state != JOB_DONE || v->result.len != kernel_accumulator_size(k) ||
        (v->reduction == REDUCE_SEARCH && !found_matches(v->result))) {
        json_null(j, "accumulator");
        return;
    }
    json_open(j, "accumulator", '{');
    kernel_fields(k, v->result, tell, &f);
    json_close(j, '}');
}
