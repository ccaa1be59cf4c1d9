#include "core/host/renewal.h"

#include <stdlib.h>
#include <time.h>

#include "core/base/err.h"
#include "core/host/roots.h"

#define LOOK_S_MAX ((int64_t)600)
#define TRY_AGAIN_S ((int64_t)60)
/* An issuer elsewhere answers within a second or two, or is not there yet: it is asked again soon,
 * and later once a minute. */
#define ASKED_S ((int64_t)2)
#define ASKED_LOOKS 30
#define GLANCE_US (2 * S_US)

struct renewal {
    struct renewal_parts parts;
    struct alarm *alarm, *glance;
    uint32_t version; /* of the roots in the home, when they were glanced at last */
    bool due;         /* when it was glanced at last */
    bool told, asked;
    bool met_newer;    /* identity_met_newer, when it was looked at last */
    bool changed;      /* what lies in the home may be new, whatever the clock says */
    uint32_t patience; /* looks until somebody elsewhere is asked once more, */
    uint32_t waited;   /* and so many were waited for the last time */
};

static int64_t seconds_left(const struct renewal *r)
{
    return identity_renew_at_s(r->parts.identity) - (int64_t)time(NULL);
}

static void arm(struct renewal *r, int64_t overdue_s)
{
    int64_t left = seconds_left(r) + 1;
    if (r->changed || identity_is_due(r->parts.identity))
        left = overdue_s;
    left = left <= 0 || left > LOOK_S_MAX ? LOOK_S_MAX : left;
    alarm_set(r->alarm, instant_plus_us(loop_clock(), left * S_US));
}

static void fail(struct renewal *r, int rc, const char *why)
{
    if (!r->told || rc == ERR_REFUSED)
        r->parts.failed(r->parts.ctx, rc, why);
    r->told = true;
}

/* The first answer is awaited before anything is said. */
static void ask_elsewhere(struct renewal *r)
{
    if (r->patience > 0) {
        r->patience--;
        return;
    }
    const bool long_enough = r->waited == ASKED_LOOKS;
    r->waited = r->waited == 0 ? 1 : 2 * r->waited < ASKED_LOOKS ? 2 * r->waited : ASKED_LOOKS;
    r->patience = r->waited < ASKED_LOOKS ? r->waited : 0;
    if (r->asked && long_enough)
        fail(r, ERR_TIMEOUT,
             "no issuer of the mesh has renewed it, and there is none on this machine; velum join "
             "--renew says what they answer");
    r->asked = true;
    if (r->parts.ask)
        r->parts.ask(r->parts.ctx);
}

static void look(void *ctx)
{
    struct renewal *r = ctx;
    char message[HOME_MESSAGE_SIZE] = "";
    int rc = 0;
    /* Asked once: one that becomes due right behind this was not tried, and waits a second only. */
    bool due = identity_is_due(r->parts.identity);
    const bool changed = r->changed;
    r->changed = false;
    if (due || changed)
        rc = identity_renew(r->parts.identity, r->parts.home, r->parts.state, message);
    if (rc > 0)
        rc = r->parts.renewed(r->parts.ctx, r->parts.identity);
    r->changed = changed && rc == ERR_BUSY;
    if (rc < 0 && rc != ERR_BUSY)
        fail(r, rc, message[0] ? message : err_sentence(rc));
    else if (rc == 0 && identity_is_due(r->parts.identity))
        ask_elsewhere(r);
    else if (rc >= 0) {
        r->told = r->asked = false;
        r->patience = r->waited = 0;
    }
    arm(r, r->changed ? 1 : r->patience > 0 ? ASKED_S : due ? TRY_AGAIN_S : 1);
}

/* Once for each change: what cannot be used is not tried all the time. A clock that was set makes a
 * certificate due at any time. */
static void glance(void *ctx)
{
    struct renewal *r = ctx;
    const uint32_t version = roots_file_version(r->parts.home);
    const bool due = identity_is_due(r->parts.identity);
#if VELUM_PLANT != 1163 /* unit/test_wrong_clock: a clock that was set is seen late */
    if (due && !r->due)
        alarm_set(r->alarm, loop_clock());
#endif
    r->due = due;
#if VELUM_PLANT != 992 /* unit/test_succession: what others changed in the home is not seen */
    if (version != r->version && version != identity_roots_version(r->parts.identity))
        renewal_now(r);
#endif
    r->version = version;
    alarm_set(r->glance, instant_plus_us(loop_clock(), GLANCE_US));
}

void renewal_settle(struct renewal *r)
{
    const bool met = identity_met_newer(r->parts.identity);
    if (met && !r->met_newer)
        renewal_now(r);
    r->met_newer = met;
}

void renewal_now(struct renewal *r)
{
    r->changed = true;
    alarm_set(r->alarm, loop_clock());
}

int renewal_new(struct renewal **out, const struct renewal_parts *parts)
{
    struct renewal *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_NO_MEMORY;
    r->parts = *parts;
    r->version = identity_roots_version(parts->identity);
    r->alarm = alarm_new(parts->loop, look, r);
    r->glance = alarm_new(parts->loop, glance, r);
    if (!r->alarm || !r->glance) {
        renewal_free(r);
        return ERR_NO_MEMORY;
    }
    arm(r, 1);
    glance(r);
    *out = r;
    return 0;
}

void renewal_free(struct renewal *r)
{
    if (!r)
        return;
    alarm_free(r->alarm);
    alarm_free(r->glance);
    free(r);
}
