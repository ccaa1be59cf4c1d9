#include "core/host/mover_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/file.h"
#include "core/host/mover_check.h"
#include "core/host/mover_fetch.h"
#include "core/host/mover_hash.h"
#include "core/host/mover_left.h"
#include "core/host/mover_one.h"
#include "core/host/mover_part.h"
#include "core/host/mover_stream.h"
#include "core/object/name.h"

struct scan {
    struct folder *folder;
    const struct scan_ears *ears;
    struct digest *parts; /* to be looked at when the folder was read */
    size_t parts_count;
    struct part *part; /* the one that is looked at */
    int fd, list;
    struct left_scan lefts;
};

static bool parts_are_known; /* every file of one was looked at */

static int size_of(const struct folder *f, struct digest name, enum folder_kind kind,
                   struct stat *st)
{
    char text[FOLDER_NAME_SIZE];
    folder_name(name, kind, text);
    return file_result(fstatat(f->fd, text, st, AT_SYMLINK_NOFOLLOW));
}

static uint64_t used_of(const struct stat *st)
{
    return st->st_mtime > 0 ? (uint64_t)st->st_mtime : 0;
}

static bool has_list(const struct folder *f, struct digest name, uint64_t size)
{
    struct stat st;
    return size_of(f, name, FOLDER_LIST, &st) == 0 &&
           (uint64_t)st.st_size == object_list_size(size);
}

/* It may be an object with fewer pieces, or with one and so without a list. */
static bool has_shorter_list(const struct folder *f, struct digest name, uint64_t size)
{
    struct stat st;
    return size_of(f, name, FOLDER_LIST, &st) < 0 || (uint64_t)st.st_size < object_list_size(size);
}

/* What the file has too much may have been appended while no mover ran. Without the object's size
 * nobody can say how much that is, and here it is not known. */
static int see_longer(const struct scan *s, struct moved_found *found)
{
#if VELUM_PLANT != 756 /* unit/test_mover: what was appended while nothing ran costs the object */
    if (has_shorter_list(s->folder, found->name, found->size)) {
        found->whole = false;
        return 0;
    }
#endif
    (void)folder_remove_all(s->folder, found->name);
    return ERR_DAMAGED;
}

/* A list of several pieces is beside it, so the disk has lost the others. Earlier versions wrote
 * one of a single piece. */
static bool is_cut(const struct scan *s, struct digest name, uint64_t size)
{
    struct stat st;
    off_t most = ID_SIZE;
#if VELUM_PLANT == 1190 /* unit/test_mover_one: the first piece of an object is all of it */
    most = INT32_MAX;
#endif
    return one_is(size) && size_of(s->folder, name, FOLDER_LIST, &st) == 0 && st.st_size > most;
}

static void see_whole(struct scan *s, struct digest name)
{
    struct stat st;
    int rc = size_of(s->folder, name, FOLDER_DATA, &st);
    struct moved_found found = {.name = name, .size = (uint64_t)st.st_size, .whole = true};
    if (rc < 0 || !S_ISREG(st.st_mode))
        return;
    found.used_s = used_of(&st);
    if (is_cut(s, name, found.size))
        rc = ERR_DAMAGED;
    else if (!one_is(found.size) && !has_list(s->folder, name, found.size))
        rc = check_relist(s->folder, name, found.size);
    if (rc == ERR_DAMAGED)
        rc = see_longer(s, &found);
    if (rc == 0)
        s->ears->found(s->ears->ctx, &found);
}

static void see_part(struct scan *s, struct digest name)
{
    if (folder_has(s->folder, name, FOLDER_DATA))
#if VELUM_PLANT == 312 /* crash/test_mover: a part stays beside the whole object */
        return;
#else
        (void)folder_remove(s->folder, name, FOLDER_PART);
#endif
    else if (s->parts_count < PARTS_MAX)
        s->parts[s->parts_count++] = name;
    else
        (void)folder_remove_all(s->folder, name);
}

static void see_list(struct scan *s, struct digest name)
{
    struct stat st;
    const bool is_any = size_of(s->folder, name, FOLDER_DATA, &st) == 0 ||
                        size_of(s->folder, name, FOLDER_PART, &st) == 0;
#if VELUM_PLANT == 1146 /* unit/test_mover_one: what an earlier version wrote beside it stays */
    if (!is_any)
#else
    if (!is_any || (one_is((uint64_t)st.st_size) && !is_cut(s, name, (uint64_t)st.st_size)))
#endif
        (void)folder_remove(s->folder, name, FOLDER_LIST);
}

static void see(struct scan *s, const char *text)
{
    struct digest name;
    enum folder_kind kind;
    bool is_open;
    if (stream_owns(text, &is_open)) {
        if (!is_open)
            unlinkat(s->folder->fd, text, 0);
        return;
    }
    if (left_see(&s->lefts, s->folder, text) || !folder_parse(text, &name, &kind))
        return;
    if (kind == FOLDER_DATA)
        see_whole(s, name);
    else if (kind == FOLDER_PART)
        see_part(s, name);
    else if (kind == FOLDER_LIST)
        see_list(s, name);
    else if (!fetch_learns(name))
        (void)folder_remove(s->folder, name, FOLDER_LEARN);
}

/* Pieces of one that is not whole: those in a hole were never written. */
static uint64_t next_written(void *ctx, uint64_t piece)
{
    const struct scan *s = ctx;
    off_t at = lseek(s->fd, (off_t)(piece * PIECE_SIZE), SEEK_DATA);
    if (at < 0)
        return errno == ENXIO ? UINT64_MAX : piece;
    return (uint64_t)at / PIECE_SIZE;
}

static int note_piece(void *ctx, uint64_t piece, int rc, struct digest digest)
{
    struct scan *s = ctx;
    struct digest listed;
    int got = file_get(s->list, piece * ID_SIZE, &listed, sizeof listed);
#if VELUM_PLANT == 316 /* unit/test_mover: what a crash has left counts as it is */
    (void)digest;
    if (rc == 0 && got == (int)sizeof listed)
#else
    if (rc == 0 && got == (int)sizeof listed && digest_equal(listed, digest))
#endif
        part_got(s->part, piece);
    return 0;
}

/* Of one of one piece there is all or nothing: its length is not known without a list. */
static int add_one(struct scan *s, struct digest name, uint64_t size)
{
#if VELUM_PLANT == 1147 /* unit/test_mover_one: what a mover left of one counts as it is */
    int rc = 0;
#else
    int rc = one_compare(s->fd, name, size);
#endif
    if (rc == 0)
        rc = part_add(name, size, &s->part);
    if (rc == 0 && size > 0)
        part_got(s->part, 0);
    return rc;
}

static int open_part(struct scan *s, struct digest name, struct stat *st)
{
    struct digest made;
    s->fd = folder_get(s->folder, name, FOLDER_PART);
    if (s->fd < 0)
        return s->fd;
    if (fstat(s->fd, st) != 0)
        return ERR_IO;
    if (one_is((uint64_t)st->st_size))
        return add_one(s, name, (uint64_t)st->st_size);
    s->list = folder_get(s->folder, name, FOLDER_LIST);
    if (s->list < 0)
        return s->list == ERR_NOT_FOUND ? ERR_DAMAGED : s->list;
    int rc = folder_list_name(s->list, (uint64_t)st->st_size, &made);
#if VELUM_PLANT != 1003 /* unit/test_mover_power: a list that a power cut took is gone on with */
    if (rc == 0 && !digest_equal(made, name))
        rc = ERR_DAMAGED;
#endif
    return rc < 0 ? rc : part_add(name, (uint64_t)st->st_size, &s->part);
}

static void tell_part(struct scan *s, const struct stat *st)
{
    const struct part *p = s->part;
    const struct moved_found found = {.name = p->name,
                                      .size = p->size,
                                      .bits = {p->bits, (size_t)((p->pieces + 7) / 8)},
                                      .used_s = used_of(st)};
    s->ears->found(s->ears->ctx, &found);
}

/* 0: s->part is what is there. */
static int look_at_part(struct scan *s, struct digest name, struct stat *st)
{
    struct hash_walk walk = {.ctx = s, .next = next_written, .each = note_piece};
    int rc = 0;
    s->part = part_find(name);
    if (s->part) /* known already: scanned before */
        return size_of(s->folder, name, FOLDER_PART, st);
    rc = open_part(s, name, st);
    if (rc == 0 && !one_is(s->part->size)) {
        walk.fd = s->fd;
        walk.size = s->part->size;
        rc = hash_pieces(&walk, 0);
    }
    if (rc == ERR_DAMAGED || rc == ERR_TOO_LARGE)
        (void)folder_remove_all(s->folder, name);
    return rc;
}

struct part *scan_part(struct folder *f, struct digest name)
{
    struct scan s = {.folder = f};
    struct stat st;
    struct part *p = part_find(name);
    if (p || parts_are_known || folder_has(f, name, FOLDER_DATA) ||
        !folder_has(f, name, FOLDER_PART))
        return p;
#if VELUM_PLANT == 363 /* unit/test_mover: what another mover began is not gone on with */
    return NULL;
#endif
    return look_at_part(&s, name, &st) == 0 ? s.part : NULL;
}

int scan_folder(struct folder *f, const struct scan_ears *ears)
{
    struct scan s = {.folder = f, .ears = ears};
    int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    struct stat st;
    int rc = 0;
    s.parts = malloc(PARTS_MAX * sizeof *s.parts);
    if (!dir) {
        rc = file_fault(errno);
        if (fd >= 0)
            close(fd);
    } else if (!s.parts) {
        rc = ERR_NO_MEMORY;
    }
    while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL)
        see(&s, entry->d_name);
    if (rc == 0 && errno != 0)
        rc = ERR_IO;
    if (dir)
        closedir(dir);
    for (size_t i = 0; rc == 0 && i < s.parts_count; i++)
        if (look_at_part(&s, s.parts[i], &st) == 0)
            tell_part(&s, &st);
    for (uint32_t i = 0; rc == 0 && i < s.lefts.count; i++)
        ears->left(ears->ctx, &s.lefts.puts[i]);
    parts_are_known |= rc == 0;
    free(s.parts);
    return rc;
}
