#include "cmd/verify_revoked.h"

#include <string.h>

#include "core/base/err.h"

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
        revocation_find(&l, k->receipt->by, k->receipt->mesh, &k->revocation);
    if (rc < 0 || l.full)
        talk_line("not every journal was read (%s): whether another knows of a revocation is not "
                  "known",
                  rc < 0 ? err_sentence(rc) : "there are more than 1,200");
    const struct look *unread = looks_unread(&l);
    if (unread)
        talk_line("the journal in %s cannot be read (%s): whether it knows of a revocation is "
                  "not known",
                  unread->folder, err_sentence(unread->rc));
    looks_clear(&l);
}
