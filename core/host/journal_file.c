#include "core/host/journal_file.h"

#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/machine.h"
#include "core/host/memory.h"
#include "core/host/store_file.h"
#include "core/node/journal_record.h"
#include "core/node/node.h"

const char *journal_file_version(const char *folder, const struct journal_report *found, char *to,
                                 size_t cap)
{
    snprintf(to, cap,
             "the journal in %s is of format %u with feature level %u, and this velum reads format "
             "%u with feature levels up to %u (%s)",
             folder, (unsigned)found->bad_format, (unsigned)found->bad_feature_level,
             (unsigned)JOURNAL_FORMAT_VERSION, (unsigned)NODE_FEATURE_LEVEL, found->bad_segment);
    return to;
}

/* A node of nowhere: replay and snapshot need none of what makes it somebody. */
static int node_make(struct node **out, struct identity *identity)
{
    struct node_options o = {.embedded = true, .audit = true};

    text_copy(o.name, sizeof o.name, "compact");
    machine_fill(&o, identity, 1);
    return node_new(out, &host_memory, &o);
}

static int take_record(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    (void)sequence;
    return node_replay(ctx, type, payload);
}

/* All its slices, as one. */
static int snapshot_make(struct node *n, struct buf *to)
{
    struct actions actions;
    int rc;

    actions_init(&actions, &host_memory);
    do {
        rc = node_compact(n, &actions);
        for (size_t i = 0; i < actions.count; i++) {
            struct bytes slice = actions_payload(&actions, &actions.list[i]);
            put_raw(to, slice.data, slice.len);
        }
        actions_reset(&actions);
    } while (rc > 0);
    actions_clear(&actions);
    return rc < 0 ? rc : buf_result(to);
}

static int snapshot_write(struct journal *j, struct node *n, uint64_t *records)
{
    struct journal_slice all = {{NULL, 0}, NULL};
    struct reader r;
    struct buf b;
    int rc;

    buf_init(&b, &host_memory, (size_t)1 << 31);
    rc = snapshot_make(n, &b);
    all.records = buf_bytes(&b);
    if (rc == 0)
        rc = journal_compact(j, &all);
    r = reader_of(all.records);
    for (*records = 0; rc == 0 && reader_left(&r) > 0 && !r.failed; (*records)++) {
        read_u16(&r);
        read_block(&r, JOURNAL_RECORD_BYTES_MAX);
    }
    buf_clear(&b);
    return rc;
}

int journal_file_compact(const char *folder, struct journal_compaction *out)
{
    const struct journal_options options = {.feature_level = NODE_FEATURE_LEVEL};
    struct identity *identity = NULL;
    struct journal *j = NULL;
    struct node *n = NULL;
    struct store store = {0};
    int rc = identity_fleeting(&identity);

    memset(out, 0, sizeof *out);
    if (rc == 0)
        rc = node_make(&n, identity);
    if (rc == 0)
        rc = store_file_open(&store, folder);
    if (rc < 0)
        goto out;
    rc = journal_open(&j, &host_memory, &store, &options, take_record, n, &out->before);
    if (rc == 0) {
        out->bytes_before = journal_bytes(j);
        rc = snapshot_write(j, n, &out->records_after);
        journal_idle(j); /* the mark that all is synced, and a reserve for the next time */
        out->bytes_after = journal_bytes(j);
    }
    if (rc == 0)
        rc = journal_close(j);
    else
        journal_abandon(j);
    store_file_close(&store);
out:
    node_free(n);
    identity_free(identity);
    return rc;
}
