/* Shuts a process into one folder and away from every network, as far as the machine allows:
 *
 *   Landlock              nothing outside the folder, and in it only files and what is done with
 *                         them; from its fourth version on no TCP, from the sixth on no signal and
 *                         no abstract socket of a process outside
 *   a network namespace   none but an own, without any interface; only where that is allowed, which
 *                         for most is root
 *
 * What the machine does not have is left out without a word: the mover runs no foreign code, and
 * this is the second wall, not the first. Called by mover_process.c. */
#ifndef VELUM_HOST_MOVER_CAGE_H
#define VELUM_HOST_MOVER_CAGE_H

/* Before any thread exists. */
void cage_enter(int folder);

#endif
