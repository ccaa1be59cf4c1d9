/* Kernels hash and hash-find against OpenSSL and libcrypt, over texts made from seeds, cut into
 * leaves of any size. */
#include <crypt.h>
#include <openssl/evp.h>

#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/host/bcrypt.h"
#include "core/kernel/kernel.h"
#include "core/wire/found.h"
#include "core/wire/spec.h"
#include "tests/unit/plan_rig.h"

#define FILES_MAX 3
#define TEXT_MAX 40000u
#define LINES_MAX 2000u

static struct prng prng;
static uint8_t texts[FILES_MAX][TEXT_MAX];
static uint64_t sizes[FILES_MAX];
static uint32_t files;

/* Where lines are, as a simple loop finds them. */
static struct line {
    const uint8_t *at;
    size_t len;
    uint64_t begin; /* of all bytes */
} lines[LINES_MAX];
static uint32_t lines_count;

static char ours[1 << 20], wanted[1 << 20];
static size_t ours_len, wanted_len;

/* --- the kernels, by themselves --- */

static _Alignas(64) uint8_t scratch[VELUM_MEMORY_MAX];

static void *memory(const struct velum_host *host, size_t size)
{
    (void)host;
    return size <= sizeof scratch ? scratch : NULL;
}

static uint32_t inputs(const struct velum_host *host)
{
    (void)host;
    return files;
}

static const uint8_t *input(const struct velum_host *host, uint32_t index, uint64_t *size)
{
    (void)host;
    *size = index < files ? sizes[index] : 0;
    return index < files && sizes[index] > 0 ? texts[index] : NULL;
}

static int emit(const struct velum_host *host, const void *bytes, size_t size)
{
    (void)host;
    if (size > sizeof ours - ours_len)
        return -1;
    memcpy(ours + ours_len, bytes, size);
    ours_len += size;
    return 0;
}

static int by_crypt(const struct velum_host *host, const void *bytes, size_t size,
                    const char *setting, char text[61])
{
    (void)host;
    return bcrypt_text(bytes, size, setting, text);
}

static struct velum_host host_here(void)
{
    struct velum_host host = *kernel_host_plain();
    host.memory = memory;
    host.inputs = inputs;
    host.input = input;
    host.emit = emit;
    host.bcrypt = by_crypt;
    return host;
}

static int make_plan(const char *kernel, int argc, const char *const *argv)
{
    return kernel_plan(kernel_find(kernel), argc, argv, (uint16_t)files, sizes, &plan);
}

static struct bytes params(void)
{
    return (struct bytes){plan.params, plan.params_size};
}

/* Leaf by leaf of that many units; false when one fails. */
static bool hash_by(uint64_t leaf_units)
{
    const struct velum_host host = host_here();
    char reason[REASON_SIZE];
    ours_len = 0;
    for (uint64_t first = 0; first < plan.units; first += leaf_units) {
        const uint64_t left = plan.units - first;
        memset(scratch, 0xa5, 8192);
        if (kernel_leaf(kernel_find("hash"), &host, params(), first,
                        left < leaf_units ? left : leaf_units, NULL, reason) < 0)
            return false;
    }
    return true;
}

/* --- what they should say --- */

static uint32_t below(uint32_t n)
{
    return (uint32_t)prng_below(&prng, n);
}

static void add_lines(const uint8_t *text, uint64_t size, uint64_t base)
{
    for (uint64_t from = 0; from < size; from++) {
        struct line *l = &lines[lines_count++];
        *l = (struct line){text + from, 0, base + from};
        for (; from < size && text[from] != '\n'; from++)
            l->len++;
    }
}

static void find_lines(void)
{
    uint64_t base = 0;
    lines_count = 0;
    for (uint32_t i = 0; i < files; base += sizes[i++])
        add_lines(texts[i], sizes[i], base);
}

/* Short lines, empty ones, long ones, some with a carriage return, some files empty or unended. No
 * zeros, so that they can be shown. */
static void make_texts(uint32_t longest)
{
    files = 1 + below(FILES_MAX);
    for (uint32_t f = 0; f < files; f++) {
        uint64_t n = 0;
        for (uint32_t i = below(12); i > 0; i--) {
            for (uint32_t len = below(4) ? below(12) : below(longest); len > 0; len--)
                texts[f][n++] = (uint8_t)(1 + below(255));
            if (below(5) == 0)
                texts[f][n++] = '\r';
            texts[f][n++] = '\n';
        }
        sizes[f] = n > 0 && below(3) == 0 ? n - 1 : n;
    }
    find_lines();
}

static void want(const char *text)
{
    const size_t len = strlen(text);
    memcpy(wanted + wanted_len, text, len);
    wanted[wanted_len + len] = '\n';
    wanted_len += len + 1;
}

static void hex_of(const struct line *l, const EVP_MD *algorithm,
                   char text[2 * EVP_MAX_MD_SIZE + 1])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(l->at, l->len, digest, &size, algorithm, NULL);
    for (unsigned i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

static bool agrees(void)
{
    return ours_len == wanted_len && memcmp(ours, wanted, wanted_len) == 0;
}

/* --- the tests --- */

static void compare(const char *algorithm, const EVP_MD *theirs)
{
    const char *argv[] = {"--algorithm", algorithm};
    char text[2 * EVP_MAX_MD_SIZE + 1];
    for (int round = 0; round < 200; round++) {
        make_texts(300);
        wanted_len = 0;
        for (uint32_t i = 0; i < lines_count; i++) {
            hex_of(&lines[i], theirs, text);
            want(text);
        }
        REQUIRE(make_plan("hash", 2, argv) == 0);
        const uint64_t units = 1 + below(below(2) ? 8 : 400);
        if (!CHECK(hash_by(units) && agrees()) || !CHECK(hash_by(plan.leaf_units) && agrees()))
            printf("# round %d, leaves of %llu\n", round, (unsigned long long)units);
    }
}

TEST(test_lines_as_openssl_hashes_them)
{
    prng_init(&prng, 21);
    compare("sha256", EVP_sha256());
    compare("sha512", EVP_sha512());
}

static void put_file(uint32_t i, const char *text)
{
    sizes[i] = strlen(text);
    memcpy(texts[i], text, sizes[i]);
}

/* As the manual says it: the first 16 bytes of SHA-256 of the salt and the number of the line. */
static void want_bcrypt(const char *salt, uint64_t number, const struct line *l, unsigned cost)
{
    uint8_t seed[64], digest[EVP_MAX_MD_SIZE];
    char setting[CRYPT_GENSALT_OUTPUT_SIZE], phrase[100] = "";
    static struct crypt_data data;
    const size_t len = strlen(salt);
    memcpy(seed, salt, len);
    for (int i = 0; i < 8; i++)
        seed[len + (size_t)i] = (uint8_t)(number >> (8 * i));
    EVP_Digest(seed, len + 8, digest, NULL, EVP_sha256(), NULL);
    REQUIRE(crypt_gensalt_rn("$2b$", cost, (const char *)digest, 16, setting, sizeof setting));
    memcpy(phrase, l->at, l->len < 72 ? l->len : 72);
    want(crypt_r(phrase, setting, &data));
}

TEST(test_bcrypt_as_libcrypt_has_it)
{
    const char *argv[] = {"--cost=4", "--algorithm", "bcrypt", "--salt", "sea", "--"};
    files = 3;
    put_file(0, "one\n\ntwo\r\n");
    put_file(1, "");
    put_file(2,
             "one\nthis is a line that is longer than seventy-two bytes, which bcrypt has room for"
             "\nlast");
    find_lines();
    REQUIRE(CHECK_INT(lines_count, 6));
    for (int way = 0; way < 2; way++) {
        wanted_len = 0;
        for (uint32_t i = 0; i < lines_count; i++)
            want_bcrypt(way ? "" : "sea", i + 1, &lines[i], 4);
        REQUIRE(make_plan("hash", way ? 3 : 6, argv) == 0);
        CHECK(hash_by(way ? 3 : plan.leaf_units) && agrees());
    }
    texts[0][1] = 0;
    CHECK(!hash_by(plan.leaf_units));
}

/* What is not there yet is cut into shares. */
TEST(test_shares)
{
    const uint64_t unknown[] = {VELUM_SIZE_UNKNOWN, 5, VELUM_SIZE_UNKNOWN};
    struct kernel_plan blind;
    prng_init(&prng, 22);
    for (int round = 0; round < 60; round++) {
        make_texts(100);
        REQUIRE(make_plan("hash", 0, NULL) == 0);
        CHECK(hash_by(plan.leaf_units));
        memcpy(wanted, ours, wanted_len = ours_len);
        REQUIRE(kernel_plan(kernel_find("hash"), 0, NULL, (uint16_t)files, unknown, &blind) == 0);
        CHECK(blind.units == 64 && blind.leaf_units == 1);
        plan = blind;
        CHECK(hash_by(1 + below(64)) && agrees());
    }
}

/* The unit at which the digest is found in leaves of that size, FOUND_NONE; `shown` is what is. */
static uint64_t find_by(uint64_t leaf_units, char shown[SHOW_SIZE_MAX])
{
    const struct velum_host host = host_here();
    const struct velum_kernel *k = kernel_find("hash-find");
    uint8_t value[ACCUMULATOR_SIZE_MAX];
    const struct bytes found = {value, kernel_accumulator_size(k)};
    char reason[REASON_SIZE] = "";
    for (uint64_t first = 0; first < plan.units; first += leaf_units) {
        const uint64_t left = plan.units - first;
        if (!CHECK_INT(kernel_leaf(k, &host, params(), first, left < leaf_units ? left : leaf_units,
                                   value, reason),
                       0))
            printf("# %s\n", reason);
        CHECK_INT(kernel_show(k, params(), found, shown), 0);
        if (found_matches(found))
            return found_unit(found);
    }
    return FOUND_NONE;
}

static void find_one(uint32_t wanted_line, bool blind)
{
    const uint64_t unknown[] = {VELUM_SIZE_UNKNOWN, VELUM_SIZE_UNKNOWN, VELUM_SIZE_UNKNOWN};
    const struct line *l = &lines[wanted_line];
    char text[2 * EVP_MAX_MD_SIZE + 1], shown[SHOW_SIZE_MAX];
    const char *argv = text;
    uint32_t i = 0;
    hex_of(l, wanted_line % 2 ? EVP_sha256() : EVP_sha512(), text);
    if (wanted_line % 3 == 0)
        for (char *c = text; *c; c++)
            *c = (char)(*c >= 'a' ? *c - 32 : *c);
    while (lines[i].len != l->len || memcmp(lines[i].at, l->at, l->len) != 0)
        i++;
    REQUIRE(kernel_plan(kernel_find("hash-find"), 1, &argv, (uint16_t)files,
                        blind ? unknown : sizes, &plan) == 0);
    const uint64_t unit = find_by(1 + below(blind ? 64 : 300), shown);
    CHECK(blind ? unit < 64 : unit == lines[i].begin);
    const size_t len = l->len < 1024 ? l->len : 1024;
    CHECK(strlen(shown) == len && memcmp(shown, l->at, len) == 0);
}

TEST(test_the_first_line_is_found)
{
    prng_init(&prng, 23);
    for (int round = 0; round < 200; round++) {
        make_texts(round % 20 ? 60 : 3000);
        if (lines_count > 0)
            find_one(below(lines_count), round % 4 == 0);
    }
}

TEST(test_what_is_not_there)
{
    const char *nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    char shown[SHOW_SIZE_MAX];
    files = 2;
    put_file(0, "a\nb");
    put_file(1, "c\n");
    REQUIRE(make_plan("hash-find", 1, &nothing) == 0);
    CHECK(find_by(plan.leaf_units, shown) == FOUND_NONE);
    CHECK_STR(shown, KERNEL_NO_MATCH);
    put_file(0, "a\n\nb");
    REQUIRE(make_plan("hash-find", 1, &nothing) == 0);
    CHECK_INT(find_by(2, shown), 2);
    CHECK_STR(shown, "");
}

TEST(test_bcrypt_is_found)
{
    static struct crypt_data data;
    char shown[SHOW_SIZE_MAX], text[61];
    const char *argv[] = {"--algorithm=bcrypt", text};
    files = 1;
    put_file(0, "alpha\nbe\1ta\ngamma\nbeta\nbeta\n");
    texts[0][8] = 0; /* a line that bcrypt does not take matches nothing */
    snprintf(text, sizeof text, "%s", crypt_r("beta", "$2y$04$abcdefghijklmnopqrstuu", &data));
    REQUIRE(make_plan("hash-find", 2, argv) == 0);
    CHECK_INT(find_by(plan.leaf_units, shown), 18);
    CHECK_STR(shown, "beta");
}

#define REFUSED(kernel, words, ...) check_refused(make_plan(kernel, WORDS(__VA_ARGS__)), words)

TEST(test_what_is_refused)
{
    static const char hex[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    static const char bcrypt[] = "$2b$04$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK";
    static char salt[1026];
    memset(salt, 's', sizeof salt - 1);
    files = 1;
    put_file(0, "a");
    REFUSED("hash", "sha256, sha512 or bcrypt", "--algorithm", "md5");
    REFUSED("hash", "hash takes [--algorithm", "--algorithm");
    REFUSED("hash", "hash takes [--algorithm", "-x");
    REFUSED("hash", "reads files", "x");
    REFUSED("hash", "only bcrypt", "--cost", "5");
    REFUSED("hash", "only bcrypt", "--salt=x");
    REFUSED("hash", "from 4 to 20", "--algorithm=bcrypt", "--cost=3");
    REFUSED("hash", "from 4 to 20", "--algorithm=bcrypt", "--cost", "21");
    REFUSED("hash", "from 4 to 20", "--algorithm=bcrypt", "--cost", "ten");
    REFUSED("hash", "1024", "--algorithm=bcrypt", "--salt", salt);
    REFUSED("hash-find", "one HASH", "--algorithm", "sha256");
    REFUSED("hash-find", "sha256, sha512 or bcrypt", "--algorithm", "sha1", hex);
    REFUSED("hash-find", "another algorithm", "--algorithm", "sha512", hex);
    REFUSED("hash-find", "64 hex digits", hex + 1);
    REFUSED("hash-find", "64 hex digits",
            "x3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca4959"
            "91b7852b855");
    REFUSED("hash-find", "64 hex digits",
            "$2x$04$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp"
            "5w7dbK");
    REFUSED("hash-find", "one HASH", hex, hex);
    CHECK_INT(make_plan("hash-find", 1, (const char *[]){bcrypt}), 0);
    files = 0;
    REFUSED("hash", "reads files", "--algorithm=sha512");
    REFUSED("hash-find", "reads files", hex);
}

TEST(test_plan_by_sizes)
{
    static const struct {
        uint64_t size, units, leaf_units;
        const char *way;
    } wants[] = {{0, 1, 1 << 16, "--algorithm=sha256"},
                 {(uint64_t)1 << 30, (uint64_t)1 << 30, 1 << 16, "--algorithm=sha512"},
                 {((uint64_t)1 << 30) + 1, ((uint64_t)1 << 30) + 1, 1 << 17, "--algorithm=sha256"},
                 {1000, 1000, 16, "--algorithm=bcrypt"},
                 {1 << 20, 1 << 20, 64, "--algorithm=bcrypt"}};
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++) {
        files = 1;
        sizes[0] = wants[i].size;
        REQUIRE(make_plan("hash", 1, &wants[i].way) == 0);
        CHECK_INT(plan.units, wants[i].units);
        CHECK_INT(plan.leaf_units, wants[i].leaf_units);
    }
}

TEST_MAIN(test_lines_as_openssl_hashes_them, test_bcrypt_as_libcrypt_has_it, test_shares,
          test_the_first_line_is_found, test_what_is_not_there, test_bcrypt_is_found,
          test_what_is_refused, test_plan_by_sizes)
