/* Whose certificate it is, by its chain alone: what makes a member of who was only told of. */
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/host/certificate.h"
#include "core/host/roots.h"
#include "core/host/rotation.h"
#include "core/host/trust.h"
#include "core/node/event.h"
#include "tests/lib/check.h"

/* A mesh made by hand. */
static EVP_PKEY *root_key, *issuer_key, *leaf_key;
static X509 *root, *issuer;
static struct trust *trust;
static struct certificate_request good;

static X509 *issuer_of(X509 *by, EVP_PKEY *by_key, EVP_PKEY *key, enum certificate_kind kind)
{
    const struct certificate_request r = {
        .kind = kind, .key = key, .issuer = by, .issuer_key = by_key, .seconds = 1000};
    X509 *x = certificate_make(&r);
    REQUIRE(x != NULL);
    return x;
}

static void begin(void)
{
    struct roots roots;
    certificate_library_open();
    root_key = certificate_new_key();
    issuer_key = certificate_new_key();
    leaf_key = certificate_new_key();
    root = issuer_of(NULL, NULL, root_key, CERTIFICATE_ROOT);
    issuer = issuer_of(root, root_key, issuer_key, CERTIFICATE_ISSUER);
    REQUIRE(roots_single(&roots, root, issuer) == 0);
    REQUIRE(trust_new(&trust, &roots, issuer, 0) == 0);
    roots_clear(&roots);
    good = (struct certificate_request){.kind = CERTIFICATE_LEAF,
                                        .key = leaf_key,
                                        .issuer = issuer,
                                        .issuer_key = issuer_key,
                                        .seconds = 1000,
                                        .name = {.party = PARTY_NODE}};
    REQUIRE(certificate_key_digest(root_key, good.name.mesh.bytes) == 0);
    REQUIRE(certificate_key_digest(leaf_key, good.name.id.bytes) == 0);
}

static void end(void)
{
    trust_free(trust);
    X509_free(root);
    X509_free(issuer);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(issuer_key);
    EVP_PKEY_free(leaf_key);
}

static int introduce(const struct certificate_request *r, struct signer *by)
{
    unsigned char *der = NULL;
    X509 *leaf = certificate_make(r);
    int len = leaf ? i2d_X509(leaf, &der) : 0;
    REQUIRE(len > 0);
    int rc = trust_introduce(trust, (struct bytes){der, (size_t)len}, by);
    OPENSSL_free(der);
    X509_free(leaf);
    return rc;
}

TEST(a_certificate_says_who_it_is_also_when_it_has_ended)
{
    struct signer by = {.party = 0};
    struct certificate_request r;
    begin();
    CHECK_INT(introduce(&good, &by), 0);
    CHECK(node_id_equal(by.id, good.name.id));
    CHECK_INT(by.party, PARTY_NODE);
    r = good;
    r.seconds = -1;
    CHECK_INT(introduce(&r, &by), 0);
    CHECK(by.not_after_s < trust_now_s(trust));
    r = good;
    r.name.party = PARTY_SUBMIT; /* the core wants a node's */
    CHECK_INT(introduce(&r, &by), 0);
    CHECK_INT(by.party, PARTY_SUBMIT);
    end();
}

/* Nobody who looked at it could have taken it for a node of this mesh. */
TEST(a_forged_one_and_one_of_another_mesh_are_told_from_what_is_not_known_yet)
{
    struct signer by = {.party = 0};
    struct certificate_request r;
    begin();
    r = good;
    r.issuer_key = leaf_key; /* by the issuer's name, and not by its key */
    CHECK_INT(introduce(&r, &by), ERR_SIGNATURE);
    r = good;
    r.name.mesh.bytes[31] ^= 1;
    CHECK_INT(introduce(&r, &by), ERR_SIGNATURE);
    r = good;
    r.name.id.bytes[0] ^= 1;
    CHECK_INT(introduce(&r, &by), ERR_SIGNATURE);
    CHECK_INT(trust_introduce(trust, bytes_of_text("no certificate"), &by), ERR_SIGNATURE);
    CHECK_INT(trust_introduce(trust, (struct bytes){NULL, 0}, &by), ERR_SIGNATURE);
    /* By an issuer that nobody here knows: perhaps of a root that comes later. */
    EVP_PKEY *key = certificate_new_key();
    X509 *other = issuer_of(NULL, NULL, key, CERTIFICATE_ROOT);
    r = good;
    r.issuer = other;
    r.issuer_key = key;
    CHECK_INT(introduce(&r, &by), ERR_IDENTITY);
    CHECK_INT(by.party, 0);
    X509_free(other);
    EVP_PKEY_free(key);
    end();
}

static int introduce_to(const struct home *h, const struct identity *who)
{
    char message[HOME_MESSAGE_SIZE];
    struct identity *host = NULL;
    struct signer by;
    REQUIRE(identity_node(&host, h, h->path, message) == 0);
    int rc = identity_introduce(host, identity_certificate(who), &by);
    CHECK(rc < 0 || node_id_equal(by.id, identity_id(who)));
    identity_free(host);
    return rc;
}

/* Whoever stole the keys of a root makes as many nodes as he likes, until it is given up. */
TEST(a_root_that_was_given_up_makes_no_members)
{
    char message[HOME_MESSAGE_SIZE], command[HOME_PATH_SIZE + 16];
    struct home h = {"/tmp/velum-introduce-XXXXXX"};
    struct identity *old = NULL;
    REQUIRE(mkdtemp(h.path) != NULL && identity_mesh_open(&h, message) == 0);
    REQUIRE(identity_node(&old, &h, h.path, message) == 0);
    CHECK_INT(introduce_to(&h, old), 0);
    CHECK_INT(rotation_begin(&h, message), 0);
    CHECK_INT(rotation_use(&h, message), 0);
    CHECK_INT(rotation_finish(&h, message), 0);
    CHECK_INT(introduce_to(&h, old), 0);
    CHECK_INT(rotation_close(&h, message), 0);
    CHECK_INT(introduce_to(&h, old), 0);
    CHECK_INT(rotation_emergency(&h, message), 0);
    CHECK_INT(introduce_to(&h, old), ERR_IDENTITY);
    identity_free(old);
    snprintf(command, sizeof command, "rm -rf '%s'", h.path);
    CHECK_INT(system(command), 0);
}

TEST_MAIN(a_certificate_says_who_it_is_also_when_it_has_ended,
          a_forged_one_and_one_of_another_mesh_are_told_from_what_is_not_known_yet,
          a_root_that_was_given_up_makes_no_members)
