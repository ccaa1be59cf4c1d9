/* The event loop: the one file that knows libevent. Descriptors, one-shot alarms and signals; no
 * threads.
 *
 * Callbacks run one at a time from loop_run or loop_once. A callback may free its own or any other
 * watch or alarm. */
#ifndef VELUM_HOST_LOOP_H
#define VELUM_HOST_LOOP_H

#include <stdbool.h>

#include "core/base/instant.h"

struct loop;
struct watch;
struct alarm;

/* Of libevent, as linked. */
const char *loop_library_version(void);
int loop_new(struct loop **out);
/* The same, for one that is itself a guest of another loop: it has a descriptor that is readable
 * while loop_poll would find something ready. Watches cost one more system call each time they are
 * turned. */
int loop_new_guest(struct loop **out);
int loop_fd(const struct loop *l);
/* When the next alarm rings, or INSTANT_NEVER. Goes through all of them. */
struct instant loop_due(const struct loop *l);
void loop_free(struct loop *l);
/* CLOCK_MONOTONIC now, never cached. */
struct instant loop_clock(void);
/* Runs until loop_stop; returns the code given there. */
int loop_run(struct loop *l);
/* One round: waits until something is ready or `until` is reached (INSTANT_NEVER: for ever), runs
 * what is ready. */
void loop_once(struct loop *l, struct instant until);
/* A round that never blocks; returns true when something ran. */
bool loop_poll(struct loop *l);
void loop_stop(struct loop *l, int code);
bool loop_stopped(const struct loop *l, int *code);

/* Level triggered. NULL when memory is out. The descriptor stays the caller's. */
struct watch *watch_new(struct loop *l, int fd,
                        void (*ready)(void *ctx, bool readable, bool writable), void *ctx);
void watch_set(struct watch *w, bool read, bool write); /* starts with neither */
void watch_free(struct watch *w);

struct alarm *alarm_new(struct loop *l, void (*ring)(void *ctx), void *ctx);
void alarm_set(struct alarm *a, struct instant due); /* replaces; INSTANT_NEVER disarms */
void alarm_free(struct alarm *a);

/* At most 8 signals a loop; they last as long as the loop. */
int loop_on_signal(struct loop *l, int signal_number, void (*caught)(void *ctx), void *ctx);

#endif
