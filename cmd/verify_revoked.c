#include "cmd/verify_revoked.h"

#include <string.h>

#include "cmd/verify_look.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/node/journal_record.h"

static int find_each(void *ctx, uint16_t type, struct bytes payload)
{
    struct receipt_look *k = ctx;
    struct receipt_revocation *r = &k->revocation;
    struct signed_bytes s;
    struct witness by;
    struct act a;
    if (type != RECORD_ACT || read_act(payload, &s, &a) < 0 || a.kind != ACT_REVOKE ||
        !node_id_equal(a.subject, k->receipt->by) || (r->is && r->at_s <= a.at_s) ||
        identity_name(s.certificate, &by) < 0 || !digest_equal(by.mesh, k->receipt->mesh))
        return 0;
    *r = (struct receipt_revocation){.is = true, .at_s = a.at_s, .by = by.id};
    text_copy(r->reason, sizeof r->reason, a.reason);
    return 0;
}

void verify_revoked(const struct call *c, struct receipt_look *k)
{
    static struct looks l;
    char message[HOME_MESSAGE_SIZE];
    struct home h;
    int rc = home_locate(&h, message) == 0 ? looks_add_home(&l, &h) : 0;
    for (size_t i = 0; rc == 0 && i < c->opts->count; i++)
        if (strcmp(c->opts->values[i].opt->name, "data") == 0)
            rc = looks_add_named(&l, c->opts->values[i].text);
    if (rc == 0)
        looks_scan(&l, find_each, k);
    const struct look *unread = looks_unread(&l);
    if (unread)
        talk_line("the journal in %s cannot be read (%s): whether it knows of a revocation is "
                  "not known",
                  unread->folder, err_sentence(unread->rc));
    looks_clear(&l);
}
