#include "tests/lib/store_memory.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"

static void content_resize(struct store_memory_content *c, uint64_t size)
{
    if (size > c->size) {
        c->data = realloc(c->data, size);
        ensure(c->data != NULL);
        memset(c->data + c->size, 0, size - c->size);
    }
    c->size = size;
}

static void content_write(struct store_memory_content *c, uint64_t offset, const uint8_t *from,
                          size_t n)
{
    if (n == 0)
        return;
    if (offset + n > c->size)
        content_resize(c, offset + n);
    memcpy(c->data + offset, from, n);
}

static void content_copy(struct store_memory_content *to, const struct store_memory_content *from)
{
    content_resize(to, 0);
    content_write(to, 0, from->data, from->size);
}

static struct store_memory_name *name_find(struct store_memory_name *names, const char *name)
{
    for (int i = 0; i < STORE_MEMORY_NAMES_MAX; i++)
        if (strcmp(names[i].name, name) == 0)
            return &names[i];
    return NULL;
}

/* A journal never makes a name longer than this; one that does must not pass as another. */
static void name_put(char to[STORE_NAME_SIZE], const char *name)
{
    ensure(text_copy(to, STORE_NAME_SIZE, name));
}

static void name_set(struct store_memory_name *names, const char *name, int file)
{
    struct store_memory_name *n = name_find(names, name);

    if (n == NULL)
        n = name_find(names, "");
    ensure(n != NULL);
    name_put(n->name, name);
    n->file = file;
}

static void name_clear(struct store_memory_name *names, const char *name)
{
    struct store_memory_name *n = name_find(names, name);

    if (n != NULL)
        n->name[0] = '\0';
}

/* --- the log --- */

static struct store_memory_op *log_add(struct store_memory *m, enum store_memory_kind kind)
{
    struct store_memory_op *op;

    if (m->log_count == m->log_cap) {
        m->log_cap = m->log_cap * 2 + 16;
        m->log = realloc(m->log, m->log_cap * sizeof(*m->log));
        ensure(m->log != NULL);
    }
    op = &m->log[m->log_count++];
    memset(op, 0, sizeof(*op));
    op->kind = kind;
    return op;
}

static void log_write(struct store_memory *m, int file, uint64_t offset, const void *from, size_t n)
{
    struct store_memory_op *op = log_add(m, STORE_WRITE);

    op->file = file;
    op->offset = offset;
    op->len = n;
    op->data = malloc(n + 1);
    ensure(op->data != NULL);
    if (n > 0)
        memcpy(op->data, from, n);
    content_write(&m->files[file].seen, offset, from, n);
}

static bool op_is_name(const struct store_memory_op *op)
{
    return op->kind == STORE_LINK || op->kind == STORE_UNLINK || op->kind == STORE_RENAME;
}

static void op_apply(struct store_memory *m, const struct store_memory_op *op, size_t from,
                     size_t to)
{
    struct store_memory_content *c = &m->files[op->file].durable;

    switch (op->kind) {
    case STORE_WRITE:
        content_write(c, op->offset + from, op->data + from, to - from);
        break;
    case STORE_TRUNCATE:
        content_resize(c, op->offset);
        break;
    case STORE_RENAME:
        name_clear(m->durable, op->name);
        name_set(m->durable, op->to, op->file);
        break;
    case STORE_LINK:
        name_set(m->durable, op->name, op->file);
        break;
    case STORE_UNLINK:
        name_clear(m->durable, op->name);
        break;
    }
}

/* Takes the operations on one file, or on the folder with file -1, out of the log; `apply_every` n
 * makes every n-th of them durable, 0 none. */
static void log_settle(struct store_memory *m, int file, unsigned apply_every)
{
    size_t kept = 0;
    unsigned seen = 0;

    for (size_t i = 0; i < m->log_count; i++) {
        struct store_memory_op *op = &m->log[i];

        if (file < 0 ? !op_is_name(op) : op_is_name(op) || op->file != file) {
            m->log[kept++] = *op;
            continue;
        }
        if (apply_every > 0 && seen++ % apply_every == 0)
            op_apply(m, op, 0, op->len);
        free(op->data);
    }
    m->log_count = kept;
}

/* --- the calls --- */

/* 0, or the error that this call must return. */
static int fault(struct store_memory *m)
{
    uint64_t count = m->fail_count > 0 ? m->fail_count : 1;

    m->calls++;
    if (m->power_off_at > 0 && m->calls >= m->power_off_at)
        return ERR_IO;
    if (m->fail_at > 0 && m->calls >= m->fail_at && m->calls < m->fail_at + count)
        return m->fail_rc;
    return 0;
}

static bool powered(const struct store_memory *m)
{
    return m->power_off_at == 0 || m->calls < m->power_off_at;
}

uint64_t store_memory_bytes(const struct store_memory *m)
{
    uint64_t total = 0;

    for (int i = 0; i < STORE_MEMORY_NAMES_MAX; i++)
        if (m->seen[i].name[0] != '\0')
            total += m->files[m->seen[i].file].seen.size;
    return total;
}

static int memory_list(void *ctx, int (*each)(void *arg, const char *name), void *arg)
{
    struct store_memory *m = ctx;
    int rc = powered(m) ? 0 : ERR_IO;

    for (int i = 0; rc >= 0 && i < STORE_MEMORY_NAMES_MAX; i++)
        if (m->seen[i].name[0] != '\0')
            rc = each(arg, m->seen[i].name);
    return rc;
}

static int memory_open(void *ctx, const char *name, bool create)
{
    struct store_memory *m = ctx;
    struct store_memory_name *n = name_find(m->seen, name);
    struct store_memory_op *op;
    int rc = fault(m);

    if (rc < 0)
        return rc;
    if (n == NULL && !create)
        return ERR_NOT_FOUND;
    if (n == NULL) {
        ensure(m->files_count < STORE_MEMORY_FILES_MAX);
        op = log_add(m, STORE_LINK);
        name_put(op->name, name);
        op->file = m->files_count;
        name_set(m->seen, name, m->files_count);
        return m->files_count++;
    }
    if (create) {
        op = log_add(m, STORE_TRUNCATE);
        op->file = n->file;
        content_resize(&m->files[n->file].seen, 0);
    }
    return n->file;
}

static void memory_close(void *ctx, int file)
{
    struct store_memory *m = ctx;

    ensure(file >= 0 && file < m->files_count);
}

static int memory_size(void *ctx, int file, uint64_t *bytes)
{
    struct store_memory *m = ctx;

    *bytes = m->files[file].seen.size;
    return powered(m) ? 0 : ERR_IO;
}

static int memory_read_at(void *ctx, int file, uint64_t offset, void *to, size_t n)
{
    struct store_memory *m = ctx;
    const struct store_memory_content *c = &m->files[file].seen;
    int rc = fault(m);

    if (rc < 0)
        return rc;
    if (offset >= c->size)
        return 0;
    if (n > c->size - offset)
        n = c->size - offset;
    memcpy(to, c->data + offset, n);
    return (int)n;
}

static int memory_write_at(void *ctx, int file, uint64_t offset, const void *from, size_t n)
{
    struct store_memory *m = ctx;
    uint64_t size = m->files[file].seen.size;
    /* Tests make room from another thread. */
    uint64_t space_max = __atomic_load_n(&m->space_max, __ATOMIC_RELAXED);
    int rc = fault(m);

    m->writes++;
    if (rc == 0 && space_max > 0 && offset + n > size &&
        store_memory_bytes(m) + offset + n - size > space_max)
        rc = ERR_NO_SPACE;
    if (rc == 0)
        log_write(m, file, offset, from, n);
    else if (powered(m) && m->fail_short && n > 1)
        log_write(m, file, offset, from, n / 2);
    return rc;
}

static int memory_preallocate(void *ctx, int file, uint64_t bytes)
{
    struct store_memory *m = ctx;
    uint64_t size = m->files[file].seen.size;
    uint8_t *zero;
    int rc = 0;

    if (bytes <= size)
        return powered(m) ? 0 : ERR_IO;
    zero = calloc(1, bytes - size);
    ensure(zero != NULL);
    rc = memory_write_at(ctx, file, size, zero, bytes - size);
    free(zero);
    return rc;
}

static int memory_sync(void *ctx, int file)
{
    struct store_memory *m = ctx;
    int rc = fault(m);

    m->syncs++;
    if (rc == 0)
        log_settle(m, file, 1);
    else if (powered(m))
        log_settle(m, file, m->fail_short ? 2 : 0);
    return rc;
}

static int memory_truncate(void *ctx, int file, uint64_t bytes)
{
    struct store_memory *m = ctx;
    struct store_memory_op *op;
    int rc = fault(m);

    if (rc < 0)
        return rc;
    op = log_add(m, STORE_TRUNCATE);
    op->file = file;
    op->offset = bytes;
    content_resize(&m->files[file].seen, bytes);
    return 0;
}

static int memory_rename(void *ctx, const char *from, const char *to)
{
    struct store_memory *m = ctx;
    struct store_memory_name *n = name_find(m->seen, from);
    struct store_memory_op *op;
    int rc = fault(m);

    /* It may have been done all the same, unless there was no space for it. */
    if (rc < 0 && (rc == ERR_NO_SPACE || !powered(m) || !m->fail_short))
        return rc;
    if (n == NULL)
        return rc < 0 ? rc : ERR_NOT_FOUND;
    op = log_add(m, STORE_RENAME);
    op->file = n->file;
    name_put(op->name, from);
    name_put(op->to, to);
    name_clear(m->seen, from);
    name_set(m->seen, to, op->file);
    return rc;
}

static int memory_remove(void *ctx, const char *name)
{
    struct store_memory *m = ctx;
    int rc = fault(m);

    if (rc < 0)
        return rc;
    if (name_find(m->seen, name) == NULL)
        return ERR_NOT_FOUND;
    name_put(log_add(m, STORE_UNLINK)->name, name);
    name_clear(m->seen, name);
    return 0;
}

static int memory_sync_folder(void *ctx)
{
    struct store_memory *m = ctx;
    int rc = fault(m);

    m->syncs++;
    if (rc == 0)
        log_settle(m, -1, 1);
    return rc;
}

/* --- outside --- */

static void store_fill(struct store_memory *m)
{
    m->store = (struct store){.ctx = m,
                              .list = memory_list,
                              .open = memory_open,
                              .close = memory_close,
                              .size = memory_size,
                              .read_at = memory_read_at,
                              .write_at = memory_write_at,
                              .preallocate = memory_preallocate,
                              .sync = memory_sync,
                              .truncate = memory_truncate,
                              .rename = memory_rename,
                              .remove = memory_remove,
                              .sync_folder = memory_sync_folder};
}

struct store_memory *store_memory_new(void)
{
    struct store_memory *m = calloc(1, sizeof(*m));

    ensure(m != NULL);
    store_fill(m);
    return m;
}

struct store_memory *store_memory_clone(const struct store_memory *m)
{
    struct store_memory *c = malloc(sizeof(*c));

    ensure(c != NULL);
    *c = *m;
    store_fill(c);
    for (int i = 0; i < c->files_count; i++) {
        memset(&c->files[i], 0, sizeof(c->files[i]));
        content_copy(&c->files[i].seen, &m->files[i].seen);
        content_copy(&c->files[i].durable, &m->files[i].durable);
    }
    c->log = malloc((m->log_cap + 1) * sizeof(*c->log));
    ensure(c->log != NULL);
    for (size_t i = 0; i < m->log_count; i++) {
        c->log[i] = m->log[i];
        if (m->log[i].data == NULL)
            continue;
        c->log[i].data = malloc(m->log[i].len + 1);
        ensure(c->log[i].data != NULL);
        memcpy(c->log[i].data, m->log[i].data, m->log[i].len);
    }
    return c;
}

void store_memory_free(struct store_memory *m)
{
    for (int i = 0; i < m->files_count; i++) {
        free(m->files[i].seen.data);
        free(m->files[i].durable.data);
    }
    for (size_t i = 0; i < m->log_count; i++)
        free(m->log[i].data);
    free(m->log);
    free(m);
}

static void loss_apply(struct store_memory *m, struct store_memory_loss loss)
{
    for (size_t i = 0; i < m->log_count; i++) {
        struct store_memory_op *op = &m->log[i];
        bool torn = i == loss.torn && op->kind == STORE_WRITE && loss.torn_bytes <= op->len;

        if (torn)
            op_apply(m, op, loss.torn_end ? loss.torn_bytes : 0,
                     loss.torn_end ? op->len : loss.torn_bytes);
        else if (loss.keep >> (i % 64) & 1)
            op_apply(m, op, 0, op->len);
        free(op->data);
    }
    m->log_count = 0;
}

void store_memory_power_loss(struct store_memory *m, struct store_memory_loss loss)
{
    loss_apply(m, loss);
    memcpy(m->seen, m->durable, sizeof(m->seen));
    for (int i = 0; i < m->files_count; i++)
        content_copy(&m->files[i].seen, &m->files[i].durable);
    m->calls = m->writes = m->syncs = 0;
    m->power_off_at = m->fail_at = m->fail_count = 0;
    m->fail_short = false;
}

struct store_memory_content *store_memory_find(struct store_memory *m, const char *name)
{
    struct store_memory_name *n = name_find(m->seen, name);

    return n == NULL ? NULL : &m->files[n->file].seen;
}

void store_memory_settle(struct store_memory *m)
{
    for (size_t i = 0; i < m->log_count; i++)
        free(m->log[i].data);
    m->log_count = 0;
    memcpy(m->durable, m->seen, sizeof(m->durable));
    for (int i = 0; i < m->files_count; i++)
        content_copy(&m->files[i].durable, &m->files[i].seen);
}
