/* Tells the running node of this home what a command did in the home folder, so that it is in that
 * node's journal (velum events). By the control socket, which only this user reaches; where no node
 * of this home runs nobody is told, and nothing is said. */
#ifndef VELUM_CMD_NOTED_H
#define VELUM_CMD_NOTED_H

#include "core/wire/event_note.h"
#include "core/wire/join.h"

/* id NULL: all of them. */
void noted_token(enum event_note_kind kind, const uint8_t id[JOIN_ID_SIZE], const char *text);

#endif
