/* The mover's folder, STATE/objects, 0700, files 0600. NAME is 64 hex digits, N a decimal number:
 *
 *   NAME           the bytes of an object that is whole
 *   NAME.list      the SHA-256 of its pieces (core/object/name.h), of one that is whole or not, and
 *                  has more than one piece (mover_one.h)
 *   NAME.part      instead of NAME while pieces are missing; of more pieces than one, as long as
 *                  the object
 *   NAME.learn     a list that is coming in
 *   stream-N       a new object that is coming in, once it is longer than STREAM_HELD_MAX or named
 *   stream-N.list  the digests of its pieces so far, once it has a second one
 *   put-KEY-N, put-KEY-N.list
 *                  the same of one that its user may go on with: a file of N bytes, KEY as NAME
 *
 * The list is in place before NAME or NAME.part is, and goes after it. A short one is not synced:
 * the bytes of NAME, which are, make it anew, and those of NAME.part are got anew. What SCAN makes
 * of what a crash has left: NAME.learn, stream-N, stream-N.list, a list without an object or with
 * one of one piece, and a part beside the whole object are removed; of put-KEY-N the pieces that
 * have digests count, for ten minutes; of a part the pieces that make their digests count, if its
 * list makes its name, and one of one piece if that makes it; a whole object whose list is missing
 * or too short is hashed anew and kept if that makes its name, or else left to whoever knows its
 * size. One of one piece that is whole is not looked at: whoever reads it does. A file of any other
 * name is left alone. The mover holds a lock on the folder, so that one that a dead node left
 * behind has ended before the next begins.
 *
 * Here are the names, a few files kept open, and the calls that change the folder. Called by the
 * parts of the mover. */
#ifndef VELUM_HOST_MOVER_FOLDER_H
#define VELUM_HOST_MOVER_FOLDER_H

#include <stdbool.h>

#include "core/base/id.h"

#define FOLDER_OPEN_MAX 64
#define FOLDER_NAME_SIZE 96
#define FOLDER_LIST_SHORT 256u /* pieces: they are hashed anew in a moment */

enum folder_kind { FOLDER_DATA, FOLDER_LIST, FOLDER_PART, FOLDER_LEARN };

struct folder_file {
    struct digest name;
    enum folder_kind kind;
    int fd;
    uint64_t used; /* 0: this place is empty */
};

struct folder {
    int fd;
    struct folder_file open[FOLDER_OPEN_MAX];
    uint64_t uses;
};

/* Takes the lock of the folder, for which it may wait. Takes the descriptor. 0 or a code of
 * file_fault. */
int folder_open(struct folder *f, int fd);

/* The file's name: NAME, NAME.list ... */
void folder_name(struct digest name, enum folder_kind kind, char to[FOLDER_NAME_SIZE]);
/* What a file in the folder is. False: something else. */
bool folder_parse(const char *text, struct digest *name, enum folder_kind *kind);

/* A descriptor for reading and writing, borrowed until the next call of any of these functions.
 * ERR_NOT_FOUND where it is not there. */
int folder_get(struct folder *f, struct digest name, enum folder_kind kind);
/* The same of a new and empty file. */
int folder_make(struct folder *f, struct digest name, enum folder_kind kind);
bool folder_has(struct folder *f, struct digest name, enum folder_kind kind);
/* Whether it is kept open: then folder_get asks the system for nothing. */
bool folder_holds(struct folder *f, struct digest name, enum folder_kind kind);
/* 0 also when it was not there. */
int folder_remove(struct folder *f, struct digest name, enum folder_kind kind);
/* Nothing is left of it, whole or not. */
int folder_remove_all(struct folder *f, struct digest name);
/* From and to a kind of one object; what was there is replaced. */
int folder_rename(struct folder *f, struct digest name, enum folder_kind from, enum folder_kind to);
/* Somebody else has done that. */
void folder_moved(struct folder *f, struct digest name, enum folder_kind from, enum folder_kind to);
/* It is not kept open any more. */
void folder_let_go(struct folder *f, struct digest name, enum folder_kind kind);
/* A descriptor of it, for reading and writing, that somebody has already. Takes it. */
void folder_keep(struct folder *f, struct digest name, enum folder_kind kind, int fd);
/* From here on the process syncs nothing: the folder goes with its node. */
void folder_never_syncs(void);
/* The disk begins early to take these bytes of a file, so that the sync at the end has little left
 * to wait for. A hint: where it is refused nothing is lost. */
void folder_send_ahead(int fd, uint64_t at, uint64_t bytes);
/* ERR_SYNC when it fails. */
int folder_sync(struct folder *f);
/* The same for one file. */
int folder_sync_file(int fd);
/* Whether the list of an object of this size is synced too, because it is long. */
bool folder_syncs_list(uint64_t size);
/* The same for such a list; the disk begins to take one that is short. */
int folder_sync_list(int list, uint64_t size);
/* The name that a list makes for an object of this size; ERR_DAMAGED when the list is not of its
 * length. */
int folder_list_name(int list, uint64_t size, struct digest *name);

#endif
