/* Small files (<= 64 KiB, mode 0600) that change together. Each is written and synced beside its
 * place first, as PATH.tmp, so that a full disk is met while all that was there is there still.
 * Then they take their places one after the other, in the order in which they were added, each
 * synced before the next: whoever adds them sees to it that a home is good where that order was cut
 * short by a kill. What a killed writer left is overwritten by the next one; two at a time are kept
 * apart by the locks of home.h.
 *
 * Called by home.c and whoever changes keys and certificates. Errors leave a sentence. */
#ifndef VELUM_HOST_STAGED_H
#define VELUM_HOST_STAGED_H

#include "core/host/home.h"

#define STAGED_MAX 12

struct staged {
    uint32_t count;
    char paths[STAGED_MAX][HOME_PATH_SIZE];
};

void staged_init(struct staged *s);
/* What was added for the same path before is written over, and keeps its turn. */
int staged_add(struct staged *s, const char *path, struct bytes text,
               char message[HOME_MESSAGE_SIZE]);
/* After an error some have their places and the others are dropped. */
int staged_commit(struct staged *s, char message[HOME_MESSAGE_SIZE]);
/* As if nothing had been added. */
void staged_drop(struct staged *s);

#endif
