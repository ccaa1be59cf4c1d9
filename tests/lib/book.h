/* Journals of one small job, written fact by fact, right or wrong on purpose: for tests of the
 * independent checker. */
#ifndef VELUM_TESTS_BOOK_H
#define VELUM_TESTS_BOOK_H

#include "core/job/fact.h"
#include "core/journal/journal.h"
#include "core/wire/value.h"
#include "tests/lib/heap.h"
#include "tests/lib/store_memory.h"

#define LEAVES 13
#define NO_LIE UINT64_MAX

struct book {
    struct store_memory *m;
    struct journal *j;
};

/* Of the test that runs: it makes them and clears them. */
extern struct heap heap;
extern struct job_id job;
extern struct buf spec;

struct node_id node(uint8_t n);
struct book book_open(uint32_t segment_bytes);
void book_close(struct book *b);
void write_record(struct book *b, uint16_t type, struct bytes payload);
void write_fact(struct book *b, struct bytes fact);
void write_signed(struct book *b, enum fact_kind kind, struct bytes body);
/* What a node that ran [first, end) reports. It lies by one about the value that begins at
 * `lie_at`. */
void write_report(struct book *b, uint8_t author, uint64_t first, uint64_t end, uint64_t lie_at);
void write_run(struct book *b, uint8_t author, uint64_t first, uint64_t end);
void write_spec(struct book *b);
void write_outcome(struct book *b, const struct outcome *o);
void write_done(struct book *b);
/* Three reports by two nodes, and the result. */
struct book good_book(uint32_t segment_bytes);

/* The kernel: neither commutative nor forgiving. */
uint64_t join(uint64_t left, uint64_t right);
uint64_t value_of(struct tree_node at);
/* A result, which borrows raw. */
struct outcome done(uint64_t value, uint8_t raw[8]);

#endif
