#include "cmd/doctor_discovery.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/host/beacon.h"

#define LINE_SIZE 512
#define SOCKETS_MAX 64 /* of all nodes of this machine */
#define NAMES_SIZE 256
#define GROUP_V4 "4C56FFEF" /* as the system prints them */
#define GROUP_V6 "ff1200000000000000000056454c554d"

struct sockets {
    unsigned long list[SOCKETS_MAX];
    unsigned count;
};

unsigned long discovery_socket(const char *line)
{
    char at[33];
    unsigned port;
    unsigned long number;
    /* Number, own and other address, state, two queues, timer, retries, user, timeout, socket. */
    if (sscanf(line,
               " %*u: %32[0-9A-Fa-f]:%4x %*[0-9A-Fa-f]:%*x %*x %*x:%*x %*x:%*x %*x %*u %*u %lu", at,
               &port, &number) != 3 ||
        port != BEACON_PORT)
        return 0;
    return strcmp(at, GROUP_V4) == 0 || strspn(at, "0") == 32 ? number : 0;
}

static void read_sockets(const char *path, struct sockets *s)
{
    char line[LINE_SIZE];
    FILE *file = fopen(path, "re");
    while (file && s->count < SOCKETS_MAX && fgets(line, sizeof line, file)) {
        const unsigned long number = discovery_socket(line);
        if (number)
            s->list[s->count++] = number;
    }
    if (file)
        fclose(file);
}

static bool has_one(unsigned long pid, const struct sockets *s)
{
    char folder[64], path[LINE_SIZE], text[64];
    bool found = false;
    snprintf(folder, sizeof folder, "/proc/%lu/fd", pid);
    DIR *dir = opendir(folder);
    for (const struct dirent *e; dir && !found && (e = readdir(dir)) != NULL;) {
        unsigned long number;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        const ssize_t len = readlink(path, text, sizeof text - 1);
        text[len > 0 ? len : 0] = '\0';
        if (sscanf(text, "socket:[%lu]", &number) != 1)
            continue;
        for (unsigned i = 0; i < s->count; i++)
            found = found || s->list[i] == number;
    }
    if (dir)
        closedir(dir);
    return found;
}

static void add_name(char names[NAMES_SIZE], const char *name)
{
    const char *at = strstr(names, name);
    const size_t len = strlen(name);
    if (at && (at[len] == '\0' || at[len] == ','))
        return;
    text_append(names, NAMES_SIZE, names[0] ? ", " : "");
    text_append(names, NAMES_SIZE, name);
}

/* By IPv4 a line names the interface, and lines below it its groups. */
static void read_networks(char names[NAMES_SIZE])
{
    char line[LINE_SIZE], name[32] = "", group[33];
    FILE *file = fopen("/proc/net/igmp", "re");
    while (file && fgets(line, sizeof line, file)) {
        if (line[0] != '\t')
            (void)sscanf(line, "%*u %31[^ :]", name);
        else if (sscanf(line, " %32[0-9A-F]", group) == 1 && strcmp(group, GROUP_V4) == 0)
            add_name(names, name);
    }
    if (file)
        fclose(file);
    file = fopen("/proc/net/igmp6", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "%*u %31s %32[0-9a-f]", name, group) == 2 && strcmp(group, GROUP_V6) == 0)
            add_name(names, name);
    if (file)
        fclose(file);
}

void doctor_discovery(struct findings *f, const char *what, unsigned long pid)
{
    struct sockets s = {.count = 0};
    char names[NAMES_SIZE] = "";
    read_sockets("/proc/net/udp", &s);
    read_sockets("/proc/net/udp6", &s);
    if (!has_one(pid, &s)) {
        findings_add(f, FINDING_OK, "discovery", NULL,
                     "%s does not look for nodes on the local network (--no-discovery)", what);
        return;
    }
    read_networks(names);
    if (names[0])
        findings_add(f, FINDING_OK, "discovery", NULL, "%s finds nodes of its mesh on %s", what,
                     names);
    else
        findings_add(f, FINDING_NOTE, "discovery", "the network of this machine, or --peer",
                     "%s looks for nodes on the local network, and there is none", what);
}
