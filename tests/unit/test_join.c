#include "core/wire/join.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/prng.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

static struct join_string sample(void)
{
    struct join_string s = {.roles = JOIN_NODE, .addrs_count = 1, .addrs = {"10.1.2.3:8001"}};
    for (size_t i = 0; i < sizeof s.root; i++) {
        s.root[i] = (uint8_t)(255 - 7 * i);
        s.secret[i] = (uint8_t)(31 * i + 3);
    }
    memcpy(s.id, "\xff\x00\x80\x01\x7f", JOIN_ID_SIZE);
    return s;
}

static int parse(const char *text)
{
    struct join_string s;
    int rc = join_string_parse(&s, text);
    struct join_string none;
    memset(&none, 0, sizeof none);
    if (rc < 0)
        CHECK(memcmp(&s, &none, sizeof s) == 0);
    return rc;
}

TEST(a_join_string_comes_back_as_it_was_written)
{
    struct join_string s = sample(), back;
    char text[JOIN_TEXT_SIZE], again[JOIN_TEXT_SIZE];
    struct prng r;
    prng_init(&r, 11);
    for (int round = 0; round < 300; round++) {
        for (size_t i = 0; i < sizeof s.root; i++) {
            s.root[i] = (uint8_t)prng_u64(&r);
            s.secret[i] = (uint8_t)prng_u64(&r);
        }
        for (size_t i = 0; i < sizeof s.id; i++)
            s.id[i] = (uint8_t)prng_u64(&r);
        s.roles = (uint8_t)(1 + round % JOIN_ROLES_ALL);
        s.addrs_count = (uint8_t)(round % (JOIN_ADDRS_MAX + 1));
        for (unsigned i = 0; i < s.addrs_count; i++)
            snprintf(s.addrs[i], sizeof s.addrs[i], "[fe80::%x]:%d", i, 8001 + round);
        join_string_text(&s, text);
        REQUIRE(join_string_parse(&back, text) == 0);
        join_string_text(&back, again);
        CHECK_STR(text, again);
        CHECK(memcmp(s.root, back.root, sizeof s.root) == 0);
        CHECK(memcmp(s.secret, back.secret, sizeof s.secret) == 0);
        CHECK(memcmp(s.id, back.id, sizeof s.id) == 0);
        CHECK_INT(back.roles, s.roles);
    }
}

TEST(small_letters_are_as_good)
{
    struct join_string s = sample(), back;
    char text[JOIN_TEXT_SIZE];
    join_string_text(&s, text);
    for (char *at = text; *at; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    REQUIRE(join_string_parse(&back, text) == 0);
    CHECK(memcmp(s.secret, back.secret, sizeof s.secret) == 0);
}

/* Every letter of what is under the sum, replaced by every other that may stand there. */
TEST(each_mistyped_letter_is_noticed)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567-1890";
    struct join_string s = sample();
    char text[JOIN_TEXT_SIZE];
    join_string_text(&s, text);
    size_t len = strcspn(text, "@"), passed = 0;
    for (size_t i = 0; i < len; i++) {
        char was = text[i];
        for (const char *to = letters; *to; to++) {
            text[i] = *to;
            passed += *to != was && parse(text) == 0;
        }
        text[i] = was;
    }
    CHECK_INT(passed, 0);
    CHECK_INT(parse(text), 0);
}

TEST(two_letters_that_changed_places_are_noticed)
{
    struct join_string s = sample();
    char text[JOIN_TEXT_SIZE];
    join_string_text(&s, text);
    for (size_t i = 0; i + 1 < strcspn(text, "@"); i++) {
        char first = text[i];
        if (first == text[i + 1])
            continue;
        text[i] = text[i + 1];
        text[i + 1] = first;
        CHECK(parse(text) < 0);
        text[i + 1] = text[i];
        text[i] = first;
    }
}

TEST(a_string_that_was_cut_says_so)
{
    struct join_string s = sample();
    char text[JOIN_TEXT_SIZE];
    s.addrs_count = 0;
    join_string_text(&s, text);
    for (size_t len = strlen(text); len > 0; len--) {
        text[len - 1] = '\0';
        CHECK_INT(parse(text), ERR_FORMAT);
    }
}

static void write_tail(char *to, const char *tail)
{
    memcpy(to, tail, strlen(tail) + 1);
}

TEST(what_else_is_no_join_string)
{
    struct join_string s = sample();
    char text[JOIN_TEXT_SIZE];
    join_string_text(&s, text);
    text[3] = '2';
    CHECK_INT(parse(text), ERR_VERSION);
    CHECK_INT(parse("hello"), ERR_FORMAT);
    join_string_text(&s, text);
    *strchr(text, '@') = '\0';
    char *end = text + strlen(text);
    static const char *const bad[] = {"@", "@host", "@host:", "@:8001", "@host:1,", "@a b:1", "x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_tail(end, bad[i]);
        CHECK_INT(parse(text), ERR_FORMAT);
    }
    write_tail(end, "@a:1,b:1,c:1,d:1");
    CHECK_INT(parse(text), 0);
    write_tail(end, "@a:1,b:1,c:1,d:1,e:1");
    CHECK_INT(parse(text), ERR_TOO_LARGE);
    memset(end, 'h', JOIN_ADDR_SIZE + 2);
    end[0] = '@';
    write_tail(end + JOIN_ADDR_SIZE, ":1");
    CHECK_INT(parse(text), ERR_TOO_LARGE);
}

TEST(roles_have_words)
{
    uint8_t roles = 77;
    char text[40];
    CHECK_INT(join_roles_parse(&roles, "native,node"), 0);
    CHECK_INT(roles, JOIN_NODE | JOIN_NATIVE);
    join_roles_text(roles, text);
    CHECK_STR(text, "node,native");
    join_roles_text(JOIN_ROLES_ALL, text);
    CHECK_STR(text, "node,submit,native,read");
    static const char *const bad[] = {"", "admin", "issuer", "node,", "node,node", ",node", "nod"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_INT(join_roles_parse(&roles, bad[i]), ERR_ARGUMENT);
}

TEST(an_id_has_one_spelling)
{
    uint8_t id[JOIN_ID_SIZE], back[JOIN_ID_SIZE];
    char text[JOIN_ID_TEXT_SIZE];
    memcpy(id, "\x01\x02\x03\x04\xfe", sizeof id);
    join_id_text(id, text);
    CHECK_INT(join_id_parse(back, text), 0);
    CHECK(memcmp(id, back, sizeof id) == 0);
    CHECK_INT(join_id_parse(back, "AAAAAAA"), ERR_FORMAT);
    CHECK_INT(join_id_parse(back, "AAAAAAAAA"), ERR_FORMAT);
    CHECK_INT(join_id_parse(back, "AAAAAAA1"), ERR_FORMAT);
}

/* --- messages --- */

static struct bytes of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

TEST(a_request_is_read_in_two_steps)
{
    struct heap heap;
    struct buf about, b;
    struct join_key node = {of("node key"), of("sig n")}, user = {of("user key"), of("sig u")};
    struct join_request r = {.id = {1, 2, 3, 4, 5}, .proof = {9, 8, 7}}, back;
    heap_init(&heap);
    buf_init(&about, &heap.alloc, JOIN_REQUEST_MAX);
    buf_init(&b, &heap.alloc, JOIN_REQUEST_MAX);
    put_join_about(&about, &node, &user);
    r.about = buf_bytes(&about);
    put_join_request(&b, &r);
    REQUIRE(join_request_decode(buf_bytes(&b), &back) == 0);
    CHECK(memcmp(back.id, r.id, sizeof r.id) == 0);
    CHECK(memcmp(back.proof, r.proof, sizeof r.proof) == 0);
    CHECK(bytes_equal(back.about, r.about));
    REQUIRE(join_read_about(&back) == 0);
    CHECK(bytes_equal(back.node.spki, node.spki) && bytes_equal(back.user.spki, user.spki));
    CHECK(bytes_equal(back.node.signature, node.signature));
    for (size_t len = 0; len < b.len; len++) {
        int rc = join_request_decode((struct bytes){b.data, len}, &back);
        CHECK(rc < 0 || join_read_about(&back) < 0);
    }
    buf_clear(&about);
    buf_clear(&b);
    CHECK(heap_is_empty(&heap));
}

TEST(whoever_will_be_no_node_sends_one_key)
{
    uint8_t room[256];
    struct buf about;
    struct join_key none = {{NULL, 0}, {NULL, 0}}, user = {of("user key"), of("sig u")};
    struct join_request r = {.about = {NULL, 0}};
    buf_init_fixed(&about, room, sizeof room);
    put_join_about(&about, &none, &user);
    r.about = buf_bytes(&about);
    CHECK_INT(join_read_about(&r), 0);
    CHECK_INT(r.node.spki.len, 0);
    buf_reset(&about);
    put_join_about(&about, &user, &none);
    r.about = buf_bytes(&about);
    CHECK_INT(join_read_about(&r), ERR_FORMAT);
}

TEST(an_answer_comes_through)
{
    uint8_t room[4096];
    struct buf b;
    struct join_answer a = {.root = of("root"),
                            .issuer = of("issuer"),
                            .user = of("user"),
                            .addrs_count = 2,
                            .addrs = {"a:1", "b:2"}},
                       back;
    buf_init_fixed(&b, room, sizeof room);
    put_join_answer(&b, &a);
    REQUIRE(join_answer_decode(buf_bytes(&b), &back) == 0);
    CHECK(bytes_equal(back.root, a.root) && back.node.len == 0);
    CHECK_STR(back.addrs[1], "b:2");
    for (size_t len = 0; len < b.len; len++)
        CHECK(join_answer_decode((struct bytes){b.data, len}, &back) < 0);
    b.data[b.len - 1] = '\n';
    CHECK(join_answer_decode(buf_bytes(&b), &back) < 0);
}

TEST(the_two_keys_are_signed_as_a_pair)
{
    struct digest a = join_keys_digest(of("ab"), of("c")), b = join_keys_digest(of("a"), of("bc"));
    CHECK(!digest_equal(a, b));
}

TEST_MAIN(a_join_string_comes_back_as_it_was_written, small_letters_are_as_good,
          each_mistyped_letter_is_noticed, two_letters_that_changed_places_are_noticed,
          a_string_that_was_cut_says_so, what_else_is_no_join_string, roles_have_words,
          an_id_has_one_spelling, a_request_is_read_in_two_steps,
          whoever_will_be_no_node_sends_one_key, an_answer_comes_through,
          the_two_keys_are_signed_as_a_pair)
