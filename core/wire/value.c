#include "core/wire/value.h"

void put_value(struct buf *b, const struct value *v)
{
    put_u8(b, v->at.level);
    put_u64(b, v->at.index);
    put_block(b, v->data);
}

struct value read_value(struct reader *r)
{
    struct value v = {0};
    v.at.level = read_u8(r);
    v.at.index = read_u64(r);
    if (v.at.level > LEVEL_MAX || v.at.index >= LEAVES_MAX >> v.at.level) {
        r->failed = true;
        return (struct value){0};
    }
    v.data = read_block(r, ACCUMULATOR_SIZE_MAX);
    return v;
}
