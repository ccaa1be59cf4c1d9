#include "tests/bench/caged.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "core/wire/message.h"
#include "tests/bench/client.h"

void caged_start(struct caged *c, const struct spawner *s, uint32_t worker, uint64_t memory)
{
    c->worker = worker;
    c->len = c->taken = 0;
    if (pipe(c->orders) != 0 || pipe(c->reports) != 0 || pipe(c->errors) != 0)
        die("there are no pipes");
    if (spawner_start(s, worker, memory, (int[]){c->orders[0], c->reports[1], c->errors[1]}) != 0)
        die("the spawner takes no order");
}

void caged_order(struct caged *c, uint8_t type, struct bytes payload)
{
    static uint8_t framed[CAGED_FRAME_SIZE];
    struct buf b;
    buf_init_fixed(&b, framed, sizeof framed);
    frame_put(&b, type, 1, payload);
    if (b.failed || write(c->orders[1], b.data, b.len) != (ssize_t)b.len)
        die("a worker takes no order");
}

struct bytes caged_await(struct caged *c, uint8_t type)
{
    struct frame f;
    int size;
    c->len -= c->taken;
    memmove(c->data, c->data + c->taken, c->len);
    while ((size = frame_take((struct bytes){c->data, c->len}, &f)) <= 0) {
        const ssize_t n = read(c->reports[0], c->data + c->len, sizeof c->data - c->len);
        if (size < 0 || n <= 0)
            die("a worker ended");
        c->len += (size_t)n;
    }
    c->taken = (size_t)size;
    if (f.type != type)
        die("a worker said %s", message_name(f.type));
    return f.payload;
}

void caged_end(struct caged *c, const struct spawner *s)
{
    struct spawner_exit e;
    struct pollfd p = {s->fd, POLLIN, 0};
    spawner_kill(s, c->worker);
    while (spawner_next_exit(s, &e) == 0)
        poll(&p, 1, 1000);
    for (int i = 0; i < 2; i++) {
        close(c->orders[i]);
        close(c->reports[i]);
        close(c->errors[i]);
    }
}
