/* New objects that are coming in: APPEND, KEYED, FINISH, ABORT.
 *
 * Bytes go to stream-N as they come, but for the first STREAM_HELD_MAX, which are held in memory
 * until more come or their name is known: of an object that is so short and here already no file is
 * made. Each piece that is complete is hashed beside that. The digests go to stream-N.list when
 * there is a second one, so that memory does not grow with the object. After an error nothing more
 * is written and the space is given back; the stream answers with that error until it is finished
 * or aborted.
 *
 * The files of a stream that has a key are called after that (mover_left.h), and what another mover
 * left of them is gone on with. */
#ifndef VELUM_HOST_MOVER_STREAM_H
#define VELUM_HOST_MOVER_STREAM_H

#include "core/host/mover_place.h"
#include "core/wire/move.h"

#define STREAM_HELD_MAX 65536u

/* Makes a stream, or looks further at what another mover left of it. Two of one key and size are
 * two streams, of which the second is as one without a key. */
void stream_keyed(struct folder *f, const struct move_keyed *m, struct moved_keyed *answer);
/* Whether one with this key and size is open. */
bool stream_is_of(struct digest key, uint64_t size);
/* 0, or the stream's error. ERR_FULL: MOVE_STREAMS_MAX are open. ERR_TOO_LARGE. ERR_ARGUMENT: what
 * was left of it is not looked at yet. */
int stream_append(struct folder *f, const struct move_stream *m);
/* All of it has come: it has its name, and the disk is asked to take it. Or it has ended, and
 * nothing is left of it. */
void stream_name(struct folder *f, uint64_t number, struct moved_made *answer);
/* Whether there is no room for it, because so many others are open. */
bool stream_finds_no_room(uint64_t number);
/* What stream_name has just made of it, if that, is to become an object that is whole, in place and
 * synced; until stream_placed nothing else is done with it. */
void stream_place(uint64_t number, const struct moved_made *made, struct place *p);
/* It has, or nothing is left of it, as p->made says; the stream has ended. */
void stream_placed(struct folder *f, struct place *p);
/* 0, also when there is none. */
int stream_abort(struct folder *f, uint64_t number);
/* Whether it holds memory that no stream needs; and gives it back: a mover without work is small,
 * but streams that come one after the other use the same. */
bool stream_may_rest(void);
void stream_rest(void);
/* Whether a file of the folder belongs to a stream, and to one that is open. */
bool stream_owns(const char *text, bool *is_open);

#endif
