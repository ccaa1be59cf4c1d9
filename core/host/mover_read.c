#include "core/host/mover_read.h"

#include <sys/stat.h>
#include <time.h>

#include "core/base/err.h"
#include "core/host/file.h"
#include "core/host/mover_part.h"
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

static int read_part(struct folder *f, const struct part *p, const struct move_part *m, uint8_t *to)
{
    if (!in_range(m, p->size))
        return ERR_ARGUMENT;
    for (uint64_t at = m->offset; at < m->offset + m->length; at += PIECE_SIZE - at % PIECE_SIZE)
        if (!part_has(p, at / PIECE_SIZE))
            return ERR_NOT_FOUND;
    int fd = folder_get(f, p->name, FOLDER_PART);
    return fd < 0 ? fd : read_all(fd, m, to);
}

int read_object(struct folder *f, const struct move_part *m, uint8_t *to)
{
    struct stat st;
    const struct part *p = part_find(m->name);
    if (p)
        return read_part(f, p, m, to);
    int fd = folder_get(f, m->name, FOLDER_DATA);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) != 0)
        return ERR_IO;
    if (!in_range(m, (uint64_t)st.st_size))
        return ERR_ARGUMENT;
    if (m->offset == 0)
        note_use(fd, &st);
    return read_all(fd, m, to);
}

int read_list(struct folder *f, const struct move_part *m, uint8_t *to)
{
    struct stat st;
    int fd = folder_get(f, m->name, FOLDER_LIST);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) != 0)
        return ERR_IO;
    return in_range(m, (uint64_t)st.st_size) ? read_all(fd, m, to) : ERR_ARGUMENT;
}
