#include "core/host/mover_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/file.h"
#include "core/host/mover_check.h"
#include "core/host/mover_hash.h"
#include "core/host/mover_one.h"
#include "core/host/mover_part.h"
#include "core/host/mover_scan.h"
#include "core/object/name.h"

/* A list that is coming in. */
struct learn {
    struct digest name;
    uint64_t size, at;
    struct digest only; /* of one piece: all of it, and there is no file */
    uint64_t used;      /* 0: this place is empty */
};

/* A piece that is coming in. */
struct incoming {
    struct digest name;
    uint64_t piece;
    uint32_t at;
    uint64_t used;
};

/* A piece that is being hashed. */
struct late {
    struct digest name;
    uint64_t piece;
    struct hash_job job;
};

static struct late lates[FETCH_LATE_MAX];
static uint64_t lates_added, lates_settled;
static struct learn learns[LEARNS_MAX];
static struct incoming writes[WRITES_MAX];
static uint64_t uses;

/* Lists */

static struct learn *find_learn(struct digest name)
{
    for (int i = 0; i < LEARNS_MAX; i++)
        if (learns[i].used && digest_equal(learns[i].name, name))
            return &learns[i];
    return NULL;
}

bool fetch_learns(struct digest name)
{
    return find_learn(name) != NULL;
}

static struct learn *place_learn(struct folder *f)
{
    struct learn *oldest = &learns[0];
    for (int i = 1; i < LEARNS_MAX; i++)
        if (learns[i].used < oldest->used)
            oldest = &learns[i];
    if (oldest->used && !one_is(oldest->size))
        (void)folder_remove(f, oldest->name, FOLDER_LEARN);
    return oldest;
}

static int begin_learn(struct folder *f, const struct move_part *m, struct learn **out)
{
    struct learn *l = find_learn(m->name);
    l = l ? l : place_learn(f);
    l->used = 0;
    int fd = one_is(m->size) ? 0 : folder_make(f, m->name, FOLDER_LEARN);
    if (fd < 0)
        return fd;
    *l = (struct learn){.name = m->name, .size = m->size};
    *out = l;
    return 0;
}

/* Space for all of it, so that what was begun can be ended; a file system that cannot say takes it
 * as it comes. Unwritten space reads as a hole, so the scan knows it for what it is. */
static int reserve(int fd, uint64_t size)
{
    if (size == 0)
        return 0;
    if (fallocate(fd, 0, 0, (off_t)size) == 0)
        return 0;
    if (errno != EOPNOTSUPP && errno != ENOSYS)
        return file_fault(errno);
    return file_result(ftruncate(fd, (off_t)size));
}

/* The list is right: it gets its name, and the object its file. */
static int place_list(struct folder *f, const struct learn *l, int list)
{
    struct part *p;
    int rc = folder_sync_list(list, l->size);
    if (rc == 0)
        rc = folder_rename(f, l->name, FOLDER_LEARN, FOLDER_LIST);
    if (rc == 0)
        rc = folder_make(f, l->name, FOLDER_PART);
    if (rc >= 0)
        rc = reserve(rc, l->size);
    return rc == 0 ? part_add(l->name, l->size, &p) : rc;
}

static int end_learn(struct folder *f, const struct learn *l, int list)
{
    struct digest name;
    int rc = folder_list_name(list, l->size, &name);
    if (rc < 0)
        return rc;
    return digest_equal(name, l->name) ? place_list(f, l, list) : ERR_DAMAGED;
}

/* Its file is made when its bytes come; of nothing none do. */
static int end_learn_one(struct folder *f, const struct learn *l)
{
    struct part *p;
    if (!one_makes(l->name, l->size, l->only))
        return ERR_DAMAGED;
    int rc = l->size > 0 ? 0 : folder_make(f, l->name, FOLDER_PART);
    if (rc >= 0)
        rc = part_add(l->name, l->size, &p);
    if (rc == 0)
        one_remember(l->name, l->only);
    return rc;
}

static int learn_bytes(struct folder *f, struct learn *l, struct bytes bytes)
{
    const bool is_one = one_is(l->size);
    int fd = is_one ? 0 : folder_get(f, l->name, FOLDER_LEARN), rc = fd;
    if (fd < 0)
        return fd;
    if (!is_one)
        rc = file_put(fd, l->at, bytes.data, bytes.len);
    else if (bytes.len > 0)
        memcpy(l->only.bytes + l->at, bytes.data, bytes.len);
    if (rc < 0)
        return rc;
    l->at += bytes.len;
    l->used = ++uses;
    if (l->at < object_list_size(l->size))
        return 0;
    rc = is_one ? end_learn_one(f, l) : end_learn(f, l, fd);
    l->used = 0;
    return rc;
}

int fetch_learn(struct folder *f, const struct move_part *m)
{
    if (scan_part(f, m->name) || folder_has(f, m->name, FOLDER_DATA))
        return ERR_EXISTS;
    if (m->size > OBJECT_SIZE_MAX || object_pieces(m->size) > PART_PIECES_MAX)
        return ERR_TOO_LARGE;
    struct learn *l = m->offset ? find_learn(m->name) : NULL;
    int rc = m->offset ? 0 : begin_learn(f, m, &l);
    if (rc == 0 && (!l || l->size != m->size || l->at != m->offset ||
                    m->bytes.len > object_list_size(m->size) - m->offset))
        return ERR_ARGUMENT;
    if (rc == 0)
        rc = learn_bytes(f, l, m->bytes);
    if (rc < 0) {
        fetch_forget(m->name);
        part_forget(part_find(m->name));
        (void)folder_remove_all(f, m->name);
    }
    return rc;
}

/* Pieces */

static struct incoming *find_write(struct digest name, uint64_t piece)
{
    for (int i = 0; i < WRITES_MAX; i++)
        if (writes[i].used && writes[i].piece == piece && digest_equal(writes[i].name, name))
            return &writes[i];
    return NULL;
}

static struct incoming *begin_write(struct digest name, uint64_t piece)
{
    struct incoming *w = find_write(name, piece);
    if (!w) {
        w = &writes[0];
        for (int i = 1; i < WRITES_MAX; i++)
            if (writes[i].used < w->used)
                w = &writes[i];
    }
    *w = (struct incoming){.name = name, .piece = piece};
    return w;
}

/* Every byte of the piece is in the file: is it the one that the list has? The descriptor is a
 * copy, because others may need the place of the one that is kept open. */
static int hash_late(const struct part *p, uint64_t piece, int fd)
{
    struct late *l = &lates[lates_added % FETCH_LATE_MAX];
    ensure(lates_added - lates_settled < FETCH_LATE_MAX);
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return file_fault(errno);
    *l = (struct late){.name = p->name, .piece = piece};
    l->job.fd = copy;
    l->job.at = piece * PIECE_SIZE;
    l->job.length = object_piece_length(p->size, piece);
    lates_added++;
    hash_add(&l->job, NULL);
    return FETCH_LATE;
}

static int judge(struct folder *f, struct digest name, uint64_t piece, struct digest digest)
{
    struct part *p = part_find(name);
    int rc = p ? one_judge(f, name, p->size, piece, digest) : ERR_DAMAGED;
#if VELUM_PLANT == 310 /* unit/test_mover: a piece is here whatever its bytes make */
    if (p)
        rc = 0;
#endif
    if (rc == 0)
        part_got(p, piece);
    return rc;
}

int fetch_settle(struct folder *f)
{
    struct late *l = &lates[lates_settled++ % FETCH_LATE_MAX];
    ensure(lates_settled <= lates_added);
    hash_wait(&l->job);
    close(l->job.fd);
    return l->job.rc < 0 ? l->job.rc : judge(f, l->name, l->piece, l->job.digest);
}

bool fetch_is_late(const struct move_part *m)
{
    for (uint64_t i = lates_settled; i < lates_added; i++) {
        const struct late *l = &lates[i % FETCH_LATE_MAX];
        if (l->piece == m->offset / PIECE_SIZE && digest_equal(l->name, m->name))
            return true;
    }
    return false;
}

static int write_slice(struct folder *f, struct part *p, struct incoming *w,
                       const struct move_part *m)
{
    const bool begins = one_is(p->size) && m->offset == 0;
    int fd = begins ? folder_make(f, p->name, FOLDER_PART) : folder_get(f, p->name, FOLDER_PART);
    int rc = fd < 0 ? fd : file_put(fd, m->offset, m->bytes.data, m->bytes.len);
    w->used = 0;
    if (rc < 0)
        return rc;
    w->at += (uint32_t)m->bytes.len;
    if (w->at < object_piece_length(p->size, w->piece)) {
        w->used = ++uses;
        return 0;
    }
    if (!one_is(p->size)) /* one that is will be sealed at once */
        folder_send_ahead(fd, w->piece * PIECE_SIZE, w->at);
    /* All of it came at once, so its bytes are at hand. */
    if (m->bytes.len == w->at)
        return judge(f, p->name, w->piece, sha256_of(m->bytes.data, m->bytes.len));
    return hash_late(p, w->piece, fd);
}

int fetch_write(struct folder *f, const struct move_part *m)
{
    struct part *p = scan_part(f, m->name);
    const uint64_t piece = m->offset / PIECE_SIZE, at = m->offset % PIECE_SIZE;
    if (!p)
        return folder_has(f, m->name, FOLDER_DATA) ? 0 : ERR_NOT_FOUND;
    if (piece >= p->pieces || m->bytes.len == 0 ||
        at + m->bytes.len > object_piece_length(p->size, piece))
        return ERR_ARGUMENT;
    if (part_has(p, piece))
        return 0;
    struct incoming *w = at ? find_write(m->name, piece) : begin_write(m->name, piece);
    if (!w || w->at != at)
        return ERR_ARGUMENT;
    return write_slice(f, p, w, m);
}

/* What its file is called until then. False: p->rc is the answer. */
static bool may_seal(struct folder *f, struct digest name, struct place *p)
{
    const struct part *part = scan_part(f, name);
    p->rc = ERR_NOT_FOUND;
    if (!part && folder_has(f, name, FOLDER_DATA))
        p->rc = 0;
    return part && part->have == part->pieces;
}

/* The descriptor is a copy, because others may need the place of the one that is kept open. */
void fetch_seal(struct folder *f, struct digest name, struct place *p)
{
    p->made.name = name;
    if (!may_seal(f, name, p))
        return;
    (void)check_length(f, name, part_find(name)->size);
    const int fd = folder_get(f, name, FOLDER_PART);
    p->data = fd < 0 ? fd : file_result(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    p->rc = p->data < 0 ? p->data : 0;
    p->sealing = true;
    folder_name(name, FOLDER_PART, p->data_move.from);
    folder_name(name, FOLDER_DATA, p->data_move.to);
}

int fetch_sealed(struct folder *f, struct place *p)
{
    const struct digest name = p->made.name;
    if (!p->sealing)
        return p->rc;
    if (p->data >= 0)
        close(p->data);
    fetch_forget(name);
    part_forget(part_find(name));
    if (p->data_move.done)
        folder_moved(f, name, FOLDER_PART, FOLDER_DATA);
    if (p->rc < 0)
        (void)folder_remove_all(f, name);
    return p->rc;
}

void fetch_forget(struct digest name)
{
    struct learn *l = find_learn(name);
    if (l)
        l->used = 0;
    for (int i = 0; i < WRITES_MAX; i++)
        if (writes[i].used && digest_equal(writes[i].name, name))
            writes[i].used = 0;
}
