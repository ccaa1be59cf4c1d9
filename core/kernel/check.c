/* What a kernel struct from outside must be before anything calls into it. */
#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/kernel/accumulator.h"
#include "core/kernel/kernel.h"
#include "core/wire/found.h"

#define TEXT_SIZE_MAX 256

static int refuse(char reason[REASON_SIZE], const char *a, const char *b, const char *c)
{
    text_copy(reason, REASON_SIZE, a);
    text_append(reason, REASON_SIZE, b);
    text_append(reason, REASON_SIZE, c);
    return ERR_KERNEL;
}

static int check_head(const struct velum_kernel *k, char reason[REASON_SIZE])
{
    char has[21], wants[21];
    text_of_u64(k->abi, has);
    text_of_u64(VELUM_ABI, wants);
    if (k->abi != VELUM_ABI) {
        refuse(reason, "it was built for kernel ABI ", has, ", and this velum has ABI ");
        text_append(reason, REASON_SIZE, wants);
        return ERR_KERNEL;
    }
    if (k->size < offsetof(struct velum_kernel, manual))
        return refuse(reason, "its kernel struct is smaller than ABI ", wants, " says");
    return 0;
}

/* A text must end soon; its first byte past the bound is never read. */
static bool text_is_bounded(const char *text)
{
    return text && memchr(text, 0, TEXT_SIZE_MAX);
}

const char *kernel_manual(const struct velum_kernel *k)
{
#if VELUM_PLANT == 851 /* unit/test_kernel: what lies behind an older struct is read */
    return k->manual ? k->manual : "";
#else
    const bool has = k->size >= offsetof(struct velum_kernel, manual) + sizeof k->manual;
    return has && k->manual ? k->manual : "";
#endif
}

static bool is_hex_digest(const char *text)
{
    uint8_t raw[ID_SIZE];
    return strlen(text) == 64 && id_parse_prefix(text, raw) == 64;
}

static int check_texts(const struct velum_kernel *k, char reason[REASON_SIZE])
{
    if (!text_is_bounded(k->name) || !text_is_name(k->name))
        return refuse(reason, "its name is not 1 to 63 of a-z, 0-9 and -", "", "");
    if (!text_is_bounded(k->usage) || !text_is_bounded(k->summary) || !text_is_bounded(k->limits))
        return refuse(reason, "usage, summary or limits is missing or over 255 bytes", "", "");
    if (!memchr(kernel_manual(k), 0, MANUAL_SIZE_MAX))
        return refuse(reason, "its manual is over 4095 bytes", "", "");
    if (!text_is_bounded(k->source) || !is_hex_digest(k->source))
        return refuse(reason, "it carries no source digest: build it with -DVELUM_SOURCE_DIGEST",
                      "", "");
    return 0;
}

static int check_field(const struct velum_kernel *k, const struct velum_field *f,
                       char reason[REASON_SIZE])
{
    if (!text_is_bounded(f->name) || !*f->name)
        return refuse(reason, "an accumulator field has no name", "", "");
    const uint64_t size = accumulator_type_size(f->type);
    if (size == 0)
        return refuse(reason, "accumulator field ", f->name, " has an unknown type");
    if (f->count == 0 || f->offset + size * f->count > k->accumulator_size)
        return refuse(reason, "accumulator field ", f->name, " lies outside its struct");
    return 0;
}

/* What a kernel that collects must leave out: it would never be used, so it is a mistake. */
static int check_collect(const struct velum_kernel *k, char reason[REASON_SIZE])
{
    if (k->accumulator_size != 0 || k->fields || k->fields_count != 0 || k->merge || k->show)
        return refuse(reason, "it collects, so it must have no accumulator, fields, merge or show",
                      "", "");
    if (!k->plan || !k->leaf)
        return refuse(reason, "plan or leaf is missing", "", "");
    return 0;
}

static int check_accumulator(const struct velum_kernel *k, char reason[REASON_SIZE])
{
    uint64_t canonical = 0;
    if (k->accumulator_size == 0 || k->accumulator_size > VELUM_ACCUMULATOR_MAX)
        return refuse(reason, "its accumulator is empty or over 4096 bytes", "", "");
    if (!k->fields || k->fields_count == 0 || k->fields_count > VELUM_FIELDS_MAX)
        return refuse(reason, "it declares no accumulator fields, or more than 64", "", "");
    for (uint32_t i = 0; i < k->fields_count; i++) {
        int rc = check_field(k, &k->fields[i], reason);
        if (rc < 0)
            return rc;
        canonical += (uint64_t)accumulator_type_size(k->fields[i].type) * k->fields[i].count;
    }
    if (canonical > ACCUMULATOR_SIZE_MAX)
        return refuse(reason, "its accumulator fields overlap: over 4096 bytes together", "", "");
    return 0;
}

static int check_fold(const struct velum_kernel *k, char reason[REASON_SIZE])
{
    int rc = check_accumulator(k, reason);
    if (rc == 0 && (!k->plan || !k->leaf || !k->merge || !k->show))
        return refuse(reason, "plan, leaf, merge or show is missing", "", "");
    return rc;
}

/* The lower match wins whatever the kernel is, so a merge of its own would never be called. */
static int check_search(const struct velum_kernel *k, char reason[REASON_SIZE])
{
    int rc = check_accumulator(k, reason);
    if (rc < 0)
        return rc;
    if (accumulator_canonical_size(k) > ACCUMULATOR_SIZE_MAX - FOUND_HEAD)
        return refuse(reason, "it searches, so its accumulator may have 4088 bytes", "", "");
    if (k->merge)
        return refuse(reason, "it searches, so it must have no merge", "", "");
    if (!k->plan || !k->leaf || !k->show)
        return refuse(reason, "plan, leaf or show is missing", "", "");
    return 0;
}

static int check_reduction(const struct velum_kernel *k, char reason[REASON_SIZE])
{
    char has[21];
    switch (k->reduce) {
    case VELUM_FOLD:
        return check_fold(k, reason);
    case VELUM_SEARCH:
        return check_search(k, reason);
    case VELUM_COLLECT:
        return check_collect(k, reason);
    default:
        text_of_u64(k->reduce, has);
        return refuse(reason, "it has the reduction ", has, ", which this velum does not know");
    }
}

int kernel_check(const struct velum_kernel *k, char reason[REASON_SIZE])
{
    int rc = check_head(k, reason);
    if (rc == 0)
        rc = check_texts(k, reason);
    if (rc == 0)
        rc = check_reduction(k, reason);
    if (rc < 0)
        return rc;
    if (k->files_from > ARGS_COUNT_MAX)
        return refuse(reason, "its files begin after the last argument that there can be, the 64th",
                      "", "");
#if VELUM_PLANT != 536 /* unit/test_kernel: any text may be the kernel behind */
    if (k->then &&
        (!text_is_bounded(k->then) || !text_is_name(k->then) || k->reduce != VELUM_COLLECT))
        return refuse(reason, "what follows it is no kernel's name, or it does not collect", "",
                      "");
#endif
    if (k->needs != 0)
        return refuse(reason, "it needs something this velum does not offer", "", "");
    if (k->memory > VELUM_MEMORY_MAX)
        return refuse(reason, "it asks for more scratch memory than 1 MiB", "", "");
    return 0;
}
