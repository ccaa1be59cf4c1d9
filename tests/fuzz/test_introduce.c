/* Who asks for certificates of nodes, and the answers, damaged. */
#include "core/wire/introduce.h"
#include "tests/fuzz/fuzz.h"

static void make_introduce(struct buf *out)
{
    struct introduce m = {.count = (uint32_t)any_below(INTRODUCE_MAX + 1)};
    for (uint32_t i = 0; i < m.count; i++)
        m.ids[i] = any_node();
    put_introduce(out, &m);
}

static void make_introduced(struct buf *out)
{
    static uint8_t room[INTRODUCE_MAX][64];
    struct introduced m = {.count = (uint32_t)any_below(INTRODUCE_MAX + 1)};
    for (uint32_t i = 0; i < m.count; i++) {
        const size_t len = 1 + (size_t)any_below(sizeof room[i]);
        for (size_t k = 0; k < len; k++)
            room[i][k] = (uint8_t)any_u32();
        m.list[i].id = any_node();
        m.list[i].certificate = (struct bytes){room[i], len};
    }
    put_introduced(out, &m);
}

FUZZ_AGAIN(introduce, introduce, read_introduce, put_introduce)
FUZZ_AGAIN(introduced, introduced, read_introduced, put_introduced)

TEST(damaged_words_about_who_is_who_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"INTRODUCE", introduce_again, make_introduce, true, 5000},
        {"INTRODUCED", introduced_again, make_introduced, true, 5000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_words_about_who_is_who_are_refused_or_mean_one_thing)
