/* Certificates of a machine whose wall clock was wrong for a while: when it is right again, they
 * are what they would have been. `time` is defined here, for everything in this program. */
#include "core/host/identity.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "core/base/err.h"
#include "core/host/authority.h"
#include "core/host/certificate.h"
#include "core/host/loop.h"
#include "core/host/renewal.h"
#include "core/host/trust.h"
#include "core/node/event.h"
#include "tests/lib/check.h"

#define YEAR_S ((time_t)365 * 86400)

static time_t wrong_s;

time_t time(time_t *to)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to)
        *to = now.tv_sec + wrong_s;
    return now.tv_sec + wrong_s;
}

static char message[HOME_MESSAGE_SIZE];
static struct home home;
static char state[HOME_PATH_SIZE + 8], other_state[HOME_PATH_SIZE + 8];

static void begin(void)
{
    wrong_s = 0;
    snprintf(home.path, sizeof home.path, "/tmp/velum-clock-XXXXXX");
    REQUIRE(mkdtemp(home.path) != NULL);
    snprintf(state, sizeof state, "%s/one", home.path);
    snprintf(other_state, sizeof other_state, "%s/two", home.path);
    REQUIRE(mkdir(state, 0700) == 0 && mkdir(other_state, 0700) == 0);
}

static void end(void)
{
    char command[HOME_PATH_SIZE + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", home.path);
    CHECK_INT(system(command), 0);
}

/* As a node does when it starts. */
static int start(struct identity **node, const char *where)
{
    struct identity *user = NULL;
    int rc = identity_mesh_open(&home, message);
    if (rc == 0)
        rc = identity_node(node, &home, where, message);
    if (rc == 0)
        rc = identity_user_card(&user, &home, message);
    identity_free(user);
    return rc;
}

static int judge(struct identity *judge_is, const struct identity *author)
{
    uint8_t sig[64];
    struct signer by;
    REQUIRE(identity_sign(author, bytes_of_text("x"), sig) == 0);
    return identity_verify(judge_is, identity_certificate(author), bytes_of_text("x"), sig, &by);
}

/* A node that starts now judges by the true time, and agrees with one that never stopped. */
static void check_all_is_well(struct identity *other, time_t after)
{
    struct identity *node = NULL;
    if (start(&node, state) != 0) {
        printf("FAIL after a clock that was %lld days wrong: %s\n", (long long)(after / 86400),
               message);
        CHECK(node != NULL);
        return;
    }
    CHECK(identity_now_s(node) <= (int64_t)time(NULL) + 1);
    CHECK(identity_renew_at_s(node) > (int64_t)time(NULL));
    CHECK(identity_renew_at_s(node) < (int64_t)time(NULL) + 4 * 86400);
    CHECK_INT(judge(node, other), 0);
    CHECK_INT(judge(other, node), 0);
    identity_free(node);
}

TEST(test_start_with_a_wrong_clock_harms_no_later_one)
{
    static const time_t wrong[] = {YEAR_S / 12,  YEAR_S,      9 * YEAR_S,   11 * YEAR_S,
                                   -YEAR_S / 12, -9 * YEAR_S, -11 * YEAR_S, 7200};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct identity *node = NULL, *other = NULL;
        begin();
        REQUIRE(start(&node, state) == 0 && start(&other, other_state) == 0);
        identity_free(node);
        node = NULL;
        wrong_s = wrong[i];
        (void)start(&node, state);
        identity_free(node);
        wrong_s = 0;
        check_all_is_well(other, wrong[i]);
        identity_free(other);
        end();
    }
}

TEST(test_running_node_forgets_what_it_renewed_with_a_wrong_clock)
{
    struct identity *node = NULL, *other = NULL;
    begin();
    REQUIRE(start(&node, state) == 0 && start(&other, other_state) == 0);
    wrong_s = YEAR_S;
    CHECK(identity_is_due(node));
    CHECK_INT(identity_renew(node, &home, state, message), 1);
    CHECK(!identity_is_due(node));
    wrong_s = 0;
    CHECK(identity_is_due(node));
    CHECK_INT(identity_renew(node, &home, state, message), 1);
    CHECK(!identity_is_due(node));
    CHECK_INT(judge(node, other), 0);
    CHECK_INT(judge(other, node), 0);
    identity_free(node);
    identity_free(other);
    end();
}

static int renewals;

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
    (void)rc;
    printf("FAIL the renewal: %s\n", why);
    renewals = -1;
}

/* A machine that starts by a wrong clock, which is set soon: until then all that its issuer signs
 * begins in the future. */
TEST(test_running_node_renews_as_soon_as_the_clock_is_right)
{
    struct identity *node = NULL, *other = NULL;
    struct loop *loop;
    struct renewal *renewal;
    begin();
    REQUIRE(start(&other, other_state) == 0);
    wrong_s = YEAR_S + YEAR_S / 12;
    REQUIRE(start(&node, state) == 0 && loop_new(&loop) == 0);
    const struct renewal_parts parts = {.loop = loop,
                                        .home = &home,
                                        .state = state,
                                        .identity = node,
                                        .renewed = renewed,
                                        .failed = failed};
    renewals = 0;
    REQUIRE(renewal_new(&renewal, &parts) == 0);
    loop_once(loop, instant_plus_us(loop_clock(), 10 * MS_US));
    CHECK_INT(renewals, 0);
    wrong_s = 0;
    const struct instant until = instant_plus_us(loop_clock(), 20 * S_US);
    while (renewals == 0 && instant_before(loop_clock(), until))
        loop_once(loop, until);
    CHECK_INT(renewals, 1);
    CHECK_INT(judge(node, other), 0);
    CHECK_INT(judge(other, node), 0);
    renewal_free(renewal);
    loop_free(loop);
    identity_free(node);
    identity_free(other);
    end();
}

/* An admin's certificate may be younger than all that came in meanwhile; he signs no less. Nobody
 * comes in by it before its time. */
TEST(test_signature_is_believed_by_a_clock_that_is_behind)
{
    struct identity *node = NULL, *other = NULL;
    struct node_id id;
    int party;
    begin();
    REQUIRE(start(&node, state) == 0);
    wrong_s = 5 * 86400;
    REQUIRE(start(&other, other_state) == 0);
    wrong_s = 0;
    CHECK_INT(judge(node, other), 0);
    CHECK(!identity_met_other_time(node));
    CHECK(trust_check(identity_trust(node), identity_leaf(other), NULL, &id, &party) < 0);
    CHECK(identity_met_other_time(node));
    wrong_s = 5 * 86400;
    CHECK_INT(trust_check(identity_trust(node), identity_leaf(other), NULL, &id, &party), 0);
    identity_free(node);
    identity_free(other);
    end();
}

/* An issuer is certified anew for the second half of its year. What a certificate signed that had
 * ended by then is believed as before, by who never saw it too; nobody comes in by it. */
TEST(test_signature_outlives_the_renewal_of_the_issuer)
{
    struct identity *node = NULL, *other = NULL;
    struct node_id id;
    int party;
    begin();
    REQUIRE(start(&node, state) == 0);
    identity_free(node);
    node = NULL;
    wrong_s = YEAR_S / 2 - 8 * 86400;
    REQUIRE(start(&other, other_state) == 0);
    wrong_s = YEAR_S / 2 + 86400;
    REQUIRE(start(&node, state) == 0);
    const int64_t ended_s = certificate_not_after(identity_leaf(other));
    CHECK(certificate_not_before(identity_issuer(node)) > ended_s);
    struct trust *t = identity_trust(node);
    CHECK(trust_check_late(t, identity_leaf(other), NULL, (int64_t)30 * 86400, &id, &party) < 0);
    CHECK_INT(judge(node, other), 0);
    CHECK(trust_check_late(t, identity_leaf(other), NULL, (int64_t)30 * 86400, &id, &party) < 0);
    CHECK(trust_check(t, identity_leaf(other), NULL, &id, &party) < 0);
    /* To be renewed late he shows the issuer's certificate of his time. */
    STACK_OF(X509) *sent = sk_X509_new_null();
    REQUIRE(sk_X509_push(sent, identity_issuer(other)) > 0);
    CHECK(trust_check(t, identity_leaf(other), sent, &id, &party) < 0);
    CHECK_INT(trust_check_late(t, identity_leaf(other), sent, (int64_t)30 * 86400, &id, &party), 0);
    CHECK_INT(judge(node, other), 0);
    sk_X509_free(sent);
    identity_free(node);
    identity_free(other);
    end();
}

/* Before the mesh was made and after it ends no clock can be right: nothing is made by it. */
TEST(test_clock_outside_the_life_of_the_mesh_renews_nothing)
{
    struct identity *node = NULL;
    begin();
    REQUIRE(start(&node, state) == 0);
    wrong_s = 11 * YEAR_S;
    CHECK(!identity_is_due(node));
    wrong_s = -11 * YEAR_S;
    CHECK(!identity_is_due(node));
    CHECK_INT(identity_renew(node, &home, state, message), 0);
    identity_free(node);
    node = NULL;
    CHECK_INT(start(&node, state), 0);
    identity_free(node);
    node = NULL;
    wrong_s = 11 * YEAR_S;
    CHECK(start(&node, state) < 0);
    CHECK(strstr(message, "clock") != NULL);
    end();
}

TEST(test_mesh_that_a_clock_ahead_has_made_is_named)
{
    struct identity *node = NULL;
    begin();
    wrong_s = YEAR_S;
    REQUIRE(start(&node, state) == 0);
    identity_free(node);
    node = NULL;
    wrong_s = 0;
    CHECK(start(&node, other_state) < 0);
    CHECK(strstr(message, "the root of the mesh in") && strstr(message, "has not begun"));
    end();
}

TEST_MAIN(test_start_with_a_wrong_clock_harms_no_later_one,
          test_running_node_forgets_what_it_renewed_with_a_wrong_clock,
          test_running_node_renews_as_soon_as_the_clock_is_right,
          test_signature_is_believed_by_a_clock_that_is_behind,
          test_signature_outlives_the_renewal_of_the_issuer,
          test_clock_outside_the_life_of_the_mesh_renews_nothing,
          test_mesh_that_a_clock_ahead_has_made_is_named)
