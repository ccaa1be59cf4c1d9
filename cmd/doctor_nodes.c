#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/doctor.h"
#include "cmd/doctor_discovery.h"
#include "cmd/doctor_peers.h"
#include "cmd/duration.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/listening.h"
#include "core/host/root_key.h"

/* Clocks of disks on other machines may be a little off. */
#define CLOCK_SLACK_S 60
#define WHAT_SIZE 16

/* One port of this user's. */
struct node_here {
    struct findings *f;
    const struct home *home;
    int64_t now_s;
    uint16_t port;
    const char *state; /* its folder; NULL: it is elsewhere */
    char what[WHAT_SIZE];
    bool announced, has_socket; /* what it leaves behind when it is killed */
    bool held;                  /* somebody has the lock of its folder */
    unsigned long pid;          /* and is this process; 0: unknown */
    bool runs;
    bool exposed;
    unsigned listens; /* on so many addresses, */
    char at[256];     /* these */
};

struct search {
    struct findings *f;
    const struct home *home;
    int64_t now_s;
    uint16_t port; /* that is asked for */
    bool found;
    unsigned running;
    uint16_t answers; /* the first that did; 0: none yet */
};

/* --- where it listens --- */

static void note_address(void *ctx, const struct address *at)
{
    struct node_here *n = ctx;
    char text[ADDR_SIZE];
    address_text(at, text);
    text_append(n->at, sizeof n->at, n->listens++ ? ", " : "");
    text_append(n->at, sizeof n->at, text);
    n->exposed = n->exposed || !address_is_loopback(at);
}

static void look_at_ports(const struct node_here *n)
{
    if (n->exposed)
        findings_add(
            n->f, FINDING_NOTE, "exposure",
            "--bind 127.0.0.1, unless other machines are to reach it",
            "%s listens on %s: other machines reach it, and need a certificate of the mesh",
            n->what, n->at);
    else if (n->listens > 0)
        findings_add(n->f, FINDING_OK, "exposure", NULL, "%s listens on %s, for this machine only",
                     n->what, n->at);
}

/* --- whether it runs --- */

static void look_at_process(const struct node_here *n, struct search *s)
{
    char why[ASK_MESSAGE_SIZE] = "", fix[128];
    if (!n->held) {
        findings_add(n->f, FINDING_OK, n->what, NULL, "runs, with its state in another folder");
        return;
    }
    snprintf(fix, sizeof fix, "velum doctor once more, and kill %lu if it stays so", n->pid);
    const int rc = doctor_ask(NULL, n->port, why);
    if (rc == ERR_PERMISSION) {
        findings_add(n->f, FINDING_BAD, n->what, "velum help revoke",
                     "process %lu answers, and refuses: %s", n->pid, why);
        return;
    }
    if (rc < 0) {
        findings_add(n->f, FINDING_BAD, n->what, fix,
                     "process %lu has its folder and does not answer: %s", n->pid, why);
        return;
    }
    s->answers = s->answers ? s->answers : n->port;
    findings_add(n->f, FINDING_OK, n->what, NULL, "process %lu answers", n->pid);
}

static void look_at_rest(const struct node_here *n)
{
    char fix[128];
    snprintf(fix, sizeof fix, "velum node --port %u, which takes their place", (unsigned)n->port);
    if (n->has_socket || n->announced)
        findings_add(n->f, FINDING_NOTE, n->what, fix,
                     "does not run: it was killed, and has left %s%s%s behind",
                     n->has_socket ? "a socket" : "", n->has_socket && n->announced ? " and " : "",
                     n->announced ? "its address" : "");
    else
        findings_add(n->f, FINDING_OK, n->what, NULL, "does not run");
}

/* --- its folder --- */

static void look_at_certificate(const struct node_here *n)
{
    char path[HOME_PATH_SIZE + 32], message[HOME_MESSAGE_SIZE] = "";
    struct doctor_certificate c = {.what = n->what, .path = path, .in_use = n->runs};
    doctor_renewal(&c, n->home);
    snprintf(path, sizeof path, "%s/node.pem", n->state);
    if (access(path, F_OK) != 0)
        return; /* the next start makes it */
    int rc = identity_look(&c.card, n->home, n->state, "node", message);
    if (rc < 0) {
        findings_add(n->f, FINDING_BAD, "certificate",
                     rc == ERR_PERMISSION ? DOCTOR_ONLY_YOURS
                     : c.renewable        ? "remove it, and the next start makes another"
                                          : "velum join --renew, or velum join STRING",
                     "%s: %s", n->what, message);
        return;
    }
    doctor_revoked(&c, n->home, n->state);
    doctor_certificate(n->f, &c, n->now_s);
}

/* When its journal was written last, by the clock of then. */
static int64_t journal_time(const char *folder)
{
    int64_t last = 0;
    const struct dirent *e;
    struct stat s;
    DIR *dir = opendir(folder);
    while (dir && (e = readdir(dir)) != NULL) {
        const size_t len = strlen(e->d_name);
        if (len > 4 && strcmp(e->d_name + len - 4, ".seg") == 0 &&
            fstatat(dirfd(dir), e->d_name, &s, AT_SYMLINK_NOFOLLOW) == 0 && s.st_mtime > last)
            last = (int64_t)s.st_mtime;
    }
    if (dir)
        closedir(dir);
    return last;
}

static void look_at_journal(const struct node_here *n)
{
    char last[DURATION_TEXT_SIZE];
    const int64_t at = journal_time(n->state);
    duration_iso(at, last);
    if (at > n->now_s + CLOCK_SLACK_S)
        findings_add(n->f, FINDING_BAD, "clock", DOCTOR_SET_CLOCK,
                     "the journal of %s was written on %s: the clock is behind, or was ahead then",
                     n->what, last);
}

/* --- all of them --- */

static bool left_socket(const char *state)
{
    char path[HOME_PATH_SIZE + 16];
    struct stat s;
    snprintf(path, sizeof path, "%s/control", state);
    return lstat(path, &s) == 0 && S_ISSOCK(s.st_mode);
}

static void match(void *ctx, uint16_t port, const char *addr)
{
    struct search *s = ctx;
    (void)addr;
    s->found = s->found || port == s->port;
}

static bool is_announced(const struct search *s, uint16_t port)
{
    struct search asked = {.port = port};
    home_peers(s->home, match, &asked);
    return asked.found;
}

static void look_at_node(struct search *s, struct node_here *n)
{
    snprintf(n->what, sizeof n->what, "node %u", (unsigned)n->port);
    (void)listening_on(n->port, note_address, n);
    n->runs = n->held || (n->announced && n->listens > 0);
    if (n->runs) {
        s->running++;
        look_at_process(n, s);
        look_at_ports(n);
        if (n->exposed && n->pid)
            doctor_discovery(n->f, n->what, n->pid);
    } else {
        look_at_rest(n);
    }
    if (!n->state)
        return;
    look_at_certificate(n);
    look_at_journal(n);
}

static bool found_state(void *ctx, uint16_t port, const char *path)
{
    struct search *s = ctx;
    struct node_here n = {.f = s->f,
                          .home = s->home,
                          .now_s = s->now_s,
                          .port = port,
                          .state = path,
                          .announced = is_announced(s, port),
                          .has_socket = left_socket(path)};
    n.held = home_state_holder(path, &n.pid) > 0;
    look_at_node(s, &n);
    return false;
}

static bool match_state(void *ctx, uint16_t port, const char *path)
{
    match(ctx, port, path);
    return false;
}

/* Who has no state folder here was told `velum node --data`. */
static void found_address(void *ctx, uint16_t port, const char *addr)
{
    struct search *s = ctx;
    struct search asked = {.port = port};
    struct node_here n = {
        .f = s->f, .home = s->home, .now_s = s->now_s, .port = port, .announced = true};
    (void)addr;
    home_states(s->home, match_state, &asked);
    if (!asked.found)
        look_at_node(s, &n);
}

void doctor_nodes(struct findings *f, const struct home *h, int64_t now_s)
{
    struct search s = {.f = f, .home = h, .now_s = now_s};
    char why[ASK_MESSAGE_SIZE];
    home_states(h, found_state, &s);
    home_peers(h, found_address, &s);
    if (s.answers)
        (void)doctor_ask(f, s.answers, why);
    if (s.running == 0)
        findings_add(f, FINDING_OK, "nodes", NULL,
                     "none runs here; jobs run inside the command, or start one: velum node");
}
