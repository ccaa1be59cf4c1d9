/* The one request of somebody without a certificate, all the way to the answer: the desk of a mesh
 * with one token. With an odd first byte the proof is made right by the token's secret, so that the
 * keys are looked at too; they were all revoked, so that whoever has everything right still gets
 * nothing, and the token has as many uses as before. */
#include "core/base/err.h"
#include "core/host/invite.h"
#include "core/host/join_desk.h"
#include "core/host/join_proof.h"
#include "core/host/memory.h"
#include "core/wire/message.h"
#include "tests/fuzz/targets/in_file.h"

#define SEEDS 6

static struct home home;
static struct join_string string;
static struct bytes tokens; /* the file, before anybody came */
static int64_t now_s;
static bool came; /* somebody had everything right */
static const uint8_t exporter[32] = {1, 2, 3};

static bool revoked(void *ctx, struct node_id id)
{
    (void)ctx;
    came |= !node_id_is_zero(id);
    return true;
}

static void begin(void)
{
    const struct invite i = {.roles = JOIN_NODE, .ttl_s = 3600, .uses = 1, .addr = "127.0.0.1:1"};
    char text[JOIN_TEXT_SIZE], message[HOME_MESSAGE_SIZE], path[HOME_PATH_SIZE];
    static uint8_t room[TARGET_INPUT_MAX];
    struct token t;
    struct buf file;
    if (tokens.len > 0)
        return;
    snprintf(home.path, sizeof home.path, "desk");
    REQUIRE(home_open(&home, message) == 0 && invite_open(&home, message) == 0);
    REQUIRE(invite_make(&home, &i, text, &t, message) == 0);
    REQUIRE(join_string_parse(&string, text) == 0);
    now_s = t.expires_s - 60;
    home_file(&home, "tokens", path);
    buf_init_fixed(&file, room, sizeof room);
    REQUIRE(home_read_file(path, &file, message) == 0);
    tokens = buf_bytes(&file);
}

/* Gives what it came to: 0 and a type, or < 0. */
static int ask(struct bytes request, uint8_t *type)
{
    const struct join_desk_parts parts = {.home = &home, .revoked = revoked};
    struct join_desk *desk;
    struct buf answer;
    REQUIRE(join_desk_new(&desk, &parts) == 0);
    buf_init(&answer, &host_memory, FRAME_PAYLOAD_MAX);
    int rc =
        join_desk_answer_at(desk, 1, (struct instant){1}, now_s, exporter, request, type, &answer);
    CHECK_INT(answer.len, 0);
    buf_clear(&answer);
    join_desk_free(desk);
    return rc;
}

static void put_proven(struct buf *to, struct join_request *r)
{
    const struct digest verifier = token_verifier(string.id, string.secret);
    memcpy(r->id, string.id, sizeof r->id);
    REQUIRE(join_proof(&verifier, exporter, r->about, r->proof) == 0);
    put_join_request(to, r);
}

void target_one(struct bytes in)
{
    static uint8_t room[2 * TARGET_INPUT_MAX];
    struct join_request r;
    struct buf proven;
    uint8_t type = 0;
    if (in.len == 0)
        return;
    begin();
    struct bytes request = {in.data + 1, in.len - 1};
    buf_init_fixed(&proven, room, sizeof room);
    if ((in.data[0] & 1) && join_request_decode(request, &r) == 0) {
        put_proven(&proven, &r);
        request = buf_bytes(&proven);
    }
    in_file("desk/tokens", tokens);
    CHECK_INT(ask(request, &type), 0);
    CHECK_INT(type, MESSAGE_JOIN_REFUSED);
}

/* --- seeds --- */

static void put_key(struct join_key *k, EVP_PKEY *key, uint8_t spki[256])
{
    k->spki = (struct bytes){spki, (size_t)join_key_spki(key, spki)};
}

static void sign(struct join_key *k, EVP_PKEY *key, const struct digest *keys,
                 uint8_t to[JOIN_SIGNATURE_MAX])
{
    const int len = join_key_sign(key, exporter, keys, to);
    REQUIRE(len > 0);
    k->signature = (struct bytes){to, (size_t)len};
}

/* Of a node's key and a user's, or only the latter; the first of them on this curve. */
static void put_request(struct buf *out, const char *curve, bool is_node)
{
    EVP_PKEY *key[2] = {EVP_EC_gen(curve), EVP_EC_gen("P-256")};
    uint8_t spki[2][256], signature[2][JOIN_SIGNATURE_MAX + 40], about_room[1000];
    struct join_key k[2] = {{{0}, {0}}, {{0}, {0}}};
    struct join_request r;
    struct buf about;
    REQUIRE(key[0] && key[1]);
    for (int i = !is_node; i < 2; i++)
        put_key(&k[i], key[i], spki[i]);
    const struct digest both = join_keys_digest(k[0].spki, k[1].spki);
    if (strcmp(curve, "P-256") == 0 && is_node)
        sign(&k[0], key[0], &both, signature[0]);
    sign(&k[1], key[1], &both, signature[1]);
    buf_init_fixed(&about, about_room, sizeof about_room);
    put_join_about(&about, &k[0], &k[1]);
    r.about = buf_bytes(&about);
    put_proven(out, &r);
    EVP_PKEY_free(key[0]);
    EVP_PKEY_free(key[1]);
}

bool target_seed(size_t i, struct buf *out)
{
    uint8_t type = 0;
    begin();
    if (i >= SEEDS)
        return false;
    put_u8(out, i % 2 == 0);
    put_request(out, i < 4 ? "P-256" : "P-384", i < 2 || i >= 4);
    came = false;
    in_file("desk/tokens", tokens);
    CHECK_INT(ask((struct bytes){out->data + 1, out->len - 1}, &type), 0);
    CHECK(came == (i < 4));
    return true;
}
