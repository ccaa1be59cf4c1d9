#include "cmd/doctor.h"

void doctor_revoked(struct doctor_certificate *c, const struct home *h, const char *state)
{
    static struct looks l;
    char message[HOME_MESSAGE_SIZE];
    struct digest mesh;
    if (identity_home_mesh(h, &mesh, message) < 0)
        return;
    if ((state ? looks_add_named(&l, state) : looks_add_home(&l, h)) == 0)
        revocation_find(&l, c->card.id, mesh, &c->revocation);
    looks_clear(&l);
}
