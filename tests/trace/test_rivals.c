/* Stories of two coordinators of one job: a partition with one in each half, one that stands still
 * while others go on without it, titles that come late or from an old disk, and the death of
 * whoever matters at the moment that matters. Whatever it was, all holders soon say the same, one
 * coordinates, and each leaf is counted once. */
#include "core/job/ledger.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/wire/tree.h"
#include "tests/lib/rig.h"
#include "tests/lib/story_copies.h"

#define NODES 6
#define LEAVES 64
#define EQUAL_WITHIN_US (10 * S_US)

static struct story story;
static uint64_t seqs;

enum apart { APART_HALVES, APART_ALONE, APART_PAUSED, APART_KINDS };
enum mend { MEND_AT_ONCE, MEND_RIVALS_FIRST, MEND_THIRD_FIRST, MEND_KINDS };
enum kill {
    KILL_OF_NOBODY,
    KILL_OF_NEW_BEFORE_SYNC,
    KILL_OF_NEW_AFTER_SYNC,
    KILL_OF_OLD_BEFORE_HEALING,
    KILL_OF_OLD_IN_HEALING,
    KILL_OF_NEW_IN_HEALING,
    KILL_OF_THIRD_IN_HEALING,
    KILL_OF_OLD_WITH_OLD_DISK,
    KILL_KINDS
};

/* One way that it may go. */
struct tale {
    enum apart apart;
    enum mend mend;
    enum kill kill;
    bool late;        /* the first title is said again when all is well */
    int64_t after_us; /* a death in healing, after the first of the two halves are linked */
    struct job_id id;
    uint32_t old, new, third, worker[2]; /* nodes; a stranger to the job in each half */
    bool half[NODES];                    /* the old coordinator's */
};

static struct job *job_at(uint32_t i, struct job_id id)
{
    return story.nodes[i].core == NULL ? NULL : job_find(story.nodes[i].core, id);
}

/* Node `from` reports these values, which are all of [first, end), to a coordinator. */
static void report(struct tale *t, uint32_t from, uint32_t to, const struct tree_node *values,
                   uint16_t count, uint64_t first, uint64_t end)
{
    struct peer_report_chunk c = {
        .from = first, .next = end, .end = end, .compute_us = 1, .values = count};
    struct buf b;

    rig_forget_given(story.nodes[to].core, t->id);
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, t->id);
    put_u64(&b, ++seqs);
    put_u8(&b, 0);
    put_u64(&b, 0);
    put_u16(&b, 1);
    put_peer_report_chunk(&b, &c);
    for (uint16_t i = 0; i < count; i++)
        rig_put_value(&b, values[i], 8);
    story_say(&story, from, to, MESSAGE_REPORT, 0, buf_bytes(&b));
    buf_clear(&b);
}

/* The old half has leaves 0 to 48, the new one 16 to 64: each of 16 to 48 is told twice. */
static void report_old(struct tale *t)
{
    const struct tree_node values[] = {{5, 0}, {4, 2}};

    report(t, t->worker[0], t->old, values, 2, 0, 48);
}

static void report_new(struct tale *t)
{
    const struct tree_node values[] = {{4, 1}, {5, 1}};

    report(t, t->worker[1], t->new, values, 2, 16, 64);
}

static void apart(struct tale *t, bool is)
{
    for (uint32_t a = 0; a < NODES; a++)
        for (uint32_t b = 0; b < NODES; b++)
            if (t->half[a] && !t->half[b])
                (is ? story_cut : story_mend)(&story, a, b);
}

static void begin(struct tale *t)
{
    uint32_t strangers = 0;

    story_init(&story, NODES);
    story_start_all(&story, true);
    story_run(&story, 8 * S_US);
    t->id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    t->old = story_leader(&story, t->id);
    for (uint32_t i = 0; i < NODES; i++)
        if (!story_holds(&story, i, t->id) && strangers++ < 3) {
            t->worker[strangers > 1] = i;
            t->half[i] = t->apart == APART_HALVES && strangers <= 2;
        }
    CHECK_INT(strangers, 3);
    /* The second stranger works for the half in which the third is, too. */
    for (uint32_t i = 0; i < NODES; i++)
        if (!story_holds(&story, i, t->id) && !t->half[i])
            t->worker[1] = i;
    t->half[t->old] = true;
}

static uint32_t leader_in(struct tale *t, bool half)
{
    for (uint32_t i = 0; i < NODES; i++)
        if (t->half[i] == half && story.nodes[i].core != NULL && story_leads(&story, i, t->id))
            return i;
    return NODES;
}

static void start_again(uint32_t i)
{
    story_start(&story, i);
    for (uint32_t k = 0; k < NODES; k++)
        if (k != i)
            story_hint(&story, i, k);
}

static void die_and_return(uint32_t i, struct story_record *disk)
{
    story_kill(&story, i);
    if (disk != NULL)
        story_restore(&story, i, disk);
    story_run(&story, S_US);
    start_again(i);
}

/* Until the new half has a coordinator, in steps so small that nobody has heard of its title yet
 * when it dies: its disk has not, either. */
static void new_dies_before_sync(struct tale *t)
{
    struct story_record *image[NODES];

    for (int64_t us = 0; us < 15 * S_US; us += 100) {
        uint32_t who;

        if (us < 200 * MS_US) {
            story_run(&story, 100);
            continue;
        }
        for (uint32_t i = 0; i < NODES; i++)
            image[i] = t->half[i] ? NULL : story_image(&story, i);
        story_run(&story, 100);
        who = leader_in(t, false);
        for (uint32_t i = 0; i < NODES; i++)
            if (i != who && image[i] != NULL)
                story_image_free(image[i]);
        if (who == NODES)
            continue;
        die_and_return(who, image[who]);
        return;
    }
    REQUIRE(!"nobody took the title");
}

static void new_takes_over(struct tale *t)
{
    for (int64_t us = 0; us < 20 * S_US && leader_in(t, false) == NODES; us += 10 * MS_US)
        story_run(&story, 10 * MS_US);
    t->new = leader_in(t, false);
    REQUIRE(t->new < NODES);
    for (uint32_t i = 0; i < NODES; i++)
        if (!t->half[i] && i != t->new &&story_holds(&story, i, t->id))
            t->third = i;
}

static void heal(struct tale *t)
{
    if (t->apart == APART_PAUSED) {
        story_resume(&story, t->old);
        return;
    }
    if (t->mend != MEND_AT_ONCE) {
        story_mend(&story, t->old, t->mend == MEND_RIVALS_FIRST ? t->new : t->third);
        story_run(&story, 3 * S_US);
    }
    apart(t, false);
}

static bool rivals_meet(struct tale *t, uint32_t who)
{
    for (int64_t us = 0; us < 10 * S_US; us += 100) {
        for (uint32_t i = 0; i < NODES; i++)
            if (t->half[i] != t->half[who] && story_linked(&story, i, who))
                return true;
        story_run(&story, 100);
    }
    return false;
}

static void dies_in_healing(struct tale *t, uint32_t who)
{
    CHECK(rivals_meet(t, who));
    story_run(&story, t->after_us);
    for (uint32_t i = 0; i < NODES; i++)
        t->half[i] = false; /* whoever is back finds all */
    die_and_return(who, NULL);
}

/* All that hold it say the same, and one leads. */
static bool agreed(const struct tale *t)
{
    uint32_t leaders = 0, holders = 0;
    struct digest first, d;

    for (uint32_t i = 0; i < NODES; i++) {
        const struct job *j = job_at(i, t->id);

        if (j == NULL || j->ledger == NULL)
            continue;
        leaders += j->lead != NULL;
        d = ledger_digest(j->ledger);
        if (holders++ == 0)
            first = d;
        else if (memcmp(&d, &first, sizeof d) != 0)
            return false;
    }
    return leaders == 1 && holders >= 3;
}

static bool agrees_within(const struct tale *t, int64_t us)
{
    for (int64_t at = 0; at < us; at += 100 * MS_US) {
        if (agreed(t))
            return true;
        story_run(&story, 100 * MS_US);
    }
    return agreed(t);
}

/* What each holder knows, for whoever looks into a failure. */
static void show(const struct tale *t)
{
    for (uint32_t i = 0; i < NODES; i++) {
        const struct job *j = job_at(i, t->id);
        const struct claim *c;

        if (j == NULL || j->ledger == NULL)
            continue;
        c = ledger_claim(j->ledger);
        printf("# node %u%s%s: epoch %u, %u holders, %u leaves, digest %02x\n", i,
               i == t->old   ? " (old)"
               : i == t->new ? " (new)"
                             : "",
               j->lead ? " leads" : "", c ? c->epoch : 0,
               ledger_holders(j->ledger) ? ledger_holders(j->ledger)->count : 0,
               ledger_cover(j->ledger) ? (unsigned)cover_leaves(ledger_cover(j->ledger)) : 0,
               ledger_digest(j->ledger).bytes[0]);
    }
}

/* The first title, as it was when the job began. */
static void say_title(const struct tale *t, struct bytes title)
{
    struct buf b;

    for (uint32_t i = 0; i < NODES; i++) {
        if (!story_holds(&story, i, t->id) || !story_linked(&story, t->worker[0], i))
            continue;
        buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
        put_facts_begin(&b, t->id, 0, false, 1);
        put_block(&b, title);
        story_say(&story, t->worker[0], i, MESSAGE_FACTS, 0, buf_bytes(&b));
        buf_clear(&b);
    }
}

static uint64_t leaves_covered(uint32_t i, struct job_id id)
{
    return cover_leaves(ledger_cover(job_at(i, id)->ledger));
}

static void ends_right(struct tale *t)
{
    const struct tree_node root = {6, 0};
    uint32_t leader = story_leader(&story, t->id), from = leader == t->worker[1];

    from = t->worker[!from];
    for (uint32_t i = 0; i < NODES; i++)
        if (i != leader && story_linked(&story, i, leader))
            from = i;
    report(t, from, leader, &root, 1, 0, LEAVES);
    story_run(&story, 5 * S_US);
    for (uint32_t i = 0; i < NODES; i++) {
        struct job_view v = story_told(&story, i, t->id);
        const struct job *j = job_at(i, t->id);

        CHECK_INT(v.state, JOB_DONE);
        CHECK_INT(v.leaves_done, LEAVES);
        CHECK(v.durable >= 3);
        if (j != NULL && j->ledger != NULL && CHECK(ledger_outcome(j->ledger) != NULL))
            CHECK_INT(ledger_outcome(j->ledger)->state, JOB_DONE);
    }
}

static void tell(struct tale *t)
{
    struct story_record *image;
    uint8_t title[1024];
    struct bytes fact;
    size_t len;
    bool lost;

    begin(t);
    fact = ledger_claim_fact(job_at(t->old, t->id)->ledger);
    len = fact.len;
    REQUIRE(len <= sizeof title);
    memcpy(title, fact.data, len);
    image = story_image(&story, t->old);
    report_old(t);
    if (t->apart == APART_PAUSED)
        story_pause(&story, t->old);
    else
        apart(t, true);
    if (t->kill == KILL_OF_NEW_BEFORE_SYNC)
        new_dies_before_sync(t);
    new_takes_over(t);
    if (t->kill == KILL_OF_NEW_AFTER_SYNC) {
        story_run(&story, 200);
        die_and_return(t->new, NULL);
        story_run(&story, 3 * S_US);
        new_takes_over(t);
    }
    for (int i = 0; i < 500 && !story_linked(&story, t->worker[1], t->new); i++)
        story_run(&story, 10 * MS_US);
    report_new(t);
    story_run(&story, 5 * S_US);
    if (t->kill == KILL_OF_OLD_BEFORE_HEALING || t->kill == KILL_OF_OLD_WITH_OLD_DISK) {
        story_kill(&story, t->old);
        story.nodes[t->old].paused = false;
        if (t->kill == KILL_OF_OLD_WITH_OLD_DISK) {
            story_restore(&story, t->old, image);
            image = NULL;
        }
        start_again(t->old);
    }
    heal(t);
    if (t->kill == KILL_OF_OLD_IN_HEALING)
        dies_in_healing(t, t->old);
    else if (t->kill == KILL_OF_NEW_IN_HEALING)
        dies_in_healing(t, t->new);
    else if (t->kill == KILL_OF_THIRD_IN_HEALING)
        dies_in_healing(t, t->third);
    if (!CHECK(agrees_within(t, EQUAL_WITHIN_US)))
        show(t);
    if (t->late) {
        say_title(t, (struct bytes){title, len});
        if (!CHECK(agrees_within(t, EQUAL_WITHIN_US)))
            show(t);
    }
    /* What only the old coordinator had is lost with its disk, and nothing else. */
    lost = t->apart == APART_ALONE && t->kill == KILL_OF_OLD_WITH_OLD_DISK;
    for (uint32_t i = 0; i < NODES; i++)
        if (story_holds(&story, i, t->id))
            CHECK_INT(leaves_covered(i, t->id), lost ? LEAVES - 16 : LEAVES);
    ends_right(t);
    if (image != NULL)
        story_image_free(image);
    CHECK(story_end(&story));
}

static void try_tale(struct tale t)
{
    int before = check_state.failures;

    tell(&t);
    if (check_state.failures != before)
        printf("# apart %d, mend %d, kill %d after %lld us, late %d\n", (int)t.apart, (int)t.mend,
               (int)t.kill, (long long)t.after_us, t.late);
}

static void try_late(struct tale t)
{
    t.late = false;
    try_tale(t);
    t.late = true;
    try_tale(t);
}

/* A frame takes 100 us and a sync 50: from before anything is said to when all is. */
static void try_moments(struct tale t)
{
    static const int64_t moments[] = {0,    50,        100,        150,         200,         250,
                                      300,  350,       400,        500,         600,         800,
                                      1200, 5 * MS_US, 50 * MS_US, 400 * MS_US, 1500 * MS_US};

    for (size_t i = 0; i < sizeof moments / sizeof *moments; i += CHECK_SANITIZED ? 4 : 1) {
        t.after_us = moments[i];
        try_late(t);
    }
}

static void all_tales(enum apart apart_kind)
{
    struct tale t = {.apart = apart_kind};

    for (int m = 0; m < (apart_kind == APART_PAUSED ? 1 : MEND_KINDS); m++)
        for (int k = 0; k < KILL_KINDS; k++) {
            t.mend = (enum mend)m;
            t.kill = (enum kill)k;
            if (k >= KILL_OF_OLD_IN_HEALING && k <= KILL_OF_THIRD_IN_HEALING)
                try_moments(t);
            else
                try_late(t);
        }
}

TEST(a_coordinator_in_each_half)
{
    all_tales(APART_HALVES);
}

TEST(a_coordinator_that_is_cut_off)
{
    all_tales(APART_ALONE);
}

TEST(a_coordinator_that_stood_still)
{
    all_tales(APART_PAUSED);
}

TEST_MAIN(a_coordinator_in_each_half, a_coordinator_that_is_cut_off, a_coordinator_that_stood_still)
