#include "core/node/sound.h"

#include "core/node/damage.h"
#include "core/node/link.h"
#include "core/node/mover.h"

/* One that is being looked at. */
struct sounding {
    struct sounding *next;
    uint64_t number;
    struct digest name;
    uint32_t of; /* its number on the shelf */
    uint64_t size, piece;
    struct instant began;
};

void sound_is_from(const struct node *n, struct shelf_object *o, struct instant began)
{
    shelf_sound(o, instant_plus_us(began, n->limits.sound_us));
}

static void end(struct node *n, struct sounding *s)
{
    struct sounding **at = &n->objects->soundings;

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    n->objects->soundings_count--;
    alloc_free(n->alloc, s, sizeof *s);
}

static void go_on(struct node *n);

/* What was damaged is got anew and looked at when it comes, so that in the end all of it was. */
static void is_through(struct node *n, struct sounding *s, struct shelf_object *o)
{
    int64_t took_us = instant_since_us(n->now, s->began);

    if (o->whole) {
        sound_is_from(n, o, s->began);
        shelf_sound(o, instant_plus_us(s->began, SOUND_AS_LONG * took_us));
    }
    end(n, s);
    n->serve_wanted = true;
}

static void looked(struct node *n, uint64_t number, const struct frame *answer)
{
    struct sounding *s = n->objects->soundings, **last = &n->objects->soundings;
    struct shelf_object *o = shelf_find(n->objects->shelf, s->name);
    struct moved_checked m;

    n->objects->sounding_is_on = false;
    ensure(s != NULL && s->number == number);
    if (o == NULL || o->number != s->of || damage_found(n, o, answer, &m) < 0) {
        end(n, s);
    } else if (m.next >= o->pieces) {
        is_through(n, s, o);
    } else if (m.next <= s->piece) {
        end(n, s);
    } else {
        s->piece = m.next;
        n->objects->soundings = s->next;
        while (*last != NULL)
            last = &(*last)->next;
        *last = s;
        s->next = NULL;
    }
    go_on(n);
}

/* The first has its turn. */
static void go_on(struct node *n)
{
    struct sounding *s = n->objects->soundings;
    struct move_part m;

    if (s == NULL || n->objects->sounding_is_on)
        return;
    m = (struct move_part){
        .name = s->name, .size = s->size, .offset = s->piece, .waited_for = true};
    n->objects->sounding_is_on = true;
    mover_part(n, MESSAGE_MOVE_CHECK, put_move_check, &m, looked, s->number);
}

static struct sounding *find(const struct node *n, const struct shelf_object *o)
{
    struct sounding *s = n->objects->soundings;

    while (s != NULL && (s->of != o->number || !digest_equal(s->name, o->name)))
        s = s->next;
    return s;
}

bool sound_look(struct node *n, const struct shelf_object *o)
{
    struct sounding *s = find(n, o), **at = &n->objects->soundings;

    if (s != NULL)
        return s->piece > 0;
    if (n->objects->soundings_count == SOUNDINGS_MAX)
        return true;
    s = node_alloc(n, sizeof *s);
    if (s == NULL)
        return false;
    *s = (struct sounding){.number = ++n->objects->number_counter,
                           .name = o->name,
                           .size = o->size,
                           .of = o->number,
                           .began = n->now};
    while (*at != NULL)
        at = &(*at)->next;
    *at = s;
    n->objects->soundings_count++;
    go_on(n);
    return false;
}

void sounds_free(struct node *n)
{
    while (n->objects->soundings != NULL)
        end(n, n->objects->soundings);
}
