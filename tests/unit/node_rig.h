/* A mesh folder, a command in a process of its own, and a node that is a few lines of the test:
 * frames over the control socket that commands look for. Header only. */
#ifndef VELUM_TESTS_NODE_RIG_H
#define VELUM_TESTS_NODE_RIG_H

#include "cmd/cmd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/memory.h"
#include "core/wire/frame.h"
#include "core/wire/message.h"
#include "core/wire/output.h"
#include "core/wire/spec.h"
#include "core/wire/view.h"
#include "tests/lib/check.h"

static char root[64];
static char said[4096];

/* --- the folder, and a command in it --- */

static inline void begin_folder(void)
{
    char path[128];
    snprintf(root, sizeof root, "/tmp/velum-put-XXXXXX");
    REQUIRE(mkdtemp(root));
    setenv("VELUM_HOME", root, 1);
    unsetenv("VELUM_ADDR");
    snprintf(path, sizeof path, "%s/nodes", root);
    CHECK_INT(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/nodes/8001", root);
    CHECK_INT(mkdir(path, 0700), 0);
}

static inline void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    CHECK_INT(system(command), 0);
}

static inline const char *below(const char *name)
{
    static char paths[4][128];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", root, name);
    return path;
}

static inline size_t read_file(const char *name, void *to, size_t cap)
{
    int fd = open(below(name), O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n;
    while (fd >= 0 && len < cap && (n = read(fd, (char *)to + len, cap - len)) > 0)
        len += (size_t)n;
    if (fd >= 0)
        close(fd);
    return len;
}

static inline void write_file(const char *name, const void *from, size_t len)
{
    int fd = open(below(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, from, len) == (ssize_t)len);
    close(fd);
}

static inline bool is_there(const char *name)
{
    return access(below(name), F_OK) == 0;
}

/* What it prints is in the files out and err, and what it said in `said`. */
static inline pid_t start(const struct cmd *cmd, int argc, char **argv)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    static struct opts opts;
    char message[OPT_MESSAGE_SIZE], hint[OPT_MESSAGE_SIZE];
    dup2(open(below("out"), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
    dup2(open(below("err"), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
    int count = opt_parse(&opts, cmd->opts, 0, argc, argv, message, hint);
    struct call call = {.cmd = cmd, .argv0 = "velum", .opts = &opts, .argc = count, .argv = argv};
    int code = count < 0 ? 99 : cmd->run(&call);
    fflush(stdout);
    _exit(code);
}

static inline int end_of(pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    memset(said, 0, sizeof said);
    read_file("err", said, sizeof said - 1);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- a node --- */

struct node {
    int fd;
    uint8_t in[2 * 65536];
    size_t len, used;
};

static inline int listener(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%s/nodes/8001/control", root);
    unlink(at.sun_path);
    CHECK_INT(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_INT(listen(fd, 4), 0);
    return fd;
}

static inline void hear(struct node *n, struct frame *f)
{
    memmove(n->in, n->in + n->used, n->len - n->used);
    n->len -= n->used;
    n->used = 0;
    for (;;) {
        int size = frame_take((struct bytes){n->in, n->len}, f);
        if (size > 0) {
            n->used = (size_t)size;
            return;
        }
        ssize_t got_now = read(n->fd, n->in + n->len, sizeof n->in - n->len);
        if (size < 0 || got_now <= 0)
            _exit(size < 0 ? 3 : 4); /* bad frame, or the command has gone */
        n->len += (size_t)got_now;
    }
}

static inline void say(struct node *n, uint8_t type, uint32_t request, struct bytes payload)
{
    struct buf b;
    buf_init(&b, &host_memory, 2 * FRAME_PAYLOAD_MAX);
    frame_put(&b, type, request, payload);
    for (size_t at = 0; at < b.len;) {
        ssize_t sent = send(n->fd, b.data + at, b.len - at, MSG_NOSIGNAL);
        if (sent <= 0)
            _exit(4);
        at += (size_t)sent;
    }
    buf_clear(&b);
}

/* This grep of three leaves is done. */
static inline void say_collected(struct node *n, uint32_t request, struct job_id id,
                                 const struct collected *c)
{
    static struct job_view v;
    struct buf result, payload;
    buf_init(&result, &host_memory, 4096);
    put_collected(&result, c);
    v = (struct job_view){.id = id,
                          .kernel = "grep",
                          .state = JOB_DONE,
                          .reduction = REDUCE_COLLECT,
                          .units = 3,
                          .leaf_units = 1,
                          .leaves_total = 3,
                          .leaves_done = 3,
                          .digest = c->list,
                          .result = buf_bytes(&result)};
    buf_init(&payload, &host_memory, FRAME_PAYLOAD_MAX);
    put_job_view(&payload, &v);
    say(n, MESSAGE_REPLY_JOB, request, buf_bytes(&payload));
}

#endif
