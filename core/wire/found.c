#include "core/wire/found.h"

#include "core/base/ensure.h"

uint64_t found_unit(struct bytes value)
{
    ensure(value.len >= FOUND_HEAD);
    return load_u64(value.data);
}

bool found_matches(struct bytes value)
{
    return found_unit(value) != FOUND_NONE;
}

bool found_is_value(struct bytes value)
{
    uint8_t any = 0;
    if (value.len < FOUND_HEAD)
        return false;
    if (found_matches(value))
        return true;
    for (size_t i = FOUND_HEAD; i < value.len; i++)
        any |= value.data[i];
    return any == 0;
}
