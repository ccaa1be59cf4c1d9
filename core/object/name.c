#include "core/object/name.h"

#include "core/base/ensure.h"

#include "core/base/bytes.h"

uint64_t object_pieces(uint64_t size)
{
    return size / PIECE_SIZE + (size % PIECE_SIZE != 0);
}

uint32_t object_piece_length(uint64_t size, uint64_t piece)
{
    uint64_t left = size - piece * PIECE_SIZE;
#if VELUM_PLANT == 309 /* unit/test_name: the last piece is as long as all others */
    return PIECE_SIZE + 0 * (uint32_t)left;
#else
    return left < PIECE_SIZE ? (uint32_t)left : PIECE_SIZE;
#endif
}

uint64_t object_list_size(uint64_t size)
{
    return object_pieces(size) * ID_SIZE;
}

void object_sum_begin(struct object_sum *s, uint64_t size)
{
    uint8_t head[8];
    store_u64(head, size);
    sha256_init(&s->sha);
    sha256_add(&s->sha, head, sizeof head);
    s->size = size;
    s->pieces = 0;
}

void object_sum_piece(struct object_sum *s, struct digest piece)
{
    uint8_t length[4];
    if (s->pieces < object_pieces(s->size)) {
        store_u32(length, object_piece_length(s->size, s->pieces));
        sha256_add(&s->sha, length, sizeof length);
        sha256_add(&s->sha, piece.bytes, sizeof piece.bytes);
    }
    s->pieces++;
}

bool object_sum_end(struct object_sum *s, struct digest *name)
{
    *name = sha256_end(&s->sha);
    return s->pieces == object_pieces(s->size);
}

struct digest object_name_of(struct bytes data)
{
    struct object_sum sum;
    struct digest name;

    object_sum_begin(&sum, data.len);
    for (uint64_t i = 0; i < object_pieces(data.len); i++)
        object_sum_piece(&sum,
                         sha256_of(data.data + i * PIECE_SIZE, object_piece_length(data.len, i)));
    ensure(object_sum_end(&sum, &name));
    return name;
}

void object_stream_begin(struct object_stream *s, uint64_t size)
{
    s->at = 0;
    s->size = size;
    object_sum_begin(&s->sum, size);
}

void object_stream_add(struct object_stream *s, struct bytes bytes)
{
    while (bytes.len > 0) {
        size_t left = (size_t)(PIECE_SIZE - s->at % PIECE_SIZE);
        size_t n = bytes.len < left ? bytes.len : left;
        if (s->at % PIECE_SIZE == 0)
            sha256_init(&s->piece);
        sha256_add(&s->piece, bytes.data, n);
        s->at += n;
        if (s->at % PIECE_SIZE == 0 || s->at == s->size)
            object_sum_piece(&s->sum, sha256_end(&s->piece));
        bytes = (struct bytes){bytes.data + n, bytes.len - n};
    }
}

bool object_stream_end(struct object_stream *s, struct digest *name)
{
    return object_sum_end(&s->sum, name);
}
