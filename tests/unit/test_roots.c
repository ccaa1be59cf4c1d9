/* A mesh's roots one after the other: who may say which is the next, whom each stage lets in, and
 * that a change which was cut short goes on. */
#include "core/host/roots.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/authority.h"
#include "core/host/certificate.h"
#include "core/host/memory.h"
#include "core/host/pem_file.h"
#include "core/host/root_key.h"
#include "core/host/rotation.h"
#include "core/host/trust.h"
#include "core/wire/join.h"
#include "tests/lib/check.h"
#include "tests/unit/join_by_hand.h"

static char folder[64], message[HOME_MESSAGE_SIZE];
static struct home made, joined; /* the mesh's own, and that of another machine */
static char made_state[128], joined_state[128];

static void home_below(struct home *h, const char *name, char state[128])
{
    snprintf(h->path, sizeof h->path, "%s/%s", folder, name);
    snprintf(state, 128, "%s/%s.state", folder, name);
    REQUIRE(home_open(h, message) == 0);
    REQUIRE(mkdir(state, 0700) == 0);
}

static void begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/velum-roots-XXXXXX");
    REQUIRE(mkdtemp(folder));
    home_below(&made, "made", made_state);
    home_below(&joined, "joined", joined_state);
    REQUIRE(identity_mesh_open(&made, message) == 0);
    join_by_hand(&made, &joined, joined_state);
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_INT(system(command), 0);
}

static void read_made(struct roots *r)
{
    REQUIRE(roots_read(r, &made, message) == 0);
}

/* The other machine takes what this one has. */
static int take(void)
{
    struct roots r;
    read_made(&r);
    int rc = rotation_take(&joined, buf_bytes(&r.bytes), message);
    roots_clear(&r);
    return rc;
}

static struct identity *node_of(const struct home *h, const char *state)
{
    struct identity *i = NULL;
    REQUIRE(identity_node(&i, h, state, message) == 0);
    return i;
}

static void check_step(enum rotation_step step, uint32_t version, uint8_t generation)
{
    struct rotation now;
    REQUIRE(rotation_look(&made, &now, NULL, message) == 0);
    CHECK_INT(now.step, step);
    CHECK_INT(now.version, version);
    CHECK_INT(now.generation, generation);
}

static EVP_PKEY *key_of(const struct home *h, const char *name)
{
    char path[HOME_PATH_SIZE];
    EVP_PKEY *key = NULL;
    home_file(h, name, path);
    REQUIRE(pem_file_read_key(path, &key, message) == 0);
    return key;
}

static bool is_there(const struct home *h, const char *name)
{
    char path[HOME_PATH_SIZE];
    home_file(h, name, path);
    return access(path, F_OK) == 0;
}

TEST(test_each_step_is_done_once_and_the_old_keys_go_at_the_end)
{
    struct digest before, after, root;
    begin();
    REQUIRE(identity_home_mesh(&made, &before, message) == 0);
    check_step(ROTATION_NONE, 0, 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(rotation_begin(&made, message), 0);
        check_step(ROTATION_BEGUN, 4, 1);
    }
    CHECK_INT(rotation_close(&made, message), 0);
    CHECK(is_there(&made, "root.key") && is_there(&made, "issuer.key"));
    for (int i = 0; i < 2; i++) {
        CHECK_INT(rotation_use(&made, message), 0);
        check_step(ROTATION_USED, 5, 1);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_INT(rotation_finish(&made, message), 0);
        check_step(ROTATION_FINISHED, 6, 1);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_INT(rotation_close(&made, message), 0);
        check_step(ROTATION_NONE, 6, 1);
    }
    CHECK(!is_there(&made, "root.key") && !is_there(&made, "issuer.key"));
    CHECK(is_there(&made, "root-1.key") && is_there(&made, "issuer-1.key"));
    CHECK(root_key_is_of(&made) && root_key_is_here(&made));
    REQUIRE(identity_home_mesh(&made, &after, message) == 0);
    REQUIRE(authority_home_root(&made, &root, message) == 0);
    CHECK(digest_equal(before, after) && !digest_equal(before, root));
    CHECK_INT(rotation_begin(&joined, message), ERR_PERMISSION);
    end();
}

/* Killed before the roots were written: nobody has seen the keys but who copied the home. */
TEST(test_what_was_cut_short_goes_on)
{
    char path[HOME_PATH_SIZE];
    struct buf before, after;
    begin();
    buf_init(&before, &host_memory, 16384);
    buf_init(&after, &host_memory, 16384);
    CHECK_INT(rotation_begin(&made, message), 0);
    home_file(&made, "root-1.key", path);
    REQUIRE(home_read_file(path, &before, message) == 0);
    home_file(&made, "roots", path);
    REQUIRE(unlink(path) == 0);
    check_step(ROTATION_NONE, 0, 0);
    CHECK_INT(rotation_begin(&made, message), 0);
    check_step(ROTATION_BEGUN, 4, 1);
    home_file(&made, "root-1.key", path);
    REQUIRE(home_read_file(path, &after, message) == 0);
    CHECK(!bytes_equal(buf_bytes(&before), buf_bytes(&after)));
    buf_clear(&before);
    buf_clear(&after);
    end();
}

static int come_in(struct identity *host, const struct identity *guest, int64_t late_s)
{
    struct node_id id;
    int party;
    return trust_check_late(identity_trust(host), identity_leaf(guest), NULL, late_s, &id, &party);
}

static int verify(struct identity *host, const struct identity *author, int64_t *not_after_s)
{
    static const struct bytes text = {(const uint8_t *)"a fact", 6};
    struct signer s = {.party = 0};
    uint8_t sig[64];
    REQUIRE(identity_sign(author, text, sig) == 0);
    int rc = identity_verify(host, identity_certificate(author), text, sig, &s);
    *not_after_s = s.not_after_s;
    return rc;
}

TEST(test_each_stage_lets_in_whom_it_should_and_no_fact_becomes_untrue)
{
    int64_t until;
    begin();
    struct identity *old = node_of(&joined, joined_state), *host;
    CHECK_INT(rotation_begin(&made, message), 0);
    host = node_of(&made, made_state);
    CHECK_INT(identity_generation(host), 0);
    CHECK(!identity_is_due(host));
    CHECK_INT(come_in(host, old, 0), 0);
    identity_free(host);
    CHECK_INT(rotation_use(&made, message), 0);
    host = node_of(&made, made_state);
    CHECK_INT(identity_generation(host), 1);
    CHECK_INT(come_in(host, old, 0), 0);
    identity_free(host);
    CHECK_INT(rotation_finish(&made, message), 0);
    host = node_of(&made, made_state);
    CHECK_INT(come_in(host, old, 0), ERR_IDENTITY);
    CHECK_INT(come_in(host, old, JOIN_LATE_S), 0);
    CHECK_INT(verify(host, old, &until), 0);
    CHECK(until <= (int64_t)time(NULL));
    /* The other side, once it knows, takes both, and is to have another certificate itself. */
    CHECK(!identity_is_due(old));
    CHECK_INT(take(), 0);
    CHECK_INT(take(), ERR_EXISTS);
    CHECK_INT(identity_renew(old, &joined, joined_state, message), 1);
    CHECK(identity_is_due(old));
    CHECK_INT(identity_generation(old), 0);
    CHECK_INT(come_in(old, host, 0), 0);
    CHECK_INT(verify(old, host, &until), 0);
    CHECK(until > (int64_t)time(NULL));
    identity_free(host);
    identity_free(old);
    end();
}

static void rotate(void)
{
    REQUIRE(rotation_begin(&made, message) == 0);
    REQUIRE(rotation_use(&made, message) == 0);
    REQUIRE(rotation_finish(&made, message) == 0);
    REQUIRE(rotation_close(&made, message) == 0);
}

TEST(test_after_an_emergency_nobody_is_renewed_by_what_he_has)
{
    struct roots r;
    int64_t until;
    begin();
    struct identity *old = node_of(&joined, joined_state), *host;
    CHECK_INT(rotation_emergency(&made, message), 0);
    check_step(ROTATION_NONE, 6, 1);
    CHECK(!is_there(&made, "root.key"));
    host = node_of(&made, made_state);
    CHECK_INT(come_in(host, old, 0), ERR_IDENTITY);
    CHECK_INT(come_in(host, old, JOIN_LATE_S), ERR_IDENTITY);
    CHECK_INT(verify(host, old, &until), 0);
    CHECK_INT(take(), ERR_IDENTITY);
    read_made(&r);
    CHECK_INT(roots_take(&joined, buf_bytes(&r.bytes), true, message), 0);
    roots_clear(&r);
    identity_free(host);
    /* Nor after a change that was none. */
    rotate();
    host = node_of(&made, made_state);
    CHECK_INT(come_in(host, old, JOIN_LATE_S), ERR_IDENTITY);
    CHECK_INT(verify(host, old, &until), 0);
    identity_free(host);
    identity_free(old);
    end();
}

/* Only who is under the root before the last, and only once that one's time is over. */
TEST(test_the_next_change_renews_nobody_of_a_root_before)
{
    struct identity *old, *host;
    begin();
    old = node_of(&joined, joined_state);
    rotate();
    host = node_of(&made, made_state);
    CHECK_INT(come_in(host, old, JOIN_LATE_S), 0);
    identity_free(host);
    for (int i = 0; i < 3; i++) {
        REQUIRE((i == 0   ? rotation_begin(&made, message)
                 : i == 1 ? rotation_use(&made, message)
                          : rotation_finish(&made, message)) == 0);
        host = node_of(&made, made_state);
        CHECK_INT(come_in(host, old, JOIN_LATE_S), ERR_IDENTITY);
        identity_free(host);
    }
    identity_free(old);
    end();
}

/* As if the last stage had been two hours ago, when this certificate was not made yet. */
TEST(test_what_was_made_behind_its_roots_end_is_not_renewed)
{
    struct roots r;
    struct identity *old, *host;
    begin();
    old = node_of(&joined, joined_state);
    rotate();
    read_made(&r);
    EVP_PKEY *key = key_of(&made, "root-1.key");
    r.at_s -= 7200;
    REQUIRE(roots_sign(&r, key) == 0 && roots_write(&made, &r, message) == 0);
    host = node_of(&made, made_state);
    CHECK_INT(come_in(host, old, JOIN_LATE_S), ERR_IDENTITY);
    identity_free(host);
    identity_free(old);
    EVP_PKEY_free(key);
    roots_clear(&r);
    end();
}

/* Begun after so many steps of a change in order. */
static void hurry(int steps)
{
    static int (*const step[])(const struct home *, char *) = {rotation_begin, rotation_use,
                                                               rotation_finish};
    struct roots r;
    begin();
    for (int i = 0; i < steps; i++)
        REQUIRE(step[i](&made, message) == 0);
    struct identity *old = node_of(&joined, joined_state), *used = node_of(&made, made_state);
    CHECK_INT(rotation_emergency(&made, message), 0);
    struct identity *host = node_of(&made, made_state);
    read_made(&r);
    CHECK_INT(r.count, steps > 0 ? 3 : 2);
    CHECK(r.stage == ROOTS_ALONE && !r.all[r.count - 1].cross);
    check_step(ROTATION_NONE, steps > 0 ? 10 : 6, steps > 0 ? 2 : 1);
    CHECK_INT(identity_generation(host), r.count - 1);
    CHECK_INT(come_in(host, old, JOIN_LATE_S), ERR_IDENTITY);
    CHECK_INT(come_in(host, used, JOIN_LATE_S), ERR_IDENTITY);
    CHECK(!is_there(&made, "root.key") && !is_there(&made, "issuer.key"));
    CHECK(steps == 0 || (!is_there(&made, "root-1.key") && !is_there(&made, "issuer-1.key")));
    CHECK(root_key_is_of(&made) && root_key_is_here(&made));
    rotate();
    roots_clear(&r);
    identity_free(host);
    identity_free(used);
    identity_free(old);
    end();
}

/* As a backup leaves it that was unpacked over a home that had gone on. */
TEST(test_an_issuers_file_of_another_key_is_written_over)
{
    char command[2 * HOME_PATH_SIZE + 64];
    struct identity *i;
    begin();
    snprintf(command, sizeof command, "cp %s/issuer.pem %s/issuer-1.pem", made.path, made.path);
    REQUIRE(system(command) == 0);
    rotate();
    i = node_of(&made, made_state);
    CHECK(come_in(i, i, 0) >= 0);
    identity_free(i);
    end();
}

TEST(test_an_emergency_may_begin_at_each_step_of_a_change)
{
    for (int steps = 0; steps <= 3; steps++)
        hurry(steps);
}

/* Killed when the roots were written, and before the keys were deleted. */
TEST(test_an_emergency_that_was_cut_short_ends_and_is_not_done_twice)
{
    static const struct bytes text = {(const uint8_t *)"note", 4};
    char path[HOME_PATH_SIZE];
    begin();
    CHECK_INT(rotation_emergency(&made, message), 0);
    home_file(&made, "rotating", path);
    REQUIRE(home_write_file(path, text, message) == 0);
    check_step(ROTATION_FINISHED, 6, 1);
    CHECK_INT(rotation_emergency(&made, message), 0);
    check_step(ROTATION_NONE, 6, 1);
    end();
}

TEST(test_no_key_is_deleted_while_the_next_ones_are_not_good)
{
    char path[HOME_PATH_SIZE];
    begin();
    EVP_PKEY *other = certificate_new_key();
    REQUIRE(rotation_begin(&made, message) == 0);
    REQUIRE(rotation_use(&made, message) == 0);
    REQUIRE(rotation_finish(&made, message) == 0);
    home_file(&made, "issuer-1.key", path);
    REQUIRE(unlink(path) == 0 && pem_file_write_key(path, other, message) == 0);
    CHECK_INT(rotation_close(&made, message), ERR_DAMAGED);
    CHECK(strstr(message, "issuer-1.key is not the key") != NULL);
    CHECK(is_there(&made, "root.key") && is_there(&made, "issuer.key"));
    EVP_PKEY_free(other);
    end();
}

TEST(test_no_change_begins_by_a_clock_that_cannot_be_right)
{
    char path[HOME_PATH_SIZE];
    begin();
    EVP_PKEY *key = key_of(&made, "root.key");
    const struct certificate_request c = {.kind = CERTIFICATE_ROOT, .key = key, .seconds = -60};
    X509 *over = certificate_make(&c);
    home_file(&made, "root.pem", path);
    REQUIRE(over && pem_file_write_certificate(path, over, message) == 0);
    CHECK_INT(rotation_begin(&made, message), ERR_SYSTEM);
    CHECK(strstr(message, "by the clock of this machine") != NULL);
    CHECK(!is_there(&made, "root-1.key") && !is_there(&made, "rotating"));
    X509_free(over);
    EVP_PKEY_free(key);
    end();
}

TEST(test_each_step_is_for_the_machine_that_made_the_mesh)
{
    begin();
    REQUIRE(rotation_begin(&made, message) == 0);
    CHECK_INT(take(), 0);
    CHECK_INT(rotation_begin(&joined, message), ERR_PERMISSION);
    CHECK_INT(rotation_use(&joined, message), ERR_PERMISSION);
    CHECK_INT(rotation_finish(&joined, message), ERR_PERMISSION);
    CHECK_INT(rotation_close(&joined, message), ERR_PERMISSION);
    CHECK_INT(rotation_emergency(&joined, message), ERR_PERMISSION);
    end();
}

static void copy_file(const struct home *to, const char *name)
{
    char from[HOME_PATH_SIZE], path[HOME_PATH_SIZE];
    struct buf b;
    buf_init(&b, &host_memory, 65536);
    home_file(&made, name, from);
    home_file(to, name, path);
    REQUIRE(home_read_file(from, &b, message) == 0);
    REQUIRE(home_write_file(path, buf_bytes(&b), message) == 0);
    buf_clear(&b);
}

/* Killed before root.pem, which is written last. */
TEST(test_a_first_start_begins_anew_where_a_join_was_cut_short)
{
    static const char *const left[] = {"roots", "issuer.pem", "root-1.pem", "issuer-1.pem"};
    struct home half;
    char state[128], path[HOME_PATH_SIZE];
    begin();
    rotate();
    home_below(&half, "half", state);
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        copy_file(&half, left[i]);
    /* A home that made a mesh is not a join: its keys are not thrown away. */
    copy_file(&half, "root-1.key");
    CHECK_INT(identity_mesh_open(&half, message), ERR_DAMAGED);
    CHECK(strstr(message, "root-1.key: restore") != NULL && is_there(&half, "roots"));
    home_file(&half, "root-1.key", path);
    REQUIRE(unlink(path) == 0);
    REQUIRE(identity_mesh_open(&half, message) == 0);
    CHECK(is_there(&half, "root.key") && !is_there(&half, "roots"));
    CHECK(!is_there(&half, "root-1.pem") && !is_there(&half, "issuer-1.pem"));
    identity_free(node_of(&half, state));
    end();
}

TEST(test_the_last_root_is_without_a_certificate_only_at_the_end)
{
    struct roots r, again;
    begin();
    REQUIRE(rotation_emergency(&made, message) == 0);
    EVP_PKEY *key = key_of(&made, "root-1.key");
    read_made(&r);
    CHECK(!roots_are_certified(&r, 0) && roots_are_certified(&r, 1));
    for (int stage = ROOTS_ADDED; stage <= ROOTS_ALONE; stage++) {
        r.stage = (enum roots_stage)stage;
        REQUIRE(roots_sign(&r, key) == 0);
        int rc = roots_decode(&again, buf_bytes(&r.bytes));
        CHECK_INT(rc, stage == ROOTS_ALONE ? 0 : ERR_IDENTITY);
        if (rc == 0)
            roots_clear(&again);
    }
    roots_clear(&r);
    EVP_PKEY_free(key);
    end();
}

TEST(test_roots_that_do_not_hold_are_not_written)
{
    struct roots r;
    begin();
    EVP_PKEY *other = certificate_new_key();
    REQUIRE(rotation_begin(&made, message) == 0);
    read_made(&r);
    REQUIRE(roots_sign(&r, other) == 0);
    CHECK_INT(roots_write(&made, &r, message), ERR_IDENTITY);
    roots_clear(&r);
    read_made(&r);
    roots_clear(&r);
    EVP_PKEY_free(other);
    end();
}

/* Who knows the first root only, and is shown what others show. */
static int meet(struct identity *i, const struct roots *r, X509 *leaf, bool crosses)
{
    STACK_OF(X509) *sent = sk_X509_new_null();
    struct node_id id;
    int party;
    REQUIRE(sent && sk_X509_push(sent, r->all[r->count - 1].issuer) > 0);
    for (uint32_t g = r->count; crosses && g-- > 1;)
        REQUIRE(sk_X509_push(sent, r->all[g].cross) > 0);
    int rc = trust_check(identity_trust(i), leaf, sent, &id, &party);
    sk_X509_free(sent);
    return rc;
}

TEST(test_who_was_away_finds_the_way_by_crosses_however_many)
{
    struct roots r;
    begin();
    struct identity *away = node_of(&joined, joined_state);
    rotate();
    rotate();
    check_step(ROTATION_NONE, 10, 2);
    struct identity *host = node_of(&made, made_state);
    read_made(&r);
    CHECK_INT(meet(away, &r, identity_leaf(host), false), ERR_IDENTITY);
    CHECK(!identity_is_due(away));
    CHECK_INT(meet(away, &r, identity_leaf(host), true), 0);
    CHECK(identity_is_due(away));
    CHECK_INT(take(), 0);
    roots_clear(&r);
    identity_free(host);
    identity_free(away);
    end();
}

TEST(test_a_mesh_has_eight_roots_at_most)
{
    begin();
    for (int i = 1; i < ROOTS_GENERATIONS_MAX; i++)
        rotate();
    CHECK_INT(rotation_begin(&made, message), ERR_FULL);
    CHECK(strstr(message, "eight roots") != NULL);
    CHECK_INT(take(), 0);
    end();
}

/* --- what an outsider may say --- */

/* Signs them anew with a key of the outsider's, as their last root. */
static int say_as(struct roots *r, EVP_PKEY *key)
{
    struct roots again;
    REQUIRE(roots_sign(r, key) == 0);
    int rc = roots_decode(&again, buf_bytes(&r->bytes));
    if (rc < 0)
        return rc;
    rc = rotation_take(&joined, buf_bytes(&r->bytes), message);
    roots_clear(&again);
    return rc;
}

static X509 *make(enum certificate_kind kind, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    const struct certificate_request c = {
        .kind = kind, .key = key, .issuer = issuer, .issuer_key = issuer_key, .seconds = 1000};
    X509 *x = certificate_make(&c);
    REQUIRE(x);
    return x;
}

static void replace(X509 **at, X509 *by)
{
    X509_free(*at);
    *at = by;
}

TEST(test_an_outsiders_next_root_is_refused)
{
    struct roots r;
    begin();
    EVP_PKEY *own = certificate_new_key();
    REQUIRE(rotation_begin(&made, message) == 0);
    EVP_PKEY *right = key_of(&made, "root-1.key");
    read_made(&r);
    struct roots_generation *last = &r.all[1];
    CHECK_INT(say_as(&r, own), ERR_IDENTITY); /* by another key than the last root's */
    replace(&last->root, make(CERTIFICATE_ROOT, own, NULL, NULL));
    replace(&last->issuer, make(CERTIFICATE_ISSUER, own, last->root, own));
    CHECK_INT(say_as(&r, own), ERR_IDENTITY); /* the cross is another key's */
    replace(&last->cross, make(CERTIFICATE_CROSS, own, r.all[0].root, own));
    CHECK_INT(say_as(&r, own), ERR_IDENTITY); /* the cross is not the old root's */
    replace(&last->cross, NULL);
    CHECK_INT(say_as(&r, own), ERR_IDENTITY); /* no cross, and no string */
    roots_clear(&r);
    /* The right one in the end, and then nothing beside it. */
    read_made(&r);
    CHECK_INT(say_as(&r, right), 0);
    EVP_PKEY *old = key_of(&made, "root.key");
    replace(&r.all[1].root, make(CERTIFICATE_ROOT, own, NULL, NULL));
    replace(&r.all[1].issuer, make(CERTIFICATE_ISSUER, own, r.all[1].root, own));
    replace(&r.all[1].cross, make(CERTIFICATE_CROSS, own, r.all[0].root, old));
    r.stage = ROOTS_ALONE;
    CHECK_INT(say_as(&r, own), ERR_IDENTITY); /* by who has the old root's key, too late */
    roots_clear(&r);
    EVP_PKEY_free(old);
    EVP_PKEY_free(right);
    EVP_PKEY_free(own);
    end();
}

/* With the root's key and all that it takes, but for the home itself. */
static void steal(struct roots *r, EVP_PKEY *own)
{
    EVP_PKEY *old = key_of(&made, "root.key");
    struct roots_generation *g = &r->all[r->count++];
    g->root = make(CERTIFICATE_ROOT, own, NULL, NULL);
    g->issuer = make(CERTIFICATE_ISSUER, own, g->root, own);
    g->cross = make(CERTIFICATE_CROSS, own, r->all[0].root, old);
    REQUIRE(roots_sign(r, own) == 0);
    EVP_PKEY_free(old);
}

TEST(test_nobody_tells_the_home_that_made_the_mesh_of_another_root)
{
    struct roots r;
    begin();
    EVP_PKEY *own = certificate_new_key();
    read_made(&r);
    steal(&r, own);
    CHECK_INT(rotation_take(&made, buf_bytes(&r.bytes), message), ERR_PERMISSION);
    CHECK(strstr(message, "velum ca rotate --emergency") != NULL);
    CHECK(!is_there(&made, "roots"));
    CHECK_INT(rotation_emergency(&made, message), 0);
    check_step(ROTATION_NONE, 6, 1);
    roots_clear(&r);
    read_made(&r);
    CHECK_INT(rotation_take(&made, buf_bytes(&r.bytes), message), ERR_EXISTS);
    roots_clear(&r);
    EVP_PKEY_free(own);
    end();
}

/* Of the others, who believed him, a new string is the way back. */
TEST(test_who_was_told_of_a_thiefs_root_comes_back_by_a_string)
{
    struct roots r;
    begin();
    EVP_PKEY *own = certificate_new_key();
    read_made(&r);
    steal(&r, own);
    CHECK_INT(rotation_take(&joined, buf_bytes(&r.bytes), message), 0);
    roots_clear(&r);
    REQUIRE(rotation_emergency(&made, message) == 0);
    CHECK_INT(take(), ERR_IDENTITY);
    read_made(&r);
    CHECK_INT(roots_take(&joined, buf_bytes(&r.bytes), true, message), 0);
    CHECK_INT(take(), ERR_EXISTS);
    roots_clear(&r);
    EVP_PKEY_free(own);
    end();
}

TEST(test_roots_of_another_mesh_and_damaged_ones_are_refused)
{
    struct home other;
    struct roots r, again;
    char state[128], path[HOME_PATH_SIZE];
    begin();
    home_below(&other, "other", state);
    REQUIRE(identity_mesh_open(&other, message) == 0);
    REQUIRE(rotation_begin(&other, message) == 0);
    REQUIRE(roots_read(&r, &other, message) == 0);
    CHECK_INT(rotation_take(&joined, buf_bytes(&r.bytes), message), ERR_IDENTITY);
    for (size_t i = 0; i < r.bytes.len; i += 5) {
        r.bytes.data[i] ^= 1;
        CHECK(roots_decode(&again, buf_bytes(&r.bytes)) < 0);
        CHECK(roots_decode(&again, (struct bytes){r.bytes.data, i}) < 0);
        r.bytes.data[i] ^= 1;
    }
    /* Nor in the home: its own root is what they must begin with. */
    home_file(&made, "roots", path);
    REQUIRE(home_write_file(path, buf_bytes(&r.bytes), message) == 0);
    CHECK_INT(roots_read(&again, &made, message), ERR_DAMAGED);
    CHECK(strstr(message, "is not of this mesh") != NULL);
    roots_clear(&r);
    end();
}

TEST_MAIN(test_each_step_is_done_once_and_the_old_keys_go_at_the_end,
          test_what_was_cut_short_goes_on,
          test_each_stage_lets_in_whom_it_should_and_no_fact_becomes_untrue,
          test_after_an_emergency_nobody_is_renewed_by_what_he_has,
          test_an_issuers_file_of_another_key_is_written_over,
          test_an_emergency_may_begin_at_each_step_of_a_change,
          test_an_emergency_that_was_cut_short_ends_and_is_not_done_twice,
          test_no_key_is_deleted_while_the_next_ones_are_not_good,
          test_roots_that_do_not_hold_are_not_written,
          test_the_next_change_renews_nobody_of_a_root_before,
          test_what_was_made_behind_its_roots_end_is_not_renewed,
          test_no_change_begins_by_a_clock_that_cannot_be_right,
          test_each_step_is_for_the_machine_that_made_the_mesh,
          test_a_first_start_begins_anew_where_a_join_was_cut_short,
          test_the_last_root_is_without_a_certificate_only_at_the_end,
          test_who_was_away_finds_the_way_by_crosses_however_many,
          test_a_mesh_has_eight_roots_at_most, test_an_outsiders_next_root_is_refused,
          test_nobody_tells_the_home_that_made_the_mesh_of_another_root,
          test_who_was_told_of_a_thiefs_root_comes_back_by_a_string,
          test_roots_of_another_mesh_and_damaged_ones_are_refused)
