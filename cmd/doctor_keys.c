#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/doctor.h"
#include "cmd/duration.h"
#include "cmd/issuer_end.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/root_key.h"

/* A node looks at least every ten minutes, and tries again every minute. */
#define RENEWAL_LATE_S 3600
#define SEE_THE_NODE "what the node says on standard error, or start it again"
#define NO_ISSUER "issuer.key, from a copy of this folder"
#define ASK_FOR_IT "velum join --renew; where no issuer does that any more, velum join STRING"

static const char *way_of(const struct doctor_certificate *c)
{
    return c->lost_issuer ? NO_ISSUER : ASK_FOR_IT;
}

static const char *renewer_of(const struct doctor_certificate *c)
{
    return c->lost_issuer ? "and nothing here can renew it" : "and no issuer has renewed it";
}

/* Its time is over. */
static void ended(struct findings *f, const struct doctor_certificate *c, const char *end)
{
    char fix[FINDING_SIZE];
    snprintf(fix, sizeof fix, DOCTOR_SET_CLOCK "; or, if it is right, %s", way_of(c));
    if (!c->renewable)
        findings_add(f, FINDING_BAD, "certificate", fix, "of %s: ended on %s, %s", c->what, end,
                     renewer_of(c));
    else if (c->in_use)
        findings_add(f, FINDING_BAD, "certificate", SEE_THE_NODE,
                     "of %s: ended on %s, and the node that runs has not renewed it", c->what, end);
    else
        findings_add(f, FINDING_NOTE, "certificate", "velum node, which renews it",
                     "of %s: ended on %s; the next start renews it", c->what, end);
}

/* More than half of its time is over. */
static void due(struct findings *f, const struct doctor_certificate *c, const char *end,
                int64_t now_s)
{
    if (!c->renewable)
        findings_add(f, FINDING_NOTE, "certificate", way_of(c), "of %s: ends on %s, %s", c->what,
                     end, renewer_of(c));
    else if (c->in_use && now_s - c->card.renew_at_s > RENEWAL_LATE_S)
        findings_add(f, FINDING_NOTE, "certificate", SEE_THE_NODE,
                     "of %s: ends on %s, and the node that runs has not renewed it", c->what, end);
    else
        findings_add(f, FINDING_OK, "certificate", NULL,
                     "of %s: ends on %s; the next start renews it", c->what, end);
}

/* Its key is trusted no longer. `renewable`: what makes another one lies here. */
static void revoked(struct findings *f, const struct doctor_certificate *c)
{
    char fix[FINDING_SIZE];
    const int stem = (int)strlen(c->path) - (int)strlen("pem");
    const char *reason = c->revocation.reason;
    if (c->renewable)
        snprintf(fix, sizeof fix, "rm %s %.*skey, and the next start makes another", c->path, stem,
                 c->path);
    else
        snprintf(fix, sizeof fix, "velum leave --force, and velum join STRING with another key");
    findings_add(f, FINDING_BAD, "certificate", fix,
                 "of %s: its key was revoked%s%s: no node of its mesh lets it in", c->what,
                 reason[0] ? ": " : "", reason);
}

void doctor_certificate(struct findings *f, const struct doctor_certificate *c, int64_t now_s)
{
    char begin[DURATION_TEXT_SIZE], end[DURATION_TEXT_SIZE], renewal[DURATION_TEXT_SIZE];
    char fix[FINDING_SIZE];
    duration_iso(c->card.begins_s, begin);
    duration_iso(c->card.ends_s, end);
    duration_iso(c->card.renew_at_s, renewal);
    snprintf(fix, sizeof fix, "rm %s, and the next start makes another", c->path);
    if (c->revocation.is)
        revoked(f, c);
    else if (now_s < c->card.begins_s)
        findings_add(f, FINDING_BAD, "certificate", DOCTOR_SET_CLOCK,
                     "of %s: good from %s on only: the clock is behind, or was ahead", c->what,
                     begin);
    else if (now_s >= c->card.ends_s)
        ended(f, c, end);
    else if (c->card.refused)
        return; /* which is said of the file (doctor_modes), and no more is known of it */
    else if (!c->card.fits)
        findings_add(f, FINDING_BAD, "certificate", c->renewable ? fix : way_of(c),
                     "of %s: it does not belong to this mesh and key", c->what);
    else if (now_s >= c->card.renew_at_s)
        due(f, c, end, now_s);
    else
        findings_add(f, FINDING_OK, "certificate", NULL, "of %s: ends on %s, renewed from %s on",
                     c->what, end, renewal);
}

/* --- the mesh's own --- */

static bool is_there(const struct home *h, const char *name)
{
    char path[HOME_PATH_SIZE + 32];
    snprintf(path, sizeof path, "%s/%s", h->path, name);
    return access(path, F_OK) == 0;
}

/* What is refused for who may read it is good as it is. */
static const char *restoring(int rc)
{
    return rc == ERR_PERMISSION ? DOCTOR_ONLY_YOURS : "restore it from a copy of the mesh's folder";
}

/* False after saying why it cannot be read. */
static bool read_card(struct findings *f, const struct home *h, const char *name, const char *what,
                      struct identity_card *card)
{
    char message[HOME_MESSAGE_SIZE] = "";
    int rc = identity_look(card, h, h->path, name, message);
    if (rc < 0)
        findings_add(f, FINDING_BAD, what, restoring(rc), "%s", message);
    return rc == 0;
}

static void look_at_clock(struct findings *f, const struct identity_card *root, int64_t now_s)
{
    char now[DURATION_TEXT_SIZE], begin[DURATION_TEXT_SIZE];
    duration_iso(now_s, now);
    duration_iso(root->begins_s, begin);
    if (now_s < root->begins_s)
        findings_add(f, FINDING_BAD, "clock", DOCTOR_SET_CLOCK,
                     "it says %s, and this mesh was made on %s", now, begin);
    else if (now_s >= root->ends_s)
        findings_add(f, FINDING_BAD, "clock", DOCTOR_SET_CLOCK,
                     "it says %s, and by then this mesh has come to its end", now);
    else
        findings_add(f, FINDING_OK, "clock", NULL, "%s", now);
}

/* The root signs the issuer, and the issuer everybody else. */
static void look_at_root(struct findings *f, const struct home *h, int64_t now_s)
{
    struct identity_card card;
    struct digest mesh;
    char end[DURATION_TEXT_SIZE], message[HOME_MESSAGE_SIZE] = "";
    int rc = identity_home_mesh(h, &mesh, message);
    if (rc < 0)
        findings_add(f, FINDING_BAD, "root", restoring(rc), "%s", message);
    if (!read_card(f, h, "root", "root", &card))
        return;
    look_at_clock(f, &card, now_s);
    duration_iso(card.ends_s, end);
    if (now_s < card.begins_s || now_s >= card.ends_s)
        return; /* that is the clock's fault, or a new mesh is due: said */
    findings_add(f, FINDING_OK, "root", NULL, "this mesh ends on %s; its key is %son this machine",
                 end, card.has_key ? "" : "not ");
}

void doctor_issuer(struct findings *f, const struct doctor_certificate *c, bool has_key,
                   int64_t now_s)
{
    char text[ISSUER_END_SIZE], end[DURATION_TEXT_SIZE];
    if (c->renewable || now_s < c->card.begins_s) {
        doctor_certificate(f, c, now_s);
        return;
    }
    duration_iso(c->card.ends_s, end);
    if (!has_key && now_s < c->card.ends_s) {
        findings_add(f, FINDING_OK, "certificate", NULL,
                     "of issuer: ends on %s, and is renewed where the mesh was made", end);
        return;
    }
    switch (issuer_end(c->card.ends_s, false, now_s, text)) {
    case ISSUER_GOES_ON:
        findings_add(f, FINDING_OK, "certificate", NULL, "of issuer: %s", text);
        break;
    case ISSUER_WILL_END:
        findings_add(f, FINDING_NOTE, "certificate", ISSUER_END_TRY, "of issuer: %s", text);
        break;
    case ISSUER_HAS_ENDED:
        findings_add(f, FINDING_BAD, "certificate",
                     DOCTOR_SET_CLOCK "; or, if it is right, " ISSUER_END_TRY, "of issuer: %s",
                     text);
        break;
    }
}

static void look_at_issuer(struct findings *f, const struct home *h, int64_t now_s)
{
    char path[HOME_PATH_SIZE + 32];
    struct doctor_certificate c = {
        .what = "issuer", .path = path, .renewable = root_key_is_here(h)};
    snprintf(path, sizeof path, "%s/issuer.pem", h->path);
    if (read_card(f, h, "issuer", "certificate", &c.card))
        doctor_issuer(f, &c, root_key_is_of(h), now_s);
}

void doctor_renewal(struct doctor_certificate *c, const struct home *h)
{
    c->renewable = root_key_is_of(h);
    c->lost_issuer = !c->renewable && root_key_is_here(h);
}

static void look_at_user(struct findings *f, const struct home *h, int64_t now_s)
{
    char path[HOME_PATH_SIZE + 32];
    struct doctor_certificate c = {.what = "user", .path = path};
    doctor_renewal(&c, h);
    snprintf(path, sizeof path, "%s/user.pem", h->path);
    if (!read_card(f, h, "user", "certificate", &c.card))
        return;
    doctor_revoked(&c, h, NULL);
    doctor_certificate(f, &c, now_s);
}

void doctor_keys(struct findings *f, const struct home *h, int64_t now_s)
{
    char now[DURATION_TEXT_SIZE];
    if (is_there(h, "root.pem")) {
        look_at_root(f, h, now_s);
        look_at_issuer(f, h, now_s);
        look_at_user(f, h, now_s);
        return;
    }
    duration_iso(now_s, now);
    findings_add(f, FINDING_OK, "clock", NULL, "%s", now);
    if (is_there(h, "user.pem") || is_there(h, "issuer.pem") || is_there(h, "root.key"))
        findings_add(f, FINDING_BAD, "root", "restore it from a copy of the mesh's folder",
                     "%s/root.pem is missing, and other keys of the mesh are there", h->path);
    else
        findings_add(f, FINDING_OK, "mesh", NULL, "there is none yet: the first node makes it");
}
