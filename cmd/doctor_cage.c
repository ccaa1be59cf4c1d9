#include "cmd/doctor.h"
#include "core/host/snippet.h"
#include "core/wire/tier.h"

/* What is measured is this process; a node that runs says itself what it has (doctor_peers.c). */
static void look_at_tier(struct findings *f, uint8_t lacks)
{
    char missing[96] = "";
    const enum tier tier = tier_of(lacks);
    tier_say_lacks(lacks, missing, sizeof missing);
    if (lacks & LACKS_WALLS)
        findings_add(f, FINDING_NOTE, "tier", "a velum built without a sanitizer",
                     "S0: a build with a sanitizer shuts nobody in");
    else if (tier < TIER_S2)
        findings_add(f, FINDING_NOTE, "tier",
                     "what is said below; S2 needs seccomp, and Landlock "
                     "or namespaces",
                     "%s, it lacks %s: C source and plugins of jobs are refused here",
                     tier_name((uint8_t)tier), missing);
    else if (lacks)
        findings_add(f, FINDING_OK, "tier", NULL, "%s for a node started here; for S3 it lacks %s",
                     tier_name((uint8_t)tier), missing);
    else
        findings_add(f, FINDING_OK, "tier", NULL, "%s for a node started here",
                     tier_name((uint8_t)tier));
}

static void look_at_namespaces(struct findings *f, bool missing)
{
    if (missing)
        findings_add(f, FINDING_NOTE, "namespaces",
                     "sysctl kernel.unprivileged_userns_clone=1, or "
                     "kernel.apparmor_restrict_unprivileged_userns=0; in a container, its rights",
                     "this system refuses them: workers see the machine's network and users");
    else
        findings_add(f, FINDING_OK, "namespaces", NULL, "workers have their own");
}

void doctor_cage(struct findings *f, uint8_t lacks, int landlock)
{
    look_at_tier(f, lacks);
    if (lacks & LACKS_WALLS)
        return;
    if (lacks & LACKS_FILTER)
        findings_add(f, FINDING_NOTE, "seccomp", "a kernel with CONFIG_SECCOMP_FILTER",
                     "this system filters no system calls");
    else
        findings_add(f, FINDING_OK, "seccomp", NULL, "filters the system calls of workers");
    if (landlock == 0)
        findings_add(
            f, FINDING_NOTE, "Landlock",
            "a kernel of 5.13 or later, booted with landlock in lsm=", "this system has none");
    else
        findings_add(f, FINDING_OK, "Landlock", NULL, "version %d", landlock);
    look_at_namespaces(f, (lacks & LACKS_NAMESPACES) != 0);
}

/* Without one, limits on addresses hold all the same: that is no reason to mend anything. */
void doctor_group(struct findings *f, const char *why)
{
    if (why)
        findings_add(f, FINDING_OK, "cgroup", NULL, "workers have none: %s", why);
    else
        findings_add(f, FINDING_OK, "cgroup", NULL, "each worker can have one");
}

void doctor_compilers(struct findings *f, bool inside, const char *compiler, uint8_t lacks)
{
    if (inside)
        findings_add(f, FINDING_OK, "libtcc", NULL, "inside: C source is compiled without tools");
    else
        findings_add(f, FINDING_NOTE, "libtcc", "apt-get install libtcc-dev, and build velum again",
                     "%s", SNIPPET_NOT_HERE);
    if (!compiler)
        findings_add(f, FINDING_NOTE, "compiler", "apt-get install gcc",
                     "this machine has none: long jobs of C source stay on libtcc's slower code");
    else if (tier_of(lacks) < TIER_S2)
        findings_add(f, FINDING_NOTE, "compiler", "a better cage, see tier",
                     "%s is not used: it would need a cage of tier S2", compiler);
    else
        findings_add(f, FINDING_OK, "compiler", NULL, "%s", compiler);
}
