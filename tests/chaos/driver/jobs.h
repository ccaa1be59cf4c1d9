/* The submissions of a run and what must become of them: whatever was acknowledged ends done, with
 * the digest it has when nothing fails.
 *
 * Small jobs are of kernel pi, whose digest an embedded run tells beforehand. The long one is of
 * the test kernel sleep, which costs no processor: its digest is computed here, from its drawing in
 * core/kernel (the accumulator is one little-endian number). A submission that was not acknowledged
 * was promised nothing. */
#ifndef VELUM_CHAOS_JOBS_H
#define VELUM_CHAOS_JOBS_H

#include "tests/chaos/driver/mesh.h"

#define JOBS_MAX 1024
#define SIZES 4
#define DIGEST_SIZE 65
#define LONG_LEAF_MS 20

struct job {
    uint32_t size;    /* of the small ones; SIZES: the long one */
    uint32_t place;   /* where it was submitted */
    pid_t client;     /* the command, while it runs */
    int64_t until_ms; /* by then it is given up */
    bool strike;      /* kill the command and the node once it is acknowledged */
    int32_t down_ms;
    char id[16]; /* "" until acknowledged */
};

struct jobs {
    struct mesh *mesh;
    char reference[SIZES + 1][DIGEST_SIZE];
    uint64_t long_ms; /* slot time of the long job */
    uint32_t count, acknowledged, refused;
    struct job list[JOBS_MAX];
};

/* Computes the digests. 0 or -1, having said why. */
int jobs_open(struct jobs *j, struct mesh *m, uint64_t long_ms);
/* The long job; waits for the acknowledgement. */
bool jobs_submit_long(struct jobs *j, uint32_t place);
/* Starts the command that submits, and returns. */
void jobs_submit(struct jobs *j, uint32_t place, uint32_t size, bool strike, int32_t down_ms);
/* Looks after the commands. Returns a job whose moment to strike has come, or NULL. */
struct job *jobs_poll(struct jobs *j);
bool jobs_pending(const struct jobs *j);
/* A job that a struck command had acknowledged: its client is dead from now on. */
void jobs_struck(struct jobs *j, struct job *job);
/* Field of a job as a node shows it; "" when it does not. Returns what `show` exited with, -1: it
 * took too long. */
int jobs_field(const struct jobs *j, const struct job *job, uint32_t place, const char *name,
               char *to, size_t cap);
/* Waits for the job at a node until the deadline and judges it. */
bool jobs_judge(const struct jobs *j, const struct job *job, uint32_t place, int64_t until_ms,
                char *what, size_t cap);

#endif
