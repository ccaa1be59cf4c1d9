#include "tests/lib/store_trace.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"

static struct trace_op *note(struct store_trace *t, enum trace_kind kind, int file)
{
    struct trace_op *op;

    if (t->count == t->cap) {
        t->cap = t->cap * 2 + 64;
        t->ops = realloc(t->ops, t->cap * sizeof(*t->ops));
        ensure(t->ops != NULL);
    }
    op = &t->ops[t->count++];
    memset(op, 0, sizeof(*op));
    op->kind = kind;
    op->file = file;
    return op;
}

static void put_name(char to[STORE_NAME_SIZE], const char *name)
{
    ensure(text_copy(to, STORE_NAME_SIZE, name));
}

static int file_named(const struct store_trace *t, const char *name)
{
    for (int i = 0; i < t->files_count; i++)
        if (strcmp(t->names[i], name) == 0)
            return i;
    return -1;
}

/* Nobody hears the answers of a killed process; an error is what ends its journal's work. */
static bool killed(struct store_trace *t)
{
    if (t->calls_left > 0 && --t->calls_left == 0)
        t->killed = true;
    return t->killed;
}

static int on_list(void *ctx, int (*each)(void *arg, const char *name), void *arg)
{
    struct store_trace *t = ctx;

    return t->below.list(t->below.ctx, each, arg);
}

static int on_open(void *ctx, const char *name, bool create)
{
    struct store_trace *t = ctx;
    int handle = create && killed(t) ? ERR_IO : t->below.open(t->below.ctx, name, create);
    int file = file_named(t, name);

    if (handle < 0)
        return handle;
    ensure(handle < STORE_TRACE_HANDLES_MAX);
    if (file < 0) {
        file = t->files_count++;
        ensure(create && file < STORE_TRACE_FILES_MAX);
        put_name(t->names[file], name);
        put_name(note(t, TRACE_CREATE, file)->name, name);
    } else if (create) {
        note(t, TRACE_RESIZE, file);
    }
    t->file_of_handle[handle] = file;
    return handle;
}

static void on_close(void *ctx, int file)
{
    struct store_trace *t = ctx;

    t->below.close(t->below.ctx, file);
}

static int on_size(void *ctx, int file, uint64_t *bytes)
{
    struct store_trace *t = ctx;

    return t->below.size(t->below.ctx, file, bytes);
}

static int on_read(void *ctx, int file, uint64_t offset, void *to, size_t n)
{
    struct store_trace *t = ctx;

    return t->below.read_at(t->below.ctx, file, offset, to, n);
}

static int on_write(void *ctx, int file, uint64_t offset, const void *from, size_t n)
{
    struct store_trace *t = ctx;
    int rc = killed(t) ? ERR_IO : t->below.write_at(t->below.ctx, file, offset, from, n);
    struct trace_op *op;

    if (rc < 0)
        return rc;
    op = note(t, TRACE_WRITE, t->file_of_handle[file]);
    op->offset = offset;
    op->len = n;
    op->data = malloc(n + 1);
    ensure(op->data != NULL);
    if (n > 0)
        memcpy(op->data, from, n);
    return rc;
}

static int on_preallocate(void *ctx, int file, uint64_t bytes)
{
    struct store_trace *t = ctx;
    uint64_t size = 0;
    int rc = killed(t) ? ERR_IO : t->below.size(t->below.ctx, file, &size);

    if (rc == 0)
        rc = t->below.preallocate(t->below.ctx, file, bytes);
    if (rc == 0 && bytes > size)
        note(t, TRACE_RESIZE, t->file_of_handle[file])->offset = bytes;
    return rc;
}

static int on_sync(void *ctx, int file)
{
    struct store_trace *t = ctx;
    int rc = killed(t) ? ERR_IO : t->below.sync(t->below.ctx, file);

    if (rc == 0)
        note(t, TRACE_SYNC, t->file_of_handle[file]);
    return rc;
}

static int on_truncate(void *ctx, int file, uint64_t bytes)
{
    struct store_trace *t = ctx;
    int rc = killed(t) ? ERR_IO : t->below.truncate(t->below.ctx, file, bytes);

    if (rc == 0)
        note(t, TRACE_RESIZE, t->file_of_handle[file])->offset = bytes;
    return rc;
}

static int on_rename(void *ctx, const char *from, const char *to)
{
    struct store_trace *t = ctx;
    int rc = killed(t) ? ERR_IO : t->below.rename(t->below.ctx, from, to);
    int file = file_named(t, from), over = file_named(t, to);
    struct trace_op *op;

    if (rc < 0)
        return rc;
    ensure(file >= 0);
    op = note(t, TRACE_RENAME, file);
    put_name(op->name, from);
    put_name(op->to, to);
    if (over >= 0)
        t->names[over][0] = '\0';
    put_name(t->names[file], to);
    return rc;
}

static int on_remove(void *ctx, const char *name)
{
    struct store_trace *t = ctx;
    int rc = killed(t) ? ERR_IO : t->below.remove(t->below.ctx, name);
    int file = file_named(t, name);

    if (rc < 0)
        return rc;
    ensure(file >= 0);
    put_name(note(t, TRACE_REMOVE, file)->name, name);
    t->names[file][0] = '\0';
    return rc;
}

static int on_sync_folder(void *ctx)
{
    struct store_trace *t = ctx;
    int rc = killed(t) ? ERR_IO : t->below.sync_folder(t->below.ctx);

    if (rc == 0)
        note(t, TRACE_SYNC_FOLDER, -1);
    return rc;
}

void store_trace_init(struct store_trace *t)
{
    memset(t, 0, sizeof(*t));
    t->store = (struct store){.ctx = t,
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

void store_trace_over(struct store_trace *t, const struct store *below)
{
    t->below = *below;
}

void store_trace_revive(struct store_trace *t)
{
    t->calls_left = 0;
    t->killed = false;
}

void store_trace_ack(struct store_trace *t)
{
    note(t, TRACE_ACK, -1);
}

void store_trace_clear(struct store_trace *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->ops[i].data);
    free(t->ops);
    store_trace_init(t);
}
