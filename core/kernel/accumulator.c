#include "core/kernel/accumulator.h"

#include <string.h>

#include "core/base/bytes.h"

#define NAN64 0x7ff8000000000000u
#define NAN32 0x7fc00000u

static const struct type {
    const char *name;
    uint32_t size;
} types[] = {
    [VELUM_U8] = {"u8", 1},   [VELUM_I32] = {"i32", 4}, [VELUM_U32] = {"u32", 4},
    [VELUM_I64] = {"i64", 8}, [VELUM_U64] = {"u64", 8}, [VELUM_F32] = {"f32", 4},
    [VELUM_F64] = {"f64", 8},
};

static const struct type *type_of(uint32_t type)
{
    return type >= VELUM_U8 && type <= VELUM_F64 ? &types[type] : NULL;
}

uint32_t accumulator_type_size(uint32_t type)
{
    const struct type *t = type_of(type);
    return t ? t->size : 0;
}

const char *accumulator_type_name(uint32_t type)
{
    const struct type *t = type_of(type);
    return t ? t->name : "unknown";
}

uint32_t accumulator_canonical_size(const struct velum_kernel *k)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < k->fields_count; i++)
        size += accumulator_type_size(k->fields[i].type) * k->fields[i].count;
    return size;
}

static void encode_one(uint32_t type, const uint8_t *from, uint8_t *to)
{
    uint64_t v8;
    uint32_t v4;
    switch (accumulator_type_size(type)) {
    case 8:
        memcpy(&v8, from, sizeof v8);
        if (type == VELUM_F64 && (v8 & INT64_MAX) > 0x7ff0000000000000u)
            v8 = NAN64;
        store_u64(to, v8);
        break;
    case 4:
        memcpy(&v4, from, sizeof v4);
        if (type == VELUM_F32 && (v4 & INT32_MAX) > 0x7f800000u)
            v4 = NAN32;
        store_u32(to, v4);
        break;
    default:
        *to = *from;
    }
}

static void decode_one(uint32_t type, const uint8_t *from, uint8_t *to)
{
    uint64_t v8;
    uint32_t v4;
    switch (accumulator_type_size(type)) {
    case 8:
        v8 = load_u64(from);
        memcpy(to, &v8, sizeof v8);
        break;
    case 4:
        v4 = load_u32(from);
        memcpy(to, &v4, sizeof v4);
        break;
    default:
        *to = *from;
    }
}

void accumulator_encode(const struct velum_kernel *k, const void *native, uint8_t *to)
{
    for (uint32_t i = 0; i < k->fields_count; i++) {
        const struct velum_field *f = &k->fields[i];
        const uint8_t *from = (const uint8_t *)native + f->offset;
        const uint32_t size = accumulator_type_size(f->type);
        for (uint32_t n = 0; n < f->count; n++, from += size, to += size)
            encode_one(f->type, from, to);
    }
}

void accumulator_decode(const struct velum_kernel *k, const uint8_t *from, void *native)
{
    memset(native, 0, k->accumulator_size);
    for (uint32_t i = 0; i < k->fields_count; i++) {
        const struct velum_field *f = &k->fields[i];
        uint8_t *to = (uint8_t *)native + f->offset;
        const uint32_t size = accumulator_type_size(f->type);
        for (uint32_t n = 0; n < f->count; n++, from += size, to += size)
            decode_one(f->type, from, to);
    }
}
