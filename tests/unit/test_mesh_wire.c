#include "core/mesh/mesh_wire.h"

#include "core/base/err.h"
#include "core/wire/frame.h"
#include "tests/lib/check.h"

static struct member_info somebody(uint8_t seed)
{
    struct member_info m = {.boot = 0x1122334455667788u + seed,
                            .incarnation = 7u + seed,
                            .slots = 8,
                            .busy = 3,
                            .memory_bytes = 1ull << 34,
                            .speed_units_s = 123456789,
                            .recovering = seed & 1};
    memset(m.id.bytes, seed, sizeof m.id.bytes);
    memset(m.machine.bytes, seed + 1, sizeof m.machine.bytes);
    memset(m.journal_id, seed + 2, sizeof m.journal_id);
    snprintf(m.name, sizeof m.name, "node-%u", seed);
    snprintf(m.addr, sizeof m.addr, "host%u.example:8001", seed);
    snprintf(m.arch, sizeof m.arch, "aarch64");
    snprintf(m.version, sizeof m.version, "0.1.0");
    if (seed % 2)
        snprintf(m.labels, sizeof m.labels, "gpu=%u disk=ssd", seed);
    if (seed % 3 > 0) {
        m.tier = TIER_S1 + seed % 3 - 1;
        m.tier_lacks = LACKS_CGROUP | LACKS_LANDLOCK;
    }
    return m;
}

static void check_member(const struct member_info *a, const struct member_info *b)
{
    CHECK_MEM(&a->id, &b->id, sizeof a->id);
    CHECK(a->boot == b->boot && a->incarnation == b->incarnation);
    CHECK_STR(a->name, b->name);
    CHECK_STR(a->addr, b->addr);
    CHECK_MEM(&a->machine, &b->machine, sizeof a->machine);
    CHECK_STR(a->arch, b->arch);
    CHECK_STR(a->version, b->version);
    CHECK_STR(a->labels, b->labels);
    CHECK(a->slots == b->slots && a->busy == b->busy);
    CHECK(a->memory_bytes == b->memory_bytes && a->speed_units_s == b->speed_units_s);
    CHECK_MEM(a->journal_id, b->journal_id, sizeof a->journal_id);
    CHECK_INT(a->recovering, b->recovering);
    CHECK(a->tier == b->tier && a->tier_lacks == b->tier_lacks);
}

static uint8_t raw[FRAME_PAYLOAD_MAX];

static struct bytes hello_bytes(const struct hello *h, uint32_t rumors)
{
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    put_hello(&b, h);
    size_t start = rumor_list_begin(&b);
    for (uint32_t i = 0; i < rumors; i++) {
        struct rumor r = {.state = i % 2 ? NODE_SUSPECT : NODE_ALIVE,
                          .info = somebody((uint8_t)(i + 1)),
                          .accusers_count = i % 2 ? 2 : 0};
        r.accusers[0].bytes[0] = 5;
        r.accusers[1].bytes[31] = 6;
        put_rumor(&b, &r);
    }
    rumor_list_end(&b, start, rumors);
    CHECK_INT(buf_result(&b), 0);
    return buf_bytes(&b);
}

static const struct hello greeting = {
    .version_min = 1, .version_max = 2, .features = 3, .greeting = 4, .alone = true};

TEST(hello_comes_back_whole)
{
    struct hello h = greeting, got;
    h.self = somebody(9);
    struct rumor_list list;
    REQUIRE(read_hello(hello_bytes(&h, 3), &got, &list) == 0);
    CHECK(got.version_min == 1 && got.version_max == 2 && got.features == 3);
    CHECK(got.greeting == 4 && got.alone);
    check_member(&got.self, &h.self);
    struct rumor r;
    for (uint32_t i = 0; i < 3; i++) {
        REQUIRE(rumor_list_next(&list, &r));
        struct member_info want = somebody((uint8_t)(i + 1));
        check_member(&r.info, &want);
        CHECK_INT(r.state, i % 2 ? NODE_SUSPECT : NODE_ALIVE);
        CHECK_INT(r.accusers_count, i % 2 ? 2 : 0);
    }
    CHECK(!rumor_list_next(&list, &r));
}

/* Generations without tiers refuse other flags than theirs, and the link with them (G12). */
TEST(what_says_a_tier_is_read_by_those_who_know_none)
{
    struct rumor r = {.state = NODE_ALIVE, .info = somebody(4)}, got;
    struct rumor_list list;
    struct buf b;
    REQUIRE(r.info.tier != TIER_UNKNOWN && r.info.labels[0] == 0);
    for (unsigned recovering = 0; recovering < 2; recovering++) {
        r.info.recovering = recovering != 0;
        buf_init_fixed(&b, raw, sizeof raw);
        size_t start = rumor_list_begin(&b);
        put_rumor(&b, &r);
        rumor_list_end(&b, start, 1);
        /* Behind the flags there is only the count of accusers. */
        CHECK_INT(raw[b.len - 2], recovering);
        REQUIRE(read_rumors(buf_bytes(&b), &list) == 0 && rumor_list_next(&list, &got));
        check_member(&got.info, &r.info);
    }
}

TEST(a_version_that_only_looks_like_one_with_a_tier_stays_as_it_is)
{
    static const char *const versions[] = {
        "0.1.0+S4.1",  "0.1.0+S2.256", "0.1.0+S2.01", "0.1.0+S2.1 ",  "0.1.0+S2", "0.1.0+S2.",
        "0.1.0+S-1.2", "0.1.0+Z2.1",   "0.1.0+",      "0.1.0-S2.1+x", "S2.1"};
    struct rumor r = {.state = NODE_ALIVE, .info = somebody(3)}, got;
    struct rumor_list list;
    struct buf b;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        snprintf(r.info.version, sizeof r.info.version, "%s", versions[i]);
        buf_init_fixed(&b, raw, sizeof raw);
        size_t start = rumor_list_begin(&b);
        put_rumor(&b, &r);
        rumor_list_end(&b, start, 1);
        REQUIRE(read_rumors(buf_bytes(&b), &list) == 0 && rumor_list_next(&list, &got));
        CHECK_STR(got.info.version, versions[i]);
        CHECK_INT(got.info.tier, TIER_UNKNOWN);
    }
}

TEST(a_hello_cut_anywhere_is_refused)
{
    struct hello h = greeting, got;
    h.self = somebody(9);
    struct bytes whole = hello_bytes(&h, 2);
    struct rumor_list list;
    for (size_t len = 0; len < whole.len; len++) {
        /* A copy of the exact size lets a sanitizer see one byte too many. */
        uint8_t *cut = malloc(len + 1);
        memcpy(cut, whole.data, len);
        CHECK_INT(read_hello((struct bytes){cut, len}, &got, &list), ERR_FORMAT);
        free(cut);
    }
    raw[whole.len] = 0;
    CHECK_INT(read_hello((struct bytes){raw, whole.len + 1}, &got, &list), ERR_FORMAT);
}

TEST(a_flipped_byte_never_gets_out_of_bounds)
{
    struct hello h = greeting, got;
    h.self = somebody(9);
    struct bytes whole = hello_bytes(&h, 2);
    for (size_t at = 0; at < whole.len; at++)
        for (unsigned flip = 1; flip < 256; flip += 51) {
            struct rumor_list list;
            struct rumor r;
            raw[at] ^= (uint8_t)flip;
            if (read_hello(whole, &got, &list) == 0) {
                while (rumor_list_next(&list, &r)) {
                    CHECK(member_info_is_sound(&r.info));
                    CHECK(r.accusers_count <= MESH_ACCUSERS_MAX);
                }
                /* What was passed over as sound is decoded as sound. */
                CHECK_INT(list.left, 0);
                CHECK(!list.reader.failed);
            }
            raw[at] ^= (uint8_t)flip;
        }
}

TEST(versions_of_an_unknown_hello_can_be_named)
{
    uint8_t future[] = {9, 0, 12, 0, 0xff, 0xff, 0xff};
    uint16_t min = 0, max = 0;
    CHECK_INT(read_hello_versions((struct bytes){future, sizeof future}, &min, &max), 0);
    CHECK_INT(min, 9);
    CHECK_INT(max, 12);
    CHECK_INT(read_hello_versions((struct bytes){future, 3}, &min, &max), ERR_FORMAT);
    future[0] = 13;
    CHECK_INT(read_hello_versions((struct bytes){future, sizeof future}, &min, &max), ERR_FORMAT);
}

TEST(a_full_page_of_the_largest_rumors_fits_a_frame)
{
    struct hello h = greeting;
    h.self = somebody(1);
    memset(h.self.name, 'n', sizeof h.self.name - 1);
    memset(h.self.addr, 'a', sizeof h.self.addr - 1);
    memset(h.self.arch, 'c', sizeof h.self.arch - 1);
    memset(h.self.version, 'v', sizeof h.self.version - 1);
    h.self.tier = h.self.tier_lacks = 0; /* which that leaves no room for */
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    put_hello(&b, &h);
    size_t start = rumor_list_begin(&b);
    struct rumor r = {.state = NODE_SUSPECT, .info = h.self, .accusers_count = MESH_ACCUSERS_MAX};
    for (uint32_t i = 0; i < MESH_RUMORS_MAX; i++)
        put_rumor(&b, &r);
    rumor_list_end(&b, start, MESH_RUMORS_MAX);
    REQUIRE(buf_result(&b) == 0);
    struct hello got;
    struct rumor_list list;
    CHECK_INT(read_hello(buf_bytes(&b), &got, &list), 0);
    check_member(&got.self, &h.self);
}

TEST(a_list_longer_than_the_limit_is_refused)
{
    struct rumor_list list;
    uint8_t count[2] = {MESH_RUMORS_MAX + 1, 0};
    CHECK_INT(read_rumors((struct bytes){count, 2}, &list), ERR_FORMAT);
    uint8_t many[2] = {0xff, 0xff};
    CHECK_INT(read_rumors((struct bytes){many, 2}, &list), ERR_FORMAT);
    uint8_t none[2] = {0, 0};
    CHECK_INT(read_rumors((struct bytes){none, 2}, &list), 0);
}

static int read_one_rumor(const struct rumor *r)
{
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    size_t start = rumor_list_begin(&b);
    put_rumor(&b, r);
    rumor_list_end(&b, start, 1);
    struct rumor_list list;
    return read_rumors(buf_bytes(&b), &list);
}

TEST(what_others_may_not_say_is_refused)
{
    struct rumor r = {.state = NODE_ALIVE, .info = somebody(3)};
    CHECK_INT(read_one_rumor(&r), 0);
    r.state = NODE_AWAY;
    CHECK_INT(read_one_rumor(&r), ERR_FORMAT);
    r.state = NODE_RECOVERING;
    CHECK_INT(read_one_rumor(&r), ERR_FORMAT);
    r.state = NODE_LEFT;
    CHECK_INT(read_one_rumor(&r), 0);
    r.info.name[2] = '\x1b';
    CHECK_INT(read_one_rumor(&r), ERR_FORMAT);
    r.info = somebody(3);
    r.info.addr[0] = '\xc3';
    CHECK_INT(read_one_rumor(&r), ERR_FORMAT);
    r.info = somebody(3);
    r.info.slots = MESH_SLOTS_MAX + 1;
    CHECK_INT(read_one_rumor(&r), ERR_FORMAT);
    r.info = somebody(3);
    r.info.id = (struct node_id){0};
    CHECK_INT(read_one_rumor(&r), ERR_FORMAT);
}

TEST(small_messages_come_back_and_are_refused_when_cut)
{
    uint8_t small[64];
    struct buf b;
    buf_init_fixed(&b, small, sizeof small);
    struct ping p = {77, 0xfedcba9876543210u}, p2;
    put_ping(&b, &p);
    CHECK_INT(b.len, 12);
    CHECK_INT(read_ping(buf_bytes(&b), &p2), 0);
    CHECK(p2.number == p.number && p2.digest == p.digest);
    for (size_t len = 0; len < b.len; len++)
        CHECK_INT(read_ping((struct bytes){small, len}, &p2), ERR_FORMAT);

    buf_reset(&b);
    struct probe_ask ask = {5, somebody(4).id}, ask2;
    put_probe_ask(&b, &ask);
    CHECK_INT(read_probe_ask(buf_bytes(&b), &ask2), 0);
    CHECK(ask2.number == 5 && node_id_equal(ask.target, ask2.target));
    for (size_t len = 0; len < b.len; len++)
        CHECK_INT(read_probe_ask((struct bytes){small, len}, &ask2), ERR_FORMAT);

    buf_reset(&b);
    struct probe_answer answer = {6, true}, answer2;
    put_probe_answer(&b, &answer);
    CHECK_INT(read_probe_answer(buf_bytes(&b), &answer2), 0);
    CHECK(answer2.number == 6 && answer2.answered);
    small[4] = 2;
    CHECK_INT(read_probe_answer(buf_bytes(&b), &answer2), ERR_FORMAT);

    buf_reset(&b);
    struct goodbye g = {GOODBYE_IDLE, 1, 3}, g2;
    put_goodbye(&b, &g);
    CHECK_INT(read_goodbye(buf_bytes(&b), &g2), 0);
    CHECK(g2.reason == GOODBYE_IDLE && g2.version_min == 1 && g2.version_max == 3);
    small[0] = 0;
    CHECK_INT(read_goodbye(buf_bytes(&b), &g2), ERR_FORMAT);
    small[0] = GOODBYE_CLOSING + 1;
    CHECK_INT(read_goodbye(buf_bytes(&b), &g2), ERR_FORMAT);
}

TEST_MAIN(hello_comes_back_whole, what_says_a_tier_is_read_by_those_who_know_none,
          a_version_that_only_looks_like_one_with_a_tier_stays_as_it_is,
          a_hello_cut_anywhere_is_refused, a_flipped_byte_never_gets_out_of_bounds,
          versions_of_an_unknown_hello_can_be_named, a_full_page_of_the_largest_rumors_fits_a_frame,
          a_list_longer_than_the_limit_is_refused, what_others_may_not_say_is_refused,
          small_messages_come_back_and_are_refused_when_cut)
