#include "core/host/mover_cage.h"

#include <sched.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Landlock's numbers, which system headers know only in part: the kernel's
 * Documentation/userspace-api/landlock.rst. */
#define CREATE_RULESET 444
#define ADD_RULE 445
#define RESTRICT_SELF 446
#define GET_VERSION 1u
#define RULE_PATH_BENEATH 1

#define FS_WRITE_FILE (1u << 1)
#define FS_READ_FILE (1u << 2)
#define FS_READ_DIR (1u << 3)
#define FS_REMOVE_FILE (1u << 5)
#define FS_MAKE_REG (1u << 8)
#define FS_TRUNCATE (1u << 14)
#define FS_NEEDED                                                                                  \
    (FS_WRITE_FILE | FS_READ_FILE | FS_READ_DIR | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE)

struct ruleset {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};
struct __attribute__((packed)) path_rule {
    uint64_t allowed;
    int32_t parent;
};

/* What each version has that can be forbidden. */
static struct ruleset forbidden(long version)
{
    static const uint64_t fs_bits[] = {0, 13, 14, 15, 15, 16};
    const long last = sizeof fs_bits / sizeof *fs_bits - 1;
    return (struct ruleset){
        .fs = (1u << fs_bits[version < last ? version : last]) - 1,
        .net = version >= 4 ? 3 : 0,    /* bind and connect of TCP */
        .scoped = version >= 6 ? 3 : 0, /* abstract sockets, signals */
    };
}

/* A kernel takes no longer a struct than it knows, unless the rest is zero. */
static void enter_landlock(int folder)
{
    long version = syscall(CREATE_RULESET, NULL, 0, GET_VERSION);
    if (version < 1)
        return;
    const struct ruleset rules = forbidden(version);
    const struct path_rule rule = {.allowed = FS_NEEDED & rules.fs, .parent = folder};
    int set = (int)syscall(CREATE_RULESET, &rules, sizeof rules, 0);
    if (set < 0)
        return;
    if (syscall(ADD_RULE, set, RULE_PATH_BENEATH, &rule, 0) == 0)
        (void)syscall(RESTRICT_SELF, set, 0);
    close(set);
}

void cage_enter(int folder)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_NAME, "velum-mover");
    (void)unshare(CLONE_NEWNET);
    enter_landlock(folder);
}
