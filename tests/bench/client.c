#include "tests/bench/client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/control.h"
#include "core/host/memory.h"
#include "core/wire/message.h"
#include "core/wire/signed.h"

#define IN_SIZE ((size_t)4 * (FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX))
#define ANSWER_MS 30000

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

int64_t clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

bool client_try(struct client *c, const char *port)
{
    char path[1200], message[HOME_MESSAGE_SIZE];
    struct home home;
    if (home_locate(&home, message) < 0)
        die("%s", message);
    snprintf(path, sizeof path, "%s/nodes/%s/control", home.path, port);
    int fd = control_connect(path);
    if (fd < 0)
        return false;
    *c = (struct client){.fd = fd, .in = malloc(IN_SIZE)};
    if (!c->in)
        die("no memory");
    return true;
}

void client_open(struct client *c, const char *port)
{
    if (!client_try(c, port))
        die("no node on port %s", port);
}

void client_close(struct client *c)
{
    close(c->fd);
    free(c->in);
    c->in = NULL;
}

static bool wait_for(int fd, short what, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = what};
    int n;
    do {
        n = poll(&p, 1, wait_ms);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

void client_send(struct client *c, uint8_t type, struct bytes payload)
{
    struct buf frame;
    buf_init(&frame, &host_memory, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
    frame_put(&frame, type, ++c->request, payload);
    for (size_t at = 0; at < frame.len;) {
        ssize_t n = write(c->fd, frame.data + at, frame.len - at);
        if (n > 0)
            at += (size_t)n;
        else if (errno != EAGAIN || !wait_for(c->fd, POLLOUT, ANSWER_MS))
            break; /* the reader will see the end */
    }
    buf_clear(&frame);
}

static bool fill(struct client *c, int wait_ms)
{
    if (c->start) {
        memmove(c->in, c->in + c->start, c->end - c->start);
        c->end -= c->start;
        c->start = 0;
    }
    if (!wait_for(c->fd, POLLIN, wait_ms))
        return false;
    ssize_t n = read(c->fd, c->in + c->end, IN_SIZE - c->end);
    if (n < 0 && errno == EAGAIN)
        return true;
    c->gone = n <= 0;
    if (c->gone)
        return false;
    c->end += (size_t)n;
    return true;
}

bool client_any(struct client *c, int wait_ms, struct frame *out)
{
    for (;;) {
        int n = frame_take((struct bytes){c->in + c->start, c->end - c->start}, out);
        if (n < 0)
            die("the node sends what is no frame: %s", err_sentence(n));
        if (n == 0) {
            if (!fill(c, wait_ms))
                return false;
            continue;
        }
        c->start += (size_t)n;
        if (out->type == MESSAGE_REPLY_ERROR) {
            struct reply_error e;
            if (read_reply_error(out->payload, &e) < 0)
                die("the node refuses");
            die("the node refuses: %s; try: %s", e.what, e.hint);
        }
        return true;
    }
}

bool client_next(struct client *c, int wait_ms, struct frame *out)
{
    while (client_any(c, wait_ms, out))
        if (out->request == c->request)
            return true;
    return false;
}

bool client_self(struct client *c, struct node_view *out)
{
    struct frame frame;
    struct node_view v;
    bool found = false;
    client_send(c, MESSAGE_REQUEST_NODES, (struct bytes){0});
    while (client_next(c, ANSWER_MS, &frame)) {
        if (frame.type == MESSAGE_REPLY_END)
            return found;
        if (read_node_view(frame.payload, &v) == 0 && v.self) {
            *out = v;
            found = true;
        }
    }
    return false;
}

uint32_t client_jobs(struct client *c)
{
    struct request_jobs ask = {.all = false};
    uint8_t room[64];
    struct buf payload;
    struct frame frame;
    uint32_t count = 0;
    buf_init_fixed(&payload, room, sizeof room);
    put_request_jobs(&payload, &ask);
    client_send(c, MESSAGE_REQUEST_JOBS, buf_bytes(&payload));
    while (client_next(c, ANSWER_MS, &frame)) {
        if (frame.type == MESSAGE_REPLY_END)
            return count;
        count++;
    }
    die("the node has gone while it listed its jobs");
}

struct identity *client_identity(void)
{
    struct identity *identity;
    struct home home;
    char message[HOME_MESSAGE_SIZE];
    if (home_locate(&home, message) < 0 || identity_user(&identity, &home, message) < 0)
        die("%s", message);
    return identity;
}

void client_plan(struct client *c, const char *kernel, int argc, const char *const *argv,
                 struct reply_plan *out)
{
    struct buf payload;
    struct frame frame;
    buf_init(&payload, &host_memory, FRAME_PAYLOAD_MAX);
    if (put_request_plan(&payload, kernel, argc, argv, 0, NULL) < 0)
        die("these arguments cannot be asked about");
    client_send(c, MESSAGE_REQUEST_PLAN, buf_bytes(&payload));
    buf_clear(&payload);
    if (!client_next(c, ANSWER_MS, &frame) || frame.type != MESSAGE_REPLY_PLAN ||
        read_reply_plan(frame.payload, out) < 0)
        die("no plan of %s", kernel);
}

void client_spec(const struct reply_plan *plan, struct identity *author, struct buf *body)
{
    struct job_spec spec = {.author = identity_id(author),
                            .not_after_s = (int64_t)time(NULL) + 86400};
    struct stage_spec *stage = &spec.stage;
    text_copy(stage->kernel, sizeof stage->kernel, plan->kernel);
    stage->source = plan->source;
    stage->params = plan->params;
    stage->units = plan->units;
    stage->leaf_units = plan->leaf_units;
    stage->reduction = REDUCE_FOLD;
    stage->accumulator_size = plan->accumulator_size;
    if (getrandom(spec.nonce, sizeof spec.nonce, 0) != (ssize_t)sizeof spec.nonce ||
        put_spec(body, &spec) < 0 || buf_result(body) < 0)
        die("the specification cannot be written");
}

void client_sign(struct identity *author, struct bytes body, struct buf *to)
{
    struct signed_bytes sealed = {.certificate = identity_certificate(author), .body = body};
    uint8_t text[64];
    size_t len = signed_text(&sealed, SIGNED_SPEC, text);
    if (identity_sign(author, (struct bytes){text, len}, sealed.signature) < 0)
        die("the specification cannot be signed");
    put_signed(to, &sealed);
    if (buf_result(to) < 0)
        die("the specification is too large");
}

struct velum *client_library(const char *where)
{
    char addr[64] = "";
    const bool is_inside = !where || strcmp(where, "inside") == 0;
    const struct velum_options inside = {.where = VELUM_INSIDE};
    const struct velum_options there = {.where = VELUM_AT_NODE, .addr = addr};
    struct velum *v;
    if (!is_inside)
        snprintf(addr, sizeof addr, "127.0.0.1:%.20s", where);
    int rc = velum_init(&v, is_inside ? &inside : &there);
    if (rc < 0)
        die("%s", velum_sentence(v, rc));
    return v;
}
