/* Golden files: what this generation writes, kept so that every later one still reads it (G12).
 *
 *   tests/golden/1/NAME.hex      a journal: "file NAME BYTES" and lines "OFFSET HEX" of 32 bytes
 *                                each; lines that are all zero are left out
 *   tests/golden/1/NAME.txt      what it says
 *   tests/golden/1/messages.hex  one frame a line: "NAME HEX"
 *   tests/golden/1/messages.txt  what each says
 *
 * The folder's name is the generation. `obj/tests/golden/record tests/golden/1` has written it
 * with the samples of journals.c and messages.c. A generation that writes other bytes gets a folder
 * of its own beside this one, which is never written again. */
#ifndef VELUM_TESTS_GOLDEN_GOLDEN_H
#define VELUM_TESTS_GOLDEN_GOLDEN_H

#include <stdio.h>

#include "core/base/bytes.h"
#include "core/base/id.h"
#include "core/wire/spec.h"
#include "tests/lib/store_memory.h"

#define GOLDEN_GENERATION 1

/* Ids and bytes that are easy to see. */
struct node_id golden_node(uint8_t n);
struct digest golden_digest(uint8_t n);

/* --- journals.c --- */

/* Row i, or NULL past the end. */
const char *golden_journal_name(size_t i);
/* Makes it as this executable writes it today. Release with store_memory_free. */
struct store_memory *golden_journal_make(size_t i);
/* One encoded fact of each kind, and the id of the job they are about. */
struct job_id golden_job(uint8_t n);
void golden_put_spec(struct buf *signed_spec, uint8_t n);
void golden_put_claim(struct buf *fact, uint8_t n, uint32_t epoch);
void golden_put_cancel(struct buf *fact, uint8_t n);
void golden_put_stage_cancel(struct buf *fact);
/* What a journal says, as `velum journal` shows it, and what its check found. */
void golden_journal_tell(struct store_memory *m, FILE *to);

/* --- messages.c --- */

/* Appends the whole frame of this type as this executable writes it today. */
void golden_message_make(uint8_t type, struct buf *frame);

/* --- others.c --- */

/* The same of messages that can be written in another way too: row i, or false past the end. */
bool golden_message_other(size_t i, struct buf *frame);
/* REQUEST_KERNELS, and kernel views, with a manual or without. */
int golden_tell_kernels(struct bytes payload, FILE *to);
int golden_tell_kernel(struct bytes payload, FILE *to);

/* --- killed.c --- */

bool golden_put_kills(size_t i, struct buf *frame);
int golden_tell_kill(struct bytes payload, FILE *to);

/* --- tell.c --- */

/* One line: what a frame says, by the decoders the product has. 0, or what the decoder said. */
int golden_message_tell(struct bytes frame, FILE *to);
/* Of those about objects between nodes, and GET, which the first golden file has without anything
 * in it: the payload alone. 0 or ERR_FORMAT. */
bool golden_is_object(uint8_t type);
int golden_tell_object(uint8_t type, struct bytes payload, FILE *to);
/* The request of a command that compares what it gets itself. */
void golden_put_get(struct buf *b);
/* Those of sessions, the order that their tasks become, and lists of plans and shows. */
void golden_put_stages(struct buf *fact);
void golden_put_session(struct buf *b, bool answer);
void golden_put_ahead(struct buf *b, bool answer);
void golden_put_refused(struct buf *b);
/* Where stages have units of their own, a time, or names, or were cancelled. */
void golden_put_sized(uint8_t type, bool rolled, struct buf *b);
bool golden_is_join(uint8_t type);
void golden_put_join(uint8_t type, struct buf *b);
int golden_tell_join(uint8_t type, struct bytes p, FILE *to);

/* --- introduce.c --- */

bool golden_is_introduce(uint8_t type);
void golden_put_introduce(uint8_t type, struct buf *b);
int golden_tell_introduce(uint8_t type, struct bytes p, FILE *to);
bool golden_is_session(uint8_t type);
int golden_tell_session(uint8_t type, struct bytes payload, FILE *to);

/* --- asides.c --- */

/* Lists of plans and shows. */
bool golden_is_asides(uint8_t type);
void golden_put_asides(uint8_t type, struct buf *b);
int golden_tell_asides(uint8_t type, struct bytes payload, FILE *to);

/* --- caged.c --- */

/* The i-th frame in which a node or a worker says something of its cage. False: there is none. */
bool golden_put_caged(size_t i, struct buf *frame);
/* Empty where it is unknown: not all nodes say it. Until the next call. */
const char *golden_tier(uint8_t tier, uint8_t lacks);

/* --- snippet.c --- */

/* What a command asks of a snippet: enum snippet_what. */
void golden_put_snippet(uint8_t what, struct buf *b);
struct stage_spec;
const char *golden_kind(const struct stage_spec *s);
int golden_tell_snippet(struct bytes payload, FILE *to);
/* The i-th frame besides that is about one. False: there is none. */
bool golden_put_snippets(size_t i, struct buf *frame);

/* A job of one stage that sums by a source: what the stage has of its own besides, and its inputs,
 * of which the source is the last. */
struct stage_input;
void golden_put_source_job(const char *name, const struct stage_spec *stage,
                           const struct stage_input *inputs, struct buf *b);
/* LOAD of such a kernel; `built` empty: nothing was built of it. */
void golden_put_source_load(uint8_t origin, const char *built, struct buf *b);

/* --- built.c --- */

/* Empty of a stage that is no snippet. */
const char *golden_code_of(const struct stage_spec *s);
bool golden_is_built(uint8_t type);
void golden_put_built(uint8_t type, struct buf *b);
int golden_tell_built(uint8_t type, struct bytes payload, FILE *to);
/* The i-th frame besides. False: there is none. */
bool golden_put_builts(size_t i, struct buf *frame);

/* --- unlike.c --- */

bool golden_is_unlike(uint8_t type);
void golden_put_unlike(struct buf *b);
int golden_tell_unlike(struct bytes payload, FILE *to);
/* The i-th frame besides. False: there is none. */
bool golden_put_unlikes(size_t i, struct buf *frame);

/* --- roots.c --- */

bool golden_is_roots(uint8_t type);
void golden_put_roots(uint8_t type, struct buf *b);
int golden_tell_roots(uint8_t type, struct bytes payload, FILE *to);
/* The i-th frame besides. False: there is none. */
bool golden_put_more_roots(size_t i, struct buf *frame);
/* --- checked.c --- */

/* The same. */
bool golden_put_checked(size_t i, struct buf *frame);
void golden_tell_checks(bool checks, uint64_t checked, uint64_t unchecked, FILE *to);

/* --- owned.c --- */

/* The same. */
bool golden_put_owned(size_t i, struct buf *frame);
bool golden_put_removal(size_t i, struct buf *frame);
/* An object that was taken back, as a journal has it. */
void golden_put_taken_back(struct buf *b);
/* Nothing where there is none. */
void golden_tell_removal(struct bytes removal, FILE *to);

/* --- acts.c --- */

/* One of each kind. */
void golden_put_act(struct buf *b, uint8_t n);
bool golden_is_act(uint8_t type);
void golden_put_acts(uint8_t type, struct buf *b);
int golden_tell_acts(uint8_t type, struct bytes payload, FILE *to);
/* The i-th frame besides. False: there is none. */
bool golden_put_acts_other(size_t i, struct buf *frame);

/* --- events.c --- */

bool golden_is_event(uint8_t type);
void golden_put_event(uint8_t type, struct buf *b);
int golden_tell_event(uint8_t type, struct bytes payload, FILE *to);
/* One as a journal has it. */
void golden_put_note(uint64_t number, struct buf *b);
/* The i-th frame besides. False: there is none. */
bool golden_put_events(size_t i, struct buf *frame);

/* --- text.c --- */

void golden_write_store(struct store_memory *m, FILE *to);
/* False when it is not such a text. */
bool golden_read_store(struct store_memory *m, FILE *from);
void golden_write_hex(struct bytes b, FILE *to);
/* Bytes read into to[cap], or -1. Reads up to the end of the line. */
long golden_read_hex(FILE *from, uint8_t *to, size_t cap);

#endif
