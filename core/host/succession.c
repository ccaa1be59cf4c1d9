#include "core/host/succession.h"

#include <stdlib.h>
#include <string.h>

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
    struct told {
        struct node_id from;
        struct buf roots;
    } told[SUCCESSION_WAITING]; /* that wait, the first first */
    uint32_t waiting;
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

/* The first that waits makes room. */
static void drop_first(struct succession *s)
{
    struct told first = s->told[0];
    buf_reset(&first.roots);
    memmove(s->told, s->told + 1, (SUCCESSION_WAITING - 1) * sizeof *s->told);
    s->told[SUCCESSION_WAITING - 1] = first;
    s->waiting--;
}

/* In place of one that was kept before. */
static void keep(struct succession *s, const char *message)
{
    const struct buf spare = s->kept;
    if (!s->failed)
        log_line(s->parts.log, LOG_ERROR,
                 "the mesh's next root cannot be written, and is tried again: %s", message);
    s->failed = true;
    if (s->waiting == 0)
        return;
    s->kept = s->told[0].roots;
    s->told[0].roots = spare;
    drop_first(s);
}

/* What was told comes before what is kept. */
static void look(void *ctx)
{
    struct succession *s = ctx;
    const bool again = s->waiting == 0;
    const struct buf *from = again ? &s->kept : &s->told[0].roots;
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
        s->failed = s->failed && !again;
        if (again)
            buf_reset(&s->kept);
        else
            drop_first(s);
    }
    if (s->waiting > 0)
        alarm_set(s->alarm, rc < 0 ? s->after : loop_clock());
    else if (s->kept.len > 0)
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
    for (uint32_t i = 0; i < SUCCESSION_WAITING; i++)
        buf_init(&s->told[i].roots, &host_memory, ROOTS_SIZE_MAX);
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
    for (uint32_t i = 0; i < SUCCESSION_WAITING; i++)
        buf_clear(&s->told[i].roots);
    buf_clear(&s->kept);
    free(s);
}

/* His own, the next that is free, or the last. */
static struct told *place_of(struct succession *s, struct node_id from)
{
#if VELUM_PLANT != 1126 /* unit/test_succession: one teller has all places */
    for (uint32_t i = 0; i < s->waiting; i++)
        if (node_id_equal(s->told[i].from, from))
            return &s->told[i];
#endif
    if (s->waiting == SUCCESSION_WAITING)
        s->waiting--;
    return &s->told[s->waiting++];
}

void succession_told(struct succession *s, struct node_id from, struct bytes roots)
{
    const struct instant now = loop_clock();
    for (uint32_t i = 0; i < s->waiting; i++)
        if (bytes_equal(buf_bytes(&s->told[i].roots), roots))
            return;
    struct told *to = place_of(s, from);
    to->from = from;
    buf_reset(&to->roots);
    put_raw(&to->roots, roots.data, roots.len);
    alarm_set(s->alarm, instant_before(now, s->after) ? s->after : now);
}
