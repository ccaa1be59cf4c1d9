#include "core/wire/act.h"

#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/act_talk.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

static struct act sample(enum act_kind kind)
{
    struct act a = {.kind = kind, .at_s = 1800000000, .reason = "the disk was sold"};
    memset(a.subject.bytes, 0x42, sizeof a.subject.bytes);
    memset(a.nonce, 0x17, sizeof a.nonce);
    return a;
}

static struct buf body_of(const struct act *a)
{
    struct buf b;
    buf_init(&b, &heap_plain, ACT_SIZE_MAX);
    put_act_body(&b, a);
    REQUIRE(!b.failed);
    return b;
}

TEST(an_act_comes_back_as_it_was_written)
{
    for (unsigned kind = ACT_REVOKE; kind <= ACT_LEAVE; kind++) {
        struct act a = sample((enum act_kind)kind), back;
        struct signed_bytes s = {.certificate = {(const uint8_t *)"cert", 4}}, got;
        struct buf body = body_of(&a), whole;
        s.body = buf_bytes(&body);
        buf_init(&whole, &heap_plain, ACT_SIZE_MAX);
        put_signed(&whole, &s);
        REQUIRE(read_act(buf_bytes(&whole), &got, &back) == 0);
        CHECK_INT(back.kind, kind);
        CHECK(node_id_equal(back.subject, a.subject));
        CHECK(back.at_s == a.at_s);
        CHECK(memcmp(back.nonce, a.nonce, sizeof a.nonce) == 0);
        CHECK_STR(back.reason, a.reason);
        CHECK(bytes_equal(got.body, s.body));
        for (size_t n = 0; n < whole.len; n++)
            CHECK_INT(read_act((struct bytes){whole.data, n}, &got, &back), ERR_FORMAT);
        buf_clear(&whole);
        buf_clear(&body);
    }
}

TEST(what_is_no_act_is_refused)
{
    struct act a = sample(ACT_DRAIN), back;
    struct buf body = body_of(&a), whole;

    body.data[0] = ACT_LEAVE + 1;
    CHECK_INT(read_act_body(buf_bytes(&body), &back), ERR_VERSION);
    body.data[0] = 0;
    CHECK_INT(read_act_body(buf_bytes(&body), &back), ERR_VERSION);
    body.data[0] = ACT_DRAIN;
    memset(body.data + 1, 0, ID_SIZE);
    CHECK_INT(read_act_body(buf_bytes(&body), &back), ERR_FORMAT);
    buf_clear(&body);

    a.at_s = -1;
    body = body_of(&a);
    CHECK_INT(read_act_body(buf_bytes(&body), &back), ERR_FORMAT);
    buf_clear(&body);

    a.at_s = 0;
    body = body_of(&a);
    CHECK_INT(read_act_body(buf_bytes(&body), &back), 0);
    struct signed_bytes s = {.body = buf_bytes(&body), .path_count = 1}, got;
    buf_init(&whole, &heap_plain, ACT_SIZE_MAX + 1);
    put_signed(&whole, &s);
    CHECK_INT(read_act(buf_bytes(&whole), &got, &back), ERR_FORMAT);
    buf_clear(&whole);
    buf_clear(&body);
}

TEST(a_reason_is_one_safe_line)
{
    struct act a = sample(ACT_REVOKE), back;

    snprintf(a.reason, sizeof a.reason, "gone\n\x1b[2Jreally");
    struct buf body = body_of(&a);
    REQUIRE(read_act_body(buf_bytes(&body), &back) == 0);
    CHECK_STR(back.reason, "gone\\u{a}\\u{1b}[2Jreally");
    buf_clear(&body);
}

TEST(the_later_one_counts_and_of_equals_the_greater_name)
{
    struct act a = sample(ACT_DRAIN), b = sample(ACT_RESUME);
    struct digest small = {{1}}, great = {{2}};

    CHECK(!act_is_later(&a, small, &b, great));
    CHECK(act_is_later(&a, great, &b, small));
    a.at_s++;
    CHECK(act_is_later(&a, small, &b, great));
    CHECK(!act_is_later(&b, great, &a, small));
    CHECK(!act_is_later(&a, small, &a, small));
    CHECK_STR(act_kind_name(ACT_REVOKE), "revoke");
    CHECK_STR(act_kind_name(9), "unknown");
}

/* As a node makes it of so many names. */
static struct reply_act reply_of(uint32_t names)
{
    struct reply_act m = {.known = 1, .live = names + 1};
    char name[NODE_NAME_SIZE];
    for (uint32_t i = 0; i < names; i++) {
        snprintf(name, sizeof name, "%snode-%04u", i > 0 ? ", " : "", (unsigned)i);
        text_append(m.away, sizeof m.away, name);
    }
    return m;
}

TEST(a_node_behind_the_end_of_a_list_that_was_cut_may_not_know_it)
{
    struct reply_act m = reply_of(0);
    CHECK_INT(reply_act_told(&m, "node-0000"), ACT_TOLD);
    m = reply_of(3);
    CHECK_INT(reply_act_told(&m, "node-0000"), ACT_NOT_TOLD);
    CHECK_INT(reply_act_told(&m, "node-0002"), ACT_NOT_TOLD);
    CHECK_INT(reply_act_told(&m, "node-000"), ACT_TOLD);
    CHECK_INT(reply_act_told(&m, "node-00022"), ACT_TOLD);
    CHECK_INT(reply_act_told(&m, "ode-0001"), ACT_TOLD);
    m = reply_of(200);
    REQUIRE(strlen(m.away) == sizeof m.away - 1);
    CHECK_INT(reply_act_told(&m, "node-0000"), ACT_NOT_TOLD);
    CHECK_INT(reply_act_told(&m, "node-0199"), ACT_TOLD_PERHAPS);
    CHECK_INT(reply_act_told(&m, strrchr(m.away, ' ') + 1), ACT_TOLD_PERHAPS);
    m.known = m.live;
    CHECK_INT(reply_act_told(&m, "node-0199"), ACT_TOLD);
}

TEST_MAIN(an_act_comes_back_as_it_was_written, what_is_no_act_is_refused, a_reason_is_one_safe_line,
          the_later_one_counts_and_of_equals_the_greater_name,
          a_node_behind_the_end_of_a_list_that_was_cut_may_not_know_it)
