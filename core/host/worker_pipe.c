#include "core/host/worker_pipe.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/ensure.h"

#define INPUT 0
#define OUTPUT 1
#define INPUT_SIZE (2 * (FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX))

/* One process, one pair of pipes: the only state of a worker that is not in a struct of its own. */
static uint8_t input[INPUT_SIZE];
static size_t input_start, input_end;
static uint8_t output[2 * FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX + PIPE_SECOND_MAX];
static struct buf output_buf;
static size_t output_frame;

static _Noreturn void leave_on_nonsense(void)
{
    static const char text[] = "worker: the node sent something that is not a frame\n";
    (void)!write(2, text, sizeof text - 1);
    _exit(2);
}

bool pipe_next(struct frame *out)
{
    int size = frame_take((struct bytes){input + input_start, input_end - input_start}, out);
    if (size < 0)
        leave_on_nonsense();
    input_start += (size_t)size;
    return size > 0;
}

/* One read; the descriptor has something or has ended. */
static void receive(void)
{
    if (input_start > 0) {
        memmove(input, input + input_start, input_end - input_start);
        input_end -= input_start;
        input_start = 0;
    }
    /* Two frames fit: with both unread the node is far ahead of the protocol, and may wait. */
    if (input_end == sizeof input)
        return;
    ssize_t n = read(INPUT, input + input_end, sizeof input - input_end);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
        _exit(0);
    if (n > 0)
        input_end += (size_t)n;
}

void pipe_look(void)
{
    struct pollfd p = {.fd = INPUT, .events = POLLIN};
    if (poll(&p, 1, 0) > 0)
        receive();
}

void pipe_wait(void)
{
    struct pollfd p = {.fd = INPUT, .events = POLLIN};
    if (poll(&p, 1, -1) > 0)
        receive();
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void pipe_nap(uint64_t us)
{
    const int64_t longest_us = INT64_MAX / 4000;
    const int64_t due = now_ns() + (us < (uint64_t)longest_us ? (int64_t)us : longest_us) * 1000;
    for (;;) {
        const int64_t left = due - now_ns();
        if (left <= 0)
            return;
        /* With the buffer full there is nothing to wait for but the time. */
        struct pollfd p = {.fd = INPUT, .events = POLLIN};
        const nfds_t count = input_end - input_start < sizeof input;
        const struct timespec t = {(time_t)(left / 1000000000), (long)(left % 1000000000)};
        if (ppoll(&p, count, &t, NULL) > 0)
            receive();
    }
}

struct buf *pipe_begin(uint8_t type, uint32_t request)
{
    buf_init_fixed(&output_buf, output, sizeof output);
    output_frame = frame_begin(&output_buf, type, request);
    return &output_buf;
}

struct buf *pipe_second(uint8_t type, uint32_t request)
{
    frame_end(&output_buf, output_frame);
    output_frame = frame_begin(&output_buf, type, request);
    return &output_buf;
}

static void wait_for_room(void)
{
    struct pollfd p = {.fd = OUTPUT, .events = POLLOUT};
    poll(&p, 1, -1);
}

void pipe_send(void)
{
    frame_end(&output_buf, output_frame);
    ensure(!output_buf.failed);
    for (size_t at = 0; at < output_buf.len;) {
        ssize_t n = write(OUTPUT, output_buf.data + at, output_buf.len - at);
        if (n > 0)
            at += (size_t)n;
        else if (errno == EAGAIN)
            wait_for_room();
        else if (errno != EINTR)
            _exit(0);
    }
}
