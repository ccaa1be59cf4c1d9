#include "tests/chaos/driver/net.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/text.h"
#include "tests/chaos/driver/proc.h"

#define TOOL_MS 5000

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return good;
}

/* Whoever is not root becomes it in a user namespace of its own. */
static int become_root(void)
{
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (uid == 0)
        return 0;
    if (unshare(CLONE_NEWUSER) != 0)
        return -1;
    snprintf(map, sizeof map, "0 %u 1", (unsigned)uid);
    if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", map))
        return -1;
    snprintf(map, sizeof map, "0 %u 1", (unsigned)gid);
    return write_file("/proc/self/gid_map", map) ? 0 : -1;
}

int net_enter(bool disks, char why[NET_WHY_SIZE])
{
    bool good = become_root() == 0 && unshare(CLONE_NEWNET) == 0;
    if (good && disks)
        good = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    if (good)
        return 0;
    snprintf(why, NET_WHY_SIZE, "no namespaces of our own here: %s", strerror(errno));
    return -1;
}

/* One tool in one namespace; what it says goes into `why`. */
static bool tool(int ns, const char *const *argv, char why[NET_WHY_SIZE])
{
    char said[NET_WHY_SIZE];
    int code = proc_run(argv, ns, TOOL_MS, said, sizeof said);
    if (code != 0 && why)
        snprintf(why, NET_WHY_SIZE, "%s %.60s: exit code %d %.150s", argv[0], argv[1], code,
                 code == 127 ? "(not installed?)" : said);
    return code == 0;
}

/* A namespace lives as long as somebody holds it: a child makes it, and we keep a descriptor. */
static int make_namespace(void)
{
    int ready[2], fd = -1;
    char path[64], byte = 0;
    if (pipe2(ready, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "!", 1) == 1)
            pause();
        _exit(1);
    }
    close(ready[1]);
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
    if (pid > 0 && read(ready[0], &byte, 1) == 1)
        fd = open(path, O_RDONLY | O_CLOEXEC);
    close(ready[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return fd;
}

static bool make_place(struct net *n, uint32_t i, char why[NET_WHY_SIZE])
{
    char outside[16], addr[32], ns[64];
    int fd = n->ns[i] = make_namespace();
    if (fd < 0) {
        snprintf(why, NET_WHY_SIZE, "no network namespace: %s", strerror(errno));
        return false;
    }
    snprintf(outside, sizeof outside, "place%u", i);
    snprintf(addr, sizeof addr, "10.77.0.%u/24", i + 1);
    snprintf(ns, sizeof ns, "/proc/%d/fd/%d", (int)getpid(), fd);
    const char *const pair[] = {"ip",   "link", "add",  outside, "type", "veth",
                                "peer", "name", "eth0", "netns", ns,     NULL};
    const char *const join[] = {"ip", "link", "set", outside, "master", "bridge", "up", NULL};
    const char *const lo[] = {"ip", "link", "set", "lo", "up", NULL};
    const char *const name[] = {"ip", "addr", "add", addr, "dev", "eth0", NULL};
    const char *const up[] = {"ip", "link", "set", "eth0", "up", NULL};
    const char *const hook[] = {"nft",
                                "add table inet chaos ; add chain inet chaos inbound "
                                "{ type filter hook input priority 0 ; }",
                                NULL};
    return tool(-1, pair, why) && tool(-1, join, why) && tool(fd, lo, why) && tool(fd, name, why) &&
           tool(fd, up, why) && tool(fd, hook, why);
}

int net_open(struct net *n, uint32_t places, char why[NET_WHY_SIZE])
{
    const char *const lo[] = {"ip", "link", "set", "lo", "up", NULL};
    const char *const bridge[] = {"ip", "link", "add", "bridge", "type", "bridge", NULL};
    const char *const addr[] = {"ip", "addr", "add", "10.77.0.254/24", "dev", "bridge", NULL};
    const char *const up[] = {"ip", "link", "set", "bridge", "up", NULL};
    *n = (struct net){.places = places};
    for (uint32_t i = 0; i < NODES_MAX; i++)
        n->ns[i] = -1;
    bool good =
        tool(-1, lo, why) && tool(-1, bridge, why) && tool(-1, addr, why) && tool(-1, up, why);
    for (uint32_t i = 0; good && i < places; i++)
        good = make_place(n, i, why);
    n->open = good;
    if (!good)
        net_close(n);
    return good ? 0 : -1;
}

void net_close(struct net *n)
{
    for (uint32_t i = 0; i < NODES_MAX; i++)
        if (n->ns[i] >= 0)
            close(n->ns[i]);
    n->open = false;
}

int net_of(const struct net *n, uint32_t place)
{
    return n->open ? n->ns[place] : -1;
}

/* The addresses of the places of `mask` as a set of nft, "{ 10.77.0.1, 10.77.0.3 }". */
static void set_of(const struct net *n, uint32_t mask, char to[256])
{
    char addr[32];
    text_copy(to, 256, "{ ");
    for (uint32_t i = 0, first = 1; i < n->places; i++) {
        if (!(mask >> i & 1))
            continue;
        snprintf(addr, sizeof addr, "%s10.77.0.%u", first ? "" : ", ", i + 1);
        text_append(to, 256, addr);
        first = 0;
    }
    text_append(to, 256, " }");
}

static bool deafen(const struct net *n, uint32_t place, uint32_t to_whom)
{
    char set[256], rule[320];
    set_of(n, to_whom, set);
    snprintf(rule, sizeof rule, "add rule inet chaos inbound ip saddr %s drop", set);
    const char *const argv[] = {"nft", rule, NULL};
    return tool(n->ns[place], argv, NULL);
}

bool net_cut(const struct net *n, uint32_t mask, bool one_way)
{
    uint32_t all = (1u << n->places) - 1;
    bool good = true;
    for (uint32_t i = 0; i < n->places; i++) {
        bool inside = mask >> i & 1;
        if (inside || !one_way)
            good = deafen(n, i, inside ? all & ~mask : mask) && good;
    }
    return good;
}

bool net_mend(const struct net *n)
{
    const char *const argv[] = {"nft", "flush", "chain", "inet", "chaos", "inbound", NULL};
    bool good = true;
    for (uint32_t i = 0; i < n->places; i++)
        good = tool(n->ns[i], argv, NULL) && good;
    return good;
}

bool net_reset(const struct net *n, uint32_t mask)
{
    const char *const argv[] = {"ss", "-K", "-t", "dst", "10.77.0.0/24", NULL};
    bool good = true;
    for (uint32_t i = 0; i < n->places; i++)
        if (mask >> i & 1)
            good = tool(n->ns[i], argv, NULL) && good;
    return good;
}

bool net_link(const struct net *n, uint32_t place, bool up)
{
    const char *const argv[] = {"ip", "link", "set", "eth0", up ? "up" : "down", NULL};
    return tool(n->ns[place], argv, NULL);
}
