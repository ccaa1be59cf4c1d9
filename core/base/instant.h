/* Time as a type. An instant is microseconds on the monotonic clock of one process; it is never
 * sent to anybody and never compared with another process's. A span is a difference, in
 * microseconds, plain int64_t `..._us`. */
#ifndef VELUM_BASE_INSTANT_H
#define VELUM_BASE_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

struct instant {
    int64_t us;
};

#define INSTANT_NEVER ((struct instant){INT64_MAX})
#define MS_US ((int64_t)1000)
#define S_US ((int64_t)1000000)

static inline bool instant_before(struct instant a, struct instant b)
{
    return a.us < b.us;
}

/* True when `now` has reached `due`. */
static inline bool instant_reached(struct instant now, struct instant due)
{
    return now.us >= due.us;
}

static inline int64_t instant_since_us(struct instant now, struct instant then)
{
    return now.us - then.us;
}

/* Saturates at INSTANT_NEVER. */
static inline struct instant instant_plus_us(struct instant t, int64_t us)
{
    return t.us > INT64_MAX - us ? INSTANT_NEVER : (struct instant){t.us + us};
}

static inline struct instant instant_first(struct instant a, struct instant b)
{
    return a.us <= b.us ? a : b;
}

#endif
