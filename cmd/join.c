#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/address.h"
#include "core/host/join_ask.h"

static const struct opt opts[] = {
    {.name = "token-file",
     .kind = OPT_TEXT,
     .value = "FILE",
     .effect = "read the string there (-: standard input)"},
    {.name = "port",
     .kind = OPT_NUMBER,
     .value = "N",
     .effect = "the node's port (8001)",
     .min = 1,
     .max = 65535},
    {.name = "data",
     .kind = OPT_TEXT,
     .value = "DIR",
     .effect = "the node's state ($VELUM_HOME/nodes/PORT)"},
    {.name = "renew", .kind = OPT_SWITCH, .effect = "renew the certificates of this machine now"},
    {.name = "only", .kind = OPT_SWITCH, .effect = "join, and do not start the node"},
    {0},
};

static int misuse_try(const char *text, const char *hint)
{
    talk_error("%s", text);
    talk_try("%s", hint);
    return CODE_MISUSE;
}

static int misuse(const char *text)
{
    return misuse_try(text, "velum help join");
}

static int refuse_file(const char *path)
{
    talk_error("%s: %s", path, strerror(errno));
    talk_try("the file that velum token create --out wrote");
    return CODE_FAILED;
}

/* One line, and nothing else in it. */
static int read_file(const char *path, char to[JOIN_TEXT_SIZE])
{
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = 1;
    if (fd < 0)
        return refuse_file(path);
    while (n > 0 && len < JOIN_TEXT_SIZE - 1) {
        n = read(fd, to + len, JOIN_TEXT_SIZE - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (fd != STDIN_FILENO)
        close(fd);
    to[len] = '\0';
    to[strcspn(to, "\r\n")] = '\0';
    return n < 0 ? refuse_file(path) : CODE_DONE;
}

#define COPY_AGAIN "the string once more, whole, as it was printed"

static int refuse_string(int rc)
{
    switch (rc) {
    case ERR_CHECKSUM:
        return misuse_try("the string was mistyped: a letter is wrong", COPY_AGAIN);
    case ERR_VERSION:
        return misuse_try("the string is of another version of velum",
                          "velum version, here and where it was made");
    case ERR_TOO_LARGE:
        return misuse("at most four addresses may stand behind the @");
    default:
        return misuse_try("that is no string to join by, or a part of it is missing: it looks like "
                          "VLM1-...-...-...-N-....@HOST:PORT",
                          COPY_AGAIN);
    }
}

/* What stands behind the @ is no part of the checksum. */
static int check_addrs(const struct join_string *s)
{
    struct address at;
    if (s->addrs_count == 0)
        return misuse("the string names no address: put @HOST:PORT behind it, of a node where it "
                      "was made");
    for (uint32_t i = 0; i < s->addrs_count; i++) {
        if (address_parse(s->addrs[i], &at) != ERR_FORMAT)
            continue;
        talk_error("%s: not an address", s->addrs[i]);
        talk_try("HOST:PORT behind the @, as in 10.0.0.1:8001");
        return CODE_MISUSE;
    }
    return CODE_DONE;
}

static int take_string(const struct call *c, struct join_string *s)
{
    char text[JOIN_TEXT_SIZE] = "";
    const char *path = opt_text(c->opts, "token-file", NULL);
    if ((c->argc == 1) == (path != NULL))
        return misuse("give one string, or --token-file");
    int code = path ? read_file(path, text) : CODE_DONE;
    if (code != CODE_DONE)
        return code;
    if (!path) {
        text_copy(text, sizeof text, c->argv[0]);
        memset(c->argv[0], '-', strlen(c->argv[0])); /* other users see a process's arguments */
    }
    int rc = join_string_parse(s, text);
    return rc < 0 ? refuse_string(rc) : check_addrs(s);
}

static int code_of(int rc)
{
    switch (rc) {
    case ERR_PERMISSION:
    case ERR_IDENTITY:
        return CODE_NOT_ALLOWED;
    case ERR_UNREACHABLE:
    case ERR_REFUSED:
    case ERR_TIMEOUT:
    case ERR_CLOSED:
        return CODE_NO_NODE;
    default:
        return CODE_FAILED;
    }
}

static int report(int rc, const char *message, const char *hint)
{
    int code = code_of(rc);
    talk_error("%s", message[0] ? message : err_sentence(rc));
    if (talk_blames_clock(message))
        talk_try(TALK_SET_CLOCK);
    else if (code == CODE_NOT_ALLOWED)
        talk_try("velum token create, on the machine where the mesh was made");
    else if (code == CODE_NO_NODE)
        talk_try("velum nodes there, and that the port is open on the way");
    else
        talk_try("%s", hint);
    return code;
}

/* The node is a process of its own that has never seen the string. */
static int become_node(const struct call *c, const char *port)
{
    const char *data = opt_text(c->opts, "data", NULL);
    char name[] = "velum", word[] = "node", port_word[] = "--port", data_word[] = "--data";
    char port_text[8], data_text[HOME_PATH_SIZE];
    text_copy(port_text, sizeof port_text, port);
    text_copy(data_text, sizeof data_text, data ? data : "");
    char *const argv[] = {name,      word, port_word, port_text, data ? data_word : NULL,
                          data_text, NULL};
    execv("/proc/self/exe", argv);
    execv(c->argv0, argv);
    talk_error("the node cannot be started from here");
    talk_try("velum node --port %s", port);
    return CODE_FAILED;
}

/* A node that runs has this done when half of a certificate's life is over. */
static int renew(const struct call *c, uint16_t port)
{
    struct home h;
    char message[HOME_MESSAGE_SIZE] = "", state[HOME_PATH_SIZE];
    if (c->argc > 0 || opt_given(c->opts, "token-file") || opt_given(c->opts, "only"))
        return misuse("--renew takes --port or --data, and nothing else");
    int rc = home_locate(&h, message);
    if (rc == 0)
        rc = home_state_path(&h, port, opt_text(c->opts, "data", NULL), state, message);
    bool node = rc == 0 && access(state, F_OK) == 0;
    if (rc == 0)
        rc = join_renew(&h, node ? state : NULL, message);
    if (rc < 0)
        return report(rc, message, "velum doctor");
    talk_line("renewed: the certificate of this machine's user%s", node ? ", and its node's" : "");
    return CODE_DONE;
}

static int run(const struct call *c)
{
    struct home h;
    struct join_string s;
    struct join_asked asked;
    char message[HOME_MESSAGE_SIZE] = "", port[8];
    const uint16_t number = (uint16_t)opt_number(c->opts, "port", HOME_PORT_DEFAULT);
    if (opt_given(c->opts, "renew"))
        return renew(c, number);
    int code = take_string(c, &s);
    if (code != CODE_DONE)
        return code;
    int rc = home_locate(&h, message);
    if (rc == 0)
        rc = home_open(&h, message);
    if (rc == 0)
        rc = join_ask(&h, &s, number, opt_text(c->opts, "data", NULL), &asked, message);
    if (rc < 0)
        return report(rc, message, "velum help join");
    talk_line("joined mesh %s by %s; this machine's user may %s", asked.mesh, asked.asked,
              strcmp(asked.role, "native") == 0   ? "run everything"
              : strcmp(asked.role, "submit") == 0 ? "run kernels"
                                                  : "look, and run nothing");
    snprintf(port, sizeof port, "%u", number);
    if (!(s.roles & JOIN_NODE))
        talk_line("next: velum run pi 400000000 --addr %s", asked.asked);
    else if (opt_given(c->opts, "only"))
        talk_line("next: velum node --port %s", port);
    else
        return become_node(c, port);
    return CODE_DONE;
}

const struct cmd cmd_join = {
    .name = "join",
    .args = "STRING",
    .summary = "make this machine part of a mesh, and be a node of it",
    .more =
        "STRING is what velum init or velum token create printed elsewhere. Nothing of it is sent\n"
        "before the other side has shown that it belongs to that mesh. With a string for a node\n"
        "the node then runs, as velum node does; later, velum node starts it again. A string on\n"
        "the command line can be seen by other users of this machine for a moment: --token-file.",
    .group = GROUP_MESH,
    .opts = opts,
    .args_max = 1,
    .run = run,
};
