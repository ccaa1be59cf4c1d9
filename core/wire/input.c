#include "core/wire/input.h"

void put_stage_input(struct buf *b, const struct stage_input *in)
{
    put_digest(b, in->name);
    put_u64(b, in->size);
}

struct stage_input stage_input_at(struct bytes inputs, uint16_t i)
{
    struct reader r =
        reader_of((struct bytes){inputs.data + (size_t)i * STAGE_INPUT_BYTES, STAGE_INPUT_BYTES});
    struct stage_input in;

    in.name = read_digest(&r);
    in.size = read_u64(&r);
    return in;
}

bool stage_input_is_given(struct bytes inputs, uint16_t i)
{
    static const struct digest none;

    return digest_equal(stage_input_at(inputs, i).name, none);
}

bool stage_inputs_fit(struct bytes inputs, uint16_t count)
{
    if (count > STAGE_INPUTS_MAX || inputs.len != (size_t)count * STAGE_INPUT_BYTES)
        return false;
    for (uint16_t i = 0; i < count; i++)
        if (stage_input_at(inputs, i).size > STAGE_INPUT_SIZE_MAX)
            return false;
    return true;
}

struct bytes read_stage_inputs(struct reader *r, uint16_t *count)
{
    struct bytes inputs;

    *count = read_u16(r);
    inputs = read_view(r, (size_t)*count * STAGE_INPUT_BYTES);
    if (!r->failed && !stage_inputs_fit(inputs, *count))
        r->failed = true;
    return inputs;
}

void put_stage_need(struct buf *b, const struct stage_need *n)
{
    put_u32(b, n->stage);
    put_u16(b, n->place);
}

struct stage_need stage_need_at(struct bytes needs, uint16_t i)
{
    struct reader r =
        reader_of((struct bytes){needs.data + (size_t)i * STAGE_NEED_BYTES, STAGE_NEED_BYTES});
    struct stage_need n;

    n.stage = read_u32(&r);
    n.place = read_u16(&r);
    return n;
}
