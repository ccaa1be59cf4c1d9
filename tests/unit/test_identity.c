#include "core/host/identity.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/authority.h"
#include "core/host/certificate.h"
#include "core/host/roots.h"
#include "core/host/trust.h"
#include "core/node/event.h"
#include "tests/lib/check.h"
#include "tests/unit/age_node.h"

static char message[HOME_MESSAGE_SIZE];

static struct home new_home(void)
{
    struct home h = {"/tmp/velum-identity-XXXXXX"};
    REQUIRE(mkdtemp(h.path) != NULL);
    return h;
}

static void end_home(const struct home *h)
{
    char command[HOME_PATH_SIZE + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", h->path);
    CHECK_INT(system(command), 0);
}

static struct bytes text_of(const char *text)
{
    return bytes_of_text(text);
}

static int check_signature(struct identity *judge, const struct identity *author, const char *text,
                           int *party)
{
    uint8_t sig[64];
    struct signer by;
    REQUIRE(identity_sign(author, text_of(text), sig) == 0);
    int rc = identity_verify(judge, identity_certificate(author), text_of(text), sig, &by);
    if (rc == 0) {
        CHECK(node_id_equal(by.id, identity_id(author)));
        *party = by.party;
    }
    return rc;
}

TEST(test_first_start_makes_a_mesh_and_the_next_keeps_it)
{
    struct home h = new_home();
    struct identity *a = NULL, *b = NULL, *node = NULL;
    int party = 0;
    CHECK_INT(identity_mesh_open(&h, message), 0);
    REQUIRE(identity_user(&a, &h, message) == 0);
    CHECK_INT(identity_mesh_open(&h, message), 0);
    REQUIRE(identity_user(&b, &h, message) == 0);
    REQUIRE(identity_node(&node, &h, h.path, message) == 0);
    CHECK(node_id_equal(identity_id(a), identity_id(b)));
    CHECK(digest_equal(identity_mesh(a), identity_mesh(node)));
    CHECK(!node_id_equal(identity_id(a), identity_id(node)));
    CHECK_INT(check_signature(node, a, "hello", &party), 0);
    CHECK_INT(party, PARTY_USER);
    CHECK_INT(check_signature(a, node, "hello", &party), 0);
    CHECK_INT(party, PARTY_NODE);
    identity_free(a);
    identity_free(b);
    identity_free(node);
    end_home(&h);
}

/* Who would answer those that join; it lacks no memory. */
TEST(test_why_nobody_is_let_in_is_said)
{
    struct home h = new_home(), other = new_home();
    struct identity *welcome = NULL;
    char command[2 * HOME_PATH_SIZE + 32];
    CHECK_INT(identity_mesh_open(&h, message), 0);
    CHECK_INT(identity_mesh_open(&other, message), 0);
    CHECK_INT(identity_welcome(&welcome, &h, message), 0);
    identity_free(welcome);
    snprintf(command, sizeof command, "cp '%s/issuer.pem' '%s'", other.path, h.path);
    CHECK_INT(system(command), 0);
    CHECK_INT(identity_welcome(&welcome, &h, message), ERR_IDENTITY);
    snprintf(command, sizeof command,
             "what the issuer in %s signs is not good by the roots there: velum doctor, ", h.path);
    CHECK(strstr(message, command) == message);
    end_home(&h);
    end_home(&other);
}

TEST(test_node_keeps_its_key_over_restarts)
{
    struct home h = new_home();
    struct identity *a = NULL, *b = NULL;
    char path[HOME_PATH_SIZE + 16];
    REQUIRE(identity_mesh_open(&h, message) == 0);
    REQUIRE(identity_node(&a, &h, h.path, message) == 0);
    struct node_id id = identity_id(a);
    identity_free(a);
    /* A lost certificate is made again for the same key. */
    snprintf(path, sizeof path, "%s/node.pem", h.path);
    CHECK_INT(unlink(path), 0);
    REQUIRE(identity_node(&b, &h, h.path, message) == 0);
    CHECK(node_id_equal(id, identity_id(b)));
    identity_free(b);
    end_home(&h);
}

TEST(test_keys_are_private_files)
{
    static const char *const keys[] = {"root.key", "issuer.key", "user.key"};
    struct home h = new_home();
    char path[HOME_PATH_SIZE + 16];
    struct stat st;
    REQUIRE(identity_mesh_open(&h, message) == 0);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", h.path, keys[i]);
        REQUIRE(stat(path, &st) == 0);
        CHECK_INT(st.st_mode & 0777, 0600);
    }
    end_home(&h);
}

TEST(test_keys_that_others_may_read_are_named)
{
    static const char *const keys[] = {"root.key", "issuer.key", "user.key"};
    struct home h = new_home();
    char path[HOME_PATH_SIZE + 16];
    struct identity *user = NULL;
    REQUIRE(identity_mesh_open(&h, message) == 0);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", h.path, keys[i]);
        REQUIRE(chmod(path, 0640) == 0);
        CHECK_INT(i < 2 ? identity_mesh_open(&h, message) : identity_user(&user, &h, message),
                  ERR_PERMISSION);
        CHECK(strstr(message, path) != NULL);
        REQUIRE(chmod(path, 0600) == 0);
    }
    CHECK_INT(identity_mesh_open(&h, message), 0);
    end_home(&h);
}

static void start_in_child(const struct home *h)
{
    char text[HOME_MESSAGE_SIZE];
    if (fork() == 0)
        _exit(identity_mesh_open(h, text) == 0 ? 0 : 1);
}

TEST(test_racing_first_starts_make_one_root)
{
    struct home h = new_home();
    struct identity *user = NULL;
    int status;
    for (int i = 0; i < 8; i++)
        start_in_child(&h);
    for (int i = 0; i < 8; i++) {
        REQUIRE(wait(&status) > 0);
        CHECK_INT(status, 0);
    }
    /* Everything there belongs together. */
    CHECK_INT(identity_user(&user, &h, message), 0);
    identity_free(user);
    end_home(&h);
}

TEST(test_start_that_was_cut_short_begins_again)
{
    struct home h = new_home();
    struct identity *user = NULL;
    char path[HOME_PATH_SIZE + 16];
    REQUIRE(identity_mesh_open(&h, message) == 0);
    snprintf(path, sizeof path, "%s/root.pem", h.path);
    CHECK_INT(unlink(path), 0);
    snprintf(path, sizeof path, "%s/user.pem", h.path);
    CHECK_INT(unlink(path), 0);
    CHECK_INT(identity_user(&user, &h, message), ERR_NOT_FOUND);
    REQUIRE(identity_mesh_open(&h, message) == 0);
    CHECK_INT(identity_user(&user, &h, message), 0);
    identity_free(user);
    end_home(&h);
}

TEST(test_damaged_files_are_named)
{
    static const char *const files[] = {"root.pem", "issuer.pem", "user.pem", "user.key"};
    for (int i = 0; i < 4; i++) {
        struct home h = new_home();
        struct identity *user = NULL;
        char path[HOME_PATH_SIZE + 16];
        REQUIRE(identity_mesh_open(&h, message) == 0);
        snprintf(path, sizeof path, "%s/%s", h.path, files[i]);
        CHECK_INT(home_write_file(path, text_of("nonsense"), message), 0);
        CHECK_INT(identity_user(&user, &h, message), ERR_DAMAGED);
        CHECK(strstr(message, files[i]) != NULL);
        end_home(&h);
    }
}

TEST(test_other_mesh_is_refused)
{
    struct identity *a = NULL, *b = NULL;
    int party = 0;
    REQUIRE(identity_fleeting(&a) == 0 && identity_fleeting(&b) == 0);
    CHECK_INT(check_signature(a, b, "hello", &party), ERR_IDENTITY);
    CHECK_INT(check_signature(b, a, "hello", &party), ERR_IDENTITY);
    identity_free(a);
    identity_free(b);
}

TEST(test_fleeting_node_and_user)
{
    struct identity *node = NULL, *user = NULL;
    int party = 0;
    REQUIRE(identity_fleeting(&node) == 0 && identity_fleeting_user(&user, node) == 0);
    CHECK_INT(check_signature(node, user, "spec", &party), 0);
    CHECK_INT(party, PARTY_USER);
    CHECK_INT(check_signature(node, node, "fact", &party), 0);
    CHECK_INT(party, PARTY_NODE);
    identity_free(user);
    identity_free(node);
}

TEST(test_any_changed_bit_is_refused)
{
    struct identity *a = NULL;
    uint8_t sig[64], der[2048];
    struct signer by;
    REQUIRE(identity_fleeting(&a) == 0);
    REQUIRE(identity_sign(a, text_of("pay 1"), sig) == 0);
    struct bytes cert = identity_certificate(a);
    REQUIRE(cert.len < sizeof der);
    CHECK_INT(identity_verify(a, cert, text_of("pay 2"), sig, &by), ERR_SIGNATURE);
    for (size_t i = 0; i < 64; i++) {
        sig[i] ^= 1;
        CHECK(identity_verify(a, cert, text_of("pay 1"), sig, &by) < 0);
        sig[i] ^= 1;
    }
    for (size_t i = 0; i < cert.len; i++) {
        memcpy(der, cert.data, cert.len);
        der[i] ^= 1;
        struct bytes changed = {der, cert.len};
        CHECK(identity_verify(a, changed, text_of("pay 1"), sig, &by) < 0);
    }
    for (size_t n = 0; n < cert.len; n += 7)
        CHECK_INT(identity_verify(a, (struct bytes){cert.data, n}, text_of("pay 1"), sig, &by),
                  ERR_IDENTITY);
    CHECK_INT(identity_verify(a, cert, text_of("pay 1"), sig, &by), 0);
    memset(sig, 0, sizeof sig);
    CHECK(identity_verify(a, cert, text_of("pay 1"), sig, &by) < 0);
    memset(sig, 0xff, sizeof sig);
    CHECK(identity_verify(a, cert, text_of("pay 1"), sig, &by) < 0);
    identity_free(a);
}

/* A mesh made by hand, so that each rule of a certificate can be broken alone. */
struct forge {
    EVP_PKEY *root_key, *issuer_key, *leaf_key;
    X509 *root, *issuer;
    struct trust *trust;
    struct digest mesh;
};

static void forge_open(struct forge *a)
{
    certificate_library_open();
    a->root_key = certificate_new_key();
    a->issuer_key = certificate_new_key();
    a->leaf_key = certificate_new_key();
    struct certificate_request root = {
        .kind = CERTIFICATE_ROOT, .key = a->root_key, .seconds = 1000};
    a->root = certificate_make(&root);
    struct certificate_request issuer = {.kind = CERTIFICATE_ISSUER,
                                         .key = a->issuer_key,
                                         .issuer = a->root,
                                         .issuer_key = a->root_key,
                                         .seconds = 1000};
    a->issuer = certificate_make(&issuer);
    REQUIRE(a->root && a->issuer);
    REQUIRE(certificate_key_digest(a->root_key, a->mesh.bytes) == 0);
    struct roots roots;
    REQUIRE(roots_single(&roots, a->root, a->issuer) == 0);
    REQUIRE(trust_new(&a->trust, &roots, a->issuer, 0) == 0);
    roots_clear(&roots);
}

static void forge_close(struct forge *a)
{
    trust_free(a->trust);
    X509_free(a->root);
    X509_free(a->issuer);
    EVP_PKEY_free(a->root_key);
    EVP_PKEY_free(a->issuer_key);
    EVP_PKEY_free(a->leaf_key);
}

static struct certificate_request leaf_request(const struct forge *a)
{
    struct certificate_request r = {.kind = CERTIFICATE_LEAF,
                                    .key = a->leaf_key,
                                    .issuer = a->issuer,
                                    .issuer_key = a->issuer_key,
                                    .seconds = 1000,
                                    .name = {.mesh = a->mesh, .party = PARTY_NODE}};
    REQUIRE(certificate_key_digest(a->leaf_key, r.name.id.bytes) == 0);
    return r;
}

static int judge(struct forge *a, const struct certificate_request *r)
{
    struct node_id id;
    int party;
    X509 *leaf = certificate_make(r);
    REQUIRE(leaf != NULL);
    int rc = trust_check(a->trust, leaf, NULL, &id, &party);
    X509_free(leaf);
    return rc;
}

TEST(test_each_rule_of_a_certificate)
{
    struct forge a;
    forge_open(&a);
    struct certificate_request r = leaf_request(&a);
    CHECK_INT(judge(&a, &r), 0);
    r.seconds = -1; /* ended a second ago */
    CHECK_INT(judge(&a, &r), ERR_IDENTITY);
    r = leaf_request(&a);
    r.name.id.bytes[0] ^= 1; /* an id that is not the key's */
    CHECK_INT(judge(&a, &r), ERR_IDENTITY);
    r = leaf_request(&a);
    r.name.mesh.bytes[31] ^= 1; /* of another mesh by its own word */
    CHECK_INT(judge(&a, &r), ERR_IDENTITY);
    r = leaf_request(&a);
    r.issuer_key = a.root_key; /* signed by a key that is not its issuer's */
    CHECK_INT(judge(&a, &r), ERR_IDENTITY);
    r = leaf_request(&a);
    r.issuer = NULL; /* signs itself */
    r.issuer_key = NULL;
    CHECK_INT(judge(&a, &r), ERR_IDENTITY);
    r = leaf_request(&a);
    r.kind = CERTIFICATE_ISSUER; /* no name at all, and an issuer under an issuer */
    CHECK_INT(judge(&a, &r), ERR_IDENTITY);
    forge_close(&a);
}

/* Who comes in must be valid now; what was signed stays signed when the certificate ends. */
TEST(test_expired_certificate_still_shows_who_signed)
{
    struct forge a;
    struct signer by = {.party = 0};
    struct node_id id;
    int party;
    uint8_t sig[64], der[80];
    unsigned char *leaf_der = NULL;
    size_t len = sizeof der;
    struct bytes text = text_of("done");
    struct digest digest = sha256_of(text.data, text.len);
    forge_open(&a);
    struct certificate_request r = leaf_request(&a);
    r.seconds = -1;
    X509 *leaf = certificate_make(&r);
    REQUIRE(leaf != NULL);
    EVP_PKEY_CTX *signer = EVP_PKEY_CTX_new(a.leaf_key, NULL);
    REQUIRE(EVP_PKEY_sign_init(signer) == 1);
    REQUIRE(EVP_PKEY_sign(signer, der, &len, digest.bytes, ID_SIZE) == 1);
    REQUIRE(signature_from_der((struct bytes){der, len}, sig) == 0);
    int n = i2d_X509(leaf, &leaf_der);
    REQUIRE(n > 0);
    struct bytes certificate = {leaf_der, (size_t)n};
    for (int i = 0; i < 2; i++) { /* new, then remembered */
        CHECK_INT(trust_verify(a.trust, certificate, text, sig, &by), 0);
        CHECK_INT(by.party, PARTY_NODE);
        CHECK_INT(by.not_after_s, certificate_not_after(leaf));
        CHECK(by.not_after_s < trust_now_s(a.trust));
        CHECK_INT(trust_check(a.trust, leaf, NULL, &id, &party), ERR_IDENTITY);
    }
    sig[3] ^= 1;
    CHECK_INT(trust_verify(a.trust, certificate, text, sig, &by), ERR_SIGNATURE);
    OPENSSL_free(leaf_der);
    EVP_PKEY_CTX_free(signer);
    X509_free(leaf);
    forge_close(&a);
}

TEST(test_running_node_renews)
{
    struct home h = new_home();
    struct identity *node = NULL;
    uint8_t before[2048];
    int party = 0;
    REQUIRE(identity_mesh_open(&h, message) == 0);
    REQUIRE(identity_node(&node, &h, h.path, message) == 0);
    identity_free(node);
    age_node(&h, h.path, 4000); /* not yet half of its life */
    REQUIRE(identity_node(&node, &h, h.path, message) == 0);
    struct node_id id = identity_id(node);
    size_t len = identity_certificate(node).len;
    REQUIRE(len <= sizeof before);
    memcpy(before, identity_certificate(node).data, len);
    CHECK_INT(identity_renew(node, &h, h.path, message), 0);
    CHECK(bytes_equal((struct bytes){before, len}, identity_certificate(node)));

    age_node(&h, h.path, 60); /* long past it */
    int lock = home_lock(&h, message);
    CHECK_INT(identity_renew(node, &h, h.path, message), ERR_BUSY);
    CHECK(bytes_equal((struct bytes){before, len}, identity_certificate(node)));
    close(lock);
    CHECK_INT(identity_renew(node, &h, h.path, message), 1);
    CHECK(identity_renew_at_s(node) > (int64_t)time(NULL) + 3 * 24 * 3600 - 3600);
    /* The length of a signature varies by a byte or two. */
    CHECK(!bytes_equal((struct bytes){before, len}, identity_certificate(node)));
    CHECK(node_id_equal(id, identity_id(node)));
    CHECK_INT(check_signature(node, node, "after", &party), 0);
    CHECK_INT(party, PARTY_NODE);
    CHECK_INT(identity_renew(node, &h, h.path, message), 0);
    identity_free(node);
    end_home(&h);
}

TEST(test_renewal_keeps_what_it_has_when_the_key_was_changed)
{
    struct home h = new_home();
    struct identity *node = NULL;
    char path[HOME_PATH_SIZE + 16];
    REQUIRE(identity_mesh_open(&h, message) == 0);
    REQUIRE(identity_node(&node, &h, h.path, message) == 0);
    struct node_id id = identity_id(node);
    snprintf(path, sizeof path, "%s/node.key", h.path);
    CHECK_INT(unlink(path), 0);
    CHECK_INT(identity_renew(node, &h, h.path, message), ERR_IDENTITY);
    CHECK(strstr(message, h.path) != NULL);
    CHECK(node_id_equal(id, identity_id(node)));
    identity_free(node);
    end_home(&h);
}

/* An honest leaf's key must not be able to sign another one. */
TEST(test_leaf_cannot_issue)
{
    struct forge a;
    struct node_id id;
    int party;
    forge_open(&a);
    struct certificate_request r = leaf_request(&a);
    X509 *leaf = certificate_make(&r);
    EVP_PKEY *key = certificate_new_key();
    r.key = key;
    r.issuer = leaf;
    r.issuer_key = a.leaf_key;
    REQUIRE(certificate_key_digest(key, r.name.id.bytes) == 0);
    X509 *below = certificate_make(&r);
    STACK_OF(X509) *sent = sk_X509_new_null();
    sk_X509_push(sent, leaf);
    sk_X509_push(sent, a.issuer);
    CHECK_INT(trust_check(a.trust, below, sent, &id, &party), ERR_IDENTITY);
    sk_X509_free(sent);
    X509_free(below);
    X509_free(leaf);
    EVP_PKEY_free(key);
    forge_close(&a);
}

/* One that is named as its own issuer counts for no path length, but for ours. */
TEST(test_an_issuer_makes_no_other_issuer)
{
    struct forge a;
    struct node_id id;
    int party;
    forge_open(&a);
    EVP_PKEY *key = certificate_new_key();
    struct certificate_request issuer = {.kind = CERTIFICATE_ISSUER,
                                         .key = key,
                                         .issuer = a.issuer,
                                         .issuer_key = a.issuer_key,
                                         .seconds = 1000};
    X509 *below = certificate_make(&issuer);
    struct certificate_request r = leaf_request(&a);
    r.issuer = below;
    r.issuer_key = key;
    X509 *leaf = certificate_make(&r);
    STACK_OF(X509) *sent = sk_X509_new_null();
    sk_X509_push(sent, below);
    sk_X509_push(sent, a.issuer);
    CHECK_INT(trust_check(a.trust, leaf, sent, &id, &party), ERR_IDENTITY);
    sk_X509_free(sent);
    X509_free(leaf);
    X509_free(below);
    EVP_PKEY_free(key);
    forge_close(&a);
}

/* A second issuer of the same root is believed when its certificate comes along. */
TEST(test_issuer_that_was_sent_along)
{
    struct forge a;
    struct node_id id;
    int party = 0;
    forge_open(&a);
    EVP_PKEY *key = certificate_new_key();
    struct certificate_request issuer = {.kind = CERTIFICATE_ISSUER,
                                         .key = key,
                                         .issuer = a.root,
                                         .issuer_key = a.root_key,
                                         .seconds = 1000};
    X509 *second = certificate_make(&issuer);
    struct certificate_request r = leaf_request(&a);
    r.issuer = second;
    r.issuer_key = key;
    X509 *leaf = certificate_make(&r);
    CHECK_INT(trust_check(a.trust, leaf, NULL, &id, &party), ERR_IDENTITY);
    STACK_OF(X509) *sent = sk_X509_new_null();
    sk_X509_push(sent, second);
    CHECK_INT(trust_check(a.trust, leaf, sent, &id, &party), 0);
    CHECK_INT(party, PARTY_NODE);
    sk_X509_free(sent);
    X509_free(leaf);
    X509_free(second);
    EVP_PKEY_free(key);
    forge_close(&a);
}

TEST(test_cache_holds_more_authors_than_it_has_room_for)
{
    struct forge a;
    forge_open(&a);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < TRUST_CACHE_MAX + 40; i++) {
            struct certificate_request r = leaf_request(&a); /* serials make each one new */
            CHECK_INT(judge(&a, &r), 0);
        }
    }
    forge_close(&a);
}

TEST_MAIN(test_first_start_makes_a_mesh_and_the_next_keeps_it, test_why_nobody_is_let_in_is_said,
          test_node_keeps_its_key_over_restarts, test_keys_are_private_files,
          test_keys_that_others_may_read_are_named, test_racing_first_starts_make_one_root,
          test_start_that_was_cut_short_begins_again, test_damaged_files_are_named,
          test_other_mesh_is_refused, test_fleeting_node_and_user, test_any_changed_bit_is_refused,
          test_each_rule_of_a_certificate, test_leaf_cannot_issue,
          test_an_issuer_makes_no_other_issuer, test_issuer_that_was_sent_along,
          test_expired_certificate_still_shows_who_signed, test_running_node_renews,
          test_renewal_keeps_what_it_has_when_the_key_was_changed,
          test_cache_holds_more_authors_than_it_has_room_for)
