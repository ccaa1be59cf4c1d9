/* Who did what, as a node notes it: what is told to whom, how much the journal gets of what others
 * cause, and what of it is there after a restart. */
#include "core/node/events.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/peer.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"
#include "tests/lib/story.h"
#include "tests/lib/story_inside.h"

/* --- what users are told --- */

static struct story story;

static void begin(uint32_t count)
{
    story_init(&story, count);
    story.ages.audit = true;
    story_start_all(&story, true);
    story_run(&story, 8 * S_US);
}

static uint64_t user_as(enum party party, uint8_t who, uint32_t node)
{
    story.as = party;
    story.who = who;
    return story_user(&story, node);
}

static uint32_t ask(uint64_t user, uint64_t after, uint32_t most)
{
    const struct request_events m = {.after = after, .since_s = INT64_MIN, .most = most};
    uint8_t room[64];
    struct buf b;

    buf_init_fixed(&b, room, sizeof room);
    put_request_events(&b, &m);
    return story_ask(&story, user, MESSAGE_REQUEST_EVENTS, buf_bytes(&b));
}

#define TOLD_MAX 5000
static struct event_note told[TOLD_MAX];

static uint32_t list(uint64_t user, uint64_t after, uint32_t most)
{
    uint32_t request = ask(user, after, most), n = 0;

    story_run(&story, 4000);
    for (uint32_t i = 0; i < story.answers_count; i++) {
        const struct story_answer *a = &story.answers[i];
        struct reader r;
        uint16_t count;

        if (a->link != user || a->request != request || a->type != MESSAGE_REPLY_EVENT)
            continue;
        CHECK_INT(read_reply_event((struct bytes){a->data, a->len}, &count, &r), 0);
        for (uint16_t k = 0; k < count && n < TOLD_MAX; k++)
            read_event_note(&r, &told[n++]);
        CHECK(reader_done(&r));
    }
    return n;
}

static const struct event_note *find(uint32_t count, enum event_note_kind kind)
{
    for (uint32_t i = count; i > 0; i--)
        if (told[i - 1].kind == kind)
            return &told[i - 1];
    return NULL;
}

static bool is_of(const struct event_note *e, const uint8_t id[ID_SIZE])
{
    return e != NULL && id_bytes_equal(e->subject, id);
}

TEST(test_a_node_tells_who_submitted_and_who_killed)
{
    const struct event_note *e;
    struct node_id author;
    struct job_id id;
    uint64_t user;
    uint32_t count;

    begin(2);
    user = user_as(PARTY_NATIVE, 9, 0);
    author = story_who(&story);
    CHECK_INT(story_code_within(&story, user, story_submit(&story, user, 1), 6 * S_US), 0);
    id = story_job(&story, 1);
    user = user_as(PARTY_USER, 5, 0);
    CHECK_INT(story_code_within(&story, user, story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id),
                                6 * S_US),
              0);
    count = list(user, 0, UINT32_MAX);
    CHECK(count >= 4);
    CHECK(is_of(find(count, EVENT_NOTE_STARTED), story.nodes[0].id.bytes));
    e = find(count, EVENT_NOTE_MET);
    CHECK(is_of(e, story.nodes[1].id.bytes));
    CHECK(e != NULL && strstr(e->text, "n1") != NULL);
    e = find(count, EVENT_NOTE_SUBMITTED);
    CHECK(is_of(e, id.bytes));
    CHECK(e != NULL && node_id_equal(e->actor, author) && e->at_s >= STORY_WALL_S);
    e = find(count, EVENT_NOTE_KILLED);
    CHECK(is_of(e, id.bytes));
    CHECK(e != NULL && node_id_equal(e->actor, story_who(&story)));
    for (uint32_t i = 1; i < count; i++)
        CHECK(told[i - 1].number < told[i].number);
    CHECK_INT(list(user, told[count - 2].number, UINT32_MAX), 1);
    CHECK_INT(list(user, 0, 2), 2);
    CHECK(told[1].kind == EVENT_NOTE_KILLED);
    CHECK(story_end(&story));
}

TEST(test_a_job_that_was_not_taken_was_not_submitted)
{
    uint64_t user;

    begin(2);
    for (uint32_t i = 0; i < 2; i++)
        story.nodes[i].core->live_count += JOBS_LIVE_MAX;
    user = user_as(PARTY_USER, 5, 0);
    for (uint32_t number = 1; number <= 4; number++) /* led here, or there */
        CHECK_INT(story_code_within(&story, user, story_submit(&story, user, number), 6 * S_US), 1);
    CHECK(find(list(user, 0, UINT32_MAX), EVENT_NOTE_SUBMITTED) == NULL);
    for (uint32_t i = 0; i < 2; i++)
        story.nodes[i].core->live_count -= JOBS_LIVE_MAX;
    for (uint32_t number = 5; number <= 8; number++) {
        CHECK_INT(story_code_within(&story, user, story_submit(&story, user, number), 6 * S_US), 0);
        CHECK(is_of(find(list(user, 0, UINT32_MAX), EVENT_NOTE_SUBMITTED),
                    story_job(&story, number).bytes));
    }
    CHECK(story.sent[MESSAGE_FORWARDED] > 0);
    CHECK(story_end(&story));
}

TEST(test_a_member_that_dies_and_comes_back_is_noted)
{
    uint64_t user;
    uint32_t count;

    begin(3);
    story_kill(&story, 2);
    story_run(&story, 20 * S_US);
    user = user_as(PARTY_READ, 5, 0);
    CHECK(is_of(find(list(user, 0, UINT32_MAX), EVENT_NOTE_DEAD), story.nodes[2].id.bytes));
    story_start_among(&story, 2);
    story_run(&story, 8 * S_US);
    count = list(user, 0, UINT32_MAX);
    CHECK(is_of(find(count, EVENT_NOTE_BACK), story.nodes[2].id.bytes));
    CHECK(story_end(&story));
}

TEST(test_who_may_submit_sees_what_is_his_own)
{
    const struct event_note *e;
    struct job_id id;
    uint64_t user;

    begin(2);
    user = user_as(PARTY_USER, 5, 0);
    (void)story_code_within(&story, user, story_submit(&story, user, 1), 6 * S_US);
    id = story_job(&story, 1);
    user = user_as(PARTY_SUBMIT, 9, 0);
    CHECK_INT(list(user, 0, UINT32_MAX), 0);
    CHECK_INT(story_code_within(&story, user, story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id),
                                6 * S_US),
              4);
    CHECK_INT(list(user, 0, UINT32_MAX), 1);
    e = find(1, EVENT_NOTE_REFUSED);
    CHECK(is_of(e, id.bytes));
    CHECK(e != NULL && node_id_equal(e->actor, story_who(&story)));
    CHECK(e != NULL && strcmp(e->text, "role submit: REQUEST_KILL of what is another's") == 0);
    user = user_as(PARTY_SUBMIT, 8, 0);
    CHECK_INT(list(user, 0, UINT32_MAX), 0);
    CHECK(story_end(&story));
}

/* What an admin's command did in the home folder; nobody else can have such a thing noted. */
TEST(test_only_an_admin_notes_what_he_did)
{
    struct request_events m = {.what = EVENTS_NOTE,
                               .note = {.kind = EVENT_NOTE_TOKEN, .text = "node, 1 use"}};
    static const enum party parties[] = {PARTY_SUBMIT, PARTY_NATIVE, PARTY_READ, PARTY_USER};
    uint8_t room[256];
    uint64_t user;
    struct buf b;

    begin(1);
    buf_init_fixed(&b, room, sizeof room);
    put_request_events(&b, &m);
    for (size_t i = 0; i < sizeof parties / sizeof *parties; i++) {
        const bool may = parties[i] == PARTY_USER;

        user = user_as(parties[i], 9, 0);
        CHECK_INT(story_code_within(&story, user,
                                    story_ask(&story, user, MESSAGE_REQUEST_EVENTS, buf_bytes(&b)),
                                    S_US),
                  may ? 0 : 4);
        CHECK((find(list(user, 0, UINT32_MAX), EVENT_NOTE_TOKEN) != NULL) == may);
    }
    /* And nothing but tokens. */
    room[1] = EVENT_NOTE_SUBMITTED;
    CHECK_INT(story_code_within(&story, user,
                                story_ask(&story, user, MESSAGE_REQUEST_EVENTS, buf_bytes(&b)),
                                S_US),
              1);
    CHECK(story_end(&story));
}

TEST(test_what_is_not_signed_by_its_author_is_noted_with_who_brought_it)
{
    static const uint8_t body[] = "no fact at all";
    struct signed_bytes s = {.certificate = {body, sizeof body}};
    struct job_id id;
    struct buf fact, b;
    const struct event_note *e;
    uint64_t user;

    begin(2);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&fact, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_cancel_body(&b, id, &(struct cancel){.by = story_user_id(), .state = JOB_CANCELLED});
    s.body = buf_bytes(&b);
    put_signed_fact(&fact, FACT_CANCEL, &s);
    buf_reset(&b);
    put_facts_begin(&b, id, 1, false, 1);
    put_block(&b, buf_bytes(&fact));
    story_say(&story, 1, 0, MESSAGE_FACTS, 0, buf_bytes(&b));
    buf_clear(&b);
    buf_clear(&fact);
    story_run(&story, S_US);
    user = user_as(PARTY_USER, 5, 0);
    e = find(list(user, 0, UINT32_MAX), EVENT_NOTE_FORGED);
    CHECK(is_of(e, id.bytes));
    CHECK(e != NULL && node_id_equal(e->actor, story.nodes[1].id));
    CHECK(story_end(&story));
}

/* A newer one may say what this one does not know, and that is no refusal. */
TEST(test_a_node_that_asks_what_users_ask_is_noted)
{
    const struct event_note *e;
    struct job_id id = {{1}};
    uint64_t user;

    begin(2);
    user = user_as(PARTY_USER, 5, 0);
    story_say(&story, 1, 0, 255, 0, (struct bytes){id.bytes, ID_SIZE});
    story_run(&story, S_US);
    CHECK(find(list(user, 0, UINT32_MAX), EVENT_NOTE_REFUSED) == NULL);
    story_say(&story, 1, 0, MESSAGE_REQUEST_KILL, 0, (struct bytes){id.bytes, ID_SIZE});
    story_run(&story, S_US);
    e = find(list(user, 0, UINT32_MAX), EVENT_NOTE_REFUSED);
    CHECK(e != NULL && node_id_equal(e->actor, story.nodes[1].id));
    CHECK(e != NULL && strcmp(e->text, "role node: REQUEST_KILL") == 0);
    CHECK(story_end(&story));
}

TEST(test_whoever_comes_or_answers_as_nobody_of_the_mesh_is_noted)
{
    struct event ev = {.kind = EVENT_DIAL_FAILED, .dial_failed = {.end = DIAL_IDENTITY}};
    const struct event_note *e;
    uint64_t user;

    begin(1);
    story_step(&story, &story.nodes[0], &ev);
    user = user_as(PARTY_USER, 5, 0);
    e = find(list(user, 0, UINT32_MAX), EVENT_NOTE_LINK);
    CHECK(e != NULL && strstr(e->text, "somebody came") != NULL);
    ev.dial_failed.dial = 7;
    story_step(&story, &story.nodes[0], &ev);
    e = find(list(user, 0, UINT32_MAX), EVENT_NOTE_LINK);
    CHECK(e != NULL && strstr(e->text, "somebody else answered") != NULL);
    CHECK(story_end(&story));
}

/* Of a host that makes certificates. */
TEST(test_what_the_host_has_done_is_noted_as_it_says)
{
    struct event ev = {.kind = EVENT_AUDIT,
                       .audit = {.kind = EVENT_NOTE_ISSUED, .subject = {3}, .text = "a\nb"}};
    const struct event_note *e;
    uint64_t user;

    begin(1);
    story_step(&story, &story.nodes[0], &ev);
    user = user_as(PARTY_USER, 5, 0);
    e = find(list(user, 0, UINT32_MAX), EVENT_NOTE_ISSUED);
    CHECK(e != NULL && e->subject[0] == 3);
    CHECK(e != NULL && strchr(e->text, '\n') == NULL);
    CHECK(story_end(&story));
}

TEST(test_notes_are_there_after_a_compaction_and_a_restart)
{
    struct job_id id;
    uint64_t user;
    uint32_t before, after;

    begin(2);
    id = story_submitted(&story, 0, 1);
    story_compact(&story, 0);
    story_run(&story, S_US);
    user = user_as(PARTY_USER, 5, 0);
    before = list(user, 0, UINT32_MAX);
    REQUIRE(before > 2);
    story_kill(&story, 0);
    story_start_among(&story, 0);
    story_run(&story, S_US);
    user = user_as(PARTY_USER, 5, 0);
    after = list(user, 0, UINT32_MAX);
    CHECK(after > before);
    CHECK(is_of(find(after, EVENT_NOTE_SUBMITTED), id.bytes));
    for (uint32_t i = 0; i < before; i++)
        CHECK_INT(told[i].number, i + 1);
    CHECK(story_end(&story));
}

/* --- how much there is --- */

static struct rig rig;

static void start(void)
{
    rig_start(&rig, 1, false);
    rig.node->options.audit = true;
    REQUIRE(events_new(rig.node) == 0);
}

struct many {
    uint32_t count;
    enum event_note_kind kind;
};

static void note_many(struct node *n, void *ctx)
{
    const struct many *m = ctx;

    for (uint32_t i = 0; i < m->count; i++)
        event_note(n, m->kind, (struct node_id){{7}}, NULL, "again");
}

static void many(uint32_t count, enum event_note_kind kind)
{
    struct many m = {count, kind};

    rig_inside(&rig, note_many, &m);
}

static uint32_t records(void)
{
    uint32_t count = 0;

    while (rig_take_record(&rig, RECORD_EVENT) != NULL)
        count++;
    return count;
}

static const struct held_note *last(void)
{
    return rig.node->events->last;
}

static struct event_note read_last(void)
{
    struct event_note e;
    struct reader r = reader_of((struct bytes){last()->bytes, last()->len});

    read_event_note(&r, &e);
    return e;
}

TEST(test_the_journal_does_not_grow_by_those_who_are_refused)
{
    uint32_t sum = 0;

    start();
    many(1000, EVENT_NOTE_REFUSED);
    CHECK_INT(records(), 20);
    rig_run(&rig, 2 * S_US);
    CHECK_INT(records(), 1);
    CHECK_INT(read_last().count, 980);
    CHECK_STR(read_last().text, "again");
    for (int i = 0; i < 60; i++) {
        many(1000, EVENT_NOTE_REFUSED);
        rig_run(&rig, S_US);
        sum += records();
    }
    CHECK(sum >= 55 && sum <= 65);
    /* It recovers. */
    rig_run(&rig, 60 * S_US);
    (void)records();
    many(15, EVENT_NOTE_REFUSED);
    CHECK_INT(records(), 15);
    rig_stop(&rig);
}

TEST(test_neither_jobs_nor_refusals_push_out_who_got_a_token)
{
    const struct events *e;
    uint32_t tokens = 0;

    start();
    e = rig.node->events;
    many(30, EVENT_NOTE_TOKEN);
    many(EVENTS_MAX + 1000, EVENT_NOTE_SUBMITTED);
    for (uint32_t i = 0; i < EVENTS_MAX / 20; i++) {
        many(20, EVENT_NOTE_REFUSED);
        rig_run(&rig, 20 * S_US);
    }
    CHECK_INT(e->count, EVENTS_MAX);
    for (const struct held_note *h = e->first; h != NULL; h = h->next)
        tokens += h->kind == EVENT_NOTE_TOKEN;
    CHECK_INT(tokens, 30);
    CHECK(e->of_class[EVENT_CLASS_WORK] >= EVENTS_MAX / 3);
    CHECK(e->of_class[EVENT_CLASS_REFUSALS] >= EVENTS_MAX / 3);
    rig_stop(&rig);
}

/* Who has a certificate may have it renewed as often as the issuer's node lets him. */
TEST(test_renewals_push_out_nobody_else)
{
    const struct events *e;
    uint32_t tokens = 0;

    start();
    e = rig.node->events;
    many(30, EVENT_NOTE_TOKEN);
    for (uint32_t i = 0; i < EVENTS_MAX / 20 + 10; i++) {
        many(20, EVENT_NOTE_RENEWED);
        rig_run(&rig, 20 * S_US);
    }
    CHECK_INT(e->count, EVENTS_MAX);
    for (const struct held_note *h = e->first; h != NULL; h = h->next)
        tokens += h->kind == EVENT_NOTE_TOKEN;
    CHECK_INT(tokens, 30);
    rig_stop(&rig);
}

static void disk_is(struct node *n, void *ctx)
{
    event_disk(n, *(bool *)ctx, false);
}

TEST(test_what_happens_while_the_disk_is_full_is_stored_later)
{
    bool full = true;

    start();
    rig_inside(&rig, disk_is, &full);
    many(3, EVENT_NOTE_SUBMITTED);
    CHECK_INT(records(), 0);
    CHECK_INT(rig.node->events->count, 4);
    full = false;
    rig_inside(&rig, disk_is, &full);
    CHECK_INT(records(), 5);
    many(1, EVENT_NOTE_SUBMITTED);
    CHECK_INT(records(), 1);
    rig_stop(&rig);
}

/* What is noted between two slices of a snapshot, and what is dropped. */
TEST(test_a_snapshot_in_slices_has_each_note_once_and_in_order)
{
    uint64_t number = 0, end;
    uint32_t count;
    struct reader r;

    start();
    rig.node->limits.compact_bytes = 4096;
    rig.node->limits.compact_us = 3600u * 1000000;
    many(EVENTS_MAX - 10, EVENT_NOTE_SUBMITTED);
    for (int i = 0; rig_compact(&rig) > 0; i++)
        if (i < 40)
            many(3, EVENT_NOTE_SUBMITTED);
    REQUIRE(rig.snapshots == 1 && rig.slices_count > 10);
    many(5, EVENT_NOTE_SUBMITTED);
    end = rig.node->events->number;
    count = rig.node->events->count;
    events_free(rig.node);
    REQUIRE(events_new(rig.node) == 0);
    r = reader_of(buf_bytes(&rig.journal));
    while (reader_left(&r) > 0) {
        uint16_t type = read_u16(&r);

        CHECK_INT(node_replay(rig.node, type, read_block(&r, SIZE_MAX)), 0);
    }
    CHECK_INT(rig.node->events->number, end);
    CHECK_INT(rig.node->events->count, count);
    for (const struct held_note *h = rig.node->events->first; h != NULL; h = h->next) {
        CHECK(number == 0 || h->number == number + 1);
        number = h->number;
    }
    rig_stop(&rig);
}

TEST_MAIN(test_a_node_tells_who_submitted_and_who_killed,
          test_a_job_that_was_not_taken_was_not_submitted,
          test_a_member_that_dies_and_comes_back_is_noted, test_who_may_submit_sees_what_is_his_own,
          test_only_an_admin_notes_what_he_did,
          test_what_is_not_signed_by_its_author_is_noted_with_who_brought_it,
          test_a_node_that_asks_what_users_ask_is_noted,
          test_whoever_comes_or_answers_as_nobody_of_the_mesh_is_noted,
          test_what_the_host_has_done_is_noted_as_it_says,
          test_notes_are_there_after_a_compaction_and_a_restart,
          test_the_journal_does_not_grow_by_those_who_are_refused,
          test_neither_jobs_nor_refusals_push_out_who_got_a_token,
          test_renewals_push_out_nobody_else,
          test_what_happens_while_the_disk_is_full_is_stored_later,
          test_a_snapshot_in_slices_has_each_note_once_and_in_order)
