/* How old things are, without a wall clock: the calendar of the mesh, in seconds.
 *
 *   - It counts while somebody lives: a running node adds what its monotonic clock says, at most an
 *     hour between two looks, so that no jump of that clock, and no process that was stopped for
 *     weeks, makes everything old at once.
 *   - Nodes that meet agree on the greater of their two (HELLO): one that was away learns how long.
 *     Where all stood still, no time has passed.
 *   - It is written to the journal once an hour, when it jumps, and with every snapshot. A crash
 *     costs at most an hour of it, and meeting anybody gives that back.
 *   - How long this node was away is the sum of its jumps, less what it has lived since: the first
 *     that it meets may have been away for long itself.
 *
 * So it never runs faster than real time, whatever wall clocks do: what is kept for 30 days of the
 * calendar is kept for 30 days at least. What it decides: when finished jobs are forgotten
 * (forget.h), and whether a node was away for longer than tombstones live (stale.h).
 *
 * Private to core/node. */
#ifndef VELUM_NODE_CALENDAR_H
#define VELUM_NODE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/instant.h"

struct node;

struct calendar {
    uint64_t s;        /* at `at` */
    struct instant at; /* the last look */
    uint64_t stored_s; /* what the journal has, or will have */
    uint64_t away_s;
    uint64_t jumped_s; /* all its jumps since this process began */
};

/* More is no date: what says so is not believed. */
#define CALENDAR_MAX ((uint64_t)1 << 40)

/* The beginning of a node, with how long what has ended is kept. */
void calendar_begin(struct node *n);
uint64_t calendar_now(const struct node *n);
/* How long ago that was; 0 for what lies ahead. */
uint64_t calendar_since(const struct node *n, uint64_t then_s);
/* The hourly look: takes note of what has passed, and writes it down. */
void calendar_look(struct node *n);
/* Another node's calendar. Gives by how many seconds this one was behind, 0 when it was not. */
uint64_t calendar_meet(struct node *n, uint64_t theirs_s);
/* Jumps of less are the calendar's own want of precision: nobody need hear of them. */
uint64_t calendar_grain_s(const struct node *n);
/* Nothing that this node has is from before it was away. */
void calendar_caught_up(struct node *n);
/* Something that the journal has was written so late. */
void calendar_reached(struct node *n, uint64_t s);
/* A record of the journal: s, and away_s where it was not 0. */
int calendar_replay(struct node *n, struct bytes payload);
void calendar_snapshot(const struct node *n, struct buf *to); /* as one record */

#endif
