#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/interrupt.h"
#include "cmd/transfer.h"
#include "cmd/view_object.h"
#include "core/base/err.h"
#include "core/host/loop.h"
#include "core/wire/message.h"

#define COPIES_MAX 8
#define INPUT_WAIT_MS 100
#define SILENCE_MAX_US (300 * S_US) /* of a node whose disk is slow, or that copies a lot */

/* What one step comes to when it is not an exit code. */
#define GO_ON (-1)

static const struct opt opts[] = {
    {.name = "copies",
     .kind = OPT_NUMBER,
     .value = "N",
     .effect = "wait for so many copies on nodes (default 2)",
     .min = 1,
     .max = COPIES_MAX},
    {.name = "progress",
     .kind = OPT_CHOICE,
     .value = "bar|line|none",
     .effect = "how to show progress (default: a bar on a terminal)"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print the object as JSON"},
    {0},
};

struct put {
    struct line *line;
    const char *what; /* FILE, or what people call "-" */
    int fd;
    uint64_t size; /* of the file, or UINT64_MAX */
    struct put_flow flow;
    struct transfer progress;
    struct object_view made;
};

static int refuse_file(const char *file, const char *why, const char *hint)
{
    talk_error("%s: %s", file, why);
    talk_try("%s", hint);
    return CODE_FAILED;
}

static int open_file(struct put *p, const char *file)
{
    struct stat s;
    bool from_stdin = strcmp(file, "-") == 0;
    p->what = from_stdin ? "standard input" : file;
    p->fd = from_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (p->fd < 0 || fstat(p->fd, &s) < 0)
        return refuse_file(p->what, strerror(errno),
                           errno == ENOENT ? "velum put FILE, or velum put - for standard input"
                                           : "a file that you may read");
    if (S_ISDIR(s.st_mode))
        return refuse_file(p->what, "this is a folder, and an object is one run of bytes",
                           "tar c FOLDER | velum put -");
    /* Files of /proc say 0 and have bytes, and so have pipes. */
    off_t at = lseek(p->fd, 0, SEEK_CUR);
    bool known = S_ISREG(s.st_mode) && at >= 0 && s.st_size > at;
    p->size = known ? (uint64_t)(s.st_size - at) : UINT64_MAX;
    return 0;
}

static int begin(struct put *p, uint8_t copies)
{
    uint8_t room[16];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    put_flow_begin(&p->flow, p->size, copies, &payload);
    return line_send(p->line, MESSAGE_REQUEST_PUT, buf_bytes(&payload));
}

/* Somebody writes to the file while it is read: what the node would make of it is no file that
 * ever was. */
static int changed(struct put *p)
{
    transfer_pause(&p->progress);
    return refuse_file(p->what, "its size changed while it was read; nothing was put",
                       "put it again when nobody writes to it, or a copy of it");
}

static int send_bytes(struct put *p)
{
    uint8_t bytes[OBJECT_DATA_MAX];
    ssize_t n = read(p->fd, bytes, put_flow_room(&p->flow));
    if (n < 0 && errno == EINTR)
        return GO_ON;
    if (n < 0) {
        transfer_pause(&p->progress);
        return refuse_file(p->what, strerror(errno), "a file that can be read");
    }
    if (!put_flow_fits(&p->flow, (size_t)n))
        return changed(p);
    int rc = line_send_on(p->line, MESSAGE_REQUEST_DATA, (struct bytes){bytes, (size_t)n});
    if (rc < 0)
        return line_report_about(p->line, p->what, rc);
    put_flow_sent(&p->flow, (size_t)n);
    return GO_ON;
}

/* A pipe may be silent for long, and the node may have something to say meanwhile. */
static bool input_is_ready(const struct put *p)
{
    struct pollfd input = {.fd = p->fd, .events = POLLIN};
    return poll(&input, 1, INPUT_WAIT_MS) > 0;
}

static int interrupted(const struct put *p)
{
    if (p->flow.ended) {
        talk_error("interrupted: the node has all of %s and goes on without this command", p->what);
        talk_try("velum objects");
    } else {
        talk_error("interrupted: nothing of %s was put", p->what);
        talk_try("velum put again");
    }
    return CODE_INTERRUPTED;
}

/* What a code of the line, or an answer that makes no sense, comes to. */
static int give_up(struct put *p, int rc)
{
    transfer_pause(&p->progress);
    if (rc == ERR_CANCELLED)
        return interrupt_came() ? interrupted(p) : GO_ON;
    if (rc == ERR_CLOSED) {
        talk_error("the node ended before %s was put", p->what);
        talk_try("velum nodes, and put it again");
        return CODE_NO_NODE;
    }
    if (rc == ERR_TIMEOUT) {
        talk_error("%s: the node gave no answer for %d s", p->what, (int)(SILENCE_MAX_US / S_US));
        talk_try("velum nodes");
        return CODE_NO_NODE;
    }
    return line_report_about(p->line, p->what, rc);
}

static int listen_until(struct put *p, struct instant until, bool *silent)
{
    struct frame frame;
    int rc = line_next(p->line, until, &frame);
    *silent = rc == 0;
    if (rc == 0)
        return GO_ON;
    if (rc == 1 && frame.type == MESSAGE_REPLY_CREDIT)
        rc = put_flow_credit(&p->flow, frame.payload);
    else if (rc == 1 && frame.type == MESSAGE_REPLY_OBJECT && p->flow.ended)
        return read_object_view(frame.payload, &p->made) < 0 ? give_up(p, ERR_FORMAT) : CODE_DONE;
    else if (rc == 1)
        rc = ERR_FORMAT;
    return rc < 0 ? give_up(p, rc) : GO_ON;
}

static int wait_for_node(struct put *p)
{
    bool silent;
    int code = listen_until(p, instant_plus_us(loop_clock(), SILENCE_MAX_US), &silent);
    return silent ? give_up(p, ERR_TIMEOUT) : code;
}

static int step(struct put *p)
{
    bool silent;
    transfer_update(&p->progress, p->flow.sent, loop_clock());
    if (interrupt_came())
        return give_up(p, ERR_CANCELLED);
    if (put_flow_room(&p->flow) == 0)
        return wait_for_node(p);
    if (input_is_ready(p))
        return send_bytes(p);
    return listen_until(p, instant_plus_us(loop_clock(), MS_US), &silent);
}

/* The reference is the answer and stands alone on standard output. */
static int say_made(struct put *p, const struct call *c)
{
    char name[ID_HEX_SIZE], moved[TRANSFER_TEXT_SIZE];
    const struct object_view *v = &p->made;
    uint64_t wanted = opt_number(c->opts, "copies", 0);
    transfer_pause(&p->progress);
    transfer_summary(&p->progress, p->flow.sent, loop_clock(), moved);
    id_hex(v->name.bytes, 2 * ID_SIZE, name);
    if (opt_given(c->opts, "json"))
        json_print_object(v);
    else
        printf("%s\n", name);
    fflush(stdout);
    talk_line("%sput%s %s, %u cop%s on %u machine%s", talk_green(), talk_plain(), moved, v->copies,
              v->copies == 1 ? "y" : "ies", v->machines, v->machines == 1 ? "" : "s");
    if (v->copies >= wanted)
        return CODE_DONE;
    talk_error("%s: %u cop%s instead of %llu, for there are no more nodes", p->what, v->copies,
               v->copies == 1 ? "y" : "ies", (unsigned long long)wanted);
    talk_try("velum nodes; the other copies are made when there are nodes for them");
    return CODE_IN_PART;
}

static int send_all(struct put *p, const struct call *c)
{
    const char *kind = opt_text(c->opts, "progress", NULL);
    interrupt_catch();
    transfer_begin(&p->progress, progress_kind_of(kind, talk_is_terminal()), stderr, talk_columns(),
                   p->size, 0, loop_clock());
    int rc = begin(p, (uint8_t)opt_number(c->opts, "copies", 0));
    int code = rc < 0 ? give_up(p, rc) : GO_ON;
    while (code == GO_ON)
        code = step(p);
    return code == CODE_DONE ? say_made(p, c) : code;
}

static int run(const struct call *c)
{
    struct put p = {.fd = -1};
    struct line_options where = {0};
    int code = open_file(&p, c->argv[0]);
    if (code == 0)
        code = line_open(&p.line, c, &where);
    if (code == 0)
        code = send_all(&p, c);
    line_close(p.line);
    if (p.fd > STDIN_FILENO)
        close(p.fd);
    return code;
}

const struct cmd cmd_put = {
    .name = "put",
    .args = "FILE|-",
    .summary = "keep the bytes of a file as an object, and print its reference",
    .more =
        "The reference is what the bytes are, so the same bytes have the same one everywhere.\n"
        "The command returns when copies are synced on two nodes (--copies: on so many), or on\n"
        "all where there are fewer; fewer than --copies asked for means exit 7. Ctrl-C, or the\n"
        "end of the command in any way, leaves nothing behind.",
    .group = GROUP_OBJECTS,
    .takes = TAKES_NOTHING,
    .opts = opts,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
