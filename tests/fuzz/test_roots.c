/* What is said of a mesh's roots, damaged. */
#include "core/wire/field.h"
#include "core/wire/join.h"
#include "core/wire/roots.h"
#include "tests/fuzz/fuzz.h"

static void make_told(struct buf *out)
{
    const struct roots_told m = {.version = any_u32(), .roots = any_bytes(ROOTS_SIZE_MAX)};
    put_roots_told(out, &m);
}

static int request_again(struct bytes in, struct buf *out)
{
    struct bytes roots;
    int rc = read_roots_request(in, &roots);
    if (rc == 0)
        put_block(out, roots);
    return rc;
}

static void make_request(struct buf *out)
{
    put_block(out, any_bytes(ROOTS_SIZE_MAX));
}

static void make_reply(struct buf *out)
{
    put_roots_reply(out, &(struct roots_reply){any_u32(), (uint8_t)any_u64()});
}

/* No certificate is empty. */
static struct bytes any_certificate(void)
{
    struct bytes some = any_bytes(1000);
    return some.len > 0 ? some : bytes_of_text("x");
}

static void make_renewed(struct buf *out)
{
    struct join_renewed m = {any_certificate(), any_certificate(), {NULL, 0}};
    if (any_bool())
        m.roots = any_bytes(ROOTS_SIZE_MAX);
    put_join_renewed(out, &m);
}

FUZZ_AGAIN(told, roots_told, read_roots_told, put_roots_told)
FUZZ_AGAIN(reply, roots_reply, read_roots_reply, put_roots_reply)
FUZZ_AGAIN(renewed, join_renewed, join_renewed_decode, put_join_renewed)

TEST(damaged_words_about_roots_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"ROOTS", told_again, make_told, true, 5000},
        {"ROOTS asked", request_again, make_request, true, 5000},
        {"ROOTS answered", reply_again, make_reply, true, 5000},
        {"RENEWED", renewed_again, make_renewed, false, 5000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_words_about_roots_are_refused_or_mean_one_thing)
