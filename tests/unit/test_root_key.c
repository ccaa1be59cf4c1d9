/* The root's key out of a home and back, and what goes on without it. */
#include "core/host/root_key.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/authority.h"
#include "core/host/memory.h"
#include "core/host/pem_file.h"
#include "core/host/rotation.h"
#include "tests/lib/check.h"

static char root[64], file[128], message[HOME_MESSAGE_SIZE];
static struct home home;
static const struct bytes word = {(const uint8_t *)"correct horse", 13};
static const struct bytes other_word = {(const uint8_t *)"correct house", 13};

static void home_below(struct home *h, const char *name)
{
    snprintf(h->path, sizeof h->path, "%s/%s", root, name);
    REQUIRE(home_open(h, message) == 0);
    REQUIRE(identity_mesh_open(h, message) == 0);
}

static void begin(void)
{
    snprintf(root, sizeof root, "/tmp/velum-root-XXXXXX");
    REQUIRE(mkdtemp(root));
    snprintf(file, sizeof file, "%s/away.pem", root);
    home_below(&home, "home");
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    CHECK_INT(system(command), 0);
}

static void read_all(const char *path, struct buf *to)
{
    buf_init(to, &host_memory, 65536);
    REQUIRE(home_read_file(path, to, message) == 0);
}

TEST(test_the_key_goes_away_and_comes_back)
{
    char path[HOME_PATH_SIZE];
    struct buf before, away, after;
    struct stat s;
    begin();
    home_file(&home, "root.key", path);
    read_all(path, &before);
    CHECK_INT(root_key_export(&home, file, word, false, message), 0);
    CHECK(root_key_is_here(&home));
    CHECK_INT(root_key_export(&home, file, word, true, message), ERR_EXISTS);
    CHECK(root_key_is_here(&home));
    CHECK(stat(file, &s) == 0 && (s.st_mode & 0777) == 0600);
    read_all(file, &away);
    CHECK(strncmp((char *)away.data, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", 38) == 0);
    REQUIRE(unlink(file) == 0);
    CHECK_INT(root_key_export(&home, file, word, true, message), 0);
    CHECK(!root_key_is_here(&home) && root_key_is_of(&home));
    CHECK_INT(root_key_export(&home, file, word, true, message), ERR_NOT_FOUND);
    CHECK_INT(root_key_import(&home, file, other_word, message), ERR_PERMISSION);
    CHECK(!root_key_is_here(&home));
    CHECK_INT(root_key_import(&home, file, word, message), 0);
    CHECK_INT(root_key_import(&home, file, word, message), ERR_EXISTS);
    read_all(path, &after);
    CHECK(after.len == before.len && memcmp(after.data, before.data, after.len) == 0);
    buf_clear(&before);
    buf_clear(&away);
    buf_clear(&after);
    end();
}

TEST(test_no_key_goes_away_while_there_are_two)
{
    begin();
    REQUIRE(rotation_begin(&home, message) == 0);
    CHECK_INT(root_key_export(&home, file, word, true, message), ERR_BUSY);
    CHECK(strstr(message, "a change of the root is under way") != NULL);
    REQUIRE(rotation_use(&home, message) == 0);
    CHECK_INT(root_key_export(&home, file, word, true, message), ERR_BUSY);
    CHECK(root_key_is_here(&home) && access(file, F_OK) != 0);
    REQUIRE(rotation_finish(&home, message) == 0 && rotation_close(&home, message) == 0);
    CHECK_INT(root_key_export(&home, file, word, true, message), 0);
    CHECK(!root_key_is_here(&home));
    end();
}

TEST(test_the_key_of_another_mesh_is_not_taken)
{
    struct home other;
    char path[HOME_PATH_SIZE], theirs[HOME_PATH_SIZE];
    begin();
    home_below(&other, "other");
    CHECK_INT(root_key_export(&other, file, word, true, message), 0);
    home_file(&home, "root.key", path);
    home_file(&other, "root.key", theirs);
    REQUIRE(rename(path, theirs) == 0);
    CHECK_INT(root_key_import(&home, file, word, message), ERR_IDENTITY);
    CHECK(!root_key_is_here(&home));
    /* A key that was put there by hand is not given away as the root's. */
    REQUIRE(unlink(file) == 0);
    CHECK_INT(root_key_export(&other, file, word, true, message), ERR_IDENTITY);
    CHECK(access(file, F_OK) != 0 && root_key_is_here(&other));
    end();
}

/* What is deleted is what can be read again: the file is looked at as whoever imports it would. */
TEST(test_a_file_that_cannot_be_read_back_leaves_the_key_where_it_is)
{
    static const struct bytes empty = {(const uint8_t *)"", 0};
    char tmp[160];
    begin();
    snprintf(tmp, sizeof tmp, "%s/none/away.pem", root);
    CHECK(root_key_export(&home, tmp, word, true, message) < 0);
    CHECK(root_key_is_here(&home));
    snprintf(tmp, sizeof tmp, "%s/away.pem.tmp", root);
    REQUIRE(mkdir(tmp, 0700) == 0);
    CHECK(root_key_export(&home, file, word, true, message) < 0);
    CHECK(root_key_is_here(&home) && access(file, F_OK) != 0);
    CHECK_INT(root_key_import(&home, file, empty, message), ERR_EXISTS);
    end();
}

TEST(test_a_key_under_a_passphrase_in_its_place_is_damage_and_asks_nobody)
{
    char path[HOME_PATH_SIZE];
    EVP_PKEY *key = NULL;
    begin();
    home_file(&home, "root.key", path);
    CHECK_INT(root_key_export(&home, file, word, false, message), 0);
    REQUIRE(rename(file, path) == 0);
    CHECK_INT(pem_file_read_key(path, &key, message), ERR_DAMAGED);
    CHECK(key == NULL);
    end();
}

/* The issuer's certificate, with so many seconds to live. */
static void write_issuer(int64_t seconds)
{
    char path[HOME_PATH_SIZE];
    EVP_PKEY *root_key = NULL, *key = NULL;
    X509 *top = NULL;
    home_file(&home, "root.key", path);
    REQUIRE(pem_file_read_key(path, &root_key, message) == 0);
    home_file(&home, "issuer.key", path);
    REQUIRE(pem_file_read_key(path, &key, message) == 0);
    home_file(&home, "root.pem", path);
    REQUIRE(pem_file_read_certificate(path, &top, message) == 0);
    const struct certificate_request r = {.kind = CERTIFICATE_ISSUER,
                                          .key = key,
                                          .issuer = top,
                                          .issuer_key = root_key,
                                          .seconds = seconds};
    X509 *issuer = certificate_make(&r);
    REQUIRE(issuer);
    home_file(&home, "issuer.pem", path);
    REQUIRE(pem_file_write_certificate(path, issuer, message) == 0);
    X509_free(issuer);
    X509_free(top);
    EVP_PKEY_free(key);
    EVP_PKEY_free(root_key);
}

static int make_node(const char *name)
{
    struct identity *i = NULL;
    char state[HOME_PATH_SIZE];
    snprintf(state, sizeof state, "%s/%s", root, name);
    REQUIRE(mkdir(state, 0700) == 0);
    int rc = identity_mesh_open(&home, message);
    if (rc == 0)
        rc = identity_node(&i, &home, state, message);
    identity_free(i);
    return rc;
}

TEST(test_without_it_all_goes_on_until_the_issuer_ends_and_then_a_sentence_says_what_to_do)
{
    struct authority_life life;
    char path[HOME_PATH_SIZE];
    begin();
    write_issuer(600); /* due */
    CHECK_INT(root_key_export(&home, file, word, true, message), 0);
    CHECK_INT(make_node("a"), 0);
    CHECK_INT(root_key_import(&home, file, word, message), 0);
    write_issuer(-1);
    REQUIRE(unlink(file) == 0);
    CHECK_INT(root_key_export(&home, file, word, true, message), 0);
    CHECK_INT(make_node("b"), ERR_PERMISSION);
    CHECK(strstr(message, "issuer has ended") && strstr(message, "velum ca import-root"));
    CHECK_INT(root_key_import(&home, file, word, message), 0);
    CHECK_INT(make_node("c"), 0);
    home_file(&home, "issuer.pem", path);
    REQUIRE(authority_look(path, &life, message) == 0);
    CHECK(life.ends_s - life.begins_s > (int64_t)300 * 24 * 3600);
    end();
}

TEST_MAIN(test_the_key_goes_away_and_comes_back, test_no_key_goes_away_while_there_are_two,
          test_the_key_of_another_mesh_is_not_taken,
          test_a_file_that_cannot_be_read_back_leaves_the_key_where_it_is,
          test_a_key_under_a_passphrase_in_its_place_is_damage_and_asks_nobody,
          test_without_it_all_goes_on_until_the_issuer_ends_and_then_a_sentence_says_what_to_do)
