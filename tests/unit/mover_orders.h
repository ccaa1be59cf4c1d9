/* Orders to the mover of the rig, each with its answer: what a node sends, and what it hears.
 * Header only. */
#ifndef VELUM_TESTS_MOVER_ORDERS_H
#define VELUM_TESTS_MOVER_ORDERS_H

#include "tests/unit/mover_rig.h"

static inline int rig_append(uint64_t stream, const uint8_t *data, size_t n)
{
    struct buf b = rig_payload();
    const struct move_stream m = {.stream = stream, .bytes = {data, n}};
    put_move_append(&b, &m);
    return rig_rc(rig_ask(MESSAGE_MOVE_APPEND, &b));
}

static inline struct moved_keyed rig_keyed(uint64_t stream, struct digest key, uint64_t size,
                                           bool look)
{
    struct buf b = rig_payload();
    const struct move_keyed m = {stream, key, size, look};
    struct moved_keyed keyed = {0};
    put_move_keyed(&b, &m);
    struct rig_answer *a = rig_ask(MESSAGE_MOVE_KEYED, &b);
    CHECK_INT(a->type, MESSAGE_MOVED_KEYED);
    REQUIRE(read_moved_keyed(buf_bytes(&a->payload), &keyed) == 0);
    return keyed;
}

static inline struct moved_made rig_finish(uint64_t stream)
{
    struct buf b = rig_payload();
    struct moved_made made = {0};
    put_move_stream(&b, stream);
    struct rig_answer *a = rig_ask(MESSAGE_MOVE_FINISH, &b);
    CHECK_INT(a->type, MESSAGE_MOVED_MADE);
    REQUIRE(read_moved_made(buf_bytes(&a->payload), &made) == 0);
    return made;
}

/* All of it, many slices on the way at once. */
static inline struct moved_made rig_put(uint64_t stream, const uint8_t *data, size_t n)
{
    uint32_t given = 0;
    for (size_t at = 0; at < n || given == 0; at += MOVE_BYTES_MAX, given++) {
        const size_t step = n - at < MOVE_BYTES_MAX ? n - at : MOVE_BYTES_MAX;
        struct buf b = rig_payload();
        const struct move_stream m = {.stream = stream, .bytes = {data + at, step}};
        put_move_append(&b, &m);
        rig_give(MESSAGE_MOVE_APPEND, &b);
        if (given >= 60)
            CHECK_INT(rig_rc(rig_take()), 0);
    }
    for (uint32_t i = given < 60 ? given : 60; i > 0; i--)
        CHECK_INT(rig_rc(rig_take()), 0);
    return rig_finish(stream);
}

static inline int rig_name_order(uint8_t type, struct digest name)
{
    struct buf b = rig_payload();
    put_move_name(&b, name);
    return rig_rc(rig_ask(type, &b));
}

static inline int rig_read_part(uint8_t type, const struct move_part *m, struct bytes *out)
{
    struct buf b = rig_payload();
    struct moved_bytes bytes;
    put_move_read(&b, m);
    struct rig_answer *a = rig_ask(type, &b);
    CHECK_INT(a->type, MESSAGE_MOVED_BYTES);
    REQUIRE(read_moved_bytes(buf_bytes(&a->payload), &bytes) == 0);
    *out = bytes.bytes;
    return bytes.rc;
}

/* READ or LIST; the bytes are borrowed until the next order. */
static inline int rig_read(uint8_t type, struct digest name, uint64_t offset, uint32_t length,
                           struct bytes *out)
{
    const struct move_part m = {.name = name, .offset = offset, .length = length};
    return rig_read_part(type, &m, out);
}

/* READ of bytes that nobody compares here. */
static inline int rig_read_as_is(struct digest name, uint64_t offset, uint32_t length,
                                 struct bytes *out)
{
    const struct move_part m = {.name = name, .offset = offset, .length = length, .as_is = true};
    return rig_read_part(MESSAGE_MOVE_READ, &m, out);
}

/* Whether the object here is exactly these bytes. */
static inline bool rig_holds(struct digest name, const uint8_t *data, size_t n)
{
    for (size_t at = 0; at < n; at += MOVE_BYTES_MAX) {
        const uint32_t step = (uint32_t)(n - at < MOVE_BYTES_MAX ? n - at : MOVE_BYTES_MAX);
        struct bytes got;
        if (rig_read(MESSAGE_MOVE_READ, name, at, step, &got) != 0 || got.len != step ||
            memcmp(got.data, data + at, step) != 0)
            return false;
    }
    return true;
}

/* The first so many that a scan finds (copies of the bits included) and its rc. */
static inline int rig_scan(struct moved_found *found, uint8_t (*bits)[16], uint32_t most)
{
    struct buf b = rig_payload();
    rig_give(MESSAGE_MOVE_SCAN, &b);
    rig.found = rig.left_count = 0;
    for (;;) {
        struct rig_answer *a = rig_take();
        struct moved_found m;
        CHECK_INT(a->request, rig.request);
        if (a->type == MESSAGE_MOVED_LEFT) {
            REQUIRE(rig.left_count < 4);
            CHECK_INT(read_moved_left(buf_bytes(&a->payload), &rig.left[rig.left_count++]), 0);
            continue;
        }
        if (a->type != MESSAGE_MOVED_FOUND)
            return rig_rc(a);
        REQUIRE(read_moved_found(buf_bytes(&a->payload), &m) == 0);
        if (rig.found < most) {
            found[rig.found] = m;
            if (bits && m.bits.len > 0)
                memcpy(bits[rig.found], m.bits.data, m.bits.len < 16 ? m.bits.len : 16);
        }
        rig.found++;
    }
}

static inline int rig_learn(struct digest name, uint64_t size, uint64_t offset, const uint8_t *data,
                            size_t n)
{
    struct buf b = rig_payload();
    const struct move_part m = {.name = name, .size = size, .offset = offset, .bytes = {data, n}};
    put_move_learn(&b, &m);
    return rig_rc(rig_ask(MESSAGE_MOVE_LEARN, &b));
}

static inline int rig_write(struct digest name, uint64_t offset, const uint8_t *data, size_t n)
{
    struct buf b = rig_payload();
    const struct move_part m = {.name = name, .offset = offset, .bytes = {data, n}};
    put_move_write(&b, &m);
    return rig_rc(rig_ask(MESSAGE_MOVE_WRITE, &b));
}

/* One whole piece; the first error, or 0. */
static inline int rig_write_piece(struct digest name, const uint8_t *data, size_t n, uint64_t piece)
{
    const uint64_t first = piece * PIECE_SIZE;
    const uint64_t end = first + object_piece_length(n, piece);
    int rc = 0;
    for (uint64_t at = first; at < end && rc == 0; at += MOVE_BYTES_MAX)
        rc = rig_write(name, at, data + at,
                       end - at < MOVE_BYTES_MAX ? (size_t)(end - at) : MOVE_BYTES_MAX);
    return rc;
}

/* size 0: it is not said. */
static inline struct moved_checked rig_check_of(struct digest name, uint64_t size, uint64_t from)
{
    struct buf b = rig_payload();
    const struct move_part m = {.name = name, .size = size, .offset = from};
    struct moved_checked checked = {0};
    put_move_check(&b, &m);
    struct rig_answer *a = rig_ask(MESSAGE_MOVE_CHECK, &b);
    CHECK_INT(a->type, MESSAGE_MOVED_CHECKED);
    REQUIRE(read_moved_checked(buf_bytes(&a->payload), &checked) == 0);
    return checked;
}

static inline struct moved_checked rig_check(struct digest name, uint64_t from)
{
    return rig_check_of(name, 0, from);
}

/* Somebody else writes behind the end of a file. */
static inline void rig_grow(struct digest name, const char *end, size_t bytes)
{
    char path[512];
    struct stat st;
    rig_path(name, end, path);
    REQUIRE(stat(path, &st) == 0 && truncate(path, st.st_size + (off_t)bytes) == 0);
}

/* What the object of these bytes is called, by the definition; the list into `list` where it is not
 * NULL. */
static inline struct digest rig_name_of(const uint8_t *data, size_t n, struct digest *list)
{
    struct object_sum sum;
    struct digest name;
    object_sum_begin(&sum, n);
    for (uint64_t i = 0; i < object_pieces(n); i++) {
        struct digest d = sha256_of(data + i * PIECE_SIZE, object_piece_length(n, i));
        object_sum_piece(&sum, d);
        if (list)
            list[i] = d;
    }
    CHECK(object_sum_end(&sum, &name));
    return name;
}

#endif
