/* Whose word a receipt is: the certificates that come with it, and any byte that was changed. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/receipt_look.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "tests/lib/check.h"

static char message[HOME_MESSAGE_SIZE];
static struct receipt made;
static uint8_t text_bytes[RECEIPT_SIZE_MAX];
static struct buf text = {
    .data = text_bytes, .cap = sizeof text_bytes, .max = sizeof text_bytes, .borrowed = true};

/* One node, and a hole. */
static void make(void)
{
    made = (struct receipt){.job = {{7}},
                            .author = {{9}},
                            .source = {{5}},
                            .kernel = "pi",
                            .stages = 1,
                            .units = 4000,
                            .leaf_units = 100,
                            .leaves = 40,
                            .state = JOB_DONE,
                            .result = {{1}},
                            .copies = 3,
                            .machines = 2,
                            .submitted_s = 1760000000,
                            .nodes_count = 1,
                            .nodes = {{.id = {{1}}, .name = "one"}},
                            .runs_count = 1,
                            .runs = {{0, 30, 1}},
                            .by_name = "a node"};
    receipt_add_up(&made);
}

static struct home home;
static struct identity *node;

static void copy_der(struct receipt_der *to, struct bytes der)
{
    REQUIRE(der.len <= sizeof to->data);
    to->len = (uint16_t)der.len;
    memcpy(to->data, der.data, der.len);
}

static void open_home(void)
{
    uint8_t rooms[2][CERTIFICATE_SIZE_MAX];
    char state[HOME_PATH_SIZE + 8];
    struct buf issuer, root;
    home = (struct home){"/tmp/velum-receipt-XXXXXX"};
    REQUIRE(mkdtemp(home.path) != NULL);
    REQUIRE(identity_mesh_open(&home, message) == 0);
    snprintf(state, sizeof state, "%s", home.path);
    REQUIRE(identity_node(&node, &home, state, message) == 0);
    buf_init_fixed(&issuer, rooms[0], sizeof rooms[0]);
    buf_init_fixed(&root, rooms[1], sizeof rooms[1]);
    struct identity *user = NULL;
    REQUIRE(identity_user(&user, &home, message) == 0);
    identity_free(user);
    REQUIRE(identity_home_chain(&home, &issuer, &root, message) == 0);
    make();
    made.by = identity_id(node);
    made.mesh = identity_mesh(node);
    made.written_s = (int64_t)time(NULL);
    copy_der(&made.certificate, identity_certificate(node));
    copy_der(&made.issuer, buf_bytes(&issuer));
    copy_der(&made.root, buf_bytes(&root));
}

static void close_home(void)
{
    char command[HOME_PATH_SIZE + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", home.path);
    CHECK_INT(system(command), 0);
    identity_free(node);
    node = NULL;
}

static void sign_made(void)
{
    uint8_t what[64];
    struct signed_bytes s = {.path_count = 0};
    buf_reset(&text);
    put_receipt_body(&text, &made);
    s.body = buf_bytes(&text);
    REQUIRE(identity_sign(node, (struct bytes){what, signed_text(&s, SIGNED_RECEIPT, what)},
                          made.signature) == 0);
    buf_reset(&text);
    put_receipt(&text, &made);
}

/* 0 where it is to be believed. */
static int judged(struct bytes t, char why[128])
{
    struct receipt_look k;
    int rc = receipt_look_open(&k, t);
    text_copy(why, 128, rc < 0 ? k.fault.what : "");
    if (rc == 0) {
        rc = receipt_look_judge(&k);
        text_copy(why, 128, k.why ? k.why : "");
    }
    receipt_look_close(&k);
    return rc;
}

TEST(a_receipt_that_a_node_signed_is_believed)
{
    char why[128];
    open_home();
    sign_made();
    CHECK_INT(judged(buf_bytes(&text), why), 0);
    CHECK_STR(why, "");
    close_home();
}

/* By somebody who knows how the last line is made. */
static void seal_again(struct bytes t)
{
    char hex[ID_HEX_SIZE];
    size_t head = t.len - (sizeof "digest \n" - 1) - 64;
    struct digest d = sha256_of(t.data, head);
    id_hex(d.bytes, 64, hex);
    memcpy((uint8_t *)(uintptr_t)t.data + head + 7, hex, 64);
}

TEST(a_receipt_with_any_byte_changed_is_refused)
{
    static uint8_t other[65536];
    char why[128];
    size_t believed = 0;
    open_home();
    sign_made();
    REQUIRE(text.len <= sizeof other);
    for (size_t i = 0; i < text.len; i++) {
        struct bytes t = {other, text.len};
        for (int sealed = 0; sealed < 2; sealed++) {
            memcpy(other, text.data, text.len);
            other[i] ^= 1;
            if (sealed)
                seal_again(t);
            if (judged(t, why) == 0 && memcmp(other, text.data, text.len) != 0) {
                printf("byte %zu of %zu, sealed %d\n", i, text.len, sealed);
                believed++;
            }
        }
    }
    CHECK_INT(believed, 0);
    close_home();
}

TEST(whose_word_it_is_must_be_in_the_certificate_and_good_at_the_time)
{
    char why[128];
    struct identity *user = NULL;
    open_home();
    made.written_s += 8 * 24 * 3600;
    sign_made();
    CHECK_INT(judged(buf_bytes(&text), why), ERR_IDENTITY);
    CHECK(strstr(why, "was not valid when it was written") != NULL);
    made.written_s -= 9 * 24 * 3600;
    sign_made();
    CHECK_INT(judged(buf_bytes(&text), why), ERR_IDENTITY);
    made.written_s += 24 * 3600;
    made.by = (struct node_id){{4}};
    sign_made();
    CHECK_INT(judged(buf_bytes(&text), why), ERR_IDENTITY);
    CHECK(strstr(why, "not that of the node") != NULL);
    made.by = identity_id(node);
    made.mesh.bytes[0] ^= 1;
    sign_made();
    CHECK_INT(judged(buf_bytes(&text), why), ERR_IDENTITY);
    CHECK(strstr(why, "another mesh") != NULL);
    made.mesh.bytes[0] ^= 1;
    /* A user of the mesh signs what he likes, and it is no receipt. */
    REQUIRE(identity_user(&user, &home, message) == 0);
    made.by = identity_id(user);
    copy_der(&made.certificate, identity_certificate(user));
    identity_free(node);
    node = user;
    sign_made();
    CHECK_INT(judged(buf_bytes(&text), why), ERR_IDENTITY);
    CHECK(strstr(why, "not that of the node") != NULL);
    close_home();
}

TEST(certificates_of_another_mesh_are_no_chain)
{
    struct receipt_der root, issuer;
    char why[128];
    open_home();
    root = made.root;
    issuer = made.issuer;
    close_home();
    open_home();
    made.root = root;
    sign_made();
    CHECK_INT(judged(buf_bytes(&text), why), ERR_IDENTITY);
    CHECK(strstr(why, "issuer") != NULL);
    made.issuer = issuer;
    sign_made();
    CHECK_INT(judged(buf_bytes(&text), why), ERR_IDENTITY);
    CHECK(strstr(why, "signer's certificate is not signed") != NULL);
    close_home();
}

TEST_MAIN(a_receipt_that_a_node_signed_is_believed, a_receipt_with_any_byte_changed_is_refused,
          whose_word_it_is_must_be_in_the_certificate_and_good_at_the_time,
          certificates_of_another_mesh_are_no_chain)
