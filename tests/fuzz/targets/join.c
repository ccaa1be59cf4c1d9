/* What somebody without a certificate can reach, and what he copies: the string to join by, its
 * roles and ids, and the messages. The first byte chooses. */
#include "core/wire/join.h"
#include "core/base/sha256.h"
#include "tests/fuzz/target.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

enum what { STRING, SEALED, ROLES, ID, REQUEST, ANSWER, RENEWED, WHATS };

static struct heap heap;
static char text[TARGET_INPUT_MAX];

static void take_string(void)
{
    static struct join_string s, again;
    char back[JOIN_TEXT_SIZE], twice[JOIN_TEXT_SIZE];
    if (join_string_parse(&s, text) < 0)
        return;
    CHECK(s.roles > 0 && s.roles <= JOIN_ROLES_ALL && s.addrs_count <= JOIN_ADDRS_MAX);
    join_string_text(&s, back);
    CHECK_INT(join_string_parse(&again, back), 0);
    join_string_text(&again, twice);
    CHECK_STR(back, twice);
    CHECK_MEM(s.secret, again.secret, sizeof s.secret);
}

/* The sum over what stands before the last dash is made right, so that this is looked at too. */
static void seal(void)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", word[] = "velum join sum 1";
    char *end = strchr(text, '@');
    char *dash = end ? memrchr(text, '-', (size_t)(end - text)) : strrchr(text, '-');
    struct sha256 s;
    if (!dash || strlen(dash) < 5)
        return;
    sha256_init(&s);
    sha256_add(&s, word, sizeof word);
    for (const char *at = text; at < dash; at++) {
        char c = *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
        sha256_add(&s, &c, 1);
    }
    struct digest d = sha256_end(&s);
    uint32_t bits = (uint32_t)d.bytes[0] << 16 | (uint32_t)d.bytes[1] << 8 | d.bytes[2];
    for (int i = 0; i < 4; i++)
        dash[1 + i] = letters[bits >> (19 - 5 * i) & 31];
}

static void take_roles(void)
{
    char back[40];
    uint8_t roles, again;
    if (join_roles_parse(&roles, text) < 0)
        return;
    CHECK(roles > 0 && roles <= JOIN_ROLES_ALL);
    join_roles_text(roles, back);
    CHECK(join_roles_parse(&again, back) == 0 && again == roles);
}

static void take_id(void)
{
    uint8_t id[JOIN_ID_SIZE], again[JOIN_ID_SIZE];
    char back[JOIN_ID_TEXT_SIZE];
    if (join_id_parse(id, text) < 0)
        return;
    join_id_text(id, back);
    CHECK_INT(join_id_parse(again, back), 0);
    CHECK_MEM(id, again, sizeof id);
}

static void check_same(struct buf *b, struct bytes in)
{
    CHECK(bytes_equal(buf_bytes(b), in));
    buf_clear(b);
}

static void take_request(struct bytes in)
{
    struct join_request r;
    struct buf b;
    if (join_request_decode(in, &r) < 0 || join_read_about(&r) < 0)
        return;
    buf_init(&b, &heap.alloc, JOIN_REQUEST_MAX);
    put_join_request(&b, &r);
    check_same(&b, in);
    buf_init(&b, &heap.alloc, JOIN_REQUEST_MAX);
    put_join_about(&b, &r.node, &r.user);
    check_same(&b, r.about);
}

static void take_answer(struct bytes in)
{
    static struct join_answer a;
    struct buf b;
    if (join_answer_decode(in, &a) < 0)
        return;
    CHECK(a.addrs_count <= JOIN_ADDRS_MAX);
    buf_init(&b, &heap.alloc, TARGET_INPUT_MAX);
    put_join_answer(&b, &a);
    check_same(&b, in);
}

static void take_renewed(struct bytes in)
{
    struct join_renewed m;
    struct buf b;
    if (join_renewed_decode(in, &m) < 0)
        return;
    buf_init(&b, &heap.alloc, TARGET_INPUT_MAX);
    put_join_renewed(&b, &m);
    check_same(&b, in);
}

void target_one(struct bytes in)
{
    if (in.len == 0)
        return;
    const struct bytes rest = {in.data + 1, in.len - 1};
    heap_init(&heap);
    memcpy(text, rest.data, rest.len);
    text[rest.len] = '\0';
    switch (in.data[0] % WHATS) {
    case SEALED:
        seal();
        take_string();
        break;
    case STRING:
        take_string();
        break;
    case ROLES:
        take_roles();
        break;
    case ID:
        take_id();
        break;
    case REQUEST:
        take_request(rest);
        break;
    case ANSWER:
        take_answer(rest);
        break;
    default:
        take_renewed(rest);
        break;
    }
    CHECK(heap_is_empty(&heap));
}

static void put_string(struct buf *out, uint8_t roles, uint8_t addrs)
{
    struct join_string s = {.roles = roles, .addrs_count = addrs};
    char to[JOIN_TEXT_SIZE];
    memset(s.root, 0x5a, sizeof s.root);
    memset(s.id, roles, sizeof s.id);
    memset(s.secret, 0xc3, sizeof s.secret);
    for (uint8_t i = 0; i < addrs; i++)
        snprintf(s.addrs[i], sizeof s.addrs[i], "10.0.0.%u:8001", i);
    join_string_text(&s, to);
    put_raw(out, to, strlen(to));
}

static void put_message(struct buf *out, enum what what)
{
    const struct bytes one = bytes_of_text("a key or a certificate"), two = bytes_of_text("sig");
    const struct join_key key = {one, two}, none = {{0}, {0}};
    struct join_request r = {.id = {1, 2, 3, 4, 5}};
    struct join_answer a = {one, one, two, one, two, 2, {"10.0.0.1:8001", "[fe80::1]:8001"}};
    struct buf about;
    uint8_t room[200];
    switch (what) {
    case REQUEST:
        buf_init_fixed(&about, room, sizeof room);
        put_join_about(&about, out->len % 2 ? &key : &none, &key);
        r.about = buf_bytes(&about);
        put_join_request(out, &r);
        break;
    case ANSWER:
        put_join_answer(out, &a);
        break;
    default:
        put_join_renewed(out, &(struct join_renewed){one, two, one});
        break;
    }
}

bool target_seed(size_t i, struct buf *out)
{
    const enum what what = (enum what)(i / 4);
    const uint8_t n = (uint8_t)(i % 4);
    static const char *const words[] = {"node", "submit,native", "node,submit,native,read", "read"};
    if (what >= WHATS)
        return false;
    put_u8(out, (uint8_t)what);
    if (what == STRING || what == SEALED)
        put_string(out, (uint8_t)(1 + 3 * n), n);
    else if (what == ROLES)
        put_raw(out, words[n], strlen(words[n]));
    else if (what == ID)
        put_raw(out, "ABCDEFGH", 8);
    else
        put_message(out, what);
    return true;
}
