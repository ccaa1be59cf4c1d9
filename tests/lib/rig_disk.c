/* The disk of a rig: what the node stored, synced at once. */
#include "core/base/ensure.h"
#include "core/base/err.h"
#include "tests/lib/rig_inside.h"

void rig_disk_slice(struct rig *r, const struct action *a, struct bytes payload)
{
    if (a->first)
        buf_reset(&r->slices);
    put_raw(&r->slices, payload.data, payload.len);
    r->slices_count++;
}

/* What the node is told. */
int rig_disk_write(struct rig *r, const struct action *a, struct bytes payload)
{
    if (a->kind == ACTION_COMPACT)
        rig_disk_slice(r, a, payload);
    if (r->refuses)
        return ERR_SYNC;
    if (a->kind == ACTION_STORE) {
        put_u16(&r->journal, a->type);
        put_block(&r->journal, payload);
        return 0;
    }
    buf_reset(&r->journal);
    put_raw(&r->journal, r->slices.data, r->slices.len);
    buf_reset(&r->slices);
    r->snapshots++;
    return 0;
}

struct node *rig_replayed(struct rig *r)
{
    struct reader rows = reader_of(buf_bytes(&r->journal));
    struct node *n = rig_node_make(r);

    while (reader_left(&rows) > 0) {
        uint16_t type = read_u16(&rows);

        ensure(node_replay(n, type, read_block(&rows, SIZE_MAX)) == 0 && !rows.failed);
    }
    return n;
}
