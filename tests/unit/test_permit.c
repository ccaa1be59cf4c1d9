/* Every type of message, said by every party: what the table answers against a second list, written
 * by who reads the reference and not by who wrote the table. */
#include "core/node/permit.h"

#include <string.h>

#include "core/base/text.h"
#include "core/node/directory.h"
#include "core/wire/input.h"
#include "core/wire/message.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

struct expected {
    uint8_t type;
    const char *submit, *native, *read; /* "-": no, "y": yes, "o": own, "w": by the whole name */
};

static const struct expected users[] = {
    {MESSAGE_REQUEST_SUBMIT, "y", "y", "-"},  {MESSAGE_REQUEST_WATCH, "o", "o", "y"},
    {MESSAGE_REQUEST_JOBS, "y", "y", "y"},    {MESSAGE_REQUEST_KILL, "o", "o", "-"},
    {MESSAGE_REQUEST_NODES, "y", "y", "y"},   {MESSAGE_REQUEST_LOGS, "o", "o", "-"},
    {MESSAGE_REQUEST_KERNELS, "y", "y", "y"}, {MESSAGE_REQUEST_PLAN, "y", "y", "-"},
    {MESSAGE_REQUEST_SHOW, "y", "y", "-"},    {MESSAGE_REQUEST_STALE, "-", "-", "-"},
    {MESSAGE_REQUEST_PUT, "y", "y", "-"},     {MESSAGE_REQUEST_DATA, "y", "y", "-"},
    {MESSAGE_REQUEST_GET, "w", "w", "-"},     {MESSAGE_REQUEST_MORE, "y", "y", "-"},
    {MESSAGE_REQUEST_OBJECTS, "w", "w", "-"}, {MESSAGE_REQUEST_RM, "w", "w", "-"},
    {MESSAGE_REQUEST_STAGES, "o", "o", "y"},  {MESSAGE_REQUEST_SESSION, "o", "o", "-"},
    {MESSAGE_REQUEST_AHEAD, "y", "y", "-"},   {MESSAGE_REQUEST_ASIDES, "y", "y", "-"},
    {MESSAGE_REQUEST_SNIPPET, "-", "y", "-"}, {MESSAGE_REQUEST_ACT, "y", "y", "y"},
    {MESSAGE_REQUEST_EVENTS, "y", "y", "y"},  {MESSAGE_REQUEST_ROOTS, "-", "-", "-"},
    {MESSAGE_REQUEST_RECEIPT, "o", "o", "y"},
};

static const struct expected *find(uint8_t type)
{
    for (size_t i = 0; i < sizeof users / sizeof *users; i++)
        if (users[i].type == type)
            return &users[i];
    return NULL;
}

static enum permit meant(const char *letter)
{
    return *letter == 'y'   ? PERMIT_YES
           : *letter == 'o' ? PERMIT_OWN
           : *letter == 'w' ? PERMIT_WHOLE
                            : PERMIT_NO;
}

static bool is_message(int type)
{
    static const uint8_t all[] = {
#define NUMBER(name, number) (number),
        MESSAGE_LIST(NUMBER)
#undef NUMBER
    };
    return memchr(all, type, sizeof all) != NULL;
}

TEST(users_may_what_their_role_says_and_nothing_else)
{
    for (int type = 0; type < 256; type++) {
        const struct expected *e = find((uint8_t)type);
        const struct expected none = {0, "-", "-", "-"};
        const enum permit admin = e ? PERMIT_YES : PERMIT_NO;
        e = e ? e : &none;
        CHECK_INT(permit_of(PARTY_USER, (uint8_t)type), admin);
        CHECK_INT(permit_of(PARTY_SUBMIT, (uint8_t)type), meant(e->submit));
        CHECK_INT(permit_of(PARTY_NATIVE, (uint8_t)type), meant(e->native));
        CHECK_INT(permit_of(PARTY_READ, (uint8_t)type), meant(e->read));
    }
}

TEST(nodes_say_what_nodes_say_and_ask_nothing_that_users_ask)
{
    for (int type = 0; type < 256; type++) {
        bool may = is_message(type) && type < 80 && type != MESSAGE_JOIN &&
                   type != MESSAGE_JOINED && type != MESSAGE_JOIN_REFUSED &&
                   type != MESSAGE_RENEW && type != MESSAGE_RENEWED;
        CHECK_INT(permit_of(PARTY_NODE, (uint8_t)type), may ? PERMIT_YES : PERMIT_NO);
    }
}

TEST(an_issuer_and_parties_that_are_none_say_nothing)
{
    static const int parties[] = {-1, 0, PARTY_ISSUER, PARTY_ISSUER + 1, 255};
    for (int type = 0; type < 256; type++)
        for (size_t i = 0; i < sizeof parties / sizeof *parties; i++)
            CHECK_INT(permit_of((enum party)parties[i], (uint8_t)type), PERMIT_NO);
}

static struct stage_spec stage(bool foreign)
{
    return (struct stage_spec){.snippet = foreign};
}

TEST(c_source_takes_a_role_of_its_own)
{
    static const int all[] = {PARTY_NODE,   PARTY_USER, PARTY_SUBMIT,
                              PARTY_NATIVE, PARTY_READ, PARTY_ISSUER};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct job_spec plain = {.stage = stage(false)}, foreign = {.stage = stage(true)};
        bool submits = all[i] == PARTY_USER || all[i] == PARTY_SUBMIT || all[i] == PARTY_NATIVE;
        CHECK_INT(permit_spec(all[i], &plain), submits);
        CHECK_INT(permit_spec(all[i], &foreign), submits && all[i] != PARTY_SUBMIT);
    }
}

/* One that can be encoded, with a source where it is foreign. */
static struct stage_spec whole_stage(bool foreign)
{
    static uint8_t room[STAGE_INPUT_BYTES];
    struct stage_spec s = {.kernel = "k", .units = 4, .leaf_units = 1, .accumulator_size = 8};
    const struct stage_input source = {{{7}}, 100};
    struct buf b;
    buf_init_fixed(&b, room, sizeof room);
    put_stage_input(&b, &source);
    if (foreign) {
        s.snippet = true;
        s.source = source.name;
        s.demand.tier = TIER_S2;
        s.inputs = buf_bytes(&b);
        s.inputs_count = 1;
    }
    return s;
}

TEST(every_stage_of_a_job_is_judged)
{
    const struct stage_spec plain = whole_stage(false), foreign = whole_stage(true);
    uint8_t room[4096];
    struct buf more;
    for (int which = 0; which < 3; which++) {
        buf_init_fixed(&more, room, sizeof room);
        put_stage(&more, which == 1 ? &foreign : &plain);
        put_stage(&more, which == 2 ? &foreign : &plain);
        struct job_spec spec = {.stage = plain, .more_count = 2, .more = buf_bytes(&more)};
        REQUIRE(!more.failed);
        CHECK_INT(permit_spec(PARTY_SUBMIT, &spec), which == 0);
        CHECK(permit_spec(PARTY_NATIVE, &spec) && permit_spec(PARTY_USER, &spec));
        CHECK(!permit_spec(PARTY_READ, &spec));
    }
}

static struct append list_of(struct buf *b, const struct stage_spec *last)
{
    put_append_begin(b, 1, 2);
    put_append_like(b, 0, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
    put_append_whole(b, 2, last);
    REQUIRE(!b->failed);
    struct reader r = reader_of(buf_bytes(b));
    struct append list;
    REQUIRE(read_append(&r, &list) == 0);
    return list;
}

TEST(every_stage_that_is_appended_is_judged)
{
    const struct stage_spec plain = whole_stage(false), foreign = whole_stage(true);
    uint8_t room[4096];
    struct buf b;
    for (int is_foreign = 0; is_foreign < 2; is_foreign++) {
        buf_init_fixed(&b, room, sizeof room);
        struct append list = list_of(&b, is_foreign ? &foreign : &plain);
        CHECK_INT(permit_stages(PARTY_SUBMIT, &list), !is_foreign);
        CHECK(permit_stages(PARTY_NATIVE, &list) && permit_stages(PARTY_USER, &list));
        CHECK(!permit_stages(PARTY_READ, &list));
        /* What was cut is nobody's. */
        list.entries.len -= 1;
        CHECK(!permit_stages(PARTY_USER, &list));
    }
}

/* No job is here. */
TEST(a_job_is_seen_by_its_author_and_by_who_may_see_all)
{
    static struct node node;
    const struct node_id author = {{1}}, other = {{2}};
    struct link_entry reader = {.party = PARTY_READ, .id = other};
    struct link_entry submitter = {.party = PARTY_SUBMIT, .id = author};
    struct job_view view = {.state = JOB_RUNNING, .by = author};
    struct entry known = {.view = {NULL, 0}}, named = known;
    uint8_t room[4096];
    struct buf b;
    buf_init_fixed(&b, room, sizeof room);
    put_job_view(&b, &view);
    REQUIRE(!b.failed);
    map_init(&node.jobs, &heap_plain, ID_SIZE, 1);
    known.view = buf_bytes(&b);
    CHECK(permit_sees(&node, &reader, &known) && permit_sees(&node, &reader, &named));
    CHECK(permit_sees(&node, &submitter, &known));
    CHECK(!permit_sees(&node, &submitter, &named));
    submitter.id = other;
    CHECK(!permit_sees(&node, &submitter, &known));
}

TEST(acts_are_an_admins)
{
    for (int party = -1; party <= PARTY_ISSUER + 1; party++) {
        for (int kind = ACT_REVOKE; kind <= ACT_LEAVE; kind++)
            CHECK_INT(permit_act(party, (enum act_kind)kind), party == PARTY_USER);
        CHECK(!permit_act(party, (enum act_kind)0));
        CHECK(!permit_act(party, (enum act_kind)(ACT_LEAVE + 1)));
    }
}

/* What a job holds is its author's to take back, as far as this node knows who that is. */
TEST(what_is_kept_for_a_job_is_taken_back_by_its_author)
{
    static struct rig r;
    struct rig_job job;
    rig_start(&r, 1, true);
    rig_peer_up(&r, 0, 2);
    rig_job_make(&r, &job, (struct rig_spec){.nonce = 1, .leaves = 8, .accumulator_size = 16});
    rig_submit(&r, 0, &job);
    const struct node_id author = rig_view(&r, &job).by, other = {{2}};
    const struct keeping kept = {.owner = job.id}, unknown = {.owner = {{9}}};
    const struct asking its = {PARTY_SUBMIT, author}, another = {PARTY_SUBMIT, other};
    CHECK(permit_takes(r.node, &its, &kept));
    CHECK(!permit_takes(r.node, &another, &kept));
    CHECK(!permit_takes(r.node, &its, &unknown));
    struct entry *e = (struct entry *)(uintptr_t)directory_find(r.node, job.id);
    REQUIRE(e != NULL);
    const size_t len = e->view.len;
    /* It is here: what others tell of it does not matter. */
    e->view.len = 0;
    CHECK(permit_takes(r.node, &its, &kept));
    CHECK(!permit_takes(r.node, &another, &kept));
    e->view.len = len;
    CHECK_INT(permit_asking(r.node, 12345).party, 0);
    rig_job_clear(&job);
    rig_stop(&r);
}

TEST_MAIN(users_may_what_their_role_says_and_nothing_else,
          nodes_say_what_nodes_say_and_ask_nothing_that_users_ask,
          an_issuer_and_parties_that_are_none_say_nothing, c_source_takes_a_role_of_its_own,
          every_stage_of_a_job_is_judged, every_stage_that_is_appended_is_judged,
          a_job_is_seen_by_its_author_and_by_who_may_see_all, acts_are_an_admins,
          what_is_kept_for_a_job_is_taken_back_by_its_author)
