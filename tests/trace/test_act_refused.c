/* Stories of acts that nobody heeds: each leaves a note with who brought it, and however many there
 * are, the notes are few. */
#include "core/node/events.h"
#include "core/wire/event_note.h"
#include "tests/lib/story_act.h"

#define DAY_S ((int64_t)24 * 3600)

static void begin(const struct node_limits *limits)
{
    story_init(&story, 2);
    story.ages.audit = true;
    story.ages.limits = limits;
    story_start_all(&story, true);
    story_run(&story, 8 * S_US);
}

/* Notes of that kind at node 0, and the last of them. */
static uint32_t notes(enum event_note_kind kind, struct event_note *out)
{
    uint32_t count = 0;

    for (const struct held_note *h = story.nodes[0].core->events->first; h != NULL; h = h->next) {
        struct reader r = reader_of((struct bytes){h->bytes, h->len});

        if (h->kind != kind)
            continue;
        read_event_note(&r, out);
        count++;
    }
    return count;
}

static void check_last(enum event_note_kind kind, uint32_t count, struct node_id actor,
                       const char *text)
{
    struct event_note e = {.number = 0};

    CHECK_INT(notes(kind, &e), count);
    CHECK(node_id_equal(e.actor, actor));
    CHECK_STR(e.text, text);
}

static void say(const struct act_made *m)
{
    act_say(1, 0, m);
    story_run(&story, 10 * MS_US);
}

static struct act_made forged(void)
{
    struct act_made m = act_make(ACT_REVOKE, act_key(1), 0);

    m.bytes[m.len - 1 - SIGNATURE_SIZE] = STORY_FORGED;
    return m;
}

TEST(what_a_peer_brings_that_is_refused_is_noted_with_why)
{
    struct node_limits limits = node_limits_usual;
    const struct act_made no_admin =
        act_make_by(story_user_id(), PARTY_SUBMIT, ACT_REVOKE, act_key(1), 0, 1);
    const struct act_made early = act_make(ACT_DRAIN, act_key(1), 3 * DAY_S);
    const struct act_made first = act_make(ACT_REVOKE, act_key(2), 0);
    const struct act_made second = act_make(ACT_REVOKE, act_key(3), 0);
    const struct act_made third = act_make(ACT_REVOKE, act_key(4), 0);
    const struct act_made bad = forged();
    struct event_note e;
    struct node_id peer;

    limits.acts = 1;
    begin(&limits);
    peer = story.nodes[1].id;
    say(&bad);
    check_last(EVENT_NOTE_FORGED, 1, peer, "revoke of ee000100: its signature does not hold");
    say(&no_admin);
    check_last(EVENT_NOTE_REFUSED, 1, peer, "revoke of ee000100: who signed it may not");
    say(&early);
    check_last(EVENT_NOTE_REFUSED, 2, peer, "drain of ee000100: its time cannot be");
    say(&first);
    say(&first);
    say(&second);
    CHECK_INT(notes(EVENT_NOTE_REFUSED, &e), 2);
    say(&third);
    check_last(EVENT_NOTE_REFUSED, 3, peer,
               "revoke of ee000400: there are as many acts as there may be");
    CHECK_INT(notes(EVENT_NOTE_FORGED, &e), 1);
    CHECK(story_end(&story));
}

TEST(what_a_user_hands_in_that_is_refused_is_noted_with_why)
{
    const struct act_made own =
        act_make_by(story_user_id(), PARTY_SUBMIT, ACT_REVOKE, act_key(1), 0, 1);
    const struct act_made others = act_make_by(act_key(9), PARTY_USER, ACT_DRAIN, act_key(1), 0, 1);
    uint64_t user;

    begin(NULL);
    story.as = PARTY_SUBMIT;
    user = story_user(&story, 0);
    CHECK_INT(story_code_within(&story, user, act_hand_in(user, &own), S_US), 4);
    check_last(EVENT_NOTE_REFUSED, 1, story_user_id(), "revoke of ee000100: who signed it may not");
    CHECK_INT(story_code_within(&story, user, act_hand_in(user, &others), S_US), 4);
    check_last(EVENT_NOTE_REFUSED, 2, story_user_id(),
               "drain of ee000100: who signed it hands it in no more, or is another");
    CHECK(story_end(&story));
}

/* A hundred in each frame. */
TEST(a_flood_of_refused_acts_leaves_few_notes)
{
    const struct act_made m =
        act_make_by(story_user_id(), PARTY_READ, ACT_REVOKE, act_key(1), 0, 1);
    struct event_note e = {.count = 0};
    uint32_t count;
    struct buf b;

    begin(NULL);
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_acts_begin(&b, 100);
    for (int i = 0; i < 100; i++)
        put_block(&b, act_bytes(&m));
    for (int i = 0; i < 20; i++)
        story_say(&story, 1, 0, MESSAGE_ACT, 0, buf_bytes(&b));
    buf_clear(&b);
    story_run(&story, 5 * S_US);
    count = notes(EVENT_NOTE_REFUSED, &e);
    CHECK(count >= 20 && count <= 24);
    CHECK_INT(e.count + count - 1, 2000);
    CHECK(story_end(&story));
}

TEST_MAIN(what_a_peer_brings_that_is_refused_is_noted_with_why,
          what_a_user_hands_in_that_is_refused_is_noted_with_why,
          a_flood_of_refused_acts_leaves_few_notes)
