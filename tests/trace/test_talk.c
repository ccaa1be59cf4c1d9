/* What workers write for people, as their node passes it on. */
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

static struct rig rig;
static struct rig_job job;
static char said[8192];

/* What the coordinator was told for the log since it was asked last. */
static const char *log_of_coordinator(void)
{
    const struct rig_sent *s;
    size_t len = 0;

    while ((s = rig_take(&rig, 0, MESSAGE_LOG)) != NULL) {
        struct reader r = reader_of(s->payload);
        struct bytes text;

        read_view(&r, ID_SIZE + 1);
        text = read_block(&r, FRAME_PAYLOAD_MAX);
        REQUIRE(reader_done(&r) && len + text.len < sizeof said);
        memcpy(said + len, text.data, text.len);
        len += text.len;
    }
    said[len] = 0;
    return said;
}

static uint32_t begin(void)
{
    rig_start(&rig, 1, true);
    rig_peer_up(&rig, 0, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 1024});
    return rig_start_chunk(&rig, &job, (struct peer_chunk){1, 0, 64}, 16);
}

static void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

static void flood(uint32_t worker, unsigned lines)
{
    char line[24];

    for (unsigned i = 0; i < lines; i++) {
        snprintf(line, sizeof line, "line %03u\n", i);
        rig_worker_output(&rig, worker, line);
    }
}

static void end_leaf(uint32_t worker)
{
    struct buf b;

    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_worker_progress_begin(&b, 1, 1, 1000, 1000, false, 1);
    rig_put_value(&b, (struct tree_node){0, 0}, 16);
    rig_worker_frame(&rig, worker, MESSAGE_WORKER_PROGRESS, &b);
    buf_clear(&b);
    rig_run(&rig, 20 * MS_US);
}

TEST(a_leaf_that_floods_has_a_share_of_the_log_and_its_end)
{
    uint32_t worker = begin();

    flood(worker, 1000);
    CHECK_INT(strlen(log_of_coordinator()), 1024);
    CHECK(strncmp(said, "line 000\n", 9) == 0);
    end_leaf(worker);
    CHECK(strstr(log_of_coordinator(), "\n[7720 bytes are left out]\n") == said);
    CHECK(strlen(said) < 300 && strstr(said, "line 999\n") != NULL);
    /* The next one's share is whole. */
    rig_worker_output(&rig, worker, "and on\n");
    CHECK_STR(log_of_coordinator(), "and on\n");
    end();
}

TEST(what_is_little_more_than_the_share_is_whole)
{
    uint32_t worker = begin();
    size_t len;

    flood(worker, 120);
    len = strlen(log_of_coordinator());
    end_leaf(worker);
    CHECK_INT(len + strlen(log_of_coordinator()), 120 * 9);
    CHECK(strstr(said, "line 119\n") != NULL);
    end();
}

TEST(the_last_words_of_a_worker_are_told_with_its_death)
{
    uint32_t worker = begin();

    flood(worker, 1000);
    log_of_coordinator();
    rig_worker_exits(&rig, worker, WORKER_SIGNALLED, 6);
    rig_run(&rig, 20 * MS_US);
    CHECK(strstr(log_of_coordinator(), "line 999\n") != NULL);
    end();
}

TEST_MAIN(a_leaf_that_floods_has_a_share_of_the_log_and_its_end,
          what_is_little_more_than_the_share_is_whole,
          the_last_words_of_a_worker_are_told_with_its_death)
