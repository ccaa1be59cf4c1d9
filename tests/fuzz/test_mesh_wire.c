/* The messages of membership, damaged. */
#include "core/mesh/mesh_wire.h"

#include "tests/fuzz/fuzz.h"

static struct member_info any_member(void)
{
    struct member_info m = {.id = any_node(),
                            .boot = any_u64(),
                            .incarnation = any_u32(),
                            .machine = any_digest(),
                            .slots = (uint32_t)any_below(MESH_SLOTS_MAX + 1),
                            .memory_bytes = any_u64(),
                            .speed_units_s = any_u64(),
                            .recovering = any_bool()};
    m.busy = (uint32_t)any_below(m.slots + 1);
    any_name(m.name, sizeof m.name);
    any_name(m.addr, sizeof m.addr);
    any_name(m.arch, sizeof m.arch);
    any_name(m.version, sizeof m.version);
    any_raw(m.journal_id, sizeof m.journal_id);
    if (strlen(m.version) < 20 && any_bool()) {
        m.tier = (uint8_t)(TIER_S0 + any_below(4));
        m.tier_lacks = (uint8_t)any_u64();
    }
    REQUIRE(member_info_is_sound(&m));
    return m;
}

static void make_rumors(struct buf *out)
{
    static const enum node_state states[] = {NODE_ALIVE, NODE_SUSPECT, NODE_DEAD, NODE_LEFT};
    size_t start = rumor_list_begin(out);
    uint32_t count = (uint32_t)any_size(4);
    for (uint32_t i = 0; i < count; i++) {
        struct rumor r = {.state = states[any_below(4)],
                          .info = any_member(),
                          .accusers_count = (uint32_t)any_below(MESH_ACCUSERS_MAX + 1)};
        for (uint32_t k = 0; k < r.accusers_count; k++)
            r.accusers[k] = any_node();
        put_rumor(out, &r);
    }
    rumor_list_end(out, start, count);
}

static void put_list(struct buf *out, struct rumor_list list)
{
    size_t start = rumor_list_begin(out);
    uint32_t count = 0;
    struct rumor r;
    for (; rumor_list_next(&list, &r); count++)
        put_rumor(out, &r);
    rumor_list_end(out, start, count);
}

static int rumors_again(struct bytes in, struct buf *out)
{
    struct rumor_list list;
    int rc = read_rumors(in, &list);
    if (rc == 0)
        put_list(out, list);
    return rc;
}

static int hello_again(struct bytes in, struct buf *out)
{
    struct rumor_list list;
    struct hello h;
    uint16_t least, most;
    int rc = read_hello(in, &h, &list);
    if (rc < 0)
        return rc;
    put_hello(out, &h);
    put_list(out, list);
    /* Whoever understands it whole has understood its versions. */
    rc = read_hello_versions(in, &least, &most);
    CHECK(rc < 0 || (least == h.version_min && most == h.version_max));
    return 0;
}

static void make_hello(struct buf *out)
{
    struct hello h = {.version_min = (uint16_t)any_below(3),
                      .version_max = (uint16_t)(3 + any_below(3)),
                      .features = any_u32(),
                      .greeting = any_u32(),
                      .alone = any_bool(),
                      .self = any_member()};
    put_hello(out, &h);
    make_rumors(out);
}

static void make_goodbye(struct buf *out)
{
    struct goodbye g = {(enum goodbye_reason)(1 + any_below(5)), (uint16_t)any_u64(),
                        (uint16_t)any_u64()};
    put_goodbye(out, &g);
}

static void make_ping(struct buf *out)
{
    struct ping p = {any_u32(), any_u64()};
    put_ping(out, &p);
}

static void make_probe_ask(struct buf *out)
{
    struct probe_ask p = {any_u32(), any_node()};
    put_probe_ask(out, &p);
}

static void make_probe_answer(struct buf *out)
{
    struct probe_answer p = {any_u32(), any_bool()};
    put_probe_answer(out, &p);
}

FUZZ_AGAIN(goodbye, goodbye, read_goodbye, put_goodbye)
FUZZ_AGAIN(ping, ping, read_ping, put_ping)
FUZZ_AGAIN(probe_ask, probe_ask, read_probe_ask, put_probe_ask)
FUZZ_AGAIN(probe_answer, probe_answer, read_probe_answer, put_probe_answer)

TEST(damaged_membership_is_refused_or_means_one_thing)
{
    static const struct codec codecs[] = {
        /* The tier of a member is read in two ways, and written in one. */
        {"HELLO", hello_again, make_hello, false, 40000},
        {"RUMORS", rumors_again, make_rumors, false, 40000},
        {"GOODBYE", goodbye_again, make_goodbye, true, 10000},
        {"PING", ping_again, make_ping, true, 10000},
        {"PROBE", probe_ask_again, make_probe_ask, true, 10000},
        {"PROBED", probe_answer_again, make_probe_answer, true, 10000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_membership_is_refused_or_means_one_thing)
