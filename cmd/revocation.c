#include "cmd/revocation.h"

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/identity.h"
#include "core/node/journal_record.h"

struct search {
    struct node_id key;
    struct digest mesh;
    struct revocation *to;
};

static int find_each(void *ctx, uint16_t type, struct bytes payload)
{
    const struct search *k = ctx;
    struct revocation *r = k->to;
    struct signed_bytes s;
    struct witness by;
    struct act a;
    if (type != RECORD_ACT || read_act(payload, &s, &a) < 0 || a.kind != ACT_REVOKE ||
        !node_id_equal(a.subject, k->key) || (r->is && r->at_s <= a.at_s) ||
        identity_name(s.certificate, &by) < 0 || !digest_equal(by.mesh, k->mesh))
        return 0;
    *r = (struct revocation){.is = true, .at_s = a.at_s, .by = by.id};
    text_copy(r->reason, sizeof r->reason, a.reason);
    return 0;
}

void revocation_find(struct looks *l, struct node_id key, struct digest mesh, struct revocation *to)
{
    struct search k = {key, mesh, to};
    *to = (struct revocation){.is = false};
    looks_scan(l, find_each, &k);
}
