/* What is left of puts that have a key (core/wire/object_request.h) when a mover ends: their files
 * are called after the key and the size, so that the next mover knows what they are.
 *
 * Here are these names, and what a scan makes of them. The files are written by mover_stream.c,
 * which also compares what is there with its digests: not before somebody goes on with it. Called
 * by mover_stream.c and mover_scan.c. */
#ifndef VELUM_HOST_MOVER_LEFT_H
#define VELUM_HOST_MOVER_LEFT_H

#include "core/host/mover_folder.h"
#include "core/wire/move.h"

/* put-KEY-SIZE and its ending. */
void left_name(struct digest key, uint64_t size, const char *ending, char to[FOLDER_NAME_SIZE]);

struct left_scan {
    struct moved_left puts[MOVE_LEFTS_MAX];
    uint32_t count;
};

/* False: this file is of no such put. Or else it is noted, or removed where it is too old, one too
 * many, or of no use. Those of open streams are left alone. */
bool left_see(struct left_scan *s, const struct folder *f, const char *text);
/* Whole pieces that are there, by the length of the files. */
uint64_t left_pieces(int data, int list, uint64_t size);

#endif
