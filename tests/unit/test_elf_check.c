#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/host/elf_check.h"
#include "core/host/elf_load.h"
#include "core/host/plugin.h"
#include "core/kernel/kernel.h"
#include "tests/lib/check.h"
#include "tests/plugins/plugins.h"

static char reason[REASON_SIZE];

static int load(const char *name)
{
    const struct velum_kernel *k = NULL;
    reason[0] = '\0';
    return plugin_load(plugin_path(name), &k, reason);
}

/* Refused, with these words in the reason. */
static void check_refused(const char *name, const char *words)
{
    CHECK(load(name) < 0);
    if (!CHECK(strstr(reason, words) != NULL))
        printf("# %s: \"%s\" has no \"%s\"\n", name, reason, words);
}

TEST(test_good_plugins_load)
{
    static const char *const names[] = {"pi", "noop", "sleep", "skew", "fat", "chaos", "crash"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char file[80];
        const struct velum_kernel *k = NULL;
        snprintf(file, sizeof file, "%s.so", names[i]);
        CHECK_INT(plugin_load(plugin_path(file), &k, reason), 0);
        REQUIRE(k);
        CHECK_STR(k->name, names[i]);
    }
    CHECK_INT(load("bad/good.so"), 0);
    CHECK_INT(load("bad/hangs-in-plan.so"), 0);
}

/* Of the good one, which has more than a few pointers, linked in the way that newer systems do. */
TEST(test_the_short_form_of_relocations_is_applied)
{
    const struct velum_kernel *k = NULL, *usual = NULL;
    CHECK_INT(plugin_load(plugin_path("bad/good.so"), &usual, reason), 0);
    CHECK_INT(plugin_load(plugin_path("bad/short-relocations.so"), &k, reason), 0);
    REQUIRE(k && usual);
    CHECK_STR(k->name, usual->name);
    CHECK_STR(k->summary, usual->summary);
    CHECK_STR(k->fields[0].name, usual->fields[0].name);
    CHECK((uintptr_t)k->merge - (uintptr_t)k->plan ==
          (uintptr_t)usual->merge - (uintptr_t)usual->plan);
}

TEST(test_bad_plugins_are_refused_by_reason)
{
    check_refused("bad/no-symbol.so", "no symbol velum_kernel");
    check_refused("bad/wrong-abi.so", "kernel ABI 99, and this velum has ABI 1");
    check_refused("bad/no-merge.so", "merge or show is missing");
    check_refused("bad/wrong-field.so", "field units lies outside");
    check_refused("bad/undefined.so", "undefined symbol puts");
    check_refused("bad/needs-libc.so", "needs another library, libc.so.6");
    check_refused("bad/constructor.so", "constructors");
    check_refused("bad/ifunc.so", "IFUNC");
    check_refused("bad/no-digest.so", "no source digest");
    check_refused("bad/program.so", "program");
    check_refused("bad/object.so", "not a shared object");
    check_refused("bad/truncated.so", "truncated");
    check_refused("bad/empty.so", "empty");
    check_refused("bad/garbage.so", "not a shared object");
    check_refused("bad/wrong-machine.so", "another machine");
    check_refused("bad", "not a file");
    check_refused("bad/no-such-file.so", "No such file");
    if (access(plugin_path("bad/text-relocation.so"), R_OK) == 0)
        check_refused("bad/text-relocation.so", "TEXTREL");
}

static uint8_t *contents;
static size_t contents_len;

static void read_plugin(const char *name)
{
    struct stat s;
    int fd = open(plugin_path(name), O_RDONLY);
    REQUIRE(fd >= 0 && fstat(fd, &s) == 0);
    contents_len = (size_t)s.st_size;
    contents = malloc(contents_len);
    REQUIRE(read(fd, contents, contents_len) == (ssize_t)contents_len);
    close(fd);
}

/* What has passed the check may be loaded, whatever is in it. Images stay, so their number has a
 * bound. */
static void check_load(struct bytes file)
{
    static int loaded;
    const void *k;
    if (loaded++ >= 3000)
        return;
    reason[0] = '\0';
    int rc = elf_load(file, "velum_kernel", 8, &k, reason);
    CHECK(rc == 0 || reason[0] != '\0');
    CHECK(rc < 0 || !k || *(const uint64_t *)k + 1 != 0);
}

/* In memory of exactly that length, so that the sanitizer sees one byte too many. */
static int check_copy(size_t len, size_t flip_at, uint8_t flip)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, contents, len);
    if (flip_at < len)
        copy[flip_at] ^= flip;
    reason[0] = '\0';
    const struct bytes file = {copy, len};
    int rc = elf_check(file, reason);
    CHECK(rc == 0 || reason[0] != '\0');
    if (rc == 0)
        check_load(file);
    free(copy);
    return rc;
}

TEST(test_truncation_at_every_byte)
{
    read_plugin("noop.so");
    CHECK_INT(check_copy(contents_len, SIZE_MAX, 0), 0);
    for (size_t len = 0; len < contents_len; len++)
        CHECK(check_copy(len, SIZE_MAX, 0) < 0);
    free(contents);
}

TEST(test_flips_and_random_bytes_stay_inside)
{
    struct prng p;
    prng_init(&p, 42);
    read_plugin("bad/undefined.so");
    for (size_t at = 0; at < contents_len; at++) {
        check_copy(contents_len, at, 0xff);
        check_copy(contents_len, at, (uint8_t)(1u << prng_below(&p, 8)));
    }
    for (int round = 0; round < 2000; round++) {
        /* Headers and tables sit at both ends. */
        for (int i = 0; i < 8; i++)
            contents[prng_below(&p, 1024)] = (uint8_t)prng_u64(&p);
        check_copy(contents_len, prng_below(&p, contents_len), 0xff);
        if (round % 8 == 0) {
            free(contents);
            read_plugin("bad/undefined.so");
        }
    }
    free(contents);
}

TEST(test_damage_that_passes_the_check_does_not_hurt_the_loader)
{
    struct prng p;
    prng_init(&p, 43);
    read_plugin("pi.so");
    int passed = 0;
    for (size_t at = 0; at < contents_len; at++)
        passed += check_copy(contents_len, at, (uint8_t)(1u << prng_below(&p, 8))) == 0;
    CHECK(passed > 1000);
    free(contents);
    read_plugin("bad/short-relocations.so");
    for (size_t at = 0; at < contents_len && at < 4096; at++)
        check_copy(contents_len, at, (uint8_t)(1u << prng_below(&p, 8)));
    free(contents);
}

TEST_MAIN(test_good_plugins_load, test_the_short_form_of_relocations_is_applied,
          test_bad_plugins_are_refused_by_reason,
          test_truncation_at_every_byte, test_flips_and_random_bytes_stay_inside,
          test_damage_that_passes_the_check_does_not_hurt_the_loader)
