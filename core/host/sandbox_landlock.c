#include "core/host/sandbox_landlock.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same on every machine; system headers know them only in part (the kernel's
 * Documentation/userspace-api/landlock.rst). */
#define CREATE_RULESET 444
#define ADD_RULE 445
#define RESTRICT_SELF 446
#define GET_VERSION 1u
#define RULE_PATH_BENEATH 1

struct ruleset {
    uint64_t fs;
    uint64_t net;    /* bind and connect of TCP, from version 4 */
    uint64_t scoped; /* abstract sockets and signals, from version 6 */
};
struct __attribute__((packed)) path_rule {
    uint64_t allowed;
    int32_t parent;
};

int sandbox_landlock_version(void)
{
    long version = syscall(CREATE_RULESET, NULL, 0, GET_VERSION);
    return version < 1 ? 0 : (int)version;
}

/* A version that is newer than this program takes nothing back. */
static struct ruleset everything(int version)
{
    static const uint8_t fs_bits[] = {0, 13, 14, 15, 15, 16};
    const int last = sizeof fs_bits / sizeof *fs_bits - 1;
    return (struct ruleset){
        .fs = ((uint64_t)1 << fs_bits[version < last ? version : last]) - 1,
        .net = version >= 4 ? 3 : 0,
        .scoped = version >= 6 ? 3 : 0,
    };
}

static int allow(int set, int folder, uint64_t rights)
{
    const struct path_rule rule = {.allowed = rights, .parent = folder};
    return rights == 0 ? 0 : (int)syscall(ADD_RULE, set, RULE_PATH_BENEATH, &rule, 0);
}

/* A kernel takes no longer a struct than it knows, unless the rest is zero. */
int sandbox_landlock_enter_places(int version, const struct landlock_place *places, size_t count)
{
    const struct ruleset rules = everything(version);
    int rc = 0, set = (int)syscall(CREATE_RULESET, &rules, sizeof rules, 0);
    if (set < 0)
        return -1;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = allow(set, places[i].place, places[i].rights & rules.fs);
    if (rc == 0)
        rc = (int)syscall(RESTRICT_SELF, set, 0);
    const int failure = errno;
    close(set);
    errno = failure;
    return rc == 0 ? 0 : -1;
}

int sandbox_landlock_enter(int version, int folder, uint64_t rights)
{
    const struct landlock_place only = {folder, rights};
    return sandbox_landlock_enter_places(version, &only, 1);
}
