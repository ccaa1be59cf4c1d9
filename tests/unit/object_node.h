/* A node that is a few lines of this file, for tests of the commands that put and get objects: what
 * it says is right, wrong, or the end. Each command runs in a process of its own, as a user would
 * run it. Header only. */
#ifndef VELUM_TESTS_OBJECT_NODE_H
#define VELUM_TESTS_OBJECT_NODE_H

#include "cmd/cmd.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/memory.h"
#include "core/object/name.h"
#include "core/wire/message.h"
#include "core/wire/object_request.h"
#include "core/wire/output.h"
#include "core/wire/request.h"
#include "core/wire/spec.h"
#include "tests/lib/check.h"
#include "tests/unit/node_rig.h"

#define SIZE 3000000u /* two pieces and a part of one */

static uint8_t object[SIZE + 1];
static struct digest object_name;
static char ref[ID_HEX_SIZE];
static struct digest digests[SIZE / PIECE_SIZE + 1];
static uint8_t got[SIZE + 1];

/* --- the node --- */

static void begin(void)
{
    begin_folder();
    for (uint32_t i = 0; i < SIZE; i++)
        object[i] = (uint8_t)(i * 2654435761u >> 13);
    object_name = object_name_of((struct bytes){object, SIZE});
    for (uint64_t i = 0; i < object_pieces(SIZE); i++)
        digests[i] = sha256_of(object + i * PIECE_SIZE, object_piece_length(SIZE, i));
    id_hex(object_name.bytes, 2 * ID_SIZE, ref);
}

static void say_object(struct node *n, uint32_t request, struct digest name, uint64_t size)
{
    struct object_view v = {.name = name,
                            .size = size,
                            .here = size,
                            .flags = OBJECT_WHOLE,
                            .copies = 2,
                            .machines = 1};
    uint8_t room[128];
    struct buf b;
    buf_init_fixed(&b, room, sizeof room);
    put_object_view(&b, &v);
    say(n, MESSAGE_REPLY_OBJECT, request, buf_bytes(&b));
}

static void say_credit(struct node *n, uint32_t request, uint32_t bytes)
{
    uint8_t room[8];
    struct buf b;
    buf_init_fixed(&b, room, sizeof room);
    put_object_credit(&b, bytes);
    say(n, MESSAGE_REPLY_CREDIT, request, buf_bytes(&b));
}

static void say_error(struct node *n, uint32_t request, uint8_t code, const char *what)
{
    struct reply_error e = {.exit_code = code};
    uint8_t room[2048];
    struct buf b;
    snprintf(e.what, sizeof e.what, "%s", what);
    snprintf(e.hint, sizeof e.hint, "something else");
    buf_init_fixed(&b, room, sizeof room);
    put_reply_error(&b, &e);
    say(n, MESSAGE_REPLY_ERROR, request, buf_bytes(&b));
}

/* How the node of a test behaves, and where its get begins to lie. */
struct ways {
    uint64_t flip_at;      /* this byte comes wrong; UINT64_MAX: none */
    uint64_t end_at;       /* the connection ends behind this byte; UINT64_MAX: not */
    uint64_t refuse_at;    /* a put is refused there */
    bool other;            /* another object than was asked for */
    bool too_many;         /* more bytes than it has */
    bool short_end;        /* END before all of it came */
    uint32_t credit_first; /* of a put */
    /* Of a job: its list is not what the result says, its bytes are fewer, it has a leaf more, the
     * list's last value is cut off, nobody has its object. */
    bool other_list, fewer_bytes, more_leaves, short_list, gone;
    /* What comes wrong is right when the node is to compare it. It does not know of bytes that it
     * is not to compare, or is not to be asked for them. */
    bool mends, is_old, compares;
};
static const struct ways honest = {UINT64_MAX, UINT64_MAX, UINT64_MAX, false, false,
                                   false,      100000,     false,      false, false,
                                   false,      false,      false,      false, false};

static void serve_get(struct node *n, const struct frame *first, const struct ways *w)
{
    struct request_get ask;
    uint32_t request = first->request, credit = 0, more;
    struct frame f;
    if (read_request_get(first->payload, &ask) < 0)
        _exit(5);
    if (ask.as_is && w->compares)
        _exit(9);
    if (ask.as_is && w->is_old) {
        say_error(n, request, 1, "the request is malformed");
        return;
    }
    struct digest name = object_name;
    name.bytes[0] ^= w->other;
    if (w->gone) {
        say_error(n, request, 3, "no node that can be asked has this object whole");
        return;
    }
    say_object(n, request, name, SIZE);
    if (ask.offset > SIZE) { /* a node says what it is, and then that it ends before */
        say_error(n, request, 2, "the object ends before that offset");
        return;
    }
    for (uint64_t at = ask.offset; at < SIZE && !(w->short_end && at > 100);) {
        while (credit == 0) {
            hear(n, &f);
            if (f.type == MESSAGE_REQUEST_GET) { /* what was allowed so far it does not want */
                serve_get(n, &f, w);
                return;
            }
            if (f.type != MESSAGE_REQUEST_MORE || f.request != request ||
                read_object_credit(f.payload, &more) < 0 || more > OBJECT_CREDIT_MAX - credit)
                _exit(6);
            credit += more;
        }
        uint8_t part[50001];
        size_t len = SIZE - at < 50001 ? SIZE - at : 50001;
        len = len > credit ? credit : len;
        memcpy(part, object + at, len);
        if (w->flip_at >= at && w->flip_at < at + len && (ask.as_is || !w->mends))
            part[w->flip_at - at] ^= 1;
        say(n, MESSAGE_REPLY_PIECE, request, (struct bytes){part, len});
        credit -= (uint32_t)len;
        at += len;
        if (at > w->end_at)
            _exit(0);
    }
    if (w->too_many)
        say(n, MESSAGE_REPLY_PIECE, request, (struct bytes){object, 1});
    say(n, MESSAGE_REPLY_END, request, (struct bytes){0});
}

static void serve_put(struct node *n, const struct frame *first, const struct ways *w)
{
    static uint8_t bytes[SIZE + 1];
    struct request_put ask;
    uint32_t request = first->request, credit = w->credit_first, cost;
    uint64_t at = 0;
    struct frame f;
    if (read_request_put(first->payload, &ask) < 0)
        _exit(5);
    say_credit(n, request, credit);
    for (hear(n, &f); f.type == MESSAGE_REQUEST_DATA && f.payload.len > 0; hear(n, &f)) {
        cost =
            f.payload.len < OBJECT_DATA_COST_MIN ? OBJECT_DATA_COST_MIN : (uint32_t)f.payload.len;
        if (f.request != request || cost > credit || f.payload.len > OBJECT_DATA_MAX ||
            at + f.payload.len > sizeof bytes)
            _exit(6);
        memcpy(bytes + at, f.payload.data, f.payload.len);
        at += f.payload.len;
        if (at > w->end_at)
            _exit(0);
        if (at > w->refuse_at) {
            say_error(n, request, 1, "the disk of this node is full");
            _exit(0);
        }
        /* All at once or little by little, the command must not mind. */
        credit -= cost;
        if (credit < 50000) {
            say_credit(n, request, 70001);
            credit += 70001;
        }
    }
    if (ask.size != UINT64_MAX && ask.size != at)
        _exit(7);
    say_object(n, request, object_name_of((struct bytes){bytes, at}), at);
}

#define HEAD "the first leaf\n"
#define TAIL "the last\n"

/* A job of three leaves, whose second has the object. */
static void serve_watch(struct node *n, const struct frame *first, const struct ways *w)
{
    const struct output outputs[] = {{.size = strlen(HEAD), .bytes = bytes_of_text(HEAD)},
                                     {.kind = OUTPUT_OBJECT, .size = SIZE, .name = object_name},
                                     {.size = strlen(TAIL), .bytes = bytes_of_text(TAIL)}};
    struct request_watch ask;
    struct buf value, list;
    if (read_request_watch(first->payload, &ask) < 0)
        _exit(5);
    buf_init(&list, &host_memory, 4096);
    for (int i = 0; i < 3; i++) {
        buf_init(&value, &host_memory, 4096);
        put_output(&value, &outputs[i]);
        put_block(&list, buf_bytes(&value));
    }
    list.len -= w->short_list;
    struct collected c = {.size = strlen(HEAD) + SIZE + strlen(TAIL) - w->fewer_bytes,
                          .leaves = 3 + w->more_leaves,
                          .list = object_name_of(buf_bytes(&list)),
                          .inline_list = buf_bytes(&list)};
    c.list.bytes[5] ^= w->other_list;
    say_collected(n, first->request, ask.job, &c);
}

/* The one object that it has, and no other node. */
static void serve_list(struct node *n, const struct frame *f)
{
    if (f->type != MESSAGE_REQUEST_NODES)
        say_object(n, f->request, object_name, SIZE);
    say(n, MESSAGE_REPLY_END, f->request, (struct bytes){0});
}

static void serve_rm(struct node *n, const struct frame *f, const struct ways *w)
{
    struct removal told = {.name = object_name, .generation = 7, .owner_count = 1};
    uint8_t room[REMOVAL_BODY_SIZE];
    struct request_rm m;
    struct buf b;
    told.name.bytes[0] ^= w->other;
    buf_init_fixed(&b, room, sizeof room);
    put_removal_body(&b, &told);
    if (read_request_rm(f->payload, &m) < 0 || (m.how != RM_UNSIGNED) == w->is_old)
        say_error(n, f->request, 1, "the request is malformed");
    else if (m.how == RM_ASK)
        say(n, MESSAGE_REPLY_PIECE, f->request, buf_bytes(&b));
    else
        serve_list(n, f);
}

/* Serves one connection after the other, by one way each; the process ends when its parent says
 * so. */
static pid_t start_node(int listening, const struct ways *ways, size_t count)
{
    static struct node n;
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    for (size_t i = 0; i < count; i++) {
        struct frame f;
        n = (struct node){.fd = accept(listening, NULL, NULL)};
        fflush(NULL);
        pid_t each = fork();
        if (each > 0) {
            int status;
            close(n.fd);
            waitpid(each, &status, 0);
            if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 4))
                _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
            continue;
        }
        for (;;) {
            hear(&n, &f);
            if (f.type == MESSAGE_REQUEST_GET)
                serve_get(&n, &f, &ways[i]);
            else if (f.type == MESSAGE_REQUEST_RM)
                serve_rm(&n, &f, &ways[i]);
            else if (f.type == MESSAGE_REQUEST_WATCH)
                serve_watch(&n, &f, &ways[i]);
            else if (f.type == MESSAGE_REQUEST_PUT)
                serve_put(&n, &f, &ways[i]);
            else if (f.type == MESSAGE_REQUEST_OBJECTS || f.type == MESSAGE_REQUEST_NODES)
                serve_list(&n, &f);
            else if (f.type != MESSAGE_REQUEST_MORE)
                _exit(8);
        }
    }
    _exit(0);
}

/* A command against a node of these ways, one for each time that it connects. */
static int run(const struct cmd *cmd, int argc, char **argv, const struct ways *ways, size_t count)
{
    int listening = listener(), status;
    pid_t node = start_node(listening, ways, count);
    int code = end_of(start(cmd, argc, argv));
    close(listening);
    CHECK(waitpid(node, &status, 0) == node);
    CHECK_INT(status, 0);
    return code;
}

#endif
