#include "core/host/oom.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 16384
#define PATH_MAX_HERE 1024

/* All of a small file of the system's. False when it cannot be read. */
static bool read_text(const char *path, char text[TEXT_MAX])
{
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    text[fread(text, 1, TEXT_MAX - 1, f)] = '\0';
    fclose(f);
    return true;
}

/* Lines of /proc/self/cgroup are number:controllers:path; version 2 has number 0 and no
 * controllers. */
static bool path_of(const char *line, char path[PATH_MAX_HERE])
{
    const char *controllers = strchr(line, ':'), *folder;
    if (!controllers || !(folder = strchr(++controllers, ':')))
        return false;
    int len = (int)strcspn(folder + 1, "\n");
    if (controllers == folder)
        snprintf(path, PATH_MAX_HERE, "/sys/fs/cgroup%.*s/memory.events", len, folder + 1);
    else if (strncmp(controllers, "memory:", 7) == 0)
        snprintf(path, PATH_MAX_HERE, "/sys/fs/cgroup/memory%.*s/memory.oom_control", len,
                 folder + 1);
    else
        return false;
    return true;
}

static uint64_t count_in(const char *path)
{
    static char text[TEXT_MAX];
    const char *at;
    if (!read_text(path, text))
        return 0;
    at = strstr(text, "oom_kill ");
    return at ? strtoull(at + strlen("oom_kill "), NULL, 10) : 0;
}

uint64_t oom_kills(void)
{
    static char cgroups[TEXT_MAX];
    char path[PATH_MAX_HERE];
    uint64_t count = 0;
    if (!read_text("/proc/self/cgroup", cgroups))
        return 0;
    for (const char *line = cgroups; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (path_of(line, path))
            count += count_in(path);
    }
    return count;
}
