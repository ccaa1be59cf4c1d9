#include "tests/lib/folder_memory.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"

static void file_reserve(struct folder_memory_file *x, uint64_t size)
{
    if (size <= x->cap)
        return;
    x->cap = size + size / 2 + 64;
    x->data = realloc(x->data, x->cap);
    ensure(x->data != NULL);
}

static void changed(struct folder_memory *f, int file)
{
    f->files[file].changed = f->changed = true;
}

void folder_memory_resize(struct folder_memory *f, int file, uint64_t size)
{
    struct folder_memory_file *x = &f->files[file];

    file_reserve(x, size);
    if (size > x->size)
        memset(x->data + x->size, 0, size - x->size);
    x->size = size;
    changed(f, file);
}

void folder_memory_write(struct folder_memory *f, int file, uint64_t offset, const void *from,
                         size_t n)
{
    struct folder_memory_file *x = &f->files[file];

    if (offset + n > x->size)
        folder_memory_resize(f, file, offset + n);
    if (n > 0)
        memcpy(x->data + offset, from, n);
    changed(f, file);
}

static int place_of(const struct folder_memory *f, const char *name)
{
    for (int i = 0; i < f->files_count; i++)
        if (strcmp(f->files[i].name, name) == 0)
            return i;
    return -1;
}

struct folder_memory_file *folder_memory_find(struct folder_memory *f, const char *name)
{
    int at = place_of(f, name);

    return at < 0 ? NULL : &f->files[at];
}

int folder_memory_add(struct folder_memory *f, const char *name, const uint8_t *data, uint64_t size)
{
    int at = f->files_count++;

    ensure(at < FOLDER_MEMORY_FILES_MAX);
    ensure(text_copy(f->files[at].name, STORE_NAME_SIZE, name));
    f->files[at].size = 0;
    folder_memory_write(f, at, 0, data, size);
    return at;
}

/* --- the calls --- */

static int on_list(void *ctx, int (*each)(void *arg, const char *name), void *arg)
{
    struct folder_memory *f = ctx;
    int rc = 0;

    for (int i = 0; rc >= 0 && i < f->files_count; i++)
        if (f->files[i].name[0] != '\0')
            rc = each(arg, f->files[i].name);
    return rc < 0 ? rc : 0;
}

static int on_open(void *ctx, const char *name, bool create)
{
    struct folder_memory *f = ctx;
    int at = place_of(f, name);

    if (at < 0)
        return create ? folder_memory_add(f, name, NULL, 0) : ERR_NOT_FOUND;
    if (create)
        folder_memory_resize(f, at, 0);
    return at;
}

static void on_close(void *ctx, int file)
{
    const struct folder_memory *f = ctx;

    ensure(file >= 0 && file < f->files_count);
}

static int on_size(void *ctx, int file, uint64_t *bytes)
{
    const struct folder_memory *f = ctx;

    *bytes = f->files[file].size;
    return 0;
}

static int on_read(void *ctx, int file, uint64_t offset, void *to, size_t n)
{
    const struct folder_memory *f = ctx;
    const struct folder_memory_file *x = &f->files[file];

    if (offset >= x->size)
        return 0;
    if (n > x->size - offset)
        n = (size_t)(x->size - offset);
    memcpy(to, x->data + offset, n);
    return (int)n;
}

static int on_write(void *ctx, int file, uint64_t offset, const void *from, size_t n)
{
    folder_memory_write(ctx, file, offset, from, n);
    return 0;
}

static int on_preallocate(void *ctx, int file, uint64_t bytes)
{
    struct folder_memory *f = ctx;

    if (bytes > f->files[file].size)
        folder_memory_resize(f, file, bytes);
    return 0;
}

static int on_sync(void *ctx, int file)
{
    (void)ctx;
    (void)file;
    return 0;
}

static int on_truncate(void *ctx, int file, uint64_t bytes)
{
    folder_memory_resize(ctx, file, bytes);
    return 0;
}

static int on_remove(void *ctx, const char *name)
{
    struct folder_memory *f = ctx;
    int at = place_of(f, name);

    if (at < 0)
        return ERR_NOT_FOUND;
    f->files[at].name[0] = '\0';
    changed(f, at);
    return 0;
}

static int on_rename(void *ctx, const char *from, const char *to)
{
    struct folder_memory *f = ctx;
    int at = place_of(f, from);

    if (at < 0)
        return ERR_NOT_FOUND;
    (void)on_remove(ctx, to);
    ensure(text_copy(f->files[at].name, STORE_NAME_SIZE, to));
    changed(f, at);
    return 0;
}

static int on_sync_folder(void *ctx)
{
    (void)ctx;
    return 0;
}

/* --- outside --- */

void folder_memory_init(struct folder_memory *f)
{
    memset(f, 0, sizeof(*f));
    f->store = (struct store){.ctx = f,
                              .list = on_list,
                              .open = on_open,
                              .close = on_close,
                              .size = on_size,
                              .read_at = on_read,
                              .write_at = on_write,
                              .preallocate = on_preallocate,
                              .sync = on_sync,
                              .truncate = on_truncate,
                              .rename = on_rename,
                              .remove = on_remove,
                              .sync_folder = on_sync_folder};
}

void folder_memory_clear(struct folder_memory *f)
{
    for (int i = 0; i < FOLDER_MEMORY_FILES_MAX; i++)
        free(f->files[i].data);
    folder_memory_init(f);
}

void folder_memory_restore(struct folder_memory *f, const struct folder_memory *image)
{
    for (int i = 0; i < image->files_count; i++) {
        struct folder_memory_file *to = &f->files[i];
        const struct folder_memory_file *from = &image->files[i];

        if (i < f->files_count && !to->changed)
            continue;
        file_reserve(to, from->size);
        memcpy(to->name, from->name, sizeof(to->name));
        if (from->size > 0)
            memcpy(to->data, from->data, from->size);
        to->size = from->size;
        to->changed = false;
    }
    for (int i = image->files_count; i < f->files_count; i++) {
        f->files[i].name[0] = '\0';
        f->files[i].size = 0;
        f->files[i].changed = false;
    }
    f->files_count = image->files_count;
    f->changed = false;
}
