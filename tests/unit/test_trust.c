/* Until when it counts what somebody signs whose root was followed by others: as long as that root
 * did, however many came since. */
#include "core/host/trust.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "core/host/certificate.h"
#include "core/host/identity.h"
#include "core/host/pem_file.h"
#include "core/host/roots.h"
#include "core/host/rotation.h"
#include "core/wire/join.h"
#include "tests/lib/check.h"

#define LATER_S ((int64_t)7200)

static char folder[64], message[HOME_MESSAGE_SIZE];
static struct home home;
static uint32_t states;

static void begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/velum-trust-XXXXXX");
    REQUIRE(mkdtemp(folder));
    snprintf(home.path, sizeof home.path, "%s/home", folder);
    REQUIRE(home_open(&home, message) == 0);
    REQUIRE(identity_mesh_open(&home, message) == 0);
    states = 0;
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_INT(system(command), 0);
}

/* A node whose certificate is under the root that is used now. */
static struct identity *node(void)
{
    struct identity *i = NULL;
    char state[128];
    snprintf(state, sizeof state, "%s/%u", folder, states++);
    REQUIRE(mkdir(state, 0700) == 0);
    REQUIRE(identity_node(&i, &home, state, message) == 0);
    return i;
}

static void rotate(void)
{
    REQUIRE(rotation_begin(&home, message) == 0);
    REQUIRE(rotation_use(&home, message) == 0);
    REQUIRE(rotation_finish(&home, message) == 0);
    REQUIRE(rotation_close(&home, message) == 0);
}

/* As if the stage that the roots are at had begun so much later than the roots before were made. */
static void be_later(void)
{
    char file[32], path[HOME_PATH_SIZE];
    EVP_PKEY *key = NULL;
    struct roots r;
    REQUIRE(roots_read(&r, &home, message) == 0);
    roots_name(file, "root", r.count - 1, "key");
    home_file(&home, file, path);
    REQUIRE(pem_file_read_key(path, &key, message) == 0);
    r.at_s += LATER_S;
    REQUIRE(roots_sign(&r, key) == 0 && roots_write(&home, &r, message) == 0);
    EVP_PKEY_free(key);
    roots_clear(&r);
}

/* The time that who signed so is taken to have ended at, from now; his word holds in any case. */
static int64_t signs_until(struct identity *judge, const struct identity *author)
{
    static const struct bytes text = {(const uint8_t *)"a fact", 6};
    struct signer s = {.party = 0};
    uint8_t sig[64];
    REQUIRE(identity_sign(author, text, sig) == 0);
    REQUIRE(identity_verify(judge, identity_certificate(author), text, sig, &s) == 0);
    return s.not_after_s - (int64_t)time(NULL);
}

TEST(two_changes_one_after_the_other_do_not_lengthen_the_time_of_the_first_root)
{
    begin();
    struct identity *first = node(), *second, *judge;
    rotate();
    second = node();
    rotate();
    be_later();
    judge = node();
    CHECK(signs_until(judge, first) <= 1);
    CHECK(signs_until(judge, second) > LATER_S - 60 && signs_until(judge, second) <= LATER_S + 1);
    CHECK(signs_until(judge, judge) > LATER_S + 60);
    identity_free(judge);
    /* Nor does the beginning of a third, while two count. */
    REQUIRE(rotation_begin(&home, message) == 0);
    judge = node();
    CHECK(signs_until(judge, first) <= 1);
    identity_free(judge);
    identity_free(first);
    identity_free(second);
    end();
}

TEST(what_an_emergency_ended_has_ended_with_it_whatever_came_since)
{
    begin();
    struct identity *first = node(), *second, *judge;
    REQUIRE(rotation_emergency(&home, message) == 0);
    second = node();
    rotate();
    be_later();
    judge = node();
    CHECK(signs_until(judge, first) <= 1);
    CHECK(signs_until(judge, second) > LATER_S - 60);
    identity_free(judge);
    identity_free(first);
    identity_free(second);
    end();
}

/* Who was away for both joins anew, who was for the last only is renewed. */
TEST(of_two_changes_the_last_alone_can_be_caught_up_with)
{
    struct node_id id;
    int party;
    begin();
    struct identity *first = node(), *second, *judge;
    rotate();
    second = node();
    rotate();
    judge = node();
    struct trust *t = identity_trust(judge);
    CHECK(trust_check_late(t, identity_leaf(first), NULL, JOIN_LATE_S, &id, &party) < 0);
    CHECK_INT(trust_check_late(t, identity_leaf(second), NULL, JOIN_LATE_S, &id, &party), 0);
    identity_free(judge);
    identity_free(first);
    identity_free(second);
    end();
}

TEST_MAIN(two_changes_one_after_the_other_do_not_lengthen_the_time_of_the_first_root,
          what_an_emergency_ended_has_ended_with_it_whatever_came_since,
          of_two_changes_the_last_alone_can_be_caught_up_with)
