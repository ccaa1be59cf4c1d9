/* Two homes with the key of one root, each of which makes the next root: machines that joined end
 * with the same one, and neither of the two gives way. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/err.h"
#include "core/host/certificate.h"
#include "core/host/identity.h"
#include "core/host/memory.h"
#include "core/host/roots.h"
#include "core/host/rotation.h"
#include "tests/lib/check.h"
#include "tests/unit/join_by_hand.h"

static char folder[64], message[HOME_MESSAGE_SIZE];
static struct home made, copy, joined;
static struct roots ours, theirs; /* of `made` and of `copy` */

static void locate(struct home *h, const char *name)
{
    snprintf(h->path, sizeof h->path, "%s/%s", folder, name);
}

static void shell(const char *what)
{
    char command[256];
    snprintf(command, sizeof command, "cd '%s' && %s", folder, what);
    REQUIRE(system(command) == 0);
}

static void join(void)
{
    char state[HOME_PATH_SIZE + 8];
    REQUIRE(home_open(&joined, message) == 0);
    snprintf(state, sizeof state, "%s/node", joined.path);
    REQUIRE(mkdir(state, 0700) == 0);
    join_by_hand(&made, &joined, state);
}

static void reread(void)
{
    roots_clear(&ours);
    roots_clear(&theirs);
    REQUIRE(roots_read(&ours, &made, message) == 0);
    REQUIRE(roots_read(&theirs, &copy, message) == 0);
}

static void begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/velum-rivals-XXXXXX");
    REQUIRE(mkdtemp(folder));
    locate(&made, "made");
    locate(&copy, "copy");
    locate(&joined, "joined");
    REQUIRE(home_open(&made, message) == 0);
    REQUIRE(identity_mesh_open(&made, message) == 0);
    join();
    shell("cp -a made copy");
    REQUIRE(rotation_begin(&made, message) == 0);
    REQUIRE(rotation_begin(&copy, message) == 0);
    ours = theirs = (struct roots){.count = 0};
    reread();
}

static void end(void)
{
    char command[128];
    roots_clear(&ours);
    roots_clear(&theirs);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_INT(system(command), 0);
}

static int told(const struct home *h, const struct roots *r)
{
    return rotation_take(h, buf_bytes(&r->bytes), message);
}

/* 1: it knows ours, 2: theirs. */
static int knows(void)
{
    struct roots r;
    REQUIRE(roots_read(&r, &joined, message) == 0);
    const int which = bytes_equal(buf_bytes(&r.bytes), buf_bytes(&ours.bytes))     ? 1
                      : bytes_equal(buf_bytes(&r.bytes), buf_bytes(&theirs.bytes)) ? 2
                                                                                   : 0;
    roots_clear(&r);
    return which;
}

TEST(whatever_comes_first_all_end_with_the_same)
{
    int stays[2];
    begin();
    shell("cp -a joined before");
    for (int i = 0; i < 2; i++) {
        shell("rm -rf joined && cp -a before joined");
        CHECK_INT(told(&joined, i == 0 ? &ours : &theirs), 0);
        CHECK_INT(knows(), i + 1);
        const int rc = told(&joined, i == 0 ? &theirs : &ours);
        CHECK(rc == 0 || rc == ERR_EXISTS);
        stays[i] = knows();
        CHECK_INT(stays[i], rc == 0 ? 2 - i : i + 1);
        CHECK_INT(told(&joined, stays[i] == 1 ? &theirs : &ours), ERR_EXISTS);
        CHECK_INT(knows(), stays[i]);
    }
    CHECK_INT(stays[0], stays[1]);
    end();
}

/* Which has the same version as before. */
TEST(a_node_goes_over_to_the_one_that_stays)
{
    char state[HOME_PATH_SIZE + 8];
    struct identity *i = NULL;
    begin();
    snprintf(state, sizeof state, "%s/node", joined.path);
    CHECK_INT(told(&joined, &ours), 0);
    REQUIRE(identity_node(&i, &joined, state, message) == 0);
    if (told(&joined, &theirs) == ERR_EXISTS) {
        /* Ours stays: the other way round. */
        shell("cp copy/roots joined/roots");
        CHECK_INT(identity_renew(i, &joined, state, message), 1);
        CHECK_INT(told(&joined, &ours), 0);
    }
    CHECK_INT(identity_renew(i, &joined, state, message), 1);
    CHECK_INT(identity_renew(i, &joined, state, message), 0);
    CHECK_INT(identity_roots_version(i), 4);
    identity_free(i);
    end();
}

TEST(neither_of_the_two_gives_way_and_both_say_so)
{
    begin();
    CHECK_INT(told(&made, &theirs), ERR_PERMISSION);
    CHECK(strstr(message, "velum ca rotate --emergency") != NULL);
    CHECK_INT(told(&copy, &ours), ERR_PERMISSION);
    CHECK(strstr(message, "if that is a copy of this home, velum leave") != NULL);
    CHECK_INT(told(&made, &ours), ERR_EXISTS);
    end();
}

/* Once certificates are made under one, the other is too late; so is a later stage of it. */
TEST(what_is_used_is_not_replaced_nor_by_what_is_used)
{
    begin();
    CHECK_INT(told(&joined, &ours), 0);
    REQUIRE(rotation_use(&copy, message) == 0);
    reread();
    CHECK_INT(told(&joined, &theirs), ERR_IDENTITY);
    CHECK_INT(knows(), 1);
    REQUIRE(rotation_use(&made, message) == 0);
    reread();
    CHECK_INT(told(&joined, &ours), 0);
    CHECK_INT(told(&joined, &theirs), ERR_IDENTITY);
    CHECK_INT(knows(), 1);
    end();
}

/* Nor is one that the root before did not certify, whichever would stay. */
TEST(a_rival_without_a_cross_certificate_is_none)
{
    begin();
    CHECK_INT(told(&joined, &ours), 0);
    REQUIRE(rotation_emergency(&copy, message) >= 0);
    reread();
    CHECK_INT(told(&joined, &theirs), ERR_IDENTITY);
    CHECK_INT(knows(), 1);
    end();
}

TEST_MAIN(whatever_comes_first_all_end_with_the_same, a_node_goes_over_to_the_one_that_stays,
          neither_of_the_two_gives_way_and_both_say_so,
          what_is_used_is_not_replaced_nor_by_what_is_used,
          a_rival_without_a_cross_certificate_is_none)
