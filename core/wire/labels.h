/* What people call nodes by: labels, each KEY or KEY=VALUE, in one text with single blanks between
 * them: "disk=ssd gpu". A node says its own; a stage may ask for some (demand.h).
 *
 *   KEY    1 to 31 of a to z, A to Z, 0 to 9, '.', '_', '-'
 *   VALUE  1 to 63 of these, or of '/', ':', '+'
 *
 * Pure; owns nothing. */
#ifndef VELUM_WIRE_LABELS_H
#define VELUM_WIRE_LABELS_H

#include <stdbool.h>

#include "core/base/bytes.h"

#define LABELS_SIZE 256 /* all labels of a node, or of what is asked for, and a zero */

/* One label, as above. */
bool label_is_sound(struct bytes label);
/* Any number of them, none too, fewer than LABELS_SIZE bytes. */
bool labels_are_sound(struct bytes labels);
/* Takes the next one off a sound text. False at the end. */
bool labels_next(struct bytes *labels, struct bytes *label);
/* Whether a node with these labels has what is wanted: KEY=VALUE is that label itself, KEY alone
 * stands for a label of that key, whatever its value. */
bool labels_have(struct bytes labels, struct bytes wanted);
/* Adds one to a text of LABELS_SIZE: in place of one of the same key, or at the end. False when it
 * is not sound or has no room; then nothing changed. */
bool labels_add(char labels[LABELS_SIZE], const char *label);
/* Without this one, if it is there. */
void labels_remove(char labels[LABELS_SIZE], const char *label);

#endif
