/* libvelum at a node that takes nothing of this user any longer: each operation ends with what the
 * node said. */
#include "core/base/text.h"
#include "core/host/ask.h"
#include "core/host/home.h"
#include "core/host/identity.h"
#include "core/host/loop.h"
#include "core/wire/act.h"
#include "core/wire/message.h"
#include "tests/unit/api_program.h"

#define SENTENCE "this user's key was revoked: it was lost"

static struct identity *user(void)
{
    struct home home;
    char message[HOME_MESSAGE_SIZE];
    struct identity *i;
    REQUIRE(home_locate(&home, message) == 0 && identity_user(&i, &home, message) == 0);
    return i;
}

/* As `velum revoke --force` of the own key. */
static void hand_in_revocation(const char *addr)
{
    struct identity *i = user();
    struct act a = {.kind = ACT_REVOKE, .subject = identity_id(i), .at_s = (int64_t)time(NULL)};
    uint8_t text[64], room[3][ACT_SIZE_MAX + 8];
    char message[ASK_MESSAGE_SIZE];
    const struct ask_options o = {.addr = addr};
    struct buf body, act, request;
    struct frame answer;
    struct ask *ask;
    (void)text_copy(a.reason, sizeof a.reason, "it was lost");
    buf_init_fixed(&body, room[0], sizeof room[0]);
    put_act_body(&body, &a);
    struct signed_bytes s = {.certificate = identity_certificate(i), .body = buf_bytes(&body)};
    const size_t len = signed_text(&s, SIGNED_ACT, text);
    REQUIRE(identity_sign(i, (struct bytes){text, len}, s.signature) == 0);
    buf_init_fixed(&act, room[1], sizeof room[1]);
    put_signed(&act, &s);
    buf_init_fixed(&request, room[2], sizeof room[2]);
    put_block(&request, buf_bytes(&act));
    REQUIRE(ask_open(&ask, &o, message) == 0);
    CHECK_INT(ask_send(ask, MESSAGE_REQUEST_ACT, 1, buf_bytes(&request)), 0);
    CHECK_INT(ask_next(ask, instant_plus_us(loop_clock(), 10 * S_US), &answer), 1);
    ask_close(ask);
    identity_free(i);
}

static void check_ends(struct velum *v, int op)
{
    CHECK_INT(velum_wait(v, op, 20000), VELUM_NOT_ALLOWED);
    CHECK(says(v, VELUM_NOT_ALLOWED, SENTENCE));
    CHECK(says(v, VELUM_NOT_ALLOWED, "try: join anew"));
}

/* By the control socket, or by TLS where the node has its folder elsewhere. */
static void check_refused(bool by_tls)
{
    const char *args[] = {"1000"};
    const struct velum_task durable = {
        .kernel = "sum", .argc = 1, .argv = args, .level = VELUM_DURABLE};
    char data[128];
    int port = a_port();
    new_home();
    snprintf(data, sizeof data, "%s/elsewhere", api_home);
    if (by_tls)
        setenv("API_DATA", data, 1);
    pid_t node = start_node(port);
    unsetenv("API_DATA");
    struct velum *v = open_at(VELUM_AT_NODE, addr_of(port));
    int job = velum_spawn(v, "sleep", "60000", NULL);
    CHECK_INT(velum_wait(v, job, 200), VELUM_IN_PART);
    hand_in_revocation(addr_of(port));
    check_ends(v, job);
    check_ends(v, velum_put(v, "bytes", 5));
    check_ends(v, velum_submit(v, &durable));
    check_ends(v, velum_open(v, NULL));
    velum_shutdown(v);
    v = open_at(VELUM_AT_NODE, addr_of(port));
    check_ends(v, velum_spawn(v, "sum", "10", NULL));
    velum_shutdown(v);
    end_node(node, SIGTERM);
    end_home();
}

TEST(a_key_that_is_revoked_is_refused_in_words)
{
    check_refused(false);
}

TEST(so_it_is_from_another_machine)
{
    check_refused(true);
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {a_key_that_is_revoked_is_refused_in_words,
                                       so_it_is_from_another_machine};
    return api_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
