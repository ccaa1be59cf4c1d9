#include "core/host/mover_place.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/file.h"
#include "core/wire/message.h"

/* A ring: those that the thread has come first. */
static struct place places[PLACES_MAX];
static uint32_t first, given, count; /* given: so many of them the thread has, or has done */
/* By a descriptor that nobody else syncs: a disk's error is told once for each. */
static struct folder folder = {.fd = -1};
static int event = -1;
static bool threaded;
static bool done_here; /* what was given is done, without a thread */

static struct {
    pthread_mutex_t guard;
    pthread_cond_t more;
    bool works;
} line = {.guard = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static struct place *at(uint32_t i)
{
    return &places[(first + i) % PLACES_MAX];
}

static int sync_fd(int fd)
{
    return fd < 0 ? 0 : folder_sync_file(fd);
}

static int move(struct place_move *m)
{
    if (!m->from[0])
        return 0;
    m->done = renameat(folder.fd, m->from, folder.fd, m->to) == 0;
    return m->done ? 0 : file_fault(errno);
}

/* First the bytes of all are on the disk, then they have their names. What the disk was asked to
 * take before the first is synced costs the others no sync of their own. */
static void put_in_place(void)
{
    bool any = false;
    for (uint32_t i = 0; i < given; i++) {
        struct place *p = at(i);
        if (p->rc == 0)
            p->rc = sync_fd(p->list);
        if (p->rc == 0)
            p->rc = sync_fd(p->data);
    }
    for (uint32_t i = 0; i < given; i++) {
        struct place *p = at(i);
        if (p->rc == 0)
            p->rc = move(&p->list_move);
        if (p->rc == 0)
            p->rc = move(&p->data_move);
        any |= p->rc == 0;
    }
    const int rc = any ? folder_sync(&folder) : 0;
    for (uint32_t i = 0; i < given; i++)
        if (at(i)->rc == 0)
            at(i)->rc = rc;
}

static _Noreturn void *work(void *ctx)
{
    const uint64_t one = 1;
    (void)ctx;
    for (;;) {
        pthread_mutex_lock(&line.guard);
        while (!line.works)
            pthread_cond_wait(&line.more, &line.guard);
        pthread_mutex_unlock(&line.guard);
        put_in_place();
        pthread_mutex_lock(&line.guard);
        line.works = false;
        pthread_mutex_unlock(&line.guard);
        (void)!write(event, &one, sizeof one);
    }
}

int place_open(const struct folder *f, bool syncs)
{
    pthread_t thread;
    folder.fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder.fd < 0)
        return file_fault(errno);
    if (!syncs)
        return 0;
    event = eventfd(0, EFD_CLOEXEC);
    if (event < 0)
        return file_fault(errno);
    if (pthread_create(&thread, NULL, work, NULL) != 0)
        return ERR_SYSTEM;
    pthread_detach(thread);
    threaded = true;
    return 0;
}

struct place *place_add(void)
{
    if (count == PLACES_MAX)
        return NULL;
    struct place *p = at(count++);
    *p = (struct place){.data = -1, .list = -1};
    return p;
}

void place_go(void)
{
    if (given > 0 || count == 0)
        return;
    given = count;
    if (!threaded) {
        put_in_place();
        done_here = true;
        return;
    }
    pthread_mutex_lock(&line.guard);
    line.works = true;
    pthread_cond_signal(&line.more);
    pthread_mutex_unlock(&line.guard);
}

int place_fd(void)
{
    return event;
}

bool place_any(void)
{
    return count > 0;
}

/* Its stream, but for APPEND, which is refused of one that has its name. */
static bool is_of_stream(uint8_t type, struct bytes payload, uint64_t stream)
{
    struct reader r = reader_of(payload);
    return (type == MESSAGE_MOVE_FINISH || type == MESSAGE_MOVE_ABORT ||
            type == MESSAGE_MOVE_KEYED) &&
           read_u64(&r) == stream;
}

bool place_concerns(uint8_t type, struct bytes payload)
{
    for (uint32_t i = 0; i < count; i++)
        if (move_is_about(type, payload, at(i)->made.name) ||
            (at(i)->order == MESSAGE_MOVE_FINISH && is_of_stream(type, payload, at(i)->stream)))
            return true;
    return false;
}

bool place_has_name(struct digest name)
{
    for (uint32_t i = 0; i < count; i++)
        if (digest_equal(at(i)->made.name, name))
            return true;
    return false;
}

/* What the thread was given is done; waits for that when `patient`. */
static bool is_done(bool patient)
{
    uint64_t times;
    struct pollfd p = {.fd = event, .events = POLLIN};
    if (given == 0)
        return false;
    if (!threaded)
        return done_here;
    while (poll(&p, 1, patient ? -1 : 0) < 0 && errno == EINTR)
        ;
    return (p.revents & POLLIN) && read(event, &times, sizeof times) == sizeof times;
}

/* `done` may add others, which do not lie among these. */
static void take(bool patient, place_done *done)
{
    if (!is_done(patient))
        return;
    done_here = false;
    for (; given > 0; given--, count--) {
        struct place p = *at(0);
        first = (first + 1) % PLACES_MAX;
        done(&p);
    }
}

void place_take(place_done *done)
{
    take(false, done);
    place_go();
}

void place_wait(place_done *done)
{
    while (count > 0) {
        place_go();
        take(true, done);
    }
}
