#include <stdlib.h>

#include "core/base/ensure.h"
#include "tests/lib/story_inside.h"

void *story_more(void *list, uint32_t count, uint32_t *cap, size_t size)
{
    if (count < *cap)
        return list;
    *cap = *cap ? *cap * 2 : 64;
    list = realloc(list, *cap * size);
    ensure(list);
    return list;
}

static bool before(const struct story_event *a, const struct story_event *b)
{
    return a->at.us != b->at.us ? a->at.us < b->at.us : a->order < b->order;
}

void story_push(struct story *s, struct story_event ev, int64_t in_us)
{
    uint32_t i;

    s->events = story_more(s->events, s->events_count, &s->events_cap, sizeof *s->events);
    ev.at = instant_plus_us(s->now, in_us);
    ev.order = ++s->order;
    for (i = s->events_count++; i > 0 && before(&ev, &s->events[(i - 1) / 2]); i = (i - 1) / 2)
        s->events[i] = s->events[(i - 1) / 2];
    s->events[i] = ev;
}

struct story_event story_pop(struct story *s)
{
    struct story_event first = s->events[0], last = s->events[--s->events_count];
    uint32_t i = 0;

    for (;;) {
        uint32_t child = 2 * i + 1;

        if (child >= s->events_count)
            break;
        if (child + 1 < s->events_count && before(&s->events[child + 1], &s->events[child]))
            child++;
        if (!before(&s->events[child], &last))
            break;
        s->events[i] = s->events[child];
        i = child;
    }
    s->events[i] = last;
    return first;
}
