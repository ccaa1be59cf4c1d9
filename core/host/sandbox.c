#include "core/host/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/cgroup.h"
#include "core/host/descriptors.h"
#include "core/host/sandbox_apart.h"
#include "core/host/sandbox_filter.h"
#include "core/host/sandbox_landlock.h"
#include "core/host/sandbox_rights.h"
#include "core/host/sanitizer.h"

#define STACK_BYTES (8u << 20)
#define OPEN_FILES 16

/* Hard limits of every worker; RLIMIT_AS is limit_addresses' business. A sanitizer makes a helper
 * process at the end. */
static const struct {
    __rlimit_resource_t resource;
    rlim_t value;
    const char *name;
} limits[] = {
    {RLIMIT_CORE, 0, "the limit on core files"},
    {RLIMIT_FSIZE, 0, "the limit on file sizes"},
    {RLIMIT_MEMLOCK, 0, "the limit on locked memory"},
    {RLIMIT_MSGQUEUE, 0, "the limit on message queues"},
    {RLIMIT_RTPRIO, 0, "the limit on priorities"},
    {RLIMIT_NICE, 0, "the limit on niceness"},
    {RLIMIT_STACK, STACK_BYTES, "the limit on its stack"},
    {RLIMIT_NOFILE, OPEN_FILES, "the limit on open files"},
#if !SANITIZER
    {RLIMIT_NPROC, 0, "the limit on processes"},
#endif
};

#define LIMITS (sizeof limits / sizeof *limits)
enum { STEP_ADDRESSES = (int)LIMITS + 1, STEP_NO_NEW_RIGHTS };

int sandbox_limit(__rlimit_resource_t resource, rlim_t value)
{
    struct rlimit now;
    if (getrlimit(resource, &now) != 0)
        return -1;
    if (now.rlim_max != RLIM_INFINITY && value > now.rlim_max)
        value = now.rlim_max;
    struct rlimit wanted = {value, value};
    return setrlimit(resource, &wanted);
}

/* The worker raises this by the size of its inputs, which it maps, and makes it final before
 * foreign code is there (worker_input.h). */
static int limit_addresses(uint64_t bytes)
{
    struct rlimit now;
    if (getrlimit(RLIMIT_AS, &now) != 0)
        return -1;
    now.rlim_cur = bytes < now.rlim_max ? bytes : now.rlim_max;
    return setrlimit(RLIMIT_AS, &now);
}

int sandbox_confine(uint64_t memory_bytes)
{
    for (size_t i = 0; i < LIMITS; i++)
        if (sandbox_limit(limits[i].resource, limits[i].value) != 0)
            return 1 + (int)i;
    /* A sanitizer reserves terabytes of addresses. */
    if (!SANITIZER && limit_addresses(memory_bytes) != 0)
        return STEP_ADDRESSES;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : STEP_NO_NEW_RIGHTS;
}

const char *sandbox_step(int number)
{
    if (number > 0 && number <= (int)LIMITS)
        return limits[number - 1].name;
    return number == STEP_ADDRESSES       ? "the limit on addresses"
           : number == STEP_NO_NEW_RIGHTS ? "to get no new rights"
           : number == SANDBOX_STEP_GROUP ? "its cgroup"
                                          : "";
}

/* NULL, or what is not as it must be by now. */
static const char *unconfined(void)
{
    int death = 0;
    struct rlimit now;
    for (size_t i = 0; i < LIMITS; i++)
        if (getrlimit(limits[i].resource, &now) != 0 || now.rlim_max > limits[i].value)
            return limits[i].name;
    if (getrlimit(RLIMIT_AS, &now) != 0 || now.rlim_max != now.rlim_cur)
        return "the limit on addresses";
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return "to get no new rights";
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return "not to be looked into";
    if (prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0) != 0 || death != SIGKILL)
        return "the signal at its spawner's death";
    return NULL;
}

static int refuse(char reason[REASON_SIZE], const char *step, const char *why)
{
    text_copy(reason, REASON_SIZE, "the worker's cage does not close: ");
    text_append(reason, REASON_SIZE, step);
    text_append(reason, REASON_SIZE, ": ");
    text_append(reason, REASON_SIZE, why);
    return ERR_SYSTEM;
}

static int refuse_errno(char reason[REASON_SIZE], const char *step)
{
    return refuse(reason, step, strerror(errno));
}

uint8_t sandbox_lacks(bool together)
{
    uint8_t lacks = cgroup_is_open() ? 0 : LACKS_CGROUP;
    if (SANITIZER)
        lacks |= LACKS_WALLS;
    if (SANITIZER || together || !apart_works())
        lacks |= LACKS_NAMESPACES;
    if (!sandbox_filter_works())
        lacks |= LACKS_FILTER;
    if (sandbox_landlock_version() == 0)
        lacks |= LACKS_LANDLOCK;
    return lacks;
}

static int shut_files(void)
{
#if VELUM_PLANT == 711 /* unit/test_sandbox: files are not shut off */
    return 0;
#endif
    const int version = sandbox_landlock_version();
    return version > 0 ? sandbox_landlock_enter(version, -1, 0) : 0;
}

/* A program with the library in it may have threads: beside foreign code they are held as well. */
static bool holds_threads;

/* What became of going apart; NULL: it was not asked for. */
static const char *apart;
static int apart_failure;

void sandbox_apart(void)
{
    if (!SANITIZER && apart_leave(&apart) != 0)
        apart_failure = errno;
}

static int shut_apart(const char **step)
{
    *step = apart;
    errno = apart_failure;
    return !apart ? 0 : apart_failure ? -1 : apart_empty_root(step);
}

int sandbox_enter(bool foreign, char reason[REASON_SIZE])
{
    const char *step;
    if (SANITIZER)
        return 0;
    if ((step = unconfined()) != NULL)
        return refuse(reason, step, "it is not there");
    descriptors_close_from(3);
#if VELUM_PLANT != 764 /* unit/test_apart: a worker goes on where it was not able to go apart */
    if (shut_apart(&step) != 0)
        return refuse_errno(reason, step);
#endif
    if (sandbox_rights_drop(&step) != 0)
        return refuse_errno(reason, step);
    if (shut_files() != 0)
        return refuse_errno(reason, "Landlock");
    if (!sandbox_filter_works()) {
        if (!foreign)
            return 0;
        text_copy(reason, REASON_SIZE,
                  "this node takes no plugin: its system does not filter system calls (tier S0)");
        return ERR_UNSUPPORTED;
    }
    if (sandbox_filter_listen() != 0)
        return refuse_errno(reason, "SIGSYS");
#if VELUM_PLANT != 712 /* unit/test_sandbox: a plugin is loaded before calls are filtered */
    holds_threads = foreign;
    if (foreign && sandbox_filter_install(true, holds_threads) != 0)
        return refuse_errno(reason, "the filter of system calls");
#endif
    return 0;
}

int sandbox_close(char reason[REASON_SIZE])
{
    if (SANITIZER || !sandbox_filter_works())
        return 0;
#if VELUM_PLANT == 713 /* unit/test_sandbox: memory can become code for ever */
    const bool loading = true;
#else
    const bool loading = false;
#endif
    return sandbox_filter_install(loading, holds_threads) == 0
               ? 0
               : refuse_errno(reason, "the filter of system calls");
}
