/* The mesh's next root on its way through one node's core: from its host to peers, and from peers
 * to its host, which judges it. */
#include "core/wire/roots.h"

#include "core/base/sha256.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"
#include "tests/lib/rig_inside.h"

static struct rig rig;
static const struct bytes first = {(const uint8_t *)"first", 5};
static const struct bytes second = {(const uint8_t *)"second", 6};

static struct bytes digest_of(struct bytes roots)
{
    static struct digest d;
    d = sha256_of(roots.data, roots.len);
    return (struct bytes){d.bytes, ID_SIZE};
}

static void begin(uint32_t peers)
{
    rig_start(&rig, 1, false);
    for (uint32_t i = 0; i < peers; i++)
        rig_peer_up(&rig, i, 1);
    rig_run(&rig, S_US);
}

/* The host has them. */
static void known(uint32_t version, struct bytes roots)
{
    struct event ev = {.kind = EVENT_ROOTS,
                       .roots = {.version = version, .generation = 1, .bytes = roots}};
    rig_event(&rig, &ev);
}

static void says(uint32_t peer, uint32_t version, struct bytes roots)
{
    struct buf b;
    buf_init(&b, &rig.heap.alloc, 1024);
    put_roots_told(&b, &(struct roots_told){.version = version, .roots = roots});
    rig_frame(&rig, peer, MESSAGE_ROOTS, &b);
    buf_clear(&b);
}

/* What the peer was told last: its version, and whether with the roots. */
static void check_told(uint32_t peer, uint32_t version, struct bytes roots)
{
    const struct rig_sent *s = rig_take(&rig, peer, MESSAGE_ROOTS);
    struct roots_told m;
    REQUIRE(s != NULL && read_roots_told(s->payload, &m) == 0);
    CHECK_INT(m.version, version);
    CHECK(bytes_equal(m.roots, roots));
    CHECK_INT(rig_count(&rig, peer, MESSAGE_ROOTS), 0);
}

static void check_silence(uint32_t peer)
{
    CHECK_INT(rig_count(&rig, peer, MESSAGE_ROOTS), 0);
}

TEST(peers_are_told_once_of_what_is_new_and_who_comes_that_there_is_something)
{
    static const struct bytes none = {NULL, 0};
    begin(2);
    check_silence(0);
    known(4, first);
    check_told(0, 4, first);
    check_told(1, 4, first);
    known(4, first);
    check_silence(0);
    rig_peer_up(&rig, 2, 1);
    rig_run(&rig, S_US);
    check_told(2, 4, none);
    says(2, 0, none);
    check_told(2, 4, first);
    says(2, 4, none);
    check_told(2, 4, digest_of(first)); /* whether it has the same */
    says(2, 4, digest_of(first));
    check_silence(2);
    known(5, second);
    check_told(0, 5, second);
    rig_stop(&rig);
}

TEST(what_peers_say_goes_to_the_host_once_and_no_further)
{
    static const struct bytes none = {NULL, 0};
    begin(2);
    says(0, 4, none);
    check_told(0, 0, none); /* so that they come */
    CHECK(rig_take_roots(&rig) == NULL);
    says(0, 4, first);
    const struct rig_sent *s = rig_take_roots(&rig);
    REQUIRE(s != NULL);
    CHECK(bytes_equal(s->payload, first));
    CHECK_INT(s->peer, 0); /* whoever says much waits behind himself only */
    says(1, 4, first);
    CHECK(rig_take_roots(&rig) == NULL);
    check_silence(1); /* the host has not said that they are good */
    says(1, 4, second);
    CHECK(rig_take_roots(&rig) != NULL);
    known(4, first);
    check_told(1, 4, first);
    says(1, 4, first);
    CHECK(rig_take_roots(&rig) == NULL);
    says(1, 3, second);
    CHECK(rig_take_roots(&rig) == NULL);
    rig_stop(&rig);
}

/* Of two that were made at once each side shows its own, once, and the host says which stays. */
TEST(two_of_one_version_are_shown_to_each_other_and_judged)
{
    static const struct bytes none = {NULL, 0};
    begin(2);
    known(4, first);
    rig_take(&rig, 0, MESSAGE_ROOTS);
    rig_take(&rig, 1, MESSAGE_ROOTS);
    says(0, 4, none);
    check_told(0, 4, digest_of(first));
    says(0, 4, digest_of(second));
    check_told(0, 4, first);
    CHECK(rig_take_roots(&rig) == NULL);
    says(0, 4, second);
    const struct rig_sent *s = rig_take_roots(&rig);
    REQUIRE(s != NULL);
    CHECK(bytes_equal(s->payload, second));
    check_told(0, 4, first);
    says(0, 4, second);
    CHECK(rig_take_roots(&rig) == NULL);
    check_silence(0);
    /* It stays: all are told, and who says the first is shown it. */
    known(4, second);
    check_told(0, 4, second);
    check_told(1, 4, second);
    says(1, 4, digest_of(first));
    check_told(1, 4, second);
    says(1, 4, first); /* which was its own before, and is judged by what is now */
    CHECK(rig_take_roots(&rig) != NULL);
    check_told(1, 4, second);
    says(1, 4, second);
    check_silence(1);
    CHECK(rig_take_roots(&rig) == NULL);
    rig_stop(&rig);
}

TEST_MAIN(peers_are_told_once_of_what_is_new_and_who_comes_that_there_is_something,
          what_peers_say_goes_to_the_host_once_and_no_further,
          two_of_one_version_are_shown_to_each_other_and_judged)
