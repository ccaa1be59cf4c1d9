#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "cmd/doctor.h"
#include "cmd/view_text.h"
#include "core/base/text.h"
#include "core/host/machine.h"
#include "core/host/quota.h"
#include "core/journal/journal.h"

/* What a node asks for (core/host/node_process.c): a thousand connections and their files. */
#define DESCRIPTORS 8192
#define MEMORY_LITTLE ((uint64_t)256 << 20)
/* A journal has its last segment, a reserve and a coming one. */
#define DISK_LEAST (3 * JOURNAL_SEGMENT_BYTES)
#define OBJECTS_LITTLE ((uint64_t)1 << 30)

void doctor_limits(struct findings *f, uint64_t descriptors, uint64_t core_bytes)
{
    if (descriptors < DESCRIPTORS)
        findings_add(f, FINDING_NOTE, "descriptors", "ulimit -n 8192, or LimitNOFILE=8192",
                     "%llu at most: a node with many connections needs %d",
                     (unsigned long long)descriptors, DESCRIPTORS);
    else
        findings_add(f, FINDING_OK, "descriptors", NULL, "%d may be open", DESCRIPTORS);
    if (core_bytes > 0)
        findings_add(f, FINDING_NOTE, "core files", "ulimit -c 0",
                     "a command that crashes may leave one, with your key in it; nodes leave none");
    else
        findings_add(f, FINDING_OK, "core files", NULL, "none is written");
}

void doctor_memory(struct findings *f, uint64_t bytes, uint64_t available)
{
    char all[VIEW_NUMBER_SIZE], left[VIEW_NUMBER_SIZE];
    view_bytes(bytes, all);
    view_bytes(available, left);
    if (available == UINT64_MAX)
        findings_add(f, FINDING_OK, "memory", NULL, "%s", all);
    else if (available < MEMORY_LITTLE)
        findings_add(f, FINDING_NOTE, "memory", "end what needs it, or velum node --slots 1",
                     "%s, of which only %s are left", all, left);
    else
        findings_add(f, FINDING_OK, "memory", NULL, "%s, of which %s are left", all, left);
}

void doctor_disk(struct findings *f, const char *path, uint64_t free_bytes, uint64_t objects)
{
    char left[VIEW_NUMBER_SIZE], kept[VIEW_NUMBER_SIZE];
    view_bytes(free_bytes, left);
    view_bytes(objects, kept);
    if (free_bytes < DISK_LEAST)
        findings_add(f, FINDING_BAD, "disk", "free some, or VELUM_HOME or --data elsewhere",
                     "%s are left at %s: too few for a journal and its reserve", left, path);
    else if (objects < OBJECTS_LITTLE)
        findings_add(f, FINDING_NOTE, "disk", "free some, or VELUM_HOME or --data elsewhere",
                     "%s are left at %s: a node keeps objects of %s at most", left, path, kept);
    else
        findings_add(f, FINDING_OK, "disk", NULL,
                     "%s are left at %s: a node keeps objects of %s at most", left, path, kept);
}

/* The next folder above that is there: the mesh's own may be yet to be made. */
static bool measure_disk(const char *folder, char path[HOME_PATH_SIZE], struct statvfs *to)
{
    text_copy(path, HOME_PATH_SIZE, folder);
    for (;;) {
        char *slash;
        if (statvfs(path, to) == 0)
            return true;
        slash = strrchr(path, '/');
        if (!slash || strcmp(path, "/") == 0)
            return false;
        slash[slash == path ? 1 : 0] = '\0';
    }
}

static void look_at_disk(struct findings *f, const struct home *h)
{
    char path[HOME_PATH_SIZE];
    struct statvfs disk;
    if (measure_disk(h->path, path, &disk))
        doctor_disk(f, path, (uint64_t)disk.f_bavail * disk.f_frsize,
                    quota_default(path, "/nonexistent"));
}

/* What the system could give without taking from others. */
static uint64_t memory_left(void)
{
    char line[128];
    unsigned long long kib = 0;
    bool found = false;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && !found && fgets(line, sizeof line, file))
        found = sscanf(line, "MemAvailable: %llu kB", &kib) == 1;
    if (file)
        fclose(file);
    return found ? (uint64_t)kib << 10 : UINT64_MAX;
}

void doctor_machine(struct findings *f, const struct home *h)
{
    struct rlimit files = {0, 0}, cores = {0, 0};
    (void)getrlimit(RLIMIT_NOFILE, &files);
    (void)getrlimit(RLIMIT_CORE, &cores);
    findings_add(f, FINDING_OK, "cores", NULL, "%u: so many slots, unless --slots says otherwise",
                 (unsigned)machine_cores());
    doctor_limits(f, files.rlim_max, cores.rlim_cur);
    doctor_memory(f, machine_memory_bytes(), memory_left());
    look_at_disk(f, h);
}
