/* Where the bytes of an object go, and what they are: a file by way of FILE.part, which is renamed
 * when it is known to be right, or a descriptor for what is no ordinary file (standard output, a
 * pipe, a device). The name is computed of what was written, by other threads.
 *
 * Owns the descriptor and the lock on FILE.part, so that two commands never write one. What goes
 * wrong is said here, with an exit code. Called by get.c and pour.c, in this order: open, begin,
 * put..., name, keep; close at any time. */
#ifndef VELUM_CMD_SINK_H
#define VELUM_CMD_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/id.h"

struct sink;

/* NULL or "-": standard output. 0, or an exit code. */
int sink_open(struct sink **out, const char *file);
/* To an open file of the caller's, which is empty and stays open; `what` it is called in words. 0,
 * or an exit code. */
int sink_open_at(struct sink **out, int fd, const char *what);
/* Whether sink_open would work, asked before the work whose result goes there. Leaves no trace;
 * what is no ordinary file is not opened, because a pipe has a reader only once. 0, or an exit
 * code. */
int sink_try(const char *file);
/* Bytes that are there: those an earlier command left in FILE.part, and what was put since. */
uint64_t sink_at(const struct sink *s);
/* Whether it can begin again: what went to a pipe cannot be taken back. */
bool sink_is_file(const struct sink *s);
/* FILE.part, or "standard output". */
const char *sink_where(const struct sink *s);
/* What is written is no object whose name anybody wants: it is not hashed. After sink_open. */
void sink_plain(struct sink *s);
/* Bytes [at, at + len) of a file, which are there. 0 or an exit code. */
int sink_read(const struct sink *s, uint64_t at, void *to, size_t len);
/* The object has so many bytes, and `at` of them (sink_at or 0) are to stay. 0 or an exit code. */
int sink_begin(struct sink *s, uint64_t size, uint64_t at);
/* The next bytes; never more than the size. 0 or an exit code; CODE_NO_READER, and nothing is said,
 * when nobody reads them any more. */
int sink_put(struct sink *s, struct bytes bytes);
/* The same of one whole piece of the object, whose digest was computed from these bytes. */
int sink_put_piece(struct sink *s, struct bytes bytes, struct digest digest);
/* All bytes were put: the name of what is there. 0 or an exit code. */
int sink_name(struct sink *s, struct digest *name);
/* FILE.part becomes FILE. 0 or an exit code. */
int sink_keep(struct sink *s);
/* FILE.part goes, with all that is in it. */
void sink_drop(struct sink *s);
/* Leaves FILE.part where it is if anything is in it. */
void sink_close(struct sink *s);

#endif
