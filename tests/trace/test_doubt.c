/* A holder that is told who holds a job now: by somebody it does not know, and it asks those that
 * it knows; that they are too few, and it waits whether they find more. */
#include "core/node/jobs.h"
#include "core/node/take.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define HOLDER 0
#define STRANGER 1

static struct rig rig;
static struct rig_job job;

/* This node holds a job, and another coordinates it. */
static void begin(void)
{
    rig_start(&rig, 1, false);
    rig_peer_up(&rig, HOLDER, 1);
    rig_peer_up(&rig, STRANGER, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 8});
    rig_hold(&rig, HOLDER, &job);
}

static void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

static void tell_title(void)
{
    struct buf fact;

    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    rig_put_claim(&rig, STRANGER, &job, 2, &fact);
    rig_tell(&rig, STRANGER, &job, 1, &fact);
    buf_clear(&fact);
}

/* Once a second, however often it is told. */
TEST(whom_it_knows_is_asked_about_whom_it_does_not_believe)
{
    begin();
    rig_run(&rig, 2 * S_US);
    (void)rig_count(&rig, HOLDER, MESSAGE_SYNC);
    for (int i = 0; i < 5; i++)
        tell_title();
    CHECK(node_id_equal(ledger_claim(job_find(rig.node, job.id)->ledger)->node,
                        rig.peers[HOLDER].id));
    CHECK_INT(rig_count(&rig, HOLDER, MESSAGE_SYNC), 1);
    end();
}

static void put_list(struct buf *fact, uint32_t generation, struct node_id only)
{
    rig_put_holders(fact, &job, only,
                    &(struct holders){.generation = generation, .count = 1, .ids = {only}});
}

static void tell_end_with(const struct holders *h)
{
    const struct outcome o = {.state = JOB_CANCELLED};
    struct buf list, end, b;

    buf_init(&list, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&end, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    rig_put_holders(&list, &job, rig.peers[HOLDER].id, h);
    rig_put_outcome(&end, &job, rig.peers[HOLDER].id, &o);
    put_facts_begin(&b, job.id, 2, false, 2);
    put_block(&b, buf_bytes(&end));
    put_block(&b, buf_bytes(&list));
    rig_frame(&rig, HOLDER, MESSAGE_FACTS, &b);
    buf_clear(&list);
    buf_clear(&end);
    buf_clear(&b);
}

static void tell_end(void)
{
    tell_end_with(
        &(struct holders){.generation = 2, .count = 1, .ids = {rig.peers[HOLDER].id}});
}

/* As its coordinator counts it: that is the end of it. */
static void tell_copies(void)
{
    uint8_t room[1024];
    struct peer_entry p = {.version = 2,
                           .epoch = 1,
                           .coordinator = rig.peers[HOLDER].id,
                           .ended_s = 1,
                           .holders_count = 1,
                           .holders = {rig.peers[HOLDER].id}};
    struct buf b;

    p.view = rig_view(&rig, &job);
    p.view.state = JOB_CANCELLED;
    p.view.durable = p.view.machines = 1;
    buf_init_fixed(&b, room, sizeof room);
    put_u8(&b, 0);
    put_u16(&b, 1);
    put_peer_entry(&b, &p);
    rig_frame(&rig, HOLDER, MESSAGE_DIRECTORY, &b);
}

static bool holds(void)
{
    return take_is_holder(job_find(rig.node, job.id), rig.id);
}

/* Who is named alone has lost its disk, and names nobody. */
TEST(a_list_that_stays_short_is_made_whole_by_a_former_holder)
{
    begin();
    CHECK(holds());
    tell_end();
    tell_copies();
    rig_run(&rig, S_US);
    CHECK(!holds());
    rig_run(&rig, 20 * S_US);
    CHECK(holds());
    end();
}

/* They come one in a frame, as those do that led to a list. */
TEST(whoever_tells_many_old_lists_is_shown_everything_once)
{
    struct buf list;
    uint32_t once;

    begin();
    tell_end();
    tell_copies();
    rig_run(&rig, S_US);
    (void)rig_count(&rig, HOLDER, MESSAGE_FACTS);
    buf_init(&list, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_list(&list, 1, rig.peers[HOLDER].id);
    rig_tell(&rig, HOLDER, &job, 0, &list);
    once = rig_count(&rig, HOLDER, MESSAGE_FACTS);
    CHECK(once > 0);
    for (int i = 0; i < 5; i++)
        rig_tell(&rig, HOLDER, &job, 0, &list);
    CHECK_INT(rig_count(&rig, HOLDER, MESSAGE_FACTS), 0);
    rig_run(&rig, S_US);
    (void)rig_count(&rig, HOLDER, MESSAGE_FACTS);
    rig_tell(&rig, HOLDER, &job, 0, &list);
    CHECK_INT(rig_count(&rig, HOLDER, MESSAGE_FACTS), once);
    buf_clear(&list);
    end();
}

/* It was in another half, where the job ended too, and tells all lists there were. */
TEST(the_last_list_that_is_told_is_surpassed)
{
    const uint32_t told[] = {2, 5};
    struct buf b, list;

    begin();
    tell_end_with(&(struct holders){
        .generation = 4, .count = 2, .ids = {rig.id, rig.peers[HOLDER].id}});
    tell_copies();
    CHECK(holds());
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&list, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_facts_begin(&b, job.id, 1, false, 2);
    for (int i = 0; i < 2; i++) {
        buf_reset(&list);
        put_list(&list, told[i], rig.peers[STRANGER].id);
        put_block(&b, buf_bytes(&list));
    }
    rig_frame(&rig, STRANGER, MESSAGE_FACTS, &b);
    rig_run(&rig, 100 * MS_US);
    CHECK(ledger_holders(job_find(rig.node, job.id)->ledger)->generation > 5);
    CHECK(holds());
    buf_clear(&b);
    buf_clear(&list);
    end();
}

/* What its coordinator there wrote when its time ran out. */
static bool says_it_keeps_a_cancel(void)
{
    const struct cancel c = {.by = rig.peers[STRANGER].id, .state = JOB_TIMED_OUT};
    uint8_t room[256];
    struct buf body, fact;
    const struct rig_sent *s;
    struct reader r;

    buf_init_fixed(&body, room, sizeof room);
    put_cancel_body(&body, job.id, &c);
    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    rig_put_signed(&fact, FACT_CANCEL, rig.peers[STRANGER].id, buf_bytes(&body));
    (void)rig_count(&rig, STRANGER, MESSAGE_FACTS_KEPT);
    rig_tell(&rig, STRANGER, &job, 1, &fact);
    buf_clear(&fact);
    s = rig_take(&rig, STRANGER, MESSAGE_FACTS_KEPT);
    REQUIRE(s != NULL);
    r = reader_of(s->payload);
    read_job_id(&r);
    CHECK_INT(read_u64(&r), 1);
    return read_u8(&r) == 0 && reader_done(&r);
}

/* Until then nobody else may be rid of it. */
TEST(who_tells_a_cancel_may_leave_a_job_once_it_has_ended)
{
    begin();
    CHECK(!says_it_keeps_a_cancel());
    end();
    begin();
    tell_end();
    CHECK(says_it_keeps_a_cancel());
    end();
}

TEST_MAIN(whom_it_knows_is_asked_about_whom_it_does_not_believe,
          a_list_that_stays_short_is_made_whole_by_a_former_holder,
          whoever_tells_many_old_lists_is_shown_everything_once,
          the_last_list_that_is_told_is_surpassed,
          who_tells_a_cancel_may_leave_a_job_once_it_has_ended)
