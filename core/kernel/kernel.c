#include "core/kernel/kernel.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/sha512.h"
#include "core/base/text.h"
#include "core/kernel/accumulator.h"
#include "core/kernel/decimal.h"
#include "core/kernel/maths.h"
#include "core/wire/found.h"
#include "core/wire/spec.h"

/* Kernels may hold doubles and 64-bit numbers; what they get is aligned to 64 bytes, so that a
 * vector type in the struct is allowed too. */
struct native {
    _Alignas(64) uint8_t bytes[VELUM_ACCUMULATOR_MAX];
};

static const struct velum_kernel *added[KERNELS_ADDED_MAX];
static size_t added_count;

int kernel_add(const struct velum_kernel *k)
{
    if (kernel_find(k->name))
        return ERR_EXISTS;
    if (added_count == KERNELS_ADDED_MAX)
        return ERR_FULL;
    added[added_count++] = k;
    return 0;
}

const struct velum_kernel *kernel_at(size_t i)
{
    size_t count = 0;
    while (kernel_table[count])
        count++;
    if (i < count)
        return kernel_table[i];
    return i - count < added_count ? added[i - count] : NULL;
}

const struct velum_kernel *kernel_find(const char *name)
{
    const struct velum_kernel *k;
    for (size_t i = 0; (k = kernel_at(i)) != NULL; i++)
        if (strcmp(k->name, name) == 0)
            return k;
    return NULL;
}

const char *kernel_nearest(const char *name)
{
    const struct velum_kernel *k;
    const char *best = NULL;
    const size_t len = strlen(name);
    /* Half of a short name may be wrong, and no more than two letters of any. */
    size_t limit = len < 4 ? 1 : 2;
    if (len >= KERNEL_NAME_SIZE)
        return NULL;
    for (size_t i = 0; (k = kernel_at(i)) != NULL; i++) {
        size_t distance = text_distance(name, k->name);
        if (distance > limit || (best && distance == limit))
            continue;
        best = k->name;
        limit = distance;
    }
    return best;
}

struct digest kernel_source(const struct velum_kernel *k)
{
    struct digest d;
    if (strlen(k->source) == 64 && id_parse_prefix(k->source, d.bytes) == 64)
        return d;
    return sha256_of(k->source, strlen(k->source));
}

uint32_t kernel_accumulator_size(const struct velum_kernel *k)
{
    return accumulator_canonical_size(k) + (k->reduce == VELUM_SEARCH ? FOUND_HEAD : 0);
}

void kernel_describe(const struct velum_kernel *k, uint8_t origin, struct kernel_view *out)
{
    memset(out, 0, sizeof *out);
    text_copy(out->name, sizeof out->name, k->name);
    out->source = kernel_source(k);
    out->origin = origin;
    text_copy(out->usage, sizeof out->usage, k->usage);
    text_copy(out->summary, sizeof out->summary, k->summary);
    text_append(out->summary, sizeof out->summary, "; ");
    text_append(out->summary, sizeof out->summary, k->limits);
    text_copy(out->limits, sizeof out->limits, k->limits);
    text_copy(out->manual, sizeof out->manual, kernel_manual(k));
    out->memory = k->memory;
    out->accumulator_size = kernel_accumulator_size(k);
    out->reduction = (uint8_t)k->reduce;
    out->files_from = k->files_from;
    if (k->then)
        text_copy(out->then, sizeof out->then, k->then);
}

int kernel_files_at(uint16_t files_from, int argc, const char *const *argv)
{
    int options = 0;
    if (files_from == 0)
        return argc;
    while (options < argc && argv[options][0] == '-' && argv[options][1] != '\0') {
        const char *option = argv[options++];
        if (strcmp(option, "--") == 0)
            break;
#if VELUM_PLANT == 837 /* unit/test_kernel: what an option says is taken for a file all the same */
        if (option[1] == '-' && strchr(option, '=') && options < argc)
#else
        if (option[1] == '-' && !strchr(option, '=') && options < argc)
#endif
            options++;
    }
    return argc - options < files_from ? argc : options + files_from - 1;
}

static void plain_log(const struct velum_host *host, const char *text)
{
    (void)host;
    (void)text;
}

static void plain_nap(const struct velum_host *host, uint64_t us)
{
    (void)host;
    (void)us;
}

static void *plain_memory(const struct velum_host *host, size_t size)
{
    (void)host;
    (void)size;
    return NULL;
}

static uint32_t plain_inputs(const struct velum_host *host)
{
    (void)host;
    return 0;
}

static const uint8_t *plain_input(const struct velum_host *host, uint32_t index, uint64_t *size)
{
    (void)host;
    (void)index;
    *size = 0;
    return NULL;
}

static int plain_emit(const struct velum_host *host, const void *bytes, size_t size)
{
    (void)host;
    (void)bytes;
    (void)size;
    return ERR_UNSUPPORTED;
}

static int plain_digest(const struct velum_host *host, uint32_t algorithm, const void *bytes,
                        size_t size, uint8_t *out)
{
    (void)host;
    if (algorithm == VELUM_SHA512) {
        sha512_of(bytes, size, out);
        return 0;
    }
    if (algorithm != VELUM_SHA256)
        return ERR_UNSUPPORTED;
    const struct digest d = sha256_of(bytes, size);
    memcpy(out, d.bytes, sizeof d.bytes);
    return 0;
}

static int plain_bcrypt(const struct velum_host *host, const void *bytes, size_t size,
                        const char *setting, char text[61])
{
    (void)host;
    (void)bytes;
    (void)size;
    (void)setting;
    text[0] = '\0';
    return ERR_UNSUPPORTED;
}

static int plain_put_u64(char *text, size_t cap, uint64_t value)
{
    char digits[21];
    size_t len = text_of_u64(value, digits);
    if (len >= cap)
        return ERR_TOO_LARGE;
    memcpy(text, digits, len + 1);
    return (int)len;
}

const struct velum_host *kernel_host_plain(void)
{
    static const struct velum_host host = {
        .size = sizeof host,
        .abi = VELUM_ABI,
        .log = plain_log,
        .nap = plain_nap,
        .memory = plain_memory,
        .parse_u64 = text_to_u64,
        .put_u64 = plain_put_u64,
        .put_double = decimal_of_double,
        .inputs = plain_inputs,
        .input = plain_input,
        .emit = plain_emit,
        .digest = plain_digest,
        .bcrypt = plain_bcrypt,
        .maths = &maths_table,
    };
    return &host;
}

struct sizes {
    uint16_t count;
    const uint64_t *list;
};

static uint32_t sizes_inputs(const struct velum_host *host)
{
    return ((const struct sizes *)host->ctx)->count;
}

static const uint8_t *sizes_input(const struct velum_host *host, uint32_t index, uint64_t *size)
{
    const struct sizes *s = host->ctx;
    *size = index < s->count ? s->list[index] : 0;
    return NULL;
}

static int plan_refused(struct kernel_plan *out, const char *why)
{
    char safe[REASON_SIZE];
    out->reason[REASON_SIZE - 1] = '\0';
    text_sanitise(*out->reason ? out->reason : why, strlen(*out->reason ? out->reason : why), true,
                  safe, sizeof safe);
    text_copy(out->reason, sizeof out->reason, safe);
    return ERR_ARGUMENT;
}

#define NO_WORK "the kernel's plan has no work in it"

static int plan_too_fine(const struct velum_kernel *k, const struct velum_plan *plan,
                         struct kernel_plan *out)
{
    const uint64_t leaves_last = (plan->units - 1) / plan->leaf_units;
#if VELUM_PLANT == 434 /* unit/test_kernel: a collect may have as many leaves as a fold */
    if (k->reduce == VELUM_COLLECT && leaves_last >= LEAVES_MAX)
#else
    if (k->reduce == VELUM_COLLECT && leaves_last >= COLLECT_LEAVES_MAX)
#endif
        return plan_refused(out, "the kernel's plan has more than 16384 leaves, and it collects");
    return leaves_last >= LEAVES_MAX
               ? plan_refused(out, "the kernel's plan has more than 2^40 leaves")
               : 0;
}

int kernel_plan_open(const struct velum_kernel *k, int argc, const char *const *argv,
                     uint16_t inputs_count, const uint64_t *input_sizes, struct kernel_plan *out)
{
    struct sizes sizes = {inputs_count, input_sizes};
    struct velum_host host = *kernel_host_plain();
    host.ctx = &sizes;
    host.inputs = sizes_inputs;
    host.input = sizes_input;
    memset(out, 0, sizeof *out);
    struct velum_plan plan = {
        .params = out->params,
        .params_cap = sizeof out->params,
        .reason = out->reason,
        .reason_cap = sizeof out->reason,
    };
    if (k->plan(&host, argc, argv, &plan) < 0)
        return plan_refused(out, "the kernel refuses these arguments without a reason");
    out->reason[0] = '\0';
    if (plan.params_size > sizeof out->params)
        return plan_refused(out, "the kernel's plan has more than 4096 bytes of parameters");
    if (plan.units == 0)
        return plan_refused(out, NO_WORK);
    int rc = plan.leaf_units == 0 ? 0 : plan_too_fine(k, &plan, out);
    if (rc < 0)
        return rc;
    out->params_size = plan.params_size;
    out->units = plan.units;
    out->leaf_units = plan.leaf_units;
    return 0;
}

int kernel_plan(const struct velum_kernel *k, int argc, const char *const *argv,
                uint16_t inputs_count, const uint64_t *input_sizes, struct kernel_plan *out)
{
    int rc = kernel_plan_open(k, argc, argv, inputs_count, input_sizes, out);
    return rc == 0 && out->leaf_units == 0 ? plan_refused(out, NO_WORK) : rc;
}

/* What a leaf of a search says. One that names a unit of other leaves would end it there. */
static int put_found(const struct velum_kernel *k, const struct velum_call *call, void *native,
                     uint8_t *out, char reason[REASON_SIZE])
{
    const bool matches = call->match != FOUND_NONE;
    if (matches && (call->match < call->first || call->match - call->first >= call->count)) {
        text_copy(reason, REASON_SIZE, "the kernel says that a unit outside its leaf matches");
        return ERR_KERNEL;
    }
    if (!matches)
        memset(native, 0, k->accumulator_size);
    store_u64(out, call->match);
    accumulator_encode(k, native, out + FOUND_HEAD);
    return 0;
}

int kernel_leaf(const struct velum_kernel *k, const struct velum_host *host, struct bytes params,
                uint64_t first, uint64_t count, uint8_t *out, char reason[REASON_SIZE])
{
    struct native native;
    char why[REASON_SIZE] = "";
    struct velum_call call = {
        .params = params.data,
        .params_size = (uint32_t)params.len,
        .reason = why,
        .reason_cap = sizeof why,
        .first = first,
        .count = count,
        .match = FOUND_NONE,
    };
    memset(&native, 0, k->accumulator_size);
    if (k->leaf(host, &call, k->reduce == VELUM_COLLECT ? NULL : native.bytes) < 0) {
        why[sizeof why - 1] = '\0';
        text_sanitise(why, strlen(why), true, reason, REASON_SIZE);
        if (!*reason)
            text_copy(reason, REASON_SIZE, "the kernel failed without a reason");
        return ERR_KERNEL;
    }
    if (k->reduce == VELUM_SEARCH)
        return put_found(k, &call, native.bytes, out, reason);
    accumulator_encode(k, native.bytes, out);
    return 0;
}

int kernel_merge(const struct velum_kernel *k, struct bytes params, struct bytes left,
                 struct bytes right, uint8_t *out)
{
    struct native a, b;
    const struct velum_call call = {.params = params.data, .params_size = (uint32_t)params.len};
    const uint32_t size = kernel_accumulator_size(k);
    if (k->reduce == VELUM_COLLECT || left.len != size || right.len != size)
        return ERR_FORMAT;
    if (k->reduce == VELUM_SEARCH) {
        memmove(out, found_matches(left) ? left.data : right.data, size);
        return 0;
    }
    accumulator_decode(k, left.data, a.bytes);
    accumulator_decode(k, right.data, b.bytes);
    k->merge(kernel_host_plain(), &call, a.bytes, b.bytes);
    accumulator_encode(k, a.bytes, out);
    return 0;
}

int kernel_show(const struct velum_kernel *k, struct bytes params, struct bytes accumulator,
                char text[SHOW_SIZE_MAX])
{
    struct native native;
    struct velum_call call = {.params = params.data, .params_size = (uint32_t)params.len};
    text[0] = '\0';
    if (k->reduce == VELUM_COLLECT || accumulator.len != kernel_accumulator_size(k))
        return ERR_FORMAT;
    if (k->reduce == VELUM_SEARCH) {
        call.first = found_unit(accumulator);
        call.count = 1;
        if (call.first == FOUND_NONE) {
            text_copy(text, SHOW_SIZE_MAX, KERNEL_NO_MATCH);
            return 0;
        }
        accumulator.data += FOUND_HEAD;
    }
    accumulator_decode(k, accumulator.data, native.bytes);
    int len = k->show(kernel_host_plain(), &call, native.bytes, text, SHOW_SIZE_MAX);
    if (len < 0 || len >= SHOW_SIZE_MAX)
        return ERR_KERNEL;
    text[len] = '\0';
    return 0;
}

static void text_of_i64(int64_t v, char *to)
{
    if (v < 0)
        *to++ = '-';
    text_of_u64(v < 0 ? ~(uint64_t)v + 1 : (uint64_t)v, to);
}

static void text_of_element(uint32_t type, const uint8_t *from, char value[32])
{
    const uint32_t v4 = accumulator_type_size(type) == 4 ? load_u32(from) : 0;
    const uint64_t v8 = accumulator_type_size(type) == 8 ? load_u64(from) : 0;
    float f4;
    double f8;
    switch (type) {
    case VELUM_I32:
        text_of_i64((int32_t)v4, value);
        return;
    case VELUM_I64:
        text_of_i64((int64_t)v8, value);
        return;
    case VELUM_F32:
        memcpy(&f4, &v4, sizeof f4);
        decimal_hex_of_double(value, (double)f4);
        return;
    case VELUM_F64:
        memcpy(&f8, &v8, sizeof f8);
        decimal_hex_of_double(value, f8);
        return;
    default:
        text_of_u64(type == VELUM_U8 ? *from : type == VELUM_U32 ? v4 : v8, value);
    }
}

int kernel_fields(const struct velum_kernel *k, struct bytes accumulator,
                  void (*tell)(void *ctx, const char *name, uint32_t index, uint32_t count,
                               const char *type, const char *value),
                  void *ctx)
{
    const uint8_t *at = accumulator.data;
    if (accumulator.len != kernel_accumulator_size(k))
        return ERR_FORMAT;
    if (k->reduce == VELUM_SEARCH)
        at += FOUND_HEAD;
    for (uint32_t i = 0; i < k->fields_count; i++) {
        const struct velum_field *f = &k->fields[i];
        for (uint32_t n = 0; n < f->count; n++, at += accumulator_type_size(f->type)) {
            char value[32];
            text_of_element(f->type, at, value);
            tell(ctx, f->name, n, f->count, accumulator_type_name(f->type), value);
        }
    }
    return 0;
}

void kernel_leaf_range(uint64_t units, uint64_t leaf_units, uint64_t leaf, uint64_t *first,
                       uint64_t *count)
{
    ensure(leaf_units > 0 && leaf <= (units - 1) / leaf_units);
    *first = leaf * leaf_units;
    *count = units - *first < leaf_units ? units - *first : leaf_units;
}
