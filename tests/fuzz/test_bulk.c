/* Bytes of objects on their way between nodes, what a command hears of those it need not send, and
 * what a leaf yielded, damaged. */
#include "core/node/object_peer.h"
#include "core/object/name.h"
#include "core/wire/move.h"
#include "core/wire/object_request.h"
#include "core/wire/output.h"
#include "tests/fuzz/fuzz.h"

static struct bulk_part any_part(void)
{
    return (struct bulk_part){.name = any_digest(),
                              .what = any_bool() ? BULK_LIST : BULK_DATA,
                              .offset = any_u64() % (OBJECT_SIZE_MAX + 1),
                              .length = 1 + (uint32_t)any_below(PIECE_SIZE)};
}

static void make_want(struct buf *out)
{
    const struct bulk_part m = any_part();
    put_bulk_want(out, &m);
}

static void make_bytes(struct buf *out)
{
    struct bulk_part m = any_part();
    m.bytes = any_bytes(MOVE_BYTES_MAX);
    if (m.bytes.len == 0)
        m.bytes = bytes_of_text("x");
    put_bulk_bytes(out, &m);
}

static void make_refuse(struct buf *out)
{
    const struct bulk_part m = any_part();
    put_bulk_refuse(out, &m);
}

FUZZ_AGAIN(want, bulk_part, read_bulk_want, put_bulk_want)
FUZZ_AGAIN(bytes, bulk_part, read_bulk_bytes, put_bulk_bytes)
FUZZ_AGAIN(refuse, bulk_part, read_bulk_refuse, put_bulk_refuse)

static void make_there(struct buf *out)
{
    const uint32_t bytes = (uint32_t)any_below(OBJECT_CREDIT_MAX + 1);
    if (any_bool())
        put_object_credit(out, bytes);
    else
        put_object_there(out, bytes, 1 + any_u64() / 2);
}

static int there_again(struct bytes in, struct buf *out)
{
    uint32_t bytes;
    uint64_t there;
    if (read_object_there(in, &bytes, &there) < 0)
        return ERR_FORMAT;
    CHECK(bytes <= OBJECT_CREDIT_MAX);
    if (there > 0)
        put_object_there(out, bytes, there);
    else
        put_object_credit(out, bytes);
    return buf_result(out);
}

static void make_output(struct buf *out)
{
    struct output o = {.kind = OUTPUT_BYTES, .bytes = any_bytes(OUTPUT_INLINE_MAX)};
    o.size = o.bytes.len;
    if (any_bool())
        o = (struct output){.kind = OUTPUT_OBJECT,
                            .size = OUTPUT_INLINE_MAX + 1 + any_below(1u << 20),
                            .name = any_digest()};
    put_output(out, &o);
}

static int output_again(struct bytes in, struct buf *out)
{
    struct output o;
    const int rc = read_output(in, &o);
    CHECK_INT(read_output(in, NULL), rc);
    if (rc < 0)
        return rc;
    CHECK(o.size <= OUTPUT_SIZE_MAX && (o.kind == OUTPUT_OBJECT) == (o.size > OUTPUT_INLINE_MAX));
    put_output(out, &o);
    return buf_result(out);
}

TEST(damaged_bytes_of_objects_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"BULK_WANT", want_again, make_want, true, 5000},
        {"BULK_BYTES", bytes_again, make_bytes, true, 5000},
        {"BULK_REFUSE", refuse_again, make_refuse, true, 5000},
        {"CREDIT for what is there", there_again, make_there, true, 5000},
        {"an output", output_again, make_output, true, 5000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_bytes_of_objects_are_refused_or_mean_one_thing)
