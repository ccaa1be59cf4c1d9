/* Stories of kill: who is asked, who hears of it, and what is said when nobody answers. */
#include "core/job/ledger.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/kill.h"
#include "tests/lib/check.h"
#include "tests/lib/story.h"

static struct story story;

/* Four nodes and a job that three of them hold; gives the fourth. */
static uint32_t four(struct job_id *id)
{
    story_begin(&story, 4);
    *id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    return story_stranger(&story, *id);
}

static uint32_t kill(uint64_t user, struct job_id id)
{
    return story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id);
}

static int killed_within(uint64_t user, uint32_t request, int64_t us)
{
    story_code_within(&story, user, request, us);
    return story_killed(&story, user, request);
}

static void say_entry(uint32_t from, uint32_t to, const struct peer_entry *p)
{
    struct buf b;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_u8(&b, 0);
    put_u16(&b, 1);
    put_peer_entry(&b, p);
    story_say(&story, from, to, MESSAGE_DIRECTORY, 0, buf_bytes(&b));
    buf_clear(&b);
}

static struct peer_entry entry_of(struct job_id id, enum job_state state, uint32_t coordinator)
{
    struct peer_entry p = {.version = 1 << 20, .epoch = 1};

    p.coordinator = story.nodes[coordinator].id;
    p.view.id = id;
    p.view.state = state;
    p.view.units = p.view.leaf_units = 1;
    text_copy(p.view.kernel, sizeof p.view.kernel, "work");
    return p;
}

TEST(killed_is_said_with_every_holders_word)
{
    struct job_id id;
    uint32_t stranger = four(&id), request;
    uint64_t user = story_user(&story, stranger);

    request = kill(user, id);
    CHECK_INT(killed_within(user, request, 50 * MS_US), KILL_DONE);
    for (uint32_t i = 0; i < story.count; i++)
        CHECK(i == stranger || job_is_final(job_find(story.nodes[i].core, id)));
    CHECK(story_end(&story));
}

TEST(a_holder_passes_the_cancel_on_to_the_coordinator)
{
    struct job_id id;
    uint32_t stranger = four(&id), request, leader = story_leader(&story, id);
    uint64_t user = story_user(&story, stranger);

    story_drop(&story, MESSAGE_CANCEL, stranger, leader);
    request = kill(user, id);
    story_run(&story, 100 * MS_US);
    CHECK(job_is_final(job_find(story.nodes[leader].core, id)));
    CHECK_INT(story_killed(&story, user, request), -1);
    CHECK_INT(killed_within(user, request, 6 * S_US), KILL_CANCELLING);
    CHECK(story_end(&story));
}

TEST(passing_a_cancel_on_ends)
{
    struct job_id id;
    uint32_t stranger = four(&id), request;
    uint64_t user = story_user(&story, stranger);

    request = kill(user, id);
    CHECK_INT(killed_within(user, request, 50 * MS_US), KILL_DONE);
    story_run(&story, 5 * S_US);
    /* Three are asked, and two of them tell the third. */
    CHECK(story.sent[MESSAGE_CANCEL] <= 5);
    CHECK(story_end(&story));
}

TEST(nobody_answered_is_no_cancelling)
{
    struct job_id id;
    uint32_t stranger = four(&id), request;
    uint64_t user = story_user(&story, stranger);

    story_drop(&story, MESSAGE_CANCEL, STORY_USER, STORY_USER);
    request = kill(user, id);
    CHECK_INT(story_code_within(&story, user, request, 4 * S_US), -1);
    CHECK_INT(story_code_within(&story, user, request, 1500 * MS_US), 7);
    CHECK_INT(story_killed(&story, user, request), -1);
    CHECK(story_end(&story));
}

TEST(an_entry_that_has_ended_is_only_a_word)
{
    struct job_id id;
    uint32_t stranger = four(&id), request, leader = story_leader(&story, id);
    uint64_t user = story_user(&story, stranger);
    struct peer_entry p = entry_of(id, JOB_DONE, leader);

    for (uint32_t i = 0; i < story.count; i++)
        if (i != stranger)
            p.holders[p.holders_count++] = story.nodes[i].id;
    say_entry(leader, stranger, &p);
    request = kill(user, id);
    CHECK_INT(killed_within(user, request, 100 * MS_US), KILL_DONE);
    CHECK(job_is_final(job_find(story.nodes[leader].core, id)));
    CHECK(story_end(&story));
}

TEST(a_job_that_has_ended_is_said_to_have)
{
    struct job_id id;
    uint32_t stranger = four(&id), request;
    uint64_t user = story_user(&story, stranger);
    struct peer_entry p = entry_of(id, JOB_DONE, story_leader(&story, id));

    say_entry(story_leader(&story, id), stranger, &p);
    story_drop(&story, MESSAGE_CANCEL, STORY_USER, STORY_USER);
    request = kill(user, id);
    CHECK_INT(killed_within(user, request, 6 * S_US), KILL_ENDED);
    CHECK(story_end(&story));
}

/* The first pair that has no link of its own, as most pairs of a larger mesh. */
static bool unlinked_pair(uint32_t *a, uint32_t *b)
{
    for (*a = 0; *a < story.count; ++*a)
        for (*b = 0; *b < *a; ++*b)
            if (!story_linked(&story, *a, *b))
                return true;
    return false;
}

TEST(a_coordinator_without_a_link_and_no_holder_is_asked)
{
    uint32_t a, b, request;
    uint64_t user;
    struct job_id id = {{7}};
    struct peer_entry p;
    uint32_t from = 0;

    story_begin(&story, STORY_NODES_MAX);
    REQUIRE(unlinked_pair(&a, &b));
    while (!story_linked(&story, a, from))
        from++;
    p = entry_of(id, JOB_RUNNING, b);
    p.holders[p.holders_count++] = story.nodes[from].id;
    say_entry(from, a, &p);
    user = story_user(&story, a);
    story_drop(&story, MESSAGE_CANCEL, a, STORY_USER);
    request = kill(user, id);
    story_run(&story, 300 * MS_US);
    CHECK(story.drop.count[b] > 0);
    CHECK(story.drop.count[from] > 0);
    CHECK_INT(story_killed(&story, user, request), -1);
    CHECK(story_end(&story));
}

TEST(a_node_named_as_a_holder_is_asked_again)
{
    struct job_id id;
    uint32_t stranger, request;
    uint64_t user;
    struct buf b;
    uint32_t token, other;

    story_begin(&story, 4);
    stranger = 1;
    other = 2;
    id = story_job(&story, 1);
    user = story_user(&story, stranger);
    story_drop(&story, MESSAGE_CANCELLED, 3, stranger);
    request = kill(user, id);
    story_run(&story, 50 * MS_US);
    REQUIRE(story.nodes[stranger].core->kills != NULL);
    token = story.nodes[stranger].core->kills->token;
    /* Node 3 takes the job just now, and names one that has said that it does not have it. */
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, id);
    put_u8(&b, 1);
    put_u8(&b, 0);
    put_u8(&b, 1);
    put_node_id(&b, story.nodes[other].id);
    story_say(&story, 3, stranger, MESSAGE_CANCELLED, token, buf_bytes(&b));
    buf_clear(&b);
    CHECK_INT(story_killed(&story, user, request), -1);
    CHECK_INT(killed_within(user, request, 6 * S_US), KILL_CANCELLING);
    CHECK(story_end(&story));
}

/* Whoever forwarded it has waited long enough and taken it itself; the frame comes all the same. */
TEST(a_submission_under_way_does_not_outrun_its_kill)
{
    struct job_id id;
    uint64_t user;
    uint32_t request, again;

    story_begin(&story, 4);
    id = story_job(&story, 1);
    user = story_user(&story, 1);
    request = kill(user, id);
    story_say(&story, 3, 1, MESSAGE_FORWARD, 1, story_spec(&story, 1));
    CHECK(!story_holds(&story, 1, id));
    CHECK_INT(story_code_within(&story, user, request, 2 * S_US), 3);
    again = story_submit(&story, user, 1);
    CHECK_INT(story_code_within(&story, user, again, S_US), 8);
    story_run(&story, S_US);
    for (uint32_t i = 0; i < story.count; i++)
        CHECK(!story_holds(&story, i, id));
    CHECK(story_end(&story));
}

/* Who signs a cancel, and as whom. */
struct signed_as {
    struct node_id who, named;
    enum party party;
    bool broken; /* the certificate is none */
};

/* A cancel of `of` in a frame about `id`, to node `to` by another. */
static void say_cancel(uint32_t from, uint32_t to, struct job_id id, struct job_id of,
                       const struct signed_as *as)
{
    uint8_t certificate[ID_SIZE + 1] = {0}, bytes[512], body_bytes[256], fact_bytes[512];
    struct cancel c = {.by = as->named, .state = JOB_CANCELLED};
    struct signed_bytes s = {0};
    struct buf b, body, fact;

    memcpy(certificate, as->who.bytes, ID_SIZE);
    certificate[ID_SIZE] = (uint8_t)as->party;
    buf_init_fixed(&body, body_bytes, sizeof body_bytes);
    buf_init_fixed(&fact, fact_bytes, sizeof fact_bytes);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_cancel_body(&body, of, &c);
    s.certificate = (struct bytes){certificate, sizeof certificate - as->broken};
    s.body = buf_bytes(&body);
    put_signed_fact(&fact, FACT_CANCEL, &s);
    put_job_id(&b, id);
    put_block(&b, buf_bytes(&fact));
    story_say(&story, from, to, MESSAGE_CANCEL, 1, buf_bytes(&b));
    story_run(&story, 10 * MS_US);
}

static struct signed_as by_user(enum party party, struct node_id who)
{
    return (struct signed_as){.who = who, .named = who, .party = party};
}

static struct node_id stranger_id(void)
{
    return (struct node_id){{0x5a, 1}};
}

/* A cancel of what is not here yet forbids it, if somebody signed it who may, and of this job. */
TEST(only_a_cancel_of_this_job_by_who_may_forbids_it)
{
    struct job_id ids[4];
    struct signed_as admin = by_user(PARTY_USER, stranger_id()), broken = admin,
                     other = by_user(PARTY_SUBMIT, stranger_id()), node;
    uint64_t user;

    story_begin(&story, 4);
    for (uint32_t i = 0; i < 4; i++)
        ids[i] = story_job(&story, i);
    user = story_user(&story, 1);
    broken.broken = true;
    node = (struct signed_as){
        .who = story.nodes[3].id, .named = story.nodes[3].id, .party = PARTY_NODE};
    say_cancel(3, 1, ids[0], ids[0], &broken);
    say_cancel(3, 1, ids[0], ids[1], &admin);
    say_cancel(3, 1, ids[0], ids[0], &other);
    say_cancel(3, 1, ids[0], ids[0], &node);
    CHECK_INT(story_code_within(&story, user, story_submit(&story, user, 0), S_US), 0);
    say_cancel(3, 1, ids[1], ids[1], &admin);
    CHECK_INT(story_code_within(&story, user, story_submit(&story, user, 1), S_US), 8);
    other = by_user(PARTY_SUBMIT, story_who(&story)); /* the author */
    say_cancel(3, 1, ids[2], ids[2], &other);
    CHECK_INT(story_code_within(&story, user, story_submit(&story, user, 2), S_US), 8);
    CHECK(story_end(&story));
}

/* Whoever may submit can name as many jobs as he likes that there are not. */
TEST(kills_of_what_there_is_not_push_no_admins_kill_out)
{
    struct signed_as admin = by_user(PARTY_USER, stranger_id()),
                     other = by_user(PARTY_SUBMIT, (struct node_id){{0x5a, 2}});
    struct job_id id, none = {{7}};
    uint64_t user;

    story_begin(&story, 4);
    id = story_job(&story, 1);
    user = story_user(&story, 1);
    say_cancel(3, 1, id, id, &admin);
    for (uint32_t i = 0; i < 2 * KILL_UNSEEN_MAX; i++) {
        store_u32(none.bytes + 1, i);
        say_cancel(3, 1, none, none, &other);
    }
    CHECK_INT(story_code_within(&story, user, story_submit(&story, user, 1), S_US), 8);
    CHECK(story_end(&story));
}

/* Each holder judges by the signature, whoever brings it. */
TEST(a_holder_takes_no_cancel_of_somebody_elses)
{
    struct job_id id;
    uint32_t stranger = four(&id), leader = story_leader(&story, id);
    struct signed_as as[] = {
        by_user(PARTY_SUBMIT, stranger_id()), /* not the author */
        by_user(PARTY_NATIVE, stranger_id()),
        by_user(PARTY_READ, story_who(&story)), /* may end nothing */
        {.who = stranger_id(), .named = story_who(&story), .party = PARTY_USER},
        {.who = story.nodes[stranger].id, .named = story_who(&story), .party = PARTY_NODE},
        {.who = story.nodes[stranger].id, .named = story.nodes[stranger].id, .party = PARTY_NODE},
    };

    for (uint32_t i = 0; i < sizeof as / sizeof *as; i++) {
        say_cancel(stranger, leader, id, id, &as[i]);
        CHECK(!job_is_final(job_find(story.nodes[leader].core, id)));
        CHECK(ledger_cancel(job_find(story.nodes[leader].core, id)->ledger) == NULL);
    }
    as[0] = by_user(PARTY_SUBMIT, story_who(&story));
    say_cancel(stranger, leader, id, id, &as[0]);
    CHECK(job_is_final(job_find(story.nodes[leader].core, id)));
    CHECK(story_end(&story));
}

/* Who asks a node that has not heard of the job yet is told no by those who have it. */
TEST(an_id_that_is_not_known_here_is_not_believed)
{
    struct job_id id;
    uint32_t stranger;
    uint64_t user;

    story_begin(&story, 4);
    story_drop(&story, MESSAGE_DIRECTORY, STORY_USER, STORY_USER);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    stranger = story_stranger(&story, id);
    CHECK(directory_find(story.nodes[stranger].core, id) == NULL);
    story.as = PARTY_NATIVE;
    story.who = 9;
    user = story_user(&story, stranger);
    CHECK_INT(story_code_within(&story, user, kill(user, id), 6 * S_US), 4);
    for (uint32_t i = 0; i < story.count; i++)
        CHECK(i == stranger || !job_is_final(job_find(story.nodes[i].core, id)));
    story.as = PARTY_USER;
    story.who = 5;
    user = story_user(&story, stranger);
    CHECK_INT(killed_within(user, kill(user, id), 6 * S_US), KILL_DONE);
    CHECK(story_end(&story));
}

/* As a command of old asks. */
TEST(a_kill_that_nobody_signed_is_refused_with_what_to_do)
{
    struct job_id id;
    uint32_t leader, request;
    uint64_t user;

    four(&id);
    leader = story_leader(&story, id);
    user = story_user(&story, leader);
    request = story_ask(&story, user, MESSAGE_REQUEST_KILL, (struct bytes){id.bytes, ID_SIZE});
    CHECK_INT(story_code_within(&story, user, request, S_US), 1);
    CHECK(!job_is_final(job_find(story.nodes[leader].core, id)));
    CHECK(story_end(&story));
}

/* What the user is shown of it: its state, or 0 where it is not listed. */
static enum job_state listed(uint64_t user, struct job_id id, bool all)
{
    struct request_jobs m = {.all = all};
    uint8_t bytes[128];
    struct job_view v;
    struct buf b;
    uint32_t request;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_request_jobs(&b, &m);
    request = story_ask(&story, user, MESSAGE_REQUEST_JOBS, buf_bytes(&b));
    story_run(&story, MS_US);
    for (uint32_t i = 0; i < story.answers_count; i++) {
        const struct story_answer *a = &story.answers[i];

        if (a->link == user && a->request == request && a->type == MESSAGE_REPLY_JOB &&
            read_job_view((struct bytes){a->data, a->len}, &v) == 0 && job_id_equal(v.id, id))
            return v.state;
    }
    return 0;
}

TEST(who_was_told_killed_sees_the_job_ended)
{
    struct job_id id;
    uint32_t at[2] = {four(&id), (story_leader(&story, id) + 1) % 4};
    uint64_t user;

    /* The outcome does not get its copies, so nobody tells of it yet. */
    story_drop(&story, MESSAGE_FACTS, STORY_USER, STORY_USER);
    for (int i = 0; i < 2; i++) {
        user = story_user(&story, at[i]);
        CHECK_INT(listed(user, id, false), JOB_RUNNING);
        CHECK_INT(killed_within(user, kill(user, id), 50 * MS_US), KILL_DONE);
        CHECK_INT(listed(user, id, false), 0);
        CHECK_INT(listed(user, id, true), JOB_CANCELLED);
    }
    CHECK(story_end(&story));
}

TEST(kills_have_a_maximum)
{
    struct job_id id;
    uint32_t stranger = four(&id), last = 0;
    uint64_t user = story_user(&story, stranger);

    story_drop(&story, MESSAGE_CANCEL, STORY_USER, STORY_USER);
    for (int i = 0; i < 1024; i++)
        last = kill(user, id);
    CHECK_INT(story_code(&story, user, last), -1);
    last = kill(user, id);
    CHECK_INT(story_code(&story, user, last), 1);
    CHECK(story_end(&story));
}

TEST_MAIN(killed_is_said_with_every_holders_word, a_holder_passes_the_cancel_on_to_the_coordinator,
          passing_a_cancel_on_ends, nobody_answered_is_no_cancelling,
          an_entry_that_has_ended_is_only_a_word, a_job_that_has_ended_is_said_to_have,
          a_coordinator_without_a_link_and_no_holder_is_asked,
          a_node_named_as_a_holder_is_asked_again, a_submission_under_way_does_not_outrun_its_kill,
          only_a_cancel_of_this_job_by_who_may_forbids_it,
          kills_of_what_there_is_not_push_no_admins_kill_out,
          a_holder_takes_no_cancel_of_somebody_elses, an_id_that_is_not_known_here_is_not_believed,
          a_kill_that_nobody_signed_is_refused_with_what_to_do,
          who_was_told_killed_sees_the_job_ended, kills_have_a_maximum)
