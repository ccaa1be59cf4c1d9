#include "core/host/mover_crew.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/host/file.h"
#include "core/host/memory.h"
#include "core/host/mover_memory.h"
#include "core/host/mover_start.h"
#include "core/wire/message.h"
#include "core/wire/move.h"

#define READ_SIZE 131072
#define TURN_SIZE 512 /* while answers stand for 60 KiB each: some twenty of them */
#define FRAME_SIZE_MAX (FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX)
#define LONG_LIFE_US (1 * S_US)
#define PAUSE_FIRST_US (100 * MS_US)
#define PAUSE_LAST_US (10 * S_US)
#define REAP_PAUSE_US (10 * MS_US)
#define CLOSE_MS 500
#define LOOKS 8         /* in the time after which one that is silent is replaced */
#define KEPT_BYTES 4096 /* an empty queue keeps no more memory than this */
#define SMALL_MAX 4096  /* payloads up to this go through the pipe */
#define GATHERED_MAX 8  /* orders that go together */

struct open_order {
    uint32_t request;
    uint32_t size;
    int place; /* in the shared memory, or -1 */
    uint8_t type;
    bool places; /* others may be answered before it */
};

struct mover_crew {
    struct loop *loop;
    const struct log_sink *log;
    struct mover_crew_events events;
    enum role role;
    int executable;
    int folder;
    struct mover_memory memory; /* as long as the process */
    struct mover_ends ends; /* descriptors are -1 once it counts as dead; pid is 0 once reaped */
    struct watch *orders_watch;
    struct watch *answers_watch;
    struct alarm *alarm; /* for what must not be done inside a call: see look_after */
    struct instant started;
    int64_t pause_us, patience_us;
    bool looks_on; /* the alarm is set to see whether it still answers */
    int silent;    /* so many times in a row the oldest that is open had got no answer */
    bool refused;  /* the system does not start it; said once */
    bool copies;   /* one could not map the memory: the others get none; said once */
    struct buf out;
    size_t out_at;
    uint32_t gathered; /* orders in it that wait for an answer to come, or for more of them */
    bool flushes;      /* some of it is to be written at the end of this round */
    struct buf in;     /* the beginning of an answer */
    struct open_order *open;
    size_t open_first, open_count, open_cap; /* cap is 0 or a power of two */
    size_t open_bytes;
    uint8_t scratch[READ_SIZE];
};

static void look_after(void *ctx);

static uint8_t answer_type(uint8_t order)
{
    switch (order) {
    case MESSAGE_MOVE_FINISH:
        return MESSAGE_MOVED_MADE;
    case MESSAGE_MOVE_READ:
    case MESSAGE_MOVE_LIST:
        return MESSAGE_MOVED_BYTES;
    case MESSAGE_MOVE_CHECK:
        return MESSAGE_MOVED_CHECKED;
    case MESSAGE_MOVE_KEYED:
        return MESSAGE_MOVED_KEYED;
    default:
        return MESSAGE_MOVED_DONE;
    }
}

uint8_t mover_crew_refuse(struct buf *payload, uint8_t order, int rc)
{
    const struct moved_made made = {.rc = rc};
    const struct moved_bytes bytes = {.rc = rc};
    const struct moved_checked checked = {.rc = rc, .bad = UINT64_MAX};
    const struct moved_keyed keyed = {.rc = rc};
    const uint8_t type = answer_type(order);
    switch (type) {
    case MESSAGE_MOVED_MADE:
        put_moved_made(payload, &made);
        break;
    case MESSAGE_MOVED_BYTES:
        put_moved_bytes(payload, &bytes);
        break;
    case MESSAGE_MOVED_CHECKED:
        put_moved_checked(payload, &checked);
        break;
    case MESSAGE_MOVED_KEYED:
        put_moved_keyed(payload, &keyed);
        break;
    default:
        put_moved_done(payload, rc);
        break;
    }
    return type;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool is_alive(const struct mover_crew *m)
{
    return m->ends.orders >= 0;
}

/* What is open */

static struct open_order *open_at(const struct mover_crew *m, size_t i)
{
    return &m->open[(m->open_first + i) & (m->open_cap - 1)];
}

static int grow_open(struct mover_crew *m)
{
    size_t cap = m->open_cap ? m->open_cap * 2 : 64;
    struct open_order *list = malloc(cap * sizeof *list);
    if (!list)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < m->open_count; i++)
        list[i] = *open_at(m, i);
    free(m->open);
    m->open = list;
    m->open_first = 0;
    m->open_cap = cap;
    return 0;
}

static int push_open(struct mover_crew *m, uint8_t type, uint32_t request, struct bytes payload)
{
    if (m->open_count == m->open_cap && grow_open(m) < 0)
        return ERR_NO_MEMORY;
    *open_at(m, m->open_count++) = (struct open_order){.request = request,
                                                       .size = (uint32_t)payload.len,
                                                       .place = -1,
                                                       .type = type,
                                                       .places = move_places(type, payload)};
    m->open_bytes += payload.len;
    return 0;
}

/* The one that is answered, by how many there are before it: those that may be. */
static bool find_open(struct mover_crew *m, uint32_t request, size_t *out)
{
    size_t i = 0;
#if VELUM_PLANT == 1186 /* unit/test_mover_crew: any order may be answered before any other */
    while (i < m->open_count && open_at(m, i)->request != request)
#else
    while (i < m->open_count && open_at(m, i)->request != request && open_at(m, i)->places)
#endif
        i++;
    *out = i;
    return i < m->open_count && open_at(m, i)->request == request &&
           (i == 0 || !open_at(m, i)->places);
}

/* It, with so many before it, is open no more. */
static void pop_open(struct mover_crew *m, size_t before)
{
    m->open_bytes -= open_at(m, before)->size;
    for (; before > 0; before--)
        *open_at(m, before) = *open_at(m, before - 1);
    m->open_first = (m->open_first + 1) & (m->open_cap - 1);
    m->open_count--;
}

/* Its end. The process may hang in a call to a disk that does not answer, so it is reaped later. */
static void end_life(struct mover_crew *m, const char *why)
{
    if (!is_alive(m))
        return;
    log_line(m->log, LOG_WARNING, "the mover, which keeps the objects, %s; another is started",
             why);
    kill(m->ends.pid, SIGKILL);
    watch_free(m->orders_watch);
    watch_free(m->answers_watch);
    m->orders_watch = m->answers_watch = NULL;
    close_fd(&m->ends.orders);
    close_fd(&m->ends.answers);
    buf_clear(&m->out);
    m->out_at = 0;
    m->gathered = 0;
    m->flushes = false;
    alarm_set(m->alarm, loop_clock()); /* `in` stays: an answer in it may be in use */
}

/* Answers */

/* What it says itself, or what lies in the place of its order. */
static struct frame unwrap(const struct mover_crew *m, const struct open_order *o,
                           const struct frame *f)
{
    struct move_at at;
    struct frame inner = *f;
    if (f->type != MESSAGE_MOVED_AT || o->place < 0 || read_move_at(f->payload, &at) < 0 ||
        at.place != (uint32_t)o->place)
        return inner;
    inner.type = at.type;
    inner.payload = (struct bytes){mover_memory_at(&m->memory, o->place), at.length};
    return inner;
}

static bool answers(const struct open_order *o, const struct frame *f)
{
    return f->request == o->request && (f->type == answer_type(o->type) ||
                                        (!moved_is_last(f->type) && o->type == MESSAGE_MOVE_SCAN));
}

/* Its place is lent anew only when the answer in it has been read. */
static void deliver(struct mover_crew *m, const struct frame *f)
{
    size_t before;
    const struct open_order *o = find_open(m, f->request, &before) ? open_at(m, before) : NULL;
    const int place = o ? o->place : -1;
    const struct frame inner = o ? unwrap(m, o, f) : *f;
    if (!o || !answers(o, &inner)) {
        end_life(m, "gave an answer to no order");
        return;
    }
    if (before == 0)
        m->silent = 0;
    if (moved_is_last(inner.type))
        pop_open(m, before);
#if VELUM_PLANT == 557 /* unit/test_mover_crew: a place is lent while its answer is being read */
    mover_memory_return(&m->memory, place);
#endif
    m->events.answer(m->events.ctx, &inner);
    if (moved_is_last(inner.type))
        mover_memory_return(&m->memory, place);
}

static size_t cut_answers(struct mover_crew *m, struct bytes in)
{
    size_t at = 0;
    while (at < in.len && is_alive(m)) {
        struct frame frame;
        int size = frame_take((struct bytes){in.data + at, in.len - at}, &frame);
        if (size < 0)
            end_life(m, "said what is no answer");
        if (size <= 0)
            break;
        at += (size_t)size;
        deliver(m, &frame);
    }
    return at;
}

/* Most answers come whole; only the beginning of one that does not is kept aside. */
static void take_answers(struct mover_crew *m, size_t got)
{
    if (m->in.len == 0) {
        size_t used = cut_answers(m, (struct bytes){m->scratch, got});
        if (is_alive(m))
            put_raw(&m->in, m->scratch + used, got - used);
    } else {
        put_raw(&m->in, m->scratch, got);
        if (!m->in.failed) {
            size_t used = cut_answers(m, buf_bytes(&m->in));
            if (is_alive(m))
                buf_drop_front(&m->in, used);
        }
    }
    if (m->in.failed)
        end_life(m, "could not be heard for want of memory");
    if (m->in.len == 0)
        buf_clear(&m->in);
}

static void take_turn(struct mover_crew *m, size_t got)
{
    take_answers(m, got);
#if VELUM_PLANT != 688 /* unit/test_mover_crew: orders that were gathered stay where they are */
    m->flushes |= m->gathered > 0;
#endif
}

/* How much is read at once: a frame that has begun to its end, and otherwise no more than what is
 * done with in well below a millisecond. */
static size_t turn_size(const struct mover_crew *m)
{
    if (m->in.len == 0)
        return mover_memory_is_lent(&m->memory) ? TURN_SIZE : READ_SIZE;
    const size_t missing = frame_missing(buf_bytes(&m->in));
    return missing < READ_SIZE ? missing : READ_SIZE;
}

static void answers_ready(void *ctx, bool readable, bool writable)
{
    struct mover_crew *m = ctx;
    ssize_t got;
    (void)writable;
    if (!readable)
        return;
    do
        got = read(m->ends.answers, m->scratch, turn_size(m));
    while (got < 0 && errno == EINTR);
    if (got > 0)
        take_turn(m, (size_t)got);
    else if (got == 0 || errno != EAGAIN)
        end_life(m, "has died");
}

/* Orders */

static void write_orders(struct mover_crew *m)
{
    m->gathered = 0;
    m->flushes = false;
    while (m->out_at < m->out.len) {
        ssize_t put = write(m->ends.orders, m->out.data + m->out_at, m->out.len - m->out_at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) /* full, or it has died: then its answers end as well */
            break;
        m->out_at += (size_t)put;
    }
    bool left = m->out_at < m->out.len;
    watch_set(m->orders_watch, false, left);
    if (left)
        return;
    m->out_at = 0;
    buf_reset(&m->out);
    if (m->out.cap > KEPT_BYTES)
        buf_clear(&m->out);
}

static void orders_ready(void *ctx, bool readable, bool writable)
{
    (void)readable;
    if (writable)
        write_orders(ctx);
}

static int queue_order(struct mover_crew *m, uint8_t type, uint32_t request, struct bytes payload)
{
    if (m->out_at > m->out.len / 2) {
        buf_drop_front(&m->out, m->out_at);
        m->out_at = 0;
    }
    frame_put(&m->out, type, request, payload);
    if (m->out.failed)
        return ERR_NO_MEMORY;
    write_orders(m);
    return 0;
}

/* It has others to do, of which the answer will come soon: not those that wait for the disk. */
static bool is_busy(const struct mover_crew *m)
{
    size_t i = 0;
    const size_t written = m->open_count - 1 - m->gathered;
#if VELUM_PLANT != 1187 /* unit/test_mover_crew: orders wait for what is put in place */
    while (i < written && open_at(m, i)->places)
        i++;
#endif
    return i < written;
}

/* Each order that is written alone may wake the mover. Small ones wait for one another until the
 * round ends, and while it has others to do until an answer comes. */
static bool may_wait(const struct mover_crew *m)
{
    return m->gathered < GATHERED_MAX - 1 && (m->gathered > 0 || m->out.len == 0) && is_busy(m);
}

static int gather_order(struct mover_crew *m, uint8_t type, uint32_t request, struct bytes payload)
{
    if (may_wait(m))
        m->gathered++;
    else
        m->flushes = true;
    frame_put(&m->out, type, request, payload);
    return m->out.failed ? ERR_NO_MEMORY : 0;
}

/* With nothing before it an order goes from where it lies into the pipe; what does not fit is
 * copied and waits. */
static int send_order(struct mover_crew *m, uint8_t type, uint32_t request, struct bytes payload)
{
    uint8_t head[FRAME_HEADER_SIZE];
    struct iovec parts[2] = {{head, sizeof head}, {(void *)(uintptr_t)payload.data, payload.len}};
    ssize_t put;
    if (payload.len <= SMALL_MAX && m->out.len < KEPT_BYTES)
        return gather_order(m, type, request, payload);
    if (m->out.len > 0)
        return queue_order(m, type, request, payload);
    frame_head(head, type, request, (uint32_t)payload.len);
    do
        put = writev(m->ends.orders, parts, payload.len > 0 ? 2 : 1);
    while (put < 0 && errno == EINTR);
    const size_t sent = put > 0 ? (size_t)put : 0; /* of one that has died nobody reads the rest */
    if (sent == sizeof head + payload.len)
        return 0;
    const size_t of_head = sent < sizeof head ? sent : sizeof head;
    put_raw(&m->out, head + of_head, sizeof head - of_head);
    if (payload.len > 0)
        put_raw(&m->out, payload.data + (sent - of_head), payload.len - (sent - of_head));
    watch_set(m->orders_watch, false, true);
    return m->out.failed ? ERR_NO_MEMORY : 0;
}

void mover_crew_flush(struct mover_crew *m)
{
    if (m && m->flushes && is_alive(m))
        write_orders(m);
}

static void look_later(struct mover_crew *m)
{
    m->looks_on = m->open_count > 0;
    if (!m->looks_on)
        mover_memory_rest(&m->memory);
    if (m->looks_on)
        alarm_set(m->alarm, instant_plus_us(loop_clock(), m->patience_us / LOOKS));
}

/* Counted in looks, not by the clock: when the node itself was stopped for long, the answers that
 * came meanwhile are read before it looks again. */
static void look_at(struct mover_crew *m)
{
#if VELUM_PLANT == 495 /* unit/test_mover_crew: one that was stopped is waited for */
    m->silent = 0;
#endif
    m->silent = m->open_count > 0 ? m->silent + 1 : 0;
    if (m->silent <= LOOKS) {
        look_later(m);
        return;
    }
    end_life(m, "has not answered for so long that it or its disk hangs");
}

/* Bytes of objects lie in the shared memory while there is room in it. */
static int give_order(struct mover_crew *m, uint8_t type, uint32_t request, struct bytes payload)
{
    const bool brings = answer_type(type) == MESSAGE_MOVED_BYTES;
    struct open_order *o = open_at(m, m->open_count - 1);
    uint8_t room[16];
    struct buf b;
    if (payload.len > SMALL_MAX || brings)
        o->place = mover_memory_lend(&m->memory);
    if (o->place < 0)
        return send_order(m, type, request, payload);
    const struct move_at at = {type, (uint32_t)o->place, (uint32_t)payload.len};
    memcpy(mover_memory_at(&m->memory, o->place), payload.data, payload.len);
    buf_init_fixed(&b, room, sizeof room);
    put_move_at(&b, &at);
    return send_order(m, MESSAGE_MOVE_AT, request, buf_bytes(&b));
}

int mover_crew_order(struct mover_crew *m, uint8_t type, uint32_t request, struct bytes payload)
{
    ensure(payload.len <= FRAME_PAYLOAD_MAX);
    int rc = push_open(m, type, request, payload);
    if (rc < 0)
        return rc;
#if VELUM_PLANT == 314 /* unit/test_mover_crew: one order more than may be open */
    if (m->open_count > MOVE_OPEN_ORDERS_MAX + 1 || m->open_bytes > MOVE_OPEN_BYTES_MAX)
#else
    if (m->open_count > MOVE_OPEN_ORDERS_MAX || m->open_bytes > MOVE_OPEN_BYTES_MAX)
#endif
        end_life(m, "was given more than it may have open");
    if (!is_alive(m)) {
        alarm_set(m->alarm, loop_clock());
        return 0;
    }
    if (!m->looks_on)
        look_later(m);
    return give_order(m, type, request, payload);
}

/* Lives */

static int begin_life(struct mover_crew *m)
{
    buf_clear(&m->in);
    /* The last one is dead, and what it answered has been read. */
    mover_memory_clear(&m->memory);
    if (!m->copies)
        mover_memory_make(&m->memory);
    int rc = mover_start(&m->ends, m->role, m->executable, m->folder, m->memory.fd);
    m->started = loop_clock();
    if (rc < 0) {
        m->ends = (struct mover_ends){0, -1, -1};
        return rc;
    }
    m->orders_watch = watch_new(m->loop, m->ends.orders, orders_ready, m);
    m->answers_watch = watch_new(m->loop, m->ends.answers, answers_ready, m);
    if (!m->orders_watch || !m->answers_watch) {
        end_life(m, "could not be heard for want of memory");
        return ERR_NO_MEMORY;
    }
    watch_set(m->answers_watch, true, false);
    return 0;
}

/* The next may begin after a pause, which is longer each time one did not live long. */
static struct instant next_life(struct mover_crew *m)
{
    return instant_plus_us(m->started, m->pause_us);
}

/* It would be the same with the next one, at its first order. */
static bool goes_without_memory(struct mover_crew *m, int status)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != MOVER_UNMAPPED || m->copies)
        return false;
    log_line(m->log, LOG_WARNING,
             "the mover, which keeps the objects, cannot map the memory that it shares with this "
             "node; bytes of objects go through pipes instead, which is slower");
    m->copies = true;
    return true;
}

static void note_end(struct mover_crew *m, int status)
{
    bool long_life = instant_since_us(loop_clock(), m->started) >= LONG_LIFE_US;
    m->ends.pid = 0;
    if (long_life || goes_without_memory(m, status))
        m->pause_us = 0;
    else if (m->pause_us == 0)
        m->pause_us = PAUSE_FIRST_US;
    else if (m->pause_us < PAUSE_LAST_US)
        m->pause_us *= 2;
}

/* A callback may give new orders; those wait for the next round. */
static void refuse_open(struct mover_crew *m)
{
    uint8_t room[64];
    for (size_t left = m->open_count; left > 0 && m->open_count > 0; left--) {
        const struct open_order o = *open_at(m, 0);
        struct buf payload;
        buf_init_fixed(&payload, room, sizeof room);
        struct frame f = {.type = mover_crew_refuse(&payload, o.type, ERR_IO),
                          .request = o.request};
        f.payload = buf_bytes(&payload);
        pop_open(m, 0);
#if VELUM_PLANT == 313 /* unit/test_mover_crew: what was open when it died is answered by nobody */
        if (m->ends.pid == 0)
#endif
            m->events.answer(m->events.ctx, &f);
    }
}

static void try_again(struct mover_crew *m)
{
    int rc = begin_life(m);
    if (rc == 0) {
        m->refused = false;
        m->events.renewed(m->events.ctx);
        return;
    }
    if (!m->refused)
        log_line(m->log, LOG_ERROR, "the mover, which keeps the objects, cannot be started: %s",
                 strerror(errno));
    m->refused = true;
    note_end(m, 0);
    alarm_set(m->alarm, next_life(m));
}

/* While there is no mover: what is open is answered, the dead one reaped, the next one started. */
static void look_after(void *ctx)
{
    struct mover_crew *m = ctx;
    if (is_alive(m)) {
        look_at(m);
        return;
    }
    m->looks_on = false;
    m->silent = 0;
    refuse_open(m);
    if (m->ends.pid > 0) {
        int status = 0;
        if (waitpid(m->ends.pid, &status, WNOHANG) == 0) {
            alarm_set(m->alarm, instant_plus_us(loop_clock(), REAP_PAUSE_US));
            return;
        }
        note_end(m, status);
    }
    if (m->open_count > 0)
        alarm_set(m->alarm, loop_clock());
    else if (instant_reached(loop_clock(), next_life(m)))
        try_again(m);
    else
        alarm_set(m->alarm, next_life(m));
}

static int open_folder(const char *path)
{
    bool made = mkdir(path, 0700) == 0;
    int fd =
        made || errno == EEXIST ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    int rc = file_result(fd);
    if (rc >= 0 && made)
        rc = file_sync_parent(fd);
    if (rc < 0 && fd >= 0)
        close(fd);
    return rc < 0 ? rc : fd;
}

int mover_crew_open(struct mover_crew **out, struct loop *l, int executable, const char *folder,
                    bool fleeting, int64_t patience_us, const struct log_sink *log,
                    const struct mover_crew_events *events)
{
    struct mover_crew *m = calloc(1, sizeof *m);
    if (!m)
        return ERR_NO_MEMORY;
    m->loop = l;
    m->log = log;
    m->events = *events;
    m->patience_us = patience_us;
    m->ends = (struct mover_ends){0, -1, -1};
    m->memory.fd = -1;
    buf_init(&m->out, &host_memory, 2 * MOVE_OPEN_BYTES_MAX);
    buf_init(&m->in, &host_memory, FRAME_SIZE_MAX + READ_SIZE);
    m->role = fleeting ? ROLE_SCRATCH : ROLE_MOVER;
    m->executable = -1;
    m->folder = open_folder(folder);
    int rc = m->folder < 0 ? m->folder : 0;
    if (rc == 0)
        rc = m->executable = file_result(fcntl(executable, F_DUPFD_CLOEXEC, 8));
    if (rc >= 0)
        rc = (m->alarm = alarm_new(l, look_after, m)) ? 0 : ERR_NO_MEMORY;
    if (rc < 0) {
        mover_crew_close(m);
        return rc;
    }
    if (begin_life(m) < 0)
        alarm_set(m->alarm, loop_clock());
    *out = m;
    return 0;
}

static void bury(pid_t pid)
{
    const struct timespec moment = {0, 1000000};
    kill(pid, SIGKILL);
    for (int i = 0; i < CLOSE_MS && waitpid(pid, NULL, WNOHANG) == 0; i++)
        nanosleep(&moment, NULL);
}

void mover_crew_close(struct mover_crew *m)
{
    if (!m)
        return;
    watch_free(m->orders_watch);
    watch_free(m->answers_watch);
    alarm_free(m->alarm);
    close_fd(&m->ends.orders);
    close_fd(&m->ends.answers);
    if (m->ends.pid > 0)
        bury(m->ends.pid);
    close_fd(&m->folder);
    close_fd(&m->executable);
    mover_memory_clear(&m->memory);
    buf_clear(&m->out);
    buf_clear(&m->in);
    free(m->open);
    free(m);
}
