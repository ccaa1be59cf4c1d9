/* Stories of receipts: what a node signs of who computed a job, and who is told. */
#include "core/wire/receipt.h"

#include <string.h>

#include "tests/lib/check.h"
#include "tests/lib/parts.h"
#include "tests/lib/story_worker.h"

#define LEAVES 600u
#define ELSEWHERE 1000

static struct story story;
static struct receipt receipt;
static uint8_t text[RECEIPT_SIZE_MAX + 1], again[RECEIPT_SIZE_MAX];

static uint32_t none(uint64_t leaf)
{
    (void)leaf;
    return 0;
}

static void as_told(struct job_spec *spec, uint32_t number)
{
    (void)number;
    spec->slots_max = 0;
    parts_spec(spec, "work");
}

/* Job 1 is this user's. */
static struct job_id begin_as(uint32_t nodes, enum party party, uint8_t who)
{
    story_init(&story, nodes);
    story.as = party;
    story.who = who;
    story.output = none;
    story.graphs = true;
    story.adjust = as_told;
    parts_begin();
    (void)parts_add(LEAVES, false);
    story_start_all(&story, false);
    story_run(&story, 3 * S_US);
    return story_job(&story, 1);
}

static struct job_id begin(uint32_t nodes)
{
    return begin_as(nodes, PARTY_USER, 0);
}

static uint64_t user_as(enum party party, uint8_t who, uint32_t node)
{
    story.as = party;
    story.who = who;
    return story_user(&story, node);
}

/* 0 with the receipt, ELSEWHERE, or the exit code of the refusal; -1 for no answer. */
static int ask(uint64_t user, struct job_id id)
{
    uint32_t request = story_ask_id(&story, user, MESSAGE_REQUEST_RECEIPT, id);
    const struct story_answer *last;
    struct receipt_fault fault;
    struct bytes body;
    struct buf room;
    size_t len = 0;

    story_run(&story, 10000);
    last = story_answer(&story, user, request);
    if (last != NULL && last->type == MESSAGE_REPLY_ERROR) {
        struct reply_error e;

        CHECK_INT(read_reply_error((struct bytes){last->data, last->len}, &e), 0);
        return e.exit_code;
    }
    if (last == NULL || last->type != MESSAGE_REPLY_END)
        return -1;
    for (uint32_t i = 0; i < story.answers_count; i++) {
        const struct story_answer *a = &story.answers[i];

        if (a->link != user || a->request != request || a->type != MESSAGE_REPLY_RECEIPT)
            continue;
        memcpy(text + len, a->data, a->len);
        len += a->len;
    }
    text[len] = 0;
    if (strncmp((char *)text, RECEIPT_ELSEWHERE, sizeof RECEIPT_ELSEWHERE - 1) == 0)
        return ELSEWHERE;
    buf_init_fixed(&room, again, sizeof again);
    CHECK_INT(read_receipt((struct bytes){text, len}, &room, &receipt, &body, &fault), 0);
    return 0;
}

static uint64_t named(void)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < receipt.nodes_count; i++)
        sum += receipt.nodes[i].leaves;
    return sum;
}

TEST(test_a_receipt_names_who_computed_all_leaves_of_a_job_that_is_done)
{
    struct job_id id = begin(3);
    uint64_t user = user_as(PARTY_USER, 0, 1);
    struct job_view v;

    (void)story_submitted(&story, 0, 1);
    v = story_result(&story, 0, id, 20 * S_US);
    REQUIRE(v.state == JOB_DONE);
    story_run(&story, S_US);
    REQUIRE(ask(user, id) == 0);
    CHECK(job_id_equal(receipt.job, id) && receipt.state == JOB_DONE);
    CHECK_INT(receipt.leaves, LEAVES);
    CHECK_INT(named(), LEAVES);
    CHECK(receipt.nodes_count == 3 && receipt.missing == 0 && !receipt.counts);
    CHECK(node_id_equal(receipt.by, story.nodes[1].id));
    CHECK_STR(receipt.by_name, "n1");
    CHECK_INT(receipt.copies, 3);
    CHECK(story_end(&story));
}

TEST(test_what_a_killed_node_computed_stays_its_own)
{
    struct job_id id = begin(3);
    struct job_view v;
    bool seen = false;

    (void)story_submitted(&story, 0, 1);
    story_run(&story, 150000);
    story_kill(&story, 2);
    v = story_result(&story, 0, id, 60 * S_US);
    REQUIRE(v.state == JOB_DONE);
    story_run(&story, S_US);
    REQUIRE(ask(user_as(PARTY_USER, 0, 0), id) == 0);
    CHECK_INT(named() + receipt.nobody, LEAVES);
    for (uint32_t i = 0; i < receipt.nodes_count; i++)
        seen |= node_id_equal(receipt.nodes[i].id, story.nodes[2].id);
    CHECK(seen);
    CHECK(story_end(&story));
}

TEST(test_a_job_that_runs_has_no_receipt_and_one_that_was_killed_has_holes)
{
    struct job_id id = begin(2);
    uint64_t user = user_as(PARTY_USER, 0, 0);

    (void)story_submitted(&story, 0, 1);
    story_run(&story, 100000);
    CHECK_INT(ask(user, id), 7);
    CHECK_INT(story_code_within(&story, user, story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id),
                                6 * S_US),
              0);
    story_run(&story, 2 * S_US);
    REQUIRE(ask(user, id) == 0);
    CHECK_INT(receipt.state, JOB_CANCELLED);
    CHECK(receipt.missing > 0);
    CHECK_INT(named() + receipt.nobody + receipt.missing, LEAVES);
    CHECK(story_end(&story));
}

TEST(test_the_author_and_who_may_look_get_it_and_nobody_else)
{
    struct job_id id = begin_as(2, PARTY_SUBMIT, 9);

    (void)story_submitted(&story, 0, 1);
    (void)story_result(&story, 0, id, 20 * S_US);
    story_run(&story, S_US);
    CHECK_INT(ask(user_as(PARTY_SUBMIT, 9, 0), id), 0);
    CHECK_INT(ask(user_as(PARTY_READ, 4, 0), id), 0);
    CHECK_INT(ask(user_as(PARTY_USER, 5, 0), id), 0);
    CHECK_INT(ask(user_as(PARTY_SUBMIT, 8, 0), id), 3);
    CHECK_INT(ask(user_as(PARTY_NATIVE, 8, 0), id), 3);
    CHECK(story_end(&story));
}

TEST(test_a_node_that_does_not_hold_the_job_says_who_does)
{
    struct job_id id = begin(6);
    uint32_t stranger, holder;

    (void)story_submitted(&story, 0, 1);
    (void)story_result(&story, 0, id, 20 * S_US);
    story_run(&story, S_US);
    stranger = story_stranger(&story, id);
    REQUIRE(ask(user_as(PARTY_USER, 5, stranger), id) == ELSEWHERE);
    REQUIRE(sscanf((char *)text, RECEIPT_ELSEWHERE "n%u:1", &holder) == 1 && holder < 6);
    CHECK_INT(ask(user_as(PARTY_USER, 5, holder), id), 0);
    id.bytes[0] ^= 1;
    CHECK_INT(ask(user_as(PARTY_USER, 5, stranger), id), 3);
    CHECK(story_end(&story));
}

TEST_MAIN(test_a_receipt_names_who_computed_all_leaves_of_a_job_that_is_done,
          test_what_a_killed_node_computed_stays_its_own,
          test_a_job_that_runs_has_no_receipt_and_one_that_was_killed_has_holes,
          test_the_author_and_who_may_look_get_it_and_nobody_else,
          test_a_node_that_does_not_hold_the_job_says_who_does)
