/* burst PORT JOBS CONNECTIONS ROUNDS FILE: durable submissions a second, against fdatasync.
 *
 * Each round submits JOBS jobs of the kernel `noop`, made beforehand and signed as one batch, over
 * CONNECTIONS pipelined connections of this process, and takes the time from the first byte to the
 * last acknowledgement; then waits until all have ended. In the same round it writes as many
 * records of the same size to FILE, preallocated and written before, with an fdatasync after each
 * 64. Prints "submissions/s records/s" a round. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/sha256.h"
#include "core/host/memory.h"
#include "core/wire/message.h"
#include "core/wire/signed.h"
#include "tests/bench/client.h"
#include "tests/bench/group_commit.h"

#define JOBS_MAX 65536
#define CONNECTIONS_MAX 512
#define GROUP 64

struct batch {
    size_t count;
    struct buf *bodies;
    struct digest *digests;
    struct signed_bytes *seals;
};

struct pipe {
    struct client client;
    struct buf out;
    size_t at;
};

static struct digest joined(uint8_t prefix, const struct digest *left, const struct digest *right)
{
    struct sha256 s;
    sha256_init(&s);
    sha256_add(&s, &prefix, 1);
    sha256_add(&s, left->bytes, ID_SIZE);
    if (right)
        sha256_add(&s, right->bytes, ID_SIZE);
    return sha256_end(&s);
}

/* All paths at once; signed_path would cost `count` hashes for each of them. */
static struct digest grow_paths(struct batch *b, size_t from, size_t to)
{
    size_t half = 1;
    if (to - from == 1)
        return joined(0, &b->digests[from], NULL);
    while (half * 2 < to - from)
        half *= 2;
    struct digest left = grow_paths(b, from, from + half), right = grow_paths(b, from + half, to);
    for (size_t i = from; i < to; i++) {
        struct signed_bytes *s = &b->seals[i];
        if (i >= from + half)
            s->path_index = (uint16_t)(s->path_index | 1u << s->path_count);
        s->path[s->path_count++] = i < from + half ? right : left;
    }
    return joined(1, &left, &right);
}

static void make_batch(struct batch *b, const struct reply_plan *plan, struct identity *author)
{
    uint8_t text[64];
    for (size_t i = 0; i < b->count; i++) {
        buf_reset(&b->bodies[i]);
        client_spec(plan, author, &b->bodies[i]);
        b->digests[i] = sha256_of(b->bodies[i].data, b->bodies[i].len);
        b->seals[i] = (struct signed_bytes){.certificate = identity_certificate(author),
                                            .body = buf_bytes(&b->bodies[i])};
    }
    if (b->count > 1) {
        struct digest root = grow_paths(b, 0, b->count), same = signed_root(b->digests, b->count);
        if (!digest_equal(root, same))
            die("the batch's root is wrong");
    }
    size_t len = signed_text(&b->seals[0], SIGNED_SPEC, text);
    if (identity_sign(author, (struct bytes){text, len}, b->seals[0].signature) < 0)
        die("the batch cannot be signed");
    for (size_t i = 1; i < b->count; i++)
        memcpy(b->seals[i].signature, b->seals[0].signature, SIGNATURE_SIZE);
}

static void fill_pipes(const struct batch *b, struct pipe *pipes, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        buf_reset(&pipes[k].out);
        pipes[k].at = 0;
    }
    for (size_t i = 0; i < b->count; i++) {
        struct buf *out = &pipes[i % count].out;
        size_t start = frame_begin(out, MESSAGE_REQUEST_SUBMIT, (uint32_t)(i + 1));
        put_signed(out, &b->seals[i]);
        frame_end(out, start);
        if (buf_result(out) < 0)
            die("no memory");
    }
}

static void push(struct pipe *p)
{
    ssize_t n = write(p->client.fd, p->out.data + p->at, p->out.len - p->at);
    if (n > 0)
        p->at += (size_t)n;
    else if (errno != EAGAIN)
        die("a connection broke while it was written");
}

/* Takes what is there; returns the number of acknowledgements. */
static size_t pull(struct pipe *p)
{
    struct frame frame;
    struct reply_submitted reply;
    size_t count = 0;
    while (client_any(&p->client, 0, &frame)) {
        if (frame.type != MESSAGE_REPLY_SUBMITTED ||
            read_reply_submitted(frame.payload, &reply) < 0 || reply.durable < 1)
            die("a submission was not made durable");
        count++;
    }
    if (p->client.gone)
        die("the node has closed a connection");
    return count;
}

static double submit_all(const struct batch *b, struct pipe *pipes, size_t count)
{
    struct pollfd ready[CONNECTIONS_MAX];
    size_t answered = 0;
    int64_t start = clock_us();
    while (answered < b->count) {
        for (size_t k = 0; k < count; k++)
            ready[k] = (struct pollfd){
                .fd = pipes[k].client.fd,
                .events = (short)(pipes[k].at < pipes[k].out.len ? POLLIN | POLLOUT : POLLIN)};
        if (poll(ready, count, 30000) <= 0)
            die("%zu of %zu submissions were not acknowledged for 30 s", b->count - answered,
                b->count);
        for (size_t k = 0; k < count; k++) {
            if (ready[k].revents & POLLOUT)
                push(&pipes[k]);
            if (ready[k].revents & (POLLIN | POLLHUP))
                answered += pull(&pipes[k]);
        }
    }
    return (double)b->count * 1e6 / (double)(clock_us() - start);
}

static void batch_init(struct batch *b, size_t count)
{
    *b = (struct batch){count, calloc(count, sizeof *b->bodies), calloc(count, sizeof *b->digests),
                        calloc(count, sizeof *b->seals)};
    if (!b->bodies || !b->digests || !b->seals)
        die("no memory");
    for (size_t i = 0; i < count; i++)
        buf_init(&b->bodies[i], &host_memory, SPEC_SIZE_MAX);
}

int main(int argc, char **argv)
{
    static struct pipe pipes[CONNECTIONS_MAX];
    static const char *const noop_args[] = {"1"};
    struct client asker, planner;
    struct reply_plan plan;
    struct batch batch;
    if (argc != 6)
        return 2;
    size_t jobs = strtoul(argv[2], NULL, 10), count = strtoul(argv[3], NULL, 10);
    if (jobs < 1 || jobs > JOBS_MAX || count < 1 || count > CONNECTIONS_MAX)
        return 2;
    struct identity *author = client_identity();
    client_open(&asker, argv[1]);
    client_open(&planner, argv[1]);
    client_plan(&planner, "noop", 1, noop_args, &plan);
    batch_init(&batch, jobs);
    for (size_t k = 0; k < count; k++) {
        client_open(&pipes[k].client, argv[1]);
        buf_init(&pipes[k].out, &host_memory, (size_t)64 << 20);
    }
    for (int i = 0; i < atoi(argv[4]); i++) {
        make_batch(&batch, &plan, author);
        fill_pipes(&batch, pipes, count);
        double submissions = submit_all(&batch, pipes, count);
        double records = group_commit(argv[5], jobs, batch.bodies[0].len, GROUP);
        printf("%.0f %.0f\n", submissions, records);
        fflush(stdout);
        int64_t start = clock_us();
        while (client_jobs(&asker) > 0) {
            if (clock_us() - start > 120000000)
                die("the jobs of a burst have not ended after 120 s");
            usleep(100000);
        }
    }
    return 0;
}
