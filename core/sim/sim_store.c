#include "core/sim/sim_store.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"

static int bytes_resize(struct sim_store *s, struct sim_bytes *b, uint64_t size)
{
    void *data = b->data;
    uint64_t cap = b->cap == 0 ? 4096 : b->cap;

    while (cap < size)
        cap *= 2;
    if (cap > b->cap) {
        if (alloc_grow(s->alloc, &data, b->cap, cap, 1) < 0)
            return ERR_NO_MEMORY;
        b->data = data;
        b->cap = cap;
    }
    if (size > b->size)
        memset(b->data + b->size, 0, size - b->size);
    b->size = size;
    return 0;
}

static int bytes_write(struct sim_store *s, struct sim_bytes *b, uint64_t offset, const void *from,
                       size_t n)
{
    if (offset + n > b->size && bytes_resize(s, b, offset + n) < 0)
        return ERR_NO_MEMORY;
    if (n > 0)
        memcpy(b->data + offset, from, n);
    return 0;
}

static int bytes_copy_all(struct sim_store *s, struct sim_bytes *to, const struct sim_bytes *from)
{
    int rc = bytes_resize(s, to, 0);

    return rc < 0 ? rc : bytes_write(s, to, 0, from->data, from->size);
}

static int find(const struct sim_store *s, const char *name)
{
    for (int i = 0; i < SIM_FILES_MAX; i++)
        if (s->files[i].used && strcmp(s->files[i].seen_name, name) == 0)
            return i;
    return -1;
}

bool sim_store_bytes(const struct sim_store *s, const char *name, struct bytes *out)
{
    int at = find(s, name);

    if (at >= 0)
        *out = (struct bytes){s->files[at].seen.data, (size_t)s->files[at].seen.size};
    return at >= 0;
}

static void file_forget(struct sim_store *s, struct sim_file *f)
{
    if (f->seen.data != NULL)
        alloc_free(s->alloc, f->seen.data, f->seen.cap);
    if (f->durable.data != NULL)
        alloc_free(s->alloc, f->durable.data, f->durable.cap);
    *f = (struct sim_file){0};
}

/* --- what is not synced --- */

static void write_free(struct sim_store *s, struct sim_write *x)
{
    if (x->data != NULL)
        alloc_free(s->alloc, x->data, x->len);
    alloc_free(s->alloc, x, sizeof *x);
}

static int later(struct sim_store *s, int file, bool truncate, uint64_t offset, const void *from,
                 size_t n)
{
    struct sim_write *x = alloc_zeroed(s->alloc, sizeof *x);

    if (x == NULL)
        return ERR_NO_MEMORY;
    x->file = file;
    x->truncate = truncate;
    x->offset = offset;
    x->len = n;
    if (n > 0) {
        x->data = alloc_zeroed(s->alloc, n);
        if (x->data == NULL) {
            write_free(s, x);
            return ERR_NO_MEMORY;
        }
        memcpy(x->data, from, n);
    }
    if (s->last == NULL)
        s->first = x;
    else
        s->last->next = x;
    s->last = x;
    return 0;
}

static int apply(struct sim_store *s, const struct sim_write *x, size_t from, size_t to)
{
    struct sim_bytes *b = &s->files[x->file].durable;

    if (!s->files[x->file].used)
        return 0;
    if (x->truncate)
        return bytes_resize(s, b, x->offset);
    return bytes_write(s, b, x->offset + from, x->data + from, to - from);
}

/* Takes the writes of one file out of the list (of every file with -1);
 * `keep` makes them durable. */
static int settle(struct sim_store *s, int file, bool keep)
{
    struct sim_write **at = &s->first, *x;
    int rc = 0;

    s->last = NULL;
    while ((x = *at) != NULL) {
        if (file >= 0 && x->file != file) {
            s->last = x;
            at = &x->next;
            continue;
        }
        *at = x->next;
        if (keep && rc == 0)
            rc = apply(s, x, 0, x->len);
        write_free(s, x);
    }
    return rc;
}

static void naming_apply(struct sim_store *s, const struct sim_naming *x)
{
    if (x->over >= 0)
        s->files[x->over].durable_name[0] = 0;
    memcpy(s->files[x->file].durable_name, x->name, STORE_NAME_SIZE);
}

/* --- the calls --- */

static int powered(struct sim_store *s)
{
    if (s->calls_left > 0 && --s->calls_left == 0)
        s->off = true;
    return s->off ? ERR_IO : 0;
}

static int refuse(struct sim_store *s, int rc)
{
    s->refused++;
    return rc;
}

/* With more namings than are remembered the oldest count as durable: the system had time. */
static void naming_add(struct sim_store *s, int file, int over, const char *name)
{
    struct sim_naming *x;

    if (s->names_count == SIM_NAMINGS_MAX) {
        naming_apply(s, &s->names[0]);
        memmove(s->names, s->names + 1, --s->names_count * sizeof *s->names);
    }
    x = &s->names[s->names_count++];
    x->file = file;
    x->over = over;
    text_copy(x->name, sizeof x->name, name);
}

static int on_list(void *ctx, int (*each)(void *arg, const char *name), void *arg)
{
    struct sim_store *s = ctx;
    int rc = 0;

    for (int i = 0; i < SIM_FILES_MAX && rc >= 0; i++)
        if (s->files[i].used && s->files[i].seen_name[0] != 0)
            rc = each(arg, s->files[i].seen_name);
    return rc < 0 ? rc : 0;
}

static int free_file(const struct sim_store *s)
{
    for (int i = 0; i < SIM_FILES_MAX; i++)
        if (!s->files[i].used)
            return i;
    return -1;
}

/* Files without a name are gone for good now. */
static void folder_settle(struct sim_store *s)
{
    s->names_count = 0;
    for (int i = 0; i < SIM_FILES_MAX; i++) {
        struct sim_file *f = &s->files[i];

        if (!f->used)
            continue;
        memcpy(f->durable_name, f->seen_name, STORE_NAME_SIZE);
        if (f->seen_name[0] == 0) {
            settle(s, i, false);
            file_forget(s, f);
        }
    }
}

/* With no room for one more file what was removed is removed for good: the system had time. */
static int on_open(void *ctx, const char *name, bool create)
{
    struct sim_store *s = ctx;
    int at = find(s, name), rc = powered(s);

    if (rc < 0)
        return rc;
    if (at < 0 && !create)
        return ERR_NOT_FOUND;
    if (at >= 0) {
        if (create)
            rc = bytes_resize(s, &s->files[at].seen, 0);
        if (create && rc == 0)
            rc = later(s, at, true, 0, NULL, 0);
        return rc < 0 ? rc : at;
    }
    if (s->no_space)
        return refuse(s, ERR_NO_SPACE);
    at = free_file(s);
    if (at < 0) {
        folder_settle(s);
        at = free_file(s);
    }
    if (at < 0)
        return ERR_FULL;
    s->files[at].used = true;
    text_copy(s->files[at].seen_name, STORE_NAME_SIZE, name);
    naming_add(s, at, -1, name);
    return at;
}

static void on_close(void *ctx, int file)
{
    (void)ctx;
    ensure(file >= 0 && file < SIM_FILES_MAX);
}

static int on_size(void *ctx, int file, uint64_t *bytes)
{
    const struct sim_store *s = ctx;

    *bytes = s->files[file].seen.size;
    return 0;
}

static int on_read(void *ctx, int file, uint64_t offset, void *to, size_t n)
{
    struct sim_store *s = ctx;
    const struct sim_bytes *b = &s->files[file].seen;

    if (s->read_fails > 0 && --s->read_fails == 0)
        return refuse(s, ERR_IO);
    if (offset >= b->size)
        return 0;
    if (n > b->size - offset)
        n = (size_t)(b->size - offset);
    memcpy(to, b->data + offset, n);
    return (int)n;
}

static int write_whole(struct sim_store *s, int file, uint64_t offset, const void *from, size_t n)
{
    int rc = bytes_write(s, &s->files[file].seen, offset, from, n);

    return rc < 0 ? rc : later(s, file, false, offset, from, n);
}

/* The system took some of it. The store says that it failed, as store.h demands. */
static int write_part(struct sim_store *s, int file, uint64_t offset, const void *from, size_t n)
{
    int rc = write_whole(s, file, offset, from, (size_t)prng_below(&s->prng, n + 1));

    return rc < 0 ? rc : refuse(s, prng_one_in(&s->prng, 2) ? ERR_NO_SPACE : ERR_IO);
}

static int on_write(void *ctx, int file, uint64_t offset, const void *from, size_t n)
{
    struct sim_store *s = ctx;
    int rc = powered(s);

    if (rc < 0)
        return rc;
    if (s->no_space && (s->copies || offset + n > s->files[file].seen.size))
        return refuse(s, ERR_NO_SPACE);
    if (s->short_write > 0 && --s->short_write == 0)
        return write_part(s, file, offset, from, n);
    return write_whole(s, file, offset, from, n);
}

static int on_preallocate(void *ctx, int file, uint64_t bytes)
{
    struct sim_store *s = ctx;
    uint64_t size = s->files[file].seen.size;
    int rc = powered(s);

    if (rc < 0 || bytes <= size)
        return rc;
    if (s->no_space)
        return refuse(s, ERR_NO_SPACE);
    rc = bytes_resize(s, &s->files[file].seen, bytes);
    /* A truncation to a greater size writes zeroes: the same, without carrying them around. */
    return rc < 0 ? rc : later(s, file, true, bytes, NULL, 0);
}

static int on_sync(void *ctx, int file)
{
    struct sim_store *s = ctx;
    int rc = powered(s);

    if (rc < 0)
        return rc;
    if (s->syncs_fail == 0)
        return settle(s, file, true);
    /* As on Linux: what should have been written can be read and will never be durable, and the
     * next sync knows nothing of it. */
    s->syncs_fail--;
    rc = settle(s, file, false);
    return rc < 0 ? rc : refuse(s, ERR_IO);
}

static int on_truncate(void *ctx, int file, uint64_t bytes)
{
    struct sim_store *s = ctx;
    int rc = powered(s);

    if (rc < 0)
        return rc;
    rc = bytes_resize(s, &s->files[file].seen, bytes);
    return rc < 0 ? rc : later(s, file, true, bytes, NULL, 0);
}

static int on_rename(void *ctx, const char *from, const char *to)
{
    struct sim_store *s = ctx;
    int rc = powered(s), at = find(s, from), over = find(s, to);

    if (rc < 0 || at < 0)
        return rc < 0 ? rc : ERR_NOT_FOUND;
    if (s->names_fail > 0) {
        s->names_fail--;
        rc = refuse(s, ERR_IO);
        if (prng_one_in(&s->prng, 2))
            return rc;
    }
    if (over >= 0)
        s->files[over].seen_name[0] = 0;
    text_copy(s->files[at].seen_name, STORE_NAME_SIZE, to);
    naming_add(s, at, over, to);
    return rc;
}

static int on_remove(void *ctx, const char *name)
{
    struct sim_store *s = ctx;
    int rc = powered(s), at = find(s, name);

    if (rc < 0 || at < 0)
        return rc < 0 ? rc : ERR_NOT_FOUND;
    s->files[at].seen_name[0] = 0;
    naming_add(s, at, -1, "");
    return 0;
}

static int on_sync_folder(void *ctx)
{
    struct sim_store *s = ctx;
    int rc = powered(s);

    if (rc < 0)
        return rc;
    /* What has changed is as unsure as before. */
    if (s->names_fail > 0) {
        s->names_fail--;
        return refuse(s, ERR_IO);
    }
    folder_settle(s);
    return 0;
}

/* --- outside --- */

void sim_store_init(struct sim_store *s, const struct alloc *a)
{
    *s = (struct sim_store){.alloc = a};
    s->store = (struct store){.ctx = s,
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

void sim_store_clear(struct sim_store *s)
{
    settle(s, -1, false);
    s->names_count = 0;
    for (int i = 0; i < SIM_FILES_MAX; i++)
        file_forget(s, &s->files[i]);
}

void sim_store_reopen(struct sim_store *s)
{
    s->off = false;
    s->calls_left = 0;
    s->syncs_fail = s->names_fail = s->read_fails = s->short_write = 0;
}

int sim_store_image(const struct sim_store *s, struct sim_store *to)
{
    int rc = 0;

    sim_store_clear(to);
    for (int i = 0; i < SIM_FILES_MAX && rc == 0; i++) {
        const struct sim_file *from = &s->files[i];
        struct sim_file *f = &to->files[i];

        if (!from->used || from->durable_name[0] == 0)
            continue;
        f->used = true;
        memcpy(f->durable_name, from->durable_name, STORE_NAME_SIZE);
        memcpy(f->seen_name, from->durable_name, STORE_NAME_SIZE);
        rc = bytes_copy_all(to, &f->durable, &from->durable);
        if (rc == 0)
            rc = bytes_copy_all(to, &f->seen, &from->durable);
    }
    return rc;
}

/* Of the names that no sync of the folder covered the first few hold, in their order: journalling
 * file systems keep it. */
static void names_after_loss(struct sim_store *s, struct prng *p)
{
    uint32_t kept = (uint32_t)prng_below(p, s->names_count + 1);

    for (uint32_t i = 0; i < kept; i++)
        naming_apply(s, &s->names[i]);
    s->names_count = 0;
    for (int i = 0; i < SIM_FILES_MAX; i++) {
        struct sim_file *f = &s->files[i];

        if (!f->used)
            continue;
        memcpy(f->seen_name, f->durable_name, STORE_NAME_SIZE);
        if (f->seen_name[0] == 0)
            file_forget(s, f);
        else
            bytes_copy_all(s, &f->seen, &f->durable);
    }
}

/* Any sectors of a write may have reached the disk, and others not. */
static void sectors_after_loss(struct sim_store *s, const struct sim_write *x, struct prng *p)
{
    for (size_t from = 0; from < x->len; from += SIM_SECTOR)
        if (prng_one_in(p, 2))
            apply(s, x, from, x->len - from < SIM_SECTOR ? x->len : from + SIM_SECTOR);
}

void sim_store_power_loss(struct sim_store *s, struct prng *p)
{
    struct sim_write *x;

    for (x = s->first; x != NULL; x = x->next) {
        switch (prng_below(p, 5)) {
        case 0:
            apply(s, x, 0, x->len);
            break;
        case 1:
            if (x->len > 1)
                apply(s, x, 0, (size_t)prng_below(p, x->len));
            break;
        case 2:
            if (x->len > 1)
                apply(s, x, (size_t)prng_below(p, x->len), x->len);
            break;
        case 3:
            sectors_after_loss(s, x, p);
            break;
        default:
            break;
        }
    }
    settle(s, -1, false);
    names_after_loss(s, p);
    sim_store_reopen(s);
}

/* --- rot --- */

static bool ends_with(const char *name, const char *ending)
{
    size_t len = strlen(name), tail = strlen(ending);

    return len >= tail && strcmp(name + len - tail, ending) == 0;
}

/* What is durable of the file's start, up to the last byte that is not zero. */
static uint64_t used_bytes(const struct sim_file *f)
{
    uint64_t n = f->durable.size < f->seen.size ? f->durable.size : f->seen.size;

    while (n > 0 && f->durable.data[n - 1] == 0)
        n--;
    return n;
}

static void byte_becomes(struct sim_file *f, uint64_t at, uint8_t value)
{
    f->durable.data[at] = f->seen.data[at] = value;
}

/* What belongs at the start of the file lands there. The last byte that it changed. */
static uint64_t misdirect(struct sim_file *f, uint64_t sector, uint64_t used)
{
    uint64_t i;

    for (i = 0; i < SIM_SECTOR && sector + i < used; i++)
        byte_becomes(f, sector + i, f->durable.data[i]);
    return sector + i - 1;
}

static bool is_newest(const struct sim_store *s, const struct sim_file *f, const char *ending)
{
    for (int i = 0; i < SIM_FILES_MAX; i++)
        if (s->files[i].used && ends_with(s->files[i].seen_name, ending) &&
            strcmp(s->files[i].seen_name, f->seen_name) > 0)
            return false;
    return true;
}

bool sim_store_rot(struct sim_store *s, const char *ending, struct prng *p, struct sim_rot *rot)
{
    int first = (int)prng_below(p, SIM_FILES_MAX);

    for (int i = 0; i < SIM_FILES_MAX; i++) {
        struct sim_file *f = &s->files[(first + i) % SIM_FILES_MAX];
        uint64_t used, at;

        if (!f->used || !ends_with(f->durable_name, ending) ||
            strcmp(f->seen_name, f->durable_name) != 0 || (used = used_bytes(f)) == 0)
            continue;
        at = prng_below(p, used);
        *rot = (struct sim_rot){at, used, is_newest(s, f, ending)};
        if (at >= SIM_SECTOR && prng_one_in(p, 3))
            rot->at = misdirect(f, at - at % SIM_SECTOR, used);
        else
            byte_becomes(f, at, f->durable.data[at] ^ (uint8_t)(1u << prng_below(p, 8)));
        return true;
    }
    return false;
}
