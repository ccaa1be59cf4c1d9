#include "core/host/mover_read.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/base/err.h"
#include "core/host/file.h"
#include "core/host/mover_check.h"
#include "core/host/mover_one.h"
#include "core/host/mover_part.h"
#include "core/host/mover_piece.h"
#include "core/host/mover_scan.h"
#include "core/object/name.h"

#define USE_EVERY_S 60

static int read_all(int fd, const struct move_part *m, uint8_t *to)
{
    int got = file_get(fd, m->offset, to, m->length);
    if (got < 0)
        return got;
    return (uint32_t)got < m->length ? ERR_DAMAGED : 0;
}

static bool in_range(const struct move_part *m, uint64_t size)
{
    return m->length <= size && m->offset <= size - m->length;
}

/* The file's time of change is when the object was used last: nothing else changes it. */
static void note_use(int fd, const struct stat *st)
{
    if (time(NULL) - st->st_mtime >= USE_EVERY_S)
        (void)futimens(fd, NULL);
}

/* What is asked for lies behind the end of the file. A disk may have cut the file: then the list,
 * of which the name is made, says so, and nothing is left of the object. */
static int judge_end(struct folder *f, const struct move_part *m)
{
#if VELUM_PLANT == 589 /* unit/test_mover: a file that was cut is an argument that is wrong */
    return ERR_ARGUMENT;
#endif
    int rc = check_list(f, m->name);
    return rc < 0 ? rc : ERR_ARGUMENT;
}

/* Where it is, whole or not. What somebody has written behind its end is cut off. */
static int find_object(struct folder *f, const struct move_part *m, const struct part *p,
                       struct piece_place *at)
{
    struct stat st;
    *at = (struct piece_place){.name = m->name, .kind = p ? FOLDER_PART : FOLDER_DATA};
    if (p) {
        at->size = p->size;
        return in_range(m, p->size) ? 0 : ERR_ARGUMENT;
    }
    int fd = folder_get(f, m->name, FOLDER_DATA);
    if (fd < 0)
        return fd;
    int rc = fstat(fd, &st);
    if (rc == 0 && m->size > 0 && (uint64_t)st.st_size > m->size &&
        check_length(f, m->name, m->size) > 0)
        rc = fstat(fd, &st);
    if (rc != 0)
        return ERR_IO;
    at->size = (uint64_t)st.st_size;
    if (!in_range(m, at->size))
        return judge_end(f, m);
    if (m->offset == 0)
        note_use(fd, &st);
    return 0;
}

static bool is_here(const struct part *p, const struct piece_place *at, uint64_t piece)
{
    return piece < object_pieces(at->size) && (!p || part_has(p, piece));
}

/* When the list was what is wrong it has been made anew, and the piece is read once more. */
static int find_piece(struct folder *f, const struct piece_place *at, uint64_t size,
                      const uint8_t **bytes)
{
    int rc = piece_get(f, at, bytes);
    if (rc == ERR_DAMAGED)
        rc = check_difference(f, at->name, size, at->piece);
    else
        return rc;
    return rc < 0 ? rc : piece_get(f, at, bytes);
}

/* Of a piece that is there. What the disk refuses is damage, and is for find_piece to see to. */
static bool read_as_is(struct folder *f, const struct piece_place *at, const struct move_part *m,
                       uint8_t *to)
{
    int fd = m->as_is ? folder_get(f, at->name, at->kind) : ERR_NOT_FOUND;
    return fd >= 0 && read_all(fd, m, to) == 0;
}

/* From whole pieces that have made their digests. */
static int read_compared(struct folder *f, const struct move_part *m, const struct part *p,
                         struct piece_place place, uint8_t *to)
{
    const uint64_t end = m->offset + m->length;
    const uint8_t *bytes;
    int rc = 0;
    for (uint64_t at = m->offset, next; rc == 0 && at < end; at = next) {
        place.piece = at / PIECE_SIZE;
        next = (place.piece + 1) * PIECE_SIZE < end ? (place.piece + 1) * PIECE_SIZE : end;
        place.here = 0;
        while (place.here < PIECES_AHEAD && is_here(p, &place, place.piece + place.here + 1))
            place.here++;
        rc = ERR_NOT_FOUND;
        if (is_here(p, &place, place.piece))
            rc = find_piece(f, &place, m->size, &bytes);
        if (rc == 0)
            memcpy(to + (at - m->offset), bytes + at % PIECE_SIZE, (size_t)(next - at));
    }
    return rc;
}

static bool are_here(const struct part *p, const struct piece_place *at, const struct move_part *m)
{
#if VELUM_PLANT == 649 /* unit/test_mover: a piece that is missing is read as the hole it left */
    return true;
#endif
    const uint64_t end = m->offset + m->length;
    for (uint64_t piece = m->offset / PIECE_SIZE; piece * PIECE_SIZE < end; piece++)
        if (!is_here(p, at, piece))
            return false;
    return true;
}

int read_object(struct folder *f, const struct move_part *m, uint8_t *to)
{
    const struct part *p = scan_part(f, m->name);
    struct piece_place place;
    int rc = find_object(f, m, p, &place);
    if (rc == 0 && are_here(p, &place, m) && read_as_is(f, &place, m, to))
        return 0;
    return rc < 0 ? rc : read_compared(f, m, p, place, to);
}

/* Of one that is not whole it is remembered, or nowhere. */
static int digest_of_one(struct folder *f, const struct part *p, const struct piece_place *at,
                         struct digest *digest)
{
    if (one_recall(at->name, at->size, digest))
        return 0;
    if (at->size == 0)
        return check_list(f, at->name);
    int rc = p ? ERR_DAMAGED : piece_digest(f, at, digest);
    if (rc == 0)
        one_remember(at->name, *digest);
    return rc == ERR_DAMAGED && !p ? check_difference(f, at->name, 0, 0) : rc;
}

static int read_list_of_one(struct folder *f, const struct move_part *m, const struct part *p,
                            const struct piece_place *at, uint8_t *to)
{
    struct digest digest;
    int rc = digest_of_one(f, p, at, &digest);
    if (rc < 0)
        return rc;
    if (!in_range(m, object_list_size(at->size)))
        return ERR_ARGUMENT;
    memcpy(to, digest.bytes + m->offset, m->length);
    return 0;
}

int read_list(struct folder *f, const struct move_part *m, uint8_t *to)
{
    const struct move_part nothing = {.name = m->name, .size = m->size};
    const struct part *p = scan_part(f, m->name);
    struct piece_place place;
    struct stat st;
    int rc = find_object(f, &nothing, p, &place);
    if (rc == 0 && one_is(place.size))
        return read_list_of_one(f, m, p, &place, to);
    if (rc == 0 && m->offset == 0)
        rc = check_list(f, m->name);
    if (rc < 0)
        return rc;
    int fd = folder_get(f, m->name, FOLDER_LIST);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) != 0)
        return ERR_IO;
    return in_range(m, (uint64_t)st.st_size) ? read_all(fd, m, to) : ERR_ARGUMENT;
}
