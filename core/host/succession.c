#include "core/host/succession.h"

#include <stdlib.h>

#include "core/base/err.h"
#include "core/host/memory.h"
#include "core/host/rotation.h"
#include "core/wire/roots.h"

#define BUSY_US (50 * MS_US)
#define PAUSE_US (500 * MS_US)

struct succession {
    struct succession_parts parts;
    struct renewal *renewal;
    struct buf roots; /* that wait */
    struct alarm *alarm;
    struct instant after; /* when the next may be looked at */
    bool refused;         /* the last one was, and it was said */
};

static void look(void *ctx)
{
    struct succession *s = ctx;
    char message[HOME_MESSAGE_SIZE] = "";
    int rc = rotation_take(s->parts.home, buf_bytes(&s->roots), message);
    if (rc == ERR_BUSY) {
        alarm_set(s->alarm, instant_plus_us(loop_clock(), BUSY_US));
        return;
    }
    const bool refused = rc < 0 && rc != ERR_EXISTS;
    buf_reset(&s->roots);
    if (rc < 0)
        s->after = instant_plus_us(loop_clock(), PAUSE_US);
    if (refused && !s->refused)
        log_line(s->parts.log, rc == ERR_PERMISSION ? LOG_ERROR : LOG_WARNING,
                 "what came as the mesh's next root was refused: %s", message);
    s->refused = refused;
    /* Also where somebody else at this home was faster. */
    if (!refused)
        renewal_now(s->renewal);
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
    buf_init(&s->roots, &host_memory, ROOTS_SIZE_MAX);
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
    buf_clear(&s->roots);
    free(s);
}

void succession_told(struct succession *s, struct bytes roots)
{
    const struct instant now = loop_clock();
    buf_reset(&s->roots);
    put_raw(&s->roots, roots.data, roots.len);
    alarm_set(s->alarm, instant_before(now, s->after) ? s->after : now);
}
