/* Descriptors of a process that is about to become another. Everything here may run between vfork
 * and exec: it changes nothing but the kernel's table. Called by spawner.c and mover_start.c. */
#ifndef VELUM_HOST_DESCRIPTORS_H
#define VELUM_HOST_DESCRIPTORS_H

/* Closes this one and all above it. */
void descriptors_close_from(unsigned first);
/* Puts `count` (at most 4) descriptors at 0, 1, 2 ..., whatever numbers they have now; they stay
 * open over exec. 0 or -1 with errno set. */
int descriptors_place(const int *from, int count);

#endif
