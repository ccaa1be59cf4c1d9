/* latency PORT RUNS KERNEL [ARGS]: milliseconds from sending a job's submission to holding its
 * result, one line each, over the node's control socket. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/memory.h"
#include "core/wire/message.h"
#include "tests/bench/client.h"

static void submit(struct client *c, struct bytes sealed, struct reply_submitted *reply)
{
    struct frame frame;
    client_send(c, MESSAGE_REQUEST_SUBMIT, sealed);
    if (!client_next(c, 30000, &frame) || frame.type != MESSAGE_REPLY_SUBMITTED ||
        read_reply_submitted(frame.payload, reply) < 0)
        die("the submission was not acknowledged");
}

static void wait_for_end(struct client *c, struct job_id id)
{
    struct request_watch ask = {.job = id};
    struct job_view v;
    struct frame frame;
    uint8_t room[64];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    put_request_watch(&payload, &ask);
    client_send(c, MESSAGE_REQUEST_WATCH, buf_bytes(&payload));
    do {
        if (!client_next(c, 30000, &frame) || read_job_view(frame.payload, &v) < 0)
            die("no news of the job");
    } while (!job_state_is_final(v.state));
    if (v.state != JOB_DONE)
        die("the job ended as %s: %s", job_state_name(v.state), v.error);
}

int main(int argc, char **argv)
{
    struct client c, planner;
    struct reply_plan plan;
    struct reply_submitted reply;
    struct buf body, sealed;
    if (argc < 4)
        return 2;
    struct identity *author = client_identity();
    client_open(&c, argv[1]);
    client_open(&planner, argv[1]);
    client_plan(&planner, argv[3], argc - 4, (const char *const *)argv + 4, &plan);
    buf_init(&body, &host_memory, SPEC_SIZE_MAX);
    buf_init(&sealed, &host_memory, FRAME_PAYLOAD_MAX);
    for (int i = 0; i < atoi(argv[2]); i++) {
        buf_reset(&body);
        buf_reset(&sealed);
        client_spec(&plan, author, &body);
        client_sign(author, buf_bytes(&body), &sealed);
        int64_t start = clock_us();
        submit(&c, buf_bytes(&sealed), &reply);
        wait_for_end(&c, reply.job);
        printf("%.3f\n", (double)(clock_us() - start) / 1000);
    }
    return 0;
}
