#include "core/host/renewal.h"

#include <stdlib.h>
#include <time.h>

#include "core/base/err.h"

#define LOOK_S_MAX ((int64_t)600)
#define TRY_AGAIN_S ((int64_t)60)

struct renewal {
    struct renewal_parts parts;
    struct alarm *alarm;
    bool told, asked;
};

static int64_t seconds_left(const struct renewal *r)
{
    return identity_renew_at_s(r->parts.identity) - (int64_t)time(NULL);
}

static void arm(struct renewal *r, int64_t overdue_s)
{
    int64_t left = seconds_left(r) + 1;
    if (identity_is_due(r->parts.identity))
        left = overdue_s;
    left = left <= 0 || left > LOOK_S_MAX ? LOOK_S_MAX : left;
    alarm_set(r->alarm, instant_plus_us(loop_clock(), left * S_US));
}

static void fail(struct renewal *r, const char *why)
{
    if (!r->told)
        r->parts.failed(r->parts.ctx, why);
    r->told = true;
}

/* The first answer is awaited before anything is said. */
static void ask_elsewhere(struct renewal *r)
{
    if (r->asked)
        fail(r, "no issuer of the mesh has answered, and there is none on this machine");
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
    if (due)
        rc = identity_renew(r->parts.identity, r->parts.home, r->parts.state, message);
    if (rc > 0)
        rc = r->parts.renewed(r->parts.ctx, r->parts.identity);
    if (rc < 0 && rc != ERR_BUSY)
        fail(r, message[0] ? message : err_sentence(rc));
    else if (rc == 0 && identity_is_due(r->parts.identity))
        ask_elsewhere(r);
    else if (rc >= 0)
        r->told = r->asked = false;
    arm(r, due ? TRY_AGAIN_S : 1);
}

int renewal_new(struct renewal **out, const struct renewal_parts *parts)
{
    struct renewal *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_NO_MEMORY;
    r->parts = *parts;
    r->alarm = alarm_new(parts->loop, look, r);
    if (!r->alarm) {
        free(r);
        return ERR_NO_MEMORY;
    }
    arm(r, 1);
    *out = r;
    return 0;
}

void renewal_free(struct renewal *r)
{
    if (!r)
        return;
    alarm_free(r->alarm);
    free(r);
}
