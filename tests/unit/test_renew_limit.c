/* How often the desk of a node renews one key's certificate: each time something is signed and
 * written down. */
#include <stdlib.h>
#include <sys/stat.h>

#include "core/base/err.h"
#include "core/host/identity.h"
#include "core/host/join_desk.h"
#include "core/host/memory.h"
#include "core/wire/message.h"
#include "tests/lib/check.h"

static char message[HOME_MESSAGE_SIZE];
static struct home home;
static struct identity *node;
static struct join_desk *desk;
static uint32_t notes;

static const struct identity *judge(void *ctx)
{
    (void)ctx;
    return node;
}

static void note(void *ctx, enum event_note_kind kind, const uint8_t subject[ID_SIZE],
                 const char *text)
{
    (void)ctx;
    (void)kind;
    (void)subject;
    (void)text;
    notes++;
}

static void begin(void)
{
    const struct join_desk_parts parts = {.home = &home, .judge = judge, .note = note};
    char state[HOME_PATH_SIZE + 8];
    notes = 0;
    snprintf(home.path, sizeof home.path, "/tmp/velum-renew-XXXXXX");
    REQUIRE(mkdtemp(home.path) != NULL);
    snprintf(state, sizeof state, "%s/one", home.path);
    REQUIRE(mkdir(state, 0700) == 0);
    REQUIRE(identity_mesh_open(&home, message) == 0);
    REQUIRE(identity_node(&node, &home, state, message) == 0);
    REQUIRE(join_desk_new(&desk, &parts) == 0);
}

static void end(void)
{
    char command[HOME_PATH_SIZE + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", home.path);
    join_desk_free(desk);
    identity_free(node);
    CHECK_INT(system(command), 0);
}

static int ask(struct node_id id, bool *renewed)
{
    static const uint8_t key[32];
    const struct join_caller from = {
        .fd = -1,
        .exporter = key,
        .peer = {.party = PARTY_NODE, .id = id, .certificate = identity_certificate(node)}};
    uint8_t type = MESSAGE_RENEW;
    struct buf b;
    buf_init(&b, &host_memory, FRAME_PAYLOAD_MAX);
    const int rc = join_desk_answer(desk, &from, (struct bytes){NULL, 0}, &type, &b);
    *renewed = rc == 0 && type == MESSAGE_RENEWED && b.len > 0;
    buf_clear(&b);
    return rc;
}

TEST(a_key_is_renewed_ten_times_a_minute_and_others_meanwhile)
{
    bool renewed;
    begin();
    struct node_id id = identity_id(node);
    for (int i = 0; i < JOIN_TRIES_MAX; i++) {
        CHECK_INT(ask(id, &renewed), 0);
        CHECK(renewed);
    }
    CHECK_INT(ask(id, &renewed), ERR_BUSY);
    CHECK_INT(notes, JOIN_TRIES_MAX);
    id.bytes[0] ^= 1;
    CHECK_INT(ask(id, &renewed), 0);
    CHECK(renewed);
    end();
}

TEST_MAIN(a_key_is_renewed_ten_times_a_minute_and_others_meanwhile)
