#include "core/host/machine.h"

#include <sched.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "core/base/ensure.h"
#include "core/base/text.h"
#include "core/host/identity.h"
#include "core/host/loop.h"
#include "core/host/nickname.h"
#include "core/host/role.h"
#include "core/host/sandbox.h"
#include "core/host/snippet.h"

#define READY_WORKERS_MAX 4
#define SLOTS_MAX 1024

uint32_t machine_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) < 1)
        return 1;
    return (uint32_t)CPU_COUNT(&set);
}

uint64_t machine_memory_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}

void machine_arch(char to[32])
{
    struct utsname name;
    if (uname(&name) != 0)
        name.machine[0] = 0;
    text_sanitise(name.machine, strlen(name.machine), true, to, 32);
}

static bool lives_shortly;

void machine_lives_shortly(void)
{
    lives_shortly = true;
}

uint8_t machine_tier_lacks(void)
{
    static uint8_t lacks;
    static bool measured;
    if (!measured)
        lacks = sandbox_lacks(lives_shortly || role_is_program());
    measured = true;
    return lacks;
}

uint64_t machine_random(void)
{
    uint64_t v = 0;
    ensure(getrandom(&v, sizeof v, 0) == (ssize_t)sizeof v);
    return v;
}

void machine_fill(struct node_options *o, struct identity *identity, uint32_t slots)
{
    slots = slots ? slots : machine_cores();
    o->slots = slots < SLOTS_MAX ? slots : SLOTS_MAX;
    o->ready_workers = o->slots < READY_WORKERS_MAX ? o->slots : READY_WORKERS_MAX;
    o->id = identity_id(identity);
    o->mesh = identity_mesh(identity);
    o->certificate = identity_certificate(identity);
    o->seal = identity_seal(identity);
    o->boot = machine_random();
    o->seed = machine_random();
    o->memory_bytes = machine_memory_bytes();
    o->compiles = snippet_works();
    o->shipped = SHIPPED_ANY;
    o->tier_lacks = machine_tier_lacks();
    o->tier = (uint8_t)tier_of(o->tier_lacks);
    machine_arch(o->arch);
    text_copy(o->version, sizeof o->version, VELUM_VERSION);
    if (!o->name[0])
        name_of_node(o->id, o->name);
    o->now = loop_clock();
    o->wall_s = (int64_t)time(NULL);
}
