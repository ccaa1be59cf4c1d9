/* The steps by which a mesh goes over to another root (core/host/roots.h), on the machine where it
 * was made. Each is whole on the disk before the next begins, and done twice it is done once: who
 * was killed in between goes on with the same call. Between them the command waits for the mesh.
 *
 *   begin   a root and an issuer, certified by the root before:      stage ADDED
 *   use     from now on certificates are made under it:              stage USED
 *   finish  the root before counts for nobody who comes in:          stage ALONE
 *   close   the keys before are deleted, once what was written was read back and holds; and so is
 *           the file `rotating`, which begin has made
 *
 * Called by cmd/ca_rotate.c, and `take` by succession.c. Errors leave a sentence in `message`. */
#ifndef VELUM_HOST_ROTATION_H
#define VELUM_HOST_ROTATION_H

#include "core/base/bytes.h"
#include "core/host/home.h"

enum rotation_step { ROTATION_NONE, ROTATION_BEGUN, ROTATION_USED, ROTATION_FINISHED };

struct rotation {
    enum rotation_step step; /* the last that was done of one under way */
    uint32_t version;        /* of what is known, as nodes say it */
    uint8_t generation;      /* that certificates are made under, or will be: 1 after the first */
    int64_t at_s;            /* when the last step was, Unix time; 0: the mesh has had one root */
};

/* Where this home is. `roots`, which may be NULL, is given what nodes are to be told. */
int rotation_look(const struct home *h, struct rotation *out, struct buf *roots,
                  char message[HOME_MESSAGE_SIZE]);
/* Of each: ERR_PERMISSION, the mesh was made elsewhere; ERR_NOT_FOUND, without the root's key. To
 * begin: ERR_FULL, it has had as many roots as it can; ERR_SYSTEM, by a clock that cannot be right.
 */
int rotation_begin(const struct home *h, char message[HOME_MESSAGE_SIZE]);
int rotation_use(const struct home *h, char message[HOME_MESSAGE_SIZE]);
int rotation_finish(const struct home *h, char message[HOME_MESSAGE_SIZE]);
int rotation_close(const struct home *h, char message[HOME_MESSAGE_SIZE]);
/* All in one, without the root's key: nobody is to trust it any more. Other machines must join
 * again, by a new string: returns how many were good and are void. User and nodes of this home are
 * certified with other keys from then on (authority.h), which ends nodes that run. ERR_FULL and
 * ERR_SYSTEM as above, but that a root which has ended may be followed so. */
int rotation_emergency(const struct home *h, char message[HOME_MESSAGE_SIZE]);

/* Of a node: takes what came if it is the next of what this home knows. 0; ERR_EXISTS, that is not
 * new; ERR_BUSY, somebody is at the home; or refused, with ERR_PERMISSION where the mesh was made
 * here and somebody else has its root's key. Does not wait. */
int rotation_take(const struct home *h, struct bytes roots, char message[HOME_MESSAGE_SIZE]);

#endif
