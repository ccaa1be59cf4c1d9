/* A plugin file: what elf_check lets pass goes into memory without a write or a jump that it did
 * not allow; no instruction of it is run. */
#include "core/base/err.h"
#include "core/host/elf_check.h"
#include "tests/fuzz/target.h"
#include "tests/lib/check.h"

void target_one(struct bytes in)
{
    char reason[REASON_SIZE] = "";
    int rc = elf_check(in, reason);
    CHECK(rc == 0 || rc == ERR_KERNEL || rc == ERR_UNSUPPORTED);
    CHECK(memchr(reason, 0, sizeof reason) != NULL);
    CHECK((rc == 0) == (reason[0] == '\0'));
}

/* The plugins of this build, as they are. */
bool target_seed(size_t i, struct buf *out)
{
    static const char *const names[] = {"noop", "pi", "sum", "sleep"};
    const char *objects = getenv("VELUM_OBJECTS");
    char path[1024];
    uint8_t block[4096];
    size_t n, all = 0;
    if (i >= sizeof names / sizeof *names)
        return false;
    snprintf(path, sizeof path, "%s/plugins/%s.so", objects ? objects : "obj", names[i]);
    FILE *f = fopen(path, "r");
    REQUIRE(f);
    while ((n = fread(block, 1, sizeof block, f)) > 0 && (all += n) < TARGET_INPUT_MAX)
        put_raw(out, block, n);
    fclose(f);
    return true;
}
