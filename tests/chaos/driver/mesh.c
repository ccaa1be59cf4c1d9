#include "tests/chaos/driver/mesh.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/text.h"
#include "tests/chaos/driver/proc.h"
#include "tests/chaos/driver/tree.h"

#define ASK_MS 3000
#define END_MS 6000

static void path_of(const struct mesh *m, const char *what, char to[PATH_SIZE])
{
    snprintf(to, PATH_SIZE, "%.180s/%.60s", m->folder, what);
}

int mesh_open(struct mesh *m)
{
    const char *tmp = getenv("VELUM_SCRATCH");
    char path[PATH_SIZE];
    /* Short, because the path of a control socket must fit in 108 bytes. */
    snprintf(m->folder, sizeof m->folder, "%.40s/vc.XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(m->folder)) {
        fprintf(stderr, "cannot make %s: %s\n", m->folder, strerror(errno));
        return -1;
    }
    path_of(m, "home", path);
    setenv("VELUM_HOME", path, 1);
    mkdir(path, 0700);
    path_of(m, "home/nodes", path);
    mkdir(path, 0700);
    path_of(m, "tmp", path);
    setenv("TMPDIR", path, 1);
    return mkdir(path, 0700);
}

/* Below the ports that the system gives to outgoing connections, where nobody listens now, and of
 * those that are this lane's, where tests run side by side. */
static uint16_t free_port(void)
{
    const char *of = getenv("VELUM_TEST_LANE");
    unsigned lane = 0, lanes = 1;
    if (of && (sscanf(of, "%u/%u", &lane, &lanes) != 2 || lane >= lanes || lanes > 64))
        lane = 0, lanes = 1;
    for (;;) {
        uint16_t port = (uint16_t)(20000 + (unsigned)rand() % (12000 / lanes) * lanes + lane);
        struct sockaddr_in at = {.sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool is_free = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
        if (fd >= 0)
            close(fd);
        if (is_free)
            return port;
    }
}

static void state_path(const struct mesh *m, const struct place *p, char to[PATH_SIZE])
{
    char what[64];
    snprintf(what, sizeof what, "home/nodes/%u", (unsigned)p->port);
    path_of(m, what, to);
}

static bool mount_disk(struct mesh *m, struct place *p)
{
    char path[PATH_SIZE];
    state_path(m, p, path);
    mkdir(path, 0700);
    p->has_disk = mount("none", path, "tmpfs", 0, "mode=700,size=" DISK_BYTES) == 0;
    return p->has_disk;
}

/* The file that wall.c maps in the node: eight bytes, changed while it runs. */
static bool open_wall(struct mesh *m, struct place *p)
{
    char what[32], path[PATH_SIZE];
    snprintf(what, sizeof what, "%s.wall", p->name);
    path_of(m, what, path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *at = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof(int64_t)) == 0)
        at = mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    p->wrong_s = at == MAP_FAILED ? NULL : at;
    return p->wrong_s != NULL;
}

static bool name_place(struct mesh *m, struct place *p)
{
    *p = (struct place){.port = m->net.open ? (uint16_t)(8001 + m->made) : free_port()};
    snprintf(p->name, sizeof p->name, "%c", 'a' + (int)(m->made % 26));
    m->made++;
    return (!m->small_disks || mount_disk(m, p)) && (!m->wall || open_wall(m, p));
}

bool mesh_start(struct mesh *m, uint32_t place)
{
    struct place *p = &m->places[place];
    char port[8], bind[32], log[PATH_SIZE], wall[PATH_SIZE], preload[PATH_SIZE + 16],
        offset[PATH_SIZE + 32];
    if (!p->port && !name_place(m, p))
        return false;
    snprintf(port, sizeof port, "%u", (unsigned)p->port);
    snprintf(bind, sizeof bind, "10.77.0.%u", place + 1);
    snprintf(wall, sizeof wall, "%s.log", p->name);
    path_of(m, wall, log);
    snprintf(wall, sizeof wall, "%s.wall", p->name);
    snprintf(offset, sizeof offset, "CHAOS_WALL=%.180s/%.8s.wall", m->folder, p->name);
    snprintf(preload, sizeof preload, "LD_PRELOAD=%.240s", m->wall ? m->wall : "");
    const char *argv[] = {m->velum, "node",      "--port",   port, "--name", p->name, "--slots",
                          m->slots, "--plugins", m->plugins, NULL, NULL,     NULL};
    const char *const environment[] = {preload, offset, NULL};
    if (m->net.open) {
        argv[10] = "--bind";
        argv[11] = bind;
    }
    struct proc_start s = {.argv = argv,
                           .environment = m->wall ? environment : NULL,
                           .net = net_of(&m->net, place),
                           .out = log,
                           .err = log};
    p->pid = proc_start(&s);
    p->paused = false;
    return p->pid > 0;
}

bool mesh_replace(struct mesh *m, uint32_t place)
{
    struct place *p = &m->places[place];
    char path[PATH_SIZE];
    state_path(m, p, path);
    if (p->has_disk)
        umount2(path, MNT_DETACH);
    bool gone = tree_remove(path);
    text_append(path, sizeof path, ".addr");
    unlink(path);
    return name_place(m, p) && gone;
}

uint32_t mesh_kill(struct mesh *m, uint32_t mask)
{
    uint32_t met = 0;
    for (uint32_t i = 0; i < m->count; i++)
        if (mask >> i & 1)
            proc_signal(m->places[i].pid, SIGKILL);
    for (uint32_t i = 0; i < m->count; i++) {
        struct place *p = &m->places[i];
        if (!(mask >> i & 1) || p->pid <= 0)
            continue;
        int status = proc_bury(p->pid);
        met += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        p->pid = 0;
    }
    m->kills += met;
    return met;
}

bool mesh_kill_worker(struct mesh *m, uint32_t place)
{
    pid_t spawners[PROC_CHILDREN_MAX], workers[PROC_CHILDREN_MAX];
    pid_t node = m->places[place].pid;
    size_t count = node > 0 ? proc_children(node, spawners) : 0;
    for (size_t i = 0; i < count; i++) {
        if (proc_children(spawners[i], workers) == 0 || !proc_signal(workers[0], SIGKILL))
            continue;
        m->kills++;
        return true;
    }
    return false;
}

bool mesh_kill_spawner(struct mesh *m, uint32_t place)
{
    pid_t spawners[PROC_CHILDREN_MAX];
    pid_t node = m->places[place].pid;
    if (node <= 0 || proc_children(node, spawners) == 0 || !proc_signal(spawners[0], SIGKILL))
        return false;
    m->kills++;
    return true;
}

void mesh_pause(struct mesh *m, uint32_t place, bool paused)
{
    struct place *p = &m->places[place];
    if (p->paused != paused && proc_signal(p->pid, paused ? SIGSTOP : SIGCONT))
        p->paused = paused;
}

/* Takes what is free on the node's disk, or gives it back. */
bool mesh_fill(struct mesh *m, uint32_t place, bool full)
{
    static const char zeros[65536];
    struct place *p = &m->places[place];
    char path[PATH_SIZE];
    if (!p->has_disk)
        return false;
    state_path(m, p, path);
    text_append(path, sizeof path, "/filler");
    p->full = full;
    if (!full)
        return unlink(path) == 0 || errno == ENOENT;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ssize_t put = fd >= 0 ? 1 : 0;
    for (size_t step = sizeof zeros; put > 0 || step > 1; step = put > 0 ? step : step / 2)
        put = fd >= 0 ? write(fd, zeros, step) : 0;
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void mesh_wall(struct mesh *m, uint32_t place, int64_t wrong_s)
{
    if (m->places[place].wrong_s)
        *m->places[place].wrong_s = wrong_s;
}

bool mesh_watch(struct mesh *m, char *what, size_t cap)
{
    for (uint32_t i = 0; i < m->count; i++) {
        struct place *p = &m->places[i];
        int status;
        if (p->pid <= 0 || !proc_has_ended(p->pid, &status))
            continue;
        p->pid = 0;
        /* By a clock beyond the life of the mesh no node starts, only when it is right again. */
        if (p->wrong_s && *p->wrong_s > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 1)
            continue;
        if (WIFSIGNALED(status))
            snprintf(what, cap, "node %s ended by itself, of signal %d", p->name, WTERMSIG(status));
        else
            snprintf(what, cap, "node %s ended by itself, with exit code %d", p->name,
                     WEXITSTATUS(status));
        return false;
    }
    return true;
}

void mesh_addr(const struct mesh *m, uint32_t place, char to[32])
{
    snprintf(to, 32, "127.0.0.1:%u", (unsigned)m->places[place].port);
}

int mesh_ask(const struct mesh *m, uint32_t place, const char *const *argv, int limit_ms, char *out,
             size_t cap)
{
    const char *whole[16] = {m->velum};
    char addr[32];
    size_t n = 1;
    mesh_addr(m, place, addr);
    for (; *argv && n < 13; argv++)
        whole[n++] = *argv;
    whole[n++] = "--addr";
    whole[n++] = addr;
    return proc_run(whole, -1, limit_ms, out, cap);
}

bool json_field(const char *text, const char *name, char *to, size_t cap)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(text, key);
    if (cap > 0)
        to[0] = 0;
    if (!at)
        return false;
    at += strlen(key);
    const char *end = *at == '"' ? strchr(++at, '"') : at + strcspn(at, ",}]");
    size_t len = end ? (size_t)(end - at) : 0;
    if (len >= cap)
        return false;
    memcpy(to, at, len);
    to[len] = 0;
    return true;
}

static const char *const ask_nodes[] = {"nodes", "--json", NULL};

static bool is_alive(const char *nodes, const char *name)
{
    char key[32], state[16];
    snprintf(key, sizeof key, "\"name\":\"%s\"", name);
    const char *at = strstr(nodes, key);
    return at && json_field(at, "state", state, sizeof state) && strcmp(state, "alive") == 0;
}

/* Those of now and nobody else: a node that was just replaced does not stand for the new one. */
static bool sees_all(const struct mesh *m, uint32_t place)
{
    char text[PROC_TEXT_SIZE];
    uint32_t count = 0;
    if (mesh_ask(m, place, ask_nodes, ASK_MS, text, sizeof text) != 0)
        return false;
    for (const char *at = text; (at = strstr(at, "\"state\":\"alive\"")) != NULL; at++)
        count++;
    if (strstr(text, "\"state\":\"suspect\"") || strstr(text, "\"state\":\"away\""))
        return false;
    for (uint32_t i = 0; i < m->count; i++)
        if (!is_alive(text, m->places[i].name))
            return false;
    return count == m->count;
}

bool mesh_is_whole(const struct mesh *m, int limit_ms)
{
    int64_t until = proc_clock_ms() + limit_ms;
    for (uint32_t i = 0; i < m->count; i++) {
        while (!sees_all(m, i)) {
            if (proc_clock_ms() > until)
                return false;
            proc_nap_ms(20);
        }
    }
    return true;
}

void mesh_state(const struct mesh *m, uint32_t where, const char *name, char to[16])
{
    char text[PROC_TEXT_SIZE], key[32];
    to[0] = 0;
    snprintf(key, sizeof key, "\"name\":\"%s\"", name);
    if (mesh_ask(m, where, ask_nodes, ASK_MS, text, sizeof text) != 0)
        return;
    const char *at = strstr(text, key);
    if (at)
        json_field(at, "state", to, 16);
}

uint32_t mesh_running(const struct mesh *m)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < m->count; i++)
        mask |= m->places[i].pid > 0 ? 1u << i : 0;
    return mask;
}

static bool end_one(struct place *p, int64_t until, char *what, size_t cap)
{
    int status = 0;
    while (!proc_has_ended(p->pid, &status)) {
        if (proc_clock_ms() > until) {
            snprintf(what, cap, "node %s did not end after SIGTERM", p->name);
            proc_signal(p->pid, SIGKILL);
            proc_bury(p->pid);
            return false;
        }
        proc_nap_ms(5);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    snprintf(what, cap, "node %s ended with wait status 0x%x after SIGTERM", p->name,
             (unsigned)status);
    return false;
}

bool mesh_end(struct mesh *m, char *what, size_t cap)
{
    int64_t until = proc_clock_ms() + END_MS;
    bool good = true;
    for (uint32_t i = 0; i < m->count; i++)
        proc_signal(m->places[i].pid, SIGTERM);
    for (uint32_t i = 0; i < m->count; i++) {
        struct place *p = &m->places[i];
        if (p->pid > 0)
            good = end_one(p, until, what, cap) && good;
        p->pid = 0;
        if (p->wrong_s)
            munmap((void *)(uintptr_t)p->wrong_s, sizeof(int64_t));
        p->wrong_s = NULL;
    }
    return good;
}
