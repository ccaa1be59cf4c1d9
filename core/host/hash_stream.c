#include "core/host/hash_stream.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/mover_hash.h"
#include "core/object/name.h"

struct hash_stream {
    uint64_t size, at;
    uint64_t handed, taken; /* pieces given to the threads, and taken back */
    struct object_sum sum;
    struct hash_job jobs[HASH_STREAM_PIECES];
    uint8_t *pieces[HASH_STREAM_PIECES];
};

int hash_stream_new(struct hash_stream **out)
{
    struct hash_stream *s = calloc(1, sizeof *s);
    int rc = s ? hash_open() : ERR_NO_MEMORY;
    if (rc < 0)
        free(s);
    else
        *out = s;
    return rc;
}

static void take_piece(struct hash_stream *s)
{
#if VELUM_PLANT == 558 /* unit/test_hash_stream: the two of a pair change places */
    struct hash_job *j = &s->jobs[(s->taken++ ^ 1) % HASH_STREAM_PIECES];
    hash_wait(&s->jobs[(s->taken - 1) % HASH_STREAM_PIECES]);
#else
    struct hash_job *j = &s->jobs[s->taken++ % HASH_STREAM_PIECES];
#endif
    hash_wait(j);
    object_sum_piece(&s->sum, j->digest);
}

static void settle(struct hash_stream *s)
{
    while (s->taken < s->handed)
        take_piece(s);
}

void hash_stream_free(struct hash_stream *s)
{
    if (!s)
        return;
    settle(s);
    for (int i = 0; i < HASH_STREAM_PIECES; i++)
        free(s->pieces[i]);
    free(s);
}

void hash_stream_begin(struct hash_stream *s, uint64_t size)
{
    settle(s);
    s->size = size;
    s->at = s->handed = s->taken = 0;
    object_sum_begin(&s->sum, size);
}

static struct hash_job *hand_out(struct hash_stream *s)
{
    const uint64_t i = s->handed % HASH_STREAM_PIECES;
    s->jobs[i] = (struct hash_job){
        .fd = -1, .length = object_piece_length(s->size, s->handed), .to = s->pieces[i]};
    s->handed++;
    return &s->jobs[i];
}

/* Where the next byte goes; its place may hold a piece that is being hashed still. */
static uint8_t *place(struct hash_stream *s)
{
    const uint64_t piece = s->at / PIECE_SIZE, i = piece % HASH_STREAM_PIECES;
    while (piece - s->taken >= HASH_STREAM_PIECES)
        take_piece(s);
    if (!s->pieces[i])
        s->pieces[i] = malloc(PIECE_SIZE);
    return s->pieces[i] ? s->pieces[i] + s->at % PIECE_SIZE : NULL;
}

int hash_stream_add(struct hash_stream *s, struct bytes bytes)
{
    ensure(bytes.len <= s->size - s->at);
    while (bytes.len > 0) {
        const size_t left = (size_t)(PIECE_SIZE - s->at % PIECE_SIZE);
        const size_t n = bytes.len < left ? bytes.len : left;
        uint8_t *to = place(s);
        if (!to)
            return ERR_NO_MEMORY;
        memcpy(to, bytes.data, n);
        s->at += n;
        bytes = (struct bytes){bytes.data + n, bytes.len - n};
        if (s->at < s->size && s->at / PIECE_SIZE == s->handed + 2) {
            struct hash_job *first = hand_out(s);
            hash_add(first, hand_out(s));
        }
    }
    return 0;
}

bool hash_stream_add_piece(struct hash_stream *s, struct digest piece)
{
    const uint64_t next = s->at / PIECE_SIZE;
    if (s->at % PIECE_SIZE != 0 || s->handed != next || next >= object_pieces(s->size))
        return false;
#if VELUM_PLANT != 598 /* unit/test_put_get: pieces before it have not been counted yet */
    settle(s);
#endif
    object_sum_piece(&s->sum, piece);
    s->at += object_piece_length(s->size, next);
    s->handed = s->taken = next + 1;
    return true;
}

/* At most two, of which only the last may be short. */
static void hash_rest(struct hash_stream *s)
{
    const uint64_t pieces = object_pieces(s->size), first = s->handed;
    struct sha256 sha[2];
    const uint8_t *data[2] = {NULL, NULL};
    uint32_t length[2] = {0, 0};
#if VELUM_PLANT == 343 /* unit/test_put_get: a last piece without a second is not hashed */
    if (pieces - first == 1)
        return;
#endif
    for (uint64_t i = first; i < pieces; i++) {
        data[i - first] = s->pieces[i % HASH_STREAM_PIECES];
        length[i - first] = object_piece_length(s->size, i);
        sha256_init(&sha[i - first]);
    }
    if (pieces - first == 2) {
        sha256_add_two(&sha[0], data[0], &sha[1], data[1], length[1]);
        data[0] += length[1];
        length[0] -= length[1];
        length[1] = 0;
    }
    for (uint64_t i = 0; i < pieces - first; i++) {
        sha256_add(&sha[i], data[i], length[i]);
        object_sum_piece(&s->sum, sha256_end(&sha[i]));
    }
}

bool hash_stream_end(struct hash_stream *s, struct digest *name)
{
    const bool whole = s->at == s->size;
    settle(s);
    if (whole)
        hash_rest(s);
    return object_sum_end(&s->sum, name) && whole;
}
