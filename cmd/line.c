#include "cmd/line.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/home.h"
#include "core/host/loop.h"
#include "core/host/user_fact.h"
#include "core/wire/message.h"

struct line {
    struct ask *ask;
    struct ask_options options;
    struct spawner spawner;
    bool has_spawner;
    uint32_t request;
    struct reply_error error;
    bool shut_out;
};

/* A socket file may be left over from a node that was killed, so only an answer counts. */
static bool answers(void *ctx, uint16_t port, const char *path)
{
    (void)port;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!text_copy(to.sun_path, sizeof to.sun_path, path))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool *near = ctx;
    *near = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    close(fd);
    return *near;
}

static bool node_is_near(void)
{
    struct home home;
    char message[HOME_MESSAGE_SIZE];
    bool near = false;
    if (home_locate(&home, message) == 0)
        home_controls(&home, answers, &near);
    return near;
}

const char *line_addr(const struct call *c)
{
    const char *from_env = getenv("VELUM_ADDR");
    return opt_text(c->opts, "addr", from_env && from_env[0] ? from_env : NULL);
}

/* The spawner comes before keys and libevent, so it is decided here whether it will be needed. */
static int fork_spawner(struct line *l, const char *argv0)
{
    const struct ask_options *o = &l->options;
    if (o->addr || !(o->embedded_ok || o->embedded_only))
        return 0;
    if (!o->embedded_only && node_is_near())
        return 0;
    int rc = spawner_fork(&l->spawner, argv0);
    if (rc < 0)
        return rc;
    l->has_spawner = true;
    l->options.spawner = &l->spawner;
    return 0;
}

/* An embedded node has taken its spawner; one that was forked in vain ends when its socket does. */
static void drop_spawner(struct line *l)
{
    if (!l->has_spawner)
        return;
    close(l->spawner.fd);
    close(l->spawner.executable);
    waitpid(l->spawner.pid, NULL, 0);
    l->has_spawner = false;
    l->options.spawner = NULL;
}

static int report_open(int rc, const char *message, const char *addr)
{
    talk_error("%s", message[0] ? message : err_sentence(rc));
    if (strstr(message, "try: "))
        return (int)exit_code_of_open(rc);
    if (talk_blames_clock(message))
        talk_try("%s" TALK_SET_CLOCK, strstr(message, "--renew")
                                          ? "velum join --renew; or, if the clock is wrong, "
                                          : "");
    else if (rc == ERR_IDENTITY && addr)
        talk_try("another --addr, or VELUM_HOME of the mesh that node belongs to");
    else if (rc == ERR_VERSION)
        talk_try("velum version, here and on the node");
    else if (addr && (int)exit_code_of_open(rc) == CODE_MISUSE)
        talk_try("--addr 127.0.0.1:8001");
    else if (addr && strstr(message, "there is no mesh in"))
        talk_try("VELUM_HOME of the mesh that %s belongs to, or begin one here: velum node", addr);
    else if (addr)
        talk_try("velum node, where %s should be", addr);
    else
        talk_try("start one: velum node");
    return (int)exit_code_of_open(rc);
}

static int refuse_local(const struct call *c)
{
    talk_error("--local computes in this process, and --addr %s is a node: one of the two",
               opt_text(c->opts, "addr", ""));
    talk_try("velum %s without --local", c->cmd->name);
    return CODE_MISUSE;
}

int line_open(struct line **out, const struct call *c, const struct line_options *o)
{
    if (opt_given(c->opts, "local") && opt_given(c->opts, "addr"))
        return refuse_local(c);
    char message[ASK_MESSAGE_SIZE] = "";
    struct line *l = calloc(1, sizeof *l);
    int rc = ERR_NO_MEMORY;
    if (!l)
        goto out;
    signal(SIGPIPE, SIG_IGN);
    l->options = (struct ask_options){.addr = o->addr            ? o->addr
                                              : o->embedded_only ? NULL
                                                                 : line_addr(c),
                                      .embedded_ok = o->embedded_ok,
                                      .embedded_only = o->embedded_only,
                                      .objects = o->objects,
                                      .foreign = o->foreign};
    rc = fork_spawner(l, c->argv0);
    if (rc < 0)
        goto out;
    if (!l->has_spawner)
        l->options.embedded_ok = false;
    rc = ask_open(&l->ask, &l->options, message);
    if (rc == 0 && ask_is_embedded(l->ask))
        l->has_spawner = false;
out:
    if (rc == 0) {
        *out = l;
        return 0;
    }
    int code = (int)exit_code_of_open(rc);
    if (!o->quiet || code != CODE_NO_NODE)
        code = report_open(rc, message, l ? l->options.addr : NULL);
    line_close(l);
    return code;
}

void line_close(struct line *l)
{
    if (!l)
        return;
    if (l->ask)
        ask_close(l->ask);
    drop_spawner(l);
    free(l);
}

int line_each(const struct call *c, int from, line_act *act, const void *ctx)
{
    struct line *l = NULL;
    struct line_options where = {0};
    int first = line_open(&l, c, &where);
    if (first != 0)
        return first;
    for (int i = from; i < c->argc; i++) {
        int code = act(l, ctx, c->argv[i]);
        first = first ? first : code;
    }
    line_close(l);
    return first;
}

bool line_is_embedded(const struct line *l)
{
    return l->ask && ask_is_embedded(l->ask);
}

struct identity *line_identity(struct line *l)
{
    struct identity *identity = ask_identity(l->ask);
    if (!identity) {
        const char *why = ask_fault(l->ask);
        talk_error("%s", why[0] ? why : "your key cannot be read");
    }
    return identity;
}

int line_put_kill(struct line *l, const struct request_kill *m, struct buf *to)
{
    return l->ask ? user_fact_kill(line_identity(l), *m, to) : ERR_CLOSED;
}

int line_send_kill(struct line *l, struct job_id id)
{
    const struct request_kill m = {.job = id};
    uint8_t room[USER_KILL_SIZE];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    int rc = line_put_kill(l, &m, &payload);
    return rc < 0 ? rc : line_send(l, MESSAGE_REQUEST_KILL, buf_bytes(&payload));
}

const char *line_control(const struct line *l)
{
    return l->ask ? ask_control(l->ask) : NULL;
}

/* What ended the line before anything could be asked may have said why. */
static int why_closed(struct line *l)
{
    struct frame frame;
    return line_next(l, loop_clock(), &frame) == LINE_REFUSED ? LINE_REFUSED : ERR_CLOSED;
}

int line_send(struct line *l, uint8_t type, struct bytes payload)
{
    if (!l->ask)
        return ERR_CLOSED;
    int rc = ask_send(l->ask, type, ++l->request, payload);
    return rc == ERR_CLOSED ? why_closed(l) : rc;
}

int line_send_on(struct line *l, uint8_t type, struct bytes payload)
{
    return l->ask ? ask_send(l->ask, type, l->request, payload) : ERR_CLOSED;
}

int line_next(struct line *l, struct instant until, struct frame *out)
{
    for (;;) {
        int rc = l->ask ? ask_next(l->ask, until, out) : ERR_CLOSED;
        if (rc <= 0)
            return rc;
        const bool of_user = out->request == 0 && out->type == MESSAGE_REPLY_ERROR;
        if (out->request != l->request && !of_user)
            continue; /* the end of an earlier watch */
        if (out->type != MESSAGE_REPLY_ERROR)
            return 1;
        rc = read_reply_error(out->payload, &l->error);
        l->shut_out = rc >= 0 && of_user;
        return rc < 0 ? rc : LINE_REFUSED;
    }
}

static struct instant answer_due(void)
{
    return instant_plus_us(loop_clock(), LINE_ANSWER_MAX_US);
}

int line_exchange(struct line *l, uint8_t type, struct bytes payload, uint8_t answer,
                  struct frame *out)
{
    int rc = line_send(l, type, payload);
    if (rc < 0)
        return rc;
    rc = line_next(l, answer_due(), out);
    if (rc == 0)
        return ERR_TIMEOUT;
    if (rc < 0)
        return rc;
    return out->type == answer ? 0 : ERR_FORMAT;
}

int line_item(struct line *l, uint8_t item, struct frame *out)
{
    int rc = line_next(l, answer_due(), out);
    if (rc == 0)
        return ERR_TIMEOUT;
    if (rc < 0)
        return rc;
    if (out->type == MESSAGE_REPLY_END)
        return 0;
    return out->type == item ? 1 : ERR_FORMAT;
}

int line_refusal(const struct line *l)
{
    return l->error.exit_code;
}

struct reply_error line_refused(const struct line *l)
{
    return l->error;
}

void line_refused_again(struct line *l, const struct reply_error *e)
{
    l->error = *e;
}

bool line_is_shut_out(const struct line *l)
{
    return l->shut_out;
}

int64_t line_later_s(const struct line *l)
{
    return l->error.later_s;
}

bool line_lacks_kernel(const struct line *l)
{
    return l->error.no_kernel;
}

bool line_has_hint(const struct line *l)
{
    return l->error.hint[0] != 0;
}

void line_hint(const struct line *l, char text[VIEW_ERROR_SIZE])
{
    text_sanitise(l->error.hint, strlen(l->error.hint), true, text, VIEW_ERROR_SIZE);
}

static int report_refusal(const struct reply_error *e, const char *about)
{
    char text[VIEW_ERROR_SIZE];
    text_sanitise(e->what, strlen(e->what), true, text, sizeof text);
    talk_error("%s%s%s", about, about[0] ? ": " : "", text);
    text_sanitise(e->hint, strlen(e->hint), true, text, sizeof text);
    if (text[0])
        talk_try("%s", text);
    return e->exit_code ? e->exit_code : CODE_FAILED;
}

int line_report(const struct line *l, int rc)
{
    return line_report_about(l, "", rc);
}

int line_report_about(const struct line *l, const char *about, int rc)
{
    const char *fault = l->ask ? ask_fault(l->ask) : "";
    switch (rc) {
    case LINE_REFUSED:
        return report_refusal(&l->error, about);
    case ERR_VERSION:
        talk_error("%s", fault[0] ? fault : err_sentence(rc));
        talk_try("velum version, here and on the node");
        return CODE_NO_NODE;
    case ERR_IDENTITY:
        talk_error("%s", fault[0] ? fault : "the node belongs to another mesh, or to another user");
        talk_try("velum nodes");
        return CODE_NOT_ALLOWED;
    case ERR_CLOSED:
        talk_error("the node ended before it had answered");
        talk_try("velum nodes");
        return CODE_NO_NODE;
    case ERR_TIMEOUT:
        talk_error("the node gave no answer for %d s", (int)(LINE_ANSWER_MAX_US / S_US));
        talk_try(LINE_SILENT_HINT);
        return CODE_NO_NODE;
    case ERR_CANCELLED:
        talk_error("interrupted");
        return CODE_INTERRUPTED;
    default:
        talk_error("%s", err_sentence(rc));
        talk_try("velum version, here and on the node");
        return CODE_FAILED;
    }
}

int line_reopen(struct line *l)
{
    return ask_reopen(&l->ask, &l->options);
}
