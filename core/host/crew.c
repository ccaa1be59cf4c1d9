#include "core/host/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/map.h"
#include "core/host/cgroup.h"
#include "core/host/machine.h"
#include "core/host/memory.h"
#include "core/host/oom.h"
#include "core/host/spawner.h"
#include "core/wire/message.h"

#define READ_SIZE 65536
#define LARGEST_PIPE_BYTES (1 << 20) /* what a leaf yields waits in it while others are served */
#define LARGE_PIPE_BYTES (256 << 10)
#define SMALL_PIPE_BYTES (16 << 10)
#define LEAST_PIPE_BYTES (4 << 10)
#define LARGEST_MAX 8 /* workers whose reports have one of the largest, */
#define LARGE_MAX 32  /* or a large one */
#define USUAL_MAX 64  /* beyond so many all three are small */
#define FRAME_SIZE_MAX (FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX)
#define ORDERS_SIZE_MAX (1u << 20)
#define DRAIN_READS_MAX 64 /* a pipe holds 1 MiB at most, unless root made it larger */
#define WORKER_TYPE_FIRST 144
#define WORKER_TYPE_LAST 159
#define RESPAWN_PAUSE_US (100 * MS_US)
#define DROP_PAUSE_US (20 * MS_US)

/* What one worker may send in one second. A worker has more to compute than this allows it to say;
 * one that sends more only wants to keep the node busy. What its leaves yield is not counted: of
 * that it sends no more than the node takes (core/node/labour_output.c). */
#define FRAMES_PER_S_MAX 100000
#define FRAME_BYTES_PER_S_MAX (64u << 20)
#define OUTPUT_BYTES_PER_S_MAX (1u << 20)

struct window {
    struct instant since;
    uint64_t frames;
    uint64_t bytes;
};

struct crew_worker {
    struct crew *crew;
    uint32_t number;
    bool builds;  /* it is a builder */
    bool sent;    /* START has reached the spawner's socket */
    bool queued;  /* in crew->waiting */
    bool killing; /* KILL was asked for by the node, or by us for garbage */
    bool garbage;
    bool dropping; /* its output is over the cap; looked at again when the pause ends */
    bool lost;     /* it could not be started; `status` says why */
    int status;
    uint64_t limit; /* on its group's memory, that its spawner has not been told; 0: none */
    int ends[3];    /* the worker's ends of the pipes, until START is sent; -1 afterwards */
    int orders;     /* our ends */
    int reports;
    int errors;
    struct watch *orders_watch;
    struct watch *reports_watch;
    struct watch *errors_watch;
    struct buf out; /* orders that the pipe has not taken */
    struct buf in;  /* the beginning of a frame */
    struct window frames;
    struct window output;
    struct crew_worker *next_waiting;
};

struct crew {
    struct loop *loop;
    struct spawner spawner;
    struct watch *watch; /* on the spawner's socket */
    struct alarm *respawn;
    struct alarm *lost;   /* reports workers that could not be started, outside crew_start */
    struct alarm *resume; /* output is read again after a pause */
    struct instant spawned;
    uint64_t
        oom_explained; /* kills for want of memory that belong to a worker's end, or came before */
    struct crew_options options;
    struct crew_events events;
    struct map workers;
    struct crew_worker *waiting; /* packets the spawner's socket has not taken, in order */
    struct crew_worker **waiting_end;
    uint8_t scratch[READ_SIZE]; /* one for all, so that an idle worker costs no buffer */
};

static void flush_waiting(struct crew *c);
static void spawner_lost(struct crew *c);

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_ends(struct crew_worker *w)
{
    for (int i = 0; i < 3; i++)
        close_fd(&w->ends[i]);
}

static void worker_free(struct crew_worker *w)
{
    if (!w)
        return;
    watch_free(w->orders_watch);
    watch_free(w->reports_watch);
    watch_free(w->errors_watch);
    close_ends(w);
    close_fd(&w->orders);
    close_fd(&w->reports);
    close_fd(&w->errors);
    buf_clear(&w->out);
    buf_clear(&w->in);
    free(w);
}

static struct crew_worker *worker_of(const struct crew *c, uint32_t number)
{
    return map_get(&c->workers, &number);
}

static void enqueue(struct crew_worker *w)
{
    if (w->queued)
        return;
    w->queued = true;
    w->next_waiting = NULL;
    *w->crew->waiting_end = w;
    w->crew->waiting_end = &w->next_waiting;
}

static void dequeue(struct crew_worker *w)
{
    struct crew *c = w->crew;
    if (!w->queued)
        return;
    struct crew_worker **at = &c->waiting;
    while (*at != w)
        at = &(*at)->next_waiting;
    *at = w->next_waiting;
    if (c->waiting_end == &w->next_waiting)
        c->waiting_end = at;
    w->queued = false;
}

static void kill_for_garbage(struct crew_worker *w)
{
    w->garbage = true;
    crew_kill(w->crew, w->number);
}

/* True while the worker stays below its cap in the current second. */
static bool window_add(struct window *v, uint64_t bytes, uint64_t frames, uint64_t bytes_max,
                       uint64_t frames_max)
{
    struct instant now = loop_clock();
    if (v->since.us == 0 || instant_since_us(now, v->since) >= S_US)
        *v = (struct window){now, 0, 0};
    v->bytes += bytes;
    v->frames += frames;
    return v->bytes <= bytes_max && v->frames <= frames_max;
}

/* Hands on whole frames and returns how many bytes they took. Stops at the first that is none. */
static size_t deliver_frames(struct crew_worker *w, struct bytes in)
{
    struct crew *c = w->crew;
    size_t at = 0;
    uint64_t count = 0, talk = 0;
    while (!w->garbage && at < in.len) {
        struct frame frame;
        int size = frame_take((struct bytes){in.data + at, in.len - at}, &frame);
        if (size == 0)
            break;
        if (size < 0 || frame.type < WORKER_TYPE_FIRST || frame.type > WORKER_TYPE_LAST) {
            kill_for_garbage(w);
            break;
        }
        at += (size_t)size;
        count++;
#if VELUM_PLANT == 559 /* unit/test_crew: a worker that yields much is taken for one that floods */
        talk += (size_t)size;
#else
        talk += frame.type == MESSAGE_WORKER_OUTPUT ? 0 : (size_t)size;
#endif
        c->events.frame(c->events.ctx, w->number, &frame);
    }
    if (!w->garbage &&
        !window_add(&w->frames, talk, count, FRAME_BYTES_PER_S_MAX, FRAMES_PER_S_MAX))
        kill_for_garbage(w);
    return at;
}

/* Frames are taken straight from the shared scratch; only the beginning of one that is not whole
 * yet moves to the worker's own buffer. */
static void take_reports(struct crew_worker *w, size_t got)
{
    struct crew *c = w->crew;
    if (w->garbage)
        return;
    size_t used = deliver_frames(w, (struct bytes){c->scratch, got});
    if (used < got)
        put_raw(&w->in, c->scratch + used, got - used);
}

/* More of the frame that has begun, which was read to where the rest of it is. */
static void take_rest(struct crew_worker *w, size_t got)
{
    w->in.len += got;
    if (!w->garbage)
        buf_drop_front(&w->in, deliver_frames(w, buf_bytes(&w->in)));
}

/* Reads once. Bytes, 0 at the end or on an error, -1 when there is nothing now. */
static ssize_t read_once(int fd, uint8_t *to, size_t room)
{
    ssize_t got;
    do
        got = read(fd, to, room);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN)
        return -1;
    return got < 0 ? 0 : got;
}

static bool read_reports(struct crew_worker *w)
{
    const bool begun = w->in.len > 0 && !w->garbage;
    const size_t missing = begun ? frame_missing(buf_bytes(&w->in)) : READ_SIZE;
    const size_t room = missing < READ_SIZE ? missing : READ_SIZE;
    uint8_t *to = begun ? buf_reserve(&w->in, room) : w->crew->scratch;
    ssize_t got = w->reports < 0 || !to ? 0 : read_once(w->reports, to, room);
    if (got > 0 && begun)
        take_rest(w, (size_t)got);
    else if (got > 0)
        take_reports(w, (size_t)got);
    if (w->in.len == 0)
        buf_clear(&w->in);
    if (w->in.failed && !w->garbage) /* no memory for it: the worker's frame is lost */
        kill_for_garbage(w);
    if (got == 0 && w->reports_watch)
        watch_set(w->reports_watch, false, false);
    return got > 0;
}

/* Over the cap the pipe is still emptied, but only every 20 ms: the worker never waits long, and a
 * flood costs the node almost nothing. */
static bool read_errors(struct crew_worker *w)
{
    struct crew *c = w->crew;
    ssize_t got = w->errors < 0 ? 0 : read_once(w->errors, c->scratch, READ_SIZE);
    if (got > 0 && window_add(&w->output, (uint64_t)got, 0, OUTPUT_BYTES_PER_S_MAX, 0)) {
        c->events.output(c->events.ctx, w->number, (struct bytes){c->scratch, (size_t)got});
    } else if (got > 0) {
        w->dropping = true;
        watch_set(w->errors_watch, false, false);
        alarm_set(c->resume, instant_plus_us(loop_clock(), DROP_PAUSE_US));
    } else if (got == 0 && w->errors_watch) {
        watch_set(w->errors_watch, false, false);
    }
    return got > 0;
}

static void reports_ready(void *ctx, bool readable, bool writable)
{
    (void)writable;
    if (readable)
        read_reports(ctx);
}

static void errors_ready(void *ctx, bool readable, bool writable)
{
    (void)writable;
    if (readable)
        read_errors(ctx);
}

static void resume_output(void *ctx)
{
    struct crew *c = ctx;
    struct crew_worker *w;
    for (size_t at = 0; (w = map_next(&c->workers, &at));) {
        if (!w->dropping)
            continue;
        w->dropping = false;
        watch_set(w->errors_watch, true, false);
    }
}

static void write_orders(struct crew_worker *w)
{
    while (w->out.len > 0) {
        ssize_t put = write(w->orders, w->out.data, w->out.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno == EAGAIN)
            break;
        if (put < 0) { /* it is gone; EXITED is on the way */
            buf_clear(&w->out);
            close_fd(&w->orders);
            watch_free(w->orders_watch);
            w->orders_watch = NULL;
            return;
        }
        buf_drop_front(&w->out, (size_t)put);
    }
    watch_set(w->orders_watch, false, w->out.len > 0);
    if (w->out.len == 0)
        buf_clear(&w->out);
}

static void orders_ready(void *ctx, bool readable, bool writable)
{
    (void)readable;
    if (writable)
        write_orders(ctx);
}

int crew_order(struct crew *c, uint32_t worker, uint8_t type, uint32_t request,
               struct bytes payload)
{
    struct crew_worker *w = worker_of(c, worker);
    if (!w || w->orders < 0 || w->killing || w->lost)
        return 0;
    if (payload.len > FRAME_PAYLOAD_MAX)
        return ERR_TOO_LARGE;
    if (w->out.len + FRAME_HEADER_SIZE + payload.len > ORDERS_SIZE_MAX)
        return ERR_FULL;
    size_t before = w->out.len;
    frame_put(&w->out, type, request, payload);
    if (w->out.failed) {
        w->out.len = before;
        w->out.failed = w->out.no_memory = false;
        return ERR_NO_MEMORY;
    }
    write_orders(w);
    return 0;
}

/* Each kill for want of memory explains one death by SIGKILL that nobody here asked for. */
static bool memory_ran_out(struct crew *c)
{
    if (oom_kills() <= c->oom_explained)
        return false;
    c->oom_explained++;
    return true;
}

/* Whose limit it was, for whoever explains the end. */
static int limit_of(enum cgroup_kill want)
{
    return want == CGROUP_KILL_OWN     ? WORKER_LIMIT_OWN
           : want == CGROUP_KILL_ABOVE ? WORKER_LIMIT_NODE
                                       : WORKER_LIMIT_SYSTEM;
}

static enum worker_end end_of(const struct crew_worker *w, const struct spawner_exit *e)
{
    if (e->code == 0)
        return WORKER_LOST;
    if (w->garbage)
        return WORKER_GARBAGE;
    if (e->code == CLD_EXITED)
        return WORKER_EXITED;
    if (e->status != SIGKILL)
        return WORKER_SIGNALLED;
    if (w->killing)
        return WORKER_KILLED;
    if (e->want != CGROUP_KILL_NONE)
        return WORKER_OUT_OF_MEMORY;
    return memory_ran_out(w->crew) ? WORKER_OUT_OF_MEMORY : WORKER_KILLED_OUTSIDE;
}

/* The process is gone, so what it said is in the pipes: everything is handed on before the end is.
 * Whoever it left behind with an end of a pipe is not waited for. */
static void finish(struct crew_worker *w, const struct spawner_exit *e)
{
    struct crew *c = w->crew;
    for (int i = 0; w->sent && i < DRAIN_READS_MAX && read_reports(w); i++)
        ;
    for (int i = 0; w->sent && i < DRAIN_READS_MAX && read_errors(w); i++)
        ;
    const enum worker_end end = end_of(w, e);
    const int status = end == WORKER_OUT_OF_MEMORY ? limit_of(e->want) : e->status;
    uint32_t number = w->number;
    dequeue(w);
    map_remove(&c->workers, &number);
    worker_free(w);
    c->events.exited(c->events.ctx, number, end, status, e->cpu_us);
}

/* Finishes every worker that is marked lost. The table may change in every callback, so the walk
 * starts again after each; those that get lost meanwhile are left to their own alarm, because a
 * callback that starts a new one for each would keep us here. */
static void report_lost(void *ctx)
{
    struct crew *c = ctx;
    struct crew_worker *w;
    size_t left = c->workers.count;
    for (size_t at = 0; left > 0 && (w = map_next(&c->workers, &at));) {
        if (!w->lost)
            continue;
        left--;
        finish(w, &(struct spawner_exit){.status = w->status, .want = CGROUP_KILL_NONE});
        at = 0;
    }
}

static void mark_lost(struct crew_worker *w, int status)
{
    w->lost = true;
    w->status = status;
    alarm_set(w->crew->lost, loop_clock());
}

static void spawner_ready(void *ctx, bool readable, bool writable)
{
    struct crew *c = ctx;
    if (readable) {
        for (int i = 0; i < 64; i++) {
            struct spawner_exit e;
            int rc = spawner_next_exit(&c->spawner, &e);
            if (rc < 0) {
                spawner_lost(c);
                return;
            }
            if (rc == 0)
                break;
            struct crew_worker *w = worker_of(c, e.worker);
            if (w && w->sent)
                finish(w, &e);
        }
    }
    if (writable)
        flush_waiting(c);
}

/* A worker in the queue needs a START or, if it has one, a LIMIT or a KILL. */
static int send_waiting(struct crew_worker *w)
{
    const struct spawner *s = &w->crew->spawner;
    if (!w->sent) {
        int rc = spawner_start(
            s, w->number, w->builds ? SPAWNER_BUILDER : w->crew->options.memory_bytes, w->ends);
        if (rc < 0)
            return rc;
        w->sent = true;
        close_ends(w);
    }
    if (w->limit > 0) {
        const int rc = spawner_limit(s, w->number, w->limit);
        if (rc < 0)
            return rc;
        w->limit = 0;
    }
    return w->killing ? spawner_kill(s, w->number) : 0;
}

static void flush_waiting(struct crew *c)
{
    if (!c->watch) /* the next spawner will be told */
        return;
    while (c->waiting) {
        int rc = send_waiting(c->waiting);
        if (rc == ERR_FULL)
            break;
        if (rc < 0) /* its end is read soon, and then everybody is told */
            return watch_set(c->watch, true, false);
        dequeue(c->waiting);
    }
    watch_set(c->watch, true, c->waiting != NULL);
}

static int watch_spawner(struct crew *c)
{
    c->watch = watch_new(c->loop, c->spawner.fd, spawner_ready, c);
    if (!c->watch)
        return ERR_NO_MEMORY;
    (void)spawner_group(&c->spawner); /* its socket has room; of one that is gone we hear soon */
    watch_set(c->watch, true, false);
    return 0;
}

static void respawn(void *ctx)
{
    struct crew *c = ctx;
    int rc = spawner_exec(&c->spawner);
    c->spawned = loop_clock();
    if (rc == 0)
        rc = watch_spawner(c);
    if (rc < 0) {
        spawner_bury(&c->spawner);
        alarm_set(c->respawn, instant_plus_us(loop_clock(), RESPAWN_PAUSE_US));
        return;
    }
    flush_waiting(c);
}

/* Its workers die with it. Those it had not been given yet wait for the next one, which comes at
 * once unless this one was young. */
static void spawner_lost(struct crew *c)
{
    struct crew_worker *w;
    watch_free(c->watch);
    c->watch = NULL;
    spawner_bury(&c->spawner);
    for (size_t at = 0; (w = map_next(&c->workers, &at));) {
        if (w->sent) {
            w->lost = true;
            w->status = 0;
        }
    }
    struct instant earliest = instant_plus_us(c->spawned, RESPAWN_PAUSE_US);
    alarm_set(c->respawn, instant_before(earliest, loop_clock()) ? loop_clock() : earliest);
    report_lost(c);
}

int crew_open(struct crew **out, struct loop *l, struct spawner *s, const struct crew_options *o,
              const struct crew_events *events)
{
    ensure(o->workers_max > 0 && o->workers_max <= SPAWNER_WORKERS_MAX);
    struct crew *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NO_MEMORY;
    c->loop = l;
    c->options = *o;
    if (!(machine_tier_lacks() & LACKS_NAMESPACES))
        c->options.memory_bytes |= SPAWNER_APART;
    c->events = *events;
    c->waiting_end = &c->waiting;
    c->oom_explained = oom_kills();
    map_init(&c->workers, &host_memory, sizeof(uint32_t), o->workers_max);
    c->respawn = alarm_new(l, respawn, c);
    c->lost = alarm_new(l, report_lost, c);
    c->resume = alarm_new(l, resume_output, c);
    c->spawner = *s;
    if (!c->respawn || !c->lost || !c->resume || watch_spawner(c) < 0) {
        crew_release(c, s);
        return ERR_NO_MEMORY;
    }
    *s = (struct spawner){-1, -1, -1};
    *out = c;
    return 0;
}

/* What all pipes of a user hold has a bound, 16,384 pages of 4 KiB in most systems, and beyond it
 * each new one of his, in whatever program, has a page and no more. So a few workers have much,
 * some have what pipes have, and the most that a node may have fit below the bound with a mover.
 * Each size is a wish: what is refused stays as it was, which is slower and never wrong. */
static void size_pipes(const struct crew_worker *w)
{
#if VELUM_PLANT == 672 /* unit/test_crew: the pipes of many workers are as large as those of few */
    (void)fcntl(w->reports, F_SETPIPE_SZ, LARGE_PIPE_BYTES);
    return;
#endif
    if (w->crew->workers.count <= LARGE_MAX)
        (void)fcntl(w->reports, F_SETPIPE_SZ, LARGE_PIPE_BYTES);
    if (w->crew->workers.count <= LARGEST_MAX)
        (void)fcntl(w->reports, F_SETPIPE_SZ, LARGEST_PIPE_BYTES);
    if (w->crew->workers.count <= USUAL_MAX)
        return;
    (void)fcntl(w->orders, F_SETPIPE_SZ, SMALL_PIPE_BYTES);
    (void)fcntl(w->reports, F_SETPIPE_SZ, SMALL_PIPE_BYTES);
    (void)fcntl(w->errors, F_SETPIPE_SZ, LEAST_PIPE_BYTES);
}

/* errno of what failed, or 0. */
static int make_pipes(struct crew_worker *w)
{
    int orders[2], reports[2], errors[2];
    if (pipe2(orders, O_CLOEXEC) != 0)
        return errno;
    w->ends[0] = orders[0];
    w->orders = orders[1];
    if (pipe2(reports, O_CLOEXEC) != 0)
        return errno;
    w->reports = reports[0];
    w->ends[1] = reports[1];
    if (pipe2(errors, O_CLOEXEC) != 0)
        return errno;
    w->errors = errors[0];
    w->ends[2] = errors[1];
    size_pipes(w);
    /* The mark belongs to an end, so the worker's ends still block. */
    if (fcntl(w->orders, F_SETFL, O_NONBLOCK) != 0 || fcntl(w->reports, F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(w->errors, F_SETFL, O_NONBLOCK) != 0)
        return errno;
    w->orders_watch = watch_new(w->crew->loop, w->orders, orders_ready, w);
    w->reports_watch = watch_new(w->crew->loop, w->reports, reports_ready, w);
    w->errors_watch = watch_new(w->crew->loop, w->errors, errors_ready, w);
    if (!w->orders_watch || !w->reports_watch || !w->errors_watch)
        return ENOMEM;
    watch_set(w->reports_watch, true, false);
    watch_set(w->errors_watch, true, false);
    return 0;
}

static int start(struct crew *c, uint32_t worker, bool builds)
{
    if (worker_of(c, worker))
        return ERR_EXISTS;
    struct crew_worker *w = calloc(1, sizeof *w);
    if (!w)
        return ERR_NO_MEMORY;
    w->crew = c;
    w->number = worker;
    w->builds = builds;
    w->orders = w->reports = w->errors = -1;
    w->ends[0] = w->ends[1] = w->ends[2] = -1;
    buf_init(&w->out, &host_memory, ORDERS_SIZE_MAX);
    buf_init(&w->in, &host_memory, FRAME_SIZE_MAX + READ_SIZE);
    int rc = map_put(&c->workers, &worker, w);
    if (rc < 0) {
        worker_free(w);
        return rc;
    }
    int failure = make_pipes(w);
    if (failure) {
        mark_lost(w, failure);
        return 0;
    }
    enqueue(w);
    flush_waiting(c);
    return 0;
}

int crew_start(struct crew *c, uint32_t worker)
{
    return start(c, worker, false);
}

int crew_start_builder(struct crew *c, uint32_t worker)
{
    return start(c, worker, true);
}

void crew_limit(struct crew *c, uint32_t worker, struct bytes load)
{
    struct crew_worker *w = worker_of(c, worker);
    struct order_load m;
    uint64_t inputs_bytes = 0;
    if (!w || w->killing || w->lost || !cgroup_is_open() || read_order_load(load, &m) < 0)
        return;
    for (uint16_t i = 0; i < m.inputs_count; i++)
        inputs_bytes += stage_input_at(m.inputs, i).size;
    const uint64_t usual = c->options.memory_bytes & ~SPAWNER_APART;
    if (m.mem_bytes == 0 && (usual == 0 || inputs_bytes == 0)) /* as it began */
        return;
    w->limit = (m.mem_bytes ? m.mem_bytes : usual) + inputs_bytes;
    enqueue(w);
    flush_waiting(c);
}

int crew_kill(struct crew *c, uint32_t worker)
{
    struct crew_worker *w = worker_of(c, worker);
    if (!w)
        return ERR_NOT_FOUND;
    if (w->killing || w->lost)
        return 0;
    w->killing = true;
    enqueue(w);
    flush_waiting(c);
    return 0;
}

void crew_release(struct crew *c, struct spawner *out)
{
    struct crew_worker *w;
    if (!c)
        return;
    watch_free(c->watch);
    alarm_free(c->respawn);
    alarm_free(c->lost);
    alarm_free(c->resume);
    for (size_t at = 0; (w = map_next(&c->workers, &at));)
        worker_free(w);
    map_clear(&c->workers);
    *out = c->spawner;
    free(c);
}

void crew_close(struct crew *c)
{
    struct spawner s;
    if (!c)
        return;
    crew_release(c, &s);
    spawner_close(&s);
}
