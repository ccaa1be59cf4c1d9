/* Whether an object may be mapped: a worker reads its file as it lies on the disk, and nobody but
 * this compares that with its name. An object is sound for limits.sound_us after all of it was
 * looked at, or was made or fetched here; where looking took long, for twenty times as long as it
 * took, so that a node does not spend its disk on looking alone. What is not sound any more, and
 * what was here before the node began, the mover looks at when somebody wants to map it.
 *
 * Several objects take turns, a slice of each, and one order is open at a time. Private to
 * core/node. */
#ifndef VELUM_NODE_SOUND_H
#define VELUM_NODE_SOUND_H

#include "core/node/objects.h"

#define SOUNDINGS_MAX 8u
#define SOUND_AS_LONG 20 /* times as long as it took */

/* It is whole, and was made here, or all of it was compared with its name, since `began`. */
void sound_is_from(const struct node *n, struct shelf_object *o, struct instant began);
/* Somebody waits until the object, which is whole, is sound beyond what it is. True: it is being
 * looked at and that goes on, or others are; false also when the last look came to nothing. */
bool sound_look(struct node *n, const struct shelf_object *o);
void sounds_free(struct node *n);

#endif
