/* Facts about an open job whose author appends to it: its spec, with one stage, and lists of what
 * there is in tests/lib/parts.h. They are kept until the next begin. */
#ifndef VELUM_TESTS_LIB_APPENDED_H
#define VELUM_TESTS_LIB_APPENDED_H

#include "core/job/ledger.h"
#include "tests/lib/heap.h"

#define APPENDED_STAGES 40

extern struct heap appended_heap;
extern struct job_id appended_job;
extern struct bytes appended_spec;
extern size_t appended_used; /* of the room for facts: what is behind it may be written over */

struct buf appended_room(void);
struct bytes appended_kept(struct buf *b);
struct bytes appended_seal(enum fact_kind kind, struct bytes body, uint8_t mark);
/* The first stage is in the spec, and asks for this. */
void appended_begin_with(bool open, const struct demand *demand);
void appended_begin(bool open);
struct bytes appended_stages_by(uint32_t from, uint32_t to, struct node_id author);
struct bytes appended_stages(uint32_t from, uint32_t to);
struct bytes appended_close_with(uint32_t count);
struct bytes appended_value_of(uint32_t stage, uint64_t first);
/* One that knows the spec, with memory of appended_heap. */
struct ledger *appended_ledger(void);

#endif
