#include "tests/chaos/driver/jobs.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/bytes.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "tests/chaos/driver/proc.h"

#define ANSWER_MS 20000
#define SHOW_MS 3000
#define NAPS_MAX_MS 30000

/* A tenth of a second of one core at most. */
static const char *const sizes[SIZES] = {"1000000", "20000000", "150000000", "400000000"};

static void job_path(const struct jobs *j, const struct job *job, char to[PATH_SIZE])
{
    snprintf(to, PATH_SIZE, "%.200s/tmp/job%u", j->mesh->folder, (unsigned)(job - j->list));
}

static bool reference_of(struct jobs *j, uint32_t size)
{
    char text[PROC_TEXT_SIZE];
    const char *const argv[] = {j->mesh->velum, "run", "--local",   "--json", "--progress",
                                "none",         "pi",  sizes[size], NULL};
    int code = proc_run(argv, -1, ANSWER_MS, text, sizeof text);
    if (code == 0 && json_field(text, "digest", j->reference[size], DIGEST_SIZE))
        return true;
    fprintf(stderr, "no undisturbed digest of pi %s: exit code %d: %.300s\n", sizes[size], code,
            text);
    return false;
}

int jobs_open(struct jobs *j, struct mesh *m, uint64_t long_ms)
{
    uint8_t accumulator[8];
    j->mesh = m;
    j->long_ms = long_ms;
    for (uint32_t i = 0; i < SIZES; i++)
        if (!reference_of(j, i))
            return -1;
    store_u64(accumulator, long_ms);
    struct digest d = sha256_of(accumulator, sizeof accumulator);
    id_hex(d.bytes, DIGEST_SIZE - 1, j->reference[SIZES]);
    return 0;
}

static struct job *add(struct jobs *j, uint32_t place, uint32_t size)
{
    if (j->count == JOBS_MAX)
        return NULL;
    struct job *job = &j->list[j->count++];
    *job = (struct job){.size = size, .place = place, .until_ms = proc_clock_ms() + ANSWER_MS};
    return job;
}

static void take_id(struct jobs *j, struct job *job, const char *text)
{
    size_t len = strspn(text, "0123456789abcdef");
    if (len != 8 || job->id[0])
        return;
    memcpy(job->id, text, len);
    j->acknowledged++;
}

bool jobs_submit_long(struct jobs *j, uint32_t place)
{
    char total[24], leaf[24], text[1024];
    struct job *job = add(j, place, SIZES);
    snprintf(total, sizeof total, "%llu", (unsigned long long)j->long_ms);
    snprintf(leaf, sizeof leaf, "%d", LONG_LEAF_MS);
    const char *const argv[] = {"run", "-d", "sleep", total, leaf, NULL};
    int code = mesh_ask(j->mesh, place, argv, ANSWER_MS, text, sizeof text);
    if (job && code == 0)
        take_id(j, job, text);
    if (job && job->id[0])
        return true;
    fprintf(stderr, "the long job was not taken: exit code %d: %s\n", code, text);
    return false;
}

void jobs_submit(struct jobs *j, uint32_t place, uint32_t size, bool strike, int32_t down_ms)
{
    char addr[32], path[PATH_SIZE];
    struct job *job = add(j, place, size);
    if (!job)
        return;
    mesh_addr(j->mesh, place, addr);
    job_path(j, job, path);
    job->strike = strike;
    job->down_ms = down_ms;
    /* A command that waits tells the job's id on standard error as soon as it is acknowledged. */
    const char *const argv[] = {
        j->mesh->velum, "run", strike ? "--json" : "-d", "--addr", addr, "pi", sizes[size], NULL};
    struct proc_start s = {.argv = argv, .net = -1, .out = path, .err = path};
    job->client = proc_start(&s);
}

static void read_output(const struct jobs *j, const struct job *job, char *to, size_t cap)
{
    char path[PATH_SIZE];
    job_path(j, job, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, to, cap - 1);
    if (fd >= 0)
        close(fd);
    to[got > 0 ? got : 0] = 0;
}

static bool has_acknowledged(struct jobs *j, struct job *job)
{
    char text[1024];
    read_output(j, job, text, sizeof text);
    const char *at = strstr(text, "job ");
    if (at)
        take_id(j, job, at + 4);
    return job->id[0] != 0;
}

static void client_ended(struct jobs *j, struct job *job, int status)
{
    char text[1024], path[PATH_SIZE];
    job->client = 0;
    if (job->strike)
        (void)has_acknowledged(j, job);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        read_output(j, job, text, sizeof text);
        take_id(j, job, text);
    }
    j->refused += !job->id[0];
    job_path(j, job, path);
    unlink(path);
}

struct job *jobs_poll(struct jobs *j)
{
    for (uint32_t i = 0; i < j->count; i++) {
        struct job *job = &j->list[i];
        int status;
        if (job->client <= 0)
            continue;
        if (proc_has_ended(job->client, &status))
            client_ended(j, job, status);
        else if (job->strike && has_acknowledged(j, job))
            return job;
        else if (proc_clock_ms() > job->until_ms) {
            proc_signal(job->client, SIGKILL);
            client_ended(j, job, proc_bury(job->client));
        }
    }
    return NULL;
}

void jobs_struck(struct jobs *j, struct job *job)
{
    char path[PATH_SIZE];
    proc_bury(job->client);
    job->client = 0;
    job_path(j, job, path);
    unlink(path);
}

bool jobs_pending(const struct jobs *j)
{
    for (uint32_t i = 0; i < j->count; i++)
        if (j->list[i].client > 0)
            return true;
    return false;
}

int jobs_field(const struct jobs *j, const struct job *job, uint32_t place, const char *name,
               char *to, size_t cap)
{
    char text[PROC_TEXT_SIZE];
    const char *const argv[] = {"show", "--json", job->id, NULL};
    int code = mesh_ask(j->mesh, place, argv, SHOW_MS, text, sizeof text);
    to[0] = 0;
    if (code == 0)
        json_field(text, name, to, cap);
    return code;
}

bool jobs_judge(const struct jobs *j, const struct job *job, uint32_t place, int64_t until_ms,
                char *what, size_t cap)
{
    char text[PROC_TEXT_SIZE], state[24], digest[DIGEST_SIZE];
    const char *const argv[] = {"wait", "--json", "--progress", "none", job->id, NULL};
    int code;
    do {
        int64_t left = until_ms - proc_clock_ms();
        code = mesh_ask(j->mesh, place, argv, left > 1000 ? (int)left : 1000, text, sizeof text);
        json_field(text, "state", state, sizeof state);
        json_field(text, "digest", digest, sizeof digest);
        if (code == 0 && strcmp(digest, j->reference[job->size]) == 0)
            return true;
        if (state[0])
            break;
        proc_nap_ms(100);
    } while (proc_clock_ms() < until_ms);
    snprintf(what, cap,
             "job %s, acknowledged by %s, ended %s with digest %.64s, not done with %s "
             "(wait exited with %d: %.300s)",
             job->id, j->mesh->places[job->place].name, state[0] ? state : "nowhere",
             digest[0] ? digest : "none", j->reference[job->size], code, state[0] ? "" : text);
    return false;
}
