#include "cmd/verify_look.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/memory.h"
#include "core/host/segments.h"
#include "core/kernel/kernel.h"

#define TRIES_MAX 5 /* at a folder whose node writes or compacts while it is read */

static int add(struct looks *l, const char *folder, bool named)
{
    if (l->count == LOOKS_MAX) {
        l->full = true;
        return 0;
    }
    struct look *k = alloc_zeroed(&host_memory, sizeof *k);
    if (!k)
        return ERR_NO_MEMORY;
    text_copy(k->folder, sizeof k->folder, folder);
    k->named = named;
    l->list[l->count++] = k;
    return 0;
}

int looks_add_named(struct looks *l, const char *folder)
{
    return add(l, folder, true);
}

int looks_add_home(struct looks *l, const struct home *home)
{
    char path[2 * HOME_PATH_SIZE];
    int rc = 0;
    snprintf(path, sizeof path, "%s/nodes", home->path);
    DIR *dir = opendir(path);
    const struct dirent *e;
    while (rc == 0 && dir && (e = readdir(dir))) {
        if (strspn(e->d_name, "0123456789") != strlen(e->d_name))
            continue;
        snprintf(path, sizeof path, "%s/nodes/%.32s", home->path, e->d_name);
        rc = add(l, path, false);
    }
    if (dir)
        closedir(dir);
    return rc;
}

/* --- which job --- */

struct finding {
    const uint8_t *prefix;
    size_t digits;
    struct job_id *id;
    int found;
};

static int find_each(void *ctx, uint16_t type, struct bytes payload)
{
    struct finding *f = ctx;
    struct job_id id;
    if (!tally_record_job(type, payload, &id) || !id_has_prefix(id.bytes, f->prefix, f->digits))
        return 0;
    if (f->found == 0)
        *f->id = id;
    f->found = f->found == 0 || job_id_equal(*f->id, id) ? 1 : 2;
    return f->found == 2 ? ERR_EXISTS : 0;
}

static void scan_once(struct look *k, scan_each *each, void *ctx)
{
    struct segments s;
    k->rc = segments_open(&s, k->folder);
    if (k->rc == 0)
        k->rc = scan_journal(&s.files, TALLY_FEATURE_LEVEL, each, ctx, &k->report);
    segments_close(&s);
}

int looks_find(struct looks *l, const uint8_t prefix[ID_SIZE], size_t digits, struct job_id *id)
{
    struct finding f = {prefix, digits, id, 0};
    for (size_t i = 0; i < l->count && f.found < 2; i++)
        scan_once(l->list[i], find_each, &f);
    return f.found;
}

void looks_scan(struct looks *l, scan_each *each, void *ctx)
{
    for (size_t i = 0; i < l->count; i++) {
        struct look *k = l->list[i];
        unsigned long pid;
        k->held = home_state_holder(k->folder, &pid) > 0;
        scan_once(k, each, ctx);
        for (int n = 1; n < TRIES_MAX && k->held && k->rc < 0 && k->rc != ERR_VERSION; n++)
            scan_once(k, each, ctx);
    }
}

/* --- reading --- */

/* Only of kernels that are exactly the ones the job names. */
static int merge(void *ctx, const struct tally_kernel *k, struct bytes left, struct bytes right,
                 uint8_t *out)
{
    const struct velum_kernel *builtin = kernel_find(k->name);
    (void)ctx;
    if (!builtin || !digest_equal(kernel_source(builtin), k->source))
        return ERR_KERNEL;
    return kernel_merge(builtin, (struct bytes){k->params, k->params_len}, left, right, out);
}

static int tally_each(void *ctx, uint16_t type, struct bytes payload)
{
    return tally_record(ctx, type, payload);
}

static void read_once(struct look *k, struct job_id id)
{
    struct segments s;
    tally_clear(&k->tally);
    tally_init(&k->tally, &host_memory, id, merge, NULL);
    k->rc = segments_open(&s, k->folder);
    if (k->rc == 0)
        k->rc = scan_journal(&s.files, TALLY_FEATURE_LEVEL, tally_each, &k->tally, &k->report);
    if (k->rc == 0)
        k->rc = tally_end(&k->tally);
    segments_close(&s);
}

void looks_read(struct looks *l, struct job_id id)
{
    for (size_t i = 0; i < l->count; i++) {
        struct look *k = l->list[i];
        unsigned long pid;
        k->held = home_state_holder(k->folder, &pid) > 0;
        tally_init(&k->tally, &host_memory, id, merge, NULL);
        read_once(k, id);
        /* What a node is just writing reads at the next look, and what it compacts away is gone. */
        for (int n = 1; n < TRIES_MAX && k->held && k->rc < 0 && k->rc != ERR_VERSION; n++)
            read_once(k, id);
    }
}

int looks_verdict(const struct looks *l, struct verdict *v)
{
    const struct tally *tallies[LOOKS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < l->count; i++)
        if (l->list[i]->rc == 0)
            tallies[count++] = &l->list[i]->tally;
    return verdict_over(v, &host_memory, tallies, count);
}

const struct look *looks_unread(const struct looks *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->list[i]->rc < 0 && (l->list[i]->rc != ERR_NOT_FOUND || l->list[i]->named))
            return l->list[i];
    return NULL;
}

void looks_clear(struct looks *l)
{
    for (size_t i = 0; i < l->count; i++) {
        tally_clear(&l->list[i]->tally);
        alloc_free(&host_memory, l->list[i], sizeof *l->list[i]);
    }
    l->count = 0;
}
