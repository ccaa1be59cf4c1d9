/* What a node and its mover, and a command and its node, say about objects, damaged. */
#include "core/node/object_peer.h"
#include "core/object/name.h"
#include "core/wire/move.h"
#include "core/wire/object_request.h"
#include "tests/fuzz/fuzz.h"

static int any_rc(void)
{
    return -(int)any_below(MOVE_CODE_MAX + 1);
}

/* --- orders to the mover --- */

/* ABORT, SEAL, DROP, DONE, RM, MORE: one field each, without a struct. */
static int stream_again(struct bytes in, struct buf *out)
{
    uint64_t stream;
    int rc = read_move_stream(in, &stream);
    put_move_stream(out, stream);
    return rc < 0 ? rc : buf_result(out);
}

static void make_stream(struct buf *out)
{
    put_move_stream(out, any_u64());
}

static int finish_again(struct bytes in, struct buf *out)
{
    enum move_finish way;
    uint64_t stream;
    int rc = read_move_finish(in, &stream, &way);
    put_move_finish(out, stream, way);
    return rc < 0 ? rc : buf_result(out);
}

static void make_finish(struct buf *out)
{
    put_move_finish(out, any_u64(), (enum move_finish)any_below(MOVE_FINISH_WAYS));
}

static int name_again(struct bytes in, struct buf *out)
{
    struct digest name;
    int rc = read_move_name(in, &name);
    put_move_name(out, name);
    return rc < 0 ? rc : buf_result(out);
}

static void make_name(struct buf *out)
{
    put_move_name(out, any_digest());
}

static void make_append(struct buf *out)
{
    struct move_stream m = {any_u64(), any_bytes(MOVE_BYTES_MAX)};
    put_move_append(out, &m);
}

static struct move_part any_part(void)
{
    struct move_part m = {.name = any_digest(), .size = any_u64(), .offset = any_u64()};
    m.bytes = any_bytes(MOVE_BYTES_MAX);
    m.waited_for = any_below(2) == 1;
    m.as_is = any_below(2) == 1;
    m.length = (uint32_t)any_below(MOVE_BYTES_MAX + 1);
    return m;
}

static void make_read(struct buf *out)
{
    struct move_part m = any_part();
    put_move_read(out, &m);
}

static void make_learn(struct buf *out)
{
    struct move_part m = any_part();
    put_move_learn(out, &m);
}

static void make_write(struct buf *out)
{
    struct move_part m = any_part();
    put_move_write(out, &m);
}

static void make_check(struct buf *out)
{
    struct move_part m = any_part();
    put_move_check(out, &m);
}

static void make_at(struct buf *out)
{
    struct move_at m = {(uint8_t)any_below(256), (uint32_t)any_below(MOVE_PLACES),
                        (uint32_t)any_below(MOVE_PLACE_SIZE + 1)};
    put_move_at(out, &m);
}

static void make_keyed_order(struct buf *out)
{
    struct move_keyed m = {any_u64(), any_digest(), any_u64(), any_bool()};
    put_move_keyed(out, &m);
}

FUZZ_AGAIN(at, move_at, read_move_at, put_move_at)
FUZZ_AGAIN(keyed_order, move_keyed, read_move_keyed, put_move_keyed)
FUZZ_AGAIN(append, move_stream, read_move_append, put_move_append)
FUZZ_AGAIN(read, move_part, read_move_read, put_move_read)
FUZZ_AGAIN(learn, move_part, read_move_learn, put_move_learn)
FUZZ_AGAIN(write, move_part, read_move_write, put_move_write)
FUZZ_AGAIN(check, move_part, read_move_check, put_move_check)

TEST(damaged_orders_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"APPEND", append_again, make_append, true, 2000},
        {"FINISH", finish_again, make_finish, true, 5000},
        {"ABORT", stream_again, make_stream, true, 5000},
        {"READ and LIST", read_again, make_read, true, 5000},
        {"LEARN", learn_again, make_learn, true, 2000},
        {"WRITE", write_again, make_write, true, 2000},
        {"CHECK", check_again, make_check, true, 5000},
        {"SEAL and DROP", name_again, make_name, true, 5000},
        {"AT", at_again, make_at, true, 5000},
        {"KEYED", keyed_order_again, make_keyed_order, true, 5000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

/* --- and its answers --- */

static void make_found(struct buf *out)
{
    struct moved_found m = {any_digest(), any_u64(), any_bool(), any_bytes(MOVE_BITS_MAX),
                            any_u64()};
    put_moved_found(out, &m);
}

static void make_made(struct buf *out)
{
    struct moved_made m = {any_rc(), any_digest(), any_u64(), any_bool()};
    put_moved_made(out, &m);
}

static void make_bytes(struct buf *out)
{
    struct moved_bytes m = {any_rc(), any_bytes(MOVE_BYTES_MAX)};
    put_moved_bytes(out, &m);
}

static void make_checked(struct buf *out)
{
    struct moved_checked m = {any_rc(), any_u64(), any_u64(), any_below(3)};
    put_moved_checked(out, &m);
}

static void make_left(struct buf *out)
{
    const uint64_t size = any_u64();
    struct moved_left m = {any_digest(), size, size / 2, any_below(MOVE_LEFT_MAX_S + 1)};
    put_moved_left(out, &m);
}

static void make_keyed(struct buf *out)
{
    struct moved_keyed m = {any_rc(), any_u64(), any_bool()};
    put_moved_keyed(out, &m);
}

/* An answer is an error or none, never a count. */
static int done_again(struct bytes in, struct buf *out)
{
    int code, rc = read_moved_done(in, &code);
    CHECK(code <= 0 && code >= -(int)MOVE_CODE_MAX);
    put_moved_done(out, code);
    return rc < 0 ? rc : buf_result(out);
}

static void make_done(struct buf *out)
{
    put_moved_done(out, any_rc());
}

FUZZ_AGAIN(found, moved_found, read_moved_found, put_moved_found)
FUZZ_AGAIN(made, moved_made, read_moved_made, put_moved_made)
FUZZ_AGAIN(bytes, moved_bytes, read_moved_bytes, put_moved_bytes)
FUZZ_AGAIN(left, moved_left, read_moved_left, put_moved_left)
FUZZ_AGAIN(keyed, moved_keyed, read_moved_keyed, put_moved_keyed)
FUZZ_AGAIN(checked, moved_checked, read_moved_checked, put_moved_checked)

TEST(damaged_answers_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"FOUND", found_again, make_found, true, 2000},
        {"MADE", made_again, make_made, true, 10000},
        {"BYTES", bytes_again, make_bytes, true, 2000},
        {"CHECKED", checked_again, make_checked, true, 5000},
        {"LEFT", left_again, make_left, true, 5000},
        {"KEYED", keyed_again, make_keyed, true, 5000},
        {"DONE", done_again, make_done, true, 5000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

/* --- requests of users --- */

static void any_ref(char ref[OBJECT_REF_SIZE])
{
    size_t n = OBJECT_REF_DIGITS_MIN + any_below(OBJECT_REF_SIZE - OBJECT_REF_DIGITS_MIN);
    for (size_t i = 0; i < n; i++)
        ref[i] = "0123456789abcdef"[any_below(16)];
    ref[n] = '\0';
}

static void make_view(struct buf *out)
{
    struct job_id job = any_job();
    struct object_view v = {any_digest(), any_u64(), any_u64(), (uint8_t)any_below(32),
                            any_u32(),    any_u32(), any_u64(), any_u32(),
                            {{0}}};

    v.job = job;
    put_object_view(out, &v);
}

static void make_put(struct buf *out)
{
    struct request_put m = {.size = any_u64(), .copies = (uint8_t)any_below(9)};
    if (any_below(2) > 0)
        m.key.bytes[any_below(ID_SIZE)] = 1;
    put_request_put(out, &m);
}

static void make_get(struct buf *out)
{
    struct request_get m = {.offset = any_u64(), .as_is = any_bool()};
    any_ref(m.ref);
    put_request_get(out, &m);
}

static void make_objects(struct buf *out)
{
    struct request_objects m = {.all = any_bool(), .after = any_digest()};
    if (any_bool())
        any_ref(m.ref);
    put_request_objects(out, &m);
}

static void check_ref(const char *ref)
{
    size_t n = strlen(ref);
    CHECK(n >= OBJECT_REF_DIGITS_MIN && n < OBJECT_REF_SIZE);
    CHECK(strspn(ref, "0123456789abcdefABCDEF") == n);
}

static int rm_again(struct bytes in, struct buf *out)
{
    struct request_rm m;
    int rc;
    memset(&m, fuzz.fill, sizeof m);
    rc = read_request_rm(in, &m);
    if (rc < 0)
        return rc;
    check_ref(m.ref);
    CHECK((m.how == RM_SIGNED) == (m.removal.len > 0));
    put_request_rm(out, &m);
    return buf_result(out);
}

static void make_rm(struct buf *out)
{
    struct request_rm m = {.how = (enum rm_how)any_below(3)};
    any_ref(m.ref);
    do
        m.removal = any_bytes(300);
    while (m.removal.len == 0);
    put_request_rm(out, &m);
}

/* A body; the signature around it is core/wire/signed.h's. */
static int removal_again(struct bytes in, struct buf *out)
{
    struct removal m;
    int rc;
    memset(&m, fuzz.fill, sizeof m);
    rc = read_removal_body(in, &m);
    if (rc < 0)
        return rc;
    CHECK(m.generation > 0 && m.at_s >= 0);
    CHECK(m.owner_count > 0 && m.owner_count <= REMOVAL_OWNERS_MAX);
    put_removal_body(out, &m);
    return buf_result(out);
}

static void make_removal(struct buf *out)
{
    struct removal m = {.name = any_digest(),
                        .generation = 1 + any_below(1000),
                        .at_s = (int64_t)any_below(1u << 31),
                        .owner_count = 1 + (uint32_t)any_below(REMOVAL_OWNERS_MAX)};
    for (uint32_t i = 0; i < m.owner_count; i++)
        m.owners[i] = any_job();
    put_removal_body(out, &m);
}

static int credit_again(struct bytes in, struct buf *out)
{
    uint32_t bytes;
    int rc = read_object_credit(in, &bytes);
    if (rc < 0)
        return rc;
    CHECK(bytes <= OBJECT_CREDIT_MAX);
    put_object_credit(out, bytes);
    return buf_result(out);
}

static void make_credit(struct buf *out)
{
    put_object_credit(out, (uint32_t)any_below(OBJECT_CREDIT_MAX + 1));
}

/* --- between nodes --- */

static int keep_again(struct bytes in, struct buf *out)
{
    struct reader r = reader_of(in);
    struct object_keep m = read_object_keep(&r);

    if (!reader_done(&r))
        return ERR_FORMAT;
    CHECK(m.generation > 0);
    put_object_keep(out, &m);
    return buf_result(out);
}

static void make_keep(struct buf *out)
{
    struct object_keep m = {.name = any_digest(),
                            .owner = any_job(),
                            .size = any_below(OBJECT_SIZE_MAX),
                            .generation = 1 + any_below(1000),
                            .kept = any_bool()};

    m.passing = m.kept && any_bool();
    if (m.kept && !m.passing && any_bool()) {
        m.owner = (struct job_id){{0}}; /* a user's */
        m.by = any_node();
    }
    if (!m.kept && any_bool())
        m.removal = any_bytes(300);
    put_object_keep(out, &m);
}

static int have_again(struct bytes in, struct buf *out)
{
    struct reader r = reader_of(in);
    struct object_have m = read_object_have(&r);

    if (!reader_done(&r))
        return ERR_FORMAT;
    CHECK(m.whole + m.never + m.part + m.loose + m.over <= 1);
    put_object_have(out, &m);
    return buf_result(out);
}

static void make_have(struct buf *out)
{
    struct object_have m = {.name = any_digest(),
                            .owner = any_job(),
                            .size = any_below(OBJECT_SIZE_MAX),
                            .over = any_bool()};
    m.whole = !m.over && any_bool();
    put_object_have(out, &m);
}

static int seek_again(struct bytes in, struct buf *out)
{
    struct job_id owner;
    struct reader names;
    uint16_t count;

    if (read_object_seek(in, &owner, &count, &names) < 0)
        return ERR_FORMAT;
    CHECK(count > 0 && count <= OBJECT_BATCH);
    put_object_seek_begin(out, owner);
    for (uint16_t i = 0; i < count; i++)
        put_digest(out, read_digest(&names));
    CHECK(reader_done(&names));
    return buf_result(out);
}

static void make_seek(struct buf *out)
{
    put_object_seek_begin(out, any_job());
    for (uint32_t i = 0; i <= any_below(20); i++)
        put_digest(out, any_digest());
}

static void make_owner(struct buf *out)
{
    struct object_owner m = {any_job(), (enum owner_word)any_below(OWNER_DONE + 1)};
    put_object_owner(out, &m);
}

FUZZ_AGAIN(owner, object_owner, read_object_owner, put_object_owner)

static int full_again(struct bytes in, struct buf *out)
{
    uint64_t size;

    if (read_object_full(in, &size) < 0)
        return ERR_FORMAT;
    CHECK(size <= OBJECT_SIZE_MAX);
    put_object_full(out, size);
    return buf_result(out);
}

static void make_full(struct buf *out)
{
    put_object_full(out, any_below(100000));
}

TEST(damaged_words_between_nodes_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"KEEP", keep_again, make_keep, true, 10000},
        {"HAVE", have_again, make_have, true, 10000},
        {"SEEK", seek_again, make_seek, true, 5000},
        {"OWNER", owner_again, make_owner, true, 5000},
        {"FULL", full_again, make_full, true, 1000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

/* --- requests, and what answers them --- */

FUZZ_AGAIN(view, object_view, read_object_view, put_object_view)
FUZZ_AGAIN(put, request_put, read_request_put, put_request_put)
FUZZ_AGAIN(get, request_get, read_request_get, put_request_get)
FUZZ_AGAIN(objects, request_objects, read_request_objects, put_request_objects)

TEST(damaged_requests_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"OBJECT", view_again, make_view, true, 10000},
        {"PUT", put_again, make_put, true, 5000},
        {"GET", get_again, make_get, true, 10000},
        {"OBJECTS", objects_again, make_objects, true, 10000},
        {"RM", rm_again, make_rm, true, 10000},
        {"a removal", removal_again, make_removal, true, 5000},
        {"CREDIT and MORE", credit_again, make_credit, true, 5000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_orders_are_refused_or_mean_one_thing,
          damaged_answers_are_refused_or_mean_one_thing,
          damaged_words_between_nodes_are_refused_or_mean_one_thing,
          damaged_requests_are_refused_or_mean_one_thing)
