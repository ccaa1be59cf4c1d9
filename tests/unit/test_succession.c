/* What a node does with a next root that it is told of, and with one that it finds in its home. */
#include "core/host/succession.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/loop.h"
#include "core/host/roots.h"
#include "core/host/rotation.h"
#include "tests/lib/check.h"
#include "tests/unit/join_by_hand.h"

#define PATIENCE_US (20 * S_US)

static char folder[64], message[HOME_MESSAGE_SIZE];
static struct home made, joined;
static char state[128];
static struct loop *loop;
static struct identity *identity;
static struct renewal *renewal;
static struct succession *succession;
static int renewals, failures, failure, lines;
static char line[1100];

static void on_line(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    (void)level;
    lines++;
    snprintf(line, sizeof line, "%s", text);
}

static const struct log_sink log_of_test = {.line = on_line, .level_max = LOG_DEBUG};

static int renewed(void *ctx, struct identity *i)
{
    (void)ctx;
    (void)i;
    renewals++;
    return 0;
}

static void failed(void *ctx, int rc, const char *why)
{
    (void)ctx;
    (void)why;
    failures++;
    failure = rc;
}

static void home_below(struct home *h, const char *name)
{
    snprintf(h->path, sizeof h->path, "%s/%s", folder, name);
    REQUIRE(home_open(h, message) == 0);
}

/* A node of this home, as far as roots go. */
static void begin(const struct home *h)
{
    snprintf(folder, sizeof folder, "/tmp/velum-next-XXXXXX");
    REQUIRE(mkdtemp(folder));
    home_below(&made, "made");
    home_below(&joined, "joined");
    snprintf(state, sizeof state, "%s/elsewhere", folder);
    REQUIRE(mkdir(state, 0700) == 0);
    REQUIRE(identity_mesh_open(&made, message) == 0);
    if (h == &joined)
        join_by_hand(&made, &joined, state);
    REQUIRE(identity_node(&identity, h, state, message) == 0);
    REQUIRE(loop_new(&loop) == 0);
    const struct renewal_parts r = {.loop = loop,
                                    .home = h,
                                    .state = state,
                                    .identity = identity,
                                    .renewed = renewed,
                                    .failed = failed};
    const struct succession_parts s = {.loop = loop, .home = h, .log = &log_of_test};
    REQUIRE(renewal_new(&renewal, &r) == 0);
    REQUIRE(succession_new(&succession, &s, renewal) == 0);
    renewals = failures = lines = 0;
}

static void end(void)
{
    char command[128];
    succession_free(succession);
    renewal_free(renewal);
    loop_free(loop);
    identity_free(identity);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_INT(system(command), 0);
}

static const struct node_id friend = {{1}}, other = {{2}}, foe = {{3}};

static void tell(void)
{
    struct roots r;
    REQUIRE(roots_read(&r, &made, message) == 0);
    succession_told(succession, friend, buf_bytes(&r.bytes));
    roots_clear(&r);
}

/* Rounds until the node knows this version, or has said so many lines. */
static void until(uint32_t version, int said)
{
    const struct instant end_at = instant_plus_us(loop_clock(), PATIENCE_US);
    while (identity_roots_version(identity) < version && lines < said &&
           instant_before(loop_clock(), end_at))
        loop_once(loop, end_at);
}

static void allow_bytes(rlim_t most)
{
    struct rlimit limit;
    REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = most;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

TEST(what_met_a_full_disk_is_taken_when_there_is_room)
{
    static const struct bytes nonsense = {(const uint8_t *)"nonsense", 8};
    begin(&joined);
    REQUIRE(rotation_begin(&made, message) == 0);
    signal(SIGXFSZ, SIG_IGN);
    allow_bytes(0);
    tell();
    until(4, 1);
    CHECK_INT(lines, 1);
    CHECK(strstr(line, "the mesh's next root cannot be written, and is tried again: ") == line);
    CHECK_INT(identity_roots_version(identity), 0);
    /* What is refused meanwhile does not take its place, and it is not told of every time. */
    succession_told(succession, other, nonsense);
    until(4, 2);
    CHECK(strstr(line, "was refused") != NULL);
    loop_once(loop, instant_plus_us(loop_clock(), 3 * S_US));
    CHECK_INT(lines, 2);
    allow_bytes(RLIM_INFINITY);
    until(4, 3);
    CHECK_INT(identity_roots_version(identity), 4);
    CHECK_INT(lines, 2);
    CHECK_INT(renewals, 1);
    end();
}

/* Whatever comes behind it before it was looked at. */
TEST(of_several_that_come_at_once_each_is_looked_at)
{
    static const struct bytes nonsense = {(const uint8_t *)"nonsense", 8};
    begin(&joined);
    REQUIRE(rotation_begin(&made, message) == 0);
    tell();
    succession_told(succession, other, nonsense);
    succession_told(succession, other, nonsense);
    until(4, 1);
    CHECK_INT(identity_roots_version(identity), 4);
    until(5, 1);
    CHECK_INT(lines, 1);
    end();
}

/* He sends others all the time; what one says who sends one thing is looked at all the same. */
TEST(who_says_many_has_one_place)
{
    uint8_t nonsense = 0;
    begin(&joined);
    REQUIRE(rotation_begin(&made, message) == 0);
    for (int i = 0; i < 2 * SUCCESSION_WAITING; i++, nonsense++)
        succession_told(succession, foe, (struct bytes){&nonsense, 1});
    tell();
    for (int i = 0; i < 2 * SUCCESSION_WAITING; i++, nonsense++)
        succession_told(succession, foe, (struct bytes){&nonsense, 1});
    until(4, 2);
    CHECK_INT(identity_roots_version(identity), 4);
    CHECK_INT(lines, 1); /* of the last of his */
    end();
}

static void rotate(void)
{
    REQUIRE(rotation_begin(&made, message) == 0 && rotation_use(&made, message) == 0);
    REQUIRE(rotation_finish(&made, message) == 0);
}

/* Whose state lies elsewhere, and who is told by nobody. */
TEST(a_node_sees_what_was_changed_in_its_home)
{
    begin(&made);
    rotate();
    until(6, 1);
    CHECK_INT(identity_roots_version(identity), 6);
    CHECK_INT(identity_generation(identity), 1);
    CHECK_INT(lines, 0);
    end();
}

/* Whoever changed it may have the home for a while longer. */
TEST(it_looks_again_when_the_home_is_free)
{
    begin(&made);
    rotate();
    const int lock = home_lock(&made, message);
    REQUIRE(lock >= 0);
    const struct instant busy_until = instant_plus_us(loop_clock(), 3 * S_US);
    while (instant_before(loop_clock(), busy_until))
        loop_once(loop, busy_until);
    CHECK_INT(identity_roots_version(identity), 0);
    close(lock);
    until(6, 1);
    CHECK_INT(identity_roots_version(identity), 6);
    end();
}

/* The certificate that there is to be then is for another key. */
TEST(a_node_hears_that_its_key_is_given_up)
{
    begin(&made);
    REQUIRE(rotation_emergency(&made, message) == 0);
    const struct instant by = instant_plus_us(loop_clock(), 20 * S_US);
    while (failures == 0 && instant_before(loop_clock(), by))
        loop_once(loop, by);
    CHECK_INT(failures, 1);
    CHECK_INT(failure, ERR_REFUSED);
    CHECK_INT(renewals, 0);
    end();
}

TEST_MAIN(what_met_a_full_disk_is_taken_when_there_is_room,
          of_several_that_come_at_once_each_is_looked_at, who_says_many_has_one_place,
          a_node_sees_what_was_changed_in_its_home, it_looks_again_when_the_home_is_free,
          a_node_hears_that_its_key_is_given_up)
